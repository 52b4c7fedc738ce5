"""Skew-adjusted rule: dealers' side of calls follows the call skew of each expiry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import years_to_expiry
from gammaflow.checks import attempt, check_noun, check_number, refuse
from gammaflow.market.at_the_money import at_forward
from gammaflow.market.chain import Chain
from gammaflow.positions.rules.base import PositionRule, check_shares

__all__ = ["SkewRule", "call_skew"]

# d1 of a call of delta 0.25; that of a put of delta -0.25 is its negative. Deltas are of the forward.
_QUARTER = 0.6744897501960817


def call_skew(chain: Chain) -> pd.Series:
    """Call skew of each unexpired expiry: implied vol of the 25-delta call less that of the 25-delta put.

    Parameters
    ----------
    chain : Chain
        Rows that are unexpired with a usable implied vol count, whatever their open interest.

    Returns
    -------
    Series
        Indexed by expiry (UTC): (vol of the 25-delta call - vol of the 25-delta put) / vol at the forward
        [-], > 0 where calls are the dearer side. Vols are those of out-of-the-money options, interpolated
        linearly in d1 = ln(F/K) / (vol sqrt(t)) + vol sqrt(t) / 2 and, at the forward, in ln K; delta is that
        of the forward, N(d1), at each strike's own vol. F is the row's forward, else spot e^((rate - dividend
        yield) t). NaN where the quotes do not reach from one 25-delta strike to the other.

    See Also
    --------
    SkewRule : Rule whose share of calls follows the call skew of each expiry; puts have one share.

    Notes
    -----
    It is the negative of the measure that Mixon (2011), "What Does Implied Volatility Skew Measure?", Journal
    of Derivatives 18(4), prefers: divided by the vol at the money, it compares across underlyings.

    Examples
    --------
    >>> import gammaflow as gf
    >>> call_skew(gf.demo_chain()).round(3).to_list()
    [-0.016, -0.021, -0.033, -0.036, -0.038, -0.04, -0.039]
    """
    expiries, skews = _skews(chain)
    return pd.Series(skews, pd.DatetimeIndex(expiries, tz="UTC", name="expiry"))


def _skews(chain: Chain) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Unexpired expiries, ascending, and the call skew of each."""
    check_noun(chain, "chain", Chain)
    expiries, smiles = chain.smiles
    years = years_to_expiry(expiries, chain.asof)
    return expiries, np.array([_skew(*smile, t) for smile, t in zip(smiles, years, strict=True)], np.float64)


def _skew(x: NDArray[np.float64], vol: NDArray[np.float64], years: float) -> float:
    """Call skew of one expiry from its smile (`Chain.smiles`)."""
    if not x.size:
        return np.nan
    width = vol * np.sqrt(years)
    d1 = x / width + 0.5 * width
    order = np.argsort(d1)
    call, put = np.interp([-_QUARTER, _QUARTER], d1[order], vol[order], left=np.nan, right=np.nan)
    return float((call - put) / at_forward(x, vol))


@dataclass(frozen=True)
class SkewRule(PositionRule):
    """Rule whose share of calls follows the call skew of each expiry; puts have one share.

    Parameters
    ----------
    name : str
        Name printed in tables.
    width : float
        Call skew (`call_skew`) at which dealers hold all calls: short at `width` and above, long at -`width`
        and below, in proportion between, >= 0 [-]; the default is a choice of this library. 0 is a step:
        short where the skew is > 0, long where it is < 0, none at 0.
    put : float
        Signed share of open interest dealers hold in puts, -1 to 1.
    otherwise : float
        Signed share of open interest dealers hold in calls of expiries without a skew; `detail` counts them.
    meaning, source, signed
        As in `Rule`.

    Raises
    ------
    SchemaError
        For a width < 0 or a share outside -1 to 1.

    See Also
    --------
    call_skew
    Rule : Dealers' contracts per contract of open interest, by kind: one sign for every greek.

    Examples
    --------
    Puts 1.6 % dearer than calls, relative to the vol at the money, at a width of 10 %: dealers are long 16 %
    of the open interest in the calls of the first expiry.

    >>> import gammaflow as gf
    >>> rule = gf.positioning.SkewRule(width=0.1)
    >>> rule.shares(gf.demo_chain()).round(2).to_list()
    [0.16, 0.21, 0.33, 0.36, 0.38, 0.4, 0.39]
    """

    name: str = "skew_adjusted"
    width: float = 0.05
    put: float = -1.0
    otherwise: float = 0.0
    meaning: str = (
        "customers buy puts; they buy calls of expiries whose 25-delta call is dearer than the 25-delta put, "
        "and sell those of the others; dealers hold the other side"
    )
    source: str = (
        "Trading Volatility, skew-adjusted GEX: calls follow the call skew (its formula is not published); "
        "skew as in Mixon (2011), Journal of Derivatives 18(4)"
    )
    signed: bool = True

    def __post_init__(self) -> None:
        _, problems = attempt(lambda: check_number(self.width, "width", 0.0))
        refuse(f"rule {self.name!r}", problems + check_shares({"put": self.put, "otherwise": self.otherwise}))

    def shares(self, chain: Chain) -> pd.Series:
        """Signed share of open interest dealers hold in the calls of each unexpired expiry [-]."""
        expiries, skews = _skews(chain)
        return pd.Series(self._shares(skews), pd.DatetimeIndex(expiries, tz="UTC", name="expiry"))

    def _shares(self, skews: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shares of calls at call skews."""
        scaled = np.sign(skews) if self.width == 0.0 else np.clip(skews / self.width, -1.0, 1.0)
        return np.where(np.isnan(scaled), self.otherwise, -scaled)

    def position(self, chain: Chain) -> NDArray[np.float64]:
        """Signed contracts for each row of `chain`; NaN where open interest is missing, 0 once expired."""
        expiries, skews = _skews(chain)
        calls = np.append(self._shares(skews), 0.0)[np.searchsorted(expiries, chain["expiry"])]
        share = np.where(chain.calls, calls, self.put)
        return np.asarray(np.where(chain.years > 0.0, share, 0.0) * chain["open_interest"])

    def detail(self, chain: Chain) -> str:
        """Net share of calls that dealers hold in one chain, and the expiries without a skew."""
        skew, calls, interest = call_skew(chain), chain["kind"] == "call", chain["open_interest"]
        valued = calls & (chain.unusable == "")
        text = f"all of them at a call skew of {self.width:.1%} of the vol at the money"
        if valued.any():
            net = self.position(chain)[valued].sum() / interest[valued].sum()
            text += f"; here dealers hold {net:+.0%} of the open interest in calls"
        missing = skew.index[skew.isna()]
        if not len(missing):
            return text
        lost = np.nansum(interest[calls & pd.DatetimeIndex(chain["expiry"], tz="UTC").isin(missing)])
        return (
            f"{text}; {len(missing)} of {len(skew)} expiries have no 25-delta quotes to measure a skew: "
            f"their {lost:,.0f} contracts of calls count with a share of {self.otherwise:+g}"
        )
