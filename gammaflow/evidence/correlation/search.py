"""Search of a record of pairs for the days on which their correlation changed, and its odds by shuffling."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Search", "Searcher", "change_statistics", "shuffled"]

# Draws valued at once.
_CHUNK = 250
# Rounds in which changes are added and placed.
_ROUNDS = 20


class Search(NamedTuple):
    """The strongest change in rows first to last (excluded), and the p-value of the search."""

    first: int
    last: int
    row: int
    z: float
    p_value: float


class Searcher:
    """Searches of parts of one record; each part has draws of its own seed and is searched once."""

    def __init__(self, values: Any, least: int, block: int, draws: int, seed: int) -> None:
        self._values, self._least, self._block, self._draws, self._seed = values, least, block, draws, seed
        self._known: dict[tuple[int, int], Search | None] = {}

    def part(self, first: int, last: int) -> Search | None:
        """The strongest change in rows first to last (excluded); None where they are too few."""
        if (first, last) not in self._known:
            enough = last - first >= 2 * self._least
            self._known[first, last] = self._search(first, last) if enough else None
        return self._known[first, last]

    def _search(self, first: int, last: int) -> Search:
        rng = np.random.default_rng([self._seed, first, last])
        part, least = self._values[first:last], self._least
        z = change_statistics(part, least)
        top = int(np.argmax(np.abs(z)))
        as_large = 0
        for done in range(0, self._draws, _CHUNK):
            rows = shuffled(len(part), self._block, min(_CHUNK, self._draws - done), rng)
            largest = np.abs(change_statistics(part[rows], least)).max(axis=-1)
            as_large += int((largest >= abs(z[top]) - 1e-12).sum())
        return Search(first, last, first + least + top, float(z[top]), (1 + as_large) / (1 + self._draws))

    def changes(self, n: int, level: float) -> list[Search]:
        """Changes of the whole record, ascending, then the searches of the parts in which none is left.

        Each part is searched; then each change anew between its neighbors, for it was first placed while
        others were unknown (Bai, Econometric Theory 13, 1997); and so on until nothing moves.
        """
        found: list[Search] = []
        for _ in range(_ROUNDS):
            rows = [search.row for search in found]
            parts = [self.part(*part) for part in pairwise([0, *rows, n])]
            grown = sorted([*rows, *(s.row for s in parts if s is not None and s.p_value < level)])
            kept: list[Search] = []
            for after in [*grown[1:], n][: len(grown)]:
                search = self.part(kept[-1].row if kept else 0, after)
                if search is not None and search.p_value < level:
                    kept.append(search)
            if [search.row for search in kept] == rows:
                break
            found = kept
        left = (self.part(*part) for part in pairwise([0, *(search.row for search in found), n]))
        return [*found, *(s for s in left if s is not None and s.p_value >= level)]


def change_statistics(returns: NDArray[np.float64], least: int) -> NDArray[np.float64]:
    """Fisher z of the change between rows before and from each candidate on, (..., n - 2 least + 1).

    Returns are (..., n, 2); candidates are rows `least` to n - least. Sums before each row give every
    correlation at once.
    """
    n = returns.shape[-2]
    away = returns - returns.mean(axis=-2, keepdims=True)
    away = away / np.sqrt(np.square(away).mean(axis=-2, keepdims=True))
    x, y = away[..., 0], away[..., 1]
    sums = np.cumsum(np.stack([x, y, x * x, y * y, x * y], axis=-1), axis=-2)
    rows = np.arange(least, n - least + 1)
    before = sums[..., rows - 1, :]
    z = [
        np.arctanh(_correlation(part, count))
        for part, count in ((before, rows), (sums[..., -1:, :] - before, n - rows))
    ]
    return np.asarray((z[1] - z[0]) / np.sqrt(1.0 / (rows - 3.0) + 1.0 / (n - rows - 3.0)))


def _correlation(sums: Any, n: Any) -> Any:
    """Correlation from sums of x, y, xx, yy, xy; just inside +-1, and 0 where a series does not move."""
    x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    spread = (xx - x * x / n) * (yy - y * y / n)
    still = spread < 1e-20 * n**2
    r = (xy - x * y / n) / np.sqrt(np.where(still, 1.0, spread))
    return np.where(still, 0.0, np.clip(r, -1.0 + 1e-12, 1.0 - 1e-12))


def shuffled(n: int, block: int, draws: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows in shuffled blocks, each record cut at another place: (draws, n)."""
    shift = rng.integers(0, n, (draws, 1))
    order = np.argsort(rng.random((draws, -(-n // block))), axis=1)
    rows = (order[:, :, None] * block + np.arange(block)).reshape(draws, -1)
    kept = rows[rows < n].reshape(draws, n)
    return (kept + shift) % n
