"""Tables of liquidation prices: the recorded map of February 2026, made-up ones, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import ReaderError, SchemaError

TABLE = pd.DataFrame(
    {
        "price": [54_000.0, 60_000.0, 70_000.0, 72_000.0, 69_000.0, 78_000.0],
        "value": [1e7, 4e7, 2e7, 3e6, 5e6, 6e7],
        "side": ["long", "long", "long", "long", "short", "short"],
    }
)


def read(**changes):
    return gf.liquidations.read(TABLE.assign(**changes), spot=71_000.0, name="made up")


def test_ends_half_way_in_ln_s_between_neighbours_of_a_side():
    pools = read()
    geometric = [math.sqrt(54_000.0 * 60_000.0), math.sqrt(60_000.0 * 70_000.0)]
    first = 54_000.0**2 / geometric[0]  # as far below the lowest price as the first end is above it
    np.testing.assert_allclose(pools.low, [first, *geometric, math.sqrt(69_000.0 * 78_000.0)], rtol=1e-14)
    last = 78_000.0**2 / math.sqrt(69_000.0 * 78_000.0)
    np.testing.assert_allclose(pools.high[[0, 1, 3]], [*geometric, last], rtol=1e-14)
    # Its neighbour, 72,000, has been passed: the bin of 70,000 would end at 70,993.
    assert pools.high[2] == pytest.approx(math.sqrt(70_000.0 * 72_000.0))
    assert "half way (in ln S) to their neighbours of the same side" in pools.summary()


def test_passed_pools_are_counted():
    pools = read()
    assert [(part.reason, part.rows, part.value) for part in pools.excluded] == [
        ("long pools above spot, already passed", 1, 3e6),
        ("short pools below spot, already passed", 1, 5e6),
    ]
    assert pools.value.sum() + sum(part.value for part in pools.excluded) == TABLE["value"].sum()
    assert "excluded: 1 row of 3m: long pools above spot, already passed" in pools.summary()


def test_cells_counted_from_spot_are_recognised():
    """Bins of the recorded map: spot (1 + 0.012 (k + 1/2)), most of them empty, prices in cents."""
    middles = np.round(70_328.0 * (1.0 + 0.012 * (np.array([-24, -21, -4, -3, 0, 13]) + 0.5)), 2)
    pools = gf.liquidations.read(TABLE.assign(price=middles), spot=70_328.0)
    np.testing.assert_allclose(pools.low[:4], middles[:4] - 421.968, rtol=1e-6)
    np.testing.assert_allclose(pools.high - pools.low, 843.936, rtol=1e-4)
    assert "bins 843.936 wide, which have spot at an end" in pools.summary()
    # The same prices around another spot are in no cells of its own.
    assert "half way" in gf.liquidations.read(TABLE.assign(price=middles), spot=70_500.0).summary()


def test_prices_in_cents_are_in_no_cells_of_a_cent():
    pools = read(price=[54_000.005, 60_000.005, 70_000.005, 70_000.015, 69_000.005, 78_000.005])
    assert "half way" in pools.summary()


def test_a_bin_around_spot_ends_there_with_its_value():
    wide = gf.liquidations.read(TABLE, spot=71_000.0, width=4_000.0)
    assert wide.high[2] == 71_000.0
    assert wide.value[2] == 2e7
    assert "bins 4,000 wide, as given" in wide.summary()


def test_stated_ends_are_used():
    table = TABLE.assign(low=TABLE["price"] - 500.0, high=TABLE["price"] + 2_000.0)
    pools = gf.liquidations.read(table, spot=71_000.0)
    np.testing.assert_allclose(pools.low, [53_500.0, 59_500.0, 69_500.0, 77_500.0])
    np.testing.assert_allclose(pools.high, [56_000.0, 62_000.0, 71_000.0, 80_000.0])
    assert "ends of bins as in the table" in pools.summary()
    # The short pool of 69,000 reaches to 71,000, where spot is: it has been passed.
    assert pools.side.tolist() == [1.0, 1.0, 1.0, -1.0]


def test_a_stated_long_bin_that_begins_at_spot_is_passed():
    table = pd.DataFrame({"price": [90.0, 100.0], "low": [85.0, 100.0], "high": [95.0, 110.0], "value": 1.0,
                          "side": "long"})  # fmt: skip
    pools = gf.liquidations.read(table, spot=100.0)
    assert pools.high.tolist() == [95.0]
    assert pools.excluded[0].rows == 1
    pools = gf.liquidations.read(table.assign(side="short"), spot=95.0)
    assert pools.low.tolist() == [100.0]
    assert pools.excluded[0].reason == "short pools below spot, already passed"


@pytest.mark.parametrize("now", [69_400.0, 59_900.0, 73_000.0, 77_000.0, 71_000.0])
def test_pools_passed_since_the_table_was_made_are_cut_off(now):
    """The rest fires as it would have on the way there and on."""
    table = TABLE.assign(spot=71_000.0)
    whole = gf.liquidations.read(table, width=2_500.0)
    rest = gf.liquidations.read(table, spot=now, width=2_500.0)
    assert rest.spot == now
    spots = np.array([50_000.0, 60_000.0, 68_000.0, now, 79_000.0, 90_000.0])
    np.testing.assert_allclose(
        rest.cumulative(spots, now), whole.cumulative(spots, now), rtol=1e-9, atol=1e-3
    )
    assert (rest.high[rest.side > 0.0] <= now).all()
    assert (rest.low[rest.side < 0.0] >= now).all()
    fired = [part.value for part in rest.excluded if part.reason.startswith("passed since")]
    assert sum(fired) == pytest.approx(abs(whole.cumulative(now, 71_000.0)))
    assert rest.value.sum() + sum(part.value for part in rest.excluded) == pytest.approx(TABLE["value"].sum())


def test_columns_of_other_names():
    table = TABLE.rename(columns={"price": "liq_px", "value": "usd", "side": "dir"})
    named = {"price": "liq_px", "value": "usd", "side": "dir"}
    pools = gf.liquidations.read(table, spot=71_000.0, columns=named, name="made up")
    assert pools.summary() == read().summary()
    with pytest.raises(SchemaError, match=r"'depth' is not one of price, .*; 'px' is not a column"):
        gf.liquidations.read(table, spot=71_000.0, columns={"depth": "usd", "price": "px"})


def stamped(*clocks):
    """The table once per clock, with a spot of its own."""
    tables = [TABLE.assign(updated=clock, spot=71_000.0 + 100.0 * k) for k, clock in enumerate(clocks)]
    return pd.concat(tables, ignore_index=True)


def test_asof_takes_the_latest_snapshot_then_known():
    table = stamped("2026-02-05T10:00:00.9Z", "2026-02-05T14:00:00Z")
    known = {
        "2026-02-05T10:00:00Z": 71_000.0,
        "2026-02-05T13:59:59Z": 71_000.0,
        "2026-02-05T13:59:59.999999Z": 71_000.0,
        "2026-02-05T14:00Z": 71_100.0,
        "2026-02-05T14:00:00.476844Z": 71_100.0,
    }
    for asof, spot in known.items():
        assert gf.liquidations.read(table, asof=asof).spot == spot
    assert gf.liquidations.read(table[:6]).spot == 71_000.0
    # Stored later than made: it could not be known before.
    late = table.assign(committed="2026-02-05T16:00:00Z").iloc[6:]
    with pytest.raises(SchemaError, match=r"before the first of 1 snapshots; legal: 2026-02-05 16:00"):
        gf.liquidations.read(late, asof="2026-02-05T15:00Z")
    assert gf.liquidations.read(late, asof="2026-02-05T16:00Z").spot == 71_100.0


def test_an_old_snapshot_and_far_pools_are_warned_of():
    table = stamped("2026-02-05T10:00:00Z")
    assert gf.liquidations.read(table, asof="2026-02-05T20:00Z").warnings == ()
    old = gf.liquidations.read(table, asof="2026-02-06T10:00Z")
    assert old.warnings == ("the snapshot is 24.0 hours older than asof; pools may have fired since.",)
    far = gf.liquidations.read(TABLE.assign(price=TABLE["price"] / 100.0), spot=71_000.0, name="shares")
    assert far.warnings == ("4 pools are ten times away from spot 71,000; are units right?",)
    assert "warning: 4 pools" in far.summary()


def refused(table, *texts, **options):
    with pytest.raises(SchemaError) as error:
        gf.liquidations.read(table, **options)
    for text in texts:
        assert text in str(error.value)


def test_tables_are_refused():
    spot = {"spot": 71_000.0}
    refused(TABLE.iloc[[0, 2, 1, 4, 5]], "row 2 = 60,000 follows row 1 = 70,000", "sort", **spot)
    refused(TABLE.iloc[[0, 0, 1]], "row 1 = 54,000 follows row 0 = 54,000", **spot)
    refused(
        TABLE.assign(
            value=[1.0, -5.0, 1.0, 1.0, -2.0, 1.0], side=["long", "buy", "long", "long", "short", "x"]
        ),
        "value: 2 of 6 rows are < 0 (first: row 1 = -5.0)",
        "side: 2 of 6 rows are not legal (first: row 1 = 'buy')",
        **spot,
    )
    refused(
        TABLE.assign(price=[0.0, *TABLE["price"][1:]]), "price: 1 of 6 rows are <= 0 (first: row 0", **spot
    )
    refused(TABLE.assign(value=np.nan), "value: 6 of 6 rows are missing", **spot)
    refused(TABLE.drop(columns="value"), "value: missing", **spot)
    refused(TABLE.iloc[:0], "no rows", **spot)
    refused(TABLE, "spot: received -1.0; spot must be > 0", spot=-1.0)
    refused(TABLE, "spot: the table has no spot; pass spot=")
    refused(TABLE.assign(spot=0.0), "spot: 6 of 6 rows are <= 0")
    refused(TABLE.assign(spot=71_000.0), "received 41.6, but the snapshot holds 71,000", spot=41.6)
    refused(TABLE.assign(spot=np.arange(6) + 70_000.0), "holds 6 spots, from 70,000 to 70,005")
    refused(TABLE, "width: received 0", width=0.0, **spot)
    refused(TABLE, "width: 200,000 takes the lowest bin to 0 or below", width=2e5, **spot)
    ends = TABLE.assign(low=TABLE["price"] + 1.0, high=TABLE["price"] + 2.0)
    refused(
        ends, "6 of 6 rows are illegal (first: row 0 = 54,001, 54,002)", "leave width out", width=5.0, **spot
    )
    refused(3.0, "received float; legal: a path or a DataFrame")


def test_one_pool_without_ends_is_refused():
    refused(TABLE.iloc[[0]], "the table has one long pool and no ends of bins; pass width=", spot=71_000.0)
    assert len(gf.liquidations.read(TABLE.iloc[[0]], spot=71_000.0, width=100.0)) == 1


def test_clocks_are_refused():
    two = stamped("2026-02-05T10:00:00Z", "2026-02-05T14:00:00Z")
    refused(
        two,
        "asof: the table holds 2 snapshots, from 2026-02-05 10:00:00+00:00 to 2026-02-05 14:00:00+00:00",
    )
    refused(two, "before the first of 2 snapshots", asof="2026-02-05T09:00Z")
    refused(two, "has no time zone", asof="2026-02-05T11:00")
    refused(TABLE, "the table has no clock", asof="2026-02-05T11:00Z", spot=71_000.0)
    refused(stamped("2026-02-05T10:00:00"), "updated: received", "without a time zone")
    refused(stamped("yesterday"), "updated: holds values that are not timestamps")


def test_files_that_are_no_tables(tmp_path):
    with pytest.raises(ReaderError, match=r"none\.csv: file not found"):
        gf.liquidations.read(tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(ReaderError, match=r"empty\.csv: is not a table"):
        gf.liquidations.read(str(tmp_path / "empty.csv"))
    TABLE.to_csv(tmp_path / "map.csv", index=False)
    assert gf.liquidations.read(tmp_path / "map.csv", spot=71_000.0).source == "map.csv"


MOMENTS = {
    "2026-02-04T21:06:29Z": 171.2, "2026-02-05T05:10:02Z": 148.5, "2026-02-05T10:11:22Z": 95.1,
    "2026-02-05T14:35:45Z": 95.8, "2026-02-05T18:33:35Z": 103.1, "2026-02-05T21:07:14Z": 88.0,
    "2026-02-06T05:08:46Z": 59.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def recorded(shared):
    return shared / "data/event/hyperliquid_liquidation_map.csv"


def test_the_recorded_long_book(recorded):
    """Figures of the file's own notes [USD m]; every snapshot is whole, and its bins are 1.2 % of spot."""
    raw = pd.read_csv(recorded)
    for moment, total in MOMENTS.items():
        pools = gf.liquidations.read(recorded, asof=moment)
        assert round(pools.totals["long"] / 1e6, 1) == total
        assert pools.excluded == ()
        own = raw[pd.to_datetime(raw["committed"]) == pd.Timestamp(moment)]
        assert pools.value.sum() == pytest.approx(own["value_usd"].sum())
        np.testing.assert_allclose(pools.high - pools.low, 0.012 * pools.spot, rtol=2e-5)


