"""The week of 5 February 2026 as the public record tells it, and the scorecard of the story.

Zones day by day, loop gain, the barriers of notes, liquidations, volume, correlation, flows of the fund, basis and
open interest; then every sale that could have made the fall, and each claim against its number. Uses the recorded
files where they lie beside the repository. Without them, or with --demo, the meters run on the built-in chain and
on a made-up week, whose numbers mean nothing; the scorecard needs the record.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import gammaflow as gf
from gammaflow import evidence, venues

RECORDS = Path(__file__).resolve().parents[2] / "shared/data"
SNAPSHOTS = ("20260203T213503Z", "20260204T213308Z", "20260205T093647Z", "20260205T212937Z", "20260206T213057Z")
DAY, LOW, HIGH = "2026-02-05", 64_000.0, 71_000.0
DEPTH = gf.impact.linear(294e6, source="Citi: $1bn into funds goes with 3.4 %")
BARRIERS = (43.6, 39.0, 38.0)  # dollars a share of IBIT, as reported


class Week(NamedTuple):
    """Series of the week: closes by day, flows and open interest in dollars, prices by hour."""

    chains: list[gf.Chain]
    pools: gf.liquidations.Liquidations
    fund: pd.DataFrame  # Open, High, Low, Close, Volume by day
    software: pd.Series
    gold: pd.Series
    flows: pd.Series
    hours: pd.Series
    futures: pd.Series
    interest: pd.Series


def daily(name: str) -> pd.DataFrame:
    return pd.read_csv(RECORDS / f"event/daily_{name}.csv", index_col="Date")


def recorded() -> Week:
    event = RECORDS / "event"
    chains = [
        gf.read_chain(RECORDS / f"deribit/deribit_options_snapshot_{moment}.csv", symbol="BTC")
        for moment in SNAPSHOTS
    ]
    hours = pd.read_csv(next(RECORDS.glob("btc_market/btcusdt_1h_*.csv")))
    stamps = pd.to_datetime(hours[hours.columns[0]], utc=True)
    every = pd.read_csv(event / "aggregate_btc_open_interest_1d.csv")
    return Week(
        chains,
        gf.liquidations.read(
            event / "hyperliquid_liquidation_map.csv", asof=chains[1].asof, spot=chains[1].spot
        ),
        daily("IBIT"), daily("IGV")["Close"], daily("GLD")["Close"],
        1e6 * pd.read_csv(event / "etf_flows_by_fund.csv", index_col="date")["IBIT"],
        pd.Series(hours["open"].to_numpy(), pd.DatetimeIndex(stamps)),
        pd.read_csv(event / "cme_btc_front_close.csv", index_col="Date")["Adj Close"],
        pd.Series(every["close"].to_numpy(), pd.to_datetime(every["timestamp"], utc=True) + pd.Timedelta(1, "D")),
    )  # fmt: skip


def made_up() -> Week:
    """A week with a fall of 13 % on its fourth day; every number but the chain's is drawn."""
    rng = np.random.default_rng(5)
    chain = gf.demo_chain()
    stamps = pd.date_range("2025-10-01", "2026-02-13", freq="h", tz="UTC")
    steps = rng.normal(0.0, 0.005, len(stamps)) - 0.011 * ((stamps >= "2026-02-05T09:00Z") & (stamps < "2026-02-05T21:00Z"))
    hours = pd.Series(73_000.0 * np.exp(np.cumsum(steps) - np.cumsum(steps)[stamps.get_loc("2026-02-04T21:00Z")]), stamps)
    days = pd.DatetimeIndex(gf.evidence.clocks.read_clock("16:00 New York").on(pd.bdate_range("2025-10-01", "2026-02-12")))
    close = evidence.clocks.read_at(hours, days)
    index = pd.DatetimeIndex(days.tz_convert("America/New_York").normalize().tz_localize(None))
    shares = pd.Series(close.to_numpy() * 5.67e-4, index)
    move = np.log(shares).diff().fillna(0.0).to_numpy()
    volume = 6e7 * np.exp(rng.normal(0.0, 0.3, len(index)) + 15.0 * np.abs(move))
    other = [100.0 * np.exp(np.cumsum(b * move + rng.normal(0.0, 0.01, len(index)))) for b in (0.3, 0.1)]
    fund = pd.DataFrame({"High": 1.01 * shares, "Low": 0.99 * shares, "Close": shares, "Volume": volume})
    return Week(
        [chain], gf.liquidations.pool(1.2e9, 0.8 * chain.spot, 0.98 * chain.spot, source="made up"), fund,
        pd.Series(other[0], index), pd.Series(other[1], index),
        pd.Series(np.round(2e9 * move + rng.normal(0.0, 1e8, len(index)), -5), index),
        hours, pd.Series(close.to_numpy() * (1.0 + 0.05 * np.linspace(0.4, 0.04, len(index))), index),
        hours.resample("D").first() * rng.uniform(6.5e5, 7e5),
    )  # fmt: skip


def show(title: str, table: pd.DataFrame, form: str = "{:,.2f}") -> None:
    print(f"\n{title}:")
    print(table.to_string(float_format=form.format))


def zones(week: Week) -> pd.DataFrame:
    """Trough and core of the short-gamma zone nearest to spot, loop gain, and how sure the sign is, by chain."""
    rows = {}
    for chain in week.chains:
        profile = gf.sweep_spot(gf.assign_positions(chain, "calls_long_puts_short"))
        trough = profile.levels().zone.trough
        gain = gf.loop_gain(profile, DEPTH).table["kappa"]
        short = gf.sign_bands(chain, "customers_buy_puts", draws=2_000).interval(LOW, HIGH)
        rows[f"{chain.asof:%d %b %H:%M}"] = {
            "spot": chain.spot, "trough": trough.spot, "core low": trough.core_low, "core high": trough.core_high,
            "$m per 1 %": trough.gamma / 1e6, "largest loop gain": gain.loc[LOW:HIGH].max(),
            "P(short, 64-71k)": short["p_all"],
        }  # fmt: skip
    return pd.DataFrame(rows).T


def barriers(week: Week) -> pd.DataFrame:
    """Barriers in dollars a share and a coin, with the first day after 2025 on which the fund traded or closed below."""
    since = week.fund.loc[week.fund.index >= ("2026" if week.fund.index.dtype == object else pd.Timestamp("2026-01-01"))]
    rows = {}
    for level in BARRIERS:
        touched, closed = (since.index[since[name] < level] for name in ("Low", "Close"))
        rows[level] = {
            "a coin": level / venues.IBIT.at(pd.Timestamp(f"{DAY}T21:00Z")),
            "first low below": str(touched[0])[:10] if len(touched) else "none",
            "first close below": str(closed[0])[:10] if len(closed) else "none",
        }
    return pd.DataFrame(rows).T


def main() -> None:
    demo = "--demo" in sys.argv[1:] or not RECORDS.is_dir()
    week = made_up() if demo else recorded()
    print("=== made-up week: these numbers mean nothing ===" if demo else "=== the week of 5 February 2026 ===")
