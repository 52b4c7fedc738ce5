"""Studies whose text shows a part of a wide or long table; `table` has all of it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from gammaflow.notebook import ROWS
from gammaflow.study import Study
from gammaflow.text import number_text, rows_text

__all__ = ["BriefStudy", "DailyStudy"]

# Rows in a text, and days that matter in one besides the last.
_ROWS, _DAYS = 40, 6


class BriefStudy(Study):
    """Study whose text shows `brief()`, the last rows of it where it is long."""

    def brief(self) -> pd.DataFrame:
        """Main columns of the table."""
        return self.table

    def _shown(self, rows: int = _ROWS) -> tuple[list[str], pd.DataFrame]:
        """Lines and table of the text, the last rows of it."""
        shown, lines = self.brief(), self.heading
        if len(shown) > rows:
            lines = [*lines, f"the last {rows} of {rows_text(len(shown))}; all of them in .table"]
        return lines, shown.iloc[-rows:]

    def summary(self) -> str:
        """Description, and the main columns of the last rows as text."""
        lines, shown = self._shown()
        if shown.empty:
            return "\n".join([*lines, "no rows"])
        return "\n".join([*lines, shown.to_string(float_format=number_text)])

    def _page_text(self) -> str:
        return "\n".join(self._shown(ROWS)[0])

    def _page_table(self) -> pd.DataFrame:
        return self._shown(ROWS)[1]


class DailyStudy(BriefStudy):
    """A study by day: its text shows the days that matter, `table` has them all."""

    def _matters(self) -> Any:
        """Mask of the days that matter."""
        raise NotImplementedError

    def brief(self) -> pd.DataFrame:
        """The latest of the days that matter, and the last day."""
        chosen: pd.DataFrame = self.table[self._matters()].tail(_DAYS)
        last = self.table.tail(1)
        return chosen if chosen.index[-1:].equals(last.index) else pd.concat([chosen, last])

    def summary(self) -> str:
        """Description, the latest of the days that matter, and the last day, as text."""
        lines, shown = self._shown()
        shown = shown.set_axis(pd.DatetimeIndex(shown.index).strftime("%Y-%m-%d"))
        return "\n".join([*lines, shown.to_string(float_format=number_text, na_rep="")])


def __dir__() -> list[str]:
    return __all__