def test_recorded_pools_on_the_way_down(recorded):
    """63.5m stood above 65,726 at 14:35; at 18:33, with spot there, nothing did."""
    pools = gf.liquidations.read(recorded, asof="2026-02-05T14:35:45Z")
    raw = pools.table
    whole = raw[(raw["side"] > 0.0) & (raw["low"] > 66_000.0)]["value"].sum()
    part = raw[(raw["low"] < 65_726.0) & (raw["high"] > 65_726.0)].iloc[0]
    cut = part["value"] * math.log(part["high"] / 65_726.0) / math.log(part["high"] / part["low"])
    assert round(whole / 1e6, 1) == 63.5
    assert pools.cumulative(65_726.0, pools.spot) == pytest.approx(-whole - cut, rel=1e-12)
    later = gf.liquidations.read(recorded, asof="2026-02-05T18:33:35Z")
    assert later.spot == 65_726.0
    assert (later.high[later.side > 0.0] <= 65_726.0).all()


def test_the_recorded_map_needs_a_moment(recorded):
    refused(recorded, "the table holds 54 snapshots, from 2026-01-30 04:59:43+00:00 to 2026-02-09 22:00:56")
    at_the_book = gf.liquidations.read(recorded, asof="2026-02-04T21:33:00Z")
    assert at_the_book.spot == 73_484.0
