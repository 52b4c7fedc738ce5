"""Barrier options drawn at random, and the size that their errors are measured in."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

KINDS = {"di": "down-in", "do": "down-out", "ui": "up-in", "uo": "up-out"}
FLOOR = 1e-3
signs = st.sampled_from([1, -1])
sides = st.sampled_from(["down", "up"])
strikes = st.floats(70.0, 140.0)
aways = st.floats(0.002, 0.5)
years = st.floats(0.05, 2.0)
rates = st.sampled_from([-0.03, 0.013, 0.06])
vols = st.floats(0.1, 0.8)
counts = st.sampled_from([2, 3, 7, 26])
rebates = st.sampled_from([0.0, 4.0])
ends = st.sampled_from(["in", "out"])


def barrier_of(side, S, away):
    return S * math.exp(-away if side == "down" else away)


def natural(S, K, t, sigma):
    """The natural scales that `barrier.greeks` states for tol."""
    root = np.sqrt(t)
    s = sigma * root
    return {
        "price": K, "delta": 1.0 + 0.0 * s, "gamma": 1.0 / (S * s), "vega": S * root, "theta": S * s / t,
        "vanna": 1.0 / sigma, "charm": 1.0 / t, "volga": S * root / sigma, "rho": K * t,
        "speed": 1.0 / (S * s) ** 2, "zomma": 1.0 / (S * s * sigma), "color": 1.0 / (S * s * t),
    }  # fmt: skip
