"""Size of the basis trade that explains a change of the basis, and its agreement with open interest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import check_number
from gammaflow.errors import SchemaError
from gammaflow.evidence.open_interest.quadrants import BASIS, MISSING
from gammaflow.evidence.open_interest.verdict import CANNOT_TELL
from gammaflow.feedback.impact import linear
from gammaflow.feedback.impact.curve import Impact
from gammaflow.text import value_text

__all__ = ["TRADE", "add_sizes", "compare_sizes", "read_impact", "trade_size"]

Array = NDArray[np.float64]

#: Readings that are a basis trade.
TRADE = (BASIS[1, -1], BASIS[-1, 1])

_CONSISTENT, _MORE_INTEREST, _MORE_BASIS = "consistent", "open interest moved more", "basis moved more"
_SAME = 1e-9


def read_impact(impact: Any, name: str) -> Impact | None:
    """Impact of a leg: as given, or linear in the currency that moves price by 1 %; None without one."""
    if impact is None or isinstance(impact, Impact):
        return impact
    if isinstance(impact, int | float | np.number) and not isinstance(impact, bool):
        return linear(check_number(impact, name, 0.0, open_low=True), source="given as currency per 1 %")
    raise SchemaError(
        f"{name}: received {value_text(impact)}; legal: an Impact, as impact.linear, impact.square_root or "
        "impact.book returns, or the currency that moves price by 1 %."
    )


def trade_size(moves: Array, spot: Impact, futures: Impact) -> Array:
    """Size of one leg that moves the basis by each of `moves`; NaN gives NaN."""
    from scipy.optimize import brentq

    def solve(move: float) -> float:
        if not np.isfinite(move) or move == 0.0:
            return move
        # One leg alone: the smaller of both moves the basis at least as far.
        ends = float(futures.flow(move)), -float(spot.flow(-move))
        far = min(ends, key=abs)
        return float(
            brentq(
                lambda q: futures.log_return(q) - spot.log_return(-q) - move,
                0.0,
                far,
                xtol=1e-9 * abs(far),
                rtol=1e-14,
            )
        )

    return np.array([solve(float(move)) for move in moves])


def add_sizes(table: pd.DataFrame, curves: tuple[Impact, Impact] | None, noise: float) -> None:
    """Columns implied, implied_low and implied_high of the rows that are, or may be, a basis trade."""
    names = ["implied", "implied_low", "implied_high"]
    table[names] = np.nan
    moved = table["basis_change"].abs() > noise
    rows = (moved & table["reading"].isin([*TRADE, CANNOT_TELL, MISSING])).to_numpy()
    if curves is None or not rows.any():
        return
    moves = table["basis_change"].to_numpy()[rows]
    shallow, deep = (
        tuple(curve if (span := curve.bounds()) is None else span[end] for curve in curves) for end in (0, 1)
    )
    less, more = moves - np.sign(moves) * noise, moves + np.sign(moves) * noise
    sizes = np.stack([trade_size(moves, *curves), trade_size(less, *shallow), trade_size(more, *deep)])
    sizes[1:].sort(axis=0)
    table.loc[rows, names] = sizes.T


def compare_sizes(table: pd.DataFrame, doubt: Any) -> Any:
    """Comparison of the size implied by the basis with that of open interest."""
    implied, from_interest = table["implied"], table["from_interest"]
    slack = _SAME * from_interest.abs() + doubt
    meet = (from_interest + slack >= table["implied_low"] * (1.0 - np.sign(implied) * _SAME)) & (
        from_interest - slack <= table["implied_high"] * (1.0 + np.sign(implied) * _SAME)
    )
    both = implied.notna() & from_interest.notna()
    further = np.where(from_interest.abs() > implied.abs(), _MORE_INTEREST, _MORE_BASIS)
    trade = table["reading"].isin(TRADE)
    return np.where(both & meet, _CONSISTENT, np.where(both, further, np.where(trade, CANNOT_TELL, "")))


def __dir__() -> list[str]:
    return __all__
