"""Columns of objects in tables, such as structs of polars, DuckDB and parquet, as one column a field."""

from __future__ import annotations

from typing import Any

import pandas as pd

from gammaflow.content import MOST_COLUMNS
from gammaflow.errors import ReaderError

__all__ = ["unnested"]

# Levels of objects inside a cell whose fields become columns; a row of JSON has one more.
_DEEPEST = 2


def unnested(table: pd.DataFrame, name: str = "table") -> pd.DataFrame:
    """A table with a column for each field of its objects, named with dots as in JSON ("greeks.delta").

    Parameters
    ----------
    table : DataFrame
        Columns have unique names.
    name : str
        The table, as errors name it.

    Returns
    -------
    DataFrame
        The table itself where no cell is an object. Cells that are blank give missing values.

    Raises
    ------
    ReaderError
        For more than 1,000 columns.

    Examples
    --------
    >>> table = pd.DataFrame({"strike": [95.0, 105.0], "greeks": [{"delta": 0.8, "vega": 0.1}, None]})
    >>> unnested(table)["greeks.delta"].tolist()
    [0.8, nan]
    """
    objects = [name for name, column in table.items() if _holds_objects(column)]
    if not objects:
        return table
    parts = [table.drop(columns=objects)]
    for column in objects:
        cells = [cell if isinstance(cell, dict) else {} for cell in table[column].tolist()]
        fields = pd.json_normalize(cells, max_level=_DEEPEST).add_prefix(f"{column}.")
        parts.append(fields.set_axis(table.index))
    wide = pd.concat(parts, axis=1)
    if len(wide.columns) > MOST_COLUMNS:
        raise ReaderError(
            f"{name}: has {len(wide.columns):,} columns with the fields of its objects; legal: up to "
            f"{MOST_COLUMNS:,}. Keep those that are needed."
        )
    # Of a field that has a column of its own, that column counts.
    return wide.loc[:, ~wide.columns.duplicated()]


def _holds_objects(column: pd.Series[Any]) -> bool:
    """True where the first cell that is not blank is an object."""
    if column.dtype != object:
        return False
    given = (cell for cell in column.to_numpy() if not (pd.api.types.is_scalar(cell) and pd.isna(cell)))
    return isinstance(next(given, None), dict)
