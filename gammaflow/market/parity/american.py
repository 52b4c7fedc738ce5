"""Put-call parity of American options: forward and rate implied by pairs of quotes.

American options do not obey put-call parity, but the two legs at a strike still have one volatility. Given a
forward and a rate, the leg out of the money has an implied vol; the other leg priced with it leaves a
residual of call - put, and the implied forward and rate are those with zero residuals. This is parity of the
European options with the same vols: the early-exercise premium is subtracted from both legs, with the yield
that the forward implies, until nothing changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gammaflow.market.parity.fits import Pairs, centre, shrink
from gammaflow.pricing import american, bsm

__all__ = ["Alone", "fit_rates", "single_american_forwards"]

Array = NDArray[np.float64]

#: Steps of finite differences: of forwards and volatilities [-], of rates [1/year].
_BUMP = 1e-3
#: First guess of a volatility where no European option has one.
_UNKNOWN = 0.2
#: Rounds of Newton's method: for forwards, and for forwards and rates.
_ROUNDS, _ROUNDS_OF_RATES = 4, 6
#: A strike whose call - put moves less with the forward than this share of the discount factor determines
#: nothing: one of its legs is exercised immediately.
_LEAST = 0.25
#: Bounds of the search for rates [1/year].
_RATES = -0.02, 0.25


class _Strikes:
    """The pairs of several expiries in one row, each with its current volatility."""

    def __init__(
        self, pairs: Sequence[Pairs], years: Array, spots: Array, forwards: Array, rates: Array
    ) -> None:
        self.of = np.repeat(np.arange(len(pairs)), [len(p.K) for p in pairs])
        self.K, call, put, self.h, self.tick = (
            np.concatenate([getattr(p, name) for p in pairs]) for name in ("K", "call", "put", "h", "tick")
        )
        self.years, self.t, self.spots = years, years[self.of], spots
        # The leg out of the money on spot gives the volatility: it is further from early exercise.
        F, r = forwards[self.of], rates[self.of]
        self.phi = np.where(self._spot(forwards, rates) <= self.K, 1.0, -1.0)
        self.quotes = np.where([self.phi > 0, self.phi < 0], call, put)
        sigma = bsm.implied_volatility(self.quotes[0], F, self.K, self.t, r, r, self.phi)
        self.sigma = np.where(np.isnan(sigma), _UNKNOWN, sigma)

    def _spot(self, forwards: Array, rates: Array) -> Array:
        """Spot of each strike; where spot is of another time than the options, their discounted forward."""
        here = np.where(np.isnan(self.spots), forwards * np.exp(-rates * self.years), self.spots)
        return np.asarray(here[self.of])

    def _legs(self, forwards: Array, rates: Array, sigma: Array) -> Array:
        """Prices of the legs out of and in the money (2, n); European where there are two boundaries."""
        F, r = forwards[self.of], rates[self.of]
        S = self._spot(forwards, rates)
        terms = np.array([self.phi, -self.phi]), S, self.K, self.t, r, sigma, r - np.log(F / S) / self.t
        price = american.price(*terms)
        bad = np.isnan(price)
        return np.where(bad, bsm.price(*terms), price) if bad.any() else np.asarray(price)

    def step(self, forwards: Array, rates: Array, *, by_rate: bool) -> tuple[Array, Array, Array]:
        """Residuals of call - put, and their derivatives by forward and rate (0 unless asked for), (n,) each.

        The volatilities are eliminated to first order: they change so that the legs out of the money keep
        their quotes.
        """
        at = self._legs(forwards, rates, self.sigma)
        vega = (self._legs(forwards, rates, self.sigma * (1.0 + _BUMP)) - at) / (_BUMP * self.sigma)
        by_F = (self._legs(forwards * (1.0 + _BUMP), rates, self.sigma) - at) / (_BUMP * forwards[self.of])
        by_r = (
            (self._legs(forwards, rates + _BUMP, self.sigma) - at) / _BUMP if by_rate else np.zeros_like(at)
        )
        left = self.quotes - at
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(vega[0] > 0.0, vega[1] / vega[0], 0.0)
            move = np.where(vega[0] > 0.0, left[0] / vega[0], 0.0)
        self.sigma = self.sigma + np.clip(move, -0.5 * self.sigma, self.sigma)
        # call - put is phi (outside - inside)
        left, by_F, by_r = (self.phi * (share * x[0] - x[1]) for x in (left, by_F, by_r))
        return left, by_F, by_r


def _groups(of: NDArray[np.int64], count: int) -> list[slice]:
    starts = np.searchsorted(of, np.arange(count + 1))
    return [slice(a, b) for a, b in pairwise(starts)]


def fit_rates(
    pairs: Sequence[Pairs], years: Array, spots: Array, forwards: Array, rates: Array
) -> tuple[Array, Array]:
    """Rate of each expiry and its standard error: the rate whose residuals have no slope in strike.

    Parameters
    ----------
    pairs : sequence of Pairs
        Of American options, at least five strikes per expiry [currency].
    years : (n,) array
    spots : (n,) array
        Spot [currency]; NaN where it is of another time than the options, which then pay no yield.
    forwards, rates : (n,) arrays
        First guesses [currency, 1/year].

    Returns
    -------
    Rates and their errors [1/year]; the error is infinite where the quotes do not separate rate from
    forward.
        apart.
    """
    forwards, rates, error = forwards.copy(), np.clip(rates, *_RATES), np.full(len(years), np.inf)
    strikes = _Strikes(pairs, years, spots, forwards, rates)
    groups = _groups(strikes.of, len(years))
    for more in range(_ROUNDS_OF_RATES)[::-1]:
        left, by_F, by_r = strikes.step(forwards, rates, by_rate=True)
        for i, rows in enumerate(groups):
            terms = [x[rows] for x in (left, by_F, by_r, strikes.h, strikes.tick)]
            step, error[i] = _newton(3 if more else 20, *terms)
            forwards[i] *= np.exp(np.clip(step[0] / forwards[i], -0.1, 0.1))
            rates[i] = np.clip(rates[i] + step[1], *_RATES)
    return rates, error


def _newton(rounds: int, left: Array, by_F: Array, by_r: Array, h: Array, tick: Array) -> tuple[Array, float]:
    """Steps of forward and rate to the least residuals with Huber's weights, and the error of the rate."""
    X, y, n = np.column_stack([by_F, by_r]) / h[:, None], left / h, len(h)
    weight, step, inverse = np.ones(n), np.zeros(2), np.full((2, 2), np.inf)
    for _ in range(rounds):
        normal = (X * weight[:, None]).T @ X
        scale = np.sqrt(np.diag(normal))
        if not (scale > 0).all():
            return step, np.inf
        scaled = normal / np.outer(scale, scale)
        if np.linalg.det(scaled) < 1e-12:
            return step, np.inf
        inverse = np.linalg.inv(scaled) / np.outer(scale, scale)
        step = inverse @ (X.T @ (weight * y))
        rest = y - X @ step
        before, weight = weight, shrink(rest)
        if (weight == before).all():  # and so would be the next
            break
    variance = (weight @ rest**2) / weight.sum() * n / (n - 2)
    variance = max(variance, (weight @ (tick / h) ** 2) / weight.sum())
    return step, float(np.sqrt(variance * inverse[1, 1]))


