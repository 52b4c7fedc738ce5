"""Barriers monitored at given dates: recursive Gauss-Legendre quadrature in log-spot.

The knock-in value is carried backwards from date to date as a smooth function of z = eta ln(S / H), which is
positive where the option is not knocked:

    f_k(z) = e^(-r dt) int [z' < 0: vanilla(z', t_(k+1)); z' > 0: f_(k+1)(z')] pdf_dt(z' - z) dz'

The barrier lies on a panel end. f_(N-1) is a closed form (`expiry_in`), so no kink is ever integrated. All
panels have one width, so one step is a block Toeplitz product: its blocks stay in the first-level cache and
are rebuilt only when the time between dates changes. Only panels within `reach` standard deviations of both
the barrier (seen from expiry) and the spots (seen from today) are kept. One pass serves every spot.

delta, gamma and speed differentiate the kernel of the last step; vega, volga and rho differentiate the whole
recursion (f_sigma, f_sigma sigma and f_r are carried along).

A rebate R is carried in the same pass: knocking in gives up R e^-r(T - t_k), knocking out receives R.
"""

from __future__ import annotations

import math

import numpy as np

from gammaflow.kernels import bsm
from gammaflow.kernels.barrier import (
    LEAST,
    Jet,
    at_expiry,
    combine,
    constant,
    expiry_hit,
    expiry_in,
    greeks_of,
    legal,
    signs,
    vanilla,
)
from gammaflow.kernels.compile import kernel, scalar
from gammaflow.kernels.elementary import INV_SQRT_2PI, exp, log_ratio

P = 16
_nodes, _weights = np.polynomial.legendre.leggauss(P)
NODES = 0.5 * (_nodes + 1.0)
WEIGHTS = 0.5 * _weights

# (panel width, reach) in standard deviations of one step; the error falls about tenfold from row to row
LEVELS = np.array(
    [
        [12.0, 4.2],
        [10.5, 4.8],
        [9.2, 5.3],
        [8.2, 5.8],
        [7.4, 6.3],
        [6.7, 6.8],
        [6.1, 7.3],
        [5.5, 7.8],
        [4.8, 8.3],
        [4.0, 8.8],
    ]
)
FLOOR = 1e-3


@scalar
def offsets(s, m, width, reach):
    """First and last panel, relative to a row's own, that a step of deviation s and drift m reaches."""
    lowest = math.floor((m - reach * s) / width)
    highest = math.ceil((m + reach * s) / width)
    return int(lowest), int(highest)


@kernel
def build_step(s, m, dm, dt, r, sigma, width, reach, full, B):
    """Blocks of one step into B[0], and if full their sigma, sigma sigma and r derivatives into B[1:].

    B[., c, i] takes node c of the panels reached to node i of a panel; returns the columns within reach.
    """
    low, high = offsets(s, m, width, reach)
    columns = (high - low + 1) * P
    discount = math.exp(-r * dt)
    root = math.sqrt(dt)
    first = columns
    last = 0
    for c in range(columns):
        y = (low + c // P + NODES[c % P]) * width - m
        weight = WEIGHTS[c % P] * width / s * INV_SQRT_2PI * discount
        for i in range(P):
            u = (y - NODES[i] * width) / s
            B[0, c, i] = weight * exp(-0.5 * u * u)
        if (y - NODES[0] * width > -reach * s) and (y - NODES[P - 1] * width < reach * s):
            first = min(first, c)
            last = max(last, c + 1)
        if full:
            for i in range(P):
                u = (y - NODES[i] * width) / s
                du = -u / sigma - dm / s
                g = -u * du - 1.0 / sigma
                dg = -du * du + (u * du - dm / s * 0.0) / sigma + u * (du / sigma)
                b = B[0, c, i]
                B[1, c, i] = b * g
                B[2, c, i] = b * (g * g + dg)
                B[3, c, i] = b * (u / s * root)
    return first // 4 * 4, (last + 3) // 4 * 4
