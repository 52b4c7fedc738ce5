"""Sums on panels of many widths: as exact as a loop over rows, whatever their widths, range and reach."""

import numpy as np
import pytest
from scipy.stats import norm

from gammaflow.exposure.halving import panel_sums, panel_width, places
from gammaflow.exposure.sums import BookSums
from support.books import random_book


def looped(book, x, days):
    """Cash gamma and gross gamma at ln(S / S0) of calls and puts, row by row, by the textbook's formula."""
    years, sigma = book.rolled(days)
    total = np.zeros((2, *x.shape))
    for i in np.flatnonzero(book.vanilla & (years > 0.0)):
        underlying = book.underlying_ratio[i] * book.spot * np.exp(x)
        q, s = book.underlying_yield[i], sigma[i] * np.sqrt(years[i])
        d1 = (np.log(underlying / book["strike"][i]) + (book["rate"][i] - q) * years[i]) / s + 0.5 * s
        each = book.size[i] * underlying * np.exp(-q * years[i]) * norm.pdf(d1) / s
        total += np.stack([each, np.abs(each)])
    return total


@pytest.mark.parametrize(
    ("days", "narrowest", "first", "last"),
    [
        (0.0, 1.0, -6, 4),
        (0.0, 0.3, -3, 29),
        (20.0, 1.0, 2, 3),
        (0.0, 1.0, -1, 0),
        (0.0, 1.0, -1, 1),
        (0.0, 1.0, 600, 604),
    ],
)
def test_panel_sums_are_those_of_a_loop(days, narrowest, first, last):
    sums = BookSums(random_book(7), days=days)
    least = narrowest * sums.narrowest
    found = panel_sums(sums.vanilla, least, first, last)
    x = places(panel_width(least), np.arange(first, last))
    assert found.shape == (2, *x.shape)
    expected = looped(sums.book, x, days)
    largest = looped(sums.book, np.linspace(-1.0, 1.0, 500), days)[1].max()
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13 * largest)
