"""Days ahead on the desk page: flips over the coming days, gamma after each expiry, trades to the close."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.calendars import sessions
from gammaflow.exposure.flow import flow_ladder
from gammaflow.exposure.flow_path import drop_days
from gammaflow.exposure.profile import sweep_spot
from gammaflow.positions.book import Book
from gammaflow.positions.expiry_names import expiry_names
from gammaflow.positions.venues import VENUES
from gammaflow.report.data import ReportData
from gammaflow.report.desk.effort import affordable
from gammaflow.report.plain import plain
from gammaflow.studies.scenarios import flip_path
from gammaflow.text import length_text

__all__ = ["ahead", "next_close"]

_PATHS = (tuple(range(15)), (0, 1, 2, 3, 4, 5, 7, 10, 14), (0, 1, 2, 5, 10), (0, 1, 5))
_POINTS = ((-5.0, -2.0, -1.0, 1.0, 2.0, 5.0), (-2.0, 2.0))
_MINUTE = 1.0 / 60.0
_DAY = pd.Timedelta(1, "D")
_ALWAYS = "24/7"


def ahead(report: ReportData) -> dict[str, Any]:
    """Flip path over the coming days, gamma left after each expiry, and trades from now to the close.

    Parameters
    ----------
    report : Report

    Returns
    -------
    dict
        `path`: lists over `days`: `when`, `gamma` at today's spot [currency per +1 % spot], `flip`, `trough`,
        `core_low` and `core_high` [currency], and the `expiries` (in days, with labels) that pass; None for
        open interest alone. `after`: lists over expiries: `label`, `days`, `left`, today's gamma of the later
        expiries, and `gamma` and `gross`, revalued at today's spot and vols just after it (None where not
        computed). `close`: `when`, `text`, `hours` from now and the `time` flow to there, at today's spot and
        vols, and `vol_points` with the `vol` flow of each alone [currency, + = dealers buy]; `charm` and
        `vanna` now. Where an expiry passes by the close, which `expires` says, the last of the hours is just
        after it and the last but one a minute before. `notes`: what was left out. Missing numbers are None.

    Examples
    --------
    >>> import gammaflow as gf
    >>> found = ahead(gf.analyze(gf.demo_chain()))
    >>> found["path"]["days"][:3], found["after"]["label"][0], found["close"]["text"]
    ([0.0, 1.0, 2.0], '6 Feb 2026', '08:00 UTC on 6 Feb, when options settle')
    """
    notes: list[str] = []
    found: dict[str, Any] = plain(
        {
            "path": _path(report, notes),
            "after": _after(report, notes),
            "close": _close(report, notes),
            "notes": notes,
        }
    )
    return found


def next_close(book: Book) -> tuple[pd.Timestamp, str]:
    """Next time at which trading or a settlement day ends, and its name in words.

    The next close of the exchanges on which the book's contracts trade; of venues that never close, the next
    time of day at which the first expiry settles.

    Examples
    --------
    >>> import gammaflow as gf
    >>> next_close(gf.assign_positions(gf.demo_chain()))[0].isoformat()
    '2026-02-06T08:00:00+00:00'
    """
    known = {VENUES[name].calendar for name in set(map(str, book["venue"])) if name in VENUES} - {_ALWAYS}
    ends = [sessions(calendar, book.asof, book.asof + 15 * _DAY) for calendar in sorted(known)]
    found = [end[0] for end in ends if len(end)]
    if found:
        when = min(found)
        local = when.tz_convert("America/New_York")
        return when, f"the close, {local:%H:%M} New York on {local.day} {local:%b}"
    dated = book.expiries.dropna()
    first = dated[0] if len(dated) else (book.asof + _DAY).normalize()
    when = first - ((first - book.asof) // _DAY) * _DAY
    when = when if when > book.asof else when + _DAY
    return when, f"{when:%H:%M} UTC on {when.day} {when:%b}, when options settle"


def _path(report: ReportData, notes: list[str]) -> dict[str, Any] | None:
    book, profile = report.book, report.profile
    if not book.signed:
        return None
    count = affordable(book, len(_PATHS[0]), len(_PATHS[-1]))
    if not count:
        notes.append("Flip path: left out for a book of this size; gf.flip_path(book, days) has it.")
        return None
    days = next(path for path in _PATHS if len(path) <= count)
    if len(days) < len(_PATHS[0]):
        notes.append(f"Flip path: {len(days)} days of a large book; gf.flip_path(book, days) takes any.")
    table = flip_path(book, days, dynamics=profile.dynamics, spots=profile.spots).table
    last = float(table.index[-1])
    dated = book.expiries.dropna()
    passed = [(when - book.asof) / _DAY for when in dated]
    return {
        "days": table.index.tolist(),
        "when": table["moment"].tolist(),
        **{new: table[old].tolist() for new, old in _COLUMNS.items()},
        "expiries": [
            {"days": days, "label": label}
            for days, label in zip(passed, expiry_names(dated, book.asof), strict=True)
            if days <= last
        ],
    }


_COLUMNS = {
    "gamma": "gamma",
    "flip": "nearest_flip",
    "trough": "trough",
    "core_low": "core_low",
    "core_high": "core_high",
}


def _after(report: ReportData, notes: list[str]) -> dict[str, Any] | None:
    """Gamma left after each expiry: today's of the later ones, and revalued when it has passed."""
    book = report.book
    dated = book.expiries.dropna()
    if len(dated) < 2:
        return None
    by = report.exposure.by("expiry")["gamma"]
    left = by.sum() - by.reindex(dated).fillna(0.0).cumsum()
    passed = [days for days in drop_days(book).tolist() if np.isfinite(days)]
    count = min(affordable(book, 20, 4), len(passed) - 1)
    if count < len(passed) - 1:
        notes.append(f"After each expiry: revalued for the first {count}, today's gamma for the others.")
    gamma, gross = [np.nan] * len(dated), [np.nan] * len(dated)
    for i in range(count):
        at = sweep_spot(
            book,
            [book.spot],
            dynamics=report.profile.dynamics,
            days=passed[i],
            measures=["gamma", "gross_gamma"],
            tol=report.profile.tol,
        ).table
        gamma[i], gross[i] = float(at["gamma"].iloc[0]), float(at["gross_gamma"].iloc[0])
    return {
        "label": expiry_names(dated, book.asof),
        "days": [(when - book.asof) / _DAY for when in dated],
        "left": left.tolist(),
        "gamma": gamma,
        "gross": gross,
    }


