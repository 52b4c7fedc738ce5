"""Yearly basis against its definition and the figures of the event (T18, A10)."""

import numpy as np
import pytest

import gammaflow as gf
from gammaflow.evidence import basis


def test_t18_what_3_and_9_percent_are_in_price():
    assert basis.premium([0.033, 0.09], 30 / 365) == pytest.approx([0.00271, 0.00740], abs=5e-6)
    assert 65_000.0 * basis.premium([0.033, 0.09], 30 / 365) == pytest.approx([176.0, 481.0], abs=0.6)
    assert basis.premium(0.09, 120 / 365) == pytest.approx(0.0296, abs=5e-5)


@pytest.mark.parametrize("method", ["simple", "log"])
def test_the_rate_is_the_premium_a_year(method):
    rng = np.random.default_rng(2)
    spot, years = rng.uniform(10.0, 9e4, 50), rng.uniform(0.002, 3.0, 50)
    futures = spot * rng.uniform(0.8, 1.3, 50)
    rate = basis.annualised(futures, spot, years, method)
    assert spot * (1.0 + basis.premium(rate, years, method)) == pytest.approx(futures, rel=1e-13)
    by_hand = [(f - s) / s / t if method == "simple" else (np.log(f) - np.log(s)) / t
               for f, s, t in zip(futures, spot, years, strict=True)]  # fmt: skip
    assert rate == pytest.approx(by_hand, rel=1e-9)


def test_missing_prices_stay_missing():
    assert np.isnan(basis.annualised([np.nan, 101.0], 100.0, 0.1)).tolist() == [True, False]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: basis.annualised(1.0, 0.0, 1.0), "spot: received 0; prices must be > 0"),
        (lambda: basis.annualised(1.0, 1.0, -0.1), "years: received -0.1; the expiry has passed"),
        (lambda: basis.annualised("x", -1.0, 0.0), r"futures: [\s\S]*spot: [\s\S]*years: "),
        (
            lambda: basis.annualised(1.0, 1.0, 1.0, "exact"),
            "method: received 'exact'; legal: 'simple'",
        ),
        (lambda: basis.annualised([1.0, 2.0], [1.0, 2.0, 3.0], 1.0), "shapes do not broadcast"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(gf.SchemaError, match=words):
        call()
