"""Hedge trades that a barrier causes; the public names are those of `gammaflow.barrier`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import as_numbers, check_number, uncover
from gammaflow.kernels.barrier import edge_loop
from gammaflow.kernels.blocks import read_blocks
from gammaflow.pricing.barrier.arguments import read_monitoring, read_terms
from gammaflow.pricing.barrier.prices import greeks

__all__ = ["DeltaExcess", "barrier_shift", "delta_excess", "excess_threshold", "knock_in_jump", "ladder"]

FloatArray = NDArray[np.float64]

_GRID = 241
_WIDTH = 6.0
_HALVINGS = 44


class DeltaExcess(NamedTuple):
    """Delta at the barrier of an option not yet knocked in or out, and the spots where it exceeds a limit.

    All are arrays of one shape.

    See Also
    --------
    delta_excess : Spots at which |delta| of an option not yet knocked in or out exceeds a limit.

    Examples
    --------
    >>> import gammaflow as gf
    >>> found = gf.barrier.delta_excess("down-in", "p", 100.0, 60.0, 1.0, 0.04, 0.2)
    >>> round(float(found.edge), 2)
    -2.57
    """

    #: delta at the barrier, seen from the side not yet hit [units of the underlying per option]
    edge: FloatArray
    #: farthest spot from the barrier at which |delta| reaches the limit; NaN where it never exceeds it
    spot: FloatArray
    #: change of delta when the barrier is hit, see `knock_in_jump`; for a knock-out, the delta that is lost
    jump: FloatArray


def _edges(
    kind: ArrayLike,
    flag: ArrayLike,
    K: ArrayLike,
    H: ArrayLike,
    t: ArrayLike,
    r: ArrayLike,
    sigma: ArrayLike,
    q: ArrayLike,
    monitoring: ArrayLike,
    tol: float,
) -> tuple[FloatArray, FloatArray]:
    """delta at S = H of the vanilla and of the option, from the side not yet hit."""
    terms = read_terms(kind, flag, True, K=K, H=H, t=t, r=r, sigma=sigma, q=q)
    n = terms.numbers
    block = np.empty((2, *terms.shape))
    flat = block.reshape(2, -1)
    columns = [terms.code, n["K"], n["H"], n["t"], n["r"], n["sigma"], n["q"]]
    for first, arrays in read_blocks(columns, terms.shape, 0, flat.shape[1]):
        edge_loop.run(*arrays, flat, first)
    whole, inside = block
    if read_monitoring(monitoring, "exact", tol, n["t"]) is None:
        return whole, np.where(terms.code & 4, whole - inside, inside)
    at = greeks(kind, flag, H, K, H, t, r, sigma, q, which="delta", monitoring=monitoring, tol=tol)
    return whole, at.delta


def knock_in_jump(
    kind: ArrayLike,
    flag: ArrayLike,
    K: ArrayLike,
    H: ArrayLike,
    t: ArrayLike,
    r: ArrayLike,
    sigma: ArrayLike,
    q: ArrayLike = 0.0,
    *,
    monitoring: ArrayLike = "continuous",
    tol: float = 1e-6,
) -> Any:
    """Change of delta when the barrier is hit at S = H, in units of the underlying per option.

    A hedger who is long one option holds minus its delta and sells this many units when the barrier is hit
    (buys, where negative). For a knock-in J = delta(vanilla) - delta(knock-in); for a knock-out
    J = -delta(knock-out).

    Parameters
    ----------
    kind, flag, K, H, t, r, sigma, q, monitoring, tol
        As in `gammaflow.barrier.greeks`. On monitoring dates: hit on a date with the given dates still ahead.

    Returns
    -------
    float64 array of the broadcast shape; a float where all arguments are scalars.

    See Also
    --------
    barrier_shift
    hit_probability : Risk-neutral probability that the barrier is hit by t, as it is monitored.

    Notes
    -----
    For a down-and-in put at r = q = 0, J = 2 (delta_P - delta_E) - (P - E) / H >= 0, where P is the vanilla
    put and E the put that pays only below H at expiry, both at S = H.

    Examples
    --------
    >>> round(float(knock_in_jump("down-in", "p", 1.0, 0.7, 0.25, 0.0, 0.45)), 3)
    0.449
    """
    whole, edge = _edges(kind, flag, K, H, t, r, sigma, q, monitoring, tol)
    terms = read_terms(kind, flag, True)
    return np.where(terms.code & 4, -edge, whole - edge)[()]


def delta_excess(
    kind: ArrayLike,
    flag: ArrayLike,
    K: ArrayLike,
    H: ArrayLike,
    t: ArrayLike,
    r: ArrayLike,
    sigma: ArrayLike,
    q: ArrayLike = 0.0,
    *,
    limit: float = 1.0,
    monitoring: ArrayLike = "continuous",
    tol: float = 1e-6,
) -> DeltaExcess:
    """Spots at which |delta| of an option not yet knocked in or out exceeds a limit.

    Parameters
    ----------
    kind, flag, K, H, t, r, sigma, q, monitoring, tol
        As in `gammaflow.barrier.greeks`.
    limit : float
        Units of the underlying per option, > 0.

    Returns
    -------
    DeltaExcess
        `edge`, `spot` and `jump`, arrays of the broadcast shape. `spot` is the farthest from the barrier,
        within 6 deviations sigma sqrt(t), at which |delta| reaches the limit.

    Raises
    ------
    SchemaError
        As `gammaflow.barrier.greeks`, and for a limit that is not positive.

    See Also
    --------
    excess_threshold : sigma sqrt(T) below which |delta| at the barrier exceeds a limit, for r = q = 0.
    ladder : Table of one greek of one option over spots and times to expiry: the cliff at the barrier.

    Examples
    --------
    >>> found = delta_excess("down-in", "p", 100.0, 60.0, 1.0, 0.04, 0.2)
    >>> round(float(found.edge), 2), round(float(found.spot), 1)
    (-2.57, 75.0)
    """
    limit = check_number(limit, "limit", 0.0, open_low=True)
    whole, edge = _edges(kind, flag, K, H, t, r, sigma, q, monitoring, tol)
    terms = read_terms(kind, flag, True, K=K, H=H, t=t, r=r, sigma=sigma, q=q)
    n = {name: np.broadcast_to(a, terms.shape)[..., None] for name, a in terms.numbers.items()}
    kinds, flags = (
        np.broadcast_to(np.asarray(uncover(a, word)[0]), terms.shape)[..., None]
        for a, word in ((kind, "down-in"), (flag, "c"))
    )
    away = np.where(terms.code & 2, 1.0, -1.0)[..., None] * n["sigma"] * np.sqrt(np.maximum(n["t"], 0.0))

    def exceeds(distance: Any) -> NDArray[np.bool_]:
        found = greeks(
            kinds, flags, n["H"] * np.exp(distance * away), n["K"], n["H"], n["t"], n["r"], n["sigma"],
            n["q"], which="delta", monitoring=monitoring, tol=tol,
        )  # fmt: skip
        return np.asarray(np.abs(found.delta) > limit)

    grid = np.linspace(0.0, _WIDTH, _GRID)
    above = exceeds(grid)
    above[..., 0] = np.abs(edge) > limit
    last = _GRID - 1 - np.argmax(above[..., ::-1], axis=-1)[..., None]
    low = grid[last]
    high = grid[np.minimum(last + 1, _GRID - 1)]
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        over = exceeds(middle)
        low, high = np.where(over, middle, low), np.where(over, high, middle)
    spot = np.where(above.any(axis=-1, keepdims=True), n["H"] * np.exp(low * away), np.nan)[..., 0]
    jump = np.where(terms.code & 4, -edge, whole - edge)
    return DeltaExcess(np.asarray(edge)[()], spot[()], jump[()])


def excess_threshold(
    kind: str,
    flag: str,
    barrier_to_strike: float,
    *,
    limit: float = 1.0,
    monitoring: ArrayLike = "continuous",
) -> float:
    """sigma sqrt(T) below which |delta| at the barrier exceeds a limit, for r = q = 0.

    Parameters
    ----------
    kind, flag, monitoring
        As in `gammaflow.barrier.greeks`, one option.
    barrier_to_strike : float
        H / K.
    limit : float
        Units of the underlying per option, > 0.

    Returns
    -------
    float
        Standard deviation of the log of spot over the option's life; NaN where the limit is exceeded for
        every value between 0.02 and 4, or for none.

    See Also
    --------
    delta_excess : Spots at which |delta| of an option not yet knocked in or out exceeds a limit.

    Examples
    --------
    >>> [round(excess_threshold("down-in", "p", ratio), 3) for ratio in (0.5, 0.6, 0.7, 0.75, 0.8)]
    [0.621, 0.462, 0.325, 0.263, 0.205]
    >>> round(excess_threshold("down-in", "p", 0.7, monitoring="maturity"), 3)
    0.302
    """
    from scipy.optimize import brentq

    def gap(s: float) -> float:
        edge = _edges(kind, flag, 1.0, barrier_to_strike, 1.0, 0.0, s, 0.0, monitoring, 1e-8)[1]
        return float(abs(edge)) - limit

    low, high = 0.02, 4.0
    if not gap(low) * gap(high) < 0.0:
        return float("nan")
    return float(brentq(gap, low, high, xtol=1e-12))


def barrier_shift(H: ArrayLike, jump: ArrayLike, shares: ArrayLike, impact: ArrayLike) -> Any:
    """Barrier to risk-manage at: moved by what trading the jump of delta would itself do to the price.

    H' = H exp(-impact * jump * shares * H): the jump of delta cannot be traded at one price, so it is spread
    over the move that it causes.

    Parameters
    ----------
    H : scalar or array
        Barrier [currency].
    jump : scalar or array
        Units of the underlying per option, from `knock_in_jump`.
    shares : scalar or array
        Options outstanding, in units of the underlying.
    impact : scalar or array
        Relative price move per unit of currency traded.

    Returns
    -------
    Array of the broadcast shape, in the currency of H; NaN where an argument is NaN.

    See Also
    --------
    knock_in_jump : Change of delta when the barrier is hit at S = H, in units of the underlying per option.
    shifted_barrier

    Examples
    --------
    >>> round(float(barrier_shift(70.0, 0.449, 1e6, 1e-9)), 3)
    67.834
    """
    given = {"H": H, "jump": jump, "shares": shares, "impact": impact}
    level, jump, shares, impact = (as_numbers(value, name) for name, value in given.items())
    return level * np.exp(-impact * jump * shares * level)


def ladder(
    kind: str,
    flag: str,
    spots: Sequence[float] | FloatArray,
    K: float,
    H: float,
    times: Sequence[float] | FloatArray,
    r: float,
    sigma: float,
    q: float = 0.0,
    *,
    which: str = "delta",
    rebate: float = 0.0,
    monitoring: ArrayLike = "continuous",
    tol: float = 1e-6,
) -> pd.DataFrame:
    """Table of one greek of one option over spots and times to expiry: the cliff at the barrier.

    Parameters
    ----------
    kind, flag, K, H, r, sigma, q, rebate, monitoring, tol
        As in `gammaflow.barrier.greeks`, one option. A number of dates is spread over each time to expiry.
    spots : (m,) array
        Currency.
    times : (k,) array
        Years to expiry.
    which : str
        Name of the quantity, as in `gammaflow.barrier.greeks`.

    Returns
    -------
    DataFrame
        m rows by spot, k columns by years to expiry.

    See Also
    --------
    greeks : Price and greeks of barrier options.
    delta_excess : Spots at which |delta| of an option not yet knocked in or out exceeds a limit.

    Examples
    --------
    >>> ladder("down-in", "p", [60.5, 80.0], 100.0, 60.0, [1 / 12, 1.0], 0.04, 0.3).round(3).to_numpy()
    array([[-5.959, -1.528],
           [-0.019, -0.78 ]])
    """
    S, t = np.atleast_1d(as_numbers(spots, "spots")), np.atleast_1d(as_numbers(times, "times"))
    found = greeks(
        kind, flag, S[:, None], K, H, t, r, sigma, q, which=which,
        rebate=rebate, monitoring=monitoring, tol=tol,
    )  # fmt: skip
    return pd.DataFrame(found[which], pd.Index(S, name="spot"), pd.Index(t, name="years"))
