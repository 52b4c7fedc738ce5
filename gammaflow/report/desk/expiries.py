"""Expiries of the desk page: measures, shares of gross gamma, and the flip without each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.exposure.levels import find_flips
from gammaflow.exposure.profile import sweep_spot
from gammaflow.positions.book import Book
from gammaflow.positions.expiry_names import expiry_names
from gammaflow.report.data import ReportData
from gammaflow.report.desk.effort import affordable
from gammaflow.report.plain import plain

__all__ = ["expiries"]

_MEASURES = ("gamma", "vanna", "charm")
# Expiries with less than this share of gross gamma do not move the flip.
_SMALLEST = 0.01


def expiries(report: ReportData) -> dict[str, Any] | None:
    """Measures of each expiry, its share of gross gamma, and the nearest flip without it.

    Parameters
    ----------
    report : Report

    Returns
    -------
    dict or None
        Lists with an entry for each of the book's expiries, ascending: `expiry`, `label`, `days` from the
        quotes (None without an expiry); under `measures`, each of gamma, vanna and charm of calls, puts and
        other rows and their `net` [unit of the measure], + = dealers are long; `gross` gamma, its `share` and
        `cumulative` share [-]; `without`, the flip nearest to spot of the book without the expiry [currency],
        None where there is none or it was not computed (`solved` is then False). `flip` is that of the whole
        book, `note` says which were solved. None for a book without expiries.

    Examples
    --------
    >>> import gammaflow as gf
    >>> found = expiries(gf.analyze(gf.demo_chain()))
    >>> found["label"][0], round(found["share"][0], 2), round(found["without"][0], -2)
    ('6 Feb 2026', 0.14, 77800.0)
    """
    book, exposure = report.book, report.exposure
    if not len(book.expiries.dropna()):
        return None
    every = exposure.by("expiry")
    moments = pd.DatetimeIndex(every.index)
    gross = every["gross_gamma"].to_numpy()
    total = float(gross.sum())
    share = gross / total if total else np.zeros(len(gross))
    solved = _worth_solving(report, share)
    without = [_flip_without(report, moments[i]) if i in solved else np.nan for i in range(len(moments))]
    flip = report.levels.nearest_flip if book.signed else None
    found: dict[str, Any] = plain(
        {
            "expiry": list(moments),
            "label": expiry_names(moments, book.asof),
            "days": [(when - book.asof) / pd.Timedelta(1, "D") for when in moments],
            "measures": {name: _by_kind(report, name) for name in _MEASURES},
            "gross": gross.tolist(),
            "share": share.tolist(),
            "cumulative": np.cumsum(share).tolist(),
            "without": without,
            "solved": [i in solved for i in range(len(moments))],
            "flip": flip.spot if flip else None,
            "note": _note(book, len(solved), len(moments)),
        }
    )
    return found


def _by_kind(report: ReportData, measure: str) -> dict[str, list[float]]:
    """One measure per expiry: of calls, of puts, of other rows where there are any, and their net."""
    table = report.exposure.by("expiry", "kind")[measure].unstack(fill_value=0)
    groups = [str(kind) if kind in ("call", "put") else "other" for kind in table]
    parts: dict[str, list[float]] = {
        name: table.loc[:, [g == name for g in groups]].sum(axis=1).tolist()
        for name in ("call", "put", "other")
        if name in groups
    }
    return {**parts, "net": report.exposure.by("expiry")[measure].tolist()}


def _worth_solving(report: ReportData, share: Any) -> set[int]:
    """Places of the expiries that matter to the flip: the largest shares, as many as can be afforded."""
    if not report.book.signed or len(share) < 2:
        return set()
    largest = np.argsort(-share, kind="stable")[: affordable(report.book, 12, 4)]
    return {int(i) for i in largest if share[i] >= _SMALLEST}


def _flip_without(report: ReportData, expiry: pd.Timestamp) -> float:
    """Flip nearest to spot of the book without an expiry [currency]; NaN where there is none."""
    book, profile = report.book, report.profile
    dates = book.columns["expiry"]
    own = np.isnat(dates) if pd.isna(expiry) else dates == expiry.tz_localize(None).to_datetime64()
    rest = sweep_spot(
        book.select(~own),
        profile.spots,
        dynamics=profile.dynamics,
        days=profile.days,
        vol_shift=profile.vol_shift,
        measures=["gamma", "gross_gamma"],
        tol=profile.tol,
    )
    found = find_flips(rest)
    return float(found[np.abs(np.log(found / book.spot)).argmin()]) if found.size else np.nan


def _note(book: Book, solved: int, count: int) -> str:
    if not book.signed:
        return "Open interest alone has no flip."
    if count < 2:
        return "One expiry: without it nothing is left."
    return (
        f"Flip without an expiry: the rest of the book revalued, for {solved} of {count} expiries: "
        f"those with the largest shares of gross gamma, {_SMALLEST:.0%} or more each."
    )
