"""The feedback simulation, one path at a time in plain Python, and made-up surfaces for it."""

from __future__ import annotations

import math
from functools import cache
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.feedback.surface.surface import HedgeSurface
from gammaflow.kernels.random import fill_normals

CHANNELS = (
    "deleveraging", "gamma", "vanna", "charm", "knock_in", "liquidations", "basis", "new_trades",
    "leveraged_funds", "dip_buyers", "noise",
)  # fmt: skip
HEDGES = ("gamma", "vanna", "charm", "knock_in", "new_trades")


def made_up_surface(
    seed: int = 0, *, size: float = 2_000.0, expiring: str = "unwound", shift: bool = True
) -> Any:
    """Three groups: free, down and in (continuous), up and in (two closes); with an expiry after 0.4 days."""
    rng = np.random.default_rng(seed)
    x = 0.01 * np.arange(-40, 31)
    u = 0.1 * np.arange(-4, 9) if shift else np.zeros(1)
    days = np.array([0.0, 0.1, 0.25, 0.4 * (1 - 1e-9), 0.4, 0.6, 0.8, 1.0])
    units = np.empty((3, 2, len(days), len(x), len(u)))
    for g in range(3):
        for state in range(2):
            a, b, c, d = rng.uniform(-1.0, 1.0, 4)
            T, X, V = np.meshgrid(days, x, u, indexing="ij")
            smooth = a * np.tanh((X - 0.1 * b) / (0.25 * np.sqrt(1.2 - T)) * (1.0 - 0.5 * V)) + 0.3 * c * V
            units[g, state] = size * (smooth + 0.2 * d * np.where(T >= 0.4, 0.0, np.tanh(30.0 * X)))
    return HedgeSurface(
        spot=70_000.0,
        asof=pd.Timestamp("2026-02-04T21:30Z"),
        x=x,
        vol_shifts=u,
        days=days,
        units=units,
        barrier_x=np.array([np.nan, -0.03, 0.02]),
        side=np.array([0.0, -1.0, 1.0]),
        observed=("none", "continuous", "close"),
        venue=("Deribit", "notes", "Deribit"),
        looks=(np.empty(0), np.empty(0), np.array([0.3, 0.9])),
        expiring=expiring,
        drops=np.array([3]),
    )


def shapley(value: Any, old: tuple[float, ...], new: tuple[float, ...]) -> list[Any]:
    """Mean over the orders of change of what each argument changes."""
    value = cache(value)
    parts: list[Any] = [0.0] * len(old)
    orders = list(permutations(range(len(old))))
    for order in orders:
        at = list(old)
        for i in order:
            before = value(*at)
            at[i] = new[i]
            parts[i] = parts[i] + (value(*at) - before) / len(orders)
    return parts


def ramp(t: float, start: float, end: float) -> float:
    """Share done by a day."""
    if end > start:
        return min(max((t - start) / (end - start), 0.0), 1.0)
    return 1.0 if t >= start - 1e-12 else 0.0


def spread(value: float, start: float, end: float, k: int, dt: float) -> float:
    """Flow of step k of a value spread from start to end."""
    if end > start:
        return value * (ramp((k + 1) * dt, start, end) - ramp(k * dt, start, end))
    return value if k == math.floor(start / dt + 1e-9) else 0.0


def rule_share(rule: Any, vol: float, drawdown: float, day: float, before: float) -> float:
    """Share left under one of the rules, by its words."""
    kind = type(rule).__name__
    if kind == "FixedCut":
        share = 1.0 - rule.cut * ramp(day, rule.start, rule.end)
    elif kind == "VolatilityTarget":
        share = min(1.0, (rule.target or rule.volatility) / vol)
    elif kind == "VarLimit":
        risk = rule.value_at_risk(vol) * (1.0 - drawdown)
        share = min(1.0, rule.limit / risk)
    else:
        share = 1.0 - max([cut for level, cut in rule.steps if drawdown >= level], default=0.0)
    return share if getattr(rule, "rebuy", False) else min(share, before)


