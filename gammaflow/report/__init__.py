"""The report: the full analysis of one book at one timestamp, as objects, text, numbers and a page."""

from gammaflow.report.analysis import analyze
from gammaflow.report.result import Report

__all__ = ["Report", "analyze"]


def __dir__() -> list[str]:
    return __all__
