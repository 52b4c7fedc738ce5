"""Joins by time that cannot see the future."""

from __future__ import annotations

from typing import Any

import pandas as pd

from gammaflow.batch.seasons.inputs import moments_of, read_span
from gammaflow.checks import refuse
from gammaflow.text import rows_text, value_text

__all__ = ["KNOWN_AT", "as_of"]

#: Column of a join: the timestamp of the row that was taken.
KNOWN_AT = "known_at"


def as_of(left: Any, right: pd.Series | pd.DataFrame, *, within: Any = None) -> pd.DataFrame:
    """Join of each row with what was known at its timestamp: the last row of `right` at or before it.

    A row of `right` that bears the same timestamp counts as known. So label each row by the time at which it
    could be read: the close of a bar by the end of the bar, a daily figure by its publication.

    Parameters
    ----------
    left : DataFrame, Series or timestamps
        Rows to join to, indexed by timestamps with a time zone, in any order, repeated ones included.
    right : Series or DataFrame
        Record, indexed by ascending timestamps with a time zone, each once.
    within : Timedelta or str, optional
        Greatest age of a row that is used; by default any.

    Returns
    -------
    DataFrame
        Rows and columns of `left` as given, its index in UTC; then the columns of `right`, NaN where no row
        is known; then `known_at`, the timestamp of the row taken (NaT where none).

    Raises
    ------
    SchemaError
        For timestamps without a time zone, a record that does not ascend or has a timestamp twice, columns
        that both sides have, an age below 0.

    See Also
    --------
    study : Test of gamma against the volatility that follows, beyond implied and past volatility.
    history : Time series of the summaries of many snapshots of one underlying.

    Examples
    --------
    >>> import gammaflow as gf
    >>> known = pd.to_datetime(["2026-02-04T21:00Z", "2026-02-05T21:00Z"])
    >>> rates = pd.Series([0.04, 0.05], known, name="rate")
    >>> gf.seasons.as_of(["2026-02-05T20:59Z", "2026-02-05T21:00Z"], rates)["rate"].to_list()
    [0.04, 0.05]
    """
    problems: list[str] = []
    at = moments_of(left, "left", problems)
    record = _record(right, problems)
    tolerance = None if within is None else read_span(within, "within", problems, zero=True)
    table = left.to_frame() if isinstance(left, pd.Series) else left
    table = table if isinstance(table, pd.DataFrame) else pd.DataFrame(index=at)
    if record.columns.nlevels > 1:
        problems.append("right: has columns of several levels; legal: one level of names.")
    if KNOWN_AT in record.columns:
        problems.append(f"right: has a column {KNOWN_AT!r}, the name of the timestamp taken; rename it.")
    twice = [name for name in [*record.columns, KNOWN_AT] if name in table.columns]
    if twice:
        problems.append(f"columns: both sides have {', '.join(map(repr, twice))}; rename those of one side.")
    refuse("as_of", problems)
    order = at.argsort(kind="stable")
    rows = pd.merge_asof(
        pd.DataFrame({"given": order}, index=at[order]),
        pd.DataFrame({"taken": range(len(record))}, index=record.index),
        left_index=True, right_index=True, tolerance=tolerance,
    )  # fmt: skip
    taken = rows.sort_values("given")["taken"].fillna(-1).astype("int64")
    known = record.assign(**{KNOWN_AT: record.index}).reset_index(drop=True).reindex(taken.to_numpy())
    joined = pd.concat([table.set_axis(at), known.set_axis(at)], axis=1)
    joined.index.name = left.index.name if isinstance(left, pd.Series | pd.DataFrame) else None
    return joined


def _record(right: Any, problems: list[str]) -> pd.DataFrame:
    """The record as a table by ascending timestamps in UTC; empty where there is a problem."""
    if not isinstance(right, pd.Series | pd.DataFrame):
        problems.append(f"right: received {value_text(right)}; legal: a Series or DataFrame by timestamps.")
        return pd.DataFrame(index=pd.DatetimeIndex([], tz="UTC").as_unit("ns"))
    times = moments_of(right.index, "right", problems)
    table = right.to_frame() if isinstance(right, pd.Series) else right
    if len(times) != len(table):
        return table.iloc[:0]
    repeated = times[times.duplicated()]
    if len(repeated):
        problems.append(
            f"right: {rows_text(len(repeated))} repeated (first: {repeated[0]:%Y-%m-%d %H:%M:%S} UTC); each "
            "timestamp must stand once, else it is not known which row came first. Keep one of each."
        )
    elif not times.is_monotonic_increasing:
        problems.append("right: timestamps must ascend (sort_index).")
    return table.set_axis(times)
