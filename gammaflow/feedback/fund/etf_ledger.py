"""Ledger of a dealer's fund shares, coins and futures, with creations in whole baskets as reported."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gammaflow.checks import attempt, check_choice, check_number, refuse
from gammaflow.errors import SchemaError
from gammaflow.feedback.fund.baskets import check_basket, check_shares, etf_creations, settle
from gammaflow.feedback.fund.inputs import SOLD, next_session, ratio_on, read_columns, read_ratio
from gammaflow.feedback.fund.tables import aum_bridge, implied_baskets
from gammaflow.notebook import Shown
from gammaflow.positions.venues import UnitMap
from gammaflow.series import read_day
from gammaflow.text import number_text, rows_text, value_text

__all__ = ["EtfLedger", "LedgerDay", "etf_creations"]

_LAGS = {0: "on the same day (T)", 1: "one trading day later (T+1)"}
_BASKETS = ("created", "redeemed")
_UNITS = {"shares": "shares", "coins": "coins", "futures": "coins of futures"}
_START = {"shares": -np.inf, "coins": -np.inf, "futures": -np.inf, "outstanding": 0.0}


class LedgerDay(NamedTuple):
    """One day of an `EtfLedger`; + = the dealer is long, sold, or created.

    `nav` in currency per share; `sold_shares`, `shares` and `outstanding` in fund shares; `created` and
    `redeemed` in whole baskets; `coins_delivered` to the fund, net of those received from it, `sold_coins`,
    `sold_futures`, `coins`, `futures` and `delta` in coins; `flow` into the fund in currency; `published` is
    the day under which the flow is reported. Legs are those after the day's baskets.
    """

    day: pd.Timestamp
    nav: float
    coins_per_share: float
    sold_shares: float
    sold_coins: float
    sold_futures: float
    created: int
    redeemed: int
    coins_delivered: float
    flow: float
    published: pd.Timestamp
    shares: float
    coins: float
    futures: float
    delta: float
    outstanding: float


def _one(value: Any, name: str) -> float:
    array = check_shares(value, name)
    if array.ndim:
        raise SchemaError(f"{name}: received shape {array.shape}; legal: one number a day.")
    return float(array)


class EtfLedger(Shown):
    """Fund shares, coins and futures of a dealer who hedges with a fund, day by day.

    At each close a net short inventory of fund shares is covered by creations in whole baskets: the dealer
    delivers coins and receives shares. What is long beyond `target` is redeemed. Neither moves the dealer's
    delta: the coins delivered equal those that the shares stand for. A short hedge in the fund therefore
    becomes a short in coins, which the dealer must borrow, buy or hedge with futures.

    `step` and `run` record in place; the ledger is the one result of this room that grows.

    Parameters
    ----------
    coins_per_share : float or UnitMap
        Coins behind one share: a number, or a map such as `gf.venues.IBIT`, read at each day's close.
    basket : int
        Shares per basket.
    borrow : float
        Shares that the dealer can borrow, and so stay short of, >= 0.
    report_lag : 0 or 1
        Trading days from the trade to the day under which its flow is published: T or T+1.
    target : float
        Shares that the dealer keeps when redeeming, >= 0.
    shares, coins, futures : float
        Positions before the first day [shares, coins, coins], + = long.
    outstanding : float
        Shares outstanding before the first day; with 0 the ledger counts their change.

    Raises
    ------
    SchemaError
        With every problem of the arguments.

    See Also
    --------
    etf_creations : Whole baskets that a dealer must create to cover a short position in fund shares.

    Examples
    --------
    >>> import gammaflow as gf
    >>> ledger = gf.EtfLedger(gf.venues.IBIT)
    >>> day = ledger.step("2026-02-05", sold_shares=6_000_000, nav=38.33)
    >>> day.created, round(day.coins_delivered), round(day.flow), f"{day.published:%d %b}"
    (150, 3403, 229980000, '06 Feb')
    >>> ledger.table[["shares", "coins", "delta"]].round(1).to_numpy().tolist()
    [[0.0, -3402.7, -3402.7]]
    """

    def __init__(
        self,
        coins_per_share: float | UnitMap,
        *,
        basket: float = 40_000,
        borrow: float = 0.0,
        report_lag: int = 1,
        target: float = 0.0,
        shares: float = 0.0,
        coins: float = 0.0,
        futures: float = 0.0,
        outstanding: float = 0.0,
    ) -> None:
        start = {"shares": shares, "coins": coins, "futures": futures, "outstanding": outstanding}
        values, problems = attempt(
            lambda: read_ratio(coins_per_share),
            lambda: check_basket(basket),
            lambda: check_number(borrow, "borrow", 0.0),
            lambda: check_choice(report_lag, "report_lag", _LAGS),
            lambda: check_number(target, "target", 0.0),
            *(partial(check_number, value, name, _START[name]) for name, value in start.items()),
        )
        refuse("ledger", problems)
        self.coins_per_share, self.basket, self.borrow, self.report_lag, self.target = values[:5]
        self.start = dict(zip(start, values[5:], strict=True))
        self._days: list[LedgerDay] = []

    def step(
        self,
        day: Any,
        sold_shares: float,
        nav: float,
        *,
        sold_coins: float = 0.0,
        sold_futures: float = 0.0,
    ) -> LedgerDay:
        """Record one trading day: the hedge trades, then creations or redemptions at the close.

        Parameters
        ----------
        day : date
            A trading day of New York, later than the last one recorded.
        sold_shares, sold_coins, sold_futures : float
            Sold by the dealer on that day [shares, coins, coins]; negative where bought.
        nav : float
            Net asset value of a share, at which the fund creates and redeems [currency], > 0.

        Returns
        -------
        LedgerDay
            The row that `table` gains.

        Raises
        ------
        SchemaError
            With every problem; nothing is recorded then.
        """
        sold = dict(zip(SOLD, (sold_shares, sold_coins, sold_futures), strict=True))
        values, problems = attempt(
            lambda: self._trading_day(day),
            lambda: check_number(nav, "nav", 0.0, open_low=True),
            *(partial(_one, value, name) for name, value in sold.items()),
        )
        refuse(f"day {value_text(day)}", problems)
        row = self._close(*values)
        self._days.append(row)
        return row

    def run(self, frame: pd.DataFrame, *, fund_share: float = 1.0) -> EtfLedger:
        """Record a table of hedge trades, one row per trading day.

        Parameters
        ----------
        frame : DataFrame
            Indexed by trading day, ascending: `nav`, and either `sold_shares` (with `sold_coins` and
            `sold_futures` where there are any), or `flow`, the hedge in currency, < 0 = dealers sell.
        fund_share : float
            The share of `flow` that is traded in fund shares, 0 to 1; the rest is traded in coins.

        Returns
        -------
        EtfLedger
            This ledger.

        Raises
        ------
        SchemaError
            With every problem of every row; nothing is recorded then.

        Examples
        --------
        >>> flows = pd.DataFrame({"flow": [-2.3e8, 0.6e8], "nav": [38.33, 39.93]})
        >>> flows.index = pd.to_datetime(["2026-02-05", "2026-02-06"])
        >>> EtfLedger(0.00056712).run(flows).table[["created", "redeemed"]].to_numpy().tolist()
        [[151, 0], [0, 38]]
        """
        checks, problems = read_columns(frame, fund_share)
        refuse("table", problems)
        columns, share = checks
        kept = list(self._days)
        for day, *values in frame[columns].itertuples():
            given = dict(zip(columns, values, strict=True))
            _, wrong = attempt(partial(self._row, day, share, **given))
            problems += [f"row {value_text(day)}: {problem}" for problem in wrong]
        if problems:
            self._days = kept
        refuse("table", problems)
        return self

    @property
    def table(self) -> pd.DataFrame:
        """One row per day, the columns of `LedgerDay`."""
        frame = pd.DataFrame(self._days, columns=list(LedgerDay._fields))
        return frame.set_index("day")

    @property
    def published(self) -> pd.Series:
        """Flow into the fund by the day under which it is published [currency]."""
        return self.table.set_index("published")["flow"]

    def bridge(self, assets: float, nav: float) -> pd.DataFrame:
        """Assets under management from day to day: the price move on what was held, and the flow.

        assets after = assets before x nav / nav before + flow. The fund's coins change by the flow alone.

        Parameters
        ----------
        assets : float
            Assets of the fund before the first day [currency], >= 0.
        nav : float
            Net asset value of a share before the first day [currency], > 0.

        Returns
        -------
        DataFrame
            Indexed by day: `before`, `price`, `flow`, `change` and `after` [currency], `coins` [coins].

        Examples
        --------
        >>> ledger = EtfLedger(0.00056712)
        >>> day = ledger.step("2026-02-05", 6_000_000, 36.10)
        >>> bridge = ledger.bridge(56.21e9, 36.10 / (1 - 0.132))
        >>> (bridge[["price", "flow", "change"]] / 1e9).round(2).to_numpy().tolist()
        [[-7.42, 0.22, -7.2]]
        """
        return aum_bridge(self._days, assets, nav)

    def implied_baskets(self, flows: pd.Series, nav: pd.Series) -> pd.DataFrame:
        """Baskets that published flows stand for, if published with this ledger's lag.

        Creations come in whole baskets, so `off` is near zero where the lag and the net asset values are
        right. With rounded flows that supports a reading, and proves no more.

        Parameters
        ----------
        flows : Series
            Published flow into the fund [currency], indexed by the day under which it is published.
        nav : Series
            Net asset value of a share [currency], indexed by trading day.

        Returns
        -------
        DataFrame
            Indexed by published day: `traded`, `flow`, `nav` (NaN where it has not that day), `baskets` and
            `off`, the distance to the nearest whole number of baskets.

        Examples
        --------
        >>> days = pd.to_datetime(["2026-02-05", "2026-02-06"])
        >>> nav = pd.Series([36.22, 39.93], days)
        >>> flows = pd.Series([-175.34e6, 231.62e6], days)
        >>> EtfLedger(0.00056712, report_lag=0).implied_baskets(flows, nav)["baskets"].round(2).tolist()
        [-121.02, 145.02]
        """
        return implied_baskets(flows, nav, self.basket, self.report_lag)

    def summary(self) -> str:
        """Terms, baskets created and redeemed, and the positions now, as text."""
        days, ratio = self._days, self.coins_per_share
        period = f", {days[0].day:%Y-%m-%d} to {days[-1].day:%Y-%m-%d}" if days else ""
        legs = days[-1]._asdict() if days else self.start
        behind = str(ratio) if isinstance(ratio, UnitMap) else f"{ratio:.8g} coins per share"
        created, redeemed = (rows_text(sum(getattr(d, n) for d in days), "basket") for n in _BASKETS)
        coins, flow = (number_text(sum(getattr(d, n) for d in days)) for n in ("coins_delivered", "flow"))
        lines = [
            f"EtfLedger of {rows_text(len(days), 'trading day')}{period}",
            f"baskets of {self.basket:,} shares, {behind}; borrow {self.borrow:,.10g} shares; flows "
            f"published {_LAGS[self.report_lag]}",
            f"created {created}, redeemed {redeemed}; {coins} coins delivered; flow {flow} [currency], + = "
            "into the fund",
            "dealer now, + = long: "
            + ", ".join(f"{number_text(legs[name])} {unit}" for name, unit in _UNITS.items()),
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return self.summary()

    __str__ = __repr__

    def plot(self, *, ax: Any = None) -> Any:
        """Baskets created and redeemed by trading day, and by the day of publication (matplotlib Axes)."""
        from gammaflow.plot.etf import plot_baskets

        if not self._days:
            raise SchemaError("plot: the ledger has no days; record them with step(...) or run(...) first.")
        title = f"Baskets of {self.basket:,} shares, flows published {_LAGS[self.report_lag]}"
        return plot_baskets(self.table, title, ax=ax)

    def _row(self, day: Any, share: float, *, nav: float, **sold: float) -> LedgerDay:
        """`step` for a row of a table."""
        if "flow" not in sold:
            return self.step(day, nav=nav, **sold)
        values, problems = attempt(
            lambda: check_number(sold["flow"], "flow"),
            lambda: check_number(nav, "nav", 0.0, open_low=True),
            lambda: self._trading_day(day),
        )
        refuse("row", problems)
        flow, nav, found = values
        fund, ratio = -flow / nav, ratio_on(self.coins_per_share, found)
        return self.step(found, share * fund, nav, sold_coins=(1.0 - share) * fund * ratio)

    def _trading_day(self, day: Any) -> pd.Timestamp:
        found = read_day(day)
        known = next_session(found)
        if known != found:
            raise SchemaError(
                f"day: received {found:%Y-%m-%d}, not a trading day of New York; legal: one, such as "
                f"{known:%Y-%m-%d}. Add its trades to those of the next trading day."
            )
        if self._days and not found > self._days[-1].day:
            raise SchemaError(
                f"day: received {found:%Y-%m-%d} after {self._days[-1].day:%Y-%m-%d}; days must ascend, one "
                "step each. Sort them, and add up trades of one day."
            )
        return found

    def _close(
        self, day: pd.Timestamp, nav: float, sold_shares: float, sold_coins: float, sold_futures: float
    ) -> LedgerDay:
        """The row of a day whose arguments are legal."""
        legs = self._days[-1]._asdict() if self._days else self.start
        ratio = ratio_on(self.coins_per_share, day)
        shares = legs["shares"] - sold_shares
        coins, futures = legs["coins"] - sold_coins, legs["futures"] - sold_futures
        created, redeemed = (int(n) for n in settle(shares, self.basket, self.borrow, self.target))
        new = float(self.basket * (created - redeemed))
        delivered = new * ratio
        delta = shares * ratio + coins + futures
        shares, coins = shares + new, coins - delivered
        moved = shares * ratio + coins + futures - delta
        gross = (abs(shares) + 2.0 * abs(new)) * ratio + abs(coins) + abs(futures)
        assert abs(moved) <= 1e-12 * gross, f"baskets of {day:%Y-%m-%d} moved delta by {moved} coins"
        return LedgerDay(
            day=day,
            nav=nav,
            coins_per_share=ratio,
            sold_shares=sold_shares,
            sold_coins=sold_coins,
            sold_futures=sold_futures,
            created=created,
            redeemed=redeemed,
            coins_delivered=delivered,
            flow=new * nav,
            published=next_session(day + pd.Timedelta(self.report_lag, "D")),
            shares=shares,
            coins=coins,
            futures=futures,
            delta=delta,
            outstanding=legs["outstanding"] + new,
        )
