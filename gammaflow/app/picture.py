"""The command for pictures: gammaflow plot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer

from gammaflow.app.filter_options import Rows
from gammaflow.app.options import Quotes, Scenario, grouped
from gammaflow.app.reading import report_of
from gammaflow.app.terminal import check_ending, working, write
from gammaflow.errors import SchemaError
from gammaflow.exposure.flow import flow_ladder
from gammaflow.exposure.smile import fit_smiles
from gammaflow.report import Report
from gammaflow.units import MEASURES

__all__ = ["plot"]

_STATIC, _PAGE, _INCHES, _DPI = (".png", ".svg", ".pdf"), ".html", (10.0, 6.0), 150

#: Pictures, each made of a report and a measure.
_PICTURES: Mapping[str, Callable[[Report, str], Any]] = MappingProxyType(
    {
        "levels": lambda report, _: report.levels.plot(),
        "profile": lambda report, measure: report.profile.plot(measure),
        "exposure": lambda report, measure: report.exposure.plot("strike", measure),
        "expiries": lambda report, measure: report.exposure.plot("expiry", measure),
        "surface": lambda report, measure: report.profile.plot_by("expiry", measure),
        "smile": lambda report, _: fit_smiles(report.book).plot(),
        "flow": lambda report, _: flow_ladder(report.book).plot(),
        "report": lambda report, _: report.plot(),
    }
)
# Pictures of gamma alone, and those that the page shows.
_GAMMA, _PAGES = ("levels", "smile", "flow", "report"), ("levels", "report")

PictureOut = Annotated[
    Path, typer.Option("--out", help="The picture: .png, .svg, .pdf; or .html, the page with its controls.")
]
Picture = Annotated[str, typer.Option("--picture", help=f"Which picture: {', '.join(_PICTURES)}.")]
MeasureName = Annotated[
    str, typer.Option("--measure", help=f"Which measure, where the picture has one: {', '.join(MEASURES)}.")
]


@grouped
def plot(
    *,
    quotes: Quotes,
    rows: Rows,
    scenario: Scenario,
    out: PictureOut,
    picture: Picture = "levels",
    measure: MeasureName = "gamma",
) -> None:
    """Write a picture of a chain: gamma over spot with its levels, or another one."""
    check_ending(out, (*_STATIC, _PAGE))
    _check(picture, measure, out)
    report = report_of(quotes, rows, scenario)
    with working("Drawing"):
        if out.suffix == _PAGE:
            write(out, {_PAGE: report.to_html})
            return
        drawn = _PICTURES[picture](report, measure)
    figure = getattr(drawn, "figure", None) or drawn
    if picture != "report":
        figure.set_size_inches(*_INCHES)
    write(
        out,
        dict.fromkeys(_STATIC, lambda path: figure.savefig(path, dpi=_DPI, bbox_inches="tight")),
    )


def _check(picture: str, measure: str, out: Path) -> None:
    """Raise SchemaError with every option that is not legal, or does not go with the others."""
    problems = []
    if picture not in _PICTURES:
        problems.append(f"--picture: received {picture!r}; legal: {', '.join(_PICTURES)}.")
    elif out.suffix == _PAGE and picture not in _PAGES:
        problems.append(
            f"--picture: received {picture!r} with a page; legal: {', '.join(_PAGES)}, or --out .png."
        )
    if measure not in MEASURES:
        problems.append(f"--measure: received {measure!r}; legal: {', '.join(MEASURES)}.")
    elif picture in _GAMMA and measure != "gamma":
        problems.append(
            f"--measure: received {measure!r} for the picture {picture!r}, which has none. Leave it out."
        )
    if problems:
        raise SchemaError("\n".join(problems))
