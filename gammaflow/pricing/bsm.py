"""Black-Scholes-Merton prices, greeks and implied volatilities of arrays of options.

Arguments are scalars, arrays or Series of any shapes that broadcast: `flag` 'c'/'p'/'call'/'put' (any case)
or +1/-1; `S` spot and `K` strike in currency; `t` years; `r` rate and `q` dividend (or carry) yield,
continuously compounded per year; `sigma` per square-root year. Greeks are pure derivatives of one long
option: per 1.00 of spot, of volatility, of rate; theta, charm, veta and color are calendar-time (minus
d/dt), per year.

Illegal values (negative or infinite S, K, t, sigma; NaN anywhere) and hidden ones (masked in a numpy.ma
array, <NA> in a pandas array; in the flag too) give NaN; wrong shapes, dtypes, flags and
names raise `SchemaError`. At t = 0, sigma = 0, S = 0 or K = 0 an option is worth its discounted intrinsic
value and the greeks are its derivatives: second derivatives are 0, and at the kink S e^-qt = K e^-rt the
greeks are those from below (call delta 0, put delta -e^-qt). S or K of 1e-270 or less counts as 0.

Examples
--------
>>> from gammaflow import bsm
>>> terms = {"S": 100.0, "K": 100.0, "t": 1.0, "r": 0.05, "sigma": 0.2}
>>> round(float(bsm.price("call", **terms)), 4)
10.4506
>>> greeks = bsm.greeks("call", **terms, which=("delta", "gamma"))
>>> round(float(greeks.delta), 4), round(float(greeks.gamma), 4)
(0.6368, 0.0188)
>>> round(float(bsm.implied_volatility(10.450583572185565, 100.0, 100.0, 1.0, 0.05, 0.0, "call")), 12)
0.2
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import as_numbers, check_whole
from gammaflow.errors import SchemaError
from gammaflow.kernels.blocks import BLOCK, get_threads, in_ranges, read_blocks
from gammaflow.kernels.blocks import set_threads as _set_threads
from gammaflow.kernels.bsm import ALL, DEFAULT
from gammaflow.kernels.implied import implied_loop
from gammaflow.pricing.arguments import read_columns, read_rows, read_which
from gammaflow.pricing.memory import empty
from gammaflow.pricing.quantities import alone, compute, fill
from gammaflow.pricing.results import Greeks, ImpliedVolatility

__all__ = [
    "ALL",
    "DEFAULT",
    "Greeks",
    "ImpliedVolatility",
    "get_threads",
    "greeks",
    "greeks_forward",
    "implied_volatility",
    "implied_volatility_forward",
    "implied_volatility_status",
    "price",
    "price_forward",
    "set_threads",
    "yield_from_forward",
]

FloatArray = NDArray[np.float64]

# Rows up to which a result is part of the block that a loop filled; of more, rows not asked for are let go.
_FEW = 256


def _block(out: Any, shape: tuple[int, ...]) -> FloatArray:
    if out is None:
        return empty(shape)
    if not (
        isinstance(out, np.ndarray)
        and not isinstance(out, np.ma.MaskedArray)
        and out.shape == shape
        and out.dtype == np.float64
        and out.flags.c_contiguous
        and out.flags.writeable
    ):
        plain = isinstance(out, np.ndarray) and not isinstance(out, np.ma.MaskedArray)
        got = f"{out.dtype} of shape {out.shape}" if plain else type(out).__name__
        raise SchemaError(f"out: received {got}; it must be writeable C-contiguous float64 of shape {shape}.")
    return out


def price(
    flag: ArrayLike,
    S: ArrayLike,
    K: ArrayLike,
    t: ArrayLike,
    r: ArrayLike,
    sigma: ArrayLike,
    q: ArrayLike = 0.0,
) -> Any:
    """Price of European options, in currency.

    Same arguments, NaN policy and errors as `greeks`.

    Returns
    -------
    float64 array of the broadcast shape; a float where all arguments are scalars.

    See Also
    --------
    greeks, price_forward, implied_volatility

    Examples
    --------
    >>> round(float(price("c", 100.0, 100.0, 1.0, 0.05, 0.2)), 10)
    10.4505835722
    """
    return greeks(flag, S, K, t, r, sigma, q, which="price").block[0]


def greeks(
    flag: ArrayLike,
    S: ArrayLike,
    K: ArrayLike,
    t: ArrayLike,
    r: ArrayLike,
    sigma: ArrayLike,
    q: ArrayLike = 0.0,
    which: Sequence[str] | str = DEFAULT,
    out: FloatArray | None = None,
) -> Greeks:
    """Price and greeks of European options.

    Parameters
    ----------
    flag : str, +1 / -1, or array of them
        Call or put: 'c', 'p', 'call', 'put' in any case, +1 call, -1 put.
    S, K, t, r, sigma, q : scalar or array
        Spot, strike [currency, >= 0], years to expiry [>= 0], rate, volatility [>= 0], dividend yield; NaN
        in a row gives NaN in that row.
    which : names out of `ALL`
        price delta gamma vega theta rho vanna charm volga (the default), and epsilon veta speed zomma color
        ultima dual_delta dual_gamma.
    out : array, optional
        C-contiguous float64 memory of shape ``(len(which), *shape)`` in which to return the result, instead
        of new memory. Arguments may share it: they are copied first.

    Returns
    -------
    Greeks
        Arrays of the broadcast shape by name (`g.gamma`, `g["gamma"]`), views of one read-only block.

    Raises
    ------
    SchemaError
        For unknown flags or names, arguments that are not numbers, shapes that do not broadcast, or a wrong
        `out`.

    See Also
    --------
    price, greeks_forward, gammaflow.american.greeks

    Notes
    -----
    Merton (1973), "Theory of rational option pricing", eq. (38), and its derivatives (Haug 2007,
    "The complete guide to option pricing formulas", ch. 2). The relative error is below 1e-13 unless a value
    is the small difference of large ones; `gammaflow verify` measures it on this machine.

    The memory of a large result is used again once no array refers to it: at most 160 MiB are kept.

    Examples
    --------
    >>> g = greeks("call", 100.0, [90.0, 110.0], 0.5, 0.03, 0.25, q=0.01, which=("delta", "vanna"))
    >>> g.delta.round(6)
    array([0.766799, 0.344988])
    >>> delta, vanna = g
    """
    names = DEFAULT if which is DEFAULT else read_which(which, ALL)
    plain = read_rows(flag, S, K, t, r, sigma, q) if out is None else None
    if plain is not None:
        rows, shape = plain
        loop, size, found = alone(names)
        few = len(rows[0]) <= _FEW
        if loop is not None and (few or size == len(names)):
            block = np.empty((size, *shape)) if few else empty((size, *shape))
            loop.run(*rows, block if len(shape) == 1 else block.reshape(size, -1), 0)
            return Greeks(names, block if size == len(names) else block[found])
        block = empty((len(names), *shape))
        fill(names, rows, block if len(shape) == 1 else block.reshape(len(names), -1))
        return Greeks(names, block)
    numbers = {"S": S, "K": K, "t": t, "r": r, "sigma": sigma, "q": q}
    columns, shape, index = read_columns(flag, numbers, [])
    block = _block(out, (len(names), *shape))
    if out is not None:
        columns = [c.copy() if np.may_share_memory(c, out) else c for c in columns]
    compute(names, columns, shape, block)
    return Greeks(names, block, index)


def implied_volatility(
    price: ArrayLike, S: ArrayLike, K: ArrayLike, t: ArrayLike, r: ArrayLike, q: ArrayLike, flag: ArrayLike
) -> Any:
    """Black-Scholes-Merton volatility of prices; NaN where a price has none.

    Parameters
    ----------
    price, S, K, t, r, q, flag
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
    implied_volatility_status, implied_volatility_forward, price

    Notes
    -----
    Works from the out-of-the-money time value, in logarithms, so that prices of 1e-300 and prices an ulp
    below their bound are solved equally well. The price limits the accuracy: half an ulp of an in-the-money
    price is half an ulp over vega in volatility, and up to sixteen times that where discounting moves spot
    and strike by more than the price; the solver adds a relative error of at most 4e-14, from a second to a
    century before expiry. Where the rounding of discount factors would decide whether there is time value,
    or make up most of it, they are computed in twice the working precision.

    Jaeckel (2015), "Let's be rational"; first guess Stefanica and Radoicic (2017), "An explicit implied
    volatility formula".

    Examples
    --------
    >>> round(float(implied_volatility(10.450583572185565, 100.0, 100.0, 1.0, 0.05, 0.0, "c")), 12)
    0.2
    >>> float(implied_volatility(3.0, 100.0, 90.0, 1.0, 0.0, 0.0, "c"))
    nan
    """
    return implied_volatility_status(price, S, K, t, r, q, flag).sigma


def implied_volatility_status(
    price: ArrayLike, S: ArrayLike, K: ArrayLike, t: ArrayLike, r: ArrayLike, q: ArrayLike, flag: ArrayLike
) -> ImpliedVolatility:
    """Implied volatility as `implied_volatility` gives it, with the reason wherever there is none.

    Returns
    -------
    ImpliedVolatility
        `.sigma` float64 and `.status` int8 of the broadcast shape, `.reason` the status in words:
        0 ok, 1 below intrinsic, 2 no time value, 3 above the bound, 4 not a number (an illegal input).
        At t = 0 a price above intrinsic is above the bound.

    See Also
    --------
    implied_volatility

    Examples
    --------
    >>> implied_volatility_status([3.0, 10.0, 12.0], 100.0, 90.0, 1.0, 0.0, 0.0, "c").reason.tolist()
    ['below intrinsic', 'no time value', 'ok']
    """
    plain = read_rows(flag, price, S, K, t, r, q)
    if plain is not None:
        (phi, prices, *rows), shape = plain
        sigma, status = empty(shape), np.empty(shape, np.int8)
        implied_loop.run(prices, phi, *rows, sigma.reshape(-1), status.reshape(-1), 0)
        return ImpliedVolatility(sigma[()], status[()])
    numbers = {"price": price, "S": S, "K": K, "t": t, "r": r, "q": q}
    (phi, *columns), shape, index = read_columns(flag, numbers, [])
    columns.insert(1, phi)
    sigma, status = empty(shape), np.empty(shape, np.int8)

    def work(start: int, stop: int) -> None:
        for first, arrays in read_blocks(columns, shape, start, stop):
            implied_loop.run(*arrays, sigma.reshape(-1), status.reshape(-1), first)

    in_ranges(work, sigma.size, whole=BLOCK)
    return ImpliedVolatility(sigma[()], status[()], index)


def price_forward(
    flag: ArrayLike, F: ArrayLike, K: ArrayLike, t: ArrayLike, r: ArrayLike, sigma: ArrayLike
) -> Any:
    """Price of options on a forward or future F (Black 1976), in currency: `price` with S = F, q = r.

    See Also
    --------
    price, greeks_forward

    Examples
    --------
    >>> round(float(price_forward("p", 98.0, 100.0, 0.5, 0.03, 0.4)), 9)
    11.980959304
    """
    return price(flag, F, K, t, r, sigma, r)


def greeks_forward(
    flag: ArrayLike,
    F: ArrayLike,
    K: ArrayLike,
    t: ArrayLike,
    r: ArrayLike,
    sigma: ArrayLike,
    which: Sequence[str] | str = DEFAULT,
) -> Greeks:
    """Price and greeks of options on a forward or future F (Black 1976), as derivatives at fixed F.

    `greeks` with S = F and q = r, except rho: at a fixed forward r only discounts, so rho = -t price. There
    is no epsilon. delta and gamma are per unit of the forward; F^2 gamma_F = S^2 gamma_S.

    See Also
    --------
    price_forward, greeks

    Examples
    --------
    >>> greeks_forward("c", 100.0, 100.0, 1.0, 0.05, 0.2, which="rho").rho.round(6)
    np.float64(-7.577082)
    """
    names = read_which(which, tuple(n for n in ALL if n != "epsilon"))
    columns, shape, index = read_columns(flag, {"F": F, "K": K, "t": t, "r": r, "sigma": sigma}, [])
    block = empty((len(names), *shape))
    compute(tuple("price" if n == "rho" else n for n in names), [*columns, columns[4]], shape, block)
    if "rho" in names:
        block[names.index("rho")] *= -columns[3]
    return Greeks(names, block, index)


def implied_volatility_forward(
    price: ArrayLike, F: ArrayLike, K: ArrayLike, t: ArrayLike, r: ArrayLike, flag: ArrayLike
) -> Any:
    """Black 1976 implied volatility of options on a forward F: `implied_volatility` with S = F, q = r.

    See Also
    --------
    implied_volatility, price_forward

    Examples
    --------
    >>> import gammaflow as gf
    >>> price = gf.bsm.price_forward("p", 102.0, 95.0, 0.5, 0.02, 0.3)
    >>> round(float(gf.bsm.implied_volatility_forward(price, 102.0, 95.0, 0.5, 0.02, "p")), 12)
    0.3
    """
    return implied_volatility(price, F, K, t, r, r, flag)


def set_threads(n: int) -> None:
    """Set the number of threads, 1 or more; the initial value is `GAMMAFLOW_THREADS` or the usable cores.

    Raises
    ------
    SchemaError
        For anything but a whole number >= 1.

    See Also
    --------
    get_threads

    Examples
    --------
    >>> set_threads(get_threads())
    """
    _set_threads(check_whole(n, "n", 1))


def yield_from_forward(S: ArrayLike, F: ArrayLike, t: ArrayLike, r: ArrayLike) -> Any:
    """Carry yield q that makes F the forward of spot S: q = r - ln(F / S) / t, for spot greeks from forwards.

    See Also
    --------
    greeks, price_forward

    Examples
    --------
    >>> round(float(yield_from_forward(100.0, 101.0, 0.5, 0.04)), 9)
    0.020099338
    """
    given = {"S": S, "F": F, "t": t, "r": r}
    spot, forward, years, rate = (as_numbers(value, name) for name, value in given.items())
    with np.errstate(divide="ignore", invalid="ignore"):
        return rate - np.log(forward / spot) / years
