"""An environment of its own for each peer: what they ask for quarrels with others and with ours.

A peer that is no library of ours is installed once into `.venv-peers/<package>`, newest version, by pip. What
cannot be installed raises `PeerError` with the last line of pip's answer, once per run.
"""

from __future__ import annotations

import functools
import subprocess
import sys
import venv
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / ".venv-peers"
#: Requirements of each peer's environment by the package it imports; all others are in ours.
PEERS = {
    "QuantLib": ("QuantLib", "numpy"),
    "blackscholes": ("blackscholes", "numpy"),
    "fast_vollib": ("fast-vollib", "numba"),
    "financepy": ("financepy",),
    "jax": ("jax",),
    "py_vollib_vectorized": ("py_vollib_vectorized",),
}
DEADLINE = 900.0
VERSION = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"


class PeerError(Exception):
    """A peer that cannot be asked, and why."""


def last_line(text: str) -> str:
    """The last line of an answer that says something, short enough for a table."""
    lines = [line.strip() for line in text.splitlines() if line.strip(" ^~")]
    return (lines[-1] if lines else "no reason given").replace("|", "/")[:160]


@functools.cache
def _install(package: str) -> Path | str:
    """The interpreter of a peer's environment, or why there is none."""
    folder = FOLDER / package
    python, done = folder / "bin" / "python", folder / "installed"
    if done.exists():
        return python
    try:
        venv.create(folder, with_pip=True, clear=True)
        answer = subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PEERS[package]],
            capture_output=True, text=True, timeout=DEADLINE,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        return f"not installed: {last_line(str(error))}"
    if answer.returncode:
        return f"not installed: {last_line(answer.stderr)}"
    done.touch()
    return python


def python_of(package: str) -> Path:
    """The interpreter that can import a package: ours, or that of the peer's own environment."""
    found = _install(package) if package in PEERS else Path(sys.executable)
    if isinstance(found, str):
        raise PeerError(found)
    return found


def versions() -> list[str]:
    """Name and version of each peer's package, with the numba that it brings."""
    found = []
    for package, (name, *_) in PEERS.items():
        try:
            python = python_of(package)
        except PeerError:
            found.append(f"{name} not installed")
            continue
        words = []
        for each in (name, "numba"):
            answer = subprocess.run([python, "-c", VERSION, each], capture_output=True, text=True)
            if not answer.returncode:
                words.append(f"{each} {answer.stdout.strip()}")
        found.append(" with ".join(words))
    return found
