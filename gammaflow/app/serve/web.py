"""The web server, in a thread beside the feed's."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

import uvicorn

from gammaflow.errors import SchemaError

__all__ = ["Web"]

# Connections at once; more are refused.
_CONNECTIONS = 500


class Web:
    """An ASGI application that is served inside a `with` block.

    Parameters
    ----------
    app : ASGI application
    address : str
    port : int
        0 for any that is free.
    end : callable
        Ends streams, so that the server can stop.
    say : callable
        Takes a line about an error of the server.

    Raises
    ------
    SchemaError
        On entering, where the address cannot be listened on.
    """

    def __init__(
        self, app: Any, address: str, port: int, end: Callable[[], None], say: Callable[[str], None]
    ) -> None:
        self._server = uvicorn.Server(
            uvicorn.Config(
                app, host=address, port=port, http="h11", ws="none", loop="asyncio", lifespan="off",
                log_config=None, access_log=False, server_header=False, proxy_headers=False,
                limit_concurrency=_CONNECTIONS, timeout_graceful_shutdown=1,
            )
        )  # fmt: skip
        self._where = f"{address}, port {port}"
        self._end = end
        self._errors = _Errors(say)
        self._thread = threading.Thread(target=self._serve, name="web", daemon=True)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.servers[0].sockets[0].getsockname()[1])

    def __enter__(self) -> Web:
        logger = logging.getLogger("uvicorn.error")
        logger.propagate = False
        logger.addHandler(self._errors)
        self._thread.start()
        while self._thread.is_alive() and not self._server.started:
            self._thread.join(0.02)
        if not self._server.started:
            logger.removeHandler(self._errors)
            raise SchemaError(
                f"--port: cannot listen on {self._where} ({self._errors.last or 'no reason given'}). "
                "Choose another; 0 takes any that is free."
            )
        self._errors.quiet = False
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._errors.quiet = True
        self._server.should_exit = True
        self._end()
        self._thread.join(5.0)
        logging.getLogger("uvicorn.error").removeHandler(self._errors)

    def _serve(self) -> None:
        try:
            self._server.run()
        except SystemExit:  # an address that cannot be listened on: the log has the reason
            return


class _Errors(logging.Handler):
    """Errors that the server logs, handed on as lines."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self.last = ""
        self.quiet = True
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()
        if not self.quiet:
            self._say(f"web server: {self.format(record)}")
