"""A chain from any DataFrame, through a column map."""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import attempt, utc
from gammaflow.columns import numbers
from gammaflow.errors import SchemaError
from gammaflow.frames import as_pandas
from gammaflow.market.carry.dividends import Dividends, find_dividends
from gammaflow.market.carry.rates import RateCurve, find_rate
from gammaflow.market.chain import Chain
from gammaflow.market.given import with_carry
from gammaflow.market.plausibility import wrong_volatility_unit
from gammaflow.market.readers.osi import expiries
from gammaflow.market.readers.source import Rows
from gammaflow.market.readers.steps import illegal, mismatch
from gammaflow.schema import CHAIN
from gammaflow.text import value_text

__all__ = ["KINDS", "chain_from_frame"]

#: Kinds by the words that tables have for them, in lower case.
KINDS = {
    **dict.fromkeys(("c", "call", "1", "+1", "1.0"), "call"),
    **dict.fromkeys(("p", "put", "-1", "-1.0"), "put"),
}


def chain_from_frame(
    frame: pd.DataFrame,
    *,
    columns: Mapping[str, str] | None = None,
    symbol: str,
    spot: float,
    asof: Any,
    multiplier: float | None = None,
    settlement: str | None = None,
    currency: str = "USD",
    vendor: str = "frame",
    venue: str = "",
    quote_unit: str = "currency",
    rate: float | pd.Series | RateCurve | None = None,
    dividends: pd.Series | Dividends | None = None,
) -> Chain:
    """A chain from a DataFrame with one row per contract.

    Parameters
    ----------
    frame : DataFrame
        Must have expiry, strike, kind, open_interest and iv, as columns or named levels of the index, and may
        have every other column of `gammaflow.schema.CHAIN`. Columns that are neither canonical nor mapped are
        ignored.
    columns : mapping, optional
        {canonical name: the frame's name} for columns with other names.
    symbol : str
        The underlying.
    spot : float
        Its price at `asof` [currency].
    asof : tz-aware timestamp
        When the quotes were taken.
    multiplier : float
        Units of the underlying per contract (US options 100, Deribit 1); needed unless a column
        `multiplier` gives it per row. It cannot be guessed.
    settlement : str, optional
        When contracts settle, needed where `expiry` has dates only: "AM" (09:30 New York), "PM" (16:00
        New York) or a time and zone such as "08:00 UTC". A column `settlement` gives it per row.
    currency : str
        Currency of spot, strikes and all amounts of money.
    vendor : str
        Vendor of the data.
    venue : str, optional
        Where the contracts trade; by default the vendor's name.
    quote_unit : "currency" or "coin"
        Unit of bid, ask, last and mark: `currency`, or units of the underlying.
    rate : float, Series or RateCurve, optional
        Continuously compounded rate [1/year], one for all rows or a curve of zero rates by date, where the
        frame has no column `rate`. The chain keeps it, and each row has the rate to its expiry.
    dividends : Series or Dividends, optional
        Cash per share by ex-date [currency], where the frame has no column `dividend_yield`. The chain keeps
        them, and each row has the yield with the same forward.

    Returns
    -------
    Chain
        `kind` may be c/p, call/put in any case, or +1/-1. `iv` is decimal (0.56 is 56 %). Blank numbers
        are NaN. Without a column `contract`, names are made from root (else symbol), expiry, strike and kind.
        Options are European unless a column `exercise` says "american". `quote_time` has tz-aware timestamps,
        `open_interest_date` days; both may be blank.

    Raises
    ------
    SchemaError
        With every problem in one message; rows are counted from 0.

    See Also
    --------
    read_chain : Read a vendor's file of option quotes, or anyone's table through a map of its columns.
    assign_positions : Sign a chain's open interest as dealers' positions.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"K": [22.5], "cp": ["P"], "expiry": ["2026-03-20"], "oi": [40], "iv": [0.3]})
    >>> chain = chain_from_frame(
    ...     frame, columns={"strike": "K", "kind": "cp", "open_interest": "oi"}, symbol="XYZ", spot=23.1,
    ...     asof="2026-02-05T15:00:00-05:00", multiplier=100, settlement="PM",
    ... )
    >>> chain["contract"][0], str(chain["expiry"][0])[:16]
    ('XYZ-2026-03-20T20:00-22.5-put', '2026-03-20T20:00')
    """
    frame = _table(frame, columns)
    chosen, problems = _mapped(_with_index(frame, dict(columns or {})), dict(columns or {}))
    mentioned = {"multiplier", "contract", *({"expiry"} & set(chosen))}
    problems += [*_multiplied(chosen, multiplier, len(frame)), *_translated(chosen, settlement)]
    named = "contract" not in chosen and {"expiry", "strike", "kind"} <= set(chosen)
    if named:
        chosen["contract"] = _names(symbol, chosen)
    (moment, r, paid), found = attempt(
        lambda: utc(asof),
        lambda: None if rate is None else find_rate(rate),
        lambda: None if dividends is None else find_dividends(dividends),
    )
    problems += found
    problems += [
        f"{name}: given as an argument and as a column{also}. Leave one out."
        for value, name, column, also in (
            (rate, "rate", "rate", ""),
            (dividends, "dividends", "dividend_yield", " (dividend_yield)"),
        )
        if value is not None and column in chosen
    ]
    facts: dict[str, Any] = {"vendor": vendor, "currency": currency, "venue": venue, "quote_unit": quote_unit}
    if problems:
        # Columns taken out above have their problem already.
        wanted = {name: column for name, column in CHAIN.items() if name in chosen or name not in mentioned}
        problems += illegal(chosen, wanted, spot)
    else:
        (chain,), problems = attempt(lambda: Chain(chosen, symbol, spot, moment, **facts))
        if isinstance(chain, Chain):
            return with_carry(chain, r, paid)
        if named:
            problems = [
                problem
                + " Their names were made of expiry, strike and kind: pass a column `root` or `contract`."
                if problem.startswith("contract: ") and "repeat" in problem
                else problem
                for problem in problems
            ]
    raise SchemaError("frame not accepted:\n" + "\n".join(f"  - {p}" for p in problems))


