"""Places that alerts go to besides the page: a file of JSON lines, and a command."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shlex
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

from gammaflow.app.serve.alerts import Alert
from gammaflow.errors import SchemaError

__all__ = ["AlertCommand", "AlertFile"]

# Alerts that may wait for the command.
_WAITING = 100


class AlertFile:
    """A file to which each alert is appended as one line of JSON, on the disk before `write` returns.

    Raises
    ------
    SchemaError
        Where the file cannot be opened for writing.

    Examples
    --------
    >>> import tempfile
    >>> file = AlertFile(Path(tempfile.mkdtemp(), "alerts.jsonl"))
    >>> file.write([Alert("wall moved", "BTC", "2026-02-05T12:00:00+00:00", 7e4, 8e4, 7.5e4, "moved")])
    ''
    >>> json.loads(file.path.read_text())["level"]
    80000.0
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        problem = self.write([])
        if problem:
            raise SchemaError(
                f"--alerts: received {str(path)!r}; {problem}. Name a file that can be written."
            )

    def write(self, alerts: list[Alert]) -> str:
        """Append alerts; "" or the reason why that failed."""
        lines = "".join(json.dumps(alert.to_dict(), allow_nan=False) + "\n" for alert in alerts)
        try:
            with open(self.path, "a+b") as file:
                if lines and file.tell() and self._cut_off(file.fileno(), file.tell()):
                    lines = "\n" + lines
                file.write(lines.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            return f"it cannot be written ({error.strerror or error})"
        return ""

    @staticmethod
    def _cut_off(handle: int, size: int) -> bool:
        """True where a crash or another program left a last line without an end."""
        if not hasattr(os, "pread"):
            return False
        try:
            return os.pread(handle, 1, size - 1) != b"\n"
        except OSError:  # a pipe or a device
            return False


class AlertCommand:
    """A command that is run for each alert, one after the other, in a thread of its own.

    It gets the alert as JSON on its standard input, through no shell, and is ended with all it started after
    `limit` seconds. What it prints is discarded. At most 100 alerts wait for it; more are dropped and counted
    in `problem`.

    Parameters
    ----------
    words : str
        The command and its arguments, split as a shell would.
    limit : float
        Seconds that one run may take.

    Raises
    ------
    SchemaError
        Where there is no such command.
    """

    def __init__(self, words: str, limit: float = 10.0) -> None:
        try:
            self.command = shlex.split(words)
        except ValueError as error:
            raise SchemaError(f"--on-alert: received {words!r} ({error}); close the quotes.") from None
        if not self.command or shutil.which(self.command[0]) is None:
            raise SchemaError(
                f"--on-alert: received {words!r}, which names no program that can be run. It is run without "
                "a shell: write a script for pipes and variables."
            )
        self.limit = limit
        self.problem = ""
        self._waiting: queue.Queue[Alert | None] = queue.Queue(_WAITING)
        self._dropped = 0
        self._closed = False
        self._running: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._work, name="on-alert", daemon=True)
        self._thread.start()

    def put(self, alerts: list[Alert]) -> None:
        """Hand over alerts; returns at once."""
        for alert in alerts:
            try:
                self._waiting.put_nowait(alert)
            except queue.Full:
                self._dropped += 1
                self.problem = f"{self._dropped} alerts dropped: the command is slower than they come"

    def close(self) -> None:
        """End the command, and run it no more."""
        self._closed = True
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)
        end = time.monotonic() + 2.0
        while self._thread.is_alive() and time.monotonic() < end:
            running = self._running
            if running is not None:
                _end(running)
            self._thread.join(0.05)

    def _work(self) -> None:
        while (alert := self._waiting.get()) is not None and not self._closed:
            self.problem = self._run(json.dumps(alert.to_dict(), allow_nan=False).encode())

    def _run(self, text: bytes) -> str:
        """Run the command once; "" or the reason why that failed."""
        nowhere = subprocess.DEVNULL
        try:
            running = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere, start_new_session=True
            )
        except OSError as error:
            return f"it cannot be run ({error.strerror or error})"
        self._running = running
        try:
            running.communicate(text, timeout=self.limit)
        except subprocess.TimeoutExpired:
            _end(running)
            return f"ended after {self.limit:g} s"
        except OSError:  # it closed its input
            running.wait()
        finally:
            self._running = None
        return f"exit code {running.returncode}" if running.returncode else ""


def _end(running: subprocess.Popen[bytes]) -> None:
    """Kill a process and those it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(running.pid, signal.SIGKILL)
        else:
            running.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        running.wait(2.0)
