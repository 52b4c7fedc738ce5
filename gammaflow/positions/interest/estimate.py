"""Open interest of the day that it lags: the morning's, plus a fitted share of customers' net purchases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import as_list, check_noun, check_number
from gammaflow.errors import SchemaError
from gammaflow.frozen import Frozen
from gammaflow.market.chain import Chain
from gammaflow.market.trades.contracts import contract_names
from gammaflow.positions.interest.change import OpenInterestChange

__all__ = [
    "OpenInterestFit",
    "OpenInterestScore",
    "estimate_open_interest",
    "fit_open_interest",
    "score_open_interest",
]

Array = NDArray[np.float64]

_SIDES = ["bought", "sold"]
_LEGAL = (
    "a Series of customers' net purchases by contract [contracts], a table by contract with columns bought "
    "and sold, or an object with such a .table, as customer_flow returns it"
)


@dataclass(frozen=True, eq=False, repr=False)
class OpenInterestFit(Frozen):
    """Share of customers' net purchases that becomes open interest; see `fit_open_interest`.

    Attributes
    ----------
    alpha : float
        Contracts of open interest per contract of net purchases [-].
    error : float
        Its standard error, robust to residuals that grow with volume.
    contracts, days : int
        What it was fitted on.
    explained : float
        Share of the sum of squared changes that it explains [-].
    """

    alpha: float
    error: float
    contracts: int
    days: int
    explained: float

    def __repr__(self) -> str:
        return (
            f"OpenInterestFit: alpha {self.alpha:.4g} with a standard error of {self.error:.2g} (contracts "
            f"of open interest per contract of customers' net purchases), from {self.contracts:,} contracts "
            f"on {self.days:,} days; explains {self.explained:.1%} of squared changes"
        )


@dataclass(frozen=True, eq=False, repr=False)
class OpenInterestScore(Frozen):
    """Estimated against true changes of open interest, by day; see `score_open_interest`.

    Attributes
    ----------
    table : DataFrame
        One row per day, by the later chain's timestamp, and "all" for the days together: `contracts`;
        `churn`, sum |true change| / sum of volume [-]; `rank_correlation` of estimated with true change [-];
        `silent`, share of the contracts with a true change whose estimated change is zero [-]; `error`, sum
        |estimated - true| / sum |true| [-], 1 for the morning's open interest. NaN where undefined.
    alpha : float
    """

    table: pd.DataFrame
    alpha: float

    def summary(self) -> str:
        """The table as text, with alpha."""
        days = len(self.table) - 1
        head = (
            f"OpenInterestScore of alpha {self.alpha:.4g} on {days:,} days (error below 1: better than none)"
        )
        return f"{head}\n{self.table.to_string(float_format='{:,.3f}'.format)}"

    def __repr__(self) -> str:
        return self.summary()


# Largest alpha that is not taken for a percentage.
_MOST = 10.0


def estimate_open_interest(chain: Chain, flow: Any, *, alpha: float | OpenInterestFit) -> Chain:
    """A chain with its open interest moved by the day's trades: max(0, morning + alpha x net purchases).

    Parameters
    ----------
    chain : Chain
        With the open interest of the morning.
    flow : Series, DataFrame or Flow
        Customers' net purchases since then, by contract [contracts; NaN counts as none]: a Series, or a table
        with columns bought and sold.
    alpha : float or OpenInterestFit
        Contracts of open interest per contract of net purchases [-].

    Returns
    -------
    Chain
        Whose `warnings`, repeated by every result, say that open interest is an estimate, and how much of the
        flow is on contracts that it does not list. Open interest that is missing stays missing. A `Store`
        refuses such a chain; a file written from its `to_frame` has the numbers without the warning.

    Raises
    ------
    SchemaError
        For a flow or an alpha that is not one, or a flow without a contract of the chain.

    See Also
    --------
    fit_open_interest
    score_open_interest

    Examples
    --------
    >>> import gammaflow as gf
    >>> chain = gf.demo_chain()
    >>> net = pd.Series({chain["contract"][0]: 100.0})
    >>> later = gf.estimate_open_interest(chain, net, alpha=0.4)
    >>> float(later["open_interest"][0] - chain["open_interest"][0])
    40.0
    >>> later.warnings[0].split(";")[0]
    'open interest: estimated, not counted, in 1 of 598 contracts'
    """
    check_noun(chain, "chain", Chain)
    alpha = _alpha(alpha)
    net, _ = _volumes(flow)
    names = contract_names(chain["contract"])
    listed = net.index.isin(names)
    if not listed.any():
        raise SchemaError(
            f"flow: none of its {len(net):,} contracts is one of the chain's {len(chain):,} (first: "
            f"{', '.join(map(repr, net.index[:1]))} and {chain['contract'][0]!r}); names must agree."
        )
    given = net.reindex(names).fillna(0.0).to_numpy()
    before = chain["open_interest"]
    after = _estimate(before, given, alpha)
    moved = np.nan_to_num(after - before)
    lost = net[~listed]
    text = (
        f"open interest: estimated, not counted, in {np.count_nonzero(moved):,} of {len(chain):,} contracts; "
        f"the day's net purchases by customers times {alpha:.4g} change it by {moved.sum():+,.1f} contracts; "
        "use the next count when it is published."
    )
    if len(lost):
        text += f" {len(lost):,} contracts of the flow ({lost.abs().sum():,.1f} net) are not in the chain."
    return replace(chain.with_columns(open_interest=after), caveats=(text, *chain.caveats))


def fit_open_interest(days: Iterable[tuple[OpenInterestChange, Any]]) -> OpenInterestFit:
    """Least squares of true changes of open interest on customers' net purchases, through the origin.

    Parameters
    ----------
    days : iterable of (OpenInterestChange, flow)
        Past days: the true change, and the flow between its chains as in `estimate_open_interest`. Contracts
        that are alive at the end and whose change is known count; one without trades has no purchases.

    Returns
    -------
    OpenInterestFit

    Raises
    ------
    SchemaError
        For no days, or days without net purchases.

    See Also
    --------
    estimate_open_interest
    score_open_interest

    Examples
    --------
    >>> import gammaflow as gf
    >>> from dataclasses import replace
    >>> later = gf.demo_chain()
    >>> less = 0.9 * later["open_interest"]
    >>> earlier = replace(later.with_columns(open_interest=less), asof="2026-02-04T09:36Z")
    >>> change = gf.open_interest_change(earlier, later)
    >>> gf.fit_open_interest([(change, 2.0 * change.table["change"])]).alpha
    0.5
    """
    pairs = [_pair(change, flow) for change, flow in _days(days)]
    whole = _together(pairs)
    x, y = whole["net"], whole["change"]
    squares = float(x @ x)
    if squares == 0.0:
        raise SchemaError(
            f"days: no net purchases in {len(x):,} contracts on {len(pairs)} days; alpha cannot be fitted. "
            "Check that the flow's contracts are named as the chains'."
        )
    alpha = float(x @ y) / squares
    residual = y - alpha * x
    freedom = len(x) / (len(x) - 1) if len(x) > 1 else np.nan
    error = np.sqrt(freedom * float(x**2 @ residual**2)) / squares
    total = float(y @ y)
    explained = 1.0 - float(residual @ residual) / total if total > 0.0 else np.nan
    return OpenInterestFit(alpha, float(error), len(x), len(pairs), explained)


def score_open_interest(
    days: Iterable[tuple[OpenInterestChange, Any]], alpha: float | OpenInterestFit
) -> OpenInterestScore:
    """Estimated against true changes of open interest: score days other than those alpha was fitted on.

    Parameters
    ----------
    days : iterable of (OpenInterestChange, flow)
        As in `fit_open_interest`.
    alpha : float or OpenInterestFit

    Returns
    -------
    OpenInterestScore
        Volume is the flow's bought, sold and unclassified where it has them, else the later chain's.

    Raises
    ------
    SchemaError
        For no days, or an alpha that is not a number.

    See Also
    --------
    estimate_open_interest
    fit_open_interest

    Examples
    --------
    >>> import gammaflow as gf
    >>> from dataclasses import replace
    >>> later = gf.demo_chain()
    >>> less = 0.9 * later["open_interest"]
    >>> earlier = replace(later.with_columns(open_interest=less), asof="2026-02-04T09:36Z")
    >>> change = gf.open_interest_change(earlier, later)
    >>> score = gf.score_open_interest([(change, 2.0 * change.table["change"])], alpha=0.25)
    >>> float(score.table.loc["all", "error"].round(12))
    0.5
    """
    alpha, past = _alpha(alpha), _days(days)
    whole = _together([_pair(change, flow) for change, flow in past])
    rows = [*(_score(_pair(change, flow), alpha) for change, flow in past), _score(whole, alpha)]
    labels = pd.Index([*(change.later.asof for change, _ in past), "all"], dtype=object, name="day")
    return OpenInterestScore(pd.DataFrame(rows, labels), alpha)


def _estimate(before: Array, net: Array, alpha: float) -> Array:
    return np.maximum(0.0, before + alpha * net)


def _alpha(alpha: float | OpenInterestFit) -> float:
    value = check_number(alpha.alpha if isinstance(alpha, OpenInterestFit) else alpha, "alpha")
    if abs(value) > _MOST and not isinstance(alpha, OpenInterestFit):
        raise SchemaError(
            f"alpha: received {alpha!r}; legal: contracts of open interest per contract of net purchases, at "
            f"most {_MOST:g} either way, such as 0.4, not percent."
        )
    return value


def _volumes(flow: Any) -> tuple[pd.Series, pd.Series | None]:
    """Customers' net purchases by contract, and the volume where the flow has it."""
    table = getattr(flow, "table", flow)
    if isinstance(table, pd.DataFrame | pd.Series):
        table = table.set_axis(contract_names(table.index), axis=0)
    volume = None
    if isinstance(table, pd.DataFrame) and set(_SIDES) <= set(table):
        net = table["bought"].fillna(0.0) - table["sold"].fillna(0.0)
        volume = table[[c for c in (*_SIDES, "unclassified") if c in table]].sum(axis=1)
    elif isinstance(table, pd.Series) and pd.api.types.is_numeric_dtype(table):
        net = table.astype(np.float64).fillna(0.0)
    else:
        raise SchemaError(f"flow: received {type(flow).__name__}; legal: {_LEGAL}.")
    if net.index.has_duplicates or not np.isfinite(net).all():
        wrong = net.index[net.index.duplicated() | ~np.isfinite(net)]
        raise SchemaError(
            f"flow: {len(wrong):,} contracts are listed twice or have volumes that are not finite (first: "
            f"{wrong[0]!r}); legal: each contract once, with finite volumes."
        )
    return net, volume


