"""Columns of text by their few distinct texts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["Coded"]


@dataclass(frozen=True, eq=False)
class Coded:
    """A column of text by its few distinct texts: row i has `texts[places[i]]`.

    `texts` is a (k,) array of objects, which may hold texts of no row; `places` is (n,), of integers.

    Examples
    --------
    >>> kinds = Coded.of(np.array(["call", "put", "call"], dtype=object))
    >>> kinds.texts, kinds.among("call", "note")
    (array(['call', 'put'], dtype=object), array([ True, False,  True]))
    >>> kinds[kinds.among("put")].rows
    array(['put'], dtype=object)
    """

    texts: NDArray[Any]
    places: NDArray[Any]

    @classmethod
    def of(cls, column: NDArray[Any]) -> Coded:
        """A column of text (n,), coded."""
        texts = column.tolist()
        if texts and texts.count(texts[0]) == len(texts):  # as most columns are
            return cls.same(texts[0], len(texts))
        places, found = pd.factorize(column)
        return cls(found, places)

    @classmethod
    def same(cls, text: str, n: int) -> Coded:
        """One text in each of n rows."""
        return cls(np.full(1, text, dtype=object), np.zeros(n, dtype=np.int8))

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, rows: NDArray[Any]) -> Coded:
        """Some rows, by mask or place."""
        return Coded(self.texts, self.places[rows])

    @cached_property
    def rows(self) -> NDArray[Any]:
        """The text of each row, (n,) objects."""
        return np.asarray(self.texts[self.places])

    def among(self, *words: str) -> NDArray[np.bool_]:
        """Mask of the rows that hold one of some words, (n,)."""
        return self.where([text in words for text in self.texts])

    def counts(self) -> dict[str, int]:
        """Number of rows of each text that has any, the most frequent first, then the first to appear."""
        count = np.bincount(self.places, minlength=len(self.texts))
        first = {i: int(np.argmax(self.places == i)) for i in np.flatnonzero(count).tolist()}
        return {self.texts[i]: int(count[i]) for i in sorted(first, key=lambda i: (-count[i], first[i]))}

    def where(self, chosen: list[bool]) -> NDArray[np.bool_]:
        """Mask of the rows whose text is chosen, one bool for each of `texts`, (n,)."""
        if not any(chosen):
            return np.zeros(len(self), dtype=bool)
        if all(chosen):
            return np.ones(len(self), dtype=bool)
        return np.asarray(np.array(chosen)[self.places])
