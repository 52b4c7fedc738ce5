"""Event study: the mean path of prices around timestamps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.batch.seasons.inputs import Prices, moments_of, read_prices, read_span
from gammaflow.checks import attempt, check_choice, check_whole, refuse
from gammaflow.errors import SchemaError
from gammaflow.plot.season import plot_path
from gammaflow.study import Study
from gammaflow.text import length_text, rows_text

__all__ = ["EventStudy", "event_study"]

#: Paths by name: unit and meaning.
MEASURES = {
    "return": ("%", "log return since the event"),
    "size": ("% per step", "size of the log return of each step"),
}
_LEVEL = 0.95
# Random sets of days that show what is usual.
_SETS = 1_000
_FEW = 10
_DAY = 86_400 * 10**9

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class EventStudy(Study):
    """Mean path around events; made by `event_study`.

    Attributes
    ----------
    table : DataFrame
        Indexed by the time from the event (Timedelta); columns mean, low and high (95 % interval of the mean,
        Student's t over events), usual_low and usual_high (range of 95 % of the means over as many random
        days of the same record, at the events' times of day).
    paths : DataFrame
        A row per event used, indexed by its timestamp; a column per time from the event.
    unit : str
        Unit of the paths.
    excluded : int
        Events left out since the record does not cover them.
    lines, warnings : tuple of str
        Description; doubts about the events.

    See Also
    --------
    event_study

    Examples
    --------
    >>> import gammaflow as gf
    >>> import numpy as np
    >>> import pandas as pd
    >>> hours = pd.date_range("2026-01-01", periods=300, freq="h", tz="UTC")
    >>> prices = pd.Series(np.exp(np.cumsum(np.random.default_rng(0).normal(0.0, 0.005, 300))), hours)
    >>> gf.seasons.event_study(prices, hours[50:250:60], before="6h", after="12h").n
    4
    """

    paths: pd.DataFrame
    unit: str
    excluded: int

    @property
    def n(self) -> int:
        """Number of events used."""
        return len(self.paths)

    def outside(self) -> float:
        """Share of times from the event with the mean outside the usual range; about 0.05 by chance."""
        table = self.table.drop(index=pd.Timedelta(0), errors="ignore")
        return float(((table["mean"] < table["usual_low"]) | (table["mean"] > table["usual_high"])).mean())

    def plot(self, *, ax: Any = None) -> Any:
        """Mean path with its interval over the usual range; a matplotlib Axes."""
        return plot_path(self.table, self.lines[0], self.unit, ax=ax)


def event_study(
    prices: pd.Series,
    moments: Any,
    *,
    before: Any = "1D",
    after: Any = "1D",
    measure: str = "return",
    seed: int = 0,
) -> EventStudy:
    """Mean path of prices around events, with its interval and what random days at the same times would show.

    Each event is moved to the first price at or after it, so that nothing after time 0 was known at the
    event.

    Parameters
    ----------
    prices : Series
        Prices [currency], > 0, by ascending timestamps with a time zone; of bars the opening price.
    moments : timestamps, Series or DataFrame
        Events: timestamps with a time zone, or what is indexed by them. Repeated ones count once.
    before, after : Timedelta or str
        Time shown before and after; whole steps of the prices are used.
    measure : "return" or "size"
        Log return since the event [%], or the size of each step's log return [%], for volatility.
    seed : int
        Seed of the random days.

    Returns
    -------
    EventStudy

    Raises
    ------
    SchemaError
        For a record that cannot be read, timestamps without a time zone, fewer than two events that the
        record covers, an unknown measure, times that are not lengths.

    See Also
    --------
    realized_volatility : Realized volatility of the period that follows each timestamp.

    Examples
    --------
    >>> import gammaflow as gf
    >>> hours = pd.date_range("2026-01-01", periods=500, freq="h", tz="UTC")
    >>> prices = pd.Series(np.exp(np.cumsum(np.random.default_rng(0).normal(0.0, 0.005, 500))), hours)
    >>> found = gf.seasons.event_study(prices, hours[50::60], before="6h", after="12h")
    >>> found.n, len(found.table), found.excluded
    (8, 19, 0)
    """
    problems: list[str] = []
    record = read_prices(prices, problems)
    at = moments_of(moments, "moments", problems).unique().sort_values()
    spans = [
        read_span(span, name, problems, zero=True) for name, span in (("before", before), ("after", after))
    ]
    (_, start), wrong = attempt(
        lambda: check_choice(measure, "measure", MEASURES), lambda: check_whole(seed, "seed", 0)
    )
    back, ahead = (int(span.value // record.step) for span in spans)
    if not problems and back + ahead == 0:
        wrong.append("before, after: received no whole step of the prices; show at least one.")
    refuse("event_study", problems + wrong)
    sound = _sound(record, back + (measure == "size"), ahead)  # a size needs the price before it
    rows, used = _event_rows(record, at, sound)
    if len(rows) < 2:
        raise SchemaError(
            f"moments: received {rows_text(len(at), 'event')}, of which the prices cover {len(rows)} "
            f"from {length_text(spans[0])} before to {length_text(spans[1])} after; at least 2 are needed. "
            "Pass prices of these days, or show less time."
        )
    paths = _paths(record, rows, back, ahead, measure)
    usual = _usual(record, np.flatnonzero(sound), rows, back, ahead, measure, np.random.default_rng(start))
    offsets = pd.to_timedelta(np.arange(-back, ahead + 1) * record.step, unit="ns")
    table = pd.DataFrame(
        dict(zip(("mean", "low", "high", "usual_low", "usual_high"), (*_mean(paths), *usual), strict=True)),
        index=pd.Index(offsets, name="from the event"),
    )
    unit, meaning = MEASURES[measure]
    left = len(at) - len(rows)
    lines = (
        f"{meaning}: mean of {rows_text(len(rows), 'event')} [{unit}]",
        f"{rows_text(left, 'event')} left out, not covered by the prices; " * bool(left) + f"{_LEVEL:.0%} "
        f"intervals by t over events; usual: {_LEVEL:.0%} of the means of {len(rows):,} random days at the "
        f"same times, {_SETS:,} sets, seed {start}",
    )
    return EventStudy(
        table, lines, paths=pd.DataFrame(paths, at[used], table.index), unit=unit,
        excluded=left, warnings=tuple(_doubts(rows, back + ahead)),
    )  # fmt: skip


def _event_rows(
    record: Prices, events: pd.DatetimeIndex, sound: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """First price at or after each event that the record covers, and the mask of these events."""
    rows = np.searchsorted(record.times, events.asi8, "left")
    nearest = record.times[np.minimum(rows, len(record.times) - 1)]
    used = (rows < len(record.times)) & (events.asi8 >= nearest - record.widest)
    used[used] = sound[rows[used]]
    return rows[used], used


def _mean(paths: Array) -> tuple[Array, Array, Array]:
    """Mean of paths, and the ends of its interval by Student's t."""
    from scipy.special import stdtrit

    n = len(paths)
    mean, error = paths.mean(axis=0), paths.std(axis=0, ddof=1) / np.sqrt(n)
    reach = stdtrit(n - 1, 0.5 + 0.5 * _LEVEL) * error
    return mean, mean - reach, mean + reach


def _sound(record: Prices, back: int, ahead: int) -> NDArray[np.bool_]:
    """Prices with so many steps before and after them, and no gap among these."""
    n = len(record.times)
    wide = record.gaps(record.widest)
    sound = np.zeros(n, np.bool_)
    middle = np.arange(back, n - ahead)
    sound[middle] = wide[middle + ahead] == wide[middle - back]
    return sound


def _paths(record: Prices, rows: NDArray[np.int64], back: int, ahead: int, measure: str) -> Array:
    """Paths around prices in percent, (n, times)."""
    around = rows[:, None] + np.arange(-back, ahead + 1)
    if measure == "size":
        return np.asarray(100.0 * np.abs(record.logs[around] - record.logs[around - 1]))
    return np.asarray(100.0 * (record.logs[around] - record.logs[rows][:, None]))


def _usual(
    record: Prices,
    rows: NDArray[np.int64],
    events: NDArray[np.int64],
    back: int,
    ahead: int,
    measure: str,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Range of the means over random days at the events' times of day, by time from the event."""
    times = record.times % _DAY
    total = np.zeros((_SETS, back + ahead + 1))
    for event in events:
        alike = rows[times[rows] == times[event]]
        total += _paths(record, alike[rng.integers(0, len(alike), _SETS)], back, ahead, measure)
    means = total / len(events)
    low, high = np.quantile(means, [0.5 - 0.5 * _LEVEL, 0.5 + 0.5 * _LEVEL], axis=0)
    return low, high


def _doubts(rows: NDArray[np.int64], length: int) -> list[str]:
    found = []
    if len(rows) < _FEW:
        found.append(
            f"moments: received {rows_text(len(rows), 'event')}; an interval of fewer than {_FEW} rests on "
            "a few days. Take more."
        )
    shared = int((np.diff(rows) < length).sum())
    if shared:
        found.append(
            f"moments: {shared:,} of {rows_text(len(rows), 'event')} follow the one before within the time "
            "shown; they share returns and the interval is too narrow. Compare with random days, or "
            "show less time."
        )
    return found
