"""The book: one signed dealer position per row, whatever its venue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.calendars import DAYS_PER_YEAR, years_to_expiry
from gammaflow.checks import as_list, attempt, check_choice, check_number, check_text, read_only, refuse, utc
from gammaflow.columnar import Note, PerUnit, Subset
from gammaflow.columns import Columns, changed, rows_of, validate
from gammaflow.errors import SchemaError
from gammaflow.frozen import FrozenMapping
from gammaflow.instruments.registry import INSTRUMENTS, KINDS, has_terms, problems_of
from gammaflow.market.chain import NOT_SELECTED, Quality
from gammaflow.market.plausibility import book_warnings, valued_early
from gammaflow.market.quality import SELECTED
from gammaflow.positions import checks
from gammaflow.positions.joins import join, mapped, net
from gammaflow.positions.origins import Origin, Source, count_held, quality_of, rule_of, rule_text, turn
from gammaflow.positions.rows import PositionRows
from gammaflow.schema import BOOK
from gammaflow.selection import Filter, Selection
from gammaflow.text import WARNING, clean, marked, rows_text
from gammaflow.units import CONVENTION

__all__ = ["Book", "Note", "PerUnit"]

_COLUMNS = {**BOOK, "kind": replace(BOOK["kind"], choices=KINDS)}


# Largest shift of every volatility [1.00 of vol].
_WIDEST = 100.0


@dataclass(frozen=True, eq=False, repr=False)
class Book(PositionRows):
    """Dealers' signed positions in options on one underlying at one timestamp.

    Parameters
    ----------
    columns : mapping or DataFrame
        The columns of `gammaflow.schema.BOOK`. `position` is in contracts, + where dealers are long the
        option. Rows are sorted by expiry. A frame names each contract once; a sum of books may hold a
        contract in several rows.
    symbol : str
        The underlying.
    spot : float
        Its price at `asof` [currency].
    asof : tz-aware timestamp
        Valuation time.
    rule : str or tuple of str
        The positioning rules that signed the rows, in words; stored as a tuple.
    signed : bool
        False where positions carry no dealer sign (open interest alone), so that the sign of a sum
        says nothing about dealers.
    currency : str
        Currency of spot, strikes and money figures.
    terms : mapping of str to Note
        Terms that columns cannot hold, by contract: the note behind each row of kind "note".
    origins : tuple of Origin
        Sources of the rows and the rules that signed them, which column `origin` points to; default: one,
        without a name.
    selections : tuple of Selection
        One record for each selection of rows: its conditions, and the share that it kept of the absolute
        positions (in units of the underlying) of the book it was made from.

    Raises
    ------
    SchemaError
        With every problem of the columns in one message; also where a row has expired at `asof`.

    See Also
    --------
    assign_positions : Sign a chain's open interest as dealers' positions.
    book_notes : Book of the dealers who are short structured notes: one row per note, position -1.
    sweep_spot : Reprice every measure of a book at each spot of a grid.

    Examples
    --------
    >>> import gammaflow as gf
    >>> hedge = {"contract": ["BTC-PERP"], "venue": ["Deribit"], "kind": ["perpetual"], "position": [-25.0]}
    >>> book = gf.Book({**hedge, "multiplier": [1.0]}, "BTC", 71_470.0, "2026-02-05T09:36Z", "hedge")
    >>> float(gf.aggregate_exposure(book).total()["delta"])
    -1786750.0
    """

    columns: Columns
    symbol: str
    spot: float
    asof: pd.Timestamp
    rule: tuple[str, ...] = ("given positions",)
    signed: bool = True
    currency: str = "USD"
    terms: Mapping[str, Note] = field(default_factory=dict)
    origins: tuple[Origin, ...] = ()
    selections: tuple[Selection, ...] = ()

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        rule: Any = self.rule
        rules, found = attempt(
            lambda: (rule,) if isinstance(rule, str) else tuple(as_list(rule, "rule", "texts"))
        )
        values, problems = attempt(
            lambda: check_number(self.spot, "spot", 0.0, open_low=True),
            lambda: utc(self.asof),
            lambda: validate(self.columns, _COLUMNS, "book"),
            lambda: check_text(self.symbol, "symbol"),
            lambda: check_text(self.currency, "currency"),
        )
        refuse("book", found + problems)
        set_(self, "rule", rules[0])
        spot, asof, columns, symbol, currency = values
        set_(self, "symbol", symbol)
        set_(self, "currency", currency)
        if self.origins:
            problems = checks.origin_problems(columns, len(self.origins))
        else:
            problems, n = checks.repeat_problems(columns["contract"]), len(columns["contract"])
            columns = changed(columns, origin=read_only(np.zeros(n)))
            set_(self, "origins", (Origin((Source("", n),), self.rule),))
        # By name as the rows have it: control characters are their escapes there.
        terms = {clean(n) if isinstance(n, str) else n: note for n, note in self.terms.items()}
        refuse("book", [*problems_of(columns), *checks.term_problems(columns, terms), *problems])
        set_(self, "terms", FrozenMapping(terms))
        set_(self, "spot", spot)
        set_(self, "asof", asof)
        if not len(columns["kind"]):
            raise SchemaError(f"book not accepted: {self.symbol} has no rows; one position is needed.")
        if (columns["expiry"][1:] < columns["expiry"][:-1]).any() or np.isnat(columns["expiry"]).any():
            columns = rows_of(columns, np.argsort(columns["expiry"], kind="stable"))
        set_(self, "columns", columns)
        if self.rule != rule_of(self.origins, columns["origin"]):
            set_(self, "origins", tuple(origin._replace(rule=self.rule) for origin in self.origins))
        checks.refuse_expired(columns, self.years, asof)

    @cached_property
    def _held(self) -> dict[Source, int]:
        """Contracts of each source in the book."""
        return count_held(self.origins, self["origin"], self["contract"])

    @property
    def rule_text(self) -> str:
        """The rules that signed the rows as one text, as every result prints them."""
        return rule_text(self.rule)

    @property
    def synthetic(self) -> bool:
        """True if any row comes from synthetic data."""
        return any(source.synthetic for source, held in self._held.items() if held)

    @property
    def sources(self) -> tuple[str, ...]:
        """Sources of the quotes and terms behind the rows."""
        return tuple(dict.fromkeys(s.name for s, held in self._held.items() if held and s.name))

    @cached_property
    def subset(self) -> Subset | None:
        """Number of contracts held, and in the books it was taken from; None where it holds them all."""
        found = Subset(sum(self._held.values()), sum(source.rows for source in self._held))
        return None if found.rows == found.of else found

    @property
    def filters(self) -> tuple[str, ...]:
        """Conditions by which the rows of the book and of its chains were selected, and what they exclude."""
        chains = self.quality.each() if self.quality else ()
        named = len(chains) > 1
        said = (f"{q.source}: {q.selection}" if named else str(q.selection) for q in chains if q.selection)
        return tuple(dict.fromkeys([*said, *map(str, self.selections)]))

    @property
    def title(self) -> str:
        """Symbol, marked where the book is a subset or its chain is: the title of every result."""
        marks = [str(self.subset)] if self.subset else []
        chains = self.quality.each() if self.quality else ()
        if any(NOT_SELECTED in chain.left_out for chain in chains):
            marks.append("chain filtered")
        return f"{self.symbol} ({'; '.join(marks)})" if marks else self.symbol

    @cached_property
    def quality(self) -> Quality | None:
        """Quality of the chains behind the book; None where no row comes from a chain.

        The chain's own quality where the book is one whole chain at its own timestamp; else a `BookQuality`,
        which states what its figures cover.
        """
        return quality_of(self._held, self.origins, self["origin"], self.asof)

    def rolled(self, days: float = 0.0, vol_shift: float = 0.0) -> tuple[NDArray[Any], NDArray[Any]]:
        """Years to expiry (0 where expired by then) and volatilities after `days` and a `vol_shift`.

        Parameters
        ----------
        days : float
            Calendar days to roll forward, >= 0.
        vol_shift : float
            Added to every volatility [1.00 of vol: 0.01 is one vol point].
        """
        days = check_number(days, "days", 0.0)
        if days and days > (last := (pd.Timestamp.max.tz_localize("UTC") - self.asof).days):
            raise SchemaError(f"days: received {days:g}; legal: 0 .. {last:,}, until the year 2262.")
        vol_shift = check_number(vol_shift, "vol_shift", -_WIDEST, _WIDEST)
        lowest = self.lowest_volatility
        if lowest + vol_shift <= 0:
            raise SchemaError(
                f"vol_shift: received {vol_shift:g}; the book's lowest volatility is {lowest:g} and none may "
                f"become <= 0. Use a vol_shift above {-lowest:g}."
            )
        years = np.maximum(self.years - days / DAYS_PER_YEAR, 0.0)
        return read_only(years), read_only(self["sigma"] + vol_shift)

    def select(self, rows: Filter | ArrayLike | None = None, **criteria: Any) -> Book:
        """Rows selected by a filter or a mask, and by criteria by column name, as for `Chain.select`.

        The result is marked as a subset; `selections` has the conditions, and `filters` has them in words.
        """
        choice = self.choose(rows, criteria, _COLUMNS)
        columns = rows_of(self.columns, choice.mask)
        kept = columns["contract"][has_terms(columns)]
        selection = Selection.of(choice, np.abs(self.size), "absolute positions")
        return replace(
            self,
            columns=columns,
            rule=rule_of(self.origins, columns["origin"]),
            terms={name: self.terms[name] for name in kept},
            selections=(*self.selections, *([selection] if selection else [])),
        )

    def at(self, *, spot: float | None = None, asof: Any = None) -> Book:
        """The same positions at another spot or timestamp; vols stay, forwards keep their ratio to spot.

        Parameters
        ----------
        spot : float, optional
            Price of the underlying [currency]; default: the book's.
        asof : tz-aware timestamp, optional
            Default: the book's; no row may have expired by then.

        Raises
        ------
        SchemaError
            Where rows have expired by `asof`, with the selection that excludes them.
        """
        moment = self.asof if asof is None else utc(asof)
        checks.refuse_expired(self.columns, years_to_expiry(self["expiry"], moment), moment)
        to = self.spot if spot is None else check_number(spot, "spot", 0.0, open_low=True)
        days = (moment - self.asof) / pd.Timedelta(1, "D")
        ratio = self["forward_ratio"].copy()
        for name, rows in self.parts.items():
            ratio[self.instruments[name]] = INSTRUMENTS[name].ratio_at(rows, to, days)
        return replace(self, columns=changed(self.columns, forward_ratio=ratio), spot=to, asof=moment)

    def kept_in(self, numeraire: str) -> Book:
        """The same positions with dealers' accounts in "usd" or "coin", for options that settle in coin.

        In coin, delta is the net transaction delta (option delta minus premium in coin); gamma is its slope,
        the option's gamma minus net transaction delta over the forward.
        """
        check_choice(numeraire, "numeraire", BOOK["numeraire"].choices)
        accounts = np.full(len(self), numeraire, dtype=object)
        return replace(self, columns=changed(self.columns, numeraire=accounts))

    def in_units_of(
        self, symbol: str, per_unit: float | PerUnit, *, spot: float | None = None, venue: str | None = None
    ) -> Book:
        """The same positions in another unit of one asset (a fund's shares as coins), unchanged in money.

        Parameters
        ----------
        symbol : str
            Symbol of the new unit, such as "BTC".
        per_unit : float or PerUnit
            Units of `symbol` behind one unit of this underlying, > 0; or a dated map of `gammaflow.venues`.
        spot : float, optional
            Price of `symbol` at the book's timestamp [currency]. If the book's own spot implies another
            price, that premium is kept as spot moves, scales levels and is recorded in `rule`.
        venue : str, optional
            Renames the venue of every row.

        Returns
        -------
        Book
            With spot per unit of `symbol`.

        Raises
        ------
        SchemaError
            For a ratio or a spot that is not > 0.

        Examples
        --------
        >>> import gammaflow as gf
        >>> book = gf.assign_positions(gf.demo_chain())
        >>> milli = book.in_units_of("mBTC", 1000.0)
        >>> bool(np.isclose(gf.aggregate_exposure(milli).total()["gamma"],
        ...                 gf.aggregate_exposure(book).total()["gamma"], rtol=1e-12))
        True
        """
        fields, words = mapped(self, symbol, per_unit, spot, venue)
        return replace(self, **fields, **self._retold(lambda part: f"{part}, {words}", fields["spot"]))

    def _retold(self, words: Callable[[str], str], spot: float | None = None) -> dict[str, Any]:
        """Fields to replace: the rule of every origin reworded, its units those in which spot is `spot`."""
        factor = 1.0 if spot is None else spot / self.spot
        origins = tuple(Origin(o.sources, tuple(map(words, o.rule)), o.factor * factor) for o in self.origins)
        return {"origins": origins, "rule": rule_of(origins, self["origin"])}

    @property
    def sign(self) -> str:
        """Sign convention of every figure in money, as results print it."""
        return self.sign_of(CONVENTION)

    def sign_of(self, convention: str) -> str:
        """`convention`, or "none" where positions are unsigned open interest."""
        return convention if self.signed else "none (open interest alone)"

    @property
    def remarks(self) -> tuple[str, ...]:
        """Rows other than vanilla European options in currency, and how they are valued, in words."""
        counts = {INSTRUMENTS[name].remark: int(mask.sum()) for name, mask in self.instruments.items()}
        return tuple(f"{rows_text(n)}: {text}" for text, n in counts.items() if text)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Implausible values of the chain behind the book and of its columns, repeated by every result."""
        said = self.quality.warnings if self.quality else ()
        chains = self.quality.each() if self.quality else ()
        topics = {sentence.partition(":")[0] for chain in chains for sentence in chain.warnings}
        own = book_warnings(self, self.vanilla) + valued_early(
            self.asof, [(chain.source, chain.asof) for chain in chains if chain.asof is not None]
        )
        return said + tuple(sentence for sentence in own if sentence.partition(":")[0] not in topics)

    @property
    def quality_text(self) -> str:
        """Text of the quality without its warnings and filters, which are the book's too; "" without one."""
        lines = str(self.quality).splitlines() if self.quality else []
        return "\n".join(line for line in lines if not line.startswith((WARNING, SELECTED)))

    def __add__(self, other: Book) -> Book:
        """Sum of two books, which must share underlying, spot, timestamp, currency and signedness.

        A contract in both books stays in two rows, each valued as in its own book (an earlier book has
        earlier vols), so that every measure of the sum, gross gamma included, is the sum of the two; tables
        by strike, expiry or contract net the rows, and `netted` merges rows valued alike. Notes with the same
        name but different terms get a number after the name.
        """
        if not isinstance(other, Book):
            return NotImplemented
        both = replace(self, **join(self, other))
        return replace(both, selections=()) if both.selections and both.subset is None else both

    def __neg__(self) -> Book:
        """The other side of every position."""
        return replace(self, columns=changed(self.columns, position=-self["position"]), **self._retold(turn))

    def netted(self) -> Book:
        """Merge rows of one contract that are valued alike into one row with their net position.

        Rows that differ in anything but position stay separate. A net position of zero stays as a row. Totals
        are unchanged except for gross gamma, which then counts net positions.

        Examples
        --------
        >>> import gammaflow as gf
        >>> book = gf.assign_positions(gf.demo_chain())
        >>> both = book + -book
        >>> len(both), len(both.netted()), bool(both.netted()["position"].any())
        (1196, 598, False)
        """
        return replace(self, **net(self.columns, self.origins))

    def __repr__(self) -> str:
        names, place = np.unique(self["contract"].astype(str), return_inverse=True)
        net = np.bincount(place, self["position"])
        rows = rows_text(len(self)) + (f" on {len(names):,} contracts" if len(names) < len(self) else "")
        long, short = net[net > 0].sum(), -net[net < 0].sum()
        held = (
            f"dealers are long {long:,.0f} and short {short:z,.0f} contracts"
            if self.signed
            else f"{long + short:,.0f} contracts of open interest, unsigned"
        )
        return (
            f"Book {self.title}, as of {self.asof:%Y-%m-%d %H:%M:%S} UTC, spot {self.spot:,.2f} "
            f"{self.currency}\n"
            + "".join(f"{line}\n" for line in marked(self.warnings))
            + f"rule: {self.rule_text}\n"
            + "".join(f"{SELECTED}{text}\n" for text in self.filters)
            + f"{rows}, {rows_text(len(self.expiries.dropna()), 'expiry')}, {held}"
            + "".join(f"\n{line}" for line in (*self.remarks, self.quality_text) if line)
        )
