"""The hedge flow: what dealers must trade when spot, time and volatility move, by full reprice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.accuracy import TOLERANCE, Accuracy, Shortfall, check_tol, shortfall_lines
from gammaflow.checks import attempt, check_number, read_only, refuse
from gammaflow.errors import SchemaError
from gammaflow.exposure.dynamics import STICKY_STRIKE, Dynamics, find_dynamics
from gammaflow.exposure.flow_path import drop_days, path_nodes, shapley
from gammaflow.exposure.smile import Smiles, fit_smiles
from gammaflow.exposure.sums import cash_sums
from gammaflow.market.plausibility import shift_warnings
from gammaflow.positions.book import Book
from gammaflow.positions.heading import heading
from gammaflow.units import money

__all__ = ["CAUSES", "FlowLadder", "HedgeFlow", "flow_ladder", "hedge_flow"]

Array = NDArray[np.float64]
_State = tuple[float, float, float]

#: What a flow is attributed to, and the measure that would give it to first order.
CAUSES: Mapping[str, str] = {"spot": "gamma", "time": "charm", "volatility": "vanna"}

_PERCENT = (-10.0, -7.5, -5.0, -3.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0, 5.0, 7.5, 10.0)
_HOURS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 18.0, 24.0, 36.0, 48.0, 72.0, 120.0, 240.0)
_POINTS = (-10.0, -7.5, -5.0, -3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 5.0, 7.5, 10.0)
_MINUTE = 1.0 / 60.0
_SIGN = "+ = dealers buy the underlying"


def _valued(book: Book) -> str:
    return f"trades: in {book.currency}, at the spot arrived at"


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
class HedgeFlow:
    """Currency that dealers must trade from the book's spot, moment and volatilities to others.

    Attributes
    ----------
    book : Book
        The positions.
    spot : float
        The spot arrived at, which all trades are valued at [currency].
    days, vol_shift : float
        Calendar days passed, and what was added to every volatility [1.00 of vol].
    dynamics : Dynamics
        How volatility followed spot; what it does to the flow belongs to spot.
    steps : int
        Into how many steps the path was cut, beside those at expiries.
    flows : (3, n_expiries) array
        By cause (see `CAUSES`) and expiry [currency], + = dealers buy.
    along : (3,) array
        The same by cause with each step's trade valued at the spot of that step, as a dealer who hedges all
        the way pays it [currency].
    first_order : (3,) array
        Minus gamma, charm and vanna at the start times the whole move [currency].
    shortfalls : tuple of Shortfall
        The contracts that missed the tolerance anywhere on the path, with the error reached, the worst first.
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
        """What is implausible about the book (`Book.warnings`), or about the shift of volatility."""
        return self.book.warnings + shift_warnings(self.vol_shift, self.book["sigma"])

    @property
    def total(self) -> float:
        """All that must be traded [currency], + = dealers buy."""
        return float(self.flows.sum())

    @cached_property
    def by_expiry(self) -> pd.DataFrame:
        """One row per expiry: spot, time, volatility and total [currency], + = dealers buy."""
        frame = pd.DataFrame(self.flows.T, index=self.book.expiries, columns=list(CAUSES))
        return frame.assign(total=frame.sum(axis=1))

    @cached_property
    def table(self) -> pd.DataFrame:
        """Rows spot, time, volatility, total; columns flow, along, first_order, residual [currency].

        `along` is the flow at the spots of the path, `first_order` what one greek at the start says of the
        whole move, `residual` the flow less that.
        """
        flow = np.append(self.flows.sum(axis=1), self.total)
        along, guess = (np.append(x, x.sum()) for x in (self.along, self.first_order))
        columns = {"flow": flow, "along": along, "first_order": guess, "residual": flow - guess}
        return pd.DataFrame(columns, index=pd.Index([*CAUSES, "total"], name="cause"))

    def against(self, *, adv: float | None = None, depth: float | None = None) -> pd.DataFrame:
        """The table beside what the market takes.

        Parameters
        ----------
        adv : float, optional
            Average daily volume [currency]: adds `share_of_adv`, the flow as a share of it.
        depth : float, optional
            Currency that moves spot by 1 %: adds `percent_of_spot`, how far the flow alone would move it.
        """
        return _against(self.table, adv, depth)

    def __repr__(self) -> str:
        book, table = self.book, self.table
        return "\n".join(
            [
                *heading("HedgeFlow", book, warnings=self.warnings, sign=_SIGN),
                f"move: spot {book.spot:,.2f} to {self.spot:,.2f} ({self.spot / book.spot - 1:+.2%}), "
                f"{self.days:g} days, {100 * self.vol_shift:+g} vol points, {self.dynamics}",
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
class FlowLadder:
    """Hedge flows of many single moves: of spot alone, of time alone, of volatility alone.

    Attributes
    ----------
    book : Book
        The positions.
    dynamics : Dynamics
        How volatility followed spot.
    table : DataFrame
        Rows (change, move) with change one of "spot_percent", "hours", "vol_points". Columns flow,
        first_order, residual as in `HedgeFlow` [currency, + = dealers buy]; NaN where the lowest volatility
        would fall to 0 or below.
    shortfalls : tuple of Shortfall
        As for `HedgeFlow`.
    """

    book: Book
    dynamics: Dynamics
    table: pd.DataFrame
    shortfalls: tuple[Shortfall, ...] = ()

    def against(self, *, adv: float | None = None, depth: float | None = None) -> pd.DataFrame:
        """The table beside what the market takes; arguments as for `HedgeFlow.against`."""
        return _against(self.table, adv, depth)

    def __repr__(self) -> str:
        book, missing = self.book, int(self.table["flow"].isna().sum())
        return "\n".join(
            [
                *heading("FlowLadder", book, sign=_SIGN),
                f"volatility: {self.dynamics}",
                _valued(book),
                *([f"{missing} moves leave no volatility above 0 and have no flow"] if missing else []),
                *shortfall_lines(self.shortfalls),
                self.table.to_string(float_format="{:,.0f}".format),
            ]
        )


def hedge_flow(
    book: Book,
    *,
    spot: float | None = None,
    days: float = 0.0,
    vol_shift: float = 0.0,
    dynamics: str | Dynamics = STICKY_STRIKE,
    steps: int = 64,
    tol: float = TOLERANCE,
) -> HedgeFlow:
    """Currency dealers must trade when spot, time and volatility go from now to there.

    The total is -(D1 - D0) spot_1 with D the dealers' delta in units of the underlying, both from a full
    reprice. It is attributed along the straight path in (ln S, t, sigma): every step is split between spot,
    time and volatility by Shapley's rule over its eight corners, so the three add up to the total whatever
    the number of steps, and depend on no order in which the changes come. An expiry that passes on the way
    drops out, its hedge with it, in a step of its own in which nothing but time moves.

    Parameters
    ----------
    book : Book
        Signed positions.
    spot : float, optional
        Spot arrived at [currency]; the book's where not given.
    days : float
        Calendar days that pass, >= 0.
    vol_shift : float
        Added to every volatility [1.00 of vol: 0.01 is one vol point].
    dynamics : str or Dynamics
        How volatility follows spot, beside `vol_shift`.
    steps : int
        Steps of the path, >= 1. The split's error falls about with their square; the total has none.
    tol : float
        Error of rows valued by quadrature, as in `sweep_spot`.

    Returns
    -------
    HedgeFlow

    Raises
    ------
    SchemaError
        With every problem of the arguments.

    Notes
    -----
    Shapley's value of three causes (A value for n-person games, 1953): what a cause changes is weighted 1/3
    where it comes first or last and 1/6 after either of the others.

    Examples
    --------
    >>> import gammaflow as gf
    >>> from gammaflow.exposure.flow import hedge_flow
    >>> book = gf.assign_positions(gf.demo_chain())
    >>> flow = hedge_flow(book, spot=65_000, days=1.0, vol_shift=0.10)
    >>> bool(abs(flow.flows.sum() - flow.by_expiry["total"].sum()) < 1e-6 * abs(flow.total))
    True
    >>> hedge_flow(book).total
    0.0
    """
    values, problems = attempt(
        lambda: check_number(book.spot if spot is None else spot, "spot", 0.0, open_low=True),
        lambda: check_number(days, "days", 0.0),
        lambda: book.rolled(0.0, vol_shift),
        lambda: _whole(steps),
        lambda: find_dynamics(dynamics),
        lambda: check_tol(tol),
    )
    refuse("hedge flow", problems)
    to, days, _, steps, how, tol = values
    accuracy = Accuracy(tol)
    vol_shift = float(vol_shift)
    smiles = fit_smiles(book) if how.needs_smile else None
    path = path_nodes(book, to, days, vol_shift, steps)
    ends = np.stack([path[:, :-1], path[:, 1:]])
    corners = [zip(ends[a, 0], ends[b, 1], ends[c, 2], strict=True) for a, b, c in product((0, 1), repeat=3)]
    deltas = _units(book, [state for corner in corners for state in corner], how, smiles, accuracy)
    units = shapley(deltas.reshape(2, 2, 2, -1, len(book.expiries)))
    flows = -to * units.sum(axis=1) + 0.0
    along = -np.einsum("i,cie->c", np.sqrt(path[0, 1:] * path[0, :-1]), units) + 0.0
    moved = np.array([100.0 * (to / book.spot - 1.0), days, 100.0 * vol_shift])
    first = -_greeks(book, how, smiles, accuracy) * moved + 0.0
    arrays = read_only(flows), read_only(along), read_only(first)
    return HedgeFlow(book, to, days, vol_shift, how, steps, *arrays, accuracy.shortfalls)


def flow_ladder(
    book: Book,
    *,
    spot_percent: Sequence[float] = _PERCENT,
    hours: Sequence[float] | None = None,
    vol_points: Sequence[float] = _POINTS,
    dynamics: str | Dynamics = STICKY_STRIKE,
    tol: float = TOLERANCE,
) -> FlowLadder:
    """Hedge flows of moves of spot, of time and of volatility, each alone.

    Parameters
    ----------
    book : Book
        Signed positions.
    spot_percent : sequence of float
        Moves of spot [%], above -100.
    hours : sequence of float, optional
        Hours that pass, >= 0; where not given, round hours up to the next expiry, a minute before it, and the
        expiry itself, which has then dropped out.
    vol_points : sequence of float
        Moves of volatility [vol points].
    dynamics : str or Dynamics
        How volatility follows spot.
    tol : float
        Error of rows valued by quadrature, as in `sweep_spot`.

    Returns
    -------
    FlowLadder

    Raises
    ------
    SchemaError
        With every problem of the arguments.

    Examples
    --------
    >>> import gammaflow as gf
    >>> from gammaflow.exposure.flow import flow_ladder
    >>> ladder = flow_ladder(gf.assign_positions(gf.demo_chain()))
    >>> ladder.against(depth=300e6).loc["spot_percent"].columns.to_list()
    ['flow', 'first_order', 'residual', 'percent_of_spot']
    """
    if hours is None:
        # One bit later, so that hours / 24 is no sooner than the expiry.
        last = float(np.nextafter(drop_days(book)[0] * 24.0, np.inf))
        hours = [h for h in _HOURS if h < last - _MINUTE] + [h for h in (last - _MINUTE, last) if h > 0]
    moves = {
        "spot_percent": (spot_percent, -100.0),
        "hours": (hours, 0.0),
        "vol_points": (vol_points, -np.inf),
    }
    checks = [
        lambda move=move, name=name, low=low: check_number(move, name, low, open_low=low < 0.0)
        for name, (values, low) in moves.items()
        for move in values
    ]
    sizes, problems = attempt(*checks, lambda: find_dynamics(dynamics), lambda: check_tol(tol))
    refuse("flow ladder", problems)
    accuracy, how = Accuracy(sizes.pop()), sizes.pop()
    smiles = fit_smiles(book) if how.needs_smile else None
    place = np.repeat([0, 1, 2], [len(values) for values, _ in moves.values()])
    move = np.array(sizes) / np.array([1.0, 24.0, 1.0])[place]
    alone = np.where(place == np.arange(3)[:, None], move, 0.0)
    spots, vols = book.spot * (1.0 + alone[0] / 100.0), alone[2] / 100.0
    legal = book["sigma"].min() + vols > 0.0
    states = [(book.spot, 0.0, 0.0), *zip(spots, alone[1], np.where(legal, vols, 0.0), strict=True)]
    delta = _units(book, states, how, smiles, accuracy).sum(axis=1)
    flow = np.where(legal, -spots * (delta[1:] - delta[0]) + 0.0, np.nan)
    first = -_greeks(book, how, smiles, accuracy)[place] * move + 0.0
    index = pd.MultiIndex.from_arrays([np.array(list(moves))[place], sizes], names=["change", "move"])
    table = pd.DataFrame({"flow": flow, "first_order": first, "residual": flow - first}, index=index)
    return FlowLadder(book, how, table, accuracy.shortfalls)


def _whole(steps: int) -> int:
    if check_number(steps, "steps", 1.0) != int(steps):
        raise SchemaError(f"steps: received {steps!r}; steps must be a whole number.")
    return int(steps)


def _units(
    book: Book, states: Sequence[_State], dynamics: Dynamics, smiles: Smiles | None, accuracy: Accuracy
) -> Array:
    """Delta in units of the underlying in each state, (n_states, n_expiries); the same for equal states."""
    needed: dict[tuple[float, float], dict[float, int]] = {}
    for spot, days, vol_shift in states:
        prices = needed.setdefault((days, vol_shift), {})
        prices.setdefault(spot, len(prices))
    units = {}
    for (days, vol_shift), prices in needed.items():
        spots = read_only(list(prices))
        cash = cash_sums(
            book, spots, days=days, vol_shift=vol_shift, wanted=("delta",), interpolate=False,
            dynamics=dynamics, smiles=smiles, accuracy=accuracy,
        )  # fmt: skip
        units[days, vol_shift] = cash["delta"] / spots
    return np.stack([units[t, v][:, needed[t, v][spot]] for spot, t, v in states])


def _greeks(book: Book, dynamics: Dynamics, smiles: Smiles | None, accuracy: Accuracy) -> Array:
    """Gamma per +1 %, charm per day and vanna per vol point of the book now, (3,)."""
    wanted = ("total_gamma", "charm", "vanna")
    spots = read_only([book.spot])
    sums = money(cash_sums(book, spots, wanted=wanted, dynamics=dynamics, smiles=smiles, accuracy=accuracy))
    return np.array([sums[name].sum() for name in wanted])
