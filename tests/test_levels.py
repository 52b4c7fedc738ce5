import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gammaflow as gf
from books import ASOF, random_book
from gammaflow.book import Book
from gammaflow.errors import MismatchError, SchemaError


def book_of(*rows, spot=100.0, days=20.0, sigma=0.3, signed=True):
    """A book of (kind, strike, position) rows, one expiry, multiplier 10, r = 3 %, q = 1 %."""
    kinds, strikes, positions = zip(*rows, strict=True)
    n = len(rows)
    return Book(
        {
            "contract": np.array([f"{k}{s}#{i}" for i, (k, s, _) in enumerate(rows)], object),
            "venue": np.array(["test"] * n, object),
            "expiry": pd.DatetimeIndex([ASOF + pd.Timedelta(days, "D")] * n),
            "strike": list(strikes),
            "kind": np.array(kinds, object),
            "position": list(positions),
            "multiplier": [10.0] * n,
            "sigma": [sigma] * n,
            "rate": [0.03] * n,
            "dividend_yield": [0.01] * n,
        },
        "TEST",
        spot,
        ASOF,
        signed=signed,
    )


def levels_of(*rows, core=0.9, **options):
    return gf.find_levels(gf.sweep_spot(book_of(*rows, **options)), core=core)


def gamma_at(levels, spot):
    table = levels.profile.at(spot).table
    return table["gamma"].iloc[0] / table["gross_gamma"].iloc[0]


def test_one_flip_between_short_puts_and_long_calls():
    levels = levels_of(("put", 90.0, -100.0), ("call", 110.0, 100.0))
    (flip,) = levels.flips
    assert flip.slope > 0
    assert abs(gamma_at(levels, flip.spot)) < 1e-9
    # Equal sizes and volatility: gammas match where d1 is equal and opposite, up to the forward's drift.
    drift = (0.03 - 0.01 + 0.3**2 / 2) * 20 / 365
    assert flip.spot == pytest.approx(np.sqrt(90 * 110) * np.exp(-drift), rel=1e-9)
    (zone,) = levels.zones
    assert zone.high == flip.spot
    assert zone.low_open
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
    assert (zone.low, zone.high) == (levels.profile.spots[0], levels.profile.spots[-1])
    assert zone.low_open
    assert zone.high_open
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


def test_zone_flow_is_what_dealers_delta_changes_by():
    """For deltas at a fixed value of the dollar: the flow is the integral of S gamma dS."""
    levels = levels_of(("put", 90.0, -100.0), ("call", 110.0, 100.0), ("put", 80.0, -30.0))
    (zone,) = levels.zones
    nodes, weights = np.polynomial.legendre.leggauss(200)
    half = 0.5 * np.log(zone.high / zone.low)
    spots = np.exp(np.log(zone.low * zone.high) / 2 + half * nodes)
    gamma = levels.profile.at(spots).table["gamma"].to_numpy()
    assert zone.flow == pytest.approx(-100 * half * weights @ gamma, rel=1e-7)
    assert zone.flow > 0


def test_trough_and_core_are_repriced():
    levels = levels_of(("put", 90.0, -100.0), ("call", 110.0, 100.0))
    (zone,) = levels.zones
    grid = levels.profile.table["gamma"]
    assert zone.trough.gamma <= grid.min()
    near = levels.profile.at(zone.trough.spot * np.array([1 - 1e-3, 1.0, 1 + 1e-3])).table["gamma"]
    assert near.iloc[1] < near.iloc[0]
    assert near.iloc[1] < near.iloc[2]
    for edge in zone.core:
        assert levels.profile.at(edge).table["gamma"].iloc[0] == pytest.approx(
            0.9 * zone.trough.gamma, rel=1e-8
        )
    wide = levels_of(("put", 90.0, -100.0), ("call", 110.0, 100.0), core=0.5).zones[0].core
    assert wide[0] < zone.core[0] < zone.core[1] < wide[1]


