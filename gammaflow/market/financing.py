"""Rate, yield and forwards for valuing a chain that does not give them, and their sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import DAYS_PER_YEAR
from gammaflow.checks import attempt, check_choice, check_number, refuse
from gammaflow.market.chain import Chain
from gammaflow.market.facts import DERIBIT
from gammaflow.market.parity.forwards import find_cells, fit_forwards, of_rows
from gammaflow.market.repair.futures import bare_futures, on_futures
from gammaflow.market.repair.gaps import futures_text, gap_text, moments_apart, sound, unexplained
from gammaflow.market.repair.repair import RepairedChain, repair_chain

__all__ = ["FEDERAL_FUNDS", "Financing", "default_rate", "finance"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Average effective federal funds rate of each year [1/year], to a tenth of a point (Board of Governors,
#: H.15; of the last year so far): approximate, and coarse where it moved within a year (2022: by 4 points).
FEDERAL_FUNDS: Mapping[int, float] = MappingProxyType(
    {
        2005: 0.032, 2006: 0.050, 2007: 0.050, 2008: 0.019, 2009: 0.002, 2010: 0.002, 2011: 0.001,
        2012: 0.001, 2013: 0.001, 2014: 0.001, 2015: 0.001, 2016: 0.004, 2017: 0.010, 2018: 0.018,
        2019: 0.022, 2020: 0.004, 2021: 0.001, 2022: 0.017, 2023: 0.050, 2024: 0.051, 2025: 0.042,
        2026: 0.036,
    }
)  # fmt: skip

#: A larger carry is not a yield: the expiry is valued on its forward, as in `repair_chain` [1/year].
_LARGEST_CARRY = 0.5

# Years to expiry from which parity determines a yield, and from which it does where no expiry is longer.
_FAR, _LEAST_YEARS = 0.25, 1.0 / 12.0
_ON_FORWARDS = "these forwards, so that levels are in units of the quoted spot"
_ON_SPOT = "the quoted spot, with the carry between the forwards of successive expiries"
_AS_SAID = (
    "spot all the same, with the rate and yield that the chain has or was given (--repair: on forwards)"
)
_UNDISCOUNTED = "rows are quoted on forwards and not discounted"
_NO_YIELD = "rows are quoted on forwards"
_SOURCES = {
    "parity": "put-call parity",
    "given": "as given",
    "other expiries": "interpolated from put-call parity",
    "chain": "as in the chain",
    "coin": "as in the chain",
}


@dataclass(frozen=True)
class Financing:
    """Sources of the rates and yields used for valuation, and warnings about unexplained forwards.

    Attributes
    ----------
    rate, dividend_yield : str
        Their sources, in words.
    warnings : tuple of str
        Forwards far from spot, with their numbers and a remedy, one text each.
    """

    rate: str = "as in the book"
    dividend_yield: str = "as in the book"
    warnings: tuple[str, ...] = ()


def default_rate(chain: Chain) -> tuple[float, str]:
    """Rate for a chain that gives none and whose quotes determine none, and its source in words.

    The entry of `FEDERAL_FUNDS` for the year of `asof`, or for the nearest year available; 0 where the
    currency is not USD.

    Examples
    --------
    >>> import gammaflow as gf
    >>> default_rate(gf.demo_chain())[0]
    0.036
    """
    if chain.currency != "USD":
        return 0.0, f"no default for {chain.currency}, and the chain has none; set one with rate= or --rate"
    year = min(max(chain.asof.year, min(FEDERAL_FUNDS)), max(FEDERAL_FUNDS))
    return FEDERAL_FUNDS[year], (
        f"default, as the chain has none: about the average US federal funds rate of {year}; "
        "rate= or --rate sets another"
    )


def finance(
    chain: Chain, *, rate: float | None = None, dividend_yield: float | None = None, repair: bool = False
) -> tuple[Chain, Financing]:
    """Give a chain the rate, the yield and the forwards for its valuation, and state their sources.

    Parameters
    ----------
    chain : Chain
        A rate or a yield of its own (any that is not 0) is kept, and the other with it. Otherwise rows valued
        on spot and American rows are given both.
    rate : float, optional
        Rate of all rows [1/year]; 0.0 counts as given. By default the chain's own; else the rate that
        put-call parity determines, interpolated between expiries; else `default_rate`.
    dividend_yield : float, optional
        Yield of all rows [1/year]; 0.0 counts as given. By default the chain's own; else the yield that puts
        each expiry from three months on at its parity forward, with the first of these for shorter expiries;
        0 where quotes determine none.
    repair : bool
        Repair the chain first, as in `repair_chain`.

    Returns
    -------
    chain, financing : Chain, Financing
        A repaired chain has its rates and yields; where parity determined no rate it gets the default rate,
        and the yield that leaves its forwards unchanged.

    Raises
    ------
    For a number that is not legal, a rate or a yield for a chain that has been repaired, or a yield for a
    chain that is to be repaired.

    Notes
    -----
    European rows quoted on a forward keep a rate of 0: a rate would only discount them, and venues that quote
    on forwards (Deribit) do not discount.

    Parity forwards with an error above 2 % are not used. Between expiries ln(F / S) is interpolated over
    years, from 0 at `asof`; beyond the last, its carry is kept. Where the carry is above 0.5 a year, and for
    options on futures (`repair.futures`), `forward` is set instead of a yield; expiries of futures without a
    parity forward take one from neighbouring expiries, not from spot.

    A warning reports forwards that are, by more than twice their error, above S e^((rate + 0.05) t) by
    0.5 % or below S e^(-t / 2) by 2 %: financing, stock borrow fees and dividends stay within these limits.
    Where the forwards are within 5 % of spot, as prices of another time would be, carry is taken from the
    spot that the next expiry implies, and rows are valued on the quoted spot: strikes and levels are then on
    its scale.
    """
    _, problems = attempt(
        lambda: check_choice(repair, "repair", (True, False)),
        lambda: rate is None or check_number(rate, "rate", -5.0, 5.0),
        lambda: dividend_yield is None or check_number(dividend_yield, "dividend_yield", -5.0, 5.0),
    )
    refuse("financing", problems)
    repaired = isinstance(chain, RepairedChain)
    if (repaired and rate is not None) or ((repaired or repair) and dividend_yield is not None):
        problems.append(
            f"rate={rate}, dividend_yield={dividend_yield}: received for a repaired chain, whose forwards "
            "and yields come from parity; legal: repair_chain(chain, rate=...) first, or no repair."
        )
    refuse("financing", problems)
    if isinstance(chain, RepairedChain):
        return _of_repaired(chain)
    if repair:
        chain = _on_neighbours(chain, rate)
        default = rate is None and not _says(chain) and not _determined(chain)
        used = default_rate(chain)[0] if default else rate
        repaired_chain, told = _of_repaired(repair_chain(chain, rate=used), default=default)
        if rate is not None:
            repaired_chain = Chain.with_columns(repaired_chain, rate=np.full(len(chain), float(rate)))
            told = replace(told, rate="as given")
        return repaired_chain, told
    return _of_quotes(chain, rate, dividend_yield)


def _says(chain: Chain) -> bool:
    """True where an unexpired row has a rate or a yield."""
    alive = chain.years > 0
    return bool(chain["rate"][alive].any() or chain["dividend_yield"][alive].any())


def _in_need(chain: Chain) -> Mask:
    """Unexpired rows on which a rate does more than discount, (n,): on spot or American, except Deribit's."""
    rows = np.isnan(chain["forward"]) | (chain["exercise"] == "american")
    return np.asarray(rows & (chain.years > 0) & (chain.venue != DERIBIT))


