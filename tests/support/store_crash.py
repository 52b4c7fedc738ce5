"""Appends to a store in a process of its own, which the tests kill; and the chains it appends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.errors import MismatchError
from gammaflow.market.chain import Chain
from gammaflow.market.store import Store

FIRST = pd.Timestamp("2026-02-05T22:00:00.000000001Z")
ROWS = 200


def numbered_chain(i: int, variant: int = 0) -> Chain:
    """The i-th chain, seven minutes after the one before, so that more than 17 of them fall on two days."""
    rng = np.random.default_rng(1000 * variant + i)
    columns: dict[str, Any] = {
        "contract": [f"C{row}" for row in range(ROWS)],
        "expiry": pd.DatetimeIndex(["2026-03-27T08:00Z"] * ROWS),
        "strike": rng.uniform(1.0, 2.0, ROWS),
        "kind": rng.choice(["call", "put"], ROWS),
        "open_interest": rng.choice([0.0, np.nan, 7.0], ROWS),
        "multiplier": np.ones(ROWS),
        "iv": rng.uniform(0.1, 2.0, ROWS),
    }
    asof = FIRST + i * pd.Timedelta(minutes=7)
    return Chain(columns, "BTC", 100.0 + i + variant, asof, "crash", left_out={"futures": i})


def answer(i: int) -> dict[str, bytes]:
    """The raw answers kept beside the i-th chain."""
    return {"summary": b"%d," % i * 5000, "instruments": b"[]"}


def append_all(folder: str, count: int, raw: bool, variant: int) -> None:
    """Append and say so, once each append has returned."""
    store = Store(folder)
    print("ready", flush=True)
    sys.stdin.readline()
    for i in range(count):
        try:
            said = str(store.append(numbered_chain(i, variant), raw=answer(i) if raw else None))
        except MismatchError:
            said = "MismatchError"
        print(i, said, flush=True)


def die_everywhere(folder: str, scenario: str) -> None:
    """In folder after folder, start one append and die at its 1st, 2nd, ... call that touches files."""
    for point in range(100):
        store = Store(os.path.join(folder, str(point)))
        arguments: dict[str, Any] = {"raw": answer(0)}
        if scenario != "new":
            store.append(numbered_chain(0))
        if scenario == "replace":
            arguments["replace"] = True
        child = os.fork()
        if not child:
            sys.addaudithook(_dying(point))
            store.append(numbered_chain(0, variant=scenario == "replace"), **arguments)
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            print(point)
            return


def _dying(point: int) -> Callable[[str, Any], None]:
    calls = 0

    def hook(event: str, _: Any) -> None:
        nonlocal calls
        if event in ("open", "os.mkdir", "os.link", "os.rename", "os.remove", "os.scandir"):
            if calls == point:
                os._exit(9)
            calls += 1

    return hook


if __name__ == "__main__":
    if sys.argv[1] == "append":
        append_all(sys.argv[2], int(sys.argv[3]), sys.argv[4] == "raw", int(sys.argv[5]))
    else:
        die_everywhere(*sys.argv[2:])
