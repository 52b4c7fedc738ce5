"""Futures, perpetuals and shares in the book that they hedge."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import SchemaError
from support.books import ASOF, random_book
from support.desk_pages import page_model, texts


def linear_book(kind="perpetual", position=-250.0, spot=100.0, **columns):
    frame = {"contract": [f"{kind} X"], "venue": ["test"], "kind": [kind], "position": [position],
             "multiplier": [1.0], **{name: [value] for name, value in columns.items()}}  # fmt: skip
    return gf.Book(frame, "TEST", spot, ASOF)


def hedged(seed=2):
    """A book of options whose delta a perpetual takes off."""
    options = random_book(seed)
    delta = gf.aggregate_exposure(options).total()["delta"]
    return options, options + linear_book(position=-delta / options.spot)


@pytest.mark.parametrize("kind", ["perpetual", "share"])
@pytest.mark.parametrize("ratio", [np.nan, 1.02])
def test_delta_is_all_there_is(kind, ratio):
    book = linear_book(kind, forward_ratio=ratio)
    table = gf.sweep_spot(book, [50.0, 100.0, 170.0]).table
    price = np.nan_to_num(ratio, nan=1.0) * np.array([50.0, 100.0, 170.0])
    np.testing.assert_allclose(table["delta"], -250.0 * price, rtol=1e-15)
    assert not table.drop(columns="delta").any(axis=None)
    total = gf.aggregate_exposure(
        book,
    ).total()
    assert total["delta"] == table["delta"].loc[100.0]


def test_a_dated_future_draws_nearer_to_spot_day_by_day():
    rate, carry, years = 0.05, -0.01, 90.0 / 365.0
    book = linear_book("future", rate=rate, dividend_yield=carry, expiry=ASOF + pd.Timedelta(90, "D"))
    total = gf.aggregate_exposure(book).total()
    price = 100.0 * np.exp((rate - carry) * years)
    assert total["delta"] == pytest.approx(-250.0 * price, rel=1e-14)
    h = 0.5
    ahead, behind = (-250.0 * 100.0 * np.exp((rate - carry) * (years + d / 365.0)) for d in (-h, h))
    assert total["charm"] == pytest.approx((ahead - behind) / (2.0 * h), rel=1e-8)
    assert total["theta"] == pytest.approx(total["charm"], rel=1e-14)
    later = gf.sweep_spot(book, [100.0], days=30.0).table["delta"].iloc[0]
    assert later == pytest.approx(-250.0 * 100.0 * np.exp((rate - carry) * 60.0 / 365.0), rel=1e-14)
    assert gf.sweep_spot(book, [100.0], days=91.0).table["delta"].iloc[0] == 0.0
    kept = linear_book("future", rate=rate, forward_ratio=1.01, expiry=ASOF + pd.Timedelta(90, "D"))
    assert gf.aggregate_exposure(kept).total()[["delta", "charm"]].tolist() == [-25250.0, 0.0]


def test_a_hedge_takes_delta_off_and_leaves_gamma_and_levels():
    options, both = hedged()
    there, here = gf.aggregate_exposure(options).total(), gf.aggregate_exposure(both).total()
    assert abs(here["delta"]) < 1e-9 * abs(there["delta"])
    pd.testing.assert_series_equal(here.drop("delta"), there.drop("delta"), rtol=1e-13)
    spots = np.linspace(80.0, 120.0, 41)
    one, other = (gf.sweep_spot(b, spots).table for b in (options, both))
    pd.testing.assert_frame_equal(one.drop(columns="delta"), other.drop(columns="delta"), rtol=1e-12)
    np.testing.assert_allclose(
        other["delta"], one["delta"] - there["delta"] * spots / options.spot, rtol=1e-9, atol=1e-7
    )
    a, b = (gf.find_levels(gf.sweep_spot(x)) for x in (options, both))
    assert a.zones
    assert [f.spot for f in a.flips] == pytest.approx([f.spot for f in b.flips], rel=1e-9)
    assert [z.flow for z in a.zones] == pytest.approx([z.flow for z in b.zones], rel=1e-6)
    pd.testing.assert_frame_equal(a.walls, b.walls)
    pd.testing.assert_series_equal(a.max_pain, b.max_pain)


def test_what_does_not_expire_is_in_tables_by_expiry_and_in_none_by_strike():
    options, both = hedged(3)
    exposure = gf.aggregate_exposure(both)
    by_expiry = exposure.by("expiry")
    assert by_expiry.index.isna().sum() == 1
    assert by_expiry["delta"].sum() == pytest.approx(exposure.total()["delta"], abs=1e-6)
    assert exposure.by("strike")["delta"].sum() == pytest.approx(
        gf.aggregate_exposure(options).total()["delta"], rel=1e-12
    )
    assert exposure.without_strike["delta"] == pytest.approx(-by_expiry["delta"].iloc[:-1].sum(), rel=1e-9)
    assert "1 perpetual without a strike" in exposure.left_out("strike")
    assert len(both.expiries) == len(options.expiries) + 1


@pytest.mark.parametrize("dynamics", ["sticky_moneyness", "sticky_delta", gf.dynamics.spot_vol_beta(-0.5)])
def test_moving_volatility_leaves_it_alone(dynamics):
    options, both = hedged(4)
    spots = np.array([85.0, 100.0, 118.0])
    ask = {"dynamics": dynamics, "days": 1.0, "measures": ["gamma", "delta", "total_gamma"]}
    one, other = (gf.sweep_spot(b, spots, **ask).table for b in (options, both))
    for name in ("gamma", "total_gamma"):
        np.testing.assert_allclose(other[name], one[name], rtol=1e-9, atol=1e-9 * np.abs(one[name]).max())
    change = both["position"][both["kind"] == "perpetual"][0] * spots
    np.testing.assert_allclose(other["delta"] - one["delta"], change, rtol=1e-9)


def test_books_of_hedges_do_what_books_do(tmp_path):
    _, both = hedged(5)
    assert len(both.select(both["kind"] == "perpetual")) == 1
    again = pickle.loads(pickle.dumps(both))
    assert gf.aggregate_exposure(again).total().equals(gf.aggregate_exposure(both).total())
    nothing = (both + -both).netted()
    assert not nothing["position"].any()
    milli = both.in_units_of("MILLI", 1000.0)
    assert gf.aggregate_exposure(milli).total()["vega"] == pytest.approx(
        gf.aggregate_exposure(both).total()["vega"], rel=1e-9
    )
    flow = gf.hedge_flow(both, spot=93.0, days=1.0, vol_shift=0.02)
    options = both.select(both["kind"] != "perpetual")
    assert flow.total == pytest.approx(gf.hedge_flow(options, spot=93.0, days=1.0, vol_shift=0.02).total)
    assert "1 row: perpetual swaps: delta only" in repr(both)
    page = gf.analyze(both).to_html(tmp_path / "page.html")
    assert "perpetual swaps: delta only" in texts(page_model(page)["facts"])


def test_a_book_of_hedges_alone():
    book = linear_book()
    levels = gf.find_levels(gf.sweep_spot(book))
    assert (levels.flips, levels.zones, levels.gamma) == ((), (), 0.0)
    assert np.isnan(levels.call_wall)
    assert "perpetual swaps" in repr(levels.exposure)


def test_a_dated_future_needs_its_date():
    with pytest.raises(
        SchemaError, match=r"expiry: 1 of 1 rows do not fit their kind .*rows of kind 'future' need it"
    ):
        linear_book("future")


def test_perpetuals_alone_in_all_that_asks_for_smiles_expiries_or_json():
    book = linear_book(position=3.0)
    assert gf.sweep_spot(book, [90.0, 110.0], dynamics="sticky_delta", days=1.0).table["delta"].to_list() == [
        270.0, 330.0
    ]  # fmt: skip
    assert "no row has a strike: nothing is fitted" in repr(gf.fit_smiles(book))
    ladder = gf.flow_ladder(book).table["flow"]
    assert ladder.abs().max() == 0.0
    assert len(ladder.loc["hours"]) > 3
    said = gf.analyze(book).to_dict()
    assert json.loads(json.dumps(said, allow_nan=False)) == said
    assert len(gf.compare_dynamics(book).table) > 3
    with pytest.raises(SchemaError, match="only calls and puts can be kept in coin"):
        book.kept_in("coin")


def test_rows_without_an_expiry_or_a_strike_are_selected_by_what_is_missing():
    _, both = hedged(6)
    assert both.select(expiry=pd.NaT)["kind"].tolist() == ["perpetual"]
    assert both.select(strike=np.nan)["kind"].tolist() == ["perpetual"]
    assert (
        len(both.select(expiry=[pd.NaT, both.expiries[0]])) == 1 + (both["expiry"] == both["expiry"][0]).sum()
    )


@pytest.mark.parametrize("kind", ["perpetual", "share"])
def test_what_never_expires_has_no_expiry(kind):
    with pytest.raises(SchemaError, match=f"a {kind} never expires: leave its expiry empty"):
        linear_book(kind, expiry=ASOF + pd.Timedelta(10, "D"))


def test_the_advice_on_expired_rows_keeps_what_never_expires():
    _, both = hedged(7)
    later = both.asof + pd.Timedelta(2, "D")
    with pytest.raises(SchemaError, match="Exclude them first") as error:
        both.at(asof=later)
    advice = str(error.value).split("first, ")[1].split(", or ")[0]
    kept = eval(advice, {"book": both})
    assert "perpetual" in kept["kind"]
    assert (kept.at(asof=later)["kind"] == "perpetual").sum() == 1


def test_books_without_options_are_told_what_cannot_be_drawn_or_listed():
    profile = gf.sweep_spot(linear_book())
    with pytest.raises(SchemaError, match="there is no term structure"):
        gf.flip_term_structure(profile)
    with pytest.raises(SchemaError, match="no part to draw"):
        profile.plot_stack("strike")
    _, both = hedged(8)
    assert "excluded: 1 row without an expiry" in repr(gf.flip_term_structure(gf.sweep_spot(both)))


def test_a_volatility_nobody_uses_bounds_no_shift():
    book = linear_book("future", sigma=0.01, expiry=ASOF + pd.Timedelta(10, "D"))
    assert gf.sweep_spot(book, [100.0], vol_shift=-0.02).table["delta"].iloc[0] == -25_000.0
    assert "expiries: 0" in str(gf.analyze(linear_book()).facts())
