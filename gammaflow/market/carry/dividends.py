"""Cash dividends by ex-date, and the yield that they are worth to a maturity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammaflow.checks import as_numbers, check_number, utc
from gammaflow.errors import SchemaError
from gammaflow.market.carry.dated import Dated
from gammaflow.market.carry.rates import RateCurve
from gammaflow.text import rows_text

__all__ = ["Dividends", "find_dividends"]

Array = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Dividends(Dated):
    """Cash dividends per share by ex-date.

    Parameters
    ----------
    values : Series or mapping
        Cash per share [currency, >= 0] by ex-date, dates without a time zone in any order. A share trades
        without its dividend from 00:00 New York of the ex-date.

    Raises
    ------
    SchemaError
        With every problem: an index that does not hold dates, repeated days, a time of day or a time zone,
        amounts that are missing or negative.

    See Also
    --------
    RateCurve : Continuously compounded zero rates by maturity date.
    read_chain : Read a vendor's file of option quotes, or anyone's table through a map of its columns.
    book_notes : Book of the dealers who are short structured notes: one row per note, position -1.

    Notes
    -----
    The forward is that of Hull ("Options, Futures, and Other Derivatives", known income): with the dividends
    whose ex-date is after the time of valuation and not after the maturity T,

        F = (S - sum D_i e^(-r t_i)) e^(r T),     q_T = -ln(F e^(-r T) / S) / T.

    A yield of q_T to T gives the same forward, so that European options are worth the same. When spot moves,
    forwards keep their ratio to it: dividends are then a share of spot, not cash.

    Examples
    --------
    >>> import pandas as pd
    >>> dividends = Dividends(pd.Series([0.24, 0.24], pd.to_datetime(["2023-11-10", "2024-02-09"])))
    >>> dividends
    Dividends of 2 ex-dates, 2023-11-10 to 2024-02-09, 0.48 in all
    >>> dividends.yields(189.3, "2023-09-14T20:00Z", [0.1, 0.25, 0.5], 0.05).round(5).tolist()
    [0.0, 0.00504, 0.00501]
    """

    name = "dividends"
    low = 0.0
    hint = "legal: >= 0, cash per share."
    repeated = "Add up what goes ex on one day: dividends.groupby(level=0).sum(); or drop repeats."

    def present_values(self, asof: Any, years: Any, rate: float | RateCurve | Array) -> Array:
        """Present value of the dividends to each maturity [currency].

        Parameters
        ----------
        asof : tz-aware timestamp
            Time of valuation; ex-dates at or before it do not count.
        years : (n,) array
            Years to maturity (ACT/365); later ex-dates do not count.
        rate : float, RateCurve or (n,) array
            Rate by which dividends are discounted [1/year], one each where it is an array.

        Returns
        -------
        (n,) array
        """
        moment, t = utc(asof), np.atleast_1d(as_numbers(years, "years"))
        ex = self.years(moment)
        paid = ex[ex > 0.0]
        cash = self.numbers[ex > 0.0]
        if isinstance(rate, RateCurve):
            r = rate.zero_rates(moment, paid) if len(paid) else paid
        else:
            r = np.broadcast_to(as_numbers(rate, "rate"), t.shape)[:, None]
        worth = cash * np.exp(-r * paid)
        return np.asarray(np.where(paid <= t[:, None], worth, 0.0).sum(axis=1))

    def yields(self, spot: float, asof: Any, years: Any, rate: float | RateCurve | Array) -> Array:
        """Continuous yield to each maturity that gives the forward of the dividends [1/year].

        Parameters
        ----------
        spot : float
            Price of the share at `asof` [currency].
        asof, years, rate
            As for `present_values`.

        Returns
        -------
        (n,) array
            0 where no ex-date counts.

        Raises
        ------
        SchemaError
            Where the dividends to a maturity are worth spot or more.
        """
        t = np.atleast_1d(as_numbers(years, "years"))
        price = check_number(spot, "spot", 0.0, open_low=True)
        worth = self.present_values(asof, t, rate)
        if (worth >= price).any():
            row = int(worth.argmax())
            raise SchemaError(
                f"dividends: worth {worth[row]:,.6g} to the maturity in {t[row]:.3g} years, on a spot of "
                f"{price:,.6g}; legal: less than spot. Give cash per share, in the currency of spot."
            )
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(worth > 0.0, -np.log1p(-worth / price) / t, 0.0)

    def __repr__(self) -> str:
        total = f"{self.numbers.sum():.6g} in all"
        return f"Dividends of {rows_text(len(self), 'ex-date')}, {self.span}, {total}"


def find_dividends(dividends: Any) -> Dividends:
    """Dividends as they were given, or made of a Series or a mapping.

    Raises
    ------
    SchemaError
        For what is neither.
    """
    return dividends if isinstance(dividends, Dividends) else Dividends(dividends)
