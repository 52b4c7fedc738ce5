"""Built-in synthetic option chains for demonstrations and documentation; no market data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import check_choice, check_whole
from gammaflow.market.chain import Chain
from gammaflow.market.facts import SYNTHETIC
from gammaflow.pricing import american, bsm

__all__ = ["demo_chain"]

_ASOF = pd.Timestamp("2026-02-05T09:36:00Z")


@dataclass(frozen=True)
class _Market:
    """Parameters of a synthetic chain: prices in USD, expiries as (timestamp, strike step, share, carry)."""

    spot: float
    expiries: tuple[tuple[str, float, float, float], ...]
    open_interest: float
    multiplier: float
    tick: float
    put_strikes: tuple[tuple[float, float], ...]
    call_strikes: tuple[tuple[float, float], ...]


_MARKETS = {
    "BTC": _Market(
        spot=71_470.0,
        expiries=(
            ("2026-02-06T08:00Z", 500, 0.10, 0.010),
            ("2026-02-07T08:00Z", 1_000, 0.02, 0.010),
            ("2026-02-13T08:00Z", 1_000, 0.12, 0.015),
            ("2026-02-20T08:00Z", 1_000, 0.07, 0.020),
            ("2026-02-27T08:00Z", 1_000, 0.29, 0.025),
            ("2026-03-27T08:00Z", 2_500, 0.24, 0.040),
            ("2026-06-26T08:00Z", 5_000, 0.16, 0.042),
        ),
        open_interest=365_000.0,
        multiplier=1.0,
        tick=5.0,
        put_strikes=((60e3, 0.9), (65e3, 1.1), (70e3, 1.6), (75e3, 1.3), (80e3, 0.5), (85e3, 0.3)),
        call_strikes=(
            (75e3, 0.25),
            (80e3, 0.6),
            (85e3, 0.8),
            (90e3, 1.4),
            (100e3, 1.6),
            (110e3, 0.8),
            (120e3, 0.8),
        ),
    ),
    "IBIT": _Market(
        spot=40.53,
        expiries=(
            ("2026-02-06T21:00Z", 0.5, 0.14, 0.036),
            ("2026-02-13T21:00Z", 0.5, 0.10, 0.036),
            ("2026-02-20T21:00Z", 0.5, 0.26, 0.036),
            ("2026-03-20T20:00Z", 1.0, 0.24, 0.036),
            ("2026-06-18T20:00Z", 1.0, 0.14, 0.036),
            ("2027-01-15T21:00Z", 5.0, 0.12, 0.036),
        ),
        open_interest=5_000_000.0,
        multiplier=100.0,
        tick=0.01,
        put_strikes=((36, 1.0), (38, 1.3), (40, 1.6), (43, 1.0), (45, 0.8), (50, 0.5)),
        call_strikes=((42, 0.3), (45, 0.7), (50, 1.4), (55, 1.0), (60, 1.3), (70, 0.8)),
    ),
}
_CALL_SHARE = 0.5


def _smile(moneyness: np.ndarray, years: float) -> np.ndarray:
    """Implied volatility over ln(K/F): 50 % far out, steeper on the downside and for short expiries."""
    level = 0.50 + 0.09 * np.exp(-years / 0.10)
    scaled = moneyness / np.sqrt(years + 0.02)
    smile = level - 0.035 * np.tanh(scaled) + 0.03 * scaled**2 / (1.0 + 0.5 * np.abs(scaled))
    return np.asarray(smile)


def _crowd(strikes: np.ndarray, favourites: tuple[tuple[float, float], ...], width: float) -> np.ndarray:
    bumps = [weight * np.exp(-0.5 * ((strikes - k) / width) ** 2) for k, weight in favourites]
    spikes = [3.0 * weight * (strikes == k) for k, weight in favourites]
    return np.asarray(np.sum(bumps, axis=0) + np.sum(spikes, axis=0))


def _contracts(symbol: str, expiry: pd.Timestamp, strikes: np.ndarray, kind: str) -> list[str]:
    """Contract names in Deribit's form, or in the OSI form of US exchanges."""
    if symbol == "BTC":
        return [f"BTC-{expiry.day}{expiry:%b%y}-{k:.0f}-{kind[0]}".upper() for k in strikes]
    return [f"{symbol}{expiry:%y%m%d}{kind[0].upper()}{round(1000 * k):08d}" for k in strikes]


