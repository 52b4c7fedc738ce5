"""Expected flow of a fund given the move of its price, with the error of that expectation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import attempt, check_choice, check_list, check_number, read_number, refuse
from gammaflow.errors import SchemaError
from gammaflow.evidence.etf_flows.inputs import CALENDAR, read_flows, read_prices
from gammaflow.evidence.etf_flows.regression import ERRORS, Fit, fit
from gammaflow.series import read_day, span_text
from gammaflow.study import Study
from gammaflow.text import number_text, rows_text, value_text

__all__ = [
    "LEAST",
    "TERMS",
    "Expectation",
    "FlowModel",
    "check_terms",
    "expected",
    "fit_days",
    "read_history",
    "scaled",
]

#: What a flow may depend on besides the move of its own day.
TERMS = ("move_before", "flow_before")
#: Fewest days that are fitted.
LEAST = 20

_MOVES = ("move", "fall", "rise", "move_before")
# Share of days with the largest moves, whose residuals are held against those of the others.
_LARGE = 0.1
# Correlation of scatter from day to day that is worth a remedy.
_MEMORY = 0.2
# Probability below which scatter is called unequal.
_SIGNIFICANT = 0.05


class Expectation(NamedTuple):
    """Expected flow at one move [currency]; see `FlowModel.at`.

    `error` is the standard error of one day's flow; `low` and `high` bound it at the model's level with
    Student's t, `low_empirical` and `high_empirical` with the quantiles of the misses on the days fitted,
    which have fatter tails.

    See Also
    --------
    FlowModel

    Examples
    --------
    >>> import gammaflow as gf
    >>> import numpy as np
    >>> import pandas as pd
    >>> days = pd.bdate_range("2025-03-03", "2025-04-17")
    >>> noise = np.random.default_rng(1).normal(size=(2, len(days)))
    >>> flows = pd.Series(1.5e8 * noise[0] + 1e8 * noise[1], days)
    >>> prices = pd.Series(40.0 * np.cumprod(1.0 + 0.03 * noise[0]), days)
    >>> found = gf.evidence.etf_flows.expected(flows, prices).at(-0.05)
    >>> found.low < found.expected < found.high
    True
    """

    move: float
    expected: float
    error: float
    low: float
    high: float
    low_empirical: float
    high_empirical: float


@dataclass(frozen=True, eq=False, repr=False)
class FlowModel(Study):
    """A fund's flow given the move of its price; see `expected`.

    Attributes
    ----------
    table : DataFrame
        Indexed by term: `estimate`, its standard `error`, `t`, `p`, and `low` and `high` at the level.
        Constant in currency; move, fall, rise and move_before in currency per 1 % of price; flow_before in
        currency per currency.
    days : DataFrame
        The days fitted: `flow` [currency], `move` [-], `move_before`, `flow_before`.
    terms : tuple of str
        Terms besides the move of the day.
    asymmetric : bool
        Whether falls and rises have slopes of their own.
    level : float
        Level of intervals.
    errors : str
        "HC3" or "HAC".
    fitted : Fit
        Coefficients, covariance, residuals.

    See Also
    --------
    expected

    Examples
    --------
    >>> import gammaflow as gf
    >>> import numpy as np
    >>> import pandas as pd
    >>> days = pd.bdate_range("2025-03-03", "2025-04-17")
    >>> noise = np.random.default_rng(1).normal(size=(2, len(days)))
    >>> flows = pd.Series(1.5e8 * noise[0] + 1e8 * noise[1], days)
    >>> prices = pd.Series(40.0 * np.cumprod(1.0 + 0.03 * noise[0]), days)
    >>> model = gf.evidence.etf_flows.expected(flows, prices)
    >>> model.table.index.to_list()
    ['constant', 'move']
    """

    days: pd.DataFrame
    terms: tuple[str, ...]
    asymmetric: bool
    level: float
    errors: str
    fitted: Fit

    def at(
        self, move: float, *, move_before: float | None = None, flow_before: float | None = None
    ) -> Expectation:
        """Expected flow on a day after those fitted.

        Parameters
        ----------
        move : float
            Move of the price on that day [-]: -0.132 for -13.2 %.
        move_before, flow_before : float, optional
            Move [-] and flow [currency] of the day before, where the model has such a term; default: those of
            the last day fitted.

        Returns
        -------
        Expectation

        Examples
        --------
        >>> rng = np.random.default_rng(1)
        >>> days = pd.bdate_range("2025-03-03", "2025-04-17")
        >>> moves = rng.normal(0.0, 0.03, len(days))
        >>> flows = pd.Series(5e9 * moves + rng.normal(0.0, 1e8, len(days)), days)
        >>> model = expected(flows, pd.Series(40.0 * np.cumprod(1.0 + moves), days))
        >>> found = model.at(-0.05)
        >>> bool(found.low < -2.5e8 < found.high)
        True
        """
        given = {"move_before": move_before, "flow_before": flow_before}
        alien = [name for name, value in given.items() if value is not None and name not in self.terms]
        values, problems = attempt(
            lambda: check_number(move, "move", -1.0, open_low=True),
            *(
                lambda name=name: check_number(given[name], name)
                for name in self.terms
                if given[name] is not None
            ),
        )
        problems += [
            f"{name}: received a number, but the model has no such term; pass terms=[{name!r}]."
            for name in alien
        ]
        refuse("move", problems)
        last = self.days.iloc[-1]
        before = {"move_before": last["move"], "flow_before": last["flow"]}
        before |= {name: value for name, value in given.items() if value is not None}
        row = pd.DataFrame({"move": [values[0]], **{name: [value] for name, value in before.items()}})
        return self.predict(row)[0]

    def predict(self, rows: pd.DataFrame) -> list[Expectation]:
        """Expectations for rows of `move`, `move_before` and `flow_before`."""
        from scipy.stats import t

        means, errors = self.fitted.predict(design(rows, self.terms, self.asymmetric).to_numpy(np.float64))
        tails = [0.5 - 0.5 * self.level, 0.5 + 0.5 * self.level]
        steps = np.concatenate([t.ppf(tails, self.fitted.df), np.quantile(self.fitted.deleted, tails)])
        return [
            Expectation(*map(float, (move, mean, error, *(mean + step * error for step in steps))))
            for move, mean, error in zip(rows["move"], means, errors, strict=True)
        ]

    def naive(self, move: float, day: Any, *, lag: int = 0) -> float:
        """Flow of one day scaled by the ratio of two moves [currency]: one point, a straight line, no error.

        Parameters
        ----------
        move : float
            Move to scale to [-].
        day : date
            Day of the flow, among those fitted.
        lag : int
            Sessions from the move that is scaled from to the flow: 0 for the move of the same day, 1 for that
            of the day before.
        """
        values, problems = attempt(
            lambda: check_number(move, "move", -1.0, open_low=True),
            lambda: read_day(day, "day"),
            lambda: check_choice(lag, "lag", (0, 1)),
        )
        refuse("move", problems)
        if values[1] not in self.days.index:
            raise SchemaError(
                f"day: received {value_text(day)}; legal: a day fitted, {span_text(self.days.index)}."
            )
        row = self.days.loc[values[1]]
        return float(scaled(row["flow"], row["move_before" if lag else "move"], values[0]))

    def plot(self, *, moves: ArrayLike | None = None, ax: Any = None) -> Any:
        """Flow over the move of the day, with the fit and its interval (matplotlib Axes).

        Other terms stand at their means.

        Parameters
        ----------
        moves : (low, high), optional
            Range of moves [-]; default: that of the days fitted.
        ax : matplotlib Axes, optional
            Where to draw; default: a new figure.
        """
        from gammaflow.plot.etf_flows import plot_flow_model

        given = [] if moves is None else check_list(moves, "moves", "two moves, such as (-0.15, 0.1)")
        ends = [check_number(move, "moves", -1.0) for move in given] or self.days["move"]
        grid = np.linspace(float(np.min(ends)), float(np.max(ends)), 81)
        rows = pd.DataFrame({"move": grid, **{name: self.days[name].mean() for name in TERMS}})
        line = pd.DataFrame(self.predict(rows)).set_index("move")
        title = f"Flow given the day's move, {span_text(self.days.index)}"
        names = (
            "expected, other\nterms at their means" if self.terms else "expected",
            f"{100 * self.level:g} % of days",
        )
        return plot_flow_model(self.days, line, title, names, ax=ax)


def expected(
    flows: pd.Series, prices: pd.Series, *, first: Any = None, last: Any = None, terms: Sequence[str] = (),
    asymmetric: bool = False, errors: str = "HC3", level: float = 0.95, calendar: str = CALENDAR,
) -> FlowModel:  # fmt: skip
    """Expected flow of a fund given the move of its price: least squares over past days.

    flow = constant + slope x move [+ slope x move of the day before] [+ slope x flow of the day before] +
    scatter. The prediction's error holds the scatter of one day about the line, taken as equal on all days,
    and the errors of the coefficients, which allow for unequal scatter (MacKinnon and White 1985) or for
    scatter correlated between days (Newey and West 1987).

    Parameters
    ----------
    flows : Series
        Flow into the fund by day [currency, + = in]; every session of the exchange from first to last.
    prices : Series
        Close of the fund, or of what it holds, by day [currency]. Moves are close to close over sessions.
    first, last : date, optional
        First and last day fitted. To judge a day fit no later than the day before it: `surprise` does.
    terms : sequence of str
        Further terms: "move_before" and "flow_before", the move and the flow of the session before.
    asymmetric : bool
        Give falls and rises slopes of their own.
    errors : "HC3" or "HAC"
        Errors of the coefficients.
    level : float
        Level of intervals, 0.5 to 0.999.
    calendar : str
        Exchange whose sessions are the fund's days. Rows of other days are left out and counted.

    Returns
    -------
    FlowModel

    Raises
    ------
    SchemaError
        With every problem: series that cannot be read, fewer than 20 days, terms that do not vary.

    See Also
    --------
    surprise, scaled

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> days = pd.bdate_range("2025-03-03", "2025-04-17")
    >>> moves = rng.normal(0.0, 0.03, len(days))
    >>> flows = pd.Series(5e9 * moves + rng.normal(0.0, 1e8, len(days)), days)
    >>> model = expected(flows, pd.Series(40.0 * np.cumprod(1.0 + moves), days))
    >>> print(f"{model.table.loc['move', 'estimate'] / 1e6:.1f}m per 1 %")
    60.6m per 1 %
    """
    checks, problems = attempt(
        lambda: check_terms(terms),
        lambda: check_choice(errors, "errors", ERRORS),
        lambda: check_number(level, "level", 0.5, 0.999),
        lambda: None if first is None else read_day(first, "first"),
        lambda: None if last is None else read_day(last, "last"),
    )
    history, lines, warnings = read_history(flows, prices, problems, calendar)
    refuse("flows", problems)
    days = history.dropna().loc[checks[3] : checks[4]]
    return fit_days(days, checks[0], asymmetric, errors, checks[2], lines, warnings)


def scaled(flow: ArrayLike, move: ArrayLike, to: ArrayLike) -> Any:
    """Flow of one day scaled to another move: flow x to / move [currency].

    A rule of three on one day: it has no error, takes flows as proportional to moves, and depends on the day
    chosen.

    See Also
    --------
    expected

    Examples
    --------
    >>> print(f"{scaled(-530e6, -0.058, -0.132) / 1e9:.2f}bn")
    -1.21bn
    """
    problems: list[str] = []
    read = [
        read_number(name, value, problems) for name, value in (("flow", flow), ("move", move), ("to", to))
    ]
    if read[1] is not None and np.any(np.asarray(read[1]) == 0.0):
        problems.append("move: received 0; a flow cannot be scaled from no move.")
    refuse("flow", problems)
    amount, start, end = (np.asarray(value, np.float64) for value in read)
    return (amount * end / start)[()]


def check_terms(terms: Any) -> tuple[str, ...]:
    """Further terms of a model, in one order."""
    legal = f"names among {', '.join(map(repr, TERMS))}"
    given = [terms] if isinstance(terms, str) else check_list(terms, "terms", legal)
    for term in given:
        check_choice(term, "terms", TERMS)
    return tuple(name for name in TERMS if name in given)


def read_history(
    flows: Any, prices: Any, problems: list[str], calendar: str
) -> tuple[pd.DataFrame, tuple[str, ...], tuple[str, ...]]:
    """Flow, move and both of the session before, by session of the prices; lines and warnings."""
    flow = read_flows(flows, "flows", problems, calendar)
    price = read_prices(prices, "prices", problems, calendar)
    lines, warnings = (*flow.lines, *price.lines), flow.warnings
    if problems:
        return pd.DataFrame(), lines, warnings
    move = price.values.pct_change()
    history = pd.DataFrame({"flow": flow.values.reindex(move.index), "move": move})
    history["move_before"] = move.shift(1)
    history["flow_before"] = flow.values.reindex(move.index).shift(1)
    return history, lines, warnings


def fit_days(
    days: pd.DataFrame, terms: tuple[str, ...], asymmetric: bool, errors: str, level: float,
    lines: tuple[str, ...], warnings: tuple[str, ...],
) -> FlowModel:  # fmt: skip
    """A model of the days given, each with its flow, move, and both of the day before."""
    from scipy.stats import t

    if len(days) < LEAST:
        raise SchemaError(
            f"flows, prices: received {rows_text(len(days), 'day')} with a flow and a move, and both of the "
            "session "
            f"before; at least {LEAST} are needed. Pass longer series, or an earlier `first`."
        )
    found = fit(days["flow"], design(days, terms, asymmetric), errors)
    error = np.sqrt(np.diag(found.covariance))
    ratio = found.coefficients / error
    wide = t.ppf(0.5 + 0.5 * level, found.df) * error
    columns = {
        "estimate": found.coefficients,
        "error": error,
        "t": ratio,
        "p": 2.0 * t.sf(np.abs(ratio), found.df),
        "low": found.coefficients - wide,
        "high": found.coefficients + wide,
    }
    unit = np.array([0.01 if name in _MOVES else 1.0 for name in found.names])
    table = pd.DataFrame(columns, index=pd.Index(found.names, name="term"))
    money = ["estimate", "error", "low", "high"]
    table[money] = table[money].mul(unit, axis=0)
    said = (
        f"flow [currency, + = into the fund] by least squares on {rows_text(len(days), 'session')}, "
        f"{span_text(days.index)}",
        "moves close to close; slopes in currency per 1 % of price, of flow_before in currency per currency",
        f"errors of the coefficients {errors}; R2 {found.r_squared:.3f}; scatter {number_text(found.scale)} "
        f"a day{_memory_text(found.residuals)}",
        _scatter_text(found.residuals, days["move"]),
        *lines,
    )
    return FlowModel(table, said, days, terms, bool(asymmetric), level, errors, found, warnings=warnings)


def design(rows: pd.DataFrame, terms: tuple[str, ...], asymmetric: bool) -> pd.DataFrame:
    """Columns of the regression for rows of moves and what was known before."""
    move = rows["move"]
    slopes = {"fall": move.clip(upper=0.0), "rise": move.clip(lower=0.0)} if asymmetric else {"move": move}
    return pd.DataFrame({"constant": 1.0, **slopes, **{name: rows[name] for name in terms}}, index=rows.index)


def _memory_text(residuals: NDArray[np.float64]) -> str:
    """Correlation of one day's scatter with the next, and the remedy where there is much."""
    if not residuals.any():
        return ""
    memory = float(residuals[1:] @ residuals[:-1] / (residuals @ residuals))
    remedy = "; errors HAC and the term flow_before allow for it" if memory > _MEMORY else ""
    return f", correlated {memory:.2f} with that of the day before{remedy}"


