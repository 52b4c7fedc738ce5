"""Other ways to sum gamma, vanna and charm over a grid of spots: one table for tests and benchmarks.

Each takes a book and spots and returns {measure: (m,) array} in money, written apart from the library.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import ndtr

import gammaflow as gf

MEASURES = ("gamma", "vanna", "charm")
ASOF = pd.Timestamp("2026-02-05T14:30:00Z")


def listed_book(n: int, expiries: int = 24, seed: int = 0) -> gf.Book:
    """An index-like book: n rows over `expiries` from one day to two years, r = 4 %, q = 1.3 %, a smile."""
    rng = np.random.default_rng(seed)
    days = np.sort(np.round(np.geomspace(1.2, 730.0, expiries), 2))[rng.integers(0, expiries, n)]
    width = np.minimum(0.06 + 0.22 * np.sqrt(days / 365), 0.5)
    moneyness = rng.normal(0.0, 0.5, n) * width
    frame = pd.DataFrame(
        {
            "contract": np.arange(n).astype(str),
            "venue": "listed",
            "expiry": ASOF + pd.to_timedelta(days, unit="D"),
            "strike": np.round(5000.0 * np.exp(moneyness) / 5.0) * 5.0,
            "kind": rng.choice(["call", "put"], n),
            "position": rng.normal(0.0, 1000.0, n),
            "multiplier": 100.0,
            "sigma": 0.16 - 0.25 * moneyness + 0.6 * moneyness**2,
            "rate": 0.04,
            "dividend_yield": 0.013,
        }
    )
    return gf.Book(frame, "INDEX", 5000.0, ASOF)


def _columns(book: gf.Book) -> dict[str, Any]:
    return {
        "n": book["position"] * book["multiplier"],
        "phi": np.where(book["kind"] == "call", 1.0, -1.0),
        "K": book["strike"],
        "t": book.years,
        "r": book["rate"],
        "s": book["sigma"],
        "q": book["dividend_yield"],
    }


def _money(
    S: Any, n: Any, phi: Any, K: Any, t: Any, r: Any, s: Any, q: Any, axis: int
) -> tuple[Any, Any, Any]:
    root = np.sqrt(t)
    carry = np.exp(-q * t)
    d1 = (np.log(S / K) + (r - q + 0.5 * s * s) * t) / (s * root)
    d2 = d1 - s * root
    density = carry * np.exp(-0.5 * d1 * d1) / np.sqrt(2.0 * np.pi)
    gamma = density / (S * s * root)
    vanna = -density * d2 / s
    drift = (2 * (r - q) * t - d2 * s * root) / (2 * t * s * root)
    charm = phi * q * carry * ndtr(phi * d1) - density * drift
    return (
        (n * gamma * S * S * 0.01).sum(axis),
        (n * vanna * S * 0.01).sum(axis),
        (n * charm * S / 365).sum(axis),
    )


def gammaflow(book: gf.Book, spots: Any) -> dict[str, Any]:
    """`sweep_spot`, the whole call."""
    table = gf.sweep_spot(book, spots, measures=MEASURES).table
    return {name: table[name].to_numpy() for name in MEASURES}


def numpy_loop(book: gf.Book, spots: Any) -> dict[str, Any]:
    """A loop over spots, numpy over contracts."""
    columns = _columns(book)
    sums = np.array([_money(S, **columns, axis=0) for S in spots])
    return dict(zip(MEASURES, sums.T, strict=True))


def numpy_broadcast(book: gf.Book, spots: Any) -> dict[str, Any]:
    """Contracts x spots in one numpy expression."""
    columns = {k: v[:, None] for k, v in _columns(book).items()}
    return dict(zip(MEASURES, _money(np.asarray(spots)[None, :], **columns, axis=0), strict=True))


def pandas_apply(book: gf.Book, spots: Any) -> dict[str, Any]:
    """`DataFrame.apply` over rows for each spot, with scipy.stats: the style of many scripts."""
    frame = pd.DataFrame(_columns(book))

    def row_money(row: Any, S: float) -> pd.Series:
        d1 = (np.log(S / row["K"]) + (row["r"] - row["q"] + 0.5 * row["s"] ** 2) * row["t"]) / (
            row["s"] * np.sqrt(row["t"])
        )
        d2 = d1 - row["s"] * np.sqrt(row["t"])
        density = np.exp(-row["q"] * row["t"]) * stats.norm.pdf(d1)
        gamma = density / (S * row["s"] * np.sqrt(row["t"]))
        vanna = -density * d2 / row["s"]
        held = row["phi"] * row["q"] * np.exp(-row["q"] * row["t"]) * stats.norm.cdf(row["phi"] * d1)
        drift = 2 * (row["r"] - row["q"]) * row["t"] - d2 * row["s"] * np.sqrt(row["t"])
        charm = held - density * drift / (2 * row["t"] * row["s"] * np.sqrt(row["t"]))
        return pd.Series(
            {
                "gamma": row["n"] * gamma * S * S * 0.01,
                "vanna": row["n"] * vanna * S * 0.01,
                "charm": row["n"] * charm * S / 365,
            }
        )

    sums = pd.DataFrame([frame.apply(row_money, axis=1, S=S).sum() for S in spots])
    return {name: sums[name].to_numpy() for name in MEASURES}


@dataclass(frozen=True)
class ProfilePeer:
    """One way to the profile; slow ones are timed on so many `rows` and `spots` and extrapolated."""

    name: str
    compute: Callable[[gf.Book, Any], dict[str, Any]]
    rows: int | None = None
    spots: int | None = None


PROFILE_COMPARISONS = (
    ProfilePeer("gammaflow", gammaflow),
    ProfilePeer("numpy, loop over spots", numpy_loop),
    ProfilePeer("numpy, contracts x spots", numpy_broadcast),
    ProfilePeer("pandas apply, loop over spots", pandas_apply, rows=300, spots=2),
)
