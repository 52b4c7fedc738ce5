"""Data quality: the score and the checks it is made of, the age of US quotes, and what books say of both."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.market.chain import Chain
from gammaflow.market.plausibility import wrong_volatility_unit
from gammaflow.market.plausibility.chain import medians, ranks_within
from gammaflow.market.quality import CHECKS, SCORED
from gammaflow.market.repair.repair import repair_chain

ASOF = pd.Timestamp("2026-02-05T14:30:00Z")


def quoted(n=8, asof=ASOF, **changes):
    """Calls and puts with good quotes, volatilities and open interest, one row each."""
    columns = {
        "contract": [f"c{i}" for i in range(n)],
        "expiry": pd.DatetimeIndex([asof + pd.Timedelta("30D")] * n),
        "strike": np.linspace(80.0, 120.0, n),
        "kind": np.resize(np.array(["call", "put"], object), n),
        "open_interest": np.full(n, 250.0),
        "multiplier": np.full(n, 100.0),
        "iv": np.full(n, 0.3),
        "bid": np.full(n, 2.0),
        "ask": np.full(n, 2.2),
        "settlement": np.full(n, "PM", object),
    }
    return Chain(columns | changes, "X", 100.0, asof, vendor="test")


# --- the score


def test_unchecked_is_neither_passed_nor_failed():
    quality = quoted().quality
    assert quality.checks == pytest.approx(
        dict.fromkeys(SCORED, 1.0) | {"forward known": np.nan, "not flagged": np.nan}, nan_ok=True
    )
    assert tuple(quality.checks) == CHECKS
    assert quality.unchecked == ("forward known", "not flagged")
    assert quality.score == 100.0
    line = str(quality).splitlines()[-1]
    assert line == (
        "score 100 of 100, by unexpired rows: volatility usable 100.0%, open interest known 100.0%, two-"
        "sided quote 100.0%; not checked: forward known (no forwards in the data), not flagged (repair_chain "
        "not run)"
    )
    plain = quality.to_dict()
    assert plain["score"] == 100.0
    assert plain["checks"]["not flagged"] is None
    assert plain["not_checked"] == ["forward known", "not flagged"]


def test_a_row_passes_all_checks_of_the_score_or_none():
    """Rows 0 to 4 fail one check each, or two at once; 5 has expired and is not judged; 6 and 7 pass."""
    expiry = pd.DatetimeIndex([ASOF + pd.Timedelta("30D")] * 5 + [ASOF] + [ASOF + pd.Timedelta("9D")] * 2)
    quality = quoted(
        expiry=expiry,
        iv=[np.nan, 0.0, 0.3, 0.3, 5e-4, 0.3, 0.3, 0.3],
        open_interest=[1.0, 1.0, np.nan, 1.0, 1.0, 1.0, 0.0, 1e9],
        bid=[2.0, 2.0, 2.0, 3.0, 0.0, 0.0, 2.0, 2.0],
        forward=[100.5, *[np.nan] * 7],
    ).quality
    expected = {
        "volatility usable": 4 / 7,
        "open interest known": 6 / 7,
        "two-sided quote": 5 / 7,
        "forward known": 1 / 7,
        "not flagged": np.nan,
    }
    assert quality.checks == pytest.approx(expected, nan_ok=True)
    assert quality.score == pytest.approx(100 * 2 / 7)
    assert "; besides: forward known 14.3%; not checked: not flagged (repair_chain not run)" in str(quality)


@pytest.mark.parametrize(
    ("changes", "missing", "usable"),
    [
        (
            {"bid": np.full(8, np.nan), "ask": np.zeros(8)},
            "two-sided quote",
            "100.0% of open interest usable",
        ),
        ({"open_interest": np.full(8, np.nan)}, "open interest known", "no open interest"),
    ],
)
def test_no_score_is_given_where_a_check_of_it_could_not_be_made(changes, missing, usable):
    quality = quoted(**changes).quality
    assert np.isnan(quality.score)
    assert missing in quality.unchecked
    assert "no score, by unexpired rows: volatility usable 100.0%" in str(quality)
    assert quality.to_dict()["score"] is None
    assert f"before repair: {usable}, no score" in str(repair_chain(quoted(**changes)).quality)


def test_an_expired_chain_has_no_checks():
    quality = quoted(expiry=pd.DatetimeIndex([ASOF] * 8)).quality
    assert quality.checks == {}
    assert np.isnan(quality.score)
    assert "score" not in str(quality)


def test_chain_and_repaired_chain_are_scored_alike():
    for chain in (gf.demo_chain(), gf.demo_chain(symbol="IBIT"), quoted(41)):
        repaired = repair_chain(chain).quality
        assert repaired.score == pytest.approx(chain.quality.score)
        assert repaired.before.score == chain.quality.score
        assert repaired.unchecked == ()
        assert chain.quality.unchecked[-1] == "not flagged"


DEFECTS = {
    "quote": {"bid": 0.0, "ask": 0.0},
    "missing quote": {"bid": np.nan, "ask": np.nan},
    "bid": {"bid": 0.0},
    "ask": {"ask": np.nan},
    "crossed": {"bid": 9.0},
    "zero volatility": {"iv": 0.0},
    "no volatility": {"iv": np.nan},
    "placeholder": {"iv": 1e-5},
    "absurd open interest": {"open_interest": 1e15},
    "no open interest": {"open_interest": np.nan},
}


def spoiled(chain, defect, rows):
    """The chain with what `defect` names written into those of `rows` that it makes worse."""
    had = {
        "bid": chain.quote_state == "two-sided",
        "ask": chain.quote_state == "two-sided",
        "iv": chain["iv"] > 1e-3,
        "open_interest": ~np.isnan(chain["open_interest"]),
    }
    new = {}
    for name, value in DEFECTS[defect].items():
        chosen = np.asarray(rows)[had[name][rows]]
        new[name] = chain[name].copy()
        new[name][chosen] = value
    return chain.with_columns(**new)


@settings(max_examples=40)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(sorted(DEFECTS)), st.lists(st.integers(0, 11), min_size=1, max_size=12)),
        min_size=1,
        max_size=6,
    ),
    interest=st.lists(st.sampled_from([0.0, 1.0, 40.0, 1e5]), min_size=12, max_size=12),
)
def test_the_score_never_rises_when_the_data_get_worse(steps, interest):
    chain = quoted(12, open_interest=np.array(interest))
    score = chain.quality.score
    for defect, rows in steps:
        chain = spoiled(chain, defect, rows)
        after = chain.quality.score
        assert np.isnan(after) or after <= score
        score = score if np.isnan(after) else after


@pytest.mark.parametrize("row", ["best", "worst", "empty"])
@pytest.mark.parametrize("repair", [False, True])
def test_one_absurd_open_interest_does_not_carry_the_score(row, repair):
    """1e15 contracts on a good row made the share of good open interest 100 %: the score rose."""
    chain = gf.demo_chain()
    iv, oi, bid = (chain[name].copy() for name in ("iv", "open_interest", "bid"))
    iv[::7], bid[::5], oi[::11] = np.nan, 0.0, 0.0
    chain = chain.with_columns(iv=iv, bid=bid, open_interest=oi)
    place = {"best": 1, "worst": 0, "empty": 22}[row]
    worse = spoiled(chain, "absurd open interest", [place])
    assert worse["open_interest"][place] == 1e15
    measure = repair_chain if repair else (lambda x: x)
    assert measure(worse).quality.score == measure(chain).quality.score
    assert worse.quality.usable_share != pytest.approx(chain.quality.usable_share, abs=1e-3)


def test_losing_quotes_or_volatilities_lowers_the_score_of_a_repaired_chain():
    chain = gf.demo_chain(symbol="IBIT")
    rng = np.random.default_rng(5)
    order, scores = rng.permutation(len(chain)), []
    for count in (0, 50, 150, 300, 500):
        scores.append(repair_chain(spoiled(chain, "quote", order[:count])).quality.score)
    assert (np.diff(scores) < 0).all()
    zeroed = spoiled(spoiled(chain, "quote", order[:150]), "zero volatility", order[100:200])
    assert repair_chain(zeroed).quality.score <= scores[2]


# Before: 63, 29, 29, 28, 65 for raw chains and 97, 96, 96, 94, 98 repaired.
SCORES = {
    "cboe/spx_20220205_LucaCastelli.csv": (93.6, 95.5),
    "cboe/spx_20230914_carlosjimenezdiaz.csv": (87.5, 93.2),
    "cboe/spy_20230914_carlosjimenezdiaz.csv": (69.0, 90.6),
    "yahoo_cboe_json/IBIT_20260714T2010ET.json": (89.1, 90.8),
    "deribit/deribit_options_snapshot_20260205T093647Z.csv": (94.2, 94.2),
}


@pytest.mark.parametrize("path", SCORES)
def test_scores_of_real_chains(shared, path):
    how = {"symbol": "BTC"} if path.startswith("deribit") else {}
    chain = gf.read_chain(shared / "data" / path, **how)
    raw, repaired = SCORES[path]
    alive = chain.years > 0
    good = (chain["iv"] > 1e-3) & (chain["bid"] > 0) & (chain["bid"] <= chain["ask"]) & alive
    good &= chain["open_interest"] >= 0
    assert chain.quality.score == pytest.approx(100 * good.sum() / alive.sum(), rel=1e-12)
    assert chain.quality.score == pytest.approx(raw, abs=0.06)
    quality = repair_chain(chain).quality
    assert quality.score == pytest.approx(repaired, abs=0.06)
    assert quality.score >= chain.quality.score
    for defect in ("quote", "zero volatility", "absurd open interest"):
        rows = np.random.default_rng(1).choice(len(chain), len(chain) // 10, replace=False)
        assert spoiled(chain, defect, rows).quality.score <= chain.quality.score


def test_the_demo_does_not_alarm():
    assert gf.demo_chain().quality.score == pytest.approx(86.5, abs=0.05)
    assert gf.demo_chain(symbol="IBIT").quality.score == pytest.approx(86.5, abs=0.05)


# --- the age of quotes after the close


@pytest.mark.parametrize(
    ("moment", "hours"),
    [
        ("2025-11-26T21:10Z", 0.0),  # Wednesday, before options close at 16:15
        ("2025-11-27T17:00Z", 19.75),  # Thanksgiving at noon
        ("2025-11-28T14:00Z", 40.75),  # Friday, before the open
        ("2025-11-28T17:59Z", 0.0),  # its half day ends at 13:00, options at 13:15
        ("2025-11-28T18:10Z", 0.0),
        ("2025-11-28T19:15Z", 1.0),
        ("2025-11-30T18:15Z", 48.0),  # Sunday after it
        ("2026-01-19T15:00Z", 65.75),  # Martin Luther King's day, a Monday
        ("2026-01-20T14:29Z", 89.0 + 14 / 60),  # Tuesday, a minute before the open
        ("2026-01-20T14:30Z", 0.0),
        ("2026-07-03T16:00Z", 19.75),  # Independence Day observed, in summer time
        ("2001-09-16T20:15Z", 144.0),  # the week without sessions
    ],
)
def test_hours_since_close_know_holidays_and_half_days(moment, hours):
    quality = quoted(asof=pd.Timestamp(moment)).quality
    assert quality.hours_since_close == pytest.approx(hours, abs=1e-9)
    assert ("h older than asof (US market closed)" in str(quality)) == (hours > 0)
    assert quality.to_dict()["hours_since_close"] == pytest.approx(hours)


@pytest.mark.parametrize("moment", ["1999-06-01T15:00Z", "2046-06-01T15:00Z", "2000-01-01T15:00Z"])
def test_hours_since_close_outside_the_calendar_are_not_known(moment):
    quality = quoted(asof=pd.Timestamp(moment)).quality
    assert np.isnan(quality.hours_since_close)
    assert "US market" not in str(quality)
    assert quality.to_dict()["hours_since_close"] is None


def test_a_book_of_us_options_loads_no_calendar_until_its_hours_are_asked_for():
    code = (
        "import sys, gammaflow as gf\n"
        "chain = gf.demo_chain(symbol='IBIT')\n"
        "book = gf.assign_positions(chain)\n"
        "assert chain.quality.in_new_york\n"
        "assert 'exchange_calendars' not in sys.modules\n"
        "assert chain.quality.hours_since_close > 0\n"
        "assert 'exchange_calendars' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@given(seed=st.integers(0, 10_000), n=st.integers(1, 40))
@settings(max_examples=25, deadline=None)
def test_counts_by_reason_and_state_are_those_of_pandas(seed, n):
    rng = np.random.default_rng(seed)
    chain = quoted(n)
    spoiled = chain.with_columns(
        iv=np.where(rng.random(n) < 0.3, rng.choice([np.nan, 0.0, 1e-4], n), chain["iv"]),
        open_interest=rng.choice([np.nan, 0.0, 0.1, 2.3], n),
        bid=rng.choice([np.nan, 0.0, 1.0, 3.0], n),
        ask=rng.choice([np.nan, 0.0, 2.0], n),
    )
    quality, why = spoiled.quality, pd.Series(spoiled.unusable)
    rows = pd.DataFrame({"reason": why, "rows": 1, "open_interest": np.nan_to_num(spoiled["open_interest"])})
    table = rows[why != ""].groupby("reason", sort=False).sum()
    table = table.sort_values("rows", ascending=False, kind="stable")
    pd.testing.assert_frame_equal(quality.table, table)
    assert list(quality.quotes.items()) == list(pd.Series(spoiled.quote_state).value_counts().items())


@given(seed=st.integers(0, 10_000), n=st.integers(0, 60))
@settings(max_examples=25, deadline=None)
def test_medians_and_ranks_by_group_are_those_of_pandas(seed, n):
    rng = np.random.default_rng(seed)
    groups, values = rng.integers(0, 7, n), rng.choice([1.0, 2.5, np.nan, 4.0, 0.1], n)
    expected = pd.Series(values).groupby(groups).median().reindex(range(7)).to_numpy()
    np.testing.assert_array_equal(medians(values, groups, 7), expected)
    known = np.nan_to_num(values)
    ranks = pd.Series(known).groupby(groups).rank(method="first") - 1
    np.testing.assert_array_equal(ranks_within(known, groups), ranks)


@given(seed=st.integers(0, 10_000), n=st.integers(0, 9), percent=st.booleans())
@settings(max_examples=50, deadline=None)
def test_volatilities_are_in_the_other_unit_where_their_median_says_so(seed, n, percent):
    """Around the limit of 500 %, where half of the values are on either side of it."""
    values = np.random.default_rng(seed).choice([np.nan, 0.0, 0.3, 4.9, 5.0, 5.1, 60.0], n)
    quoted = values[values > 0]
    wrong = bool(quoted.size) and (np.median(quoted) < 5.0 if percent else np.median(quoted) > 5.0)
    assert bool(wrong_volatility_unit(values, "iv", percent=percent)) == wrong
