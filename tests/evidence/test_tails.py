"""Probabilities of large moves against integrals, counts and published figures (T21)."""

import numpy as np
import pytest
from scipy import integrate, stats

import gammaflow as gf
from gammaflow.evidence import tails


def test_t21_the_figures_of_the_article():
    assert tails.probability(3.5) == pytest.approx(4.6526e-4, rel=1e-4)
    assert tails.probability(3.0) == pytest.approx(2.69980e-3, rel=1e-5)
    assert tails.ratio(3.5, 3.0) == pytest.approx(5.803, abs=5e-4)
    assert tails.ratio(3.5, 3.0, "one", "two") == pytest.approx(11.606, abs=5e-4)
    assert tails.return_period(3.5) == pytest.approx(8.53, abs=0.01)
    assert tails.return_period(3.5, "one") == pytest.approx(17.06, abs=0.01)
    assert tails.ratio(3.64, 3.0) == pytest.approx(10.0, abs=0.15)  # what "ten times rarer" takes


@pytest.mark.parametrize("z", [0.0, 0.7, -1.9, 3.5, -6.0])
def test_normal_and_student_are_integrals_of_their_densities(z):
    def normal(x):
        return np.exp(-0.5 * x * x) / np.sqrt(2.0 * np.pi)

    one = integrate.quad(normal, abs(z), np.inf, epsabs=1e-300)[0]
    assert tails.probability(z, "one") == pytest.approx(one, rel=1e-8)
    assert tails.probability(z) == pytest.approx(2.0 * one, rel=1e-8)
    df, scale = 4.5, np.sqrt(2.5 / 4.5)
    heavy = integrate.quad(lambda x: stats.t.pdf(x / scale, df) / scale, abs(z), np.inf, epsabs=1e-300)[0]
    assert tails.probability(z, "one", df=df) == pytest.approx(heavy, rel=1e-7)


def test_a_sample_is_counted():
    rng = np.random.default_rng(5)
    sample = rng.standard_normal(501).round(1)
    for z in (-2.0, -0.3, 0.0, 0.4, 1.9, 9.0):
        larger = sum(abs(x) >= abs(z) for x in sample)
        same = sum(x <= z if z < 0 else x >= z for x in sample)
        assert tails.probability(z, sample=sample) == larger / 501
        assert tails.probability(z, "one", sample=sample) == same / 501
    assert np.isinf(tails.odds(9.0, sample=sample))


def test_arrays_missing_values_and_the_table():
    found = tails.probability([np.nan, 1.0])
    assert np.isnan(found[0])
    assert found[1] == tails.probability(1.0)
    table = tails.compare(3.5, 3.0)
    assert table.loc["mixed: a mistake", "ratio"] == 2.0 * table.loc["one-sided", "ratio"]
    np.testing.assert_allclose(table["ratio"], table["reference"] / table["probability"], rtol=1e-15)
    np.testing.assert_allclose(table["return_period"], 1.0 / (252.0 * table["probability"]), rtol=1e-15)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: tails.probability("x"), "z: "),
        (lambda: tails.probability(np.inf), "z: received inf"),
        (lambda: tails.probability(1.0, "both"), "sided: received 'both'; legal: 'one', 'two'"),
        (lambda: tails.probability(1.0, df=2.0), "df: received 2.0; df must be > 2"),
        (lambda: tails.probability(1.0, df=5.0, sample=[1.0]), "df, sample: received both"),
        (lambda: tails.probability(1.0, sample=[]), "sample: received 0 moves"),
        (lambda: tails.ratio(1.0, 2.0, "two", "three"), "reference_sided: received 'three'"),
        (lambda: tails.return_period(1.0, per_year=0.0), "per_year: received 0.0"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(gf.SchemaError, match=words):
        call()
