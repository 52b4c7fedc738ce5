"""The option chain: one quoted contract per row, of one underlying at one moment, as the vendor said it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.columns import Columnar
from gammaflow.errors import SchemaError
from gammaflow.schema import CHAIN, DAYS_PER_YEAR, attempt, check_number, refuse, utc, validate

__all__ = ["PLACEHOLDER_IV", "Chain", "Quality", "years_to_expiry"]

#: Vendors write 1e-5 or 0.001 where they have no volatility; nothing listed trades at 0.1 %.
PLACEHOLDER_IV = 1e-3

#: The reason of rows that hold no position though nothing is wrong with them.
NO_INTEREST = "open interest zero"

#: What `Quality.score` is made of.
CHECKS = ("usable", "open interest known", "two-sided quote", "forward known", "not flagged")

_NS_PER_YEAR = DAYS_PER_YEAR * 86_400e9


def years_to_expiry(expiry: NDArray[np.datetime64], asof: pd.Timestamp) -> NDArray[np.float64]:
    """Years from `asof` to each `expiry`, exact to the nanosecond, ACT/365; negative once expired."""
    return (expiry - asof.tz_convert("UTC").tz_localize(None).to_datetime64()).astype(np.int64) / _NS_PER_YEAR


@dataclass(frozen=True)
class Quality:
    """How much of a chain can be used, and why the rest cannot.

    Attributes
    ----------
    table : DataFrame
        One row per reason: `rows` [count], `open_interest` [contracts] those rows carry. Rows counted
        under one reason are not counted under a later one.
    rows, usable : int
        Rows of the chain, and rows that can be valued (those without open interest hold no position, but
        are usable).
    open_interest, usable_open_interest : float
        The same in contracts.
    left_out : mapping of str to int
        Rows of the file that never entered the chain, by reason.
    quotes : mapping of str to int
        Unexpired rows by the state of their quote (`Chain.quote_state`).
    median_spread : float
        Median of (ask - bid) / mid over two-sided unexpired quotes [-]; NaN where there is none.
    hours_since_close : float
        Hours from the last close of the US market (16:15 New York, weekdays; holidays are not known) to
        `asof`: the least age of the quotes of AM- and PM-settled options; 0 while the market is open, NaN
        for other chains. Vendors tell neither the age of each quote nor the date of open interest.
    checks : mapping of str to float
        Shares of unexpired open interest that pass each check of `score` [-]; "open interest known" is a
        share of rows. What has not been checked is 0.
    """

    table: pd.DataFrame
    rows: int
    usable: int
    open_interest: float
    usable_open_interest: float
    left_out: Mapping[str, int] = field(default_factory=dict)
    quotes: Mapping[str, int] = field(default_factory=dict)
    median_spread: float = np.nan
    hours_since_close: float = np.nan
    checks: Mapping[str, float] = field(default_factory=dict)

    @property
    def score(self) -> float:
        """0 to 100: how much of the open interest rests on data that hold together; NaN without any.

        100 x usable x open interest known x mean(two-sided quote, forward known, not flagged), each a share
        of `checks`. A forward is known from the vendor or from put-call parity; flags are those of
        `repair_chain`, so a chain that was not repaired has none that pass.
        """
        if not self.checks:
            return np.nan
        usable, known, *others = (self.checks[name] for name in CHECKS)
        return float(100.0 * usable * known * np.mean(others))

    @property
    def usable_share(self) -> float:
        """Share of open interest that a book can value [-]; NaN where there is none."""
        return self.usable_open_interest / self.open_interest if self.open_interest > 0 else np.nan

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text."""
        return {
            "rows": self.rows,
            "usable_rows": self.usable,
            "usable_share_of_open_interest": None if np.isnan(self.usable_share) else self.usable_share,
            "unusable_rows": {str(k): int(v) for k, v in self.table["rows"].items()},
            "unusable_open_interest": {str(k): float(v) for k, v in self.table["open_interest"].items()},
            "left_out_of_the_chain": dict(self.left_out),
            "quotes": dict(self.quotes),
            "median_spread": None if np.isnan(self.median_spread) else self.median_spread,
            "hours_since_close": None if np.isnan(self.hours_since_close) else self.hours_since_close,
            "checks": {k: None if np.isnan(v) else v for k, v in self.checks.items()},
            "score": None if np.isnan(self.score) else self.score,
        }

    def __str__(self) -> str:
        share = (
            "no open interest" if np.isnan(self.usable_share) else f"{self.usable_share:.1%} of open interest"
        )
        lines = [f"{self.usable:,} of {self.rows:,} rows usable ({share})"]
        for reason, row in self.table.iterrows():
            what = "usable, but " if reason == NO_INTEREST else ""
            lines.append(f"  {int(row['rows']):>7,} rows: {what}{reason}")
        lines += [f"  {count:>7,} rows of the file left out: {why}" for why, count in self.left_out.items()]
        if self.quotes:
            states = ", ".join(f"{count:,} {state}" for state, count in self.quotes.items())
            if not np.isnan(self.median_spread):
                states += f"; median spread {self.median_spread:.2%} of mid"
            lines.append(f"quotes of unexpired rows: {states}")
        if self.hours_since_close > 0:
            lines.append(f"quotes at least {self.hours_since_close:.1f} h older than asof (US market closed)")
        if not np.isnan(self.score):
            parts = ", ".join(f"{name} {share:.1%}" for name, share in self.checks.items())
            lines.append(f"score {self.score:.0f} of 100: {parts}")
        return "\n".join(lines)


