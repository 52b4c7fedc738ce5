"""Which options were opened before a move, and do vols say who bought them?

Open interest of two dates gives the book of what was opened in between. It does not give its side. Recorded
chains of BTC on Deribit from 15 January to 5 February 2026 are used where they lie beside the repository,
else a made-up pair from the built-in synthetic chain, **which is not market data**.
"""

# %%
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import gammaflow as gf

records = next(
    (p / "shared/data" for p in Path.cwd().parents if (p / "shared/data/deribit_daily").is_dir()), None
)
files = {
    pd.Timestamp(re.search(r"\d{8}T\d{6}Z", path.name)[0]): path
    for path in sorted(records.rglob("deribit_options_snapshot_*.csv") if records else [])
}


def nearest(at: str) -> gf.Chain:
    """The chain of the snapshot nearest to a time."""
    stamp = min(files, key=lambda stamp: abs(stamp - pd.Timestamp(at)))
    return gf.read_chain(files[stamp], symbol="BTC")


def made_up(later: gf.Chain) -> gf.Chain:
    """A chain of the day before with less open interest and other vols."""
    rng = np.random.default_rng(7)
    less = later["open_interest"] * rng.choice([0.5, 0.9, 1.0, 1.1], len(later), p=[0.2, 0.4, 0.2, 0.2])
    vols = later["iv"] + np.repeat(rng.normal(0.0, 0.003, len(later) // 2), 2)
    before = later.with_columns(open_interest=less.round(1), iv=vols.round(4))
    return replace(before, asof=later.asof - pd.Timedelta(1, "D"))


SINCE = ["2026-01-15", "2026-01-20", "2026-01-26", "2026-02-01"]
later = nearest("2026-02-05T09:36Z") if files else gf.demo_chain()
starts = [nearest(f"{day}T09:30Z") for day in SINCE] if files else [made_up(later)]
changes = [gf.open_interest_change(start, later) for start in starts]

# %% [markdown]
# ## The count
#
# Contracts that are new, grew, fell, were closed or have expired, by kind. What left through expiry may have
# been rolled into later contracts; the table says how much at most.

# %%
print(changes[0])

# %%
changes[0].plot()

# %% [markdown]
# The picture is net open interest opened by strike, calls and puts apart: where new positions were put on.

# %% [markdown]
# ## The book of what was opened
#
# Two rules, since the side is not known. If customers buy puts and sell calls, what was opened has a zone
# below spot; if dealers sold all of it, the deepest short gamma lies far above. Gamma in USD m per +1 % of
# spot.

# %%
rows = {}
for change in changes:
    for rule in ("calls_long_puts_short", "short_all"):
        levels = gf.sweep_spot(change.book(rule), measures=["gamma", "gross_gamma"]).levels()
        flip, trough = levels.nearest_flip, levels.zone.trough if levels.zone else None
        rows[f"{change.earlier.asof:%d %b}", rule] = {
            "gamma": levels.gamma / 1e6,
            "flip": flip.spot if flip else np.nan,
            "trough": trough.spot if trough else np.nan,
            "core_low": trough.core_low if trough else np.nan,
            "core_high": trough.core_high if trough else np.nan,
        }
table = pd.DataFrame.from_dict(rows, orient="index").rename_axis(["since", "rule"])
print(table.to_string(float_format="{:,.1f}".format, na_rep="none"))

# %% [markdown]
# ## Can vols say who bought?
#
# Where customers buy, a strike's vol should rise against its neighbours. The evidence weighs each strike by
# how much that sign is worth, and says what share of what was opened it carries.

# %%
for change in changes:
    sides = change.evidence.loc[["call", "put"]]
    known, moved, bought = (sides[name].sum() for name in ("told", "moved", "expected"))
    error = np.sqrt((sides["deviation"] ** 2).sum())
    side = "a side" if abs(bought) > 2.0 * error else "no side can be told"
    print(
        f"since {change.earlier.asof:%d %b}: a side for {known / moved:.0%} of {moved:,.0f} contracts moved;"
    )
    print(f"    customers' net purchases {bought:+,.0f} +- {error:,.0f}: {side}")

# %% [markdown]
# ## Day by day
#
# The same from each snapshot of the last days to the next. The last two columns are a check: vols that move
# as much where nothing was opened as where something was are poor evidence of demand.

# %%
days = [nearest(f"2026-02-0{day}T09:30Z") for day in range(1, 6)] if files else [*starts, later]
rows = {}
for earlier, after in pairwise(days):
    change = gf.open_interest_change(earlier, after)
    opened, placebo = change.by_strike().sum(), 100.0 * change.placebo
    rows[f"{after.asof:%d %b %H:%M}"] = {
        "hours": change.hours, "calls opened": opened["call"], "puts opened": opened["put"],
        **placebo.add_prefix("vol points, ").to_dict(),
    }  # fmt: skip
print(pd.DataFrame.from_dict(rows, orient="index").to_string(float_format="{:,.2f}".format))

# %% [markdown]
# ## What that did to the whole book
#
# Gamma of all open interest a day before and now, split into what expired, what spot and time did, vols, and
# contracts closed, changed and new. The parts add up.

# %%
before = nearest("2026-02-04T09:36Z") if files else starts[0]
print(gf.compare_books(gf.assign_positions(before), gf.assign_positions(later)))

# %%
plt.show()
