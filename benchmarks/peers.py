"""The comparison table of the tests, and a round-robin clock for it."""

from __future__ import annotations

import statistics
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from benchmarks.asking import Peer
from benchmarks.environments import PeerError
from support.references import COMPARISONS, Arrays, Comparison, contracts, error, exact, worst_error

__all__ = ["COMPARISONS", "Timing", "contracts", "exact", "measure"]


@dataclass(frozen=True)
class Timing:
    """Median time of one call, what it allocates, and its worst error; NaN and a reason where it has none."""

    peer: str
    n: int
    nanoseconds: float
    bytes_per_contract: float
    error: float
    remark: str


def _judge(comparison: Comparison, found: Arrays, data: Arrays) -> tuple[float, str]:
    """Worst error of what is held to agree, and a remark; raises if gammaflow does not agree."""
    expected = exact(data)
    right = {name: value for name, value in found.items() if name not in comparison.wrong}
    remarks = [
        f"DISAGREES: {name} by {error(name, found[name], expected[name], data):.0e} ({why})"
        for name, why in comparison.wrong.items()
        if not error(name, found[name], expected[name], data) <= comparison.tolerance
    ]
    worst = worst_error(right or found, expected, data)
    if right and not worst <= comparison.tolerance:
        remarks.insert(0, f"DISAGREES: by {worst:.0e}, more than {comparison.tolerance:.0e}")
        if comparison.package == "gammaflow":
            raise AssertionError(f"gammaflow {comparison.operation}: error {worst:.1e}")
    return worst, "; ".join(remarks)


def measure(operation: str, n: int, seconds: float = 6.0) -> list[Timing]:
    """Time every peer on the same n contracts: one warm-up each, then turns in rotation, medians.

    A peer that cannot be asked, or stops answering, has a row that says why.
    """
    data = contracts(n, seed=n)
    entrants = [c for c in COMPARISONS if c.operation == operation and n <= c.largest]
    times: dict[str, list[float]] = {c.peer: [] for c in entrants}
    peers: dict[str, Peer] = {}
    reasons: dict[str, str] = {}
    with ExitStack() as stack:
        for c in entrants:
            try:
                peers[c.peer] = stack.enter_context(Peer(c.package, c.compute, data))
            except PeerError as why:
                reasons[c.peer] = str(why)
        end, rounds = time.perf_counter() + seconds, 0
        while time.perf_counter() < end or rounds < 5:
            rounds += 1
            for name in peers.keys() - reasons.keys():
                try:
                    times[name].append(peers[name].turn())
                except PeerError as why:
                    reasons[name] = str(why)
    timings = []
    for c in entrants:
        if c.peer in reasons:
            timings.append(Timing(c.peer, n, np.nan, np.nan, np.nan, f"NOT ASKED: {reasons[c.peer]}"))
            continue
        worst, remark = _judge(c, peers[c.peer].found, data)
        nanoseconds = statistics.median(times[c.peer]) / n * 1e9
        timings.append(Timing(c.peer, n, nanoseconds, peers[c.peer].bytes / n, worst, remark))
    return timings
