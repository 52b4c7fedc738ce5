"""Facts of chains: venues of contracts, and the facts that older files imply by their vendor's name."""

from __future__ import annotations

from typing import Any

__all__ = ["DERIBIT", "SYNTHETIC", "US_OPTIONS", "facts_by_vendor"]

#: Venues of the readers' chains; US listed options trade on sixteen exchanges alike.
DERIBIT = "Deribit"
US_OPTIONS = "US options"

#: Vendor, venue and source of made-up chains.
SYNTHETIC = "synthetic demo"

_US_FORMATS = ("cboe_csv", "cboe_json", "yahoo_json")


def facts_by_vendor(vendor: str, symbol: str) -> dict[str, Any]:
    """Venue, quote unit, file format and synthetic flag of a chain from a file without these facts.

    In such files the vendor's name gave the format, and Deribit's options were quoted in coin, except for
    pairs.

    Examples
    --------
    >>> facts_by_vendor("deribit_json", "BTC")["quote_unit"], facts_by_vendor("cboe_csv", "SPX")["venue"]
    ('coin', 'US options')
    """
    deribit, us = vendor.startswith("deribit"), vendor in _US_FORMATS
    return {
        "venue": DERIBIT if deribit else US_OPTIONS if us else vendor,
        "quote_unit": "coin" if deribit and "_" not in symbol else "currency",
        "file_format": vendor if us or vendor in ("deribit_json", "deribit_table") else "",
        "synthetic": vendor == SYNTHETIC,
    }
