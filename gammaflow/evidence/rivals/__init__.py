"""Rival explanations of a fall: what dealers hedge for each type of customers' book, and the holder's stress.

Two questions that are often taken for one. Dealers' hedging moves the price: it depends on the sign of their
gamma. A holder's loss and margin call move it only if the holder is made to trade.

Examples
--------
>>> import gammaflow as gf
>>> found = gf.evidence.rivals.dealer_flow(["long calls", "short puts", "long puts"])
>>> found.table["verdict"].to_dict()
{'long calls': 'accelerates', 'short puts': 'dampens', 'long puts': 'accelerates'}
"""

from __future__ import annotations

from gammaflow.evidence.rivals.book_types import BOOK_TYPES, BookType, Leg, books
from gammaflow.evidence.rivals.dealer_flow import Rivals, dealer_flow

__all__ = ["BOOK_TYPES", "BookType", "Leg", "Rivals", "books", "dealer_flow"]


def __dir__() -> list[str]:
    return __all__
