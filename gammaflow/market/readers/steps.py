"""Steps that all readers share: from rows of a file to a chain, or to one error with every problem."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import attempt, check_number, utc
from gammaflow.columns import Column, numbers, validate
from gammaflow.market.chain import Chain
from gammaflow.market.plausibility.units import SCALE, wrong_volatility_unit
from gammaflow.market.readers.source import Rows, SeveralUnderlyingsError, Source
from gammaflow.schema import CHAIN
from gammaflow.text import value_text

__all__ = [
    "NO_MOMENT",
    "assemble",
    "bare",
    "distinct",
    "illegal",
    "in_file",
    "iso_moment",
    "mismatch",
    "pick_underlying",
]

NO_MOMENT = (
    "asof: the file does not say, in a form with a known time zone, when it was taken. "
    "Pass asof= (tz-aware, such as '2026-02-05T09:36:47+00:00')."
)

_ISO = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d")


def iso_moment(value: object, zone: str | None = None) -> pd.Timestamp | None:
    """An ISO date with time as a tz-aware timestamp; None for others, or without both offset and `zone`."""
    if not isinstance(value, str) or not _ISO.match(value):
        return None
    try:
        stamp = pd.Timestamp(value)
        return utc(stamp.tz_localize(zone) if stamp.tz is None else stamp)
    except ValueError:
        return None


def mismatch(rows: Rows, mask: Any, values: Any, name: str, what: str, legal: str) -> list[str]:
    """One line that counts the rows in `mask` and shows the first; empty where there is none."""
    bad = np.flatnonzero(np.asarray(mask, dtype=bool))
    if not bad.size:
        return []
    first = f"{rows.where(bad[0])} = {value_text(pd.Series(values).iloc[bad[:1]].tolist()[0])}"
    return [f"{name}: {bad.size} of {len(rows.frame)} rows {what} (first: {first}); {legal}"]


def distinct(values: pd.Series[Any]) -> tuple[NDArray[np.intp], list[Any]]:
    """Place of each row's value in a list: of distinct texts, or of all values where not all are text.

    Examples
    --------
    >>> places, days = distinct(pd.Series(["2026-03-20", "2026-04-17", "2026-03-20"], dtype=object))
    >>> places.tolist(), days
    ([0, 1, 0], ['2026-03-20', '2026-04-17'])
    """
    every = values.to_numpy(dtype=object)
    if pd.api.types.infer_dtype(every, skipna=False) != "string":  # others may not be keys
        return np.arange(len(every)), values.tolist()
    places, texts = pd.factorize(every)
    return places, list(texts)


def bare(symbol: Any) -> str:
    """A symbol in capitals, without the marks that vendors put before indexes: ^SPX and _SPX are SPX."""
    return str(symbol).strip().upper().lstrip("^_$.")


def pick_underlying(
    source: Source, underlying: NDArray[Any], symbol: str | None, own: str = ""
) -> tuple[NDArray[np.bool_], str, dict[str, int]]:
    """The rows of the underlying asked for, its symbol, and the other rows counted.

    Without `symbol`, the underlying is the file's `own` where it has rows, else the only one.
    """
    counts = dict(Counter(underlying.tolist()).most_common())
    present = ", ".join(f"{name} ({n} rows)" for name, n in counts.items())
    if not counts:
        raise source.refuse("no row has a standard option contract; at least one is needed.")
    why = "of another underlying ({})"
    if symbol is None and own in counts:
        symbol, why = own, "adjusted contracts (root {}, not the file's symbol)"
    if symbol is None:
        if len(counts) > 1:
            several = SeveralUnderlyingsError(
                f"{source.name}: holds options on {len(counts)} underlyings: {present}. "
                f"Pick one with symbol={next(iter(counts))!r}."
            )
            several.symbols = tuple(sorted(counts))
            raise several
        symbol = str(next(iter(counts)))
    wanted = bare(symbol)
    if wanted not in counts:
        raise source.refuse(f"symbol={symbol!r} is not in the file; it holds {present}.")
    left_out = {why.format(name): n for name, n in counts.items() if name != wanted}
    return np.asarray(underlying == wanted, dtype=bool), wanted, left_out


def assemble(
    source: Source,
    rows: Rows,
    columns: Mapping[str, Any],
    *,
    symbol: str,
    spot: Any,
    asof: pd.Timestamp | None,
    left_out: Mapping[str, int],
    facts: Mapping[str, Any],
    problems: Sequence[str],
) -> Chain:
    """The chain, or one ReaderError with every problem, each with the row's place in the file.

    `facts` are `Chain`'s: vendor, venue, file_format, currency and quote_unit.
    """
    found = list(problems)
    if asof is None and not any("asof=" in problem for problem in found):
        found.append(NO_MOMENT)
    if asof is not None and not found:
        (chain,), found = attempt(lambda: Chain(columns, symbol, spot, asof, left_out=left_out, **facts))
        if isinstance(chain, Chain):
            return chain
    else:
        found += illegal(columns, CHAIN, spot)
    if any(problem.startswith("iv: ") for problem in found):
        found = _percent(columns["iv"], found) + found
    raise source.refuse(*(in_file(rows, problem) for problem in found))


def _percent(iv: Any, found: Sequence[str]) -> list[str]:
    """A problem that says that illegal volatilities are in percent, unless one in `found` does already."""
    if any(problem.endswith(SCALE) for problem in found):
        return []
    return wrong_volatility_unit(numbers(pd.Series(iv), "iv")[0], "iv", percent=False)


def illegal(columns: Mapping[str, Any], dictionary: Mapping[str, Column], spot: Any) -> list[str]:
    """Every problem of a chain's columns and spot, one line each."""
    return attempt(
        lambda: check_number(spot, "spot", 0.0, open_low=True),
        lambda: validate(columns, dictionary, "chain"),
    )[1]


def in_file(rows: Rows, problem: str) -> str:
    """A chain's problem, with the row's place in the file."""
    if problem.startswith("spot: received"):
        return f"{problem} Pass spot=, the price when the quotes were taken."
    problem = re.sub(r"\(first: row (\d+) =", lambda m: f"(first: {rows.where(int(m[1]))} =", problem)
    return problem.replace(
        "Drop them or fix the column map.", "Correct or drop them, or build the chain with chain_from_frame."
    )
