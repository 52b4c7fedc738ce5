"""Claims about the money that went into the funds and out of them."""

from __future__ import annotations

import pandas as pd

from gammaflow.studies.event.claim import Finding, Range, about, claims_of, exactly
from gammaflow.studies.event.records import AFTER, BEFORE, DAY, Records, on

__all__ = ["CLAIMS"]

_claim = claims_of("fund flows")
_JANUARY = "2026-01-30"
_BASKET = 40_000


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
    last = moves[:_JANUARY].tail(5)
    nearest = last.index[(last + 5.8).abs().argmin()]
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
        "",
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
        exactly(both / usual),
        f"{records.source('flows')}: {both:+,.1f} $m; usual {usual:,.1f}",
        "",
        f"All funds: {all_funds:+,.1f} $m.",
    )


CLAIMS = (fall_january, outflow_january, outflow_before, fund_inflow, total_inflow, flat)
