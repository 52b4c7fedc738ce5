"""Measures of a chain's quality: reasons that exclude rows, shares that pass each check, ages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammaflow.coded import Coded
from gammaflow.columns import coded
from gammaflow.market.plausibility.rows import PLACEHOLDER_IV
from gammaflow.market.quality import (
    EXPIRED,
    INTEREST_MISSING,
    IV_MISSING,
    IV_PLACEHOLDER,
    IV_ZERO,
    LOOK_AHEAD,
    NO_INTEREST,
    STALE_MINUTES,
    Quality,
)

__all__ = ["find_groups", "find_unusable", "first_true", "measure", "share_of_alive"]

# The clocks of vendor and user may differ by less than this [minutes].
_CLOCK_SLACK = 1.0


def find_unusable(chain: Any) -> Coded:
    """The reason out of `REASONS` why each row cannot be valued or carries no position, else ""."""
    iv, oi = chain["iv"], chain["open_interest"]
    found = {
        EXPIRED: chain.years <= 0,
        IV_MISSING: np.isnan(iv),
        IV_ZERO: iv == 0,
        IV_PLACEHOLDER: iv <= PLACEHOLDER_IV,
        INTEREST_MISSING: np.isnan(oi),
        LOOK_AHEAD: chain.open_interest_age < 0,
        NO_INTEREST: oi == 0,
    }
    return first_true(found, "")


def find_groups(chain: Any) -> NDArray[np.int64]:
    """Number of each row's (expiry, root), in that order, (n,); -1 where it has expired."""
    alive = chain.years > 0
    expiry = chain.expiry_places[1].astype(np.int64)
    roots = coded(chain.columns, "root")
    place = {name: i for i, name in enumerate(sorted({*map(str, roots.texts)}))}
    if len(place) > 1:
        expiry = expiry * len(place) + np.array([place[str(root)] for root in roots.texts])[roots.places]
    key = expiry[alive]
    out = np.full(len(chain), -1, dtype=np.int64)
    out[alive] = (np.cumsum(np.bincount(key) > 0) - 1)[key]
    return out


def first_true(masks: Mapping[str, NDArray[np.bool_]], default: str) -> Coded:
    """Name of the first mask in which each row is, (n,) text; `default` where it is in none.

    Examples
    --------
    >>> first_true({"low": np.array([True, False]), "odd": np.array([True, True])}, "").rows
    array(['low', 'odd'], dtype=object)
    """
    words = np.array([*masks, default], dtype=object)
    place = np.full(len(next(iter(masks.values()))), len(masks), dtype=np.intp)
    for i, mask in reversed(list(enumerate(masks.values()))):
        place[mask] = i
    return Coded(words, place)


@np.errstate(over="ignore", invalid="ignore")
def measure(chain: Any) -> Quality:
    """Quality of a chain that has not been repaired."""
    interest = chain["open_interest"]
    oi = np.where(np.isnan(interest), 0.0, interest)
    fine, alive = chain.reasons.among("", NO_INTEREST), chain.years > 0
    two_sided = chain.quote_states.among("two-sided")
    checks, passed = _checks(chain, two_sided)
    bid, ask = (chain[name][alive & two_sided] for name in ("bid", "ask"))
    return Quality(
        _excluded(chain.reasons, oi),
        len(chain),
        int(fine.sum()),
        float(oi.sum()),
        float(oi[fine].sum()),
        chain.left_out,
        chain.quote_states[alive].counts(),
        float(np.median(2 * (ask - bid) / (ask + bid))) if len(bid) else np.nan,
        checks=checks,
        quote_age=_quote_ages(chain),
        open_interest_age=_open_interest_ages(chain),
        passed=passed,
        source=f"{chain.vendor} {chain.symbol} of {chain.asof:%Y-%m-%d %H:%M:%S} UTC",
        asof=chain.asof,
        in_new_york=bool(chain.in_new_york.all()),
        selection=chain.selection,
        warnings=chain.warnings,
    )


def _excluded(reasons: Coded, oi: NDArray[np.float64]) -> tuple[tuple[str, int, float], ...]:
    """`Quality.excluded` from the reason and open interest of each row."""
    return tuple(
        (name, count, float(oi[reasons.among(name)].sum(dtype=np.longdouble)))
        for name, count in reasons.counts().items()
        if name
    )


def share_of_alive(chain: Any, rows: NDArray[np.bool_], checked: NDArray[np.bool_] | None = None) -> float:
    """Share of unexpired rows in the mask `rows` (n,); NaN where no row is unexpired and in `checked`.

    `checked` (n,) marks the rows that have the property to be checked.
    """
    alive = chain.years > 0
    if not (alive if checked is None else alive & checked).any():
        return np.nan
    return float(np.count_nonzero(alive & rows) / np.count_nonzero(alive))


def _checks(chain: Any, two_sided: NDArray[np.bool_]) -> tuple[dict[str, float], float]:
    """`Quality.checks` of a chain that has not been repaired, and the share of rows that pass the score's."""
    if not (chain.years > 0).any():
        return {}, np.nan
    interest = ~np.isnan(chain["open_interest"])
    usable = chain["iv"] > PLACEHOLDER_IV
    known = interest & ~(chain.open_interest_age < 0)
    forward = ~np.isnan(chain["forward"])
    checks = {
        "volatility usable": share_of_alive(chain, usable),
        "open interest known": share_of_alive(chain, known, interest),
        "two-sided quote": share_of_alive(chain, two_sided, ~chain.quote_states.among("no quote")),
        "forward known": share_of_alive(chain, forward, forward),
        "not flagged": np.nan,
    }
    return checks, share_of_alive(chain, usable & known & two_sided)


def _weights(chain: Any) -> NDArray[np.float64]:
    """Open interest of unexpired rows, 0 for expired ones; where no row has any, equal weights."""
    alive = chain.years > 0
    oi = np.where(alive & ~np.isnan(chain["open_interest"]), chain["open_interest"], 0.0)
    return oi if oi.any() else alive.astype(np.float64)


def _quantiles(
    values: NDArray[np.float64], weights: NDArray[np.float64], *shares: float
) -> NDArray[np.float64]:
    """The lowest of `values` (n,) that at least each share of the weight does not exceed; NaN without it."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    if not reached[-1]:
        return np.full(len(shares), np.nan)
    return np.asarray(values[order[np.searchsorted(reached, np.array(shares) * reached[-1])]])


def _quote_ages(chain: Any) -> dict[str, float]:
    rows = (chain.years > 0) & ~np.isnan(chain.quote_age)
    if not rows.any():
        return {}
    weights, age = _weights(chain), chain.quote_age[rows]
    median, late = _quantiles(age, weights[rows], 0.5, 0.95).tolist()
    return {
        "known": float(weights[rows].sum() / weights.sum()),
        "median": median,
        "95 %": late,
        "stale rows": float((age > STALE_MINUTES).sum()),
        "rows after asof": float((age < -_CLOCK_SLACK).sum()),
    }


def _open_interest_ages(chain: Any) -> dict[str, float]:
    rows = (chain.years > 0) & ~np.isnan(chain.open_interest_age)
    if not rows.any():
        return {}
    weights, age = _weights(chain), chain.open_interest_age[rows]
    return {
        "known": float(weights[rows].sum() / weights.sum()),
        "median": float(_quantiles(age, weights[rows], 0.5)[0]),
        "oldest": float(age.max()),
        "rows of the same day": float(((age == 0) & chain.in_new_york[rows]).sum()),
        "rows after asof": float((age < 0).sum()),
    }
