"""Numbers, strikes, expiries and timestamps as text."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

__all__ = [
    "WARNING",
    "amount_text",
    "clean",
    "column_code",
    "expiry_labels",
    "length_text",
    "marked",
    "moment_text",
    "money_text",
    "number_text",
    "percent_text",
    "price_text",
    "readable",
    "rows_text",
    "sizes",
    "strike_text",
    "value_text",
    "yearly_text",
]

#: Prefix of each warning in the text of results.
WARNING = "WARNING: "

# Control characters but tab and newline, deletes, bidirectional overrides, lone surrogates.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_CURRENCIES = {"USD": "$", "EUR": "\u20ac", "GBP": "\u00a3", "JPY": "\u00a5"}
_SIZES = ((1e12, "tn"), (1e9, "bn"), (1e6, "m"), (1e3, "k"))


def clean(text: str) -> str:
    r"""Text without characters that steer a terminal: each becomes its escape, such as \\x1b.

    Examples
    --------
    >>> print(clean("BTC\x1b[2J"))
    BTC\x1b[2J
    """
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def moment_text(
    asof: pd.Timestamp, days: float = 0.0, vol_shift: float = 0.0, form: str = "%Y-%m-%d %H:%M"
) -> str:
    """Timestamp of the quotes, the valuation time where it differs, and the vol shift, as text.

    Examples
    --------
    >>> moment_text(pd.Timestamp("2026-02-05T09:36Z"), days=2.0, vol_shift=0.1)
    '2026-02-05 09:36 UTC, valued 2 days later (2026-02-07 09:36 UTC), vols +10 points'
    """
    text = f"{asof:{form}} UTC"
    if days:
        text += (
            f", valued {days:g} day{'s' * (days != 1)} later ({asof + pd.Timedelta(days, 'D'):{form}} UTC)"
        )
    return text + (f", vols {100 * vol_shift:+g} points" if vol_shift else "")


def readable(values: ArrayLike, unit: str) -> tuple[float, str]:
    """Power of ten that makes `values` readable, and `unit` with its suffix.

    Examples
    --------
    >>> readable([-74_912_572.0, 3.0], "USD per +1 % spot")
    (1000000.0, 'USD m per +1 % spot')
    """
    largest = float(np.max(np.abs(np.asarray(values, dtype=np.float64)), initial=0.0))
    return next(((divisor, name) for divisor, name in sizes(unit) if largest >= divisor), (1.0, unit))


def sizes(unit: str) -> list[tuple[float, str]]:
    """Powers of ten that a unit is written with, the largest first, and the unit with the suffix of each.

    Examples
    --------
    >>> sizes("USD per day")[2:]
    [(1000000.0, 'USD m per day'), (1000.0, 'USD k per day'), (1.0, 'USD per day')]
    """
    head, _, tail = unit.partition(" ")
    return [*((divisor, f"{head} {name} {tail}".rstrip()) for divisor, name in _SIZES), (1.0, unit)]


def amount_text(amount: float, unit: str, digits: int = 1) -> tuple[str, str]:
    """One amount as text, and its readable unit.

    Examples
    --------
    >>> amount_text(-74_912_572.0, "USD per +1 % spot")
    ('-74.9', 'USD m per +1 % spot')
    """
    divisor, unit = readable(amount, unit)
    return f"{amount / divisor:z,.{digits}f}", unit


def money_text(amount: float, currency: str) -> str:
    """An amount of money to three digits, with the currency's sign where it is a usual one.

    Examples
    --------
    >>> money_text(-191_960_000.0, "USD"), money_text(16.06e9, "EUR"), money_text(3.2, "BTC")
    ('-$192m', '\u20ac16.1bn', '3.20 BTC')
    """
    if not np.isfinite(amount):
        return "unknown"
    size = float(f"{abs(amount):.3g}")
    divisor, power = next(((d, name) for d, name in _SIZES if size >= d), (1.0, ""))
    scaled = size / divisor
    number = f"{scaled:,.{0 if scaled >= 100 else 1 if scaled >= 10 else 2}f}{power}"
    sign = "-" if amount < 0.0 < size else ""
    mark = _CURRENCIES.get(currency)
    return f"{sign}{mark}{number}" if mark else f"{sign}{number} {currency}"


def percent_text(share: float) -> str:
    """A share in percent, with a decimal below 10 %.

    Examples
    --------
    >>> percent_text(0.486), percent_text(0.0427), percent_text(-0.5)
    ('49%', '4.3%', '-50%')
    """
    return f"{100.0 * share:.{0 if abs(share) >= 0.0995 else 1}f}%"


def yearly_text(values: ArrayLike) -> str:
    """Rates or yields [1/year] in percent: one number where all are equal, else the median and the range.

    Examples
    --------
    >>> yearly_text([0.04, 0.04]), yearly_text([0.0, 0.0125, 0.05]), yearly_text([])
    ('4 % a year', '1.25 % a year (median; 0 % to 5 %)', 'none')
    """
    found = np.asarray(values, dtype=np.float64)
    if not found.size:
        return "none"
    low, middle, high = (
        f"{round(100.0 * float(value), 2) + 0.0:g}" for value in (found.min(), np.median(found), found.max())
    )
    return f"{low} % a year" if low == high else f"{middle} % a year (median; {low} % to {high} %)"


def price_text(price: float) -> str:
    """A price as text, with digits to suit its size.

    Examples
    --------
    >>> price_text(74_337.65), price_text(512.5), price_text(0.06123)
    ('74,338', '512.50', '0.06123')
    """
    if 10_000 <= price < 1e15:
        return f"{price:,.0f}"
    return f"{price:,.2f}" if 10 <= price < 10_000 else f"{price:.4g}"


def strike_text(strike: float) -> str:
    """A strike as listed; one converted from other units is rounded to seven digits.

    Examples
    --------
    >>> strike_text(22.5), strike_text(102_500_000.0), strike_text(70_535.40587)
    ('22.5', '102,500,000', '70,535.41')
    """
    return f"{strike:,.10g}" if strike == round(strike, 2) else f"{strike:,.7g}"


def rows_text(count: int, noun: str = "row") -> str:
    """A count and its noun, in the plural where it is not one.

    Examples
    --------
    >>> rows_text(1), rows_text(2_500, "print"), rows_text(3, "expiry")
    ('1 row', '2,500 prints', '3 expiries')
    """
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun.removesuffix('y')}ies" if noun.endswith("ry") else f"{count:,} {noun}s"


def number_text(value: float) -> str:
    """A number to six digits, with m, bn or tn for millions and more.

    Examples
    --------
    >>> number_text(-71_561_920.0), number_text(79_557.56), number_text(2.80279e12)
    ('-71.5619m', '79,557.6', '2.80279tn')
    """
    for divisor, name in _SIZES[:-1]:
        if abs(value) >= divisor * (1.0 - 5e-7):
            return f"{value / divisor:,.6g}{name}"
    return f"{value:,.6g}"


def expiry_labels(expiries: pd.DatetimeIndex) -> list[str]:
    """The date of each expiry, and its UTC time where two share a date (SPX settles AM and PM).

    Examples
    --------
    >>> expiry_labels(pd.DatetimeIndex(["2026-02-06T08:00Z", "2026-02-20T14:30Z", "2026-02-20T21:00Z"]))
    ['2026-02-06', '2026-02-20 14:30', '2026-02-20 21:00']
    """
    days = expiries.strftime("%Y-%m-%d")
    labels = np.where(days.duplicated(keep=False), expiries.strftime("%Y-%m-%d %H:%M"), days)
    return list(np.where(expiries.isna(), "no expiry", labels))


def value_text(value: object) -> str:
    """A received value as Python writes it in one line, of numpy as a plain one, cut to 60 characters.

    A table or a column is its type and its shape, an object of the library its type.

    Examples
    --------
    >>> value_text(np.float64(-2.0)), value_text("up")
    ('-2.0', "'up'")
    """
    if isinstance(value, pd.DataFrame | pd.Series | pd.Index):
        return f"a {type(value).__name__} of {' x '.join(f'{n:,}' for n in value.shape)} values"
    if type(value).__module__.startswith("gammaflow."):
        return f"a {type(value).__name__}"
    return " ".join(repr(value.item() if isinstance(value, np.generic) else value).split())[:60]


def column_code(value: object) -> str:
    """Code that takes a series from a frame, by the columns of the one received where it has such.

    Examples
    --------
    >>> column_code(pd.DataFrame({"Date": ["2026-02-05"], "Adj Close": [63_795.0]}))
    "frame.set_index('Date')['Adj Close']"
    """
    day: object = "date"
    close: object = "close"
    if isinstance(value, pd.DataFrame):
        numbers = list(value.select_dtypes("number"))
        texts = [name for name in value if name not in numbers and value[name].dtype != bool]
        if numbers:
            close = next((name for name in numbers if "close" in str(name).lower()), numbers[0])
            if not texts:
                return f"frame[{close!r}]"
            day = texts[0]
    return f"frame.set_index({day!r})[{close!r}]"


def marked(warnings: Iterable[str]) -> list[str]:
    """Warnings as lines for the heading of a result.

    Examples
    --------
    >>> marked(["sigma: received 56; legal: decimals."])
    ['WARNING: sigma: received 56; legal: decimals.']
    """
    return [WARNING + sentence for sentence in warnings]


def length_text(length: pd.Timedelta, *, digits: int = 6) -> str:
    """A length of time in words, to some significant digits.

    Examples
    --------
    >>> length_text(pd.Timedelta("1D")), length_text(pd.Timedelta("90min")), length_text(pd.Timedelta("7D"))
    ('1 day', '1.5 hours', '7 days')
    """
    for unit, seconds in (("day", 86_400.0), ("hour", 3_600.0), ("minute", 60.0)):
        count = float(f"{length.total_seconds() / seconds:.{digits}g}")
        if count >= 1.0:
            return f"{count:g} {unit}{'' if count == 1.0 else 's'}"
    return f"{length.total_seconds():.{digits}g} seconds"
