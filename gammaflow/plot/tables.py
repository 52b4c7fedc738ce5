"""Tables of text: numbers in readable units, as GitHub markdown and as HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

import pandas as pd

from gammaflow.text import readable

__all__ = ["html_table", "literal", "markdown_table", "spreadsheet", "text_table"]

# A number, with its error where it has one.
_NUMBER = re.compile(r"[-+]?[\d,]*\.?\d+(e[-+]?\d+)?( ± [\d,]*\.?\d+)?")

# First characters with which a cell of a spreadsheet is a formula.
_CALCULATED = ("=", "+", "-", "@", "\t", "\r")


def text_table(table: pd.DataFrame, units: Mapping[str, str]) -> pd.DataFrame:
    """Columns of numbers as text with three decimals, each in a readable unit given in its name.

    Examples
    --------
    >>> text_table(pd.DataFrame({"vega": [-706_752.0, 3.0]}), {"vega": "USD per +1 vol point"})
      vega [USD k per +1 vol point]
    0                      -706.752
    1                         0.003
    """
    texts = {}
    for name, column in table.items():
        divisor, unit = readable(column, units[str(name)])
        texts[f"{name} [{unit}]"] = [f"{value / divisor:z,.3f}" for value in column.tolist()]
    return pd.DataFrame(texts, index=table.index, dtype=object)


def literal(text: str) -> str:
    r"""`text` as one line that markdown shows unchanged.

    Examples
    --------
    >>> print(literal("<b>A|B</b>"))
    \<b>A\|B\</b>
    """
    return re.sub(r"([\\|<*`]|(?<=\])\()", r"\\\1", " ".join(text.split()))


def markdown_table(table: pd.DataFrame) -> str:
    """A table of texts as GitHub markdown, without its index."""
    lines = [[str(name) for name in table], *table.to_numpy(dtype=object).tolist()]
    head, *rows = ["| " + " | ".join(map(literal, line)) + " |" for line in lines]
    return "\n".join([head, "|" + " --- |" * table.shape[1], *rows])


def spreadsheet(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose texts a spreadsheet shows as text: an apostrophe stands before those it would calculate.

    Examples
    --------
    >>> spreadsheet(pd.DataFrame({"contract": ["=1+1", "70000-P"], "gamma": [-1.0, 2.0]}))
      contract  gamma
    0    '=1+1   -1.0
    1  70000-P    2.0
    """

    def shown(cell: object) -> object:
        return f"'{cell}" if isinstance(cell, str) and cell[:1] in _CALCULATED else cell

    texts = table.select_dtypes(exclude=["number", "datetime", "datetimetz", "bool"])
    return table.assign(**{str(name): column.map(shown) for name, column in texts.items()})


def html_table(table: pd.DataFrame, marks: Mapping[str, str] | None = None) -> str:
    """A table of texts as HTML with a button in each heading; the first column names the row.

    A cell that is one of the words of `marks` gets the class "mark" and the one given there.
    """
    columns = [table[name].tolist() for name in table]
    kinds = [' class="n"' if _is_numeric(texts) else "" for texts in columns]
    head = "".join(
        f'<th scope="col"{kind}><button type="button">{escape(str(name))}</button></th>'
        for name, kind in zip(table, kinds, strict=True)
    )
    rows = []
    for first, *rest in zip(*columns, strict=True):
        cells = "".join(
            f"<td{_marked(text, marks or {}) or kind}>{escape(text)}</td>"
            for text, kind in zip(rest, kinds[1:], strict=True)
        )
        rows.append(f'<tr><th scope="row"{kinds[0]}>{escape(first)}</th>{cells}</tr>')
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _marked(text: str, marks: Mapping[str, str]) -> str:
    return f' class="mark {escape(marks[text])}"' if text in marks else ""


def _is_numeric(texts: list[str]) -> bool:
    """True if texts are numbers, some of them perhaps missing."""
    return any(texts) and all(_NUMBER.fullmatch(text) for text in texts if text)
