"""gammaflow: where option dealers must buy and sell."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gammaflow import schema, units
from gammaflow.errors import (
    ConvergenceError,
    FeedError,
    GammaflowError,
    MismatchError,
    ReaderError,
    SchemaError,
)
from gammaflow.exposure import dynamics
from gammaflow.exposure.bands import Bands, sign_bands
from gammaflow.exposure.exercise import ExerciseComparison, compare_exercise
from gammaflow.exposure.exposure import Exposure, aggregate_exposure
from gammaflow.exposure.levels import Levels, find_levels
from gammaflow.exposure.profile import Profile, sweep_spot
from gammaflow.exposure.smile import Smiles, fit_smiles
from gammaflow.feedback import impact, liquidations
from gammaflow.feedback.gain.loop_gain import LoopGain, loop_gain
from gammaflow.market.carry.dividends import Dividends
from gammaflow.market.carry.rates import RateCurve
from gammaflow.market.chain import Chain
from gammaflow.market.demo import demo_chain
from gammaflow.market.feeds import Answers, Feed, Limits, fetch_chain, fetch_raw, replay
from gammaflow.market.readers import chain_from_frame, read_chain
from gammaflow.market.repair.repair import RepairedChain, repair_chain
from gammaflow.market.store import Store
from gammaflow.market.trades import Trades, read_trades
from gammaflow.positions import beliefs
from gammaflow.positions import rules as positioning
from gammaflow.positions.beliefs import Beliefs
from gammaflow.positions.book import Book
from gammaflow.positions.rules import assign_positions
from gammaflow.pricing import american, barrier, bsm
from gammaflow.report import Report, analyze

if TYPE_CHECKING:
    from gammaflow import evidence, studies
    from gammaflow.batch import seasons
    from gammaflow.batch.history import History, history
    from gammaflow.batch.result import BatchResult
    from gammaflow.batch.run import run_batch
    from gammaflow.batch.summary import summarize
    from gammaflow.exposure.cube import Cube, sweep
    from gammaflow.exposure.flow import FlowLadder, HedgeFlow, flow_ladder, hedge_flow
    from gammaflow.feedback import closed_forms, deleveraging
    from gammaflow.feedback.cascade.curve import CascadeCurve, cascade_curve
    from gammaflow.feedback.cascade.hedge_path import HedgePath, gamma_path, hedge_path
    from gammaflow.feedback.cascade.solve import Cascade, exogenous_flow, solve_cascade
    from gammaflow.feedback.fund.etf_ledger import EtfLedger, etf_creations
    from gammaflow.feedback.limit_capacity import LimitCapacity, limit_capacity
    from gammaflow.feedback.mirror import mirror
    from gammaflow.feedback.simulation.channels import BasisUnwind, DipBuyers, LeveragedFunds, NewTrades
    from gammaflow.feedback.simulation.paths import FeedbackPaths
    from gammaflow.feedback.simulation.simulate import simulate_feedback
    from gammaflow.feedback.surface.grid import hedge_surface
    from gammaflow.feedback.surface.knock_ins import knock_in_table, shifted_barrier
    from gammaflow.feedback.surface.surface import HedgeSurface, constant_gamma_surface
    from gammaflow.instruments.note.registry import demo_notes, read_notes
    from gammaflow.positions import filters, venues
    from gammaflow.positions.flow import classification
    from gammaflow.positions.flow.customer_flow import customer_flow
    from gammaflow.positions.flow.inventory import Flow
    from gammaflow.positions.flow.open_close import open_close
    from gammaflow.positions.interest.change import OpenInterestChange, open_interest_change
    from gammaflow.positions.interest.estimate import (
        estimate_open_interest,
        fit_open_interest,
        score_open_interest,
    )
    from gammaflow.positions.notes import Autocallable, BarrierNote, ReverseConvertible, book_notes
    from gammaflow.studies import conventions
    from gammaflow.studies import notes as note_maps
    from gammaflow.studies.books import compare_books
    from gammaflow.studies.conventions import Convention
    from gammaflow.studies.data import sensitivity
    from gammaflow.studies.reconcile import Reconciliation, reconcile
    from gammaflow.studies.rules import RuleComparison, compare_rules
    from gammaflow.studies.scenarios import compare_dynamics, flip_path, flip_term_structure, flow_around_spot

__version__ = "0.1.0"

__all__ = [
    "Answers",
    "Autocallable",
    "Bands",
    "BarrierNote",
    "BasisUnwind",
    "BatchResult",
    "Beliefs",
    "Book",
    "Cascade",
    "CascadeCurve",
    "Chain",
    "Convention",
    "ConvergenceError",
    "Cube",
    "DipBuyers",
    "Dividends",
    "EtfLedger",
    "ExerciseComparison",
    "Exposure",
    "Feed",
    "FeedError",
    "FeedbackPaths",
    "Flow",
    "FlowLadder",
    "GammaflowError",
    "HedgeFlow",
    "HedgePath",
    "HedgeSurface",
    "History",
    "Levels",
    "LeveragedFunds",
    "LimitCapacity",
    "Limits",
    "LoopGain",
    "MismatchError",
    "NewTrades",
    "OpenInterestChange",
    "Profile",
    "RateCurve",
    "ReaderError",
    "Reconciliation",
    "RepairedChain",
    "Report",
    "ReverseConvertible",
    "RuleComparison",
    "SchemaError",
    "Smiles",
    "Store",
    "Trades",
    "aggregate_exposure",
    "american",
    "analyze",
    "assign_positions",
    "barrier",
    "beliefs",
    "book_notes",
    "bsm",
    "cascade_curve",
    "chain_from_frame",
    "classification",
    "closed_forms",
    "compare_books",
    "compare_dynamics",
    "compare_exercise",
    "compare_rules",
    "constant_gamma_surface",
    "conventions",
    "customer_flow",
    "deleveraging",
    "demo_chain",
    "demo_notes",
    "dynamics",
    "estimate_open_interest",
    "etf_creations",
    "evidence",
    "exogenous_flow",
    "fetch_chain",
    "fetch_raw",
    "filters",
    "find_levels",
    "fit_open_interest",
    "fit_smiles",
    "flip_path",
    "flip_term_structure",
    "flow_around_spot",
    "flow_ladder",
    "gamma_path",
    "hedge_flow",
    "hedge_path",
    "hedge_surface",
    "history",
    "impact",
    "knock_in_table",
    "limit_capacity",
    "liquidations",
    "loop_gain",
    "mirror",
    "note_maps",
    "open_close",
    "open_interest_change",
    "positioning",
    "read_chain",
    "read_notes",
    "read_trades",
    "reconcile",
    "repair_chain",
    "replay",
    "run_batch",
    "schema",
    "score_open_interest",
    "seasons",
    "sensitivity",
    "shifted_barrier",
    "sign_bands",
    "simulate_feedback",
    "solve_cascade",
    "studies",
    "summarize",
    "sweep",
    "sweep_spot",
    "units",
    "venues",
]

# What `analyze` needs is loaded at once, the other rooms at their first use: half of the time of an import.
_MODULES = {
    "classification": "positions.flow.classification",
    "closed_forms": "feedback.closed_forms",
    "conventions": "studies.conventions",
    "deleveraging": "feedback.deleveraging",
    "evidence": "evidence",
    "filters": "positions.filters",
    "note_maps": "studies.notes",
    "seasons": "batch.seasons",
    "studies": "studies",
    "venues": "positions.venues",
}
_NAMES = {
    "batch.history": ("History", "history"),
    "batch.result": ("BatchResult",),
    "batch.run": ("run_batch",),
    "batch.summary": ("summarize",),
    "exposure.cube": ("Cube", "sweep"),
    "exposure.flow": ("FlowLadder", "HedgeFlow", "flow_ladder", "hedge_flow"),
    "feedback.cascade.curve": ("CascadeCurve", "cascade_curve"),
    "feedback.cascade.hedge_path": ("HedgePath", "gamma_path", "hedge_path"),
    "feedback.cascade.solve": ("Cascade", "exogenous_flow", "solve_cascade"),
    "feedback.fund.etf_ledger": ("EtfLedger", "etf_creations"),
    "feedback.limit_capacity": ("LimitCapacity", "limit_capacity"),
    "feedback.mirror": ("mirror",),
    "feedback.simulation.channels": ("BasisUnwind", "DipBuyers", "LeveragedFunds", "NewTrades"),
    "feedback.simulation.paths": ("FeedbackPaths",),
    "feedback.simulation.simulate": ("simulate_feedback",),
    "feedback.surface.grid": ("hedge_surface",),
    "feedback.surface.knock_ins": ("knock_in_table", "shifted_barrier"),
    "feedback.surface.surface": ("HedgeSurface", "constant_gamma_surface"),
    "instruments.note.registry": ("demo_notes", "read_notes"),
    "positions.flow.customer_flow": ("customer_flow",),
    "positions.flow.inventory": ("Flow",),
    "positions.flow.open_close": ("open_close",),
    "positions.interest.change": ("OpenInterestChange", "open_interest_change"),
    "positions.interest.estimate": ("estimate_open_interest", "fit_open_interest", "score_open_interest"),
    "positions.notes": ("Autocallable", "BarrierNote", "ReverseConvertible", "book_notes"),
    "studies.books": ("compare_books",),
    "studies.conventions": ("Convention",),
    "studies.data": ("sensitivity",),
    "studies.reconcile": ("Reconciliation", "reconcile"),
    "studies.rules": ("RuleComparison", "compare_rules"),
    "studies.scenarios": ("compare_dynamics", "flip_path", "flip_term_structure", "flow_around_spot"),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}


if not TYPE_CHECKING:  # a type checker knows every name, and that there are no others

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            found = import_module(f"gammaflow.{_MODULES[name]}")
        elif name in _HOMES:
            found = getattr(import_module(f"gammaflow.{_HOMES[name]}"), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
