"""The cascade: the price at which a shock, dealers' hedges and liquidations balance."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import attempt, check_number
from gammaflow.errors import SchemaError
from gammaflow.feedback.cascade import text as cascade_text
from gammaflow.feedback.cascade.balance import FLOWS, NEAR_REST, Balance, Fold, Root
from gammaflow.feedback.cascade.hedge_path import HedgePath
from gammaflow.feedback.cascade.inputs import find_balance, reach_of
from gammaflow.feedback.doubts import beta_doubts, shock_doubts
from gammaflow.feedback.impact import Impact
from gammaflow.feedback.liquidations import Liquidations
from gammaflow.frozen import Frozen
from gammaflow.positions.book import Book

__all__ = ["Cascade", "check_inside", "exogenous_flow", "flows_of", "returns_of", "solve_cascade"]

Array = NDArray[np.float64]

# Difference in ln S within which a landing is taken from its flows, which are more exact.
_ROUNDING = 1e-14


@dataclass(frozen=True, eq=False, repr=False)
class Cascade(Frozen):
    """Landing of price after a shock: the first spot on its path at which all flows balance.

    Attributes
    ----------
    balance : Balance
        Hedge path, impact and liquidations.
    shock : float
        Exogenous flow [currency], < 0 sells.
    spot : float
        Landing [currency]; NaN where the range holds no equilibrium (`runaway`).
    log_return : float
        ln(landing / spot before) [-].
    flows : (5,) array
        Total flows on the way to the landing, by `FLOWS` [currency, < 0 sells].
    roots : tuple of Root
        All equilibria of the shock inside the range, ascending, stable or not.
    folds : tuple of Fold
        Jumps of price on the way to the landing.

    See Also
    --------
    solve_cascade

    Examples
    --------
    >>> import gammaflow as gf
    >>> book = gf.assign_positions(gf.demo_chain(), "short_all")
    >>> fall = gf.solve_cascade(book, shock=-1e9, impact=gf.impact.linear(294e6, source="Citi, ETF flows"))
    >>> fall.spot < book.spot and fall.amplification > 1.0
    True
    >>> fall.by_channel.index.to_list()
    ['exogenous', 'gamma', 'vanna', 'knock_in', 'liquidations']
    """

    balance: Balance
    shock: float
    spot: float
    log_return: float
    flows: Array
    roots: tuple[Root, ...]
    folds: tuple[Fold, ...]

    @property
    def runaway(self) -> bool:
        """True if the range holds no equilibrium; spot and flows are then NaN."""
        return bool(np.isnan(self.spot))

    @property
    def jumped(self) -> bool:
        """True if price jumped on the way: a loop gain of 1 or more, or a destabilising barrier."""
        return bool(self.folds)

    @property
    def held(self) -> bool:
        """True if price rests at a barrier, where dealers would trade more than is needed to hold it."""
        return any(root.at_barrier and root.spot == self.spot for root in self.roots)

    @property
    def alone(self) -> float:
        """Log return of the shock's own impact [-]."""
        return float(self.balance.impact.log_return(self.shock))

    @property
    def amplification(self) -> float:
        """Log return over that of the shock alone [-]; NaN for a shock of 0 and for a runaway."""
        return self.log_return / self.alone if self.shock else np.nan

    @property
    def warnings(self) -> tuple[str, ...]:
        """Implausible inputs, one sentence each."""
        path, impact = self.balance.path, self.balance.impact
        pools = self.balance.liquidations
        found = [*beta_doubts(path.beta), *shock_doubts(self.shock, impact), *impact.warnings]
        return (*found, *(pools.warnings if pools is not None else ()))

    @property
    def by_channel(self) -> pd.Series:
        """Flows of exogenous, gamma, vanna, knock_in, liquidations [currency]; they sum to the impact's."""
        return pd.Series(self.flows, pd.Index(FLOWS, name="channel"), name="flow")

    @property
    def returns(self) -> pd.Series:
        """Log return by channel, in proportion to the flows; they sum to `log_return` [-]."""
        whole = self.flows.sum()
        shares = self.flows / whole if whole else np.zeros(len(FLOWS))
        return pd.Series(self.log_return * shares, self.by_channel.index, name="log_return")

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per channel and the total: flow [currency] and log_return [-]."""
        table = pd.DataFrame({"flow": self.by_channel, "log_return": self.returns})
        return pd.concat([table, table.sum(skipna=False).rename("total").to_frame().T]).rename_axis("channel")

    @property
    def root_table(self) -> pd.DataFrame:
        """All equilibria inside the range: spot [currency], log_return [-], stable, at_barrier, landing."""
        table = pd.DataFrame(self.roots, columns=list(Root._fields))
        table.insert(1, "log_return", np.log(table["spot"].astype(float) / self.balance.path.spot))
        return table.assign(landing=np.isclose(table["spot"].astype(float), self.spot, rtol=1e-12, atol=0.0))

    def plot(self, *, ax: Any = None) -> Any:
        """Shock and flows on the way to each spot, stacked, and the flow needed there (matplotlib Axes).

        Price lands where the two first meet.
        """
        from gammaflow.plot.cascade import plot_balance

        path = self.balance.path
        table = cascade_text.balance_table(self)
        what = f"cascade of {cascade_text.money(self.shock, path.currency)}"
        title = cascade_text.title(self.balance, what)
        return plot_balance(
            table, path.spot, title, path.currency,
            roots=self.root_table, landing=self.spot, currency=path.currency, ax=ax,
        )  # fmt: skip

    def summary(self) -> str:
        """Rule, sign, impact, landing, amplification, flows, jumps and other equilibria, as text."""
        return cascade_text.summary(self)

    def __repr__(self) -> str:
        return self.summary()


def solve_cascade(
    book: Book | HedgePath,
    *,
    shock: float,
    impact: Impact | None = None,
    beta: float = 0.0,
    liquidations: Liquidations | None = None,
    hedge_fraction: float = 1.0,
    low: float | None = None,
    high: float | None = None,
) -> Cascade:
    """Landing of price after a shock with the hedges and liquidations it triggers, time held fixed.

    Price moves from spot in the direction of the shock to the first level S at which
    ln(S / S0) = impact(shock + hedges(S) + liquidations(S)). Hedging in small steps with permanent impact
    ends at the same level. Hedges are those of `hedge_path`.

    With an impact whose slope is infinite at rest (square root), short gamma makes spot itself unstable: the
    smallest sale moves price some way, and amplification has no bound as the shock vanishes.

    Parameters
    ----------
    book : Book or HedgePath
        Signed positions; or their hedge path, as `hedge_path` or `gamma_path` returns, for several cascades
        of one book or for a gamma without a book.
    shock : float
        Exogenous flow [currency], < 0 sells. 0 stays at spot.
    impact : Impact
        Price impact (`gammaflow.impact`). It has no default: estimates differ by a factor of 7 to 15.
    beta, hedge_fraction
        As for `hedge_path`; left out where `book` is a path.
    liquidations : Liquidations, optional
        Pools of leveraged positions, of `gammaflow.liquidations`; each fires once, in full.
    low, high : float, optional
        Range of spot that is searched [currency]; default: a quarter of spot to four times spot, or twice the
        log return of the shock alone where that is farther. Left out where `book` is a path.

    Returns
    -------
    Cascade

    Raises
    ------
    SchemaError
        With every problem of the arguments.
    MismatchError
        For impact or liquidations in another currency, or liquidations in other units than the book's spot.

    See Also
    --------
    cascade_curve : Landing of price for many shocks, from one hedge path, with the shocks at which it jumps.
    exogenous_flow
    loop_gain : Loop gain of dealers' hedges and of liquidations over spot, by channel.

    Examples
    --------
    >>> import gammaflow as gf
    >>> depth = gf.impact.linear(100e6, source="made up")
    >>> path = gf.gamma_path(lambda spots: -50e6 + 0 * spots, 100.0)  # loop gain 0.5 everywhere
    >>> round(gf.solve_cascade(path, shock=-500e6, impact=depth).amplification, 9)
    2.0
    """
    shock_, problems = attempt(lambda: check_number(shock, "shock"))
    reach = reach_of(impact, shock_)
    balance = find_balance(
        book, impact, beta=beta, liquidations=liquidations, hedge_fraction=hedge_fraction, low=low, high=high,
        reach=reach, problems=problems, what="cascade",
    )  # fmt: skip
    return _land(balance, shock_[0])


def exogenous_flow(
    book: Book | HedgePath,
    move: float,
    *,
    impact: Impact | None = None,
    beta: float = 0.0,
    liquidations: Liquidations | None = None,
    hedge_fraction: float = 1.0,
) -> pd.Series:
    """Exogenous flow needed for a given move of spot, and the hedges and liquidations that do the rest.

    The inverse of `solve_cascade`, except for a move to a spot that a jump of price skips.

    Parameters
    ----------
    book, impact, beta, liquidations, hedge_fraction
        As for `solve_cascade`.
    move : float
        Move of spot as a share of it, > -1: -0.132 is a fall of 13.2 %.

    Returns
    -------
    Series
        Flows of exogenous, gamma, vanna, knock_in and liquidations [currency, < 0 sells]; their sum is the
        flow by which the impact alone makes the move.

    Raises
    ------
    SchemaError, MismatchError
        As for `solve_cascade`, and for a move that is not above -1.

    See Also
    --------
    solve_cascade

    Examples
    --------
    >>> import gammaflow as gf
    >>> path = gf.gamma_path(lambda spots: -50e6 + 0 * spots, 100.0)
    >>> flows = gf.exogenous_flow(path, -0.05, impact=gf.impact.linear(100e6, source="made up"))
    >>> flows.round(-5).to_dict()
    {'exogenous': -256500000.0, 'gamma': -256500000.0, 'vanna': 0.0, 'knock_in': 0.0, 'liquidations': 0.0}
    """
    moves, problems = attempt(lambda: check_number(move, "move", -1.0, open_low=True))
    reach = 0.0 if moves[0] is None else 1.1 * abs(float(np.log1p(moves[0])))
    balance = find_balance(
        book, impact, beta=beta, liquidations=liquidations, hedge_fraction=hedge_fraction, reach=reach,
        problems=problems, what="exogenous flow",
    )  # fmt: skip
    path = balance.path
    spot = path.spot * (1.0 + moves[0])
    check_inside(spot, path)
    flows = balance.flows(np.array([spot]))[:, 0]
    return pd.Series(flows, pd.Index(FLOWS, name="channel"), name="flow")


def _land(balance: Balance, shock: float) -> Cascade:
    """The cascade of one shock."""
    path = balance.path
    roots = tuple(balance.roots(shock))
    spot = float(balance.landings(np.array([shock]))[0])
    at = flows_of(balance, np.array([shock]), np.array([spot]))
    folds = balance.folds(np.sign(shock)) if shock else ()
    passed = tuple(fold for fold in folds if abs(fold.shock) < abs(shock))
    log_return = float(returns_of(balance, np.array([spot]), at)[0])
    if shock and spot not in path.barriers and not np.isnan(spot):
        spot = path.spot * float(np.exp(log_return))
    return Cascade(balance, shock, spot, log_return, at[:, 0], roots, passed)


def flows_of(balance: Balance, shocks: Array, spots: Array) -> Array:
    """Flows by `FLOWS` of shocks that land at spots, (5, m) [currency]; NaN where they do not land.

    Where price rests at a barrier, the trade there is the part that balances the other flows.
    """
    out = np.full((len(FLOWS), len(shocks)), np.nan)
    out[0] = shocks
    landed = ~np.isnan(spots)
    if landed.any():
        at = balance.flows(spots[landed])
        whole = at.sum(axis=0)
        at[0] = shocks[landed]
        held = np.isin(spots[landed], balance.path.barriers)
        knock_in = FLOWS.index("knock_in")
        at[knock_in] = np.where(held, whole - (at.sum(axis=0) - at[knock_in]), at[knock_in])
        out[:, landed] = at
    for i in np.flatnonzero(_near(balance, spots) & (shocks != 0.0)):
        out[:, i] = balance.flows_at_rest(float(shocks[i]))
    out[:, shocks == 0.0] = 0.0  # without the rounding of integrals over no way
    return out


def returns_of(balance: Balance, spots: Array, flows: Array) -> Array:
    """Log returns (m,) to landings: from flows, or from spots where long gamma magnifies rounding."""
    from_spots = np.log(spots / balance.path.spot)
    from_flows = np.asarray(balance.impact.log_return(flows.sum(axis=0)))
    same = (np.abs(from_flows - from_spots) < _ROUNDING) | _near(balance, spots)
    return np.where(same, from_flows, from_spots)


def _near(balance: Balance, spots: Array) -> NDArray[np.bool_]:
    """True for landings so near spot that the rounding of spot matters."""
    path = balance.path
    return (np.abs(np.log(spots / path.spot)) < NEAR_REST) & ~np.isin(spots, path.barriers)


def check_inside(spot: float, path: HedgePath) -> None:
    """SchemaError for a spot outside the range of a path."""
    if not path.low <= spot <= path.high:
        raise SchemaError(
            f"move: received a move to {spot:,.6g}, outside the path's range, {path.low:,.6g} to "
            f"{path.high:,.6g}. Give hedge_path low and high to widen it."
        )
