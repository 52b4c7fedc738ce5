"""Tables of levels: under each volatility dynamics, per expiry, and over the coming days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from gammaflow.book import Book
from gammaflow.dynamics import (
    STICKY_DELTA,
    STICKY_MONEYNESS,
    STICKY_STRIKE,
    Dynamics,
    find_dynamics,
    skew_stickiness,
    spot_vol_beta,
)
from gammaflow.errors import SchemaError
from gammaflow.levels import Levels, find_levels
from gammaflow.profile import Profile, sweep_spot
from gammaflow.smile import fit_smiles

__all__ = ["compare_dynamics", "flip_path", "flip_term_structure"]

#: The dynamics that `compare_dynamics` compares unless asked otherwise.
COMPARED: tuple[Dynamics, ...] = (
    STICKY_STRIKE,
    STICKY_MONEYNESS,
    STICKY_DELTA,
    skew_stickiness(1.5),
    spot_vol_beta(-1.0),
    spot_vol_beta(-3.0),
)


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
        +1 % spot], how many flips, the one nearest to spot, and trough and core of the zone that holds
        spot or is nearest [currency]; NaN where there is none.

    Examples
    --------
    >>> import gammaflow as gf
    >>> table = gf.compare_dynamics(gf.assign_positions(gf.demo_chain()), ["sticky_strike"])
    >>> table.index.tolist()
    [('sticky_strike', 'gamma'), ('sticky_strike', 'total_gamma')]
    """
    found = [find_dynamics(d) for d in dynamics]
    if not found:
        raise SchemaError("dynamics: received an empty list; name at least one, such as 'sticky_strike'.")
    smiles = fit_smiles(book) if any(d.needs_smile for d in found) else None
    rows = {}
    for how in found:
        profile = sweep_spot(
            book, spots, dynamics=how, smiles=smiles, measures=["gamma", "gross_gamma", "total_gamma"]
        )
        for measure in ("gamma", "total_gamma"):
            rows[how.name, measure] = _row(find_levels(profile, core=core, measure=measure))
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
        One row per expiry, columns as in `compare_dynamics`. An expiry that passes within the profile's days
        has no row.
    """
    book, rows = profile.book, {}
    for expiry in book.expiries:
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
        One row per day, columns as in `compare_dynamics`, and `moment` [UTC].

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


def _frame(rows: dict[Any, dict[str, Any]], names: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame.from_dict(rows, orient="index")
    if len(names) > 1:
        frame.index = pd.MultiIndex.from_tuples(list(rows))
    frame.index.names = names
    return frame
