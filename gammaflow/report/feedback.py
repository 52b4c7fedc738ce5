"""FeedbackReport: loop gain, cascade and simulation of one book, as tables, text, JSON and a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.feedback.cascade.curve import CascadeCurve, cascade_curve
from gammaflow.feedback.cascade.hedge_path import hedge_path
from gammaflow.feedback.cascade.solve import Cascade, solve_cascade
from gammaflow.feedback.gain.loop_gain import LoopGain, loop_gain
from gammaflow.feedback.impact import Impact
from gammaflow.feedback.liquidations import Liquidations
from gammaflow.feedback.simulation.counterfactual import Counterfactual
from gammaflow.feedback.simulation.paths import FeedbackPaths
from gammaflow.feedback.simulation.simulate import simulate_feedback
from gammaflow.feedback.surface.grid import hedge_surface
from gammaflow.frozen import Frozen
from gammaflow.output import write_text
from gammaflow.plot.page import render_page, write_page
from gammaflow.plot.tables import literal, markdown_table
from gammaflow.positions.book import Book
from gammaflow.report import feedback_text
from gammaflow.report.feedback_page import cards, figures, panels
from gammaflow.report.plain import plain
from gammaflow.report.result import Report

__all__ = ["FeedbackReport", "analyze_feedback"]

# Shocks of the curve: as many, from none to this times the shock.
_SHOCKS, _BEYOND = 61, 2.0
# Share of the work that lies before the simulations.
_BEFORE = 0.3


@dataclass(frozen=True, eq=False, repr=False)
class FeedbackReport(Frozen):
    """Price impact of dealer hedging in one book: loop gain, the cascade of a shock, and a simulation.

    Attributes
    ----------
    report : Report
        Levels and conditions of the book.
    gain : LoopGain
        Loop gain over spot.
    cascade : Cascade or None
        Landing of the shock with time held fixed; None without a shock.
    curve : CascadeCurve or None
        Landing against shocks up to twice this one.
    paths : FeedbackPaths
        The Monte Carlo.
    effects : Counterfactual
        The same without one channel at a time.

    Examples
    --------
    >>> import gammaflow as gf
    >>> from gammaflow.report.feedback import analyze_feedback
    >>> depth = gf.impact.linear(294e6, source="Citi, ETF flows")
    >>> found = analyze_feedback(
    ...     gf.analyze(gf.demo_chain()), impact=depth, shock=-1e9, volatility=0.56, paths=200, steps=24
    ... )
    >>> found.paths.attribution.columns.to_list()
    ['deleveraging', 'gamma', 'charm', 'noise']
    """

    report: Report
    gain: LoopGain
    cascade: Cascade | None
    curve: CascadeCurve | None
    paths: FeedbackPaths
    effects: Counterfactual

    @property
    def book(self) -> Book:
        """Dealers' positions."""
        return self.report.book

    @property
    def warnings(self) -> list[str]:
        """Warnings that every reader of the numbers must see."""
        parts = [self.report.warnings(), self.gain.warnings, self.paths.warnings]
        return list(dict.fromkeys(text for part in parts for text in part))

    def facts(self) -> list[tuple[str, str]]:
        """Name and text of what the numbers depend on besides the report's own conditions."""
        return feedback_text.facts(self)

    def tables(self) -> list[tuple[str, str, pd.DataFrame]]:
        """Title, note and table of texts of loop gain, cascade, simulated move and channels."""
        return feedback_text.tables(self)

    @property
    def table(self) -> pd.DataFrame:
        """One row per simulated path: the columns of `FeedbackPaths.table`, then the attribution."""
        return pd.concat([self.paths.table, self.paths.attribution], axis=1)

    def to_dict(self) -> dict[str, Any]:
        """All numbers but the paths as plain Python for JSON; missing ones are None."""
        found: dict[str, Any] = plain(
            {
                "warnings": self.warnings,
                "conditions": dict(self.facts()),
                "loop_gain": self.gain.to_dict(),
                "cascade": feedback_text.cascade_dict(self.cascade),
                "landings": [] if self.curve is None else self.curve.table.reset_index().to_dict("records"),
                "simulation": self.paths.to_dict(),
                "counterfactual": self.effects.table.reset_index().to_dict("records"),
            }
        )
        return found

    def to_markdown(self, path: str | Path | None = None) -> str:
        """Conditions and tables as GitHub markdown, also written to `path` where one is given."""
        parts = [
            f"# {literal(self.book.title)}: price impact of dealer hedging",
            *(f"> **{literal(text)}**" for text in self.warnings),
            markdown_table(pd.DataFrame([*self.report.facts(), *self.facts()], columns=["what", "value"])),
        ]
        for title, note, table in self.tables():
            parts += [f"## {title}", *([literal(note)] if note else []), markdown_table(table)]
        return write_text("\n\n".join(parts) + "\n", path)

    def to_html(self, path: str | Path) -> Path:
        """Write one self-contained page, atomically, and return its path.

        Raises
        ------
        GammaflowError
            Where plotly is not installed.
        SchemaError
            Where `path` cannot be written.
        """
        head = dict(self.report.facts())
        text = render_page(
            f"{self.book.title}: price impact of dealer hedging",
            lead=[f"{head['as of']}, spot {head['spot']}", f"Rule: {head['rule']}"],
            facts=[*self.facts(), *(f for f in self.report.facts() if f[0] not in ("as of", "spot", "rule"))],
            banners=self.warnings,
            cards=cards(self),
            figures=figures(self),
            tables=panels(self),
            footer="Written by gammaflow. k, m, bn and tn are thousand, million, billion and trillion.",
        )
        return write_page(text, path)

    def summary(self) -> str:
        """Loop gain, cascade and simulation, as text."""
        found = [self.gain, self.cascade, self.paths, self.effects]
        return "\n\n".join(each.summary() for each in found if each is not None)

    def __repr__(self) -> str:
        return self.summary()


