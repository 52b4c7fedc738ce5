"""Head of the desk page: symbol, time, age of quotes, data score, banners and conditions."""

from __future__ import annotations

from typing import Any

import numpy as np

from gammaflow.market.quality import STALE_MINUTES, Quality
from gammaflow.positions.expiry_names import market_time, settlements
from gammaflow.report.data import ReportData
from gammaflow.report.earlier import rule_name
from gammaflow.units import describe

__all__ = ["STALE_HOURS", "head"]

#: Quotes older than this get a banner [hours].
STALE_HOURS = 1.0

_GOOD, _FAIR = 90.0, 70.0


def head(report: ReportData) -> dict[str, Any]:
    """Head of the page: its subject, time, data and the conditions of its numbers.

    Parameters
    ----------
    report : ReportData

    Returns
    -------
    dict
        Texts, numbers and lists; `score` is good from 90 and fair from 70 of 100, "none" where it is not
        known.
    """
    book, profile = report.book, report.profile
    in_new_york = "" not in settlements(book.expiries.dropna().tz_localize(None).to_numpy(), book.asof)
    rolled = [f"valued {profile.days:g} days later"] * bool(profile.days)
    rolled += [f"vols {100 * profile.vol_shift:+g} points"] * bool(profile.vol_shift)
    quotes = _quotes(report.quality)
    return {
        "title": f"{book.title} {'dealer gamma' if book.signed else 'option gamma, no dealer sign'}",
        "symbol": book.symbol,
        "spot": book.spot,
        "currency": book.currency,
        "asof": book.asof,
        "asof_text": ", ".join([market_time(book.asof, in_new_york=in_new_york), *rolled]),
        "vendor": report.chain.vendor if report.chain else " | ".join(book.sources) or None,
        "signed": book.signed,
        "synthetic": book.synthetic,
        "quotes": quotes,
        "score": _score(report.quality),
        "rule": rule_name(book),
        "rule_text": book.rule_text,
        "dynamics": profile.dynamics.name,
        "dynamics_text": profile.dynamics.meaning,
        "filters": list(book.filters),
        "facts": [list(fact) for fact in report.facts()],
        "banners": _banners(report, quotes["age_hours"]),
        "units": describe(book.currency),
    }


def _quotes(quality: Quality | None) -> dict[str, Any]:
    """Age of the quotes [hours], and in words; of several chains the oldest."""
    ages = []
    for each in quality.each() if quality else ():
        minutes = each.quote_age.get("median", np.nan)
        ages.append(minutes / 60.0 if not np.isnan(minutes) else each.hours_since_close)
    known = [age for age in ages if not np.isnan(age)]
    if not known:
        return {"age_hours": None, "text": "age of quotes not known"}
    age = max(known)
    words = f"{60.0 * age:.0f} min old" if age < 1.0 else f"{age:.1f} h old"
    return {"age_hours": age, "text": f"quotes {words if age > 0.0 else 'of the open market'}"}


def _score(quality: Quality | None) -> dict[str, Any]:
    """Score of the chain behind the book, and in words the check that most rows fail."""
    if quality is None:
        return {"value": None, "text": "no data score: no chain is behind the book", "level": "none"}
    if np.isnan(quality.score):
        scores = [f"{each.source} {each.score:.0f}" for each in quality.each() if not np.isnan(each.score)]
        text = f"data scores: {', '.join(scores)}" if scores else "no data score"
        return {"value": None, "text": text, "level": "none"}
    level = "good" if quality.score >= _GOOD else "fair" if quality.score >= _FAIR else "low"
    known = {name: share for name, share in quality.checks.items() if not np.isnan(share)}
    worst = min(known, key=lambda name: known[name])
    text = f"data score {quality.score:.0f}, {level}: {worst} for {known[worst]:.0%} of rows"
    return {"value": round(quality.score), "text": text + quality.unchecked_text, "level": level}


def _banners(report: ReportData, age: float | None) -> list[dict[str, str]]:
    """Banners, each with its kind: synthetic, unsigned, stale, rate or warning."""
    book, financing = report.book, report.financing
    found = []
    if book.synthetic:
        found.append(("synthetic", "Synthetic demonstration data: no number here is a market quote."))
    if not book.signed:
        found.append(("unsigned", "Open interest alone: positions carry no dealer sign."))
    if age is not None and age > STALE_HOURS:
        found.append(("stale", f"Quotes are at least {age:.1f} h old."))
    elif age is None and report.quality and any(q.quote_age.get("stale rows") for q in report.quality.each()):
        found.append(("stale", f"Some quotes are older than {STALE_MINUTES:g} minutes."))
    if "default" in financing.rate or "federal funds" in financing.rate:
        lead = "The rate is a" if financing.rate.startswith("default") else "The data give no rate:"
        found.append(("rate", f"{lead} {financing.rate}."))
    told = {text for _, text in found}
    found += [("warning", text) for text in [*report.faults(), *report.notices()] if text not in told]
    kinds = [kind for kind, _ in found]
    return [
        {"kind": kind, "text": text}
        for kind, text in found
        if not (kind == "warning" and "unsigned" in kinds and text.startswith("Unsigned:"))
    ]
