"""Inventories from open/close files: who counts as dealer, and files that do not balance."""

import gzip

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import ReaderError, SchemaError
from support.open_close import cboe

NAME = "SPXW260320P06500000"
PLAIN = {
    "contract": [NAME, NAME], "day": ["2026-02-04", "2026-02-05"], "volume": [140.0, 20.0],
    "customer_buy": [90, 5], "customer_sell": [30, 12], "professional_buy": [0, 1],
    "professional_sell": [2, 0], "firm_buy": [10, 0], "firm_sell": [0, 8],
    "broker_dealer_buy": [0, 4], "broker_dealer_sell": [8, 0],
    "market_maker_buy": [40, 10], "market_maker_sell": [100, 0],
}  # fmt: skip


def plus(*changes):
    return {name: sum(change[name] for change in changes) for name in changes[0]}


@pytest.mark.parametrize("seed", range(2))
def test_cboes_columns_give_the_change_of_each_origin(seed):
    frame, change = cboe(np.random.default_rng(seed))
    customers = plus(change["customer"], change["professional"])
    flow = gf.open_close(frame)
    assert flow.inventory.to_dict() == {name: -n for name, n in customers.items()}
    assert {name[-9] for name in flow.table.index} == {"C", "P"}
    # What one origin buys another sells, so that dealers are minus customers either way.
    dealers = gf.open_close(frame, dealers=["market_maker", "firm", "broker_dealer"])
    assert dealers.inventory.to_dict() == flow.inventory.to_dict()
    makers = gf.open_close(frame, dealers="market_maker")
    assert makers.inventory.to_dict() == change["market_maker"]
    assert makers.table["bought"].equals(flow.table["bought"])
    assert "dealers are the market makers" in makers.meaning
    assert (flow.table["bought"] - flow.table["sold"]).to_dict() == customers
    assert flow.integrity.empty
    assert (flow.table["deviation"] == 0).all()
    assert flow.counts[["read", "used"]].to_list() == [8, 8]
    share = f"{frame['total_exchange_vol'].sum():,} of {2 * frame['total_exchange_vol'].sum():,} contracts"
    assert f"{share} traded (50.0% of the industry)" in flow.remarks[0]


def test_a_file_and_a_column_map_give_the_same(tmp_path):
    frame, change = cboe(np.random.default_rng(5))
    path = tmp_path / "open_close.csv.gz"
    path.write_bytes(gzip.compress(frame.to_csv(index=False).encode()))
    flow = gf.open_close(frame)
    pd.testing.assert_frame_equal(gf.open_close(path).table, flow.table)
    named = frame.rename(columns={name: f"n {name}" for name in frame.columns})
    sums = {
        f"customer_{side}": [f"n cust_{size}_{side}_vol" for size in ("lt_100", "100_199", "gt_199")]
        for side in ("open_buy", "close_buy", "open_sell", "close_sell")
    }
    keys = {"root": "n option_symbol", "expiry": "n expiration_date", "strike": "n strike_price",
            "kind": "n call_put_flag", "day": "n quote_date"}  # fmt: skip
    mapped = gf.open_close(named, columns=keys | sums)
    assert mapped.inventory.to_dict() == {name: -n for name, n in change["customer"].items()}
    assert "not in the file: professional, firm, broker dealer, market maker" in mapped.remarks[-1]


def test_integrity_is_reported_and_rows_that_fail_are_used():
    frame = pd.DataFrame(PLAIN)
    flow = gf.open_close(frame)
    tests = ["signed sum not zero", "buys differ from volume", "sells differ from volume"]
    assert flow.counts[tests].to_list() == [0, 0, 0]
    assert flow.inventory.to_dict() == {NAME: -(90 - 30 + 0 - 2) - (5 - 12 + 1 - 0)}
    frame.loc[1, "customer_buy"] = 6
    frame.loc[0, "volume"] = 139.0
    broken = gf.open_close(frame)
    assert broken.counts[tests].to_list() == [1, 2, 1]
    assert broken.integrity[tests].to_numpy().tolist() == [[0.0, 1.0, 1.0], [1.0, 1.0, 0.0]]
    assert broken.inventory[NAME] == flow.inventory[NAME] - 1.0
    assert "1 of 2 rows: signed sum not zero" in repr(broken)


def test_days_cumulate_on_a_start_at_the_close_of_new_york():
    frame = pd.DataFrame(PLAIN)
    before = pd.Series({NAME: 1_000.0, "SPX260320C07000000": -5.0})
    flow = gf.open_close(frame, start=before)
    assert flow.inventory.to_dict() == {NAME: 948.0, "SPX260320C07000000": -5.0}
    second = gf.open_close(frame, start="2026-02-04T21:00:01Z", initial=before)
    assert second.inventory[NAME] == 1_006.0
    assert second.counts[["before start", "used"]].to_list() == [1, 1]
    assert gf.open_close(frame, start="2026-02-04T21:00Z").counts["before start"] == 0
    assert flow.end == pd.Timestamp("2026-02-05T21:00Z")


