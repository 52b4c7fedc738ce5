"""Counterfactual: the same random numbers without one channel at a time, or over all subsets of channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import check_choice
from gammaflow.errors import SchemaError
from gammaflow.feedback.simulation.path_tables import standard_error
from gammaflow.feedback.simulation.path_text import counterfactual_lines, days_text, picture_title
from gammaflow.feedback.simulation.raw_paths import RawPaths
from gammaflow.feedback.simulation.setup import Setup
from gammaflow.frozen import Frozen

__all__ = ["METHODS", "Counterfactual", "compare_without"]

Array = NDArray[np.float64]

#: Methods to measure the effect of a channel.
METHODS: Mapping[str, str] = {
    "drop_one": "all channels against all but this one",
    "shapley": "mean over the orders in which channels are added",
}

# Most channels whose subsets are all run: 64 runs.
_MOST = 6


@dataclass(frozen=True, eq=False, repr=False)
class Counterfactual(Frozen):
    """Effect of each channel on the move: simulated with and without it, on the same random numbers.

    Booking is not cause: a channel with a booked move of -1 % may cause -2 %, since its trades trigger those
    of other channels. The table has both.

    Attributes
    ----------
    setup : Setup
        The simulation with all its channels.
    method : "drop_one" or "shapley"
        See `METHODS`.
    log_return : (paths,) array
        ln(S / S0) with all channels.
    without : mapping of str to (paths,) array
        The same without one channel.
    effects : mapping of str to (paths,) array
        Effect of each channel by path [ln return].
    tails : mapping of str to float
        Effect of each channel on the 5 % quantile [ln return].
    booked : Series
        Mean attribution of each channel [ln return].
    runs : int
        Number of simulations made.
    """

    setup: Setup
    method: str
    log_return: Array
    without: Mapping[str, Array]
    effects: Mapping[str, Array]
    tails: Mapping[str, float]
    booked: pd.Series
    runs: int

    @property
    def table(self) -> pd.DataFrame:
        """One row per channel [ln return]; < 0 where the channel makes the price fall further.

        `attribution` is booked by the accounting of one run; `effect` is the change of the mean
        by the channel, `standard_error` its error (of paired differences), `effect_5 %` the change of the 5 %
        quantile, and `without`, `without_5 %` are the mean and that quantile without the channel.
        """
        names = list(self.effects)
        effects = np.column_stack([self.effects[name] for name in names])
        without = np.column_stack([self.without[name] for name in names])
        columns = {
            "attribution": self.booked.loc[names].to_numpy(),
            "effect": effects.mean(axis=0),
            "standard_error": standard_error(effects),
            "effect_5 %": [self.tails[name] for name in names],
            "without": without.mean(axis=0),
            "without_5 %": _tail(without.T),
        }
        return pd.DataFrame(columns, index=pd.Index(names, name="channel"))

    def summary(self) -> str:
        """Inputs, method and table in percent of ln S, as text."""
        return "\n".join(counterfactual_lines(self, METHODS[self.method]))

    def plot(self, channel: str | None = None, *, ax: Any = None) -> Any:
        """Histogram of the move with all channels and without one (matplotlib Axes).

        Parameters
        ----------
        channel : str, optional
            The channel left out; default: the one with the largest effect on the mean.
        ax : matplotlib Axes, optional
            Where to draw; default: a new figure.
        """
        from gammaflow.plot.feedback import plot_moves

        effect = self.table["effect"].abs()
        chosen = str(effect.idxmax()) if channel is None else check_choice(channel, "channel", self.without)
        title = picture_title(self.setup, f"move in {days_text(self.setup.days)}, with and without {chosen}")
        moves = {"all channels": self.log_return, f"without {chosen}": self.without[chosen]}
        return plot_moves(moves, title, ax=ax)

    def __repr__(self) -> str:
        return self.summary()


def compare_without(setup: Setup, raw: RawPaths, booked: pd.Series, method: str) -> Counterfactual:
    """Simulations of `setup` without channels, against `raw`, the one with all of them.

    Raises
    ------
    SchemaError
        For an unknown method, no channel, or too many channels for all their subsets.
    """
    check_choice(method, "method", METHODS)
    names = setup.channels
    if not names:
        raise SchemaError("counterfactual: the simulation has no channel that could be left out.")
    if method == "shapley" and len(names) > _MOST:
        raise SchemaError(
            f"method: 'shapley' over {len(names)} channels needs {2 ** len(names):,} simulations; legal: up "
            f"to {_MOST} channels ({2**_MOST}). Use method='drop_one' ({len(names)} simulations), or fewer "
            "channels."
        )
    moves = {names: np.asarray(raw.x)}
    sizes = range(len(names)) if method == "shapley" else [len(names) - 1]
    for size in sizes:
        for some in combinations(names, size):
            moves[some] = np.asarray(setup.again(some).x)
    without = {name: moves[_less(names, name)] for name in names}
    if method == "drop_one":
        effects = {name: moves[names] - without[name] for name in names}
        tails = {name: _tail(moves[names]) - _tail(without[name]) for name in names}
    else:
        lows = {some: _tail(x) for some, x in moves.items()}
        effects = {name: _shapley(moves, names, name) for name in names}
        tails = {name: _shapley(lows, names, name) for name in names}
    return Counterfactual(
        setup, method, moves[names], without, effects, {k: float(v) for k, v in tails.items()}, booked,
        len(moves) - 1,
    )  # fmt: skip


def _tail(moves: Array) -> Any:
    return np.quantile(moves, 0.05, axis=-1)


def _less(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(other for other in names if other != name)


def _shapley(values: Mapping[tuple[str, ...], Any], names: tuple[str, ...], name: str) -> Any:
    """Mean change of `values` when `name` is added, over the orders in which `names` may be added."""
    parts = []
    for some, value in values.items():
        if name not in some:
            joined = tuple(other for other in names if other in some or other == name)
            parts.append((values[joined] - value) / (len(names) * comb(len(names) - 1, len(some))))
    return sum(parts[1:], parts[0])
