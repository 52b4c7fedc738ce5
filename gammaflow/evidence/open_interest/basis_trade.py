"""The basis trade read from basis and open interest: unwound or put on, its size, and what cannot be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import attempt, check_number, refuse
from gammaflow.errors import SchemaError
from gammaflow.evidence.brief import BriefStudy
from gammaflow.evidence.open_interest.basis_size import TRADE, add_sizes, compare_sizes, read_impact
from gammaflow.evidence.open_interest.basis_text import BP, cannot_tell, lines, warnings
from gammaflow.evidence.open_interest.days import days_between
from gammaflow.evidence.open_interest.quadrants import BASIS, MISSING, NOISE, name_quadrants
from gammaflow.evidence.open_interest.verdict import CANNOT_TELL, TOLD, Verdict
from gammaflow.feedback.impact.curve import Impact
from gammaflow.plot.open_interest import plot_grouped, plot_quadrants
from gammaflow.series import read_day, read_days, read_together, span_text
from gammaflow.text import number_text, rows_text

__all__ = ["Unwinds", "unwinds"]


@dataclass(frozen=True, eq=False, repr=False)
class Unwinds(BriefStudy):
    """Basis and open interest of futures, read as the basis trade; made by `unwinds`.

    Attributes
    ----------
    table : DataFrame
        Indexed by day, a row per change. Columns: days (since the row before), basis (as given),
        basis_change (of the premium, [-]), open_interest and interest_change [coins], interest_share [-],
        reading (quadrant); implied, implied_low, implied_high: one leg of the trade that explains the basis
        [currency, > 0 unwound, < 0 put on]; from_interest: the leg that the change of open interest makes
        [currency, same sign]; agreement.
        NaN where it cannot be told: no impact, no price, or a row that is no basis trade.
    cannot_tell : tuple of str
        Statements that these series cannot decide.
    noise : (float, float)
        Changes of premium and of open interest up to which a row has no reading [-].

    See Also
    --------
    unwinds : Basis and open interest of futures from day to day, read as the basis trade.

    Examples
    --------
    >>> import gammaflow as gf
    >>> import pandas as pd
    >>> days = ["2026-02-04", "2026-02-05"]
    >>> rate, coins = pd.Series([0.033, 0.09], days), pd.Series([123e3, 118e3], days)
    >>> price, impact = pd.Series([73e3, 65e3], days), gf.impact.PUBLISHED["citi"]
    >>> found = gf.evidence.open_interest.unwinds(rate, coins, years=30 / 365, price=price, impact=impact)
    >>> found.table["agreement"].item()
    'consistent'
    """

    cannot_tell: tuple[str, ...] = field(kw_only=True)
    noise: tuple[float, float] = field(kw_only=True)

    @property
    def counts(self) -> pd.Series:
        """Number of rows with each reading."""
        return self.table["reading"].value_counts()

    @property
    def heading(self) -> list[str]:
        """Description, warnings, and what cannot be told, one line each."""
        return [*super().heading, *(f"cannot tell: {line}" for line in self.cannot_tell)]

    def brief(self) -> pd.DataFrame:
        """Changes, readings and sizes."""
        return self.table[
            ["basis_change", "interest_change", "reading", "implied", "from_interest", "agreement"]
        ]

    def verdict(self, day: Any) -> Verdict:
        """Reading of one day's change, or why there is none.

        Parameters
        ----------
        day : date
            A day of the table.

        Returns
        -------
        Verdict
            "told" with the reading and the sizes, or "cannot tell" with the record that is missing.
        """
        at = read_day(day, exact=True)
        if at not in self.table.index:
            raise SchemaError(
                f"day: received {at:%Y-%m-%d}; legal: a day of the table, {span_text(self.table.index)}."
            )
        row: dict[Any, Any] = self.table.loc[at].to_dict()
        basis = f"basis {BP * row['basis_change']:+.1f} bp of price"
        size, low, high, closed = (
            number_text(float(f"{row[name]:.3g}"))
            for name in ("implied", "implied_low", "implied_high", "from_interest")
        )
        size += f" ({low} to {high})" if low != high else ""
        if row["reading"] in (CANNOT_TELL, MISSING):
            why = "open interest of these futures at this clock is missing"
            if np.isfinite(row["implied"]):
                why += f"; a basis trade of {size} would explain the basis alone"
            return Verdict(CANNOT_TELL, f"{basis}; {why}")
        if np.isfinite(row["interest_share"]):
            basis += f", open interest {row['interest_share']:+.1%}"
        said = f"{basis}: {row['reading']}"
        if np.isfinite(row["implied"]):
            said += f", {size} by the basis"
        if np.isfinite(row["from_interest"]):
            said += f", {closed} by open interest"
        return Verdict(TOLD, said)

    def plot(self, *, ax: Any = None) -> Any:
        """Change of open interest against that of the basis, readings named (matplotlib Axes)."""
        moved = BP * self.table["basis_change"]
        if self.table["open_interest"].isna().all():
            title = "change of the basis\ncannot tell what it was: no open interest"
            return plot_grouped(moved.to_frame("basis"), title, "basis points of price", ax=ax)
        shown = pd.DataFrame(
            {"x": moved, "y": 100.0 * self.table["interest_share"], "quadrant": self.table["reading"]}
        )
        return plot_quadrants(
            shown,
            f"basis and open interest of futures, {rows_text(len(shown), 'change')}",
            "change of basis [bp of price]",
            "change of open interest in coins [%]",
            dict(BASIS),
            noise=(BP * self.noise[0], 100.0 * self.noise[1]),
            ax=ax,
        )


def unwinds(
    basis: pd.Series,
    open_interest: pd.Series | None = None,
    *,
    years: float | pd.Series | None = None,
    price: pd.Series | None = None,
    impact: Impact | float | None = None,
    futures_impact: Impact | float | None = None,
    noise: float = 0.0,
    interest_noise: float = 0.0,
) -> Unwinds:
    """Basis and open interest of futures from day to day, read as the basis trade.

    Parameters
    ----------
    basis : Series
        Premium of one future over spot by day, F / S - 1 [-], both read at one clock; or, with `years`, the
        simple yearly rate [1/year].
    open_interest : Series, optional
        Open interest of the same futures by day [coins, > 0; NaN where it is missing], at the same clock.
        Without it readings are "cannot tell".
    years : float or Series, optional
        Time to expiry of the future by day, or of a constant maturity, > 0 [years]: the change of premium is
        then that of the rate times the time left, so that passing time alone moves nothing.
    price : Series, optional
        Price of a coin by day [currency, > 0], needed to compare open interest with the size that the basis
        implies.
    impact : Impact or float, optional
        Impact of the spot leg, from `gf.impact`, or the currency that moves spot by 1 %.
    futures_impact : Impact or float, optional
        That of the futures leg; by default as `impact`.
    noise : float
        Change of the premium up to which it counts as none, >= 0 [-]: 0.0005 where futures and spot are not
        read at the very same moment.
    interest_noise : float
        Share of open interest up to which its change counts as none, >= 0 [-].

    Returns
    -------
    Unwinds

    Raises
    ------
    SchemaError
        With every problem of the series and options.

    See Also
    --------
    changes

    Notes
    -----
    Unwinding sells spot and buys futures: the basis rises and open interest falls. Putting the trade on
    does the reverse. Basis and open interest up: longs opened in futures; both down: longs closed.

    Both legs have one size Q, so that there is no outright flow and the basis moves by
    impact_futures(Q) - impact_spot(-Q), which is (Lam_spot + Lam_futures) Q where impact is linear. Q is
    solved for, on the range of depth of the impacts and over the noise of the premium. Impact acts on ln S;
    that of ln F - ln S is taken as the change of F / S - 1, which differs by a factor of 1 + basis.

    Agreement compares Q with the fall of open interest at the mean price of both days: "consistent" where the
    ranges meet. "open interest moved more": other positions closed as well, or depth is greater than
    assumed. "basis moved more": the futures were bought from new shorts, so that nothing closed, or depth is
    smaller than assumed.

    Examples
    --------
    The yearly basis at 30 days goes from 3.3 to 9 %, 0.47 % of price, while 5,000 coins are closed:

    >>> import gammaflow as gf
    >>> days = ["2026-02-04", "2026-02-05"]
    >>> found = unwinds(pd.Series([0.033, 0.09], days), pd.Series([123e3, 118e3], days), years=30 / 365,
    ...                 price=pd.Series([73e3, 65e3], days), impact=gf.impact.PUBLISHED["citi"])
    >>> print(found.verdict("2026-02-05"))
    told: basis +46.8 bp of price, open interest -4.1%: basis trade unwound, 68.9m (33.5m to 781m) \
