"""One result of each class that draws a picture or writes itself: of the docstrings' examples, and others."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import inspect
import io
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

import gammaflow as gf
from gammaflow.evidence import activity, correlation, open_interest
from gammaflow.feedback.surface.grid import hedge_surface
from gammaflow.positions.notes import book_notes
from gammaflow.pricing.note.terms import NoteTerms
from gammaflow.studies.barrier_books import barrier_parts
from gammaflow.studies.barriers import knock_jumps
from gammaflow.studies.event import read_week, scorecard
from support.barrier_books import barrier_book
from support.made_up_event import files, write

# Docstrings whose examples make results of classes that no earlier one makes.
EXAMPLES = (
    "batch.history.History",
    "batch.result.BatchResult",
    "batch.seasons.bootstrap.bootstrap",
    "batch.seasons.events.event_study",
    "batch.seasons.regression.regress",
    "batch.seasons.study.study",
    "batch.seasons.volatility.realized_volatility",
    "evidence.activity.put_share.put_share",
    "evidence.activity.records.Records",
    "evidence.activity.traded_value.traded_value",
    "evidence.basis.audit.check",
    "evidence.basis.by_day.daily",
    "evidence.basis.candidates.by_clock",
    "evidence.basis.deviations.jumps",
    "evidence.basis.maturities.curve",
    "evidence.correlation.breaks.breakpoints",
    "evidence.correlation.ordering.closer",
    "evidence.correlation.rolling.rolling",
    "evidence.correlation.window.window",
    "evidence.etf_flows.basis_trades.directional",
    "evidence.etf_flows.labels.label_day",
    "evidence.etf_flows.model.FlowModel.at",
    "evidence.etf_flows.records.reconcile",
    "evidence.etf_flows.surprises.surprise",
    "evidence.etf_flows.whole_baskets.baskets",
    "evidence.holders",
    "evidence.open_interest.attribution.attribute",
    "evidence.open_interest.basis_trade.unwinds",
    "evidence.open_interest.change.changes",
    "evidence.rivals",
    "evidence.tails.compare.TailComparison",
    "evidence.tails.scores.z_scores",
    "exposure.cube.Cube",
    "exposure.exercise.ExerciseComparison",
    "exposure.exposure.Exposure",
    "exposure.flow.flow_ladder",
    "exposure.flow.hedge_flow",
    "exposure.levels.Levels",
    "exposure.smile.Smiles",
    "feedback.cascade.curve.CascadeCurve",
    "feedback.cascade.solve.Cascade",
    "feedback.deleveraging",
    "feedback.deleveraging.distressed_selling.DistressedSelling",
    "feedback.deleveraging.rules.Drawdown",
    "feedback.deleveraging.rules.FixedCut",
    "feedback.deleveraging.rules.VarLimit",
    "feedback.deleveraging.schedule.Schedule",
    "feedback.fund.etf_ledger.EtfLedger",
    "feedback.gain.loop_gain.LoopGain",
    "feedback.limit_capacity.LimitCapacity",
    "feedback.liquidations.pools.Liquidations",
    "instruments.note.products.Autocallable",
    "instruments.note.products.BarrierNote",
    "instruments.note.products.ReverseConvertible",
    "market.trades.trades.Trades",
    "positions.flow.classification",
    "positions.flow.inventory.Flow",
    "positions.interest.change.OpenInterestChange",
    "positions.interest.estimate.estimate_open_interest",
    "positions.interest.estimate.score_open_interest",
    "report.feedback.FeedbackReport",
    "studies.barriers.cliff",
    "studies.conventions",
    "studies.event.fit.fit_event",
    "studies.reconcile.Reconciliation",
    "studies.rules.RuleComparison",
    "studies.scenarios.compare_dynamics",
    "studies.scenarios.flip_path",
    "studies.scenarios.flip_term_structure",
    "studies.scenarios.flow_around_spot",
)


def _docstring(name: str) -> tuple[str, dict[str, Any]]:
    """The docstring of a dotted name below the package, and the names that its examples see."""
    parts = f"gammaflow.{name}".split(".")
    for cut in range(len(parts), 0, -1):
        with contextlib.suppress(ModuleNotFoundError):
            module = importlib.import_module(".".join(parts[:cut]))
            break
    thing: Any = module
    for part in parts[cut:]:
        thing = getattr(thing, part)
    return inspect.getdoc(thing) or "", dict(vars(module))


def made_by(name: str) -> Iterator[Any]:
    """Objects that the examples of a docstring name or show."""
    text, names = _docstring(name)
    before, shown = set(names), []
    with patch.object(sys, "displayhook", shown.append), contextlib.redirect_stdout(io.StringIO()):
        for example in doctest.DocTestParser().get_examples(text):
            if example.exc_msg is None and not example.options.get(doctest.SKIP):
                exec(compile(example.source, name, "single"), names)
    yield from (value for name, value in names.items() if name not in before)
    yield from shown


def others(folder: Path) -> Iterator[Any]:
    """Results that no example names."""
    chain = gf.demo_chain()
    book = gf.assign_positions(chain)
    profile = gf.sweep_spot(book)
    repaired = gf.repair_chain(chain)
    yield from (chain, chain.quality, repaired, repaired.quality, book, book.quality, profile)
    yield gf.Store(folder / "store")
    bands = gf.sign_bands(chain.select(gf.filters.dte(0, 20)), draws=500)
    yield from (bands, bands.flips, bands.zones, bands.core, bands.break_even)
    yield from (gf.Beliefs(), gf.Beliefs().on(chain), gf.sensitivity(chain), gf.filters.dte(0, 7))
    yield gf.analyze(chain)
    yield from (gf.RateCurve({"2026-06-19": 0.036}), gf.Dividends({"2026-06-19": 0.5}), read_week())
    notes = book_notes(gf.demo_notes(), spot=40.53, asof="2026-02-05T09:36Z", sigma=0.56)
    yield from (gf.note_maps.barrier_map(notes, step=1.0), gf.note_maps.locate(notes))
    yield from (gf.demo_notes()[0], gf.note_maps.knock_in_sales(sigma=[0.56], years=[0.25, 1.0]))
    terms = NoteTerms([1.75], continuous=True, barrier=0.7, edges=[1.0],
                      intact=[[1.0, 0.0], [1.0, 0.0]], hit=[[0.0, 1.0], [1.0, 0.0]])  # fmt: skip
    yield gf.note_maps.vega_matched_puts(terms, [0.6, 0.8, 1.0], spot=1.0, sigma=0.56, notional=530e6)
    yield knock_jumps("down-in", "p", 1.0, 0.7, 0.0, [0.45, 0.9], years=(1 / 52, 2.0))
    barriers = barrier_book(["down-in put", "call"], barrier=[70.0, np.nan])
    yield barrier_parts(gf.sweep_spot(barriers, np.linspace(60.0, 120.0, 61)))
    grown = gf.assign_positions(chain.with_columns(open_interest=1.1 * chain["open_interest"]))
    yield gf.compare_books(book, grown)
    near = book.select(gf.filters.dte(0, 2))
    paths = gf.simulate_feedback(
        near, impact=gf.impact.linear(1e8), channels=["gamma"], paths=200, steps=8, days=0.5, seed=1
    )
    yield from (paths, paths.counterfactual(), hedge_surface(near, days=0.5), gf.impact.linear(1e8))
    yield scorecard(write(folder, files()))
    days = pd.bdate_range("2026-01-05", periods=64)
    yield activity.turnover(pd.Series(np.linspace(1e8, 3e8, 64), days), 1.351e9)
    common, own, other = np.random.default_rng(3).normal(0.0, 0.02, (3, 64))
    prices = [pd.Series(100.0 * np.exp(np.cumsum(r)), days) for r in (common + own, common, other)]
    yield correlation.every_window(*prices, lengths=(5, 20))
    hours = pd.date_range("2026-03-06", "2026-03-10", freq="h", tz="UTC")
    venues = {"A": pd.Series(hours.hour + 1.0, hours), "B": pd.Series(10.0, hours[::4])}
    yield open_interest.at_clock(venues, unit="BTC")
    week = {"date": ["2026-02-03", "2026-02-10"], "open_interest": [23_044, 24_157]}
    held = {"commercial_long": [521, 700], "commercial_short": [1_489, 1_817],
            "noncommercial_long": [18_939, 17_016], "noncommercial_short": [17_931, 15_999]}  # fmt: skip
    yield open_interest.commitments(pd.DataFrame({**week, **held}))


def results(folder: Path) -> dict[str, Any]:
    """One result by the name of each class in `classes()`; `folder` is for files that some need."""
    wanted, found = classes(), {}
    for value in (*others(folder), *(value for name in EXAMPLES for value in made_by(name))):
        if type(value) in wanted.values():
            found.setdefault(type(value).__name__, value)
    return found


def classes() -> dict[str, type]:
    """Public classes of results, by name: those that draw themselves, and those that write themselves."""
    found = {}
    for module in pkgutil.walk_packages(gf.__path__, "gammaflow."):
        if not module.name.endswith("__main__") and not module.name.startswith(_GROUND):
            found |= {
                name: kind
                for name, kind in vars(importlib.import_module(module.name)).items()
                if inspect.isclass(kind) and kind.__module__ == module.name and _is_result(name, kind)
            }
    return found


_GROUND = (
    "gammaflow.kernels",
    "gammaflow.pricing",
    "gammaflow.app",
    "gammaflow.frozen",
    "gammaflow.columnar",
    "gammaflow.positions.filters.conditions",
)
# Bases of results, which have no instances of their own.
_BASES = {"BriefStudy", "DailyStudy", "LevelData", "Repricing", "Quality", "Distribution", "ShareRule",
          "Note", "Filter", "Study"}  # fmt: skip


def _is_result(name: str, kind: type) -> bool:
    if name.startswith("_") or name in _BASES or issubclass(kind, tuple | BaseException):
        return False
    own = "__dataclass_params__" not in vars(kind) or not vars(kind)["__dataclass_params__"].repr
    return hasattr(kind, "plot") or (own and kind.__repr__ is not object.__repr__)
