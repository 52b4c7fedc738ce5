"""hedge_surface: dealers' delta on a grid of time, spot and volatility, by full revaluation of a book."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gammaflow.accuracy import TOLERANCE, check_tol
from gammaflow.checks import as_numbers, attempt, check_choice, check_noun, check_number, refuse
from gammaflow.errors import SchemaError
from gammaflow.feedback.surface.error import axis_errors, surface_error
from gammaflow.feedback.surface.nodes import lowest_shift, middle_vol, vol_nodes
from gammaflow.feedback.surface.surface import HedgeSurface, x_nodes
from gammaflow.feedback.surface.values import Valuation
from gammaflow.positions.book import Book

__all__ = ["hedge_surface"]

Array = NDArray[np.float64]

# Largest grid [bytes].
_MOST = 1_000_000_000

# Steps in ln S and of volatility, for books of usual volatility.
_STEP, _VOL_STEP, _USUAL = 0.004, 0.04, 0.5

# Gain in accuracy of nodes twice as dense, where delta is smooth; a tolerance beyond it is not tried.
_GAIN = 4.0


class _Steps(NamedTuple):
    """Distance of nodes in ln S and in volatility, and the factor between times left to a jump."""

    spot: float
    vol: float
    time: float


def hedge_surface(
    book: Book,
    *,
    days: float = 1.0,
    low: float | None = None,
    high: float | None = None,
    beta: float = 0.0,
    vol_range: tuple[float, float] | None = None,
    step: float | None = None,
    vol_step: float | None = None,
    time_ratio: float = 0.75,
    tol: float = 1e-3,
    expiring: str = "unwound",
    row_tol: float = TOLERANCE,
) -> HedgeSurface:
    """Dealers' delta over time, spot and volatility, by full revaluation of all kinds of rows.

    Rows are grouped by venue and by the barrier that knocks them, as each kind's instrument says; groups with
    a barrier ahead are valued both before and after. Dealers' trade between two states of the world is minus
    the change of units, whatever gamma does between them: gamma of the last hours before an expiry is
    averaged over a cell of the grid, and the trade across a strike never exceeds the contracts.

    Parameters
    ----------
    book : Book
        Signed positions.
    days : float
        Calendar days covered, > 0.
    low, high : float, optional
        Ends of the spots [currency]; default: 0.6 and 1.5 times the book's. Beyond them delta stays as it is
        at the end.
    beta : float
        Move of every volatility per 1.00 of ln spot [1.00 of vol], which sets the range of vol shifts.
    vol_range : (low, high), optional
        Range of vol shifts instead [1.00 of vol]. With neither, volatility does not move. Shifts are parallel
        over all rows; the range is cut where the book's lowest volatility falls to a quarter.
    step, vol_step : float, optional
        Distance of the spots in ln S and of the vol shifts [1.00 of vol]; default: 0.4 % and 4 points for
        median volatilities of 50 % and more, in proportion below, down to 0.05 % and half a point.
    time_ratio : float
        Factor, in (0, 1), by which the time left to a row's next expiry or date falls from node to node, down
        to the time in which spot diffuses by half a step; closer to it, rows are valued with that time.
    tol : float
        Error of interpolation, as a share of gross delta, outside the last hours. Nodes are made twice
        as dense where that can meet it; a surface that misses it says so.
    expiring : "unwound" or "delivered"
        Whether the hedge of rows that expire is traded away as they drop out, or settled by delivery, without
        a trade. The grid is the same; `HedgeSurface.drops` says where.
    row_tol : float
        Error of rows valued by quadrature, as in `sweep_spot`.

    Returns
    -------
    HedgeSurface

    Raises
    ------
    SchemaError
        With every problem of the arguments, and for a grid that takes more than 1 GB.

    See Also
    --------
    simulate_feedback : Monte Carlo of price with impact from dealers' hedges and other forced trades.
    constant_gamma_surface

    Notes
    -----
    Rows are valued at up to 12 Chebyshev points in ln volatility, at times of their own, and carried from
    there to the nodes. On the side of a continuously observed barrier where rows are knocked, delta of those
    not knocked is continued in a straight line.

    Examples
    --------
    >>> import gammaflow as gf
    >>> book = gf.assign_positions(gf.demo_chain())
    >>> surface = gf.hedge_surface(book, days=0.5, beta=-3.0, low=65_000.0, high=78_000.0)
    >>> spot, shift = 0.97 * book.spot, -3.0 * np.log(0.97)
    >>> direct = gf.hedge_flow(book, spot=spot, days=0.2, vol_shift=shift).total
    >>> bool(abs(-spot * (surface.delta(0.2, spot, shift) - surface.delta()) / direct - 1.0) < 0.01)
    True
    """
    check_noun(book, "book", Book)
    values, problems = attempt(
        lambda: check_number(days, "days", 0.0, open_low=True),
        lambda: check_number(tol, "tol", 0.0, open_low=True),
        lambda: check_tol(row_tol),
        lambda: check_choice(expiring, "expiring", ("unwound", "delivered")),
        lambda: _range(book, low, high, beta, vol_range),
        lambda: _steps(book, step, vol_step, time_ratio),
    )
    refuse("hedge surface", problems)
    days, tol, row_tol, expiring, (spots, shifts), steps = values
    valuation = Valuation(book, days, steps.spot, row_tol)
    surface = _on(valuation, steps, spots, shifts, expiring)
    if tol < surface.error.share <= tol * _GAIN:
        finer = _finer(surface, valuation, steps, tol)
        if _bytes(valuation, finer, spots, shifts) <= _MOST:
            surface = _on(valuation, finer, spots, shifts, expiring)
    if surface.error.share <= tol:
        return surface
    missed = (
        f"interpolation misses the tolerance: {100 * surface.error.share:.2f} % of gross delta, "
        f"{100 * tol:.4g} % asked for; "
        "pass a narrower range of spots or vols with a smaller step."
    )
    return replace(surface, remarks=(*surface.remarks, missed))


def _range(
    book: Book,
    low: float | None,
    high: float | None,
    beta: float,
    vol_range: tuple[float, float] | None,
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Ends of the spots [currency] and of the vol shifts."""
    ends = (0.6 * book.spot if low is None else low, 1.5 * book.spot if high is None else high)
    x = x_nodes(book.spot, *ends, 1.0)
    beta = check_number(beta, "beta")
    if vol_range is None:
        moves = beta * np.log(np.array(ends) / book.spot)
        return ends, (float(moves.min()), float(moves.max()))
    given = as_numbers(vol_range, "vol_range")
    if given.shape != (2,) or not np.isfinite(given).all() or given[0] > given[1] or not len(x):
        raise SchemaError(f"vol_range: received {vol_range!r}; legal: (low, high), finite and ascending.")
    return ends, (float(given[0]), float(given[1]))


