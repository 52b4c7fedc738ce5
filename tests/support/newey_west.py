"""Least squares with Newey-West errors by sums over pairs of rows."""

import numpy as np


def newey_west(y, X, lags):
    """Coefficients and their covariance, times n / (n - k); the constant is among the columns of X."""
    n, k = X.shape
    inverse = np.linalg.inv(X.T @ X)
    beta = inverse @ X.T @ y
    residual = y - X @ beta
    meat = np.zeros((k, k))
    for i in range(n):
        for j in range(max(0, i - lags), min(n, i + lags + 1)):
            weight = 1.0 - abs(i - j) / (lags + 1.0)
            meat += weight * residual[i] * residual[j] * np.outer(X[i], X[j])
    return beta, inverse @ meat @ inverse * n / (n - k)
