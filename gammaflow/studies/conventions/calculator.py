"""Numbers of one chain under any convention: gamma, gamma by strike, walls and flip."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.exposure.profile import sweep_spot
from gammaflow.exposure.walls import StrikeRows, walls_of
from gammaflow.market.chain import PLACEHOLDER_IV
from gammaflow.positions.rules import assign_positions
from gammaflow.studies.conventions.convention import Convention
from gammaflow.studies.conventions.valuations import Valuations
from gammaflow.units import convert, describe

__all__ = ["Calculator"]

Array = NDArray[np.float64]


class Calculator(Valuations):
    """Numbers of one chain under any number of conventions; every valuation is made once.

    Gamma is linear in positions, so that rows are valued once per source of vols, rates, day count and
    exercise style; sign, filters and unit are products of arrays.

    Parameters
    ----------
    chain : Chain
        As the vendor published it; for a repaired chain, its original is used.

    See Also
    --------
    measure : Gamma, flip and walls that a tool with one convention shows for a chain.
    find_convention : A convention by the name of a preset or of a tool, or the convention itself.

    Examples
    --------
    >>> import gammaflow as gf
    >>> calculator = gf.conventions.Calculator(gf.demo_chain())
    >>> book = gf.assign_positions(gf.demo_chain())
    >>> ours = float(gf.aggregate_exposure(book).total()["gamma"])
    >>> round(calculator.number(gf.Convention(), "gamma") / ours, 12)
    1.0
    """

    def unit(self, unit: str | float) -> tuple[float, str]:
        """Factor from currency per +1 % to a unit of gamma, and the unit in words."""
        if unit == "per_1pct":
            return 1.0, describe(self.chain.currency)["gamma"]
        to, size = ("contracts", float(unit)) if not isinstance(unit, str) else (unit, None)
        one = pd.DataFrame({"gamma": [1.0]})
        table = convert(one, to, self.chain.spot, self.chain.currency, size)
        words = str(table.columns[0]).removeprefix("gamma [").removesuffix("]")
        return float(table.to_numpy()[0, 0]), f"{words} ({size:g} units each)" if size else words

    def number(self, convention: Convention, name: str) -> float:
        """One number under a convention: "gamma", "flip", "call_wall", "put_wall" or "rows"."""
        c = convention
        if name == "flip":
            return self._flip(c)
        if name in ("call_wall", "put_wall"):
            return float(self._walls(c)[name])
        held, gamma = self.counted(c)
        if name == "rows":
            return float(np.count_nonzero(held))
        # No BLAS: its threads cost more than the sum.
        return float((held * gamma).sum()) * self._factor(c.unit)

    def _factor(self, unit: str | float) -> float:
        return self.once(("unit", unit), lambda: self.unit(unit))[0]

    def rows(self, convention: Convention) -> Array:
        """Gamma of each row of the chain under a convention, in its unit, (n,); 0 where it does not count."""
        held, gamma = self.counted(convention)
        return held * gamma * self._factor(convention.unit)

    @cached_property
    def _strikes(self) -> tuple[Array, NDArray[np.intp]]:
        strikes, place = np.unique(self.chain["strike"], return_inverse=True)
        return strikes, place

    def by_strike(self, convention: Convention) -> pd.Series:
        """Gamma by strike under a convention, at every strike that has a row that counts."""
        held, _ = self.counted(convention)
        strikes, place = self._strikes
        sums = np.bincount(place, self.rows(convention), len(strikes))
        used = np.bincount(place, held != 0, len(strikes)) > 0
        return pd.Series(sums[used], pd.Index(strikes[used], name="strike"), name="gamma")

    def _walls(self, c: Convention) -> pd.Series:
        def make() -> pd.DataFrame:
            held, gamma = self.counted(c)
            used, money = held != 0, held * gamma
            columns = self.chain.columns
            rows = (columns["strike"], columns["kind"], columns["expiry"], money, np.abs(money), np.abs(held))
            return walls_of(StrikeRows(*(values[used] for values in rows)), self.chain.spot)

        table = self.once(("walls", self._key(c)), make)
        return pd.Series(table.loc[c.wall])

    def _flip(self, c: Convention) -> float:
        return self.once(("flip", self._key(c), c.flip, c.rates, c.exercise), lambda: self._find_flip(c))

    def _key(self, c: Convention) -> Hashable:
        """The choices that decide the sum of gamma up to a factor."""
        chosen = (id(c.rule), c.window, c.min_open_interest, c.moneyness, c.delta, c.otm_only)
        uniform = len(np.unique(self.chain["multiplier"])) == 1
        return (*chosen, c.iv, c.rates, c.day_count, c.exercise, "" if uniform else c.multiplier)

    def _find_flip(self, c: Convention) -> float:
        if c.flip != "repriced":
            bars = self.by_strike(c)
            return _crossing(bars.cumsum() if c.flip == "cumulative" else bars, self.chain.spot)
        vols = self.vols(c.iv)
        fine = (vols > PLACEHOLDER_IV) & self.alive(c.day_count)
        held = self.positions(c.rule) * (self.mask(c) & fine)
        if not held.any():
            return np.nan
        columns: dict[str, Any] = {"iv": vols}
        if c.multiplier == "forgotten":
            columns["multiplier"] = 1.0
        book = assign_positions(self.variant(c).with_columns(**columns), held)
        flip = sweep_spot(book, measures=("gamma", "gross_gamma")).levels().nearest_flip
        return flip.spot if flip else np.nan


def _crossing(bars: pd.Series, spot: float) -> float:
    """The sign change of values across strikes that is nearest to spot, interpolated; NaN without one."""
    bars = bars[bars != 0]
    x, y = bars.index.to_numpy(dtype=np.float64), bars.to_numpy()
    at = np.flatnonzero(np.sign(y[1:]) != np.sign(y[:-1]))
    if not at.size:
        return np.nan
    found = x[at] - y[at] * (x[at + 1] - x[at]) / (y[at + 1] - y[at])
    return float(found[np.abs(np.log(found / spot)).argmin()])
