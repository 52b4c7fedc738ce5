"""American options side by side: price and greeks of single options, and the correction of a book."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

import benchmarks.peers  # noqa: F401  puts the tests' references on the path
from benchmarks.asking import Peer
from benchmarks.clock import median
from benchmarks.environments import PeerError

# isort: split
from gammaflow import american, bsm
from gammaflow.exposure.exercise import compare_exercise
from gammaflow.kernels.american import rule
from gammaflow.pricing.american.boundary import evaluate
from support.peers import INPUTS, quantlib_american
from support.profile_references import listed_book
from support.rows import cash_of

MANY, LOOPED = 20_000, 2_000
# Price per strike: QuantLib's fast scheme leaves 3e-6 on these options.
TOLERANCE = {"default": 2e-6, "precise": 3e-8, "fast": 2e-5, "accurate": 1e-6, "highPrecision": 1e-6}


def contracts(n: int) -> tuple[Any, ...]:
    """Puts and calls in which early exercise matters: flag, S, K, t, r, sigma, q; t in whole days."""
    rng = np.random.default_rng(n)
    return (
        np.where(rng.random(n) < 0.5, 1, -1), rng.uniform(80.0, 125.0, n), np.full(n, 100.0),
        rng.integers(20, 730, n) / 365.0, rng.uniform(0.01, 0.08, n), rng.uniform(0.15, 0.6, n),
        rng.uniform(0.005, 0.08, n),
    )  # fmt: skip


def prices(quick: bool) -> str:
    """A row per way to price American options; QuantLib loops over the first of them."""
    looped, n = (200, 2_000) if quick else (LOOPED, MANY)
    some, many = contracts(looped), contracts(n)
    by = rule(32, 32, 96, 1e-12, 20)
    exact = evaluate([column.astype(np.float64) for column in some], by)[0]
    lines = ["| | us per option | gammaflow is | error per strike |", "|---|---:|---:|---:|"]
    ours = {}
    for precision in ("default", "precise"):
        error = np.abs(american.price(*some, precision=precision) - exact).max() / 100.0
        assert error < TOLERANCE[precision], (precision, error)
        ours[precision] = median(lambda p=precision: american.price(*many, precision=p)) / n
        lines.append(f"| gammaflow, {precision} | {1e6 * ours[precision]:.2f} | | {error:.0e} |")
        seconds = median(lambda p=precision: american.greeks(*some, precision=p), 3) / looped
        lines.append(f"| gammaflow, {precision}, price and eight greeks | {1e6 * seconds:.0f} | | |")
    data = dict(zip(INPUTS, some, strict=True))
    for scheme, beside in (("fast", "default"), ("accurate", "default"), ("highPrecision", "precise")):
        try:
            with Peer("QuantLib", quantlib_american, {**data, "scheme": scheme}) as peer:
                seconds, found = peer.median(3) / looped, peer.found["price"]
        except PeerError as why:
            lines.append(f"| QuantLib QdFp, {scheme} | | NOT ASKED: {why} | |")
            continue
        error = np.abs(found - exact).max() / 100.0
        times = f"{seconds / ours[beside]:.1f}x faster ({beside})"
        if error >= TOLERANCE[scheme]:
            times += f"; DISAGREES by more than {TOLERANCE[scheme]:.0e}"
        lines.append(f"| QuantLib QdFp, {scheme} | {1e6 * seconds:.1f} | {times} | {error:.0e} |")
    return "\n".join(lines)


def rows(quick: bool) -> str:
    """Cost of early exercise in a profile: many American contracts at 500 spots."""
    n = 500 if quick else 10_000
    book = listed_book(n)
    book = replace(book, columns={**book.columns, "exercise": np.full(n, "american", object)})
    spots = np.linspace(0.8, 1.2, 500) * book.spot

    def correct(book: Any, spots: Any) -> Any:
        return cash_of("american", book, spots, ("gamma", "vanna", "charm"))

    first = median(lambda: correct(book.select(np.ones(n, dtype=bool)), spots), 3)
    again = median(lambda: correct(book, spots))
    one = median(lambda: correct(book, spots[[250]]))
    comparison = median(lambda: compare_exercise(book))
    return "\n".join(
        [
            f"| {n:,} contracts, gamma, vanna and charm | ms |", "|---|---:|",
            f"| 500 spots, first time | {1e3 * first:,.0f} |",
            f"| 500 spots, boundaries kept | {1e3 * again:,.0f} |",
            f"| one spot, boundaries kept | {1e3 * one:,.1f} |",
            f"| `compare_exercise` | {1e3 * comparison:,.0f} |",
        ]
    )  # fmt: skip


def section(quick: bool = False) -> str:
    """The American part of benchmarks/README.md."""
    threads = bsm.get_threads()
    bsm.set_threads(1)
    try:
        return "## American options\n\n" + "\n\n".join((prices(quick), rows(quick))) + "\n"
    finally:
        bsm.set_threads(threads)


if __name__ == "__main__":
    print(section())
