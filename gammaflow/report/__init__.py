"""The report: everything measured about one book at one moment, as objects, text, numbers and a page."""

from gammaflow.report.analysis import analyze
from gammaflow.report.result import Report

__all__ = ["Report", "analyze"]


def __dir__() -> list[str]:
    return __all__
