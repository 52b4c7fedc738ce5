"""The errors of gammaflow: catch `GammaflowError` to catch them all."""

from __future__ import annotations

__all__ = ["ConvergenceError", "FeedError", "GammaflowError", "MismatchError", "ReaderError", "SchemaError"]


class GammaflowError(Exception):
    """Root of every error gammaflow raises on purpose."""


class SchemaError(GammaflowError, ValueError):
    """A value, column or argument outside its legal range."""


class ReaderError(GammaflowError, ValueError):
    """A file that cannot be read as an option chain."""


class MismatchError(GammaflowError, ValueError):
    """Two objects that cannot be combined (different underlying, spot, timestamp or currency)."""


class ConvergenceError(GammaflowError, RuntimeError):
    """A requested accuracy that is out of reach."""


class FeedError(GammaflowError, RuntimeError):
    """A vendor's live feed that did not answer, or whose answer has an unexpected form."""