def test_two_troughs_have_two_cores():
    levels = levels_of(("put", 85.0, -100.0), ("put", 105.0, -80.0), days=5.0)
    (zone,) = levels.zones
    deep, other = zone.troughs
    assert deep.gamma < other.gamma
    assert deep.core_high < other.core_low or other.core_high < deep.core_low
    assert zone.trough is deep


def test_a_zone_cut_off_by_the_grid_is_deepest_at_its_edge():
    book = book_of(("put", 90.0, -100.0), ("call", 110.0, 100.0))
    levels = gf.find_levels(gf.sweep_spot(book, np.linspace(92, 130, 200)))
    (zone,) = levels.zones
    assert zone.low_open
    assert zone.trough.spot == 92.0
    assert zone.core[0] == 92.0


def test_walls_and_strikes():
    levels = levels_of(
        ("put", 95.0, -50.0), ("put", 98.0, -20.0), ("call", 103.0, 70.0), ("call", 108.0, 40.0)
    )
    assert levels.put_wall == 95.0
    assert levels.call_wall == 103.0
    assert levels.absolute_gamma_strike == 103.0
    assert levels.concentration.index.tolist() == [95.0, 98.0]
    assert levels.concentration["share"].sum() == pytest.approx(1.0)
    assert (levels.concentration["gamma"] < 0).all()


def test_max_pain_by_brute_force():
    book = random_book(5, rows=80)
    pain = gf.find_levels(gf.sweep_spot(book)).max_pain
    for expiry, strike in pain.items():
        rows = book.to_frame()
        rows = rows[rows["expiry"] == expiry]
        units = (rows["position"] * rows["multiplier"]).abs()

        def paid(k, rows=rows, units=units):
            worth = np.where(rows["kind"] == "call", k - rows["strike"], rows["strike"] - k).clip(0)
            return (worth * units).sum()

        assert paid(strike) == min(paid(k) for k in rows["strike"])


def test_without_calls_there_is_no_call_wall():
    levels = levels_of(("put", 95.0, -5.0))
    assert np.isnan(levels.call_wall)
    assert levels.to_dict()["call_wall"] is None
    assert ("call wall", "none") in levels.rows()


@given(st.integers(0, 200))
def test_every_flip_reprices_to_zero_and_bounds_a_zone(seed):
    levels = gf.find_levels(gf.sweep_spot(random_book(seed, rows=12)))
    assert [f.spot for f in levels.flips] == sorted(f.spot for f in levels.flips)
    bounds = {
        b for z in levels.zones for b, is_open in ((z.low, z.low_open), (z.high, z.high_open)) if not is_open
    }
    assert bounds == {f.spot for f in levels.flips}
    for flip in levels.flips:
        assert abs(gamma_at(levels, flip.spot)) < 1e-9
    for zone in levels.zones:
        assert zone.trough.gamma < 0
        assert zone.low <= zone.core[0] <= zone.trough.spot <= zone.core[1] <= zone.high
        assert zone.flow > 0


def test_an_unsigned_book_has_no_short_side():
    levels = gf.find_levels(gf.sweep_spot(gf.assign_positions(gf.demo_chain(), "unsigned")))
    assert levels.flips == ()
    assert levels.zones == ()
    assert "(unsigned)" in repr(levels)
    assert "sign: none" in repr(levels)


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


@pytest.mark.parametrize(
    ("per_unit", "wall"), [(1e-3, "70,000,000"), (0.7, "100,000"), (0.3, "233,333.3"), (1.0, "70,000")]
)
def test_strikes_are_written_as_listed_however_large(per_unit, wall):
    """One of seventy million is written out; one mapped to endless decimals has seven digits."""
    book = gf.assign_positions(gf.demo_chain()).in_units_of("X", per_unit)
    levels = gf.find_levels(gf.sweep_spot(book, book.spot * np.linspace(0.9, 1.1, 5)))
    assert dict(levels.rows())["put wall"] == wall
