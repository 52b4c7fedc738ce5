"""Independent formulas and peers: one table, `COMPARISONS`, for the tests and for the benchmarks.

`naive` is the textbook in plain Python; every peer is an adapter from the same arrays to the same names and
units, imported when it is used (`support.peers`). What a peer is known to get wrong is named in its row, so
nothing can be fast in a benchmark and wrong in a test.
"""

from __future__ import annotations

import cmath
import importlib.util
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.special

from gammaflow.pricing.verify import natural_scales
from support import peers
from support.peers import GREEKS, INPUTS, Arrays, array_greeks, inputs, quote

__all__ = [
    "COMPARISONS", "GREEKS", "INPUTS", "Arrays", "Comparison", "contracts", "error", "exact",
    "gammaflow_greeks", "naive", "numpy_ndtr", "worst_error",
]  # fmt: skip


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


def gammaflow_greeks(data: Arrays) -> Arrays:
    from gammaflow import bsm

    g = bsm.greeks(*inputs(data))
    return dict(zip(g.names, g, strict=True))


def gammaflow_volatility(data: Arrays) -> Arrays:
    from gammaflow import bsm

    return {"sigma": bsm.implied_volatility(*quote(data))}


def numpy_ndtr(data: Arrays) -> Arrays:
    from scipy.special import ndtr

    return array_greeks(np, ndtr, data)


def exact(data: Arrays) -> Arrays:
    """Reference for results: scipy's ndtr and ln(S/K) without the rounding of S/K, 2e-14 in d1."""
    from scipy.special import ndtr

    S, K = data["S"], data["K"]
    near = np.abs(S - K) < 0.5 * K
    log_moneyness = np.where(near, np.log1p(np.where(near, S - K, 0.0) / K), np.log(S) - np.log(K))
    return array_greeks(np, ndtr, data, log_moneyness) | {"sigma": data["sigma"]}


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
    scale = natural_scales(*inputs(data)[1:])[name] if name != "sigma" else expected
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
    Comparison(GREEK, "jax", "jax", peers.jax_greeks, ARRAY, 1e-13),
    Comparison(
        GREEK, "fast-vollib (numba), 6 quantities", "fast_vollib", peers.fast_vollib_greeks, ARRAY, 1e-13
    ),
    Comparison(
        GREEK,
        "FinancePy, 7 quantities",
        "financepy",
        peers.financepy_greeks,
        ARRAY,
        1e-6,
    ),
    Comparison(GREEK, "vollib (py_vollib), 6 quantities", "vollib", peers.vollib_greeks, PYTHON_LOOP, 1e-13),
    Comparison(GREEK, "QuantLib BlackCalculator, 6", "QuantLib", peers.quantlib_greeks, PYTHON_LOOP, 1e-13),
    Comparison(GREEK, "blackscholes", "blackscholes", peers.blackscholes_greeks, PYTHON_LOOP, 1e-13),
    Comparison(SIGMA, "gammaflow", "gammaflow", gammaflow_volatility, ARRAY, 1e-9),
    Comparison(SIGMA, "vollib (lets_be_rational)", "vollib", peers.vollib_volatility, PYTHON_LOOP, 1e-9),
    Comparison(
        SIGMA,
        "fast-vollib (numba)",
        "fast_vollib",
        peers.fast_vollib_volatility,
        ARRAY,
        1e-9,
        {"sigma": "stops iterating at about 1e-8"},
    ),
    Comparison(SIGMA, "fast-vollib (Jaeckel)", "fast_vollib", peers.fast_vollib_jaeckel, ARRAY, 1e-9),
    Comparison(
        SIGMA,
        "QuantLib LiRS",
        "QuantLib",
        peers.quantlib_volatility,
        PYTHON_LOOP,
        1e-9,
        {"sigma": "no convergence in some rows"},
    ),
    Comparison(
        SIGMA,
        "FinancePy",
        "financepy",
        peers.financepy_volatility,
        PYTHON_LOOP,
        1e-9,
        {"sigma": "normal cdf good to 7.5e-8 only"},
    ),
    Comparison(
        SIGMA,
        "py_vollib_vectorized",
        "py_vollib_vectorized",
        peers.py_vollib_vectorized_volatility,
        ARRAY,
        1e-9,
    ),
)
