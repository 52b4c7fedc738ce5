"""Dealers' inventory from customers' trades: minus what takers bought and sold, for calls and puts alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import check_noun, refuse
from gammaflow.errors import SchemaError
from gammaflow.market.trades import Trades
from gammaflow.positions.book import Book
from gammaflow.positions.flow.classification import Classified, classify, signed_size
from gammaflow.positions.flow.inventory import Flow, flow_table, read_start
from gammaflow.schema import CATEGORIES

__all__ = ["Flow", "customer_flow"]


def customer_flow(
    trades: Trades,
    *,
    rule: Any = None,
    start: Any = None,
    accuracy: Mapping[str, float] | None = None,
    initial: pd.Series | Book | None = None,
) -> Flow:
    """Dealers' inventory from trades: the taker is the customer, the dealer takes the other side.

    A print of s contracts whose side is right with probability p moves dealers' expected inventory by
    -(2 p - 1) s where the customer bought and by +(2 p - 1) s where he sold, calls and puts alike, and adds
    4 p (1 - p) s^2 to its variance (prints are taken as independent).

    Parameters
    ----------
    trades : Trades
        The tape (`read_trades`).
    rule : str or rule, optional
        Rule that classifies prints without a given direction, one of `gammaflow.classification.TAPE_RULES` or
        its name, such as "lee_ready". Without one they have no side.
    start : timestamp, Series or Book, optional
        The first moment of the flow (tz-aware); or dealers' inventory to cumulate on, as in `initial`.
    accuracy : mapping, optional
        Probabilities from 0.5 to 1 that a side is the customer's, by category of print. "single" is the
        accuracy of a given direction, 1 by default; a rule has its own. The others hold for directions and
        rules alike: 0.5 by default for "block", "combo" and "multi-leg", whose direction says little;
        "auction" as for single prints.
    initial : Series or Book, optional
        Dealers' contracts before the first trade, by contract. A book counts trades after its own timestamp
        only, unless `start` is given.

    Returns
    -------
    Flow
        Prints without a side, or with accuracy 0.5, are `unclassified`: they leave the expected inventory
        unchanged and widen its deviation.

    Raises
    ------
    SchemaError
        For arguments that are not legal, or where no print is left.

    See Also
    --------
    read_trades : Read a tape of option trades, each print once.
    open_close : Dealers' inventory from contracts bought and sold by origin, as an exchange publishes them.
    assign_positions : Sign a chain's open interest as dealers' positions.

    Examples
    --------
    >>> import pandas as pd
    >>> import gammaflow as gf
    >>> tape = pd.DataFrame(
    ...     {
    ...         "contract": ["BTC-27MAR26-70000-P", "BTC-27MAR26-70000-P", "BTC-27MAR26-80000-C"],
    ...         "timestamp": [1770284207000, 1770284208000, 1770284209000], "price": [0.061, 0.062, 0.02],
    ...         "size": [25.0, 10.0, 40.0], "direction": ["buy", "sell", "buy"],
    ...         "category": ["single", "single", "block"],
    ...     }
    ... )
    >>> trades = gf.read_trades(tape)
    >>> gf.customer_flow(trades).table.T.round(1)
    contract         BTC-27MAR26-70000-P  BTC-27MAR26-80000-C
    bought                          25.0                  0.0
    sold                            10.0                  0.0
    unclassified                     0.0                 40.0
    inventory                      -15.0                  0.0
    deviation                        0.0                 40.0
    known_deviation                  0.0                  0.0
    accuracy                         1.0                  NaN
    prints                           2.0                  1.0
    >>> gf.customer_flow(trades, accuracy={"block": 0.75}).inventory.to_list()
    [-15.0, -20.0]
    """
    check_noun(trades, "trades", Trades)
    begin = read_start(start, initial)
    found = _sides(trades, rule, accuracy)
    kept = begin.later(trades["timestamp"])
    if not kept.any():
        if not len(trades):
            raise SchemaError(f"trades: no print is left.\n{trades}")
        raise SchemaError(
            f"start: received {begin.time}; none of the {len(trades):,} prints is later (last: "
            f"{trades['timestamp'][-1]} UTC)."
        )
    worth = signed_size(trades["size"], found)
    size, side, right = trades["size"][kept], found.side[kept], found.accuracy[kept]
    known = (side != 0) & (right != 0.5)
    columns = {
        "bought": np.where(known & (side > 0), size, 0.0),
        "sold": np.where(known & (side < 0), size, 0.0),
        "unclassified": np.where(known, 0.0, size),
        "inventory": -worth.expected[kept],
        "variance": worth.variance[kept],
        "known_variance": np.where(known, worth.variance[kept], 0.0),
        "square": np.where(known, size**2, 0.0),
    }
    layers = pd.Series(found.layer[kept], dtype=object).value_counts()
    counts = {
        "before start": int((~kept).sum()),
        **{f"side by {name}" if name != "none" else "no side": int(n) for name, n in layers.items()},
        "unclassified": int((~known).sum()),
    }
    times = trades["timestamp"][kept]
    return Flow(
        flow_table(trades["contract"][kept], columns, begin.inventory),
        pd.concat([trades.counts, pd.Series(counts, dtype=np.int64)]).rename("rows"),
        begin.time if begin.time is not None else pd.Timestamp(times[0], tz="UTC"),
        pd.Timestamp(times[-1], tz="UTC"),
        "customer_flow",
        f"dealers are minus customers, whose side is by {found.rule}",
        ", ".join(trades.sources) or "trades",
        (*trades.remarks, *_vague(trades["category"][kept][(side != 0) & (right == 0.5)])),
    )


def _vague(category: NDArray[Any]) -> list[str]:
    """Remark on prints whose side is known and counts for nothing, by category."""
    counts = pd.Series(category, dtype=object).value_counts()
    if counts.empty:
        return []
    listed = ", ".join(f"{name} {n:,}" for name, n in counts.items())
    return [
        f"unclassified although a side is given: {listed}; their accuracy is 0.5 unless accuracy= says "
        "otherwise"
    ]


def _sides(trades: Trades, rule: Any, accuracy: Mapping[str, float] | None) -> Classified:
    """Side of each print's customer; SchemaError with every problem of the accuracies."""
    if accuracy is not None and not isinstance(accuracy, Mapping):
        raise SchemaError(
            f"accuracy: received {accuracy!r:.60}; legal: a mapping of category to accuracy, such as "
            "{'single': 0.8}."
        )
    given = dict(accuracy or {})
    problems = [
        f"accuracy: {name!r} is no category; legal: {', '.join(CATEGORIES)}."
        for name in given
        if name not in CATEGORIES
    ]
    for name, value in given.items():
        number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not number or not 0.5 <= value <= 1.0:
            problems.append(f"accuracy: received {value!r} for {name!r}; legal: from 0.5 to 1.")
    refuse("accuracy", problems)
    direction = given.pop("single", 1.0)
    return classify(trades.columns, rule, direction=direction, categories=given)
