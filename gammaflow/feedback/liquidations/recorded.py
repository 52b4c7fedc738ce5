"""Liquidation pools from a table of liquidation prices: one snapshot, checked, with ends of its bins."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import attempt, check_number, refuse, utc
from gammaflow.columns import Column, Columns, validate
from gammaflow.content import file_bytes
from gammaflow.errors import ReaderError, SchemaError
from gammaflow.feedback.liquidations.bins import ahead_of, bins_of, passed_since
from gammaflow.feedback.liquidations.origin import Origin
from gammaflow.feedback.liquidations.pools import SAME_UNIT, SIDES, Liquidations
from gammaflow.frames import as_pandas
from gammaflow.text import price_text

__all__ = ["COLUMNS", "read"]

Array = NDArray[np.float64]

#: Columns of a liquidation table; `low` and `high` are the ends of a bin, where a table has them.
COLUMNS: Mapping[str, Column] = {
    c.name: c
    for c in (
        Column("price", "number", "currency", "liquidation price, middle of the bin", 0.0, open_low=True),
        Column("value", "number", "currency", "size of the positions", 0.0),
        Column("side", "text", "", "side of the positions", choices=tuple(SIDES)),
        Column("low", "number", "currency", "lower end of the bin", 0.0, open_low=True, default=np.nan),
        Column("high", "number", "currency", "upper end of the bin", 0.0, open_low=True, default=np.nan),
        Column("spot", "number", "currency", "price now", 0.0, open_low=True, default=np.nan),
        Column("updated", "time", "UTC", "when the table was made", default=np.datetime64("NaT", "ns")),
        Column("committed", "time", "UTC", "when it was stored", default=np.datetime64("NaT", "ns")),
    )
}

#: Names in use for these columns.
_ALSO = {"value_usd": "value", "notional": "value", "liquidation_price": "price"}
_CLOCKS = ("updated", "committed")
# Age of a snapshot, in hours, from which it is called old: those on record are five hours apart.
_OLD = 12.0


def _named(frame: pd.DataFrame, columns: Mapping[str, str] | None) -> pd.DataFrame:
    """The columns of `COLUMNS` under their names; SchemaError where the map names others."""
    if not (columns is None or isinstance(columns, Mapping)):
        raise SchemaError(
            f"columns: received {type(columns).__name__}; legal: a mapping such as {{'value': 'notional'}}."
        )
    wanted = dict(columns or {})
    problems = [f"{name!r} is not one of {', '.join(COLUMNS)}" for name in wanted if name not in COLUMNS]
    problems += [f"{name!r} is not a column of the table" for name in wanted.values() if name not in frame]
    if problems:
        raise SchemaError(f"columns: {'; '.join(problems)}. Pass names of yours by names of ours.")
    found = {name: name for name in COLUMNS if name in frame}
    found = {ours: theirs for theirs, ours in _ALSO.items() if theirs in frame and ours not in found} | found
    return pd.DataFrame({ours: frame[theirs] for ours, theirs in (found | wanted).items()})


def _times(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with text of its clocks as timestamps, which keep what time zone the text has."""
    for name in _CLOCKS:
        if name in frame and not pd.api.types.is_datetime64_any_dtype(frame[name]):
            try:
                frame[name] = pd.to_datetime(frame[name], format="ISO8601")
            except (ValueError, TypeError) as error:
                raise SchemaError(f"{name}: holds values that are not timestamps ({error}).") from None
    return frame


def _snapshots(columns: Columns) -> tuple[NDArray[np.int64], pd.DatetimeIndex | None]:
    """Number of the snapshot of each row, and when each could be known: the later clock, whole seconds."""
    clocks = [columns[name].astype("datetime64[s]") for name in _CLOCKS]
    known = np.fmax(*clocks)
    if np.isnat(known).all():
        return np.zeros(len(known), dtype=np.int64), None
    moments, number = np.unique(known, return_inverse=True)
    return number, pd.DatetimeIndex(moments, tz="UTC")


