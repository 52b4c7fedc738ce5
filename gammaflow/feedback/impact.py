"""Price impact and depth: linear, square root, or an order book's depth curve, each with its source.

Impact is uncertain by 7 to 15 times and never has a default: every function that needs it asks for it.
Impact acts on ln S; "1 %" is 0.01 of ln S. Flows are in currency, < 0 sells.

Examples
--------
>>> import gammaflow as gf
>>> shallow = gf.impact.linear(100e6, source="a guess")
>>> deep = gf.impact.square_root(volume=40e9, daily_vol=0.03, source="Donier and Bonart (2015)")
>>> [round(100 * float(i.log_return(-1e9)), 2) for i in (shallow, deep)]
[-10.0, -0.47]
"""

from __future__ import annotations

from functools import partial
from typing import TypedDict, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import attempt, check_number, floats, refuse
from gammaflow.errors import SchemaError
from gammaflow.feedback.impact_curve import Impact
from gammaflow.text import value_text

__all__ = ["GIVEN", "Impact", "book", "linear", "square_root"]

Array = NDArray[np.float64]

#: Source of an impact whose numbers came without one.
GIVEN = "given, without a source"

_PERCENT = 0.01
_ONE = np.ones((2, 1))


class Terms(TypedDict, total=False):
    """Keywords that every constructor takes, as `Impact` does; without `source` it is `GIVEN`."""

    source: str
    permanent: float
    half_life: float
    range: tuple[float, float] | None
    currency: str
    caveat: str


def _make(name: str, sizes: Array, moves: Array, exponents: Array, terms: Terms) -> Impact:
    given: Terms = {"source": GIVEN, **terms}
    return Impact(name=name, sizes=sizes, moves=moves, exponents=exponents, **given)


def _read(name: str, terms: Terms, **numbers: float) -> list[float]:
    """The numbers, each > 0; SchemaError with their problems and those of the terms."""
    found, problems = attempt(
        *(partial(check_number, value, name, 0.0, open_low=True) for name, value in numbers.items()),
        partial(_make, name, _ONE, _ONE, _ONE, terms),
    )
    refuse(f"{name} impact", problems)
    return found[:-1]


def linear(per_1pct: float, **terms: Unpack[Terms]) -> Impact:
    """Impact in proportion to flow: x = 0.01 F / per_1pct.

    Parameters
    ----------
    per_1pct : float
        Flow that moves ln S by 0.01, > 0 [currency].
    source, permanent, half_life, range, currency, caveat
        As for `Impact`.

    Returns
    -------
    Impact

    Raises
    ------
    SchemaError
        With every problem of the arguments.

    Examples
    --------
    >>> linear(294e6, source="Citi", permanent=0.5, half_life=2.0)
    Impact: 294m USD moves price 1 %, linear, 50 % permanent, the rest halves in 2 days; source: Citi
    """
    (size,) = _read("linear", terms, per_1pct=per_1pct)
    return _make("linear", size * _ONE, _PERCENT * _ONE, _ONE, terms)


def square_root(
    volume: float, daily_vol: float, *, coefficient: float = 1.0, **terms: Unpack[Terms]
) -> Impact:
    """Square-root impact of a metaorder: x = coefficient daily_vol sqrt(F / volume).

    Parameters
    ----------
    volume : float
        Volume traded in a day, > 0 [currency].
    daily_vol : float
        Volatility of a day's log returns, > 0 [1/sqrt(day)]: 0.03 is 3 % a day.
    coefficient : float
        Of order one in every market studied, > 0 [-].
    source, permanent, half_life, range, currency, caveat
        As for `Impact`.

    Returns
    -------
    Impact

    Raises
    ------
    SchemaError
        With every problem of the arguments.

    Examples
    --------
    >>> square_root(40e9, 0.03, source="Donier and Bonart (2015)")
    Impact: 4.44bn USD moves price 1 %, square root, permanent; source: Donier and Bonart (2015)
    """
    size, vol, factor = _read(
        "square root", terms, volume=volume, daily_vol=daily_vol, coefficient=coefficient
    )
    return _make("square root", size * _ONE, factor * vol * _ONE, 0.5 * _ONE, terms)


