"""American options: the premium of early exercise and its derivatives, by the integral over the boundary.

Notation and units of `gammaflow.kernels.american`. The integral of Andersen, Lake and Offengenden (2016) is
taken in w, tan(a / 2) = c sinh(w), s = sin^2(a), c = ln(x / B) / (2 root): the layer at small s that makes
gamma jump at the boundary keeps its shape in w, however near x is to B.

Derivatives are by ln x, which keeps every formula free of x: with delta, gamma and speed the *cash* greeks
x p', x^2 p'' and x (x^2 p'')', all satisfy the pricing equation with constant coefficients, and theta, charm
and color follow from it. Those by sigma include the boundary's own dependence on sigma.

A vectorised loop may compare at most 128 pairs of arrays for overlap, which is why the loops here are short.
"""

from __future__ import annotations

import math

import numpy as np

from gammaflow.kernels.american import LANES, REACH, below, fill
from gammaflow.kernels.compile import kernel, scalar
from gammaflow.kernels.elementary import INV_SQRT_2PI, exp, log

NEAREST, FARTHEST = 1e-7, 10.0  # bounds of c
LEAST = 1e-9  # w at which the integral begins
LOWEST = 1e-4  # least ln(X / B), in sigma sqrt(t), at which a derivative is taken


@scalar
def reached(sine, spread):
    """w at s = sine^2."""
    tangent = sine / (1.0 + math.sqrt(max(1.0 - sine * sine, 0.0))) / spread
    return log(tangent + math.sqrt(1.0 + tangent * tangent))


@scalar
def cut(later, c, lanes, H, far, spread, begin, length, total):
    """Start and length of the integral of contract c, while the boundary is constant or later.

    Only where spot is within REACH deviations of the boundary does it need points: earlier, exercise has
    probability 0, later it has probability 1 and the integral is known in closed form.
    """
    x, r, q, root, drift = lanes[0, c], lanes[1, c], lanes[2, c], lanes[3, c], lanes[4, c]
    nearest, farthest = max(far[c], 0.0) / root, (far[c] + math.sqrt(H[0, c])) / root
    down = max(0.5 * root - drift, 0.0)
    start = 2.0 * nearest / (REACH + math.sqrt(REACH * REACH + 4.0 * down * nearest))
    down = max(-0.5 * root - drift, 1e-9)
    end = 0.5 * (REACH + math.sqrt(REACH * REACH + 4.0 * down * farthest)) / down
    start, end = min(start, 1.0), min(end, 1.0)
    moves = math.sqrt(1.0 - 1.0 / (lanes[6, c] * lanes[6, c]))
    if later:
        rest = end * end
        paid = exp(-r * rest) - exp(-r)
        carried = x * (exp(-q * rest) - exp(-q))
        total[0, c] += paid - carried
        total[1, c] -= carried
        start, end = max(start, moves), max(end, moves)
    else:
        start, end = min(start, moves), min(end, moves)
    begin[c] = max(reached(start, spread[c]), LEAST)
    length[c] = max(reached(end, spread[c]) - begin[c], 0.0)


