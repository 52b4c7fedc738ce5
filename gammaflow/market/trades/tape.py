"""Order of a tape: repeats, late prints, and the prints that cancels take back."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.schema import TRADES

__all__ = ["Distinct", "cancelled", "distinct", "is_newest_first", "late", "missing_numbers"]

_CONTENTS = ("contract", "timestamp", "price", "size", "direction")


class Distinct(NamedTuple):
    """Rows of a tape, (n,) masks: `first` of each print, and the others by reason.

    `elsewhere` are those of `conflicting` whose first row is of another contract.
    """

    first: NDArray[np.bool_]
    duplicated: NDArray[np.bool_]
    replayed: NDArray[np.bool_]
    conflicting: NDArray[np.bool_]
    elsewhere: NDArray[np.bool_]


def late(time: NDArray[Any]) -> NDArray[np.bool_]:
    """Mask of the rows that stand behind a row with a later timestamp, (n,)."""
    return np.asarray(time < np.maximum.accumulate(time)) if len(time) else np.zeros(0, dtype=np.bool_)


def is_newest_first(time: NDArray[Any]) -> bool:
    """True where fewer rows are late when the tape is read from its end."""
    return int(late(time[::-1]).sum()) < int(late(time).sum())


def _groups(table: pd.DataFrame) -> NDArray[np.int64]:
    """A number for each row, the same for rows that are equal in every column; missing equals missing."""
    number = np.zeros(len(table), dtype=np.int64)
    for name in table.columns:
        codes, values = pd.factorize(table[name], use_na_sentinel=False)
        if len(values) > 1:
            number = pd.factorize(number * len(values) + codes)[0].astype(np.int64)
    return number


def distinct(tape: pd.DataFrame) -> Distinct:
    """First row of each print of a tape, and its repeats by reason.

    A row is the print of an earlier one where both have the same exchange and trade_id. Without a trade_id,
    a row is a repeat where it equals an earlier one in every column and either both have a sequence number,
    or a row of another time stands between them: equal rows without any number, one after another, are
    separate prints.

    Parameters
    ----------
    tape : DataFrame
        The columns of `gammaflow.schema.TRADES`, `cancel` (True for a cancel) and `part` (number of the
        file), in the order of the tape.

    Returns
    -------
    Distinct
        Repeats that differ in contract, time, price, size or direction are `conflicting`; repeats with no row
        of another time in between are `duplicated`; those with one, or in another part, are `replayed`.
    """
    n = len(tape)
    named = (tape["trade_id"] != "").to_numpy(dtype=bool)
    ids = _groups(tape[["cancel", "exchange", "trade_id"]])
    contents = _groups(tape[[*_CONTENTS, "cancel"]])
    rows = np.zeros(n, dtype=np.int64) if named.all() else _groups(tape[[*TRADES, "cancel"]])
    time, part = tape["timestamp"].to_numpy(), tape["part"].to_numpy()
    run = np.cumsum(np.r_[False, (time[1:] != time[:-1]) | (part[1:] != part[:-1])])
    bare = np.flatnonzero(~named & tape["sequence"].isna().to_numpy())
    occurrence = np.zeros(n, dtype=np.int64)
    occurrence[bare] = pd.DataFrame({"row": rows[bare], "run": run[bare]}).groupby(["row", "run"]).cumcount()
    identity = pd.DataFrame({"named": named, "row": np.where(named, ids, rows), "occurrence": occurrence})
    _, place, back = np.unique(_groups(identity), return_index=True, return_inverse=True)
    first = place[back]
    repeat = first != np.arange(n)
    conflicting = repeat & (contents != contents[first])
    replayed = repeat & ~conflicting & (run != run[first])
    elsewhere = np.zeros(n, dtype=np.bool_)
    if conflicting.any():
        contract = tape["contract"].to_numpy(dtype=object)
        elsewhere[conflicting] = contract[conflicting] != contract[first[conflicting]]
    return Distinct(~repeat, repeat & ~conflicting & ~replayed, replayed, conflicting, elsewhere)


def cancelled(tape: pd.DataFrame) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Prints that are taken back, and cancels that take back a print, (n,) masks.

    A cancel takes back the print with its exchange, contract and trade_id, where there is one; else the last
    earlier print of its exchange, contract, price and size that still stands.

    Parameters
    ----------
    tape : DataFrame
        Distinct rows as in `distinct`, sorted by time.
    """
    taken, matched = np.zeros(len(tape), dtype=np.bool_), np.zeros(len(tape), dtype=np.bool_)
    cancels = tape["cancel"].to_numpy(dtype=bool)
    if not cancels.any():
        return taken, matched
    touched = np.flatnonzero(tape["contract"].isin(tape["contract"][cancels]).to_numpy())
    standing: dict[Any, list[int]] = {}
    by_id: dict[Any, int] = {}
    columns = (
        tape[name].to_numpy()[touched] for name in ("exchange", "contract", "trade_id", "price", "size")
    )
    for place, exchange, contract, trade_id, price, size in zip(touched.tolist(), *columns, strict=True):
        key, name = (exchange, contract, price, size), (exchange, contract, trade_id)
        if not cancels[place]:
            standing.setdefault(key, []).append(place)
            if trade_id:
                by_id[name] = place
            continue
        candidates = [by_id[name]] if name in by_id else standing.get(key, [])
        while candidates:
            print_ = candidates.pop()
            if not taken[print_]:
                taken[print_] = matched[place] = True
                break
    return taken, matched


def missing_numbers(contract: NDArray[Any], sequence: NDArray[np.float64]) -> pd.Series:
    """Missing sequence numbers of each contract, between its lowest and its highest.

    Examples
    --------
    >>> missing_numbers(np.array(["a", "a", "b"], object), np.array([7.0, 11.0, 3.0])).to_dict()
    {'a': 3, 'b': 0}
    """
    table = pd.DataFrame({"contract": contract, "sequence": sequence}).drop_duplicates()
    by = table.groupby("contract")["sequence"].agg(["min", "max", "size"])
    return (by["max"] - by["min"] + 1 - by["size"]).astype(np.int64).rename("missing")
