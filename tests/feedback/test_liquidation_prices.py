"""Liquidation prices against margin accounts, and pools from leverage against a double loop."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.errors import SchemaError


@pytest.mark.parametrize(
    ("contract", "side", "expected"),
    [("linear", "long", 0.9045), ("linear", "short", 1.0945), ("inverse", "long", 0.9136),
     ("inverse", "short", 1.1056)],
)  # fmt: skip
def test_a19_figures(contract, side, expected):
    found = gf.liquidations.price(70_000.0, 10.0, 0.005, side, contract) / 70_000.0
    assert round(found, 4) == expected


def margin_account(entry, leverage, maintenance, sign, contract, price):
    """Equity and margin needed of a position of one coin (linear) or of `entry` of currency (inverse)."""
    if contract == "linear":
        return entry / leverage + sign * (price - entry), maintenance * price
    value = entry / price  # coins behind a fixed amount of currency
    return 1.0 / leverage + sign * (1.0 - value), maintenance * value


@pytest.mark.parametrize("contract", ["linear", "inverse"])
@pytest.mark.parametrize(("side", "sign"), [("long", 1.0), ("short", -1.0)])
@pytest.mark.parametrize(("entry", "leverage", "maintenance"), [
    (73_300.0, 10.0, 0.005), (41.6, 3.0, 0.02), (1.0, 50.0, 0.004), (2_500.0, 1.7, 0.0), (9.0, 100.0, 0.0099),
])  # fmt: skip
def test_the_price_is_where_a_margin_account_falls_to_maintenance(
    contract, side, sign, entry, leverage, maintenance
):
    expected = gf.liquidations.price(entry, leverage, maintenance, side, contract)
    equity, needed = margin_account(entry, leverage, maintenance, sign, contract, expected)
    assert equity == pytest.approx(needed, rel=1e-9, abs=1e-12 * entry)
    # A walk against the position in steps of 1e-5 meets the first shortfall at that price.
    path = entry * np.exp(-sign * 1e-5 * np.arange(150_000))
    equity, needed = margin_account(entry, leverage, maintenance, sign, contract, path)
    short = np.flatnonzero(equity <= needed)
    assert path[short[0]] == pytest.approx(expected, rel=1.1e-5)


def test_leverage_1_is_never_liquidated():
    assert gf.liquidations.price(100.0, 1.0, 0.0, "long") == 0.0
    assert gf.liquidations.price(100.0, 1.0, 0.005, "short", "inverse") == math.inf
    assert gf.liquidations.price(100.0, 1.0, 0.005, "long", "inverse") == pytest.approx(50.25)


def test_arrays_and_missing_values():
    found = gf.liquidations.price([100.0, np.nan], [[2.0], [4.0]], 0.0, "long")
    np.testing.assert_allclose(found, [[50.0, np.nan], [75.0, np.nan]])


def test_all_problems_of_a_price_at_once():
    with pytest.raises(SchemaError) as error:
        gf.liquidations.price(-1.0, 0.5, -0.1, "long")
    for line in (
        "entry: received -1; entry must be finite and > 0",
        "leverage: received 0.5; leverage must be finite and >= 1",
        "maintenance: received -0.1; maintenance must be >= 0",
    ):
        assert line in str(error.value)
    with pytest.raises(SchemaError, match="liquidated when it is opened"):
        gf.liquidations.price(100.0, 50.0, 0.02, "long")
    with pytest.raises(SchemaError) as error:
        gf.liquidations.price("x", 2.0, 0.0, "up", "quanto")
    assert all(word in str(error.value) for word in ("'up'", "'quanto'", "entry: received 'x'"))
    with pytest.raises(SchemaError, match="shapes that do not match"):
        gf.liquidations.price([1.0, 2.0], [2.0, 3.0, 4.0], 0.0, "long")


ENTRIES = pd.Series([0.2, 0.3, 0.4, 0.1], [66_000.0, 70_000.0, 76_000.0, 84_000.0])
LEVERAGES = {1.0: 0.05, 3.0: 0.35, 10.0: 0.4, 25.0: 0.2}


@pytest.mark.parametrize("contract", ["linear", "inverse"])
@pytest.mark.parametrize("side", ["long", "short"])
def test_pools_from_leverage_are_a_double_loop(contract, side):
    spot, step, m = 73_300.0, 0.0025, 0.005
    pools = gf.liquidations.from_leverage(
        2e9, spot=spot, entries=ENTRIES, leverages=LEVERAGES, maintenance=m, side=side, contract=contract,
        step=step,
    )  # fmt: skip
    total, passed, never, levels = 0.0, 0.0, 0.0, []
    for entry, share in ENTRIES.items():
        for leverage, part in LEVERAGES.items():
            if leverage == 1.0 and (side, contract) == ("short", "inverse"):
                never += 2e9 * share * part
                continue
            at = gf.liquidations.price(entry, leverage, m, side, contract)
            if at <= 0.0:
                never += 2e9 * share * part
            elif (at < spot) != (side == "long"):
                passed += 2e9 * share * part
            else:
                value = 2e9 * share * part * (at / spot if contract == "linear" else 1.0)
                total += value
                levels.append((at, value))
    assert pools.value.sum() == pytest.approx(total, rel=1e-12)
    excluded = {part.reason.partition(":")[0]: part.value for part in pools.excluded}
    where = "above" if side == "long" else "below"
    assert excluded.get("never liquidated", 0.0) == pytest.approx(never)
    assert excluded.get(f"liquidation price {where} spot, already passed", 0.0) == pytest.approx(passed)
    assert (pools.side == (1.0 if side == "long" else -1.0)).all()
    np.testing.assert_allclose(np.log(pools.high / pools.low), step, rtol=1e-9)
    # Each level lies in a cell, so the flow a step before and after it has it or not.
    for at, value in levels:
        inside = (pools.low <= at * (1 + 1e-12)) & (at <= pools.high * (1 + 1e-12))
        assert (pools.value[inside] >= value * (1.0 - 1e-12)).any()


def test_long_pools_stand_below_spot_and_short_ones_above():
    for side, above in (("long", False), ("short", True)):
        pools = gf.liquidations.from_leverage(
            1e9, spot=73_300.0, entries=ENTRIES, leverages=LEVERAGES, maintenance=0.005, side=side
        )
        assert ((pools.low >= 73_300.0) == above).all()
        assert ((pools.high > 73_300.0 * (1.0 + 1e-12)) == above).all()


@given(st.floats(1e3, 1e5), st.floats(2.0, 20.0), st.floats(1e-4, 0.02), st.sampled_from(["long", "short"]))
def test_one_level_is_found_to_a_step(spot, leverage, step, side):
    pools = gf.liquidations.from_leverage(
        1e9, spot=spot, entries={spot: 1.0}, leverages={leverage: 1.0}, maintenance=0.01, side=side, step=step
    )
    at = gf.liquidations.price(spot, leverage, 0.01, side)
    assert len(pools) == 1
    assert pools.low[0] <= at * (1.0 + 1e-12)
    assert at <= pools.high[0] * (1.0 + 1e-12)
    assert pools.value[0] == pytest.approx(1e9 * at / spot)


def test_all_problems_of_leverage_at_once():
    with pytest.raises(SchemaError) as error:
        gf.liquidations.from_leverage(
            -1.0, spot=0.0, entries={70e3: 0.5}, leverages=[10.0], maintenance="x", step=0.0
        )
    for line in (
        "open_interest: received -1.0",
        "spot: received 0.0",
        "step: received 0.0",
        "maintenance: received 'x'",
        "entries: its shares sum to 0.5; they must sum to 1",
        "leverages: received list",
    ):
        assert line in str(error.value)
    terms = {"open_interest": 1e9, "spot": 73e3, "maintenance": 0.005}
    with pytest.raises(SchemaError) as error:
        gf.liquidations.from_leverage(
            **terms, entries={70e3: 2.0, 71e3: -1.0}, leverages={300.0: 1.0}, side="up"
        )
    assert "its shares finite and >= 0" in str(error.value)
    assert "side: received 'up'" in str(error.value)
    with pytest.raises(SchemaError, match="liquidated when it is opened"):
        gf.liquidations.from_leverage(**terms, entries={70e3: 1.0}, leverages={300.0: 1.0})
    with pytest.raises(SchemaError, match="entries: received an array of <U1"):
        gf.liquidations.from_leverage(**terms, entries={"a": 1.0}, leverages={30.0: 1.0})
