"""The set of shock, book, impact and beliefs that reproduces one move of price."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.feedback.cascade.group_hedges import group_hedges
from gammaflow.feedback.cascade.hedge_path import CHANNELS, HedgePath, hedge_path
from gammaflow.feedback.impact import Impact
from gammaflow.feedback.liquidations import Liquidations
from gammaflow.market.chain import Chain
from gammaflow.positions.beliefs import Beliefs
from gammaflow.positions.book import Book
from gammaflow.studies.event.fit_inputs import Inputs, read_inputs
from gammaflow.studies.event.fit_result import EventFit, make_fit
from gammaflow.studies.event.narrowing import cell_weights
from gammaflow.studies.event.ridge import find_ridge, find_way

__all__ = ["DEPTHS", "fit_event"]

Array = NDArray[np.float64]

#: Currency that moves ln S by 1 %: a thin market to a deep one, Citi's 294m among them.
DEPTHS = (100e6, 150e6, 215e6, 294e6, 450e6, 670e6, 1e9)

# Part of the move by which the range of a path exceeds it, and reaches beyond spot on the other side.
_BEYOND, _BEHIND = 1.02, 0.02


def fit_event(
    book: Book | Chain | HedgePath,
    move: float = -0.132,
    *,
    depths: float | Impact | Iterable[float | Impact] | Mapping[str, float | Impact] = DEPTHS,
    liquidations: Liquidations | None = None,
    notes: Book | None = None,
    beta: float = 0.0,
    hedge_fraction: float | Iterable[float] | None = None,
    scales: float | Iterable[float] | None = None,
    beliefs: Beliefs | str | None = None,
    draws: int = 500,
    seed: int = 0,
) -> EventFit:
    """Set of exogenous flows that reproduce a move, over depth, book, channels and beliefs; never one answer.

    For each combination the flow that `exogenous_flow` gives: what remains of the flow by which the impact
    alone makes the move, after hedges and liquidations on the way, with time held fixed. A move and a book
    do not identify it: a thin market and a small sale look the same as a deep market and a large one. Each
    row also says whether a shock of that size lands there:

    - "lands": `solve_cascade` with this shock comes to rest at the move;
    - "jump": price jumps past the move at a smaller shock, `trigger`;
    - "runaway": the sign of the flow is against the move: hedges and liquidations alone carry price beyond
      it, once a shock of `trigger` (0: the smallest) has set them off.

    Parameters
    ----------
    book : Book, Chain or HedgePath
        Signed positions, or their hedge path. With `beliefs`: a chain or a book of open interest.
    move : float
        Move of spot as a share of it, > -1 and not 0: -0.132 is a fall of 13.2 %.
    depths : numbers, impacts, or a mapping of names to them
        Currency that moves ln S by 1 % (linear impact), or `gammaflow.impact` objects of any law.
    liquidations : Liquidations, optional
        Pools of leveraged positions; every combination is then made with and without them.
    notes : Book, optional
        Signed positions in notes (`book_notes`) in the units of the book; with and without them.
    beta, hedge_fraction
        As for `hedge_path`; of hedge fractions there may be several. Default: full hedging, or the fraction
        of the path given.
    scales : float or sequence of float, optional
        Multiples of the book's positions, >= 0; notes stay as they are. Default: 0.5, 1 and 2.
    beliefs : Beliefs or str, optional
        Beliefs about dealers' share of open interest, or the name of a preset. Their draws take the place of
        scales; the table holds the draws at the 5, 25, 50, 75 and 95 % quantiles of the exogenous flow.
    draws, seed : int
        Number of draws of beliefs, and their seed.

    Returns
    -------
    EventFit

    Raises
    ------
    SchemaError
        With every problem of the arguments.
    MismatchError
        For impacts, liquidations or notes in another currency, unit, spot or timestamp than the book.

    See Also
    --------
    scorecard
    exogenous_flow

    Notes
    -----
    Loop gain is the flow that a further 1 % of ln S triggers over the flow that moves price by that 1 %, the
    largest on the way. Of beliefs each cell of open interest is priced once, since hedges are linear in
    dealers' shares.

    Examples
    --------
    >>> import gammaflow as gf
    >>> from gammaflow.studies.event import fit_event
    >>> fit = fit_event(gf.demo_chain(), depths=(200e6, 294e6, 1e9), beliefs="customers_buy_puts", draws=200)
    >>> fit.table.columns[-9:-4].to_list()
    ['shock', 'gamma', 'vanna', 'knock_in', 'liquidations']
    >>> fit.ridge["book"].round(-8).div(1e9).to_dict()  # the median draw [USD bn]
    {200000000.0: -0.9, 294000000.0: -2.2, 1000000000.0: -12.2}
    >>> fit.narrows.index[0]  # the axis to measure first
    'depth'
    """
    inputs = read_inputs(
        book, move, depths=depths, liquidations=liquidations, notes=notes, beta=beta,
        hedge_fraction=hedge_fraction, scales=scales, beliefs=beliefs, draws=draws, seed=seed,
    )  # fmt: skip
    return _fit(inputs)


def _fit(inputs: Inputs) -> EventFit:
    """The fit of checked inputs."""
    spot, reach = inputs.book.spot, float(np.log1p(inputs.move))
    low, high = sorted((spot * np.exp(_BEYOND * reach), spot * np.exp(-_BEHIND * reach)))
    bounds = {"beta": inputs.beta, "low": float(low), "high": float(high)}
    if inputs.beliefs is not None and isinstance(inputs.book, Book):
        books = _draws(inputs.book, inputs.beliefs, inputs.move, inputs.draws, inputs.seed, bounds)
    else:
        books = _scales(inputs, bounds)
    noted = None if inputs.notes is None else hedge_path(inputs.notes, **bounds)
    impacts = [impact for _, impact in inputs.impacts]
    x, fired = np.zeros(1), np.zeros(1)
    if inputs.liquidations is not None:
        x, fired = inputs.liquidations.nodes(spot)
    kinks = [kink for impact in impacts for kink in (-impact.moves[0], impact.moves[1])]
    edges = [books.edges, *([noted.pieces.edges] if noted is not None else [])]
    barriers = [books.barriers, *([noted.barriers] if noted is not None else [])]
    way = find_way(spot, inputs.move, np.concatenate([x, *edges, *kinks]), np.concatenate(barriers))
    totals, ends = books.along(way.spots)
    still = np.zeros((3, len(way.x)))
    pools = [still[0], *([np.interp(way.x, x, fired)] if inputs.liquidations is not None else [])]
    notes = [still, *([noted.at(way.spots)] if noted is not None else [])]
    ridge = find_ridge(way, impacts, pools, notes, inputs.fractions, totals, ends)
    samples = None
    if books.cells is not None:
        samples = pd.DataFrame(ends, pd.RangeIndex(len(ends), name="draw"), list(CHANNELS))
    return make_fit(inputs, ridge, samples, books.cells, books.remarks)


class _Books(NamedTuple):
    """Books of a set: their flows along a way, with what bends them."""

    along: Callable[[Array], tuple[Array, Array]]
    """Hedge flows at spots in total (b, m), and at the last of them by channel (b, 3) [currency]."""
    edges: Array
    barriers: Array
    remarks: tuple[str, ...]
    cells: pd.DataFrame | None = None
    """Cells of open interest and what they matter, of draws of beliefs."""


def _scales(inputs: Inputs, bounds: Mapping[str, Any]) -> _Books:
    """Multiples of one book, which is priced once."""
    book, scales = inputs.book, np.array(inputs.scales)
    path = hedge_path(book, **bounds) if isinstance(book, Book) else replace(book, hedge_fraction=1.0)

    def along(spots: Array) -> tuple[Array, Array]:
        flows = path.at(spots)
        return np.outer(scales, flows.sum(axis=0)), np.outer(scales, flows[:, -1])

    return _Books(along, path.pieces.edges, path.barriers, path.remarks)


def _draws(
    interest: Book, beliefs: Beliefs, move: float, draws: int, seed: int, bounds: Mapping[str, Any]
) -> _Books:
    """Draws of beliefs: each cell is priced once, and a draw's hedges are linear in its shares."""
    held = beliefs.on(interest)
    hedges = group_hedges(interest, held.cells.place, **bounds)
    shares = held.draw(draws, seed)
    reached = interest.spot * (1.0 + move)
    cells = cell_weights(held.table[["open_interest", "mean"]], shares, hedges.at(np.array([reached])))

    def along(spots: Array) -> tuple[Array, Array]:
        unit = hedges.at(spots)
        ends = np.zeros((len(shares), len(CHANNELS)))
        ends[:, :2] = shares @ unit[:, :, -1]
        return shares @ unit.sum(axis=1), ends

    return _Books(along, hedges.pieces.edges, np.empty(0), held.remarks, cells)
