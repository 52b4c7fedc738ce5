"""Checks of arguments: numeric arrays, masked entries, timestamps, choices; all problems in one error.

A masked array of numpy and a nullable column of pandas store some value behind each missing entry, which a
conversion to a plain array would expose. Here a missing number becomes NaN; a missing word is replaced by a
legal one, so that the others can be read, and the caller sets its row to NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.errors import SchemaError
from gammaflow.text import clean, value_text

__all__ = [
    "YEARS",
    "as_list",
    "as_mask",
    "as_numbers",
    "attempt",
    "check_choice",
    "check_list",
    "check_made",
    "check_noun",
    "check_number",
    "check_text",
    "check_whole",
    "floats",
    "hide",
    "is_among",
    "legal_range",
    "read_number",
    "read_only",
    "refuse",
    "uncover",
    "utc",
]

#: How the nouns of the library are made, for error text.
_MADE_BY = {
    "Chain": "as read_chain or chain_from_frame returns",
    "Book": "as assign_positions(chain, rule) returns",
    "Profile": "as sweep_spot(book) returns",
    "Repricing": "as sweep_spot(book) returns",
    "Impact": "as impact.linear, impact.square_root or impact.book returns",
    "Trades": "as read_trades returns",
    "Bands": "as sign_bands(chain, beliefs) returns",
    "Liquidations": "as gammaflow.liquidations.read(path) or pool(...) returns",
    "OpenInterestChange": "as open_interest_change(earlier, later) returns",
}

_LONGEST = 200

#: Years of legal timestamps, first and last: nanoseconds can count between any two.
YEARS = (1900, 2189)

# Characters of a received array or list in an error.
_LONG = 80

_PANDAS = (pd.Series, pd.Index, pd.DataFrame, pd.api.extensions.ExtensionArray)
_COVERED = (*_PANDAS, np.ma.MaskedArray)


def _gathered(value: Any) -> Any:
    """A list that holds masked arrays or masked entries as one masked array."""
    held = isinstance(value, list | tuple) and any(isinstance(v, np.ma.MaskedArray) for v in value)
    if not held:
        return value
    hidden = np.array([np.ma.getmaskarray(v) for v in value])
    return np.ma.MaskedArray(np.array([np.ma.getdata(v) for v in value]), hidden)


def _is_na(array: NDArray[Any]) -> NDArray[np.bool_]:
    """Mask of the <NA> entries of an array of objects."""
    return np.array([v is pd.NA for v in array.ravel()], np.bool_).reshape(array.shape)


def _is_complex(value: Any) -> bool:
    return isinstance(value, complex | np.complexfloating)


def floats(value: Any) -> NDArray[np.float64]:
    """Numbers as a float64 array, NaN where they are masked or <NA>.

    Raises
    ------
    TypeError, ValueError
        For values that numpy cannot read as numbers, and for text, booleans and times of pandas.
    """
    if isinstance(value, _PANDAS):
        dtypes = value.dtypes if isinstance(value, pd.DataFrame) else [value.dtype]
        if any(isinstance(d, pd.StringDtype) or getattr(d, "kind", "O") in "bcmM" for d in dtypes):
            raise TypeError("not numbers")
        return np.asarray(value.to_numpy(np.float64, na_value=np.nan))
    value = _gathered(value)
    if isinstance(value, np.ma.MaskedArray):
        data = np.asarray(value.data, np.float64)
        return np.asarray(np.where(np.ma.getmaskarray(value), np.nan, data))
    array = np.asarray(value)
    if array.dtype.kind == "c" or (array.dtype.kind == "O" and any(map(_is_complex, array.ravel()))):
        raise TypeError("not real numbers")
    if array.dtype.kind == "O":
        array = np.where(_is_na(array), np.nan, array)
        # numpy would turn a single None into NaN
        return array.astype(np.float64) if array.ndim else np.array(float(array.item()))
    return array.astype(np.float64, copy=False)


def read_number(name: str, value: Any, problems: list[str]) -> Any:
    """Array of numbers that float64 can hold, or None with the reason appended to `problems`."""
    if isinstance(value, _COVERED):
        try:
            return floats(value)
        except (TypeError, ValueError, OverflowError, NotImplementedError):
            got = f"a {type(value).__name__} of {getattr(value, 'dtype', 'several types')}"
            problems.append(f"{name}: received {got}; it must hold numbers.")
            return None
    try:
        value = _gathered(value)
        array = floats(value) if isinstance(value, np.ma.MaskedArray) else np.asarray(value)
        if array.dtype.kind == "O" and (array.ndim or value is pd.NA):
            array = floats(array)
    except (TypeError, ValueError, OverflowError, NotImplementedError):
        problems.append(f"{name}: received {value_text(value)}; it must be a number or an array of numbers.")
        return None
    if array.dtype.kind not in "iuf":
        got = repr(value)[:60] if array.ndim == 0 else f"an array of {array.dtype}"
        problems.append(f"{name}: received {got}; it must be real numbers (integers or floats).")
        return None
    return array if array.dtype.kind != "f" or array.dtype.itemsize <= 8 else array.astype(np.float64)


def as_numbers(value: Any, name: str) -> NDArray[np.float64]:
    """`value` as a float64 array, or SchemaError."""
    problems: list[str] = []
    array = read_number(name, value, problems)
    if problems:
        raise SchemaError(problems[0])
    return floats(array)


def as_list(value: Any, name: str, what: str = "values") -> list[Any]:
    """A list, tuple or other iterable as a list; SchemaError for text, a table or a single value."""
    single = isinstance(value, np.ndarray) and value.ndim == 0
    if isinstance(value, str | bytes | Mapping | pd.DataFrame) or single or not isinstance(value, Iterable):
        raise SchemaError(f"{name}: received {value_text(value)}; a list of {what} is needed.")
    return list(value)


def uncover(value: Any, word: Any) -> tuple[Any, NDArray[np.bool_] | None]:
    """Words with masked and <NA> entries replaced by `word` (numbers: by 1), and their mask or None."""
    value = _gathered(value)
    hidden = None
    if isinstance(value, np.ma.MaskedArray):
        values, hidden = value.data, np.ma.getmaskarray(value)
    elif isinstance(value, pd.DataFrame):
        values = value.to_numpy(object)
        hidden = _is_na(values)
    elif isinstance(value, _PANDAS):
        values = value.to_numpy(object)
        extension = pd.api.types.is_extension_array_dtype(value.dtype)
        hidden = np.asarray(value.isna()) if extension else _is_na(values)
    elif value is pd.NA or (isinstance(value, list | tuple) and any(v is pd.NA for v in value)):
        values = np.array(value, object)
        hidden = _is_na(values)
    elif isinstance(value, np.ndarray) and value.dtype.kind == "O" and pd.isna(value).any():
        values, hidden = value, _is_na(value)
    if hidden is None or not hidden.any():
        return value, None
    if values.dtype.kind in "biuf" or all(isinstance(v, int | float) for v in values[~hidden]):
        return np.where(hidden, 1, values).astype(np.float64), hidden
    return np.where(hidden, word, values.astype(object)), hidden


def hide(column: Any, masks: Sequence[NDArray[np.bool_] | None]) -> Any:
    """Column of numbers with NaN wherever one of the masks is True; shapes broadcast."""
    for hidden in masks:
        if hidden is not None:
            column = np.where(hidden, np.nan, column)
    return column


def read_only(values: ArrayLike, dtype: Any = np.float64) -> NDArray[Any]:
    """A C-contiguous, read-only array of `values` (a copy only where one is needed)."""
    array = np.ascontiguousarray(values, dtype=dtype).view()
    array.flags.writeable = False
    return array


def legal_range(low: float = -np.inf, high: float = np.inf, *, open_low: bool = False) -> str:
    """Range from `low` (exclusive where `open_low`) to `high`, in words.

    Examples
    --------
    >>> legal_range(0.0, 5.0, open_low=True), legal_range()
    ('> 0 and <= 5', 'finite')
    """
    parts = []
    if np.isfinite(low):
        parts.append(f"{'>' if open_low else '>='} {low:g}")
    if np.isfinite(high):
        parts.append(f"<= {high:g}")
    return " and ".join(parts or ["finite"])


def refuse(what: str, problems: list[str]) -> None:
    """Raise one SchemaError with every problem, if there is any."""
    if problems:
        raise SchemaError(f"{what} not accepted:\n" + "\n".join(f"  - {p}" for p in problems))


def attempt(*checks: Callable[[], Any]) -> tuple[list[Any], list[str]]:
    """Results of the checks (None for each that fails), and the problems of all of them, one line each."""
    results: list[Any] = []
    problems: list[str] = []
    for check in checks:
        try:
            results.append(check())
        except SchemaError as error:
            results.append(None)
            lines = str(error).splitlines()
            problems += [line.removeprefix("  - ") for line in (lines[1:] or lines)]
    return results, problems


def utc(moment: Any, name: str = "asof") -> pd.Timestamp:
    """A tz-aware timestamp in UTC; SchemaError for one without a time zone and for anything else."""
    try:
        stamp = pd.Timestamp(moment).as_unit("ns")
    except (ValueError, TypeError, OverflowError) as error:
        why = " ".join(str(error).split())[:_LONGEST]
        raise SchemaError(f"{name}: received {_shown(moment)}, which is not a timestamp ({why}).") from None
    if not isinstance(stamp, pd.Timestamp) or stamp.tz is None:
        raise SchemaError(
            f"{name}: received {_shown(moment)}, which has no time zone; pass a tz-aware timestamp such as "
            f"'2026-02-05T09:36:47+00:00'."
        )
    if not YEARS[0] <= stamp.tz_convert("UTC").year <= YEARS[1]:
        raise SchemaError(
            f"{name}: received {_shown(moment)}; legal: a timestamp of the years {YEARS[0]} to {YEARS[1]}."
        )
    return stamp.tz_convert("UTC")


def _shown(value: Any) -> str:
    """A value in one line, cut where it is long: `attempt` takes further lines for further problems."""
    if isinstance(value, _PANDAS) or type(value).__module__.startswith("gammaflow."):
        return value_text(value)
    text = " ".join(repr(value).split())
    if not isinstance(value, list | tuple | np.ndarray) or (isinstance(value, np.ndarray) and not value.ndim):
        return text[:_LONGEST]
    count = value.size if isinstance(value, np.ndarray) else len(value)
    return text if len(text) <= _LONG else f"{text[:_LONG]}... ({count:,} values)"


def check_number(
    value: Any, name: str, low: float = -np.inf, high: float = np.inf, *, open_low: bool = False
) -> float:
    """A finite float from `low` (exclusive where `open_low`) to `high`, or SchemaError."""
    kind = "a number "
    try:
        if isinstance(value, (*_PANDAS, bool, np.bool_)):
            raise TypeError
        number = float(floats(value)) if isinstance(value, np.ma.MaskedArray) else float(value)
        if math.isfinite(number) and low <= number <= high and not (open_low and number == low):
            return number
        kind = ""
    except (TypeError, ValueError, OverflowError):
        pass
    limited = np.isfinite(low) or np.isfinite(high)
    legal = f"{kind}{legal_range(low, high, open_low=open_low)}" if limited else "a finite number"
    raise SchemaError(f"{name}: received {_shown(value)}; {name} must be {legal}.")


def check_whole(value: Any, name: str, low: int, high: int = 2**63 - 1) -> int:
    """A whole number from `low` to `high`, or SchemaError."""
    truth = isinstance(value, bool | np.bool_)
    if truth or not (number := check_number(value, name, low)).is_integer():
        raise SchemaError(f"{name}: received {value!r}; {name} must be a whole number >= {low}.")
    whole = int(value) if isinstance(value, int | np.integer) else int(number)
    if whole > high:
        raise SchemaError(f"{name}: received {value!r}; {name} must be >= {low} and <= {high:,}.")
    return whole


def check_text(value: Any, name: str) -> str:
    """One line of text of up to 200 characters, those that steer a terminal as their escapes."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise SchemaError(
            f"{name}: received {value_text(value)}; {name} must be text of up to {_LONGEST} characters."
        )
    return clean(value).replace("\n", " ")


