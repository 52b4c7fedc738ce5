"""Positioning rules: open interest as signed dealer positions.

Examples
--------
>>> import gammaflow as gf
>>> sorted(gf.positioning.RULES)
['calls_long_puts_short', 'mirror', 'short_all', 'unsigned']
>>> half = gf.positioning.Rule("half_short", -0.5, -0.5, "dealers are short half of every contract")
>>> chain = gf.demo_chain()
>>> book = gf.assign_positions(chain, half)
>>> float(book["position"].sum() / chain["open_interest"].sum())
-0.5
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import check_choice, read_only
from gammaflow.columns import numbers
from gammaflow.errors import SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.quality import OF_INTEREST
from gammaflow.market.repair.futures import refuse_bare_futures
from gammaflow.positions.book import Book
from gammaflow.positions.inventory import Flow
from gammaflow.positions.origins import Interest, Origin, Source

__all__ = [
    "CALLS_LONG_PUTS_SHORT",
    "MIRROR",
    "RULES",
    "SHORT_ALL",
    "UNSIGNED",
    "Rule",
    "assign_positions",
]


@dataclass(frozen=True)
class Rule:
    """Dealers' contracts per contract of open interest: one sign for every greek.

    Parameters
    ----------
    name : str
        Name printed in tables.
    call, put : float
        Signed share of open interest dealers hold in calls and in puts; + = dealers are long.
    meaning : str
        Assumption behind the rule.
    signed : bool
        False where the numbers carry no dealer sign.
    """

    name: str
    call: float
    put: float
    meaning: str
    signed: bool = True

    def position(self, chain: Chain) -> NDArray[np.float64]:
        """Signed contracts for each row of `chain`; NaN where open interest is missing."""
        share = np.where(chain["kind"] == "call", self.call, self.put)
        return np.asarray(share * chain["open_interest"])

    def __str__(self) -> str:
        return f"{self.name} ({self.meaning})"


CALLS_LONG_PUTS_SHORT = Rule(
    "calls_long_puts_short",
    1.0,
    -1.0,
    "customers sell calls and buy puts; dealers are long calls and short puts",
)
SHORT_ALL = Rule("short_all", -1.0, -1.0, "customers buy every option; dealers are short calls and puts")
MIRROR = Rule("mirror", -1.0, 1.0, "customers buy calls and sell puts; dealers are short calls and long puts")
UNSIGNED = Rule(
    "unsigned", 1.0, 1.0, "open interest alone; the sign says nothing about dealers", signed=False
)

RULES: Mapping[str, Rule] = MappingProxyType(
    {rule.name: rule for rule in (CALLS_LONG_PUTS_SHORT, SHORT_ALL, MIRROR, UNSIGNED)}
)


def assign_positions(
    chain: Chain,
    rule: str | Rule | Flow | ArrayLike = "calls_long_puts_short",
    *,
    venue: str | None = None,
    numeraire: str = "usd",
) -> Book:
    """Sign a chain's open interest as dealers' positions.

    Rows that cannot be valued (expired, no implied volatility, no open interest) are excluded; `Book.quality`
    counts them by reason. Max pain, which needs no volatility, still counts them.

    Parameters
    ----------
    chain : Chain
        The quoted contracts.
    rule : str, Rule, Flow or (n,) array
        The name of a rule in `RULES`, a rule of your own, dealers' inventory from trades
        (`customer_flow`), or dealers' signed contracts for each row of the chain (+ = dealers are long),
        where they are known; NaN raises.
    venue : str, optional
        Venue of the contracts; default: the chain's.
    numeraire : "usd" or "coin"
        Unit of dealers' accounts (`Book.kept_in`).

    Returns
    -------
    Book

    Raises
    ------
    SchemaError
        For an unknown rule or numeraire, positions of the wrong length or not finite, a chain without
        usable rows, or options on futures (VIX) without a forward.

    Examples
    --------
    >>> import gammaflow as gf
    >>> chain = gf.demo_chain()
    >>> book = gf.assign_positions(chain, rule=gf.positioning.SHORT_ALL)
    >>> bool((book["position"] < 0).all())
    True
    """
    if isinstance(rule, str):
        rule = RULES[check_choice(rule, "rule", RULES)]
    reason = chain.unusable
    if isinstance(rule, Rule):
        position, label, signed = rule.position(chain), str(rule), rule.signed
    elif isinstance(rule, Flow):
        position, label, signed = rule.position(chain), rule.describe(chain), rule.signed
        reason = np.where(np.isin(reason, OF_INTEREST), "", reason)
    else:
        position, label, signed = _given(chain, rule), "positions as given", True
        reason = np.where(np.isin(reason, OF_INTEREST), "", reason)
    keep = (reason == "") & (position != 0)
    if not keep.any():
        raise SchemaError(
            f"{chain.symbol}: no row of {len(chain)} holds a position that can be valued.\n{chain.quality}\n"
            "A row needs a future expiry, an implied volatility and a position. Repair the chain or check "
            "asof and the column map."
        )
    refuse_bare_futures(chain, keep)
    columns: dict[str, Any] = {
        name: chain[name][keep]
        for name in ("contract", "strike", "kind", "multiplier", "rate", "dividend_yield", "exercise")
    }
    columns["expiry"] = pd.DatetimeIndex(chain["expiry"][keep], tz="UTC")
    columns["venue"] = np.full(keep.sum(), chain.venue if venue is None else venue, dtype=object)
    columns |= {
        "position": position[keep],
        "sigma": chain["iv"][keep],
        "forward_ratio": chain["forward"][keep] / chain.spot,
    }
    interest = _interest(chain)
    source = Source(
        chain.vendor, int(keep.sum()), chain.quality, interest, chain.synthetic, _fingerprint(chain)
    )
    origin = Origin((source,), (label,))
    shared = (chain.symbol, chain.spot, chain.asof, origin.rule, signed, chain.currency)
    return Book(columns, *shared, origins=(origin,)).kept_in(numeraire)


def _fingerprint(chain: Chain) -> str:
    """Digest of a chain's contracts and open interest: one chain that is signed twice is one source."""
    digest = sha256(
        repr((chain.vendor, chain.symbol, chain.spot, chain.asof.value, chain.synthetic)).encode()
    )
    for name in ("expiry", "strike", "open_interest", "iv", "multiplier"):
        digest.update(np.ascontiguousarray(chain[name]).tobytes())
    digest.update("".join(chain["kind"]).encode())
    return digest.hexdigest()


