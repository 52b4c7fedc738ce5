"""Comparison of positioning rules: gamma, flips and short-gamma zones of one chain under each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import as_list, check_noun
from gammaflow.errors import SchemaError
from gammaflow.exposure.dynamics import Dynamics, find_dynamics
from gammaflow.exposure.grids import default_spots
from gammaflow.exposure.levels import Levels
from gammaflow.exposure.profile import sweep_spot
from gammaflow.frozen import FrozenMapping
from gammaflow.market.chain import Chain
from gammaflow.positions.book import Book
from gammaflow.positions.heading import filter_lines
from gammaflow.positions.rules import RULES, PositionRule, assign_positions, find_rule
from gammaflow.studies.headline import headline
from gammaflow.study import Study
from gammaflow.text import marked, moment_text, number_text, price_text
from gammaflow.units import CONVENTION, describe

__all__ = ["RuleComparison", "compare_rules"]

_COLUMNS = (
    "calls", "puts", "gamma", "flips", "nearest_flip", "zone_low", "zone_high", "flow", "trough",
    "trough_gamma", "core_low", "core_high",
)  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class RuleComparison(Study):
    """Levels of one chain under each positioning rule; see `compare_rules`.

    Attributes
    ----------
    levels : mapping of str to Levels
        Levels behind each row of `table`, by the rule's name; none where dealers hold no contract.

    See Also
    --------
    compare_rules : Gamma, flips and short-gamma zone of one chain under each positioning rule.

    Examples
    --------
    >>> import gammaflow as gf
    >>> found = gf.compare_rules(gf.demo_chain(), ["calls_long_puts_short", "short_all"])
    >>> found.brief()["flip"].to_list(), found.brief()["trough"].to_list()
    (['77,509', 'none'], ['68,655', '84,146'])
    """

    levels: Mapping[str, Levels]

    def brief(self) -> pd.DataFrame:
        """Gamma at spot, nearest flip, trough and core under each rule, as text for a terminal."""
        table = self.table
        both = table["core_low"].map(_price) + " - " + table["core_high"].map(_price)
        texts = {
            "gamma": [number_text(float(f"{value:.3g}")) for value in table["gamma"]],
            "flip": table["nearest_flip"].map(_price),
            "trough": table["trough"].map(_price),
            "core": both.where(table["core_low"].notna(), "none"),
        }
        return pd.DataFrame(texts, table.index)

    def plot(self, *, ax: Any = None, **options: Any) -> Any:
        """Gamma over spot under each rule, its zeros, and its short-gamma zones as bars (matplotlib Axes).

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; default: a new figure.
        **options
            `labels`, `currency` of `gammaflow.plot.curves.plot_curves`.
        """
        from gammaflow.plot.curves import plot_curves

        found = list(self.levels.values())
        book = found[0].profile.book
        curves = pd.DataFrame({name: each.profile.table["gamma"] for name, each in self.levels.items()})
        same = _alike(curves)
        found = [self.levels[names[0]] for names in same]
        curves = pd.DataFrame({"\n= ".join(names): curves[names[0]] for names in same})
        signed = [each.profile.book.signed for each in found]
        marks = {
            "zeros": [
                [f.spot for f in e.nearest_flips] if s else [] for e, s in zip(found, signed, strict=True)
            ],
            "spans": [
                [(z.low, z.high) for z in e.zones] if s else [] for e, s in zip(found, signed, strict=True)
            ],
            "spans_name": "short-gamma zone",
        }
        title = f"{book.title} gamma over spot under each rule, {moment_text(book.asof)}"
        options = {"currency": book.currency, "ax": ax, **marks, **options}
        return plot_curves(curves, book.spot, title, describe(book.currency)["gamma"], **options)


def _price(price: float) -> str:
    return "none" if np.isnan(price) else price_text(price)


def _alike(curves: pd.DataFrame) -> list[list[str]]:
    """Names of the columns, those with one curve together; the curves of two rules hide each other."""
    found: list[list[str]] = []
    for name in curves.columns:
        for names in found:
            if np.allclose(curves[name], curves[names[0]], rtol=1e-9, atol=0.0):
                names.append(str(name))
                break
        else:
            found.append([str(name)])
    return found


def compare_rules(
    chain: Chain,
    rules: Sequence[str | PositionRule] | str | PositionRule | None = None,
    *,
    spots: ArrayLike | None = None,
    dynamics: str | Dynamics = "sticky_strike",
    days: float = 0.0,
    vol_shift: float = 0.0,
    core: float = 0.9,
    numeraire: str = "usd",
) -> RuleComparison:
    """Gamma, flips and short-gamma zone of one chain under each positioning rule.

    Parameters
    ----------
    chain : Chain
        The quoted contracts, valued with their own rates and vols, as in `assign_positions`; `analyze` and
        the command line set rates first, where the chain has none (`repair_chain` does as well).
    rules : one or a sequence of str or rule, optional
        Rules to compare, by name or as objects; default: every rule of `gammaflow.positioning.RULES` that has
        shares for the chain. The result names those that have none.
    spots, dynamics, days, vol_shift
        As in `sweep_spot`; all rules share one grid of spots.
    core : float
        As in `find_levels`.
    numeraire : "usd" or "coin"
        As in `assign_positions`.

    Returns
    -------
    RuleComparison
        `table`: one row per rule, + = dealers are long. `calls` and `puts`, dealers' net share of the open
        interest in each kind, of the rows that are valued [-]; `gamma` at spot [currency per +1 % spot]; the
        number of `flips`, and the `nearest_flip` to spot [currency]. Of the short-gamma zone that holds spot
        or is nearest: `zone_low` and `zone_high` [currency]; `flow`, the amount dealers must trade as spot
        crosses it [currency]; the deepest `trough` [currency], `trough_gamma` [currency per +1 % spot], and
        the core around it from `core_low` to `core_high` [currency]. NaN where there is none. An unsigned
        rule has gamma alone: open interest without a side has no flip and no zone.

    Raises
    ------
    SchemaError
        For an unknown rule, two rules of one name, a rule without shares for the chain, or a chain without
        rows that can be valued.

    See Also
    --------
    assign_positions : Sign a chain's open interest as dealers' positions.
    sign_bands : Gamma over spot, flips, zones and cores under beliefs about dealers' share of open interest.
    sensitivity

    Examples
    --------
    >>> import gammaflow as gf
    >>> found = gf.compare_rules(gf.demo_chain(), ["calls_long_puts_short", "short_all", "unsigned"])
    >>> found.table["nearest_flip"].round().to_list()
    [77509.0, nan, nan]
    >>> round(float(found.table["gamma"]["short_all"] / found.table["gamma"]["unsigned"]), 12)
    -1.0
    """
    check_noun(chain, "chain", Chain)
    how = find_dynamics(dynamics)
    chosen, without = _chosen(chain, rules)
    held = {rule.name: position for rule, position in chosen}
    books = {
        rule.name: assign_positions(chain, rule, numeraire=numeraire)
        for rule, position in chosen
        if np.nan_to_num(position).any()
    }
    if not books:
        raise SchemaError(
            f"{chain.symbol}: under none of the rules {', '.join(held)} do dealers hold a contract. Compare "
            "other rules, or check the open interest."
        )
    if spots is None:
        grids = [default_spots(book, days=days, vol_shift=vol_shift) for book in books.values()]
        spots = np.unique(np.concatenate(grids))
    levels = {
        name: sweep_spot(
            book, spots, dynamics=how, days=days, vol_shift=vol_shift, measures=["gamma", "gross_gamma"]
        ).levels(core=core)
        for name, book in books.items()
    }
    rows = {
        name: {
            **_shares(chain, position),
            **(_row(levels[name]) if name in levels else {"gamma": 0.0, "flips": 0}),
        }
        for name, position in held.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(_COLUMNS), dtype=np.float64)
    lines = [*_heading(chain, books, days, vol_shift), f"smile dynamics: {how}"]
    for rule, _ in chosen:
        lines += _lines(rule, levels.get(rule.name))
    return RuleComparison(table.rename_axis("rule"), (*lines, *without), FrozenMapping(levels))


def _chosen(
    chain: Chain, rules: Sequence[str | PositionRule] | str | PositionRule | None
) -> tuple[list[tuple[PositionRule, NDArray[np.float64]]], list[str]]:
    """Rules to compare with their positions; by default, lines about those without shares for the chain."""
    if rules is not None:
        given = [rules] if isinstance(rules, str | PositionRule) else as_list(rules, "rules", "rules")
        found = [find_rule(rule) for rule in given]
        names = [rule.name for rule in found]
        if not names or len(set(names)) < len(names):
            raise SchemaError(f"rules: received {names!r}; legal: at least one rule, each name once.")
        return [(rule, rule.position(chain)) for rule in found], []
    chosen, without = [], []
    for rule in RULES.values():
        try:
            chosen.append((rule, rule.position(chain)))
        except SchemaError as error:
            without.append(f"left out: {error}")
    return chosen, without


def _row(levels: Levels) -> dict[str, Any]:
    """Levels of one rule; gamma alone where it is unsigned."""
    if not levels.profile.book.signed:
        return {"gamma": levels.gamma}
    zone = levels.zone
    found = {"zone_low": zone.low, "zone_high": zone.high, "flow": zone.flow} if zone else {}
    return {**headline(levels), **found}


def _shares(chain: Chain, position: NDArray[np.float64]) -> dict[str, float]:
    """Dealers' net share of the open interest in calls and in puts of the rows that can be valued."""
    shares = {}
    for kind in ("call", "put"):
        rows = (chain["kind"] == kind) & (chain.unusable == "")
        interest = float(chain["open_interest"][rows].sum())
        shares[f"{kind}s"] = float(position[rows].sum()) / interest if interest else np.nan
    return shares


