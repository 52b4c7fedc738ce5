import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gammaflow import barrier, bsm
from gammaflow.errors import SchemaError
from gammaflow.pricing.note import prices as note_pricing
from gammaflow.pricing.note.prices import ALL, value
from gammaflow.pricing.note.terms import NoteTerms
from support import note_references as references
from support.convertibles import MARKET, SPOTS, convertible

#: Deal, elapsed days, state, spot: price in % of par, delta, gamma of the reference file.
KNOWN = {
    ("RC_1y_dailyKI70", 0, "not_knocked", 103.0): (98.12185211818, 0.323348441278, -0.016276238195),
    ("RC_1y_dailyKI70", 126, "knocked", 95.0): (91.96306926259, 0.523298796858, -0.019655796944),
    ("RC_1y_euroKI70", 188, "not_knocked", 77.0): (93.25077868401, 1.07151383904, -0.080737640164),
    ("RC_1y_euroKI70", 231, "knocked", 70.7): (72.63439430603, 0.999124833569, -2.8660554528e-05),
    ("PHX_3y_dailyKI60", 751, "not_knocked", 59.94): (68.57485536802, 8.74136220938, 2.8132905132),
    ("PHX_3y_dailyKI60", 0, "knocked", 103.0): (97.41491658699, 0.323916225321, -0.019618132402),
    ("PHX_3y_euroKI60", 378, "not_knocked", 95.0): (98.60006557619, 0.264060440244, -0.020284520667),
    ("PHX_3y_euroKI60", 692, "knocked", 75.0): (78.79701200328, 1.04001264514, -0.013662568926),
    ("IBIT_1y_dailyKI60", 231, "not_knocked", 60.6): (69.79956848772, 2.77075003398, 0.24017203998),
    ("IBIT_1y_dailyKI60", 247, "knocked", 59.94): (64.93571612191, 0.999999999973, -3.9676082797e-11),
    ("IBIT_1y_euroKI60", 0, "not_knocked", 103.0): (99.94258414605, 0.183823323086, -0.0077235874421),
    ("IBIT_1y_euroKI60", 126, "knocked", 95.0): (91.77192396501, 0.446025552344, -0.012452550566),
    ("SNOW_2y_dailyKI75", 440, "not_knocked", 82.5): (90.7370044259, 1.58432477481, -0.12265549316),
    ("SNOW_2y_dailyKI75", 483, "knocked", 76.5): (76.40445042904, 0.998767396281, 1.6627257679e-05),
}


seeds = st.integers(0, 10_000)


def market_of(rng):
    return {"r": rng.uniform(-0.02, 0.06), "sigma": rng.uniform(0.12, 0.7), "q": rng.uniform(-0.02, 0.05)}


def within(found, wanted, allowed, what):
    error = np.abs(found - wanted).max() / np.abs(wanted).max()
    assert error < allowed, (what, error)


@pytest.mark.parametrize("name", references.DEALS)
def test_every_row_of_the_reference_file(shared, name):
    table = pd.read_csv(shared / "reference" / "notes.csv")
    table = table[table["deal"].str.startswith(name)]
    r, q, sigma = references.DEALS[name][3:]
    for (deal, elapsed, state), rows in table.groupby(["deal", "elapsed_days", "state"]):
        terms = references.reference_terms(deal, elapsed, state)
        g = value(terms, rows["S"], r, sigma, q, ("price", "delta", "gamma", "vega"))
        np.testing.assert_allclose(100.0 * g.price, rows["price_pct"], rtol=0, atol=2e-9)
        for greek, allowed in (("delta", 1e-9), ("gamma", 1e-8), ("vega", 1e-8)):
            within(100.0 * g[greek], rows[greek].to_numpy(), allowed, (deal, elapsed, state, greek))


@pytest.mark.parametrize("row", KNOWN)
def test_known_values(row):
    deal, elapsed, state, S = row
    r, q, sigma = references.DEALS[deal.rsplit("_", 1)[0]][3:]
    g = value(references.reference_terms(deal, elapsed, state), S, r, sigma, q)
    np.testing.assert_allclose(100.0 * g.block, KNOWN[row], rtol=1e-9, atol=1e-12)


def less_put(put, t, names, r):
    bond = {"price": math.exp(-r * t), "theta": r * math.exp(-r * t), "rho": -t * math.exp(-r * t)}
    return {name: bond.get(name, 0.0) - 0.01 * put[name] for name in names}


