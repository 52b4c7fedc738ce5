"""Two records of fund flows held against each other: label, common days, differences, rows on holidays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gammaflow.checks import attempt, check_number, check_whole, refuse
from gammaflow.errors import SchemaError
from gammaflow.evidence.etf_flows.inputs import CALENDAR, half_digit, in_session, money_warnings
from gammaflow.feedback.fund.inputs import traded_days
from gammaflow.series import absent_sessions, read_days
from gammaflow.study import Study
from gammaflow.text import number_text, rows_text

__all__ = ["Reconciled", "reconcile"]

# Share of matching days below which no label brings the two together.
_AGREE = 0.5
_NAMED = 3


class _Source(NamedTuple):
    """A record: its rows by session, its rows on other days, and half of its last digit."""

    name: str
    flows: pd.DataFrame
    off: pd.DataFrame
    half: float


@dataclass(frozen=True, eq=False, repr=False)
class Reconciled(Study):
    """Two records of the same flows; see `reconcile`.

    Attributes
    ----------
    table : DataFrame
        One row per day and fund on which they differ by more than rounding, indexed by the day of the first record:
        `fund`, `label` of the second record, `a`, `b`, `difference` (b - a) [currency] and the `reason`: "not yet
        posted in ..." (zero or absent on that record's last day), "zero in ...", "absent in ...", or "differs" (a
        revision or an error).
    lags : DataFrame
        Indexed by lag, sessions by which the second record's labels come later: `days` compared (a flow in either),
        `matches` (all funds equal within rounding) and their `share`.
    holidays : DataFrame
        Rows on days without a session, indexed by day: `source`, `funds` with a flow, `net` and `gross` [currency].
    lag : int
        The lag used: the given one, or that of the highest share.
    common, identical : int
        Common days, and those on which all common funds are equal within rounding.
    only_a, only_b : DatetimeIndex
        Sessions of one record alone, each by its own labels, within the days that both span.
    funds : tuple of str
        Funds compared.
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
        )
        return plot_lags(self.lags, self.lag, title, ax=ax)


