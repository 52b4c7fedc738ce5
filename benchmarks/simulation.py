"""The feedback simulation: nanoseconds of a path-step by number of channels, groups and threads."""

from __future__ import annotations

import time
from typing import Any

import benchmarks.peers  # noqa: F401  puts the tests' references on the path
import gammaflow as gf
from benchmarks.clock import median
from gammaflow.kernels.blocks import get_threads, set_threads
from support.feedback_loop import made_up_surface, walk

PATHS, STEPS, ROUNDS, SLOW_STEPS = 20_000, 390, 3, 60
HEDGES = ("gamma", "vanna", "charm", "knock_in")


def _options() -> dict[str, Any]:
    return {"steps": STEPS, "days": 1.0, "seed": 1, "volatility": 0.6, "beta": -3.0}


def _cases() -> dict[str, tuple[Any, Any, list[Any], dict[str, Any]]]:
    """Surface, impact, channels and options by name."""
    linear = gf.impact.linear(294e6, source="benchmark")
    root = gf.impact.square_root(40e9, 0.03, source="benchmark", permanent=0.33, half_life=0.5)
    flat = gf.constant_gamma_surface(-100e6, 70_000.0)
    full, short = made_up_surface(), made_up_surface(shift=False)
    pools = gf.liquidations.pool(1.2e9, 56_000.0, 69_000.0, source="benchmark")
    six = [*HEDGES, gf.deleveraging.FixedCut(1e9, 0.2), pools]
    still = {"beta": 0.0}
    return {
        "noise": (flat, linear, [], still),
        "gamma and charm, one group": (flat, linear, ["gamma", "charm"], still),
        "six channels, three groups, vol stays": (short, linear, six, still),
        "six channels, three groups, vol moves": (full, linear, six, {}),
        "the same, square root, two thirds transient": (full, root, six, {}),
    }


def section(quick: bool = False) -> str:
    """Time of a path-step on one thread and on all, and seconds of the whole run."""
    threads = get_threads()
    many = 500 if quick else PATHS
    lines = [
        "## Feedback simulation",
        "",
        f"| {many:,} paths of {STEPS} steps | one thread, ns per path-step | {threads} threads | s |",
        "|---|---:|---:|---:|",
    ]
    for name, (surface, impact, channels, options) in _cases().items():
        chosen = _options() | options

        def run(s: Any = surface, i: Any = impact, c: Any = channels, o: Any = chosen) -> Any:
            return gf.simulate_feedback(s, impact=i, channels=c, paths=many, **o)

        taken = []
        for count in (1, threads):
            set_threads(count)
            taken.append(median(run, ROUNDS))
        set_threads(threads)
        one, all_ = (1e9 * t / (many * STEPS) for t in taken)
        lines.append(f"| {name} | {one:.0f} | {all_:.0f} | {taken[1]:.2f} |")
    surface, impact, _, options = _cases()["six channels, three groups, vol moves"]
    chosen = _options() | options | {"steps": SLOW_STEPS}
    start = time.perf_counter()
    expected = walk(surface, impact, path=0, use=HEDGES, **chosen)
    slow = (time.perf_counter() - start) / SLOW_STEPS
    found = gf.simulate_feedback(surface, impact=impact, channels=HEDGES, paths=1, **chosen)
    assert abs(found.raw.x[0] - expected["x"]) < 1e-12
    lines += [
        "",
        f"The same steps in plain Python, on which both agree to 1e-12, take {1e3 * slow:.1f} ms each.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(section())
