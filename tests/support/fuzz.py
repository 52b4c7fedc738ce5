"""Hostile inputs of readers, registries of notes and the command line, in a process with little memory.

The long run, in the root of the repository: python tests/support/fuzz.py readers 1 20000 (notes, commands, feeds).
"""

from __future__ import annotations

import collections
import io
import itertools
import os
import random
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import gammaflow as gf
from support.command_mutations import commands, run
from support.feed_mutations import saved, served
from support.feed_server import FeedServer
from support.notes_mutations import registries
from support.reader_mutations import inputs
from support.reader_samples import SAMPLES

#: Bytes of address space, and seconds that one input may take.
MEMORY, SECONDS = 6 * 2**30, 60


class _TooSlow(BaseException):
    pass


def _stop(*_: object) -> None:
    raise _TooSlow


def _readers(seed: int, folder: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    dice = random.Random(seed)
    shared = Path(__file__).resolve().parents[3] / "shared"
    for case in inputs(seed, shared if seed % 2 and shared.is_dir() else None):

        def read(case: Any = case) -> str:
            if case.content is None:
                chain = gf.chain_from_frame(**case.arguments)
            else:
                source: Any = folder / "file"
                source.write_bytes(case.content)
                if dice.random() < 0.1:
                    source = io.BytesIO(case.content)
                chain = gf.read_chain(source, **case.arguments)
            return "chain" if repr(chain) and chain.quality.to_dict() else ""

        yield case.reader, read


def _notes(seed: int, folder: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    for ending, content in registries(seed):

        def read(ending: str = ending, content: bytes = content) -> str:
            path = folder / f"notes{ending}"
            path.write_bytes(content)
            return "notes" if repr(gf.read_notes(path)) else ""

        yield ending, read


def _commands(seed: int, folder: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    for name, (text, _) in SAMPLES.items():
        (folder / name).write_text(text, encoding="utf-8")
    for line in commands(seed, [folder / name for name in SAMPLES]):

        def command(line: list[str] = line) -> str:
            code, out, err = run(line)
            if code not in (0, 1, 2) or "Traceback" in out + err or "\x1b" in out + err:
                raise AssertionError(f"{line}: exit {code}, {err[-200:]!r}")
            return f"exit {code}"

        yield "commands", command


def _feeds(seed: int, folder: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    """Nine saved responses for each that a server on this machine sends."""
    with FeedServer() as server:
        kinds = [saved(seed)] * 9 + [served(seed, server)]
        for kind in itertools.cycle(kinds):
            label, fetch = next(kind)

            def fetched(fetch: Callable[[], gf.Chain] = fetch) -> str:
                return "chain" if repr(fetch()) else ""

            yield label, fetched


def _all(seed: int, folder: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    """A few of each: as many files, registries and responses, and a fifth as many commands."""
    kinds = [each(seed, folder) for each in (_readers, _notes, _feeds, _commands)]
    for turn in range(40):
        for kind in kinds if turn % 5 == 0 else kinds[:-1]:
            yield next(kind)


KINDS = {"all": _all, "readers": _readers, "notes": _notes, "feeds": _feeds, "commands": _commands}


def main(kind: str, seed: int, count: int) -> int:
    """Prints the outcomes of `count` inputs; the number of inputs with which something else escaped."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, _stop)
    warnings.simplefilter("error")
    counts: collections.Counter[tuple[str, str]] = collections.Counter()
    escaped = 0
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        for number, (label, attempt) in enumerate(KINDS[kind](seed, Path(name))):
            if number == count:
                break
            signal.alarm(SECONDS)
            try:
                found = attempt()
            except gf.GammaflowError as error:
                found = type(error).__name__ if len(str(error)) < 500_000 else "too long"
            except (Exception, _TooSlow) as error:
                found = f"ESCAPED {type(error).__name__}"
                escaped += 1
                print(f"input {number}, {label}: {type(error).__name__}: {error!s:.200}")
                traceback.print_exc(limit=-4)
            finally:
                signal.alarm(0)
            counts[label, found] += 1
        os.chdir("/")
    for (label, found), times in sorted(counts.items()):
        print(f"{label}: {times:,} {found}")
    print(f"{counts.total():,} inputs, {escaped} escaped")
    return escaped


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])), 1))
