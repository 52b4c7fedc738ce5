"""The holder's side of a book along a path: profit, margin and what closing it would make dealers trade.

None of it is a hedge flow. It becomes one only if the holder is made to close.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gammaflow.accuracy import Accuracy
from gammaflow.exposure.dynamics import spot_vol_beta
from gammaflow.feedback.cascade.hedge_results import book_cash
from gammaflow.positions.book import Book
from gammaflow.pricing import american, bsm

__all__ = ["holder_stress", "holder_values"]

Array = NDArray[np.float64]

# Moves of the worst case, evenly spaced on both sides, none included.
_SIDES = 5


def holder_values(book: Book, spots: Array, beta: float, quoted: Array | None = None) -> Array | None:
    """Value of the customers' options, minus the dealers', at each spot [currency]; None for other rows.

    Parameters
    ----------
    book : Book
        The dealers' book.
    spots : (m,) array
        Spots at which it is valued [currency].
    beta : float
        d sigma / d ln S of every volatility.
    quoted : (m,) array, optional
        Spots that volatility has followed; default: `spots`. A shocked spot at the vol of the spot before.
    """
    priced = np.isin(book["kind"].astype(str), ("call", "put")) & (book["numeraire"].astype(str) == "usd")
    if not priced.all():
        return None
    x = np.log((spots if quoted is None else quoted) / book.spot)
    sigma = book["sigma"][:, None]
    moved = np.maximum(sigma + beta * x, spot_vol_beta(beta).lowest * sigma) if beta else sigma + 0.0 * x
    flag, strike, years, rate, carry, ratio = (
        np.broadcast_to(column[:, None], moved.shape)
        for column in (
            book.flag, book["strike"], book.years, book["rate"], book.underlying_yield, book.underlying_ratio
        )
    )  # fmt: skip
    S = ratio * spots
    exercised = book["exercise"].astype(str) == "american"
    unit = np.empty(moved.shape)
    for rows, price in ((~exercised, bsm.price), (exercised, american.price)):
        if rows.any():
            of = (flag, S, strike, years, rate, moved, carry)
            unit[rows] = price(*(column[rows] for column in of))
    return np.asarray(-book.size @ unit)


def holder_stress(
    book: Book, spots: Array, *, beta: float, financed: float, margin_move: float, hedge_fraction: float
) -> tuple[dict[str, float], Array]:
    """Figures of the holder along a path of spots that begins at the book's, and profit at each spot.

    The margin is what the book would lose in the worst of ten moves of up to `margin_move` either way at the
    vol then, as portfolio margin has it. The holder starts with the larger of premium and margin, less what
    was borrowed. Where an option was sold, equity must cover the margin; else it must not fall below zero,
    which fully paid options never do and borrowed premium can.
    """
    values = holder_values(book, spots, beta)
    cash = book_cash(book, spot_vol_beta(beta), Accuracy())
    delta = float(cash(np.log(spots[-1:] / book.spot), "delta")[0, 0])
    closing = {"closing_flow": hedge_fraction * delta + 0.0}
    if values is None:
        names = ("value", "profit", "lowest_profit", "margin_start", "margin_end", "shortfall")
        return dict.fromkeys(names, np.nan) | closing, np.full(len(spots), np.nan)
    moves = np.delete(np.linspace(-margin_move, margin_move, 2 * _SIDES + 1), _SIDES)
    shocked = np.stack([_shocked(book, spots, beta, move) for move in moves])
    margin = np.maximum((values - shocked).max(axis=0), 0.0)
    profit = values - values[0]
    equity = profit + max(values[0], margin[0]) - financed * max(values[0], 0.0)
    asked = margin if (book.size > 0.0).any() else np.zeros_like(margin)
    figures = {
        "value": float(values[0]),
        "profit": float(profit[-1]),
        "lowest_profit": float(profit.min()),
        "margin_start": float(margin[0]),
        "margin_end": float(margin[-1]),
        "shortfall": float(np.maximum(asked - equity, 0.0).max()),
    }
    return figures | closing, profit


def _shocked(book: Book, spots: Array, beta: float, move: float) -> Array:
    values = holder_values(book, spots * (1.0 + move), beta, quoted=spots)
    assert values is not None
    return values
