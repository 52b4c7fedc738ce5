"""Rate, yield and forward of each expiry, from those of the expiries that put-call parity determines."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import DAYS_PER_YEAR
from gammaflow.market.chain import Chain
from gammaflow.market.repair.gaps import sound

__all__ = ["filled_forwards", "flat_before", "implied_spot", "interpolated_rates", "yield_text"]

Array = NDArray[np.float64]

# Years to expiry from which parity determines a yield, and from which it does where no expiry is longer.
_FAR, _LEAST_YEARS = 0.25, 1.0 / 12.0


def interpolated_rates(table: pd.DataFrame, default: float, text: str) -> tuple[Array, str]:
    """Rate of each expiry, and its source: parity, interpolated where parity gives none; or the default."""
    known = (table["rate_source"] == "parity").to_numpy()
    if not known.any():
        return np.full(len(table), default), text
    t, own = table["years"].to_numpy(), table["rate"].to_numpy()
    others = "" if known.all() else "; interpolated on the others"
    return np.interp(t, t[known], own[known]), (
        f"put-call parity of the chain's quotes on {known.sum()} of {len(table)} expiries{others}"
    )


def implied_spot(table: pd.DataFrame) -> float:
    """Spot implied by the next expiry with a forward [currency], assuming no dividend before it."""
    first = table[sound(table)].iloc[0]
    return float(first["forward"] * np.exp(-first["rate"] * first["years"]))


def filled_forwards(table: pd.DataFrame, spot: float, base: float, futures: bool) -> Array:
    """Forward of each expiry on `spot`, interpolated where quotes determine none; NaN where impossible.

    The quotes are from a time at which spot was `base`.
    """
    known, t = sound(table), table["years"].to_numpy()
    if not known.any():
        return np.full(len(table), np.nan)
    x, gap = t[known], np.log(table["forward"].to_numpy()[known] / base)
    if futures:
        return np.asarray(spot * np.exp(np.interp(t, x, gap)))
    between = np.interp(t, np.append(0.0, x), np.append(0.0, gap))
    return np.asarray(spot * np.exp(np.where(t > x[-1], gap[-1] / x[-1] * t, between)))


def flat_before(chain: Chain, table: pd.DataFrame, carry: Array, text: str) -> tuple[Array, str]:
    """Carry of rows (n,), and its source; below three months, the carry of the first expiry beyond.

    A spot that is off by 0.1 % changes the yield by 37 % a year over a day, and by 0.4 % over three months.
    Without an expiry that far away the last one decides, and none where it is within a month.
    """
    known = sound(table)
    if not known.any():
        return carry, text
    t = table["years"].to_numpy()[known]
    far = t[t >= _FAR]
    first = float(far[0]) if far.size else float(t[-1])
    if first < _LEAST_YEARS:
        return np.where(np.isnan(carry), np.nan, 0.0), (
            "0, as the chain gives none and its expiries are too short to imply one; set one with "
            "dividend_yield= or --dividend-yield"
        )
    own = carry[np.argmin(np.abs(chain.years - first))]
    earlier = chain.years < first * (1.0 - 1e-9)
    if not (earlier & ~np.isnan(carry)).any():
        return carry, text
    day = (chain.asof + pd.Timedelta(first * DAYS_PER_YEAR, "D")).strftime("%Y-%m-%d")
    return np.where(earlier & ~np.isnan(carry), own, carry), f"{text}; before {day}, that expiry's"


def yield_text(table: pd.DataFrame) -> str:
    """Source of the yields of a chain, in words."""
    known = int(sound(table).sum())
    if not known:
        return "neither the chain nor its quotes give one; set one with dividend_yield= or --dividend-yield"
    others = "" if known == len(table) else "; interpolated on the others"
    return f"put-call parity: the forward of {known} of {len(table)} expiries{others}"
