"""Where notes make their dealers trade: barrier map, vega hedges, peak vega and delta above one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import check_number, floats
from gammaflow.errors import SchemaError
from gammaflow.positions.book import Book, PerUnit
from gammaflow.positions.notes import Note
from gammaflow.pricing import barrier, bsm
from gammaflow.pricing.barrier.hedging import delta_excess, excess_threshold, knock_in_jump
from gammaflow.pricing.note import prices as note_pricing
from gammaflow.pricing.note.terms import NoteTerms
from gammaflow.units import PERCENT

__all__ = ["Overlay", "barrier_map", "knock_in_sales", "locate", "peak_vega", "vega_matched_puts"]

FloatArray = NDArray[np.float64]

# Just above the barrier a continuously observed note is still intact.
_ABOVE = 1.0 + 1e-9
_CLOSES_PER_YEAR = 252
_GRID = 400
_TENORS = (1 / 52, 1 / 12, 0.25, 0.5, 1.0, 1.5, 1.75, 2.0)


class Overlay(NamedTuple):
    """A note's vega hedged with short puts, seen by the dealer who owes the note."""

    #: of the puts [currency]
    strike: float
    #: short puts, in units of the underlying
    puts: float
    #: cash gamma by spot [currency of delta per +1 % spot]: `note` and `puts`, both short, and `net`
    gamma: pd.DataFrame


def vega_matched_puts(
    terms: NoteTerms,
    spots: ArrayLike,
    *,
    spot: float,
    sigma: float,
    r: float = 0.0,
    q: float = 0.0,
    notional: float = 1.0,
    strike: float | None = None,
) -> Overlay:
    """The dealer owes a note, is long vega by the put in it, and sells plain puts until vega is nil.

    Parameters
    ----------
    terms : NoteTerms
        From `Note.terms`.
    spots : (m,) array
        Where to show gamma [currency]; at the barrier itself a continuously observed note is knocked in.
    spot : float
        Where vega is matched [currency].
    sigma, r, q : float
        Volatility [1/sqrt(year)] and rates [1/year].
    notional : float
        Face of the note [currency].
    strike : float, optional
        Of the puts, which expire with the note; the barrier where not given.

    Returns
    -------
    Overlay

    Raises
    ------
    SchemaError
        Where the dealer has no vega to sell at `spot`, or the note has no barrier and no strike is given.

    Examples
    --------
    A note with its barrier at 70 % and 1.75 years to go, at 56 % volatility:

    >>> terms = NoteTerms([1.75], continuous=True, barrier=0.7, edges=[1.0],
    ...                   intact=[[1.0, 0.0], [1.0, 0.0]], hit=[[0.0, 1.0], [1.0, 0.0]])
    >>> overlay = vega_matched_puts(terms, [0.7, 1.0], spot=1.0, sigma=0.56, notional=530e6)
    >>> round(overlay.puts / 530e6, 2), round(float(overlay.gamma["net"].iloc[0]) / 1e6, 2)
    (1.4, -0.63)
    """
    strike = terms.barrier if strike is None else strike
    strike = check_number(strike, "strike", 0.0, open_low=True)
    dealer = -notional * float(note_pricing.value(terms, np.array([spot]), r, sigma, q, which="vega").vega[0])
    if not dealer > 0.0:
        raise SchemaError(
            f"spot: at {spot:g} the dealer who owes the note has vega {dealer:g} and no puts to "
            "sell; match where the note loses value as volatility rises."
        )
    t = terms.maturity
    puts = dealer / float(bsm.greeks("p", spot, strike, t, r, sigma, q, which="vega").vega)
    S = floats(spots)
    cash = S * S * PERCENT
    note = -notional * note_pricing.value(terms, S, r, sigma, q, which="gamma").gamma * cash
    short = -puts * bsm.greeks("p", S, strike, t, r, sigma, q, which="gamma").gamma * cash
    table = pd.DataFrame({"note": note, "puts": short, "net": note + short}, pd.Index(S, name="spot"))
    return Overlay(strike, puts, table)


