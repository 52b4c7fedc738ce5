"""Realized volatility after and before timestamps, against loops over prices."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf

HOURS = pd.date_range("2026-02-01", periods=24 * 8 + 1, freq="h", tz="UTC")
PRICES = pd.Series(
    70_000.0 * np.exp(np.cumsum(np.random.default_rng(3).normal(0.0, 0.006, len(HOURS)))), HOURS, name="open"
)
HOUR = pd.Timedelta(1, "h")


def naive(prices, moment, horizon, ahead, gap=1.5 * HOUR):
    """Volatility of one period, price by price; NaN where it is not complete."""
    there = prices.dropna()
    if ahead:
        start = next((at for at in there.index if at >= moment), None)
        if start is None or start - moment > gap:
            return np.nan
        used = [at for at in there.index if start <= at <= start + horizon]
        reached = [at for at in there.index if at >= start + horizon][:1]
    else:
        end = next((at for at in reversed(there.index) if at <= moment), None)
        if end is None or moment - end > gap:
            return np.nan
        used = [at for at in there.index if end - horizon <= at <= end]
        reached = [at for at in there.index if at <= end - horizon][-1:]
    every = sorted({*used, *reached})
    if not reached or any(b - a > gap for a, b in itertools.pairwise(every)):
        return np.nan
    squares = sum(np.log(there[b] / there[a]) ** 2 for a, b in itertools.pairwise(used))
    return np.sqrt(squares / (horizon / pd.Timedelta(365, "D")))


@given(
    st.lists(st.integers(-200, 12_000), min_size=1, max_size=8),
    st.lists(st.integers(0, len(HOURS) - 1), max_size=4),
    st.sampled_from(["1h", "5h", "1D", "36h"]),
)
@settings(max_examples=25)
def test_both_agree_with_a_loop(offsets, absent, horizon):
    prices = PRICES.copy()
    prices.iloc[absent] = np.nan
    moments = pd.DatetimeIndex([HOURS[0] + pd.Timedelta(m, "min") for m in offsets])
    span = pd.Timedelta(horizon)
    for measure, ahead in ((gf.seasons.realized_volatility, True), (gf.seasons.trailing_volatility, False)):
        found = measure(prices, moments, horizon=horizon)
        expected = [naive(prices, moment, span, ahead) for moment in moments]
        np.testing.assert_allclose(found.values.to_numpy(), expected, rtol=1e-10)
        done = int(np.isfinite(expected).sum())
        assert f"{done} of {len(moments)} row" in found.lines[-1]


def test_no_return_after_a_timestamp_was_known_there():
    moments = HOURS[30:150:24] + pd.Timedelta(36, "min")
    ahead, behind = (
        f(PRICES, moments) for f in (gf.seasons.realized_volatility, gf.seasons.trailing_volatility)
    )
    assert (ahead.table["first"] >= moments).all()
    assert (behind.table["last"] <= moments).all()
    for moment in moments:
        shocked = PRICES.where(PRICES.index <= moment, 1.1 * PRICES)
        same = gf.seasons.trailing_volatility(shocked, [moment]).values.iloc[0]
        assert same == behind.values[moment]
        past = PRICES.where(PRICES.index > moment, 1.1 * PRICES)
        assert gf.seasons.realized_volatility(past, [moment]).values.iloc[0] == ahead.values[moment]


def test_log_returns_are_those_of_the_period():
    moments = HOURS[[30, 60]]
    table = gf.seasons.trailing_volatility(PRICES, moments).table
    expected = [np.log(PRICES[at] / PRICES[at - pd.Timedelta(1, "D")]) for at in moments]
    np.testing.assert_allclose(table["log_return"], expected, rtol=1e-10)
    assert table["returns"].tolist() == [24.0, 24.0]


def test_incomplete_horizons_are_counted_by_reason():
    prices = PRICES.drop(HOURS[60])
    found = gf.seasons.realized_volatility(prices, [HOURS[50], HOURS[100], HOURS[-5], HOURS[-1] + HOUR])
    assert found.values.isna().tolist() == [True, False, True, True]
    assert found.lines[-1] == (
        "1 of 4 rows complete; left out: 2 rows beyond the end of the prices, 1 row with a gap in the prices"
    )


def test_markets_that_close_need_a_wider_gap():
    sessions = PRICES[(PRICES.index.hour >= 14) & (PRICES.index.hour <= 20)]
    at = [pd.Timestamp("2026-02-03T14:00Z")]
    assert gf.seasons.realized_volatility(sessions, at).values.isna().all()
    found = gf.seasons.realized_volatility(sessions, at, gap="1D")
    assert found.values.iloc[0] == pytest.approx(
        naive(sessions, at[0], pd.Timedelta("1D"), True, pd.Timedelta("1D"))
    )


def test_overlapping_horizons_are_named():
    every = gf.seasons.realized_volatility(PRICES, HOURS[10:100:6])
    assert every.overlap == 3
    assert "12 horizons" not in every.warnings[0]
    assert "14 horizons of 1 day not over when the next begins (up to 3 at once)" in every.warnings[0]
    assert gf.seasons.realized_volatility(PRICES, HOURS[10:130:24]).warnings == ()
    assert gf.seasons.trailing_volatility(PRICES, HOURS[40:100:6]).overlap == 0


def test_a_volatility_of_few_returns_is_named():
    assert (
        "received 4 returns per 4 hours"
        in gf.seasons.trailing_volatility(PRICES, HOURS[50:52], horizon="4h").warnings[0]
    )


def test_plots_in_percent():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    found = gf.seasons.realized_volatility(PRICES, HOURS[10:130:24])
    (line,) = found.plot().get_lines()
    np.testing.assert_allclose(line.get_ydata(), 100.0 * found.values)
    pyplot.close("all")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"prices": PRICES.to_frame().assign(close=1.0)},
            "pass frame['open']: their close is known a bar later",
        ),
        ({"prices": PRICES.tz_localize(None)}, "without a time zone"),
        ({"prices": -PRICES}, "numbers must be > 0"),
        ({"prices": PRICES * np.nan}, "at least 3 are needed"),
        ({"moments": ["2026-02-05"]}, "no time zone"),
        ({"moments": 5}, "legal: timestamps with a time zone"),
        (
            {"horizon": "30min"},
            "horizon: received 30 minutes; legal: at least the usual step of the prices, 1 hour",
        ),
        ({"horizon": "0s"}, "horizon: received '0s'; legal: a length of time of more than '0s'"),
        ({"gap": 3}, "gap: received 3; legal"),
    ],
)
@pytest.mark.parametrize("measure", [gf.seasons.realized_volatility, gf.seasons.trailing_volatility])
def test_bad_input_is_refused(measure, arguments, words):
    given = {"prices": PRICES, "moments": HOURS[50:52], "horizon": "1D", "gap": None} | arguments
    with pytest.raises(gf.SchemaError) as error:
        measure(given.pop("prices"), given.pop("moments"), **given)
    assert words in str(error.value)
