"""Two records of fund flows held against each other: label, common days, differences, rows on holidays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import attempt, check_list, check_number, check_whole, refuse
from gammaflow.errors import SchemaError
from gammaflow.evidence.brief import BriefStudy
from gammaflow.evidence.etf_flows.inputs import CALENDAR, LAGS, money_warnings
from gammaflow.evidence.etf_flows.sources import Source, differences, matches, off_days, read_source, shift
from gammaflow.series import absent_sessions
from gammaflow.text import number_text, rows_text, value_text

__all__ = ["Reconciled", "reconcile"]

# Share of matching days below which no label brings the two together.
_AGREE = 0.5
_NAMED = 3


@dataclass(frozen=True, eq=False, repr=False)
class Reconciled(BriefStudy):
    """Two records of the same flows; see `reconcile`.

    Attributes
    ----------
    table : DataFrame
        One row per day and fund on which they differ by more than rounding, indexed by the day of the first
        record: `fund`, `label` of the second record, `a`, `b`, `difference` (b - a) [currency] and the
        `reason`: "not yet posted in ..." (zero or absent on that record's last day), "zero in ...", "absent
        in ...", or "differs" (a revision or an error).
    lags : DataFrame
        Indexed by lag, sessions by which the second record's labels come later: `days` compared (a flow in
        either), `matches` (all funds equal within rounding) and their `share`.
    holidays : DataFrame
        Rows on days without a session, indexed by day: `source`, `funds` with a flow, `net` and `gross`
        [currency].
    lag : int
        The lag used: the given one, or that of the highest share.
    common, identical : int
        Common days, and those on which all common funds are equal within rounding.
    only_a, only_b : DatetimeIndex
        Sessions of one record alone, each by its own labels, within the days that both span.
    funds : tuple of str
        Funds compared.

    See Also
    --------
    reconcile : Differences of two records of the same flows, once the labels of the second are understood.

    Examples
    --------
    >>> import gammaflow as gf
    >>> import pandas as pd
    >>> days = pd.to_datetime(["2026-02-04", "2026-02-05", "2026-02-06", "2026-02-09"])
    >>> a = pd.Series([-373.4e6, -175.3e6, 231.6e6, -20.9e6], days)
    >>> b = pd.Series([-373.44e6, -175.34e6, 231.62e6], days[1:])
    >>> found = gf.evidence.etf_flows.reconcile(a, b)
    >>> found.lag, found.identical
    (1, 3)
    """

    lags: pd.DataFrame
    holidays: pd.DataFrame
    lag: int
    common: int
    identical: int
    only_a: pd.DatetimeIndex
    only_b: pd.DatetimeIndex
    funds: tuple[str, ...]

    @property
    def by_fund(self) -> pd.DataFrame:
        """Days that differ, and the sum of their differences and of their sizes [currency], by fund."""
        groups = self.table.groupby("fund")["difference"]
        return pd.DataFrame(
            {"days": groups.size(), "net": groups.sum(), "gross": groups.agg(lambda d: d.abs().sum())}
        )

    def plot(self, *, ax: Any = None) -> Any:
        """Share of days that match by lag of the second record's labels (matplotlib Axes)."""
        from gammaflow.plot.etf_flows import plot_lags

        title = (
            f"Second record labelled {_later(self.lag)}: {self.identical:,} of {self.common:,} days identical"
            f"\n{self.lines[0]}"
        )
        return plot_lags(self.lags, self.lag, title, ax=ax)


def reconcile(
    a: pd.Series | pd.DataFrame, b: pd.Series | pd.DataFrame, *, lag: int | None = None,
    lags: Sequence[int] = (-2, -1, 0, 1, 2), rounding: float | None = None,
    names: tuple[str, str] = ("a", "b"), calendar: str = CALENDAR,
) -> Reconciled:  # fmt: skip
    """Differences of two records of the same flows, once the labels of the second are understood.

    A record may carry the day of the trade or a later one. The lag is the one under which the most days
    match, among those on which either has a flow. Rows on days without a session are set apart before
    anything is compared.

    Parameters
    ----------
    a, b : Series or DataFrame
        Flows by day [currency]; of a DataFrame a column per fund, without a total. NaN is a flow not
        published.
    lag : int, optional
        Sessions by which the labels of `b` come later than those of `a`; default: found among `lags`.
    lags : sequence of int
        Lags to try, -5 to 5.
    rounding : float, optional
        Difference that counts as none [currency]; default: less than the sum of half of each record's last
        digit.
    names : (str, str)
        Names of the two records, for text.
    calendar : str
        Exchange whose sessions are the funds' days.

    Returns
    -------
    Reconciled

    Raises
    ------
    SchemaError
        With every problem: series that cannot be read, no common fund, no common day with a flow.

    See Also
    --------
    label_day

    Examples
    --------
    >>> days = pd.to_datetime(["2026-02-04", "2026-02-05", "2026-02-06", "2026-02-09", "2026-02-10"])
    >>> a = pd.Series([-373.4e6, -175.3e6, 231.6e6, -20.9e6, 26.5e6], days)
    >>> b = pd.Series([-373.44e6, -175.34e6, 231.62e6, -12.0e6], days[1:])
    >>> found = reconcile(a, b)
    >>> found.lag, found.common, found.identical, found.table["reason"].to_list()
    (1, 4, 3, ['differs'])
    """
    checks, problems = attempt(
        lambda: None if lag is None else check_whole(lag, "lag", -5, 5),
        lambda: [check_whole(one, "lags", -5, 5) for one in check_list(lags, "lags", LAGS)],
        lambda: None if rounding is None else check_number(rounding, "rounding", 0.0),
    )
    both = ("a", "b")
    if isinstance(names, tuple | list) and len(names) == 2 and all(isinstance(n, str) for n in names):
        both = (names[0], names[1])
    else:
        problems.append(f"names: received {value_text(names)}; legal: two texts, such as ('a', 'b').")
    names = both
    first = read_source(a, names[0], problems, calendar)
    second = read_source(b, names[1], problems, calendar)
    refuse("flows", problems)
    funds = [name for name in first.flows if name in second.flows]
    if not funds:
        raise SchemaError(
            f"{names[0]}, {names[1]}: no fund in common ({', '.join(map(str, first.flows))}; "
            f"{', '.join(map(str, second.flows))}). Rename the columns."
        )
    # Less than the sum of both: a whole digit of difference is one.
    tolerance = (first.half + second.half) * (1.0 - 1e-9) if rounding is None else checks[2]
    tried = sorted({*checks[1]} if lag is None else {*checks[1], checks[0]})
    counts = [matches(first, shift(second, one, calendar), funds, tolerance) for one in tried]
    table = pd.DataFrame(counts, index=pd.Index(tried, name="lag"), columns=["days", "matches"])
    table["share"] = table["matches"] / table["days"].where(table["days"] > 0)
    known = table["share"].dropna()
    if known.empty or (lag is not None and lag not in known.index):
        raise SchemaError(
            f"{names[0]}, {names[1]}: no common day with a flow; pass records of the same days, in currency."
        )
    chosen = checks[0] if lag is not None else max(known.index, key=lambda one: (known[one], -abs(one)))
    return _compare(first, second, funds, table, int(chosen), tolerance, calendar)


