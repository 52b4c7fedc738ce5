import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import CubicHermiteSpline

import gammaflow as gf
from books import ASOF, random_book
from gammaflow.book import Book
from gammaflow.errors import SchemaError
from gammaflow.kernels import smile as kernels
from gammaflow.smile import fit_smiles, log_moneyness

RATE, YIELD, SPOT = 0.04, 0.015, 100.0

# Axel Vogt's example, Gatheral and Jacquier (2014), section 2.2: SVI with butterfly arbitrage.
VOGT = (-0.0410, 0.1331, 0.3060, 0.3586, 0.4153)


def svi(k, a, b, rho, m, s):
    return a + b * (rho * (k - m) + np.sqrt((k - m) ** 2 + s**2))


def book_of(*expiries, kinds=None, **changes):
    """A book of out-of-the-money rows; each expiry is (years, k, w)."""
    days = np.concatenate([np.full(len(k), 365.0 * t) for t, k, _ in expiries])
    years = np.concatenate([np.full(len(k), float(t)) for t, k, _ in expiries])
    k = np.concatenate([np.asarray(k, float) for _, k, _ in expiries])
    w = np.concatenate([np.asarray(w, float) for _, _, w in expiries])
    n = len(k)
    columns = {
        "contract": np.array([f"X{i}" for i in range(n)], object),
        "venue": np.array(["test"] * n, object),
        "expiry": pd.DatetimeIndex(ASOF + pd.to_timedelta(days, unit="D")),
        "strike": SPOT * np.exp(k + (RATE - YIELD) * years),
        "kind": np.where(k > 0, "call", "put").astype(object) if kinds is None else kinds,
        "position": np.linspace(-3.0, 5.5, n),
        "multiplier": np.full(n, 10.0),
        "sigma": np.sqrt(w / years),
        "rate": np.full(n, RATE),
        "dividend_yield": np.full(n, YIELD),
        **changes,
    }
    return Book(columns, "TEST", SPOT, ASOF)


@pytest.mark.parametrize("k", [-1.3, -0.2, 0.05, 0.4, 2.0])
def test_svi_derivatives_equal_differences(k):
    row, h = (-0.01, 0.2, -0.4, 0.05, 0.3), 1e-4
    w = [kernels.svi_variance(k + i * h, *row) for i in (-2, -1, 0, 1, 2)]
    assert w[2] == pytest.approx(svi(k, *row), rel=1e-15)
    slope = (8 * (w[3] - w[1]) - (w[4] - w[0])) / (12 * h)
    curvature = (16 * (w[3] + w[1]) - (w[4] + w[0]) - 30 * w[2]) / (12 * h * h)
    assert kernels.svi_slope(k, *row) == pytest.approx(slope, abs=1e-11)
    assert kernels.svi_curvature(k, *row) == pytest.approx(curvature, abs=1e-7)


def test_the_piecewise_cubic_equals_scipys_and_is_constant_beyond_the_knots():
    rng = np.random.default_rng(4)
    kx = np.sort(rng.normal(0, 0.3, 9))
    kw, kdw = rng.uniform(0.02, 0.06, 9), rng.normal(0, 0.1, 9)
    spline = CubicHermiteSpline(kx, kw, kdw)
    inside = np.linspace(kx[0], kx[-1], 101)[1:-1]
    for function, derivative in (
        (kernels.knot_variance, 0),
        (kernels.knot_slope, 1),
        (kernels.knot_curvature, 2),
    ):
        got = [function(k, kx, kw, kdw) for k in inside]
        np.testing.assert_allclose(got, spline(inside, derivative), rtol=1e-10, atol=1e-10)
    for k, edge in ((kx[0] - 0.7, kw[0]), (kx[-1] + 0.7, kw[-1])):
        assert kernels.knot_variance(k, kx, kw, kdw) == edge
        assert kernels.knot_slope(k, kx, kw, kdw) == kernels.knot_curvature(k, kx, kw, kdw) == 0.0
    one = np.array([0.1]), np.array([0.04]), np.array([0.0])
    assert kernels.knot_variance(0.3, *one) == pytest.approx(0.04, rel=1e-15)
    assert kernels.knot_slope(0.1, *one) == 0.0


