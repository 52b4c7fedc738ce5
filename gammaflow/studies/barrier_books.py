"""Books with barrier options: dealers' trade at each barrier, and profiles split by kind of option."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.errors import SchemaError
from gammaflow.exposure.profile import Profile, sweep_spot
from gammaflow.instruments.barrier import BARRIER
from gammaflow.instruments.registry import INSTRUMENTS
from gammaflow.positions.book import Book
from gammaflow.positions.heading import heading, under_rule
from gammaflow.study import Study
from gammaflow.text import amount_text, moment_text, price_text
from gammaflow.units import describe

__all__ = ["BarrierParts", "barrier_parts", "barrier_trades"]

_BESIDE = 1e-9
_NAMED = 6


@dataclass(frozen=True, eq=False, repr=False)
class BarrierParts(Study):
    """A measure over spot of a book's vanilla and barrier options; see `barrier_parts`.

    Attributes
    ----------
    table : DataFrame
        By spot, "calls and puts" and a column per kind of barrier option, which add up to the whole; the
        columns are named after the measure.
    trades : Series
        As `barrier_trades`.
    book : Book
    """

    trades: pd.Series
    book: Book

    def plot(self, *, ax: Any = None) -> Any:
        """The parts and their sum over spot, with the barriers ahead of spot (matplotlib Axes).

        The six barriers with the largest trades are labelled with the amount dealers trade there at once,
        which no curve of gamma shows.
        """
        from gammaflow.plot.barriers import plot_parts

        book, measure = self.book, str(self.table.columns.name)
        named = set(self.trades.abs().nlargest(_NAMED).index)
        texts = {
            float(level): _trade_text(level, trade, book.currency) if level in named else ""
            for level, trade in zip(self.trades.index.to_numpy(), self.trades.to_numpy(), strict=True)
        }
        what = f"{book.title} {measure} over spot with barrier options, {moment_text(book.asof)}"
        title = under_rule(what, book)
        unit, currency = describe(book.currency)[measure], book.currency
        return plot_parts(self.table, book.spot, title, unit, barriers=texts, currency=currency, ax=ax)


def barrier_trades(profile: Profile) -> pd.Series:
    """Amount dealers trade, in currency, at once when each barrier ahead of spot is hit.

    Parameters
    ----------
    profile : Profile
        Its book, day, volatility shift and dynamics are used.

    Returns
    -------
    Series
        By barrier [currency], ascending; + = dealers buy. 0 where barriers are observed on dates only, since
        delta then has no jump; barriers that the book's spot has passed are excluded.

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


def barrier_parts(profile: Profile, measure: str = "gamma") -> BarrierParts:
    """A measure over spot for the calls and puts of a book and for each kind of its barrier options.

    Parameters
    ----------
    profile : Profile
        Of a book that holds barrier options.
    measure : str
        One of `gammaflow.units.PROFILE_MEASURES`.

    Returns
    -------
    BarrierParts

    Raises
    ------
    SchemaError
        For an unknown measure, or a book without barrier options.
    """
    book = profile.book
    if not any(INSTRUMENTS[name].cause == BARRIER.cause for name in book.instruments):
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
    lines = heading("BarrierParts", book, days=profile.days, vol_shift=profile.vol_shift,
                    warnings=profile.warnings)  # fmt: skip
    return BarrierParts(parts, tuple(lines), trades, book)


def _trade_text(barrier: float, trade: float, currency: str) -> str:
    """Dealers' trade at a barrier, in words."""
    if trade == 0.0:
        return f"{price_text(barrier)}: observed on dates only"
    amount = " ".join(amount_text(abs(trade), currency, 0))
    return f"{price_text(barrier)}: dealers {'buy' if trade > 0 else 'sell'} {amount}"
