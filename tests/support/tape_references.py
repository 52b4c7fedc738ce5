"""Classification rules in plain Python and exact fractions, one print at a time; and tapes with messy quotes.

Written from the rules' definitions, apart from the library: every price is the fraction that its decimals
say, so that nothing here needs a tolerance, and the closest different price is looked for print by print.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

Tape = dict[str, Any]
Row = dict[str, Any]


def sign(x: Fraction) -> int:
    return (x > 0) - (x < 0)


def exact(x: float) -> Fraction | None:
    return Fraction(repr(float(x))) if math.isfinite(x) else None


def rows(tape: Tape, best: bool) -> list[Row]:
    """One dictionary per print: exact numbers (None missing), and the closest different prices."""
    prefix = "best_" if best else ""
    price = [exact(p) for p in tape["price"]]
    contract = list(tape["contract"])

    def nearest(i: int, others: range) -> Fraction | None:
        found = (price[j] for j in others if contract[j] == contract[i] and price[j] not in (None, price[i]))
        return next(found, None)

    n = len(price)
    return [
        {
            "price": price[i],
            "size": exact(tape["size"][i]),
            **{name: exact(tape[prefix + name][i]) for name in ("bid", "ask", "bid_size", "ask_size")},
            "before": nearest(i, range(i - 1, -1, -1)),
            "after": nearest(i, range(i + 1, n)),
        }
        for i in range(n)
    ]


def has_quote(row: Row) -> bool:
    bid, ask = row["bid"], row["ask"]
    return bid is not None and ask is not None and 0 <= bid <= ask and ask > 0


def tick(row: Row) -> int:
    return 0 if row["before"] is None else sign(row["price"] - row["before"])


def reverse_tick(row: Row) -> int:
    return 0 if row["after"] is None else -sign(row["after"] - row["price"])


def quote(row: Row) -> int:
    return sign(row["price"] - (row["bid"] + row["ask"]) / 2) if has_quote(row) else 0


def lee_ready(row: Row) -> int:
    if not has_quote(row):
        return 0
    return quote(row) or tick(row)


def emo(row: Row) -> int:
    if not has_quote(row):
        return 0
    at_ask, at_bid = row["price"] == row["ask"], row["price"] == row["bid"]
    if at_ask != at_bid:
        return 1 if at_ask else -1
    return tick(row)


def clnv(row: Row) -> int:
    if not has_quote(row):
        return 0
    bid, ask, price = row["bid"], row["ask"], row["price"]
    near = Fraction(3, 10) * (ask - bid)
    high, low = ask - near <= price <= ask, bid <= price <= bid + near
    if high != low:
        return 1 if high else -1
    return tick(row)


def trade_size(row: Row) -> int:
    fills_bid, fills_ask = row["size"] == row["bid_size"], row["size"] == row["ask_size"]
    if row["size"] is None or fills_bid == fills_ask:
        return 0
    return 1 if fills_bid else -1


def depth(row: Row) -> int:
    if not has_quote(row) or 2 * row["price"] != row["bid"] + row["ask"]:
        return 0
    if row["bid_size"] is None or row["ask_size"] is None:
        return 0
    return sign(row["ask_size"] - row["bid_size"])


ORACLES: dict[str, Callable[[Row], int]] = {
    rule.__name__: rule for rule in (tick, reverse_tick, quote, lee_ready, emo, clnv, trade_size, depth)
}


def oracle(name: str, tape: Tape) -> list[int]:
    """Side of every print by a rule's name, with "_own" for the exchange's own quote."""
    rule = ORACLES[name.removesuffix("_own")]
    found = rows(tape, best=not name.endswith("_own"))
    return [0 if row["price"] is None else rule(row) for row in found]


def layered_oracle(names: list[str], tape: Tape) -> tuple[list[int], list[str]]:
    """Side of every print, and the first rule that decided."""
    sides = {name: oracle(name, tape) for name in names}
    first = [next((n for n in names if sides[n][i]), "none") for i in range(len(tape["price"]))]
    return [0 if n == "none" else sides[n][i] for i, n in enumerate(first)], first


def messy_tape(n: int, seed: int, tick_size: float = 0.05, level: int = 40) -> Tape:
    """A tape of five contracts whose quotes have every fault.

    Spreads from locked to ten ticks (some crossed), bids and asks missing, zero or negative; trades at the
    mid, at the quotes, at 30 % of the spread, outside, or anywhere; prices repeated; sizes that fill one
    side, both or none; prints without a price.
    """
    rng = np.random.default_rng(seed)
    contract = rng.integers(0, 5, n)
    value = level + np.cumsum(rng.integers(-1, 2, (5, n)), axis=1)[contract, np.arange(n)]
    value = np.maximum(value, 12)

    def side_quotes() -> tuple[np.ndarray, np.ndarray]:
        half = rng.integers(0, 6, n)
        return value - half, value + half + rng.integers(0, 2, n)

    def faulty(bid: np.ndarray, ask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        fault = rng.integers(0, 30, n)
        swapped = fault == 0
        bid, ask = np.where(swapped, ask + 1, bid), np.where(swapped, bid, ask)
        bid = np.where((fault == 1) | (fault == 2), 0, np.where(fault == 3, -1, bid))
        ask = np.where((fault == 2) | (fault == 4), 0, ask)
        scaled = np.round(bid * tick_size, 6), np.round(ask * tick_size, 6)
        return np.where(fault == 5, np.nan, scaled[0]), np.where(fault == 6, np.nan, scaled[1])

    own, best = side_quotes(), side_quotes()
    where = rng.integers(0, 8, n)
    mid2 = own[0] + own[1]
    tenth = (own[1] - own[0]) * 3
    price = np.select(
        [where == 0, where == 1, where == 2, where == 3, where == 4, where == 5],
        [own[1], own[0], mid2 / 2, own[1] - tenth / 10, own[1] + 2, own[0] - 1],
        value + rng.integers(-6, 7, n),
    )
    price = np.round(np.maximum(price, 1) * tick_size, 6)
    again = np.flatnonzero(rng.random(n) < 0.2)
    for i in again[again > 0]:
        earlier = np.flatnonzero(contract[:i] == contract[i])
        if earlier.size:
            price[i] = price[earlier[-1]]
    price[rng.random(n) < 0.01] = np.nan
    sizes = rng.integers(1, 9, (5, n)).astype(float)
    sizes[1:][rng.random((4, n)) < 0.03] = np.nan
    tape: Tape = {"contract": np.array([f"C{k}" for k in range(5)], object)[contract], "price": price}
    tape["size"], tape["bid_size"], tape["ask_size"], tape["best_bid_size"], tape["best_ask_size"] = sizes
    tape["bid"], tape["ask"] = faulty(*own)
    tape["best_bid"], tape["best_ask"] = faulty(*best)
    return tape
