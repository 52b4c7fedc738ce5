"""Beliefs: a joint distribution of dealers' net share of open interest, updated by evidence.

Examples
--------
>>> import gammaflow as gf
>>> sorted(gf.beliefs.PRESETS)
['calls_long_puts_short', 'customers_buy_puts', 'flat']
>>> gf.beliefs.CUSTOMERS_BUY_PUTS.shares["put"].mean
-0.5
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import attempt, check_choice, check_noun, check_number, check_text, refuse
from gammaflow.frozen import Frozen, FrozenMapping
from gammaflow.instruments.registry import KINDS
from gammaflow.market.chain import Chain
from gammaflow.positions.beliefs.cells import DAYS, MONEYNESS, Cells, buckets, edges_of, find_cells
from gammaflow.positions.beliefs.copula import NODES, Copula, correlate
from gammaflow.positions.beliefs.evidence import Evidence, find_evidence, read_evidence
from gammaflow.positions.beliefs.shares import Share, share_of
from gammaflow.positions.beliefs.update import updated_copula
from gammaflow.positions.book import Book
from gammaflow.positions.rules import assign_positions
from gammaflow.text import rows_text

__all__ = [
    "CALLS_LONG_PUTS_SHORT",
    "CUSTOMERS_BUY_PUTS",
    "FLAT",
    "PRESETS",
    "Beliefs",
    "CellBeliefs",
    "Share",
    "find_beliefs",
    "interest_of",
]

_ASSUMED = "an assumption, not a measurement"


@dataclass(frozen=True, eq=False, repr=False)
class Beliefs(Frozen):
    """Beliefs about dealers' net share of open interest: -1, dealers are short all of it, to +1, long all.

    A cell is the open interest of one kind, moneyness, time to expiry and venue; dealers hold the same share
    of each of its contracts. Shares of cells are correlated (a Gaussian copula):

        k v [same_kind + (1 - same_kind) neighbours^(steps)]

    with the number of buckets of moneyness and expiry between two cells as steps; k is 1 among calls and
    among puts and `other_kind` between them, v is 1 within a venue and `other_venue` between two.

    Parameters
    ----------
    shares : mapping
        From a kind ("put"), or a tuple of words that name some of kind, moneyness, expiry and venue
        (("put", "<0.8", "<7d")), to the belief about all cells that they name: a `Share`, a band (low, high),
        quantiles {0.05: -0.9, 0.95: -0.2}, or a number where the share is known. Later entries override
        earlier ones; a cell that none names is flat: any share in [-1, 1] is as likely as any other.
    name, meaning, source : str
        Name printed by results, the assumption in words, and what it rests on.
    same_kind, neighbours : float
        Correlation of all calls (all puts), and further of cells one bucket apart, in [0, 1].
    other_kind : float
        Correlation between calls and puts, relative to that within a kind, in [-1, 1].
    other_venue : float
        Correlation between venues, relative to that within one, in [0, 1].
    alike : float
        Part of the variance of a cell's share that all its contracts have in common, in [0, 1]: how much
        evidence about some of them tells about the others.
    moneyness : sequence of float
        Edges of buckets of strike over forward, ascending.
    days : sequence of float
        Edges of buckets of calendar days to expiry, ascending.
    evidence : tuple of Evidence
        Made by `updated`.

    Raises
    ------
    SchemaError
        With every problem in one message.

    See Also
    --------
    sign_bands : Gamma over spot, flips, zones and cores under beliefs about dealers' share of open interest.
    customer_flow

    Examples
    --------
    >>> import gammaflow as gf
    >>> gf.Beliefs()
    Beliefs flat: any net share of open interest is as likely as any other (no evidence)
    >>> wary = gf.Beliefs({"put": (-0.9, -0.2), ("put", "<7d"): -0.5}, name="wary")
    >>> table = wary.on(gf.demo_chain()).table
    >>> table.loc[("put", "0.8-0.95", "<7d", "synthetic demo"), ["mean", "deviation"]].tolist()
    [-0.5, 0.0]
    """

    shares: Mapping[Any, Any] = field(default_factory=dict)
    name: str = ""
    meaning: str = ""
    source: str = ""
    same_kind: float = 0.5
    neighbours: float = 0.5
    other_kind: float = 0.0
    other_venue: float = 0.5
    alike: float = 0.0
    moneyness: tuple[float, ...] = MONEYNESS
    days: tuple[float, ...] = DAYS
    evidence: tuple[Evidence, ...] = ()

    def __post_init__(self) -> None:
        received: Any = self.shares
        given = dict(received) if isinstance(received, Mapping) else {}
        lowest = {"same_kind": 0.0, "neighbours": 0.0, "other_kind": -1.0, "other_venue": 0.0, "alike": 0.0}
        values, problems = attempt(
            lambda: edges_of(self.moneyness, "moneyness"),
            lambda: edges_of(self.days, "days"),
            *(lambda name=name: check_number(getattr(self, name), name) for name in lowest),
            *(lambda key=key: share_of(given[key], f"share of {key!r}") for key in given),
        )
        for (name, low), value in zip(lowest.items(), values[2:7], strict=True):
            if value is not None and not low <= value <= 1.0:
                problems.append(f"{name}: received {value:g}; legal: {low:g} .. 1.")
        if not isinstance(received, Mapping):
            problems.append(f"shares: received {received!r}; legal: a mapping such as {{'put': (-0.9, 0)}}.")
        problems += [
            f"shares: received the key {key!r}; legal: a kind such as 'put', or a tuple of words for kind, "
            "moneyness, expiry and venue."
            for key in given
            if not all(isinstance(word, str) for word in _words(key))
        ]
        refuse("beliefs", problems)
        for name, value in zip(("moneyness", "days", *lowest), values[:7], strict=True):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "shares", FrozenMapping(dict(zip(given, values[7:], strict=True))))
        check_text(self.name, "name")
        check_text(self.meaning, "meaning")
        if not self.name:
            object.__setattr__(self, "name", "given" if given else "flat")
        if not self.meaning and not given:
            object.__setattr__(self, "meaning", "any net share of open interest is as likely as any other")

    def updated(self, evidence: Any, *, covered: float = 1.0, name: str | None = None) -> Beliefs:
        """Beliefs after evidence about dealers' positions by contract.

        Evidence with sides guessed at random (p = 0.5) changes nothing; exact evidence about all open
        interest of a cell gives its share; exact evidence about a part w of it moves the expected share to
        (1 - w) prior + w evidence and leaves (1 - w) of the variance. That is so for a Gaussian prior and
        alike = 0; any other is updated by Bayes' rule with the same likelihood (`evidence.find_evidence`).
        Other cells follow by their correlation. Sources must be independent, each about the whole of what it
        covers: join trades of several days to one flow first.

        Parameters
        ----------
        evidence : Flow, DataFrame or pair of Series
            By contract: dealers' expected inventory [contracts, + = long] and its standard deviation, as
            `inventory` and `deviation`. Of a table besides: `contracts`, the number that the evidence is
            about (default bought + sold, else all open interest), and `prints`, in how many trades (default
            one); `accuracy`, that of their sides, and `known_deviation`, without prints that have no side,
            which tell nothing.
        covered : float
            Part of a contract's open interest that may stem from what was seen, in (0, 1]: of what was traded
            and is open, the rest is older than the evidence.
        name : str, optional
            Default: the beliefs' name and "with evidence".

        Raises
        ------
        SchemaError
            For evidence that is not finite or names a contract twice.

        Examples
        --------
        >>> import gammaflow as gf
        >>> chain = gf.demo_chain()
        >>> import pandas as pd
        >>> dealers = pd.Series(-0.25 * chain["open_interest"], index=chain["contract"])
        >>> sure = gf.Beliefs().updated((dealers, 0.0 * dealers))
        >>> float(sure.on(chain).table["mean"].round(9).max())
        -0.25
        """
        found = read_evidence(evidence, covered)
        named = name or f"{self.name.removesuffix(_WITH)}{_WITH}"
        return replace(self, evidence=(*self.evidence, found), name=named)

    def on(self, book: Chain | Book) -> CellBeliefs:
        """The beliefs about each cell of a chain, or of a book of open interest, with the evidence.

        Raises
        ------
        SchemaError
            For a book that is signed, and anything that is neither a chain nor a book.
        MismatchError
            For evidence about a contract that stands in several rows of the book.
        """
        book = interest_of(book)
        cells = find_cells(book, self.moneyness, self.days)
        table, remarks = cells.table, []
        every = [Share()] * len(table)
        words = [set(row) for row in table[["kind", "moneyness", "expiry", "venue"]].itertuples(index=False)]
        for key, share in self.shares.items():
            named = [set(_words(key)) <= own for own in words]
            every = [share if hit else old for hit, old in zip(named, every, strict=True)]
            unknown = [word for word in _words(key) if word not in self._known | set(table["venue"])]
            if unknown:
                remarks.append(
                    f"beliefs: {key!r} applies to nothing: {', '.join(map(repr, unknown))} is no kind of "
                    f"contract, no bucket ({', '.join(self._buckets)}) and no venue of the book"
                )
        copula = self._prior(table, tuple(every))
        size = table["size"].to_numpy()
        if self.evidence:
            known = (cells.place, size, copula.deviation**2, self.alike)
            found = find_evidence(self.evidence, book, *known)
            copula = updated_copula(copula, found.cells, found.y, found.r)
            remarks += found.remarks
        return CellBeliefs(self, cells, copula, tuple(remarks))

    def _prior(self, table: pd.DataFrame, every: tuple[Share, ...]) -> Copula:
        from scipy.special import ndtr

        below = ndtr(NODES)
        tables = {share: share.quantile(below) for share in set(every)}
        R = correlate(table, self.same_kind, self.neighbours, self.other_kind, self.other_venue)
        return Copula(np.array([tables[share] for share in every]), R)

    @property
    def _buckets(self) -> tuple[str, ...]:
        return (*buckets(self.moneyness), "no strike", *buckets(self.days, "d"), "no expiry")

    @property
    def _known(self) -> set[str]:
        return {*KINDS, *self._buckets}

    def __repr__(self) -> str:
        return f"Beliefs {self}"

    def __str__(self) -> str:
        known = f"{rows_text(len(self.evidence), 'source')} of evidence"
        shares = "; ".join(f"{' '.join(_words(key))} {share}" for key, share in self.shares.items())
        text = self.name + f": {self.meaning or shares}" * bool(self.meaning or shares)
        text += f" [{shares}]" * bool(self.meaning and shares)
        return f"{text} ({known if self.evidence else 'no evidence'})" + f"; {self.source}" * bool(
            self.source
        )


_WITH = " with evidence"


def _words(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)


@dataclass(frozen=True, eq=False, repr=False)
class CellBeliefs(Frozen):
    """Beliefs about the cells of one book.

    Attributes
    ----------
    beliefs : Beliefs
    cells : Cells
    copula : Copula
        Joint distribution of the shares.
    remarks : tuple of str
        Entries and evidence that apply to nothing, and evidence that contradicts open interest.

    See Also
    --------
    Beliefs
    sign_bands

    Examples
    --------
    >>> import gammaflow as gf
    >>> bands = gf.sign_bands(gf.demo_chain().select(gf.filters.dte(0, 1)), draws=100)
    >>> bands.cells.table.shape[1] > 3, bands.cells.remarks
    (True, ())
    """

    beliefs: Beliefs
    cells: Cells
    copula: Copula
    remarks: tuple[str, ...] = ()

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per cell: open interest [units of the underlying]; mean and quantiles of its share."""
        cells, copula = self.cells.table, self.copula
        index = pd.MultiIndex.from_frame(cells[["kind", "moneyness", "expiry", "venue"]])
        quantiles = {f"{p:.0%}".replace("%", " %"): copula.quantile(p) for p in (0.05, 0.5, 0.95)}
        columns = {
            "open_interest": cells["size"].to_numpy(),
            "mean": copula.mean,
            "deviation": copula.deviation,
        }
        return pd.DataFrame({**columns, **quantiles}, index=index)

    @property
    def mean(self) -> NDArray[np.float64]:
        """Expected share of each cell."""
        return self.copula.mean

    def draw(self, draws: int, seed: int = 0) -> NDArray[np.float64]:
        """Shares drawn, (draws, cells); the same for the same seed."""
        return self.copula.draw(draws, seed)

    def _page_text(self) -> str:
        return "\n".join([repr(self.beliefs), *self.remarks])

    def __repr__(self) -> str:
        return "\n".join([self._page_text(), self.table.to_string(float_format="{:,.3g}".format)])


