"""The week of 5 February 2026 as the public record tells it, and the scorecard of the story.

Zones day by day, loop gain, the barriers of notes, liquidations, volume, correlation, flows of the fund,
basis and open interest; then every sale that could have made the fall, and each claim against its number. The
recorded files are used where they lie beside the repository. Without them, or with --demo, the meters run on
the built-in chain and on a made-up week, whose numbers mean nothing; the scorecard needs the record.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import gammaflow as gf
from gammaflow import evidence, venues
from gammaflow.calendars import sessions
from gammaflow.studies import event

RECORDS = Path(__file__).resolve().parents[2] / "shared/data"
SNAPSHOTS = (
    "20260203T213503Z", "20260204T213308Z", "20260205T093647Z", "20260205T212937Z", "20260206T213057Z",
)  # fmt: skip
EVE, DAY, AFTER = pd.to_datetime(["2026-02-04", "2026-02-05", "2026-02-06"])
LOW, HIGH = 64_000.0, 71_000.0
DEPTH = gf.impact.linear(294e6, source="Citi: $1bn into funds goes with 3.4 %")
BARRIERS = (43.6, 39.0, 38.0)  # dollars a share of IBIT, as reported
CLOSE = evidence.clocks.NEW_YORK_CLOSE


class Week(NamedTuple):
    """Series of the week: closes and flows by day, futures by day, price and open interest by timestamp."""

    chains: list[gf.Chain]
    pools: gf.liquidations.Liquidations
    fund: pd.DataFrame  # High, Low, Close, Volume
    software: pd.Series
    gold: pd.Series
    flows: pd.Series  # dollars
    hours: pd.Series  # price of a coin
    futures: pd.Series  # the contract of 27 February
    interest: pd.Series  # dollars by day, all venues, at 24:00 UTC


def read(name: str, index: str, zone: str | None = None) -> pd.DataFrame:
    table = pd.read_csv(RECORDS / name, index_col=index, parse_dates=True)
    return table if zone is None else table.tz_localize(zone)


def recorded() -> Week:
    chains = [
        gf.read_chain(RECORDS / f"deribit/deribit_options_snapshot_{moment}.csv", symbol="BTC")
        for moment in SNAPSHOTS
    ]
    pools = gf.liquidations.read(
        RECORDS / "event/hyperliquid_liquidation_map.csv", asof=chains[1].asof, spot=chains[1].spot
    )
    (price,) = RECORDS.glob("btc_market/btcusdt_1h_*.csv")
    interest = read("event/aggregate_btc_open_interest_1d.csv", "timestamp")["close"]
    return Week(
        chains,
        pools,
        read("event/daily_IBIT.csv", "Date"),
        read("event/daily_IGV.csv", "Date")["Close"].rename("IGV"),
        read("event/daily_GLD.csv", "Date")["Close"].rename("GLD"),
        1e6 * read("event/etf_flows_by_fund.csv", "date")["IBIT"],
        read(f"btc_market/{price.name}", "timestamp", "UTC")["open"],
        read("event/cme_btc_front_close.csv", "Date")["Adj Close"],
        interest,
    )


def made_up() -> Week:
    """A week with a fall of 13 % on its fourth day; every number but the chain's is drawn."""
    rng, chain = np.random.default_rng(5), gf.demo_chain()
    hours = pd.date_range("2025-10-01", "2026-02-13", freq="h", tz="UTC")
    falling = (hours > "2026-02-05T09:00Z") & (hours <= "2026-02-05T21:00Z")
    steps = rng.normal(0.0, 0.005, len(hours)) - 0.011 * falling
    price = pd.Series(np.exp(np.cumsum(steps)), hours)
    price *= 73_000.0 / price["2026-02-04T21:00Z"]
    days = sessions("XNYS", "2025-10-01T00:00Z", "2026-02-12T23:00Z").tz_localize(None).normalize()
    coin = evidence.clocks.read_at(price, evidence.clocks.read_clock(CLOSE).on(days)).set_axis(days)
    share, move = 5.67e-4 * coin, np.log(coin).diff().fillna(0.0)

    def noise(size: float) -> np.ndarray:
        return rng.normal(0.0, size, len(days))

    fund = pd.DataFrame({"High": 1.01 * share, "Low": 0.99 * share, "Close": share})
    left = (pd.Timestamp("2026-02-27") - days).days / 365.0
    return Week(
        [chain],
        gf.liquidations.pool(1.2e9, 0.8 * chain.spot, 0.98 * chain.spot, source="made up"),
        fund.assign(Volume=6e7 * np.exp(noise(0.3) + 12.0 * move.abs())),
        (80.0 * np.exp((0.4 * move + noise(0.01)).cumsum())).rename("software"),
        (400.0 * np.exp((0.1 * move + noise(0.01)).cumsum())).rename("gold"),
        2e9 * move + noise(1e8),
        price,
        coin * (1.0 + 0.05 * left + noise(5e-4)),
        price.resample("D").last().tz_localize(None) * 7e5,
    )


def show(title: str, table: pd.DataFrame, form: str = "{:,.2f}") -> None:
    print(f"\n{title}:")
    print(table.to_string(float_format=form.format))


