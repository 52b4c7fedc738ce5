"""Tables of the desk page: measures by strike, expiry and venue, totals, and the rows left out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.positions.expiry_names import expiry_names
from gammaflow.report.data import ReportData
from gammaflow.report.plain import plain
from gammaflow.units import MEASURES, describe

__all__ = ["tables"]

# Measures beside gamma by kind, in the order in which a desk reads them.
_ORDER = ("gamma", "gross_gamma", "vanna", "charm", "delta", "vega", "theta", "speed", "zomma", "color")


def tables(report: ReportData) -> dict[str, Any]:
    """Every measure by strike, by expiry and by venue, totals, and the rows that are in none of them.

    Parameters
    ----------
    report : Report

    Returns
    -------
    dict
        `strike`, `expiry`, `venue` (None for one venue) and `total`: each with `columns`, one mapping of
        `name`, `unit`, `kind` ("text", "strike", "price", "number" or "percent") and `values` per column, as
        plain numbers in those units, + = dealers are long. `strike` also has `at`, the row nearest to spot
        (None without strikes), and `note`, the rows without a strike. `unusable`: rows and open interest
        that could not be valued, by reason; `quality`: the quality of the data as sentences.

    Examples
    --------
    >>> import gammaflow as gf
    >>> found = tables(gf.analyze(gf.demo_chain()))
    >>> [column["name"] for column in found["strike"]["columns"]][:4]
    ['strike', 'call gamma', 'put gamma', 'net gamma']
    >>> found["strike"]["columns"][0]["values"][found["strike"]["at"]]
    71500.0
    """
    book, exposure = report.book, report.exposure
    strikes = exposure.by("strike").index.to_numpy(dtype=np.float64)
    nearest = int(np.abs(np.log(strikes / book.spot)).argmin()) if len(strikes) else None
    several = len(set(book["venue"])) > 1
    found: dict[str, Any] = plain(
        {
            "strike": {"columns": _by(report, "strike"), "at": nearest, "note": exposure.left_out("strike")},
            "expiry": {"columns": _by(report, "expiry")},
            "venue": {"columns": _by(report, "venue")} if several else None,
            "total": {"columns": _totals(report)},
            "unusable": {"columns": _unusable(report)},
            "quality": report.book.quality_text.splitlines(),
        }
    )
    return found


def _column(name: str, unit: str, kind: str, values: Iterable[Any]) -> dict[str, Any]:
    return {"name": name, "unit": unit, "kind": kind, "values": list(values)}


def _by(report: ReportData, key: str) -> list[dict[str, Any]]:
    """Columns of a table of measures per strike, expiry or venue."""
    book, exposure = report.book, report.exposure
    units, table = describe(book.currency), exposure.by(key)
    if key == "strike":
        first = [_column("strike", book.currency, "strike", table.index.tolist())]
    elif key == "expiry":
        moments = pd.DatetimeIndex(table.index)
        pain = report.levels.max_pain.reindex(moments).tolist()
        first = [
            _column("expiry", "", "text", expiry_names(moments, book.asof)),
            _column("settles", "UTC", "time", [None if pd.isna(t) else t.isoformat() for t in moments]),
            _column("max pain", book.currency, "strike", pain),
        ]
    else:
        first = [_column("venue", "", "text", map(str, table.index))]
    kinds = exposure.by(key, "kind")["gamma"].unstack(fill_value=0) if len(table) else pd.DataFrame()
    parts = [_column(f"{kind} gamma", units["gamma"], "number", kinds[kind].tolist()) for kind in kinds]
    own = [_column(_name(m), units[m], "number", table[m].tolist()) for m in _ORDER]
    return [*first, *parts, *own]


def _name(measure: str) -> str:
    return "net gamma" if measure == "gamma" else measure.replace("_", " ")


def _totals(report: ReportData) -> list[dict[str, Any]]:
    units, total = describe(report.book.currency), report.exposure.total()
    return [
        _column("measure", "", "text", [_name(m) for m in _ORDER]),
        _column("total", "", "number", [float(total[m]) for m in _ORDER]),
        _column("unit", "", "text", [units[m] for m in _ORDER]),
        _column("meaning", "", "text", [MEASURES[m].meaning for m in _ORDER]),
    ]


def _unusable(report: ReportData) -> list[dict[str, Any]]:
    """Rows that are in no measure, by reason."""
    quality = report.quality
    if quality is None:
        reasons, rows, interest = [], [], []
    else:
        reasons = [str(reason) for reason in quality.table.index]
        rows = [int(n) for n in quality.table["rows"]]
        interest = [float(x) for x in quality.table["open_interest"]]
        reasons += [f"not in the chain: {why}" for why in quality.left_out]
        rows += [int(n) for n in quality.left_out.values()]
        interest += [np.nan] * len(quality.left_out)
    return [
        _column("reason", "", "text", reasons),
        _column("rows", "", "number", rows),
        _column("open interest", "contracts", "number", interest),
    ]
