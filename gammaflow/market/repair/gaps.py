"""Parity forwards that spot does not explain, reported with their numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.market.chain import Chain
from gammaflow.market.parity.forwards import of_rows

__all__ = ["futures_text", "gap_text", "missed_text", "moments_apart", "sound", "unexplained"]

#: Relative error above which forwards are not used [-].
_LARGEST_ERROR = 0.02
#: Explicable forwards above spot: this much a year beyond the rate, and quotes of another time [-].
_ABOVE = (0.05, 0.005)
#: Prices further apart than this are not two prices of one day [-].
_MOMENTS = 0.05
#: Explicable forwards below spot: dividends and borrow fees of this much a year, and one dividend [-].
_BELOW = (0.5, 0.02)


def sound(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Mask of expiries whose parity forward has an error of at most 2 %, (n,)."""
    with np.errstate(invalid="ignore"):
        return np.asarray(table["error"] <= _LARGEST_ERROR * table["forward"])


def unexplained(chain: Chain, table: pd.DataFrame) -> pd.DataFrame:
    """Expiries whose forward cannot be explained by spot, the rate and any likely yield."""
    known = table[sound(table) & table["vendor_forward"].isna().to_numpy()]
    gap, t = np.log(known["forward"] / chain.spot), known["years"]
    slack = 2.0 * known["error"] / known["forward"]
    above = gap - slack - (known["rate"] + _ABOVE[0]) * t - _ABOVE[1]
    below = -gap - slack - _BELOW[0] * t - _BELOW[1]
    off: pd.DataFrame = known[(above > 0) | (below > 0)]
    return off


def moments_apart(off: pd.DataFrame, spot: float) -> bool:
    """True where forwards that spot does not explain are as near to it as prices of another time."""
    return bool((np.abs(np.log(off["forward"] / spot)) <= _MOMENTS).all()) and not off.empty


def gap_text(chain: Chain, off: pd.DataFrame, expiries: int, valued: str) -> tuple[str, ...]:
    """Text about the forwards `off` of `unexplained`, and the basis of valuation; () without them."""
    if off.empty:
        return ()
    ends = off.iloc[sorted({0, len(off) - 1})]
    return (
        f"{chain.symbol}: on {len(off)} of {expiries} expiries put-call parity gives forwards that the spot "
        f"of {chain.spot:,.2f} does not explain: {_listed(ends, chain.spot)}. No financing, dividends or "
        "borrow fees carry so much: spot and quotes are of different times, or these are options on "
        f"futures. Rows are valued on {valued}. Take spot and quotes at the same time, or give each row its "
        "forward (a forward column).",
    )


def missed_text(chain: Chain, forwards: NDArray[np.float64], table: pd.DataFrame) -> tuple[str, ...]:
    """Text about expiries whose given `forwards` (n,) miss that of parity by more than twice its error."""
    place = of_rows(chain, table.assign(place=np.arange(len(table))), "place")
    first = pd.Series(forwards).groupby(place).first()
    given = first.reindex(range(len(table))).to_numpy()
    gap = np.log(given / table["forward"].to_numpy())
    known = sound(table) & table["vendor_forward"].isna().to_numpy()
    off = known & (np.abs(gap) > 2.0 * (table["error"] / table["forward"]).to_numpy())
    if not off.any():
        return ()
    row = int(np.where(off, np.abs(gap), -np.inf).argmax())
    worst, day = table.iloc[row], table.index[row]
    return (
        f"{chain.symbol}: on {off.sum()} of {known.sum()} expiries the forward of the given rates and "
        f"dividends misses that of put-call parity by more than twice its error (largest: {day:%Y-%m-%d} "
        f"{given[row]:,.2f}, parity {worst['forward']:,.2f} +- {worst['error']:.2g}, {gap[row]:+.2%}). Check "
        "the curve, the ex-dates and amounts, and that spot is of the time of the quotes.",
    )


def futures_text(chain: Chain, table: pd.DataFrame, filled: NDArray[np.float64]) -> tuple[str, ...]:
    """Text about the forwards on which options on futures are valued; `filled` (n,) has one per expiry."""
    known = sound(table)
    if not known.any():
        return ()
    valued = table.assign(forward=filled)
    text = (
        f"{chain.symbol}: options on futures, valued on the forwards of put-call parity and not on the spot "
        f"of {chain.spot:,.2f}: {_listed(valued[known].head(3), chain.spot)}."
    )
    if not known.all():
        text += (
            f" Quotes determine none on {(~known).sum()} of {len(table)} expiries; these are valued on "
            f"neighbouring expiries': {_listed(valued[~known].head(3), chain.spot)}. A forward column "
            "sets their own."
        )
    return (text,)


def _listed(rows: pd.DataFrame, spot: float) -> str:
    """Expiry, forward, distance from spot and carry of each row, in words."""
    gap = np.log(rows["forward"] / spot)
    return "; ".join(
        f"{day:%Y-%m-%d} {forward:,.2f} ({forward / spot - 1:+.2%}, a carry of {g / t:+.0%} a year)"
        for day, forward, g, t in zip(rows.index, rows["forward"], gap, rows["years"], strict=True)
    )
