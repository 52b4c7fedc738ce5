"""Prices of a future and of spot at one clock, the expiry of each day, and what carry can explain."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import attempt
from gammaflow.errors import SchemaError
from gammaflow.evidence.clocks import Clock, read_at, read_clock
from gammaflow.series import read_days, read_moments, stamp_of
from gammaflow.text import price_text, rows_text, value_text
from gammaflow.units import DAYS_PER_YEAR

__all__ = [
    "LAST_TRADE",
    "Beyond",
    "beyond_carry",
    "read_age",
    "read_expiries",
    "read_spot",
    "refuse_beyond",
    "within_text",
    "years_left",
]

# ln(futures / spot) beyond which the two are no prices of one thing: their ratio says more than a rate.
_APART = 0.5

#: Last trade of Chicago's bitcoin futures on the day of their expiry.
LAST_TRADE = "16:00 London"


class Beyond(NamedTuple):
    """Rows whose premium no yearly rate of the legal range explains.

    Attributes
    ----------
    rows : (n,) bool array
    premium : (n,) array
        Log premium ln(futures / spot) [-].
    rate : (n,) array
        Its yearly rate [1/year].
    """

    rows: NDArray[np.bool_]
    premium: NDArray[np.float64]
    rate: NDArray[np.float64]


def beyond_carry(table: pd.DataFrame, limit: float, margin: float) -> Beyond:
    """Rows where |ln(futures / spot)| exceeds `limit` a year over the time left, plus `margin` of price.

    The margin lets small differences of price stand near the expiry, where they are enormous rates.

    Parameters
    ----------
    table : DataFrame
        Columns futures, spot [currency], years [years].
    limit : float
        Largest plausible yearly rate either way [1/year].
    margin : float
        Difference of price that is plausible at any time to expiry [-].

    Examples
    --------
    >>> prices = {"futures": [76_680.0, 72_795.0], "spot": [76_476.0, 76_904.5]}
    >>> days = pd.DataFrame({**prices, "years": 23 / 365})
    >>> beyond_carry(days, 0.6, 0.01).rows.tolist()
    [False, True]
    """
    futures, spot, years = (np.asarray(table[name], np.float64) for name in ("futures", "spot", "years"))
    size = np.log(futures / spot)
    with np.errstate(divide="ignore"):
        rate = size / years
    return Beyond(np.abs(size) > limit * np.maximum(years, 0.0) + margin, size, rate)


def within_text(limit: float, margin: float) -> str:
    """Legal range of a premium in words.

    Examples
    --------
    >>> within_text(0.6, 0.01)
    '60 % a year either way over the time left, plus 1 % of price'
    """
    return f"{100 * limit:g} % a year either way over the time left, plus {100 * margin:g} % of price"


def refuse_beyond(
    table: pd.DataFrame, limit: float, margin: float, problems: list[str], form: str = "%Y-%m-%d"
) -> None:
    """A problem where futures and spot of a table (with years) are further apart than carry explains."""
    found = beyond_carry(table, limit, margin)
    if not found.rows.any():
        return
    row = int(np.flatnonzero(found.rows)[0])
    first, premium = table.iloc[row], float(found.premium[row])
    apart = (
        f"{100 * premium:+.1f} %, a rate of {100 * found.rate[row]:+,.0f} % a year with "
        f"{DAYS_PER_YEAR * first['years']:.1f} days left"
        if abs(premium) < _APART
        else f"{np.exp(premium):,.4g} times it"
    )
    problems.append(
        f"futures, spot: {int(found.rows.sum()):,} of {rows_text(len(table))} further apart than carry "
        f"explains (first: {table.index[row]:{form}}, futures {price_text(first['futures'])} against spot "
        f"{price_text(first['spot'])}, {apart}); legal: {within_text(limit, margin)}. "
        "Check the unit and the clock of spot and the expiry (basis.check says which), or widen limit= and "
        "margin=."
    )


def read_age(within: Any) -> pd.Timedelta:
    """Greatest age of a price, >= 0; SchemaError for anything else.

    Examples
    --------
    >>> read_age("1h")
    Timedelta('0 days 01:00:00')
    """
    try:
        age = pd.Timedelta(within)
    except (ValueError, TypeError, OverflowError):
        age = pd.Timedelta(-1, "s")
    if not age >= pd.Timedelta(0):
        raise SchemaError(f"within: received {value_text(within)}; legal: a time span >= 0 such as '1h'.")
    return age


_EXPIRY = "legal: a date such as '2026-02-27', or a Series of them by day"


def read_expiries(expiry: Any, index: pd.DatetimeIndex, problems: list[str]) -> pd.DatetimeIndex:
    """Expiry dates, midnight without a zone, one per row of `index`; NaT where there is a problem."""
    try:
        return _expiry_dates(_expiry_labels(expiry, index))
    except SchemaError as error:
        problems.append(str(error))
        return pd.DatetimeIndex(np.full(len(index), np.datetime64("NaT", "ns")))


def _expiry_labels(expiry: Any, index: pd.DatetimeIndex) -> list[Any]:
    """Labels of expiry as they were given, one per row of `index`; SchemaError where a row has none."""
    if expiry is None:
        raise SchemaError(f"expiry: received none; {_EXPIRY}.")
    if not isinstance(expiry, pd.Series):
        return [expiry] * len(index)
    at = expiry.index
    if not isinstance(at, pd.DatetimeIndex):
        try:
            at = pd.DatetimeIndex([pd.Timestamp(label) for label in at])
        except (ValueError, TypeError, OverflowError):
            raise SchemaError(
                f"expiry: received an index with {value_text(expiry.index[0])}; {_EXPIRY}."
            ) from None
    if at.has_duplicates:
        raise SchemaError(
            f"expiry: {rows_text(int(at.duplicated().sum()))} repeated (first: "
            f"{at[at.duplicated()][0]}); each day has one expiry."
        )
    if (at.tz is None) != (index.tz is None):
        raise SchemaError("expiry: received another kind of index than futures has; index both alike.")
    values = expiry.set_axis(at if at.tz is None else at.tz_convert("UTC")).reindex(index)
    absent = values.isna().to_numpy()
    if absent.any():
        raise SchemaError(
            f"expiry: {int(absent.sum()):,} of {rows_text(len(index), 'day')} of futures have none (first: "
            f"{index[absent][0]}); {_EXPIRY} of futures."
        )
    return list(values)


def _expiry_dates(labels: list[Any]) -> pd.DatetimeIndex:
    """Dates that labels of expiry mean; SchemaError where one is no date."""
    if any(isinstance(label, bool | int | float | np.number) for label in labels[:1]):
        raise SchemaError(f"expiry: received {value_text(labels[0])}; {_EXPIRY}.")
    try:
        known = {label: stamp_of(label) for label in dict.fromkeys(labels)}
        days = pd.DatetimeIndex([known[label] for label in labels]).as_unit("ns")
    except (ValueError, TypeError, OverflowError):
        raise SchemaError(f"expiry: received {value_text(labels[0])}; {_EXPIRY}.") from None
    if days.tz is not None or days.hasnans or (days != days.normalize()).any():
        raise SchemaError(
            f"expiry: received {days[0]}; {_EXPIRY}, without a time of day and a zone (last_trade= has them)."
        )
    return days


def read_spot(
    spot: Any, spot_clock: Any, index: pd.DatetimeIndex, clock: Clock | None, within: Any,
    problems: list[str], name: str = "spot",
) -> NDArray[np.float64]:  # fmt: skip
    """Spot at each row of `index`: read at the clock from timestamps, or from days whose clock is the same.

    NaN where there is a problem.
    """
    none = np.full(len(index), np.nan)
    by_moment = isinstance(spot, pd.Series) and _has_zone(spot.index)
    known = len(problems)
    if by_moment:
        series = read_moments(spot, name, problems, low=0.0, open_low=True, gaps=True)
        if len(problems) > known or (clock is None and index.tz is None):
            return none
        moments = index if index.tz is not None or clock is None else clock.on(index)
        found = read_at(series, moments, within).to_numpy()
        wanted = moments.strftime("%Y-%m-%d %H:%M UTC")
    else:
        series = read_days(spot, name, problems, low=0.0, open_low=True, gaps=True)
        if len(problems) > known:
            return none
        if index.tz is not None:
            problems.append(f"{name}: received days, while futures are by timestamp; index both alike.")
            return none
        _same_clock(spot_clock, index, clock, problems, name)
        found = series.reindex(index).to_numpy()
        wanted = index.strftime("%Y-%m-%d")
    absent = np.isnan(found)
    if absent.any():
        problems.append(
            f"{name}: no price at {int(absent.sum()):,} of {rows_text(len(index), 'day')} of futures (first: "
            f"{wanted[absent][0]}; {name} from {series.index[0]:%Y-%m-%d} to {series.index[-1]:%Y-%m-%d}); "
            "pass the days that both have, or an age in within= such as '1h'."
        )
    return np.asarray(found, np.float64)


def _has_zone(index: pd.Index) -> bool:
    """True for timestamps with a zone, or text that has a time of day."""
    if isinstance(index, pd.DatetimeIndex):
        return index.tz is not None or bool((index != index.normalize()).any())
    return bool(len(index)) and all(isinstance(label, str) and ":" in label for label in index)


def _same_clock(
    spot_clock: Any, index: pd.DatetimeIndex, clock: Clock | None, problems: list[str], name: str
) -> None:
    """A problem unless daily spot was read at the moments at which futures were."""
    if clock is None:
        return
    (own,), found = attempt(lambda: read_clock(spot_clock, f"{name}_clock"))
    problems += found
    if own is None:
        return
    apart = own.on(index) - clock.on(index)
    differ = np.asarray(apart != pd.Timedelta(0))
    if differ.any():
        hours = apart[differ][0] / pd.Timedelta(1, "h")
        problems.append(
            f"{name}_clock, clock: received {own} for {name} and {clock} for futures, {hours:+g} hours apart "
            f"on {index[differ][0]:%Y-%m-%d}; both must be read at one moment. Pass hourly {name}, which is "
            "read at the clock."
        )


def years_left(
    index: pd.DatetimeIndex, expiries: pd.DatetimeIndex, clock: Clock | None, last_trade: Clock | None
) -> NDArray[np.float64]:
    """Years to expiry: to the moment of the last trade, or in calendar days to the date; over 365."""
    if last_trade is None:
        days = index if index.tz is None else index.tz_localize(None).normalize()
        return np.asarray((expiries - days) / pd.Timedelta(1, "D"), np.float64) / DAYS_PER_YEAR
    moments = clock.on(index) if index.tz is None and clock is not None else index
    left = (last_trade.on(expiries) - moments) / pd.Timedelta(1, "D")
    return np.asarray(left, np.float64) / DAYS_PER_YEAR
