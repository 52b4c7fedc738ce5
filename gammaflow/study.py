"""Study: the answer to one question, as a labelled table; each kind draws its own picture."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from gammaflow.frozen import Frozen
from gammaflow.text import clean, marked, number_text

__all__ = ["Study"]


@dataclass(frozen=True, eq=False, repr=False)
class Study(Frozen):
    """A table with a description of its contents.

    Attributes
    ----------
    table : DataFrame
        The numbers.
    lines : tuple of str
        Description: book, timestamp, rule and sign, or the terms; of records the source, unit and clock.
    warnings : tuple of str
        One sentence per implausibility of the input: what was received, what is plausible, what to do.
    """

    table: pd.DataFrame
    lines: tuple[str, ...]
    warnings: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def heading(self) -> list[str]:
        """Description and warnings, one line each, without characters that steer a terminal."""
        return [clean(line) for line in (*self.lines, *marked(self.warnings))]

    def summary(self) -> str:
        """Description and table as text."""
        return "\n".join([*self.heading, self.table.to_string(float_format=number_text)])

    def brief(self) -> pd.DataFrame:
        """The table, or for wide ones its main columns as text, narrow enough for a terminal."""
        return self.table

    def __repr__(self) -> str:
        return self.summary()

    def _page_text(self) -> str:
        return "\n".join(self.heading)

    def _page_table(self) -> pd.DataFrame:
        return self.brief()