def peak_vega(
    K: float, H: float, t: float, r: float, sigma: float, q: float = 0.0, *, monitoring: Any = "continuous"
) -> float:
    """The spot at which a down-and-in put not yet knocked has the largest vega.

    Whoever is long it gains vega while spot falls toward there, and loses it below.

    Parameters
    ----------
    K, H, t, r, sigma, q, monitoring
        As in `gammaflow.barrier.greeks`, one option.

    Returns
    -------
    float
        Between H and 4 deviations sigma sqrt(t) above the larger of K and H [currency].

    Examples
    --------
    >>> round(peak_vega(1.0, 0.5, 2.5, 0.0, 0.2), 2), round(peak_vega(1.0, 0.7, 1.75, 0.0, 0.56), 2)
    (0.7, 1.32)
    """
    from scipy.optimize import minimize_scalar

    def vega(x: Any) -> Any:
        return barrier.greeks(
            "down-in", "p", H * np.exp(x), K, H, t, r, sigma, q, which="vega", monitoring=monitoring
        ).vega

    x = np.linspace(0.0, max(np.log(K / H), 0.0) + 4.0 * sigma * np.sqrt(t), _GRID)[1:]
    best = int(np.argmax(vega(x)))
    bounds = (x[max(best - 1, 0)], x[min(best + 1, len(x) - 1)])
    found = minimize_scalar(lambda x: -float(vega(x)), bounds=bounds, options={"xatol": 1e-9})
    return float(H * np.exp(found.x))


def knock_in_sales(
    notional: float = 530e6,
    *,
    sigma: Sequence[float] = (0.56, 0.90),
    years: Sequence[float] = _TENORS,
    level: float = 0.7,
    r: float = 0.0,
    q: float = 0.0,
) -> pd.DataFrame:
    """What notes with one barrier would make their dealers sell there, by volatility and time to maturity.

    Parameters
    ----------
    notional : float
        Face of all the notes [currency]; the default is that of the public notes on IBIT.
    sigma : sequence of float
        Volatilities [1/sqrt(year)].
    years : sequence of float
        Times to maturity [years].
    level : float
        Barrier as a share of initial, which is the strike.
    r, q : float
        Rates [1/year].

    Returns
    -------
    DataFrame
        Rows by (sigma, years). `delta`: |delta| of the put in the note just above the barrier, observed
        continuously [shares per share of face]. `continuous` and `daily`: sold at the barrier when it is
        knocked in [currency]; a year has 252 closes. Observed on maturity only, nothing is sold at a knock-in
        before: `delta_maturity` is |delta| at the barrier then.

    Examples
    --------
    >>> table = knock_in_sales(sigma=[0.56], years=[1 / 12, 1.75])
    >>> (table / [1, 1e6, 1e6, 1]).round(2).to_numpy()
    array([[  1.92, 348.93, 281.66,   1.52],
           [  0.56,   5.95,   5.21,   0.57]])
    """
    notional = check_number(notional, "notional", 0.0, open_low=True)
    index = pd.MultiIndex.from_product([sigma, years], names=["sigma", "years"])
    rows = []
    for vol, t in index:
        put = ("down-in", "p", 1.0, level, t, r, vol, q)
        at = delta_excess(*put)
        closes = max(round(_CLOSES_PER_YEAR * t), 1)
        rows.append(
            {
                "delta": -at.edge,
                "continuous": notional * level * at.jump,
                "daily": notional * level * knock_in_jump(*put, monitoring=closes),
                "delta_maturity": -barrier.greeks(
                    "down-in", "p", level, *put[2:], which="delta", monitoring="maturity"
                ).delta,
            }
        )
    return pd.DataFrame(rows, index).astype(np.float64)


def _owed(book: Book) -> Iterator[tuple[Note, NoteTerms, float, float, float]]:
    """Every note of a book with its terms, rate, volatility and yield."""
    if not book.terms:
        raise SchemaError(f"book: {book.symbol} has no notes; make one with book_notes.")
    for row in np.flatnonzero(book["kind"] == "note"):
        note: Any = book.terms[book["contract"][row]]
        rates = (float(book[name][row]) for name in ("rate", "sigma", "dividend_yield"))
        yield note, note.terms(book.asof), *rates


