"""Liquidations: pools of leveraged positions by the price at which they are closed by force."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import as_list, check_choice, check_noun, check_number, read_number, read_only, refuse
from gammaflow.errors import MismatchError
from gammaflow.feedback.liquidations.origin import Excluded, Origin
from gammaflow.frozen import Frozen
from gammaflow.text import amount_text, rows_text, value_text

__all__ = ["SAME_UNIT", "SIDES", "Liquidations"]

Array = NDArray[np.float64]

#: Sign of each side: a long pool is sold as price falls through it, a short pool bought as price rises.
SIDES = {"long": 1.0, "short": -1.0}

_SIGN = "sign: flow < 0 sells; longs are sold as price falls, shorts bought back as it rises; each fires once"
#: Spots of two tables that differ by more are in other units, such as coins and shares of a fund.
SAME_UNIT = 0.2


def _column(name: str, value: Any, problems: list[str]) -> Array:
    array = read_number(name, value, problems)
    if array is not None and np.ndim(array) > 1:
        problems.append(f"{name}: received shape {np.shape(array)}; legal: one number per pool.")
        return np.empty(0)
    return np.empty(0) if array is None else np.atleast_1d(array).astype(np.float64)


def _rows(name: str, bad: NDArray[np.bool_], values: Array, legal: str) -> list[str]:
    found = np.flatnonzero(bad)
    if not found.size:
        return []
    return [
        f"{name}: {found.size} of {len(values)} pools are illegal (first: row {found[0]} = "
        f"{values[found[0]]:g}); {name} must be {legal}."
    ]


def _ramps(a: Array, b: Array, value: Array) -> tuple[Array, Array]:
    """Nodes of the sum of ramps that rise by `value` from a to b, and the sum at each; 0 at the first."""
    nodes = np.unique(np.concatenate([a, b]))
    first, last = np.searchsorted(nodes, a), np.searchsorted(nodes, b)
    count = last - first
    ramp = np.repeat(np.arange(len(a)), count)
    segment = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + first[ramp]
    part = np.diff(nodes)[segment] / (b - a)[ramp]
    steps = np.bincount(segment, weights=value[ramp] * part, minlength=max(len(nodes) - 1, 0))
    return nodes, np.concatenate([[0.0], np.cumsum(steps)])


@dataclass(frozen=True, eq=False, repr=False)
class Liquidations(Frozen):
    """Leveraged positions by the price at which they are liquidated, in pools that fire once each.

    A pool fires evenly in ln S between its two ends. `read`, `pool` and `from_leverage` of
    `gammaflow.liquidations` make one; two are added with +.

    Attributes
    ----------
    low, high : (k,) arrays
        Ends of each pool [currency], 0 < low < high.
    value : (k,) array
        What is sold or bought back in all [currency], >= 0.
    side : (k,) array
        1.0 for long positions, which are sold as price falls through the pool; -1.0 for short ones.
    origins : tuple of Origin
        Sources, with what was assumed and excluded.
    currency : str
        Currency of prices and values.

    Raises
    ------
    SchemaError
        With every problem: lengths that differ, prices that are not positive or not in order, values that are
        negative or missing, sides other than 1 and -1, no origin.

    See Also
    --------
    read : Read liquidation pools by price from a file or a DataFrame.
    pool : One pool of liquidations between two prices, or several.

    Examples
    --------
    >>> import gammaflow as gf
    >>> pools = gf.liquidations.pool(1.2e9, low=0.8 * 73_300.0, high=0.98 * 73_300.0, source="made up")
    >>> pools.cumulative([58_000.0, 73_300.0, 80_000.0], start=73_300.0).tolist()
    [-1200000000.0, 0.0, 0.0]
    >>> print(f"{pools.per_1pct(68_000.0):,.0f}")  # 0.01 of 1.2bn / ln(0.98 / 0.8)
    59,130,532
    """

    low: Array
    high: Array
    value: Array
    side: Array
    origins: tuple[Origin, ...]
    currency: str = "USD"

    def __post_init__(self) -> None:
        problems: list[str] = []
        names = ("low", "high", "value", "side")
        low, high, value, side = (_column(name, getattr(self, name), problems) for name in names)
        lengths = {name: len(a) for name, a in zip(names, (low, high, value, side), strict=True)}
        if not problems and len(set(lengths.values())) > 1:
            problems.append(f"low, high, value and side differ in length: {lengths}.")
        problems += _rows("low", ~((low > 0.0) & np.isfinite(low)), low, "finite and > 0")
        problems += _rows("value", ~((value >= 0.0) & np.isfinite(value)), value, "finite and >= 0")
        problems += _rows("side", np.abs(side) != 1.0, side, "1 (long) or -1 (short)")
        if low.shape == high.shape:
            problems += _rows("high", ~((high > low) & np.isfinite(high)), high, "finite and > low")
        if not isinstance(self.currency, str) or not self.currency.strip():
            problems.append(f"currency: received {value_text(self.currency)}; legal: text, such as 'USD'.")
        sources = [getattr(origin, "source", None) for origin in as_list(self.origins, "origins", "origins")]
        if not sources or not all(isinstance(source, str) and source.strip() for source in sources):
            problems.append("origins: received none or one without a source; say where the pools come from.")
        refuse("liquidations", problems)
        for name, array in zip(names, (low, high, value, side), strict=True):
            object.__setattr__(self, name, read_only(array.copy()))

    def __len__(self) -> int:
        return len(self.value)

    @property
    def source(self) -> str:
        """Names of all sources, joined by +."""
        return " + ".join(dict.fromkeys(origin.source for origin in self.origins))

    @property
    def spot(self) -> float | None:
        """Price of the underlying when the pools were recorded; None where unknown or several [currency]."""
        spots = {origin.spot for origin in self.origins}
        return spots.pop() if len(spots) == 1 else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Implausible input, one sentence each."""
        return tuple(dict.fromkeys(text for origin in self.origins for text in origin.warnings))

    @property
    def excluded(self) -> tuple[Excluded, ...]:
        """Positions of the sources that are in no pool, by reason."""
        return tuple(part for origin in self.origins for part in origin.excluded)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per pool, by price: low, high, value [currency], side (1 long, -1 short)."""
        columns = {name: getattr(self, name) for name in ("low", "high", "value", "side")}
        return pd.DataFrame(columns).sort_values(["low", "high"], ignore_index=True)

    @cached_property
    def totals(self) -> pd.Series[float]:
        """Value of all long and of all short pools [currency], indexed "long" and "short"."""
        return pd.Series({name: float(self.value[self.side == sign].sum()) for name, sign in SIDES.items()})

    @cached_property
    def _fired(self) -> tuple[Array, Array]:
        """Nodes in ln S, and the value of long and short pools below each."""
        return _ramps(np.log(self.low), np.log(self.high), self.value)

    def nodes(self, start: float) -> tuple[Array, Array]:
        """Nodes of the cumulative flow when price goes straight from `start`; straight in x between them.

        Parameters
        ----------
        start : float
            Price from which pools fire [currency]: long ones below it, short ones above it.

        Returns
        -------
        x : (n,) array
            ln(S / start), ascending, 0.0 among them.
        flow : (n,) array
            Flow from the start to there [currency]: negative below, 0 at x = 0, positive above. Constant
            beyond both ends.
        """
        start = check_number(start, "start", 0.0, open_low=True)
        low, high = np.log(self.low / start), np.log(self.high / start)
        parts = []
        for sign in SIDES.values():
            near, far = (-high, -low) if sign > 0.0 else (low, high)
            ahead = (self.side == sign) & (far > 0.0)
            near, far, value = near[ahead], far[ahead], self.value[ahead]
            first = np.maximum(near, 0.0)
            left = value * ((far - first) / (far - near))
            distance, sum_ = _ramps(np.append(first, 0.0), np.append(far, 0.0), np.append(left, 0.0))
            parts.append((distance, sum_))
        (down, sold), (up, bought) = parts
        return np.concatenate([-down[:0:-1], up]), np.concatenate([-sold[:0:-1], bought])

    def cumulative(self, spots: ArrayLike, start: float) -> Any:
        """Flow fired when price goes straight from `start` to each of `spots`.

        Parameters
        ----------
        spots : array_like
            Prices reached [currency], > 0; NaN gives NaN.
        start : float
            Price at the start [currency].

        Returns
        -------
        float or array
            Currency, <= 0 below the start (sales of long pools), >= 0 above it; never more than the pools.
        """
        x, flow = self.nodes(start)
        at = np.log(self._spots(spots) / float(start))
        return np.interp(at, x, flow)[()]

    def per_1pct(self, spots: ArrayLike) -> Any:
        """Currency that fires per 0.01 of ln S, averaged over 0.005 of ln S on both sides of each spot.

        Parameters
        ----------
        spots : array_like
            Prices [currency], > 0; NaN gives NaN.

        Returns
        -------
        float or array
            Currency >= 0, long and short pools together (see `only`): both destabilise.
        """
        x = np.log(self._spots(spots))
        if not len(self):
            return np.zeros_like(x)[()]
        fired = np.interp(x + 0.005, *self._fired) - np.interp(x - 0.005, *self._fired)
        return np.maximum(fired, 0.0)[()]

    def _spots(self, spots: ArrayLike) -> Array:
        problems: list[str] = []
        array = read_number("spots", spots, problems)
        if array is not None and (array <= 0.0).any():
            problems.append(f"spots: received {array[array <= 0.0].flat[0]:g}; spots must be > 0.")
        refuse("spots", problems)
        return np.asarray(array, dtype=np.float64)

    def only(self, side: str) -> Liquidations:
        """The pools of one side, "long" or "short"."""
        sign = SIDES[check_choice(side, "side", SIDES)]
        mask = self.side == sign
        arrays = {name: getattr(self, name)[mask] for name in ("low", "high", "value", "side")}
        return replace(self, **arrays)

    def scaled(self, factor: float) -> Liquidations:
        """The pools with every value times `factor` (>= 0), such as for accounts that a table lacks."""
        factor = check_number(factor, "factor", 0.0)
        origins = tuple(
            origin._replace(notes=(*origin.notes, f"values times {factor:g}")) for origin in self.origins
        )
        return replace(self, value=self.value * factor, origins=origins)

    def __add__(self, other: Liquidations) -> Liquidations:
        """Pools of both, such as of two venues; MismatchError where currency or unit of price differ."""
        check_noun(other, "other", Liquidations)
        problems = []
        if other.currency != self.currency:
            problems.append(f"currency: {self.currency!r} and {other.currency!r}; convert one of them.")
        spots = [o.spot for o in (*self.origins, *other.origins) if o.spot is not None]
        if spots and max(spots) > min(spots) * (1.0 + SAME_UNIT):
            problems.append(
                f"spot: {min(spots):,.10g} and {max(spots):,.10g}; legal: {SAME_UNIT:.0%} apart at most, "
                "for pools of one unit and about one time."
            )
        if problems:
            raise MismatchError("pools cannot be added: " + " ".join(problems))
        low, high, value, side = (
            np.concatenate([getattr(self, name), getattr(other, name)])
            for name in ("low", "high", "value", "side")
        )
        return Liquidations(low, high, value, side, self.origins + other.origins, self.currency)

    def summary(self) -> str:
        """Totals, sign, sources, what was assumed and excluded."""
        parts = [
            f"{rows_text(int((self.side == sign).sum()), f'{name} pool')} of "
            + " ".join(amount_text(self.totals[name], self.currency))
            for name, sign in SIDES.items()
        ]
        lines = [line for origin in self.origins for line in origin.lines]
        return "\n".join([f"Liquidations: {', '.join(parts)}", _SIGN, *lines])

    def __repr__(self) -> str:
        return self.summary()

    def plot(self, *, ax: Any = None) -> Any:
        """Currency that fires per 0.01 of ln S over price, long and short pools (matplotlib Axes)."""
        from gammaflow.plot.forced_selling import plot_pools

        lines = {}
        for name in SIDES:
            side = self.only(name)
            edges, fired = side._fired if len(side) else (np.zeros(0), np.zeros(0))
            lines[name] = (np.exp(edges), 0.01 * np.diff(fired) / np.diff(edges) if len(edges) else edges)
        return plot_pools(lines, self.spot, f"Liquidations, {self.source}", self.currency, ax=ax)
