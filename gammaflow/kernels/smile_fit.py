"""Least squares of many SVI slices at once: residuals, conditions between and within slices, derivatives.

A slice is theta = (v, P, C, m, s) in units of its at-the-money sqrt(w), x = k / unit and y = w / unit^2:
y = v + (P U - C D)^2 / 2 with U = sqrt(z + d), D = sqrt(z - d), d = x - m, z = sqrt(d^2 + s^2). This is raw
SVI with least variance v, b (1 + rho) = P^2 unit and b (1 - rho) = C^2 unit.
"""

from __future__ import annotations

import math

from gammaflow.kernels.compile import kernel, scalar
from gammaflow.kernels.smile import butterfly

__all__ = ["normal_equations", "shape"]


@scalar
def shape(x, v, P, C, m, s):
    """y, y' and y'', then their derivatives by v, P, C, m and s, as four tuples."""
    d = x - m
    z = math.sqrt(d * d + s * s)
    big = math.sqrt(z + abs(d))
    small = s / big
    U = big if d > 0.0 else small
    D = small if d > 0.0 else big
    gap = P * U - C * D
    slope = gap * (P * U + C * D) / (2.0 * z)
    both = 0.5 * (P * P + C * C)
    flat = s * s / (z * z * z)
    bend = both * flat
    by_y = (1.0, gap * U, -gap * D, -slope, gap * (P * D - C * U) / (2.0 * z))
    by_slope = (0.0, P * U * U / z, -C * D * D / z, -bend, -both * d * s / (z * z * z))
    by_bend = (0.0, P * flat, C * flat, 3.0 * bend * d / (z * z), bend * (2.0 / s - 3.0 * s / (z * z)))
    return (v + 0.5 * gap * gap, slope, bend), by_y, by_slope, by_bend


@scalar
def butterfly_slopes(x, y, slope, unit):
    """Derivatives of g by y and by y'; its derivative by y'' is 1/2."""
    lean = 1.0 - 0.5 * x * slope / y
    by_slope = -lean * x / y - 0.5 * slope * (1.0 / y + 0.25 * unit * unit)
    return (lean * x + 0.25 * slope) * slope / (y * y), by_slope


@scalar
def add_row(error, share, first, row, matrix, gradient):
    """Add one residual and its derivatives by the parameters from `first` on, to J'J (lower band) and J'f."""
    for i in range(len(row)):
        gradient[first + i] += share * error * row[i]
        for j in range(i + 1):
            matrix[i - j, first + j] += share * row[i] * row[j]


@kernel("matrix", "gradient", "cost")
def normal_equations(
    theta, unit, starts, x, quote, weight, soft, prior, ridge, inside, between, stiffness, margins,
    matrix, gradient, cost,
):  # fmt: skip
    """J'J, as its lower band (10, 5 E), J'f (5 E) and half the sum of squares of all residuals, cost (1,).

    The residuals are weight (sqrt(y) - quote) at each strike starts[e] .. starts[e + 1] of slice e, under
    Cauchy's loss of scale `soft`; ridge (theta - prior); and stiffness times the shortfall from margins[0] of
    g at inside[e] (E, G), in x, and from margins[1] of half ln(w later / w earlier) at between[e] (E - 1, H),
    in k, and of the same ratio of both wing slopes.
    """
    matrix[:] = 0.0
    gradient[:] = 0.0
    total = 0.0
    for e in range(len(theta)):
        v, P, C, m, s = theta[e, 0], theta[e, 1], theta[e, 2], theta[e, 3], theta[e, 4]
        for i in range(starts[e], starts[e + 1]):
            (y, _, _), by_y, _, _ = shape(x[i], v, P, C, m, s)
            root = math.sqrt(y)
            error = weight[i] * (root - quote[i])
            off = (error / soft) ** 2
            total += 0.5 * soft * soft * math.log1p(off)
            f = 0.5 * weight[i] / root
            row = (f * by_y[0], f * by_y[1], f * by_y[2], f * by_y[3], f * by_y[4])
            add_row(error, 1.0 / (1.0 + off), 5 * e, row, matrix, gradient)
        for j in range(5):
            error = ridge[e, j] * (theta[e, j] - prior[e, j])
            total += 0.5 * error * error
            gradient[5 * e + j] += ridge[e, j] * error
            matrix[0, 5 * e + j] += ridge[e, j] * ridge[e, j]
        if stiffness == 0.0:
            continue
        for i in range(inside.shape[1]):
            at = inside[e, i]
            (y, slope, bend), by_y, by_slope, by_bend = shape(at, v, P, C, m, s)
            u = unit[e]
            short = butterfly(u * at, u * u * y, u * slope, bend) - margins[0]
            if short < 0.0:
                error = stiffness * short
                total += 0.5 * error * error
                p, q = butterfly_slopes(at, y, slope, u)
                f = stiffness
                row = (
                    f * (p * by_y[0] + q * by_slope[0] + 0.5 * by_bend[0]),
                    f * (p * by_y[1] + q * by_slope[1] + 0.5 * by_bend[1]),
                    f * (p * by_y[2] + q * by_slope[2] + 0.5 * by_bend[2]),
                    f * (p * by_y[3] + q * by_slope[3] + 0.5 * by_bend[3]),
                    f * (p * by_y[4] + q * by_slope[4] + 0.5 * by_bend[4]),
                )
                add_row(error, 1.0, 5 * e, row, matrix, gradient)
        if e + 1 == len(theta):
            continue
        V, R, L, M, S = theta[e + 1, 0], theta[e + 1, 1], theta[e + 1, 2], theta[e + 1, 3], theta[e + 1, 4]
        wider = math.log(unit[e + 1] / unit[e])
        for i in range(between.shape[1]):
            (y, _, _), by, _, _ = shape(between[e, i] / unit[e], v, P, C, m, s)
            (Y, _, _), on, _, _ = shape(between[e, i] / unit[e + 1], V, R, L, M, S)
            short = wider + 0.5 * math.log(Y / y) - margins[1]
            if short < 0.0:
                error = stiffness * short
                total += 0.5 * error * error
                f, g = -0.5 * stiffness / y, 0.5 * stiffness / Y
                both = (
                    f * by[0], f * by[1], f * by[2], f * by[3], f * by[4],
                    g * on[0], g * on[1], g * on[2], g * on[3], g * on[4],
                )  # fmt: skip
                add_row(error, 1.0, 5 * e, both, matrix, gradient)
        for j in (1, 2):
            short = 0.5 * wider + math.log(theta[e + 1, j] / theta[e, j]) - margins[1]
            if short < 0.0:
                error = stiffness * short
                total += 0.5 * error * error
                f, g = -stiffness / theta[e, j], stiffness / theta[e + 1, j]
                gradient[5 * e + j] += f * error
                gradient[5 * e + 5 + j] += g * error
                matrix[0, 5 * e + j] += f * f
                matrix[0, 5 * e + 5 + j] += g * g
                matrix[5, 5 * e + j] += f * g
    cost[0] = total
