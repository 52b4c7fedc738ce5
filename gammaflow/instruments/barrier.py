"""Cash greeks of a book's barrier rows, over spots."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammaflow.accuracy import Accuracy
from gammaflow.calendars import DAYS_PER_YEAR
from gammaflow.positions.book import Book
from gammaflow.pricing.barrier.prices import reach

__all__ = ["barrier_cash"]

Array = NDArray[np.float64]

# A time this share of a row's life away is rounding.
_ROUNDING = 1e-14

#: The powers of spot that make a cash greek of each derivative (see `gammaflow.units`).
_POWERS = {
    "delta": 1, "gamma": 2, "vanna": 1, "charm": 1, "vega": 0, "theta": 0, "speed": 3, "zomma": 2, "color": 2
}  # fmt: skip


def barrier_cash(
    book: Book,
    rows: NDArray[np.bool_],
    spots: Array,
    years: Array,
    sigma: Array,
    wanted: Collection[str],
    days: float = 0.0,
    accuracy: Accuracy | None = None,
) -> dict[str, Array]:
    """Cash greeks times position and multiplier of the barrier rows in `rows` at each spot.

    Parameters
    ----------
    book : Book
    rows : (n,) mask
        Which rows; all of barrier kinds.
    spots : (m,) array
        Prices of the underlying [currency]; where a row is valued on a forward, its barrier keeps its ratio.
    years, sigma : (n,) arrays
        Of all rows of the book, rolled; a row with no years left contributes nothing. `sigma` may also be
        (rows, m), of `rows` at each spot; rows monitored at dates then take a pass for each of them.
    wanted : collection of str
        Cash greeks by name, or "gross_gamma".
    days : float
        Calendar days rolled forward: monitoring dates passed by then drop off.
    accuracy : Accuracy, optional
        The tolerance of rows monitored at dates, and where those are noted that miss it; those without a
        finite value are 0.

    Returns
    -------
    dict of (rows, m) arrays
    """
    accuracy = accuracy or Accuracy()
    places = np.flatnonzero(rows)
    out = {name: np.zeros((len(places), len(spots))) for name in wanted}
    needs = set(_POWERS) & set(wanted)
    needs |= {"gamma"} if {"speed", "gross_gamma"} & set(wanted) else set()
    if not needs:
        return out
    names = tuple(sorted(needs))
    for part, S, arguments, monitoring in _groups(book, places, spots, years, sigma, days):
        greeks, errors = reach(**arguments, S=S, which=names, monitoring=monitoring, tol=accuracy.tol)
        size = book.size[places[part], None]
        cash = {name: size * S ** _POWERS[name] * greeks[name] for name in names}
        if "speed" in cash:
            cash["speed"] = cash["speed"] + 2.0 * cash["gamma"]
        met = np.broadcast_to(errors, S.shape).max(axis=1)
        for i, row in enumerate(places[part]):
            accuracy.check(book["contract"][row], met[i], [values[i] for values in cash.values()])
        if "gross_gamma" in out:
            cash["gross_gamma"] = np.abs(cash["gamma"])
        for name in set(out) & set(cash):
            out[name][part] = cash[name]
    return out


def _groups(
    book: Book, places: NDArray[np.intp], spots: Array, years: Array, sigma: Array, days: float
) -> Iterator[tuple[NDArray[np.intp], Array, dict[str, Any], Any]]:
    """Rows that share expiry and monitoring: which, their spots, other arguments, and monitoring."""
    monitoring = np.nan_to_num(book["monitoring_dates"][places], nan=0.0)
    keys = np.stack([years[places], monitoring], axis=1)
    for key in np.unique(keys[keys[:, 0] > 0], axis=0):
        part = np.flatnonzero((keys == key).all(axis=1))
        rows = places[part]
        ratio = book.underlying_ratio[rows, None]
        columns = {
            "kind": np.array([k.split()[0] for k in book["kind"][rows]])[:, None],
            "flag": book.flag[rows, None],
            "K": book["strike"][rows, None],
            "H": book["barrier"][rows, None] * ratio,
            "t": float(key[0]),
            "r": book["rate"][rows, None],
            "sigma": sigma[rows, None] if sigma.ndim == 1 else sigma[part],
            "q": book.underlying_yield[rows, None],
            "rebate": book["rebate"][rows, None],
        }
        yield part, spots * ratio, columns, _dates(book.years[rows[0]], key[1], days)


def _dates(years: float, count: float, days: float) -> Any:
    """When the barrier is looked at from then on, in years; today its dates are equally spaced."""
    if count == 0:
        return "continuous"
    if count == 1:
        return "maturity"
    left = years * np.arange(1, int(count) + 1) / count - days / DAYS_PER_YEAR
    left[-1] = years - days / DAYS_PER_YEAR
    # A date that is now, but for rounding, has passed; the expiry is ahead wherever `years` is.
    ahead = left > _ROUNDING * years
    ahead[-1] = True
    return left[ahead]
