"""The errors of gammaflow: catch `GammaflowError` to catch them all."""

from __future__ import annotations

__all__ = ["ConvergenceError", "FeedError", "GammaflowError", "MismatchError", "ReaderError", "SchemaError"]


class GammaflowError(Exception):
    """Root of every error gammaflow raises on purpose."""


class SchemaError(GammaflowError, ValueError):
    """A value, column or argument is outside its legal range."""


class ReaderError(GammaflowError, ValueError):
    """A file cannot be read as an option chain."""


class MismatchError(GammaflowError, ValueError):
    """Two objects cannot be combined (other underlying, spot, moment or currency)."""


class ConvergenceError(GammaflowError, RuntimeError):
    """A requested accuracy is out of reach."""


class FeedError(GammaflowError, RuntimeError):
    """A vendor's live feed did not answer, or not with what it promises."""