def analyze_feedback(
    report: Report,
    *,
    impact: Impact,
    shock: float = 0.0,
    shock_days: float = 0.0,
    beta: float = 0.0,
    hedge_fraction: float = 1.0,
    liquidations: Liquidations | None = None,
    days: float = 1.0,
    steps: int = 390,
    paths: int = 10_000,
    seed: int = 0,
    volatility: float | None = None,
    tick: Callable[[str, float], None] = lambda stage, share: None,
) -> FeedbackReport:
    """Loop gain, the cascade of a shock, and a simulation with its counterfactual, under the same inputs.

    Parameters
    ----------
    report : Report
        As `analyze` returns.
    impact : Impact
        Price impact (`gammaflow.impact`); there is no default.
    shock : float
        Exogenous flow [currency], < 0 sells; 0 for none.
    shock_days : float
        Days over which the simulation trades the shock; 0: at once.
    beta, hedge_fraction, liquidations
        As for `loop_gain`.
    days, steps, paths, seed, volatility
        As for `simulate_feedback`.
    tick : function, optional
        Called at the start of each stage with its name and the share of work already done, 0 to 1.

    Returns
    -------
    FeedbackReport

    Raises
    ------
    SchemaError, MismatchError
        As for the functions that it calls.
    """
    terms: dict[str, Any] = {"liquidations": liquidations}
    tick("loop gain", 0.0)
    gain = loop_gain(report.profile, impact, beta=beta, hedge_fraction=hedge_fraction, **terms)
    cascade = curve = None
    if shock:
        tick("cascade", 0.05)
        path = hedge_path(report.book, beta=beta, hedge_fraction=hedge_fraction)
        cascade = solve_cascade(path, shock=shock, impact=impact, **terms)
        shocks = np.sort(np.linspace(0.0, _BEYOND * shock, _SHOCKS))
        curve = cascade_curve(path, shocks, impact=impact, **terms)
    tick("dealers' delta over time, spot and volatility", 0.1)
    surface = hedge_surface(report.book, days=days, beta=beta)
    names = [
        "gamma",
        "charm",
        *["vanna"] * bool(beta),
        *["knock_in"] * bool(np.isfinite(surface.barrier_x).any()),
    ]
    channels: list[Any] = [*names, *([liquidations] if liquidations is not None else [])]
    tick("simulation", _BEFORE)
    found = simulate_feedback(
        surface, impact=impact, channels=channels, paths=paths, steps=steps, days=days, seed=seed,
        volatility=volatility, beta=beta, hedge_fraction=hedge_fraction, shock=shock, shock_days=shock_days,
    )  # fmt: skip
    return FeedbackReport(report, gain, cascade, curve, found, _without_each(found, tick))


def _without_each(paths: FeedbackPaths, tick: Callable[[str, float], None]) -> Counterfactual:
    """The counterfactual of dropping one channel at a time; each of its simulations is a stage."""
    setup = paths.setup
    each = (1.0 - _BEFORE) / (1.0 + len(setup.channels))
    done = iter(range(1, 1 + len(setup.channels)))

    def run(again: Any, names: tuple[str, ...]) -> Any:
        dropped = next(name for name in setup.channels if name not in names)
        tick(f"simulation without {dropped.replace('_', ' ')}", _BEFORE + each * next(done))
        return setup.run(again, names)

    found = replace(paths, setup=replace(setup, run=run)).counterfactual()
    return replace(found, setup=setup)
