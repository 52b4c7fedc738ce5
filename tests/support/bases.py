"""Recorded futures and spot of the week of 5 February 2026, and simulated futures with known carry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

PREPARED = ("front", "hours", "rolling", "one", "marks", "perpetual")


def recorded(folder: Path) -> dict[str, pd.DataFrame | pd.Series]:
    """Front closes, hourly openings, the two files with errors, marks of dated futures and perpetual."""
    event, deribit = folder / "data/event", folder / "data/deribit"
    front = pd.read_csv(event / "cme_btc_front_close.csv", index_col="Date", parse_dates=True)["Adj Close"]
    bars = pd.read_csv(
        folder / "data/btc_market/btcusdt_1h_20251001_20260404.csv", index_col=0, parse_dates=True
    )
    dates = ["date", "futures_expiry"]
    rolling, one = (
        pd.read_csv(event / f"cme_mbt_basis_{name}.csv", parse_dates=dates).set_index("date")
        for name in ("rolling_spot_wrong", "one_expiry")
    )
    marks = pd.read_csv(deribit / "term_futures_marks.csv").query("currency == 'BTC'")
    long = pd.DataFrame(
        {
            "time": pd.to_datetime(marks["timestamp"], format="ISO8601"),
            "expiry": pd.to_datetime(marks["futures_instrument_name"].str.split("-").str[1], format="%d%b%y"),
            "price": marks["term_mark_price_final"],
        }
    )
    perpetual = pd.read_csv(deribit / "perpetual_futures_prices.csv").query("coin == 'BTC'")
    stamps = pd.DatetimeIndex(pd.to_datetime(perpetual["obs_datetime"], format="ISO8601"))
    values = (front, bars["open"].tz_localize("UTC"), rolling, one, long,
              pd.Series(perpetual["perp_futures_mark_price"].to_numpy(), stamps))  # fmt: skip
    return dict(zip(PREPARED, values, strict=True))


def month_ends(days: pd.DatetimeIndex) -> pd.Series:
    """Expiry of the front contract on each day: the next last Friday of a month."""
    ends = pd.date_range(days[0], days[-1] + pd.Timedelta(70, "D"), freq="ME")
    fridays = pd.DatetimeIndex([end - pd.Timedelta((end.weekday() - 4) % 7, "D") for end in ends])
    return pd.Series(fridays[np.searchsorted(fridays.to_numpy(), days.to_numpy(), side="right")], days)


def simulated(
    seed: int,
    *,
    one: bool = False,
    days: int = 130,
    noise: float = 1e-3,
    wander: float = 2e-3,
    rate: float = 0.07,
) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Futures, spot and monthly labels; with `one` the price is that of a single far contract all along.

    The yearly rate is a random walk (`wander` a day); the premium has white noise, of Student's t with five
    degrees of freedom.
    """
    rng = np.random.default_rng(seed)
    index = pd.bdate_range("2025-08-04", periods=days)
    labels = month_ends(index)
    true = pd.Series(index[-1] + pd.Timedelta(30, "D"), index) if one else labels
    years = (true - index).dt.days.to_numpy() / 365
    rates = rate + np.cumsum(rng.normal(0.0, wander, days))
    spot = 90_000.0 * np.exp(np.cumsum(rng.normal(0.0, 0.025, days)))
    futures = spot * np.exp(rates * years + noise * rng.standard_t(5, days) * np.sqrt(3 / 5))
    return pd.Series(futures, index), pd.Series(spot, index), labels
