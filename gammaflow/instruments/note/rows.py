"""Structured notes: cash greeks of their rows."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from gammaflow.accuracy import Accuracy
from gammaflow.calendars import DAYS_PER_YEAR
from gammaflow.instruments.row import Array, Events, Instrument, Rows, Scenario
from gammaflow.kernels.blocks import in_ranges
from gammaflow.pricing import note as pricing
from gammaflow.units import POWERS, cash

__all__ = ["NOTE"]

# Multiple of the book's tolerance, and the least tolerance of a row.
_LOOSER, _LEAST = 10.0, 1e-9

# Steps of the grid in ln sigma, each twice the last, until two agree; where none do, the spots are halved.
_STEPS = (8, 16, 32)
_FEW = 8

# Terms of notes that are cached.
_KEPT = 1024

#: Cash greeks of one note at some spots, all of one volatility.
_Value = Callable[[Array, float], dict[str, Array]]


class Note(Instrument):
    """Structured notes: claims on spot, so `forward_ratio` plays no part; `Book.terms` holds their terms.

    The column `strike` holds the initial fixing, which is no strike.
    """

    name = "note"
    kinds = ("note",)
    remark = "structured notes"
    has_strike = False
    has_terms = True
    by_quadrature = True
    cause = "barrier"

    def greeks(
        self, rows: Rows, at: Scenario, wanted: Collection[str], accuracy: Accuracy
    ) -> dict[str, Array]:
        """Cash greeks of one unit of par over the initial fixing, to ten times the tolerance.

        Where `at.sigma` is (n, m) and spots are many, notes are valued on a grid of volatilities and
        interpolated in ln sigma, to the same tolerance: a share of each note's largest value, or of par where
        that is larger.
        """
        tol = max(_LOOSER * accuracy.tol, _LEAST)
        out = {name: np.zeros((len(rows), len(at.spots))) for name in wanted}
        needs = tuple(sorted({*wanted, "gamma"} if "speed" in wanted else set(wanted)))

        def work(start: int, stop: int) -> None:
            for i in range(start, stop):
                one(i)

        def one(i: int) -> None:
            value = _valued(rows, i, needs, at.days, tol)
            if at.sigma.ndim == 1:
                found = value(at.spots, float(at.sigma[i]))
            else:
                least = _scales(rows.terms[i].initial, at.sigma[i], at.years[i])
                found = _over_volatility(value, at.spots, at.sigma[i], least, tol)
            accuracy.check(rows["contract"][i], 0.0, found.values(), tol)
            for name in wanted:
                out[name][i] = found[name]

        in_ranges(work, len(rows), worth=1.0, pieces=len(rows))
        return out

    def jumps(self, rows: Rows, at: Scenario) -> Array:
        """Continuously observed barriers that have not been hit [currency]."""
        left = [_terms(note, rows.asof, at.days) for note in rows.terms]
        return np.array([t.barrier for t in left if t.continuous and not t.knocked and t.barrier > 0.0])

    def events(self, rows: Rows) -> Events:
        """Barriers of notes that are not knocked in; observations, calls and coupons before maturity."""
        left = [_terms(note, rows.asof, 0.0) for note in rows.terms]
        barrier = np.array([np.nan if t.knocked or t.barrier == 0.0 else t.barrier for t in left])
        always = np.array([t.continuous for t in left])
        hit = always & (rows.spot <= barrier)
        barrier[hit] = np.nan
        dates = tuple(t.times[:-1] * DAYS_PER_YEAR for t in left)
        seen = (days[t.look[:-1]] for days, t in zip(dates, left, strict=True))
        looks = tuple(None if every else days for every, days in zip(always, seen, strict=True))
        return Events(barrier, hit, np.where(np.isnan(barrier), 0.0, -1.0), looks, dates)

    def after_event(self, rows: Rows) -> Rows:
        """The same notes, knocked in."""
        return replace(rows, terms=tuple(replace(note, knocked=True) for note in rows.terms))


NOTE = Note()


@lru_cache(maxsize=_KEPT)
def _terms(note: Any, asof: Any, days: float) -> Any:
    """Remaining terms of a note, which take longer to set out than one volatility takes to value."""
    return note.terms(asof, days)


def _valued(rows: Rows, i: int, names: tuple[str, ...], days: float, tol: float) -> _Value:
    """The cash greeks `names` of one row as a function of spots and volatility."""
    note = rows.terms[i]
    terms = _terms(note, rows.asof, days)

    def value(spots: Array, sigma: float) -> dict[str, Array]:
        carry = rows["dividend_yield"][i]
        greeks = pricing.value(terms, spots, rows.rate[i], sigma, carry, names, tol=tol)
        return cash({name: note.initial * greeks[name] for name in names}, spots)

    return value


def _scales(par: float, vol: Array, years: float) -> dict[str, float]:
    """Smallest scale of each cash greek's relative error: par, per unit of vol or year where applicable."""
    by_vol, by_year = par / float(np.exp(np.log(vol).mean())), par / years
    scales = dict.fromkeys(POWERS, par) | dict.fromkeys(("vega", "vanna", "zomma"), by_vol)
    return scales | dict.fromkeys(("theta", "charm", "color"), by_year)


