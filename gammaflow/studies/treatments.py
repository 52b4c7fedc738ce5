"""Treatments of a chain's data that tools disagree on: day counts, and gamma as the vendor publishes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import DAYS_PER_YEAR, NEW_YORK
from gammaflow.market.chain import Chain
from gammaflow.units import cash, money

__all__ = ["DAY_COUNTS", "business_days", "calendar_days", "expiry_days", "midnight", "today", "vendor_gamma"]

Moments = NDArray[np.datetime64]


def expiry_days(chain: Chain) -> Moments:
    """The calendar day of each expiry at its venue (New York where it settles AM or PM, else UTC), (n,)."""
    moments = pd.DatetimeIndex(chain["expiry"], tz="UTC")
    local = moments.tz_convert(NEW_YORK).tz_localize(None)
    return np.where(chain.in_new_york, local.to_numpy(), chain["expiry"]).astype("datetime64[D]")


def today(chain: Chain) -> Moments:
    """The calendar day of `asof`: New York's where any row settles AM or PM, else UTC's."""
    local = chain.asof.tz_convert(NEW_YORK) if chain.in_new_york.any() else chain.asof
    return np.asarray(local.tz_localize(None).to_datetime64(), dtype="datetime64[D]")


def midnight(chain: Chain) -> Moments:
    """Expiries at 00:00 UTC of their calendar day, as dates without a time of day are often read, (n,)."""
    return expiry_days(chain).astype("datetime64[ns]")


def business_days(chain: Chain, per_year: float) -> Moments:
    """Expiries that lie weekdays / `per_year` years ahead of asof, (n,).

    One day where the dates are the same, expired or not; earlier days stay expired.
    """
    return _counted(chain, np.busday_count(today(chain), expiry_days(chain)), per_year)


def calendar_days(chain: Chain) -> Moments:
    """Expiries that lie whole calendar days / 365 years ahead of asof, (n,); same days as `business_days`."""
    return _counted(chain, (expiry_days(chain) - today(chain)).astype(np.int64), DAYS_PER_YEAR)


def _counted(chain: Chain, ahead: NDArray[np.int64], per_year: float) -> Moments:
    days, first = expiry_days(chain), today(chain)
    # A later day that no weekday separates from today's counts as one, as today's does.
    counted = np.where(days >= first, np.maximum(ahead, 1), -1)
    return _ahead(chain, counted / per_year)


def _ahead(chain: Chain, years: NDArray[np.float64]) -> Moments:
    moment = chain.asof.tz_localize(None).to_datetime64()
    return np.asarray(moment + np.rint(years * DAYS_PER_YEAR * 86_400e9).astype("timedelta64[ns]"))


#: Expiry of each row, as each way of counting time places it after `asof`, by name.
DAY_COUNTS: Mapping[str, Callable[[Chain], Moments]] = MappingProxyType(
    {
        "exact": lambda chain: chain["expiry"],
        "business_252": lambda chain: business_days(chain, 252.0),
        "business_262": lambda chain: business_days(chain, 262.0),
        "whole_days": calendar_days,
        "midnight": midnight,
    }
)


def vendor_gamma(chain: Chain) -> NDArray[np.float64]:
    """Gamma of one contract long by the vendor's greek [currency per +1 % spot], (n,); NaN where missing."""
    return money(cash({"gamma": chain["multiplier"] * chain["vendor_gamma"]}, chain.spot))["gamma"]
