"""Your own data: how does a file or a DataFrame become levels?

Two ways in: a file in a format that `read_chain` recognises by itself, and any table with a column map. Both
end in the same analysis.
"""

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

import gammaflow as gf

# %% [markdown]
# ## A vendor's file
#
# `read_chain` looks at the content, not at the name. Here it is CBOE's download of SPX, if it lies beside the
# repository. The chain says at once what it is and what is wrong with it: rows without a vol, quotes, expired
# rows.

# %%
FILE = "shared/data/cboe/spx_20230914_carlosjimenezdiaz.csv"
found = [folder / FILE for folder in Path.cwd().parents if (folder / FILE).is_file()]
print(gf.read_chain(found[0]) if found else "no recorded file here; read on")

# %% [markdown]
# ## Any table
#
# Name the columns, the underlying and the time, and say when expiries settle. Nothing is guessed: leave one
# of them out and the error names what is missing.

# %%
mine = pd.DataFrame(
    {
        "exp": ["2026-03-20", "2026-03-20", "2026-03-20", "2026-04-17"],
        "k": [580.0, 590.0, 600.0, 585.0],
        "cp": ["P", "P", "C", "P"],
        "oi": [12_000, 30_500, 28_000, 9_000],
        "vol": [0.19, 0.17, 0.15, 0.18],
    }
)
chain = gf.chain_from_frame(
    mine,
    columns={"expiry": "exp", "strike": "k", "kind": "cp", "open_interest": "oi", "iv": "vol"},
    symbol="SPY",
    spot=593.2,
    asof="2026-03-02T20:00:00+00:00",
    multiplier=100,
    settlement="PM",
)
report = gf.analyze(chain.with_columns(rate=0.041, dividend_yield=0.012))
print(report.levels)

# %% [markdown]
# Four contracts make a small book, but the picture reads like any other: below the zero dealers sell as spot
# falls.

# %%
report.levels.plot()

# %% [markdown]
# ## When it does not fit
#
# A file in another format gives one error that says what was received and what is known.

# %%
odd = Path("my_broker.csv")
odd.write_text("Symbol;Strike Price;Open Int.\nSPY;580;12000\n")
try:
    gf.read_chain(odd)
except gf.ReaderError as error:
    print(error)
odd.unlink()

# %%
plt.show()
