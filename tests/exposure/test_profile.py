import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.errors import SchemaError
from support.books import naive_money, random_book, slope_of
from support.profile_references import MEASURES, PROFILE_COMPARISONS, listed_book, numpy_loop


@pytest.mark.parametrize("seed", range(3))
def test_at_the_books_spot_it_equals_the_exposure(seed):
    book = random_book(seed, rows=200)
    exposure = gf.aggregate_exposure(book)
    row = gf.sweep_spot(book, [book.spot]).table.iloc[0]
    for measure, rows in exposure.rows.items():
        assert abs(row[measure] - exposure.total()[measure]) < 1e-12 * np.abs(rows).sum(), measure


@pytest.mark.parametrize(
    ("spot", "days", "shift"), [(88.0, 0.0, 0.0), (107.0, 3.0, 0.05), (100.0, 1.0, -0.02)]
)
def test_it_equals_a_naive_loop(spot, days, shift):
    book = random_book(9)
    naive = naive_money(book, spot, days, shift)
    row = gf.sweep_spot(book, [spot], days=days, vol_shift=shift).table.iloc[0]
    for measure, tolerance in (("delta", 1e-7), ("gamma", 1e-5), ("vega", 1e-5), ("gross_gamma", 1e-5)):
        scale = naive["gross_gamma"] if "gamma" in measure else np.abs(book.size).sum() * spot
        assert abs(row[measure] - naive[measure]) < tolerance * scale, measure


def test_gamma_equals_a_vollib_loop_over_contracts():
    greeks = pytest.importorskip("vollib.black_scholes_merton.greeks.analytical")
    book = random_book(10)
    for spot in (90.0, 100.0, 113.0):
        expected = 0.0
        for i in range(len(book)):
            u = spot * book.underlying_ratio[i]
            gamma = greeks.gamma(
                book["kind"][i][0], u, book["strike"][i], book.years[i], book["rate"][i],
                book["sigma"][i], book.underlying_yield[i],
            )  # fmt: skip
            expected += book.size[i] * gamma * u * u * 0.01
        table = gf.sweep_spot(book, [spot]).table
        assert abs(table["gamma"].iloc[0] - expected) < 1e-10 * table["gross_gamma"].iloc[0]


@pytest.mark.parametrize("peer", PROFILE_COMPARISONS, ids=lambda p: p.name)
def test_every_way_to_the_profile_agrees(peer):
    book = listed_book(200, expiries=6)
    spots = np.array([4_300.0, 5_000.0, 5_600.0])
    found, right = peer.compute(book, spots), numpy_loop(book, spots)
    for name in MEASURES:
        np.testing.assert_allclose(found[name], right[name], atol=1e-11 * np.abs(right[name]).max())


def test_expiries_add_up_to_the_total():
    profile = gf.sweep_spot(random_book(11), np.linspace(70, 130, 31))
    by_expiry = profile.by_expiry["gamma"]
    assert by_expiry.shape == (31, len(profile.book.expiries))
    np.testing.assert_allclose(by_expiry.sum(axis=1), profile.table["gamma"], rtol=1e-12)
    assert list(by_expiry.columns) == list(profile.book.expiries)


def test_gamma_is_the_derivative_of_delta():
    book = random_book(12)

    def units(move):
        return gf.sweep_spot(book, [100.0 + move]).table["delta"].iloc[0] / (100.0 + move)

    total = gf.aggregate_exposure(book).total()
    assert abs(slope_of(units, 0.01) * 100.0**2 * 0.01 - total["gamma"]) < 1e-8 * total["gross_gamma"]


def test_expired_rows_drop_off_when_days_pass():
    book = random_book(13)
    profile = gf.sweep_spot(book, [95.0, 105.0], days=5.0)
    gone = (book.expiries - book.asof).total_seconds() < 5 * 86_400
    assert gone.sum() == 2
    by_expiry = profile.by_expiry["gross_gamma"]
    assert (by_expiry.loc[:, gone] == 0).all(axis=None)
    assert (by_expiry.loc[:, ~gone] > 0).all(axis=None)


def test_an_expiry_is_gone_exactly_at_its_moment():
    book = random_book(13)
    days = (book.expiries[0] - book.asof).total_seconds() / 86_400
    at = gf.sweep_spot(book, [100.0], days=days).by_expiry["gross_gamma"].iloc[0, 0]
    assert at == 0


@given(st.floats(0.5, 2.0), st.integers(0, 50))
def test_prices_scale_with_the_currency(factor, seed):
    """S, K -> aS, aK multiplies every measure in money by a."""
    book = random_book(seed, rows=20)
    frame = book.to_frame()
    frame["strike"] *= factor
    other = type(book)(frame, book.symbol, book.spot * factor, book.asof)
    one, two = gf.aggregate_exposure(book), gf.aggregate_exposure(other)
    for measure, rows in one.rows.items():
        np.testing.assert_allclose(
            two.rows[measure], factor * rows, rtol=1e-9, atol=1e-9 * np.abs(rows).max()
        )


