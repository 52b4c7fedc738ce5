"""Functions of a chain for the tests of batches; workers import them, and some end their process."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from gammaflow.errors import SchemaError

LONG = ("by_strike",)


def facts(chain):
    """One number of each kind, and what a row may miss."""
    return {
        "spot": chain.spot,
        "rows": len(chain),
        "weight": float((chain["strike"] * chain["open_interest"]).sum()) / 3.0,
        "synthetic": chain.synthetic,
        "currency": chain.currency,
        "first_expiry": chain.to_frame()["expiry"].min(),
        "missing": None,
    }


def with_tables(chain):
    frame = chain.to_frame()
    strikes = frame.groupby("strike")[["open_interest"]].sum()
    return {"summary": facts(chain), "by_strike": strikes.assign(asof=chain.asof)}


def odd(chain):
    """Something else each day: raises, leaves a name out, or returns what is no row."""
    day = chain.asof.day
    if day == 1:
        raise ZeroDivisionError("no gamma\nat all")
    if day == 2:
        raise SchemaError("spot: received 2; legal: 3.")
    if day == 3:
        return [1, 2]
    if day == 4:
        return {"spot": chain.spot, "book": {}, 5: 1.0}
    if day == 5:
        raise SystemExit(3)
    return {"spot": chain.spot, "late": 1.5} if day == 6 else {"spot": chain.spot}


def changing(chain):
    return {
        "value": 1 if chain.asof.day == 1 else "one",
        "symbol": "X" if chain.asof.day == 3 else chain.symbol,
    }


def deadly(chain):
    """Ends its own worker process at the third day."""
    if chain.asof.day == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return facts(chain)


def deadly_once(chain):
    """Ends its own process at the third day, the first time; `$MARK_OF_DEATH` tells."""
    mark = Path(os.environ["MARK_OF_DEATH"])
    if chain.asof.day == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return with_tables(chain)


class DeadlyToLoad:
    """A function that ends the process that loads it, unless a file is there; leaves one each time."""

    def __init__(self, folder, times):
        self.folder, self.times = folder, times

    def __call__(self, chain):
        return facts(chain)

    def __setstate__(self, state):
        self.__dict__.update(state)
        died = len(list(Path(self.folder).iterdir()))
        if died < self.times:
            Path(self.folder, str(died)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
