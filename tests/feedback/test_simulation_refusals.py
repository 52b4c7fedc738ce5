from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from support.feedback_loop import made_up_surface

SURFACE = gf.constant_gamma_surface(-1e8, 70_000.0)
DEPTH = gf.impact.linear(294e6, source="made up")


def simulate(book: Any = SURFACE, **options: Any) -> Any:
    return gf.simulate_feedback(
        book, **({"impact": DEPTH, "volatility": 0.5, "paths": 3, "steps": 4} | options)
    )


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no impact": ({"impact": None}, r"impact: received NoneType; .* It has no default"),
    "no book": ({"book": 3.0}, r"book: received float; legal: a Book"),
    "negative volatility": ({"volatility": -0.1}, r"volatility: received -0.1; volatility must be >= 0"),
    "no volatility": ({"volatility": None}, r"volatility: received none, and the book has no options"),
    "no path": ({"paths": 0}, r"paths: received 0; paths must be >= 1"),
    "half a step": ({"steps": 2.5}, r"steps: received 2.5; steps must be a whole number"),
    "a truth": ({"seed": True}, r"seed: received True"),
    "no time": ({"days": 0.0}, r"days: received 0.0; days must be > 0"),
    "too much hedge": ({"hedge_fraction": 1.5}, r"hedge_fraction: received 1.5; .* <= 1"),
    "no rate": ({"hedge_rate": 0.0}, r"hedge_rate: received 0.0; hedge_rate must be > 0"),
    "mode": ({"mode": "guess"}, r"mode: received 'guess'; legal: 'explicit', 'implicit'"),
    "band": ({"mode": "implicit", "hedge_band": 1.0}, r"hedge_band: received with mode='implicit'"),
    "withdrawal": ({"volatility": 0.0, "depth_withdrawal": 0.5}, r"received with volatility 0"),
    "long shock": ({"shock": -1.0, "shock_days": 2.0}, r"shock_days: received 2, more than days = 1"),
    "venues": ({"venues": ["Deribit"]}, r"venues: received list; legal: a mapping"),
    "too large a seed": ({"seed": 2**70}, r"seed: received 1180591620717411303424; .* <= 9,223,372"),
    "too rare a hedge": ({"hedge_every": 1e300}, r"hedge_every: received 1e\+300; .* <= 2,147,483,647"),
    "an array as mode": ({"mode": np.ones(2)}, r"mode: received 'array"),
    "no truth": ({"keep_paths": "yes"}, r"keep_paths: received 'yes'; legal: True or False"),
    "memory": (
        {"paths": 300_000, "steps": 390, "keep_paths": True},
        r"paths: received 300,000 with 390 steps, .*: results of 1\.\d+ GB; legal: up to 1 GB",
    ),
    "name": ({"channels": ["gama"]}, r"channels: received 'gama'; legal: 'gamma', 'vanna'"),
    "twice": ({"channels": ["gamma", "gamma"]}, r"'gamma' 2 times; name it once"),
    "as name": ({"channels": ["liquidations"]}, r"pass pools of gf.liquidations"),
    "unknown thing": ({"channels": ["gamma", 3.0]}, r"channels: received float"),
    "no sequence": ({"channels": 3.0}, r"channels: received float"),
    "two buyers": ({"channels": [gf.DipBuyers(1.0), gf.DipBuyers(2.0)]}, r"received DipBuyers twice"),
    "trades of what": ({"channels": [gf.NewTrades("book")]}, r"NewTrades of str; legal: a Book"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    options, words = REFUSED[case]
    with pytest.raises(gf.SchemaError, match=words):
        simulate(**options)


def test_all_problems_at_once() -> None:
    with pytest.raises(gf.SchemaError) as error:
        simulate(paths=0, beta="x", channels=["gama"], frames=1)
    assert str(error.value).count("\n  - ") == 4


def test_surfaces_that_do_not_fit() -> None:
    with pytest.raises(gf.MismatchError, match=r"days: received 2, and a surface of 1 days"):
        simulate(days=2.0)
    delivered = made_up_surface(expiring="delivered")
    with pytest.raises(gf.MismatchError, match=r"'implicit' and a surface whose expiring hedges"):
        simulate(delivered, mode="implicit")
    with pytest.raises(
        gf.MismatchError, match=r"x: 71 nodes from -0.4 to 0.3, against .*expiring: 'delivered'"
    ):
        simulate(channels=[gf.NewTrades(delivered)])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: gf.BasisUnwind(1e6, start=1.0, end=0.5), r"end: received 0.5, before start = 1.0"),
        (lambda: gf.BasisUnwind(1e6, futures_weight=1.5), r"futures_weight: received 1.5; .* <= 1"),
        (lambda: gf.BasisUnwind(np.nan, per_1pct=0.0, basis=-1.0), r"(?s)value: .*basis: .*per_1pct: "),
        (lambda: gf.LeveragedFunds([2.0]), r"funds: received \[2.0\]; legal: pairs"),
        (lambda: gf.LeveragedFunds([(2.0, -1.0)]), r"aum: received -1.0; aum must be >= 0"),
        (lambda: gf.DipBuyers(-1.0, limit=-2.0, reference=0.0), r"(?s)per_1pct: .*reference: .*limit: "),
        (lambda: gf.LeveragedFunds([(2.0, 1.0)], calendar="x"), r"calendar: received 'x'; legal are"),
        (lambda: gf.LeveragedFunds([(2.0, 1.0)], moved=1e300), r"moved: received 1e\+300; .* <= 10"),
        (lambda: gf.DipBuyers(1.0, limit=np.ones(2)), r"limit: "),
        (lambda: gf.NewTrades(SURFACE, start=-1.0), r"start: received -1.0; start must be >= 0"),
    ],
)
def test_channels_refuse(make: Any, words: str) -> None:
    with pytest.raises(gf.SchemaError, match=words):
        make()


