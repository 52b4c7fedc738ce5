"""Repricing: a book's measures over a grid of spots and at any other, its tables and pictures."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.accuracy import TOLERANCE, Accuracy, Shortfall, shortfall_lines
from gammaflow.checks import (
    as_list,
    check_choice,
    check_made,
    check_number,
    floats,
    is_among,
    read_only,
)
from gammaflow.errors import SchemaError
from gammaflow.exposure.breaks import Breaks, find_breaks
from gammaflow.exposure.curve import GAP, Curve
from gammaflow.exposure.dynamics import STICKY_STRIKE, Dynamics
from gammaflow.exposure.exposure import KEYS, Exposure, aggregate_exposure
from gammaflow.exposure.moving import vol_at_spot
from gammaflow.exposure.panels import Panels
from gammaflow.exposure.smile import Smiles, fit_smiles
from gammaflow.exposure.sums import BookSums
from gammaflow.frozen import Frozen, lock
from gammaflow.instruments.registry import INSTRUMENTS
from gammaflow.market.plausibility import shift_warnings
from gammaflow.positions.book import Book
from gammaflow.positions.heading import under_rule
from gammaflow.text import moment_text
from gammaflow.units import PROFILE_MEASURES, convert, describe, money, unit_of

__all__ = ["Repricing"]

# Cached properties of a profile that are the same on any grid.
_OF_NO_GRID = {"_exposure", "_sums", "breaks"}

# Jumps of gamma that pictures mark: this share of the largest value or more, and so many at most.
_CLIFF, _CLIFFS = 0.05, 10


@dataclass(frozen=True, eq=False, repr=False)
class Repricing(Frozen):
    """Dealers' measures over a grid of spots, per expiry and in total.

    Attributes
    ----------
    book : Book
        The positions behind the numbers.
    spots : (m,) array
        The grid, ascending [currency].
    values : mapping of (n_expiries, m) arrays
        The measures of `gammaflow.units.PROFILE_MEASURES` that were asked for, each in its unit; + =
        dealers are long.
    dynamics : Dynamics
        Smile dynamics of the profile.
    days, vol_shift : float
        Calendar days rolled forward, and what was added to every volatility [1.00 of vol].
    smiles : Smiles or None
        Smiles of the book, where the dynamics need them.
    tol : float
        Tolerance of rows valued by quadrature (see `sweep_spot`).
    shortfalls : tuple of Shortfall
        Contracts that missed the tolerance, with the error reached, worst first.
    """

    book: Book
    spots: NDArray[np.float64]
    values: Mapping[str, NDArray[np.float64]]
    dynamics: Dynamics = STICKY_STRIKE
    days: float = 0.0
    vol_shift: float = 0.0
    smiles: Smiles | None = None
    tol: float = TOLERANCE
    shortfalls: tuple[Shortfall, ...] = ()

    @cached_property
    def table(self) -> pd.DataFrame:
        """Totals: one row per spot, one column per measure."""
        return pd.DataFrame({name: v.sum(axis=0) for name, v in self.values.items()}, index=self._index)

    @cached_property
    def by_expiry(self) -> pd.DataFrame:
        """One row per spot, columns (measure, expiry): `by_expiry["gamma"]` is spots x expiries."""
        frames = {
            name: pd.DataFrame(v.T, index=self._index, columns=self.book.expiries)
            for name, v in self.values.items()
        }
        return pd.concat(frames, axis=1, names=["measure"])

    def by(self, key: str, measure: str = "gamma") -> pd.DataFrame:
        """One measure, spots x the distinct values of "expiry", "strike", "kind", "venue" or "contract".

        By strike, rows without one (notes, futures) are excluded; their sum is the difference from
        `table`.
        """
        check_choice(key, "key", KEYS)
        if is_among(measure, KEYS):
            raise SchemaError(
                f"by: received {key!r}, {measure!r}; legal: one key, then a measure. By several keys at one "
                f"spot: aggregate_exposure(book.at(spot=...)).by({key!r}, {measure!r})."
            )
        (name,) = _measures([measure])
        if key == "strike" and not self.book.has_strike.all():
            return self._with_strikes(name)
        held = key == "expiry" and name in self.values
        values = self.values[name] if held else self._money(self.spots, [name], by=key)[name]
        groups = self.book.expiries if key == "expiry" else pd.Index(np.unique(self.book[key]), name=key)
        return pd.DataFrame(values.T, index=self._index, columns=groups)

    def _with_strikes(self, measure: str) -> pd.DataFrame:
        """`by("strike")` of the rows that have a strike; no columns where none has one."""
        has = self.book.has_strike
        if not has.any():
            none = pd.Index([], dtype=np.float64, name="strike")
            return pd.DataFrame(index=self._index, columns=none, dtype=np.float64)
        part = replace(self, book=self.book.select(has), values={}, smiles=None)
        if part.dynamics.needs_smile:
            part = replace(part, smiles=fit_smiles(part.book))
        return part.by("strike", measure)

    def split(self, measure: str = "gamma") -> pd.DataFrame:
        """One measure over spot: total, the next expiry, all others, and those within a day."""
        by_expiry = self.by("expiry", measure)
        total, following = by_expiry.sum(axis=1), by_expiry.iloc[:, 0]
        left = self.book.expiries - self.book.asof - pd.Timedelta(self.days, "D")
        return pd.DataFrame(
            {
                "total": total,
                "next_expiry": following,
                "ex_next_expiry": total - following,
                "within_a_day": by_expiry.loc[:, left <= pd.Timedelta(1, "D")].sum(axis=1),
            }
        )

    def at(self, spots: ArrayLike, measures: Sequence[str] | None = None) -> Self:
        """The same book, day, volatility and dynamics, repriced at other spots."""
        wanted = _measures(list(self.values) if measures is None else measures)
        accuracy = Accuracy(self.tol)
        grid = read_only(_grid(spots))
        beside = {"gross_gamma"} if {"gamma", "total_gamma"} & set(wanted) else set()
        found = self._money(grid, {*wanted, *beside}, accuracy=accuracy)
        values = lock({name: measure for name, measure in found.items() if name in wanted})
        out = replace(self, spots=grid, values=values, shortfalls=accuracy.shortfalls)
        out.__dict__.update(self._shared())
        if beside:
            out.__dict__["gross_gamma"] = found["gross_gamma"].sum(axis=0)
        return out

    def to(self, unit: str, *, contract_size: float | None = None) -> pd.DataFrame:
        """Table in another unit: "per_point", "per_100pct", "shares", "contracts" ... (`units.convert`)."""
        return convert(self.table, unit, self.spots, self.book.currency, contract_size)

    def group_sums(
        self, spots: NDArray[np.float64], groups: NDArray[np.intp], measure: str = "gamma"
    ) -> NDArray[np.float64]:
        """One measure of each group of rows at each ascending spot, (groups, spots) [its unit].

        `groups` gives the group of each row, 0, 1, 2, ... without a gap.
        """
        return np.asarray(self._money(spots, [measure], by=groups)[measure])

    def _shared(self) -> dict[str, Any]:
        """Cached properties that do not depend on the grid."""
        return {name: value for name, value in vars(self).items() if name in _OF_NO_GRID}

    def value_at(self, spot: float, measure: str = "gamma") -> float:
        """One measure repriced at one spot, in total [its unit], without the rest of a profile."""
        at = check_number(spot, "spot", 0.0, open_low=True)
        (name,) = _measures([measure])
        return float(self._money(np.array([at]), [name])[name].sum())

    @cached_property
    def gross_gamma(self) -> NDArray[np.float64]:
        """Gamma with every position counted as long, in total at each spot of the grid, (m,) >= 0.

        Currency per +1 % of spot; NaN nowhere.
        """
        held = self.values.get("gross_gamma")
        found = self._money(self.spots, ["gross_gamma"])["gross_gamma"] if held is None else held
        return np.asarray(found.sum(axis=0))

    def curve(self, measure: str = "gamma") -> Curve:
        """One measure in total as a function of spot, with the spots at which it may jump."""
        (name,) = _measures([measure])
        narrowest = self._sums.narrowest if name in ("gamma", "total_gamma") else None

        def values(spots: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(self._money(spots, [name])[name].sum(axis=0))

        def both(spots: NDArray[np.float64]) -> NDArray[np.float64]:
            found = self._money(spots, [name, "gross_gamma"])
            return np.stack([found[name].sum(axis=0), found["gross_gamma"].sum(axis=0)])

        if narrowest is None or not self.spots.size:
            return Curve(values, self.breaks.spots)

        def on_panels(first: int, last: int) -> NDArray[np.float64]:
            found = money(self._sums.on_panels(first, last))
            return np.stack([found[name], found["gross_gamma"]])

        largest = float(self.gross_gamma.max())
        panels = Panels(both, largest, self.book.spot, narrowest, len(self.book), on_panels)
        return Curve(panels, self.breaks.spots, any_order=True, panels=panels)

    @cached_property
    def breaks(self) -> Breaks:
        """Spots at which gamma may jump: early exercise begins, or a barrier is hit."""
        return find_breaks(
            self.book,
            days=self.days,
            vol_shift=self.vol_shift,
            dynamics=self.dynamics,
            smiles=self.smiles,
        )

    @cached_property
    def cliffs(self) -> pd.DataFrame:
        """Jumps of gamma inside the grid that are at least 5 % of its largest value there.

        One row per spot, at most the ten largest, ascending: gamma `below` and `above` it [currency per +1 %
        spot], the `cause`, and how many `contracts` jump there.
        """
        spots, causes, contracts = self.breaks
        inside = (spots > self.spots[0]) & (spots < self.spots[-1])
        at, curve = spots[inside], self.curve()
        below, above = (curve(at * (1.0 + side)) for side in (-GAP, GAP))
        frame = pd.DataFrame(
            {"below": below, "above": above, "cause": causes[inside], "contracts": contracts[inside]},
            index=pd.Index(at, name="spot"),
        )
        largest = np.abs(curve(self.spots)).max() if len(at) else 0.0
        size = (frame["above"] - frame["below"]).abs()
        return (
            frame[size >= _CLIFF * largest].loc[lambda f: size[f.index].nlargest(_CLIFFS).index].sort_index()
        )

    def cliff_spots(self) -> dict[str, list[float]]:
        """Spots of `cliffs` by cause, as pictures take them [currency]."""
        return {str(cause): part.index.tolist() for cause, part in self.cliffs.groupby("cause")}

    def exposure(self) -> Exposure:
        """The book's exposure at its own spot, at the profile's time and volatility."""
        return self._exposure

    @cached_property
    def _exposure(self) -> Exposure:
        sigma = None
        if self.dynamics.by_delta and self.days:
            _, shifted = self.book.rolled(self.days, self.vol_shift)
            sigma = vol_at_spot(self.book, shifted, self.days, self.dynamics, self.smiles)
        return aggregate_exposure(
            self.book,
            days=self.days,
            vol_shift=self.vol_shift,
            sigma=sigma,
            early_exercise=not self.dynamics.moves,
            tol=self.tol,
        )

    def plot(self, measure: str = "gamma", *, levels: Any = None, **options: Any) -> Any:
        """Line of `measure` over spot, shaded where negative (matplotlib Axes).

        Parameters
        ----------
        measure : str
            One of the profile's measures.
        levels : Levels, optional
            Levels of the profile, whose flips, walls and zones are marked where they are of `measure`;
            default: those that `levels()` has found before.
        **options
            `ax`; `label`, the name of one of several on the same axes; and the other options of
            `gammaflow.plot.static.plot_profile`.
        """
        from gammaflow.plot.static import plot_profile

        title = self._title(f"{measure} over spot")
        unit = unit_of(measure, self.book.currency, self.values)
        if levels is not None:
            check_made(levels, "levels", "LevelData", "Levels, as find_levels(profile) returns")
        known = levels if levels is not None else vars(self).get("_found", {}).get(f"0.9, {measure!r}")
        marks: dict[str, Any] = {"jumps": self.cliff_spots()}
        if known is not None and known.measure == measure:
            marks = known.marks() | ({"walls": {}} if options.get("label") else {})
        options = {"currency": self.book.currency, **marks, **options}
        return plot_profile(self.table[measure], self.book.spot, title, unit, **options)

    def plot_stack(self, key: str = "venue", measure: str = "gamma", **options: Any) -> Any:
        """`measure` over spot as the sum of its parts by `key`, as for `by` (matplotlib Axes)."""
        from gammaflow.plot.curves import plot_stack

        book, unit = self.book, unit_of(measure, self.book.currency)
        title = self._title(f"{measure} over spot by {key}")
        options = {"name": measure, "currency": book.currency, **options}
        return plot_stack(self.by(key, measure), book.spot, title, unit, **options)

    def plot_by(self, key: str = "strike", measure: str = "gamma", **options: Any) -> Any:
        """Map of `measure` over spot and the values of `key`, as for `by` (matplotlib Axes)."""
        from gammaflow.plot.maps import plot_heatmap

        book, unit = self.book, unit_of(measure, self.book.currency)
        title = self._title(f"{measure} over spot by {key}")
        options = {"currency": book.currency, **options}
        return plot_heatmap(self.by(key, measure), book.spot, title, unit, **options)

    def _page_units(self) -> Mapping[str, str]:
        return describe(self.book.currency)

    def _title(self, what: str) -> str:
        """Title: symbol, contents, timestamp, any roll, vol shift and smile dynamics, and the rules."""
        rolled = [f"+{self.days:g} days"] * (self.days != 0)
        rolled += [f"{100 * self.vol_shift:+g} vol points"] * (self.vol_shift != 0)
        rolled += [self.dynamics.name] * self.dynamics.moves
        title = ", ".join([f"{self.book.title} {what}", moment_text(self.book.asof), *rolled])
        return under_rule(title, self.book)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Implausible inputs: those of the book (`Book.warnings`), and the vol shift."""
        return self.book.warnings + shift_warnings(self.vol_shift, self.book["sigma"])

    @property
    def remarks(self) -> tuple[str, ...]:
        """Remarks of the book, and on what the profile excludes or misses."""
        caveats = [
            line
            for name, rows in self.book.parts.items()
            for line in INSTRUMENTS[name].caveats(rows, moving=self.dynamics.moves)
        ]
        return (*self.book.remarks, *caveats, *shortfall_lines(self.shortfalls))

    @property
    def _index(self) -> pd.Index:
        return pd.Index(self.spots, name="spot")

    def _money(
        self,
        spots: NDArray[np.float64],
        measures: Collection[str],
        by: str | NDArray[np.intp] = "expiry",
        accuracy: Accuracy | None = None,
    ) -> dict[str, NDArray[np.float64]]:
        sums = self._sums if isinstance(by, str) and by == "expiry" else self._sums_by(by)
        cash = sums(
            np.asarray(spots, dtype=np.float64),
            {PROFILE_MEASURES[name].cash_greek for name in measures},
            accuracy or Accuracy(self.tol),
        )
        return money(cash)

    @cached_property
    def _sums(self) -> BookSums:
        return self._sums_by("expiry")

    def _sums_by(self, by: str | NDArray[np.intp]) -> BookSums:
        """The book's sums per group, ready for any spots."""
        return BookSums(
            self.book,
            days=self.days,
            vol_shift=self.vol_shift,
            by=by,
            dynamics=self.dynamics,
            smiles=self.smiles,
        )


def _grid(spots: ArrayLike) -> NDArray[np.float64]:
    try:
        grid = np.atleast_1d(floats(spots))
    except (TypeError, ValueError):
        grid = np.array([np.nan])
    rising = grid.ndim == 1 and grid.size and grid[0] > 0 and (np.diff(grid) > 0).all()
    if not rising or not np.isfinite(grid).all():
        shown = np.array2string(grid, threshold=6) if np.isfinite(grid).any() else f"{spots!r:.80}"
        raise SchemaError(f"spots: received {shown}; legal: finite prices > 0 in ascending order, each once.")
    return grid


def _measures(names: Iterable[str]) -> list[str]:
    wanted = [names] if isinstance(names, str) else as_list(names, "measures", "names")
    wrong = [name for name in wanted if not is_among(name, PROFILE_MEASURES)]
    if wrong or not wanted:
        raise SchemaError(
            f"measures: received {wrong or wanted!r}; legal: {', '.join(map(repr, PROFILE_MEASURES))}."
        )
    return wanted
