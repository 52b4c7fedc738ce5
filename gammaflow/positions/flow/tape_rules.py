"""Rules that tell from prices, sizes and quotes who initiated a trade, with their published accuracies.

`TAPE_RULES` holds them by name. A rule reads the national best quote; with the suffix ``_own`` it reads the
quote of the exchange that printed the trade. On a tape of one exchange use ``_own``.

| rule | side of the customer | accuracy |
| --- | --- | --- |
| tick | sign of the last change of the contract's price | 0.59 |
| reverse_tick | sign of its next change, reversed | 0.59, as tick |
| quote | above the mid buy, below it sell | 0.83 |
| lee_ready | quote; at the mid the tick test | 0.80 |
| emo | at the ask buy, at the bid sell; else the tick test | 0.77 |
| clnv | within 30 % of the spread from the ask buy, from the bid sell; else the tick test | none published |
| trade_size | size equal to the bid's buy, to the ask's sell, to both none | none published |
| depth | at the mid: larger ask buy, larger bid sell | none published |
| layered | trade_size_own > quote > quote_own > depth > depth_own > reverse_tick | each layer's |

The quote (kernel `gammaflow.kernels.tape`): without a bid (0) the mid is half the ask; a locked quote is
used; a crossed quote, one without an ask and a missing one decide nothing, nor does Lee-Ready, EMO or CLNV
there: their accuracies were measured on trades with a quote. ``Layers(["lee_ready", "tick"])`` decides those
by the tick test, at the tick test's accuracy. Outside the quote, quote and Lee-Ready see a buy above the ask
and a sell below the bid; EMO and CLNV use the tick test. A tape does not say how old its quotes are: they
are taken as given, and stale ones cost accuracy.

Accuracies are shares of the trades that a rule decides, on Cboe's floor (Savickas and Wilson, 2003). They
were lower outside the quote, and about 0.5 for complex trades; later samples in which customers use limit
orders give less (`given` replaces them). In a layer they are applied to the trades that reach it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from gammaflow.checks import as_list, check_choice
from gammaflow.errors import SchemaError
from gammaflow.frozen import Frozen
from gammaflow.kernels.tape import TESTS

__all__ = ["TAPE_RULES", "Layers", "TapeRule", "accuracy_problem", "tape_rule"]

SAVICKAS = "Savickas and Wilson, On Inferring the Direction of Option Trades (2003)"
GSU = "Grauer, Schuster and Uhrig-Homburg, Option Trade Classification (2023)"


def accuracy_problem(name: str, value: object) -> str | None:
    """Sentence about a value that is no accuracy, or None."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if number and 0.5 <= float(value) <= 1.0:  # type: ignore[arg-type]
        return None
    return f"{name}: received {value!r}; an accuracy is >= 0.5 (no evidence) and <= 1 (certain)."


@dataclass(frozen=True)
class TapeRule(Frozen):
    """One rule: the side of a print by the first of its tests that decides.

    Attributes
    ----------
    name : str
    meaning : str
        Definition, in words.
    source : str
        Publication that defines it.
    accuracy : float or None
        Share of the decided trades whose side is right, 0.5 to 1; None where none is published and `given`
        must say one.
    tests : tuple of str
        Tests of `gammaflow.kernels.tape.TESTS`, in order.
    quotes : "best", "own" or ""
        The national best quote, that of the exchange that printed the trade, or none.

    See Also
    --------
    Layers : Rules in order: each decides what those before it left open, at its own accuracy.
    classify : Side and accuracy of each print of a tape.

    Examples
    --------
    >>> import gammaflow as gf
    >>> rule = gf.classification.TAPE_RULES["tick"]
    >>> rule.name, rule.accuracy
    ('tick', 0.59)
    """

    name: str
    meaning: str
    source: str
    accuracy: float | None
    tests: tuple[str, ...]
    quotes: str = ""

    def __post_init__(self) -> None:
        for test in as_list(self.tests, "tests", "words"):
            check_choice(test, f"{self.name}: test", TESTS)
        check_choice(self.quotes, f"{self.name}: quotes", ("best", "own", ""))
        problem = None if self.accuracy is None else accuracy_problem(self.name, self.accuracy)
        if problem:
            raise SchemaError(problem)

    @property
    def rules(self) -> tuple[TapeRule, ...]:
        """The rule as the only layer."""
        return (self,)

    def given(self, accuracy: float) -> TapeRule:
        """The same rule with an accuracy of your own.

        Raises
        ------
        SchemaError
            For an accuracy outside 0.5 to 1.
        """
        return replace(self, accuracy=accuracy)

    def __str__(self) -> str:
        p = "no accuracy given" if self.accuracy is None else f"accuracy {self.accuracy:g}"
        return f"{self.name} ({self.meaning}; {p})"


