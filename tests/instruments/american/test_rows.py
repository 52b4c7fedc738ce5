from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow import american, bsm
from gammaflow.exposure.sums import cash_greeks
from gammaflow.instruments import Scenario
from gammaflow.instruments.american import curves as american_curves
from gammaflow.instruments.american import rows as american_rows
from gammaflow.instruments.american.rows import AMERICAN
from gammaflow.kernels.sweep import CASH_GREEKS
from gammaflow.pricing.american.precision import read_precision
from support.books import random_book
from support.rows import cash_of

WANTED = (*CASH_GREEKS, "gross_gamma")
SPOTS = np.linspace(60.0, 150.0, 19)


def american_book(seed=5, rows=60, **changes):
    rng = np.random.default_rng(seed)
    rates = {"rate": rng.uniform(-0.01, 0.08, rows), "dividend_yield": rng.uniform(-0.02, 0.08, rows)}
    book = random_book(seed, rows, **(rates | changes))
    return replace(book, columns={**book.columns, "exercise": np.full(rows, "american", object)})


def differences(book, spots, wanted=WANTED, days=0.0, vol_shift=0.0, rows=None):
    years, sigma = book.rolled(days, vol_shift)
    return cash_of("american", book, spots, wanted, rows=rows, years=years, sigma=sigma, days=days)


def terms(book, spots):
    """Arguments of the array level, for rows x spots."""
    column = [a[:, None] for a in (book.flag, book["strike"], book.years, book["rate"], book["sigma"])]
    phi, K, t, r, sigma = column
    return phi, spots * book.underlying_ratio[:, None], K, t, r, sigma, book.underlying_yield[:, None]


def scales(book):
    """Natural size of each cash greek of each row, (n, 1)."""
    K, t, sigma = (a[:, None] for a in (book["strike"], book.years, book["sigma"]))
    s = sigma * np.sqrt(t)
    size = np.abs(book.size)[:, None] * K
    powers = {
        "delta": 1.0, "gamma": 1 / s, "vanna": 1 / sigma, "charm": 1 / t, "vega": np.sqrt(t), "theta": s / t,
        "speed": 1 / s**2, "zomma": 1 / (s * sigma), "color": 1 / (s * t), "gross_gamma": 1 / s,
    }  # fmt: skip
    return {name: size * power for name, power in powers.items()}


def expected(book, spots):
    """From `american.greeks` less `bsm.greeks`; zomma and color by differences of gamma; NaN by the edge."""
    at = terms(book, spots)
    phi, U, K, t, _, sigma, _ = at
    names = ("delta", "gamma", "vanna", "charm", "vega", "theta", "speed")
    held, european = american.greeks(*at, which=names, precision="precise"), bsm.greeks(*at, which=names)
    per = {"delta": U, "gamma": U * U, "vanna": U, "charm": U, "vega": 1.0, "theta": 1.0}
    size = book.size[:, None]
    out = {n: size * p * (held[n] - european[n]) for n, p in per.items()}
    out["speed"] = size * (U**3 * (held.speed - european.speed) + 2 * U * U * (held.gamma - european.gamma))
    edge = np.clip(american.exercise_boundary(phi, K, t, at[4], sigma, at[6]), 1e-9, 1e9)

    def gamma(argument, h):
        moved = list(at)
        moved[argument] = moved[argument] * (1.0 + h)
        return american.greeks(*moved, which="gamma", precision="precise").gamma

    h = 1e-3
    for name, argument, sign in (("zomma", 5, 1.0), ("color", 3, -1.0)):
        slope = sign * (gamma(argument, h) - gamma(argument, -h)) / (2 * h * at[argument])
        out[name] = size * U * U * (slope - bsm.greeks(*at, which=name)[name])
        crossed = np.abs(np.log(U / edge)) < 0.05 * sigma * np.sqrt(t)
        out[name][crossed] = np.nan
    out["gross_gamma"] = np.abs(size) * U * U * (held.gamma - european.gamma)
    return out


