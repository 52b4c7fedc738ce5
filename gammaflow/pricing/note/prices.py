"""Value and greeks of structured notes under Black-Scholes-Merton, over a ladder of spots."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammaflow.checks import attempt, check_number, floats, refuse
from gammaflow.errors import SchemaError
from gammaflow.kernels.barrier_steps import spread
from gammaflow.kernels.differences import CENTRAL
from gammaflow.kernels.note_steps import Dates
from gammaflow.kernels.notes import LEVELS, one_pass
from gammaflow.pricing.arguments import read_which
from gammaflow.pricing.note.terms import NoteTerms
from gammaflow.pricing.results import Greeks

__all__ = ["ALL", "DEFAULT", "value"]

Array = NDArray[np.float64]

DEFAULT = ("price", "delta", "gamma")
ALL = (*DEFAULT, "vega", "theta", "rho", "vanna", "charm", "volga", "speed", "zomma", "color")

#: Difference steps: a fraction of volatility; for a rate, the fraction of a deviation by which it moves the
#: forward.
_VOL_STEP, _RATE_STEP = 0.004, 0.005

# Below this deviation at maturity, and below this spot, the outcome is treated as deterministic.
STILL = 1e-5
LEAST = 1e-60

# Of differences from the value in the middle, which drops out.
_AROUND, _SLOPE, _BEND = (np.delete(row, 2) for row in CENTRAL)
_SLOPE, _BEND = _SLOPE / 12.0, _BEND / 12.0


def value(
    terms: NoteTerms,
    spots: Any,
    r: float,
    sigma: float,
    q: float = 0.0,
    which: Sequence[str] | str = DEFAULT,
    *,
    tol: float = 1e-7,
) -> Greeks:
    """Value of a structured note to its holder, and greeks, as shares of par.

    Parameters
    ----------
    terms : NoteTerms
        The remaining terms.
    spots : scalar or array
        Prices of the underlying [currency, >= 0].
    r, sigma, q : float
        Continuously compounded discount rate of the note, volatility [>= 0], dividend yield.
    which : names out of `ALL`
        price delta gamma (the default), vega theta rho vanna charm volga speed zomma color: derivatives per
        1.00 of spot, volatility and rate; theta, charm and color are calendar-time, per year.
    tol : float
        Error of the price, as a share of par, and of delta and gamma, as a share of the larger of their
        largest value and par / S and par / S^2; >= 1e-9. The price is a thousand times more accurate. 1e-4
        takes half the time of 1e-7, and 1e-9 a third more. Rounding adds an error of 1e-16 / s^3 to S^2
        gamma, as a share of par, where s = sigma sqrt(years to the first date); if only one date is left,
        only within ten s of its levels.

    Returns
    -------
    Greeks
        Arrays of the shape of `spots` by name, views of one read-only block.

    Raises
    ------
    SchemaError
        For terms that are not `NoteTerms`, unknown names, arguments that are not numbers, a tol out of reach;
        all problems at once.

    Notes
    -----
    No credit spread: the note is worth its payments, discounted at r. Spots that are negative, infinite or
    NaN give NaN, and so do such r, sigma and q. A note whose barrier is observed continuously is knocked in
    where spot is at or below it. With a deviation sigma sqrt(T) below 1e-5, and at spot 0, the note is worth
    its payments along the forward, and the greeks are derivatives of that.

    Two-state backward quadrature, see `gammaflow.kernels.notes`, eqs. (1) to (3). Derivatives in spot are
    those of the last step's Gaussian. With b = r - q the pricing equation gives those in calendar time,
    between dates:

        theta = r V - b S delta - sigma^2 S^2 gamma / 2                                             (4)
        charm = q delta - (b + sigma^2) S gamma - sigma^2 S^2 speed / 2                             (5)
        color = (q - b - sigma^2) gamma - (b + 2 sigma^2) S speed - sigma^2 S^2 speed' / 2          (6)

    (5) and (6) are (4) differentiated in S. vega, volga, vanna, zomma and rho are fourth-order differences on
    the same panels; volatility and rate take four more passes each.

    Examples
    --------
    A reverse convertible, 2 % a quarter, knock-in 70 % at daily closes for one year:

    >>> days = np.arange(1, 253)
    >>> quarter = days % 63 == 0
    >>> terms = NoteTerms(days / 252, look=True, barrier=70.0, edges=[100.0],
    ...                   coupon_level=np.where(quarter, 0.0, np.inf), coupon=0.02 * quarter,
    ...                   intact=[[1.0, 0.0], [1.0, 0.0]], hit=[[0.0, 0.01], [1.0, 0.0]])
    >>> value(terms, [75.0, 100.0], 0.04, 0.3, 0.01).price.round(8)
    array([0.80650379, 0.97075672])
    """
    (names, points, numbers, level, _), problems = attempt(
        lambda: read_which(which, ALL),
        partial(_read_spots, spots),
        partial(_read_numbers, {"r": r, "sigma": sigma, "q": q}),
        partial(_read_tol, tol),
        partial(_check_terms, terms),
    )
    refuse("note", problems)
    r, sigma, q = numbers
    S = points.ravel()
    order = np.argsort(S, kind="stable")
    found = np.full((len(names), S.size), np.nan)
    legal = (S[order] >= 0.0) & np.isfinite(S[order]) if np.isfinite(numbers).all() and sigma >= 0.0 else []
    rows = order[legal]
    if len(rows):
        with np.errstate(over="ignore"):
            greeks = _Note(terms, S[rows], r, sigma, q, level).greeks(set(names))
        for i, name in enumerate(names):
            found[i, rows] = greeks[name]
    return Greeks(names, found.reshape(len(names), *points.shape))


def _read_spots(spots: Any) -> Array:
    try:
        return floats(spots)
    except (TypeError, ValueError):
        raise SchemaError(f"spots: received {spots!r:.60}; they must be numbers.") from None


def _read_numbers(given: dict[str, Any]) -> Array:
    problems = []
    numbers = []
    for name, number in given.items():
        try:
            numbers.append(float(floats(number)))
        except (TypeError, ValueError):
            problems.append(f"{name}: received {number!r:.60}; it must be one number.")
    if problems:
        raise SchemaError("\n".join(["", *problems]) if len(problems) > 1 else problems[0])
    return np.array(numbers)


def _read_tol(tol: Any) -> Any:
    number = check_number(tol, "tol", LEVELS[-1, 2])
    return LEVELS[np.argmax(LEVELS[:, 2] <= number), :2]


def _check_terms(terms: Any) -> None:
    if not isinstance(terms, NoteTerms):
        raise SchemaError(
            f"terms: received {type(terms).__name__}; NoteTerms are needed, such as note.terms(asof)."
        )


class _Note:
    """A note over legal, increasing spots at one rate and volatility, both of which can be shifted."""

    def __init__(self, terms: NoteTerms, S: Array, r: float, sigma: float, q: float, level: Array) -> None:
        self.terms, self.S, self.r, self.sigma, self.q = terms, S, r, sigma, q
        self.wide, self.reach = level
        self.living = terms.barrier > 0.0 and not terms.knocked
        self.ref = terms.barrier if self.living else max(S[-1], LEAST)
        deviation = sigma * np.sqrt(terms.maturity)
        self.still = np.full(S.shape, True) if deviation < STILL else S < LEAST
        self.z = np.log(S[~self.still] / self.ref)
        self.groups = np.flatnonzero(np.diff(self.z) > 2.0 * spread(deviation, self.reach)) + 1
        self.claims = [] if self.still.all() else self._claims()

    def _claims(self) -> list[tuple[Dates, float]]:
        """The note once knocked in, and the extra value while it is not, each with the dates it needs."""
        t = self.terms
        with np.errstate(divide="ignore"):
            call, due, edges = (np.log(a / self.ref) for a in (t.call_level, t.coupon_level, t.edges))
        last = np.arange(len(t)) == len(t) - 1
        called = (call < np.inf) | last
        nothing, never = np.zeros(len(t)), np.full(len(t), np.inf)
        columns = t.times, nothing > 0, call, t.call_pays, due, t.coupon
        redemption = t.hit if self.living or t.knocked else t.intact
        claims = [
            (self._dates(called | (due < np.inf), columns, edges, redemption, t.memory, False), t.missed)
        ]
        if self.living and (t.intact != t.hit).any():
            columns = t.times, t.look | t.continuous, call, nothing, never, nothing
            kept = called | t.look
            dates = self._dates(kept, columns, edges, t.intact - t.hit, False, t.continuous)
            claims.append((dates, 0.0))
        return claims

    def _dates(
        self, kept: Any, columns: Any, edges: Array, table: Array, memory: bool, mirror: bool
    ) -> Dates:
        time, lose, call, pays, due, coupon = (c[kept] for c in columns)
        return Dates(time, lose, call, pays, due, coupon, edges, table, self.ref, memory, mirror)

    def slopes(self, r: float, sigma: float) -> Array:
        """Value and four derivatives in spot, (5, m), on the panels of the note's own rate and volatility."""
        out = np.empty((5, len(self.S)))
        if self.still.any():
            out[:, self.still] = _along_forward(self.terms, self.S[self.still], r, self.q)
        jets = np.zeros((len(self.z), 5))
        for dates, missed in self.claims:
            for z, jet in zip(np.split(self.z, self.groups), np.split(jets, self.groups), strict=True):
                grid = self.r, self.sigma, self.wide, self.reach
                one_pass(dates, missed, r, sigma, self.q, *grid, z, jet)
        v, x, xx, xxx, xxxx = jets.T
        S = self.S[~self.still]
        out[:, ~self.still] = (
            v,
            x / S,
            (xx - x) / S**2,
            (xxx - 3.0 * xx + 2.0 * x) / S**3,
            (xxxx - 6.0 * xxx + 11.0 * xx - 6.0 * x) / S**4,
        )
        return out

    def greeks(self, wanted: set[str]) -> dict[str, Array]:
        """Greeks by name: all in spot and time, and the others where asked for."""
        S, r, q, variance = self.S, self.r, self.q, self.sigma**2
        b = r - q
        here = self.slopes(r, self.sigma)
        price, delta, gamma, speed, fourth = here
        out = {
            "price": price,
            "delta": delta,
            "gamma": gamma,
            "speed": speed,
            "theta": r * price - b * S * delta - 0.5 * variance * S * (S * gamma),
            "charm": q * delta - (b + variance) * S * gamma - 0.5 * variance * S * (S * speed),
            "color": (q - b - variance) * gamma
            - (b + 2.0 * variance) * S * speed
            - 0.5 * variance * S * (S * fourth),
        }
        if wanted & {"vega", "vanna", "volga", "zomma"}:
            step = _VOL_STEP * self.sigma
            around = np.zeros((4, 5, len(S)))
            if self.claims:
                around[:] = [self.slopes(r, self.sigma + k * step) - here for k in _AROUND]
            step = step or 1.0
            first = np.tensordot(_SLOPE, around, 1) / step
            out |= {"vega": first[0], "vanna": first[1], "zomma": first[2]}
            out["volga"] = np.tensordot(_BEND, around[:, 0], 1) / step**2
        if "rho" in wanted:
            step = min(1e-3, _RATE_STEP * max(self.sigma, STILL) / np.sqrt(self.terms.maturity))
            around = np.array([self.slopes(r + k * step, self.sigma)[0] - price for k in _AROUND])
            out["rho"] = _SLOPE @ around / step
        return out


