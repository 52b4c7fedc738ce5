"""Strikes that matter: walls by each definition of the word, short gamma by strike, max pain."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.exposure.exposure import Exposure
from gammaflow.positions.origins import Interest, interest_behind

__all__ = ["SENSES", "find_concentration", "find_max_pain", "find_walls", "walls_of"]

Array = NDArray[np.float64]

#: Definitions of "wall", by name, in words.
SENSES = {
    "by type": "most gamma of calls, of puts, and of all, counted without sign",
    "above and below": "most gamma of calls at or above spot, and of puts at or below it",
    "net": "highest and lowest net gamma; absolute: the larger of the two",
    "without the next expiry": "by type, without the expiry that comes next",
    "above and below, without the next expiry": "above and below, without the expiry that comes next",
    "open interest": "most contracts of calls, of puts, and of all",
}


def find_walls(exposure: Exposure) -> pd.DataFrame:
    """Strikes that each definition of "wall" gives.

    Parameters
    ----------
    exposure : Exposure
        Exposure at the spot and time of the walls.

    Returns
    -------
    DataFrame
        One row per definition (the keys of `SENSES`); columns `call_wall`, `put_wall`, `absolute` [currency],
        NaN where no strike qualifies, and `meaning`. Of positions that have not expired by the exposure's
        time. Rows without a strike (notes, futures, funds) count nowhere. Barrier and digital options count
        only in `absolute`, since most of their gamma is not at the strike, and not in "above and below".
    """
    return walls_of(_strikes(exposure), exposure.book.spot)


def walls_of(frame: pd.DataFrame, spot: float) -> pd.DataFrame:
    """The table of `find_walls` from rows that are alive.

    Parameters
    ----------
    frame : DataFrame
        One line per row: `strike` [currency], `side` ("call", "put" or another kind), `expiry`, `gamma`
        (signed), `gross_gamma` and `contracts` (both unsigned; gammas in any one unit).
    spot : float
        Price of the underlying [currency].
    """
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
    """Strikes with net gamma below zero, most negative first: `gamma`, and its `share` of their total [-]."""
    gamma = _strikes(exposure).groupby("strike")["gamma"].sum()
    short = gamma[gamma < 0].sort_values()
    return pd.DataFrame({"gamma": short, "share": short / short.sum()})


def find_max_pain(exposure: Exposure) -> pd.Series:
    """Strike at which the contracts of an expiry would pay the least, per unexpired expiry [currency].

    Parameters
    ----------
    exposure : Exposure
        Exposure of the book, rolled to the time of max pain.

    Returns
    -------
    Series
        By expiry of which the book has calls or puts (barrier options and notes do not count): argmin over
        strikes K of the sum of units x max(phi (K - K_i), 0), the lowest of several.

    Notes
    -----
    All contracts with open interest in the chains behind the book count, including those that cannot be
    valued (no vol) and those that a subset of the book excludes, in every expiry of which the subset has a
    row; to exclude them, make the book from a smaller chain. Each chain counts once, whatever the signs and
    the number of its rows. Rows that come from no chain, or from one without open interest at their expiry,
    count by their unsigned positions.
    """
    book = exposure.book
    rows = np.flatnonzero(book.vanilla & (book.rolled(exposure.days)[0] > 0.0))
    parts, known = interest_behind(book.origins, book["origin"][rows], book["expiry"][rows])
    own = rows[~known]
    parts.append(Interest(book["expiry"][own], book["strike"][own], book.flag[own], np.abs(book.size[own])))
    expiry, strike, flag, units = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    pain = {}
    for moment in np.unique(expiry):
        mine = expiry == moment
        pain[pd.Timestamp(moment, tz="UTC")] = _least(strike[mine], flag[mine], units[mine])
    return pd.Series(pain, dtype=np.float64, name="max_pain")


def _least(strike: Array, flag: Array, units: Array) -> float:
    """The strike at which calls (flag 1) and puts (-1) pay the least."""
    grid, place = np.unique(strike, return_inverse=True)
    paid = np.zeros(len(grid))
    for sign in (1.0, -1.0):
        held = np.bincount(place, np.where(flag == sign, units, 0.0), len(grid))
        paid += np.maximum(sign * (grid[:, None] - grid), 0.0) @ held
    return float(grid[paid.argmin()])


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
