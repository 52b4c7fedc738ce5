"""Days on which the correlation of two series changed, with p-values that pay for the search."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import attempt, check_number, check_whole, refuse
from gammaflow.errors import SchemaError
from gammaflow.evidence.correlation.bootstrap import usual_block
from gammaflow.evidence.correlation.moments import correlations, moving_windows
from gammaflow.evidence.correlation.returns import read_returns
from gammaflow.plot.dated import plot_dated
from gammaflow.study import Study
from gammaflow.text import number_text, rows_text

__all__ = ["CorrelationBreaks", "breakpoints", "change_statistics"]

_LEAST, _DRAWS = 5, 99
# Draws valued at once.
_CHUNK = 250


class _Search(NamedTuple):
    """The strongest change in rows first to last (excluded), and the p-value of the search."""

    first: int
    last: int
    row: int
    z: float
    p_value: float


@dataclass(frozen=True, eq=False, repr=False)
class CorrelationBreaks(Study):
    """Changes of a correlation and their odds; made by `breakpoints`.

    Attributes
    ----------
    table : DataFrame
        One row per search, indexed by the strongest day, the first of the new part: change (whether the
        p-value is below the level), p_value, z, before, after (correlations) [-], n_before, n_after
        (returns), first, last (days of the part searched).
    candidates : Series
        Fisher z of the change at every candidate day of the whole record [-].
    parts : DataFrame
        Correlation of each part between changes, by its first day: last, correlation [-], n.
    moving : DataFrame
        Correlation in windows of the fewest returns of a part, by last day, beside that of the parts.
    names : tuple of str
        Names of x and y.
    lines, warnings : tuple of str
        Description, and doubts about the input.
    """

    candidates: pd.Series
    parts: pd.DataFrame
    moving: pd.DataFrame
    names: tuple[str, str]

    @property
    def days(self) -> pd.DatetimeIndex:
        """First days after each change, ascending; empty where there is none."""
        return pd.DatetimeIndex(self.table.index[self.table["change"].to_numpy(np.bool_)]).sort_values()

    def plot(self, *, ax: Any = None) -> Any:
        """Correlation in windows and in the parts between changes, which are marked; a matplotlib Axes."""
        p = self.table["p_value"]
        marks = {f"change on {day:%Y-%m-%d} (p = {p[day]:.2g})": day for day in self.days}
        where = f"none found (p = {p.iloc[0]:.2g})" if not marks else rows_text(len(marks), "change")
        title = f"Correlation of {self.names[0]} with {self.names[1]}: {where}"
        return plot_dated(self.moving, title, "correlation", marks=marks, ax=ax)


def breakpoints(
    x: pd.Series, y: pd.Series, *, window: int = 20, level: float = 0.05, draws: int = 999,
    block: int | None = None, seed: int = 0, first: Any = None, last: Any = None, clock: Any = None,
    other_clock: Any = None,
) -> CorrelationBreaks:  # fmt: skip
    """Days on which the correlation of daily log returns changed.

    Every day that leaves `window` returns on both sides is a candidate; the statistic is the largest
    difference of Fisher's z before and after, in standard deviations. The largest of many exceeds 1.96 by
    chance far more often than in 5 % of records, so the p-value is the share of shuffled records whose own
    largest is as large. Blocks of days are shuffled whole (both series together), which keeps dependence
    within a block. Where a change is found, both parts are searched again.

    A day that is named is the likeliest one: a neighbor is often almost as likely (see `candidates`).
    Shuffling takes the returns of one day as those of any other: a jump in volatility alone makes false
    changes more frequent than the p-value says.

    Parameters
    ----------
    x, y : Series
        Prices by day [currency], > 0; their names label the result.
    window : int
        Fewest returns before and after a change, >= 5.
    level : float
        A p-value below it is a change, from 0 to 1.
    draws : int
        Shuffled records per search, >= 99.
    block : int, optional
        Days shuffled together; by default the cube root of the number of returns.
    seed : int
        Seed of the shuffling.
    first, last : date, optional
        First and last day of prices.
    clock, other_clock : str or Clock, optional
        Time of day at which x and y were read, as for `window`.

    Returns
    -------
    CorrelationBreaks

    Raises
    ------
    SchemaError
        As for `window`; fewer than two windows of returns.

    Examples
    --------
    >>> days = pd.bdate_range("2025-10-01", periods=121)
    >>> rng = np.random.default_rng(3)
    >>> common, own, other = rng.normal(0.0, 0.02, (3, 121))
    >>> linked = np.arange(121) > 60
    >>> one = pd.Series(50.0 * np.exp(np.cumsum(np.where(linked, common + 0.3 * own, own))), days)
    >>> two = pd.Series(90.0 * np.exp(np.cumsum(common)), days)
    >>> found = breakpoints(one, two, draws=199)
    >>> found.days.strftime("%Y-%m-%d").to_list(), found.parts["correlation"].round(2).to_list()
    (['2025-12-25'], [-0.1, 0.95])
    """
    (least, chance, times, length, start), problems = attempt(
        lambda: check_whole(window, "window", _LEAST),
        lambda: check_number(level, "level", 0.0, 1.0),
        lambda: check_whole(draws, "draws", _DRAWS),
        lambda: None if block is None else check_whole(block, "block", 1),
        lambda: check_whole(seed, "seed", 0),
    )
    refuse("breakpoints", problems)
    read = read_returns(
        {"x": x, "y": y},
        {"clock": clock, "other_clock": other_clock},
        first=first,
        last=last,
        least=2 * least,
    )
    values = read.table.to_numpy(np.float64)
    length = usual_block(len(values)) if length is None else length
    if length > least:
        raise SchemaError(f"block: received {length}; legal: from 1 to the window of {least} returns.")
    rng = np.random.default_rng(start)
    searches = _segment(values, 0, len(values), least, chance, length, times, rng)
    one, two = read.names
    how = (
        f"change: largest difference of Fisher z with {least} returns or more on both sides; p-value: share "
        f"of {times:,} records shuffled in blocks of {length} days (seed {start}) with one as large"
    )
    return _made(read.table, values, searches, least, chance, (*read.lines, how), read.warnings, (one, two))


def change_statistics(returns: NDArray[np.float64], least: int) -> NDArray[np.float64]:
    """Fisher z of the change between rows before and from each candidate on, (..., n - 2 least + 1).

    Returns are (..., n, 2); candidates are rows `least` to n - least. Sums before each row give every
    correlation at once.
    """
    n = returns.shape[-2]
    away = returns - returns.mean(axis=-2, keepdims=True)
    away = away / np.sqrt(np.square(away).mean(axis=-2, keepdims=True))
    x, y = away[..., 0], away[..., 1]
    sums = np.cumsum(np.stack([x, y, x * x, y * y, x * y], axis=-1), axis=-2)
    rows = np.arange(least, n - least + 1)
    before = sums[..., rows - 1, :]
    z = [
        np.arctanh(_correlation(part, count))
        for part, count in ((before, rows), (sums[..., -1:, :] - before, n - rows))
    ]
    return np.asarray((z[1] - z[0]) / np.sqrt(1.0 / (rows - 3.0) + 1.0 / (n - rows - 3.0)))


def _correlation(sums: Any, n: Any) -> Any:
    """Correlation from sums of x, y, xx, yy, xy; just inside +-1, and 0 where a series does not move."""
    x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    spread = (xx - x * x / n) * (yy - y * y / n)
    still = spread < 1e-20 * n**2
    r = (xy - x * y / n) / np.sqrt(np.where(still, 1.0, spread))
    return np.where(still, 0.0, np.clip(r, -1.0 + 1e-12, 1.0 - 1e-12))


def _segment(
    values: Any, first: int, last: int, least: int, level: float, block: int, draws: int,
    rng: np.random.Generator,
) -> list[_Search]:  # fmt: skip
    """Search of rows first to last, and of both parts where a change is found."""
    if last - first < 2 * least:
        return []
    part = values[first:last]
    z = change_statistics(part, least)
    top = int(np.argmax(np.abs(z)))
    largest = np.concatenate(
        [
            np.abs(
                change_statistics(part[_shuffled(len(part), block, min(_CHUNK, draws - done), rng)], least)
            ).max(axis=-1)
            for done in range(0, draws, _CHUNK)
        ]
    )
    p = float((1 + (largest >= abs(z[top]) - 1e-12).sum()) / (1 + draws))
    found = _Search(first, last, first + least + top, float(z[top]), p)
    if p >= level:
        return [found]
    return [
        found,
        *_segment(values, first, found.row, least, level, block, draws, rng),
        *_segment(values, found.row, last, least, level, block, draws, rng),
    ]


def _shuffled(n: int, block: int, draws: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows in shuffled blocks, each record cut at another place: (draws, n)."""
    shift = rng.integers(0, n, (draws, 1))
    order = np.argsort(rng.random((draws, -(-n // block))), axis=1)
    rows = (order[:, :, None] * block + np.arange(block)).reshape(draws, -1)
    kept = rows[rows < n].reshape(draws, n)
    return (kept + shift) % n


def _made(
    returns: pd.DataFrame, values: Any, searches: list[_Search], least: int, level: float,
    lines: tuple[str, ...], warnings: tuple[str, ...], names: tuple[str, str],
) -> CorrelationBreaks:  # fmt: skip
    days = pd.DatetimeIndex(returns.index)
    rows = {
        "change": [s.p_value < level for s in searches],
        "p_value": [s.p_value for s in searches],
        "z": [s.z for s in searches],
        "before": [float(correlations(values[s.first : s.row])[0, 1]) for s in searches],
        "after": [float(correlations(values[s.row : s.last])[0, 1]) for s in searches],
        "n_before": [s.row - s.first for s in searches],
        "n_after": [s.last - s.row for s in searches],
        "first": [days[s.first] for s in searches],
        "last": [days[s.last - 1] for s in searches],
    }
    table = pd.DataFrame(rows, days[[s.row for s in searches]].rename("day"))
    edges = [0, *sorted(s.row for s in searches if s.p_value < level), len(days)]
    spans = list(pairwise(edges))
    inside = [float(correlations(values[a:b])[0, 1]) for a, b in spans]
    parts = pd.DataFrame(
        {"last": days[[b - 1 for _, b in spans]], "correlation": inside, "n": [b - a for a, b in spans]},
        days[[a for a, _ in spans]].rename("first"),
    )
    moving = pd.DataFrame(
        {
            f"windows of {least} returns": np.concatenate(
                [np.full(least - 1, np.nan), correlations(moving_windows(values, least))[:, 0, 1]]
            ),
            "parts between changes": np.repeat(inside, [b - a for a, b in spans]),
        },
        days,
    )
    z = pd.Series(change_statistics(values, least), days[least : len(days) - least + 1], name="z")
    best = searches[0]
    said = (
        f"{names[0]} with {names[1]}: "
        + (", then ".join(f"{r:.2f} from {day:%Y-%m-%d}" for day, r in parts["correlation"].items()))
        if len(parts) > 1
        else f"{names[0]} with {names[1]}: no change found; the likeliest day, {days[best.row]:%Y-%m-%d}, "
        f"has p = {number_text(best.p_value)}"
    )
    return CorrelationBreaks(
        table, (*lines, said), warnings=warnings, candidates=z, parts=parts, moving=moving, names=names
    )