def test_repeated_and_malformed_rows_are_counted():
    frame = pd.DataFrame(PLAIN)
    rows = pd.concat([frame] * 2 + [frame[:1]] * 6, ignore_index=True).astype(object)
    rows.loc[4, "customer_buy"] = 91
    rows.loc[5, "contract"] = "nonsense"
    rows.loc[6, "day"] = "soon"
    rows.loc[7, "firm_sell"] = -1
    rows.loc[8, "market_maker_buy"] = None
    rows.loc[9, "volume"] = "many"
    flow = gf.open_close(rows)
    counts = {name: int(n) for name, n in flow.counts.items() if n}
    assert counts == {
        "read": 10, "malformed: contract": 1, "malformed: day": 1, "malformed: firm_sell": 1,
        "malformed: market_maker_buy": 1, "malformed: volume": 1, "duplicated": 2, "conflicting": 1,
        "used": 2,
    }  # fmt: skip
    pd.testing.assert_frame_equal(flow.table, gf.open_close(frame).table)


def test_times_within_a_day_are_added_or_the_last_is_used():
    frame = pd.DataFrame(PLAIN).drop(columns="day")
    frame["time"] = ["2026-02-05 10:00:00", "2026-02-05 10:10:00"]
    with pytest.raises(SchemaError, match="1 rows are followed by a later one of the same series and day"):
        gf.open_close(frame)
    assert gf.open_close(frame, cumulative=False).inventory[NAME] == -52.0
    last = gf.open_close(frame, cumulative=True)
    assert last.inventory[NAME] == 6.0
    assert last.counts["superseded later in the day"] == 1
    assert last.start == pd.Timestamp("2026-02-05T15:10Z")
    with pytest.raises(ReaderError, match="zone: received 'Mars'"):
        gf.open_close(frame, cumulative=True, zone="Mars")


def test_exchanges_are_added_and_the_industry_counted_once():
    frame = pd.DataFrame(PLAIN).assign(industry_volume=[400.0, 100.0], exchange="PHLX")
    both = pd.concat([frame, frame.assign(exchange="ISE")], ignore_index=True)
    flow = gf.open_close(both)
    assert flow.inventory[NAME] == -104.0
    assert "320 of 500 contracts traded (64.0% of the industry)" in flow.remarks[0]


def test_a_flow_by_origin_signs_a_chain():
    frame = pd.DataFrame(
        {"contract": [NAME, "SPXW260320C06500000"], "strike": 6500.0, "kind": ["put", "call"],
         "expiry": "2026-03-20", "open_interest": 10.0, "iv": 0.2}
    )  # fmt: skip
    chain = gf.chain_from_frame(
        frame, symbol="SPX", spot=6_800.0, asof="2026-02-05T22:00Z", multiplier=100, settlement="PM"
    )
    book = gf.assign_positions(chain, gf.open_close(pd.DataFrame(PLAIN)))
    assert book["position"].tolist() == [-52.0]
    assert book.rule_text == "open_close (dealers are minus customers and professional customers)"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"drop": "day"}, ["columns missing: day (or time)"]),
        ({"drop": "contract"}, ["columns missing: contract (or root, expiry, strike, kind)"]),
        ({"drop": ["customer_buy", "customer_sell"]}, ["customer_open_buy, _close_buy, _open_sell"]),
        ({"drop": "firm_buy"}, ["of firm only firm_sell; all four, or buy and sell, are needed"]),
        ({"drop": ["firm_buy", "firm_sell"], "dealers": ["firm"]}, ["firm_open_buy, _close_buy"]),
        (
            {"columns": {"colour": "day"}},
            ["'colour' is not a column of an open/close table; legal: contract"],
        ),
        ({"columns": {"volume": ["volume", "more"]}}, ["'more' not in the table; it holds contract, day"]),
        ({"twice": "volume"}, ["'volume' occur more than once"]),
        (
            {"set": {"firm_sell": -1.0}},
            ["malformed: firm_sell: 2 rows (first: firm_sell -1.0; legal: a number of"],
        ),
        (
            {"set": {"contract": "?"}},
            ["malformed: contract: 2 rows (first: contract '?'; legal: an option's name"],
        ),
        ({"set": {"day": "soon"}}, ["malformed: day: 2 rows (first: day 'soon'; legal: a date such as"]),
        ({"drop_rows": True}, ["holds no rows; legal: one per series and day."]),
        (
            {"start": "2026-03-01T00:00Z"},
            ["all of its 2 rows (last: 2026-02-05", "are before the start of the flow, 2026-03-01 00:00"],
        ),
    ],
)
def test_tables_that_are_none_are_refused(change, words):
    options = {name: change[name] for name in ("columns", "dealers", "start") if name in change}
    frame = pd.DataFrame(PLAIN).drop(columns=change.get("drop", [])).assign(**change.get("set", {}))
    frame = frame.iloc[:0] if change.get("drop_rows") else frame
    if "twice" in change:
        frame.insert(0, change["twice"], 1.0, allow_duplicates=True)
    with pytest.raises(ReaderError) as error:
        gf.open_close(frame, **options)
    assert str(error.value).startswith("frame: ")
    assert all(word in str(error.value) for word in words)


@pytest.mark.parametrize("dealers", ["makers", [], ["firm", 3]])
def test_unknown_origins_are_refused(dealers):
    with pytest.raises(SchemaError, match=r"dealers: received .*; legal: 'customer', 'professional', 'firm'"):
        gf.open_close(pd.DataFrame(PLAIN), dealers=dealers)
