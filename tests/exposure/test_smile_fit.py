"""Slices fitted together: no arbitrage left, and no more misfit than that takes."""

import math

import numpy as np
import pytest

import gammaflow as gf
from gammaflow.exposure.smile import fit_smiles
from gammaflow.kernels import smile_fit as kernels
from gammaflow.kernels.smile import svi_curvature, svi_slope, svi_variance
from support.smiles import book_of, svi


def ssvi(k, theta, rho=-0.6, eta=0.9, gamma=0.4):
    """Gatheral and Jacquier's surface, equation 4.1, with phi = eta theta^-gamma (1 + theta)^(gamma - 1)."""
    phi = eta * theta**-gamma * (1.0 + theta) ** (gamma - 1.0)
    return 0.5 * theta * (1.0 + rho * phi * k + np.sqrt((phi * k + rho) ** 2 + 1.0 - rho**2))


def raw_of_ssvi(theta, rho=-0.6, eta=0.9, gamma=0.4):
    phi = eta * theta**-gamma * (1.0 + theta) ** (gamma - 1.0)
    return (
        0.5 * theta * (1 - rho**2),
        0.5 * theta * phi,
        rho,
        -rho / phi,
        math.sqrt(1 - rho**2) / phi,
    )


def arbitrage(smiles):
    """Least g of each slice, and places where w falls with time: plain sums over evenly spaced k, w by hand.

    g by differences of w itself, Gatheral and Jacquier's equation 2.1; the grid is not that of the fit.
    """
    low, high = smiles.range
    width = high - low
    near = np.concatenate([np.linspace(low, high, 4001), np.linspace(-0.1, 0.1, 2001)])
    far = np.concatenate([near, np.linspace(low - 10 * width, high + 10 * width, 1001)])
    parameters = smiles.table[["a", "b", "rho", "m", "s"]].to_numpy()
    least, falls, before = [], 0, np.zeros(len(far))
    for row in parameters:
        h = 1e-3 * row[4]
        w, up, down = svi(near, *row), svi(near + h, *row), svi(near - h, *row)
        slope, bend = (up - down) / (2 * h), (up - 2 * w + down) / h**2
        g = (1 - near * slope / (2 * w)) ** 2 - slope**2 / 4 * (1 / w + 0.25) + bend / 2
        least.append(g.min())
        now = svi(far, *row)
        falls += int((now < before).sum())
        before = now
    return np.array(least), falls


def test_shape_is_raw_svi_and_its_derivatives_are_those_of_differences():
    theta, h = np.array([0.7, 0.9, 1.3, -0.2, 0.6]), 1e-6
    v, P, C, m, s = theta
    raw = (v - s * P * C, 0.5 * (P * P + C * C), (P * P - C * C) / (P * P + C * C), m, s)
    for x in (-3.0, -0.2, 0.1, 2.5):
        value, *by = kernels.shape(x, *theta)
        exact = [f(x, *raw) for f in (svi_variance, svi_slope, svi_curvature)]
        np.testing.assert_allclose(value, exact, rtol=1e-12, atol=1e-14)
        for j in range(5):
            up, down = (kernels.shape(x, *(theta + sign * h * np.eye(5)[j]))[0] for sign in (1, -1))
            slopes = (np.array(up) - np.array(down)) / (2 * h)
            np.testing.assert_allclose([b[j] for b in by], slopes, rtol=1e-7, atol=1e-8)


