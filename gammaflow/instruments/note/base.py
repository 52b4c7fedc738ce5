"""What all structured notes have in common: fields, dates, state, and how they become terms to value."""

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
from gammaflow.pricing.note.terms import NoteTerms

__all__ = ["Coupons", "Note", "Piece", "percent"]

Array = NDArray[np.float64]


class Piece(NamedTuple):
    """Adds intercept + slope x spot to the redemption, a share of par, for spots between low and high."""

    low: float
    high: float
    intercept: float
    slope: float = 0.0


class Coupons(NamedTuple):
    """Coupons of one size: paid where S closes above a level, a share of initial."""

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
class Note:
    """What every note on file has. Levels are shares of the initial fixing, as term sheets say.

    Parameters
    ----------
    name : str
        What the file calls it; each once in a book.
    symbol : str
        The underlying.
    notional : float
        Face outstanding [currency].
    initial : float
        Price of the underlying at which par was fixed [currency].
    issued, matures : date
        Before the first, and on the last day of observation; text as "2026-02-05" is read too. Days
        without a session roll to the next one. Everything is paid when it is observed.
    strike : float
        A note knocked in redeems at par x S / (strike x initial) where S ends below the strike.
    barrier : float
        Knock-in level, at most `strike`; 0: capital is never at risk.
    observation : "maturity", "daily" or "continuous"
        When the barrier is looked at.
    calls : "monthly", "quarterly", "semiannual", "annual" or sequence of dates
        When it is redeemed early; a frequency counts back from maturity, which is no call date.
    call_level : float or sequence of float
        It is redeemed where S closes above; for all dates or one for each, passed dates included.
    call_premium : float or sequence of float
        Paid above par then [share of par].
    calendar : str
        Exchange whose closes are observed (see `gammaflow.calendars`).
    knocked : bool or date
        Whether it has been knocked in, or on which day.
    called : date, optional
        The call date on which it was redeemed.
    source : str
        Who says so.

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
                yield "knocked: the note has no barrier; set barrier, or leave knocked out."
            elif self.observation == "maturity":
                yield (
                    "knocked: the barrier is looked at on maturity only, so it cannot be knocked in yet; "
                    "is observation = 'daily' meant?"
                )
            if isinstance(self.knocked, date) and not self.issued < self.knocked <= self.matures:
                yield f"knocked: received {self.knocked}; it must lie in ({self.issued}, {self.matures}]."
        if self.called and self.called not in self._call_days():
            yield f"called: received {self.called}, which is none of the {len(self._call_days())} call days."

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
        """The close on which the underlying is observed last [UTC]."""
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
        """The closes at which the note may be called [UTC]."""
        return closes(self.calendar, self._call_days())

    @property
    def call_prices(self) -> Array:
        """Level of each call date [currency]."""
        return np.broadcast_to(np.asarray(self.call_level) * self.initial, len(self.call_dates))

    @property
    def shares(self) -> float:
        """Units of the underlying that the notional stood for when par was fixed."""
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
        """Whether it is knocked in at a moment: since the close of the day in `knocked`, if there is one."""
        if isinstance(self.knocked, bool):
            return self.knocked
        return bool(closes(self.calendar, [self.knocked])[0] <= utc(asof))

    def over(self, asof: Any) -> str | None:
        """Why nothing is owed any more at a moment, in words; None while the note runs."""
        moment = utc(asof)
        if self.called and closes(self.calendar, [self.called])[0] <= moment:
            return f"called {self.called}"
        return f"matured {self.maturity:%Y-%m-%d}" if self.maturity <= moment else None

    def terms(self, asof: Any, days: float = 0.0) -> NoteTerms:
        """What is still to come, as `gammaflow.pricing.note.prices` values it.

        Parameters
        ----------
        asof : tz-aware moment
            The note's state is taken as of then; dates at or before it are past.
        days : float
            Calendar days rolled forward, >= 0: dates passed by then drop out, the state stays.

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
        reason = self.over(asof)
        # In years, as a book counts what is left: a timedelta would round to the nanosecond.
        end = self.maturity.tz_localize(None).to_datetime64()
        if reason is None and years_to_expiry(np.array([end]), asof)[0] <= days / DAYS_PER_YEAR:
            reason = f"matured {self.maturity:%Y-%m-%d} within the {days:g} days"
        if reason:
            raise SchemaError(
                f"note {self.name!r}: {reason}, so nothing is owed at {asof:%Y-%m-%d %H:%M} UTC. Leave "
                "it out, or value earlier."
            )
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

    @property
    def call_premiums(self) -> Array:
        """Paid above par on each call date [share of par]."""
        return np.broadcast_to(np.asarray(self.call_premium), len(self.call_dates))

    @cached_property
    def coupon_dates(self) -> pd.DatetimeIndex:
        """The closes at which a coupon is due, or is decided [UTC]."""
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
        """What redemption adds to par: in any case, to a note never knocked in, and to one that was."""
        K = self.strike_price
        return [], [], [Piece(0.0, K, -1.0, 1.0 / K)]

    def _redemption(self) -> tuple[Array, Array, Array]:
        """Edges, and intercept and slope between them of a note never knocked in and of one that was."""
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
                f"redeemed early at {pays} of par where S closes above {percent(self.call_level)}, on "
                f"{_days(self.call_dates)}"
            )
        coupons = self._coupons()
        if coupons.share:
            when = f"where S closes above {percent(coupons.level)}" if coupons.level else "in any case"
            kept = ", those missed with the next one paid" if coupons.memory else ""
            yield f"coupon of {percent(coupons.share)} {when}{kept}, on {_days(self.coupon_dates)}"
        if coupons.owed:
            yield f"coupons missed so far: {percent(coupons.owed)} of par"
        yield f"redeems at par on {self.maturity:%Y-%m-%d %H:%M} UTC"
        if self.barrier:
            yield f"once knocked in, redeems at par x S / {self.strike_price:,.6g} where S ends below that"

    def explain(self) -> str:
        """Who owes what, how it is observed, and the dealer's side, in words.

        Examples
        --------
        >>> from gammaflow.instruments.note.registry import demo_notes
        >>> "short the note" in demo_notes()[0].explain()
        True
        """
        side = "the dealer owes the note: short the note"
        if self.knocked:
            side += ", hence long the put that it has become: buys as S falls, sells as it rises"
        elif self.barrier:
            side += (
                ", hence long the down-and-in put in it: buys as S falls toward the barrier, sells on rises"
            )
            if self.observation == "maturity":
                side += "; near maturity that put's delta at the barrier has no bound"
            else:
                side += "; when knocked in, sells what its delta has in excess of a plain put's"
        return "\n  ".join([repr(self), *self._clauses(), side])

    def __repr__(self) -> str:
        since = f" {self.knocked}" if isinstance(self.knocked, date) else ""
        knocked = f"knocked in{since}" if self.knocked else "not knocked in"
        called = f", called {self.called}" if self.called else ""
        return (
            f"{type(self).__name__} {self.name!r}: {self.notional:,.0f} of face on {self.symbol} from "
            f"{self.initial:,.6g}, matures {self.matures}, {knocked}{called}"
        )
