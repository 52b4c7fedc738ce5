"""Published formulas of feedback, against which simulations are checked.

Arguments are numbers or arrays of any shapes that broadcast; results are float64 arrays, NaN where an
argument is missing or outside the range in which the formula holds. SchemaError for text, complex numbers and
shapes that do not broadcast. kappa is the loop gain: dealers' hedging flow per 1 % move over the flow that
moves price by 1 %, > 0 where they are short gamma. Times may be in any one unit.

Examples
--------
>>> import gammaflow as gf
>>> float(gf.closed_forms.volatility_ratio(0.5))
2.0
>>> gf.closed_forms.pinning_probability(0.2, [0.0, 0.5, 1.0]).round(3)
array([0.33 , 0.297, 0.215])
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammaflow.feedback.arguments import nan_outside, read_numbers
from gammaflow.feedback.pinning import pinning_probability, pinning_strength

__all__ = [
    "Bounds",
    "autocorrelation",
    "last_half_hour_beta",
    "leveraged_fund_flow",
    "li_almgren_autocovariance",
    "li_almgren_variance",
    "li_almgren_variance_hedged",
    "pinning_probability",
    "pinning_strength",
    "retrace",
    "shock_multiplier",
    "transient_stability",
    "transient_variance_ratio",
    "variance_ratio",
    "volatility_ratio",
]

Array = NDArray[np.float64]


class Bounds(NamedTuple):
    """Open interval of loop gains in which feedback is stable.

    See Also
    --------
    transient_stability

    Examples
    --------
    >>> import gammaflow as gf
    >>> found = gf.closed_forms.transient_stability(1.0, 0.5)
    >>> float(found.low), float(found.high)
    (-1.0, 1.0)
    """

    low: Array
    high: Array


def _shrink(x: Array) -> Array:
    """(1 - e^-x) / x, 1 at 0."""
    return np.where(x == 0.0, 1.0, -np.expm1(-x) / np.where(x == 0.0, 1.0, x))


@np.errstate(all="ignore")
def volatility_ratio(kappa: ArrayLike) -> Any:
    """Ratio of volatility with feedback to volatility without: 1 / (1 - kappa), for simultaneous hedging.

    Also the ratio at long horizons where hedging lags (`variance_ratio`, `li_almgren_variance`).

    Parameters
    ----------
    kappa : array_like
        Loop gain [-], < 1; NaN from 1 on, where price has no equilibrium.

    See Also
    --------
    variance_ratio, loop_gain

    Notes
    -----
    R. Frey and A. Stremme, Market volatility and feedback effects from dynamic hedging, Mathematical Finance
    7 (1997); E. Platen and M. Schweizer, On feedback effects from hedging derivatives, Mathematical Finance
    8 (1998).

    Examples
    --------
    >>> volatility_ratio([-1.0, 0.0, 0.5, 1.0])
    array([0.5, 1. , 2. , nan])
    """
    (k,) = read_numbers(kappa=kappa)
    return nan_outside(k < 1.0, 1.0 / (1.0 - k))


@np.errstate(all="ignore")
def shock_multiplier(kappa: ArrayLike, permanent: ArrayLike = 1.0) -> Any:
    """Final move of price over the impact of the shock alone: 1 / (1 - g kappa), constant gamma.

    Parameters
    ----------
    kappa : array_like
        Loop gain [-]; NaN from 1 on.
    permanent : array_like
        Share g of hedges' impact that does not decay, 0 to 1 [-].

    See Also
    --------
    solve_cascade, retrace

    Notes
    -----
    The geometric series of hedges of hedges: linear impact, the shock's own impact permanent.

    Examples
    --------
    >>> shock_multiplier(0.45).round(3)
    np.float64(1.818)
    """
    k, g = read_numbers(kappa=kappa, permanent=permanent)
    return nan_outside((k < 1.0) & (g >= 0.0) & (g <= 1.0), 1.0 / (1.0 - g * k))


@np.errstate(all="ignore")
def variance_ratio(kappa: ArrayLike, lag: ArrayLike) -> Any:
    """Ratio of the variance of `lag`-step returns to that without feedback, with hedges one step late.

    Returns are r_t = noise + kappa r_(t-1): for m steps the ratio is
    (1 - kappa)^-2 [1 - 2 kappa (1 - kappa^m) / (m (1 - kappa^2))].

    Parameters
    ----------
    kappa : array_like
        Loop gain [-], -1 < kappa < 1, else NaN: with a lag, long gamma beyond the depth is unstable too.
    lag : array_like
        Number of steps m, >= 1 [-].

    See Also
    --------
    volatility_ratio, autocorrelation

    Notes
    -----
    Autoregression of first order; A. Lo and C. MacKinlay, Stock market prices do not follow random walks,
    Review of Financial Studies 1 (1988), for the ratio.

    Examples
    --------
    >>> variance_ratio(0.5, [1, 200]).round(4)
    array([1.3333, 3.9733])
    """
    k, m = read_numbers(kappa=kappa, lag=lag)
    legal = (np.abs(k) < 1.0) & (m >= 1.0) & (m == np.floor(m))
    return nan_outside(legal, (1.0 - 2.0 * k * (1.0 - k**m) / (m * (1.0 - k * k))) / (1.0 - k) ** 2)


@np.errstate(all="ignore")
def autocorrelation(kappa: ArrayLike, lag: ArrayLike = 1) -> Any:
    """Correlation of returns `lag` steps apart, with hedges one step late: kappa^lag.

    Parameters
    ----------
    kappa : array_like
        Loop gain [-], -1 < kappa < 1, else NaN.
    lag : array_like
        Number of steps, >= 0 [-].

    See Also
    --------
    variance_ratio

    Examples
    --------
    >>> autocorrelation(-0.4, [0, 1, 2]).round(2)
    array([ 1.  , -0.4 ,  0.16])
    """
    k, m = read_numbers(kappa=kappa, lag=lag)
    return nan_outside((np.abs(k) < 1.0) & (m >= 0.0) & (m == np.floor(m)), k**m)


@np.errstate(all="ignore")
def li_almgren_variance(kappa: ArrayLike, rate: ArrayLike, time: ArrayLike) -> Any:
    """Ratio of the variance of a move to that without feedback, with hedges that catch up at a rate.

    1 + ((1 - kappa)^-2 - 1) [1 - (1 - e^(-a t)) / (a t)] with a = q (1 - kappa), in the stationary state: 1
    at short horizons, (1 - kappa)^-2 at long ones.

    Parameters
    ----------
    kappa : array_like
        Loop gain [-], < 1, else NaN.
    rate : array_like
        Share q of the gap between delta and hedge that dealers trade per unit of time, > 0 [1/time].
    time : array_like
        Horizon, >= 0 [time].

    See Also
    --------
    li_almgren_variance_hedged, variance_ratio

    Notes
    -----
    T. M. Li and R. Almgren, Option hedging with smooth market impact, Market Microstructure and Liquidity 2
    (2016).

    Examples
    --------
    >>> li_almgren_variance(0.5, 4.0, [0.0, 1.0, 1e9]).round(4)
    array([1.   , 2.703, 4.   ])
    """
    k, q, t = read_numbers(kappa=kappa, rate=rate, time=time)
    a = q * (1.0 - k)
    ratio = 1.0 + ((1.0 - k) ** -2 - 1.0) * (1.0 - _shrink(a * t))
    return nan_outside((k < 1.0) & (q > 0.0) & (t >= 0.0), ratio)


@np.errstate(all="ignore")
def li_almgren_variance_hedged(kappa: ArrayLike, rate: ArrayLike, time: ArrayLike) -> Any:
    """Ratio of the variance of a move that starts fully hedged to that without feedback.

    The mean over u from 0 to t of h(u)^2, h(u) = 1 + (kappa q / a) (1 - e^(-a u)), a = q (1 - kappa).

    Parameters
    ----------
    kappa, rate, time : array_like
        As for `li_almgren_variance`.

    See Also
    --------
    li_almgren_variance

    Notes
    -----
    As for `li_almgren_variance`, whose stationary state starts with a hedging gap; here there is none.

    Examples
    --------
    >>> li_almgren_variance_hedged([0.5, -0.5], 1.0, 4.0).round(3)
    array([2.516, 0.528])
    """
    k, q, t = read_numbers(kappa=kappa, rate=rate, time=time)
    x = q * (1.0 - k) * t
    lean = k / (1.0 - k)
    one, two = _shrink(x), _shrink(2.0 * x)
    ratio = 1.0 + 2.0 * lean * (1.0 - one) + lean * lean * (1.0 - 2.0 * one + two)
    return nan_outside((k < 1.0) & (q > 0.0) & (t >= 0.0), ratio)


@np.errstate(all="ignore")
def li_almgren_autocovariance(kappa: ArrayLike, rate: ArrayLike, time: ArrayLike) -> Any:
    """Autocovariance of returns at a time lag, per unit of variance without feedback [1/time].

    (q^2 - a^2) / (2 a) e^(-a t), a = q (1 - kappa): > 0 where dealers are short gamma, < 0 where long.

    Parameters
    ----------
    kappa, rate, time : array_like
        As for `li_almgren_variance`.

    See Also
    --------
    li_almgren_variance

    Notes
    -----
    As for `li_almgren_variance`; this is half the second derivative of t times that ratio.

    Examples
    --------
    >>> li_almgren_autocovariance([0.5, -0.5], 1.0, 1.0).round(4)
    array([ 0.4549, -0.093 ])
    """
    k, q, t = read_numbers(kappa=kappa, rate=rate, time=time)
    a = q * (1.0 - k)
    value = (q * q - a * a) / (2.0 * a) * np.exp(-a * t)
    return nan_outside((k < 1.0) & (q > 0.0) & (t >= 0.0), value)


@np.errstate(all="ignore")
def transient_stability(permanent: ArrayLike, retained: ArrayLike) -> Bounds:
    """Stability bounds on the loop gain, with hedges one step late and impact that partly decays.

    Returns are r_t = noise + kappa r_(t-1) - (1 - rho) I_(t-1), and the decaying impact still left is
    I_t = rho I_(t-1) + (1 - g) kappa r_(t-1). Stable where -(1 + rho) / (2 - g (1 - rho)) < kappa <
    min(1 / g, 1 / (1 - g (1 - rho))).

    Parameters
    ----------
    permanent : array_like
        Share g of impact that does not decay, 0 to 1 [-].
    retained : array_like
        Share rho of the decaying impact left after a step, 0 to 1 [-]; 1: it does not decay.

    Returns
    -------
    Bounds
        low and high; NaN for shares outside 0 to 1.

    See Also
    --------
    transient_variance_ratio

    Notes
    -----
    Impact with decay: A. Obizhaeva and J. Wang, Optimal trading strategy and supply/demand dynamics, Journal
    of Financial Markets 16 (2013); the bounds are Jury's conditions for the two-dimensional recursion.

    Examples
    --------
    >>> low, high = transient_stability([1.0, 0.5], 0.5)
    >>> low.round(4), high.round(4)
    (array([-1.    , -0.8571]), array([1.    , 1.3333]))
    """
    g, rho = read_numbers(permanent=permanent, retained=retained)
    legal = (g >= 0.0) & (g <= 1.0) & (rho >= 0.0) & (rho <= 1.0)
    kept = g * (1.0 - rho)
    high = np.minimum(1.0 / g, 1.0 / (1.0 - kept))
    return Bounds(nan_outside(legal, -(1.0 + rho) / (2.0 - kept)), nan_outside(legal, high))


@np.errstate(all="ignore")
def transient_variance_ratio(kappa: ArrayLike, permanent: ArrayLike, retained: ArrayLike) -> Any:
    """Ratio of the long-horizon variance of returns to that without feedback: 1 / (1 - g kappa)^2.

    Parameters
    ----------
    kappa : array_like
        Loop gain [-]; NaN outside `transient_stability`.
    permanent, retained : array_like
        As for `transient_stability`; with `retained` 1 nothing decays and g is 1.

    See Also
    --------
    transient_stability

    Examples
    --------
    >>> transient_variance_ratio([0.5, 1.4], 0.5, 0.5).round(4)
    array([1.7778,    nan])
    """
    k, g, rho = read_numbers(kappa=kappa, permanent=permanent, retained=retained)
    low, high = transient_stability(g, rho)
    lasting = np.where(rho == 1.0, 1.0, g)
    return nan_outside((low < k) & (k < high), 1.0 / (1.0 - lasting * k) ** 2)


def last_half_hour_beta(kappa: ArrayLike, hedge_fraction: ArrayLike = 1.0) -> Any:
    """Regression slope of the last half hour's return on that of the rest of the day: h kappa.

    Parameters
    ----------
    kappa : array_like
        Loop gain [-], > 0 where dealers are short gamma (momentum), < 0 where long (reversal).
    hedge_fraction : array_like
        Share h of the day's gamma hedge that is traded in the last half hour, 0 to 1 [-], else NaN.

    See Also
    --------
    leveraged_fund_flow

    Notes
    -----
    G. Baltussen, Z. Da, S. Lammers and M. Martens, Hedging demand and market intraday momentum, Journal of
    Financial Economics 142 (2021): 0.0663 for the S&P 500 on days of negative net gamma, 0.0082 on others.

    Examples
    --------
    >>> last_half_hour_beta([0.2, -0.2], 0.3).round(2)
    array([ 0.06, -0.06])
    """
    k, h = read_numbers(kappa=kappa, hedge_fraction=hedge_fraction)
    return nan_outside((h >= 0.0) & (h <= 1.0), h * k)


@np.errstate(all="ignore")
def retrace(permanent: ArrayLike, retained: ArrayLike, steps: ArrayLike) -> Any:
    """Share of a flow's impact that has decayed n steps later: (1 - g) (1 - rho^n).

    Parameters
    ----------
    permanent, retained : array_like
        As for `transient_stability`.
    steps : array_like
        Number of steps n since the flow, >= 0 [-].

    See Also
    --------
    shock_multiplier

    Notes
    -----
    F. Bucci, M. Benzaquen, F. Lillo and J.-P. Bouchaud, Slow decay of impact in equity markets (2018), for g.

    Examples
    --------
    >>> retrace(0.25, 0.5, [0, 1, 2])
    array([0.    , 0.375 , 0.5625])
    """
    g, rho, n = read_numbers(permanent=permanent, retained=retained, steps=steps)
    legal = (g >= 0.0) & (g <= 1.0) & (rho >= 0.0) & (rho <= 1.0) & (n >= 0.0)
    return nan_outside(legal, (1.0 - g) * (1.0 - rho**n))


def leveraged_fund_flow(leverage: ArrayLike, assets: ArrayLike, move: ArrayLike) -> Any:
    """Trade of a leveraged fund at the close that restores its leverage: L (L - 1) A r [currency, < 0 sells].

    Parameters
    ----------
    leverage : array_like
        Daily leverage L: 2, 3, -1, ... [-].
    assets : array_like
        Assets A at the previous close, >= 0, else NaN [currency].
    move : array_like
        Simple return r of the underlying since then, > -1, else NaN [-]: -0.132 is a fall of 13.2 %.

    See Also
    --------
    last_half_hour_beta, LeveragedFunds

    Notes
    -----
    M. Cheng and A. Madhavan, The dynamics of leveraged and inverse exchange-traded funds, Journal of
    Investment Management 7 (2009).

    Examples
    --------
    >>> leveraged_fund_flow([2.0, -1.0], 4e9, -0.132)
    array([-1.056e+09, -1.056e+09])
    """
    L, A, r = read_numbers(leverage=leverage, assets=assets, move=move)
    return nan_outside((A >= 0.0) & (r > -1.0), L * (L - 1.0) * A * r)


def __dir__() -> list[str]:
    return __all__
