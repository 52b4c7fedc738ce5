import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from rich.console import Console

import gammaflow as gf
from gammaflow.app.changes import find_changes
from gammaflow.app.watch import State, refresh, to_dict, to_line, watch
from gammaflow.app.watch_view import render
from gammaflow.errors import GammaflowError, ReaderError, SchemaError
from gammaflow.market.feeds import Feed, replay
from gammaflow.market.store import Store
from support.feed_faults import FAST
from support.feed_server import ASOF, INSTRUMENTS, QUOTES, SUMMARY, FeedServer, answer, each, moved, same

pytest.importorskip("httpx")
pytest.importorskip("pyarrow")

START = ASOF.to_pydatetime() + timedelta(seconds=5)


class Clock:
    """Time that passes only in sleep."""

    def __init__(self):
        self.now, self.slept = START, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(scope="module")
def report():
    return gf.analyze(gf.demo_chain())


def run(server, clock, *, vendor="deribit", symbol="BTC", analyse=gf.analyze, show=None, **how):
    seen = []
    feed = Feed(vendor, symbol, server.url, FAST)
    how = {"count": 1, "every": 60.0, "sleep": clock.sleep, **how}
    last = watch(feed, analyse, show or seen.append, clock=clock, **how)
    return last, seen


def text(state, width=130, height=60):
    console = Console(record=True, width=width, height=height, file=io.StringIO())
    console.print(render(state, width, height))
    return console.export_text()


