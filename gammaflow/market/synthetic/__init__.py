"""Synthetic market: years of option chains with the size and shape of a real one, for tests and benchmarks.

Examples
--------
>>> chains = list(synthetic_chains(2, contracts=400))
>>> [f"{chain.asof:%d %b}" for chain in chains], len(chains[0])
(['01 Jan', '02 Jan'], 400)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gammaflow.checks import check_whole
from gammaflow.market.chain import Chain
from gammaflow.market.synthetic.market import Market

__all__ = ["synthetic_chain", "synthetic_chains"]


def synthetic_chains(
    days: int,
    *,
    contracts: int = 2000,
    per_day: int = 1,
    seed: int = 0,
    symbol: str = "SYN",
    start: Any = "2022-01-01T09:30Z",
    spot: float = 40_000.0,
) -> Iterator[Chain]:
    """Chains of consecutive days of a synthetic market, each made only when it is needed.

    Parameters
    ----------
    days : int
        Number of days, >= 0.
    contracts, per_day, seed, symbol, start, spot
        As in `synthetic_chain`.

    Returns
    -------
    iterator of Chain
        ``days * per_day`` of them in time order; number i is ``synthetic_chain(i, ...)``.

    Raises
    ------
    SchemaError
        For arguments that are not legal.

    Examples
    --------
    >>> [round(chain.spot) for chain in synthetic_chains(3, contracts=400)]
    [40000, 39043, 39928]
    """
    count = check_whole(days, "days", 0) * check_whole(per_day, "per_day", 1)
    return map(Market(contracts, per_day, seed, symbol, start, spot).chain, range(count))


def synthetic_chain(
    number: int,
    *,
    contracts: int = 2000,
    per_day: int = 1,
    seed: int = 0,
    symbol: str = "SYN",
    start: Any = "2022-01-01T09:30Z",
    spot: float = 40_000.0,
) -> Chain:
    """One snapshot of a synthetic market that trades every day, as crypto options do.

    Spot has stochastic volatility that is correlated with it. Daily, weekly, monthly and quarterly expiries
    at 08:00 UTC roll, and their strikes follow spot. Implied vols have a term structure and a skew that
    changes its sign. Open interest of an expiry grows from its listing on and gathers where spot has been,
    the more so the later, in calls where calls are bid; the differences between contracts stay. No number is
    a market quote.

    Parameters
    ----------
    number : int
        Number of the snapshot, from 0; each can be made alone.
    contracts : int
        Rows of the chain, an even number, 100 to 100,000.
    per_day : int
        Snapshots per day, equally spaced, 1 to 1,440.
    seed : int
        Seed of the market; the same arguments give the same chain, on one version of NumPy.
    symbol : str
        The underlying.
    start : tz-aware timestamp
        Time of snapshot 0.
    spot : float
        Spot at `start` [currency].

    Returns
    -------
    Chain
        European options quoted in USD on forwards, with the day of `asof` as that of open interest; its
        vendor is "synthetic demo" and `synthetic` is True.

    Raises
    ------
    SchemaError
        For arguments that are not legal.

    Examples
    --------
    >>> chain = synthetic_chain(30)
    >>> len(chain), chain.synthetic, f"{chain.asof:%Y-%m-%d %H:%M}"
    (2000, True, '2022-01-31 09:30')
    """
    return Market(contracts, per_day, seed, symbol, start, spot).chain(number)


def __dir__() -> list[str]:
    return __all__
