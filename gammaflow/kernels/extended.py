"""Twice the working precision, for the few rows whose result depends on a rounding error.

A number is an unevaluated sum high + low. The error-free transformations are Knuth's and Dekker's (Dekker,
"A floating-point technique for extending the available precision", 1971); they stay exact with fused
multiply-adds.
"""

from __future__ import annotations

import math

from gammaflow.kernels.compile import scalar

SPLITTER = 134217729.0  # 2^27 + 1
LN2 = (0.6931471805599453, 2.3190468138462996e-17, 5.707708438416212e-34)
SQUARINGS = 9
INVERSE_FACTORIALS = (
    (1.0 / 6.0, 9.25185853854297066e-18),
    (1.0 / 24.0, 2.31296463463574266e-18),
    (1.0 / 120.0, 1.15648231731787138e-19),
    (1.0 / 720.0, -5.30054395437357706e-20),
    (1.0 / 5040.0, 1.72095582934207053e-22),
)


@scalar
def two_sum(a, b):
    """a + b exactly."""
    s = a + b
    c = s - a
    return s, (a - (s - c)) + (b - c)


@scalar
def two_product(a, b):
    """a b exactly, unless it overflows."""
    p = a * b
    c = SPLITTER * a
    ah = c - (c - a)
    al = a - ah
    c = SPLITTER * b
    bh = c - (c - b)
    bl = b - bh
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


@scalar
def add(ah, al, bh, bl):
    """(ah + al) + (bh + bl)."""
    s, e = two_sum(ah, bh)
    f, g = two_sum(al, bl)
    s, e = two_sum(s, e + f)
    return two_sum(s, e + g)


@scalar
def multiply(ah, al, bh, bl):
    """(ah + al) (bh + bl)."""
    p, e = two_product(ah, bh)
    return two_sum(p, e + (ah * bl + al * bh))


@scalar
def exp_product(a, b):
    """e^(a b): the exact product, reduced by ln 2 and 2^9, a Taylor series, nine squarings of (1 + x)."""
    yh, yl = two_product(a, b)
    k = math.floor(yh / LN2[0] + 0.5)
    for part in LN2:
        ph, pl = two_product(-k, part)
        yh, yl = add(yh, yl, ph, pl)
    scale = 0.5**SQUARINGS
    yh *= scale
    yl *= scale
    sh, sl = multiply(yh, yl, yh, yl)
    ph, pl = sh, sl
    xh, xl = add(yh, yl, 0.5 * sh, 0.5 * sl)
    for ch, cl in INVERSE_FACTORIALS:
        ph, pl = multiply(ph, pl, yh, yl)
        th, tl = multiply(ph, pl, ch, cl)
        xh, xl = add(xh, xl, th, tl)
    for _ in range(SQUARINGS):
        sh, sl = multiply(xh, xl, xh, xl)
        xh, xl = add(2.0 * xh, 2.0 * xl, sh, sl)
    xh, xl = add(1.0, 0.0, xh, xl)
    factor = 2.0**k
    return xh * factor, xl * factor