def _heading(chain: Chain, books: Mapping[str, Book], days: float, vol_shift: float) -> list[str]:
    warnings = dict.fromkeys(warning for book in books.values() for warning in book.warnings)
    return [
        f"RuleComparison {chain.title}, as of {moment_text(chain.asof, days, vol_shift)}, "
        f"spot {chain.spot:,.2f} {chain.currency}",
        *marked(tuple(warnings)),
        *filter_lines(*books.values()),
        f"sign: {CONVENTION}",
        f"gamma [{describe(chain.currency)['gamma']}]; flow across the zone [{chain.currency}]; calls, puts: "
        "dealers' net share of open interest",
    ]


def _lines(rule: PositionRule, levels: Levels | None) -> list[str]:
    """A rule in words: meaning, source, and every flip under it."""
    text = levels.profile.book.rule_text if levels else f"{rule.name} ({rule.meaning})"
    if levels is None:
        found = "dealers hold none of these contracts"
    elif not rule.signed:
        found = "sign: none (open interest alone), so it has no flip and no zone"
    else:
        found = f"flips: {', '.join(map(str, levels.flips)) or 'none'}"
        if levels.zone:
            found += f"; zone {levels.zone}"
    return [f"rule: {text}", f"    source: {rule.source}", f"    {found}"]