def _pick(moments: pd.DatetimeIndex | None, asof: Any) -> tuple[int, pd.Timestamp | None, tuple[str, ...]]:
    """The snapshot to use, its time, and warnings; SchemaError that names the legal moments."""
    if moments is None:
        if asof is not None:
            raise SchemaError("asof: the table has no clock (updated, committed); leave asof out.")
        return 0, None, ()
    if asof is None:
        if len(moments) == 1:
            return 0, moments[0], ()
        raise SchemaError(
            f"asof: the table holds {len(moments)} snapshots, from {moments[0]} to {moments[-1]}; pass asof= "
            "(tz-aware) for the latest one at or before it."
        )
    moment = utc(asof)
    place = int(moments.searchsorted(moment.floor("s"), side="right")) - 1
    if place < 0:
        raise SchemaError(
            f"asof: received {moment}, before the first of {len(moments)} snapshots; legal: {moments[0]} or "
            "later."
        )
    age = (moment - moments[place]) / pd.Timedelta(1, "h")
    old = f"the snapshot is {age:.1f} hours older than asof; pools may have fired since."
    return place, moments[place], (old,) if age > _OLD else ()


def _unsorted(price: Array, side: NDArray[Any], rows: NDArray[np.int64]) -> list[str]:
    """Rows whose price is not above the one before on their side."""
    problems = []
    for name in SIDES:
        mine = np.flatnonzero(side == name)
        wrong = np.flatnonzero(~(np.diff(price[mine]) > 0.0))
        if wrong.size:
            a, b = mine[wrong[0]], mine[wrong[0] + 1]
            problems.append(
                f"price: {name} pools are not in ascending order (row {rows[b]} = {price[b]:,.10g} follows "
                f"row {rows[a]} = {price[a]:,.10g}); sort it by price within each side, one row a price."
            )
    return problems


def _spots(column: Array, spot: float | None) -> tuple[float, float]:
    """Price when the snapshot was made (its column's, else `spot`), and now (`spot`, else the same)."""
    values = np.unique(column[np.isfinite(column)])
    if len(values) > 1:
        raise SchemaError(
            f"spot: the snapshot holds {len(values)} spots, from {values[0]:,.10g} to {values[-1]:,.10g}; it "
            "must hold one. Are there several snapshots without a clock?"
        )
    if spot is None and not len(values):
        raise SchemaError("spot: the table has no spot; pass spot=, so that passed pools can be told.")
    now = float(values[0]) if spot is None else check_number(spot, "spot", 0.0, open_low=True)
    then = float(values[0]) if len(values) else now
    if abs(np.log(now / then)) > np.log(1.0 + SAME_UNIT):
        raise SchemaError(
            f"spot: received {now:,.10g}, but the snapshot holds {then:,.10g}; legal: {SAME_UNIT:.0%} apart "
            "at most. Is it in another unit, or of another time?"
        )
    return then, now


def _open(source: Any, name: str | None) -> tuple[pd.DataFrame, str]:
    if not (name is None or isinstance(name, str)):
        raise SchemaError(f"name: received {type(name).__name__}; legal: text, the name of the source.")
    source = as_pandas(source, "source")
    if isinstance(source, pd.DataFrame):
        return source.reset_index(drop=True), name or "a table"
    path = os.fspath(source) if isinstance(source, str | os.PathLike) else None
    if path is None:
        raise SchemaError(f"source: received {type(source).__name__}; legal: a path or a DataFrame.")
    label = os.path.basename(path)
    try:
        return pd.read_csv(io.BytesIO(file_bytes(path)[1])), name or label
    except ReaderError:
        raise
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, OSError) as error:
        raise ReaderError(f"{label}: is not a table of comma-separated values ({error}).") from None


