"""Weekly commitments of traders: the event's weeks, identities of both sides, and what a week cannot tell."""

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf

commitments = gf.evidence.open_interest.commitments
WEEKS = pd.DataFrame(
    {
        "date": ["2026-01-27", "2026-02-03", "2026-02-10", "2026-02-17"],
        "open_interest": [24276, 23044, 24157, 23335],
        "commercial_long": [875, 521, 700, 463],
        "commercial_short": [1460, 1489, 1817, 2170],
        "noncommercial_long": [18054, 18939, 17016, 16593],
        "noncommercial_short": [17364, 17931, 15999, 14955],
    }
)
PRICE = pd.Series([89_000.0, 75_600.0, 68_800.0, 67_000.0], pd.DatetimeIndex(WEEKS["date"]))


@pytest.fixture(scope="module")
def record(shared):
    return commitments(pd.read_csv(shared / "data/event/cme_btc_cot_weekly.csv"))


def test_the_weeks_of_the_event(record):
    assert record.table.loc["2026-02-03":"2026-02-10", "open_interest"].tolist() == [23_044, 24_157]
    week = record.table.loc["2026-02-10"]
    assert week["open_interest_change"] == 1_113
    assert (week["noncommercial_long_change"], week["noncommercial_short_change"]) == (-1_923, -1_932)
    assert week["noncommercials"] == "both sides cut"
    assert record.table.loc["2026-02-17", "open_interest_change"] == -822
    assert week["coins"] == 120_785.0
    # The rise is in what the columns leave: spreads, or small traders.
    assert (week["other_long_change"], week["other_short_change"]) == (2_857, 2_717)
    assert len(record.table) == 18
    assert not record.warnings
    # Some 123,000 coins in December 2025 (a figure from outside the record).
    assert record.table["coins"].loc["2025-12-02":"2025-12-16"].between(121_000, 124_500).all()


def test_both_sides_hold_all_open_interest(record):
    table = record.table
    for side in ("long", "short"):
        groups = [f"{group}_{side}" for group in ("commercial", "noncommercial", "other")]
        assert (table[groups].sum(axis=1) == table["open_interest"]).all()
        assert (table[groups] >= 0.0).all(axis=None)
        changes = table[[f"{name}_change" for name in groups]].iloc[1:].sum(axis=1)
        assert (changes == table["open_interest_change"].iloc[1:]).all()


def test_a_week_does_not_tell_its_days(record):
    found = record.verdict("2026-02-04", "2026-02-05")
    assert found.verdict == "cannot tell"
    assert found.reason == (
        "reports of 2026-02-03 and 2026-02-10 enclose 2026-02-04 to 2026-02-05; between them open interest "
        "changed by +1,113 contracts, of which weekly reports give no daily part"
    )
    assert str(found).startswith("cannot tell: reports of")
    assert record.verdict("2026-02-03", "2026-02-10") == (
        "told", "open interest changed by +1,113 contracts between the reports",
    )  # fmt: skip
    assert record.verdict("2026-02-03", "2026-02-17").reason.startswith("open interest changed by +291")
    assert "2026-02-03 and 2026-02-17 enclose" in record.verdict("2026-02-03", "2026-02-11").reason
    assert "not within them" in record.verdict("2026-03-31", "2026-04-01").reason
    assert "not within them" in record.verdict("2025-11-01", "2025-12-09").reason


@pytest.mark.parametrize(
    ("long", "short", "name"),
    [
        (5, 7, "both sides added"), (5, -7, "turned longer"), (-5, 7, "turned shorter"),
        (-5, -7, "both sides cut"), (0, 7, "within noise"),
    ],
)  # fmt: skip
def test_quadrants_of_traders(long, short, name):
    weeks = WEEKS.iloc[:2].copy()
    weeks.loc[1, ["noncommercial_long", "noncommercial_short"]] = [18054 + long, 17364 + short]
    assert commitments(weeks).table["noncommercials"].tolist() == ["missing", name]
    assert commitments(weeks, noise=0.01).table["noncommercials"].iloc[1] == "within noise"


def test_quadrants_of_price_and_open_interest():
    found = commitments(WEEKS, price=PRICE).table
    assert found["quadrant"].tolist() == ["missing", "long liquidation", "new shorts", "long liquidation"]
    assert found["price_change"].iloc[2] == pytest.approx(68_800.0 / 75_600.0 - 1.0)
    quiet = commitments(WEEKS, price=PRICE, noise=0.04).table["quadrant"].tolist()
    assert quiet == ["missing", "long liquidation", "new shorts", "within noise"]


def test_spreads_where_the_source_has_them():
    found = commitments(changed(noncommercial_spread=[3000, 1200, 4000, 3500]))
    assert "other: small traders\n" in found.summary()
    assert found.table["other_long"].tolist() == [2347, 2384, 2441, 2779]
    assert found.table["other_short"].tolist() == [2452, 2424, 2341, 2710]
    sides = found.table[["other_long", "noncommercial_long", "commercial_long", "noncommercial_spread"]]
    assert (sides.sum(axis=1) == found.table["open_interest"]).all()
    with pytest.raises(gf.SchemaError, match=r"longs: 1 row .*\n  - shorts: 1 row "):
        commitments(changed(noncommercial_spread=[3000, 3700, 4000, 3500]))


