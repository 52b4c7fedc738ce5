import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from books import naive_money, random_book, slope_of
from gammaflow.errors import SchemaError
from gammaflow.units import MEASURES

# What fourth-order differences of a value of this size can resolve.
TOLERANCE = {"delta": 1e-8, "gamma": 1e-6, "gross_gamma": 1e-6, "vanna": 1e-5, "charm": 1e-4, "vega": 1e-6,
             "theta": 1e-4}  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_totals_equal_a_naive_loop_of_differences(seed):
    book = random_book(seed)
    exposure = gf.aggregate_exposure(book)
    naive = naive_money(book, book.spot)
    for measure, value in naive.items():
        scale = np.abs(exposure.rows[measure]).sum()
        assert abs(exposure.total()[measure] - value) < TOLERANCE[measure] * scale, measure


def test_speed_zomma_and_color_are_derivatives_of_gamma_in_money():
    book = random_book(4)
    total = gf.aggregate_exposure(book).total()
    scale = total["gross_gamma"]

    def gamma(move=0.0, **roll):
        return gf.sweep_spot(book, [book.spot * (1 + move)], **roll).table["gamma"].iloc[0]

    assert total["speed"] == pytest.approx(0.01 * slope_of(gamma, 1e-4), abs=1e-8 * scale)
    by_vol = slope_of(lambda e: gamma(vol_shift=e), 1e-4)
    assert total["zomma"] == pytest.approx(0.01 * by_vol, abs=1e-8 * scale)
    h = 1e-4
    by_day = (4 * gamma(days=h) - gamma(days=2 * h) - 3 * gamma()) / (2 * h)
    assert total["color"] == pytest.approx(by_day, abs=1e-6 * scale)


def test_dollar_gamma_on_a_forward_is_forward_squared_times_its_gamma():
    book = random_book(5)
    on_forward = ~np.isnan(book["forward_ratio"])
    forward = book["forward_ratio"] * book.spot
    greeks = gf.bsm.greeks(
        book.flag, forward, book["strike"], book.years, book["rate"], book["sigma"], book["rate"]
    )
    units = book["position"] * book["multiplier"]
    rows = gf.aggregate_exposure(book).rows
    np.testing.assert_allclose(
        rows["gamma"][on_forward], (units * greeks.gamma * forward**2 * 0.01)[on_forward], rtol=1e-12
    )
    np.testing.assert_allclose(
        rows["delta"][on_forward], (units * greeks.delta * forward)[on_forward], rtol=1e-12
    )


def test_groups_add_up_to_the_total():
    exposure = gf.aggregate_exposure(random_book(6, rows=300))
    scale = pd.Series({m: np.abs(v).sum() for m, v in exposure.rows.items()})
    for keys in (["expiry"], ["strike"], ["kind"], ["venue"], ["contract"], ["expiry", "strike", "kind"]):
        difference = exposure.by(*keys).sum() - exposure.total()
        assert (difference.abs() < 1e-12 * scale).all(), keys


def test_table_is_grouped_as_asked():
    book = random_book(7)
    assert gf.aggregate_exposure(book).table.index.names == ["expiry", "strike"]
    table = gf.aggregate_exposure(book, by="strike").table
    assert table.index.name == "strike"
    assert list(table.columns) == list(MEASURES)
    strike = book["strike"][0]
    rows = gf.aggregate_exposure(book).rows
    assert table.loc[strike, "vega"] == pytest.approx(rows["vega"][book["strike"] == strike].sum(), rel=1e-12)
    assert str(gf.aggregate_exposure(book, by="expiry").table.index.tz) == "UTC"


def test_signs_turn_and_sizes_scale_every_measure_but_the_gross_one():
    book = random_book(8)
    one, other = gf.aggregate_exposure(book).total(), gf.aggregate_exposure(-book).total()
    double = gf.aggregate_exposure(random_book(8, multiplier=2 * book_in_given_order(8))).total()
    for measure in MEASURES:
        assert other[measure] == (one[measure] if measure == "gross_gamma" else -one[measure])
        assert double[measure] == pytest.approx(2 * one[measure], rel=1e-12)


def book_in_given_order(seed):
    frame = random_book(seed).to_frame()
    order = frame["contract"].str[1:].astype(int).to_numpy().argsort()
    return frame["multiplier"].to_numpy()[order]


@pytest.mark.parametrize("by", ["colour", [], ["expiry", "colour"]])
def test_unknown_keys_are_refused(by):
    with pytest.raises(SchemaError, match="legal: one or more of 'expiry', 'strike', 'kind'"):
        gf.aggregate_exposure(random_book(0), by=by)


def test_repr_prints_units_rule_and_sign():
    text = repr(gf.aggregate_exposure(gf.assign_positions(gf.demo_chain())))
    assert "USD per +1 % spot" in text
    assert "rule: calls_long_puts_short" in text
    assert "+ = dealers are long" in text
    assert "598 of 598 rows usable" in text
    unsigned = gf.aggregate_exposure(gf.assign_positions(gf.demo_chain(), "unsigned"))
    assert "sign: none (open interest alone)" in repr(unsigned)


def test_to_dict_is_plain():
    plain = gf.aggregate_exposure(random_book(0)).to_dict()
    assert type(plain["total"]["gamma"]) is float
    assert plain["units"]["gamma"] == "USD per +1 % spot"
