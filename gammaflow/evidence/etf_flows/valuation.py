"""Net asset value of a share of a coin fund by day, estimated from hourly prices of the coin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.calendars import sessions
from gammaflow.checks import attempt, check_noun, refuse
from gammaflow.errors import SchemaError
from gammaflow.evidence.clocks import NEW_YORK_CLOSE, read_clock
from gammaflow.positions.venues import IBIT, UnitMap
from gammaflow.series import read_moments

__all__ = ["net_asset_values"]

_PRICES = ("open", "high", "low", "close")
_HOUR = pd.Timedelta(1, "h")


def net_asset_values(bars: pd.DataFrame, per_share: UnitMap = IBIT) -> pd.Series:
    """Net asset value of a fund's share by day: coins per share times the coin's mean price before 16:00.

    A fund that holds coins is valued at a reference rate, which averages trades of the hour before 16:00 New
    York, while its close is the last trade of the share. On a calm day the two differ by the fund's premium,
    some hundredths of a percent; when the coin moves within that hour, by that move as well. The mean of an
    hourly bar's open, high, low and close stands for the hour: on 6 February 2026 it gives 39.94 for IBIT,
    which published 39.93 and closed at 39.68. Where you have the published value, use that.

    Parameters
    ----------
    bars : DataFrame
        Columns `open`, `high`, `low`, `close` [currency per coin], > 0; indexed by the opening of each hour,
        ascending timestamps with a time zone.
    per_share : UnitMap
        Coins per share; those of IBIT by default.

    Returns
    -------
    Series
        By trading day of New York, named "nav" [currency per share]; NaN where the bar of that hour is
        missing.

    Raises
    ------
    SchemaError
        With every problem: a column that is missing or no price, an open or close outside low to high, times
        without a zone, no hour that begins at 15:00 New York on a trading day.

    See Also
    --------
    label_day : which day a flow's label means, from whole baskets at these values.
    gammaflow.venues.UnitMap : coins per share, by date.

    Notes
    -----
    CME CF Bitcoin Reference Rate, New York variant (BRRNY): twelve volume-weighted medians of five minutes
    from 15:00 to 16:00 New York, equally weighted. Hourly bars have no medians, so their mean is an estimate.

    Examples
    --------
    >>> hours = pd.date_range("2026-02-05T20:00Z", periods=2, freq="h")
    >>> bars = pd.DataFrame({"open": [65e3, 64e3], "high": 65e3, "low": 63e3, "close": [64e3, 63e3]}, hours)
    >>> net_asset_values(bars).round(2).to_dict()
    {Timestamp('2026-02-05 00:00:00'): 36.44}
    """
    _, problems = attempt(lambda: check_noun(per_share, "per_share", UnitMap))
    table = _read(bars, problems)
    refuse("net asset values", problems)
    wrong = table["low"] > table[["open", "close", "high"]].min(axis=1)
    wrong |= table["high"] < table[["open", "close"]].max(axis=1)
    if wrong.any():
        raise SchemaError(
            f"bars: {int(wrong.sum())} of {len(table)} rows have an open or a close outside "
            f"low to high (first: {table.index[int(np.argmax(wrong))]:%Y-%m-%d %H:%M} UTC). Correct the "
            "rows, or the names of the columns."
        )
    days = sessions("XNYS", table.index[0] - pd.Timedelta(1, "D"), table.index[-1] + pd.Timedelta(1, "D"))
    days = days.tz_convert("America/New_York").tz_localize(None).normalize()
    ends = read_clock(NEW_YORK_CLOSE).on(days)
    inside = (ends - _HOUR >= table.index[0]) & (ends - _HOUR <= table.index[-1])
    days, ends = days[inside], ends[inside]
    hours = table.reindex(ends - _HOUR)
    if hours.isna().any(axis=1).all():
        raise SchemaError(
            "bars: no whole row begins at 15:00 New York on a trading day; pass hourly bars, labelled by the "
            "opening of the hour."
        )
    coins: list[Any] = [per_share.at(end) for end in ends]
    return pd.Series(
        hours.mean(axis=1, skipna=False).to_numpy() * np.array(coins), days.rename("day"), name="nav"
    )


def _read(bars: Any, problems: list[str]) -> pd.DataFrame:
    """The prices of the bars by timestamp in UTC; every problem is added to `problems`."""
    if not isinstance(bars, pd.DataFrame):
        legal = f"a DataFrame with the columns {', '.join(_PRICES)}"
        problems.append(f"bars: received {type(bars).__name__}; legal: {legal}.")
        return pd.DataFrame()
    problems += [
        f"bars: no column {name!r}; add it [currency per coin]." for name in _PRICES if name not in bars
    ]
    limits: dict[str, Any] = {"low": 0.0, "open_low": True, "least": 1, "gaps": True, "missing": True}
    found = [name for name in _PRICES if name in bars]
    return pd.DataFrame(
        {name: read_moments(bars[name], f"bars[{name!r}]", problems, **limits) for name in found}
    )
