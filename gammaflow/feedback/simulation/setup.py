"""Setup: arguments of a simulation, kept so that it can be run again without some of its channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.feedback.impact.curve import Impact
from gammaflow.feedback.simulation.raw_paths import RawPaths
from gammaflow.feedback.surface.surface import HedgeSurface
from gammaflow.frozen import Frozen, FrozenMapping
from gammaflow.positions.book import Book
from gammaflow.units import DAYS_PER_YEAR, PERCENT

__all__ = ["Setup"]


@dataclass(frozen=True, eq=False, repr=False)
class Setup(Frozen):
    """Everything that decides a simulation: the same setup gives the same paths, bit for bit.

    Attributes
    ----------
    surface : HedgeSurface
        Dealers' delta by time, spot and volatility, with the book behind it where there is one.
    impact : Impact
        Price impact of a trade, with its source.
    channels : tuple of str
        Names of the channels in use.
    paths, steps, seed : int
        Number of paths and of steps, and the seed of the random numbers.
    days : float
        Calendar days simulated.
    volatility : float
        Yearly volatility of the noise [1.00 of vol].
    beta : float
        d sigma / d ln S.
    hedge_fraction : float
        Share of the theoretical hedge that dealers trade.
    run : function
        Simulation of a setup with only the named channels: `run(setup, channels)`, a function of a module so
        that results pickle.
    options : mapping
        All other arguments, as the simulation reads them.
    notes : tuple of str
        Facts about the run for its text: which values were clipped, which were derived and from what.
    """

    surface: HedgeSurface
    impact: Impact
    channels: tuple[str, ...]
    paths: int
    steps: int
    days: float
    seed: int
    volatility: float
    beta: float
    hedge_fraction: float
    run: Callable[[Setup, tuple[str, ...]], RawPaths]
    options: Mapping[str, Any] = field(default_factory=FrozenMapping)
    notes: tuple[str, ...] = ()

    @property
    def book(self) -> Book | None:
        """Positions behind the surface; None where it was made without a book."""
        return self.surface.book

    @property
    def spot(self) -> float:
        """Price at the start [currency]."""
        return self.surface.spot

    @property
    def asof(self) -> pd.Timestamp:
        """Timestamp of the start."""
        return self.surface.asof

    @property
    def currency(self) -> str:
        """Currency of prices and flows."""
        return self.impact.currency if self.book is None else self.book.currency

    @property
    def title(self) -> str:
        """Title of the book, or text that there is none."""
        return "surface without a book" if self.book is None else self.book.title

    @property
    def hedges_late(self) -> bool:
        """True where dealers trade a step's whole change of delta in the step after it."""
        hedging = {"gamma", "vanna"} & {*self.channels}
        return bool(hedging) and self.options.get("mode") == "explicit" and not self.options.get("hedge_rate")

    def largest_gain(self) -> tuple[float, float]:
        """Loop gain of gamma and vanna, the largest in size near the start, and its spot [currency].

        Near is three standard deviations of the noise and twice the move of the shock alone, 5 % at least.
        Volatility moves with spot by `beta`, within the shifts of the surface.
        """
        surface, impact = self.surface, self.impact
        alone = float(impact.log_return(self.options.get("shock") or 0.0))
        noise = self.volatility * (self.days / DAYS_PER_YEAR) ** 0.5
        reach = max(0.05, 3.0 * noise + 2.0 * abs(alone))
        x = np.linspace(max(-reach, surface.x[0]), min(reach, surface.x[-1]), 201)
        moved = np.clip(self.beta * x, surface.vol_shifts[0], surface.vol_shifts[-1])
        gained = np.diff(surface.delta(0.0, surface.spot * np.exp(x), moved)) / np.diff(x)
        spots = surface.spot * np.exp(0.5 * (x[1:] + x[:-1]))
        gain = -self.hedge_fraction * PERCENT * spots * gained / impact.per_1pct
        worst = int(np.abs(gain).argmax())
        return float(gain[worst]), float(spots[worst])

    def again(self, channels: tuple[str, ...]) -> RawPaths:
        """The same random numbers with only these channels."""
        return self.run(self, channels)
