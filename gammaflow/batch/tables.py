"""`tables`: a snapshot as long tables, by strike, by expiry and over spot, for a database of many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.batch.summary import summary_of
from gammaflow.batch.valued import report_behind
from gammaflow.market.at_the_money import at_the_money
from gammaflow.market.chain import Chain
from gammaflow.positions.rules import PositionRule
from gammaflow.report import Report

__all__ = ["MEASURED", "tables"]

#: Measures of every long table, in its order; units as `gammaflow.units.describe`.
MEASURED = ("gamma", "gross_gamma", "vanna", "charm", "delta")

# Columns in front of every long table: those of the summary that identify a snapshot.
_IDENTITY = ("symbol", "asof", "vendor", "open_interest_asof")
_TIMES = "datetime64[ns, UTC]"


def tables(
    chain_or_report: Chain | Report, *, rule: str | PositionRule | None = None
) -> dict[str, pd.Series | pd.DataFrame]:
    """Summary, strikes, expiries and profile of a snapshot, as tidy tables that can be stacked.

    Parameters
    ----------
    chain_or_report, rule
        As in `summarize`.

    Returns
    -------
    dict
        "summary": the Series that `summarize` gives. The others are DataFrames with symbol, asof, vendor and
        open_interest_asof in front, and the measures gamma, gross_gamma, vanna, charm and delta, in the units
        of `gammaflow.units.describe`; + = dealers are long.

        - "by_strike": one row per strike [currency]; also call_gamma and put_gamma, which add up to gamma for
          calls and puts, and contracts, the unsigned positions [contracts]. Rows without a strike are
          excluded.
        - "by_expiry": one row per expiry; also days to it, its share of gross gamma [%], max_pain [currency]
          and atm_volatility, the vol at its forward [1/sqrt(year)].
        - "profile": one row per spot of the profile [currency], with move, its distance from the snapshot's
          spot [%].

        Columns are text, float64 or UTC times; missing numbers are NaN. By strike and by expiry add up to the
        summary's totals.

    Raises
    ------
    SchemaError
        As `summarize`.

    Examples
    --------
    >>> import gammaflow as gf
    >>> from gammaflow.batch import tables
    >>> found = tables(gf.demo_chain())
    >>> list(found), len(found["by_expiry"])
    (['summary', 'by_strike', 'by_expiry', 'profile'], 7)
    >>> bool(abs(found["by_strike"]["gamma"].sum() / found["summary"]["gamma"] - 1.0) < 1e-12)
    True
    """
    report = report_behind(chain_or_report, rule, MEASURED)
    summary = summary_of(report)
    made = {"by_strike": _by_strike(report), "by_expiry": _by_expiry(report), "profile": _profile(report)}
    return {"summary": summary, **{name: _named(columns, summary) for name, columns in made.items()}}


def _named(columns: dict[str, Any], summary: pd.Series) -> pd.DataFrame:
    """Columns as a table behind those that identify the snapshot."""
    frame = pd.DataFrame(columns)
    for place, name in enumerate(_IDENTITY):
        kind = _TIMES if name.endswith("asof") else "str"
        frame.insert(place, name, pd.Series(summary[name], frame.index, dtype=kind))
    return frame


def _sums(values: NDArray[np.float64], place: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    return np.bincount(place, values, count).astype(np.float64)


def _by_strike(report: Report) -> dict[str, Any]:
    book, amounts = report.book, report.exposure.rows
    has = book.has_strike
    strikes, place = np.unique(book["strike"][has], return_inverse=True)
    sums = {name: _sums(amounts[name][has], place, len(strikes)) for name in MEASURED}
    gamma, kind = amounts["gamma"][has], book["kind"][has]
    for side in ("call", "put"):
        sums[f"{side}_gamma"] = _sums(np.where(kind == side, gamma, 0.0), place, len(strikes))
    sums["contracts"] = _sums(np.abs(book["position"][has]), place, len(strikes))
    return {"strike": strikes, **sums}


def _by_expiry(report: Report) -> dict[str, Any]:
    book, amounts = report.book, report.exposure.rows
    moments, place = np.unique(book["expiry"], return_inverse=True)
    expiries = pd.DatetimeIndex(moments, tz="UTC").as_unit("ns")
    sums = {name: _sums(amounts[name], place, len(moments)) for name in MEASURED}
    whole = float(sums["gross_gamma"].sum())
    chain = report.interest
    vols = at_the_money(chain) if isinstance(chain, Chain) else pd.Series(dtype=np.float64)
    return {
        "expiry": expiries,
        "days": (expiries - book.asof) / pd.Timedelta(days=1),
        **sums,
        "share": 100.0 * sums["gross_gamma"] / whole if whole > 0.0 else np.full(len(moments), np.nan),
        "max_pain": _of(report.levels.max_pain, expiries),
        "atm_volatility": _of(vols, expiries),
    }


def _of(values: pd.Series, expiries: pd.DatetimeIndex) -> NDArray[np.float64]:
    """Values by expiry, NaN where an expiry has none."""
    known = dict(zip(values.index, values.tolist(), strict=True))
    return np.array([known.get(expiry, np.nan) for expiry in expiries], dtype=np.float64)


def _profile(report: Report) -> dict[str, Any]:
    profile = report.profile
    if not set(MEASURED) <= set(profile.values):
        profile = profile.at(profile.spots, MEASURED)
    sums = {name: profile.values[name].sum(axis=0) for name in MEASURED}
    return {"spot": profile.spots, "move": 100.0 * (profile.spots / report.book.spot - 1.0), **sums}
