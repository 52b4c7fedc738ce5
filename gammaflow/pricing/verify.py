"""Check of the greeks compiled on this machine against vollib and stored 50-digit reference values."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import Any

import llvmlite.binding
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.kernels.bsm import default_loop
from gammaflow.kernels.compile import vector_bits
from gammaflow.pricing import bsm

__all__ = ["Verification", "natural_scales", "run"]

FloatArray = NDArray[np.float64]

TOLERANCE = 1e-13
SIGMA_TOLERANCE = 1e-9
ROWS, FULL_ROWS = 1_000, 30_000


@dataclass(frozen=True)
class Verification:
    """Result of `run`: differences of the compiled kernels from vollib and from the reference values.

    Attributes
    ----------
    table : DataFrame
        By quantity: largest scaled difference from the reference values and from vollib (NaN for quantities
        that vollib lacks), the tolerance, and whether both are within it. For implied_volatility the
        differences are relative.
    row_count : int
        Contracts compared with vollib.
    vector_bits : int
        Width of the vector instructions in the greeks kernel; 64 is scalar code.
    processor : str
        The processor for which the kernels were compiled.
    """

    table: pd.DataFrame
    row_count: int
    vector_bits: int
    processor: str

    @property
    def ok(self) -> bool:
        """Whether every quantity is within its tolerance."""
        return bool(self.table["ok"].all())

    def __str__(self) -> str:
        verdict = "all agree" if self.ok else f"DISAGREE: {', '.join(self.table.index[~self.table['ok']])}"
        table = self.table.to_string(float_format=lambda x: f"{x:.1e}", na_rep="")
        lanes = self.vector_bits // 64
        width = f"{self.vector_bits}-bit vectors" if lanes > 1 else "scalar code"
        return (
            f"greeks on {self.processor}, {width} ({lanes} contract{'s' * (lanes > 1)} at a time), "
            f"worst differences\nagainst 50-digit values and against vollib on {self.row_count:,} contracts\n"
            f"{table}\n{verdict}"
        )

    __repr__ = __str__


def natural_scales(S: Any, K: Any, t: Any, r: Any, sigma: Any, q: Any) -> dict[str, Any]:
    """Natural scale of each quantity: its size at the money; for sums, that of their largest terms.

    A difference divided by it is a scaled error: 1e-16 is a rounding error of the largest term. (In the tail,
    the relative error of any quantity is eps d1^2, in any implementation.)
    """
    s = sigma * np.sqrt(t)
    asset, cash = S * np.exp(-q * t), K * np.exp(-r * t)
    pdf = 0.4 * np.exp(-q * t)
    vega, gamma, wide = asset * 0.4 * np.sqrt(t), pdf / (S * s), np.maximum(1.0, s)
    drift = np.abs(r - q) / s + 0.5 * wide / t
    return {
        "price": np.maximum(asset, cash),
        "delta": np.exp(-q * t),
        "gamma": gamma,
        "vega": vega,
        "theta": 0.2 * asset * sigma / np.sqrt(t) + np.abs(q) * asset + np.abs(r) * cash,
        "rho": t * cash,
        "vanna": pdf * wide / sigma,
        "charm": np.abs(q) * np.exp(-q * t) + pdf * drift,
        "volga": vega * wide / sigma,
        "epsilon": t * asset,
        "veta": vega * (np.abs(q) + drift),
        "speed": gamma / S * (1.0 + 1.0 / s),
        "zomma": gamma * wide / sigma,
        "color": gamma * (np.abs(q) + drift),
        "ultima": vega * wide / sigma**2,
        "dual_delta": np.exp(-r * t),
        "dual_gamma": 0.4 * np.exp(-r * t) / (K * s),
    }


def _random_contracts(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(20260205)
    S, sigma = rng.uniform(50.0, 150.0, n), rng.uniform(0.08, 1.2, n)
    t = 10.0 ** rng.uniform(-2.5, 0.5, n)
    return pd.DataFrame(
        {
            "flag": rng.choice(np.array(["c", "p"]), n),
            "S": S,
            "K": S * np.exp(sigma * np.sqrt(t) * rng.uniform(-3.0, 3.0, n)),
            "t": t,
            "r": rng.uniform(-0.02, 0.10, n),
            "sigma": sigma,
            "q": rng.uniform(-0.02, 0.06, n),
        }
    )


def _vollib(contracts: pd.DataFrame) -> dict[str, FloatArray]:
    """vollib's price and five greeks, in gammaflow's units, and its implied volatility of its own price."""
    from vollib.black_scholes_merton import black_scholes_merton
    from vollib.black_scholes_merton.greeks import analytical
    from vollib.black_scholes_merton.implied_volatility import implied_volatility

    names = ("price", "delta", "gamma", "vega", "theta", "rho", "implied_volatility")
    found = []
    for flag, S, K, t, r, sigma, q in contracts.itertuples(index=False):
        args = (flag, S, K, t, r, sigma, q)
        price = black_scholes_merton(*args)
        found.append(
            (
                price,
                analytical.delta(*args),
                analytical.gamma(*args),
                analytical.vega(*args) * 100.0,
                analytical.theta(*args) * 365.0,
                analytical.rho(*args) * 100.0,
                implied_volatility(price, S, K, t, r, q, flag),
            )
        )
    return dict(zip(names, np.array(found, float).T, strict=True))


def _worst(found: Any, expected: Any, scale: Any) -> float:
    """Largest difference divided by its scale; infinite if a value is missing."""
    difference = np.abs(np.asarray(found) - np.asarray(expected)) / np.asarray(scale)
    return float(np.max(np.where(np.isnan(difference), np.inf, difference)))


def _greeks(c: pd.DataFrame) -> bsm.Greeks:
    return bsm.greeks(c["flag"], c["S"], c["K"], c["t"], c["r"], c["sigma"], c["q"], which=bsm.ALL)


def _volatility_of(contracts: pd.DataFrame, price: Any) -> Any:
    c = contracts
    return bsm.implied_volatility(price, c["S"], c["K"], c["t"], c["r"], c["q"], c["flag"])


def run(full: bool = False) -> Verification:
    """Compare the compiled kernels with vollib and with 50-digit reference values.

    Parameters
    ----------
    full : bool
        Use 30,000 random contracts for vollib instead of 1,000.

    Returns
    -------
    Verification
        `.ok`, `.table`, `.vector_bits`, `.processor`; as text, the report.

    Notes
    -----
    Differences are scaled by `natural_scales`. The tolerance of 1e-13 leaves room for vollib's own rounding
    (about 1e-14); 1e-9 for volatilities is the rounding error of a price over its vega, three deviations in
    the money.
    """
    reference = pd.read_csv(str(resources.files("gammaflow.pricing") / "reference_values.csv"))
    inputs = ["flag", "S", "K", "t", "r", "sigma", "q"]
    exact = reference[inputs]
    scales_exact = natural_scales(*(exact[name] for name in inputs[1:]))
    contracts = _random_contracts(FULL_ROWS if full else ROWS)
    peer = _vollib(contracts)
    scales = natural_scales(*(contracts[name] for name in inputs[1:]))
    mine_exact, mine = _greeks(exact), _greeks(contracts)
    rows = {}
    for name in bsm.ALL:
        against_reference = _worst(mine_exact[name], reference[name], scales_exact[name])
        against_peer = _worst(mine[name], peer[name], scales[name]) if name in peer else np.nan
        rows[name] = against_reference, against_peer, TOLERANCE
    valued = reference[reference["price"] - _intrinsic(exact) > 1e-3 * scales_exact["price"]]
    rows["implied_volatility"] = (
        _worst(_volatility_of(valued, valued["price"]), valued["sigma"], valued["sigma"]),
        _worst(_volatility_of(contracts, peer["price"]), peer["implied_volatility"], contracts["sigma"]),
        SIGMA_TOLERANCE,
    )
    table = pd.DataFrame.from_dict(
        rows, orient="index", columns=["against_reference", "against_vollib", "tolerance"]
    )
    worst = table[["against_reference", "against_vollib"]].max(axis=1)
    table["ok"] = worst <= table["tolerance"]
    return Verification(
        table, len(contracts), vector_bits(default_loop), str(llvmlite.binding.get_host_cpu_name())
    )


def _intrinsic(c: pd.DataFrame) -> Any:
    sign = np.where(c["flag"] == "c", 1.0, -1.0)
    forward = c["S"] * np.exp(-c["q"] * c["t"]) - c["K"] * np.exp(-c["r"] * c["t"])
    return np.maximum(sign * forward, 0.0)
