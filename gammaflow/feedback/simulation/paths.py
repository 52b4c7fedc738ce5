"""FeedbackPaths: simulated prices under feedback, with an exact attribution to channels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import check_choice
from gammaflow.errors import SchemaError
from gammaflow.feedback.fund.etf_ledger import EtfLedger
from gammaflow.feedback.simulation.channels import CHANNELS
from gammaflow.feedback.simulation.counterfactual import Counterfactual, compare_without
from gammaflow.feedback.simulation.creations import creations_table
from gammaflow.feedback.simulation.path_tables import (
    NOISE,
    channels_table,
    describe_columns,
    fan_table,
    prices,
)
from gammaflow.feedback.simulation.path_text import doubts, lines, picture_title, to_dict
from gammaflow.feedback.simulation.raw_paths import RawPaths
from gammaflow.feedback.simulation.setup import Setup
from gammaflow.frozen import Frozen
from gammaflow.positions.venues import UnitMap

__all__ = ["FeedbackPaths"]

Array = NDArray[np.float64]

_PICTURES = ("fan", "attribution", "flows")


@dataclass(frozen=True, eq=False, repr=False)
class FeedbackPaths(Frozen):
    """Simulated prices under feedback, with an exact attribution of every move to channels.

    Attributes
    ----------
    setup : Setup
        Everything that decides the numbers.
    raw : RawPaths
        Arrays of the simulation, one row per path.

    See Also
    --------
    simulate_feedback : Monte Carlo of price with impact from dealers' hedges and other forced trades.

    Examples
    --------
    >>> import gammaflow as gf
    >>> paths = gf.simulate_feedback(
    ...     gf.assign_positions(gf.demo_chain()),
    ...     impact=gf.impact.linear(294e6, source="an example"),
    ...     channels=["gamma"], paths=200, steps=48, days=1.0, seed=1, volatility=0.56,
    ... )  # fmt: skip
    >>> paths.attribution.columns.to_list()
    ['gamma', 'noise']
    >>> bool(abs(paths.attribution.sum(axis=1) - paths.table["log_return"]).max() < 1e-12)
    True
    """

    setup: Setup
    raw: RawPaths

    @property
    def warnings(self) -> tuple[str, ...]:
        """Implausible inputs: of the book behind the surface, and of the simulation."""
        of_book = () if self.setup.book is None else self.setup.book.warnings
        return (*of_book, *doubts(self.setup))

    @property
    def spot(self) -> float:
        """Price at the start [currency]."""
        return self.setup.spot

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per path: `log_return`, `low`, `high` [ln(S / S0)], `low_day`, `peak_vol`, `runaway`.

        `low` and `high` are the extremes of the path, `low_day` the calendar days until the low, `peak_vol`
        the highest volatility [1.00 of vol], and `runaway` whether the path left the spots of the surface.
        """
        raw, setup = self.raw, self.setup
        columns = {
            "log_return": raw.x,
            "low": raw.low,
            "high": raw.high,
            "low_day": np.asarray(raw.low_step) * (setup.days / setup.steps),
            "peak_vol": raw.peak_vol,
            "runaway": np.asarray(raw.runaway, dtype=np.bool_),
        }
        return pd.DataFrame(columns, index=self._index)

    @cached_property
    def attribution(self) -> pd.DataFrame:
        """One row per path, a column per channel in use and "noise" [ln return]; rows sum to `log_return`."""
        names = [*self.setup.channels, NOISE]
        return pd.DataFrame(self._columns(self.raw.attribution, names), index=self._index, columns=names)

    @cached_property
    def flows(self) -> pd.DataFrame:
        """One row per path, a column per channel in use: currency traded, < 0 sells."""
        names = list(self.setup.channels)
        return pd.DataFrame(self._columns(self.raw.flows, names), index=self._index, columns=names)

    @cached_property
    def fan(self) -> pd.DataFrame:
        """Quantiles of spot by calendar days, and its mean over paths still on the surface [currency]."""
        raw = self.raw
        return fan_table(raw.frames, raw.frame_days, self.spot, raw.runaway)

    @cached_property
    def distribution(self) -> pd.DataFrame:
        """Mean, its standard error, standard deviation and quantiles of the numbers in `table`."""
        return describe_columns(self.table.drop(columns="runaway"))

    @cached_property
    def channels_table(self) -> pd.DataFrame:
        """One row per channel, "noise" and "total": mean ln return, error, share of the move, flow.

        `share` is NaN where the mean move lies within two standard errors of 0; `fired` is the share of
        paths on which the channel traded.
        """
        return channels_table(
            self.attribution.to_numpy(),
            self.flows.to_numpy(),
            self.setup.channels,
            np.asarray(self.raw.x),
        )

    @property
    def runaway_share(self) -> float:
        """Share of the paths whose price left the spots of the surface."""
        return float(np.mean(self.raw.runaway))

    @property
    def paths(self) -> pd.DataFrame:
        """Spot over time, one row per path and a column per step, indexed by days [currency].

        Raises
        ------
        SchemaError
            Where the simulation was not asked to keep paths.
        """
        if self.raw.path is None:
            raise SchemaError(
                "paths: whole paths were not kept; legal: simulate_feedback(..., keep_paths=True). "
                "`fan` has quantiles over time without them."
            )
        days = pd.Index(np.linspace(0.0, self.setup.days, self.setup.steps + 1), name="days")
        return pd.DataFrame(prices(self.spot, self.raw.path), index=self._index, columns=days)

    def counterfactual(self, method: str = "drop_one") -> Counterfactual:
        """Effect of each channel: the same random numbers without it.

        Parameters
        ----------
        method : "drop_one" or "shapley"
            All channels against all but one (a simulation per channel), or the mean over the orders in which
            channels are added (2^n - 1 simulations for n channels, at most 6 of them). The effects of
            "shapley" add up to what all channels do; those of "drop_one" do not.

        Returns
        -------
        Counterfactual

        Raises
        ------
        SchemaError
            For an unknown method, no channel, or too many channels for "shapley".
        """
        return compare_without(self.setup, self.raw, self.attribution.mean(), method)

    def creations(self, ledger: EtfLedger | UnitMap | float, *, share: float = 0.5) -> pd.DataFrame:
        """Fund baskets created where part of the dealers' hedge is traded in fund shares.

        A day is 24 hours from the start; its trades count for the New York trading day in which it ends, or
        the next one.

        Parameters
        ----------
        ledger : EtfLedger, UnitMap or float
            The dealer's ledger, which is not altered, or the coins behind one share (`gf.venues.IBIT`).
        share : float
            Part of the hedge that is traded in fund shares, in [0, 1].

        Returns
        -------
        DataFrame
            Index trading day. Mean baskets `created` and `redeemed`, `any` the share of paths with a
            creation, quantiles of created less redeemed (`net_5 %` ...), mean `coins` delivered to the fund,
            mean `flow` into it [currency], and mean `sold_shares`.

        Raises
        ------
        SchemaError
            For an illegal ratio or share.
        """
        setup = self.setup
        return creations_table(self.raw, setup.spot, setup.asof, setup.days, ledger, share)

    def summary(self) -> str:
        """Inputs, the distribution of the move and of the low, and the channels, as text."""
        return "\n".join(lines(self))

    def to_dict(self) -> dict[str, Any]:
        """Inputs, distribution, channels and fan as plain numbers and text for JSON; no row per path."""
        return to_dict(self)

    def plot(self, kind: str = "fan", *, ax: Any = None) -> Any:
        """Picture of the paths (matplotlib Axes).

        Parameters
        ----------
        kind : "fan", "attribution" or "flows"
            Quantiles of spot over time with the distribution of the low beside them; the mean move by
            channel, from the noise to the total; or the mean flow by channel.
        ax : matplotlib Axes, optional
            Where to draw; for "fan" a pair of them. Default: a new figure.
        """
        from gammaflow.plot.feedback import plot_channels, plot_fan

        check_choice(kind, "kind", _PICTURES)
        setup = self.setup
        if kind == "fan":
            title = picture_title(setup, "spot under feedback")
            lows = pd.Series(prices(setup.spot, self.table["low"]), name="low")
            return plot_fan(
                self.fan, lows, setup.spot, title, currency=setup.currency, start=setup.asof, axes=ax
            )
        title = picture_title(setup, f"mean {'move' if kind == 'attribution' else 'flow'} by channel")
        return plot_channels(self.channels_table, kind, title, currency=setup.currency, ax=ax)

    def __repr__(self) -> str:
        return self.summary()

    @property
    def _index(self) -> pd.RangeIndex:
        return pd.RangeIndex(len(self.raw.x), name="path")

    def _columns(self, values: Any, names: list[str]) -> Array:
        return np.asarray(values)[:, [CHANNELS.index(name) for name in names]]
