"""Early-exercise boundaries and values of arrays of American options, on which the other functions build."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gammaflow.kernels.american import Rule, european_loop, strained_loop
from gammaflow.kernels.american_boundary import boundary_loop
from gammaflow.kernels.american_premium import premium_loop
from gammaflow.kernels.blocks import in_ranges

__all__ = ["Boundaries", "Rules", "evaluate", "evaluate_all", "find_boundaries", "parts", "premiums", "share"]

FloatArray = NDArray[np.float64]
Rules = tuple[Rule, Rule]  # of ordinary options, and of strained ones

_THREADS_FROM = 4000  # options: 10 ms; with fewer, threads gained nothing on two busy cores


def share(work: Callable[[int, int], None], n: int, each: float = 1.0) -> None:
    """`in_ranges` over n items, each costing as much as `each` options."""
    in_ranges(work, n, cost=each, worth=_THREADS_FROM, pieces=4)


class Boundaries(NamedTuple):
    """Early-exercise boundaries of puts of strike 1, one per option; those of calls by symmetry."""

    gain: FloatArray
    """Gain from exercise: r of a put, q of a call [1/year]."""
    cost: FloatArray
    """Loss from exercise: q of a put, r of a call [1/year]."""
    sigma: FloatArray
    still: FloatArray
    """Years after which the boundary is constant."""
    life: FloatArray
    """Years that matter for the price."""
    edge: FloatArray
    """The boundary: 0 where early exercise is never optimal, NaN where there are two."""
    end: FloatArray
    """Spot beyond which the premium is zero; 0 where spot is deterministic."""
    H: FloatArray
    """(n + 1, m) values of `gammaflow.kernels.american`."""


def parts(phi: Any, t: Any, r: Any, sigma: Any, q: Any) -> list[tuple[Any, int]]:
    """Rows of the options that are ordinary (0) and strained (1), as in `strained_loop`."""
    put, strained = phi < 0, np.empty(len(t), np.bool_)
    strained_loop(np.where(put, r, q), np.where(put, q, r), sigma, t, strained)
    if strained.all() or not strained.any():
        return [(slice(None), int(strained.any()))]
    return [(np.flatnonzero(strained == kind), kind) for kind in (0, 1)]


def find_boundaries(
    phi: Any, years: Any, r: Any, sigma: Any, q: Any, by: Rule, still: FloatArray | None = None
) -> Boundaries:
    """Boundaries of options now; `still` has the years after which they are constant, where known."""
    put = phi < 0
    gain, cost = np.where(put, r, q), np.where(put, q, r)
    n = len(gain)
    still = np.zeros(n) if still is None else still.copy()
    life, edge, end, H = np.empty(n), np.empty(n), np.empty(n), np.zeros((len(by.times), n))
    boundary_loop(gain, cost, sigma, years, by, still, life, edge, end, H)
    return Boundaries(gain, cost, sigma, still, life, edge, end, H)


def premiums(
    of: Any, phi: Any, S: Any, K: Any, found: Boundaries, by: Rule, slope: FloatArray | None = None
) -> FloatArray:
    """Price and cash greeks of the premium of options S, K with the boundaries `of`, as in `premium_loop`."""
    out = np.empty((4 if slope is None else 10, len(of)))
    columns = (of, np.asarray(phi, float), S, K, *found[:3], found.still, found.life)
    premium_loop(*columns, found.H, found.H if slope is None else slope, by, out)
    return out


def evaluate(arrays: Sequence[Any], by: Rule) -> FloatArray:
    """Price, delta, gamma, speed and boundary, (5, n)."""
    phi, S, K, t, r, sigma, q = arrays
    found = find_boundaries(phi, t, r, sigma, q, by)
    edge, put, random = found.edge, phi < 0, found.end > 0.0
    out = np.empty((5, len(S)))
    european_loop(phi, S, K, np.where(random, found.life, t), r, sigma, q, out)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        x = np.where(put, S / K, K / S)
        out[4] = np.where(put, K * edge, np.where(edge == 0.0, np.inf, K / edge))
        gone = (edge > 0.0) & np.where(random | put, x <= edge, x < edge)
        held = np.flatnonzero(random & ~gone & (x < found.end))
        if held.size:
            price, *rest = _pure(S[held], premiums(held, phi[held], S[held], K[held], found, by))
            least = np.maximum(phi * (S - K), out[0])[held]
            out[0, held] = np.maximum(out[0, held] + price, least)
            out[1:4, held] += rest
            out[1, held] = np.clip(out[1, held], -1.0, 1.0)
        if not random.all():
            _drift(arrays, found, x, out)
        illegal = np.isnan(out[0]) | np.isnan(edge)
        out[0, gone], out[1, gone], out[2:4, gone] = (phi * (S - K))[gone], phi[gone], 0.0
        out[:, illegal] = np.nan
    return out


def evaluate_all(arrays: Sequence[Any], rules: Rules) -> FloatArray:
    """Same as `evaluate`, each option by the rule that suits it."""
    phi, _, _, t, r, sigma, q = arrays
    out = np.empty((5, len(t)))
    for rows, kind in parts(phi, t, r, sigma, q):
        out[:, rows] = evaluate([a[rows] for a in arrays], rules[kind])
    return out


def _pure(S: FloatArray, cash: FloatArray) -> tuple[FloatArray, ...]:
    """Price, delta, gamma and speed from their cash equivalents."""
    price, delta, gamma, speed = cash
    return price, delta / S, gamma / S / S, (speed - 2.0 * gamma) / S / S / S


def _drift(arrays: Sequence[Any], found: Boundaries, x: FloatArray, out: FloatArray) -> None:
    """Values where spot is deterministic, of options exercised once spot drifts to the boundary."""
    phi, S, K, t = arrays[:4]
    gain, cost, edge = found.gain, found.cost, found.edge
    ahead = cost - gain
    u = np.log(x / edge) / ahead
    rows = (found.end == 0.0) & (edge > 0.0) & (ahead > 0.0) & (x > edge) & (x < np.inf) & (u < t)
    phi, S, K, u, x, gain, cost, ahead = (a[rows] for a in (phi, S, K, u, x, gain, cost, ahead))
    asset = x * np.exp(-cost * u)
    price, gamma = np.exp(-gain * u) - asset, asset * cost / ahead
    put = np.array([price, -asset, gamma, -gamma * gain / ahead])
    call = np.array([price, price + asset, gamma, gamma * cost / ahead])
    out[:4, rows] = _pure(S, np.where(phi < 0, K * put, S * call))