def _over_volatility(
    value: _Value, spots: Array, vol: Array, least: dict[str, float], tol: float
) -> dict[str, Array]:
    """The cash greeks of one note with the volatility of each of its spots, (m,) arrays.

    Spots at which volatility is lowest, often all beyond the floor of the dynamics, are valued at once.
    """
    lowest = vol == vol.min()
    found = value(spots[lowest], float(vol.min()))
    if lowest.all():
        return found
    others = _interpolated(value, spots[~lowest], vol[~lowest], least, tol)
    out = {name: np.empty(len(spots)) for name in found}
    for name, values in out.items():
        values[lowest], values[~lowest] = found[name], others[name]
    return out


def _interpolated(
    value: _Value, spots: Array, vol: Array, least: dict[str, float], tol: float
) -> dict[str, Array]:
    """The cash greeks of one note with the volatility of each of its spots, on a grid of volatilities.

    Barycentric interpolation in ln sigma at Chebyshev points of the second kind (Berrut and Trefethen 2004,
    equation 5.4), whose grids are nested, so that no value is taken twice. Where the finest grid is not fine
    enough, and where there are few, spots are valued one by one.
    """
    if len(spots) <= _FEW:
        return _one_by_one(value, spots, vol)
    y = np.log(vol)
    middle, half = 0.5 * (y.max() + y.min()), 0.5 * (y.max() - y.min())
    at = (y - middle) / (half or 1.0)
    known: dict[float, dict[str, Array]] = {}
    last: dict[str, Array] = {}
    for steps in _STEPS:
        # Of the finest grid, so that a node of two grids is one number.
        nodes = np.cos(np.pi * np.arange(0, _STEPS[-1] + 1, _STEPS[-1] // steps) / _STEPS[-1])
        for node in nodes.tolist():
            if node not in known:
                known[node] = value(spots, float(np.exp(middle + half * node)))
        weights = np.where(np.arange(steps + 1) % 2, -1.0, 1.0) * np.where(np.abs(nodes) == 1.0, 0.5, 1.0)
        away = at - nodes[:, None]
        hit = np.abs(away) < 1e-14
        terms = weights[:, None] / np.where(hit, 1.0, away)
        terms = np.where(hit.any(axis=0), hit, terms)
        terms = terms / terms.sum(axis=0)
        found = {
            name: np.einsum("kj,kj->j", terms, np.stack([known[node][name] for node in nodes.tolist()]))
            for name in known[nodes[0]]
        }
        if last and all(
            np.abs(new - last[name]).max() <= tol * max(np.abs(new).max(), least[name])
            for name, new in found.items()
        ):
            return found
        last = found
    return _one_by_one(value, spots, vol)


def _one_by_one(value: _Value, spots: Array, vol: Array) -> dict[str, Array]:
    each = [value(spots[j : j + 1], float(vol[j])) for j in range(len(spots))]
    return {name: np.concatenate([one[name] for one in each]) for name in each[0]}
