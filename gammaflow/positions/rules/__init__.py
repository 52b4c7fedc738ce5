"""Positioning rules: open interest as signed dealer positions.

Examples
--------
>>> import gammaflow as gf
>>> list(gf.positioning.RULES)[:4]
['calls_long_puts_short', 'short_all', 'mirror', 'unsigned']
>>> list(gf.positioning.RULES)[4:]
['skew_adjusted', 'crypto_puts_bought', 'us_listed']
>>> half = gf.positioning.Rule("half_short", -0.5, -0.5, "dealers are short half of every contract")
>>> chain = gf.demo_chain()
>>> book = gf.assign_positions(chain, half)
>>> float(book["position"].sum() / chain["open_interest"].sum())
-0.5
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import check_choice, check_noun, read_only
from gammaflow.coded import Coded
from gammaflow.columns import changed, numbers, rows_of
from gammaflow.errors import SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.quality import OF_INTEREST
from gammaflow.market.repair.futures import refuse_bare_futures
from gammaflow.positions.book import Book
from gammaflow.positions.origins import Interest, Origin, Source
from gammaflow.positions.rules.base import PositionRule, Rule
from gammaflow.positions.rules.skew import SkewRule, call_skew
from gammaflow.positions.rules.tables import ContractRule, TableRule
from gammaflow.schema import BOOK, CHAIN

__all__ = [
    "CALLS_LONG_PUTS_SHORT",
    "CRYPTO_PUTS_BOUGHT",
    "MIRROR",
    "RULES",
    "SHORT_ALL",
    "SKEW_ADJUSTED",
    "UNSIGNED",
    "US_LISTED",
    "ContractRule",
    "PositionRule",
    "Rule",
    "SkewRule",
    "TableRule",
    "assign_positions",
    "call_skew",
    "find_rule",
]


CALLS_LONG_PUTS_SHORT = Rule(
    "calls_long_puts_short",
    1.0,
    -1.0,
    "customers sell calls and buy puts; dealers are long calls and short puts",
    source="SqueezeMetrics (2017), Gamma Exposure: a white paper on the S&P 500",
)
SHORT_ALL = Rule(
    "short_all",
    -1.0,
    -1.0,
    "customers buy every option; dealers are short calls and puts",
    source="SpotGamma, for single stocks",
)
MIRROR = Rule("mirror", -1.0, 1.0, "customers buy calls and sell puts; dealers are short calls and long puts")
UNSIGNED = Rule(
    "unsigned", 1.0, 1.0, "open interest alone; the sign says nothing about dealers", signed=False
)
SKEW_ADJUSTED = SkewRule()
CRYPTO_PUTS_BOUGHT = Rule(
    "crypto_puts_bought",
    0.0,
    -1.0,
    "customers of crypto venues buy puts, and buy as many calls as they sell; dealers are short puts and "
    "hold no calls, net",
    source="calls: Glassnode (December 2025), Introducing: Taker-Flow-Based Gamma Exposure: bought to "
    "speculate as well as sold for yield; puts: an assumption without published evidence",
)
US_LISTED = TableRule(
    "us_listed",
    {
        ("US options", "european", "call"): 1.0,
        ("US options", "european", "put"): -1.0,
        ("US options", "american", "call"): 1.0,
        ("US options", "american", "put"): 1.0,
    },
    "customers sell calls and buy puts of US indices (European options), and sell calls and puts of stocks "
    "and funds (American options); dealers hold the other side",
    source="index puts: Garleanu, Pedersen and Poteshman (2009), Review of Financial Studies 22(10); index "
    "calls: SqueezeMetrics (2017); stocks: Lakonishok, Lee, Pearson and Poteshman (2007), Review of "
    "Financial Studies 20(3), measured over 1990-2001; funds: as stocks, without published evidence",
    by=("venue", "exercise", "kind"),
)

#: Every named rule; `us_listed` is for chains of the venue "US options" only.
RULES: Mapping[str, PositionRule] = MappingProxyType(
    {
        rule.name: rule
        for rule in (
            CALLS_LONG_PUTS_SHORT,
            SHORT_ALL,
            MIRROR,
            UNSIGNED,
            SKEW_ADJUSTED,
            CRYPTO_PUTS_BOUGHT,
            US_LISTED,
        )
    }
)


# Columns of a book that are the chain's.
_SHARED = tuple(name for name in BOOK if name in CHAIN)


def find_rule(rule: str | PositionRule) -> PositionRule:
    """The rule of a name, or the rule itself.

    Raises
    ------
    SchemaError
        For an unknown name, which it lists, and for what is not a rule.

    See Also
    --------
    assign_positions : Sign a chain's open interest as dealers' positions.
    compare_rules : Gamma, flips and short-gamma zone of one chain under each positioning rule.

    Examples
    --------
    >>> find_rule("short_all").call
    -1.0
    """
    if isinstance(rule, str):
        return RULES[check_choice(rule, "rule", RULES)]
    if isinstance(rule, PositionRule):
        return rule
    raise SchemaError(
        f"rule: received {type(rule).__name__}; legal: a rule of gammaflow.positioning, or its name: "
        f"{', '.join(RULES)}."
    )


def assign_positions(
    chain: Chain,
    rule: str | PositionRule | ArrayLike = "calls_long_puts_short",
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
    rule : str, rule or (n,) array
        The name of a rule in `RULES`, a rule of your own (`Rule`, `SkewRule`, `TableRule`, `ContractRule`),
        dealers' inventory from trades (`customer_flow`, `open_close`), or dealers' signed contracts for each
        row of the chain (+ = dealers are long), where they are known; NaN raises.
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

    See Also
    --------
    compare_rules : Gamma, flips and short-gamma zone of one chain under each positioning rule.
    sign_bands : Gamma over spot, flips, zones and cores under beliefs about dealers' share of open interest.
    aggregate_exposure : Dealers' greeks in money at the book's spot, summed per group.

    Examples
    --------
    >>> import gammaflow as gf
    >>> chain = gf.demo_chain()
    >>> book = gf.assign_positions(chain, rule=gf.positioning.SHORT_ALL)
    >>> bool((book["position"] < 0).all())
    True
    """
    check_noun(chain, "chain", Chain)
    needs_interest = False
    if isinstance(rule, str | PositionRule):
        rule, seen = find_rule(rule), chain if venue is None else replace(chain, venue=venue)
        position, label, signed = rule.position(seen), rule.describe(seen), rule.signed
        needs_interest = rule.needs_interest
    else:
        position, label, signed = _given(chain, rule), "positions as given", True
    usable = chain.reasons.among("", *(() if needs_interest else OF_INTEREST))
    keep = usable & (position != 0)
    if not needs_interest and not position.any():
        raise SchemaError(
            f"{chain.symbol}: dealers hold none of the chain's {len(chain):,} contracts: {label}. Use the "
            "trades and the chain of one underlying, with contracts of one period."
            if isinstance(rule, PositionRule)
            else f"rule: received {len(chain):,} positions of 0; at least one other than 0 is needed."
        )
    _refuse_unvalued(chain, keep)
    rows = np.flatnonzero(keep)
    n = len(rows)
    check_choice(numeraire, "numeraire", BOOK["numeraire"].choices)
    columns = changed(
        rows_of(chain.columns, rows, _SHARED),
        venue=Coded.same(chain.venue if venue is None else venue, n),
        numeraire=Coded.same(numeraire, n),
        position=position[rows],
        sigma=chain["iv"][rows],
        forward_ratio=chain["forward"][rows] / chain.spot,
    )
    interest = _interest(chain)
    source = Source(chain.vendor, n, chain, interest, chain.synthetic, _fingerprint(chain))
    origin = Origin((source,), (label,))
    shared = (chain.symbol, chain.spot, chain.asof, origin.rule, signed, chain.currency)
    return Book(columns, *shared, origins=(origin,))


