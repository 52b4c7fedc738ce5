"""Evidence about dealers' positions, per contract, and what it says about the share of a cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import check_number, refuse
from gammaflow.errors import MismatchError, SchemaError
from gammaflow.frozen import Frozen
from gammaflow.positions.book import Book

__all__ = ["Evidence", "Finding", "find_evidence", "read_evidence"]

Array = NDArray[np.float64]

_TINY = 1e-300


@dataclass(frozen=True, eq=False, repr=False)
class Evidence(Frozen):
    """Dealers' inventory per contract as a source of evidence gives it.

    Attributes
    ----------
    table : DataFrame
        Indexed by contract: `inventory`, dealers' expected signed contracts; `deviation`, its standard
        deviation; `contracts`, how many the evidence is about; `blind`, the deviation had nothing been known
        about the side of any of them.
    covered : float
        Largest part of a contract's open interest that the evidence can be about, in (0, 1].
    alike : float
        Part of the variance of a cell's share that its contracts have in common, in [0, 1).
    """

    table: pd.DataFrame
    covered: float
    alike: float


class Finding(NamedTuple):
    """Measurement of the share of some cells, y = s + noise of variance r, and what was left out."""

    cells: NDArray[np.intp]
    y: Array
    r: Array
    remarks: tuple[str, ...]


def read_evidence(source: Any, covered: float, alike: float) -> Evidence:
    """Evidence from a Flow, a table or a pair of Series; see `Beliefs.updated`."""
    covered = check_number(covered, "covered", 0.0, open_low=True)
    alike = check_number(alike, "alike", 0.0)
    problems = [f"covered: received {covered:g}; legal: > 0 and <= 1."] * (covered > 1.0)
    problems += [f"alike: received {alike:g}; legal: >= 0 and < 1."] * (alike >= 1.0)
    refuse("evidence", problems)
    if isinstance(source, tuple | list) and len(source) == 2:
        source = pd.DataFrame({"inventory": source[0], "deviation": source[1]})
    frame = source if isinstance(source, pd.DataFrame) else getattr(source, "table", None)
    if not isinstance(frame, pd.DataFrame) or not {"inventory", "deviation"} <= set(frame.columns):
        raise SchemaError(
            f"evidence: received {type(source).__name__}; legal: a Flow, a table indexed by contract with "
            "the columns inventory and deviation [contracts], or a pair of Series (inventory, deviation)."
        )
    inventory, deviation = (frame[name].to_numpy(float) for name in ("inventory", "deviation"))
    traded = [name for name in ("bought", "sold", "unclassified") if name in frame.columns]
    if "contracts" in frame.columns:
        contracts = frame["contracts"].to_numpy(float)
    elif traded:
        contracts = frame[traded].to_numpy(float).sum(axis=1)
    else:
        contracts = np.full(len(frame), np.inf)
    prints = frame["prints"].to_numpy(float) if "prints" in frame.columns else np.ones(len(frame))
    bad = {
        "contract: named twice": frame.index.duplicated(),
        "inventory: not finite": ~np.isfinite(inventory),
        "deviation: not finite or below 0": ~(np.isfinite(deviation) & (deviation >= 0.0)),
        "contracts: not >= 0": ~(contracts >= 0.0),
        "prints: not > 0": ~((prints > 0.0) | (contracts == 0.0)),
    }
    refuse(
        "evidence",
        [
            f"{what} in {rows.sum()} of {len(frame)} rows (first: {frame.index[rows.argmax()]!r})"
            for what, rows in bad.items()
            if rows.any()
        ],
    )
    # Prints of equal size: never more than the true root of the sum of squares.
    blind = np.maximum(deviation, contracts / np.sqrt(np.maximum(prints, 1.0)))
    columns = {"inventory": inventory, "deviation": deviation, "contracts": contracts, "blind": blind}
    return Evidence(pd.DataFrame(columns, index=pd.Index(frame.index, name="contract")), covered, alike)


def find_evidence(
    evidence: Evidence, book: Book, place: NDArray[np.intp], size: Array, variance: Array
) -> Finding:
    """What evidence says about the share of each cell of a book of open interest.

    A cell's open interest N is made of contracts whose net positions are independent but for its share s: of
    variance g N u over u of N, with g = (1 - alike) times the variance of s, so that they add up to s N. The
    labels of a contract's prints say its position is x / l^2 with a deviation of d / l, where
    l^2 = 1 - (d / blind)^2: that is 2p - 1 where all prints have one accuracy p. By least squares over the
    cell's contracts, with T = g N u + (d / l)^2,

        y = sum(u x / (l^2 T)) / sum(u^2 / T),    r = 1 / sum(u^2 / T) - g.

    Parameters
    ----------
    evidence : Evidence
    book : Book
        Open interest as positions.
    place : (n,) array of int
        The cell of each row.
    size, variance : (cells,) arrays
        Open interest [units of the underlying] and the variance of the share of each cell.

    Raises
    ------
    MismatchError
        Where the book has a contract in two rows.
    """
    names, table = book["contract"], evidence.table
    rows = pd.Index(names).isin(table.index)
    if pd.Index(names[rows]).has_duplicates:
        twice = pd.Index(names[rows])
        raise MismatchError(
            f"evidence: {twice[twice.duplicated()][0]!r} stands in several rows of the book, and evidence is "
            "by contract. Merge them (Book.netted), or update beliefs about each book alone."
        )
    mine = table.loc[names[rows]]
    interest, multiplier = np.abs(book["position"][rows]), book["multiplier"][rows]
    x, d, about, blind = (mine[name].to_numpy() for name in ("inventory", "deviation", "contracts", "blind"))
    blind = np.where(np.isfinite(blind), blind, np.maximum(interest, d))
    u = evidence.covered * np.minimum(about, interest)
    with np.errstate(divide="ignore", invalid="ignore"):
        known = np.where(blind > 0.0, 1.0 - (d / blind) ** 2, 0.0)
    cells, tells = place[rows], (known > 0.0) & (u > 0.0) & (variance[place[rows]] > 0.0)
    x, d, u, known, cells, multiplier = (a[tells] for a in (x, d, u, known, cells, multiplier))
    x, u, error = x / known * multiplier, u * multiplier, d**2 / known * multiplier**2
    g = (1.0 - evidence.alike) * variance
    T = np.maximum(g[cells] * size[cells] * u + error, _TINY)
    q = np.bincount(cells, u**2 / T, minlength=len(size))
    p = np.bincount(cells, u * x / T, minlength=len(size))
    found = np.flatnonzero(q > 0.0)
    y, r = p[found] / q[found], np.maximum(1.0 / q[found] - g[found], 0.0)
    r[r <= 1e-14 * g[found]] = 0.0
    return Finding(found, y, r, tuple(_remarks(table, rows.sum(), (x, u, error), (y, r))))


def _remarks(table: pd.DataFrame, used: int, rows: Sequence[Array], cells: Sequence[Array]) -> list[str]:
    x, u, error = rows
    y, r = cells
    left = len(table) - int(used)
    beyond = int(((np.abs(x) > u * (1.0 + 1e-9)) & (error == 0.0)).sum())
    over = int(((np.abs(y) > 1.0 + 1e-9) & (r == 0.0)).sum())
    out = [f"evidence: {left:,} of {len(table):,} contracts are not in the book and tell nothing"] * (
        left > 0
    )
    if beyond:
        out.append(
            f"evidence: dealers' inventory of {beyond:,} contracts is larger than the open interest it "
            "covers; what was traded was closed again, or the sides are not dealers'"
        )
    if over:
        out.append(
            f"evidence: the share of {over:,} cells would be beyond -1 or 1 and is taken as that bound"
        )
    return out
