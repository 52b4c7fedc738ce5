"""The comparison table of the tests, and a round-robin clock for it."""

from __future__ import annotations

import gc
import statistics
import sys
import time
import tracemalloc
import warnings
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.references import COMPARISONS, Arrays, Comparison, contracts, error, exact, worst_error

__all__ = ["COMPARISONS", "Timing", "contracts", "exact", "measure"]


@dataclass(frozen=True)
class Timing:
    """Median time of one call, what it allocates, and its worst error after the clock stopped."""

    peer: str
    n: int
    nanoseconds: float
    bytes_per_contract: float
    error: float
    remark: str


def _allocated(comparison: Comparison, data: Arrays) -> int:
    gc.collect()
    tracemalloc.start()
    comparison.compute(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def _judge(comparison: Comparison, found: Arrays, data: Arrays) -> tuple[float, str]:
    """Worst error of what is held to agree, and a remark; raises if that does not."""
    expected = exact(data)
    right = {name: value for name, value in found.items() if name not in comparison.wrong}
    remarks = [
        f"DISAGREES: {name} by {error(name, found[name], expected[name], data):.0e} ({why})"
        for name, why in comparison.wrong.items()
    ]
    worst = worst_error(right or found, expected, data)
    if right and not worst <= comparison.tolerance:
        remarks.insert(0, f"DISAGREES: by {worst:.0e}, more than {comparison.tolerance:.0e}")
        if comparison.package == "gammaflow":
            raise AssertionError(f"gammaflow {comparison.operation}: error {worst:.1e}")
    return worst, "; ".join(remarks)


def _turn(comparison: Comparison, data: Arrays) -> float:
    """Seconds per call over a turn of at least two milliseconds."""
    calls = 0
    begin = time.perf_counter()
    while True:
        comparison.compute(data)
        calls += 1
        elapsed = time.perf_counter() - begin
        if elapsed > 2e-3:
            return elapsed / calls


def measure(operation: str, n: int, seconds: float = 6.0) -> list[Timing]:
    """Time every installed peer on the same n contracts: one warm-up, then turns in rotation, medians."""
    data = contracts(n, seed=n)
    entrants = [c for c in COMPARISONS if c.operation == operation and c.installed and n <= c.largest]
    times: dict[str, list[float]] = {c.peer: [] for c in entrants}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = {c.peer: c.compute(data) for c in entrants}
        allocated = {c.peer: _allocated(c, data) for c in entrants}
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(times[entrants[0].peer]) < 5:
            for c in entrants:
                times[c.peer].append(_turn(c, data))
    timings = []
    for c in entrants:
        worst, remark = _judge(c, results[c.peer], data)
        nanoseconds = statistics.median(times[c.peer]) / n * 1e9
        timings.append(Timing(c.peer, n, nanoseconds, allocated[c.peer] / n, worst, remark))
    return timings
