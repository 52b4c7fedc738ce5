"""Elementary functions without branches: exp, logarithm of a ratio, Mills ratio.

Each is a polynomial or a rational function of one reduced argument, so a loop over them becomes vector code
on any processor LLVM knows, without a vector-maths library. Errors against 50-digit values: exp 1 ulp,
log_ratio 1 ulp of the result (also where a / b is close to 1), the Mills ratio and its complement 2 ulp.

With the environment variable ``GAMMAFLOW_MATH=plain`` set before import, the same names are the C library's
functions: slower, the same numbers to the last few bits.
"""

from __future__ import annotations

import math
import os
import struct

import numpy as np
from numba import types
from numba.extending import intrinsic, overload

from gammaflow.kernels.compile import scalar

__all__ = ["INV_SQRT_2PI", "PLAIN", "exp", "exp_parts", "log", "log_ratio", "mills", "mills_and_slope"]

PLAIN = os.environ.get("GAMMAFLOW_MATH", "") == "plain"

INV_SQRT_2PI = 0.3989422804014327
SQRT_HALF_PI = 1.2533141373155003
SQRT_HALF = 0.7071067811865476

LOG2_E = 1.4426950408889634
LN2_HIGH = 6.93147180369123816490e-01
LN2_LOW = 1.90821492927058770002e-10
ROUND = 6755399441055744.0  # 1.5 * 2^52: adding it puts the nearest integer into the low bits
HALF = 1 << 51
SIGN = -(1 << 63)
EXPONENT = -(1 << 52)
TWO_52 = 0x4330000000000000
EXPONENT_OFFSET = 4503599627372544.0  # 2^52 + 2048


@intrinsic
def _bits(typingctx, x):
    """The 64 bits of a double as an integer."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], context.get_value_type(types.int64))

    return types.int64(types.float64), codegen


@intrinsic
def _double(typingctx, n):
    """The double with the bits of an integer."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], context.get_value_type(types.float64))

    return types.float64(types.int64), codegen


def scale(p, shifted):
    """p 2^k, where shifted = ROUND + k."""
    return math.ldexp(p, int(shifted - ROUND)) if math.isfinite(p + shifted) else p


@overload(scale, inline="never")
def _scale(p, shifted):
    def compiled(p, shifted):
        return _double(_bits(p) + (_bits(shifted) << 52))

    return compiled


def near(a, b):
    """a 2^-k, between 2/3 b and 3/2 b, and k as a double, of positive normal doubles.

    The bits of a double, read as an integer, are its binary logarithm to within 0.09: their difference,
    rounded to whole exponents, is k.
    """
    bits_a, bits_b = struct.unpack("<2q", struct.pack("<2d", a, b))
    k = (bits_a - bits_b + HALF) >> 52
    return struct.unpack("<d", struct.pack("<q", bits_a - (k << 52)))[0], float(k)


@overload(near, inline="never")
def _near(a, b):
    def compiled(a, b):
        difference = _bits(a) - _bits(b) + HALF
        biased = np.uint64(difference ^ SIGN) >> np.uint64(52)
        k = _double(np.int64(biased | np.uint64(TWO_52))) - EXPONENT_OFFSET
        return _double(_bits(a) - (difference & EXPONENT)), k

    return compiled


@scalar
def reduced_exp(x):
    """ROUND + k and m of e^x = 2^k (1 + m), |m| < 0.42 to an ulp of m; x is clipped to -707..709."""
    y = -707.0 if x < -707.0 else x
    y = 709.0 if y > 709.0 else y
    shifted = y * LOG2_E + ROUND
    k = shifted - ROUND
    r = (y - k * LN2_HIGH) - k * LN2_LOW
    v = r * r
    odd = 2.510038549551032e-08
    odd = odd * v + 2.7557268459997064e-06
    odd = odd * v + 0.00019841269863053618
    odd = odd * v + 0.008333333333330062
    odd = odd * v + 0.16666666666666669
    even = 2.7620088445409746e-07
    even = even * v + 2.4801521295954376e-05
    even = even * v + 0.0013888888917213717
    even = even * v + 0.04166666666662413
    even = even * v + 0.5000000000000001
    return shifted, r + v * (even + r * odd)


@scalar
def polynomial_exp(x):
    """e^x; 0 below -707, NaN gives NaN."""
    shifted, m = reduced_exp(x)
    p = scale(1.0 + m, shifted)
    return 0.0 if x < -707.0 else p


@scalar
def polynomial_exp_parts(x):
    """A power of two a and m of e^x = a (1 + m): where e^x is close to 1, m keeps what 1 + m rounds off."""
    shifted, m = reduced_exp(x)
    a = scale(1.0, shifted)
    return (0.0 if x < -707.0 else a), m


@scalar
def polynomial_log_ratio(a, b):
    """ln(a / b) of positive normal doubles: k ln 2 + 2 atanh((c - b) / (c + b)), c = a 2^-k, c - b exact."""
    c, k = near(a, b)
    z = (c - b) / (c + b)
    v = z * z
    w = v * v
    even = 0.15359873731583104
    even = even * w + 0.18186286446551808
    even = even * w + 0.2857142936536592
    even = even * w + 0.6666666666667216
    odd = 0.15251398324738255
    odd = odd * w + 0.22222140506125423
    odd = odd * w + 0.3999999999637556
    return k * LN2_HIGH + ((z + z) + (z * v * (even + v * odd) + k * LN2_LOW))


