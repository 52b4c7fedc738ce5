"""The short-gamma zone under every rule and under beliefs: chance of being short, flips, cores, break-even.

Pass tables of Deribit instruments of BTC to use quotes of your own. Without them the recorded chains of 4 and
5 February 2026 are used where they are, beside the repository, else the built-in synthetic chain; --demo asks
for that one.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

import gammaflow as gf

RECORDS = Path(__file__).resolve().parents[2] / "shared/data/deribit"
MOMENTS = ("20260204T213308Z", "20260205T093647Z")
LOW, HIGH = 64_000.0, 71_000.0
BELIEFS = ("flat", "customers_buy_puts", "calls_long_puts_short")


def chains() -> list[gf.Chain]:
    if "--demo" in sys.argv[1:]:
        return [gf.demo_chain()]
    files = sys.argv[1:] or [RECORDS / f"deribit_options_snapshot_{moment}.csv" for moment in MOMENTS]
    if not sys.argv[1:] and not all(Path(file).is_file() for file in files):
        return [gf.demo_chain()]
    return [gf.read_chain(file, symbol="BTC") for file in files]


def show(title: str, table: pd.DataFrame, form: str) -> None:
    print(f"\n{title}:")
    print(table.to_string(float_format=form.format))


def main() -> None:
    for chain in chains():
        every = {name: gf.sign_bands(chain, name) for name in BELIEFS}
        print(f"\n=== {chain.symbol} {chain.asof:%Y-%m-%d %H:%M} UTC, spot {chain.spot:,.0f} ===")
        rules = gf.compare_rules(chain).table[["nearest_flip", "zone_low", "zone_high", "trough", "core_low",
                                               "core_high"]]  # fmt: skip
        show("levels under every rule", rules, "{:,.0f}")
        spots = np.arange(60_000.0, 81_000.0, 2_000.0)
        short = {
            name: np.interp(spots, bands.table.index, bands.table["p_short"]) for name, bands in every.items()
        }
        show("chance that dealers are short gamma", pd.DataFrame(short, spots).rename_axis("spot"), "{:.2f}")
        rows = {
            (name, level): found.quantiles[column]
            for name, bands in every.items()
            for level, found, column in (
                ("flip", bands.flips, "flip"),
                ("trough", bands.core, "trough"),
                ("core, low", bands.core, "core_low"),
                ("core, high", bands.core, "core_high"),
            )
        }
        levels = pd.DataFrame(rows).T
        levels["none"] = [
            (every[name].flips if level == "flip" else every[name].core).none for name, level in levels.index
        ]
        show("quantiles of levels, and how often there is none", levels, "{:,.2f}")
        part = pd.DataFrame({name: bands.interval(LOW, HIGH) for name, bands in every.items()})
        show(f"{LOW:,.0f} to {HIGH:,.0f}", part.loc[["p_all", "p_any", "mean", "p_trough", "core"]], "{:.2f}")
        even = pd.DataFrame({name: bands.break_even.table.loc["put"] for name, bands in every.items()})
        show("net share of put open interest that breaks even", even, "{:z,.2f}")
        bands = every["customers_buy_puts"]
        matters = bands.tornado()[["swing", "share 5 %", "share 95 %", "gamma 5 %", "gamma 95 %"]].head(5)
        columns = ["swing", "gamma 5 %", "gamma 95 %"]
        matters[columns] /= 1e6
        show("what matters most to gamma at spot, USD m per +1 %", matters, "{:,.2f}")

    # Evidence: suppose the sides of a fifth of all puts were seen, and dealers had bought half of those.
    puts = chain["kind"] == "put"
    seen = 0.2 * chain["open_interest"][puts]
    table = pd.DataFrame(
        {"inventory": 0.0 * seen, "deviation": 0.0 * seen, "contracts": seen}, index=chain["contract"][puts]
    )
    after = gf.sign_bands(chain, bands.beliefs.updated(table.dropna()))
    for name, each in (("before", bands), ("after", after)):
        found = each.interval(LOW, HIGH)
        print(f"{name} evidence: short in all of {LOW:,.0f} to {HIGH:,.0f} in {found['p_all']:.0%} of draws")
    after.plot()[0].figure.savefig("how_sure.png", dpi=120)


if __name__ == "__main__":
    main()
