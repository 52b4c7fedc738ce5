import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import trapezoid

import gammaflow as gf
from gammaflow.errors import MismatchError, SchemaError
from gammaflow.exposure.levels import Flip, find_flips, find_levels, find_nearest_flip
from gammaflow.positions.book import Book
from support.books import ASOF, random_book
from support.level_books import american, book_of, gamma_at, levels_of


def test_one_flip_between_short_puts_and_long_calls():
    levels = levels_of(("put", 90.0, -100.0), ("call", 110.0, 100.0))
    (flip,) = levels.flips
    assert flip.slope > 0
    assert abs(gamma_at(levels, flip.spot)) < 1e-9
    # Equal sizes and volatility: gammas match where d1 is equal and opposite, up to the forward's drift.
    drift = (0.03 - 0.01 + 0.3**2 / 2) * 20 / 365
    assert flip.spot == pytest.approx(np.sqrt(90 * 110) * np.exp(-drift), rel=1e-9)
    (zone,) = levels.zones
    assert (zone.high, zone.high_end) == (flip.spot, "zero")
    assert zone.low_end == "faded"
    assert not zone.low_open
    assert not zone.high_open
    assert levels.zone is zone


def test_slope_is_the_derivative_of_gamma_at_the_flip():
    levels = levels_of(("put", 90.0, -100.0), ("call", 110.0, 100.0))
    (flip,) = levels.flips
    up, down = (levels.profile.at(flip.spot * (1 + e)).table["gamma"].iloc[0] for e in (1e-4, -1e-4))
    assert flip.slope == pytest.approx(0.01 * (up - down) / 2e-4, rel=1e-5)


def test_no_flip_is_said():
    levels = levels_of(("put", 95.0, -5.0), ("call", 105.0, -7.0))
    assert levels.flips == ()
    (zone,) = levels.zones
    assert (zone.low_end, zone.high_end) == ("faded", "faded")
    assert "none within 70 .. 130" in repr(levels)
    long = levels_of(("put", 95.0, 5.0))
    assert long.zones == ()
    assert long.zone is None


def test_many_flips_alternate_in_slope():
    levels = levels_of(
        ("put", 85.0, -100.0), ("put", 95.0, 100.0), ("call", 105.0, -100.0), ("call", 115.0, 100.0),
        days=4.0, sigma=0.25,
    )  # fmt: skip
    assert len(levels.flips) == 3
    assert [f.slope > 0 for f in levels.flips] == [True, False, True]
    assert len(levels.zones) == 2
    for flip in levels.flips:
        assert abs(gamma_at(levels, flip.spot)) < 1e-9


def test_two_flips_between_neighbours_on_the_grid_are_found():
    # A thin long spike inside short gamma, narrower than the grid's spacing.
    book = book_of(("put", 100.03, 1.0), spot=100.0, days=1 / 24, sigma=0.012) + Book(
        book_of(("call", 100.0, -3.0), days=300.0).to_frame().assign(contract="far"), "TEST", 100.0, ASOF
    )
    spots = np.geomspace(70, 130, 601)
    profile = gf.sweep_spot(book, spots)
    dense = gf.sweep_spot(book, np.linspace(99.5, 100.5, 20_001)).table["gamma"].to_numpy()
    assert (np.diff(np.sign(dense)) != 0).sum() == 2
    assert len(gf.find_levels(profile).flips) == 2


@pytest.mark.parametrize("spots", [None, np.linspace(90, 110, 41)])
def test_flips_between_strikes_minutes_from_expiry_are_all_found(spots):
    """Spikes of 0.03 % width, one per strike, of either sign: a grid of 0.1 % steps over them."""
    sides = [("put", 99.0, -5.0), ("call", 99.5, 4.0), ("put", 100.0, -6.0), ("call", 100.5, 7.0)]
    book = book_of(*sides, ("call", 101.0, 3.0), days=4 / 1440, sigma=0.12)
    far = book_of(("put", 95.0, -0.02), days=200.0).to_frame().assign(contract="far")
    both = book + Book(far, "TEST", 100.0, ASOF)
    dense = gf.sweep_spot(both, np.linspace(98, 102, 40_001)).table["gamma"]
    changes = dense.index[1:][np.diff(np.sign(dense)) != 0]
    flips = [f.spot for f in gf.find_levels(gf.sweep_spot(both, spots)).flips]
    assert len(changes) == 6
    np.testing.assert_allclose(flips, changes, atol=1.1e-4)


