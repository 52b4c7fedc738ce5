"""Replay of a store: the page and the day's record as they were at any of its chains."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

import pandas as pd

from gammaflow.app.serve.broadcast import packed
from gammaflow.app.serve.past import Past
from gammaflow.app.serve.points import WINDOW, point_of, thinned
from gammaflow.app.serve.stored import written_at
from gammaflow.checks import utc
from gammaflow.errors import GammaflowError, SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.store import Store
from gammaflow.market.store.folder import open_snapshot
from gammaflow.market.store.names import Snapshot
from gammaflow.report import Report

__all__ = ["DENSITY", "Replay", "record_before"]

#: Chains of a day that are analyzed for its record at most, evenly in time.
DENSITY = 120

_T = TypeVar("_T")

# Models and points that are kept; a model takes 1 to 2 MB, a point a few kB.
_MODELS = 12
_POINTS = 2_000

# Seconds for which a list of the store's names is used again.
_FRESH = 2.0


class Replay:
    """Chains of one symbol in a store, each analyzed when it is asked for, as it was known then.

    Parameters
    ----------
    store : Store
    symbol : str
    analyse : callable
        From a chain to its report.
    model : callable
        From a report to the page's model as JSON.
    past : Past
        Earlier days, known to `analyse`.

    Notes
    -----
    Point in time: everything at a moment is made of chains at or before it. Requests come from several
    threads; one chain at a time is analyzed.
    """

    def __init__(
        self,
        store: Store,
        symbol: str,
        analyse: Callable[[Chain], Report],
        model: Callable[[Report], bytes],
        past: Past,
    ) -> None:
        self._store = store
        self._symbol = symbol
        self._analyse = analyse
        self._model = model
        self.past = past
        self._work = threading.RLock()
        self._models: OrderedDict[str, bytes] = OrderedDict()
        self._points: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._listed: tuple[float, tuple[Snapshot, ...]] = (-_FRESH, ())

    @property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """Chains of the symbol, in the order of time; the list is at most two seconds old."""
        now = time.monotonic()
        if now - self._listed[0] >= _FRESH:
            self._listed = (now, self._store.list(self._symbol))
        return self._listed[1]

    def moments(self, day: str | None = None) -> dict[str, Any]:
        """The store's `days`, and the `moments` of one `day` of them, by default the last."""
        found = self.snapshots
        days = list(dict.fromkeys(f"{s.asof:%Y-%m-%d}" for s in found))
        chosen = day if day in days else (days[-1] if days else None)
        moments = [s.asof.isoformat() for s in found if f"{s.asof:%Y-%m-%d}" == chosen]
        return {"days": days, "day": chosen, "moments": list(dict.fromkeys(moments))}

    def at(self, asof: str) -> bytes:
        """The model of the latest chain at or before `asof`, as JSON.

        Raises
        ------
        SchemaError
            Where there is none, or `asof` is no timestamp.
        """
        snapshot = self._latest(asof)
        with self._work:
            self.past.learn(snapshot.asof)
            return _remember(
                self._models, _name(snapshot), _MODELS,
                lambda: self._model(self._analyse(open_snapshot(snapshot))),
            )  # fmt: skip

    def day(self, asof: str) -> bytes:
        """The record of the 24 hours to the latest chain at or before `asof`: a list of points, as JSON."""
        last = self._latest(asof)
        points = []
        for snapshot in record_before(self.snapshots, last.asof):
            try:
                points.append(self.point(snapshot))
            except GammaflowError:  # damaged, or nothing in it can be valued: its own page says so
                continue
        return packed(points)

    def point(self, snapshot: Snapshot) -> dict[str, Any]:
        """The column of the day's record for a chain of the store."""
        with self._work:
            return _remember(
                self._points, _name(snapshot), _POINTS,
                lambda: point_of(self._analyse(open_snapshot(snapshot))),
            )  # fmt: skip

    def _latest(self, asof: str) -> Snapshot:
        moment = utc(asof)
        found = [s for s in self.snapshots if s.asof <= moment]
        if not found:
            raise SchemaError(
                f"asof: received {asof!r}; the store has no chain of {self._symbol} until then."
            )
        return found[-1]


def record_before(snapshots: tuple[Snapshot, ...], last: pd.Timestamp) -> list[Snapshot]:
    """Snapshots of the 24 hours until `last`, at most `DENSITY`, evenly in time; one for each timestamp."""
    near = {s.asof: s for s in snapshots if last - WINDOW <= s.asof <= last}
    return thinned(list(near.values()), [asof.timestamp() for asof in near], DENSITY)


def _name(snapshot: Snapshot) -> str:
    """Name of the file as it is now: another once it was replaced or repaired."""
    return f"{snapshot.path.name} {written_at(snapshot)}"


def _remember(cache: OrderedDict[str, _T], name: str, size: int, make: Callable[[], _T]) -> _T:
    """A value of a cache that forgets what was used least recently."""
    if name in cache:
        cache.move_to_end(name)
    else:
        cache[name] = make()
        if len(cache) > size:
            cache.popitem(last=False)
    return cache[name]
