"""Robustness of the headline: gamma and flip by rule, data treatment and smile dynamics; sign; loop gain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.errors import GammaflowError
from gammaflow.exposure.band_text import band_levels, row_at_spot
from gammaflow.exposure.bands import Bands, sign_bands
from gammaflow.exposure.dynamics import DYNAMICS, Dynamics, spot_vol_beta
from gammaflow.exposure.profile import sweep_spot
from gammaflow.exposure.smile import Smiles, fit_smiles
from gammaflow.feedback.gain.text import warnings as gain_warnings
from gammaflow.instruments.registry import INSTRUMENTS
from gammaflow.market.chain import Chain
from gammaflow.positions.beliefs import FLAT
from gammaflow.positions.rules import CALLS_LONG_PUTS_SHORT, RULES, SHORT_ALL, PositionRule
from gammaflow.report.band_table import band_text
from gammaflow.report.data import ReportData
from gammaflow.report.desk.effort import LARGE, effort
from gammaflow.report.desk.thin import near
from gammaflow.report.gain_table import gain_note
from gammaflow.report.plain import plain
from gammaflow.studies.data import Sensitivity, sensitivity
from gammaflow.studies.rules import RuleComparison, compare_rules

__all__ = ["robustness"]

_BETAS = (-1.0, -3.0)
# Draws of the page's own beliefs, and one in so many spots of the grid: beliefs that are given have all.
_DRAWS, _EVERY = 1_000, 4
# Effort of a book above which three rules are compared, not all.
_SEVERAL = 3_000.0
_QUANTILES = ("5 %", "25 %", "50 %", "75 %", "95 %")


def robustness(
    report: ReportData,
    *,
    rules: RuleComparison | None = None,
    treatments: Sensitivity | None = None,
    smiles: Smiles | None = None,
) -> dict[str, Any]:
    """Gamma at spot and nearest flip with one assumption changed at a time, the others as in the report.

    Parameters
    ----------
    report : Report
    rules : RuleComparison, optional
        `compare_rules` of the report's open interest, where there is one already.
    treatments : Sensitivity, optional
        `sensitivity` of the report's chain under its rule, where there is one already.
    smiles : Smiles, optional
        Smiles of the report's book, where they are fitted already.

    Returns
    -------
    dict
        `rows`, lists: `group` ("report", "rule", "data" or "dynamics"), `name`, `gamma` [currency per +1 %
        spot], `flip`, the zero nearest to spot [currency], `flips` (how many; None where not solved) and
        `signed`. Rows of "dynamics" hold total gamma, with the vanna effect. `ranges`: by group, lowest and
        highest gamma and flip over its signed rows and the report's. `bands`: quantiles of gamma over `spots`
        over draws of dealers' shares, the probability `p_short` of short gamma, both `at_spot`, and quantiles
        of the `levels`; None for positions that are signed already. `gain`: loop gain over `spots`, its zones
        and a text; None without a depth. `notes`: what was left out, and why. Missing numbers are None.

    Examples
    --------
    >>> import gammaflow as gf
    >>> rows = robustness(gf.analyze(gf.demo_chain()))["rows"]
    >>> sorted(set(rows["group"])), rows["name"][0], round(rows["flip"][0], -2)
    (['data', 'dynamics', 'report', 'rule'], 'this page', 77500.0)
    """
    levels, book = report.levels, report.book
    flip = levels.nearest_flip if book.signed else None
    rows = [_row("report", "this page", levels.gamma, flip.spot if flip else np.nan, len(levels.flips))]
    rows[0]["signed"] = book.signed
    notes: list[str] = []
    rows += _by_rule(report, rules, notes)
    rows += _by_treatment(report, treatments, notes)
    rows += _by_dynamics(report, smiles, notes)
    table = pd.DataFrame(rows)
    found: dict[str, Any] = plain(
        {
            "rows": table.to_dict("list"),
            "ranges": {str(g): _range(table, str(g)) for g in table["group"].unique() if g != "report"},
            "bands": _bands(report),
            "gain": _gain(report),
            "notes": notes,
        }
    )
    return found


def _row(
    group: str, name: str, gamma: float, flip: float, flips: int | None, signed: bool = True
) -> dict[str, Any]:
    own = {"group": group, "name": name, "gamma": float(gamma), "flip": float(flip), "flips": flips}
    return {**own, "signed": bool(signed)}


def _range(table: pd.DataFrame, group: str) -> dict[str, Any]:
    """Lowest and highest gamma and flip over the signed rows of a group and that of the report."""
    some = table[table["group"].isin(["report", group]) & table["signed"]]
    return {
        name: [some[name].min(), some[name].max()] if some[name].notna().any() else None
        for name in ("gamma", "flip")
    }


def _by_rule(report: ReportData, given: RuleComparison | None, notes: list[str]) -> Iterable[dict[str, Any]]:
    if given is None:
        if not isinstance(report.interest, Chain):
            notes.append("Rules: a book's positions are given; rules sign the open interest of a chain.")
            return []
        names: list[PositionRule] | None = None
        if effort(report.book) > _SEVERAL:
            own = [] if report.rule is None else [report.rule]
            names = list({rule.name: rule for rule in [*own, CALLS_LONG_PUTS_SHORT, SHORT_ALL]}.values())
            notes.append("Rules: some with gamma alone, the book being large; gf.compare_rules has flips.")
        profile = report.profile
        given = compare_rules(
            report.interest,
            names,
            spots=profile.spots,
            dynamics=profile.dynamics,
            days=profile.days,
            vol_shift=profile.vol_shift,
        )
    signed = {name: rule.signed for name, rule in RULES.items()}
    others = {name: gamma for name, gamma in report.regime.rules.items() if name not in given.table.index}
    solved = [
        _row("rule", name, row["gamma"], row["nearest_flip"], _count(row["flips"]), signed.get(name, True))
        for name, row in _named(given.table)
    ]
    return [*solved, *_gamma_alone("rule", others, True)]


def _named(table: pd.DataFrame) -> Iterable[tuple[str, pd.Series]]:
    return ((str(name), row) for name, row in table.iterrows())


def _gamma_alone(group: str, gammas: Mapping[str, float], signed: bool) -> list[dict[str, Any]]:
    return [_row(group, name, gamma, np.nan, None, signed) for name, gamma in gammas.items()]


def _count(flips: float) -> int:
    return 0 if np.isnan(flips) else int(flips)


def _by_treatment(
    report: ReportData, given: Sensitivity | None, notes: list[str]
) -> Iterable[dict[str, Any]]:
    if given is None:
        chain, rule = report.chain, report.rule
        rolled = report.profile.days or report.profile.vol_shift
        if chain is None or rule is None or rolled:
            notes.append("Data treatments: they need a chain, a rule, and the time and vols of the quotes.")
            return []
        if effort(report.book) > LARGE or chain.selection is not None:
            notes.append("Data treatments: gamma alone here; gf.sensitivity(chain) has the flips.")
            return _gamma_alone("data", report.regime.data, report.book.signed)
        try:
            given = sensitivity(chain, rule)
        except GammaflowError as error:
            notes.append(f"Data treatments: {error}")
            return []
    return [
        _row("data", name, row["gamma"], row["nearest_flip"], int(row["flips"]), report.book.signed)
        for name, row in _named(given.table)
    ]


def _by_dynamics(report: ReportData, smiles: Smiles | None, notes: list[str]) -> Iterable[dict[str, Any]]:
    book, profile = report.book, report.profile
    ways: list[Dynamics] = [*DYNAMICS.values(), *map(spot_vol_beta, _BETAS)]
    if not book.vanilla.any():
        notes.append("Smile dynamics: the book has no vanilla options, whose vols would move.")
        return []
    found = [INSTRUMENTS[name] for name in book.instruments]
    slow = any(each.by_quadrature and each.follows_volatility for each in found)
    if slow or (len(book) > LARGE and smiles is None):
        why = "a book of notes or barriers observed on dates" if slow else "a book of this size"
        notes.append(f"Smile dynamics: left out for {why}; gf.compare_dynamics(book) has them.")
        return []
    fitted = smiles or profile.smiles or fit_smiles(book)
    rows = []
    for how in ways:
        moved = sweep_spot(
            book,
            profile.spots[::_EVERY] if len(profile.spots) > 4 * _EVERY else profile.spots,
            dynamics=how,
            days=profile.days,
            vol_shift=profile.vol_shift,
            smiles=fitted if how.needs_smile else None,
            measures=["total_gamma", "gross_gamma"],
            tol=profile.tol,
        ).levels(measure="total_gamma")
        flip = moved.nearest_flip if book.signed else None
        rows.append(
            _row(
                "dynamics",
                how.name,
                moved.gamma,
                flip.spot if flip else np.nan,
                len(moved.flips),
                book.signed,
            )
        )
    return rows


def _bands(report: ReportData) -> dict[str, Any] | None:
    if report.interest is None:
        return None
    bands, profile = _draws(report), report.profile
    at = near(bands.profile.spots, report.book.spot)
    table = bands.table.iloc[at]
    here = row_at_spot(bands)
    return {
        "name": bands.beliefs.name,
        "text": band_text(bands),
        "draws": bands.draws,
        "given": report.beliefs is not None,
        "dynamics": profile.dynamics.name,
        "spots": table.index.tolist(),
        "quantiles": {name: table[name].tolist() for name in _QUANTILES},
        "p_short": table["p_short"].tolist(),
        "at_spot": {str(name): float(value) for name, value in here.items()},
        "levels": [
            {
                "name": name,
                "none": found.none,
                **{q: float(found.quantiles[column][q]) for q in ("5 %", "50 %", "95 %")},
            }
            for name, found, column in band_levels(bands)
        ],
    }


def _draws(report: ReportData) -> Bands:
    """Bands of the report's beliefs; of flat ones, with fewer draws and spots, where it has none."""
    if report.beliefs is not None or report.interest is None:
        return report.bands
    profile = report.profile
    return sign_bands(
        report.interest,
        FLAT,
        _DRAWS,
        spots=profile.spots[::_EVERY] if len(profile.spots) > 4 * _EVERY else profile.spots,
        dynamics=profile.dynamics,
        days=profile.days,
        vol_shift=profile.vol_shift,
        core=report.levels.core_fraction,
    )


def _gain(report: ReportData) -> dict[str, Any] | None:
    gain = report.loop_gain
    if gain is None:
        return None
    at = near(gain.spots, report.book.spot)
    table = gain.table.iloc[at]
    place, peak = gain.peak
    return {
        "text": gain_note(gain),
        "warnings": list(gain_warnings(gain)),
        "spots": table.index.tolist(),
        "columns": {str(name): table[name].tolist() for name in table},
        "at_spot": float(gain.at(report.book.spot)["kappa"]),
        "peak": {"spot": place, "kappa": peak},
        "zones": [
            {"above": z.above, "low": z.low, "high": z.high, "peak": z.peak, "peak_spot": z.peak_spot}
            for z in gain.zones
        ],
    }
