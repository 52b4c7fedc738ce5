"""HedgeSurface: dealers' delta in units of the underlying on a grid of time, spot and volatility."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import check_number, floats, read_only, utc
from gammaflow.errors import SchemaError
from gammaflow.feedback.surface.nodes import between
from gammaflow.frozen import Frozen
from gammaflow.positions.book import Book
from gammaflow.positions.heading import heading, under_rule
from gammaflow.text import moment_text, price_text

__all__ = ["ALIVE", "KNOCKED", "HedgeSurface", "SurfaceError", "constant_gamma_surface"]

Array = NDArray[np.float64]

#: States of a group: its barrier has not been hit, or has been.
ALIVE, KNOCKED = 0, 1

# Step in ln S of the surface of constant gamma: off by an eighth of its square, as a share of delta.
_FINE = 0.001
_SIGN = "+ = dealers are long; they trade minus the change of units"
_ASOF = pd.Timestamp("2026-01-01T00:00Z")


class SurfaceError(NamedTuple):
    """Largest error of interpolation found by repricing at midpoints of the grid."""

    units: float = 0.0
    """In units of the underlying, outside the last hours before expiries."""
    share: float = 0.0
    """The same as a share of gross delta."""
    expiring: float = 0.0
    """Share of gross delta in the last hours, in which gamma is averaged over a cell of the grid."""


_NO_ERROR = SurfaceError()


@dataclass(frozen=True, eq=False, repr=False)
class HedgeSurface(Frozen):
    """Dealers' delta in units of the underlying over time, spot and volatility, by group of rows.

    Delta, not gamma, is stored and interpolated: the trade between two nodes is that of full revaluation,
    however large gamma becomes between them before expiry.

    Attributes
    ----------
    spot : float
        Spot at which x = 0 [currency].
    asof : tz-aware timestamp
        Time at which days = 0.
    x : (nx,) array
        ln(S / spot), evenly spaced, a multiple of the spacing each, so that one node is 0.
    vol_shifts : (nu,) array
        Added to every volatility [1.00 of vol], evenly spaced, one of them 0.
    days : (nt,) array
        Calendar days after `asof`, ascending from 0, with a pair of nodes around every jump in time.
    units : (G, 2, nt, nx, nu) array
        Delta [units of the underlying] of each group not yet knocked in or out, and knocked.
    barrier_x : (G,) array
        ln(barrier / spot); NaN for the group without a barrier ahead.
    side : (G,) array
        -1.0: knocked at or below the barrier; +1.0: at or above; 0.0 without one.
    observed, venue : tuple of str
        Per group, "continuous", "close" (on the days in `looks`) or "none"; and where its rows trade.
    looks : tuple of arrays
        Per group, the days on which its barrier is observed, within the days of the surface.
    error : SurfaceError
        Error of interpolation.
    expiring : "unwound" or "delivered"
        The hedge of rows that expire is traded away as they drop out, or settled by delivery without a trade.
    drops : (k,) array of int
        Places in `days` of the first node of each pair in which rows expire.
    gross : float
        Absolute delta of all rows at the start [units of the underlying].
    book : Book, optional
        The positions; None for a surface without a book.
    remarks : tuple of str
        Limitations of the surface, in words.

    See Also
    --------
    hedge_surface : Dealers' delta over time, spot and volatility, by full revaluation of all kinds of rows.

    Examples
    --------
    >>> import gammaflow as gf
    >>> book = gf.assign_positions(gf.demo_chain())
    >>> surface = gf.hedge_surface(book, days=0.5, low=68_000.0, high=74_000.0)
    >>> bool(-70_000.0 * (surface.delta(0.25, 70_000.0) - surface.delta()) < 0.0)  # dealers sell
    True
    >>> surface.observed, surface.error.share < 1e-3
    (('none',), True)
    """

    spot: float
    asof: pd.Timestamp
    x: Array
    vol_shifts: Array
    days: Array
    units: Array
    barrier_x: Array
    side: Array
    observed: tuple[str, ...]
    venue: tuple[str, ...]
    looks: tuple[Array, ...]
    error: SurfaceError = _NO_ERROR
    expiring: str = "unwound"
    drops: NDArray[np.int64] = field(default_factory=lambda: read_only(np.empty(0), np.int64))
    gross: float = 0.0
    book: Book | None = None
    remarks: tuple[str, ...] = ()

    @property
    def barriers(self) -> Array:
        """Barrier of each group [currency]; NaN without one."""
        return np.asarray(self.spot * np.exp(self.barrier_x))

    @property
    def memory(self) -> int:
        """Size of `units` [bytes]."""
        return int(self.units.nbytes)

    def by_group(self, days: ArrayLike = 0.0, spots: ArrayLike | None = None, vol_shift: ArrayLike = 0.0,
                 state: ArrayLike = ALIVE) -> Array:  # fmt: skip
        """Delta of each group [units of the underlying], (G, ...) of the broadcast shape of the arguments.

        Parameters
        ----------
        days, spots, vol_shift : scalar or array
            Days after `asof`, spots [currency; default: the surface's], and shifts of every volatility.
            Beyond the grid its last node counts.
        state : 0, 1, or (G,) array of them
            0: not yet knocked, 1: knocked.
        """
        S = floats(self.spot if spots is None else spots)
        if not (S > 0.0).all():
            raise SchemaError(f"spots: received {float(np.min(S)):g}; spots must be > 0.")
        known = np.broadcast_to(np.asarray(state), len(self.side))
        if not np.isin(known, (ALIVE, KNOCKED)).all():
            raise SchemaError(
                f"state: received {state!r}; legal: 0 (alive) or 1 (knocked), one or one a group."
            )
        x = np.log(S / self.spot)
        axes = np.broadcast_arrays(floats(days), x, floats(vol_shift))
        ends = [
            between(nodes, at) for nodes, at in zip((self.days, self.x, self.vol_shifts), axes, strict=True)
        ]
        units = self.units[np.arange(len(known)), known.astype(int)]
        out = np.zeros((len(known), *axes[0].shape))
        for corner in np.ndindex(2, 2, 2):
            places = tuple(
                low + up * (up_weight > 0.0) for (low, up_weight), up in zip(ends, corner, strict=True)
            )
            weights = [w if up else 1.0 - w for (_, w), up in zip(ends, corner, strict=True)]
            out += np.prod(weights, axis=0) * units[:, *places]
        return out

    def delta(self, days: ArrayLike = 0.0, spots: ArrayLike | None = None, vol_shift: ArrayLike = 0.0,
              state: ArrayLike = ALIVE) -> Any:  # fmt: skip
        """Dealers' delta, the sum of all groups [units of the underlying]; arguments as for `by_group`."""
        return self.by_group(days, spots, vol_shift, state).sum(axis=0)[()]

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per group: venue, barrier, side, observed, and delta now, alive and knocked [units]."""
        return pd.DataFrame(
            {
                "venue": self.venue,
                "barrier": self.barriers,
                "side": self.side,
                "observed": self.observed,
                "alive": self.by_group(state=ALIVE),
                "knocked": self.by_group(state=KNOCKED),
            },
            index=pd.RangeIndex(len(self.side), name="group"),
        )

    def summary(self) -> str:
        """Grid, error, rule, sign and groups in words."""
        head = ["HedgeSurface without a book", f"sign: {_SIGN}"]
        if self.book is not None:
            head = heading("HedgeSurface", self.book, sign=_SIGN)
        low, high = self.spot * np.exp(self.x[[0, -1]])
        shifts = 100.0 * self.vol_shifts[[0, -1]]
        error = self.error
        return "\n".join(
            [
                *head,
                f"grid: {len(self.days)} times over {self.days[-1]:g} days, {len(self.x)} spots "
                f"{price_text(low)} .. {price_text(high)}, {len(self.vol_shifts)} vol shifts "
                f"{shifts[0]:+.4g} .. {shifts[1]:+.4g} points; {self.memory / 1e6:,.1f} MB",
                f"interpolation: off by up to {error.units:,.4g} units, {100 * error.share:.2g} % of gross "
                f"delta; in the last hours before expiry, averaged over a cell of the grid, "
                f"{100 * error.expiring:.2g} %",
                f"rows that expire: their hedge is {self.expiring}",
                *self.remarks,
                self.table.to_string(float_format="{:,.2f}".format),
            ]
        )

    def plot(self, *, vol_shift: float = 0.0, state: ArrayLike = ALIVE, ax: Any = None) -> Any:
        """Dealers' delta over spot at the start, the middle and the end of the days (matplotlib Axes)."""
        from gammaflow.plot.curves import plot_curves

        spots = self.spot * np.exp(self.x)
        when = np.unique(np.quantile(self.days, [0.0, 0.5, 1.0], method="nearest"))
        lines = pd.DataFrame(
            {f"{day:.3g} days": self.delta(day, spots, vol_shift, state) for day in when},
            index=pd.Index(spots, name="spot"),
        )
        book = self.book
        title = f"{book.title if book else 'Constant gamma'} delta over spot, {moment_text(self.asof)}"
        title = under_rule(title, book) if book else title
        currency = book.currency if book else ""
        unit = "units of the underlying"
        return plot_curves(lines, self.spot, title, unit, name="delta", currency=currency, ax=ax)

    def __repr__(self) -> str:
        return self.summary()


def constant_gamma_surface(
    gamma: float,
    spot: float,
    *,
    days: float = 1.0,
    low: float | None = None,
    high: float | None = None,
    asof: Any = _ASOF,
    venue: str = "24/7",
) -> HedgeSurface:
    """Surface of a book whose dollar gamma is the same at every spot, time and volatility.

    Parameters
    ----------
    gamma : float
        Dollar gamma [currency of delta per +1 % of spot]; negative: dealers sell as spot falls.
    spot : float
        Spot [currency].
    days : float
        Calendar days, > 0.
    low, high : float
        Ends of the grid [currency], around `spot`; default: half and twice of it.
    asof : tz-aware timestamp
        Start of the surface.
    venue : str
        Where the hedge is traded.

    Returns
    -------
    HedgeSurface
        Delta -(G / S) with G = 100 gamma, so that S^2 d delta / dS = G.

    See Also
    --------
    hedge_surface : Dealers' delta over time, spot and volatility, by full revaluation of all kinds of rows.

    Examples
    --------
    >>> surface = constant_gamma_surface(-100e6, 70_000.0)
    >>> trade = -70_000.0 * (surface.delta(spots=69_300.0) - surface.delta())
    >>> round(float(trade) / 1e6, 2)  # 1 % down: dealers sell
    -101.01
    """
    gamma = check_number(gamma, "gamma")
    spot = check_number(spot, "spot", 0.0, open_low=True)
    days = check_number(days, "days", 0.0, open_low=True)
    x = x_nodes(spot, 0.5 * spot if low is None else low, 2.0 * spot if high is None else high, _FINE)
    delta = -100.0 * gamma / spot * np.exp(-x)
    units = np.broadcast_to(delta[:, None], (1, 2, 2, len(x), 1))
    share = _FINE**2 / 8.0
    return HedgeSurface(
        spot=spot,
        asof=utc(asof),
        x=read_only(x),
        vol_shifts=read_only([0.0]),
        days=read_only([0.0, days]),
        units=read_only(units.copy()),
        barrier_x=read_only([np.nan]),
        side=read_only([0.0]),
        observed=("none",),
        venue=(venue,),
        looks=(read_only(np.empty(0)),),
        error=SurfaceError(share * float(np.abs(delta).max()), share),
        gross=float(abs(100.0 * gamma / spot)),
    )


def x_nodes(spot: float, low: float, high: float, step: float) -> Array:
    """ln(S / spot) of the nodes: multiples of a step from at or below `low` to at or above `high`."""
    low = check_number(low, "low", 0.0, open_low=True)
    high = check_number(high, "high", 0.0, open_low=True)
    if not low < spot < high:
        raise SchemaError(
            f"low, high: received {low:g} and {high:g}; the spot {spot:g} must lie between them."
        )
    first, last = np.floor(np.log(low / spot) / step), np.ceil(np.log(high / spot) / step)
    return np.asarray(step * np.arange(first, last + 1))
