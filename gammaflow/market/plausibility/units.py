"""Numbers in the wrong unit: refused where no other reading is possible, else a warning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "LARGEST_RATE",
    "LARGEST_VOLATILITY",
    "OTHER_UNIT",
    "SCALE",
    "contradictions",
    "disagreeing_spots",
    "shift_warnings",
    "wrong_argument_units",
    "wrong_volatility_unit",
]

Array = NDArray[np.float64]

#: Median volatilities are never above 500 %, nor below 5 when in percent.
LARGEST_VOLATILITY = 5.0
#: A rate or yield above this is in percent [1/year].
LARGEST_RATE = 1.0
#: Remedy of volatilities in the other unit.
SCALE = "Scale it first."
#: No carry moves a forward, and no premium a fund, to ten times spot.
OTHER_UNIT = 10.0

_LARGEST_SHIFT = 1.0
# No strike is listed at a hundred times spot.
_BEYOND = 100.0
# The index price of one timestamp differed by at most 0.7 % between the rows of 240 real files.
_SAME_SPOT = 0.1


@np.errstate(over="ignore")
def wrong_volatility_unit(values: Array, name: str, *, percent: bool) -> list[str]:
    """A problem where the median of the volatilities above zero shows that they are in the other unit."""
    quoted = values > 0
    beyond = quoted & ((values < LARGEST_VOLATILITY) if percent else (values > LARGEST_VOLATILITY))
    # A median has half of the values on either side of it.
    if not quoted.any() or 2 * np.count_nonzero(beyond) < np.count_nonzero(quoted):
        return []
    median = float(np.median(values[quoted]))
    if not ((median < LARGEST_VOLATILITY) if percent else (median > LARGEST_VOLATILITY)):
        return []
    legal = "percent (56 is 56 %)" if percent else "decimals (0.56 is 56 %)"
    return [f"{name}: the median is {median:g}, but the column must hold {legal}. {SCALE}"]


@np.errstate(over="ignore")
def disagreeing_spots(values: Array, name: str) -> list[str]:
    """A problem where prices of one underlying at one timestamp differ between the rows of a file."""
    median = float(np.median(values))
    off = np.abs(values - median) > _SAME_SPOT * np.abs(median)
    if not off.any():
        return []
    return [
        f"{name}: {off.sum():,} of {len(values):,} rows are more than {_SAME_SPOT:.0%} from the median "
        f"{median:,.10g} ({values.min():,.10g} .. {values.max():,.10g}), but an underlying has one price "
        "at a time. Correct or drop those rows, or build the chain with chain_from_frame(spot=)."
    ]


@np.errstate(over="ignore")
def contradictions(columns: Mapping[str, NDArray[Any]], spot: float) -> list[str]:
    """Contradictions of a chain so plain that none of its numbers can be meant.

    Volatilities in percent; all forwards ten times or more away from spot; all strikes a hundred times or
    more above spot. (Strikes far below spot are no contradiction: options with a strike near zero exist.)
    """
    problems = wrong_volatility_unit(columns["iv"], "iv", percent=False)
    K, F = columns["strike"], columns["forward"]
    F = F[~np.isnan(F)]
    away = np.abs(np.log(F) - np.log(spot))
    if F.size and away.min() >= np.log(OTHER_UNIT):
        forward = float(F[away.argmin()])
        beside = {"spot": spot, "the forwards": forward}
        agree = [name for name, value in beside.items() if K.min() / 2 <= value <= 2 * K.max()]
        problems.append(
            f"spot: received {spot:,.10g}, but every forward is at least {OTHER_UNIT:g} times away from it "
            f"(nearest: {forward:,.10g}), which no carry explains; strikes, {K.min():,.10g} to "
            f"{K.max():,.10g}, agree with {' and '.join(agree) or 'neither'}. Give all three in one unit."
        )
    if K.size and K.min() >= _BEYOND * spot:
        problems.append(
            f"strike: every strike is at least {_BEYOND:g} times spot (lowest {K.min():,.10g}, spot "
            f"{spot:,.10g}), and none is listed so far out. Give both in one unit (option symbols hold "
            "thousandths)."
        )
    return problems


def wrong_argument_units(names: Iterable[str], given: Mapping[str, Array]) -> list[str]:
    """A problem for each of "sigma" and rates, one value per note, that must be in percent."""
    labels = list(names)
    problems = []
    for what, values in given.items():
        limit = LARGEST_VOLATILITY if what == "sigma" else LARGEST_RATE
        with np.errstate(invalid="ignore"):
            off = np.flatnonzero(np.abs(values) > limit)
        if off.size:
            value = float(values[off[0]])
            problems.append(
                f"{what}: received {value:g} for {off.size} of {len(labels)} notes (first: "
                f"{labels[off[0]]}), which is {value:.0%}; legal is up to {limit:.0%}. It is a decimal: pass "
                f"{value / 100:g} for {value:g} %."
            )
    return problems


def shift_warnings(vol_shift: float, sigma: Array) -> tuple[str, ...]:
    """A warning where a vol shift looks like vol points: 1 or more, and twice the median."""
    median = float(np.median(sigma))
    if not (vol_shift >= _LARGEST_SHIFT and vol_shift >= 2.0 * median):
        return ()
    return (
        f"vol_shift: received {vol_shift:g}, which adds {100 * vol_shift:,.0f} vol points to volatilities of "
        f"{median:.0%} (median); plausible is below {_LARGEST_SHIFT:g}. One vol point is 0.01: pass "
        f"{vol_shift / 100:g} for {vol_shift:g} points.",
    )
