"""Weekly commitments of traders: who holds the open interest of a futures exchange, and how that changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import attempt, check_number, refuse
from gammaflow.evidence.brief import BriefStudy
from gammaflow.evidence.open_interest.days import read_span
from gammaflow.evidence.open_interest.quadrants import PRICE, TRADERS, counts_text, name_quadrants
from gammaflow.evidence.open_interest.verdict import CANNOT_TELL, TOLD, Verdict
from gammaflow.plot.open_interest import plot_grouped
from gammaflow.series import read_days
from gammaflow.text import rows_text

__all__ = ["Commitments", "commitments"]

_POSITIONS = ("commercial_long", "commercial_short", "noncommercial_long", "noncommercial_short")
_COLUMNS = ("open_interest", *_POSITIONS)
# Optional: spreads of non-commercial traders, a long and a short each.
_SPREAD = "noncommercial_spread"
# Days between two weekly reports, a holiday moves one by a day or two.
_WEEK = (5.0, 9.0)
_TUESDAY = 1


@dataclass(frozen=True, eq=False, repr=False)
class Commitments(BriefStudy):
    """Weekly open interest by group of traders, and its changes; made by `commitments`.

    Attributes
    ----------
    table : DataFrame
        Indexed by report day. Columns [contracts]: open_interest, and long and short of commercial,
        noncommercial and other (what is left of each side: small traders, and spreads unless
        noncommercial_spread is given); coins (of open interest); the change of each since the week before,
        with the suffix _change; noncommercials, the quadrant of their longs and shorts; with a price also
        price, price_change [-] and quadrant.
    contract_size : float
        Coins per contract.

    See Also
    --------
    commitments : Changes of weekly open interest and of each side of each group of traders.

    Examples
    --------
    >>> import gammaflow as gf
    >>> import pandas as pd
    >>> week = pd.DataFrame({"date": ["2026-02-03", "2026-02-10"], "open_interest": [23_044, 24_157],
    ...     "commercial_long": [521, 700], "commercial_short": [1_489, 1_817],
    ...     "noncommercial_long": [18_939, 17_016], "noncommercial_short": [17_931, 15_999]})
    >>> gf.evidence.open_interest.commitments(week).table["noncommercials"].iloc[-1]
    'both sides cut'
    """

    contract_size: float = field(kw_only=True)

    def brief(self) -> pd.DataFrame:
        """Open interest and the changes of it and of non-commercial traders."""
        names = ["open_interest", "open_interest_change", "noncommercial_long_change",
                 "noncommercial_short_change", "noncommercials"]  # fmt: skip
        return self.table[names + (["quadrant"] if "quadrant" in self.table else [])]

    def verdict(self, first: Any, last: Any) -> Verdict:
        """Verdict on the reports: whether they tell the change of open interest between two days.

        Parameters
        ----------
        first, last : date
            Days.

        Returns
        -------
        Verdict
            "told" where both are report days, else "cannot tell", with the reports around them.

        Examples
        --------
        >>> week = pd.DataFrame({"date": ["2026-02-03", "2026-02-10"], "open_interest": [23_044, 24_157],
        ...     "commercial_long": [521, 700], "commercial_short": [1_489, 1_817],
        ...     "noncommercial_long": [18_939, 17_016], "noncommercial_short": [17_931, 15_999]})
        >>> print(commitments(week).verdict("2026-02-04", "2026-02-05"))
        cannot tell: reports of 2026-02-03 and 2026-02-10 enclose 2026-02-04 to 2026-02-05; between them \
