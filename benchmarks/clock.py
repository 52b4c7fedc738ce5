"""The clock and the memory of one call in this process."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any


def seconds(call: Callable[[], Any]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def median(call: Callable[[], Any], rounds: int = 5) -> float:
    """Median seconds of a call after a warm-up."""
    call()
    return statistics.median(seconds(call) for _ in range(rounds))


def peak(call: Callable[[], Any]) -> float:
    """Megabytes allocated at the peak of a call."""
    tracemalloc.start()
    call()
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found / 1e6
