"""Small files in the shapes that vendors write; the numbers are made up."""

from __future__ import annotations

import json

HEADER = (
    "Expiration Date,Calls,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest,Strike,"
    "Puts,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest"
)

#: File line 5 has expired; line 6 is AM-settled, line 7 PM-settled on the same day.
CBOE_CSV = f"""
Standard & Poors 500 Index,Last: 4500.25,Change:  23.0898
"Date: February 5 2022, 8:09 PM EST",Bid: 4420.5,Ask: 4615.43,Size: 1*1,Volume: 0
{HEADER}
Fri Feb 04 2022,SPXW220204C04500000,0.1,0,0,0.05,3,0,0,0,12,4500.00,SPXW220204P04500000,0,0,0,0,0,0,0,0,7
Fri Feb 18 2022,SPX220218C04500000,71.5,1,70.8,71.9,15,0.2011,0.51,0.002,2305,4500.00,SPX220218P04500000,68,-2,67.5,68.4,9,0.1987,-0.49,0.002,1840
Fri Feb 18 2022,SPXW220218C04500000,72.5,1,"1,071.8",1072.9,15,0.2021,0.52,0.002,"12,305",4500.00,SPXW220218P04500000,69,-2,68.5,69.4,9,0,-0.48,0.002,0
"""  # noqa: E501

CBOE_CSV_FUND = f"""---Example Data---
SPDR S&P 500 ETF Trust,Last: 450.81,Change:  3.85
"Date: September 14, 2023 at 4:31 PM EDT",Bid: 450.81,Ask: 450.83,Size: 9*11,"Volume: 71,039,449"
{HEADER}
Fri Sep 22 2023,SPY230922C00437500,12.59,3.4,12.92,13.71,8,0.151,0.97,0.01,379,437.50,SPY230922P00437500,0.33,-0.6,0.32,0.33,1894,0.1331,-0.08,0.017,2726
Fri Sep 22 2023,SPY1230922C00437500,12.1,0,12,13,0,0.15,0.97,0.01,4,437.50,SPY1230922P00437500,0.3,0,0.3,0.4,0,0.13,-0.08,0.017,5
"""  # noqa: E501


def listed_quote(option: str, **changes: object) -> dict[str, object]:
    return {
        "option": option, "bid": 20.1, "bid_size": 4.0, "ask": 20.9, "ask_size": 6.0, "iv": 0.2214,
        "open_interest": 310.0, "volume": 12.0, "delta": 0.4812, "gamma": 0.0041, "vega": 2.011,
        "theta": -0.611, "rho": 0.4, "theo": 20.44, "last_trade_price": 20.5, "last_trade_time": None,
    } | changes  # fmt: skip


def cboe_json(*options: dict[str, object], symbol: str = "^RUT", security_type: str = "index") -> str:
    rows = list(options) or [
        listed_quote("RUT240621C01800000"),
        listed_quote("RUTW240621P01792500", delta=-0.45, iv=0.0, last_trade_time="2023-09-20T15:59:01"),
    ]
    data = {
        "symbol": symbol, "security_type": security_type, "exchange_id": 0, "current_price": 1806.12,
        "iv30": 17.031, "last_trade_time": "2023-09-20T16:15:04", "options": rows,
    }  # fmt: skip
    return json.dumps({"timestamp": "2023-09-21 03:17:42", "symbol": symbol.replace("^", "_"), "data": data})


CBOE_JSON = cboe_json()

CBOE_JSON_TRIMMED = json.dumps(
    {
        "data": {
            "current_price": 34.84,
            "options": [
                {"option": "IBIT281215C00022500", "iv": 0.7878, "open_interest": 94.0, "gamma": 0.0001},
                {"option": "IBIT281215P00022500", "iv": 0.0, "open_interest": 7.0, "gamma": 0.019},
            ],
        }
    }
)


def summary(name: str, **changes: object) -> dict[str, object]:
    return {
        "high": None, "low": None, "last": 0.0981, "interest_rate": 0.0, "instrument_name": name,
        "bid_price": 0.0975, "ask_price": 0.0995, "open_interest": 112.5, "mark_price": 0.09834,
        "creation_timestamp": 1770284207000, "price_change": None, "volume": 3.2, "mark_iv": 56.18,
        "underlying_price": 71950.5, "underlying_index": "BTC-27MAR26", "base_currency": "BTC",
        "quote_currency": "BTC", "estimated_delivery_price": 71471.5, "mid_price": 0.0985,
    } | changes  # fmt: skip