def zones(week: Week) -> pd.DataFrame:
    """Trough and core of the zone nearest to spot, loop gain, and how sure the sign is, by chain."""
    rows = {}
    for chain in week.chains:
        profile = gf.sweep_spot(gf.assign_positions(chain, "calls_long_puts_short"))
        trough = profile.levels().zone.trough
        gain = gf.loop_gain(profile, DEPTH).table["kappa"]
        sign = gf.sign_bands(chain, "customers_buy_puts", draws=2_000).interval(LOW, HIGH)
        rows[f"{chain.asof:%d %b %H:%M}"] = {
            "spot": chain.spot, "trough": trough.spot, "core low": trough.core_low,
            "core high": trough.core_high, "$m per 1 %": trough.gamma / 1e6,
            "loop gain": gain.loc[LOW:HIGH].max(), "P(short)": sign["p_all"],
        }  # fmt: skip
    return pd.DataFrame(rows).T


def barriers(fund: pd.DataFrame) -> pd.DataFrame:
    """Each barrier in dollars a coin, and the first day of 2026 on which the fund traded or closed below."""
    since, rows = fund.loc["2026":], {}
    for level in BARRIERS:
        below = {
            name: since.index[since[name] < level].strftime("%d %b")[:1].tolist() for name in ("Low", "Close")
        }
        rows[level] = {"a coin": f"{venues.IBIT.level(level):,.0f}"} | {
            f"first {name.lower()} below": (days or ["none"])[0] for name, days in below.items()
        }
    return pd.DataFrame(rows).T.rename_axis("barrier")


def main() -> None:
    demo = "--demo" in sys.argv[1:] or not RECORDS.is_dir()
    week = made_up() if demo else recorded()
    print("=== made up: these numbers mean nothing ===" if demo else "=== the week of 5 February 2026 ===")
    fund, close = week.fund, week.fund["Close"].rename("IBIT")

    # Positions: where dealers are short gamma, how much hedging adds to a move, and what else sells.
    show(f"short-gamma zone, loop gain and sign between {LOW:,.0f} and {HIGH:,.0f}", zones(week))
    show("barriers of notes, in dollars a share", barriers(fund))
    print(f"\n{week.pools}")

    # The day itself: volume, the size of the move, company in the fall.
    volume = evidence.activity.records(fund["Volume"], calendar="XNYS")
    sizes = evidence.tails.z_scores(close)
    show(
        "volume, and moves in standard deviations of the 60 days before",
        pd.concat([volume.table[["value", "ratio", "percentile"]], sizes.table["z"]], axis=1).loc[EVE:AFTER],
    )
    order = evidence.correlation.closer(close, week.software, week.gold, first="2026-01-05", last=EVE)
    print(f"\n{order.summary()}")

    # Flows: what the move would have led one to expect, and which day a label means.
    flows = evidence.etf_flows.surprise(week.flows, close, DAY)
    print(f"\n{flows.summary()}")
    print(f"\n{evidence.etf_flows.label_day(week.flows.loc['2026':], close).summary()}")

    # Futures: a basis has a clock, open interest is counted in coins.
    clocks = ["20:00 UTC", "21:00 UTC", "22:00 UTC"]
    basis = evidence.basis.by_clock(
        week.futures.loc["2026-01-30":AFTER], week.hours, pd.Timestamp("2026-02-27"), clocks=clocks
    )
    print(f"\n{basis.summary()}")
    show("basis by the clock at which spot is read [% a year]", 100.0 * basis.table, "{:.1f}")
    ends = evidence.clocks.read_clock(evidence.clocks.MIDNIGHT_UTC).on(week.interest.index)
    price = evidence.clocks.read_at(week.hours, ends).set_axis(week.interest.index)
    known = (price.index >= EVE - pd.Timedelta(7, "D")) & (price.index <= AFTER) & price.notna()
    interest = evidence.open_interest.changes(week.interest[known], price[known])
    print(f"\n{interest.summary()}")

    # Every sale that could have made the fall, and the story against the record.
    chain = week.chains[min(1, len(week.chains) - 1)]
    fit = event.fit_event(
        gf.assign_positions(chain, "calls_long_puts_short"), liquidations=week.pools, beta=-1.0,
        hedge_fraction=(0.1, 0.5, 1.0),
    )  # fmt: skip
    print(f"\n{fit.summary()}")
    if demo:
        print("\nthe scorecard needs the recorded files")
    else:
        print(f"\n{event.scorecard(RECORDS).summary()}")

    figure, axes = plt.subplots(2, 2, figsize=(18, 10), layout="constrained")
    gf.sweep_spot(gf.assign_positions(chain, "calls_long_puts_short")).plot(ax=axes[0, 0])
    volume.plot(ax=axes[0, 1])
    flows.plot(ax=axes[1, 0])
    basis.plot(ax=axes[1, 1])
    figure.savefig("the_week.png", dpi=100)
    fit.plot().figure.savefig("the_ridge.png", dpi=100)
    print("\nwritten: the_week.png, the_ridge.png")


if __name__ == "__main__":
    main()
