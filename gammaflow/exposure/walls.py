"""Strikes that matter: walls in each sense that the word has, short gamma by strike, max pain."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from gammaflow.exposure.exposure import Exposure

__all__ = ["find_concentration", "find_max_pain", "find_walls"]

#: Senses of "wall", by name, and in words.
SENSES = {
    "by type": "most gamma of calls, of puts, and of all, counted without sign",
    "above and below": "most gamma of calls at or above spot, and of puts at or below it",
    "net": "highest and lowest net gamma; absolute: the larger of the two",
    "without the next expiry": "by type, without the expiry that comes next",
    "above and below, without the next expiry": "above and below, without the expiry that comes next",
    "open interest": "most contracts of calls, of puts, and of all",
}


def find_walls(exposure: Exposure) -> pd.DataFrame:
    """The strikes that each sense of "wall" names.

    Parameters
    ----------
    exposure : Exposure
        At the spot and time that the walls are of.

    Returns
    -------
    DataFrame
        One row per sense (the keys of `SENSES`); columns `call_wall`, `put_wall`, `absolute` [currency], NaN
        where no strike qualifies, and `meaning`. Of positions that have not expired by the exposure's time.
        Notes have no strike and count nowhere; barrier options count in `absolute` only, since most of their
        gamma is at the barrier.
    """
    frame = _strikes(exposure)
    spot = exposure.book.spot
    later = frame[frame["expiry"] > frame["expiry"].min()]
    contracts = frame.assign(gross_gamma=frame["contracts"])
    net = frame.groupby("strike")["gamma"].sum()
    rows = {
        "by type": _by_type(frame),
        "above and below": _by_type(frame, spot),
        "net": (
            _heaviest(net[net > 0]),
            _heaviest(-net[net < 0]),
            _heaviest(net.abs()),
        ),
        "without the next expiry": _by_type(later),
        "above and below, without the next expiry": _by_type(later, spot),
        "open interest": _by_type(contracts),
    }
    out = pd.DataFrame.from_dict(rows, orient="index", columns=["call_wall", "put_wall", "absolute"])
    return out.assign(meaning=pd.Series(SENSES)).rename_axis("sense")


def find_concentration(exposure: Exposure) -> pd.DataFrame:
    """Strikes with net gamma below zero, most negative first: `gamma`, and its `share` of all of it [-]."""
    gamma = _strikes(exposure).groupby("strike")["gamma"].sum()
    short = gamma[gamma < 0].sort_values()
    return pd.DataFrame({"gamma": short, "share": short / short.sum()})


def find_max_pain(exposure: Exposure) -> pd.Series:
    """argmin over strikes K of sum |units| max(phi (K - K_i), 0), per expiry to come, of vanilla rows."""
    book = exposure.book
    alive = book.rolled(exposure.days)[0] > 0.0
    pain = {}
    for e, (start, stop) in enumerate(pairwise(book.expiry_starts)):
        rows = np.flatnonzero((book.vanilla & alive)[start:stop]) + start
        if rows.size:
            strikes, units = book["strike"][rows], np.abs(book.size[rows])
            grid = np.unique(strikes)
            payoff = np.maximum(book.flag[rows] * (grid[:, None] - strikes), 0.0) @ units
            pain[book.expiries[e]] = grid[payoff.argmin()]
    return pd.Series(pain, dtype=np.float64, name="max_pain")


def _strikes(exposure: Exposure) -> pd.DataFrame:
    """Rows that have a strike and are still alive, one line each."""
    book = exposure.book
    rows = book.has_strike & (book.rolled(exposure.days)[0] > 0.0)
    frame = pd.DataFrame(
        {
            "strike": book["strike"],
            "side": book["kind"],
            "expiry": book["expiry"],
            "gamma": exposure.rows["gamma"],
            "gross_gamma": exposure.rows["gross_gamma"],
            "contracts": np.abs(book["position"]),
        }
    )
    return pd.DataFrame(frame[rows])


def _by_type(frame: pd.DataFrame, spot: float | None = None) -> tuple[float, float, float]:
    """Heaviest strikes of calls, of puts and of all; given spot, of calls above and puts below it."""
    calls, puts = (frame[frame["side"] == side] for side in ("call", "put"))
    if spot is not None:
        calls, puts = calls[calls["strike"] >= spot], puts[puts["strike"] <= spot]
        frame = pd.concat([calls, puts])
    sums = [part.groupby("strike")["gross_gamma"].sum() for part in (calls, puts, frame)]
    return _heaviest(sums[0]), _heaviest(sums[1]), _heaviest(sums[2])


def _heaviest(by_strike: pd.Series) -> float:
    """The strike with the largest value; NaN without strikes or where all are 0."""
    if not len(by_strike) or not by_strike.to_numpy().any():
        return np.nan
    return float(by_strike.index.to_numpy()[by_strike.to_numpy().argmax()])
