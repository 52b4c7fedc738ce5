"""5 February 2026: did options dealers make the fall, and what can the public record say?

A widely read account of the day says: dealers were short puts between $64,000 and $71,000 and sold into the
fall, notes knocked in, leverage was liquidated, a basis trade was unwound, and a fund created shares while
its price fell. Each part is a number that some record holds, or does not. This reads the week in order. At
each step it says what is **observed**, what is **inferred** under an assumption that is named, and what
**cannot be told**.

The recorded files are used where they lie beside the repository. Without them the same steps run on the
built-in chain and a made-up week, whose numbers say nothing about the event.
"""

# %%
from pathlib import Path
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import gammaflow as gf
from gammaflow import evidence, note_maps, venues
from gammaflow.market.at_the_money import constant_maturity
from gammaflow.studies import event

EVE, DAY, AFTER = pd.to_datetime(["2026-02-04", "2026-02-05", "2026-02-06"])
LOW, HIGH = 64_000.0, 71_000.0  # the zone of the account
DEPTH = gf.impact.linear(294e6, source="Citi: $1bn into funds goes with 3.4 %")

records = next((p / "shared/data" for p in Path.cwd().parents if (p / "shared/data/event").is_dir()), None)
week = event.read_week(records)
SEEN = "Made up" if week.made_up else "Observed"
print(week)


def show(table: pd.DataFrame, form: str = "{:,.2f}") -> None:
    print(table.to_string(float_format=form.format))


def say(*sentences: str) -> None:
    print(fill(" ".join(sentences), 110))


# %% [markdown]
# ## The week in one picture
#
# For each chain: the spots at which dealers are short gamma and hedge with the move hardest, the *core*,
# under the usual rule (customers sell calls and buy puts). Then the price.

# %%
rows = {}
for chain in week.chains:
    levels = gf.sweep_spot(gf.assign_positions(chain, "calls_long_puts_short")).levels()
    trough, flip = levels.zone.trough, levels.nearest_flip
    rows[chain.asof] = {
        "spot": chain.spot,
        "gamma": levels.gamma / 1e6,
        "flip": flip.spot if flip else np.nan,
        "core low": trough.core_low,
        "core high": trough.core_high,
        "trough": trough.gamma / 1e6,
    }
zones = pd.DataFrame.from_dict(rows, orient="index")

days = week.bars.loc["2026-02-02":"2026-02-07"]
_, axis = plt.subplots(figsize=(11, 5), layout="constrained")
widths = np.minimum(np.diff([*zones.index, zones.index[-1] + pd.Timedelta(6, "h")]), pd.Timedelta(12, "h"))
height = zones["core high"] - zones["core low"]
axis.bar(
    zones.index, height, widths, zones["core low"], align="edge", color="#f4d3b8", label="core, by chain"
)
axis.vlines(days.index, days["low"], days["high"], color="#1f2937", linewidth=1.6, label="price, by the hour")
axis.plot(zones.index, zones["flip"], "o", color="#7b3f98", markersize=4, label="zero gamma")
for share, style in ((43.6, "--"), (39.0, ":"), (38.0, ":")):
    level = venues.IBIT.level(share)
    axis.axhline(level, color="#0072b2", linestyle=style, linewidth=1.2)
    axis.text(days.index[1], level, f"note barrier ${share:g}", va="bottom", fontsize=8, color="#0072b2")
axis.set_ylabel("USD per BTC")
axis.set_title("Price, short-gamma core and note barriers", loc="left", fontweight="bold")
axis.legend(loc="upper right", fontsize=8)

# %% [markdown]
# See whether the price is inside the shaded core when it falls, and which barriers it passes on the way. The
# core follows the price: as puts come into the money the gamma of the next strikes takes over. Gamma and
# trough in USD m per +1 %.

# %%
shown = zones[::4] if len(zones) > 4 else zones
show(shown.set_axis([f"{at:%d %b %H:%M}" for at in shown.index]), "{:,.0f}")

