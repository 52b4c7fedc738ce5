"""The option chain: one quoted contract per row, of one underlying at one moment, as the vendor said it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import NEW_YORK, years_to_expiry
from gammaflow.checks import attempt, check_number, refuse, utc
from gammaflow.columns import Columnar, validate
from gammaflow.errors import SchemaError
from gammaflow.frozen import FrozenMapping
from gammaflow.market.plausibility import PLACEHOLDER_IV, chain_warnings, contradictions
from gammaflow.market.quality import LOOK_AHEAD, NO_INTEREST, STALE_MINUTES, Quality
from gammaflow.schema import CHAIN

__all__ = ["PLACEHOLDER_IV", "Chain", "Quality"]

# Clocks of vendor and caller may differ by less than this [minutes].
_CLOCK_SLACK = 1.0


def _quantile(values: NDArray[np.float64], weights: NDArray[np.float64], share: float) -> float:
    """The lowest of `values` (n,) that at least `share` of the weight does not exceed; NaN without weight."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    if not reached[-1]:
        return np.nan
    return float(values[order][np.searchsorted(reached, share * reached[-1])])


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
        With every problem of the columns in one message; also where spot, strikes, forwards and volatilities
        contradict each other so that no number could be meant (`plausibility.contradictions`).

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
        refuse("chain", problems or self._contradictions(values[2], values[0]))
        for name, value in zip(("spot", "asof", "columns"), values, strict=True):
            set_(self, name, value)
        set_(self, "left_out", FrozenMapping({k: int(v) for k, v in self.left_out.items() if v}))
        if not len(self):
            raise SchemaError(
                f"chain not accepted: {self.symbol} has no rows; at least one contract is needed."
            )

    def _contradictions(self, columns: Mapping[str, NDArray[Any]], spot: float) -> list[str]:
        """Why no number of the chain could be meant, one line each."""
        return contradictions(columns, spot)

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
            LOOK_AHEAD: self.open_interest_age < 0,
            NO_INTEREST: oi == 0,
        }
        return np.select(list(reasons.values()), list(reasons), default="").astype(object)

    @cached_property
    def quote_age(self) -> NDArray[np.float64]:
        """Minutes from each row's `quote_time` to `asof`, (n,); negative after it, NaN where not known."""
        age: NDArray[Any] = self.asof.tz_localize(None).to_datetime64() - self["quote_time"]
        return np.asarray(age / np.timedelta64(1, "m"), dtype=np.float64)

    @cached_property
    def open_interest_age(self) -> NDArray[np.float64]:
        """Calendar days from each row's `open_interest_date` to the day of `asof`, (n,); NaN where not known.

        The day of `asof` is New York's for AM- and PM-settled options, else that of UTC. A negative age looks
        ahead.
        """
        days = [self.asof.tz_convert(zone).tz_localize(None).to_datetime64() for zone in (NEW_YORK, "UTC")]
        today = np.where(self._in_new_york, *(day.astype("datetime64[D]") for day in days))
        age: NDArray[Any] = today - self["open_interest_date"].astype("datetime64[D]")
        return np.asarray(age / np.timedelta64(1, "D"), dtype=np.float64)

    @cached_property
    def _in_new_york(self) -> NDArray[np.bool_]:
        return pd.Series(self["settlement"]).isin(["AM", "PM"]).to_numpy(dtype=bool)

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
    def warnings(self) -> tuple[str, ...]:
        """What is implausible about the chain, one sentence each; every result repeats it."""
        return chain_warnings(self)

    @cached_property
    @np.errstate(over="ignore", invalid="ignore")
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
        checks, passed = self._checks()
        bid, ask = (self[name][alive & (self.quote_state == "two-sided")] for name in ("bid", "ask"))
        return Quality(
            table,
            len(self),
            int(fine.sum()),
            float(oi.sum()),
            float(oi[fine].sum()),
            self.left_out,
            {str(k): int(n) for k, n in pd.Series(self.quote_state[alive]).value_counts().items()},
            float(np.median(2 * (ask - bid) / (ask + bid))) if len(bid) else np.nan,
            checks=checks,
            quote_age=self._quote_ages(),
            open_interest_age=self._open_interest_ages(),
            passed=passed,
            source=f"{self.vendor} {self.symbol} of {self.asof:%Y-%m-%d %H:%M:%S} UTC",
            asof=self.asof,
            in_new_york=bool(self._in_new_york.all()),
            warnings=self.warnings,
        )

    def _checks(self) -> tuple[dict[str, float], float]:
        """`Quality.checks` of a chain that was not repaired, and the share of rows that pass the score's."""
        alive, interest = self.years > 0, ~np.isnan(self["open_interest"])
        if not alive.any():
            return {}, np.nan
        with np.errstate(invalid="ignore"):
            usable = self["iv"] > PLACEHOLDER_IV
        known = interest & ~(self.open_interest_age < 0)
        two_sided, forward = self.quote_state == "two-sided", ~np.isnan(self["forward"])
        checks = {
            "volatility usable": self.share(usable),
            "open interest known": self.share(known, interest),
            "two-sided quote": self.share(two_sided, self.quote_state != "no quote"),
            "forward known": self.share(forward, forward),
            "not flagged": np.nan,
        }
        return checks, self.share(usable & known & two_sided)

    def _weights(self) -> NDArray[np.float64]:
        """Open interest of unexpired rows; where none has any, each counts alike; expired rows 0."""
        alive = self.years > 0
        oi = np.where(alive, np.nan_to_num(self["open_interest"]), 0.0)
        return oi if oi.any() else alive.astype(np.float64)

    def _quote_ages(self) -> dict[str, float]:
        weights, rows = self._weights(), (self.years > 0) & ~np.isnan(self.quote_age)
        age = self.quote_age[rows]
        if not rows.any():
            return {}
        return {
            "known": float(weights[rows].sum() / weights.sum()),
            "median": _quantile(age, weights[rows], 0.5),
            "95 %": _quantile(age, weights[rows], 0.95),
            "stale rows": float((age > STALE_MINUTES).sum()),
            "rows after asof": float((age < -_CLOCK_SLACK).sum()),
        }

    def _open_interest_ages(self) -> dict[str, float]:
        weights, rows = self._weights(), (self.years > 0) & ~np.isnan(self.open_interest_age)
        age = self.open_interest_age[rows]
        if not rows.any():
            return {}
        return {
            "known": float(weights[rows].sum() / weights.sum()),
            "median": _quantile(age, weights[rows], 0.5),
            "oldest": float(age.max()),
            "rows of the same day": float(((age == 0) & self._in_new_york[rows]).sum()),
            "rows after asof": float((age < 0).sum()),
        }

    def share(self, rows: NDArray[np.bool_], checked: NDArray[np.bool_] | None = None) -> float:
        """Share of unexpired rows in the mask `rows` (n,); NaN where none is, or none in the mask `checked`.

        `checked` (n,) says which rows have what is asked about at all.
        """
        alive = self.years > 0
        if not (alive if checked is None else alive & checked).any():
            return np.nan
        return float(rows[alive].mean())

    def with_columns(self, **columns: Any) -> Chain:
        """A new chain with columns replaced; a scalar fills the column.

        Examples
        --------
        >>> import gammaflow as gf
        >>> gf.demo_chain().with_columns(rate=0.04)["rate"][:2]
        array([0.04, 0.04])
        """
        every = range(len(self))
        filled: dict[str, Any] = {
            k: pd.Series(v, every) if pd.api.types.is_scalar(v) else v for k, v in columns.items()
        }
        return replace(self, columns={**self.columns, **filled})

    @np.errstate(over="ignore", invalid="ignore")
    def __repr__(self) -> str:
        expiries = np.unique(self["expiry"])
        return (
            f"Chain {self.symbol} from {self.vendor}, as of {self.asof:%Y-%m-%d %H:%M:%S} UTC, "
            f"spot {self.spot:,.2f} {self.currency}\n"
            f"{len(self):,} contracts, {len(expiries)} expiries "
            f"({expiries[0].astype('datetime64[D]')} .. {expiries[-1].astype('datetime64[D]')}), "
            f"open interest {np.nansum(self['open_interest']):,.0f} contracts\n{self.quality}"
        )
