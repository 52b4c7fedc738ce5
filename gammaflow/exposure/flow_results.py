"""HedgeFlow and FlowLadder: dealers' hedge flows as tables, text and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.accuracy import Shortfall, shortfall_lines
from gammaflow.checks import attempt, check_choice, check_number, refuse
from gammaflow.errors import SchemaError
from gammaflow.exposure.dynamics import Dynamics
from gammaflow.frozen import Frozen
from gammaflow.market.plausibility import shift_warnings
from gammaflow.positions.book import Book
from gammaflow.positions.heading import heading, under_rule
from gammaflow.text import moment_text, price_text, readable

__all__ = ["CAUSES", "FlowLadder", "HedgeFlow"]

Array = NDArray[np.float64]

#: Causes of a flow, and the measure that gives each to first order.
CAUSES: Mapping[str, str] = {"spot": "gamma", "time": "charm", "volatility": "vanna"}

_MOVES = {
    "spot_percent": "spot move [%]",
    "hours": "time passed [hours]",
    "vol_points": "vol move [vol points]",
}
_SIGN = "+ = dealers buy the underlying"


def _days(days: float) -> str:
    return f"{days:g} day" + "s" * (days != 1.0)


def _valued(book: Book) -> str:
    return f"trades: in {book.currency}, valued at the final spot"


def _against(flows: pd.DataFrame, adv: float | None, depth: float | None) -> pd.DataFrame:
    given = {name: value for name, value in (("adv", adv), ("depth", depth)) if value is not None}
    if not given:
        raise SchemaError(
            "adv, depth: received neither; pass adv [currency a day], depth [currency per 1 %]."
        )
    checks = [lambda n=n, v=v: check_number(v, n, 0.0, open_low=True) for n, v in given.items()]
    values, problems = attempt(*checks)
    refuse("comparison", problems)
    columns = {"adv": "share_of_adv", "depth": "percent_of_spot"}
    return flows.assign(**{columns[n]: flows["flow"] / v for n, v in zip(given, values, strict=True)})


@dataclass(frozen=True, eq=False, repr=False)
class HedgeFlow(Frozen):
    """Amount dealers must trade, in currency, from the book's spot, time and vols to a scenario.

    Attributes
    ----------
    book : Book
        The positions.
    spot : float
        Final spot, at which all trades are valued [currency].
    days, vol_shift : float
        Calendar days passed, and what was added to every volatility [1.00 of vol].
    dynamics : Dynamics
        Smile dynamics; their effect on the flow is attributed to spot.
    steps : int
        Number of steps of the path, besides those at expiries.
    flows : (3, n_expiries) array
        By cause (see `CAUSES`) and expiry [currency], + = dealers buy.
    along : (3,) array
        The same by cause with each step's trade valued at the spot of that step, as paid by a dealer who
        hedges along the path [currency].
    first_order : (3,) array
        Minus gamma, charm and vanna at the start times the whole move [currency].
    shortfalls : tuple of Shortfall
        Contracts that missed the tolerance anywhere on the path, with the error reached, worst first.

    See Also
    --------
    hedge_flow : Amount dealers must trade, in currency, between now and a scenario of spot, time and vol.
    FlowLadder : Hedge flows of many single moves: of spot alone, of time alone, of volatility alone.

    Examples
    --------
    >>> import gammaflow as gf
    >>> book = gf.assign_positions(gf.demo_chain())
    >>> flow = gf.hedge_flow(book, spot=0.95 * book.spot)
    >>> flow.total < 0.0  # short gamma: dealers sell into the fall
    True
    >>> flow.table.index.to_list()
    ['spot', 'time', 'volatility', 'total']
    """

    book: Book
    spot: float
    days: float
    vol_shift: float
    dynamics: Dynamics
    steps: int
    flows: Array
    along: Array
    first_order: Array
    shortfalls: tuple[Shortfall, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Implausible inputs: those of the book (`Book.warnings`), and the vol shift."""
        return self.book.warnings + shift_warnings(self.vol_shift, self.book["sigma"])

    @property
    def total(self) -> float:
        """Total amount dealers must trade [currency], + = dealers buy."""
        return float(self.flows.sum())

    @cached_property
    def by_expiry(self) -> pd.DataFrame:
        """One row per expiry: spot, time, volatility and total [currency], + = dealers buy."""
        frame = pd.DataFrame(self.flows.T, index=self.book.expiries, columns=list(CAUSES))
        return frame.assign(total=frame.sum(axis=1))

    @cached_property
    def table(self) -> pd.DataFrame:
        """Rows spot, time, volatility, total; columns flow, along, first_order, residual [currency].

        `along` is the flow at the spots of the path, `first_order` minus the starting greek times the whole
        move, `residual` the flow minus `first_order`.
        """
        flow = np.append(self.flows.sum(axis=1), self.total)
        along, guess = (np.append(x, x.sum()) for x in (self.along, self.first_order))
        columns = {"flow": flow, "along": along, "first_order": guess, "residual": flow - guess}
        return pd.DataFrame(columns, index=pd.Index([*CAUSES, "total"], name="cause"))

    def against(self, *, adv: float | None = None, depth: float | None = None) -> pd.DataFrame:
        """The table as a share of average daily volume, of market depth, or of both.

        Parameters
        ----------
        adv : float, optional
            Average daily volume [currency]: adds `share_of_adv`, the flow as a share of it.
        depth : float, optional
            Currency that moves spot by 1 %: adds `percent_of_spot`, how far the flow alone would move it.
        """
        return _against(self.table, adv, depth)

    def plot(self, *, ax: Any = None) -> Any:
        """Stacked bars of the flow by expiry and cause, with the total (matplotlib Axes)."""
        from gammaflow.plot.static import plot_bars

        book = self.book
        title = under_rule(f"{book.title} hedge flow by expiry, {moment_text(book.asof)}", book)
        move = f"spot to {price_text(self.spot)}, {_days(self.days)}, {100 * self.vol_shift:+g} vol points"
        bars = self.by_expiry[list(CAUSES)]
        ax = plot_bars(bars, book.spot, title, book.currency, name="traded", currency=book.currency, ax=ax)
        ax.set_ylabel(f"{ax.get_ylabel()}, + = dealers buy")
        ax.set_xlabel(f"{ax.get_xlabel()}; {move}")
        return ax

    def _page_units(self) -> Mapping[str, str]:
        return dict.fromkeys(map(str, self.table), self.book.currency)

    def __repr__(self) -> str:
        book, table = self.book, self.table
        return "\n".join(
            [
                *heading("HedgeFlow", book, warnings=self.warnings, sign=_SIGN),
                f"move: spot {book.spot:,.2f} to {self.spot:,.2f} ({self.spot / book.spot - 1:+.2%}), "
                f"{_days(self.days)}, {100 * self.vol_shift:+g} vol points, {self.dynamics}",
                _valued(book),
                *(
                    f"  {cause:<12}{row.flow:>20,.0f}   ({CAUSES.get(cause, 'all three')} at the start times "
                    f"the move: {row.first_order:,.0f})"
                    for cause, row in zip(table.index, table.itertuples(), strict=True)
                ),
                *shortfall_lines(self.shortfalls),
            ]
        )


