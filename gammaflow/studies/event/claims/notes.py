"""Claims about structured notes on the fund: barriers, knock-ins, and how large they are."""

from __future__ import annotations

from math import inf

import numpy as np
import pandas as pd

from gammaflow.positions import venues
from gammaflow.pricing.note.terms import NoteTerms
from gammaflow.studies.event.claim import Finding, Range, claims_of, exactly, span
from gammaflow.studies.event.records import BEFORE, DAY, Records, on
from gammaflow.studies.note_hedges import knock_in_sales, vega_matched_puts

__all__ = ["CLAIMS"]

_claim = claims_of("structured notes")
#: Barriers in the article [USD a share], the first day such notes were sold, maturities on file.
_BARRIER, _CLUSTER = 43.6, (38.0, 39.0)
_SOLD = pd.Timestamp("2025-11-03")
_DUE = ("2026-10-15", "2027-11-04", "2028-11-29")
#: Face of all public notes, and flow per 1 % of a weekly relation of price and flow [USD]; both external.
_FACE, _DEPTH = 530e6, 294e6
#: Barrier over initial, and years left of the middle note.
_LEVEL, _YEARS = 0.7, 1.75


@_claim(
    "The barrier at 43.60 was hit on 5 February", "sessions from the first price there to 5 February [-]",
    "that day: 0", Range(0.0, 0.0), "{:.0f}",
)  # fmt: skip
def barrier_day(records: Records) -> Finding:
    """The day on which the price first stood at the barrier."""
    bars = records.daily("IBIT")
    on(bars["Close"], DAY, "IBIT")
    bars = bars[(bars.index >= _SOLD) & (bars.index <= pd.Timestamp(DAY))]
    below = bars.index[bars["Low"] <= _BARRIER]
    if not len(below):
        return Finding(
            Range(-inf, -1.0), records.source("IBIT"), "", f"No price at or below {_BARRIER} by then."
        )
    closes = bars.index[bars["Close"] <= _BARRIER]
    return Finding(
        exactly(float((bars.index > below[0]).sum())),
        f"{records.source('IBIT')}: first reached on {below[0]:%d %b}, low {bars['Low'][below[0]]:.2f}",
        f"{_BARRIER} a share is ${venues.IBIT.level(_BARRIER):,.0f} a coin",
        f"First close: {closes[0]:%d %b}. Highest price of 5 February: {bars['High'].iloc[-1]:.2f}."
        if len(closes)
        else f"Highest price of 5 February: {bars['High'].iloc[-1]:.2f}.",
    )


@_claim(
    "The barriers at 38 to 39 were crossed on 5 February", "part first crossed that day [-]",
    "all of it", Range(1.0, 1.0), "{:.0%}",
)  # fmt: skip
def cluster_crossed(records: Records) -> Finding:
    """The part of the cluster that the price crossed on the day."""
    bars = records.daily("IBIT")
    low = float(on(bars["Low"], DAY, "IBIT"))
    before = float(bars["Low"][(bars.index >= _SOLD) & (bars.index < pd.Timestamp(DAY))].min())
    low_end, high_end = np.clip([low, before], *_CLUSTER)
    return Finding(
        exactly(max(float(high_end - low_end), 0.0) / (_CLUSTER[1] - _CLUSTER[0])),
        f"{records.source('IBIT')}: low {low:.2f}; lowest before, since {_SOLD:%b %Y}, {before:.2f}",
        f"ten percent below {_BARRIER:.2f} is {0.9 * _BARRIER:.2f}",
        f"Close of 4 February: {float(on(bars['Close'], BEFORE, 'IBIT')):.2f}.",
    )


