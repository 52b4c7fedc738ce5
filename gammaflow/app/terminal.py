"""What commands print to, and how they write files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from gammaflow.errors import SchemaError
from gammaflow.exposure.sums import kernels_are_ready

__all__ = ["check_ending", "dumps", "err_console", "out_console", "working", "write"]

out_console = Console()
err_console = Console(stderr=True)


@contextmanager
def working(what: str) -> Iterator[None]:
    """A line on the error stream while work lasts; the first run on a machine says that it compiles."""
    if not kernels_are_ready():
        err_console.print("First run on this machine: compiling the kernels, for a few seconds ...")
    with err_console.status(f"{what} ..."):
        yield


def check_ending(path: Path, endings: Any) -> None:
    """SchemaError where the path's ending is none of `endings`."""
    if path.suffix not in endings:
        raise SchemaError(f"--out: received {str(path)!r}; legal endings: {', '.join(endings)}.")


def write(path: Path, writers: dict[str, Callable[[Path], Any]]) -> None:
    """Write what belongs to the path's ending."""
    check_ending(path, writers)
    try:
        writers[path.suffix](path)
    except OSError as error:
        raise SchemaError(f"--out: cannot write {str(path)!r} ({error.strerror}).") from None
    err_console.print(f"written: {path}", highlight=False, markup=False, soft_wrap=True)


def dumps(value: object) -> str:
    """JSON as commands print it."""
    return json.dumps(value, indent=2, allow_nan=False)
