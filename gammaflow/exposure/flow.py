"""The hedge flow: the amount dealers must trade when spot, time and vol move, by full revaluation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.accuracy import TOLERANCE, Accuracy, check_tol
from gammaflow.checks import as_list, attempt, check_noun, check_number, check_whole, read_only, refuse
from gammaflow.exposure.dynamics import STICKY_STRIKE, Dynamics, find_dynamics
from gammaflow.exposure.flow_path import drop_days, path_nodes, shapley
from gammaflow.exposure.flow_results import CAUSES, FlowLadder, HedgeFlow
from gammaflow.exposure.smile import Smiles, fit_smiles
from gammaflow.exposure.sums import cash_sums
from gammaflow.positions.book import Book
from gammaflow.units import hedge_trade, money

__all__ = ["CAUSES", "FlowLadder", "HedgeFlow", "flow_ladder", "hedge_flow"]

Array = NDArray[np.float64]
_State = tuple[float, float, float]

_PERCENT = (-10.0, -7.5, -5.0, -3.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0, 5.0, 7.5, 10.0)
_HOURS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 18.0, 24.0, 36.0, 48.0, 72.0, 120.0, 240.0)
_POINTS = (-10.0, -7.5, -5.0, -3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 5.0, 7.5, 10.0)
_MINUTE = 1.0 / 60.0


def hedge_flow(
    book: Book,
    *,
    spot: float | None = None,
    days: float = 0.0,
    vol_shift: float = 0.0,
    dynamics: str | Dynamics = STICKY_STRIKE,
    steps: int = 64,
    tol: float = TOLERANCE,
) -> HedgeFlow:
    """Amount dealers must trade, in currency, between now and a scenario of spot, time and vol.

    The total is -(D1 - D0) spot_1 with D the dealers' delta in units of the underlying, both from a full
    revaluation. It is attributed along the straight path in (ln S, t, sigma): every step is split between
    spot, time and volatility by Shapley's rule over its eight corners, so that the three add up to the total
    whatever the number of steps, and do not depend on the order of the changes. An expiry passed on the way
    drops out, together with its hedge, in a separate step in which only time moves.

    Parameters
    ----------
    book : Book
        Signed positions.
    spot : float, optional
        Final spot [currency]; default: the book's.
    days : float
        Calendar days that pass, >= 0.
    vol_shift : float
        Added to every volatility [1.00 of vol: 0.01 is one vol point].
    dynamics : str or Dynamics
        Smile dynamics, besides `vol_shift`.
    steps : int
        Steps of the path, >= 1. The error of the split falls roughly with their square; the total has none.
    tol : float
        Error of rows valued by quadrature, as in `sweep_spot`.

    Returns
    -------
    HedgeFlow

    Raises
    ------
    SchemaError
        With every problem of the arguments.

    See Also
    --------
    flow_ladder : Hedge flows of separate moves of spot, of time and of vol.
    flow_around_spot : Gamma around spot, and the total amount dealers must trade from spot to each price.
    hedge_path

    Notes
    -----
    Shapley's value of three causes (A value for n-person games, 1953): what a cause changes is weighted 1/3
    where it comes first or last and 1/6 after either of the others.

    Examples
    --------
    >>> import gammaflow as gf
    >>> from gammaflow.exposure.flow import hedge_flow
    >>> book = gf.assign_positions(gf.demo_chain())
    >>> flow = hedge_flow(book, spot=65_000, days=1.0, vol_shift=0.10)
    >>> bool(abs(flow.flows.sum() - flow.by_expiry["total"].sum()) < 1e-6 * abs(flow.total))
    True
    >>> hedge_flow(book).total
    0.0
    """
    check_noun(book, "book", Book)
    values, problems = attempt(
        lambda: check_number(book.spot if spot is None else spot, "spot", 0.0, open_low=True),
        lambda: (check_number(days, "days", 0.0), book.rolled(days))[0],
        lambda: book.rolled(0.0, vol_shift),
        lambda: check_whole(steps, "steps", 1),
        lambda: find_dynamics(dynamics),
        lambda: check_tol(tol),
    )
    refuse("hedge flow", problems)
    to, days, _, steps, how, tol = values
    accuracy = Accuracy(tol)
    vol_shift = float(vol_shift)
    smiles = fit_smiles(book) if how.needs_smile else None
    path = path_nodes(book, to, days, vol_shift, steps)
    ends = np.stack([path[:, :-1], path[:, 1:]])
    corners = [zip(ends[a, 0], ends[b, 1], ends[c, 2], strict=True) for a, b, c in product((0, 1), repeat=3)]
    deltas = _units(book, [state for corner in corners for state in corner], how, smiles, accuracy)
    units = shapley(deltas.reshape(2, 2, 2, -1, len(book.expiries)))
    flows = -to * units.sum(axis=1) + 0.0
    along = -np.einsum("i,cie->c", np.sqrt(path[0, 1:] * path[0, :-1]), units) + 0.0
    moved = np.array([100.0 * (to / book.spot - 1.0), days, 100.0 * vol_shift])
    first = -_greeks(book, how, smiles, accuracy) * moved + 0.0
    arrays = read_only(flows), read_only(along), read_only(first)
    return HedgeFlow(book, to, days, vol_shift, how, steps, *arrays, accuracy.shortfalls)


def flow_ladder(
    book: Book,
    *,
    spot_percent: Sequence[float] = _PERCENT,
    hours: Sequence[float] | None = None,
    vol_points: Sequence[float] = _POINTS,
    dynamics: str | Dynamics = STICKY_STRIKE,
    tol: float = TOLERANCE,
) -> FlowLadder:
    """Hedge flows of separate moves of spot, of time and of vol.

    Parameters
    ----------
    book : Book
        Signed positions.
    spot_percent : sequence of float
        Moves of spot [%], above -100.
    hours : sequence of float, optional
        Hours that pass, >= 0; default: whole hours until the next expiry, one minute before it, and the
        expiry itself, without the expired contracts.
    vol_points : sequence of float
        Moves of volatility [vol points].
    dynamics : str or Dynamics
        Smile dynamics.
    tol : float
        Error of rows valued by quadrature, as in `sweep_spot`.

    Returns
    -------
    FlowLadder

    Raises
    ------
    SchemaError
        With every problem of the arguments.

    See Also
    --------
    hedge_flow : Amount dealers must trade, in currency, between now and a scenario of spot, time and vol.
    flow_around_spot : Gamma around spot, and the total amount dealers must trade from spot to each price.

    Examples
    --------
    >>> import gammaflow as gf
    >>> from gammaflow.exposure.flow import flow_ladder
    >>> ladder = flow_ladder(gf.assign_positions(gf.demo_chain()))
    >>> ladder.against(depth=300e6).loc["spot_percent"].columns.to_list()
    ['flow', 'first_order', 'residual', 'percent_of_spot']
    """
    check_noun(book, "book", Book)
    if hours is None:
        # One bit later, so that hours / 24 is no sooner than the expiry.
        last = float(np.nextafter(drop_days(book)[0] * 24.0, np.inf))
        ends = [h for h in (last - _MINUTE, last) if 0.0 < h < np.inf]
        hours = [h for h in _HOURS if h < last - _MINUTE] + ends
    moves = {
        "spot_percent": (as_list(spot_percent, "spot_percent", "numbers"), -100.0),
        "hours": (as_list(hours, "hours", "numbers"), 0.0),
        "vol_points": (as_list(vol_points, "vol_points", "numbers"), -np.inf),
    }
    checks = [
        lambda move=move, name=name, low=low: check_number(move, name, low, open_low=low < 0.0)
        for name, (values, low) in moves.items()
        for move in values
    ]
    sizes, problems = attempt(*checks, lambda: find_dynamics(dynamics), lambda: check_tol(tol))
    refuse("flow ladder", problems)
    accuracy, how = Accuracy(sizes.pop()), sizes.pop()
    smiles = fit_smiles(book) if how.needs_smile else None
    place = np.repeat([0, 1, 2], [len(values) for values, _ in moves.values()])
    move = np.array(sizes) / np.array([1.0, 24.0, 1.0])[place]
    alone = np.where(place == np.arange(3)[:, None], move, 0.0)
    spots, vols = book.spot * (1.0 + alone[0] / 100.0), alone[2] / 100.0
    legal = book.lowest_volatility + vols > 0.0
    states = [(book.spot, 0.0, 0.0), *zip(spots, alone[1], np.where(legal, vols, 0.0), strict=True)]
    delta = _units(book, states, how, smiles, accuracy).sum(axis=1)
    flow = np.where(legal, hedge_trade(delta[1:], delta[0], spots), np.nan)
    first = -_greeks(book, how, smiles, accuracy)[place] * move + 0.0
    index = pd.MultiIndex.from_arrays([np.array(list(moves))[place], sizes], names=["change", "move"])
    table = pd.DataFrame({"flow": flow, "first_order": first, "residual": flow - first}, index=index)
    return FlowLadder(book, how, table, accuracy.shortfalls)


def _units(
    book: Book, states: Sequence[_State], dynamics: Dynamics, smiles: Smiles | None, accuracy: Accuracy
) -> Array:
    """Delta in units of the underlying in each state, (n_states, n_expiries), once per distinct state."""
    needed: dict[tuple[float, float], dict[float, int]] = {}
    for spot, days, vol_shift in states:
        prices = needed.setdefault((days, vol_shift), {})
        prices.setdefault(spot, len(prices))
    units = {}
    for (days, vol_shift), prices in needed.items():
        spots = read_only(list(prices))
        cash = cash_sums(
            book, spots, days=days, vol_shift=vol_shift, wanted=("delta",), interpolate=False,
            dynamics=dynamics, smiles=smiles, accuracy=accuracy,
        )  # fmt: skip
        units[days, vol_shift] = cash["delta"] / spots
    return np.stack([units[t, v][:, needed[t, v][spot]] for spot, t, v in states])


def _greeks(book: Book, dynamics: Dynamics, smiles: Smiles | None, accuracy: Accuracy) -> Array:
    """Gamma per +1 %, charm per day and vanna per vol point of the book now, (3,)."""
    wanted = ("total_gamma", "charm", "vanna")
    spots = read_only([book.spot])
    sums = money(cash_sums(book, spots, wanted=wanted, dynamics=dynamics, smiles=smiles, accuracy=accuracy))
    return np.array([sums[name].sum() for name in wanted])
