"""Cash-or-nothing digital options: e^-rt N(phi d2) and the derivatives that books need.

Results are derivatives of one long option that pays 1, per unit of the input; theta, charm and color are
calendar-time (minus d/dt), per year. With x = ln S every spot derivative follows from that of the density:
dd1/dx = dd2/dx = 1/s, d(d2)/dsigma = -d1/sigma, and pdf' (d) = -d pdf(d).
"""

from __future__ import annotations

from typing import NamedTuple

from gammaflow.kernels.compile import kernel, scalar
from gammaflow.kernels.elementary import INV_SQRT_2PI, exp, mills
from gammaflow.kernels.formulas import State, state


class Digital(NamedTuple):
    """One digital option: phi, r, its `State`, its price, S delta, and decay = d(d2)/dt."""

    phi: float
    r: float
    at: State
    price: float
    cash_delta: float
    decay: float


@scalar
def digital(phi, S, K, t, r, sigma, q):
    """The option that pays 1 if S ends above K (phi = +1) or below it (phi = -1)."""
    at = state(S, K, t, r, sigma, q)
    w = at.Dr * (INV_SQRT_2PI * exp(-0.5 * at.d2 * at.d2))
    tail = w * mills(abs(at.d2))
    price = at.Dr - tail if phi * at.d2 > 0.0 else tail
    # d2 = (ln(S/K) + (r - q) t) / s - s / 2, so d(d2)/dt = ((r - q) - sigma^2 / 2) / s - (d2 / (2 t)).
    half = 0.5 * sigma * sigma
    decay = (r - q - half) * at.per_s - at.d2 * (0.5 * at.per_t)
    return Digital(phi, r, at, price, phi * w * at.per_s, decay)


@scalar
def cash_gamma(o):
    """S^2 gamma = -S delta (1 + d2 / s)."""
    return -o.cash_delta * (1.0 + o.at.d2 * o.at.per_s)


@scalar
def cash_speed(o):
    """d(S^2 gamma)/dx = S delta ((d2 / s) (1 + d2 / s) - 1 / s^2)."""
    m = o.at.d2 * o.at.per_s
    return o.cash_delta * (m * (1.0 + m) - o.at.per_s * o.at.per_s)


@scalar
def vega(o):
    """dV/dsigma = -S delta d1 s / sigma."""
    return -o.cash_delta * (o.at.d1 * o.at.per_sigma) / o.at.per_s


@scalar
def cash_vanna(o):
    """d(S delta)/dsigma = S delta (d1 d2 - 1) / sigma."""
    return o.cash_delta * (o.at.d1 * o.at.d2 - 1.0) * o.at.per_sigma


@scalar
def cash_zomma(o):
    """d(S^2 gamma)/dsigma = -vanna (1 + d2 / s) + S delta (d1 + d2) / (s sigma)."""
    lean = 1.0 + o.at.d2 * o.at.per_s
    return -cash_vanna(o) * lean + o.cash_delta * (o.at.d1 + o.at.d2) * o.at.per_s * o.at.per_sigma


@scalar
def theta(o):
    """-dV/dt = r V - S delta s d(d2)/dt."""
    return o.r * o.price - o.cash_delta * o.decay / o.at.per_s


@scalar
def cash_charm(o):
    """-d(S delta)/dt = S delta (r + d2 d(d2)/dt + 1 / (2 t))."""
    return o.cash_delta * (o.r + o.at.d2 * o.decay + 0.5 * o.at.per_t)


@scalar
def cash_color(o):
    """-d(S^2 gamma)/dt = -charm (1 + d2 / s) + S delta d(d2 / s)/dt."""
    lean = 1.0 + o.at.d2 * o.at.per_s
    moved = (o.decay - o.at.d2 * (0.5 * o.at.per_t)) * o.at.per_s
    return -cash_charm(o) * lean + o.cash_delta * moved


@kernel("out")
def digital_rows(phi, U, K, t, r, sigma, q, out):
    """Cash greeks of each option that pays 1; out is (10, n), the price last."""
    for i in range(len(K)):
        o = digital(phi[i], U[i], K[i], t[i], r[i], sigma[i], q[i])
        out[0, i] = o.cash_delta
        out[1, i] = cash_gamma(o)
        out[2, i] = cash_vanna(o)
        out[3, i] = cash_charm(o)
        out[4, i] = vega(o)
        out[5, i] = theta(o)
        out[6, i] = cash_speed(o)
        out[7, i] = cash_zomma(o)
        out[8, i] = cash_color(o)
        out[9, i] = o.price
