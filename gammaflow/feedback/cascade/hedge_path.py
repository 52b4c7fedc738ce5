"""The hedge path: dealers' cumulative hedge flows from today's spot to any other, by channel."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammaflow.accuracy import TOLERANCE, Accuracy, check_tol
from gammaflow.checks import attempt, check_noun, check_number, read_number, read_only, refuse
from gammaflow.errors import SchemaError
from gammaflow.exposure.breaks import find_breaks
from gammaflow.exposure.curve import GAP
from gammaflow.exposure.dynamics import spot_vol_beta
from gammaflow.exposure.grids import expiry_spots
from gammaflow.feedback.cascade.hedge_results import CHANNELS, HedgePath, book_cash
from gammaflow.feedback.cascade.pieces import fit_pieces
from gammaflow.feedback.surface.knocked import after_hits
from gammaflow.positions.book import Book
from gammaflow.text import value_text
from gammaflow.units import PERCENT

__all__ = ["ACCURACY", "CHANNELS", "HedgePath", "check_range", "first_edges", "gamma_path", "hedge_path"]

Array = NDArray[np.float64]

#: Accuracy of the integral over a cell.
ACCURACY = 1e-9

# Initial width of cells; sigma sqrt(t) of rows whose spike of gamma a cell of that width may miss.
_CELL, _NARROW = 0.2, 0.04

# Default range: spot over this and times this.
_FAR = 4.0

# Log return beyond which a float holds no spot.
_FARTHEST = 600.0


def hedge_path(
    book: Book,
    *,
    beta: float = 0.0,
    hedge_fraction: float = 1.0,
    low: float | None = None,
    high: float | None = None,
    tol: float = TOLERANCE,
) -> HedgePath:
    """Dealers' cumulative hedge flows from the book's spot to any other, by channel, with time held fixed.

    Gamma and vanna are integrated by Chebyshev series on cells cut at every jump, to about 1e-9 of the flow;
    a second formula checks the total. Barriers that spot has already passed count as hit: such a row stays
    knocked in or out wherever spot goes.

    Parameters
    ----------
    book : Book
        Signed positions.
    beta : float
        d sigma / d ln S of every volatility [1.00 of vol per 1.00 of ln S]: -3 raises vol by 3 points per 1 %
        fall. No volatility falls below a quarter of its quote.
    hedge_fraction : float
        Share of the theoretical hedge that dealers trade, in [0, 1].
    low, high : float, optional
        Range of spot [currency]; default: a quarter of spot to four times spot.
    tol : float
        Error of rows valued by quadrature, as in `sweep_spot`.

    Returns
    -------
    HedgePath

    Raises
    ------
    SchemaError
        With every problem of the arguments.

    See Also
    --------
    hedge_flow : Amount dealers must trade, in currency, between now and a scenario of spot, time and vol.
    solve_cascade

    Examples
    --------
    >>> import gammaflow as gf
    >>> path = gf.hedge_path(gf.assign_positions(gf.demo_chain(), "short_all"))
    >>> bool(path.flows(0.95 * path.spot)["total"].item() < 0.0)  # short gamma sells into the fall
    True
    """
    check_noun(book, "book", Book)
    values, problems = attempt(
        lambda: check_number(beta, "beta"),
        lambda: check_number(hedge_fraction, "hedge_fraction", 0.0, 1.0),
        lambda: check_range(book.spot, low, high),
        lambda: check_tol(tol),
    )
    if not book.signed:
        problems.append(
            "book: received open interest without a dealer sign; sign it with assign_positions(chain, rule)."
        )
    refuse("hedge path", problems)
    beta, hedge_fraction, (low, high), tol = values
    book, accuracy, how = after_hits(book), Accuracy(tol), spot_vol_beta(beta)
    cash = book_cash(book, how, accuracy)

    def densities(x: Array) -> Array:
        if not how.moves:
            gamma = cash(x, "gamma")
            return np.vstack([-gamma, np.zeros_like(gamma)])
        gamma, total = cash(x, "gamma", "total_gamma")
        return np.stack([-gamma, gamma - total])

    breaks = find_breaks(book, dynamics=how)
    at_barrier = np.array(["barrier" in cause for cause in breaks.causes], dtype=bool)
    barriers = breaks.spots[at_barrier]
    barriers = barriers[(barriers > low) & (barriers < high)]
    pieces = fit_pieces(densities, first_edges(book, breaks.spots, low, high), ACCURACY)
    trades = _trades(barriers, book.spot, cash)
    arrays = read_only(barriers), read_only(trades)
    return HedgePath(book.spot, beta, hedge_fraction, pieces, *arrays, book, accuracy.shortfalls)


def first_edges(book: Book, breaks: Array, low: float, high: float) -> Array:
    """Edges of cells in ln(S / spot) from which pieces of a book are fitted: its jumps, expiries and strikes.

    `breaks` are the spots at which its gamma jumps [currency].
    """
    narrow = book["sigma"] * np.sqrt(book.years) < _NARROW
    seen = [
        breaks,
        expiry_spots(book, low, high),
        (book["strike"] / book.underlying_ratio)[narrow & book.has_strike],
        book["barrier"][~np.isnan(book["barrier"])],
    ]
    return _edges(np.log(np.array([low, high]) / book.spot), np.log(np.concatenate(seen) / book.spot))


def gamma_path(
    gamma: Callable[[Array], ArrayLike],
    spot: float,
    *,
    hedge_fraction: float = 1.0,
    low: float | None = None,
    high: float | None = None,
    breaks: Iterable[float] = (),
) -> HedgePath:
    """Hedge path of a given gamma over spot, without a book.

    Parameters
    ----------
    gamma : function of an (m,) array of spots
        Dealers' gamma at each [currency per +1 % spot], < 0 where they are short.
    spot : float
        Where the path begins, > 0 [currency].
    hedge_fraction, low, high
        As for `hedge_path`.
    breaks : iterable of float
        Spots at which `gamma` jumps [currency].

    Returns
    -------
    HedgePath

    Raises
    ------
    SchemaError
        With every problem of the arguments, or where gamma is not finite.

    See Also
    --------
    hedge_path
    HedgePath : Dealers' cumulative hedge flows as spot moves straight to another level, with time held fixed.

    Examples
    --------
    >>> from gammaflow.feedback.cascade.hedge_path import gamma_path
    >>> path = gamma_path(lambda spots: np.full(len(spots), -100e6), 100.0)
    >>> round(path.flows(90.0)["total"].item() / 1e6)  # 100 x 100m x ln 0.9
    -1054
    """
    values, problems = attempt(
        lambda: check_number(spot, "spot", 0.0, open_low=True),
        lambda: check_number(hedge_fraction, "hedge_fraction", 0.0, 1.0),
        lambda: _read_breaks(breaks),
    )
    function: Any = gamma
    if not callable(function):
        problems.append(
            f"gamma: received {value_text(function)}; legal: a function of an array of spots, such as "
            "lambda spots: -100e6 + 0 * spots."
        )
    refuse("gamma path", problems)
    spot, hedge_fraction, cuts = values
    low, high = check_range(spot, low, high)

    def densities(x: Array) -> Array:
        wrong: list[str] = []
        value = read_number("gamma", gamma(spot * np.exp(x)), wrong)
        refuse("gamma path", wrong)
        found = np.asarray(value, np.float64)
        if found.shape not in ((), x.shape):
            raise SchemaError(
                f"gamma: gave shape {found.shape} for {len(x)} spots; legal: one number for each."
            )
        found = np.broadcast_to(found, x.shape)
        if not np.isfinite(found).all():
            raise SchemaError(
                f"gamma: received {found[~np.isfinite(found)][0]} at some spot between {low:g} and {high:g}; "
                "legal: finite numbers over the whole range."
            )
        return np.stack([-found / PERCENT, np.zeros_like(x)])

    edges = _edges(np.log(np.array([low, high]) / spot), np.log(np.array(cuts, dtype=np.float64) / spot))
    none = read_only(np.empty(0))
    return HedgePath(spot, 0.0, hedge_fraction, fit_pieces(densities, edges, ACCURACY), none, none)


def _read_breaks(breaks: Any) -> list[float]:
    """Spots at which a given gamma jumps; SchemaError for anything but numbers > 0."""
    try:
        given = list(breaks)
    except TypeError:
        raise SchemaError(f"breaks: received {value_text(breaks)}; legal: a list of spots > 0.") from None
    return [check_number(each, "breaks", 0.0, open_low=True) for each in given]


def check_range(
    spot: float, low: float | None, high: float | None, reach: float = 0.0
) -> tuple[float, float]:
    """Lowest and highest spot of a path; default: spot / 4 and 4 x spot, or exp(`reach`) where wider."""
    far = max(_FAR, float(np.exp(min(reach, _FARTHEST))))
    values, problems = attempt(
        lambda: check_number(spot / far if low is None else low, "low", 0.0, open_low=True),
        lambda: check_number(spot * far if high is None else high, "high", 0.0, open_low=True),
    )
    refuse("range", problems)
    if not values[0] < spot < values[1]:
        raise SchemaError(
            f"low, high: received {values[0]:,.6g} and {values[1]:,.6g}; spot, {spot:,.6g}, must lie between "
            "them."
        )
    return values[0], values[1]


def _edges(ends: Array, cuts: Array) -> Array:
    """Initial edges of cells: both ends, 0 and the cuts between them; no cell is wider than `_CELL`."""
    low, high = ends
    fixed = np.unique(np.concatenate([[low, 0.0, high], cuts[(cuts > low) & (cuts < high)]]))
    parts = np.ceil(np.diff(fixed) / _CELL).astype(np.int64)
    steps = np.concatenate([np.arange(n) / n for n in parts])
    return np.append(np.repeat(fixed[:-1], parts) + np.repeat(np.diff(fixed), parts) * steps, high)


def _trades(barriers: Array, spot: float, cash: Callable[..., Array]) -> Array:
    """Hedge flow at each barrier when spot reaches it, at a hedge fraction of 1 [currency, < 0 sells].

    Delta on either side is evaluated `GAP` from the barrier and extrapolated to it with gamma.
    """
    if not len(barriers):
        return np.empty(0)
    # Barriers closer together than 4 gaps are one break, at the first of them.
    near, far = np.log1p(np.array([-GAP, 5.0 * GAP]))
    x = np.log(barriers / spot)
    found = cash(np.concatenate([x + near, x + far]), "delta", "total_gamma")
    (below, above), (slope_below, slope_above) = found.reshape(2, 2, -1)
    # Delta in units changes by cash gamma / S per unit of ln S.
    jump = (above - far * slope_above) * np.exp(-far) - (below - near * slope_below) * np.exp(-near)
    return np.asarray(np.where(barriers < spot, jump, -jump))
