"""Every peer of the benchmark table, held to what the table says of it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest

from support.references import COMPARISONS, GREEKS, INPUTS, Comparison, contracts, error, naive, worst_error

ROOT = Path(__file__).parents[1]
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


def test_a_peer_is_asked_in_a_process_of_its_own_and_says_why_it_cannot_be() -> None:
    """Its results come back; what raises, ends or cannot be installed is a reason, not an end."""
    code = """
import operator, subprocess, sys
from benchmarks import environments
from benchmarks.asking import Peer
with Peer("ours", len, {"a": [1.0], "b": 2.0}) as peer:
    print(int(peer.found["price"]), peer.turn(0.0) > 0.0, peer.bytes >= 0)
for package, compute in (("ours", operator.neg), ("ours", sys.exit), ("blackscholes", len)):
    if package == "blackscholes":
        environments.FOLDER = environments.Path(sys.argv[1])
        environments.PEERS[package] = ("no_such_package_here @ file:///nowhere",)
    try:
        Peer(package, compute, {"a": [1.0]})
    except environments.PeerError as why:
        print(str(why).partition(":")[0], package)
"""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", code, folder], cwd=ROOT, capture_output=True, text=True, check=True
        )
    assert done.stdout.splitlines() == [
        "2 True True",
        "TypeError ours",
        "its process ended ours",
        "not installed blackscholes",
    ]


def test_a_missing_value_is_no_agreement() -> None:
    broken = EXACT["price"].copy()
    broken[3] = np.nan
    assert not error("price", broken, EXACT["price"], DATA) <= 1e9
    assert not worst_error({"price": broken, "delta": EXACT["delta"]}, EXACT, DATA) <= 1e9
