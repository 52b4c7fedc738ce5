"""History of the desk page: the series of a store's summaries, and the change since the snapshot before."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gammaflow.market.at_the_money import constant_maturity
from gammaflow.market.chain import Chain
from gammaflow.report.data import ReportData
from gammaflow.report.earlier import earlier_rows
from gammaflow.report.plain import plain
from gammaflow.text import length_text

__all__ = ["history"]

_MOST = 250


class _Series(NamedTuple):
    column: str
    name: str
    unit: str


_GAMMA = "{ccy} per +1 % spot"
_SERIES = (
    _Series("spot", "spot", "price"),
    _Series("gamma", "net gamma", _GAMMA),
    _Series("gross_gamma", "gross gamma", _GAMMA),
    _Series("flip", "nearest zero gamma", "price"),
    _Series("call_wall", "call wall, by type", "price"),
    _Series("put_wall", "put wall, by type", "price"),
    _Series("core_low", "core, low", "price"),
    _Series("core_high", "core, high", "price"),
    _Series("vanna", "vanna", "{ccy} per +1 vol point"),
    _Series("charm", "charm", "{ccy} per day"),
    _Series("next_share", "expires next", "percent"),
    _Series("atm_volatility", "30-day at-the-money vol", "vol"),
)


def history(report: ReportData) -> dict[str, Any] | None:
    """Series of the summaries before the report, and the change of each number since the last of them.

    Parameters
    ----------
    report : Report
        With a `history`, as the table of `gammaflow.history`.

    Returns
    -------
    dict or None
        `asof`: the times of at most the last 250 snapshots, ending with the report's own; `series`: for each
        number that the table has, `name`, `unit` (a unit of money, "price", "percent" or "vol"), its
        `values` there, `now`, `previous`, `change` and `percentile`, the percent of earlier values below it,
        half of the equal ones counted. `previous_asof` and `since`, the time of the snapshot before; `rows`,
        the number of earlier rows, and `others`, that of rows left out, which are under another rule or smile
        dynamics or of another selection. None without earlier rows.

    Examples
    --------
    >>> import gammaflow as gf
    >>> history(gf.analyze(gf.demo_chain())) is None
    True
    """
    table = report.history
    if table is None or not len(table):
        return None
    book = report.book
    earlier = earlier_rows(table, book, report.profile.dynamics.name)
    if not len(earlier):
        return None
    now, before = _now(report), earlier.index[-1]
    shown = earlier.tail(_MOST - 1)
    series = []
    for each in _SERIES:
        if each.column not in earlier:
            continue
        values = earlier[each.column].to_numpy(dtype=np.float64)
        last = now.get(each.column, np.nan)
        series.append(
            {
                "name": each.name,
                "unit": each.unit.replace("{ccy}", book.currency),
                "values": [*shown[each.column].to_numpy(dtype=np.float64).tolist(), last],
                "now": last,
                "previous": float(values[-1]),
                "change": last - float(values[-1]),
                "percentile": _percentile(values, last),
            }
        )
    found: dict[str, Any] = plain(
        {
            "asof": [*shown.index, book.asof],
            "previous_asof": before,
            "since": length_text(book.asof - before, digits=3),
            "rows": len(earlier),
            "series": series,
            "others": int((pd.DatetimeIndex(table.index) < book.asof).sum()) - len(earlier),
        }
    )
    return found


def _percentile(earlier: Any, last: float) -> float:
    known = earlier[~np.isnan(earlier)]
    if not known.size or np.isnan(last):
        return np.nan
    return float(100.0 * (np.mean(known < last) + 0.5 * np.mean(known == last)))


def _now(report: ReportData) -> dict[str, float]:
    """The report's own numbers, by the columns of a summary."""
    book, levels, total = report.book, report.levels, report.exposure.total()
    flip, zone = levels.nearest_flip, levels.zone
    low, high = zone.core if zone else (np.nan, np.nan)
    gross = report.exposure.by("expiry")["gross_gamma"]
    dated = gross[gross.index.notna()]
    chain = report.interest
    vol = constant_maturity(chain) if isinstance(chain, Chain) else np.nan
    return {
        "spot": book.spot,
        **{name: float(total[name]) for name in ("gamma", "gross_gamma", "vanna", "charm")},
        "flip": flip.spot if flip else np.nan,
        "call_wall": levels.call_wall,
        "put_wall": levels.put_wall,
        "core_low": low,
        "core_high": high,
        "next_share": 100.0 * float(dated.iloc[0] / gross.sum()) if len(dated) and gross.sum() else np.nan,
        "atm_volatility": vol,
    }