@dataclass(frozen=True)
class Alone:
    """Forward of each single strike, (n,) each; NaN where it has none because a leg is exercised immediately.

    Attributes
    ----------
    Forward [currency].
        Its forward [currency].
    per_y : array
        Its change with the price of the leg in the money: 1 / discount factor for European options, more
        near early exercise.
    per_rate : array
        Its change with the rate [currency per 1/year].
    """

    forward: Array
    per_y: Array
    per_rate: Array


def single_american_forwards(
    pairs: Sequence[Pairs], years: Array, spots: Array, forwards: Array, rates: Array
) -> list[Alone]:
    """Forwards implied by single strikes, at the rate of their expiry.

    Parameters
    ----------
    pairs, years, spots, forwards
        As in `fit_rates`.
    rates : (n,) array
        Rates [1/year].
    """
    strikes = _Strikes(pairs, years, spots, forwards, rates)
    groups, forwards = _groups(strikes.of, len(years)), forwards.copy()
    D = np.exp(-rates * years)[strikes.of]
    for more in range(_ROUNDS)[::-1]:
        left, by_F, by_r = strikes.step(forwards, rates, by_rate=not more)
        with np.errstate(divide="ignore"):
            per_y = np.where(by_F >= _LEAST * D, 1.0 / by_F, np.nan)
        x = forwards[strikes.of] + left * per_y
        for i, rows in enumerate(groups):
            known = rows.start + np.flatnonzero(~np.isnan(x[rows]))
            if more and known.size:
                forwards[i] = centre(x[known], (strikes.h * per_y)[known], (strikes.tick * per_y)[known])[0]
    return [Alone(x[rows], per_y[rows], -(by_r * per_y)[rows]) for rows in groups]
