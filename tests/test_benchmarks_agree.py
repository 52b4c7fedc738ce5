"""Every peer of the benchmark table, held to what the table says of it."""

from __future__ import annotations

import importlib.util
import warnings

import numpy as np
import pytest

from support.references import COMPARISONS, GREEKS, INPUTS, Comparison, contracts, error, naive, worst_error

DATA = contracts(1000, 3)
ROWS = [naive(*row) for row in zip(*(DATA[n].tolist() for n in INPUTS), strict=True)]
EXACT = {name: np.array([row[name] for row in ROWS]) for name in GREEKS} | {"sigma": DATA["sigma"]}


@pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda c: f"{c.operation}: {c.peer}")
def test_peer_agrees_where_the_table_says_so(comparison: Comparison) -> None:
    if not comparison.installed:
        pytest.skip(f"{comparison.package} is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = comparison.compute(DATA)
    right = {name: value for name, value in found.items() if name not in comparison.wrong}
    assert worst_error(right, EXACT, DATA) <= comparison.tolerance
    for name in comparison.wrong:
        assert not error(name, found[name], EXACT[name], DATA) <= comparison.tolerance


def test_the_table_has_each_peer_once_per_operation() -> None:
    keys = [(c.operation, c.peer) for c in COMPARISONS]
    assert len(set(keys)) == len(keys)
    assert {c.package for c in COMPARISONS if importlib.util.find_spec(c.package)} >= {
        "gammaflow",
        "scipy",
        "vollib",
    }


def test_a_missing_value_is_no_agreement() -> None:
    broken = EXACT["price"].copy()
    broken[3] = np.nan
    assert not error("price", broken, EXACT["price"], DATA) <= 1e9
    assert not worst_error({"price": broken, "delta": EXACT["delta"]}, EXACT, DATA) <= 1e9
