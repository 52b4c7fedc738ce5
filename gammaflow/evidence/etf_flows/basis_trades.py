"""Fund flows less those of basis trades: the part that takes a view on price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import last_sessions, next_sessions
from gammaflow.checks import attempt, check_number, refuse
from gammaflow.errors import SchemaError
from gammaflow.evidence.brief import BriefStudy
from gammaflow.evidence.correlation.fisher import fisher_interval
from gammaflow.evidence.etf_flows.inputs import CALENDAR, money_warnings, read_flows
from gammaflow.evidence.etf_flows.regression import fit
from gammaflow.series import read_days
from gammaflow.text import number_text, rows_text

__all__ = ["Directional", "basis_flows", "directional"]

# Fewest weeks for a correlation and a slope.
_LEAST = 8


@dataclass(frozen=True, eq=False, repr=False)
class Directional(BriefStudy):
    """Fund flows by week, less basis trades; see `directional`.

    Attributes
    ----------
    table : DataFrame
        Indexed by the last day of each week: `sessions`, `flow` into the fund, `basis_flow` and
        `directional`, their difference [currency].
    correlation, low, high : float
        Correlation of flow and basis flow over weeks with its 95 % interval (Fisher); NaN below eight weeks.
    slope, slope_error : float
        Flow per unit of basis flow by least squares, with its HC3 error: 1 if every basis trade went through
        the fund and nothing else moved with it; NaN below eight weeks.

    See Also
    --------
    directional : Fund flows that no change of basis trades accounts for: net flow less basis flow, by week.

    Examples
    --------
    >>> import gammaflow as gf
    >>> import pandas as pd
    >>> flows = pd.Series(-50e6, pd.bdate_range("2026-02-02", "2026-02-13"))
    >>> basis = pd.Series([float("nan"), -600e6], pd.to_datetime(["2026-02-03", "2026-02-10"]))
    >>> found = gf.evidence.etf_flows.directional(flows, basis)
    >>> (found.table["directional"] / 1e6).tolist()
    [350.0]
    """

    correlation: float
    low: float
    high: float
    slope: float
    slope_error: float

    def plot(self, *, ax: Any = None) -> Any:
        """Flow and basis flow as bars by week, the difference as points (matplotlib Axes)."""
        from gammaflow.plot.etf_flows import plot_directional

        weeks = f"weeks ending {self.table.index[0]:%Y-%m-%d} to {self.table.index[-1]:%Y-%m-%d}"
        return plot_directional(self.table, f"Fund flows less basis trades, by week\n{weeks}", ax=ax)


def directional(flows: pd.Series, basis_flow: pd.Series, *, calendar: str = CALENDAR) -> Directional:
    """Fund flows that no change of basis trades accounts for: net flow less basis flow, by week.

    Basis traders hold the fund and are short futures, so that their inflow takes no view on price. Flows are
    added up over the sessions after one date of `basis_flow` up to and including the next.

    Parameters
    ----------
    flows : Series
        Flow into all funds by day [currency, + = in].
    basis_flow : Series
        Money that basis trades moved into the funds since the date before [currency], by date: from
        `basis_flows`, or your own. The first row may be NaN: it then only opens the first week; else that
        week is as long as the usual one.
    calendar : str
        Exchange whose sessions are the funds' days.

    Returns
    -------
    Directional

    Raises
    ------
    SchemaError
        With every problem; where no week has all of its flows.

    See Also
    --------
    basis_flows

    Examples
    --------
    >>> days = pd.bdate_range("2026-02-02", "2026-02-13")
    >>> weeks = pd.Series([np.nan, -600e6], pd.to_datetime(["2026-02-03", "2026-02-10"]))
    >>> found = directional(pd.Series(-50e6, days), weeks)
    >>> found.table[["sessions", "flow", "directional"]].to_numpy().tolist()
    [[5.0, -250000000.0, 350000000.0]]
    """
    problems: list[str] = []
    flow = read_flows(flows, "flows", problems, calendar)
    basis = read_days(basis_flow, "basis_flow", problems, least=1, missing=True)
    if not problems and len(basis) < 2 and basis.isna().all():
        problems.append("basis_flow: received no number; pass a change for each week.")
    refuse("flows", problems)
    ends = pd.DatetimeIndex(basis.index)
    days = pd.DatetimeIndex(flow.values.index)
    starts, whole = _weeks(ends, days, calendar)
    known = basis.notna().to_numpy()
    if not (whole & known).any():
        raise SchemaError(
            f"flows: {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d} hold no whole week of basis_flow "
            f"({starts[0]:%Y-%m-%d} to {ends[-1]:%Y-%m-%d}); pass longer flows."
        )
    table = _by_week(flow.values, basis[whole], starts[whole])
    numbers = _together(table)
    left = int(np.sum(known & ~whole))
    lines = (
        f"fund flows [currency, + = into the funds] less basis trades over {rows_text(len(table), 'week')}, "
        f"each ending on its date ({table.index[0]:%a %Y-%m-%d} to {table.index[-1]:%a %Y-%m-%d})",
        _verdict(numbers, len(table)),
        "cannot tell: shorts of futures that hedge nothing, or that hedge coins, options or other funds, "
        "count as basis trades here; basis trades that entered and left within a week do not show; and "
        "positions of a date are published days after it",
        *flow.lines,
        *[f"{rows_text(left, 'week')} without all flows left out"] * bool(left),
    )
    warnings = (*flow.warnings, *money_warnings(basis, "basis_flow"))
    return Directional(table, lines, *numbers, warnings=warnings)


def _weeks(
    ends: pd.DatetimeIndex, days: pd.DatetimeIndex, calendar: str
) -> tuple[pd.DatetimeIndex, NDArray[np.bool_]]:
    """Day before each week, and the mask of weeks all of whose sessions are within the days of the flows."""
    step = np.median(np.diff(ends.asi8)) if len(ends) > 1 else pd.Timedelta(7, "D").value
    starts = pd.DatetimeIndex([*(ends[:1] - pd.Timedelta(int(step), "ns")), *ends[:-1]])
    opens = pd.DatetimeIndex(
        next_sessions(calendar, (starts + pd.Timedelta(1, "D")).to_numpy("datetime64[D]"))
    )
    closes = pd.DatetimeIndex(last_sessions(calendar, ends.to_numpy("datetime64[D]")))
    return starts, np.asarray((opens >= days[0]) & (closes <= days[-1]))


def _by_week(flows: pd.Series, basis: pd.Series, starts: pd.DatetimeIndex) -> pd.DataFrame:
    """Flows, basis flow and their difference of each week that has a session and a basis flow."""
    days = flows.index
    rows = [
        {
            "week": end,
            "sessions": int(np.sum(inside)),
            "flow": float(flows[inside].sum()),
            "basis_flow": moved,
        }
        for start, (end, moved) in zip(starts, basis.items(), strict=True)
        if not np.isnan(moved) and (inside := np.asarray((days > start) & (days <= end))).any()
    ]
    table = pd.DataFrame(rows).set_index("week")
    table["directional"] = table["flow"] - table["basis_flow"]
    return table


def basis_flows(shorts: pd.Series, prices: pd.Series, *, contract_size: float = 5.0) -> pd.Series:
    """Money that basis trades moved, by the change of short futures: change x contract x price [currency].

    A short that hedges a fund's share opens when the share is bought. Which shorts hedge is not in the
    record: leveraged funds or non-commercials are a proxy.

    Parameters
    ----------
    shorts : Series
        Short contracts by date, > 0, such as the weekly report of Tuesdays.
    prices : Series
        Price of a coin by day [currency], those dates among them; the clock of the close hardly matters here.
    contract_size : float
        Coins per contract; 5 for CME's Bitcoin future.

    Returns
    -------
    Series
        By date [currency], + = into the funds; NaN on the first.

    Raises
    ------
    SchemaError
        With every problem; for a date without a price.

    See Also
    --------
    directional : Fund flows that no change of basis trades accounts for: net flow less basis flow, by week.

    Examples
    --------
    >>> dates = pd.to_datetime(["2026-02-03", "2026-02-10"])
    >>> shorts = pd.Series([17_931, 15_999], dates)
    >>> print(f"{basis_flows(shorts, pd.Series([76_000.0, 69_000.0], dates)).iloc[1] / 1e6:.1f}m")
    -666.5m
    """
    problems: list[str] = []
    count = read_days(shorts, "shorts", problems, low=0.0)
    price = read_days(prices, "prices", problems, low=0.0, open_low=True, gaps=True)
    (size,), wrong = attempt(lambda: check_number(contract_size, "contract_size", 0.0, open_low=True))
    problems += wrong
    if not problems:
        absent = count.index.difference(price.index)
        if len(absent):
            problems.append(
                f"prices: {rows_text(len(absent), 'date')} of shorts without a price (first: "
                f"{absent[0]:%Y-%m-%d}); pass "
                "prices of the same days."
            )
    refuse("basis flows", problems)
    flow: pd.Series = count.diff() * size * price.reindex(count.index)
    return flow.rename("basis_flow")


def _together(table: pd.DataFrame) -> tuple[float, float, float, float, float]:
    """Correlation of flow and basis flow with its interval, and the slope with its error."""
    flow, basis = table["flow"], table["basis_flow"]
    if len(table) < _LEAST or np.ptp(flow) == 0.0 or np.ptp(basis) == 0.0:
        return (np.nan,) * 5
    r = float(np.corrcoef(flow, basis)[0, 1])
    low, high = fisher_interval(r, len(table))
    found = fit(flow, pd.DataFrame({"constant": 1.0, "basis_flow": basis}))
    return (
        r, float(low), float(high),
        float(found.coefficients[1]), float(np.sqrt(found.covariance[1, 1])),
    )  # fmt: skip


def _verdict(numbers: tuple[float, ...], weeks: int) -> str:
    r, low, high, slope, error = numbers
    if np.isnan(r):
        return f"flow and basis flow: {rows_text(weeks, 'week')}, too few for a correlation ({_LEAST})"
    word = "cannot tell that they move together" if low < 0.0 < high else "they move together"
    if high < 0.0:
        word = "they move against each other, which a proxy for basis trades should not"
    return (
        f"flow and basis flow: correlation {r:.2f} ({low:.2f} to {high:.2f}), {number_text(slope)} +- "
        f"{number_text(error)} of flow per unit of basis flow (1 if all basis trades use the funds): {word}"
    )
