"""Small chains, and the bit-by-bit comparison of two, for the tests of the store."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.market.chain import Chain
from support.store_crash import FIRST

COLUMNS = {
    "contract": ["a", "b"], "expiry": pd.DatetimeIndex(["2026-03-27T08:00Z"] * 2), "strike": [1.0, 2.0],
    "kind": ["call", "put"], "open_interest": [1.0, np.nan], "multiplier": [1.0, 1.0], "iv": [0.5, np.nan],
}  # fmt: skip


def small(
    symbol: Any = "BTC", asof: Any = FIRST, vendor: Any = "v", spot: float = 100.0, **columns: Any
) -> Chain:
    return Chain(COLUMNS | columns, symbol, spot, asof, vendor)


def same(one: Chain, other: Chain) -> None:
    """Equal in every fact, and bit by bit in every column."""
    facts = [field.name for field in fields(Chain) if field.name != "columns"]
    assert [getattr(one, name) for name in facts] == [getattr(other, name) for name in facts]
    assert list(one.columns) == list(other.columns)
    for name, values in one.columns.items():
        assert values.dtype == other[name].dtype
        if values.dtype == object:
            assert values.tolist() == other[name].tolist()
        else:
            assert values.tobytes() == other[name].tobytes()
        assert not other[name].flags.writeable
