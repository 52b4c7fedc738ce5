"""Claims about what the fund moves with: software or gold."""

from __future__ import annotations

import pandas as pd

from gammaflow.evidence import correlation
from gammaflow.evidence.clocks import NEW_YORK_CLOSE
from gammaflow.studies.event.claim import ABOVE_0, Finding, Range, claims_of, exactly
from gammaflow.studies.event.records import AFTER, BEFORE, DAY, AbsentError, Records, on

__all__ = ["CLAIMS"]

_claim = claims_of("correlation")
_LENGTHS = (5, 90)


def _prices(records: Records) -> list[pd.Series]:
    """Closes of the fund, of software and of gold."""
    names = ("IBIT", "IGV", "GLD")
    closes = [records.daily(name)["Close"].rename(name) for name in names]
    for name, prices in zip(names, closes, strict=True):
        on(prices, BEFORE, name)
    return closes


def _difference(records: Records, first: str) -> Finding:
    """Interval of 95 % of the difference of both correlations, to the day before the fall."""
    closes = _prices(records)
    count = len(pd.concat(closes, axis=1, join="inner")[first:BEFORE])
    if count < 10:
        raise AbsentError(
            f"{records.source('IBIT', 'IGV', 'GLD')}: {count} common days from {first} to {BEFORE}"
        )
    found = correlation.closer(*closes, first=first, last=BEFORE, clock=NEW_YORK_CLOSE)
    row = found.table.iloc[-1]
    return Finding(
        Range(float(row["low"]), float(row["high"])),
        f"{records.source('IBIT', 'IGV', 'GLD')}: {found.correlation_to:.3f} with software, "
        f"{found.correlation_than:.3f} with gold, {found.n} returns",
        "",
        f"p of equal correlations {found.p_value:.3f} (Williams).",
    )


@_claim(
    "The fund moved with software rather than gold", "difference of correlations, Oct to 4 Feb, 95 % [-]",
    "software above gold", ABOVE_0, "{:+.2f}",
)  # fmt: skip
def software(records: Records) -> Finding:
    """Software against gold since October."""
    return _difference(records, "2025-10-01")


@_claim(
    "In the month before the fall too it moved with software",
    "difference of correlations, 5 Jan to 4 Feb, 95 % [-]",
    "software above gold", ABOVE_0, "{:+.2f}",
)  # fmt: skip
def software_month(records: Records) -> Finding:
    """Software against gold over the last month alone."""
    return _difference(records, "2026-01-05")


@_claim(
    "Whatever the window, software is nearer than gold",
    "windows of 5 to 90 returns to 4, 5, 6 Feb in which it is [-]", "all", Range(1.0, 1.0), "{:.1%}",
)  # fmt: skip
def every_window(records: Records) -> Finding:
    """The order in every window that ends in the days of the fall."""
    closes = _prices(records)
    if len(pd.concat(closes, axis=1, join="inner")[:AFTER]) < _LENGTHS[1] + 3:
        raise AbsentError(
            f"{records.source('IBIT', 'IGV', 'GLD')}: fewer than {_LENGTHS[1]} returns to {AFTER}"
        )
    found = correlation.every_window(
        *closes, lengths=_LENGTHS, ends=[BEFORE, DAY, AFTER], clock=NEW_YORK_CLOSE
    )
    closer, total = found.count[0], sum(found.count)
    return Finding(
        exactly(closer / total),
        f"{records.source('IBIT', 'IGV', 'GLD')}: {closer} of {total}; smallest difference "
        f"{found.table['smallest'].min():+.2f}",
        "",
        f"Distinct from 0 at 5 % in {found.table['distinct'].sum()} of them; the windows overlap.",
    )


CLAIMS = (software, software_month, every_window)
