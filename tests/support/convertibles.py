"""A reverse convertible and the market it is priced in."""

import numpy as np

from gammaflow.pricing.note.terms import NoteTerms

SPOTS = np.array([48.0, 63.0, 69.9, 70.2, 75.0, 88.0, 99.9, 100.3, 104.0, 131.0])


CONVERTIBLE = {
    "edges": [100.0], "intact": [[1.0, 0.0], [1.0, 0.0]], "hit": [[0.0, 0.01], [1.0, 0.0]]
}  # fmt: skip


MARKET = {"r": 0.043, "sigma": 0.31, "q": 0.017}


def convertible(times, looks, **more):
    """A reverse convertible without coupons: a bond less 1 / 100 of a knock-in put of strike 100."""
    return NoteTerms(times, look=looks, barrier=70.0, **CONVERTIBLE, **more)
