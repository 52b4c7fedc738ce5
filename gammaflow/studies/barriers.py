"""Pictures of barrier options: the cliff of delta, the jump when knocked, and a book that holds some."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import attempt, check_choice, check_number, refuse
from gammaflow.errors import SchemaError
from gammaflow.exposure.profile import Profile, sweep_spot
from gammaflow.pricing.barrier import delta_excess, ladder
from gammaflow.pricing.barrier.arguments import read_terms
from gammaflow.text import amount_text, price_text
from gammaflow.units import describe

__all__ = ["barrier_trades", "cliff", "plot_cliff", "plot_jump", "plot_parts"]

_YEARS = (1.0, 0.25, 1 / 12, 7 / 365, 1 / 365)
_BESIDE = 1e-9
_POINTS = 150
_NAMED = 6


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
    dates_per_year: float | None = None,
) -> pd.DataFrame:
    """One quantity around the barrier, over spots that crowd towards it.

    Parameters
    ----------
    kind, flag, K, H, r, sigma, q
        As in `gammaflow.barrier.greeks`, one option; K, H and sigma > 0.
    which : str
        Name of the quantity, as in `gammaflow.barrier.greeks`.
    times : (k,) sequence
        Years to expiry, each > 0.
    reach : float
        How far from H on the side not yet knocked, as a share of H, in (0, 1) [-]; a third on the other.
    dates_per_year : float, optional
        Monitored at so many equally spaced dates a year, at least at expiry; continuously where not given.

    Returns
    -------
    (303, k) DataFrame
        By spot, a column per years to expiry; H itself and 1e-9 of H to each side are among the spots.

    Raises
    ------
    SchemaError
        With every problem of the numbers, and as `gammaflow.barrier.greeks`.

    Examples
    --------
    >>> lines = cliff("down-in", "p", 100.0, 60.0, 0.04, 0.2, times=[1.0, 1 / 365])
    >>> lines.loc[60.0:].iloc[:2].round(2).to_numpy()
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
    columns = [
        ladder(
            kind, flag, spots, K, H, [t], r, sigma, q, which=which,
            monitoring="continuous" if dates_per_year is None else max(1, round(dates_per_year * t)),
        )
        for t in times
    ]  # fmt: skip
    return pd.concat(columns, axis=1)


def plot_cliff(
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
    currency: str = "",
    ax: Any = None,
) -> Any:
    """Delta or gamma around the barrier for several times to expiry, continuous monitoring beside dates.

    The vertical axis is linear around zero and logarithmic beyond. Monitored continuously, delta jumps at the
    barrier; its gamma is drawn beside the jump only.

    Parameters
    ----------
    kind, flag, K, H, r, sigma, q, times, reach
        As in `cliff`.
    which : "delta" or "gamma"
        What is drawn.
    dates_per_year : float, optional
        Dashed: monitored at so many dates a year; None draws continuous monitoring alone.
    currency : str
        Unit of spot.
    ax : matplotlib Axes, optional
        Where to draw; a new figure where not given.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    SchemaError
        As `cliff`.
    """
    from gammaflow.plot.barriers import plot_ladder

    check_choice(which, "which", ("delta", "gamma"))
    ways: dict[str, float | None] = {"continuous": None}
    if dates_per_year is not None:
        ways[f"{dates_per_year:g} dates a year"] = dates_per_year
    ladders = {
        name: cliff(kind, flag, K, H, r, sigma, q, which=which, times=times, reach=reach, dates_per_year=n)
        for name, n in ways.items()
    }
    title = f"{which.capitalize()} of {_words(kind, flag, K, H)}, volatility {100 * sigma:g} %"
    if which == "delta":
        linear, limit, label = 0.5, 1.0, "delta [units of the underlying per option]"
    else:
        longest = float(ladders["continuous"][max(times)].abs().max())
        linear, limit = 10.0 ** float(np.floor(np.log10(longest))) if longest > 0 else 1.0, None
        label = f"gamma [delta per 1 {currency or 'of spot'}]"
    return plot_ladder(
        ladders,
        H,
        title,
        label,
        linear=linear,
        limit=limit,
        limit_label="|delta| = 1",
        currency=currency,
        ax=ax,
    )


