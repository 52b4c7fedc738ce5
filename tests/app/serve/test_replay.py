import json
import time
from dataclasses import replace

import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.app.serve.broadcast import packed
from gammaflow.app.serve.past import DAYS, Past
from gammaflow.app.serve.points import point_of
from gammaflow.app.serve.replay import DENSITY, Replay, record_before
from gammaflow.app.serve.stored import StoreFeed
from gammaflow.errors import FeedError, SchemaError
from gammaflow.market.store import Store
from support.small_pages import small_model


@pytest.fixture
def replay(store, report_of):
    past = Past(store, "BTC", report_of)
    return Replay(store, "BTC", report_of, lambda report: packed(small_model(report)), past)


class TestReplay:
    def test_moments_of_a_day_by_default_the_last(self, replay, chains):
        found = replay.moments()
        days = ["2026-02-04", "2026-02-05"]
        last = [c.asof.isoformat() for c in chains if f"{c.asof:%Y-%m-%d}" == "2026-02-05"]
        assert found == {"days": days, "day": "2026-02-05", "moments": last}
        assert replay.moments("2026-02-04")["moments"] == [c.asof.isoformat() for c in chains[:2]]
        assert replay.moments("1999-01-01") == found
        assert len(last) == 4

    def test_an_empty_store(self, tmp_path, report_of):
        empty = Replay(Store(tmp_path), "BTC", report_of, bytes, Past(None, "BTC", report_of))
        assert empty.moments() == {"days": [], "day": None, "moments": []}
        with pytest.raises(SchemaError, match="the store has no chain of BTC until then"):
            empty.at("2026-02-05T12:00Z")

    def test_no_look_ahead(self, replay, chains):
        for n, chain in enumerate(chains):
            for asof in (chain.asof, chain.asof + pd.Timedelta("59min")):
                found = json.loads(replay.at(asof.isoformat()))
                assert found["spot"] == chain.spot
                day = json.loads(replay.day(asof.isoformat()))
                near = [c for c in chains[: n + 1] if c.asof >= chain.asof - pd.Timedelta("24h")]
                assert [point["asof"] for point in day] == [c.asof.isoformat() for c in near]

    @pytest.mark.parametrize("asof", ["", "yesterday", "2026-02-05T12:00", "<script>"])
    def test_moments_that_are_none(self, replay, asof):
        with pytest.raises(SchemaError):
            replay.at(asof)

    def test_a_chain_is_analyzed_once(self, store, report_of, chains):
        asked = []

        def analyse(chain):
            asked.append(chain.asof)
            return report_of(chain)

        replay = Replay(
            store, "BTC", analyse, lambda report: packed(small_model(report)), Past(None, "", analyse)
        )
        for _ in range(3):
            replay.at(chains[-1].asof.isoformat())
            replay.day(chains[-1].asof.isoformat())
        assert sorted(asked) == sorted([chains[-1].asof, *(c.asof for c in chains[2:])])

    def test_a_damaged_chain_is_left_out_of_the_record_and_told_for_itself(self, replay, store, chains):
        path = store.list("BTC")[3].path
        path.write_bytes(path.read_bytes()[:-100])
        day = json.loads(replay.day(chains[-1].asof.isoformat()))
        assert [point["asof"] for point in day] == [c.asof.isoformat() for c in (chains[2], *chains[4:])]
        with pytest.raises(gf.errors.ReaderError):
            replay.at(chains[3].asof.isoformat())

    def test_a_chain_that_was_replaced_is_shown_anew(self, replay, store, chains):
        asof = chains[-1].asof.isoformat()
        assert json.loads(replay.at(asof))["spot"] == json.loads(replay.day(asof))[-1]["spot"] == 71_470.0
        store.append(replace(chains[-1], spot=70_123.0), replace=True)
        assert json.loads(replay.at(asof))["spot"] == json.loads(replay.day(asof))[-1]["spot"] == 70_123.0

    def test_a_new_chain_is_found(self, replay, store, chains, monkeypatch):
        assert len(replay.moments()["moments"]) == 4
        later = chains[-1].asof + pd.Timedelta("1min")

        store.append(replace(chains[-1], asof=later))
        in_a_minute = time.monotonic() + 60.0
        monkeypatch.setattr(time, "monotonic", lambda: in_a_minute)
        assert replay.moments()["moments"][-1] == later.isoformat()

    def test_a_full_day_is_thinned(self, store):
        snapshot = store.list("BTC")[0]
        start = pd.Timestamp("2026-02-05T00:00Z")

        many = tuple(replace(snapshot, asof=start + pd.Timedelta(minutes=n)) for n in range(1000))
        found = [s.asof for s in record_before(many, many[-1].asof)]
        assert len(found) == DENSITY
        assert (found[0], found[-1]) == (many[0].asof, many[-1].asof)


