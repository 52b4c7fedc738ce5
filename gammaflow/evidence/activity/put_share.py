"""Share of puts in the volume of options, against earlier days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import attempt, check_whole, refuse
from gammaflow.evidence.brief import DailyStudy
from gammaflow.evidence.trailing import earlier_below, trailing_moments
from gammaflow.series import alone_text, days_text, read_days, read_together
from gammaflow.text import rows_text

__all__ = ["PutShare", "put_share"]


@dataclass(frozen=True, eq=False, repr=False)
class PutShare(DailyStudy):
    """Puts as a share of calls and puts, by day, against earlier days; made by `put_share`.

    Attributes
    ----------
    table : DataFrame
        By day: calls, puts, share, puts over both [-]; percentile, the share of earlier days below; z against
        the trailing window [standard deviations]. NaN on days without a trade.

    See Also
    --------
    put_share : Share of puts in the volume of options, by day.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.bdate_range("2026-02-02", periods=4)
    >>> puts, calls = pd.Series([40, 45, 42, 60], days), pd.Series([60, 55, 58, 40], days)
    >>> found = put_share(calls, puts, window=3)
    >>> found.table["share"].tolist()
    [0.4, 0.45, 0.42, 0.6]
    """

    def _matters(self) -> Any:
        return self.table["share"].rank(ascending=False) <= 5

    def plot(self, *, ax: Any = None) -> Any:
        """Share of puts by day (matplotlib Axes)."""
        from gammaflow.plot.activity import plot_share

        return plot_share(self.table["share"], self.lines[0], ax=ax)


def put_share(calls: pd.Series, puts: pd.Series, *, window: int = 60, gaps: bool = False) -> PutShare:
    """Share of puts in the volume of options, by day.

    Parameters
    ----------
    calls, puts : Series
        Contracts (or premium) by day, >= 0, both in one unit; on their common days.
    window : int
        Days before each day that z is measured against, >= 2.
    gaps : bool
        Whether days may be absent.

    Returns
    -------
    PutShare

    Raises
    ------
    SchemaError
        With every problem of the arguments.

    See Also
    --------
    records : Days on which a series of volume, contracts or value sets a record, and by how much.

    Examples
    --------
    >>> days = pd.bdate_range("2026-02-02", periods=4)
    >>> found = put_share(pd.Series([60, 55, 58, 40], days), pd.Series([40, 45, 42, 60], days), window=3)
    >>> found.table["share"].tolist(), f"{found.table['z'].iloc[-1]:.1f}"
    ([0.4, 0.45, 0.42, 0.6], '7.0')
    """
    problems: list[str] = []
    given = {
        "calls": read_days(calls, "calls", problems, low=0.0, gaps=gaps),
        "puts": read_days(puts, "puts", problems, low=0.0, gaps=gaps),
    }
    (length,), wrong = attempt(lambda: check_whole(window, "window", 2))
    problems += wrong
    together = read_together(given, problems)
    refuse("put share", problems)
    both = together.sum(axis=1)
    share = (together["puts"] / both.where(both > 0.0)).to_numpy(np.float64)
    mean, deviation = trailing_moments(share, length)
    table = together.assign(share=share, percentile=earlier_below(share), z=(share - mean) / deviation)
    table = table.rename_axis("day")
    none = int(np.isnan(share).sum())
    lines = (
        f"puts over calls and puts, {days_text(pd.DatetimeIndex(table.index))}",
        f"z against mean and standard deviation of the {length} days before; no look-ahead",
        *([f"{rows_text(none, 'day')} without a trade"] if none else []),
        *alone_text({k: len(v) for k, v in given.items()}, len(table)),
    )
    return PutShare(table, lines)
