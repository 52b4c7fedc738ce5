"""Bars of the desk page: measures, open interest and volume of each listed strike, expiry and kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.exposure.exposure import Exposure
from gammaflow.market.chain import Chain
from gammaflow.report.desk.rounding import rounded

__all__ = ["BARS", "strike_rows"]

#: Measures of the bars.
BARS = ("gamma", "vanna", "charm")

_KEYS = ["strike", "expiry", "side"]
_COUNTS = ["open_interest", "volume"]


def strike_rows(
    exposure: Exposure, expiries: pd.DatetimeIndex, chain: Chain | None
) -> dict[str, list[Any] | None]:
    """Columns with a row per listed strike, expiry and kind.

    Parameters
    ----------
    exposure : Exposure
        Exposure under one rule.
    expiries : DatetimeIndex
        Those that `expiry` counts.
    chain : Chain or None
        Quotes, which hold open interest and volume; the columns are None without it.

    Returns
    -------
    dict of list
        `strike` [currency], `expiry` (place in `expiries`), `side` ("call", "put" or another kind), each
        of `BARS` in its unit to seven digits of the largest, `open_interest` and `volume`
        [contracts]. Contracts without a position under the rule have measures of 0. Rows of one strike,
        expiry and kind are added up.
    """
    book = exposure.book
    rows = book.has_strike
    held = pd.DataFrame(
        {
            "strike": book["strike"][rows],
            "expiry": book.columns["expiry"][rows],
            "side": book["kind"][rows].astype(str),
            **{name: exposure.rows[name][rows] for name in BARS},
        }
    )
    table = held.groupby(_KEYS, dropna=False, sort=True)[list(BARS)].sum()
    if chain is not None:
        table = table.join(_counts(chain, expiries), how="outer")
        table[list(BARS)] = table[list(BARS)].fillna(0.0)
    flat = table.reset_index()
    moments = expiries.tz_localize(None).to_numpy()
    out: dict[str, list[Any] | None] = {
        "strike": flat["strike"].tolist(),
        "expiry": np.searchsorted(moments, flat["expiry"].to_numpy()).tolist(),
        "side": flat["side"].tolist(),
        **{name: rounded(flat[name].to_numpy()) for name in BARS},
    }
    return out | {name: _counted(flat[name]) if name in flat else None for name in _COUNTS}


def _counted(values: pd.Series) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]


def _counts(chain: Chain, expiries: pd.DatetimeIndex) -> pd.DataFrame:
    """Open interest and volume of the chain's contracts that have some, at the expiries."""
    counts = {name: chain[name] for name in _COUNTS if not np.isnan(chain[name]).all()}
    moments = expiries.tz_localize(None).to_numpy()
    some = np.zeros(len(chain), dtype=bool)
    for values in counts.values():
        some |= values > 0.0
    some &= np.isin(chain["expiry"], moments)
    frame = pd.DataFrame(
        {
            "strike": chain["strike"][some],
            "expiry": chain["expiry"][some],
            "side": chain["kind"][some].astype(str),
            **{name: values[some] for name, values in counts.items()},
        }
    )
    return frame.groupby(_KEYS, sort=True)[list(counts)].sum(min_count=1)
