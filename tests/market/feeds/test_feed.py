import json
import threading
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import FeedError, SchemaError
from gammaflow.market.feeds import Answer, Answers, Feed, Limits, deribit, fetch_chain
from gammaflow.market.feeds.vendor import drift
from support import feed_faults
from support.feed_faults import FAST, FAULTS
from support.feed_server import (
    ASOF,
    INSTRUMENTS,
    PRICE,
    SUMMARY,
    FeedServer,
    answer,
    cboe_document,
    deribit_rows,
    drip,
    edited,
    gzipped,
    redirect,
    rpc,
    same,
)

pytest.importorskip("httpx")


def fetch(server, vendor="deribit", symbol="BTC", **options):
    return fetch_chain(vendor, symbol, base_url=server.url, limits=FAST, **options)


class TestFaults:
    @pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f"{f.vendor}: {f.name}")
    def test_each_ends_in_the_chain_or_in_one_clear_error(self, fault):
        """Servers that stay silent or drip for 30 s end in the words of the limit that was reached."""
        outcome, _, server = feed_faults.suffer(fault)
        assert sum(path == fault.path for path, _ in server.requests) == fault.requests
        if not fault.words:
            assert isinstance(outcome, gf.Chain)
            return
        assert isinstance(outcome, FeedError)
        text = str(outcome)
        assert text.startswith(f"{fault.vendor}: 127.0.0.1:{server.server_port}/")
        for word in fault.words:
            assert word in text
        assert text.endswith(".")

    def test_the_table_of_faults_has_them_all(self, monkeypatch):
        chosen = tuple(f for f in FAULTS if f.name in ("500 for ever", "429 once, Retry-After 0"))
        monkeypatch.setattr(feed_faults, "FAULTS", chosen)
        rows = feed_faults.fault_table().splitlines()
        assert len(rows) == 2 + len(chosen)
        assert (
            "| deribit | 500 for ever | deribit: host/public/get_book_summary_by_currency: answered 500"
            in rows[3]
        )

    def test_what_goes_wrong_last_and_before_is_told(self):
        replies = [answer(429, b""), answer(500, b""), answer(500, b"")]
        with FeedServer({SUMMARY: replies}) as server, pytest.raises(FeedError) as error:
            fetch(server)
        assert "answered 500 (3 tries" in str(error.value)
        assert "; before: answered 429)" in str(error.value)

    def test_the_budget_is_that_of_all_requests_together(self):
        def slow(to, full):
            to.server.closing.wait(1.0)
            answer()(to, full)

        limits = Limits(total=1.6, read=5.0, interval=0.0, tries=1)
        with FeedServer({INSTRUMENTS: [slow], PRICE: [slow]}) as server:
            with pytest.raises(FeedError, match=r"get_index_price: no full response within the 1\.6 s"):
                fetch_chain("deribit", "BTC", base_url=server.url, limits=limits)
            assert [path for path, _ in server.requests] == [INSTRUMENTS, PRICE]

    def test_threads_that_are_left_behind_end(self):
        before = set(threading.enumerate())
        with FeedServer({SUMMARY: [drip]}) as server:
            with pytest.raises(FeedError, match="no full response"):
                fetch_chain("deribit", "BTC", base_url=server.url, limits=Limits(total=0.5, interval=0.0))
            ours = [t for t in threading.enumerate() if t not in before and "(run)" in t.name]
            for thread in ours:
                thread.join(5)
            assert not any(thread.is_alive() for thread in ours)

    def test_all_drifted_fields_are_named_at_once(self):
        def change(document):
            for row in document["result"]:
                del row["mark_iv"]
                row["open_interest"] = str(row["open_interest"])
                row["volume"] = True

        with FeedServer({SUMMARY: [edited(change)]}) as server, pytest.raises(FeedError) as error:
            fetch(server)
        for words in (
            "result.mark_iv: missing in 900 of 900 rows",
            "result.open_interest: text in 900 of 900",
            "result.volume: true or false in 900 of 900",
        ):
            assert words in str(error.value)


