"""`analyze`: from a chain or a book to a report."""

from __future__ import annotations

import pandas as pd
from numpy.typing import ArrayLike

from gammaflow.accuracy import TOLERANCE
from gammaflow.checks import check_number
from gammaflow.errors import SchemaError
from gammaflow.exposure.dynamics import Dynamics
from gammaflow.exposure.profile import sweep_spot
from gammaflow.feedback.gain.loop_gain import find_depth
from gammaflow.feedback.impact import Impact
from gammaflow.market.carry.dividends import Dividends
from gammaflow.market.carry.rates import RateCurve
from gammaflow.market.chain import Chain
from gammaflow.market.financing import Financing, finance
from gammaflow.positions.beliefs import Beliefs, find_beliefs
from gammaflow.positions.book import Book
from gammaflow.positions.rules import CALLS_LONG_PUTS_SHORT, PositionRule, assign_positions, find_rule
from gammaflow.report.earlier import check_history
from gammaflow.report.result import Report
from gammaflow.schema import CHAIN
from gammaflow.selection import Filter
from gammaflow.text import value_text

__all__ = ["analyze"]


def analyze(
    source: Chain | Book,
    *,
    rule: str | PositionRule | ArrayLike | None = None,
    spots: ArrayLike | None = None,
    dynamics: str | Dynamics = "sticky_strike",
    days: float = 0.0,
    vol_shift: float = 0.0,
    core: float = 0.9,
    rate: float | pd.Series | RateCurve | None = None,
    dividend_yield: float | None = None,
    dividends: pd.Series | Dividends | None = None,
    repair: bool = False,
    where: Filter | None = None,
    beliefs: Beliefs | str | None = None,
    depth: Impact | float | None = None,
    history: pd.DataFrame | None = None,
    adv: float | None = None,
    tol: float = TOLERANCE,
) -> Report:
    """Full analysis of a chain or a book: exposure, profile and levels.

    Parameters
    ----------
    source : Chain or Book
        Quotes, to which `rule` assigns dealers' positions, or dealers' positions.
    rule : str, rule or (n,) array, optional
        Rule for the sign of dealers' positions, as in `assign_positions`; default "calls_long_puts_short".
        Not for a book, whose positions are signed already.
    spots, dynamics, days, vol_shift
        Apply to the whole report, as in `sweep_spot`: exposure, profile and levels are of one time and vol.
    core : float
        Core of the levels, as in `find_levels`.
    rate : float, Series or RateCurve, optional
        Interest rate of a chain's rows [1/year], one for all or a curve of zero rates by date.
    dividend_yield : float, optional
        Yield of all rows of a chain [1/year].
    dividends : Series or Dividends, optional
        Cash dividends per share of a chain's underlying by ex-date [currency], in place of a yield. Rates and
        yields of 0.0 count as given. By default they are the chain's own, else those that its quotes
        determine, else a default: see `gammaflow.market.financing.finance`. `Report.facts` names the source.
        A book has its own.
    repair : bool
        Repair the chain first, as in `repair_chain`, implied vols included.
    where : Filter, optional
        Rows to analyse (`gammaflow.filters`). Rates, yields and repairs are those of the whole chain, so that
        a delta is that of the row as it is valued; positions are then assigned to the rows that meet it.
    beliefs : Beliefs or str, optional
        Beliefs about the sign of positions, or the name of some in `gammaflow.beliefs.PRESETS`: the report
        then shows its levels under them, `Report.bands`. Not for a book that is signed already.
    depth : Impact or float, optional
        Price impact, as for `loop_gain`, in the book's currency: the report then shows `Report.loop_gain`.
        Not for open interest without a dealer sign.
    history : DataFrame, optional
        Summaries of earlier snapshots of the symbol, as `gf.history(...).table`, indexed by asof: pages show
        the change since the last one before the source's asof. Later rows are never used.
    adv : float, optional
        Average daily volume of the underlying [currency a day]: pages show hedges as a share of it.
    tol : float
        Tolerance for rows valued by quadrature, as in `sweep_spot`; `Report.warnings` names rows that miss
        it.

    Returns
    -------
    Report

    Raises
    ------
    SchemaError
        For a source that is not a Chain or Book, a rule, rate, yield or repair for a book, beliefs for a
        signed book, options on futures without a forward, a filter that no row meets, a history of another
        symbol or currency, or an argument that is not legal.
    MismatchError
        For a depth in another currency than the book's.

    See Also
    --------
    Report : Full analysis of a chain: exposure, profile, levels, and the page that shows them.
    assign_positions : Sign a chain's open interest as dealers' positions.
    sweep_spot : Reprice every measure of a book at each spot of a grid.
    find_levels : Flips, short-gamma zones and walls of a profile.

    Examples
    --------
    >>> import gammaflow as gf
    >>> from gammaflow.report import analyze
    >>> report = analyze(gf.demo_chain())
    >>> report.levels.put_wall
    70000.0
    >>> report.to_dict()["units"]["gamma"]
    'USD per +1 % spot'
    >>> analyze(gf.demo_chain(), where=gf.filters.dte(0, 7)).book.filters
    ('dte 0 to 7; 88.0% of open interest (contracts) excluded',)
    """
    if where is not None and not isinstance(where, Filter):
        raise SchemaError(
            f"where: received {type(where).__name__}; legal: a filter, such as gf.filters.dte(0, 7)."
        )
    held = None if beliefs is None else find_beliefs(beliefs)
    if held and isinstance(source, Book) and source.signed:
        raise SchemaError(
            f"beliefs: received {held.name!r} for a Book, whose positions are signed already "
            f"({source.rule_text}). Leave beliefs out, or pass the Chain."
        )
    volume = None if adv is None else check_number(adv, "adv", 0.0, open_low=True)
    chain, financing, named = None, Financing(), None
    interest: Chain | Book | None = None
    if isinstance(source, Chain):
        financed, financing = finance(
            source, rate=rate, dividend_yield=dividend_yield, dividends=dividends, repair=repair
        )
        if where is not None:
            choice = financed.choose(where, {}, CHAIN)
            source, financed = source.keep(choice), financed.keep(choice)
        chain, interest = financed if repair else source, financed
        signed = CALLS_LONG_PUTS_SHORT if rule is None else rule
        book = assign_positions(financed, signed)
        named = find_rule(signed) if isinstance(signed, str | PositionRule) else None
    elif not isinstance(source, Book):
        raise SchemaError(
            f"source: received {type(source).__name__}; legal: a Chain (from read_chain or chain_from_frame) "
            "or a Book (from assign_positions)."
        )
    elif rule is not None:
        raise SchemaError(
            f"rule: received {rule!r} for a Book, whose positions are signed already ({source.rule_text}). "
            "Leave rule out, or pass the Chain."
        )
    elif dividends is not None:
        raise SchemaError(
            f"dividends: received {value_text(dividends)} for a Book, whose rows have their yields already. "
            "Leave them out, or pass the Chain."
        )
    elif rate is not None or dividend_yield is not None or repair:
        raise SchemaError(
            f"rate, dividend_yield, repair: received {rate!r}, {dividend_yield!r}, {repair!r} for a Book, "
            "whose rows have their rates and forwards already. Leave them out, or pass the Chain."
        )
    else:
        book = source if where is None else source.select(where)
        interest = None if book.signed else book
    impact = None if depth is None else find_depth(depth, book)
    earlier = None if history is None else check_history(history, book)
    profile = sweep_spot(book, spots, dynamics=dynamics, days=days, vol_shift=vol_shift, tol=tol)
    exposure = profile.exposure()
    levels = profile.levels(core=core)
    return Report(
        chain, book, exposure, profile, levels, financing, interest, held, impact, named, earlier, volume
    )
