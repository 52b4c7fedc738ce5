"""HedgePath: dealers' cumulative hedge flows over spot by channel, as numbers, text and picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.accuracy import Accuracy, Shortfall, shortfall_lines
from gammaflow.checks import check_number
from gammaflow.exposure.breaks import FLOOR, find_breaks
from gammaflow.exposure.chebyshev import series
from gammaflow.exposure.curve import GAP
from gammaflow.exposure.dynamics import Dynamics, spot_vol_beta
from gammaflow.exposure.sums import cash_sums
from gammaflow.feedback.arguments import read_spots
from gammaflow.feedback.cascade.pieces import Pieces
from gammaflow.feedback.doubts import beta_doubts
from gammaflow.frozen import Frozen
from gammaflow.instruments.barrier import BARRIER
from gammaflow.instruments.registry import INSTRUMENTS
from gammaflow.positions.book import Book
from gammaflow.positions.heading import heading, under_rule
from gammaflow.text import amount_text, marked, moment_text, price_text
from gammaflow.units import PERCENT

__all__ = ["CHANNELS", "SIGN", "HedgePath", "book_cash"]

Array = NDArray[np.float64]

#: Channels of dealers' hedging with time held fixed, in the order of tables.
CHANNELS = ("gamma", "vanna", "knock_in")

#: Sign of flows, as results print it.
SIGN = "flow > 0 buys the underlying, < 0 sells it"

# Spots of the table.
_SHOWN = 241


@dataclass(frozen=True, eq=False, repr=False)
class HedgePath(Frozen):
    """Dealers' cumulative hedge flows as spot moves straight to another level, with time held fixed.

    The flow is the path integral of -S dDelta: in gamma and vanna by the integrals of S^2 Gamma and of beta S
    vanna over ln S, in knock_in by the jumps of delta where continuously observed barriers are hit.

    Attributes
    ----------
    spot : float
        Where the path begins [currency].
    beta : float
        d sigma / d ln S of every volatility [1.00 of vol per 1.00 of ln S].
    hedge_fraction : float
        Share of the theoretical hedge that dealers trade, in [0, 1].
    pieces : Pieces
        Minus cash gamma and minus the vanna term over ln S, at a hedge fraction of 1.
    barriers, trades : (k,) arrays
        Spots at which delta jumps, ascending [currency], and the hedge flow when each is hit, at a hedge
        fraction of 1 [currency, < 0 sells].
    book : Book or None
        The positions, after the barriers that spot has passed; None for a path of a given gamma.
    shortfalls : tuple of Shortfall
        Contracts that missed the tolerance anywhere, with the error reached, worst first.

    See Also
    --------
    hedge_path
    gamma_path : Hedge path of a given gamma over spot, without a book.

    Examples
    --------
    >>> import gammaflow as gf
    >>> path = gf.hedge_path(gf.assign_positions(gf.demo_chain()), beta=-3.0)
    >>> path.flows(65_000).columns.to_list()
    ['gamma', 'vanna', 'knock_in', 'total']
    >>> path.error < 1e-8
    True
    """

    spot: float
    beta: float
    hedge_fraction: float
    pieces: Pieces
    barriers: Array
    trades: Array
    book: Book | None = None
    shortfalls: tuple[Shortfall, ...] = ()

    @cached_property
    def error(self) -> float:
        """Largest difference from a second formula, as a share of the gross flow; NaN without a book.

        The other formula is -[S Delta] + integral of Delta dS over each cell, and the jumps of S Delta
        between cells.
        """
        if self.book is None:
            return np.nan
        how, pieces = spot_vol_beta(self.beta), self.pieces
        cash = book_cash(self.book, how, Accuracy())
        x = pieces.nodes
        delta = Pieces(pieces.edges, series(cash(x.ravel(), "delta").reshape(1, *x.shape)))
        starts, ends = delta.limits()[:, 0]
        apart = pieces.cells().sum(axis=0) - (delta.cells()[0] - (ends - starts))
        at = np.searchsorted(pieces.edges, np.log(self.barriers / self.spot))
        jumps = np.where(self.barriers < self.spot, starts[at] - ends[at - 1], ends[at - 1] - starts[at])
        most = max(float(np.abs(each).max(initial=0.0)) for each in (apart.cumsum(), self.trades - jumps))
        whole = float(np.abs(pieces.cells()).sum() + np.abs(self.trades).sum())
        return most / whole if whole else 0.0

    @property
    def low(self) -> float:
        """Lowest spot of the path [currency]."""
        return float(self.spot * np.exp(self.pieces.edges[0]))

    @property
    def high(self) -> float:
        """Highest spot of the path [currency]."""
        return float(self.spot * np.exp(self.pieces.edges[-1]))

    @property
    def currency(self) -> str:
        """Currency of spot and flows."""
        return "USD" if self.book is None else self.book.currency

    def flows(self, spots: ArrayLike) -> pd.DataFrame:
        """Cumulative hedge flows from `spot` to each spot [currency, + = dealers buy].

        Columns gamma, vanna, knock_in and total; a barrier counts as hit at its level.

        Raises
        ------
        SchemaError
            For spots outside the range of the path.
        """
        at = self._spots(spots)
        channels = self.at(at)
        table = pd.DataFrame(channels.T, pd.Index(at, name="spot"), list(CHANNELS))
        return table.assign(total=channels.sum(axis=0))

    def _spots(self, spots: ArrayLike) -> Array:
        return np.atleast_1d(read_spots(spots, self.low, self.high))

    def at(self, spots: Array) -> Array:
        """Cumulative hedge flow of each of `CHANNELS` at each spot inside the range, (3, m) [currency]."""
        smooth = self.pieces.integral(np.log(spots / self.spot))
        below = self.barriers < self.spot
        hit = np.where(below, spots[:, None] <= self.barriers, spots[:, None] >= self.barriers)
        return self.hedge_fraction * np.vstack([smooth, hit @ self.trades])

    def slope(self, spots: ArrayLike) -> pd.DataFrame:
        """Flow per 0.01 of ln S around each spot, by channel [currency]; > 0 destabilises.

        Columns gamma and vanna: minus gamma, and minus beta times vanna, each times the hedge fraction.
        Trades at a barrier happen at one price and have no slope.
        """
        at = self._spots(spots)
        slopes = PERCENT * self.hedge_fraction * self.pieces.density(np.log(at / self.spot))
        return pd.DataFrame(slopes.T, pd.Index(at, name="spot"), list(CHANNELS[:2]))

    @cached_property
    def table(self) -> pd.DataFrame:
        """Cumulative flows at evenly spaced ln S over the range and at every barrier (`flows`)."""
        grid = np.linspace(self.pieces.edges[0], self.pieces.edges[-1], _SHOWN)
        spots = np.clip(self.spot * np.exp(grid), self.low, self.high)
        return self.flows(np.unique(np.concatenate([spots, [self.spot], self.barriers])))

    @property
    def remarks(self) -> tuple[str, ...]:
        """Limitations and assumptions of the path, one sentence each."""
        if self.book is None:
            return ()
        moving = self.beta != 0.0
        caveats = [
            line
            for name, rows in self.book.parts.items()
            for line in INSTRUMENTS[name].caveats(rows, moving=moving)
        ]
        dated = bool(
            (BARRIER.owns(self.book.columns) & ~np.isnan(self.book["monitoring_dates"])).any()
        ) or any(not note.terms(self.book.asof).continuous for note in self.book.terms.values())
        said = ["barriers observed on dates are not hit, since time is held fixed"] * dated
        floors = find_breaks(self.book, dynamics=spot_vol_beta(self.beta))
        inside = (floors.spots > self.low) & (floors.spots < self.high)
        floored = sum(
            int(n) for n, cause, on in zip(floors.contracts, floors.causes, inside, strict=True)
            if on and FLOOR in cause
        )  # fmt: skip
        if floored:
            lowest = 100.0 * spot_vol_beta(self.beta).lowest
            said.append(
                f"volatility is floored at {lowest:g} % of its quote: {floored:,} rows reach the floor "
                "inside the range"
            )
        return (*caveats, *said, *shortfall_lines(self.shortfalls))

    def heading(self, name: str) -> list[str]:
        """Heading lines of a result of this path: name, book, rule and sign, and how it is hedged."""
        lines = (
            [f"{name}, spot {self.spot:,.2f} {self.currency}, a given gamma", f"sign: {SIGN}"]
            if self.book is None
            else heading(name, self.book, sign=SIGN)
        )
        vol = (
            f"every vol moves by {self.beta:g} vol points per +1 % of spot"
            if self.beta
            else "vols held fixed"
        )
        share = f"dealers trade {100 * self.hedge_fraction:g} % of the hedge"
        return [*lines, f"time held fixed; {vol}; {share}", *marked(beta_doubts(self.beta))]

    def title(self, what: str) -> str:
        """Title of a picture: symbol, contents, timestamp and rules."""
        if self.book is None:
            return what
        return under_rule(f"{self.book.title} {what}, {moment_text(self.book.asof)}", self.book)

    def summary(self) -> str:
        """Book, rule, sign, range and accuracy, and the flows to 10 and 20 % away, as text."""
        marks = [m for m in (0.8, 0.9, 1.1, 1.2) if self.low <= m * self.spot <= self.high]
        lines = []
        for spot, row in self.flows([m * self.spot for m in marks]).iterrows():
            parts = ", ".join(
                f"{name} {' '.join(amount_text(row[name], self.currency, 2))}" for name in row.index
            )
            lines.append(f"to {price_text(float(spot))}: {parts}")  # type: ignore[arg-type]
        checked = (
            "" if np.isnan(self.error) else f"; a second formula agrees to {self.error:.1g} of gross flow"
        )
        lines.append(f"range {price_text(self.low)} to {price_text(self.high)}{checked}")
        return "\n".join([*self.heading("HedgePath"), *lines, *self.remarks])

    def plot(self, *, within: float = 0.3, ax: Any = None) -> Any:
        """Cumulative flow over spot, stacked by channel, `within` a share of spot (matplotlib Axes)."""
        from gammaflow.plot.cascade import plot_hedges

        within = check_number(within, "within", 0.0, open_low=True)
        low, high = (np.clip(self.spot * (1.0 + side * within), self.low, self.high) for side in (-1.0, 1.0))
        grid = np.geomspace(low, high, _SHOWN)
        beside = np.outer(self.barriers, [1.0 - GAP, 1.0]).ravel()
        spots = np.unique(np.concatenate([np.clip(grid, low, high), [self.spot], beside]))
        flows = self.flows(spots[(spots >= low) & (spots <= high)])[list(CHANNELS)]
        title = self.title("hedge flow from spot")
        return plot_hedges(
            flows, self.spot, title, self.currency, currency=self.currency, within=within, ax=ax
        )

    def __repr__(self) -> str:
        return self.summary()


def book_cash(book: Book, how: Dynamics, accuracy: Accuracy) -> Callable[..., Array]:
    """Cash greeks of the book as a function of x = ln(S / S0) and their names, (names, m)."""

    def cash(x: Array, *wanted: str) -> Array:
        spots, place = np.unique(book.spot * np.exp(x), return_inverse=True)
        sums = cash_sums(book, spots, wanted=wanted, dynamics=how, accuracy=accuracy)
        return np.stack([sums[name].sum(axis=0) for name in wanted])[:, place]

    return cash
