"""`gammaflow serve` in a process of its own, and what is measured of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

# A process started in the background inherits that Ctrl-C is ignored.
_CODE = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from gammaflow.app.cli import main; main()"
)


class Serve:
    """A running `gammaflow serve`, with `url` and the `lines` that it has printed."""

    def __init__(self, *args: Any, port: int = 0) -> None:
        words = [sys.executable, "-c", _CODE, "serve", *map(str, args), "--port", str(port)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        until(lambda: any("serving http" in line for line in self.lines))
        serving = next(line for line in self.lines if "serving http" in line)
        self.url = re.search(r"http://[^ ?]+", serving)[0]  # type: ignore[index]
        self.port = int(self.url.rstrip("/").rpartition(":")[2])

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.lines.append(line.rstrip())

    @property
    def memory(self) -> float:
        """Resident memory [MB]."""
        with open(f"/proc/{self.process.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def stop(self, number: int = signal.SIGINT) -> int:
        """Exit code after a signal."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(60)

    def __enter__(self) -> Serve:
        return self

    def __exit__(self, *args: object) -> None:
        self.stop(signal.SIGKILL)
        self._reader.join(5)
        if self.process.stdout is not None:
            self.process.stdout.close()


def until(true: Callable[[], Any], seconds: float = 120.0) -> Any:
    """The first true value of a function; AssertionError after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = true()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not true within {seconds:g} s")
