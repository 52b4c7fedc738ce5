"""Options, a dealer's perpetual hedge and a leveraged fund in one book: what does each add to gamma?

The options are BTC on Deribit on the morning of 5 February 2026 where that record lies beside the repository,
else the built-in synthetic chain. The hedge follows from the options' delta. **The fund is made up**: twice
the daily return on USD 2.5bn of assets.
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
options = gf.assign_positions(chain, venue="options")
print(f"{chain.title}, {chain.asof:%d %b %Y %H:%M} UTC, spot {chain.spot:,.0f}; {len(options)} options")

# %% [markdown]
# A perpetual has delta and no gamma. A fund of leverage L must rebalance every day: whoever is short its swap
# is short L (L - 1) times its assets of gamma, whatever the price.

# %%
LEVERAGE, ASSETS, SHARE = 2.0, 2.5e9, 4e-4  # a share is worth 4e-4 coins

delta = gf.aggregate_exposure(options).total()["delta"]
rows = pd.DataFrame(
    {
        "contract": ["PERPETUAL", f"{LEVERAGE:g}x fund"],
        "venue": ["perpetuals", "funds"],
        "kind": ["perpetual", "leveraged fund"],
        "position": [-delta / options.spot, -ASSETS / (SHARE * options.spot)],
        "multiplier": [1.0, 1.0],
        "forward_ratio": [1.0, SHARE],
        "leverage": [np.nan, LEVERAGE],
        "sigma": [np.nan, 0.6],
    }
)
book = options + gf.Book(rows, options.symbol, options.spot, options.asof)
table = gf.aggregate_exposure(book).by("venue")[["delta", "gamma", "theta"]] / 1e6
print("USD m (gamma: per +1 % of spot, theta: per day)")
print(table.to_string(float_format="{:,.1f}".format))

# %% [markdown]
# The perpetual takes the options' delta off and leaves their gamma. The fund adds short gamma at every price,
# so that the zero of the sum moves up and its trough deepens.

# %%
profile = gf.sweep_spot(book)
profile.plot_stack("venue")

# %%
for name, levels in (("options", gf.sweep_spot(options).levels()), ("all", profile.levels())):
    flip, trough = levels.nearest_flip, levels.zone.trough
    print(f"{name}: gamma {levels.gamma / 1e6:,.1f}, zero gamma {flip.spot:,.0f}, trough {trough.spot:,.0f}")
flow = gf.hedge_flow(book, spot=0.9 * book.spot)
print(f"spot 10 % lower: dealers trade {flow.total / 1e6:,.0f} USD m (+ = they buy)")

# %%
plt.show()
