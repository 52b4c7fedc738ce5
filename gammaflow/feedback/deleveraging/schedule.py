"""Sales of a fund that are known in advance, by day."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import read_number, refuse
from gammaflow.errors import SchemaError
from gammaflow.frozen import Frozen
from gammaflow.text import number_text, rows_text

__all__ = ["Schedule"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Schedule(Frozen):
    """Sales that are known in advance: currency traded on given days.

    Attributes
    ----------
    table : Series or mapping
        Currency by calendar days since the start, >= 0 and each once; negative sells. Kept as a Series in
        ascending order of days.

    See Also
    --------
    FixedCut : Rule that sells a share of the holdings evenly between two days.

    Examples
    --------
    >>> import gammaflow as gf
    >>> plan = gf.deleveraging.Schedule({0.0: -1e9, 0.5: -5e8, 2.0: -2e8})
    >>> plan.schedule([0.0, 0.25, 0.5, 1.0]).tolist()
    [-1000000000.0, -500000000.0, 0.0]
    """

    table: pd.Series[float]

    name: ClassVar[str] = "schedule"

    def __post_init__(self) -> None:
        problems: list[str] = []
        if not isinstance(self.table, pd.Series | Mapping) or not len(self.table):
            raise SchemaError(
                f"table: received {type(self.table).__name__}; legal: a Series or mapping of currency by "
                "days, such as {0.0: -1e9, 0.5: -5e8}."
            )
        series = pd.Series(self.table)
        days = read_number("days", list(series.index), problems)
        flows = read_number("currency", series, problems)
        refuse(self.name, problems)
        days, flows = days.astype(np.float64), flows.astype(np.float64)
        if not ((days >= 0.0) & np.isfinite(days)).all():
            problems.append(f"days: received {days.tolist()!r:.60}; days must be finite and >= 0.")
        if len(np.unique(days)) < len(days):
            problems.append("days: a day stands twice; add its currency up.")
        if not np.isfinite(flows).all():
            problems.append("currency: holds values that are missing or infinite; every day needs one.")
        refuse(self.name, problems)
        order = np.argsort(days)
        index = pd.Index(days[order], name="days")
        object.__setattr__(self, "table", pd.Series(flows[order], index, name="flow"))

    def schedule(self, step_days: ArrayLike) -> Array:
        """Currency traded in each step of a path.

        Parameters
        ----------
        step_days : (n + 1,) array_like
            Days at the ends of the steps, ascending from the start of the first.

        Returns
        -------
        (n,) array
            Currency after the beginning of each step until its end; the first step has that of its beginning
            too. What comes after the last step is left out.
        """
        problems: list[str] = []
        ends = read_number("step_days", step_days, problems)
        if ends is not None and (ends.ndim != 1 or len(ends) < 2 or not (np.diff(ends) > 0.0).all()):
            problems.append("step_days: legal are two or more days in ascending order.")
        refuse("schedule", problems)
        days = self.table.index.to_numpy()
        step = np.maximum(np.searchsorted(ends, days, side="left") - 1, 0)
        inside = (days >= ends[0]) & (days <= ends[-1])
        flow = np.zeros(len(ends) - 1)
        np.add.at(flow, step[inside], self.table.to_numpy()[inside])
        return flow

    def flow(self, *, days: float = math.inf) -> float:
        """Currency traded from the start until `days`, that day included; negative sells."""
        if not float(days) >= 0.0:
            raise SchemaError(f"days: received {days!r}; days must be >= 0.")
        return float(self.table[self.table.index <= days].sum())

    def summary(self) -> str:
        """Total, days and sign in one line."""
        first, last = self.table.index[[0, -1]]
        days = f"on {rows_text(len(self.table), 'day')} from {first:g} to {last:g}"
        return f"Schedule: {number_text(self.flow())} {days}; flow < 0 sells"

    def __repr__(self) -> str:
        return self.summary()
