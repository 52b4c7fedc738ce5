"""The smile of each expiry of a book: volatility as a function of ln(strike / forward)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.arguments import floats
from gammaflow.book import Book
from gammaflow.errors import SchemaError
from gammaflow.kernels.smile import smile_rows
from gammaflow.schema import check_number, read_only

__all__ = ["Smiles", "fit_smiles", "log_moneyness"]

Array = NDArray[np.float64]
_Parts = tuple[Array, NDArray[np.int64], Array]

# Below five strikes five parameters are not determined.
_FEWEST = 5
# A fit whose relative residual is more than this is not used.
_LARGEST_RESIDUAL = 0.1
# Residuals, as shares of the quoted or the at-the-money volatility, whichever is more, count less above the
# first and are outliers above the second.
_SOFT, _OUTLIER = 0.05, 0.25
# Units of at-the-money sigma sqrt(t): a sharper kink than this is noise of one or two quotes.
_SHARPEST = 0.1
# The butterfly condition holds this far beyond the quoted range, so that a sweep of spot stays inside.
_BEYOND = 0.5
# Units of at-the-money sigma sqrt(t) between the knots of an interpolated expiry.
_SPACING = 0.5
# What g is kept above where it has to be enforced.
_MARGIN = 0.01
# Strikes without vega decide what no other strike decides (vega is 1 where it is largest).
_LEAST_WEIGHT = 1e-4
_NO_KNOTS = (read_only([0, 0], np.int64), read_only(np.empty((3, 0))))


@dataclass(frozen=True, eq=False, repr=False)
class Smiles:
    """One smile per expiry of a book: total variance w = sigma^2 t over k = ln(strike / forward).

    Attributes
    ----------
    book : Book
        Whose rows were fitted.
    svi : (E, 5) array
        a, b, rho, m, s of raw SVI, w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + s^2)); NaN for an expiry
        that is interpolated instead.
    knot_starts : (E + 1,) int64 array
        Where each expiry's knots begin in `knots`; no knots where SVI is used.
    knots : (3, total) array
        k, w and dw/dk of the interpolated expiries: cubic Hermite between knots, w constant beyond them.
    table : DataFrame
        One row per expiry: years; rows; strikes; a, b, rho, m, s; rms and worst residual [vol points], rms
        weighted by vega and without outliers; outliers, the strikes further from the smile than a quarter of
        the quoted or the at-the-money volatility, whichever is more; method ("SVI", "PCHIP" or "flat");
        butterfly_free; calendar, how many of 101 points of the range shared with the previous expiry have
        less total variance than there; note.
    """

    book: Book
    svi: Array
    knot_starts: NDArray[np.int64]
    knots: Array
    table: pd.DataFrame

    def _rows(self, expiry: ArrayLike, k: ArrayLike) -> tuple[NDArray[np.int64], Array]:
        which = np.asarray(expiry)
        if which.dtype.kind not in "iu" or not ((which >= 0) & (which < len(self.svi))).all():
            raise SchemaError(
                f"expiry: received {np.array2string(which, threshold=6)}; legal: whole numbers from 0 to "
                f"{len(self.svi) - 1}, the places of the book's expiries."
            )
        which, where = np.broadcast_arrays(which, floats(k))
        rows = _evaluate(which.ravel(), where.ravel(), self.svi, self.knot_starts, self.knots)
        return which, rows.reshape(4, *where.shape)

    @property
    def years(self) -> Array:
        """Years to each expiry, (E,)."""
        return self.book.years[self.book.expiry_starts[:-1]]

    def volatility(self, expiry: ArrayLike, k: ArrayLike) -> Array:
        """sigma(k) [1/sqrt(year)] of the expiries at places `expiry`, at k = ln(strike / forward).

        Arguments broadcast; NaN where k is NaN.
        """
        which, (w, _, _, _) = self._rows(expiry, k)
        return np.asarray(np.sqrt(w / self.years[which]))

    def slope(self, expiry: ArrayLike, k: ArrayLike) -> Array:
        """d sigma / dk [1.00 of vol per 1.00 of ln moneyness]; arguments as for `volatility`."""
        which, (w, slope, _, _) = self._rows(expiry, k)
        return np.asarray(slope / (2.0 * np.sqrt(w * self.years[which])))

    def skew(self, expiry: ArrayLike) -> Array:
        """d sigma / dk at the forward, k = 0 [1.00 of vol per 1.00 of ln moneyness]."""
        return self.slope(expiry, 0.0)

    def __repr__(self) -> str:
        table, book = self.table, self.book
        used = ", ".join(f"{n} {method}" for method, n in table["method"].value_counts().items())
        notes = table["note"][table["note"] != ""].value_counts()
        misfit = f"median {table['rms'].median():.2f}, largest {table['rms'].max():.2f}"
        return "\n".join(
            [
                f"Smiles {book.title}, as of {book.asof:%Y-%m-%d %H:%M} UTC, {len(table)} expiries: {used}",
                *(f"  {n} x {note}" for note, n in notes.items()),
                f"residual [vol points, weighted by vega]: {misfit}; "
                f"{table['outliers'].sum():,} of {table['strikes'].sum():,} strikes are outliers",
                f"expiries with butterfly arbitrage: {(~table['butterfly_free']).sum()}; with calendar "
                f"arbitrage against the previous one: {(table['calendar'] > 0).sum()}",
            ]
        )


def log_moneyness(book: Book, spot: float | None = None) -> Array:
    """ln(strike / forward) of each row, (n,): forward = underlying_ratio spot e^((r - underlying_yield) t).

    Parameters
    ----------
    book : Book
    spot : float, optional
        Price of the underlying [currency]; the book's where not given.
    """
    spot = check_number(book.spot if spot is None else spot, "spot", 0.0, open_low=True)
    carry = (book["rate"] - book.underlying_yield) * book.years
    return np.asarray(np.log(book["strike"] / (book.underlying_ratio * spot)) - carry)


def fit_smiles(book: Book) -> Smiles:
    """Fit the smile of each expiry of a book to the volatilities of its rows.

    At each strike the mean of the out-of-the-money rows is used, or of all where there is none; barrier
    options and notes count only where an expiry has no others. Raw SVI is fitted to the volatilities by
    least squares of relative errors, weighted by vega and by how far a strike is from the smile (Cauchy's
    loss), subject to b >= 0, abs(rho) < 1, s > 0, w > 0 and wing slopes b (1 + abs(rho)) <= 2. A fit with
    butterfly arbitrage (g < 0, from half the quoted range below it to half above) is made again with
    g >= 0, and a note says so. Calendar arbitrage is counted, not removed.

    An expiry is interpolated in total variance (PCHIP; one strike: flat), and a note says why, where there
    are fewer than 5 strikes, or near any SVI, no SVI without butterfly arbitrage, or residuals above a tenth.

    Parameters
    ----------
    book : Book

    Returns
    -------
    Smiles

    Notes
    -----
    SVI, its bounds and g: J. Gatheral and A. Jacquier, Arbitrage-free SVI volatility surfaces, Quantitative
    Finance 14 (2014), equations 2.1, 3.1. Wing slopes: R. Lee, The moment formula for implied volatility at
    extreme strikes, Mathematical Finance 14 (2004).

    Examples
    --------
    >>> import gammaflow as gf
    >>> from gammaflow.smile import fit_smiles
    >>> smiles = fit_smiles(gf.assign_positions(gf.demo_chain()))
    >>> smiles.svi.shape
    (7, 5)
    >>> bool((smiles.skew([0, 1, 2]) < 0).all())
    True
    """
    svi, knots, notes = [], [], []
    points = list(_points(book))
    for k, root in points:
        fitted, note = _fit_svi(k, root)
        svi.append(fitted)
        knots.append(_knots(k, root) if np.isnan(fitted[0]) else np.empty((3, 0)))
        notes.append(note)
    starts = np.cumsum([0, *(x.shape[1] for x in knots)])
    parts = read_only(svi), read_only(starts, np.int64), read_only(np.concatenate(knots, axis=1))
    return Smiles(book, *parts, _table(book, points, notes, parts))


def _evaluate(expiry: ArrayLike, k: ArrayLike, svi: Array, starts: NDArray[np.int64], knots: Array) -> Array:
    """w, dw/dk, d2w/dk2 and g of n rows, (4, n)."""
    where = read_only(k)
    out = np.empty((4, len(where)))
    smile_rows(read_only(np.broadcast_to(expiry, where.shape), np.int64), where, svi, starts, knots, out)
    return out


def _points(book: Book) -> Iterator[tuple[Array, Array]]:
    """k and sqrt(w) of each strike of each expiry, ascending in k: means of plain rows out of the money."""
    k, root = log_moneyness(book), book["sigma"] * np.sqrt(book.years)
    outside = book.flag * k >= 0.0
    for start, stop in pairwise(book.expiry_starts):
        rows = start + np.flatnonzero(book.plain[start:stop])
        rows = rows if rows.size else np.arange(start, stop)
        _, place = np.unique(book["strike"][rows], return_inverse=True)
        out = outside[rows]
        used = (out | (np.bincount(place, out) == 0)[place]).astype(np.float64)
        means = [np.bincount(place, used * x[rows]) / np.bincount(place, used) for x in (k, root)]
        order = np.argsort(means[0], kind="stable")
        yield means[0][order], means[1][order]


def _knots(k: Array, root: Array) -> Array:
    """k, w, dw/dk of the monotone cubic through the strikes.

    Five strikes or more share a knot, their mean weighted by vega, where they are closer than half the
    at-the-money sqrt(w): through the noise of neighbouring quotes a skew of 157 was measured.
    """
    from scipy.interpolate import PchipInterpolator

    w = root**2
    if len(k) >= _FEWEST:
        _, bins = np.unique(np.rint(k / (_SPACING * _at_the_money(k, root))), return_inverse=True)
        weight = _vega(k, root)
        k, w = (np.bincount(bins, weight * x) / np.bincount(bins, weight) for x in (k, w))
    return np.stack([k, w, PchipInterpolator(k, w).derivative()(k) if len(k) > 1 else np.zeros(1)])


def _at_the_money(k: Array, root: Array) -> float:
    """Median sqrt(w) of the five strikes nearest to the forward."""
    return float(np.median(root[np.argsort(np.abs(k), kind="stable")[:5]]))


def _vega(k: Array, root: Array) -> Array:
    """Vega but for a factor of the expiry, exp(-(sqrt(w) / 2 - k / sqrt(w))^2 / 2), and a least weight."""
    return np.asarray(np.exp(-0.5 * (0.5 * root - k / root) ** 2)) + _LEAST_WEIGHT


def _rms(error: Array, weight: Array) -> float:
    return float(np.sqrt(np.average(error**2, weights=weight))) if len(error) else np.nan


def _residual(k: Array, root: Array, model: Array) -> tuple[float, NDArray[np.bool_]]:
    """Relative residual weighted by vega, without outliers, and which strikes are none."""
    error = (model - root) / np.maximum(root, _at_the_money(k, root))
    kept = np.abs(error) <= _OUTLIER
    return _rms(error[kept], _vega(k, root)[kept]), kept


def _grid(k: Array, unit: float) -> Array:
    """Where g is looked at: steps of 3 to 4 % of `unit` near the forward, of k far from it."""
    width = k[-1] - k[0]
    low, high = np.arcsinh(np.array([k[0] - _BEYOND * width, k[-1] + _BEYOND * width]) / unit)
    return np.asarray(unit * np.sinh(np.linspace(low, high, 401)))


class _RawSvi:
    """Least squares of raw SVI in units of the at-the-money sqrt(w): x = k / unit, y = w / unit^2.

    y = v + (P sqrt(z + d) - C sqrt(z - d))^2 / 2, d = x - m, z = sqrt(d^2 + s^2), is raw SVI of least
    variance v, b (1 + rho) = P^2 and b (1 - rho) = C^2, so that every condition but g >= 0 is a bound.
    """

    def __init__(self, k: Array, root: Array) -> None:
        self.unit = _at_the_money(k, root)
        self.x, self.quote = k / self.unit, root / self.unit
        self.weight = np.sqrt(_vega(k, root)) / np.maximum(self.quote, 1.0)
        first, last = self.x[[0, -1]]
        most, steepest = 1.01 * self.quote.max() ** 2, np.sqrt(2.0 / self.unit)
        low = np.array([1e-6, 1e-3, 1e-3, first - 2.0, _SHARPEST])
        high = np.array([most, steepest, steepest, last + 2.0, max(20.0, 2.0 * (last - first))])
        self.bounds = low, high
        self.grid = _grid(k, self.unit)

    def model(self, theta: Array) -> tuple[Array, Array]:
        """sqrt(y) at the strikes, and its derivatives by v, P, C, m, s, (n, 5)."""
        v, P, C, m, s = theta
        d = self.x - m
        z = np.hypot(d, s)
        right = np.sqrt(z + np.abs(d))
        left = s / right
        up, down = np.where(d > 0, (right, left), (left, right))
        gap = P * up - C * down
        root = np.sqrt(v + 0.5 * gap**2)
        by_m = -gap * (P * up + C * down) / (2.0 * z)
        by_s = gap * s * (P / up - C / down) / (2.0 * z)
        return root, np.stack([np.ones_like(d), gap * up, -gap * down, by_m, by_s], axis=1) / (2.0 * root)[
            :, None
        ]

    def error(self, theta: Array) -> Array:
        return np.asarray(self.weight * (self.model(theta)[0] - self.quote))

    def slopes(self, theta: Array) -> Array:
        return np.asarray(self.weight[:, None] * self.model(theta)[1])

    def raw(self, theta: Array) -> Array:
        """a, b, rho, m, s."""
        v, P, C, m, s = theta
        b = 0.5 * (P * P + C * C)
        rho = (P * P - C * C) / (P * P + C * C)
        return np.array([(v - s * P * C) * self.unit**2, b * self.unit, rho, m * self.unit, s * self.unit])

    def density(self, *thetas: Array) -> Array:
        """g over the grid of each of `thetas`, (len(thetas), len(grid))."""
        svi = read_only([self.raw(theta) for theta in thetas])
        which = np.repeat(np.arange(len(thetas)), len(self.grid))
        g = _evaluate(which, np.tile(self.grid, len(thetas)), svi, *_NO_KNOTS)[3]
        return np.asarray(g.reshape(len(thetas), -1))

    def start(self) -> Array:
        """The best of a grid over m and s, where y is linear in the other three."""
        middles = 0.8 * np.linspace(max(self.x[0], -3.0), min(self.x[-1], 3.0), 9)
        m, s = (x.ravel()[:, None] for x in np.meshgrid(middles, np.geomspace(0.1, 6.4, 7)))
        z = np.hypot(self.x - m, s)
        columns = np.stack([np.ones_like(z), 0.5 * (z + self.x - m), 0.5 * (z - self.x + m)])
        scale = (self.weight / (2.0 * self.quote)) ** 2
        normal = np.einsum("ign,jgn,n->gij", columns, columns, scale) + 1e-9 * np.eye(3)
        sums = np.einsum("ign,n->gi", columns, scale * self.quote**2)
        slopes = np.linalg.solve(normal, sums[..., None])[:, 1:, 0]
        slopes = np.clip(slopes, *(bound[1:3] ** 2 for bound in self.bounds))
        rest = self.quote**2 - np.einsum("ign,gi->gn", columns[1:], slopes)
        a = rest @ scale / scale.sum()
        P, C = np.sqrt(slopes.T)
        thetas = np.clip(np.stack([a + s[:, 0] * P * C, P, C, m[:, 0], s[:, 0]], axis=1), *self.bounds)
        costs = [np.log1p((self.error(theta) / _SOFT) ** 2).sum() for theta in thetas]
        return np.asarray(thetas[np.argmin(costs)])

    def solve(self) -> Array:
        """Parameters without regard to g."""
        from scipy.optimize import least_squares

        guess = self.start()
        fit = least_squares(self.error, guess, self.slopes, self.bounds, loss="cauchy", f_scale=_SOFT)
        return np.asarray(fit.x)

    def enforce(self, theta: Array) -> Array:
        """Parameters near `theta` with g >= 0 over the grid; where none is found, with some g < 0 left."""
        from scipy.optimize import least_squares

        share = 1.0 / np.sqrt(1.0 + (self.error(theta) / _SOFT) ** 2)
        for stiffness in (1.0, 10.0, 100.0, 1000.0):
            if self.density(theta).min() >= 0.0:
                break

            def errors(x: Array, stiffness: float = stiffness) -> Array:
                short = np.minimum(self.density(x)[0] - _MARGIN, 0.0)
                return np.concatenate([share * self.error(x), stiffness * short])

            def slopes(x: Array, stiffness: float = stiffness) -> Array:
                steps = 1e-7 * np.maximum(np.abs(x), 1e-3)
                here, *moved = self.density(x, *(x + np.diag(steps)))
                short = stiffness * (here < _MARGIN) * (moved - here) / steps[:, None]
                return np.concatenate([share[:, None] * self.slopes(x), short.T])

            theta = least_squares(errors, theta, slopes, self.bounds, ftol=1e-6, xtol=1e-6, max_nfev=100).x
        return theta


def _fit_svi(k: Array, root: Array) -> tuple[Array, str]:
    """a, b, rho, m, s, NaN where SVI cannot be used, and a note."""
    none = np.full(5, np.nan)
    if len(k) < _FEWEST:
        return none, "a single strike" if len(k) == 1 else f"fewer than {_FEWEST} strikes"
    problem = _RawSvi(k, root)
    free = problem.solve()
    theta = problem.enforce(free)
    residual, kept = _residual(k, root, problem.unit * problem.model(theta)[0])
    if problem.density(theta).min() < 0.0:
        return none, "no SVI without butterfly arbitrage found"
    if kept.sum() < _FEWEST:
        return none, f"fewer than {_FEWEST} strikes near any SVI"
    if residual > _LARGEST_RESIDUAL:
        return none, f"residual of SVI above {_LARGEST_RESIDUAL:.0%}"
    return problem.raw(theta), "" if theta is free else "fitted again without butterfly arbitrage"


def _table(book: Book, points: list[tuple[Array, Array]], notes: list[str], parts: _Parts) -> pd.DataFrame:
    """One row per expiry: see `Smiles`."""
    rows = []
    for e, ((k, root), note) in enumerate(zip(points, notes, strict=True)):
        years = book.years[book.expiry_starts[e]]
        points_of_vol = 100.0 / np.sqrt(years)
        model = np.sqrt(_evaluate(e, k, *parts)[0])
        error, kept = points_of_vol * (model - root), _residual(k, root, model)[1]
        before = points[max(e - 1, 0)][0]
        common = np.linspace(max(k[0], before[0]), min(k[-1], before[-1]), 101)
        earlier, later = (_evaluate(i, common, *parts)[0] for i in (max(e - 1, 0), e))
        g = _evaluate(e, _grid(k, _at_the_money(k, root)), *parts)[3]
        rows.append(
            {
                "years": years,
                "rows": np.diff(book.expiry_starts)[e],
                "strikes": len(k),
                **dict(zip(("a", "b", "rho", "m", "s"), parts[0][e], strict=True)),
                "rms": _rms(error[kept], _vega(k, root)[kept]),
                "worst": np.abs(error).max(),
                "outliers": int((~kept).sum()),
                "method": ("SVI", "flat", "PCHIP")[min(np.diff(parts[1])[e], 2)],
                "butterfly_free": bool(g.min() >= 0.0),
                "calendar": int((later < earlier * (1.0 - 1e-9)).sum()) * bool(common[0] <= common[-1]),
                "note": note,
            }
        )
    return pd.DataFrame(rows, index=book.expiries)
