import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.exposure.smile import fit_smiles, log_moneyness
from gammaflow.kernels import smile as kernels
from support.books import random_book
from support.smiles import book_of, svi

# Axel Vogt's example, Gatheral and Jacquier (2014), section 2.2: SVI with butterfly arbitrage.
VOGT = (-0.0410, 0.1331, 0.3060, 0.3586, 0.4153)


@pytest.mark.parametrize("k", [-1.3, -0.2, 0.05, 0.4, 2.0])
def test_svi_derivatives_equal_differences(k):
    row, h = (-0.01, 0.2, -0.4, 0.05, 0.3), 1e-4
    w = [kernels.svi_variance(k + i * h, *row) for i in (-2, -1, 0, 1, 2)]
    assert w[2] == pytest.approx(svi(k, *row), rel=1e-15)
    slope = (8 * (w[3] - w[1]) - (w[4] - w[0])) / (12 * h)
    curvature = (16 * (w[3] + w[1]) - (w[4] + w[0]) - 30 * w[2]) / (12 * h * h)
    assert kernels.svi_slope(k, *row) == pytest.approx(slope, abs=1e-11)
    assert kernels.svi_curvature(k, *row) == pytest.approx(curvature, abs=1e-7)


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
    """Noise of every size: b >= 0, |rho| < 1, s > 0, w > 0, wings <= 2, and g >= 0."""
    rng = np.random.default_rng(seed)
    years = float(rng.choice([0.003, 0.05, 1.7]))
    unit = rng.uniform(0.1, 1.2) * math.sqrt(years)
    k = np.sort(rng.normal(0, 2 * unit, rng.integers(1, 40)))
    noise = np.exp(rng.normal(0, rng.choice([1e-3, 0.03, 0.3]), len(k)))
    smiles = fit_smiles(book_of((years, k, unit**2 * (1 + 0.1 * (k / unit) ** 2) * noise)))
    dense = np.linspace(k[0] - 0.5, k[-1] + 0.5, 1500)
    assert (smiles.volatility(0, dense) > 0).all()
    a, b, rho, _, s = row = smiles.svi[0]
    assert b > 0
    assert abs(rho) < 1
    assert s > 0
    assert b * (1 + abs(rho)) <= 2 + 1e-12
    assert a + b * s * math.sqrt(1 - rho**2) > 0
    g = [kernels.butterfly(x, svi(x, *row), kernels.svi_slope(x, *row), kernels.svi_curvature(x, *row))
         for x in dense]  # fmt: skip
    assert min(g) > -1e-3
    assert smiles.table["butterfly_free"].iloc[0] == (min(g) >= 0.0) or min(g) > -1e-6


def test_vogts_example_has_arbitrage_which_the_fit_removes():
    k = np.linspace(-1.5, 1.5, 61)
    w = svi(k, *VOGT)
    g = [kernels.butterfly(x, y, kernels.svi_slope(x, *VOGT), kernels.svi_curvature(x, *VOGT))
         for x, y in zip(k, w, strict=True)]  # fmt: skip
    assert min(g) == pytest.approx(-0.0328, abs=2e-4)
    assert k[np.argmin(g)] == pytest.approx(0.85, abs=0.06)
    smiles = fit_smiles(book_of((1.0, k, w)))
    row = smiles.table.iloc[0]
    assert (row["butterfly_free_alone"], row["butterfly_free"]) == (False, True)
    assert row["rms_alone"] < 1e-4
    assert row["rms"] < 0.3
    assert "fitted alone, 0 would cross a neighbour and 1 have butterfly arbitrage" in repr(smiles)


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


def test_few_strikes_of_no_neighbour_are_drawn_towards_a_flat_smile():
    k, w = np.array([-0.2, -0.05, 0.1, 0.2]), np.array([0.05, 0.03, 0.03, 0.035])
    smiles = fit_smiles(book_of((0.25, k, w), (0.5, [0.1], [0.09])))
    np.testing.assert_allclose(smiles.volatility(0, k), np.sqrt(w / 0.25), rtol=0.03)
    np.testing.assert_allclose(smiles.volatility(1, [-0.1, 0.0, 0.1, 0.3]), math.sqrt(0.09 / 0.5), rtol=0.05)
    assert smiles.volatility(1, 0.1) == pytest.approx(math.sqrt(0.09 / 0.5), rel=0.01)
    assert smiles.table["note"].tolist() == [
        "fewer than 5 strikes: drawn towards a flat smile",
        "a single strike: drawn towards a flat smile",
    ]
    alone = fit_smiles(book_of((0.5, [0.1], [0.09])))
    np.testing.assert_allclose(alone.volatility(0, [-1.0, 0.0, 0.1, 3.0]), math.sqrt(0.09 / 0.5), rtol=1e-4)
    assert alone.skew(0) == pytest.approx(0.0, abs=1e-4)
    assert "1 expiries\n  1 x a single strike: drawn towards a flat smile\n" in repr(alone)


def test_few_strikes_take_the_shape_of_the_nearest_expiry():
    """In units of at-the-money sqrt(w); the level is their own."""
    k = np.linspace(-0.4, 0.4, 33)
    row, times, at = (0.01, 0.1, -0.5, 0.02, 0.15), 0.3 / 0.25, -0.1
    scaled = times * svi(at / math.sqrt(times), *row)
    smiles = fit_smiles(book_of((0.25, k, svi(k, *row)), (0.3, [at], [1.1 * scaled])))
    assert smiles.table["note"].iloc[1] == "a single strike: drawn towards the shape of the nearest expiry"
    assert smiles.volatility(1, at) == pytest.approx(math.sqrt(1.1 * scaled / 0.3), rel=0.003)
    shape = np.sqrt(times * svi(k / math.sqrt(times), *row) / 0.3)
    ratio = smiles.volatility(1, k) / shape
    assert ratio.min() > 0.98
    assert ratio.max() < 1.08
    assert smiles.skew(1) == pytest.approx((shape[17] - shape[15]) / (k[17] - k[15]), rel=0.15)


def test_a_smile_that_is_no_svi_gets_a_note():
    k = np.linspace(-1.0, 1.0, 81)
    w = 0.04 * np.exp(0.6 * np.cos(np.pi * k / 0.4))
    row = fit_smiles(book_of((0.25, k, w))).table.iloc[0]
    assert row["note"] == "residual above 10%"
    assert row["butterfly_free"]


def test_quotes_of_which_no_five_lie_on_a_smile_are_as_good_as_few():
    rng = np.random.default_rng(0)
    k = np.linspace(-0.1, 0.1, 5)
    smiles = fit_smiles(book_of((0.25, k, 0.04 * np.exp(rng.normal(0, 2.0, 5)))))
    assert smiles.table["note"].iloc[0] == "fewer than 5 strikes near any SVI: drawn towards a flat smile"


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


def test_arrays_are_read_only():
    smiles = fit_smiles(random_book(5, rows=200))
    assert smiles.svi.shape == (len(smiles.book.expiries), 5)
    for array in (smiles.svi, smiles.range):
        assert array.flags.c_contiguous
        assert not array.flags.writeable
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