class TestChains:
    def test_deribit_says_what_the_server_said(self, server):
        chain = fetch(server)
        rows = {row["instrument_name"]: row for row in deribit_rows()[0]}
        assert (chain.symbol, chain.spot, chain.asof, len(chain)) == ("BTC", 71_470.25, ASOF, 900)
        assert [rows[name]["mark_iv"] / 100 for name in chain["contract"]] == chain["iv"].tolist()
        assert [rows[name]["open_interest"] for name in chain["contract"]] == chain["open_interest"].tolist()
        assert [rows[name]["underlying_price"] for name in chain["contract"]] == chain["forward"].tolist()
        assert set(chain["multiplier"]) == {1.0}
        assert chain.quality.usable == 900
        assert [query for _, query in server.requests] == [
            {"currency": "BTC", "kind": "option", "expired": "false"},
            {"index_name": "btc_usd"},
            {"currency": "BTC", "kind": "option"},
        ]
        assert gf.analyze(chain).levels.to_dict()["spot"] == 71_470.25

    def test_linear_options_are_asked_for_by_the_coin_they_settle_in(self, server):
        sol, listed = deribit_rows("SOL_USDC", 90.0, days=3)
        xrp, other = deribit_rows("XRP_USDC", 60.0, days=1)
        for path, document in (
            (SUMMARY, rpc(sol + xrp)),
            (INSTRUMENTS, rpc(listed + other)),
            (PRICE, rpc({"index_price": 90.5})),
        ):
            server.answers[path] = json.dumps(document).encode()
        chain = fetch(server, symbol="sol_usdc")
        assert (chain.symbol, chain.currency, chain.spot, len(chain)) == ("SOL_USDC", "USDC", 90.5, len(sol))
        assert dict(chain.left_out) == {"of another underlying (XRP_USDC)": len(xrp)}
        assert server.requests[1] == (PRICE, {"index_name": "sol_usdc"})
        assert server.requests[2] == (SUMMARY, {"currency": "USDC", "kind": "option"})

    def test_absent_summaries_are_counted_in_quality(self):
        with FeedServer({SUMMARY: [edited(lambda d: {**d, "result": d["result"][5:]})]}) as server:
            chain = fetch(server)
        assert chain.quality.left_out == {"listed, but without a summary": 5}

    def test_a_list_of_instruments_without_the_symbol_is_refused(self):
        with FeedServer({INSTRUMENTS: [edited(lambda d: {**d, "result": d["result"][:0]})]}) as server:
            with pytest.raises(
                FeedError, match="get_instruments: the response is refused: result: received an empty"
            ):
                fetch(server)
            server.answers[INSTRUMENTS] = json.dumps(rpc(deribit_rows("ETH", 2100.0, days=1)[1])).encode()
            server.plan.clear()
            with pytest.raises(FeedError, match="summarises 0 of 0 listed options"):
                fetch(server)

    def test_cboe_says_what_the_server_said(self, server):
        chain = fetch(server, "cboe", "ibit")
        rows = {row["option"]: row for row in cboe_document()["data"]["options"]}
        assert (chain.symbol, chain.spot, len(chain)) == ("IBIT", 36.1, 2000)
        assert chain.asof == ASOF.floor("s")
        for ours, theirs in (("iv", "iv"), ("open_interest", "open_interest"), ("vendor_gamma", "gamma")):
            assert [rows[name][theirs] for name in chain["contract"]] == chain[ours].tolist()
        assert set(chain["exercise"]) == {"american"}

    def test_a_rate_and_dividends_go_on_its_rows(self, server):
        cash = {"2026-02-10": 0.5}
        chain = fetch(server, "cboe", "ibit", rate=0.04, dividends=cash)
        assert set(chain["rate"]) == {0.04}
        assert chain.dividends == gf.Dividends(cash)
        when = (pd.Timestamp("2026-02-10", tz="America/New_York") - chain.asof).total_seconds() / 86400 / 365
        later = chain.years > when
        F = (36.1 - np.where(later, 0.5 * np.exp(-0.04 * when), 0.0)) * np.exp(0.04 * chain.years)
        assert later.sum() > 0
        assert chain.forward_prices[chain.years > 0] == pytest.approx(F[chain.years > 0], rel=1e-12)
        before = len(server.requests)
        with pytest.raises(SchemaError, match=r"rate: received 9(.|\n)*dividends: received int"):
            fetch(server, rate=9.0, dividends=5)
        assert len(server.requests) == before

    @pytest.mark.parametrize("symbol", ["SPX", "spx", "^SPX", "_SPX", "$SPX"])
    def test_indices_are_asked_for_with_an_underscore(self, server, symbol):
        chain = fetch(server, "cboe", symbol)
        assert server.requests == [("/_SPX.json", {})]
        assert (chain.symbol, set(chain["exercise"]), set(chain["settlement"])) == (
            "SPX",
            {"european"},
            {"PM"},
        )

    def test_compressed_answers_and_redirects_give_the_same_chain(self, server):
        plain = fetch(server)
        server.plan.update({SUMMARY: [redirect("/elsewhere")], "/elsewhere": [gzipped]})
        server.answers["/elsewhere"] = server.answers[SUMMARY]
        assert same(fetch(server), plain)


