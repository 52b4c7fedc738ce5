"""Arguments of the study kit: timestamps, recorded prices and spans of time, checked."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import attempt, check_list, utc
from gammaflow.evidence.clocks import read_age
from gammaflow.series import read_moments
from gammaflow.text import value_text

__all__ = ["Prices", "moments_of", "read_prices", "read_span"]

_BARS = {"open", "close"}
# A step longer than this many usual ones is a gap.
_GAP = 1.5
# A century; timestamps hold three, and the sum of one and a length must be one.
_LONGEST = pd.Timedelta(36_525, "D")


class Prices(NamedTuple):
    """A record of prices: timestamps [ns, UTC], natural logarithms, and the usual step [ns]."""

    times: NDArray[np.int64]
    logs: NDArray[np.float64]
    step: int

    @property
    def first(self) -> pd.Timestamp:
        """Timestamp of the first price."""
        return pd.Timestamp(int(self.times[0]), tz="UTC")

    @property
    def last(self) -> pd.Timestamp:
        """Timestamp of the last price."""
        return pd.Timestamp(int(self.times[-1]), tz="UTC")

    @property
    def widest(self) -> int:
        """Longest step that is no gap [ns]: 1.5 usual ones."""
        return int(_GAP * self.step)

    def gaps(self, widest: int) -> NDArray[np.int64]:
        """Number of steps longer than `widest` [ns] up to each price, (n,)."""
        return np.concatenate([[0], np.cumsum(np.diff(self.times) > widest)])


def read_prices(prices: Any, problems: list[str]) -> Prices:
    """A record of prices; missing ones are passed over. Problems are added to the list, one line each."""
    if isinstance(prices, pd.DataFrame) and {str(name).lower() for name in prices.columns} >= _BARS:
        problems.append(
            "prices: received a DataFrame of bars; legal: one Series. Of bars labelled by their opening pass "
            "frame['open']: their close is known a bar later only."
        )
        return _none()
    known = len(problems)
    read = read_moments(prices, "prices", problems, low=0.0, open_low=True, least=3, gaps=True, missing=True)
    read = read.dropna()
    if len(problems) > known or len(read) < 3:
        if len(problems) == known:
            problems.append(f"prices: received {len(read)} numbers; at least 3 are needed.")
        return _none()
    times = pd.DatetimeIndex(read.index).asi8
    return Prices(times, np.log(read.to_numpy(np.float64)), int(np.median(np.diff(times))))


def _none() -> Prices:
    return Prices(np.zeros(1, np.int64), np.zeros(1), 1)


def moments_of(value: Any, name: str, problems: list[str]) -> pd.DatetimeIndex:
    """Timestamps with a time zone as an index in UTC [ns], in the order given; empty where one is wrong.

    Examples
    --------
    >>> moments_of(["2026-02-05T10:36+01:00"], "moments", []).strftime("%H:%M").to_list()
    ['09:36']
    """
    if isinstance(value, pd.Series | pd.DataFrame):
        value = value.index
    if isinstance(value, pd.DatetimeIndex) and value.tz is not None and not value.hasnans:
        return value.tz_convert("UTC").as_unit("ns")
    (given,), wrong = attempt(lambda: check_list(value, name, "timestamps with a time zone"))
    stamps, more = attempt(*(lambda each=each: utc(each, name) for each in given or ()))
    wrong += more
    if wrong:
        rest = f" And {len(wrong) - 1:,} more." if len(wrong) > 1 else ""
        problems.append(wrong[0] + rest)
        return pd.DatetimeIndex([], tz="UTC").as_unit("ns")
    return pd.DatetimeIndex(stamps, tz="UTC").as_unit("ns")


def read_span(value: Any, name: str, problems: list[str], *, zero: bool = False) -> pd.Timedelta:
    """A length of time above 0, or from 0 on; a problem, and a day, for anything else."""
    (span,), wrong = attempt(lambda: read_age(value, name))
    if not wrong and (zero or span > pd.Timedelta(0)) and span <= _LONGEST:
        return pd.Timedelta(span)
    least = "'0s' or more" if zero else "more than '0s'"
    most = f"; at most {_LONGEST.days:,} days" * (not wrong and span > _LONGEST)
    problems.append(
        f"{name}: received {value_text(value)}; legal: a length of time of {least}, such as '1D'{most}."
    )
    return pd.Timedelta(1, "D")