def _steps(book: Book, step: float | None, vol_step: float | None, time_ratio: float) -> _Steps:
    scale = min(middle_vol(book) / _USUAL, 1.0)
    step = max(_STEP * scale, _STEP / 8.0) if step is None else step
    vol_step = max(_VOL_STEP * scale, _VOL_STEP / 8.0) if vol_step is None else vol_step
    values, problems = attempt(
        lambda: check_number(step, "step", 0.0, open_low=True),
        lambda: check_number(vol_step, "vol_step", 0.0, open_low=True),
        lambda: check_number(time_ratio, "time_ratio", 0.0, open_low=True),
    )
    refuse("steps", problems)
    if not values[2] < 1.0:
        raise SchemaError(f"time_ratio: received {time_ratio!r}; legal: > 0 and < 1.")
    return _Steps(*values)


def _on(
    valuation: Valuation,
    steps: _Steps,
    spots: tuple[float, float],
    shifts: tuple[float, float],
    expiring: str,
) -> HedgeSurface:
    """The surface on one grid, with its error."""
    size = _bytes(valuation, steps, spots, shifts)
    book = valuation.book
    if size > _MOST:
        raise SchemaError(
            f"hedge surface: a grid of {size / 1e9:,.1f} GB; legal: up to {_MOST / 1e9:g} GB. Pass fewer "
            "days, a narrower range of spots or vols, or larger steps."
        )
    x = x_nodes(book.spot, *spots, steps.spot)
    nodes = vol_nodes(book, shifts, steps.vol)
    surface = valuation.surface(x, nodes, steps.spot, steps.time, expiring)
    least = lowest_shift(book)
    if shifts[0] < least:
        cut = (
            f"vols fall by {abs(100 * nodes[0]):.4g} points at most, where the range of spots asks for up to "
            f"{-100 * shifts[0]:.4g}: the lowest vol, {100 * book.lowest_volatility:.4g} %, falls to no less "
            "than a quarter."
        )
        surface = replace(surface, remarks=(cut, *surface.remarks))
    return replace(surface, error=surface_error(surface, valuation))


def _bytes(
    valuation: Valuation, steps: _Steps, spots: tuple[float, float], shifts: tuple[float, float]
) -> float:
    """Size of the grid [bytes], before anything is valued."""
    nx = np.log(spots[1] / spots[0]) / steps.spot
    nu = 1.0 + (shifts[1] - max(shifts[0], lowest_shift(valuation.book))) / steps.vol
    nt = len(valuation.times(steps.spot, steps.time))
    return float(16.0 * len(valuation.side) * nt * nx * nu)


def _finer(surface: HedgeSurface, valuation: Valuation, steps: _Steps, tol: float) -> _Steps:
    """Nodes twice as dense along every axis whose own error takes more than its share of the tolerance."""
    time, spot, vol = (error > tol / 3.0 for error in axis_errors(surface, valuation))
    return _Steps(
        steps.spot * (0.5 if spot else 1.0),
        steps.vol * (0.5 if vol else 1.0),
        np.sqrt(steps.time) if time else steps.time,
    )
