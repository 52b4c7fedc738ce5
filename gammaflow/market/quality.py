"""Quality of a chain: usable rows, age of quotes and open interest, and a score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.calendars import is_open, sessions
from gammaflow.errors import SchemaError
from gammaflow.frozen import Frozen
from gammaflow.market.plausibility.rows import PLACEHOLDER_IV
from gammaflow.selection import Selection

__all__ = [
    "CHECKS",
    "EXPIRED",
    "INTEREST_MISSING",
    "IV_MISSING",
    "IV_PLACEHOLDER",
    "IV_ZERO",
    "LOOK_AHEAD",
    "NO_INTEREST",
    "OF_INTEREST",
    "REASONS",
    "SCORED",
    "SELECTED",
    "STALE_MINUTES",
    "Quality",
    "hours_since_close",
]

#: Quotes older than this count as stale [minutes]; delayed feeds lag by as much.
STALE_MINUTES = 15.0

#: Reasons why rows cannot be valued: those of `Chain.unusable` that concern expiry and volatility.
EXPIRED = "expired"
IV_MISSING = "implied volatility missing"
IV_ZERO = "implied volatility zero"
IV_PLACEHOLDER = f"implied volatility a placeholder (<= {PLACEHOLDER_IV:.1%})"

#: Reasons why rows carry no position though they can be valued; the last is no error, and the one before it
#: means open interest that nobody could know at `asof`.
INTEREST_MISSING = "open interest missing"
LOOK_AHEAD = "open interest dated after asof"
NO_INTEREST = "open interest zero"
OF_INTEREST = (INTEREST_MISSING, LOOK_AHEAD, NO_INTEREST)

#: Every reason; a row has the first that applies.
REASONS = (EXPIRED, IV_MISSING, IV_ZERO, IV_PLACEHOLDER, *OF_INTEREST)

#: Checks that apply to every chain, repaired or not: those of `Quality.score`.
SCORED = ("volatility usable", "open interest known", "two-sided quote")

#: Every check of `Quality.checks`: the score's, a known forward, and the flags of `repair_chain`.
CHECKS = (*SCORED, "forward known", "not flagged")

# Why a check was not made.
_UNCHECKED = {
    "volatility usable": "no row with a volatility",
    "open interest known": "no open interest in the data",
    "two-sided quote": "no bid and ask in the data",
    "forward known": "no forwards in the data",
    "not flagged": "repair_chain not run",
}

#: Start of the line that says how rows were selected.
SELECTED = "filter: "

# Options on indices and funds trade until 15 minutes after the close of the stock market.
_AFTER_CLOSE = pd.Timedelta(15, "min")
# The longest closure since 2000 lasted a week, in September 2001.
_LONGEST_CLOSURE = pd.Timedelta(15, "D")


def hours_since_close(asof: pd.Timestamp) -> float:
    """Hours from the last close of US options to `asof`; 0 during trading, NaN where no session is known.

    They close 15 minutes after the New York Stock Exchange: at 16:15 New York, at 13:15 on half days.

    Examples
    --------
    >>> hours_since_close(pd.Timestamp("2025-11-27T21:15Z"))  # Thanksgiving
    24.0
    """
    try:
        if is_open("XNYS", asof):
            return 0.0
        ends = sessions("XNYS", asof - _LONGEST_CLOSURE, asof)
    except SchemaError:
        return np.nan
    age = (asof - ends[-1] - _AFTER_CLOSE) / pd.Timedelta(1, "h")
    return max(float(age), 0.0)


@dataclass(frozen=True)
class Quality(Frozen):
    """Usable part of a chain, and the reasons why the rest is not usable.

    Attributes
    ----------
    excluded : tuple of (str, int, float)
        Each reason, with its rows [count] and their open interest [contracts]: the rows of `table`.
    row_count, usable : int
        Rows of the chain, and rows that can be valued (those without open interest hold no position, but
        are usable).
    open_interest, usable_open_interest : float
        The same in contracts.
    left_out : mapping of str to int
        Rows of the file that are excluded from the chain, by reason.
    quotes : mapping of str to int
        Unexpired rows by the state of their quote (`Chain.quote_state`).
    median_spread : float
        Median of (ask - bid) / mid over two-sided unexpired quotes [-]; NaN where there is none.
    quote_age : mapping of str to float
        For unexpired rows, where the vendor gives the time of each quote, else empty: share of open interest
        for which it is "known" [-]; the "median" and the age that 95 % do not exceed ("95 %"), weighted by
        open interest [minutes before `asof`]; "stale rows", older than `STALE_MINUTES`; "rows after asof", by
        more than a minute.
    open_interest_age : mapping of str to float
        For unexpired rows, where the vendor gives the day on which open interest was counted, else empty:
        share of it "known" [-]; the "median" and the "oldest" [calendar days before `asof`'s]; "rows of the
        same day" of AM- and PM-settled options, which are counted after the close, so that the vendor either
        dates them by publication or looks ahead; "rows after asof", which are not usable.
    warnings : tuple of str
        Implausibilities of the chain that change every number made from it, one sentence each.
    checks : mapping of str to float
        Share of unexpired rows that pass each of `CHECKS` [-]; NaN where it could not be checked: no row has
        an open interest, a quote or a forward that could pass or fail, or the chain was not repaired. Empty
        where every row has expired.
    passed : float
        Share of unexpired rows that pass all of `SCORED` [-].
    source : str
        Vendor, symbol and time of the chain.
    asof : Timestamp, optional
        When the chain was quoted.
    in_new_york : bool
        Whether every option is AM- or PM-settled, so that US trading hours bound the age of quotes.
    selection : Selection, optional
        Conditions by which the rows were selected from a larger chain, and the share of open interest kept.
    """

    excluded: tuple[tuple[str, int, float], ...]
    row_count: int
    usable: int
    open_interest: float
    usable_open_interest: float
    left_out: Mapping[str, int] = field(default_factory=dict)
    quotes: Mapping[str, int] = field(default_factory=dict)
    median_spread: float = np.nan
    checks: Mapping[str, float] = field(default_factory=dict)
    quote_age: Mapping[str, float] = field(default_factory=dict)
    open_interest_age: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    passed: float = np.nan
    source: str = ""
    asof: pd.Timestamp | None = None
    in_new_york: bool = False
    selection: Selection | None = None

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per reason: `rows` [count], and the `open_interest` [contracts] of those rows.

        A row is counted under the first reason that applies.
        """
        reasons, rows, interest = zip(*self.excluded, strict=True) if self.excluded else ((),) * 3
        columns = {"rows": np.array(rows, np.int64), "open_interest": np.array(interest, np.float64)}
        return pd.DataFrame(columns, pd.Index(reasons, name="reason", dtype="str"))

    @property
    def score(self) -> float:
        """Score from 0 to 100: share of unexpired rows that pass every check which applies to every chain.

        A row passes with a usable implied vol, an open interest known at `asof`, and a bid not above its ask.
        Each row counts once, so that no single open interest dominates the score. Checks that only
        `repair_chain` makes (forwards, flags) are not part of it: a chain and its repaired version are
        measured alike. NaN where one of the three could not be checked at all (see `unchecked`).
        """
        if not self.checks or set(self.unchecked) & set(SCORED):
            return np.nan
        return 100.0 * self.passed

    @property
    def unchecked(self) -> tuple[str, ...]:
        """The checks of `CHECKS` that were not made."""
        return tuple(name for name, share in self.checks.items() if np.isnan(share))

    @property
    def unchecked_text(self) -> str:
        """Checks not made and why, as the end of a line; "" where all were made."""
        words = [f"{name} ({_UNCHECKED[name]})" for name in self.unchecked]
        return f"; not checked: {', '.join(words)}" if words else ""

    def each(self) -> tuple[Quality, ...]:
        """Quality of each chain behind the object: here only its own."""
        return (self,)

    @cached_property
    def hours_since_close(self) -> float:
        """Hours from the last close of US options to `asof`: the minimum age of AM- and PM-settled quotes.

        0 while the market is open; NaN for other chains. Holidays and half days are those of the New York
        Stock Exchange.
        """
        return hours_since_close(self.asof) if self.in_new_york and self.asof is not None else np.nan

    @property
    def usable_share(self) -> float:
        """Share of open interest that can be valued [-]; NaN where there is no open interest."""
        return self.usable_open_interest / self.open_interest if self.open_interest > 0 else np.nan

    def to_dict(self) -> dict[str, Any]:
        """The quality as plain numbers and text."""
        return {
            "source": self.source,
            "warnings": list(self.warnings),
            "rows": self.row_count,
            "usable_rows": self.usable,
            "usable_share_of_open_interest": None if np.isnan(self.usable_share) else self.usable_share,
            "unusable_rows": {reason: rows for reason, rows, _ in self.excluded},
            "unusable_open_interest": {reason: interest for reason, _, interest in self.excluded},
            "left_out_of_the_chain": dict(self.left_out),
            "selection": self.selection and self.selection.to_dict(),
            "quotes": dict(self.quotes),
            "median_spread": None if np.isnan(self.median_spread) else self.median_spread,
            "hours_since_close": None if np.isnan(self.hours_since_close) else self.hours_since_close,
            "quote_age_minutes": _plain(self.quote_age),
            "open_interest_age_days": _plain(self.open_interest_age),
            "checks": _plain(self.checks),
            "not_checked": list(self.unchecked),
            "score": None if np.isnan(self.score) else self.score,
        }

    def plot(self, *, ax: Any = None) -> Any:
        """Bars of the open interest that can be valued, and of the rest by reason (matplotlib Axes)."""
        from gammaflow.plot.static import plot_bars

        lost = self.table["open_interest"].drop(NO_INTEREST, errors="ignore")
        bars = pd.concat([pd.Series({"usable": self.usable_open_interest}), lost.astype(np.float64)])
        bars.index = pd.Index(list(map(str, bars.index)), name="rows of the chain")
        title = f"Open interest by use, {self.source}" if self.source else "Open interest by use"
        return plot_bars(
            bars.to_frame("open interest"), np.nan, title, "contracts", name="open interest", ax=ax
        )

    def _page_text(self) -> str:
        return str(self)

    def __str__(self) -> str:
        share = (
            "no open interest" if np.isnan(self.usable_share) else f"{self.usable_share:.1%} of open interest"
        )
        lines = [f"WARNING: {text}" for text in self.warnings]
        lines.append(f"{self.usable:,} of {self.row_count:,} rows usable ({share})")
        for reason, rows, _ in self.excluded:
            what = "usable, but " if reason == NO_INTEREST else ""
            lines.append(f"  {rows:>7,} rows: {what}{reason}")
        lines += [f"  {count:>7,} rows of the file excluded: {why}" for why, count in self.left_out.items()]
        lines += [f"{SELECTED}{self.selection}"] if self.selection else []
        if self.quotes:
            states = ", ".join(f"{count:,} {state}" for state, count in self.quotes.items())
            if not np.isnan(self.median_spread):
                states += f"; median spread {self.median_spread:.2%} of mid"
            lines.append(f"quotes of unexpired rows: {states}")
        if self.hours_since_close > 0:
            lines.append(f"quotes at least {self.hours_since_close:.1f} h older than asof (US market closed)")
        lines += _age_in_words(self.quote_age, self.open_interest_age)
        return "\n".join([*lines, *self._checks_in_words()])

    def _checks_in_words(self) -> list[str]:
        """The score with its checks, the other checks made, and the checks not made."""
        if not self.checks:
            return []
        made = {name: f"{name} {share:.1%}" for name, share in self.checks.items() if not np.isnan(share)}
        score = "no score" if np.isnan(self.score) else f"score {self.score:.0f} of 100"
        line = f"{score}, by unexpired rows: " + ", ".join(made[name] for name in SCORED if name in made)
        besides = [text for name, text in made.items() if name not in SCORED]
        line += f"; besides: {', '.join(besides)}" if besides else ""
        return [line + self.unchecked_text]


def _plain(numbers: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if np.isnan(value) else float(value) for name, value in numbers.items()}


def _age_in_words(quotes: Mapping[str, float], interest: Mapping[str, float]) -> list[str]:
    lines = []
    if quotes:
        lines.append(
            f"quotes {quotes['median']:,.1f} min before asof (median by open interest; 95 % within "
            f"{quotes['95 %']:,.1f}), known for {quotes['known']:.1%} of it; "
            f"{quotes['stale rows']:,.0f} rows older than {STALE_MINUTES:g} min"
        )
        if quotes["rows after asof"]:
            lines[-1] += f"; LOOK-AHEAD: {quotes['rows after asof']:,.0f} rows quoted after asof"
    if interest:
        lines.append(
            f"open interest counted {interest['median']:,.0f} days before asof (median; oldest "
            f"{interest['oldest']:,.0f}), known for {interest['known']:.1%} of it"
        )
        if interest["rows of the same day"]:
            lines[-1] += (
                f"; {interest['rows of the same day']:,.0f} rows of asof's own day, though exchanges count "
                f"after the close"
            )
        if interest["rows after asof"]:
            lines[-1] += f"; LOOK-AHEAD: {interest['rows after asof']:,.0f} rows dated after asof"
    return lines
