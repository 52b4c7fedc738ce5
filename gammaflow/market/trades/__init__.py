"""Trades: tapes of option prints in, each print once."""

from __future__ import annotations

import os
from collections.abc import Mapping

import pandas as pd

from gammaflow.checks import check_choice
from gammaflow.errors import ReaderError, SchemaError
from gammaflow.market.readers.source import Source
from gammaflow.market.trades import deribit, frame, tardis
from gammaflow.market.trades.rows import Format, Options, open_table, table_names
from gammaflow.market.trades.trades import Trades

__all__ = ["FORMATS", "Trades", "read_trades"]

#: Every format of tapes that `read_trades` knows.
FORMATS: tuple[Format, ...] = (deribit.JSON, deribit.TABLE, tardis.CSV, frame.OPRA, frame.TABLE)


# Columns of a file named in error text.
_SHOWN = 12


def read_trades(
    path_or_frame: str | os.PathLike[str] | pd.DataFrame,
    *,
    vendor: str | None = None,
    columns: Mapping[str, str] | None = None,
    zone: str | None = None,
    numbered_by_contract: bool | None = None,
) -> Trades:
    r"""Read a tape of option trades, each print once.

    Rows that cannot be read (contract, timestamp, price, size, direction or another number) are excluded and
    counted by reason, and so are futures and combos printed as a whole. A row with the exchange and trade_id
    of an earlier one is the same print: `duplicated` where no row of another time stands in between,
    `replayed` where one does, `conflicting` where the two differ (the first is used). A row without a
    trade_id repeats an earlier one where both are equal in every column, and either have a sequence number
    or a row of another time in between. A cancel removes the last earlier print of its exchange, contract,
    price and size. A tape with the newest print first is turned round; other prints behind a later one are
    counted as `out of order` and sorted. `a + b` adds two files under the same rules, so that a trade_id must
    be unique within its exchange over all of them: put the day in front of numbers that restart daily.

    Parameters
    ----------
    path_or_frame : str, Path or DataFrame
        One file (CSV, JSON or parquet; may be gzipped), recognised by its content, or a table of prints.
    vendor : str, optional
        Vendor, "deribit", "tardis", "opra" or "frame", or the format: "deribit_json", "deribit_table",
        "tardis_csv", "opra_table" or "trades_table". By default it is recognised.
    columns : mapping, optional
        {canonical name: the table's name} for tables with other names. Canonical names are those of
        `gammaflow.schema.TRADES`; `root`, `expiry`, `strike` and `kind` in place of `contract`; and
        `condition`, OPRA's code of one letter: A, C, E, G cancel a print, f to u and L, M, P, Q are legs of
        orders with several legs, a to e single-leg auctions.
    zone : str, optional
        Time zone of timestamps without one, such as "America/New_York"; epochs are UTC.
    numbered_by_contract : bool, optional
        Whether `sequence` counts up within each contract, so that missing numbers are missing prints.
        Default: True for Deribit and for tables, False for tapes with OPRA's conditions, which number by
        channel.

    Returns
    -------
    Trades
        Sizes are in contracts (Deribit: units of the underlying, as its open interest), `iv` is a decimal,
        `direction` is the taker's. Deribit's blocks and legs of combos have a `category` of their own;
        Tardis does not mark them.

    Raises
    ------
    ReaderError
        Where the file is not recognised or holds no print of an option, with every problem.
    SchemaError
        Where an argument is not legal.

    See Also
    --------
    customer_flow
    open_close : Dealers' inventory from contracts bought and sold by origin, as an exchange publishes them.

    Examples
    --------
    >>> import json, pathlib, tempfile
    >>> import gammaflow as gf
    >>> sale = {
    ...     "trade_id": "301", "trade_seq": 7, "instrument_name": "BTC-27MAR26-70000-P", "direction": "sell",
    ...     "timestamp": 1770284207000, "price": 0.061, "amount": 25.0, "iv": 56.2,
    ... }
    >>> buy = sale | {"trade_id": "302", "trade_seq": 9, "direction": "buy", "block_trade_id": "BLOCK-1"}
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "trades.json"
    >>> _ = path.write_text(json.dumps({"result": {"trades": [sale, buy, buy], "has_more": False}}))
    >>> trades = gf.read_trades(path)
    >>> trades.counts[["read", "used", "duplicated", "gapped", "block"]].to_list()
    [3, 2, 1, 1, 1]
    """
    known = dict.fromkeys([*(f.name for f in FORMATS), *(f.vendor for f in FORMATS)])
    if vendor is not None:
        check_choice(vendor if isinstance(vendor, str) else repr(vendor), "vendor", known)
    if columns is not None and not isinstance(columns, Mapping):
        raise SchemaError(f"columns: received {columns!r:.60}; legal: a mapping of canonical name to name.")
    options = Options(dict(columns or {}), zone, numbered_by_contract)
    source = open_table(path_or_frame)
    found = [f for f in FORMATS if f.recognises(source, options)]
    if not found:
        raise ReaderError(
            f"{source.name}: not recognised as trades{_held(source)}; known formats: "
            + "; ".join(f"{f.name}, {f.what}" for f in FORMATS)
            + ". Name the columns of another table with columns={canonical name: the table's name}."
        )
    chosen = [f for f in found if vendor in (None, f.name, f.vendor)]
    if not chosen:
        raise ReaderError(
            f"{source.name}: received vendor={vendor!r}, but the file is {found[0].name!r} "
            f"({found[0].what}). "
            "Leave vendor= out or name the right one."
        )
    return chosen[0].read(source, options)


def _held(source: Source) -> str:
    """The columns of a table, in brackets; "" for a file that is none."""
    names = table_names(source)
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f" (its columns: {', '.join(names[:_SHOWN])}{rest})" if names else ""


def __dir__() -> list[str]:
    return __all__
