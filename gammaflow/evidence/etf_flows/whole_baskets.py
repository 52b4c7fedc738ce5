"""Published flows in baskets, with the range that rounding allows and the odds of chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import attempt, check_number, check_whole, refuse
from gammaflow.errors import SchemaError
from gammaflow.evidence.brief import BriefStudy
from gammaflow.evidence.etf_flows.inputs import MILLION, half_digit, money_warnings
from gammaflow.feedback.fund.baskets import check_basket
from gammaflow.feedback.fund.tables import implied_baskets
from gammaflow.text import rows_text

__all__ = ["ImpliedBaskets", "baskets", "lag_text"]

# Half of the coarsest digit that net asset values are published to [currency].
_CENT = 0.005

_LAGS = {0: "on the day of the trade (T)", 1: "one session later (T+1)"}


@dataclass(frozen=True, eq=False, repr=False)
class ImpliedBaskets(BriefStudy):
    """Published flows in baskets; see `baskets`.

    Attributes
    ----------
    table : DataFrame
        Indexed by the day `published`: `traded`, `flow` [currency], `nav` [currency per share], `baskets` (+
        = created), `low` and `high` that rounding allows, `off` (distance to the nearest whole number,
        signed), `whole` (True where the range holds a whole number), and two odds for a number at random:
        `chance_near` of coming as near, `chance_whole` of a range of this width holding a whole number; NaN
        for no flow.
    basket : int
        Shares per basket.
    lag : int
        Sessions from the trade to the day published.

    See Also
    --------
    baskets

    Examples
    --------
    >>> import gammaflow as gf
    >>> import pandas as pd
    >>> days = pd.to_datetime(["2026-02-05", "2026-02-06"])
    >>> flows, nav = pd.Series([-175.34e6, 231.62e6], days), pd.Series([36.22, 39.93], days)
    >>> gf.evidence.etf_flows.baskets(flows, nav).table["baskets"].round(1).tolist()
    [-121.0, 145.0]
    """

    basket: int
    lag: int

    def plot(self, *, ax: Any = None) -> Any:
        """Distance to the nearest whole number of baskets by day, with its range (matplotlib Axes)."""
        from gammaflow.plot.etf_flows import plot_baskets_off

        title = f"Distance to whole baskets of {self.basket:,} shares, flows labelled {lag_text(self.lag)}"
        return plot_baskets_off(self.table, title, ax=ax)


def baskets(
    flows: pd.Series, nav: pd.Series, *, basket: int = 40_000, lag: int = 0, rounding: float | None = None,
    nav_rounding: float | None = None,
) -> ImpliedBaskets:  # fmt: skip
    """Flows in baskets of shares: flow / net asset value / basket, with the range that rounding allows.

    A fund creates and redeems whole baskets at its net asset value, so that flows under the right day and
    value come near whole numbers. That is consistent with a reading, and tells it from others; it proves no
    more: see the odds.

    Parameters
    ----------
    flows : Series
        Flow into the fund by the day under which it is published [currency].
    nav : Series
        Net asset value of a share by trading day [currency]. A closing price is not one: see `label_day`.
    basket : int
        Shares per basket.
    lag : int
        Sessions from the trade to the day published, -5 to 5.
    rounding, nav_rounding : float, optional
        Half of the last digit of flows and values [currency]; default: as the digits of each series show, at
        most half a million and half a cent.

    Returns
    -------
    ImpliedBaskets

    Raises
    ------
    SchemaError
        With every problem; where no flow has a net asset value.

    See Also
    --------
    label_day
    etf_creations : Whole baskets that a dealer must create to cover a short position in fund shares.

    Examples
    --------
    >>> days = pd.to_datetime(["2026-02-05", "2026-02-06"])
    >>> found = baskets(pd.Series([-175.34e6, 231.62e6], days), pd.Series([36.22, 39.93], days))
    >>> found.table[["low", "baskets", "high"]].round(3).to_numpy().tolist()
    [[-121.044, -121.024, -121.004], [144.995, 145.016, 145.038]]
    """
    checks, problems = attempt(
        lambda: check_basket(basket),
        lambda: check_whole(lag, "lag", -5, 5),
        lambda: None if rounding is None else check_number(rounding, "rounding", 0.0),
        lambda: None if nav_rounding is None else check_number(nav_rounding, "nav_rounding", 0.0),
    )
    found, wrong = attempt(lambda: implied_baskets(flows, nav, checks[0] or 1, checks[1] or 0))
    refuse("baskets", problems + wrong)
    table: pd.DataFrame = found[0]
    if table["nav"].isna().all():
        raise SchemaError(
            "nav: has none of the days on which the flows were traded; pass values of the same days "
            f"({table['traded'].min():%Y-%m-%d} to {table['traded'].max():%Y-%m-%d})."
        )
    half = half_digit(flows, "rounding", rounding, MILLION)
    half_nav = half_digit(nav, "nav_rounding", nav_rounding, _CENT)
    table = _with_odds(table, half, half_nav, checks[0])
    known = table.dropna()
    chance = known["chance_whole"]
    absent, still = int(table["nav"].isna().sum()), int((table["flow"] == 0.0).sum())
    said = (
        f"flows [currency, + = into the fund] in baskets of {checks[0]:,} shares, labelled "
        f"{lag_text(checks[1])}",
        f"rounding of flows +-{half:,.6g}, of net asset values +-{half_nav:,.6g} [currency]",
        f"a whole number within rounding: {int(known['whole'].sum()):,} of {rows_text(len(known), 'flow')}, "
        f"at random {chance.sum():.1f} +- {np.sqrt((chance * (1.0 - chance)).sum()):.1f}: consistent with "
        "this label where clearly more do, never proof",
        *[f"{rows_text(still, 'day')} without a flow"] * bool(still),
        *[f"{rows_text(absent, 'flow')} without a net asset value"] * bool(absent),
    )
    warnings = tuple(money_warnings(table["flow"], "flows"))
    return ImpliedBaskets(table, said, checks[0], checks[1], warnings=warnings)


def _with_odds(table: pd.DataFrame, half: float, half_nav: float, basket: int) -> pd.DataFrame:
    """Baskets with the range that rounding allows, and the odds of chance; no flow has no odds."""
    ends = [
        (table["flow"] + sign * half) / (table["nav"] + step * half_nav) / basket
        for sign in (-1.0, 1.0)
        for step in (-1.0, 1.0)
    ]
    low, high = pd.concat(ends, axis=1).min(axis=1), pd.concat(ends, axis=1).max(axis=1)
    off, flowing = table["off"], table["flow"] != 0.0
    wide = (high - low).clip(upper=1.0)
    return table.drop(columns="off").assign(
        low=low, high=high, off=off, whole=np.floor(high) >= np.ceil(low),
        chance_near=(2.0 * off.abs()).where(flowing), chance_whole=wide.where(flowing),
    )  # fmt: skip


def lag_text(lag: int) -> str:
    """The day under which flows are published, in words.

    Examples
    --------
    >>> lag_text(1), lag_text(-1)
    ('one session later (T+1)', '1 session before the trade (T-1)')
    """
    if lag in _LAGS:
        return _LAGS[lag]
    return f"{rows_text(abs(lag), 'session')} {'after' if lag > 0 else 'before'} the trade (T{lag:+d})"
