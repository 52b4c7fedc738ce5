"""Fund creations behind simulated hedges: baskets by trading day, over all paths."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import NEW_YORK, next_sessions
from gammaflow.checks import attempt, check_number, refuse
from gammaflow.errors import SchemaError
from gammaflow.exposure.band_levels import named_quantiles
from gammaflow.feedback.fund.baskets import settle_days
from gammaflow.feedback.fund.etf_ledger import EtfLedger
from gammaflow.feedback.simulation.path_tables import prices
from gammaflow.feedback.simulation.raw_paths import RawPaths
from gammaflow.positions.venues import UnitMap

__all__ = ["creations_table"]

Array = NDArray[np.float64]

_CALENDAR = "XNYS"


def creations_table(
    raw: RawPaths,
    spot: float,
    asof: pd.Timestamp,
    days: float,
    ledger: EtfLedger | UnitMap | float,
    share: float,
) -> pd.DataFrame:
    """Baskets that dealers create and redeem when part of their hedge is traded in fund shares.

    Parameters
    ----------
    raw : RawPaths
        Hedge units traded per day, and prices.
    spot : float
        Price at the start [currency].
    asof : tz-aware timestamp
        Start; a day is 24 hours from it, and its trades count for the New York trading day in which it ends,
        or the next one.
    days : float
        Days simulated.
    ledger : EtfLedger, UnitMap or float
        The dealer's ledger, which is not altered: its ratio, basket, borrow, target and its position now; or
        the coins behind one share.
    share : float
        Part of the hedge that is traded in fund shares, in [0, 1].

    Returns
    -------
    DataFrame
        Index trading day; columns as `FeedbackPaths.creations` says.

    Raises
    ------
    SchemaError
        For an illegal ratio or share.
    """
    book, part = _read(ledger, share)
    units = np.asarray(raw.daily_units)
    count = units.shape[1]
    ends = np.minimum(np.arange(1, count + 1, dtype=np.float64), days)
    local = pd.DatetimeIndex([asof + pd.Timedelta(end, "D") for end in ends]).tz_convert(NEW_YORK)
    dates = local.tz_localize(None).normalize().to_numpy("datetime64[D]")
    sessions, place = np.unique(next_sessions(_CALENDAR, dates), return_inverse=True)
    days_only = EtfLedger(book.coins_per_share)
    ratios = np.array([days_only.step(day, 0.0, 1.0).coins_per_share for day in sessions])
    traded = np.zeros((len(units), len(sessions)))
    for day in range(count):
        traded[:, place[day]] += units[:, day]
    last = np.array([ends[place == i].max() for i in range(len(sessions))])
    price = prices(spot, _at(np.asarray(raw.frames), np.asarray(raw.frame_days), last))
    held = book.table["shares"].iloc[-1] if len(book.table) else book.start["shares"]
    found = settle_days(
        -part * traded / ratios, basket=book.basket, borrow=book.borrow, target=book.target, shares=held
    )
    net = (found.created - found.redeemed).astype(np.float64)
    columns = {
        "created": found.created.mean(axis=0),
        "redeemed": found.redeemed.mean(axis=0),
        "any": (found.created > 0).mean(axis=0),
        **{f"net_{name}": values for name, values in named_quantiles(net.T.copy()).items()},
        "coins": book.basket * ratios * net.mean(axis=0),
        "flow": (book.basket * ratios * price * net).mean(axis=0),
        "sold_shares": -part * traded.mean(axis=0) / ratios,
    }
    return pd.DataFrame(columns, index=pd.DatetimeIndex(sessions, name="day").as_unit("ns"))


def _read(ledger: EtfLedger | UnitMap | float, share: float) -> tuple[EtfLedger, float]:
    values, problems = attempt(
        lambda: ledger if isinstance(ledger, EtfLedger) else EtfLedger(ledger),
        lambda: _fraction(share),
    )
    refuse("creations", problems)
    return values[0], values[1]


def _fraction(share: float) -> float:
    part = check_number(share, "share", 0.0)
    if part > 1.0:
        raise SchemaError(f"share: received {share!r}; legal: 0 to 1, the part hedged in fund shares.")
    return part


def _at(frames: Array, days: Array, when: Array) -> Array:
    """Values of frames (paths, n) at `days` on straight lines between them, (paths, len(when))."""
    above = np.clip(np.searchsorted(days, when), 1, len(days) - 1)
    weight = np.clip((when - days[above - 1]) / (days[above] - days[above - 1]), 0.0, 1.0)
    return np.asarray(frames[:, above - 1] + weight * (frames[:, above] - frames[:, above - 1]))
