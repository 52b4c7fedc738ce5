"""The desk page as plain numbers, text, lists and dicts: what it shows, and nothing of how."""

from gammaflow.report.desk.model import desk_model

__all__ = ["desk_model"]
