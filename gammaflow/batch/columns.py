"""Columns of a summary: unit, meaning and type of each, and tables of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pandas as pd

from gammaflow.positions.rules import RULES

__all__ = ["COLUMNS", "FLIPS", "SummaryColumn", "typed"]

_TIME = "datetime64[ns, UTC]"
_GAMMA = "currency per +1 % spot"
_ZONE = "of the short-gamma zone that holds spot, else of the nearest"


class SummaryColumn(NamedTuple):
    """Unit, meaning and pandas type of one number of a summary."""

    unit: str
    meaning: str
    dtype: str


#: Rules whose nearest flip stands in every summary, by the column that holds it: all that sign positions.
FLIPS: Mapping[str, str] = MappingProxyType(
    {f"flip_{name}": name for name, rule in RULES.items() if rule.signed}
)

#: Every column of a summary in its order. Missing numbers are NaN, missing times NaT; + = dealers are long.
COLUMNS: Mapping[str, SummaryColumn] = MappingProxyType(
    {
        "symbol": SummaryColumn("-", "underlying", "str"),
        "asof": SummaryColumn("UTC", "when the quotes were taken", _TIME),
        "vendor": SummaryColumn("-", "vendor of the data", "str"),
        "open_interest_asof": SummaryColumn(
            "UTC", "latest day on which open interest was counted; NaT where the vendor gives none", _TIME
        ),
        "currency": SummaryColumn("-", "currency of prices and amounts", "str"),
        "rule": SummaryColumn("-", "rule for the sign of dealers' positions", "str"),
        "dynamics": SummaryColumn("-", "smile dynamics of the profile", "str"),
        "filtered": SummaryColumn("-", "whether rows were selected from a larger chain or book", "bool"),
        "spot": SummaryColumn("currency", "price of the underlying", "float64"),
        "rows": SummaryColumn("rows", "contracts in the chain", "int64"),
        "used": SummaryColumn("rows", "contracts that hold a position and are valued", "int64"),
        "excluded": SummaryColumn("rows", "the other contracts", "int64"),
        "usable_interest": SummaryColumn("%", "share of open interest that can be valued", "float64"),
        "score": SummaryColumn("0 to 100", "share of unexpired rows that pass every check", "float64"),
        "warnings": SummaryColumn("sentences", "implausibilities that a report would print", "int64"),
        "gamma": SummaryColumn(_GAMMA, "dollar delta gained per +1 % of spot (GEX)", "float64"),
        "gross_gamma": SummaryColumn(_GAMMA, "gamma with every position counted as positive", "float64"),
        "vanna": SummaryColumn("currency per +1 vol point", "dollar delta per vol point (VEX)", "float64"),
        "charm": SummaryColumn("currency per day", "dollar delta per calendar day (CEX)", "float64"),
        "delta": SummaryColumn("currency", "dealers' dollar delta", "float64"),
        "flip": SummaryColumn("currency", "zero-gamma flip nearest to spot", "float64"),
        "flips": SummaryColumn("flips", "number of zero-gamma flips", "int64"),
        "flip_distance": SummaryColumn("% of spot", "flip less spot, + = above spot", "float64"),
        "call_wall": SummaryColumn("currency", "strike with the most unsigned gamma of calls", "float64"),
        "put_wall": SummaryColumn("currency", "strike with the most unsigned gamma of puts", "float64"),
        "max_pain": SummaryColumn("currency", "max pain of the next expiry", "float64"),
        "zone_low": SummaryColumn("currency", f"lower end {_ZONE}", "float64"),
        "zone_high": SummaryColumn("currency", f"upper end {_ZONE}", "float64"),
        "zone_flow": SummaryColumn("currency", f"amount traded across it, {_ZONE}", "float64"),
        "trough_spot": SummaryColumn("currency", f"where gamma is lowest, {_ZONE}", "float64"),
        "trough_gamma": SummaryColumn(_GAMMA, f"gamma there, {_ZONE}", "float64"),
        "core_low": SummaryColumn("currency", f"lower end of the core, {_ZONE}", "float64"),
        "core_high": SummaryColumn("currency", f"upper end of the core, {_ZONE}", "float64"),
        "in_zone": SummaryColumn("-", "whether spot is inside a short-gamma zone", "bool"),
        "in_core": SummaryColumn("-", f"whether spot is inside the core {_ZONE}", "bool"),
        "next_expiry": SummaryColumn("UTC", "expiry that comes next, of those with a position", _TIME),
        "next_share": SummaryColumn("%", "share of gross gamma that expires next", "float64"),
        "atm_volatility": SummaryColumn(
            "1/sqrt(year)", "implied volatility at the forward, 30 days to expiry", "float64"
        ),
        **{
            column: SummaryColumn("currency", f"nearest flip under the rule {name}", "float64")
            for column, name in FLIPS.items()
        },
    }
)


def typed(rows: Iterable[Mapping[str, Any] | pd.Series]) -> pd.DataFrame:
    """Summaries as a table, one row each, every column of its type, also where there is no row.

    Examples
    --------
    >>> import gammaflow as gf
    >>> table = typed([gf.summarize(gf.demo_chain())])
    >>> str(table["gamma"].dtype), str(table["in_zone"].dtype), len(typed([]).columns) == len(COLUMNS)
    ('float64', 'bool', True)
    """
    table = pd.DataFrame([dict(row) for row in rows], columns=list(COLUMNS), dtype=object)
    return table.astype({name: column.dtype for name, column in COLUMNS.items()})
