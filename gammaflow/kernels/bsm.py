"""Black-Scholes-Merton: the price and sixteen derivatives, each formula once.

Every public scalar function has the signature ``(phi, S, K, t, r, sigma, q)``: phi = +1 call, -1 put; S spot;
K strike; t years; r and q continuously compounded; sigma per square-root year. Results are derivatives of one
long option per unit of the input; theta, charm, veta and color are calendar-time (minus d/dt), per year.

The functions are inlined. A loop that needs several quantities of a row calls `formulas.terms` once instead.

Illegal input (negative or non-finite S, K, t, sigma; non-finite r, q) gives NaN. Where S = 0, K = 0 or
sigma sqrt(t) = 0 the option is worth its discounted intrinsic value and the results are its derivatives;
at the kink S e^-qt = K e^-rt they are the derivatives from below (call delta 0, put delta -e^-qt).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gammaflow.kernels import formulas
from gammaflow.kernels.compile import kernel, scalar
from gammaflow.kernels.formulas import TINY as TINY
from gammaflow.kernels.formulas import state as state
from gammaflow.kernels.stack import align_frame

DEFAULT = ("price", "delta", "gamma", "vega", "theta", "rho", "vanna", "charm", "volga")
HIGHER = ("epsilon", "veta", "speed", "zomma", "color", "ultima", "dual_delta", "dual_gamma")
ALL = DEFAULT + HIGHER


def _of_arguments(formula: Callable[..., Any]) -> Callable[..., Any]:
    """A formula of `Terms` as a scalar function of an option's arguments."""

    def function(phi, S, K, t, r, sigma, q):
        return formula(formulas.terms(phi, S, K, t, r, sigma, q))

    function.__name__, function.__doc__ = formula.__name__, formula.__doc__
    return scalar(function)


price = _of_arguments(formulas.price)
delta = _of_arguments(formulas.delta)
gamma = _of_arguments(formulas.gamma)
vega = _of_arguments(formulas.vega)
theta = _of_arguments(formulas.theta)
rho = _of_arguments(formulas.rho)
vanna = _of_arguments(formulas.vanna)
charm = _of_arguments(formulas.charm)
volga = _of_arguments(formulas.volga)
epsilon = _of_arguments(formulas.epsilon)
veta = _of_arguments(formulas.veta)
speed = _of_arguments(formulas.speed)
zomma = _of_arguments(formulas.zomma)
color = _of_arguments(formulas.color)
ultima = _of_arguments(formulas.ultima)
dual_delta = _of_arguments(formulas.dual_delta)
dual_gamma = _of_arguments(formulas.dual_gamma)


@kernel("out", closed=True)
def default_loop(phi, S, K, t, r, sigma, q, out, start):
    """The nine DEFAULT quantities of m contracts into out[:, start : start + m]; out is (9, n)."""
    align_frame()
    for i in range(len(S)):
        j = np.uint64(start + i)
        o = formulas.terms(np.float64(phi[i]), S[i], K[i], t[i], r[i], sigma[i], q[i])
        out[0, j] = formulas.price(o)
        out[1, j] = formulas.delta(o)
        out[2, j] = formulas.gamma(o)
        out[3, j] = formulas.vega(o)
        out[4, j] = formulas.theta(o)
        out[5, j] = formulas.rho(o)
        out[6, j] = formulas.vanna(o)
        out[7, j] = formulas.charm(o)
        out[8, j] = formulas.volga(o)


@kernel("out", closed=True)
def higher_loop(phi, S, K, t, r, sigma, q, out, start):
    """The eight HIGHER quantities of m contracts into out[:, start : start + m]; out is (8, n)."""
    align_frame()
    for i in range(len(S)):
        j = np.uint64(start + i)
        o = formulas.terms(np.float64(phi[i]), S[i], K[i], t[i], r[i], sigma[i], q[i])
        out[0, j] = formulas.epsilon(o)
        out[1, j] = formulas.veta(o)
        out[2, j] = formulas.speed(o)
        out[3, j] = formulas.zomma(o)
        out[4, j] = formulas.color(o)
        out[5, j] = formulas.ultima(o)
        out[6, j] = formulas.dual_delta(o)
        out[7, j] = formulas.dual_gamma(o)
