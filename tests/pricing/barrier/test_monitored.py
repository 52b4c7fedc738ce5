from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from gammaflow import barrier, bsm
from gammaflow.errors import ConvergenceError
from support import barrier_references as references
from support.barrier_strategies import (
    FLOOR,
    KINDS,
    aways,
    barrier_of,
    counts,
    ends,
    natural,
    rates,
    rebates,
    sides,
    signs,
    strikes,
    vols,
    years,
)


@pytest.fixture(scope="module")
def reference(shared):
    """Single barriers with more than one date; one date is `test_maturity_...`."""
    table = pd.read_csv(shared / "reference" / "discrete_barriers.csv")
    table = table[table["type"].isin(KINDS) & (table["n_monitor"] > 1)].reset_index(drop=True)
    return table.assign(H=np.where(table["type"].str[0] == "d", table["L"], table["U"]))


def compute(rows, names, tol):
    found = pd.DataFrame(np.nan, rows.index, list(names))
    for n, part in rows.groupby("n_monitor"):
        g = barrier.greeks(
            part["type"].map(KINDS), part["flag"], part["S"], part["K"], part["H"], part["T"], part["r"],
            part["sigma"], part["q"], which=names, monitoring=int(n), tol=tol,
        )  # fmt: skip
        found.loc[part.index] = g.to_frame()
    return found


@pytest.mark.parametrize("tol", [1e-4, 1e-6, 1e-8])
def test_the_requested_tolerance_is_met_on_every_reference_row(reference, tol):
    names = ("price", "delta", "gamma")
    found = compute(reference, names, tol)
    scale = natural(reference["S"], reference["K"], reference["T"], reference["sigma"])
    for name in names:
        size = np.maximum(reference[name].abs(), FLOOR * scale[name])
        error = (found[name] - reference[name]).abs() / size
        assert error.max() <= tol, (
            name,
            reference.loc[error.idxmax(), ["id", "type", "S", "H", "n_monitor"]],
        )


def test_the_volatility_greeks_meet_their_reference(reference):
    """Their reference differentiates numerically: 1e-7 of the natural scale for volga."""
    names = ("vega", "vanna", "volga")
    found = compute(reference, names, 1e-8)
    scale = natural(reference["S"], reference["K"], reference["T"], reference["sigma"])
    for name, allowed in zip(names, (1e-9, 1e-8, 1e-7), strict=True):
        assert ((found[name] - reference[name]).abs() / scale[name]).max() < allowed, name


def test_maturity_is_one_date_and_a_closed_form(shared):
    """One date: the reference's own gamma is off by 6e-10 there (seen with 40 digits)."""
    rows = pd.read_csv(shared / "reference" / "discrete_barriers.csv").query("n_monitor == 1")
    H = rows["L"].fillna(rows["U"])
    args = rows["type"].map(KINDS), rows["flag"], rows["S"], rows["K"], H, rows["T"], rows["r"], rows["sigma"]
    g = barrier.greeks(*args, rows["q"], monitoring="maturity")
    one = barrier.greeks(*args, rows["q"], monitoring=1)
    np.testing.assert_array_equal(g.block, one.block)
    for name, allowed in (("price", 1e-10), ("delta", 1e-10), ("gamma", 6e-10)):
        np.testing.assert_allclose(g[name], rows[name], rtol=0, atol=allowed)


def test_maturity_with_mpmath_figures():
    """Down-and-in put, S 66, K 100, H 60, one day, 4 %, 1 %, 25 %: price, delta, gamma from 40 digits."""
    g = barrier.greeks(
        "down-in", "p", 66.0, 100.0, 60.0, 0.003968253968253968, 0.04, 0.25, 0.01, monitoring=1
    )
    wanted = (2.876780128340714e-8, -1.718618855097791e-7, 1.003330491369109e-6)
    np.testing.assert_allclose((g.price, g.delta, g.gamma), wanted, rtol=1e-12)
    np.testing.assert_allclose((g.vanna, g.volga), (-2.4559526652008e-5, 0.00060230876780325), rtol=1e-11)


