"""Facts of chains: where contracts trade, and what older files say of it by their vendor's name alone."""

from __future__ import annotations

from typing import Any

__all__ = ["DERIBIT", "SYNTHETIC", "US_OPTIONS", "facts_by_vendor"]

#: Venues of the readers' chains; listed options of the United States trade on sixteen exchanges alike.
DERIBIT = "Deribit"
US_OPTIONS = "US options"

#: Vendor, venue and source of what this library makes up.
SYNTHETIC = "synthetic demo"

_US_FORMATS = ("cboe_csv", "cboe_json", "yahoo_json")


def facts_by_vendor(vendor: str, symbol: str) -> dict[str, Any]:
    """Venue, quote unit, file format and whether it is synthetic, of a chain written before they were facts.

    The vendor's name then told the file's format, and Deribit's options were quoted in coin but for pairs.

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
