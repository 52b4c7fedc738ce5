"""At-the-money volatility of a chain: at the forward of each expiry, and at a constant maturity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import DAYS_PER_YEAR, years_to_expiry
from gammaflow.checks import check_noun, check_number
from gammaflow.market.chain import Chain

__all__ = ["at_forward", "at_the_money", "constant_maturity"]

Array = NDArray[np.float64]


def at_the_money(chain: Chain) -> pd.Series:
    """Implied volatility at the forward of each unexpired expiry, from the chain's own vols.

    Parameters
    ----------
    chain : Chain
        Rows that are unexpired with a usable implied vol count, whatever their open interest.

    Returns
    -------
    Series
        Indexed by expiry (UTC) [1/sqrt(year)]: vols of out-of-the-money options, the mean of several at one
        strike, interpolated linearly in ln K at the forward F, which is the row's, else spot e^((rate -
        dividend yield) t). NaN where no such option lies on either side of the forward.

    Raises
    ------
    SchemaError
        For another object than a chain.

    Examples
    --------
    >>> import gammaflow as gf
    >>> at_the_money(gf.demo_chain()).round(3).to_list()
    [0.588, 0.585, 0.572, 0.56, 0.549, 0.523, 0.502]
    """
    expiries, vols = _vols(chain)
    return pd.Series(vols, pd.DatetimeIndex(expiries, tz="UTC", name="expiry"))


def constant_maturity(chain: Chain, days: float = 30.0) -> float:
    """At-the-money volatility at a constant time to expiry [1/sqrt(year)].

    Parameters
    ----------
    chain : Chain
    days : float
        Calendar days to expiry, > 0.

    Returns
    -------
    float
        Total variance vol^2 t of `at_the_money`, linear in t between the two expiries around `days`; the vol
        of the nearest expiry where all are shorter or all longer. NaN where no expiry has a vol at the
        forward.

    Raises
    ------
    SchemaError
        For another object than a chain, or days that are not > 0.

    Examples
    --------
    >>> import gammaflow as gf
    >>> round(constant_maturity(gf.demo_chain()), 4)
    0.5368
    """
    wanted = check_number(days, "days", 0.0, open_low=True) / DAYS_PER_YEAR
    expiries, vols = _vols(chain)
    known = ~np.isnan(vols)
    if not known.any():
        return np.nan
    years, vols = years_to_expiry(expiries[known], chain.asof), vols[known]
    at = float(np.clip(wanted, years[0], years[-1]))
    return float(np.sqrt(np.interp(at, years, vols**2 * years) / at))


def _vols(chain: Chain) -> tuple[NDArray[Any], Array]:
    """Unexpired expiries, ascending, and the vol at the forward of each."""
    check_noun(chain, "chain", Chain)
    expiries, smiles = chain.smiles
    return expiries, np.array([at_forward(*smile) for smile in smiles], np.float64)


def at_forward(x: Array, vol: Array) -> float:
    """Vol at the forward of a smile (`Chain.smiles`), linear in ln K; NaN without options on a side of it."""
    return float(np.interp(0.0, x, vol, left=np.nan, right=np.nan)) if x.size else np.nan
