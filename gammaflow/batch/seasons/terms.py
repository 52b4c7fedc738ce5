"""Variables of a season's study, made from a table of summaries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

__all__ = ["TERMS", "Term"]


class Term(NamedTuple):
    """A variable: the columns of the summaries it needs, its formula, and its meaning."""

    needs: tuple[str, ...]
    make: Callable[[pd.DataFrame], Any]
    meaning: str


#: Variables about gamma, by name. Any other column of numbers may be tried as it stands.
TERMS: Mapping[str, Term] = MappingProxyType(
    {
        "short_gamma": Term(("gamma",), lambda t: t["gamma"] < 0.0, "1 where dealers' gamma at spot is < 0"),
        "depth": Term(
            ("gamma", "gross_gamma"),
            lambda t: (t["gamma"] / t["gross_gamma"]).where(t["gross_gamma"] > 0.0),
            "gamma over gross gamma, -1 to 1",
        ),
        "in_core": Term(
            ("in_core",), lambda t: t["in_core"], "1 where spot is inside the core of a short-gamma zone"
        ),
    }
)


def made(table: pd.DataFrame, name: str) -> pd.Series:
    """A variable of a table of summaries; missing where gamma is."""
    term = TERMS.get(name)
    values = table[name] if term is None else term.make(table)
    numbers = pd.Series(values, table.index, np.float64)
    missing = table[list(term.needs)].isna().any(axis=1) if term else numbers.isna()
    return numbers.mask(missing).rename(name)
