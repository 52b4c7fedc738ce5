"""Tables of simulated paths: one row per path, by channel, over days, and their distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.exposure.band_levels import named_quantiles

__all__ = ["NOISE", "channels_table", "describe_columns", "fan_table", "prices", "standard_error"]

Array = NDArray[np.float64]

#: Column of the random part of the move in the attribution.
NOISE = "noise"


# ln S / S0 beyond which a price stays, as in `gammaflow.kernels.feedback_price`: paths that ran away.
_FAR = 50.0


def prices(spot: float, log_returns: Any) -> Any:
    """Prices at ln(S / S0), within e^50 of S0 on paths that ran away, as they trade in the simulation.

    Examples
    --------
    >>> prices(100.0, [0.0, 1e4]) / np.exp([0.0, 50.0])
    array([100., 100.])
    """
    return spot * np.exp(np.clip(log_returns, -_FAR, _FAR))


def standard_error(values: Array) -> Array:
    """Standard error of the mean of each column over independent rows; NaN for a single row."""
    count = len(values)
    if count < 2:
        return np.full(values.shape[1:], np.nan)
    return np.asarray(values.std(axis=0, ddof=1) / np.sqrt(count))


def describe_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Mean, its standard error, standard deviation and quantiles of each column.

    Examples
    --------
    >>> describe_columns(pd.DataFrame({"low": [-0.1, -0.3]})).loc["low", ["mean", "standard_error"]].round(3)
    mean             -0.2
    standard_error    0.1
    Name: low, dtype: float64
    """
    values = table.to_numpy(np.float64)
    error = standard_error(values)
    columns = {"mean": values.mean(axis=0), "standard_error": error, "sd": error * np.sqrt(len(values))}
    return pd.DataFrame({**columns, **named_quantiles(values.T.copy())}, index=table.columns)


def fan_table(frames: Array, days: Array, spot: float, runaway: NDArray[np.bool_]) -> pd.DataFrame:
    """Quantiles and mean of spot over days.

    Parameters
    ----------
    frames : (paths, n) array
        ln(S / S0) at each day.
    days : (n,) array
        Calendar days from the start.
    spot : float
        S0 [currency].
    runaway : (paths,) array
        Paths that the mean leaves out.

    Returns
    -------
    DataFrame
        Index days; columns "5 %", "25 %", "50 %", "75 %", "95 %", "mean" [currency]; the mean is NaN where no
        path stayed.
    """
    spots = prices(spot, frames.T)
    kept = spots[:, ~runaway]
    mean = kept.mean(axis=1) if kept.shape[1] else np.full(len(spots), np.nan)
    index = pd.Index(days, name="days")
    return pd.DataFrame({**named_quantiles(spots), "mean": mean}, index=index)


def channels_table(attribution: Array, flows: Array, names: Sequence[str], log_return: Array) -> pd.DataFrame:
    """Mean of each channel over paths, with its standard error and its share of the move.

    Parameters
    ----------
    attribution : (paths, k + 1) array
        ln return by channel, the noise last.
    flows : (paths, k) array
        Currency traded by channel, < 0 sells.
    names : sequence of str
        Names of the k channels.
    log_return : (paths,) array
        ln(S / S0) at the end.

    Returns
    -------
    DataFrame
        Index channel (with "noise" and "total"); `mean` ln return, its `standard_error`, `share` of the mean
        move (NaN where that lies within two standard errors of 0), `flow` [currency], its `flow_error`,
        `fired` the share of paths on which the channel traded.
    """
    total = np.column_stack([attribution, log_return])
    traded = np.column_stack([flows, np.zeros(len(flows)), flows.sum(axis=1)])
    mean, error = total.mean(axis=0), standard_error(total)
    moved = abs(mean[-1]) > 2.0 * error[-1]
    fired = (traded != 0.0).mean(axis=0)
    fired[-2:] = np.nan
    flow = traded.mean(axis=0)
    flow[-2] = np.nan
    flow_error = standard_error(traded)
    flow_error[-2] = np.nan
    columns = {
        "mean": mean,
        "standard_error": error,
        "share": mean / mean[-1] if moved else np.full(len(mean), np.nan),
        "flow": flow,
        "flow_error": flow_error,
        "fired": fired,
    }
    return pd.DataFrame(columns, index=pd.Index([*names, NOISE, "total"], name="channel"))