def _interest(chain: Chain) -> Interest:
    """Open interest of all unexpired rows, except figures not yet known at the chain's timestamp."""
    rows = (chain.years > 0) & (chain["open_interest"] > 0) & ~(chain.open_interest_age < 0)
    return Interest(
        read_only(chain["expiry"][rows], chain["expiry"].dtype),
        read_only(chain["strike"][rows]),
        read_only(np.where(chain["kind"][rows] == "call", 1.0, -1.0)),
        read_only((chain["open_interest"] * chain["multiplier"])[rows]),
    )


def _given(chain: Chain, values: ArrayLike) -> NDArray[np.float64]:
    if np.shape(values) != (len(chain),):
        raise SchemaError(
            f"rule: received positions of shape {np.shape(values)}; legal: one per row of the chain "
            f"({len(chain)},), or a rule's name: {', '.join(RULES)}."
        )
    position, problems = numbers(
        values if isinstance(values, np.ma.MaskedArray) else np.asarray(values), "rule"
    )
    if not np.isfinite(position).all():
        bad = np.flatnonzero(~np.isfinite(position))
        problems.append(
            f"rule: {bad.size} of {len(chain)} positions are not finite (first: row {bad[0]}); "
            "use 0 for none."
        )
    if problems:
        raise SchemaError("\n".join(problems))
    return position
