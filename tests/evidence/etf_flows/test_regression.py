"""Least squares and its errors against loops, the normal equations, and refits without a day."""

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.evidence.etf_flows.regression import fit

N = 60
RNG = np.random.default_rng(5)
X = pd.DataFrame({"constant": 1.0, "move": RNG.normal(0, 0.03, N), "flow_before": RNG.normal(0, 2e8, N)})
X.index = pd.bdate_range("2025-03-03", periods=N)
Y = pd.Series(3e7 + 4e9 * X["move"] + 0.5 * X["flow_before"], name="flow")
Y += (1e8 + 3e9 * X["move"].abs()) * RNG.standard_normal(N)


def solve(x, y):
    return np.linalg.inv(x.T @ x) @ x.T @ y


def test_coefficients_and_hc3_by_loops():
    found = fit(Y, X)
    x, y = X.to_numpy(), Y.to_numpy()
    bread = np.linalg.inv(x.T @ x)
    beta = bread @ x.T @ y
    meat = np.zeros((3, 3))
    for row, value in zip(x, y, strict=True):
        miss = (value - row @ beta) / (1.0 - row @ bread @ row)
        meat += miss**2 * np.outer(row, row)
    assert found.coefficients == pytest.approx(beta, rel=1e-8)
    assert found.covariance == pytest.approx(bread @ meat @ bread, rel=1e-7)
    rest = y - x @ beta
    assert found.scale == pytest.approx(np.sqrt(rest @ rest / (N - 3)))
    assert found.r_squared == pytest.approx(1.0 - rest.var() / y.var())
    assert found.r_squared == pytest.approx(np.corrcoef(x @ beta, y)[0, 1] ** 2)


def test_newey_and_west_by_loops():
    found = fit(Y, X, "HAC")
    x, rest = X.to_numpy(), found.residuals
    most = int(4 * (N / 100) ** (2 / 9))
    meat = np.zeros((3, 3))
    for i in range(N):
        for j in range(N):
            if abs(i - j) <= most:
                meat += (1 - abs(i - j) / (most + 1)) * rest[i] * rest[j] * np.outer(x[i], x[j])
    bread = np.linalg.inv(x.T @ x)
    assert found.covariance == pytest.approx(bread @ meat @ bread * N / (N - 3), rel=1e-7)


def test_one_line_of_one_variable_in_closed_form():
    """Slope = cov / var, and the error of a prediction grows with the distance from the mean."""
    move = X["move"]
    found = fit(Y, X[["constant", "move"]])
    slope = np.cov(move, Y)[0, 1] / move.var()
    assert found.coefficients == pytest.approx([Y.mean() - slope * move.mean(), slope])
    at, error = found.predict(np.array([[1.0, move.mean()], [1.0, -0.132]]))
    assert at == pytest.approx([Y.mean(), Y.mean() + slope * (-0.132 - move.mean())])
    variances = np.diag(found.covariance)
    cross = found.covariance[0, 1]
    by_hand = found.scale**2 + variances[0] - 2 * 0.132 * cross + 0.132**2 * variances[1]
    assert error[1] == pytest.approx(np.sqrt(by_hand))
    assert error[1] > error[0] > found.scale


def test_deleted_misses_are_those_of_fits_without_the_day():
    found = fit(Y, X)
    x, y = X.to_numpy(), Y.to_numpy()
    for day in range(N):
        kept = np.arange(N) != day
        beta = solve(x[kept], y[kept])
        rest = y[kept] - x[kept] @ beta
        spread = 1.0 + x[day] @ np.linalg.inv(x[kept].T @ x[kept]) @ x[day]
        error = np.sqrt(rest @ rest / (N - 1 - 3) * spread)
        assert found.deleted[day] == pytest.approx((y[day] - x[day] @ beta) / error, rel=1e-6)


@pytest.mark.parametrize(
    ("columns", "y", "words"),
    [
        (X.assign(move=0.0), Y, "move: received zeros only"),
        (X.assign(twice=2.0 * X["move"]), Y, "twice: does not vary apart from the other terms"),
        (X, Y * 0.0 + 5e6, "flow: received 60 equal numbers"),
        (X.assign(one=np.eye(N)[7]), Y, "2025-03-12: this day alone determines a coefficient"),
    ],
)
def test_columns_that_determine_nothing(columns, y, words):
    with pytest.raises(gf.SchemaError, match=words):
        fit(y, columns)
