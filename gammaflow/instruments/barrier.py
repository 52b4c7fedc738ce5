"""Barrier options: cash greeks of rows with a single barrier, always observed or on dates."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammaflow.accuracy import Accuracy
from gammaflow.calendars import DAYS_PER_YEAR
from gammaflow.columns import Columns
from gammaflow.instruments.row import Array, Instrument, Mask, Rows, Scenario
from gammaflow.pricing.barrier.prices import reach
from gammaflow.units import cash

__all__ = ["BARRIER"]

# A time this share of a row's life away is rounding.
_ROUNDING = 1e-14

_SIDES = ("down-in", "down-out", "up-in", "up-out")


class Barrier(Instrument):
    """Options that are knocked in or out. Where a row is valued on a forward, its barrier keeps its ratio."""

    name = "barrier"
    kinds = tuple(f"{side} {flag}" for side in _SIDES for flag in ("call", "put"))
    levels = ("strike", "barrier", "rebate")
    remark = "barrier options"
    by_quadrature = True
    cause = "barrier"

    def problems(self, columns: Columns) -> Iterator[tuple[Mask, str, str]]:
        """Rows without their barrier, rows of other kinds with one, dates that are no whole number."""
        mine, has, dates = self.owns(columns), ~np.isnan(columns["barrier"]), columns["monitoring_dates"]
        only = "a vanilla call or put has none; is a 'down-in put' meant?"
        yield mine & ~has, "barrier", "a row of a barrier kind needs its barrier"
        yield ~mine & has, "barrier", only
        yield ~mine & ~np.isnan(dates), "monitoring_dates", only
        yield ~mine & (columns["rebate"] > 0), "rebate", only
        yield np.nan_to_num(dates) % 1 != 0, "monitoring_dates", "a whole number is needed"

    def greeks(
        self, rows: Rows, at: Scenario, wanted: Collection[str], accuracy: Accuracy
    ) -> dict[str, Array]:
        """Cash greeks of one unit long, (n, m); those observed on dates to the tolerance.

        Where `at.sigma` is (n, m), rows observed on dates take a pass for each spot.
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
        """Barriers that are always observed [currency]."""
        return np.asarray(rows["barrier"][np.isnan(rows["monitoring_dates"])])


def _groups(rows: Rows, at: Scenario) -> Iterator[tuple[NDArray[np.intp], Array, dict[str, Any], Any]]:
    """Rows that share expiry and monitoring: which, their spots, other arguments, and monitoring."""
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
    """When the barrier is observed from then on, in years; today its dates are equally spaced."""
    if count == 0:
        return "continuous"
    if count == 1:
        return "maturity"
    left = years * np.arange(1, int(count) + 1) / count - days / DAYS_PER_YEAR
    left[-1] = years - days / DAYS_PER_YEAR
    # A date that is now, but for rounding, has passed; the expiry is ahead wherever `years` is.
    ahead = left > _ROUNDING * years
    ahead[-1] = True
    return left[ahead]


BARRIER = Barrier()
