"""Barrier options side by side: continuous monitoring against peers, 252 dates, and a profile of notes."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import benchmarks.peers  # noqa: F401  puts the tests' references on the path
from benchmarks.asking import Peer
from benchmarks.clock import median
from benchmarks.environments import PeerError

# isort: split
import gammaflow as gf
from gammaflow import barrier
from support import barrier_references as references

CONTRACTS = 1_000
PEERS = {
    "QuantLib": (references.quantlib, 1e-11),
    "financepy": (references.financepy, 1e-4),
}
NOTE = {"kind": "down-in", "flag": "p", "K": 100.0, "H": 70.0, "t": 1.0, "r": 0.04, "sigma": 0.3, "q": 0.01}


def price(data: dict[str, Any]) -> Any:
    """Prices of contracts observed always."""
    return barrier.price(data["kind"], data["phi"], *(data[n] for n in "SKHtr"), data["sigma"], data["q"])


def continuous(quick: bool) -> str:
    """A row per way to price continuously monitored barriers; the peers loop over fewer contracts."""
    looped = 100 if quick else CONTRACTS
    data = references.contracts(looped)
    data["t"] = np.round(365 * data["t"]) / 365
    many = references.contracts(100_000)
    put = {**many, "kind": "down-in", "phi": -1.0, "H": 0.7 * many["S"]}
    right = price(data)
    lines = ["| | ns per contract | gammaflow is | error |", "|---|---:|---:|---:|"]
    ours = median(lambda: price(many)) / 1e5
    error = np.abs(right - references.naive(data)).max()
    lines.append(f"| gammaflow, eight kinds at 100,000 | {1e9 * ours:,.1f} | | {error:.0e} |")
    alone = median(lambda: price(put)) / 1e5
    lines.append(f"| gammaflow, down-and-in put at 100,000 | {1e9 * alone:,.1f} | | |")
    for name, (compute, allowed) in PEERS.items():
        try:
            with Peer(name, compute, data) as peer:
                error = np.abs(peer.found["price"] - right).max()
                seconds = peer.median(3) / looped
        except PeerError as why:
            lines.append(f"| {name} | | NOT ASKED: {why} | |")
            continue
        times = f"{seconds / ours:,.0f}x faster"
        if not error < allowed:
            times += f"; DISAGREES by more than {allowed:.0e}"
        lines.append(f"| {name}, a loop over {looped:,} | {1e9 * seconds:,.0f} | {times} | {error:.0e} |")
    return "\n".join(lines)


def note(**options: Any) -> Any:
    """Price, delta and gamma of one knock-in put observed at 252 dates."""
    terms = {**NOTE, **options}
    return barrier.greeks(S=75.0, which=("price", "delta", "gamma"), monitoring=252, **terms)


def dates(quick: bool) -> str:
    """A row per tolerance: 252 dates, price, delta and gamma of one knock-in put, and peers' one price."""
    lines = ["| 252 dates | ms | error |", "|---|---:|---:|"]
    best = note(tol=1e-9)
    for tol in (1e-4, 1e-6, 1e-8):
        seconds = median(lambda tol=tol: note(tol=tol), 21)
        error = max(abs(float(a / b - 1.0)) for a, b in zip(note(tol=tol), best, strict=True))
        lines.append(
            f"| gammaflow, price, delta and gamma, tol {tol:g} | {1e3 * seconds:.2f} | {error:.0e} |"
        )
    seconds = median(lambda: note(method="bgk"), 21)
    error = abs(float(note(method="bgk").price / best.price) - 1.0)
    lines.append(f"| gammaflow, shifted barrier | {1e3 * seconds:.3f} | {error:.0e} |")
    args = ("down-in", -1.0, 75.0, 100.0, 70.0, np.arange(1, 253) / 252, 0.04, 0.3, 0.01, 0.0)
    for paths in (10_000,) if quick else (10_000, 100_000):
        start = time.perf_counter()
        value, deviation = references.monte_carlo(*args, paths, 1)
        seconds = time.perf_counter() - start
        lines.append(
            f"| numpy Monte Carlo, price alone, {paths:,} paths | {1e3 * seconds:,.0f} "
            f"| {deviation / float(best.price):.0e} (one deviation) |"
        )
        assert abs(value - best.price) < 5 * deviation
    terms = {name: NOTE[name] for name in ("kind", "flag", "K", "H", "t", "r", "q")}
    for nodes in (500,) if quick else (500, 2000):

        def grid(nodes: int = nodes) -> Any:
            return barrier.greeks_local_volatility(
                S=75.0, vol=NOTE["sigma"], monitoring=252, nodes=nodes, steps=1008, **terms
            )

        error = max(abs(float(a / b - 1.0)) for a, b in zip(grid(), best, strict=True))
        lines.append(
            f"| Crank-Nicolson, {nodes:,} spots and four steps a date "
            f"| {1e3 * median(grid, 3):,.0f} | {error:.0e} |"
        )
    for samples in (4095,) if quick else (4095, 65535):
        put = {"S": 75.0, "dates": 252, "samples": samples, **terms, "sigma": NOTE["sigma"]}
        try:
            with Peer("QuantLib", references.quantlib_monitored, put) as peer:
                seconds, value = peer.median(1), float(peer.found["price"])
        except PeerError as why:
            lines.append(f"| QuantLib Sobol Monte Carlo, price, {samples:,} | | NOT ASKED: {why} |")
            continue
        error = abs(value / float(best.price) - 1.0)
        lines.append(
            f"| QuantLib Sobol Monte Carlo, price, {samples:,} | {1e3 * seconds:,.0f} | {error:.0e} |"
        )
    return "\n".join(lines)


def profile(quick: bool) -> str:
    """Many notes monitored daily at 500 spots: price, delta and gamma."""
    rng = np.random.default_rng(0)
    n = 50 if quick else 1_000
    S = np.linspace(50.0, 150.0, 500)
    H = rng.uniform(55.0, 85.0, (n, 1))
    sigma = rng.uniform(0.2, 0.6, (n, 1))
    t = np.full((n, 1), 1.0)
    lines = [f"| {n:,} notes, 252 dates, 500 spots, tol 1e-4 | s |", "|---|---:|"]
    before = gf.bsm.get_threads()
    for threads in (1, 2):
        gf.bsm.set_threads(threads)
        seconds = median(
            lambda: barrier.greeks(
                "down-in", "p", S, 100.0, H, t, 0.04, sigma, 0.01,
                which=("price", "delta", "gamma"), monitoring=252, tol=1e-4,
            ),
            3,
        )  # fmt: skip
        lines.append(f"| {threads} thread{'s' * (threads > 1)} | {seconds:.2f} |")
    gf.bsm.set_threads(before)
    return "\n".join(lines)


def section(quick: bool = False) -> str:
    """The barriers' part of benchmarks/README.md."""
    return "## Barrier options\n\n" + "\n\n".join((continuous(quick), dates(quick), profile(quick))) + "\n"


if __name__ == "__main__":
    print(section())
