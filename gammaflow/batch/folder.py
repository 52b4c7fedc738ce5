"""The `out` folder of a batch: what is done, so that a run resumes where the last one stopped.

`_batch.json` says what the folder belongs to. Each finished part is a file in `_parts`, written last and in
one step: its sources with their marks, rows, failures, and the names and sizes of its long tables' files. A
file of a long table that no part names is a leftover of a crash, and is removed when the next run begins.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from gammaflow.batch.rows import Row
from gammaflow.batch.sources import MANIFEST, Failure, Source, remote
from gammaflow.batch.work import Outcome, Part
from gammaflow.errors import ReaderError, SchemaError
from gammaflow.market.store import durable
from gammaflow.text import value_text

__all__ = ["Folder", "facts_in", "outcomes_in"]

_PARTS = "_parts"
_LOCK = "_lock"
_FORMAT = 1

Done = dict[str, Any]


class Folder:
    """The folder of one run, which alone writes it.

    Parameters
    ----------
    path : path
        Made where it is missing.
    facts : mapping of str to str
        What the batch is of: function, version, symbol, source. A folder of others is refused.
    """

    def __init__(self, path: str | os.PathLike[str], facts: Mapping[str, str]) -> None:
        if isinstance(path, str) and (not path or remote(path)):
            raise SchemaError(f"out: received {value_text(path)}; a folder of this machine is needed.")
        try:
            self.path = Path(os.path.abspath(os.path.expanduser(os.fspath(path))))
            inside = os.listdir(self.path) if os.path.lexists(self.path) else []
            own = (_LOCK, _PARTS)
            strangers = [n for n in inside if n not in own and not n.endswith(durable.TEMPORARY)]
            if strangers and MANIFEST not in inside:
                raise SchemaError(
                    f"out: {self.path} has other files (first: {sorted(strangers)[0]!r}) and is no folder of "
                    "a batch. Pass a new or an empty folder."
                )
            durable.make_folder(self.path / _PARTS, self.path)
        except (TypeError, ValueError, OSError) as error:
            if isinstance(error, SchemaError):
                raise
            why = getattr(error, "strerror", None) or error
            raise SchemaError(
                f"out: received {value_text(path)}, which cannot be a folder to write to ({why})."
            ) from None
        self._facts = dict(facts)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """The folder for this run alone; released by the system where the process ends in any way."""
        with self._writing():
            lock = open(self.path / _LOCK, "ab")  # noqa: SIM115
        with lock as file:
            try:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except ImportError:
                pass  # no such locks on this system
            except OSError:
                raise SchemaError(
                    f"out: another run writes to {self.path}. Wait until it ends, or pass another folder."
                ) from None
            with self._writing():
                self._claim()
                durable.sweep(self.path, 0.0)
            yield

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Errors of the disk as one that says what to do."""
        try:
            yield
        except OSError as error:
            raise SchemaError(
                f"out: {self.path} cannot be written to ({error.strerror or error}). Make room, or correct "
                "its permissions, and run again: parts that are done are kept."
            ) from None

    def _claim(self) -> None:
        """Write the manifest of a new folder, or compare that of an old one."""
        path = self.path / MANIFEST
        mine = {"format": _FORMAT, **self._facts}
        if not path.exists():
            durable.write(path, _json(mine), replace=True)
            return
        before = _read(path)
        if before is None:
            raise ReaderError(f"out: {path} is damaged. Delete the folder and begin anew.")
        other = [f"{name} {before.get(name)!r}, received {mine.get(name)!r}" for name in {**mine, **before}
                 if before.get(name) != mine.get(name)]  # fmt: skip
        if other:
            raise SchemaError(
                f"out: {self.path} belongs to another batch: {'; '.join(other)}. A folder is resumed "
                "only with the source, function, symbol, columns, rate, dividends and version of the package "
                "that it began with; pass another folder, or delete this one."
            )

    def resume(self, sources: Mapping[str, Source]) -> set[str]:
        """Names of the sources that are done and unchanged; everything else in the folder is removed.

        A part is dropped where one of its sources has changed or is no longer there, or one of its files is
        missing or has another size. Passing failures are forgotten.
        """
        done: set[str] = set()
        files: set[str] = set()
        with self._writing():
            for path in sorted((self.path / _PARTS).iterdir()):
                part = _read(path)
                if part is None or not self._is_current(part, sources, done):
                    path.unlink()
                    continue
                if any(failure["passing"] for failure in part["failures"]):
                    part["failures"] = [f for f in part["failures"] if not f["passing"]]
                    durable.write(path, _json(part), replace=True)
                done |= part["sources"].keys()
                files |= part["files"].keys()
            for path in self.path.glob("*/symbol=*/month=*/*.parquet"):
                if path.relative_to(self.path).as_posix() not in files:
                    path.unlink()
        return done

    def _is_current(self, part: Done, sources: Mapping[str, Source], done: set[str]) -> bool:
        try:
            marks = part["sources"]
            files = part["files"]
            return (
                bool(marks)
                and _outcome(part) is not None
                and (
                    all(name in sources and sources[name].mark == mark for name, mark in marks.items())
                    and not done & marks.keys()
                    and all((self.path / name).stat().st_size == size for name, size in files.items())
                )
            )
        except (OSError, KeyError, AttributeError, TypeError):
            return False

    def keep(self, part: Part, outcome: Outcome) -> None:
        """Write a finished part: the long tables, then in one step the file that makes it count."""
        with self._writing():
            for name, content in outcome.files.items():
                path = self.path / name
                durable.make_folder(path.parent, self.path)
                durable.write(path, content, replace=True)
        passing = {failure.source for failure in outcome.failures if failure.passing}  # these have no rows
        done = {
            "sources": {s.name: s.mark for s in part.sources if s.name not in passing},
            "files": {name: len(content) for name, content in outcome.files.items()},
            "failures": [vars(failure) for failure in outcome.failures],
            **_packed(outcome.rows),
        }
        with self._writing():
            durable.write(self.path / _PARTS / f"{part.key}.json", _json(done), replace=True)