@scalar
def rational_mills(z):
    """R(z) = N(-z) / pdf(z) for z >= 0, minimax rational (9, 10), exact at 0 and at infinity.

    Even and odd powers are summed separately for short multiply-add chains; leading coefficients are 1.
    """
    z = min(z, 1e20)
    v = z * z
    even = 25.393338733800114
    even = even * v + 2551.779429797669
    even = even * v + 56778.70767830947
    even = even * v + 324079.7606342798
    even = even * v + 255174.96528920883
    odd = v + 318.88510839392444
    odd = odd * v + 14204.698144145455
    odd = odd * v + 162832.0922809584
    odd = odd * v + 409634.53269605344
    above = even + z * odd
    even = v + 319.8851083942617
    even = even * v + 14521.5832574236
    even = even * v + 176409.02848608673
    even = even * v + 547175.4886490067
    even = even * v + 203600.1651076668
    odd = 25.393338733799435
    odd = odd * v + 2577.172768474108
    odd = odd * v + 59279.70018303522
    odd = odd * v + 376008.64754817926
    odd = odd * v + 489290.4975261892
    return above / (even + z * odd)


@scalar
def rational_mills_and_slope(z):
    """R(z), and G(z) = 1 - z R(z) = -R'(z) without cancellation; (11, 12) and (10, 12), one denominator."""
    z = min(z, 1e20)
    v = z * z
    even = 1.4860666807884396e-07
    even = even * v + 8.013407721605263e-05
    even = even * v + 0.006511615746716968
    even = even * v + 0.16172063516178675
    even = even * v + 1.3582671964702915
    even = even * v + 3.2579386221184587
    even = even * v + 1.0
    odd = 4.882896643599539e-06
    odd = odd * v + 0.0008539358249200569
    odd = odd * v + 0.03715255071883253
    odd = odd * v + 0.5387362158736673
    odd = odd * v + 2.5200805482751183
    odd = odd * v + 2.6293717069157476
    below = even + z * odd
    even = 4.882896643599539e-06
    even = even * v + 0.0008490529282764972
    even = even * v + 0.03631326358413797
    even = even * v + 0.5040722296407423
    even = even * v + 2.08050589534923
    even = even * v + 1.2533141373155003
    odd = 1.4860666807884396e-07
    odd = odd * v + 7.998547054797362e-05
    odd = odd * v + 0.006431927489500761
    odd = odd * v + 0.15544719253309516
    odd = odd * v + 1.214894989142902
    odd = odd * v + 2.295428732534895
    R = (even + z * odd) / below
    even = 1.4860666807901075e-07
    even = even * v + 7.968825721620697e-05
    even = even * v + 0.0062734426286915855
    even = even * v + 0.1433722073273895
    even = even * v + 0.9625098895835636
    even = even * v + 1.0
    odd = 4.882896643559565e-06
    odd = odd * v + 0.0008392871346945526
    odd = odd * v + 0.03466398623292504
    odd = odd * v + 0.4395746529258883
    odd = odd * v + 1.3760575696002475
    return R, (even + z * odd) / below


@scalar
def plain_exp(x):
    """e^x from the C library; 0 below -707, NaN gives NaN."""
    y = 709.0 if x > 709.0 else x
    return 0.0 if y < -707.0 else math.exp(y)


@scalar
def plain_exp_parts(x):
    """`polynomial_exp_parts` from the C library."""
    y = -707.0 if x < -707.0 else x
    y = 709.0 if y > 709.0 else y
    shifted = y * LOG2_E + ROUND
    k = shifted - ROUND
    m = math.expm1((y - k * LN2_HIGH) - k * LN2_LOW)
    a = scale(1.0, shifted)
    return (0.0 if x < -707.0 else a), m


@scalar
def plain_log_ratio(a, b):
    """ln(a / b); log1p of the exact difference where a and b are close."""
    near = (a < 2.0 * b) & (b < 2.0 * a)
    return math.log1p((a - b) / b) if near else math.log(max(a, 5e-324)) - math.log(max(b, 5e-324))


@scalar
def asymptotic_slope(z):
    """1 - z R(z) = v - 3 v^2 + 15 v^3 - ..., v = 1 / z^2, for z > 20."""
    v = 1.0 / (z * z)
    return v * (1.0 - 3.0 * v * (1.0 - 5.0 * v * (1.0 - 7.0 * v * (1.0 - 9.0 * v * (1.0 - 11.0 * v)))))


@scalar
def plain_mills(z):
    """N(-z) / pdf(z) from erfc; asymptotic series where erfc is close to underflow."""
    if z > 20.0:
        return (1.0 - asymptotic_slope(z)) / z
    return SQRT_HALF_PI * math.exp(0.5 * z * z) * math.erfc(z * SQRT_HALF)


@scalar
def plain_mills_and_slope(z):
    """R(z) and 1 - z R(z)."""
    R = plain_mills(z)
    return R, (asymptotic_slope(z) if z > 20.0 else 1.0 - z * R)


exp = plain_exp if PLAIN else polynomial_exp
exp_parts = plain_exp_parts if PLAIN else polynomial_exp_parts
log_ratio = plain_log_ratio if PLAIN else polynomial_log_ratio
mills = plain_mills if PLAIN else rational_mills
mills_and_slope = plain_mills_and_slope if PLAIN else rational_mills_and_slope


@scalar
def log(x):
    """ln x of a positive normal double."""
    return log_ratio(x, 1.0)
