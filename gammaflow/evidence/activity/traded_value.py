"""Value traded by day: shares times the close, with bounds from the lows and highs of the day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import check_number, refuse
from gammaflow.evidence.brief import DailyStudy
from gammaflow.evidence.trailing import earlier_maximum
from gammaflow.series import alone_text, days_text, read_days, read_together
from gammaflow.text import number_text, readable, rows_text

__all__ = ["TradedValue", "traded_value"]

# Adjacent closes this far apart look like a split.
_SPLIT = 1.8


@dataclass(frozen=True, eq=False, repr=False)
class TradedValue(DailyStudy):
    """Value traded by day, with bounds where lows and highs are known; made by `traded_value`.

    Attributes
    ----------
    table : DataFrame
        By day [currency]: low, close, high, volume in shares times that price (low and high NaN where they
        are not given); previous_record, the highest close value before; ratio, close value over it;
        ratio_low and ratio_high, what the bounds of today and of all earlier days allow.
    currency : str
        Currency of all figures.

    See Also
    --------
    traded_value

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.bdate_range("2026-02-02", periods=4)
    >>> volume, close = pd.Series(1e6, days), pd.Series([42.0, 41.0, 43.0, 36.0], days)
    >>> found = traded_value(volume, close)
    >>> found.table["close"].tolist()
    [42000000.0, 41000000.0, 43000000.0, 36000000.0]
    """

    currency: str = "USD"

    def _matters(self) -> Any:
        return self.table["ratio"] > 1.0

    def at_least(self, amount: float) -> pd.Series:
        """Truth by day: "yes", "no", or "cannot tell" where the bounds enclose the amount [currency]."""
        number = check_number(amount, "amount", 0.0)
        low, high = (self.table[name].fillna(self.table["close"]) for name in ("low", "high"))
        said = np.where(low >= number, "yes", np.where(high < number, "no", "cannot tell"))
        return pd.Series(said, self.table.index, name=f"at least {number_text(number)}")

    def plot(self, *, ax: Any = None) -> Any:
        """Value traded by day at the close, with bounds, and the record before (matplotlib Axes)."""
        from gammaflow.plot.activity import plot_records

        value = self.table.rename(columns={"close": "value", "low": "least", "high": "most"})
        divisor, unit = readable(value["value"], self.currency)
        value = value.assign(record=self._matters())
        return plot_records(value, self.lines[0], f"traded at the close [{unit}]", divisor, ax=ax)


def traded_value(
    volume: pd.Series,
    close: pd.Series,
    *,
    low: pd.Series | None = None,
    high: pd.Series | None = None,
    gaps: bool = False,
    currency: str = "USD",
) -> TradedValue:
    """Currency traded by day: shares times the close, between shares times the low and times the high.

    A daily file has no volume-weighted price. The true value lies between low and high, and no reading of the
    file is nearer; ratios to the previous record carry both bounds.

    Parameters
    ----------
    volume : Series
        Shares by day, >= 0.
    close, low, high : Series
        Prices by day [currency], > 0; not adjusted for dividends, as traded that day.
    gaps : bool
        Whether days may be absent.
    currency : str
        Its name.

    Returns
    -------
    TradedValue

    Raises
    ------
    SchemaError
        With every problem of the arguments; where lows are above highs.

    See Also
    --------
    turnover : Volume over shares outstanding, by day.
    records : Days on which a series of volume, contracts or value sets a record, and by how much.

    Examples
    --------
    >>> days = pd.bdate_range("2026-02-04", periods=2)
    >>> volume, close = pd.Series([110.9e6, 284.4e6], days), pd.Series([41.57, 36.10], days)
    >>> low, high = pd.Series([40.80, 35.30], days), pd.Series([42.89, 40.145], days)
    >>> value = traded_value(volume, close, low=low, high=high)
    >>> (value.table.iloc[-1][["low", "close", "high"]] / 1e9).round(2).tolist()
    [10.04, 10.27, 11.42]
    >>> value.at_least(10e9).iloc[-1]
    'yes'
    """
    problems: list[str] = []
    given = {"volume": read_days(volume, "volume", problems, low=0.0, gaps=gaps)}
    for name, prices in (("close", close), ("low", low), ("high", high)):
        if prices is not None or name == "close":
            given[name] = read_days(prices, name, problems, low=0.0, open_low=True, gaps=gaps)
    if (low is None) != (high is None):
        problems.append("low, high: received one of them; pass both, or neither.")
    together = read_together(given, problems)
    if not problems and low is not None and (wrong := together["low"] > together["high"]).any():
        problems.append(
            f"low, high: on {rows_text(int(wrong.sum()), 'day')} the low is above the high (first: "
            f"{together.index[wrong][0]:%Y-%m-%d}). Check which column is which: their order differs by file."
        )
    refuse("traded value", problems)
    shares = together["volume"]
    value = pd.DataFrame(index=together.index.rename("day"))
    for name in ("low", "close", "high"):
        value[name] = shares * together[name] if name in together else np.nan
    before = {name: earlier_maximum(value[name].to_numpy(np.float64)) for name in value}
    value["previous_record"] = before["close"]
    with np.errstate(divide="ignore", invalid="ignore"):
        value["ratio"] = value["close"] / before["close"]
        value["ratio_low"] = value["low"] / before["high"]
        value["ratio_high"] = value["high"] / before["low"]
    days = pd.DatetimeIndex(value.index)
    lines = (
        f"value traded by day [{currency}], {days_text(days)}",
        "shares times the close; the volume-weighted price is in no daily file: it lies between low and high",
        "ratio: over the highest value at the close before; ratio_low, ratio_high: what the bounds allow",
        *alone_text({k: len(v) for k, v in given.items()}, len(value)),
    )
    return TradedValue(value, lines, currency, warnings=tuple(_price_doubts(together)))


def _price_doubts(together: pd.DataFrame) -> list[str]:
    """Warnings of prices that are adjusted, or that split."""
    said = []
    if "low" in together:
        slack = 1e-6 * together["close"]
        out = (together["close"] < together["low"] - slack) | (together["close"] > together["high"] + slack)
        if out.any():
            said.append(
                f"close: received {rows_text(int(out.sum()), 'day')} of {len(together):,} outside low to "
                f"high (first: {together.index[out][0]:%Y-%m-%d}); plausible: none. The close is adjusted "
                "for dividends and the others are not; pass the unadjusted one."
            )
    close = together["close"].to_numpy(np.float64)
    step = np.abs(np.diff(np.log(close)))
    if (step > np.log(_SPLIT)).any():
        first = int(np.flatnonzero(step > np.log(_SPLIT))[0]) + 1
        said.append(
            f"close: received {close[first - 1]:g}, then {close[first]:g} on "
            f"{together.index[first]:%Y-%m-%d}; plausible: no such step unless shares were split. Shares "
            "before and after do not compare, values do."
        )
    return said
