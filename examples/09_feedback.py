"""Price impact of dealer hedging: loop gain, cascades, a simulation, the mirror, position limits.

Uses the recorded Deribit chain of 4 February 2026, 21:33 UTC, and the liquidation map of 21:06 where
they lie beside the repository, else the built-in synthetic chain and a made-up pool, as with --demo.
Depths, notes and the sale are assumptions, so the results are a range, not one number.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import gammaflow as gf
from gammaflow import venues

RECORDS = Path(__file__).resolve().parents[2] / "shared/data"
CHAIN = RECORDS / "deribit/deribit_options_snapshot_20260204T213308Z.csv"
POOLS = RECORDS / "event/hyperliquid_liquidation_map.csv"
RULES = ("calls_long_puts_short", "short_all", "crypto_puts_bought")

# USD that moves ln S by 1 %: a thin market, Citi's estimate from flows into funds, and a deep market.
DEPTHS = {name: gf.impact.linear(per_1pct, source=source) for name, per_1pct, source in (
    ("100m", 100e6, "a thin market, assumed"),
    ("294m", 294e6, "Citi: $1bn into funds goes with 3.4 %"),
    ("1bn", 1e9, "a deep market, assumed"),
)}  # fmt: skip
# Every vol rises by BETA points per 1 % fall of spot; IBIT fell by MOVE on 5 February.
DEPTH, BETA, MOVE, SALE = DEPTHS["294m"], -1.0, -0.132, -2e9


def market() -> tuple[gf.Chain, gf.liquidations.Liquidations]:
    if "--demo" not in sys.argv[1:] and CHAIN.is_file() and POOLS.is_file():
        chain = gf.read_chain(CHAIN, symbol="BTC")
        return chain, gf.liquidations.read(POOLS, asof=chain.asof, spot=chain.spot)
    chain = gf.demo_chain()
    return chain, gf.liquidations.pool(1.2e9, 0.8 * chain.spot, 0.98 * chain.spot, source="made up")


def notes(chain: gf.Chain, days: float) -> gf.Book:
    """Puts that dealers are long through 530m of notes on IBIT, a quarter a barrier; strikes made up."""
    barriers = np.array([43.6, 39.0, 38.5, 38.0])
    spot = venues.IBIT.price(chain.spot, chain.asof)
    alive, strikes = barriers < spot, barriers / 0.7
    rows = {
        "contract": [f"note, barrier {barrier}" for barrier in barriers],
        "venue": "notes",
        "kind": np.where(alive, "down-in put", "put"),
        "strike": strikes,
        "barrier": np.where(alive, barriers, np.nan),
        "expiry": chain.asof + pd.Timedelta(days, "D"),
        "position": 530e6 / len(barriers) / strikes,
        "multiplier": 1.0,
        "sigma": 0.56,
    }
    book = gf.Book(pd.DataFrame(rows), "IBIT", spot, chain.asof, rule="made up: dealers long the notes' puts")
    return book.in_units_of("BTC", venues.IBIT, spot=chain.spot)


def show(title: str, table: pd.DataFrame, form: str) -> None:
    print(f"\n{title}:")
    print(table.to_string(float_format=form.format))


def share_of(book: gf.Book) -> dict[tuple[str, str], float]:
    """Share of the move due to hedging, by depth and share of the hedge that dealers trade [%]."""
    path = gf.hedge_path(book, beta=BETA)
    shares = {}
    for depth, impact in DEPTHS.items():
        flows = gf.exogenous_flow(path, MOVE, impact=impact)
        hedges = flows[["gamma", "vanna", "knock_in"]].sum()
        for traded in (0.3, 1.0):
            shares[f"{depth} per 1 %", f"{traded:.0%} hedged"] = 100.0 * traded * hedges / flows.sum()
    return shares


def main() -> None:
    chain, pools = market()
    book = gf.assign_positions(chain, RULES[0])
    print(f"=== {chain.symbol} {chain.asof:%Y-%m-%d %H:%M} UTC, spot {chain.spot:,.0f}, {RULES[0]} ===")
    print(pools)

    # Loop gain: flow that a 1 % move triggers, over the flow that moves price by 1 %.
    profile = gf.sweep_spot(book, dynamics=gf.dynamics.spot_vol_beta(BETA))
    gain = gf.loop_gain(profile, DEPTH, liquidations=pools)
    show(f"loop gain, {DEPTH}", gain.at(np.arange(60_000.0, 79_000.0, 3_000.0)), "{:.2f}")
    print("\n".join(gain.summary().splitlines()[-3:]))

    # Cascade: landing price of a sale.
    sales = [-4e9, -2e9, -1e9, -0.5e9]
    curves = {
        (name, pool): gf.cascade_curve(held, sales, impact=DEPTH, beta=BETA, liquidations=fired).table
        for name, held in (("listed", book), ("with notes due in 30 days", book + notes(chain, 30)))
        for pool, fired in (("no liquidations", None), ("liquidations", pools))
    }
    landings = {name: 100.0 * np.expm1(table["log_return"]) for name, table in curves.items()}
    landings["the sale alone", ""] = 100.0 * np.expm1(curves["listed", "no liquidations"]["alone"])
    table = pd.DataFrame(landings).T.rename(columns=lambda sale: f"{sale / 1e9:g}bn")
    show("move of spot after a sale [%]", table, "{:.1f}")

    shares = {rule: share_of(gf.assign_positions(chain, rule)) for rule in RULES}
    show(f"share of a move of {MOVE:.1%} due to hedging [%]", pd.DataFrame(shares).T, "{:.0f}")
    print("above 100: once started, hedging alone would move price further")

    # Simulation: the same with noise and time. Hedges of what expires are unwound, which charm books.
    paths = gf.simulate_feedback(
        book, impact=DEPTH, channels=["gamma", "vanna", "charm", pools], paths=2_000, steps=240, days=1.0,
        beta=BETA, volatility=0.56, shock=SALE, shock_days=0.5, seed=4,
    )  # fmt: skip
    print(f"\none day with a sale of {-SALE / 1e9:g}bn over 12 hours, {paths.setup.paths:,} paths:")
    print(f"low {paths.distribution.loc['low', '50 %']:.1%} (median), {paths.runaway_share:.1%} run away")
    effects = 100.0 * paths.counterfactual().table[["attribution", "effect", "standard_error"]]
    show(
        "booked by channel, and effect of the channel, on the same random numbers [% of ln S]",
        effects,
        "{:+.2f}",
    )

    # Upside: the same book, and its mirror, in which a fall becomes a rise and every put a call.
    rows = {}
    for rule in RULES:
        held = gf.assign_positions(chain, rule)
        down = gf.solve_cascade(held, shock=SALE, impact=DEPTH)
        up = gf.solve_cascade(held, shock=-SALE, impact=DEPTH)
        mirrored = gf.solve_cascade(gf.mirror(held), shock=-SALE, impact=DEPTH)
        rows[rule] = {
            "fall": down.amplification, "rise": up.amplification, "rise, mirrored": mirrored.amplification
        }  # fmt: skip
    show("move as a multiple of that of 2bn alone", pd.DataFrame(rows).T, "{:.2f}")

    limits = gf.limit_capacity(
        [25_000, 250_000, 1_000_000], 100, venues.IBIT.price(chain.spot, chain.asof), volatility=0.56,
        days=30, shares_outstanding=1.351e9, depth=DEPTH,
    )  # fmt: skip
    print(f"\n{limits.summary()}")

    figure, (top, middle, bottom) = plt.subplots(3, 1, figsize=(11, 14), layout="constrained")
    gain.plot(ax=top)
    gf.cascade_curve(
        book, np.linspace(-4e9, 4e9, 81), impact=DEPTH, beta=BETA, liquidations=pools
    ).plot(ax=middle)  # fmt: skip
    paths.plot("attribution", ax=bottom)
    figure.savefig("feedback.png", dpi=120)
    print("\nwritten: feedback.png")


if __name__ == "__main__":
    main()
