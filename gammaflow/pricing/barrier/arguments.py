"""Reading the arguments of the barrier functions: every problem of a call in one error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import floats, hide, read_number, uncover
from gammaflow.errors import SchemaError

__all__ = ["BETA", "KINDS", "Terms", "read_monitoring", "read_terms", "read_which"]

#: -zeta(1/2) / sqrt(2 pi), the shift of Broadie, Glasserman and Kou (1997), eq. (1.2).
BETA = 0.5825971579390107

#: The part of the kernels' code that a kind stands for.
KINDS = {"down-in": 2, "down-out": 6, "up-in": 0, "up-out": 4}
MOST_DATES = 100_000
CLOSEST = 1e-6

_FLAGS = {"c": 1, "call": 1, "p": 0, "put": 0}


@dataclass(frozen=True)
class Terms:
    """Validated columns that broadcast to one shape."""

    code: NDArray[np.int8]
    numbers: Mapping[str, NDArray[np.float64]]
    shape: tuple[int, ...]
    index: pd.Index | None


def _read_words(name: str, value: Any, table: Mapping[str, int], legal: str) -> tuple[Any, str | None]:
    """The code of each word, or what is wrong with the argument; a flag may also be +1 or -1."""
    values = np.asarray(value.array if isinstance(value, pd.Series) else value)
    if name == "flag" and values.dtype.kind in "iuf":
        found = np.where(values == 1, 1, np.where(values == -1, 0, -1)).astype(np.int8)
    elif values.dtype.kind == "U" and values.size:
        found = np.full(values.shape, -1, np.int8)
        # two letters at a time: comparing the strings themselves takes twice as long
        width = values.dtype.itemsize // 4
        pairs = np.ascontiguousarray(values, f"U{width + width % 2}").view(np.uint64)
        pairs = pairs.reshape(*values.shape, -1)
        for word, code in table.items():
            if len(word) <= width:
                letters = np.array([word], f"U{width + width % 2}").view(np.uint64)
                same = pairs[..., 0] == letters[0]
                for k in range(1, len(letters)):
                    same &= pairs[..., k] == letters[k]
                found[same] = code
        rest = found < 0
        if rest.any():
            found[rest] = [table.get(str(word).lower(), -1) for word in values[rest]]
    else:
        codes, words = pd.factorize(values.ravel().astype(object), use_na_sentinel=False)
        signs: dict[Any, str] = {1: "c", -1: "p"} if name == "flag" else {}
        texts = [signs.get(word, str(word).lower()) if np.isscalar(word) else "" for word in words]
        found = np.array([table.get(text, -1) for text in texts] + [-1], np.int8)[codes].reshape(values.shape)
    if (found >= 0).all():
        return found, None
    bad = values[found < 0].ravel()[0]
    where = "" if values.size == 1 else f" among {values.size} values"
    return None, f"{name}: received {str(bad)!r}{where}; legal are {legal}."


def _read_alive(value: Any) -> tuple[Any, str | None]:
    array = np.asarray(value)
    if array.dtype.kind in "iuf" and np.isin(array, (0, 1)).all():
        array = array.astype(bool)
    if array.dtype != np.bool_:
        return None, f"alive: received {value!r:.60}; it must be True (not yet knocked) or False."
    return array.astype(np.int8), None


def read_terms(kind: Any, flag: Any, alive: Any, **numbers: Any) -> Terms:
    """Columns of a call; raises one `SchemaError` for all that is wrong with them.

    Where a kind, a flag or `alive` is hidden, the first of the numbers is NaN.
    """
    kinds = ", ".join(repr(k) for k in KINDS)
    words = [uncover(kind, "down-in"), uncover(flag, "c"), uncover(alive, True)]
    read = {
        "kind": _read_words("kind", words[0][0], KINDS, kinds),
        "flag": _read_words("flag", words[1][0], _FLAGS, "'c', 'p', 'call', 'put' (any case), +1 and -1"),
        "alive": _read_alive(words[2][0]),
    }
    problems = [problem for _, problem in read.values() if problem]
    for name, value in numbers.items():
        column = read_number(name, value, problems)
        read[name] = (column if column is None else column.astype(np.float64, copy=False), None)
    shape: tuple[int, ...] = ()
    if not problems:
        try:
            shape = np.broadcast_shapes(*(column.shape for column, _ in read.values()))
        except ValueError:
            shapes = ", ".join(f"{name} {column.shape}" for name, (column, _) in read.items() if column.ndim)
            problems.append(f"shapes do not broadcast: {shapes}. Give equal lengths, or scalars.")
    series = [a for a in (kind, flag, alive, *numbers.values()) if isinstance(a, pd.Series)]
    if any(not s.index.equals(series[0].index) for s in series[1:]):
        problems.append("the Series have different indexes; align them first (rows are matched by position).")
    if problems:
        raise SchemaError("\n".join(problems))
    code = read["kind"][0] + read["flag"][0] + 8 * (1 - read["alive"][0])
    index = series[0].index if series and shape == series[0].shape else None
    columns = {name: read[name][0] for name in numbers}
    for name in list(numbers)[:1]:
        columns[name] = hide(columns[name], [hidden for _, hidden in words])
    return Terms(np.asarray(code, np.int8), columns, shape, index)


def read_which(which: Sequence[str] | str, legal: Sequence[str]) -> tuple[str, ...]:
    """The names asked for."""
    names = (which,) if isinstance(which, str) else tuple(which)
    unknown = [repr(n) for n in names if n not in legal]
    if unknown:
        raise SchemaError(f"which: received {', '.join(unknown)}; legal are {', '.join(legal)}.")
    if not names or len(set(names)) < len(names):
        raise SchemaError(f"which: received {names!r}; give one or more different names.")
    return names


def read_monitoring(monitoring: Any, method: Any, tol: Any, t: Any) -> NDArray[np.float64] | None:
    """The dates as fractions of t, ending with 1; None if monitored continuously."""
    problems = []
    if method not in ("exact", "bgk"):
        problems.append(f"method: received {method!r}; legal are 'exact' and 'bgk'.")
    if not (isinstance(tol, (int, float)) and 1e-9 <= tol <= 1e-2):
        problems.append(f"tol: received {tol!r}; it must lie between 1e-9 and 1e-2.")
    dates: NDArray[np.float64] | None
    dates, equal, problem = _read_dates(monitoring, t)
    if problem:
        problems.append(problem)
    elif method == "bgk" and not equal:
        problems.append(
            "method='bgk' shifts a barrier with equally spaced dates; give monitoring their number."
        )
    if problems:
        raise SchemaError("\n".join(problems))
    return dates


def _read_dates(monitoring: Any, t: Any) -> tuple[Any, bool, str | None]:
    """Fractions of t (None: continuous), whether they were given as a number of dates, what is wrong."""
    legal = "'continuous', 'maturity', a number of dates (1 or more), or increasing times in years up to t"
    if isinstance(monitoring, str):
        if monitoring == "continuous":
            return None, False, None
        if monitoring == "maturity":
            return np.ones(1), False, None
        return None, False, f"monitoring: received {monitoring!r}; legal are {legal}."
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
        return None, False, f"monitoring: received {monitoring!r:.60}; legal are {legal}."
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
