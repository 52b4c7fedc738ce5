"""Rows on the forward of their dividends: the yield would be that of days, and above any use."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gammaflow.columnar import Snapshot
from gammaflow.market.carry.dividends import Dividends
from gammaflow.market.carry.rates import RateCurve

__all__ = ["LARGEST_YIELD", "carried", "grown", "on_dividends"]

Array = NDArray[np.float64]

#: A larger yield is that of a dividend just ahead of an expiry: such rows are put on their forward [1/year].
LARGEST_YIELD = 1.0


def grown(underlying: float | Array, rate: Array, dividend_yield: Array, years: Array) -> Array:
    """Forward of an underlying, U e^((r - q) t) [currency]; arrays broadcast, NaN gives NaN.

    Examples
    --------
    >>> grown(100.0, np.array([0.05]), np.array([0.01]), np.array([0.5])).round(4)
    array([102.0201])
    """
    return np.asarray(underlying * np.exp((rate - dividend_yield) * years))


def carried(
    chain: Snapshot, dividends: Dividends, discount: RateCurve | Array, rate: Array
) -> tuple[Array, Array]:
    """Yield of the dividends to each row's expiry, and the forward of spot with it; `rate` is each row's."""
    years = np.maximum(chain.years, 0.0)
    worth = dividends.yields(chain.spot, chain.asof, years, discount)
    return worth, grown(chain.spot, rate, worth, years)


def on_dividends(
    chain: Snapshot, dividends: Dividends | None, curve: RateCurve | None = None
) -> NDArray[np.bool_]:
    """Mask (n,) of the rows whose forward is that of the dividends, and no quoted one.

    Examples
    --------
    >>> import pandas as pd
    >>> import gammaflow as gf
    >>> rows = pd.DataFrame({"expiry": ["2026-02-20", "2026-12-18"], "strike": 95.0, "kind": "call"})
    >>> how = {"symbol": "XYZ", "spot": 100.0, "asof": "2026-02-18T16:00Z", "multiplier": 100}
    >>> cash = {"2026-02-19": 2.0}
    >>> rows = rows.assign(iv=0.2, open_interest=1, settlement="PM")
    >>> chain = gf.chain_from_frame(rows, rate=0.04, dividends=cash, **how)
    >>> on_dividends(chain, chain.dividends, chain.rate_curve)
    array([ True, False])
    """
    if dividends is None:
        return np.zeros(len(chain["forward"]), dtype=np.bool_)
    worth, own = carried(chain, dividends, curve or chain["rate"], chain["rate"])
    return np.asarray(
        (worth > LARGEST_YIELD) & np.isclose(chain["forward"], own, rtol=1e-12, atol=0.0), np.bool_
    )
