"""Option chain: one quoted contract per row, of one underlying at one timestamp, as the vendor sent it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.calendars import NEW_YORK, day_in, years_to_expiry
from gammaflow.checks import attempt, check_choice, check_number, check_text, read_only, refuse, utc
from gammaflow.coded import Coded
from gammaflow.columnar import Columnar, Subset
from gammaflow.columns import Columns, changed, rows_of, rows_with, validate
from gammaflow.errors import SchemaError
from gammaflow.frozen import FrozenMapping
from gammaflow.market.carry.dividends import Dividends
from gammaflow.market.carry.forwards import carried, grown, on_dividends
from gammaflow.market.carry.rates import RateCurve
from gammaflow.market.measures import find_groups, find_unusable, first_true, measure
from gammaflow.market.plausibility import (
    PLACEHOLDER_IV,
    chain_warnings,
    contradictions,
    dividend_warnings,
)
from gammaflow.market.quality import Quality
from gammaflow.market.smiles import find_smiles
from gammaflow.schema import CHAIN
from gammaflow.selection import Choice, Filter, Selection
from gammaflow.text import rows_text, value_text

__all__ = ["DATED", "FACTS", "NOT_SELECTED", "PLACEHOLDER_IV", "QUOTE_UNITS", "Chain", "Quality"]

# Facts that are text.
_TEXTS = ("symbol", "vendor", "currency", "venue", "file_format")

#: Facts that all rows of a chain share; `Chain.to_frame` puts them in front of its columns.
FACTS = ("symbol", "vendor", "asof", "spot", "currency", "venue", "quote_unit", "synthetic")

#: Facts by date, which only a chain that was given them has, and their types.
DATED: Mapping[str, type[RateCurve] | type[Dividends]] = MappingProxyType(
    {"rate_curve": RateCurve, "dividends": Dividends}
)

#: Units of quotes: the currency of spot and strikes, or the coin in which inverse options settle.
QUOTE_UNITS = ("currency", "coin")

# Columns made of them.
_COLUMN_OF = {"rate": "rate_curve", "dividend_yield": "dividends"}

#: Rows of a larger chain, as `Chain.left_out` counts them.
NOT_SELECTED = "not selected"


@dataclass(frozen=True, eq=False, repr=False)
class Chain(Columnar):
    """An option chain: validated, read-only columns (see `gammaflow.schema.CHAIN`) and shared facts.

    Parameters
    ----------
    columns : mapping or DataFrame
        The columns of `gammaflow.schema.CHAIN`; optional ones may be absent. `expiry` is tz-aware.
    symbol : str
        The underlying.
    spot : float
        Its price at `asof` [currency].
    asof : tz-aware timestamp
        When the quotes were taken.
    vendor : str
        Vendor of the data, such as "cboe".
    currency : str
        Currency of spot, strikes and all amounts of money.
    left_out : mapping of str to int
        Rows of the source that are excluded from the chain, by reason.
    venue : str
        Where the contracts trade, such as "Deribit"; by default the vendor's name.
    quote_unit : "currency" or "coin"
        Unit of bid, ask, last and mark: `currency`, or units of the underlying.
    file_format : str
        Format of the file or response it was read from, as `read_chain` names it; "" for none.
    synthetic : bool
        Whether the numbers are made up rather than market quotes.
    caveats : tuple of str
        What whoever made the chain says about its numbers, one sentence each; they lead its `warnings`.
    selection : Selection, optional
        Conditions by which rows were selected from a larger chain, and the share of its open interest kept.
    rate_curve : RateCurve, optional
        The curve that column `rate` was made of: the zero rate to each expiry.
    dividends : Dividends, optional
        The cash dividends that column `dividend_yield` was made of: the yield with the same forward.

    Raises
    ------
    SchemaError
        With every problem of the columns in one message; also where spot, strikes, forwards and volatilities
        contradict each other so badly that the chain must be wrong (`plausibility.contradictions`).

    See Also
    --------
    read_chain : Read a vendor's file of option quotes, or anyone's table through a map of its columns.
    chain_from_frame : A chain from a DataFrame with one row per contract.
    Book : Dealers' signed positions in options on one underlying at one timestamp.

    Examples
    --------
    >>> import gammaflow as gf
    >>> chain = gf.demo_chain()
    >>> chain.symbol, len(chain) > 200
    ('BTC', True)
    >>> chain["strike"].flags.writeable
    False
    """

    columns: Columns
    symbol: str
    spot: float
    asof: pd.Timestamp
    vendor: str = "unknown"
    currency: str = "USD"
    left_out: Mapping[str, int] = field(default_factory=dict)
    venue: str = ""
    quote_unit: str = "currency"
    file_format: str = ""
    synthetic: bool = False
    caveats: tuple[str, ...] = ()
    selection: Selection | None = None
    rate_curve: RateCurve | None = None
    dividends: Dividends | None = None

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        values, problems = attempt(
            lambda: check_number(self.spot, "spot", 0.0, open_low=True),
            lambda: utc(self.asof),
            lambda: validate(self.columns, CHAIN, "chain"),
            lambda: check_choice(self.quote_unit, "quote_unit", QUOTE_UNITS),
            *(lambda n=n: check_text(getattr(self, n), n) for n in _TEXTS),
            *(lambda n=n, t=t: _dated(getattr(self, n), n, t) for n, t in DATED.items()),
        )
        refuse("chain", problems or self._contradictions(values[2], values[0]))
        for name, value in zip(
            ("spot", "asof", "columns", "quote_unit", *_TEXTS, *DATED), values, strict=True
        ):
            set_(self, name, value)
        set_(self, "left_out", FrozenMapping({k: int(v) for k, v in self.left_out.items() if v}))
        set_(self, "venue", self.venue or self.vendor)
        if not len(self):
            raise SchemaError(
                f"chain not accepted: {self.symbol} has no rows; at least one contract is needed."
            )

    def _contradictions(self, columns: Columns, spot: float) -> list[str]:
        """Contradictions that make every number of the chain meaningless, one line each."""
        return contradictions(columns, spot)

    @cached_property
    def years(self) -> NDArray[np.float64]:
        """Years to expiry of each row (ACT/365, to the second); negative once expired."""
        return years_to_expiry(self.columns["expiry"], self.asof)

    @cached_property
    def forward_prices(self) -> NDArray[np.float64]:
        """Forward of each row; without one, spot e^((rate - yield) t), and spot once expired [currency]."""
        own = grown(self.spot, self["rate"], self["dividend_yield"], np.maximum(self.years, 0.0))
        return read_only(np.where(np.isnan(self["forward"]), own, self["forward"]))

    @property
    def unusable(self) -> NDArray[Any]:
        """Reason why each row cannot be valued or carries no position, as text; "" where there is none.

        One of `gammaflow.market.quality.REASONS`.
        """
        return self.reasons.rows

    @cached_property
    def reasons(self) -> Coded:
        """`unusable`, coded."""
        return find_unusable(self)

    @cached_property
    def quote_age(self) -> NDArray[np.float64]:
        """Minutes from each row's `quote_time` to `asof`, (n,); negative after it, NaN where unknown."""
        age: NDArray[Any] = self.asof.tz_localize(None).to_datetime64() - self.columns["quote_time"]
        return np.asarray(age / np.timedelta64(1, "m"), dtype=np.float64)

    @cached_property
    def open_interest_age(self) -> NDArray[np.float64]:
        """Calendar days from each row's `open_interest_date` to the day of `asof`, (n,); NaN where unknown.

        The day of `asof` is New York's for AM- and PM-settled options, else UTC's. A negative age means
        look-ahead.
        """
        counted = self.columns["open_interest_date"]
        if np.isnat(counted).all():
            return np.full(len(self), np.nan)
        today = np.full(len(self), day_in("UTC", self.asof))
        if self.in_new_york.any():
            today[self.in_new_york] = day_in(NEW_YORK, self.asof)
        age: NDArray[Any] = today - counted.astype("datetime64[D]")
        return np.asarray(age / np.timedelta64(1, "D"), dtype=np.float64)

    @cached_property
    def in_new_york(self) -> NDArray[np.bool_]:
        """True for rows that are AM- or PM-settled, at New York time, (n,)."""
        return rows_with(self.columns, "settlement", "AM", "PM")

    @cached_property
    def calls(self) -> NDArray[np.bool_]:
        """True for calls, False for puts, (n,)."""
        return rows_with(self.columns, "kind", "call")

    @cached_property
    def expiry_places(self) -> tuple[NDArray[Any], NDArray[np.intp]]:
        """Distinct expiries, ascending, (k,), and the place of each row's among them, (n,)."""
        distinct, places = np.unique(self.columns["expiry"].view(np.int64), return_inverse=True)
        return distinct.view("datetime64[ns]"), places

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """Number of each row's expiry and root, in that order, (n,); -1 where it has expired."""
        return find_groups(self)

    @cached_property
    def smiles(self) -> tuple[NDArray[Any], tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]]:
        """Unexpired expiries, ascending, and the smile of each: ln(F/K), ascending, and its vols, (k,) each.

        Vols [1/sqrt(year)] are the usable ones of out-of-the-money options, whatever their open interest, the
        mean of several at one strike; k is 0 for an expiry without any.
        """
        return find_smiles(self)

    @property
    def quote_state(self) -> NDArray[Any]:
        """State of each row's quote, (n,): two-sided, crossed (bid > ask), no bid, no ask, no quote."""
        return self.quote_states.rows

    @cached_property
    def quote_states(self) -> Coded:
        """`quote_state`, coded."""
        bid, ask = self["bid"], self["ask"]
        no_bid, no_ask = ~(bid > 0), ~(ask > 0)
        states = {"no quote": no_bid & no_ask, "no ask": no_ask, "no bid": no_bid, "crossed": bid > ask}
        return first_true(states, "two-sided")

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Caveats and implausibilities of the chain, one sentence each; every result repeats them."""
        about = () if self.dividends is None else dividend_warnings(self, self.dividends, self.rate_curve)
        return (*self.caveats, *chain_warnings(self), *about)

    @cached_property
    def quality(self) -> Quality:
        """Quality of the chain: usable rows, the others counted by reason, states of quotes, and a score."""
        return measure(self)

    def with_columns(self, **columns: Any) -> Chain:
        """A new chain with some columns replaced; a scalar fills the column.

        A chain with another column `rate` or `dividend_yield` no longer has the `rate_curve` or `dividends`;
        rows on the forward of their dividends have that of the new rate, and with another yield none.

        Examples
        --------
        >>> import gammaflow as gf
        >>> gf.demo_chain().with_columns(rate=0.04)["rate"][:2]
        array([0.04, 0.04])
        """
        every = range(len(self))
        filled: dict[str, Any] = {
            k: pd.Series(v, every) if pd.api.types.is_scalar(v) else v for k, v in columns.items()
        }
        gone: dict[str, Any] = {fact: None for name, fact in _COLUMN_OF.items() if name in columns}
        new = replace(self, columns=changed(self.columns, **filled), **gone)
        if self.dividends is None or not gone or "forward" in columns:
            return new
        own = on_dividends(self, self.dividends, self.rate_curve)
        forward: Any = np.nan
        if new.dividends is not None:
            _, forward = carried(new, new.dividends, new["rate"], new["rate"])
        forwards = np.where(own, forward, self["forward"])
        return replace(new, columns=changed(new.columns, forward=forwards))

    def select(self, rows: Filter | ArrayLike | None = None, **criteria: Any) -> Chain:
        """The rows selected by a filter or a mask, and by criteria on columns, at least one.

        Parameters
        ----------
        rows : Filter or (n,) array of bool, optional
            A filter of `gammaflow.filters`, or True for the rows to keep; all rows by default.
        **criteria
            By column: a value, or a list of accepted values. Timestamps have a time zone. A row must meet all
            criteria.

        Returns
        -------
        Chain
            The chain says that it is a subset: the other rows are counted in `left_out`, and `selection` has
            the conditions and the share of open interest that they excluded.

        Raises
        ------
        SchemaError
            For a mask that is not one, a filter that a chain cannot answer, columns or values that are not
            legal, or where no row is selected.

        Examples
        --------
        >>> import gammaflow as gf
        >>> chain = gf.demo_chain()
        >>> puts = chain.select(kind="put", expiry="2026-03-27T08:00Z")
        >>> puts.title, set(puts["kind"])
        ('BTC (subset: 33 of 598 rows)', {'put'})
        >>> len(chain.select(chain["strike"] < chain.spot, kind="put", strike=[60e3, 80e3]))
        7
        >>> print(chain.select(gf.filters.dte(0, 7) & gf.filters.delta(0.05, 0.5)).selection)
        dte 0 to 7 and delta 0.05 to 0.5; 98.1% of open interest (contracts) excluded
        """
        return self.keep(self.choose(rows, criteria, CHAIN))

    def keep(self, choice: Choice) -> Chain:
        """The rows that `choose` has chosen, of this chain or of one with the same rows."""
        mask = choice.mask
        columns = rows_of(self.columns, mask)
        others = self.left_out.get(NOT_SELECTED, 0) + int((~mask).sum())
        selection = Selection.of(choice, self["open_interest"], "open interest (contracts)", self.selection)
        left_out = {**self.left_out, NOT_SELECTED: others}
        return replace(self, columns=columns, left_out=left_out, selection=selection)

    @property
    def title(self) -> str:
        """The symbol, with a note that the chain is a subset where rows were selected from a larger one."""
        others = self.left_out.get(NOT_SELECTED, 0)
        return f"{self.symbol} ({Subset(len(self), len(self) + others)})" if others else self.symbol

    def to_frame(self, *, facts: bool = False) -> pd.DataFrame:
        """The columns as a new DataFrame (times tz-aware in UTC).

        Parameters
        ----------
        facts : bool
            Put the shared facts in front: symbol, vendor, asof, spot, currency, venue, quote_unit and
            synthetic, and the rate curve and dividends as text where the chain has them. Written as CSV or
            parquet, such a table is a file that `read_chain` reads.
        """
        frame = super().to_frame()
        for place, name in enumerate(FACTS if check_choice(facts, "facts", (False, True)) else ()):
            frame.insert(place, name, getattr(self, name))
        for name in DATED if facts else ():
            if (given := getattr(self, name)) is not None:
                frame.insert(len(FACTS), name, given.to_text())
        return frame

    @np.errstate(over="ignore", invalid="ignore")
    def __repr__(self) -> str:
        expiries = np.unique(self["expiry"])
        return (
            f"Chain {self.title} from {self.vendor}, as of {self.asof:%Y-%m-%d %H:%M:%S} UTC, "
            f"spot {self.spot:,.2f} {self.currency}\n"
            f"{rows_text(len(self), 'contract')}, {rows_text(len(expiries), 'expiry')} "
            f"({expiries[0].astype('datetime64[D]')} .. {expiries[-1].astype('datetime64[D]')}), "
            f"open interest {np.nansum(self['open_interest']):,.0f} contracts\n"
            + "".join(f"{given}\n" for given in (self.rate_curve, self.dividends) if given is not None)
            + str(self.quality)
        )


def _dated(value: Any, name: str, kind: type[RateCurve] | type[Dividends]) -> Any:
    if value is not None and not isinstance(value, kind):
        raise SchemaError(
            f"{name}: received {value_text(value)}; legal: a {kind.__name__}, as gf.{kind.__name__}(series) "
            "makes it."
        )
    return value
