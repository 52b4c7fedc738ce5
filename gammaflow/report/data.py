"""The data of a report: the objects behind it, their conditions and warnings."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from gammaflow.accuracy import shortfall_lines, worst
from gammaflow.errors import SchemaError
from gammaflow.exposure.bands import Bands, sign_bands
from gammaflow.exposure.exposure import Exposure
from gammaflow.exposure.levels import Levels
from gammaflow.exposure.profile import Profile
from gammaflow.feedback.gain import text as gain_text
from gammaflow.feedback.gain.loop_gain import LoopGain, loop_gain
from gammaflow.feedback.impact import Impact
from gammaflow.frozen import Frozen
from gammaflow.market.chain import Chain, Quality
from gammaflow.market.financing import Financing
from gammaflow.positions.beliefs import FLAT, Beliefs
from gammaflow.positions.book import Book
from gammaflow.positions.rules import PositionRule
from gammaflow.report.rates import early_exercise_facts, rate_facts
from gammaflow.report.regime import Regime, find_regime
from gammaflow.text import moment_text

__all__ = ["ReportData"]

_SECONDS = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, eq=False, repr=False)
class ReportData(Frozen):
    """Objects of a full analysis, with the conditions and warnings of its numbers; see `Report`.

    Attributes
    ----------
    chain : Chain or None
        The quotes; None if a book was analysed.
    book : Book
        Dealers' signed positions.
    exposure : Exposure
        Measures at the book's spot, per expiry, strike and kind, after the requested days and vol shift.
    profile : Profile
        The same measures at other spots.
    levels : Levels
        Flips, short-gamma zones and walls.
    financing : Financing
        Sources of the book's rates and yields.
    interest : Chain, Book or None
        Open interest behind the positions, as it is valued; None for a book that is signed already.
    beliefs : Beliefs or None
        Beliefs about the sign of positions; where given, every output shows `bands`.
    depth : Impact or None
        Price impact; where given, every output shows `loop_gain`.
    rule : PositionRule or None
        Rule that signed the positions; None for a book, and where positions were given.
    history : DataFrame or None
        Summaries of earlier snapshots, as `gf.history(...).table`; where given, pages show the change since.
    adv : float or None
        Average daily volume of the underlying [currency a day], with which hedges are compared.
    """

    chain: Chain | None
    book: Book
    exposure: Exposure
    profile: Profile
    levels: Levels
    financing: Financing = field(default_factory=Financing)
    interest: Chain | Book | None = None
    beliefs: Beliefs | None = None
    depth: Impact | None = None
    rule: PositionRule | None = None
    history: pd.DataFrame | None = None
    adv: float | None = None

    @cached_property
    def bands(self) -> Bands:
        """Gamma over spot and its levels under `beliefs`, by default flat ones: as `gf.sign_bands`.

        Raises
        ------
        SchemaError
            For a book whose positions are signed already.
        """
        if self.interest is None:
            raise SchemaError(
                "bands: this report is of positions that are signed already "
                f"({self.book.rule_text}); legal: reports of a chain or of unsigned open interest."
            )
        profile = self.profile
        how: dict[str, Any] = {"dynamics": profile.dynamics, "days": profile.days}
        how |= {"vol_shift": profile.vol_shift, "core": self.levels.core_fraction}
        return sign_bands(self.interest, FLAT if self.beliefs is None else self.beliefs, **how)

    @cached_property
    def loop_gain(self) -> LoopGain | None:
        """Loop gain over spot at the report's depth, with the bands of its beliefs; None without a depth."""
        if self.depth is None:
            return None
        return loop_gain(self.profile, self.depth, bands=self.bands if self.beliefs else None)

    @cached_property
    def regime(self) -> Regime:
        """Dealers' gamma regime: short, long or near neutral, with the numbers that it rests on.

        Examples
        --------
        >>> import gammaflow as gf
        >>> regime = gf.analyze(gf.demo_chain()).regime
        >>> regime.state, round(regime.share, 2), round(regime.flip)
        ('short', -0.41, 77509)
        """
        from gammaflow.studies.net_gamma import gamma_by_rule, gamma_by_treatment

        profile, data, rules = self.profile, {}, {}
        rolled: dict[str, Any] = {"days": profile.days, "vol_shift": profile.vol_shift}
        if self.chain is not None and self.rule is not None and self.book.signed:
            data = gamma_by_treatment(self.chain, self.rule, **rolled)
        if isinstance(self.interest, Chain):
            rules = gamma_by_rule(self.interest, **rolled)
        return find_regime(self.levels, data=data, rules=rules)

    @property
    def quality(self) -> Quality | None:
        """Quality of the chains: usable rows, and the others by reason; None for a book without a chain."""
        return self.book.quality

    def facts(self) -> list[tuple[str, str]]:
        """Name and text of the conditions on which every number of the report depends."""
        book, profile = self.book, self.profile
        source = ", ".join(dict.fromkeys([*book.sources, *sorted(set(map(str, book["venue"])))]))
        return [
            ("as of", moment_text(book.asof, profile.days, profile.vol_shift, _SECONDS)),
            ("spot", f"{book.spot:,.2f} {book.currency}"),
            (
                "source",
                f"{source}; positions: {len(book):,}; expiries: {len(book.expiries.dropna()):,}"
                + (f"; {book.subset}" if book.subset else ""),
            ),
            ("rule", book.rule_text),
            *(("filter", text) for text in book.filters),
            ("sign", book.sign),
            *self.rates(),
            (
                "profile",
                f"{profile.dynamics.name}: {profile.dynamics.meaning}; rolled {profile.days:g} days forward, "
                f"volatility shifted by {100 * profile.vol_shift:g} points",
            ),
            *(("rows", remark) for remark in profile.remarks),
            *early_exercise_facts(book),
            ("time", "to the second, ACT/365; expiries in UTC"),
        ]

    def rates(self) -> list[tuple[str, str]]:
        """Name and text of the rates and yields used for valuation, and their sources."""
        return rate_facts(self.book, self.financing)

    def warnings(self) -> list[str]:
        """Warnings that every reader of the report's numbers must see."""
        return [*self.faults(), *self.notices()]

    def faults(self) -> tuple[str, ...]:
        """Implausibilities of the book, the roll, the depth, and the forwards that its rates imply.

        Forwards about which financing warns are reported once, by financing.
        """
        told = ("forward", "spot") if self.financing.warnings else ()
        own = tuple(text for text in self.profile.warnings if text.partition(":")[0] not in told)
        gain = gain_text.warnings(self.loop_gain) if self.loop_gain else []
        return (*own, *self.financing.warnings, *gain)

    def notices(self) -> list[str]:
        """Notices about the making of the book that are no errors."""
        out = []
        if self.book.synthetic:
            out.append("Synthetic demonstration data: no number here is a market quote.")
        if not self.book.signed:
            out.append(
                "Unsigned: positions are open interest alone and carry no dealer sign. These numbers "
                "measure how much gamma there is, not who holds it."
            )
        return [*out, *shortfall_lines(worst(self.exposure.shortfalls + self.profile.shortfalls))]
