"""Writes pricing/reference_values.csv: price and greeks of 60 contracts, 50-digit arithmetic, 25 printed.

Run with mpmath installed: python tests/support/make_reference_values.py
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

import mpmath as mp

mp.mp.dps = 50
INPUTS = ("flag", "S", "K", "t", "r", "sigma", "q")
EDGES = [
    ("c", 100.0, 100.0, 1.0, 0.0, 0.2, 0.0), ("p", 100.0, 100.0, 1.0, 0.0, 0.2, 0.0),
    ("c", 100.0, 101.0, 1.0 / 525600.0, 0.05, 0.6, 0.0), ("p", 100.0, 99.0, 1.0 / 8760.0, 0.05, 0.6, 0.01),
    ("c", 64213.7, 72000.0, 0.0137, -0.01, 0.83, 0.02), ("p", 64213.7, 60000.0, 0.0137, 0.045, 0.83, -0.03),
    ("c", 5.0, 500.0, 2.0, 0.03, 0.9, 0.0), ("p", 500.0, 5.0, 2.0, 0.03, 0.9, 0.0),
    ("c", 100.0, 250.0, 30.0, 0.04, 0.15, 0.02), ("p", 100.0, 100.0, 10.0, -0.005, 2.5, -0.01),
    ("c", 100.0, 100.2, 0.25, 0.02, 0.01, 0.018), ("p", 1e-3, 1.2e-3, 0.5, 0.03, 0.7, 0.01),
]  # fmt: skip


def exact(flag: str, *inputs: float) -> dict[str, mp.mpf]:
    phi = 1 if flag == "c" else -1
    S, K, t, r, sigma, q = map(mp.mpf, inputs)

    def price(S: mp.mpf, K: mp.mpf, t: mp.mpf, r: mp.mpf, sigma: mp.mpf, q: mp.mpf) -> mp.mpf:
        s = sigma * mp.sqrt(t)
        d1 = (mp.log(S / K) + (r - q) * t) / s + s / 2
        return phi * (S * mp.exp(-q * t) * mp.ncdf(phi * d1) - K * mp.exp(-r * t) * mp.ncdf(phi * (d1 - s)))

    def derivative(*orders: int) -> mp.mpf:
        return mp.diff(price, (S, K, t, r, sigma, q), orders)

    with mp.workdps(90):
        return {
            "price": price(S, K, t, r, sigma, q),
            "delta": derivative(1, 0, 0, 0, 0, 0),
            "gamma": derivative(2, 0, 0, 0, 0, 0),
            "vega": derivative(0, 0, 0, 0, 1, 0),
            "theta": -derivative(0, 0, 1, 0, 0, 0),
            "rho": derivative(0, 0, 0, 1, 0, 0),
            "vanna": derivative(1, 0, 0, 0, 1, 0),
            "charm": -derivative(1, 0, 1, 0, 0, 0),
            "volga": derivative(0, 0, 0, 0, 2, 0),
            "epsilon": derivative(0, 0, 0, 0, 0, 1),
            "veta": -derivative(0, 0, 1, 0, 1, 0),
            "speed": derivative(3, 0, 0, 0, 0, 0),
            "zomma": derivative(2, 0, 0, 0, 1, 0),
            "color": -derivative(2, 0, 1, 0, 0, 0),
            "ultima": derivative(0, 0, 0, 0, 3, 0),
            "dual_delta": derivative(0, 1, 0, 0, 0, 0),
            "dual_gamma": derivative(0, 2, 0, 0, 0, 0),
        }


def main() -> None:
    rng = random.Random(5)
    rows = list(EDGES)
    while len(rows) < 60:
        S, t, sigma = rng.uniform(20, 500), 10 ** rng.uniform(-3, 0.7), 10 ** rng.uniform(-1, 0.3)
        K = S * float(mp.exp(sigma * t**0.5 * rng.uniform(-4, 4)))
        rows.append((rng.choice("cp"), S, K, t, rng.uniform(-0.03, 0.12), sigma, rng.uniform(-0.03, 0.08)))
    target = Path(__file__).resolve().parents[2] / "gammaflow" / "pricing" / "reference_values.csv"
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*INPUTS, *exact(*EDGES[0])])
        for row in rows:
            writer.writerow([row[0], *map(repr, row[1:]), *(mp.nstr(v, 25) for v in exact(*row).values())])


if __name__ == "__main__":
    main()
