"""Classification of trades: the customer's side of each print, and how far it can be trusted.

The side is that of the customer, whom dealers took the other side of: +1.0 bought, -1.0 sold, 0.0 unknown.
That is the initiator of the trade, except where the trade-size rule finds that a customer's resting order
was filled.

A side that is right with probability p is worth (2 p - 1) x size signed contracts, with variance 4 p (1 - p)
x size^2: certain evidence counts in full, a coin not at all. These are the mean and variance of the true
signed size given the side found, with buys and sells equally likely beforehand. Evidence therefore shrinks
toward zero: over tapes with one and the same true net, the expected net averages (2 p - 1)^2 of it. An
accuracy is taken as the same for large and small prints, and errors of different prints as independent, so
that variances add up. Stale quotes come in runs, and a tick test reads a neighbour's price: on simulated
tapes that bounce between bid and ask, net positions by Lee-Ready and tick deviated 1 to 4 % more than
stated, by EMO 8 to 13 %.

Examples
--------
Two prints at the quote, a block, and a print whose direction the tape gives:

>>> from gammaflow import classification
>>> tape = {
...     "contract": ["C", "C", "C", "C"], "price": [1.20, 1.05, 1.20, 1.10], "size": [10.0, 5.0, 900.0, 1.0],
...     "bid": 1.00, "ask": 1.20, "category": ["single", "single", "block", "single"],
...     "direction": [float("nan"), float("nan"), float("nan"), -1.0],
... }
>>> found = classification.classify(tape, "quote_own")
>>> found.side, found.accuracy
(array([ 1., -1.,  1., -1.]), array([0.83, 0.83, 0.5 , 1.  ]))
>>> classification.signed_size(tape["size"], found).expected
array([ 6.6, -3.3,  0. , -1. ])
>>> rule = classification.TAPE_RULES["layered"].given(trade_size_own=0.75, depth=0.6, depth_own=0.6)
>>> classification.classify(tape, rule).layer
array(['quote_own', 'quote_own', 'quote_own', 'direction'], dtype=object)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import check_noun, read_only, refuse
from gammaflow.columns import numbers
from gammaflow.frozen import Frozen
from gammaflow.kernels import tape
from gammaflow.positions.flow.tape_rules import TAPE_RULES, Layers, TapeRule, accuracy_problem, tape_rule
from gammaflow.schema import CATEGORIES

__all__ = [
    "CATEGORIES",
    "COMPLEX",
    "TAPE_RULES",
    "Classified",
    "Layers",
    "SignedSize",
    "TapeRule",
    "classify",
    "signed_size",
]

#: Prints whose side is worth nothing unless an accuracy is given.
COMPLEX = ("block", "combo", "multi-leg")

_QUOTE = ("bid", "ask")
_SIZES = ("bid_size", "ask_size")
_COLUMNS = (*_QUOTE, *_SIZES)
_NEEDS = {
    "tick": (), "reverse_tick": (), "quote": _QUOTE, "at_quote": _QUOTE, "near_quote": _QUOTE,
    "quoted_tick": _QUOTE, "size": _SIZES, "depth": _COLUMNS,
}  # fmt: skip

# Direction in which a tick test looks for another price, and its place among the kernel's arguments.
_TICKS = {"tick": (1, 0), "quoted_tick": (1, 0), "reverse_tick": (-1, 1)}


class SignedSize(NamedTuple):
    """Customers' signed contracts of each print: expected value, and variance around it.

    See Also
    --------
    signed_size

    Examples
    --------
    >>> import gammaflow as gf
    >>> tape = {"contract": ["C", "C"], "price": [1.2, 1.0], "size": [10.0, 5.0],
    ...     "bid": [1.0, 1.0], "ask": [1.2, 1.2]}
    >>> sides = gf.classification.classify(tape, "quote_own")
    >>> found = gf.classification.signed_size(tape["size"], sides)
    >>> found.expected.round(2).tolist()
    [6.6, -3.3]
    """

    expected: NDArray[np.float64]
    variance: NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Classified(Frozen):
    """Side of each print, its accuracy, and the layer that decided it.

    Attributes
    ----------
    side : (n,) array
        +1.0 the customer bought, -1.0 sold, 0.0 unknown.
    accuracy : (n,) array
        Probability that the side is right; 0.5 where unknown and for complex prints.
    layer : (n,) array of str
        Name of the rule that decided, "direction" where the tape gives it, "none" where nothing did.
    rule : str
        The rule, in words.

    See Also
    --------
    classify : Side and accuracy of each print of a tape.

    Examples
    --------
    >>> import gammaflow as gf
    >>> tape = {"contract": ["C", "C"], "price": [1.2, 1.0], "size": [10.0, 5.0],
    ...     "bid": [1.0, 1.0], "ask": [1.2, 1.2]}
    >>> found = gf.classification.classify(tape, "quote_own")
    >>> found.side.tolist(), found.accuracy.tolist()
    ([1.0, -1.0], [0.83, 0.83])
    """

    side: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    layer: NDArray[np.object_]
    rule: str

    def __len__(self) -> int:
        return len(self.side)

    @property
    def table(self) -> pd.DataFrame:
        """Prints, bought and sold, and mean accuracy by layer."""
        rows = pd.DataFrame(
            {
                "prints": 1,
                "bought": self.side > 0.0,
                "sold": self.side < 0.0,
                "accuracy": self.accuracy,
            }
        ).groupby(pd.Index(self.layer, name="layer"))
        return rows.agg({"prints": "sum", "bought": "sum", "sold": "sum", "accuracy": "mean"})

    def summary(self) -> str:
        """Rule, sign and table as text."""
        head = f"{len(self):,} prints, + = the customer bought, by {self.rule}"
        return f"{head}\n{self.table.to_string(float_format='{:.4g}'.format)}"

    def __repr__(self) -> str:
        return self.summary()


def signed_size(size: ArrayLike, classified: Classified) -> SignedSize:
    """Customers' expected signed contracts of each print, (2 p - 1) x side x size, and their variance.

    Parameters
    ----------
    size : (n,) array
        Contracts of each print; NaN gives NaN.
    classified : Classified
        Sides and accuracies; unknown ones count as p = 0.5: expected 0, variance size^2.

    Returns
    -------
    SignedSize
        Their sums are the mean and variance of customers' position; dealers hold minus it.

    Raises
    ------
    SchemaError
        For sizes that are negative, no numbers, or not one per print.

    See Also
    --------
    classify : Side and accuracy of each print of a tape.
    customer_flow

    Examples
    --------
    >>> tape = {"contract": ["C"], "price": [1.2], "size": [10.0], "bid": [1.0], "ask": [1.2]}
    >>> expected, variance = signed_size([10.0], classify(tape, "quote_own"))
    >>> round(float(expected[0]), 10), round(float(variance[0]), 10)
    (6.6, 56.44)
    """
    check_noun(classified, "classified", Classified)
    contracts, problems = _number("size", size, classified.side.shape)
    if (contracts < 0.0).any():
        problems.append("size: received negative contracts; the sign is that of `classified`.")
    refuse("sizes", problems)
    return SignedSize(
        tape.expected_side(classified.side, classified.accuracy) * contracts,
        tape.side_variance(classified.accuracy) * contracts**2,
    )


def classify(
    columns: Mapping[str, Any],
    rule: str | TapeRule | Layers | None,
    *,
    direction: float = 1.0,
    categories: Mapping[str, float | None] | None = None,
) -> Classified:
    """Side and accuracy of each print of a tape.

    A direction on the tape wins over the rule. Tick tests compare prices of one contract, all its prints, in
    the order of the rows, and look back (ahead) to the last (next) different price.

    Parameters
    ----------
    columns : mapping
        Columns of one row per print, in the order of the tape: contract and price; size, direction (+1.0 the
        taker bought, -1.0 sold, NaN unknown), category, bid, ask, bid_size, ask_size (of the exchange that
        printed) and best_bid, best_ask, best_bid_size, best_ask_size where the tape has them. Scalars hold
        for all rows.
    rule : str, TapeRule, Layers or None
        Name of a rule in `TAPE_RULES`, a rule, or layers; None uses the tape's direction only.
    direction : float
        Accuracy of a direction that the tape gives.
    categories : mapping, optional
        Accuracy by category, for rules and directions alike, over the default of 0.5 for "block", "combo"
        and "multi-leg"; None: as for any other print.

    Returns
    -------
    Classified

    Raises
    ------
    SchemaError
        For rules without a published accuracy where none is given (all are named), rules whose quotes or
        sizes the whole tape lacks, accuracies outside 0.5 to 1, unknown categories, and columns that are
        missing or illegal.

    See Also
    --------
    signed_size
    customer_flow

    Examples
    --------
    >>> import gammaflow as gf
    >>> tape = {"contract": ["C", "C"], "price": [1.2, 1.0], "size": [10.0, 5.0],
    ...     "bid": [1.0, 1.0], "ask": [1.2, 1.2]}
    >>> gf.classification.classify(tape, "quote_own").side.tolist()
    [1.0, -1.0]
    """
    layers = () if rule is None else tape_rule(rule).rules
    check_noun({} if categories is None else categories, "categories", Mapping)
    check_noun(columns, "columns", Mapping, pd.DataFrame)
    problems = _accuracy_problems(layers, direction, categories or {})
    prints = _read(columns, problems)
    refuse("trades", problems)
    given = np.abs(prints.numbers["direction"]) == 1.0
    if not given.all():
        refuse("trades", _data_problems(layers, isinstance(rule, Layers), prints))
    side, layer = _decide(layers, prints)
    side = np.where(given, prints.numbers["direction"], side)
    layer = np.where(given, len(layers) + 1, layer + 1)
    names = np.array(["none", *(r.name for r in layers), "direction"], object)
    accuracies = np.array([0.5, *(r.accuracy for r in layers), direction], np.float64)
    by_category = dict.fromkeys(COMPLEX, 0.5) | dict(categories or {})
    replaced = np.array([by_category.get(name) for name in CATEGORIES], np.float64)[prints.category]
    accuracy = np.where((side == 0.0) | np.isnan(replaced), accuracies[layer], replaced)
    label = "the tape's direction" if rule is None else str(tape_rule(rule))
    return Classified(read_only(side), read_only(accuracy), read_only(names[layer], object), label)


class _Prints(NamedTuple):
    """Columns as read: numbers by name, contracts, and places in `CATEGORIES`."""

    numbers: dict[str, NDArray[np.float64]]
    contract: NDArray[Any]
    category: NDArray[np.intp]


def _accuracy_problems(
    layers: tuple[TapeRule, ...], direction: float, categories: Mapping[str, float | None]
) -> list[str]:
    problems = []
    missing = [layer.name for layer in layers if layer.accuracy is None]
    if missing:
        example = "0.7" if len(layers) == 1 else ", ".join(f"{name}=0.7" for name in missing)
        problems.append(
            f"rule: no accuracy is published for {', '.join(missing)}; give one of each, such as "
            f"rule.given({example})."
        )
    problems += filter(None, [accuracy_problem("direction", direction)])
    for name, p in categories.items():
        if name not in CATEGORIES:
            problems.append(f"categories: received {name!r}; legal: {', '.join(map(repr, CATEGORIES))}.")
        elif p is not None:
            problems += filter(None, [accuracy_problem(f"categories[{name!r}]", p)])
    return problems


def _read(columns: Mapping[str, Any], problems: list[str]) -> _Prints:
    """Columns of equal length; whatever is illegal is appended to `problems`."""
    empty = _Prints({}, np.zeros(0, object), np.zeros(0, np.intp))
    absent = [name for name in ("contract", "price") if name not in columns]
    if absent:
        problems.append(f"columns: {', '.join(absent)} missing; a tape needs contract and price.")
        return empty
    contract = np.atleast_1d(np.asarray(columns["contract"], object))
    shape = contract.shape[:1]
    problems += _shape_problem("contract", contract, shape)
    found = {}
    for name in ("price", "size", "direction", *_COLUMNS, *(f"best_{name}" for name in _COLUMNS)):
        found[name], wrong = _number(name, columns.get(name, np.nan), shape)
        problems += wrong
    words = columns.get("category", "single")
    problems += _shape_problem("category", words, shape)
    code, unique = _codes(words)
    unknown = [word for word in unique if word not in CATEGORIES]
    if unknown:
        problems.append(f"category: received {unknown[:3]}; legal: {', '.join(map(repr, CATEGORIES))}.")
    sign = found["direction"]
    bad = np.flatnonzero(~(np.isnan(sign) | (np.abs(sign) == 1.0)))
    if bad.size:
        problems.append(
            f"direction: {bad.size} of {len(sign)} rows are not +1, -1 or NaN "
            f"(first: row {bad[0]} = {sign[bad[0]]:g}). Set NaN where it is unknown."
        )
    if problems:
        return empty
    category = np.array([CATEGORIES.index(word) for word in unique], np.intp)[code]
    return _Prints(found, contract, np.broadcast_to(category, shape))


def _codes(words: Any) -> tuple[NDArray[np.intp], list[Any]]:
    """Words as numbers from 0, and the words; missing ones are a word of their own."""
    code, unique = pd.factorize(np.atleast_1d(np.asarray(words, object)))
    missing = code < 0
    if not missing.any():
        return code, list(unique)
    return np.where(missing, len(unique), code), [*unique, None]


def _number(name: str, given: Any, shape: tuple[int, ...]) -> tuple[NDArray[np.float64], list[str]]:
    """A column of numbers, and its problems; a scalar holds for all rows."""
    problems = _shape_problem(name, given, shape)
    values, problems = (np.full(1, np.nan), problems) if problems else numbers(given, name)
    return np.broadcast_to(values, shape), problems


def _shape_problem(name: str, given: Any, shape: tuple[int, ...]) -> list[str]:
    if np.shape(given) in (shape, ()):
        return []
    return [f"{name}: received shape {np.shape(given)}; it must have a row per print, {shape}."]


def _needed(rule: TapeRule) -> list[str]:
    prefix = "best_" if rule.quotes == "best" else ""
    return list(dict.fromkeys(prefix + name for test in rule.tests for name in _NEEDS[test]))


def _data_problems(layers: tuple[TapeRule, ...], layered: bool, prints: _Prints) -> list[str]:
    """Rules whose quotes or sizes no print has; layers may lack them, as long as one can decide."""
    lacking = {}
    for rule in layers:
        names = [name for name in _needed(rule) if np.isnan(prints.numbers[name]).all()]
        if names and len(prints.contract):
            lacking[rule.name] = names
    if not lacking or (layered and len(lacking) < len(layers)):
        return []
    return [
        f"rule: {name} needs {', '.join(names)}, which no print has. Use a rule on the columns at hand "
        f"(names with _own read bid and ask, others best_bid and best_ask), or tick or reverse_tick."
        for name, names in lacking.items()
    ]


def _decide(layers: tuple[TapeRule, ...], prints: _Prints) -> tuple[NDArray[Any], NDArray[Any]]:
    """Side of each print, 0.0 for none, and the number of the layer that decided, -1 for none."""
    data, n = prints.numbers, len(prints.contract)
    side, layer = np.zeros(n), np.full(n, -1, np.int64)
    tests = [
        (tape.TESTS[test], rule.quotes == "best", k) for k, rule in enumerate(layers) for test in rule.tests
    ]
    if not tests or not n:
        return side, layer
    codes, best, number = (np.array(column) for column in zip(*tests, strict=True))
    used = {test for rule in layers for test in rule.tests}
    none = np.full(n, np.nan)
    around = [none, none]
    if used & _TICKS.keys():
        contract, names = _codes(prints.contract)
        for step, place in {_TICKS[test] for test in used & _TICKS.keys()}:
            around[place] = np.empty(n)
            tape.different_prices(data["price"], contract, len(names), step, around[place])
    quotes = [data[prefix + name] for prefix in ("", "best_") for name in _COLUMNS]
    tape.classify_prints(codes, best, number, data["price"], data["size"], *quotes, *around, side, layer)
    return side, layer


def __dir__() -> list[str]:
    return __all__
