"""Claims about leverage: liquidations, and holders on margin."""

from __future__ import annotations

from itertools import pairwise
from math import inf, isnan

import pandas as pd

from gammaflow.studies.event.claim import BELOW_0, Finding, Range, claims_of, exactly
from gammaflow.studies.event.records import AbsentError, Records, at

__all__ = ["CLAIMS"]

_claim = claims_of("leverage")
_FIRST, _LAST = pd.Timestamp("2026-02-04T20:00Z"), pd.Timestamp("2026-02-06T08:00Z")


@_claim(
    "More than $2.6bn was liquidated within 24 hours", "all venues, the worst 24 hours [$bn]",
    "above 2.6", Range(2.6, inf), "{:.2f}",
)  # fmt: skip
def liquidated(records: Records) -> Finding:
    """Liquidations of a day: one venue bounds those of all from below."""
    bars = records.liquidations().sum(axis=1)
    at(bars, "2026-02-05T00:00", "liquidations")
    days = bars.rolling("24h").sum()[
        pd.Timestamp("2026-02-05", tz="UTC") : pd.Timestamp("2026-02-07", tz="UTC")
    ]
    most = float(days.max()) / 1e9
    return Finding(
        Range(most, inf),
        f"{records.source('liquidations')}: {most:.3f} in the 24 hours to "
        f"{pd.Timestamp(str(days.idxmax())) + pd.Timedelta(4, 'h'):%d %b %H:%M}",
        f"this venue would hold {most / 2.6:.0%} of what the claim needs",
        "One venue is a lower bound of all of them.",
    )


@_claim(
    "Most leveraged longs that vanished were liquidated",
    "part of the fall of the long book that stood where the price came [-]",
    "forced sales", Range(0.5, 1.0), "{:.0%}",
)  # fmt: skip
def longs_liquidated(records: Records) -> Finding:
    """Long positions that the price reached, of those that vanished; they may have been closed before."""
    longs = records.liquidation_map().query("side == 'long'")
    longs = longs[(longs["updated"] >= _FIRST) & (longs["updated"] <= _LAST)]
    books = [book for _, book in longs.groupby("updated")]
    if len(books) < 2:
        raise AbsentError(
            f"{records.source('liquidation map')} has {len(books)} snapshots of 5 February; two are needed"
        )
    lows = records.hours()["low"]
    reached = 0.0
    for book, later in pairwise(books):
        start, end = book["updated"].iloc[0].floor("h"), later["updated"].iloc[0]
        lowest = float(lows[start:end].min())
        if isnan(lowest):
            raise AbsentError(f"{records.source('hours')} has no price from {start:%d %b %H:%M}")
        reached += float(book.loc[book["price"] >= lowest, "value_usd"].sum())
    first, last = (float(book["value_usd"].sum()) for book in (books[0], books[-1]))
    found = Range(0.0, min(reached / (first - last), 1.0)) if first > last else exactly(0.0)
    return Finding(
        found,
        f"{records.source('liquidation map', 'hours')}: longs {first / 1e6:,.1f} to {last / 1e6:,.1f} $m, "
        f"{books[0]['updated'].iloc[0]:%d %b %H:%M} to {books[-1]['updated'].iloc[0]:%d %b %H:%M}",
        f"at most {reached / 1e6:,.1f} $m stood where the price came",
        "A map of prices cannot say liquidated, closed or given more margin.",
    )


@_claim(
    "Leveraged holders of spot were forced to sell",
    "margin longs of Bitfinex, 5 Feb 00:00 to 7 Feb 00:00 UTC [coins]",
    "sold", BELOW_0, "{:+,.0f}",
)  # fmt: skip
def margin_sold(records: Records) -> Finding:
    """Margin longs in coins across the fall."""
    longs = records.margin()["longs_btc"]
    before, after = (
        float(at(longs, moment, "margin")) for moment in ("2026-02-05T00:00", "2026-02-07T00:00")
    )
    return Finding(
        exactly(after - before),
        f"{records.source('margin')}: {before:,.1f} to {after:,.1f}",
        note="One venue.",
    )


CLAIMS = (liquidated, longs_liquidated, margin_sold)