def test_an_index_of_days_and_another_contract():
    indexed = commitments(WEEKS.set_index("date"), contract_size=0.1)
    assert indexed.table["coins"].tolist() == pytest.approx([2427.6, 2304.4, 2415.7, 2333.5])
    assert "contracts of 0.1 coins" in indexed.summary()


def changed(**columns):
    return WEEKS.assign(**columns)


BAD = {
    "a list": ([1.0], {}, "frame: received list; legal: a DataFrame with columns date, open_interest"),
    "columns": (WEEKS[["date", "open_interest"]], {}, "frame: received no column commercial_long, "),
    "no date": (WEEKS.drop(columns="date"), {}, "date: received an index with 0; legal: dates"),
    "text": (changed(open_interest="24,276"), {}, "open_interest: received '24,276', in a Series of"),
    "missing": (changed(commercial_long=[875, np.nan, 700, 463]), {}, "commercial_long: 1 of 4 rows not acc"),
    "negative": (changed(commercial_long=-1), {}, "commercial_long: 4 of 4 rows not accepted"),
    "zero": (changed(open_interest=[24276, 0, 24157, 23335]), {}, "open_interest: 1 of 4 rows not accepted"),
    "one row": (WEEKS.iloc[:1], {}, "date: received 1 row; at least 2 are needed"),
    "unsorted": (WEEKS.iloc[::-1], {}, "date: 2026-02-10 comes after 2026-02-17; times must ascend"),
    "repeated": (WEEKS.iloc[[0, 1, 1]], {}, r"date: 1 row repeated \(first: 2026-02-03"),
    "zones": (
        changed(date=pd.DatetimeIndex(WEEKS["date"], tz="UTC")), {}, "date: received timestamps in UTC; legal"
    ),
    "a missing week": (
        WEEKS.drop(index=1), {}, r"date: 1 step not a week \(first: 2026-01-27 to 2026-02-10\)"
    ),
    "daily": (
        changed(date=pd.date_range("2026-02-03", periods=4)), {}, r"date: 3 steps not a week "
    ),
    "longs": (
        changed(noncommercial_long=[18054, 22600, 17016, 16593]), {},
        r"longs: 1 row where commercial and non-commercial longs exceed open interest \(first: 23,121",
    ),
    "shorts": (changed(commercial_short=9999), {}, "shorts: 4 rows where commercial and non-comm"),
    "size": (WEEKS, {"contract_size": 0.0}, "contract_size: received 0.0; contract_size must be > 0"),
    "noise": (WEEKS, {"noise": "5 %"}, "noise: received '5 %'"),
    "price": (WEEKS, {"price": PRICE.iloc[:-1]}, r"price: 1 report day without a price \(first: 2026-02-17"),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_bad_reports(bad):
    frame, options, words = BAD[bad]
    with pytest.raises(gf.SchemaError, match=f"^commitments not accepted:\n  - {words}") as raised:
        commitments(frame, **options)
    assert str(raised.value).count("\n") == 1


def test_all_problems_in_one_error():
    bad = changed(open_interest="x", commercial_long=-1, date=WEEKS["date"].iloc[::-1].to_numpy())
    with pytest.raises(gf.SchemaError) as raised:
        commitments(bad, contract_size=-5, price=PRICE.iloc[:1])
    told = [line.split(":")[0].strip("- ") for line in str(raised.value).splitlines()[1:]]
    assert told == ["contract_size", "date", "open_interest", "commercial_long", "price"]


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (("2026-02-05", "2026-02-04"), "last: received 2026-02-04; it must be after first = 2026-02-05"),
        ((None, "2026-02-04"), "first: received None; legal: a date"),
        ((3.0, "x"), r"(?s)first: received 3.0.*last: received 'x'"),
    ],
)
def test_bad_days(days, words):
    with pytest.raises(gf.SchemaError, match=words):
        commitments(WEEKS).verdict(*days)


def test_days_of_publication_and_mixed_units_are_warned_of():
    fridays = changed(date=pd.DatetimeIndex(WEEKS["date"]) + pd.Timedelta(3, "D"))
    assert (
        "received 4 reports not of a Tuesday (first: Friday 2026-01-30)" in commitments(fridays).warnings[0]
    )
    coins = changed(open_interest=WEEKS["open_interest"] * 60)
    assert "positions of 1.4% of open interest at most" in commitments(coins).warnings[0]


def test_text_shows_the_main_columns():
    text = repr(commitments(WEEKS))
    assert "4 weekly reports from 2026-01-27 to 2026-02-17" in text
    assert "other_long" not in text
    assert "2 both sides cut, 1 both sides added" in text


def test_picture_has_three_bars_a_week(record):
    pytest.importorskip("matplotlib").use("Agg")
    ax = record.plot()
    heights = np.array([bar.get_height() for bar in ax.patches]).reshape(3, -1)
    names = ["open_interest_change", "noncommercial_long_change", "noncommercial_short_change"]
    assert (heights == record.table[names].iloc[1:].to_numpy().T).all()
    assert ax.get_ylabel() == "contracts of 5 coins"
