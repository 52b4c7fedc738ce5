"""The volatility surface of a book: a smile per expiry as a function of ln(strike / forward)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import check_noun, check_number, floats, read_only
from gammaflow.errors import SchemaError
from gammaflow.exposure.smile_fit import FEWEST, Slice, evaluate, find_violations, fit_slices
from gammaflow.frozen import Frozen
from gammaflow.positions.book import Book
from gammaflow.positions.heading import heading
from gammaflow.text import expiry_labels, moment_text, value_text

__all__ = ["Smiles", "fit_smiles", "log_moneyness"]

Array = NDArray[np.float64]
# Residuals above this share of volatility get a note.
_FLAT = (1.0, 0.0, 0.0, 0.0, 1.0)
_LARGEST_RESIDUAL = 0.1
# Expiries that a picture shows unless asked otherwise.
_SHOWN = 6


@dataclass(frozen=True, eq=False, repr=False)
class Smiles(Frozen):
    """One surface of a book: total variance w = sigma^2 t over k = ln(strike / forward), a slice per expiry.

    Attributes
    ----------
    book : Book
        Book whose rows were fitted.
    svi : (E, 5) array
        a, b, rho, m, s of raw SVI, w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + s^2)).
    table : DataFrame
        One row per expiry: years; rows; strikes; a, b, rho, m, s; rms and worst residual [vol points], rms
        weighted by vega and without outliers; outliers, the strikes further from the smile than a quarter of
        the quoted or the at-the-money volatility, whichever is more; butterfly_free; calendar, the number of
        places of k with less total variance than at the previous expiry; the same of the slice fitted alone,
        rms_alone, butterfly_free_alone and calendar_alone; note.
    range : (2,) array
        Range of k searched for arbitrage, half a unit beyond all strikes; total variance also out to 64 times
        as far, and by the slopes of its wings.

    See Also
    --------
    fit_smiles : Fit one surface without arbitrage to the volatilities of a book's rows.

    Examples
    --------
    >>> import gammaflow as gf
    >>> smiles = gf.fit_smiles(gf.assign_positions(gf.demo_chain()))
    >>> bool((smiles.volatility([0, 6], [-0.1]) > smiles.volatility([0, 6], [0.0])).all())
    True
    >>> bool(smiles.table["rms"].max() < 0.1)  # vol points
    True
    """

    book: Book
    svi: Array
    table: pd.DataFrame
    range: Array

    def _rows(self, expiry: ArrayLike, k: ArrayLike) -> tuple[NDArray[np.int64], Array]:
        which = _whole(expiry)
        if which.dtype.kind not in "iu" or not ((which >= 0) & (which < len(self.svi))).all():
            raise SchemaError(
                f"expiry: received {np.array2string(which, threshold=6)}; legal: whole numbers from 0 to "
                f"{len(self.svi) - 1}, the places of the book's expiries."
            )
        which, where = np.broadcast_arrays(which, floats(k))
        return which, evaluate(which.ravel(), where.ravel(), self.svi).reshape(4, *where.shape)

    def keep_expiries(self, book: Book, kept: NDArray[np.bool_]) -> Smiles:
        """The same smiles of a book of some of the expiries, those that `kept` (E,) masks."""
        table = self.table[self.table.index.isin(book.expiries)] if len(self.table) else self.table
        return Smiles(book, read_only(self.svi[kept]), table, self.range)

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

    def plot(self, expiries: Sequence[int] | None = None, *, ax: Any = None) -> Any:
        """Fitted vols of expiries as lines, the vols they are fitted to as points (matplotlib Axes).

        Parameters
        ----------
        expiries : sequence of int, optional
            Places of the expiries; default: at most six, spread over all.
        ax : matplotlib Axes, optional
            Where to draw; default: a new figure.
        """
        from gammaflow.plot.curves import plot_lines

        slices, labels = _slices(self.book), expiry_labels(self.book.expiries)
        count = len(slices)
        shown = np.unique(np.linspace(0, count - 1, min(count, _SHOWN)).round().astype(np.int64))
        places = np.array(list(slices))[shown] if expiries is None else _whole(expiries)
        grid = np.linspace(self.range[0], self.range[1], 401)
        fitted = self.volatility(places, grid[:, None])
        lines, points = {}, {}
        for i, e in enumerate(places):
            k, name = slices[e].k, labels[e]
            lines[name] = np.where((grid >= k[0]) & (grid <= k[-1]), 100.0 * fitted[:, i], np.nan)
            points[name] = pd.Series(100.0 * slices[e].root / np.sqrt(slices[e].years), k)
        title = f"{self.book.title} smiles, {moment_text(self.book.asof)}"
        frame = pd.DataFrame(lines, grid)
        label, across = "implied vol [%]", "ln(strike / forward) [-]"
        return plot_lines(frame, title, label, across, points=points, zero=False, ax=ax)

    def __repr__(self) -> str:
        table, book = self.table, self.book
        if table.empty:
            return "\n".join([*heading("Smiles", book), "no row has a strike: nothing is fitted"])
        crosses = (table["calendar_alone"] > 0).to_numpy()
        crossed = crosses | np.append(crosses[1:], False)
        notes = table["note"][table["note"] != ""].value_counts()
        worst = table["rms"].fillna(0.0).idxmax()
        low, high = self.range
        left = {
            "butterfly": table.index[~table["butterfly_free"]],
            "calendar": table.index[table["calendar"] > 0],
        }
        found = [
            f"{name} at {', '.join(f'{t:%Y-%m-%d %H:%M}' for t in at)}"
            for name, at in left.items()
            if len(at)
        ]
        return "\n".join(
            [
                *heading("Smiles", book),
                f"{len(table)} expiries",
                *(f"  {n} x {note}" for note, n in notes.items()),
                f"fitted alone, {crossed.sum()} would cross a neighbour and "
                f"{(~table['butterfly_free_alone']).sum()} have butterfly arbitrage",
                f"residual [vol points, weighted by vega]: median {table['rms'].median():.2f}, largest "
                f"{table['rms'].max():.2f} ({worst:%Y-%m-%d %H:%M}); "
                f"{table['outliers'].sum():,} of {table['strikes'].sum():,} strikes are outliers",
                f"arbitrage left, k from {low:.2f} to {high:.2f}: {'; '.join(found) or 'none'}",
            ]
        )


def _whole(expiry: ArrayLike) -> NDArray[Any]:
    """Places of expiries as an array; of texts, ragged lists and other nouns one that no place is like."""
    try:
        return np.asarray(expiry)
    except (TypeError, ValueError):
        return np.array(value_text(expiry))


def log_moneyness(book: Book, spot: float | None = None) -> Array:
    """ln(strike / forward) of each row, (n,): forward = underlying_ratio spot e^((r - underlying_yield) t).

    Parameters
    ----------
    book : Book
    spot : float, optional
        Price of the underlying [currency]; default: the book's.
    """
    spot = check_number(book.spot if spot is None else spot, "spot", 0.0, open_low=True)
    years = np.where(np.isfinite(book.years), book.years, 0.0)
    carry = (book["rate"] - book.underlying_yield) * years
    return np.asarray(np.log(book["strike"] / (book.underlying_ratio * spot)) - carry)


def fit_smiles(book: Book) -> Smiles:
    """Fit one surface without arbitrage to the volatilities of a book's rows.

    At each strike the mean of the out-of-the-money rows is used, or of all where there is none; barrier
    options and notes count only where an expiry has no others. Raw SVI is fitted to the volatilities of each
    expiry by least squares of relative errors, weighted by vega and by how far a strike is from the smile
    (Cauchy's loss), subject to b >= 0, abs(rho) < 1, s > 0, w > 0 and wing slopes b (1 + abs(rho)) <= 2. If
    these slices have arbitrage, all of them are fitted again together, so that g >= 0 in each (no butterfly
    arbitrage) and w is nowhere less than at the expiry before (no calendar arbitrage).

    An expiry with fewer than five strikes, or fewer than five near any SVI, is drawn towards the shape of the
    nearest other one, and a note says so; where there is none, towards a flat smile.

    Parameters
    ----------
    book : Book

    Returns
    -------
    Smiles

    See Also
    --------
    Smiles
    compare_dynamics : Levels of gamma, and of total gamma with the vanna effect, under each smile dynamics.

    Notes
    -----
    SVI, its bounds, g and calendar arbitrage: J. Gatheral and A. Jacquier, Arbitrage-free SVI volatility
    surfaces, Quantitative Finance 14 (2014), equations 2.1, 3.1, lemma 2.1. Wing slopes: R. Lee, The moment
    formula for implied volatility at extreme strikes, Mathematical Finance 14 (2004).

    Examples
    --------
    >>> import gammaflow as gf
    >>> from gammaflow.exposure.smile import fit_smiles
    >>> smiles = fit_smiles(gf.assign_positions(gf.demo_chain()))
    >>> smiles.svi.shape
    (7, 5)
    >>> bool((smiles.skew([0, 1, 2]) < 0).all())
    True
    >>> int(smiles.table["calendar"].sum())
    0
    """
    check_noun(book, "book", Book)
    found = _slices(book)
    slices, places = list(found.values()), list(found)
    if not slices:
        flat = np.tile(_FLAT, (len(book.expiries), 1))
        return Smiles(book, read_only(flat), pd.DataFrame(), read_only([0.0, 0.0]))
    fit = fit_slices(slices)
    alone, left = find_violations(slices, fit.alone), find_violations(slices, fit.joint)
    rows = []
    for e, one in enumerate(slices):
        error, share, kept = one.residuals(fit.joint[e])
        points = 100.0 / np.sqrt(one.years)
        before, _, near = one.residuals(fit.alone[e])
        rows.append(
            {
                "years": one.years,
                "rows": np.diff(book.expiry_starts)[places[e]],
                "strikes": len(one.k),
                **dict(zip(("a", "b", "rho", "m", "s"), fit.joint[e], strict=True)),
                "rms": points * one.rms(error, kept),
                "worst": points * np.abs(error).max(),
                "outliers": int((~kept).sum()),
                "butterfly_free": bool(left.least_g[e] >= 0.0),
                "calendar": left.crossings[e],
                "rms_alone": points * one.rms(before, near),
                "butterfly_free_alone": bool(alone.least_g[e] >= 0.0),
                "calendar_alone": alone.crossings[e],
                "note": _note(len(one.k), bool(fit.sparse[e]), bool(fit.sparse.all()), one.rms(share, kept)),
            }
        )
    table = pd.DataFrame(rows, index=book.expiries[places])
    # Where no row has a strike nothing moves: a flat smile.
    joint = np.tile(_FLAT, (len(book.expiries), 1))
    joint[places] = fit.joint
    return Smiles(book, read_only(joint), table, read_only([left.low, left.high]))


def _slices(book: Book) -> dict[int, Slice]:
    """k and sqrt(w) of each strike, ascending in k, by the place of its expiry.

    Means of vanilla rows out of the money; of other rows with a strike where an expiry has no vanilla ones.
    """
    slices = {}
    k, root = log_moneyness(book), book["sigma"] * np.sqrt(book.years)
    outside = book.flag * k >= 0.0
    known = np.isfinite(k) & np.isfinite(root)
    for e, (start, stop) in enumerate(pairwise(book.expiry_starts)):
        rows = start + np.flatnonzero(book.vanilla[start:stop])
        rows = rows if rows.size else start + np.flatnonzero(known[start:stop])
        if not rows.size:
            continue
        _, place = np.unique(book["strike"][rows], return_inverse=True)
        out = outside[rows]
        used = (out | (np.bincount(place, out) == 0)[place]).astype(np.float64)
        means = [np.bincount(place, used * x[rows]) / np.bincount(place, used) for x in (k, root)]
        order = np.argsort(means[0], kind="stable")
        slices[e] = Slice(float(book.years[start]), means[0][order], means[1][order])
    return slices


def _note(strikes: int, sparse: bool, all_sparse: bool, share: float) -> str:
    if sparse:
        few = "a single strike" if strikes == 1 else f"fewer than {FEWEST} strikes"
        few += " near any SVI" if strikes >= FEWEST else ""
        return f"{few}: drawn towards {'a flat smile' if all_sparse else 'the shape of the nearest expiry'}"
    return f"residual above {_LARGEST_RESIDUAL:.0%}" if share > _LARGEST_RESIDUAL else ""
