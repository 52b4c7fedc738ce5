"""A curve of zero rates by maturity, and the rate of any maturity on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import as_numbers, check_number, utc
from gammaflow.errors import SchemaError
from gammaflow.market.carry.dated import Dated
from gammaflow.text import rows_text, value_text

__all__ = ["RateCurve", "find_rate", "rates_at"]

Array = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class RateCurve(Dated):
    """Continuously compounded zero rates by maturity date.

    Parameters
    ----------
    values : Series or mapping
        Zero rates [1/year, decimal: 0.0533 is 5.33 %] by maturity, dates without a time zone in any order. A
        rate is for money until 16:00 New York of its day.

    Raises
    ------
    SchemaError
        With every problem: an index that does not hold dates, repeated days, a time of day or a time zone,
        rates that are missing or beyond -5 to 5.

    See Also
    --------
    Dividends : Cash dividends per share by ex-date.
    read_chain : Read a vendor's file of option quotes, or anyone's table through a map of its columns.
    analyze : Full analysis of a chain or a book: exposure, profile and levels.

    Notes
    -----
    r(t) t is linear between maturities, that is, forward rates are constant between them: the "raw"
    interpolation of Hagan and West (2006, "Interpolation methods for curve construction", Applied
    Mathematical Finance 13), with which no forward is negative unless the given discount factors rise. Before
    the first maturity the zero rate is the first; after the last the last forward rate goes on, as in
    QuantLib's zero curves. Maturities at or before the time of valuation play no part.

    Examples
    --------
    >>> import pandas as pd
    >>> curve = RateCurve(pd.Series([0.0533, 0.0489], pd.to_datetime(["2023-10-01", "2024-09-01"])))
    >>> curve
    RateCurve of 2 zero rates, 2023-10-01 to 2024-09-01, 5.33 % to 4.89 %
    >>> curve.zero_rates("2023-09-14T20:00Z", [0.01, 0.5, 2.0]).round(4).tolist()
    [0.0533, 0.0491, 0.0488]
    """

    name = "rate"
    low, high = -5.0, 5.0
    hint = "legal: >= -5 and <= 5. A rate is a decimal: 0.0533 is 5.33 %."
    repeated = "Give each maturity one rate: rates[~rates.index.duplicated()]."
    clock = pd.Timedelta(16, "h")

    def zero_rates(self, asof: Any, years: Any) -> Array:
        """Zero rate of each maturity, in years from a timestamp.

        Parameters
        ----------
        asof : tz-aware timestamp
        years : scalar or array
            Years to maturity (ACT/365), such as `Chain.years`. Expired ones have the first rate.

        Returns
        -------
        array
            Continuously compounded [1/year], of the shape of `years`.

        Raises
        ------
        SchemaError
            Where no maturity of the curve is after `asof`.
        """
        t, moment = as_numbers(years, "years"), utc(asof)
        ahead = self.years(moment)
        if not (ahead > 0.0).any():
            raise SchemaError(
                f"rate: received a curve of {self.span}, of which no maturity is after asof "
                f"({moment:%Y-%m-%d %H:%M}). Pass the curve of the day of the quotes."
            )
        r, x = self.numbers[ahead > 0.0], ahead[ahead > 0.0]
        paid = r * x
        forward = (paid[-1] - paid[-2]) / (x[-1] - x[-2]) if len(x) > 1 else r[-1]
        within = np.interp(t, np.append(0.0, x), np.append(0.0, paid))
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.where(t > x[-1], paid[-1] + forward * (t - x[-1]), within) / t
        return np.asarray(np.where(t <= x[0], r[0], found))

    def __repr__(self) -> str:
        low, high = (f"{round(100.0 * r, 4):g} %" for r in self.numbers[[0, -1]])
        ends = low if len(self) == 1 else f"{low} to {high}"
        return f"RateCurve of {rows_text(len(self), 'zero rate')}, {self.span}, {ends}"


def find_rate(rate: Any, name: str = "rate") -> float | RateCurve:
    """A rate as it was given, one number or a curve, or a curve made of a Series or a mapping.

    Raises
    ------
    SchemaError
        For what is neither a number from -5 to 5 nor a legal curve.

    Examples
    --------
    >>> find_rate(0.05)
    0.05
    """
    if isinstance(rate, RateCurve):
        return rate
    if isinstance(rate, pd.Series | Mapping):
        return RateCurve(rate)
    if pd.api.types.is_list_like(rate) and np.ndim(rate):
        raise SchemaError(
            f"{name}: received {value_text(rate)}; legal: a number >= {RateCurve.low:g} and <= "
            f"{RateCurve.high:g}, or a Series of zero rates by date."
        )
    if isinstance(rate, str):
        try:
            rate = float(rate)
        except ValueError:
            raise SchemaError(
                f"{name}: received {value_text(rate)}; legal: a decimal such as 0.036 (3.6 % a year), or a "
                "Series of zero rates by date."
            ) from None
    return check_number(rate, name, RateCurve.low, RateCurve.high)


def rates_at(rate: float | RateCurve | Array, asof: pd.Timestamp, years: Array) -> Array:
    """Rate of each maturity, (n,): a number for all, one each, or those of a curve."""
    if isinstance(rate, RateCurve):
        return rate.zero_rates(asof, years)
    return np.broadcast_to(np.asarray(rate, np.float64), np.shape(years)).copy()