def walk(
    surface: Any, impact: Any, *, path: int, steps: int, days: float, seed: int, volatility: float,
    use: tuple[str, ...], beta: float = 0.0, vol_of_vol: float = 0.0, vol_reversion: float = 0.0,
    lowest_volatility: float = 0.05, hedge_fraction: float = 1.0, hedge_every: int = 1,
    hedge_band: float = 0.0, hedge_rate: float | None = None, shock: float = 0.0, shock_days: float = 0.0,
    rules: Any = (), pools: Any = None,
    liquidation_steps: int = 1, unwind: Any = None, new: Any = None, funds: Any = None, dips: Any = None,
    closes: Any = (), depth_withdrawal: float = 0.0, opened: Any = None,
) -> dict[str, Any]:  # fmt: skip
    """One path of `simulate_feedback`; `closes` are days, `opened` a function of venue and step."""
    dt = days / steps
    S0, x, u = surface.spot, 0.0, 0.0
    sd, year = volatility * math.sqrt(dt / 365.0), math.sqrt(dt / 365.0)
    floor = max(surface.vol_shifts[0], min(0.0, lowest_volatility - volatility)) if volatility else -math.inf
    top = surface.vol_shifts[-1]
    if len(surface.vol_shifts) == 1:
        floor, top = min(0.0, lowest_volatility - volatility), math.inf
    books = [(surface, None)] + ([(new[0], new[1:])] if new else [])
    knocked = [np.array([int(o == "continuous" and s * b <= 0.0) for o, s, b in
                         zip(f.observed, f.side, f.barrier_x, strict=True)]) for f, _ in books]  # fmt: skip
    venues = list(dict.fromkeys(name for f, _ in books for name in f.venue))
    pending = {venue: dict.fromkeys(HEDGES, 0.0) for venue in venues}
    attribution, flows, units = (dict.fromkeys(CHANNELS, 0.0) for _ in range(3))
    transient = dict.fromkeys(CHANNELS, 0.0)
    delivered = total = bought = 0.0
    left = [1.0] * len(rules)
    fired, queue = [0.0, 0.0], []
    aum = [pair[1] for pair in funds.funds] if funds else []
    closed = -funds.moved if funds else 0.0
    low = high = peak = 0.0
    low_step, xs, last, clipped = 0, [0.0], 0.0, False

    def delta(f: Any, state: Any) -> Any:
        return lambda a, v, t: f.by_group(t, S0 * math.exp(a), v, state)

    old = (x, u, 0.0)
    for k in range(steps + 1):
        t = k * dt
        now = (x, u, t)
        for i, (f, when) in enumerate(books):
            D = delta(f, knocked[i])
            w1 = 1.0 if when is None else ramp(t, *when)
            if k == 0:
                for g, d in enumerate(D(*now)):
                    pending[f.venue[g]]["new_trades"] += ("new_trades" in use) * (w1 if when else 0.0) * d
                continue
            w0 = 1.0 if when is None else ramp(t - dt, *when)
            parts = dict(zip(HEDGES, shapley(D, old, now), strict=False))
            jumps = np.zeros(len(f.side))
            if f.expiring == "delivered":
                for d in f.drops:
                    if t - dt < f.days[d + 1] <= t:
                        jumps = jumps + D(x, u, f.days[d + 1]) - D(x, u, f.days[d])
            for g, venue in enumerate(f.venue):
                for name, part in parts.items():
                    pending[venue][name] += (name in use) * 0.5 * (w0 + w1) * part[g]
                taken = ("charm" in use) * 0.5 * (w0 + w1) * jumps[g]
                pending[venue]["charm"] -= taken
                delivered += taken
                first = 0.5 * (D(*old)[g] + D(*now)[g])
                pending[venue]["new_trades"] += ("new_trades" in use) * (w1 - w0) * first
                if knocked[i][g] or not f.side[g]:
                    continue
                seen = f.observed[g] == "continuous" or (
                    f.observed[g] == "close"
                    and any(t - dt + 1e-9 * dt < look <= t + 1e-9 * dt for look in f.looks[g])
                )
                if seen and f.side[g] * (x - f.barrier_x[g]) >= 0.0:
                    states = knocked[i].copy()
                    states[g] = 1
                    jump = delta(f, states)(*now)[g] - D(*now)[g]
                    pending[venue]["knock_in"] += ("knock_in" in use) * w1 * jump
                    knocked[i] = states
        old = now
        if k == steps:
            break
        price, flow = S0 * math.exp(x), dict.fromkeys(CHANNELS, 0.0)
        for venue in venues:
            if k % hedge_every or (opened and not opened(venue, k)):
                continue
            if abs(sum(pending[venue].values())) <= hedge_band:
                continue
            part = 1.0 if hedge_rate is None else 1.0 - math.exp(-hedge_rate * dt * hedge_every)
            for name in HEDGES:
                traded = -hedge_fraction * part * pending[venue][name]
                pending[venue][name] *= 1.0 - part
                units[name] += traded
                flow[name] += traded * price
        flow["deleveraging"] += spread(shock, 0.0, shock_days, k, dt)
        for i, rule in enumerate(rules):
            after = rule_share(rule, volatility + u, 1.0 - math.exp(x), t + dt, left[i])
            flow["deleveraging"] -= (left[i] - after) * rule.holdings * math.exp(x)
            left[i] = after
        if pools is not None:
            amount = 0.0
            for side, reached in enumerate((low, high)):
                amount += pools.cumulative(S0 * math.exp(reached), S0) - pools.cumulative(
                    S0 * math.exp(fired[side]), S0
                )
                fired[side] = reached
            queue.append(amount)
            flow["liquidations"] = sum(queue[-liquidation_steps:]) / liquidation_steps
        if unwind:
            flow["basis"] = -(1.0 - unwind.futures_weight) * spread(
                unwind.value, unwind.start, unwind.end, k, dt
            )
        if funds and any(t + 1e-9 * dt < close <= t + (1 + 1e-9) * dt for close in closes):
            r = math.exp(x - closed) - 1.0
            for i, (leverage, _) in enumerate(funds.funds):
                flow["leveraged_funds"] += leverage * (leverage - 1.0) * aum[i] * r
                aum[i] *= max(1.0 + leverage * r, 0.0)
            closed = x
        if dips:
            reference = math.log((dips.reference or S0) / S0)
            done = min(100.0 * dips.per_1pct * max(reference - x, 0.0) * dt, dips.limit - bought)
            bought += done
            flow["dip_buyers"] = done
        F, gross = sum(flow.values()), sum(map(abs, flow.values()))
        moved = float(impact.log_return(total + F) - impact.log_return(total))
        rest = 0.0
        if abs(F) > 0.01 * gross:
            rate = moved / F
        elif gross:
            rate = float(impact.log_return(total + gross) - impact.log_return(total - gross)) / (2.0 * gross)
            rest = (moved - rate * F) / gross
        else:
            rate = 0.0
        total += F
        factor = 1.0 + depth_withdrawal * max(abs(last) / sd - 1.0, 0.0) if depth_withdrawal else 1.0
        one, two = np.empty(1), np.empty(1)
        fill_normals(seed, path, k, one, two)
        step = sd * one[0]
        attribution["noise"] += step
        rho, g = 0.5 ** (dt / impact.half_life), impact.permanent
        for name in CHANNELS[:-1]:
            part = factor * (rate * flow[name] + rest * abs(flow[name]))
            change = g * part + (rho - 1.0) * transient[name] + (1.0 - g) * part
            transient[name] = rho * transient[name] + (1.0 - g) * part
            attribution[name] += change
            flows[name] += flow[name]
            step += change
        x, last = x + step, step
        if beta or vol_of_vol:
            free = u + beta * step - u * (1.0 - math.exp(-vol_reversion * dt)) + vol_of_vol * year * two[0]
            u = min(max(free, floor), top)
            clipped |= u != free
        if x < low:
            low, low_step = x, k + 1
        high, peak = max(high, x), max(peak, u)
        xs.append(x)
    waiting = {name: sum(pending[venue][name] for venue in venues) for name in HEDGES}
    return {
        "x": x, "low": low, "high": high, "low_step": low_step, "peak_vol": volatility + peak, "vol_shift": u,
        "attribution": [attribution[c] for c in CHANNELS], "flows": [flows[c] for c in CHANNELS],
        "units": [units[c] for c in CHANNELS], "pending": [waiting[c] for c in HEDGES], "path": xs,
        "delivered": delivered, "clipped": clipped,
    }  # fmt: skip