def test_a_path_that_ran_away_is_priced_at_the_price_at_which_it_trades() -> None:
    paths = simulate(impact=gf.impact.linear(1e3, source="made up"), seed=1)
    assert np.abs(paths.raw.x).max() > 1_000.0
    assert paths.fan.to_numpy(float)[-1, :5].max() <= 70_000.0 * np.exp(50.0) * (1.0 + 1e-12)
    assert paths.summary().count("100.00 % of the paths left the spots of the surface") == 1


def test_a_liquidation_over_more_steps_than_there_are_executes_its_part() -> None:
    pools = gf.liquidations.pool(4e8, 66e3, 69e3, "long", source="made up")
    options = {"channels": [pools], "shock": -6e9, "volatility": 0.0, "liquidation_steps": 2_000_000_000}
    done = simulate(gf.constant_gamma_surface(0.0, 70e3), **options).raw.flows[:, 5]
    # The shock of step 0 takes the price through the pool; steps 1 to 3 execute one part each.
    assert done == pytest.approx(np.full(3, -3.0 * 4e8 / 2e9), rel=1e-9)


def test_a_venue_without_hours() -> None:
    surface = replace(made_up_surface(), venue=("nowhere", "nowhere", "nowhere"))
    with pytest.raises(gf.SchemaError, match=r"venues: received 'nowhere'; known are"):
        simulate(surface, venues=gf.venues.VENUES)


def test_new_trades_of_a_book_with_lower_vols_go_on_the_grid_of_the_other() -> None:
    """Their vols end earlier, at a quarter of 20 %, and nodes are not made denser than the other's."""
    asof = pd.Timestamp("2026-02-05T09:36Z")
    made = [
        gf.Book(
            {"contract": ["P"], "venue": ["otc"], "kind": ["put"], "strike": [70_000.0], "multiplier": [1.0],
             "expiry": [asof + pd.Timedelta(9.0, "D")], "position": [position], "sigma": [vol]},
            "BTC", 71_470.0, asof, rule="made up",
        )
        for position, vol in ((-500.0, 0.6), (-50.0, 0.2))
    ]  # fmt: skip
    paths = simulate(made[0], beta=-2.0, channels=["gamma", gf.NewTrades(made[1], start=0.5)], volatility=0.0)
    # Traded in the step that ends at day 0.5, at the mean of the deltas at its two ends.
    left = np.array([8.75, 8.5]) / 365.0
    delta = gf.bsm.greeks("p", 71_470.0, 70_000.0, left, 0.0, 0.2, 0.0, which=("delta",)).delta
    assert paths.raw.units[0, 7] == pytest.approx(50.0 * float(np.mean(delta)), rel=2e-3)
