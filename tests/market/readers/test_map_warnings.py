"""Warnings about a map that gives a column the wrong unit."""

import numpy as np
import pytest

import gammaflow as gf


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A table without quotes: nothing but the volatilities themselves says that they are odd."""
    chain = gf.demo_chain()
    names = ["contract", "expiry", "strike", "kind", "open_interest", "iv", "multiplier"]
    path = tmp_path_factory.mktemp("map") / "mine.csv"
    chain.to_frame()[names].to_csv(path, index=False)
    return path


FACTS = {"symbol": "BTC", "spot": 71_470.0, "asof": "2026-02-05T09:36Z"}


def read(path, **units):
    names = ["contract", "expiry", "strike", "kind", "open_interest", "iv", "multiplier"]
    told = {"columns": {name: name for name in names}, **FACTS}
    return gf.read_chain(path, columns=told | ({"units": units} if units else {}))


def test_decimal_vols_called_percent_are_told(path):
    right, wrong = read(path), read(path, iv="percent")
    np.testing.assert_allclose(wrong["iv"], right["iv"] / 100.0, rtol=1e-12)
    assert not [text for text in right.warnings if text.startswith("volatility")]
    (told,) = [text for text in wrong.warnings if text.startswith("volatility")]
    median = np.median(right["iv"][(right["iv"] > 0.1) & (right.years > 0)]) / 100.0
    assert f"received a median of {median:.2%}; plausible is 1% or more" in told
    assert told in gf.analyze(wrong).warnings()
