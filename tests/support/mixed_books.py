"""Random books of every kind of row, and random scenarios for them, for tests that ask no more than sense."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gammaflow.exposure.dynamics import skew_stickiness, spot_vol_beta
from gammaflow.instruments.barrier import BARRIER as _BARRIER
from gammaflow.positions.book import Book
from gammaflow.positions.notes import Autocallable, BarrierNote, ReverseConvertible

#: A Thursday: the exchange's close is at 21:00 UTC.
DAY = pd.Timestamp("2026-02-05T00:00Z")
HOURS = (10.0, 14.5, 20.0, 20.9, 20.999, 21.5)
BARRIERS = _BARRIER.kinds

#: Years to expiry: 4 minutes to 3 years, many within a day.
YEARS = (8e-6, 1e-4, 4e-4, 9e-4, 3e-3, 0.02, 0.1, 0.5, 1.0, 3.0)


def mixed_book(seed: int, rows: int = 12, notes: int = 1) -> Book:
    """Vanilla, American, coin and barrier rows, and notes, of every sign, minutes to years from expiry."""
    rng = np.random.default_rng(seed)
    spot = float(rng.choice([0.37, 100.0, 68_250.0]))
    asof = DAY + pd.Timedelta(float(rng.choice(HOURS)), "h")
    book = _options(rng, rows, spot, asof)
    for i in range(notes):
        book = book + _note(rng, i, spot, asof)
    return book


def scenario(seed: int, book: Book) -> dict:
    """Days, a shift of volatility and dynamics, as `sweep_spot` takes them."""
    rng = np.random.default_rng(seed + 1_000_003)
    expiry = float(rng.choice(book.years)) * 365.0
    days = (
        0.0,
        0.1,
        2.0,
        expiry * rng.uniform(0.0, 1.2),
        expiry * (1.0 - 1e-7),
        expiry * (1.0 - 1e-12),
        expiry,
    )
    how = (
        "sticky_strike", "sticky_moneyness", "sticky_delta", skew_stickiness(1.5), spot_vol_beta(-3.0),
        spot_vol_beta(1.0),
    )  # fmt: skip
    return {
        "days": float(rng.choice(days)),
        "vol_shift": float(
            rng.choice([0.0, 0.0, 0.1, -0.5 * book["sigma"].min(), -0.9 * book["sigma"].min()])
        ),
        "dynamics": how[rng.choice(len(how), p=[0.4, 0.1, 0.1, 0.1, 0.2, 0.1])],
    }


def _options(rng: np.random.Generator, rows: int, spot: float, asof: pd.Timestamp) -> Book:
    what = rng.choice(["plain", "american", "coin", "barrier"], rows, p=[0.15, 0.15, 0.15, 0.55])
    barrier = what == "barrier"
    kind = np.where(barrier, rng.choice(BARRIERS, rows), rng.choice(["call", "put"], rows)).astype(object)
    years = rng.choice(YEARS, rows) * rng.uniform(0.7, 1.4, rows)
    sigma = rng.choice([0.03, 0.2, 0.5, 1.5], rows) * rng.uniform(0.8, 1.2, rows)
    deviation = sigma * np.sqrt(years)
    away = rng.normal(0.0, 1.5, rows) * np.where(rng.random(rows) < 0.5, deviation, 0.1)
    near = rng.exponential(1.0, rows) * rng.choice([0.01, 1.0, 3.0], rows) * deviation
    side = np.where([str(k).startswith("up") for k in kind], 1.0, -1.0)
    dates = rng.choice([np.nan, 1.0, 2.0, 5.0, 21.0, 120.0], rows)
    columns = {
        "contract": np.array([f"{k} {i}" for i, k in enumerate(kind)], object),
        "venue": np.array(["test"] * rows, object),
        "expiry": pd.DatetimeIndex(asof + pd.to_timedelta(np.ceil(years * 365 * 86_400), unit="s")),
        "strike": spot * np.exp(away),
        "kind": kind,
        "position": rng.normal(0.0, 300.0, rows),
        "multiplier": rng.choice([0.1, 10.0, 100.0], rows),
        "sigma": sigma,
        "rate": rng.choice([-0.02, 0.0, 0.013, 0.06, 0.25], rows),
        "dividend_yield": rng.choice([-0.015, 0.0, 0.02, 0.08], rows),
        "forward_ratio": np.where(rng.random(rows) < 0.3, rng.uniform(0.97, 1.04, rows), np.nan),
        "exercise": np.where(what == "american", "american", "european").astype(object),
        "numeraire": np.where(what == "coin", "coin", "usd").astype(object),
        "barrier": np.where(barrier, spot * np.exp(side * near), np.nan),
        "monitoring_dates": np.where(barrier, dates, np.nan),
        "rebate": np.where(barrier & (rng.random(rows) < 0.3), spot * rng.uniform(0.0, 0.2, rows), 0.0),
    }
    return Book(columns, "TEST", spot, asof)


def _note(rng: np.random.Generator, i: int, spot: float, asof: pd.Timestamp) -> Book:
    product = (ReverseConvertible, BarrierNote, Autocallable)[rng.integers(3)]
    issued = DAY.tz_localize(None) - pd.Timedelta(int(rng.integers(1, 500)), "D")
    least = int(asof.hour >= 21)
    matures = DAY.tz_localize(None) + pd.Timedelta(int(rng.choice([least, 1, 4, 30, 200, 700])), "D")
    barrier = float(rng.choice([0.0, 0.6, 0.8, 1.0]))
    observation = str(rng.choice(["maturity", "daily", "continuous"]))
    schedule = str(rng.choice(["monthly", "quarterly", "semiannual", "annual"]))
    terms = {
        "name": f"note {i}",
        "symbol": "TEST",
        "notional": float(rng.choice([1e4, 5e6])),
        "initial": spot * float(rng.choice([0.7, 0.95, 1.0, 1.02, 1.6])),
        "issued": issued.date(),
        "matures": matures.date(),
        "barrier": barrier,
        "observation": observation,
        "knocked": bool(barrier and observation != "maturity" and rng.random() < 0.2),
        "calls": schedule if product is Autocallable or rng.random() < 0.5 else (),
        "call_premium": float(rng.choice([0.0, 0.02])),
    }
    if product is not BarrierNote:
        terms |= {"coupon": float(rng.choice([0.01, 0.03])), "coupons": schedule}
    if product is Autocallable:
        memory = bool(rng.random() < 0.5)
        terms |= {"memory": memory, "coupon_level": 0.8 if memory else float(rng.choice([0.0, 0.9]))}
    if product is BarrierNote:
        terms |= {"participation": float(rng.choice([0.0, 1.0, 1.5]))}
        if terms["participation"] and rng.random() < 0.5:
            terms |= {"cap": 0.3}
        if barrier and rng.random() < 0.5:
            terms |= {"absolute_return": 1.0}
    note = product(**terms)
    columns = {
        "contract": np.array([note.name], object),
        "venue": np.array(["notes"], object),
        "expiry": pd.DatetimeIndex([note.maturity]),
        "strike": np.array([note.initial]),
        "kind": np.array(["note"], object),
        "position": np.array([float(rng.choice([-1.0, 0.7]))]),
        "multiplier": np.array([note.shares]),
        "sigma": np.array([float(rng.choice([0.04, 0.3, 0.9]))]),
        "rate": np.array([float(rng.choice([-0.02, 0.013, 0.06]))]),
        "dividend_yield": np.array([float(rng.choice([-0.015, 0.0, 0.08]))]),
    }
    return Book(columns, "TEST", spot, asof, terms={note.name: note})