ALLOWED = {
    "delta": 1e-7, "gamma": 3e-7, "gross_gamma": 3e-7, "vega": 1e-6, "theta": 2e-7, "vanna": 2e-6,
    "charm": 5e-6, "speed": 1e-5, "zomma": 1e-5, "color": 1e-5,
}  # fmt: skip


@pytest.mark.parametrize("many", [False, True], ids=["each spot", "interpolated"])
@pytest.mark.parametrize("seed", [5, 6])
def test_american_less_european_of_random_rows(seed: int, many: bool) -> None:
    """Positions, rates and yields of both signs, forwards; 99 of 100 are good to `ALLOWED`, all to 50x."""
    book = american_book(seed)
    grid = np.linspace(SPOTS[0], SPOTS[-1], 721) if many else SPOTS
    found = differences(book, grid)
    right, scale = expected(book, SPOTS), scales(book)
    two = unsupported(book)
    for name in WANTED:
        values = found[name][:, ::40] if many else found[name]
        assert np.isfinite(found[name]).all()
        assert not found[name][two].any()
        error = (np.abs(values - right[name]) / scale[name])[~two]
        error = error[np.isfinite(error)]
        assert np.quantile(error, 0.99) <= ALLOWED[name], name
        assert error.max() <= 50 * ALLOWED[name], name
        assert (np.abs(right[name])[~two] > 10 * ALLOWED[name] * scale[name][~two]).mean() > 0.1, name


def test_interpolated_values_are_those_of_each_spot_alone() -> None:
    book = american_book(7)
    grid = np.linspace(70.0, 130.0, 601)
    many, few = differences(book, grid), [differences(book, grid[[i]]) for i in range(3, 601, 20)]
    for name, scale in scales(book).items():
        alone = np.concatenate([each[name] for each in few], axis=1)
        error = np.abs(many[name][:, 3::20] - alone) / scale
        assert error.max() <= {"color": 3e-2, "charm": 1e-3, "speed": 1e-3, "zomma": 1e-3}.get(name, 1e-4)
        assert np.quantile(error, 0.95) <= 0.01 * {"color": 3e-2}.get(name, 1e-3)


@pytest.mark.parametrize("kind", ["call", "put"])
def test_across_the_boundary(kind: str) -> None:
    """Delta, vega and theta have no jump; gamma falls from 2 (q S - r K) phi / sigma^2 to 0, and so on."""
    book = american_book(
        rows=1, kind=np.array([kind], object), rate=np.array([0.05]), dividend_yield=np.array([0.03]),
        forward_ratio=np.array([np.nan]), sigma=np.array([0.3]), position=np.array([-2.0]),
        multiplier=np.array([10.0]),
    )  # fmt: skip
    phi, K, sigma, r, q = book.flag[0], book["strike"][0], 0.3, 0.05, 0.03
    B = float(american.exercise_boundary(phi, K, book.years[0], r, sigma, q))
    european = cash_greeks(replace(book, columns={**book.columns, "exercise": ["european"]}).at(spot=B))
    spots = B * (1.0 + phi * np.array([-1e-5, 1e-5]))
    held, gone = ({n: v[0, i] for n, v in differences(book, spots).items()} for i in (0, 1))
    total = {n: (held[n] + european[n][0], gone[n] + european[n][0]) for n in CASH_GREEKS}
    unit = scales(book)
    for name, (before, after) in total.items():
        tolerance = 2e-3 * unit[name][0, 0]
        if name == "delta":
            assert after == pytest.approx(-20.0 * phi * B, rel=1e-3)
        else:
            assert after == pytest.approx(0.0, abs=tolerance)
        if name in ("delta", "vega", "theta"):
            assert before == pytest.approx(after, abs=tolerance)
    gamma = -20.0 * 2 * phi * (q * B - r * K) / sigma**2
    assert total["gamma"][0] == pytest.approx(gamma, rel=1e-3)
    h = 1e-3

    def edge(t=1.0, s=1.0):
        return np.log(american.exercise_boundary(phi, K, t * book.years[0], r, s * sigma, q))

    later = (edge(t=1 + h) - edge(t=1 - h)) / (2 * h * book.years[0])
    wider = (edge(s=1 + h) - edge(s=1 - h)) / (2 * h * sigma)
    paid = -20.0 * 2 * phi * q * B / sigma**2
    speed = paid - (later + r - q) * gamma / (0.5 * sigma**2)
    limits = {
        "charm": later * gamma, "vanna": -wider * gamma, "speed": speed, "color": later * (speed - paid),
        "zomma": -2 * gamma / sigma - wider * (speed - paid),
    }  # fmt: skip
    for name, value in limits.items():
        assert total[name][0] == pytest.approx(value, rel=5e-3), name


