"""Tables and pictures of levels: under each volatility dynamics, per expiry, and over the coming days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

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
from gammaflow.exposure.levels import Levels, find_levels
from gammaflow.exposure.profile import Profile, sweep_spot
from gammaflow.exposure.smile import fit_smiles
from gammaflow.positions.book import Book
from gammaflow.units import describe

__all__ = [
    "compare_dynamics",
    "flip_path",
    "flip_term_structure",
    "plot_dynamics",
    "plot_flip_path",
    "plot_flow",
]

#: The dynamics that `compare_dynamics` compares unless asked otherwise.
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


def _row(levels: Levels) -> dict[str, Any]:
    """The headline levels of one profile; NaN where there is none."""
    spot = levels.profile.book.spot
    flips = sorted((f.spot for f in levels.flips), key=lambda s: abs(s - spot))
    zone = levels.zone
    trough = zone.trough if zone else None
    return {
        "gamma": levels.gamma,
        "flips": len(flips),
        "nearest_flip": flips[0] if flips else np.nan,
        "trough": trough.spot if trough else np.nan,
        "trough_gamma": trough.gamma if trough else np.nan,
        "core_low": trough.core_low if trough else np.nan,
        "core_high": trough.core_high if trough else np.nan,
    }


def _turns(profile: Profile, measure: str) -> dict[str, int]:
    """Turning points of a profile on its grid, in all and without what expires within a day."""
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
) -> pd.DataFrame:
    """Levels of gamma, and of gamma with the move of volatility folded in, under each dynamics.

    Parameters
    ----------
    book : Book
    dynamics : sequence of str or Dynamics
        What to compare.
    spots, core
        As in `sweep_spot` and `find_levels`.

    Returns
    -------
    DataFrame
        One row per (dynamics, measure), measure "gamma" or "total_gamma": the value at spot [currency per
        +1 % spot], how many flips, the one nearest to spot, trough and core of the zone that holds
        spot or is nearest [currency], NaN where there is none, and how many turning points the curve has
        over the grid of spots, in all and without what expires within a day.

    Notes
    -----
    Where the smile moves along with spot, the far strikes of an expiry within a day come to the money at a
    standard deviation of a few points, less than they are apart: the open interest of each makes a turning
    point of its own, whatever the smile. `turns_beyond_a_day` shows what is left.

    Examples
    --------
    >>> import gammaflow as gf
    >>> table = gf.compare_dynamics(gf.assign_positions(gf.demo_chain()), ["sticky_strike"])
    >>> table.index.tolist()
    [('sticky_strike', 'gamma'), ('sticky_strike', 'total_gamma')]
    """
    found = _found(dynamics)
    smiles = fit_smiles(book) if any(d.needs_smile for d in found) else None
    rows = {}
    for how in found:
        profile = sweep_spot(
            book, spots, dynamics=how, smiles=smiles, measures=["gamma", "gross_gamma", "total_gamma"]
        )
        for measure in ("gamma", "total_gamma"):
            levels = find_levels(profile, core=core, measure=measure)
            rows[how.name, measure] = {**_row(levels), **_turns(profile, measure)}
    return _frame(rows, ["dynamics", "measure"])


def flip_term_structure(profile: Profile) -> pd.DataFrame:
    """Levels of each expiry alone, and of all from the next one on without it.

    Parameters
    ----------
    profile : Profile
        Its spots, day, volatility shift and dynamics are used.

    Returns
    -------
    DataFrame
        One row per expiry, columns as in `compare_dynamics` but for the turning points. An expiry that passes
        within the profile's days has no row.
    """
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
        rows[expiry] = _row(find_levels(own))
    return _frame(rows, ["expiry"])


def flip_path(
    book: Book,
    days: Sequence[float],
    *,
    dynamics: str | Dynamics = "sticky_strike",
    spots: ArrayLike | None = None,
) -> pd.DataFrame:
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
    DataFrame
        One row per day, columns as in `compare_dynamics` but for the turning points, and `moment` [UTC].

    Examples
    --------
    >>> import gammaflow as gf
    >>> path = gf.flip_path(gf.assign_positions(gf.demo_chain()), [0, 1, 7])
    >>> path["nearest_flip"].notna().all()
    np.True_
    """
    how = find_dynamics(dynamics)
    smiles = fit_smiles(book) if how.needs_smile else None
    rows = {}
    for day in days:
        profile = sweep_spot(
            book, spots, dynamics=how, days=day, smiles=smiles, measures=["gamma", "gross_gamma"]
        )
        row = _row(find_levels(profile))
        moment = book.asof + pd.Timedelta(float(day), "D")
        rows[float(day)] = {"moment": moment, **row}
    return _frame(rows, ["days"])


