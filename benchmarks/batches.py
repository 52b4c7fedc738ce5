"""Snapshots of a store, one by one and in batches: rows a second, processor time a row, memory of a worker.

Each row of the table of batches is a process of its own: ``python -m benchmarks.batches FOLDER NAME COUNT
WORKERS`` prints it as JSON.
"""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import gammaflow as gf
from benchmarks.clock import median
from gammaflow.exposure.levels import find_flips
from gammaflow.market.chain import Chain
from gammaflow.market.store import read_snapshot
from gammaflow.market.synthetic import synthetic_chains

CONTRACTS = 2_000
COUNTS, QUICK = (100, 1_000), (10,)


def greeks(chain: Chain) -> dict[str, float]:
    """Gamma, vanna and charm of open interest, by `gf.bsm.greeks` on the forwards."""
    flag, oi = np.where(chain.calls, 1, -1), np.nan_to_num(chain["open_interest"])
    names = ("gamma", "vanna", "charm")
    found = gf.bsm.greeks(
        flag, chain.forward_prices, chain["strike"], chain.years, 0.0, chain["iv"], which=names
    )
    return {name: float(np.nansum(oi * getattr(found, name))) for name in names}


def flips(chain: Chain) -> dict[str, float]:
    """Flips of a profile of gamma."""
    found = find_flips(gf.sweep_spot(gf.assign_positions(chain), measures=("gamma",)))
    return {"flips": len(found), "flip": float(found[0]) if len(found) else np.nan}


FUNCTIONS: dict[str, Callable[[Chain], Any]] = {
    "greeks": greeks, "profile and flips": flips, "summarize": gf.summarize
}  # fmt: skip


def _ask(folder: str, name: str, count: int, workers: int) -> dict[str, float]:
    """One row of the table of batches; 0 workers: this process."""
    import resource

    paths = [snapshot.path for snapshot in gf.Store(folder).list()][:count]
    gf.run_batch(paths[:1], FUNCTIONS[name])  # compiles
    start, own = time.perf_counter(), time.process_time()
    found = gf.run_batch(paths, FUNCTIONS[name], workers=workers or None)
    seconds, used = time.perf_counter() - start, time.process_time() - own
    for child in multiprocessing.active_children():
        child.join()
    children = resource.getrusage(resource.RUSAGE_CHILDREN if workers else resource.RUSAGE_SELF)
    used += children.ru_utime + children.ru_stime if workers else 0.0
    if len(found.table) != count:
        raise RuntimeError(f"{count - len(found.table)} of {count} snapshots failed")
    rows = count * CONTRACTS
    return {"rate": rows / seconds, "cost": used / rows, "peak": children.ru_maxrss / 1024}


def _batches(folder: str, counts: tuple[int, ...]) -> str:
    lines = [
        "| function | snapshots | workers | rows a second | processor us a row | MB of a worker |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name in FUNCTIONS:
        for count in counts:
            for workers in (0, 1, 2):
                asked = [sys.executable, "-m", "benchmarks.batches", folder, name, str(count), str(workers)]
                row = json.loads(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)
                peak = f"{row['peak']:,.0f}" if workers else ""  # this process counts what started it
                lines.append(
                    f"| {name} | {count:,} | {workers or 'this process'} | {row['rate']:,.0f} "
                    f"| {1e6 * row['cost']:.2f} | {peak} |"
                )
    return "\n".join(lines)


def section(quick: bool) -> str:
    """Time of each step from a file to a summary, and the table of batches."""
    counts = QUICK if quick else COUNTS
    with tempfile.TemporaryDirectory() as folder:
        store = gf.Store(Path(folder) / "store")
        for chain in synthetic_chains(max(counts), contracts=CONTRACTS):
            store.append(chain)
        path = store.list()[0].path
        chain, table = read_snapshot(path), Path(folder) / "chain.csv"
        chain.to_frame(facts=True).to_csv(table, index=False)
        book = gf.assign_positions(chain)
        profile = gf.sweep_spot(book)
        steps: dict[str, Callable[[], Any]] = {
            f"a table of {table.stat().st_size / 1e3:,.0f} kB (CSV) to a chain": lambda: gf.read_chain(table),
            "a snapshot of a store to a chain": lambda: read_snapshot(path),
            "a snapshot to a chain with its quality": lambda: read_snapshot(path).quality,
            "a chain to a book": lambda: gf.assign_positions(chain),
            "a book to a profile": lambda: gf.sweep_spot(book),
            "a profile to its levels": lambda: gf.find_levels(profile),
            "a snapshot to its levels": lambda: gf.find_levels(
                gf.sweep_spot(gf.assign_positions(read_snapshot(path)))
            ),
            "a snapshot to its summary": lambda: gf.summarize(read_snapshot(path)),
        }
        rounds = 5 if quick else 101
        each = [f"| {name} | {1e3 * median(step, rounds):,.2f} |" for name, step in steps.items()]
        batches = _batches(str(store.path), counts)
    head = ["## Chains and batches", "", f"Synthetic chains of {CONTRACTS:,} contracts.", ""]
    return "\n".join([*head, "| step | ms |", "|---|---:|", *each, "", batches, ""])


if __name__ == "__main__":
    folder, name, count, workers = sys.argv[1:]
    print(json.dumps(_ask(folder, name, int(count), int(workers))))
