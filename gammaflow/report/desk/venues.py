"""Venues and notes of the desk page: gamma over spot by venue, and the barriers of notes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from gammaflow.report.data import ReportData
from gammaflow.report.desk.thin import near
from gammaflow.report.plain import plain
from gammaflow.studies.notes import barrier_map

__all__ = ["venues"]

_TOTALS = ("gamma", "gross_gamma", "vanna", "charm")


def venues(report: ReportData) -> dict[str, Any] | None:
    """Gamma of each venue over spot and in total, and the barriers of structured notes.

    Parameters
    ----------
    report : Report

    Returns
    -------
    dict or None
        `stack`: `spots`, `by` (gamma of each venue there, by name) and their sum, `total` [currency per +1 %
        spot], + = dealers are long, and `totals` of each venue at spot by measure; None for one venue.
        `notes`: as `barrier_map`, lists of `note`, `barrier` [currency], `notional` [currency], `trade` (the
        amount dealers trade if it is knocked in there now [currency], + = buy), `observation`, `knocked`,
        `years` and `away`, ln(barrier / spot); None without barriers. None where both are.

    Examples
    --------
    >>> import gammaflow as gf
    >>> notes = gf.book_notes(gf.demo_notes(), spot=40.53, asof="2026-02-05T09:36Z", sigma=0.56)
    >>> found = venues(gf.analyze(notes, spots=[30, 40, 50]))
    >>> found["stack"], round(found["notes"]["barrier"][0], 2)
    (None, 43.6)
    """
    found = {"stack": _stack(report), "notes": _notes(report)}
    if not any(found.values()):
        return None
    whole: dict[str, Any] = plain(found)
    return whole


def _stack(report: ReportData) -> dict[str, Any] | None:
    if len(set(report.book["venue"])) < 2:
        return None
    profile = report.profile
    at = near(profile.spots, report.book.spot)
    by = profile.by("venue").iloc[at]
    totals = report.exposure.by("venue")
    return {
        "spots": profile.spots[at].tolist(),
        "by": {str(name): by[name].tolist() for name in by},
        "total": profile.table["gamma"].to_numpy()[at].tolist(),
        "totals": {
            "venue": [str(name) for name in totals.index],
            **{name: totals[name].tolist() for name in _TOTALS},
        },
    }


def _notes(report: ReportData) -> dict[str, Any] | None:
    book = report.book
    notes: Iterable[Any] = book.terms.values()
    if not any(note.barrier for note in notes):
        return None
    table = barrier_map(book).table
    names = ("barrier", "notional", "trade", "observation", "knocked", "years")
    return {
        "note": [str(name) for name in table.index],
        **{name: table[name].tolist() for name in names},
        "away": np.log(table["barrier"].to_numpy(dtype=np.float64) / book.spot).tolist(),
    }
