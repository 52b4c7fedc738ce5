"""Tests of two correlations that share a series and its days, from the numbers alone."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gammaflow.checks import read_number, refuse
from gammaflow.evidence.correlation.fisher import fisher_interval
from gammaflow.evidence.correlation.moments import difference

__all__ = ["CorrelationTest", "difference_interval", "meng", "williams"]


class CorrelationTest(NamedTuple):
    """Statistic of a test and its two-sided p-value."""

    statistic: Any
    p_value: Any


def williams(to: ArrayLike, than: ArrayLike, between: ArrayLike, n: ArrayLike) -> CorrelationTest:
    """Williams' t for r(x, to) = r(x, than), with n - 3 degrees of freedom.

    t = (r1 - r2) sqrt((n - 1) (1 + r3) / (2 (n - 1) / (n - 3) |R| + m^2 (1 - r3)^3)), where |R| is the
    determinant 1 - r1^2 - r2^2 - r3^2 + 2 r1 r2 r3 and m = (r1 + r2) / 2 (Williams, J. Royal Stat. Soc. B 21,
    1959; recommended over Hotelling's by Steiger, Psychological Bulletin 87, 1980, eq. 7). It takes returns
    as normal: where large moves come together it finds differences far too often (see `closer`).

    Parameters
    ----------
    to, than, between : float or array
        Correlation of x with the one, of x with the other, and between the two, from -1 to 1; NaN gives NaN.
    n : float or array
        Number of returns, > 3.

    Returns
    -------
    CorrelationTest
        statistic and p_value, two-sided.

    Raises
    ------
    SchemaError
        For correlations beyond +-1, n at 3 or below, text, three correlations that no data can have.

    See Also
    --------
    meng : Test of Meng, Rosenthal and Rubin for r(x, to) = r(x, than), on Fisher's scale.
    closer : Test whether x is more correlated with one series than with another, on the same days.

    Examples
    --------
    Howell, Statistical Methods for Psychology: 1.36 with 23 degrees of freedom.

    >>> t, p = williams(0.80, 0.72, 0.89, 26)
    >>> print(f"t = {t:.3f}, p = {p:.3f}")
    t = 1.361, p = 0.187
    """
    from scipy import special

    r1, r2, r3, count, determinant = _read("williams", to, than, between, n)
    apart = difference(r1, r2)
    middle = 0.5 * (r1 + r2)
    with np.errstate(divide="ignore", invalid="ignore"):
        square = 2.0 * (count - 1.0) / (count - 3.0) * determinant + middle**2 * (1.0 - r3) ** 3
        t = np.where(apart == 0.0, 0.0, apart * np.sqrt((count - 1.0) * (1.0 + r3) / square))
    return CorrelationTest(t[()], (2.0 * special.stdtr(count - 3.0, -np.abs(t)))[()])


def meng(to: ArrayLike, than: ArrayLike, between: ArrayLike, n: ArrayLike) -> CorrelationTest:
    """Test of Meng, Rosenthal and Rubin for r(x, to) = r(x, than), on Fisher's scale.

    z = (z1 - z2) sqrt((n - 3) / (2 (1 - r3) h)) with h = (1 - f s) / (1 - s), s the mean of r1^2 and r2^2,
    and f = (1 - r3) / (2 (1 - s)), at most 1 (Psychological Bulletin 111, 1992, eq. 1).

    Parameters
    ----------
    to, than, between, n
        As for `williams`.

    Returns
    -------
    CorrelationTest
        statistic and p_value, two-sided.

    See Also
    --------
    williams : Williams' t for r(x, to) = r(x, than), with n - 3 degrees of freedom.
    closer : Test whether x is more correlated with one series than with another, on the same days.

    Examples
    --------
    >>> z, p = meng(0.63, -0.03, -0.19, 15)
    >>> print(f"z = {z:.2f}, p = {p:.3f}")
    z = 1.68, p = 0.093
    """
    from scipy import special

    r1, r2, r3, count, _ = _read("meng", to, than, between, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        square = 0.5 * (r1**2 + r2**2)
        f = np.minimum((1.0 - r3) / (2.0 * (1.0 - square)), 1.0)
        h = (1.0 - f * square) / (1.0 - square)
        z = (np.arctanh(r1) - np.arctanh(r2)) * np.sqrt((count - 3.0) / (2.0 * (1.0 - r3) * h))
        z = np.where(difference(r1, r2) == 0.0, 0.0, z)
    return CorrelationTest(z[()], (2.0 * special.ndtr(-np.abs(z)))[()])


def difference_interval(to: ArrayLike, than: ArrayLike, between: ArrayLike, n: ArrayLike) -> Any:
    """Interval of 95 % for r(x, to) - r(x, than), (low, high) (Zou, Psychological Methods 12, 2007)."""
    r1, r2, r3, count, _ = _read("difference_interval", to, than, between, n)
    (low1, high1), (low2, high2) = fisher_interval(r1, count), fisher_interval(r2, count)
    with np.errstate(divide="ignore", invalid="ignore"):
        shared = ((r3 - 0.5 * r1 * r2) * (1.0 - r1**2 - r2**2 - r3**2) + r3**3) / (
            (1.0 - r1**2) * (1.0 - r2**2)
        )
    down = (r1 - low1) ** 2 + (high2 - r2) ** 2 - 2.0 * shared * (r1 - low1) * (high2 - r2)
    up = (high1 - r1) ** 2 + (r2 - low2) ** 2 - 2.0 * shared * (high1 - r1) * (r2 - low2)
    apart = r1 - r2
    return (apart - np.sqrt(np.maximum(down, 0.0)))[()], (apart + np.sqrt(np.maximum(up, 0.0)))[()]


def _read(what: str, to: ArrayLike, than: ArrayLike, between: ArrayLike, n: ArrayLike) -> Any:
    """Three correlations, n, and the determinant of their matrix, as arrays."""
    problems: list[str] = []
    given = {"to": to, "than": than, "between": between, "n": n}
    arrays = []
    for name, value in given.items():
        found = read_number(name, value, problems)
        array = np.asarray(np.nan if found is None else found, np.float64)
        wrong = (array <= 3.0) if name == "n" else (np.abs(array) > 1.0)
        if wrong.any():
            legal = "> 3 returns" if name == "n" else "from -1 to 1"
            problems.append(f"{name}: received {array[wrong].flat[0]:g}; legal: {legal}.")
        arrays.append(array)
    refuse(what, problems)
    r1, r2, r3, count = np.broadcast_arrays(*arrays)
    determinant = 1.0 - r1**2 - r2**2 - r3**2 + 2.0 * r1 * r2 * r3
    wrong = determinant < -1e-9
    if wrong.any():
        at = tuple(index[0] for index in np.nonzero(np.atleast_1d(wrong)))
        shown = ", ".join(f"{np.atleast_1d(r)[at]:g}" for r in (r1, r2, r3))
        problems.append(
            f"to, than, between: received {shown}, which no three series can have at once (their matrix is "
            "not positive). Take all three from the same days."
        )
    refuse(what, problems)
    return r1, r2, r3, count, np.maximum(determinant, 0.0)


def __dir__() -> list[str]:
    return __all__
