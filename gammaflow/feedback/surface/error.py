"""Error of a hedge surface, found by full revaluation between its nodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gammaflow.checks import read_only
from gammaflow.feedback.surface.barrier_groups import CONTINUOUS
from gammaflow.feedback.surface.surface import ALIVE, KNOCKED, HedgeSurface, SurfaceError
from gammaflow.feedback.surface.values import Valuation

__all__ = ["axis_errors", "surface_error"]

Array = NDArray[np.float64]

# Times between nodes at which the book is revalued.
_TIMES = 8


def surface_error(surface: HedgeSurface, valuation: Valuation) -> SurfaceError:
    """Largest error at the middle of cells: eight times, every spot, the ends of the vols and today's."""
    found = _errors(surface, valuation, (True, True, True))
    gross = surface.gross or 1.0
    return SurfaceError(found[0], found[0] / gross, found[1] / gross)


def axis_errors(surface: HedgeSurface, valuation: Valuation) -> tuple[float, float, float]:
    """The same halfway along one axis only: of time, of spot, of volatility, as shares of gross delta."""
    gross = surface.gross or 1.0
    time, spot, vol = (
        _errors(surface, valuation, tuple(np.arange(3) == axis))[0] / gross for axis in range(3)
    )
    return time, spot, vol


def _errors(surface: HedgeSurface, valuation: Valuation, halfway: tuple[bool, ...]) -> tuple[float, float]:
    """Largest error [units] outside the last hours and in them, halfway between nodes along some axes."""
    x = 0.5 * (surface.x[:-1] + surface.x[1:]) if halfway[1] else surface.x
    spots = read_only(surface.spot * np.exp(x))
    ahead = np.array(
        [
            surface.side[g] * (surface.barrier_x[g] - x) > 0.0
            if name == CONTINUOUS
            else np.ones(len(x), bool)
            for g, name in enumerate(surface.observed)
        ]
    )
    outside, inside = 0.0, 0.0
    for day in _days(surface.days, halfway[0]):
        left = valuation.jumps - day
        for shift in _shifts(surface.vol_shifts, halfway[2]):
            soon = left[left > 0.0].min(initial=np.inf) < valuation.last_days(shift)
            for state, parts, mask in (
                (ALIVE, valuation.alive, ahead),
                (KNOCKED, valuation.knocked, surface.side != 0.0),
            ):
                if not parts:
                    continue
                seen = surface.by_group(day, spots, shift, state)
                off = np.abs(seen - valuation.direct(parts, spots, day, shift))
                largest = float(np.where(mask.T, off.T, 0.0).sum(axis=1).max())
                outside, inside = (outside, max(inside, largest)) if soon else (max(outside, largest), inside)
    return outside, inside


def _days(nodes: Array, halfway: bool) -> list[float]:
    """Some of the times, spread over all; halfway between nodes that are no pair."""
    wide = np.flatnonzero(np.diff(nodes) > 1e-6 * nodes[-1])
    some = wide[np.unique(np.linspace(0, len(wide) - 1, _TIMES).astype(int))]
    return [float(v) for v in (0.5 * (nodes[some] + nodes[some + 1]) if halfway else nodes[some])]


def _shifts(nodes: Array, halfway: bool) -> list[float]:
    """The lowest, today's and the highest vol shift, or the middle of their cells."""
    if len(nodes) == 1:
        return [0.0]
    zero = int(np.searchsorted(nodes, 0.0))
    some = np.unique(np.minimum([0, zero, len(nodes) - 2], len(nodes) - 2))
    return [float(v) for v in (0.5 * (nodes[some] + nodes[some + 1]) if halfway else nodes[some])]