def test_a_jump_through_zero_is_no_flip():
    """Short 100 puts K=100, long 20 calls K=90: at the put's exercise boundary gamma jumps over zero."""
    levels = gf.find_levels(gf.sweep_spot(american(("put", 100.0, -100.0), ("call", 90.0, 20.0))))
    assert levels.flips == ()
    (jump,) = levels.jumps
    boundary = gf.american.exercise_boundary("p", 100.0, 100 / 365, 0.08, 0.3)
    assert jump.spot == pytest.approx(boundary, rel=1e-4)
    assert (jump.cause, jump.contracts) == ("early exercise", 1)
    below, above = gf.sweep_spot(levels.profile.book, jump.spot * np.array([1 - 1e-8, 1 + 1e-8])).table[
        "gamma"
    ]
    assert (jump.below, jump.above) == (pytest.approx(below, rel=1e-5), pytest.approx(above, rel=1e-5))
    # Below, the call alone; the put's gamma at its boundary is 2 r K / (sigma B)^2 by the pricing equation.
    call = gf.bsm.greeks("c", jump.spot, 90.0, 100 / 365, 0.08, 0.3).gamma
    put = 2 * 0.08 * 100 / (0.3 * jump.spot) ** 2
    cash = 10 * jump.spot**2 * 0.01
    assert jump.below == pytest.approx(20 * call * cash, rel=1e-6)
    assert jump.above == pytest.approx((20 * call - 100 * put) * cash, rel=1e-4)
    (zone,) = levels.zones
    assert (zone.low, zone.low_end) == (jump.spot, "jump")
    assert "gamma jumps through zero" in repr(levels)
    assert levels.to_dict()["jumps"][0]["below"] == jump.below


def naive_flow(profile, zone):
    """Composite Gauss-Legendre rule over pieces between all exercise boundaries, each found on its own."""
    book = profile.book
    flags = np.where(book.flag > 0, "c", "p")
    edges = gf.american.exercise_boundary(
        flags,
        book["strike"],
        book.years,
        book["rate"],
        book["sigma"],
        book["dividend_yield"],
        precision="default",
    )
    cuts = np.log(np.concatenate([edges[(edges > zone.low) & (edges < zone.high)], profile.breaks.spots]))
    low, high = np.log(zone.low), np.log(zone.high)
    cuts = np.unique(np.concatenate([np.linspace(low, high, 201), cuts[(cuts > low) & (cuts < high)]]))
    z, w = np.polynomial.legendre.leggauss(12)
    half, middle = 0.5 * np.diff(cuts), 0.5 * (cuts[1:] + cuts[:-1])
    spots = np.exp(middle[:, None] + half[:, None] * z)
    gamma = profile.at(np.unique(spots), ["gamma"]).table["gamma"].to_numpy()
    return -100 * float((gamma.reshape(spots.shape) * w * half[:, None]).sum())


# Flips, jumps through zero and zones of each book.
FOUND = ((0, 1, 1), (2, 4, 3), (1, 1, 2), (0, 0, 0), (0, 1, 1), (1, 0, 1), (0, 0, 0), (0, 0, 1))


@pytest.mark.parametrize(("seed", "found"), list(enumerate(FOUND)))
def test_levels_of_american_books_integrate_and_reprice(seed, found):
    """Books whose profile jumps at a dozen boundaries: flows, flips, jumps and cores, each another way."""
    rng = np.random.default_rng(seed)
    rows = [
        (("put", "call")[rng.integers(2)], float(k), float(rng.normal(scale=50)))
        for k in rng.uniform(70, 130, 14)
    ]
    book = american(
        *rows,
        spot=100.0,
        days=float(rng.uniform(10, 400)),
        sigma=0.25,
        rate=0.07,
        carry=[0.0, 0.05][seed % 2],
    )
    profile = gf.sweep_spot(book)
    levels = gf.find_levels(profile)
    curve = profile.curve()
    assert len(profile.breaks.spots) >= 5
    assert (len(levels.flips), len(levels.jumps), len(levels.zones)) == found
    for flip in levels.flips:
        below, above = curve(flip.spot * np.array([1 - 1e-7, 1 + 1e-7]))
        assert np.sign(below) == -np.sign(above) == -np.sign(flip.slope)
        assert max(abs(below), abs(above)) < 1e-4 * profile.table["gross_gamma"].max()
    for jump in levels.jumps:
        assert np.sign(jump.below) == -np.sign(jump.above)
    for zone in levels.zones:
        assert zone.flow == pytest.approx(naive_flow(profile, zone), rel=1e-6)
        assert zone.troughs
        for trough in zone.troughs:
            for edge, end in ((trough.core_low, trough.low_end), (trough.core_high, trough.high_end)):
                if end == "level":
                    assert curve([edge])[0] == pytest.approx(0.9 * trough.gamma, rel=1e-8)
                elif end == "jump":
                    inner, outer = np.sort(curve(edge * np.array([1 - 1e-8, 1 + 1e-8])))
                    assert inner <= 0.9 * trough.gamma <= outer


