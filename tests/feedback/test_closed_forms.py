"""Published formulas of feedback, each against a computation of another kind."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import dblquad, quad
from scipy.linalg import expm

import gammaflow as gf

forms = gf.closed_forms


@pytest.mark.parametrize("kappa", [-2.5, -0.4, 0.3, 0.8])
def test_t03_hedges_of_hedges_raise_volatility(kappa):
    """Newton's root of r = noise + flow(r) for hedges of a constant dollar gamma, by bisection per draw."""
    noise = 0.01 * np.random.default_rng(3).standard_normal(200)
    low, high = np.minimum(noise, 0.0) * 50.0 - 1.0, np.maximum(noise, 0.0) * 50.0 + 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        short = noise + kappa * middle < middle
        low, high = np.where(short, low, middle), np.where(short, middle, high)
    np.testing.assert_allclose(np.std(low) / np.std(noise), forms.volatility_ratio(kappa), rtol=1e-9)


def test_t03_published_size_in_currencies():
    """Anderegg, Ulmann and Sornette (2022): +0.7 points of 6.8 % in EURUSD, +0.9 of 8 % in USDJPY."""
    raised = np.array([6.8, 8.0]) * (forms.volatility_ratio([0.093, 0.101]) - 1.0)
    np.testing.assert_allclose(raised, [0.7, 0.9], atol=5e-3)


@pytest.mark.parametrize("kappa", [-0.7, 0.0, 0.5, 0.9])
@pytest.mark.parametrize("lag", [1, 2, 7, 60])
def test_t04_variance_ratio_is_the_sum_of_autocovariances(kappa, lag):
    apart = np.abs(np.subtract.outer(np.arange(lag), np.arange(lag)))
    total = (kappa**apart / (1.0 - kappa * kappa)).sum() / lag
    assert forms.variance_ratio(kappa, lag) == pytest.approx(total, rel=1e-12)


def test_t04_lagged_hedges_by_simulation():
    """Variance ratio and autocorrelation within three standard errors, from returns of 20,000 paths."""
    rng, kappa, lag, paths = np.random.default_rng(4), 0.5, 12, 20_000
    r = rng.standard_normal(paths) / np.sqrt(1.0 - kappa**2)
    returns = []
    for _ in range(lag):
        r = kappa * r + rng.standard_normal(paths)
        returns.append(r)
    ratio = np.var(sum(returns), ddof=1) / lag
    error = ratio * np.sqrt(2.0 / paths)
    assert abs(ratio - forms.variance_ratio(kappa, lag)) < 3.0 * error
    for steps in (1, 3):
        found = np.corrcoef(returns[-1], returns[-1 - steps])[0, 1]
        assert abs(found - forms.autocorrelation(kappa, steps)) < 3.0 * (1.0 - found**2) / np.sqrt(paths)
    assert forms.variance_ratio(0.5, 200) == pytest.approx(3.97, abs=5e-3)  # RESEARCH T4


def covariances(kappa, rate, time):
    """Var(P_t) from a hedged start and in the stationary state: matrix exponentials of the linear system.

    dP = dW + q m dt, dm = kappa dW - a m dt, m the gap that dealers have still to trade.
    """
    a = rate * (1.0 - kappa)
    drift, noise = np.array([[0.0, rate], [0.0, -a]]), np.array([1.0, kappa])
    block = np.zeros((4, 4))
    block[:2, :2], block[:2, 2:], block[2:, 2:] = -drift, np.outer(noise, noise), drift.T
    whole = expm(block * time)
    grown = whole[2:, 2:].T
    hedged = (grown @ whole[:2, 2:])[0, 0]
    return hedged, hedged + grown[0, 1] ** 2 * kappa**2 / (2.0 * a)


@pytest.mark.parametrize("kappa", [-1.5, -0.5, 0.2, 0.5, 0.9])
@pytest.mark.parametrize(("rate", "time"), [(1.0, 1.0), (0.3, 8.0), (5.0, 0.05)])
def test_t05_li_almgren_variances_by_matrix_exponentials(kappa, rate, time):
    hedged, stationary = covariances(kappa, rate, time)
    assert forms.li_almgren_variance_hedged(kappa, rate, time) == pytest.approx(hedged / time, rel=1e-9)
    assert forms.li_almgren_variance(kappa, rate, time) == pytest.approx(stationary / time, rel=1e-9)


