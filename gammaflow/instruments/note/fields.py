"""Fields of a structured note: how each value is read and checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import pandas as pd

from gammaflow.checks import YEARS, attempt, check_choice, check_number
from gammaflow.errors import SchemaError
from gammaflow.text import value_text

__all__ = ["FREQUENCIES", "OBSERVATIONS", "OPTIONAL", "READERS", "Schedule", "read_fields", "schedule_days"]

#: A frequency, or days in ascending order.
Schedule = str | tuple[date, ...]

# A larger "share" is a percentage or a price.
_LARGEST = 10.0
# A coupon above par is one in percent.
_LARGEST_COUPON = 1.0

#: Observation of the barrier, in words.
OBSERVATIONS: Mapping[str, str] = MappingProxyType(
    {"maturity": "at maturity only", "daily": "at every close", "continuous": "continuously"}
)

#: Months between two dates of a schedule.
FREQUENCIES: Mapping[str, int] = MappingProxyType(
    {"monthly": 1, "quarterly": 3, "semiannual": 6, "annual": 12}
)


def _text(value: object, name: str) -> str:
    """Text that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise SchemaError(f"{name}: received {value!r}; text is needed.")
    return value


def _flag(value: object, name: str) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise SchemaError(f"{name}: received {value!r}; legal: True, False.")
    return value


def _count(value: object, name: str) -> int:
    """A whole number >= 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise SchemaError(f"{name}: received {value!r}; it must be a whole number >= 0.")
    return value


def _observation(value: object, name: str) -> str:
    """One of `OBSERVATIONS`."""
    return str(check_choice(value, name, OBSERVATIONS))


def _state(value: object, name: str) -> bool | date:
    """True, False, or the day since which."""
    return value if isinstance(value, bool) else _day(value, name)


def _day(value: object, name: str) -> date:
    """A calendar day from a date, or text such as 2026-02-05; no time of day, no time zone."""
    try:
        stamp = pd.Timestamp(value if isinstance(value, date) else str(value))
        known = isinstance(stamp, pd.Timestamp) and YEARS[0] <= stamp.year <= YEARS[1]
        if known and stamp.tz is None and stamp == stamp.normalize():
            return stamp.date()
    except (ValueError, TypeError, OverflowError, NotImplementedError):
        pass
    raise SchemaError(f"{name}: received {value_text(value)}; it must be a calendar day such as 2026-02-05.")


def _schedule(value: object, name: str) -> str | tuple[date, ...]:
    """A frequency, or calendar days in ascending order; () where there are none."""
    if isinstance(value, str) and value in FREQUENCIES:
        return value
    if isinstance(value, str) or not isinstance(value, Iterable):
        legal = ", ".join(map(repr, FREQUENCIES))
        raise SchemaError(f"{name}: received {value!r}; legal are {legal} and a list of days.")
    days = tuple(_day(day, name) for day in value)
    if any(second <= first for first, second in pairwise(days)):
        raise SchemaError(f"{name}: {len(days)} days do not ascend; give each once, the earliest first.")
    return days


def _number(
    value: object, name: str, *, above: bool = False, share: bool = True, largest: float = _LARGEST
) -> float:
    if isinstance(value, bool):
        raise SchemaError(f"{name}: received {value!r}; a number is needed.")
    number = check_number(value, name, 0.0, open_low=above)
    if share and number > largest:
        raise SchemaError(f"{name}: received {value!r}; it must be a share up to {largest:g}: 0.7 for 70 %.")
    return number


def _numbers(value: object, name: str, *, above: bool = False) -> float | tuple[float, ...]:
    """One number, or one for each date."""
    if isinstance(value, Iterable) and not isinstance(value, str):
        return tuple(_number(each, name, above=above) for each in value)
    return _number(value, name, above=above)


_positive = partial(_number, above=True)
_money = partial(_number, above=True, share=False)

#: Reader of each field of a note; all raise `SchemaError`.
READERS: Mapping[str, Callable[[Any, str], Any]] = MappingProxyType(
    {
        **dict.fromkeys(("name", "symbol", "calendar", "source"), _text),
        **dict.fromkeys(("notional", "initial"), _money),
        **dict.fromkeys(("strike", "cap", "maturity_level"), _positive),
        **dict.fromkeys(
            (
                "barrier",
                "coupon_level",
                "participation",
                "absolute_return",
                "maturity_premium",
            ),
            _number,
        ),
        "coupon": partial(_number, largest=_LARGEST_COUPON),
        **dict.fromkeys(("issued", "matures", "called"), _day),
        **dict.fromkeys(("calls", "coupons"), _schedule),
        **dict.fromkeys(("memory", "premium_grows"), _flag),
        "call_level": partial(_numbers, above=True),
        "call_premium": _numbers,
        "knocked": _state,
        "missed": _count,
        "observation": _observation,
    }
)

#: Fields that may be None.
OPTIONAL = ("called", "cap", "maturity_premium", "maturity_level")


def read_fields(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Values of the fields (None where one is refused), and every problem, one line each."""
    wanted = {k: v for k, v in given.items() if v is not None or k not in OPTIONAL}
    values, problems = attempt(*(partial(READERS[name], value, name) for name, value in wanted.items()))
    return dict(zip(wanted, values, strict=True)), problems


def schedule_days(schedule: str | tuple[date, ...], issued: date, matures: date) -> tuple[date, ...]:
    """The days of a schedule, ascending; a frequency counts back from maturity, which it includes.

    A first period of less than half its length is joined to the next.

    Examples
    --------
    >>> [str(day) for day in schedule_days("semiannual", date(2025, 11, 7), date(2027, 5, 4))]
    ['2026-05-04', '2026-11-04', '2027-05-04']
    """
    if not isinstance(schedule, str):
        return schedule
    months = FREQUENCIES[schedule]
    earliest = pd.Timestamp(issued) + pd.Timedelta(15 * months, "D")
    last = pd.Timestamp(matures)
    days: list[date] = []
    while (day := last - pd.DateOffset(months=months * len(days))) > earliest:
        days.append(day.date())
    return tuple(reversed(days))