def interest_of(book: Chain | Book) -> Book:
    """Open interest as an unsigned book; SchemaError for a book that is signed.

    See Also
    --------
    sign_bands
    assign_positions : Sign a chain's open interest as dealers' positions.

    Examples
    --------
    >>> import gammaflow as gf
    >>> book = gf.beliefs.interest_of(gf.demo_chain())
    >>> book.signed, len(book)
    (False, 598)
    """
    check_noun(book, "book", Chain, Book)
    if isinstance(book, Chain):
        return assign_positions(book, "unsigned")
    refuse(
        "book",
        [
            "book: its positions are signed, and beliefs are about open interest. Give the chain, or "
            "assign_positions(chain, 'unsigned'), and positions that are known as known=."
        ]
        * book.signed,
    )
    return book


FLAT = Beliefs(source=_ASSUMED)
CUSTOMERS_BUY_PUTS = Beliefs(
    {"put": Share.beta(-0.5, 0.25)},
    "customers_buy_puts",
    "crypto customers buy puts: dealers are short half of them, give or take a quarter; of calls nothing is "
    "known",
    _ASSUMED,
)
CALLS_LONG_PUTS_SHORT = Beliefs(
    {"call": Share.beta(0.5, 0.25), "put": Share.beta(-0.5, 0.25)},
    "calls_long_puts_short",
    "customers sell calls and buy puts: dealers are long half of the calls and short half of the puts, give "
    "or take a quarter",
    _ASSUMED,
)

#: Beliefs by name.
PRESETS: Mapping[str, Beliefs] = MappingProxyType(
    {each.name: each for each in (FLAT, CUSTOMERS_BUY_PUTS, CALLS_LONG_PUTS_SHORT)}
)


def find_beliefs(beliefs: str | Beliefs) -> Beliefs:
    """Beliefs, or those of `PRESETS` by name; SchemaError for an unknown name.

    See Also
    --------
    Beliefs
    sign_bands

    Examples
    --------
    >>> import gammaflow as gf
    >>> gf.beliefs.find_beliefs("customers_buy_puts").name
    'customers_buy_puts'
    """
    return beliefs if isinstance(beliefs, Beliefs) else PRESETS[check_choice(beliefs, "beliefs", PRESETS)]


def __dir__() -> list[str]:
    return __all__
