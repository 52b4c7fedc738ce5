"""Labels by whole baskets: the density, made-up flows of known labels, random numbers, the record."""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad

import gammaflow as gf
from gammaflow.evidence import etf_flows
from gammaflow.evidence.etf_flows.labels import _log_density
from gammaflow.feedback.fund.inputs import traded_days
from support.flows import DAYS, made_up, recorded

_, CLOSES = made_up(2)
RNG = np.random.default_rng(11)
WHOLE = pd.Series(RNG.integers(-120, 120, len(DAYS)), DAYS)


@pytest.mark.parametrize("sigma", [0.02, 0.2, 0.55, 0.65, 3.0])
def test_the_density_is_a_normal_wrapped_around_whole_numbers(sigma):
    def density(off):
        return float(np.exp(_log_density(np.array([off]), np.array([sigma])))[0])

    assert quad(density, -0.5, 0.5, points=[0.0])[0] == pytest.approx(1.0, abs=1e-6)
    copies = np.arange(-60, 61)
    for off in (0.0, 0.01, 0.13, -0.5):
        by_hand = np.exp(-0.5 * ((off + copies) / sigma) ** 2).sum() / (sigma * np.sqrt(2 * np.pi))
        assert density(off) == pytest.approx(max(by_hand, 1e-300), rel=1e-5)


@pytest.mark.parametrize("lag", [-1, 0, 1, 2])
def test_the_label_comes_back(lag):
    """Flows at values 0.3 % off the closes, labelled earlier, on the day, and later."""
    rng = np.random.default_rng(lag + 5)
    nav = CLOSES * np.exp(0.003 * rng.standard_normal(len(DAYS)))
    flows = (40_000 * WHOLE * nav).round(-5)
    labels = traded_days(DAYS, -lag)
    found = etf_flows.label_day(flows.set_axis(labels), CLOSES, lags=(-1, 0, 1, 2))
    assert found.best == lag
    assert found.clear
    row = found.table.loc[lag]
    assert row["nav_error"] == pytest.approx(0.003, rel=0.35)
    assert row["distance"] < 0.12
    assert row["behind"] == 0.0
    assert row["error"] == pytest.approx(np.sqrt(1 / 48 / row["sharp"]))
    assert row["z"] == pytest.approx((row["distance"] - 0.25) / row["error"])
    assert found.distances[lag].mean() == pytest.approx(row["distance"])
    assert "flows are consistent with labels" in found.summary()


def test_numbers_at_random_tell_nothing():
    flows = pd.Series(RNG.normal(0.0, 2e8, len(DAYS)).round(-5), DAYS)
    found = etf_flows.label_day(flows, CLOSES)
    assert not found.clear
    assert found.table["log_likelihood"].max() < 5.0
    assert "cannot tell: no label is clearly nearer" in found.summary()


def test_exact_values_need_no_error():
    """With net asset values in place of closes, every day can tell."""
    found = etf_flows.label_day((40_000 * WHOLE * CLOSES).round(-4), CLOSES, nav_error=0.0)
    assert found.table.loc[0, "sharp"] == found.table.loc[0, "days"] == (WHOLE[1:-2] != 0).sum()
    assert found.table.loc[0, "distance"] < 0.01
    assert (found.table["nav_error"] == 0.0).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"flows": WHOLE.iloc[:9] * 1e6}, "a flow, and a net asset value under every label; at least 10"),
        ({"lags": (0,)}, r"lags: received \[0\]; at least two labels"),
        ({"lags": (0, 9), "nav_error": 1.0, "basket": -1},
         r"(?s)basket: received -1.*lags: received 9.*nav_error: received 1"),
        ({"flows": "x", "nav": CLOSES * 0.0}, r"(?s)flows: received str.*nav: 105 of 105 rows"),
    ],
)  # fmt: skip
def test_refusals(arguments, words):
    with pytest.raises(gf.SchemaError, match=words) as error:
        etf_flows.label_day(**{"flows": WHOLE * 1e6, "nav": CLOSES, **arguments})
    lines = str(error.value).splitlines()
    assert len(lines) == len(set(lines))


@pytest.fixture(scope="module")
def record(shared):
    return recorded(shared)


def test_the_record_of_trade_days(record):
    """497 flows of IBIT: 225 in ln likelihood ahead of T+1; 0.056 from a whole number, not 0.25 +- 0.011."""
    found = etf_flows.label_day(record.first["IBIT"], record.closes)
    assert (found.best, found.clear) == (0, True)
    row = found.table.loc[0]
    assert row["days"] == 497
    assert row["log_likelihood"] == pytest.approx(251.3, abs=0.1)
    assert found.table.loc[1, "behind"] == pytest.approx(225.1, abs=0.1)
    assert row["nav_error"] == pytest.approx(0.0036, abs=5e-5)  # of a close as net asset value
    assert (row["sharp"], row["distance"].round(3), row["error"].round(3)) == (163, 0.056, 0.011)
    # the two months of the later record alone
    months = etf_flows.label_day(record.first["IBIT"].loc["2026-01-02":"2026-03-27"], record.closes)
    assert (months.best, months.clear) == (0, True)


def test_the_record_of_the_day_after(record):
    found = etf_flows.label_day(record.later, record.closes)
    assert (found.best, found.clear) == (1, True)
    assert found.table.loc[0, "behind"] > 30.0
    assert "rounding +-5,000" in found.summary()
