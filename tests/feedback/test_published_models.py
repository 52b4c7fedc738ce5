"""Published models of feedback, by the name of their test in the research notes, through the simulation.

Each found number is within three of its standard errors of a closed form; run with -s to see the figures.
"""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.special import ndtr

import gammaflow as gf
from gammaflow import closed_forms
from support.feedback_books import PER_1PCT, POOL, POOL_HIGH, POOL_LOW, SPOT, calibration_book, puts

DEPTH = 100e6


def _within(what, found, expected, error, times=3.0):
    print(f"\n  {what}: simulated {found:.6g}, expected {expected:.6g}, standard error {error:.2g}", end="")
    assert abs(found - expected) <= times * error, what


def _simulate(kappa, *, days=1.0, low=0.5, high=2.0, impact=None, **options):
    """Paths under dealers of constant dollar gamma, with loop gain kappa at a depth of 100m per 1 %."""
    surface = gf.constant_gamma_surface(-kappa * DEPTH, 100.0, days=days, low=100.0 * low, high=100.0 * high)
    depth = gf.impact.linear(DEPTH, source="a test", **(impact or {}))
    given = {"channels": ["gamma"], "days": days, "volatility": 0.3, **options}
    return gf.simulate_feedback(surface, impact=depth, **given)


def _moves(paths):
    """Moves per step, (paths, steps), and their standard deviation without feedback."""
    setup = paths.setup
    step = setup.volatility * math.sqrt(setup.days / setup.steps / 365.0)
    return np.diff(paths.raw.path, axis=1), step


