"""Probability and odds of a move of z standard deviations, and the ratio of two such events."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gammaflow.checks import attempt, check_choice, check_number, read_number, refuse
from gammaflow.errors import SchemaError

__all__ = ["TRADING_DAYS", "odds", "probability", "ratio", "return_period", "z_needed"]

_SIDES = ("one", "two")
#: Trading days per year.
TRADING_DAYS = 252.0


def probability(z: ArrayLike, sided: str = "two", *, df: float | None = None, sample: Any = None) -> Any:
    """Probability of a move at least as large as z standard deviations.

    Parameters
    ----------
    z : float or array
        Moves in standard deviations [-]; NaN gives NaN.
    sided : "two" or "one"
        A move of that size either way, or in the direction of z only; for z = 0, up.
    df : float, optional
        Degrees of freedom of a Student t, above 2, scaled to a standard deviation of 1; default: a normal.
    sample : (n,) array, optional
        Recorded moves in standard deviations: the share of them that is as large. 0 says that none of the n
        was, and not that none can be.

    Returns
    -------
    float or array

    Raises
    ------
    SchemaError
        For text or infinities in z, another `sided`, `df` at 2 or below, `df` with a sample, an empty sample.

    See Also
    --------
    odds : N of "one in N": the inverse of `probability`; infinite where it is 0.
    ratio : Number of times that z is rarer than a reference move: probability(reference) / probability(z).

    Examples
    --------
    >>> print(f"{probability(3.5, 'one'):.4%}, {probability(3.5, df=4.0):.2%}")
    0.0233%, 0.78%
    >>> float(probability(2.0, sample=[-2.5, -1.0, 0.5, 2.0]))
    0.5
    """
    problems: list[str] = []
    given = read_number("z", z, problems)
    problems += attempt(lambda: check_choice(sided, "sided", _SIDES))[1]
    if df is not None and sample is not None:
        problems.append("df, sample: received both; a sample needs no distribution. Leave one out.")
    elif df is not None and not check_number(df, "df") > 2.0:
        problems.append(f"df: received {df!r}; df must be > 2, so that there is a standard deviation.")
    refuse("tail", problems)
    at = np.asarray(given, np.float64)
    if np.isinf(at).any():
        raise SchemaError("z: received inf; moves must be finite, or NaN where there is none.")
    if sample is not None:
        return _share(at, sided, sample)[()]
    from scipy import special

    size = -np.abs(at)
    one = special.ndtr(size) if df is None else special.stdtr(df, size * np.sqrt(df / (df - 2.0)))
    return (one * (2.0 if sided == "two" else 1.0))[()]


def _share(at: Any, sided: str, sample: Any) -> Any:
    """Share of a sample that is at least as large as each move."""
    problems: list[str] = []
    read = read_number("sample", sample, problems)
    refuse("tail", problems)
    moves = np.sort(np.asarray(read, np.float64).ravel())
    if not moves.size or not np.isfinite(moves).all():
        raise SchemaError(f"sample: received {moves.size} moves; legal: one or more, all finite.")
    n, size = moves.size, np.abs(at)
    above, below = n - np.searchsorted(moves, size, "left"), np.searchsorted(moves, -size, "right")
    one = np.where(at < 0.0, below, above)
    count = np.where(size > 0.0, above + below, n) if sided == "two" else one
    return np.where(np.isnan(at), np.nan, count / n)


def odds(z: ArrayLike, sided: str = "two", **distribution: Any) -> Any:
    """N of "one in N": the inverse of `probability`; infinite where it is 0.

    See Also
    --------
    probability : Probability of a move at least as large as z standard deviations.
    return_period

    Examples
    --------
    >>> print(f"{odds(3.5):.0f}, {odds(3.0):.0f}")
    2149, 370
    """
    with np.errstate(divide="ignore", over="ignore"):  # below 1 in 1e308 the inverse is infinite
        return (1.0 / np.asarray(probability(z, sided, **distribution)))[()]


def return_period(
    z: ArrayLike, sided: str = "two", *, per_year: float = TRADING_DAYS, **distribution: Any
) -> Any:
    """Years between moves of that size, where `per_year` independent moves are drawn a year [years].

    See Also
    --------
    odds : N of "one in N": the inverse of `probability`; infinite where it is 0.

    Examples
    --------
    >>> print(f"{return_period(3.5):.1f}, {return_period(3.5, 'one'):.1f}")
    8.5, 17.1
    """
    return odds(z, sided, **distribution) / check_number(per_year, "per_year", 0.0, open_low=True)


def ratio(
    z: ArrayLike, reference: ArrayLike, sided: str = "two", reference_sided: str | None = None,
    **distribution: Any,
) -> Any:  # fmt: skip
    """Number of times that z is rarer than a reference move: probability(reference) / probability(z).

    Both are counted on the same side or sides unless `reference_sided` says otherwise. A two-sided reference
    over a one-sided z is a common mistake, and doubles the ratio: 11.6 for 5.8.

    See Also
    --------
    compare
    z_needed : Move that is `times` rarer than a reference move, both counted on the same side or sides [z].

    Examples
    --------
    >>> print(f"{ratio(3.5, 3.0):.3f}, {ratio(3.5, 3.0, 'one'):.3f}, {ratio(3.5, 3.0, 'one', 'two'):.3f}")
    5.803, 5.803, 11.606
    """
    check_choice(sided, "sided", _SIDES)
    other = sided if reference_sided is None else check_choice(reference_sided, "reference_sided", _SIDES)
    common = np.asarray(probability(reference, other, **distribution))
    with np.errstate(divide="ignore", invalid="ignore"):
        return (common / np.asarray(probability(z, sided, **distribution)))[()]


def z_needed(
    times: ArrayLike, reference: ArrayLike = 3.0, sided: str = "two", *, df: float | None = None
) -> Any:
    """Move that is `times` rarer than a reference move, both counted on the same side or sides [z].

    Parameters
    ----------
    times : float or array
        Probability of the reference over that of the move, > 0.
    reference : float or array
        Reference move in standard deviations.
    sided, df
        As for `probability`.

    See Also
    --------
    ratio : Number of times that z is rarer than a reference move: probability(reference) / probability(z).

    Examples
    --------
    >>> print(f"{z_needed(10.0):.2f}")
    3.64
    """
    problems: list[str] = []
    read = read_number("times", times, problems)
    if read is not None and (np.asarray(read) <= 0.0).any():
        problems.append(f"times: received {np.asarray(read).min():g}; times must be > 0.")
    refuse("tail", problems)
    share = np.asarray(probability(reference, sided, df=df)) / np.asarray(read, np.float64)
    one = share / (2.0 if sided == "two" else 1.0)
    from scipy import special

    with np.errstate(invalid="ignore"):
        z = -special.ndtri(one) if df is None else -special.stdtrit(df, one) * np.sqrt((df - 2.0) / df)
    return np.where(one <= (0.5 if sided == "two" else 1.0), z, np.nan)[()]
