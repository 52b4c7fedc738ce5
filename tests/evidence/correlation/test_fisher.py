"""Fisher's z, its p-value and interval against closed forms and simulation."""

import math

import numpy as np
import pytest

import gammaflow as gf
from gammaflow.evidence import correlation
from gammaflow.evidence.correlation.moments import correlations


def test_the_figure_of_the_record():
    assert round(correlation.fisher_z(0.85, 0.45, 20), 2) == 3.18
    by_hand = 0.5 * (math.log(1.85 / 0.15) - math.log(1.45 / 0.55)) * math.sqrt(17)
    assert correlation.fisher_z(0.85, 0.45, 20) == pytest.approx(by_hand, rel=1e-13)
    assert correlation.fisher_p(0.85, 0.45, 20) == pytest.approx(math.erfc(by_hand / math.sqrt(2)), rel=1e-10)


def test_an_estimated_reference_adds_its_variance():
    z = correlation.fisher_z(0.6, 0.2, 28, reference_n=86)
    by_hand = (math.atanh(0.6) - math.atanh(0.2)) / math.sqrt(1 / 25 + 1 / 83)
    assert z == pytest.approx(by_hand, rel=1e-13)
    assert abs(z) < abs(correlation.fisher_z(0.6, 0.2, 28))


def test_the_interval_covers_normal_returns_and_is_too_narrow_for_heavy_tails():
    rng = np.random.default_rng(9)
    normal = rng.standard_normal((4_000, 20, 2))
    normal[..., 1] = 0.45 * normal[..., 0] + math.sqrt(1 - 0.45**2) * normal[..., 1]
    heavy = normal * np.sqrt(4.0 / rng.chisquare(4.0, (4_000, 20, 1)))
    covered = []
    for values in (normal, heavy):
        low, high = correlation.fisher_interval(correlations(values)[:, 0, 1], 20)
        covered.append(float(np.mean((low < 0.45) & (high > 0.45))))
    assert covered[0] == pytest.approx(0.95, abs=0.01)
    assert covered[1] == pytest.approx(0.85, abs=0.02)


def test_missing_and_perfect_correlations():
    assert np.isnan(correlation.fisher_z([np.nan, 0.1], 0.2, 20)).tolist() == [True, False]
    assert correlation.fisher_z(1.0, 0.5, 20) == np.inf
    assert correlation.fisher_interval(-1.0, 20) == (-1.0, -1.0)
    narrow, wide = (correlation.fisher_interval(0.3, 50, level=level) for level in (0.8, 0.99))
    assert wide[0] < narrow[0] < 0.3 < narrow[1] < wide[1]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: correlation.fisher_z(45, 0.2, 20), r"correlation: received 45; legal: from -1 to 1"),
        (
            lambda: correlation.fisher_p(0.4, "x", 2),
            r"reference: received 'x'[\s\S]*n: received 2; legal: > 3",
        ),
        (lambda: correlation.fisher_z(0.4, 0.2, 20, reference_n=3), "reference_n: received 3; legal: > 3"),
        (lambda: correlation.fisher_interval(0.4, 20, level=95), "level: received 95"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(gf.SchemaError, match=words):
        call()