# %% [markdown]
# ## The eve
#
# The last chain before the day. What was its core worth, once the fall began?

# %%
eve = week.chain_at("2026-02-05T00:00Z")
book = gf.assign_positions(eve, "calls_long_puts_short")
profile = gf.sweep_spot(book)
core = profile.levels().zone.trough
fall = week.bars.loc["2026-02-05T00:00Z":"2026-02-06T00:00Z"]
inside = (fall["low"] <= core.core_high) & (fall["high"] >= core.core_low)
top, low = fall["high"].max(), fall["low"].min()
in_core = max(0.0, np.log(min(top, core.core_high) / max(low, core.core_low))) / np.log(top / low)
say(
    f"{SEEN}: from 5 February 00:00 to 6 February 01:00 UTC the price went from {top:,.0f} down to",
    f"{low:,.0f}.",
    f"Inferred, under the usual rule: on {eve.asof:%d %b %H:%M} the core was {core.core_low:,.0f} to",
    f"{core.core_high:,.0f}. {in_core:.0%} of the range lay in it, and the price touched it in",
    f"{inside.sum()} of",
    f"the {len(fall)} hours.",
)

# %% [markdown]
# That dealers were short is the rule's word, not the chain's. With beliefs about the sign instead, the
# probability that dealers were short gamma in all of 64,000 to 71,000:

# %%
sure = {
    name: gf.sign_bands(eve, name, draws=2_000).interval(LOW, HIGH)["p_all"]
    for name in ("customers_buy_puts", "calls_long_puts_short", "flat")
}
for name, chance in sure.items():
    print(f"{chance:.0%}  {name}")
bought_puts, unknown = sure["customers_buy_puts"], sure["flat"]
say(
    f"So: {bought_puts:.0%} if customers bought puts, {unknown:.0%} if nothing is known. No public record",
    "says",
    "who is long: the zone is an inference.",
)

# %% [markdown]
# ## What was opened
#
# Were those puts new? Open interest of the eve against the first chain on record; contracts by kind, then the
# picture: net opened by strike.

# %%
change = gf.open_interest_change(week.start, eve if eve.asof > week.start.asof else week.chains[-1])
opened = change.by_strike()
in_zone = opened.loc[LOW:HIGH].sum()
sides = change.evidence.loc[["call", "put"]]
bought, error = sides["expected"].sum(), np.sqrt((sides["deviation"] ** 2).sum())
side = "a side" if abs(bought) > 2.0 * error else "no side can be told, and the sign stays an assumption"
say(
    f"{SEEN}: from {change.earlier.asof:%d %b} to {change.later.asof:%d %b} {opened['put'].sum():+,.0f}",
    "puts and",
    f"{opened['call'].sum():+,.0f} calls were opened net, {in_zone['put']:+,.0f} of the puts struck at",
    "64,000 to",
    f"71,000. Who bought them? Moves of vol give customers' net purchases as {bought:+,.0f} +- {error:,.0f}",
    f"contracts: {side}.",
)
change.plot()

# %% [markdown]
# ## Loop gain
#
# Kappa: the flow that a 1 % move sets off, dealers' hedges and liquidations, over the flow that moves price
# by 1 %. Moves are amplified 1 / (1 - kappa) times. The book is the eve's; the depth is an assumption, so
# there are three.

# %%
gain = gf.loop_gain(profile, DEPTH, liquidations=week.pools)
gain.plot()

# %%
kappas = {}
for per_1pct in (100e6, 294e6, 1e9):
    each = gf.loop_gain(profile, gf.impact.linear(per_1pct, source="assumed"), liquidations=week.pools)
    kappas[per_1pct] = float(each.table["kappa"].loc[core.core_low : core.core_high].max())
    times = f"{1.0 / (1.0 - kappas[per_1pct]):.2f} times" if kappas[per_1pct] < 1.0 else "unstable"
    print(f"${per_1pct / 1e6:,.0f}m per 1 %: largest kappa in the core {kappas[per_1pct]:.2f}: {times}")
