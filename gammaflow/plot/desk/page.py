"""The report page: a model of plain numbers and texts in, one self-contained HTML page out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from gammaflow.plot.desk.packing import pack, shared_lists
from gammaflow.plot.prepare import require

__all__ = ["render_desk"]

_FOLDER = files("gammaflow.plot.desk")
# What all scripts use comes first, what starts the page last; the rest in order of names.
_FIRST = ("desk.js", "texts.js", "theme.js", "svg.js", "table.js", "chart.js", "sections.js")
_LAST = "start.js"

_FOOTER = "Written by gammaflow. k, m, bn and tn are thousand, million, billion and trillion."
_OLD = "The charts need JavaScript, and a browser of 2023 or later. The key levels as text:"


def render_desk(model: Mapping[str, Any], *, connect: bool = False) -> str:
    """The page as text. Every text of the model is shown as it is written and adds no markup.

    Parameters
    ----------
    model : mapping
        Plain numbers, texts, lists and mappings with text keys, as `gammaflow.report.desk.desk_model` makes
        them: amounts in the units that ``model["units"]`` names, without powers of ten; None where there is
        no number.
    connect : bool
        True for a page that listens to the server it came from (`gammaflow serve`). Otherwise the page can
        ask for nothing at all.

    Returns
    -------
    str
        HTML of about 2.2 MB, most of it plotly, which the page unpacks after its first screen is drawn. Works
        from a file as well as from a server.

    Raises
    ------
    GammaflowError
        Where plotly is not installed.
    ValueError
        Where a number of the model is NaN or infinite.
    """
    text = json.dumps(shared_lists(model), allow_nan=False, separators=(",", ":"))
    return Template(_read("desk.html")).substitute(
        title=escape(str(model["title"])),
        connect="; connect-src 'self'" if connect else "",
        css=_read("desk.css"),
        plain=_plain(model),
        footer=escape(_FOOTER),
        model=pack(text),
        script=_script(),
        plotly=_plotly(),
    )


def _read(name: str) -> str:
    return _FOLDER.joinpath(name).read_text(encoding="utf-8")


def _script() -> str:
    names = sorted(entry.name for entry in _FOLDER.iterdir() if entry.name.endswith(".js"))
    between = [name for name in names if name not in (*_FIRST, _LAST)]
    return "\n".join(map(_read, (*_FIRST, *between, _LAST)))


@cache
def _plotly() -> str:
    return pack(require("plotly.offline").get_plotlyjs())


def _plain(model: Mapping[str, Any]) -> str:
    """The page's texts and key levels for readers without scripts; the page hides them once it is drawn."""
    regime = model.get("regime") or {}
    view = (
        model["views"].get("|".join(model["default"][key] for key in ("rule", "dynamics", "selection"))) or {}
    )
    lines = [
        f"<h1>{escape(str(model['title']))}</h1>",
        _paragraph(model.get("asof_text")),
        *(_paragraph(banner["text"]) for banner in model.get("banners") or ()),
        _paragraph(regime.get("text")),
        _paragraph(_OLD),
        f"<table><tbody>{''.join(map(_level, view.get('levels') or ()))}</tbody></table>",
        _pairs([("rule", model.get("rule_text")), *(model.get("facts") or ())]),
    ]
    return "\n".join(lines)


def _paragraph(text: Any) -> str:
    return f"<p>{escape(str(text))}</p>" if text else ""


def _level(level: Mapping[str, Any]) -> str:
    name = ", ".join(str(level[key]) for key in ("name", "sense", "remark") if level.get(key))
    value = "none" if level["value"] is None else f"{level['value']:,.10g}"
    return f"<tr><th>{escape(name)}</th><td>{value}</td></tr>"


def _pairs(pairs: Iterable[tuple[str, Any]]) -> str:
    inner = "".join(f"<dt>{escape(str(name))}</dt><dd>{escape(str(text))}</dd>" for name, text in pairs)
    return f"<dl>{inner}</dl>"
