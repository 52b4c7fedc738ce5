"""simulate_feedback: Monte Carlo of price with impact from dealers' hedges and other forced trades."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from gammaflow.calendars import DAYS_PER_YEAR
from gammaflow.checks import attempt, check_choice, check_noun, check_number, check_whole, read_only, refuse
from gammaflow.errors import MismatchError, SchemaError
from gammaflow.feedback.impact.curve import Impact
from gammaflow.feedback.simulation.channels import CHANNELS, HEDGES, NewTrades
from gammaflow.feedback.simulation.given import read_channels
from gammaflow.feedback.simulation.paths import FeedbackPaths
from gammaflow.feedback.simulation.run import run
from gammaflow.feedback.simulation.setup import Setup
from gammaflow.feedback.surface.grid import hedge_surface
from gammaflow.feedback.surface.surface import HedgeSurface
from gammaflow.frozen import FrozenMapping
from gammaflow.kernels.feedback_state import FRAMES, MARKS
from gammaflow.positions.book import Book
from gammaflow.positions.venues import Venue

__all__ = ["simulate_feedback"]

_MODES = ("explicit", "implicit")
# Steps whose times alone fill about 1 GB.
# Counts that a kernel takes as a whole number of 32 bits.
_MOST = 2**31 - 1
_MOST_STEPS = 10_000_000
# Memory of results, which a run holds twice for a moment, and their columns besides frames, days and paths.
_MOST_BYTES, _COLUMNS = 1e9, FRAMES + MARKS
# Standard deviations of a wandering vol that the surface covers.
_WIDE = 4.0
# ln(strike / forward) up to which an option counts as at the money.
_NEAR = 0.05
# Tolerance at which nodes stay where they are: those of new trades must be those of the book.
_NO_FINER = 1.0


def simulate_feedback(
    book: Book | HedgeSurface,
    *,
    impact: Impact | None = None,
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
    """Monte Carlo of price with impact from dealers' hedges and other forced trades.

    In each step dealers trade the change of their delta over the step before, the other channels trade, the
    net flow moves ln S through the impact, and noise is added. The change of delta is split into gamma, vanna
    and charm by Shapley's rule over the eight corners of the step's move in spot, vol and time. The three add
    up to it exactly, so every move of the price is attributed to the channels whose flows cause it.

    Parameters
    ----------
    book : Book or HedgeSurface
        Signed positions, or their delta over time, spot and vol as `hedge_surface` gives it.
    impact : Impact
        Move of ln S that a flow makes; it has no default. It holds for the net flow Q since the start: a step
        with flow F moves ln S by impact(Q + F) - impact(Q), so that a concave law does not depend on the
        number of steps. Its permanent share stays; the rest decays by channel with its half-life.
    channels : iterable of str and objects
        Hedging channels by name: "gamma", "vanna", "charm", "knock_in"; those not named are not traded. Other
        channels as objects: rules and schedules of `gammaflow.deleveraging`, pools of
        `gammaflow.liquidations`, `BasisUnwind`, `NewTrades`, `LeveragedFunds` and `DipBuyers`. A single one
        needs no list.
    paths, steps : int
        Number of paths, and of steps of equal length; results over 1 GB are refused.
    days : float
        Calendar days simulated, > 0.
    seed : int
        Seed of the random numbers; those of a path do not depend on the channels, the number of paths or the
        number of threads.
    volatility : float, optional
        Yearly volatility of the noise [1.00 of vol], >= 0; 0 is a deterministic run. Default: that of the
        book's options at the money, which the result then states.
    beta : float
        d sigma / d ln S: -3 raises every vol by 3 points per 1 % fall.
    vol_of_vol : float
        Yearly volatility of a random vol shift on top of `beta` [1.00 of vol], >= 0.
    vol_reversion : float
        Rate at which the vol shift returns to zero [1/day], >= 0.
    lowest_volatility : float
        Floor below which no shift takes the vol [1.00 of vol].
    hedge_fraction : float
        Share of the theoretical hedge that dealers trade, 0 to 1.
    hedge_every : int
        Steps from one hedge to the next.
    hedge_band : float
        Unhedged change of delta up to which dealers do not trade [units of the underlying].
    hedge_rate : float, optional
        Rate at which the unhedged change of delta is traded [1/day]; default: all at once.
    mode : "explicit" or "implicit"
        Hedge the move of the step before, or solve hedges and move of one step together. The implicit
        mode is for hedges that are traded at once, without band; knock-ins and the other channels stay a
        step behind.
    shock : float, optional
        Exogenous flow [currency, < 0 sells], booked in the channel deleveraging.
    shock_days : float
        Days over which the shock is spread evenly; 0: in the first step.
    liquidation_steps : int
        Steps over which a liquidation is executed.
    depth_withdrawal : float
        Impact is multiplied by 1 + depth_withdrawal max(0, z - 1), where z is the size of the move of the
        step before in standard deviations of the noise; >= 0.
    venues : mapping of str to Venue, optional
        Trading hours by the names in the book's column `venue`, such as `gf.venues.VENUES`; dealers hedge
        where they are open. Default: always open.
    keep_paths : bool
        Whether to keep every step of every path: memory then grows with steps.
    frames : int
        Number of times at which the fan of paths is kept.

    Returns
    -------
    FeedbackPaths

    Raises
    ------
    SchemaError
        With every problem of the arguments.
    MismatchError
        For a surface or pools that do not fit the simulation.
    ConvergenceError
        In the implicit mode, where the loop gain reaches 1 and the move is not unique.

    See Also
    --------
    solve_cascade
    FeedbackPaths : Simulated prices under feedback, with an exact attribution of every move to channels.

    Notes
    -----
    A square-root law applied to each step alone would depend on the number of steps, and is not offered.
    Leveraged funds trade in the step that ends at or after the close of their exchange, or, without a book,
    at whole days. A continuously observed barrier is observed at every step. Beyond the spots of the surface
    dealers' delta is constant, and the path counts as runaway.

    Examples
    --------
    Constant short gamma with a loop gain of 0.5: volatility doubles.

    >>> import gammaflow as gf
    >>> surface = gf.constant_gamma_surface(-147e6, 70_000.0)
    >>> depth = gf.impact.linear(294e6, source="an example")
    >>> paths = gf.simulate_feedback(surface, impact=depth, paths=4_000, steps=100, volatility=0.56, seed=3)
    >>> print(f"{paths.table['log_return'].std() / (0.56 / 365**0.5):.1f}")
    2.0
    """
    check_noun(book, "book", Book, HedgeSurface)
    law = _read_impact(impact)
    whole = {
        "paths": (paths, 1, _MOST), "steps": (steps, 1, _MOST_STEPS), "seed": (seed, 0),
        "hedge_every": (hedge_every, 1, _MOST), "liquidation_steps": (liquidation_steps, 1, _MOST),
        "frames": (frames, 2, _MOST),
    }  # fmt: skip
    numbers = {
        "beta": (beta, -np.inf), "vol_of_vol": (vol_of_vol, 0.0), "vol_reversion": (vol_reversion, 0.0),
        "lowest_volatility": (lowest_volatility, 0.0), "hedge_fraction": (hedge_fraction, 0.0, 1.0),
        "hedge_band": (hedge_band, 0.0), "shock": (0.0 if shock is None else shock, -np.inf),
        "shock_days": (shock_days, 0.0), "depth_withdrawal": (depth_withdrawal, 0.0),
    }  # fmt: skip
    optional = {"volatility": (volatility, False), "hedge_rate": (hedge_rate, True)}
    checks: dict[str, Callable[[], Any]] = {
        **{name: partial(check_whole, value, name, *ends) for name, (value, *ends) in whole.items()},
        **{name: partial(check_number, value, name, *ends) for name, (value, *ends) in numbers.items()},
        **{name: partial(_maybe, value, name, above) for name, (value, above) in optional.items()},
        "days": lambda: check_number(days, "days", 0.0, open_low=True),
        "mode": lambda: check_choice(mode if isinstance(mode, str) else repr(mode), "mode", _MODES),
        "keep_paths": lambda: _truth(keep_paths, "keep_paths"),
        "venues": lambda: _check_venues(venues),
    }
    values, problems = attempt(*checks.values())
    given = dict(zip(checks, values, strict=True))
    objects, names, found = read_channels(channels)
    problems += found + _together(given)
    refuse("simulation", problems)
    if given["shock"]:
        names = tuple(name for name in CHANNELS if name in (*names, "deleveraging"))
    surface = _surface(book, given)
    new = tuple(_new_trades(thing, surface) for thing in objects if isinstance(thing, NewTrades))
    vol, notes = _volatility(surface.book, given)
    setup = Setup(
        surface=surface, impact=law, channels=names, volatility=vol, run=run, notes=notes,
        **{name: given[name] for name in ("paths", "steps", "days", "seed", "beta", "hedge_fraction")},
        options=FrozenMapping({**given, "objects": objects, "new_trades": new, "base_vol": vol}),
    )  # fmt: skip
    return FeedbackPaths(setup, run(setup, names))


def _read_impact(impact: Any) -> Impact:
    if isinstance(impact, Impact):
        return impact
    raise SchemaError(
        f"impact: received {type(impact).__name__}; legal: an impact such as gf.impact.linear(294e6, "
        "source=...). It has no default: estimates differ by a factor of 7 to 15."
    )


def _truth(value: Any, name: str) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise SchemaError(f"{name}: received {value!r:.60}; legal: True or False.")
    return bool(value)


def _maybe(value: Any, name: str, above: bool) -> float | None:
    return None if value is None else check_number(value, name, 0.0, open_low=above)


def _check_venues(venues: Any) -> Mapping[str, Venue] | None:
    if venues is None or (isinstance(venues, Mapping) and all(isinstance(v, Venue) for v in venues.values())):
        return None if venues is None else FrozenMapping(venues)
    raise SchemaError(
        f"venues: received {type(venues).__name__}; legal: a mapping of names to Venue, such as "
        "gf.venues.VENUES, or None."
    )


def _together(given: Mapping[str, Any]) -> list[str]:
    """Problems of arguments that are legal alone."""
    problems = []
    sizes = [given[name] for name in ("paths", "steps", "frames", "days")]
    if None not in sizes:
        paths, steps, frames, days = sizes
        columns = min(frames, steps + 1) + days + (steps + 1 if given["keep_paths"] else 0) + _COLUMNS
        asked = 8.0 * paths * columns
        if asked > _MOST_BYTES:
            problems.append(
                f"paths: received {paths:,} with {steps:,} steps, frames={frames:,} and keep_paths="
                f"{given['keep_paths']}: results of {asked / 1e9:,.3g} GB; legal: up to "
                f"{_MOST_BYTES / 1e9:g} GB. Simulate fewer paths or steps"
                + (", or keep_paths=False; `fan` has quantiles over time." if given["keep_paths"] else ".")
            )
    if given["mode"] == "implicit" and given["hedge_band"]:
        problems.append("hedge_band: received with mode='implicit', which has no band; use mode='explicit'.")
    if given["depth_withdrawal"] and given["volatility"] == 0.0:
        problems.append(
            "depth_withdrawal: received with volatility 0, so that no move is large; pass a volatility."
        )
    if given["shock_days"] and given["days"] and given["shock_days"] > given["days"]:
        problems.append(
            f"shock_days: received {given['shock_days']:g}, more than days = {given['days']:g}; the rest of "
            "the shock would be lost. Simulate as many days."
        )
    return problems


def _surface(book: Book | HedgeSurface, given: Mapping[str, Any]) -> HedgeSurface:
    if isinstance(book, Book):
        beta, wander = given["beta"], given["vol_of_vol"]
        if not wander:
            return hedge_surface(book, days=given["days"], beta=beta)
        spread = _WIDE * wander * float(np.sqrt(given["days"] / DAYS_PER_YEAR))
        low, high = sorted((beta * np.log(0.6), beta * np.log(1.5)))
        return hedge_surface(book, days=given["days"], vol_range=(float(low) - spread, float(high) + spread))
    problems = []
    if book.days[-1] < given["days"] * (1.0 - 1e-9):
        problems.append(
            f"days: received {given['days']:g}, and a surface of {book.days[-1]:g} days. Make the surface "
            "with as many days."
        )
    if given["mode"] == "implicit" and book.expiring == "delivered" and len(book.drops):
        problems.append(
            "mode: received 'implicit' and a surface whose expiring hedges are delivered. Use 'explicit', or "
            "expiring='unwound'."
        )
    if problems:
        raise MismatchError(" ".join(problems))
    return book


def _new_trades(trades: NewTrades, surface: HedgeSurface) -> tuple[HedgeSurface, float, float]:
    """Surface of new trades on the grid of another one, and the first and last day of trading."""
    book = trades.book
    if isinstance(book, Book):
        x, shifts = surface.x, surface.vol_shifts
        step = float(x[-1] - x[0]) / (len(x) - 1)
        ends = surface.spot * np.exp([x[0] + 0.25 * step, x[-1] - 0.25 * step])
        width = float(shifts[-1] - shifts[0]) / max(len(shifts) - 1, 1)
        inside = (float(shifts[0] + 0.25 * width), float(shifts[-1] - 0.25 * width))
        vol: dict[str, Any] = {"vol_range": inside, "vol_step": width} if width else {}
        book = hedge_surface(
            book, days=float(surface.days[-1]), low=float(ends[0]), high=float(ends[1]), step=step,
            expiring=surface.expiring, tol=_NO_FINER, **vol,
        )  # fmt: skip
        book = _down_to(book, shifts)
    return book, *trades.span


def _down_to(surface: HedgeSurface, shifts: Any) -> HedgeSurface:
    """A surface with the same shifts as another whose vols may fall farther: delta stays as at its lowest."""
    more = len(shifts) - len(surface.vol_shifts)
    if more <= 0:
        return surface
    ends = np.repeat(surface.units[..., :1], more, axis=-1)
    return replace(
        surface, vol_shifts=shifts, units=read_only(np.concatenate([ends, surface.units], axis=-1))
    )


def _volatility(book: Book | None, given: Mapping[str, Any]) -> tuple[float, tuple[str, ...]]:
    """Volatility of the noise, and a note on its origin."""
    if given["volatility"] is not None:
        return given["volatility"], ()
    found = None if book is None else _at_the_money(book, given["days"])
    if found is None:
        raise SchemaError(
            "volatility: received none, and the book has no options at the money. Pass the yearly volatility "
            "of the noise, such as 0.56."
        )
    vol, expiry = found
    return vol, (f"volatility of the noise: that of the book's options at the money of {expiry}",)


def _at_the_money(book: Book, days: float) -> tuple[float, str] | None:
    """Mean implied vol of the strike next to the forward in the first expiry after `days`, and its date."""
    kinds = np.isin(book["kind"].astype(str), ["call", "put"])
    away = np.abs(np.log(np.where(kinds, book["strike"], np.nan) / (book.spot * _ratio(book))))
    legal = kinds & (book.years > 0.0) & np.isfinite(book["sigma"]) & (book["sigma"] > 0.0) & (away < _NEAR)
    if not legal.any():
        return None
    years = book.years[legal]
    later = years[years * DAYS_PER_YEAR >= days]
    first = later.min() if len(later) else years.max()
    rows = np.flatnonzero(legal & (book.years == first))
    rows = rows[away[rows] == away[rows].min()]
    return float(book["sigma"][rows].mean()), str(book["expiry"][rows[0]])[:10]


def _ratio(book: Book) -> Any:
    """Forward over spot by row; 1 where a row has no forward."""
    return np.where(np.isfinite(book["forward_ratio"]), book["forward_ratio"], 1.0)
