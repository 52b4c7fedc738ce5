"""Strikes of a chain with their calls and puts, against a loop over rows."""

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.market.parity.forwards import find_cells

ASOF = pd.Timestamp("2026-02-05T09:36Z")


@pytest.mark.parametrize("seed", range(12))
def test_cells_are_those_of_a_loop_in_any_order_of_rows(seed):
    """Single legs, contracts that differ in name only, two roots of one expiry, expired rows."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 60))
    expiries = pd.DatetimeIndex(["2026-02-01T08:00Z", "2026-02-27T08:00Z", "2026-03-27T08:00Z"])
    columns = {
        "contract": [f"c{i}" for i in range(n)],
        "expiry": expiries[rng.integers(0 if seed % 3 else 1, 3, n)],
        "strike": rng.choice([90.0, 95.0, 100.0, 110.0], n),
        "kind": rng.choice(np.array(["call", "put"], object), n),
        "open_interest": np.ones(n),
        "multiplier": np.ones(n),
        "iv": np.full(n, 0.5),
        "root": rng.choice(np.array(["A", "B"], object)[: 1 + seed % 2], n),
    }
    chain = gf.Chain(columns, "X", 100.0, ASOF)
    legs: dict[tuple[object, ...], dict[str, int]] = {}
    for row in range(n):
        key = (columns["expiry"][row], columns["root"][row], columns["strike"][row])
        if key[0] > ASOF:
            legs.setdefault(key, {}).setdefault(columns["kind"][row], row)
    groups = {key: i for i, key in enumerate(sorted({key[:2] for key in legs}))}
    cells = find_cells(chain)
    found = zip(cells.group, cells.strike, cells.call, cells.put, strict=True)
    assert [tuple(cell) for cell in found] == [
        (groups[key[:2]], key[2], leg.get("call", -1), leg.get("put", -1))
        for key, leg in sorted(legs.items())
    ]