PUTS = {
    "maturity": (convertible([0.3, 0.8], [False, True]), "maturity"),
    "at once": (convertible([0.003], [True]), "maturity"),
    "continuous": (convertible([0.3, 0.8], False, continuous=True), "continuous"),
    "continuous, one date": (convertible([0.8], True, continuous=True), "continuous"),
    "continuous, soon": (convertible([1e-6, 0.8], True, continuous=True), "continuous"),
    "dates": (convertible([0.02, 0.1, 0.11, 0.45, 0.8], True), [0.02, 0.1, 0.11, 0.45, 0.8]),
    "date soon": (convertible([1e-5, 0.1, 0.45, 0.8], True), [1e-5, 0.1, 0.45, 0.8]),
}


@pytest.mark.parametrize("case", PUTS)
def test_a_reverse_convertible_is_a_bond_less_a_knock_in_put(case):
    terms, monitoring = PUTS[case]
    names = barrier.ALL
    args = "down-in", "p", SPOTS, 100.0, 70.0, terms.maturity, MARKET["r"], MARKET["sigma"], MARKET["q"]
    put = barrier.greeks(*args, which=names, monitoring=monitoring, tol=1e-9)
    wanted = less_put(put, terms.maturity, names, MARKET["r"])
    found = value(terms, SPOTS, **MARKET, which=names, tol=1e-9)
    for name in names:
        within(found[name], wanted[name], 1e-6 if case in ("at once", "date soon") else 1e-8, name)


def test_a_knocked_note_is_a_bond_less_a_put_in_every_greek():
    terms = convertible([0.2, 0.8], True, knocked=True)
    put = bsm.greeks("p", SPOTS, 100.0, 0.8, MARKET["r"], MARKET["sigma"], MARKET["q"], which=bsm.ALL)
    wanted = less_put(put, 0.8, ALL, MARKET["r"])
    found = value(terms, SPOTS, **MARKET, which=ALL)
    for name in ALL:
        within(found[name], wanted[name], 1e-8, name)


def test_a_dual_directional_note_is_a_portfolio_of_options():
    """Par plus the absolute return above 75, par x S / 100 below: 1 + call + put - two knock-in puts."""
    terms = NoteTerms(
        [0.5, 1.1], look=[False, True], barrier=75.0, edges=[75.0, 100.0],
        intact=[[0.0, 0.01], [2.0, -0.01], [0.0, 0.01]], hit=[[0.0, 0.01]] * 3,
    )  # fmt: skip
    args = SPOTS, 100.0, 1.1, MARKET["r"], MARKET["sigma"], MARKET["q"]
    names = ("price", "delta", "gamma", "vega", "theta", "vanna", "charm", "volga")
    call, put = (bsm.greeks(flag, *args, which=names).block for flag in "cp")
    knock_in = barrier.greeks(
        "down-in", "p", SPOTS, 100.0, 75.0, *args[2:], which=names, monitoring="maturity"
    )
    wanted = 0.01 * (call + put - 2.0 * knock_in.block)
    bond = math.exp(-1.1 * MARKET["r"])
    wanted[0] += bond
    wanted[names.index("theta")] += MARKET["r"] * bond
    found = value(terms, SPOTS, **MARKET, which=names)
    for i, name in enumerate(names):
        within(found[name], wanted[i], 1e-8, name)


