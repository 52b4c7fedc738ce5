from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np
import pytest

from gammaflow import american, bsm
from gammaflow.exposure.sums import cash_greeks
from gammaflow.instruments import Scenario
from gammaflow.instruments.american import curves as american_curves
from gammaflow.instruments.american import rows as american_rows
from gammaflow.instruments.american.rows import AMERICAN
from gammaflow.kernels.sweep import CASH_GREEKS
from support.american_rows import WANTED, american_book, differences, scales, terms

SPOTS = np.linspace(60.0, 150.0, 19)


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


def exercised(book):
    rows = book.instruments.get("american", np.zeros(len(book), bool)).copy()
    rows[rows] = AMERICAN.exercised(book.rows(rows), book.spot)
    return rows


def unsupported(book):
    rows = book.instruments.get("american", np.zeros(len(book), bool)).copy()
    rows[rows] = AMERICAN.unsupported(book.rows(rows))
    return rows
