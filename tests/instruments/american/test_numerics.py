"""American rows at extreme terms, on threads, and against differences of their own greeks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow import american, bsm
from gammaflow.instruments.american import curves as american_curves
from gammaflow.instruments.american import rows as american_rows
from gammaflow.pricing.american.precision import read_precision
from support.american_rows import WANTED, american_book, differences, scales, terms
from support.books import random_book
from support.rows import cash_of

EXTREME = [(1e-7, 10.0), (2e-6, 0.015), (2e-6, 8.0), (2.4, 6.0), (2.4, 0.002), (0.3, 1e-8), (2.4, 9.0)]


@pytest.mark.parametrize(("t", "sigma"), EXTREME)
def test_extreme_terms_stay_finite(t: float, sigma: float) -> None:
    """Minutes to expiry, absurd volatilities, strikes far away; spots by the strike included."""
    strikes = np.array([0.01, 20.0, 99.9, 100.0, 100.1, 400.0, 1e5])
    n = 2 * len(strikes)
    book = random_book(
        1, n, strike=np.tile(strikes, 2), kind=np.repeat(["call", "put"], n // 2).astype(object),
        rate=np.full(n, 0.036), dividend_yield=np.full(n, 0.02), sigma=np.full(n, sigma),
        forward_ratio=np.full(n, np.nan),
    )  # fmt: skip
    rows, years = np.ones(n, bool), np.full(n, t)
    spots = np.unique(np.concatenate([np.linspace(50.0, 150.0, 101), strikes]))
    found = cash_of("american", book, spots, WANTED, rows=rows, years=years)
    for name in WANTED:
        assert np.isfinite(found[name]).all(), name
    delta = found["delta"] / book.size[:, None]
    assert (np.abs(delta) <= np.maximum(spots, book["strike"][:, None])).all()


def test_little_volatility_cuts_the_years_that_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows whose option is nearly perpetual long before expiry, as in `gammaflow.american`."""
    monkeypatch.setattr(american_rows, "_rules", lambda: read_precision("precise")[0])
    n = 40
    book = american_book(
        14, n, rate=np.full(n, 0.08), dividend_yield=np.full(n, 0.0), sigma=np.full(n, 0.0085),
        strike=np.full(n, 100.0), kind=np.full(n, "put", object), forward_ratio=np.full(n, np.nan),
    )  # fmt: skip
    spots = np.linspace(99.2, 103.0, 39)
    found = differences(book, spots, ("delta", "gamma", "theta", "charm"))
    at = terms(book, spots)
    found_ = american_rows._curves(book.parts["american"], np.arange(n), book.years, book["sigma"])
    cut = np.concatenate([curves.found.life < book.years[of] for of, curves in found_])
    assert 0.1 < cut.mean() < 0.9
    names = ("delta", "gamma", "theta", "charm")
    g, e = american.greeks(*at, which=names, precision="precise"), bsm.greeks(*at, which=names)
    scale = scales(book)
    for name, per in (("delta", spots), ("gamma", spots**2), ("theta", 1.0), ("charm", spots)):
        error = np.abs(found[name] - book.size[:, None] * per * (g[name] - e[name])) / scale[name]
        assert error.max() < 2e-3, name


