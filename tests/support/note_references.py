"""Independent values of notes: the term sheet walked forwards along paths, random or at quadrature nodes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammaflow.pricing.note.terms import NoteTerms

Array = NDArray[np.float64]


def payout(terms: NoteTerms, S: float, paths: Array, r: float, sigma: float) -> Array:
    """Payments of a note along each path (N, n) of spots on its dates, discounted; shares of par.

    Monitored continuously, the chance of not touching the barrier between two spots is that of a bridge.
    """
    knocked = np.full(len(paths), terms.knocked) | (terms.continuous and terms.barrier >= S)
    unhurt = np.where(knocked, 0.0, 1.0)
    missed = np.full(len(paths), terms.missed)
    alive = np.full(len(paths), True)
    total = np.zeros(len(paths))
    before, then = np.full(len(paths), S), 0.0
    for k, t in enumerate(terms.times):
        spot = paths[:, k]
        if terms.barrier > 0.0 and terms.continuous:
            away = np.log(np.maximum(before / terms.barrier, 1.0)) * np.log(
                np.maximum(spot / terms.barrier, 1.0)
            )
            unhurt = unhurt * -np.expm1(-2.0 * away / (sigma**2 * (t - then)))
        if terms.barrier > 0.0 and terms.look[k]:
            unhurt = np.where(spot <= terms.barrier, 0.0, unhurt)
        discount = math.exp(-r * t)
        if np.isfinite(terms.coupon_level[k]):
            paid = spot > terms.coupon_level[k]
            total += alive * discount * np.where(paid, terms.coupon[k] + missed, 0.0)
            missed = np.where(paid, 0.0, missed + (terms.coupon[k] if terms.memory else 0.0))
        called = alive & (spot > terms.call_level[k])
        total += called * discount * terms.call_pays[k]
        alive = alive & ~called
        before, then = spot, t
    row = (spot[:, None] > terms.edges).sum(axis=1)
    whole = terms.intact[row, 0] + terms.intact[row, 1] * spot
    less = terms.hit[row, 0] + terms.hit[row, 1] * spot
    return np.asarray(total + alive * discount * (unhurt * whole + (1.0 - unhurt) * less))


def monte_carlo(
    terms: NoteTerms, S: float, r: float, sigma: float, q: float, pairs: int, seed: int
) -> tuple[float, float]:
    """Value and its standard error by antithetic random paths."""
    rng = np.random.default_rng(seed)
    gaps = np.diff(terms.times, prepend=0.0)
    half = rng.standard_normal((pairs, len(gaps)))
    means = []
    for z in (half, -half):
        moves = z * (sigma * np.sqrt(gaps)) + (r - q - 0.5 * sigma**2) * gaps
        means.append(payout(terms, S, S * np.exp(np.cumsum(moves, axis=1)), r, sigma))
    value = 0.5 * (means[0] + means[1])
    return float(value.mean()), float(value.std(ddof=1) / math.sqrt(pairs))


def every_path(terms: NoteTerms, S: float, r: float, sigma: float, q: float, nodes: int = 24) -> float:
    """Value by quadrature over all paths at once: pieces between the levels of each date, cut to 1.5 s."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    paths, weights, before, then = np.empty((1, 0)), np.ones(1), np.full(1, math.log(S)), 0.0
    for k, t in enumerate(terms.times):
        s, m = sigma * math.sqrt(t), (r - q - 0.5 * sigma**2) * t
        low, high = math.log(S) + m - 8.5 * s, math.log(S) + m + 8.5 * s
        step = 1.5 * sigma * math.sqrt(min(np.diff(terms.times, prepend=0.0)[k : k + 2]))
        levels = [terms.barrier, terms.call_level[k], terms.coupon_level[k], *terms.edges]
        cuts = np.log([level for level in levels if 0.0 < level < np.inf])
        ends = np.unique(
            np.concatenate([np.arange(low, high, step), cuts[(cuts > low) & (cuts < high)], [high]])
        )
        left, right = ends[:-1, None], ends[1:, None]
        place = (left + (right - left) * 0.5 * (x + 1.0)).ravel()
        weight = ((right - left) * 0.5 * w).ravel()
        gap = t - then
        d = (place - before[:, None] - (r - q - 0.5 * sigma**2) * gap) / (sigma * math.sqrt(gap))
        density = np.exp(-0.5 * d * d) / (sigma * math.sqrt(2.0 * math.pi * gap))
        all_weights = weights[:, None] * density * weight
        keep = all_weights > 1e-18
        i, j = np.nonzero(keep)
        paths = np.column_stack([paths[i], np.exp(place[j])])
        weights, before, then = all_weights[i, j], place[j], t
    return float(weights @ payout(terms, S, paths, r, sigma))


