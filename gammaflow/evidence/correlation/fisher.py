"""Fisher's transformation: distance of correlations in standard deviations, its odds, an interval."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gammaflow.checks import check_number, read_number, refuse

__all__ = ["fisher_interval", "fisher_p", "fisher_z"]

_LEVEL = 0.95


def fisher_z(
    correlation: ArrayLike, reference: ArrayLike, n: ArrayLike, *, reference_n: ArrayLike | None = None
) -> Any:
    """Distance of a correlation from a reference in standard deviations.

    (atanh r - atanh r0) sqrt(n - 3), normal where r0 is the true correlation of n independent pairs of normal
    returns; with `reference_n` the reference is an estimate too, from other pairs, and the variance is
    1 / (n - 3) + 1 / (n0 - 3) (Fisher, Metron 1, 1921).

    Parameters
    ----------
    correlation, reference : float or array
        From -1 to 1; NaN gives NaN, and +-1 an infinity.
    n : float or array
        Number of returns behind the correlation, > 3; of weighted ones, their effective number.
    reference_n : float or array, optional
        Number of returns behind the reference; by default the reference is exact.

    Returns
    -------
    float or array
        Positive where the correlation is above the reference.

    Raises
    ------
    SchemaError
        For a correlation beyond +-1, n at 3 or below, text.

    See Also
    --------
    fisher_p
    fisher_interval : Interval of a correlation by Fisher's transformation, (low, high).

    Examples
    --------
    >>> print(f"{fisher_z(0.85, 0.45, 20):.2f}, {fisher_z(0.85, 0.45, 20, reference_n=20):.2f}")
    3.18, 2.25
    """
    problems: list[str] = []
    r, r0 = (
        _read(name, value, problems)
        for name, value in (("correlation", correlation), ("reference", reference))
    )
    variance = _variance("n", n, problems)
    if reference_n is not None:
        variance = variance + _variance("reference_n", reference_n, problems)
    refuse("fisher_z", problems)
    with np.errstate(divide="ignore", invalid="ignore"):
        return ((np.arctanh(r) - np.arctanh(r0)) / np.sqrt(variance))[()]


def fisher_p(
    correlation: ArrayLike, reference: ArrayLike, n: ArrayLike, *, reference_n: ArrayLike | None = None
) -> Any:
    """Two-sided probability of a distance as large as `fisher_z`, if the reference is the true correlation.

    See Also
    --------
    fisher_z : Distance of a correlation from a reference in standard deviations.

    Examples
    --------
    >>> print(f"{fisher_p(0.85, 0.45, 20):.4f}")
    0.0015
    """
    from scipy import special

    z = fisher_z(correlation, reference, n, reference_n=reference_n)
    return (2.0 * special.ndtr(-np.abs(z)))[()]


def fisher_interval(correlation: ArrayLike, n: ArrayLike, *, level: float = _LEVEL) -> Any:
    """Interval of a correlation by Fisher's transformation, (low, high).

    It is too narrow where large moves come together, as in a week of stress: with Student t returns of four
    degrees an interval of 95 % covers the true correlation in 85 % of records of 20 returns, in 77 % of 86.

    Parameters
    ----------
    correlation : float or array
        From -1 to 1.
    n : float or array
        Number of returns, > 3.
    level : float
        Probability that the interval covers the true correlation.

    Returns
    -------
    tuple of float or array

    See Also
    --------
    fisher_z : Distance of a correlation from a reference in standard deviations.

    Examples
    --------
    >>> low, high = fisher_interval(0.222, 21)
    >>> print(f"{low:.2f}, {high:.2f}")
    -0.23, 0.60
    """
    from scipy import special

    problems: list[str] = []
    r, variance = _read("correlation", correlation, problems), _variance("n", n, problems)
    refuse("fisher_interval", problems)
    inside = check_number(level, "level", 0.0, 1.0 - 1e-12, open_low=True)
    half = special.ndtri(0.5 + 0.5 * inside) * np.sqrt(variance)
    with np.errstate(divide="ignore"):
        middle = np.arctanh(r)
    return np.tanh(middle - half)[()], np.tanh(middle + half)[()]


def _read(name: str, value: ArrayLike, problems: list[str]) -> Any:
    found = read_number(name, value, problems)
    r = np.asarray(np.nan if found is None else found, np.float64)
    if (np.abs(r) > 1.0).any():
        problems.append(
            f"{name}: received {r[np.abs(r) > 1.0].flat[0]:g}; legal: from -1 to 1 (0.45, not 45)."
        )
        r = np.where(np.abs(r) > 1.0, np.nan, r)
    return r


def _variance(name: str, value: ArrayLike, problems: list[str]) -> Any:
    found = read_number(name, value, problems)
    n = np.asarray(np.nan if found is None else found, np.float64)
    if (n <= 3.0).any():
        problems.append(f"{name}: received {n[n <= 3.0].flat[0]:g}; legal: > 3 returns.")
        n = np.where(n <= 3.0, np.nan, n)
    return 1.0 / (n - 3.0)


def __dir__() -> list[str]:
    return __all__
