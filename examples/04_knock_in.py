"""The knock-in: when does a note make its dealer sell, and how much?

Many structured notes hold a put: their buyer sold it, the dealer is long it, and it comes to life only if the
underlying falls to a barrier, often 70 % of where the note began. Just above the barrier such a *knock-in*
put can gain more than one unit per unit of spot. The dealer then holds more than one unit per note, and must
sell the surplus when the barrier is hit. All below is computed here; **the notes are made up**.
"""

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import gammaflow as gf
from gammaflow import barrier
from gammaflow.studies import barrier_books, barriers

PUT = {"kind": "down-in", "flag": "p", "K": 100.0, "H": 60.0, "r": 0.04, "sigma": 0.2, "q": 0.01}


def show(table: pd.DataFrame, digits: int = 2) -> None:
    print(table.to_string(float_format=f"{{:,.{digits}f}}".format))


# %% [markdown]
# ## The cliff
#
# A put with strike 100 and barrier 60. The picture is its delta around the barrier for several times to
# expiry: the later, the deeper the cliff just above 60. Dashed: observed once a day, which halves the cliff
# and rounds it off.

# %%
barriers.cliff(**PUT).plot(currency="USD")

# %% [markdown]
# At 59.99 the put is an ordinary one and its delta is near -1; at 60.01, with three months left, it is -5.3.

# %%
spots = pd.Index([100.0, 80.0, 65.0, 60.01, 59.99], name="spot")
found = barrier.greeks(S=spots.to_numpy(), t=0.25, **PUT)
show(pd.DataFrame({name: found[name] for name in ("price", "delta", "gamma", "vega", "theta")}, spots), 3)

# %% [markdown]
# Gamma is positive above the barrier: a dealer who is long the put and hedges it buys as spot falls, which
# slows the fall. The cliff itself is a sale. Observed continuously all of it falls on one price, where no
# gamma can show it.

# %% [markdown]
# ## When delta passes 1, and when it does not
#
# With r = q = 0 all depends on sigma sqrt(t). The largest sigma sqrt(t) at which |delta| still exceeds 1, and
# the months that are left then at a vol of 56 %. A rise in vol moves a note *away* from that.

# %%
ratios = pd.Index([0.5, 0.6, 0.7, 0.75, 0.8], name="barrier / strike")
below = {
    m: [barrier.excess_threshold("down-in", "p", h, monitoring=m) for h in ratios]
    for m in ("continuous", "maturity")
}
limits = pd.DataFrame(below, ratios)
show(limits.assign(months=12 * (limits["continuous"] / 0.56) ** 2), 3)

# %% [markdown]
# |delta| just before a barrier at 70 % of the strike is hit, by time left (down) and vol (across). The notes
# on record had one to three years left: the claim that delta passes 1 holds for the last months only.

# %%
names = ["2 years", "1.75 years", "1 year", "6 months", "3 months", "1 month", "1 week"]
years, vols = np.array([2.0, 1.75, 1.0, 0.5, 0.25, 1 / 12, 1 / 52]), np.array([0.45, 0.56, 0.90])
edge = barrier.delta_excess("down-in", "p", 1.0, 0.7, years[:, None], 0.0, vols)
show(pd.DataFrame(np.abs(edge.edge), names, [f"{100 * v:g} %" for v in vols]))

# %%
barriers.knock_jumps("down-in", "p", 1.0, 0.7, 0.0, [0.45, 0.56, 0.90]).plot()

# %% [markdown]
# The picture is the sale at the moment of the knock-in, in units per option, over the time left: a line per
# vol.

# %% [markdown]
# ## A book with notes
#
# Barriers reported for IBIT on 5 February 2026: $43.60 a share, already hit, and $38-39. With the BTC per
# share of that day they become prices of a coin. The listed options are BTC on Deribit where that record lies
# beside the repository, else the synthetic chain. The notes are USD 500m of face in three equal parts; each
# barrier is 70 % of its strike.

# %%
FILE = "shared/data/deribit/deribit_options_snapshot_20260205T093647Z.csv"
files = [folder / FILE for folder in Path.cwd().parents if (folder / FILE).is_file()]
chain = gf.read_chain(files[0], symbol="BTC") if files else gf.demo_chain()
listed = gf.assign_positions(chain)
levels = np.array([43.6, 39.0, 38.0]) / 0.00056712
strikes, alive = levels / 0.7, levels < chain.spot
text = ", ".join(f"{level:,.0f}" for level in levels)
print(f"{chain.title}: spot {chain.spot:,.0f}; barriers {text}, {(~alive).sum()} of them already hit")


def notes(days: float, dates: float = np.nan) -> gf.Book:
    rows = pd.DataFrame(
        {
            "contract": [f"note with barrier {level:,.0f}" for level in levels],
            "venue": "notes",
            "expiry": chain.asof + pd.Timedelta(days, "D"),
            "strike": strikes,
            "kind": np.where(alive, "down-in put", "put"),
            "position": 500e6 / 3 / strikes,
            "multiplier": 1.0,
            "sigma": 0.56,
            "rate": 0.04,
            "dividend_yield": 0.0,
            "barrier": np.where(alive, levels, np.nan),
            "monitoring_dates": np.where(alive, dates, np.nan),
        }
    )
    return gf.Book(rows, chain.symbol, chain.spot, chain.asof, rule="made up: dealers long the notes' puts")


book = listed + notes(28)
profile = gf.sweep_spot(book)
barrier_books.barrier_parts(profile).plot()

# %% [markdown]
# Above their barriers the notes add long gamma, which slows a fall; at each barrier (dotted) their dealers
# sell at once. How much that matters depends on the time left and on when the barrier is observed. Flows to a
# spot, USD m, + = dealers buy; `at barriers` is what is sold at the knock-ins.

# %%
books = {
    "listed alone": listed,
    "+ notes due in 1.75 years": listed + notes(639),
    "+ notes due in 28 days": book,
    "  observed at maturity only": listed + notes(28, dates=1.0),
}
rows = {}
for name, each in books.items():
    swept = gf.sweep_spot(each) if each is not book else profile
    rows[name] = {
        "gamma": gf.aggregate_exposure(each).total()["gamma"] / 1e6,
        "zero gamma": swept.levels().nearest_flip.spot,
        "to 69,000": gf.hedge_flow(each, spot=69_000).total / 1e6,
        "to 66,500": gf.hedge_flow(each, spot=66_500).total / 1e6,
        "at barriers": barrier_books.barrier_trades(swept).sum() / 1e6,
    }
show(pd.DataFrame.from_dict(rows, orient="index"), 0)

# %% [markdown]
# ## Selling at one price moves it
#
# What must be sold at one price cannot be. Practice is to manage the put at a barrier shifted by the move
# that the sale itself makes, here at USD 300m per 1 %, a made-up depth.

# %%
held = notes(28).to_frame().dropna(subset="barrier")
strike, level, units = (held[name].to_numpy() for name in ("strike", "barrier", "position"))
jump = barrier.knock_in_jump("down-in", "p", strike, level, 28 / 365, 0.04, 0.56)
shifted = barrier.barrier_shift(level, jump, units, 0.01 / 300e6)
columns = {"jump": jump, "sold, USD m": jump * units * level / 1e6, "shifted to": shifted}
show(pd.DataFrame(columns, pd.Index([f"{price:,.0f}" for price in level], name="barrier")))

# %%
plt.show()
