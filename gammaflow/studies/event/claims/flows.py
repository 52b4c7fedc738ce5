"""Claims about the money that went into the funds and out of them."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pandas as pd

from gammaflow.evidence import etf_flows
from gammaflow.feedback.fund.etf_ledger import etf_creations
from gammaflow.studies.event.claim import Finding, Range, about, claims_of, exactly, span
from gammaflow.studies.event.records import AFTER, BEFORE, DAY, AbsentError, Records, on

__all__ = ["CLAIMS"]

_claim = claims_of("fund flows")
_JANUARY = "2026-01-30"
#: Shares in a basket, and net asset values [USD]; external.
_BASKET = 40_000
_NAV = {DAY: 36.22, AFTER: 39.93}


def _flow(records: Records, day: str, fund: str = "IBIT") -> float:
    """Flow of a trade day [$m]."""
    return float(on(records.flows()[fund], day, "flows")) / 1e6


@_claim(
    "The fund fell 5.8 % on 30 January",
    "IBIT close to close on that day [%]",
    "-5.8 %",
    about(-5.8, 0.05),
    "{:+.2f} %",
)
def fall_january(records: Records) -> Finding:
    """The earlier fall that the article compares with."""
    moves = 100.0 * records.daily("IBIT")["Close"].pct_change()
    move = float(on(moves, _JANUARY, "IBIT"))
    last = moves[:_JANUARY].dropna().tail(5)
    if last.empty:
        raise AbsentError(f"{records.source('IBIT')} has no close before {_JANUARY}")
    nearest = last.index[int((last + 5.8).abs().argmin())]
    return Finding(
        exactly(move),
        records.source("IBIT"),
        "",
        f"Nearest to -5.8 % of the five sessions to that day: {nearest:%d %b} ({last[nearest]:+.2f} %).",
    )


@_claim(
    "Outflow of $530m on 30 January",
    "IBIT net flow of the trade day [$m]",
    "-530",
    about(-530.0, 5.0),
    "{:+,.1f}",
)
def outflow_january(records: Records) -> Finding:
    """The outflow of 30 January."""
    return Finding(exactly(_flow(records, _JANUARY)), records.source("flows"))


@_claim(
    "Outflow of $370m on 4 February",
    "IBIT net flow of the trade day [$m]",
    "-370",
    about(-370.0, 5.0),
    "{:+,.1f}",
)
def outflow_before(records: Records) -> Finding:
    """The outflow of 4 February."""
    all_funds = _flow(records, BEFORE, "all")
    return Finding(
        exactly(_flow(records, BEFORE)), records.source("flows"), "", f"All funds: {all_funds:+,.1f}."
    )


@_claim(
    "Inflow of $230m into IBIT on 5 February",
    "IBIT net flow of the trade day [$m]",
    "+230",
    about(230.0, 5.0),
    "{:+,.1f}",
)
def fund_inflow(records: Records) -> Finding:
    """The inflow into the fund on the day of the fall."""
    return Finding(
        exactly(_flow(records, DAY)),
        records.source("flows"),
        f"230 for six million shares is {230 / 6:.2f} a share",
        f"6 February: {_flow(records, AFTER):+,.1f}, the day of the rebound.",
    )


@_claim(
    "Inflow of $300m into all funds on 5 February", "net flow of all funds on the trade day [$m]", "+300",
    Range(300.0, 400.0), "{:+,.1f}",
)  # fmt: skip
def total_inflow(records: Records) -> Finding:
    """The inflow into all funds on the day of the fall."""
    return Finding(
        exactly(_flow(records, DAY, "all")),
        records.source("flows"),
        "",
        f"6 February: {_flow(records, AFTER, 'all'):+,.1f}.",
    )


@_claim(
    "Six million IBIT shares were created on 5 February", "net creations of the trade day [m shares]",
    "+6", Range(5.5, 6.5), "{:+.2f}",
)  # fmt: skip
def created(records: Records) -> Finding:
    """Shares created on the day of the fall, in whole baskets, by the file with the most digits."""
    flows = records.flows_next_day()
    nav = pd.Series(list(_NAV.values()), [pd.Timestamp(day) for day in _NAV])
    table = etf_flows.baskets(flows, nav, basket=_BASKET, lag=1).table.set_index("traded")
    row, after = (on(table, day, "flows, next day") for day in _NAV)
    return Finding(
        span(row[["low", "high"]].to_numpy(np.float64) * _BASKET / 1e6),
        f"{records.source('flows, next day')}: {row['baskets']:+,.2f} baskets at a net asset value of "
        f"{_NAV[DAY]:.2f} (external)",
        f"six million shares are {etf_creations(6_000_000, basket=_BASKET)} baskets",
        f"6 February: {after['baskets']:+,.2f} baskets, {after['baskets'] * _BASKET / 1e6:+.2f} m shares.",
    )


@_claim(
    "A fall of 13.2 % should bring an outflow of $0.5bn to $1bn",
    "expected IBIT flow at the day's move, by model [$m]", "-500 to -1,000",
    Range(-1000.0, -500.0), "{:+,.0f}",
)  # fmt: skip
def expectation(records: Records) -> Finding:
    """Expected flow of the day, fitted to the days before, under models with and without the day before."""
    found, where = _surprise(records)
    moves, flows = records.daily("IBIT")["Close"].pct_change(), records.flows()["IBIT"] / 1e6
    day, before = pd.Timestamp(_JANUARY), pd.Timestamp("2026-01-29")
    note = ""
    if {day, before} <= set(moves.index) and day in flows.index:
        scaled = float(etf_flows.scaled(flows[day], moves[before], found.move))
        note = f"Rule of three on 29 and 30 January: {scaled:+,.0f}."
    low, high = found.table["low"].min() / 1e6, found.table["high"].max() / 1e6
    return Finding(
        span(found.table["expected"] / 1e6),
        where,
        f"95 % of days at that move: {low:+,.0f} to {high:+,.0f}",
        note,
    )


@_claim(
    "Of all funds together, too, a fall of 13.2 % should bring that outflow",
    "expected flow of all funds at the day's move, by model [$m]", "-500 to -1,000",
    Range(-1000.0, -500.0), "{:+,.0f}",
)  # fmt: skip
def total_expectation(records: Records) -> Finding:
    """As `expectation`, of all funds: the story does not say which it means."""
    found, where = _surprise(records, "all")
    recorded = float(found.table["flow"].iloc[0]) / 1e6
    return Finding(span(found.table["expected"] / 1e6), where, f"recorded: {recorded:+,.0f}")


@_claim(
    "The flow of 5 February defied the fall", "flow less the expected one, by model [standard errors]",
    "far above", Range(2.0, inf), "{:+.2f}",
)  # fmt: skip
def defied(records: Records) -> Finding:
    """The surprise of the day's recorded flow."""
    found, where = _surprise(records)
    closes, flows = records.daily("IBIT")["Close"], records.flows()["IBIT"]
    claimed = etf_flows.surprise(flows, closes, DAY, flow=230e6).table["sigmas"]
    return Finding(
        span(found.table["sigmas"]),
        where,
        f"a flow of +230 would be {claimed.min():+.1f} to {claimed.max():+.1f}",
    )


