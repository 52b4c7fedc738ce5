"""Consoles for the output of commands, and writing of files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.segment import Segment
from rich.text import Text

from gammaflow.errors import SchemaError
from gammaflow.exposure.sums import kernels_are_ready
from gammaflow.output import publish
from gammaflow.plot.tables import spreadsheet
from gammaflow.text import clean

__all__ = [
    "check_ending",
    "counting",
    "dumps",
    "err_console",
    "glyph",
    "out_console",
    "records",
    "say",
    "separated",
    "stages",
    "tell",
    "words",
    "working",
    "write",
]


class _Terminal(Console):
    """Console on which text of vendors is only text: no markup, no emoji codes, no control characters."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Segments of anything printed, with control characters as their escapes."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(clean(segment.text), segment.style)

    @property
    def piped(self) -> bool:
        """True if output goes to a file or a program, which get tab-separated values instead of tables."""
        return not self.is_terminal


out_console = _Terminal(markup=False, emoji=False, highlight=False)
err_console = _Terminal(markup=False, emoji=False, highlight=False, stderr=True)


def glyph(sign: str, plain: str) -> str:
    """`sign` where the output can show it, else `plain`."""
    try:
        sign.encode(out_console.encoding)
    except (UnicodeEncodeError, LookupError):
        return plain
    return sign


def words(as_json: bool = False) -> Console:
    """Console for words about the numbers: the error stream where standard output has numbers only."""
    return err_console if as_json or out_console.piped else out_console


def say(text: str, style: str = "") -> None:
    """Print words about the numbers; a long line goes on below, and is cut nowhere."""
    words().print(Text(text, style=style), soft_wrap=out_console.piped)


def separated(table: pd.DataFrame, units: Mapping[str, str]) -> str:
    r"""A table as tab-separated values: plain numbers in full, each column's unit in its heading.

    Examples
    --------
    >>> separated(pd.DataFrame({"strike": [70_000.0], "gamma": [-1.5e8]}), {"gamma": "USD per +1 % spot"})
    'strike\tgamma [USD per +1 % spot]\n70000.0\t-150000000.0\n'
    """
    heads = [f"{name} [{units[str(name)]}]" if units.get(str(name)) else str(name) for name in table]
    plain = spreadsheet(table).set_axis(heads, axis=1)
    words = plain.select_dtypes(exclude=["number", "datetime", "datetimetz", "bool"])
    # A tab or a line break inside a name would move the columns.
    plain = plain.assign(**{str(c): words[c].map(_one_line) for c in words})
    return str(plain.to_csv(sep="\t", index=False, lineterminator="\n"))


def _one_line(cell: object) -> object:
    return " ".join(clean(cell).split()) if isinstance(cell, str) else cell


def tell(table: pd.DataFrame, units: Mapping[str, str]) -> None:
    """Write a table to standard output as tab-separated values."""
    sys.stdout.write(separated(table, units))


@contextmanager
def working(what: str) -> Iterator[None]:
    """Status line on the error stream during work; the first run on a machine announces the compilation."""
    _announce()
    with err_console.status(f"{what} ..."):
        yield


def _announce() -> None:
    if not kernels_are_ready():
        err_console.print("First run on this machine: compiling the numeric kernels, a few seconds ...")


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """Progress bar of things counted, "files": a function of their number done and of all."""
    _announce()
    with stages() as tick:
        yield lambda done, total: tick(f"{done:,} of {total:,} {what}", done / max(total, 1))


@contextmanager
def stages() -> Iterator[Callable[[str, float], None]]:
    """Progress bar on the error stream: a function for a stage's name and the share of work before it.

    Nothing where the stream is no terminal, not even the empty line that a bar leaves there.
    """
    if not err_console.is_interactive:
        yield lambda stage, share: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err_console, transient=True) as progress:
        task = progress.add_task("", total=1.0)
        yield lambda stage, share: progress.update(task, description=f"{stage} ...", completed=share)


def check_ending(path: Path, endings: Any) -> None:
    """Raise SchemaError unless the path's ending is one of `endings`."""
    if path.suffix not in endings:
        raise SchemaError(f"--out: received {str(path)!r}; legal endings: {', '.join(endings)}.")


def write(path: Path, writers: dict[str, Callable[[Path], Any]]) -> None:
    """Write a file with the writer of its ending."""
    check_ending(path, writers)
    publish(path, writers[path.suffix], "--out")
    err_console.print(f"written: {path}", highlight=False, markup=False, soft_wrap=True)


def records(table: pd.DataFrame) -> Any:
    """Rows of a table as JSON has them: missing values are null, times ISO 8601 to the microsecond."""
    return json.loads(table.to_json(orient="records", date_format="iso", date_unit="us", double_precision=15))


def dumps(value: object) -> str:
    """JSON text in the form that commands print."""
    return json.dumps(value, indent=2, allow_nan=False)