def test_levels_are_of_one_time():
    """A day later the first expiry is gone: walls, max pain and the exposure are those of what is left."""
    near = book_of(("put", 99.0, -500.0), ("call", 101.0, 500.0), days=0.5).to_frame()
    far = book_of(("put", 80.0, -50.0), ("call", 120.0, 50.0), days=30.0).to_frame()
    far["contract"] = ["far put", "far call"]
    book = Book(pd.concat([near, far]), "TEST", 100.0, ASOF)
    now, later = (
        gf.find_levels(gf.sweep_spot(book, days=days, vol_shift=shift)) for days, shift in ((0, 0), (1, 0.1))
    )
    assert (now.put_wall, now.call_wall, len(now.max_pain)) == (99.0, 101.0, 2)
    assert (later.put_wall, later.call_wall, len(later.max_pain)) == (80.0, 120.0, 1)
    alone = Book(far.assign(sigma=far["sigma"] + 0.1), "TEST", 100.0, ASOF + pd.Timedelta(1, "D"))
    total = gf.aggregate_exposure(alone).total()
    pd.testing.assert_series_equal(later.exposure.total(), total, rtol=1e-12)
    assert later.gamma == pytest.approx(total["gamma"], rel=1e-12)
    assert "2026-02-06 14:30 UTC), vols +10 points" in repr(later)
    assert "2026-02-06 14:30 UTC), vols +10 points" in repr(later.exposure)
    report = gf.analyze(book, days=1, vol_shift=0.1)
    assert report.levels.put_wall == 80.0
    assert "valued 1 day later" in report.to_markdown()
    with pytest.raises(MismatchError, match="different times: 0 and 1 days"):
        gf.find_levels(later.profile, gf.aggregate_exposure(book))


@settings(max_examples=30)
@given(st.integers(0, 200))
def test_every_flip_reprices_to_zero_and_bounds_a_zone(seed):
    levels = gf.find_levels(gf.sweep_spot(random_book(seed, rows=12)))
    table = levels.profile.table
    gamma = table["gamma"][table["gamma"].abs() > 1e-9 * table["gross_gamma"].max()]
    seen = int(np.abs(np.diff(np.sign(gamma))).sum()) // 2
    inside = [f for f in levels.flips if gamma.index[0] < f.spot < gamma.index[-1]]
    assert len(inside) >= seen
    assert len(inside) % 2 == seen % 2
    assert levels.zones or (gamma > 0).all()
    assert [f.spot for f in levels.flips] == sorted(f.spot for f in levels.flips)
    bounds = {
        bound
        for z in levels.zones
        for bound, end in ((z.low, z.low_end), (z.high, z.high_end))
        if end in ("zero", "jump")
    }
    assert bounds == {f.spot for f in levels.flips}
    for flip in levels.flips:
        assert abs(gamma_at(levels, flip.spot)) < 1e-9
    for zone in levels.zones:
        assert zone.trough.gamma < 0
        assert zone.low <= zone.core[0] <= zone.trough.spot <= zone.core[1] <= zone.high
        assert zone.flow > 0


@pytest.mark.parametrize("seed", range(4))
def test_flips_alone_are_those_of_the_levels(seed):
    profile = gf.sweep_spot(random_book(seed), measures=["gamma", "gross_gamma"])
    assert find_flips(profile).tolist() == [flip.spot for flip in profile.levels().flips]


def test_an_unsigned_book_has_no_short_side():
    levels = gf.find_levels(gf.sweep_spot(gf.assign_positions(gf.demo_chain(), "unsigned")))
    assert levels.flips == ()
    assert levels.zones == ()
    assert "(unsigned)" in repr(levels)
    assert "sign: none" in repr(levels)


