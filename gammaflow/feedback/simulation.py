"""simulate_feedback: Monte Carlo of price when dealers' hedges, and others' forced trades, move it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from gammaflow.checks import attempt, check_choice, check_noun, check_number, refuse
from gammaflow.errors import MismatchError, SchemaError
from gammaflow.feedback.channels import (
    CHANNELS,
    HEDGES,
    BasisUnwind,
    DipBuyers,
    LeveragedFunds,
    NewTrades,
)
from gammaflow.feedback.impact_curve import Impact
from gammaflow.feedback.liquidations import Liquidations
from gammaflow.feedback.paths import FeedbackPaths
from gammaflow.feedback.run import run
from gammaflow.feedback.setup import Setup
from gammaflow.feedback.surface import HedgeSurface
from gammaflow.feedback.surface_grid import hedge_surface
from gammaflow.frozen import FrozenMapping
from gammaflow.positions.book import Book
from gammaflow.positions.venues import Venue

__all__ = ["simulate_feedback"]

_MODES = ("explicit", "implicit")


def simulate_feedback(
    book: Book | HedgeSurface,
    *,
    impact: Impact,
    channels: Iterable[Any] = HEDGES,
    paths: int = 10_000,
    steps: int = 390,
    days: float = 1.0,
    seed: int = 0,
    volatility: float | None = None,
    beta: float = 0.0,
    vol_of_vol: float = 0.0,
    vol_reversion: float = 0.0,
    lowest_volatility: float = 0.05,
    hedge_fraction: float = 1.0,
    hedge_every: int = 1,
    hedge_band: float = 0.0,
    hedge_rate: float | None = None,
    mode: str = "explicit",
    shock: float | None = None,
    shock_days: float = 0.0,
    liquidation_steps: int = 1,
    depth_withdrawal: float = 0.0,
    venues: Mapping[str, Venue] | None = None,
    keep_paths: bool = False,
    frames: int = 64,
) -> FeedbackPaths:
    """Monte Carlo of price when dealers' hedges, and others' forced trades, move it."""
    objects, names, problems = _read_channels(channels)
    checks: dict[str, Any] = {
        "paths": lambda: _whole(paths, "paths", 1),
        "steps": lambda: _whole(steps, "steps", 1),
        "days": lambda: check_number(days, "days", 0.0, open_low=True),
        "seed": lambda: _whole(seed, "seed", 0),
        "beta": lambda: check_number(beta, "beta"),
        "vol_of_vol": lambda: check_number(vol_of_vol, "vol_of_vol", 0.0),
        "vol_reversion": lambda: check_number(vol_reversion, "vol_reversion", 0.0),
        "lowest_volatility": lambda: check_number(lowest_volatility, "lowest_volatility", 0.0),
        "hedge_fraction": lambda: _share(hedge_fraction, "hedge_fraction"),
        "hedge_every": lambda: _whole(hedge_every, "hedge_every", 1),
        "hedge_band": lambda: check_number(hedge_band, "hedge_band", 0.0),
        "hedge_rate": lambda: (
            None if hedge_rate is None else check_number(hedge_rate, "hedge_rate", 0.0, open_low=True)
        ),
        "mode": lambda: check_choice(mode, "mode", _MODES),
        "shock": lambda: 0.0 if shock is None else check_number(shock, "shock"),
        "shock_days": lambda: check_number(shock_days, "shock_days", 0.0),
        "liquidation_steps": lambda: _whole(liquidation_steps, "liquidation_steps", 1),
        "depth_withdrawal": lambda: check_number(depth_withdrawal, "depth_withdrawal", 0.0),
        "frames": lambda: _whole(frames, "frames", 2),
        "volatility": lambda: None if volatility is None else check_number(volatility, "volatility", 0.0),
        "book": lambda: check_noun(book, "book", Book, HedgeSurface),
        "impact": lambda: check_noun(impact, "impact", Impact),
    }
    values, found = attempt(*checks.values())
    refuse("simulation", problems + found)
    given = dict(zip(checks, values, strict=True))
    surface = book if isinstance(book, HedgeSurface) else hedge_surface(book, days=days, beta=beta)
    if volatility is None:
        raise SchemaError("volatility: received none")
    if given["shock"]:
        names = [name for name in CHANNELS if name in (*names, "deleveraging")]
    new = tuple(
        (_surface_like(thing.book, surface), thing.start, thing.end)
        for thing in objects
        if isinstance(thing, NewTrades)
    )
    options = {
        **{name: given[name] for name in (
            "vol_of_vol", "vol_reversion", "lowest_volatility", "hedge_every", "hedge_band", "hedge_rate",
            "mode", "shock", "shock_days", "liquidation_steps", "depth_withdrawal", "frames",
        )},
        "objects": tuple(objects), "new_trades": new, "base_vol": given["volatility"], "venues": venues,
        "keep_paths": bool(keep_paths),
    }  # fmt: skip
    setup = Setup(
        surface=surface, impact=impact, channels=tuple(names), paths=given["paths"], steps=given["steps"],
        days=given["days"], seed=given["seed"], volatility=given["volatility"], beta=given["beta"],
        hedge_fraction=given["hedge_fraction"], run=run, options=FrozenMapping(options),
    )  # fmt: skip
    return FeedbackPaths(setup, run(setup, setup.channels))


def _whole(value: Any, name: str, low: int) -> int:
    if isinstance(value, bool) or check_number(value, name, low) != int(value):
        raise SchemaError(f"{name}: received {value!r}; {name} must be a whole number >= {low}.")
    return int(value)


def _share(value: Any, name: str) -> float:
    number = check_number(value, name, 0.0)
    if number > 1.0:
        raise SchemaError(f"{name}: received {value!r}; {name} must be >= 0 and <= 1.")
    return number


def _read_channels(channels: Iterable[Any]) -> tuple[list[Any], list[str], list[str]]:
    """Objects, names in the order of CHANNELS, and problems."""
    given = [channels] if isinstance(channels, str) else list(channels)
    names = [thing for thing in given if isinstance(thing, str)]
    objects = [thing for thing in given if not isinstance(thing, str)]
    problems = [
        f"channels: received {name!r}; legal names: {', '.join(map(repr, HEDGES))}."
        for name in dict.fromkeys(names)
        if name not in HEDGES
    ]
    used = {*names, *(_channel_of(thing) for thing in objects)}
    return objects, [name for name in CHANNELS if name in used], problems


def _channel_of(thing: Any) -> str:
    return str(thing.channel)


def _surface_like(book: Any, surface: HedgeSurface) -> HedgeSurface:
    return book