def test_g_is_the_density_of_the_underlying():
    """g(k) = the second derivative of Black's call by strike, over the lognormal density it would have."""
    h, b, rho, m, s, a = 1e-3, 0.1, -0.3, 0.02, 0.2, 0.01
    row = (a, b, rho, m, s)

    def call(strike):
        k = math.log(strike)
        root = math.sqrt(svi(k, *row))
        d1, d2 = -k / root + root / 2, -k / root - root / 2
        normal = [0.5 * math.erfc(-d / math.sqrt(2)) for d in (d1, d2)]
        return normal[0] - strike * normal[1]

    for k in (-0.3, 0.0, 0.2):
        x = math.exp(k)
        v = [call(x + i * h) for i in (-2, -1, 0, 1, 2)]
        density = (16 * (v[3] + v[1]) - (v[4] + v[0]) - 30 * v[2]) / (12 * h * h)
        w = svi(k, *row)
        d2 = -k / math.sqrt(w) - math.sqrt(w) / 2
        lognormal = math.exp(-d2 * d2 / 2) / math.sqrt(2 * math.pi * w) / x
        g = kernels.butterfly(k, w, kernels.svi_slope(k, *row), kernels.svi_curvature(k, *row))
        assert g == pytest.approx(density / lognormal, rel=1e-6)


@pytest.mark.parametrize("days", [0.2, 1.0, 30.0, 700.0])
@pytest.mark.parametrize(
    ("b", "rho", "m", "s"), [(0.2, -0.6, 0.1, 0.8), (0.35, 0.3, -0.4, 0.5), (0.05, 0.0, 0.0, 1.9)]
)
def test_parameters_are_recovered_exactly(days, b, rho, m, s):
    unit = 0.55 * math.sqrt(days / 365)
    row = np.array([unit**2 - b * unit * s * unit * math.sqrt(1 - rho**2), b * unit, rho, m * unit, s * unit])
    k = unit * np.linspace(-4, 4, 25)
    smiles = fit_smiles(book_of((days / 365, k, svi(k, *row))))
    scale = np.array([unit**2, unit, 1.0, unit, unit])
    np.testing.assert_allclose(smiles.svi[0] / scale, row / scale, atol=1e-5)
    assert smiles.table["rms"].iloc[0] < 1e-6
    assert smiles.table["note"].iloc[0] == ""
    np.testing.assert_allclose(smiles.volatility(0, k) ** 2 * smiles.years[0], svi(k, *row), rtol=1e-6)


@given(st.integers(0, 10_000))
def test_any_fit_keeps_its_conditions(seed):
    """Noise of every size: b >= 0, |rho| < 1, s > 0, w > 0, wings <= 2, and g >= 0 where SVI is used."""
    rng = np.random.default_rng(seed)
    years = float(rng.choice([0.003, 0.05, 1.7]))
    unit = rng.uniform(0.1, 1.2) * math.sqrt(years)
    k = np.sort(rng.normal(0, 2 * unit, rng.integers(5, 40)))
    noise = np.exp(rng.normal(0, rng.choice([1e-3, 0.03, 0.3]), len(k)))
    smiles = fit_smiles(book_of((years, k, unit**2 * (1 + 0.1 * (k / unit) ** 2) * noise)))
    dense = np.linspace(k[0], k[-1], 500)
    assert (smiles.volatility(0, dense) > 0).all()
    a, b, rho, _, s = row = smiles.svi[0]
    if not np.isnan(a):
        assert b > 0
        assert abs(rho) < 1
        assert s > 0
        assert b * (1 + abs(rho)) <= 2 + 1e-12
        assert a + b * s * math.sqrt(1 - rho**2) > 0
        g = [kernels.butterfly(x, svi(x, *row), kernels.svi_slope(x, *row), kernels.svi_curvature(x, *row))
             for x in dense]  # fmt: skip
        assert min(g) > -1e-3


def test_vogts_example_has_arbitrage_which_the_fit_removes():
    k = np.linspace(-1.5, 1.5, 61)
    w = svi(k, *VOGT)
    g = [kernels.butterfly(x, y, kernels.svi_slope(x, *VOGT), kernels.svi_curvature(x, *VOGT))
         for x, y in zip(k, w, strict=True)]  # fmt: skip
    assert min(g) == pytest.approx(-0.0328, abs=2e-4)
    assert k[np.argmin(g)] == pytest.approx(0.85, abs=0.06)
    smiles = fit_smiles(book_of((1.0, k, w)))
    row = smiles.table.iloc[0]
    assert (row["method"], row["butterfly_free"]) == ("SVI", True)
    assert row["note"] == "fitted again without butterfly arbitrage"
    assert row["rms"] < 0.3
    assert "1 x fitted again without butterfly arbitrage" in repr(smiles)


def test_an_outlier_does_not_bend_the_smile():
    k = np.linspace(-0.4, 0.4, 33)
    row = (0.01, 0.1, -0.5, 0.02, 0.15)
    w = svi(k, *row)
    w[[3, 20]] *= [25.0, 9.0]
    smiles = fit_smiles(book_of((0.25, k, w)))
    assert smiles.table["outliers"].iloc[0] == 2
    assert smiles.table["rms"].iloc[0] < 0.05
    assert smiles.table["worst"].iloc[0] > 100
    assert smiles.volatility(0, 0.0) == pytest.approx(math.sqrt(svi(0.0, *row) / 0.25), rel=2e-3)


