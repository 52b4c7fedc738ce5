"""One self-contained HTML page: plotly and all numbers are embedded, nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from os.path import splitext
from pathlib import Path
from string import Template
from typing import Any

from gammaflow.errors import SchemaError
from gammaflow.output import write_text
from gammaflow.plot.prepare import require
from gammaflow.plot.tables import html_table

__all__ = ["Card", "Drawing", "Entry", "Panel", "render_page", "write_page"]

_ENDINGS = (".html", ".htm", "")
_NOSCRIPT = (
    '<noscript><p class="banner">The charts need JavaScript; every number is in the tables below.</p>'
    "</noscript>"
)


@dataclass(frozen=True)
class Card:
    """One headline number: name, number as text, a line of explanation, and "long", "short" or ""."""

    name: str
    value: str
    note: str = ""
    side: str = ""


@dataclass(frozen=True)
class Entry:
    """One item of a list: a word that stands out, a sentence, names with texts beside it, and lines below."""

    mark: str
    title: str
    pairs: Sequence[tuple[str, str]]
    text: str = ""
    below: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Drawing:
    """A picture as SVG, whose texts are escaped; it needs no script."""

    svg: str


@dataclass(frozen=True)
class Panel:
    """One section: a plotly Figure of `height` pixels, a table of texts, entries (a tuple) or a `Drawing`."""

    title: str
    note: str
    content: Any
    height: int = 0


def render_page(
    title: str,
    *,
    lead: Iterable[str],
    facts: Iterable[tuple[str, str]],
    banners: Iterable[str],
    cards: Iterable[Card],
    figures: Sequence[Panel],
    tables: Sequence[Panel],
    footer: str = "",
    marks: Mapping[str, str] | None = None,
) -> str:
    """The page as text. All texts are escaped, so that none can add markup.

    Parameters
    ----------
    title, footer : str
    lead : iterable of str
        Lines below the title.
    facts : iterable of (name, text)
        Conditions under which every number of the page holds.
    banners : iterable of str
        Warnings that every reader must see.
    cards : iterable of Card
        Headline numbers.
    figures : sequence of Panel
        Panels with plotly Figures, top to bottom.
    tables : sequence of Panel
        Panels with DataFrames of texts, whose first column names the row; with tuples of `Entry`; or with a
        `Drawing`.
    marks : mapping, optional
        Words that stand out where they fill a cell of a table or mark an entry, by look: "long", "short" or
        "open".

    Returns
    -------
    str
        HTML that needs no network and works from a file as well as from a server.

    Raises
    ------
    GammaflowError
        Where there are figures and plotly is not installed.
    """
    template = Template(files("gammaflow.plot").joinpath("page.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=escape(title),
        lead="".join(f'<p class="lead">{escape(text)}</p>' for text in lead),
        facts=_pairs(facts),
        banners="".join(f'<p class="banner">{escape(text)}</p>' for text in banners),
        cards="".join(map(_card, cards)),
        figures="".join(map(_figure, figures)),
        tables="".join(_table(panel, marks or {}) for panel in tables),
        footer=escape(footer),
        noscript=_NOSCRIPT if figures else "",
        plotly=require("plotly.offline").get_plotlyjs() if figures else "",
    )


def write_page(text: str, path: str | Path) -> Path:
    """Write `text` to `path` atomically: a reader finds either the old page or the new one.

    Raises
    ------
    SchemaError
        Where `path` has the ending of another format, is a folder, its folder does not exist, or it cannot be
        written.
    """
    if splitext(str(path))[1].lower() not in _ENDINGS:
        raise SchemaError(
            f"path: received {str(path)!r}; a page is HTML, in a file that ends in .html or .htm. "
            "Print it from a browser for a PDF; .plot() draws pictures, .to_dict() is the report as data."
        )
    write_text(text, path)
    return Path(path)


def _card(card: Card) -> str:
    return (
        f'<div class="card {escape(card.side)}"><dt>{escape(card.name)}</dt>'
        f'<dd class="value">{escape(card.value)}</dd><dd class="note">{escape(card.note)}</dd></div>'
    )


def _section(panel: Panel, inner: str) -> str:
    note = f"<p>{escape(panel.note)}</p>" if panel.note else ""
    return f"<section><h2>{escape(panel.title)}</h2>{note}{inner}</section>\n"


def _figure(panel: Panel) -> str:
    # Inside a script element only "<" can end the element.
    data = panel.content.to_json().replace("<", "\\u003c")
    return _section(
        panel,
        f'<div class="figure" role="img" aria-label="{escape(panel.title)}" style="height:{panel.height}px">'
        f'<script type="application/json">{data}</script></div>',
    )


def _table(panel: Panel, marks: Mapping[str, str]) -> str:
    if isinstance(panel.content, tuple):
        entries = "".join(_entry(entry, marks) for entry in panel.content)
        return _section(panel, f'<ul class="entries">{entries}</ul>')
    if isinstance(panel.content, Drawing):
        return _section(panel, f'<div class="drawing">{panel.content.svg}</div>')
    return _section(
        panel,
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(panel.title)}">'
        f"{html_table(panel.content, marks)}</div>",
    )


def _entry(entry: Entry, marks: Mapping[str, str]) -> str:
    look = f"mark {marks.get(entry.mark, '')}".strip()
    below = "".join(f"<p>{escape(name)}: {escape(text)}</p>" for name, text in entry.below)
    return (
        f'<li><p class="{escape(look)}">{escape(entry.mark)}</p><h3>{escape(entry.title)}</h3>'
        f'<dl class="facts">{_pairs(entry.pairs)}</dl><p class="why">{escape(entry.text)}</p>'
        f'<div class="below">{below}</div></li>'
    )


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in pairs)