def test_normal_equations_are_the_slopes_of_their_cost():
    """With every kind of residual at work: crossing slices and wings, g < 0, a slice with a prior."""
    rng = np.random.default_rng(3)
    theta = np.array([[0.8, 1.2, 1.6, -0.3, 0.5], [0.5, 0.9, 1.1, 0.2, 0.2], [0.9, 0.7, 1.9, 0.0, 0.9]])
    unit, starts = np.array([0.3, 0.32, 0.35]), np.array([0, 9, 17, 20])
    x = rng.normal(0, 2, 20)
    quote, weight = rng.uniform(0.8, 1.6, 20), rng.uniform(0.2, 1.0, 20)
    ridge = np.outer([0.0, 0.0, 0.3], [1.0, 2.0, 1.5, 0.5, 3.0])
    inside, between = np.tile(np.linspace(-5, 5, 41), (3, 1)), np.tile(np.linspace(-1.5, 1.5, 31), (2, 1))

    def equations(theta):
        matrix, gradient, cost = np.empty((10, 15)), np.empty(15), np.empty(1)
        kernels.normal_equations(
            theta, unit, starts, x, quote, weight, 0.05, np.ones((3, 5)), ridge,
            inside, between, 2.0, np.array([0.01, 1e-4]), matrix, gradient, cost,
        )  # fmt: skip
        return matrix, gradient, cost[0]

    matrix, gradient, cost = equations(theta)
    steps = 1e-6 * np.eye(15).reshape(15, 3, 5)
    slopes = [(equations(theta + d)[2] - equations(theta - d)[2]) / 2e-6 for d in steps]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-5, atol=1e-5)
    full = sum(np.diag(matrix[i, : 15 - i], -i) for i in range(10))
    full = full + np.tril(full, -1).T
    assert np.linalg.eigvalsh(full).min() > -1e-9 * full.max()
    assert cost > 1.0
    assert (np.abs(full[:5, 5:10]) > 0).any()
    assert not full[:5, 10:].any()


@pytest.mark.parametrize("days", [(1.0, 7.0, 30.0, 180.0, 720.0), (0.003, 0.27, 365.0, 365.27)])
def test_a_surface_without_arbitrage_is_recovered(days):
    """SSVI: minutes, hours, and two settlements of one day included."""
    years = np.array(days) / 365
    expiries = []
    for t in years:
        theta = 0.04 * t
        k = np.linspace(-4, 3, 29) * math.sqrt(theta)
        expiries.append((t, k, ssvi(k, theta)))
    smiles = fit_smiles(book_of(*expiries))
    least, falls = arbitrage(smiles)
    assert falls == 0
    assert (least > 0).all()
    assert smiles.table["rms"].max() < 1e-5
    for e, t in enumerate(years):
        wanted = raw_of_ssvi(0.04 * t)
        np.testing.assert_allclose(smiles.svi[e] / np.abs(wanted), np.sign(wanted), atol=1e-4)
    assert "fitted alone, 0 would cross a neighbour and 0 have butterfly arbitrage" in repr(smiles)


@pytest.mark.parametrize("planted", ["level", "wing", "skew", "below a quote"])
def test_a_planted_crossing_is_removed(planted):
    years = np.array([0.1, 0.2, 0.3, 0.5])
    expiries = []
    for e, t in enumerate(years):
        theta = 0.04 * t
        k = np.linspace(-4, 3, 29) * math.sqrt(theta)
        w = ssvi(k, theta)
        if e == 1:
            w = {
                "level": 1.7 * w,
                "wing": w * np.exp(0.5 * np.maximum(-k / math.sqrt(theta) - 1.0, 0.0)),
                "skew": w * np.exp(-0.4 * np.tanh(k / math.sqrt(theta))),
                "below a quote": 0.4 * w,
            }[planted]
        expiries.append((t, k, w))
    smiles = fit_smiles(book_of(*expiries))
    table = smiles.table
    assert table["calendar_alone"].sum() > 20
    least, falls = arbitrage(smiles)
    assert falls == 0
    assert (least > 0).all()
    assert table["calendar"].sum() == 0
    assert table["butterfly_free"].all()
    assert "arbitrage left, k from" in repr(smiles)
    assert repr(smiles).endswith(": none")
    # The slice out of line and the one it crosses pay; those that cross none next to nothing.
    paying = [0, 1] if planted == "below a quote" else [1, 2]
    assert table["rms"].iloc[paying].min() > 0.3
    assert table["rms"].drop(table.index[paying]).max() < 0.2 * table["rms"].max()


def test_slices_out_of_order_meet_between_their_quotes():
    """Two flat smiles in the wrong order, equally many quotes each: nothing rises, both give way alike."""
    k = np.linspace(-0.3, 0.3, 25)
    early, late = 0.012, 0.010
    smiles = fit_smiles(book_of((0.25, k, early + 0 * k), (0.26, k, late + 0 * k)))
    _, falls = arbitrage(smiles)
    assert falls == 0
    w = [smiles.volatility(e, 0.0) ** 2 * t for e, t in enumerate(smiles.years)]
    middle = math.sqrt(early * late)
    assert w[0] == pytest.approx(middle, rel=0.03)
    assert w[1] == pytest.approx(w[0], rel=0.01)


