"""A store as a feed: the chains that other processes append to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from gammaflow.errors import FeedError, SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.store import Store
from gammaflow.market.store.folder import open_snapshot
from gammaflow.market.store.names import Snapshot

__all__ = ["StoreFeed", "written_at"]


def written_at(snapshot: Snapshot) -> int:
    """Time at which a snapshot's file was written [ns since 1970]: it is another where it was replaced.

    Raises
    ------
    FeedError
        Where there is no such file any more.
    """
    try:
        return snapshot.path.stat().st_mtime_ns
    except OSError as error:
        raise FeedError(f"{snapshot.path}: cannot be read ({error.strerror or error}).") from None


@dataclass(frozen=True)
class _Stored:
    """A chain of a store, in the place of a vendor's answers."""

    content: Chain
    received_at: datetime

    def chain(self) -> Chain:
        return self.content

    def to_files(self) -> Mapping[str, bytes]:
        return {}


class StoreFeed:
    """The newest chain of a symbol in a store, each time it is asked for.

    Parameters
    ----------
    store : Store
    symbol : str, optional
        Needed where the store has several.

    Raises
    ------
    SchemaError
        Where the store has no chain of the symbol, or several symbols and none was chosen.

    Examples
    --------
    >>> import tempfile
    >>> import gammaflow as gf
    >>> store = gf.Store(tempfile.mkdtemp())
    >>> store.append(gf.demo_chain())
    True
    >>> StoreFeed(store).fetch().chain().spot
    71470.0
    """

    vendor = "store"

    def __init__(self, store: Store, symbol: str | None = None) -> None:
        if not store.path.is_dir():
            raise SchemaError(f"FOLDER: there is no folder {str(store.path)!r}. Check it, or name a vendor.")
        legal = store.symbols
        if symbol is None and len(legal) == 1:
            symbol = legal[0]
        if symbol is None or symbol not in legal:
            said = "none was chosen" if symbol is None else f"received {symbol!r}"
            raise SchemaError(f"SYMBOL: {said}; {str(store.path)!r} holds {', '.join(legal) or 'no chain'}.")
        self._store = store
        self.symbol = symbol
        self._last: tuple[Snapshot, int, _Stored] | None = None

    def fetch(self) -> _Stored:
        """The newest chain; the same object as before where it is still the newest, and was not replaced."""
        found = self._store.list(self.symbol)
        if not found:
            raise FeedError(f"{str(self._store.path)!r} holds no chain of {self.symbol} any more.")
        written = written_at(found[-1])
        if self._last is None or self._last[:2] != (found[-1], written):
            received = datetime.fromtimestamp(written / 1e9, UTC)
            self._last = (found[-1], written, _Stored(open_snapshot(found[-1]), received))
        return self._last[2]
