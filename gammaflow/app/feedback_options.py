"""Options of the command line for price impact, the shock and the simulation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from gammaflow.checks import utc
from gammaflow.errors import SchemaError
from gammaflow.feedback import impact, liquidations
from gammaflow.positions.book import Book

__all__ = ["Market", "Shock", "Simulation"]

_IMPACTS = ("linear", "square-root")
_RANGE = "0.3:3"

Depth = Annotated[
    float | None,
    typer.Option(
        help="Flow in currency that moves price by 1 %. No default: estimates of impact differ by a factor "
        "of 7 to 15."
    ),
]
Law = Annotated[
    str, typer.Option("--impact", help="linear, with --depth; or square-root, with --volume and --daily-vol.")
]
Volume = Annotated[float | None, typer.Option(help="Daily volume in currency, for --impact square-root.")]
DailyVol = Annotated[float | None, typer.Option(help="Daily vol, for --impact square-root: 0.03 is 3 %.")]
Permanent = Annotated[float, typer.Option(help="Share of the impact that never decays, > 0 and <= 1.")]
HalfLife = Annotated[
    float | None, typer.Option(help="Half-life of the rest in days. Default: it does not decay.")
]
DepthRange = Annotated[
    str | None,
    typer.Option(metavar="LOW:HIGH", help=f"Range of depth, in factors of it: {_RANGE}."),
]
DepthSource = Annotated[str | None, typer.Option(help="Source of the depth; printed with every result.")]

Amount = Annotated[float, typer.Option(help="Exogenous flow in currency, negative sells: -2e9.")]
ShockDays = Annotated[
    float, typer.Option(help="Days over which the simulation trades the shock; 0: at once.")
]
Beta = Annotated[
    float, typer.Option(help="Spot-vol beta, d sigma / d ln S: at -3 vol rises 3 points per 1 % fall.")
]
HedgeFraction = Annotated[
    float, typer.Option(help="Share of the theoretical hedge that dealers trade, 0 to 1.")
]
Pools = Annotated[
    Path | None,
    typer.Option(
        "--liquidations", metavar="FILE", help="Liquidation pools: a CSV with columns price, value, side."
    ),
]
PoolsAsOf = Annotated[
    str | None,
    typer.Option(
        "--liquidations-asof",
        help="Use the latest pools at or before this timestamp. Default: that of the quotes.",
    ),
]
PoolsWidth = Annotated[
    float | None,
    typer.Option("--liquidations-width", help="Width of a pool around its price. Default: as in the table."),
]

Days = Annotated[float, typer.Option(help="Calendar days to simulate.")]
Steps = Annotated[int, typer.Option(help="Steps of a path.")]
Paths = Annotated[int, typer.Option(help="Number of paths.")]
Seed = Annotated[int, typer.Option(help="Seed of the random numbers.")]
Volatility = Annotated[
    float | None, typer.Option(help="Yearly vol without feedback: 0.56. Default: at the money.")
]

# Arguments of `liquidations.read` that have options of their own.
_POOLS = re.compile(r"\b(asof|width)(?:(?=: )|=)")


@dataclass(frozen=True)
class Market:
    """Options for price impact."""

    depth: Depth = None
    law: Law = "linear"
    volume: Volume = None
    daily_vol: DailyVol = None
    permanent: Permanent = 1.0
    half_life: HalfLife = None
    depth_range: DepthRange = None
    depth_source: DepthSource = None

    def impact(self) -> impact.Impact:
        """The impact of these options.

        Raises
        ------
        SchemaError
            With every option that is missing, illegal, or of the other law.
        """
        if self.law not in _IMPACTS:
            raise SchemaError(f"--impact: received {self.law!r}; legal: {', '.join(_IMPACTS)}.")
        linear = self.law == "linear"
        needed = (
            {"--depth": self.depth} if linear else {"--volume": self.volume, "--daily-vol": self.daily_vol}
        )
        others = (
            {"--volume": self.volume, "--daily-vol": self.daily_vol} if linear else {"--depth": self.depth}
        )
        problems = [
            f"{name}: --impact {self.law} needs it; {_WHY}" for name, v in needed.items() if v is None
        ]
        problems += [
            f"{name}: received with --impact {self.law}; leave it out."
            for name, v in others.items()
            if v is not None
        ]
        if problems:
            raise SchemaError("\n".join(problems))
        terms: dict[str, Any] = {
            "permanent": self.permanent,
            "range": _range(self.depth_range),
        }
        terms["half_life"] = np.inf if self.half_life is None else self.half_life
        if self.depth_source is not None:
            terms["source"] = self.depth_source
        if self.depth is not None:
            return impact.linear(self.depth, **terms)
        return impact.square_root(self.volume or 0.0, self.daily_vol or 0.0, **terms)


_WHY = "estimates of impact differ by a factor of 7 to 15, so it has no default."


def _range(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(":"))
    except ValueError:
        raise SchemaError(f"--depth-range: received {text!r}; legal: LOW:HIGH, such as {_RANGE}.") from None
    return low, high


@dataclass(frozen=True)
class Shock:
    """Options for the exogenous flow and for the response to it."""

    shock: Amount = 0.0
    shock_days: ShockDays = 0.0
    beta: Beta = 0.0
    hedge_fraction: HedgeFraction = 1.0
    pools: Pools = None
    pools_asof: PoolsAsOf = None
    pools_width: PoolsWidth = None

    def check(self) -> None:
        """SchemaError for options that do not go together."""
        given = {"--liquidations-asof": self.pools_asof, "--liquidations-width": self.pools_width}
        alone = [f"{name}: received {value!r}" for name, value in given.items() if value is not None]
        if self.pools is None and alone:
            raise SchemaError(
                "\n".join(f"{text} without --liquidations; leave it out, or add the file." for text in alone)
            )

    def liquidations(self, book: Book) -> liquidations.Liquidations | None:
        """The liquidation pools of these options, as they could be known at the time of a book."""
        if self.pools is None:
            return None
        how: dict[str, Any] = {"spot": book.spot, "currency": book.currency, "width": self.pools_width}
        moment = self.pools_asof or (book.asof if _has_clock(self.pools) else None)
        try:
            # whole seconds, as snapshots have
            asof = None if moment is None else utc(moment).floor("s")
            return liquidations.read(self.pools, asof=asof, **how)
        except SchemaError as error:
            text = _POOLS.sub(r"--liquidations-\1", str(error))
            raise SchemaError(f"--liquidations {self.pools}: {text}") from None


def _has_clock(path: Path) -> bool:
    try:
        return not {"updated", "committed"}.isdisjoint(pd.read_csv(path, nrows=0).columns)
    except (OSError, ValueError):
        return False  # `read` says what is wrong


@dataclass(frozen=True)
class Simulation:
    """Options of the Monte Carlo."""

    days: Days = 1.0
    steps: Steps = 390
    paths: Paths = 10_000
    seed: Seed = 0
    volatility: Volatility = None