def plot_jump(
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
    ax: Any = None,
) -> Any:
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
        |delta| just before the barrier that is marked on each line, > 0.
    ax : matplotlib Axes, optional
        Where to draw; a new figure where not given.

    Returns
    -------
    matplotlib Axes
        With a marker wherever |delta| crosses the limit; the legend gives sigma sqrt(t) there.

    Raises
    ------
    SchemaError
        With every problem of the numbers, and as `gammaflow.barrier.greeks`.
    """
    from gammaflow.plot.barriers import plot_jumps, time_text

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
    names, marks = [], []
    for sigma, edge in zip(volatilities, found.edge.T, strict=True):
        over = np.abs(edge) > limit
        crossed = [
            brentq(lambda t, s=sigma: float(abs(excess(t, s).edge)) - limit, grid[i], grid[i + 1], xtol=1e-12)
            for i in np.flatnonzero(over[1:] != over[:-1])
        ]
        marks.append([(t, abs(float(excess(t, sigma).jump))) for t in crossed])
        names.append(", ".join([f"{100 * sigma:g} %", *(time_text(t) for t in crossed)]))
    found_at = [s * np.sqrt(t) for s, line in zip(volatilities, marks, strict=True) for t, _ in line]
    ends = dict.fromkeys(f"{end(found_at):.3f}" for end in (min, max) if found_at)
    verb = "sold" if (found.jump >= 0).all() else "bought" if (found.jump <= 0).all() else "traded"
    return plot_jumps(
        pd.DataFrame(np.abs(found.jump), pd.Index(grid, name="years"), list(volatilities)),
        f"Jump of delta when {_words(kind, flag, K, H)}, is knocked",
        f"{verb} by the hedger who owns it [units per option]",
        names=names, marks=marks, mark_label=f"sigma sqrt(t) = {' to '.join(ends)}",
        legend_title=f"volatility, time at which |delta| = {limit:g}", ax=ax,
    )  # fmt: skip


def barrier_trades(profile: Profile) -> pd.Series:
    """Currency that dealers trade at the moment each barrier ahead of spot is hit.

    Parameters
    ----------
    profile : Profile
        Its book, day, volatility shift and dynamics are used.

    Returns
    -------
    Series
        By barrier [currency], ascending; + = dealers buy. 0 where barriers are looked at on dates only, whose
        delta has no jump; a barrier that the book's spot has passed is left out.

    Examples
    --------
    >>> import gammaflow as gf
    >>> barrier_trades(gf.sweep_spot(gf.assign_positions(gf.demo_chain()), [70_000])).to_dict()
    {}
    """
    book = profile.book
    down = np.char.startswith(book["kind"].astype(str), "down")
    ahead = ~book.vanilla & np.where(down, book["barrier"] < book.spot, book["barrier"] > book.spot)
    levels = np.unique(book["barrier"][ahead])
    trades = pd.Series(0.0, pd.Index(levels, name="barrier"), name="trade")
    jumping = ahead & np.isnan(book["monitoring_dates"])
    if jumping.any():
        sides = np.ravel(np.outer(levels, [1.0 - _BESIDE, 1.0 + _BESIDE]))
        part = sweep_spot(
            book.select(jumping), sides, dynamics=profile.dynamics, days=profile.days,
            vol_shift=profile.vol_shift, measures=["delta"],
        )  # fmt: skip
        below, above = part.table["delta"].to_numpy().reshape(-1, 2).T
        trades += np.where(levels < book.spot, above - below, below - above)
        trades[~np.isin(levels, book["barrier"][jumping])] = 0.0
    return trades


def plot_parts(profile: Profile, measure: str = "gamma", *, ax: Any = None) -> Any:
    """A measure over spot of the calls and puts of a book, of its barrier options and of all.

    Each barrier ahead of spot is marked, and of the six at which dealers trade most is said what they trade
    there at once, which no curve of gamma shows.

    Parameters
    ----------
    profile : Profile
        Of a book that holds barrier options.
    measure : str
        One of `gammaflow.units.PROFILE_MEASURES`.
    ax : matplotlib Axes, optional
        Where to draw; a new figure where not given.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    SchemaError
        For an unknown measure, or a book without barrier options.
    """
    from gammaflow.plot import barriers

    book = profile.book
    if book.vanilla.all():
        raise SchemaError(
            "profile: received a book without barrier options; use Profile.plot, or add rows with a barrier."
        )
    trades = barrier_trades(profile)
    ends = profile.spots[[0, -1]]
    beside = np.outer(trades.index.to_numpy(), [1.0 - _BESIDE, 1.0, 1.0 + _BESIDE]).ravel()
    beside = beside[(beside > ends[0]) & (beside < ends[1])]
    by_kind = profile.at(np.union1d(profile.spots, beside), [measure]).by("kind", measure)
    plain = [kind for kind in by_kind if kind in ("call", "put")]
    others = by_kind.drop(columns=plain).rename(columns="{}s".format)
    parts = pd.concat([by_kind[plain].sum(axis=1).rename("calls and puts"), others], axis=1)
    parts.columns.name = measure
    named = set(trades.abs().nlargest(_NAMED).index)
    texts = {
        float(level): _trade_text(level, trade, book.currency) if level in named else ""
        for level, trade in zip(trades.index.to_numpy(), trades.to_numpy(), strict=True)
    }
    title = f"{book.title} {measure} over spot with barrier options, {book.asof:%Y-%m-%d %H:%M} UTC"
    return barriers.plot_parts(
        parts, book.spot, title, describe(book.currency)[measure],
        barriers=texts, currency=book.currency, ax=ax,
    )  # fmt: skip


def _not_positive(numbers: Iterable[tuple[str, Any]]) -> list[str]:
    checks = [lambda n=name, v=value: check_number(v, n, 0.0, open_low=True) for name, value in numbers]
    return attempt(*checks)[1]


def _words(kind: str, flag: str, K: float, H: float) -> str:
    """The option in words, with its article."""
    side = "call" if read_terms(kind, flag, True).code & 1 else "put"
    article = "an" if kind.startswith("u") else "a"
    return f"{article} {kind} {side}, strike {price_text(K)}, barrier {price_text(H)}"


def _trade_text(barrier: float, trade: float, currency: str) -> str:
    """What dealers do at a barrier, in words."""
    if trade == 0.0:
        return f"{price_text(barrier)}: looked at on dates only"
    amount = " ".join(amount_text(abs(trade), currency, 0))
    return f"{price_text(barrier)}: dealers {'buy' if trade > 0 else 'sell'} {amount}"
