"""Greeks in a tight loop, and where calls alternate with other work that fills the caches and takes pages."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import numpy as np

import benchmarks.peers  # noqa: F401  puts the tests' references on the path
from benchmarks.clock import seconds
from support.references import Arrays, contracts, exact, gammaflow_greeks, numpy_ndtr, worst_error

CONTRACTS, ROUNDS, OTHER = 100_000, 41, 8_000_000
WAYS: dict[str, Callable[[Arrays], Arrays]] = {
    "gammaflow": gammaflow_greeks,
    "numpy + scipy ndtr": numpy_ndtr,
}


def section(quick: bool = False) -> str:
    """The part of benchmarks/README.md about both regimes."""
    n, rounds = (1_000, 5) if quick else (CONTRACTS, ROUNDS)
    data = contracts(n)
    lines = [
        f"## Price and eight greeks, {n:,} contracts: alone, and between other work",
        "",
        f"Between two calls the other work writes {8e-6 * OTHER:.0f} MB of new pages and frees them.",
        "",
        "| ns per contract | tight loop | alternating |",
        "|---|---:|---:|",
    ]
    for name, compute in WAYS.items():
        worst = worst_error(compute(data), exact(data), data)
        assert worst < 1e-13, (name, worst)
        tight = [seconds(lambda c=compute: c(data)) for _ in range(rounds)]
        between = []
        for _ in range(rounds):
            np.ones(OTHER)
            between.append(seconds(lambda c=compute: c(data)))
        figures = (f"{1e9 * statistics.median(times) / n:.1f}" for times in (tight, between))
        lines.append(f"| {name} | {' | '.join(figures)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(section())