@settings(max_examples=25)
@given(
    st.sampled_from(["call", "put"]), st.floats(60.0, 160.0), st.floats(0.002, 0.1), st.floats(-0.02, 0.1),
    st.floats(0.1, 0.9), st.sampled_from([-3.0, 2.0]),
)  # fmt: skip
def test_greeks_are_differences_of_each_other(kind, strike, r, q, sigma, position) -> None:
    """Cash gamma and speed by ln S, vanna and zomma by sigma and spot, away from the boundary."""
    book = american_book(
        rows=1, kind=np.array([kind], object), strike=np.array([strike]), rate=np.array([r]),
        sigma=np.array([sigma]), dividend_yield=np.array([q]), position=np.array([position]),
        forward_ratio=np.array([np.nan]),
    )  # fmt: skip
    B = float(american.exercise_boundary(kind, strike, book.years[0], r, sigma, q))
    s = sigma * np.sqrt(book.years[0])
    if B <= 0.0 or np.isinf(B) or abs(np.log(100.0 / B)) < 0.4 * s:
        return
    h, unit = 0.02 * s, {name: float(value[0, 0]) for name, value in scales(book).items()}
    at = differences(book, [100.0])
    up, down = (differences(book, [100.0 * np.exp(e)]) for e in (h, -h))
    more, less = (differences(book, [100.0], vol_shift=e * sigma) for e in (0.005, -0.005))

    def slope(high, low, name, step):
        return (high[name] - low[name])[0, 0] / (2 * step)

    value = {name: v[0, 0] for name, v in at.items()}
    assert slope(up, down, "delta", h) - value["delta"] == pytest.approx(
        value["gamma"], abs=2e-3 * unit["gamma"]
    )
    assert slope(up, down, "gamma", h) == pytest.approx(value["speed"], abs=2e-3 * unit["speed"])
    assert slope(up, down, "vega", h) == pytest.approx(value["vanna"], abs=2e-3 * unit["vanna"])
    by = 0.005 * sigma
    assert slope(more, less, "delta", by) == pytest.approx(value["vanna"], abs=2e-3 * unit["vanna"])
    assert slope(more, less, "gamma", by) == pytest.approx(value["zomma"], abs=2e-3 * unit["zomma"])


def test_threads_hand_the_loop_the_kind_of_arrays_that_one_thread_does(monkeypatch):
    """Another kind of array would be compiled for anew, for seconds; sums in parts are the sums."""
    spots, loop = np.linspace(60.0, 150.0, 16_000), american_curves.series_loop
    kinds, parts, found = set(), [], []

    def record(*arrays):
        kinds.add(tuple((a.dtype, a.ndim, a.flags.c_contiguous, a.flags.writeable) for a in arrays))
        parts.append(len(arrays[0]))
        loop(*arrays)

    monkeypatch.setattr(american_curves, "series_loop", record)
    before = bsm.get_threads()
    try:
        for threads in (1, 2):
            bsm.set_threads(threads)
            found.append(differences(american_book(15), spots, ("delta", "gamma", "gross_gamma")))
    finally:
        bsm.set_threads(before)
    assert min(parts) < max(parts)
    (kind,) = kinds
    assert all(contiguous for *_, contiguous, _ in kind)
    for name, values in found[0].items():
        np.testing.assert_allclose(found[1][name], values, rtol=1e-13, atol=1e-13 * np.abs(values).max())


@pytest.mark.parametrize(("name", "q"), [("IBIT_20260714T2010ET", 0.0), ("SPY_20260714T1556ET", 0.011)])
def test_sums_of_real_books(shared, name: str, q: float) -> None:
    """Rate 3.6 %; some spots against the array level, row by row."""
    chain = gf.read_chain(shared / "data" / "yahoo_cboe_json" / f"{name}.json")
    book = gf.assign_positions(chain.with_columns(rate=0.036, dividend_yield=q))
    spots = np.linspace(0.8, 1.2, 161) * book.spot
    found = differences(book, spots, ("delta", "gamma", "theta"))
    some = spots[::40]
    at = terms(book, some)
    right = american.greeks(*at, which=("delta", "gamma")), bsm.greeks(*at, which=("delta", "gamma"))
    size = book.size[:, None]
    for measure, per in (("delta", some), ("gamma", some**2)):
        difference = size * per * (right[0][measure] - right[1][measure])
        total, all_ = difference.sum(axis=0), found[measure][:, ::40].sum(axis=0)
        np.testing.assert_allclose(all_, total, atol=2e-4 * np.abs(difference).sum(axis=0).max())
    assert all(np.isfinite(values).all() for values in found.values())
