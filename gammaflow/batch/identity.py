"""Identity of a batch: the function and the version of the package that made its numbers."""

from __future__ import annotations

import functools
import hashlib
import inspect
import pickle
from pathlib import Path
from typing import Any

__all__ = ["code_digest", "function_digest"]

_LENGTH = 16


@functools.cache
def code_digest() -> str:
    """Digest of every source file of the package: another one may give other numbers."""
    root = Path(__file__).parents[1]
    total = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        total.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()[:_LENGTH]


def function_digest(function: Any) -> str:
    """Digest of a callable: its name, its code, and the arguments and variables bound to it."""
    return hashlib.sha256("\n".join(_described(function)).encode("utf-8", "replace")).hexdigest()[:_LENGTH]


def _described(thing: Any) -> list[str]:
    if isinstance(thing, functools.partial):
        return ["partial", *_described(thing.func), *_values(thing.args), *_values(thing.keywords.items())]
    if inspect.isfunction(thing):
        closed = [cell.cell_contents for cell in thing.__closure__ or ()]
        defaults = [*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).items()]
        return [thing.__module__, thing.__qualname__, _source(thing), *_values(closed), *_values(defaults)]
    if inspect.ismethod(thing):
        return ["method", *_described(thing.__func__), *_values([thing.__self__])]
    return [type(thing).__module__, type(thing).__qualname__, _source(type(thing)), *_values([thing])]


def _source(thing: Any) -> str:
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):
        code = getattr(thing, "__code__", None)
        return "" if code is None else repr((code.co_code, code.co_names, code.co_varnames))


def _values(values: Any) -> list[str]:
    texts = []
    for value in values:
        try:
            texts.append(hashlib.sha256(pickle.dumps(value)).hexdigest())
        except Exception:  # what cannot be pickled is told by its type alone
            texts.append(f"{type(value).__module__}.{type(value).__qualname__}")
    return texts
