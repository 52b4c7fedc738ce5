"""Made-up chains priced by a naive formula, and what makes a chain implausible."""

from __future__ import annotations

import re
from itertools import product

import numpy as np
import pandas as pd

from gammaflow.errors import SchemaError
from gammaflow.market.chain import Chain
from support.books import naive_value

ASOF = pd.Timestamp("2026-02-05T15:00Z")


def made_chain(
    spot=100.0, days=(8.0, 43.0, 134.0), moneyness=(0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.25), sigma=0.3,
    kinds=("call", "put"), rate=0.036, carry=0.02, quoted="currency", forward=True, symbol="XYZ", asof=ASOF,
    keep=lambda kind, x: True, **changes,
):  # fmt: skip
    """Contracts priced by a naive Black-Scholes-Merton on F = spot e^(carry t), one smile-less volatility."""
    rows = []
    for day, x, kind in product(days, moneyness, kinds):
        if not keep(kind, x):
            continue
        t, strike = day / 365, float(f"{spot * x:.6g}")
        price = naive_value(kind, spot, strike, t, rate, sigma, rate - carry)
        F = spot * np.exp(carry * t)
        unit = {"currency": 1.0, "coin": 1.0 / F, "none": np.nan, "contract": 100.0}[quoted]
        rows.append(
            {
                "contract": f"{symbol}-{day:g}-{strike:g}-{kind}", "expiry": asof + pd.Timedelta(day, "D"),
                "strike": strike, "kind": kind, "open_interest": 100.0 + 7 * len(rows), "multiplier": 100.0,
                "iv": sigma, "bid": 0.98 * price * unit, "ask": 1.02 * price * unit, "rate": rate,
                "forward": F if forward else np.nan, "settlement": "15:00 UTC",
            }
        )  # fmt: skip
    return Chain(pd.DataFrame(rows).assign(**changes), symbol, spot, asof, "made up")


def altered(chain, *, spot=None, asof=None, rows=slice(None), **columns):
    """The chain with other columns, spot, timestamp or fewer rows; a function is given what was there."""
    new = {
        name: columns[name](values) if name in columns else values for name, values in chain.columns.items()
    }
    return Chain(
        {name: values[rows] for name, values in new.items()},
        chain.symbol,
        chain.spot if spot is None else spot,
        chain.asof if asof is None else asof,
        chain.vendor,
        chain.currency,
    )


def one_row(chain, name, change):
    """A function that changes `name` of one usable row in the middle of the chain."""
    usable = np.flatnonzero((chain.years > 0) & (chain["iv"] > 1e-3) & (chain["open_interest"] > 0))

    def apply(values):
        out = values.copy()
        out[usable[len(usable) // 2]] = change(out[usable[len(usable) // 2]])
        return out

    return apply


def midnight(chain):
    return altered(
        chain,
        expiry=lambda e: e.astype("M8[D]").astype("M8[ns]"),
        settlement=lambda s: np.full(len(s), "", object),
    )


#: What is done to a chain, and the topic of the warning or refusal that must say so.
CORRUPTIONS = {
    "spot x 100": (lambda c: altered(c, spot=c.spot * 100), "spot|strike|forward"),
    "spot / 100": (lambda c: altered(c, spot=c.spot / 100), "spot|strike|forward"),
    "spot x 1.5": (lambda c: altered(c, spot=c.spot * 1.5), "spot|forward"),
    "spot / 1000": (lambda c: altered(c, spot=c.spot / 1000), "spot|strike"),
    "strikes x 1000": (lambda c: altered(c, strike=lambda k: 1000 * k), "strike"),
    "volatility in percent": (lambda c: altered(c, iv=lambda v: np.minimum(100 * v, 100)), "iv|volatility"),
    "median volatility 450 %": (
        lambda c: altered(c, iv=lambda v: np.minimum(v * 4.5 / np.nanmedian(v[v > 0]), 100)),
        "volatility",
    ),
    "one volatility in percent": (
        lambda c: altered(c, iv=one_row(c, "iv", lambda v: 100 * v)),
        "volatility|iv",
    ),
    "open interest of 1e15": (
        lambda c: altered(c, open_interest=one_row(c, "open_interest", lambda n: 1e15)),
        "open interest",
    ),
    "half of the rows": (lambda c: altered(c, rows=np.random.default_rng(3).random(len(c)) < 0.5), "rows"),
    "asof thirty years early": (lambda c: altered(c, asof=c.asof - pd.Timedelta(10_957, "D")), "asof"),
    "expiry at midnight": (midnight, "expiry"),
}


FORWARDS = {"forwards x 1.3": (lambda c: altered(c, forward=lambda f: 1.3 * f), "forward")}


def said(corrupt, chain):
    """The topics of warnings or refusal, each once."""
    try:
        sentences = corrupt(chain).quality.warnings
    except SchemaError as error:
        sentences = re.findall(r"- (.+)", str(error))
    return {sentence.partition(":")[0] for sentence in sentences}


def assert_noticed(chain, name, corruptions):
    corrupt, topics = corruptions[name]
    assert said(corrupt, chain) & set(topics.split("|")), (name, said(corrupt, chain))