def _refuse_unvalued(chain: Chain, keep: NDArray[np.bool_]) -> None:
    """Raise SchemaError where no row is kept, or a row kept is an option on a future without a forward."""
    if not keep.any():
        raise SchemaError(
            f"{chain.symbol}: no row of {len(chain)} holds a position that can be valued.\n{chain.quality}\n"
            "A row needs a future expiry, an implied volatility and a position. Repair the chain or check "
            "asof and the column map."
        )
    refuse_bare_futures(chain, keep)


def _fingerprint(chain: Chain) -> str:
    """Digest of a chain's contracts and open interest: one chain that is signed twice is one source."""
    digest = sha256(
        repr((chain.vendor, chain.symbol, chain.spot, chain.asof.value, chain.synthetic)).encode()
    )
    for name in ("expiry", "strike", "open_interest", "iv", "multiplier"):
        digest.update(np.ascontiguousarray(chain[name]).tobytes())
    digest.update(chain.calls.tobytes())
    return digest.hexdigest()


def _interest(chain: Chain) -> Interest:
    """Open interest of all unexpired rows, except figures not yet known at the chain's timestamp."""
    held = (chain.years > 0) & (chain["open_interest"] > 0) & ~(chain.open_interest_age < 0)
    rows = np.flatnonzero(held)
    return Interest(
        read_only(chain["expiry"][rows], chain["expiry"].dtype),
        read_only(chain["strike"][rows]),
        read_only(np.where(chain.calls[rows], 1.0, -1.0)),
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


def __dir__() -> list[str]:
    return __all__
