"""A rate and dividends put on a chain: columns for every row, and the facts that they came from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import attempt, refuse
from gammaflow.market.carry.dividends import Dividends, find_dividends
from gammaflow.market.carry.forwards import LARGEST_YIELD, carried, on_dividends
from gammaflow.market.carry.rates import RateCurve, find_rate, rates_at
from gammaflow.market.chain import Chain

__all__ = ["dividend_columns", "find_carry", "quoted_forwards", "with_carry"]

Array = NDArray[np.float64]


def find_carry(rate: Any, dividends: Any) -> tuple[float | RateCurve | None, Dividends | None]:
    """A rate and dividends as callers give them, checked together; None stays.

    Raises
    ------
    SchemaError
        With every problem of both.
    """
    (found, paid), problems = attempt(
        lambda: None if rate is None else find_rate(rate),
        lambda: None if dividends is None else find_dividends(dividends),
    )
    refuse(" and ".join(n for n, v in (("rate", rate), ("dividends", dividends)) if v is not None), problems)
    return found, paid


def with_carry(chain: Chain, rate: float | RateCurve | None, dividends: Dividends | None) -> Chain:
    """The chain with a rate and with dividends in place of its own; None keeps what it has.

    One number is a curve of one rate, the day after the last expiry. Every row has the rate of its expiry;
    rows without a forward have the yield of the dividends to it or, where that is above 1 a year, the forward
    itself: an expiry within days of an ex-date.

    Raises
    ------
    SchemaError
        Where the dividends are worth spot or more, or the curve ends before `asof`.

    Examples
    --------
    >>> import gammaflow as gf
    >>> chain = gf.demo_chain().with_columns(forward=float("nan"))
    >>> given = with_carry(chain, 0.05, Dividends({"2026-02-20": 700.0}))
    >>> set(given["rate"].tolist()), round(float(given["dividend_yield"].max()), 3)
    ({0.05}, 0.24)
    """
    if rate is None and dividends is None:
        return chain
    if isinstance(rate, float):
        last = max(pd.Timestamp(chain.columns["expiry"].max()), chain.asof.tz_localize(None))
        rate = RateCurve({(last + pd.Timedelta(1, "D")).normalize(): rate})
    curve = chain.rate_curve if rate is None else rate
    paid = chain.dividends if dividends is None else dividends
    columns: dict[str, Any] = {}
    if rate is not None:
        columns["rate"] = rates_at(rate, chain.asof, chain.years)
    if paid is not None:
        found = curve or columns.get("rate", chain["rate"])
        columns |= dividend_columns(chain, paid, found, columns.get("rate", chain["rate"]))
    return replace(chain.with_columns(**columns), rate_curve=curve, dividends=paid)


def dividend_columns(
    chain: Chain, dividends: Dividends, discount: RateCurve | Array, rate: Array
) -> dict[str, Array]:
    """Columns `dividend_yield` and `forward` that dividends imply; `rate` (n,) is that of each row."""
    worth, forward = carried(chain, dividends, discount, rate)
    quoted, near = quoted_forwards(chain), worth > LARGEST_YIELD
    return {
        "dividend_yield": np.where(near, 0.0, worth),
        "forward": np.where(near & np.isnan(quoted), forward, quoted),
    }


def quoted_forwards(chain: Chain) -> Array:
    """Forward of each row without those that `dividend_columns` has set, (n,)."""
    return np.where(on_dividends(chain, chain.dividends, chain.rate_curve), np.nan, chain["forward"])