def check_list(value: Any, name: str, legal: str) -> list[Any]:
    """The items of a list, tuple, array or Series, or SchemaError.

    Examples
    --------
    >>> check_list((0, 1), "lags", "lags such as (0, 1)")
    [0, 1]
    """
    try:
        if not isinstance(value, str | bytes | Mapping):
            return list(value)
    except TypeError:
        pass
    raise SchemaError(f"{name}: received {_shown(value)}; legal: {legal}.")


def is_among(value: Any, choices: Collection[Any]) -> bool:
    """True where `value` is one of `choices`; arrays, <NA> and what has no hash are none.

    Examples
    --------
    >>> is_among("gamma", {"gamma": 1}), is_among(np.array(["gamma"]), {"gamma": 1})
    (True, False)
    """
    try:
        hash(value)  # an array of one word would equal it
        return value in [*choices]
    except (TypeError, ValueError):
        return False


def check_choice(value: Any, name: str, legal: Any) -> Any:
    """`value` if it is one of `legal`, or SchemaError that names them all."""
    choices = as_list(legal, "legal values") if not isinstance(legal, Mapping) else list(legal)
    if not is_among(value, choices):
        raise SchemaError(f"{name}: received {_shown(value)}; legal: {', '.join(map(repr, choices))}.")
    return value


