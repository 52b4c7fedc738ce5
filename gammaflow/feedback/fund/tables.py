"""Tables beside an `EtfLedger`: assets from day to day, and the baskets that published flows stand for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import attempt, check_number, refuse
from gammaflow.feedback.fund.inputs import traded_days
from gammaflow.series import read_days

__all__ = ["aum_bridge", "implied_baskets"]


def aum_bridge(days: Iterable[Any], assets: float, nav: float) -> pd.DataFrame:
    """Assets of a fund over the rows of a ledger; see `EtfLedger.bridge`."""
    values, problems = attempt(
        lambda: check_number(assets, "assets", 0.0),
        lambda: check_number(nav, "nav", 0.0, open_low=True),
    )
    refuse("bridge", problems)
    after, last = values
    rows = []
    for day in days:
        before, price = after, after * (day.nav / last - 1.0)
        after, last = before + price + day.flow, day.nav
        rows.append((day.day, before, price, day.flow, price + day.flow, after, day.coins_delivered))
    names = ["day", "before", "price", "flow", "change", "after", "coins"]
    return pd.DataFrame(rows, columns=names).set_index("day")


def implied_baskets(flows: Any, nav: Any, basket: int, lag: int) -> pd.DataFrame:
    """Published flows in baskets; see `EtfLedger.implied_baskets`."""
    problems: list[str] = []
    flow = read_days(flows, "flows", problems, least=1, gaps=True)
    known = read_days(nav, "nav", problems, low=0.0, open_low=True, least=1, gaps=True)
    refuse("implied baskets", problems)
    traded = traded_days(pd.DatetimeIndex(flow.index), lag)
    price = known.reindex(traded).to_numpy()
    baskets = flow.to_numpy() / price / basket
    columns = {
        "traded": traded,
        "flow": flow.to_numpy(),
        "nav": price,
        "baskets": baskets,
        "off": baskets - np.rint(baskets),
    }
    return pd.DataFrame(columns, index=flow.index.rename("published"))
