"""Sentences that several results share."""

from __future__ import annotations

import pandas as pd

__all__ = ["moment_text"]


def moment_text(
    asof: pd.Timestamp, days: float = 0.0, vol_shift: float = 0.0, form: str = "%Y-%m-%d %H:%M"
) -> str:
    """The timestamp of quotes, the one they are valued at where that differs, and the shift of volatility.

    Examples
    --------
    >>> moment_text(pd.Timestamp("2026-02-05T09:36Z"), days=2.0, vol_shift=0.1)
    '2026-02-05 09:36 UTC, valued 2 days later (2026-02-07 09:36 UTC), vols +10 points'
    """
    text = f"{asof:{form}} UTC"
    if days:
        text += f", valued {days:g} days later ({asof + pd.Timedelta(days, 'D'):{form}} UTC)"
    return text + (f", vols {100 * vol_shift:+g} points" if vol_shift else "")
