"""Whole structured notes: a ladder of 200 spots by quadrature against Monte Carlo at one spot."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import benchmarks.peers  # noqa: F401  puts the tests' references on the path
from benchmarks.clock import median

# isort: split
from gammaflow.pricing.note.prices import ALL, value
from support import note_references as references

SPOTS = np.linspace(40.0, 160.0, 200)
NOTES = {
    "PHX_3y_dailyKI60": "three years, 756 closes, quarterly calls and coupons",
    "SNOW_2y_dailyKI75": "two years, 504 closes, monthly calls",
    "RC_1y_dailyKI70": "one year, 252 closes",
    "PHX_3y_euroKI60": "three years, barrier at maturity, quarterly calls and coupons",
}


def ladder(deal: str, **options: Any) -> Any:
    """A note at every spot."""
    r, q, sigma = references.DEALS[deal.rsplit("_", 1)[0]][3:]
    return value(references.reference_terms(deal, 0, "not_knocked"), SPOTS, r, sigma, q, **options)


def ladders(quick: bool) -> str:
    """A row per note and tolerance: price, delta and gamma at 200 spots, errors as `value` counts them."""
    lines = [
        "| 200 spots, price, delta and gamma | tol | ms | price error | gamma error |",
        "|---|---:|---:|---:|---:|",
    ]
    for deal, words in NOTES.items():
        best = ladder(deal, tol=1e-9)
        for tol in (1e-6,) if quick else (1e-4, 1e-6, 1e-7):
            found = ladder(deal, tol=tol)
            price = np.abs(found.price - best.price).max()
            gamma = np.abs(found.gamma - best.gamma).max() / np.abs(best.gamma).max()
            ms = 1e3 * median(lambda deal=deal, tol=tol: ladder(deal, tol=tol), 11)
            lines.append(f"| {words} | {tol:g} | {ms:.1f} | {price:.0e} | {gamma:.0e} |")
    ms = 1e3 * median(lambda: ladder("PHX_3y_dailyKI60", which=ALL), 5)
    lines.append(f"| the first, all twelve quantities | 1e-07 | {ms:.1f} | | |")
    return "\n".join(lines)


def monte_carlo(quick: bool) -> str:
    """Price of the three-year note at one spot by numpy paths, against quadrature."""
    lines = ["| 756 closes, price at one spot | ms | error |", "|---|---:|---:|"]
    r, q, sigma = references.DEALS["PHX_3y"][3:]
    terms = references.reference_terms("PHX_3y_dailyKI60", 0, "not_knocked")
    seconds = median(lambda: value(terms, 80.0, r, sigma, q, "price"), 11)
    best = value(terms, 80.0, r, sigma, q, "price", tol=1e-9).price
    error = abs(value(terms, 80.0, r, sigma, q, "price").price - best)
    lines.append(f"| gammaflow | {1e3 * seconds:.1f} | {error:.0e} |")
    for pairs in (2_000,) if quick else (2_000, 20_000):
        start = time.perf_counter()
        found, deviation = references.monte_carlo(terms, 80.0, r, sigma, q, pairs, 1)
        seconds = time.perf_counter() - start
        assert abs(found - best) < 5.0 * deviation, (found, best)
        lines.append(
            f"| numpy Monte Carlo, {2 * pairs:,} antithetic paths | {1e3 * seconds:,.0f} "
            f"| {deviation:.0e} (one deviation) |"
        )
    return "\n".join(lines)


def section(quick: bool = False) -> str:
    """The notes' part of benchmarks/README.md."""
    return "## Structured notes\n\n" + "\n\n".join((ladders(quick), monte_carlo(quick))) + "\n"


if __name__ == "__main__":
    print(section())
