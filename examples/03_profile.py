"""The profile: how do dealers' levels move with spot, days and vols?

Every contract is repriced at every spot, day and vol, never rescaled from today's greeks. The chain is BTC on
Deribit on the morning of 5 February 2026 where that record lies beside the repository, else the built-in
synthetic one. Gamma is in USD m per +1 % of spot; dealers trade the opposite of it.
"""

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

import gammaflow as gf

FILE = "shared/data/deribit/deribit_options_snapshot_20260205T093647Z.csv"
found = [folder / FILE for folder in Path.cwd().parents if (folder / FILE).is_file()]
chain = gf.read_chain(found[0], symbol="BTC") if found else gf.demo_chain()
book = gf.assign_positions(chain)
profile = gf.sweep_spot(book)
levels = profile.levels()
print(profile)

# %%
levels.plot()

# %% [markdown]
# The line is dealers' gamma at every spot, today: below zero they sell as spot falls. Where it crosses zero
# is the zero-gamma level. It is not where bars by strike change sign: every contract is repriced at each spot
# of the line.

# %% [markdown]
# ## When spot moves, vol moves
#
# Under sticky strike each option keeps its vol. Under sticky moneyness the smile travels with spot. Under a
# spot-vol beta of -3 every vol also rises by 3 points per 1 % fall. `gamma` reprices at the vols arrived at;
# `total_gamma` also counts what the move of vol does to delta.

# %%
COLUMNS = ["gamma", "nearest_flip", "trough", "core_low", "core_high"]


def show(table: pd.DataFrame) -> None:
    print(table[COLUMNS].assign(gamma=table["gamma"] / 1e6).round(1).to_string())


dynamics = gf.compare_dynamics(book, ["sticky_strike", "sticky_moneyness", gf.dynamics.spot_vol_beta(-3)])
show(dynamics.table)

# %%
dynamics.plot("total_gamma")

# %% [markdown]
# Read the picture at the zero line: sticky strike and sticky moneyness cross it close to each other, the
# third farther up. How vol answers spot is an assumption like the rule, and it moves the level.

# %% [markdown]
# ## By expiry and by strike
#
# Each expiry alone has its own zero, trough and core.

# %%
show(gf.flip_term_structure(profile).table.head())

# %% [markdown]
# A row of the map is a band of strikes; it is darkest where spot passes it (dotted: strike = spot). Orange
# rows are strikes that dealers are short, blue ones long.

# %%
profile.plot_by("strike")

# %% [markdown]
# ## The coming days
#
# Spot and vols stay as they are; time passes, and each expiry leaves the book when it settles.

# %%
path = gf.flip_path(book, [0, 1, 2, 4, 7, 14])
show(path.table)

# %%
cube = gf.sweep(book, [book.spot], days=[0, 1, 2, 4, 7], vol_shifts=[0, 0.05, 0.10])
print("gamma at spot by days ahead (down) and vol shift (across)")
print((cube.table["gamma"].unstack("vol_shift") / 1e6).droplevel("spot").round(1).to_string())

# %% [markdown]
# ## What dealers trade
#
# All they must trade from spot out to 5 % on either side, by full revaluation; + = they buy.

# %%
gf.flow_around_spot(book).plot()

# %% [markdown]
# Spot down 5 %, vols up ten points, a day later: how much belongs to each, in USD m. `flow` values every
# trade at the last spot, `along` at the spot where it is made. `first_order` is what one greek says at the
# start, and `residual` what it misses: mostly the expiry that leaves within the day.

# %%
flow = gf.hedge_flow(book, spot=0.95 * book.spot, days=1.0, vol_shift=0.10)
print((flow.table / 1e6).round(1).to_string())

# %%
plt.show()
