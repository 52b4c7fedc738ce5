"""The made-up chain as vendors have it in tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from support.preset_options import SPOT, Option, adjusted, number


def ibkr(found: list[Option], spot: float = SPOT) -> list[dict[str, Any]]:
    """Fields of Contract, Ticker and modelGreeks; the other side's open interest is 0, no bid is -1."""
    return [
        {
            "secType": "OPT", "conId": 700_000_000 + at, "symbol": "XYZ",
            "lastTradeDateOrContractMonth": o.day.replace("-", ""), "strike": o.strike,
            "right": o.kind[0].upper(), "multiplier": "100", "exchange": "SMART", "currency": "USD",
            "localSymbol": o.padded, "tradingClass": o.root, "time": "2026-02-05 20:45:00+00:00",
            "bid": -1.0 if o.bid == 0 else o.bid, "ask": o.ask, "last": o.last, "volume": o.volume,
            "callOpenInterest": o.open_interest if o.kind == "call" else 0.0,
            "putOpenInterest": o.open_interest if o.kind == "put" else 0.0,
            "impliedVol": number(o.iv, ""), "delta": o.delta, "gamma": o.gamma, "theta": o.theta,
            "vega": o.vega,
            "undPrice": spot,
        }
        for at, o in enumerate(found)
    ]  # fmt: skip


def _theta_key(o: Option) -> dict[str, Any]:
    return {"symbol": o.root, "expiration": o.day, "strike": f"{o.strike:.3f}", "right": o.kind.upper()}


def thetadata(found: list[Option], spot: float = SPOT) -> list[dict[str, Any]]:
    """Greeks of version 3: times of New York without a zone."""
    return [
        _theta_key(o) | {
            "timestamp": "2026-02-05T15:45:00.000", "bid": o.bid, "ask": o.ask, "delta": o.delta,
            "theta": o.theta, "vega": o.vega, "rho": 0.0, "epsilon": 0.0, "lambda": 0.0,
            "implied_vol": number(o.iv, ""), "iv_error": 0.0,
            "underlying_timestamp": "2026-02-05T15:45:00.000",
            "underlying_price": spot,
        }
        for o in adjusted(found)
    ]  # fmt: skip


def thetadata_interest(found: list[Option]) -> list[dict[str, Any]]:
    """Open interest of version 3, in another order."""
    return [
        {"timestamp": "2026-02-05T06:30:00.000"} | _theta_key(o) | {"open_interest": o.open_interest}
        for o in reversed(adjusted(found))
    ]


def thetadata_v2(found: list[Option], spot: float = SPOT) -> list[dict[str, Any]]:
    """Greeks of version 2 joined with open interest: strikes in tenths of a cent, days as numbers."""
    return [
        {
            "root": o.root, "expiration": o.day.replace("-", ""), "strike": round(o.strike * 1000),
            "right": o.kind[0].upper(), "ms_of_day": 56_700_000, "bid": o.bid, "ask": o.ask, "delta": o.delta,
            "theta": o.theta, "vega": o.vega, "rho": 0.0, "epsilon": 0.0, "lambda": 0.0,
            "implied_vol": number(o.iv, ""), "iv_error": 0.0, "ms_of_day2": 56_700_000,
            "underlying_price": spot,
            "date": 20260205, "open_interest": o.open_interest,
        }
        for o in adjusted(found)
    ]  # fmt: skip


def databento(found: list[Option]) -> list[dict[str, Any]]:
    """Definitions of every day, those of the underlying's futures or stock left in."""
    stock = {
        "instrument_id": 1,
        "raw_symbol": "XYZ",
        "instrument_class": "K",
        "expiration": "",
        "strike_price": "",
    }
    rows = [
        {
            "instrument_id": 100 + at, "raw_symbol": o.padded, "instrument_class": o.kind[0].upper(),
            "expiration": f"{o.day}T00:00:00.000000000Z", "strike_price": f"{o.strike:.9f}",
        }
        for at, o in enumerate(adjusted(found))
    ]  # fmt: skip
    return [stock, *rows]


def databento_interest(found: list[Option]) -> list[dict[str, Any]]:
    """Statistics: open interest (stat_type 9) among others."""
    rows = []
    for at, o in enumerate(adjusted(found)):
        rows.append({"instrument_id": 100 + at, "stat_type": 9, "quantity": o.open_interest})
        rows.append({"instrument_id": 100 + at, "stat_type": 6, "quantity": 1})
    return rows


def databento_quotes(found: list[Option]) -> list[dict[str, Any]]:
    """Quotes at one time in fixed point, billionths; the largest whole number where there is no bid."""
    return [
        {
            "ts_recv": "2026-02-05T20:45:00.000000000Z", "instrument_id": 100 + at,
            "bid_px_00": 2**63 - 1 if o.bid == 0 else round(o.bid * 100) * 10**7,
            "ask_px_00": round(o.ask * 100) * 10**7,
        }
        for at, o in enumerate(adjusted(found))
    ]  # fmt: skip


def optionmetrics(found: list[Option]) -> list[dict[str, Any]]:
    """Two days of prices: strikes in thousandths, -99.99 for no volatility, adjusted contracts flagged."""
    rows = []
    for o in adjusted(found):
        name = f"{o.root} {o.day[2:].replace('-', '')}{o.kind[0].upper()}{round(o.strike * 1000)}"
        row = {
            "secid": 100_001, "date": "2026-02-05", "symbol": name, "exdate": o.day,
            "cp_flag": o.kind[0].upper(),
            "strike_price": round(o.strike * 1000), "best_bid": o.bid, "best_offer": o.ask,
            "volume": o.volume,
            "open_interest": o.open_interest, "impl_volatility": number(o.iv, -99.99),
            "delta": o.delta if not np.isnan(o.iv) else -99.99, "gamma": o.gamma, "vega": o.vega,
            "theta": o.theta, "optionid": 150_000_000 + len(rows), "am_settlement": int(o.root == "SPX"),
            "contract_size": 100, "ss_flag": int(o.root[-1].isdigit()),
        }  # fmt: skip
        rows += [row | {"date": "2026-02-04", "open_interest": 1}, row]
    return rows


def dolthub(found: list[Option]) -> list[dict[str, Any]]:
    """Two days of the table option_chain, as CSV."""
    rows = []
    for day in ("2026-02-04", "2026-02-05"):
        for o in found:
            rows.append(
                {
                    "date": day, "act_symbol": "XYZ", "expiration": o.day, "strike": f"{o.strike:.2f}",
                    "call_put": o.kind.title(), "bid": o.bid, "ask": o.ask, "vol": number(o.iv, ""),
                    "delta": o.delta, "gamma": o.gamma, "theta": o.theta, "vega": o.vega, "rho": 0.0,
                }
            )  # fmt: skip
    return rows


def open_interest(found: list[Option]) -> list[dict[str, Any]]:
    """Open interest of another vendor, for tables that have none."""
    return [
        {
            "expiration": o.day, "strike": f"{o.strike:.2f}", "call_put": o.kind.title(),
            "open_interest": o.open_interest,
        }
        for o in found
    ]  # fmt: skip
