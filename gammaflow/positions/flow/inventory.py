"""Dealers' inventory by contract from signed flow, as a table and as a rule for `assign_positions`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import check_number, refuse, utc
from gammaflow.columns import numbers
from gammaflow.errors import SchemaError
from gammaflow.frozen import Frozen
from gammaflow.market.chain import Chain
from gammaflow.market.readers.osi import INDEX_ROOTS
from gammaflow.market.trades.contracts import contract_names, contract_terms
from gammaflow.positions.book import Book
from gammaflow.positions.rules.base import PositionRule
from gammaflow.text import rows_text

__all__ = ["Flow", "Start", "flow_table", "read_start"]


@dataclass(frozen=True, eq=False, repr=False)
class Flow(Frozen, PositionRule):
    """Dealers' inventory by contract, from customers' trades; a rule for `assign_positions`.

    Attributes
    ----------
    table : DataFrame
        Indexed by contract: customers' contracts `bought`, `sold` and `unclassified` (no side, or one with
        accuracy 0.5); dealers' expected `inventory` (+ = dealers are long), its standard `deviation`, and
        `known_deviation`, that without the unclassified prints; `accuracy`, the one that all its prints
        would share at that deviation (NaN without any); and the number of `prints` (of rows, where the source
        is not a tape).
    counts : Series
        Rows read, used, and excluded or without a side, by reason.
    start, end : Timestamp or None
        Period of the trades.
    name, meaning, source : str
        Name of the rule, its assumption, and where the data come from.
    remarks : tuple of str
        Limits of the data, one sentence each.
    integrity : DataFrame, optional
        Rows of an open/close file that fail a test, with the imbalance in contracts (`open_close`).

    See Also
    --------
    customer_flow
    open_close : Dealers' inventory from contracts bought and sold by origin, as an exchange publishes them.

    Examples
    --------
    >>> import pandas as pd
    >>> import gammaflow as gf
    >>> chain = gf.demo_chain()
    >>> puts = chain["contract"][chain["kind"] == "put"][:2]
    >>> time = pd.DatetimeIndex(["2026-02-04T10:00Z", "2026-02-04T11:00Z"])
    >>> tape = {"contract": puts, "timestamp": time, "price": 0.02, "size": [30.0, 12.0]}
    >>> flow = gf.customer_flow(gf.read_trades(pd.DataFrame({**tape, "direction": ["buy", "sell"]})))
    >>> flow.inventory.to_list()
    [-30.0, 12.0]
    >>> gf.assign_positions(chain, flow)["position"].tolist()
    [-30.0, 12.0]
    """

    table: pd.DataFrame
    counts: pd.Series
    start: pd.Timestamp | None
    end: pd.Timestamp | None
    name: str
    meaning: str
    source: str
    remarks: tuple[str, ...] = ()
    integrity: pd.DataFrame | None = None

    signed = True
    needs_interest = False

    @property
    def inventory(self) -> pd.Series:
        """Dealers' expected contracts by contract; + = dealers are long."""
        return self.table["inventory"]

    @cached_property
    def terms(self) -> pd.DataFrame:
        """Terms of each contract: `root`, `day` of expiry, `kind`, `strike`; missing where unknown."""
        return contract_terms(self.table.index).drop(columns="contract").set_index(self.table.index)

    def position(self, chain: Chain) -> NDArray[np.float64]:
        """Dealers' contracts for each row of `chain`, (n,); 0 for contracts without trades."""
        held = self.inventory.reindex(contract_names(chain["contract"]))
        return held.fillna(0.0).to_numpy(dtype=np.float64)

    def match(self, chain: Chain) -> pd.Series:
        """Contracts with an inventory that are in `chain`, or expired before its day, or in neither.

        `contracts outside` is the sum of |inventory| of those that are not in the chain.
        """
        held = self.inventory[self.inventory != 0]
        inside = held.index.isin(contract_names(chain["contract"]))
        day = self.terms["day"].reindex(held.index)
        expired = ~inside & (day < chain.asof.tz_localize(None).normalize()).to_numpy(dtype=bool)
        found = {
            "matched": inside.sum(),
            "expired": expired.sum(),
            "not in the chain": (~inside & ~expired).sum(),
            "contracts outside": held[~inside].abs().sum(),
        }
        return pd.Series(found, name="contracts", dtype=np.float64)

    def detail(self, chain: Chain) -> str:
        """Number of contracts with an inventory that are not in `chain`, in words; "" where there is none."""
        match = self.match(chain).astype(np.int64)
        outside = match["expired"] + match["not in the chain"]
        if not outside:
            return ""
        text = (
            f"{outside:,} of {outside + match['matched']:,} contracts are not in the chain, "
            f"{match['expired']:,} of them expired"
        )
        if not match["matched"]:
            first = self.inventory.index[self.inventory != 0][0]
            text += f" (first: {first!r}; the chain's first: {chain['contract'][0]!r})"
        return text

    def summary(self) -> str:
        """Rule, sign, period, customers' and dealers' contracts by kind, and counts, as text."""
        lines = [
            f"Flow of {rows_text(len(self.table), 'contract')}"
            + f", {self._period()}" * bool(self._period()),
            f"rule: {self.name} ({self.meaning}); + = dealers are long, in contracts",
        ]
        kinds = self.terms["kind"].fillna("other")
        for kind, rows in self.table.groupby(kinds.to_numpy(dtype=object)):
            bought, sold, unclassified, inventory = rows.iloc[:, :4].sum()
            deviation = float(np.sqrt((rows["deviation"] ** 2).sum()))
            lines.append(
                f"{kind}s: customers bought {bought:,.10g} and sold {sold:,.10g}, {unclassified:,.10g} "
                f"unclassified; dealers {inventory:+,.6g} ± {deviation:,.4g}"
            )
        counted = ", ".join(f"{name} {n:,}" for name, n in self.counts.items() if n)
        return "\n".join([*lines, f"counts: {counted}", *self.remarks])

    def __repr__(self) -> str:
        return self.summary()

    __str__ = __repr__

    def plot(self, *, spot: float | None = None, ax: Any = None) -> Any:
        """Dealers' inventory by strike, calls and puts (matplotlib Axes).

        Parameters
        ----------
        spot : float, optional
            Price of the underlying, marked [currency].
        ax : matplotlib Axes, optional
            Axes to draw on; by default a new figure.

        Raises
        ------
        SchemaError
            Where the contracts have no known strike, or several underlyings.
        """
        from gammaflow.plot.static import plot_bars

        terms = self.terms[self.terms["strike"].notna()]
        # SPX and SPXW are options on one index.
        names = sorted({INDEX_ROOTS.get(root, (root,))[0] for root in terms["root"].unique()})
        if len(names) != 1:
            raise SchemaError(
                f"plot: received contracts on {len(names)} underlyings ({', '.join(names)}); legal: one. "
                "Make the flow from the trades, or the rows, of one."
            )
        held = self.inventory.reindex(terms.index)
        bars = held.groupby([terms["strike"], terms["kind"]]).sum().unstack(fill_value=0)
        title = f"{names[0]} dealers' inventory by strike, {self.name}"
        price = None if spot is None else check_number(spot, "spot", 0.0, open_low=True)
        title = f"{title}\n{self._period()}".rstrip()
        return plot_bars(bars, price, title, "contracts, + = dealers are long", ax=ax)

    def _period(self) -> str:
        if self.start is None or self.end is None:
            return ""
        if self.start == self.end:
            return f"{self.end:%Y-%m-%d %H:%M} UTC"
        return f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"


