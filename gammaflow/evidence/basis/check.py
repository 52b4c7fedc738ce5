"""Errors of a basis series: a spot that is off, expiry labels that prices contradict, expiries that have passed."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import attempt, check_number, refuse
from gammaflow.evidence.basis.labels import Labels, Level, measure_labels, measure_level, runs_out
from gammaflow.evidence.basis.prices import (
    LAST_TRADE,
    beyond_carry,
    read_expiries,
    read_spot,
    within_text,
    years_left,
)
from gammaflow.evidence.clocks import read_at, read_clock
from gammaflow.plot.basis import plot_check
from gammaflow.series import read_days, read_moments
from gammaflow.study import Study
from gammaflow.text import rows_text
from gammaflow.units import DAYS_PER_YEAR

__all__ = ["BasisCheck", "check"]

# Standard errors that carry must have before silence at rolls says anything.
_POWER = 3.0
_COLUMNS = ["what", "first", "last", "rows", "received", "implied", "reason"]


@dataclass(frozen=True, eq=False, repr=False)
class BasisCheck(Study):
    """Findings about a basis series; an empty table where it passed.

    Attributes
    ----------
    table : DataFrame
        One row per finding: what ("spot", "expiry labels", "expiry passed", "carry"), first and last day, rows,
        received, implied, reason.
    days : DataFrame
        By day: futures, spot as used (the reference's where the given one is off), given_spot [currency], expiry,
        years [years], premium: ln(futures / spot) [-], rate: premium / years [1/year], NaN where expired.
    labels : Labels
        Response of prices to time and to rolls.
    level : Level
        Premium at expiry, extrapolated.
    """

    days: pd.DataFrame
    labels: Labels
    level: Level

    @property
    def passed(self) -> bool:
        """True if nothing was found."""
        return not len(self.table)

    def plot(self, *, ax: Any = None) -> Any:
        """Premium by day against the range that the labelled expiries allow, with rolls of the label."""
        return plot_check(self.days, self.lines[-1], ax=ax)

    def summary(self) -> str:
        """Description, and each finding with its reason."""
        found = [
            fill(f"{row['what']}, {row['first']:%Y-%m-%d} to {row['last']:%Y-%m-%d} ({rows_text(row['rows'])}): "
                 f"received {row['received']}; implied {row['implied']}. {row['reason']}",
                 110, initial_indent="- ", subsequent_indent="  ")
            for row in self.table.to_dict("records")
        ]  # fmt: skip
        return "\n".join([*self.heading, *(found or ["No findings."])])


def check(
    futures: Any,
    spot: Any,
    expiry: Any,
    *,
    clock: Any = None,
    reference: Any = None,
    last_trade: Any = LAST_TRADE,
    within: Any = "0s",
    limit: float = 0.6,
    margin: float = 0.01,
    alpha: float = 0.01,
) -> BasisCheck:
    """Check a recorded basis series: spot, expiry labels and carry, each finding with its reason.

    - *Spot against a reference.* The median of ln(spot / reference) beyond `margin`. A clock that differs adds
      scatter to it and no bias.
    - *Spot by carry.* The premium must be 0 at expiry. A parabola in the time left gives the premium there; more
      than `margin` and four standard errors is a finding. Needs labels that prices do not contradict and days
      within 45 of an expiry.
    - *Expiry labels.* Between rolls the premium falls by r a year, at a roll it must jump by r times the change
      of expiry, and on the last days of each label it must be back at one level. Prices that show no response
      to rolls, though true labels are rejected at `alpha`, behave as one contract. Neither test depends on a
      constant error of spot. Where carry is small against the noise (`labels.power` below 3) they cannot tell.
    - *Carry.* Days on which no yearly rate of the legal range explains the premium.
    - *Expiry passed.* Days on or after the labelled expiry.

    Parameters
    ----------
    futures : Series
        Prices by day, or by timestamp [currency], > 0.
    spot : Series
        Prices of the same days or timestamps; or by timestamp, read at `clock` [currency], > 0.
    expiry : date or Series
        Labelled date of expiry, one for all rows or one for each.
    clock : str, optional
        Clock of futures by day; needed where spot or reference is by timestamp.
    reference : Series, optional
        Spot from another source, by day or by timestamp. Days that it lacks are not compared.
    last_trade : str
        Clock of the last trade on the expiry date, for futures by timestamp; days count calendar days.
    within : Timedelta or str
        Greatest age of spot and reference at a timestamp.
    limit : float
        Largest plausible yearly rate either way [1/year].
    margin : float
        Difference of price that is plausible at any time to expiry [-].
    alpha : float
        Probability of a false finding about labels.

    Returns
    -------
    BasisCheck

    Raises
    ------
    SchemaError
        For bad series, rows without spot or expiry, a clock that is missing.

    Examples
    --------
    One contract at 8 % a year whose labels roll every month:

    >>> days = pd.bdate_range("2025-10-01", "2026-01-30")
    >>> left = (pd.Timestamp("2026-03-27") - days).days / 365
    >>> spot = pd.Series(90_000.0, days)
    >>> noise = 1 + 2e-4 * np.sin(np.arange(len(days)) ** 2)
    >>> labels = pd.Series(days + pd.offsets.MonthEnd(1) + pd.Timedelta(1, "D"), days)
    >>> found = check(spot * np.exp(0.08 * left) * noise, spot, labels)
    >>> found.table["what"].to_list(), round(found.labels.passing, 2)
    (['expiry labels', 'carry'], 0.08)
    """
    checks = (
        lambda: None if clock is None else read_clock(clock),
        lambda: read_clock(last_trade, "last_trade"),
        lambda: check_number(limit, "limit", 0.0, open_low=True),
        lambda: check_number(margin, "margin", 0.0),
        lambda: check_number(alpha, "alpha", 0.0, 1.0, open_low=True),
    )
    (at, end, most, extra, error), problems = attempt(*checks)
    stamped = isinstance(futures, pd.Series) and isinstance(futures.index, pd.DatetimeIndex) and (
        futures.index.tz is not None
    )  # fmt: skip
    read = read_moments if stamped else read_days
    prices = read(futures, "futures", problems, low=0.0, open_low=True)
    refuse("basis check", problems)
    index = pd.DatetimeIndex(prices.index)
    _need_clock(index, at, problems, spot=spot, reference=reference)
    refuse("basis check", problems)
    given = read_spot(spot, at, index, at, within, problems)
    other = None if reference is None else _reference(reference, index, at, within, problems)
    expiries = read_expiries(expiry, index, problems)
    refuse("basis check", problems)
    days = pd.DataFrame(
        {"futures": prices.to_numpy(), "spot": given, "given_spot": given, "expiry": expiries,
         "years": years_left(index, expiries, at, end if stamped else None)}, index,
    )  # fmt: skip
    findings: list[dict[str, Any]] = []
    verified = other is not None and not _check_reference(days, other, extra, findings)
    kept = days[(days["years"] > 0.0) & days["spot"].notna()]
    _check_passed(days, findings)
    if len(kept) < 2:
        refuse(
            "basis check",
            ["futures, expiry: fewer than 2 days before their expiry with a spot; check expiry."],
        )
    premium = np.log(kept["futures"] / kept["spot"]).to_numpy()
    times = _days(pd.DatetimeIndex(kept.index))
    ends = times + DAYS_PER_YEAR * kept["years"].to_numpy()
    ends = np.round(ends, 6)
    labels = measure_labels(premium, times, ends)
    level = measure_level(premium, kept["years"].to_numpy())
    false = labels.contradicted(error)
    if false:
        _report_labels(kept, premium, times, labels, verified or other is not None, findings)
    _report_level(kept, premium, labels, level, false, other is not None, extra, findings)
    _report_carry(kept, most, extra, findings)
    days["premium"] = np.log(days["futures"] / days["spot"])
    days["rate"] = (days["premium"] / days["years"]).where(days["years"] > 0.0)
    table = pd.DataFrame(findings, columns=_COLUMNS)
    return BasisCheck(table, _lines(days, labels, most, extra, table), days=days, labels=labels, level=level)


def _days(index: pd.DatetimeIndex) -> Any:
    naive = index if index.tz is None else index.tz_localize(None)
    return np.asarray((naive - pd.Timestamp("1970-01-01")) / pd.Timedelta(1, "D"), np.float64)


def _need_clock(index: pd.DatetimeIndex, clock: Any, problems: list[str], **series: Any) -> None:
    """A problem where a series by timestamp meets futures by day without a clock."""
    for name, value in series.items():
        if not isinstance(value, pd.Series) or index.tz is not None or clock is not None:
            continue
        if isinstance(value.index, pd.DatetimeIndex) and value.index.tz is not None:
            problems.append(
                f"clock: received none, while {name} is by timestamp; legal: the clock of futures, such as "
                '"16:00 New York", at which it is read.'
            )


def _reference(reference: Any, index: pd.DatetimeIndex, clock: Any, within: Any, problems: list[str]) -> Any:
    """Another spot at the rows of `index`, NaN where it has none."""
    known = len(problems)
    stamped = isinstance(reference, pd.Series) and isinstance(reference.index, pd.DatetimeIndex) and (
        reference.index.tz is not None
    )  # fmt: skip
    if stamped:
        series = read_moments(reference, "reference", problems, low=0.0, open_low=True)
        moments = index if index.tz is not None else clock.on(index)
        found = read_at(series, moments, within).to_numpy() if len(problems) == known else None
    else:
        series = read_days(reference, "reference", problems, low=0.0, open_low=True)
        days = index if index.tz is None else index.tz_localize(None).normalize()
        found = series.reindex(days).to_numpy() if len(problems) == known else None
    if found is not None and np.isfinite(found).sum() < 5:
        problems.append(
            f"reference: {int(np.isfinite(found).sum())} rows in common with futures; at least 5 are needed."
        )
    return found


def _finding(what: str, rows: pd.DatetimeIndex, received: str, implied: str, reason: str) -> dict[str, Any]:
    return dict(zip(_COLUMNS, (what, rows[0], rows[-1], len(rows), received, implied, reason), strict=True))


def _check_reference(days: pd.DataFrame, other: Any, margin: float, findings: list[dict[str, Any]]) -> bool:
    """Whether spot is off; if so, the reference takes its place and its gaps become missing."""
    common = np.isfinite(other)
    apart = np.log(days["given_spot"].to_numpy()[common] / other[common])
    off = float(np.median(apart))
    if abs(off) <= margin:
        return False
    spread = 1.4826 * float(np.median(np.abs(apart - off)))
    findings.append(
        _finding(
            "spot", pd.DatetimeIndex(days.index[common]),
            f"a spot {100 * np.expm1(off):+.1f} % from the reference (median; scatter {100 * spread:.2f} %)",
            f"spot / {np.exp(off):.4f}",
            "The ratio is a constant, as of a share price times a wrong number of shares a coin, or another unit."
            if spread < 0.25 * abs(off) else
            "The ratio is not constant: another asset, or a clock many hours off.",
        )
    )  # fmt: skip
    days["spot"] = other
    return True


def _check_passed(days: pd.DataFrame, findings: list[dict[str, Any]]) -> None:
    gone = days[days["years"] <= 0.0]
    if len(gone):
        findings.append(
            _finding(
                "expiry passed", pd.DatetimeIndex(gone.index),
                f"{rows_text(len(gone), 'price')} on or after the labelled expiry (first {gone['expiry'].iloc[0]:%Y-%m-%d})",
                "another contract", "An expired contract has no basis; these rows are left out of the other tests.",
            )
        )  # fmt: skip


def _report_labels(
    kept: pd.DataFrame, premium: Any, times: Any, labels: Labels, verified: bool,
    findings: list[dict[str, Any]],
) -> None:  # fmt: skip
    """Finding about labels, with the day on which the carry of one contract runs out where spot is known."""
    names = kept["expiry"].nunique()
    implied = f"one contract, at {100 * labels.passing:.1f} % a year"
    if verified:
        day, error = runs_out(premium, times)
        if np.isfinite(day):
            implied += (
                f", whose carry runs out about {pd.Timestamp(day, unit='D'):%Y-%m-%d} (+-{error:.0f} days)"
            )
    jump = np.diff(np.log(kept["futures"] / kept["spot"]))[
        np.diff(kept["expiry"].to_numpy()) != np.timedelta64(0)
    ]
    step = kept["expiry"].drop_duplicates().diff().dt.days.mean() / DAYS_PER_YEAR
    reason = (
        f"Between rolls the premium falls by {100 * labels.passing:.1f} (+-{100 * labels.passing_error:.1f}) % a year; "
        f"at {rows_text(labels.rolls, 'roll')} of the label it should jump by {100 * labels.passing * step:+.2f} % and "
        f"moves by {100 * np.median(jump):+.2f} % (median), a rate of {100 * labels.rolling:.1f} "
        f"(+-{100 * labels.rolling_error:.1f}) % a year."
    )
    if np.isfinite(labels.drift):
        reason += (
            f" On the last days of {labels.ends} labels, where it should be back at one level, it drifts by "
            f"{100 * labels.drift:+.1f} (+-{100 * labels.drift_error:.1f}) % a year."
        )
    reason += f" Probability of that with true labels: {labels.p_value:.1g}."
    findings.append(
        _finding("expiry labels", pd.DatetimeIndex(kept.index), f"{names} labels", implied, reason)
    )


def _report_level(
    kept: pd.DataFrame, premium: Any, labels: Labels, level: Level, false: bool, referred: bool,
    margin: float, findings: list[dict[str, Any]],
) -> None:  # fmt: skip
    """Finding about the level of spot from carry alone, where no reference has settled it."""
    if referred:
        return
    rows = pd.DatetimeIndex(kept.index)
    if not false and level.off(margin):
        high = "high" if level.at_expiry < 0.0 else "low"
        findings.append(
            _finding(
                "spot", rows, f"a premium that goes to {100 * level.at_expiry:+.1f} % "
                f"(+-{100 * level.error:.1f}) at expiry", f"spot {100 * abs(np.expm1(-level.at_expiry)):.1f} % too {high}",
                "At expiry future and spot are one price, whatever the rate.",
            )
        )  # fmt: skip
    if not false:
        return
    # Any one contract still has carry of the sign of its decay at the end: a premium beyond 0 the other way is spot's.
    end = float(np.median(premium[-10:]))
    against = end * np.sign(labels.passing)
    if against < -margin:
        high = "high" if end < 0.0 else "low"
        findings.append(
            _finding(
                "spot", rows, f"a premium of {100 * end:+.1f} % at the end (median of 10 days), which decays at "
                f"{100 * labels.passing:.1f} % a year", f"spot at least {100 * abs(np.expm1(-end)):.1f} % too {high}",
                "The premium moves away from 0 as time passes; with the right spot it would move towards 0, "
                "whatever the expiry.",
            )
        )  # fmt: skip


def _report_carry(kept: pd.DataFrame, limit: float, margin: float, findings: list[dict[str, Any]]) -> None:
    found = beyond_carry(*(kept[c].to_numpy(np.float64) for c in ("futures", "spot", "years")), limit, margin)
    if not found.rows.any():
        return
    rows = pd.DatetimeIndex(kept.index[found.rows])
    worst = int(np.argmax(np.where(found.rows, np.abs(found.rate), -1.0)))
    causes = [f["what"] for f in findings if f["what"] in ("spot", "expiry labels")]
    why = (
        f"The cause is above: {' and '.join(dict.fromkeys(causes))}." if causes else
        "Spot, the clock or the expiry is wrong; pass reference= to tell which."
    )  # fmt: skip
    findings.append(
        _finding(
            "carry", rows, f"rates up to {100 * found.rate[worst]:+,.0f} % a year ({kept.index[worst]:%Y-%m-%d}, "
            f"{DAYS_PER_YEAR * kept['years'].iloc[worst]:.1f} days left, premium {100 * found.premium[worst]:+.1f} %)",
            within_text(limit, margin), why,
        )
    )  # fmt: skip


def _lines(
    days: pd.DataFrame, labels: Labels, limit: float, margin: float, table: pd.DataFrame
) -> tuple[str, ...]:
    first, last = days.index[0], days.index[-1]
    between = f"{100 * labels.passing:.1f} (+-{100 * labels.passing_error:.1f}) % a year between rolls"
    at = f"{100 * labels.rolling:.1f} (+-{100 * labels.rolling_error:.1f}) at {rows_text(labels.rolls, 'roll')}"
    if labels.rolls == 0:
        told = "Labels: one throughout; without a roll they cannot be tested"
    elif labels.followed:
        told = f"Labels: prices roll with them: carry of {between}, {at}"
    elif not labels.power >= _POWER:
        told = f"Labels: cannot tell; carry of {between} is too small against its error"
    else:
        told = f"Labels: prices do not roll with them: carry of {between}, {at}"
    what = "; ".join(dict.fromkeys(table["what"])) if len(table) else "no findings"
    without = int(days["spot"].isna().sum())
    return (
        f"Check of a basis series, {rows_text(len(days))}, {first:%Y-%m-%d} to {last:%Y-%m-%d}, "
        f"{days['expiry'].nunique()} expiry labels; premium: ln(futures / spot)"
        + (f"; {rows_text(without)} without a reference left out of the tests of carry" if without else ""),
        f"Legal: {within_text(limit, margin)}",
        told,
        f"Found: {what}",
    )