@given(sides, signs, strikes, aways, years, rates, vols, rates, rebates, ends)
def test_maturity_is_a_spread_of_vanillas_and_digitals(side, flag, K, away, t, r, sigma, q, rebate, end):
    """Replicated by 2e5 Gauss points in 60 panels cut at strike and barrier."""
    H = barrier_of(side, 100.0, away)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    s, m = sigma * math.sqrt(t), (r - q - 0.5 * sigma**2) * t
    cuts = np.sort(np.concatenate([np.linspace(-9, 9, 61), (np.log(np.array([K, H]) / 100.0) - m) / s]))
    low, high = cuts[:-1, None], cuts[1:, None]
    u = low + (high - low) * 0.5 * (nodes + 1.0)
    w = 0.5 * (high - low) * weights * np.exp(-0.5 * u * u) / math.sqrt(2.0 * math.pi)
    spot = 100.0 * np.exp(m + s * u)
    beyond = spot < H if side == "down" else spot > H
    payoff = np.maximum(flag * (spot - K), 0.0)
    value = np.where(beyond == (end == "in"), payoff, rebate)
    wanted = math.exp(-r * t) * (w * value).sum()
    found = barrier.price(
        f"{side}-{end}", flag, 100.0, K, H, t, r, sigma, q, rebate=rebate, monitoring="maturity"
    )
    assert found == pytest.approx(wanted, abs=1e-9)


@settings(max_examples=25)
@given(sides, signs, strikes, aways, years, rates, vols, rates, counts)
def test_in_and_out_add_up_to_the_vanilla_option(side, flag, K, away, t, r, sigma, q, n):
    args = flag, 100.0, K, barrier_of(side, 100.0, away), t, r, sigma, q
    names = barrier.ALL
    total = barrier.greeks(f"{side}-in", *args, which=names, monitoring=n).block
    total = total + barrier.greeks(f"{side}-out", *args, which=names, monitoring=n).block
    vanilla = bsm.greeks(*args[:3], *args[4:], which=names).block
    scale = natural(100.0, K, t, sigma)
    for i, name in enumerate(names):
        assert abs(total[i] - vanilla[i]) < 1e-9 * max(scale[name], abs(vanilla[i])), name


@settings(max_examples=25)
@given(sides, signs, strikes, aways, years, rates, vols, rates, counts)
def test_more_looks_and_a_closer_barrier_raise_a_knock_in_up_to_the_vanilla(
    side, flag, K, away, t, r, sigma, q, n
):
    near, far = barrier_of(side, 100.0, away), barrier_of(side, 100.0, away + 0.05)
    args = f"{side}-in", flag, 100.0, K
    rest = t, r, sigma, q
    few = barrier.price(*args, np.array([near, far]), *rest, monitoring=n, tol=1e-9)
    many = barrier.price(*args, near, *rest, monitoring=2 * n, tol=1e-9)
    always = barrier.price(*args, near, *rest)
    assert few[1] <= few[0] + 1e-8
    assert few[0] <= many + 1e-8
    assert many <= always + 1e-8
    assert always <= bsm.price(flag, 100.0, K, *rest) + 1e-8


@settings(max_examples=25)
@given(sides, signs, strikes, aways, years, rates, vols, rates, counts, rebates, ends)
def test_prices_scale_with_money(side, flag, K, away, t, r, sigma, q, n, rebate, end):
    H = barrier_of(side, 100.0, away)
    one, three = (
        barrier.price(
            f"{side}-{end}",
            flag,
            100.0 * c,
            K * c,
            H * c,
            t,
            r,
            sigma,
            q,
            rebate=rebate * c,
            monitoring=n,
            tol=1e-9,
        )
        for c in (1.0, 3.0)
    )
    assert three == pytest.approx(3.0 * one, abs=1e-8)


