"""Several hypotheses tried at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.batch.seasons.regression import library
from gammaflow.checks import as_numbers, refuse
from gammaflow.text import rows_text

__all__ = ["holm"]


def holm(p_values: Any) -> pd.Series:
    """p-values corrected for the number of hypotheses tried (Holm, 1979).

    The chance that any true null is rejected at 5 % stays below 5 %, however the tests depend on each other.

    Parameters
    ----------
    p_values : Series, array or list
        One per hypothesis, from 0 to 1; NaN where one could not be tested, which counts as not tried.

    Returns
    -------
    Series
        Corrected p-values on the same index, NaN where NaN.

    Raises
    ------
    SchemaError
        For numbers outside 0 to 1, and for what are no numbers in one dimension.

    See Also
    --------
    study : Test of gamma against the volatility that follows, beyond implied and past volatility.

    Examples
    --------
    >>> import gammaflow as gf
    >>> gf.seasons.holm([0.01, 0.04, 0.03]).to_list()
    [0.03, 0.06, 0.06]
    """
    p = np.atleast_1d(as_numbers(p_values, "p_values"))
    wrong = int(((p < 0.0) | (p > 1.0)).sum())
    problems = [f"p_values: {rows_text(wrong)} outside 0 to 1; pass probabilities."] * bool(wrong)
    problems += [f"p_values: received an array of shape {p.shape}; legal: one dimension."] * (p.ndim > 1)
    refuse("holm", problems)
    corrected = np.full(len(p), np.nan)
    there = ~np.isnan(p)
    if there.any():
        corrected[there] = library("statsmodels.stats.multitest").multipletests(p[there], method="holm")[1]
    index = p_values.index if isinstance(p_values, pd.Series) else pd.RangeIndex(len(p))
    return pd.Series(corrected, index, name="p_value")
