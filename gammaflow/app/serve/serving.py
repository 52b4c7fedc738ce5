"""Serving of a feed: its session, the web server that shows it, replay and alerts, closed together."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from gammaflow.app.serve.broadcast import Broadcast, packed
from gammaflow.app.serve.guard import Guard, is_local
from gammaflow.app.serve.outlets import AlertCommand, AlertFile
from gammaflow.app.serve.past import Past
from gammaflow.app.serve.replay import Replay
from gammaflow.app.serve.session import Session
from gammaflow.app.serve.site import site
from gammaflow.app.serve.web import Web
from gammaflow.errors import SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.store import Store
from gammaflow.report import Report

__all__ = ["Place", "served"]

# Shortest token: nobody guesses it.
_TOKEN = 16


class Place(NamedTuple):
    """Address and port that are listened on (0 takes any), and the secret that browsers must show."""

    address: str
    port: int
    token: str | None

    def check(self) -> None:
        """SchemaError for an address that others reach without a token, and for a short token."""
        if not is_local(self.address) and self.token is None:
            raise SchemaError(
                f"--address: received {self.address!r}, which other machines can reach; that needs --token. "
                "Without --address the page is for this machine alone."
            )
        if self.token is not None and len(self.token) < _TOKEN:
            raise SchemaError(f"--token: received {len(self.token)} characters; use {_TOKEN} or more.")

    def url(self, port: int) -> str:
        """Address of the page in a browser, for the port that was taken."""
        shown = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{shown}:{port}/{'?token=TOKEN' if self.token else ''}"


@contextmanager
def served(
    feed: Any, kept: Store | None, analyse: Callable[..., Report], place: Place, every: float,
    alerts: Path | None, on_alert: str | None, say: Callable[[str], None],
) -> Iterator[Session]:  # fmt: skip
    """A session whose updates browsers see inside the block; `kept` is the store that can be replayed."""
    from gammaflow.plot.desk import render_desk
    from gammaflow.report.desk import desk_model

    def report_of(chain: Chain) -> Report:
        past.learn(chain.asof, 1)
        return analyse(chain, past.before(chain.asof))

    live, past = Broadcast(), Past(kept, feed.symbol, analyse)
    with ExitStack() as stack:
        file = None if alerts is None else AlertFile(alerts)
        command = None if on_alert is None else AlertCommand(on_alert)
        if command is not None:
            stack.callback(command.close)
        replay = None
        if kept is not None:
            replay = Replay(kept, feed.symbol, report_of, lambda report: packed(desk_model(report)), past)
        session = Session(live, report_of, desk_model, every, say, replay, file, command)
        page = partial(render_desk, connect=True)
        app = Guard(site(live, page, f"{feed.symbol} from {feed.vendor}", replay), place.address, place.token)
        web = stack.enter_context(Web(app, place.address, place.port, live.close, say))
        stack.enter_context(_ended_as_by_ctrl_c())
        say(f"serving {place.url(web.port)} (Ctrl-C stops)")
        yield session


@contextmanager
def _ended_as_by_ctrl_c() -> Iterator[None]:
    """The signal that asks a process to end acts as Ctrl-C inside the block."""
    before = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
