"""Claims about price: the fall, the rebound, the low, the odds of such days."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gammaflow.evidence import tails
from gammaflow.positions import venues
from gammaflow.studies.event.claim import Finding, Range, about, claims_of, exactly
from gammaflow.studies.event.records import AFTER, BEFORE, DAY, AbsentError, Records, on

__all__ = ["CLAIMS"]

_claim = claims_of("price")


@_claim(
    "The fund fell 13.2 % on 5 February",
    "IBIT close to close [%]",
    "-13.2 %",
    about(-13.2, 0.05),
    "{:+.2f} %",
)
def fall(records: Records) -> Finding:
    """The fund's fall on 5 February."""
    closes = records.daily("IBIT")["Close"]
    before, after = (float(on(closes, day, "IBIT")) for day in (BEFORE, DAY))
    return Finding(
        exactly(100.0 * (after / before - 1.0)),
        f"{records.source('IBIT')}: {before:.2f} to {after:.2f}",
        f"log return {np.log(after / before):+.4f}; the way back takes {before / after - 1.0:+.1%}",
    )


@_claim(
    "The price rebounded by 10 % on 6 February",
    "IBIT close to close [%]",
    "+10 %",
    about(10.0, 0.5),
    "{:+.2f} %",
)
def rebound(records: Records) -> Finding:
    """The fund's rebound on 6 February."""
    closes = records.daily("IBIT")["Close"]
    start, before, after = (float(on(closes, day, "IBIT")) for day in (BEFORE, DAY, AFTER))
    return Finding(
        exactly(100.0 * (after / before - 1.0)),
        f"{records.source('IBIT')}: {before:.2f} to {after:.2f}",
        f"full recovery takes {start / before - 1.0:+.1%}",
        f"Both days together: {after / start - 1.0:+.1%}.",
    )


@_claim(
    "Bitcoin fell to near $60,000", "lowest price of 5 and 6 February [USD]", "near 60,000",
    about(60_000.0, 500.0), "{:,.0f}",
)  # fmt: skip
def low(records: Records) -> Finding:
    """The low of bitcoin."""
    hours = records.hours()["low"]
    days = pd.DatetimeIndex(hours.index).tz_localize(None).normalize()
    week = hours[(days >= pd.Timestamp(DAY)) & (days <= pd.Timestamp(AFTER))]
    if len(week) < 48:
        raise AbsentError(f"{records.source('hours')} has {len(week)} of the 48 hours of 5 and 6 February")
    return Finding(
        exactly(float(week.min())),
        f"{records.source('hours')}: the hour from {week.idxmin():%d %b %H:%M}",
        f"60,000 a coin is {venues.IBIT.price(60_000.0):.2f} a share of IBIT",
    )


@_claim(
    "A day of 3.5 standard deviations is ten times rarer than one of 3", "ratio of the probabilities [-]",
    "10 times (0.05 % and 0.27 %)", Range(9.0, 11.0), "{:.2f}",
)  # fmt: skip
def rarity(records: Records) -> Finding:
    """The odds of a day of 3.5 standard deviations."""
    from scipy.stats import norm

    needed = float(norm.isf(norm.sf(3.0) / 10.0))
    return Finding(
        exactly(float(tails.ratio(3.5, 3.0))),
        f"no file: normal, both sides, {tails.probability(3.5):.4%} and {tails.probability(3.0):.4%}",
        f"ten times takes {needed:.2f} standard deviations",
        f"One side over both sides gives {float(tails.ratio(3.5, 3.0, 'one', 'two')):.1f}, a mistake.",
    )


CLAIMS = (fall, rebound, low, rarity)
