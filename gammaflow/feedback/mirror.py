"""Mirror of a book: the same positions seen from the coin's side, so that a fall becomes a squeeze."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammaflow.checks import check_noun, refuse
from gammaflow.positions.book import Book
from gammaflow.positions.origins import Origin, Source, rule_of
from gammaflow.text import rows_text

__all__ = ["mirror"]

Columns = dict[str, NDArray[Any]]

_SWAPS = {"call": "put", "put": "call", "down": "up", "up": "down"}


def mirror(book: Book) -> Book:
    """The book in a world where price is S0^2 / S: calls are puts, and every fall is a rise.

    In it the underlying and the currency have changed places: one unit of the new underlying is S0 units of
    currency, one unit of the new currency 1 / S0 units of the underlying. Every position pays what it paid.

    Parameters
    ----------
    book : Book
        Options (European and American, on spot and on forwards), barrier options without a rebate, digital
        options, futures, perpetual swaps and leveraged funds, in accounts of currency.

    Returns
    -------
    Book
        At the same spot S0. Strikes and barriers are S0^2 over the original ones; calls are puts, down is up;
        rate and dividend yield have changed places; positions in options are times K / S0, on a forward times
        its ratio to spot too. A digital option is a digital and a vanilla one; a future or
        perpetual changes sign; a fund of leverage L has leverage 1 - L.

    Raises
    ------
    SchemaError
        For rows that have no mirror, by name: notes, options with a rebate, accounts in coin, shares (which
        are cash in the mirror).

    See Also
    --------
    solve_cascade

    Notes
    -----
    Put-call symmetry (P. Carr and M. Chesney, American put call symmetry, 1996), exact for any rate and yield
    at the same volatility and date, with X = S0^2 / S:

    - value and gamma [currency] at X are S0 / S times those of the book at S; so is vega.
    - The trade in currency over a move of price, the integral of -X d delta, is minus S0 times the units
      that the book's dealers trade, and S0 times the units traded is minus the book's trade in currency.

    Units and currency are exchanged: where dealers of the book sell F into a fall to S = S0 e^x, those of the
    mirror buy F in units of S0, but F S0 / S in currency, into the rise to X = S0 e^-x. Where impact depends
    on currency traded, a squeeze is therefore steeper than the fall it mirrors, by e^|x|. Dollar delta at X
    is S0 / S times value less dollar delta of the book: what is traded as volatility moves differs by vega,
    and a spot-vol beta changes sign.

    Examples
    --------
    >>> import gammaflow as gf
    >>> book = gf.assign_positions(gf.demo_chain())
    >>> up = gf.mirror(book)
    >>> fall, rise = 0.9 * book.spot, book.spot / 0.9
    >>> gamma = [float(gf.sweep_spot(b, [s]).table["gamma"].iloc[0]) for b, s in ((book, fall), (up, rise))]
    >>> round(gamma[1] / gamma[0] * 0.9, 12)
    1.0
    """
    check_noun(book, "book", Book)
    _refuse(book)
    columns = {name: values.copy() for name, values in book.columns.items()}
    for instrument, form in _FORMS.items():
        mask = book.instruments.get(instrument)
        if mask is not None:
            for name, values in form(book, mask).items():
                columns[name][mask] = values
    parts = _vanilla_parts(book)
    columns = {name: np.concatenate([values, parts[name]]) for name, values in columns.items()}
    columns["contract"] = np.array([f"{name} mirrored" for name in columns["contract"]], dtype=object)
    origins = tuple(
        Origin(tuple(map(_source, origin.sources)), tuple(f"{part}, mirrored" for part in origin.rule))
        for origin in book.origins
    )
    return replace(
        book,
        columns=columns,
        symbol=f"{book.symbol} mirrored",
        rule=rule_of(origins, columns["origin"]),
        origins=origins,
    )


def _source(source: Source) -> Source:
    """The source without its open interest, whose strikes are not those of the mirror."""
    return Source(source.name, source.rows, source.measured, None, source.synthetic)


def _refuse(book: Book) -> None:
    """SchemaError that names the rows without a mirror, by reason."""
    nothing = np.zeros(len(book), dtype=bool)
    known = [mask for name, mask in book.instruments.items() if name in (*_FORMS, "note", "share")]
    reasons = {
        "notes": book.instruments.get("note", nothing),
        "shares, which are cash in the mirror": book.instruments.get("share", nothing),
        "accounts in coin (pass book.kept_in('usd'))": book.instruments.get("coin", nothing),
        "options with a rebate, whose cash would be an asset in the mirror": book["rebate"] > 0.0,
        "kinds without a mirror": ~np.any([nothing, *known], axis=0),
    }
    refuse(
        "mirror",
        [
            f"{why}: {rows_text(int(mask.sum()))} (first: {book['contract'][mask][0]}); leave them out with "
            "Book.select."
            for why, mask in reasons.items()
            if mask.any()
        ],
    )


def _swapped(kinds: NDArray[Any]) -> NDArray[Any]:
    """Kinds with call and put, down and up exchanged."""
    words = ([_SWAPS.get(word, word) for word in re.split(r"([- ])", kind)] for kind in kinds)
    return np.array(["".join(each) for each in words], dtype=object)


def _yields(book: Book, mask: NDArray[np.bool_]) -> Columns:
    """Rate and yield in each other's place; on a forward, where both are the rate, as they are."""
    forward, rate, carry = (x[mask] for x in (book.on_forward, book["rate"], book["dividend_yield"]))
    return {"rate": np.where(forward, rate, carry), "dividend_yield": np.where(forward, carry, rate)}


