"""Barrier options under a local volatility; the public name is in `gammaflow.barrier`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import floats
from gammaflow.errors import SchemaError
from gammaflow.kernels.barrier_skew import march
from gammaflow.pricing.barrier.arguments import KINDS, Terms, read_monitoring, read_terms
from gammaflow.pricing.results import Greeks

__all__ = ["greeks_local_volatility"]

FloatArray = NDArray[np.float64]
Volatility = Callable[[FloatArray, float], Any]

NAMES = ("price", "delta", "gamma")
_SPAN = 7.0
_DENSE = 4001
_CLUSTER = 12.0
_IMPLICIT = 4


def _read_volatility(vol: Any) -> Volatility:
    """sigma(spots, years from today) from a callable, a number, or a table (spots, volatilities)."""
    if callable(vol):
        return vol  # type: ignore[no-any-return]
    table: Any
    try:
        table = floats(vol)
    except (TypeError, ValueError):
        table = np.empty(0)
    if table.ndim == 0:
        return lambda spots, _: np.full(spots.shape, float(table))
    if table.ndim == 2 and len(table) == 2 and table.shape[1] > 1:
        known, sigma = table
        if (np.diff(known) > 0.0).all() and (known > 0.0).all():
            return lambda spots, _: np.interp(spots, known, sigma)
    raise SchemaError(
        f"vol: received {vol!r:.60}; it must be a function of (spots, years), a number, or two equally long "
        "rows: increasing spots and their volatilities."
    )


def _grid(low: float, high: float, marks: list[float], width: float, nodes: int) -> FloatArray:
    """About `nodes` points with one on every mark, about `_CLUSTER` times as dense there as far away."""
    dense = np.linspace(low, high, _DENSE)
    density = np.ones(_DENSE)
    for mark in marks:
        density += _CLUSTER / (1.0 + ((dense - mark) / width) ** 2)
    measure = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(dense))])
    ends = [low, *sorted({m for m in marks if low < m < high}), high]
    at = np.interp(ends, dense, measure)
    parts = []
    for a, b, start, stop in zip(at[:-1], at[1:], ends[:-1], ends[1:], strict=True):
        count = max(4, round(nodes * (b - a) / at[-1]))
        inside = np.interp(np.linspace(a, b, count + 1), measure, dense)
        inside[0], inside[-1] = start, stop
        parts.append(inside[:-1])
    return np.concatenate([*parts, [high]])


def _space(
    vol: Volatility, K: float, H: float, spots: FloatArray, t: float, drift: float, nodes: int
) -> FloatArray:
    """Points in ln S around spots, strike and barrier, as far as the volatility between them reaches."""
    marks = [math.log(H), math.log(K)]
    reach = [*marks, math.log(spots.min()), math.log(spots.max())]
    between = np.exp(np.linspace(min(reach), max(reach), 65))
    level = max(float(np.max(vol(between, float(years)))) for years in np.linspace(0.0, t, 9))
    deviation = level * math.sqrt(t)
    span = _SPAN * deviation + abs(drift) * t
    return _grid(min(reach) - span, max(reach) + span, marks, 0.3 * deviation, nodes)


def _solve(
    x: FloatArray, V: FloatArray, ends: tuple[int, int], stops: FloatArray, steps: int, edge: Any, terms: Any
) -> None:
    """March V over tau = stops[0] .. stops[-1]; the first steps after stops[0] are implicit half steps."""
    vol, r, q, t = terms
    share = max(_IMPLICIT, math.ceil(steps * (stops[1] - stops[0]) / t))
    whole = np.linspace(stops[0], stops[1], share + 1)
    tau = np.concatenate([np.linspace(stops[0], whole[2], _IMPLICIT + 1), whole[3:]])
    weights = np.where(np.arange(len(tau) - 1) < _IMPLICIT, 1.0, 0.5)
    spots = np.exp(x)
    middle = t - 0.5 * (tau[1:] + tau[:-1])
    variance = np.array([np.broadcast_to(vol(spots, float(m)), spots.shape) for m in middle], np.float64) ** 2
    left, right = (np.array([edge(i, float(a)) for a in tau[1:]]) for i in ends)
    march(x, variance, r, q, tau, weights, left, right, V, *ends)


def greeks_local_volatility(
    kind: str,
    flag: ArrayLike,
    S: ArrayLike,
    K: float,
    H: float,
    t: float,
    r: float,
    vol: Any,
    q: float = 0.0,
    *,
    monitoring: ArrayLike = "continuous",
    nodes: int = 400,
    steps: int = 200,
) -> Greeks:
    """Price, delta and gamma of one barrier option under a local volatility, by finite differences.

    Parameters
    ----------
    kind, flag, K, H, t, r, q, monitoring
        As in `gammaflow.barrier.greeks`, one option without rebate, K and t > 0.
    S : scalar or array
        Spots [currency, > 0]; one solution serves all.
    vol : callable, table or number
        sigma(spots, years from today), an array for an array of spots; or (spots, volatilities), interpolated
        linearly and constant beyond; per square-root year. This is a local volatility, not an implied
        volatility smile.
    nodes, steps : int
        Points in ln S and steps in time, at least 50 and 10. The error falls with their square: with 400 and
        200 it is about 1e-4 of the price a few deviations from the barrier.

    Returns
    -------
    Greeks
        price, delta and gamma, arrays of the shape of S; for a constant volatility they tend to those of
        `gammaflow.barrier.greeks`.

    Raises
    ------
    SchemaError
        As `gammaflow.barrier.greeks`; also for more than one option, and for values for which there is no
        grid.

    See Also
    --------
    greeks : Price and greeks of barrier options.

    Notes
    -----
    Crank-Nicolson with nodes on barrier and strike, each start and each monitoring date followed by four
    implicit half steps (Rannacher 1984). On a monitoring date the node on the barrier takes half the value.
    The knock-in is the vanilla option solved on the same grid less the knock-out.

    Examples
    --------
    >>> def skew(spots, years):
    ...     return 0.3 - 0.2 * np.log(spots / 100.0)
    >>> g = greeks_local_volatility("down-in", "p", 100.0, 100.0, 70.0, 1.0, 0.04, skew)
    >>> round(float(g.price), 2)
    7.52
    """
    read = read_terms(kind, flag, True, S=S, K=K, H=H, t=t, r=r, q=q)
    sigma = _read_volatility(vol)
    K, H, t, r, q = _one_option(read, nodes, steps)
    spots = read.numbers["S"]
    dates = read_monitoring(monitoring, "exact", 1e-6, t)
    if not (min(K, H, t) > 0.0 and np.isfinite([K, H, t, r, q]).all() and (spots > 0.0).all()):
        raise SchemaError("S, K, H, t: must be > 0, and all arguments finite, for a finite-difference grid.")
    phi = 1.0 if int(read.code) & 1 else -1.0
    down, out = KINDS[kind] & 2, KINDS[kind] & 4
    x = _space(sigma, K, H, spots, t, r - q, nodes)
    at, last = np.exp(x), len(x) - 1
    barrier = int(np.argmin(np.abs(x - math.log(H))))
    knocked = np.arange(len(x)) < barrier if down else np.arange(len(x)) > barrier
    terms = sigma, r, q, t

    def far(i: int, tau: float) -> float:
        return float(max(phi * (at[i] * math.exp(-q * tau) - K * math.exp(-r * tau)), 0.0))

    def alive(i: int, tau: float) -> float:
        return 0.0 if knocked[i] or i == barrier else far(i, tau)

    value = np.maximum(phi * (at - K), 0.0)
    whole = value.copy()
    if dates is None:
        value[knocked], value[barrier] = 0.0, 0.0
        _solve(x, value, (barrier, last) if down else (0, barrier), np.array([0.0, t]), steps, alive, terms)
    else:
        stops = t - np.concatenate([[0.0], dates])[::-1] * t
        for k in range(len(dates)):
            value[knocked] = 0.0
            value[barrier] *= 0.5
            _solve(x, value, (0, last), stops[k : k + 2], steps, alive, terms)
    if not out:
        _solve(x, whole, (0, last), np.array([0.0, t]), steps, far, terms)
        value = whole - value
    if dates is not None:
        return Greeks(NAMES, _local(x, value, spots), read.index)
    hit = np.zeros((3, *spots.shape)) if out else _local(x, whole, spots)
    gone = spots <= H if down else spots >= H
    return Greeks(NAMES, np.where(gone, hit, _local(x[~knocked], value[~knocked], spots)), read.index)


def _one_option(read: Terms, nodes: Any, steps: Any) -> tuple[float, ...]:
    """K, H, t, r and q as numbers; SchemaError for arrays, and for too few nodes or steps."""
    names = ("K", "H", "t", "r", "q")
    problems = [f"{name}: received an array; pass one option." for name in names if read.numbers[name].ndim]
    if read.code.ndim:
        problems.append("kind, flag: received an array; pass one option.")
    for name, count, least in (("nodes", nodes, 50), ("steps", steps, 10)):
        if not (isinstance(count, (int, np.integer)) and count >= least):
            problems.append(f"{name}: received {count!r}; it must be an integer of at least {least}.")
    if problems:
        raise SchemaError("\n".join(problems))
    return tuple(float(read.numbers[name]) for name in names)


def _local(x: FloatArray, value: FloatArray, spots: FloatArray) -> FloatArray:
    """Price, delta and gamma at spots, from values over x = ln S."""
    from scipy.interpolate import CubicSpline

    curve, where = CubicSpline(x, value), np.log(spots)
    first = curve(where, 1)
    return np.array([curve(where), first / spots, (curve(where, 2) - first) / spots**2])
