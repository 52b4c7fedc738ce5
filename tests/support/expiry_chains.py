"""Chains of one strike at given expiries."""

import pandas as pd

import gammaflow as gf


def made(days, *, settlement="PM", symbol="XYZ", asof="2025-01-01T12:00Z", **columns):
    """A chain of one call per day."""
    frame = pd.DataFrame({"expiry": [str(day) for day in days], **columns})
    frame = frame.assign(
        **{
            name: value
            for name, value in {"strike": 100.0, "kind": "call", "iv": 0.3, "open_interest": 1.0}.items()
            if name not in frame
        }
    )
    frame["contract"] = [f"{i}" for i in range(len(frame))]
    return gf.chain_from_frame(
        frame, symbol=symbol, spot=100.0, asof=asof, multiplier=100.0, settlement=settlement
    )