def as_mask(value: Any, n: int, each: str, such: str) -> tuple[NDArray[np.bool_], list[str]]:
    """A mask of n bools, and its problems: `each` names what it is of, `such` an example of one.

    Examples
    --------
    >>> as_mask([True, False], 2, "the 2 rows", "x > 0")[0].tolist()
    [True, False]
    >>> as_mask([1, 0], 2, "both", "x > 0")[1]
    ['received int64 of shape (2,); legal: one bool for each of both, at least one True, such as x > 0.']
    """
    try:
        mask = np.asarray(value)
    except ValueError:  # rows of different lengths
        mask = np.empty(0)
    if np.ma.is_masked(value):
        return mask, [
            "received a masked array with masked entries; legal: one bool per row. Fill it: "
            "rows.filled(False) excludes the masked rows."
        ]
    if mask.shape != (n,) or mask.dtype != np.bool_:
        given = value_text(value) if isinstance(value, str) else f"{mask.dtype} of shape {mask.shape}"
        return mask, [
            f"received {given}; legal: one bool for each of {each}, at least one True, such as {such}."
        ]
    return mask, []


def check_made(value: Any, name: str, kind: str, legal: str) -> None:
    """SchemaError unless a class of `value` has this name: for nouns of rooms above the caller's.

    Examples
    --------
    >>> check_made(1.0, "scale", "float", "a number")
    """
    if kind not in {each.__name__ for each in type(value).__mro__}:
        shown = f" {value!r:.60}" if isinstance(value, str) else ""
        raise SchemaError(f"{name}: received {type(value).__name__}{shown}; legal: {legal}.")


def check_noun(value: Any, name: str, *kinds: type) -> None:
    """SchemaError unless `value` is one of these kinds of object; it says how each is made.

    Examples
    --------
    >>> check_noun(1.0, "scale", float)
    """
    if isinstance(value, kinds):
        return
    known = [(kind.__name__, _MADE_BY.get(kind.__name__)) for kind in kinds]
    named = [
        (word if word.endswith("s") else f"an {word}" if word[0] in "AEIOU" else f"a {word}", made)
        for word, made in known
    ]
    legal = "; or ".join(f"{word}, {made}" if made else word for word, made in named)
    shown = f" {value!r:.60}" if isinstance(value, str) else ""
    raise SchemaError(f"{name}: received {type(value).__name__}{shown}; legal: {legal}.")
