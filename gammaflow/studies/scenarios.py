"""Levels under each smile dynamics, per expiry, and over the coming days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from gammaflow.checks import as_list, check_choice, check_noun, check_number
from gammaflow.errors import SchemaError
from gammaflow.exposure.dynamics import (
    STICKY_DELTA,
    STICKY_MONEYNESS,
    STICKY_STRIKE,
    Dynamics,
    find_dynamics,
    skew_stickiness,
    spot_vol_beta,
)
from gammaflow.exposure.flow import flow_ladder
from gammaflow.exposure.levels import Levels
from gammaflow.exposure.profile import Profile, sweep_spot
from gammaflow.exposure.repricing import Repricing
from gammaflow.exposure.smile import fit_smiles
from gammaflow.frozen import FrozenMapping
from gammaflow.positions.book import Book
from gammaflow.positions.heading import heading, under_rule
from gammaflow.studies.headline import CORE, headline
from gammaflow.study import Study
from gammaflow.text import moment_text, rows_text
from gammaflow.units import describe

__all__ = [
    "DynamicsComparison",
    "FlipPath",
    "FlipTermStructure",
    "FlowAroundSpot",
    "compare_dynamics",
    "flip_path",
    "flip_term_structure",
    "flow_around_spot",
]

_MEASURES = ("gamma", "total_gamma")

#: Default smile dynamics of `compare_dynamics`.
COMPARED: tuple[Dynamics, ...] = (
    STICKY_STRIKE,
    STICKY_MONEYNESS,
    STICKY_DELTA,
    skew_stickiness(1.5),
    spot_vol_beta(-1.0),
    spot_vol_beta(-3.0),
)

# A step of a profile below this share of its size has no direction.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class DynamicsComparison(Study):
    """Levels under each smile dynamics; see `compare_dynamics`.

    Attributes
    ----------
    levels : mapping of (dynamics, measure) to Levels
        Levels behind each row of `table`.
    """

    levels: Mapping[tuple[str, str], Levels]

    def plot(self, measure: str = "gamma", *, ax: Any = None, **options: Any) -> Any:
        """Gamma over spot under each smile dynamics, with its zeros (matplotlib Axes).

        Parameters
        ----------
        measure : str
            "gamma", or "total_gamma", which includes the vanna effect of vol that moves with spot.
        ax : matplotlib Axes, optional
            Where to draw; default: a new figure.
        **options
            `labels`, `currency` of `gammaflow.plot.curves.plot_curves`.
        """
        from gammaflow.plot.curves import plot_curves

        check_choice(measure, "measure", _MEASURES)
        found = {name: levels for (name, which), levels in self.levels.items() if which == measure}
        curves = pd.DataFrame({name: levels.profile.table[measure] for name, levels in found.items()})
        zeros = [[flip.spot for flip in levels.nearest_flips] for levels in found.values()]
        book = next(iter(found.values())).profile.book
        name = measure.replace("_", " ")
        title = f"{book.title} {name} over spot under each smile dynamics, {moment_text(book.asof)}"
        options = {"name": name, "currency": book.currency, "zeros": zeros, "ax": ax, **options}
        title = under_rule(title, book)
        return plot_curves(curves, book.spot, title, describe(book.currency)[measure], **options)


@dataclass(frozen=True, eq=False, repr=False)
class FlipTermStructure(Study):
    """Levels of each expiry alone; see `flip_term_structure`."""

    book: Book

    def plot(self, *, ax: Any = None) -> Any:
        """Nearest flip, trough and core of each expiry alone, the next one on top (matplotlib Axes)."""
        from gammaflow.plot.maps import plot_places

        book = self.book
        title = under_rule(f"{book.title} levels of each expiry alone, {moment_text(book.asof)}", book)
        return plot_places(self.table, book.spot, title, band=CORE, currency=book.currency, ax=ax)


@dataclass(frozen=True, eq=False, repr=False)
class FlipPath(Study):
    """Levels as days pass; see `flip_path`."""

    book: Book

    def plot(self, *, ax: Any = None) -> Any:
        """Flip, trough and core as days pass, with the expiries that drop off (matplotlib Axes)."""
        from gammaflow.plot.curves import plot_path

        book = self.book
        what = f"{book.title} zero gamma and short-gamma core ahead, from {moment_text(book.asof)}"
        title = under_rule(what, book)
        expiries = list((book.expiries - book.asof) / pd.Timedelta(1, "D"))
        return plot_path(self.table, book.spot, title, expiries=expiries, currency=book.currency, ax=ax)


@dataclass(frozen=True, eq=False, repr=False)
class FlowAroundSpot(Study):
    """Gamma around spot, and the amount dealers must trade on the way to each price; see `flow_around_spot`.

    Attributes
    ----------
    levels : Levels
        Levels of gamma, or of total gamma where vol moves with spot: the first column of `table`.
    """

    levels: Levels

    def plot(self, *, axes: Sequence[Any] | None = None) -> list[Any]:
        """Gamma over spot, and below it the trades from spot to each price (2 matplotlib Axes)."""
        from gammaflow.plot.curves import plot_flow

        book, measure = self.levels.profile.book, self.levels.measure
        return plot_flow(
            self.table[measure],
            self.table["flow"],
            book.spot,
            under_rule(f"{book.title} gamma and hedge flow around spot, {moment_text(book.asof)}", book),
            describe(book.currency)[measure],
            flips=[flip.spot for flip in self.levels.nearest_flips],
            currency=book.currency,
            axes=axes,
        )


def _turns(profile: Repricing, measure: str) -> dict[str, int]:
    """Turning points of a profile on its grid, in total and without expiries within a day."""
    by_expiry, book = profile.values[measure], profile.book
    later = by_expiry[book.expiries - book.asof > pd.Timedelta(1.0, "D")]
    found = {}
    for name, curve in (("turns", by_expiry.sum(axis=0)), ("turns_beyond_a_day", later.sum(axis=0))):
        steps = np.diff(curve)
        rises = steps[np.abs(steps) > _ROUNDING * np.abs(curve).max()] > 0.0
        found[name] = int((rises[1:] != rises[:-1]).sum())
    return found


def compare_dynamics(
    book: Book,
    dynamics: Sequence[str | Dynamics] = COMPARED,
    *,
    spots: ArrayLike | None = None,
    core: float = 0.9,
) -> DynamicsComparison:
    """Levels of gamma, and of total gamma with the vanna effect, under each smile dynamics.

    Parameters
    ----------
    book : Book
    dynamics : sequence of str or Dynamics
        Smile dynamics to compare.
    spots, core
        As in `sweep_spot` and `find_levels`.

    Returns
    -------
    DynamicsComparison
        `table`: one row per (dynamics, measure), measure "gamma" or "total_gamma": the value at spot
        [currency per +1 % spot], the number of flips, the flip nearest to spot, trough and core of the zone
        that holds spot or is nearest [currency], NaN where there is none, and the number of turning points of
        the curve on the grid of spots, in total and without expiries within a day.

    See Also
    --------
    sweep_spot : Reprice every measure of a book at each spot of a grid.
    fit_smiles : Fit one surface without arbitrage to the volatilities of a book's rows.

    Notes
    -----
    Where the smile moves with spot, the far strikes of an expiry within a day come to the money with a
    standard deviation of a few points, less than the distance between strikes: the open interest at each adds
    its own turning point, whatever the smile. `turns_beyond_a_day` counts the others.

    Examples
    --------
    >>> import gammaflow as gf
    >>> found = gf.compare_dynamics(gf.assign_positions(gf.demo_chain()), ["sticky_strike"])
    >>> found.table.index.tolist()
    [('sticky_strike', 'gamma'), ('sticky_strike', 'total_gamma')]
    """
    check_noun(book, "book", Book)
    found = _found(dynamics)
    smiles = fit_smiles(book) if any(d.needs_smile for d in found) else None
    levels = {}
    for how in found:
        profile = sweep_spot(
            book, spots, dynamics=how, smiles=smiles, measures=["gamma", "gross_gamma", "total_gamma"]
        )
        for measure in _MEASURES:
            levels[how.name, measure] = profile.levels(core=core, measure=measure)
    rows = {key: {**headline(each), **_turns(each.profile, key[1])} for key, each in levels.items()}
    table = _frame(rows, ["dynamics", "measure"])
    return DynamicsComparison(table, tuple(heading("DynamicsComparison", book)), FrozenMapping(levels))


def flip_term_structure(profile: Profile) -> FlipTermStructure:
    """Levels of each expiry alone.

    Parameters
    ----------
    profile : Profile
        Its spots, day, volatility shift and dynamics are used.

    Returns
    -------
    FlipTermStructure
        `table`: one row per expiry, columns as in `compare_dynamics` without the turning points. An expiry
        that passes within the profile's days has no row.

    See Also
    --------
    flip_path : Levels as days pass with spot and volatility unchanged: expiries drop off, gamma sharpens.
    find_levels : Flips, short-gamma zones and walls of a profile.

    Examples
    --------
    >>> import gammaflow as gf
    >>> found = flip_term_structure(gf.sweep_spot(gf.assign_positions(gf.demo_chain())))
    >>> found.table["flips"].to_list()
    [1, 1, 1, 1, 1, 1, 1]
    """
    check_noun(profile, "profile", Profile)
    book, rows = profile.book, {}
    for expiry in book.expiries.dropna():
        if (expiry - book.asof) <= pd.Timedelta(profile.days, "D"):
            continue
        part = book.select(book["expiry"] == expiry.tz_localize(None).to_datetime64())
        own = sweep_spot(
            part,
            profile.spots,
            dynamics=profile.dynamics,
            days=profile.days,
            vol_shift=profile.vol_shift,
            measures=["gamma", "gross_gamma"],
        )
        rows[expiry] = headline(own.levels())
    lines = heading(
        "FlipTermStructure", book, days=profile.days, vol_shift=profile.vol_shift, warnings=profile.warnings
    )
    if not rows:
        raise SchemaError("profile: no row of its book expires after its day; there is no term structure.")
    if never := int(np.isnat(book["expiry"]).sum()):
        lines = [*lines, f"excluded: {rows_text(never)} without an expiry"]
    table = _frame(rows, ["expiry"])
    return FlipTermStructure(table, (*lines, f"smile dynamics: {profile.dynamics}"), book)


def flip_path(
    book: Book,
    days: Sequence[float] = tuple(range(15)),
    *,
    dynamics: str | Dynamics = "sticky_strike",
    spots: ArrayLike | None = None,
) -> FlipPath:
    """Levels as days pass with spot and volatility unchanged: expiries drop off, gamma sharpens.

    Parameters
    ----------
    book : Book
    days : sequence of float
        Calendar days from now, each >= 0.
    dynamics, spots
        As in `sweep_spot`.

    Returns
    -------
    FlipPath
        `table`: one row per day, columns as in `compare_dynamics` without the turning points, and `moment`
        [UTC].

    See Also
    --------
    flip_term_structure : Levels of each expiry alone.
    sweep : Reprice a book at every combination of spots, days and volatility shifts.

    Examples
    --------
    >>> import gammaflow as gf
    >>> path = gf.flip_path(gf.assign_positions(gf.demo_chain()), [0, 1, 7])
    >>> path.table["nearest_flip"].notna().all()
    np.True_
    """
    check_noun(book, "book", Book)
    how = find_dynamics(dynamics)
    smiles = fit_smiles(book) if how.needs_smile else None
    rows = {}
    for day in as_list(days, "days", "numbers"):
        profile = sweep_spot(
            book, spots, dynamics=how, days=day, smiles=smiles, measures=["gamma", "gross_gamma"]
        )
        moment = book.asof + pd.Timedelta(float(day), "D")
        rows[float(day)] = {"moment": moment, **headline(profile.levels())}
    return FlipPath(_frame(rows, ["days"]), (*heading("FlipPath", book), f"smile dynamics: {how}"), book)


def flow_around_spot(
    book: Book, *, reach: float = 0.05, dynamics: str | Dynamics = "sticky_strike"
) -> FlowAroundSpot:
    """Gamma around spot, and the total amount dealers must trade from spot to each price.

    Parameters
    ----------
    book : Book
    reach : float
        Distance on each side of spot, in (0, 1) [-].
    dynamics : str or Dynamics
        As in `sweep_spot`.

    Returns
    -------
    FlowAroundSpot
        `table`: indexed by 101 spots; gamma, or "total_gamma" where volatility moves with spot [currency per
        +1 % spot], and `flow`, the total traded from spot to there [currency, + = dealers buy], both by full
        revaluation.

    Raises
    ------
    SchemaError
        For a reach outside (0, 1).

    See Also
    --------
    hedge_flow : Amount dealers must trade, in currency, between now and a scenario of spot, time and vol.
    flow_ladder : Hedge flows of separate moves of spot, of time and of vol.

    Examples
    --------
    >>> import gammaflow as gf
    >>> around = flow_around_spot(gf.assign_positions(gf.demo_chain()))
    >>> around.table["flow"].iloc[[0, 50, 100]].round(-6).to_list()
    [-933000000.0, 0.0, 660000000.0]
    """
    check_noun(book, "book", Book)
    if not 0 < check_number(reach, "reach") < 1:
        raise SchemaError(f"reach: received {reach!r}; legal: a share of spot in (0, 1), such as 0.05.")
    moves = np.linspace(-reach, reach, 101)
    profile = sweep_spot(book, book.spot * (1.0 + moves), dynamics=dynamics, measures=_MEASURES)
    measure = "total_gamma" if profile.dynamics.moves else "gamma"
    ladder = flow_ladder(
        book, spot_percent=list(100.0 * moves), hours=(), vol_points=(), dynamics=profile.dynamics
    )
    table = profile.table[[measure]].assign(flow=ladder.table["flow"].to_numpy())
    lines = (*heading("FlowAroundSpot", book), f"smile dynamics: {profile.dynamics}")
    return FlowAroundSpot(table, lines, profile.levels(measure=measure))


def _found(dynamics: Sequence[str | Dynamics]) -> list[Dynamics]:
    found = [find_dynamics(d) for d in as_list(dynamics, "dynamics", "names")]
    if not found:
        raise SchemaError("dynamics: received an empty list; name at least one, such as 'sticky_strike'.")
    return found


def _frame(rows: dict[Any, dict[str, Any]], names: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame.from_dict(rows, orient="index")
    if len(names) > 1:
        frame.index = pd.MultiIndex.from_tuples(list(rows))
    frame.index.names = names
    return frame
