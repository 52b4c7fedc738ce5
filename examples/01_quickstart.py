"""Quickstart: where must option dealers buy and sell?

A chain of options, an assumption about who holds what, and the prices at which dealers' hedging changes sign.
The chain is built in and synthetic, so everybody gets these numbers; `gf.read_chain("your file")` takes its
place.
"""

# %%
import matplotlib.pyplot as plt

import gammaflow as gf

chain = gf.demo_chain()
report = gf.analyze(chain, rule="calls_long_puts_short")
print(report.levels)

# %% [markdown]
# The picture says the same. The line is dealers' gamma if spot stood elsewhere: what their delta gains per +1
# % of spot. To stay hedged they trade the opposite. Where the line is below zero they sell as spot falls and
# buy as it rises, so they push with the move. It crosses zero at the flip; the shaded core is where this is
# strongest.

# %%
report.levels.plot()

# %% [markdown]
# Where does that gamma sit? By strike, and the five strikes with the most short gamma in USD m per +1 % of
# spot.

# %%
report.exposure.plot("strike")

# %%
print((report.exposure.by("strike")["gamma"] / 1e6).nsmallest(5).round(1).to_string())

# %% [markdown]
# Levels are not for ever. The same book a day later, with every vol five points higher:

# %%
later = gf.sweep_spot(report.book, days=1.0, vol_shift=0.05).levels()
print(f"zero gamma now {report.levels.nearest_flip.spot:,.0f}, then {later.nearest_flip.spot:,.0f}")

# %% [markdown]
# What stands behind each number, and what it assumes. The first line that matters is the rule: a chain says
# how many contracts are open, not who is long.

# %%
print(report.levels.explain())

# %% [markdown]
# `report.to_html("page.html")` writes all of it as one page that needs no network.

# %%
plt.show()
