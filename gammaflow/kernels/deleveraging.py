"""Share of its holdings that a fund still has under a rule, for `gammaflow.feedback.deleveraging`.

A rule is a code and a row of `WIDTH` parameters. `target_share` gives the share that the rule allows now,
`next_share` what is left once it has been applied to the share before: a fund sells as conditions worsen and
does not buy back as they improve, unless the rule says so (its last parameter is 1). The flow of one step is

    -(share before - share after) holdings (1 - drawdown)

with the holdings in currency at the start and the drawdown 1 - S / S(start), below zero above the start. The
share before the first step is 1. Illegal input gives NaN.
"""

from __future__ import annotations

import math

from gammaflow.kernels.compile import kernel, scalar

__all__ = [
    "RULES",
    "WIDTH",
    "drawdown_share",
    "fixed_share",
    "limit_share",
    "next_share",
    "share_path",
    "target_share",
]

#: Codes of the rules in `target_share`, by name. A schedule in currency has no share.
RULES = {"fixed_cut": 0, "volatility_target": 1, "var_limit": 2, "drawdown": 3}

#: Number of parameters of a rule. The last is 1 where the fund buys back; a drawdown rule has three steps.
WIDTH = 7
_REBUY = WIDTH - 1


@scalar
def fixed_share(day, cut, start, end):
    """Share left of a cut that is sold evenly from day `start` to day `end`; at once where they are equal."""
    if day < start:
        return 1.0
    if day < end:
        return 1.0 - cut * (day - start) / (end - start)
    return 1.0 - cut if day >= end else math.nan


@scalar
def limit_share(risk, limit):
    """Share that brings a risk down to its limit, limit / risk; 1 where the risk is below it."""
    if risk <= limit:
        return 1.0 if risk >= 0.0 else math.nan
    return limit / risk


@scalar
def drawdown_share(drawdown, p):
    """Share left by steps: the cut p[2 j + 1] of the last level p[2 j] that the drawdown has reached."""
    share = 1.0 if abs(drawdown) < math.inf else math.nan
    for j in range(_REBUY // 2):
        share = 1.0 - p[2 * j + 1] if drawdown >= p[2 * j] else share
    return share


@scalar
def target_share(code, p, vol, drawdown, day):
    """Share of the holdings at the start, in units of the assets, that a rule of `RULES` allows.

    Fixed cut: p = cut, start, end [days]. Volatility target: p[0] is the volatility up to which nothing is
    sold. Value-at-risk limit: p[0] is the volatility at which the holdings at the start reach the limit; a
    fall of price lowers the risk too. Drawdown: p = level, cut, level, cut, ... ascending, infinite levels
    where there are fewer steps.
    """
    if code == 0:
        return fixed_share(day, p[0], p[1], p[2])
    if code == 1:
        return limit_share(vol, p[0])
    if code == 2:
        return limit_share(vol * (1.0 - drawdown), p[0])
    return drawdown_share(drawdown, p) if code == 3 else math.nan


@scalar
def next_share(code, p, vol, drawdown, day, before):
    """Share left after a rule has been applied to the share before: the lower one, unless it buys back."""
    share = target_share(code, p, vol, drawdown, day)
    return before if before < share and p[_REBUY] != 1.0 else share


@kernel("share")
def share_path(code, p, vol, drawdown, day, share):
    """Share left at each of n times, vol, drawdown, day and share (n,), starting from 1."""
    before = 1.0
    for i in range(len(share)):
        before = next_share(code, p, vol[i], drawdown[i], day[i], before)
        share[i] = before
