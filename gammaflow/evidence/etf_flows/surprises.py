"""Surprise of one day's flow: its distance from what the days before it lead one to expect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import attempt, check_choice, check_number, refuse
from gammaflow.errors import SchemaError
from gammaflow.evidence.etf_flows.inputs import CALENDAR
from gammaflow.evidence.etf_flows.model import TERMS, FlowModel, check_terms, fit_days, read_history
from gammaflow.evidence.etf_flows.regression import ERRORS
from gammaflow.series import read_day
from gammaflow.study import Study
from gammaflow.text import number_text

__all__ = ["Surprise", "surprise"]

# Sets of further terms, one row of the table each.
_MODELS = ((), TERMS[:1], TERMS[1:], TERMS)


@dataclass(frozen=True, eq=False, repr=False)
class Surprise(Study):
    """One day's flow against its expectation; see `surprise`.

    Attributes
    ----------
    table : DataFrame
        Indexed by the terms of the model: `expected`, `error`, `low`, `high` and `flow` [currency]; `sigmas`,
        the flow less its expectation in standard errors of the prediction; `percentile`, the share of the
        days fitted whose own miss, by the fit to all other days, was lower; `r_squared`.
    day : Timestamp
        The day judged; only days before it are fitted.
    move : float
        Move of its price [-].
    model : str
        Row of the table that `expected`, `sigmas` and `percentile` are of.
    level : float
        Level of `low` and `high`.
    claimed : bool
        Whether the flow was given rather than recorded.

    See Also
    --------
    surprise : Surprise of one day's flow in standard errors, by models fitted to the days before it alone.

    Examples
    --------
    >>> import gammaflow as gf
    >>> import numpy as np
    >>> import pandas as pd
    >>> days = pd.bdate_range("2025-03-03", "2025-04-17")
    >>> noise = np.random.default_rng(1).normal(size=(2, len(days)))
    >>> flows = pd.Series(1.5e8 * noise[0] + 1e8 * noise[1], days)
    >>> prices = pd.Series(40.0 * np.cumprod(1.0 + 0.03 * noise[0]), days)
    >>> found = gf.evidence.etf_flows.surprise(flows, prices, "2025-04-17", flow=1e9)
    >>> bool(found.sigmas > 5.0)
    True
    """

    day: pd.Timestamp
    move: float
    model: str
    level: float
    claimed: bool

    @property
    def expected(self) -> float:
        """Expected flow under the model asked for [currency]."""
        return float(self.table["expected"][self.model])

    @property
    def sigmas(self) -> float:
        """Flow less its expectation in standard errors of the prediction, under the model asked for."""
        return float(self.table["sigmas"][self.model])

    @property
    def percentile(self) -> float:
        """Share of past misses that were lower, under the model asked for [-]."""
        return float(self.table["percentile"][self.model])

    def plot(self, *, ax: Any = None) -> Any:
        """Expectation and interval by model, and the flow as a line (matplotlib Axes)."""
        from gammaflow.plot.etf_flows import plot_surprise

        word = "claimed" if self.claimed else "recorded"
        title = f"Flow of {self.day:%d %b %Y}, when the price moved {self.move:+.1%}"
        return plot_surprise(self.table, title, word, f"{100.0 * self.level:g} %", ax=ax)


def surprise(
    flows: pd.Series, prices: pd.Series, day: Any, *, flow: float | None = None, first: Any = None,
    terms: Sequence[str] = (), asymmetric: bool = False, errors: str = "HC3", level: float = 0.95,
    calendar: str = CALENDAR,
) -> Surprise:  # fmt: skip
    """Surprise of one day's flow in standard errors, by models fitted to the days before it alone.

    The answer depends on what else was known, so that every model stands in the table: the move of the day
    alone, with the move or the flow of the day before, and with both.

    Parameters
    ----------
    flows, prices : Series
        As for `expected`.
    day : date
        Day judged: a session with a price. What was known before it is the flow and the move of the session
        before.
    flow : float, optional
        Flow to judge, such as a claimed one [currency]; default: the one recorded for that day.
    first : date, optional
        First day fitted.
    terms, asymmetric, errors, level, calendar
        As for `expected`; `terms` choose the row that `sigmas` and `percentile` are of.

    Returns
    -------
    Surprise

    Raises
    ------
    SchemaError
        With every problem, as `expected`; a day without a price, or without a flow where none is given.

    See Also
    --------
    expected : Expected flow of a fund given the move of its price: least squares over past days.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> days = pd.bdate_range("2025-03-03", "2025-04-17")
    >>> moves = rng.normal(0.0, 0.03, len(days))
    >>> flows = pd.Series(5e9 * moves + rng.normal(0.0, 1e8, len(days)), days)
    >>> prices = pd.Series(40.0 * np.cumprod(1.0 + moves), days)
    >>> found = surprise(flows, prices, "2025-04-17", flow=1e9)
    >>> bool(found.sigmas > 5.0), found.percentile
    (True, 1.0)
    """
    checks, problems = attempt(
        lambda: check_terms(terms),
        lambda: check_choice(errors, "errors", ERRORS),
        lambda: check_number(level, "level", 0.5, 0.999),
        lambda: read_day(day, "day"),
        lambda: None if first is None else read_day(first, "first"),
        lambda: None if flow is None else check_number(flow, "flow"),
    )
    chosen, _, _, judged, start, claim = checks
    history, lines, warnings = read_history(flows, prices, problems, calendar)
    refuse("flows", problems)
    row = _judged(history, judged, claim)
    past = history.loc[start : judged - pd.Timedelta(1, "D")].dropna()
    models = {
        ", ".join(("move", *names)): _expectation(
            fit_days(past, names, asymmetric, errors, level, lines, warnings), row
        )
        for names in _MODELS
    }
    table = pd.DataFrame(models).T.rename_axis("terms")
    actual, move = float(row["flow"].iloc[0]), float(row["move"].iloc[0])
    said = (
        f"flow of {judged:%Y-%m-%d} {'as claimed' if claim is not None else 'as recorded'}, "
        f"{number_text(actual)} [currency, + = into the fund]; move {move:+.2%} close to close",
        f"fitted on {len(past):,} sessions before it, {past.index[0]:%Y-%m-%d} to {past.index[-1]:%Y-%m-%d}; "
        f"interval of {100.0 * level:g} % by Student's t; percentile among the misses of those days",
        "sigmas and percentile depend on the model; r_squared is the share of past flows that each explains",
        *lines,
    )
    beyond = _beyond(move, past["move"])
    return Surprise(
        table, said, judged, move, ", ".join(("move", *chosen)), level, claim is not None,
        warnings=(*warnings, *beyond),
    )  # fmt: skip


def _expectation(model: FlowModel, row: pd.DataFrame) -> dict[str, float]:
    """One day's flow beside what a model expects, as a row of the table."""
    found, misses = model.predict(row)[0], model.fitted.deleted
    actual = float(row["flow"].iloc[0])
    sigmas = (actual - found.expected) / found.error
    return {
        "expected": found.expected,
        "error": found.error,
        "low": found.low,
        "high": found.high,
        "flow": actual,
        "sigmas": sigmas,
        "percentile": 0.5 * float(np.mean(misses < sigmas) + np.mean(misses <= sigmas)),
        "r_squared": model.fitted.r_squared,
    }


def _judged(history: pd.DataFrame, day: pd.Timestamp, claim: float | None) -> pd.DataFrame:
    """The row of the day judged, with the flow to judge."""
    if day not in history.index:
        raise SchemaError(
            f"day: received {day:%Y-%m-%d}, which has no price; legal: a session from "
            f"{history.index[0]:%Y-%m-%d} to {history.index[-1]:%Y-%m-%d}."
        )
    row = history.loc[[day]].copy()
    if claim is not None:
        row["flow"] = claim
    absent = [str(name) for name in row if row[name].isna().any()]
    if absent:
        raise SchemaError(
            f"day: {day:%Y-%m-%d} has no {', '.join(absent)}; pass flows and prices that reach from the two "
            "sessions before that day to it, or give `flow`."
        )
    return row


def _beyond(move: float, past: pd.Series) -> list[str]:
    low, high = float(past.min()), float(past.max())
    if low <= move <= high:
        return []
    return [
        f"move: {move:+.1%} lies beyond all moves of the days fitted ({low:+.1%} to {high:+.1%}); its "
        "expected flow "
        "is extrapolated along a straight line. Pass longer series."
    ]
