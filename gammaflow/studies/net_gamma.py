"""Net gamma at spot alone, of one chain under other treatments of its data, and under other rules."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gammaflow.errors import SchemaError
from gammaflow.exposure.exposure import aggregate_exposure
from gammaflow.market.chain import Chain
from gammaflow.market.repair.repair import RepairedChain, repair_chain
from gammaflow.positions.rules import RULES, PositionRule, assign_positions
from gammaflow.studies.treatments import business_days, midnight, vendor_gamma

__all__ = ["gamma_by_rule", "gamma_by_treatment"]


def gamma_by_treatment(
    chain: Chain, rule: PositionRule, *, rate: float | None = None, days: float = 0.0, vol_shift: float = 0.0
) -> dict[str, float]:
    """Net gamma at spot under the treatments of `gf.sensitivity` that need no profile, by treatment.

    Parameters
    ----------
    chain : Chain
        As the vendor published it; for a repaired chain, its original is used.
    rule : PositionRule
        Rule that signs the positions.
    rate : float, optional
        As in `repair_chain`.
    days, vol_shift : float
        As in `aggregate_exposure`.

    Returns
    -------
    dict of float
        Gamma [currency per +1 % spot], + = dealers are long, by treatment: "vendor volatility", "repaired",
        "business days / 252", "midnight UTC", and "vendor gamma" where nothing is rolled. A treatment that
        leaves no row to value is left out. A selection of a chain is not repaired, since it may hold a call
        without its put.

    Examples
    --------
    >>> import gammaflow as gf
    >>> rule = gf.positioning.find_rule("calls_long_puts_short")
    >>> list(gamma_by_treatment(gf.demo_chain(), rule))
    ['vendor volatility', 'repaired', 'business days / 252', 'midnight UTC']
    """
    chain = chain.original if isinstance(chain, RepairedChain) else chain
    makers: dict[str, Callable[[], Chain]] = {
        "vendor volatility": lambda: chain,
        "repaired": lambda: repair_chain(chain, rate=rate),
        "business days / 252": lambda: chain.with_columns(expiry=business_days(chain, 252.0)),
        "midnight UTC": lambda: chain.with_columns(expiry=midnight(chain)),
    }
    if chain.selection is not None:
        del makers["repaired"]
    found = {name: _gamma(make(), rule, days, vol_shift) for name, make in makers.items()}
    if not days and not vol_shift:
        found["vendor gamma"] = _by_vendor(chain, rule)
    return {name: gamma for name, gamma in found.items() if not np.isnan(gamma)}


def gamma_by_rule(chain: Chain, *, days: float = 0.0, vol_shift: float = 0.0) -> dict[str, float]:
    """Net gamma at spot under each rule that signs positions and has shares for the chain, by rule.

    Parameters
    ----------
    chain : Chain
        Valued with its own rates and vols, as in `assign_positions`.
    days, vol_shift : float
        As in `aggregate_exposure`.

    Returns
    -------
    dict of float
        Gamma [currency per +1 % spot], + = dealers are long.

    Examples
    --------
    >>> import gammaflow as gf
    >>> found = gamma_by_rule(gf.demo_chain())
    >>> found["mirror"] == -found["calls_long_puts_short"], "us_listed" in found
    (True, False)
    """
    out: dict[str, float] = {}
    for name, rule in RULES.items():
        if rule.signed:
            try:
                gamma = _gamma(chain, rule, days, vol_shift)
            except SchemaError:  # the rule has no shares for this venue
                continue
            out |= {} if np.isnan(gamma) else {name: gamma}
    return out


def _gamma(chain: Chain, rule: PositionRule, days: float, vol_shift: float) -> float:
    if not ((chain.unusable == "") & (np.nan_to_num(rule.position(chain)) != 0.0)).any():
        return np.nan
    book = assign_positions(chain, rule)
    return float(aggregate_exposure(book, days=days, vol_shift=vol_shift).rows["gamma"].sum())


def _by_vendor(chain: Chain, rule: PositionRule) -> float:
    gamma = rule.position(chain) * vendor_gamma(chain)
    fine = ~np.isnan(gamma) & (gamma != 0.0) & (chain.years > 0.0)
    return float(gamma[fine].sum()) if fine.any() else np.nan
