"""Repair of a chain: forwards from put-call parity, vols from quotes, flags, and a record of the changes."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import attempt, check_choice, check_noun, refuse
from gammaflow.columnar import Quotes
from gammaflow.columns import Columns
from gammaflow.market.carry.forwards import on_dividends
from gammaflow.market.carry.rates import RateCurve, find_rate
from gammaflow.market.chain import PLACEHOLDER_IV, QUOTE_UNITS, Chain, Quality
from gammaflow.market.measures import share_of_alive
from gammaflow.market.parity.forwards import Cells, carry_columns, find_cells, fit_forwards, of_rows
from gammaflow.market.quality import EXPIRED
from gammaflow.market.repair.flags import find_flags
from gammaflow.market.repair.picture import plot_repair
from gammaflow.market.repair.quality import RepairQuality
from gammaflow.market.repair.terms import Terms
from gammaflow.schema import CHAIN
from gammaflow.selection import Choice

__all__ = ["RepairedChain", "repair_chain"]

Array = NDArray[np.float64]

#: Vols of at least this many rows that are all multiples of a step count as rounded to it.
_STEP, _ROUNDED_ROWS = 0.005, 20
#: Vols of two legs closer than this count as one [1/sqrt(year)].
_SAME = 1e-6
#: A lowest vol shared by this many rows is a floor, not a vol.
_REPEATED = 20


@dataclass(frozen=True, eq=False, repr=False)
class _Derived(Chain):
    """A chain with values that its quotes imply in place of the vendor's: warned about, never refused."""

    def _contradictions(self, columns: Columns, spot: float) -> list[str]:
        return []


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class RepairedChain(_Derived):
    """A chain after `repair_chain`; `original` is the unchanged chain it was made from.

    Attributes
    ----------
    original : Chain
    marks : DataFrame
        One row per row of the chain: `iv_source`, the source of its volatility ("vendor",
        "mid", "other leg", "none"), `reason` (why the vendor's volatility was replaced, or why there still
        is none), `mid` [quote unit], `flags` (joined by "; ", "" for none).
    forwards : DataFrame
        One row per expiry (and root, where two roots share an expiry): see `repair_chain`.

    See Also
    --------
    repair_chain
    sensitivity

    Examples
    --------
    >>> import gammaflow as gf
    >>> repaired = gf.repair_chain(gf.demo_chain())
    >>> repaired.marks["iv_source"].unique().tolist(), len(repaired.forwards)
    (['vendor'], 7)
    """

    original: Chain
    marks: pd.DataFrame
    forwards: pd.DataFrame

    @cached_property
    def quality(self) -> RepairQuality:
        """Quality before and after repair, sources of volatilities, flags and forwards."""
        base = super().quality
        marks, table = self.marks, self.forwards
        flagged = (marks["flags"] != "").to_numpy()
        priced = of_rows(self, table, "forward")
        known = ~np.isnan(self["forward"]) | ~np.isnan(priced)
        checks = {**base.checks, "forward known": share_of_alive(self, known)}
        checks["not flagged"] = share_of_alive(self, ~flagged)
        left = (marks["iv_source"] == "none").to_numpy() & (self.years > 0)
        swapped = marks["iv_source"].isin(["mid", "other leg"])
        first = table[table["forward"].notna()].head(1)
        gap = first["forward"] * np.exp(-first["rate"] * first["years"]) / self.spot - 1.0
        return RepairQuality(
            **{f.name: getattr(base, f.name) for f in fields(Quality) if f.name != "checks"},
            checks=checks if base.checks else {},
            before=self.original.quality,
            iv_source=_counts(marks["iv_source"]),
            replaced=_counts(marks["reason"][swapped]),
            unrepaired=_counts(marks["reason"][left]),
            flags=_counts(marks["flags"][flagged].str.split("; ").explode()),
            forwards=table,
            spot_gap=float(gap.iloc[0]) if len(gap) else np.nan,
        )

    def keep(self, choice: Choice) -> RepairedChain:
        """The chosen rows, their marks and the forwards of their expiries."""
        mask = choice.mask
        place = of_rows(self, self.forwards.assign(place=np.arange(len(self.forwards))), "place")[mask]
        part = super().keep(choice)
        return replace(
            self,
            columns=part.columns,
            left_out=part.left_out,
            selection=part.selection,
            original=self.original.keep(choice),
            marks=self.marks[mask].reset_index(drop=True),
            forwards=self.forwards.iloc[np.unique(place[~np.isnan(place)]).astype(int)],
        )

    def plot(self, expiry: Any = None, *, ax: Any = None) -> Any:
        """Implied vols over strike at one expiry, the vendor's and those after repair (matplotlib Axes).

        By default at the expiry with the most vols that differ from the vendor's.
        """
        return plot_repair(self, self.marks, expiry, ax)

    def with_columns(self, **columns: Any) -> Chain:
        """A chain without marks and with columns replaced: the marks describe the columns as repaired."""
        names = [f.name for f in fields(Chain)]
        return Chain(**{name: getattr(self, name) for name in names}).with_columns(**columns)


