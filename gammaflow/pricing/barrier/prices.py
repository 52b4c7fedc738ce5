"""Prices and greeks of single barrier options; the public names are those of `gammaflow.barrier`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammaflow.errors import ConvergenceError
from gammaflow.kernels.barrier import (
    ALL,
    DEFAULT,
    FIRST,
    expiry_loop,
    greeks_loop,
    knock_in_loop,
    price_loop,
    rebate_loop,
)
from gammaflow.kernels.blocks import BLOCK, in_ranges, read_blocks
from gammaflow.kernels.monitored import monitored_loop
from gammaflow.pricing.arguments import read_which
from gammaflow.pricing.barrier.arguments import BETA, Terms, read_monitoring, read_terms
from gammaflow.pricing.results import Greeks

__all__ = ["ALL", "DEFAULT", "greeks", "hit_probability", "price", "reach"]

FloatArray = NDArray[np.float64]

_THREADS_FROM = 2000  # deals times dates


def _closed(
    names: tuple[str, ...], terms: Terms, block: FloatArray, dates: Any, barrier: FloatArray, slope: Any
) -> None:
    """Fill block by the closed forms: continuous monitoring (dates None), or expiry only."""
    n = terms.numbers
    columns: list[Any] = [terms.code, n["S"], n["K"], barrier, n["t"], n["r"], n["sigma"], n["q"]]
    flat = block.reshape(len(names), -1)
    loop: Any
    if dates is not None:
        loop = expiry_loop
        columns.append(n["rebate"])
    elif np.any(n["rebate"] != 0.0) or np.any(slope != 0.0) or set(names) & set(ALL[FIRST:]):
        loop = rebate_loop
        columns += [n["rebate"], slope]
    elif names == ("price",):
        loop = price_loop if np.any(terms.code & 4) else knock_in_loop
    else:
        loop = greeks_loop
    rows = [ALL.index(name) for name in names]

    def work(start: int, stop: int) -> None:
        scratch = np.empty((len(ALL), min(BLOCK, stop - start)))
        for first, arrays in read_blocks(columns, terms.shape, start, stop):
            if loop in (price_loop, knock_in_loop):
                loop.run(*arrays, flat, first)
                continue
            loop.run(*arrays, scratch, 0)
            m = len(arrays[0])
            for row, source in enumerate(rows):
                flat[row, first : first + m] = scratch[source, :m]

    in_ranges(work, flat.shape[1], whole=BLOCK)


def _deals(terms: Terms) -> tuple[list[Any], FloatArray, list[int]]:
    """One row per deal, its spots in a matrix, and the axes of the spots.

    An axis along which only S varies is an axis of spots: its points share one backward pass.
    """
    n = terms.numbers
    others: list[Any] = [terms.code, *(n[name] for name in ("K", "H", "t", "r", "sigma", "q", "rebate"))]
    if all(c.size == 1 for c in others):
        axes = [a for a, size in enumerate(terms.shape) if size > 1]
        spots = np.ascontiguousarray(np.broadcast_to(n["S"], terms.shape)).reshape(1, -1)
        return [c.reshape(1) for c in others], spots, axes
    shape = np.broadcast_shapes(*(c.shape for c in others))
    shape = (1,) * (len(terms.shape) - len(shape)) + shape
    axes = [a for a, size in enumerate(terms.shape) if shape[a] == 1 and size > 1]
    pick = tuple(slice(0, 1) if a in axes else slice(None) for a in range(len(shape)))
    rows = [np.ascontiguousarray(np.broadcast_to(c, terms.shape)[pick].reshape(-1)) for c in others]
    spots = np.moveaxis(np.broadcast_to(n["S"], terms.shape), axes, range(-len(axes), 0))
    return rows, np.ascontiguousarray(spots.reshape(len(rows[0]), -1)), axes


def _monitored(
    names: tuple[str, ...], terms: Terms, block: FloatArray, dates: FloatArray, tol: float
) -> FloatArray:
    """Fill block by quadrature; returns the error reached by each deal, shared by all its spots."""
    rows, spots, axes = _deals(terms)
    result = np.empty((len(names), *spots.shape))
    errors = np.empty(len(spots))
    checked = np.array([name in names for name in ALL])
    step = max(1, BLOCK // max(1, spots.shape[1]))

    def work(start: int, stop: int) -> None:
        for i in range(start, stop, step):
            j = min(i + step, stop)
            scratch = np.empty((len(ALL), j - i, spots.shape[1]))
            code, *numbers = (c[i:j] for c in rows)
            monitored_loop.run(code, spots[i:j], *numbers, dates, tol, checked, scratch, errors[i:j])
            for row, name in enumerate(names):
                result[row, i:j] = scratch[ALL.index(name)]

    in_ranges(work, len(spots), cost=len(dates), worth=_THREADS_FROM, pieces=4)
    if len(spots) == 1 or not axes:
        block[...] = result.reshape(block.shape)
    else:
        kept = [s for a, s in enumerate(terms.shape) if a not in axes]
        moved = result.reshape(len(names), *kept, *(terms.shape[a] for a in axes))
        block[...] = np.moveaxis(moved, range(moved.ndim - len(axes), moved.ndim), [a + 1 for a in axes])
    return errors.reshape([1 if a in axes else s for a, s in enumerate(terms.shape)])


def price(
    kind: ArrayLike,
    flag: ArrayLike,
    S: ArrayLike,
    K: ArrayLike,
    H: ArrayLike,
    t: ArrayLike,
    r: ArrayLike,
    sigma: ArrayLike,
    q: ArrayLike = 0.0,
    *,
    rebate: ArrayLike = 0.0,
    monitoring: ArrayLike = "continuous",
    alive: ArrayLike = True,
    tol: float = 1e-6,
    method: str = "exact",
) -> Any:
    """Price of barrier options, in currency: `greeks` for the price alone.

    Returns
    -------
    float64 array of the broadcast shape; a float where all arguments are scalars.

    See Also
    --------
    greeks : Price and greeks of barrier options.
    hit_probability : Risk-neutral probability that the barrier is hit by t, as it is monitored.

    Examples
    --------
    >>> round(float(price("down-in", "p", 100.0, 100.0, 70.0, 1.0, 0.04, 0.3, 0.01)), 9)
    7.044913556
    >>> round(float(price("down-in", "p", 100.0, 100.0, 70.0, 1.0, 0.04, 0.3, 0.01, monitoring=252)), 6)
    6.806238
    """
    return greeks(
        kind, flag, S, K, H, t, r, sigma, q, which="price",
        rebate=rebate, monitoring=monitoring, alive=alive, tol=tol, method=method,
    ).price  # fmt: skip


def greeks(
    kind: ArrayLike,
    flag: ArrayLike,
    S: ArrayLike,
    K: ArrayLike,
    H: ArrayLike,
    t: ArrayLike,
    r: ArrayLike,
    sigma: ArrayLike,
    q: ArrayLike = 0.0,
    which: Sequence[str] | str = DEFAULT,
    *,
    rebate: ArrayLike = 0.0,
    monitoring: ArrayLike = "continuous",
    alive: ArrayLike = True,
    tol: float = 1e-6,
    method: str = "exact",
) -> Greeks:
    """Price and greeks of barrier options.

    Parameters
    ----------
    kind : str or array of str
        "down-in", "down-out", "up-in" or "up-out".
    flag : str, +1 / -1, or array of them
        'c', 'p', 'call', 'put' in any case, +1 call, -1 put.
    S, K, H, t, r, sigma, q : scalar or array
        Spot, strike [currency, >= 0], barrier [currency, > 0], years to expiry [>= 0], rate, volatility
        [>= 0], dividend yield.
    which : names out of `ALL`
        price delta gamma vega theta vanna charm volga (the default), and rho speed zomma color. Units and
        signs are those of `gammaflow.bsm.greeks`.
    rebate : scalar or array
        Cash [currency, >= 0]: a knock-in pays it at expiry if it was never knocked in, a knock-out when it is
        knocked out (monitored on dates: on the date on which this is observed).
    monitoring : "continuous", "maturity", int, or array of times
        When the barrier is observed: continuously; at expiry only; on this many equally spaced dates, expiry
        included and today not; or at these times in years, the last of which is t.
    alive : bool or array of bool
        False if the barrier has already been hit. The knock-in is then a vanilla option, the knock-out its
        rebate, due now.
    tol : float
        Monitoring on dates only: largest error of every quantity asked for, relative to the larger of its
        value and a thousandth of its natural scale (price K, delta 1, gamma 1 / (S s), vega S sqrt(t),
        theta S s / t, vanna 1 / sigma, charm 1 / t, volga S sqrt(t) / sigma, rho K t, speed 1 / (S s)^2,
        zomma 1 / (S s sigma), color 1 / (S s t); s = sigma sqrt(t)). The panels are refined until two levels
        agree within tol; the finer is returned. A knock-in and its knock-out are refined alike, so that they
        add up to the vanilla option.
    method : "exact" or "bgk"
        "bgk", for a number of dates only: the continuous formula with the barrier moved away from spot by
        the factor exp(0.5826 sigma sqrt(t / dates)), which takes less than a microsecond. It is accurate only
        where spot is a step, sigma sqrt(t / dates), or more away from the barrier. Error of the price of a
        down-and-in put, K = 100, H = 60, 25 %, r = 4 %, q = 1 %:

        ==================  =================  ==========================
        dates               one step or more   at S = 60.06
        ==================  =================  ==========================
        252 in a year       0.01               0.10 (36.23 for 36.13)
        21 in a month       0.1                0.63 (35.77 for 35.14)
        ==================  =================  ==========================

    Returns
    -------
    Greeks
        Arrays of the broadcast shape by name, views of one read-only block.

    Raises
    ------
    SchemaError
        For unknown kinds, flags, monitoring, methods or names, times that do not end with t, arguments that
        are not numbers, shapes that do not broadcast; all problems at once.
    ConvergenceError
        Where tol is out of reach of double precision.

    See Also
    --------
    price : Price of barrier options, in currency: `greeks` for the price alone.
    ladder : Table of one greek of one option over spots and times to expiry: the cliff at the barrier.
    greeks_local_volatility

    Notes
    -----
    Illegal values (H <= 0, negative S, K, t, sigma or rebate, infinity, NaN anywhere) and hidden ones (masked
    in a numpy.ma array, <NA> in a pandas array) give NaN in their row.
    Monitored continuously, the barrier is hit where S is at or beyond H; monitored on dates, today is not one
    of them. At the instant of the hit (continuous) greeks are those of the option after it.

    Continuous: Reiner and Rubinstein (1991), in Haug (2007), section 4.17.1, terms A to F, differentiated
    term by term; F for lambda^2 < 0 as a real series. At dates: backward quadrature (see
    `gammaflow.kernels.monitored`); shift: Broadie, Glasserman and Kou (1997), Theorem 1.1. theta lets time
    pass with the dates fixed.

    Options that differ in spot alone, along an axis of the arrays, share one backward pass: 500 spots cost
    two to three times as much as one.

    Examples
    --------
    >>> g = greeks("down-in", "p", [70.5, 100.0], 100.0, 70.0, 0.25, 0.04, 0.45, which=("delta", "gamma"))
    >>> g.delta.round(6)
    array([-1.377877, -0.319782])
    """
    found, errors = reach(
        kind, flag, S, K, H, t, r, sigma, q, which,
        rebate=rebate, monitoring=monitoring, alive=alive, tol=tol, method=method,
    )  # fmt: skip
    missed = np.flatnonzero(~(errors <= tol))
    if len(missed):
        first = missed[0]
        raise ConvergenceError(
            f"tol: {len(missed)} of {errors.size} options cannot reach {tol:g} in double "
            f"precision (first: option {first}, got {errors.ravel()[first]:.1g}). Raise tol or ask for fewer "
            "greeks."
        )
    return found


def reach(
    kind: ArrayLike,
    flag: ArrayLike,
    S: ArrayLike,
    K: ArrayLike,
    H: ArrayLike,
    t: ArrayLike,
    r: ArrayLike,
    sigma: ArrayLike,
    q: ArrayLike = 0.0,
    which: Sequence[str] | str = DEFAULT,
    *,
    rebate: ArrayLike = 0.0,
    monitoring: ArrayLike = "continuous",
    alive: ArrayLike = True,
    tol: float = 1e-6,
    method: str = "exact",
) -> tuple[Greeks, FloatArray]:
    """`greeks` with the tolerance that can be reached, and the error reached by each option.

    Returns
    -------
    Greeks
    (...) array
        Errors, relative as `tol` of `greeks` is, 0 in closed form; of length 1 along axes in which spot alone
        varies.
    """
    names = read_which(which, ALL)
    terms = read_terms(
        kind, flag, alive, S=S, K=K, H=H, t=t, r=r, sigma=sigma, q=q, rebate=rebate
    )  # fmt: skip
    n = terms.numbers
    dates = read_monitoring(monitoring, method, tol, n["t"])
    block = np.empty((len(names), *terms.shape))
    barrier, slope = n["H"], np.zeros(())
    if method == "bgk" and dates is not None:
        with np.errstate(invalid="ignore"):
            slope = -BETA * np.where(terms.code & 2, 1.0, -1.0) * np.sqrt(n["t"] / len(dates))
            barrier = barrier * np.exp(slope * n["sigma"])
        dates = None
    errors = np.zeros([1] * len(terms.shape))
    if block.size and (dates is None or len(dates) == 1):
        _closed(names, terms, block, dates, barrier, slope)
    elif block.size and dates is not None:
        errors = _monitored(names, terms, block, dates, tol)
    return Greeks(names, block, terms.index), errors


def hit_probability(
    kind: ArrayLike,
    S: ArrayLike,
    H: ArrayLike,
    t: ArrayLike,
    r: ArrayLike,
    sigma: ArrayLike,
    q: ArrayLike = 0.0,
    *,
    monitoring: ArrayLike = "continuous",
    tol: float = 1e-6,
) -> Any:
    """Risk-neutral probability that the barrier is hit by t, as it is monitored.

    Parameters
    ----------
    kind, S, H, t, r, sigma, q, monitoring, tol
        As in `greeks`; only the direction of kind, down or up, matters.

    Returns
    -------
    float64 array of the broadcast shape; a float where all arguments are scalars.

    See Also
    --------
    price : Price of barrier options, in currency: `greeks` for the price alone.
    knock_in_jump : Change of delta when the barrier is hit at S = H, in units of the underlying per option.

    Notes
    -----
    A knock-out put of strike 0 with a rebate of 1, undiscounted: r = 0 with the yield q - r keeps the drift.

    Examples
    --------
    >>> round(float(hit_probability("down-in", 100.0, 70.0, 1.0, 0.04, 0.3, 0.01)), 9)
    0.24865262
    """
    terms = read_terms(kind, "p", True, r=r, q=q)
    kinds, carry = np.where(terms.code & 2, "down-out", "up-out"), terms.numbers
    return price(
        kinds, "p", S, 0.0, H, t, 0.0, sigma, carry["q"] - carry["r"],
        rebate=1.0, monitoring=monitoring, tol=tol,
    )  # fmt: skip