class TestPast:
    def test_the_last_chain_of_each_earlier_day(self, store, report_of, chains):
        past = Past(store, "BTC", report_of)
        noon = pd.Timestamp("2026-02-05T12:00Z")
        assert past.before(noon) is None
        assert past.learn(noon)
        table = past.before(noon)
        assert table.index.tolist() == [chains[1].asof]
        row = gf.summarize(report_of(chains[1]))
        assert table["gamma"].tolist() == [row["gamma"]]
        assert table["put_wall"].tolist() == [row["put_wall"]]
        assert past.before(pd.Timestamp("2026-02-04T23:00Z")) is None
        past.learn(pd.Timestamp("2026-02-06T01:00Z"), 1)
        assert past.before(pd.Timestamp("2026-02-06T01:00Z")).index.tolist() == [
            chains[1].asof,
            chains[-1].asof,
        ]

    def test_a_damaged_day_is_left_out(self, store, report_of):
        path = store.list("BTC")[1].path
        path.write_bytes(b"x")
        past = Past(store, "BTC", report_of)
        noon = pd.Timestamp("2026-02-05T12:00Z")
        assert past.learn(noon)
        assert past.before(noon) is None
        assert not past.learn(noon)

    def test_at_most_so_many_days(self, store, report_of, monkeypatch):

        first = store.list("BTC")[0]
        days = [
            replace(first, asof=pd.Timestamp("2026-01-01T12:00Z") + pd.Timedelta(days=n)) for n in range(40)
        ]
        past = Past(store, "BTC", report_of)
        monkeypatch.setattr(Store, "list", lambda self, symbol: tuple(days))
        found = past._closes(pd.Timestamp("2026-02-05T12:00Z"))
        assert [s.asof for s in found] == [s.asof for s in reversed(days[35 - DAYS : 35])]

    def test_without_a_store_there_is_none(self, report_of):
        past = Past(None, "BTC", report_of)
        assert not past.learn(pd.Timestamp("2026-02-05T12:00Z"))
        assert past.before(pd.Timestamp("2026-02-05T12:00Z")) is None


class TestStoreFeed:
    def test_the_newest_chain_and_the_same_while_it_is(self, store, chains):

        feed = StoreFeed(store)
        first = feed.fetch()
        assert (feed.symbol, feed.vendor, first.chain().asof) == ("BTC", "store", chains[-1].asof)
        assert feed.fetch().chain() is first.chain()
        store.append(replace(chains[-1], asof=chains[-1].asof + pd.Timedelta("1min"), spot=71_000.0))
        assert feed.fetch().chain().spot == 71_000.0

    def test_a_chain_that_was_replaced_is_the_newest(self, store, chains):
        feed = StoreFeed(store)
        feed.fetch()
        store.append(replace(chains[-1], spot=70_123.0), replace=True)
        assert feed.fetch().chain().spot == 70_123.0

    def test_a_chain_that_is_taken_away_while_it_is_read(self, store, monkeypatch):
        feed, found = StoreFeed(store), store.list("BTC")
        found[-1].path.unlink()
        monkeypatch.setattr(Store, "list", lambda self, symbol: found)
        with pytest.raises(FeedError, match=r"parquet: cannot be read \(No such file"):
            feed.fetch()

    def test_a_symbol_must_be_chosen_among_several(self, store, chains):

        store.append(replace(chains[0], symbol="ETH"))
        with pytest.raises(SchemaError, match=r"SYMBOL: none was chosen; '.*' holds BTC, ETH\."):
            StoreFeed(store)
        with pytest.raises(SchemaError, match="SYMBOL: received 'SPX'"):
            StoreFeed(store, "SPX")
        assert StoreFeed(store, "ETH").fetch().chain().symbol == "ETH"

    def test_no_store_and_an_empty_one(self, tmp_path):
        with pytest.raises(SchemaError, match="there is no folder"):
            StoreFeed(Store(tmp_path / "none"))
        with pytest.raises(SchemaError, match="holds no chain"):
            StoreFeed(Store(tmp_path))

    def test_chains_that_were_removed(self, store):
        feed = StoreFeed(store)
        for snapshot in store.list("BTC"):
            snapshot.path.unlink()
        with pytest.raises(FeedError, match="holds no chain of BTC any more"):
            feed.fetch()


def test_points_of_a_replay_are_those_of_the_reports(replay, store, report_of, chains):
    for snapshot, chain in zip(store.list("BTC"), chains, strict=True):
        assert replay.point(snapshot) == point_of(report_of(chain))
