"""Rules by which a fund sells: a fixed cut, a volatility target, a value-at-risk limit, drawdown steps.

Every rule holds the fund's assets in currency at the start. What it sells is a share of them, valued at the
price when it is sold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from statistics import NormalDist
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gammaflow.calendars import DAYS_PER_YEAR
from gammaflow.checks import attempt, check_number, read_number, refuse
from gammaflow.errors import SchemaError
from gammaflow.feedback.deleveraging.share_rule import ShareRule
from gammaflow.kernels.deleveraging import WIDTH
from gammaflow.text import number_text, rows_text, value_text

__all__ = ["Drawdown", "FixedCut", "VarLimit", "VolatilityTarget"]

Array = NDArray[np.float64]

_MOST_STEPS = (WIDTH - 1) // 2


def _between(value: Any, name: str, high: float) -> float:
    number = check_number(value, name, 0.0)
    if number > high:
        raise SchemaError(f"{name}: received {value!r}; {name} must be >= 0 and <= {high:g}.")
    return number


def _padded(*parameters: float, rebuy: bool = False) -> tuple[float, ...]:
    return (*parameters, *[0.0] * (WIDTH - 1 - len(parameters)), float(rebuy))


@dataclass(frozen=True, repr=False)
class FixedCut(ShareRule):
    """Rule that sells a share of the holdings evenly between two days.

    Attributes
    ----------
    holdings : float
        Assets at the start [currency], >= 0.
    cut : float
        Share of them that is sold, 0 to 1.
    start, end : float
        Calendar days from which and until which it is sold; at once where they are equal.

    See Also
    --------
    Schedule : Sales that are known in advance: currency traded on given days.
    deleveraging_table

    Examples
    --------
    A third of 56.21bn is held by institutions, half of that by hedge funds, which cut a quarter in a day:

    >>> import gammaflow as gf
    >>> sleeve = 56.21e9 * (1 / 3) * (1 / 2)
    >>> rule = gf.deleveraging.FixedCut(sleeve, cut=0.25)
    >>> rule
    FixedCut: holdings 9.36833bn; sells 25 % evenly from day 0 to 1; flow < 0 sells
    >>> (rule.flow(days=[0.25, 0.5, 1.0]) / 1e9).round(2).tolist(), round(rule.flow() / 1e9, 2)
    ([-0.59, -0.59, -1.17], -2.34)
    """

    holdings: float
    cut: float
    start: float = 0.0
    end: float = 1.0

    name: ClassVar[str] = "fixed_cut"

    def __post_init__(self) -> None:
        values, problems = attempt(
            lambda: check_number(self.holdings, "holdings", 0.0),
            lambda: _between(self.cut, "cut", 1.0),
            lambda: check_number(self.start, "start", 0.0),
            lambda: check_number(self.end, "end", 0.0),
        )
        if None not in values and values[3] < values[2]:
            problems.append(f"end: received {self.end!r}; end must be >= start = {self.start!r}.")
        refuse(self.name, problems)

    @property
    def parameters(self) -> tuple[float, ...]:
        """Cut, start, end."""
        return _padded(self.cut, self.start, self.end)

    @property
    def words(self) -> str:
        """The rule in words."""
        when = (
            f"evenly from day {self.start:g} to {self.end:g}"
            if self.end > self.start
            else f"at once on day {self.end:g}"
        )
        return f"sells {100.0 * self.cut:.4g} % {when}"


@dataclass(frozen=True, repr=False)
class VolatilityTarget(ShareRule):
    """Rule that keeps holdings times volatility below a target: flow = -holdings (1 - target / volatility).

    Attributes
    ----------
    holdings : float
        Assets at the start [currency], >= 0.
    volatility : float
        Volatility of today [1.00 a year], > 0.
    target : float
        Volatility up to which the holdings of today are kept, > 0; default: `volatility`, so that any rise
        makes the fund sell. Below `volatility`, the fund sells down to it at the first step.
    rebuy : bool
        Whether the fund buys back, up to its holdings of today, when volatility falls.

    See Also
    --------
    VarLimit
    deleveraging_table

    Examples
    --------
    >>> import gammaflow as gf
    >>> rule = gf.deleveraging.VolatilityTarget(1e9, volatility=0.56)
    >>> round(rule.flow(volatility=0.98) / 1e6, 1)
    -428.6
    """

    holdings: float
    _: KW_ONLY
    volatility: float
    target: float | None = None
    rebuy: bool = False

    name: ClassVar[str] = "volatility_target"
    needs_volatility: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checks = [
            lambda: check_number(self.holdings, "holdings", 0.0),
            lambda: check_number(self.volatility, "volatility", 0.0, open_low=True),
        ]
        if self.target is not None:
            checks.append(lambda: check_number(self.target, "target", 0.0, open_low=True))
        refuse(self.name, [*attempt(*checks)[1], *_rebuy_problems(self.rebuy)])

    @property
    def _kept(self) -> float:
        return self.volatility if self.target is None else self.target

    @property
    def parameters(self) -> tuple[float, ...]:
        """Volatility up to which nothing is sold."""
        return _padded(self._kept, rebuy=self.rebuy)

    @property
    def words(self) -> str:
        """The rule in words."""
        return f"sells above a volatility of {100.0 * self._kept:.4g} %{_back(self.rebuy)}"


def _rebuy_problems(rebuy: Any) -> list[str]:
    legal = isinstance(rebuy, bool | np.bool_)
    return [] if legal else [f"rebuy: received {value_text(rebuy)}; rebuy must be True or False."]


def _back(rebuy: bool) -> str:
    return ", buys back below it" if rebuy else ", does not buy back"


@dataclass(frozen=True, repr=False)
class VarLimit(ShareRule):
    """Rule that keeps value at risk below a limit: flow = -holdings max(0, 1 - limit / value at risk).

    Value at risk is normal: quantile times volatility times the square root of the horizon (in years of 365
    days) times what is held, at its price then; a fall in price lowers it.

    Attributes
    ----------
    holdings : float
        Assets at the start [currency], >= 0.
    limit : float
        Largest value at risk [currency], > 0.
    confidence : float
        Probability that the loss is smaller, above 0.5 and below 1.
    horizon_days : float
        Calendar days over which the loss is counted, > 0.
    rebuy : bool
        Whether the fund buys back, up to its holdings at the start, when risk falls.

    See Also
    --------
    VolatilityTarget
    deleveraging_table

    Examples
    --------
    1bn at a volatility of 56 % can lose 68.2m in a day with a probability of 1 %:

    >>> import gammaflow as gf
    >>> rule = gf.deleveraging.VarLimit(1e9, limit=68.2e6)
    >>> round(rule.value_at_risk(0.56) / 1e6, 1), round(rule.flow(volatility=0.98) / 1e6, 1)
    (68.2, -428.5)
    """

    holdings: float
    limit: float
    _: KW_ONLY
    confidence: float = 0.99
    horizon_days: float = 1.0
    rebuy: bool = False

    name: ClassVar[str] = "var_limit"
    needs_volatility: ClassVar[bool] = True

    def __post_init__(self) -> None:
        values, problems = attempt(
            lambda: check_number(self.holdings, "holdings", 0.0),
            lambda: check_number(self.limit, "limit", 0.0, open_low=True),
            lambda: check_number(self.horizon_days, "horizon_days", 0.0, open_low=True),
            lambda: check_number(self.confidence, "confidence", 0.5, open_low=True),
        )
        problems += _rebuy_problems(self.rebuy)
        if values[3] is not None and values[3] >= 1.0:
            problems.append(f"confidence: received {self.confidence!r}; confidence must be > 0.5 and < 1.")
        refuse(self.name, problems)

    @property
    def _unit(self) -> float:
        """Value at risk of 1 of currency at a volatility of 1."""
        return NormalDist().inv_cdf(self.confidence) * math.sqrt(self.horizon_days / DAYS_PER_YEAR)

    def value_at_risk(self, volatility: float) -> float:
        """Value at risk of the holdings at the start [currency] at a volatility [1.00 a year]."""
        return self.holdings * self._unit * check_number(volatility, "volatility", 0.0)

    @property
    def parameters(self) -> tuple[float, ...]:
        """Volatility at which the holdings at the start reach the limit."""
        risk = self.holdings * self._unit
        return _padded(self.limit / risk if risk > 0.0 else math.inf, rebuy=self.rebuy)

    @property
    def words(self) -> str:
        """The rule in words."""
        return (
            f"sells above a value at risk of {number_text(self.limit)} ({100.0 * self.confidence:g} %, "
            f"{rows_text(1, 'day') if self.horizon_days == 1.0 else f'{self.horizon_days:g} days'})"
            f"{_back(self.rebuy)}"
        )


@dataclass(frozen=True, repr=False)
class Drawdown(ShareRule):
    """Rule that sells in steps as price falls below its level at the start; each step fires once.

    Attributes
    ----------
    holdings : float
        Assets at the start [currency], >= 0.
    steps : sequence of (drawdown, cut)
        Falls from the price at the start, ascending in (0, 1), and the share of the holdings at the start
        sold in all once it has been reached, ascending in [0, 1]; three steps at most.

    See Also
    --------
    FixedCut : Rule that sells a share of the holdings evenly between two days.
    VarLimit
    deleveraging_table

    Examples
    --------
    A quarter at -5 %, another quarter at -10 %; a rebound in between brings nothing back:

    >>> import gammaflow as gf
    >>> rule = gf.deleveraging.Drawdown(1e9, steps=((0.05, 0.25), (0.10, 0.5)))
    >>> (rule.flow(drawdown=[0.04, 0.05, 0.02, 0.1]) / 1e6).tolist()
    [0.0, -237.5, 0.0, -225.0]
    """

    holdings: float
    steps: Sequence[tuple[float, float]] = ((0.05, 0.25), (0.10, 0.5))

    name: ClassVar[str] = "drawdown"

    def __post_init__(self) -> None:
        _, problems = attempt(lambda: check_number(self.holdings, "holdings", 0.0))
        table = read_number("steps", self.steps, problems)
        if table is not None:
            problems += self._wrong(table)
        refuse(self.name, problems)
        object.__setattr__(self, "steps", tuple((float(a), float(b)) for a, b in self.steps))

    @staticmethod
    def _wrong(table: Array) -> list[str]:
        if table.ndim != 2 or table.shape[1] != 2 or not 1 <= len(table) <= _MOST_STEPS:
            return [
                f"steps: received an array of shape {table.shape}; legal: 1 to {_MOST_STEPS} pairs "
                "(drawdown, share sold in all)."
            ]
        level, cut = table.T
        problems = []
        if not ((level > 0.0) & (level < 1.0)).all() or (np.diff(level) <= 0.0).any():
            problems.append(f"steps: received drawdowns {level.tolist()}; they must ascend in (0, 1).")
        if not ((cut >= 0.0) & (cut <= 1.0)).all() or (np.diff(cut) < 0.0).any():
            problems.append(
                f"steps: received shares sold {cut.tolist()}; each is the share sold in all, so they must "
                "ascend in [0, 1]."
            )
        return problems

    @property
    def parameters(self) -> tuple[float, ...]:
        """Drawdown and share sold of each step."""
        pairs = [number for step in self.steps for number in step]
        return _padded(*pairs, *[math.inf, 0.0] * (_MOST_STEPS - len(self.steps)))

    @property
    def words(self) -> str:
        """The rule in words."""
        steps = ", ".join(f"{100.0 * cut:.4g} % at {-100.0 * level:.4g} %" for level, cut in self.steps)
        return f"sells in all {steps} from the start; does not buy back"
