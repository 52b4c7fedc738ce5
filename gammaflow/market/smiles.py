"""Smiles of a chain: vols of each expiry's out-of-the-money options, by distance from the forward."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammaflow.calendars import years_to_expiry
from gammaflow.checks import read_only
from gammaflow.market.quality import OF_INTEREST

__all__ = ["find_smiles"]

Array = NDArray[np.float64]

# Strikes within this distance of the forward in ln K count on both sides of it.
_EDGE = 1e-9


def find_smiles(chain: Any) -> tuple[NDArray[Any], tuple[tuple[Array, Array], ...]]:
    """`Chain.smiles`."""
    every, places = chain.expiry_places
    expiries = every[years_to_expiry(every, chain.asof) > 0.0]
    away = np.log(chain.forward_prices / chain["strike"])
    usable = chain.reasons.among("", *OF_INTEREST)  # none of which has expired
    rows = np.flatnonzero(usable & np.where(chain.calls, away <= _EDGE, away >= -_EDGE))
    place, x = places[rows] - (len(every) - len(expiries)), away[rows]
    order = np.lexsort((x, place))
    place, x = place[order], x[order]
    new = np.append(True, (np.diff(place) != 0) | (np.diff(x) != 0.0))[: len(rows)]
    strike = np.cumsum(new) - 1
    vols = read_only(np.bincount(strike, chain["iv"][rows[order]]) / np.bincount(strike))
    x, starts = read_only(x[new]), np.searchsorted(place[new], np.arange(len(expiries) + 1))
    return read_only(expiries, expiries.dtype), tuple(
        (x[i:j], vols[i:j]) for i, j in pairwise(starts.tolist())
    )
