"""Study with a wide or long table, of which text shows the main columns and the last rows."""

from __future__ import annotations

import pandas as pd

from gammaflow.study import Study
from gammaflow.text import number_text, rows_text

__all__ = ["BriefStudy"]

# Rows in a text.
_ROWS = 40


class BriefStudy(Study):
    """Study whose summary shows `brief()`, the last rows of it where it is long."""

    def brief(self) -> pd.DataFrame:
        """Main columns of the table."""
        return self.table

    def summary(self) -> str:
        """Description, and the main columns of the last rows as text."""
        shown = self.brief()
        lines = self.heading
        if len(shown) > _ROWS:
            lines.append(f"the last {_ROWS} of {rows_text(len(shown))}; all of them in .table")
        return "\n".join([*lines, shown.iloc[-_ROWS:].to_string(float_format=number_text)])


def __dir__() -> list[str]:
    return __all__
