"""A batch in a process of its own, which the tests kill: folder of chains, out, workers."""

import sys
import time

import gammaflow as gf
from support import batch_functions as functions


def slow(chain):
    time.sleep(0.1)
    return functions.with_tables(chain)


if __name__ == "__main__":
    chains, out, workers = sys.argv[1:]
    gf.run_batch(
        chains, slow, out=out, workers=int(workers) or None,
        progress=lambda done, total: print(done, flush=True),
    )  # fmt: skip
