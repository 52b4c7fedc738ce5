"""`history`: the summaries of many snapshots as one time series, with the place of the last among them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.batch.columns import COLUMNS
from gammaflow.batch.history_rows import choose_rows, find_span, pause_text
from gammaflow.batch.result import BatchResult
from gammaflow.batch.run import run_batch
from gammaflow.batch.sources import MANIFEST
from gammaflow.batch.summary import summarize
from gammaflow.checks import as_list, check_choice
from gammaflow.errors import SchemaError
from gammaflow.market.carry.dividends import Dividends
from gammaflow.market.carry.rates import RateCurve
from gammaflow.market.readers import ColumnMap
from gammaflow.positions.rules import RULES, PositionRule, find_rule
from gammaflow.study import Study
from gammaflow.text import number_text, price_text, rows_text, value_text
from gammaflow.units import CONVENTION

__all__ = ["RANKED", "History", "history"]

#: Columns whose last value is placed among the earlier ones by default.
RANKED = (
    "gamma", "gross_gamma", "vanna", "charm", "flip_distance", "zone_flow", "trough_gamma", "next_share",
    "atm_volatility",
)  # fmt: skip

_SHOWN = 20
_FAILURES = 3
# Characters of a reason in a warning.
_LONGEST = 100


@dataclass(frozen=True, eq=False, repr=False)
class History(Study):
    """Summaries of one underlying over time; see `history`.

    Attributes
    ----------
    table : DataFrame
        Indexed by asof (UTC), ascending, each once; the other columns of `gammaflow.batch.summary.COLUMNS`,
        and `source`, the file of each row, where it is known.
    failures : DataFrame
        Files that gave no row: `source`, `symbol` and `reason`.
    given : tuple of str
        Rate and dividends in place of those of the chains, in words, where they are known.

    See Also
    --------
    history : Time series of the summaries of many snapshots of one underlying.

    Examples
    --------
    >>> import gammaflow as gf
    >>> from gammaflow.market.synthetic import synthetic_chains
    >>> rows = gf.history([gf.summarize(chain) for chain in synthetic_chains(3, contracts=200)])
    >>> rows.table["spot"].round().to_list()
    [40000.0, 39043.0, 39928.0]
    >>> float(rows.percentile["gross_gamma"])
    100.0
    """

    failures: pd.DataFrame = field(default_factory=pd.DataFrame, kw_only=True)
    given: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def symbol(self) -> str:
        """The underlying."""
        return str(self.table["symbol"].iloc[-1])

    @property
    def signed(self) -> bool:
        """True where the rule signs positions as dealers'; False for open interest alone."""
        return _is_signed(self.table)

    @property
    def percentile(self) -> pd.Series:
        """Percent of the earlier rows that are below the last, of each column of `RANKED`."""
        return self.rank()["percentile"]

    def rank(self, columns: Iterable[str] = RANKED) -> pd.DataFrame:
        """Place of the last row among the earlier ones.

        Parameters
        ----------
        columns : sequence of str
            Columns of numbers.

        Returns
        -------
        DataFrame
            By column: `last`, its last value; `percentile`, the percent of earlier values that are below it,
            half of those that equal it counted [%]; `earlier`, the number of earlier values. NaN where the
            last value is missing or there is no earlier one.

        Raises
        ------
        SchemaError
            For a column that is not there or holds no numbers.
        """
        names = [columns] if isinstance(columns, str) else as_list(columns, "columns", "names")
        legal = [name for name in COLUMNS if COLUMNS[name].dtype in ("float64", "int64")]
        wrong = [name for name in names if name not in legal]
        if wrong:
            raise SchemaError(f"columns: received {value_text(wrong[0])}; legal: {', '.join(legal)}.")
        rows = {}
        for name in names:
            values = self.table[name].to_numpy(dtype=np.float64)
            last, earlier = values[-1], values[:-1][~np.isnan(values[:-1])]
            known = bool(earlier.size) and not np.isnan(last)
            below = np.mean(earlier < last) + 0.5 * np.mean(earlier == last) if known else np.nan
            rows[name] = (float(last), 100.0 * float(below), earlier.size)
        return pd.DataFrame.from_dict(rows, orient="index", columns=["last", "percentile", "earlier"])

    def summary(self) -> str:
        """Heading, place of the last row among the earlier ones, and the last rows, as text."""
        rank = self.rank()
        text = pd.DataFrame(
            {
                "last": [number_text(value) for value in rank["last"]],
                "unit": [self.unit(name) for name in rank.index],
                "percentile": [_percent(value) for value in rank["percentile"]],
                "of earlier": [f"{count:,}" for count in rank["earlier"]],
            },
            rank.index,
        )
        shown = self.brief()
        return "\n".join(
            [
                *self.heading,
                f"last row, {self.table.index[-1]:%Y-%m-%d %H:%M} UTC, among the earlier ones:",
                text.to_string(),
                f"last {rows_text(len(shown))} of {len(self.table):,}:",
                shown.to_string(),
            ]
        )

    def unit(self, column: str) -> str:
        """Unit of a column in the history's currency."""
        check_choice(column, "column", COLUMNS)
        return COLUMNS[column].unit.replace("currency", str(self.table["currency"].iloc[-1]))

    def brief(self) -> pd.DataFrame:
        """Spot, gamma, flip, core and vol of the last rows, as text for a terminal."""
        table = self.table.tail(_SHOWN)
        core = table["core_low"].map(_price) + " - " + table["core_high"].map(_price)
        where = np.where(table["in_core"], "in core", np.where(table["in_zone"], "in zone", ""))
        texts = {
            "spot": table["spot"].map(price_text),
            "gamma": [number_text(float(f"{value:.3g}")) for value in table["gamma"]],
            "flip": table["flip"].map(_price),
            "core": core.where(table["core_low"].notna(), "none"),
            "spot is": where,
            "30-day vol": [_percent(100.0 * value) for value in table["atm_volatility"]],
            "expires next": [_percent(value) for value in table["next_share"]],
        }
        index = pd.Index([f"{when:%Y-%m-%d %H:%M}" for when in table.index], name="asof [UTC]")
        return pd.DataFrame(texts, table.index).set_index(index)

    def plot(self) -> Any:
        """Price with nearest flip and core, above gamma and its percentile (matplotlib Figure)."""
        from gammaflow.plot.history import plot_history

        rank: Any = self.rank(["gamma"]).loc["gamma"]
        note = "; ".join([f"rule: {self.table['rule'].iloc[-1]}", f"sign: {_sign(self.table)}", *self.given])
        title = f"{self.symbol} gamma, flip and core, to {self.table.index[-1]:%d %b %Y %H:%M} UTC"
        columns = ["spot", "flip", "core_low", "core_high", "gamma"]
        return plot_history(
            self.table[columns],
            title,
            note,
            currency=str(self.table["currency"].iloc[-1]),
            unit=self.unit("gamma"),
            percentile=float(rank["percentile"]),
            earlier=int(rank["earlier"]),
            signed=self.signed,
        )

    def __repr__(self) -> str:
        return self.summary()