def _along_forward(terms: NoteTerms, S: Array, r: float, q: float) -> Array:
    """Value and four derivatives in spot where spot moves along its forward, (5, m)."""
    growth, discount = np.exp((r - q) * terms.times), np.exp(-r * terms.times)
    path = S[:, None] * growth
    seen = np.concatenate([S[:, None], path[:, terms.look | terms.continuous]], axis=1)
    at_barrier = (seen <= terms.barrier)[:, 0 if terms.continuous else 1 :].any(axis=1)
    knocked = at_barrier & (terms.barrier > 0.0) | np.full(len(S), terms.knocked)
    out = np.zeros((5, len(S)))
    alive = np.ones(len(S))
    missed = np.full(len(S), terms.missed)
    for k in range(len(terms)):
        paid = (path[:, k] > terms.coupon_level[k]) | (terms.coupon_level[k] == 0.0)
        called = (path[:, k] > terms.call_level[k]) | (terms.call_level[k] == 0.0)
        cash = paid * (terms.coupon[k] + missed) + called * terms.call_pays[k]
        missed = (missed + terms.memory * terms.coupon[k]) * ~paid
        out[0] += alive * discount[k] * cash
        alive *= ~called
    row = np.searchsorted(terms.edges, path[:, -1])
    pieces = np.where(knocked[:, None], terms.hit[row], terms.intact[row])
    out[0] += alive * discount[-1] * (pieces[:, 0] + pieces[:, 1] * path[:, -1])
    out[1] = alive * discount[-1] * pieces[:, 1] * growth[-1]
    return out
