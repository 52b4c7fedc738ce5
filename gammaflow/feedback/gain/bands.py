"""Loop gain under beliefs about the sign of dealers' positions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gammaflow.errors import MismatchError
from gammaflow.exposure.band_data import unit_gamma
from gammaflow.exposure.band_levels import named_quantiles
from gammaflow.exposure.bands import Bands
from gammaflow.exposure.repricing import Repricing
from gammaflow.kernels.bands import products

__all__ = ["belief_columns", "refuse_other_bands"]

Array = NDArray[np.float64]

# Spots whose draws are in memory at a time.
_SPOTS = 64

#: Columns of probabilities, and the loop gain that each is the probability of exceeding.
_ABOVE = {"p_above_half": 0.5, "p_above_one": 1.0}


def belief_columns(bands: Bands, spots: Array, scale: Array, others: Array) -> dict[str, Array]:
    """Quantiles of kappa over the draws, and the share of draws above 0.5 and above 1.

    Parameters
    ----------
    bands : Bands
    spots : (m,) array
        Ascending spots [currency].
    scale : (m,) array
        Loop gain per unit of gamma [1 / (currency per +1 % spot)].
    others : (m,) array
        Sum of the other channels [-].

    Returns
    -------
    dict of (m,) arrays
    """
    unit = unit_gamma(bands.profile, bands.known, bands.cells, spots)
    shares = bands.samples.to_numpy()
    known = np.ones((len(shares), len(unit) - shares.shape[1]))
    shares = np.ascontiguousarray(np.concatenate([shares, known], axis=1).T)
    parts = []
    for first in range(0, len(spots), _SPOTS):
        some = slice(first, first + _SPOTS)
        kappa = np.empty((unit[:, some].shape[1], bands.draws))
        products(np.ascontiguousarray(unit[:, some].T), shares, kappa)
        kappa = kappa * scale[some, None] + others[some, None]
        chances = {name: (kappa > level).mean(axis=1) for name, level in _ABOVE.items()}
        parts.append({**named_quantiles(kappa), **chances})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def refuse_other_bands(bands: Bands, profile: Repricing) -> None:
    """MismatchError for bands of another underlying, spot, timestamp, day, vol shift or smile dynamics."""
    theirs, ours = bands.profile, profile
    facts = {
        "symbol": (theirs.book.symbol, ours.book.symbol),
        "currency": (theirs.book.currency, ours.book.currency),
        "spot": (theirs.book.spot, ours.book.spot),
        "asof": (theirs.book.asof, ours.book.asof),
        "days": (theirs.days, ours.days),
        "vol_shift": (theirs.vol_shift, ours.vol_shift),
        "dynamics": (theirs.dynamics.name, ours.dynamics.name),
    }
    wrong = [f"{name}: {a} and {b}" for name, (a, b) in facts.items() if a != b]
    if wrong:
        raise MismatchError(
            f"bands and profile do not match ({'; '.join(wrong)}); make both of one chain, with the same "
            "days, vol_shift and dynamics."
        )
