"""Stand-in until the table of knock-ins is there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gammaflow.exposure.repricing import Repricing


class KnockIns(NamedTuple):
    """Barriers on the way from today's spot."""

    levels: NDArray[np.float64]
    traded: NDArray[np.float64]


def find_knock_ins(profile: Repricing) -> KnockIns:
    return KnockIns(np.empty(0), np.empty(0))