@dataclass(frozen=True, eq=False, repr=False)
class FlowLadder(Frozen):
    """Hedge flows of many single moves: of spot alone, of time alone, of volatility alone.

    Attributes
    ----------
    book : Book
        The positions.
    dynamics : Dynamics
        Smile dynamics of the ladder.
    table : DataFrame
        Rows (change, move) with change one of "spot_percent", "hours", "vol_points". Columns flow,
        first_order, residual as in `HedgeFlow` [currency, + = dealers buy]; NaN where the lowest volatility
        would fall to 0 or below.
    shortfalls : tuple of Shortfall
        As for `HedgeFlow`.

    See Also
    --------
    flow_ladder : Hedge flows of separate moves of spot, of time and of vol.

    Examples
    --------
    >>> import gammaflow as gf
    >>> book = gf.assign_positions(gf.demo_chain())
    >>> ladder = gf.flow_ladder(book)
    >>> one = ladder.table.loc[("spot_percent", -1.0), "flow"]
    >>> bool(abs(one / gf.hedge_flow(book, spot=0.99 * book.spot).total - 1.0) < 1e-9)
    True
    """

    book: Book
    dynamics: Dynamics
    table: pd.DataFrame
    shortfalls: tuple[Shortfall, ...] = ()

    def against(self, *, adv: float | None = None, depth: float | None = None) -> pd.DataFrame:
        """The table as a share of daily volume or market depth; arguments as for `HedgeFlow.against`."""
        return _against(self.table, adv, depth)

    def plot(self, change: str = "spot_percent", *, ax: Any = None) -> Any:
        """Full revaluation and first order over moves of one kind (matplotlib Axes).

        Parameters
        ----------
        change : "spot_percent", "hours" or "vol_points"
            Which moves.
        ax : matplotlib Axes, optional
            Where to draw; default: a new figure.
        """
        from gammaflow.plot.curves import plot_lines

        check_choice(change, "change", self.table.index.unique("change"))
        lines = self.table.xs(change, level="change")[["flow", "first_order"]]
        lines = pd.concat([lines, pd.DataFrame(0.0, [0.0], lines.columns)])
        lines = lines[~lines.index.duplicated()].sort_index()
        divisor, unit = readable(lines.fillna(0.0), self.book.currency)
        lines = (lines / divisor).rename(columns={"flow": "full revaluation", "first_order": "first order"})
        what = f"{self.book.title} hedge flow of single moves, {moment_text(self.book.asof)}"
        title = under_rule(what, self.book)
        label = f"traded [{unit}], + = dealers buy"
        return plot_lines(lines, title, label, _MOVES[change], ax=ax)

    def _page_text(self) -> str:
        book, missing = self.book, int(self.table["flow"].isna().sum())
        return "\n".join(
            [
                *heading("FlowLadder", book, sign=_SIGN),
                f"smile dynamics: {self.dynamics}",
                _valued(book),
                *([f"{missing} moves would take a vol to 0 or below and have no flow"] if missing else []),
                *shortfall_lines(self.shortfalls),
            ]
        )

    def _page_units(self) -> Mapping[str, str]:
        return dict.fromkeys(map(str, self.table), self.book.currency)

    def __repr__(self) -> str:
        return f"{self._page_text()}\n{self.table.to_string(float_format='{:,.0f}'.format)}"
