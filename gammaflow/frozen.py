"""Immutability that survives pickling: read-only mappings, and objects with read-only arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np

from gammaflow.notebook import Shown

__all__ = ["Frozen", "FrozenMapping", "lock"]

K = TypeVar("K")
V = TypeVar("V", covariant=True)


def _lock(value: object) -> Any:
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    return value


class FrozenMapping(Mapping[K, V]):
    """Read-only mapping that, unlike `MappingProxyType`, can be pickled and copied.

    Arrays in a pickled or deep copy are read-only too.

    Examples
    --------
    >>> FrozenMapping({"calls": 2})
    FrozenMapping({'calls': 2})
    """

    __slots__ = ("_values",)

    _values: dict[K, V]

    def __init__(self, values: Mapping[K, V] | None = None) -> None:
        object.__setattr__(self, "_values", dict(values or {}))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a FrozenMapping cannot be altered")

    def __getitem__(self, key: K) -> V:
        return self._values[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __or__(self, other: Mapping[Any, Any]) -> dict[Any, Any]:
        return {**self, **other}

    def __ror__(self, other: Mapping[Any, Any]) -> dict[Any, Any]:
        return {**other, **self}

    def __repr__(self) -> str:
        return f"FrozenMapping({self._values!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return lock, (dict(self._values),)


def lock(values: Mapping[Any, Any]) -> FrozenMapping[Any, Any]:
    """Read-only mapping whose arrays are made read-only in place."""
    return FrozenMapping({key: _lock(value) for key, value in values.items()})


class Frozen(Shown):
    """Base of frozen dataclasses: pickles and deep copies hold the fields only, with read-only arrays.

    Cached properties are not copied; they are recomputed on demand.
    """

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, _lock(value))
