"""A note of each product, and what it redeems."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gammaflow.positions.notes import Autocallable, BarrierNote, ReverseConvertible

ASOF = pd.Timestamp("2026-02-05T21:00:00Z")
SHARED = {"symbol": "IBIT", "initial": 50.0, "issued": "2025-11-04", "matures": "2027-11-04"}


def reverse_convertible(**changes):
    fields = {"name": "RC", "notional": 7e6, "barrier": 0.7, "coupon": 0.03, "coupons": "quarterly"}
    return ReverseConvertible(**{**SHARED, **fields, **changes})


def barrier_note(**changes):
    return BarrierNote(**{**SHARED, "name": "PLUS", "notional": 104e6, "barrier": 0.75, **changes})


def autocallable(**changes):
    fields = {"name": "PHX", "notional": 3e6, "barrier": 0.6, "calls": "quarterly"}
    return Autocallable(**{**SHARED, **fields, **changes})


def redeemed(terms, spot, knocked=False):
    """Redemption at maturity, a share of par."""
    lines = terms.hit if knocked else terms.intact
    intercept, slope = lines[np.searchsorted(terms.edges, spot)]
    return intercept + slope * spot
