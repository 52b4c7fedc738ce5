"""Base of all structured notes: fields, dates, state, and the terms by which they are valued."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import date
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import DAYS_PER_YEAR, closes, sessions, years_to_expiry
from gammaflow.checks import attempt, check_number, refuse, utc
from gammaflow.errors import SchemaError
from gammaflow.instruments.note.fields import OBSERVATIONS, Schedule, read_fields, schedule_days
from gammaflow.notebook import Shown
from gammaflow.pricing.note.terms import NoteTerms

__all__ = ["Coupons", "Note", "Piece", "percent"]

Array = NDArray[np.float64]


class Piece(NamedTuple):
    """Piece of the redemption: intercept + slope x spot [share of par] for spots between low and high."""

    low: float
    high: float
    intercept: float
    slope: float = 0.0


class Coupons(NamedTuple):
    """Coupons of one size, paid if S closes above a level [share of initial]."""

    schedule: Schedule = ()
    level: float = 0.0
    share: float = 0.0
    memory: bool = False
    owed: float = 0.0


def percent(shares: Any) -> str:
    """A share in percent; of several, the first and the last."""
    ends = dict.fromkeys(f"{100.0 * x:.6g} %" for x in np.atleast_1d(shares)[[0, -1]])
    return " .. ".join(ends)


def _days(dates: pd.DatetimeIndex) -> str:
    more = f"{len(dates)} dates from " if len(dates) > 1 else ""
    return f"{more}{dates[0]:%Y-%m-%d}"


@dataclass(frozen=True, kw_only=True, repr=False)
class Note(Shown):
    """A structured note: fields of every product. Levels are shares of the initial fixing, as on term sheets.

    Parameters
    ----------
    name : str
        Name in the registry; unique in a book.
    symbol : str
        The underlying.
    notional : float
        Face amount outstanding [currency].
    initial : float
        Initial fixing of the underlying [currency].
    issued, matures : date
        A day before the first observation, and the day of the last; text such as "2026-02-05" is accepted.
        Days without a session roll to the next one. Payments are made on the day they are observed.
    strike : float
        Once knocked in, the note redeems at par x S / (strike x initial) if S ends below the strike.
    barrier : float
        Knock-in level, at most `strike`; 0: capital is never at risk.
    observation : "maturity", "daily" or "continuous"
        Observation of the barrier.
    calls : "monthly", "quarterly", "semiannual", "annual" or sequence of dates
        Call dates; a frequency counts back from maturity, which is not a call date.
    call_level : float or sequence of float
        The note is called if S closes above it; one for all dates or one for each, past dates included.
    call_premium : float or sequence of float
        Paid above par on a call [share of par].
    calendar : str
        Exchange whose closes are observed (see `gammaflow.calendars`).
    knocked : bool or date
        Whether the note has been knocked in, or the day on which it was.
    called : date, optional
        Call date on which the note was redeemed.
    source : str
        Source of the terms.

    Raises
    ------
    SchemaError
        With every problem of the note in one message.
    """

    name: str
    symbol: str
    notional: float
    initial: float
    issued: date
    matures: date
    strike: float = 1.0
    barrier: float
    observation: str = "maturity"
    calls: Schedule = ()
    call_level: float | tuple[float, ...] = 1.0
    call_premium: float | tuple[float, ...] = 0.0
    calendar: str = "XNYS"
    knocked: bool | date = False
    called: date | None = None
    source: str = "note registry"

    kind: ClassVar[str] = "note"

    def __post_init__(self) -> None:
        what = f"note {self.name!r}"
        read, problems = read_fields({f.name: getattr(self, f.name) for f in fields(self)})
        refuse(what, problems)
        for name, value in read.items():
            object.__setattr__(self, name, value)
        if self.matures <= self.issued:
            problems.append(f"matures: received {self.matures}, not after issued = {self.issued}.")
        problems += attempt(lambda: closes(self.calendar, [self.issued, self.matures]))[1]
        refuse(what, problems)
        refuse(what, list(self._problems()))

    def _problems(self) -> Iterator[str]:
        if self.barrier > self.strike:
            yield f"barrier: received {self.barrier:g}; it must be at most strike = {self.strike:g}."
        yield from self.misplaced("calls", self.calls, before=True)
        for name in ("call_level", "call_premium"):
            value, dates = getattr(self, name), len(self._call_days())
            if isinstance(value, tuple) and len(value) != dates:
                yield (
                    f"{name}: received {len(value)} values for {dates} call dates; give one for each, or "
                    "one for all of them."
                )
        if self.knocked:
            if not self.barrier:
                yield "knocked: the note has no barrier; set barrier, or omit knocked."
            elif self.observation == "maturity":
                yield (
                    "knocked: the barrier is observed at maturity only, so no knock-in has happened yet; "
                    "did you mean observation = 'daily'?"
                )
            if isinstance(self.knocked, date) and not self.issued < self.knocked <= self.matures:
                yield f"knocked: received {self.knocked}; it must lie in ({self.issued}, {self.matures}]."
        if self.called and self.called not in self._call_days():
            yield f"called: received {self.called}, not one of the {len(self._call_days())} call days."

    def misplaced(self, name: str, schedule: Schedule, *, before: bool = False) -> Iterator[str]:
        """Explicit days outside the note's life, or two that share a session."""
        days = schedule if not isinstance(schedule, str) else ()
        outside = [d for d in days if not self.issued < d <= self.matures or (before and d == self.matures)]
        if outside:
            yield (
                f"{name}: {len(outside)} of {len(days)} days are not after {self.issued} and "
                f"{'before' if before else 'up to'} {self.matures} (first: {outside[0]})."
            )
        elif len(set(closes(self.calendar, days))) < len(days):
            yield f"{name}: two of {len(days)} days fall on one session of {self.calendar}; give each once."

    def _call_days(self) -> tuple[date, ...]:
        days = schedule_days(self.calls, self.issued, self.matures)
        return tuple(day for day in days if day < self.matures)

    @cached_property
    def maturity(self) -> pd.Timestamp:
        """Close of the final observation [UTC]."""
        return closes(self.calendar, [self.matures])[0]

    @property
    def strike_price(self) -> float:
        """Strike [currency]."""
        return self.strike * self.initial

    @property
    def barrier_price(self) -> float:
        """Knock-in level [currency]; 0 where there is none."""
        return self.barrier * self.initial

    @cached_property
    def call_dates(self) -> pd.DatetimeIndex:
        """Closes at which the note may be called [UTC]."""
        return closes(self.calendar, self._call_days())

    @property
    def call_prices(self) -> Array:
        """Call level of each call date [currency]."""
        return np.broadcast_to(np.asarray(self.call_level) * self.initial, len(self.call_dates))

    @property
    def shares(self) -> float:
        """Notional in units of the underlying at the initial fixing."""
        return self.notional / self.initial

    def scaled(self, factor: float, symbol: str) -> Self:
        """The same note on another unit of its underlying: every level in currency times `factor`.

        Examples
        --------
        >>> from gammaflow.instruments.note.registry import demo_notes
        >>> note = demo_notes()[0]
        >>> note.scaled(1 / 0.00056712, "BTC").barrier_price / note.barrier_price  # doctest: +ELLIPSIS
        1763.29...
        """
        factor = check_number(factor, "factor", 0.0, open_low=True)
        return replace(self, initial=self.initial * factor, symbol=symbol)

    def is_knocked(self, asof: Any) -> bool:
        """True where the note is knocked in at a timestamp; a day in `knocked` counts from its close."""
        if isinstance(self.knocked, bool):
            return self.knocked
        return bool(closes(self.calendar, [self.knocked])[0] <= utc(asof))

    def over(self, asof: Any) -> str | None:
        """Reason why the note is no longer outstanding at a timestamp, in words; None while it is."""
        moment = utc(asof)
        if self.called and closes(self.calendar, [self.called])[0] <= moment:
            return f"called {self.called}"
        return f"matured {self.maturity:%Y-%m-%d}" if self.maturity <= moment else None

    def terms(self, asof: Any, days: float = 0.0) -> NoteTerms:
        """Remaining terms, as `gammaflow.pricing.note.prices` values them.

        Parameters
        ----------
        asof : tz-aware timestamp
            Time of the note's state; dates at or before it are past.
        days : float
            Calendar days rolled forward, >= 0: dates that pass drop out, the state does not change.

        Returns
        -------
        NoteTerms
            Times in years of 365 days, to the second.

        Raises
        ------
        SchemaError
            Where the note has matured or was called by `asof`, or matures by `asof` + `days`.
        """
        asof, days = utc(asof), check_number(days, "days", 0.0)
        self._check_outstanding(asof, days)
        knocked = self.is_knocked(asof)
        events = self._looks[-1:] if knocked else self._looks
        events = events.union(self.call_dates).union(self.coupon_dates)
        moments = events.tz_localize(None).to_numpy("datetime64[ns]")
        times = years_to_expiry(moments, asof) - days / DAYS_PER_YEAR
        call_level, coupon_level = np.full((2, len(events)), np.inf)
        call_pays, coupon = np.zeros((2, len(events)))
        at = events.get_indexer(self.call_dates)
        call_level[at], call_pays[at] = self.call_prices, 1.0 + self.call_premiums
        at = events.get_indexer(self.coupon_dates)
        coupons = self._coupons()
        coupon_level[at], coupon[at] = coupons.level * self.initial, coupons.share
        ahead = times > 0
        edges, intact, hit = self._redemption()
        return NoteTerms(
            times=times[ahead],
            look=(events.isin(self._looks) & (not knocked))[ahead],
            continuous=self.observation == "continuous" and not knocked,
            barrier=self.barrier_price,
            call_level=call_level[ahead],
            call_pays=call_pays[ahead],
            coupon_level=coupon_level[ahead],
            coupon=coupon[ahead],
            memory=coupons.memory,
            missed=coupons.owed,
            knocked=knocked,
            edges=edges,
            intact=intact,
            hit=hit,
        )

    def _check_outstanding(self, asof: pd.Timestamp, days: float) -> None:
        """SchemaError where the note is over at `asof`, or matures within the days after it."""
        reason = self.over(asof)
        # In years, as a book counts what is left: a timedelta would round to the nanosecond.
        end = self.maturity.tz_localize(None).to_datetime64()
        if reason is None and years_to_expiry(np.array([end]), asof)[0] <= days / DAYS_PER_YEAR:
            reason = f"matured {self.maturity:%Y-%m-%d} within the {days:g} days"
        if reason:
            raise SchemaError(
                f"note {self.name!r}: {reason}, so it is not outstanding at {asof:%Y-%m-%d %H:%M} UTC. "
                "Exclude it, or value it earlier."
            )

    @property
    def call_premiums(self) -> Array:
        """Premium above par on each call date [share of par]."""
        return np.broadcast_to(np.asarray(self.call_premium), len(self.call_dates))

    @cached_property
    def coupon_dates(self) -> pd.DatetimeIndex:
        """Closes at which coupons are paid, or decided [UTC]."""
        days = schedule_days(self._coupons().schedule, self.issued, self.matures)
        return closes(self.calendar, days)

    def _coupons(self) -> Coupons:
        return Coupons()

    @cached_property
    def _looks(self) -> pd.DatetimeIndex:
        if self.observation != "daily":
            return closes(self.calendar, [self.matures])
        return sessions(self.calendar, closes(self.calendar, [self.issued])[0], self.maturity)

    def _pieces(self) -> tuple[list[Piece], list[Piece], list[Piece]]:
        """Pieces of the redemption beyond par: in any case, if never knocked in, and if knocked in."""
        K = self.strike_price
        return [], [], [Piece(0.0, K, -1.0, 1.0 / K)]

    def _redemption(self) -> tuple[Array, Array, Array]:
        """Edges, and intercept and slope between them if never knocked in and if knocked in."""
        both, intact, hit = self._pieces()
        ends = {x for piece in both + intact + hit for x in piece[:2] if 0.0 < x < np.inf}
        edges = np.array(sorted(ends))
        starts = np.append(0.0, edges)

        def total(pieces: list[Piece]) -> Array:
            lines = np.zeros((len(starts), 2))
            for low, high, *line in [Piece(0.0, np.inf, 1.0), *both, *pieces]:
                lines[(starts >= low) & (starts < high)] += line
            return lines

        return edges, total(intact), total(hit)

    def _clauses(self) -> Iterator[str]:
        """The term sheet in words, one clause each."""
        if self.barrier:
            yield (
                f"knock-in at {self.barrier_price:,.6g} ({percent(self.barrier)}), observed "
                f"{OBSERVATIONS[self.observation]}"
            )
        if len(self.call_dates):
            pays = percent(1.0 + self.call_premiums)
            yield (
                f"redeemed early at {pays} of par if S closes above {percent(self.call_level)}, on "
                f"{_days(self.call_dates)}"
            )
        coupons = self._coupons()
        if coupons.share:
            when = f"if S closes above {percent(coupons.level)}" if coupons.level else "in any case"
            kept = ", missed coupons with the next one paid" if coupons.memory else ""
            yield f"coupon of {percent(coupons.share)} {when}{kept}, on {_days(self.coupon_dates)}"
        if coupons.owed:
            yield f"coupons missed so far: {percent(coupons.owed)} of par"
        yield f"redeems at par on {self.maturity:%Y-%m-%d %H:%M} UTC"
        if self.barrier:
            yield f"once knocked in, redeems at par x S / {self.strike_price:,.6g} if S ends below that"

    def explain(self) -> str:
        """Payoff, observation and the dealer's side, in words.

        Examples
        --------
        >>> from gammaflow.instruments.note.registry import demo_notes
        >>> "short the note" in demo_notes()[0].explain()
        True
        """
        side = "the dealer is short the note"
        if self.knocked:
            side += " and therefore long the put it has become: buys as S falls, sells as S rises"
        elif self.barrier:
            side += (
                " and therefore long the down-and-in put embedded in it: buys as S falls, sells as S rises"
            )
            if self.observation == "maturity":
                side += "; near maturity that put's delta at the barrier is unbounded"
            else:
                side += "; at knock-in, sells the excess of its delta over a vanilla put's"
        return "\n  ".join([repr(self), *self._clauses(), side])

    def __repr__(self) -> str:
        since = f" {self.knocked}" if isinstance(self.knocked, date) else ""
        knocked = f"knocked in{since}" if self.knocked else "not knocked in"
        called = f", called {self.called}" if self.called else ""
        return (
            f"{type(self).__name__} {self.name!r}: {self.notional:,.0f} face on {self.symbol}, initial "
            f"{self.initial:,.6g}, matures {self.matures}, {knocked}{called}"
        )
