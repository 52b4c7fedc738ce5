"""Least squares with errors that allow for unequal and for correlated residuals, and its predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.errors import SchemaError
from gammaflow.frozen import Frozen

__all__ = ["ERRORS", "Fit", "fit"]

Array = NDArray[np.float64]

#: Errors of the coefficients: robust to unequal variances, and to correlation between days besides.
ERRORS = ("HC3", "HAC")

_ALONE = 1.0 - 1e-9
_RANK = 1e-10


@dataclass(frozen=True, eq=False)
class Fit(Frozen):
    """Least squares of y on columns; see `fit`.

    Attributes
    ----------
    names : tuple of str
        Names of the k columns.
    coefficients, covariance : (k,) and (k, k) arrays
        Estimates and their covariance.
    residuals, leverage : (n,) arrays
        Residuals, and diagonal of the hat matrix.
    scale : float
        Standard deviation of the residuals, over n - k.
    df : int
        Degrees of freedom, n - k.
    r_squared : float
        Share of the variance explained.
    """

    names: tuple[str, ...]
    coefficients: Array
    covariance: Array
    residuals: Array
    leverage: Array
    scale: float
    df: int
    r_squared: float

    def predict(self, rows: Array) -> tuple[Array, Array]:
        """Predictions for rows of columns (m, k), and the standard error of a new observation at each, (m,).

        The error has two parts: that of the coefficients, and the scatter of one observation about the line.
        """
        spread = np.einsum("ij,jk,ik->i", rows, self.covariance, rows)
        return rows @ self.coefficients, np.sqrt(self.scale**2 + spread)

    @property
    def deleted(self) -> Array:
        """Each day's miss by the fit to all other days, in standard errors of that prediction, (n,).

        The externally studentised residuals: e / (s_without sqrt(1 - h)).
        """
        free = 1.0 - self.leverage
        rest = self.df * self.scale**2 - self.residuals**2 / free
        without = np.maximum(rest, np.finfo(np.float64).tiny) / (self.df - 1)
        return np.asarray(self.residuals / np.sqrt(without * free))


def fit(y: pd.Series, columns: pd.DataFrame, errors: str = "HC3") -> Fit:
    """Least squares of y on columns.

    Parameters
    ----------
    y : Series
        (n,) numbers.
    columns : DataFrame
        (n, k) numbers, the constant among them.
    errors : "HC3" or "HAC"
        Covariance of the coefficients: MacKinnon and White (1985), with each residual over 1 - leverage; or
        Newey and West (1987), with Bartlett weights over floor(4 (n / 100)^(2/9)) days and n / (n - k).

    Returns
    -------
    Fit

    Raises
    ------
    SchemaError
        Where the columns do not determine the coefficients.
    """
    X, target = columns.to_numpy(np.float64), y.to_numpy(np.float64)
    if np.ptp(target) == 0.0:
        raise SchemaError(f"{y.name}: received {len(y):,} equal numbers; pass days on which it varies.")
    size = np.abs(X).max(axis=0)
    if not size.all():
        raise SchemaError(
            f"{columns.columns[int(np.argmin(size))]}: received zeros only; leave that term out."
        )
    Q, R = np.linalg.qr(X / size)
    diagonal = np.abs(np.diag(R))
    if diagonal.min() <= _RANK * diagonal.max():
        name = columns.columns[int(np.argmin(diagonal))]
        raise SchemaError(
            f"{name}: does not vary apart from the other terms; leave it out, or pass more days."
        )
    inverse = np.linalg.inv(R)
    half = inverse / size[:, None]
    coefficients = half @ (Q.T @ target)
    residuals = target - X @ coefficients
    leverage = np.einsum("ij,ij->i", Q, Q)
    if leverage.max() > _ALONE:
        raise SchemaError(
            f"{y.index[int(np.argmax(leverage))]:%Y-%m-%d}: this day alone determines a coefficient; pass "
            "more "
            "days, or leave a term out."
        )
    n, k = X.shape
    meat = _hc3(Q, residuals / (1.0 - leverage)) if errors == "HC3" else _hac(Q, residuals) * n / (n - k)
    squares = float(residuals @ residuals)
    return Fit(
        names=tuple(map(str, columns.columns)),
        coefficients=coefficients,
        covariance=half @ meat @ half.T,
        residuals=residuals,
        leverage=leverage,
        scale=float(np.sqrt(squares / (n - k))),
        df=n - k,
        r_squared=1.0 - squares / float(np.sum((target - target.mean()) ** 2)),
    )


def _hc3(Q: Array, deleted: Array) -> Any:
    scores = Q * deleted[:, None]
    return scores.T @ scores


def _hac(Q: Array, residuals: Array) -> Any:
    scores = Q * residuals[:, None]
    meat = scores.T @ scores
    most = int(4.0 * (len(scores) / 100.0) ** (2.0 / 9.0))
    for lag in range(1, most + 1):
        cross = scores[lag:].T @ scores[:-lag]
        meat = meat + (1.0 - lag / (most + 1.0)) * (cross + cross.T)
    return meat
