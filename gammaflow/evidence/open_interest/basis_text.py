"""Text of the basis trade: description, warnings, and what the series cannot tell."""

from __future__ import annotations

import pandas as pd

from gammaflow.evidence.open_interest.quadrants import counts_text
from gammaflow.feedback.impact.curve import Impact
from gammaflow.series import alone_text
from gammaflow.text import number_text, rows_text

__all__ = ["BP", "cannot_tell", "lines", "warnings"]

#: Basis points in one.
BP = 1e4

# Largest plausible premium of a future over spot [-], and open interest [coins].
_PREMIUM, _COINS = 0.05, 1e9


def cannot_tell(no_interest: bool, no_impact: bool, no_price: bool) -> tuple[str, ...]:
    """Statements that the series cannot decide, one sentence each."""
    said = [
        "who traded: a fall of open interest says that contracts were closed, not whose",
        "spot sold outright from an unwind where longs in futures were closed for other reasons: both raise "
        "the basis and lower open interest",
        "trades that reversed between two readings, and impact that decayed: sizes are net, and too small "
        "where the basis returns",
    ]
    if no_interest:
        said.insert(0, "the reading: no open interest of these futures at this clock")
    if no_impact:
        said.append("the size: no impact given")
    elif no_price and not no_interest:
        said.append("agreement of the size with open interest: no price given")
    return tuple(said)


def lines(
    table: pd.DataFrame, curves: tuple[Impact, Impact] | None, yearly: bool, noise: tuple[float, float],
    given: dict[str, int],
) -> tuple[str, ...]:  # fmt: skip
    """Description of the record; `given` counts the rows of each series before they were joined."""
    said = [
        f"basis and open interest of futures, {rows_text(len(table), 'change')} to "
        f"{table.index[-1]:%Y-%m-%d}; basis as "
        + ("a simple yearly rate, its change times the years left" if yearly else "premium over spot")
        + "; futures, spot and open interest are taken to be read at one clock",
        "sign: sizes > 0 unwind (spot sold, futures bought: basis up, open interest down), < 0 put the trade "
        "on; both legs have one size, so that outright flow is zero",
        counts_text(table["reading"], "changes"),
    ]
    if any(noise):
        said.append(f"no reading up to {BP * noise[0]:.3g} bp of price, or {noise[1]:.3g} of open interest")
    if curves is not None:
        said += [f"{leg} leg: {curve!r}" for leg, curve in zip(("spot", "futures"), curves, strict=True)]
    return (*said, *alone_text(given, len(table) + 1))


def warnings(table: pd.DataFrame, both: pd.DataFrame, premium: bool, middle: pd.Series) -> tuple[str, ...]:
    """One sentence per implausibility; `middle` is the mean price of each change."""
    said = []
    usual = float(both["basis"].abs().median())
    if premium and usual > _PREMIUM:
        said.append(
            f"basis: received a median of {usual:.3g}; plausible: up to {_PREMIUM:g} of price as a premium; "
            "pass `years` with a yearly rate, and decimals, not percent"
        )
    if not premium and usual > 1.0:
        said.append(
            f"basis: received a median of {usual:.3g} a year; plausible: below 1; pass decimals, not percent"
        )
    if "years" in both and (longer := both["years"].diff() > 0.0).any():
        said.append(
            f"years: time to expiry rises on {rows_text(int(longer.sum()), 'day')} (first: "
            f"{longer.idxmax():%Y-%m-%d}), where the contract was rolled; plausible: one contract. Readings "
            "there compare two contracts; drop those rows or pass a constant maturity"
        )
    coins = float(table["open_interest"].median())
    if coins > _COINS:
        said.append(
            f"open_interest: received a median of {number_text(coins)} coins; plausible: up to "
            f"{number_text(_COINS)}; divide currency by price (in_coins)"
        )
    beyond = table.index[table["implied"].abs() > table["open_interest"] * middle]
    if len(beyond):
        implied = number_text(float(table["implied"].loc[beyond[0]]))
        said.append(
            f"impact: on {beyond[0]:%Y-%m-%d} the basis implies {implied}, more than all open interest; "
            "plausible: a part of it. The market is shallower than assumed, or the basis compares two clocks"
        )
    return tuple(said)


def __dir__() -> list[str]:
    return __all__
