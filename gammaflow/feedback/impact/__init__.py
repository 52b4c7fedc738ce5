"""Price impact and depth: linear, square root, or an order book's depth curve, each with its source.

Published estimates differ by a factor of 7 to 15, so impact is an explicit argument everywhere.
Impact acts on ln S; "1 %" is 0.01 of ln S. Flows are in currency, < 0 sells.

Examples
--------
>>> import gammaflow as gf
>>> shallow = gf.impact.linear(100e6, source="a guess")
>>> deep = gf.impact.square_root(volume=40e9, daily_vol=0.03, source="Donier and Bonart (2015)")
>>> [round(100 * float(i.log_return(-1e9)), 2) for i in (shallow, deep)]
[-10.0, -0.47]
>>> for name, impact in gf.impact.PUBLISHED.items():
...     print(f"{name:<18}{100 * impact.log_return(-1e8):8.2f} % for a sale of 100m USD")
citi                 -0.34 % for a sale of 100m USD
donier_bonart        -0.15 % for a sale of 100m USD
bucci                -0.15 % for a sale of 100m USD
amberdata           -14.44 % for a sale of 100m USD
coindesk_october    -41.97 % for a sale of 100m USD
coindesk_november   -63.56 % for a sale of 100m USD
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TypedDict, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import attempt, check_number, refuse
from gammaflow.columns import LARGEST, SMALLEST
from gammaflow.errors import SchemaError
from gammaflow.feedback.impact.curve import Impact
from gammaflow.feedback.impact.depth import extended, find_sides, read_side
from gammaflow.frozen import FrozenMapping

__all__ = ["GIVEN", "PUBLISHED", "Impact", "book", "linear", "square_root"]

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


def _positive(value: float, name: str) -> float:
    """A number > 0; of currency, neither so small nor so large that quotients of flows leave float64."""
    number = check_number(value, name, 0.0, open_low=True)
    return check_number(number, name, SMALLEST, LARGEST) if name == "per_1pct" else number


def _read(name: str, terms: Terms, **numbers: float) -> list[float]:
    """The numbers, each > 0; SchemaError with their problems and those of the terms."""
    found, problems = attempt(
        *(partial(_positive, value, name) for name, value in numbers.items()),
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

    See Also
    --------
    square_root : Square-root impact of a metaorder: x = coefficient daily_vol sqrt(F / volume).
    loop_gain : Loop gain of dealers' hedges and of liquidations over spot, by channel.

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

    See Also
    --------
    linear : Impact in proportion to flow: x = 0.01 F / per_1pct.
    book : Impact of a trade that walks an order book at rest, from a power law or a measured depth curve.

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
        the columns bids and asks. Between distances depth is a power law; the first power
        law also holds below the first distance, the last beyond the last.
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

    See Also
    --------
    linear : Impact in proportion to flow: x = 0.01 F / per_1pct.
    square_root : Square-root impact of a metaorder: x = coefficient daily_vol sqrt(F / volume).

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
            raise SchemaError("asks: received with per_1pct; pass asks with depth, the bids.")
        size, power = _read("order book", terms, per_1pct=per_1pct, exponent=exponent)
        with np.errstate(over="ignore"):  # refused as exponents that are not finite
            powers = _ONE / power
        return _make("order book", size * _ONE, _PERCENT * _ONE, powers, terms)
    names, sides = find_sides(depth, asks)
    found, problems = attempt(
        *(partial(read_side, side, name) for name, side in zip(names, sides, strict=True)),
        partial(_make, "order book", _ONE, _ONE, _ONE, terms),
    )
    refuse("order book impact", problems)
    curves = found[:-1] * 2 if len(found) == 2 else found[:-1]
    longest = max(len(curve[0]) for curve in curves)
    nodes = [np.array(rows) for rows in zip(*(extended(curve, longest) for curve in curves), strict=True)]
    return _make("order book", nodes[0], nodes[1], nodes[2], terms)


def _published() -> FrozenMapping[str, Impact]:
    volume, daily_vol = 40e9, 0.03
    upper, lower = "upper bound of impact: ", "lower bound of impact: "
    rest = "resting orders of one venue: for instantaneous shocks there only; the whole market is deeper"
    coindesk = "CoinDesk: depth per venue within 0.5, 1 and 5 % of the mid, "
    return FrozenMapping(
        {
            "citi": linear(
                0.01 / 3.4e-11,
                source="Citi: a net inflow of $1bn into Bitcoin funds goes with +3.4 %",
                range=(0.034 / 0.07, 0.034 / 0.003),
                caveat=f"{upper}weekly flows and returns, and flows also follow price; the range, 3 to 70 bp "
                "per $100m, is ours",
            ),
            "donier_bonart": square_root(
                volume,
                daily_vol,
                source="Donier and Bonart (2015), more than a million metaorders in Bitcoin",
                caveat=f"{lower}uninformed metaorders, whose impact decays almost completely; the "
                "coefficient is of order one, $40bn a day at 3 % a day are round numbers of ours",
            ),
            "bucci": square_root(
                volume,
                daily_vol,
                permanent=1.0 / 3.0,
                half_life=1.0,
                source="Bucci, Benzaquen, Lillo and Bouchaud (2018), eight million metaorders in equities",
                caveat=f"{lower}measured on equities; one exponential through 2/3 of the peak at the end "
                "of the day and 1/3 after about 50 days; $40bn a day at 3 % a day are round numbers of ours",
            ),
            "amberdata": book(
                depth=pd.Series([3.5e6, 16.53e6], index=[0.1, 1.0]),
                source="Amberdata: depth of one pair within 10 and 100 bp of the mid",
                caveat=f"{upper}{rest}",
            ),
            "coindesk_october": book(
                depth=pd.Series([15.5e6, 20e6, 40e6], index=[0.5, 1.0, 5.0]),
                source=f"{coindesk}October 2025",
                caveat=f"{upper}{rest}",
            ),
            "coindesk_november": book(
                depth=pd.Series([10e6, 14e6, 30e6], index=[0.5, 1.0, 5.0]),
                source=f"{coindesk}11 November 2025",
                caveat=f"{upper}{rest}; at 0.5 and 5 % the source says less than this",
            ),
        }
    )


#: Published estimates by name; each states who measured it and whether it is an upper or lower bound.
PUBLISHED: Mapping[str, Impact] = _published()


def __dir__() -> list[str]:
    return __all__
