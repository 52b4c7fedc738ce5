"""The cascade curve: landing of price against the size of the shock, with its jumps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import attempt, floats
from gammaflow.errors import SchemaError
from gammaflow.feedback.cascade import text as cascade_text
from gammaflow.feedback.cascade.balance import FLOWS, Balance, Fold
from gammaflow.feedback.cascade.hedge_path import HedgePath
from gammaflow.feedback.cascade.inputs import find_balance, reach_of
from gammaflow.feedback.cascade.solve import flows_of, returns_of
from gammaflow.feedback.impact import Impact
from gammaflow.feedback.liquidations import Liquidations
from gammaflow.frozen import Frozen
from gammaflow.positions.book import Book

__all__ = ["CascadeCurve", "cascade_curve"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class CascadeCurve(Frozen):
    """Landing of price against the shock, from one hedge path.

    Attributes
    ----------
    balance : Balance
        Hedge path, impact and liquidations.
    shocks : (m,) array
        Exogenous flows, ascending [currency], < 0 sells.
    spots : (m,) array
        Landing of each as it grows from nothing [currency]; NaN where there is none inside the range.
    far : (m,) array
        Stable equilibrium of each shock that is farthest from spot [currency]. It differs from the
        landing only between the two ends of a jump: once price has jumped, it stays beyond the jump while
        the shock is taken back. Hedges are undone on the way back; the curve undoes knock-ins and
        liquidations too.
    flows : (5, m) array
        Flows on the way to each landing, by channel [currency, < 0 sells].

    See Also
    --------
    cascade_curve : Landing of price for many shocks, from one hedge path, with the shocks at which it jumps.

    Examples
    --------
    >>> import gammaflow as gf
    >>> path = gf.gamma_path(lambda spots: -400e6 * np.exp(-(((spots - 94) / 4) ** 2)), 100.0)
    >>> curve = gf.cascade_curve(path, np.linspace(-1e9, 0, 11), impact=gf.impact.linear(294e6))
    >>> curve.folds.round(1)
             shock  start   end
    0 -553462736.7   96.2  89.1
    """

    balance: Balance
    shocks: Array
    spots: Array
    far: Array
    flows: Array

    @cached_property
    def alone(self) -> Array:
        """Log return of each shock's own impact [-]."""
        return np.asarray(self.balance.impact.log_return(self.shocks))

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per shock [currency].

        Columns: spot [currency]; log_return [-]; alone, the log return of the shock's own impact [-];
        amplification, their ratio [-] (NaN for a shock of 0); far [currency]; jumped; runaway; and the flows
        gamma, vanna, knock_in and liquidations [currency]. NaN where the range holds no equilibrium.
        """
        log_return = returns_of(self.balance, self.spots, self.flows)
        amplification = np.where(
            self.shocks == 0.0, np.nan, log_return / np.where(self.alone, self.alone, 1.0)
        )
        columns = {
            "spot": self.spots,
            "log_return": log_return,
            "alone": self.alone,
            "amplification": amplification,
            "far": self.far,
            "jumped": [self._passed(shock) for shock in self.shocks.tolist()],
            "runaway": np.isnan(self.spots),
            **dict(zip(FLOWS[1:], self.flows[1:], strict=True)),
        }
        return pd.DataFrame(columns, pd.Index(self.shocks, name="shock"))

    @cached_property
    def returns(self) -> pd.DataFrame:
        """Log return of each shock by channel, in proportion to the flows [-]; rows as in `table`."""
        whole = self.flows.sum(axis=0)
        log_return = returns_of(self.balance, self.spots, self.flows)
        parts = self.flows * log_return / np.where(whole == 0.0, 1.0, whole)
        return pd.DataFrame(parts.T, self.table.index, list(FLOWS))

    @cached_property
    def jumps(self) -> tuple[Fold, ...]:
        """Jumps of price as the shock grows to either end of `shocks`, by shock."""
        low, high = float(self.shocks[0]), float(self.shocks[-1])
        down = [fold for fold in self.balance.folds(-1.0) if low < fold.shock] if low < 0.0 else []
        up = [fold for fold in self.balance.folds(1.0) if fold.shock < high] if high > 0.0 else []
        return (*reversed(down), *up)

    @property
    def folds(self) -> pd.DataFrame:
        """Jumps of price: the critical shock, spot before (start) and after (end, NaN: none) [currency]."""
        return pd.DataFrame(self.jumps, columns=list(Fold._fields), dtype=np.float64)

    def _passed(self, shock: float) -> bool:
        folds = self.balance.folds(float(np.sign(shock))) if shock else ()
        return any(abs(fold.shock) < abs(shock) for fold in folds)

    def plot(self, *, ax: Any = None) -> Any:
        """Landing against the shock, as it grows and as it is taken back (matplotlib Axes)."""
        from gammaflow.plot.cascade import plot_landings

        path = self.balance.path
        title = cascade_text.title(self.balance, "landing of price against the shock")
        return plot_landings(
            self.table, self.folds, path.spot, title, path.currency, branches=self._branches(), ax=ax
        )

    def plot_channels(self, *, ax: Any = None) -> Any:
        """Log return of each shock, stacked by channel (matplotlib Axes)."""
        from gammaflow.plot.cascade import plot_channels

        title = cascade_text.title(self.balance, "move of price by channel")
        return plot_channels(100.0 * self.returns, self.folds, title, self.balance.path.currency, ax=ax)

    def _branches(self) -> pd.DataFrame:
        """Spots of the picture's range, and the shock that holds price at each [currency]."""
        spots, need = self.balance.samples
        reach = np.concatenate([self.spots, self.far, [self.balance.path.spot]])
        low, high = np.nanmin(reach), np.nanmax(reach)
        inside = (spots >= low) & (spots <= high)
        return pd.DataFrame({"spot": spots[inside], "shock": need[inside]})

    def summary(self) -> str:
        """Conditions, landing and amplification at some shocks, and the jumps, as text."""
        path = self.balance.path
        lines = cascade_text.conditions(self.balance, "CascadeCurve")
        shown = np.unique(np.linspace(0, len(self.shocks) - 1, 9).round().astype(int))
        for shock, row in self.table.iloc[shown].iterrows():
            what = "no equilibrium inside the range"
            if not row["runaway"]:
                landing = cascade_text.move_text(row["spot"], path.spot)
                times = row["amplification"]
                what = landing if np.isnan(times) else f"{landing}, amplification {times:.3g}"
            lines.append(f"  {cascade_text.money(float(shock), path.currency):>14}: {what}")  # type: ignore[arg-type]
        lines += [cascade_text.fold_text(fold, path.spot, path.currency) for fold in self.jumps] or [
            "no jump of price"
        ]
        return "\n".join([*lines, *path.remarks])

    def __repr__(self) -> str:
        return self.summary()