class TestWatch:
    def test_good_chains_are_analysed_and_stored_with_their_raw_answers(self, clock, tmp_path):
        store = Store(tmp_path)
        with FeedServer({SUMMARY: [moved(0.0), moved(1.0), moved(2.0)]}) as server:
            last, seen = run(server, clock, count=3, store=store)
        assert (last.refreshes, last.faults, last.stored) == (3, 0, 3)
        assert clock.slept == [60.0, 60.0]
        assert [s.refreshes for s in seen] == [1, 2, 3]
        chain = store.load("BTC")
        assert chain.asof == ASOF + np.timedelta64(2, "s")
        assert same(chain, last.report.chain)
        assert same(replay(store.raw("BTC", chain.asof, chain.vendor)), chain)
        assert last.report.levels.to_dict() == gf.analyze(chain).levels.to_dict()

    def test_the_same_answer_is_stored_once(self, report, clock, tmp_path):
        how = {"vendor": "cboe", "symbol": "IBIT", "analyse": lambda _: report}
        with FeedServer() as server:
            last, _ = run(server, clock, count=3, store=Store(tmp_path), **how)
        assert (last.refreshes, last.stored) == (3, 1)

    def test_faults_are_shown_and_survived(self, clock, tmp_path):
        plan = {SUMMARY: [answer(), answer(400, b"{}"), each(lambda row: row.pop("mark_iv")), moved(9.0)]}
        store = Store(tmp_path)
        with FeedServer(plan) as server:
            last, seen = run(server, clock, count=4, store=store)
        assert [bool(s.fault) for s in seen] == [False, True, True, False]
        assert "answered 400" in seen[1].fault
        assert "result.mark_iv: missing in 900 of 900 rows" in seen[2].fault
        assert seen[1].report is seen[2].report is seen[0].report
        assert (last.faults, last.stored, last.fault) == (2, 2, "")
        assert len(store) == 2

    def test_the_first_answer_may_be_a_fault(self, clock):
        with FeedServer({INSTRUMENTS: [answer(404, b""), answer()]}) as server:
            last, seen = run(server, clock, count=2)
        assert seen[0].report is None
        assert seen[0].received_at is None
        assert "no chain yet" in text(seen[0])
        assert last.report.book.spot == 71_470.25

    def test_a_chain_that_cannot_be_analysed_is_stored_all_the_same(self, clock, tmp_path):
        plan = {QUOTES: [each(lambda row: row.update(open_interest=0.0))]}
        with FeedServer(plan) as server:
            last, _ = run(server, clock, vendor="cboe", symbol="IBIT", store=Store(tmp_path))
        assert (last.stored, last.faults, last.report) == (1, 1, None)
        assert "open interest zero" in last.fault

    @pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ReaderError("x: is damaged")])
    def test_a_store_that_fails_is_a_fault_and_the_chain_is_shown(self, clock, tmp_path, monkeypatch, error):
        def fail(self, chain, *, raw):
            raise error

        monkeypatch.setattr(Store, "append", fail)
        with FeedServer() as server:
            last, _ = run(server, clock, store=Store(tmp_path))
        assert last.fault.startswith("not stored: ")
        assert str(error) in last.fault
        assert last.report.book.symbol == "BTC"
        assert last.stored == 0

    def test_ctrl_c_ends_the_watch_with_what_is_known(self, clock):
        def interrupt(seconds):
            raise KeyboardInterrupt

        with FeedServer() as server:
            last, seen = run(server, clock, count=None, sleep=interrupt)
        assert last is seen[-1]
        assert last.refreshes == 1

    def test_ctrl_c_while_the_feed_is_asked(self, clock):
        def analyse(chain):
            raise KeyboardInterrupt

        with FeedServer() as server:
            last, seen = run(server, clock, count=None, analyse=analyse)
        assert (last.refreshes, seen) == (0, [])

    def test_errors_in_the_code_are_not_hidden(self, clock):
        with FeedServer() as server, pytest.raises(ZeroDivisionError):
            run(server, clock, analyse=lambda chain: 1 // 0)

    def test_time_that_a_refresh_takes_is_not_waited_again(self, report, clock):
        def analyse(chain):
            clock.now += timedelta(seconds=25)
            return report

        with FeedServer() as server:
            run(server, clock, count=2, analyse=analyse, vendor="cboe", symbol="IBIT")
            assert clock.slept == [35.0]
            run(server, clock, count=2, analyse=analyse, vendor="cboe", symbol="IBIT", every=20.0)
            assert clock.slept == [35.0, 0.0]

    def test_a_clock_set_back_does_not_stretch_the_wait(self, report, clock):
        def analyse(chain):
            clock.now -= timedelta(hours=1)
            return report

        with FeedServer() as server:
            run(server, clock, count=2, analyse=analyse, vendor="cboe", symbol="IBIT")
        assert clock.slept == [60.0]

    @pytest.mark.parametrize(("how", "word"), [({"every": 0.0}, "every"), ({"count": 0}, "count")])
    def test_illegal_arguments(self, clock, how, word):
        with FeedServer() as server, pytest.raises(SchemaError, match=f"{word}: received"):
            run(server, clock, **how)
        assert server.requests == []


class TestView:
    def state(self, report, **changes):
        now = report.book.asof.to_pydatetime() + timedelta(seconds=72)
        return State("deribit", "BTC", now, report, now - timedelta(seconds=70), refreshes=3, **changes)

    def test_it_shows_levels_bars_ages_and_counts(self, report):
        shown = text(self.state(report, faults=1, stored=2, store="chains"))
        for words in (
            "BTC from deribit  spot 71,470.00 USD  2026-02-05 09:36:00 UTC",
            "quotes 1 min 12 s old, received 1 min 10 s ago; 3 refreshes, 1 with errors",
            "Regime: dealers are short gamma, -$169m per 1%, 41% of gross",
            "zone top",
            "call wall",
            "put wall",
            "$m per 1%",
            "rule: calls_long_puts_short; 2 chains stored in chains",
            "rate: 0 % a year",
            "598 of 598 rows usable",
        ):
            assert words in shown
        assert "last refresh failed" not in shown
        assert "moved" not in shown

    def test_levels_stand_from_the_highest_to_the_lowest(self, report):
        lines = [line[:40] for line in text(self.state(report)).splitlines()]
        zone, levels = report.levels.zone, report.levels
        expected = {
            "call wall": levels.call_wall, "put wall": levels.put_wall, "spot": report.book.spot,
            "zero gamma": levels.flips[0].spot, "zone top": zone.high, "zone bottom": zone.low,
            "core top": zone.core[1], "core bottom": zone.core[0], "deepest": zone.trough.spot,
            "max pain": levels.max_pain.iloc[0],
        }  # fmt: skip
        shown = {}
        for line in lines:
            name = next((name for name in expected if line.startswith(f"{name}  ")), None)
            if name:
                shown[name] = line.removeprefix(name).split()
        assert list(shown) == sorted(expected, key=lambda name: -expected[name])
        for name, cells in shown.items():
            assert cells[0] == f"{expected[name]:,.0f}"
            if name != "spot":
                assert cells[1] == f"{expected[name] / report.book.spot - 1:+.1%}"

    def test_bars_are_the_heaviest_strikes_in_order_with_spot_between(self, report):
        lines = text(self.state(report), width=60).splitlines()
        gamma = report.exposure.by("strike")["gamma"]
        title = next(i for i, line in enumerate(lines) if line.split() == ["strike", "$m", "per", "1%"])
        *shown, caption = [line.split() for line in lines[title + 2 :] if line.strip()]
        count = len(shown) - 1
        heavy = sorted(gamma.abs().nlargest(count).index, reverse=True)
        largest, size = gamma.abs().max(), max(map(len, lines[title + 2 :]))
        bar = max(len(word.strip("|")) for words in shown for word in words if "|" in word)
        expected = [
            (f"{k:,.7g}", round(bar * abs(gamma[k]) / largest), gamma[k] < 0, f"{gamma[k] / 1e6:.2f}")
            for k in heavy
        ]
        place = sum(k >= report.book.spot for k in heavy)
        assert set(shown.pop(place)) == {"spot", "-"}
        assert 5 <= count <= 30
        assert size <= 60
        for (strike, length, short, value), words in zip(expected, shown, strict=True):
            picture = next(word for word in words[1:] if "|" in word)
            assert (words[0], picture.count("█"), words[-1]) == (strike, length, value)
            assert not length or picture.endswith("|") == short
        assert " ".join(caption) == f"{count} of {len(gamma)} strikes"

    @pytest.mark.parametrize(("width", "height"), [(80, 24), (80, 40), (100, 24), (120, 24), (132, 50)])
    @pytest.mark.parametrize("changed", [False, True])
    def test_it_fits_the_screen_with_the_tables_side_by_side(self, report, width, height, changed):
        state = self.state(report, stored=2, store="chains")
        if changed:
            state = replace(state, changes=find_changes(report, report))
        lines = text(state, width, height).splitlines()
        assert len(lines) <= height
        assert len(lines) >= 22
        assert max(map(len, lines)) <= width
        assert any("level" in line and "strike" in line for line in lines)
        assert not any("…" in line for line in lines)

    def test_what_changed_since_the_last_refresh(self, report):
        chain = gf.demo_chain()
        interest = chain["open_interest"].copy()
        interest[:7] *= 2.0
        later = chain.with_columns(open_interest=interest).select(np.arange(len(chain)) >= 3)
        after = gf.analyze(replace(later, spot=72_000.0))
        changes = find_changes(report, after)
        assert (changes.new, changes.gone, changes.changed) == (0, 3, 4)
        assert changes.gamma == after.levels.gamma - report.levels.gamma
        assert changes.levels["zero gamma"] == after.levels.flips[0].spot - report.levels.flips[0].spot
        shown = text(replace(self.state(after), changes=changes))
        assert "spot 72,000.00 USD (+530.00)" in shown
        assert "contracts: 0 new, 3 gone, 4 changed" in shown
        moved = {line.split("  ")[0]: line[:60].split() for line in shown.splitlines()}
        assert moved["put wall"][4] == "="
        assert moved["zero gamma"][4] == f"{changes.levels['zero gamma']:+,.0f}"
        back = find_changes(after, report)
        assert (back.new, back.gone, back.changed) == (3, 0, 4)
        assert json.loads(json.dumps(changes.to_dict()))["levels"]["put wall"] == 0.0

    def test_a_level_that_came_is_new(self, report):
        none = replace(report, levels=replace(report.levels, flips=(), zones=()))
        changes = find_changes(none, report)
        assert np.isnan(changes.levels["zero gamma"])
        assert changes.to_dict()["levels"]["zero gamma"] is None
        shown = text(replace(self.state(report), changes=changes))
        assert any(line.startswith("zero gamma") and " new " in f"{line} " for line in shown.splitlines())
        assert "no short-gamma zone" in text(replace(self.state(none), changes=find_changes(report, none)))

    def test_no_contract_changed(self, report):
        assert "no contract changed" in text(
            replace(self.state(report), changes=find_changes(report, report))
        )
        assert "(unchanged since 09:36:00)" in text(
            replace(self.state(report), changes=find_changes(report, report))
        )

    def test_a_fault_is_shown_beside_the_last_good_chain(self, report):
        shown = text(self.state(report, fault="deribit: x: answered 500 (4 tries in 3.2 s).", faults=1))
        assert "last refresh failed: deribit: x: answered 500 (4 tries in 3.2 s)." in shown
        assert "received 1 min 10 s ago" in shown
        assert "zero gamma" in shown

    def test_markup_in_vendors_words_is_shown_as_it_is(self, report):
        assert "[bold]x[/bold]" in text(self.state(report, fault="[bold]x[/bold]"))

    def test_other_zones_are_counted(self, report):
        zone = report.levels.zones[0]
        far = replace(zone, low=zone.low / 4, high=zone.low / 3)
        levels = replace(report.levels, zones=(far, zone))
        shown = text(self.state(replace(report, levels=levels)))
        assert sum(line.startswith("zone bottom") for line in shown.splitlines()) == 1
        assert "other short-gamma zones: 1" in shown

    def test_before_the_first_chain(self):
        state = State("cboe", "SPX", START)
        assert "SPX from cboe\nno chain yet; 0 refreshes, 0 with errors\n" in text(state)
        assert to_line(state) == "2026-02-05 09:36:52Z SPX no chain yet"

    @pytest.mark.parametrize(
        ("seconds", "words"),
        [
            (0, "quotes 0 s old"), (59.6, "quotes 1 min 0 s old"), (3725, "quotes 1 h 2 min old"),
            (180_000, "quotes 2 d 2 h old"), (-8, "quotes 8 s ahead of this machine's clock"),
        ],
    )  # fmt: skip
    def test_ages_in_words(self, report, seconds, words):
        now = report.book.asof.to_pydatetime() + timedelta(seconds=seconds)
        assert words in to_line(replace(self.state(report), now=now))

    def test_one_line_per_refresh(self, report):
        levels = report.levels
        line = to_line(self.state(report))
        assert line == (
            f"2026-02-05 09:37:12Z BTC spot 71,470.00 gamma {levels.gamma / 1e6:,.1f} USD m per +1 % spot "
            f"flips {levels.flips[0].spot:,.2f} zone {levels.zone.low:,.2f} to {levels.zone.high:,.2f} "
            f"put wall {levels.put_wall:,.7g} call wall {levels.call_wall:,.7g} "
            f"(quotes 1 min 12 s old, received 1 min 10 s ago); rate 0 % a year: rows are quoted on forwards "
            "and not discounted; WARNING: Synthetic demonstration data: no number here is a market quote."
        )
        fault = to_line(self.state(report, fault="deribit: no"))
        assert (
            fault
            == "2026-02-05 09:37:12Z BTC ERROR deribit: no (quotes 1 min 12 s old, received 1 min 10 s ago)"
        )

    def test_levels_that_there_are_not(self, report):
        none = replace(report.levels, flips=(), zones=())
        vars(none)["_by_type"] = (np.nan,) * 3
        line = to_line(self.state(replace(report, levels=none)))
        assert "flips none zone none put wall none call wall none" in line
        assert "no short-gamma zone" in text(self.state(replace(report, levels=none)))

    def test_as_plain_numbers(self, report):
        plain = json.loads(json.dumps(to_dict(self.state(report, stored=2)), allow_nan=False))
        assert plain["levels"] == json.loads(json.dumps(report.levels.to_dict()))
        assert (plain["fault"], plain["refreshes"], plain["stored"]) == (None, 3, 2)
        assert plain["quality"]["rows"] == len(report.chain)
        assert plain["warnings"] == report.warnings()
        rate = {"low": 0.0, "median": 0.0, "high": 0.0, "source": report.financing.rate}
        assert plain["financing"]["rate"] == rate
        empty = to_dict(State("cboe", "SPX", START, fault="x"))
        assert (empty["levels"], empty["quality"], empty["received_at"], empty["fault"]) == (
            None,
            None,
            None,
            "x",
        )


def test_refresh_leaves_what_failed_as_it_was(report):
    class Broken:
        def fetch(self):
            raise GammaflowError("a\n  - b")

    before = State("deribit", "BTC", START, report, START, stored=4)
    after = refresh(before, Broken(), gf.analyze, None, lambda: datetime(2026, 2, 6, tzinfo=UTC))
    assert after == replace(before, now=after.now, fault="a - b", refreshes=1, faults=1)
