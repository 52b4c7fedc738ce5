"""Strikes that matter: walls by each definition of the word, short gamma by strike, max pain."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.coded import Coded
from gammaflow.exposure.exposure import Exposure
from gammaflow.positions.origins import Interest, interest_behind

__all__ = [
    "SENSES",
    "StrikeRows",
    "find_concentration",
    "find_max_pain",
    "find_walls",
    "next_max_pain",
    "wall_strikes",
    "walls_by_type",
    "walls_of",
]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Definitions of "wall", by name, in words.
SENSES = {
    "by type": "most gamma of calls, of puts, and of all, counted without sign",
    "above and below": "most gamma of calls at or above spot, and of puts at or below it",
    "net": "highest and lowest net gamma; absolute: the larger of the two",
    "without the next expiry": "by type, without the expiry that comes next",
    "above and below, without the next expiry": "above and below, without the expiry that comes next",
    "open interest": "most contracts of calls, of puts, and of all",
}


class StrikeRows(NamedTuple):
    """Rows that have a strike and are alive, (n,) arrays; gammas in any one unit."""

    strike: Array
    """[currency]"""
    side: NDArray[Any]
    """"call", "put" or another kind."""
    expiry: NDArray[Any]
    gamma: Array
    """Signed."""
    gross_gamma: Array
    """Unsigned."""
    contracts: Array
    """Unsigned."""


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


def walls_by_type(exposure: Exposure) -> tuple[float, float, float]:
    """Call wall, put wall and absolute strike of `find_walls` by type [currency]."""
    ((call, put, absolute),) = wall_strikes(_strikes(exposure), exposure.book.spot, ["by type"]).tolist()
    return call, put, absolute


def walls_of(rows: StrikeRows, spot: float) -> pd.DataFrame:
    """The table of `find_walls` from rows that are alive, at a spot [currency]."""
    columns = dict(zip(("call_wall", "put_wall", "absolute"), wall_strikes(rows, spot).T, strict=True))
    index = pd.Index(list(SENSES), name="sense")
    return pd.DataFrame({**columns, "meaning": list(SENSES.values())}, index)


def wall_strikes(rows: StrikeRows, spot: float, senses: Collection[str] = tuple(SENSES)) -> Array:
    """Call wall, put wall and absolute strike in some senses of `SENSES` [currency], (senses, 3)."""
    sides = Coded.of(rows.side)
    calls, puts = sides.among("call"), sides.among("put")
    parts = [_amounts(rows, spot, sense, calls, puts) for sense in senses]
    strikes, sums = _by_strike(rows.strike, np.concatenate(parts))
    each = np.split(sums, np.cumsum([len(part) for part in parts])[:-1])
    return np.stack([_heaviest(strikes, _signed(*part) if len(part) == 1 else part) for part in each])


def _amounts(rows: StrikeRows, spot: float, sense: str, calls: Mask, puts: Mask) -> Array:
    """Amounts of each row whose sums by strike make the walls in a sense: (3, n), or (1, n) to be signed."""
    if sense == "net":
        return rows.gamma[None]
    if sense.startswith("above and below"):
        calls, puts = calls & (rows.strike >= spot), puts & (rows.strike <= spot)
        masks = np.stack([calls, puts, calls | puts])
    else:
        masks = np.stack([calls, puts, np.ones(len(calls), dtype=bool)])
    if sense.endswith("without the next expiry") and len(calls):
        masks &= rows.expiry > np.fmin.reduce(rows.expiry)
    return masks * (rows.contracts if sense == "open interest" else rows.gross_gamma)


def _signed(net: Array) -> Array:
    """Amounts above zero, below zero, and without a sign, (3, strikes)."""
    return np.stack([np.maximum(net, 0.0), np.maximum(-net, 0.0), np.abs(net)])


def find_concentration(exposure: Exposure) -> pd.DataFrame:
    """Strikes with net gamma below zero, most negative first: `gamma`, and its `share` of their total [-]."""
    rows = _strikes(exposure)
    strikes, (gamma,) = _by_strike(rows.strike, rows.gamma[None])
    order = np.argsort(gamma, kind="stable")
    order = order[gamma[order] < 0.0]
    short = gamma[order]
    return pd.DataFrame(
        {"gamma": short, "share": short / short.sum()}, pd.Index(strikes[order], name="strike")
    )


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
    moments, contracts = _outstanding(exposure)
    pain = [_least(*rows) for rows in contracts]
    return pd.Series(pain, pd.DatetimeIndex(moments, tz="UTC"), np.float64, "max_pain")


def next_max_pain(exposure: Exposure) -> float:
    """The first of `find_max_pain`, that of the next expiry [currency]; NaN where there is none."""
    _, contracts = _outstanding(exposure)
    return _least(*contracts[0]) if contracts else np.nan


def _outstanding(exposure: Exposure) -> tuple[NDArray[Any], list[tuple[Array, Array, Array]]]:
    """Expiries that have max pain, and strike, flag and units of the contracts that count at each."""
    book = exposure.book
    rows = np.flatnonzero(book.vanilla & (book.rolled(exposure.days)[0] > 0.0))
    dates = book.columns["expiry"]
    held, known = interest_behind(book.origins, book["origin"][rows], dates[rows])
    own = rows[~known]
    held.append(Interest(dates[own], book["strike"][own], book.flag[own], np.abs(book.size[own])))
    expiry, *columns = (np.concatenate(parts) for parts in zip(*held, strict=True))
    order = np.argsort(expiry, kind="stable")
    starts = _starts(expiry[order])
    if not len(starts):
        return expiry, []
    parts = [np.split(column[order], starts[1:]) for column in columns]
    return expiry[order][starts], list(zip(*parts, strict=True))


def _least(strike: Array, flag: Array, units: Array) -> float:
    """The strike at which calls (flag 1) and puts (-1) pay the least."""
    grid, place = np.unique(strike, return_inverse=True)
    paid = np.zeros(len(grid))
    for sign in (1.0, -1.0):
        held = np.bincount(place, np.where(flag == sign, units, 0.0), len(grid))
        paid += np.maximum(sign * (grid[:, None] - grid), 0.0) @ held
    return float(grid[paid.argmin()])


def _strikes(exposure: Exposure) -> StrikeRows:
    """Rows of a book that have a strike and are still alive."""
    book = exposure.book
    gamma, gross = exposure.rows["gamma"], exposure.rows["gross_gamma"]
    columns = (book["strike"], book["kind"], book.columns["expiry"], gamma, gross, np.abs(book["position"]))
    rows = book.has_strike & (book.rolled(exposure.days)[0] > 0.0)
    return StrikeRows(*(columns if rows.all() else (values[rows] for values in columns)))


def _by_strike(strike: Array, amounts: Array) -> tuple[Array, Array]:
    """Distinct strikes, ascending, and sums of each row of `amounts` (k, n) at each, (k, strikes).

    In extended precision, where the machine has it: sums of decimals that are equal stay equal.
    """
    order = np.argsort(strike, kind="stable")
    ascending = strike[order]
    starts = _starts(ascending)
    sums = np.add.reduceat(amounts[:, order], starts, axis=1, dtype=np.longdouble)
    return ascending[starts], sums.astype(np.float64)


def _starts(ascending: NDArray[Any]) -> NDArray[np.intp]:
    """Place of the first of each run of equal values."""
    if not len(ascending):
        return np.empty(0, dtype=np.intp)
    return np.append(0, np.flatnonzero(ascending[1:] != ascending[:-1]) + 1)


def _heaviest(strikes: Array, sums: Array) -> Array:
    """The strike with the largest of each row of sums (k, strikes), (k,); NaN where all are 0."""
    if not len(strikes):
        return np.full(len(sums), np.nan)
    return np.where(sums.any(axis=1), strikes[sums.argmax(axis=1)], np.nan)
