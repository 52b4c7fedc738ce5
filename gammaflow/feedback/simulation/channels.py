"""Channels through which flows reach the price: their order in arrays, and objects for the optional ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gammaflow.calendars import is_open
from gammaflow.checks import attempt, check_number, refuse
from gammaflow.errors import SchemaError
from gammaflow.feedback.deleveraging.schedule import Schedule
from gammaflow.feedback.deleveraging.share_rule import ShareRule
from gammaflow.feedback.liquidations import Liquidations
from gammaflow.frozen import Frozen

__all__ = [
    "CHANNELS",
    "HEDGES",
    "BasisUnwind",
    "DipBuyers",
    "LeveragedFunds",
    "NewTrades",
    "channel_of",
    "ramp",
]

#: Channels in the order of arrays.
CHANNELS = (
    "deleveraging", "gamma", "vanna", "charm", "knock_in", "liquidations", "basis", "new_trades",
    "leveraged_funds", "dip_buyers", "noise",
)  # fmt: skip

#: Channels of the dealers' hedge, asked for by name.
HEDGES = ("gamma", "vanna", "charm", "knock_in")


def _read(thing: Any, what: str, checks: dict[str, Any]) -> None:
    """Set the checked fields of a frozen object, or refuse them all at once."""
    values, problems = attempt(*checks.values())
    refuse(what, problems)
    for name, value in zip(checks, values, strict=True):
        object.__setattr__(thing, name, value)


def _between(value: Any, name: str, low: float, high: float) -> float:
    number = check_number(value, name, low)
    if number > high:
        raise SchemaError(f"{name}: received {value!r}; {name} must be >= {low:g} and <= {high:g}.")
    return number


def _or_infinite(value: Any, name: str, **options: bool) -> float:
    infinite = isinstance(value, float) and value == np.inf
    return np.inf if infinite else check_number(value, name, 0.0, **options)


def _exchange(calendar: Any) -> None:
    """SchemaError for an unknown calendar; that of New York is known without a look-up, which is slow."""
    if not isinstance(calendar, str):
        raise SchemaError(f"calendar: received {calendar!r:.60}; legal: a name such as 'XNYS'.")
    if calendar != "XNYS":
        is_open(calendar, "2026-01-05T15:00Z")


@dataclass(frozen=True)
class BasisUnwind(Frozen):
    """Unwind of long spot against short futures: spot is sold and futures are bought, evenly over time.

    Parameters
    ----------
    value : float
        Spot sold over the whole unwind [currency, > 0]; below 0 the trade is put on: spot bought.
    start, end : float
        Days from the start of the simulation; without `end`, at once.
    futures_weight : float
        Share of the futures leg that reaches the price, in [0, 1]: at 1 both legs cancel and the outright
        move is zero, at 0 the futures leg moves the basis only.
    basis : float
        Basis at the start, future over spot less one [-].
    per_1pct : float
        Currency of one leg that moves the basis by 0.01 [currency]; infinite: the basis does not move.
    reversion : float
        Rate at which the basis returns to its start [1/day].

    Raises
    ------
    SchemaError
        With every problem of the numbers.

    See Also
    --------
    simulate_feedback : Monte Carlo of price with impact from dealers' hedges and other forced trades.

    Examples
    --------
    >>> import gammaflow as gf
    >>> gf.BasisUnwind(500e6, end=1.0).channel
    'basis'
    """

    value: float
    start: float = 0.0
    end: float | None = None
    futures_weight: float = 0.0
    basis: float = 0.0
    per_1pct: float = np.inf
    reversion: float = 0.0

    channel = "basis"

    def __post_init__(self) -> None:
        depth = self.per_1pct
        _read(
            self,
            "basis unwind",
            {
                "value": lambda: check_number(self.value, "value"),
                "start": lambda: check_number(self.start, "start", 0.0),
                "end": lambda: _not_before(self.end, self.start),
                "futures_weight": lambda: _between(self.futures_weight, "futures_weight", 0.0, 1.0),
                "basis": lambda: check_number(self.basis, "basis", -1.0, open_low=True),
                "per_1pct": lambda: _or_infinite(depth, "per_1pct", open_low=True),
                "reversion": lambda: check_number(self.reversion, "reversion", 0.0),
            },
        )

    @property
    def span(self) -> tuple[float, float]:
        """First and last day of trading."""
        return self.start, self.start if self.end is None else self.end


def channel_of(thing: Any) -> str | None:
    """Channel that an object makes; None for an object of another kind."""
    if isinstance(thing, ShareRule | Schedule):
        return "deleveraging"
    if isinstance(thing, Liquidations):
        return "liquidations"
    own = isinstance(thing, BasisUnwind | DipBuyers | LeveragedFunds | NewTrades)
    return str(thing.channel) if own else None


def ramp(days: Any, start: float, end: float, early: float = 0.0) -> Any:
    """Share traded by each day of a trade spread evenly from `start` to `end`; at once where equal.

    A trade at once counts as traded up to `early` days before.
    """
    t = np.asarray(days, dtype=np.float64)
    if end > start:
        return np.clip((t - start) / (end - start), 0.0, 1.0)
    return (t >= start - early).astype(np.float64)


def _not_before(end: Any, start: Any) -> float:
    """Last day, which is the first one where it is not given."""
    number = check_number(start if end is None else end, "start" if end is None else "end", 0.0)
    if number < check_number(start, "start", 0.0):
        raise SchemaError(f"end: received {end!r}, before start = {start!r}; end must be >= start.")
    return number


@dataclass(frozen=True)
class LeveragedFunds(Frozen):
    """Funds that restore their leverage at each close: they trade L (L - 1) AUM times the day's return.

    Parameters
    ----------
    funds : iterable of (leverage, aum)
        Leverage, such as 2 or -1, and assets under management at the start [currency, >= 0].
    moved : float
        ln return from the last close to the start of the simulation.
    calendar : str
        Exchange whose closes apply, as for `gammaflow.calendars`; a surface without a timestamp closes at
        whole days from its start.

    Raises
    ------
    SchemaError
        With every problem of the numbers.

    See Also
    --------
    simulate_feedback : Monte Carlo of price with impact from dealers' hedges and other forced trades.

    Examples
    --------
    A fall of 13.2 % makes a fund of $4bn at twice the leverage sell $1.06bn:

    >>> import gammaflow as gf
    >>> round(gf.LeveragedFunds([(2.0, 4e9)]).flow(-0.132) / 1e9, 2)
    -1.06
    """

    funds: tuple[tuple[float, float], ...]
    moved: float = 0.0
    calendar: str = "XNYS"

    channel = "leveraged_funds"

    def __post_init__(self) -> None:
        try:
            pairs = [(leverage, aum) for leverage, aum in self.funds]
        except (TypeError, ValueError):
            raise SchemaError(
                f"funds: received {self.funds!r:.60}; legal: pairs (leverage, assets under management), such "
                "as [(2.0, 4e9)]."
            ) from None
        checks = [
            lambda value=value, name=name, low=low: check_number(value, name, low)
            for leverage, aum in pairs
            for value, name, low in ((leverage, "leverage", -np.inf), (aum, "aum", 0.0))
        ]
        values, problems = attempt(
            *checks, lambda: _between(self.moved, "moved", -10.0, 10.0), lambda: _exchange(self.calendar)
        )
        refuse("leveraged funds", problems)
        values.pop()
        object.__setattr__(self, "moved", values.pop())
        object.__setattr__(self, "funds", tuple(zip(values[::2], values[1::2], strict=True)))

    def flow(self, simple_return: float) -> float:
        """Currency that the funds trade at a close after a day's return; > 0 buys."""
        return float(sum(leverage * (leverage - 1.0) * aum * simple_return for leverage, aum in self.funds))


