"""Knock-ins: jumps of dealers' delta at the barriers of a book, and the hedge trades that follow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.accuracy import TOLERANCE, Accuracy, check_tol
from gammaflow.checks import check_noun, check_number, read_number, read_only, refuse
from gammaflow.errors import SchemaError
from gammaflow.exposure.sums import cash_sums
from gammaflow.feedback.surface.barrier_groups import CLOSE, CONTINUOUS, BarrierGroups, barrier_groups
from gammaflow.feedback.surface.nodes import BESIDE, lowest_shift
from gammaflow.positions.book import Book

__all__ = ["knock_in_table", "shifted_barrier"]

Array = NDArray[np.float64]


def knock_in_table(
    book: Book, *, beta: float = 0.0, days: float = 0.0, tol: float = TOLERANCE
) -> pd.DataFrame:
    """Jump of dealers' delta at each barrier of a book, and the hedge trade that follows [currency].

    Parameters
    ----------
    book : Book
    beta : float
        Move of every volatility per 1.00 of ln spot, from spot to the barrier [1.00 of vol]: at -3, vol
        rises 3 points per 1 % fall. No volatility falls below a quarter of the book's lowest.
    days : float
        Calendar days that have passed when the barrier is hit, >= 0.
    tol : float
        Error of rows valued by quadrature, as in `sweep_spot`.

    Returns
    -------
    DataFrame
        One row per venue, barrier, side and observation, by barrier. `barrier` [currency]; `side`: -1.0 where
        rows are knocked at or below it, +1.0 at or above; `observed`: "continuous", "close" (on days before
        expiry) or "maturity"; `venue`; `rows`; `vol_shift` at the barrier; `alive` and `knocked`: delta just
        before and after [units of the underlying]; `jump`: `knocked` less `alive`; `trade` [currency]: -jump
        times the barrier, < 0 sells. A barrier observed at maturity only has no jump. One observed on dates
        jumps as if hit on a date, with its other dates ahead.

    Raises
    ------
    SchemaError
        For anything but a book, and for a beta, days or tolerance that are not legal.

    See Also
    --------
    book_notes : Book of the dealers who are short structured notes: one row per note, position -1.
    shifted_barrier

    Notes
    -----
    For a dealer who is long a down-and-in put, the jump per put at r = q = 0 is
    2 (delta_P - delta_E) - (P - E) / H >= 0, with P the put and E the put that pays only below H at expiry,
    both at S = H (see `gammaflow.barrier.knock_in_jump`).

    Examples
    --------
    >>> import gammaflow as gf
    >>> notes = gf.book_notes(gf.demo_notes(), spot=41.59, asof="2026-02-04T20:33Z", sigma=0.56)
    >>> table = gf.knock_in_table(notes)
    >>> table.loc[table["observed"] == "continuous", ["barrier", "rows"]].to_numpy()
    array([[38.101,  1.   ]])
    """
    check_noun(book, "book", Book)
    beta, days = check_number(beta, "beta"), check_number(days, "days", 0.0)
    groups, accuracy = barrier_groups(book), Accuracy(check_tol(tol))
    rows = [_row(groups, g, beta, days, accuracy) for g in np.flatnonzero(~np.isnan(groups.barrier)).tolist()]
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    return frame.sort_values("barrier", kind="stable", ignore_index=True)


_COLUMNS = ["barrier", "side", "observed", "venue", "rows", "vol_shift", "alive", "knocked", "jump", "trade"]


def _row(groups: BarrierGroups, g: int, beta: float, days: float, accuracy: Accuracy) -> list[Any]:
    """The row of one group."""
    barrier, side, observed = float(groups.barrier[g]), float(groups.side[g]), groups.observed[g]
    mine = groups.group == g
    one = np.zeros(int(mine.sum()), dtype=np.int64)
    shift = max(beta * np.log(barrier / groups.alive.spot), lowest_shift(groups.alive))
    # A continuously observed barrier is hit exactly at its level, so delta is taken from just before it.
    spots = read_only([barrier * (1.0 - side * BESIDE) if observed == CONTINUOUS else barrier])

    def delta(book: Book) -> float:
        found = cash_sums(book.select(mine), spots, days=days, vol_shift=shift, wanted=("delta",), by=one,
                          accuracy=accuracy)  # fmt: skip
        return float(found["delta"][0, 0] / spots[0])

    alive = delta(groups.alive)
    knocked = delta(groups.knocked) if observed in (CONTINUOUS, CLOSE) else alive
    jump = knocked - alive
    return [
        barrier,
        side,
        observed,
        groups.venue[g],
        int(mine.sum()),
        shift,
        alive,
        knocked,
        jump,
        0.0 - jump * barrier,
    ]


def shifted_barrier(barrier: ArrayLike, trade: ArrayLike, impact: Any) -> Any:
    """Barrier for risk management: shifted by the price impact of the trade at the barrier itself.

    H' = H exp(x), x the log return that the trade causes; for linear impact Lam and N options of jump J,
    H' = H exp(-Lam J N H) (see `gammaflow.barrier.barrier_shift`).

    Parameters
    ----------
    barrier, trade : scalar or array
        Columns of `knock_in_table` [currency]; trade < 0 sells.
    impact : Impact
        An object of `gammaflow.impact`, with `log_return(flow)`.

    Returns
    -------
    Array of the broadcast shape [currency].

    Raises
    ------
    SchemaError
        Where `impact` is no impact, or a barrier is not > 0.

    See Also
    --------
    knock_in_table

    Examples
    --------
    >>> import gammaflow as gf
    >>> impact = gf.impact.linear(294e6, source="an example")
    >>> round(float(shifted_barrier(43.6, -96e6, impact)), 2)
    43.46
    """
    if not callable(getattr(impact, "log_return", None)):
        raise SchemaError(
            f"impact: received {type(impact).__name__}; legal: an object of gammaflow.impact, such as "
            "impact.linear(294e6)."
        )
    problems: list[str] = []
    found = [read_number(name, x, problems) for name, x in (("barrier", barrier), ("trade", trade))]
    refuse("shifted barrier", problems)
    try:
        H, F = np.broadcast_arrays(*(np.asarray(x, np.float64) for x in found))
    except ValueError as error:
        raise SchemaError(f"barrier, trade: shapes that do not match ({error}).") from None
    if (bad := ~((H > 0.0) & np.isfinite(H))).any():
        raise SchemaError(f"barrier: received {H[bad].flat[0]:g}; barriers must be finite and > 0.")
    with np.errstate(over="ignore"):
        return H * np.exp(impact.log_return(F))
