"""Earlier days of a store, as the page's history: the summary of each day's last chain."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pandas as pd

from gammaflow.batch.history import history
from gammaflow.batch.summary import summary_of
from gammaflow.errors import GammaflowError
from gammaflow.market.chain import Chain
from gammaflow.market.store import Store
from gammaflow.market.store.folder import open_snapshot
from gammaflow.market.store.names import Snapshot
from gammaflow.report import Report

__all__ = ["DAYS", "Past"]

#: Earlier days that a page shows at most.
DAYS = 15


class Past:
    """Summaries of the last chain of each UTC day, each made once.

    Parameters
    ----------
    store : Store or None
        Without one there is no past.
    symbol : str
    analyse : callable
        From a chain to its report.

    Examples
    --------
    >>> import tempfile
    >>> import gammaflow as gf
    >>> store = gf.Store(tempfile.mkdtemp())
    >>> store.append(gf.demo_chain())
    True
    >>> past = Past(store, "BTC", gf.analyze)
    >>> past.learn(pd.Timestamp("2026-02-06T01:00Z")), past.learn(pd.Timestamp("2026-02-06T01:00Z"))
    (True, False)
    >>> past.before(pd.Timestamp("2026-02-06T01:00Z"))["spot"].tolist()
    [71470.0]
    >>> past.before(pd.Timestamp("2026-02-05T23:00Z")) is None
    True
    """

    def __init__(self, store: Store | None, symbol: str, analyse: Callable[[Chain], Report]) -> None:
        self._store = store
        self._symbol = symbol
        self._analyse = analyse
        self._known: dict[str, pd.Series | None] = {}
        self._days: dict[str, list[Snapshot]] = {}
        self._lock = threading.Lock()

    def before(self, asof: pd.Timestamp) -> pd.DataFrame | None:
        """The table of `gammaflow.history` of the days before that of `asof` that are known; None without."""
        rows = [self._known.get(snapshot.path.name) for snapshot in self._closes(asof)]
        found = [row for row in rows if row is not None]
        return history(found).table if found else None

    def learn(self, asof: pd.Timestamp, most: int = DAYS) -> bool:
        """Summarize days before that of `asof` that are not known, at most `most`, the latest first.

        A chain that cannot be used is left out. False where all were known.
        """
        unknown = [s for s in self._closes(asof) if s.path.name not in self._known][:most]
        for snapshot in unknown:
            with self._lock:
                try:
                    self._known[snapshot.path.name] = summary_of(self._analyse(open_snapshot(snapshot)))
                except GammaflowError:
                    self._known[snapshot.path.name] = None
        return bool(unknown)

    def _closes(self, asof: pd.Timestamp) -> list[Snapshot]:
        """The last snapshot of each of the days before that of `asof`, the latest first."""
        today = f"{asof:%Y-%m-%d}"
        if today not in self._days:
            stored = () if self._store is None else self._store.list(self._symbol)
            last = {f"{s.asof:%Y-%m-%d}": s for s in stored}
            days = sorted((day for day in last if day < today), reverse=True)
            self._days[today] = [last[day] for day in days[:DAYS]]
        return self._days[today]
