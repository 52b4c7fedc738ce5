"""Sales of a fund under a rule, by asset and day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import check_noun, read_number, refuse
from gammaflow.errors import MismatchError, SchemaError
from gammaflow.feedback.deleveraging.schedule import Schedule
from gammaflow.feedback.deleveraging.share_rule import ShareRule

__all__ = ["amounts", "deleveraging_table"]

Array = NDArray[np.float64]


def amounts(name: str, table: Any, low: str, problems: list[str]) -> pd.Series[float]:
    """Currency or other numbers by asset as a Series, `low` ">= 0" or "> 0"; empty where they are illegal."""
    empty = pd.Series(dtype=np.float64)
    if not isinstance(table, pd.Series | Mapping) or not len(table):
        problems.append(f"{name}: received {type(table).__name__}; legal: a mapping or Series by asset.")
        return empty
    series = pd.Series(table)
    values = read_number(name, series, problems)
    if values is None:
        return empty
    values = values.astype(np.float64)
    bad = ~(((values > 0.0) | ((values == 0.0) & (low == ">= 0"))) & np.isfinite(values))
    if bad.any():
        problems.append(f"{name}: received {values[bad][0]:g} for {series.index[bad][0]!r}; legal: {low}.")
    if not series.index.is_unique:
        problems.append(f"{name}: an asset stands twice; each has one number.")
    return pd.Series(values, index=series.index)


def _moves(shocks: Any, assets: pd.Index[Any], n: int, problems: list[str]) -> Array:
    """Relative price changes (n, assets); 0 for assets that have none."""
    moves = np.zeros((n, len(assets)))
    given = {} if shocks is None else shocks
    if not isinstance(given, pd.Series | pd.DataFrame | Mapping):
        problems.append(f"shocks: received {type(shocks).__name__}; legal: price changes by asset.")
        return moves
    unknown = [name for name in given.keys() if name not in assets]  # noqa: SIM118 (a Series has values)
    if unknown:
        problems.append(f"shocks: {unknown[0]!r} is not an asset; legal: {', '.join(map(repr, assets))}.")
        return moves
    for place, name in enumerate(assets):
        if name in given:
            values = read_number(f"shocks of {name!r}", given[name], problems)
            if values is None:
                continue
            if values.shape not in ((), (n,)) or not ((values >= -1.0) & np.isfinite(values)).all():
                problems.append(
                    f"shocks of {name!r}: legal: one relative price change >= -1 (-0.1 = 10 % down), or one "
                    f"for each of {n} days."
                )
                continue
            moves[:, place] = values
    return moves


def deleveraging_table(
    holdings: Mapping[Any, float] | pd.Series[float],
    rule: ShareRule | Schedule,
    *,
    days: ArrayLike = 1.0,
    shocks: Any = None,
    volatility: ArrayLike | None = None,
) -> pd.DataFrame:
    """Currency that a fund trades in each of its assets until each day, under a rule for all of them.

    The rule sees the fund as one: its drawdown is that of all holdings together, and it sells the same share
    of each asset. What has been sold is not bought back, unless the rule says so.

    Parameters
    ----------
    holdings : mapping or Series
        Currency at the start by asset, >= 0; they sum to the rule's holdings.
    rule : ShareRule or Schedule
        As `gammaflow.deleveraging` makes them. A schedule's currency is split by holdings.
    days : float or (n,) array_like
        Calendar days since the start, ascending, > 0: one row each.
    shocks : mapping, Series or DataFrame, optional
        Relative price change since the start by asset (-0.132 = 13.2 % down): one number, or one for each of
        `days`. Assets without one do not move.
    volatility : float or (n,) array_like, optional
        Volatility of the fund a year, on each day; rules of volatility and value at risk need it.

    Returns
    -------
    DataFrame
        One row per day; a column per asset and "total" [currency traded since the row before, < 0 sells],
        valued at that day's prices.

    Raises
    ------
    SchemaError
        With every problem of the arguments.
    MismatchError
        Where holdings do not sum to the rule's.

    See Also
    --------
    distressed_selling
    simulate_feedback : Monte Carlo of price with impact from dealers' hedges and other forced trades.

    Examples
    --------
    >>> import gammaflow as gf
    >>> rule = gf.deleveraging.VolatilityTarget(3e9, volatility=0.40)
    >>> table = gf.deleveraging.deleveraging_table(
    ...     {"IBIT": 1e9, "IGV": 2e9}, rule, days=[1.0, 2.0], shocks={"IBIT": [-0.1, -0.2]},
    ...     volatility=[0.5, 0.8],
    ... )
    >>> (table / 1e6).round(1).to_numpy().tolist()
    [[-180.0, -400.0, -580.0], [-240.0, -600.0, -840.0]]
    """
    check_noun(rule, "rule", ShareRule, Schedule)
    problems: list[str] = []
    owned = amounts("holdings", holdings, ">= 0", problems)
    time = read_number("days", days, problems)
    time = np.ones(1) if time is None else np.atleast_1d(time).astype(np.float64)
    ascending = time.ndim == 1 and len(time) > 0 and bool((np.diff(time, prepend=0.0) > 0.0).all())
    if not ascending:
        problems.append("days: legal are one or more days > 0 in ascending order.")
    moves = _moves(shocks, owned.index, len(time), problems)
    refuse("deleveraging table", problems)
    total = float(owned.sum())
    if isinstance(rule, Schedule):
        flow = rule.schedule(np.append(0.0, time))
        parts = np.outer(flow, owned / total if total > 0.0 else owned)
    else:
        if abs(total - rule.holdings) > 1e-6 * max(total, rule.holdings):
            raise MismatchError(
                f"holdings: sum to {total:,.10g}, but the rule has {rule.holdings:,.10g}; they must agree."
            )
        values = owned.to_numpy() * (1.0 + moves)
        drawdown = 1.0 - values.sum(axis=1) / total if total > 0.0 else np.zeros(len(time))
        given = None if volatility is None else read_number("volatility", volatility, problems)
        refuse("deleveraging table", problems)
        if given is not None and given.shape not in ((), (1,), time.shape):
            raise SchemaError(
                f"volatility: received shape {given.shape}; legal: one number, or one for each of "
                f"{len(time)} days."
            )
        left = rule.shares(volatility=volatility, drawdown=drawdown, days=time)
        parts = np.diff(left, prepend=1.0)[:, None] * values
    table = pd.DataFrame(parts, index=pd.Index(time, name="days"), columns=owned.index)
    return table.assign(total=parts.sum(axis=1))