@given(st.integers(0, 1000))
def test_the_order_of_rows_does_not_matter(seed):
    book = random_book(1, rows=40)
    frame = book.to_frame().sample(frac=1, random_state=seed)
    other = type(book)(frame, book.symbol, book.spot, book.asof)
    spots = [80.0, 100.0, 120.0]
    one, two = gf.sweep_spot(book, spots), gf.sweep_spot(other, spots)
    scale = one.table["gross_gamma"].max()
    np.testing.assert_allclose(one.table["gamma"], two.table["gamma"], atol=1e-13 * scale, rtol=0)


def test_default_grid_spans_thirty_percent_and_holds_the_spot():
    book = gf.assign_positions(gf.demo_chain())
    spots = gf.sweep_spot(book).spots
    assert len(spots) == 602
    assert book.spot in spots
    assert spots[0] == pytest.approx(0.7 * book.spot)
    assert spots[-1] == pytest.approx(1.3 * book.spot)
    assert not spots.flags.writeable


def test_at_keeps_day_and_volatility():
    book = random_book(14)
    profile = gf.sweep_spot(book, [90.0, 100.0], days=2.0, vol_shift=0.03)
    again = profile.at(90.0)
    assert (again.days, again.vol_shift) == (2.0, 0.03)
    np.testing.assert_array_equal(again.table.iloc[0], profile.table.iloc[0])


@pytest.mark.parametrize("spots", [[], [100, 90], [90, 90], [0, 1], [-1, 1], [np.nan], [1, np.inf], [[1, 2]]])
def test_illegal_grids_are_refused(spots):
    with pytest.raises(SchemaError, match=r"spots: received .* finite prices > 0"):
        gf.sweep_spot(random_book(0), spots)


def test_illegal_options_are_refused():
    book = random_book(0)
    with pytest.raises(SchemaError, match="dynamics: received 'sticky'; legal: 'sticky_strike'"):
        gf.sweep_spot(book, dynamics="sticky")
    with pytest.raises(SchemaError, match="days: received -2"):
        gf.sweep_spot(book, days=-2)
    with pytest.raises(SchemaError, match=r"book.at\(spot=...\)\).by\('strike', 'expiry'\)"):
        gf.sweep_spot(random_book(1), [100.0]).by("strike", "expiry")
    with pytest.raises(SchemaError, match="vol_shift: received"):
        gf.sweep_spot(book, vol_shift=-2)


def test_titles_say_what_was_rolled():
    book = random_book(0)
    plain = gf.sweep_spot(book, [90, 110])._title("gamma")
    assert plain == "TEST gamma, 2026-02-05 14:30 UTC\nrule: given positions"
    rolled = gf.sweep_spot(book, [90, 110], days=2, vol_shift=-0.01, dynamics=gf.dynamics.spot_vol_beta(-1))
    title, _, rule = rolled._title("gamma").partition("\n")
    assert title.endswith("UTC, +2 days, -1 vol points, spot_vol_beta(-1)")
    assert rule == "rule: given positions"


def test_repr_states_what_stands_behind_it():
    text = repr(gf.sweep_spot(gf.assign_positions(gf.demo_chain()), days=1.0))
    assert "602 spots 50,029.00 .. 92,911.00 USD" in text
    assert "sticky_strike (each strike keeps its volatility when spot moves)" in text
    assert "early exercise" not in text
    assert "USD per +1 % spot" in text


def test_what_a_profile_leaves_out_is_told():
    book = gf.assign_positions(gf.demo_chain(symbol="IBIT"))
    said = "early exercise is excluded from the profile: vol moves with spot"
    moving = gf.sweep_spot(book, [38.0, 40.0, 42.0], dynamics="sticky_moneyness", measures=["gamma"])
    assert said in repr(moving)
    assert said in gf.find_levels(moving).explain()
    assert said not in repr(gf.sweep_spot(book, [40.0]))
    report = gf.analyze(book, dynamics="sticky_moneyness", spots=[38.0, 40.0, 42.0])
    assert ("rows", said) in report.facts()


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        ("next", "'next'"),
        ([True], r"bool of shape \(1,\)"),
        ([0, 1], "int64 of shape"),
        ("none", "False for each of the"),
        (np.ma.array([True, True], mask=[True, False]), "a masked array"),
    ],
)
def test_a_mask_of_expiries_is_checked(kept, words):
    profile = gf.sweep_spot(random_book(1), [100.0])
    if isinstance(kept, str) and kept == "none":
        kept = profile.book.expiries < profile.book.expiries[0]
    with pytest.raises(SchemaError, match=rf"kept: received {words}.*filters.expiry\(\"next\"\)"):
        profile.of_expiries(kept)