_TEXT = COLUMNS["symbol"]


def history(
    store_or_paths: Any,
    *,
    symbol: str | None = None,
    vendor: str | None = None,
    rule: str | PositionRule | None = None,
    columns: ColumnMap | str | os.PathLike[str] | Mapping[str, Any] | None = None,
    rate: float | pd.Series | RateCurve | None = None,
    dividends: pd.Series | Dividends | None = None,
    client: Any = None,
    workers: int | None = None,
    out: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], Any] | None = None,
) -> History:
    """Time series of the summaries of many snapshots of one underlying.

    Parameters
    ----------
    store_or_paths : Store, path, iterable, BatchResult or DataFrame
        Snapshots to summarize, as in `run_batch`. Or summaries that are there: the result of a batch of
        `summarize` or the folder of its `out`, rows of `summarize`, or a DataFrame of them.
    symbol : str, optional
        The underlying; needed where there are several.
    vendor : str, optional
        Only snapshots of this vendor; needed where several have one of the same timestamp.
    rule : str or rule, optional
        As in `summarize`. Not for summaries that are there, which have one.
    columns, rate, dividends, client, workers, out, progress
        As in `run_batch`; the first six not for summaries that are there.

    Returns
    -------
    History
        Rows that repeat another with the same numbers count once; files without a row are in `failures`.
        `warnings` name both, pauses of five times the usual step, and changes of vendor.

    Raises
    ------
    SchemaError
        Where no snapshot is left; for several symbols or vendors without a choice, different numbers of one
        timestamp, mixed rules, smile dynamics or currencies, and arguments that are not legal.

    See Also
    --------
    run_batch : Apply a function to every chain of a store, a folder or a list of files.
    History : Summaries of one underlying over time; see `history`.

    Examples
    --------
    >>> import gammaflow as gf
    >>> found = gf.history([gf.summarize(gf.demo_chain())])
    >>> found.table.index[0].isoformat(), found.warnings
    ('2026-02-05T09:36:00+00:00', ('asof: 1 row; a percentile needs earlier ones.',))
    """
    how: dict[str, Any] = {
        "columns": columns, "rate": rate, "dividends": dividends, "client": client, "workers": workers,
        "out": out,
    }  # fmt: skip
    named = [name for name, value in {"rule": rule, **how}.items() if value is not None]
    table, failures, given = _ready(store_or_paths, named)
    if table is None:
        function = summarize if rule is None else partial(summarize, rule=find_rule(rule))
        result = run_batch(store_or_paths, function, symbol=symbol, progress=progress, **how)
        table, failures, given = result.table, result.failures, result.given
    failed = _failed(failures)
    if not len(table):
        raise SchemaError(f"history: no snapshot is left. {' '.join(failed) or 'Pass at least one summary.'}")
    rows, warnings = choose_rows(table, symbol, vendor)
    if len(rows) < 2:
        warnings = (*warnings, "asof: 1 row; a percentile needs earlier ones.")
    told = (*failed, *warnings)
    return History(rows, (*_lines(rows), *given), warnings=told, failures=failures, given=given)


