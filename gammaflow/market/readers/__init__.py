"""Readers: one vendor's file in, one `Chain` out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import IO, Any

import pandas as pd

from gammaflow.checks import check_choice, check_number, check_text, utc
from gammaflow.errors import ReaderError, SchemaError
from gammaflow.market.carry.dividends import Dividends
from gammaflow.market.carry.rates import RateCurve
from gammaflow.market.chain import Chain
from gammaflow.market.given import find_carry, with_carry
from gammaflow.market.readers import cboe, deribit, own, yahoo
from gammaflow.market.readers.column_map import ColumnMap
from gammaflow.market.readers.frame import chain_from_frame
from gammaflow.market.readers.mapped import read_mapped
from gammaflow.market.readers.presets import PRESETS, find_map, preset_table, preset_text, recognised
from gammaflow.market.readers.snapshot import SNAPSHOT
from gammaflow.market.readers.source import Format, Source, open_source

__all__ = [
    "FORMATS",
    "PRESETS",
    "ColumnMap",
    "chain_from_frame",
    "find_map",
    "format_of",
    "preset_table",
    "preset_text",
    "read_chain",
    "recognise",
]

#: Every file format that `read_chain` knows.
FORMATS: tuple[Format, ...] = (
    SNAPSHOT, own.TABLE, cboe.CSV, cboe.JSON, deribit.JSON, deribit.TABLE, yahoo.JSON
)  # fmt: skip


def read_chain(
    path: str | os.PathLike[str] | IO[Any] | pd.DataFrame | Mapping[str, Any] | Sequence[Any],
    *,
    vendor: str | None = None,
    symbol: str | None = None,
    asof: Any = None,
    spot: float | None = None,
    columns: ColumnMap | str | os.PathLike[str] | Mapping[str, Any] | None = None,
    rate: float | pd.Series | RateCurve | None = None,
    dividends: pd.Series | Dividends | None = None,
) -> Chain:
    r"""Read a vendor's file of option quotes, or anyone's table through a map of its columns.

    Parameters
    ----------
    path : str, Path, buffer, DataFrame, dict or list
        One file, or an open buffer of bytes or text, which may be gzipped. It is recognised by its content,
        never by its name. Limits: 512 MiB (decompressed), 1,000 columns, 100 million cells of parquet; no
        devices and no named pipes. Or what such a file holds: a table (pandas, polars, pyarrow, DuckDB), or
        a JSON answer as Python reads it.
    vendor : str, optional
        Vendor of the file, "cboe", "deribit", "yahoo" or "gammaflow", or its format: "cboe_csv",
        "cboe_json", "deribit_json", "deribit_table", "yahoo_json", "gammaflow_table" or "gammaflow_snapshot".
        By default it is recognised.
    symbol : str, optional
        The underlying, needed where the file has several ("BTC" and "ETH"). Rows of the others are counted
        in `Chain.left_out`.
    asof : tz-aware timestamp, optional
        When the quotes were taken, in place of the file's own time. In a table of many timestamps it selects
        the rows of one.
    spot : float, optional
        Price of the underlying when the quotes were taken, > 0, in place of the file's own [currency].
    columns : str, mapping, or path of a TOML file, optional
        Name of a preset (`PRESETS`: "schwab", "tradier", "orats", ...), or a map of a table that no vendor of
        the list above made: {canonical name: the table's}, or the tables columns, units and formats and the
        facts that all rows share, as `ColumnMap` has them; ``preset = "orats"`` in a map makes it a change
        of a preset. Files that have what only a preset's vendor writes need no name of it. Option symbols
        (OSI) in `contract` give expiry, strike and kind where the table has no columns for them, and the
        settlement, exercise style and multiplier of US options.
    rate : float, Series or RateCurve, optional
        Continuously compounded rate [1/year], one for all rows or a curve of zero rates by date, in place of
        the file's own. The chain keeps it, and each row has the rate to its expiry.
    dividends : Series or Dividends, optional
        Cash per share by ex-date, in place of a yield of the file [currency]. The chain keeps them, and each
        row has the yield with the same forward.

    Returns
    -------
    Chain
        Volatilities are decimals, open interest is in contracts (Deribit: units of the underlying,
        so `multiplier` is 1), prices in the vendor's quote unit (coin for Deribit's inverse options).
        Values that the vendor left blank are NaN; expired rows and volatilities of zero are kept and
        counted in `Chain.quality`. Rows left out are counted there too: futures, combos and spot pairs of
        Deribit, adjusted contracts, and rows that repeat a contract under another day than its symbol's.
        Spot is the price in the file; in Deribit tables the median of the rows' index prices, each row
        keeping its own forward. Expiries are timestamps: the close of New York
        (16:00, 13:00 on half days), 09:30 for AM-settled index options (SPX, NDX, RUT, DJX, VIX), 08:00
        UTC on Deribit. Deribit's `creation_timestamp` gives `quote_time` and `open_interest_date`; the other
        files give times of trades at most, and those columns are missing.

    Raises
    ------
    ReaderError
        Where the file is not recognised or cannot be read, with every problem and what to do.
    SchemaError
        Where an argument is not legal.

    See Also
    --------
    chain_from_frame : A chain from a DataFrame with one row per contract.
    RateCurve : Continuously compounded zero rates by maturity date.
    Dividends : Cash dividends per share by ex-date.
    fetch_chain : A chain of live quotes.
    repair_chain

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from gammaflow.market.readers import read_chain
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "options.csv"
    >>> _ = path.write_text(
    ...     "timestamp,instrument_name,futures_price,index_price,implied_volatility,open_interest\n"
    ...     "2026-02-05T09:36:47+00:00,BTC-27MAR26-70000-P,71800,71471.5,0.561,1210.5\n"
    ... )
    >>> chain = read_chain(path)
    >>> chain.symbol, chain.spot, chain.asof.isoformat(), str(chain["expiry"][0])[:16]
    ('BTC', 71471.5, '2026-02-05T09:36:47+00:00', '2026-03-27T08:00')
    """
    known = dict.fromkeys([*(f.name for f in FORMATS), *(f.vendor for f in FORMATS)])
    if vendor is not None:
        check_choice(vendor if isinstance(vendor, str) else repr(vendor), "vendor", known)
    moment = None if asof is None else utc(asof)
    price = None if spot is None else check_number(spot, "spot", 0.0, open_low=True)
    if symbol is not None:
        check_text(symbol, "symbol")
    r, paid = find_carry(rate, dividends)
    return with_carry(_read(path, vendor, symbol, moment, price, columns), r, paid)


def _read(
    path: Any,
    vendor: str | None,
    symbol: str | None,
    moment: pd.Timestamp | None,
    price: float | None,
    columns: Any,
) -> Chain:
    """The chain of a file, as its rows say."""
    source = open_source(path)
    if columns is not None:
        if vendor is not None:
            raise SchemaError(
                f"vendor: received {vendor!r} with columns, which reads any table. Leave one out."
            )
        return read_mapped(source, find_map(columns), symbol, moment, price)
    found = recognise(source)
    if vendor not in (None, found.name, found.vendor):
        source.check()
        raise ReaderError(
            f"{source.name}: received vendor={vendor!r}, but the file is {found.name!r} ({found.what}). "
            f"Leave vendor= out or name the right one."
        )
    return source.carefully(lambda content: found.read(content, symbol, moment, price))


def format_of(columns: ColumnMap) -> Format:
    """A map as a format of files."""
    what, vendor = columns.about.get("file", "a table"), columns.facts.get("vendor", "table")
    return Format(columns.name or "table", vendor, what, lambda _: True, partial(_read_map, columns))


def _read_map(
    columns: ColumnMap, source: Source, symbol: str | None, asof: pd.Timestamp | None, spot: float | None
) -> Chain:
    return read_mapped(source, columns, symbol, asof, spot)


def recognise(source: Source) -> Format:
    """The format of a file, or a preset's; ReaderError with all known formats where it has none of them."""
    found = next((f for f in FORMATS if f.recognises(source)), None)
    if found is None and (preset := recognised(source)) is not None:
        return format_of(preset)
    if found is None:
        source.check()
        raise ReaderError(
            f"{source.name}: not recognised; known formats: "
            + "; ".join(f"{f.name}, {f.what}" for f in FORMATS)
            + ". Read another table with columns=, a map of it or a preset "
            + f"({', '.join(PRESETS)}), or with pandas and chain_from_frame."
        )
    return found


def __dir__() -> list[str]:
    return __all__
