"""Flags of a chain's rows: inconsistent quotes, and volatilities off their smile."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.market.chain import PLACEHOLDER_IV
from gammaflow.market.parity.fits import PER_MAD, single_forwards
from gammaflow.market.parity.forwards import WINDOW, Cells, of_rows
from gammaflow.market.repair.terms import Terms

__all__ = ["find_flags"]

Array = NDArray[np.float64]

CROSSED = "crossed quote"
INTRINSIC = "below intrinsic"
MONOTONE = "not monotone in strike"
CONVEX = "not convex in strike"
PARITY = "stale: off parity beyond the spread"
REPRICE = "volatility reprices outside the quote"
OUTLIER = "volatility an outlier of the smile"
_FLAGS = (CROSSED, INTRINSIC, MONOTONE, CONVEX, PARITY, REPRICE, OUTLIER)


def find_flags(terms: Terms, cells: Cells, iv: Array, table: pd.DataFrame) -> NDArray[Any]:
    """The flags of each row, joined by "; ", (n,) text; see `gammaflow.market.repair.repair.repair_chain`.

    Parameters
    ----------
    terms : Terms
        Terms on which the rows are priced.
    cells : Cells
        Rows of the legs of each strike.
    iv : (n,) array
        Volatility of each row [1/sqrt(year)].
    table : DataFrame
        Forwards per expiry, from `fit_forwards`.
    """
    chain, bid, ask = terms.chain, terms.chain["bid"], terms.chain["ask"]
    alive, two_sided = chain.years > 0, chain.quote_state == "two-sided"
    # Intrinsic value is known only where the discount factor is known.
    error = of_rows(chain, table.assign(error=table["error"].where(table["rate_source"] != "chain")), "error")
    found = {name: np.zeros(len(chain), dtype=bool) for name in _FLAGS}
    found[CROSSED] = alive & (chain.quote_state == "crossed")
    found[INTRINSIC] = alive & two_sided & (ask < terms.intrinsic - 3.0 * error / terms.unit)
    found[REPRICE] = terms.off_quote(iv)
    for leg, up in ((cells.call, 1), (cells.put, -1)):
        present = leg >= 0
        present[present] = two_sided[leg[present]]
        rows, group, K = leg[present], cells.group[present], cells.strike[present]
        low, high = (rows[:-1], rows[1:])[::up]
        dear = (group[1:] == group[:-1]) & (bid[high] > ask[low])
        found[MONOTONE][rows[1:][dear]] = found[MONOTONE][rows[:-1][dear]] = True
        left = np.flatnonzero(group[2:] == group[:-2])
        middle, right = left + 1, left + 2
        share = (K[right] - K[middle]) / (K[right] - K[left])
        wings = share * ask[rows[left]] + (1.0 - share) * ask[rows[right]]
        found[CONVEX][rows[middle][bid[rows[middle]] > wings]] = True
    for flag, rows in (
        (PARITY, _off_parity(terms, cells, iv, table)),
        (OUTLIER, _outliers(terms, cells, iv)),
    ):
        found[flag][rows] = True
    out = np.full(len(chain), "", dtype=object)
    for name, marked in found.items():
        out[marked] = np.where(out[marked] == "", name, out[marked] + "; " + name)
    return out


def _off_parity(terms: Terms, cells: Cells, iv: Array, table: pd.DataFrame) -> NDArray[np.int64]:
    """Rows near the money whose quotes allow no forward within three errors of their expiry's."""
    chain, bid, ask = terms.chain, terms.chain["bid"], terms.chain["ask"]
    both = (cells.call >= 0) & (cells.put >= 0)
    call, put = cells.call[both], cells.put[both]
    fine = (chain.quote_state[call] == "two-sided") & (chain.quote_state[put] == "two-sided")
    call, put = call[fine], put[fine]
    forward, error, discount = (of_rows(chain, table, n)[call] for n in ("forward", "error", "discount"))
    K = chain["strike"][call]
    early = _premium_gap(terms, call, put, iv)
    window = np.array([WINDOW[style] for style in chain["exercise"][call]])
    with np.errstate(invalid="ignore"):
        near = np.abs(np.log(K / forward)) <= window * iv[call] * np.sqrt(chain.years[call])
    low, high = (
        single_forwards(K, y - early, discount, terms.coin)
        for y in (bid[call] - ask[put], ask[call] - bid[put])
    )
    off = near & ((low > forward + 3.0 * error) | (high < forward - 3.0 * error))
    return np.concatenate([call[off], put[off]])


def _premium_gap(terms: Terms, call: NDArray[np.int64], put: NDArray[np.int64], iv: Array) -> Array:
    """Early-exercise premium of calls less that of puts, at the out-of-the-money volatility [currency]."""
    out, early = np.zeros(len(call)), np.flatnonzero(terms.american[call])
    call, put = call[early], put[early]
    sigma = np.where(terms.outside[call], iv[call], iv[put])
    out[early] = np.nan_to_num(terms.premium(call, sigma) - terms.premium(put, sigma))
    return out


def _outliers(terms: Terms, cells: Cells, iv: Array) -> NDArray[np.int64]:
    """Out-of-the-money rows whose volatility is far from those of nearby strikes."""
    leg = np.where((cells.put >= 0) & terms.outside[cells.put], cells.put, cells.call)
    with np.errstate(invalid="ignore"):
        has = (leg >= 0) & terms.outside[leg] & (iv[leg] > PLACEHOLDER_IV)
    leg, group, x = leg[has], cells.group[has], np.log(cells.strike[has])
    v, n = iv[leg], len(leg)
    smile = np.full((3, n), np.nan)
    for j in range(1, 4):
        b = np.arange(j, n - j)
        b = b[group[b - j] == group[b + j]]
        a, c = b - j, b + j
        smile[j - 1, b] = v[a] + (v[c] - v[a]) * (x[b] - x[a]) / (x[c] - x[a])
    judged = (~np.isnan(smile)).sum(axis=0) >= 2
    expected = np.full(n, np.nan)
    expected[judged] = np.nanmedian(smile[:, judged], axis=0)
    away = pd.Series(np.abs(v - expected))
    limit = np.maximum(5.0 * PER_MAD * away.groupby(group).transform("median"), 0.1 * expected)
    return np.asarray(leg[(away > limit).to_numpy()])
