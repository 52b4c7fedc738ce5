"""`desk_model`: everything that the desk page shows, as plain numbers, text, lists and dicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.calendars import DAYS_PER_YEAR
from gammaflow.exposure.dynamics import Dynamics
from gammaflow.exposure.profile import Profile, sweep_spot
from gammaflow.exposure.smile import Smiles, fit_smiles
from gammaflow.market.chain import Chain
from gammaflow.positions.book import Book
from gammaflow.positions.rules import PositionRule
from gammaflow.report.data import ReportData
from gammaflow.report.desk.ahead import ahead
from gammaflow.report.desk.expiries import expiries
from gammaflow.report.desk.head import head
from gammaflow.report.desk.history import history as history_section
from gammaflow.report.desk.robustness import robustness
from gammaflow.report.desk.scope import Scope, dynamics_of, rule_books
from gammaflow.report.desk.selections import expiry_rows, selections
from gammaflow.report.desk.strikes import strike_rows
from gammaflow.report.desk.tables import tables
from gammaflow.report.desk.venues import venues
from gammaflow.report.desk.views import CURVES, views_of
from gammaflow.report.desk.volatility import volatility
from gammaflow.report.earlier import check_history, previous_row
from gammaflow.report.plain import plain

__all__ = ["VERSION", "desk_model"]

#: Version of the model; a page knows one.
VERSION = 1


def desk_model(
    report: ReportData,
    *,
    rules: Sequence[str | PositionRule] | None = None,
    dynamics: Sequence[str | Dynamics] | None = None,
    previous: Mapping[str, Any] | None = None,
    history: pd.DataFrame | None = None,
    sections: bool = True,
) -> dict[str, Any]:
    """Everything that the desk page shows of a report, ready for JSON.

    Parameters
    ----------
    report : Report
    rules : sequence of str or rule, optional
        Rules to show besides the report's own, where it is of a chain; default: every rule that signs
        positions and differs from the others on this chain.
    dynamics : sequence of str or Dynamics, optional
        Smile dynamics to show besides the report's own; default: sticky strike and sticky moneyness.
    previous : mapping, optional
        Levels of an earlier snapshot, by the columns of a history; default: the last row of the history
        before the report's asof under the same rule, dynamics and filter.
    history : DataFrame, optional
        As in `analyze`; default: the report's own.
    sections : bool
        False leaves out the lower half of the page, which takes as long as the rest.

    Returns
    -------
    dict
        Numbers, text, lists and dicts; NaN is None and timestamps are ISO 8601 in UTC. Measures are in the
        units of ``"units"``, without powers of ten; + = dealers are long, and of trades + = dealers buy.

        - ``views``: under "rule|dynamics|selection", curves over `spots`, flips, zones, key levels, hedge
          ladder, regime and totals. Views of a large book under other rules or dynamics are of all expiries
          together only, and absent otherwise; ``"absent"`` says why.
        - ``strikes``: by rule, a row per listed strike, expiry and kind.

        Curves and bars are rounded to seven digits of their largest value, other numbers are not rounded.

    Raises
    ------
    SchemaError
        For unknown rules or dynamics, or a history of something else.

    Examples
    --------
    >>> import gammaflow as gf
    >>> model = desk_model(gf.analyze(gf.demo_chain()))
    >>> model["selections"], model["dynamics_names"]
    (['all', 'next', 'later', 'week', 'monthly'], ['sticky_strike', 'sticky_moneyness'])
    >>> view = model["views"]["calls_long_puts_short|sticky_strike|all"]
    >>> view["regime"]["state"], round(view["flips"][0]["spot"])
    ('short', 77509)
    """
    profile, book = report.profile, report.book
    past = report.history if history is None else check_history(history, book)
    earlier = previous_row(past, book, profile.dynamics.name) if previous is None else previous
    books, same = rule_books(report, rules)
    moves, chosen = dynamics_of(report, dynamics), selections(book, profile.days)
    own, how = next(iter(books)), profile.dynamics.name
    scope = Scope.of(report, own, chosen)
    every = books[own].book.expiries
    for _, held in books.values():
        every = every.union(held.expiries)
    chain = report.interest if isinstance(report.interest, Chain) else None
    smiles = profile.smiles
    if smiles is None and any(each.needs_smile for each in moves.values()):
        smiles = fit_smiles(book)
    views: dict[str, Any] = {}
    strikes: dict[str, Any] = {}
    for (rule, (_, held)), (name, each) in product(books.items(), moves.items()):
        mine, shown = (rule, name) == (own, how), scope.selections(rule, name)
        if not shown:
            continue
        at = profile if mine else _sweep(report, held, each, smiles)
        past_levels = earlier if mine else {}
        found = views_of(at, shown, core=report.levels.core_fraction, previous=past_levels, adv=report.adv)
        views |= {f"{rule}|{name}|{selection}": view for selection, view in found.items()}
        if name == how:
            strikes[rule] = strike_rows(at.exposure(), every, chain)
    regime = plain({**report.regime.to_dict(), "text": report.regime.detail})
    views[f"{own}|{how}|all"]["regime"] = regime
    whole: dict[str, Any] = {
        "version": VERSION,
        **head(report),
        "sigma": _sigma(report),
        "expiries": expiry_rows(every, book.asof, book.symbol),
        "next": int(every.searchsorted(pd.Timestamp(chosen["next"].first, tz="UTC")))
        if "next" in chosen
        else None,
        "selections": list(chosen),
        "selection_labels": {name: each.label for name, each in chosen.items()},
        "rules": list(books),
        "rule_labels": {name: _words(name) for name in books},
        "rule_texts": {name: text for name, (text, _) in books.items()},
        "same_rules": same,
        "dynamics_names": list(moves),
        "dynamics_labels": {name: _words(name) for name in moves},
        "dynamics_texts": {name: each.meaning for name, each in moves.items()},
        "absent": scope.reason,
        "default": {
            "rule": own,
            "dynamics": how,
            "selection": "all",
            "measure": "gamma",
            "range": _range(report.levels.day_sigma),
        },
        "previous": {name: earlier[name] for name in ("asof", "spot") if name in earlier},
    }
    return dict(plain(whole)) | {
        "regime": regime,
        "strikes": strikes,
        "views": views,
        "sections": plain(_sections(report, smiles)) if sections else {},
    }


def _sweep(report: ReportData, book: Book, dynamics: Dynamics, smiles: Smiles | None) -> Profile:
    """Profile of a book at the spots, time and vols of the report's.

    `smiles` are those of the report's book, and also of a book of the same contracts, whoever holds them.
    """
    like = report.profile
    rolled: dict[str, Any] = {"days": like.days, "vol_shift": like.vol_shift, "tol": like.tol}
    if smiles is not None and np.array_equal(book["contract"], report.book["contract"]):
        rolled["smiles"] = replace(smiles, book=book)
    return sweep_spot(book, like.spots, dynamics=dynamics, measures=CURVES, **rolled)


def _sections(report: ReportData, smiles: Smiles | None) -> dict[str, Any]:
    """Lower half of the page, by section; None where there is nothing to show."""
    return {
        "expiries": expiries(report),
        "robustness": robustness(report, smiles=smiles),
        "ahead": ahead(report),
        "volatility": volatility(report, smiles=smiles),
        "venues": venues(report),
        "history": history_section(report),
        "tables": tables(report),
    }


def _sigma(report: ReportData) -> dict[str, Any]:
    """One-day standard deviation of ln spot, the spots one away, and the vol it comes from."""
    day, spot = report.levels.day_sigma, report.book.spot
    return {
        "day": day,
        "low": spot * float(np.exp(-day)),
        "high": spot * float(np.exp(day)),
        "vol": day * float(np.sqrt(DAYS_PER_YEAR)),
        "source": "at-the-money vol of the first expiry at least a day away",
    }


def _words(name: str) -> str:
    """A name as a label: "Short all" for "short_all"."""
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


def _range(sigma: float) -> str:
    """Range of prices that the page opens with: the least that holds two and a half one-day sigmas [%]."""
    return next((str(percent) for percent in (5, 10, 20) if not 250.0 * sigma > percent), "all")
