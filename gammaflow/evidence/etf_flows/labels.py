"""Day under which flows are published, told by whole baskets over many days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import attempt, check_list, check_number, check_whole, refuse
from gammaflow.errors import SchemaError
from gammaflow.evidence.etf_flows.inputs import LAGS, MILLION, half_digit, money_warnings
from gammaflow.evidence.etf_flows.whole_baskets import lag_text
from gammaflow.feedback.fund.baskets import check_basket
from gammaflow.feedback.fund.tables import implied_baskets
from gammaflow.study import Study
from gammaflow.text import rows_text

__all__ = ["LabelTest", "label_day"]

Array = NDArray[np.float64]

# Distance to the nearest whole number of a number at random: mean, and standard deviation of one.
_MEAN, _SPREAD = 0.25, 48.0**-0.5
# Range of the error of a net asset value that is searched [-], and steps of the search.
_ERRORS, _STEPS = (1e-5, 3e-2), 80
# A day can tell where its number of baskets is known to this.
_SHARP = 0.15
# Difference of log-likelihoods beyond which one label is called clearly better: odds of about 150 to 1.
_CLEAR = 5.0
_LEAST = 10


@dataclass(frozen=True, eq=False, repr=False)
class LabelTest(Study):
    """Labels that flows may carry, each by how near whole baskets it brings them; see `label_day`.

    Attributes
    ----------
    table : DataFrame
        Indexed by lag, sessions from the trade to the label: `days`; `log_likelihood` over that of numbers at
        random; `behind`, its distance to the best; `nav_error`, standard deviation of the net asset value
        given the prices [-] (0.03, the largest tried, where none fits); `sharp`, days whose number of baskets
        is known to 0.15; their mean `distance` to a whole number (0.25 at random), its standard `error` at
        random, and `z`.
    distances : DataFrame
        Distance to the nearest whole number of the sharp days, a column per lag.
    best : int
        Lag of the highest likelihood.
    clear : bool
        Whether it beats every other by more than 5 in ln likelihood, and numbers at random as well.

    See Also
    --------
    label_day

    Examples
    --------
    >>> import gammaflow as gf
    >>> import numpy as np
    >>> import pandas as pd
    >>> days = pd.bdate_range("2025-03-03", "2025-04-17")
    >>> rng = np.random.default_rng(3)
    >>> nav = pd.Series(50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.03, len(days)))), days)
    >>> flows = pd.Series(rng.integers(-100, 100, len(days)) * 40_000 * nav, days).round(-5)
    >>> gf.evidence.etf_flows.label_day(flows, nav).best
    0
    """

    distances: pd.DataFrame
    best: int
    clear: bool

    def plot(self, *, ax: Any = None) -> Any:
        """Share of days within a distance of a whole number, a line per label (matplotlib Axes)."""
        from gammaflow.plot.etf_flows import plot_labels

        title = f"Flows come near whole baskets if labelled {lag_text(self.best)}"
        if not self.clear:
            title = "Flows come near whole baskets under no label clearly"
        return plot_labels(self.distances, self.best, title, ax=ax)


def label_day(
    flows: pd.Series, nav: pd.Series, *, basket: int = 40_000, lags: Sequence[int] = (-1, 0, 1, 2),
    rounding: float | None = None, nav_error: float | None = None,
) -> LabelTest:  # fmt: skip
    """Label of published flows, the day of the trade or a later one, from whole baskets over a sample.

    Under the right label flow / net asset value / basket is a whole number but for rounding of the flow and
    for the error of the value. That value is struck from the hour before 16:00 New York, so a closing price
    misses it by the fund's premium and by what the coin moved within that hour; `net_asset_values` comes
    nearer. The error is taken as normal and fitted by maximum likelihood for each label alone: a normal
    wrapped around the whole numbers, against numbers at random. Days of many baskets are blurred by it and
    count for little.

    Parameters
    ----------
    flows : Series
        Flow into the fund by the day under which it is published [currency]; days of no flow are left out.
    nav : Series
        Net asset value of a share by trading day [currency]: as published, else from `net_asset_values`,
        else the close, with which the label is told less clearly.
    basket : int
        Shares per basket.
    lags : sequence of int
        Labels to compare: sessions from the trade to the day published, -5 to 5.
    rounding : float, optional
        Half of the last digit of flows [currency]; default: as their digits show.
    nav_error : float, optional
        Standard deviation of ln(net asset value / nav) [-]; default: fitted.

    Returns
    -------
    LabelTest

    Raises
    ------
    SchemaError
        With every problem; for fewer than ten flows that have a price under every label.

    See Also
    --------
    net_asset_values : Estimate of the value by day, from hourly prices of the coin.
    baskets : Flows in baskets of shares, with the range that rounding allows.
    reconcile : Differences of two records of the same flows, once the labels of the second are understood.

    Examples
    --------
    >>> days = pd.bdate_range("2025-03-03", "2025-04-17")
    >>> rng = np.random.default_rng(3)
    >>> nav = pd.Series(50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.03, len(days)))), days)
    >>> flows = pd.Series(rng.integers(-100, 100, len(days)) * 40_000 * nav, days).round(-5)
    >>> found = label_day(flows, nav)
    >>> found.best, found.clear
    (0, True)
    """
    checks, problems = attempt(
        lambda: check_basket(basket),
        lambda: [check_whole(lag, "lags", -5, 5) for lag in check_list(lags, "lags", LAGS)],
        lambda: None if rounding is None else check_number(rounding, "rounding", 0.0),
        lambda: None if nav_error is None else check_number(nav_error, "nav_error", 0.0, 0.1),
    )
    if checks[1] is not None and len(set(checks[1])) < 2:
        problems.append(f"lags: received {list(lags)}; at least two labels are needed for a comparison.")
    refuse("labels", problems)
    size, tried = checks[0], sorted(set(checks[1]))
    numbers, flow = _implied(flows, nav, size, tried)
    half = half_digit(flow, "rounding", rounding, MILLION)
    rows, best = {}, {}
    for lag in tried:
        count = numbers[lag].to_numpy(np.float64)
        blur = half / np.sqrt(3.0) * np.abs(count / flow.to_numpy(np.float64))
        best[lag] = _fit(count, blur, nav_error)
        rows[lag] = {"days": len(count), "log_likelihood": best[lag][0], "nav_error": best[lag][1]}
    winner = max(tried, key=lambda lag: best[lag][0])
    blur = np.hypot(best[winner][1], half / np.sqrt(3.0) / flow.abs())
    sharp = numbers[winner].abs() * blur <= _SHARP
    distances = (numbers[sharp] - np.rint(numbers[sharp])).abs()
    error = _SPREAD / np.sqrt(max(int(sharp.sum()), 1))
    table = pd.DataFrame(rows).T.rename_axis("lag")
    table.insert(2, "behind", table["log_likelihood"].max() - table["log_likelihood"])
    table = table.assign(sharp=float(sharp.sum()), distance=distances.mean(), error=error)
    table["z"] = (table["distance"] - _MEAN) / error
    table = table.astype({"days": np.int64, "sharp": np.int64})
    behind = float(table["behind"].drop(winner).min())
    clear = bool(min(behind, best[winner][0]) > _CLEAR)
    return LabelTest(
        table, _lines(table, winner, clear, size, half, nav_error), distances, winner, clear,
        warnings=tuple(money_warnings(flow, "flows")),
    )  # fmt: skip


def _implied(flows: Any, nav: Any, basket: int, lags: list[int]) -> tuple[pd.DataFrame, pd.Series]:
    """Numbers of baskets, a column per label, of days with a flow and a value under every label; the flow."""
    implied, wrong = attempt(*(lambda lag=lag: implied_baskets(flows, nav, basket, lag) for lag in lags))
    refuse("labels", list(dict.fromkeys(wrong)))
    numbers = pd.DataFrame({lag: table["baskets"] for lag, table in zip(lags, implied, strict=True)})
    flow = implied[0]["flow"]
    used = numbers.notna().all(axis=1) & (flow != 0.0)
    if used.sum() < _LEAST:
        raise SchemaError(
            f"flows, nav: {rows_text(int(used.sum()), 'day')} have a flow, and a net asset value under "
            f"every label; at least {_LEAST} are needed. Pass longer series."
        )
    return numbers[used], flow[used]


def _fit(count: Array, blur: Array, nav_error: float | None) -> tuple[float, float]:
    """Highest ln likelihood of the distances to whole numbers, over that at random, and its error of nav."""
    tried = np.geomspace(*_ERRORS, _STEPS) if nav_error is None else np.array([nav_error])
    off = count - np.rint(count)
    values = [_log_density(off, np.hypot(blur, error * np.abs(count))).sum() for error in tried]
    at = int(np.argmax(values))
    return float(values[at]), float(tried[at])


def _log_density(off: Array, spread: Array) -> Array:
    """Log density of a normal wrapped around the whole numbers, at distances from the nearest."""
    sigma = np.maximum(spread, 1e-6)
    # Near: the sum of its copies. Wide: its Fourier series, of which the first terms remain.
    shift = np.arange(-4.0, 5.0)
    copies = np.exp(-0.5 * ((off[:, None] + shift) / sigma[:, None]) ** 2).sum(axis=1) / (
        sigma * np.sqrt(2.0 * np.pi)
    )
    waves = sum(
        2.0 * np.exp(-2.0 * (np.pi * k * sigma) ** 2) * np.cos(2.0 * np.pi * k * off) for k in (1, 2, 3)
    )
    return np.asarray(np.log(np.maximum(np.where(sigma > 0.6, 1.0 + waves, copies), 1e-300)))


def _lines(
    table: pd.DataFrame, best: int, clear: bool, basket: int, half: float, given: float | None
) -> tuple[str, ...]:
    row: Any = table.loc[best]
    lead = float(table["behind"].drop(best).min())
    verdict = (
        f"flows are consistent with labels {lag_text(best)}, and clearly less with the others" if clear
        else "cannot tell: no label is clearly nearer to whole baskets than the others"
    )  # fmt: skip
    source = "given" if given is not None else "fitted, its premium and the clock of the close included"
    return (
        f"whole baskets of {basket:,} shares, {rows_text(int(row['days']), 'day')} with a flow; rounding "
        f"+-{half:,.6g}",
        f"{verdict}: ln likelihood {row['log_likelihood']:.1f} over numbers at random, {lead:.1f} ahead of "
        "the next",
        f"error of the net asset value {100.0 * row['nav_error']:.2f} % ({source}); mean distance "
        f"{row['distance']:.3f} on {rows_text(int(row['sharp']), 'day')} known to {_SHARP:g} baskets, at "
        f"random {_MEAN:g} +- {row['error']:.3f}",
    )
