import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gammaflow.market.parity.ticks import find_ticks


@given(st.sampled_from([0.0001, 0.0005, 0.01, 0.025, 0.05, 0.1, 1.0, 5.0]), st.integers(0, 999))
def test_the_grid_of_random_quotes_is_found(tick, seed):
    quotes = np.random.default_rng(seed).integers(1, 4000, 400) * tick
    at = np.array([7.0, 70.0, 700.0]) * tick
    assert find_ticks(quotes, at)[1:] == pytest.approx([tick, tick])


def test_bands_have_ticks_of_their_own_and_a_few_odd_quotes_do_not_count():
    low, high = np.arange(1, 300) / 100.0, np.arange(60, 600) / 20.0
    at = np.array([0.02, 2.99, 3.0, 29.0])
    assert find_ticks(np.concatenate([low, high]), at).tolist() == [0.01, 0.01, 0.05, 0.05]
    odd = np.concatenate([low, high, [7.03, 11.11, 25.02]])
    assert find_ticks(odd, at).tolist() == [0.01, 0.01, 0.05, 0.05]
    coin = np.concatenate([np.arange(1, 50) / 1e4, np.arange(10, 200) / 2e3])
    assert find_ticks(coin, np.array([0.002, 0.05])).tolist() == [0.0001, 0.0005]


def test_without_a_grid_there_is_no_tick():
    rng = np.random.default_rng(1)
    assert find_ticks(rng.uniform(0, 100, 500), np.array([0.5, 50.0])).tolist() == [0.0, 0.0]
    assert find_ticks(np.array([np.nan, 0.0, -1.0, np.inf, 0.05]), np.array([0.05, np.nan])).tolist() == [
        0,
        0,
    ]
    assert find_ticks(np.arange(1, 8) * 0.05, np.array([40.0])).tolist() == [0.05]
