"""gammaflow: where option dealers must buy and sell."""

from __future__ import annotations

from gammaflow import bsm, positioning, schema, units
from gammaflow.book import Book
from gammaflow.chain import Chain
from gammaflow.demo import demo_chain
from gammaflow.errors import GammaflowError, MismatchError, ReaderError, SchemaError
from gammaflow.exposure import Exposure, aggregate_exposure
from gammaflow.levels import Levels, find_levels
from gammaflow.positioning import assign_positions
from gammaflow.profile import Profile, sweep_spot
from gammaflow.readers import chain_from_frame, read_chain
from gammaflow.report import Report, analyze

__version__ = "0.1.0"

__all__ = [
    "Book",
    "Chain",
    "Exposure",
    "GammaflowError",
    "Levels",
    "MismatchError",
    "Profile",
    "ReaderError",
    "Report",
    "SchemaError",
    "aggregate_exposure",
    "analyze",
    "assign_positions",
    "bsm",
    "chain_from_frame",
    "demo_chain",
    "find_levels",
    "positioning",
    "read_chain",
    "schema",
    "sweep_spot",
    "units",
]
