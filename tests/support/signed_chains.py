"""Small chains of two or more expiries with rates, yields and multipliers, for the tests of rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.market.chain import Chain

ASOF = pd.Timestamp("2026-02-05T15:00:00Z")
SPOT, RATE, CARRY, MULTIPLIER = 250.0, 0.045, 0.013, 100.0


def forward(t):
    return SPOT * np.exp((RATE - CARRY) * t)


def chain_of(
    smile: Any,
    days=(20.0, 90.0),
    strikes=None,
    *,
    forwards: bool = True,
    venue: str = "US options",
    **columns: Any,
) -> Chain:
    """Calls and puts at each strike and expiry, with vols `smile(ln(K/F), t)`."""
    frames = []
    for d in days:
        t = d / 365.0
        K = np.arange(150.0, 400.0, 10.0) if strikes is None else np.asarray(strikes, float)
        for kind in ("call", "put"):
            frames.append(
                pd.DataFrame(
                    {
                        "contract": [f"X-{d:g}-{k:g}-{kind[0]}" for k in K],
                        "expiry": ASOF + pd.Timedelta(d, "D"),
                        "strike": K,
                        "kind": kind,
                        "open_interest": 10.0 + np.arange(len(K)) * (1 if kind == "call" else 2),
                        "multiplier": MULTIPLIER,
                        "iv": smile(np.log(K / forward(t)), t) * np.ones(len(K)),
                        "forward": forward(t) if forwards else np.nan,
                        "rate": RATE,
                        "dividend_yield": CARRY,
                    }
                )
            )
    frame = pd.concat(frames, ignore_index=True)
    for name, values in columns.items():
        frame[name] = values(frame) if callable(values) else values
    return Chain(frame, "X", SPOT, ASOF, "test", venue=venue)
