"""Tables of other libraries as pandas has them: polars, pyarrow, DuckDB relations, any Arrow stream."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pandas as pd

from gammaflow.errors import SchemaError

__all__ = ["as_pandas"]


def as_pandas(value: Any, name: str = "frame") -> Any:
    """A table of another library as a DataFrame; anything else is returned as it is.

    Parameters
    ----------
    value : object
        A table with an Arrow stream (``__arrow_c_stream__``): a polars DataFrame, a pyarrow Table, a DuckDB
        relation. Decimals become float64, dates timestamps at midnight.
    name : str
        The argument, as errors name it.

    Returns
    -------
    DataFrame or object

    Raises
    ------
    SchemaError
        For a polars LazyFrame, which has not been computed, for a stream that is not a table or cannot be
        read, or where pyarrow is not installed.

    Examples
    --------
    >>> import pyarrow as pa
    >>> as_pandas(pa.table({"strike": [95.0, 105.0]}))["strike"].to_list()
    [95.0, 105.0]
    >>> as_pandas("quotes.csv")
    'quotes.csv'
    """
    if isinstance(value, pd.DataFrame | pd.Series):
        return value
    if type(value).__name__ == "LazyFrame":
        raise SchemaError(f"{name}: received a LazyFrame, which has no rows yet; pass {name}.collect().")
    if not hasattr(value, "__arrow_c_stream__"):
        return value
    try:
        frame = pd.DataFrame.from_arrow(value)  # type: ignore[attr-defined]
    except ImportError:
        raise SchemaError(
            f"{name}: received {type(value).__name__}, which is read through pyarrow, which is not "
            "installed: pip install 'gammaflow-engine[parquet]', or pass a pandas DataFrame."
        ) from None
    except Exception as error:  # a single column, a closed source: each library has errors of its own
        raise SchemaError(
            f"{name}: received {type(value).__name__}, whose Arrow stream is not that of a table "
            f"({error!s:.200}). Pass a table, or a pandas DataFrame or Series."
        ) from None
    for place in range(frame.shape[1]):  # names may repeat
        if frame.iloc[:, place].dtype == object:
            frame.isetitem(place, _plain(frame.iloc[:, place]).array)
    return frame


def _plain(column: pd.Series) -> pd.Series:
    """A column of objects as numbers or timestamps, if that is what the objects are."""
    first = column.dropna().head(1).tolist()
    if first and isinstance(first[0], Decimal):
        return column.astype("float64")
    if first and isinstance(first[0], datetime.date) and not isinstance(first[0], datetime.datetime):
        return pd.to_datetime(column)
    return column
