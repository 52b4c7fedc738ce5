"""Batch of chains: one function of every chain of a store or a folder, in order, in bounded memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from gammaflow.batch.chains import Reading
from gammaflow.batch.engines import Cluster, Engine, Lost, Pool, Serial
from gammaflow.batch.folder import Folder, outcomes_in
from gammaflow.batch.identity import code_digest, function_digest
from gammaflow.batch.long import pyarrow
from gammaflow.batch.result import BatchResult, given_of, result_of
from gammaflow.batch.sources import Failure, Found, Source, find_sources
from gammaflow.batch.summary import summarize
from gammaflow.batch.warm import warm
from gammaflow.batch.work import Outcome, Part, name_of
from gammaflow.checks import check_text, refuse
from gammaflow.market.carry.dated import Dated
from gammaflow.market.carry.dividends import Dividends
from gammaflow.market.carry.rates import RateCurve
from gammaflow.market.chain import Chain
from gammaflow.market.given import find_carry
from gammaflow.market.plausibility.rows import odd_rate
from gammaflow.market.readers import ColumnMap, find_map
from gammaflow.market.store import Store
from gammaflow.text import value_text

__all__ = ["PARTITION", "run_batch"]

#: Most files of a part, the unit of work, of memory and of a resumed run.
PARTITION = 64
# Parts of a batch that has fewer files than that many parts hold: workers then end at about the same time.
_PARTS = 32
_MOST_WORKERS = 1024

_KILLED = (
    "its worker process ended twice while it read or valued this file (killed, out of memory, or a crash of "
    "a library). Run it alone, or with more memory."
)


def run_batch(
    store_or_paths: Store | str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    function: Callable[[Chain], Any] = summarize,
    *,
    symbol: str | None = None,
    columns: ColumnMap | str | os.PathLike[str] | Mapping[str, Any] | None = None,
    rate: float | pd.Series | RateCurve | None = None,
    dividends: pd.Series | Dividends | None = None,
    client: Any = None,
    workers: int | None = None,
    out: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], Any] | None = None,
) -> BatchResult:
    """Apply a function to every chain of a store, a folder or a list of files.

    A file that cannot be read, and a chain for which the function raises an error, becomes a line in
    `failures`; the others are done. Rows, their order and every bit of their numbers are the same in this
    process, in a pool of processes and on Dask.

    Parameters
    ----------
    store_or_paths : Store, path, URL or iterable of paths and URLs
        A store or its folder; a folder of vendors' files, walked with its subfolders; one file; or several,
        also by wildcards. URLs ("s3://bucket/chains", "memory://*.csv") are read by fsspec. Every file is
        read, whatever its ending, but for names that begin with a dot or an underscore. A file with several
        underlyings has a row for each.
    function : callable
        Takes a Chain and returns a row: a Series or a mapping of names to numbers, booleans, text and
        timestamps. Or a mapping of names to tables (Series or DataFrame), of which "summary" is the row and
        the others are long tables, kept with `out` only. By default `summarize`.
    symbol : str, optional
        Only this underlying; a vendor's file without it is a failure.
    columns : str, mapping or path, optional
        A preset or a map, as in `read_chain`, by which every file that is no snapshot of a store is read.
    rate, dividends : float, Series, RateCurve or Dividends, optional
        In place of those of every chain, as in `read_chain`. Dividends need `symbol`: they are those of one
        underlying.
    client : dask.distributed.Client, optional
        Runs on its workers (see Notes).
    workers : int, optional
        Runs in a pool of that many processes. By default in this process.
    out : path, optional
        A folder of this batch alone (needs pyarrow). It keeps what is done, and a later call with the same
        arguments goes on from there: new and changed files are read, failures that may pass are tried again.
        Long tables are zstd parquet in `out/<table>/symbol=<symbol>/month=<month>/`, sorted by asof.
    progress : callable, optional
        Called with the number of files done and of all files.

    Returns
    -------
    BatchResult
        `table`, `failures`, `warnings`, and `long(name)` where `out` is given.

    Raises
    ------
    SchemaError
        For illegal arguments; where no file is found; where `out` belongs to another batch (other chains,
        function, symbol or version of the package) or another run writes to it; where `function` cannot be
        sent to workers.
    ReaderError
        For URLs without fsspec, `out` without pyarrow, and a cluster that went away.
    MismatchError
        Where workers of `client` have another version of gammaflow.

    See Also
    --------
    summarize : One tidy row of a snapshot: totals, flips, zone, core, walls and quality.
    history : Time series of the summaries of many snapshots of one underlying.
    BatchResult : A row for each file and underlying of a batch, and the reasons of those that gave none.

    Notes
    -----
    Files are read in parts of up to 64, and no more than two parts per worker are in memory at once.

    With `out`, a part counts once its file in `out/_parts` is there, written last and in one step. If
    the process is killed, the next call repeats the parts that were not finished, and removes their remains:
    no row is lost or doubled. A worker that is killed costs the parts it had; they are repeated, and a file
    that ends its worker twice is a failure. The function's own source and the values bound to it (by partial,
    by default or in a closure) tell whether a folder is of the same batch; functions that it calls in other
    modules of yours do not: use a new folder once they change.

    Kernels are compiled once per machine and cached (`GAMMAFLOW_CACHE_DIR`). This process compiles them
    before workers start, which then load them. Workers of a Dask client on other machines have caches of
    their own: one worker of each machine compiles first. A cache belongs to one version of the sources and
    one kind of processor, so it is never stale; but with the cache off, or in a folder that a worker cannot
    write, each worker compiles for some seconds. Workers with another version of the package are refused.
    Start Dask workers with one thread each, `LocalCluster(n_workers=4, threads_per_worker=1)`: Python's part
    of the work does not run in parallel threads. They must see the same files under the same paths.
    Processors of different kinds may differ in the last bit.

    In a script, a call with `workers` belongs under `if __name__ == "__main__":`, as with every pool of
    processes.

    Examples
    --------
    >>> import tempfile
    >>> import gammaflow as gf
    >>> store = gf.Store(tempfile.mkdtemp())
    >>> _ = store.append(gf.demo_chain())
    >>> def open_interest(chain):
    ...     return chain.to_frame().groupby("kind")["open_interest"].sum()
    >>> gf.run_batch(store, open_interest).table.drop(columns="source")
      symbol                      asof          vendor      call       put
    0    BTC 2026-02-05 09:36:00+00:00  synthetic demo  182499.9  182500.1
    """
    _check(function, client, workers, progress, dividends is not None and symbol is None)
    if symbol is not None:
        symbol = check_text(symbol, "symbol")
    how = Reading(
        symbol,
        pd.Timestamp.now("UTC"),
        None if columns is None else find_map(columns),
        *find_carry(rate, dividends),
    )
    found = find_sources(store_or_paths, symbol)
    found.warnings += odd_rate(how.rate)
    run = _Run(len(found.sources), progress or (lambda done, total: None))
    if out is None:
        outcomes: list[Outcome] = []
        engine = run.engine(function, client, workers)
        parts = _parts(tuple(found.sources.values()), how, False)
        run.all(engine, parts, lambda _, o: outcomes.append(o))
        return _result(outcomes, found, None, how)
    pyarrow()
    folder = Folder(out, _facts(found.root, function, how))
    with folder.locked():
        done = folder.resume(found.sources)
        left = tuple(source for name, source in found.sources.items() if name not in done)
        run.count(len(done))
        if left:
            run.all(run.engine(function, client, workers), _parts(left, how, True), folder.keep)
        outcomes = [outcome for outcome, _ in outcomes_in(folder.path)]
    return _result(outcomes, found, folder.path, how)


def _check(function: Any, client: Any, workers: Any, progress: Any, for_all: bool) -> None:
    problems = []
    if for_all:
        problems.append(
            "dividends: received without symbol=; they are those of one underlying. Pass its symbol=."
        )
    if not callable(function):
        problems.append(f"function: received {value_text(function)}; a function of a Chain is needed.")
    if client is not None and workers is not None:
        problems.append("client: received together with workers=; a batch has one engine. Leave one out.")
    whole = isinstance(workers, int) and not isinstance(workers, bool)
    if workers is not None and not (whole and 1 <= workers <= _MOST_WORKERS):
        legal = f"a whole number from 1 to {_MOST_WORKERS:,}, or None for this process"
        problems.append(f"workers: received {value_text(workers)}; legal: {legal}.")
    if progress is not None and not callable(progress):
        problems.append(f"progress: received {value_text(progress)}; a function of (done, total) is needed.")
    refuse("batch", problems)


def _facts(root: str, function: Any, how: Reading) -> dict[str, str]:
    """Identity of the batch to which `out` belongs."""
    columns = {} if how.columns is None else {"columns": _digest(repr(how.columns))}
    return {
        **columns,
        **_given(how),
        "source": root,
        "function": f"{name_of(function)} ({function_digest(function)})",
        "symbol": how.symbol or "all",
        "version": code_digest(),
    }


def _given(how: Reading) -> dict[str, str]:
    """Rate and dividends as text, each as different as they are."""
    given = {"rate": how.rate, "dividends": how.dividends}
    return {
        name: f"{value} [{_digest(value.to_text())}]" if isinstance(value, Dated) else repr(value + 0.0)
        for name, value in given.items()
        if value is not None
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _parts(sources: Sequence[Source], how: Reading, keeps_tables: bool) -> Iterator[Part]:
    size = max(1, min(PARTITION, -(-len(sources) // _PARTS)))
    for start in range(0, len(sources), size):
        yield Part(tuple(sources[start : start + size]), how, keeps_tables)


def _result(outcomes: Sequence[Outcome], found: Found, out: Any, how: Reading) -> BatchResult:
    dropped = sorted({name for outcome in outcomes for name in outcome.dropped})
    told = list(found.warnings)
    if dropped:
        told.append(
            f"function: returned long tables ({', '.join(dropped)}), which are kept with out= only. Pass "
            "out=, a folder, or a function that returns the row alone."
        )
    rows = (row for outcome in outcomes for row in outcome.rows)
    failures = [*found.failures, *(f for o in outcomes for f in o.failures)]
    return result_of(rows, failures, told, out, given_of(_given(how)))


class _Run:
    """The way of all parts through an engine, with the count of files that are done."""

    def __init__(self, total: int, progress: Callable[[int, int], Any]) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def count(self, files: int = 1) -> None:
        """Add to the files that are done, and say so."""
        self._done += files
        self._progress(self._done, self._total)

    def engine(self, function: Any, client: Any, workers: int | None) -> Engine:
        """The engine that the arguments ask for."""
        if client is not None:
            return Cluster(function, client)
        if workers is None:
            return Serial(function, self.count)
        warm()
        return Pool(function, workers)

    def all(self, engine: Engine, parts: Iterable[Part], keep: Callable[[Part, Outcome], Any]) -> None:
        """Work on all parts; those whose worker died once more, each alone, and then file by file."""
        lost = list(self._each(engine, engine.run(parts), keep))
        lost = list(self._each(engine, engine.run(lost, alone=True), keep)) if lost else []
        singles = (single for part in lost for single in part.alone())
        for part in self._each(engine, engine.run(singles, alone=True), keep) if lost else ():
            source = part.sources[0]
            keep(part, Outcome(failures=[Failure(source.name, part.reading.symbol, _KILLED, passing=True)]))
            self.count()

    def _each(
        self,
        engine: Engine,
        found: Iterable[tuple[Part, Outcome | Lost]],
        keep: Callable[[Part, Outcome], Any],
    ) -> Iterator[Part]:
        """Keep each outcome, and yield the parts that were lost."""
        for part, outcome in found:
            if isinstance(outcome, Lost):
                yield part
                continue
            keep(part, outcome)
            if not isinstance(engine, Serial):  # which counts file by file
                self.count(len(part.sources))
