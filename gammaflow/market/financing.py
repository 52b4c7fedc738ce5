"""Rate, yield and forwards for valuing a chain that does not give them, and their sources."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import attempt, check_choice, check_number, refuse
from gammaflow.market.carry.dividends import Dividends, find_dividends
from gammaflow.market.carry.rates import RateCurve, find_rate, rates_at
from gammaflow.market.chain import Chain
from gammaflow.market.default_rate import FEDERAL_FUNDS, default_rate
from gammaflow.market.expiry_carry import (
    filled_forwards,
    flat_before,
    implied_spot,
    interpolated_rates,
    yield_text,
)
from gammaflow.market.facts import DERIBIT
from gammaflow.market.given import dividend_columns, quoted_forwards, with_carry
from gammaflow.market.parity.forwards import find_cells, fit_forwards, of_rows
from gammaflow.market.repair.futures import bare_futures, on_futures
from gammaflow.market.repair.gaps import (
    futures_text,
    gap_text,
    missed_text,
    moments_apart,
    sound,
    unexplained,
)
from gammaflow.market.repair.repair import RepairedChain, repair_chain
from gammaflow.text import value_text

__all__ = ["FEDERAL_FUNDS", "Financing", "default_rate", "finance"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: A larger carry is not a yield: the expiry is valued on its forward, as in `repair_chain` [1/year].
_LARGEST_CARRY = 0.5

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


def finance(
    chain: Chain,
    *,
    rate: float | pd.Series | RateCurve | None = None,
    dividend_yield: float | None = None,
    dividends: pd.Series | Dividends | None = None,
    repair: bool = False,
) -> tuple[Chain, Financing]:
    """Give a chain the rate, the yield and the forwards for its valuation, and state their sources.

    Parameters
    ----------
    chain : Chain
        A rate or a yield of its own (any that is not 0) is kept, and the other with it. Otherwise rows valued
        on spot and American rows are given both.
    rate : float, Series or RateCurve, optional
        Rate of all rows [1/year], or a curve of zero rates by date; 0.0 counts as given. By default the
        chain's own; else the rate that put-call parity determines, interpolated between expiries; else
        `default_rate`.
    dividend_yield : float, optional
        Yield of all rows [1/year]; 0.0 counts as given. By default the chain's own; else the yield that puts
        each expiry from three months on at its parity forward, with the first of these for shorter expiries;
        0 where quotes determine none.
    dividends : Series or Dividends, optional
        Cash per share by ex-date, in place of a yield; by default those that the chain was given, unless
        there is a `dividend_yield`.
    repair : bool
        Repair the chain first, as in `repair_chain`.

    Returns
    -------
    chain, financing : Chain, Financing
        A repaired chain has its rates and yields; where parity determined no rate it gets the default rate,
        and the yield that leaves its forwards unchanged.

    Raises
    ------
    For a number that is not legal, a rate, a yield or dividends for a chain that has been repaired, a yield
    for a chain that is to be repaired, a yield and dividends at once, or dividends worth spot or more.

    Notes
    -----
    European rows quoted on a forward keep a rate of 0: a rate would only discount them, and venues that quote
    on forwards (Deribit) do not discount.

    Parity forwards with an error above 2 % are not used. Between expiries ln(F / S) is interpolated over
    years, from 0 at `asof`; beyond the last, its carry is kept. Where the carry is above 0.5 a year, and for
    options on futures (`repair.futures`), `forward` is set instead of a yield; expiries of futures without a
    parity forward take one from neighbouring expiries, not from spot.

    Rates, in order: the one given; the chain's own (a curve that it was read with); parity; the default.
    Yields, in order: the one given, or that of dividends given, discounted at those rates; the chain's own,
    or that of dividends it was read with; parity. A repair goes before both wherever parity determines a
    forward: given dividends then fill the other expiries. A warning reports the expiries on which a given
    curve or dividends miss the forward of parity by more than twice its error.

    A warning also reports forwards that are, by more than twice their error, above S e^((rate + 0.05) t) by
    0.5 % or below S e^(-t / 2) by 2 %: financing, stock borrow fees and dividends stay within these limits.
    Where the forwards are within 5 % of spot, as prices of another time would be, carry is taken from the
    spot that the next expiry implies, and rows are valued on the quoted spot: strikes and levels are then on
    its scale.
    """
    (_, given, paid, _), problems = attempt(
        lambda: check_choice(repair, "repair", (True, False)),
        lambda: None if rate is None else find_rate(rate),
        lambda: None if dividends is None else find_dividends(dividends),
        lambda: dividend_yield is None or check_number(dividend_yield, "dividend_yield", -5.0, 5.0),
    )
    refuse("financing", problems)
    repaired = isinstance(chain, RepairedChain)
    received = (rate, dividend_yield) if paid is None else (rate, dividend_yield, paid)
    if (repaired and any(value is not None for value in received)) or (repair and dividend_yield is not None):
        words = zip(("rate", "dividend_yield", "dividends"), received, strict=False)
        problems.append(
            f"{', '.join(f'{n}={_word(v)}' for n, v in words)}: received for a repaired chain, whose "
            "forwards and yields come from parity; legal: repair_chain(chain, rate=...) first, or no repair."
        )
    if paid is not None and dividend_yield is not None:
        problems.append(
            f"dividends, dividend_yield: received {_word(paid)} and {dividend_yield}; legal: one of them."
        )
    refuse("financing", problems)
    if isinstance(chain, RepairedChain):
        return _of_repaired(chain)
    source = "as in the chain" if given is None else "as given"
    given = chain.rate_curve if given is None else given
    if repair:
        return _repaired(chain, given, paid, source)
    if paid is not None:
        chain = replace(chain.with_columns(forward=quoted_forwards(chain)), dividends=paid)
    return _of_quotes(chain, given, dividend_yield, source)


def _repaired(chain: Chain, rate: Any, paid: Dividends | None, source: str) -> tuple[Chain, Financing]:
    """A chain repaired, with its financing; `source` is that of `rate`, in words."""
    if isinstance(rate, RateCurve) or paid is not None:
        chain = with_carry(chain, rate, paid)
    chain = _on_neighbours(chain, rate)
    default = rate is None and not _says(chain) and not _determined(chain)
    used = default_rate(chain)[0] if default else rate
    repaired, told = _of_repaired(repair_chain(chain, rate=used), default=default)
    if rate is not None:
        rates = rates_at(rate, chain.asof, chain.years)
        repaired = _with_facts(Chain.with_columns(repaired, rate=rates), rate, repaired.dividends)
        told = replace(told, rate=_rate_text(rate, source))
    return repaired, told


def _word(value: Any) -> str:
    """A number as it is, a curve or dividends in words."""
    return repr(value) if value is None or isinstance(value, float | int) else value_text(value)


def _rate_text(rate: Any, source: str) -> str:
    """The source of a rate in words, with its curve where it is one."""
    return f"{source}: {rate!r}" if isinstance(rate, RateCurve) else source


def _with_facts(chain: Chain, rate: Any, dividends: Dividends | None) -> Chain:
    """The chain with the facts that its columns were made of."""
    curve = rate if isinstance(rate, RateCurve) else None
    if curve is chain.rate_curve and dividends is chain.dividends:
        return chain
    return replace(chain, rate_curve=curve, dividends=dividends)


def _says(chain: Chain) -> bool:
    """True where an unexpired row has a rate or a yield other than those of a curve and of dividends."""
    alive = chain.years > 0
    own_rate = chain.rate_curve is None and chain["rate"][alive].any()
    own_yield = chain.dividends is None and chain["dividend_yield"][alive].any()
    return bool(own_rate or own_yield)


def _in_need(chain: Chain) -> Mask:
    """Unexpired rows on which a rate does more than discount, (n,): on spot or American, except Deribit's."""
    rows = np.isnan(chain["forward"]) | (chain["exercise"] == "american")
    return np.asarray(rows & (chain.years > 0) & (chain.venue != DERIBIT))