def random_terms(rng: np.random.Generator, n: int, **fixed: Any) -> NoteTerms:
    """Terms of n dates about spots of 100, with every feature drawn."""
    barrier = rng.choice([0.0, rng.uniform(50.0, 95.0)], p=[0.15, 0.85])
    has_coupon = rng.random(n) < 0.6
    coupon_level = np.where(rng.random(n) < 0.3, 0.0, rng.uniform(60.0, 105.0))
    edges = np.sort(rng.uniform(60.0, 140.0, rng.integers(0, 4)))
    memory = bool(rng.random() < 0.5)
    table = rng.uniform(-0.3, 0.3, (2, len(edges) + 1, 2)) * [1.0, 0.02] + [1.0, 0.0]
    terms = {
        "times": rng.uniform(0.001, 0.5) + np.cumsum(rng.uniform(0.02, 0.2, n)),
        "look": rng.random(n) < 0.7,
        "continuous": bool(rng.random() < 0.25 and barrier > 0.0),
        "barrier": float(barrier),
        "call_level": np.where(rng.random(n) < 0.5, rng.uniform(95.0, 120.0), np.inf),
        "call_pays": rng.uniform(0.9, 1.2, n),
        "coupon_level": np.where(has_coupon, coupon_level, np.inf),
        "coupon": np.where(has_coupon, rng.uniform(0.0, 0.05, n), 0.0),
        "memory": memory,
        "missed": float(rng.choice([0.0, 0.07])) if memory else 0.0,
        "knocked": bool(rng.random() < 0.2),
        "edges": edges,
        "intact": table[0],
        "hit": table[1],
    }
    return NoteTerms(**{**terms, **fixed})


#: Of the reference file: days, days between events, barrier, rate, dividend yield, volatility.
DEALS = {
    "RC_1y": (252, 63, 70.0, 0.04, 0.01, 0.3),
    "PHX_3y": (756, 63, 60.0, 0.04, 0.01, 0.3),
    "IBIT_1y": (252, 63, 60.0, 0.0432, 0.0, 0.55),
    "SNOW_2y": (504, 21, 75.0, 0.03, 0.015, 0.22),
}


def reference_terms(deal: str, elapsed: int, state: str) -> NoteTerms:
    """Terms of a deal of the reference file, such as "PHX_3y_dailyKI60", some trading days after issue."""
    name, mode = deal.rsplit("_", 1)
    days, period, barrier = DEALS[name][:3]
    day = np.arange(1, days + 1)
    due, last = day % period == 0, day == days
    call_level, call_pays, coupon_level, coupon = np.inf, 1.0, 0.0, 0.0
    if name == "RC_1y":
        coupon = 0.02
    elif name == "PHX_3y":
        call_level, coupon_level, coupon = 100.0, 70.0, 0.025
    elif name == "IBIT_1y":
        call_level, coupon = 100.0, 0.05
    else:
        call_level, call_pays, coupon_level, coupon = 103.0, 1.0 + 0.01 * day / period, 103.0, 0.24
    coupons = last if name == "SNOW_2y" else due
    look = np.full(days, True) if mode.startswith("daily") else last
    left = (day > elapsed) & (look | due)
    return NoteTerms(
        (day[left] - elapsed) / 252,
        look=look[left],
        barrier=barrier,
        call_level=np.where(due & ~last, call_level, np.inf)[left],
        call_pays=np.broadcast_to(call_pays, days)[left],
        coupon_level=np.where(coupons, coupon_level, np.inf)[left],
        coupon=np.where(coupons, coupon, 0.0)[left],
        knocked=state == "knocked",
        edges=[100.0],
        intact=[[1.0, 0.0], [1.0, 0.0]],
        hit=[[0.0, 0.01], [1.0, 0.0]],
    )
