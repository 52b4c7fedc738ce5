"""Levels of a report that alerts watch and the day's record keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from gammaflow.report import Report

__all__ = ["Marks", "marks_of"]

#: Walls that are watched: the strike with the most unsigned gamma of calls, and of puts.
_WALLS = {"call wall": "call", "put wall": "put"}

# One-day standard deviation of ln spot where no option tells one.
_SIGMA = 0.01


@dataclass(frozen=True)
class Marks:
    """Position of the price among the levels at one timestamp.

    Attributes
    ----------
    symbol, currency : str
    asof : Timestamp
        Time of the quotes (UTC).
    spot : float
        [currency]
    gamma : float
        Dealers' gamma at spot [currency per +1 % spot]; + = dealers are long.
    sigma : float
        One-day standard deviation of ln spot.
    flips : tuple of float
        Spots at which gamma changes its sign, jumps included, ascending [currency].
    zones, cores : tuple of (float, float)
        Bounds of the short-gamma zones, and of the cores inside them [currency].
    walls : mapping of str to float
        Strike of each wall, by its name; NaN where there is none.
    heights : mapping of str to mapping of float to float
        Unsigned gamma by strike of which each wall is the highest.
    signed : bool
        False where positions are open interest alone: such gamma has no sign to change.
    """

    symbol: str
    currency: str
    asof: pd.Timestamp
    spot: float
    gamma: float
    sigma: float
    flips: tuple[float, ...] = ()
    zones: tuple[tuple[float, float], ...] = ()
    cores: tuple[tuple[float, float], ...] = ()
    walls: Mapping[str, float] = field(default_factory=dict)
    heights: Mapping[str, Mapping[float, float]] = field(default_factory=dict)
    signed: bool = True


def marks_of(report: Report) -> Marks:
    """The marks of a report.

    Examples
    --------
    >>> import gammaflow as gf
    >>> marks = marks_of(gf.analyze(gf.demo_chain()))
    >>> marks.walls
    {'call wall': 85000.0, 'put wall': 70000.0}
    """
    levels, book = report.levels, report.book
    gross = report.exposure.by("kind", "strike")["gross_gamma"]
    kinds = set(gross.index.get_level_values("kind"))
    return Marks(
        symbol=book.symbol,
        currency=book.currency,
        asof=book.asof,
        spot=book.spot,
        gamma=levels.gamma,
        sigma=levels.day_sigma if np.isfinite(levels.day_sigma) else _SIGMA,
        flips=tuple(sorted([*(f.spot for f in levels.flips), *(j.spot for j in levels.jumps)])),
        zones=tuple((z.low, z.high) for z in levels.zones),
        cores=tuple((t.core_low, t.core_high) for z in levels.zones for t in z.troughs),
        walls={"call wall": levels.call_wall, "put wall": levels.put_wall},
        heights={name: gross[kind].to_dict() if kind in kinds else {} for name, kind in _WALLS.items()},
        signed=book.signed,
    )
