"""Rules as tables: shares of open interest by venue, style or kind, and positions by contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import as_list, check_noun, refuse
from gammaflow.coded import Coded
from gammaflow.columns import coded
from gammaflow.errors import SchemaError
from gammaflow.frozen import FrozenMapping
from gammaflow.market.chain import Chain
from gammaflow.market.quality import OF_INTEREST
from gammaflow.positions.rules.base import NO_SOURCE, PositionRule, check_shares
from gammaflow.text import rows_text

__all__ = ["ContractRule", "TableRule"]

#: What a table of shares can tell apart: the chain's venue, and its columns of text.
KEYS = ("venue", "kind", "exercise", "root", "settlement")


@dataclass(frozen=True)
class TableRule(PositionRule):
    """Signed shares of open interest by venue and kind, or by other text of the contracts.

    Parameters
    ----------
    name : str
        Name printed in tables.
    shares : mapping of tuple of str to float
        Signed share of open interest dealers hold, -1 to 1, by the values of `by` in its order, in any case:
        ``{("Deribit", "call"): 0.0, ("Deribit", "put"): -1.0}``.
    meaning : str
        Assumption behind the rule.
    source : str
        Paper or vendor that the assumption comes from.
    by : sequence of str
        One or more of "venue", "kind", "exercise", "root", "settlement".
    signed : bool
        False where the numbers carry no dealer sign.

    Raises
    ------
    SchemaError
        For an unknown `by`, keys that do not fit it, or shares outside -1 to 1; and from `position` for rows
        that no entry covers.

    See Also
    --------
    Rule : Dealers' contracts per contract of open interest, by kind: one sign for every greek.
    ContractRule

    Examples
    --------
    >>> import gammaflow as gf
    >>> shares = {("synthetic demo", "call"): 0.0, ("synthetic demo", "put"): -1.0}
    >>> rule = gf.positioning.TableRule("demo", shares, "customers buy puts")
    >>> rule.sign_test(gf.demo_chain())["believed"].to_list()
    [0.0, 0.0, 1.0, 0.0]
    """

    name: str
    shares: Mapping[tuple[str, ...], float]
    meaning: str
    source: str = NO_SOURCE
    by: tuple[str, ...] = ("venue", "kind")
    signed: bool = True

    def __post_init__(self) -> None:
        by = tuple(as_list(self.by, "by", "words"))
        check_noun(self.shares, "shares", Mapping)
        problems = []
        if not by or not set(by) <= set(KEYS):
            problems.append(f"by: received {self.by!r}; legal: one or more of {', '.join(map(repr, KEYS))}.")
        keys = list(self.shares)
        wrong = [
            key
            for key in keys
            if not isinstance(key, tuple) or len(key) != len(by) or not all(isinstance(k, str) for k in key)
        ]
        if wrong or not keys:
            problems.append(
                f"shares: received the keys {wrong!r:.200}; legal: for each share, {len(by)} words: "
                f"{', '.join(by)}."
            )
        problems += check_shares({f"shares[{key!r}]": share for key, share in self.shares.items()})
        refuse(f"rule {self.name!r}", problems)
        object.__setattr__(self, "by", by)
        object.__setattr__(
            self, "shares", FrozenMapping({tuple(key): float(v) for key, v in self.shares.items()})
        )

    def position(self, chain: Chain) -> NDArray[np.float64]:
        """Signed contracts for each row of `chain`; NaN where open interest is missing.

        Raises
        ------
        SchemaError
            For rows that no entry covers.
        """
        texts = {key: coded(chain.columns, key) for key in self.by if key != "venue"}
        known = {_lower(key): value for key, value in self.shares.items()}
        share, unknown = np.full(len(chain), np.nan), []
        for rows in _groups(len(chain), texts.values()):
            words = tuple(str(chain[key][rows[0]] if key in texts else chain.venue) for key in self.by)
            share[rows] = known.get(_lower(words), np.nan)
            if _lower(words) not in known:
                unknown.append(f"{'/'.join(words)} ({len(rows):,} rows)")
        if unknown:
            raise SchemaError(
                f"rule {self.name!r} has no share for "
                + ", ".join(unknown)
                + f" of {chain.symbol}; it has shares by {'/'.join(self.by)} for "
                + ", ".join("/".join(words) for words in self.shares)
                + ". Add an entry, or use another rule."
            )
        return np.asarray(share * chain["open_interest"])


@dataclass(frozen=True)
class ContractRule(PositionRule):
    """Dealers' positions given by contract, such as the inventory of a `Flow`; none for other contracts.

    Parameters
    ----------
    positions : Series or mapping by contract, or object with such an `inventory`
        Dealers' signed contracts, + = dealers are long; finite, each contract once.
    name : str
        Name printed in tables.
    meaning : str
        Origin of the positions, in words.
    source : str
        Source of the positions.

    Raises
    ------
    SchemaError
        For positions that are not finite or contracts that repeat; and from `position` for a chain that has
        none of the contracts.

    See Also
    --------
    customer_flow
    TableRule : Signed shares of open interest by venue and kind, or by other text of the contracts.

    Examples
    --------
    >>> import gammaflow as gf
    >>> chain = gf.demo_chain()
    >>> rule = gf.positioning.ContractRule({"BTC-6FEB26-70000-P": -250.0, "BTC-1JAN26-70000-P": 10.0})
    >>> book = gf.assign_positions(chain, rule)
    >>> book["contract"].tolist(), book["position"].tolist()
    (['BTC-6FEB26-70000-P'], [-250.0])
    >>> rule.detail(chain).split("; ")[-1]
    '1 given contract with 10 contracts of position is not in the chain and is left out'
    """

    positions: Mapping[str, float]
    name: str = "positions by contract"
    meaning: str = "dealers' positions as given for each contract"
    source: str = "as given"
    signed: bool = True
    needs_interest = False

    def __post_init__(self) -> None:
        given: Any = getattr(self.positions, "inventory", self.positions)
        check_noun(given, "positions", pd.Series, Mapping)
        series = given if isinstance(given, pd.Series) else pd.Series(dict(given), dtype=object)
        object.__setattr__(self, "positions", FrozenMapping(_read(self.name, series)))

    def position(self, chain: Chain) -> NDArray[np.float64]:
        """Signed contracts for each row of `chain`; 0 for contracts without a given position.

        Raises
        ------
        SchemaError
            For a chain that has none of the contracts.
        """
        matched = [str(contract) for contract in chain["contract"] if contract in self.positions]
        if not matched:
            first = ", ".join(list(self.positions)[:2])
            raise SchemaError(
                f"rule {self.name!r}: none of its {len(self.positions):,} contracts ({first}, ...) is in the "
                f"chain of {chain.symbol} ({', '.join(map(str, chain['contract'][:2]))}, ...). Name "
                "contracts as the chain does."
            )
        return np.array([self.positions.get(contract, 0.0) for contract in chain["contract"]])

    def detail(self, chain: Chain) -> str:
        """Contracts of one chain without a position, and positions without a contract, counted."""
        known = np.array([contract in self.positions for contract in chain["contract"]], dtype=bool)
        lost = [abs(v) for k, v in self.positions.items() if k not in set(chain["contract"])]
        interest = float(np.nansum(chain["open_interest"][~known]))
        text = (
            f"{int(known.sum()):,} of {len(chain):,} contracts of the chain have a position; the others, "
            f"with open interest of {interest:,.0f}, count as none"
        )
        position = self.position(chain)
        beyond = int((np.abs(position) > chain["open_interest"]).sum())
        text += f"; {beyond:,} positions exceed the open interest of their contract" if beyond else ""
        unpriced = int(((position != 0) & ~np.isin(chain.unusable, ("", *OF_INTEREST))).sum())
        text += f"; {unpriced:,} positions are in contracts that cannot be valued" if unpriced else ""
        if not lost:
            return text
        one = len(lost) == 1
        return (
            f"{text}; {rows_text(len(lost), 'given contract')} with {sum(lost):,.0f} contracts of "
            f"position {'is' if one else 'are'} not in the chain and {'is' if one else 'are'} left out"
        )


def _groups(n: int, texts: Iterable[Coded]) -> list[NDArray[np.intp]]:
    """Rows, of n, that have the same word in each of several columns of text."""
    codes = np.zeros(n, dtype=np.intp)
    for column in texts:
        codes = codes * len(column.texts) + column.places
    return [np.flatnonzero(codes == code) for code in pd.unique(codes)]


def _lower(key: Sequence[str]) -> tuple[str, ...]:
    return tuple(word.lower() for word in key)


def _read(name: str, series: pd.Series) -> dict[str, float]:
    """Finite positions by contract, or SchemaError."""
    problems = []
    numbers = pd.to_numeric(series, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    repeated = series.index[series.index.duplicated()].unique()
    if len(repeated):
        problems.append(
            f"positions: {len(repeated)} contracts stand there more than once (first: {repeated[0]})."
        )
    bad = np.flatnonzero(~np.isfinite(numbers))
    if bad.size:
        problems.append(
            f"positions: {bad.size} of {len(series)} are not finite numbers (first: {series.index[bad[0]]} = "
            f"{series.iloc[bad[0]]!r}); leave a contract out for none."
        )
    if not len(series):
        problems.append("positions: received none; legal: at least one contract.")
    refuse(f"rule {name!r}", problems)
    return {str(k): float(v) for k, v in zip(series.index, numbers, strict=True)}