def reconcile(
    a: pd.Series | pd.DataFrame, b: pd.Series | pd.DataFrame, *, lag: int | None = None,
    lags: Sequence[int] = (-2, -1, 0, 1, 2), rounding: float | None = None, names: tuple[str, str] = ("a", "b"),
    calendar: str = CALENDAR,
) -> Reconciled:  # fmt: skip
    """Differences of two records of the same flows, once the labels of the second are understood.

    A record may carry the day of the trade or a later one. The lag is the one under which the most days match, among
    those on which either has a flow. Rows on days without a session are set apart before anything is compared.

    Parameters
    ----------
    a, b : Series or DataFrame
        Flows by day [currency]; of a DataFrame a column per fund, without a total. NaN is a flow not published.
    lag : int, optional
        Sessions by which the labels of `b` come later than those of `a`; default: found among `lags`.
    lags : sequence of int
        Lags to try, -5 to 5.
    rounding : float, optional
        Difference that counts as none [currency]; default: less than the sum of half of each record's last digit.
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
        lambda: [check_whole(one, "lags", -5, 5) for one in lags],
        lambda: None if rounding is None else check_number(rounding, "rounding", 0.0),
    )
    first = _read(a, names[0], problems, calendar)
    second = _read(b, names[1], problems, calendar)
    refuse("flows", problems)
    funds = [name for name in first.flows if name in second.flows]
    if not funds:
        raise SchemaError(
            f"{names[0]}, {names[1]}: no fund in common ({', '.join(map(str, first.flows))}; "
            f"{', '.join(map(str, second.flows))}). Rename the columns."
        )
    tolerance = (first.half + second.half) * (1.0 - 1e-6) if rounding is None else checks[2]
    tried = sorted({*checks[1], *([] if lag is None else [checks[0]])})
    rows = {one: _matches(first, _shift(second, one, calendar), funds, tolerance) for one in tried}
    table = pd.DataFrame(rows, index=["days", "matches"]).T.rename_axis("lag")
    table["share"] = table["matches"] / table["days"].where(table["days"] > 0)
    if table["share"].isna().all():
        raise SchemaError(
            f"{names[0]}, {names[1]}: no common day with a flow; pass records of the same days."
        )
    chosen = checks[0] if lag is not None else max(tried, key=lambda one: (_share(table, one), -abs(one)))
    return _compare(first, second, funds, table, chosen, tolerance, calendar)


def _share(table: pd.DataFrame, lag: int) -> float:
    share = float(table.loc[lag, "share"])
    return -1.0 if np.isnan(share) else share


def _read(value: Any, name: str, problems: list[str], calendar: str) -> _Source:
    """A record by session, and its rows on other days."""
    columns = value.items() if isinstance(value, pd.DataFrame) else [("flow", value)]
    read: dict[Any, pd.Series] = {}
    for fund, column in columns:
        label = f"{name}, {fund}" if isinstance(value, pd.DataFrame) else name
        wrong: list[str] = []
        read[fund] = read_days(column, label, wrong, least=1, gaps=True, missing=True)
        problems += wrong
        if wrong:  # those of the index would be repeated for every fund
            break
    else:
        if not read:
            problems.append(f"{name}: received a DataFrame without columns; pass a column per fund.")
    if problems:
        return _Source(name, pd.DataFrame(), pd.DataFrame(), 0.0)
    flows = pd.DataFrame(read)
    kept = in_session(flows.index, calendar)
    return _Source(name, flows[kept], flows[~kept], half_digit(flows, name))


def _shift(source: _Source, lag: int, calendar: str) -> _Source:
    """The record under the labels of the first one; `label` keeps its own."""
    days = pd.DatetimeIndex(source.flows.index)
    return source._replace(flows=source.flows.assign(label=days).set_axis(traded_days(days, lag, calendar)))


def _cells(a: _Source, b: _Source, funds: list[Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    days = a.flows.index.intersection(b.flows.index)
    return a.flows.loc[days, funds], b.flows.loc[days, funds]


def _matches(a: _Source, b: _Source, funds: list[Any], tolerance: float) -> tuple[int, int]:
    """Days on which either record has a flow, and those of them on which all funds known to both match."""
    x, y = _cells(a, b, funds)
    flowing = ((x.fillna(0.0) != 0.0) | (y.fillna(0.0) != 0.0)).any(axis=1)
    apart = _apart(x, y, tolerance).any(axis=1)
    return int(flowing.sum()), int((flowing & ~apart).sum())


def _apart(x: pd.DataFrame, y: pd.DataFrame, tolerance: float) -> pd.DataFrame:
    """True where two flows differ by more than rounding, or one alone is not published."""
    return ((x - y).abs() > tolerance) | (x.isna() != y.isna())


def _compare(
    a: _Source, b: _Source, funds: list[Any], lags: pd.DataFrame, lag: int, tolerance: float, calendar: str
) -> Reconciled:  # fmt: skip
    moved = _shift(b, lag, calendar)
    x, y = _cells(a, moved, funds)
    apart = _apart(x, y, tolerance)
    rows = [
        {
            "day": day, "fund": fund, "label": moved.flows.at[day, "label"], "a": x.at[day, fund], "b": y.at[day, fund],
            "difference": y.at[day, fund] - x.at[day, fund],
            "reason": _reason(x.at[day, fund], y.at[day, fund], day == a.flows.index[-1],
                              day == moved.flows.index[-1], (a.name, b.name)),
        }
        for day, fund in apart.stack().loc[lambda cell: cell].index
    ]  # fmt: skip
    names = ["day", "fund", "label", "a", "b", "difference", "reason"]
    table = pd.DataFrame(rows, columns=names).set_index("day")
    low = max(a.flows.index[0], moved.flows.index[0])
    high = min(a.flows.index[-1], moved.flows.index[-1])
    only_a = a.flows.index.difference(moved.flows.index)
    only_b = moved.flows.index.difference(a.flows.index)
    only_a = pd.DatetimeIndex(only_a[(only_a >= low) & (only_a <= high)])
    only_b = only_b[(only_b >= low) & (only_b <= high)]
    only_b = pd.DatetimeIndex(moved.flows.loc[only_b, "label"])
    identical = int((~apart.any(axis=1)).sum())
    holidays = pd.concat([_off_days(a, funds), _off_days(b, funds)]).sort_index(kind="stable")
    reasons = table["reason"].value_counts()
    lines = (
        f"{a.name} and {b.name}: {rows_text(len(x), 'common day')}, {identical:,} identical in "
        f"{rows_text(len(funds), 'fund')} within {number_text(tolerance)}, {x.index[0]:%Y-%m-%d} to "
        f"{x.index[-1]:%Y-%m-%d} [currency]",
        f"{b.name} labelled {_later(lag)}: {int(lags.at[lag, 'matches']):,} of {int(lags.at[lag, 'days']):,} days match, "
        f"at the next best lag {_next_best(lags, lag):.0%}",
        *(f"{rows_text(count, 'flow')}: {reason}" for reason, count in reasons.items()),
        *_row_lines(a, b, only_a, only_b, calendar),
    )
    return Reconciled(
        table, lines, lags.astype({"days": np.int64, "matches": np.int64}), holidays, int(lag), len(x), identical,
        only_a, only_b, tuple(map(str, funds)), warnings=_warnings(a, b, holidays, lags, lag),
    )  # fmt: skip


def _reason(x: float, y: float, last_a: bool, last_b: bool, names: tuple[str, str]) -> str:
    for value, other, last, name in ((x, y, last_a, names[0]), (y, x, last_b, names[1])):
        if last and (np.isnan(value) or value == 0.0) and other != 0.0:
            return f"not yet posted in {name}"
    for value, name in ((x, names[0]), (y, names[1])):
        if np.isnan(value):
            return f"absent in {name}"
        if value == 0.0:
            return f"zero in {name}"
    return "differs"


def _off_days(source: _Source, funds: list[Any]) -> pd.DataFrame:
    """Rows of a record on days without a session."""
    flows = (
        source.off[funds]
        if len(source.off)
        else pd.DataFrame(columns=funds, index=source.off.index, dtype=float)
    )
    columns = {
        "source": source.name,
        "funds": (flows.fillna(0.0) != 0.0).sum(axis=1).astype(np.int64),
        "net": flows.sum(axis=1),
        "gross": flows.abs().sum(axis=1),
    }
    return pd.DataFrame(columns, index=pd.DatetimeIndex(flows.index, name="day"))


def _row_lines(
    a: _Source, b: _Source, only_a: pd.DatetimeIndex, only_b: pd.DatetimeIndex, calendar: str
) -> list[str]:
    lines = []
    for source, days in ((a, only_a), (b, only_b)):
        absent = absent_sessions(pd.DatetimeIndex(source.flows.index), calendar)
        if len(absent):
            lines.append(f"{source.name}: {rows_text(len(absent), 'session')} of {calendar} absent")
        if len(days):
            shown = ", ".join(days[:_NAMED].strftime("%Y-%m-%d"))
            lines.append(
                f"in {source.name} alone: {shown}{', ...' if len(days) > _NAMED else ''} ({len(days):,})"
            )
        if len(source.off):
            lines.append(
                f"{source.name}: {rows_text(len(source.off))} on days without a session of {calendar}"
            )
    for source, other in ((a, b), (b, a)):
        alone = [str(name) for name in source.flows if name not in other.flows]
        if alone:
            empty = "" if source.flows[alone].notna().any(axis=None) else ", without a number"
            lines.append(f"funds in {source.name} alone: {', '.join(alone)}{empty}")
    return lines


def _warnings(
    a: _Source, b: _Source, holidays: pd.DataFrame, lags: pd.DataFrame, lag: int
) -> tuple[str, ...]:
    found = [sentence for source in (a, b) for sentence in money_warnings(source.flows, source.name)]
    for source in (a, b):
        rows = holidays[holidays["source"] == source.name]
        traded = rows[rows["gross"] > 0.0]
        if len(traded):
            shown = ", ".join(pd.DatetimeIndex(traded.index).strftime("%Y-%m-%d"))
            found.append(
                f"{source.name}: {len(traded):,} of {rows_text(len(rows))} on days without a session are not zero "
                f"({shown}); no trading took place. Ask the source, or drop them."
            )
    if _share(lags, lag) < _AGREE:
        found.append(
            f"lag: at {lag} only {_share(lags, lag):.0%} of days match; legal, but records of the same flows match on "
            "nearly all. Check units, funds and lags."
        )
    return tuple(found)


def _next_best(lags: pd.DataFrame, lag: int) -> float:
    others = lags["share"].drop(lag).dropna()
    return float(others.max()) if len(others) else 0.0


def _later(lag: int) -> str:
    """Labels of the second record against those of the first, in words."""
    if lag == 0:
        return "on the same days"
    return f"{rows_text(abs(lag), 'session')} {'later' if lag > 0 else 'earlier'}"
