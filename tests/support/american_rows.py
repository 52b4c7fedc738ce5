"""Books of American rows, and the early-exercise correction by differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gammaflow.kernels.sweep import CASH_GREEKS
from support.books import random_book
from support.rows import cash_of

WANTED = (*CASH_GREEKS, "gross_gamma")


def american_book(seed=5, rows=60, **changes):
    rng = np.random.default_rng(seed)
    rates = {"rate": rng.uniform(-0.01, 0.08, rows), "dividend_yield": rng.uniform(-0.02, 0.08, rows)}
    book = random_book(seed, rows, **(rates | changes))
    return replace(book, columns={**book.columns, "exercise": np.full(rows, "american", object)})


def differences(book, spots, wanted=WANTED, days=0.0, vol_shift=0.0, rows=None):
    years, sigma = book.rolled(days, vol_shift)
    return cash_of("american", book, spots, wanted, rows=rows, years=years, sigma=sigma, days=days)


def terms(book, spots):
    """Arguments of the array level, for rows x spots."""
    column = [a[:, None] for a in (book.flag, book["strike"], book.years, book["rate"], book["sigma"])]
    phi, K, t, r, sigma = column
    return phi, spots * book.underlying_ratio[:, None], K, t, r, sigma, book.underlying_yield[:, None]


def scales(book):
    """Natural size of each cash greek of each row, (n, 1)."""
    K, t, sigma = (a[:, None] for a in (book["strike"], book.years, book["sigma"]))
    s = sigma * np.sqrt(t)
    size = np.abs(book.size)[:, None] * K
    powers = {
        "delta": 1.0, "gamma": 1 / s, "vanna": 1 / sigma, "charm": 1 / t, "vega": np.sqrt(t), "theta": s / t,
        "speed": 1 / s**2, "zomma": 1 / (s * sigma), "color": 1 / (s * t), "gross_gamma": 1 / s,
    }  # fmt: skip
    return {name: size * power for name, power in powers.items()}
