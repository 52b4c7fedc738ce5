"""Impact: the move of ln S that a flow makes, as a curve with a source."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from textwrap import shorten
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import floats, read_number, read_only, refuse
from gammaflow.frozen import Frozen
from gammaflow.kernels.impact import flows_loop, moves_loop
from gammaflow.text import marked, number_text, readable, value_text

__all__ = ["Impact"]

Array = NDArray[np.float64]

_PERCENT = 0.01  # of ln S: the meaning of "1 %" in feedback
_SIDES = ("selling", "buying")
_SHOWN = np.array([0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0])
_JOIN = 1e-9
# Plausible depth [currency per 1 %], and volatility of a day.
_SMALLEST, _LARGEST, _LARGEST_DAY = 1e4, 1e14, 0.2


def _text_problems(given: dict[str, Any]) -> list[str]:
    return [
        f"{name}: received {value_text(value)}; {name} must be text that is not empty."
        for name, value in given.items()
        if not (isinstance(value, str) and value.strip())
    ]


def _number(name: str, value: Any, legal: str, ok: Any, problems: list[str]) -> float:
    """A number that passes the test `ok`, or NaN with the problem appended."""
    try:
        number = float(floats(value))
    except (TypeError, ValueError, OverflowError):
        number = np.nan
    if isinstance(value, bool) or not ok(number):
        problems.append(f"{name}: received {value_text(value)}; {name} must be {legal}.")
        return np.nan
    return number


def _read_range(given: Any, problems: list[str]) -> tuple[float, float] | None:
    """Factors of depth (low, high) around 1, or None."""
    if given is None:
        return None
    try:
        low, high = map(float, floats(given))
    except (TypeError, ValueError, OverflowError):
        low = high = np.nan
    if not 0.0 < low <= 1.0 <= high < np.inf:
        problems.append(
            f"range: received {value_text(given)}; range must be two factors of depth (low, high) with "
            "0 < low <= 1 <= high, or None."
        )
    return low, high


def _read_nodes(given: dict[str, Any], problems: list[str]) -> list[Array]:
    """Tables (2, k) of positive numbers, sizes and moves ascending and joined by the exponents."""
    found: list[Array] = []
    for name, value in given.items():
        array = read_number(name, value, problems)
        array = np.full((2, 1), np.nan) if array is None else np.asarray(array, np.float64)
        if array.ndim != 2 or array.shape[0] != 2 or not array.shape[1]:
            problems.append(
                f"{name}: received shape {array.shape}; legal: (2, k), row 0 for sells and row 1 for buys."
            )
            array = np.full((2, 1), np.nan)
        elif not (np.isfinite(array) & (array > 0.0)).all():
            bad = array[~(np.isfinite(array) & (array > 0.0))]
            problems.append(
                f"{name}: {bad.size} of {array.size} are not finite numbers > 0 (first: {bad[0]:g})."
            )
        elif name != "exponents" and (np.diff(array, axis=1) <= 0.0).any():
            problems.append(f"{name}: received numbers that do not rise along a row; sort the depth curve.")
        found.append(read_only(np.array(array)))
    if not problems:
        sizes, moves, exponents = found
        if len({a.shape for a in found}) > 1:
            problems.append(
                f"sizes, moves, exponents: received shapes {', '.join(str(a.shape) for a in found)}; they "
                "must be equal."
            )
        else:
            reached = moves[:, :-1] * (sizes[:, 1:] / sizes[:, :-1]) ** exponents[:, :-1]
            if (np.abs(reached / moves[:, 1:] - 1.0) > _JOIN).any():
                problems.append(
                    "exponents: received a curve that jumps at a node; legal: exponents[j] = "
                    "ln(moves[j + 1] / moves[j]) / ln(sizes[j + 1] / sizes[j])."
                )
    return found


@dataclass(frozen=True, eq=False, repr=False)
class Impact(Frozen):
    """Move of ln S that a net flow makes: a piecewise power law, with the source of its numbers.

    A flow of size F moves ln S by moves[j] (F / sizes[j])^exponents[j], with j the last node whose size is at
    most F; the first exponent holds below the first node, the last beyond the last. Sells lower price.

    Parameters
    ----------
    name : str
        Kind of curve: "linear", "square root", "order book".
    source : str
        Who measured it; never empty.
    sizes, moves, exponents : (2, k) arrays
        Row 0 for sells, row 1 for buys. Sizes > 0 ascending [currency], moves > 0 ascending [ln S],
        exponents > 0 [-], such that the curve has no jump.
    permanent : float
        Share of the move that never decays, in (0, 1] [-].
    half_life : float
        Days in which the rest of the move halves; inf: it does not decay.
    range : (low, high), optional
        Factors of depth, low <= 1 <= high, that span the uncertainty.
    currency : str
        Currency of flows.
    caveat : str
        Whether the numbers are an upper or a lower bound, and why.

    Raises
    ------
    SchemaError
        With every problem.

    See Also
    --------
    linear : Impact in proportion to flow: x = 0.01 F / per_1pct.
    square_root : Square-root impact of a metaorder: x = coefficient daily_vol sqrt(F / volume).
    book : Impact of a trade that walks an order book at rest, from a power law or a measured depth curve.

    Examples
    --------
    >>> import gammaflow as gf
    >>> depth = gf.impact.linear(294e6, source="Citi, ETF flows of 2025")
    >>> depth.log_return([-1e9, 294e6]).round(4)
    array([-0.034,  0.01 ])
    >>> print(depth)
    Impact: 294m USD moves price 1 %, linear, permanent; source: Citi, ETF flows of 2025
    """

    name: str
    source: str
    sizes: Array
    moves: Array
    exponents: Array
    permanent: float = 1.0
    half_life: float = np.inf
    range: tuple[float, float] | None = None
    currency: str = "USD"
    caveat: str = ""

    def __post_init__(self) -> None:
        problems = _text_problems({"name": self.name, "source": self.source, "currency": self.currency})
        caveat: Any = self.caveat
        if not isinstance(caveat, str):
            problems.append(f"caveat: received {value_text(caveat)}; caveat must be text.")
        nodes = _read_nodes({n: getattr(self, n) for n in ("sizes", "moves", "exponents")}, problems)
        legal = "a number > 0 and <= 1"
        permanent = _number("permanent", self.permanent, legal, lambda g: 0.0 < g <= 1.0, problems)
        legal = "a number of days > 0 (inf: no decay)"
        half_life = _number("half_life", self.half_life, legal, lambda t: t > 0.0, problems)
        span = _read_range(self.range, problems)
        refuse("impact", problems)
        values = (*nodes, permanent, half_life, span)
        names = ("sizes", "moves", "exponents", "permanent", "half_life", "range")
        for name, value in zip(names, values, strict=True):
            object.__setattr__(self, name, value)

    def _read(self, name: str, value: ArrayLike) -> Array:
        problems: list[str] = []
        array = read_number(name, value, problems)
        refuse("impact", problems)
        return np.asarray(array, np.float64)

    def _curve(self, flow: ArrayLike) -> tuple[Any, Any]:
        """Moves of ln S and their slopes."""
        flows = self._read("flow", flow)
        moves, slopes = np.empty((2, flows.size))
        moves_loop(flows.ravel(), self.sizes, self.moves, self.exponents, moves, slopes)
        return moves.reshape(flows.shape)[()], slopes.reshape(flows.shape)[()]

    def log_return(self, flow: ArrayLike) -> Any:
        """Immediate move of ln S by each flow [currency, < 0 sells], in its shape; NaN gives NaN."""
        return self._curve(flow)[0]

    def slope(self, flow: ArrayLike) -> Any:
        """Marginal impact after each flow: move of ln S per further unit of currency [1/currency], > 0.

        At zero flow inf where the first exponent is below 1, and 0 where it is above.
        """
        return self._curve(flow)[1]

    def flow(self, log_return: ArrayLike) -> Any:
        """Flow needed for each move of ln S [currency, < 0 sells]: the inverse of `log_return`."""
        moves = self._read("log_return", log_return)
        flows = np.empty(moves.size)
        flows_loop(moves.ravel(), self.sizes, self.moves, self.exponents, flows)
        return flows.reshape(moves.shape)[()]

    @property
    def per_1pct(self) -> float:
        """Size of the sale that lowers ln S by 0.01 [currency, > 0]."""
        return -float(self.flow(-_PERCENT))

    @property
    def per_1pct_up(self) -> float:
        """Size of the purchase that raises ln S by 0.01 [currency, > 0]."""
        return float(self.flow(_PERCENT))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Implausible depth and volatility, one sentence each: received, plausible, what to do."""
        said = [
            f"depth: {side} {number_text(size)} {self.currency} moves price 1 %; plausible: 10,000 to "
            "100tn; pass currency, not millions or units of the underlying"
            for side, size in zip(_SIDES, (self.per_1pct, self.per_1pct_up), strict=True)
            if not _SMALLEST <= size <= _LARGEST
        ]
        if self.name.startswith("square root") and (self.moves > _LARGEST_DAY).any():
            said.append(
                f"daily_vol: received {self.moves.max():g}, times its coefficient; plausible: up to "
                f"{_LARGEST_DAY:g}; pass the volatility of a day, that of a year over sqrt(365)"
            )
        return tuple(said)

    def scaled(self, factor: float) -> Impact:
        """The same curve in a market with `factor` times the depth: every size times `factor`, > 0."""
        problems: list[str] = []
        factor = _number("factor", factor, "a number > 0", lambda f: 0.0 < f < np.inf, problems)
        refuse("impact", problems)
        with np.errstate(over="ignore"):  # refused as sizes that are not finite
            sizes = self.sizes * factor
        return replace(self, name=f"{self.name}, depth x {factor:.4g}", sizes=sizes)

    def bounds(self) -> tuple[Impact, Impact] | None:
        """Impact in the shallowest and in the deepest market of `range`; None without a range."""
        if self.range is None:
            return None
        low, high = (replace(self.scaled(factor), range=None) for factor in self.range)
        return low, high

    @cached_property
    def table(self) -> pd.DataFrame:
        """Curve at moves of 0.1 to 20 % of ln S and at its nodes, from the largest sale to the largest buy.

        Indexed by flow [currency, < 0 sells]; columns log_return [ln S], percent (of price) and slope
        [1/currency].
        """
        moves = [np.union1d(_SHOWN * _PERCENT, side) for side in self.moves]
        flows = self.flow(np.concatenate([-moves[0][::-1], moves[1]]))
        returns, slopes = self._curve(flows)
        columns = {"log_return": returns, "percent": 100.0 * np.expm1(returns), "slope": slopes}
        return pd.DataFrame(columns, index=pd.Index(flows, name="flow"))

    def plot(self, *, ax: Any = None) -> Any:
        """Move of ln S against the flow, with the bounds where there is a range (matplotlib Axes)."""
        from gammaflow.plot.curves import plot_lines

        reach = max(np.abs(self.flow([-0.1, 0.1])))
        flows = np.linspace(-reach, reach, 401)
        curves = {"impact": self}
        if (span := self.bounds()) is not None:
            curves |= {f"depth x {f:.3g}": c for f, c in zip(self.range or (), span, strict=True)}
        divisor, unit = readable(flows, self.currency)
        lines = pd.DataFrame({n: 100.0 * c.log_return(flows) for n, c in curves.items()}, flows / divisor)
        title = f"price impact, {self.name}\nsource: {shorten(self.source, 90, placeholder=' ...')}"
        return plot_lines(lines, title, "move of ln S [%]", f"net flow [{unit}], < 0 sells", ax=ax)

    @property
    def _depth(self) -> str:
        down, up = (
            f"{number_text(float(f'{x:.3g}'))} {self.currency}" for x in (self.per_1pct, self.per_1pct_up)
        )
        if down == up:
            return f"{down} moves price 1 %"
        return f"selling {down} lowers price 1 %, buying {up} raises it 1 %"

    @property
    def _decay(self) -> str:
        if self.permanent == 1.0 or self.half_life == np.inf:
            return "permanent"
        days = "a day" if self.half_life == 1.0 else f"{self.half_life:g} days"
        return f"{100.0 * self.permanent:.3g} % permanent, the rest halves in {days}"

    def summary(self) -> str:
        """Depth, kind, decay, range, source and caveat, as sentences with units and sign."""
        lines = [
            repr(self),
            "sign: flow < 0 sells and lowers price; 1 % is 0.01 of ln S",
        ]
        if self.range is not None:
            low, high = self.range
            lines.append(f"range: depth {low:.3g} to {high:.3g} times this")
        return "\n".join([*lines, *([f"caveat: {self.caveat}"] if self.caveat else [])])

    def __repr__(self) -> str:
        line = f"Impact: {self._depth}, {self.name}, {self._decay}; source: {self.source}"
        return "\n".join([line, *marked(self.warnings)])
