"""Pairs of made-up chains, and the change of open interest by a loop over contracts."""

from functools import cache

import numpy as np
import pandas as pd

import gammaflow as gf
from gammaflow.market.chain import Chain

ASOF = pd.Timestamp("2026-02-05T14:30:00Z")
RULES = {"calls_long_puts_short": (1, -1), "short_all": (-1, -1), "mirror": (-1, 1), "unsigned": (1, 1)}


@cache
def market(seed=0, *, asof=ASOF, drop=0.15, multiplier=1.0, shift=0.0, **facts):
    """A chain with rates, yields and forwards; some open interest missing or zero, some rows unlisted."""
    rng = np.random.default_rng(seed)
    rows = []
    for days in (-0.5, 2.0, 9.0, 30.0):
        for strike in np.arange(76.0, 128.0, 4.0):
            for kind in ("call", "put"):
                rows.append((ASOF + pd.Timedelta(days, "D"), strike, kind))
    frame = pd.DataFrame(rows, columns=["expiry", "strike", "kind"])
    frame["contract"] = [f"X {e:%d%b} {k:g} {kind[0]}" for e, k, kind in rows]
    frame["open_interest"] = rng.choice(
        [0.0, 1.5, 20.0, 300.0, np.nan], len(frame), p=[0.2, 0.2, 0.3, 0.25, 0.05]
    )
    leg = np.repeat(rng.normal(0.0, 0.01, len(frame) // 2), 2)
    frame["iv"] = np.where(rng.random(len(frame)) < 0.04, np.nan, 0.5 + shift + leg)
    frame["volume"] = rng.choice([0.0, 50.0, 400.0], len(frame))
    frame["multiplier"] = multiplier
    frame["rate"], frame["dividend_yield"], frame["root"] = 0.04, -0.01, "X"
    frame["forward"] = np.where(frame["expiry"] > ASOF + pd.Timedelta(5, "D"), 101.0, np.nan)
    frame = frame[rng.random(len(frame)) >= drop].reset_index(drop=True)
    return Chain(frame, "X", 100.0, asof, **{"vendor": "deribit", "venue": "Deribit", **facts})


def pair(seed=0, hours=20.0, **facts):
    """Two chains, the earlier `hours` before the later one."""
    earlier = market(2 * seed, asof=ASOF - pd.Timedelta(hours, "h"), **facts)
    return earlier, market(2 * seed + 1, shift=0.03, **facts)


@cache
def changed(seed=0, accuracy=0.55):
    """The change between a pair of chains."""
    return gf.open_interest_change(*pair(seed), accuracy=accuracy)


def naive(earlier, later):
    """Before, after and state of every contract that was alive at the earlier chain: a loop."""
    rows = [{(r.expiry, r.strike, r.kind): r for r in c.to_frame().itertuples()} for c in (earlier, later)]
    found = {}
    for key in rows[0].keys() | rows[1].keys():
        old, new = (side.get(key) for side in rows)
        if key[0] <= earlier.asof:
            continue
        before = 0.0 if old is None else old.open_interest
        if old is not None and new is not None:
            before *= old.multiplier / new.multiplier
        gone = key[0] <= later.asof
        after = 0.0 if gone else np.nan if new is None else new.open_interest
        if gone:
            state = "expired"
        elif np.isnan(before) or np.isnan(after):
            state = "unknown"
        elif before == after:
            state = "unchanged"
        elif before == 0.0:
            state = "new"
        elif after == 0.0:
            state = "closed"
        else:
            state = "grew" if after > before else "fell"
        found[(new or old).contract] = (before, after, state)
    return found
