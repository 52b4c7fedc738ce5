"""`summarize`: one tidy row of levels, totals and quality per snapshot."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.batch.columns import COLUMNS
from gammaflow.batch.flips import flips_by_rule
from gammaflow.batch.valued import LEVELS, report_behind
from gammaflow.exposure.levels import Levels
from gammaflow.exposure.walls import next_max_pain
from gammaflow.market.at_the_money import constant_maturity
from gammaflow.market.chain import Chain
from gammaflow.positions.rules import PositionRule
from gammaflow.report import Report
from gammaflow.report.earlier import rule_name

__all__ = ["COLUMNS", "summarize", "summary_of"]

_MEASURES = ("gamma", "gross_gamma", "vanna", "charm", "delta")


def summarize(chain_or_report: Chain | Report, *, rule: str | PositionRule | None = None) -> pd.Series:
    """One tidy row of a snapshot: totals, flips, zone, core, walls and quality.

    Parameters
    ----------
    chain_or_report : Chain or Report
        A chain is valued as `analyze` does. A report must be of the time and vols of its quotes.
    rule : str or rule, optional
        Rule for the sign of dealers' positions, as in `assign_positions`; default "calls_long_puts_short".
        Not for a report.

    Returns
    -------
    Series
        The columns of `gammaflow.batch.summary.COLUMNS`, which gives unit, meaning and type of each, in that
        order; + = dealers are long. Missing numbers are NaN, missing times NaT. The same chain always gives
        the same row: it holds no clock time, host or path. Zone, trough and core are those of the zone that
        holds spot, else of the nearest in one-day standard deviations. `in_core` is about its deepest trough.

    Raises
    ------
    SchemaError
        For another object, a chain without rows that can be valued, a rule for a report, or a rolled report.

    See Also
    --------
    run_batch : Apply a function to every chain of a store, a folder or a list of files.
    history : Time series of the summaries of many snapshots of one underlying.

    Notes
    -----
    `flip_<rule>` is the nearest flip under each rule that signs positions, as `compare_rules` finds it; NaN
    where gamma has no zero (dealers short every contract), where the rule has no shares for the venue, and
    for a report of a book, whose open interest is not known.

    Examples
    --------
    >>> import gammaflow as gf
    >>> row = gf.summarize(gf.demo_chain())
    >>> round(row["flip"]), row["in_zone"], round(row["next_share"], 1)
    (77509, True, 14.0)
    >>> from gammaflow.batch.summary import COLUMNS
    >>> COLUMNS["next_share"].unit
    '%'
    """
    return summary_of(report_behind(chain_or_report, rule, LEVELS))


def summary_of(report: Report) -> pd.Series:
    """`summarize` of a report."""
    chain = report.interest if isinstance(report.interest, Chain) else None
    row = {
        **_facts(report),
        **_quality(report),
        **{name: float(report.exposure.rows[name].sum()) for name in _MEASURES},
        **_levels(report.levels),
        **_next_expiry(report),
        "atm_volatility": constant_maturity(chain) if chain else np.nan,
        **flips_by_rule(report),
    }
    return pd.Series([row[name] for name in COLUMNS], _names(), dtype=object)


@cache
def _names() -> pd.Index:
    """The columns as an index, made when it is first needed: pandas then loads pyarrow."""
    return pd.Index(COLUMNS)


def _facts(report: Report) -> dict[str, Any]:
    book, chain = report.book, report.chain
    days = np.empty(0, "datetime64[ns]")
    if chain is not None:
        days = np.asarray(chain["open_interest_date"][chain.years > 0.0])
    days = days[~np.isnat(days)]
    return {
        "symbol": book.symbol,
        "asof": book.asof,
        "vendor": " | ".join(book.sources) or "unknown" if chain is None else chain.vendor,
        "open_interest_asof": pd.Timestamp(days.max(), tz="UTC") if days.size else pd.NaT,
        "currency": book.currency,
        "rule": rule_name(book),
        "dynamics": report.profile.dynamics.name,
        "filtered": book.subset is not None or bool(book.filters),
        "spot": book.spot,
    }


def _quality(report: Report) -> dict[str, Any]:
    book, quality = report.book, report.quality
    rows = len(book) if quality is None else quality.row_count
    return {
        "rows": rows,
        "used": len(book),
        "excluded": rows - len(book),
        "usable_interest": np.nan if quality is None else 100.0 * quality.usable_share,
        "score": np.nan if quality is None else float(quality.score),
        "warnings": len(report.faults()),
    }


def _levels(levels: Levels) -> dict[str, Any]:
    spot, flip, zone = levels.profile.book.spot, levels.nearest_flip, levels.zone
    trough = zone.trough if zone else None
    low, high = zone.core if zone else (np.nan, np.nan)
    return {
        "flip": flip.spot if flip else np.nan,
        "flips": len(levels.flips),
        "flip_distance": 100.0 * (flip.spot / spot - 1.0) if flip else np.nan,
        "call_wall": levels.call_wall,
        "put_wall": levels.put_wall,
        "max_pain": next_max_pain(levels.exposure),
        "zone_low": zone.low if zone else np.nan,
        "zone_high": zone.high if zone else np.nan,
        "zone_flow": zone.flow if zone else np.nan,
        "trough_spot": trough.spot if trough else np.nan,
        "trough_gamma": trough.gamma if trough else np.nan,
        "core_low": low,
        "core_high": high,
        "in_zone": zone is not None and spot in zone,
        "in_core": low < spot < high,
    }


def _next_expiry(report: Report) -> dict[str, Any]:
    book, gross = report.book, report.exposure.rows["gross_gamma"]
    starts, expiries = book.expiry_starts, book.columns["expiry"]
    if np.isnat(expiries[0]):  # no row expires: those that do come first
        return {"next_expiry": pd.NaT, "next_share": np.nan}
    total = float(gross.sum())
    following = float(gross[: starts[1]].sum())
    share = 100.0 * following / total if total > 0.0 else np.nan
    return {"next_expiry": pd.Timestamp(expiries[0], tz="UTC"), "next_share": share}
