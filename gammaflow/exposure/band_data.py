"""Gamma over spot, its flips and its zones as distributions over draws of dealers' shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import check_number, check_whole, read_only
from gammaflow.errors import SchemaError
from gammaflow.exposure.band_levels import (
    Core,
    DrawLevels,
    Flips,
    Zones,
    blocks_of,
    find_draw_levels,
    named_quantiles,
)
from gammaflow.exposure.band_parts import one_at_a_time, short_interval, tornado_table
from gammaflow.exposure.band_text import lines, to_dict
from gammaflow.exposure.break_even import BreakEven, find_break_even
from gammaflow.exposure.levels import noise_share
from gammaflow.exposure.repricing import Repricing
from gammaflow.frozen import Frozen
from gammaflow.instruments.registry import CALLS, PUTS
from gammaflow.kernels.bands import products
from gammaflow.positions.beliefs import Beliefs, CellBeliefs
from gammaflow.positions.book import Book
from gammaflow.text import moment_text
from gammaflow.units import describe

__all__ = ["Bands", "unit_gamma"]

Array = NDArray[np.float64]

# Spots whose draws are held at a time.
_SPOTS = 64


@dataclass(frozen=True, eq=False, repr=False)
class Bands(Frozen):
    """Gamma over spot and its levels under beliefs: quantiles over draws of dealers' shares.

    Attributes
    ----------
    profile : Repricing
        Open interest behind the numbers, with time, vol and smile dynamics.
    known : Repricing or None
        Positions that are known, added to every draw.
    cells : CellBeliefs
        Beliefs about each cell of the open interest.
    unit : (cells, m) array
        Gamma of each cell at each spot were dealers long all of it [currency per +1 % spot]; the last row is
        that of the known positions, if there are any.
    draws, seed : int
        Number of draws, and the seed that gives the same ones again.
    core_fraction : float
        Fraction of a trough that bounds its core.

    See Also
    --------
    sign_bands : Gamma over spot, flips, zones and cores under beliefs about dealers' share of open interest.
    find_levels : Flips, short-gamma zones and walls of a profile.

    Examples
    --------
    >>> import gammaflow as gf
    >>> bands = gf.sign_bands(gf.demo_chain(), "customers_buy_puts", draws=2_000)
    >>> bool(bands.table["p_short"].max() > 0.9)
    True
    >>> list(bands.zones.quantiles.columns)
    ['low', 'high']
    """

    profile: Repricing
    known: Repricing | None
    cells: CellBeliefs
    unit: Array
    draws: int
    seed: int
    core_fraction: float = 0.9

    @property
    def beliefs(self) -> Beliefs:
        """The beliefs drawn from."""
        return self.cells.beliefs

    @cached_property
    def table(self) -> pd.DataFrame:
        """Indexed by spot: quantiles and mean of gamma [currency per +1 % spot], chance of being short."""
        shares = np.ascontiguousarray(self._shares.T)
        parts = []
        for first in range(0, self.unit.shape[1], _SPOTS):
            some = self.unit[:, first : first + _SPOTS]
            out = np.empty((some.shape[1], self.draws))
            products(some.T, shares, out)
            short = (out < -self._floor).mean(axis=1)
            columns = {"mean": out.mean(axis=1), "p_short": short}
            parts.append(pd.DataFrame({**named_quantiles(out), **columns}))
        index = pd.Index(self.profile.spots, name="spot")
        return pd.concat(parts).set_axis(index, axis=0)

    @cached_property
    def samples(self) -> pd.DataFrame:
        """Dealers' share of each cell in each draw, (draws, cells)."""
        index = pd.RangeIndex(self.draws, name="draw")
        count = len(self.cells.mean)
        return pd.DataFrame(self._shares[:, :count], index=index, columns=self.cells.table.index)

    @cached_property
    def flips(self) -> Flips:
        """Zero-gamma flips inside the grid: the one nearest to spot in ln S, and all of them."""
        found = self._levels
        every = pd.DataFrame({"draw": found.draw, "spot": found.zero, "rising": found.rising})
        nearest = self._frame[["flip"]]
        return Flips(nearest, f"zero gamma nearest to spot [{self._book.currency}]", every)

    @cached_property
    def zones(self) -> Zones:
        """The short-gamma zone around spot, or nearest to it."""
        levels = self._frame
        samples = levels[["low", "high"]].assign(
            low_open=levels["low_end"] == 2.0, high_open=levels["high_end"] == 2.0
        )
        return Zones(samples, f"short-gamma zone around or nearest to spot [{self._book.currency}]")

    @cached_property
    def core(self) -> Core:
        """Trough of that zone, gamma there, and the bounds of its core."""
        samples = self._frame[["trough", "core_low", "core_high", "gamma"]]
        samples = samples.assign(open=samples["trough"].isin(self.profile.spots[[0, -1]]))
        unit = describe(self._book.currency)["gamma"]
        return Core(
            samples,
            f"trough and core ({self.core_fraction:g} of it) of that zone, gamma [{unit}] at the trough",
        )

    @cached_property
    def break_even(self) -> BreakEven:
        """Net share of put (of call) open interest below which dealers are short gamma, others at means."""
        extra = np.zeros(len(self.unit) - len(self.cells.mean))
        size = np.append(self.cells.cells.table["size"].to_numpy(), extra)
        return find_break_even(
            self._unit_at,
            self.profile.spots,
            self._book.spot,
            {name: mask for name, mask in self._kinds.items() if size[mask].sum() > 0.0},
            size,
            self._shares,
            self._means,
            self._breaks,
        )

    def interval(self, low: float, high: float) -> pd.Series:
        """Part of an interval of spots in which dealers are short gamma.

        Parameters
        ----------
        low, high : float
            Ends of the interval, inside the grid [currency].

        Returns
        -------
        Series
            `p_all`: probability that all of it is short, so that it lies inside one zone; `p_any`; `mean` and
            quantiles of the short part of it (in ln S); `p_trough`: probability that the trough of the zone
            nearest to spot lies in it; `core`: mean part of it inside that trough's core; `p_core`:
            probability that all of it is; `put_all`, `put_any`: net share of put open interest below which
            all and any of it is short, other shares at their means.

        Raises
        ------
        SchemaError
            For an interval that is empty or not inside the grid.
        """
        low, high = check_number(low, "low"), check_number(high, "high")
        spots = self.profile.spots
        if not spots[0] <= low < high <= spots[-1]:
            raise SchemaError(
                f"interval: received {low:g} .. {high:g}; legal: low < high, both inside the grid "
                f"{spots[0]:,.2f} .. {spots[-1]:,.2f}."
            )
        x = np.unique(np.concatenate([[low], spots[(spots > low) & (spots < high)], [high]]))
        puts = self._kinds["put"]
        fixed = (self._means, puts, self._frame, self._floor)
        return short_interval(x, self._unit_at(x), self._shares, *fixed)

    def tornado(self) -> pd.DataFrame:
        """Cells by how much they matter: levels with one share at its 5 and 95 % quantile, others at means.

        `plot_tornado` is its picture.

        Returns
        -------
        DataFrame
            One row per cell, the largest `swing` of gamma at spot first: the two shares, and gamma at spot,
            nearest flip, trough and core at both.
        """
        table = self.cells.table
        shares = one_at_a_time(self._means, table["5 %"].to_numpy(), table["95 %"].to_numpy())
        gamma = np.empty((len(shares), 1))
        products(shares, self._unit_at(np.array([self._book.spot])), gamma)
        return tornado_table(table, gamma[:, 0], self._levels_of(shares).table)

    def book(self, draw: int) -> Book:
        """Dealers' positions in one draw, known ones included; its levels are solved, not interpolated.

        Raises
        ------
        SchemaError
            For a number that is no draw.
        """
        draw = check_whole(draw, "draw", 0, self.draws - 1)
        interest = self._book
        share = self._shares[draw, self.cells.cells.place]
        label = f"draw {draw} of beliefs {self.beliefs.name}, seed {self.seed}"
        columns = {**interest.columns, "position": share * interest["position"]}
        drawn = replace(interest, columns=columns, signed=True, rule=(label,))
        return drawn if self.known is None else drawn + self.known.book

    def plot(self, **options: Any) -> Any:
        """Bands of gamma over spot; beneath, the probability of short gamma and the density of the flip."""
        from gammaflow.plot.bands import plot_bands

        book, profile = self._book, self.profile
        when = moment_text(book.asof, profile.days, profile.vol_shift)
        lines = [
            f"{book.title} gamma over spot, {when}",
            f"beliefs: {self.beliefs.name}, {self.draws:,} draws, seed {self.seed}",
            *book.filters,
        ]
        title, unit = "\n".join(lines), describe(book.currency)["gamma"]
        density = self.flips.density()
        return plot_bands(self.table, density, book.spot, title, unit, currency=book.currency, **options)

    def plot_tornado(self, *, cells: int = 10, ax: Any = None) -> Any:
        """The cells whose shares matter most to gamma at spot (`tornado`), as bars (matplotlib Axes).

        Parameters
        ----------
        cells : int
            Number of cells drawn.
        ax : matplotlib Axes, optional
            Axes to draw on; by default a new figure.

        Raises
        ------
        SchemaError
            Unless `cells` is a number >= 1.
        """
        from gammaflow.plot.bands import plot_tornado

        book = self._book
        some = self.tornado().iloc[: int(check_number(cells, "cells", 1.0))]
        middle = float(self._means @ self._unit_at(np.array([book.spot]))[:, 0])
        title = f"{book.title}: shares that matter, {moment_text(book.asof)}\nbeliefs: {self.beliefs.name}"
        return plot_tornado(some, middle, title, describe(book.currency)["gamma"], ax=ax)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Implausible inputs of the book, entries of the beliefs and evidence that apply to nothing."""
        return (*self.profile.warnings, *self.cells.remarks)

    def to_dict(self) -> dict[str, Any]:
        """Every number as plain Python: table, flips, zones, core, break-even and tornado."""
        return to_dict(self)

    def _page_units(self) -> Mapping[str, str]:
        return dict.fromkeys(
            ("5 %", "25 %", "50 %", "75 %", "95 %", "mean"), describe(self._book.currency)["gamma"]
        )

    def __repr__(self) -> str:
        return "\n".join(lines(self))

    @property
    def _book(self) -> Book:
        return self.profile.book

    @cached_property
    def _shares(self) -> Array:
        """Share of each row of `unit` in each draw: 1 for what is known."""
        drawn = self.cells.draw(self.draws, self.seed)
        known = np.ones((self.draws, len(self.unit) - drawn.shape[1]))
        return read_only(np.concatenate([drawn, known], axis=1))

    @property
    def _kinds(self) -> dict[str, NDArray[np.bool_]]:
        """Rows of `unit` that are puts, and those that are calls, of any kind."""
        kind = np.append(self.cells.cells.table["kind"].to_numpy(str), [""])[: len(self.unit)]
        return {"put": np.isin(kind, PUTS), "call": np.isin(kind, CALLS)}

    @property
    def _means(self) -> Array:
        return np.append(self.cells.mean, np.ones(len(self.unit) - len(self.cells.mean)))

    @cached_property
    def _floor(self) -> float:
        """Size below which gamma has no sign, as for `find_levels`."""
        return noise_share(self.profile) * float(np.abs(self.unit).sum(axis=0).max())

    @property
    def _breaks(self) -> Array:
        known = self.known.breaks.spots if self.known else np.empty(0)
        return np.union1d(self.profile.breaks.spots, known)

    def _unit_at(self, spots: Array) -> Array:
        return unit_gamma(self.profile, self.known, self.cells, spots)

    def _levels_of(self, shares: Array) -> DrawLevels:
        def blocks() -> Iterator[tuple[slice, Array]]:
            return blocks_of(shares, self.unit)

        fixed = (self.profile.spots, self._book.spot, self._floor, self.core_fraction)
        return find_draw_levels(blocks, len(shares), *fixed)

    @cached_property
    def _levels(self) -> DrawLevels:
        return self._levels_of(self._shares)

    @property
    def _frame(self) -> pd.DataFrame:
        return self._levels.table


def unit_gamma(profile: Repricing, known: Repricing | None, cells: CellBeliefs, spots: Array) -> Array:
    """Gamma of each cell at ascending spots, and of the known positions."""
    found = [profile.group_sums(spots, cells.cells.place)]
    if known is not None:
        found.append(known.group_sums(spots, np.zeros(len(known.book), dtype=np.intp)))
    return np.concatenate(found)
