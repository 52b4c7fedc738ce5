"""Models and pages of few words, in place of the report's."""

from __future__ import annotations

from typing import Any

from gammaflow.report import Report


def small_model(report: Report) -> dict[str, Any]:
    """Of the page's model, what tells moments apart."""
    return {
        "title": report.book.symbol,
        "asof": report.book.asof.isoformat(),
        "spot": report.book.spot,
        "filters": list(report.book.filters),
    }


def small_page(model: dict[str, Any], *, connect: bool = True) -> str:
    return f"<html><head></head><body>page of {model['spot']}</body></html>"
