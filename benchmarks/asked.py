"""The process that asks one function: `asked.py FOLDER MODULE:FUNCTION INPUTS.npz RESULTS.npz`.

It runs in the environment of the function's library and imports nothing of ours that needs another. Each line
it reads is one turn of at least so many seconds; each line it answers is JSON: the seconds of a call, or
`failure`. The first answer comes unasked: what the first call allocated at its peak, its results written.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import time
import tracemalloc
import warnings


def turn(compute, least):
    """Seconds per call over a turn of at least `least` seconds."""
    calls, begin = 0, time.perf_counter()
    while True:
        compute()
        calls += 1
        elapsed = time.perf_counter() - begin
        if elapsed > least:
            return elapsed / calls


def answers(folder, function, source, target):
    """Dictionaries to answer with, the first unasked."""
    import numpy as np

    sys.path.insert(0, folder)
    module, _, name = function.partition(":")
    compute = getattr(importlib.import_module(module), name)
    with np.load(source) as file:
        data = {name: value if value.ndim else value.item() for name, value in file.items()}
    found = compute(data)
    np.savez(target, **(found if isinstance(found, dict) else {"price": found}))
    tracemalloc.start()
    compute(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    yield {"bytes": peak}
    for line in sys.stdin:
        yield {"seconds": turn(lambda: compute(data), float(line))}


def main():
    """Answer on the standard output, on which no library may print."""
    pipe = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with warnings.catch_warnings(), contextlib.suppress(BrokenPipeError):
        warnings.simplefilter("ignore")
        try:
            for answer in answers(*sys.argv[1:]):
                print(json.dumps(answer), file=pipe, flush=True)
        except Exception as error:
            lines = str(error).strip().splitlines() or ["no reason given"]
            print(json.dumps({"failure": f"{type(error).__name__}: {lines[0]}"}), file=pipe, flush=True)


if __name__ == "__main__":
    main()
