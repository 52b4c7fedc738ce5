import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow import units
from gammaflow.errors import SchemaError
from support.books import random_book


def test_scales_are_those_of_the_contract():
    cash = {name: np.array([1.0, -2.0]) for name in (
        "delta", "gamma", "vanna", "charm", "vega", "theta", "speed", "zomma", "color", "gross_gamma"
    )}  # fmt: skip
    expected = {
        "delta": 1.0,
        "gamma": 0.01,
        "vanna": 0.01,
        "charm": 1 / 365,
        "vega": 0.01,
        "theta": 1 / 365,
        "speed": 1e-4,
        "zomma": 1e-4,
        "color": 0.01 / 365,
        "gross_gamma": 0.01,
    }
    money = units.money(cash)
    assert list(money) == list(expected)
    for name, scale in expected.items():
        np.testing.assert_allclose(money[name], [scale, -2 * scale], rtol=1e-15)


def test_every_measure_has_a_unit_in_the_books_currency():
    text = units.describe("EUR")
    assert text["gamma"] == "EUR per +1 % spot"
    assert text["vanna"] == "EUR per +1 vol point"
    assert text["charm"] == "EUR per day"
    assert set(text) == set(units.PROFILE_MEASURES)


@pytest.mark.parametrize(
    ("to", "gamma", "delta"),
    [
        ("per_point", 3e6 / (0.01 * 600), None),
        ("per_100pct", 3e8, None),
        ("shares", 5_000.0, 20_000.0),
        ("shares_per_point", 5_000.0 / 6.0, None),
        ("contracts", 5_000.0 / 50, 20_000.0 / 50),
    ],
)
def test_conversions_of_a_measure(to, gamma, delta):
    table = pd.DataFrame({"delta": [12e6], "gamma": [3e6], "vega": [7.0]})
    size = 50.0 if to == "contracts" else None
    out = units.convert(table, to, 600.0, "USD", size)
    (name,) = (c for c in out if c.startswith("gamma"))
    assert out[name].iloc[0] == pytest.approx(gamma, rel=1e-15)
    deltas = [c for c in out if c.startswith("delta")]
    assert len(deltas) == (delta is not None)
    if delta is not None:
        assert out[deltas[0]].iloc[0] == pytest.approx(delta, rel=1e-15)
    assert not [c for c in out if c.startswith("vega")]


def test_conversion_names_its_unit():
    table = pd.DataFrame({"gamma": [1.0], "charm": [1.0]})
    assert list(units.convert(table, "shares", 2.0, "USD")) == [
        "gamma [units per +1 % spot]",
        "charm [units per day]",
    ]
    assert list(units.convert(table, "per_point", 2.0, "EUR")) == ["gamma [EUR per +1.00 of spot]"]


def test_profile_is_converted_at_each_of_its_spots():
    profile = gf.sweep_spot(random_book(3), [80.0, 100.0, 125.0])
    shares = profile.to("shares")["gamma [units per +1 % spot]"]
    np.testing.assert_allclose(shares, profile.table["gamma"] / profile.spots, rtol=1e-15)
    exposure = gf.aggregate_exposure(random_book(3), by="kind")
    futures = exposure.to("contracts", contract_size=5.0)["delta [contracts]"]
    np.testing.assert_allclose(futures, exposure.table["delta"] / 500.0, rtol=1e-15)


@pytest.mark.parametrize(
    ("to", "size"), [("furlongs", None), ("contracts", None), ("contracts", 0.0), ("shares", 5.0)]
)
def test_illegal_conversions_are_refused(to, size):
    with pytest.raises(
        SchemaError, match=r"to: received 'furlongs'; legal: 'per_point'|contract_size: received"
    ):
        units.convert(pd.DataFrame({"gamma": [1.0]}), to, 1.0, "USD", size)


def test_hedge_trade_is_minus_the_change_of_each_delta():
    after, before, spots = np.array([[-40.0, 25.0], [np.nan, 3.0]]), np.array([[10.0], [-2.0]]), [90.0, 110.0]
    naive = [[-(after[i, j] - before[i, 0]) * spots[j] for j in range(2)] for i in range(2)]
    np.testing.assert_array_equal(units.hedge_trade(after, before, spots), naive)
    assert str(float(units.hedge_trade(2.0, 2.0, 90.0))) == "0.0"  # not -0.0


def test_hedge_trade_refuses_what_is_no_number_and_shapes_that_do_not_broadcast():
    with pytest.raises(SchemaError, match=r"^before: received 'ten'"):
        units.hedge_trade(1.0, "ten", 90.0)
    with pytest.raises(SchemaError, match=r"delta has shape \(2,\), before \(3,\), spots \(\): they do not"):
        units.hedge_trade([1.0, 2.0], [1.0, 2.0, 3.0], 90.0)
