"""The report page in the browser: `page` packs a model, the styles and the scripts of this folder into one file."""

from gammaflow.plot.desk.page import render_desk

__all__ = ["render_desk"]
