"""Tests of expiry labels and of the level of spot: carry must decay with time and roll with the label.

With labels that are true, the log premium x = ln(futures / spot) is r T + noise: it falls by r a year while
time passes, jumps by r times the change of expiry when the label rolls, and is about 0 on the last days of
each label. A series that is one contract under rolled labels falls as it should, and neither jumps nor
returns to 0. A spot that is too high by a factor shifts x by a constant, which neither test sees; the level
of x does.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gammaflow.units import DAYS_PER_YEAR

__all__ = ["Labels", "Level", "measure_labels", "measure_level", "runs_out"]

Array = NDArray[np.float64]

# Changes without a roll that are needed, and the smallest size of changes that is believed [-].
_LEAST_CALM, _FINEST = 8, 1e-7
# Days to expiry that count as the last of a label.
_LAST_DAYS = 7.0
# Labels that must have ended before their ends are compared.
_LEAST_ENDS = 4
# Shares of white noise (clocks, quotes) in the noise of the premium that are tried; the rest is a
# random walk.
_SHARES = 1.0 / (1.0 + np.exp(-np.linspace(-4.0, 4.0, 17)))
# Errors of the response to rolls within which it is none at all.
_NONE = 3.0
# Days to the nearest expiry that a series must reach before its level at expiry is measured.
_NEAR = 45.0


class Labels(NamedTuple):
    """Response of prices to time and to rolls of the label.

    Attributes
    ----------
    passing, passing_error : float
        Yearly rate at which the premium falls while the label stays, and its standard error [1/year].
    rolling, rolling_error : float
        Yearly rate that its jumps at rolls stand for, and its standard error [1/year].
    drift, drift_error : float
        Change per year of the premium on the last days of the labels, 0 if labels are true [1/year]; NaN with
        fewer than four labels that end.
    rolls, ends : int
        Rolls, and labels whose last days are in the series.
    p_value : float
        Probability of so large a difference between `passing` and `rolling`, or of so large a drift, if
        labels were true (two tests: twice the smaller); NaN without a roll.
    power : float
        Standard errors by which `rolling` would miss `passing` if prices ignored the labels.
    """

    passing: float
    passing_error: float
    rolling: float
    rolling_error: float
    drift: float
    drift_error: float
    rolls: int
    ends: int
    p_value: float
    power: float

    def contradicted(self, alpha: float) -> bool:
        """True if prices do not respond to rolls at all, and true labels are rejected at `alpha`."""
        return bool(
            self.p_value < alpha and not self.followed and abs(self.rolling) < 0.5 * abs(self.passing)
        )

    @property
    def followed(self) -> bool:
        """True if prices respond to rolls: by three standard errors or more."""
        return bool(abs(self.rolling) >= _NONE * self.rolling_error)


class Level(NamedTuple):
    """Premium where no time is left, extrapolated.

    Attributes
    ----------
    at_expiry, error : float
        ln(futures / spot) at expiry and its standard error; 0 if spot and expiry are right [-].
    nearest : float
        Fewest days to expiry in the series.
    """

    at_expiry: float
    error: float
    nearest: float

    def off(self, tolerance: float, errors: float = 4.0) -> bool:
        """True if the premium at expiry differs from 0 by more than tolerance and errors together."""
        return bool(self.nearest <= _NEAR and abs(self.at_expiry) > tolerance + errors * self.error)


def measure_labels(premium: Array, days: Array, expiries: Array) -> Labels:
    """Compare how the premium responds to passing time with how it responds to rolls of the label.

    Changes of the premium are regressed on time passed and on the change of expiry, by generalised least
    squares: noise is a random walk (rates that wander) plus white noise (clocks, quotes), whose shares are
    found by likelihood; its size is the local median of changes, so that calm and wild months count as they
    should.

    Parameters
    ----------
    premium : (n,) array
        ln(futures / spot) [-].
    days, expiries : (n,) array
        Time of each row, and its expiry as labelled [days since any origin].
    """
    from scipy.special import ndtr

    elapsed, moved = np.diff(days) / DAYS_PER_YEAR, np.diff(expiries) / DAYS_PER_YEAR
    rolls = moved != 0.0
    drift, drift_error, drift_p, ends = _drift(premium, days, expiries)
    if not rolls.any() or (~rolls).sum() < _LEAST_CALM:
        nan = float("nan")
        return Labels(nan, nan, nan, nan, drift, drift_error, int(rolls.sum()), ends, nan, nan)
    change = np.diff(premium)
    scale = _scale(change, rolls)
    rates, covariance = _least_squares(
        change / scale, np.column_stack([-elapsed, moved]) / scale[:, None], elapsed
    )
    apart = float(np.sqrt(covariance[0, 0] + covariance[1, 1] - 2.0 * covariance[0, 1]))
    z = float(rates[1] - rates[0]) / apart
    p = min([2.0 * float(ndtr(-abs(z))), *([drift_p] if np.isfinite(drift_p) else [])])
    p_value = min(1.0, p * (2.0 if np.isfinite(drift_p) else 1.0))
    return Labels(
        float(rates[0]), float(np.sqrt(covariance[0, 0])), float(rates[1]), float(np.sqrt(covariance[1, 1])),
        drift, drift_error, int(rolls.sum()), ends, p_value, abs(float(rates[0])) / apart,
    )  # fmt: skip


def _drift(premium: Array, days: Array, expiries: Array) -> tuple[float, float, float, int]:
    """Trend per year of the premium on the last days of labels, its error, p-value, number of labels."""
    from scipy.special import stdtr

    points = []
    for label in np.unique(expiries):
        last = (expiries == label) & (expiries - days <= _LAST_DAYS)
        if last.any():
            points.append((days[last].mean() / DAYS_PER_YEAR, np.median(premium[last])))
    if len(points) < _LEAST_ENDS:
        return float("nan"), float("nan"), float("nan"), len(points)
    when, level = np.transpose(points)
    away, freedom = when - when.mean(), len(points) - 2
    slope = float(away @ level / (away @ away))
    rest = level - level.mean() - slope * away
    error = float(np.sqrt(rest @ rest / freedom / (away @ away)))
    p_value = 2.0 * float(stdtr(freedom, -abs(slope) / error)) if error > 0.0 else float(slope == 0.0)
    return slope, error, p_value, len(points)


def _scale(change: Array, rolls: NDArray[np.bool_], window: int = 31) -> Array:
    """Local size of changes, rolls left out: 1.4826 times the median absolute change around each."""
    import pandas as pd

    calm = pd.Series(np.where(rolls, np.nan, np.abs(change)))
    local = calm.rolling(window, center=True, min_periods=5).median()
    floor = max(0.1 * float(calm.median()), _FINEST)
    return np.asarray(
        1.4826 * local.bfill().ffill().fillna(float(calm.median())).clip(lower=floor), np.float64
    )


def _least_squares(y: Array, x: Array, elapsed: Array) -> tuple[Array, Array]:
    """Coefficients and covariance; noise is a random walk plus white noise in levels, by likelihood."""
    from scipy import linalg

    n = len(y)
    best: tuple[float, Array, Array] = (-np.inf, np.zeros(2), np.eye(2))
    walk = elapsed / np.median(elapsed)
    for white in _SHARES:
        band = np.zeros((2, n))
        band[0, 1:] = -0.5 * white
        band[1] = (1.0 - white) * walk + white
        factor = linalg.cholesky_banded(band)
        weighted = linalg.cho_solve_banded((factor, False), np.column_stack([x, y]))
        inner = np.linalg.inv(x.T @ weighted[:, :-1])
        rates = inner @ (x.T @ weighted[:, -1])
        size = float(y @ weighted[:, -1] - rates @ (x.T @ weighted[:, -1])) / (n - 2)
        size = max(size, 1e-6)
        likelihood = -0.5 * n * np.log(size) - np.log(factor[1]).sum()
        if likelihood > best[0]:
            best = (float(likelihood), np.asarray(rates, np.float64), np.asarray(size * inner, np.float64))
    return best[1], best[2]


def measure_level(premium: Array, years: Array) -> Level:
    """Premium at expiry from a parabola in the time left, errors after Newey and West.

    The parabola lets the yearly rate change as time passes; a line would read a trend of the rate as a
    premium.
    """
    n = len(premium)
    x = np.vander(years, 3, increasing=True)
    if n < 12 or np.linalg.matrix_rank(x) < 3:
        return Level(float("nan"), float("nan"), DAYS_PER_YEAR * float(np.min(years)))
    coefficients, covariance = _fit(x, premium)
    return Level(
        float(coefficients[0]), float(np.sqrt(covariance[0, 0])), DAYS_PER_YEAR * float(np.min(years))
    )


def runs_out(premium: Array, days: Array) -> tuple[float, float]:
    """Yearly rate of a line through the premium, and the day on which it reaches 0; NaN if never.

    Rates that change move that day by weeks: it names a month, not a contract.
    """
    middle = days.mean()
    (level, slope), covariance = _fit(np.column_stack([np.ones(len(days)), days - middle]), premium)
    if abs(slope) < 2.0 * np.sqrt(covariance[1, 1]):
        return float("nan"), float("nan")
    return float(-DAYS_PER_YEAR * slope), float(middle - level / slope)


def _fit(x: Array, y: Array) -> tuple[Array, Array]:
    """Least squares with the covariance of Newey and West, over square root of n lags."""
    n, count = x.shape
    coefficients = np.linalg.lstsq(x, y, rcond=None)[0]
    moments = x * (y - x @ coefficients)[:, None]
    middle = moments.T @ moments
    lags = int(np.sqrt(n))
    for lag in range(1, lags + 1):
        cross = moments[lag:].T @ moments[:-lag]
        middle += (1.0 - lag / (lags + 1)) * (cross + cross.T)
    inner = np.linalg.inv(x.T @ x)
    covariance = inner @ middle @ inner * n / max(n - count, 1)
    return np.asarray(coefficients, np.float64), np.asarray(covariance, np.float64)
