"""Random numbers that depend on (seed, path, step) only: Philox 4x32-10, and two normals from each block.

A path has the same numbers whatever the threads, the blocks, the other paths and the channels that are
simulated. Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3 (2011).
"""

from __future__ import annotations

import math

import numpy as np

from gammaflow.kernels.compile import kernel, scalar
from gammaflow.kernels.elementary import log

__all__ = ["fill_normals", "normal_pair", "normals", "philox"]

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_TO_53 = np.uint64(11)
_UNIT = 2.0**-53


@scalar
def philox(c0, c1, c2, c3, k0, k1):
    """Four random words of 32 bits from a counter of four and a key of two, all held in uint64."""
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0 = (p1 >> _HALF) ^ c1 ^ k0
        c1 = p1 & _LOW
        c2 = (p0 >> _HALF) ^ c3 ^ k1
        c3 = p0 & _LOW
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@scalar
def circle(u):
    """cos(2 pi u) and sin(2 pi u) of u in [0, 1), to 3e-16: polynomials on an eighth of the circle."""
    quarter = math.floor(4.0 * u + 0.5)
    a = (u - 0.25 * quarter) * 6.283185307179586
    v = a * a
    sine = 1.58969099521155010221e-10
    sine = sine * v - 2.50507602534068634195e-08
    sine = sine * v + 2.75573137070700676789e-06
    sine = sine * v - 1.98412698298579493134e-04
    sine = sine * v + 8.33333333332248946124e-03
    sine = sine * v - 1.66666666666666324348e-01
    sine = a + a * v * sine
    cosine = -1.13596475577881948265e-11
    cosine = cosine * v + 2.08757232129817482790e-09
    cosine = cosine * v - 2.75573143513906633035e-07
    cosine = cosine * v + 2.48015872894767294178e-05
    cosine = cosine * v - 1.38888888888741095749e-03
    cosine = cosine * v + 4.16666666666666019037e-02
    cosine = 1.0 - 0.5 * v + v * v * cosine
    odd = quarter == 1.0 or quarter == 3.0
    x, y = (sine if odd else cosine), (cosine if odd else sine)
    x = -x if quarter == 1.0 or quarter == 2.0 else x
    y = -y if quarter == 2.0 or quarter == 3.0 else y
    return x, y


@scalar
def normal_pair(a, b):
    """Two independent standard normals from two uniforms, a in (0, 1] and b in [0, 1) (Box and Muller)."""
    radius = math.sqrt(max(-2.0 * log(a), 0.0))
    x, y = circle(b)
    return radius * x, radius * y


@scalar
def normals(seed, path, step):
    """The two standard normals of one step of one path; seed, path and step are uint64, steps below 2^32."""
    w0, w1, w2, w3 = philox(step, np.uint64(0), path & _LOW, path >> _HALF, seed & _LOW, seed >> _HALF)
    first = ((w0 << _HALF) | w1) >> _TO_53
    second = ((w2 << _HALF) | w3) >> _TO_53
    return normal_pair((np.float64(np.int64(first)) + 1.0) * _UNIT, np.float64(np.int64(second)) * _UNIT)


@kernel("one", "two")
def fill_normals(seed, first, step, one, two):
    """Both normals of a step for the paths first, first + 1, ... into one (n,) and two (n,)."""
    key, at, count = np.uint64(seed), np.uint64(step), np.uint64(first)
    for j in range(len(one)):
        one[j], two[j] = normals(key, count + np.uint64(j), at)
