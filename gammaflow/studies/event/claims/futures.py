"""Claims about futures: the basis, open interest, and where positions were closed."""

from __future__ import annotations

import pandas as pd

from gammaflow.evidence import basis, open_interest
from gammaflow.evidence.clocks import NEW_YORK_CLOSE, read_at, read_clock
from gammaflow.studies.event.claim import (
    ABOVE_0,
    BELOW_0,
    Finding,
    Range,
    about,
    claims_of,
    exactly,
    span,
)
from gammaflow.studies.event.records import AFTER, BEFORE, DAY, FILES, AbsentError, Records, on
from gammaflow.studies.event.spots import midnight

__all__ = ["CLAIMS"]

_claim = claims_of("futures")
#: Clocks at which the front future's close may have been read, and its expiry.
_CLOCKS = ("21:00 UTC", "22:00 UTC", "24:00 UTC")
_EXPIRY = "2026-02-27"
#: Season whose closes tell the clock, and the fewest of them.
_WINTER, _SAMPLE = ("2025-11-03", "2026-03-06"), 20


def _basis(records: Records) -> pd.DataFrame:
    """Yearly basis of the front future on both days, a column per clock [%]."""
    future, spot = records.front_future(), records.spot()
    days = [pd.Timestamp(day) for day in (BEFORE, DAY)]
    prices = [float(on(future, day, "front future")) for day in (BEFORE, DAY)]
    found = {}
    for clock in _CLOCKS:
        if read_at(spot, read_clock(clock).on(days)).isna().any():
            raise AbsentError(f"{FILES['hours'].path} has no price at {clock} of both days")
        found[clock] = 100.0 * basis.daily(pd.Series(prices, days), spot, _EXPIRY, clock=clock).table["basis"]
    return pd.DataFrame(found, index=days)


@_claim(
    "The near-month basis of CME jumped from 3.3 to 9 %", "change from 4 to 5 February [points a year]",
    "+5.7", about(5.7, 0.5), "{:+.1f}",
)  # fmt: skip
def basis_jump(records: Records) -> Finding:
    """The change of the front future's basis: as many answers as clocks."""
    table = _basis(records)
    days = len(pd.date_range(DAY, _EXPIRY)) - 1
    moves = ", ".join(f"{table[c].iloc[0]:.1f} to {table[c].iloc[1]:.1f} at {c}" for c in _CLOCKS)
    note = f"0.1 % of the price is {36.5 / days:.1f} points: without the future's clock there is no basis."
    future = records.front_future()[_WINTER[0] : _WINTER[1]]
    if len(future) > _SAMPLE:
        note += f" The prices fit {basis.by_clock(future, records.spot(), clocks=_CLOCKS).best} best."
    return Finding(
        span(table.diff().iloc[-1]),
        f"{records.source('front future', 'hours')}: {moves}",
        f"with {days} days left 5.7 points are {100 * basis.premium(0.057, days / 365):.2f} % of the price",
        note,
    )


@_claim(
    "The near-month basis rose on 5 February", "change from 4 to 5 February, all records [points a year]",
    "up", ABOVE_0, "{:+.1f}",
)  # fmt: skip
def basis_rose(records: Records) -> Finding:
    """The direction of the basis over all records of it."""
    changes = [float(value) for value in _basis(records).diff().iloc[-1]]
    daily = 100.0 * records.basis()
    other = float(on(daily, DAY, "basis")) - float(on(daily, BEFORE, "basis"))
    return Finding(
        span([*changes, other]),
        f"{records.source('front future', 'hours', 'basis')}: the other file {other:+.2f}",
        "an unwind (spot sold, futures bought) raises the basis and lowers open interest",
    )


@_claim(
    "Hedge funds cut their short futures in the week", "shorts of non-commercials, 3 to 10 Feb [contracts]",
    "closed", BELOW_0, "{:+,.0f}",
)  # fmt: skip
def carry_closed(records: Records) -> Finding:
    """Short futures of non-commercials over the week of the fall."""
    table = open_interest.commitments(records.commitments()).table
    on(table, "2026-02-03", "commitments")
    week, name = on(table, "2026-02-10", "commitments"), "noncommercial_short"
    return Finding(
        exactly(float(week[f"{name}_change"])),
        f"{records.source('commitments')}: {week[name] - week[f'{name}_change']:,.0f} to {week[name]:,.0f}",
        "an unwind of the basis trade cuts shorts and leaves longs",
        f"Longs {week['noncommercial_long_change']:+,.0f}; open interest "
        f"{week['open_interest_change']:+,.0f}. Non-commercials are not hedge funds alone.",
    )


