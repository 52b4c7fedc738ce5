"""Hostile arguments for the command line, and a run of it in this process."""

from __future__ import annotations

import contextlib
import io
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from gammaflow.app.cli import main
from support.reader_mutations import WORDS

COMMANDS = {
    "demo": ("--rule", "--beliefs", "--depth", "--out", "--json", "--brief"),
    "report": (
        "--symbol", "--rule", "--vendor", "--asof", "--spot", "--repair", "--rate", "--dividend-yield",
        "--beliefs", "--depth", "--dynamics", "--days", "--vol-shift", "--json", "--out", "--brief",
        "--columns",
    ),
    "levels": (
        "--symbol", "--rule", "--asof", "--rate", "--days", "--vol-shift", "--json", "--out", "--brief",
        "--columns",
    ),
    "exposure": ("--by", "--symbol", "--asof", "--spot", "--rate", "--json", "--out", "--measures"),
    "profile": ("--low", "--high", "--points", "--spot", "--days", "--json", "--out", "--measures"),
    "flow": ("--spot-move", "--vol", "--days", "--adv", "--dynamics", "--spot", "--json", "--out"),
    "plot": ("--picture", "--measure", "--out", "--spot", "--symbol"),
    "simulate": ("--depth", "--days", "--spot", "--json", "--out"),
    "fetch": ("--base-url", "--timeout", "--raw", "--out"),
    "watch": ("--base-url", "--timeout", "--every", "--count", "--store", "--json"),
}  # fmt: skip
FLAGS = ("--json", "--repair", "--brief")
VALUES = (
    "1e308", "-1e308", "1e-310", "1e10", "nan", "inf", "-inf", "0", "-1", "3", "4.5e1000", "strike", "expiry",
    "BTC", "calls_long_puts_short", "2026-02-05T09:36:47+00:00", "/dev/zero", "/dev/null", "/", ".", "~",
    "~nobody/x.html", "missing/x.html", "x.png", "-5%", "+10", "gamma,vanna", "map.toml", "1e400%",
    "x" * 300 + ".html", "a.md", "http://x..y/", "http://[::1/", "file:///x",
    "http://u:p@127.0.0.1:9/", *(word for word in WORDS if "\x00" not in word and len(word) < 1_000),
)  # fmt: skip


def commands(seed: int, files: list[Path]) -> Iterator[list[str]]:
    """Arguments of the command line, without end; nothing is asked of a network."""
    dice = random.Random(seed)
    while True:
        command = dice.choice(list(COMMANDS))
        line = [command]
        if command in ("fetch", "watch"):
            line += [dice.choice(["nowhere", "", *VALUES]), dice.choice(VALUES)]
        elif command != "demo":
            line.append(str(dice.choice(files)) if dice.random() < 0.8 else dice.choice(VALUES))
        for _ in range(dice.randint(1, 4)):
            option = dice.choice(COMMANDS[command])
            line += [option] if option in FLAGS else [option, dice.choice(VALUES)]
        if dice.random() < 0.1:
            line.insert(dice.randrange(len(line)), dice.choice([*VALUES, "--", "--help", "--nonsense"]))
        yield [argument.encode("utf-8", "replace").decode() for argument in line]


def run(arguments: list[str]) -> tuple[int, str, str]:
    """Exit code, output and error stream of a command; exceptions other than an exit pass through."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["gammaflow", *arguments]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as stop:
            return int(stop.code or 0), out.getvalue(), err.getvalue()
    raise AssertionError("the command line did not exit")
