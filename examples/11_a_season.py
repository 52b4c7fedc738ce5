"""A season of chains: does dealers' gamma say anything about tomorrow's volatility that options do not?

One row per snapshot, hourly prices, and a test that cannot see the future: the volatility of the next day
against the sign and depth of gamma, beside implied and past volatility. The recorded season of BTC on Deribit
(January to April 2026) is used where it lies beside the repository; pass a folder of chains and a file of
hourly bars to use your own. Without them, or with --demo, the season is synthetic: dealers do not hedge in
it, so there is nothing to find.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import gammaflow as gf
from gammaflow.market.at_the_money import constant_maturity
from gammaflow.market.synthetic import synthetic_chain
from gammaflow.market.synthetic.path import BEFORE, path_to

RECORDS = Path(__file__).resolve().parents[2] / "shared/data"
DAYS, SEED, START, SPOT = 22, 20, pd.Timestamp("2026-01-01T09:00Z"), 70_000.0


def row(chain: gf.Chain) -> dict[str, object]:
    """The summary of a snapshot, with the volatility that options of the next day imply."""
    return {**gf.summarize(chain), "implied_1_day": np.log(constant_maturity(chain, 1.0))}


def recorded(chains: Path, bars: Path) -> tuple[pd.DataFrame, pd.Series]:
    batch = gf.run_batch(chains, row, symbol="BTC")
    print(batch.summary())
    # A bar is labelled by its opening: its opening price is known at the label, its close an hour later.
    prices = pd.read_csv(bars, index_col="timestamp", parse_dates=True)["open"].tz_localize("UTC")
    return batch.table.set_index("asof"), prices


def synthetic() -> tuple[pd.DataFrame, pd.Series]:
    """A market whose prices know nothing of its options: one chain a day, and its spot by the hour."""
    market = {"contracts": 300, "per_day": 24, "seed": SEED, "start": START, "spot": SPOT}
    rows = [row(synthetic_chain(24 * day, **market)) for day in range(DAYS)]
    path = SPOT * path_to(SEED, 24, 24 * DAYS).spot[: 24 * (BEFORE + DAYS) + 1]
    hours = START + pd.to_timedelta(np.arange(len(path)) - 24 * BEFORE, unit="h")
    return pd.DataFrame(rows).set_index("asof"), pd.Series(path, hours)


def main() -> None:
    given = [Path(name) for name in sys.argv[1:] if name != "--demo"]
    demo = "--demo" in sys.argv[1:] or not (given or RECORDS.is_dir())
    if demo:
        print("=== a synthetic season: there is nothing to find ===")
        table, prices = synthetic()
    else:
        (bars,) = given[1:] or RECORDS.glob("btc_market/btcusdt_1h_*.csv")
        table, prices = recorded(given[0] if given else RECORDS / "deribit_daily", bars)

    # The season in one picture: price, flip, core, gamma.
    history = gf.history(table.drop(columns="implied_1_day").reset_index())
    print(f"\n{history.summary()}")

    # The test, first as it was asked: beside the 30-day implied and the past volatility.
    draws = 300 if demo else 2_000
    asked = gf.seasons.study(table, prices, draws=draws)
    print(f"\n{asked.summary()}")

    # A day ahead, options of the next day know more than those of thirty days; weekends are quiet.
    table["weekend"] = table.index.day_of_week >= 5
    harder = gf.seasons.study(table, prices, controls=["implied_1_day", "weekend"], draws=draws)
    print(f"\nbeside next-day implied volatility and weekends as well:\n{harder.table.T.to_string()}")
    print(f"\nverdict: {harder.verdict}")

    # Hours around the days on which gamma turned short, against other days at the same hour.
    short = table["gamma"].sort_index() < 0.0
    turned = short.index[short & ~short.shift(fill_value=True)]
    after = gf.seasons.event_study(prices, turned, before="1D", after="1D", measure="size")
    print("\n" + "\n".join(after.heading))
    print(f"outside the usual range in {after.outside():.0%} of hours, 5 % by chance")

    figure, axes = plt.subplots(2, 2, figsize=(18, 10), layout="constrained")
    gf.seasons.realized_volatility(prices, table.sort_index()).plot(ax=axes[0, 0])
    after.plot(ax=axes[0, 1])
    asked.plot(ax=axes[1, 0])
    harder.plot(ax=axes[1, 1])
    for axis, beside in ((axes[1, 0], "30-day implied"), (axes[1, 1], "1-day implied, weekends")):
        axis.set_title(f"{axis.get_title(loc='left')}; beside {beside}", loc="left", fontweight="bold")
    figure.savefig("a_season.png", dpi=80)
    history.plot().savefig("season_history.png", dpi=80)
    print("\nwritten: a_season.png, season_history.png")


if __name__ == "__main__":
    main()
