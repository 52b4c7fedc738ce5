"""An object in a notebook: its text, and the first rows of its table with one unit per column.

The page has no scripts and no colours of its own, so that it looks as the notebook does, light or dark. Every
text of data is escaped. Nothing is computed but the object's text and table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.text import WARNING, clean, readable, rows_text

__all__ = ["ROWS", "Shown", "column_texts", "page"]

#: Rows of a table that are shown.
ROWS = 12
# Letters of a text in a table, and names of an index of which rows are shown evenly.
_LETTERS, _EVEN = 80, ("spot", "flow", "shock")
_PRE = "margin:0.3em 0; white-space:pre-wrap; color:inherit; background:none; font-size:0.9em"
_CELL = "text-align:right; white-space:nowrap"
_SMALL = "margin:0.2em 0; font-size:0.85em; opacity:0.8"


class Shown:
    """Base of objects that a notebook shows with their text and their table."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return page(self._page_text(), self._page_table(), self._page_units())

    def _page_text(self) -> str:
        """The object in words, its name in the first line."""
        return repr(self)

    def _page_table(self) -> pd.DataFrame | None:
        """The table of which the first rows are shown; None for none."""
        cls = type(self)
        if "table" not in getattr(cls, "__dataclass_fields__", {}) and not hasattr(cls, "table"):
            return None
        table: Any = self.table  # type: ignore[attr-defined]
        return table.to_frame() if isinstance(table, pd.Series) else table

    def _page_units(self) -> Mapping[str, str]:
        """Units of columns of numbers, which are written with one power of ten."""
        return {}


def page(text: str, table: pd.DataFrame | None = None, units: Mapping[str, str] | None = None) -> str:
    """HTML of a heading, lines of text and a table.

    Parameters
    ----------
    text : str
        Lines; the first is the heading.
    table : DataFrame, optional
        Of which the first rows are written; of a table by spot, rows evenly spaced.
    units : mapping of str to str, optional
        Units of columns of numbers; each column has one readable power of ten.

    Examples
    --------
    >>> page("<b>", pd.DataFrame({"gamma": [-7.1e6]}), {"gamma": "USD"}).count("&lt;b&gt;")
    1
    """
    head, *rest = clean(text).split("\n")
    safe = ((line, escape(line, quote=False)) for line in rest)
    lines = [f"<strong>{text}</strong>" if line.startswith(WARNING) else text for line, text in safe]
    body = f'<pre style="{_PRE}">' + "\n".join(lines) + "</pre>" if lines else ""
    shown = "" if table is None or not len(table.columns) else _table(table, units or {})
    return f"<div><p><strong>{escape(head, quote=False)}</strong></p>{body}{shown}</div>"


def _table(table: pd.DataFrame, units: Mapping[str, str]) -> str:
    """The rows that are shown, under names with units, and how many there are."""
    even = table.index.name in _EVEN
    places = np.unique(np.linspace(0, len(table) - 1, ROWS).round().astype(int)) if even else slice(ROWS)
    shown = table.iloc[places] if len(table) > ROWS else table
    columns = []
    if not isinstance(table.index, pd.RangeIndex) or table.index.name:
        for level in range(table.index.nlevels):
            index = shown.index.get_level_values(level)
            columns.append(column_texts(str(index.name or ""), pd.Series(index)))
    names: list[Any] = table.columns.tolist()
    for place, name in enumerate(names):
        label = " ".join(map(str, name)) if isinstance(name, tuple) else str(name)
        columns.append(column_texts(label, shown.iloc[:, place], units.get(label, "")))
    head = _cells("th", [name for name, _ in columns])
    rows = "".join(_cells("td", row) for row in zip(*(texts for _, texts in columns), strict=True))
    what = f"{len(shown)} of {rows_text(len(table))}{', evenly spaced' if even else ', the first'}"
    more = f'<p style="{_SMALL}">{what}</p>' if len(shown) < len(table) else ""
    return (
        f'<div style="overflow-x:auto"><table class="dataframe"><thead>{head}</thead>'
        f"<tbody>{rows}</tbody></table></div>{more}"
    )


def _cells(tag: str, texts: Sequence[str]) -> str:
    cells = (f'<{tag} style="{_CELL}">{escape(text, quote=False)}</{tag}>' for text in texts)
    return f"<tr>{''.join(cells)}</tr>"


def column_texts(name: str, column: pd.Series, unit: str = "") -> tuple[str, list[str]]:
    """Name of a column with its unit, and its values as text; missing ones are empty.

    Numbers with a unit have one power of ten, and digits to suit the largest; other numbers have six digits.

    Examples
    --------
    >>> column_texts("gamma", pd.Series([-71_561_920.0, 3e3, np.nan]), "USD per +1 % spot")
    ('gamma [USD m per +1 % spot]', ['-71.56', '0.00', ''])
    >>> column_texts("strike", pd.Series([71_000.0, 0.25]))
    ('strike', ['71,000', '0.25'])
    """
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column, name = column.dt.tz_convert("UTC").dt.tz_localize(None), f"{name} [UTC]".strip()
    if column.dtype.kind == "M":
        days = bool((column.dropna() == column.dropna().dt.normalize()).all())
        texts = column.dt.strftime("%Y-%m-%d" if days else "%Y-%m-%d %H:%M").fillna("").tolist()
        return clean(name), texts
    if column.dtype.kind not in "fiu":
        return clean(name), [_text(value) for value in column.tolist()]
    if not unit:
        return clean(name), [_number(value) for value in column.tolist()]
    values = column.to_numpy(dtype=np.float64)
    divisor, unit = readable(values[np.isfinite(values)], unit)
    largest = float(np.max(np.abs(values[np.isfinite(values)]), initial=0.0)) / divisor
    digits = 3 if largest < 10.0 else 2 if largest < 100.0 else 1
    texts = ["" if np.isnan(value) else f"{value / divisor:z,.{digits}f}" for value in values.tolist()]
    return clean(f"{name} [{unit}]"), texts


def _number(value: Any) -> str:
    if pd.isna(value):
        return ""
    return (
        f"{value:,}"
        if isinstance(value, int)
        else f"{value:z,.0f}"
        if 1e6 <= abs(value) < 1e15
        else f"{value:,.6g}"
    )


def _text(value: Any) -> str:
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and value != value):
        return ""
    text = " ".join(clean(_number(value) if isinstance(value, float) else str(value)).split())
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 3]}..."
