"""Open interest as evidence: what was opened and closed between two chains, and which side customers took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import attempt, check_choice, check_number, refuse
from gammaflow.errors import SchemaError
from gammaflow.frozen import Frozen
from gammaflow.kernels.tape import expected_side, side_variance
from gammaflow.market.chain import Chain
from gammaflow.market.facts import DERIBIT
from gammaflow.market.quality import EXPIRED, OF_INTEREST
from gammaflow.positions.book import Book
from gammaflow.positions.interest.match import STATES, match, refuse_strangers
from gammaflow.positions.interest.text import summary
from gammaflow.positions.rules import RULES, PositionRule, assign_positions, find_rule

__all__ = ["ACCURACY", "BY_VOL", "OpenInterestChange", "open_interest_change"]

#: Assumed share of contracts whose side a move of vol against the smile tells; 0.5 would tell nothing.
ACCURACY = 0.55

#: The name under which `OpenInterestChange.book` takes the side from moves of vol.
BY_VOL = "by_vol"

#: Hours that a venue's volume covers, by venue; others do not say.
VOLUME_HOURS: Mapping[str, float] = {DERIBIT: 24.0}

_UNKNOWN = "open interest unknown"
_NO_SIDE = "no side from the move of vol"


@dataclass(frozen=True, eq=False, repr=False)
class OpenInterestChange(Frozen):
    """Open interest of each contract before and after, from two chains of one underlying.

    Attributes
    ----------
    table : DataFrame
        One row per contract, by name: `expiry`, `strike`, `kind`, `multiplier`; `before`, `after` and
        `change` [contracts of that multiplier; NaN where unknown]; `state`, one of
        `gammaflow.positions.interest.match.STATES`; `volume` of the later chain [contracts]; `rolled`,
        the most that can have been rolled out of it into later expiries of the same strike and kind, or into
        it from earlier ones [contracts, >= 0]; `iv_before`, `iv_after`; `vol_move`, the change of its
        strike's vol less that of its neighbours' [1.00 of vol]; `side`, +1.0 where customers are taken to
        have bought what changed (its vol rose against the smile), -1.0 where sold, 0.0 where nothing tells;
        `beyond_volume`, whether the change is more than can have been traded, False where unchecked.
    earlier, later : Chain
    accuracy : float
        Assumed probability that `side` is right.
    volume_hours : float
        Hours that the later chain's volume covers; NaN where unknown.

    See Also
    --------
    open_interest_change, compare_books

    Examples
    --------
    >>> import gammaflow as gf
    >>> from dataclasses import replace
    >>> later = gf.demo_chain()
    >>> less = 0.9 * later["open_interest"]
    >>> earlier = replace(later.with_columns(open_interest=less), asof="2026-02-04T09:36Z")
    >>> change = gf.open_interest_change(earlier, later)
    >>> bool(np.isclose(change.table["change"].sum(), 0.1 * later["open_interest"].sum()))
    True
    """

    table: pd.DataFrame
    earlier: Chain
    later: Chain
    accuracy: float
    volume_hours: float

    @property
    def hours(self) -> float:
        """Hours between the chains."""
        return float((self.later.asof - self.earlier.asof) / pd.Timedelta(1, "h"))

    @property
    def checked(self) -> bool:
        """True where the later chain's volume covers all trades since the earlier, and so bounds changes."""
        return bool(self.hours <= self.volume_hours and self.table["volume"].notna().any())

    @property
    def unit(self) -> str:
        """Unit of the contracts."""
        sizes = np.unique(self.table["multiplier"])
        each = f"{sizes[0]:g} {self.later.symbol}" if len(sizes) == 1 else "several multipliers"
        return f"contracts of {each}"

    @property
    def title(self) -> str:
        """Underlying and the two timestamps."""
        return (
            f"{self.later.symbol}, {self.earlier.asof:%Y-%m-%d %H:%M} to {self.later.asof:%Y-%m-%d %H:%M} UTC"
        )

    @cached_property
    def totals(self) -> pd.DataFrame:
        """By kind and state: number of `contracts`, and `before`, `after`, `change`, `rolled` [contracts]."""
        amounts = ["before", "after", "change", "rolled"]
        grouped = self.table.groupby(["kind", "state"])[amounts].sum()
        counts = self.table.groupby(["kind", "state"]).size().rename("contracts")
        found = pd.concat([counts, grouped], axis=1)
        order = [
            (kind, state) for kind in ("call", "put") for state in STATES if (kind, state) in found.index
        ]
        return found.loc[order]

    @property
    def alive(self) -> NDArray[np.bool_]:
        """True for contracts of `table` that are alive at the later chain with a known change, (n,)."""
        return np.asarray(~self.table["state"].isin(["expired", "unknown"]))

    def by_strike(self) -> pd.DataFrame:
        """Change of contracts alive in the later chain by strike, a column per kind [units of underlying]."""
        table = self.table[self.alive]
        change = table["change"] * table["multiplier"]
        return change.groupby([table["strike"], table["kind"]]).sum().unstack(fill_value=0)

    @cached_property
    def evidence(self) -> pd.DataFrame:
        """Customers' net purchases by kind, as moves of vol tell them, and how little that is.

        Columns: `moved`, sum of |change| of contracts alive in the later chain; `told`, the part that has a
        side; `bought` and `sold`, the two sides of it as if every side were right; `expected`, net purchases,
        sum of (2 p - 1) x side x |change|; `deviation` of them, sqrt(sum change^2 4 p (1 - p)) with p = 0.5
        where there is no side; `carried`, sum of (2 p - 1) |change| with a side, over `moved` [-]. All but
        the last in contracts. Contracts count as independent, which flatters the evidence.
        """
        rows = self.table[self.alive]
        size, side, p = rows["change"].abs(), rows["side"], self.accuracy
        known = side != 0.0
        columns = {
            "moved": size,
            "told": size * known,
            "bought": size * (side > 0.0),
            "sold": size * (side < 0.0),
            "expected": expected_side(side, p) * size,
            "deviation": side_variance(np.where(known, p, 0.5)) * size**2,
            "carried": expected_side(1.0, p) * size * known,
        }
        found = pd.DataFrame(columns).groupby(rows["kind"]).sum()
        found.loc["all"] = found.sum()
        found["deviation"] = np.sqrt(found["deviation"])
        found["carried"] = found["carried"] / found["moved"].where(found["moved"] > 0.0)
        return found

    @cached_property
    def placebo(self) -> pd.Series:
        """Median |vol_move| where open interest changed and where it did not [1.00 of vol].

        Trades that move vols move them where open interest changes. Where the two medians agree, the moves
        of vol say nothing about trades and the side is a guess.
        """
        rows = self.table[self.alive]
        moves, changed = rows["vol_move"].abs(), rows["change"] != 0.0
        return pd.Series({"changed": moves[changed].median(), "unchanged": moves[~changed].median()})

    def position(self, rule: Any) -> NDArray[np.float64]:
        """Dealers' signed change in each row of the later chain, under a rule [contracts], (n,).

        Parameters
        ----------
        rule : str or Rule
            As in `assign_positions`: its position in the size of the change, with the opposite sign where
            open interest fell. Or "by_vol": -(2 p - 1) x side x |change|, dealers on the other side of
            customers with the assumed accuracy p, whether customers opened or closed.

        Returns
        -------
        (n,) array
            NaN where the change is unknown or the contract has expired.

        Raises
        ------
        SchemaError
            For an unknown rule, and for one whose positions do not scale with open interest.
        """
        own = self.table.reindex(self.later["contract"])
        live = ~own["state"].isin(["expired", "unknown"]).to_numpy()
        change = np.where(live, own["change"], np.nan)
        if _is_by_vol(rule):
            return np.asarray(-expected_side(own["side"].to_numpy(), self.accuracy) * np.abs(change))
        found = _rule(rule)
        size = np.abs(np.nan_to_num(change))
        one, two = (found.position(self.later.with_columns(open_interest=x * size)) for x in (1.0, 2.0))
        if not np.allclose(two, 2.0 * one, rtol=1e-9, atol=0.0, equal_nan=True):
            raise SchemaError(
                f"rule: {found.name} does not scale with open interest, so that it says nothing about "
                "changes of it. Use a rule that signs shares of open interest, or 'by_vol'."
            )
        return np.asarray(np.where(live, np.sign(change) * one, np.nan))

    def left_out(self, rule: Any = "calls_long_puts_short") -> pd.DataFrame:
        """Changes that `book` excludes, by reason: number of `contracts`, and their |change| (`moved`).

        Contracts whose open interest did not change hold no position and are not counted.
        """
        table, chain = self.table, self.later
        why = pd.Series(chain.unusable, chain["contract"]).reindex(table.index).fillna("")
        reason = why.where(~why.isin([EXPIRED, *OF_INTEREST]), "").to_numpy()
        position = pd.Series(self.position(rule), chain["contract"]).reindex(table.index)
        none = _NO_SIDE if _is_by_vol(rule) else "no position under the rule"
        found = {
            EXPIRED: (table["state"] == "expired").to_numpy(),
            _UNKNOWN: (table["state"] == "unknown").to_numpy(),
            "": (table["change"] == 0.0).to_numpy(),
            **{name: reason == name for name in np.unique(reason[reason != ""])},
            none: (position == 0.0).to_numpy(),
        }
        labels = np.select(list(found.values()), list(found), default="")
        rows = pd.DataFrame({"contracts": 1, "moved": table["change"].abs()})[labels != ""]
        grouped: pd.DataFrame = rows.groupby(labels[labels != ""]).sum()
        return grouped.rename_axis("reason").sort_values("moved", ascending=False)

    def book(self, rule: Any = "calls_long_puts_short", *, numeraire: str = "usd") -> Book:
        """Dealers' net change since the earlier chain as a book of its own, valued at the later chain.

        Contracts alive in the later chain only; `left_out` counts the others by reason.

        Parameters
        ----------
        rule : str or Rule
            As in `position`.
        numeraire : "usd" or "coin"
            As in `assign_positions`.

        Raises
        ------
        SchemaError
            As `position`, and where no contract holds a change that can be valued.

        Examples
        --------
        >>> import gammaflow as gf
        >>> from dataclasses import replace
        >>> later = gf.demo_chain()
        >>> less = 0.9 * later["open_interest"]
        >>> earlier = replace(later.with_columns(open_interest=less), asof="2026-02-04T09:36Z")
        >>> change = gf.open_interest_change(earlier, later)
        >>> whole, new = (gf.aggregate_exposure(b).total()["gamma"]
        ...               for b in (gf.assign_positions(later), change.book()))
        >>> bool(np.isclose(new, 0.1 * whole))
        True
        """
        found = None if _is_by_vol(rule) else _rule(rule)
        position = np.nan_to_num(self.position(rule))
        valued = np.isin(self.later.unusable, ("", *OF_INTEREST))
        if not (valued & (position != 0.0)).any():
            raise SchemaError(
                f"{self.title}: no change of open interest can be valued under {rule}.\n"
                f"{self.left_out(rule).to_string()}"
            )
        book = assign_positions(self.later, position, numeraire=numeraire)
        since = f"change of open interest since {self.earlier.asof:%Y-%m-%d %H:%M} UTC"
        words = f"{found if found else self._by_vol_text()}, {since}"
        signed = found.signed if found else True
        return replace(book, **book._retold(lambda _: words), signed=signed)

    def _by_vol_text(self) -> str:
        p = self.accuracy
        return (
            f"{BY_VOL} (customers bought where vol rose against the smile and sold where it fell, right with "
            f"an assumed probability {p:g}: {expected_side(1.0, p):.0%} of each change)"
        )

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Signs that the changes are not what they seem, one sentence each."""
        table, found = self.table, []
        known = table[self.alive]
        if len(known) and not known["change"].any():
            found.append(
                f"open interest: the same in all {len(known):,} contracts of both chains; the vendor had "
                "probably not counted it anew. Compare chains of different days."
            )
        lost = int((table["state"] == "unknown").sum())
        if lost:
            found.append(
                f"open interest: unknown in one of the chains for {lost:,} of {len(table):,} contracts, "
                "whose changes are in no total. Use whole chains, as recorded."
            )
        if self.later.in_new_york.any():
            found.append(
                "open interest: US exchanges publish that of the previous close, a session before the vols "
                "of the same chain; volume does not bound the changes, and moves of vol say little of them."
            )
        return tuple(found)

    def summary(self) -> str:
        """Totals by kind and state, checks and evidence, as text."""
        return summary(self)

    def plot(self, *, ax: Any = None) -> Any:
        """Change of open interest by strike, calls and puts, of contracts alive now (matplotlib Axes)."""
        from gammaflow.plot.static import plot_bars

        chain, (name, _, when) = self.later, self.title.partition(", ")
        title = f"{name} change of open interest\n{when}"
        return plot_bars(self.by_strike(), chain.spot, title, name, currency=chain.currency, ax=ax)

    def __repr__(self) -> str:
        return self.summary()


def _is_by_vol(rule: Any) -> bool:
    return isinstance(rule, str) and rule == BY_VOL


def _rule(rule: Any) -> PositionRule:
    """The rule object behind a name, or the object itself; SchemaError for anything else."""
    return find_rule(check_choice(rule, "rule", [*RULES, BY_VOL]) if isinstance(rule, str) else rule)


def open_interest_change(
    earlier: Chain,
    later: Chain,
    *,
    accuracy: float = ACCURACY,
    least: float = 0.001,
    volume_hours: float | None = None,
) -> OpenInterestChange:
    """Open interest opened, closed, rolled and expired between two chains, with a weak sign from vols.

    Parameters
    ----------
    earlier, later : Chain
        Of one underlying at one venue. Contracts are matched by expiry, strike, kind and root; one that the
        earlier chain does not list had no open interest then, unless rows were selected from that chain.
        Where a contract's multiplier changed, the earlier open interest is converted to the later one's.
    accuracy : float
        Assumed probability that a move of vol tells customers' side, from 0.5 (nothing) to 1. No published
        figure is known; the default is an assumption.
    least : float
        Moves of vol against the smile up to this are noise and have no side [1.00 of vol].
    volume_hours : float, optional
        Hours before `later` that its volume covers. Default: 24 at Deribit, whose volume is of a rolling day;
        unknown elsewhere. |change| <= volume can be checked only where it covers the time between the chains.

    Returns
    -------
    OpenInterestChange

    Raises
    ------
    MismatchError
        For chains of different underlyings, venues or currencies, or not in order of time.
    SchemaError
        For illegal numbers, or a chain that holds a contract twice.

    See Also
    --------
    compare_books : Changes of position and gamma from one book to a later one, by strike and cause.
    OpenInterestChange : Open interest of each contract before and after, from two chains of one underlying.

    Examples
    --------
    >>> import gammaflow as gf
    >>> from dataclasses import replace
    >>> later = gf.demo_chain()
    >>> more = later["open_interest"] + np.where(later["kind"] == "call", 5.0, 0.0)
    >>> earlier = replace(later.with_columns(open_interest=more), asof="2026-02-04T09:36Z")
    >>> totals = gf.open_interest_change(earlier, later).totals
    >>> float(totals.loc["call", "change"].sum()), float(totals.loc["put", "change"].sum())
    (-1495.0, 0.0)

    Notes
    -----
    Customers who buy push a contract's vol up against its neighbours', whether they open or close; so the
    side of a change is the sign of its strike's change of vol less that of a parabola through the changes of
    three strikes on each side. Both legs of a strike share it. On Deribit's daily chains of January 2026 vols
    move against the smile hardly further where open interest changes than where it does not (`placebo`):
    take the side as barely better than a coin, which is what `accuracy` is for.
    """
    values, problems = attempt(
        lambda: check_number(accuracy, "accuracy", 0.5),
        lambda: check_number(least, "least", 0.0),
        lambda: np.nan if volume_hours is None else check_number(volume_hours, "volume_hours", 0.0),
    )
    if not problems and values[0] > 1.0:
        problems = [f"accuracy: received {accuracy!r}; legal: a probability from 0.5 to 1."]
    refuse("open_interest_change", problems)
    refuse_strangers(earlier, later)
    hours = VOLUME_HOURS.get(later.venue, np.nan) if volume_hours is None else values[2]
    table = match(earlier, later, values[1])
    found = OpenInterestChange(table, earlier, later, values[0], hours)
    over = table["change"].abs() > table["volume"] + 1e-9 * np.maximum(table["before"], table["after"])
    table["beyond_volume"] = over & found.checked & found.alive
    return found
