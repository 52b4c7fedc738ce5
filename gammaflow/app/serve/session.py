"""A session of `gammaflow serve`: from each refresh of the feed to browsers, record and alerts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from gammaflow.app.serve.alerts import Held, compare
from gammaflow.app.serve.broadcast import Broadcast, packed
from gammaflow.app.serve.marks import marks_of
from gammaflow.app.serve.outlets import AlertCommand, AlertFile
from gammaflow.app.serve.points import point_of
from gammaflow.app.serve.replay import Replay, record_before
from gammaflow.app.watch import State, to_line
from gammaflow.errors import GammaflowError
from gammaflow.market.chain import Chain
from gammaflow.market.store.folder import open_snapshot
from gammaflow.market.store.names import Snapshot
from gammaflow.report import Report

__all__ = ["Session"]

# Stored chains that are analyzed before the browsers hear of them.
_BATCH = 10


@dataclass
class Session:
    """Work between a feed and the browsers, for `watch`: `analyse`, `show` and `pause` are its arguments.

    Parameters
    ----------
    live : Broadcast
        Takes every update.
    report_of : callable
        From a chain to its report.
    model_of : callable
        From a report to the page's model.
    every : float
        Seconds from one refresh to the next, for the page to know when one is late.
    say : callable
        Takes a line for the terminal.
    replay : Replay, optional
        The store's replay, by which the record of the day so far is restored.
    file, command
        Outlets of alerts besides the page.
    """

    live: Broadcast
    report_of: Callable[[Chain], Report]
    model_of: Callable[[Report], dict[str, Any]]
    every: float
    say: Callable[[str], None]
    replay: Replay | None = None
    file: AlertFile | None = None
    command: AlertCommand | None = None
    _held: Held = field(default_factory=Held)
    _made: tuple[Chain, Report, bytes] | None = None
    _shown: Report | None = None
    _said: str = ""
    _unwritten: str = ""
    _unread: int = 0
    _restoring: Iterator[None] | None = None

    def analyse(self, chain: Chain) -> Report:
        """The report of a chain, with its model: what fails here is a fault of the refresh.

        That of before where the feed has sent the same chain again, as one does that sleeps at night.
        """
        if self._made is None or not _same(self._made[0], chain):
            report = self.report_of(chain)
            self._made = (chain, report, packed(self.model_of(report)))
        return self._made[1]

    def resume(self) -> None:
        """Take up what the store knows: the state of the alerts, and later the record of the day."""
        known = self.replay.snapshots if self.replay else ()
        if self.replay is None or not known:
            return
        self._restoring = self._restored(self.replay, known)
        try:
            self._held, _ = compare(self._held, marks_of(self.report_of(open_snapshot(known[-1]))))
        except GammaflowError as error:
            self.say(f"alerts begin anew, since the last stored chain cannot be used: {error}")

    def show(self, state: State) -> None:
        """Send what a refresh has changed to the browsers, the outlets and the terminal."""
        report, model, points, alerts = state.report, None, [], []
        if report is not None and report is not self._shown:
            self._shown = report
            if self._made is not None and self._made[1] is report:
                model = self._made[2]
            points = [point_of(report)]
            self._held, found = compare(self._held, marks_of(report))
            alerts = list(found)
        if alerts and self.file is not None:
            self._unwritten = self.file.write(alerts)
        if alerts and self.command is not None:
            self.command.put(alerts)
        plain = [alert.to_dict() for alert in alerts]
        self.live.publish(self.status(state), model=model, points=points, alerts=plain)
        if state.fault != self._said or (state.refreshes == 1 and report is not None):
            self._said = state.fault
            self.say(to_line(state))
        for alert in alerts:
            self.say(f"{alert.asof} {alert.symbol} ALERT {alert.text}")

    def pause(self, seconds: float) -> None:
        """Wait, and restore the record of the day meanwhile: a chain at least, however late it is."""
        end = time.monotonic() + seconds
        while self._restoring is not None:
            if next(self._restoring, self) is self:
                self._restoring = None
            if time.monotonic() >= end:
                break
        time.sleep(max(end - time.monotonic(), 0.0))

    def status(self, state: State) -> dict[str, Any]:
        """State of the feed and of the outlets, as plain values."""
        problems = {
            "alerts": self._unwritten and f"alerts are not written to the file: {self._unwritten}",
            "command": self.command and self.command.problem and f"alert command: {self.command.problem}",
            "store": self._unread and f"{self._unread} chains of the store could not be used for the record",
        }
        report = state.report
        return {
            "vendor": state.vendor,
            "symbol": state.symbol,
            "now": state.now.isoformat(),
            "every": self.every,
            "fault": state.fault,
            "problems": [text for text in problems.values() if text],
            "refreshes": state.refreshes,
            "faults": state.faults,
            "stored": state.stored if state.store else None,
            "received_at": None if state.received_at is None else state.received_at.isoformat(),
            "asof": None if report is None else report.book.asof.isoformat(),
            "replay": self.replay is not None,
        }

    def _restored(self, replay: Replay, known: tuple[Snapshot, ...]) -> Iterator[None]:
        """Points of the last 24 hours, the newest first, a chain at a time, and then the days before."""
        points = []
        for snapshot in reversed(record_before(known, known[-1].asof)):
            try:
                points.append(replay.point(snapshot))
            except GammaflowError:
                self._unread += 1
            if len(points) == _BATCH:
                self.live.publish(points=points)
                points = []
            yield
        if points:
            self.live.publish(points=points)
        while replay.past.learn(known[-1].asof, 1):
            yield


def _same(one: Chain, other: Chain) -> bool:
    """True for two chains that agree in everything that is analyzed."""
    if one is other:
        return True
    return (one.asof, one.spot) == (other.asof, other.spot) and one.to_frame().equals(other.to_frame())
