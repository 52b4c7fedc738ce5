"""Cash greeks of a book's barrier rows, over spots."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammaflow import barrier
from gammaflow.book import Book
from gammaflow.schema import DAYS_PER_YEAR

__all__ = ["barrier_cash"]

Array = NDArray[np.float64]

# Monitored at dates, greeks are priced to this tolerance, and the gammas that are differenced to the second.
_TOLERANCE, _FINE = 1e-7, 1e-9

# Steps of the differences, as a share of volatility and of the time to the next monitoring date.
_BUMP = 0.02


# A time this share of a row's life away is rounding.
_ROUNDING = 1e-14


def barrier_cash(
    book: Book,
    rows: NDArray[np.bool_],
    spots: Array,
    years: Array,
    sigma: Array,
    wanted: Collection[str],
    days: float = 0.0,
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
        Cash greeks by name, or "gross_gamma". Zomma and color are fourth-order differences of gamma, all
        others are analytic.
    days : float
        Calendar days rolled forward: monitoring dates passed by then drop off.

    Returns
    -------
    dict of (rows, m) arrays
    """
    places = np.flatnonzero(rows)
    out = {name: np.zeros((len(places), len(spots))) for name in wanted}
    for part, price in _groups(book, places, spots, years, sigma, days):
        for name, values in _cash(price, set(wanted)).items():
            out[name][part] = values * book.size[places[part], None]
    if "gross_gamma" in out:
        gamma = out.get("gamma")
        if gamma is None:
            gamma = barrier_cash(book, rows, spots, years, sigma, ["gamma"], days)["gamma"]
        out["gross_gamma"] = np.abs(gamma)
    return out


class _Pricer:
    """Greeks of rows that share expiry and monitoring, with volatility and time to be bumped."""

    def __init__(self, columns: dict[str, Any], S: Array, t: float, dates: Any) -> None:
        self.columns, self.S, self.t, self.dates = columns, S, t, dates

    def __call__(self, *which: str, vol: float = 0.0, time: float = 0.0, tol: float = _TOLERANCE) -> Any:
        """Greeks at (1 + vol) times the volatility and (1 + time x step) times the time that is left."""
        columns = dict(self.columns)
        columns["sigma"] = columns["sigma"] * (1.0 + vol)
        step = time * self.first
        dates = self.dates if isinstance(self.dates, str) else self.dates + step
        return barrier.greeks(
            columns.pop("kind"),
            columns.pop("flag"),
            self.S,
            columns.pop("K"),
            columns.pop("H"),
            self.t + step,
            **columns,
            which=which,
            monitoring=dates,
            tol=tol,
        )

    @property
    def first(self) -> float:
        """Years to the first date at which anything is looked at."""
        return self.t if isinstance(self.dates, str) else float(self.dates[0])


def _groups(
    book: Book, places: NDArray[np.intp], spots: Array, years: Array, sigma: Array, days: float
) -> Iterator[tuple[NDArray[np.intp], _Pricer]]:
    """Rows that share expiry and monitoring, each with its pricer."""
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
            "r": book["rate"][rows, None],
            "sigma": sigma[rows, None] if sigma.ndim == 1 else sigma[part],
            "q": book.underlying_yield[rows, None],
            "rebate": book["rebate"][rows, None],
        }
        full = book.years[rows[0]]
        yield part, _Pricer(columns, spots * ratio, key[0], _dates(full, key[1], days))


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


def _slope(f: Callable[[float], Array]) -> Array:
    """f'(0) by fourth-order central differences of step `_BUMP`."""
    return (8.0 * (f(_BUMP) - f(-_BUMP)) - (f(2 * _BUMP) - f(-2 * _BUMP))) / (12.0 * _BUMP)


def _cash(price: _Pricer, wanted: set[str]) -> dict[str, Array]:
    """Cash greeks of one long option, as `gammaflow.units` defines them."""
    S = price.S
    plain = {"delta": S, "gamma": S * S, "vanna": S, "charm": S, "vega": 1.0, "theta": 1.0}
    analytic = sorted(set(plain) & wanted | ({"gamma", "speed"} if "speed" in wanted else set()))
    out: dict[str, Array] = {}
    if analytic:
        greeks = price(*analytic)
        out = {name: np.asarray(greeks[name] * plain[name]) for name in analytic if name in plain}
        if "speed" in wanted:
            out["speed"] = np.asarray(S**3 * greeks["speed"] + 2.0 * out["gamma"])
    if "zomma" in wanted:
        by_share = _slope(lambda h: price("gamma", vol=h, tol=_FINE).gamma)
        out["zomma"] = np.asarray(S * S * by_share / price.columns["sigma"])
    if "color" in wanted:
        by_share = _slope(lambda h: price("gamma", time=h, tol=_FINE).gamma)
        out["color"] = np.asarray(-S * S * by_share / price.first)
    return {name: values for name, values in out.items() if name in wanted}
