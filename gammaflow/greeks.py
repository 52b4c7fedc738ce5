"""Greeks of a book's rows at any spot, day and volatility: the one place that calls the row kernels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gammaflow.book import Book
from gammaflow.kernels.cache import is_kept
from gammaflow.kernels.sweep import CASH_GREEKS, cash_rows, cash_sweep
from gammaflow.schema import read_only

__all__ = ["cash_greeks", "cash_sums", "kernels_are_ready"]


def kernels_are_ready() -> bool:
    """Whether the row kernels are compiled for this machine; the first call on a new one compiles them."""
    return is_kept(cash_rows) and is_kept(cash_sweep)


def cash_greeks(book: Book) -> dict[str, NDArray[np.float64]]:
    """Cash greeks (see `gammaflow.units`) times position and multiplier, for each row, now.

    Returns
    -------
    dict of (n,) arrays
        By cash greek, and "gross_gamma" with absolute positions; NaN nowhere for a valid book.
    """
    out = np.empty((len(CASH_GREEKS), len(book)))
    cash_rows(
        book.flag,
        read_only(book.underlying_ratio * book.spot),
        book["strike"],
        book.years,
        book["rate"],
        book["sigma"],
        book.underlying_yield,
        book.size,
        out,
    )
    cash = dict(zip(CASH_GREEKS, out, strict=True))
    return {**cash, "gross_gamma": np.abs(cash["gamma"])}


def cash_sums(
    book: Book, spots: NDArray[np.float64], *, days: float = 0.0, vol_shift: float = 0.0
) -> dict[str, NDArray[np.float64]]:
    """Cash greeks times position and multiplier, summed over the rows of each expiry at each spot.

    Parameters
    ----------
    book : Book
    spots : (m,) array
        Prices of the underlying [currency]; forwards keep their ratio to spot.
    days : float
        Calendar days rolled forward; expiries passed by then drop off.
    vol_shift : float
        Added to every volatility [1.00 of vol]; strikes keep their volatility when spot moves.

    Returns
    -------
    dict of (n_expiries, m) arrays
        By cash greek, and "gross_gamma" with absolute positions.
    """
    years, sigma = book.rolled(days, vol_shift)
    out = np.zeros((len(book.expiries), len(CASH_GREEKS) + 1, len(spots)))
    cash_sweep(
        read_only(spots),
        book.expiry_starts,
        book.flag,
        book.underlying_ratio,
        book["strike"],
        years,
        book["rate"],
        sigma,
        book.underlying_yield,
        book.size,
        out,
    )
    return dict(zip((*CASH_GREEKS, "gross_gamma"), np.moveaxis(out, 1, 0), strict=True))