def cascade_curve(
    book: Book | HedgePath,
    shocks: ArrayLike | Sequence[float],
    *,
    impact: Impact | None = None,
    beta: float = 0.0,
    liquidations: Liquidations | None = None,
    hedge_fraction: float = 1.0,
    low: float | None = None,
    high: float | None = None,
) -> CascadeCurve:
    """Landing of price for many shocks, from one hedge path, with the shocks at which it jumps.

    Parameters
    ----------
    book, impact, beta, liquidations, hedge_fraction, low, high
        As for `solve_cascade`.
    shocks : (m,) array
        Exogenous flows, ascending [currency], < 0 sells.

    Returns
    -------
    CascadeCurve

    Raises
    ------
    SchemaError, MismatchError
        As for `solve_cascade`, and for shocks that are not finite and ascending.

    See Also
    --------
    solve_cascade

    Examples
    --------
    >>> import gammaflow as gf
    >>> book = gf.assign_positions(gf.demo_chain(), "short_all")
    >>> curve = gf.cascade_curve(book, [-2e9, -1e9, -0.5e9], impact=gf.impact.linear(294e6))
    >>> bool((curve.table["amplification"] > 1.0).all())
    True
    """
    found, problems = attempt(lambda: _ascending(shocks))
    given = found[0]
    balance = find_balance(
        book, impact, beta=beta, liquidations=liquidations, hedge_fraction=hedge_fraction, low=low, high=high,
        reach=reach_of(impact, [] if given is None else [given[0], given[-1]]), problems=problems,
        what="cascade curve",
    )  # fmt: skip
    spots = balance.landings(given)
    return CascadeCurve(balance, given, spots, balance.farthest(given), flows_of(balance, given, spots))


def _ascending(shocks: Any) -> Array:
    try:
        values = np.atleast_1d(floats(shocks))
    except (TypeError, ValueError, OverflowError):
        values = np.array([np.nan])
    if values.ndim != 1 or not values.size or not np.isfinite(values).all() or (np.diff(values) <= 0.0).any():
        raise SchemaError(
            f"shocks: received {shocks!r:.80}; legal: finite amounts in ascending order, each once."
        )
    values = values.copy()
    values.flags.writeable = False
    return values