def test_in_the_money_rows_are_used_only_where_nothing_else_is():
    k = np.linspace(-0.3, 0.3, 14)
    row = (0.01, 0.1, -0.5, 0.02, 0.15)
    kinds = np.concatenate([np.where(k > 0, *pair) for pair in (("call", "put"), ("put", "call"))])
    w = svi(k, *row)
    both = book_of((0.25, np.concatenate([k, k]), np.concatenate([w, 4 * w])), kinds=kinds.astype(object))
    inside = book_of((0.25, k, w), kinds=kinds[14:].astype(object))
    for book in (both, inside):
        np.testing.assert_allclose(fit_smiles(book).volatility(0, k) ** 2 * 0.25, w, rtol=1e-6)


def test_fewer_than_five_strikes_are_interpolated_and_one_is_flat():
    k, w = np.array([-0.2, -0.05, 0.1, 0.2]), np.array([0.05, 0.03, 0.03, 0.035])
    smiles = fit_smiles(book_of((0.25, k, w), (0.5, [0.1], [0.09])))
    assert np.isnan(smiles.svi).all()
    assert smiles.knot_starts.tolist() == [0, 4, 5]
    np.testing.assert_allclose(smiles.volatility(0, k), np.sqrt(w / 0.25), rtol=1e-12)
    np.testing.assert_allclose(smiles.volatility(0, [-0.9, 0.9]), np.sqrt([0.05 / 0.25, 0.035 / 0.25]))
    between = smiles.volatility(0, np.linspace(-0.2, -0.05, 50))
    assert (np.diff(between) < 0).all()
    np.testing.assert_allclose(smiles.volatility(1, [-1.0, 0.0, 0.1, 3.0]), math.sqrt(0.09 / 0.5))
    assert smiles.skew(1) == 0.0
    assert smiles.table["method"].tolist() == ["PCHIP", "flat"]
    assert smiles.table["note"].tolist() == ["fewer than 5 strikes", "a single strike"]
    assert smiles.table["butterfly_free"].iloc[1]
    assert "2 expiries: 1 PCHIP, 1 flat\n  1 x fewer than 5 strikes\n  1 x a single strike" in repr(smiles)


def test_a_smile_that_is_no_svi_is_interpolated_at_half_standard_deviations():
    k = np.linspace(-1.0, 1.0, 81)
    w = 0.04 * np.exp(0.6 * np.cos(np.pi * k / 0.4))
    smiles = fit_smiles(book_of((0.25, k, w)))
    row = smiles.table.iloc[0]
    assert (row["method"], row["note"]) == ("PCHIP", "residual of SVI above 10%")
    assert not row["butterfly_free"]
    unit = np.median(np.sqrt(w[np.argsort(abs(k))[:5]]))
    assert np.diff(smiles.knots[0][1:-1]).mean() == pytest.approx(0.5 * unit, rel=0.05)
    assert row["rms"] < 1.0


def test_quotes_of_which_no_five_lie_on_a_smile_are_interpolated():
    rng = np.random.default_rng(0)
    k = np.linspace(-0.1, 0.1, 5)
    smiles = fit_smiles(book_of((0.25, k, 0.04 * np.exp(rng.normal(0, 2.0, 5)))))
    assert smiles.table["method"].iloc[0] == "PCHIP"
    assert smiles.table["note"].iloc[0] == "fewer than 5 strikes near any SVI"


def test_calendar_arbitrage_is_counted_over_the_common_range():
    k = np.linspace(-0.4, 0.4, 33)
    row = (0.01, 0.1, -0.5, 0.02, 0.15)
    near, far = svi(k, *row), svi(k, *row)
    rising = fit_smiles(book_of((0.25, k, near), (0.5, k, 1.5 * far)))
    assert rising.table["calendar"].tolist() == [0, 0]
    falling = fit_smiles(book_of((0.25, k, near), (0.5, k, 0.9 * far)))
    assert falling.table["calendar"].tolist() == [0, 101]
    crossing = fit_smiles(book_of((0.25, k, near), (0.5, k, far * (1 + 0.2 * k))))
    assert crossing.table["calendar"].iloc[1] == pytest.approx(50, abs=1)
    apart = fit_smiles(book_of((0.25, k[:10], near[:10]), (0.5, k[20:], 0.5 * far[20:])))
    assert apart.table["calendar"].tolist() == [0, 0]
    assert "with calendar arbitrage against the previous one: 1" in repr(falling)


