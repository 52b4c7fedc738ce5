"""Peers: adapters from the same arrays to the same names and units, each imported when it is used.

They need numpy and the peer alone, so that each peer can be asked in an environment of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

Arrays = dict[str, Any]
INPUTS = ("flag", "S", "K", "t", "r", "sigma", "q")
GREEKS = ("price", "delta", "gamma", "vega", "theta", "rho", "vanna", "charm", "volga")


def inputs(data: Arrays) -> list[Any]:
    """Columns from flag to yield."""
    return [data[name] for name in INPUTS]


def quote(data: Arrays) -> list[Any]:
    """Columns from which volatility is implied."""
    return [data[name] for name in ("price", "S", "K", "t", "r", "q", "flag")]


def _loop(function: Callable[..., Any], names: tuple[str, ...], columns: list[Any]) -> Arrays:
    """A function of one option called in a Python loop, as its users do."""
    rows = [function(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]
    return dict(zip(names, np.array(rows, float).reshape(len(rows), -1).T, strict=True))


def array_greeks(xp: Any, ndtr: Any, data: Arrays, log_moneyness: Any = None) -> Arrays:
    """The nine default quantities in array operations, for numpy and jax alike."""
    phi, S, K, t, r, sigma, q = inputs(data)
    root = xp.sqrt(t)
    s = sigma * root
    log_moneyness = xp.log(S / K) if log_moneyness is None else log_moneyness
    d1 = (log_moneyness + (r - q) * t) / s + 0.5 * s
    d2 = d1 - s
    Dq = xp.exp(-q * t)
    n1 = Dq * xp.exp(-0.5 * d1 * d1) / math.sqrt(2.0 * math.pi)
    asset, cash = S * Dq * ndtr(phi * d1), K * xp.exp(-r * t) * ndtr(phi * d2)
    delta, vega = phi * asset / S, S * n1 * root
    values = (
        phi * (asset - cash), delta, n1 / (S * s), vega,
        phi * (q * asset - r * cash) - 0.5 * S * n1 * sigma / root, phi * t * cash, -n1 * d2 / sigma,
        q * delta - n1 * ((r - q) / s - 0.5 * d2 / t), vega * d1 * d2 / sigma,
    )  # fmt: skip
    return dict(zip(GREEKS, values, strict=True))


@cache
def _jax_kernel() -> Any:
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax.jit(lambda data: array_greeks(jax.numpy, jax.scipy.special.ndtr, data))


def jax_greeks(data: Arrays) -> Arrays:
    return {name: np.asarray(value) for name, value in _jax_kernel()(data).items()}


def vollib_greeks(data: Arrays) -> Arrays:
    from vollib.black_scholes_merton import black_scholes_merton
    from vollib.black_scholes_merton.greeks import analytical as a

    def one(phi: int, *args: float) -> tuple[float, ...]:
        f = "c" if phi > 0 else "p"
        return (
            black_scholes_merton(f, *args), a.delta(f, *args), a.gamma(f, *args), a.vega(f, *args) * 100.0,
            a.theta(f, *args) * 365.0, a.rho(f, *args) * 100.0,
        )  # fmt: skip

    return _loop(one, GREEKS[:6], inputs(data))


def vollib_volatility(data: Arrays) -> Arrays:
    from vollib.black_scholes_merton.implied_volatility import implied_volatility

    def one(*args: Any) -> float:
        return float(implied_volatility(*args[:-1], "c" if args[-1] > 0 else "p"))

    return _loop(one, ("sigma",), quote(data))


def _letters(flag: Any) -> Any:
    return np.where(flag > 0, "c", "p")


def fast_vollib_greeks(data: Arrays) -> Arrays:
    import fast_vollib

    phi, S, K, t, r, sigma, q = inputs(data)
    how: dict[str, Any] = {"model": "black_scholes_merton", "return_as": "dict", "backend": "numba"}
    found = fast_vollib.get_all_greeks(_letters(phi), S, K, t, r, sigma, q, **how)
    price = fast_vollib.fast_black_scholes_merton(
        _letters(phi), S, K, t, r, sigma, q, return_as="numpy", backend="numba"
    )
    units = {"delta": 1.0, "gamma": 1.0, "vega": 100.0, "theta": 365.0, "rho": 100.0}
    return {"price": np.asarray(price)} | {n: np.asarray(found[n]) * unit for n, unit in units.items()}


def fast_vollib_volatility(data: Arrays) -> Arrays:
    import fast_vollib

    price, S, K, t, r, q, phi = quote(data)
    sigma = fast_vollib.fast_implied_volatility(
        price, S, K, t, r, _letters(phi), q, model="black_scholes_merton", on_error="ignore",
        return_as="numpy", backend="numba",
    )  # fmt: skip
    return {"sigma": np.asarray(sigma)}


def fast_vollib_jaeckel(data: Arrays) -> Arrays:
    from fast_vollib.jackel.jackel_iv import jackel_iv_black

    price, S, K, t, r, q, phi = quote(data)
    return {"sigma": jackel_iv_black(price * np.exp(r * t), S * np.exp((r - q) * t), K, t, phi > 0)}


def financepy_function(name: str) -> Any:
    """A function of FinancePy's formulas; up to 1.0.1 their names began with bs_."""
    from financepy.models import black_scholes_analytic as formulas

    old = "bs_value" if name == "european_value" else f"bs_{name}"
    return getattr(formulas, name if hasattr(formulas, name) else old)


