"""Numbers by calendar day, given once and kept: the base of a rate curve and of dividends."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import NEW_YORK, years_to_expiry
from gammaflow.checks import refuse
from gammaflow.errors import SchemaError
from gammaflow.notebook import Shown
from gammaflow.series import read_days
from gammaflow.text import value_text

__all__ = ["Dated"]

Array = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Dated(Shown):
    """Numbers by calendar day, ascending, each day once; equal where days and numbers are.

    Parameters
    ----------
    values : Series or mapping
        Numbers by date: a Series indexed by dates without a time zone, or {date: number}. Days are sorted.
        Stored as a tuple of (day as ISO text, number).

    Raises
    ------
    SchemaError
        With every problem: an index that does not hold dates, repeated days, a time of day or a time zone,
        numbers that are missing or not legal.
    """

    values: Any

    #: Name of the argument in errors, the lowest and highest legal number, and what to do with repeated days.
    name: ClassVar[str]
    low: ClassVar[float] = -np.inf
    high: ClassVar[float] = np.inf
    hint: ClassVar[str] = ""
    repeated: ClassVar[str] = ""
    #: Time of day in New York to which a day is counted.
    clock: ClassVar[pd.Timedelta] = pd.Timedelta(0)

    def __post_init__(self) -> None:
        problems: list[str] = []
        series = read_days(_sorted(self.values, self.name), self.name, problems, least=1, gaps=True)
        off = (series < self.low) | (series > self.high)
        days = pd.DatetimeIndex(series.index).strftime("%Y-%m-%d").tolist()
        if off.any():
            first = int(off.to_numpy().argmax())
            problems.append(
                f"{self.name}: {int(off.sum())} of {len(series)} numbers not accepted (first: "
                f"{series.iloc[first]:g} on {days[first]}); {self.hint}"
            )
        if self.repeated:
            problems = [_other_remedy(problem, self.repeated) for problem in problems]
        refuse(self.name, problems)
        object.__setattr__(self, "values", tuple(zip(days, series.tolist(), strict=True)))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The object whose `to_text` this is.

        Raises
        ------
        SchemaError
            For other text.
        """
        try:
            pairs = [(day, float(number)) for day, number in (part.split() for part in text.split(";"))]
        except (ValueError, AttributeError):
            raise SchemaError(
                f"{cls.name}: received {value_text(text)}; legal: text such as '2023-10-01 0.0533; "
                "2024-03-01 0.0521'."
            ) from None
        return cls(pairs)

    def to_text(self) -> str:
        """Days and numbers as one line of text, from which `from_text` makes an equal object."""
        return "; ".join(f"{day} {number!r}" for day, number in self.values)

    def to_series(self) -> pd.Series:
        """The numbers as a new Series by day."""
        index = pd.DatetimeIndex([day for day, _ in self.values]).as_unit("ns").rename("date")
        return pd.Series([number for _, number in self.values], index, np.float64, name=self.name)

    @property
    def numbers(self) -> Array:
        """The numbers, in the order of their days."""
        return np.array([number for _, number in self.values], np.float64)

    def years(self, asof: pd.Timestamp) -> Array:
        """Years from a timestamp to each day at its clock (ACT/365); negative in the past."""
        days = pd.DatetimeIndex([day for day, _ in self.values]) + self.clock
        moments = days.tz_localize(NEW_YORK).tz_convert("UTC").tz_localize(None)
        return years_to_expiry(moments.to_numpy("datetime64[ns]"), asof)

    @property
    def span(self) -> str:
        """First and last day as text."""
        first, last = self.values[0][0], self.values[-1][0]
        return first if first == last else f"{first} to {last}"

    def __len__(self) -> int:
        return len(self.values)

    def _page_table(self) -> pd.DataFrame:
        return self.to_series().to_frame()


def _sorted(values: Any, name: str) -> Any:
    """The numbers as a Series by ascending day; what cannot be one is returned as it is."""
    if isinstance(values, Mapping):
        values = pd.Series(dict(values), dtype=None if values else np.float64)
    elif isinstance(values, list | tuple) and all(isinstance(v, tuple) and len(v) == 2 for v in values):
        values = pd.Series([v for _, v in values], [day for day, _ in values], dtype=object)
        with suppress(TypeError, ValueError):  # read_days says which is no number
            values = values.astype(np.float64)
    if isinstance(values, pd.Series):
        with suppress(TypeError):  # labels that cannot be compared: read_days names one that is no date
            return values.sort_index(kind="stable")
    return values


def _other_remedy(problem: str, remedy: str) -> str:
    head, found, _ = problem.partition("Keep one row of each")
    return head + remedy if found else problem
