"""Early-exercise corrections of American rows as functions of spot: boundaries and series of the premium."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammaflow.checks import read_only
from gammaflow.instruments.row import Rows
from gammaflow.kernels.american import Rule
from gammaflow.kernels.american_rows import series_loop
from gammaflow.kernels.chebyshev import nodes, to_series
from gammaflow.kernels.sweep import CASH_GREEKS, cash_rows
from gammaflow.pricing.american.boundary import find_boundaries, premiums, share

__all__ = ["Curves"]

Array = NDArray[np.float64]
Places = NDArray[np.intp]

#: Rows of `premiums` after the price; the first three are those of its short form.
_PREMIUM = ("delta", "gamma", "speed", "color", "vega", "vanna", "zomma", "theta", "charm")
_SHORT = 3

#: Greek of which each name is the absolute value.
_GREEK = {"gross_gamma": "gamma"}

#: Finite-difference step of the boundary in ln sigma.
_STEP = 0.003

#: Standard deviations from the boundary below which greeks are interpolated between those at the boundary and
#: at so many multiples of that distance.
_NEAR, _OTHERS = 0.3, 5

#: Largest number of Chebyshev points of a row, reached where spot drifts by a hundred standard deviations.
_MOST = 256

# Points at a time.
_CHUNK = 1 << 15

_lock = threading.Lock()


class Curves:
    """Early-exercise correction of rows of one kind at one day and volatility, as a function of spot."""

    def __init__(self, rows: Rows, places: Places, years: Array, sigma: Array, by: Rule) -> None:
        self.by = by
        names = (rows.flag, years, rows.rate, sigma, rows.carry)
        self.phi, self.years, self.r, self.sigma, self.q = (a[places] for a in names)
        self.K, self.ratio = rows.strike[places], rows.ratio[places]
        self.put = self.phi < 0
        self.found = found = find_boundaries(self.phi, self.years, self.r, self.sigma, self.q, by)
        with np.errstate(divide="ignore", invalid="ignore"):
            root = self.sigma * np.sqrt(found.life)
            #: ln x over which the premium changes: one standard deviation, less where spot drifts.
            self.scale = root / (1.0 + np.abs(found.gain - found.cost) * found.life / root)
            edge, end = (self.underlying(x) / self.ratio for x in (found.edge, found.end))
            near, far = np.log(found.edge), np.log(found.end)
            #: Middle and half width, in ln x, of the interval on which the option is held for its premium.
            self.middle, self.half = 0.5 * (far + near), 0.5 * (far - near)
            per = -self.phi / self.half
            points = np.ceil((8.0 + 4.8 * self.half / self.scale) / 4.0)
            #: Chebyshev points that represent it: more do not improve the accuracy (measured).
            self.points = np.where(found.end > 0.0, np.minimum(4.0 * points, _MOST), 0.0).astype(np.int64)
        #: Spots between which the option is held for its premium.
        self.low, self.high = np.where(self.put, edge, end), np.where(self.put, end, edge)
        self.centre, self.per = np.log(self.K / self.ratio) - self.phi * self.middle, per

    def underlying(self, x: Array, of: Any = ...) -> Array:
        """Price of the underlying from x: U over strike for puts, strike over U for calls."""
        return np.asarray(np.where(self.put[of], self.K[of] * x, self.K[of] / x))

    def gone(self, spots: Any) -> NDArray[np.bool_]:
        """True where a row is exercised at spots (m,), (rows, m)."""
        low, high, put = self.low[:, None], self.high[:, None], self.put[:, None]
        return np.asarray(np.where(put, spots <= low, spots >= high))

    @cached_property
    def slope(self) -> Array:
        """Derivative of H with respect to ln sigma."""
        terms = (self.phi, self.years, self.r)
        up, down = (
            find_boundaries(*terms, self.sigma * (1.0 + h), self.q, self.by, self.found.still).H
            for h in (_STEP, -_STEP)
        )
        return read_only((up - down) / (2.0 * _STEP))

    @cached_property
    def short(self) -> Array:
        """Chebyshev series of the first of `_PREMIUM`, per strike of puts and underlying of calls, by row."""
        full = self.__dict__.get("full")
        return self._series(False) if full is None else read_only(full[:, :_SHORT])

    @cached_property
    def full(self) -> Array:
        """Chebyshev series of all of `_PREMIUM`, (rows, 9, points)."""
        _ = self.slope  # found here, not by every thread
        return self._series(True)

    def _series(self, full: bool) -> Array:
        names = len(_PREMIUM) if full else _SHORT
        out = np.zeros((len(self.K), names, self.points.max()))

        def work(start: int, stop: int) -> None:
            points = self.points[start:stop]
            for n in np.unique(points[points > 0]).tolist():
                rows = start + np.flatnonzero(points == n)
                cosines, matrix = nodes(n), to_series(n)
                for part in np.array_split(rows, 1 + len(rows) * n // _CHUNK):
                    of = np.repeat(part, n)
                    x = np.exp(self.middle[part, None] + self.half[part, None] * cosines).ravel()
                    unit = np.where(self.put[of], self.K[of], self.K[of] / x)
                    values = _held(self, of, x, full) / unit
                    series = values.reshape(names, len(part), n) @ matrix
                    out[part, :, :n] = series.swapaxes(0, 1)

        share(work, len(self.K), 16.0)
        return read_only(out)

    def add_held(self, wanted: list[str], spots: Array, size: Array, into: Places, out: Array) -> None:
        """Add the correction for later exercise, times `size`, to rows `into` of out (wanted, any, m)."""
        which = np.array([_PREMIUM.index(_GREEK.get(name, name)) for name in wanted], np.int64)
        gross = np.array([name in _GREEK for name in wanted], np.bool_)
        series = self.short if which.max() < _SHORT else self.full
        fixed, floating = np.where(self.put, self.K, 0.0), np.where(self.put, 0.0, self.ratio)
        terms = (self.low, self.high, self.centre, self.per, fixed * size, floating * size, np.sign(size))
        columns = (*terms, self.points, into)
        grid = spots, np.log(spots)
        alone = np.bincount(into).max() == 1

        def work(start: int, stop: int) -> None:
            part = slice(start, stop)
            sums = out if alone else np.zeros_like(out)
            series_loop(*(a[part] for a in columns), series[part], which, gross, *grid, sums)
            if not alone:
                with _lock:
                    np.add(out, sums, out=out)

        share(work, len(self.K), len(spots) / 150.0)

    def add_exercised(
        self, wanted: list[str], spots: Array, size: Array, into: Places, out: Array, european: bool
    ) -> None:
        """Add the correction for immediate exercise in the same way: the delta of what is received.

        The greeks of the European options are subtracted where the sums already include them.
        """
        gone = self.gone(spots)
        if european and gone.any():
            i, j = np.nonzero(gone)
            cash = _european(self, i, spots[j] * self.ratio[i], self.years[i])
            for name, block in zip(wanted, out, strict=True):
                units = np.abs(size[i]) if name in _GREEK else size[i]
                np.add.at(block, (into[i], j), -units * cash[_GREEK.get(name, name)])
        if "delta" in wanted and gone.any():
            received = (size * self.phi * self.ratio)[:, None] * gone * spots
            np.add.at(out[wanted.index("delta")], into, received)


def _european(curves: Curves, of: Places, U: Array, years: Array) -> dict[str, Array]:
    """Cash greeks of the European options of the rows `of`, which have `years` left."""
    out = np.empty((len(CASH_GREEKS), len(of)))
    columns = (curves.phi[of], U, curves.K[of], years, curves.r[of], curves.sigma[of], curves.q[of])
    cash_rows(*columns, np.ones(len(of)), out)
    return dict(zip(CASH_GREEKS, out, strict=True))


def _held(curves: Curves, of: Places, x: Array, full: bool) -> Array:
    """Correction of cash greeks for later exercise: rows as `_PREMIUM`."""

    def premium(of: Places, x: Array) -> Array:
        terms = (curves.phi[of], curves.underlying(x, of), curves.K[of])
        return premiums(of, *terms, curves.found, curves.by, curves.slope if full else None)[1:]

    found, step = curves.found, _NEAR * curves.scale[of]
    out = premium(of, x)
    s = np.log(x / found.edge[of]) / step
    near = np.flatnonzero(s < 1.0)
    if near.size:
        at, s, step = of[near], s[near], step[near]
        out[:, near] = _limits(curves, at, full) * _lagrange(s, 0)
        for k in range(1, _OTHERS + 1):
            out[:, near] += premium(at, found.edge[at] * np.exp(k * step)) * _lagrange(s, k)
    cut = np.flatnonzero(found.life[of] < curves.years[of])
    if cut.size:
        at = of[cut]
        U = curves.underlying(x[cut], at)
        now, then = (_european(curves, at, U, years[at]) for years in (curves.years, found.life))
        out[:, cut] += np.array([then[name] - now[name] for name in _PREMIUM[: len(out)]])
    return out


def _lagrange(s: Array, k: int) -> Array:
    """The polynomial that is 1 at k and 0 at the other points of 0.._OTHERS."""
    return np.asarray(np.prod([(s - j) / (k - j) for j in range(_OTHERS + 1) if j != k], axis=0))


def _limits(curves: Curves, of: Places, full: bool) -> Array:
    """Limit of `_held` at the boundary: American minus European values."""
    found, H = curves.found, curves.found.H[:, of]
    phi, r, q, sigma, K = (a[of] for a in (curves.phi, curves.r, curves.q, curves.sigma, curves.K))
    U = curves.underlying(found.edge[of], of)
    half, away, k = 0.5 * sigma * sigma, phi / (2.0 * np.sqrt(H[0])), np.arange(len(H))
    # d ln B / dT, from dH / dsqrt(u) with T_k'(1) = k^2
    later = away * (k * k @ curves.by.series @ H) / found.still[of]
    paid = phi * q * U / half
    gamma = paid - phi * r * K / half
    speed = paid - (later + r - q) * gamma / half
    values = {"delta": phi * U, "gamma": gamma, "speed": speed}
    if full:
        wider = away * curves.slope[0, of] / sigma  # d ln B / dsigma
        values |= {
            "color": later * (speed - paid),
            "vanna": -wider * gamma,
            "zomma": -2.0 * gamma / sigma - wider * (speed - paid),
            "charm": later * gamma,
        }
    european = _european(curves, of, U, found.life[of])
    return np.array([values.get(name, 0.0) - european[name] for name in _PREMIUM if full or name in values])
