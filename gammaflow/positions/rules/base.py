"""Positioning rule: what is common to all of them, and the kind with one share for calls and one for puts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import refuse
from gammaflow.market.chain import Chain
from gammaflow.pricing import bsm

__all__ = ["NO_SOURCE", "PositionRule", "Rule", "check_shares"]

#: Source of rules that nobody has published evidence for.
NO_SOURCE = "none: an assumption without published evidence"

_KINDS = ("call", "put")


class PositionRule(ABC):
    """Assumption about the side of each contract that dealers hold; base of every rule.

    Attributes
    ----------
    name : str
        Name printed in tables.
    meaning : str
        Assumption behind the rule, in plain words.
    source : str
        Paper or vendor that the assumption comes from.
    signed : bool
        False where the numbers carry no dealer sign.
    needs_interest : bool
        Whether positions are shares of open interest, so that rows without it hold none.

    See Also
    --------
    Rule : Dealers' contracts per contract of open interest, by kind: one sign for every greek.
    find_rule : The rule of a name, or the rule itself.

    Examples
    --------
    >>> import gammaflow as gf
    >>> all(isinstance(rule, gf.positioning.PositionRule) for rule in gf.positioning.RULES.values())
    True
    """

    name: str
    meaning: str
    source: str
    signed: bool
    needs_interest: bool = True

    @abstractmethod
    def position(self, chain: Chain) -> NDArray[np.float64]:
        """Dealers' signed contracts for each row of `chain`, (n,); NaN where open interest is missing."""

    def detail(self, chain: Chain) -> str:
        """Consequences of the rule for one chain, in words; "" where the meaning says it all."""
        return ""

    def describe(self, chain: Chain) -> str:
        """Name, meaning and `detail` for one chain, as books and reports print them."""
        return f"{self.name} ({'; '.join(filter(None, (self.meaning, self.detail(chain))))})"

    def sign_test(self, chain: Chain) -> pd.DataFrame:
        """Sign of dealers' position and gamma for each action of customers, and where the rule assumes it.

        Parameters
        ----------
        chain : Chain
            The contracts on which `believed` is measured.

        Returns
        -------
        DataFrame
            Indexed by kind ("call", "put") and what customers did ("bought", "sold"): `position`, the sign of
            dealers' contracts; `gamma`, the sign of their gamma (-1: short gamma), the product of `position`
            and the gamma of one option; and `believed`, the share of the kind's open interest that the rule
            takes customers to have bought or sold, net [-]. `believed` is NaN where the rule is unsigned or
            the kind has no open interest.

        Examples
        --------
        >>> import gammaflow as gf
        >>> table = gf.positioning.CALLS_LONG_PUTS_SHORT.sign_test(gf.demo_chain())
        >>> table.loc[("put", "bought")].to_dict()
        {'position': -1.0, 'gamma': -1.0, 'believed': 1.0}
        """
        return _sign_test(chain, self.position(chain), self.signed)

    def __str__(self) -> str:
        return f"{self.name} ({self.meaning})"


@dataclass(frozen=True)
class Rule(PositionRule):
    """Dealers' contracts per contract of open interest, by kind: one sign for every greek.

    Parameters
    ----------
    name : str
        Name printed in tables.
    call, put : float
        Signed share of open interest dealers hold in calls and in puts, -1 to 1; + = dealers are long.
    meaning : str
        Assumption behind the rule.
    signed : bool
        False where the numbers carry no dealer sign.
    source : str
        Paper or vendor that the assumption comes from.

    See Also
    --------
    TableRule : Signed shares of open interest by venue and kind, or by other text of the contracts.
    SkewRule : Rule whose share of calls follows the call skew of each expiry; puts have one share.
    assign_positions : Sign a chain's open interest as dealers' positions.

    Examples
    --------
    >>> import gammaflow as gf
    >>> half = gf.positioning.Rule("half_short", -0.5, -0.5, "dealers are short half of every contract")
    >>> half.sign_test(gf.demo_chain()).loc["put", "believed"].to_dict()
    {'bought': 0.5, 'sold': 0.0}
    """

    name: str
    call: float
    put: float
    meaning: str
    signed: bool = True
    source: str = NO_SOURCE

    def __post_init__(self) -> None:
        shares = {"call": self.call, "put": self.put}
        refuse(f"rule {self.name!r}", check_shares(shares))

    def position(self, chain: Chain) -> NDArray[np.float64]:
        """Signed contracts for each row of `chain`; NaN where open interest is missing."""
        share = np.where(chain.calls, self.call, self.put)
        return np.asarray(share * chain["open_interest"])


def check_shares(shares: Mapping[Any, object]) -> list[str]:
    """Problems of signed shares of open interest by name, one sentence each.

    Examples
    --------
    >>> check_shares({"call": 1.0, "put": -1})
    []
    """
    return [
        f"{name}: received {share!r}; legal: a share of open interest from -1 (dealers are short all of it) "
        "to 1 (long all of it)."
        for name, share in shares.items()
        if isinstance(share, bool)
        or not isinstance(share, int | float | np.number)
        or not abs(float(share)) <= 1.0
    ]


def _sign_test(chain: Chain, position: NDArray[np.float64], signed: bool) -> pd.DataFrame:
    """See `PositionRule.sign_test`."""
    rows = {}
    for kind in _KINDS:
        gamma = float(bsm.greeks(kind, 100.0, 100.0, 0.25, 0.0, 0.5, which=["gamma"]).gamma)
        mine = (chain["kind"] == kind) & np.isfinite(position)
        interest = float(np.nansum(chain["open_interest"][mine]))
        for action, customers in (("bought", 1.0), ("sold", -1.0)):
            dealers = -customers
            amount = float(np.maximum(dealers * position[mine], 0.0).sum())
            share = amount / interest if signed and interest else np.nan
            rows[kind, action] = {"position": dealers, "gamma": np.sign(dealers * gamma), "believed": share}
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(list(rows), names=["kind", "customers"])
    return table
