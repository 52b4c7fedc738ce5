"""Remaining terms of a structured note: the one form in which notes are valued."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammaflow.checks import attempt, check_number, floats, read_only, refuse, uncover
from gammaflow.errors import SchemaError
from gammaflow.frozen import Frozen

__all__ = ["NoteTerms"]

#: Two dates are apart by at least this fraction of the longest time between dates.
CLOSEST = 1e-6


@dataclass(frozen=True, eq=False)
class NoteTerms(Frozen):
    """Remaining terms of a structured note on one underlying, date by date, as of the valuation time.

    Events of a date, in this order: the barrier is observed, the coupon is paid or missed, the note is
    called. On the last date the note is redeemed unless it is called. A note that was called pays nothing
    more.

    Parameters
    ----------
    times : (n,) array
        Years from now to each remaining date, increasing, > 0; the last is maturity. Two dates are at least a
        millionth of the longest time between dates apart.
    look : (n,) array of bool, or bool
        Whether the barrier is observed on the date: the note is knocked in where spot is at or below it.
    continuous : bool
        Whether the barrier is observed continuously, from now on.
    barrier : float
        Knock-in level [currency of the underlying], below which the holder bears the downside; 0: none.
    call_level : (n,) array, or float
        The note is called where spot is above [currency]; infinity: no call on that date.
    call_pays : (n,) array, or float
        Paid on a call, without that date's coupon [share of par].
    coupon_level : (n,) array, or float
        The date's coupon is paid where spot is above [currency]; 0: always; infinity: the date has no coupon.
    coupon : (n,) array, or float
        Amount of the coupon [share of par]; 0 where the date has none.
    memory : bool
        Whether missed coupons are paid together with the next coupon that is paid.
    missed : float
        Missed coupons still to be made good [share of par]; only with memory.
    knocked : bool
        Whether the note is knocked in: its barrier was hit in the past.
    edges : (k,) array
        Spots at which the redemption bends or jumps [currency], increasing, > 0.
    Redemption of a note never knocked in: row j holds the intercept [share of par] and the slope [share of
    par per 1.00 of spot] between edges j - 1 and j.
    hit : (k + 1, 2) array
        The same for a note that is knocked in.

    Raises
    ------
    SchemaError
        For every problem at once: shapes, values that are not legal, a coupon on a date without one.

    Notes
    -----
    Arrays are copied and read-only. That spot exactly meets a level has probability 0.

    Examples
    --------
    A reverse convertible: 2 % a quarter, and par or 1 % of par per 1.00 of a spot that closed below 70:

    >>> terms = NoteTerms([0.25, 0.5, 0.75, 1.0], look=True, barrier=70.0, coupon_level=0.0, coupon=0.02,
    ...                   edges=[100.0], intact=[[1.0, 0.0], [1.0, 0.0]], hit=[[0.0, 0.01], [1.0, 0.0]])
    >>> len(terms), terms.maturity
    (4, 1.0)
    """

    times: NDArray[np.float64]
    look: NDArray[np.bool_] = False  # type: ignore[assignment]
    continuous: bool = False
    barrier: float = 0.0
    call_level: NDArray[np.float64] = np.inf  # type: ignore[assignment]
    call_pays: NDArray[np.float64] = 0.0  # type: ignore[assignment]
    coupon_level: NDArray[np.float64] = np.inf  # type: ignore[assignment]
    coupon: NDArray[np.float64] = 0.0  # type: ignore[assignment]
    memory: bool = False
    missed: float = 0.0
    knocked: bool = False
    edges: NDArray[np.float64] = ()  # type: ignore[assignment]
    intact: NDArray[np.float64] = ((1.0, 0.0),)  # type: ignore[assignment]
    hit: NDArray[np.float64] = ((1.0, 0.0),)  # type: ignore[assignment]

    def __post_init__(self) -> None:
        (times, edges), problems = attempt(
            partial(_increasing, "times", self.times), partial(_increasing, "edges", self.edges)
        )
        if times is not None:
            problems += _time_problems(times)
        n, k = (None if a is None else len(a) for a in (times, edges))
        checks: dict[str, Callable[[], Any]] = {
            "look": partial(_flags, "look", self.look, n),
            **{
                name: partial(_flag, name, getattr(self, name))
                for name in ("continuous", "memory", "knocked")
            },
            **{name: partial(check_number, getattr(self, name), name, 0.0) for name in ("barrier", "missed")},
            "call_level": partial(_numbers, "call_level", self.call_level, n, "level"),
            "call_pays": partial(_numbers, "call_pays", self.call_pays, n, "share"),
            "coupon_level": partial(_numbers, "coupon_level", self.coupon_level, n, "level"),
            "coupon": partial(_numbers, "coupon", self.coupon, n, "share"),
            "intact": partial(_pieces, "intact", self.intact, k),
            "hit": partial(_pieces, "hit", self.hit, k),
        }
        values, found = attempt(*checks.values())
        read = {"times": times, "edges": edges, **dict(zip(checks, values, strict=True))}
        problems += found
        if not problems:
            problems += _coupon_problems(read)
        refuse("note terms", problems)
        for name, value in read.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.times)

    @property
    def maturity(self) -> float:
        """Years to redemption."""
        return float(self.times[-1])


def _array(name: str, value: object) -> NDArray[np.float64]:
    try:
        array = np.array(floats(value))
    except (TypeError, ValueError):
        raise SchemaError(f"{name}: received {value!r:.60}; it must hold numbers.") from None
    return array


def _increasing(name: str, value: object) -> NDArray[np.float64]:
    array = _array(name, value)
    if array.ndim != 1 or not np.isfinite(array).all() or (np.diff(array, prepend=0.0) <= 0.0).any():
        raise SchemaError(
            f"{name}: received {value!r:.80}; legal: one row of finite, increasing numbers > 0."
        )
    return read_only(array)


def _time_problems(times: NDArray[np.float64]) -> list[str]:
    if not len(times):
        return ["times: no date is left; a note without remaining dates has been redeemed. Drop it."]
    gaps = np.diff(times)
    longest = max(times[0], gaps.max(initial=0.0))
    if gaps.min(initial=np.inf) < CLOSEST * longest:
        return [
            f"times: two dates are {gaps.min():.3g} years apart; they must be at least a millionth of the "
            f"longest time between dates ({longest:.3g}). Merge them."
        ]
    return []


def _numbers(name: str, value: object, n: int | None, what: str) -> NDArray[np.float64]:
    """A number for each date; a level is >= 0 and may be infinite."""
    array = _array(name, value)
    if n is not None and array.shape not in ((), (n,)):
        raise SchemaError(
            f"{name}: received shape {array.shape}; pass one number, or one for each of {n} dates."
        )
    bad = ~(array >= 0.0) if what == "level" else ~np.isfinite(array)
    if bad.any():
        legal = ">= 0, or infinite for none" if what == "level" else "finite"
        raise SchemaError(
            f"{name}: received {array[bad].ravel()[0]} for {bad.sum()} dates; it must be {legal}."
        )
    return read_only(np.broadcast_to(array, array.shape if n is None else n).copy())


def _flags(name: str, value: object, n: int | None) -> NDArray[np.bool_]:
    uncovered, hidden = uncover(value, True)
    array = np.array(uncovered)
    if array.dtype != np.bool_ or hidden is not None:
        got = f"{value!r:.60}" if hidden is None else f"{hidden.sum()} entries that are masked or <NA>"
        raise SchemaError(f"{name}: received {got}; it must be True or False for each date.")
    if n is not None and array.shape not in ((), (n,)):
        raise SchemaError(
            f"{name}: received shape {array.shape}; pass one flag, or one for each of {n} dates."
        )
    return read_only(np.broadcast_to(array, array.shape if n is None else n).copy(), np.bool_)


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise SchemaError(f"{name}: received {value!r:.60}; it must be True or False.")
    return bool(value)


def _pieces(name: str, value: object, k: int | None) -> NDArray[np.float64]:
    array = _array(name, value)
    wanted = array.shape if k is None else (k + 1, 2)
    if array.ndim != 2 or array.shape != wanted or not np.isfinite(array).all():
        rows = "one row more than there are edges" if k is None else f"{k + 1} rows"
        raise SchemaError(
            f"{name}: received shape {array.shape}; it must be {rows} of intercept and slope, all finite."
        )
    return read_only(array)


def _coupon_problems(read: dict[str, Any]) -> list[str]:
    problems = []
    none = np.isinf(read["coupon_level"]) & (read["coupon"] != 0.0)
    if none.any():
        problems.append(
            f"coupon: {none.sum()} dates have a coupon but an infinite coupon_level (first: date "
            f"{np.flatnonzero(none)[0]}), which means no coupon. Change one or the other."
        )
    if read["missed"] != 0.0 and not read["memory"]:
        problems.append(
            f"missed: received {read['missed']}, but without memory no missed coupon is made good; "
            "set memory=True or missed=0."
        )
    return problems
