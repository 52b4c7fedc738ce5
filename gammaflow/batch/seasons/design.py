"""Rows of a regression: numbers read and checked, rows with a missing number left out and counted."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import floats
from gammaflow.text import rows_text, value_text

__all__ = ["CONSTANT", "Design", "Rows", "doubts", "rare", "read_rows", "standardize"]

#: Name of the constant.
CONSTANT = "constant"

# Least rows beyond the coefficients.
_SPARE = 3
# Rows per regressor below which errors and p-values are rough.
_ENOUGH = 10
# Variance inflation above which regressors are hard to tell apart (O'Brien, 2007, reviews the habit of 10).
_INFLATED = 10.0
# Rows that a variable of two values has on its rarer side, below which its error is rough.
_RARE = 10
_RANK = 1e-10
_LARGEST = 1e70


class Rows(NamedTuple):
    """Rows without a missing number, y first and then the regressors; and the number of rows left out."""

    table: pd.DataFrame
    dropped: int


class Design(NamedTuple):
    """Least squares in numbers of size 1, whatever the units of y and x.

    Unlike squares of the numbers given, products of these neither overflow nor lose a regressor that varies
    little around a large mean, such as gamma in currency beside a constant.
    """

    y: NDArray[np.float64]
    """y over `scale`, (n,)."""
    X: NDArray[np.float64]
    """The constant, then each regressor less its mean over its greatest distance from it, (n, k)."""
    back: NDArray[np.float64]
    """Coefficients of the numbers given, over `scale`, are ``back @`` those of y on X, (k, k)."""
    scale: float


def standardize(table: pd.DataFrame) -> Design:
    """The rows of `read_rows`, y first, as a design. Scales are powers of two, which round nothing.

    Examples
    --------
    >>> table = pd.DataFrame({"y": [1.0, 2.0, 6.0], "x": [1e9, 1e9 + 1.0, 1e9 + 2.0]})
    >>> y, X, back, scale = standardize(table)
    >>> coefficients = scale * (back @ np.linalg.lstsq(X, y)[0])
    >>> coefficients.round(3).tolist()
    [-2499999999.5, 2.5]
    """
    y, x = table.iloc[:, 0].to_numpy(np.float64), table.iloc[:, 1:].to_numpy(np.float64)
    center = x.mean(axis=0)
    away = x - center
    sizes = _power(np.abs(away).max(axis=0))
    back = np.diag(np.append(1.0, 1.0 / sizes))
    back[0, 1:] = -center / sizes
    scale = float(_power(np.abs(y).max()))
    return Design(y / scale, np.column_stack([np.ones(len(y)), away / sizes]), back, scale)


def _power(size: Any) -> Any:
    return np.ldexp(1.0, np.frexp(size)[1] - 1)


def read_rows(y: Any, x: Any, problems: list[str]) -> Rows:
    """Rows of y and of x; every problem is added to the list."""
    if not isinstance(y, pd.Series) or not isinstance(x, pd.Series | pd.DataFrame):
        problems.append(
            f"y and x: received {value_text(y)} and {value_text(x)}; legal: a Series, and a Series or "
            "DataFrame of regressors, on the same index."
        )
        return Rows(pd.DataFrame(), 0)
    table = (x.to_frame("x" if x.name is None else x.name) if isinstance(x, pd.Series) else x).rename(
        columns=str
    )
    # what is made of a regressor keeps its name in pandas
    target = y.rename("y" if y.name is None or str(y.name) in table else str(y.name))
    names = [str(target.name), *table.columns]
    if len(set(names)) < len(names) or CONSTANT in names or not table.columns.size:
        problems.append(
            f"x: received the columns {', '.join(map(repr, names[1:])) or 'none'} for y {names[0]!r}; legal: "
            f"at least one, each once, none named as y or {CONSTANT!r} (a constant is added)."
        )
    if not target.index.equals(table.index):
        problems.append(
            f"x: received {rows_text(len(table))} on another index than the {rows_text(len(target))} of y; "
            "both must stand on the same timestamps. Join them with seasons.as_of."
        )
    elif not target.index.is_monotonic_increasing:
        problems.append("y: rows must ascend in time (sort_index): errors allow for neighbours.")
    numbers = (
        {} if problems else {name: _numbers(column, problems) for name, column in _columns(target, table)}
    )
    if problems:
        return Rows(pd.DataFrame(), 0)
    every = pd.DataFrame(numbers, index=target.index)
    there = every.dropna()
    _check(there, len(every) - len(there), problems)
    return Rows(there, len(every) - len(there))


def _columns(target: pd.Series, table: pd.DataFrame) -> list[tuple[str, pd.Series]]:
    return [(str(target.name), target), *((str(name), table[name]) for name in table)]


def _numbers(column: pd.Series, problems: list[str]) -> NDArray[np.float64] | None:
    try:
        values = floats(column.astype(np.float64) if column.dtype == bool else column)
    except (TypeError, ValueError):
        problems.append(
            f"{column.name}: received a Series of {column.dtype}; legal: numbers, or True and False."
        )
        return None
    if np.isinf(values).any():
        problems.append(
            f"{column.name}: {rows_text(int(np.isinf(values).sum()))} infinite; drop or correct them."
        )
    return values


def _check(table: pd.DataFrame, dropped: int, problems: list[str]) -> None:
    """Problems of rows that do not determine the coefficients."""
    n, k = table.shape
    if n < k + _SPARE:
        problems.append(
            f"y and x: received {rows_text(n)} without a missing number ({dropped:,} left out); at least "
            f"{k + _SPARE} are needed for {k} coefficients."
        )
        return
    flat = [name for name in table if np.ptp(table[name].to_numpy()) == 0.0]
    problems += [
        f"{name}: received {table[name].iloc[0]:g} on all {rows_text(n)}; a constant says nothing. Leave it "
        "out, or pass rows on which it varies."
        for name in flat
    ]
    sizes = table.abs().max()
    wild = sizes[~sizes.between(1.0 / _LARGEST, _LARGEST)].drop(flat, errors="ignore")
    problems += [
        f"{name}: received values up to {size:.3g}, whose squares overflow or vanish; legal: sizes from "
        f"{1.0 / _LARGEST:g} to {_LARGEST:g}. Pass it in another unit."
        for name, size in wild.items()
    ]
    if flat or len(wild):
        return
    X = standardize(table).X[:, 1:]
    diagonal = np.abs(np.diag(np.linalg.qr(X / X.std(axis=0), mode="r")))
    alike = np.flatnonzero(diagonal <= _RANK * diagonal.max()).tolist()
    problems += [
        f"{table.columns[1 + place]}: is made of the other regressors; leave it out, or one of them."
        for place in alike
    ]


def rare(table: pd.DataFrame) -> dict[str, str]:
    """Columns of two values, one of them in fewer than ten rows, and how many those are, in words."""
    counts = {str(name): table[name].value_counts() for name in table}
    return {
        name: f"only {sides.min()} of {rows_text(len(table))} differ from {sides.index[0]:g}"
        for name, sides in counts.items()
        if len(sides) == 2 and sides.min() < _RARE
    }


def doubts(table: pd.DataFrame) -> list[str]:
    """Sentences on rows that are few, rare or hard to tell apart."""
    n, k = len(table), table.shape[1] - 1
    found = []
    if n < _ENOUGH * k:
        found.append(
            f"rows: received {n:,} for {rows_text(k, 'regressor')}; errors and p-values are rough below "
            f"{_ENOUGH * k} ({_ENOUGH} each). Take fewer regressors, or more rows."
        )
    for name in table.columns[1:]:
        sides = table[name].value_counts()
        if len(sides) != 2:
            continue
        rarer = (table[name] == sides.index[-1]).to_numpy()
        spells = int(rarer[0]) + int((rarer[1:] & ~rarer[:-1]).sum())
        if sides.min() >= _RARE > spells:
            found.append(
                f"{name}: the {sides.min():,} rows with {sides.index[-1]:g} are "
                f"{rows_text(spells, 'spell')}, fewer than {_RARE}; what else was true then cannot be told "
                "from it. Take a longer record, or more controls."
            )
    found += [
        f"{name}: {words}; its error rests on these. At least {_RARE} are needed to trust it."
        for name, words in rare(table.iloc[:, 1:]).items()
    ]
    if k > 1:
        correlation = np.corrcoef(standardize(table).X[:, 1:], rowvar=False)
        inflation = np.diag(np.linalg.inv(correlation))
        found += [
            f"{name}: {1.0 - 1.0 / size:.0%} of its variance is that of the other regressors (variance "
            f"inflation {size:.0f}, plausible: below {_INFLATED:g}); its coefficient is hard to tell "
            "from theirs."
            for name, size in zip(table.columns[1:], inflation, strict=True)
            if size > _INFLATED
        ]
    return found