def _determined(chain: Chain) -> bool:
    """True where put-call parity determines a rate, or none is needed."""
    if not _in_need(chain).any():
        return True
    return bool((fit_forwards(chain, find_cells(chain), False, None)["rate_source"] == "parity").any())


def _on_neighbours(chain: Chain, rate: float | RateCurve | None) -> Chain:
    """A chain whose options on futures without a parity forward use forwards of neighbouring expiries."""
    bare = bare_futures(chain) & (chain.years > 0)
    if not bare.any():
        return chain
    table = fit_forwards(chain, find_cells(chain), False, rate)
    table["filled"] = np.where(sound(table), np.nan, filled_forwards(table, chain.spot, chain.spot, True))
    filled = of_rows(chain, table, "filled")
    return chain.with_columns(forward=np.where(bare & ~np.isnan(filled), filled, chain["forward"]))


def _of_quotes(
    chain: Chain, rate: float | RateCurve | None, dividend_yield: float | None, source: str
) -> tuple[Chain, Financing]:
    """An unrepaired chain with its financing; `source` is that of `rate`, in words."""
    if chain.dividends is not None:  # their forwards, unlike quoted ones, are tested by parity and set anew
        chain = chain.with_columns(forward=quoted_forwards(chain))
    said, rows = _says(chain), _in_need(chain)
    paid = chain.dividends if dividend_yield is None else None
    columns: dict[str, Any] = {}
    rate_from, yield_from = ("as in the chain",) * 2 if said else (_UNDISCOUNTED, _NO_YIELD)
    if rate is not None:
        columns["rate"], rate_from = rates_at(rate, chain.asof, chain.years), _rate_text(rate, source)
    if dividend_yield is not None:
        columns["dividend_yield"], yield_from = np.full(len(chain), float(dividend_yield)), "as given"
        columns["forward"] = quoted_forwards(chain)
    if not rows.any():
        made = chain.with_columns(**columns) if columns else chain
        return _with_facts(made, rate, paid), Financing(rate_from, yield_from)

    default, text = default_rate(chain)
    cells = find_cells(chain)
    table = fit_forwards(chain, cells, False, rate)
    if rate is None and not said:
        if not (table["rate_source"] == "parity").any():
            table = fit_forwards(chain, cells, False, default)
        table["rate"], rate_from = interpolated_rates(table, default, text)
        columns["rate"] = np.where(rows, of_rows(chain, table, "rate"), 0.0)
    bare = bare_futures(chain) & (chain.years > 0) & (dividend_yield is None)
    off = unexplained(chain, table)
    valued, base = _ON_FORWARDS, chain.spot
    if moments_apart(off, chain.spot) and not bare.any():
        valued, base = _ON_SPOT, implied_spot(table)
    table["filled"] = filled_forwards(table, chain.spot, base, bool(bare.any()))
    forward = of_rows(chain, table, "filled")
    on_forward = bare & ~np.isnan(forward)
    if paid is not None:
        rates = columns.get("rate", chain["rate"])
        columns |= dividend_columns(chain, paid, rate if isinstance(rate, RateCurve) else rates, rates)
        yield_from = f"{paid!r}; to each expiry the yield with the same forward"
    estimated = dividend_yield is None and not said and paid is None
    if estimated:
        r = columns.get("rate", chain["rate"])
        with np.errstate(invalid="ignore", divide="ignore"):
            carry = r - np.log(forward / chain.spot) / chain.years
        yield_from = yield_text(table)
        if not len(off) and not bare.any():
            carry, yield_from = flat_before(chain, table, carry, yield_from)
        found = np.isnan(chain["forward"]) & ~np.isnan(carry)
        on_forward |= found & (np.abs(carry) > _LARGEST_CARRY)
        columns["dividend_yield"] = np.where(found & ~on_forward, carry, 0.0)
    columns["forward"] = np.where(on_forward, forward, columns.get("forward", chain["forward"]))
    warnings = _warnings(chain, table, bare, off, valued if estimated else _AS_SAID)
    financed = _with_facts(chain.with_columns(**columns), rate, paid)
    if financed.rate_curve is not None or paid is not None:
        warnings += missed_text(financed, financed.forward_prices, table)
    return financed, Financing(rate_from, yield_from, warnings)


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
    table["filled"] = filled_forwards(table, chain.spot, chain.spot, bool(futures.any()))
    bare = futures & np.isnan(chain["forward"])
    columns["forward"] = np.where(bare, of_rows(chain, table, "filled"), chain["forward"])
    yield_from = "put-call parity, as repaired" if rows.any() else _NO_YIELD
    if rows.any() and chain.dividends is not None:
        yield_from += f"; where it determines none, {chain.dividends!r}"
    warnings = _warnings(chain, table, futures, unexplained(chain, table), _ON_FORWARDS)
    if chain.rate_curve is not None or chain.dividends is not None:
        warnings += missed_text(chain, _as_given(chain.original, table), table)
    # Not the repaired chain's own method, which would drop the repair: volatilities stay as they are.
    financed = _with_facts(Chain.with_columns(chain, **columns), chain.rate_curve, chain.dividends)
    return financed, Financing(rate_from, yield_from, warnings)


def _as_given(chain: Chain, table: pd.DataFrame) -> Array:
    """Forward of each row by the chain's curve and dividends, at the rates found where it has none, (n,)."""
    if chain.dividends is None or _says(chain) or chain.rate_curve is not None:
        return chain.forward_prices
    rates = np.nan_to_num(of_rows(chain, table, "rate"))
    columns = dividend_columns(chain, chain.dividends, rates, rates)
    return chain.with_columns(rate=rates, **columns).forward_prices


def _warnings(
    chain: Chain, table: pd.DataFrame, futures: Mask, off: pd.DataFrame, valued: str
) -> tuple[str, ...]:
    if futures.any():
        return futures_text(chain, table, table["filled"].to_numpy())
    return gap_text(chain, off, len(table), valued)
