"""The result of `analyze`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from gammaflow.checks import check_whole
from gammaflow.output import file_name, write_text
from gammaflow.plot.canvas import rename
from gammaflow.plot.page import write_page
from gammaflow.plot.static import plot_panels
from gammaflow.plot.tables import literal, markdown_table, text_table
from gammaflow.report.band_table import band_lines, band_parts
from gammaflow.report.data import ReportData
from gammaflow.report.gain_table import gain_lines, gain_parts
from gammaflow.report.plain import plain
from gammaflow.report.rates import rate_dict
from gammaflow.text import amount_text, expiry_labels, marked, moment_text, strike_text
from gammaflow.units import MEASURES, describe

__all__ = ["Report"]


@dataclass(frozen=True, eq=False, repr=False)
class Report(ReportData):
    """Full analysis of a chain: exposure, profile, levels, and the page that shows them.

    See `gammaflow.report.data.ReportData` for the attributes.

    See Also
    --------
    analyze : Full analysis of a chain or a book: exposure, profile and levels.

    Examples
    --------
    >>> import gammaflow as gf
    >>> report = gf.analyze(gf.demo_chain())
    >>> report.to_dict()["levels"]["call_wall"]
    85000.0
    >>> report.to_html("report.html")  # doctest: +SKIP
    """

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
        units = describe(self.book.currency)
        kinds = self.exposure.by(key, "kind")["gamma"].unstack(fill_value=0).add_suffix(" gamma")
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

        The page opens on one screen: the regime, gamma by strike, gamma over spot and dealers' trades on one
        price axis, key levels and the hedge ladder. Its controls (expiry, bars, measure, range, rule, vol
        dynamics) work offline: it embeds everything it needs (about 2.3 MB, most of it plotly) and asks for
        nothing. It is written atomically, so that an incomplete page is never seen.

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
        from gammaflow.plot.desk import render_desk
        from gammaflow.report.desk import desk_model

        book = self.book
        if path is None:
            name = file_name(book.symbol, "report")
            path = Path(f"{name}{'_subset' * bool(book.subset)}_{book.asof:%Y%m%dT%H%M%SZ}.html")
        return write_page(render_desk(desk_model(self)), path)

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


def _words(name: str) -> str:
    return name.replace("_", " ")
