"""Three families of structured notes; the public names are those of `gammaflow.positions.notes`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gammaflow.instruments.note.base import Coupons, Note, Piece, percent
from gammaflow.instruments.note.fields import Schedule, schedule_days

__all__ = ["Autocallable", "BarrierNote", "ReverseConvertible"]


def _coupon_problems(note: ReverseConvertible | Autocallable) -> Iterator[str]:
    yield from note.misplaced("coupons", note.coupons)
    if bool(note.coupon) != bool(note.coupons):
        yield (
            f"coupon: received coupon = {note.coupon:g} with coupons = {note.coupons!r}; give both, a "
            "coupon and its dates, or neither."
        )


@dataclass(frozen=True, kw_only=True, repr=False)
class ReverseConvertible(Note):
    """Knock-in reverse convertible: unconditional coupons, par unless knocked in and below the strike.

    Parameters
    ----------
    coupon : float
        Paid on each date [share of par], not a rate per year.
    coupons : "monthly", "quarterly", "semiannual", "annual" or sequence of dates
        Coupon dates; a frequency counts back from maturity, which it includes.

    Other parameters are those of `gammaflow.positions.notes.Note`.

    See Also
    --------
    BarrierNote
    Autocallable
    book_notes : Book of the dealers who are short structured notes: one row per note, position -1.

    Examples
    --------
    >>> note = ReverseConvertible(
    ...     name="RC", symbol="IBIT", notional=10e6, initial=50.57, issued="2025-11-04", matures="2027-11-04",
    ...     barrier=0.7, observation="daily", coupon=0.03, coupons="quarterly")
    >>> round(note.barrier_price, 3), len(note.coupon_dates)
    (35.399, 8)
    """

    coupon: float = 0.0
    coupons: Schedule = ()

    kind: ClassVar[str] = "reverse_convertible"

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        yield from _coupon_problems(self)

    def _coupons(self) -> Coupons:
        return Coupons(self.coupons, share=self.coupon)


@dataclass(frozen=True, kw_only=True, repr=False)
class BarrierNote(Note):
    """Participation note with a knock-in barrier: leveraged or capped upside, optionally absolute return.

    At maturity it pays par plus `participation` times the rise above initial, at most `cap`. Below the strike
    it pays `absolute_return` times the fall on top of par, unless knocked in.

    Parameters
    ----------
    participation : float
        1.5: one and a half times the rise.
    cap : float, optional
        Largest return on the rise [share of par].
    absolute_return : float
        1.0 in a dual-directional note: a fall of 20 % pays 20 %.

    Other parameters are those of `gammaflow.positions.notes.Note`.

    See Also
    --------
    ReverseConvertible
    Autocallable
    book_notes : Book of the dealers who are short structured notes: one row per note, position -1.

    Examples
    --------
    >>> note = BarrierNote(
    ...     name="PLUS", symbol="IBIT", notional=104e6, initial=50.57, issued="2025-11-04",
    ...     matures="2027-11-04", barrier=0.75, participation=1.5, absolute_return=1.0,
    ...     calls=["2026-11-10"], call_premium=0.25)
    >>> terms = note.terms("2026-02-05T21:00Z")
    >>> terms.call_pays[0]
    np.float64(1.25)
    """

    participation: float = 1.0
    cap: float | None = None
    absolute_return: float = 0.0

    kind: ClassVar[str] = "barrier_note"

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        if self.cap is not None and not self.participation:
            yield "cap: there is no rise to cap where participation = 0; omit cap."
        if self.absolute_return and not self.barrier:
            yield "absolute_return: falls are paid down to a barrier; set barrier."

    def _pieces(self) -> tuple[list[Piece], list[Piece], list[Piece]]:
        both, intact, hit = super()._pieces()
        p, S0, K = self.participation, self.initial, self.strike_price
        top = S0 * (1.0 + self.cap / p) if self.cap is not None else np.inf
        if p:
            both += [Piece(S0, top, -p, p / S0)]
        if self.cap is not None:
            both += [Piece(top, np.inf, self.cap)]
        if self.absolute_return:
            intact += [Piece(0.0, K, self.absolute_return, -self.absolute_return / K)]
        return both, intact, hit

    def _clauses(self) -> Iterator[str]:
        yield from super()._clauses()
        most = f", at most {percent(self.cap)}" if self.cap is not None else ""
        yield f"pays {percent(self.participation)} of the rise above {self.initial:,.6g}{most}"
        if self.absolute_return:
            yield (
                f"not knocked in, pays {percent(self.absolute_return)} of the fall below "
                f"{self.strike_price:,.6g}"
            )


@dataclass(frozen=True, kw_only=True, repr=False)
class Autocallable(Note):
    """Autocallable note, redeemed early if its underlying is above a level: phoenix, snowball, memory coupon.

    Parameters
    ----------
    coupon : float
        Paid on each coupon date [share of par], not a rate per year; also on the date of a call.
    coupons : "monthly", "quarterly", "semiannual", "annual" or sequence of dates
        Coupon dates; a frequency counts back from maturity, which it includes.
    coupon_level : float
        A coupon is paid if S closes above this share of initial; 0: in any case.
    memory : bool
        Whether missed coupons are paid with the next one paid.
    missed : int
        Coupons missed so far.
    premium_grows : bool
        Whether it is a snowball: on the k-th call date, maturity included, it pays k times `call_premium`.
    maturity_premium : float, optional
        Paid above par at maturity if S ends above `maturity_level` [share of par]; default: the accrued
        premium of a snowball, else 0.
    maturity_level : float, optional
        Share of initial; default: the last `call_level`.

    Other parameters are those of `gammaflow.positions.notes.Note`.

    See Also
    --------
    ReverseConvertible
    BarrierNote
    book_notes : Book of the dealers who are short structured notes: one row per note, position -1.

    Examples
    --------
    >>> note = Autocallable(
    ...     name="SNOW", symbol="IBIT", notional=5e6, initial=50.0, issued="2025-11-04", matures="2027-11-04",
    ...     barrier=0.75, observation="daily", calls="monthly", call_level=1.03, call_premium=0.01,
    ...     premium_grows=True)
    >>> note.call_premiums[[0, -1]]
    array([0.01, 0.23])
    """

    coupon: float = 0.0
    coupons: Schedule = ()
    coupon_level: float = 0.0
    memory: bool = False
    missed: int = 0
    premium_grows: bool = False
    maturity_premium: float | None = None
    maturity_level: float | None = None

    kind: ClassVar[str] = "autocallable"

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        yield from _coupon_problems(self)
        if not self.calls:
            yield "calls: an autocallable needs its call dates; give a frequency or a list of days."
        if self.memory and not self.coupon_level:
            yield "memory: coupons paid in any case are never missed; set coupon_level."
        due = len(schedule_days(self.coupons, self.issued, self.matures))
        if self.missed and not self.memory:
            yield f"missed: received {self.missed}, but missed coupons are lost without memory = true."
        elif self.missed > due:
            yield f"missed: received {self.missed} of {due} coupons."
        if self.premium_grows and (isinstance(self.call_premium, tuple) or not self.call_premium):
            yield f"premium_grows: needs one call_premium > 0 to grow by; received {self.call_premium!r}."

    @property
    def call_premiums(self) -> NDArray[np.float64]:
        """Premium above par on each call date [share of par]."""
        premiums = super().call_premiums
        return premiums * np.arange(1, len(premiums) + 1) if self.premium_grows else premiums

    def _coupons(self) -> Coupons:
        owed = self.missed * self.coupon
        return Coupons(self.coupons, self.coupon_level, self.coupon, self.memory, owed)

    def _at_maturity(self) -> tuple[float, float]:
        """Premium, and the spot above which it is paid [currency]."""
        level = self.maturity_level
        if level is None:
            level = float(np.atleast_1d(self.call_level)[-1])
        premium = self.maturity_premium or 0.0
        if self.maturity_premium is None and self.premium_grows and isinstance(self.call_premium, float):
            premium = (len(self.call_dates) + 1) * self.call_premium
        return premium, level * self.initial

    def _pieces(self) -> tuple[list[Piece], list[Piece], list[Piece]]:
        both, intact, hit = super()._pieces()
        premium, level = self._at_maturity()
        return [*both, *([Piece(level, np.inf, premium)] if premium else [])], intact, hit

    def _clauses(self) -> Iterator[str]:
        yield from super()._clauses()
        premium, level = self._at_maturity()
        if premium:
            yield f"pays {percent(premium)} above par at maturity if S ends above {level:,.6g}"
