"""Loop gain over spot: the further move that hedging and liquidations cause, per unit of move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import attempt, check_noun, check_number, refuse
from gammaflow.errors import MismatchError, SchemaError
from gammaflow.exposure.bands import Bands
from gammaflow.exposure.curve import Curve
from gammaflow.exposure.levels import noise_share
from gammaflow.exposure.repricing import Repricing
from gammaflow.feedback.arguments import read_spots
from gammaflow.feedback.gain import text as gain_text
from gammaflow.feedback.gain.bands import belief_columns, refuse_other_bands
from gammaflow.feedback.gain.channels import GainTerms, total
from gammaflow.feedback.gain.zones import GainZone, find_gain_zones
from gammaflow.feedback.impact import Impact, linear
from gammaflow.feedback.liquidations import Liquidations
from gammaflow.frozen import Frozen, lock
from gammaflow.positions.book import Book

__all__ = ["LoopGain", "find_depth", "loop_gain"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class LoopGain(Frozen):
    """Loop gain over spot: hedging and liquidation flow per 1 % move over the flow that moves price by 1 %.

    A move of 1 % triggers trades that move price by kappa % more. These trigger further trades, and so on:
    the move is 1 / (1 - kappa) % in total where kappa < 1, and has no equilibrium where kappa >= 1. Positive
    loop gain destabilises: short gamma, liquidations, most knock-ins. "1 %" is 0.01 of ln S; time is held
    fixed.

    Loop gain at a spot refers to a move away from today's spot: a fall at and below it, a rise above. The
    sides differ in liquidations (long positions are liquidated in a fall, short ones in a rise), in barriers
    (down and up) and in a depth that is not the same for sells and buys.

    Attributes
    ----------
    profile : Repricing
        Profile of dealers' gamma behind the numbers: its book, time, vol and smile dynamics.
    depth : Impact
        Price impact. If it is not linear, depth is that of a 1 % move from zero net flow.
    beta : float
        d sigma / d ln S behind the vanna channel [1.00 of vol per 1.00 of ln S].
    liquidations : Liquidations or None
        Pools of leveraged positions.
    bands : Bands or None
        Beliefs about the sign of dealers' positions: distribution of the gamma channel.
    hedge_fraction : float
        Share of the theoretical hedge that dealers trade; liquidations are not scaled by it [-].
    values : mapping of (m,) arrays
        Loop gain at the spots of the profile by channel [-].

    See Also
    --------
    loop_gain : Loop gain of dealers' hedges and of liquidations over spot, by channel.

    Examples
    --------
    >>> import gammaflow as gf
    >>> profile = gf.sweep_spot(gf.assign_positions(gf.demo_chain()))
    >>> gain = gf.loop_gain(profile, gf.impact.linear(294e6, source="Citi, ETF flows"))
    >>> print(f"{gain.at(profile.book.spot)['kappa']:.3f}")
    0.575
    >>> print(gain.zones[1])
    kappa > 0.5: 60,639 to 72,604, peak 0.65 at 68,655
    """

    profile: Repricing
    depth: Impact
    beta: float
    liquidations: Liquidations | None
    bands: Bands | None
    hedge_fraction: float
    values: Mapping[str, Array]

    @property
    def spots(self) -> Array:
        """The grid, ascending [currency]."""
        return self.profile.spots

    @cached_property
    def table(self) -> pd.DataFrame:
        """Indexed by spot [currency]: loop gain of gamma, vanna, knock_in, liquidations, and their sum kappa.

        Where the depth has a range, also kappa_low and kappa_high, at its two ends. Where bands are given,
        also quantiles of kappa ("5 %" ... "95 %") over draws of dealers' shares, which change the gamma
        channel only, and the probabilities of kappa above 0.5 ("p_above_half") and 1 ("p_above_one").
        """
        here = self._terms.depth_at(self.spots)
        kappa = self._kappa
        columns = {**self.values, "kappa": kappa}
        if (ends := self.depth.bounds()) is not None:
            both = [kappa * here / replace(self._terms, depth=end).depth_at(self.spots) for end in ends]
            columns |= {"kappa_low": np.minimum(*both), "kappa_high": np.maximum(*both)}
        if self.bands is not None:
            others, scale = kappa - self.values["gamma"], -self.hedge_fraction / here
            columns |= belief_columns(self.bands, self.spots, scale, others)
        return pd.DataFrame(columns, index=pd.Index(self.spots, name="spot"))

    def at(self, spots: ArrayLike) -> Any:
        """Columns of the table repriced at other spots: a Series at one spot, a DataFrame at several."""
        at = read_spots(spots)
        wanted, place = np.unique(at, return_inverse=True)
        profile = self.profile.at(wanted, self._terms.measures)
        moved = replace(self, profile=profile, values=lock(self._terms.channels(wanted, profile)))
        return moved.table.iloc[place] if at.ndim else moved.table.iloc[0]

    @cached_property
    def zones(self) -> tuple[GainZone, ...]:
        """Intervals inside the grid with kappa above 0, 0.5 and 1, with their peaks: by threshold, then spot.

        Ends and peaks are solved on the repriced curve to rounding of spot.
        """
        gross = self.profile
        if "gross_gamma" not in gross.values:
            gross = gross.at(self.spots, ["gross_gamma"])
        size = float((gross.values["gross_gamma"].sum(axis=0) / self._terms.depth_at(self.spots)).max())
        floor = noise_share(self.profile) * size * (1.0 + abs(self.beta))
        return find_gain_zones(self._curve, self.spots, floor)

    @cached_property
    def amplification(self) -> pd.Series:
        """Amplification over spot, total over initial move: 1 / (1 - kappa), inf where kappa >= 1 [-]."""
        room = 1.0 - self._kappa
        with np.errstate(divide="ignore"):
            values = 1.0 / np.maximum(room, 0.0)
        return pd.Series(values, pd.Index(self.spots, name="spot"), name="amplification")

    @property
    def peak(self) -> tuple[float, float]:
        """Spot of the largest kappa of the grid [currency], and that kappa [-]."""
        highest = max(self.zones, key=lambda zone: zone.peak, default=None)
        if highest is not None:
            return highest.peak_spot, highest.peak
        place = int(self._kappa.argmax())
        return float(self.spots[place]), float(self._kappa[place])

    @property
    def warnings(self) -> tuple[str, ...]:
        """Implausible inputs: of the profile and the pools, and a depth out of all proportion."""
        return (*self.profile.warnings, *gain_text.warnings(self))

    def plot(self, **options: Any) -> Any:
        """Channels of loop gain stacked over spot, their sum, bands and zones (matplotlib Axes)."""
        from gammaflow.plot.loop_gain import plot_gain

        book = self.profile.book
        marks = {"zones": self.spans(), "marks": self.marks(), "currency": book.currency}
        return plot_gain(self.table, book.spot, gain_text.title(self), **{**marks, **options})

    def spans(self) -> list[tuple[float, float, float]]:
        """Each zone as (threshold, low, high), as pictures take them [currency]."""
        return [(z.above, z.low, z.high) for z in self.zones]

    def marks(self) -> dict[str, pd.Series]:
        """Amount traded by price at barriers and in pools, as pictures take them [currency]."""
        return gain_text.marks(self)

    def summary(self) -> str:
        """Rule, depth, sign, loop gain at spot, its peak and its zones, as text."""
        return gain_text.summary(self)

    def to_dict(self) -> dict[str, Any]:
        """Every number as plain Python: conditions, loop gain at spot, peak, zones and table."""
        return gain_text.to_dict(self)

    def __repr__(self) -> str:
        return self.summary()

    @cached_property
    def _kappa(self) -> Array:
        return total(self.values)

    @cached_property
    def _terms(self) -> GainTerms:
        return GainTerms(self.profile, self.depth, self.beta, self.liquidations, self.hedge_fraction)

    @cached_property
    def _curve(self) -> Curve:
        return self._terms.curve()


def loop_gain(
    profile: Repricing,
    depth: Impact | float,
    *,
    beta: float = 0.0,
    liquidations: Liquidations | None = None,
    bands: Bands | None = None,
    hedge_fraction: float = 1.0,
) -> LoopGain:
    """Loop gain of dealers' hedges and of liquidations over spot, by channel.

    Each channel is its flow per 1 % of ln S over the flow that moves ln S by 1 %:

    - gamma: minus the profile's gamma;
    - vanna: minus beta times the profile's vanna. Dealers short puts sell when vol rises wherever d2 > 0;
    - knock_in: trades at continuously observed barriers, each spread over 0.5 % of ln S on both sides;
    - liquidations: pools of leveraged positions, averaged over the same window.

    Parameters
    ----------
    profile : Profile
        Dealers' signed gamma over spot, as `sweep_spot` returns. Where its smile dynamics move vol with spot
        (`dynamics.spot_vol_beta(-3)`), gamma and vanna are those at the moved vols, and the vanna channel
        follows the same dynamics.
    depth : Impact or float
        Price impact (`gammaflow.impact`), without a default: estimates differ by a factor of 7 to 15.
        A number is the currency that moves ln S by 0.01, linear and without a source.
    beta : float
        d sigma / d ln S [1.00 of vol per 1.00 of ln S]: with -3, vol rises 3 points per 1 % fall. For a
        profile whose vol does not move with spot; otherwise left out, or that of the dynamics.
    liquidations : Liquidations, optional
        Pools of leveraged positions, of `gammaflow.liquidations`.
    bands : Bands, optional
        `sign_bands` of the same open interest: adds quantiles of kappa and P(kappa > 0.5), P(kappa > 1).
    hedge_fraction : float
        Share of the theoretical hedge that dealers trade, 0 to 1 [-].

    Returns
    -------
    LoopGain

    Raises
    ------
    SchemaError
        For a profile without a dealer sign, a depth that is no impact, an illegal beta, hedge fraction or
        liquidations, or a beta other than that of the profile's dynamics.
    MismatchError
        For a depth in another currency, or bands of another book, time, vol shift or dynamics.

    See Also
    --------
    solve_cascade
    LoopGain

    Examples
    --------
    >>> import gammaflow as gf
    >>> profile = gf.sweep_spot(gf.assign_positions(gf.demo_chain()))
    >>> depth = gf.impact.linear(294e6, source="Citi, ETF flows", range=(0.3, 3.0))
    >>> gain = gf.loop_gain(profile, depth, beta=-3.0)
    >>> gain.table.columns.tolist()
    ['gamma', 'vanna', 'knock_in', 'liquidations', 'kappa', 'kappa_low', 'kappa_high']
    """
    check_noun(profile, "profile", Repricing)
    values, problems = attempt(
        lambda: find_depth(depth, profile.book),
        lambda: _beta(profile, beta),
        lambda: check_number(hedge_fraction, "hedge_fraction", 0.0, 1.0),
        lambda: _optional(liquidations, "liquidations", Liquidations),
        lambda: _optional(bands, "bands", Bands),
    )
    refuse("loop gain", problems)
    impact, slope, fraction, *_ = values
    _refuse_currency("liquidations", liquidations, profile.book)
    if bands is not None:
        refuse_other_bands(bands, profile)
    terms = GainTerms(profile, impact, slope, liquidations, fraction)
    missing = not set(terms.measures) <= set(profile.values)
    at = profile.at(profile.spots, terms.measures) if missing else profile
    channels = terms.channels(profile.spots, at)
    return LoopGain(profile, impact, slope, liquidations, bands, fraction, lock(channels))


def find_depth(depth: Impact | float, book: Book) -> Impact:
    """Impact for a book: the one given, or the linear one of a number.

    Parameters
    ----------
    depth : Impact or float
        A number is the currency that moves ln S by 0.01.
    book : Book
        Dealers' signed positions.

    Raises
    ------
    SchemaError
        For anything else than an impact or a number > 0, and for a book without a dealer sign.
    MismatchError
        For an impact in another currency than the book's.
    """
    if not book.signed:
        raise SchemaError(
            "depth: received one for open interest without a dealer sign, which has no loop gain; sign it "
            "with a rule (assign_positions), or leave depth out."
        )
    if isinstance(depth, Impact):
        _refuse_currency("depth", depth, book)
        return depth
    if isinstance(depth, int | float | np.number) and not isinstance(depth, bool):
        return linear(check_number(depth, "depth", 0.0, open_low=True), currency=book.currency)
    raise SchemaError(
        f"depth: received {type(depth).__name__}; legal: an impact of gammaflow.impact, such as "
        'linear(294e6, source="..."), or a number > 0, the currency that moves price by 1 %.'
    )


def _refuse_currency(name: str, given: Impact | Liquidations | None, book: Book) -> None:
    if given is not None and given.currency != book.currency:
        raise MismatchError(
            f"{name}: received {given.currency} for a book in {book.currency}; convert it to {book.currency}."
        )


def _optional(value: Any, name: str, kind: type) -> None:
    if value is not None:
        check_noun(value, name, kind)


def _beta(profile: Repricing, beta: float) -> float:
    """Slope of vol in ln S: the one given, or that of the profile's dynamics where vol moves with spot."""
    given, how = check_number(beta, "beta"), profile.dynamics
    if not how.moves:
        return given
    if given and (how.needs_smile or given != how.beta):
        raise SchemaError(
            f"beta: received {beta!r} for a profile of dynamics {how.name}, in which vol moves with spot "
            "already; leave beta out, or pass a profile of sticky_strike."
        )
    return how.beta