class TestRecordedAnswers:
    """Recorded replies of vendors pass the checks of their form."""

    def test_cboe(self, shared):
        body = (shared / "data/raw_formats/mimir_cboe_options_mstr.json").read_bytes()
        answer = Answer("https://example.com/MSTR.json", 200, datetime.now(UTC), body)
        chain = Answers("cboe", "MSTR", {"delayed_quotes": answer}).chain()
        assert (chain.symbol, chain.spot) == ("MSTR", 94.6604)
        assert chain.asof == pd.Timestamp("2026-07-10T21:12:30Z")

    def test_deribit(self, shared):
        raw = shared / "data/raw_formats"
        rows = json.loads((raw / "mimir_deribit_book_summary.json").read_text())["result"]
        sent = pd.Timestamp(max(row["creation_timestamp"] for row in rows), unit="ms", tz="UTC")
        days = {name: pd.to_datetime(name.split("-")[1], format="%d%b%y", utc=True) for name in _names(rows)}
        listed = [
            {
                "instrument_name": name,
                "strike": int(name.split("-")[2]),
                "expiration_timestamp": round((day + pd.Timedelta("8h")).timestamp() * 1000),
            }
            for name, day in days.items()
        ]
        documents = {"book_summary": rows, "instruments": listed, "index_price": {"index_price": 63_128.25}}
        parts = {
            name: Answer(
                "https://example.com/x", 200, datetime.now(UTC), json.dumps(rpc(result, sent)).encode()
            )
            for name, result in documents.items()
        }
        chain = Answers("deribit", "BTC", parts).chain()
        assert (len(chain), chain.spot, chain.asof) == (len(rows), 63_128.25, sent)

    def test_deribit_instruments(self, shared):
        first = (shared / "data/raw_formats/cryptofeed_DERIBIT_instruments.0.txt").read_text().splitlines()[0]
        rows = json.loads(first[first.index("{") :])["result"]
        options = [row for row in rows if row["kind"] == "option"]
        floats = json.loads(json.dumps(options), parse_int=float)
        assert len(options) > 100
        assert drift(floats, deribit.LISTED, "result") == []
        days = pd.Series(_names(options)).str.split("-").str[1].str.title()
        moments = pd.to_datetime([row["expiration_timestamp"] for row in options], unit="ms")
        assert (moments - pd.to_datetime(days.to_numpy(), format="%d%b%y") == pd.Timedelta("8h")).all()


def _names(rows):
    return [row["instrument_name"] for row in rows]


@pytest.mark.parametrize(
    "address", ["http://x..y/", "http://" + "a" * 64 + ".com", "http://[::1", "http://h:99999"]
)
def test_addresses_that_no_name_server_takes_are_refused_at_once(address):
    with pytest.raises(SchemaError, match=r"^base_url: received .*; legal: an address such as"):
        Feed("deribit", "BTC", address)


@pytest.mark.parametrize("name", ["total", "connect", "read"])
def test_limits_beyond_a_day_are_refused(name):
    with pytest.raises(SchemaError, match=rf"^{name}: received 1.*; {name} must be > 0 and <= 86400"):
        Limits(**{name: 1e10})
