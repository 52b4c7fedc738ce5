"""Price impact of dealer hedging: how much of a fall can it explain?

Dealers who are short gamma sell into a fall. One BTC chain is taken: Deribit's of 4 February 2026, 21:33 UTC,
with the liquidation map of 21:06, where those records lie beside the repository, else the built-in synthetic
chain and a made-up pool. The answer depends on three things nobody publishes: who is long what (the rule),
how deep the market is (the impact), and how much of the hedge is traded. So it is a range, not one number.
"""

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import gammaflow as gf
from gammaflow import venues

CHAIN = "deribit/deribit_options_snapshot_20260204T213308Z.csv"
RULES = ("calls_long_puts_short", "short_all", "crypto_puts_bought")
BETA, MOVE, SALE = -1.0, -0.132, -2e9  # vol points per +1 % of spot; IBIT's fall of 5 February; USD

records = next((p / "shared/data" for p in Path.cwd().parents if (p / "shared/data" / CHAIN).is_file()), None)
if records:
    chain = gf.read_chain(records / CHAIN, symbol="BTC")
    pools = gf.liquidations.read(
        records / "event/hyperliquid_liquidation_map.csv", asof=chain.asof, spot=chain.spot
    )
else:
    chain = gf.demo_chain()
    pools = gf.liquidations.pool(1.2e9, 0.8 * chain.spot, 0.98 * chain.spot, source="made up")
book = gf.assign_positions(chain, RULES[0])
print(f"{chain.title}, {chain.asof:%d %b %Y %H:%M} UTC, spot {chain.spot:,.0f}\n{pools}")


def show(table: pd.DataFrame, form: str = "{:,.2f}") -> None:
    print(table.to_string(float_format=form.format))


# %% [markdown]
# ## Impact is an input
#
# Published estimates differ by a factor of 7 to 15, so there is no default: the move in percent of a sale of
# $100m and of $1bn by each. Below, a net sale of $294m moves ln S by 1 %: Citi's estimate from flows into
# Bitcoin funds, an upper bound of impact.

# %%
published = {name: gf.impact.PUBLISHED[name] for name in ("citi", "donier_bonart", "bucci")}
show(
    pd.DataFrame(
        {name: 100 * each.log_return([-1e8, -1e9]) for name, each in published.items()}, ["100m", "1bn"]
    ).T
)
depths = {
    f"{size / 1e6:.0f}m": gf.impact.linear(size, source=source)
    for size, source in (
        (100e6, "thin, assumed"),
        (294e6, "Citi: $1bn goes with 3.4 %"),
        (1e9, "deep, assumed"),
    )
}
depth = depths["294m"]

# %% [markdown]
# ## Loop gain
#
# Kappa is the flow that a 1 % move triggers from dealers and liquidations, over the flow that moves price by
# 1 %. The move of a sale is amplified 1 / (1 - kappa) times. Top: kappa over spot and its parts. Middle:
# where a sale of each size lands, against the sale alone. Bottom, for a day with a sale of $2bn: the move by
# channel.

# %%
profile = gf.sweep_spot(book, dynamics=gf.dynamics.spot_vol_beta(BETA))
gain = gf.loop_gain(profile, depth, liquidations=pools)
curve = gf.cascade_curve(book, np.linspace(-4e9, 4e9, 41), impact=depth, beta=BETA, liquidations=pools)
paths = gf.simulate_feedback(
    book, impact=depth, channels=["gamma", "vanna", "charm", pools], paths=2_000, steps=240, days=1.0,
    beta=BETA, volatility=0.56, shock=SALE, shock_days=0.5, seed=4,
)  # fmt: skip
_, (top, middle, bottom) = plt.subplots(3, 1, figsize=(11, 14), layout="constrained")
gain.plot(ax=top)
curve.plot(ax=middle)
paths.plot("attribution", ax=bottom)

# %%
show(gain.at(np.arange(60_000.0, 79_000.0, 3_000.0)))
print("\n".join(gain.summary().splitlines()[-3:]))

# %% [markdown]
# ## Landing price of a sale
#
# The first price at which the sale, the hedges and the liquidations balance. Hedges are integrals of the
# repriced book, not gamma at spot times the move. `amplification` is the move over that of the sale alone;
# flows by channel in USD m.

# %%
landed = curve.table.loc[[-4e9, -2e9, -1e9], ["spot", "amplification", "gamma", "vanna", "liquidations"]]
landed[["gamma", "vanna", "liquidations"]] /= 1e6
show(landed.rename(index=lambda sale: f"{sale / 1e9:g}bn"))

# %% [markdown]
# ## Share of a 13.2 % fall due to hedging
#
# Percent of the flow behind the fall, by rule, depth per 1 % and the part of the hedge that dealers trade.
# Above 100, hedging alone would move price further once started. Three depths and three rules: no single
# answer.

# %%
rows = {}
for rule in RULES:
    path = gf.hedge_path(gf.assign_positions(chain, rule), beta=BETA)
    for name, each in depths.items():
        flows = gf.exogenous_flow(path, MOVE, impact=each)
        share = 100.0 * flows[["gamma", "vanna", "knock_in"]].sum() / flows.sum()
        rows[rule, name] = {f"{part:.0%} hedged": part * share for part in (0.3, 1.0)}
show(pd.DataFrame(rows).T, "{:.0f}")

# %% [markdown]
# ## With noise and time
#
# 2,000 paths over a day. Every path's move is attributed to channels exactly. The *effect* of a channel is
# the change when it is left out, on the same random numbers. The two differ because a channel also triggers
# the others. Percent of ln S.

# %%
print(f"low {paths.distribution.loc['low', '50 %']:.1%} (median), {paths.runaway_share:.1%} run away")
show(100.0 * paths.counterfactual().table[["attribution", "effect", "standard_error"]], "{:+.2f}")

# %% [markdown]
# ## Upward, and position limits
#
# The mirror of a book is the same book seen from the coin's side: a fall becomes a rise. A move as a multiple
# of that of 2bn alone, by rule:

# %%
rows = {}
for rule in RULES:
    each = gf.assign_positions(chain, rule)
    rows[rule] = {
        "fall": gf.solve_cascade(each, shock=SALE, impact=depth).amplification,
        "rise": gf.solve_cascade(each, shock=-SALE, impact=depth).amplification,
        "rise, mirrored": gf.solve_cascade(gf.mirror(each), shock=-SALE, impact=depth).amplification,
    }
show(pd.DataFrame(rows).T)

# %% [markdown]
# A position limit bounds gamma. The worst case is all contracts at one strike, with dealers short all of
# them.

# %%
limits = gf.limit_capacity(
    [25_000, 250_000, 1_000_000], 100, venues.IBIT.price(chain.spot, chain.asof), volatility=0.56,
    days=30, shares_outstanding=1.351e9, depth=depth,
)  # fmt: skip
print(limits.summary())

# %%
plt.show()
