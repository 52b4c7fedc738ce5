"""Parts of a change of open interest by venue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import refuse
from gammaflow.evidence.open_interest.days import read_span
from gammaflow.evidence.open_interest.venues import VenueInterest, read_unit
from gammaflow.evidence.open_interest.verdict import CANNOT_TELL, TOLD, Verdict
from gammaflow.plot.open_interest import plot_parts
from gammaflow.series import read_days
from gammaflow.study import Study
from gammaflow.text import number_text, value_text

__all__ = ["OTHERS", "Attribution", "attribute"]

#: Name of the row that holds what the named venues do not explain.
OTHERS = "rest"


@dataclass(frozen=True, eq=False, repr=False)
class Attribution(Study):
    """Change of open interest between two days, by venue; made by `attribute`.

    Attributes
    ----------
    table : DataFrame
        Indexed by venue; columns first, last, change [`unit`] and share (of the total change, [-]); with a
        price also coins_first, coins_last, coins_change, from_coins and from_price [currency], of which the
        last two add up to change. NaN for a venue that the record lacks.
    total : float
        Change of all venues [`unit`]; NaN where the record does not give it.
    missing : tuple of str
        Venues, required or given, that the record lacks on one of the days.
    days : DatetimeIndex
        The first and the last day.
    unit : str
        Unit of the numbers.

    See Also
    --------
    attribute : Parts of the change of open interest between two days, by venue.

    Examples
    --------
    >>> import gammaflow as gf
    >>> import pandas as pd
    >>> days = ["2026-02-04", "2026-02-05"]
    >>> total, venue = pd.Series([48.5e9, 46.7e9], days), pd.Series([9.0e9, 8.2e9], days)
    >>> found = gf.evidence.open_interest.attribute({"Binance": venue}, *days, total=total)
    >>> (found.table["change"] / 1e9).round(1).to_dict()
    {'Binance': -0.8, 'rest': -1.0}
    """

    total: float = field(kw_only=True)
    missing: tuple[str, ...] = field(kw_only=True)
    days: pd.DatetimeIndex = field(kw_only=True)
    unit: str = field(kw_only=True)

    @property
    def verdict(self) -> Verdict:
        """Verdict on the parts: told, with the largest of them, or the records that are missing."""
        if self.missing:
            return Verdict(
                CANNOT_TELL,
                f"no open interest of {', '.join(self.missing)} at both times; the change by venue needs it",
            )
        largest = str(self.table["change"].abs().idxmax())
        parts = self.table["change"]
        return Verdict(
            TOLD,
            f"{largest} changed most, {number_text(parts[largest])} {self.unit} of "
            f"{number_text(self.total)} in all",
        )

    def plot(self, *, ax: Any = None) -> Any:
        """Part of each venue in the change, and the change of all (matplotlib Axes)."""
        title = f"change of open interest by venue, {self.days[0]:%Y-%m-%d} to {self.days[1]:%Y-%m-%d}"
        if self.missing:
            title += f"\ncannot tell: no record of {', '.join(self.missing)}"
        return plot_parts(self.table["change"], self.total, title, self.unit, ax=ax)


def attribute(
    venues: VenueInterest | pd.DataFrame | Mapping[str, pd.Series],
    first: Any,
    last: Any,
    *,
    total: pd.Series | None = None,
    price: pd.Series | None = None,
    required: Iterable[str] = (),
    unit: str = "USD",
) -> Attribution:
    """Parts of the change of open interest between two days, by venue.

    Parameters
    ----------
    venues : VenueInterest, DataFrame or mapping
        Open interest by day and venue [`unit`, > 0], as `at_clock` returns, or a Series by day for each
        venue; all at one clock. An empty mapping is legal with `required` or `total`.
    first, last : date
        Days, `first` before `last`.
    total : Series, optional
        Open interest of all venues by day [`unit`], at the same clock; what the venues leave is a row
        "rest", which includes those without a record.
    price : Series, optional
        Price of a coin by day [currency], for open interest in currency: splits each part into price and
        coins.
    required : iterable of str
        Venues without which the question cannot be answered. Any that the record lacks is a row of NaN, and
        the verdict is "cannot tell".
    unit : str
        Unit of the numbers, for text; that of a VenueInterest is its own.

    Returns
    -------
    Attribution
        Parts add up to the total change. A venue that was given and has no value on one of the days counts
        as missing too.

    Raises
    ------
    SchemaError
        With every problem of the series and days.

    See Also
    --------
    changes

    Examples
    --------
    >>> days = ["2026-02-04", "2026-02-05"]
    >>> binance, everywhere = pd.Series([9.0e9, 8.2e9], days), pd.Series([48.5e9, 46.7e9], days)
    >>> found = attribute({"Binance": binance}, *days, total=everywhere, required=["CME", "Binance"])
    >>> print(found.verdict)
    cannot tell: no open interest of CME at both times; the change by venue needs it
    >>> (found.table["change"] / 1e9).round(2).to_dict()
    {'Binance': -0.8, 'CME': nan, 'rest': -1.0}
    """
    problems: list[str] = []
    days = read_span(first, last, problems)
    names = _names(required, problems)
    given = _read_venues(venues, problems)
    clock = f" at {venues.clock}" if isinstance(venues, VenueInterest) else ""
    word = venues.unit if isinstance(venues, VenueInterest) else read_unit(unit)
    whole = None if total is None else _read(total, "total", problems)
    prices = None if price is None else _read(price, "price", problems)
    if not (given or names or total is not None or problems):
        problems.append("venues: received none; pass open interest by venue, or the names in `required`.")
    if OTHERS in given:
        problems.append(
            f"venues: received a venue named {OTHERS!r}; rename it: what the others leave is named so."
        )
    _need_values(days, problems, total=whole, price=prices)
    refuse("open interest", problems)
    levels = _levels(given, names, days)
    missing = tuple(str(name) for name in levels.index[levels["first"].isna()])
    warnings: tuple[str, ...] = ()
    if whole is not None:
        rest = whole.reindex(days).to_numpy() - levels.sum().to_numpy()
        levels.loc[OTHERS] = rest
        warnings = _doubts(rest, word)
    table = levels.assign(change=levels["last"] - levels["first"]).rename_axis("venue")
    change = float("nan") if missing and whole is None else float(table["change"].sum())
    table["share"] = table["change"] / (change if change else np.nan)
    if prices is not None:
        _add_coins(table, prices.reindex(days).to_numpy())
    lines = [
        f"change of open interest [{word}]{clock} from {days[0]:%Y-%m-%d} to {days[1]:%Y-%m-%d}: "
        f"{'cannot tell' if np.isnan(change) else number_text(change)}"
    ]
    if missing:
        held = f"; {OTHERS!r} holds them" * (whole is not None)
        lines.append(f"no record of {', '.join(missing)}: the change by venue cannot be told{held}")
    if prices is not None:
        lines.append("from_coins: mean price times the change in coins; from_price: the rest of each change")
    return Attribution(
        table, tuple(lines), warnings=warnings, total=change, missing=missing, days=days, unit=word
    )


def _need_values(days: pd.DatetimeIndex, problems: list[str], **series: pd.Series | None) -> None:
    """A problem for each series that lacks one of the days."""
    for name, values in series.items():
        if values is not None and len(values):
            absent = [f"{day:%Y-%m-%d}" for day in days if not np.isfinite(values.get(day, np.nan))]
            if absent:
                problems.append(f"{name}: no value on {', '.join(absent)}; pass a series with both days.")


def _levels(given: dict[str, pd.Series], names: list[str], days: pd.DatetimeIndex) -> pd.DataFrame:
    """Open interest by venue on both days, first and last; NaN on both where it lacks one."""
    levels = pd.DataFrame(
        {
            name: given[name].reindex(days).to_numpy() if name in given else np.nan
            for name in [*given, *(n for n in names if n not in given)]
        },
        index=["first", "last"],
        dtype=np.float64,
    ).T
    levels[levels.isna().any(axis=1)] = np.nan
    return levels


def _doubts(rest: Any, unit: str) -> tuple[str, ...]:
    """A doubt where the venues add up to more than all."""
    if not (rest < 0.0).any():
        return ()
    return (
        f"total: received venues that add up to {number_text(-rest.min())} {unit} more than it; "
        "plausible: at most as much; check that all are at one clock and in one unit",
    )


def _add_coins(table: pd.DataFrame, price: Any) -> None:
    """Coins, and the parts of each change that coins and price make."""
    first, last = table["first"] / price[0], table["last"] / price[1]
    table["coins_first"], table["coins_last"], table["coins_change"] = first, last, last - first
    table["from_coins"] = 0.5 * (price[0] + price[1]) * (last - first)
    table["from_price"] = 0.5 * (first + last) * (price[1] - price[0])


def _read(series: Any, name: str, problems: list[str]) -> pd.Series:
    return read_days(series, name, problems, low=0.0, open_low=True, gaps=True, missing=True)


def _read_venues(venues: Any, problems: list[str]) -> dict[str, pd.Series]:
    if isinstance(venues, VenueInterest):
        venues = venues.table
    if not isinstance(venues, Mapping | pd.DataFrame):
        problems.append(
            f"venues: received {type(venues).__name__}; legal: the result of at_clock, or a mapping from "
            "venue to a Series of open interest by day."
        )
        return {}
    return {str(name): _read(venues[name], str(name), problems) for name in venues}


def _names(required: Any, problems: list[str]) -> list[str]:
    names = (
        [required]
        if isinstance(required, str)
        else list(required)
        if isinstance(required, Iterable)
        else [required]
    )
    wrong = [name for name in names if not isinstance(name, str)]
    if wrong:
        problems.append(f"required: received {value_text(wrong[0])}; legal: names of venues.")
        return []
    return names


def __dir__() -> list[str]:
    return __all__
