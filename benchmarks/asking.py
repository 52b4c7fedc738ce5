"""Peers asked in processes of their own, through a file of arrays, timed inside them."""

from __future__ import annotations

import json
import select
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from benchmarks.environments import PeerError, last_line, python_of

ROOT = Path(__file__).resolve().parents[1]
DEADLINE = 900.0


class Peer:
    """A function with its data, in a process of its library's environment; `PeerError` where it fails.

    Attributes
    ----------
    found : dict of arrays
        Results of the first call.
    bytes : int
        Peak of memory allocated during a call.
    """

    def __init__(self, package: str, compute: Callable[..., Any], data: Mapping[str, Any]) -> None:
        python = python_of(package)
        self._folder = tempfile.TemporaryDirectory()
        source, target = (Path(self._folder.name) / name for name in ("inputs.npz", "results.npz"))
        np.savez(source, **data)
        function = f"{compute.__module__}:{compute.__name__}"
        self._errors = open(Path(self._folder.name) / "errors", "w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [python, ROOT / "benchmarks/asked.py", ROOT / "tests", function, source, target],
            cwd=self._folder.name, bufsize=0,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
        )  # fmt: skip
        try:
            self.bytes = int(self._answer()["bytes"])
            with np.load(target) as file:
                self.found = dict(file.items())
        except PeerError:
            self.close()
            raise

    def turn(self, least: float = 2e-3) -> float:
        """Seconds per call over one turn of at least `least` seconds."""
        try:
            self._process.stdin.write(f"{least}\n".encode())  # type: ignore[union-attr]
        except BrokenPipeError:
            raise PeerError("its process ended") from None
        return float(self._answer()["seconds"])

    def median(self, rounds: int) -> float:
        """Median seconds of a call over so many turns."""
        return statistics.median(self.turn(0.0) for _ in range(rounds))

    def _answer(self) -> dict[str, Any]:
        pipe: Any = self._process.stdout
        if not select.select([pipe], [], [], DEADLINE)[0]:
            raise PeerError(f"no answer in {DEADLINE:.0f} s")
        line = pipe.readline()
        if not line:
            self._errors.seek(0)
            raise PeerError(f"its process ended: {last_line(self._errors.read())}")
        answer: dict[str, Any] = json.loads(line)
        if "failure" in answer:
            raise PeerError(last_line(answer["failure"]))
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