def deribit_json(*rows: dict[str, object]) -> str:
    result = list(rows) or [
        summary("BTC-27MAR26-70000-C"),
        summary("BTC-27MAR26-70000-P", creation_timestamp=1770284207113, bid_price=None, volume=None),
        summary("BTC-6FEB26-68000-P", underlying_price=71480.25, mark_iv=91.02, open_interest=0.0),
    ]
    return json.dumps(
        {"jsonrpc": "2.0", "result": result, "usIn": 1, "usOut": 2, "usDiff": 1, "testnet": False}
    )


DERIBIT_JSON = deribit_json()

DERIBIT_CSV = """timestamp,instrument_name,option_type,strike,bid_price,ask_price,mark_price,futures_price,implied_volatility,delta,vega,open_interest,volume,currency,index_price
2026-02-05T09:36:47.002806+00:00,BTC-27MAR26-70000-P,put,70000.0,0.071,0.0725,0.0719,71950.5,0.561,-0.41,98.1,310.4,10.2,BTC,71471.5
2026-02-05T09:36:47.002806+00:00,BTC-27MAR26-70000-C,call,70000.0,,0.0995,0.0984,71952.75,0.561,0.59,98.1,120.5,3.0,BTC,71473.5
2026-02-05T09:36:47.002806+00:00,ETH-27MAR26-2100-C,call,2100.0,0.08,0.082,0.0811,2141.0,0.702,0.57,3.2,88.0,1.0,ETH,2125.3
2026-02-05T09:36:47.002806+00:00,BTC-6FEB26-68000-P,put,68000.0,0.001,0.0015,0.0012,71480.25,0.91,-0.06,5.1,904.0,55.0,BTC,71475.5
"""  # noqa: E501


def yahoo_quote(
    symbol: str, expiration: str, side: str, strike: float, **changes: object
) -> dict[str, object]:
    return {
        "symbol": symbol, "expiration": expiration, "side": side, "strike": strike, "bid": 1.21, "ask": 1.3,
        "mid": 1.255, "last": 1.24, "volume": 80.0, "openInterest": 1440.0, "iv": 0.4911, "delta": 0.5102,
        "gamma": 0.0911, "theta": -0.04, "vega": 0.031, "rho": 0.01, "greeksSource": "cboe",
        "greeksMissingReason": None,
    } | changes  # fmt: skip


def yahoo_json(*quotes: dict[str, object]) -> str:
    rows = list(quotes) or [
        yahoo_quote("IBIT260717C00036500", "2026-07-17", "call", 36.5),
        yahoo_quote(
            "IBIT260717P00036500", "2026-07-17", "put", 36.5, openInterest=None, iv=1.0000000000000003e-05
        ),
        yahoo_quote(
            "IBIT260710C00005000", "2026-07-10", "call", 5.0, iv=10.312503554687503, delta=None, volume=None
        ),
    ]
    return json.dumps(
        {
            "symbol": "IBIT", "updated": "2026-07-12T09:57:58.854877-04:00", "underlyingPrice": 36.23,
            "expirations": ["2026-07-10", "2026-07-17"], "quotes": rows,
        }
    )  # fmt: skip


YAHOO_JSON = yahoo_json()

OWN_CSV = """symbol,vendor,asof,spot,currency,contract,expiry,strike,kind,open_interest,multiplier,iv
XYZ,gammaflow_table,2026-02-05 14:30Z,23.1,USD,XYZ P22.5,2026-03-20 20:00Z,22.5,put,40.0,100.0,0.31
XYZ,gammaflow_table,2026-02-05 14:30Z,23.1,USD,XYZ C25,2026-03-20 20:00Z,25.0,call,,100.0,
"""

#: Every sample that reads, by vendor name, with what `read_chain` needs besides the file.
SAMPLES: dict[str, tuple[str, dict[str, str]]] = {
    "gammaflow_table": (OWN_CSV, {}),
    "cboe_csv": (CBOE_CSV, {}),
    "cboe_json": (CBOE_JSON, {}),
    "deribit_json": (DERIBIT_JSON, {}),
    "deribit_table": (DERIBIT_CSV, {"symbol": "BTC"}),
    "yahoo_json": (YAHOO_JSON, {}),
}