def _determined(chain: Chain) -> bool:
    """True where put-call parity determines a rate, or none is needed."""
    if not _in_need(chain).any():
        return True
    return bool((fit_forwards(chain, find_cells(chain), False, None)["rate_source"] == "parity").any())


def _on_neighbours(chain: Chain, rate: float | None) -> Chain:
    """A chain whose options on futures without a parity forward use forwards of neighbouring expiries."""
    bare = bare_futures(chain) & (chain.years > 0)
    if not bare.any():
        return chain
    table = fit_forwards(chain, find_cells(chain), False, rate)
    table["filled"] = np.where(sound(table), np.nan, _filled(table, chain.spot, chain.spot, True))
    filled = of_rows(chain, table, "filled")
    return chain.with_columns(forward=np.where(bare & ~np.isnan(filled), filled, chain["forward"]))


def _of_quotes(chain: Chain, rate: float | None, dividend_yield: float | None) -> tuple[Chain, Financing]:
    """An unrepaired chain with its financing."""
    said, rows = _says(chain), _in_need(chain)
    columns: dict[str, Any] = {}
    rate_from, yield_from = ("as in the chain",) * 2 if said else (_UNDISCOUNTED, _NO_YIELD)
    if rate is not None:
        columns["rate"], rate_from = np.full(len(chain), float(rate)), "as given"
    if dividend_yield is not None:
        columns["dividend_yield"], yield_from = np.full(len(chain), float(dividend_yield)), "as given"
    if not rows.any():
        return chain.with_columns(**columns) if columns else chain, Financing(rate_from, yield_from)

    default, text = default_rate(chain)
    cells = find_cells(chain)
    table = fit_forwards(chain, cells, False, rate)
    if rate is None and not said:
        if not (table["rate_source"] == "parity").any():
            table = fit_forwards(chain, cells, False, default)
        table["rate"], rate_from = _rates(table, default, text)
        columns["rate"] = np.where(rows, of_rows(chain, table, "rate"), 0.0)
    bare = bare_futures(chain) & (chain.years > 0) & (dividend_yield is None)
    off = unexplained(chain, table)
    valued, base = _ON_FORWARDS, chain.spot
    if moments_apart(off, chain.spot) and not bare.any():
        valued, base = _ON_SPOT, _implied_spot(table)
    table["filled"] = _filled(table, chain.spot, base, bool(bare.any()))
    forward = of_rows(chain, table, "filled")
    on_forward = bare & ~np.isnan(forward)
    estimated = dividend_yield is None and not said
    if estimated:
        r = columns.get("rate", chain["rate"])
        with np.errstate(invalid="ignore", divide="ignore"):
            carry = r - np.log(forward / chain.spot) / chain.years
        yield_from = _yield_text(table)
        if not len(off) and not bare.any():
            carry, yield_from = _flat_before(chain, table, carry, yield_from)
        found = np.isnan(chain["forward"]) & ~np.isnan(carry)
        on_forward |= found & (np.abs(carry) > _LARGEST_CARRY)
        columns["dividend_yield"] = np.where(found & ~on_forward, carry, 0.0)
    columns["forward"] = np.where(on_forward, forward, chain["forward"])
    warnings = _warnings(chain, table, bare, off, valued if estimated else _AS_SAID)
    return chain.with_columns(**columns), Financing(rate_from, yield_from, warnings)


