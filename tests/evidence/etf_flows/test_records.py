"""Two records of flows: the lag, differences with their reasons, holidays, and the three recorded ones."""

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.evidence import etf_flows
from gammaflow.feedback.fund.inputs import traded_days
from support.flows import DAYS, recorded

RNG = np.random.default_rng(4)
FLOWS = pd.DataFrame(RNG.normal(0.0, 2e8, (len(DAYS), 3)).round(-5), DAYS, columns=["A", "B", "C"])


@pytest.mark.parametrize("lag", [-2, 0, 1, 3])
def test_the_lag_and_every_difference(lag):
    other = FLOWS.copy()
    other.loc[DAYS[7], "B"] += 3e6
    other.loc[DAYS[9], "A"] = 0.0
    other.loc[DAYS[11], "C"] = np.nan
    other.loc[DAYS[-1], "A"] = 0.0
    labels = traded_days(DAYS, -lag)
    found = etf_flows.reconcile(FLOWS, other.set_axis(labels), lags=range(-3, 4))
    assert found.lag == lag
    assert (found.common, found.identical) == (len(DAYS), len(DAYS) - 4)
    expected = [
        (DAYS[7], "B", "differs"), (DAYS[9], "A", "zero in b"), (DAYS[11], "C", "absent in b"),
        (DAYS[-1], "A", "not yet posted in b"),
    ]  # fmt: skip
    table = found.table
    assert list(zip(table.index, table["fund"], table["reason"], strict=True)) == expected
    assert table["label"].to_list() == [labels[DAYS.get_loc(day)] for day, *_ in expected]
    assert table["difference"].iloc[:2].to_list() == pytest.approx([3e6, -FLOWS.loc[DAYS[9], "A"]])
    assert found.lags["share"].drop(lag).max() == 0.0
    assert found.lags.loc[lag, "matches"] == len(DAYS) - 4
    by_fund = found.by_fund
    assert by_fund["days"].to_dict() == {"A": 2, "B": 1, "C": 1}
    assert by_fund.loc["B", ["net", "gross"]].to_list() == pytest.approx([3e6, 3e6])
    assert len(found.only_a) == len(found.only_b) == 0
    assert not found.warnings


def test_rounding_is_no_difference():
    fine = pd.Series(RNG.normal(0.0, 2e8, len(DAYS)).round(-4), DAYS)
    found = etf_flows.reconcile(fine.round(-5), fine)
    assert found.identical == len(DAYS)
    apart = etf_flows.reconcile(fine.round(-5), fine, rounding=1e3)
    assert apart.identical == (np.abs(fine - fine.round(-5)) <= 1e3).sum()
    # a whole digit is a difference
    moved = fine.round(-5)
    moved.iloc[3] += 1e5
    assert etf_flows.reconcile(fine.round(-5), moved).identical == len(DAYS) - 1


def test_days_of_one_record_and_days_without_a_session():
    holidays = pd.to_datetime(["2025-04-18", "2025-05-26", "2025-06-07"])
    other = pd.concat([FLOWS, pd.DataFrame(0.0, holidays, FLOWS.columns)]).sort_index()
    other.loc[holidays[1], ["A", "C"]] = [-4e6, 1e6]
    found = etf_flows.reconcile(FLOWS.drop(DAYS[[3, 4]]), other.drop(DAYS[[20]]), names=("one", "two"))
    assert found.lag == 0
    assert found.only_a.to_list() == [DAYS[20]]
    assert found.only_b.to_list() == DAYS[[3, 4]].to_list()
    assert found.holidays.index.to_list() == holidays.to_list()
    assert found.holidays["funds"].to_list() == [0, 2, 0]
    assert found.holidays.loc[holidays[1], ["net", "gross"]].to_list() == [-3e6, 5e6]
    assert found.identical == found.common == len(DAYS) - 3
    (told,) = found.warnings
    assert told.startswith("two: 1 of 3 rows on days without a session are not zero (2025-05-26)")
    assert "one: 2 sessions of XNYS absent" in found.lines
    assert "in two alone: 2025-03-06, 2025-03-07 (2)" in found.lines


def test_funds_of_one_record():
    found = etf_flows.reconcile(FLOWS.assign(D=np.nan), FLOWS.assign(E=1e6)[["C", "A", "E"]])
    assert found.funds == ("A", "C")
    assert "funds in a alone: B, D" in found.lines
    assert "funds in b alone: E" in found.lines
    empty = etf_flows.reconcile(FLOWS, FLOWS.assign(D=np.nan))
    assert "funds in b alone: D, without a number" in empty.lines


