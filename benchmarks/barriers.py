"""Barrier options side by side: continuous monitoring against peers, 252 dates, and a profile of notes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import benchmarks.peers  # noqa: F401  puts the tests' references on the path

# isort: split
import gammaflow as gf
from gammaflow import barrier
from support import barrier_references as references

ROUNDS = 7
CONTRACTS = 1_000
PEERS = {
    "QuantLib": (references.quantlib, 1e-11),
    "financepy": (references.financepy, 1e-4),
}
NOTE = {"kind": "down-in", "flag": "p", "K": 100.0, "H": 70.0, "t": 1.0, "r": 0.04, "sigma": 0.3, "q": 0.01}


def _median(call: Callable[[], Any], rounds: int = ROUNDS) -> float:
    call()
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def _price(data: dict[str, Any]) -> Any:
    return barrier.price(data["kind"], data["phi"], *(data[n] for n in "SKHtr"), data["sigma"], data["q"])


def continuous() -> str:
    """A row per way to price continuously monitored barriers; the peers loop over 1,000 contracts."""
    data = references.contracts(CONTRACTS)
    data["t"] = np.round(365 * data["t"]) / 365
    many = references.contracts(100_000)
    put = {**many, "kind": "down-in", "phi": -1.0, "H": 0.7 * many["S"]}
    right = _price(data)
    lines = ["| | ns per contract | gammaflow is | error |", "|---|---:|---:|---:|"]
    ours = _median(lambda: _price(many)) / 1e5
    error = np.abs(right - references.naive(data)).max()
    lines.append(f"| gammaflow, eight kinds at 100,000 | {1e9 * ours:,.1f} | | {error:.0e} |")
    alone = _median(lambda: _price(put)) / 1e5
    lines.append(f"| gammaflow, down-and-in put at 100,000 | {1e9 * alone:,.1f} | | |")
    for peer, (compute, allowed) in PEERS.items():
        module = "QuantLib" if peer == "QuantLib" else peer
        if not references.available(module):
            lines.append(f"| {peer} | not installed | | |")
            continue
        error = np.abs(compute(data) - right).max()
        assert error < allowed, (peer, error)
        seconds = _median(lambda c=compute: c(data), 3) / CONTRACTS
        times = f"{seconds / ours:,.0f}x faster"
        lines.append(f"| {peer}, a loop over {CONTRACTS:,} | {1e9 * seconds:,.0f} | {times} | {error:.0e} |")
    return "\n".join(lines)


def _note(**options: Any) -> Any:
    terms = {**NOTE, **options}
    return barrier.greeks(S=75.0, which=("price", "delta", "gamma"), monitoring=252, **terms)


def dates() -> str:
    """A row per tolerance: 252 dates, price, delta and gamma of one knock-in put, and peers' one price."""
    lines = ["| 252 dates | ms | error |", "|---|---:|---:|"]
    best = _note(tol=1e-9)
    for tol in (1e-4, 1e-6, 1e-8):
        seconds = _median(lambda tol=tol: _note(tol=tol), 21)
        error = max(abs(float(a / b - 1.0)) for a, b in zip(_note(tol=tol), best, strict=True))
        lines.append(
            f"| gammaflow, price, delta and gamma, tol {tol:g} | {1e3 * seconds:.2f} | {error:.0e} |"
        )
    seconds = _median(lambda: _note(method="bgk"), 21)
    error = abs(float(_note(method="bgk").price / best.price) - 1.0)
    lines.append(f"| gammaflow, shifted barrier | {1e3 * seconds:.3f} | {error:.0e} |")
    args = ("down-in", -1.0, 75.0, 100.0, 70.0, np.arange(1, 253) / 252, 0.04, 0.3, 0.01, 0.0)
    for paths in (10_000, 100_000):
        start = time.perf_counter()
        value, deviation = references.monte_carlo(*args, paths, 1)
        seconds = time.perf_counter() - start
        lines.append(
            f"| numpy Monte Carlo, price alone, {paths:,} paths | {1e3 * seconds:,.0f} "
            f"| {deviation / float(best.price):.0e} (one deviation) |"
        )
        assert abs(value - best.price) < 5 * deviation
    terms = {name: NOTE[name] for name in ("kind", "flag", "K", "H", "t", "r", "q")}
    for nodes in (500, 2000):

        def grid(nodes: int = nodes) -> Any:
            return barrier.greeks_local_volatility(
                S=75.0, vol=NOTE["sigma"], monitoring=252, nodes=nodes, steps=1008, **terms
            )

        error = max(abs(float(a / b - 1.0)) for a, b in zip(grid(), best, strict=True))
        lines.append(
            f"| Crank-Nicolson, {nodes:,} spots and four steps a date "
            f"| {1e3 * _median(grid, 3):,.0f} | {error:.0e} |"
        )
    if references.available("QuantLib"):
        for samples in (4095, 65535):
            start = time.perf_counter()
            value = references.quantlib_monitored(NOTE, 75.0, 252, samples)
            seconds = time.perf_counter() - start
            error = abs(value / float(best.price) - 1.0)
            lines.append(
                f"| QuantLib Sobol Monte Carlo, price, {samples:,} | {1e3 * seconds:,.0f} | {error:.0e} |"
            )
    return "\n".join(lines)


def profile() -> str:
    """1,000 notes monitored daily at 500 spots: price, delta and gamma."""
    rng = np.random.default_rng(0)
    n = 1_000
    S = np.linspace(50.0, 150.0, 500)
    H = rng.uniform(55.0, 85.0, (n, 1))
    sigma = rng.uniform(0.2, 0.6, (n, 1))
    t = np.full((n, 1), 1.0)
    lines = ["| 1,000 notes, 252 dates, 500 spots, tol 1e-4 | s |", "|---|---:|"]
    before = gf.bsm.get_threads()
    for threads in (1, 2):
        gf.bsm.set_threads(threads)
        seconds = _median(
            lambda: barrier.greeks(
                "down-in", "p", S, 100.0, H, t, 0.04, sigma, 0.01,
                which=("price", "delta", "gamma"), monitoring=252, tol=1e-4,
            ),
            3,
        )  # fmt: skip
        lines.append(f"| {threads} thread{'s' * (threads > 1)} | {seconds:.2f} |")
    gf.bsm.set_threads(before)
    return "\n".join(lines)


def section() -> str:
    """The barriers' part of benchmarks/README.md."""
    return "## Barrier options\n\n" + "\n\n".join((continuous(), dates(), profile())) + "\n"


if __name__ == "__main__":
    print(section())
