"""gammaflow: where option dealers must buy and sell."""

from __future__ import annotations

from gammaflow import evidence, schema, studies, units
from gammaflow.batch import BatchResult, History, history, run_batch, seasons, summarize
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
from gammaflow.exposure.cube import Cube, sweep
from gammaflow.exposure.exercise import ExerciseComparison, compare_exercise
from gammaflow.exposure.exposure import Exposure, aggregate_exposure
from gammaflow.exposure.flow import FlowLadder, HedgeFlow, flow_ladder, hedge_flow
from gammaflow.exposure.levels import Levels, find_levels
from gammaflow.exposure.profile import Profile, sweep_spot
from gammaflow.exposure.smile import Smiles, fit_smiles
from gammaflow.feedback import closed_forms, deleveraging, impact, liquidations
from gammaflow.feedback.cascade.curve import CascadeCurve, cascade_curve
from gammaflow.feedback.cascade.hedge_path import HedgePath, gamma_path, hedge_path
from gammaflow.feedback.cascade.solve import Cascade, exogenous_flow, solve_cascade
from gammaflow.feedback.fund.etf_ledger import EtfLedger, etf_creations
from gammaflow.feedback.gain.loop_gain import LoopGain, loop_gain
from gammaflow.feedback.limit_capacity import LimitCapacity, limit_capacity
from gammaflow.feedback.mirror import mirror
from gammaflow.feedback.simulation.channels import BasisUnwind, DipBuyers, LeveragedFunds, NewTrades
from gammaflow.feedback.simulation.paths import FeedbackPaths
from gammaflow.feedback.simulation.simulate import simulate_feedback
from gammaflow.feedback.surface.grid import hedge_surface
from gammaflow.feedback.surface.knock_ins import knock_in_table, shifted_barrier
from gammaflow.feedback.surface.surface import HedgeSurface, constant_gamma_surface
from gammaflow.instruments.note.registry import demo_notes, read_notes
from gammaflow.market.chain import Chain
from gammaflow.market.demo import demo_chain
from gammaflow.market.feeds import Answers, Feed, Limits, fetch_chain, fetch_raw, replay
from gammaflow.market.readers import chain_from_frame, read_chain
from gammaflow.market.repair.repair import RepairedChain, repair_chain
from gammaflow.market.store import Store
from gammaflow.market.trades import Trades, read_trades
from gammaflow.positions import beliefs, filters, venues
from gammaflow.positions import rules as positioning
from gammaflow.positions.beliefs import Beliefs
from gammaflow.positions.book import Book
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
from gammaflow.positions.rules import assign_positions
from gammaflow.pricing import american, barrier, bsm
from gammaflow.report import Report, analyze
from gammaflow.studies import conventions
from gammaflow.studies import notes as note_maps
from gammaflow.studies.books import compare_books
from gammaflow.studies.conventions import Convention
from gammaflow.studies.data import sensitivity
from gammaflow.studies.reconcile import Reconciliation, reconcile
from gammaflow.studies.rules import RuleComparison, compare_rules
from gammaflow.studies.scenarios import (
    compare_dynamics,
    flip_path,
    flip_term_structure,
    flow_around_spot,
)

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


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
