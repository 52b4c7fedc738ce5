"""One partition of a batch: the chains of some files, and what a function returns for each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from gammaflow.batch.chains import Reading, chains_of, one_line
from gammaflow.batch.long import SUMMARY, LongTables
from gammaflow.batch.rows import Row, plain_row
from gammaflow.batch.sources import Failure, Source
from gammaflow.errors import GammaflowError, SchemaError
from gammaflow.market.chain import Chain
from gammaflow.text import value_text

__all__ = ["Outcome", "Part", "name_of", "work"]


@dataclass(frozen=True)
class Part:
    """Some sources that are read and written together, and what is asked of them."""

    sources: tuple[Source, ...]
    reading: Reading
    keeps_tables: bool

    @property
    def key(self) -> str:
        """Short name of the part, the same for the same files."""
        text = "\n".join(f"{source.name}\t{source.mark}" for source in self.sources)
        return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]

    def alone(self) -> list[Part]:
        """A part for each source."""
        return [replace(self, sources=(source,)) for source in self.sources]


@dataclass
class Outcome:
    """Rows, failures, content of the long tables' files, and names of the tables that were not kept."""

    rows: list[Row] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)


def work(part: Part, function: Callable[[Chain], Any], tick: Callable[[], None] | None = None) -> Outcome:
    """The outcome of a part; errors of single chains are failures, never raised.

    Parameters
    ----------
    part : Part
    function : callable
        As in `run_batch`.
    tick : callable, optional
        Called after each source.
    """
    outcome, tables = Outcome(), LongTables()
    for source in part.sources:
        rows, failures = len(outcome.rows), len(outcome.failures)
        for chain in chains_of(source, part.reading):
            if isinstance(chain, Failure):
                outcome.failures.append(chain)
                continue
            try:
                row, others = _split(source.name, chain, function(chain))
                if others and part.keeps_tables:
                    tables.add(source.name, chain, others)
                elif others:
                    outcome.dropped.update(map(str, others))
            except GammaflowError as error:
                outcome.failures.append(Failure(source.name, chain.symbol, one_line(error)))
            except (Exception, SystemExit) as error:
                reason = f"{name_of(function)} raised {type(error).__name__}: {one_line(error)}"
                lasting = not isinstance(error, OSError | MemoryError)
                outcome.failures.append(Failure(source.name, chain.symbol, reason, passing=not lasting))
            else:
                outcome.rows.append(row)
        if len(outcome.rows) > rows:  # what a source gave is kept, and a source is not read twice
            outcome.failures[failures:] = [replace(f, passing=False) for f in outcome.failures[failures:]]
        if tick is not None:
            tick()
    outcome.files = tables.files(part.key) if tables.pieces else {}
    return outcome


def name_of(function: Any) -> str:
    """Name of a callable, that of the function inside a partial."""
    while not hasattr(function, "__qualname__") and hasattr(function, "func"):
        function = function.func
    return str(getattr(function, "__qualname__", type(function).__name__))


def _split(source: str, chain: Chain, returned: Any) -> tuple[Row, dict[Any, Any]]:
    """The row, and the long tables by name, of what a function returned."""
    if isinstance(returned, Mapping) and any(
        isinstance(value, pd.Series | pd.DataFrame) for value in returned.values()
    ):
        others = {name: table for name, table in returned.items() if name != SUMMARY}
        summary = returned.get(SUMMARY, {})
        if isinstance(summary, Mapping | pd.Series):
            return plain_row(source, chain, summary), others
        raise SchemaError(f"{SUMMARY}: received {value_text(summary)}; a Series or a mapping is needed.")
    if isinstance(returned, Mapping | pd.Series):
        return plain_row(source, chain, returned), {}
    raise SchemaError(
        f"function: returned {value_text(returned)}; a Series or a mapping of values is needed, or a mapping "
        f"of names to tables of which {SUMMARY!r} is the row."
    )
