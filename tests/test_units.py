import numpy as np

from gammaflow import units


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
