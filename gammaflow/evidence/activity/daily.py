"""Base of studies by day, whose text shows the days that matter."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd

from gammaflow.study import Study
from gammaflow.text import number_text, rows_text

__all__ = ["DailyStudy", "days_apart", "span_text"]

# Days of the table that a summary shows, besides the last.
_SHOWN = 6


class DailyStudy(Study):
    """A study by day: its text shows the days that matter, `table` has them all."""

    def _matters(self) -> Any:
        """Mask of the days that matter."""
        raise NotImplementedError

    def brief(self) -> pd.DataFrame:
        """The latest of the days that matter, and the last day."""
        chosen: pd.DataFrame = self.table[self._matters()].tail(_SHOWN)
        last = self.table.tail(1)
        return chosen if chosen.index[-1:].equals(last.index) else pd.concat([chosen, last])

    def summary(self) -> str:
        """Description, the latest of the days that matter, and the last day, as text."""
        shown = self.brief()
        shown = shown.set_axis(pd.DatetimeIndex(shown.index).strftime("%Y-%m-%d"))
        return "\n".join([*self.heading, shown.to_string(float_format=number_text, na_rep="")])

    def _repr_html_(self) -> str:
        head = "<br>".join(map(escape, self.heading))
        return f"<p>{head}</p>{self.brief().to_html(float_format=number_text)}"


def span_text(days: pd.DatetimeIndex) -> str:
    """First and last day, and their number, as text."""
    return f"{days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}, {rows_text(len(days), 'day')}"


def days_apart(given: Mapping[str, pd.Series], common: int) -> list[str]:
    """A line that counts the days which not all series have, if there are any."""
    most = len(pd.concat(list(given.values()), axis=1))
    return [f"{rows_text(most - common, 'day')} that not all series have are left out"] * (most > common)