def _sums(moves, m):
    """Moves over m steps that do not overlap."""
    return moves[:, : moves.shape[1] // m * m].reshape(len(moves), -1, m).sum(axis=2)


def _variance_ratio(moves, noise):
    """Variance of moves over that of the noise in them, both with mean 0, and its standard error.

    The noise is known, so that the error is that of the part of the moves which it does not explain.
    """
    ratio = float((moves**2).mean() / (noise**2).mean())
    explained = float((moves * noise).sum() ** 2 / ((moves**2).sum() * (noise**2).sum()))
    return ratio, ratio * math.sqrt(4.0 * (1.0 - explained) / moves.size)


def test_t1_without_a_book_volatility_is_that_of_the_noise():
    paths = _simulate(0.0, channels=["gamma", "vanna", "charm", "knock_in"], paths=64, steps=4000, seed=1,
                      keep_paths=True)  # fmt: skip
    moves, step = _moves(paths)
    assert (paths.attribution.drop(columns="noise") == 0.0).all(axis=None)
    assert (paths.flows == 0.0).all(axis=None)
    _within("T1 volatility", moves.std() / step, 1.0, 1.0 / math.sqrt(2.0 * moves.size))


@pytest.mark.parametrize("kappa", [0.5, -0.5, 0.8, -2.0])
def test_t3_hedging_at_once_multiplies_volatility(kappa):
    paths = _simulate(kappa, mode="implicit", paths=64, steps=1000, seed=3, days=0.1, keep_paths=True)
    moves, step = _moves(paths)
    expected = float(closed_forms.volatility_ratio(kappa))
    error = expected / math.sqrt(2.0 * moves.size)
    _within(f"T3 volatility at kappa {kappa:g}", moves.std() / step, expected, error)
    lagged = float((moves[:, 1:] * moves[:, :-1]).mean() / moves.var())
    _within(f"T3 autocorrelation at kappa {kappa:g}", lagged, 0.0, 1.0 / math.sqrt(moves.size))


@pytest.mark.parametrize("kappa", [0.5, -0.5])
def test_t4_hedging_a_step_later_makes_an_autoregression(kappa):
    paths = _simulate(kappa, paths=64, steps=8000, seed=4, keep_paths=True)
    moves, step = _moves(paths)
    size, rest = moves.size, 1.0 - kappa**2
    lagged = float((moves[:, 1:] * moves[:, :-1]).sum() / (moves[:, :-1] ** 2).sum())
    expected = float(closed_forms.autocorrelation(kappa))
    _within(f"T4 autocorrelation at kappa {kappa:g}", lagged, expected, math.sqrt(rest / size))
    expected = float(closed_forms.variance_ratio(kappa, 1))
    error = expected * math.sqrt(2.0 / size * (1.0 + kappa**2) / rest)
    _within(f"T4 variance of a step at kappa {kappa:g}", moves.var() / step**2, expected, error)
    for m in (5, 200):
        expected = float(closed_forms.variance_ratio(kappa, m))
        sums = _sums(moves, m)
        found = float((sums**2).mean()) / (m * step**2)
        error = expected * math.sqrt(2.0 / sums.size * (1.0 + abs(kappa)))
        _within(f"T4 variance ratio of {m} steps at kappa {kappa:g}", found, expected, error)


@pytest.mark.parametrize(("kappa", "published"), [(0.5, (1.484, 2.516)), (-0.5, (None, 0.528))])
def test_t5_li_almgren_volatility_grows_from_that_of_the_noise_to_the_hedged_one(kappa, published):
    rate, steps = 1.0, 500
    for days, number in zip((1.0, 4.0), published, strict=True):
        paths = _simulate(kappa, paths=4096, steps=steps, days=days, seed=5, hedge_rate=rate, volatility=0.1)
        expected = float(closed_forms.li_almgren_variance_hedged(kappa, rate, days))
        if number is not None:
            assert expected == pytest.approx(number, abs=6e-4)
        found, error = _variance_ratio(paths.raw.x, paths.attribution["noise"].to_numpy())
        _within(f"T5 variance at kappa {kappa:g} after {days:g} / rate", found, expected, error)
    # a hedge that takes 1/50 of the time, and one that takes 50 times as long
    for rate, expected in ((0.02, 1.0), (50.0, (1.0 - kappa) ** -2)):
        paths = _simulate(kappa, paths=1024, steps=1000, days=1.0, seed=5, hedge_rate=rate, volatility=0.1)
        found, error = _variance_ratio(paths.raw.x, paths.attribution["noise"].to_numpy())
        known = float(closed_forms.li_almgren_variance_hedged(kappa, rate, 1.0))
        assert known == pytest.approx(expected, rel=0.05)
        _within(f"T5 variance at kappa {kappa:g} and rate {rate:g}", found, known, error)


def _half_life(rho, steps, days=1.0):
    return math.log(0.5) / math.log(rho) * days / steps


@pytest.mark.parametrize(("g", "rho", "kappa"), [(0.5, 0.9, 0.6), (1.0 / 3.0, 0.95, 0.8), (0.5, 0.8, -0.6)])
def test_t6_transient_impact_leaves_the_permanent_part(g, rho, kappa):
    steps = 4000
    impact = {"permanent": g, "half_life": _half_life(rho, steps)}
    paths = _simulate(kappa, paths=256, steps=steps, seed=6, impact=impact)
    found, error = _variance_ratio(paths.raw.x, paths.attribution["noise"].to_numpy())
    expected = float(closed_forms.transient_variance_ratio(kappa, g, rho))
    _within(f"T6 variance ratio at g {g:.3g}, kappa {kappa:g}", found, expected, error)


@pytest.mark.parametrize(("g", "rho"), [(1.0, 0.5), (0.5, 0.9), (0.33, 0.67), (0.2, 0.5), (0.7, 0.2)])
def test_t6_transient_impact_is_stable_between_its_bounds(g, rho):
    steps = 4000
    impact = {"permanent": g, "half_life": _half_life(rho, steps)}
    for bound in closed_forms.transient_stability(g, rho):
        for factor, share in ((0.98, 0.0), (1.02, 1.0)):
            paths = _simulate(factor * bound, paths=8, steps=steps, seed=7, volatility=0.01, impact=impact)
            assert paths.runaway_share == share


@pytest.mark.parametrize("kappa", [0.5, -0.5, 0.8])
def test_t7_a_shock_is_multiplied(kappa):
    shock = -0.01
    expected = shock * float(closed_forms.shock_multiplier(kappa))
    errors = []
    for steps in (500, 1000):
        paths = _simulate(kappa, paths=1, steps=steps, volatility=0.0, shock=100.0 * shock * DEPTH,
                          shock_days=0.5)  # fmt: skip
        row = paths.attribution.iloc[0]
        assert row["deleveraging"] == pytest.approx(shock, rel=1e-12)
        errors.append(paths.raw.x[0] - expected)
    print(f"\n  T7 move at kappa {kappa:g}: simulated {paths.raw.x[0]:.6g}, expected {expected:.6g}", end="")
    # a step is hedged to first order in its size, and half the step leaves half the error
    assert abs(errors[1]) < 4e-4 * abs(expected)
    assert 2.0 * errors[1] - errors[0] == pytest.approx(0.0, abs=1e-5 * abs(expected))


def test_t12_long_gamma_damps_the_more_the_larger_it_is():
    lows, spreads = [], []
    for kappa in (0.5, 0.25, 0.0, -0.25, -0.5, -0.75):
        paths = _simulate(kappa, paths=256, steps=1000, seed=12, volatility=0.5, keep_paths=True)
        moves, _ = _moves(paths)
        lagged = float((moves[:, 1:] * moves[:, :-1]).sum() / (moves[:, :-1] ** 2).sum())
        _within(f"T12 autocorrelation at kappa {kappa:g}", lagged, kappa,
                math.sqrt((1.0 - kappa**2) / moves.size))  # fmt: skip
        found = paths.distribution
        lows.append((found.loc["low", "mean"], found.loc["low", "5 %"]))
        spreads.append(found.loc["log_return", "sd"])
        print(f"; mean low {lows[-1][0]:.5f}, 5 % {lows[-1][1]:.5f}", end="")
    assert all(after > before for one in zip(*lows, strict=True) for before, after in pairwise(one))
    assert all(after < before for before, after in pairwise(spreads))


@pytest.mark.parametrize(("kappa", "h"), [(0.4, 0.5), (0.4, 1.0), (-0.4, 0.5), (0.0, 1.0)])
def test_t13_the_last_half_hour_follows_the_day(kappa, h):
    day, days = 13, 300
    paths = _simulate(kappa, paths=128, steps=day * days + 1, seed=13, hedge_every=day, hedge_fraction=h,
                      keep_paths=True)  # fmt: skip
    x = paths.raw.path
    before = np.diff(x[:, : day * days + 1 : day], axis=1).ravel()
    after = np.diff(x, axis=1)[:, day::day].ravel()
    beta = float((before * after).sum() / (before**2).sum())
    error = float((after - beta * before).std() / math.sqrt((before**2).sum()))
    expected = float(closed_forms.last_half_hour_beta(kappa, h))
    _within(f"T13 beta at kappa {kappa:g}, h {h:g}", beta, expected, error)


def test_t13_transient_impact_retraces():
    g, half_life, steps = 0.3, 0.1, 100
    paths = _simulate(0.0, paths=1, steps=steps, volatility=0.0, shock=-DEPTH,
                      impact={"permanent": g, "half_life": half_life}, keep_paths=True)  # fmt: skip
    x = paths.raw.path[0, 1:]
    n, rho = np.arange(steps), 0.5 ** (1.0 / steps / half_life)
    np.testing.assert_allclose(1.0 - x / x[0], closed_forms.retrace(g, rho, n), atol=1e-13)
    assert x[0] == pytest.approx(-0.01, rel=1e-13)


def _constant_vanna(vanna, beta):
    """Surface on which dealers' dollar delta rises by `vanna` per vol point at every spot."""
    base = gf.constant_gamma_surface(0.0, 100.0, low=80.0, high=125.0)
    shifts = np.linspace(-1.0, 1.0, 5)
    units = 100.0 * vanna / base.spot * np.exp(-base.x)[:, None] * shifts
    return replace(base, vol_shifts=shifts, units=np.broadcast_to(units, (1, 2, 2, *units.shape)).copy())


@pytest.mark.parametrize(("vanna", "beta", "h"), [(20e6, -3.0, 1.0), (20e6, 2.0, 1.0), (-15e6, -2.5, 0.8)])
def test_t13_vanna_amplifies_where_volatility_rises_as_price_falls(vanna, beta, h):
    kappa = -h * beta * vanna / DEPTH
    paths = gf.simulate_feedback(
        _constant_vanna(vanna, beta), impact=gf.impact.linear(DEPTH, source="a test"), channels=["vanna"],
        paths=128, steps=2000, days=0.1, seed=14, volatility=0.6, lowest_volatility=0.0, beta=beta,
        hedge_fraction=h,
    )  # fmt: skip
    assert paths.runaway_share == paths.raw.vol_clipped.mean() == 0.0
    found, error = _variance_ratio(paths.raw.x, paths.attribution["noise"].to_numpy())
    expected = float(closed_forms.volatility_ratio(kappa)) ** 2
    _within(f"vanna: variance ratio at kappa {kappa:g}", found, expected, error)


@pytest.mark.parametrize("d2", [-1.0, -0.2, 0.2, 1.0])
def test_t15_short_puts_sell_as_vol_rises_while_out_of_the_money(d2):
    """S > K exp(sigma^2 T / 2), that is d2 > 0."""
    days, sigma = 14.0, 0.6
    width = sigma * math.sqrt(days / 365.0)
    book = puts(SPOT * math.exp(-d2 * width - 0.5 * width**2), days, -1000.0, sigma=sigma)
    surface = gf.hedge_surface(book, days=0.01, low=0.99 * SPOT, high=1.01 * SPOT, vol_range=(-0.08, 0.08),
                               vol_step=0.01)  # fmt: skip
    paths = gf.simulate_feedback(
        surface, impact=gf.impact.linear(1e12, source="a deep market"), channels=["vanna"], paths=64,
        steps=20, days=0.01, seed=15, volatility=0.0, vol_of_vol=5.0,
    )  # fmt: skip
    moved = paths.raw.vol_shift
    assert abs(moved).max() < 0.08
    # traded, and what the last step leaves to trade
    flow = paths.flows["vanna"].to_numpy() - SPOT * paths.raw.pending[:, 1]
    assert (np.sign(flow) == -np.sign(d2) * np.sign(moved)).all()
    root = math.sqrt(days / 365.0)
    d1 = (d2 * width + 0.5 * width**2) / (root * (sigma + moved)) + 0.5 * root * (sigma + moved)
    expected = 1000.0 * SPOT * (ndtr(d1) - ndtr(d2 + width))
    most = abs(moved).argmax()
    print(f"\n  T15 vanna flow at d2 {d2:g}, vol {100 * moved[most]:+.3g} points: {flow[most] / 1e6:.4f}m, "
          f"expected {expected[most] / 1e6:.4f}m", end="")  # fmt: skip
    np.testing.assert_allclose(flow, expected, atol=1e-4 * 1000.0 * SPOT)


@pytest.fixture(scope="module")
def calibration():
    """Surface of the illustrative book of the research notes, for a minute and a half."""
    return gf.hedge_surface(calibration_book(), days=0.001, low=55_000.0, high=80_000.0, beta=-3.0,
                            step=0.002, vol_step=0.02)  # fmt: skip


def _walk(surface, spot, beta):
    """Flows of the book's hedge on a straight way to a spot, by channel [bn]."""
    tiny, x = 1e-9, math.log(spot / SPOT)
    paths = gf.simulate_feedback(
        surface, impact=gf.impact.linear(PER_1PCT, source="Citi"), channels=["gamma", "vanna"], paths=1,
        steps=4000, days=0.001, volatility=0.0, lowest_volatility=0.0, beta=beta, shock=100.0 * x * PER_1PCT,
        shock_days=0.0009, hedge_fraction=tiny,
    )  # fmt: skip
    assert paths.raw.x[0] == pytest.approx(x, rel=1e-6)
    return paths.flows.iloc[0] / tiny / 1e9


def test_t15_vanna_is_a_matter_of_the_path(calibration):
    """Numbers of finding 6: what the calibration book sells over a fall of 13.2 %."""
    end = 0.868 * SPOT
    moved, fixed, trough = (
        _walk(calibration, end, -3.0),
        _walk(calibration, end, 0.0),
        _walk(calibration, 68_300, -3.0),
    )
    print(f"\n  T15 fall of 13.2 %: gamma {moved['gamma']:.3f}, vanna {moved['vanna']:.3f} bn; without vol "
          f"{fixed['gamma']:.3f}; vanna at 68,300 {trough['vanna']:.3f}", end="")  # fmt: skip
    assert moved["gamma"] == pytest.approx(-1.02, abs=0.005)
    assert moved["vanna"] == pytest.approx(-0.04, abs=0.005)
    assert fixed["gamma"] == pytest.approx(-1.31, abs=0.005)
    assert trough["vanna"] == pytest.approx(-0.09, abs=0.005)
    assert trough["vanna"] < min(_walk(calibration, spot, -3.0)["vanna"] for spot in (70_000, 67_000, end))
    # end to end, at the mean of spot on the way, the sign depends on the order
    rise = -3.0 * math.log(0.868)
    mean = (end - SPOT) / math.log(0.868) / 1e9
    after = -mean * (calibration.delta(spots=end, vol_shift=rise) - calibration.delta(spots=end))
    before = -mean * (calibration.delta(vol_shift=rise) - calibration.delta())
    print(f"; end to end {after:+.3f} or {before:+.3f}", end="")
    assert after == pytest.approx(0.27, abs=0.005)
    assert before == pytest.approx(-0.23, abs=0.005)


def test_the_calibration_falls_as_published(calibration):
    """The base row of table D7, simulated: sale, split by channel and amplification."""
    pool = gf.liquidations.pool(POOL, POOL_LOW, POOL_HIGH, side="long")
    shock = -2.31e9
    paths = gf.simulate_feedback(
        calibration, impact=gf.impact.linear(PER_1PCT, source="Citi"), channels=["gamma", "vanna", pool],
        paths=1, steps=4000, days=0.001, volatility=0.0, lowest_volatility=0.0, beta=-3.0, shock=shock,
        shock_days=0.0009,
    )  # fmt: skip
    x, flows = float(paths.raw.x[0]), paths.flows.iloc[0] / 1e9
    print(f"\n  D7: move {x:.5f} (-0.14156), gamma {flows['gamma']:.3f} (-1.02), vanna {flows['vanna']:.3f} "
          f"(-0.04), liquidations {flows['liquidations']:.3f} (-0.81), amplification "
          f"{100 * x * PER_1PCT / shock:.3f} (1.81)", end="")  # fmt: skip
    assert x == pytest.approx(math.log(0.868), rel=0.02)
    assert 100.0 * x * PER_1PCT / shock == pytest.approx(1.81, rel=0.02)
    assert flows["gamma"] == pytest.approx(-1.02, rel=0.02)
    assert flows["liquidations"] == pytest.approx(-0.81, rel=0.02)
    assert flows["vanna"] == pytest.approx(-0.04, abs=0.005)


@pytest.mark.parametrize(
    ("pull", "start", "percent"),
    [(0.1, 0.0, 17.5), (0.2, 0.5, 29.3), (0.4, 1.0, 38.2), (0.8, 0.0, 79.3)],
)
def test_t23_long_gamma_pins_price_at_the_strike(pull, start, percent):
    """Avellaneda and Lipkin (2003): the pull is that of charm alone; table B7, from one sd `start` away.

    The run ends at 0.4 % of the time to expiry. A path is pinned that is then nearer to the strike than the
    place at which the pull is as strong as the growth of ln(S / K) in units of the remaining deviation.
    """
    spot, contracts, vol, left = 100.0, 1e6, 0.2, 0.004
    width = vol * math.sqrt(1.0 / 365.0)
    book = puts(spot * math.exp(-start * width), 1.0, contracts, sigma=vol, spot=spot)
    surface = gf.hedge_surface(book, days=1.0, low=93.0, high=107.5, step=2e-4, time_ratio=0.8, tol=0.05)
    per_1pct = 0.01 * contracts * spot / (2.0 * math.sqrt(2.0 * math.pi) * width * pull)
    paths = gf.simulate_feedback(
        surface, impact=gf.impact.linear(per_1pct, source="a test"), channels=["charm"], paths=4096,
        steps=2000, days=1.0 - left, seed=23, volatility=vol,
    )  # fmt: skip
    away = np.abs(paths.raw.x / width + start) / math.sqrt(left)
    found = float((away < math.sqrt(2.0 * math.log(2.0 * pull / math.sqrt(left)))).mean())
    error = math.sqrt(found * (1.0 - found) / 4096)
    exact = float(closed_forms.pinning_probability(pull, start))
    _within(f"T23 pinned at pull {pull:g} from {start:g} sd", found, exact, error)
    print(f"; published {percent:g} %", end="")
    assert abs(100.0 * found - percent) < 2.0
