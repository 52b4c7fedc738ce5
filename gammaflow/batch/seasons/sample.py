"""Sample of a study: the volatility that follows each snapshot, controls and terms, and the question."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gammaflow.batch.seasons.inputs import Prices, read_span
from gammaflow.batch.seasons.terms import TERMS, made
from gammaflow.batch.seasons.volatility import Volatility, realized_volatility, trailing_volatility
from gammaflow.checks import attempt, check_list, check_whole
from gammaflow.text import length_text

__all__ = ["IMPLIED", "NEXT", "Question", "Sample", "read_question", "sample_of", "uncovered"]

#: Name of the volatility that follows, and of the implied one.
NEXT, IMPLIED = "next_volatility", "atm_volatility"


class Question(NamedTuple):
    """Question of a study: terms, further controls, periods before each snapshot by name, and the horizon."""

    terms: list[str]
    controls: list[str]
    past: dict[str, pd.Timedelta]
    direction: dict[str, pd.Timedelta]
    horizon: pd.Timedelta


class Sample(NamedTuple):
    """Rows of a study, indexed by snapshot.

    `rows` are the summaries; `known` the volatility that follows, first, and the controls; `tried` the terms;
    `moves` log returns before each snapshot; `whole` the rows of known and tried without a missing number;
    `ahead` the volatility that follows as it was measured.
    """

    rows: pd.DataFrame
    known: pd.DataFrame
    tried: pd.DataFrame
    moves: pd.DataFrame
    whole: pd.DataFrame
    ahead: Volatility


def read_question(
    terms: Any, controls: Any, past: Any, direction: Any, horizon: Any, draws: Any, seed: Any,
    problems: list[str],
) -> tuple[Question, list[str]]:  # fmt: skip
    """The question, and what is wrong with its names and numbers; problems of periods go to the list."""
    (names, further, periods, ways, *_), wrong = attempt(
        lambda: [str(name) for name in check_list(terms, "terms", f"names such as {tuple(TERMS)}")],
        lambda: [str(name) for name in check_list(controls, "controls", "names of columns")],
        lambda: check_list(past, "past", "lengths of time such as ('1D', '7D')"),
        lambda: check_list(direction, "direction", "lengths of time such as ('7D', '30D')"),
        lambda: check_whole(draws, "draws", 100, 100_000),
        lambda: check_whole(seed, "seed", 0),
    )
    pasts = _spans("past", periods or (), problems)
    returns = _spans("return", ways or (), problems, name="direction")
    if names is not None and (not names or len(set(names)) < len(names)):
        wrong.append(f"terms: received {names}; legal: at least one name, each once.")
    twice = set(names or []) & set(further or [])
    if twice:
        wrong.append(f"controls: received {', '.join(sorted(twice))}, which terms has too; name each once.")
    if further is not None and len(set(further)) < len(further):
        wrong.append(f"controls: received {further}; legal: names of columns, each once.")
    own = sorted({*(names or []), *(further or [])} & {NEXT, IMPLIED, *pasts, *returns})
    if own:
        wrong.append(
            f"terms and controls: received {', '.join(own)}, a name that the study gives to its own columns "
            f"({IMPLIED} is a control of every study). Leave it out, or rename the column."
        )
    span = read_span(horizon, "horizon", problems)
    return Question(names or [], further or [], pasts, returns, span), wrong


def _spans(word: str, given: Any, problems: list[str], name: str = "") -> dict[str, pd.Timedelta]:
    """Lengths of time by the names of their columns, such as "past_7_days"."""
    spans = [read_span(each, name or word, problems) for each in given]
    return {f"{word}_{length_text(span).replace(' ', '_')}": span for span in spans}


def sample_of(rows: pd.DataFrame, prices: pd.Series, asked: Question) -> Sample:
    """Rows of a study from summaries and recorded prices: volatilities as logs, terms as they stand."""
    ahead = realized_volatility(prices, rows, horizon=asked.horizon)
    before = {name: trailing_volatility(prices, rows, horizon=span) for name, span in asked.past.items()}
    levels = pd.DataFrame(
        {NEXT: ahead.values, IMPLIED: rows[IMPLIED].astype(np.float64)}
        | {name: found.values for name, found in before.items()}
    )
    logs = pd.DataFrame({name: np.log(levels[name].where(levels[name] > 0.0)) for name in levels})
    beside, tried = (
        pd.DataFrame({name: made(rows, name) for name in each}, rows.index)
        for each in (asked.controls, asked.terms)
    )
    known = logs.join(beside)
    moves = pd.DataFrame(
        {
            name: trailing_volatility(prices, rows, horizon=span).table["log_return"]
            for name, span in asked.direction.items()
        },
        index=rows.index,
    )
    return Sample(rows, known, tried, moves, known.join(tried).dropna(), ahead)


def uncovered(sample: Sample, record: Prices) -> str:
    """Reason why no row is complete: the numbers missing, and the times of snapshots and prices."""
    columns = sample.known.join(sample.tried)
    missing = ", ".join(str(name) for name in columns if columns[name].isna().any())
    snapshots, recorded = (
        f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}"
        for first, last in ((sample.rows.index[0], sample.rows.index[-1]), (record.first, record.last))
    )
    return (
        f"no row without a missing number ({missing}). Snapshots are of {snapshots}, prices of {recorded}; "
        "pass prices that cover the periods before and after the snapshots."
    )
