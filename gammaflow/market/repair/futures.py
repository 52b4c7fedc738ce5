"""Options on futures: which rows they are, and the refusal to value them on spot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.columns import coded
from gammaflow.errors import SchemaError
from gammaflow.market.chain import Chain

__all__ = ["FUTURES_ROOTS", "bare_futures", "on_futures", "refuse_bare_futures"]

#: Roots and symbols of options on volatility indices, which settle like their futures: nobody can buy and
#: carry the index. Names that begin with "/" or end in "=F" are futures in brokers' and Yahoo's notation.
#: Bare roots of futures exchanges (ES, CL, GC) are stocks elsewhere and prove nothing.
FUTURES_ROOTS = frozenset(
    {"VIX", "VIXW", "UX", "RVX", "VXN", "OVX", "GVZ", "VSTOXX", "V2TX", "OVS", "OVS2", "VDAX", "VHSI"}
)


def on_futures(chain: Chain) -> NDArray[np.bool_]:
    """Mask of options on a future, by root (by the chain's symbol where rows have none), (n,)."""
    roots = coded(chain.columns, "root")
    return roots.where([_is_future(str(root) or chain.symbol) for root in roots.texts])


def _is_future(root: str) -> bool:
    return root.lstrip("^$.").upper() in FUTURES_ROOTS or root.startswith("/") or root.endswith("=F")


def bare_futures(chain: Chain) -> NDArray[np.bool_]:
    """Mask of options on a future, (n,), with neither a forward nor a yield that turns spot into one."""
    bare = on_futures(chain) & np.isnan(chain["forward"]) & (chain["dividend_yield"] == 0)
    return np.asarray(bare, dtype=bool)


def refuse_bare_futures(chain: Chain, rows: NDArray[Any]) -> None:
    """Raise SchemaError where some of `rows` (n,) are options on a future without a forward."""
    bare = bare_futures(chain) & rows
    if bare.any():
        days = [f"{day:%Y-%m-%d}" for day in pd.DatetimeIndex(np.unique(chain["expiry"][bare]))]
        shown = ", ".join(days[:4]) + (f" and {len(days) - 4} more" if len(days) > 4 else "")
        raise SchemaError(
            f"forward: {bare.sum()} of {len(chain)} rows of {chain.symbol} (expiries {shown}) are options on "
            f"futures, not on the spot of {chain.spot:g}, and have no forward; valued on spot, their gamma "
            "would be wrong. Take forwards from two-sided quotes (repair_chain, --repair), or give each row "
            "its future (a forward column, chain.with_columns(forward=...))."
        )
