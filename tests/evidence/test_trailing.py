"""Trailing moments, maxima and ranks against loops that see earlier numbers only."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gammaflow.evidence.trailing import earlier_below, earlier_maximum, trailing_moments

numbers = st.lists(st.floats(-1e3, 1e3) | st.just(np.nan), min_size=1, max_size=30)


@settings(max_examples=40)
@given(numbers, st.integers(2, 6))
def test_each_number_against_those_before_it(values, window):
    values = np.round(values, 3)
    mean, deviation = trailing_moments(values, window)
    most, below = earlier_maximum(values), earlier_below(values)
    for k, value in enumerate(values):
        before = values[:k][~np.isnan(values[:k])]
        if len(before) < window:
            assert np.isnan(mean[k])
            assert np.isnan(deviation[k])
        else:
            assert mean[k] == pytest.approx(np.mean(before[-window:]), abs=1e-9)
            spread = np.std(before[-window:], ddof=1)
            assert np.isnan(deviation[k]) if spread < 1e-9 else deviation[k] == pytest.approx(spread)
        assert np.isnan(most[k]) if not len(before) else most[k] == before.max()
        none = np.isnan(value) or not len(before)
        assert np.isnan(below[k]) if none else below[k] == pytest.approx(np.mean(before < value))


def test_a_constant_has_no_deviation():
    assert np.isnan(trailing_moments(np.full(9, 0.1), 4)[1]).all()
