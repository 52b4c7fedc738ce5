"""Robustness of one term of a study: memory of the errors, direction of the price, halves of the sample."""

from __future__ import annotations

from contextlib import suppress

import pandas as pd

from gammaflow.batch.seasons.bootstrap import bootstrap
from gammaflow.batch.seasons.regression import regress
from gammaflow.errors import SchemaError

__all__ = ["HALVES", "MEMORY", "robustness"]

#: Variants that every study tries.
MEMORY, HALVES = "with four times the lags", ("first half", "second half")
# Chosen before the recorded season was analyzed; do not lower it to obtain a finding. A season holds only a
# handful of blocks of this length, and an effect that so few cannot show is not established.
_LONGER = 4


def robustness(
    whole: pd.DataFrame,
    base: list[str],
    term: str,
    directions: pd.DataFrame,
    lags: int,
    draws: int,
    seed: int,
) -> pd.DataFrame:
    """Coefficient of a term and its intervals under each variant.

    Parameters
    ----------
    whole : DataFrame
        Rows of a study: y and controls (`base`, y first), and the term.
    base : list of str
        Names of y and of the controls.
    term : str
        Name of the term.
    directions : DataFrame
        Log returns of the underlying before each row, a column per period; each is added to the controls.
    lags : int
        Lags of the study.
    draws, seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        A row per variant: coefficient, low, high (HAC), boot_low, boot_high, n. NaN where the rows of a half
        do not determine the coefficient.
    """
    half = len(whole) // 2
    wider = whole.join(directions)
    variants = {MEMORY: (whole, base, min(_LONGER * max(lags, 1), len(whole) // 3))}
    variants |= {
        f"with {str(name).replace('_', ' ')}": (wider.dropna(subset=[name]), [*base, str(name)], lags)
        for name in directions
    }
    variants |= {
        name: (part, base, lags) for name, part in zip(HALVES, (whole[:half], whole[half:]), strict=True)
    }
    rows = {}
    for name, (part, names, most) in variants.items():
        rows[name] = {"n": float(len(part))}
        with suppress(SchemaError):
            fit = regress(part[names[0]], part[[*names[1:], term]], lags=most)
            drawn = bootstrap(fit, draws=draws, seed=seed).table
            rows[name] |= {end: float(fit.table[end][term]) for end in ("coefficient", "low", "high")}
            rows[name] |= {f"boot_{end}": float(drawn[end][term]) for end in ("low", "high")}
    columns = ["coefficient", "low", "high", "boot_low", "boot_high", "n"]
    return pd.DataFrame(rows).T.reindex(columns=columns).rename_axis("variant")
