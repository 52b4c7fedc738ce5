"""Several venues, one book: do BTC options, IBIT options and structured notes push the same way?

Coins trade options on Deribit, the fund's shares trade options in New York, and banks issue structured notes
on the shares. Their dealers hedge the same thing. Here the three are put in dollars per coin and added.
**None of it is market data**: no chain of IBIT of that week is on record, so all three are synthetic, at the
level of 5 February 2026.
"""

# %%
import matplotlib.pyplot as plt
import pandas as pd

import gammaflow as gf
from gammaflow import note_maps, venues
from gammaflow.exposure import exercise
from gammaflow.pricing.note.terms import NoteTerms


def show(table: pd.DataFrame, digits: int = 1) -> None:
    print(table.to_string(float_format=f"{{:,.{digits}f}}".format))


coins = gf.assign_positions(gf.demo_chain(), venue="Deribit")
chain = gf.demo_chain(symbol="IBIT")
fund = gf.assign_positions(chain, venue="IBIT")
notes = gf.book_notes(gf.demo_notes(), spot=chain.spot, asof=chain.asof, sigma=0.56, rate=0.036)
print(gf.demo_notes()[4].explain())

# %% [markdown]
# ## Shares in coins
#
# A share stands for a fixed number of coins, less the fee. Price levels go through that map; dollar exposures
# do not change.

# %%
print(venues.IBIT)
for share in (43.6, 39.0, 38.0, 36.1):
    print(f"{share} dollars a share = {venues.IBIT.level(share):,.0f} dollars a coin")

# %% [markdown]
# ## One profile, three colors
#
# Exposure by venue, in USD m, then the profile: each color is a venue and the line is their sum. The fund's
# options deepen the short-gamma zone of the coins; the notes hardly show, and on the other side: their
# dealers are long gamma.

# %%
book = coins + (fund + notes).in_units_of("BTC", venues.IBIT, spot=coins.spot)
by_venue = gf.aggregate_exposure(book).by("venue")[["delta", "gamma", "vanna", "charm"]] / 1e6
show(by_venue.assign(rows=pd.Series(book["venue"]).value_counts()))

# %%
profile = gf.sweep_spot(book)
profile.plot_stack("venue")

# %% [markdown]
# Levels of each part. Deribit's options settle in coin: a dealer who keeps accounts in coin hedges the net
# transaction delta (option delta less the premium in coin), whose gamma is lower by that over the forward.
# That raises a put's gamma and lowers a call's.

# %%
parts = {venue: book.select(book["venue"] == venue) for venue in ("Deribit", "IBIT", "notes")}
rows = {}
for name, part in {**parts, "all": book, "Deribit in coin": parts["Deribit"].kept_in("coin")}.items():
    levels = (profile if name == "all" else gf.sweep_spot(part)).levels()
    zone = levels.zone
    rows[name] = {
        "gamma": levels.gamma / 1e6,
        "zero gamma": levels.nearest_flip and levels.nearest_flip.spot,
        "trough": zone.trough.spot if zone else None,
        "core from": zone.core[0] if zone else None,
        "core to": zone.core[1] if zone else None,
    }
show(pd.DataFrame.from_dict(rows, orient="index"), 0)

# %% [markdown]
# ## Who can hedge at three on a Saturday
#
# The fund's dealers cannot trade shares then: their gamma, in USD m per +1 %, is hedged elsewhere or not at
# all.

# %%
opened = venues.open_venues(["2026-02-06T15:00Z", "2026-02-07T03:00Z"], ["Deribit", "IBIT", "notes"])
show(opened.assign(gamma=(opened * by_venue["gamma"]).sum(axis=1)))

# %% [markdown]
# ## Early exercise
#
# Options on the fund are American and valued so. Puts are worth more than European ones, deep in the money
# most; calls of a fund without a dividend are not exercised early.

# %%
early = exercise.compare_exercise(parts["IBIT"], measures=["gamma"])
show(early.by("kind")[["rows", "exercised", "gamma_percent"]], 2)

# %% [markdown]
# ## The notes
#
# Where their barriers stand, and what their dealers would trade if spot stood there now. Most observe the
# barrier at maturity only: then nothing is traded at one price before.

# %%
barriers = note_maps.barrier_map(notes, per_unit=venues.IBIT).table
show(barriers[["barrier", "barrier_BTC", "notional", "trade_shares", "observation", "knocked", "years"]], 2)

# %% [markdown]
# What 530m of notes with one barrier at 70 % would make their dealers sell there at once, by the years left
# [USD m]. That a knock-in moves the market holds for the last weeks, not for one to three years.

# %%
show(note_maps.knock_in_sales(sigma=[0.56, 0.90]).table / [1, 1e6, 1e6, 1], 2)

# %% [markdown]
# A dealer who sells puts against the vega of a note is short gamma below the barrier although the note alone
# is long.

# %%
terms = NoteTerms([1.75], continuous=True, barrier=0.7, edges=[1.0],
                  intact=[[1.0, 0.0], [1.0, 0.0]], hit=[[0.0, 1.0], [1.0, 0.0]])  # fmt: skip
overlay = note_maps.vega_matched_puts(terms, [0.5, 0.6, 0.7, 0.85, 1.0], spot=1.0, sigma=0.56, notional=530e6)
print(f"{overlay.puts / 530e6:.2f} puts struck at the barrier per note; USD m:")
show(overlay.table / 1e6, 2)

# %% [markdown]
# ## What it adds up to
#
# A fall of 10 % from here, by full revaluation, and the move that the hedges alone would make at a made-up
# depth.

# %%
flow = gf.hedge_flow(book, spot=0.9 * book.spot)
print(f"{flow}\nthat alone moves spot by {flow.against(depth=300e6)['percent_of_spot']['total']:.1f} %")

# %%
plt.show()
