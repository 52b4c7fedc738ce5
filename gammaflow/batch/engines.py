"""Engines of a batch: this process, a pool of processes, or the workers of a Dask client.

Each takes parts and yields them in the order in which they finish, with their outcome, or with `Lost` where
the worker process ended before it could return one. No engine has more than a few parts at once, so that
memory does not grow with the batch.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from itertools import islice
from typing import Any, Protocol
from uuid import uuid4

from gammaflow.batch.identity import code_digest
from gammaflow.batch.warm import one_thread, one_thread_each, warm
from gammaflow.batch.work import Outcome, Part, work
from gammaflow.errors import MismatchError, ReaderError, SchemaError
from gammaflow.text import value_text

__all__ = ["Cluster", "Engine", "Lost", "Pool", "Serial"]

#: Parts submitted per worker: one that runs and one that waits.
_AHEAD = 2
# Tries to start a pool whose first worker is killed (by a signal) as it starts.
_STARTS = 3


class Lost:
    """In place of an outcome: the worker process ended (killed, out of memory, or a crash)."""


class Engine(Protocol):
    """A way to work on parts."""

    def run(self, parts: Iterable[Part], alone: bool = False) -> Iterator[tuple[Part, Outcome | Lost]]:
        """The outcome of each part; `alone`: one part at a time."""
        ...


class Serial:
    """The calling process, one part after the other."""

    def __init__(self, function: Callable[..., Any], tick: Callable[[], None]) -> None:
        self._function, self._tick = function, tick

    def run(self, parts: Iterable[Part], alone: bool = False) -> Iterator[tuple[Part, Outcome | Lost]]:
        """The outcome of each part; nothing is ever lost."""
        for part in parts:
            yield part, work(part, self._function, self._tick)


class Pool:
    """Processes of this machine, of one thread each, which end with this one however it ends."""

    def __init__(self, function: Callable[..., Any], workers: int) -> None:
        try:
            self._function = pickle.dumps(function)
        except Exception as error:  # pickle raises errors of every kind
            raise SchemaError(
                f"function: received {value_text(function)}, which cannot be sent to other processes "
                f"({error}). Define it with def at the top level of a module, or leave workers= out."
            ) from None
        self._workers = workers
        self._started = False

    def run(self, parts: Iterable[Part], alone: bool = False) -> Iterator[tuple[Part, Outcome | Lost]]:
        """The outcome of each part; where a worker dies, those that were with the pool are lost."""
        from concurrent.futures import FIRST_COMPLETED, Future, wait
        from concurrent.futures.process import BrokenProcessPool

        waiting = iter(parts)
        ahead = 1 if alone else self._workers * _AHEAD
        pool = None
        running: dict[Future[Outcome], Part] = {}
        try:
            while True:
                pool = pool or self._start(1 if alone else self._workers)
                lost = []
                for part in islice(waiting, ahead - len(running)):
                    try:
                        running[pool.submit(_work, part, self._function)] = part
                    except BrokenProcessPool:
                        lost.append(part)
                if not running and not lost:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done if running else ():
                    part = running.pop(future)
                    if isinstance(future.exception(), BrokenProcessPool):
                        lost.append(part)
                    else:
                        yield part, future.result()
                if lost:
                    pool.shutdown(wait=True)
                    for future, part in running.items():
                        broken = future.exception() is not None
                        yield part, Lost() if broken else future.result()
                    running = {}
                    yield from ((part, Lost()) for part in lost)
                    pool = None
        finally:
            if pool is not None:
                pool.shutdown(wait=False, cancel_futures=True)

    def _start(self, workers: int) -> Any:
        from concurrent.futures import ProcessPoolExecutor
        from concurrent.futures.process import BrokenProcessPool

        tries = 0
        while True:
            pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_begin)
            others = set(multiprocessing.active_children())
            with one_thread_each():
                asked = pool.submit(_ready, self._function)
            if self._started:
                return pool
            first = set(multiprocessing.active_children()) - others
            try:
                problem = asked.result()
            except BrokenProcessPool:
                pool.shutdown(wait=True)
                killed = any((child.exitcode or 0) < 0 for child in first)
                tries += killed
                if killed and tries < _STARTS:
                    continue
                raise SchemaError(
                    f"workers: {tries} worker processes were killed one after the other as they started. "
                    "Make memory free, or leave workers= out."
                    if killed
                    else "workers: the worker processes ended as they started. In a script, call run_batch "
                    "under if __name__ == '__main__':, since each worker imports the script; or leave "
                    "workers= out."
                ) from None
            if problem:
                pool.shutdown(wait=False)
                raise SchemaError(
                    f"function: a worker process cannot load it ({problem}). Define it at the top level of a "
                    "module that workers can import, not in a notebook or a prompt, or leave workers= out."
                )
            self._started = True
            return pool


def _begin() -> None:
    """Start of a worker process: one thread, deaf to Ctrl-C, and no longer alive than its parent."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    one_thread()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _ready(function: bytes) -> str:
    """Why a function cannot be loaded in this process; "" where it can."""
    try:
        pickle.loads(function)
    except Exception as error:  # anything can go wrong in the modules that it imports
        return f"{type(error).__name__}: {error}"
    return ""


