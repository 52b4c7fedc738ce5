"""Implausible but legal inputs of feedback: a beta in vol points, a shock or a volatility in percent."""

from __future__ import annotations

from gammaflow.feedback.impact import Impact
from gammaflow.text import number_text

__all__ = ["beta_doubts", "shock_doubts", "volatility_doubts"]

# Limits of plausibility: beta (-20 raises vol by 20 points per 1 % fall), yearly vol (1,000 %), and moves of
# ln S by the shock alone.
_BETA, _VOLATILITY, _LEAST, _MOST = 20.0, 10.0, 1e-7, 2.0


def beta_doubts(beta: float) -> list[str]:
    """Warning for an implausible spot-vol beta: one sentence, or none.

    Examples
    --------
    >>> beta_doubts(-3.0), len(beta_doubts(-300.0))
    ([], 1)
    """
    if abs(beta) <= _BETA:
        return []
    return [
        f"beta: received {beta:g}, by which vol moves {abs(beta):g} points per 1 %; plausible: within "
        f"{_BETA:g} of 0. Give d sigma / d ln S: -3 raises vol by 3 points per 1 % fall."
    ]


def shock_doubts(shock: float, impact: Impact) -> list[str]:
    """Warning for a shock out of proportion to depth, such as one given as a share of price.

    Examples
    --------
    >>> from gammaflow.feedback.impact import linear
    >>> shock_doubts(-2e9, linear(294e6)), len(shock_doubts(-0.05, linear(294e6)))
    ([], 1)
    """
    move = float(impact.log_return(shock))
    if not shock or _LEAST <= abs(move) <= _MOST:
        return []
    if abs(move) > _MOST:
        return [
            f"shock: received {shock:g} {impact.currency}, which alone moves ln S by {move:.3g}; plausible: "
            f"up to {_MOST:g} in size. Give shock and depth in one unit."
        ]
    return [
        f"shock: received {shock:g} {impact.currency}, which moves price by {100.0 * abs(move):.1g} %, and "
        f"{number_text(impact.per_1pct)} {impact.currency} moves it by 1 %. Give the shock in "
        f"{impact.currency}, not as a share of price."
    ]


def volatility_doubts(volatility: float) -> list[str]:
    """Warning for a yearly volatility that seems to be in percent: one sentence, or none.

    Examples
    --------
    >>> volatility_doubts(0.56), len(volatility_doubts(56.0))
    ([], 1)
    """
    if volatility <= _VOLATILITY:
        return []
    return [
        f"volatility: received {volatility:g}, which is {100.0 * volatility:,.0f} % a year; plausible: up to "
        f"{_VOLATILITY:g}. 0.56 is 56 %."
    ]