def _option(book: Book, mask: NDArray[np.bool_]) -> Columns:
    """Calls as puts of strike S0^2 / K, with a barrier where there is one."""
    return {
        "kind": _swapped(book["kind"][mask]),
        "strike": book.spot**2 / book["strike"][mask],
        "barrier": book.spot**2 / book["barrier"][mask],
        "position": (book["position"] * book["strike"] * book.underlying_ratio)[mask] / book.spot,
        "forward_ratio": 1.0 / book["forward_ratio"][mask],
        **_yields(book, mask),
    }


def _digital(book: Book, mask: NDArray[np.bool_]) -> Columns:
    """The digital part of cash P where S > K: the new underlying, P / S0 units, where X < S0^2 / K."""
    return _option(book, mask) | {
        "position": book["position"][mask],
        "payout": (book["payout"] * book.underlying_ratio / book["strike"])[mask] * book.spot,
    }


def _vanilla_parts(book: Book) -> Columns:
    """The other part: P / S0 vanilla options for each digital one, short puts or long calls."""
    mask = book.instruments.get("digital", np.zeros(len(book), dtype=bool))
    units = (-book.flag * book["position"] * book["payout"] * book.underlying_ratio)[mask] / book.spot
    mirrored = _option(book, mask) | {
        "kind": np.where(book.flag[mask] > 0.0, "put", "call").astype(object),
        "position": units,
        "payout": np.full(int(mask.sum()), np.nan),
        "contract": np.array([f"{name}, vanilla part" for name in book["contract"][mask]], dtype=object),
    }
    return {name: mirrored.get(name, values[mask]) for name, values in book.columns.items()}


def _future(book: Book, mask: NDArray[np.bool_]) -> Columns:
    """A future on the other side, as many units as its price now over spot, and without drift."""
    drift = np.where(book.on_forward, 0.0, book["rate"] - book["dividend_yield"])[mask]
    price = book.underlying_ratio[mask] * np.exp(drift * book.years[mask])
    return {"position": -book["position"][mask] * price, "forward_ratio": np.ones(len(price))}


def _perpetual(book: Book, mask: NDArray[np.bool_]) -> Columns:
    """A perpetual on the other side, at spot."""
    units = (book["position"] * book.underlying_ratio)[mask]
    return {"position": -units, "forward_ratio": np.full(len(units), np.nan)}


def _fund(book: Book, mask: NDArray[np.bool_]) -> Columns:
    """A fund of leverage 1 - L: S0 / S times (S / S0)^L is (X / S0)^(1 - L)."""
    return {"leverage": 1.0 - book["leverage"][mask], **_yields(book, mask)}


#: Columns that change, by instrument.
_FORMS: dict[str, Callable[[Book, NDArray[np.bool_]], Columns]] = {
    "vanilla": _option,
    "barrier": _option,
    "digital": _digital,
    "future": _future,
    "perpetual": _perpetual,
    "leveraged fund": _fund,
}
