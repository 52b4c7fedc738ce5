"""Jumps of the basis: no look-ahead, trailing deviations by a loop, and jumps that 1/T alone makes."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.evidence import basis
from support.bases import month_ends, recorded

mpl.use("Agg")

DAYS = pd.date_range("2026-01-01", periods=60)
RNG = np.random.default_rng(7)
RATE = pd.Series(0.05 + 0.002 * RNG.standard_normal(60), DAYS)


def test_against_a_loop():
    years = pd.Series(np.linspace(120, 61, 60) / 365, DAYS)
    found = basis.jumps(RATE, years=years, window=20).table
    assert found["z"].isna().sum() == 21
    for i in range(21, 60):
        change = np.diff(RATE.to_numpy()[: i + 1])
        assert found["z"].iloc[i] == pytest.approx(change[-1] / np.std(change[-21:-1], ddof=1), rel=1e-9)
        of_premium = np.diff(RATE.to_numpy()[: i + 1]) * years.to_numpy()[1 : i + 1]
        wanted = of_premium[-1] / np.std(of_premium[-21:-1], ddof=1)
        assert found["premium_z"].iloc[i] == pytest.approx(wanted, rel=1e-9)


@settings(max_examples=10)
@given(day=st.integers(25, 58), size=st.floats(-5.0, 5.0))
def test_no_look_ahead(day, size):
    """Later days change nothing, and a day's own jump is not in its own measure."""
    later = RATE.copy()
    later.iloc[day + 1 :] += size
    one, two = (basis.jumps(series, window=20).table["z"].iloc[: day + 1] for series in (RATE, later))
    pd.testing.assert_series_equal(one, two)
    pushed = RATE.copy()
    pushed.iloc[day] += 0.01
    base = np.diff(RATE.to_numpy())[day - 21 : day - 1].std(ddof=1)
    moved = basis.jumps(pushed, window=20).table["z"].iloc[day]
    assert moved == pytest.approx((RATE.diff().iloc[day] + 0.01) / base, rel=1e-9)


def test_the_same_dollars_at_30_and_120_days():
    """3.3 to 9 % at 30 days is .468 % of spot (A10); at 120 days these dollars are a quarter of it."""
    jump = 0.09 - 0.033
    at_30 = pd.concat(
        [pd.Series(0.033 + 1e-4 * RNG.standard_normal(59), DAYS[:59]), pd.Series(0.09, DAYS[59:])]
    )
    near = basis.jumps(at_30, years=30 / 365, window=40).table.iloc[-1]
    assert near["premium_change"] == pytest.approx(jump * 30 / 365, rel=0.01)
    assert near["premium_change"] == pytest.approx(0.00468, abs=5e-5)
    assert near["magnification"] == pytest.approx(4.0)
    at_120 = 0.033 + (at_30 - 0.033) * 30 / 120
    far = basis.jumps(at_120, years=120 / 365, window=40).table.iloc[-1]
    assert far["premium_change"] == pytest.approx(near["premium_change"], rel=1e-9)
    assert near["change"] == pytest.approx(4.0 * far["change"], rel=1e-9)
    assert far["magnification"] == 1.0
    assert near["z"] == pytest.approx(far["z"], rel=1e-9)  # a constant maturity hides the magnification
    assert near["jump"]
    assert not near["magnified"]  # a real jump of price


def near_expiry(noise=3.0, seed=3):
    """Futures whose premium is off by some dollars of noise, up to two days before the expiry."""
    rng = np.random.default_rng(seed)
    days = pd.date_range("2025-12-01", "2026-02-25")
    left = (pd.Timestamp("2026-02-27") - days).days / 365
    futures = 65_000.0 * (1.0 + 0.05 * left) + noise * rng.standard_normal(len(days))
    spot = pd.Series(65_000.0, days)
    return basis.daily(
        pd.Series(futures, days), spot, "2026-02-27", clock="21:00 UTC", spot_clock="21:00 UTC"
    )


def test_jumps_of_the_rate_alone_near_the_expiry():
    """Three dollars of noise: in the last days they are jumps of the rate and none of the premium."""
    runs = [basis.jumps(near_expiry(seed=seed), window=60) for seed in range(10)]
    flags = np.array([run.table["magnified"].to_numpy() for run in runs])
    assert flags[:, -4:].any(axis=1).sum() >= 8
    assert flags[:, -4:].mean() > 3.0 * flags[:, -26:-20].mean()
    assert np.mean([run.table["premium_z"].abs().iloc[-4:].max() >= 3.0 for run in runs]) <= 0.1
    assert runs[0].table["magnification"].iloc[-1] == pytest.approx(60.0)
    assert "up to 60 times as much as 120 days from expiry" in runs[0].summary()
    assert all(
        run.brief()["z"].abs().max() >= 3.0 for run, flag in zip(runs, flags, strict=True) if flag.any()
    )


