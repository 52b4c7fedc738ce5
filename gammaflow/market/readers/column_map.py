"""A map of anyone's table: which column is what, in which unit and form, and facts that all rows share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FACTS", "SIDES", "UNITS", "ColumnMap", "Name", "spellings"]

#: Facts of a chain that a map sets, or names the column of.
FACTS = ("symbol", "spot", "asof")
SIDES = ("call", "put")
UNITS: Mapping[str, float] = MappingProxyType({"decimal": 1.0, "percent": 0.01, "bp": 0.0001})

#: Names of a table's column: one, several of which the first that the table has counts, or one for calls and
#: one for puts.
Name = str | list[str] | Mapping[str, str | list[str]]

_DIGITS, _POWERS = 15, np.array([float(f"1e{n}") for n in range(23)])


@dataclass(frozen=True)
class ColumnMap:
    """Names, units and facts by which a table is read as a chain.

    Attributes
    ----------
    columns : mapping of str to str, list or mapping
        The table's name of each column of `gammaflow.schema.CHAIN`, and of symbol, spot and asof where the
        table has them. Of a list of names the first counts that the table has
        and that is not blank in every row. ``{"call": ..., "put": ...}``
        names a column for calls and one for puts: where the table does not say which of the two a row is,
        each of its rows is two options. In JSON, names go down with dots ("greeks.delta"), and from the top
        with "$." ("$.underlyingPrice").
    units : mapping of str to str or float
        "percent", "decimal" or "bp" for iv, rate and dividend_yield; for any column of numbers a factor that
        turns the table's numbers into those of the dictionary (0.001 for strikes in thousandths).
    formats : mapping of str to str
        Form of dates and timestamps that are not ISO, as `datetime.strptime` has it: "%d/%m/%Y"; "s", "ms",
        "us" or "ns" for a count since 1970.
    facts : mapping
        Values that all rows share: symbol, spot, asof, multiplier, settlement, exercise, currency, vendor,
        venue, quote_unit; timezone, the zone of timestamps without one; us_listed, True for options listed in
        the US whose symbols are made of root, expiry, strike and kind. ``asof = "quote_time"`` is the latest
        of the rows' quote times.
    records : tuple of str
        Where a JSON document has its rows: "options.option", "data.items.*.strikes" ("*": each of them),
        "snapshots.{contract}" (each of them, its key in the column `contract`).
    missing : mapping of str to tuple of float
        Numbers that mean that a value is missing, such as -999, as the table has them.
    values : mapping of str to mapping
        For columns of text, the dictionary's word for the table's: ``{"settlement": {"1": "AM"}}``.
    only : mapping of str to tuple of str
        Columns of the table and the values of the rows that are wanted; others are counted in `left_out`.
    lacks : mapping of str to str
        Canonical columns and facts that such a table does not have, each with a sentence on where the vendor
        has them. They are read from columns of their canonical names where someone has joined them.
    name : str
        Name of the preset, "" for a map of one's own.
    about : mapping
        Title, file, source and notes of a preset, the columns by which it is recognised, and as `next` the
        field of a page that names the one after it. A table read through a map that has them needs what names
        its options, open interest and iv; of any other map, it must have every column.

    Examples
    --------
    >>> ColumnMap({"iv": "IV"}, {"iv": "percent"}).scale("iv")
    0.01
    """

    columns: Mapping[str, Name]
    units: Mapping[str, str | float] = field(default_factory=dict)
    formats: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    records: tuple[str, ...] = ()
    missing: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lacks: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)

    def scale(self, name: str) -> float:
        """Factor that turns the table's numbers of a column into those of the dictionary."""
        unit = self.units.get(name, 1.0)
        return UNITS[unit] if isinstance(unit, str) else float(unit)

    def scaled(self, name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """A column's numbers in the dictionary's unit, each the nearest to its decimals.

        Without a factor they are as they are; others have 15 digits, so that 45.3 % is the 0.453 that it is
        written as, and 437,501 thousandths are 437.501.

        Examples
        --------
        >>> ColumnMap({}, {"strike": 0.001}).scaled("strike", np.array([437_501.0, 24_050.0])).tolist()
        [437.501, 24.05]
        """
        if (factor := self.scale(name)) == 1.0:
            return values
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            found = values * factor
            places = _DIGITS - 1 - np.floor(np.log10(np.abs(found)))
            # Powers of ten beyond these are not whole numbers in float64.
            known = (places >= 0) & (places < len(_POWERS))
            power = _POWERS[np.where(known, places, 0).astype(np.intp)]
            return np.where(known, np.rint(found * power) / power, found)

    @property
    def named(self) -> tuple[str, ...]:
        """Every name of the table's columns that the map knows, each once."""
        found = (name for spec in self.columns.values() for name in spellings(spec))
        return tuple(dict.fromkeys([*found, *self.only]))


def spellings(spec: Name) -> Iterator[str]:
    """The names of one column, those for calls and for puts included.

    Examples
    --------
    >>> list(spellings({"call": ["callIv", "cIv"], "put": "putIv"}))
    ['callIv', 'cIv', 'putIv']
    """
    if isinstance(spec, str):
        yield spec
    else:
        for name in spec.values() if isinstance(spec, Mapping) else spec:
            yield from spellings(name)
