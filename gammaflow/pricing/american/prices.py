"""American options under Black-Scholes-Merton: price, greeks and the early-exercise boundary.

Arguments are scalars, arrays or Series of any shapes that broadcast: `flag` 'c'/'p'/'call'/'put' (any case)
or +1/-1; `S` spot and `K` strike in currency; `t` years; `r` rate and `q` dividend (or carry) yield,
continuously compounded per year, paid continuously; `sigma` per square-root year. Units and signs are those
of `gammaflow.bsm`.

Illegal values (negative or infinite S, K, t, sigma; NaN anywhere) give NaN; wrong shapes, dtypes, flags and
names raise `SchemaError`. A put with q < r < 0 and a call with r < q < 0 have two boundaries, which are not
supported and give NaN. Where early exercise is never optimal (a put with r <= 0, a call with q <= 0, except
where one rate is 0 and the other below it) all values are the European ones. Where immediate exercise is
optimal, the option is worth its intrinsic value, delta is +1 or -1, and all other greeks, including theta and
rho, are 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammaflow.kernels.american import Rule
from gammaflow.kernels.blocks import read_blocks
from gammaflow.kernels.bsm import DEFAULT, default_loop
from gammaflow.kernels.differences import CENTRAL, ONE_SIDED
from gammaflow.pricing.american.boundary import Rules, evaluate, evaluate_all, parts, share
from gammaflow.pricing.american.implied import implied
from gammaflow.pricing.american.precision import read_precision
from gammaflow.pricing.arguments import read_columns, read_which
from gammaflow.pricing.results import Greeks, ImpliedVolatility

__all__ = [
    "ALL",
    "DEFAULT",
    "Greeks",
    "ImpliedVolatility",
    "exercise_boundary",
    "greeks",
    "implied_volatility",
    "implied_volatility_status",
    "price",
]

FloatArray = NDArray[np.float64]

ALL = (*DEFAULT, "speed")

_CHUNK = 4096
_STEP = 0.005


def _held(phi: FloatArray, S: FloatArray, boundary: FloatArray) -> NDArray[np.bool_]:
    """Mask of options that may be exercised early but are not yet exercised."""
    return np.isfinite(boundary) & (boundary > 0.0) & (phi * (boundary - S) > 0.0)


def _differences(
    arrays: list[FloatArray], column: int, step: FloatArray, side: FloatArray, central: Any, by: Rule
) -> tuple[FloatArray, FloatArray]:
    """First and second derivatives of price and delta by a column, each (2, n), before exercise.

    Points on both sides are used where `central` allows it and the option is alive at all of them, else on
    `side`, else on the other side.
    """
    n = len(step)
    first, second = np.zeros((2, n)), np.zeros((2, n))
    left = np.arange(n)
    for stencil, way in ((CENTRAL, np.ones(n)), (ONE_SIDED, side), (ONE_SIDED, -side)):
        if not left.size:
            break
        h = (step * way)[left]
        points = [np.repeat(a[left], 5) for a in arrays]
        points[column] = (arrays[column][left, None] + stencil.offsets * h[:, None]).ravel()
        out = evaluate(points, by)
        held = _held(points[0], points[1], out[4]).reshape(-1, 5).all(axis=1)
        values = out[:2].reshape(2, -1, 5)
        kept = held & central[left] if stencil is CENTRAL else held
        first[:, left[kept]] = (values @ stencil.slope / (12.0 * h))[:, kept]
        second[:, left[kept]] = (values @ stencil.bend / (12.0 * h * h))[:, kept]
        left = left[~kept]
    first[:, left] = second[:, left] = np.nan
    return first, second


def _by_volatility(arrays: list[FloatArray], by: Rule, out: FloatArray) -> None:
    """Vega, vanna and volga of options not yet exercised, into their rows of out."""
    n = len(arrays[0])
    first, second = _differences(arrays, 5, _STEP * arrays[5], np.ones(n), np.ones(n, bool), by)
    for name, values in (("vega", first[0]), ("vanna", first[1]), ("volga", second[0])):
        out[ALL.index(name)] = values


def _by_rate(arrays: list[FloatArray], by: Rule, out: FloatArray) -> None:
    """Rho of options not yet exercised, into its row of out; no difference crosses r = q, a kink of B(0+)."""
    phi, _, _, _, r, _, q = arrays
    scale = np.where((phi < 0) & (r > 0.0), r, np.maximum(np.abs(r), np.abs(q)))
    step = _STEP * scale
    near = np.abs(r - q) < 2.0 * step
    side = np.where(near, np.where(r >= q, 1.0, -1.0), phi)
    out[ALL.index("rho")] = _differences(arrays, 4, step, side, ~near, by)[0][0]


def _fill(
    names: tuple[str, ...], arrays: list[FloatArray], rules: tuple[Rules, Rules], out: FloatArray
) -> None:
    """The named quantities of one chunk into out (len(ALL), n), each option by the rules that suit it."""
    phi, _, _, t, r, sigma, q = arrays
    for rows, kind in parts(phi, t, r, sigma, q):
        some = np.ascontiguousarray(out[:, rows])
        _fill_part(names, [a[rows] for a in arrays], (rules[0][kind], rules[1][kind]), some)
        out[:, rows] = some


def _fill_part(
    names: tuple[str, ...], arrays: list[FloatArray], rules: tuple[Rule, Rule], out: FloatArray
) -> None:
    """The named quantities of options of one kind into out (len(ALL), n)."""
    found = evaluate(arrays, rules[0])
    price, delta, gamma, speed, boundary = found
    if names != ("price",):
        phi, S, _, t, r, sigma, q = arrays
        default_loop(*arrays, out, 0)
        early = np.isfinite(boundary) & (boundary > 0.0)
        live = _held(phi, S, boundary)
        out[:, early] = 0.0
        with np.errstate(over="ignore", invalid="ignore"):
            spread = 0.5 * (sigma * S) ** 2
            theta = r * price - (r - q) * S * delta - spread * gamma
            charm = q * delta - (r - q + sigma**2) * S * gamma - spread * speed
        out[ALL.index("theta"), live] = theta[live]
        out[ALL.index("charm"), live] = charm[live]
        for wanted, difference in (({"vega", "vanna", "volga"}, _by_volatility), ({"rho"}, _by_rate)):
            rows = np.flatnonzero(live & (sigma * t > 0.0))
            if wanted & set(names) and rows.size:
                part = out[:, rows]
                difference([a[rows] for a in arrays], rules[1], part)
                out[:, rows] = part
    for name, values in zip(("price", "delta", "gamma", "speed"), found, strict=False):
        out[ALL.index(name)] = values
    out[:, np.isnan(price)] = np.nan


def price(
    flag: ArrayLike,
    S: ArrayLike,
    K: ArrayLike,
    t: ArrayLike,
    r: ArrayLike,
    sigma: ArrayLike,
    q: ArrayLike = 0.0,
    *,
    precision: str = "default",
) -> Any:
    """Price of American options, in currency: `greeks` for the price alone.

    Returns
    -------
    float64 array of the broadcast shape; a float where all arguments are scalars.

    See Also
    --------
    greeks, exercise_boundary, gammaflow.bsm.price

    Examples
    --------
    >>> european = 9.462492596167
    >>> round(price("p", 100.0, 100.0, 1.0, 0.05, 0.25, 0.05, precision="precise") - european, 7)
    np.float64(0.1069527)
    """
    return greeks(flag, S, K, t, r, sigma, q, which="price", precision=precision).price


def greeks(
    flag: ArrayLike,
    S: ArrayLike,
    K: ArrayLike,
    t: ArrayLike,
    r: ArrayLike,
    sigma: ArrayLike,
    q: ArrayLike = 0.0,
    which: Sequence[str] | str = DEFAULT,
    *,
    precision: str = "default",
) -> Greeks:
    """Price and greeks of American options.

    Parameters
    ----------
    flag : str, +1 / -1, or array of them
        'c', 'p', 'call', 'put' in any case, +1 call, -1 put.
    S, K, t, r, sigma, q : scalar or array
        Spot, strike [currency, >= 0], years to expiry [>= 0], rate, volatility [>= 0], dividend yield; NaN
        in a row gives NaN in that row.
    which : names out of `ALL`
        price delta gamma vega theta rho vanna charm volga (the default), and speed. Units and signs are those
        of `gammaflow.bsm.greeks`.
    precision : "default" or "precise"
        Prices are within 3e-6 K ("default") or 3e-8 K ("precise"; for calls, the larger of S and K), deltas
        within 4e-4 or 2e-6, worst next to the boundary: wherever |r - q| sqrt(t) is at most 100 sigma,
        sigma sqrt(t) from 0.001 to 15, and |r| t and |q| t at most 60. Where sigma is 5 % or more,
        |r - q| sqrt(t) at most 3 sigma and sigma sqrt(t) at most 1, 99 of 100 prices are within 2e-7 K or
        2e-9 K, deltas within 5e-6 or 2e-8.

    Returns
    -------
    Greeks
        Arrays of the broadcast shape by name, views of one read-only block.

    Raises
    ------
    SchemaError
        For unknown flags, names or precisions, arguments that are not numbers, or shapes that do not
        broadcast; all problems of the arguments at once.

    See Also
    --------
    price, gammaflow.bsm.greeks, gammaflow.barrier.greeks

    Notes
    -----
    Andersen, Lake and Offengenden (2016), "High-performance American option pricing", system FP-A;
    calls by the symmetry of McDonald and Schroder (1998). Delta, gamma and speed are derivatives of the
    premium integral; theta and charm follow from the pricing equation and its derivative by S. Vega, vanna,
    volga and rho are five-point differences with steps of 0.5 % of sigma or of the rate, on one side only
    where the other lies beyond the boundary, or beyond r = q, where B(0+) has a kink. Price and delta are
    continuous across the boundary; gamma and volga, vanna and charm jump to 0 there.

    A put with r = 0 > q has no rho within about 1 % of its boundary (NaN).

    Nodes of the boundary, points of its equation and points of the premium are 8, 8, 24 or 16, 16, 48 for
    ordinary options. Three kinds use 20, 20, 48 or 32, 32, 96 and another solver, and take about sixty times
    as long: options close to the perpetual one (rate t above 2, where its price is approached as
    e^(-rate t)), options with sigma sqrt(t) above 1.5, and options that pay for not being exercised (-q t of
    a put, -r t of a call above 0.1).

    Examples
    --------
    >>> g = greeks("put", 100.0, [95.0, 150.0], 1.0, 0.05, 0.25, q=0.01, which=("delta", "gamma"))
    >>> g.delta.round(4), g.gamma.round(4)
    (array([-0.3298, -1.    ]), array([0.0155, 0.    ]))
    """
    rules = read_precision(precision)
    names = read_which(which, ALL)
    numbers = {"S": S, "K": K, "t": t, "r": r, "sigma": sigma, "q": q}
    columns, shape, index = read_columns(flag, numbers, [])
    block = np.empty((len(names), *shape))
    flat = block.reshape(len(names), -1)
    rows = [ALL.index(name) for name in names]

    def work(start: int, stop: int) -> None:
        for first in range(start, stop, _CHUNK):
            last = min(first + _CHUNK, stop)
            for at, arrays in read_blocks(columns, shape, first, last):
                out = np.empty((len(ALL), len(arrays[0])))
                _fill(names, arrays, rules, out)
                flat[:, at : at + len(arrays[0])] = out[rows]

    if flat.shape[1]:
        share(work, flat.shape[1])
    return Greeks(names, block, index)


def exercise_boundary(
    flag: ArrayLike,
    K: ArrayLike,
    t: ArrayLike,
    r: ArrayLike,
    sigma: ArrayLike,
    q: ArrayLike = 0.0,
    *,
    precision: str = "precise",
) -> Any:
    """Spot at and beyond which an American option is exercised now, in currency: the early-exercise boundary.

    Parameters
    ----------
    flag, K, t, r, sigma, q, precision
        As in `greeks`.

    Returns
    -------
    float64 array of the broadcast shape; a float where all arguments are scalars.
        A put is exercised at and below it, a call at and above it. It is 0 (put) or infinity (call) where
        early exercise is never optimal, NaN for illegal values and where there are two boundaries, and at
        t = 0 its limit, for a put K min(1, r / q).

    See Also
    --------
    price, compare_exercise

    Notes
    -----
    Relative error of 1e-6, or 1e-4 with the precision "default", in the range given in `greeks` for prices,
    if the gain from exercise (r t of a put, q t of a call) is 1e-5 or more.

    Examples
    --------
    >>> round(float(exercise_boundary("p", 100.0, 1.0, 0.05, 0.25, 0.05)), 5)
    64.79227
    >>> float(exercise_boundary("c", 100.0, 1.0, 0.05, 0.25))
    inf
    """
    rules = read_precision(precision)
    (signs, strike, *rest), shape, _ = read_columns(
        flag, {"K": K, "t": t, "r": r, "sigma": sigma, "q": q}, []
    )
    columns = [signs, strike, strike, *rest]
    boundary = np.empty(shape)
    flat = boundary.reshape(-1)

    def work(start: int, stop: int) -> None:
        for at, arrays in read_blocks(columns, shape, start, stop):
            flat[at : at + len(arrays[0])] = evaluate_all(arrays, rules[0])[4]

    if flat.size:
        share(work, flat.size)
    return boundary[()]


def implied_volatility(
    price: ArrayLike,
    S: ArrayLike,
    K: ArrayLike,
    t: ArrayLike,
    r: ArrayLike,
    q: ArrayLike,
    flag: ArrayLike,
    *,
    precision: str = "default",
) -> Any:
    """Implied volatility of American options; NaN where a price has none.

    Parameters
    ----------
    price, S, K, t, r, q, flag, precision
        Price in currency, and as in `greeks`.

    Returns
    -------
    float64 array of the broadcast shape; a float where all arguments are scalars.
        `implied_volatility_status` gives the reason for each NaN.

    Raises
    ------
    SchemaError
        As `greeks`.

    See Also
    --------
    implied_volatility_status, gammaflow.bsm.implied_volatility

    Examples
    --------
    >>> round(float(implied_volatility(9.0, 95.0, 100.0, 0.5, 0.05, 0.0, "p")), 4)
    0.2694
    >>> from gammaflow.pricing import bsm
    >>> round(float(bsm.implied_volatility(9.0, 95.0, 100.0, 0.5, 0.05, 0.0, "p")), 4)  # as if European
    0.2829
    """
    return implied_volatility_status(price, S, K, t, r, q, flag, precision=precision).sigma


def implied_volatility_status(
    price: ArrayLike,
    S: ArrayLike,
    K: ArrayLike,
    t: ArrayLike,
    r: ArrayLike,
    q: ArrayLike,
    flag: ArrayLike,
    *,
    precision: str = "default",
) -> ImpliedVolatility:
    """Implied volatility as `implied_volatility` gives it, with the reason wherever there is none.

    Returns
    -------
    ImpliedVolatility
        `.sigma` float64 and `.status` int8 of the broadcast shape, `.reason` the status in words:
        0 ok, 1 below intrinsic, 2 no time value, 3 above the bound, 4 not a number (an illegal input, or
        two boundaries). Intrinsic value is that at the best time to exercise if spot follows its forward.

    See Also
    --------
    implied_volatility

    Notes
    -----
    The implied volatility of the European option at that price is an upper bound, since the American option
    is worth more; from there, secants within a bracket, to an error of the price of 1e-9 of S + K.

    Examples
    --------
    >>> implied_volatility_status([4.0, 5.0, 9.0], 95.0, 100.0, 0.5, 0.05, 0.0, "p").reason.tolist()
    ['below intrinsic', 'no time value', 'ok']
    """
    by = read_precision(precision)[0]
    numbers = {"price": price, "S": S, "K": K, "t": t, "r": r, "q": q}
    columns, shape, index = read_columns(flag, numbers, [])
    sigma, status = np.empty(shape), np.empty(shape, np.int8)
    flat, why = sigma.reshape(-1), status.reshape(-1)

    def work(start: int, stop: int) -> None:
        for first in range(start, stop, _CHUNK):
            for at, (phi, *rest) in read_blocks(columns, shape, first, min(first + _CHUNK, stop)):
                rows = slice(at, at + len(phi))
                flat[rows], why[rows] = implied(phi, *rest, by=by)

    if flat.size:
        share(work, flat.size, 10.0)
    return ImpliedVolatility(sigma[()], status[()], index)
