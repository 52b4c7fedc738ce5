"""Prints the tables of benchmarks/README.md and writes them there."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import llvmlite.binding

from benchmarks import american, barriers, notes, profiles, simulation
from benchmarks.peers import Timing, measure

TARGET = Path(__file__).with_name("README.md")
SIZES = (1_000, 100_000, 1_000_000)
OPERATIONS = {"greeks": "Price and eight greeks", "implied_volatility": "Implied volatility"}
PACKAGES = (
    "numpy", "scipy", "numba", "vollib", "fast-vollib", "financepy", "QuantLib", "blackscholes", "jax",
    "py_vollib_vectorized",
)  # fmt: skip
INTRODUCTION = """# Benchmarks

Written by `python -m benchmarks` (`make bench`); do not edit.

One process, one thread, the same arrays for everyone, results allocated in every call, one warm-up, then
turns of at least 2 ms in rotation; medians. *Error* is the worst over all rows and quantities after the
clock stopped, in units of each quantity's natural scale (`pricing.verify.natural_scales`), relative for
implied volatility (whose floor, half an ulp of an in-the-money price over its vega, is about 1e-13 on these
contracts). A peer that does not agree is shown as disagreeing. *B* is the peak of memory allocated during a
call, per contract; the result alone is 72 bytes for greeks, 8 for volatilities. Peers with a Python call
per contract are asked 1,000 only.
"""
FIRST_CALL = """
import json, time
start = time.perf_counter()
import gammaflow
imported = time.perf_counter()
gammaflow.bsm.greeks("c", 100.0, 100.0, 0.5, 0.03, 0.2)
greeks = time.perf_counter()
gammaflow.bsm.implied_volatility(7.0, 100.0, 100.0, 0.5, 0.03, 0.0, "c")
print(json.dumps([imported - start, greeks - imported, time.perf_counter() - greeks]))
"""


def _table(timings: list[Timing]) -> str:
    ours = timings[0].nanoseconds
    lines = ["| | ns per contract | gammaflow is | error | B | |", "|---|---:|---:|---:|---:|---|"]
    for t in timings:
        times = "" if t.peer == "gammaflow" else f"{t.nanoseconds / ours:,.1f}x faster"
        speed = f"{t.nanoseconds:,.1f}" if t.nanoseconds < 1000 else f"{t.nanoseconds:,.0f}"
        lines.append(
            f"| {t.peer} | {speed} | {times} | {t.error:.0e} | {t.bytes_per_contract:,.0f} | {t.remark} |"
        )
    return "\n".join(lines)


def _machine() -> str:
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} not installed")
    cpu = llvmlite.binding.get_host_cpu_name()
    return f"{platform.machine()} ({cpu}), Python {platform.python_version()}; {', '.join(found)}."


def _first_calls() -> str:
    """Seconds of a new process, without and with kept machine code."""
    rows = ["| new process | import | first greeks | first implied volatility |", "|---|---:|---:|---:|"]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "GAMMAFLOW_CACHE_DIR": folder}
        for label in ("nothing kept: compiles", "machine code kept"):
            answer = subprocess.run(
                [sys.executable, "-c", FIRST_CALL],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            rows.append(f"| {label} | " + " | ".join(f"{s:.2f} s" for s in json.loads(answer.stdout)) + " |")
    return "\n".join(rows)


def main() -> None:
    """Measure, print and write."""
    parts = [INTRODUCTION, _machine()]
    for operation, title in OPERATIONS.items():
        for n in SIZES:
            parts.append(f"\n## {title}, {n:,} contracts\n\n{_table(measure(operation, n))}")
            print(parts[-1], flush=True)
    for section in (profiles.section, barriers.section, american.section, notes.section, simulation.section):
        parts.append(f"\n{section()}")
        print(parts[-1], flush=True)
    parts.append(f"\n## First call\n\n{_first_calls()}\n")
    print(parts[-1])
    TARGET.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