class Start(NamedTuple):
    """Start of a flow: its time, dealers' inventory then, and whether both come from a book.

    A book holds what was traded at its own timestamp, so that its flow starts after it.
    """

    time: pd.Timestamp | None
    inventory: pd.Series
    from_book: bool = False

    def later(self, times: NDArray[Any]) -> NDArray[np.bool_]:
        """Mask of the times [UTC] that belong to the flow."""
        if self.time is None:
            return np.ones(len(times), dtype=np.bool_)
        first = self.time.tz_localize(None).to_datetime64()
        return np.asarray(times > first if self.from_book else times >= first)


def read_start(start: Any, initial: Any) -> Start:
    """Start of a flow from the arguments `start` and `initial` of `customer_flow`.

    Raises
    ------
    SchemaError
        With every problem.
    """
    if isinstance(start, Book | pd.Series):
        if initial is not None:
            raise SchemaError("initial: given, and start is an inventory too. Pass start= a timestamp.")
        initial, start = start, None
    time = None if start is None else utc(start, "start")
    if initial is None:
        return Start(time, pd.Series(dtype=np.float64))
    own = False
    if isinstance(initial, Book):
        if not initial.signed:
            raise SchemaError(
                f"start: received a book without a sign ({initial.rule_text}); an inventory needs one."
            )
        own, time = time is None, initial.asof if time is None else time
        initial = pd.Series(initial["position"], initial["contract"])
    if not isinstance(initial, pd.Series):
        raise SchemaError(
            f"initial: received {type(initial).__name__}; legal: a Series of dealers' contracts by contract, "
            "or a Book."
        )
    values, problems = numbers(initial, "initial")
    if not problems and not np.isfinite(values).all():
        problems = [f"initial: {int((~np.isfinite(values)).sum())} of {len(values)} are not finite."]
    refuse("initial inventory", problems)
    held = pd.Series(values, contract_names(initial.index))
    return Start(time, held.groupby(level=0).sum(), own)


def flow_table(
    contract: NDArray[Any], columns: Mapping[str, NDArray[np.float64]], initial: pd.Series
) -> pd.DataFrame:
    """Table of a `Flow`: sums of rows by contract, and their number.

    Parameters
    ----------
    contract : (n,) array of str
    columns : mapping of (n,) arrays
        `bought`, `sold`, `unclassified`, `inventory` (changes of dealers' contracts), its `variance`, and of
        the classified rows alone `known_variance` and the `square` of their contracts.
    initial : Series
        Dealers' contracts before, by contract.
    """
    rows = pd.DataFrame({**columns, "prints": np.ones(len(contract))}).groupby(contract).sum()
    rows = rows.reindex(rows.index.union(initial.index), fill_value=0.0).sort_index()
    rows["inventory"] += initial.reindex(rows.index).fillna(0.0)
    rows["deviation"], known = np.sqrt(rows.pop("variance")), rows.pop("known_variance")
    rows["known_deviation"] = np.sqrt(known)
    squares = rows.pop("square")
    worth = 1.0 - known / squares.where(squares > 0.0)  # (2 p - 1)^2
    rows["accuracy"] = 0.5 + 0.5 * np.sqrt(worth.clip(0.0, 1.0))
    rows["prints"] = rows["prints"].astype(np.int64)
    rows.index = pd.Index(rows.index.to_numpy(dtype=object), dtype=object, name="contract")
    names = ["bought", "sold", "unclassified", "inventory", "deviation", "known_deviation", "accuracy"]
    return rows[[*names, "prints"]]
