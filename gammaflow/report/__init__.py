"""The report: everything measured about one book at one moment, as objects, text, numbers and a page."""

from gammaflow.report.result import Report, analyze

__all__ = ["Report", "analyze"]
