"""Trades: prints of option contracts, each once, in order of time, with what was excluded and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.columnar import Columnar
from gammaflow.columns import Columns, validate
from gammaflow.errors import SchemaError
from gammaflow.frozen import FrozenMapping
from gammaflow.market.trades import tape
from gammaflow.market.trades.contracts import contract_terms
from gammaflow.schema import CATEGORIES, TRADES
from gammaflow.text import rows_text

__all__ = ["MALFORMED", "NOT_OPTION", "Numbers", "Trades", "gather"]

#: Start of the reasons for which rows are excluded as malformed, and as no option's print.
MALFORMED, NOT_OPTION = "malformed: ", "not an option: "

_REPEATS = ("duplicated", "replayed", "conflicting")


class Numbers(NamedTuple):
    """Contract and sequence number of every row read whose numbers count up within a contract."""

    contract: NDArray[Any]
    sequence: NDArray[np.float64]


_NO_NUMBERS = Numbers(np.empty(0, dtype=object), np.empty(0))


@dataclass(frozen=True, eq=False, repr=False)
class Trades(Columnar):
    """Prints of options: validated, read-only columns (see `gammaflow.schema.TRADES`), each print once.

    `+` adds the trades of another file, each print once.

    Attributes
    ----------
    columns : mapping
        The columns of `gammaflow.schema.TRADES`, in order of time.
    aside : mapping
        Cancelled prints and cancels: the same columns and `cancel`, True for a cancel.
    tally : mapping of str to int
        Rows read, and those that are not in `columns` or `aside`, by reason.
    numbers : Numbers
        Sequence numbers read, where they count up within a contract.
    sources : tuple of str
        Names of the files.
    remarks : tuple of str
        Limits of the files' formats, one sentence each.

    See Also
    --------
    read_trades : Read a tape of option trades, each print once.
    customer_flow

    Examples
    --------
    >>> import pandas as pd
    >>> import gammaflow as gf
    >>> trades = gf.Trades(
    ...     {
    ...         "contract": ["BTC-27MAR26-70000-P"] * 2, "price": [0.061, 0.0615], "size": [25.0, 3.0],
    ...         "timestamp": pd.DatetimeIndex(["2026-02-05T09:36:47Z", "2026-02-05T09:37:01Z"]),
    ...         "direction": [1.0, -1.0],
    ...     }
    ... )
    >>> print(trades)
    Trades: 2 prints of 1 contract, 28 contracts in size, 2026-02-05 09:36:47 .. 2026-02-05 09:37:01 UTC
    2 rows read: all used
    by category: single 2; direction given in 2
    """

    columns: Columns
    aside: Columns = field(default_factory=dict)
    tally: Mapping[str, int] = field(default_factory=dict)
    numbers: Numbers = _NO_NUMBERS
    sources: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        columns = validate(self.columns, TRADES, "trades table")
        if (columns["direction"] == 0).any():
            raise SchemaError("direction: received 0; legal: +1 (the taker bought), -1 (sold), or missing.")
        if (np.diff(columns["timestamp"]) < np.timedelta64(0, "ns")).any():
            raise SchemaError("timestamp: not in order of time; read_trades sorts and counts late prints.")
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "aside", FrozenMapping(self.aside))
        tally = {name: int(count) for name, count in self.tally.items() if count}
        object.__setattr__(self, "tally", FrozenMapping(tally or {"read": len(self)}))

    @cached_property
    def counts(self) -> pd.Series:
        """Rows read, rows used, and the others by reason.

        `read` is the sum of `used`, `not selected`, `malformed`, `not an option`, `duplicated`, `replayed`,
        `conflicting`, `cancelled` (prints taken back) and `cancels`. `cancels unmatched` took back no print
        that was read; `out of order` is the number of prints that stood behind a later one; `gapped` is the
        number of missing sequence numbers; used prints are counted by category.
        """
        cancels = np.asarray(self.aside.get("cancel", np.zeros(0, dtype=np.bool_)))
        reasons = {name: n for name, n in self.tally.items() if name.startswith((MALFORMED, NOT_OPTION))}
        named = {
            kind.removesuffix(": "): sum(n for name, n in reasons.items() if name.startswith(kind))
            for kind in (MALFORMED, NOT_OPTION)
        }
        taken = int((~cancels).sum())
        counts = {
            "read": self.tally["read"],
            "used": len(self),
            "not selected": self.tally.get("not selected", 0),
            **named,
            **{name: self.tally.get(name, 0) for name in _REPEATS},
            "cancelled": taken,
            "cancels": int(cancels.sum()),
            "cancels unmatched": int(cancels.sum()) - taken,
            "out of order": self.tally.get("out of order", 0),
            "gapped": int(self.gaps.sum()),
            **{name: int((self["category"] == name).sum()) for name in CATEGORIES},
            **reasons,
        }
        return pd.Series(counts, name="rows", dtype=np.int64)

    @cached_property
    def gaps(self) -> pd.Series:
        """Missing sequence numbers by contract, where numbers count up within a contract."""
        return tape.missing_numbers(*self.numbers)

    @cached_property
    def terms(self) -> pd.DataFrame:
        """Contracts traded, by name: `root`, `day` of expiry, `kind`, `strike`; missing where unknown."""
        names = np.unique(self["contract"].astype(str)).astype(object)
        terms = contract_terms(names).drop(columns="contract")
        return terms.set_axis(pd.Index(names, name="contract"))

    def select(self, rows: ArrayLike | None = None, **criteria: Any) -> Trades:
        """The prints selected by a mask and by criteria on columns, at least one.

        Parameters
        ----------
        rows : (n,) array of bool, optional
            True for the prints to keep; all by default.
        **criteria
            By column: a value, or a list of accepted values.

        Returns
        -------
        Trades
            The other prints are counted as `not selected`; counts of the tape stay.

        Raises
        ------
        SchemaError
            For a mask that is not one, for columns or values that are not legal, or where no print is
            selected.
        """
        mask = self.mask(rows, criteria, TRADES)
        others = self.tally.get("not selected", 0) + int((~mask).sum())
        columns = {name: values[mask] for name, values in self.columns.items()}
        return replace(self, columns=columns, tally={**self.tally, "not selected": others})

    def _tape(self, part: int) -> pd.DataFrame:
        """Prints, cancelled prints and cancels, in order of time."""
        both = {
            name: np.concatenate([values, self.aside.get(name, values[:0])])
            for name, values in self.columns.items()
        }
        cancel = np.concatenate(
            [np.zeros(len(self), np.bool_), self.aside.get("cancel", np.zeros(0, np.bool_))]
        )
        frame = pd.DataFrame({**both, "cancel": cancel, "part": np.full(len(cancel), part)})
        return frame.sort_values("timestamp", kind="stable", ignore_index=True)

    def __add__(self, other: object) -> Trades:
        if not isinstance(other, Trades):
            return NotImplemented
        frame = pd.concat([self._tape(0), other._tape(1)], ignore_index=True)
        tally = Counter(self.tally)
        tally.update(other.tally)
        numbers = Numbers(*(np.concatenate(both) for both in zip(self.numbers, other.numbers, strict=True)))
        sources = tuple(dict.fromkeys([*self.sources, *other.sources]))
        remarks = tuple(dict.fromkeys([*self.remarks, *other.remarks]))
        return gather(frame, tally, numbers, sources, remarks)

    def summary(self) -> str:
        """Prints, period, and every count, as text."""
        counts, n = self.counts, len(self)
        names = len(np.unique(self["contract"].astype(str)))
        head = f"Trades: {rows_text(n, 'print')} of {rows_text(names, 'contract')}"
        if n:
            first, last = (pd.Timestamp(t) for t in self["timestamp"][[0, -1]])
            form = "%Y-%m-%d %H:%M:%S"
            head += f", {self['size'].sum():,.10g} contracts in size, {first:{form}} .. {last:{form}} UTC"
        reasons = [
            f"{count:,} {name}"
            for name, count in counts.items()
            if count and name in ("not selected", *_REPEATS, "cancelled", "cancels")
        ]
        reasons += [f"{count:,} {name}" for name, count in self.tally.items() if ": " in name]
        used = f"{counts['used']:,} used; " if reasons else "all used"
        lines = [head, f"{rows_text(counts['read'])} read: {used}{', '.join(reasons)}"]
        notes = {
            "cancels unmatched": "cancels of prints that were not read",
            "out of order": "rows behind a later one, put in order",
            "gapped": "sequence numbers missing",
        }
        lines += [f"{counts[name]:,} {text}" for name, text in notes.items() if counts[name]]
        kinds = ", ".join(f"{name} {counts[name]:,}" for name in CATEGORIES if counts[name])
        given = int(np.isfinite(self["direction"]).sum())
        lines.append(f"by category: {kinds or 'none'}; direction given in {given:,}")
        return "\n".join([*lines, *self.remarks])

    def __repr__(self) -> str:
        return self.summary()


def gather(
    frame: pd.DataFrame,
    tally: Mapping[str, int],
    numbers: Numbers,
    sources: tuple[str, ...],
    remarks: tuple[str, ...],
    *,
    numbered: bool = False,
) -> Trades:
    """Trades of a tape: repeats excluded, the rest in order of time, cancelled prints set aside.

    Parameters
    ----------
    frame : DataFrame
        The columns of `gammaflow.schema.TRADES`, `cancel` and `part`, in the order of the tape; all legal.
    tally : mapping of str to int
        Rows read, and those excluded before.
    numbers, sources, remarks
        As in `Trades`.
    numbered : bool
        Whether sequence numbers of the tape count up within a contract, and belong to `numbers`.
    """
    found = tape.distinct(frame)
    total = Counter(tally)
    total.update({name: int(getattr(found, name).sum()) for name in _REPEATS})
    if elsewhere := int(found.elsewhere.sum()):
        remarks = (
            *remarks,
            f"{elsewhere:,} rows have the trade_id of a print of another contract and are excluded as "
            "conflicting; where ids are counted by contract, put the contract in front of them",
        )
    frame = frame[found.first]
    if numbered:
        known = frame["sequence"].notna().to_numpy(dtype=bool)
        own = (frame[name].to_numpy()[known] for name in Numbers._fields)
        numbers = Numbers(*(np.concatenate(both) for both in zip(numbers, own, strict=True)))
    parts = frame.groupby("part")["timestamp"]
    total["out of order"] += sum(int(tape.late(times.to_numpy()).sum()) for _, times in parts)
    frame = frame.sort_values("timestamp", kind="stable", ignore_index=True)
    taken, _ = tape.cancelled(frame)
    used = ~taken & ~frame["cancel"].to_numpy(dtype=bool)
    columns = {name: frame[name].to_numpy() for name in (*TRADES, "cancel")}
    aside: dict[str, NDArray[Any]] = {}
    if not used.all():
        aside = {name: values[~used] for name, values in columns.items()}
        for values in aside.values():
            values.flags.writeable = False
    kept = {name: columns[name][used] for name in TRADES}
    return Trades(kept, aside, total, numbers, sources, remarks)
