"""Configuration of the documentation; `make docs` runs every code block and fails at a warning."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent / "_extensions")]

import gammaflow  # noqa: E402

os.environ.setdefault("COLUMNS", "100")
os.environ["IPYTHONDIR"] = str(Path(__file__).parent / "_ipython")

# Names as they are typed: gammaflow.bsm.price, wherever the module lives.
for _name in gammaflow.__all__:
    if isinstance(_module := getattr(gammaflow, _name), ModuleType):
        sys.modules.setdefault(f"gammaflow.{_name}", _module)

project = "gammaflow"
author = "the gammaflow authors"
copyright = "the gammaflow authors"
version = release = gammaflow.__version__

extensions = [
    "mathml",
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = [
    "_build", "_ipython", "_extensions", "_templates", "gallery",
    "gallery_pages/*.py", "gallery_pages/*.ipynb",
    "gallery_pages/*.json",
]  # fmt: skip

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "attrs_inline"]
myst_heading_anchors = 3
myst_dmath_allow_space = myst_dmath_allow_digits = False  # $64,000 and $71,000 are prices
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True
nb_render_markdown_format = "myst"

autosummary_generate = True
default_role = "autolink"
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "gallery_pages",
    "filename_pattern": r"\.py$",
    "within_subsection_order": "FileNameSortKey",
    "thumbnail_size": (640, 448),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 1e9,
    "write_computation_times": False,
    "remove_config_comments": True,
    "copyfile_regex": r"^$",
}

html_theme = "pydata_sphinx_theme"
html_title = "gammaflow"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_theme_options = {
    "show_prev_next": True,
    "navbar_align": "left",
    "header_links_before_dropdown": 8,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_show_sourcelink = False
html_math_renderer = "mathml"


def _escape(app: object, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Bars of absolute values and stars of file names are no markup in docstrings."""
    lines[:] = [line if "``" in line else re.sub(r"(?<!\\)\|", r"\\|", line) for line in lines]
    lines[:] = [re.sub(r'(?<=[/"])\*(?=\.)', r"\\*", line) for line in lines]


def setup(app: Any) -> None:
    """Read docstrings as plain text where they are no markup."""
    app.connect("autodoc-process-docstring", _escape)
