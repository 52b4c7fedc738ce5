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
from gammaflow.kernels.tape import side_variance
from gammaflow.market.trades.contracts import contract_names
from gammaflow.positions.book import Book

__all__ = ["Evidence", "Finding", "find_evidence", "read_evidence"]

Array = NDArray[np.float64]

# A number that divides safely, and what keeps two sources about one part from being one too many.
_TINY, _SLACK = 1e-300, 1e-12


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
    """

    table: pd.DataFrame
    covered: float


class Finding(NamedTuple):
    """Measurement of the share of some cells, y = s + noise of variance r, and what was left out."""

    cells: NDArray[np.intp]
    y: Array
    r: Array
    remarks: tuple[str, ...]


def read_evidence(source: Any, covered: float) -> Evidence:
    """Evidence from a Flow, a table or a pair of Series; see `Beliefs.updated`.

    Raises
    ------
    SchemaError
        For another source, numbers that are missing, infinite or negative where they may not be, a contract
        named twice, or `covered` outside (0, 1].
    """
    covered = check_number(covered, "covered", 0.0, open_low=True)
    if covered > 1.0:
        raise SchemaError(f"covered: received {covered:g}; legal: > 0 and <= 1.")
    if isinstance(source, tuple | list) and len(source) == 2:
        source = pd.DataFrame({"inventory": source[0], "deviation": source[1]})
    frame = source if isinstance(source, pd.DataFrame) else getattr(source, "table", None)
    if not isinstance(frame, pd.DataFrame) or not {"inventory", "deviation"} <= set(frame.columns):
        raise SchemaError(
            f"evidence: received {type(source).__name__}; legal: a Flow, a table indexed by contract with "
            "the columns inventory and deviation [contracts], or a pair of Series (inventory, deviation)."
        )
    frame = frame.set_axis(contract_names(frame.index), axis=0)
    inventory, deviation = (frame[name].to_numpy(float) for name in ("inventory", "deviation"))
    n = len(frame)
    contracts = frame["contracts"].to_numpy(float) if "contracts" in frame.columns else np.full(n, np.inf)
    prints = frame["prints"].to_numpy(float) if "prints" in frame.columns else np.ones(n)
    if {"bought", "sold"} <= set(frame.columns):
        contracts, deviation = _of_sides(frame, inventory, deviation)
    bad = {
        "contract: named twice": frame.index.duplicated(),
        "inventory: not finite": ~np.isfinite(inventory),
        "deviation: not finite or below 0": ~(np.isfinite(deviation) & (deviation >= 0.0)),
        "contracts: not >= 0": ~(contracts >= 0.0),
        "prints: not >= 0": ~(prints >= 0.0),
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
    if "accuracy" in frame.columns:
        doubt = np.sqrt(side_variance(np.nan_to_num(frame["accuracy"].to_numpy(float), nan=1.0)))
        blind = np.divide(deviation, doubt, out=blind, where=doubt > 0.0)
    columns = {"inventory": inventory, "deviation": deviation, "contracts": contracts, "blind": blind}
    return Evidence(pd.DataFrame(columns, index=pd.Index(frame.index, name="contract")), covered)


def _of_sides(frame: pd.DataFrame, inventory: Array, deviation: Array) -> tuple[Array, Array]:
    """Contracts whose side a flow knows, and the deviation of their inventory.

    Prints without a side tell nothing. Where every inventory is what customers sold less what they bought, no
    side is in doubt (doubt would have made it smaller) and all deviation is that of prints without a side.
    Else a flow that does not state the part of the others (`known_deviation`) is given all of it.
    """
    bought, sold = (frame[name].to_numpy(float) for name in ("bought", "sold"))
    if "known_deviation" in frame.columns:
        return bought + sold, frame["known_deviation"].to_numpy(float)
    net = sold - bought
    certain = np.abs(inventory - net).max(initial=0.0) <= 1e-9 * np.abs(net).max(initial=0.0)
    return bought + sold, np.zeros(len(frame)) if certain and net.any() else deviation


def find_evidence(
    evidence: Sequence[Evidence],
    book: Book,
    place: NDArray[np.intp],
    size: Array,
    variance: Array,
    alike: float,
) -> Finding:
    """Combined measurement of the share of each cell of a book of open interest, from all evidence.

    A cell's open interest N is made of parts whose net positions are independent but for its share s: of
    variance g N u over u of N, with g = (1 - alike) times the variance of s in view of no evidence, so that
    they add up to s N. The labels of a contract's prints say that the position of its part u is x / l^2 with
    a deviation of d / l, where l^2 = 1 - (d / blind)^2: l is 2 p - 1 where all prints have one accuracy p. No
    position is larger than its part, so that doubtful labels say no more than they do about one of variance
    u^2: one print moves the share 2 p - 1 times as far as with its side for sure. By least squares over the
    cell's contracts, with T = g N u + (d / l)^2 max(1, g N / u),

        y = sum(u x / (l^2 T)) / sum(u^2 / T),    r = 1 / sum(u^2 / T) - g.

    Of two sources about one contract the smaller part is taken to lie in the larger.

    Parameters
    ----------
    evidence : sequence of Evidence
    book : Book
        Open interest as positions.
    place : (n,) array of int
        The cell of each row.
    size, variance : (cells,) arrays
        Open interest [units of the underlying] and the variance of the share of each cell.
    alike : float
        See `Beliefs`.

    Raises
    ------
    MismatchError
        Where the book has a contract in two rows.
    """
    g = (1.0 - alike) * variance
    sources = [_measure(each, book, variance[place] > 0.0) for each in evidence]
    x, u, error = (np.array(columns) for columns in zip(*sources, strict=True))
    spread = (g * size)[place]
    error = error * np.maximum(1.0, np.divide(spread, u, out=np.ones_like(u), where=u > 0.0))
    A = spread * np.minimum(u[:, None], u)
    each = np.arange(len(sources))
    A[each, each] = np.where(u > 0.0, (A[each, each] + error) * (1.0 + _SLACK * (len(sources) > 1)), 1.0)
    W = u / np.maximum(A[0], _TINY) if len(sources) == 1 else np.linalg.solve(A.T, u.T[:, :, None])[..., 0].T
    q = np.bincount(place, (u * W).sum(axis=0), minlength=len(size))
    p = np.bincount(place, (x * W).sum(axis=0), minlength=len(size))
    found = np.flatnonzero(q > 0.0)
    y, r = p[found] / q[found], np.maximum(1.0 / q[found] - g[found], 0.0)
    r[r <= 100.0 * _SLACK * g[found]] = 0.0
    left = [line for each in evidence for line in _left_out(each, book)]
    return Finding(found, y, r, (*left, *_beyond(x, u, error, y, r)))


def _measure(evidence: Evidence, book: Book, open_: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
    """Position, part of open interest, variance of the position that a source gives each row; else 0."""
    names, table = pd.Index(contract_names(book["contract"])), evidence.table
    if (twice := names[names.isin(table.index) & names.duplicated()]).size:
        raise MismatchError(
            f"evidence: {twice[0]!r} stands in several rows of the book, and evidence is by contract. Merge "
            "them (Book.netted), or update beliefs about each book alone."
        )
    mine = table.reindex(names)
    interest, multiplier = np.abs(book["position"]), book["multiplier"]
    x, d, about, blind = (mine[name].to_numpy() for name in ("inventory", "deviation", "contracts", "blind"))
    blind = np.where(np.isinf(blind), np.maximum(interest, d), blind)
    u = evidence.covered * np.minimum(about, interest)
    with np.errstate(divide="ignore", invalid="ignore"):
        known = 1.0 - (d / blind) ** 2
        tells = open_ & (known > 0.0) & (u > 0.0)
        found = (x / known * multiplier, u * multiplier, d**2 / known * multiplier**2)
    x, u, error = (np.where(tells, values, 0.0) for values in found)
    return x, u, error


def _left_out(evidence: Evidence, book: Book) -> list[str]:
    """Evidence about contracts that the book has not, in words."""
    of = len(evidence.table)
    left = of - int(evidence.table.index.isin(contract_names(book["contract"])).sum())
    return [f"evidence: {left:,} of {of:,} contracts are not in the book and tell nothing"] if left else []


def _beyond(x: Array, u: Array, error: Array, y: Array, r: Array) -> list[str]:
    """Sure evidence about more than there is, of contracts and of cells, in words."""
    rows = int(((np.abs(x) > u * (1.0 + 1e-9)) & (error == 0.0)).sum())
    cells = int(((np.abs(y) > 1.0 + 1e-9) & (r == 0.0)).sum())
    out = []
    if rows:
        out.append(
            f"evidence: dealers' inventory of {rows:,} contracts is larger than the open interest it covers; "
            "what was traded was closed again, or the sides are not dealers'"
        )
    if cells:
        out.append(
            f"evidence: the share of {cells:,} cells would be beyond -1 or 1 and is taken as that bound"
        )
    return out