def test_many_dates_tend_to_continuous_monitoring_as_one_over_their_root():
    args = "down-in", "p", 100.0, 105.0, 85.0, 0.5, 0.03, 0.3, 0.01
    limit = barrier.price(*args)
    gaps = [limit - barrier.price(*args, monitoring=n, tol=1e-8) for n in (64, 256, 1024, 4096)]
    ratios = np.array(gaps[:-1]) / np.array(gaps[1:])
    np.testing.assert_allclose(ratios, 2.0, rtol=0.02)
    corrected = [
        barrier.price(*args, monitoring=n, method="bgk") - barrier.price(*args, monitoring=n, tol=1e-8)
        for n in (64, 1024)
    ]
    assert abs(corrected[0]) < 3e-3 * limit
    assert abs(corrected[1]) < 2e-4 * limit


@pytest.mark.parametrize("kind", ["down-in", "down-out", "up-in", "up-out"])
@pytest.mark.parametrize("flag", [1, -1])
@pytest.mark.parametrize("times", [[0.004, 0.1, 0.104, 0.5, 0.8], [0.7, 0.75, 0.8], [0.001, 0.8]])
def test_uneven_dates_and_rebates_against_monte_carlo(kind, flag, times):
    H = 93.0 if kind.startswith("down") else 108.0
    args = 97.0 if kind.startswith("down") else 104.0, 100.0, H
    rest = 0.06, 0.35, -0.02
    found = barrier.price(kind, flag, *args, times[-1], *rest, rebate=5.0, monitoring=times)
    wanted, error = references.monte_carlo(kind, flag, *args, times, *rest, 5.0, 400_000, 11)
    assert abs(found - wanted) < 4.0 * error


