"""Expiries and strikes that the synthetic market lists at a time."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["DAILY", "MONTHLY", "QUARTERLY", "WEEKLY", "Listing", "live", "strike_step", "strikes_around"]

_HOUR = pd.Timedelta(hours=8)
_FRIDAY = 4
#: Days before its end on which an expiry is listed: daily, weekly, monthly and quarterly ones.
DAILY, WEEKLY, MONTHLY, QUARTERLY = 3, 28, 92, 366


class Listing(NamedTuple):
    """An expiry at 08:00 UTC, and the number of days before it on which it was listed."""

    expiry: pd.Timestamp
    days: int


@lru_cache(maxsize=1024)
def _on(day: pd.Timestamp) -> tuple[Listing, ...]:
    """Expiries listed on a day at 00:00 UTC or before, and not expired on the day before."""
    days = pd.date_range(day, periods=QUARTERLY + 2, freq="D")
    friday = days.day_of_week == _FRIDAY
    last = friday & ((days + pd.Timedelta(days=7)).month != days.month)
    quarterly = last & (days.month % 3 == 0)
    ahead = np.select([quarterly, last, friday], [QUARTERLY, MONTHLY, WEEKLY], default=DAILY)
    stamps = list(days)
    listed = np.flatnonzero(np.arange(len(days)) <= ahead)
    return tuple(Listing(stamps[i] + _HOUR, int(ahead[i])) for i in listed)


def live(asof: pd.Timestamp) -> tuple[Listing, ...]:
    """Expiries that trade at a time, the next first: daily, weekly, monthly and quarterly, as on Deribit.

    Examples
    --------
    >>> expiries = live(pd.Timestamp("2026-02-05T09:36Z"))
    >>> len(expiries), f"{expiries[0].expiry:%d %b %H:%M}", f"{expiries[-1].expiry:%d %b %Y}"
    (11, '06 Feb 08:00', '25 Dec 2026')
    """
    horizon = [each for each in _on(asof.normalize()) if each.expiry > asof]
    return tuple(each for each in horizon if each.expiry - asof <= pd.Timedelta(days=each.days))


def strike_step(spot: float, days: int, count: int) -> float:
    """Distance of strikes, 1, 2, 2.5 or 5 times a power of ten: `count` of them span an expiry's range.

    Parameters
    ----------
    spot : float
        Spot on the day of the listing [currency].
    days : int
        Days from the listing to the expiry.
    count : int
        Number of strikes.

    Examples
    --------
    >>> strike_step(71_470.0, 28, 80), strike_step(71_470.0, 366, 80)
    (500.0, 1000.0)
    """
    reach = min(0.8, 0.12 + 1.1 * np.sqrt(days / 365.0))
    wanted = 2.0 * reach * spot / count
    power = 10.0 ** np.floor(np.log10(wanted))
    return float(power * max(nice for nice in (1.0, 2.0, 2.5, 5.0) if nice * power <= wanted * (1.0 + 1e-9)))


def strikes_around(spot: float, step: float, count: int) -> NDArray[np.int64]:
    """Places k of the `count` strikes k x step around spot, two fifths of them below it; at least 1."""
    first = max(1, round(spot / step) - int(0.4 * count))
    return np.arange(first, first + count, dtype=np.int64)