@_claim(
    "The barriers at 38 to 39 lie inside the zone of 64,000 to 71,000", "38 to 39 a share, in dollars a coin",
    "inside", Range(64_000.0, 71_000.0), "{:,.0f}",
)  # fmt: skip
def cluster_in_zone(records: Records) -> Finding:
    """The cluster in dollars a coin, on the closes of the day."""
    share = float(on(records.daily("IBIT")["Close"], DAY, "IBIT"))
    low, high = (float(venues.IBIT.level(price)) for price in _CLUSTER)
    return Finding(
        Range(low, high),
        f"coins per share {venues.IBIT.per_unit:.8f} (holdings, external); {records.source('IBIT')}: "
        f"{share:.2f} is ${venues.IBIT.level(share):,.0f}",
        f"the zone is {venues.IBIT.price(64_000.0):.2f} to {venues.IBIT.price(71_000.0):.2f} a share",
    )


def _hedged_gamma(sigma: float) -> float:
    """Gamma at the barrier of all public notes with their vega hedged by puts sold [USD per 1 %]."""
    barrier_put = NoteTerms(
        np.array([_YEARS]), continuous=True, barrier=_LEVEL, edges=np.array([1.0]),
        intact=np.array([[1.0, 0.0], [1.0, 0.0]]), hit=np.array([[0.0, 1.0], [1.0, 0.0]]),
    )  # fmt: skip
    overlay = vega_matched_puts(barrier_put, [_LEVEL], spot=1.0, sigma=sigma, notional=_FACE)
    return float(overlay.table["net"].iloc[0])


def _sales(records: Records) -> tuple[pd.DataFrame, str]:
    """Knock-ins of the notes on file at the volatilities of the record, by volatility and maturity."""
    vols = [
        float(on(records.one_call()["implied_volatility"], DAY, "one call")),
        float(on(records.volatility_index(), DAY, "DVOL")) / 100.0,
    ]
    years = [(pd.Timestamp(due) - pd.Timestamp(DAY)) / pd.Timedelta(365, "D") for due in _DUE]
    table = knock_in_sales(_FACE, sigma=vols, years=years, level=_LEVEL).table
    text = f"{records.source('one call', 'DVOL')}: vols of {100 * vols[0]:.1f} and {100 * vols[1]:.1f}"
    return table, text


@_claim(
    "At the barrier the delta of a knock-in put exceeds 1", "|delta| just above a barrier at 70 % [-]",
    "above 1", Range(1.0, inf), "{:.2f}",
)  # fmt: skip
def delta_above_1(records: Records) -> Finding:
    """Delta at the barrier of notes with the maturities on file."""
    table, text = _sales(records)
    needed = (0.325 / table.index.get_level_values("sigma").min()) ** 2
    return Finding(
        span(table["delta"]),
        f"{text}; notes due {_DUE[0][:4]} to {_DUE[-1][:4]} (filings, external)",
        f"exceeds 1 where vol x sqrt(years) is below 0.325: {365 * needed:.0f} days or less at the lower vol",
    )


@_claim(
    "The note market alone is not large enough", "sold at the knock-in, of what the fall took [-]",
    "less than half", Range(0.0, 0.5), "{:.2%}",
)  # fmt: skip
def too_small(records: Records) -> Finding:
    """Dealers' sale at the knock-in of all public notes, over the sale that moves the price so far."""
    closes = records.daily("IBIT")["Close"]
    move = float(np.log(float(on(closes, DAY, "IBIT")) / float(on(closes, BEFORE, "IBIT"))))
    table, text = _sales(records)
    needed = -100.0 * move * _DEPTH
    hedged = _hedged_gamma(float(table.index[0][0])) / 1e6
    sold = table["continuous"] / 1e6
    return Finding(
        span(table["continuous"] / needed),
        f"{text}; {records.source('IBIT')}",
        f"${_FACE / 1e6:.0f}m of notes (external) sell {sold.min():.1f} to {sold.max():.1f} $m; it takes "
        f"{needed / 1e9:.2f} $bn at {_DEPTH / 1e6:.0f} $m per 1% (external); at the barrier notes "
        f"hedged by puts are {hedged:+.2f} $m per 1%",
        "Notes that were not published could be larger.",
    )


CLAIMS = (barrier_day, cluster_crossed, cluster_in_zone, delta_above_1, too_small)