def read(
    source: str | os.PathLike[str] | pd.DataFrame,
    *,
    asof: Any = None,
    spot: float | None = None,
    columns: Mapping[str, str] | None = None,
    width: float | None = None,
    name: str | None = None,
    currency: str = "USD",
) -> Liquidations:
    """Read liquidation pools by price from a file or a DataFrame.

    A map of liquidation prices says at which price positions would be liquidated as they stand. When a pool
    is missing from the next snapshot, the map does not tell whether it was liquidated, closed or given more
    margin.

    Parameters
    ----------
    source : path or DataFrame
        Columns price, value (or value_usd) and side ("long" or "short"), and, where it has them, spot, low
        and high (ends of bins), updated and committed (clocks, with a time zone). Prices ascend within a
        side. Other columns are left alone.
    asof : timestamp, optional
        Takes the latest snapshot whose two clocks are both at or before it, to the whole second: no
        look-ahead. Needed where the table holds several.
    spot : float, optional
        Price now [currency]; default: the table's. Long pools above it and short pools below it have been
        passed: they are excluded and counted. Of a bin around the table's spot all the value is ahead of it,
        so the bin ends there; what price has passed since is cut off evenly in ln S.
    columns : mapping, optional
        Names in the table by the names above.
    width : float, optional
        Width of a bin around its price [currency]. Default: the table's low and high; else, where all prices
        stand in the middles of equal cells counted from spot, those cells; else ends half way (in ln S) to
        the neighbours of the same side. `summary()` says which.
    name : str, optional
        Name of the source; default: the file's.
    currency : str
        Currency of prices and values.

    Returns
    -------
    Liquidations

    Raises
    ------
    ReaderError
        For a file that cannot be read.
    SchemaError
        With every problem of the table: columns, order, negative values, sides, clocks, spot.

    See Also
    --------
    pool : One pool of liquidations between two prices, or several.
    from_leverage : Pools from open interest, its entry prices and its leverages, on a grid in ln S.

    Examples
    --------
    >>> import gammaflow as gf
    >>> import pandas as pd
    >>> table = pd.DataFrame({"price": [60e3, 61e3, 75e3], "value": [2e6, 3e6, 1e6], "side": "long"})
    >>> pools = gf.liquidations.read(table, spot=73_300.0, name="made up")
    >>> print(pools)
    Liquidations: 2 long pools of 5.0 USD m, 0 short pools of 0.0 USD
    sign: flow < 0 sells; longs are sold as price falls, shorts bought back as it rises; each fires once
    source: made up, spot 73,300
      ends of bins half way (in ln S) to their neighbours of the same side
      excluded: 1 row of 1m: long pools above spot, already passed
    """
    frame, label = _open(source, name)
    table = validate(_times(_named(frame, columns)), COLUMNS, "liquidation table")
    if not len(table["price"]):
        raise SchemaError("liquidation table: received no rows; at least one is needed.")
    number, moments = _snapshots(table)
    place, moment, warnings = _pick(moments, asof)
    chosen = np.flatnonzero(number == place)
    checks: list[Callable[[], Any]] = [lambda: _spots(table["spot"][chosen], spot)]
    if width is not None:
        checks.append(lambda: check_number(width, "width", 0.0, open_low=True))
    (spots, *widths), problems = attempt(*checks)
    price, value, side = (table[n][chosen] for n in ("price", "value", "side"))
    problems += _unsorted(price, side, chosen)
    refuse("liquidation table", problems)
    then, now = spots
    low, high = (table[n][chosen] for n in ("low", "high"))
    bins, problems = bins_of(price, side, low, high, chosen, then, *(widths or [None]))
    refuse("liquidation table", problems)
    low, high, ahead, excluded = ahead_of(then, bins, price, side, value)
    longs = side[ahead] == "long"
    low, high, value, fired = passed_since(then, now, low[ahead], high[ahead], value[ahead], longs)
    far = (high < 0.1 * now) | (low > 10.0 * now)
    if far.any():
        warnings += (f"{far.sum()} pools are ten times away from spot {price_text(now)}; are units right?",)
    left = low < high
    sign = np.where(longs, SIDES["long"], SIDES["short"])
    origin = Origin(label, now, moment, (bins.note,), excluded + fired, warnings)
    return Liquidations(low[left], high[left], value[left], sign[left], (origin,), currency)