def _scatter_text(residuals: NDArray[np.float64], moves: pd.Series) -> str:
    """Scatter on the days of large moves against the others, and the Breusch-Pagan test (Koenker's form)."""
    from scipy.stats import chi2

    size = moves.abs().to_numpy(np.float64)
    limit = float(np.quantile(size, 1.0 - _LARGE))
    large = size >= limit
    squares = (residuals / np.abs(residuals).max()) ** 2 if residuals.any() else residuals
    if large.all() or not np.ptp(size) > 1e-12 * size.max() or not np.ptp(squares) > 1e-12:
        return "scatter on days of large moves: cannot tell, since all moves or all misses are of one size"
    p = float(chi2.sf(len(size) * np.corrcoef(size, squares)[0, 1] ** 2, 1))
    inside, outside = (float(np.sqrt(np.mean(residuals[rows] ** 2))) for rows in (large, ~large))
    stated = "understated" if inside > outside else "overstated"
    verdict = f"errors for large moves are {stated}" if p < _SIGNIFICANT else "no clear difference"
    return (
        f"scatter {number_text(inside)} on {rows_text(int(large.sum()), 'day')} that moved {limit:.1%} or "
        "more, "
        f"{number_text(outside)} on the others; Breusch-Pagan p = {p:.2g}: {verdict}"
    )
