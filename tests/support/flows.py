"""Fund flows made up with known answers, and the recorded ones."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from gammaflow.calendars import next_sessions

DAYS = pd.DatetimeIndex(
    np.unique(next_sessions("XNYS", np.arange("2025-03-03", "2025-08-01", dtype="datetime64[D]")))
).as_unit("ns")


def made_up(seed: int = 0, scatter: float = 1e8, before: float = 0.0) -> tuple[pd.Series, pd.Series]:
    """Flows and prices of which flow = 50m + 40m per 1 % of the move, and `before` per 1 % of the last."""
    rng = np.random.default_rng(seed)
    moves = rng.normal(0.0, 0.03, len(DAYS))
    last = np.r_[0.0, moves[:-1]]
    flows = 5e7 + 4e9 * moves + 100.0 * before * last + scatter * rng.standard_normal(len(DAYS))
    return pd.Series(flows, DAYS), pd.Series(50.0 * np.cumprod(1.0 + moves), DAYS)


class Recorded(NamedTuple):
    """Flows of three records [currency], closes of the fund, and short futures with closes of the coin."""

    first: pd.DataFrame
    second: pd.DataFrame
    later: pd.Series
    closes: pd.Series
    coin: pd.Series
    report: pd.DataFrame


def recorded(shared: Path) -> Recorded:
    """The record of the event."""
    folder = shared / "data/event"

    def table(name: str, day: str = "date") -> pd.DataFrame:
        return pd.read_csv(folder / name, parse_dates=[day], index_col=day)

    return Recorded(
        first=1e6 * table("etf_flows_by_fund.csv"),
        second=1e6 * table("etf_flows_second_source.csv"),
        later=table("etf_flows_labelled_next_day.csv")["flow_usd"].dropna(),
        closes=table("daily_IBIT.csv", "Date")["Close"],
        coin=table("daily_BTC.csv", "Date")["Close"],
        report=table("cme_btc_cot_weekly.csv"),
    )