def test_exercised_now() -> None:
    """All greeks are gone but delta, which is that of what is received: minus the European ones."""
    book = american_book(8, rate=np.full(60, 0.06), dividend_yield=np.full(60, 0.05))
    now = exercised(book)
    assert 3 < now.sum() < 40
    found = differences(book, [book.spot])
    without = cash_greeks(replace(book, columns={**book.columns, "exercise": ["european"] * 60}))
    for name in ("gamma", "vanna", "charm", "vega", "theta", "speed", "zomma", "color"):
        np.testing.assert_allclose(found[name][now, 0], -without[name][now], rtol=1e-12)
    U = book.underlying_ratio * book.spot
    delta = (book.size * book.flag * U - without["delta"])[now]
    np.testing.assert_allclose(found["delta"][now, 0], delta, rtol=1e-9)
    at = [a[:, 0] for a in terms(book, np.array([book.spot]))]
    np.testing.assert_array_equal(now, american.price(*at) == at[0] * (at[1] - at[2]))


NEVER = [
    ("put", 0.0, 0.03),
    ("put", 0.0, 0.0),
    ("put", -0.02, 0.01),
    ("call", 0.05, 0.0),
    ("call", 0.03, -0.01),
]


@pytest.mark.parametrize(("kind", "r", "q"), NEVER)
def test_nothing_changes_where_exercise_is_never_early(kind: str, r: float, q: float) -> None:
    book = american_book(
        9, kind=np.full(60, kind, object), rate=np.full(60, r), dividend_yield=np.full(60, q),
        forward_ratio=np.full(60, np.nan),
    )  # fmt: skip
    for values in differences(book, SPOTS).values():
        assert values.shape == (60, len(SPOTS))
        assert not values.any()
    assert not exercised(book).any()
    assert not unsupported(book).any()


@pytest.mark.parametrize(("kind", "r", "q"), [("put", -0.01, -0.03), ("call", -0.03, -0.01)])
def test_two_boundaries_are_counted_and_valued_european(kind: str, r: float, q: float) -> None:
    book = american_book(
        9, kind=np.full(60, kind, object), rate=np.full(60, r), dividend_yield=np.full(60, q),
        forward_ratio=np.full(60, np.nan),
    )  # fmt: skip
    assert unsupported(book).all()
    assert not any(values.any() for values in differences(book, SPOTS).values())
    european = replace(book, columns={**book.columns, "exercise": np.full(60, "european", object)})
    assert not unsupported(european).any()


def test_beyond_the_end_nothing_is_left() -> None:
    book = american_book(10, forward_ratio=np.full(60, np.nan))
    spots = np.geomspace(5.0, 2000.0, 60)
    found = differences(book, spots, ("delta", "gamma"))
    at = terms(book, spots)
    early = american.price(*at, precision="precise") - bsm.price(*at)
    edge = american.exercise_boundary(at[0], *at[2:])
    left = (found["gamma"] == 0.0) & (at[0] * (edge - spots) > 0.0)
    assert left.mean() > 0.2
    assert np.nanmax(np.abs(early[left] / (at[2] + 0.0 * early)[left])) < 1e-11


