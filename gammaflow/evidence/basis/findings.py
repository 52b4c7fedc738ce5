"""Findings of a check of a basis series, each with what was received, what prices imply, and the reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.evidence.basis.labels import Labels, Level, runs_out
from gammaflow.evidence.basis.prices import beyond_carry, within_text
from gammaflow.text import rows_text
from gammaflow.units import DAYS_PER_YEAR

__all__ = [
    "COLUMNS",
    "compare_spot",
    "explain_labels",
    "find_beyond",
    "find_level",
    "find_passed",
    "find_wrong_way",
]

COLUMNS = ["what", "first", "last", "rows", "received", "implied", "reason"]
# Rows at the end whose median is the last premium.
_LATEST = 10


def _finding(what: str, rows: pd.DatetimeIndex, received: str, implied: str, reason: str) -> dict[str, Any]:
    return dict(zip(COLUMNS, (what, rows[0], rows[-1], len(rows), received, implied, reason), strict=True))


def compare_spot(days: pd.DataFrame, other: Any, margin: float, findings: list[dict[str, Any]]) -> bool:
    """True where spot is off: then the reference takes its place and its gaps become missing."""
    common = np.isfinite(other)
    apart = np.log(days["given_spot"].to_numpy()[common] / other[common])
    off = float(np.median(apart))
    if abs(off) <= margin:
        return False
    spread = 1.4826 * float(np.median(np.abs(apart - off)))
    received = (
        f"a spot {100 * np.expm1(off):+.1f} % from the reference (median; scatter {100 * spread:.2f} %)"
    )
    reason = "The ratio is not constant: another asset, or a clock many hours off."
    if spread < 0.25 * abs(off):
        reason = "The ratio is constant, as of a share price times a wrong number of shares a coin."
    rows = pd.DatetimeIndex(days.index[common])
    findings.append(_finding("spot", rows, received, f"spot / {np.exp(off):.4f}", reason))
    days["spot"] = other
    return True


def find_passed(days: pd.DataFrame, findings: list[dict[str, Any]]) -> None:
    """Finding of rows on or after their labelled expiry."""
    gone = days[days["years"] <= 0.0]
    if not len(gone):
        return
    first = gone["expiry"].iloc[0]
    received = f"{rows_text(len(gone), 'price')} on or after the labelled expiry (first {first:%Y-%m-%d})"
    reason = "An expired contract has no basis; these rows are left out of the other tests."
    rows = pd.DatetimeIndex(gone.index)
    findings.append(_finding("expiry passed", rows, received, "another contract", reason))


def explain_labels(
    kept: pd.DataFrame, premium: Any, times: Any, labels: Labels, referred: bool,
    findings: list[dict[str, Any]],
) -> None:  # fmt: skip
    """Finding about labels that prices contradict; where spot is known, with the day that they point to."""
    rolled = np.diff(kept["expiry"].to_numpy()) != np.timedelta64(0, "ns")
    jump = float(np.median(np.diff(premium)[rolled]))
    step = kept["expiry"].drop_duplicates().diff().dt.days.mean() / DAYS_PER_YEAR
    implied = f"one contract{_end_text(premium, times, referred)}"
    reason = (
        f"Between rolls the premium falls by {_rate_text(labels.passing, labels.passing_error)}; at "
        f"{rows_text(labels.rolls, 'roll')} of the label it should jump by "
        f"{100 * labels.passing * step:+.2f} % and moves by {100 * jump:+.2f} % (median), a rate of "
        f"{_rate_text(labels.rolling, labels.rolling_error)}."
    )
    if np.isfinite(labels.drift):
        reason += (
            f" On the last days of {labels.ends} labels, where it should be back at one level, it drifts by "
            f"{_rate_text(labels.drift, labels.drift_error)}."
        )
    reason += f" Probability of that with true labels: {labels.p_value:.1g}."
    received = f"{len(kept['expiry'].unique())} labels"
    findings.append(_finding("expiry labels", pd.DatetimeIndex(kept.index), received, implied, reason))


def _rate_text(rate: float, error: float) -> str:
    return f"{100 * rate:.1f} (+-{100 * error:.1f}) % a year"


def _end_text(premium: Any, times: Any, referred: bool) -> str:
    """Rate of a line through the premium, and where spot is known the day on which it reaches 0."""
    rate, day = runs_out(premium, times)
    if not np.isfinite(day):
        return ""
    text = f", at {100 * rate:.1f} % a year"
    if referred:
        text += (
            f"; a line through its premium reaches 0 about {pd.Timestamp(day, unit='D'):%d %b %Y}, "
            "within weeks of its expiry"
        )
    return text


def find_level(
    kept: pd.DataFrame, premium: Any, times: Any, level: Level, referred: bool, margin: float,
    findings: list[dict[str, Any]],
) -> None:  # fmt: skip
    """Finding of a premium that does not go to 0 at expiry: of spot, or where spot is known of the expiry."""
    if not level.off(margin):
        return
    rows = pd.DatetimeIndex(kept.index)
    received = f"a premium that goes to {100 * level.at_expiry:+.1f} % (+-{100 * level.error:.1f}) at expiry"
    reason = "At expiry future and spot are one price, whatever the rate"
    if referred:
        implied = f"another expiry{_end_text(premium, times, referred)}"
        reason += "; spot is the reference's, or agrees with it."
        findings.append(_finding("expiry labels", rows, received, implied, reason))
        return
    high = "high" if level.at_expiry < 0.0 else "low"
    implied = f"spot {100 * abs(np.expm1(-level.at_expiry)):.1f} % too {high}"
    findings.append(_finding("spot", rows, received, implied, f"{reason}."))


def find_wrong_way(
    kept: pd.DataFrame, premium: Any, labels: Labels, margin: float, findings: list[dict[str, Any]]
) -> None:
    """Finding about spot where labels are false: a premium that decays away from 0 is so at any expiry."""
    end = float(np.median(premium[-_LATEST:]))
    if end * np.sign(labels.passing) >= -margin:
        return
    high = "high" if end < 0.0 else "low"
    received = (
        f"a premium of {100 * end:+.1f} % at the end (median of {_LATEST} rows), which falls by "
        f"{100 * labels.passing:.1f} % a year"
    )
    implied = f"spot at least {100 * abs(np.expm1(-end)):.1f} % too {high}"
    reason = (
        "It moves away from 0 as time passes; over the right spot it would move to 0, whatever the expiry."
    )
    findings.append(_finding("spot", pd.DatetimeIndex(kept.index), received, implied, reason))


def find_beyond(kept: pd.DataFrame, limit: float, margin: float, findings: list[dict[str, Any]]) -> None:
    """Finding of rows whose premium no legal yearly rate explains."""
    found = beyond_carry(kept, limit, margin)
    if not found.rows.any():
        return
    worst = int(np.argmax(np.where(found.rows, np.abs(found.rate), -1.0)))
    left = DAYS_PER_YEAR * kept["years"].iloc[worst]
    received = (
        f"rates up to {100 * found.rate[worst]:+,.0f} % a year ({kept.index[worst]:%Y-%m-%d}, {left:.1f} "
        f"days left, premium {100 * found.premium[worst]:+.1f} %)"
    )
    causes = dict.fromkeys(f["what"] for f in findings if f["what"] in ("spot", "expiry labels"))
    reason = "Spot, its clock or the expiry is wrong; pass reference= to tell which."
    if causes:
        reason = f"The cause is above: {' and '.join(causes)}."
    rows = pd.DatetimeIndex(kept.index[found.rows])
    findings.append(_finding("carry", rows, received, within_text(limit, margin), reason))