def test_equal_times_are_the_number_of_dates():
    args = "up-out", "c", 100.0, 95.0, 120.0, 0.75, 0.03, 0.3, 0.01
    times = 0.75 * np.arange(1, 13) / 12
    a = barrier.greeks(*args, monitoring=12, rebate=2.0, tol=1e-9)
    b = barrier.greeks(*args, monitoring=times, rebate=2.0, tol=1e-9)
    np.testing.assert_allclose(a.block, b.block, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("first", [1e-7, 1e-5, 1e-3, 0.02, 0.3])
@pytest.mark.parametrize("kind", ["down-in", "up-out"])
def test_any_first_gap_gives_the_price_a_finer_tolerance_gives(first, kind):
    """A seasoned note: the next date is seconds or months away, then dates every tenth of a year."""
    times = first + np.arange(6) * 0.1
    H = 95.0
    S = H * np.exp(np.linspace(-0.05, 0.05, 9))
    args = kind, "p", S, 100.0, H, times[-1], 0.03, 0.4, 0.01
    names = ("price", "delta")
    coarse = barrier.greeks(*args, which=names, monitoring=times, tol=1e-4)
    fine = barrier.greeks(*args, which=names, monitoring=times, tol=1e-8)
    size = np.maximum(np.abs(fine.block), FLOOR * np.array([[100.0], [1.0]]))
    assert (np.abs(coarse.block - fine.block) / size).max() < 1e-4
    later = barrier.price(
        *args[:2], S, *args[3:5], times[-1] - first, *args[6:], monitoring=times[1:] - first
    )
    knocked = S < H if kind == "down-in" else S > H
    vanilla = bsm.price("p", S, 100.0, times[-1], *args[6:])
    if first < 1e-6:
        wanted = np.where(knocked, vanilla if kind == "down-in" else 0.0, later)
        away = np.abs(np.log(S / H)) > 0.01
        np.testing.assert_allclose(fine.price[away], wanted[away], rtol=1e-4, atol=1e-4)


def test_spots_of_one_deal_share_a_pass_and_stay_what_they_are_alone():
    S = np.linspace(40.0, 160.0, 31)
    K = np.array([[90.0], [110.0]])
    g = barrier.greeks("down-in", "p", S, K, 75.0, 0.5, 0.03, 0.3, 0.01, monitoring=26, tol=1e-9)
    assert g.price.shape == (2, 31)
    columns = np.broadcast_arrays(S, K)
    alone = barrier.greeks(
        "down-in",
        "p",
        columns[0].ravel(),
        columns[1].ravel(),
        75.0,
        0.5,
        0.03,
        0.3,
        0.01,
        monitoring=26,
        tol=1e-9,
    )
    scale = natural(S, K, 0.5, 0.3)
    for name in g.names:
        error = np.abs(g[name].ravel() - alone[name]) / np.broadcast_to(scale[name], (2, 31)).ravel()
        assert error.max() < 1e-9, name


def test_spot_axes_may_lie_anywhere():
    S = np.array([70.0, 80.0, 90.0])[:, None, None]
    H = np.array([60.0, 65.0])[None, :, None]
    sigma = np.array([0.2, 0.3, 0.4, 0.5])
    args = "down-in", "p", S, 100.0, H, 0.5, 0.03, sigma
    found = barrier.price(*args, monitoring=12)
    assert found.shape == (3, 2, 4)
    for i, j, k in ((0, 0, 0), (2, 1, 3), (1, 0, 2)):
        alone = barrier.price(
            "down-in", "p", S[i, 0, 0], 100.0, H[0, j, 0], 0.5, 0.03, sigma[k], monitoring=12
        )
        assert found[i, j, k] == pytest.approx(alone, rel=2e-6)


def test_threads_give_the_serial_result():
    before = bsm.get_threads()
    try:
        found = []
        for threads in (1, 3):
            bsm.set_threads(threads)
            H = np.linspace(60.0, 99.0, 120)
            found.append(barrier.greeks("down-in", "p", 100.0, 100.0, H, 0.5, 0.03, 0.3, monitoring=26).block)
    finally:
        bsm.set_threads(before)
    np.testing.assert_array_equal(*found)


def test_the_shifted_barrier_is_close_far_from_the_barrier_and_wrong_next_to_it():
    """21 daily dates, down-and-in put K 100, H 60, 4 %, 1 %, 25 %."""
    S = np.concatenate([[60.06], 60.0 * np.exp(0.25 / math.sqrt(252) * np.linspace(1.0, 20.0, 20))])
    args = "down-in", "p", S, 100.0, 60.0
    exact = barrier.price(*args, 21 / 252, 0.04, 0.25, 0.01, monitoring=21, tol=1e-8)
    fast = barrier.price(*args, 21 / 252, 0.04, 0.25, 0.01, monitoring=21, method="bgk")
    assert exact[0] == pytest.approx(35.1369, abs=1e-4)
    assert fast[0] == pytest.approx(35.77, abs=5e-3)
    assert np.abs(fast - exact)[1:].max() < 0.12
    exact = barrier.price(*args, 1.0, 0.04, 0.25, 0.01, monitoring=252, tol=1e-8)
    fast = barrier.price(*args, 1.0, 0.04, 0.25, 0.01, monitoring=252, method="bgk")
    assert np.abs(fast - exact)[1:].max() < 0.011


def test_monte_carlo_agrees_next_to_the_barrier():
    """The range where the shifted barrier fails: 0.1 % above it."""
    times = np.arange(1, 22) / 252
    args = 60.06, 100.0, 60.0
    wanted, error = references.monte_carlo("down-in", -1.0, *args, times, 0.04, 0.25, 0.01, 0.0, 400_000, 5)
    found = barrier.price("down-in", "p", *args, 21 / 252, 0.04, 0.25, 0.01, monitoring=21)
    assert abs(found - wanted) < 4.0 * error


def test_hit_probability_at_dates_against_monte_carlo():
    times = np.arange(1, 13) / 12
    wanted, error = references.monte_carlo(
        "down-out", -1.0, 100.0, 1e-9, 80.0, times, 0.0, 0.3, -0.03, 1.0, 400_000, 3
    )
    found = barrier.hit_probability("down-in", 100.0, 80.0, 1.0, 0.04, 0.3, 0.01, monitoring=12)
    assert abs(found - wanted) < 4.0 * error


def test_a_tolerance_beyond_double_precision_is_refused():
    """speed divides a rounding by the cube of the first steps' deviation."""
    times = [1e-6, 2e-6, 3e-6, 0.5]
    with pytest.raises(ConvergenceError, match=r"tol: 1 of 1 options cannot reach 1e-09"):
        barrier.greeks(
            "down-in", "p", 85.0, 100.0, 80.0, 0.5, 0.03, 0.3, which="speed", monitoring=times, tol=1e-9
        )