def _surprise(records: Records, funds: str = "IBIT") -> tuple[etf_flows.Surprise, str]:
    """The day's flow against models fitted to the days before, and the source."""
    closes, flows = records.daily("IBIT")["Close"], records.flows()[funds]
    on(closes, DAY, "IBIT"), on(flows, DAY, "flows")
    found = etf_flows.surprise(flows, closes, DAY)
    return found, f"{records.source('flows', 'IBIT')}: fitted to the days before, {len(found.table)} models"


@_claim(
    "Over 5 and 6 February together flows were roughly flat",
    "IBIT net flow of both days over the usual size of two days before (median) [-]",
    "flat: no more than usual", Range(-1.0, 1.0), "{:+.2f}",
)  # fmt: skip
def flat(records: Records) -> Finding:
    """Flows of the fall and the rebound together."""
    flows = records.flows()["IBIT"] / 1e6
    both = _flow(records, DAY) + _flow(records, AFTER)
    usual = float(flows[flows.index < pd.Timestamp(DAY)].rolling(2).sum().abs().median())
    all_funds = _flow(records, DAY, "all") + _flow(records, AFTER, "all")
    return Finding(
        exactly(both / usual if usual else nan),
        f"{records.source('flows')}: {both:+,.1f} $m; usual {usual:,.1f}",
        "",
        f"All funds: {all_funds:+,.1f} $m.",
    )


CLAIMS = (
    fall_january,
    outflow_january,
    outflow_before,
    fund_inflow,
    total_inflow,
    created,
    expectation,
    total_expectation,
    defied,
    flat,
)
