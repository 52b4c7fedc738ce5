"""American options side by side: price and greeks of single options, and the correction of a book."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

import benchmarks.peers  # noqa: F401  puts the tests' references on the path

# isort: split
from gammaflow import american, bsm
from gammaflow.exposure.exercise import compare_exercise
from gammaflow.kernels.american import rule
from gammaflow.pricing.american.boundary import evaluate
from support.barrier_references import available
from support.profile_references import listed_book
from support.rows import cash_of

ROUNDS, LOOPED = 5, 2_000
# Price per strike: QuantLib's fast scheme leaves 3e-6 on these options.
TOLERANCE = {"default": 2e-6, "precise": 3e-8, "fast": 2e-5, "accurate": 1e-6, "highPrecision": 1e-6}


def _median(call: Callable[[], Any], rounds: int = ROUNDS) -> float:
    call()
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def contracts(n: int) -> tuple[Any, ...]:
    """Puts and calls in which early exercise matters: flag, S, K, t, r, sigma, q; t in whole days."""
    rng = np.random.default_rng(n)
    return (
        np.where(rng.random(n) < 0.5, 1, -1), rng.uniform(80.0, 125.0, n), np.full(n, 100.0),
        rng.integers(20, 730, n) / 365.0, rng.uniform(0.01, 0.08, n), rng.uniform(0.15, 0.6, n),
        rng.uniform(0.005, 0.08, n),
    )  # fmt: skip


def quantlib(data: tuple[Any, ...], scheme: str) -> Any:
    """QuantLib's QdFpAmericanEngine, one option at a time with the market quotes moved."""
    import QuantLib as ql  # noqa: N813

    today = ql.Date(1, 1, 2026)
    ql.Settings.instance().evaluationDate = today
    count = ql.Actual365Fixed()
    spot, rate, carry, vol = (ql.SimpleQuote(0.1) for _ in range(4))
    process = ql.BlackScholesMertonProcess(
        ql.QuoteHandle(spot),
        ql.YieldTermStructureHandle(ql.FlatForward(today, ql.QuoteHandle(carry), count)),
        ql.YieldTermStructureHandle(ql.FlatForward(today, ql.QuoteHandle(rate), count)),
        ql.BlackVolTermStructureHandle(
            ql.BlackConstantVol(today, ql.NullCalendar(), ql.QuoteHandle(vol), count)
        ),
    )
    engine = ql.QdFpAmericanEngine(process, getattr(ql.QdFpAmericanEngine, f"{scheme}Scheme")())
    found = []
    for phi, S, K, t, r, sigma, q in zip(*(column.tolist() for column in data), strict=True):
        for quote, value in zip((spot, rate, carry, vol), (S, r, q, sigma), strict=True):
            quote.setValue(value)
        payoff = ql.PlainVanillaPayoff(ql.Option.Call if phi > 0 else ql.Option.Put, K)
        option = ql.VanillaOption(payoff, ql.AmericanExercise(today, today + round(365 * t)))
        option.setPricingEngine(engine)
        found.append(option.NPV())
    return np.array(found)


def prices() -> str:
    """A row per way to price American options; QuantLib loops over 2,000."""
    some, many = contracts(LOOPED), contracts(20_000)
    by = rule(32, 32, 96, 1e-12, 20)
    exact = evaluate([column.astype(np.float64) for column in some], by)[0]
    lines = ["| | us per option | gammaflow is | error per strike |", "|---|---:|---:|---:|"]
    ours = {}
    for precision in ("default", "precise"):
        error = np.abs(american.price(*some, precision=precision) - exact).max() / 100.0
        assert error < TOLERANCE[precision], (precision, error)
        ours[precision] = _median(lambda p=precision: american.price(*many, precision=p)) / 20_000
        lines.append(f"| gammaflow, {precision} | {1e6 * ours[precision]:.2f} | | {error:.0e} |")
        seconds = _median(lambda p=precision: american.greeks(*some, precision=p), 3) / LOOPED
        lines.append(f"| gammaflow, {precision}, price and eight greeks | {1e6 * seconds:.0f} | | |")
    if not available("QuantLib"):
        return "\n".join([*lines, "| QuantLib | not installed | | |"])
    for scheme, beside in (("fast", "default"), ("accurate", "default"), ("highPrecision", "precise")):
        error = np.abs(quantlib(some, scheme) - exact).max() / 100.0
        seconds = _median(lambda s=scheme: quantlib(some, s), 3) / LOOPED
        times = f"{seconds / ours[beside]:.1f}x faster ({beside})"
        lines.append(f"| QuantLib QdFp, {scheme} | {1e6 * seconds:.1f} | {times} | {error:.0e} |")
        assert error < TOLERANCE[scheme], (scheme, error)
    return "\n".join(lines)


def rows() -> str:
    """Cost of early exercise in a profile: 10,000 American contracts at 500 spots."""
    n = 10_000
    book = listed_book(n)
    book = replace(book, columns={**book.columns, "exercise": np.full(n, "american", object)})
    spots = np.linspace(0.8, 1.2, 500) * book.spot
    every = np.ones(n, dtype=bool)

    def correct(book: Any, spots: Any) -> Any:
        return cash_of("american", book, spots, ("gamma", "vanna", "charm"), rows=every)

    first = _median(lambda: correct(book.select(every), spots), 3)
    again = _median(lambda: correct(book, spots))
    one = _median(lambda: correct(book, spots[[250]]))
    comparison = _median(lambda: compare_exercise(book))
    return "\n".join(
        [
            "| 10,000 contracts, gamma, vanna and charm | ms |", "|---|---:|",
            f"| 500 spots, first time | {1e3 * first:,.0f} |",
            f"| 500 spots, boundaries kept | {1e3 * again:,.0f} |",
            f"| one spot, boundaries kept | {1e3 * one:,.1f} |",
            f"| `compare_exercise` | {1e3 * comparison:,.0f} |",
        ]
    )  # fmt: skip


def section() -> str:
    """The American part of benchmarks/README.md."""
    threads = bsm.get_threads()
    bsm.set_threads(1)
    try:
        return "## American options\n\n" + "\n\n".join((prices(), rows())) + "\n"
    finally:
        bsm.set_threads(threads)


if __name__ == "__main__":
    print(section())
