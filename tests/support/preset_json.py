"""The made-up chain as vendors answer in JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from support.preset_options import ASOF, SPOT, Option, adjusted, ms, number


def schwab(found: list[Option], spot: float = SPOT) -> Any:
    """Maps of expiries and strikes; volatility in percent, -999 for what was not computed."""
    maps: dict[str, Any] = {"call": {}, "put": {}}
    for o in adjusted(found):
        days = (pd.Timestamp(o.day) - ASOF.tz_localize(None).normalize()).days
        known = not np.isnan(o.iv)
        row = {
            "putCall": o.kind.upper(), "symbol": o.padded,
            "description": f"{o.root} {o.day} {o.strike:g} {o.kind}",
            "exchangeName": "OPR", "bid": o.bid, "ask": o.ask, "last": o.last,
            "mark": round((o.bid + o.ask) / 2, 3),
            "bidSize": 10, "askSize": 12, "totalVolume": o.volume, "quoteTimeInLong": ms(),
            "tradeTimeInLong": 0, "volatility": round(100 * o.iv, 3) if known else -999.0,
            "delta": o.delta if known else -999.0, "gamma": o.gamma if known else -999.0,
            "theta": o.theta if known else -999.0, "vega": o.vega if known else -999.0,
            "openInterest": o.open_interest, "theoreticalVolatility": 29.0, "optionDeliverablesList": None,
            "strikePrice": o.strike, "expirationDate": f"{o.expiry:%Y-%m-%dT%H:%M:%S}.000+00:00",
            "daysToExpiration": days, "expirationType": "S", "multiplier": 100.0,
            "settlementType": "A" if o.root == "SPX" else "P", "optionRoot": o.root,
            "nonStandard": o.root[-1].isdigit(), "mini": False,
        }  # fmt: skip
        by_strike = maps[o.kind].setdefault(f"{o.day}:{days}", {})
        by_strike.setdefault(str(o.strike), []).append(row)
    return {
        "symbol": "XYZ", "status": "SUCCESS", "underlying": None, "strategy": "SINGLE", "isDelayed": False,
        "isIndex": False, "interestRate": 3.6, "underlyingPrice": spot, "volatility": 29.0,
        "daysToExpiration": 0.0, "numberOfContracts": len(found) + 1,
        "putExpDateMap": maps["put"], "callExpDateMap": maps["call"],
    }  # fmt: skip


def tradier(found: list[Option]) -> Any:
    """One answer an expiry, in a list; symbol is the option's, underlying and greeks may be null."""
    pages: dict[str, list[Any]] = {}
    for o in adjusted(found):
        greeks = {
            "delta": o.delta, "gamma": o.gamma, "theta": o.theta, "vega": o.vega, "rho": 0.0, "phi": 0.0,
            "bid_iv": 0.0, "mid_iv": o.iv if o.bid > 0 else 0.0, "ask_iv": 0.0, "smv_vol": number(o.iv),
            "updated_at": "2026-02-05 20:00:01",
        }  # fmt: skip
        pages.setdefault(o.day, []).append(
            {
                "symbol": o.osi, "description": f"{o.root} {o.day} {o.kind}", "exch": "Z", "type": "option",
                "last": o.last, "change": None, "volume": o.volume, "bid": o.bid, "ask": o.ask,
                "underlying": "XYZ",
                "strike": o.strike, "bidsize": 1, "bid_date": 0 if o.bid == 0 else ms(), "asksize": 2,
                "ask_date": ms(), "open_interest": o.open_interest, "contract_size": 100,
                "expiration_date": o.day, "expiration_type": "standard", "option_type": o.kind,
                "root_symbol": o.root, "greeks": greeks if not np.isnan(o.iv) else None,
            }
        )  # fmt: skip
    return [{"options": {"option": rows}} for rows in pages.values()]


def polygon(found: list[Option], spot: float = SPOT) -> Any:
    """One page of results; implied_volatility is absent where there is none."""
    results = []
    for o in adjusted(found):
        row = {
            "break_even_price": o.strike + o.last, "day": {"volume": o.volume, "close": o.last},
            "details": {
                "contract_type": o.kind, "exercise_style": "american", "expiration_date": o.day,
                "shares_per_contract": 100, "strike_price": o.strike, "ticker": f"O:{o.osi}",
            },
            "greeks": {"delta": o.delta, "gamma": o.gamma, "theta": o.theta, "vega": o.vega},
            "implied_volatility": o.iv,
            "last_quote": {
                "ask": o.ask, "ask_size": 3, "bid": o.bid, "bid_size": 4, "last_updated": ms() * 10**6,
                "midpoint": (o.bid + o.ask) / 2, "timeframe": "REAL-TIME",
            },
            "last_trade": {"price": o.last, "size": 1, "sip_timestamp": ms() * 10**6},
            "open_interest": o.open_interest,
            "underlying_asset": {"price": spot, "ticker": "XYZ", "timeframe": "REAL-TIME"},
        }  # fmt: skip
        if np.isnan(o.iv):
            del row["implied_volatility"]
            row["greeks"] = {}
        results.append(row)
    return {"status": "OK", "request_id": "made-up", "results": results}