def barrier_map(
    book: Book, *, per_unit: float | PerUnit | None = None, unit: str = "BTC", step: float | None = None
) -> pd.DataFrame:
    """By barrier: how much of notes there is, and what their dealers trade when knocked in there now.

    Parameters
    ----------
    book : Book
        From `book_notes`; rows that are no notes are passed over.
    per_unit : float or PerUnit, optional
        Units of another thing behind one unit of the underlying, such as coins per share; adds columns.
    unit : str
        What it is called in their names.
    step : float, optional
        Width of price levels to add notes up in [currency]; one row per note where not given.

    Returns
    -------
    DataFrame
        The highest barrier first. `barrier` and, by levels, `level`, the lower end [currency]; `notional`
        [currency]; `shares`: units the notional stood for; `trade_shares` and `trade`: what dealers trade,
        + buy, when spot stands at the barrier now and it is knocked in [units, currency], nil where it is
        looked at on maturity only; `observation`, `knocked` and `years` to maturity where one row is a note.
        Notes without a barrier are left out; knocked ones trade nothing more.

    Raises
    ------
    SchemaError
        For a book without notes, and for a step or a ratio that is not > 0.

    Examples
    --------
    >>> from gammaflow.instruments.note.registry import demo_notes
    >>> from gammaflow.positions.notes import book_notes
    >>> book = book_notes(demo_notes(), spot=40.53, asof="2026-02-05T09:36Z", sigma=0.56)
    >>> table = barrier_map(book, per_unit=0.00056712, step=1.0)
    >>> (table["notional"] / 1e6).to_dict()
    {43.0: 125.0, 38.0: 250.0, 35.0: 110.0, 28.0: 45.0}
    """
    rows = []
    for note, terms, r, sigma, q in _owed(book):
        if not note.barrier:
            continue
        H = note.barrier_price
        traded = 0.0
        if not terms.knocked and note.observation != "maturity":
            S = np.array([H * _ABOVE])
            never = np.zeros(len(terms), np.bool_)
            hit = replace(terms, knocked=True, look=never, continuous=False)
            before, after = (
                note_pricing.value(each, S, r, sigma, q, which="delta").delta[0] for each in (terms, hit)
            )
            traded = note.notional * float(after - before)
        rows.append(
            {
                "note": note.name,
                "barrier": H,
                "notional": note.notional,
                "shares": note.shares,
                "trade_shares": traded,
                "trade": traded * H,
                "observation": note.observation,
                "knocked": terms.knocked,
                "years": terms.maturity,
            }
        )
    if not rows:
        raise SchemaError(f"book: none of the {len(book.terms)} notes on {book.symbol} has a barrier.")
    table = pd.DataFrame(rows).set_index("note").sort_values("barrier", ascending=False, kind="stable")
    where = "barrier"
    if step is not None:
        step = check_number(step, "step", 0.0, open_low=True)
        where = "level"
        levels = (np.floor(table["barrier"] / step) * step).rename("level")
        sums = ["notional", "shares", "trade_shares", "trade"]
        table = table[sums].groupby(levels).sum().sort_index(ascending=False)
        table.insert(0, "level", table.index)
    if per_unit is not None:
        ratio = per_unit if isinstance(per_unit, int | float) else per_unit.at(book.asof)
        ratio = check_number(ratio, "per_unit", 0.0, open_low=True)
        table.insert(1, f"{where}_{unit}", table[where] / ratio)
        table.insert(list(table.columns).index("trade"), f"trade_{unit}", table["trade_shares"] * ratio)
    return table


def locate(book: Book) -> pd.DataFrame:
    """Where the down-and-in put in each note has its largest vega, and where its delta exceeds one.

    Parameters
    ----------
    book : Book
        From `book_notes`.

    Returns
    -------
    DataFrame
        One row per note that has a barrier and is not knocked in, all per put on one unit of the underlying.
        `barrier` [currency], `years`, `deviation`: sigma sqrt(years); `threshold`: the deviation below which
        |delta| at the barrier exceeds 1, at rates of nil; `delta` at the barrier; `excess`: |delta| exceeds 1
        from the barrier up to this spot, NaN where it nowhere does; `peak_vega`: spot of the largest vega.

    Raises
    ------
    SchemaError
        For a book without such notes.

    Examples
    --------
    >>> from gammaflow.instruments.note.registry import demo_notes
    >>> from gammaflow.positions.notes import book_notes
    >>> book = book_notes(demo_notes(), spot=40.53, asof="2026-02-05T09:36Z", sigma=0.56)
    >>> locate(book).loc["DEMO-10 phoenix, continuous", ["delta", "peak_vega"]].round(2).to_dict()
    {'delta': -0.71, 'peak_vega': 61.04}
    """
    rows = []
    for note, terms, r, sigma, q in _owed(book):
        if terms.knocked or not note.barrier:
            continue
        K, H, t = note.strike_price, note.barrier_price, terms.maturity
        monitoring = terms.times[terms.look] if note.observation == "daily" else note.observation
        count = int(terms.look.sum()) if note.observation == "daily" else note.observation
        at = delta_excess("down-in", "p", K, H, t, r, sigma, q, monitoring=monitoring)
        rows.append(
            {
                "note": note.name,
                "barrier": H,
                "years": t,
                "deviation": sigma * np.sqrt(t),
                "threshold": excess_threshold("down-in", "p", H / K, monitoring=count),
                "delta": float(at.edge),
                "excess": float(at.spot),
                "peak_vega": peak_vega(K, H, t, r, sigma, q, monitoring=monitoring),
            }
        )
    if not rows:
        raise SchemaError(
            f"book: none of the {len(book.terms)} notes on {book.symbol} can still be knocked in."
        )
    return pd.DataFrame(rows).set_index("note")