def plot_dynamics(
    book: Book,
    dynamics: Sequence[str | Dynamics] = COMPARED,
    *,
    measure: str = "gamma",
    spots: ArrayLike | None = None,
    **options: Any,
) -> Any:
    """Gamma over spot under each dynamics, with its zeros.

    Parameters
    ----------
    book, dynamics, spots
        As in `compare_dynamics`.
    measure : str
        "gamma", or "total_gamma", which folds in how volatility moves with spot.
    **options
        `ax`, `labels`, `currency` of `gammaflow.plot.curves.plot_curves`.

    Returns
    -------
    matplotlib Axes
    """
    from gammaflow.plot.curves import plot_curves

    found = _found(dynamics)
    smiles = fit_smiles(book) if any(d.needs_smile for d in found) else None
    curves, zeros = {}, []
    for how in found:
        profile = sweep_spot(book, spots, dynamics=how, smiles=smiles, measures=[measure])
        curves[how.name] = profile.table[measure]
        zeros.append([flip.spot for flip in find_levels(profile, measure=measure).flips])
    name = measure.replace("_", " ")
    title = f"{book.title} {name} over spot under each dynamics, {book.asof:%Y-%m-%d %H:%M} UTC"
    options = {"currency": book.currency, "zeros": zeros, **options}
    return plot_curves(pd.DataFrame(curves), book.spot, title, describe(book.currency)[measure], **options)


def plot_flip_path(
    book: Book,
    days: Sequence[float] = tuple(range(15)),
    *,
    dynamics: str | Dynamics = "sticky_strike",
    spots: ArrayLike | None = None,
    **options: Any,
) -> Any:
    """Flip, trough and core as days pass, with the expiries that drop off.

    Parameters
    ----------
    book, days, dynamics, spots
        As in `flip_path`.
    **options
        `ax`, `currency` of `gammaflow.plot.curves.plot_path`.

    Returns
    -------
    matplotlib Axes
    """
    from gammaflow.plot.curves import plot_path

    path = flip_path(book, days, dynamics=dynamics, spots=spots)
    title = f"{book.title} zero gamma and short-gamma core ahead, from {book.asof:%Y-%m-%d %H:%M} UTC"
    expiries = list((book.expiries.dropna() - book.asof) / pd.Timedelta(1, "D"))
    options = {"currency": book.currency, "expiries": expiries, **options}
    return plot_path(path, book.spot, title, **options)


def plot_flow(
    book: Book, *, reach: float = 0.05, dynamics: str | Dynamics = "sticky_strike", **options: Any
) -> list[Any]:
    """Gamma around spot, and what dealers must trade in all on the way from spot to each price.

    Parameters
    ----------
    book : Book
    reach : float
        How far on both sides of spot, in (0, 1) [-].
    dynamics : str or Dynamics
        As in `sweep_spot`.
    **options
        `axes`, `currency` of `gammaflow.plot.curves.plot_flow`.

    Returns
    -------
    list of 2 matplotlib Axes
        Of gamma and of the trades, both by full reprice.
    """
    from gammaflow.plot import curves

    if not 0 < reach < 1:
        raise SchemaError(f"reach: received {reach!r}; legal: a share of spot in (0, 1), such as 0.05.")
    moves = np.linspace(-reach, reach, 101)
    profile = sweep_spot(
        book, book.spot * (1.0 + moves), dynamics=dynamics, measures=["gamma", "total_gamma"]
    )
    measure = "total_gamma" if profile.dynamics.moves else "gamma"
    ladder = flow_ladder(
        book, spot_percent=list(100.0 * moves), hours=(), vol_points=(), dynamics=profile.dynamics
    )
    flow = pd.Series(ladder.table["flow"].to_numpy(), index=profile.spots)
    flips = [flip.spot for flip in find_levels(profile, measure=measure).flips]
    title = f"{book.title} gamma and hedge flow around spot, {book.asof:%Y-%m-%d %H:%M} UTC"
    options = {"currency": book.currency, "flips": flips, **options}
    unit = describe(book.currency)[measure]
    return curves.plot_flow(profile.table[measure], flow, book.spot, title, unit, **options)


def _found(dynamics: Sequence[str | Dynamics]) -> list[Dynamics]:
    found = [find_dynamics(d) for d in dynamics]
    if not found:
        raise SchemaError("dynamics: received an empty list; name at least one, such as 'sticky_strike'.")
    return found


def _frame(rows: dict[Any, dict[str, Any]], names: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame.from_dict(rows, orient="index")
    if len(names) > 1:
        frame.index = pd.MultiIndex.from_tuples(list(rows))
    frame.index.names = names
    return frame