assert min(kappas.values()) > 0.0
say(
    "Inferred: the hedging adds to a move at every depth. Whether it adds little or makes the market",
    "unstable is",
    "decided by a depth that no record of the week holds.",
)

# %% [markdown]
# ## The notes
#
# Barriers reported for notes on IBIT: $43.60 a share, and $38 to $39. In dollars a coin, and when the fund
# and the coin first traded below each in 2026. The coin also trades at night: it can be there first.

# %%
table = {}
for share in (43.6, 39.0, 38.0):
    level = venues.IBIT.level(share)
    fund, coin = week.fund.loc["2026":, "Low"], week.bars.loc["2026":, "low"]
    days, hours = fund.index[fund < share], coin.index[coin < level]
    table[f"${share:g}"] = {
        "a coin": f"{level:,.0f}",
        "fund first below": f"{days[0]:%d %b}" if len(days) else "never",
        "coin first below": f"{hours[0]:%d %b %H:00} UTC" if len(hours) else "never",
    }
print(pd.DataFrame(table).T.to_string())

# %% [markdown]
# At a knock-in the note's put becomes an ordinary one, and dealers sell what its delta was larger before. How
# much, if all 530m of IBIT notes known from filings had one barrier at 70 %, by vol and the years they had
# left:

# %%
sales = note_maps.knock_in_sales(sigma=[0.56, 0.90], years=[1 / 12, 0.5, 1.0, 1.75]).table
traded = week.fund.loc[DAY, "Volume"] * week.fund.loc[DAY, "Close"]
show(pd.DataFrame({"|delta| at the barrier": sales["delta"], "sold, USD m": sales["continuous"] / 1e6}))
one_year = sales.xs(1.0, level="years")
sold = float(one_year["continuous"].max())
assert one_year["delta"].max() < 1.0
say(
    "Inferred: notes on file had one to three years left. With one year |delta| at the barrier is at most",
    f"{one_year['delta'].max():.2f}, not above 1, and the sale {sold / 1e6:,.0f}m, {sold / traded:.2%} of",
    "what the",
    "fund traded on the day. Notes due within weeks, or never published, could sell more; no record has",
    "them.",
)

# %% [markdown]
# ## Leverage
#
# A map of liquidation prices was recorded on the eve. It covers some accounts of one venue, and cannot say
# whether a position that vanished was liquidated, closed or given margin.

# %%
pools = week.pools.table
print(str(week.pools).splitlines()[0])
on_the_way = pools.loc[(pools["side"] > 0.0) & (pools["high"] >= low), "value"].sum()
say(
    f"{SEEN}: {on_the_way / 1e6:,.0f}m of longs would be liquidated between {eve.spot:,.0f} and the low of",
    f"{low:,.0f}, {on_the_way / 294e6:.2f} times what moves price by 1 % at $294m. A lower bound of all",
    "venues.",
)

# %% [markdown]
# ## The day's company
#
# Volume against the record before, and whether the fund moved with software or with gold in the month before.

# %%
close = week.fund["Close"].rename("IBIT")
volume = evidence.activity.records(week.fund["Volume"], calendar="XNYS", gaps=True).table.loc[DAY]
score = evidence.tails.z_scores(close).table.loc[DAY, "z"]
order = evidence.correlation.closer(close, week.software, week.gold, first="2026-01-05", last=EVE)
say(
    f"{SEEN}: {volume['value'] / 1e6:,.0f}m shares, {volume['ratio']:.2f} times the highest day before; a",
    "move of",
    f"{score:+.1f} standard deviations of the 60 days before. {order.summary().splitlines()[0]}.",
)

# %% [markdown]
# ## The fund's flows
#
# Did the fund create shares on the day? First, which day does a published flow mean? Shares are created in
# whole baskets at the net asset value, so under the right label flow / value / 40,000 is a whole number. The
# value is not on record; it is estimated from the coin's price in the hour before 16:00 New York. The line of
# the right label rises before the others; lines along the diagonal are numbers at random.

