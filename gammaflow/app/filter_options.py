"""Options of the command line that filter the rows of a chain."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, reduce
from operator import and_
from types import MappingProxyType
from typing import Annotated

import typer

from gammaflow.checks import attempt
from gammaflow.errors import SchemaError
from gammaflow.positions import filters
from gammaflow.positions.filters.cycles import CYCLES
from gammaflow.selection import Filter

__all__ = ["Rows"]

_WORDS = ", ".join((*filters.PERIODS, *CYCLES))
_DATES = "dates such as 2026-03-27,2026-06-26"

Expiry = Annotated[str | None, typer.Option(help=f"Only these expiries: {_WORDS}, or {_DATES}.")]
Dte = Annotated[
    str | None, typer.Option(metavar="LOW:HIGH", help="Only these calendar days to expiry: 0:7, 30: or 0.")
]
Delta = Annotated[
    str | None, typer.Option(metavar="LOW:HIGH", help="Only options of this absolute delta: 0.05:0.5.")
]
MinOi = Annotated[
    str | None, typer.Option(metavar="N", help="Only contracts with this open interest or more.")
]


@dataclass(frozen=True)
class Rows:
    """Filters on the rows of a chain, all of which a row must meet."""

    expiry: Expiry = None
    dte: Dte = None
    delta: Delta = None
    min_oi: MinOi = None

    @property
    def given(self) -> dict[str, str]:
        """Options given on the command line, each with its text."""
        options = {"--expiry": self.expiry, "--dte": self.dte, "--delta": self.delta, "--min-oi": self.min_oi}
        return {name: value for name, value in options.items() if value is not None}

    def filter(self) -> Filter | None:
        """The filters given, combined by "and"; None without any.

        Raises
        ------
        SchemaError
            With every option that is not legal.
        """
        found, problems = attempt(*(partial(_READ[name], name, value) for name, value in self.given.items()))
        if problems:
            raise SchemaError("\n".join(problems))
        return reduce(and_, found) if found else None

    @contextmanager
    def named(self) -> Iterator[None]:
        """Errors of the selection inside the block name the options."""
        try:
            yield
        except SchemaError as error:
            if not str(error).startswith(_SELECT):
                raise
            options = ", ".join(self.given)
            said = [line.removeprefix(_SELECT).removeprefix("expiry: ") for line in str(error).splitlines()]
            raise SchemaError("\n".join(f"{options}: {line}" for line in said)) from None


_SELECT = "select: "


def _read_expiry(option: str, value: str) -> Filter:
    try:
        return filters.expiry([word.strip() for word in value.split(",")])
    except SchemaError:
        raise SchemaError(f"{option}: received {value!r}; legal: {_WORDS}, or {_DATES}.") from None


def _read_range(option: str, value: str, make: Callable[..., Filter], example: str, bounds: str) -> Filter:
    low, colon, high = (part.strip() for part in value.partition(":"))
    try:
        if not (low or high):
            raise ValueError
        return make(float(low or 0.0), float((high or "inf") if colon else low))
    except ValueError:  # a SchemaError is one
        raise SchemaError(
            f"{option}: received {value!r}; legal: LOW:HIGH with {bounds}, such as {example}, one of "
            "them left out, or a single number."
        ) from None


def _read_least(option: str, value: str) -> Filter:
    try:
        return filters.min_open_interest(float(value))
    except ValueError:
        raise SchemaError(f"{option}: received {value!r}; legal: a number of contracts >= 0.") from None


_READ: Mapping[str, Callable[[str, str], Filter]] = MappingProxyType(
    {
        "--expiry": _read_expiry,
        "--dte": partial(_read_range, make=filters.dte, example="0:7", bounds="0 <= LOW <= HIGH"),
        "--delta": partial(
            _read_range, make=filters.delta, example="0.05:0.5", bounds="0 <= LOW <= HIGH <= 1"
        ),
        "--min-oi": _read_least,
    }
)