def outcomes_in(folder: Path) -> Iterator[tuple[Outcome, list[str]]]:
    """Rows and failures of each finished part, and the names of its long tables' files.

    Raises
    ------
    ReaderError
        Where the folder is none of a batch, or a part is damaged.
    """
    if not (folder / MANIFEST).is_file():
        raise ReaderError(f"{folder}: is no folder of a batch. Pass the folder that run_batch(out=) wrote.")
    for path in sorted((folder / _PARTS).glob("*.json")):
        part = _read(path)
        outcome = None if part is None else _outcome(part)
        if part is None or outcome is None:
            raise ReaderError(f"{path}: is damaged. Run the batch again, which makes it anew.")
        yield outcome, list(part["files"])


def facts_in(folder: Path) -> Done:
    """Identity of the batch to which a folder belongs."""
    return _read(folder / MANIFEST) or {}


def _outcome(part: Done) -> Outcome | None:
    """Rows and failures of a part; None where it is damaged."""
    try:
        return Outcome(list(_unpacked(part)), [Failure(**failure) for failure in part["failures"]])
    except (LookupError, TypeError, ValueError):
        return None


def _read(path: Path) -> Done | None:
    """The object in a JSON file; None where it is damaged."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=True, default=_time).encode()


def _time(value: pd.Timestamp | Any) -> dict[str, str | None]:
    return {"time": None if value is pd.NaT else value.isoformat()}


def _packed(rows: Iterable[Row]) -> dict[str, Any]:
    """Rows as JSON: numbers in Python's shortest form, which loses no bit, and each set of names once."""
    shapes: dict[tuple[str, ...], int] = {}
    lines = [
        [shapes.setdefault(row.names, len(shapes)), row.source, row.symbol, row.asof, row.vendor, *row.values]
        for row in rows
    ]
    return {"names": list(shapes), "rows": lines}


def _unpacked(part: Done) -> Iterator[Row]:
    shapes = [tuple(names) for names in part["names"]]
    for shape, source, symbol, asof, vendor, *values in part["rows"]:
        yield Row(source, symbol, _value(asof), vendor, shapes[shape], tuple(map(_value, values)))


def _value(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return pd.NaT if value["time"] is None else pd.Timestamp(value["time"]).as_unit("ns")