@_claim(
    "Open interest of CME collapsed from 4 to 5 February", "change at 16:00 New York [%]", "a collapse",
    Range(-100.0, -5.0), "{:+.1f} %",
)  # fmt: skip
def cme_collapse(records: Records) -> Finding:
    """Open interest of CME over the day, which takes a record by venue."""
    changes = _by_venue(records, BEFORE, DAY)
    return Finding(exactly(changes["CME"]), records.source("open interest by venue"))


@_claim(
    "On 6 February open interest grew faster at CME than at Binance",
    "difference of growth at 16:00 New York [points]",
    "faster", ABOVE_0, "{:+.1f}",
)  # fmt: skip
def cme_rebuilt(records: Records) -> Finding:
    """Growth of open interest at CME over that at Binance on the day of the rebound."""
    changes = _by_venue(records, DAY, AFTER)
    return Finding(exactly(changes["CME"] - changes["Binance"]), records.source("open interest by venue"))


def _by_venue(records: Records, first: str, last: str) -> pd.Series:
    """Change of open interest by venue between two closes of New York [%]."""
    try:
        venues = records.open_interest_by_venue()
    except AbsentError as absent:
        raise AbsentError(
            f"{absent}. {_lookalikes(records)}",
            "an unwind of the basis trade lowers it, and raises the basis",
        ) from None
    table = open_interest.at_clock({str(name): venues[name] for name in venues}, NEW_YORK_CLOSE).table
    before, after = (on(table, day, "open interest by venue") for day in (first, last))
    change: pd.Series = 100.0 * (after / before - 1.0)
    return change


def _lookalikes(records: Records) -> str:
    """Contents of the files that do have open interest."""
    words = []
    try:
        bars, daily = records.open_interest_bars()["open"], records.open_interest()
        after = daily.set_axis((pd.DatetimeIndex(daily.index) + pd.Timedelta(1, "D")).tz_localize("UTC"))
        both = pd.concat([bars, after], axis=1, join="inner")
        share = float((both.iloc[:, 0] / both.iloc[:, 1] - 1.0).abs().median())
        words.append(
            f"{FILES['open interest, 4h'].path} is all venues together (within {share:.2%} of the daily file)"
        )
    except AbsentError:
        pass
    try:
        weeks = open_interest.commitments(records.commitments()).table["open_interest_change"]
        change = float(on(weeks, "2026-02-10", "commitments"))
        words.append(f"{FILES['commitments'].path} is weekly: {change:+,.0f} contracts from 3 to 10 February")
    except AbsentError:
        pass
    return "; ".join(words)


def _changes(records: Records) -> pd.DataFrame:
    """Changes of open interest of all venues from day to day, in dollars and coins, at 24:00 UTC."""
    days = [BEFORE, DAY, AFTER]
    value = pd.Series([float(on(records.open_interest(), day, "open interest")) for day in days], days)
    price = pd.Series([midnight(records, day) for day in days], days)
    return open_interest.changes(value, price).table


@_claim(
    "Open interest fell in dollars", "all venues, 24:00 UTC, 4 to 5 Feb [$bn]", "fell", BELOW_0, "{:+.2f}"
)
def fell_in_dollars(records: Records) -> Finding:
    """Open interest of all venues in dollars."""
    row = on(_changes(records), DAY, "open interest")
    after, change, price = row["interest"] / 1e9, row["interest_change"] / 1e9, row["from_price"] / 1e9
    return Finding(
        exactly(float(change)),
        f"{records.source('open interest')}: {after - change:.1f} to {after:.1f}",
        f"the price alone makes {price:+.2f}",
    )


@_claim(
    "Positions were closed: open interest fell in coins too", "all venues, 24:00 UTC, 4 to 5 Feb [coins]",
    "fell", BELOW_0, "{:+,.0f}",
)  # fmt: skip
def fell_in_coins(records: Records) -> Finding:
    """Open interest of all venues in coins: dollars over the price at the same timestamp."""
    table = _changes(records)
    row, later = on(table, DAY, "open interest"), on(table, AFTER, "open interest")
    return Finding(
        exactly(float(row["change"])),
        f"{records.source('open interest', 'hours')}: {(row['coins'] - row['change']) / 1e3:,.0f} k to "
        f"{row['coins'] / 1e3:,.0f} k",
        f"a fall takes {row['break_even']:.0%} or more of it in contracts margined in coins",
        f"With a lower price that reads as {row['quadrant']}. 6 February: {later['coins'] / 1e3:,.0f} k.",
    )


CLAIMS = (basis_jump, basis_rose, carry_closed, cme_collapse, cme_rebuilt, fell_in_dollars, fell_in_coins)
