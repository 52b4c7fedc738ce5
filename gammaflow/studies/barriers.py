"""Single barrier options: the cliff of delta around the barrier, and its jump when the barrier is hit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import attempt, check_choice, check_number, refuse
from gammaflow.pricing.barrier import delta_excess, ladder
from gammaflow.pricing.barrier.arguments import read_terms
from gammaflow.study import Study
from gammaflow.text import price_text

__all__ = ["Cliff", "KnockJumps", "cliff", "knock_jumps"]

_YEARS = (1.0, 0.25, 1 / 12, 7 / 365, 1 / 365)
_BESIDE = 1e-9
_POINTS = 150


@dataclass(frozen=True, eq=False, repr=False)
class Cliff(Study):
    """A barrier option's delta, gamma or other greek around its barrier; see `cliff`.

    Attributes
    ----------
    table : DataFrame
        By spot, columns (monitoring, years to expiry) [as in `gammaflow.barrier.greeks`].
    which : str
        The quantity.
    barrier : float
        [currency].
    """

    which: str
    barrier: float
    words: str

    def plot(self, *, currency: str = "", ax: Any = None) -> Any:
        """Delta or gamma for each time to expiry, a line style for each monitoring (matplotlib Axes).

        The vertical axis is linear around zero and logarithmic beyond. Monitored continuously, delta jumps
        at the barrier; its gamma is drawn beside the jump only.
        """
        from gammaflow.plot.barriers import plot_ladder

        check_choice(self.which, "which", ("delta", "gamma"))
        ways = self.table.columns.unique("monitoring")
        ladders = {str(way): pd.DataFrame(self.table[way]) for way in ways}
        if self.which == "delta":
            linear, limit, label = 0.5, 1.0, "delta [units of the underlying per option]"
        else:
            continuous = ladders["continuous"]
            longest = float(continuous[continuous.columns.max()].abs().max())
            linear, limit = 10.0 ** float(np.floor(np.log10(longest))) if longest > 0 else 1.0, None
            label = f"gamma [delta per 1 {currency or 'of spot'}]"
        title = self.words[0].upper() + self.words[1:]
        return plot_ladder(
            ladders, self.barrier, title, label, linear=linear, limit=limit, limit_label="|delta| = 1",
            currency=currency, ax=ax,
        )  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class KnockJumps(Study):
    """The jump of a barrier option's delta when its barrier is hit, over time to expiry; see `knock_jumps`.

    Attributes
    ----------
    table : DataFrame
        By years to expiry, a column per volatility: units per option that a hedger who is long it sells at
        the barrier, < 0 where they buy.
    crossings : DataFrame
        Each time at which |delta| just before the barrier is `limit`: volatility, years, jump there, and the
        `deviation` sigma sqrt(years).
    limit : float
    """

    crossings: pd.DataFrame
    limit: float
    words: str

    def plot(self, *, ax: Any = None) -> Any:
        """Units traded over time to expiry, marked where |delta| is the limit (matplotlib Axes)."""
        from gammaflow.plot.barriers import plot_jumps, time_text

        names, marks = [], []
        for sigma in self.table.columns.to_numpy(dtype=np.float64):
            at = self.crossings[self.crossings["volatility"] == sigma]
            marks.append(list(zip(at["years"], at["jump"].abs(), strict=True)))
            names.append(", ".join([f"{100 * sigma:g} %", *map(time_text, at["years"])]))
        found = self.crossings["deviation"]
        ends = dict.fromkeys(f"{end:.3f}" for end in (found.min(), found.max()) if len(found))
        jumps = self.table.to_numpy()
        verb = "sold" if (jumps >= 0).all() else "bought" if (jumps <= 0).all() else "traded"
        return plot_jumps(
            self.table.abs(),
            f"Jump of delta at the barrier of {self.words}",
            f"{verb} by the hedger who is long it [units per option]",
            names=names, marks=marks, mark_label=f"sigma sqrt(t) = {' to '.join(ends)}",
            legend_title=f"volatility, time at which |delta| = {self.limit:g}", ax=ax,
        )  # fmt: skip


def cliff(
    kind: str,
    flag: str,
    K: float,
    H: float,
    r: float,
    sigma: float,
    q: float = 0.0,
    *,
    which: str = "delta",
    times: Sequence[float] = _YEARS,
    reach: float = 0.25,
    dates_per_year: float | None = 252.0,
) -> Cliff:
    """One greek around the barrier, at spots that cluster there, observed continuously and on dates.

    Parameters
    ----------
    kind, flag, K, H, r, sigma, q
        As in `gammaflow.barrier.greeks`, one option; K, H and sigma > 0.
    which : str
        Name of the quantity, as in `gammaflow.barrier.greeks`.
    times : (k,) sequence
        Years to expiry, each > 0.
    reach : float
        Distance from H before the barrier is hit, as a share of H, in (0, 1) [-]; beyond H a third of it.
    dates_per_year : float, optional
        Equally spaced observation dates a year, at least one at expiry, shown beside continuous monitoring;
        None: continuous monitoring only.

    Returns
    -------
    Cliff
        `table` has 303 spots; H itself and 1e-9 of H to each side are among them.

    Raises
    ------
    SchemaError
        With every problem of the numbers, and as `gammaflow.barrier.greeks`.

    Examples
    --------
    >>> found = cliff("down-in", "p", 100.0, 60.0, 0.04, 0.2, times=[1.0, 1 / 365])
    >>> found.table["continuous"].loc[60.0:].iloc[:2].round(2).to_numpy()
    array([[ -0.99,  -1.  ],
           [ -2.57, -51.12]])
    """
    positive = [("K", K), ("H", H), ("sigma", sigma), *(("times", t) for t in times)]
    if dates_per_year is not None:
        positive.append(("dates_per_year", dates_per_year))
    problems = _not_positive(positive)
    if not len(times):
        problems.append("times: received none; give at least one, in years.")
    if not 0 < reach < 1:
        problems.append(f"reach: received {reach!r}; legal: a share of the barrier in (0, 1), such as 0.25.")
    refuse("cliff", problems)
    away = np.append(_BESIDE, reach * np.linspace(0.0, 1.0, _POINTS + 1)[1:] ** 2)
    down = read_terms(kind, flag, True).code & 2
    lower, upper = (away / 3.0, away) if down else (away, away / 3.0)
    lower[0] = upper[0] = _BESIDE
    spots = H * (1.0 + np.concatenate([-lower[::-1], [0.0], upper]))
    ways: dict[str, float | None] = {"continuous": None}
    if dates_per_year is not None:
        ways[f"{dates_per_year:g} dates a year"] = dates_per_year

    def watched(n: float | None) -> pd.DataFrame:
        return pd.concat(
            [
                ladder(kind, flag, spots, K, H, [t], r, sigma, q, which=which,
                       monitoring="continuous" if n is None else max(1, round(n * t)))
                for t in times
            ],
            axis=1,
        )  # fmt: skip

    table = pd.concat({name: watched(n) for name, n in ways.items()}, axis=1, names=["monitoring", "years"])
    words = f"{which} of {_words(kind, flag, K, H)}, volatility {100 * sigma:g} %"
    return Cliff(table, (f"Cliff: {words}",), which, float(H), words)


def knock_jumps(
    kind: str,
    flag: str,
    K: float,
    H: float,
    r: float,
    volatilities: Sequence[float],
    q: float = 0.0,
    *,
    years: tuple[float, float] = (1 / 365, 2.0),
    limit: float = 1.0,
) -> KnockJumps:
    """Units traded when the barrier is hit against time to expiry, with the time at which |delta| is 1.

    Parameters
    ----------
    kind, flag, K, H, r, q
        As in `gammaflow.barrier.greeks`, one option, monitored continuously; K and H > 0.
    volatilities : (k,) sequence
        One line each, > 0.
    years : (float, float)
        Shortest and longest time to expiry, > 0.
    limit : float
        |delta| just before the barrier at which the times to expiry are solved for, > 0.

    Returns
    -------
    KnockJumps

    Raises
    ------
    SchemaError
        With every problem of the numbers, and as `gammaflow.barrier.greeks`.
    """
    low, high = years
    problems = _not_positive(
        [("K", K), ("H", H), ("limit", limit), ("years", low), *(("volatilities", v) for v in volatilities)]
    )
    if not len(volatilities):
        problems.append("volatilities: received none; give at least one, such as 0.5.")
    if not low < high < np.inf:
        problems.append(f"years: received {years!r}; legal: the shorter time first, then the longer.")
    refuse("jump", problems)
    from scipy.optimize import brentq

    def excess(t: Any, sigma: Any) -> Any:
        return delta_excess(kind, flag, K, H, t, r, sigma, q, limit=limit)

    grid = np.geomspace(low, high, _POINTS)
    found = excess(grid[:, None], np.asarray(volatilities))
    crossings = []
    for sigma, edge in zip(volatilities, found.edge.T, strict=True):
        over = np.abs(edge) > limit
        for i in np.flatnonzero(over[1:] != over[:-1]):
            t = brentq(
                lambda t, s=sigma: float(abs(excess(t, s).edge)) - limit, grid[i], grid[i + 1], xtol=1e-12
            )
            crossings.append((sigma, t, float(excess(t, sigma).jump), sigma * np.sqrt(t)))
    words = _words(kind, flag, K, H)
    return KnockJumps(
        pd.DataFrame(found.jump, pd.Index(grid, name="years"), pd.Index(volatilities, name="volatility")),
        (f"KnockJumps: jump of delta at the barrier of {words}; + = sold by the hedger who is long it",),
        pd.DataFrame(crossings, columns=["volatility", "years", "jump", "deviation"]),
        float(limit),
        words,
    )


def _not_positive(numbers: Iterable[tuple[str, Any]]) -> list[str]:
    checks = [lambda n=name, v=value: check_number(v, n, 0.0, open_low=True) for name, value in numbers]
    return attempt(*checks)[1]


def _words(kind: str, flag: str, K: float, H: float) -> str:
    """The option in words, with its article."""
    side = "call" if read_terms(kind, flag, True).code & 1 else "put"
    article = "an" if kind.startswith("u") else "a"
    return f"{article} {kind} {side}, strike {price_text(K)}, barrier {price_text(H)}"
