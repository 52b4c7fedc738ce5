"""Reading of the channels that a simulation is asked for: names and objects, each once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from gammaflow.feedback.simulation.channels import CHANNELS, HEDGES, DipBuyers, NewTrades, channel_of
from gammaflow.feedback.surface.surface import HedgeSurface
from gammaflow.positions.book import Book

__all__ = ["read_channels"]

#: How the channels that are objects are asked for.
_MADE_BY = {
    "deleveraging": "a rule or schedule of gf.deleveraging, or shock=",
    "liquidations": "pools of gf.liquidations",
    "basis": "gf.BasisUnwind(...)",
    "new_trades": "gf.NewTrades(book)",
    "leveraged_funds": "gf.LeveragedFunds([(2.0, 4e9)])",
    "dip_buyers": "gf.DipBuyers(50e6)",
    "noise": "volatility=",
}


def read_channels(channels: Any) -> tuple[tuple[Any, ...], tuple[str, ...], list[str]]:
    """Objects, names of channels in the order of CHANNELS, and problems.

    Rules, pools, unwinds, funds and new trades add up; a name or dip buyers twice are a problem.
    """
    if isinstance(channels, str) or channel_of(channels) is not None:
        channels = [channels]
    if not isinstance(channels, Iterable):
        return (), (), [f"channels: received {type(channels).__name__}; legal: {_legal()}."]
    given = list(channels)
    names = [thing for thing in given if isinstance(thing, str)]
    objects = tuple(thing for thing in given if not isinstance(thing, str))
    problems = []
    for name, count in Counter(names).items():
        if name in _MADE_BY:
            problems.append(f"channels: received the name {name!r}; pass {_MADE_BY[name]}.")
        elif name not in HEDGES:
            problems.append(f"channels: received {name!r}; legal: {_legal()}.")
        elif count > 1:
            problems.append(f"channels: received {name!r} {count} times; name it once.")
    made = [channel_of(thing) for thing in objects]
    problems += [
        f"channels: received {type(thing).__name__}; legal: {_legal()}."
        for thing, name in zip(objects, made, strict=True)
        if name is None
    ]
    if sum(isinstance(thing, DipBuyers) for thing in objects) > 1:
        problems.append("channels: received DipBuyers twice; pass one with the sum of both rates.")
    problems += [
        f"channels: received NewTrades of {type(thing.book).__name__}; legal: a Book or HedgeSurface."
        for thing in objects
        if isinstance(thing, NewTrades) and not isinstance(thing.book, Book | HedgeSurface)
    ]
    used = {*names, *made}
    # Their order decides the rounding of sums.
    objects = tuple(
        sorted(objects, key=lambda thing: (str(channel_of(thing)), type(thing).__name__, repr(thing)))
    )
    return objects, tuple(name for name in CHANNELS if name in used), problems


def _legal() -> str:
    return f"{', '.join(map(repr, HEDGES))}, {'; '.join(list(_MADE_BY.values())[:-1])}"
