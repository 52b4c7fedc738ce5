"""Independent formulas and peers: one table, `COMPARISONS`, for the tests and for the benchmarks.

`naive` is the textbook in plain Python; every peer is an adapter from the same arrays to the same names and
units, imported when it is used. What a peer is known to get wrong is named in its row, so nothing can be fast
in a benchmark and wrong in a test.
"""

from __future__ import annotations

import cmath
import importlib.util
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import scipy.special

from gammaflow.pricing.verify import natural_scales

Arrays = dict[str, Any]
INPUTS = ("flag", "S", "K", "t", "r", "sigma", "q")
GREEKS = ("price", "delta", "gamma", "vega", "theta", "rho", "vanna", "charm", "volga")


def contracts(n: int, seed: int = 0) -> Arrays:
    """Listed-like contracts: flag (+1 / -1), S, K, t, r, sigma, q and their price; strikes within 2.5 s."""
    rng = np.random.default_rng(seed)
    S = rng.uniform(60.0, 140.0, n)
    t = rng.uniform(2.0 / 365.0, 2.0, n)
    sigma = rng.uniform(0.1, 0.9, n)
    K = S * np.exp(sigma * np.sqrt(t) * rng.uniform(-2.5, 2.5, n))
    r = rng.uniform(0.0, 0.06, n)
    q = rng.uniform(0.0, 0.04, n)
    flag = np.where(rng.random(n) < 0.5, 1, -1).astype(np.int8)
    data = {"flag": flag, "S": S, "K": K, "t": t, "r": r, "sigma": sigma, "q": q}
    return data | {"price": numpy_ndtr(data)["price"]}


def naive(phi: float, S: Any, K: Any, t: Any, r: Any, sigma: Any, q: Any) -> dict[str, Any]:
    """Price and all sixteen greeks from erfc, written apart from the library; complex inputs for steps."""
    complex_step = any(isinstance(x, complex) for x in (S, K, t, r, sigma, q))
    m: Any = cmath if complex_step else math
    erfc: Any = scipy.special.erfc if complex_step else math.erfc

    def cdf(x: Any) -> Any:
        return 0.5 * erfc(-x / math.sqrt(2.0))

    root = m.sqrt(t)
    s = sigma * root
    d1 = (m.log(S / K) + (r - q + 0.5 * sigma**2) * t) / s
    d2 = (m.log(S / K) + (r - q - 0.5 * sigma**2) * t) / s
    Dq, Dr = m.exp(-q * t), m.exp(-r * t)
    n1 = m.exp(-0.5 * d1**2) / math.sqrt(2.0 * math.pi)
    n2 = m.exp(-0.5 * d2**2) / math.sqrt(2.0 * math.pi)
    N1, N2 = cdf(phi * d1), cdf(phi * d2)
    slope = 2.0 * (r - q) * t - d2 * s
    vega = S * Dq * n1 * root
    gamma = Dq * n1 / (S * s)
    return {
        "price": phi * (S * Dq * N1 - K * Dr * N2),
        "delta": phi * Dq * N1,
        "gamma": gamma,
        "vega": vega,
        "theta": -S * Dq * n1 * sigma / (2.0 * root) + phi * (q * S * Dq * N1 - r * K * Dr * N2),
        "rho": phi * K * t * Dr * N2,
        "vanna": -Dq * n1 * d2 / sigma,
        "charm": phi * q * Dq * N1 - Dq * n1 * slope / (2.0 * t * s),
        "volga": vega * d1 * d2 / sigma,
        "epsilon": -phi * S * t * Dq * N1,
        "veta": vega * (q + (r - q) * d1 / s - (1.0 + d1 * d2) / (2.0 * t)),
        "speed": -gamma / S * (d1 / s + 1.0),
        "zomma": gamma * (d1 * d2 - 1.0) / sigma,
        "color": Dq * n1 / (2.0 * S * t * s) * (2.0 * q * t + 1.0 + slope / s * d1),
        "ultima": -vega / sigma**2 * (d1 * d2 * (1.0 - d1 * d2) + d1**2 + d2**2),
        "dual_delta": -phi * Dr * N2,
        "dual_gamma": Dr * n2 / (K * s),
    }


def _args(data: Arrays) -> list[Any]:
    return [data[name] for name in INPUTS]


def _quote(data: Arrays) -> list[Any]:
    return [data[name] for name in ("price", "S", "K", "t", "r", "q", "flag")]