def tastytrade(found: list[Option]) -> Any:
    """A nested chain: symbols only, by root, expiry and strike."""
    items: dict[str, Any] = {}
    for o in found:
        item = items.setdefault(
            o.root,
            {
                "underlying-symbol": "XYZ", "root-symbol": o.root, "option-chain-type": "Standard",
                "shares-per-contract": 100, "expirations": {},
            },
        )  # fmt: skip
        expiration = item["expirations"].setdefault(
            o.day,
            {
                "expiration-type": "Regular", "expiration-date": o.day,
                "settlement-type": "AM" if o.root == "SPX" else "PM", "strikes": {},
            },
        )  # fmt: skip
        strike = expiration["strikes"].setdefault(o.strike, {"strike-price": f"{o.strike:.1f}"})
        strike |= {o.kind: o.padded, f"{o.kind}-streamer-symbol": _streamer(o)}
    for item in items.values():
        item["expirations"] = [
            expiration | {"strikes": list(expiration["strikes"].values())}
            for expiration in item["expirations"].values()
        ]
    return {"data": {"items": list(items.values())}, "context": "/option-chains/XYZ/nested"}


def _streamer(o: Option) -> str:
    return f".{o.root}{o.day[2:].replace('-', '')}{o.kind[0].upper()}{o.strike:g}"


def tastytrade_events(found: list[Option]) -> list[dict[str, Any]]:
    """The fields of Greeks, Summary and Quote events that were received, a row a symbol."""
    return [
        {
            "event_symbol": _streamer(o), "volatility": number(o.iv, ""), "delta": o.delta, "gamma": o.gamma,
            "theta": o.theta, "vega": o.vega, "open_interest": o.open_interest, "bid_price": o.bid,
            "ask_price": o.ask,
        }
        for o in found
    ]  # fmt: skip


def orats(found: list[Option], spot: float = SPOT) -> Any:
    """A row a strike, its call and put side by side; one volatility and one delta, the call's."""
    rows: dict[tuple[str, float], Any] = {}
    for o in found:
        row = rows.setdefault(
            (o.day, o.strike),
            {
                "ticker": "XYZ", "tradeDate": "2026-02-05", "expirDate": o.day, "dte": 15, "strike": o.strike,
                "stockPrice": spot, "smvVol": number(o.iv), "delta": None, "gamma": o.gamma,
                "theta": o.theta,
                "vega": o.vega, "spotPrice": spot, "quoteDate": "2026-02-05T20:45:00Z",
                "updatedAt": "2026-02-05T20:45:11Z",
            },
        )  # fmt: skip
        if o.kind == "call":
            row["delta"] = o.delta
        row |= {
            f"{o.kind}Volume": o.volume, f"{o.kind}OpenInterest": o.open_interest, f"{o.kind}BidSize": 1,
            f"{o.kind}BidPrice": o.bid, f"{o.kind}AskPrice": o.ask, f"{o.kind}Value": o.last,
            f"{o.kind}MidIv": number(o.iv, 0) if o.bid > 0 else 0,
        }  # fmt: skip
    return {"data": list(rows.values())}


def alpaca(found: list[Option]) -> Any:
    """Snapshots by option symbol, without open interest; greeks and volatility may be absent."""
    snapshots = {}
    for o in adjusted(found):
        snapshot: dict[str, Any] = {
            "dailyBar": {"v": o.volume, "c": o.last},
            "latestQuote": {
                "ap": o.ask, "as": 5, "ax": "N", "bp": o.bid, "bs": 6, "bx": "C", "c": " ",
                "t": "2026-02-05T20:45:00.000000000Z" if o is found[0] else "2026-02-05T20:44:59Z",
            },
            "latestTrade": {"c": "I", "p": o.last, "s": 1, "t": "2026-02-05T18:00:00Z", "x": "B"},
        }  # fmt: skip
        if not np.isnan(o.iv):
            snapshot["greeks"] = {
                "delta": o.delta,
                "gamma": o.gamma,
                "rho": 0.0,
                "theta": o.theta,
                "vega": o.vega,
            }
            snapshot["impliedVolatility"] = o.iv
        snapshots[o.osi] = snapshot
    return {"snapshots": snapshots, "next_page_token": None}


def alpaca_contracts(found: list[Option]) -> Any:
    """Contracts with open interest, numbers as text, null where none is known."""
    return {
        "option_contracts": [
            {
                "symbol": o.osi, "status": "active", "expiration_date": o.day, "root_symbol": o.root,
                "underlying_symbol": "XYZ", "type": o.kind, "style": "american",
                "strike_price": f"{o.strike:g}",
                "size": "100", "open_interest": str(o.open_interest), "open_interest_date": "2026-02-04",
            }
            for o in adjusted(found)
        ],
        "next_page_token": None,
    }  # fmt: skip
