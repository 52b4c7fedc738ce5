"""Side of a trade from its price, its size and the quote: the tests that classification rules are made of.

A side is +1.0 where the customer bought, -1.0 where the customer sold, 0.0 where the test cannot tell.
Missing and infinite numbers decide nothing. Prices and sizes are decimals: two of them are equal where they
differ by rounding only (1e-9 of the smaller), so that a trade at 1.20 is at the mid of 1.10 and 1.30.

A quote is usable where 0 <= bid <= ask, 0 < ask < infinity. Without a bid (0) the mid is half the ask. A
locked quote (bid = ask) is usable; a crossed one (bid > ask), one without an ask, and a missing one are not.
"""

from __future__ import annotations

import math

import numpy as np

from gammaflow.kernels.compile import kernel, scalar

ROUNDING = 1e-9

#: Codes of the tests in `side_of`, by name.
TESTS = {
    "tick": 0,
    "reverse_tick": 1,
    "quote": 2,
    "at_quote": 3,
    "near_quote": 4,
    "quoted_tick": 5,
    "size": 6,
    "depth": 7,
}


@scalar
def equal(a, b):
    """Whether two numbers differ by rounding at most; False for NaN and infinities."""
    return abs(a - b) <= ROUNDING * min(abs(a), abs(b))


@scalar
def compare(a, b):
    """Sign of a - b; 0.0 where they are equal and for NaN."""
    gap = a - b
    apart = abs(gap) > ROUNDING * min(abs(a), abs(b))
    return (1.0 if gap > 0.0 else -1.0) if apart else 0.0


@scalar
def either(buy, sell):
    """Side where one of two conditions holds; 0.0 where both or none do."""
    return (1.0 if buy else -1.0) if buy != sell else 0.0


@scalar
def usable(bid, ask):
    """Whether bid and ask are a quote: neither missing nor crossed; without a bid, bid = 0."""
    return bid >= 0.0 and 0.0 < ask < math.inf and compare(bid, ask) <= 0.0


@scalar
def quote_side(price, bid, ask):
    """Above the mid a buy, below it a sell."""
    return compare(2.0 * price, bid + ask) if usable(bid, ask) else 0.0


@scalar
def at_quote_side(price, bid, ask):
    """At the ask a buy, at the bid a sell; at both, inside and outside none."""
    if not usable(bid, ask):
        return 0.0
    return either(equal(price, ask), equal(price, bid))


@scalar
def near_quote_side(price, bid, ask):
    """Within 30 % of the spread below the ask a buy, above the bid a sell; outside the quote none."""
    if not usable(bid, ask):
        return 0.0
    buy = compare(price, 0.7 * ask + 0.3 * bid) >= 0.0 and compare(price, ask) <= 0.0
    sell = compare(price, 0.3 * ask + 0.7 * bid) <= 0.0 and compare(price, bid) >= 0.0
    return either(buy, sell)


@scalar
def size_side(size, bid_size, ask_size):
    """Of the bid's size a buy (a resting customer order was filled), of the ask's a sell; of both none."""
    return either(equal(size, bid_size), equal(size, ask_size)) if size > 0.0 else 0.0


@scalar
def depth_side(price, bid, ask, bid_size, ask_size):
    """At the mid: a buy where the ask is larger, a sell where the bid is."""
    at_mid = usable(bid, ask) and equal(2.0 * price, bid + ask)
    return compare(ask_size, bid_size) if at_mid else 0.0


@scalar
def side_of(test, price, size, bid, ask, bid_size, ask_size, before, after):
    """Side by one test of `TESTS`; before and after are the closest different prices of the contract.

    Tick: above the price before a buy. Reverse tick: above the price after, so that the next change is down,
    a buy. Quoted tick: the tick test where there is a usable quote.
    """
    if test == 0:
        return compare(price, before)
    if test == 1:
        return compare(price, after)
    if test == 2:
        return quote_side(price, bid, ask)
    if test == 3:
        return at_quote_side(price, bid, ask)
    if test == 4:
        return near_quote_side(price, bid, ask)
    if test == 5:
        return compare(price, before) if usable(bid, ask) else 0.0
    if test == 6:
        return size_side(size, bid_size, ask_size)
    return depth_side(price, bid, ask, bid_size, ask_size)


@scalar
def expected_side(side, p):
    """Expected side of a trade whose side was found with accuracy p: (2 p - 1) side."""
    return (2.0 * p - 1.0) * side


@scalar
def side_variance(p):
    """Variance of the side, +1 or -1, around `expected_side`: 1 - (2 p - 1)^2 = 4 p (1 - p)."""
    return 4.0 * p * (1.0 - p)


@kernel("out")
def different_prices(price, contract, contracts, step, out):
    """Closest price of the same contract that differs, before (step 1) or after (step -1); NaN where none.

    `contract` numbers the contracts from 0 to `contracts` - 1. Prints without a price are passed over.
    """
    n = len(price)
    last = np.full(contracts, np.nan)
    prior = np.full(contracts, np.nan)
    first = 0 if step > 0 else n - 1
    for k in range(n):
        i = first + step * k
        c, p = contract[i], price[i]
        if abs(p) < math.inf and not equal(p, last[c]):
            prior[c] = last[c]
            last[c] = p
        out[i] = prior[c]


@kernel("side", "layer")
def classify_prints(
    tests, best, layers, price, size, bid, ask, bid_size, ask_size,
    best_bid, best_ask, best_bid_size, best_ask_size, before, after, side, layer,
):  # fmt: skip
    """Side of each print by the first test that decides, and that test's layer; 0.0 and -1 where none does.

    Each test has a code, a switch for the best quotes instead of the exchange's own, and a layer.
    """
    for i in range(len(price)):
        side[i], layer[i] = 0.0, -1
        if not abs(price[i]) < math.inf:
            continue
        for k in range(len(tests)):
            own = not best[k]
            found = side_of(
                tests[k],
                price[i],
                size[i],
                bid[i] if own else best_bid[i],
                ask[i] if own else best_ask[i],
                bid_size[i] if own else best_bid_size[i],
                ask_size[i] if own else best_ask_size[i],
                before[i],
                after[i],
            )
            if found != 0.0:
                side[i], layer[i] = found, layers[k]
                break
