"""Books for tests, with every sign of position, rate and yield, and naive loops over them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from gammaflow.positions.book import Book

ASOF = pd.Timestamp("2026-02-05T14:30:00Z")


def random_book(seed: int = 0, rows: int = 60, spot: float = 100.0, **changes) -> Book:
    """A book with fractional positions of both signs, r and q of both signs, rows on spot and on forwards."""
    rng = np.random.default_rng(seed)
    days = rng.choice([0.4, 1.4, 8.0, 22.0, 50.0, 141.0, 400.0], rows)
    columns = {
        "contract": np.array([f"X{i}" for i in range(rows)], object),
        "venue": np.array(["test"] * rows, object),
        "expiry": pd.DatetimeIndex(ASOF + pd.to_timedelta(days, unit="D")),
        "strike": np.round(spot * np.exp(rng.normal(0, 0.15, rows)), 2),
        "kind": rng.choice(["call", "put"], rows).astype(object),
        "position": rng.normal(0, 300, rows),
        "multiplier": rng.choice([1.0, 10.0, 100.0], rows),
        "sigma": rng.uniform(0.15, 0.9, rows),
        "rate": rng.uniform(-0.01, 0.06, rows),
        "dividend_yield": rng.uniform(-0.01, 0.04, rows),
        "forward_ratio": np.where(rng.random(rows) < 0.5, rng.uniform(0.98, 1.03, rows), np.nan),
    }
    columns |= {k: v for k, v in changes.items() if k in columns}
    rest = {k: v for k, v in changes.items() if k not in columns}
    return Book(columns, "TEST", spot, ASOF, **rest)


def slope_of(f, h: float) -> float:
    """f'(0) by fourth-order central differences."""
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)


def _normal_cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def naive_value(kind: str, spot: float, strike: float, t: float, r: float, sigma: float, q: float) -> float:
    """Black-Scholes-Merton price, written out with math.erfc."""
    s = sigma * math.sqrt(t)
    d1 = (math.log(spot / strike) + (r - q + 0.5 * sigma**2) * t) / s
    call = spot * math.exp(-q * t) * _normal_cdf(d1) - strike * math.exp(-r * t) * _normal_cdf(d1 - s)
    if kind == "call":
        return call
    return call - spot * math.exp(-q * t) + strike * math.exp(-r * t)


def naive_money(book: Book, spot: float, days: float = 0.0, vol_shift: float = 0.0) -> dict[str, float]:
    """Delta, gamma, vanna, charm, vega, theta in money at a spot: a loop with finite differences of value.

    A row on a forward keeps the forward's ratio to spot and, as time passes, the forward itself.
    """
    total = dict.fromkeys(("delta", "gamma", "vanna", "charm", "vega", "theta", "gross_gamma"), 0.0)
    for row in book.to_frame().itertuples():
        t = (row.expiry - book.asof).total_seconds() / (365 * 86_400) - days / 365
        if t <= 0:
            continue
        on_forward = not math.isnan(row.forward_ratio)
        ratio = row.forward_ratio if on_forward else 1.0
        q = row.rate if on_forward else row.dividend_yield

        def value(s, dt=0.0, dv=0.0, row=row, ratio=ratio, q=q, t=t):
            return naive_value(
                row.kind, ratio * s, row.strike, t + dt, row.rate, row.sigma + vol_shift + dv, q
            )

        def slope(h, dt=0.0, dv=0.0, value=value):
            return slope_of(lambda e: value(spot + e, dt, dv), h)

        width = spot * (row.sigma + vol_shift) * math.sqrt(t)
        h, dv, dt = 2e-3 * width, 1e-4, 2e-3 * t
        units = row.position * row.multiplier
        gamma = (
            -(value(spot + 2 * h) + value(spot - 2 * h))
            + 16 * (value(spot + h) + value(spot - h))
            - 30 * value(spot)
        ) / (12 * h * h)
        total["delta"] += units * slope(h) * spot
        total["gamma"] += units * gamma * spot**2 * 0.01
        total["gross_gamma"] += abs(units) * gamma * spot**2 * 0.01
        total["vanna"] += units * (slope(h, dv=dv) - slope(h, dv=-dv)) / (2 * dv) * spot * 0.01
        total["charm"] -= units * (slope(h, dt=dt) - slope(h, dt=-dt)) / (2 * dt) * spot / 365
        total["vega"] += units * (value(spot, dv=dv) - value(spot, dv=-dv)) / (2 * dv) * 0.01
        total["theta"] -= units * (value(spot, dt=dt) - value(spot, dt=-dt)) / (2 * dt) / 365
    return total