@pytest.mark.parametrize("kappa", [-0.8, 0.6])
def test_t05_li_almgren_by_quadrature(kappa):
    """Variance is time plus twice the integral of the autocovariance; h(u)^2 integrates to that hedged."""
    q, t = 2.0, 1.7
    cov = lambda s, u: forms.li_almgren_autocovariance(kappa, q, u - s)  # noqa: E731
    double = dblquad(cov, 0.0, t, 0.0, lambda u: u, epsabs=1e-8)[0]
    assert forms.li_almgren_variance(kappa, q, t) == pytest.approx(1.0 + 2.0 * double / t, rel=1e-7)
    a = q * (1.0 - kappa)
    h = lambda u: (1.0 + kappa * q / a * (1.0 - np.exp(-a * u))) ** 2  # noqa: E731
    assert forms.li_almgren_variance_hedged(kappa, q, t) == pytest.approx(quad(h, 0.0, t)[0] / t, rel=1e-9)
    assert np.sign(forms.li_almgren_autocovariance(kappa, q, t)) == np.sign(kappa)


def test_t05_li_almgren_by_simulation():
    """The dealer's rule itself, in small steps: RESEARCH B6 has 1.484, 2.516 and 0.528."""
    rng, paths, steps = np.random.default_rng(5), 20_000, 400
    for kappa, time, published in ((0.5, 1.0, 1.484), (0.5, 4.0, 2.516), (-0.5, 4.0, 0.528)):
        dt = time / steps
        price, hedge = np.zeros((2, paths))
        for _ in range(steps):
            traded = dt * (kappa * price - hedge)  # rate 1
            hedge += traded
            price += traded + np.sqrt(dt) * rng.standard_normal(paths)
        found = np.var(price) / time
        wanted = forms.li_almgren_variance_hedged(kappa, 1.0, time)
        assert wanted == pytest.approx(published, abs=6e-4)
        assert abs(found - wanted) < 3.0 * wanted * np.sqrt(2.0 / paths) + 0.3 * dt


def test_t05_limits():
    np.testing.assert_allclose(forms.li_almgren_variance([0.6, -0.6], 3.0, 0.0), 1.0, rtol=1e-15)
    np.testing.assert_allclose(forms.li_almgren_variance_hedged([0.6, -0.6], 3.0, 0.0), 1.0, rtol=1e-15)
    long = forms.li_almgren_variance([0.6, -0.6], 3.0, 1e12)
    np.testing.assert_allclose(long, forms.volatility_ratio([0.6, -0.6]) ** 2, rtol=1e-11)


def radius(kappa, g, rho):
    """Largest absolute eigenvalue of the recursion of (r, I)."""
    step = np.array([[kappa, rho - 1.0], [(1.0 - g) * kappa, rho]])
    return np.abs(np.linalg.eigvals(step)).max()


SHARES = st.tuples(st.floats(0.02, 1.0), st.floats(0.0, 0.98))


@given(SHARES)
def test_t06_bounds_are_where_an_eigenvalue_leaves_the_unit_circle(shares):
    low, high = forms.transient_stability(*shares)
    for bound in (low, high):
        assert radius(bound, *shares) == pytest.approx(
            1.0, abs=1e-6
        )  # a double root moves as the square root
        assert radius(bound * (1.0 + 1e-4), *shares) > 1.0
        assert radius(bound * (1.0 - 1e-4), *shares) < 1.0


@given(SHARES, st.floats(0.05, 0.95))
def test_t06_long_run_variance_from_the_response_to_one_shock(shares, place):
    """Returns that follow one unit of noise sum to 1 / (1 - g kappa): the sum of all powers."""
    low, high = forms.transient_stability(*shares)
    kappa = low + place * (high - low)
    g, rho = shares
    step = np.array([[kappa, rho - 1.0], [(1.0 - g) * kappa, rho]])
    total = np.linalg.solve(np.eye(2) - step, [1.0, 0.0])[0]
    assert forms.transient_variance_ratio(kappa, g, rho) == pytest.approx(total**2, rel=1e-9)


def test_t06_transient_impact_by_simulation():
    rng, paths, steps, kappa, g, rho = np.random.default_rng(6), 20_000, 300, 0.6, 0.5, 0.6
    r, left, x = np.zeros((3, paths))
    for _ in range(steps):
        r, left = (
            rng.standard_normal(paths) + kappa * r - (1.0 - rho) * left,
            rho * left + (1.0 - g) * kappa * r,
        )
        x += r
    wanted = forms.transient_variance_ratio(kappa, g, rho)
    found = np.var(x) / steps
    assert abs(found - wanted) < 3.0 * wanted * np.sqrt(2.0 / paths) + 3.0 * wanted / steps


def test_t06_without_decay_it_is_the_plain_lag():
    for g, rho in ((1.0, 0.3), (0.4, 1.0)):
        assert forms.transient_stability(g, rho) == (-1.0, 1.0)
        assert forms.transient_variance_ratio(0.5, g, rho) == forms.volatility_ratio(0.5) ** 2