def _compare(
    a: Source, b: Source, funds: list[Any], lags: pd.DataFrame, lag: int, tolerance: float, calendar: str
) -> Reconciled:
    moved = shift(b, lag, calendar)
    table, apart = differences(a, moved, funds, tolerance)
    identical = int((~apart).sum())
    here, there = pd.DatetimeIndex(a.flows.index), pd.DatetimeIndex(moved.flows.index)
    only_a = _between(here.difference(there), there)
    only_b = _between(there.difference(here), here)
    only_b = moved.labels[there.isin(only_b)]
    holidays = pd.concat([off_days(a, funds), off_days(b, funds)]).sort_index(kind="stable")
    others = lags["share"].drop(lag).max()
    lines = (
        f"{a.name} and {b.name}: {rows_text(len(apart), 'common day')}, {identical:,} identical in "
        f"{rows_text(len(funds), 'fund')} within {number_text(tolerance)}, {apart.index[0]:%Y-%m-%d} to "
        f"{apart.index[-1]:%Y-%m-%d} [currency]",
        f"{b.name} labelled {_later(lag)}: {lags['matches'][lag]:,} of {lags['days'][lag]:,} days with a "
        "flow match" + ("" if np.isnan(others) else f", at the next best lag {others:.0%}"),
        *(
            f"{rows_text(count, 'flow')}: {reason}"
            for reason, count in table["reason"].value_counts().items()
        ),
        *_row_lines(a, only_a, calendar),
        *_row_lines(b, only_b, calendar),
        *_alone(a, b),
        *_alone(b, a),
    )
    return Reconciled(
        table, lines, lags, holidays, lag, len(apart), identical, only_a, only_b, tuple(map(str, funds)),
        warnings=_warnings(a, b, holidays, lags, lag),
    )  # fmt: skip


def _between(days: pd.DatetimeIndex, span: pd.DatetimeIndex) -> pd.DatetimeIndex:
    return days[(days >= span[0]) & (days <= span[-1])]


def _row_lines(source: Source, alone: pd.DatetimeIndex, calendar: str) -> list[str]:
    """Sessions absent from a record or only in it, and its rows on other days."""
    lines = []
    absent = absent_sessions(source.labels, calendar)
    if len(absent):
        lines.append(f"{source.name}: {rows_text(len(absent), 'session')} of {calendar} absent")
    if len(alone):
        shown = ", ".join(alone[:_NAMED].strftime("%Y-%m-%d"))
        lines.append(
            f"in {source.name} alone: {shown}{', ...' if len(alone) > _NAMED else ''} ({len(alone):,})"
        )
    if len(source.off):
        lines.append(f"{source.name}: {rows_text(len(source.off))} on days without a session of {calendar}")
    return lines


def _alone(source: Source, other: Source) -> list[str]:
    names = [name for name in source.flows if name not in other.flows]
    empty = "" if source.flows[names].notna().any(axis=None) else ", without a number"
    return [f"funds in {source.name} alone: {', '.join(map(str, names))}{empty}"] * bool(names)


def _warnings(a: Source, b: Source, holidays: pd.DataFrame, lags: pd.DataFrame, lag: int) -> tuple[str, ...]:
    found = [sentence for source in (a, b) for sentence in money_warnings(source.flows, source.name)]
    for source in (a, b):
        rows = holidays[holidays["source"] == source.name]
        traded = pd.DatetimeIndex(rows.index[rows["gross"] > 0.0])
        if len(traded):
            found.append(
                f"{source.name}: {len(traded):,} of {rows_text(len(rows))} on days without a session are "
                "not zero "
                f"({', '.join(traded.strftime('%Y-%m-%d'))}); no trading took place. Ask the source, or "
                "drop them."
            )
    if lags["share"][lag] < _AGREE:
        found.append(
            f"lag: at {lag} only {lags['share'][lag]:.0%} of days match; records of the same flows match on "
            "nearly "
            "all. Check units, funds and lags."
        )
    return tuple(found)


def _later(lag: int) -> str:
    """Labels of the second record against those of the first, in words."""
    if lag == 0:
        return "on the same days"
    return f"{rows_text(abs(lag), 'session')} {'later' if lag > 0 else 'earlier'}"