@dataclass(frozen=True)
class DipBuyers(Frozen):
    """Buyers below a reference price, at a rate in proportion to the distance, up to a limit.

    Parameters
    ----------
    per_1pct : float
        Currency bought per day for each 0.01 of ln S below the reference [currency, >= 0].
    reference : float, optional
        Price below which they buy [currency]; default: the spot at the start.
    limit : float
        Currency that they buy at most on a path.

    Raises
    ------
    SchemaError
        With every problem of the numbers.

    See Also
    --------
    simulate_feedback : Monte Carlo of price with impact from dealers' hedges and other forced trades.

    Examples
    --------
    >>> import gammaflow as gf
    >>> gf.DipBuyers(50e6, limit=1e9).channel
    'dip_buyers'
    """

    per_1pct: float
    reference: float | None = None
    limit: float = np.inf

    channel = "dip_buyers"

    def __post_init__(self) -> None:
        at, most = self.reference, self.limit
        _read(
            self,
            "dip buyers",
            {
                "per_1pct": lambda: check_number(self.per_1pct, "per_1pct", 0.0),
                "reference": lambda: (
                    None if at is None else check_number(at, "reference", 0.0, open_low=True)
                ),
                "limit": lambda: _or_infinite(most, "limit"),
            },
        )


@dataclass(frozen=True)
class NewTrades(Frozen):
    """Positions that dealers take on during the simulation, evenly over time.

    Their first hedge goes to the channel new_trades; later changes of their delta go to gamma, vanna and
    charm, and trades at their barriers to knock_in.

    Parameters
    ----------
    book : Book or HedgeSurface
        The new positions, signed for dealers as in any book.
    start, end : float
        Days from the start of the simulation over which they are traded; without `end`, at once.

    Raises
    ------
    SchemaError
        For illegal days.

    See Also
    --------
    estimate_open_interest
    customer_flow

    Examples
    --------
    Dealers go short gamma of another $50m per 1 % at noon; their first hedge is the delta of that book:

    >>> import gammaflow as gf
    >>> surface = gf.constant_gamma_surface(-50e6, 70_000.0)
    >>> paths = gf.simulate_feedback(
    ...     surface, impact=gf.impact.linear(1e9, source="an example"), paths=2, steps=10, volatility=0.0,
    ...     channels=[gf.NewTrades(surface, start=0.5)],
    ... )  # fmt: skip
    >>> round(surface.delta()), paths.raw.units[:, 7].round().tolist()
    (71429, [-71429.0, -71429.0])
    """

    book: Any
    start: float = 0.0
    end: float | None = None

    channel = "new_trades"

    def __post_init__(self) -> None:
        _read(
            self,
            "new trades",
            {
                "start": lambda: check_number(self.start, "start", 0.0),
                "end": lambda: _not_before(self.end, self.start),
            },
        )

    @property
    def span(self) -> tuple[float, float]:
        """First and last day of trading."""
        return self.start, self.start if self.end is None else self.end