by the basis, 345m by open interest
    >>> found.table["agreement"].item()
    'consistent'
    """
    (dead, interest_dead, spot_curve, futures_curve), problems = attempt(
        lambda: check_number(noise, "noise", 0.0),
        lambda: check_number(interest_noise, "interest_noise", 0.0),
        lambda: read_impact(impact, "impact"),
        lambda: read_impact(futures_impact, "futures_impact"),
    )
    if impact is None and futures_impact is not None:
        problems.append("impact: received none beside futures_impact; pass that of the spot leg as well.")
    given, constant = _read_record(basis, open_interest, years, price, problems)
    both = read_together(given, problems).rename_axis("day")
    refuse("basis trade", problems)
    left = both["years"] if "years" in both else pd.Series(constant, both.index)
    interest = both["open_interest"] if "open_interest" in both else pd.Series(np.nan, both.index)
    table = pd.DataFrame(
        {
            "days": days_between(both.index),
            "basis": both["basis"],
            "basis_change": both["basis"].diff() * left,
            "open_interest": interest,
            "interest_change": interest.diff(),
            "interest_share": interest.pct_change(fill_method=None),
        }
    )
    table["reading"] = _readings(table, open_interest is None, (dead, interest_dead))
    curves = None if spot_curve is None else (spot_curve, futures_curve or spot_curve)
    add_sizes(table, curves, dead)
    price_read = both["price"] if "price" in both else pd.Series(np.nan, both.index)
    middle = 0.5 * (price_read + price_read.shift())
    trade = table["reading"].isin(TRADE)
    table["from_interest"] = (-table["interest_change"] * middle).where(trade)
    doubt = interest_dead * table["open_interest"].shift() * middle
    table["agreement"] = compare_sizes(table, doubt)
    table = table.iloc[1:]
    return Unwinds(
        table,
        lines(table, curves, years is not None, (dead, interest_dead), {k: len(v) for k, v in given.items()}),
        warnings=warnings(table, both, years is None, middle.iloc[1:]),
        cannot_tell=cannot_tell(open_interest is None, curves is None, price is None),
        noise=(dead, interest_dead),
    )


def _read_record(
    basis: Any, open_interest: Any, years: Any, price: Any, problems: list[str]
) -> tuple[dict[str, pd.Series], float]:
    """The series that were given, by name, and the years where they are one number (1 for none)."""
    given = {
        "basis": read_days(basis, "basis", problems, low=-1.0 if years is None else -np.inf, open_low=True)
    }
    if open_interest is not None:
        given["open_interest"] = read_days(
            open_interest, "open_interest", problems, low=0.0, open_low=True, missing=True
        )
    if price is not None:
        given["price"] = read_days(price, "price", problems, low=0.0, open_low=True)
    if isinstance(years, pd.Series):
        given["years"] = read_days(years, "years", problems, low=0.0, open_low=True)
    (constant,), wrong = attempt(
        lambda: 1.0 if "years" in given or years is None else check_number(years, "years", 0.0, open_low=True)
    )
    problems += wrong
    return given, constant


def _readings(table: pd.DataFrame, unknown: bool, noise: tuple[float, float]) -> Any:
    """Quadrants; "cannot tell" where open interest is not given at all."""
    if not unknown:
        return name_quadrants(table["basis_change"], table["interest_share"], BASIS, noise)
    small = (table["basis_change"].abs() <= noise[0]) | (table["basis_change"] == 0.0)
    return np.where(small, NOISE, CANNOT_TELL)


def __dir__() -> list[str]:
    return __all__
