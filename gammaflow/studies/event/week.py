"""The week of 5 February 2026: chains and series in the order of the story, from the record or made up."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

import gammaflow.feedback.liquidations as liquidations
from gammaflow.calendars import sessions
from gammaflow.checks import refuse
from gammaflow.errors import SchemaError
from gammaflow.evidence.clocks import NEW_YORK_CLOSE, read_at, read_clock
from gammaflow.evidence.etf_flows import net_asset_values
from gammaflow.feedback.liquidations import Liquidations
from gammaflow.frozen import Frozen
from gammaflow.market.chain import Chain
from gammaflow.market.demo import demo_chain
from gammaflow.market.readers import read_chain
from gammaflow.studies.event.records import FILES, AbsentError, Records
from gammaflow.text import rows_text

__all__ = ["Week", "read_week"]

#: The eve of the fall, its day and the day after, and the last trade of the front future.
EVE, DAY, AFTER = pd.to_datetime(["2026-02-04", "2026-02-05", "2026-02-06"])
EXPIRY = pd.Timestamp("2026-02-27")
_SNAPSHOTS = "deribit/deribit_options_snapshot_2026020[2-7]T*.csv"
_START = "deribit_daily/deribit_options_snapshot_20260115T*.csv"


@dataclass(frozen=True, eq=False, repr=False)
class Week(Frozen):
    """Chains and series around 5 February 2026; made by `read_week`.

    Attributes
    ----------
    made_up : bool
        Whether the numbers are invented; then they say nothing about the event.
    start, chains : Chain and tuple of Chain
        Options of BTC three weeks before, and through the week, ascending.
    bars : DataFrame
        Price of a coin by the opening of the hour, UTC: open, high, low, close [USD].
    fund : DataFrame
        IBIT by day: Open, High, Low, Close [USD], Volume [shares]; closes are of 16:00 New York.
    software, gold : Series
        Closes of IGV and GLD by day [USD].
    flows : Series
        Net flow into IBIT by day of the trade [USD].
    futures : Series
        Closes of the future of CME that expires on 27 February, by day; without a clock [USD].
    interest : Series
        Open interest of all venues by day, 24:00 UTC [USD].
    pools : Liquidations
        Liquidation prices known on the eve.

    See Also
    --------
    read_week : The week from records, or made up.

    Examples
    --------
    >>> week = read_week()
    >>> week.chain_at("2026-02-05T12:00Z").asof.isoformat()
    '2026-02-05T09:36:00+00:00'
    """

    made_up: bool
    start: Chain
    chains: tuple[Chain, ...]
    bars: pd.DataFrame
    fund: pd.DataFrame
    software: pd.Series
    gold: pd.Series
    flows: pd.Series
    futures: pd.Series
    interest: pd.Series
    pools: Liquidations

    def chain_at(self, moment: Any) -> Chain:
        """The newest chain at or before a timestamp with a time zone, else the first."""
        at = pd.Timestamp(moment)
        return ([chain for chain in self.chains if chain.asof <= at] or [self.chains[0]])[-1]

    def __repr__(self) -> str:
        first, last = self.chains[0].asof, self.chains[-1].asof
        source = "made up: these numbers mean nothing" if self.made_up else "from the record"
        return (
            f"Week of 5 February 2026, {source}\n"
            f"{rows_text(len(self.chains), 'chain')} of options, {first:%d %b %H:%M} to {last:%d %b %H:%M} "
            f"UTC; {rows_text(len(self.bars), 'hour')} of prices; {rows_text(len(self.fund), 'day')} of IBIT"
        )


def read_week(folder: str | os.PathLike[str] | None = None) -> Week:
    """Chains and series of the week of 5 February 2026, from a folder of records, or made up without one.

    Parameters
    ----------
    folder : path, optional
        Root of the records, with the folders `event`, `btc_market`, `deribit` and `deribit_daily`. Without it
        the built-in chain stands for the options, and a drawn week with a fall on its fourth day for the
        rest.

    Returns
    -------
    Week

    Raises
    ------
    SchemaError
        Where `folder` is no folder, or lacks files; all that are missing are named.
    ReaderError
        Where a file is there and cannot be read.

    See Also
    --------
    scorecard : the claims about the week, each against its number in the record.
    fit_event : every sale that could have made the fall.

    Examples
    --------
    >>> week = read_week()
    >>> week.made_up, len(week.chains), week.chain_at("2026-02-05T12:00Z").symbol
    (True, 2, 'BTC')
    """
    return _made_up() if folder is None else _recorded(Records(folder))


def _recorded(records: Records) -> Week:
    missing: list[str] = []

    def found(read: Callable[..., Any], *names: str) -> Any:
        try:
            return read(*names)
        except AbsentError as absent:
            missing.append(str(absent).removeprefix("missing file: "))
            return None

    snapshots = sorted(records.folder.glob(_SNAPSHOTS))
    missing += [] if snapshots else [_SNAPSHOTS]
    start = sorted(records.folder.glob(_START))
    missing += [] if start else [_START]
    fund, software, gold = (found(records.daily, name) for name in ("IBIT", "IGV", "GLD"))
    flows, futures, interest = map(found, (records.flows, records.front_future, records.open_interest))
    bars = found(records.hours)
    found(records.liquidation_map)
    refuse(
        "week",
        [f"folder: no file {path}; add it, or leave the folder out for a made-up week." for path in missing],
    )
    chains = tuple(read_chain(path, symbol="BTC") for path in snapshots)
    return Week(
        made_up=False,
        start=read_chain(start[0], symbol="BTC"),
        chains=chains,
        bars=bars,
        fund=fund,
        software=software["Close"].rename("IGV"),
        gold=gold["Close"].rename("GLD"),
        flows=flows["IBIT"],
        futures=futures,
        interest=interest,
        pools=_pools(records, chains),
    )


def _pools(records: Records, chains: tuple[Chain, ...]) -> Liquidations:
    """The recorded liquidation prices, at the spot of the last chain of the eve."""
    eve = [chain for chain in chains if chain.asof < DAY.tz_localize("UTC")]
    if not eve:
        raise SchemaError(
            "folder: no chain of Deribit before 5 February; add the snapshots of 2 to 4 February."
        )
    path = records.folder / FILES["liquidation map"].path
    return liquidations.read(path, asof=eve[-1].asof, spot=eve[-1].spot)


def _made_up() -> Week:
    """A fall of some 12 % on the fourth day; every number but the chain's is drawn, from a fixed seed."""
    rng, chain = np.random.default_rng(5), demo_chain()
    hours = pd.date_range("2025-10-01", "2026-02-13", freq="h", tz="UTC")
    fall = pd.date_range("2026-02-05T10:00Z", "2026-02-05T21:00Z", freq="h")
    price = np.exp(np.cumsum(rng.normal(0.0, 0.005, len(hours)) - 0.011 * hours.isin(fall)))
    price *= 73_000.0 / price[hours.isin(fall - pd.Timedelta(13, "h"))][0]
    bars = pd.DataFrame({"open": price[:-1], "close": price[1:]}, hours[:-1])
    bars = bars.assign(high=1.002 * bars.max(axis=1), low=0.998 * bars.min(axis=1))
    days = sessions("XNYS", "2025-10-01T00:00Z", "2026-02-12T22:00Z").tz_localize(None).normalize()
    coin = read_at(bars["open"], read_clock(NEW_YORK_CLOSE).on(days)).set_axis(days)
    share, move = 5.6712e-4 * coin, np.log(coin).diff().fillna(0.0)

    def noise(size: float) -> Any:
        return rng.normal(0.0, size, len(days))

    fund = pd.DataFrame({"Open": share.shift(1).fillna(share), "High": 1.01 * share, "Low": 0.99 * share})
    fund = fund.assign(Close=share, Volume=6e7 * np.exp(noise(0.3) + 12.0 * move.abs()))
    less = chain["open_interest"] * rng.choice([0.5, 0.9, 1.0, 1.1], len(chain), p=[0.2, 0.4, 0.2, 0.2])
    vols = chain["iv"] + np.repeat(rng.normal(0.0, 0.003, len(chain) // 2), 2)
    before = chain.with_columns(open_interest=less.round(1), iv=vols.round(4))
    before = replace(before, asof=chain.asof - pd.Timedelta(1, "D"))
    left = (EXPIRY - days).days / 365.0
    value = net_asset_values(bars).reindex(days).fillna(share)
    coins = 7e5 * np.exp(rng.normal(0.0, 0.02, int(np.ceil(len(bars) / 24))))
    return Week(
        made_up=True,
        start=before,
        chains=(before, chain),
        bars=bars,
        fund=fund,
        software=(80.0 * np.exp((0.4 * move + noise(0.01)).cumsum())).rename("software"),
        gold=(400.0 * np.exp((0.1 * move + noise(0.01)).cumsum())).rename("gold"),
        flows=(40_000 * value * ((2e9 * move + noise(1e8)) / value / 40_000).round()).round(-5),
        futures=coin * (1.0 + 0.05 * left + noise(5e-4)),
        interest=coins * bars["close"].resample("D").last().tz_localize(None),
        pools=liquidations.pool(1.2e9, 0.8 * chain.spot, 0.98 * chain.spot, source="made up"),
    )
