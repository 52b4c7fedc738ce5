"""Rates and dividends of the command line: a number, or a file of dates."""

from __future__ import annotations

import io
import os
from typing import Any, TypeVar

import pandas as pd

from gammaflow.checks import check_number
from gammaflow.content import file_bytes
from gammaflow.errors import GammaflowError, ReaderError, SchemaError
from gammaflow.market.carry.dated import Dated
from gammaflow.market.carry.dividends import Dividends
from gammaflow.market.carry.rates import RateCurve

__all__ = ["carry_of", "dated_carry"]

T = TypeVar("T", bound=Dated)


def carry_of(
    rate: str | None, dividends: str | None = None, dividend_yield: float | None = None
) -> dict[str, Any]:
    """Arguments of `analyze` and `finance` from the options of a command.

    Raises
    ------
    SchemaError
        For a rate that is neither a number nor a file, and for dividends together with a yield.
    ReaderError
        For a file that does not hold dates and numbers.

    Examples
    --------
    >>> carry_of("0.036")
    {'rate': 0.036, 'dividend_yield': None, 'dividends': None}
    """
    if dividends is not None and dividend_yield is not None:
        raise SchemaError(
            f"--dividends, --dividend-yield: received {dividends!r} and {dividend_yield:g}. Leave one of "
            "them out."
        )
    paid = None if dividends is None else _of_file(dividends, Dividends, "--dividends")
    return {"rate": _rate(rate), "dividend_yield": dividend_yield, "dividends": paid}


def dated_carry(rate: str | None, dividends: str | None) -> dict[str, Any]:
    """Arguments `rate` and `dividends` from the options of a command for many chains.

    Raises
    ------
    SchemaError, ReaderError
        As `carry_of`, and where a number is no legal rate.
    """
    found = carry_of(rate, dividends)
    if isinstance(found["rate"], float):
        check_number(found["rate"], "--rate", RateCurve.low, RateCurve.high)
    return {name: found[name] for name in ("rate", "dividends")}


def _rate(text: str | None) -> float | RateCurve | None:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        pass
    if not os.path.exists(os.path.expanduser(text)):
        raise SchemaError(
            f"--rate: received {text!r:.200}, which is neither a number nor a file; legal: a rate such as "
            "0.036, or a CSV file with a line 2026-06-19,0.036 for each maturity."
        )
    return _of_file(text, RateCurve, "--rate")


def _of_file(path: str, kind: type[T], option: str) -> T:
    """The dates and numbers of a CSV file of two columns, with or without a heading."""
    try:
        name, content = file_bytes(path)
        try:
            table = pd.read_csv(
                io.BytesIO(content), header=None, dtype=str, encoding="utf-8-sig", skipinitialspace=True
            )
        except (ValueError, OSError) as error:
            raise ReaderError(f"{name}: is not CSV ({error!s:.200}). {_FORM}") from None
        if table.shape[1] != 2:
            raise ReaderError(f"{name}: has {table.shape[1]} columns, separated by commas. {_FORM}")
        if pd.to_numeric(table.iloc[:1, 1], errors="coerce").isna().all():
            table = table.iloc[1:]  # a heading
        days, values = table[0].str.strip(), pd.to_numeric(table[1], errors="coerce")
        for row in table.index[values.isna()][:1]:
            raise ReaderError(
                f"{name}: received {table[1][row]!r} on {days[row]}, which is no number. {_FORM}"
            )
        return kind(pd.Series(values.to_numpy(), days))
    except GammaflowError as error:
        said = str(error).removeprefix(f"{kind.name} not accepted:\n").strip()
        for old, new in ((f"- {kind.name}: ", ""), ("\n  ", " | "), ("an index with", "the date")):
            said = said.replace(old, new)
        raise ReaderError(f"{option}: {said}" if path in said else f"{option}: {path}: {said}") from None


_FORM = "Give two columns, a date and a number on each line: 2026-06-19,0.036"
