"""Axes that narrow a set: closed forms of additive logarithms, and a naive loop where rows are missing."""

import itertools

import numpy as np
import pandas as pd
import pytest

from gammaflow.studies.event.narrowing import cell_weights, narrowing


def naive(y, known=None):
    """Variance explained by each axis of values not NaN, and by each within the values of another."""
    places = [p for p in itertools.product(*map(range, y.shape)) if not np.isnan(y[p])]
    values = np.array([y[p] for p in places])
    out = {}
    for axis in range(y.ndim):
        keys = [(p[axis], p[known] if known is not None else 0) for p in places]
        groups = {key: values[[k == key for k in keys]] for key in set(keys)}
        fitted = np.array([groups[key].mean() for key in keys])
        out[axis] = values.var() - ((values - fitted) ** 2).mean()
    return out, values.var()


def test_additive_logarithms_share_their_variance():
    a, b = np.array([0.0, 1.0, 3.0]), np.array([0.0, 0.5])
    shock = -np.exp(a[:, None] + b)
    table = narrowing(shock, np.ones(shock.shape, bool), {"a": 1, "b": 1}, {})
    whole = a.var() + b.var()
    assert table.index.tolist() == ["a", "b", "together"]
    assert table["variance_share"].tolist() == pytest.approx([a.var() / whole, b.var() / whole, 0.0])
    assert table["deviation_left"].tolist()[:2] == pytest.approx([b.std(), a.std()])
    assert table.loc["b", "share_after"] == pytest.approx(1.0)
    assert table.loc["a", ["low", "high"]].tolist() == pytest.approx([-np.exp(0.5), -np.exp(3.5)])
    assert table["factor"].tolist()[:2] == pytest.approx([np.exp(3.0), np.exp(0.5)])


def test_missing_combinations_against_a_loop():
    rng = np.random.default_rng(0)
    shock = -np.exp(rng.normal(size=(4, 3, 1, 5)) + np.arange(4.0)[:, None, None, None])
    lands = rng.random(shock.shape) < 0.7
    table = narrowing(shock, lands, {"a": 2, "b": 1, "c": 0, "d": 2}, {3: (1, 4)})
    y = np.where(lands, np.log(-shock), np.nan)
    explained, whole = naive(y)
    within, _ = naive(y, known=0)
    assert table.index[0] == "a"
    assert "c" not in table.index
    for axis, name in enumerate("abcd"):
        if name != "c":
            assert table.loc[name, "variance_share"] == pytest.approx(explained[axis] / whole)
        if name in "bd":
            left = (within[axis] - explained[0]) / (whole - explained[0])
            assert table.loc[name, "share_after"] == pytest.approx(left)
    ends = shock[2, 1, 0, [1, 4]]
    assert sorted(table.loc["d", ["low", "high"]]) == pytest.approx(sorted(ends))
    assert table["variance_share"].sum() == pytest.approx(1.0)


def test_nothing_to_explain():
    one = narrowing(np.full((1, 1), -1.0), np.ones((1, 1), bool), {"a": 0, "b": 0}, {})
    none = narrowing(np.full((2, 1), -1.0), np.zeros((2, 1), bool), {"a": 0, "b": 0}, {})
    assert one.empty
    assert none.empty


def test_weights_of_cells():
    """Independent shares: the squared correlation is the cell's part of the variance of hedges."""
    shares = np.random.default_rng(1).normal(size=(200_000, 3)) * [1.0, 1.0, 0.0]
    unit = np.array([3.0, 1.0, 9.0])[:, None, None] * np.array([0.75, 0.25])[:, None]
    cells = pd.DataFrame({"open_interest": [1.0, 2.0, 3.0]}, index=["a", "b", "c"])
    table = cell_weights(cells, shares, unit)
    assert table.index.tolist() == ["a", "b", "c"]
    assert table["flow"].tolist() == [3.0, 1.0, 9.0]
    assert table["variance_share"].tolist() == pytest.approx([0.9, 0.1, 0.0], abs=0.01)
