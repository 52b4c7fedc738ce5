"""Open interest of futures: venues at one clock, changes in coins, parts by venue, traders, the basis trade.

Examples
--------
On 5 February 2026 open interest of all venues fell in dollars and rose in coins:

>>> import pandas as pd
>>> import gammaflow as gf
>>> days = ["2026-02-04", "2026-02-05"]
>>> dollars, price = pd.Series([48.5258e9, 46.7079e9], days), pd.Series([73_165.84, 62_909.87], days)
>>> last = gf.evidence.open_interest.changes(dollars, price).table.iloc[-1]
>>> print(f"{last['interest_change'] / 1e9:.1f}bn dollars, {last['change']:+,.0f} coins: {last['quadrant']}")
-1.8bn dollars, +79,227 coins: new shorts
"""

from gammaflow.evidence.open_interest.attribution import Attribution, attribute
from gammaflow.evidence.open_interest.basis_trade import Unwinds, unwinds
from gammaflow.evidence.open_interest.change import InterestChanges, changes, in_coins
from gammaflow.evidence.open_interest.traders import Commitments, commitments
from gammaflow.evidence.open_interest.venues import VenueInterest, at_clock
from gammaflow.evidence.open_interest.verdict import Verdict

__all__ = [
    "Attribution",
    "Commitments",
    "InterestChanges",
    "Unwinds",
    "VenueInterest",
    "Verdict",
    "at_clock",
    "attribute",
    "changes",
    "commitments",
    "in_coins",
    "unwinds",
]


def __dir__() -> list[str]:
    return __all__
