"""Plausibility of a book's own columns."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.columnar import Snapshot
from gammaflow.columns import rows_with
from gammaflow.market.plausibility.rows import far_strikes, long_wait, odd_rates, odd_volatilities
from gammaflow.market.plausibility.text import received
from gammaflow.market.plausibility.units import LARGEST_VOLATILITY, OTHER_UNIT

__all__ = ["book_warnings", "valued_early"]

_EARLY = pd.Timedelta(7, "D")


@np.errstate(over="ignore", divide="ignore", invalid="ignore")
def book_warnings(book: Snapshot, vanilla: NDArray[np.bool_]) -> tuple[str, ...]:
    """Implausibilities of a book's own columns, one sentence each, worded as in `chain_warnings`.

    `vanilla` (n,) marks the calls and puts, whose strikes and expiries are checked.
    """
    contracts, sigma = book["contract"], book["sigma"]
    found = []
    rows = np.flatnonzero(vanilla)
    if rows.size:
        found += far_strikes(book["strike"][rows], rows_with(book.columns, "kind", "call")[rows], book.spot)
        found += long_wait(book.years[rows], book.asof)
    high = sigma > LARGEST_VOLATILITY
    # A median has half of the values on either side of it.
    half = 2 * np.count_nonzero(high & vanilla) >= rows.size > 0
    if half and np.median(sigma[rows]) > LARGEST_VOLATILITY:
        found.append(
            f"volatility: {received(high, contracts, (f'{v:g}' for v in sigma))}, above "
            f"{LARGEST_VOLATILITY:.0%}; plausible is 5 % to 300 %, as a decimal (0.56 is 56 %). Scale it."
        )
    else:
        found += odd_volatilities(contracts, book["expiry"], book["strike"], sigma)
    found += _notes_elsewhere(book["strike"][rows_with(book.columns, "kind", "note")], book.spot)
    found += odd_rates(contracts, np.ones(len(book), dtype=bool), book.__getitem__)
    return tuple(found)


def _notes_elsewhere(initial: NDArray[np.float64], spot: float) -> list[str]:
    """A sentence where spot is ten times or more away from the initial fixing (m,) of every note."""
    if not initial.size or np.abs(np.log(initial / spot)).min() < np.log(OTHER_UNIT):
        return []
    return [
        f"notes: received a spot of {spot:,.10g}, ten times or more away from the initial fixings of all "
        f"{initial.size:,} notes ({initial.min():,.10g} .. {initial.max():,.10g}); plausible is the price of "
        "the underlying that the notes are on. Pass that as spot=."
    ]


def valued_early(asof: pd.Timestamp, quotes: Iterable[tuple[str, pd.Timestamp]]) -> tuple[str, ...]:
    """A sentence for each chain whose quotes are a week or more after the time that a book is valued at."""
    return tuple(
        f"asof: received {asof:%Y-%m-%d %H:%M} UTC, {(moment - asof) / pd.Timedelta(1, 'D'):,.0f} days "
        f"before the quotes of {name}; plausible is the time of the quotes or later. Its positions and vols "
        f"were not known then."
        for name, moment in quotes
        if moment - asof >= _EARLY
    )