def _ready(source: Any, named: list[str]) -> tuple[pd.DataFrame | None, pd.DataFrame, tuple[str, ...]]:
    """Summaries that are there, the failures of their batch and what it was given; None for snapshots.

    `named` are the arguments that only snapshots take.
    """
    given: tuple[str, ...] = ()
    failures = pd.DataFrame(columns=["source", "symbol", "reason"], dtype="str")
    if isinstance(source, str | os.PathLike) and (Path(os.path.expanduser(source)) / MANIFEST).is_file():
        source = BatchResult.open(source)
    if isinstance(source, list | tuple) and source and all(isinstance(row, pd.Series) for row in source):
        source = pd.DataFrame([dict(row) for row in source], columns=list(COLUMNS), dtype=object)
    if isinstance(source, BatchResult):
        table, failures, given = source.table, source.failures, source.given
    elif isinstance(source, pd.DataFrame):
        table = source.reset_index() if source.index.name == "asof" else source
    else:
        return None, failures, given
    if named:
        raise SchemaError(
            f"{named[0]}: received for summaries, which are computed already. Leave it out, or pass chains."
        )
    return table, failures, given


def _failed(failures: pd.DataFrame) -> tuple[str, ...]:
    """One sentence about the files that gave no row; none where there is no such file."""
    if failures.empty:
        return ()
    first = "; ".join(
        f"{row.source}: {_brief(str(row.reason))}" for row in failures.head(_FAILURES).itertuples()
    )
    more = len(failures) - _FAILURES
    others = f"; and {more:,} more" * (more > 0)
    return (f"source: {rows_text(len(failures), 'file')} gave no row: {first}{others}.",)


def _brief(reason: str) -> str:
    """Beginning of a reason, to the end of its first clause; the whole of it is in `failures`."""
    words = re.split(r"[.;] ", reason.rstrip("."), maxsplit=1)[0]
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]} ..."


def _lines(table: pd.DataFrame) -> tuple[str, ...]:
    times, last = pd.DatetimeIndex(table.index), table.iloc[-1]
    span = find_span(times)
    pace = (
        f"; usually {pause_text(span.step)} apart, at most {pause_text(span.longest)}"
        if len(table) > 1
        else ""
    )
    zone, core = table["in_zone"].mean(), table["in_core"].mean()
    return (
        f"History {last['symbol']}, {rows_text(len(table))}, {times[0]:%Y-%m-%d %H:%M} .. "
        f"{times[-1]:%Y-%m-%d %H:%M} UTC{pace}",
        f"rule: {last['rule']}; smile dynamics: {last['dynamics']}",
        f"sign: {_sign(table)}",
        f"spot in a short-gamma zone in {zone:.0%} of rows, in its core in {core:.0%}",
    )


def _is_signed(table: pd.DataFrame) -> bool:
    rule = RULES.get(str(table["rule"].iloc[-1]))
    return rule is None or rule.signed


def _sign(table: pd.DataFrame) -> str:
    return CONVENTION if _is_signed(table) else "none (open interest alone)"


def _price(price: float) -> str:
    return "none" if np.isnan(price) else price_text(price)


def _percent(value: float) -> str:
    return "none" if np.isnan(value) else f"{value:.1f} %"