@pytest.mark.parametrize("seed", range(24))
def test_random_notes_of_two_dates_are_a_sum_over_all_paths(seed):
    rng = np.random.default_rng(seed)
    terms = references.random_terms(rng, 2)
    market, S = market_of(rng), float(rng.uniform(60.0, 130.0))
    wanted = references.every_path(terms, S, **market)
    assert value(terms, S, **market).price == pytest.approx(wanted, abs=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_random_notes_of_three_dates_are_a_sum_over_all_paths(seed):
    rng = np.random.default_rng(100 + seed)
    terms = references.random_terms(
        rng, 3, memory=True, missed=0.03, knocked=False, continuous=bool(seed % 2)
    )
    market, S = market_of(rng), float(rng.uniform(60.0, 130.0))
    wanted = references.every_path(terms, S, **market, nodes=12)
    assert value(terms, S, **market).price == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_random_notes_of_many_dates_agree_with_random_paths(seed):
    rng = np.random.default_rng(200 + seed)
    terms = references.random_terms(rng, 40, continuous=seed == 0)
    market, S = market_of(rng), float(rng.uniform(80.0, 120.0))
    wanted, error = references.monte_carlo(terms, S, **market, pairs=20_000, seed=seed)
    assert abs(value(terms, S, **market).price - wanted) < 4.5 * error


def slope(f, h):
    """f'(0) by fourth-order differences."""
    return (8.0 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12.0 * h)


@pytest.mark.parametrize("seed", range(6))
def test_greeks_are_the_slopes_of_what_they_say(seed):
    rng = np.random.default_rng(300 + seed)
    terms = references.random_terms(rng, 7, knocked=False, times=0.1 + np.cumsum(rng.uniform(0.02, 0.2, 7)))
    market = {**market_of(rng), "sigma": rng.uniform(0.2, 0.5)}
    S = (
        np.array([72.0, 88.0, 100.0, 117.0])
        if not terms.continuous
        else terms.barrier + np.array([4.0, 30.0])
    )
    g = value(terms, S, **market, which=ALL, tol=1e-9)

    def at(name, spot=0.0, time=0.0, **moved):
        later = dataclasses.replace(terms, times=terms.times - time)
        here = {k: x + moved.get(k, 0.0) for k, x in market.items()}
        return value(later, S + spot, **here, which=name, tol=1e-9)[name]

    wanted = {
        "delta": slope(lambda h: at("price", spot=h), 0.05),
        "gamma": slope(lambda h: at("delta", spot=h), 0.05),
        "speed": slope(lambda h: at("gamma", spot=h), 0.05),
        "theta": slope(lambda h: at("price", time=h), 5e-4),
        "charm": slope(lambda h: at("delta", time=h), 5e-4),
        "color": slope(lambda h: at("gamma", time=h), 5e-4),
        "vega": slope(lambda h: at("price", sigma=h), 1e-3),
        "vanna": slope(lambda h: at("delta", sigma=h), 1e-3),
        "zomma": slope(lambda h: at("gamma", sigma=h), 1e-3),
        "volga": slope(lambda h: at("vega", sigma=h), 2e-3),
        "rho": slope(lambda h: at("price", r=h), 1e-3),
    }
    for name, expected in wanted.items():
        within(g[name], expected, 2e-5, name)


@settings(max_examples=15)
@given(seeds)
def test_a_knocked_note_is_worth_no_more_where_its_redemption_is_no_more(seed):
    rng = np.random.default_rng(seed)
    terms = references.random_terms(rng, 6, knocked=False)
    terms = dataclasses.replace(terms, hit=terms.intact - [0.2, 0.0])
    market = market_of(rng)
    knocked = value(dataclasses.replace(terms, knocked=True), SPOTS, **market).price
    assert (knocked <= value(terms, SPOTS, **market).price + 1e-9).all()


@settings(max_examples=15)
@given(seeds)
def test_unconditional_coupons_of_a_note_that_is_not_called_are_a_bond(seed):
    rng = np.random.default_rng(seed)
    bare = {"call_level": np.inf, "coupon_level": np.inf, "coupon": 0.0, "memory": False, "missed": 0.0}
    terms = references.random_terms(rng, 5, **bare)
    market, coupon = market_of(rng), rng.uniform(0.0, 0.1, 5)
    bond = (coupon * np.exp(-market["r"] * terms.times)).sum()
    paying = dataclasses.replace(terms, coupon_level=np.zeros(5), coupon=coupon)
    difference = (
        value(paying, SPOTS, **market, tol=1e-9).block - value(terms, SPOTS, **market, tol=1e-9).block
    )
    np.testing.assert_allclose(difference[0], bond, atol=1e-10)
    np.testing.assert_allclose(difference[1:], 0.0, atol=1e-8)


@settings(max_examples=10)
@given(seeds)
def test_memory_of_coupons_that_are_always_paid_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    terms = references.random_terms(rng, 5, coupon_level=0.0, coupon=0.03, memory=False, missed=0.0)
    market = market_of(rng)
    with_memory = dataclasses.replace(terms, memory=True)
    np.testing.assert_allclose(
        value(with_memory, SPOTS, **market).block, value(terms, SPOTS, **market).block, atol=1e-12
    )


@settings(max_examples=10)
@given(seeds)
def test_a_call_far_above_is_no_call(seed):
    rng = np.random.default_rng(seed)
    terms = references.random_terms(rng, 5, call_level=np.inf)
    far = dataclasses.replace(terms, call_level=np.full(5, 1e9))
    market = market_of(rng)
    np.testing.assert_allclose(
        value(far, SPOTS, **market).block, value(terms, SPOTS, **market).block, atol=1e-12
    )


@settings(max_examples=10)
@given(seeds, st.floats(0.01, 100.0))
def test_the_unit_of_the_underlying_does_not_matter(seed, factor):
    rng = np.random.default_rng(seed)
    terms = references.random_terms(rng, 5)
    levels = {n: getattr(terms, n) * factor for n in ("barrier", "call_level", "coupon_level", "edges")}
    tables = {n: getattr(terms, n) / [1.0, factor] for n in ("intact", "hit")}
    market = market_of(rng)
    here = value(terms, SPOTS, **market)
    there = value(dataclasses.replace(terms, **levels, **tables), factor * SPOTS, **market)
    np.testing.assert_allclose(there.price, here.price, atol=1e-10)
    np.testing.assert_allclose(there.gamma * factor**2, here.gamma, atol=1e-9)


def test_missed_coupons_add_in_proportion():
    rng = np.random.default_rng(8)
    terms = references.random_terms(rng, 6, memory=True, missed=0.0)
    none, some, more = (
        value(dataclasses.replace(terms, missed=m), SPOTS, **MARKET).block for m in (0.0, 0.02, 0.06)
    )
    assert (some[0] > none[0]).all()
    np.testing.assert_allclose(more - none, 3.0 * (some - none), atol=1e-12)


def test_without_a_barrier_the_looks_and_the_knocked_redemption_do_not_matter():
    plain = NoteTerms([0.4, 1.0], edges=[100.0], intact=[[0.0, 0.01], [1.0, 0.0]], hit=[[0.5, 0.0]] * 2)
    looked = dataclasses.replace(plain, look=np.array([True, True]), continuous=True)
    put = bsm.price("p", SPOTS, 100.0, 1.0, MARKET["r"], MARKET["sigma"], MARKET["q"])
    for terms in (plain, looked):
        found = value(terms, SPOTS, **MARKET).price
        np.testing.assert_allclose(found, math.exp(-MARKET["r"]) - 0.01 * put, atol=1e-11)


@pytest.mark.parametrize("tol", [1e-4, 1e-6, 1e-7])
@pytest.mark.parametrize("seed", range(4))
def test_tol_is_met(tol, seed):
    rng = np.random.default_rng(400 + seed)
    terms = references.random_terms(rng, 30, times=0.01 + np.arange(30) / 52)
    market, S = market_of(rng), np.linspace(45.0, 150.0, 80)
    coarse, fine = value(terms, S, **market, tol=tol), value(terms, S, **market, tol=1e-9)
    assert np.abs(coarse.price - fine.price).max() < 1e-3 * tol
    for name, least in (("delta", 0.01), ("gamma", 1e-4)):
        error = np.abs(coarse[name] - fine[name]).max()
        assert error < tol * max(np.abs(fine[name]).max(), least), name


def test_every_wrong_argument_is_named_at_once():
    with pytest.raises(SchemaError) as error:
        value("terms", "spots", None, 0.2, [1.0, 2.0], "theeta", tol=1e-15)
    lines = str(error.value).splitlines()
    assert lines[0] == "note not accepted:"
    assert [line.split(":")[0] for line in lines[1:]] == [
        "  - which", "  - spots", "  - r", "  - q", "  - tol", "  - terms"
    ]  # fmt: skip


def test_a_wrong_argument_says_what_is_legal():
    terms = convertible([0.3], True)
    with pytest.raises(SchemaError, match="tol must be >= 1e-09"):
        value(terms, 100.0, **MARKET, tol=1e-12)
    with pytest.raises(SchemaError, match="r: received 'high'; it must be one number"):
        value(terms, 100.0, "high", 0.2)
    with pytest.raises(SchemaError, match="NoteTerms are needed"):
        value(None, 100.0, 0.01, 0.2)


def test_names_in_the_order_asked_for():
    g = value(convertible([0.3], True), 90.0, **MARKET, which=("zomma", "price"))
    assert g.names == ("zomma", "price")
    assert set(ALL) >= set(note_pricing.DEFAULT)
