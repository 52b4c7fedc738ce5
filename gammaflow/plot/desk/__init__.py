"""The report page in the browser: a model, styles and scripts packed into one file."""

from gammaflow.plot.desk.page import render_desk

__all__ = ["render_desk"]
