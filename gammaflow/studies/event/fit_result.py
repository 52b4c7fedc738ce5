"""EventFit: the set of combinations that reproduce a move, as table, text and picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.exposure.band_levels import PROBABILITIES
from gammaflow.studies.event import fit_text
from gammaflow.studies.event.fit_inputs import Inputs
from gammaflow.studies.event.narrowing import narrowing
from gammaflow.studies.event.ridge import OUTCOMES, Ridge
from gammaflow.study import Study

__all__ = ["EventFit", "make_fit"]

Array = NDArray[np.float64]

#: Columns that name a combination without its book, in the order of the table.
KEYS = ["impact", "depth", "with_liquidations", "with_notes", "hedge_fraction"]


@dataclass(frozen=True, eq=False, repr=False)
class EventFit(Study):
    """Combinations of depth, book, channels and hedge fraction that reproduce one move; see `fit_event`.

    A set, never one answer: nothing in it says which of its rows is true.

    Attributes
    ----------
    table : DataFrame
        One row per combination. Axes: `impact` (law or name), `depth` [currency per 1 % of ln S],
        `with_liquidations`, `with_notes`, `hedge_fraction` [-], and `scale` of the book [-] or `quantile` of
        the exogenous flow over draws of beliefs [-]. Flows [currency, < 0 sells]: `shock`, the exogenous one,
        and `gamma`, `vanna`, `knock_in`, `liquidations`; they sum to the flow by which the impact alone makes
        the move. `loop_gain` [-], the largest on the way; `amplification` [-], log return over that of the
        shock alone, NaN where no shock lands; `trigger` [currency], the smallest flow that takes price to the
        move or beyond; `outcome`: "lands", "jump" or "runaway".
    move : float
        Move of spot as a share of it.
    spot : float
        Where price begins [currency].
    currency : str
        Currency of spot and flows.
    words : str
        Book, timestamp, rule or beliefs, and what vols do, as titles name them.
    outcomes : DataFrame
        By combination without the book: share of books or draws with each outcome [-].
    narrows : DataFrame
        What would narrow the set, the axis to measure first on top: `variance_share` of ln |shock| [-],
        `deviation_left` of ln |shock| were the axis known [-], `share_after`, that of what is left once the
        first axis is known [-], smallest and largest shock along it with the others at their middle, `low`
        and `high` [currency], and their `factor` [-].
    samples : DataFrame or None
        Of each draw of beliefs the hedge flows on the way to the move without notes, hedged in full
        [currency].
    cells : DataFrame or None
        Of beliefs, one row per cell of open interest, the one to know first on top: `open_interest` [units of
        the underlying], `mean` of dealers' share, `flow`, the hedge flow to the move were dealers long all of
        it [currency], and `variance_share`, the squared correlation of its share with the hedges of draws.

    See Also
    --------
    fit_event

    Examples
    --------
    >>> import gammaflow as gf
    >>> from gammaflow.studies.event import fit_event
    >>> fit = fit_event(gf.assign_positions(gf.demo_chain()), depths=(150e6, 294e6, 1e9))
    >>> fit.ridge["book"].div(1e9).round(2).to_list()  # book x 1 [USD bn]
    [0.47, -1.57, -11.56]
    >>> fit.outcomes["runaway"].round(2).to_list()  # share of books (x 0.5, 1, 2) that overshoot
    [0.67, 0.33, 0.0]
    >>> fit.narrows.index[0]  # the axis to measure first
    'depth'
    """

    move: float
    spot: float
    currency: str
    words: str
    outcomes: pd.DataFrame
    narrows: pd.DataFrame
    samples: pd.DataFrame | None = None
    cells: pd.DataFrame | None = None

    @property
    def member(self) -> str:
        """Column of the book's axis: "scale", or "quantile" of draws of beliefs."""
        return "scale" if self.samples is None else "quantile"

    @property
    def middle(self) -> tuple[float, float]:
        """Hedge fraction and book that lines and summary show: the middle ones."""
        members = self.table[self.member].unique()
        target = 1.0 if self.member == "scale" else 0.5
        fractions = sorted(self.table["hedge_fraction"].unique())
        member = members[np.abs(members - target).argmin()]
        return float(fractions[len(fractions) // 2]), float(member)

    @property
    def _laws(self) -> bool:
        """True if laws stand beside several linear depths."""
        linear = self.table.drop_duplicates(["impact", "depth"])["impact"] == "linear"
        return bool(linear.sum() > 1 and not linear.all())

    @cached_property
    def ridge(self) -> pd.DataFrame:
        """Exogenous flow by depth (and law) and variant, at the middle book and hedge fraction [currency]."""
        return self._pivot("shock")

    def _pivot(self, column: str) -> pd.DataFrame:
        fraction, member = self.middle
        mine = (self.table["hedge_fraction"] == fraction) & (self.table[self.member] == member)
        part = self.table[mine].assign(variant=fit_text.variants(self.table[mine]))
        keys = ["depth"] if (part["impact"] == "linear").all() else ["impact", "depth"]
        wide = part.set_index([*keys, "variant"])[column].unstack("variant")
        return wide[list(dict.fromkeys(part["variant"]))].sort_index(level="depth")

    def summary(self) -> str:
        """Book, axes and what they rest on, the ridge, what lands and what does not, what would narrow it."""
        return fit_text.summary(self)

    def plot(self, *, ax: Any = None) -> Any:
        """The ridge: size of the exogenous flow over depth, a line per variant (matplotlib Axes).

        The band spans books (or the 5 to 95 % quantiles of draws) and hedge fractions of the widest variant;
        crosses mark where no shock lands at the move.
        """
        from gammaflow.plot.ridge import plot_ridge

        side = "sale" if self.move < 0.0 else "purchase"
        return plot_ridge(
            self._drawn(), fit_text.title(self), self.currency, side=side, band=fit_text.band(self), ax=ax
        )

    def plot_narrows(self, *, ax: Any = None) -> Any:
        """Part of the variance of ln |shock| that each axis explains, as bars (matplotlib Axes)."""
        from gammaflow.plot.ridge import plot_narrowing

        shares = self.narrows["variance_share"]
        shares = shares[(shares.index != "together") | (shares > 0.0)]
        label = "share of the variance of ln |exogenous flow| over the values given [%]"
        title = f"What would narrow the sets of {fit_text.move_text(self.move, self.spot)}\n{self.words}"
        return plot_narrowing(shares, fit_text.narrows_notes(self), title, label, ax=ax)

    def _drawn(self) -> pd.DataFrame:
        """Sizes of flows by impact and variant, as the picture takes them [currency]."""
        sign, (fraction, member) = np.sign(self.move), self.middle
        table = self.table.assign(variant=fit_text.variants(self.table), size=sign * self.table["shock"])
        lands = table["outcome"] == "lands"
        flows = table[["shock", "gamma", "vanna", "knock_in", "liquidations"]].sum(axis=1)
        table = table.assign(alone=sign * flows, trigger=sign * table["trigger"])
        table["middle"] = table["size"].where(lands)
        mine = (table["hedge_fraction"] == fraction) & (table[self.member] == member)
        keys = ["impact", "depth", "variant"]
        groups = table.groupby(keys, sort=False)["middle"]
        low = groups.min().where(groups.count() == groups.size())
        drawn = table[mine].set_index(keys)[["middle", "trigger", "alone"]]
        return drawn.assign(low=low, high=groups.max()).reset_index()


def make_fit(
    inputs: Inputs,
    ridge: Ridge,
    samples: pd.DataFrame | None,
    cells: pd.DataFrame | None,
    remarks: tuple[str, ...],
) -> EventFit:
    """The result of a ridge: its table, shares of outcomes, and what would narrow it."""
    shape = ridge.shock.shape
    name = "scale" if samples is None else "quantile"
    order = np.argsort(ridge.shock, axis=-1, kind="stable")
    rows, shares = [], []
    for i, j, n, h in product(*map(range, shape[:4])):
        law, impact = inputs.impacts[i]
        keys = {
            "impact": law,
            "depth": impact.per_1pct if inputs.move < 0.0 else impact.per_1pct_up,
            "with_liquidations": bool(j),
            "with_notes": bool(n),
            "hedge_fraction": inputs.fractions[h],
        }
        here = ridge.outcome[i, j, n, h]
        shares.append({**keys, **{each: float((here == k).mean()) for k, each in enumerate(OUTCOMES)}})
        for label, b in _members(inputs, order[i, j, n, h], drawn=samples is not None):
            place = i, j, n, h, b
            shock, lands = float(ridge.shock[place]), here[b] == 0
            alone = float(impact.log_return(shock))
            gamma, vanna, knock_in = ridge.hedges[n, h, b].tolist()
            rows.append(
                {
                    **keys,
                    name: label,
                    "shock": shock,
                    "gamma": gamma,
                    "vanna": vanna,
                    "knock_in": knock_in,
                    "liquidations": float(ridge.liquidations[j]),
                    "loop_gain": float(ridge.gain[place]),
                    "amplification": float(np.log1p(inputs.move)) / alone if lands else np.nan,
                    "trigger": float(ridge.trigger[place]),
                    "outcome": OUTCOMES[here[b]],
                }
            )
    table = pd.DataFrame(rows)
    return EventFit(
        table,
        tuple(fit_text.lines(inputs, remarks)),
        move=inputs.move,
        spot=inputs.book.spot,
        currency=inputs.currency,
        words=fit_text.words(inputs),
        outcomes=pd.DataFrame(shares).set_index(KEYS),
        narrows=_narrows(inputs, ridge, order, drawn=samples is not None),
        samples=samples,
        cells=cells,
        warnings=inputs.warnings,
    )


def _members(inputs: Inputs, order: NDArray[np.intp], *, drawn: bool) -> list[tuple[float, int]]:
    """Books of the table and their places: all scales, or the draws at quantiles of the exogenous flow."""
    if not drawn:
        return [(scale, b) for b, scale in enumerate(inputs.scales)]
    return [(p, int(order[round(p * (len(order) - 1))])) for p in PROBABILITIES]


def _narrows(inputs: Inputs, ridge: Ridge, order: NDArray[np.intp], *, drawn: bool) -> pd.DataFrame:
    """Part of the spread that each axis explains; the others stand at their middle where one varies.

    Where there are several linear impacts, other laws are left out: they are alternatives, not depths.
    """
    shape = ridge.shock.shape
    linear = [i for i, (law, _) in enumerate(inputs.impacts) if law == "linear"]
    kept = linear if len(linear) > 1 else list(range(shape[0]))
    depths = [inputs.impacts[i][1].per_1pct for i in kept]
    depth = int(np.argsort(depths)[len(depths) // 2])
    middle = [depth, shape[1] - 1, shape[2] - 1, shape[3] // 2]
    members = _members(inputs, order[kept][tuple(middle)], drawn=drawn)
    target = 0.5 if drawn else 1.0
    book = min(members, key=lambda each: abs(each[0] - target))[1]
    laws = {inputs.impacts[i][1].name for i in kept}
    names = (
        "depth" if laws == {"linear"} else "impact",
        "liquidations",
        "notes",
        "hedge fraction",
        "beliefs" if drawn else "book",
    )
    ends = {4: (members[0][1], members[-1][1])} if drawn else {}
    shock, lands = ridge.shock[kept], ridge.outcome[kept] == 0
    return narrowing(shock, lands, dict(zip(names, (*middle, book), strict=True)), ends)