def test_records_of_other_things_are_told():
    (told,) = etf_flows.reconcile(FLOWS["A"], FLOWS["B"]).warnings
    assert told.startswith("lag: at 0 only 0% of days match")
    assert etf_flows.reconcile(FLOWS["A"], FLOWS["A"], lag=1).lag == 1
    assert "look like millions" in " ".join(etf_flows.reconcile(FLOWS / 1e6, FLOWS).warnings)


@pytest.mark.parametrize(
    ("a", "b", "options", "words"),
    [
        (FLOWS["A"], FLOWS.iloc[::-1], {}, "b, A: 2025-07-30 comes after 2025-07-31; times must ascend"),
        (FLOWS["A"].astype(str), 3, {}, r"(?s)a: received .*numbers.*b: received int"),
        (FLOWS[[]], FLOWS, {}, "a: received a DataFrame without columns"),
        (FLOWS.tz_localize("UTC"), FLOWS, {}, "a, A: received timestamps in UTC"),
        (FLOWS[["A"]], FLOWS[["B"]], {}, r"a, b: no fund in common \(A; B\)"),
        (FLOWS["A"].iloc[:9], FLOWS["A"].iloc[50:], {}, "a, b: no common day with a flow"),
        (FLOWS["A"] * 0.0, FLOWS["A"] * 0.0, {}, "a, b: no common day with a flow"),
        (FLOWS["A"].iloc[:3], FLOWS["A"].iloc[2:], {"lag": -3}, "a, b: no common day with a flow"),
        (FLOWS["A"], pd.Series([1e6], ["2025-07-04"]), {}, "b: none of its days is a session of XNYS"),
        (FLOWS, FLOWS, {"lag": 7, "lags": (9,), "rounding": -1.0}, r"(?s)lag: .*lags: .*rounding: "),
    ],
)  # fmt: skip
def test_refusals(a, b, options, words):
    with pytest.raises(gf.SchemaError, match=words):
        etf_flows.reconcile(a, b, **options)


@pytest.fixture(scope="module")
def record(shared):
    return recorded(shared)


def test_two_sources_of_trade_days(record):
    """655 common days, 654 identical in every fund; the last is not yet posted; four holidays with flows."""
    found = etf_flows.reconcile(
        record.first.drop(columns="total_musd"),
        record.second.drop(columns="total_musd"),
        names=("first", "second"),
    )
    assert (found.lag, found.common, found.identical) == (0, 655, 654)
    assert len(found.funds) == 12
    (row,) = found.table.itertuples()
    assert (row.Index, row.fund, row.a, row.b) == (
        pd.Timestamp("2026-08-21"),
        "IBIT",
        pytest.approx(239.3e6),
        0.0,
    )
    assert row.reason == "not yet posted in second"
    rows = found.holidays[found.holidays["source"] == "second"]
    assert len(rows) == 7
    traded = rows[rows["gross"] > 0.0].index.strftime("%Y-%m-%d").to_list()
    assert traded == ["2025-11-27", "2025-12-25", "2026-01-01", "2026-01-19"]
    first = found.holidays[found.holidays["source"] == "first"]
    assert (len(first), first["gross"].sum(), first.index[-1]) == (16, 0.0, pd.Timestamp("2025-06-19"))
    assert found.lags["share"].round(3).to_list() == [0.0, 0.0, 0.998, 0.0, 0.0]
    assert "funds in second alone: DEFI, without a number" in found.lines


def test_the_labels_of_the_next_day(record):
    """59 of 61 days match one session later, through 27 March; 30 and 31 March differ."""
    found = etf_flows.reconcile(record.first["IBIT"], record.later)
    assert (found.lag, found.common, found.identical) == (1, 61, 59)
    assert found.lags.loc[[-2, -1, 0, 2], "matches"].to_list() == [0, 0, 0, 0]
    assert found.table["label"].dt.strftime("%m-%d").to_list() == ["03-30", "03-31"]
    assert found.table["reason"].to_list() == ["zero in b", "differs"]
    # the row of 31 March is the change of shares outstanding at that day's price: the flow of 27 March
    shares = pd.Series({"30": 1_385_120_000.0, "31": 1_379_720_000.0})
    assert record.later["2026-03-31"] == pytest.approx(shares.diff().iloc[-1] * 38.31, rel=1e-3)
    assert record.first["IBIT"]["2026-03-27"] == pytest.approx(shares.diff().iloc[-1] * 37.31, rel=1e-3)