def _days(days: Any) -> list[tuple[Any, Any]]:
    """Pairs of a change and its flow; SchemaError for anything else."""
    pairs = as_list(days, "days", "pairs (change, flow)")
    if not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs):
        raise SchemaError("days: received a list of other things; pairs (change, flow) are needed.")
    return [(change, flow) for change, flow in pairs]


def _pair(change: OpenInterestChange, flow: Any) -> dict[str, Array]:
    """Open interest before, true change, net purchases and volume of the contracts that count, (n,) each."""
    check_noun(change, "days", OpenInterestChange)
    rows = change.table[change.alive]
    net, volume = _volumes(flow)
    rows = rows.set_axis(contract_names(rows.index), axis=0)
    traded = rows["volume"] if volume is None else volume.reindex(rows.index).fillna(0.0)
    return {
        "before": rows["before"].to_numpy(),
        "change": rows["change"].to_numpy(),
        "net": net.reindex(rows.index).fillna(0.0).to_numpy(),
        "volume": traded.to_numpy(),
    }


def _together(pairs: list[dict[str, Array]]) -> dict[str, Array]:
    """The contracts of all days; SchemaError where there is no day."""
    if not pairs:
        raise SchemaError("days: received none; legal: at least one pair of a change and its flow.")
    return {name: np.concatenate([pair[name] for pair in pairs]) for name in pairs[0]}


def _score(rows: dict[str, Array], alpha: float) -> dict[str, float]:
    true, volume = rows["change"], np.nansum(rows["volume"])
    found = _estimate(rows["before"], rows["net"], alpha) - rows["before"]
    moved, size = true != 0.0, np.abs(true).sum()
    ranks = np.array([pd.Series(values).rank().to_numpy() for values in (found, true)])
    varies = len(true) > 0 and (np.ptp(ranks, axis=1) > 0.0).all()
    return {
        "contracts": len(true),
        "churn": size / volume if volume > 0.0 else np.nan,
        "rank_correlation": np.corrcoef(*ranks)[0, 1] if varies else np.nan,
        "silent": float((found[moved] == 0.0).mean()) if moved.any() else np.nan,
        "error": float(np.abs(found - true).sum() / size) if size > 0.0 else np.nan,
    }
