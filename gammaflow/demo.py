"""A built-in, synthetic option chain, for demonstrations and documentation: no market data."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gammaflow import bsm
from gammaflow.chain import Chain

__all__ = ["demo_chain"]

_SPOT = 71_470.0
_ASOF = pd.Timestamp("2026-02-05T09:36:00Z")
# expiry at 08:00 UTC, strike step, share of all open interest, carry per year
_EXPIRIES = (
    ("2026-02-06", 500, 0.10, 0.010),
    ("2026-02-07", 1_000, 0.02, 0.010),
    ("2026-02-13", 1_000, 0.12, 0.015),
    ("2026-02-20", 1_000, 0.07, 0.020),
    ("2026-02-27", 1_000, 0.29, 0.025),
    ("2026-03-27", 2_500, 0.24, 0.040),
    ("2026-06-26", 5_000, 0.16, 0.042),
)
_TICK = 5.0
_OPEN_INTEREST = 365_000.0
_CALL_SHARE = 0.5
# where customers crowd: strike, weight
_PUT_STRIKES = ((60_000, 0.9), (65_000, 1.1), (70_000, 1.6), (75_000, 1.3), (80_000, 0.5), (85_000, 0.3))
_CALL_STRIKES = (
    (75_000, 0.25),
    (80_000, 0.6),
    (85_000, 0.8),
    (90_000, 1.4),
    (100_000, 1.6),
    (110_000, 0.8),
    (120_000, 0.8),
)


def _smile(moneyness: np.ndarray, years: float) -> np.ndarray:
    """Implied volatility over ln(K/F): 50 % far out, steeper on the downside and for short expiries."""
    level = 0.50 + 0.09 * np.exp(-years / 0.10)
    scaled = moneyness / np.sqrt(years + 0.02)
    smile = level - 0.035 * np.tanh(scaled) + 0.03 * scaled**2 / (1.0 + 0.5 * np.abs(scaled))
    return np.asarray(smile)


def _crowd(strikes: np.ndarray, favourites: tuple[tuple[int, float], ...], width: float) -> np.ndarray:
    bumps = [weight * np.exp(-0.5 * ((strikes - k) / width) ** 2) for k, weight in favourites]
    spikes = [3.0 * weight * (strikes == k) for k, weight in favourites]
    return np.asarray(np.sum(bumps, axis=0) + np.sum(spikes, axis=0))


def demo_chain(seed: int = 20260205) -> Chain:
    """A synthetic BTC option chain in the shape of the public picture of 5 February 2026.

    Spot near 71.5k; put open interest heaviest at 60k, 65k, 70k and 75k, call open interest above spot;
    implied volatility of about 50-60 % at the money; forwards above spot. Strikes, expiries at 08:00 UTC
    and sizes follow Deribit's conventions; quotes are in USD. No number in it is a market quote.

    Parameters
    ----------
    seed : int
        Seed of the noise on open interest; the same seed gives the same chain.

    Returns
    -------
    Chain
        With vendor "synthetic demo".

    Examples
    --------
    >>> import gammaflow as gf
    >>> print(repr(gf.demo_chain()).splitlines()[0])
    Chain BTC from synthetic demo, as of 2026-02-05 09:36:00 UTC, spot 71,470.00 USD
    """
    rng = np.random.default_rng(seed)
    frames = []
    for date, step, share, carry in _EXPIRIES:
        expiry = pd.Timestamp(f"{date}T08:00Z")
        years = (expiry - _ASOF).total_seconds() / (365 * 86_400)
        forward = _SPOT * np.exp(carry * years)
        reach = min(0.65, 0.12 + 1.1 * np.sqrt(years))
        strikes = np.arange(step * np.ceil(_SPOT * (1 - reach) / step), _SPOT * (1 + 1.2 * reach), step)
        width = 900 + 9_000 * np.sqrt(years)
        iv = np.round(_smile(np.log(strikes / forward), years), 4)
        for kind, favourites, side in (
            ("call", _CALL_STRIKES, _CALL_SHARE),
            ("put", _PUT_STRIKES, 1 - _CALL_SHARE),
        ):
            weight = (0.02 + _crowd(strikes, favourites, width)) * rng.lognormal(0.0, 0.35, len(strikes))
            mark = bsm.price_forward(kind, forward, strikes, years, 0.0, iv)
            half = np.maximum(_TICK, 0.01 * mark)
            interest = np.round(_OPEN_INTEREST * share * side * weight / weight.sum(), 1)
            frames.append(
                pd.DataFrame(
                    {
                        "contract": [
                            f"BTC-{expiry.day}{expiry:%b%y}-{k:.0f}-{kind[0]}".upper() for k in strikes
                        ],
                        "expiry": expiry,
                        "strike": strikes,
                        "kind": kind,
                        "open_interest": interest,
                        "multiplier": 1.0,
                        "iv": iv,
                        "mark": np.round(mark, 2),
                        "bid": np.maximum(np.floor((mark - half) / _TICK) * _TICK, 0.0),
                        "ask": np.ceil((mark + half) / _TICK) * _TICK,
                        "forward": forward,
                        "root": "BTC",
                        "settlement": "08:00 UTC",
                    }
                )
            )
    return Chain(pd.concat(frames, ignore_index=True), "BTC", _SPOT, _ASOF, "synthetic demo")  # type: ignore[arg-type]
