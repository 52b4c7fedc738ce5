"""Cash dividends by ex-date: forwards and yields by plain sums, which ex-dates count, and every refusal."""

import math
import pickle

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.market.carry.dividends import find_dividends

ASOF = pd.Timestamp("2023-09-14T20:00:00Z")
DAYS = pd.to_datetime(["2023-08-11", "2023-11-10", "2024-02-09", "2024-05-10"])
CASH = pd.Series([0.24, 0.24, 0.25, 0.26], DAYS)
RATES = pd.Series([0.0533, 0.0489], pd.to_datetime(["2023-10-01", "2024-09-01"]))


def years(moment, asof=ASOF):
    return (moment - asof).total_seconds() / 86400 / 365


@pytest.mark.parametrize("rate", [0.0, 0.05, gf.RateCurve(RATES), np.array([0.01, 0.02, 0.03, 0.04])])
def test_forwards_are_spot_less_discounted_dividends_carried_to_expiry(rate):
    """F = (S - sum D e^(-r t)) e^(r T), by a loop over ex-dates at midnight of New York."""
    t = np.array([0.1, 0.3, 0.5, 1.5])
    S, dividends = 189.3, gf.Dividends(CASH)
    found = dividends.yields(S, ASOF, t, rate)
    for row, T in enumerate(t):
        own = float(rate[row]) if isinstance(rate, np.ndarray) else None
        worth = 0.0
        for day, cash in CASH.items():
            when = years(day.tz_localize("America/New_York"))
            if 0 < when <= T:
                r = rate if isinstance(rate, float) else own
                if r is None:
                    r = float(rate.zero_rates(ASOF, when))
                worth += cash * math.exp(-r * when)
        assert dividends.present_values(ASOF, t, rate)[row] == pytest.approx(worth, rel=1e-14, abs=1e-16)
        # the yield puts the forward there, whatever the rate to expiry is
        assert S * math.exp((0.07 - found[row]) * T) == pytest.approx(
            (S - worth) * math.exp(0.07 * T), rel=1e-13
        )
    assert found[0] == 0.0
    assert (found[1:] > 0).all()


def test_a_share_trades_without_its_dividend_from_the_first_minute_of_the_ex_date():
    dividends = gf.Dividends({"2023-11-10": 1.0})
    midnight = pd.Timestamp("2023-11-10", tz="America/New_York")
    second = pd.Timedelta(seconds=1)
    for asof, expiry, counts in (
        (ASOF, "2023-11-09 16:00", False),  # the close before
        (ASOF, "2023-11-10 09:30", True),  # settled at the open, without it
        (ASOF, "2023-11-10 16:00", True),
        (midnight - second, "2023-11-17 16:00", True),
        (midnight, "2023-11-17 16:00", False),
    ):
        T = years(pd.Timestamp(expiry, tz="America/New_York"), asof)
        assert (dividends.present_values(asof, [T], 0.0) == 1.0) == counts, (asof, expiry)


def test_dividends_are_a_value():
    dividends = gf.Dividends(CASH)
    assert repr(dividends) == "Dividends of 4 ex-dates, 2023-08-11 to 2024-05-10, 0.99 in all"
    assert gf.Dividends(CASH.iloc[::-1]) == dividends == pickle.loads(pickle.dumps(dividends))
    assert gf.Dividends.from_text(dividends.to_text()) == dividends
    assert find_dividends(CASH) == dividends == find_dividends(dividends)
    assert len({dividends, gf.Dividends(CASH), gf.Dividends(CASH * 2)}) == 2


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (CASH.reset_index(drop=True), "received an index with 0; legal: dates"),
        (pd.concat([CASH, CASH]), r"4 rows repeated(.|\n)*Add up what goes ex on one day"),
        (CASH.tz_localize("America/New_York"), "received timestamps in America/New_York"),
        (-CASH, r"4 of 4 numbers not accepted \(first: -0.24 on 2023-08-11\); legal: >= 0, cash per share"),
        (CASH * np.nan, "4 of 4 rows not accepted .*must not be missing"),
        (CASH.iloc[:0], "received 0 rows"),
        (0.24, "received float; legal: a Series"),
        (None, "received NoneType"),
    ],
)
def test_what_are_no_dividends_is_refused_in_words(values, words):
    with pytest.raises(SchemaError, match=f"dividends: {words}"):
        gf.Dividends(values)


def test_dividends_worth_spot_or_more_are_refused():
    with pytest.raises(
        SchemaError, match=r"dividends: worth 200 to the maturity in 0.3 years, on a spot of 189.3"
    ):
        gf.Dividends({"2023-11-10": 200.0}).yields(189.3, ASOF, [0.1, 0.3], 0.0)
    for bad in (
        lambda d: d.yields(0.0, ASOF, [0.1], 0.0),
        lambda d: d.yields(100.0, "2023-09-14", [0.1], 0.0),
        lambda d: d.yields(100.0, ASOF, ["x"], 0.0),
        lambda d: d.present_values(ASOF, [0.1], "x"),
    ):
        with pytest.raises(SchemaError, match="received"):
            bad(gf.Dividends(CASH))
