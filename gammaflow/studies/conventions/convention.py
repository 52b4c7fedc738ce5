"""Convention: every choice behind a published gamma number, and the values each choice may take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from gammaflow.checks import attempt, check_choice, check_number, refuse
from gammaflow.errors import SchemaError
from gammaflow.exposure.walls import SENSES
from gammaflow.positions.rules import CALLS_LONG_PUTS_SHORT, RULES, PositionRule, find_rule
from gammaflow.studies.treatments import DAY_COUNTS
from gammaflow.units import CONVERSIONS

__all__ = ["CANDIDATES", "CHOICES", "SCALES", "Convention"]

_UNITS = ("per_1pct", *(name for name in CONVERSIONS if name != "contracts"))
_WINDOWS = ("all", "0dte", "next", "without_next")
_VOLS = ("vendor", "repaired", "repaired_legs_apart", "mid", "vendor_gamma")
_RATES = ("chain", "parity", "spot")
_FLIPS = ("repriced", "by_strike", "cumulative")

#: Choices that only rescale gamma: a walk changes them first, so that what follows is in one unit.
SCALES = ("unit", "multiplier")

#: Every choice, in the order in which a walk changes them, in words.
CHOICES: Mapping[str, str] = MappingProxyType(
    {
        "unit": "unit of gamma",
        "multiplier": "units of the underlying per contract",
        "rule": "sign of dealers' positions",
        "window": "expiries that count",
        "min_open_interest": "least open interest of a contract",
        "moneyness": "range of strike over spot",
        "delta": "range of the absolute delta",
        "otm_only": "out-of-the-money contracts only",
        "iv": "source of implied vols, or of gamma",
        "rates": "forwards, rates and yields",
        "day_count": "time to expiry",
        "exercise": "exercise style",
        "wall": "meaning of a wall",
        "flip": "meaning of the flip",
    }
)

#: Values that a search tries for each choice; a finite list, which the result states.
CANDIDATES: Mapping[str, tuple[Any, ...]] = MappingProxyType(
    {
        "unit": _UNITS,
        "multiplier": ("counted", "forgotten"),
        "rule": tuple(RULES.values()),
        "window": (*_WINDOWS, 7.0, 30.0, 45.0, 60.0, 90.0),
        "min_open_interest": (0.0, 10.0, 50.0, 100.0, 500.0, 1_000.0),
        "moneyness": (None, (0.95, 1.05), (0.9, 1.1), (0.85, 1.15), (0.8, 1.2), (0.75, 1.25), (0.7, 1.3)),
        "delta": (None, (0.01, 0.99), (0.05, 0.95), (0.1, 0.9), (0.05, 0.5), (0.1, 0.5), (0.25, 0.75)),
        "otm_only": (False, True),
        "iv": _VOLS,
        "rates": _RATES,
        "day_count": tuple(DAY_COUNTS),
        "exercise": ("listed", "european"),
        "wall": tuple(SENSES),
        "flip": _FLIPS,
    }
)


@dataclass(frozen=True)
class Convention:
    """Every choice behind a gamma number: sign, unit, contracts that count, valuation, levels.

    Parameters
    ----------
    rule : str or Rule
        Sign of dealers' positions, as in `assign_positions`; it signs the whole chain before any filter.
    unit : str or float
        "per_1pct" (n M gamma S^2 0.01), "per_point" (n M gamma S), "per_100pct" (n M gamma S^2), "shares"
        (n M gamma S 0.01: units of the underlying per +1 %), "shares_per_point" (n M gamma), or the size of a
        futures contract [units of the underlying]: contracts per +1 %.
    multiplier : "counted" or "forgotten"
        Whether M counts; "forgotten" takes 1.
    window : str or float
        "all"; "0dte", the calendar day of `asof` at the venue; "next", the first day with an unexpired row;
        "without_next", all later days; or a number of days: expiries at most so far ahead.
    min_open_interest : float
        Contracts with less open interest are excluded [contracts].
    moneyness : (low, high), optional
        Range of strike / spot, ends included; others are excluded.
    delta : (low, high), optional
        Range of the absolute delta at the chain's own vols, rates and times, ends included; others, and
        contracts whose delta is unknown, are excluded.
    otm_only : bool
        Only calls with strike >= spot and puts with strike <= spot.
    iv : str
        "vendor", the chain's; "repaired", "repaired_legs_apart" and "mid", those of `repair_chain`, with
        ``out_of_the_money=False`` and with ``prefer="mid"``; "vendor_gamma", the vendor's gamma in place of a
        formula (flips are still repriced, with the vendor's vols).
    rates : str or float
        "chain", the chain's forwards, rates and yields; "parity", those of `repair_chain`; "spot", none of
        them (r = q = 0); or a rate [1/year], without forward and yield.
    day_count : str
        "exact", to the second over 365 days; "business_252" and "business_262", weekdays between the dates
        over 252 or 262; "whole_days", calendar days between the dates over 365; "midnight", 00:00 UTC of the
        expiry's date. The counts of days take at least one, and keep what expired earlier the same day.
    exercise : "listed" or "european"
        Whether American contracts are valued as such.
    wall : str
        A sense of `Levels.walls`: "by type", "above and below", "net", "open interest" ...
    flip : str
        "repriced", the zero of gamma revalued at other spots that is nearest to spot; "by_strike", the
        nearest sign change of gamma by strike, and "cumulative", that of its sum from the lowest strike up,
        both interpolated between strikes.
    name, source : str
        Name of a preset, and where its convention is described; they do not count in comparisons.

    Raises
    ------
    SchemaError
        With every illegal choice in one message.

    See Also
    --------
    reconcile : The choices that explain the gap between two tools' gamma numbers for one chain.

    Examples
    --------
    >>> import gammaflow as gf
    >>> convention = gf.Convention(rule="short_all", unit="per_point", window=7)
    >>> print(convention)
    unit per_point, rule short_all, window 7 days; otherwise the defaults
    >>> print(gf.Convention())
    the defaults
    """

    rule: Any = CALLS_LONG_PUTS_SHORT
    unit: str | float = "per_1pct"
    multiplier: str = "counted"
    window: str | float = "all"
    min_open_interest: float = 0.0
    moneyness: tuple[float, float] | None = None
    delta: tuple[float, float] | None = None
    otm_only: bool = False
    iv: str = "vendor"
    rates: str | float = "chain"
    day_count: str = "exact"
    exercise: str = "listed"
    wall: str = "by type"
    flip: str = "repriced"
    name: str = field(default="", compare=False)
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        checks = {
            "rule": lambda: find_rule(self.rule),
            "unit": lambda: _named(self.unit, "unit", _UNITS, "the size of a futures contract, > 0"),
            "multiplier": lambda: check_choice(self.multiplier, "multiplier", CANDIDATES["multiplier"]),
            "window": lambda: _named(self.window, "window", _WINDOWS, "a number of days > 0"),
            "min_open_interest": lambda: check_number(self.min_open_interest, "min_open_interest", 0.0),
            "moneyness": lambda: _range(self.moneyness, "moneyness"),
            "delta": lambda: _range(self.delta, "delta"),
            "otm_only": lambda: check_choice(self.otm_only, "otm_only", (False, True)),
            "iv": lambda: check_choice(self.iv, "iv", _VOLS),
            "rates": lambda: _named(self.rates, "rates", _RATES, "a rate [1/year]", positive=False),
            "day_count": lambda: check_choice(self.day_count, "day_count", DAY_COUNTS),
            "exercise": lambda: check_choice(self.exercise, "exercise", CANDIDATES["exercise"]),
            "wall": lambda: check_choice(self.wall, "wall", SENSES),
            "flip": lambda: check_choice(self.flip, "flip", _FLIPS),
        }
        values, problems = attempt(*checks.values())
        refuse("convention", problems)
        for choice, value in zip(checks, values, strict=True):
            object.__setattr__(self, choice, value)

    def changes(self, other: Convention) -> tuple[str, ...]:
        """Names of the choices in which another convention differs, in the order of `CHOICES`.

        Examples
        --------
        >>> Convention().changes(Convention(iv="mid", unit="shares"))
        ('unit', 'iv')
        """
        return tuple(name for name in CHOICES if not _same(getattr(self, name), getattr(other, name)))

    def changed(self, choices: Mapping[str, Any]) -> Convention:
        """The convention without its name, with choices as other conventions hold them: not checked again.

        Examples
        --------
        >>> print(Convention(name="ours").changed({"iv": Convention(iv="mid").iv}))
        iv mid; otherwise the defaults
        """
        made = object.__new__(Convention)
        made.__dict__.update(self.__dict__, name="", source="")
        made.__dict__.update(choices)
        return made

    def words(self, choice: str) -> str:
        """The value of a choice, as text.

        Examples
        --------
        >>> Convention(window=7, moneyness=(0.8, 1.2)).words("window")
        '7 days'
        """
        value = getattr(self, choice)
        if choice == "rule":
            return str(value.name)
        if isinstance(value, tuple):
            return f"{value[0]:g} to {value[1]:g}"
        if value is None:
            return "any"
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, float):
            form = {"unit": "contracts of {:g}", "window": "{:g} days", "rates": "{:.4g} on spot"}
            return form.get(choice, "{:g}").format(value)
        return str(value)

    def __str__(self) -> str:
        words = ", ".join(f"{choice} {self.words(choice)}" for choice in Convention().changes(self))
        return f"{words}; otherwise the defaults" if words else "the defaults"


def _same(x: Any, y: Any) -> bool:
    """Whether two values of a choice are equal; rules of other classes only if they are one object."""
    return x is y or (isinstance(x, PositionRule | str | float | tuple) and bool(x == y))


def _named(value: Any, name: str, legal: tuple[str, ...], number: str, *, positive: bool = True) -> Any:
    """One of some names, or a number."""
    if isinstance(value, str | bool) or value is None:
        if value in legal:
            return value
        raise SchemaError(f"{name}: received {value!r}; legal: {', '.join(map(repr, legal))}, or {number}.")
    return check_number(value, name, 0.0 if positive else float("-inf"), open_low=positive)


def _range(value: Any, name: str) -> tuple[float, float] | None:
    """Two ascending numbers >= 0, or None."""
    if value is None:
        return None
    try:
        low, high = (float(end) for end in value)
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if not 0.0 <= low <= high:
        raise SchemaError(f"{name}: received {value!r}; legal: None or (low, high) with 0 <= low <= high.")
    return low, high
