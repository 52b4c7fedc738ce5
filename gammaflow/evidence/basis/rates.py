"""Premium of a future over spot, and the yearly rate that it stands for.

Examples
--------
>>> import gammaflow as gf
>>> print(f"{gf.evidence.basis.annualised(65_481.0, 65_000.0, 30 / 365):.1%}")
9.0%
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gammaflow.checks import check_choice, read_number, refuse
from gammaflow.errors import SchemaError

__all__ = ["METHODS", "annualised", "premium"]

#: Ways to turn a premium into a rate.
METHODS = ("simple", "log")


def annualised(futures: ArrayLike, spot: ArrayLike, years: ArrayLike, method: str = "simple") -> Any:
    """Basis of a future per year: (F / S - 1) / T, or ln(F / S) / T [1/year].

    The nearer the expiry, the more a few dollars of difference count: futures and spot must be read at the
    same moment, or the number means nothing.

    Parameters
    ----------
    futures, spot : float or array
        Prices at one moment [currency], > 0; NaN gives NaN.
    years : float or array
        Time to the future's expiry, > 0 [years].
    method : "simple" or "log"
        How the premium is turned into a rate.

    Returns
    -------
    float or array

    Raises
    ------
    SchemaError
        For prices at 0 or below, an expiry that has passed, another method, shapes that do not broadcast.

    See Also
    --------
    premium : Premium of a future over spot at a yearly basis, F / S - 1: the inverse of `annualised` [-].
    daily

    Examples
    --------
    >>> annualised([65_176.0, 65_481.0], 65_000.0, 30 / 365).round(4).tolist()
    [0.0329, 0.09]
    """
    F, S, T = _read(futures=futures, spot=spot, years=years)
    how = check_choice(method, "method", METHODS)
    return ((F / S - 1.0 if how == "simple" else np.log(F / S)) / T)[()]


def premium(rate: ArrayLike, years: ArrayLike, method: str = "simple") -> Any:
    """Premium of a future over spot at a yearly basis, F / S - 1: the inverse of `annualised` [-].

    See Also
    --------
    annualised : Basis of a future per year: (F / S - 1) / T, or ln(F / S) / T [1/year].

    Examples
    --------
    >>> print(f"{premium(0.09, 30 / 365):.2%}, {premium(0.09, 120 / 365):.2%}")
    0.74%, 2.96%
    """
    problems: list[str] = []
    value = read_number("rate", rate, problems)
    refuse("basis", problems)
    (T,) = _read(years=years)
    how = check_choice(method, "method", METHODS)
    total = np.asarray(value, np.float64) * T
    return (total if how == "simple" else np.expm1(total))[()]


def _read(**given: ArrayLike) -> list[Any]:
    """Numbers > 0, or NaN, as arrays of one shape."""
    problems: list[str] = []
    arrays = []
    for name, value in given.items():
        array = read_number(name, value, problems)
        arrays.append(array)
        at = np.asarray(np.nan if array is None else array, np.float64)
        if (at <= 0.0).any() or np.isinf(at).any():
            wrong = at[(at <= 0.0) | np.isinf(at)].flat[0]
            why = "the expiry has passed" if name == "years" else "prices must be > 0 and finite"
            problems.append(f"{name}: received {wrong:g}; {why}.")
    refuse("basis", problems)
    try:
        return list(np.broadcast_arrays(*(np.asarray(a, np.float64) for a in arrays)))
    except ValueError:
        shapes = ", ".join(f"{name} {np.shape(a)}" for name, a in zip(given, arrays, strict=True))
        raise SchemaError(f"basis: shapes do not broadcast: {shapes}; give equal lengths.") from None