def test_the_front_contract_of_january(shared):
    """A day before expiry 0.2 % of price is -70 % a year: a jump of 4.5 deviations, none of the premium."""
    records = recorded(shared)
    closes = records["front"]["2025-10-01":"2026-02-12"]
    labels, clock = month_ends(closes.index), "16:00 New York"
    front = basis.daily(closes, records["hours"], labels, clock=clock, margin=0.02)
    found = basis.jumps(front).table
    assert found.index[found["jump"]].strftime("%m-%d").tolist() == ["01-29", "01-30"]
    assert found["magnified"].equals(found["jump"])
    day = found.loc["2026-01-29"]
    assert (day["rate"], day["z"], day["premium_z"]) == pytest.approx((-0.702, -4.5, -0.73), abs=0.05)
    assert day["magnification"] == pytest.approx(120.0)
    event = found.loc["2026-02-05":"2026-02-06"]
    assert event["rate"].mul(100).round(1).tolist() == [0.5, 6.5]
    assert event["premium_change"].mul(1e4).round(0).tolist() == [-4.0, 34.0]
    assert (event["premium_z"].abs() < 1.5).all()


def test_a_jump_of_price_near_the_expiry_is_not_called_magnified():
    quiet = near_expiry().table.copy()
    quiet.iloc[-1, quiet.columns.get_loc("basis")] += 0.004 * 365 / 2  # 0.4 % of price, $260
    found = basis.jumps(quiet["basis"], years=quiet["years"], window=40).table.iloc[-1]
    assert found["jump"]
    assert found["premium_z"] > 3.0
    assert not found["magnified"]
    assert found["premium_change"] * 65_000.0 == pytest.approx(260.0, abs=20.0)


def test_a_roll_is_measured_with_the_shorter_time():
    years = pd.Series(np.where(np.arange(60) < 30, 5.0, 35.0) / 365, DAYS)
    found = basis.jumps(RATE, years=years, window=10).table
    assert found["premium_change"].iloc[30] == pytest.approx(RATE.diff().iloc[30] * 5 / 365)


def test_without_years():
    found = basis.jumps(RATE, window=20)
    assert found.table["premium_z"].isna().all()
    assert not found.table["magnified"].any()
    assert "pass years=" in found.summary()
    assert "0.05 for 5 %" in basis.jumps(100.0 * RATE, window=20).warnings[0]
    assert not found.warnings
    flat = basis.jumps(pd.Series(0.05, DAYS), window=20)
    assert flat.table["z"].isna().all()
    assert "no jump" in flat.summary()


@pytest.mark.parametrize(
    ("rate", "changed", "words"),
    [
        (RATE, {}, "a window of 60 changes needs 62"),
        (RATE, {"window": 4}, "window: received 4"),
        (RATE, {"window": 20, "threshold": 0}, "threshold: received 0"),
        (RATE, {"window": 20, "years": 0.0}, "years: received 0.0; legal: a number > 0"),
        (RATE, {"window": 20, "years": "30d"}, "years: received '30d'"),
        (RATE, {"window": 20, "years": RATE[:10]}, "years: none on 50 days of rate"),
        (RATE, {"window": 20, "years": RATE * 0.0}, "years: 60 of 60 rows not accepted"),
        (RATE[:1], {}, "received 1 row"),
        (RATE.astype(str), {"window": 20}, "rate: received '"),
        (RATE[::-1], {"window": 20}, "times must ascend"),
        (RATE.drop(DAYS[20:40]), {"window": 20}, "rate: a gap from"),
    ],
)
def test_refusals(rate, changed, words):
    with pytest.raises(gf.SchemaError, match=words):
        basis.jumps(rate, **changed)


def test_picture():
    found = basis.jumps(near_expiry(), window=40)
    ax = found.plot()
    measured = found.table[found.table["z"].notna()]
    assert ax.get_lines()[0].get_ydata() == pytest.approx(measured["z"])
    assert ax.get_lines()[1].get_ydata() == pytest.approx(measured["premium_z"])
    assert len(ax.get_lines()[2].get_ydata()) == found.table["magnified"].sum()
    names = [line.get_label() for line in basis.jumps(RATE, years=0.1, window=20).plot().get_lines()]
    assert "premium over spot" not in names  # at a constant maturity it is the same line
    mpl.pyplot.close("all")
