"""Barrier options: cash greeks of rows with a single barrier, observed continuously or on dates."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammaflow.accuracy import Accuracy
from gammaflow.calendars import DAYS_PER_YEAR
from gammaflow.columns import Columns
from gammaflow.frozen import FrozenMapping
from gammaflow.instruments.row import Array, Events, Instrument, Mask, Rows, Scenario
from gammaflow.pricing.barrier.prices import reach
from gammaflow.units import cash

__all__ = ["BARRIER"]

# Times closer than this share of a row's life differ by rounding only.
_ROUNDING = 1e-14

_SIDES = ("down-in", "down-out", "up-in", "up-out")


class Barrier(Instrument):
    """Options knocked in or out at one barrier; on a forward, it scales with the forward's ratio to spot."""

    name = "barrier"
    kinds = tuple(f"{side} {flag}" for side in _SIDES for flag in ("call", "put"))
    levels = ("strike", "barrier", "rebate")
    remark = "barrier options"
    by_quadrature = True
    cause = "barrier"

    def problems(self, columns: Columns) -> Iterator[tuple[Mask, str, str]]:
        """Barrier options without a barrier, other rows with one, and counts of dates that are not whole."""
        mine, has, dates = self.owns(columns), ~np.isnan(columns["barrier"]), columns["monitoring_dates"]
        only = "only barrier options have one; did you mean 'down-in put'?"
        yield mine & ~has, "barrier", "a barrier option needs its barrier"
        yield ~mine & has, "barrier", only
        yield ~mine & ~np.isnan(dates), "monitoring_dates", only
        yield ~mine & (columns["rebate"] > 0), "rebate", only
        yield np.floor(dates) < dates, "monitoring_dates", "a whole number is needed"

    def greeks(
        self, rows: Rows, at: Scenario, wanted: Collection[str], accuracy: Accuracy
    ) -> dict[str, Array]:
        """Cash greeks of one unit long, (n, m); options observed on dates are valued to the tolerance.

        Where `at.sigma` is (n, m), rows observed on dates take one pass per spot.
        """
        out = {name: np.zeros((len(rows), len(at.spots))) for name in wanted}
        names = tuple(sorted({*wanted, "gamma"} if "speed" in wanted else set(wanted)))
        for part, S, arguments, monitoring in _groups(rows, at):
            greeks, errors = reach(**arguments, S=S, which=names, monitoring=monitoring, tol=accuracy.tol)
            found = cash({name: greeks[name] for name in names}, S)
            met = np.broadcast_to(errors, S.shape).max(axis=1)
            for i, contract in enumerate(rows["contract"][part]):
                accuracy.check(contract, met[i], [values[i] for values in found.values()])
            for name in wanted:
                out[name][part] = found[name]
        return out

    def jumps(self, rows: Rows, at: Scenario) -> Array:
        """Continuously observed barriers [currency]."""
        return np.asarray(rows["barrier"][np.isnan(rows["monitoring_dates"])])

    def events(self, rows: Rows) -> Events:
        """Barriers ahead; one observed at expiry only has no days before it."""
        side = np.where(np.char.startswith(rows["kind"].astype(str), "up"), 1.0, -1.0)
        always = np.isnan(rows["monitoring_dates"])
        hit = always & (side * (rows.spot - rows["barrier"]) >= 0.0)
        count = np.nan_to_num(rows["monitoring_dates"], nan=1.0)
        days = tuple(
            years * DAYS_PER_YEAR * np.arange(1, n) / n for years, n in zip(rows.years, count, strict=True)
        )
        looks = tuple(None if every else ahead for every, ahead in zip(always, days, strict=True))
        return Events(np.where(hit, np.nan, rows["barrier"]), hit, np.where(hit, 0.0, side), looks, days)

    def after_event(self, rows: Rows) -> Rows:
        """The vanilla option of a knock-in; nothing of a knock-out, whose rebate is paid in cash."""
        knocks_in = np.char.find(rows["kind"].astype(str), "-in ") >= 0
        kinds = np.array([str(kind).split()[1] for kind in rows["kind"]], dtype=object)
        none, n = np.full(len(rows), np.nan), len(rows)
        columns = {
            **rows.columns,
            "kind": kinds,
            "position": np.where(knocks_in, rows["position"], 0.0),
            "barrier": none,
            "monitoring_dates": none,
            "rebate": np.zeros(n),
            "exercise": np.full(n, "european", dtype=object),
        }
        return replace(rows, columns=FrozenMapping(columns), size=np.where(knocks_in, rows.size, 0.0))


def _groups(rows: Rows, at: Scenario) -> Iterator[tuple[NDArray[np.intp], Array, dict[str, Any], Any]]:
    """Groups of rows with the same expiry and monitoring: places, spots, other arguments, monitoring."""
    monitoring = np.nan_to_num(rows["monitoring_dates"], nan=0.0)
    keys = np.stack([at.years, monitoring], axis=1)
    for key in np.unique(keys, axis=0):
        part = np.flatnonzero((keys == key).all(axis=1))
        ratio = rows.ratio[part, None]
        columns = {
            "kind": np.array([k.split()[0] for k in rows["kind"][part]])[:, None],
            "flag": rows.flag[part, None],
            "K": rows.strike[part, None],
            "H": rows["barrier"][part, None] * ratio,
            "t": float(key[0]),
            "r": rows.rate[part, None],
            "sigma": at.vol(part),
            "q": rows.carry[part, None],
            "rebate": rows["rebate"][part, None],
        }
        yield part, at.spots * ratio, columns, _dates(rows.years[part[0]], key[1], at.days)


def _dates(years: float, count: float, days: float) -> Any:
    """Remaining observation times in years; the dates are equally spaced as of today."""
    if count == 0:
        return "continuous"
    if count == 1:
        return "maturity"
    left = years * np.arange(1, int(count) + 1) / count - days / DAYS_PER_YEAR
    left[-1] = years - days / DAYS_PER_YEAR
    # A date equal to now within rounding has passed; the expiry is ahead wherever `years` is.
    ahead = left > _ROUNDING * years
    ahead[-1] = True
    return left[ahead]


BARRIER = Barrier()
