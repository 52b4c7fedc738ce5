"""Verdict of a study: what its intervals allow to be said."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gammaflow.text import rows_text

__all__ = ["CANNOT_TELL", "NOTHING", "SOMETHING", "verdict"]

NOTHING, SOMETHING, CANNOT_TELL = "nothing beyond", "something beyond", "cannot tell"

_ALPHA = 0.05
# Standard errors of an effect that a two-sided test at 5 % finds four times in five: 1.96 + 0.84.
_DETECTED = 2.8


def verdict(table: pd.DataFrame) -> str:
    """Verdict in words from the table of a study.

    Examples
    --------
    >>> row = {"coefficient": 0.1, "error": 0.2, "low": -0.3, "high": 0.5, "boot_low": -0.4, "boot_high": 0.6,
    ...        "holm_p": 0.6, "n": 90.0}
    >>> verdict(pd.DataFrame([row], ["depth"])).partition(":")[0]
    'nothing beyond'
    """
    tested = table[table["coefficient"].notna()]
    if not len(tested):
        return f"{CANNOT_TELL}: no term varies over the rows"
    hac = (tested["low"] > 0.0) | (tested["high"] < 0.0)
    drawn = (tested["boot_low"] > 0.0) | (tested["boot_high"] < 0.0)
    untested = [name for name in table.index if name not in tested.index]
    rest = f"; not tested, since it never varies: {', '.join(untested)}" * bool(untested)
    strong = tested.index[hac & drawn & (tested["holm_p"] < _ALPHA)]
    if len(strong):
        words = ", ".join(f"{name} ({_percent(float(tested['coefficient'][name]))})" for name in strong)
        return (
            f"{SOMETHING}: {words} in volatility per 1 of the term, in both intervals and after correction "
            f"for {rows_text(len(tested), 'term')} tried{rest}"
        )
    weak = tested.index[hac | drawn]
    if len(weak):
        return (
            f"{CANNOT_TELL}: {', '.join(weak)} excludes 0 in one interval, or before correction for "
            f"{rows_text(len(tested), 'term')} tried, and not in all{rest}"
        )
    sizes = ", ".join(f"{name} {_percent(_DETECTED * error)}" for name, error in tested["error"].items())
    return (
        f"{NOTHING}: the intervals of {', '.join(tested.index)} all hold 0, HAC and bootstrap. Effects that "
        f"{rows_text(int(tested['n'].max()))} would find four times in five, in volatility per 1 of the "
        f"term: {sizes}; smaller ones cannot be ruled out{rest}"
    )


def _percent(change: float) -> str:
    return f"{100.0 * np.expm1(change):+,.0f} %"
