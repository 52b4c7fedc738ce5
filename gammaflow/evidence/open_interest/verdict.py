"""Verdict: whether a record tells something, and why not where it does not."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CANNOT_TELL", "TOLD", "Verdict"]

#: The two verdicts.
TOLD = "told"
CANNOT_TELL = "cannot tell"


class Verdict(NamedTuple):
    """Verdict on a record, told or not, with the reason.

    Attributes
    ----------
    verdict : "told" or "cannot tell"
    reason : str
        The finding, or the record that is missing.

    See Also
    --------
    unwinds : Basis and open interest of futures from day to day, read as the basis trade.

    Examples
    --------
    >>> import gammaflow as gf
    >>> import pandas as pd
    >>> days = ["2026-02-04", "2026-02-05"]
    >>> rate, coins = pd.Series([0.033, 0.09], days), pd.Series([123e3, 118e3], days)
    >>> price, impact = pd.Series([73e3, 65e3], days), gf.impact.PUBLISHED["citi"]
    >>> found = gf.evidence.open_interest.unwinds(rate, coins, years=30 / 365, price=price, impact=impact)
    >>> found.verdict("2026-02-05").verdict
    'told'
    """

    verdict: str
    reason: str

    def __str__(self) -> str:
        return f"{self.verdict}: {self.reason}"


def __dir__() -> list[str]:
    return __all__