def repair_chain(
    chain: Chain,
    *,
    rate: float | pd.Series | RateCurve | None = None,
    prefer: str = "vendor",
    out_of_the_money: bool = True,
    quoted_in: str | None = None,
) -> RepairedChain:
    """Forwards from put-call parity, implied vols re-solved where the vendor's are unusable, and flags.

    Parameters
    ----------
    chain : Chain
        Not changed (`RepairedChain.original`). A repaired chain is repaired again from its original.
    rate : float, Series or RateCurve, optional
        Rate of expiries whose discount factor the quotes do not determine, and of all American ones [1/year],
        one for all or a curve of zero rates by date; by default interpolated between the expiries that
        determine one, else the chain's own.
    prefer : str
        "vendor" keeps the vendor's volatility where it is usable; "mid" computes it from each row's own quote
        wherever there is one.
    out_of_the_money : bool
        Give both legs at a strike the volatility of the leg out of the money, unless the other leg's is the
        vendor's and prices its own quote; False keeps any usable volatility of the other leg.
    quoted_in : str, optional
        Unit of bid and ask: "currency", or "coin" (units of the underlying). By default the chain's
        `quote_unit`.

    Returns
    -------
    RepairedChain
        `forwards` has per expiry: `strikes` used; `forward` and its `error` [currency]; `low` and `high`, the
        range of forwards that executable quotes allow; `liquid` (half that range <= 15 bp); `vendor_forward`
        and `difference` from it [bp]; `discount`, `rate`, `rate_error` [1/year; 0 for a given rate] and
        `rate_source` ("parity", "given", "other expiries", "chain", "coin"); `carry`, the yield q in
        S e^((r - q) t) = F, and `dividend_yield`, which its rows get; `on_forward`, whether they are valued
        on the forward instead; a `note`.

    Raises
    ------
    SchemaError
        For an illegal argument; every problem in one message.

    See Also
    --------
    sensitivity
    RepairedChain : A chain after `repair_chain`; `original` is the unchanged chain it was made from.

    Notes
    -----
    Parity. Strikes are used whose legs both have 0 < bid < ask and a spread of at most 3 medians, within 1.5
    standard deviations of the forward (American exercise: 0.5, at least five strikes). C - P = D (F - K) is
    fitted to mids by least squares with Huber's weights, in units of the half spreads (parity: Stoll 1969,
    "The relationship between put and call option prices"). Where the standard error of the rate -ln(D) / t is
    at most 0.001, D is kept; the forward is the robust mean of K + (C - P) / D. `error` is the weighted
    standard deviation of one strike around it, not divided by the root of their number, since mids of
    neighbouring strikes err together: of 593 Deribit expiries 75 % were off by less than one error, 95 % by
    less than two. Both errors are at least what rounding to ticks causes (tick / sqrt 12 of each mid, the
    tick found from the chain's quotes): residuals may be zero and rates wrong. The forward's error includes
    the rate's. Prices in coin obey c - p = 1 - K / F.

    American options obey parity only as inequalities. Given a forward and a rate, the leg out of the money
    has an implied vol, and the other leg priced with it leaves a residual of C - P: forward and, unless
    `rate` is given, rate are those with the smallest residuals, which is parity of the European options of
    these vols. The yield of their rows decides on early exercise, so a `carry` within two errors of the
    common carry of the American expiries is set to that, and that to 0 if it is within two errors of 0.

    A quoted forward is kept and parity only checks it. Otherwise `rate` and `dividend_yield` are set so
    that S e^((r - q) t) is the forward, to two errors where the common carry is used. Spot and options are of
    different times where the carry is above 0.5 a year, or most American calls (or puts) in the money are
    offered below intrinsic value; `forward` is then set, and its ratio to spot is kept. American rows then
    have their vols on the discounted forward as a spot without yield.

    The vendor's vols are kept where they price the row between bid and ask, and the bid is above intrinsic
    value, so that the quote distinguishes vols. Others are replaced where they are missing, zero, a
    placeholder (<= 0.001), the vendor's floor (the lowest, shared by 20 rows), rounded to half a point or
    more (all of the chain's), or off their quote: on the parity forward they price it outside bid and ask by
    more than half a spread and two errors of forward and rate. Sources, in order: the row's own mid if it is
    out of the money; the leg out of the money at the strike; the row's own mid; for a row out of the money
    without a quote, the other leg at the strike. A mid counts where the quote is two-sided, not crossed, and
    bid above intrinsic value, so that it has time value beyond its spread. Nothing is interpolated: a row
    without such a quote keeps the vendor's vol, or stays without one, with a reason. American options are
    priced and inverted as American. Two legs at a strike have one vol by parity, and the one out of the money
    is measured better. Where they differ the gammas of calls and puts no longer cancel: on SPX of 2023-09-14
    the sum is 29.6bn with both of the vendor's vols, 23.1bn where the leg in the money keeps only a vol that
    prices its quote, 22.1bn from mids.

    Flags mark rows and change none: crossed quotes; ask below intrinsic value (where a discount factor is
    known); quotes that allow an arbitrage between neighbouring strikes (monotonicity, convexity) at
    executable prices; legs whose bid and ask both violate parity (a stale quote, near the money); vols still
    off their quote; out-of-the-money vols that differ from those of their neighbours (median of three
    interpolations; the two outermost strikes of an expiry are not tested) by more than 5 robust standard
    deviations of the expiry and 10 %.

    Examples
    --------
    >>> import gammaflow as gf
    >>> from gammaflow.market.repair.repair import repair_chain
    >>> chain = gf.demo_chain()
    >>> repaired = repair_chain(chain)
    >>> repaired.original is chain, repaired.quality.iv_source
    (True, {'vendor': 598})
    """
    check_noun(chain, "chain", Chain)
    if isinstance(chain, RepairedChain):
        chain = chain.original
    (given, *_), problems = attempt(
        lambda: None if rate is None else find_rate(rate),
        lambda: check_choice(prefer, "prefer", ("vendor", "mid")),
        lambda: check_choice(quoted_in, "quoted_in", (None, *QUOTE_UNITS)),
    )
    refuse("repair", problems)
    coin = (quoted_in or chain.quote_unit) == "coin"
    cells = find_cells(chain)
    own = on_dividends(chain, chain.dividends, chain.rate_curve)
    bare = chain.with_columns(forward=np.where(own, np.nan, chain["forward"])) if own.any() else chain
    table = fit_forwards(bare, cells, coin, given)
    carry = carry_columns(bare, table, coin)
    kept = own & np.isnan(of_rows(chain, table, "forward"))
    carry |= {name: np.where(kept, chain[name], carry[name]) for name in ("forward", "rate") if name in carry}
    shared: dict[str, Any] = {f.name: getattr(chain, f.name) for f in fields(Chain) if f.name != "columns"}
    priced = _Derived({**chain.columns, **carry}, **shared)
    terms = Terms(priced, coin, table)
    iv, source, reason = _volatilities(terms, cells, prefer, out_of_the_money)
    flags = find_flags(terms, cells, iv, table)
    marks = pd.DataFrame(
        {
            "contract": chain["contract"],
            "vendor_iv": chain["iv"],
            "iv": iv,
            "iv_source": source,
            "reason": reason,
            "mid": _mid(chain),
            "flags": flags,
        }
    )
    columns = {**priced.columns, "iv": iv}
    return RepairedChain(columns=columns, **shared, original=chain, marks=marks, forwards=table)


