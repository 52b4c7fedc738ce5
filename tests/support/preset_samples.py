"""One made-up chain in the forms of the vendors that presets read; writes the samples of the documentation.

Run it to write them again: python tests/support/preset_samples.py
No number is a market quote. Fields that presets do not read are there where a reader may stumble over them:
names that mean something else, blanks, numbers that stand for nothing.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gammaflow.pricing import bsm

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "samples"

ASOF = pd.Timestamp("2026-02-05T20:45:00Z")
SPOT, RATE = 100.0, 0.036
NEW_YORK = "America/New_York"

#: (root, day, settles at [UTC], strikes)
_FUND = (
    ("XYZ", "2026-02-20", "2026-02-20T21:00Z", (90.0, 95.0, 97.5, 100.0, 105.0, 110.0)),
    ("XYZ", "2026-03-20", "2026-03-20T20:00Z", (85.0, 95.0, 100.0, 102.5, 115.0)),
)
_INDEX = (
    ("SPXW", "2026-02-20", "2026-02-20T21:00Z", (6_700.0, 6_900.0, 7_000.0)),
    ("SPX", "2026-02-20", "2026-02-20T14:30Z", (6_700.0, 6_900.0, 7_000.0)),
)


class Option(NamedTuple):
    """One contract of the chain; iv is NaN where no vendor has one."""

    root: str
    day: str
    expiry: pd.Timestamp
    strike: float
    kind: str
    open_interest: int
    iv: float
    bid: float
    ask: float
    last: float
    volume: int
    delta: float
    gamma: float
    theta: float
    vega: float

    @property
    def osi(self) -> str:
        """The option symbol without blanks."""
        return (
            f"{self.root}{self.day[2:].replace('-', '')}{self.kind[0].upper()}{round(self.strike * 1000):08d}"
        )

    @property
    def padded(self) -> str:
        """The option symbol with its root in six places."""
        return f"{self.root:<6}{self.osi[len(self.root) :]}"


def options(series: Any = _FUND, spot: float = SPOT) -> list[Option]:
    """The contracts: a smile, quotes around its prices, round open interest; deep ones without bid or vol."""
    found = []
    for root, day, settles, strikes in series:
        expiry = pd.Timestamp(settles)
        years = (expiry - ASOF).total_seconds() / (365 * 86_400)
        for place, strike in enumerate(strikes):
            moneyness = np.log(strike / spot)
            iv = round(0.22 - 0.35 * moneyness + 1.1 * moneyness**2, 4)
            for kind in ("call", "put"):
                greeks = bsm.greeks(kind, spot, strike, years, RATE, iv)
                price = float(greeks.price)
                far = strike in (110.0, 115.0)
                half = max(0.01, 0.02 * price)
                found += [
                    Option(
                        root=root,
                        day=day,
                        expiry=expiry,
                        strike=strike,
                        kind=kind,
                        open_interest=(400 + 137 * place) * (3 if kind == "put" else 2) if place != 1 else 0,
                        iv=np.nan if far else iv,
                        bid=0.0 if far and kind == "call" else round(max(price - half, 0.0), 2),
                        ask=round(price + half, 2),
                        last=round(price, 2),
                        volume=11 * place,
                        delta=round(float(greeks.delta), 4),
                        gamma=round(float(greeks.gamma), 5),
                        theta=round(float(greeks.theta) / 365, 4),
                        vega=round(float(greeks.vega) / 100, 4),
                    )
                ]
    return found


def index_options() -> list[Option]:
    """Options on one index and day, half of them settled in the morning."""
    return options(_INDEX, 6_900.0)


def _adjusted(found: list[Option]) -> list[Option]:
    """The contracts, and one with another deliverable whose root ends in a digit."""
    return [*found, found[0]._replace(root=f"{found[0].root}1", open_interest=9)]


def _number(value: float, missing: Any = None) -> Any:
    return missing if np.isnan(value) else value


def _ms(moment: pd.Timestamp = ASOF) -> int:
    return int(moment.timestamp() * 1000)


def schwab(found: list[Option], spot: float = SPOT) -> Any:
    """Maps of expiries and strikes; volatility in percent, -999 for what was not computed."""
    maps: dict[str, Any] = {"call": {}, "put": {}}
    for o in _adjusted(found):
        days = (pd.Timestamp(o.day) - ASOF.tz_localize(None).normalize()).days
        known = not np.isnan(o.iv)
        row = {
            "putCall": o.kind.upper(), "symbol": o.padded,
            "description": f"{o.root} {o.day} {o.strike:g} {o.kind}",
            "exchangeName": "OPR", "bid": o.bid, "ask": o.ask, "last": o.last,
            "mark": round((o.bid + o.ask) / 2, 3),
            "bidSize": 10, "askSize": 12, "totalVolume": o.volume, "quoteTimeInLong": _ms(),
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
    for o in _adjusted(found):
        greeks = {
            "delta": o.delta, "gamma": o.gamma, "theta": o.theta, "vega": o.vega, "rho": 0.0, "phi": 0.0,
            "bid_iv": 0.0, "mid_iv": o.iv if o.bid > 0 else 0.0, "ask_iv": 0.0, "smv_vol": _number(o.iv),
            "updated_at": "2026-02-05 20:00:01",
        }  # fmt: skip
        pages.setdefault(o.day, []).append(
            {
                "symbol": o.osi, "description": f"{o.root} {o.day} {o.kind}", "exch": "Z", "type": "option",
                "last": o.last, "change": None, "volume": o.volume, "bid": o.bid, "ask": o.ask,
                "underlying": "XYZ",
                "strike": o.strike, "bidsize": 1, "bid_date": 0 if o.bid == 0 else _ms(), "asksize": 2,
                "ask_date": _ms(), "open_interest": o.open_interest, "contract_size": 100,
                "expiration_date": o.day, "expiration_type": "standard", "option_type": o.kind,
                "root_symbol": o.root, "greeks": greeks if not np.isnan(o.iv) else None,
            }
        )  # fmt: skip
    return [{"options": {"option": rows}} for rows in pages.values()]


def polygon(found: list[Option], spot: float = SPOT) -> Any:
    """One page of results; implied_volatility is absent where there is none."""
    results = []
    for o in _adjusted(found):
        row = {
            "break_even_price": o.strike + o.last, "day": {"volume": o.volume, "close": o.last},
            "details": {
                "contract_type": o.kind, "exercise_style": "american", "expiration_date": o.day,
                "shares_per_contract": 100, "strike_price": o.strike, "ticker": f"O:{o.osi}",
            },
            "greeks": {"delta": o.delta, "gamma": o.gamma, "theta": o.theta, "vega": o.vega},
            "implied_volatility": o.iv,
            "last_quote": {
                "ask": o.ask, "ask_size": 3, "bid": o.bid, "bid_size": 4, "last_updated": _ms() * 10**6,
                "midpoint": (o.bid + o.ask) / 2, "timeframe": "REAL-TIME",
            },
            "last_trade": {"price": o.last, "size": 1, "sip_timestamp": _ms() * 10**6},
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
            "event_symbol": _streamer(o), "volatility": _number(o.iv, ""), "delta": o.delta, "gamma": o.gamma,
            "theta": o.theta, "vega": o.vega, "open_interest": o.open_interest, "bid_price": o.bid,
            "ask_price": o.ask,
        }
        for o in found
    ]  # fmt: skip


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
            "impliedVol": _number(o.iv, ""), "delta": o.delta, "gamma": o.gamma, "theta": o.theta,
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
            "implied_vol": _number(o.iv, ""), "iv_error": 0.0,
            "underlying_timestamp": "2026-02-05T15:45:00.000",
            "underlying_price": spot,
        }
        for o in _adjusted(found)
    ]  # fmt: skip


def thetadata_interest(found: list[Option]) -> list[dict[str, Any]]:
    """Open interest of version 3, in another order."""
    return [
        {"timestamp": "2026-02-05T06:30:00.000"} | _theta_key(o) | {"open_interest": o.open_interest}
        for o in reversed(_adjusted(found))
    ]


def thetadata_v2(found: list[Option], spot: float = SPOT) -> list[dict[str, Any]]:
    """Greeks of version 2 joined with open interest: strikes in tenths of a cent, days as numbers."""
    return [
        {
            "root": o.root, "expiration": o.day.replace("-", ""), "strike": round(o.strike * 1000),
            "right": o.kind[0].upper(), "ms_of_day": 56_700_000, "bid": o.bid, "ask": o.ask, "delta": o.delta,
            "theta": o.theta, "vega": o.vega, "rho": 0.0, "epsilon": 0.0, "lambda": 0.0,
            "implied_vol": _number(o.iv, ""), "iv_error": 0.0, "ms_of_day2": 56_700_000,
            "underlying_price": spot,
            "date": 20260205, "open_interest": o.open_interest,
        }
        for o in _adjusted(found)
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
        for at, o in enumerate(_adjusted(found))
    ]  # fmt: skip
    return [stock, *rows]


def databento_interest(found: list[Option]) -> list[dict[str, Any]]:
    """Statistics: open interest (stat_type 9) among others."""
    rows = []
    for at, o in enumerate(_adjusted(found)):
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
        for at, o in enumerate(_adjusted(found))
    ]  # fmt: skip


def orats(found: list[Option], spot: float = SPOT) -> Any:
    """A row a strike, its call and put side by side; one volatility and one delta, the call's."""
    rows: dict[tuple[str, float], Any] = {}
    for o in found:
        row = rows.setdefault(
            (o.day, o.strike),
            {
                "ticker": "XYZ", "tradeDate": "2026-02-05", "expirDate": o.day, "dte": 15, "strike": o.strike,
                "stockPrice": spot, "smvVol": _number(o.iv), "delta": None, "gamma": o.gamma,
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
            f"{o.kind}MidIv": _number(o.iv, 0) if o.bid > 0 else 0,
        }  # fmt: skip
    return {"data": list(rows.values())}


def optionmetrics(found: list[Option]) -> list[dict[str, Any]]:
    """Two days of prices: strikes in thousandths, -99.99 for no volatility, adjusted contracts flagged."""
    rows = []
    for o in _adjusted(found):
        name = f"{o.root} {o.day[2:].replace('-', '')}{o.kind[0].upper()}{round(o.strike * 1000)}"
        row = {
            "secid": 100_001, "date": "2026-02-05", "symbol": name, "exdate": o.day,
            "cp_flag": o.kind[0].upper(),
            "strike_price": round(o.strike * 1000), "best_bid": o.bid, "best_offer": o.ask,
            "volume": o.volume,
            "open_interest": o.open_interest, "impl_volatility": _number(o.iv, -99.99),
            "delta": o.delta if not np.isnan(o.iv) else -99.99, "gamma": o.gamma, "vega": o.vega,
            "theta": o.theta, "optionid": 150_000_000 + len(rows), "am_settlement": int(o.root == "SPX"),
            "contract_size": 100, "ss_flag": int(o.root[-1].isdigit()),
        }  # fmt: skip
        rows += [row | {"date": "2026-02-04", "open_interest": 1}, row]
    return rows


def alpaca(found: list[Option]) -> Any:
    """Snapshots by option symbol, without open interest; greeks and volatility may be absent."""
    snapshots = {}
    for o in _adjusted(found):
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
            for o in _adjusted(found)
        ],
        "next_page_token": None,
    }  # fmt: skip


