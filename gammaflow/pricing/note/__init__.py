"""Structured notes: their remaining payments, and the value of those."""

from gammaflow.pricing.note.prices import ALL, DEFAULT, value
from gammaflow.pricing.note.terms import NoteTerms

__all__ = ["ALL", "DEFAULT", "NoteTerms", "value"]


def __dir__() -> list[str]:
    return __all__
