"""Arguments of the barrier functions; one error lists every problem of a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import floats, uncover
from gammaflow.errors import SchemaError
from gammaflow.pricing.arguments import Words, read_columns, read_words

__all__ = ["BETA", "KINDS", "Terms", "read_monitoring", "read_terms"]

#: -zeta(1/2) / sqrt(2 pi), the shift of Broadie, Glasserman and Kou (1997), eq. (1.2).
BETA = 0.5825971579390107

#: Part of the kernels' code that encodes the kind.
KINDS = {"down-in": 2, "down-out": 6, "up-in": 0, "up-out": 4}
MOST_DATES = 100_000
CLOSEST = 1e-6


@dataclass(frozen=True)
class Terms:
    """Validated columns of one broadcast shape."""

    code: NDArray[np.int8]
    numbers: Mapping[str, NDArray[np.float64]]
    shape: tuple[int, ...]
    index: pd.Index | None


def _read_alive(value: Any, problems: list[str]) -> Words:
    if value is True or value is False:
        return Words("alive", value, np.array(value), None)
    uncovered, hidden = uncover(value, True)
    array = np.asarray(uncovered)
    if array.dtype.kind in "iuf" and np.isin(array, (0, 1)).all():
        array = array.astype(bool)
    if array.dtype != np.bool_:
        problems.append(f"alive: received {uncovered!r:.60}; it must be True (barrier not hit yet) or False.")
    return Words("alive", value, array, hidden)


def read_terms(kind: Any, flag: Any, alive: Any, **numbers: Any) -> Terms:
    """Columns of a call; one `SchemaError` for all problems.

    Where a kind, a flag or `alive` is hidden, the first of the numbers is NaN.
    """
    problems: list[str] = []
    words = read_words("kind", kind, KINDS, problems), _read_alive(alive, problems)
    (signs, kinds, living, *columns), shape, index = read_columns(flag, numbers, problems, *words)
    code = np.asarray(kinds + (signs > 0) + np.int8(8) * ~living, np.int8)
    floats64 = (np.asarray(column, np.float64) for column in columns)
    return Terms(code, dict(zip(numbers, floats64, strict=True)), shape, index)


def read_monitoring(monitoring: Any, method: Any, tol: Any, t: Any) -> NDArray[np.float64] | None:
    """The monitoring dates as fractions of t, ending with 1; None if monitored continuously."""
    problems = []
    if method not in ("exact", "bgk"):
        problems.append(f"method: received {method!r}; legal: 'exact' and 'bgk'.")
    if not (isinstance(tol, (int, float)) and 1e-9 <= tol <= 1e-2):
        problems.append(f"tol: received {tol!r}; it must lie between 1e-9 and 1e-2.")
    dates: NDArray[np.float64] | None
    dates, equal, problem = _read_dates(monitoring, t)
    if problem:
        problems.append(problem)
    elif method == "bgk" and not equal:
        problems.append("method='bgk' needs equally spaced dates; pass their number as monitoring.")
    if problems:
        raise SchemaError("\n".join(problems))
    return dates


def _read_dates(monitoring: Any, t: Any) -> tuple[Any, bool, str | None]:
    """Fractions of t (None: continuous), whether a number of dates was given, and the problem found."""
    legal = "'continuous', 'maturity', a number of dates (1 or more), or increasing times in years up to t"
    if isinstance(monitoring, str) and monitoring in ("continuous", "maturity"):
        return None if monitoring == "continuous" else np.ones(1), False, None
    counted = isinstance(monitoring, (int, np.integer)) and type(monitoring) is not bool
    if counted:
        n = int(monitoring)
        if 1 <= n <= MOST_DATES:
            return np.arange(1, n + 1) / n, True, None
        return None, False, f"monitoring: received {n} dates; it must be 1 to {MOST_DATES:,}."
    try:
        times = floats(monitoring)
    except (TypeError, ValueError):
        times = np.empty(0)
    if times.ndim != 1 or not times.size:
        return None, False, f"monitoring: received {monitoring!r:.60}; legal: {legal}."
    if not (np.isfinite(times).all() and times[0] > 0.0 and (np.diff(times) > 0.0).all()):
        return None, False, f"monitoring: times must be finite, > 0 and increasing; received {times!r:.80}."
    gaps = np.diff(times, prepend=0.0)
    if gaps[1:].min(initial=np.inf) < CLOSEST * gaps.max():
        apart = (
            f"two times are {gaps[1:].min():.3g} apart; they must be at least a millionth of the longest gap"
        )
        return None, False, f"monitoring: {apart}. Merge them."
    years = np.asarray(t)[np.asarray(t) > 0.0]
    if (np.abs(years - times[-1]) > 1e-9 * times[-1]).any():
        return (
            None,
            False,
            f"monitoring: the last time is {times[-1]}; it must be the expiry t of every option.",
        )
    fractions = times / times[-1]
    fractions[-1] = 1.0
    return fractions, False, None