def dolthub(found: list[Option]) -> list[dict[str, Any]]:
    """Two days of the table option_chain, as CSV."""
    rows = []
    for day in ("2026-02-04", "2026-02-05"):
        for o in found:
            rows.append(
                {
                    "date": day, "act_symbol": "XYZ", "expiration": o.day, "strike": f"{o.strike:.2f}",
                    "call_put": o.kind.title(), "bid": o.bid, "ask": o.ask, "vol": _number(o.iv, ""),
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


def json_text(value: Any) -> str:
    """JSON, a line for each row."""
    return json.dumps(value, indent=None, separators=(",", ":")).replace("},{", "},\n{") + "\n"


def csv_text(rows: list[dict[str, Any]]) -> str:
    """A table with the fields of the first row in front."""
    text = io.StringIO()
    writer = csv.DictWriter(
        text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


#: Files by name: how their content is made, and written.
FILES: dict[str, tuple[Callable[[list[Option]], Any], Callable[[Any], str]]] = {
    "alpaca.json": (alpaca, json_text),
    "alpaca_contracts.json": (alpaca_contracts, json_text),
    "databento_definition.csv": (databento, csv_text),
    "databento_quotes.csv": (databento_quotes, csv_text),
    "databento_statistics.csv": (databento_interest, csv_text),
    "dolthub.csv": (dolthub, csv_text),
    "ibkr.csv": (ibkr, csv_text),
    "open_interest.csv": (open_interest, csv_text),
    "optionmetrics.csv": (optionmetrics, csv_text),
    "orats.json": (orats, json_text),
    "polygon.json": (polygon, json_text),
    "schwab.json": (schwab, json_text),
    "tastytrade.json": (tastytrade, json_text),
    "tastytrade_events.csv": (tastytrade_events, csv_text),
    "thetadata.csv": (thetadata, csv_text),
    "thetadata_open_interest.csv": (thetadata_interest, csv_text),
    "thetadata_v2.csv": (thetadata_v2, csv_text),
    "tradier.json": (tradier, json_text),
}


def texts() -> dict[str, str]:
    """The samples' contents by file name."""
    found = options()
    return {name: write(make(found)) for name, (make, write) in FILES.items()}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in texts().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
