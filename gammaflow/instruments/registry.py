"""The registry of instruments: every kind of row that a book may hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from gammaflow.columns import Columns, rows_with
from gammaflow.instruments.american.rows import AMERICAN
from gammaflow.instruments.barrier import BARRIER
from gammaflow.instruments.coin import COIN
from gammaflow.instruments.digital import DIGITAL
from gammaflow.instruments.fund import LEVERAGED_FUND, SHARE
from gammaflow.instruments.future import FUTURE, PERPETUAL
from gammaflow.instruments.note.rows import NOTE
from gammaflow.instruments.row import Instrument
from gammaflow.instruments.vanilla import VANILLA

__all__ = ["CALLS", "INSTRUMENTS", "KINDS", "LEVELS", "PUTS", "has_terms", "problems_of"]

#: Every instrument, by name. Kinds first, then what corrects vanilla rows.
INSTRUMENTS: Mapping[str, Instrument] = MappingProxyType(
    {
        instrument.name: instrument
        for instrument in (
            VANILLA,
            BARRIER,
            NOTE,
            DIGITAL,
            FUTURE,
            PERPETUAL,
            SHARE,
            LEVERAGED_FUND,
            AMERICAN,
            COIN,
        )
    }
)

#: Every kind of book row.
KINDS: tuple[str, ...] = tuple(kind for instrument in INSTRUMENTS.values() for kind in instrument.kinds)

#: Kinds of calls and of puts, with barriers and digital ones; futures, shares and notes are neither.
CALLS, PUTS = (tuple(kind for kind in KINDS if kind.endswith(side)) for side in ("call", "put"))

#: Columns in currency per unit of the underlying.
LEVELS: tuple[str, ...] = tuple(
    dict.fromkeys(name for instrument in INSTRUMENTS.values() for name in instrument.levels)
)

_WITH_TERMS = [kind for each in INSTRUMENTS.values() if each.has_terms for kind in each.kinds]


def has_terms(columns: Columns) -> NDArray[np.bool_]:
    """Mask of the rows of a book whose terms do not fit columns (notes), (n,)."""
    return rows_with(columns, "kind", *_WITH_TERMS)


def problems_of(columns: Columns) -> Iterator[str]:
    """Conflicts between the kinds and other columns of a book, one line each."""
    n = len(columns["kind"])

    def told(mask: NDArray[np.bool_], name: str, why: str) -> str:
        bad = np.flatnonzero(mask)
        row = f"{columns['contract'][bad[0]]}, {columns['kind'][bad[0]]}: {columns[name][bad[0]]}"
        return f"{name}: {bad.size} of {n} rows do not fit their kind (first: {row}); {why}."

    for instrument in INSTRUMENTS.values():
        mine = instrument.owns(columns)
        some = np.count_nonzero(mine)  # any() takes five times as long
        for name in instrument.needs if some else ():
            values = columns[name]
            missing = mine & (np.isnat(values) if values.dtype.kind == "M" else np.isnan(values))
            if np.count_nonzero(missing):
                yield told(missing, name, f"rows of kind {', '.join(map(repr, instrument.kinds))} need it")
        if some and not instrument.expires and (dated := mine & ~np.isnat(columns["expiry"])).any():
            yield told(dated, "expiry", f"a {instrument.name} never expires: leave its expiry empty")
        for mask, name, why in instrument.problems(columns):
            if np.count_nonzero(mask):
                yield told(mask, name, why)
