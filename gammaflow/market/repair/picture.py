"""Plot of a repaired chain: implied vols over strike, the vendor's and those after repair."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import utc
from gammaflow.errors import SchemaError
from gammaflow.market.chain import Chain
from gammaflow.text import moment_text

__all__ = ["plot_repair"]


def plot_repair(chain: Chain, marks: pd.DataFrame, expiry: Any, ax: Any) -> Any:
    """Implied vols of one expiry before and after repair.

    Parameters
    ----------
    chain : Chain
        After repair.
    marks : DataFrame
        As `RepairedChain.marks`.
    expiry : timestamp or None
        One of the chain's; None for the expiry with the most vols that differ from the vendor's, and the
        nearest of several such.
    ax : matplotlib Axes or None
        Where to draw; a new figure for None.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    SchemaError
        For an expiry that the chain does not have.
    """
    from gammaflow.plot.curves import plot_lines

    moments, place = np.unique(chain["expiry"], return_inverse=True)
    replaced = np.bincount(place, marks["iv_source"].isin(["mid", "other leg"]))
    moment = moments[replaced.argmax()] if expiry is None else utc(expiry).tz_localize(None).to_datetime64()
    rows = chain["expiry"] == moment
    if not rows.any():
        legal = f"{pd.Timestamp(moments[0])} .. {pd.Timestamp(moments[-1])} UTC"
        raise SchemaError(f"expiry: received {expiry!r}; legal: one of the chain's {len(moments)}, {legal}.")
    strikes = pd.Index(chain["strike"][rows])
    points = {
        name: pd.Series(100.0 * marks[column].to_numpy(dtype=np.float64)[rows], strikes)
        for name, column in (("vendor", "vendor_iv"), ("repaired", "iv"))
    }
    title = (
        f"{chain.symbol} volatilities before and after repair, expiry {pd.Timestamp(moment):%Y-%m-%d %H:%M}, "
        f"{moment_text(chain.asof)}"
    )
    label, across = "implied volatility [%]", f"strike [{chain.currency}]"
    return plot_lines(pd.DataFrame(), title, label, across, points=points, zero=False, ax=ax)