@pytest.mark.parametrize(("kappa", "permanent"), [(0.45, 1.0), (-0.9, 1.0), (0.7, 0.4)])
def test_t07_a_shock_settles_at_its_multiple(kappa, permanent):
    """The recursion of T6 after one sale, with half of what decays left after each step."""
    r, left, x = -0.01, 0.0, 0.0
    for _ in range(2000):
        x += r
        r, left = kappa * r - 0.5 * left, 0.5 * left + (1.0 - permanent) * kappa * r
    assert x / -0.01 == pytest.approx(forms.shock_multiplier(kappa, permanent), rel=1e-12)


@pytest.mark.parametrize("kappa", [0.25, -0.25])
def test_t13_regression_of_the_last_half_hour(kappa):
    """Momentum where dealers are short gamma, reversal where long: thirteen half hours, 40,000 days."""
    rng, h, days = np.random.default_rng(13), 0.6, 40_000
    halves = 0.002 * rng.standard_normal((12, days))
    gamma, depth = -kappa * 3e8, 3e8  # dollars per 1 %
    rest = halves.sum(axis=0)
    flow = -h * gamma * 100.0 * rest
    last = 0.002 * rng.standard_normal(days) + 0.01 * flow / depth
    slope, offset = np.polyfit(rest, last, 1)
    error = np.std(last - slope * rest - offset) / (np.std(rest) * np.sqrt(days))
    assert abs(slope - forms.last_half_hour_beta(kappa, h)) < 3.0 * error
    assert np.sign(slope) == np.sign(kappa)


def test_t13_impact_that_decays_is_retraced():
    g, rho, flow = 0.3, 0.8, -0.005
    left, x = (1.0 - g) * flow, flow
    for n in range(1, 10):
        x -= (1.0 - rho) * left
        left *= rho
        assert 1.0 - x / flow == pytest.approx(forms.retrace(g, rho, n), rel=1e-12)
    assert forms.retrace(1.0, rho, 5) == 0.0


@given(st.floats(-3.0, 3.0), st.floats(1e6, 1e10), st.floats(-0.3, 0.3))
def test_leveraged_fund_restores_its_leverage(leverage, assets, move):
    """Exposure needed after the move less exposure held: the fund's own accounts."""
    value, held = assets * (1.0 + leverage * move), leverage * assets * (1.0 + move)
    traded = forms.leveraged_fund_flow(leverage, assets, move)
    assert traded == pytest.approx(leverage * value - held, rel=1e-9, abs=1e-3)


PINNED = {  # RESEARCH B7: percent at distances of 0, 0.5 and 1, by simulation of 4,000 paths
    0.05: (9.4, 8.1, 6.4),
    0.1: (17.5, 16.4, 11.5),
    0.2: (33.5, 29.3, 21.1),
    0.4: (55.6, 50.5, 38.2),
    0.8: (79.3, 76.0, 61.4),
}


def test_t23_pinning_table():
    strength = np.array(list(PINNED))[:, None]
    found = 100.0 * forms.pinning_probability(strength, [0.0, 0.5, 1.0])
    np.testing.assert_allclose(found, list(PINNED.values()), atol=2.0)
    # The same equation on a grid of 0.01 in place and time, for this row.
    np.testing.assert_allclose(found[3], [55.0668, 50.6381, 38.4439], atol=0.01)


def test_t23_pinning_by_simulation():
    """Avellaneda and Lipkin's own equation for z, implicit in the pull, in logarithmic time."""
    rng, paths, du, beta, start = np.random.default_rng(23), 10_000, 0.02, 0.3, 0.4
    left = np.exp(-du * np.arange(801))
    z = np.full(paths, start)
    for here, after in pairwise(left):
        ds = here - after
        pull = beta * here**-1.5 * np.exp(-0.5 * z * z / here) * ds
        z = (z + np.sqrt(ds) * rng.standard_normal(paths)) / (1.0 + pull)
    share = np.mean(np.abs(z) < 0.01)
    error = np.sqrt(share * (1.0 - share) / paths)
    assert abs(share - forms.pinning_probability(beta, start)) < 3.0 * error + 0.005


def test_pinning_is_a_probability_that_rises_with_strength_and_falls_with_distance():
    distance = np.linspace(0.0, 5.0, 23)
    found = forms.pinning_probability(np.geomspace(1e-3, 30.0, 12)[:, None], distance)
    assert found.min() >= 0.0
    assert found.max() <= 1.0
    assert (np.diff(found, axis=0) > -1e-6).all()
    assert (np.diff(found, axis=1) < 1e-6).all()
    mirrored = forms.pinning_probability(0.3, [-0.77, 0.77])
    assert mirrored[0] == mirrored[1]