@dataclass(frozen=True, eq=False, repr=False)
class Chain(Columnar):
    """An option chain: validated, read-only columns (see `gammaflow.schema.CHAIN`) and what they share.

    Parameters
    ----------
    columns : mapping or DataFrame
        The columns of `gammaflow.schema.CHAIN`; optional ones may be absent. `expiry` is tz-aware.
    symbol : str
        The underlying.
    spot : float
        Its price at `asof` [currency].
    asof : tz-aware moment
        When the quotes were taken.
    vendor : str
        Whose file or feed it came from.
    currency : str
        The currency of spot, strikes and every money figure.
    left_out : mapping of str to int
        Rows of the source that are not in the chain, by reason.

    Raises
    ------
    SchemaError
        With every problem of the columns in one message.

    Examples
    --------
    >>> import gammaflow as gf
    >>> chain = gf.demo_chain()
    >>> chain.symbol, len(chain) > 200
    ('BTC', True)
    >>> chain["strike"].flags.writeable
    False
    """

    columns: Mapping[str, NDArray[Any]]
    symbol: str
    spot: float
    asof: pd.Timestamp
    vendor: str = "unknown"
    currency: str = "USD"
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        values, problems = attempt(
            lambda: check_number(self.spot, "spot", 0.0, open_low=True),
            lambda: utc(self.asof),
            lambda: validate(self.columns, CHAIN, "chain"),
        )
        refuse("chain", problems)
        for name, value in zip(("spot", "asof", "columns"), values, strict=True):
            set_(self, name, value)
        set_(self, "left_out", MappingProxyType({k: int(v) for k, v in self.left_out.items() if v}))
        if not len(self):
            raise SchemaError(
                f"chain not accepted: {self.symbol} has no rows; at least one contract is needed."
            )

    @cached_property
    def years(self) -> NDArray[np.float64]:
        """Years to expiry of each row (ACT/365, to the second); negative once expired."""
        return years_to_expiry(self["expiry"], self.asof)

    @cached_property
    def unusable(self) -> NDArray[Any]:
        """Why each row cannot be valued or carries no position; "" where it can (text, one per row)."""
        iv, oi = self["iv"], self["open_interest"]
        reasons = {
            "expired": self.years <= 0,
            "implied volatility missing": np.isnan(iv),
            "implied volatility zero": iv == 0,
            f"implied volatility a placeholder (<= {PLACEHOLDER_IV:.1%})": iv <= PLACEHOLDER_IV,
            "open interest missing": np.isnan(oi),
            NO_INTEREST: oi == 0,
        }
        return np.select(list(reasons.values()), list(reasons), default="").astype(object)

    @cached_property
    def quote_state(self) -> NDArray[Any]:
        """What each row's bid and ask are, (n,): two-sided, crossed (bid > ask), no bid, no ask, no quote."""
        bid, ask = self["bid"], self["ask"]
        states = {
            "no quote": ~(bid > 0) & ~(ask > 0),
            "no ask": ~(ask > 0),
            "no bid": ~(bid > 0),
            "crossed": bid > ask,
        }
        return np.select(list(states.values()), list(states), default="two-sided").astype(object)

    @cached_property
    def quality(self) -> Quality:
        """Rows that can be used, the others counted by reason, the state of quotes, and a score."""
        reason = self.unusable
        oi = np.nan_to_num(self["open_interest"])
        frame = pd.DataFrame({"reason": reason, "rows": 1, "open_interest": oi})
        table = (
            frame[frame["reason"] != ""]
            .groupby("reason", sort=False)
            .sum()
            .sort_values("rows", ascending=False)
        )
        fine = np.isin(reason, ("", NO_INTEREST))
        alive = self.years > 0
        two_sided = self.quote_state == "two-sided"
        known = ~np.isnan(self["open_interest"])
        shares = (
            self.share(fine),
            float(known[alive].mean()) if alive.any() else np.nan,
            self.share(two_sided),
            self.share(~np.isnan(self["forward"])),
            0.0,
        )
        bid, ask = (self[name][alive & two_sided] for name in ("bid", "ask"))
        return Quality(
            table,
            len(self),
            int(fine.sum()),
            float(oi.sum()),
            float(oi[fine].sum()),
            self.left_out,
            {str(k): int(n) for k, n in pd.Series(self.quote_state[alive]).value_counts().items()},
            float(np.median(2 * (ask - bid) / (ask + bid))) if len(bid) else np.nan,
            self._hours_since_close(),
            dict(zip(CHECKS, shares, strict=True)) if oi[alive].any() else {},
        )

    def _hours_since_close(self) -> float:
        if not set(self["settlement"]) <= {"AM", "PM"}:
            return np.nan
        local = self.asof.tz_convert("America/New_York")
        sessions = [local.normalize() - pd.Timedelta(days=d) for d in range(4)]
        opened = [day for day in sessions if day.weekday() < 5 and local >= day.replace(hour=9, minute=30)]
        age = (local - opened[0].replace(hour=16, minute=15)) / pd.Timedelta(hours=1)
        return max(float(age), 0.0)

    def share(self, rows: NDArray[np.bool_]) -> float:
        """Share of unexpired open interest in the rows where the mask `rows` (n,) is true; NaN without it."""
        oi = np.where(self.years > 0, np.nan_to_num(self["open_interest"]), 0.0)
        return float(oi[rows].sum() / oi.sum()) if oi.any() else np.nan

    def with_columns(self, **columns: Any) -> Chain:
        """A new chain with columns replaced; a scalar fills the column.

        Examples
        --------
        >>> import gammaflow as gf
        >>> gf.demo_chain().with_columns(rate=0.04)["rate"][:2]
        array([0.04, 0.04])
        """
        filled = {k: np.full(len(self), v) if np.isscalar(v) else v for k, v in columns.items()}
        return replace(self, columns={**self.columns, **filled})

    def __repr__(self) -> str:
        expiries = np.unique(self["expiry"])
        return (
            f"Chain {self.symbol} from {self.vendor}, as of {self.asof:%Y-%m-%d %H:%M:%S} UTC, "
            f"spot {self.spot:,.2f} {self.currency}\n"
            f"{len(self):,} contracts, {len(expiries)} expiries "
            f"({expiries[0].astype('datetime64[D]')} .. {expiries[-1].astype('datetime64[D]')}), "
            f"open interest {np.nansum(self['open_interest']):,.0f} contracts\n{self.quality}"
        )