def _close(report: ReportData, notes: list[str]) -> dict[str, Any]:
    """Trades from time alone, hour by hour to the close, and from vol alone now."""
    book = report.book
    when, text = next_close(book)
    away = (when - book.asof) / pd.Timedelta(1, "h")
    steps = affordable(book, 12, 3)
    passing = bool((drop_days(book) * 24.0 <= away).any())
    # Up to a minute before the close, and at it, when what expires then has dropped off.
    hours = [(away - _MINUTE * passing) * (i + 1) / steps for i in range(steps)] + [away] * passing
    hours = hours if steps else []
    points = _POINTS[0] if steps >= len(_POINTS[0]) else _POINTS[1] if steps else ()
    if not steps:
        notes.append("To the close: left out for a book of this size; gf.flow_ladder(book) has it.")
    ladder = flow_ladder(
        book,
        spot_percent=[],
        hours=hours,
        vol_points=points,
        dynamics=report.profile.dynamics,
        tol=report.profile.tol,
    ).table["flow"]
    names = ladder.index.get_level_values("change")
    flows = {name: ladder[names == name].tolist() for name in ("hours", "vol_points")}
    total = report.exposure.total()
    return {
        "when": when,
        "text": text,
        "away": length_text(when - book.asof, digits=3),
        "expires": passing,
        "hours": [0.0, *hours],
        "time": [0.0, *flows["hours"]],
        "vol_points": list(points),
        "vol": flows["vol_points"],
        "charm": float(total["charm"]),
        "vanna": float(total["vanna"]),
    }