def _of_repaired(chain: RepairedChain, default: bool = False) -> tuple[Chain, Financing]:
    """A repaired chain with its financing; `default`: its repair used the default rate."""
    table, rows = chain.forwards.copy(), _in_need(chain)
    columns: dict[str, Any] = {}
    value, text = default_rate(chain)
    sources = table["rate_source"].value_counts().to_dict()
    rate_from = ", ".join(
        f"{_SOURCES.get(str(s), s)} ({n} of {len(table)} expiries)" for s, n in sources.items()
    )
    if default:
        rate_from = text
    elif rows.any() and set(sources) == {"chain"} and not _says(chain.original):
        rate_from, columns["rate"] = text, np.where(rows, value, chain["rate"])
        moved = np.where(rows & np.isnan(chain["forward"]), value, 0.0)
        columns["dividend_yield"] = chain["dividend_yield"] + moved
    futures = on_futures(chain) & np.isnan(chain.original["forward"]) & (chain.years > 0)
    table["filled"] = _filled(table, chain.spot, chain.spot, bool(futures.any()))
    bare = futures & np.isnan(chain["forward"])
    columns["forward"] = np.where(bare, of_rows(chain, table, "filled"), chain["forward"])
    yield_from = "put-call parity, as repaired" if rows.any() else _NO_YIELD
    warnings = _warnings(chain, table, futures, unexplained(chain, table), _ON_FORWARDS)
    # Not the repaired chain's own method, which would drop the repair: volatilities stay as they are.
    return Chain.with_columns(chain, **columns), Financing(rate_from, yield_from, warnings)


