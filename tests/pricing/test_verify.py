from __future__ import annotations

import math

import numpy as np
import pytest

from gammaflow import bsm
from gammaflow.pricing import verify
from support.references import naive


@pytest.fixture(scope="module")
def result() -> verify.Verification:
    return verify.run()


def test_the_kernels_of_this_machine_agree(result: verify.Verification) -> None:
    assert result.ok
    assert result.table.index.tolist() == [*bsm.ALL, "implied_volatility"]
    assert result.table["against_reference"].max() < 1e-12
    assert result.table["against_vollib"].notna().sum() == 7
    assert result.row_count == 1000
    assert result.vector_bits in (64, 128, 256, 512)
    assert "all agree" in str(result)
    assert result.processor in repr(result)


def test_a_wrong_kernel_is_named(monkeypatch: pytest.MonkeyPatch, result: verify.Verification) -> None:
    right = bsm.greeks

    def wrong(*args: object, **kwargs: object) -> bsm.Greeks:
        g = right(*args, **kwargs)  # type: ignore[arg-type]
        block = g.block.copy()
        block[g.names.index("charm")] *= 1.0 + 1e-11
        block[g.names.index("vega"), 0] = math.nan
        return bsm.Greeks(g.names, block)

    monkeypatch.setattr(bsm, "greeks", wrong)
    found = verify.run()
    assert not found.ok
    assert "DISAGREE: vega, charm" in str(found)


def test_more_rows_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "FULL_ROWS", 1234)
    assert verify.run(full=True).row_count == 1234


def test_natural_scales_bound_the_quantities() -> None:
    rng = np.random.default_rng(4)
    for _ in range(300):
        S, t, sigma = rng.uniform(50, 150), 10 ** rng.uniform(-3, 0.5), rng.uniform(0.1, 1.0)
        at = (S, S * math.exp(sigma * math.sqrt(t) * rng.uniform(-3, 3)), t, 0.03, sigma, 0.01)
        values, scale = naive(1.0, *at), verify.natural_scales(*at)
        assert values.keys() == scale.keys()
        for name, value in values.items():
            assert abs(value) <= 8.0 * scale[name], name
