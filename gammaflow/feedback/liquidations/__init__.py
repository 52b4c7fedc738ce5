"""Liquidation of leveraged positions: pools by price, from a table or from leverage.

Examples
--------
>>> import gammaflow as gf
>>> print(f"{gf.liquidations.price(entry=100.0, leverage=10.0, maintenance=0.005, side='long'):.4f}")
90.4523
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gammaflow.errors import SchemaError
from gammaflow.feedback.liquidations.origin import Excluded, Origin
from gammaflow.feedback.liquidations.pools import SIDES, Liquidations
from gammaflow.feedback.liquidations.prices import from_leverage, price
from gammaflow.feedback.liquidations.recorded import read

__all__ = ["Excluded", "Liquidations", "Origin", "from_leverage", "pool", "price", "read"]


def pool(
    value: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    side: str | Sequence[str] = "long",
    *,
    source: str = "as given",
    currency: str = "USD",
) -> Liquidations:
    """One pool of liquidations between two prices, or several.

    Parameters
    ----------
    value : float or array_like
        Currency that is sold (long) or bought back (short) in all, >= 0.
    low, high : float or array_like
        Ends of the pool [currency], 0 < low < high; it fires evenly in ln S between them.
    side : "long" or "short", or a sequence of them
        Positions that are liquidated.
    source : str
        Who says so.
    currency : str
        Currency of prices and value.

    Returns
    -------
    Liquidations

    Raises
    ------
    SchemaError
        With every problem of the numbers and words.

    See Also
    --------
    read : Read liquidation pools by price from a file or a DataFrame.
    from_leverage : Pools from open interest, its entry prices and its leverages, on a grid in ln S.

    Examples
    --------
    >>> import gammaflow as gf
    >>> print(gf.liquidations.pool(2e8, 60_000.0, 70_000.0).totals["long"])
    200000000.0
    """
    many: Any = side
    single = isinstance(many, str) or not isinstance(many, Iterable) or np.ndim(np.asarray(many, object)) == 0
    words: list[Any] = [many] if single else list(many)
    unknown = [word for word in words if not (isinstance(word, str) and word in SIDES)]
    if unknown:
        raise SchemaError(f"side: received {unknown[0]!r}; legal: {', '.join(map(repr, SIDES))}.")
    try:
        shape = np.broadcast_shapes(*(np.shape(v) for v in (value, low, high)), (len(words),))
        arrays = [
            np.broadcast_to(np.asarray(v), shape) for v in (value, low, high, [SIDES[w] for w in words])
        ]
    except ValueError as error:
        raise SchemaError(f"value, low, high, side: shapes that do not match ({error}).") from None
    origin = Origin(source)
    return Liquidations(arrays[1], arrays[2], arrays[0], arrays[3], (origin,), currency)


def __dir__() -> list[str]:
    return list(__all__)