def _work(part: Part, function: bytes) -> Outcome:
    return work(part, pickle.loads(function))


class Cluster:
    """The workers of a Dask client, which the user has started and stops."""

    def __init__(self, function: Callable[..., Any], client: Any) -> None:
        missing = [name for name in ("submit", "run", "scheduler_info") if not hasattr(client, name)]
        if missing or getattr(client, "asynchronous", False):
            raise SchemaError(
                f"client: received {value_text(client)}; a dask.distributed.Client that is not asynchronous "
                "is needed."
            )
        from distributed.protocol import pickle as by_value

        # A function that a worker cannot load would hang the cluster; bytes arrive, and can be tried.
        self._function, self._client = by_value.dumps(function), client
        self._check()
        workers = client.scheduler_info(n_workers=-1)["workers"]
        first = {facts.get("host"): address for address, facts in reversed(list(workers.items()))}
        for addresses in (list(first.values()), list(workers)):
            client.run(warm, workers=addresses)

    def _check(self) -> None:
        """Raise an error unless every worker has the package of this process, and can load the function."""
        spec = self._client.run(lambda: bool(import_module("importlib.util").find_spec("gammaflow")))
        without = sorted(address for address, installed in spec.items() if not installed)
        if without:
            raise SchemaError(
                f"client: {len(without)} of {len(spec)} workers have no gammaflow (first: {without[0]}). "
                "Install it there."
            )
        mine, found = code_digest(), self._client.run(code_digest)
        other = sorted(address for address, digest in found.items() if digest != mine)
        if other:
            raise MismatchError(
                f"client: {len(other)} of {len(found)} workers have another version of gammaflow than this "
                f"process (first: {other[0]}). Install the same everywhere, and restart the workers."
            )
        problems = [text for text in self._client.run(_ready, self._function).values() if text]
        if problems:
            raise SchemaError(
                f"function: {len(problems)} of {len(found)} workers cannot load it ({problems[0]}). Its "
                "module must be installed on them."
            )

    def run(self, parts: Iterable[Part], alone: bool = False) -> Iterator[tuple[Part, Outcome | Lost]]:
        """The outcome of each part; where workers died with one again and again, it is lost."""
        from distributed import as_completed

        waiting = iter(parts)
        ahead = 1 if alone else _AHEAD * max(1, sum(self._client.nthreads().values()))
        running = {self._submit(part): part for part in islice(waiting, ahead)}
        done = as_completed(list(running))
        try:
            for future in done:
                part = running.pop(future)
                yield part, self._outcome(future)
                future.release()
                for following in islice(waiting, 1):
                    submitted = self._submit(following)
                    running[submitted] = following
                    done.add(submitted)
        finally:
            for future in running:
                future.cancel()

    def _submit(self, part: Part) -> Any:
        # A key of its own: under that of a result which still lives, Dask would return that result.
        key = f"gammaflow-{part.key}-{uuid4().hex}"
        return self._client.submit(_work, part, self._function, pure=False, key=key)

    def _outcome(self, future: Any) -> Outcome | Lost:
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker

        try:
            # Dask computes again what went with the worker that held it.
            outcome: Outcome = future.result()
        except KilledWorker:
            return Lost()
        except FutureCancelledError:
            raise ReaderError(
                "client: the cluster went away. Run again; what is done is kept in out=."
            ) from None
        return outcome
