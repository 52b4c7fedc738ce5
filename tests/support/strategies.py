"""Hypothesis strategies of contracts, shared by the tests of pricing."""

from __future__ import annotations

import math

from hypothesis import strategies as st

positive = st.floats(1.0, 1000.0)
years = st.floats(0.01, 5.0)
rates = st.floats(-0.05, 0.15).filter(lambda x: abs(x) > 1e-3)
vols = st.floats(0.05, 1.5)
signs = st.sampled_from([1, -1])
shifts = st.floats(-3.0, 3.0)


def option(S: float, shift: float, t: float, r: float, sigma: float, q: float) -> tuple[float, ...]:
    return S, S * math.exp(shift * sigma * math.sqrt(t)), t, r, sigma, q