def test_a_row_keeps_its_own_volatility_at_todays_spot():
    """However far it is from the surface: under each dynamics the profile at spot is that of the quotes."""
    rng = np.random.default_rng(1)
    book = book_of(
        *((t, np.linspace(-0.3, 0.3, 9), 0.04 * t * np.exp(rng.normal(0, 0.4, 9))) for t in (0.1, 0.11))
    )
    expected = gf.aggregate_exposure(book).total()
    for how in (
        "sticky_moneyness",
        "sticky_delta",
        gf.dynamics.skew_stickiness(1.5),
        gf.dynamics.spot_vol_beta(-2),
    ):
        table = gf.sweep_spot(book, [book.spot], dynamics=how).table
        for measure in ("delta", "gamma", "vanna", "vega", "charm"):
            assert table[measure].iloc[0] == pytest.approx(expected[measure], rel=1e-9), (how, measure)


def test_arbitrage_that_is_left_is_named(monkeypatch):
    """Without any attempt to remove it the count is that of the slices fitted alone."""
    monkeypatch.setattr("gammaflow.exposure.smile_fit._STIFFNESS", ())
    monkeypatch.setattr("gammaflow.exposure.smile_fit._raised", lambda slices, svi: svi)
    k = np.linspace(-0.4, 0.4, 33)
    row = (0.01, 0.1, -0.5, 0.02, 0.15)
    smiles = fit_smiles(book_of((0.25, k, svi(k, *row)), (0.5, k, 0.9 * svi(k, *row))))
    # 1,001 places of k, 200 further out on each side, and the slopes of both wings.
    assert smiles.table["calendar"].tolist() == [0, 1403]
    expiry = smiles.book.expiries[1]
    assert repr(smiles).endswith(f": calendar at {expiry:%Y-%m-%d %H:%M}")


# Residuals in vol points, weighted by vega: median and largest of the expiries.
@pytest.mark.parametrize(
    ("path", "symbol", "median", "largest", "outliers"),
    [
        ("deribit/deribit_options_snapshot_20260204T213308Z.csv", "BTC", 0.27, 1.2, 0.03),
        ("deribit/deribit_options_snapshot_20260205T093647Z.csv", "BTC", 0.24, 0.9, 0.04),
        ("deribit/deribit_options_snapshot_20260205T212937Z.csv", "BTC", 0.61, 3.2, 0.03),
        ("deribit/deribit_options_snapshot_20260205T212937Z.csv", "ETH", 0.93, 2.6, 0.06),
        ("cboe/spx_20230914_carlosjimenezdiaz.csv", None, 0.22, 4.8, 0.03),
        ("cboe/spx_20220205_LucaCastelli.csv", None, 0.86, 2.3, 0.04),
        ("cboe/spy_20250516_Photon1c.csv", None, 0.43, 1.2, 0.06),
        ("yahoo_cboe_json/IBIT_20260714T2010ET.json", None, 1.57, 7.2, 0.01),
        ("yahoo_cboe_json/SPY_20260714T1556ET.json", None, 0.86, 2.2, 0.05),
    ],
)
def test_real_chains_have_surfaces_without_arbitrage(shared, path, symbol, median, largest, outliers):
    chain = gf.read_chain(shared / "data" / path, **({"symbol": symbol} if symbol else {}))
    smiles = fit_smiles(gf.assign_positions(chain))
    table = smiles.table
    assert table["rms"].median() == pytest.approx(median, rel=0.1)
    assert table["rms"].max() < largest
    assert table["rms"].median() < 1.6 * table["rms_alone"].median()
    assert table["outliers"].sum() <= outliers * table["strikes"].sum()
    least, falls = arbitrage(smiles)
    assert falls == 0
    assert (least > -1e-6).all()
    assert table["butterfly_free"].all()
    assert table["calendar"].sum() == 0
    skew = smiles.skew(np.arange(len(table))) * np.sqrt(table["years"])
    assert np.abs(skew).max() < 1.0
