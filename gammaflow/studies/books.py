"""Two books at two timestamps: what changed in position and in gamma, by strike and by cause."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import check_noun
from gammaflow.errors import MismatchError, SchemaError
from gammaflow.exposure.exposure import aggregate_exposure
from gammaflow.instruments.registry import has_terms
from gammaflow.positions.book import Book
from gammaflow.positions.heading import under_rule
from gammaflow.study import Study
from gammaflow.text import amount_text, number_text, readable, rows_text, strike_text
from gammaflow.units import describe

__all__ = ["CAUSES", "BookComparison", "compare_books"]

Array = NDArray[np.float64]

#: Causes of a change of gamma, in the order in which they are taken, and their meaning.
CAUSES = {
    "expired": "positions that expired in between, as valued before",
    "spot and time": "positions of before at the later spot and timestamp, with the vols of before",
    "vols": "the same positions with the later vols, forwards and terms",
    "closed": "positions that the later book does not hold, as valued later with the vols of before",
    "changed": "positions that both books hold in another size, as valued later",
    "new": "positions that only the later book holds",
}
_SIZES = ("expired", "closed", "changed", "new")
_SHOWN = 8
_AMOUNT = "{:z,.2f}"

# Largest relative difference of strikes of one contract: units of two days, and rounding.
_SAME_STRIKE = 0.01


@dataclass(frozen=True, eq=False, repr=False)
class BookComparison(Study):
    """Change of positions and gamma between two books, by strike and cause; see `compare_books`.

    Attributes
    ----------
    table : DataFrame
        By strike. Columns "size" and "gamma", each with "before", the causes of `CAUSES`, and "after"; size
        in units of the underlying, position x multiplier, gamma in currency per +1 % spot. "before" plus the
        causes is "after".
    without_strike : Series
        The same columns summed over the rows that have no strike: notes, futures, shares.
    before, after : Book
    """

    without_strike: pd.Series
    before: Book
    after: Book

    @property
    def total(self) -> pd.DataFrame:
        """The whole change, rows without a strike included: a row per cause, columns "size" and "gamma"."""
        both = self.table.sum() + self.without_strike
        return both.unstack(level=0).reindex(["before", *CAUSES, "after"])[["size", "gamma"]]

    def summary(self) -> str:
        """Heading, totals by cause, and the strikes where gamma changed most, as text."""
        total, gamma = self.total, self.table["gamma"]
        change = gamma["after"] - gamma["before"]
        first = change[change != 0.0].abs().sort_values(ascending=False).index[:_SHOWN]
        most = gamma.assign(change=change).loc[np.sort(first)]
        divisor, unit = readable(total["gamma"], describe(self.after.currency)["gamma"])
        texts = {"size": number_text, "gamma": lambda value: _AMOUNT.format(value / divisor)}
        whole = pd.DataFrame(
            {name: total[name].map(text, na_action="ignore") for name, text in texts.items()}
        )
        lines = [
            *self.heading,
            f"size [{self.after.symbol}], gamma [{unit}]:",
            whole.fillna("").rename_axis("").to_string(),
        ]
        if len(most):
            places = (most / divisor).set_axis([strike_text(k) for k in most.index])
            lines.append(f"strikes where gamma changed most ({len(most)} of {len(gamma)}) [{unit}]:")
            lines.append(places.to_string(float_format=_AMOUNT.format))
        else:
            lines.append(f"gamma changed at none of {rows_text(len(gamma), 'strike')}")
        if self.without_strike.abs().any():
            amounts = self.without_strike["gamma"]
            text, unit = amount_text(
                amounts["after"] - amounts["before"], describe(self.after.currency)["gamma"]
            )
            lines.append(f"rows without a strike, in the totals only: gamma changed by {text} {unit}")
        return "\n".join(lines)

    def plot(self, *, ax: Any = None) -> Any:
        """Change of gamma by strike, stacked by cause (matplotlib Axes).

        Raises
        ------
        SchemaError
            Where no row has a strike and a change of gamma.
        """
        from gammaflow.plot.static import plot_bars

        book = self.after
        gamma = self.table["gamma"]
        bars = pd.DataFrame({cause: gamma[cause] for cause in CAUSES if gamma[cause].any()})
        if bars.empty:
            raise SchemaError("plot: no row of the books has a strike and a change of gamma; see `total`.")
        unit = describe(book.currency)["gamma"]
        title = under_rule(f"{book.symbol} change of gamma", book)
        if self.before.rule != book.rule:
            title += f", before {under_rule('', self.before).strip()}"
        title += f"\n{_between(self.before, book)}"
        return plot_bars(bars, book.spot, title, unit, currency=book.currency, ax=ax)


def compare_books(a: Book, b: Book) -> BookComparison:
    """Changes of position and gamma from one book to a later one, by strike and cause.

    A contract is the same in both books where venue, name, kind, strike and expiry agree; rows of one
    contract are matched in their order. Where only one row of each book is left of a name, kind and expiry,
    strikes up to 1 % apart are the same, and stand at the later one: the ratio of books in another
    underlying's units changes by the day (`Book.in_units_of`). The causes are taken one after the other, so
    that they add up to the whole change: what expired; the surviving positions at the later spot and
    timestamp; at the later vols; what was closed, changed and new.

    Parameters
    ----------
    a, b : Book
        The earlier and the later book, on one underlying.

    Returns
    -------
    BookComparison

    Raises
    ------
    MismatchError
        For books on different underlyings, in different currencies, of which one is unsigned, or not in order
        of time; and for a contract kept in coin in one and not in the other.

    See Also
    --------
    open_interest_change
    compare_rules : Gamma, flips and short-gamma zone of one chain under each positioning rule.

    Examples
    --------
    >>> import gammaflow as gf
    >>> chain = gf.demo_chain()
    >>> a = gf.assign_positions(chain)
    >>> b = gf.assign_positions(chain.with_columns(open_interest=1.1 * chain["open_interest"]))
    >>> total = gf.compare_books(a, b).total["gamma"]
    >>> bool(np.isclose(total["changed"], 0.1 * total["before"])), bool(total["expired"] == 0.0)
    (True, True)
    """
    _refuse_strangers(a, b)
    alive = _survives(a, b.asof)
    there = _place_of(a, b)
    held = alive & (there >= 0)
    _refuse_other_accounts(a, b, held, there)
    now, later, moved = _gamma(a), _gamma(b), np.zeros(len(a))
    if alive.any():
        moved[alive] = _gamma(a.select(alive).at(spot=b.spot, asof=b.asof))
    quoted = np.where(alive, moved, 0.0)
    size = np.zeros(len(b))
    if held.any():
        place = there[held]
        size[place] = a.size[held]
        same = np.zeros(len(b), dtype=bool)
        same[place] = True
        position = size[same] / b["multiplier"][same]
        part = b.select(same)
        every = np.zeros(len(b))
        every[same] = _gamma(replace(part, columns={**part.columns, "position": position}))
        quoted[held] = every[place]
    before = {
        "before": (a.size, now),
        "expired": (np.where(alive, 0.0, -a.size), np.where(alive, 0.0, -now)),
        "spot and time": (None, np.where(alive, moved - now, 0.0)),
        "vols": (None, np.where(held, quoted - moved, 0.0)),
        "closed": (np.where(alive & ~held, -a.size, 0.0), np.where(alive & ~held, -moved, 0.0)),
    }
    known = np.isin(np.arange(len(b)), there[held])
    theirs = np.zeros(len(b))
    theirs[there[held]] = quoted[held]
    after = {
        "changed": (np.where(known, b.size - size, 0.0), np.where(known, later - theirs, 0.0)),
        "new": (np.where(known, 0.0, b.size), np.where(known, 0.0, later)),
        "after": (b.size, later),
    }
    later_strike = dict(zip(a["strike"][held].tolist(), b["strike"][there[held]].tolist(), strict=True))
    strike = np.array([later_strike.get(each, each) for each in a["strike"].tolist()])
    table, without = _by_strike(((a, strike, before), (b, b["strike"], after)))
    return BookComparison(table, _heading(a, b), without, a, b)


def _gamma(book: Book) -> Array:
    return aggregate_exposure(book).rows["gamma"]


def _refuse_strangers(a: Book, b: Book) -> None:
    check_noun(a, "a", Book)
    check_noun(b, "b", Book)
    names = [name for name in ("symbol", "currency", "signed") if getattr(a, name) != getattr(b, name)]
    problems = [f"they differ in {name}: {getattr(a, name)!r} and {getattr(b, name)!r}" for name in names]
    if a.asof > b.asof:
        problems.append(
            f"the first is as of {a.asof.isoformat()}, the second as of {b.asof.isoformat()}; pass the "
            "earlier book first"
        )
    if problems:
        raise MismatchError(
            f"books cannot be compared: {'; '.join(problems)}. Compare two books on one underlying in one "
            "currency (Book.in_units_of), both signed by a rule or both unsigned."
        )


def _survives(book: Book, asof: pd.Timestamp) -> NDArray[np.bool_]:
    """Whether each row is still there at a later timestamp: neither expired nor, as notes may be, over."""
    moment = asof.tz_localize(None).to_datetime64()
    alive: NDArray[np.bool_] = np.isnat(book["expiry"]) | (book["expiry"] > moment)
    for row in np.flatnonzero(alive & has_terms(book.columns)):
        try:
            book.terms[book["contract"][row]].terms(asof)
        except SchemaError:
            alive[row] = False
    return alive


def _refuse_other_accounts(a: Book, b: Book, held: NDArray[np.bool_], there: NDArray[np.int64]) -> None:
    """Raise MismatchError where a contract is kept in coin in one book and not in the other."""
    one, two = a["numeraire"][held], b["numeraire"][there[held]]
    rows = np.flatnonzero(one != two)
    if rows.size:
        raise MismatchError(
            f"books cannot be compared: {rows.size:,} contracts are kept in {one[rows[0]]} in the first and "
            f"in {two[rows[0]]} in the second (first: {a['contract'][held][rows[0]]}). Keep both in one unit "
            "of account (Book.kept_in)."
        )


def _place_of(a: Book, b: Book) -> NDArray[np.int64]:
    """Row of `b` that holds the contract of each row of `a`, (n,); -1 where none does."""
    names = ["venue", "contract", "kind", "expiry"]
    one, two = (
        pd.DataFrame({name: book[name] for name in (*names, "strike")}).assign(place=np.arange(len(book)))
        for book in (a, b)
    )
    exact = [*names, "strike", "nth"]
    for frame in (one, two):
        frame["nth"] = frame.groupby([*names, "strike"], dropna=False, sort=False).cumcount()
    found = one.merge(two, on=exact, how="left")["place_y"].fillna(-1).to_numpy().astype(np.int64)
    left = [one[found < 0], two[~np.isin(two["place"], found)]]
    left = [frame[~frame.duplicated(names, keep=False)] for frame in left]
    near = left[0].merge(left[1], on=names)
    near = near[np.abs(near["strike_y"] / near["strike_x"] - 1.0) <= _SAME_STRIKE]
    found[near["place_x"]] = near["place_y"]
    return found


def _by_strike(sides: Any) -> tuple[pd.DataFrame, pd.Series]:
    """Amounts by measure and cause, summed by strike and over the rows without one."""
    columns, without = {}, {}
    for book, strike, causes in sides:
        has = book.has_strike
        for cause, amounts in causes.items():
            for measure, values in zip(("size", "gamma"), amounts, strict=True):
                if values is not None:
                    rows = pd.Series(values[has]).groupby(strike[has]).sum()
                    columns[measure, cause], without[measure, cause] = rows, values[~has].sum()
    order = [("size", c) for c in ("before", *_SIZES, "after")] + [
        ("gamma", c) for c in ("before", *CAUSES, "after")
    ]
    table = pd.concat(columns, axis=1).sort_index().fillna(0.0)[order].rename_axis("strike")
    return table.rename_axis(columns=["measure", "cause"]), pd.Series(without)[order]


def _between(a: Book, b: Book) -> str:
    return f"{a.asof:%Y-%m-%d %H:%M} to {b.asof:%Y-%m-%d %H:%M} UTC"


def _heading(a: Book, b: Book) -> tuple[str, ...]:
    rules = [a.rule_text, b.rule_text]
    cuts, cut = [" | ".join(book.filters) or "none" for book in (a, b)], bool(a.filters or b.filters)
    return (
        f"BookComparison {b.symbol}, {_between(a, b)}, spot {a.spot:,.2f} to {b.spot:,.2f} {b.currency}",
        f"rule: {rules[0]}" if rules[0] == rules[1] else f"rule: {rules[0]}; later {rules[1]}",
        *([f"filter: {cuts[0]}" if cuts[0] == cuts[1] else f"filter: {cuts[0]}; later {cuts[1]}"] * cut),
        f"sign: {b.sign}",
    )
