from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gammaflow.kernels.random import circle, fill_normals, philox

# Known answers of Random123 for Philox 4x32-10: four words of counter, two of key, four of the result.
ANSWERS = [
    ([0] * 6, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 6, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


def pairs(seed: int, first: int, step: int, count: int) -> np.ndarray:
    out = np.empty((2, count))
    fill_normals(seed, first, step, out[0], out[1])
    return out


@pytest.mark.parametrize(("words", "expected"), ANSWERS)
def test_known_answers(words: list[int], expected: list[int]) -> None:
    assert [int(w) for w in philox(*map(np.uint64, words))] == expected


def test_a_normal_from_its_words() -> None:
    """Seed and path beyond 32 bits: Box and Muller's pair from the four words, in plain Python."""
    seed, path, step = 2**40 + 17, 2**35 + 5, 389
    words = philox(*map(np.uint64, (step, 0, path % 2**32, path >> 32, seed % 2**32, seed >> 32)))
    w0, w1, w2, w3 = map(int, words)
    a = (((w0 << 32 | w1) >> 11) + 1) / 2**53
    b = ((w2 << 32 | w3) >> 11) / 2**53
    radius = math.sqrt(-2.0 * math.log(a))
    expected = [radius * math.cos(2 * math.pi * b), radius * math.sin(2 * math.pi * b)]
    assert pairs(seed, path, step, 1)[:, 0] == pytest.approx(expected, rel=1e-14, abs=1e-15)


@given(st.floats(0.0, 1.0, exclude_max=True))
def test_circle(u: float) -> None:
    # 2 pi u is rounded before the library's cosine sees it: 4e-16 of an angle up to 2 pi.
    expected = (math.cos(2.0 * math.pi * u), math.sin(2.0 * math.pi * u))
    assert circle(u) == pytest.approx(expected, abs=1.5e-15)


def test_eighths_of_the_circle() -> None:
    h = math.sqrt(0.5)
    points = [(1, 0), (h, h), (0, 1), (-h, h), (-1, 0), (-h, -h), (0, -1), (h, -h)]
    for i, point in enumerate(points):
        assert circle(i / 8) == pytest.approx(point, abs=2e-16)


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**40), st.integers(0, 2**31), st.integers(1, 70))
def test_a_path_has_its_own_numbers_wherever_it_stands(seed: int, first: int, step: int, shift: int) -> None:
    block = pairs(seed, first, step, 80)
    assert (pairs(seed, first + shift, step, 10) == block[:, shift : shift + 10]).all()
    assert not (pairs(seed, first, step + 1, 80) == block).any()
    assert not (pairs(seed ^ 1, first, step, 80) == block).any()


def test_moments_and_correlations() -> None:
    """Means, variances, fourth moments and correlations of 2^18 pairs within five standard errors."""
    n = 2**18
    now, next_step, next_seed = pairs(7, 0, 3, n), pairs(7, 0, 4, n), pairs(8, 0, 3, n)
    error = 5.0 / math.sqrt(n)
    for z in now:
        assert abs(z.mean()) < error
        assert abs(z.var() - 1.0) < math.sqrt(2.0) * error
        assert abs((z**4).mean() - 3.0) < math.sqrt(96.0) * error
        assert abs((z[1:] * z[:-1]).mean()) < error
    for other in (now[1], next_step[0], next_seed[0]):
        assert abs((now[0] * other).mean()) < error
    assert np.abs(now).max() < 8.6
