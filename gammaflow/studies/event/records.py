"""Records of the week of 5 February 2026, from a folder of files: each with its clock, its trap handled.

A file that is not there, or a day that it lacks, raises `AbsentError`, which ends in "cannot tell".
A file that is there and cannot be read ends in one error.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd

from gammaflow.checks import refuse
from gammaflow.errors import GammaflowError, ReaderError, SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.readers import read_chain
from gammaflow.series import read_days, read_moments

__all__ = ["AFTER", "BEFORE", "DAY", "FILES", "AbsentError", "Record", "Records", "at", "on"]

_T = TypeVar("_T")
#: The days around the fall.
BEFORE, DAY, AFTER = "2026-02-04", "2026-02-05", "2026-02-06"
_WEEK = ("20260202", "20260206")


class Record(NamedTuple):
    """A file of the folder, and the clock of its rows."""

    path: str
    clock: str


FILES = {
    "IBIT": Record("event/daily_IBIT.csv", "16:00 New York"),
    "IGV": Record("event/daily_IGV.csv", "16:00 New York"),
    "GLD": Record("event/daily_GLD.csv", "16:00 New York"),
    "flows": Record("event/etf_flows_by_fund.csv", "by trade day"),
    "flows, next day": Record("event/etf_flows_labelled_next_day.csv", "dated one trade day later"),
    "front future": Record("event/cme_btc_front_close.csv", "no clock in the file"),
    "hours": Record("btc_market/btcusdt_1h_20251001_20260404.csv", "UTC, opening of the hour"),
    "basis": Record("btc_market/coinglass_basis_1d.csv", "24:00 UTC; contract not stated"),
    "commitments": Record("event/cme_btc_cot_weekly.csv", "Tuesdays"),
    "open interest": Record("event/aggregate_btc_open_interest_1d.csv", "all venues, 24:00 UTC"),
    "open interest, 4h": Record("btc_market/coinglass_oi_4h.csv", "UTC, opening of the bar"),
    "open interest by venue": Record("event/open_interest_by_venue_1h.csv", "UTC, coins"),
    "option volume": Record("event/ibit_option_volume_1d.csv", "contracts by day"),
    "holders": Record("event/ibit_holders.csv", "by report day"),
    "liquidations": Record("btc_market/coinglass_liquidation_4h.csv", "one venue, UTC, opening of the bar"),
    "liquidation map": Record("event/hyperliquid_liquidation_map.csv", "UTC, 200 accounts of one venue"),
    "margin": Record("event/bitfinex_margin_btc_1h.csv", "UTC, opening of the hour"),
    "DVOL": Record("btc_market/deribit_dvol_1d_2021_2026.csv", "close at 24:00 UTC"),
    "one call": Record("event/ibit_one_call_through_the_event.csv", "near 16:35 New York"),
    "chain of 4 Feb": Record("deribit/deribit_options_snapshot_20260204T213308Z.csv", "4 Feb 21:33 UTC"),
    "chain of 5 Feb": Record("deribit/deribit_options_snapshot_20260205T093647Z.csv", "5 Feb 09:36 UTC"),
    "chain after": Record("deribit/deribit_options_snapshot_20260205T212937Z.csv", "5 Feb 21:29 UTC"),
}  # fmt: skip


class AbsentError(LookupError):
    """A file or a row that the records do not have, and what the model says without it."""

    def __init__(self, what: str, model: str = "") -> None:
        super().__init__(what)
        self.model = model


class Records:
    """The files of a folder, each read when it is first asked for.

    Parameters
    ----------
    folder : path
        Root of the records, with the folders `event`, `btc_market` and `deribit`.

    Raises
    ------
    SchemaError
        Where `folder` is no folder, or has none of the files.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        try:
            self.folder = Path(folder)
        except TypeError:
            raise SchemaError(
                f"folder: received {folder!r:.60}; legal: the path of a folder of records."
            ) from None
        legal = "pass the root of the records, with the folders event, btc_market and deribit."
        if not self.folder.is_dir():
            raise SchemaError(f"folder: received {str(folder)!r}, which is not a folder; {legal}")
        self.present = [name for name, record in FILES.items() if (self.folder / record.path).is_file()]
        if not self.present:
            names = ", ".join(record.path for record in list(FILES.values())[:3])
            raise SchemaError(
                f"folder: received {str(folder)!r}, which has none of the {len(FILES)} files of the records "
                f"({names}, ...); {legal}"
            )
        self._read: dict[Any, Any] = {}

    def source(self, *names: str) -> str:
        """File and clock of some records, as text."""
        return "; ".join(f"{FILES[name].path} ({FILES[name].clock})" for name in names)

    # One method per kind of file -----------------------------------------------------------------------

    def daily(self, ticker: str) -> pd.DataFrame:
        """Open, High, Low, Close and Volume by day, as the file has them."""
        return self._days(ticker, ["Open", "High", "Low", "Close", "Volume"], "Date", low=0.0)

    def flows(self) -> pd.DataFrame:
        """Net flows into the funds by trade day [USD]: total_musd and IBIT, in dollars."""
        frame: pd.DataFrame = self._days("flows", ["total_musd", "IBIT"], "date") * 1e6
        return frame.rename(columns={"total_musd": "all"})

    def flows_next_day(self) -> pd.Series:
        """Net flows into IBIT by day of publication, one session after the trade [USD]; no empty rows."""

        def read(path: Path) -> pd.Series:
            frame = _table(path, ["date", "ticker", "flow_usd"])
            frame = frame[(frame["ticker"] == "IBIT") & frame["flow_usd"].notna()].set_index("date")
            frame.index = pd.DatetimeIndex([pd.Timestamp(text) for text in frame.index])
            return _checked_days(frame["flow_usd"], "flow_usd", -np.inf)

        return self._once("flows, next day", read)

    def front_future(self) -> pd.Series:
        """Closes of the front future of CME by day [USD]."""
        return self._days("front future", ["Adj Close"], "Date", low=0.0)["Adj Close"]

    def hours(self) -> pd.DataFrame:
        """Open, high, low and close of bitcoin by the opening of the hour, UTC [USD]."""
        return self._moments("hours", ["open", "high", "low", "close"], "timestamp", low=0.0)

    def spot(self) -> pd.Series:
        """Bitcoin at each full hour [USD]: the opening price stands at its label."""
        return self.hours()["open"]

    def basis(self) -> pd.Series:
        """Yearly basis at the end of each day [1/year]; the file does not say of which contract."""
        return self._days("basis", ["close_basis"], "timestamp")["close_basis"]

    def commitments(self) -> pd.DataFrame:
        """Weekly positions at CME [contracts], as the file has them."""
        sides = [f"{who}_{side}" for who in ("commercial", "noncommercial") for side in ("long", "short")]
        return self._days("commitments", ["open_interest", *sides], "date", low=0.0)

    def open_interest(self) -> pd.Series:
        """Open interest of all venues at the end of each day, 24:00 UTC [USD]."""
        return self._days("open interest", ["close"], "timestamp", low=0.0)["close"]

    def open_interest_bars(self) -> pd.DataFrame:
        """Open interest by the opening of bars of four hours, UTC [USD]."""
        return self._moments("open interest, 4h", ["open", "close"], "timestamp", low=0.0)

    def open_interest_by_venue(self) -> pd.DataFrame:
        """Open interest by hour, a column per venue [coins]."""
        return self._moments("open interest by venue", ["CME", "Binance"], "timestamp", low=0.0)

    def option_volume(self) -> pd.DataFrame:
        """Calls and puts of the fund traded by day [contracts]."""
        return self._days("option volume", ["calls", "puts"], "date", low=0.0)

    def holders(self) -> pd.DataFrame:
        """Institutions' share of the fund, and hedge funds' share of that, by report day [-]."""
        return self._days("holders", ["institutional", "hedge_funds"], "date", low=0.0)

    def liquidations(self) -> pd.DataFrame:
        """Liquidated longs and shorts of one venue by the opening of bars of four hours, UTC [USD]."""
        return self._moments("liquidations", ["long_usd", "short_usd"], "timestamp", low=0.0)

    def liquidation_map(self) -> pd.DataFrame:
        """Liquidation prices of large accounts: updated (UTC), spot, side, price, value_usd."""

        def read(path: Path) -> pd.DataFrame:
            frame = _table(path, ["updated", "spot", "side", "price", "value_usd"])
            frame["updated"] = pd.to_datetime(frame["updated"], utc=True)
            for name in ("spot", "price", "value_usd"):
                frame[name] = pd.to_numeric(frame[name])
            return frame

        return self._once("liquidation map", read)

    def margin(self) -> pd.DataFrame:
        """Margin positions in bitcoin by the opening of the hour, UTC: longs_btc, shorts_btc [coins]."""
        return self._moments("margin", ["longs_btc", "shorts_btc"], "time", low=0.0)

    def volatility_index(self) -> pd.Series:
        """Close of Deribit's index of implied volatility of 30 days, by day, 24:00 UTC [vol points]."""

        def read(path: Path) -> pd.Series:
            frame = _table(path, ["time", "close"])
            days = pd.to_datetime(pd.to_numeric(frame["time"]), unit="s")
            return _checked_days(frame["close"].set_axis(days), "close", 0.0)

        return self._once("DVOL", read)

    def one_call(self) -> pd.DataFrame:
        """Quotes of one IBIT call by day of New York: ibit_price, implied_volatility, years.

        Rows of the contract that most rows have; the file holds two rows of another. Its timestamps are New
        York's, two of them without an offset, and the newest stands first.
        """

        def read(path: Path) -> pd.DataFrame:
            columns = ["ibit_price", "implied_volatility", "time_to_expiration", "volume", "open_interest"]
            frame = _table(path, ["timestamp", "option_type", "strike_price", "expiration_date", *columns])
            contract = (
                frame[["option_type", "strike_price", "expiration_date"]].astype(str).agg(" ".join, axis=1)
            )
            frame = frame[contract == contract.mode().iloc[0]]
            days = pd.DatetimeIndex([pd.Timestamp(text).tz_localize(None) for text in frame["timestamp"]])
            found: pd.DataFrame = frame[columns].set_axis(days.normalize().as_unit("ns")).sort_index()
            if found.index.has_duplicates:
                raise ValueError("two rows of one contract and day")
            return found

        return self._once("one call", read)

    def chain(self, name: str) -> Chain:
        """The bitcoin options of one snapshot of Deribit; the files hold two underlyings."""
        return self._once(name, lambda path: read_chain(path, symbol="BTC"))

    def fund_chains(self) -> list[Path]:
        """Files with an option chain of IBIT from the week of the fall, by the date in their names."""
        files = (self.folder / "yahoo_cboe_json").glob("IBIT_*.json")
        return sorted(path for path in files if _WEEK[0] <= path.stem.split("_")[1][:8] <= _WEEK[1])

    # Reading ------------------------------------------------------------------------------------------

    def _once(self, name: str, read: Callable[[Path], _T]) -> _T:
        if name not in self._read:
            path = self.folder / FILES[name].path
            if not path.is_file():
                raise AbsentError(f"missing file: {FILES[name].path}")
            try:
                self._read[name] = read(path)
            except (GammaflowError, ValueError, TypeError, LookupError, ArithmeticError, OSError) as error:
                said = " ".join(str(error).split())
                self._read[name] = ReaderError(f"{FILES[name].path}: cannot be read ({said}).")
        found = self._read[name]
        if isinstance(found, ReaderError):
            raise found
        return found  # type: ignore[no-any-return]

    def _days(self, name: str, columns: Sequence[str], index: str, low: float = -np.inf) -> pd.DataFrame:
        def read(path: Path) -> pd.DataFrame:
            frame = _table(path, [index, *columns]).set_index(index)
            frame.index = pd.DatetimeIndex([pd.Timestamp(text) for text in frame.index])
            return pd.DataFrame({name: _checked_days(frame[name], name, low) for name in columns})

        return self._once(name, read)

    def _moments(self, name: str, columns: Sequence[str], index: str, low: float = -np.inf) -> pd.DataFrame:
        def read(path: Path) -> pd.DataFrame:
            frame = _table(path, [index, *columns]).set_index(index)
            frame.index = pd.DatetimeIndex(pd.to_datetime(frame.index, utc=True))
            problems: list[str] = []
            found = {c: read_moments(frame[c], c, problems, low=low, gaps=True, least=1) for c in columns}
            refuse("record", problems)
            return pd.DataFrame(found)

        return self._once(name, read)


def _table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """The columns of a file, whatever their order."""
    frame = pd.read_csv(path)
    absent = [name for name in columns if name not in frame]
    if absent:
        raise ValueError(f"no column {', '.join(absent)}; found {', '.join(map(str, frame))}")
    return frame[list(columns)]


def _checked_days(series: pd.Series, name: str, low: float) -> pd.Series:
    problems: list[str] = []
    found = read_days(series, name, problems, low=low, gaps=True, least=1)
    refuse("record", problems)
    return found


def on(series: Any, day: str, name: str) -> Any:
    """The row of a day in the record `name`, or `AbsentError`."""
    try:
        return series.loc[pd.Timestamp(day)]
    except KeyError:
        raise AbsentError(f"{FILES[name].path} has no row of {day}") from None


def at(series: Any, moment: str, name: str) -> Any:
    """The row of a timestamp in UTC in the record `name`, or `AbsentError`."""
    try:
        return series.loc[pd.Timestamp(moment, tz="UTC")]
    except KeyError:
        raise AbsentError(f"{FILES[name].path} has no row of {moment} UTC") from None
