"""Whole baskets in which a dealer creates and redeems fund shares."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import attempt, check_number, read_number, refuse
from gammaflow.errors import SchemaError

__all__ = ["Baskets", "check_basket", "check_shares", "etf_creations", "settle", "settle_days"]

# Shares are whole: less than this part of a basket is rounding, and needs no basket of its own.
_ROUNDING = 1e-9
# Numbers of shares that int64 holds with room to spare.
_MOST = 1e15


class Baskets(NamedTuple):
    """Baskets created and redeemed per day, and the fund shares held after them."""

    created: NDArray[np.int64]
    redeemed: NDArray[np.int64]
    shares: NDArray[np.float64]


def etf_creations(short_shares: ArrayLike, *, basket: float = 40_000, borrow: ArrayLike = 0.0) -> Any:
    """Whole baskets that a dealer must create to cover a short position in fund shares.

    The smallest number of baskets after which no more shares are short than can be borrowed:
    ceil(max(0, short_shares - borrow) / basket). Less than 1e-9 of a basket counts as rounding.

    Parameters
    ----------
    short_shares : float or array
        Fund shares short; negative where the dealer is long.
    basket : int
        Shares per basket, a whole number; 40,000 for IBIT.
    borrow : float or array
        Shares that can be borrowed, and so need not be created, >= 0.

    Returns
    -------
    int, or array of int64
        As many as the shapes of `short_shares` and `borrow` broadcast to.

    Raises
    ------
    SchemaError
        With every problem: a basket that is no whole number of shares > 0, shares that are missing or
        infinite, a negative `borrow`.

    See Also
    --------
    EtfLedger : Fund shares, coins and futures of a dealer who hedges with a fund, day by day.

    Examples
    --------
    >>> etf_creations(6_000_000)
    150
    >>> etf_creations([40_000, 40_001, -1.0], borrow=[0.0, 0.0, 100.0]).tolist()
    [1, 2, 0]
    """
    values, problems = attempt(
        lambda: check_basket(basket),
        lambda: check_shares(short_shares, "short_shares"),
        lambda: check_shares(borrow, "borrow", 0.0),
    )
    refuse("creations", problems)
    size, short, room = values
    try:
        uncovered = np.maximum(0.0, short - room)
    except ValueError:
        raise SchemaError(
            f"borrow: received shape {room.shape} with short_shares of {short.shape}; pass one number, or "
            "one for each."
        ) from None
    found = _up(uncovered / size)
    return int(found) if found.ndim == 0 else found


def check_basket(basket: Any) -> int:
    """Shares per basket, a whole number > 0."""
    size = check_number(basket, "basket", 0.0, open_low=True)
    if size != round(size):
        raise SchemaError(f"basket: received {basket!r}; legal: a whole number of shares, such as 40_000.")
    return int(size)


def check_shares(value: Any, name: str, low: float = -_MOST) -> NDArray[np.float64]:
    """Numbers of shares or coins as an array: finite, and at most 1e15."""
    problems: list[str] = []
    read = read_number(name, value, problems)
    refuse(name, problems)
    array = np.asarray(read, np.float64)
    wrong = ~((array >= low) & (np.abs(array) <= _MOST))
    if wrong.any():
        first = float(array[wrong].flat[0])
        got = f"received {first:g}" + f" and others, {wrong.sum()} of {array.size}" * (array.ndim > 0)
        raise SchemaError(
            f"{name}: {got}; legal: finite{'' if low else ', >= 0'} and at most {_MOST:g} in size."
        )
    return array


def _up(baskets: NDArray[np.float64]) -> NDArray[np.int64]:
    near = np.rint(baskets)
    whole = np.where(np.abs(baskets - near) <= _ROUNDING, near, np.ceil(baskets))
    return whole.astype(np.int64)


def _down(baskets: NDArray[np.float64]) -> NDArray[np.int64]:
    return -_up(-baskets)


def settle(shares: Any, basket: int, borrow: float, target: float) -> tuple[Any, Any]:
    """Baskets to create and to redeem for an inventory of fund shares, + = long; never both."""
    held = np.asarray(shares, np.float64)
    created = _up(np.maximum(0.0, -held - borrow) / basket)
    redeemed = _down(np.maximum(0.0, held - target) / basket)
    return created, redeemed


def settle_days(
    sold_shares: ArrayLike,
    *,
    basket: float = 40_000,
    borrow: float = 0.0,
    target: float = 0.0,
    shares: float = 0.0,
) -> Baskets:
    """Baskets created and redeemed day after day, for many paths at once.

    Parameters
    ----------
    sold_shares : (..., days) array
        Fund shares that the dealer sells each day, + = sold.
    basket, borrow, target, shares : float
        As for `EtfLedger`.

    Returns
    -------
    Baskets
        Arrays `created`, `redeemed` [baskets] and `shares` (inventory after them), each (..., days).

    Raises
    ------
    SchemaError
        With every problem, as `etf_creations`.

    Examples
    --------
    >>> settle_days([[50_000, 10_000, -90_000]]).created.tolist()
    [[2, 0, 0]]
    """
    values, problems = attempt(
        lambda: check_basket(basket),
        lambda: np.atleast_1d(check_shares(sold_shares, "sold_shares")),
        *(partial(check_number, v, n, 0.0) for n, v in (("borrow", borrow), ("target", target))),
        lambda: check_number(shares, "shares"),
    )
    refuse("ledger", problems)
    size, sold, room, kept, start = values
    created, redeemed = (np.empty(sold.shape, np.int64) for _ in range(2))
    held = np.empty(sold.shape)
    now = np.full(sold.shape[:-1], start)
    for day in range(sold.shape[-1]):
        now = now - sold[..., day]
        created[..., day], redeemed[..., day] = settle(now, size, room, kept)
        now = now + size * (created[..., day] - redeemed[..., day])
        held[..., day] = now
    return Baskets(created, redeemed, held)