@scalar
def premium(rule, m, lanes, H, slope, work, total):
    """Early-exercise premium p of m contracts and its derivatives by ln x, and by root, into total.

    Rows: p; cash delta, gamma and speed; where total has eight rows, also the derivative of speed by ln x,
    and root times the derivatives by root of p, delta and gamma, for which `slope` is root dH / droot.
    """
    n = len(rule.times) - 1
    full = len(total) > 4
    x, r, q, root, drift, top = lanes[0], lanes[1], lanes[2], lanes[3], lanes[4], lanes[5]
    stretch = lanes[6]
    far, length, spread, at, older, old = work[0], work[1], work[2], work[3], work[4], work[5]
    sine, weight, net_, bend_, d1_, v_ = work[6], work[7], work[8], work[9], work[10], work[11]
    y_, older_move, move, begin = work[12], work[13], work[14], work[15]
    b, b_move = work[16 : 17 + n], work[17 + n :]
    for j in range(n + 1):
        for c in range(m):
            b[j, c] = 0.0
        for i in range(n):
            to_series = rule.series[j, i]
            for c in range(m):
                b[j, c] += to_series * H[i, c]
        if full:
            for c in range(m):
                b_move[j, c] = 0.0
            for i in range(n):
                to_series = rule.series[j, i]
                for c in range(m):
                    b_move[j, c] += to_series * slope[i, c]
    for c in range(m):
        y = log(x[c]) - top[c]
        a = min(max(0.5 * (y + math.sqrt(H[0, c])) / root[c], NEAREST), FARTHEST)
        far[c] = y
        spread[c] = a
        length[c] = log((1.0 + math.sqrt(1.0 + a * a)) / a)
        begin[c] = 0.0
    for row in range(len(total)):
        for c in range(m):
            total[row, c] = 0.0
    panels = 2 if rule.strained[0] else 1
    for point in range(panels * len(rule.w)):
        k = point % len(rule.w)
        if panels > 1 and k == 0:
            for c in range(m):
                cut(point, c, lanes, H, far, spread, begin, length, total)
        w = rule.w[k]
        part = rule.weights[k]
        for c in range(m):
            e = exp(begin[c] + w * length[c])
            tangent = 0.5 * spread[c] * (e - 1.0 / e)
            per = 1.0 / (1.0 + tangent * tangent)
            cosine = (1.0 - tangent * tangent) * per
            # ds = 2 sin cos da, da = 2 d(tangent) / (1 + tangent^2)
            sine[c] = 2.0 * tangent * per
            weight[c] = 2.0 * sine[c] * cosine * per * spread[c] * (e + 1.0 / e) * length[c] * part
            at[c] = 2.0 * min(cosine * stretch[c], 1.0) - 1.0
            older[c] = 0.0
            old[c] = b[n, c]
        for j in range(n - 1, 0, -1):
            for c in range(m):
                new = b[j, c] + 2.0 * at[c] * old[c] - older[c]
                older[c] = old[c]
                old[c] = new
        for c in range(m):
            y = math.sqrt(max(b[0, c] + at[c] * old[c] - older[c], 0.0))
            v = root[c] * sine[c]
            y_[c] = y
            v_[c] = v
            d1_[c] = (far[c] + y) / v + drift[c] * sine[c] + 0.5 * v
        for c in range(m):
            v = v_[c]
            s = sine[c] * sine[c]
            d1 = d1_[c]
            d2 = d1 - v
            share = weight[c]
            w2 = INV_SQRT_2PI * exp(-r[c] * s - 0.5 * d2 * d2)
            w1 = INV_SQRT_2PI * exp(-q[c] * s - 0.5 * d1 * d1)
            cash = r[c] * below(-d2, w2, exp(-r[c] * s))
            asset = x[c] * q[c] * below(-d1, w1, exp(-q[c] * s))
            paid = r[c] * w2
            carried = x[c] * q[c] * w1
            net = (paid - carried) / v
            bend = (paid * d1 - carried * d2) / (v * v)
            net_[c] = net
            bend_[c] = bend
            total[0, c] += share * (cash - asset)
            total[1, c] -= share * (net + asset)
            total[2, c] += share * bend
            total[3, c] += share * (bend + (net / v - d1 * bend) / v)
        if full:
            for c in range(m):
                older_move[c] = 0.0
                move[c] = b_move[n, c]
            for j in range(n - 1, 0, -1):
                for c in range(m):
                    new = b_move[j, c] + 2.0 * at[c] * move[c] - older_move[c]
                    older_move[c] = move[c]
                    move[c] = new
            for c in range(m):
                net, bend, d1, v = net_[c], bend_[c], d1_[c], v_[c]
                # root dy / droot of y = sqrt(H)
                moved = 0.5 * (b_move[0, c] + at[c] * move[c] - older_move[c]) / max(y_[c], LOWEST * root[c])
                turn = d1 / v
                bend1 = net / (v * v) - turn * bend
                bend2 = -turn * (net / (v * v) + bend1) - bend / (v * v)
                shift = v * v * bend - moved * net
                shift1 = v * v * bend1 + moved * turn * net
                shift2 = v * v * bend2 - moved * net * (turn * turn - 1.0 / (v * v))
                total[4, c] += weight[c] * (bend + 2.0 * bend1 + bend2)
                total[5, c] += weight[c] * shift
                total[6, c] += weight[c] * (shift + shift1)
                total[7, c] += weight[c] * (shift1 + shift2)


@kernel("out")
def premium_loop(of, phi, S, K, gain, cost, sigma, still, life, H, slope, rule, out):
    """Premium and its cash greeks of options of phi, S and K, with boundaries `of`, into out.

    Rows: price, delta, gamma, speed; where out has ten rows, also color, vega, vanna, zomma, theta, charm,
    for which `slope` is the derivative of H by ln sigma. Boundaries are those of `boundary_loop`.
    """
    n = len(rule.times) - 1
    full = len(out) > 4
    lanes = np.empty((7, LANES))
    local = np.empty((n + 1, LANES))
    moved = np.empty((n + 1, LANES))
    work = np.empty((2 * n + 18, LANES))
    total = np.empty((8 if full else 4, LANES))
    for first in range(0, len(of), LANES):
        m = min(LANES, len(of) - first)
        for c in range(m):
            i = of[first + c]
            j = np.uint64(first + c)
            fill(c, gain[i], cost[i], sigma[i], life[i], lanes)
            lanes[0, c] = S[j] / K[j] if phi[j] < 0 else K[j] / S[j]
            lanes[6, c] = math.sqrt(life[i] / still[i])
            for row in range(n + 1):
                local[row, c] = H[row, i]
            if full:
                for row in range(n + 1):
                    moved[row, c] = slope[row, i]
        premium(rule, m, lanes, local, moved, work, total)
        for c in range(m):
            i = of[first + c]
            j = np.uint64(first + c)
            put = phi[j] < 0
            unit = K[j] if put else S[j]
            # by ln S of S p(K / S): 1 - d/dln x
            p, a, g, g1 = total[0, c], total[1, c], total[2, c], total[3, c]
            out[0, j] = unit * p
            out[1, j] = unit * (a if put else p - a)
            out[2, j] = unit * g
            out[3, j] = unit * (g1 if put else g - g1)
            if full:
                g2 = total[4, c]
                r = gain[i] if put else cost[i]
                q = cost[i] if put else gain[i]
                half = 0.5 * sigma[i] * sigma[i]
                per = unit / sigma[i]
                delta, gamma, speed = out[1, j], out[2, j], out[3, j]
                bend = unit * (g2 if put else g - 2.0 * g1 + g2)
                out[4, j] = r * gamma - (r - q) * speed - half * (bend - speed)
                out[5, j] = per * total[5, c]
                out[6, j] = per * (total[6, c] if put else total[5, c] - total[6, c])
                out[7, j] = per * total[7, c]
                out[8, j] = r * out[0, j] - (r - q) * delta - half * gamma
                out[9, j] = q * delta - (r - q) * gamma - half * speed
