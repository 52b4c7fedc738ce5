"""Hedges of groups of rows: their weighted sums against the hedge path of the weighted book."""

from dataclasses import replace

import numpy as np
import pytest

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.feedback.cascade.group_hedges import group_hedges
from support.feedback_books import SPOT, barrier_book, calibration_book


@pytest.mark.parametrize("beta", [0.0, -3.0])
def test_weighted_groups_are_the_path_of_the_weighted_book(beta):
    book = calibration_book()
    groups = (book["strike"] > 67_500.0).astype(int) + 2 * (book.years > 15 / 365)
    weights = np.array([0.5, -1.0, 0.0, 2.0])
    parts = group_hedges(book, groups, beta=beta, low=0.8 * SPOT, high=1.1 * SPOT)
    spots = np.array([0.81, 0.9, 0.99, 1.0, 1.08]) * SPOT
    columns = {**book.columns, "position": weights[groups] * book["position"]}
    path = gf.hedge_path(replace(book, columns=columns), beta=beta, low=0.8 * SPOT, high=1.1 * SPOT)
    whole = path.flows(spots)[["gamma", "vanna"]].to_numpy().T
    found = np.einsum("g,gcm->cm", weights, parts.at(spots))
    assert found == pytest.approx(whole, abs=1e-8 * np.abs(parts.at(spots)).sum(axis=0).max())


def test_rows_with_barriers_are_refused():
    with pytest.raises(SchemaError, match="legal: rows without barriers"):
        group_hedges(barrier_book(), np.zeros(1, dtype=np.intp))
    with pytest.raises(SchemaError, match="low, high"):
        group_hedges(calibration_book(), np.zeros(16, dtype=np.intp), low=2.0 * SPOT)
