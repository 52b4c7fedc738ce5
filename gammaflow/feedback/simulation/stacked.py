"""Surfaces of a book and of new trades as one grid of groups for the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gammaflow.errors import MismatchError
from gammaflow.feedback.surface.surface import HedgeSurface
from gammaflow.kernels.hedge_surface import Grid

__all__ = ["Stack", "stack_surfaces"]

Array = NDArray[np.float64]

#: Ramp of positions that are held from the start.
HELD = (-1.0, -1.0)


class Stack(NamedTuple):
    """Groups of one or more surfaces on the grid of the first, at the times of all."""

    grid: Grid
    units: Array  # (G, 2, nt, nx * nu)
    days: Array  # (nt,)
    barrier: Array  # (G,)
    side: Array  # (G,)
    observed: tuple[str, ...]
    looks: tuple[Array, ...]
    venues: list[str]  # names, (V,)
    place: NDArray[np.int64]  # (G,) of each group's venue in venues
    drops: NDArray[np.int64]  # (k,) places in days before expiries whose hedge is delivered
    ramps: list[tuple[float, float]]  # (G,) first and last day of trading


def stack_surfaces(
    surface: HedgeSurface, new: Sequence[tuple[HedgeSurface, float, float]], moving: bool
) -> Stack:
    """Stack of a surface and of new trades with their first and last day; without vol shifts unless it moves.

    Raises
    ------
    MismatchError
        Where grids of spot or vol differ.
    """
    surfaces = [surface, *(trades for trades, _, _ in new)]
    for other in surfaces[1:]:
        _check_same(surface, other)
    days = surface.days if len(surfaces) == 1 else np.unique(np.concatenate([s.days for s in surfaces]))
    columns = slice(None) if moving else [int(np.abs(surface.vol_shifts).argmin())]
    units = np.concatenate([_at_days(s.units[..., columns], s.days, days) for s in surfaces])
    shifts = surface.vol_shifts[columns]
    grid = Grid(
        len(surface.x), len(shifts), float(surface.x[0]),
        float((surface.x[-1] - surface.x[0]) / (len(surface.x) - 1)), float(shifts[0]),
        float((shifts[-1] - shifts[0]) / max(len(shifts) - 1, 1)) or 1.0,
    )  # fmt: skip
    names = [name for s in surfaces for name in s.venue]
    venues = list(dict.fromkeys(names))
    settled = [s.days[s.drops] for s in surfaces if delivered(s)]
    return Stack(
        grid,
        units.reshape(*units.shape[:3], -1),
        days,
        np.concatenate([s.barrier_x for s in surfaces]),
        np.concatenate([s.side for s in surfaces]),
        tuple(word for s in surfaces for word in s.observed),
        tuple(look for s in surfaces for look in s.looks),
        venues,
        np.array([venues.index(name) for name in names], dtype=np.int64),
        np.searchsorted(days, np.unique(np.concatenate([np.empty(0), *settled]))),
        [HELD] * len(surface.side) + [(a, b) for s, a, b in new for _ in s.side],
    )


def delivered(surface: HedgeSurface) -> bool:
    """True if hedges of rows that expire are settled by delivery, not traded away."""
    return surface.expiring == "delivered"


def _check_same(surface: HedgeSurface, other: HedgeSurface) -> None:
    problems = [
        f"{name}: {len(b)} nodes from {b[0]:.6g} to {b[-1]:.6g}, against {len(a)} from {a[0]:.6g} to "
        f"{a[-1]:.6g}"
        for name, a, b in (
            ("x", surface.x, other.x),
            ("vol_shifts", surface.vol_shifts, other.vol_shifts),
            ("spot", [surface.spot], [other.spot]),
        )
        if len(a) != len(b) or not np.allclose(a, b, rtol=1e-12, atol=1e-12)
    ]
    if surface.expiring != other.expiring:
        problems.append(f"expiring: {other.expiring!r}, against {surface.expiring!r}")
    if problems:
        raise MismatchError(
            f"new trades: received a surface that differs ({'; '.join(problems)}). Pass the book, or make "
            "both with the same low, high, step, vol_range and expiring."
        )


def _at_days(units: Array, days: Array, wanted: Array) -> Array:
    """Units (G, 2, nt, nx, nu) at other days: straight between the nodes, constant beyond them."""
    if len(days) == len(wanted):
        return units
    low = np.clip(np.searchsorted(days, wanted, side="right") - 1, 0, max(len(days) - 2, 0))
    high = np.minimum(low + 1, len(days) - 1)
    width = np.where(high > low, days[high] - days[low], 1.0)
    w = np.clip((wanted - days[low]) / width, 0.0, 1.0)[:, None, None]
    return np.asarray(units[:, :, low] + w * (units[:, :, high] - units[:, :, low]))
