"""The profile side by side: gamma, vanna and charm of 10,000 contracts at 500 spots."""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np

import benchmarks.peers  # noqa: F401  puts the tests' references on the path
import gammaflow as gf
from benchmarks.clock import median, peak, seconds
from support.profile_references import MEASURES, PROFILE_COMPARISONS, listed_book, numpy_loop

CONTRACTS, SPOTS, ROUNDS = 10_000, 500, 7
TOLERANCE = 1e-11


def _error(found: dict[str, Any], right: dict[str, Any]) -> float:
    return max(float(np.abs(found[k] - right[k]).max() / np.abs(right[k]).max()) for k in MEASURES)


def side_by_side(contracts: int, rounds: int) -> str:
    """A row per way to the profile: time, ratio, error, peak memory."""
    book = listed_book(contracts)
    spots = np.linspace(0.8, 1.2, SPOTS) * book.spot
    jobs = []
    for peer in PROFILE_COMPARISONS:
        part = book if peer.rows is None else book.select(np.arange(len(book)) < peer.rows)
        grid = spots if peer.spots is None else spots[:: SPOTS // peer.spots][: peer.spots]
        scale = (len(book) * len(spots)) / (len(part) * len(grid))
        jobs.append((peer, part, grid, scale))
        peer.compute(part, grid)
    times: dict[str, list[float]] = {peer.name: [] for peer in PROFILE_COMPARISONS}
    for _ in range(rounds):
        for peer, part, grid, scale in jobs:
            times[peer.name].append(scale * seconds(lambda p=peer, b=part, g=grid: p.compute(b, g)))
    ours = statistics.median(times["gammaflow"])
    lines = ["| | ms | gammaflow is | error | peak MB | |", "|---|---:|---:|---:|---:|---|"]
    for peer, part, grid, scale in jobs:
        error = _error(peer.compute(part, grid), numpy_loop(part, grid))
        assert error < TOLERANCE, (peer.name, error)
        taken = statistics.median(times[peer.name])
        most = peak(lambda p=peer, b=part, g=grid: p.compute(b, g))
        remark = "" if scale == 1 else f"extrapolated from {len(part)} rows x {len(grid)} spots"
        ratio = "" if peer.name == "gammaflow" else f"{taken / ours:,.0f}x faster"
        lines.append(f"| {peer.name} | {1e3 * taken:,.1f} | {ratio} | {error:.0e} | {most:,.1f} | {remark} |")
    return "\n".join(lines)


def growth(quick: bool) -> str:
    """Times for more contracts and more spots."""
    lines = ["| contracts | spots | ms | ns per term | peak MB |", "|---:|---:|---:|---:|---:|"]
    cases = [(n, 500) for n in (1_000, 10_000, 100_000, 1_000_000)] + [
        (10_000, m) for m in (100, 2_000, 8_000)
    ]
    for n, m in cases[:2] if quick else cases:
        book = listed_book(n)
        spots = np.linspace(0.8, 1.2, m) * book.spot

        def call(book: gf.Book = book, spots: Any = spots) -> Any:
            return gf.sweep_spot(book, spots, measures=MEASURES).values

        taken = median(call)
        each = 1e9 * taken / n / m
        lines.append(f"| {n:,} | {m:,} | {1e3 * taken:,.1f} | {each:.2f} | {peak(call):,.1f} |")
    return "\n".join(lines)


def section(quick: bool = False) -> str:
    """The profile's part of benchmarks/README.md."""
    contracts, rounds = (1_000, 2) if quick else (CONTRACTS, ROUNDS)
    return (
        f"## Profile: gamma, vanna and charm of {contracts:,} contracts at {SPOTS} spots\n\n"
        "The whole call of `sweep_spot`, r = 4 %, q = 1.3 %, 24 expiries from a day to two years, spots\n"
        "within 20 %. *Error* is against the numpy loop, relative to the largest value of the profile.\n\n"
        f"{side_by_side(contracts, rounds)}\n\n{growth(quick)}\n"
    )


if __name__ == "__main__":
    print(section())