open interest changed by +1,113 contracts, of which weekly reports give no daily part
        """
        problems: list[str] = []
        span = read_span(first, last, problems)
        refuse("commitments", problems)
        start, end = span
        days = pd.DatetimeIndex(self.table.index)
        interest = self.table["open_interest"]
        if start in days and end in days:
            change = float(interest[end] - interest[start])
            return Verdict(TOLD, f"open interest changed by {change:+,.0f} contracts between the reports")
        if start < days[0] or end > days[-1]:
            return Verdict(
                CANNOT_TELL,
                f"reports run from {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}; {start:%Y-%m-%d} to "
                f"{end:%Y-%m-%d} is not within them",
            )
        before, after = days[days <= start][-1], days[days >= end][0]
        change = float(interest[after] - interest[before])
        return Verdict(
            CANNOT_TELL,
            f"reports of {before:%Y-%m-%d} and {after:%Y-%m-%d} enclose {start:%Y-%m-%d} to {end:%Y-%m-%d}; "
            f"between them open interest changed by {change:+,.0f} contracts, of which weekly reports give "
            "no daily part",
        )

    def plot(self, *, ax: Any = None) -> Any:
        """Weekly changes of open interest and of non-commercial longs and shorts (matplotlib Axes)."""
        shown = self.table[
            ["open_interest_change", "noncommercial_long_change", "noncommercial_short_change"]
        ]
        shown = shown.iloc[1:].set_axis(
            ["open interest", "non-commercial longs", "non-commercial shorts"], axis=1
        )
        title = "commitments of traders, weekly change"
        return plot_grouped(shown, title, f"contracts of {self.contract_size:g} coins", ax=ax)


def commitments(
    frame: pd.DataFrame,
    *,
    contract_size: float = 5.0,
    price: pd.Series | None = None,
    noise: float = 0.0,
) -> Commitments:
    """Changes of weekly open interest and of each side of each group of traders.

    Parameters
    ----------
    frame : DataFrame
        Column date (or an index of dates), ascending, a week apart; columns open_interest, commercial_long,
        commercial_short, noncommercial_long and noncommercial_short [contracts, >= 0]; noncommercial_spread
        where the source has it.
    contract_size : float
        Coins per contract, > 0: 5 for the Bitcoin future of the CME (micro contracts of 0.1 are reported
        apart).
    price : Series, optional
        Price of a coin by day [currency, > 0], on every report day: adds the quadrant of price and open
        interest.
    noise : float
        Share of open interest up to which a change has no quadrant, >= 0 [-].

    Returns
    -------
    Commitments

    Raises
    ------
    SchemaError
        With every problem: columns, dates and numbers; reports that are not a week apart; longs or shorts
        that exceed open interest, of which each side holds all.

    See Also
    --------
    changes

    Notes
    -----
    Open interest is the sum of all longs and of all shorts. What the four columns leave of each side belongs
    to spreads of non-commercial traders (counted on both sides; a column of their own where it is given) and
    to small traders: columns other_long and other_short, so that the changes of each side add up to that of
    open interest. A trader who holds longs and shorts of different expiries enters spreads and leaves both
    other columns, which then fall alike.

    Positions are those of the close on Tuesday, published on Friday: they say nothing of a day within the
    week, and `Commitments.verdict` says so.

    Examples
    --------
    >>> week = pd.DataFrame({"date": ["2026-02-03", "2026-02-10"], "open_interest": [23_044, 24_157],
    ...     "commercial_long": [521, 700], "commercial_short": [1_489, 1_817],
    ...     "noncommercial_long": [18_939, 17_016], "noncommercial_short": [17_931, 15_999]})
    >>> last = commitments(week).table.iloc[-1]
    >>> last["noncommercials"], last[["open_interest_change", "noncommercial_long_change",
    ...     "noncommercial_short_change", "other_long_change", "other_short_change"]].astype(int).to_list()
    ('both sides cut', [1113, -1923, -1932, 2857, 2717])
    """
    (size, dead), problems = attempt(
        lambda: check_number(contract_size, "contract_size", 0.0, open_low=True),
        lambda: check_number(noise, "noise", 0.0),
    )
    table = _read(frame, problems)
    prices = None
    if price is not None:
        prices = read_days(price, "price", problems, low=0.0, open_low=True, gaps=True)
        if table is not None and len(prices) and len(absent := table.index.difference(prices.index)):
            problems.append(
                f"price: {rows_text(len(absent), 'report day')} without a price (first: "
                f"{absent[0]:%Y-%m-%d}); pass one for each."
            )
    refuse("commitments", problems)
    assert table is not None  # refused above
    for side in ("long", "short"):
        table[f"other_{side}"] = table["open_interest"] - _held(table, side)
    names = list(table.columns)
    table["coins"] = size * table["open_interest"]
    for name in names:
        table[f"{name}_change"] = table[name].diff()
    table["noncommercials"] = name_quadrants(
        table["noncommercial_long_change"], table["noncommercial_short_change"], TRADERS,
        (dead * table["open_interest"],) * 2,
    )  # fmt: skip
    if prices is not None:
        table["price"] = prices.reindex(table.index)
        table["price_change"] = table["price"].pct_change(fill_method=None)
        table["quadrant"] = name_quadrants(
            table["price_change"],
            table["open_interest_change"],
            PRICE,
            (0.0, dead * table["open_interest"].shift()),
        )
    return Commitments(table, _lines(table, size), warnings=_warnings(table), contract_size=size)


def _read(frame: Any, problems: list[str]) -> pd.DataFrame | None:
    """Contracts by report day, or None with the reasons."""
    if not isinstance(frame, pd.DataFrame):
        problems.append(
            f"frame: received {type(frame).__name__}; legal: a DataFrame with columns date, "
            f"{', '.join(_COLUMNS)}."
        )
        return None
    if absent := [name for name in _COLUMNS if name not in frame]:
        problems.append(
            f"frame: received no column {', '.join(absent)}; legal: date, {', '.join(_COLUMNS)} [contracts]. "
            "Rename the columns of your source."
        )
        return None
    by_day = frame.set_index("date") if "date" in frame else frame
    before = len(problems)
    days = read_days(pd.Series(1.0, by_day.index), "date", problems, gaps=True).index
    of_days = {line.partition(": ")[2] for line in problems[before:]}
    found = {}
    for name in (*_COLUMNS, *([_SPREAD] if _SPREAD in frame else [])):
        own: list[str] = []
        found[name] = read_days(by_day[name], name, own, low=0.0, open_low=name == "open_interest", gaps=True)
        problems += [line for line in own if line.partition(": ")[2] not in of_days]
    if len(problems) > before:
        return None
    table = pd.DataFrame(found, index=days)
    _check_weeks(days, problems)
    _check_sides(table, problems)
    return table


def _held(table: pd.DataFrame, side: str) -> pd.Series:
    """Contracts of one side that the columns account for."""
    return table[[f"commercial_{side}", f"noncommercial_{side}", *table.columns.intersection([_SPREAD])]].sum(
        axis=1
    )


def _check_weeks(days: pd.Index, problems: list[str]) -> None:
    steps = np.diff(days.to_numpy()) / np.timedelta64(1, "D")
    wrong = np.flatnonzero((steps < _WEEK[0]) | (steps > _WEEK[1]))
    if len(wrong):
        at = wrong[0]
        problems.append(
            f"date: {rows_text(len(wrong), 'step')} not a week (first: {days[at]:%Y-%m-%d} to "
            f"{days[at + 1]:%Y-%m-%d}); reports are weekly. Fill the gap, or pass the part without one."
        )


def _check_sides(table: pd.DataFrame, problems: list[str]) -> None:
    for side in ("long", "short"):
        held = _held(table, side)
        beyond = held[held > table["open_interest"]]
        if len(beyond):
            day = beyond.index[0]
            problems.append(
                f"{side}s: {rows_text(len(beyond))} where commercial and non-commercial {side}s exceed open "
                f"interest (first: {held[day]:,.0f} of {table['open_interest'][day]:,.0f} on "
                f"{day:%Y-%m-%d}); each side holds all of it. Check columns and units."
            )


def _lines(table: pd.DataFrame, size: float) -> tuple[str, ...]:
    latest = table.index[-1]
    return (
        f"commitments of traders, {rows_text(len(table), 'weekly report')} from {table.index[0]:%Y-%m-%d} to "
        f"{latest:%Y-%m-%d} [contracts of {size:g} coins]; open interest "
        f"{table['open_interest'].iloc[-1]:,.0f} contracts, {table['coins'].iloc[-1]:,.0f} coins",
        counts_text(table["noncommercials"].iloc[1:], "non-commercial longs and shorts, weeks"),
        "other: small traders"
        + ("" if _SPREAD in table else ", and spreads of non-commercial traders, which are not told apart"),
        "weekly: a change between two days within a week cannot be told (verdict)",
    )


def _warnings(table: pd.DataFrame) -> tuple[str, ...]:
    said = []
    days = pd.DatetimeIndex(table.index)
    odd = days[days.day_of_week != _TUESDAY]
    if 2 * len(odd) > len(table):
        said.append(
            f"date: received {rows_text(len(odd), 'report')} not of a Tuesday (first: {odd[0]:%A} "
            f"{odd[0]:%Y-%m-%d}); plausible: Tuesdays. Pass the day of the positions, not of publication"
        )
    held = table[list(_POSITIONS)].sum(axis=1) / (2.0 * table["open_interest"])
    if (held < 0.1).all():
        said.append(
            f"frame: received positions of {held.max():.1%} of open interest at most; plausible: most of it; "
            "check that all columns are contracts"
        )
    return tuple(said)


def __dir__() -> list[str]:
    return __all__