def test_moneyness_is_to_the_forward_of_each_row():
    book = random_book(3)
    on_forward = ~np.isnan(book["forward_ratio"])
    forward = np.where(
        on_forward,
        book["forward_ratio"] * 90.0,
        90.0 * np.exp((book["rate"] - book["dividend_yield"]) * book.years),
    )
    np.testing.assert_allclose(log_moneyness(book, 90.0), np.log(book["strike"] / forward), atol=1e-14)
    np.testing.assert_allclose(log_moneyness(book) - log_moneyness(book, 90.0), math.log(0.9), atol=1e-14)
    with pytest.raises(SchemaError, match="spot: received -1"):
        log_moneyness(book, -1.0)


def test_arrays_are_read_only_and_laid_out_for_kernels():
    smiles = fit_smiles(random_book(5, rows=200))
    expiries = len(smiles.book.expiries)
    assert smiles.svi.shape == (expiries, 5)
    assert smiles.knot_starts.shape == (expiries + 1,)
    assert smiles.knots.shape == (3, smiles.knot_starts[-1])
    assert smiles.knot_starts.dtype == np.int64
    for array in (smiles.svi, smiles.knot_starts, smiles.knots):
        assert array.flags.c_contiguous
        assert not array.flags.writeable
    interpolated = np.isnan(smiles.svi[:, 0])
    np.testing.assert_array_equal(np.diff(smiles.knot_starts) > 0, interpolated)
    with pytest.raises(AttributeError):
        smiles.svi = None


def test_arguments_broadcast_and_slope_is_the_derivative():
    smiles = fit_smiles(gf.assign_positions(gf.demo_chain()))
    expiry, k = np.arange(7)[:, None], np.array([-0.2, 0.0, 0.1])
    assert smiles.volatility(expiry, k).shape == (7, 3)
    up, down = smiles.volatility(expiry, k + 1e-5), smiles.volatility(expiry, k - 1e-5)
    np.testing.assert_allclose(smiles.slope(expiry, k), (up - down) / 2e-5, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(smiles.skew(expiry), smiles.slope(expiry, 0.0))
    assert np.isnan(smiles.volatility(0, np.nan))
    assert smiles.volatility(0, []).shape == (0,)


@pytest.mark.parametrize("expiry", [-1, 7, 0.5, [0, 9]])
def test_illegal_expiries_are_refused(expiry):
    smiles = fit_smiles(gf.assign_positions(gf.demo_chain()))
    with pytest.raises(SchemaError, match=r"expiry: received .* whole numbers from 0 to 6"):
        smiles.volatility(expiry, 0.0)


# Residuals in vol points (median and largest of the expiries), and share of strikes that are outliers.
@pytest.mark.parametrize(
    ("path", "symbol", "median", "largest", "outliers", "notes"),
    [
        ("deribit/deribit_options_snapshot_20260204T213308Z.csv", "BTC", 0.27, 1.2, 0.03, {}),
        ("deribit/deribit_options_snapshot_20260205T093647Z.csv", "BTC", 0.24, 0.9, 0.04, {}),
        ("deribit/deribit_options_snapshot_20260205T212937Z.csv", "BTC", 0.61, 3.2, 0.03, {}),
        ("deribit/deribit_options_snapshot_20260205T212937Z.csv", "ETH", 0.89, 2.6, 0.06, {}),
        ("cboe/spx_20230914_carlosjimenezdiaz.csv", None, 0.25, 4.8, 0.03, {}),
        ("cboe/spy_20250516_Photon1c.csv", None, 0.39, 1.1, 0.05, {}),
        (
            "yahoo_cboe_json/IBIT_20260714T2010ET.json",
            None,
            1.52,
            3.6,
            0.01,
            {"residual of SVI above 10%": 2},
        ),
        (
            "yahoo_cboe_json/SPY_20260714T1556ET.json",
            None,
            0.83,
            2.2,
            0.04,
            {"residual of SVI above 10%": 1},
        ),
    ],
)
def test_real_chains_fit(shared, path, symbol, median, largest, outliers, notes):
    chain = gf.read_chain(shared / "data" / path, **({"symbol": symbol} if symbol else {}))
    smiles = fit_smiles(gf.assign_positions(chain))
    table = smiles.table
    assert table["rms"].median() == pytest.approx(median, rel=0.1)
    assert table["rms"].max() < largest
    assert table["outliers"].sum() <= outliers * table["strikes"].sum()
    fallbacks = table[table["method"] != "SVI"]["note"].value_counts().to_dict()
    assert fallbacks == notes
    assert table["butterfly_free"].eq(table["method"] == "SVI").all()
    skew = smiles.skew(np.arange(len(table))) * np.sqrt(table["years"])
    assert np.abs(skew).max() < 1.0