def _table(frame: Any, columns: Any) -> pd.DataFrame:
    """A table of any library as pandas has it; SchemaError where it or its map of columns is none."""
    frame = as_pandas(frame)
    if not isinstance(frame, pd.DataFrame):
        raise SchemaError(
            f"frame: received {type(frame).__name__}; legal: a table of pandas, polars or pyarrow, or a "
            "DuckDB relation."
        )
    if not isinstance(columns, Mapping | None):
        raise SchemaError(
            f"columns: received {value_text(columns)}; a mapping of canonical names to the frame's is needed."
        )
    if frame.columns.nlevels > 1:
        raise SchemaError(
            f"frame: its columns have {frame.columns.nlevels} levels (first: {frame.columns[0]!r:.60}); one "
            "is needed, such as frame.columns = frame.columns.get_level_values(-1)."
        )
    if not len(frame):
        raise SchemaError("frame: has no rows; at least one contract is needed.")
    return frame


def _multiplied(chosen: dict[str, Any], multiplier: float | None, rows: int) -> list[str]:
    """Adds the column `multiplier` where it is an argument; the problems of having none, or both."""
    if multiplier is None and "multiplier" not in chosen:
        return ["multiplier: missing; pass multiplier= units per contract (US options 100, Deribit 1)."]
    if multiplier is not None and "multiplier" in chosen:
        return ["multiplier: given as an argument and as a column. Leave one out."]
    if multiplier is not None:
        chosen["multiplier"] = pd.Series([multiplier] * rows, dtype=object)
    return []


def _translated(chosen: dict[str, Any], settlement: str | None) -> list[str]:
    """Puts kinds and times in the form of a chain, without `expiry` where it cannot be read; problems."""
    problems = []
    if "iv" in chosen:
        problems += wrong_volatility_unit(numbers(chosen["iv"], "iv")[0], "iv", percent=False)
    if "kind" in chosen:
        codes, words = pd.factorize(chosen["kind"].astype("str"), use_na_sentinel=False)
        known = [KINDS.get(str(word).strip().lower()) for word in words]
        kinds = [known[code] or kind for code, kind in zip(codes, chosen["kind"].tolist(), strict=True)]
        chosen["kind"] = pd.Series(kinds, dtype=object)
    if "expiry" in chosen:
        settled, found = _expiries(chosen.pop("expiry"), settlement, chosen.get("settlement"))
        problems += found
        chosen |= settled
    for name, days in (("quote_time", False), ("open_interest_date", True)):
        if name in chosen:
            chosen[name], found = _times(chosen[name], name, days=days)
            problems += found
    return problems


