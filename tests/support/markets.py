"""Chains whose quotes are exact prices, for the tests of repair."""

import numpy as np
import pandas as pd

import gammaflow as gf
from gammaflow.market.chain import Chain

ASOF = pd.Timestamp("2026-02-05T15:00:00Z")
SPOT = 4000.0


def smile(k, t):
    return 0.18 - 0.15 * k / np.sqrt(t + 0.1) + 0.4 * k**2


def market(
    days=(30.0, 150.0),
    rate=0.045,
    carry=0.013,
    gap=0.0,
    *,
    coin=False,
    exercise="european",
    spread=0.01,
    rows=slice(None),
    **changes,
):
    """A chain whose quotes are exact prices +- half a spread, on forwards S (1 + gap) e^((r - q) t)."""
    frames = []
    for d in days:
        t = d / 365.0
        F = SPOT * (1 + gap) * np.exp((rate - carry) * t)
        width = 0.2 * np.sqrt(t)
        K = np.round(F * np.exp(np.linspace(-3, 3, 61) * width), 1)
        for kind in ("call", "put"):
            sigma = smile(np.log(K / F), t)
            price = gf.bsm.price_forward(kind, F, K, t, 0.0 if coin else rate, sigma) / (F if coin else 1.0)
            frames.append(
                pd.DataFrame(
                    {
                        "contract": [f"X{d:g}{kind[0]}{k:g}" for k in K],
                        "expiry": ASOF + pd.Timedelta(days=d),
                        "strike": K,
                        "kind": kind,
                        "open_interest": 10.0 + np.arange(len(K)),
                        "multiplier": 1.0 if coin else 100.0,
                        "iv": sigma,
                        "bid": price * (1 - spread / 2),
                        "ask": price * (1 + spread / 2),
                        "forward": F if coin else np.nan,
                        "root": "X",
                        "exercise": exercise,
                        "settlement": "08:00 UTC" if coin else "PM",
                    }
                )
            )
    frame = pd.concat(frames, ignore_index=True)
    for name, values in changes.items():
        frame[name] = values(frame) if callable(values) else values
    return Chain(
        frame.iloc[rows].reset_index(drop=True),
        "X",
        SPOT,
        ASOF,
        "deribit" if coin else "test",
        venue="Deribit" if coin else "",
        quote_unit="coin" if coin else "currency",
    )
