"""Prints the tables of benchmarks/README.md and writes them there; `--quick` prints small ones alone."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import llvmlite.binding

from benchmarks import american, barriers, batches, notes, profiles, regimes, simulation
from benchmarks.environments import versions
from benchmarks.peers import Timing, measure

TARGET = Path(__file__).with_name("README.md")
SIZES = (1_000, 100_000, 1_000_000)
OPERATIONS = {"greeks": "Price and eight greeks", "implied_volatility": "Implied volatility"}
PACKAGES = ("numpy", "scipy", "pandas", "numba", "vollib")
INTRODUCTION = """# Benchmarks

Written by `python -m benchmarks` (`make bench`); do not edit. `make bench-loops` times each hot loop alone
and compares it with a baseline: see CONTRIBUTING.md.

One thread, the same arrays for everyone, results allocated in every call, one warm-up, then turns of at least
2 ms in rotation; medians. Every peer is asked in a process of its own, and all but vollib, which is a library
of ours, in an environment of their own with their newest version and what it asks for. *Error* is the worst
over all rows and quantities, in units of each quantity's natural scale (`pricing.verify.natural_scales`),
relative for implied volatility (whose floor, half an ulp of an in-the-money price over its vega, is about
1e-13 on these contracts). A peer that does not agree is shown as disagreeing, one that cannot be asked with
the reason. *B* is the peak of memory allocated during a call, per contract; the result alone is 72 bytes for
greeks, 8 for volatilities. Peers with a Python call per contract are asked 1,000 only.
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
        if math.isnan(t.nanoseconds):
            lines.append(f"| {t.peer} | | | | | {t.remark} |")
            continue
        times = "" if t.peer == "gammaflow" else f"{t.nanoseconds / ours:,.1f}x faster"
        speed = f"{t.nanoseconds:,.1f}" if t.nanoseconds < 1000 else f"{t.nanoseconds:,.0f}"
        lines.append(
            f"| {t.peer} | {speed} | {times} | {t.error:.0e} | {t.bytes_per_contract:,.0f} | {t.remark} |"
        )
    return "\n".join(lines)


def _machine() -> str:
    cpu = llvmlite.binding.get_host_cpu_name()
    ours = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    return (
        f"{platform.machine()} ({cpu}), Python {platform.python_version()}; {ours}.\n\n"
        f"Peers: {'; '.join(versions())}."
    )


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
    return "## First call\n\n" + "\n".join(rows) + "\n"


def _sections(quick: bool) -> list[tuple[str, Callable[[], str]]]:
    """Title and maker of each section, in order."""

    def vanilla(operation: str, n: int) -> Callable[[], str]:
        title = f"## {OPERATIONS[operation]}, {n:,} contracts"
        return lambda: f"{title}\n\n{_table(measure(operation, n, 0.5 if quick else 6.0))}"

    found = [
        (f"{title}, {n:,} contracts", vanilla(operation, n))
        for operation, title in OPERATIONS.items()
        for n in (SIZES[:1] if quick else SIZES)
    ]
    for name, module in (
        ("Greeks between other work", regimes), ("Profile", profiles), ("Barrier options", barriers),
        ("American options", american), ("Structured notes", notes), ("Feedback simulation", simulation),
        ("Chains and batches", batches),
    ):  # fmt: skip
        found.append((name, lambda module=module: module.section(quick)))  # type: ignore[misc]
    return [*found, ("First call", _first_calls)]


def main() -> int:
    """Measure, print and write; a section of ours that fails says so, and so does the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, printed and not written")
    quick = parser.parse_args().quick
    parts, failed = [INTRODUCTION, _machine()], False
    print(parts[-1], flush=True)
    for title, make in _sections(quick):
        try:
            parts.append(f"\n{make()}")
        except Exception as error:
            failed = True
            parts.append(f"\n## {title}\n\nFAILED: {type(error).__name__}: {error}\n")
        print(parts[-1], flush=True)
    if not quick:
        TARGET.write_text("\n".join(parts), encoding="utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
