"""Sensitivity to the data: headline gamma and flip of one chain under each usual treatment of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import check_noun, check_number
from gammaflow.exposure.profile import sweep_spot
from gammaflow.market.carry.rates import RateCurve
from gammaflow.market.chain import Chain
from gammaflow.market.financing import finance
from gammaflow.market.repair.repair import RepairedChain, repair_chain
from gammaflow.positions.rules import PositionRule, assign_positions, find_rule
from gammaflow.studies.treatments import business_days as count_business_days
from gammaflow.studies.treatments import midnight, vendor_gamma
from gammaflow.study import Study
from gammaflow.text import moment_text
from gammaflow.units import describe

__all__ = ["Sensitivity", "sensitivity"]


@dataclass(frozen=True, eq=False, repr=False)
class Sensitivity(Study):
    """Headline gamma and flip of one chain under each treatment of its data; see `sensitivity`."""

    title: str
    unit: str

    def plot(self, *, ax: Any = None) -> Any:
        """Gamma at spot under each treatment that has one, as bars (matplotlib Axes)."""
        from gammaflow.plot.static import plot_bars

        rule = next(line.partition(" (")[0] for line in self.lines if line.startswith("rule: "))
        title = f"{self.title}\n{rule}"
        return plot_bars(self.table[["gamma"]].dropna(), np.nan, title, self.unit, name="gamma", ax=ax)


def sensitivity(
    chain: Chain,
    rule: str | PositionRule = "calls_long_puts_short",
    *,
    rate: float | pd.Series | RateCurve | None = None,
    business_days: float = 252.0,
) -> Sensitivity:
    """Gamma at spot and nearest flip with vendor gammas, vendor vols, repaired vols and other day counts.

    Parameters
    ----------
    chain : Chain
        As the vendor published it; for a repaired chain, its original is used.
    rule : str or rule
        As in `assign_positions`.
    rate : float, Series or RateCurve, optional
        As in `repair_chain` and `analyze`.
    business_days : float
        Days per year of the business-day count; 252 and 262 are in use.

    Returns
    -------
    Sensitivity
        `table`: one row per treatment, columns `gamma` [currency per +1 % spot], `of_repaired` (gamma over
        that of the repaired chain [-]), `flips` (how many), `nearest_flip` [currency; NaN where there is
        none, or where nothing can be repriced], `rows` valued, and `open_interest` they hold [contracts].

        - vendor gamma: position x multiplier x the vendor's gamma x S^2 x 0.01 over unexpired rows;
        - vendor volatility: the chain unchanged, with a rate and yield of 0 where it has none;
        - vendor volatility, rates found: with the rate and yield that `analyze` gives a chain without any,
          from put-call parity or the short rate of its year (`gammaflow.market.financing.finance`);
        - repaired: `repair_chain(chain)`, both legs at the vol of the out-of-the-money leg, unless the
          vendor's vol of the other leg reprices its quote;
        - repaired, legs apart: `repair_chain(chain, out_of_the_money=False)`, each leg at its own vol, and at
          the other leg's only where its own cannot be used;
        - repaired, from mids: `repair_chain(chain, prefer="mid")`;
        - business days: vendor volatility, and time as weekdays from the date of the quotes to that of the
          expiry over `business_days`, one day where the dates are the same, expired or not;
        - midnight UTC: vendor volatility, expiries at 00:00 UTC of their calendar day, as dates without a
          time of day are often read.

        A treatment that leaves no row to value has NaN, and 0 rows; a line of the text says why.

    Raises
    ------
    SchemaError
        For an unknown rule, positions instead of a rule, or illegal numbers.

    See Also
    --------
    repair_chain
    compare_rules : Gamma, flips and short-gamma zone of one chain under each positioning rule.

    Examples
    --------
    >>> import gammaflow as gf
    >>> from gammaflow.studies.data import sensitivity
    >>> table = sensitivity(gf.demo_chain()).table
    >>> bool(table.loc["repaired", "of_repaired"] == 1.0)
    True
    >>> int(table.loc["vendor gamma", "rows"])
    0
    """
    check_noun(chain, "chain", Chain)
    rule = find_rule(rule)
    check_number(business_days, "business_days", 0.0, open_low=True)
    chain = chain.original if isinstance(chain, RepairedChain) else chain
    repaired = repair_chain(chain, rate=rate)
    treatments: dict[str, Callable[[], Chain]] = {
        "vendor volatility": lambda: chain,
        "vendor volatility, rates found": lambda: finance(chain, rate=rate)[0],
        "repaired": lambda: repaired,
        "repaired, legs apart": lambda: repair_chain(chain, rate=rate, out_of_the_money=False),
        "repaired, from mids": lambda: repair_chain(chain, rate=rate, prefer="mid"),
        f"business days / {business_days:g}": lambda: chain.with_columns(
            expiry=count_business_days(chain, business_days)
        ),
        "midnight UTC": lambda: chain.with_columns(expiry=midnight(chain)),
    }
    rows = {"vendor gamma": _vendor_gamma(chain, rule)}
    rows |= {name: _row(make(), rule) for name, make in treatments.items()}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("treatment")
    table.insert(1, "of_repaired", table["gamma"] / float(table["gamma"]["repaired"]))
    when = moment_text(chain.asof)
    lines = (
        f"Sensitivity {chain.symbol}, as of {when}, spot {chain.spot:,.2f} {chain.currency}",
        f"rule: {rule.describe(chain)}",
        *_without_rows(chain, table),
    )
    title = f"{chain.symbol} gamma at spot by treatment of the data, {when}"
    return Sensitivity(table, lines, title, describe(chain.currency)["gamma"])


def _row(chain: Chain, rule: PositionRule) -> dict[str, Any]:
    fine = (chain.unusable == "") & (rule.position(chain) != 0)
    if not fine.any():
        return _nothing()
    book = assign_positions(chain, rule)
    levels = sweep_spot(book, measures=["gamma", "gross_gamma"]).levels()
    flip = levels.nearest_flip
    return {
        "gamma": levels.gamma,
        "flips": len(levels.flips),
        "nearest_flip": flip.spot if flip else np.nan,
        "rows": len(book),
        "open_interest": float(chain["open_interest"][fine].sum()),
    }


def _without_rows(chain: Chain, table: pd.DataFrame) -> list[str]:
    """A line for each treatment that leaves no row to value, with the reason."""
    alive = chain.years > 0
    reason = "no row has a position, an implied vol and time left"
    if not alive.any():
        vendor = "every row has expired"
    elif np.isnan(chain["vendor_gamma"][alive]).all():
        vendor = "the chain has no vendor gammas"
    else:
        vendor = "no row has a position and a vendor gamma other than 0"
    names = table.index[table["rows"] == 0]
    return [f"{name}: not available ({vendor if name == 'vendor gamma' else reason})" for name in names]


def _nothing() -> dict[str, Any]:
    return {"gamma": np.nan, "flips": 0, "nearest_flip": np.nan, "rows": 0, "open_interest": 0.0}


def _vendor_gamma(chain: Chain, rule: PositionRule) -> dict[str, Any]:
    gamma = rule.position(chain) * vendor_gamma(chain)
    fine = ~np.isnan(gamma) & (gamma != 0) & (chain.years > 0)
    if not fine.any():
        return _nothing()
    return {
        **_nothing(),
        "gamma": float(gamma[fine].sum()),
        "rows": int(fine.sum()),
        "open_interest": float(chain["open_interest"][fine].sum()),
    }
