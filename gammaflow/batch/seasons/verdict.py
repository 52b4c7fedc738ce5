"""Verdict of a study: what its intervals allow to be said."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from gammaflow.batch.seasons.robustness import HALVES
from gammaflow.text import rows_text

__all__ = ["CANNOT_TELL", "NOTHING", "SOMETHING", "verdict"]

NOTHING, SOMETHING, CANNOT_TELL = "nothing beyond", "something beyond", "cannot tell"

_ALPHA = 0.05
# Standard errors of an effect that a two-sided test at 5 % finds four times in five: 1.96 + 0.84.
_DETECTED = 2.8


def verdict(table: pd.DataFrame, checks: pd.DataFrame, rare: Mapping[str, str] | None = None) -> str:
    """Verdict in words.

    Parameters
    ----------
    table : DataFrame
        Table of a `SeasonStudy`, a row per term.
    checks : DataFrame
        Its variants, indexed by term and variant.
    rare : mapping of str to str, optional
        Terms that rest on too few rows to be trusted, and which, in words: `design.rare`.

    Returns
    -------
    str
        "nothing beyond" where every interval holds 0; "something beyond" where both intervals of a term
        exclude 0, also in every variant (of halves: the sign is the same), Holm's p-value is below 5 %, and
        the term is not in `rare`; else "cannot tell". The reason follows.

    Examples
    --------
    >>> row = {"coefficient": 0.1, "error": 0.2, "low": -0.3, "high": 0.5, "boot_low": -0.4,
    ...        "boot_high": 0.6, "holm_p": 0.6, "n": 90.0}
    >>> verdict(pd.DataFrame([row], ["depth"]), pd.DataFrame()).partition(":")[0]
    'nothing beyond'
    """
    tested = table[table["coefficient"].notna()]
    if not len(tested):
        return f"{CANNOT_TELL}: no term varies over the rows"
    untested = [str(name) for name in table.index if name not in tested.index]
    rest = f"; not tested, since it never varies: {', '.join(untested)}" * bool(untested)
    tries = f"{rows_text(len(tested), 'term')} tried"
    hac, drawn = _excludes(tested, ""), _excludes(tested, "boot_")
    strong = [str(name) for name in tested.index[hac & drawn & (tested["holm_p"] < _ALPHA)]]
    if strong:
        failed = {
            name: _failed(float(tested["coefficient"][name]), checks.loc[[name]].droplevel(0))
            for name in strong
        }
        thin = {name: (rare or {})[name] for name in strong if name in (rare or {})}
        sturdy = [name for name in strong if not failed[name] and name not in thin]
        shown = {name: f"{name} ({_percent(float(tested['coefficient'][name]))})" for name in strong}
        sizes = ", ".join(shown[name] for name in sturdy or strong)
        if sturdy:
            return (
                f"{SOMETHING}: {sizes} in volatility per 1 of the term, in both intervals, after correction "
                f"for {tries}, and in every variant{rest}"
            )
        why = "; ".join(f"{name} fails {', '.join(words)}" for name, words in failed.items() if words)
        doubts = [f"not in every variant: {why}"] * bool(why)
        doubts += [f"{name} rests on too few rows: {words}" for name, words in thin.items()]
        return (
            f"{CANNOT_TELL}: {sizes} in volatility per 1 of the term beside these controls, significant "
            f"after correction for {tries}, but {'; '.join(doubts)}{rest}"
        )
    weak = ", ".join(map(str, tested.index[hac | drawn]))
    if weak:
        return (
            f"{CANNOT_TELL}: {weak} excludes 0 in one of the intervals, but not in both and after "
            f"correction for {tries}{rest}"
        )
    sizes = ", ".join(f"{name} {_percent(_DETECTED * error)}" for name, error in tested["error"].items())
    return (
        f"{NOTHING}: the intervals of {', '.join(map(str, tested.index))} all hold 0, HAC and bootstrap. "
        f"Effects that {rows_text(int(tested['n'].max()))} would find four times in five, in volatility per "
        f"1 of the term: {sizes}; smaller ones cannot be ruled out{rest}"
    )


def _excludes(table: pd.DataFrame, which: str) -> pd.Series:
    return (table[f"{which}low"] > 0.0) | (table[f"{which}high"] < 0.0)


def _failed(coefficient: float, checks: pd.DataFrame) -> list[str]:
    """Variants in which a coefficient is not there: an interval holds 0, or in a half its sign is another."""
    same = np.sign(checks["coefficient"]) == np.sign(coefficient)
    there = same & (checks.index.isin(HALVES) | (_excludes(checks, "") & _excludes(checks, "boot_")))
    return [f"in the {name}" if name in HALVES else str(name) for name in checks.index[~there]]


def _percent(change: float) -> str:
    return f"{100.0 * np.expm1(change):+,.0f} %"
