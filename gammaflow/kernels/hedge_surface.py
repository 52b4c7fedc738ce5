"""Dealers' delta between the nodes of a surface, and the split of its change into gamma, vanna and charm.

A slice is the surface of one group and state at one time: nx rows of ln S by nu vol shifts, one after the
other. Both axes are even, so that a place is a row, a column and the parts of a cell beyond them; outside of
the grid the last node counts.
"""

from __future__ import annotations

from typing import NamedTuple

from gammaflow.kernels.compile import scalar, subroutine

__all__ = ["Grid", "blend_rows", "lerp", "place", "shapley", "slice_delta"]


class Grid(NamedTuple):
    """The two even axes of a surface."""

    nx: int
    nu: int
    x_low: float
    x_step: float
    u_low: float
    u_step: float


@scalar
def lerp(a, b, w):
    """Straight line from a at w = 0 to b at w = 1."""
    return a + w * (b - a)


@scalar
def place(value, low, step, count):
    """Cell of an even axis that holds a value, and the part of the cell below it; ends beyond the axis."""
    if count < 2:
        return 0, 0.0
    at = (value - low) / step
    at = min(max(at, 0.0), count - 1.0)
    cell = min(int(at), count - 2)
    return cell, at - cell


@scalar
def slice_delta(values, row, fx, column, fu, nu):
    """Bilinear delta of a slice at a place."""
    i = row * nu + column
    if nu == 1:
        return lerp(values[i], values[i + 1], fx)
    return lerp(lerp(values[i], values[i + 1], fu), lerp(values[i + nu], values[i + nu + 1], fu), fx)


@scalar
def shapley(d000, d100, d010, d110, d001, d101, d011, d111):
    """Parts of d111 - d000 that the first, second and third argument change: the mean over their orders."""
    first = 2.0 * (d100 - d000) + (d101 - d001) + (d110 - d010) + 2.0 * (d111 - d011)
    second = 2.0 * (d010 - d000) + (d011 - d001) + (d110 - d100) + 2.0 * (d111 - d101)
    third = 2.0 * (d001 - d000) + (d011 - d010) + (d101 - d100) + 2.0 * (d111 - d110)
    return first / 6.0, second / 6.0, third / 6.0


@subroutine()
def blend_rows(units, node, weight, nu, first, last, out):
    """Rows first..last of a slice between the times node and node + 1 of units (nt, nx * nu) into out."""
    a, b = units[node], units[min(node + 1, len(units) - 1)]
    for i in range(first * nu, (last + 1) * nu):
        out[i] = lerp(a[i], b[i], weight)
