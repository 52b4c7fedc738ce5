"""Tables on a terminal: one readable unit a column, complete numbers, never wider than the screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from gammaflow.app.terminal import glyph
from gammaflow.text import readable, strike_text

__all__ = ["GAP", "Column", "amounts", "bands", "bars", "labels", "money_head", "shares", "sheet", "texts"]

#: Spaces between columns.
GAP = 2
_DIGITS = 4
_SHORT = {"+1 % spot": "1%", "+1 vol point": "vol pt", "calendar day": "day"}
_NONE = "-"


@dataclass(frozen=True)
class Column:
    """A column of texts, with the lines above it: its name first, then its unit."""

    head: tuple[str, ...]
    cells: tuple[str, ...]
    right: bool = True

    @property
    def width(self) -> int:
        """Width of the widest line."""
        return max(map(cell_len, (*self.head, *self.cells)), default=0)


def money_head(unit: str, power: str = "") -> tuple[str, ...]:
    """A unit as the lines above a column.

    Examples
    --------
    >>> money_head("USD per +1 % spot", "m"), money_head("EUR"), money_head("GEX per day", "bn")
    (('$m', 'per 1%'), ('EUR',), ('GEX bn', 'per day'))
    """
    first, per, rest = unit.partition(" per ")
    first = f"${power}" if first == "USD" else f"{first} {power}".strip()
    return (first, f"per {_SHORT.get(rest, rest)}") if per else (first,)


def amounts(name: str, values: ArrayLike, unit: str, *, like: ArrayLike | None = None) -> Column:
    """Column of money in one readable unit, with four digits of the largest number; "-" where missing.

    Unit and digits are those that suit `like`, by default the values themselves.

    Examples
    --------
    >>> amounts("gamma", [-169_046_521.0, 3_000_000.0, float("nan")], "USD per +1 % spot")
    Column(head=('gamma', '$m', 'per 1%'), cells=('-169.0', '3.0', '-'), right=True)
    """
    numbers = np.asarray(values, dtype=np.float64)
    scale = numbers if like is None else np.asarray(like, dtype=np.float64)
    known = scale[np.isfinite(scale)]
    divisor, power = readable(known, "")
    largest = float(np.max(np.abs(known), initial=0.0)) / divisor
    digits = _DIGITS - 1 - int(np.floor(np.log10(largest))) if largest else 0
    form = f"z,.{int(np.clip(digits, 0, 9))}f"
    cells = tuple(f"{n / divisor:{form}}" if np.isfinite(n) else _NONE for n in numbers.tolist())
    return Column((name, *money_head(unit, power.strip())), cells)


def shares(name: str, values: ArrayLike, digits: int = 1) -> Column:
    """Column of shares in percent.

    Examples
    --------
    >>> shares("from spot", [0.084, float("nan")]).cells
    ('+8.4%', '-')
    """
    numbers = np.asarray(values, dtype=np.float64).tolist()
    return Column((name,), tuple(f"{100.0 * n:+z,.{digits}f}%" if np.isfinite(n) else _NONE for n in numbers))


def texts(name: str, cells: Iterable[object], *, right: bool = False) -> Column:
    """Column of words, or of texts of numbers."""
    return Column((name,), tuple(map(str, cells)), right)


def labels(name: str, keys: Iterable[object], unit: str = "") -> Column:
    """Column of keys of a table: times, strikes or names."""
    keys = list(keys)
    cells, right = [], False
    decimals = any(isinstance(key, float) and key != round(key) for key in keys)
    form = "{:,.2f}".format if decimals else strike_text
    for key in keys:
        if key is pd.NaT:
            cells.append("no expiry")
        elif isinstance(key, pd.Timestamp):
            cells.append(f"{key:%Y-%m-%d %H:%M}")
        elif isinstance(key, float):
            right = True
            cells.append(form(key))
        else:
            cells.append(str(key))
    return Column((name, unit) if unit else (name,), tuple(cells), right)


def bars(values: ArrayLike, width: int) -> Column:
    """Bars from a common zero: to the left below it, to the right above it.

    Examples
    --------
    >>> bars([-1.0, 0.5], 4).cells
    ('████|    ', '    |██  ')
    """
    numbers = np.nan_to_num(np.asarray(values, dtype=np.float64))
    largest = float(np.max(np.abs(numbers), initial=0.0)) or 1.0
    cells = []
    for number in numbers.tolist():
        bar = glyph("█", "#") * round(width * abs(number) / largest)
        cells.append(f"{bar if number < 0 else '':>{width}}|{bar if number > 0 else '':<{width}}")
    return Column(("",), tuple(cells), right=False)


def bands(keys: Sequence[Column], columns: Sequence[Column], width: int) -> list[list[Column]]:
    """Columns cut into tables that fit a width, each with the keys in front."""
    before = sum(key.width + GAP for key in keys)
    found: list[list[Column]] = [[]]
    used = before
    for column in columns:
        if found[-1] and used + column.width > width:
            found.append([])
            used = before
        found[-1].append(column)
        used += column.width + GAP
    return [[*keys, *band] for band in found]


def sheet(columns: Sequence[Column], styles: Sequence[str] = ()) -> Table:
    """One table; `styles` are those of its rows."""
    table = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, GAP - 1, 0, 0),
    )
    height = max(len(column.head) for column in columns)
    for column in columns:
        name, *unit = (*column.head, *[""] * (height - len(column.head)))
        head = Text(name, style="bold")
        for line in unit:
            head.append(f"\n{line}", style="dim not bold")
        # A name may be longer than the screen: it goes on below, a number never does.
        table.add_column(
            head, justify="right" if column.right else "left", no_wrap=column.right, overflow="fold"
        )
    for place, row in enumerate(zip(*(column.cells for column in columns), strict=True)):
        table.add_row(*map(Text, row), style=styles[place] if place < len(styles) else "")
    return table
