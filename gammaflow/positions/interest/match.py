"""Contracts of two chains matched one by one: open interest before and after, states, rolls, moves of vol."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import check_noun
from gammaflow.errors import MismatchError, SchemaError
from gammaflow.market.chain import NOT_SELECTED, PLACEHOLDER_IV, Chain
from gammaflow.positions.interest.smile_moves import against_neighbours, out_of_the_money

__all__ = ["KEY", "STATES", "match", "refuse_strangers", "rolled"]

Array = NDArray[np.float64]

#: Columns that identify a contract; names may be written differently by two vendors.
KEY = ["expiry", "strike", "kind", "root"]

#: States of a contract's open interest, and their meaning.
STATES = {
    "new": "none before, some after",
    "grew": "more than before",
    "fell": "less than before",
    "closed": "some before, none after",
    "unchanged": "the same, none included",
    "expired": "expired between the chains: all of it went off without a trade",
    "unknown": "missing in one of the chains",
}

# Open interest converted between multipliers is equal within this share of it.
_ROUNDING = 1e-9


def refuse_strangers(earlier: Chain, later: Chain) -> None:
    """Raise MismatchError unless the chains are of one underlying and venue, in order of time."""
    check_noun(earlier, "earlier", Chain)
    check_noun(later, "later", Chain)
    names = ("symbol", "venue", "currency", "synthetic")
    problems = [
        f"{name}: {getattr(earlier, name)!r} and {getattr(later, name)!r}"
        for name in names
        if getattr(earlier, name) != getattr(later, name)
    ]
    if problems:
        problems = [
            f"they differ in {'; '.join(problems)}; compare chains of one underlying at one venue, in one "
            "currency, both recorded or both synthetic"
        ]
    if not earlier.asof < later.asof:
        problems.append(
            f"the first is as of {earlier.asof.isoformat()}, the second as of {later.asof.isoformat()}; pass "
            "the earlier chain first"
        )
    if problems:
        raise MismatchError(f"open interest of two chains cannot be compared: {'. '.join(problems)}.")


def match(earlier: Chain, later: Chain, least: float) -> pd.DataFrame:
    """One row per contract of either chain that was alive at the earlier one; see `OpenInterestChange`.

    Parameters
    ----------
    earlier, later : Chain
        As accepted by `refuse_strangers`.
    least : float
        Moves of vol up to this have no side [1.00 of vol].

    Raises
    ------
    SchemaError
        For a chain that holds a contract twice.
    MismatchError
        For contracts of one name and other terms in each chain.
    """
    both = _rows(earlier).merge(_rows(later), on=KEY, how="outer", suffixes=("_0", "_1"), sort=True)
    both = both[both["expiry"] > earlier.asof.tz_localize(None)]
    named = both["contract_1"].fillna(both["contract_0"])
    multiplier = both["multiplier_1"].fillna(both["multiplier_0"])
    expired = (both["expiry"] <= later.asof.tz_localize(None)).to_numpy()
    before = both["interest_0"] * (both["multiplier_0"] / multiplier)
    # A chain that lists all contracts of its time has no open interest in one that it does not list yet.
    absent = both["contract_0"].isna()
    if NOT_SELECTED not in earlier.left_out:
        before = before.mask(absent, 0.0)
    after = both["interest_1"].mask(expired, 0.0)
    change = after - before
    change = change.mask(change.abs() <= _ROUNDING * np.maximum(before, after), 0.0)
    table = pd.DataFrame(
        {
            "contract": named.astype(object),
            "expiry": both["expiry"].dt.tz_localize("UTC"),
            "strike": both["strike"],
            "kind": both["kind"].astype(object),
            "multiplier": multiplier,
            "before": before,
            "after": after,
            "change": change,
            "state": _state(before, after, change, expired),
            "volume": both["volume_1"].mask(expired),
        }
    )
    repeated = table["contract"][table["contract"].duplicated()]
    if len(repeated):
        raise MismatchError(
            f"open interest of two chains cannot be compared: {len(repeated)} contracts have one name but "
            f"another expiry, strike, kind or root in each chain (first: {repeated.iloc[0]})."
        )
    table["rolled"] = rolled(table)
    table["iv_before"], table["iv_after"] = both["iv_0"].to_numpy(), both["iv_1"].mask(expired).to_numpy()
    table["vol_move"] = _vol_moves(both, expired)
    moved = np.abs(table["vol_move"]) > least
    table["side"] = np.where(moved & table["change"].ne(0.0) & ~expired, np.sign(table["vol_move"]), 0.0)
    table["side"] = table["side"].mask(table["change"].isna(), 0.0)
    return table.set_index("contract")


def _rows(chain: Chain) -> pd.DataFrame:
    """Key of each contract, and the columns compared between chains."""
    known = np.where(chain.open_interest_age < 0, np.nan, chain["open_interest"])
    columns: dict[str, Any] = {name: chain[name] for name in (*KEY, "contract", "multiplier", "volume", "iv")}
    columns |= {"interest": known, "outside": out_of_the_money(chain)}
    frame = pd.DataFrame(columns)
    twice = frame["contract"][frame.duplicated(KEY, keep=False)]
    if len(twice):
        raise SchemaError(
            f"{chain.symbol} as of {chain.asof.isoformat()}: {len(twice)} rows share expiry, strike, kind "
            f"and root with another (first: {', '.join(twice.iloc[:2])}); a contract must stand once. "
            "Select one of each (Chain.select)."
        )
    return frame


def _state(before: pd.Series, after: pd.Series, change: pd.Series, expired: Any) -> NDArray[Any]:
    found = {
        "unknown": change.isna() & ~expired,
        "expired": expired,
        "unchanged": change == 0.0,
        "new": before == 0.0,
        "closed": after == 0.0,
        "grew": change > 0.0,
    }
    return np.select(list(found.values()), list(found), default="fell").astype(object)


def rolled(table: pd.DataFrame) -> Array:
    """Upper bound of what was rolled out of or into each contract [contracts, >= 0], (n,).

    Open interest that went from a contract is matched with open interest that came to the same strike and
    kind at later expiries, the nearest first; the matched total is the largest possible. It is the same out
    of earlier and into later expiries.

    Parameters
    ----------
    table : DataFrame
        Columns expiry, strike, kind, multiplier, change; NaN changes match nothing.
    """
    out = np.zeros(len(table))
    change = table["change"].fillna(0.0).to_numpy()
    moments = table["expiry"].to_numpy()
    groups = table.reset_index(drop=True).groupby(["strike", "kind", "multiplier"], sort=False).indices
    for rows in groups.values():
        gone: list[tuple[int, float]] = []
        for moment in np.unique(moments[rows]):
            here = rows[moments[rows] == moment]
            for row in here[change[here] > 0.0]:
                room = change[row]
                while gone and room > 0.0:
                    source, amount = gone.pop()
                    taken = min(room, amount)
                    room -= taken
                    out[[row, source]] += taken
                    if amount > taken:
                        gone.append((source, amount - taken))
            gone += [(row, -change[row]) for row in here[change[here] < 0.0]]
    return out


def _vol_moves(both: pd.DataFrame, expired: Any) -> Array:
    """Change of each strike's vol against its neighbours' changes, for both of its legs [1.00 of vol], (n,).

    The vol of a strike is that of the leg which is out of the money in the later chain, of the other where
    that one has none in either chain. Only strikes with vols in both chains count.
    """
    out = np.full(len(both), np.nan)
    known = both["iv_0"].gt(PLACEHOLDER_IV) & both["iv_1"].gt(PLACEHOLDER_IV) & ~expired
    rows = both.assign(place=np.arange(len(both)), moved=both["iv_1"] - both["iv_0"])[known.to_numpy()]
    rows = rows.sort_values(["strike", "outside_1"], ascending=[True, False], kind="stable")
    for _, legs in rows.groupby(["expiry", "root"], sort=False):
        one = legs.drop_duplicates("strike")
        moves = against_neighbours(one["strike"].to_numpy(), one["moved"].to_numpy())
        out[legs["place"]] = legs["strike"].map(pd.Series(moves, one["strike"])).to_numpy()
    return out