def test_pinning_outside_its_range_and_alone():
    found = forms.pinning_probability([0.0, -1.0, 1e-9, np.nan, 2e3, 0.1], [0.0, 0.0, 0.0, 0.0, 0.0, 21.0])
    np.testing.assert_array_equal(found, [0.0, 0.0, 0.0, np.nan, np.nan, np.nan])
    together = forms.pinning_probability([[0.1], [0.7]], [0.3, 1.1])
    alone = [[float(forms.pinning_probability(b, z)) for z in (0.3, 1.1)] for b in (0.1, 0.7)]
    np.testing.assert_allclose(together, alone, atol=1e-5)
    # Of a weak pull first order remains: probability in proportion to the strength.
    weak = forms.pinning_probability([1e-4, 2e-4], 0.5)
    assert weak[1] / weak[0] == pytest.approx(2.0, rel=1e-3)


def test_pinning_strength_is_the_pull_of_the_hedge():
    """Dealers' trade as time passes, by repricing, times impact: the drift of Avellaneda and Lipkin."""
    spot, sigma, years, units, move = 70_000.0, 0.5, 5.0 / 365.0, 20_000.0, 0.01 * 70_000.0 / 294e6
    z, short = 0.3, 1e-6
    strike = spot * np.exp(-z * sigma * np.sqrt(years) + 0.5 * sigma**2 * years)  # so that d1 = z
    delta = [gf.bsm.greeks("c", spot, strike, t, 0.0, sigma).delta for t in (years, years - short)]
    drift = -move * units * float(delta[1] - delta[0]) / short  # of ln S per year
    beta = float(forms.pinning_strength(units, move, sigma, years))
    pull = -beta * z * np.exp(-0.5 * z * z) * sigma / np.sqrt(years)
    # delta decays by d1's own drift too, of order sigma sqrt(T): 1 - sigma sqrt(T) / z here
    assert drift == pytest.approx(pull * (1.0 - sigma * np.sqrt(years) / z), rel=1e-3)


OUTSIDE = [
    (forms.volatility_ratio, ([1.0, 2.0, np.nan],)),
    (forms.shock_multiplier, ([1.0, 0.5, 0.5], [1.0, -0.1, 1.1])),
    (forms.variance_ratio, ([1.0, -1.0, 0.5, 0.5], [2, 2, 0, 1.5])),
    (forms.autocorrelation, ([1.0, -1.0, 0.5, 0.5], [2, 2, -1, 0.5])),
    (forms.li_almgren_variance, ([1.0, 0.5, 0.5], [1.0, 0.0, 1.0], [1.0, 1.0, -1.0])),
    (forms.li_almgren_variance_hedged, ([1.0, 0.5, 0.5], [1.0, 0.0, 1.0], [1.0, 1.0, -1.0])),
    (forms.li_almgren_autocovariance, ([1.0, 0.5, 0.5], [1.0, 0.0, 1.0], [1.0, 1.0, -1.0])),
    (forms.transient_variance_ratio, ([1.4, -0.9, 0.1, 0.1], [0.5, 0.5, 1.5, 0.5], [0.5, 0.5, 0.5, -0.1])),
    (forms.last_half_hour_beta, ([0.5, 0.5], [-0.1, 1.1])),
    (forms.retrace, ([-0.1, 1.1, 0.5, 0.5, 0.5], [0.5, 0.5, -0.1, 1.1, 0.5], [1, 1, 1, 1, -1])),
    (forms.leveraged_fund_flow, (2.0, [-1.0, 1.0], [0.1, -1.0])),
    (forms.pinning_strength, (1.0, [-1.0, 1.0, 1.0], [0.5, 0.0, 0.5], [1.0, 1.0, 0.0])),
]


@pytest.mark.parametrize(("form", "arguments"), OUTSIDE, ids=lambda x: getattr(x, "__name__", ""))
def test_nan_outside_the_range_and_words_refused(form, arguments):
    assert np.isnan(form(*arguments)).all()
    with pytest.raises(gf.SchemaError, match="'much'; it must be real numbers"):
        form("much", *arguments[1:])
    if len(arguments) > 1:
        with pytest.raises(gf.SchemaError, match=r"shapes do not broadcast: \w+ \(7,\), \w+ \(11,\)"):
            form(np.ones(7), np.ones(11), *(1.0 for _ in arguments[2:]))


def test_bounds_outside_the_range():
    assert np.isnan(forms.transient_stability([-0.1, 1.1, 0.5, 0.5], [0.5, 0.5, -0.1, 1.1])).all()
    assert forms.transient_stability(0.0, 0.5) == (-0.75, 1.0)
