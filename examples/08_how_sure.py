"""Are dealers short gamma in the zone, when nobody publishes who is long?

A chain says how many contracts are open, not who holds which side. This takes one BTC chain and asks where
dealers are short gamma under every positioning rule, and under beliefs that admit how little is known. The
chain is Deribit's of 5 February 2026 where that record lies beside the repository, else the built-in
synthetic one.
"""

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import gammaflow as gf

FILE = "shared/data/deribit/deribit_options_snapshot_20260205T093647Z.csv"
found = [folder / FILE for folder in Path.cwd().parents if (folder / FILE).is_file()]
chain = gf.read_chain(found[0], symbol="BTC") if found else gf.demo_chain()
LOW, HIGH = 64_000.0, 71_000.0
print(f"{chain.title}, {chain.asof:%d %b %Y %H:%M} UTC, spot {chain.spot:,.0f}")


def show(table: pd.DataFrame, digits: int = 2) -> None:
    print(table.to_string(float_format=f"{{:,.{digits}f}}".format))


# %% [markdown]
# ## Every rule
#
# Each rule is an assumption with a source. The zone between 64,000 and 71,000 belongs to some of them: if
# dealers are short calls as well, the deepest short gamma lies far above spot.

# %%
rules = gf.compare_rules(chain)
columns = ["nearest_flip", "zone_low", "zone_high", "trough", "core_low", "core_high"]
show(rules.table[columns], 0)

# %%
rules.plot()

# %% [markdown]
# The picture draws gamma over spot for each rule. The rules that have dealers short puts come together far
# below spot and part at and above it, where calls matter. A rule and its mirror are the same line upside
# down.

# %% [markdown]
# ## Beliefs instead of one sign
#
# A belief is a distribution of dealers' net share of open interest, from -1 (short all of it) to 1, per kind,
# moneyness, expiry and venue. The flat prior knows nothing. *Customers buy puts* says that dealers are short
# most puts, and nothing about calls. The chance that dealers are short gamma, by spot:

# %%
NAMES = ("flat", "customers_buy_puts", "calls_long_puts_short")
every = {name: gf.sign_bands(chain, name) for name in NAMES}
spots = pd.Index(np.arange(60_000.0, 81_000.0, 4_000.0), name="spot")
show(
    pd.DataFrame(
        {name: np.interp(spots, b.table.index, b.table["p_short"]) for name, b in every.items()}, spots
    )
)

# %% [markdown]
# The picture is of *customers buy puts*: bands of gamma over spot, the chance of being short below them, and
# where the flip falls.

# %%
bands = every["customers_buy_puts"]
bands.plot()

# %% [markdown]
# ## What survives of 64,000 to 71,000
#
# `p_all` is the probability that dealers are short gamma in all of the interval, `p_trough` that the deepest
# short gamma lies in it. The first survives if customers buy puts; the second hangs on calls.

# %%
part = pd.DataFrame({name: each.interval(LOW, HIGH) for name, each in every.items()})
show(part.loc[["p_all", "p_any", "mean", "p_trough", "core"]])

# %% [markdown]
# ## What would change it
#
# The cells that move gamma at spot most, in USD m per +1 %: knowing these first is worth most.

# %%
matters = bands.tornado()[["share 5 %", "share 95 %", "gamma 5 %", "gamma 95 %"]].head(5)
matters[["gamma 5 %", "gamma 95 %"]] /= 1e6
show(matters)

# %% [markdown]
# ## Evidence
#
# Suppose the sides of a fifth of all puts were seen, and dealers had bought half of those and sold the other
# half. A tape read with `gf.read_trades` and `gf.customer_flow` gives such a table, with its own deviation.

# %%
puts = chain["kind"] == "put"
seen = 0.2 * chain["open_interest"][puts]
table = pd.DataFrame(
    {"inventory": 0.0 * seen, "deviation": 0.0 * seen, "contracts": seen}, index=chain["contract"][puts]
)
after = gf.sign_bands(chain, bands.beliefs.updated(table.dropna()))
for name, each in (("before", bands), ("after", after)):
    found_all = each.interval(LOW, HIGH)["p_all"]
    print(f"{name} the evidence: short in all of {LOW:,.0f} to {HIGH:,.0f} in {found_all:.0%} of draws")

# %%
plt.show()
