"""The hedge path: dealers' cumulative hedge flows from today's spot to any other, by channel."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.accuracy import TOLERANCE, Accuracy, Shortfall, check_tol, shortfall_lines
from gammaflow.checks import attempt, check_noun, check_number, floats, read_only, refuse
from gammaflow.errors import SchemaError
from gammaflow.exposure.breaks import FLOOR, Breaks, find_breaks
from gammaflow.exposure.chebyshev import series
from gammaflow.exposure.curve import GAP
from gammaflow.exposure.dynamics import Dynamics, spot_vol_beta
from gammaflow.exposure.grids import expiry_spots
from gammaflow.exposure.sums import cash_sums
from gammaflow.feedback.knocked import after_hits
from gammaflow.feedback.pieces import Pieces, fit_pieces
from gammaflow.frozen import Frozen
from gammaflow.instruments.barrier import BARRIER
from gammaflow.instruments.registry import INSTRUMENTS
from gammaflow.positions.book import Book
from gammaflow.positions.heading import heading, under_rule
from gammaflow.text import amount_text, moment_text, price_text
from gammaflow.units import PERCENT

__all__ = ["CHANNELS", "SIGN", "HedgePath", "gamma_path", "hedge_path"]

Array = NDArray[np.float64]

#: Channels of dealers' hedging while time stands still, in the order of tables.
CHANNELS = ("gamma", "vanna", "knock_in")

#: Sign of flows, as results print it.
SIGN = "flow > 0 buys the underlying, < 0 sells it"

# Accuracy of an integral over a cell, width of the cells to begin with, and spots of the table.
_ACCURACY, _CELL, _SHOWN = 1e-9, 0.05, 241

# Default range: spot over this and times this.
_FAR = 4.0


@dataclass(frozen=True, eq=False, repr=False)
class HedgePath(Frozen):
    """Cumulative hedge flows of dealers as spot goes straight from where it is to any other, time standing still.

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
        Minus cash gamma and minus the vanna term over ln S, of the whole hedge.
    barriers, trades : (k,) arrays
        Spots at which delta jumps, ascending [currency], and what the whole hedge trades when each is hit.
    book : Book or None
        The positions, after the barriers that spot has passed; None for a path of a given gamma.
    shortfalls : tuple of Shortfall
        Contracts that missed the tolerance anywhere, with the error reached, worst first.

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
        """Largest difference from a second formula, as a share of all that is traded; NaN without a book.

        The other formula is -[S Delta] + integral of Delta dS over each cell, and the jumps of S Delta
        between cells.
        """
        if self.book is None:
            return np.nan
        how, pieces = spot_vol_beta(self.beta), self.pieces
        cash = _cash(self.book, how, Accuracy())
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
        at = _spots(spots, self.low, self.high)
        channels = self.at(at)
        table = pd.DataFrame(channels.T, pd.Index(at, name="spot"), list(CHANNELS))
        return table.assign(total=channels.sum(axis=0))

    def at(self, spots: Array) -> Array:
        """Cumulative hedge flow of each of `CHANNELS` at each spot inside the range, (3, m) [currency]."""
        smooth = self.pieces.integral(np.log(spots / self.spot))
        below = self.barriers < self.spot
        hit = np.where(below, spots[:, None] <= self.barriers, spots[:, None] >= self.barriers)
        return self.hedge_fraction * np.vstack([smooth, hit @ self.trades])

    def slope(self, spots: ArrayLike) -> pd.DataFrame:
        """Flow per 0.01 of ln S around each spot, by channel [currency]; > 0 destabilises.

        Columns gamma and vanna: minus gamma, and minus beta times vanna, as traded. What is traded at once
        at a barrier has no slope.
        """
        at = _spots(spots, self.low, self.high)
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
        """Sentences on what the path leaves out or assumes."""
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
        said = ["barriers observed on dates are not hit while time stands still"] * dated
        floors = _breaks(self.book, self.beta)
        inside = (floors.spots > self.low) & (floors.spots < self.high)
        floored = sum(
            int(n) for n, cause, on in zip(floors.contracts, floors.causes, inside, strict=True)
            if on and FLOOR in cause
        )  # fmt: skip
        if floored:
            lowest = 100.0 * spot_vol_beta(self.beta).lowest
            said.append(
                f"volatility falls no further than {lowest:g} % of its quote: {floored:,} rows reach that "
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
        vol = f"every vol moves by {self.beta:g} vol points per +1 % of spot" if self.beta else "vols stand still"
        share = f"dealers trade {100 * self.hedge_fraction:g} % of the hedge"
        return [*lines, f"time stands still; {vol}; {share}"]

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
            parts = ", ".join(f"{name} {' '.join(amount_text(row[name], self.currency, 2))}" for name in row.index)
            lines.append(f"to {price_text(float(spot))}: {parts}")  # type: ignore[arg-type]
        checked = "" if np.isnan(self.error) else f"; checked by a second formula to {self.error:.1g} of it all"
        lines.append(f"range {price_text(self.low)} to {price_text(self.high)}{checked}")
        return "\n".join([*self.heading("HedgePath"), *lines, *self.remarks])

    def plot(self, *, ax: Any = None) -> Any:
        """Cumulative flow over spot, stacked by channel (matplotlib Axes)."""
        from gammaflow.plot.curves import plot_stack

        table = self.table[list(CHANNELS)]
        used = table.loc[:, (table != 0.0).any()]
        return plot_stack(
            used if used.shape[1] else table, self.spot, self.title("hedge flow from spot"), self.currency,
            name="bought by dealers", currency=self.currency, ax=ax,
        )  # fmt: skip

    def __repr__(self) -> str:
        return self.summary()


def hedge_path(
    book: Book,
    *,
    beta: float = 0.0,
    hedge_fraction: float = 1.0,
    low: float | None = None,
    high: float | None = None,
    tol: float = TOLERANCE,
) -> HedgePath:
    """Dealers' cumulative hedge flows from the book's spot to any other, by channel, time standing still.

    Gamma and vanna are integrated by Chebyshev series on cells cut wherever they jump, to about 1e-9 of what
    is traded; the total is checked by a second formula. Barriers that the book's spot has passed are hit for
    good; a row then stays knocked wherever spot goes.

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
        lambda: check_fraction(hedge_fraction),
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
    cash = _cash(book, how, accuracy)

    def densities(x: Array) -> Array:
        if not how.moves:
            gamma = cash(x, "gamma")
            return np.vstack([-gamma, np.zeros_like(gamma)])
        gamma, total = cash(x, "gamma", "total_gamma")
        return np.stack([-gamma, gamma - total])

    breaks = _breaks(book, beta)
    ends = np.log(np.array([low, high]) / book.spot)
    at_barrier = np.array(["barrier" in cause for cause in breaks.causes], dtype=bool)
    barriers = breaks.spots[at_barrier]
    barriers = barriers[(barriers > low) & (barriers < high)]
    seen = [breaks.spots, expiry_spots(book, low, high), book["barrier"][~np.isnan(book["barrier"])]]
    pieces = fit_pieces(densities, _edges(ends, np.log(np.concatenate(seen) / book.spot)), _ACCURACY)
    trades = _trades(barriers, book.spot, cash)
    arrays = read_only(barriers), read_only(trades)
    return HedgePath(book.spot, beta, hedge_fraction, pieces, *arrays, book, accuracy.shortfalls)


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

    Examples
    --------
    >>> from gammaflow.feedback.hedge_path import gamma_path
    >>> path = gamma_path(lambda spots: np.full(len(spots), -100e6), 100.0)
    >>> round(path.flows(90.0)["total"].item() / 1e6)  # 100 x 100m x ln 0.9
    -1054
    """
    values, problems = attempt(
        lambda: check_number(spot, "spot", 0.0, open_low=True),
        lambda: check_fraction(hedge_fraction),
        lambda: [check_number(each, "breaks", 0.0, open_low=True) for each in breaks],
    )
    refuse("gamma path", problems)
    spot, hedge_fraction, cuts = values
    low, high = check_range(spot, low, high)

    def densities(x: Array) -> Array:
        found = np.broadcast_to(floats(gamma(spot * np.exp(x))), x.shape)
        if not np.isfinite(found).all():
            raise SchemaError(
                f"gamma: received {found[~np.isfinite(found)][0]} at some spot between {low:g} and {high:g}; "
                "legal: finite numbers over the whole range."
            )
        return np.stack([-found / PERCENT, np.zeros_like(x)])

    edges = _edges(np.log(np.array([low, high]) / spot), np.log(np.array(cuts, dtype=np.float64) / spot))
    none = read_only(np.empty(0))
    return HedgePath(spot, 0.0, hedge_fraction, fit_pieces(densities, edges, _ACCURACY), none, none)


def check_fraction(hedge_fraction: float) -> float:
    """The share of the hedge that is traded, in [0, 1], or SchemaError."""
    value = check_number(hedge_fraction, "hedge_fraction", 0.0)
    if value > 1.0:
        raise SchemaError(f"hedge_fraction: received {hedge_fraction!r}; hedge_fraction must be >= 0 and <= 1.")
    return value


def check_range(
    spot: float, low: float | None, high: float | None, reach: float = 0.0
) -> tuple[float, float]:
    """Lowest and highest spot of a path; by default a quarter and four times spot, or exp(`reach`) of it."""
    far = max(_FAR, float(np.exp(reach)))
    values, problems = attempt(
        lambda: check_number(spot / far if low is None else low, "low", 0.0, open_low=True),
        lambda: check_number(spot * far if high is None else high, "high", 0.0, open_low=True),
    )
    refuse("range", problems)
    if not values[0] < spot < values[1]:
        raise SchemaError(
            f"low, high: received {values[0]:,.6g} and {values[1]:,.6g}; spot, {spot:,.6g}, must lie between them."
        )
    return values[0], values[1]


def _spots(spots: ArrayLike, low: float, high: float) -> Array:
    at = np.atleast_1d(np.asarray(spots, dtype=np.float64))
    slack = 4.0 * np.finfo(float).eps
    if at.ndim != 1 or not ((at >= low * (1.0 - slack)) & (at <= high * (1.0 + slack))).all():
        raise SchemaError(
            f"spots: received {at.min():,.6g} to {at.max():,.6g}; legal: one row of spots inside the path's range, "
            f"{low:,.6g} to {high:,.6g}. Give low and high to widen it."
        )
    return at


def _breaks(book: Book, beta: float) -> Breaks:
    return find_breaks(book, dynamics=spot_vol_beta(beta))


def _edges(ends: Array, cuts: Array) -> Array:
    """Edges of the cells to begin with: both ends, 0, the cuts between them, and none wider than `_CELL`."""
    low, high = ends
    fixed = np.unique(np.concatenate([[low, 0.0, high], cuts[(cuts > low) & (cuts < high)]]))
    parts = np.ceil(np.diff(fixed) / _CELL).astype(np.int64)
    steps = np.concatenate([np.arange(n) / n for n in parts])
    return np.append(np.repeat(fixed[:-1], parts) + np.repeat(np.diff(fixed), parts) * steps, high)


def _cash(book: Book, how: Dynamics, accuracy: Accuracy) -> Callable[..., Array]:
    """Cash greeks of the book as a function of x = ln(S / S0) and their names, (names, m)."""

    def cash(x: Array, *wanted: str) -> Array:
        spots, place = np.unique(book.spot * np.exp(x), return_inverse=True)
        sums = cash_sums(book, spots, wanted=wanted, dynamics=how, accuracy=accuracy)
        return np.stack([sums[name].sum(axis=0) for name in wanted])[:, place]

    return cash


def _trades(barriers: Array, spot: float, cash: Callable[..., Array]) -> Array:
    """What the whole hedge trades at each barrier as spot comes to it from where it is [currency].

    Delta on both sides is taken `GAP` from the barrier, and brought to it by gamma.
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
    return np.where(barriers < spot, jump, -jump)