def _with_index(frame: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    """The frame with the keys in its index as columns, and without the rest of its index."""
    wanted = {*CHAIN, *columns.values()} - set(frame.columns)
    rest = [level for level, name in enumerate(frame.index.names) if name not in wanted]
    kept = frame.reset_index(level=rest, drop=True) if len(rest) < frame.index.nlevels else frame
    return kept.reset_index(drop=kept is frame)


def _mapped(frame: pd.DataFrame, columns: dict[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The frame's columns under their canonical names, and problems of the map."""
    problems = []
    ours = set(CHAIN)
    if columns and ours.isdisjoint(columns) and ours.issuperset(columns.values()) and {*columns} <= {*frame}:
        columns = {name: theirs for theirs, name in columns.items()}
        problems.append(
            f"columns: the map is the wrong way round, its keys the frame's names; pass {columns}."
        )
    problems += [f"columns: {name!r} is not a column of a chain; legal: {', '.join(CHAIN)}."
                for name in columns if name not in CHAIN]  # fmt: skip
    absent = [theirs for theirs in columns.values() if theirs not in frame.columns]
    if absent:
        problems.append(
            f"columns: {', '.join(map(repr, absent))} not in the frame; it holds "
            f"{', '.join(map(str, frame.columns))}."
        )
    names = {name: name for name in CHAIN if name in frame.columns} | {
        name: theirs for name, theirs in columns.items() if name in CHAIN and theirs in frame.columns
    }
    repeated = set(frame.columns[frame.columns.duplicated()])
    twice = [theirs for theirs in names.values() if theirs in repeated]
    if twice:
        problems.append(
            f"columns: {', '.join(map(repr, twice))} occur in the frame more than once. Drop one of each."
        )
    chosen = {name: frame[theirs] for name, theirs in names.items() if theirs not in twice}
    broken = [name for name, values in chosen.items() if values.dtype == object and not _is_unicode(values)]
    if broken:
        raise SchemaError(
            f"frame not accepted: {', '.join(broken)}: text with half a character (a lone surrogate). "
            f"Correct it or drop those rows."
        )
    return chosen, problems


def _is_unicode(values: pd.Series[Any]) -> bool:
    try:
        "".join(value for value in values.tolist() if isinstance(value, str)).encode()
    except UnicodeEncodeError:
        return False
    return True


def _each(values: pd.Series[Any], read: Callable[[Any], Any]) -> list[Any]:
    """`read` of every value, once for each distinct text: other values may not be keys."""
    known = functools.cache(read)
    return [known(value) if type(value) is str else read(value) for value in values.tolist()]


def _expiries(
    values: pd.Series[Any], settlement: str | None, labels: pd.Series[Any] | None
) -> tuple[dict[str, Any], list[str]]:
    """Expiry timestamps, settlement labels, and problems; the settlement time of a date is never guessed."""
    if (settlement is None) and (moments := _moments(values)) is not None and not np.isnat(moments).any():
        return {"expiry": moments}, []
    stamps = _each(values, _moment_or_day)
    unread = [stamp is pd.NaT for stamp in stamps]
    legal = "legal: '2026-03-20', or '2026-03-20T16:00:00-04:00'."
    what = "are neither dates nor tz-aware timestamps"
    if any(unread):
        return {}, mismatch(Rows(values.to_frame(), "row {}"), unread, values, "expiry", what, legal)
    aware = [stamp.tzinfo is not None for stamp in stamps]
    if all(aware):
        if settlement is not None:
            return {}, ["settlement: given, but expiry already holds tz-aware timestamps. Leave it out."]
        return {"expiry": _nanoseconds(stamps)}, []
    if any(aware):
        return {}, ["expiry: holds dates and tz-aware timestamps; all must be of one kind."]
    if (settlement is None) == (labels is None):
        return {}, [
            "expiry: holds dates without a time of day. Say when contracts settle, either with "
            "settlement='PM' (16:00 New York), 'AM' (09:30 New York) or a time and zone such as '08:00 "
            "UTC', or with a column `settlement`."
        ]
    clocks = (
        pd.Series([str(settlement)] * len(values), dtype=object) if labels is None else labels.astype("str")
    )
    try:
        return {"expiry": expiries(pd.Series(stamps), clocks), "settlement": clocks}, []
    except SchemaError as error:
        return {}, [str(error)]


def _times(values: pd.Series[Any], name: str, *, days: bool) -> tuple[pd.Series[Any], list[str]]:
    """Tz-aware timestamps (`days`: or calendar days) in UTC, blanks missing, and problems."""
    if (moments := _moments(values)) is not None:
        return pd.Series(pd.DatetimeIndex(moments, tz="UTC"), values.index), []
    stamps = _each(values, _moment_or_day)
    if days:
        stamps = [s.tz_localize("UTC") if s is not pd.NaT and s.tzinfo is None else s for s in stamps]
    unread = np.array([s is pd.NaT or s.tzinfo is None for s in stamps], dtype=bool)
    found: list[str] = []
    if unread.any():
        blank = (values.isna() | (values.astype("str").str.strip() == "")).to_numpy(dtype=bool)
        what = "are neither dates nor tz-aware timestamps" if days else "are not tz-aware timestamps"
        legal = "legal: " + ("'2026-03-20', or " if days else "") + "'2026-03-20T15:59:30-04:00', or blank."
        found = mismatch(Rows(values.to_frame(), "row {}"), unread & ~blank, values, name, what, legal)
        stamps = [pd.NaT if missing else s for s, missing in zip(stamps, unread, strict=True)]
    return pd.Series(pd.DatetimeIndex(_nanoseconds(stamps), tz="UTC"), values.index), found


def _nanoseconds(stamps: Sequence[pd.Timestamp]) -> NDArray[np.datetime64]:
    """Timestamps in UTC, or NaT, as an array without time zone."""
    return np.array([stamp.value for stamp in stamps], dtype=np.int64).view("datetime64[ns]")


def _moments(values: pd.Series[Any]) -> NDArray[np.datetime64] | None:
    """Timestamps in UTC of a tz-aware column; None for other columns, and for years beyond nanoseconds."""
    if not isinstance(values.dtype, pd.DatetimeTZDtype):
        return None
    try:
        return np.asarray(values.dt.as_unit("ns").dt.tz_convert("UTC").dt.tz_localize(None))
    except pd.errors.OutOfBoundsDatetime:
        return None


def _moment_or_day(value: Any) -> Any:
    """A tz-aware timestamp in UTC, a calendar day without time zone, or NaT for anything else."""
    if not isinstance(value, (str, dt.date, np.datetime64)):
        return pd.NaT
    if isinstance(value, str) and not re.match(r"\s*\d{4}-?\d\d-?\d\d", value):
        return pd.NaT
    try:
        stamp: Any = pd.Timestamp(value).as_unit("ns")
    except (ValueError, OverflowError):
        return pd.NaT
    if stamp is pd.NaT:
        return stamp
    if stamp.tzinfo is not None:
        return stamp.tz_convert("UTC")
    return stamp if stamp == stamp.normalize() else pd.NaT


def _names(symbol: str, columns: Mapping[str, Any]) -> NDArray[Any]:
    """Names made of root (else symbol), expiry, strike and kind."""
    roots = [symbol] * len(columns["strike"])
    if "root" in columns:
        roots = [root if isinstance(root, str) and root.strip() else symbol for root in columns["root"]]
    minutes = np.datetime_as_string(columns["expiry"], unit="m")
    strikes = [f"{strike:.12g}" for strike in numbers(columns["strike"], "strike")[0]]
    parts = zip(roots, minutes, strikes, columns["kind"], strict=True)
    return np.array(
        [f"{root}-{expiry}-{strike}-{kind}" for root, expiry, strike, kind in parts], dtype=object
    )