def _rates(table: pd.DataFrame, default: float, text: str) -> tuple[Array, str]:
    """Rate of each expiry, and its source: parity, interpolated where parity gives none; or the default."""
    known = (table["rate_source"] == "parity").to_numpy()
    if not known.any():
        return np.full(len(table), default), text
    t, own = table["years"].to_numpy(), table["rate"].to_numpy()
    others = "" if known.all() else "; interpolated on the others"
    return np.interp(t, t[known], own[known]), (
        f"put-call parity of the chain's quotes on {known.sum()} of {len(table)} expiries{others}"
    )


def _implied_spot(table: pd.DataFrame) -> float:
    """Spot implied by the next expiry with a forward [currency], assuming no dividend before it."""
    first = table[sound(table)].iloc[0]
    return float(first["forward"] * np.exp(-first["rate"] * first["years"]))


def _filled(table: pd.DataFrame, spot: float, base: float, futures: bool) -> Array:
    """Forward of each expiry on `spot`, interpolated where quotes determine none; NaN where impossible.

    The quotes are from a time at which spot was `base`.
    """
    known, t = sound(table), table["years"].to_numpy()
    if not known.any():
        return np.full(len(table), np.nan)
    x, gap = t[known], np.log(table["forward"].to_numpy()[known] / base)
    if futures:
        return np.asarray(spot * np.exp(np.interp(t, x, gap)))
    between = np.interp(t, np.append(0.0, x), np.append(0.0, gap))
    return np.asarray(spot * np.exp(np.where(t > x[-1], gap[-1] / x[-1] * t, between)))


def _flat_before(chain: Chain, table: pd.DataFrame, carry: Array, text: str) -> tuple[Array, str]:
    """Carry of rows (n,), and its source; below three months, the carry of the first expiry beyond.

    A spot that is off by 0.1 % changes the yield by 37 % a year over a day, and by 0.4 % over three months.
    Without an expiry that far away the last one decides, and none where it is within a month.
    """
    known = sound(table)
    if not known.any():
        return carry, text
    t = table["years"].to_numpy()[known]
    far = t[t >= _FAR]
    first = float(far[0]) if far.size else float(t[-1])
    if first < _LEAST_YEARS:
        return np.where(np.isnan(carry), np.nan, 0.0), (
            "0, as the chain gives none and its expiries are too short to imply one; set one with "
            "dividend_yield= or --dividend-yield"
        )
    own = carry[np.argmin(np.abs(chain.years - first))]
    earlier = chain.years < first * (1.0 - 1e-9)
    if not (earlier & ~np.isnan(carry)).any():
        return carry, text
    day = (chain.asof + pd.Timedelta(first * DAYS_PER_YEAR, "D")).strftime("%Y-%m-%d")
    return np.where(earlier & ~np.isnan(carry), own, carry), f"{text}; before {day}, that expiry's"


def _yield_text(table: pd.DataFrame) -> str:
    known = int(sound(table).sum())
    if not known:
        return "neither the chain nor its quotes give one; set one with dividend_yield= or --dividend-yield"
    others = "" if known == len(table) else "; interpolated on the others"
    return f"put-call parity: the forward of {known} of {len(table)} expiries{others}"


def _warnings(
    chain: Chain, table: pd.DataFrame, futures: Mask, off: pd.DataFrame, valued: str
) -> tuple[str, ...]:
    if futures.any():
        return futures_text(chain, table, table["filled"].to_numpy())
    return gap_text(chain, off, len(table), valued)
