"""Instruments: one module per kind of book row, and their registry."""

from gammaflow.instruments.registry import INSTRUMENTS, KINDS
from gammaflow.instruments.row import Instrument, Rows, Scenario

__all__ = ["INSTRUMENTS", "KINDS", "Instrument", "Rows", "Scenario"]