def test_levels_say_the_rates_they_are_of():
    book = book_of(("put", 90.0, -100.0), ("call", 110.0, 100.0))
    levels = gf.find_levels(gf.sweep_spot(book))
    assert "rate: 3 % a year; dividend yield: 1 % a year" in repr(levels).splitlines()
    assert "dividend yield" in levels.explain()
    rated = replace(book, columns={**book.columns, "rate": np.array([0.02, 0.05])})
    assert "rate: 3.5 % a year (median; 2 % to 5 %); dividend" in repr(gf.sweep_spot(rated).levels())
    coins = gf.sweep_spot(gf.assign_positions(gf.demo_chain())).levels()
    assert "rate: 0 % a year; dividend yield: none" in repr(coins)


def test_to_dict_is_json():
    levels = gf.find_levels(gf.sweep_spot(gf.assign_positions(gf.demo_chain())))
    plain = json.loads(json.dumps(levels.to_dict(), allow_nan=False))
    assert plain["flips"][0]["spot"] == levels.flips[0].spot
    assert plain["zones"][0]["troughs"][0]["core_low"] == levels.zones[0].core[0]
    assert plain["unit_of_gamma"] == "USD per +1 % spot"
    assert len(plain["max_pain"]) == 7


def test_illegal_input_is_refused():
    book = book_of(("put", 95.0, -5.0))
    profile = gf.sweep_spot(book)
    for core in (0.0, 1.5, -1):
        with pytest.raises(SchemaError, match="core: received"):
            gf.find_levels(profile, core=core)
    with pytest.raises(SchemaError, match="received 2 spots"):
        gf.find_levels(gf.sweep_spot(book, [90, 110]))
    with pytest.raises(MismatchError, match="different books"):
        gf.find_levels(profile, gf.aggregate_exposure(book_of(("put", 95.0, -5.0))))


def test_gamma_that_fades_to_nothing_has_no_flip():
    """One short option an hour from expiry: its gamma underflows far out, which is no change of sign."""
    levels = levels_of(("put", 100.0, -5.0), days=1 / 24, sigma=0.2)
    assert levels.profile.table["gamma"].iloc[0] == 0.0
    assert levels.flips == ()
    (zone,) = levels.zones
    assert zone.trough.spot == pytest.approx(100.0, rel=1e-3)


def test_positions_that_cancel_have_neither_flip_nor_zone():
    levels = levels_of(("put", 97.0, -5.0), ("call", 97.0, 5.0))
    assert levels.flips == ()
    assert levels.zones == ()


@pytest.mark.parametrize("seed", range(12))
def test_short_american_books_days_from_expiry_have_no_flip(seed):
    """The early-exercise premium is good to 1e-9 of the peak of gamma: less is no change of sign."""
    rng = np.random.default_rng(seed)
    kind, carry = (("put", 0.012), ("call", 0.12))[seed % 2]
    rows = [(kind, float(k), -1.0) for k in rng.uniform(92, 112, 3)]
    book = american(
        *rows, spot=100.0, days=[1.0, 2.0, 5.0][seed % 3], sigma=rng.uniform(0.08, 0.35), carry=carry
    )
    for spots in (None, np.linspace(150.0, 200.0, 101)):
        levels = gf.find_levels(gf.sweep_spot(book, spots))
        assert levels.flips == ()
        assert levels.jumps == ()
        assert len(levels.zones) == (spots is None)  # none where gamma has faded
        assert {end for z in levels.zones for end in (z.low_end, z.high_end)} <= {"faded", "jump"}


def test_a_coarse_grid_is_filled_up():
    """Three spots: the trough between them, and a zone's end, are those of a fine grid."""
    book = book_of(("put", 95.0, -10.0), ("call", 110.0, 10.0), ("put", 100.0, -20.0))
    fine, coarse = (gf.find_levels(gf.sweep_spot(book, spots)) for spots in (None, [5.0, 6.0, 2000.0]))
    assert coarse.zone.trough.spot == pytest.approx(fine.zone.trough.spot, rel=1e-6)
    assert coarse.zone.high == pytest.approx(fine.zone.high, rel=1e-12)
    assert [f.spot for f in coarse.flips] == pytest.approx([f.spot for f in fine.flips], rel=1e-12)