def book(
    per_1pct: float | None = None,
    *,
    exponent: float | None = None,
    depth: pd.Series | pd.DataFrame | None = None,
    asks: pd.Series | None = None,
    **terms: Unpack[Terms],
) -> Impact:
    """Impact of a trade that walks an order book at rest, from a power law or a measured depth curve.

    Parameters
    ----------
    per_1pct : float, optional
        Depth within 1 %, > 0 [currency], of a book whose depth grows as distance^exponent, so that
        x = 0.01 (F / per_1pct)^(1 / exponent).
    exponent : float, optional
        Needed with `per_1pct`, > 0 [-]: 1 is linear, below 1 the book thins out away from the mid.
    depth : Series or DataFrame, optional
        Instead: cumulative depth [currency], strictly rising, indexed by distance from the mid in percent
        (hundredths of ln S), ascending. A Series holds for both sides unless `asks` is given, a frame has
        the columns bids and asks. Between distances depth is a power law; it goes on as the first below the
        first distance and as the last beyond the last.
    asks : Series, optional
        Depth of the asks, where `depth` is that of the bids.
    source, permanent, half_life, range, currency, caveat
        As for `Impact`.

    Returns
    -------
    Impact

    Raises
    ------
    SchemaError
        With every problem: numbers that are not > 0, a curve that is not sorted or does not rise.

    Examples
    --------
    >>> book(16.53e6, exponent=0.674, source="Amberdata, one pair")
    Impact: 16.5m USD moves price 1 %, order book, permanent; source: Amberdata, one pair
    >>> import pandas as pd
    >>> measured = pd.DataFrame({"bids": [3e6, 14e6], "asks": [3.5e6, 16e6]}, index=[0.1, 1.0])
    >>> book(depth=measured).log_return([-14e6, 16e6])
    array([-0.01,  0.01])
    """
    if (depth is None) == (per_1pct is None) or (exponent is None) != (per_1pct is None):
        given = {"per_1pct": per_1pct, "exponent": exponent, "depth": depth}
        received = ", ".join(name for name, value in given.items() if value is not None) or "none of them"
        raise SchemaError(
            f"per_1pct, exponent, depth: received {received}; pass per_1pct and exponent, or depth alone."
        )
    if per_1pct is not None and exponent is not None:
        if asks is not None:
            raise SchemaError("asks: received with per_1pct; asks go with depth, that of the bids.")
        size, power = _read("order book", terms, per_1pct=per_1pct, exponent=exponent)
        return _make("order book", size * _ONE, _PERCENT * _ONE, _ONE / power, terms)
    names, sides = _sides(depth, asks)
    found, problems = attempt(
        *(partial(_read_side, side, name) for name, side in zip(names, sides, strict=True)),
        partial(_make, "order book", _ONE, _ONE, _ONE, terms),
    )
    refuse("order book impact", problems)
    curves = found[:-1] * 2 if len(found) == 2 else found[:-1]
    longest = max(len(curve[0]) for curve in curves)
    nodes = [np.array(rows) for rows in zip(*(_extended(curve, longest) for curve in curves), strict=True)]
    return _make("order book", nodes[0], nodes[1], nodes[2], terms)


def _sides(depth: object, asks: object) -> tuple[list[str], list[pd.Series]]:
    """Names and depth curves of the sides: one for both, or bids and asks."""
    if isinstance(depth, pd.DataFrame):
        if asks is None and {"bids", "asks"} <= set(depth.columns):
            return ["bids", "asks"], [depth["bids"], depth["asks"]]
        received = "asks besides" if asks is not None else f"columns {list(depth.columns)}"
        raise SchemaError(f"depth: received a frame with {received}; legal: its columns bids and asks.")
    if isinstance(depth, pd.Series) and asks is None:
        return ["depth"], [depth]
    if isinstance(depth, pd.Series) and isinstance(asks, pd.Series):
        return ["depth", "asks"], [depth, asks]
    kinds = " and ".join(type(x).__name__ for x in (depth, asks) if x is not None)
    raise SchemaError(
        f"depth, asks: received {kinds}; legal: a Series of cumulative depth by distance in percent, two of "
        "them, or a frame with the columns bids and asks."
    )


def _read_side(side: pd.Series, name: str) -> tuple[Array, Array, Array]:
    """Sizes, moves and exponents of one measured side."""
    problems: list[str] = []
    columns = []
    for what, values in ((f"{name}: distance", side.index), (f"{name}: depth", side)):
        try:
            found = floats(values)
        except (TypeError, ValueError):
            problems.append(f"{what}: received {value_text(list(values))}; it must hold numbers.")
            continue
        columns.append(found)
        bad = ~(np.isfinite(found) & (found > 0.0))
        if len(found) < 2:
            problems.append(f"{what}: received {len(found)} of them; a measured curve needs two or more.")
        elif bad.any():
            problems.append(
                f"{what}: {bad.sum()} of {bad.size} are not finite numbers > 0 (first: row "
                f"{bad.argmax()} = {found[bad.argmax()]:g}). Drop them."
            )
        elif (np.diff(found) <= 0.0).any():
            row = int((np.diff(found) <= 0.0).argmax()) + 1
            problems.append(
                f"{what}: row {row} = {found[row]:g} follows {found[row - 1]:g}; it must rise from row to "
                "row: sort by distance, and pass cumulative depth."
            )
    refuse("depth curve", problems)
    distance, sizes = columns
    moves = _PERCENT * distance
    powers = np.diff(np.log(moves)) / np.diff(np.log(sizes))
    return sizes, moves, np.append(powers, powers[-1])


def _extended(curve: tuple[Array, Array, Array], count: int) -> tuple[Array, Array, Array]:
    """The curve with further nodes on its last power law, so that both sides have as many."""
    sizes, moves, powers = curve
    more = 2.0 ** np.arange(1, count - len(sizes) + 1)
    return (
        np.append(sizes, sizes[-1] * more),
        np.append(moves, moves[-1] * more ** powers[-1]),
        np.append(powers, np.full(len(more), powers[-1])),
    )


def __dir__() -> list[str]:
    return __all__
