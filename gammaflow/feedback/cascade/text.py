"""Text of cascades, and the table behind their picture."""

from __future__ import annotations

from textwrap import shorten
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.feedback.cascade.balance import FLOWS, Balance, Fold
from gammaflow.feedback.doubts import shock_doubts
from gammaflow.text import amount_text, marked, price_text

__all__ = [
    "balance_table",
    "conditions",
    "fold_text",
    "landing_notes",
    "money",
    "move_text",
    "summary",
    "title",
    "traded",
]

# Move of ln S beyond which a result with the book held fixed is no forecast.
_FAR = 0.3

# Longest line of a picture's title, in characters.
_WIDTH = 100

# Points of the picture, and how far it extends beyond the landing, as a share of the move.
_POINTS, _BEYOND = 401, 0.35


def money(amount: float, currency: str) -> str:
    """An amount in readable units.

    Examples
    --------
    >>> money(-2e9, "USD")
    '-2.00 USD bn'
    """
    return " ".join(amount_text(amount, currency, 2))


def move_text(spot: float, start: float) -> str:
    """A price and its distance from the start, as text.

    Examples
    --------
    >>> move_text(95.0, 100.0)
    '95.00 (-5.00 %)'
    """
    return f"{price_text(spot)} ({100.0 * (spot / start - 1.0):+.2f} %)"


def fold_text(fold: Fold, start: float, currency: str) -> str:
    """A jump of price in words."""
    at = "the smallest shock" if not fold.shock else f"a shock of {money(fold.shock, currency)}"
    end = "beyond the range" if np.isnan(fold.end) else f"to {move_text(fold.end, start)}"
    return f"at {at} price jumps from {move_text(fold.start, start)} {end}"


def conditions(balance: Balance, name: str) -> list[str]:
    """Heading of a result: book, rule, sign, impact and pools."""
    pools = balance.liquidations
    return [
        *balance.path.heading(name),
        repr(balance.impact),
        f"liquidations: {pools.source if pools is not None else 'none'}",
    ]


def title(balance: Balance, what: str) -> str:
    """Title of a picture: that of the path, a line for the depth, and one for beta, hedges and pools."""
    path, pools = balance.path, balance.liquidations
    more = [
        *([f"beta {path.beta:g}"] if path.beta else []),
        *([f"{100 * path.hedge_fraction:g} % of deltas hedged"] if path.hedge_fraction != 1.0 else []),
        *([f"liquidations: {pools.source}"] if pools is not None else []),
    ]
    lines = ["depth: " + repr(balance.impact).removeprefix("Impact: "), *(["; ".join(more)] if more else [])]
    return "\n".join([path.title(what), *(shorten(line, _WIDTH, placeholder=" ...") for line in lines)])


def traded(table: pd.DataFrame) -> list[str]:
    """Rows of a cascade's table that are shown: shock, gamma, total, and the channels that trade."""
    always = ("exogenous", "gamma", "total")
    return [str(name) for name, flow in table["flow"].items() if name in always or flow]


def landing_notes(cascade: Any) -> list[str]:
    """Doubts about the landing, jumps on the way and other equilibria, one sentence each."""
    balance = cascade.balance
    start, currency = balance.path.spot, balance.path.currency
    lines = []
    if abs(cascade.log_return) > _FAR:
        lines.append("no forecast: this far from spot, vols, positions and depth would all have changed")
    if cascade.held:
        lines.append("price rests at a barrier: dealers would trade more there than is needed to hold it")
    lines += [fold_text(fold, start, currency) for fold in cascade.folds]
    if not balance.stable_at_rest:
        lines.append("spot itself is unstable: the loop gain of the smallest move is 1 or more")
    others = [root for root in cascade.roots if not np.isclose(root.spot, cascade.spot, rtol=1e-12, atol=0.0)]
    if others:
        shown = ", ".join(
            f"{move_text(root.spot, start)} {'stable' if root.stable else 'unstable'}" for root in others
        )
        lines.append(f"other equilibria of this shock: {shown}")
    return lines


def summary(cascade: Any) -> str:
    """Conditions, landing, flows by channel, jumps and other equilibria, as text."""
    balance = cascade.balance
    path, currency = balance.path, balance.path.currency
    start = path.spot
    with np.errstate(over="ignore"):
        alone = start * float(np.exp(cascade.alone))
    lines = [
        *conditions(balance, "Cascade"),
        f"shock: {money(cascade.shock, currency)}, which alone takes price to {move_text(alone, start)}",
        *marked(shock_doubts(cascade.shock, balance.impact)),
    ]
    if cascade.runaway:
        end = path.low if cascade.shock < 0.0 else path.high
        lines.append(
            f"runaway: no equilibrium before the end of the range, {move_text(end, start)}; landing and "
            "flows are NaN"
        )
    elif cascade.shock:
        times = f"{cascade.amplification:.3g} times the log return of the shock alone"
        lines.append(f"landing: {move_text(cascade.spot, start)}, {times}")
        table = cascade.table
        lines += [
            f"  {name:<13}{money(float(table.loc[name, 'flow']), currency):>16}"
            f"{100.0 * float(table.loc[name, 'log_return']):>+9.2f} % of ln S"
            for name in traded(table)
        ]
    else:
        lines.append("landing: no shock, price stays at spot")
    lines += [*landing_notes(cascade), f"range searched: {price_text(path.low)} to {price_text(path.high)}"]
    return "\n".join([*lines, *path.remarks])


def balance_table(cascade: Any) -> pd.DataFrame:
    """Flows on the way to each spot around the landing, and the flow needed there [currency, < 0 sells].

    Columns are those of `FLOWS`, with the shock in exogenous, and "needed".
    """
    balance = cascade.balance
    path = balance.path
    far = np.log(np.array([root.spot for root in cascade.roots] + [path.spot]) / path.spot)
    reach = np.append(far, [cascade.alone, *([] if cascade.runaway else [cascade.log_return])])
    if cascade.runaway:
        reach = np.append(reach, np.sign(cascade.shock) * min(1.0, 3.0 * abs(cascade.alone)))
    low, high = float(reach.min()), float(reach.max())
    pad = _BEYOND * max(high - low, 1e-4)
    ends = np.clip(path.spot * np.exp([low - pad, high + pad]), path.low, path.high)
    spots = np.geomspace(ends[0], ends[1], _POINTS)
    spots = np.clip(spots, path.low, path.high)
    beside = balance.need.sides(float(spots[0]), float(spots[-1]))
    spots = np.unique(np.concatenate([spots, [path.spot], beside]))
    flows = balance.flows(spots)
    needed = flows.sum(axis=0)
    flows[0] = cascade.shock
    table = pd.DataFrame(flows.T, pd.Index(spots, name="spot"), list(FLOWS))
    return table.assign(needed=needed)