def _quotes(
    symbol: str, market: _Market, series: tuple[str, float, float, float], rng: np.random.Generator
) -> list[pd.DataFrame]:
    """Calls and puts of one expiry, as columns of a chain."""
    moment, step, share, carry = series
    coin = symbol == "BTC"
    expiry = pd.Timestamp(moment)
    years = (expiry - _ASOF).total_seconds() / (365 * 86_400)
    forward = market.spot * np.exp(carry * years)
    reach = min(0.65, 0.12 + 1.1 * np.sqrt(years))
    lowest = step * np.ceil(market.spot * (1 - reach) / step)
    strikes = np.arange(lowest, market.spot * (1 + 1.2 * reach), step)
    width = market.spot / _MARKETS["BTC"].spot * (900 + 9_000 * np.sqrt(years))
    iv = np.round(_smile(np.log(strikes / forward), years), 4)
    rate = 0.0 if coin else carry
    frames = []
    for kind, favourites, side in (
        ("call", market.call_strikes, _CALL_SHARE),
        ("put", market.put_strikes, 1 - _CALL_SHARE),
    ):
        weight = (0.02 + _crowd(strikes, favourites, width)) * rng.lognormal(0.0, 0.35, len(strikes))
        european = bsm.price_forward(kind, forward, strikes, years, rate, iv)
        mark = european if coin else american.price(kind, market.spot, strikes, years, rate, iv)
        half = np.maximum(market.tick, 0.01 * mark)
        interest = market.open_interest * share * side * weight / weight.sum()
        columns = {
            "contract": _contracts(symbol, expiry, strikes, kind),
            "expiry": expiry,
            "strike": strikes,
            "kind": kind,
            "open_interest": np.round(interest, 1 if coin else 0),
            "multiplier": market.multiplier,
            "iv": iv,
            "mark": np.round(mark, 2),
            "bid": np.maximum(np.floor((mark - half) / market.tick) * market.tick, 0.0),
            "ask": np.ceil((mark + half) / market.tick) * market.tick,
            "forward": forward if coin else np.nan,
            "rate": rate,
            "root": symbol,
            "settlement": "08:00 UTC" if coin else "PM",
            "exercise": "european" if coin else "american",
        }
        frames.append(pd.DataFrame(columns))
    return frames


def demo_chain(seed: int = 20260205, *, symbol: str = "BTC") -> Chain:
    """A reproducible synthetic option chain modelled on public data of 5 February 2026.

    BTC: spot near 71.5k; put open interest heaviest at 60k, 65k, 70k and 75k, call open interest above spot;
    implied vol of about 50-60 % at the money; forwards above spot; strikes, expiries at 08:00 UTC and
    sizes as on Deribit. IBIT: the same timestamp and price level in shares of the fund, before its market
    opens; strikes, expiries at 16:00 New York and sizes as on US exchanges, American exercise, rate 3.6 %.
    Quotes are in USD. No number in either is a market quote.

    Parameters
    ----------
    seed : int
        Seed of the noise on open interest; the same seed gives the same chain.
    symbol : "BTC" or "IBIT"

    Returns
    -------
    Chain
        Its vendor is "synthetic demo" and `synthetic` is True.

    Raises
    ------
    SchemaError
        For another symbol.

    See Also
    --------
    demo_notes : Ten synthetic notes on IBIT modelled on public ones of late 2025; none is a real security.
    read_chain : Read a vendor's file of option quotes, or anyone's table through a map of its columns.

    Examples
    --------
    >>> import gammaflow as gf
    >>> print(repr(gf.demo_chain()).splitlines()[0])
    Chain BTC from synthetic demo, as of 2026-02-05 09:36:00 UTC, spot 71,470.00 USD
    """
    market = _MARKETS[check_choice(symbol, "symbol", _MARKETS)]
    rng = np.random.default_rng(check_whole(seed, "seed", 0))
    frames = [frame for expiry in market.expiries for frame in _quotes(symbol, market, expiry, rng)]
    rows: Any = pd.concat(frames, ignore_index=True)
    return Chain(rows, symbol, market.spot, _ASOF, SYNTHETIC, synthetic=True)
