"""The column dictionary: every column of a Chain, a Book and Trades, its meaning and legal values.

Examples
--------
>>> import gammaflow as gf
>>> gf.schema.BOOK["position"].unit, gf.schema.CHAIN["strike"].legal
('contracts', '> 0')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pandas as pd

from gammaflow.columns import NO_TIME, Column

__all__ = ["BOOK", "CATEGORIES", "CHAIN", "TRADES", "glossary"]


def _dictionary(*columns: Column) -> Mapping[str, Column]:
    return MappingProxyType({c.name: c for c in columns})


_CONTRACT = Column("contract", "text", "-", "the contract's name as the vendor writes it", unique=True)
_EXPIRY = Column("expiry", "time", "UTC", "settlement timestamp, to the second")
_STRIKE = Column("strike", "number", "currency", "strike price", low=0.0, open_low=True)
_KIND = Column("kind", "text", "-", "kind of contract", choices=("call", "put"))
_RATE = Column("rate", "number", "1/year", "continuously compounded interest rate", -5, 5, default=0.0)
_YIELD = Column(
    "dividend_yield", "number", "1/year", "continuous dividend or carry yield", -5, 5, default=0.0
)
_MULTIPLIER = Column(
    "multiplier", "number", "units/contract", "units of the underlying per contract", low=0.0, open_low=True
)


_EXERCISE = Column(
    "exercise", "text", "-", "exercise style", choices=("european", "american"), default="european"
)


def _optional(name: str, unit: str, meaning: str, low: float = 0.0) -> Column:
    return Column(name, "number", unit, meaning, low=low, missing_ok=True, default=np.nan)


def _positive(name: str, unit: str, meaning: str) -> Column:
    """Column of numbers > 0, which may be missing."""
    return replace(_optional(name, unit, meaning), open_low=True)


CHAIN: Mapping[str, Column] = _dictionary(
    _CONTRACT,
    _EXPIRY,
    _STRIKE,
    _KIND,
    Column("open_interest", "number", "contracts", "contracts outstanding", low=0.0, missing_ok=True),
    _MULTIPLIER,
    Column("iv", "number", "1/sqrt(year)", "implied volatility (0.56 is 56 %)", 0.0, 100.0, missing_ok=True),
    _optional("bid", "quote unit", "best bid"),
    _optional("ask", "quote unit", "best ask"),
    _optional("last", "quote unit", "last trade"),
    _optional("mark", "quote unit", "the venue's mark price"),
    _optional("volume", "contracts", "contracts traded on the vendor's day"),
    _positive("forward", "currency", "forward the option is quoted against (missing: quoted against spot)"),
    _RATE,
    _YIELD,
    _optional("vendor_delta", "per 1.00 of spot", "delta as the vendor publishes it", low=-np.inf),
    _optional("vendor_gamma", "per 1.00 of spot", "gamma as the vendor publishes it", low=-np.inf),
    _optional("vendor_theta", "vendor's unit", "theta as the vendor publishes it", low=-np.inf),
    _optional("vendor_vega", "vendor's unit", "vega as the vendor publishes it", low=-np.inf),
    Column("root", "text", "-", "option root symbol (SPX and SPXW differ)", default=""),
    Column("settlement", "text", "-", "settlement: AM, PM or a time of day", default=""),
    _EXERCISE,
    Column(
        "quote_time", "time", "UTC", "when bid, ask and mark were quoted", missing_ok=True, default=NO_TIME
    ),
    Column(
        "open_interest_date",
        "time",
        "UTC",
        "calendar day on which the open interest was counted, at 00:00",
        missing_ok=True,
        default=NO_TIME,
    ),
)

BOOK: Mapping[str, Column] = _dictionary(
    replace(_CONTRACT, unique=False),
    Column("venue", "text", "-", "where the contract trades"),
    replace(
        _EXPIRY,
        meaning="settlement timestamp, to the second; missing where the contract never expires",
        missing_ok=True,
        default=NO_TIME,
    ),
    _positive("strike", "currency", "strike price; for a note, which has none, the initial fixing"),
    Column("kind", "text", "-", "kind of contract: one of `gammaflow.instruments.KINDS`"),
    Column("position", "number", "contracts", "dealers' signed position, + = dealers are long the option"),
    _MULTIPLIER,
    _positive("sigma", "1/sqrt(year)", "volatility the row is valued with"),
    _RATE,
    _YIELD,
    _positive(
        "forward_ratio",
        "-",
        "price of what the row is valued on (a forward, a fund's share) over spot, constant as spot "
        "moves; missing: the row is valued on spot itself",
    ),
    _positive("barrier", "currency", "barrier level, for barrier kinds"),
    Column(
        "monitoring_dates",
        "number",
        "dates",
        "number of equally spaced observation dates, the last at expiry (1: at expiry only); missing: "
        "the barrier is observed continuously",
        low=1.0,
        missing_ok=True,
        default=np.nan,
    ),
    Column(
        "rebate", "number", "currency", "cash paid where a barrier option pays nothing else", 0.0, default=0.0
    ),
    _positive("payout", "currency", "cash that a digital option pays if it expires in the money"),
    replace(
        _optional("leverage", "-", "daily leverage of a leveraged fund: 2, 3, -1, ...", low=-10.0), high=10.0
    ),
    _EXERCISE,
    Column(
        "numeraire",
        "text",
        "-",
        "the dealer's accounting unit: currency, or the coin in which an inverse option settles",
        choices=("usd", "coin"),
        default="usd",
    ),
    Column("origin", "number", "-", "place in `Book.origins` of the row's origin", low=0.0, default=0.0),
)


#: Kinds of prints: a single order, a block, a leg of a combo or of a multi-leg order, a single-leg auction.
CATEGORIES = ("single", "block", "combo", "multi-leg", "auction")

TRADES: Mapping[str, Column] = _dictionary(
    replace(_CONTRACT, meaning="the contract's name, US symbols without blanks", unique=False),
    Column("timestamp", "time", "UTC", "when it traded"),
    Column("price", "number", "quote unit", "price", low=0.0),
    Column("size", "number", "contracts", "contracts traded", low=0.0, open_low=True),
    replace(
        _optional("direction", "-", "side of the taker: +1 bought, -1 sold; missing: unknown", low=-1.0),
        high=1.0,
    ),
    Column("category", "text", "-", "kind of print", choices=CATEGORIES, default="single"),
    Column("trade_id", "text", "-", "the venue's own number of the trade; blank: unknown", default=""),
    _optional("sequence", "-", "the venue's running number of the print"),
    Column("exchange", "text", "-", "exchange that printed it", default=""),
    _optional("bid", "quote unit", "bid of the exchange that printed it"),
    _optional("ask", "quote unit", "ask of the exchange that printed it"),
    _optional("bid_size", "contracts", "size of that bid"),
    _optional("ask_size", "contracts", "size of that ask"),
    _optional("best_bid", "quote unit", "best bid of all exchanges"),
    _optional("best_ask", "quote unit", "best ask of all exchanges"),
    _optional("best_bid_size", "contracts", "size of the best bid"),
    _optional("best_ask_size", "contracts", "size of the best ask"),
    replace(_optional("iv", "1/sqrt(year)", "implied volatility of the price (0.56 is 56 %)"), high=100.0),
)


def glossary() -> pd.DataFrame:
    """Every column of a Chain, a Book and Trades: unit, meaning and legal values, one row each.

    See Also
    --------
    chain_from_frame : A chain from a DataFrame with one row per contract.

    Examples
    --------
    >>> from gammaflow import schema
    >>> schema.glossary().loc[("chain", "strike"), "legal"]
    '> 0'
    """
    rows = {
        (what, c.name): {"unit": c.unit, "meaning": c.meaning, "legal": c.legal}
        for what, dictionary in (("chain", CHAIN), ("book", BOOK), ("trades", TRADES))
        for c in dictionary.values()
    }
    return pd.DataFrame.from_dict(rows, orient="index")
