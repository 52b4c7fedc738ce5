"""Claims about the fund's volume."""

from __future__ import annotations

from math import inf

from gammaflow.evidence import activity
from gammaflow.studies.event.claim import Finding, Range, about, claims_of, exactly, span
from gammaflow.studies.event.records import DAY, AbsentError, Records, on

__all__ = ["CLAIMS"]

_claim = claims_of("volume")


@_claim(
    "IBIT traded more than $10bn on 5 February", "shares times the low, and times the high [$bn]", "above 10",
    Range(10.0, inf), "{:.2f}",
)  # fmt: skip
def ten_billion(records: Records) -> Finding:
    """Dollars traded: shares times a price between the day's low and high."""
    bars = records.daily("IBIT")
    value = activity.traded_value(bars["Volume"], bars["Close"], low=bars["Low"], high=bars["High"]).table
    row, shares = on(value, DAY, "IBIT"), float(on(bars["Volume"], DAY, "IBIT"))
    return Finding(
        Range(float(row["low"]) / 1e9, float(row["high"]) / 1e9),
        f"{records.source('IBIT')}: {shares / 1e6:,.1f} m shares; {row['close'] / 1e9:.2f} at the close",
        f"$10bn takes a mean price of {10e9 / shares:.2f}",
    )


@_claim(
    "The volume was a record",
    "shares over the highest day before [-]",
    "a record",
    Range(1.000_001, inf),
    "{:.2f}",
)
def record(records: Records) -> Finding:
    """Shares against the record before."""
    table = activity.records(records.daily("IBIT")["Volume"]).table
    row = on(table, DAY, "IBIT")
    earlier = table["value"][table.index < row.name]
    if earlier.empty:
        raise AbsentError(f"{records.source('IBIT')} has no day before {DAY}")
    best = earlier.idxmax()
    return Finding(
        exactly(float(row["ratio"])),
        f"{records.source('IBIT')}: {row['value'] / 1e6:,.1f} m shares against "
        f"{row['previous_record'] / 1e6:,.1f} m on {best:%d %b %Y}",
        "",
        f"{row['z']:+.1f} standard deviations of ln volume against the 60 days before.",
    )


@_claim(
    "The volume was twice the previous record", "over the highest day before, in shares or dollars [-]", "2",
    about(2.0, 0.2), "{:.2f}",
)  # fmt: skip
def twice(records: Records) -> Finding:
    """The ratio to the record before, counted in shares and in dollars."""
    bars = records.daily("IBIT")
    shares = on(activity.records(bars["Volume"]).table, DAY, "IBIT")
    value = activity.traded_value(bars["Volume"], bars["Close"], low=bars["Low"], high=bars["High"]).table
    dollars = on(value, DAY, "IBIT")
    return Finding(
        span([shares["ratio"], dollars["ratio_low"], dollars["ratio_high"]]),
        f"{records.source('IBIT')}: {shares['ratio']:.2f} in shares, {dollars['ratio']:.2f} at the closes",
        f"twice takes {2 * shares['previous_record'] / 1e6:,.1f} m shares",
    )


CLAIMS = (ten_billion, record, twice)
