"""One made-up chain, whose contracts the samples of vendors hold; no number is a market quote."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gammaflow.pricing import bsm

ASOF = pd.Timestamp("2026-02-05T20:45:00Z")
SPOT, RATE = 100.0, 0.036
NEW_YORK = "America/New_York"

#: (root, day, settles at [UTC], strikes)
_FUND = (
    ("XYZ", "2026-02-20", "2026-02-20T21:00Z", (90.0, 95.0, 97.5, 100.0, 105.0, 110.0)),
    ("XYZ", "2026-03-20", "2026-03-20T20:00Z", (85.0, 95.0, 100.0, 102.5, 115.0)),
)
_INDEX = (
    ("SPXW", "2026-02-20", "2026-02-20T21:00Z", (6_700.0, 6_900.0, 7_000.0)),
    ("SPX", "2026-02-20", "2026-02-20T14:30Z", (6_700.0, 6_900.0, 7_000.0)),
)


class Option(NamedTuple):
    """One contract of the chain; iv is NaN where no vendor has one."""

    root: str
    day: str
    expiry: pd.Timestamp
    strike: float
    kind: str
    open_interest: int
    iv: float
    bid: float
    ask: float
    last: float
    volume: int
    delta: float
    gamma: float
    theta: float
    vega: float

    @property
    def osi(self) -> str:
        """The option symbol without blanks."""
        return (
            f"{self.root}{self.day[2:].replace('-', '')}{self.kind[0].upper()}{round(self.strike * 1000):08d}"
        )

    @property
    def padded(self) -> str:
        """The option symbol with its root in six places."""
        return f"{self.root:<6}{self.osi[len(self.root) :]}"


def options(series: Any = _FUND, spot: float = SPOT) -> list[Option]:
    """The contracts: a smile, quotes around its prices, round open interest; deep ones without bid or vol."""
    found = []
    for root, day, settles, strikes in series:
        expiry = pd.Timestamp(settles)
        years = (expiry - ASOF).total_seconds() / (365 * 86_400)
        for place, strike in enumerate(strikes):
            moneyness = np.log(strike / spot)
            iv = round(0.22 - 0.35 * moneyness + 1.1 * moneyness**2, 4)
            for kind in ("call", "put"):
                greeks = bsm.greeks(kind, spot, strike, years, RATE, iv)
                price = float(greeks.price)
                far = strike in (110.0, 115.0)
                half = max(0.01, 0.02 * price)
                found += [
                    Option(
                        root=root,
                        day=day,
                        expiry=expiry,
                        strike=strike,
                        kind=kind,
                        open_interest=(400 + 137 * place) * (3 if kind == "put" else 2) if place != 1 else 0,
                        iv=np.nan if far else iv,
                        bid=0.0 if far and kind == "call" else round(max(price - half, 0.0), 2),
                        ask=round(price + half, 2),
                        last=round(price, 2),
                        volume=11 * place,
                        delta=round(float(greeks.delta), 4),
                        gamma=round(float(greeks.gamma), 5),
                        theta=round(float(greeks.theta) / 365, 4),
                        vega=round(float(greeks.vega) / 100, 4),
                    )
                ]
    return found


def index_options() -> list[Option]:
    """Options on one index and day, half of them settled in the morning."""
    return options(_INDEX, 6_900.0)


def adjusted(found: list[Option]) -> list[Option]:
    """The contracts, and one with another deliverable whose root ends in a digit."""
    return [*found, found[0]._replace(root=f"{found[0].root}1", open_interest=9)]


def number(value: float, missing: Any = None) -> Any:
    return missing if np.isnan(value) else value


def ms(moment: pd.Timestamp = ASOF) -> int:
    return int(moment.timestamp() * 1000)
