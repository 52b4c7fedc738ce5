"""The simulation against a naive loop in plain Python, with every channel on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from support.feedback_loop import made_up_surface, walk

DAYS, STEPS, PATHS, SEED = 1.0, 24, 3, 11
HEDGES = ("gamma", "vanna", "charm", "knock_in")
HOURS = {name: gf.venues.VENUES[name] for name in ("Deribit", "notes")}
DEPTH = gf.impact.linear(400e6, source="made up")
CURVE = gf.impact.book(
    depth=pd.Series([40e6, 300e6], index=[0.1, 1.0]), source="made up", permanent=0.4,
    half_life=0.2,
)  # fmt: skip


def objects() -> dict[str, Any]:
    rules = [
        gf.deleveraging.FixedCut(3e8, 0.3, start=0.1, end=0.8),
        gf.deleveraging.VolatilityTarget(5e8, volatility=0.6, rebuy=True),
        gf.deleveraging.VarLimit(4e8, limit=25e6),
        gf.deleveraging.Drawdown(2e8, steps=((0.01, 0.2), (0.03, 0.6))),
    ]
    pools = gf.liquidations.pool([8e8, 5e8], [60_000.0, 70_500.0], [69_000.0, 78_000.0], ["long", "short"])
    return {
        "rules": rules,
        "pools": pools,
        "unwind": gf.BasisUnwind(2e8, start=0.2, end=0.7, futures_weight=0.25, basis=0.04, per_1pct=3e9),
        "funds": gf.LeveragedFunds([(2.0, 2e9), (-1.0, 5e8)], moved=-0.01),
        "dips": gf.DipBuyers(8e8, reference=69_500.0, limit=3e7),
    }


CASES: dict[str, dict[str, Any]] = {
    "everything": {"impact": CURVE, "surface": {"expiring": "delivered"}, "hours": True},
    "line": {"impact": DEPTH, "surface": {}, "beta": 0.0, "vol_of_vol": 0.0},
    "band and rate": {"impact": CURVE, "surface": {"seed": 5}, "hedge_band": 40.0, "hedge_rate": 30.0},
    "every third": {"impact": DEPTH, "surface": {"seed": 6}, "hedge_every": 3, "liquidation_steps": 1},
    "vanna alone": {"impact": CURVE, "surface": {"seed": 7}, "use": ("vanna",)},
    "flat vol": {"impact": DEPTH, "surface": {"shift": False}, "depth_withdrawal": 0.0},
    "vols to their ends": {"impact": CURVE, "surface": {"seed": 9}, "vol_of_vol": 30.0, "vol_reversion": 0.0},
    "square root": {
        "impact": gf.impact.square_root(8e9, 0.03, source="made up", permanent=0.5, half_life=0.1),
        "surface": {"seed": 8},
    },
}


@pytest.mark.parametrize("name", CASES)
def test_loop(name: str) -> None:
    case = dict(CASES[name])
    surface = made_up_surface(**case.pop("surface"))
    other = made_up_surface(20, size=900.0, shift=len(surface.vol_shifts) > 1, expiring=surface.expiring)
    impact, hours, use = case.pop("impact"), case.pop("hours", False), case.pop("use", None)
    options: dict[str, Any] = {
        "steps": STEPS, "days": DAYS, "seed": SEED, "volatility": 0.7, "beta": -2.0, "vol_of_vol": 0.8,
        "vol_reversion": 0.5, "hedge_fraction": 0.8, "shock": -1e8, "shock_days": 0.3, "liquidation_steps": 4,
        "depth_withdrawal": 0.4,
    } | case  # fmt: skip
    things = objects()
    given = [*things["rules"], *(thing for key, thing in things.items() if key != "rules")]
    channels = (*HEDGES, *given, gf.NewTrades(other, start=0.1, end=0.5)) if use is None else (*use, *given)
    found = gf.simulate_feedback(
        surface, impact=impact, channels=channels, paths=PATHS, keep_paths=True,
        venues=HOURS if hours else None, **options,
    ).raw  # fmt: skip
    if use is None:
        use = (*HEDGES, "new_trades")
        options["new"] = (other, 0.1, 0.5)
    # New York closes at 21:00 UTC, the next day for a start at 21:30, and opens at 14:30 after 17 hours.
    if hours:
        options["opened"] = lambda venue, k: venue == "Deribit" or 17 / 24 <= k / STEPS < 23.5 / 24
    for path in range(PATHS):
        expected = walk(surface, impact, path=path, use=use, closes=(1.0,), **things, **options)
        assert found.path[path] == pytest.approx(expected["path"], abs=1e-12)
        assert found.attribution[path] == pytest.approx(expected["attribution"], abs=1e-12)
        assert found.flows[path] == pytest.approx(expected["flows"], rel=1e-10, abs=1.0)
        for key in ("units", "pending", "delivered"):
            assert getattr(found, key)[path] == pytest.approx(expected[key], rel=1e-10, abs=1e-8)
        for key in ("low", "high", "peak_vol", "vol_shift"):
            assert getattr(found, key)[path] == pytest.approx(expected[key], abs=1e-12)
        assert found.low_step[path] == expected["low_step"]
        assert found.vol_clipped[path] == expected["clipped"]
    if name == "vols to their ends":
        assert found.vol_clipped.any()
        assert found.peak_vol.max() == pytest.approx(0.7 + surface.vol_shifts[-1])
    assert np.abs(found.attribution).sum(axis=0)[:-1][[0, 5, 6, 9]].min() > 0.0
