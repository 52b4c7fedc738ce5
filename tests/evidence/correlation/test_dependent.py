"""Two correlations that share a series: published examples, naive code, size and power by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.evidence import correlation
from gammaflow.evidence.correlation.bootstrap import (
    _studentized,
    block_rows,
    bootstrap_difference,
    usual_block,
)
from gammaflow.evidence.correlation.dependent import difference_interval
from gammaflow.evidence.correlation.moments import correlations, fit_line


def draws(kind, records, n, to, than, between, rng):
    """Records of three series with these correlations: normal, or Student t with common heavy tails."""
    matrix = np.array([[1.0, to, than], [to, 1.0, between], [than, between, 1.0]])
    values = rng.standard_normal((records, n, 3)) @ np.linalg.cholesky(matrix).T
    return values if kind == "normal" else values * np.sqrt(4.0 / rng.chisquare(4.0, (records, n, 1)))


def naive_williams(r12, r13, r23, n):
    """Williams' t by the determinant of the matrix, its p-value by the density of Student's t on a grid."""
    det = np.linalg.det(np.array([[1.0, r12, r13], [r12, 1.0, r23], [r13, r23, 1.0]]))
    mean = (r12 + r13) / 2
    below = 2 * det * (n - 1) / (n - 3) + mean * mean * (1 - r23) ** 3
    t = (r12 - r13) * math.sqrt((n - 1) * (1 + r23) / below)
    df = n - 3
    angle = np.linspace(math.atan2(abs(t), math.sqrt(df)), math.pi / 2, 20_001)
    density = np.cos(angle) ** (df - 1)
    whole = math.sqrt(math.pi) * math.gamma(df / 2) / math.gamma((df + 1) / 2) / 2
    return t, float(np.trapezoid(density, angle)) / whole


@pytest.mark.parametrize(
    ("given_", "t", "p", "digits"),
    [
        ((0.80, 0.72, 0.89, 26), 1.361, 0.187, 3),  # Howell, Statistical Methods for Psychology, p. 262
        ((0.40, 0.50, 0.10, 103), -0.89, 0.37, 2),  # Steiger 1980, p. 249
    ],
)
def test_williams_published_examples(given_, t, p, digits):
    found = correlation.williams(*given_)
    assert round(found.statistic, digits) == t
    assert found.p_value == pytest.approx(p, abs=0.6 * 10.0**-digits)


def test_meng_and_zou_published_examples():
    z, p = correlation.meng(0.63, -0.03, -0.19, 15)  # Meng, Rosenthal and Rubin 1992
    assert round(z, 2) == 1.68
    assert p / 2 == pytest.approx(0.047, abs=5e-4)
    low, high = difference_interval(0.396, 0.179, 0.088, 66)  # Zou 2007, 5.2
    assert (round(low, 3), round(high, 3)) == (-0.093, 0.517)


def test_williams_against_naive_code_and_over_arrays():
    cases = np.array(
        [(0.467, 0.095, 0.03, 86), (-0.3, 0.4, 0.5, 21), (0.9, 0.88, 0.97, 40), (0.2, 0.2, 0.0, 7)]
    )
    t, p = correlation.williams(*cases.T)
    expected = np.array([naive_williams(*case) for case in cases])
    assert t == pytest.approx(expected[:, 0], rel=1e-12, abs=1e-12)
    assert p == pytest.approx(expected[:, 1], rel=1e-6)


@settings(max_examples=40)
@given(
    st.floats(-0.6, 0.6), st.floats(-0.6, 0.6), st.floats(-0.2, 0.6), st.integers(6, 300),
)  # fmt: skip
def test_tests_turn_their_sign_when_the_series_change_places(to, than, between, n):
    for test in (correlation.williams, correlation.meng):
        one, two = test(to, than, between, n), test(than, to, between, n)
        assert one.statistic == pytest.approx(-two.statistic, abs=1e-12)
        assert one.p_value == pytest.approx(two.p_value, abs=1e-12)
    low, high = difference_interval(to, than, between, n)
    assert low <= to - than <= high


def test_size_and_power_of_williams_and_what_heavy_tails_do():
    """Equal correlations of normal returns: 5 %. With common heavy tails the test finds three times that."""
    rng = np.random.default_rng(11)
    below = {}
    for kind in ("normal", "heavy"):
        for n in (21, 86):
            r = correlations(draws(kind, 3_000, n, 0.4, 0.4, 0.1, rng))
            p = correlation.williams(r[:, 0, 1], r[:, 0, 2], r[:, 1, 2], n).p_value
            below[kind, n] = float(np.mean(p < 0.05))
    assert below["normal", 21] == pytest.approx(0.05, abs=0.012)
    assert below["normal", 86] == pytest.approx(0.05, abs=0.012)
    assert 0.11 < below["heavy", 21] < 0.20
    assert 0.13 < below["heavy", 86] < 0.24
    r = correlations(draws("normal", 3_000, 86, 0.5, 0.1, 0.1, rng))
    power = float(np.mean(correlation.williams(r[:, 0, 1], r[:, 0, 2], r[:, 1, 2], 86).p_value < 0.05))
    # normal approximation: sd of r1 - r2 at these correlations, by the spread of the records themselves
    spread = float(np.std(r[:, 0, 1] - r[:, 0, 2]))
    assert power == pytest.approx(0.5 * math.erfc((1.96 - 0.4 / spread) / math.sqrt(2)), abs=0.04)
    low, high = difference_interval(r[:, 0, 1], r[:, 0, 2], r[:, 1, 2], 86)
    assert np.mean((low < 0.4) & (high > 0.4)) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("kind", ["normal", "heavy"])
def test_size_and_power_of_the_bootstrap_in_short_records(kind):
    rng = np.random.default_rng(12)

    def share(to, than, n, records):
        p = [
            bootstrap_difference(values, block=usual_block(n), draws=199, rng=rng).p_value
            for values in draws(kind, records, n, to, than, 0.1, rng)
        ]
        return float(np.mean(np.array(p) <= 0.05))

    assert 0.015 <= share(0.4, 0.4, 28, 250) <= 0.095
    assert share(0.6, 0.0, 60, 60) > (0.85 if kind == "normal" else 0.6)


def test_standard_error_of_the_bootstrap_is_that_of_the_jackknife():
    values = draws("normal", 1, 300, 0.5, 0.2, 0.1, np.random.default_rng(4))[0]

    def apart(rows):
        r = np.corrcoef(rows.T)
        return r[0, 1] - r[0, 2]

    left = np.array([apart(np.delete(values, row, axis=0)) for row in range(len(values))])
    jackknife = math.sqrt((len(values) - 1) * np.mean((left - left.mean()) ** 2))
    found, error = _studentized(values)
    assert float(found) == pytest.approx(apart(values), rel=1e-12)
    assert float(error) == pytest.approx(jackknife, rel=0.02)


def test_bootstrap_p_value_by_a_loop_over_the_same_draws():
    values = draws("normal", 1, 30, 0.6, 0.1, 0.2, np.random.default_rng(6))[0]
    found = bootstrap_difference(values, block=4, draws=300, rng=np.random.default_rng(0))
    rng = np.random.default_rng(0)
    apart, error = _studentized(values)
    extreme = 0
    for rows in block_rows(30, 4, 300, rng):
        for start in range(0, 28, 4):
            assert np.all(np.diff(rows[start : start + 4]) % 30 == 1)
        r = np.corrcoef(values[rows].T)
        extreme += abs(r[0, 1] - r[0, 2] - apart) / _studentized(values[rows])[1] >= abs(apart / error)
    assert found.p_value == (1 + extreme) / 301
    assert found.draws == 300
    assert [usual_block(n) for n in (8, 9, 21, 27, 28, 86)] == [2, 3, 3, 3, 4, 5]


def test_bootstrap_counts_draws_without_a_difference():
    values = np.zeros((6, 3))
    values[0] = 1.0
    values[3] = [0.5, -1.0, 2.0]
    found = bootstrap_difference(values, block=1, draws=400, rng=np.random.default_rng(0))
    # two different rows give correlations of +-1 without an error: all three kinds of row must be drawn
    rows = block_rows(6, 1, 400, np.random.default_rng(0))
    every = [{0, 3} < set(drawn.tolist()) for drawn in rows]
    assert found.draws == sum(every) < 400


def test_the_line_is_that_of_least_squares():
    rng = np.random.default_rng(8)
    y = rng.normal(size=40)
    x = 0.7 * y + rng.normal(size=40)
    design = np.column_stack([np.ones(40), y])
    solution, residual, *_ = np.linalg.lstsq(design, x, rcond=None)
    error = math.sqrt(residual[0] / 38 * np.linalg.inv(design.T @ design)[1, 1])
    line = fit_line(x, y)
    assert line.beta == pytest.approx(solution[1], rel=1e-12)
    assert line.beta_error == pytest.approx(error, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: correlation.williams(1.2, 0.1, 0.1, 20), "to: received 1.2; legal: from -1 to 1"),
        (
            lambda: correlation.williams(0.2, "a", 0.1, 3),
            r"than: received 'a'[\s\S]*n: received 3; legal: > 3",
        ),
        (lambda: correlation.williams(0.9, 0.9, [0.7, -0.9], 20), "received 0.9, 0.9, -0.9, which no three"),
        (lambda: correlation.meng(0.9, 0.9, -0.9, 20), "Take all three from the same days"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(gf.SchemaError, match=words):
        call()
