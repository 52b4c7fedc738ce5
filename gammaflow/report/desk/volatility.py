"""Volatility of the desk page: smiles, term structure, 25-delta risk reversal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.exposure.smile import Smiles, fit_smiles, log_moneyness
from gammaflow.market.at_the_money import at_the_money
from gammaflow.market.chain import Chain
from gammaflow.positions.book import Book
from gammaflow.positions.expiry_names import expiry_names
from gammaflow.positions.rules import call_skew
from gammaflow.report.data import ReportData
from gammaflow.report.desk.effort import LARGE
from gammaflow.report.plain import plain

__all__ = ["volatility"]

# Expiries whose smile is shown, and points of each fitted line.
_SHOWN, _POINTS = 6, 61
# Points are shown where the strike is within so many standard deviations of the forward, and in ln K.
_WIDTH, _FURTHEST = 3.0, 0.5


def volatility(report: ReportData, *, smiles: Smiles | None = None) -> dict[str, Any] | None:
    """Smiles of some expiries, and at-the-money vol and 25-delta risk reversal of all.

    Parameters
    ----------
    report : Report
    smiles : Smiles, optional
        Smiles of the report's book, where they are fitted already.

    Returns
    -------
    dict or None
        `smiles`: for at most six expiries, spread over all, `label`, `strike` [currency] and `vol`
        [1/sqrt(year)] of the out-of-the-money rows, and of the fitted line, `line_strike` and `line_vol`
        (empty where no smile was fitted). `term`: lists over expiries of `expiry`, `label`, `days`, `atm` (as
        `at_the_money` of the chain; of the fitted smile for a book without a chain) and `risk_reversal`, the
        vol of the 25-delta call less that of the 25-delta put [1/sqrt(year)], None where the quotes do not
        reach. `note` says what they are from. None for a book without vanilla options.

    Examples
    --------
    >>> import gammaflow as gf
    >>> found = volatility(gf.analyze(gf.demo_chain()))
    >>> [round(100.0 * vol, 1) for vol in found["term"]["atm"][:3]]
    [58.8, 58.5, 57.2]
    """
    book = report.book
    alive = book.vanilla & (book.years > 0.0)
    if not alive.any():
        return None
    fitted = smiles or report.profile.smiles
    if fitted is None and (len(book) <= LARGE or not isinstance(report.interest, Chain)):
        fitted = fit_smiles(book)
    places = np.flatnonzero([alive[a:b].any() for a, b in _spans(book)])
    shown = places[np.linspace(0, len(places) - 1, min(len(places), _SHOWN)).round().astype(np.intp)]
    labels = expiry_names(book.expiries, book.asof)
    found: dict[str, Any] = plain(
        {
            "smiles": [{"label": labels[e], **_smile(book, int(e), alive, fitted)} for e in shown],
            "term": _term(report, places, labels, fitted),
            "note": _note(report, fitted),
        }
    )
    return found


def _spans(book: Book) -> list[tuple[int, int]]:
    starts = book.expiry_starts
    return list(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True))


def _smile(book: Book, e: int, alive: Any, fitted: Smiles | None) -> dict[str, Any]:
    """Vols of the out-of-the-money rows of an expiry by strike, and the fitted line between them."""
    first, stop = _spans(book)[e]
    k = log_moneyness(book)
    rows = first + np.flatnonzero(alive[first:stop] & (book.flag * k >= 0.0)[first:stop])
    sigma, strike = book["sigma"], book["strike"]
    width = np.minimum(_WIDTH * sigma[rows] * np.sqrt(book.years[rows]), _FURTHEST)
    rows = rows[np.abs(k[rows]) <= width] if (np.abs(k[rows]) <= width).any() else rows
    rows = rows[np.argsort(strike[rows], kind="stable")]
    line: Any = np.empty(0)
    at: Any = np.empty(0)
    if fitted is not None and len(rows) and not fitted.table.empty:
        # One forward stands for the expiry, that of its first row: venues differ by their basis.
        forward = strike[rows[0]] / np.exp(k[rows[0]])
        at = np.linspace(k[rows].min(), k[rows].max(), _POINTS)
        line, at = fitted.volatility(e, at), forward * np.exp(at)
    return {
        "strike": strike[rows].tolist(),
        "vol": sigma[rows].tolist(),
        "line_strike": at.tolist(),
        "line_vol": line.tolist(),
    }


def _term(report: ReportData, places: Any, labels: list[str], fitted: Smiles | None) -> dict[str, Any]:
    """At-the-money vol and risk reversal of each expiry of the book."""
    book, chain = report.book, report.interest
    moments = book.expiries[places]
    if isinstance(chain, Chain):
        atm = at_the_money(chain).reindex(moments)
        skew = (call_skew(chain).reindex(moments) * atm).tolist()
    else:
        vols = np.full(len(places), np.nan) if fitted is None else fitted.volatility(places, 0.0)
        atm, skew = pd.Series(vols, moments), [np.nan] * len(places)
    return {
        "expiry": list(moments),
        "label": [labels[e] for e in places],
        "days": [(when - book.asof) / pd.Timedelta(1, "D") for when in moments],
        "atm": atm.tolist(),
        "risk_reversal": skew,
    }


def _note(report: ReportData, fitted: Smiles | None) -> str:
    points = "Points: vols of out-of-the-money rows, as they are valued."
    line = " Lines: one SVI surface without arbitrage, fitted to all expiries." if fitted is not None else ""
    if fitted is None:
        line = f" No smile is fitted to a book of {len(report.book):,} rows here; gf.fit_smiles(book) does."
    if isinstance(report.interest, Chain):
        return (
            f"{points}{line} At the money and 25-delta vols are interpolated between the chain's quotes; "
            "risk reversal = 25-delta call vol less 25-delta put vol."
        )
    return f"{points}{line} At the money: the fitted smile at the forward. A risk reversal needs a chain."