def _loop(function: Callable[..., Any], names: tuple[str, ...], columns: list[Any]) -> Arrays:
    """A function of one option called in a Python loop, as its users do."""
    rows = [function(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]
    return dict(zip(names, np.array(rows, float).reshape(len(rows), -1).T, strict=True))


def gammaflow_greeks(data: Arrays) -> Arrays:
    from gammaflow import bsm

    g = bsm.greeks(*_args(data))
    return dict(zip(g.names, g, strict=True))


def gammaflow_volatility(data: Arrays) -> Arrays:
    from gammaflow import bsm

    return {"sigma": bsm.implied_volatility(*_quote(data))}


def _array_greeks(xp: Any, ndtr: Any, data: Arrays, log_moneyness: Any = None) -> Arrays:
    """The nine default quantities in array operations, for numpy and jax alike."""
    phi, S, K, t, r, sigma, q = _args(data)
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


def numpy_ndtr(data: Arrays) -> Arrays:
    from scipy.special import ndtr

    return _array_greeks(np, ndtr, data)


def exact(data: Arrays) -> Arrays:
    """Reference for results: scipy's ndtr and ln(S/K) without the rounding of S/K, 2e-14 in d1."""
    from scipy.special import ndtr

    S, K = data["S"], data["K"]
    near = np.abs(S - K) < 0.5 * K
    log_moneyness = np.where(near, np.log1p(np.where(near, S - K, 0.0) / K), np.log(S) - np.log(K))
    return _array_greeks(np, ndtr, data, log_moneyness) | {"sigma": data["sigma"]}


@cache
def _jax_kernel() -> Any:
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax.jit(lambda data: _array_greeks(jax.numpy, jax.scipy.special.ndtr, data))


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

    return _loop(one, GREEKS[:6], _args(data))


def vollib_volatility(data: Arrays) -> Arrays:
    from vollib.black_scholes_merton.implied_volatility import implied_volatility

    def one(*args: Any) -> float:
        return float(implied_volatility(*args[:-1], "c" if args[-1] > 0 else "p"))

    return _loop(one, ("sigma",), _quote(data))


def _letters(flag: Any) -> Any:
    return np.where(flag > 0, "c", "p")


def fast_vollib_greeks(data: Arrays) -> Arrays:
    import fast_vollib

    phi, S, K, t, r, sigma, q = _args(data)
    how: dict[str, Any] = {"model": "black_scholes_merton", "return_as": "dict", "backend": "numba"}
    found = fast_vollib.get_all_greeks(_letters(phi), S, K, t, r, sigma, q, **how)
    price = fast_vollib.fast_black_scholes_merton(
        _letters(phi), S, K, t, r, sigma, q, return_as="numpy", backend="numba"
    )
    units = {"delta": 1.0, "gamma": 1.0, "vega": 100.0, "theta": 365.0, "rho": 100.0}
    return {"price": np.asarray(price)} | {n: np.asarray(found[n]) * unit for n, unit in units.items()}


def fast_vollib_volatility(data: Arrays) -> Arrays:
    import fast_vollib

    price, S, K, t, r, q, phi = _quote(data)
    sigma = fast_vollib.fast_implied_volatility(
        price, S, K, t, r, _letters(phi), q, model="black_scholes_merton", on_error="ignore",
        return_as="numpy", backend="numba",
    )  # fmt: skip
    return {"sigma": np.asarray(sigma)}


def fast_vollib_jaeckel(data: Arrays) -> Arrays:
    from fast_vollib.jackel.jackel_iv import jackel_iv_black

    price, S, K, t, r, q, phi = _quote(data)
    return {"sigma": jackel_iv_black(price * np.exp(r * t), S * np.exp((r - q) * t), K, t, phi > 0)}


def financepy_greeks(data: Arrays) -> Arrays:
    from financepy.models import black_scholes_analytic as a
    from financepy.utils.global_types import OptionTypes

    phi, S, K, t, r, sigma, q = _args(data)
    kinds = np.where(phi > 0, OptionTypes.EUROPEAN_CALL.value, OptionTypes.EUROPEAN_PUT.value)
    functions = {
        "price": a.bs_value, "delta": a.bs_delta, "gamma": a.bs_gamma, "vega": a.bs_vega,
        "theta": a.bs_theta, "rho": a.bs_rho, "vanna": a.bs_vanna,
    }  # fmt: skip
    return {name: f(S, t, K, r, q, sigma, kinds) for name, f in functions.items()}


def financepy_volatility(data: Arrays) -> Arrays:
    from financepy.models.black_scholes_analytic import bs_implied_volatility
    from financepy.utils.global_types import OptionTypes

    price, S, K, t, r, q, phi = _quote(data)
    kinds = np.where(phi > 0, OptionTypes.EUROPEAN_CALL.value, OptionTypes.EUROPEAN_PUT.value)
    return _loop(bs_implied_volatility, ("sigma",), [S, t, K, r, q, price, kinds])


def quantlib_greeks(data: Arrays) -> Arrays:
    import QuantLib as ql  # noqa: N813

    def one(phi: int, S: float, K: float, t: float, r: float, sigma: float, q: float) -> tuple[float, ...]:
        payoff = ql.PlainVanillaPayoff(ql.Option.Call if phi > 0 else ql.Option.Put, K)
        c = ql.BlackCalculator(payoff, S * math.exp((r - q) * t), sigma * math.sqrt(t), math.exp(-r * t))
        return c.value(), c.delta(S), c.gamma(S), c.vega(t), c.theta(S, t), c.rho(t)

    return _loop(one, GREEKS[:6], _args(data))


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

    return _loop(one, ("sigma",), _quote(data))


def blackscholes_greeks(data: Arrays) -> Arrays:
    from blackscholes import BlackScholesCall, BlackScholesPut

    def one(phi: int, *args: float) -> tuple[float, ...]:
        o = (BlackScholesCall if phi > 0 else BlackScholesPut)(*args)
        return (
            o.price(), o.delta(), o.gamma(), o.vega(), o.theta(), o.rho(), o.vanna(), o.charm(), o.vomma(),
        )  # fmt: skip

    return _loop(one, GREEKS, _args(data))


def py_vollib_vectorized_volatility(data: Arrays) -> Arrays:
    from py_vollib_vectorized import vectorized_implied_volatility

    price, S, K, t, r, q, phi = _quote(data)
    sigma = vectorized_implied_volatility(
        price, S, K, t, r, _letters(phi), q, model="black_scholes_merton", return_as="numpy"
    )
    return {"sigma": np.asarray(sigma)}


@dataclass(frozen=True)
class Comparison:
    """A peer's way to do an operation, up to what size it is asked, and how well it is known to agree."""

    operation: str
    peer: str
    package: str
    compute: Callable[[Arrays], Arrays]
    largest: int
    tolerance: float
    wrong: Mapping[str, str] = field(default_factory=dict)

    @property
    def installed(self) -> bool:
        return importlib.util.find_spec(self.package) is not None


def error(name: str, found: Any, expected: Any, data: Arrays) -> float:
    """Worst scaled error of a quantity; relative for sigma; NaN where any row is missing."""
    scale = natural_scales(*_args(data)[1:])[name] if name != "sigma" else expected
    return float(np.max(np.abs(np.asarray(found) - expected) / scale))


def worst_error(found: Arrays, expected: Arrays, data: Arrays) -> float:
    """The largest `error` of several quantities; NaN where any is."""
    errors = [error(name, value, expected[name], data) for name, value in found.items()]
    return float(np.max(errors, initial=0.0))


PYTHON_LOOP, ARRAY = 1_000, 1_000_000
SIGMA, GREEK = "implied_volatility", "greeks"

COMPARISONS = (
    Comparison(GREEK, "gammaflow", "gammaflow", gammaflow_greeks, ARRAY, 1e-14),
    Comparison(GREEK, "numpy + scipy ndtr", "scipy", numpy_ndtr, ARRAY, 1e-13),
    Comparison(GREEK, "jax", "jax", jax_greeks, ARRAY, 1e-13),
    Comparison(GREEK, "fast-vollib (numba), 6 quantities", "fast_vollib", fast_vollib_greeks, ARRAY, 1e-13),
    Comparison(
        GREEK,
        "FinancePy, 7 quantities",
        "financepy",
        financepy_greeks,
        ARRAY,
        1e-6,
        {"vanna": "opposite sign and a factor sqrt(t)"},
    ),
    Comparison(GREEK, "vollib (py_vollib), 6 quantities", "vollib", vollib_greeks, PYTHON_LOOP, 1e-13),
    Comparison(GREEK, "QuantLib BlackCalculator, 6", "QuantLib", quantlib_greeks, PYTHON_LOOP, 1e-13),
    Comparison(GREEK, "blackscholes", "blackscholes", blackscholes_greeks, PYTHON_LOOP, 1e-13),
    Comparison(SIGMA, "gammaflow", "gammaflow", gammaflow_volatility, ARRAY, 1e-9),
    Comparison(SIGMA, "vollib (lets_be_rational)", "vollib", vollib_volatility, PYTHON_LOOP, 1e-9),
    Comparison(
        SIGMA,
        "fast-vollib (numba)",
        "fast_vollib",
        fast_vollib_volatility,
        ARRAY,
        1e-9,
        {"sigma": "stops iterating at about 1e-8"},
    ),
    Comparison(SIGMA, "fast-vollib (Jaeckel)", "fast_vollib", fast_vollib_jaeckel, ARRAY, 1e-9),
    Comparison(
        SIGMA,
        "QuantLib LiRS",
        "QuantLib",
        quantlib_volatility,
        PYTHON_LOOP,
        1e-9,
        {"sigma": "no convergence in some rows"},
    ),
    Comparison(
        SIGMA,
        "FinancePy",
        "financepy",
        financepy_volatility,
        PYTHON_LOOP,
        1e-9,
        {"sigma": "normal cdf good to 7.5e-8 only"},
    ),
    Comparison(
        SIGMA, "py_vollib_vectorized", "py_vollib_vectorized", py_vollib_vectorized_volatility, ARRAY, 1e-9
    ),
)