def _counts(values: pd.Series[Any]) -> dict[str, int]:
    return {str(k): int(v) for k, v in values.value_counts().items()}


def _mid(chain: Quotes) -> Array:
    """Mid of two-sided quotes that are not crossed [quote unit], else NaN."""
    return np.where(chain.quote_state == "two-sided", 0.5 * (chain["bid"] + chain["ask"]), np.nan)


def _volatilities(
    terms: Terms, cells: Cells, prefer: str, out_of_the_money: bool
) -> tuple[Array, NDArray[Any], NDArray[Any]]:
    """Volatility of each row, its source, and the reason why it differs from the vendor's or is missing."""
    chain, vendor = terms.chain, terms.chain["iv"]
    holds = terms.in_quote(vendor)
    usable, reason = _reasons(terms, holds, prefer)
    own, wanted, outside = _own(terms), reason != "", terms.outside

    iv = np.where(wanted, np.nan, vendor)
    source = np.where(wanted, "none", "vendor").astype(object)

    def fill(rows: NDArray[np.bool_], values: Array, name: str) -> None:
        rows = rows & ~np.isnan(values)
        iv[rows], source[rows] = values[rows], name

    def across(givers: NDArray[np.bool_]) -> Array:
        """The volatility of the other leg at the strike, if that leg is one of `givers`; else NaN."""
        out = np.full(len(chain), np.nan)
        both = (cells.call >= 0) & (cells.put >= 0)
        for to, of in ((cells.call[both], cells.put[both]), (cells.put[both], cells.call[both])):
            fitting = givers[of]
            out[to[fitting]] = iv[of[fitting]]
        return out

    fill(wanted & (outside | ((prefer == "mid") & usable)), own, "mid")
    fill(np.isnan(iv) & outside & usable, vendor, "vendor")
    fill(np.isnan(iv) & ~outside, across(outside), "other leg")
    fill(np.isnan(iv), own, "mid")
    fill(np.isnan(iv) & usable, vendor, "vendor")
    fill(np.isnan(iv), across(~outside), "other leg")
    if check_choice(out_of_the_money, "out_of_the_money", (True, False)):
        other = across(outside)
        differs = ~outside & ~np.isnan(other) & (np.abs(other - iv) > _SAME) & ~(holds & (source == "vendor"))
        reason[differs & (source == "vendor")] = "other leg out of the money"
        fill(differs, other, "other leg")
    none = source == "none"
    iv[none] = vendor[none]
    why = np.where(chain.quote_state == "two-sided", "no time value beyond the spread", chain.quote_state)
    reason[none] = np.where(chain.years > 0, why, EXPIRED)[none]
    reason[source == "vendor"] = ""
    return iv, source, reason