def financepy_greeks(data: Arrays) -> Arrays:
    from financepy.utils.global_types import OptionTypes

    phi, S, K, t, r, sigma, q = inputs(data)
    kinds = np.where(phi > 0, OptionTypes.EUROPEAN_CALL.value, OptionTypes.EUROPEAN_PUT.value)
    names = {"price": "european_value"} | {name: name for name in GREEKS[1:7]}
    return {name: financepy_function(its)(S, t, K, r, q, sigma, kinds) for name, its in names.items()}


def financepy_volatility(data: Arrays) -> Arrays:
    from financepy.utils.global_types import OptionTypes

    price, S, K, t, r, q, phi = quote(data)
    kinds = np.where(phi > 0, OptionTypes.EUROPEAN_CALL.value, OptionTypes.EUROPEAN_PUT.value)
    return _loop(financepy_function("implied_volatility"), ("sigma",), [S, t, K, r, q, price, kinds])


def quantlib_greeks(data: Arrays) -> Arrays:
    import QuantLib as ql  # noqa: N813

    def one(phi: int, S: float, K: float, t: float, r: float, sigma: float, q: float) -> tuple[float, ...]:
        payoff = ql.PlainVanillaPayoff(ql.Option.Call if phi > 0 else ql.Option.Put, K)
        c = ql.BlackCalculator(payoff, S * math.exp((r - q) * t), sigma * math.sqrt(t), math.exp(-r * t))
        return c.value(), c.delta(S), c.gamma(S), c.vega(t), c.theta(S, t), c.rho(t)

    return _loop(one, GREEKS[:6], inputs(data))


def quantlib_volatility(data: Arrays) -> Arrays:
    import QuantLib as ql  # noqa: N813

    def one(price: float, S: float, K: float, t: float, r: float, q: float, phi: int) -> float:
        kind = ql.Option.Call if phi > 0 else ql.Option.Put
        forward, discount = S * math.exp((r - q) * t), math.exp(-r * t)
        try:
            s = ql.blackFormulaImpliedStdDevLiRS(
                kind, K, forward, price, discount, 0.0, ql.nullDouble(), 1.0, 1e-15, 100
            )
        except RuntimeError:
            return math.nan
        return float(s) / math.sqrt(t)

    return _loop(one, ("sigma",), quote(data))


def blackscholes_greeks(data: Arrays) -> Arrays:
    from blackscholes import BlackScholesCall, BlackScholesPut

    def one(phi: int, *args: float) -> tuple[float, ...]:
        o = (BlackScholesCall if phi > 0 else BlackScholesPut)(*args)
        return (
            o.price(), o.delta(), o.gamma(), o.vega(), o.theta(), o.rho(), o.vanna(), o.charm(), o.vomma(),
        )  # fmt: skip

    return _loop(one, GREEKS, inputs(data))


def py_vollib_vectorized_volatility(data: Arrays) -> Arrays:
    from py_vollib_vectorized import vectorized_implied_volatility

    price, S, K, t, r, q, phi = quote(data)
    sigma = vectorized_implied_volatility(
        price, S, K, t, r, _letters(phi), q, model="black_scholes_merton", return_as="numpy"
    )
    return {"sigma": np.asarray(sigma)}


def quantlib_american(data: Arrays) -> Arrays:
    """QuantLib's QdFpAmericanEngine of a named scheme, one option at a time with the market quotes moved."""
    import QuantLib as ql  # noqa: N813

    today = ql.Date(1, 1, 2026)
    ql.Settings.instance().evaluationDate = today
    count = ql.Actual365Fixed()
    spot, rate, carry, vol = (ql.SimpleQuote(0.1) for _ in range(4))
    process = ql.BlackScholesMertonProcess(
        ql.QuoteHandle(spot),
        ql.YieldTermStructureHandle(ql.FlatForward(today, ql.QuoteHandle(carry), count)),
        ql.YieldTermStructureHandle(ql.FlatForward(today, ql.QuoteHandle(rate), count)),
        ql.BlackVolTermStructureHandle(
            ql.BlackConstantVol(today, ql.NullCalendar(), ql.QuoteHandle(vol), count)
        ),
    )
    engine = ql.QdFpAmericanEngine(process, getattr(ql.QdFpAmericanEngine, f"{data['scheme']}Scheme")())
    found = []
    for phi, S, K, t, r, sigma, q in zip(*(c.tolist() for c in inputs(data)), strict=True):
        for market, value in zip((spot, rate, carry, vol), (S, r, q, sigma), strict=True):
            market.setValue(value)
        payoff = ql.PlainVanillaPayoff(ql.Option.Call if phi > 0 else ql.Option.Put, K)
        option = ql.VanillaOption(payoff, ql.AmericanExercise(today, today + round(365 * t)))
        option.setPricingEngine(engine)
        found.append(option.NPV())
    return {"price": np.array(found)}