@dataclass(frozen=True)
class Layers(Frozen):
    """Rules in order: each decides what those before it left open, at its own accuracy.

    Parameters
    ----------
    rules : sequence of str or TapeRule
        Names of `TAPE_RULES`, or rules of your own; each name once.
    name, source : str

    Raises
    ------
    SchemaError
        For no rule, an unknown name, or two layers of one name.

    See Also
    --------
    TapeRule : One rule: the side of a print by the first of its tests that decides.
    classify : Side and accuracy of each print of a tape.

    Examples
    --------
    >>> Layers(["lee_ready", "tick"]).accuracy
    {'lee_ready': 0.8, 'tick': 0.59}
    """

    rules: tuple[TapeRule, ...]
    name: str = "layers"
    source: str = "own"

    def __post_init__(self) -> None:
        given: Iterable[object] = (
            [self.rules] if isinstance(self.rules, str | TapeRule) else as_list(self.rules, "rules", "rules")
        )
        rules = tuple(rule for layer in given for rule in tape_rule(layer).rules)
        names = [rule.name for rule in rules]
        if not rules or len(set(names)) < len(names):
            raise SchemaError(f"layers: received {names}; legal: one rule or more, each name once.")
        object.__setattr__(self, "rules", rules)

    @property
    def meaning(self) -> str:
        """Order of the layers."""
        return " > ".join(rule.name for rule in self.rules) + " > none"

    @property
    def accuracy(self) -> dict[str, float | None]:
        """Accuracy of each layer; None where `given` must say one."""
        return {rule.name: rule.accuracy for rule in self.rules}

    def given(self, **accuracies: float) -> Layers:
        """The same layers with accuracies of your own, by layer.

        Raises
        ------
        SchemaError
            For a layer that is not there, and accuracies outside 0.5 to 1.
        """
        names = [rule.name for rule in self.rules]
        problems = [
            f"layer: received {n!r}; legal: {', '.join(names)}." for n in accuracies if n not in names
        ]
        problems += filter(None, (accuracy_problem(n, p) for n, p in accuracies.items() if n in names))
        if problems:
            raise SchemaError("\n".join(problems))
        rules = [r.given(accuracies[r.name]) if r.name in accuracies else r for r in self.rules]
        return replace(self, rules=tuple(rules))

    def __str__(self) -> str:
        return f"{self.name} ({self.meaning})"


def tape_rule(rule: object) -> TapeRule | Layers:
    """A rule by name, or the rule itself; SchemaError for anything else."""
    if isinstance(rule, TapeRule | Layers):
        return rule
    return TAPE_RULES[check_choice(rule, "rule", TAPE_RULES)]


def _on_quotes(quotes: str) -> Iterable[TapeRule]:
    suffix, where = ("", "national best") if quotes == "best" else ("_own", "exchange's own")
    for name, meaning, source, accuracy, tests in (
        ("quote", "above the mid of the {} quote buy, below it sell", SAVICKAS, 0.83, ("quote",)),
        (
            "lee_ready",
            "above the mid of the {} quote buy, below it sell, at it the tick test",
            "Lee and Ready (1991); accuracy: " + SAVICKAS,
            0.80,
            ("quote", "quoted_tick"),
        ),
        (
            "emo",
            "at the {} ask buy, at the bid sell, else the tick test",
            "Ellis, Michaely and O'Hara (2000); accuracy: " + SAVICKAS,
            0.77,
            ("at_quote", "quoted_tick"),
        ),
        (
            "clnv",
            "within 30 % of the {} spread from the ask buy, from the bid sell, else the tick test",
            "Chakrabarty, Li, Nguyen and Van Ness (2007)",
            None,
            ("near_quote", "quoted_tick"),
        ),
        (
            "trade_size",
            "size that of the {} bid buy (a resting customer order filled), of the ask sell, of both none",
            GSU,
            None,
            ("size",),
        ),
        ("depth", "at the mid of the {} quote: larger ask buy, larger bid sell", GSU, None, ("depth",)),
    ):
        yield TapeRule(name + suffix, meaning.format(where), source, accuracy, tests, quotes)


def _build() -> Mapping[str, TapeRule | Layers]:
    tick = TapeRule("tick", "sign of the contract's last price change", SAVICKAS, 0.59, ("tick",))
    reverse = TapeRule(
        "reverse_tick",
        "sign of the contract's next price change, reversed",
        "Lee and Ready (1991); accuracy taken as the tick test's",
        0.59,
        ("reverse_tick",),
    )
    rules: dict[str, TapeRule | Layers] = {
        rule.name: rule for rule in (tick, reverse, *_on_quotes("best"), *_on_quotes("own"))
    }
    order = ("trade_size_own", "quote", "quote_own", "depth", "depth_own", "reverse_tick")
    rules["layered"] = Layers(tuple(r for name in order for r in rules[name].rules), "layered", GSU)
    return MappingProxyType(rules)


#: Every rule by name.
TAPE_RULES: Mapping[str, TapeRule | Layers] = _build()