def test_rolled_days_shifted_volatility_and_chosen_rows() -> None:
    book = american_book(11)
    moved = differences(book, SPOTS, days=5.0, vol_shift=0.02)
    alive = book.years > 5 / 365
    later = book.select(alive).at(asof=book.asof + np.timedelta64(5, "D"))
    later = replace(later, columns={**later.columns, "sigma": later["sigma"] + 0.02})
    again = differences(later, SPOTS)
    for name in WANTED:
        assert not moved[name][~alive].any()
        np.testing.assert_allclose(moved[name][alive], again[name], rtol=1e-7, atol=1e-9)
    odd = np.arange(60) % 2 == 1
    part = differences(book, SPOTS, rows=odd)
    whole = differences(book, SPOTS)
    for name in WANTED:
        np.testing.assert_allclose(part[name], whole[name][odd], rtol=1e-9, atol=1e-9)
    assert differences(book, SPOTS, rows=np.zeros(60, bool))["gamma"].shape == (0, len(SPOTS))
    assert differences(book, np.empty(0))["gamma"].shape == (60, 0)


def test_spots_in_any_order_and_on_threads() -> None:
    book = american_book(12)
    grid = np.linspace(70.0, 130.0, 400)
    order = np.random.default_rng(0).permutation(400)
    threads = bsm.get_threads()
    try:
        bsm.set_threads(1)
        one = differences(book, grid)
        bsm.set_threads(3)
        three = differences(book, grid[order])
    finally:
        bsm.set_threads(threads)
    for name, scale in scales(book).items():
        assert (np.abs(three[name] - one[name][:, order]) <= 1e-10 * scale).all()


@pytest.mark.parametrize("threads", [1, 3])
def test_sums_over_groups(threads: int) -> None:
    book = american_book(12)
    grid, rows = np.linspace(70.0, 130.0, 2000), np.arange(60) % 5 > 0
    groups = np.random.default_rng(1).integers(0, 7, rows.sum())
    before = bsm.get_threads()
    try:
        bsm.set_threads(threads)
        at = Scenario(grid, book.years[rows], book["sigma"][rows])
        sums = american_rows._sums(book.rows(rows), at, WANTED, book.size[rows], groups, 9, european=True)
    finally:
        bsm.set_threads(before)
    each = differences(book, grid, rows=rows)
    for name, values in sums.items():
        assert values.shape == (9, 2000)
        for group in range(9):
            right = each[name][groups == group].sum(axis=0)
            np.testing.assert_allclose(values[group], right, rtol=1e-9, atol=1e-9 * np.abs(right).max())


def test_boundaries_are_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    original = american_curves.find_boundaries
    monkeypatch.setattr(
        american_curves, "find_boundaries", lambda *args: calls.append(len(args[0])) or original(*args)
    )
    book = american_book(13)
    for spot in (90.0, 100.0, 110.0):
        differences(book, [spot], ("gamma",))
    assert len(calls) == 1
    differences(book, [90.0], ("vanna",))
    differences(book, [95.0], ("zomma", "gamma"))
    assert len(calls) == 3  # and those that the slope by sigma needs
    for shift in (0.01, 0.02, 0.03, 0.04):
        differences(book, [90.0], ("gamma",), vol_shift=shift)
    assert len(calls) == 7
    assert len(american_rows._kept[book.parts["american"]]) == 4
    differences(book, [90.0], ("gamma",), days=0.01)
    differences(book, [90.0], ("gamma",))
    assert len(calls) == 9
    gc.collect()
    books = len(american_rows._kept)
    del book
    gc.collect()
    assert len(american_rows._kept) == books - 1


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


def exercised(book):
    rows = book.instruments.get("american", np.zeros(len(book), bool)).copy()
    rows[rows] = AMERICAN.exercised(book.rows(rows), book.spot)
    return rows


def unsupported(book):
    rows = book.instruments.get("american", np.zeros(len(book), bool)).copy()
    rows[rows] = AMERICAN.unsupported(book.rows(rows))
    return rows
