"""Claims about who holds the fund, and about rivals of the story."""

from __future__ import annotations

from gammaflow.evidence import holders, rivals
from gammaflow.studies.event.claim import Finding, Range, claims_of, exactly, span
from gammaflow.studies.event.records import BEFORE, DAY, AbsentError, Records, on

__all__ = ["CLAIMS"]

_claim = claims_of("holders and rival stories")
#: Assets of the fund on 4 February [USD]; external.
_ASSETS = 56.21e9
_LONG = ("long calls", "long puts")


@_claim(
    "Hedge funds hold half or more of institutions' third of the fund", "hedge funds' share of the fund [-]",
    "a sixth or more", Range(1.0 / 6.0, 1.0 / 3.0), "{:.1%}",
)  # fmt: skip
def hedge_funds(records: Records) -> Finding:
    """Hedge funds' share of the fund, which takes reports of holdings."""
    model = holders.decompose(_ASSETS, cut=0.25).table["middle"]
    size = (
        f"of ${_ASSETS / 1e9:.2f}bn (external) a sixth is {model['hedge funds'] / 1e9:.2f} $bn, a quarter "
        f"{model['cut of hedge funds'] / 1e9:.2f}"
    )
    try:
        table = records.holders()
    except AbsentError as absent:
        raise AbsentError(str(absent), size) from None
    earlier = table[table.index < DAY]
    if earlier.empty:
        raise AbsentError(f"{records.source('holders')} has no report before {DAY}", size)
    last = earlier.iloc[-1]
    return Finding(
        exactly(float(last["institutional"] * last["hedge_funds"])), records.source("holders"), size
    )


@_claim(
    "Holders of long options cannot accelerate a fall",
    "part of dealers' hedging that goes with the fall [-]",
    "none", Range(0.0, 0.0), "{:.0%}",
)  # fmt: skip
def long_options(records: Records) -> Finding:
    """Dealers' hedging against customers' long options along the recorded fall."""
    closes, vols = records.daily("IBIT")["Close"], records.one_call()["implied_volatility"]
    before, after = (float(on(closes, day, "IBIT")) for day in (BEFORE, DAY))
    books = rivals.books(
        [*_LONG, "short puts"], spot=before, sigma=float(on(vols, BEFORE, "one call")), symbol="IBIT"
    )
    table = rivals.dealer_flow(books, [before, after]).table
    part = table["accelerating"] / (table["accelerating"] + table["dampening"])
    return Finding(
        span(part[list(_LONG)]),
        f"{records.source('IBIT', 'one call')}: {before:.2f} to {after:.2f}",
        f"against customers' short puts dealers trade {part['short puts']:.0%} with the fall: they buy",
        "A holder's own margin is another matter.",
    )


CLAIMS = (hedge_funds, long_options)