def _reasons(terms: Terms, holds: NDArray[np.bool_], prefer: str) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    """Mask of the vendor's usable vols, and the reason not to keep each ("": it is kept)."""
    vendor = terms.chain["iv"]
    with np.errstate(invalid="ignore"):
        usable = vendor > PLACEHOLDER_IV
    steps = vendor[usable] / _STEP
    rounded = steps.size >= _ROUNDED_ROWS and bool((np.abs(steps - np.rint(steps)) < 1e-6).all())
    lowest, repeated = (np.nanmin(vendor[usable]), _REPEATED) if usable.any() else (np.nan, 0)
    floor = (vendor == lowest) & (np.count_nonzero(vendor == lowest) >= repeated) & ~holds
    usable &= ~floor
    reason = np.select(
        [np.isnan(vendor), vendor == 0, floor, ~usable],
        ["missing", "zero", f"at the vendor's floor of {lowest:g}", "placeholder"],
        default="rounded" if rounded else "mid preferred" if prefer == "mid" else "",
    ).astype(object)
    reason[holds & (prefer == "vendor")] = ""
    reason[usable & (reason == "") & terms.off_quote(vendor)] = "off its quote"
    return usable, reason


def _own(terms: Terms) -> Array:
    """Implied volatility of each row's own mid; NaN where the bid is not above intrinsic value."""
    chain, mid = terms.chain, _mid(terms.chain)
    rows = np.flatnonzero(~np.isnan(mid) & (chain["bid"] > terms.intrinsic) & (chain.years > 0))
    out = np.full(len(chain), np.nan)
    out[rows] = terms.volatility(rows, (mid * terms.unit)[rows])
    with np.errstate(invalid="ignore"):
        legal = (out > PLACEHOLDER_IV) & (out <= CHAIN["iv"].high)
    return np.where(legal, out, np.nan)
