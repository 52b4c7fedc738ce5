"""Watch of a live feed: refreshes levels and exposure, keeps running through errors, archives every chain."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from gammaflow.app.changes import Changes, find_changes
from gammaflow.checks import check_number
from gammaflow.errors import GammaflowError
from gammaflow.market.chain import Chain
from gammaflow.market.feeds import Feed
from gammaflow.market.quality import SELECTED
from gammaflow.market.store import Store
from gammaflow.report import Report
from gammaflow.report.rates import rate_dict
from gammaflow.text import readable, strike_text
from gammaflow.units import describe

__all__ = ["State", "ages", "refresh", "to_dict", "to_line", "watch"]


@dataclass(frozen=True)
class State:
    """State of a watch after a refresh.

    Attributes
    ----------
    vendor, symbol : str
        Vendor and symbol of the feed.
    now : datetime
        Time at which ages are measured (UTC).
    report : Report or None
        Report on the last good chain; None before the first.
    received_at : datetime or None
        When that chain arrived, by this machine's clock (UTC).
    fault : str
        Error of the last refresh; "" where there was none.
    refreshes, faults, stored : int
        Number of refreshes, of refreshes with errors, and of chains that were new to the store.
    store : str
        Folder where chains are stored; "" where they are not.
    changes : Changes or None
        Changes from the good chain before the last; None before the second.
    """

    vendor: str
    symbol: str
    now: datetime
    report: Report | None = None
    received_at: datetime | None = None
    fault: str = ""
    refreshes: int = 0
    faults: int = 0
    stored: int = 0
    store: str = ""
    changes: Changes | None = None


def refresh(
    state: State,
    feed: Feed,
    analyse: Callable[[Chain], Report],
    store: Store | None,
    clock: Callable[[], datetime],
) -> State:
    """The state after one more refresh, good or failed; a failed step leaves the rest unchanged.

    The chain is stored with its raw responses before it is analysed.
    """
    report, received, stored, changes = state.report, state.received_at, state.stored, state.changes
    faults = []
    try:
        answers = feed.fetch()
        chain = answers.chain()
        if store is not None:
            try:
                stored += store.append(chain, raw=answers.to_files())
            except (GammaflowError, OSError) as error:
                faults.append(f"not stored: {error}")
        found = analyse(chain)
        changes = None if report is None else find_changes(report, found)
        report, received = found, answers.received_at
    except GammaflowError as error:
        faults.append(str(error))
    return replace(
        state,
        now=clock(),
        report=report,
        received_at=received,
        stored=stored,
        changes=changes,
        fault=" ".join(" | ".join(faults).split()),
        refreshes=state.refreshes + 1,
        faults=state.faults + bool(faults),
    )


def watch(
    feed: Feed,
    analyse: Callable[[Chain], Report],
    show: Callable[[State], None],
    *,
    every: float = 60.0,
    count: int | None = None,
    store: Store | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], None] = time.sleep,
) -> State:
    """Refresh from a feed again and again until `count` refreshes are done or the user interrupts.

    Parameters
    ----------
    feed : Feed
        The vendor and symbol.
    analyse : callable
        Function that makes the report of a chain.
    show : callable
        Function that receives the state after each refresh.
    every : float
        Seconds from the start of one refresh to the start of the next.
    count : int, optional
        Number of refreshes; unlimited by default.
    store : Store, optional
        Store for every good chain and its raw responses.
    clock, sleep : callable
        Functions that return the current time (UTC), and that wait.

    Returns
    -------
    State
        After the last refresh; an interrupt (Ctrl-C) ends the watch as `count` does.

    Raises
    ------
    SchemaError
        Where `every` or `count` is not legal.
    """
    check_number(every, "every", 0.0, 86_400.0, open_low=True)
    if count is not None:
        check_number(count, "count", 1.0)
    state = State(feed.vendor, feed.symbol, clock(), store="" if store is None else str(store.path))
    try:
        while True:
            start = clock()
            state = refresh(state, feed, analyse, store, clock)
            show(state)
            if count is not None and state.refreshes >= count:
                return state
            # The system clock may be changed during a refresh.
            sleep(min(max(every - (clock() - start).total_seconds(), 0.0), every))
    except KeyboardInterrupt:
        return state


def ages(state: State) -> str:
    """Age of the quotes and of the last good response, in words."""
    if state.report is None or state.received_at is None:
        return "no chain yet"
    quoted = (state.now - state.report.book.asof).total_seconds()
    came = (state.now - state.received_at).total_seconds()
    old = f"{_span(quoted)} old" if quoted >= 0 else f"{_span(-quoted)} ahead of this machine's clock"
    return f"quotes {old}, received {_span(max(came, 0.0))} ago"


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    first = next((i for i, (n, _) in enumerate(parts) if n), 3)
    return " ".join(f"{n} {unit}" for n, unit in parts[first : first + 2])


def to_line(state: State) -> str:
    """The state in one line, for terminals and logs that do not redraw."""
    head = f"{state.now:%Y-%m-%d %H:%M:%S}Z {state.symbol}"
    if state.fault:
        return f"{head} ERROR {state.fault} ({ages(state)})"
    if state.report is None:
        return f"{head} {ages(state)}"
    levels = state.report.levels
    divisor, unit = readable([levels.gamma], describe(state.report.book.currency)["gamma"])
    changed = f" ({state.changes.gamma / divisor:+z,.1f})" if state.changes else ""
    flips = ", ".join(f"{flip.spot:,.2f}" for flip in levels.flips) or "none"
    zone = levels.zone
    return (
        f"{head} spot {state.report.book.spot:,.2f} gamma {levels.gamma / divisor:,.1f}{changed} {unit} "
        f"flips {flips} zone {'none' if zone is None else f'{zone.low:,.2f} to {zone.high:,.2f}'} "
        f"put wall {_wall(levels.put_wall)} call wall {_wall(levels.call_wall)} ({ages(state)})"
        f"{''.join(f'; {SELECTED}{text}' for text in state.report.book.filters)}"
        f"{''.join(f'; {name} {text}' for name, text in state.report.rates()[:1])}"
        f"{''.join(f'; WARNING: {text}' for text in state.report.warnings())}"
    )


def to_dict(state: State) -> dict[str, Any]:
    """The state as plain numbers and text, with the levels of the last good chain."""
    report = state.report
    return {
        "now": state.now.isoformat(),
        "vendor": state.vendor,
        "symbol": state.symbol,
        "fault": state.fault or None,
        "refreshes": state.refreshes,
        "faults": state.faults,
        "stored": state.stored,
        "changes": None if state.changes is None else state.changes.to_dict(),
        "received_at": None if state.received_at is None else state.received_at.isoformat(),
        "levels": None if report is None else report.levels.to_dict(),
        "warnings": None if report is None else report.warnings(),
        "financing": None if report is None else rate_dict(report.book, report.financing),
        "quality": None if report is None or report.quality is None else report.quality.to_dict(),
    }


def _wall(strike: float) -> str:
    return "none" if np.isnan(strike) else strike_text(strike)
