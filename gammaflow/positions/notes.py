"""Structured notes: products, and the book of the dealers who are short them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import years_to_expiry
from gammaflow.checks import attempt, refuse, utc
from gammaflow.instruments.note.base import Note
from gammaflow.instruments.note.products import Autocallable, BarrierNote, ReverseConvertible
from gammaflow.market.carry.dividends import Dividends, find_dividends
from gammaflow.market.carry.rates import RateCurve, find_rate
from gammaflow.market.facts import SYNTHETIC
from gammaflow.market.plausibility import wrong_argument_units
from gammaflow.positions.book import Book
from gammaflow.positions.origins import Origin, Source

__all__ = ["Autocallable", "BarrierNote", "Note", "ReverseConvertible", "book_notes"]

_OWED = "dealers are short every note"


def book_notes(
    notes: Iterable[Note],
    *,
    spot: float,
    asof: Any,
    sigma: float | Mapping[str, float],
    rate: float | Mapping[str, float] | pd.Series | RateCurve = 0.0,
    dividend_yield: float | Mapping[str, float] = 0.0,
    dividends: pd.Series | Dividends | None = None,
    symbol: str | None = None,
    venue: str = "notes",
    currency: str = "USD",
) -> Book:
    """Book of the dealers who are short structured notes: one row per note, position -1.

    A row's multiplier is the notional over the initial fixing, so that money figures cover the full notional.
    Notes called or matured by `asof` are excluded, and named in the book's rule.

    Parameters
    ----------
    notes : iterable of Note
        On one underlying, each name once.
    spot : float
        Its price at `asof` [currency].
    asof : tz-aware timestamp
    sigma, rate, dividend_yield : float or mapping of note name to float
        Volatility [1/sqrt(year)] and rates [1/year] each note is valued with; a mapping names every note. A
        rate by date (Series or RateCurve) is a curve: each note has its zero rate to maturity.
    dividends : Series or Dividends, optional
        Cash per unit of the underlying by ex-date [currency], in place of `dividend_yield`: each note has the
        yield with the same forward at maturity.
    symbol : str, optional
        The underlying; default: that of the notes.
    venue, currency : str

    Returns
    -------
    Book

    Raises
    ------
    SchemaError
        With every problem: notes on other underlyings, names given twice, names missing from a mapping or
        unknown; a volatility above 500 % or a rate beyond 100 % a year, which can only be meant in percent;
        a yield and dividends at once; also where no note is left.

    Notes
    -----
    A note has one rate and one yield, those of its maturity. Payments before it (coupons, calls) are then
    discounted at the rate to maturity, and forwards on earlier dates lie on the smooth yield between the
    ex-dates: exact at maturity, approximate before. With a curve that falls by 0.5 points over a year a call
    after six months is worth 0.25 % of par more than at the zero rate of that day.

    See Also
    --------
    read_notes : Read a registry of structured notes.
    Book : Dealers' signed positions in options on one underlying at one timestamp.

    Examples
    --------
    >>> from gammaflow.instruments.note.registry import demo_notes
    >>> book = book_notes(demo_notes(), spot=41.59, asof="2026-02-04T21:00Z", sigma=0.56, rate=0.036)
    >>> set(book["position"].tolist()), round(float((book["multiplier"] * book["strike"]).sum()))
    ({-1.0}, 530000000)
    """
    moment, given = utc(asof), list(notes)
    outstanding = [note for note in given if note.over(moment) is None]
    left_out = [f"{note.name} ({note.over(moment)})" for note in given if note.over(moment)]
    rates = {"sigma": sigma, "rate": rate, "dividend_yield": dividend_yield}
    symbol = symbol or (given[0].symbol if given else "")
    (curve, paid), found = attempt(
        lambda: find_rate(rate) if isinstance(rate, pd.Series | RateCurve) else None,
        lambda: None if dividends is None else find_dividends(dividends),
    )
    problems = [*_note_problems(given, symbol), *found]
    if paid is not None and (isinstance(dividend_yield, Mapping) or dividend_yield != 0.0):
        problems.append(f"dividends, dividend_yield: received {paid!r} and a yield; legal: one of them.")
    for what, value in rates.items():
        problems += _mapping_problems(what, value, outstanding, given)
    by_note = {} if problems else {what: _by_note(value, outstanding) for what, value in rates.items()}
    problems += wrong_argument_units([note.name for note in outstanding], by_note)
    if not outstanding:
        why = "; ".join(left_out) or "none given"
        problems.append(f"notes: none is outstanding at {moment:%Y-%m-%d %H:%M} UTC: {why}.")
    refuse("book of notes", problems)
    maturities = pd.DatetimeIndex([note.maturity for note in outstanding])
    years = years_to_expiry(maturities.tz_localize(None).to_numpy("datetime64[ns]"), moment)
    if isinstance(curve, RateCurve):
        by_note["rate"] = curve.zero_rates(moment, years)
    if paid is not None:
        by_note["dividend_yield"] = paid.yields(spot, moment, years, curve or by_note["rate"])
    columns: dict[str, Any] = {
        "contract": [note.name for note in outstanding],
        "venue": venue,
        "expiry": maturities,
        "strike": [note.initial for note in outstanding],
        "kind": "note",
        "position": -1.0,
        "multiplier": [note.shares for note in outstanding],
        **by_note,
    }
    rule = f"{_OWED}; excluded: {', '.join(left_out)}" if left_out else _OWED
    columns["origin"], origins = _origins([note.source for note in outstanding], rule)
    rows: Any = pd.DataFrame(columns)
    terms = {note.name: note for note in outstanding}
    return Book(rows, symbol, spot, moment, (rule,), currency=currency, terms=terms, origins=origins)


def _note_problems(notes: list[Note], symbol: str) -> list[str]:
    """Names given twice, and notes on other underlyings."""
    names = [note.name for note in notes]
    problems = [
        f"name: {twice!r} is given more than once."
        for twice in sorted({n for n in names if names.count(n) > 1})
    ]
    others = [f"{note.name} on {note.symbol}" for note in notes if note.symbol != symbol]
    if others:
        problems.append(
            f"symbol: {len(others)} of {len(notes)} notes are not on {symbol} ({', '.join(others)}). Book "
            "them separately and map that book (Book.in_units_of), or scale them (Note.scaled)."
        )
    return problems


def _origins(said: list[str], rule: str) -> tuple[list[int], tuple[Origin, ...]]:
    """Place of each note's origin, and the origins: one for each source that notes name."""
    sources = list(dict.fromkeys(said))
    origins = (
        Origin((Source(source, said.count(source), synthetic=source == SYNTHETIC),), (rule,))
        for source in sources
    )
    return [sources.index(source) for source in said], tuple(origins)


def _mapping_problems(what: str, value: Any, outstanding: list[Note], notes: list[Note]) -> list[str]:
    if not isinstance(value, Mapping):
        return []
    names = {note.name for note in notes}
    missing = [name for name in dict.fromkeys(note.name for note in outstanding) if name not in value]
    unknown = [name for name in value if name not in names]
    problems = [f"{what}: missing for {len(missing)} notes: {', '.join(missing)}."] if missing else []
    if unknown:
        problems.append(f"{what}: {len(unknown)} names match no note: {', '.join(map(str, unknown))}.")
    return problems


def _by_note(value: Any, notes: list[Note]) -> NDArray[Any]:
    if isinstance(value, Mapping):
        return np.array([value[note.name] for note in notes])
    if isinstance(value, pd.Series | RateCurve):
        return np.zeros(len(notes))  # a curve, read at each maturity
    return np.full(len(notes), value)