# %%
flows = week.flows.loc["2025-11":"2026-03"]
nav = evidence.etf_flows.net_asset_values(week.bars)
label = evidence.etf_flows.label_day(flows.reindex(nav.dropna().index).dropna(), nav)
label.plot()

# %%
print(label.summary().splitlines()[1])
surprise = evidence.etf_flows.surprise(week.flows, close, DAY)
models = surprise.table
print("flow of the day against what its move would have led one to expect, by model [USD m]:")
show(models[["expected", "low", "high", "flow"]] / 1e6, "{:+,.0f}")
within = int(((models["low"] <= models["flow"]) & (models["flow"] <= models["high"])).sum())
on_day, after = week.flows[DAY] / 1e6, week.flows[AFTER] / 1e6
say(
    f"{SEEN}: {on_day:+,.0f}m on 5 February and {after:+,.0f}m on the 6th. The day's flow is within what",
    f"{within}",
    f"of {len(models)} models allow: {'nothing unusual' if within == len(models) else 'unusual under some'}.",
)

# %% [markdown]
# ## The basis
#
# A future's close without its time of day gives any basis one likes: percent a year, by the clock at which
# spot is read.

# %%
basis = evidence.basis.by_clock(
    week.futures.loc["2026-02-02":AFTER], week.bars["open"], pd.Timestamp("2026-02-27"),
    clocks=["21:00 UTC", "22:00 UTC", "24:00 UTC"],
)  # fmt: skip
show(100.0 * basis.table, "{:.1f}")
moved = 100.0 * (basis.table.loc[DAY] - basis.table.loc[EVE])
agree = moved.min() * moved.max() > 0.0
say(
    f"{SEEN}: a change on the day of {moved.min():+.1f} to {moved.max():+.1f} points, by clock; the prices",
    "fit",
    f"{basis.best} best, which gives {moved[basis.best]:+.1f}.",
    "All agree on its sign." if agree else "The clocks disagree even on its sign: it cannot be told.",
)

# %% [markdown]
# ## Open interest
#
# Forced sales close positions. In dollars open interest falls with the price anyway; in coins it need not.

# %%
ends = evidence.clocks.read_clock(evidence.clocks.MIDNIGHT_UTC).on(week.interest.index)
price = evidence.clocks.read_at(week.bars["open"], ends).set_axis(week.interest.index)
known = slice("2026-01-28", AFTER)
interest = evidence.open_interest.changes(week.interest.loc[known], price.loc[known]).table.loc[DAY]
dollars = week.interest[DAY] - week.interest[EVE]
grew = interest["change_share"]
say(
    f"{SEEN}: {dollars / 1e9:+.1f}bn in dollars, {interest['change']:+,.0f} in coins ({grew:+.1%}). With",
    "the price",
    f"down that reads as {interest['quadrant']}{', not as positions closed' if grew > 0.0 else ''}.",
)

# %% [markdown]
# ## Every sale that could have made the fall
#
# One number, a fall of 13.2 %, fixes a line of pairs of depth and sale, not a point. Under every depth the
# sale from outside is what hedges and liquidations of the eve's book leave over.

# %%
fit = event.fit_event(book, liquidations=week.pools, beta=-1.0, hedge_fraction=(0.1, 0.5, 1.0))
fit.plot()

# %%
landed = fit.table[fit.table["outcome"] == "lands"]["shock"].abs() / 1e9
first, share = fit.narrows.index[0], fit.narrows["variance_share"].iloc[0]
say(
    f"Inferred: {len(landed)} of {len(fit.table)} combinations make that fall, with sales from",
    f"{landed.min():.2f} to {landed.max():.1f}bn. {share:.0%} of that spread is {first}: measure it first.",
)

# %% [markdown]
# ## Said on the eve, and what happened
#
# The measures of the eve's chain, each against what followed. Gamma is that of the eve's contracts at the
# evening's spot, time and vols, against that of the contracts open by then.