def test_total_gamma_jumps_where_volatility_meets_its_floor():
    """sigma + beta ln(S / S0) stops at a quarter of sigma: vanna's part goes at once."""
    book = book_of(("put", 112.0, -1.0), days=30.0, sigma=0.2)
    profile = gf.sweep_spot(book, dynamics=gf.dynamics.spot_vol_beta(-3.0))
    levels = gf.find_levels(profile, measure="total_gamma")
    (jump,) = levels.jumps
    assert levels.flips == ()
    assert jump.spot == pytest.approx(100.0 * np.exp(0.75 * 0.2 / 3.0), rel=1e-12)
    assert jump.cause == "floor of volatility"
    vanna = gf.bsm.greeks("p", jump.spot, 112.0, 30 / 365, 0.03, 0.05, 0.01).vanna
    assert jump.above - jump.below == pytest.approx(-10 * jump.spot * vanna * 3.0 * 0.01, rel=1e-5)
    curve, traded = profile.curve("total_gamma"), 0.0
    for low, high in ((100.0, jump.spot * (1 - 1e-12)), (jump.spot * (1 + 1e-12), 110.0)):
        x = np.geomspace(low, high, 20_001)
        traded -= 100 * trapezoid(curve(x), np.log(x))
    assert levels.moves[0.1] == pytest.approx(traded, rel=1e-6)


def test_moving_volatility_leaves_early_exercise_out_everywhere():
    book = american(("put", 120.0, -1.0), ("put", 100.0, -2.0), ("call", 100.0, 1.0), days=30.0, rate=0.1)
    report = gf.analyze(book, dynamics="sticky_moneyness")
    assert report.levels.gamma == pytest.approx(report.exposure.total()["gamma"], rel=1e-10)


def test_a_book_that_has_expired_has_no_side():
    levels = gf.find_levels(gf.sweep_spot(book_of(("put", 95.0, -5.0)), days=30.0))
    assert ("gamma at spot", "0 USD per +1 % spot (none)") in levels.lines()
    with pytest.raises(SchemaError, match=r"days: received 1e\+06; legal: 0 .."):
        gf.sweep_spot(book_of(("put", 95.0, -5.0)), days=1e6)
    with pytest.raises(SchemaError, match=r"core: received '0.9'"):
        gf.find_levels(levels.profile, core="0.9")
    with pytest.raises(SchemaError, match="masked array with masked entries"):
        book_of(("put", 95.0, -5.0)).select(np.ma.MaskedArray([True], mask=[True]))


def test_a_profile_finds_its_levels_once_for_each_question():
    profile = gf.sweep_spot(gf.assign_positions(gf.demo_chain()))
    levels = profile.levels()
    assert levels is profile.levels(core=0.9)
    assert levels.exposure is profile.exposure()
    assert levels.to_dict() == find_levels(profile).to_dict()
    other = profile.levels(core=0.5)
    assert other is not levels
    assert other.core_fraction == 0.5
    assert profile.levels(measure="total_gamma").measure == "total_gamma"
    with pytest.raises(SchemaError, match=r"core: received \[\]"):
        profile.levels(core=[])


def test_flips_are_told_from_the_nearest_in_logs():
    """Of 80 and 125, and of 80 and 124, around 100: 125 is as far as 80 in logs, 124 nearer."""
    levels = gf.sweep_spot(random_book(1)).levels()
    flips = tuple(Flip(spot, 1.0) for spot in (60.0, 80.0, 124.0, 200.0))
    some = replace(levels, flips=flips)
    assert [flip.spot for flip in some.nearest_flips] == [124.0, 80.0, 60.0, 200.0]
    assert some.nearest_flip == flips[2]
    assert replace(levels, flips=()).nearest_flip is None


@pytest.mark.parametrize(
    ("rule", "reach"),
    [
        ("calls_long_puts_short", (0.7, 1.3)),
        ("calls_long_puts_short", (0.99, 1.01)),
        ("short_all", (0.9, 1.1)),
        ("skew_adjusted", (0.5, 0.8)),
    ],
)
def test_the_nearest_flip_is_the_nearest_of_all(rule, reach):
    """Inside the grid, beyond it, or nowhere."""
    book = gf.assign_positions(gf.demo_chain(), rule)
    profile = gf.sweep_spot(book, np.linspace(*reach, 61) * book.spot)
    flips = find_flips(profile)
    nearest = flips[np.abs(np.log(flips / book.spot)).argmin()] if flips.size else np.nan
    assert find_nearest_flip(profile) == pytest.approx(nearest, rel=1e-14, nan_ok=True)
