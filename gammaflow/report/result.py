"""The result of `analyze`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from gammaflow.accuracy import shortfall_lines, worst
from gammaflow.checks import check_whole
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
from gammaflow.output import file_name, write_text
from gammaflow.plot.canvas import rename
from gammaflow.plot.page import Panel, render_page, write_page
from gammaflow.plot.static import plot_panels
from gammaflow.plot.tables import literal, markdown_table, text_table
from gammaflow.positions.beliefs import FLAT, Beliefs
from gammaflow.positions.book import Book
from gammaflow.report.band_table import band_lines, band_panels, band_parts
from gammaflow.report.gain_table import gain_lines, gain_parts, gain_tables
from gammaflow.report.highlights import cards, figures, gamma_by
from gammaflow.report.plain import plain
from gammaflow.report.rates import early_exercise_facts, rate_dict, rate_facts
from gammaflow.text import amount_text, expiry_labels, marked, moment_text, price_text, strike_text
from gammaflow.units import MEASURES, describe

__all__ = ["Report"]

_SECONDS = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, eq=False, repr=False)
class Report(Frozen):
    """Full analysis of a chain: exposure, profile, levels, and the page that shows them.

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

    Examples
    --------
    >>> import gammaflow as gf
    >>> report = gf.analyze(gf.demo_chain())
    >>> report.to_dict()["levels"]["call_wall"]
    85000.0
    >>> report.to_html("report.html")  # doctest: +SKIP
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

    def totals_text(self) -> pd.DataFrame:
        """Totals of each measure over the book, as text in a readable unit."""
        units, total = describe(self.book.currency), self.exposure.total()
        rows = [
            (_words(name), *amount_text(total[name], units[name], 2), measure.meaning)
            for name, measure in MEASURES.items()
        ]
        return pd.DataFrame(rows, columns=["measure", "total", "unit", "meaning"])

    def by_text(self, key: str) -> pd.DataFrame:
        """Every measure per "expiry", "strike" or "venue", as text in readable units, gamma by kind first."""
        units, kinds = describe(self.book.currency), gamma_by(self.exposure, key).add_suffix(" gamma")
        table = self.exposure.by(key)
        measures = text_table(table.rename(columns=_words), {_words(k): unit for k, unit in units.items()})
        out = pd.concat([text_table(kinds, dict.fromkeys(map(str, kinds), units["gamma"])), measures], axis=1)
        if key == "expiry":
            pain = (
                self.levels.max_pain.map(strike_text)
                .astype(object)
                .reindex(self.book.expiries, fill_value="none")
            )
            out.insert(0, f"max pain [{self.book.currency}]", pain)
            out.insert(0, "expiry [UTC]", expiry_labels(self.book.expiries))
        elif key == "strike":
            out.insert(0, f"strike [{self.book.currency}]", table.index.map(strike_text))
        else:
            out.insert(0, key, table.index)
        return out.reset_index(drop=True)

    def unusable(self) -> pd.DataFrame:
        """Rows that are not in the measures, by reason, as text."""
        if self.quality is None:
            return pd.DataFrame(columns=["reason", "rows", "open interest [contracts]"], dtype=object)
        rows = [
            (str(reason), f"{int(row['rows']):,}", f"{row['open_interest']:,.0f}")
            for reason, row in self.quality.table.iterrows()
        ]
        rows += [(f"not in the chain: {why}", f"{n:,}", "") for why, n in self.quality.left_out.items()]
        return pd.DataFrame(rows, columns=["reason", "rows", "open interest [contracts]"], dtype=object)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain numbers, text, lists and dicts for JSON; missing numbers are None.

        Measures are in the units named under "units", without powers of ten.
        """
        profile, book = self.profile, self.book
        found: dict[str, Any] = plain(
            {
                "symbol": book.symbol,
                "subset": book.subset and book.subset._asdict(),
                "asof": book.asof,
                "spot": book.spot,
                "currency": book.currency,
                "vendor": self.chain.vendor if self.chain else None,
                "rule": book.rule_text,
                "signed": book.signed,
                "sign": book.sign,
                "filters": list(book.filters),
                "warnings": self.warnings(),
                "financing": rate_dict(book, self.financing),
                "units": describe(book.currency),
                "levels": self.levels.to_dict(),
                "bands": self.bands.to_dict() if self.beliefs else None,
                "loop_gain": self.loop_gain.to_dict() if self.loop_gain else None,
                "total": self.exposure.total().to_dict(),
                "by_expiry": self.exposure.by("expiry").reset_index().to_dict("records"),
                "by_venue": self.exposure.by("venue").reset_index().to_dict("records"),
                "by_strike": self.exposure.by("strike").reset_index().to_dict("records"),
                "without_strike": self.exposure.without_strike.to_dict(),
                "profile": {
                    "dynamics": profile.dynamics.name,
                    "days": profile.days,
                    "vol_shift": profile.vol_shift,
                    **profile.table.reset_index().to_dict("list"),
                },
                "quality": self.quality.to_dict() if self.quality else None,
            }
        )
        return found

    def to_markdown(self, path: str | Path | None = None, *, strikes: int = 10) -> str:
        """The report as GitHub markdown: conditions, levels, totals, expiries, heaviest strikes, quality.

        Parameters
        ----------
        path : str or Path, optional
            File to write the text to, atomically; SchemaError where it cannot be written.
        strikes : int
            Number of strikes to list, those with the largest net gamma first.
        """
        check_whole(strikes, "strikes", 0)
        heaviest = self.exposure.by("strike")["gamma"].abs().argsort()[::-1][:strikes]
        level = pd.DataFrame(self.levels.lines(), columns=["level", "value"])
        parts = [
            f"# {literal(self.book.title)} dealer exposure",
            *(f"> **{text}**" for text in self.warnings()),
            markdown_table(pd.DataFrame(self.facts(), columns=["what", "value"])),
            "## Levels",
            markdown_table(level),
            *(band_parts(self.bands, self.levels) if self.beliefs else []),
            *gain_parts(self.loop_gain),
            "## Totals",
            markdown_table(self.totals_text()),
            *(["## By venue", markdown_table(self.by_text("venue"))] if self._several_venues else []),
            "## By expiry",
            markdown_table(self.by_text("expiry")),
            f"## Heaviest strikes ({len(heaviest)} of {self.exposure.by('strike').shape[0]:,})",
            *([self.exposure.left_out("strike")] if self.exposure.left_out("strike") else []),
            markdown_table(self.by_text("strike").iloc[heaviest]),
            "## Data quality",
            literal(self._quality_text()),
            *([markdown_table(self.unusable())] if len(self.unusable()) else []),
        ]
        return write_text("\n\n".join(parts) + "\n", path)

    def to_html(self, path: str | Path | None = None) -> Path:
        """Write the report as one self-contained page and return its path.

        The page embeds everything it needs (about 5 MB, most of it plotly) and fetches nothing. It is written
        atomically, so that an incomplete page is never seen.

        Parameters
        ----------
        path : str or Path, optional
            The file to write; by default ``{symbol}_{asof}.html`` in the current folder, or
            ``{symbol}_subset_{asof}.html``.

        Returns
        -------
        Path
            The file written.

        Raises
        ------
        GammaflowError
            Where plotly is not installed.
        SchemaError
            Where `path` cannot be written.
        """
        book = self.book
        if path is None:
            name = file_name(book.symbol, "report")
            path = Path(f"{name}{'_subset' * bool(book.subset)}_{book.asof:%Y%m%dT%H%M%SZ}.html")
        text = render_page(
            f"{book.title} {'dealer gamma' if book.signed else 'option gamma, no dealer sign'}",
            lead=[
                f"{self.facts()[0][1]}, spot {price_text(book.spot)} {book.currency}",
                f"Rule: {book.rule_text}",
                *(f"Filter: {text}" for text in book.filters),
            ],
            facts=[fact for fact in self.facts() if fact[0] not in ("as of", "spot", "rule", "filter")],
            banners=self.warnings(),
            cards=cards(self.levels, self.loop_gain),
            figures=figures(self.levels, self.bands if self.beliefs else None, self.loop_gain),
            tables=self._tables(),
            footer="Written by gammaflow. k, m, bn and tn are thousand, million, billion and trillion.",
        )
        return write_page(text, path)

    def plot(self) -> Any:
        """Gamma over spot with its levels, and gamma by strike and by expiry (matplotlib Figure)."""
        moment = moment_text(self.book.asof, self.profile.days, self.profile.vol_shift)
        title = f"{self.book.title} gamma, {moment}"
        notes = [f"rule: {self.book.rule_text}", *self.book.filters, *self.warnings()]
        figure, (top, left, right) = plot_panels(title, "\n".join(notes))
        rename(self.levels.plot(ax=top), "over spot")
        if self.book.has_strike.any():
            rename(self.exposure.plot("strike", levels=self.levels, ax=left), "by strike")
        else:
            left.set_axis_off()
            left.set_title(self.exposure.left_out("strike"), loc="left")
        rename(self.exposure.plot("expiry", ax=right), "by expiry")
        return figure

    def _page_table(self) -> pd.DataFrame:
        return self.exposure.by("expiry")

    def _page_units(self) -> Mapping[str, str]:
        return describe(self.book.currency)

    def __repr__(self) -> str:
        facts, totals = self.facts(), self.totals_text()
        lines = [
            *((name, text) for name, text in facts[2:]),
            *self.levels.lines(),
            *((name, f"{total} {unit}") for name, total, unit, _ in totals.to_numpy().tolist()),
            *self.band_lines(),
            *gain_lines(self.loop_gain),
        ]
        width = max(len(name) for name, _ in lines)
        return "\n".join(
            [
                f"Report {self.book.title}, as of {facts[0][1]}, spot {facts[1][1]}",
                *marked(self.faults()),
                *self.notices(),
                *(f"  {name:<{width}}  {text}" for name, text in lines),
                self.book.quality_text or self._quality_text(),
            ]
        )

    def band_lines(self) -> list[tuple[str, str]]:
        """Name and text of each level under the beliefs; empty without beliefs."""
        return band_lines(self.bands) if self.beliefs else []

    @property
    def _several_venues(self) -> bool:
        return len(set(self.book["venue"])) > 1

    def _quality_text(self) -> str:
        """The text of the quality without the rows that `unusable` lists."""
        if self.quality is None:
            return "No record of quality: no chain is behind the book."
        lines = [line for line in self.book.quality_text.splitlines() if not line.startswith(" ")]
        return " ".join(f"{line[0].upper()}{line[1:].rstrip('.')}." for line in lines)

    def _tables(self) -> list[Panel]:
        level = pd.DataFrame(self.levels.lines(), columns=["level", "value"])
        return [
            Panel("Levels", "", level),
            *(band_panels(self.bands, self.levels) if self.beliefs else []),
            *gain_tables(self.loop_gain),
            Panel("Totals", "Summed over the book, at spot.", self.totals_text()),
            *([Panel("By venue", "", self.by_text("venue"))] if self._several_venues else []),
            Panel("By expiry", "", self.by_text("expiry")),
            Panel("By strike", self.exposure.left_out("strike"), self.by_text("strike")),
            Panel("Data quality", self._quality_text(), self.unusable()),
        ]


def _words(name: str) -> str:
    return name.replace("_", " ")