# %%
evening = week.chain_at("2026-02-05T22:00Z")
parts = gf.compare_books(book, gf.assign_positions(evening, "calls_long_puts_short")).total["gamma"] / 1e6
carried, actual = parts[["before", "expired", "spot and time", "vols"]].sum(), parts["after"]
move = 100.0 * (close[DAY] / close[EVE] - 1.0)
sigma = 100.0 * float(constant_maturity(eve)) / np.sqrt(365.0)
hedge = gf.hedge_flow(book, spot=low).total / 1e9
expected = models["expected"] / 1e6
times = 1.0 / (1.0 - kappas[294e6])
near, far = (venues.IBIT.level(share) for share in (39.0, 38.0))
rows = [
    (
        "core of short gamma",
        f"{core.core_low:,.0f} to {core.core_high:,.0f}",
        f"{in_core:.0%} of the range in it",
    ),
    ("gamma at the evening's spot, USD m", f"{carried:,.0f}", f"{actual:,.0f} in the evening's chain"),
    ("one-day sigma from 30-day vol", f"{sigma:.1f} %", f"{move:+.1f} %, {abs(move) / sigma:.1f} sigmas"),
    ("dealers' hedge to the low", f"sell {-hedge:,.1f}bn", "no record of dealers' trades"),
    ("loop gain at $294m", f"moves x {times:.2f}", "not separable from the sale"),
    ("barriers at $38 to $39", f"{far:,.0f} to {near:,.0f}", f"low {low:,.0f}"),
    ("fund's flow, by model", f"{expected.min():+,.0f}m to {expected.max():+,.0f}m", f"{on_day:+,.0f}m"),
]
print(pd.DataFrame(rows, columns=["measure", "said", "happened"]).set_index("measure").to_string())
say(
    f"The {actual - carried:+,.0f}m between carried and found are positions opened and closed during the",
    "day. That is",
    "no test of where dealers stand: both sides use the same rule.",
)

# %% [markdown]
# ## The account against the record
#
# Each claim that names a number, as a share of that number: the grey band is what was claimed, the bar what
# the record allows. Blue is confirmed, orange contradicted, grey cannot be told.

# %%
card = None if week.made_up else event.scorecard(records)
if card is None:
    print("the scorecard needs the recorded files")
else:
    card.plot_ratios()
    print(card.summary().splitlines()[1])

# %%
for verdict in () if card is None else ("contradict", "cannot tell"):
    print(f"\n{verdict}:")
    for name, claim in card.table[card.table["verdict"] == verdict].iterrows():
        print(f"  {claim['claim']}: {card.brief().loc[name, 'record']}")

# %% [markdown]
# ## In short

# %%
print("In the made-up week" if week.made_up else "On the record")
say(
    f"{SEEN}: the price passed through the core of the eve's short-gamma zone ({in_core:.0%} of the range",
    "in it);",
    f"volume {volume['ratio']:.2f} times the record before; fund flow {on_day:+,.0f}m; open interest",
    f"{grew:+.0%} in coins.",
)
say(
    f"Inferred: dealers short gamma there ({bought_puts:.0%} if customers bought puts, {unknown:.0%} if",
    "nothing is",
    f"known); hedging multiplies a move by {times:.2f} at $294m per 1 %; published notes with a year left",
    "sell",
    f"{sold / 1e6:,.0f}m.",
)
say(
    "Cannot be told: who bought the puts, how deep the market was, and so how much of the fall was",
    "hedging: sales",
    f"from {landed.min():.2f} to {landed.max():.1f}bn fit equally well.",
)
if card is not None:
    right, wrong, open_ = card.counts.sum()
    print(f"The account: {right} claims confirmed, {wrong} contradicted, {open_} cannot be told")

# %% [markdown]
# One day tests no rule. Whether dealers' gamma says anything about the days that follow, over a season, is
# asked in `11_a_season.py`; the answer there is no clear one.

# %%
plt.show()
