"""Dealers' hedge flow along a path of spot by type of customers' book, and the holder's stress apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import attempt, check_noun, check_number, read_number, refuse
from gammaflow.errors import SchemaError
from gammaflow.evidence.rivals.book_types import BOOK_TYPES, books
from gammaflow.evidence.rivals.stress import holder_stress
from gammaflow.feedback.cascade.hedge_path import hedge_path
from gammaflow.feedback.doubts import beta_doubts
from gammaflow.notebook import page
from gammaflow.positions.book import Book
from gammaflow.study import Study
from gammaflow.text import number_text, price_text, value_text

__all__ = ["Rivals", "dealer_flow"]

Array = NDArray[np.float64]

# The path by default, a fall of 30 %, and the widest step of ln S: wider ones are cut.
_FALL, _STEP = 0.3, 0.005
# Share of the flow that may go the other way before a book does both; share of the units held times spot
# below which a flow is none.
_OTHER, _NONE = 0.01, 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class Rivals(Study):
    """Dealers' hedging against each type of customers' book, and the holders' stress; made by `dealer_flow`.

    Attributes
    ----------
    table : DataFrame
        Dealers, by book type: flow, all they trade along the path [currency, < 0 sells]; accelerating, the
        part in the direction of the move, and dampening, the part against it [currency, >= 0]; start_per_1pct
        and end_per_1pct, flow per 1 % of ln S at both ends [currency, > 0 accelerates]; turns_at, the spot at
        which the direction changes first (NaN: nowhere); verdict: "accelerates", "dampens", "both" or "none".
    stress : DataFrame
        Holders, by book type [currency]: value of their options at the start (< 0: sold), profit at the end,
        lowest_profit on the way, margin_start and margin_end (worst loss of a further move), shortfall, the
        largest margin call; closing_flow, what dealers would trade (< 0 sells) if the holder closed at the
        end. NaN for rows other than calls and puts. None of it is part of `table`.
    flows, profits : DataFrame
        Cumulative hedge flow, and profit of the holder, by spot in the order of the path, every half percent
        and at each spot that was given; a column per book type.
    spot : float
        Start of the path [currency].
    currency : str
        Currency of all figures.

    See Also
    --------
    dealer_flow : Direction and size of dealers' hedging along a path of spot, by type of customers' book.

    Examples
    --------
    A holder who sold puts loses and is called, while dealers' hedging dampens the fall:

    >>> import gammaflow as gf
    >>> found = gf.evidence.rivals.dealer_flow(["short puts"])
    >>> bool(found.stress.loc["short puts", "shortfall"] > 0.0), found.table.loc["short puts", "verdict"]
    (True, 'dampens')
    """

    stress: pd.DataFrame = field(kw_only=True)
    flows: pd.DataFrame = field(kw_only=True)
    profits: pd.DataFrame = field(kw_only=True)
    spot: float = field(kw_only=True)
    currency: str = field(default="USD", kw_only=True)

    def summary(self) -> str:
        """Dealers' flows and holders' stress as two tables."""
        dealers, holders = (
            frame.rename_axis(None).to_string(float_format=number_text, na_rep="")
            for frame in (self.table, self.stress)
        )
        words = "holders' stress (no flow unless they close):"
        return "\n".join([*self.heading, "dealers' hedging:", dealers, words, holders])

    def _repr_html_(self) -> str:
        stress = page("holders' stress (no flow unless they close):", self.stress)
        return f"{super()._repr_html_()}{stress}"

    def plot(self, *, ax: Any = None) -> Any:
        """Cumulative hedge flow of dealers along the path, a line per book type (matplotlib Axes)."""
        from gammaflow.plot.rivals import plot_rivals

        return plot_rivals(
            self.flows, self.table["verdict"], self.spot, "Dealers' hedging by type of customers' book",
            self.currency, ax=ax,
        )  # fmt: skip

    def plot_stress(self, *, ax: Any = None) -> Any:
        """Lowest profit and largest margin call of the holders, a pair of bars per type (matplotlib Axes)."""
        from gammaflow.plot.rivals import plot_stress

        return plot_stress(self.stress, "Holders' stress along the path", self.currency, ax=ax)


def dealer_flow(
    book_types: Sequence[str] | Mapping[str, Book] | None = None,
    path: ArrayLike | None = None,
    *,
    beta: float = 0.0,
    hedge_fraction: float = 1.0,
    financed: Mapping[str, float] | None = None,
    margin_move: float = 0.15,
) -> Rivals:
    """Direction and size of dealers' hedging along a path of spot, by type of customers' book.

    Every book is revalued along the whole path (`gammaflow.hedge_path`); time is held fixed. Flow in the
    direction of the move accelerates it. The holder's profit and margin are reported apart: they move no
    price unless the holder is made to close, and `closing_flow` is what that would add.

    Parameters
    ----------
    book_types : sequence of str or mapping of name to Book, optional
        Names in `BOOK_TYPES`; or dealers' books on one underlying, as `books` makes them or of your own.
        Default: all of `BOOK_TYPES` at a spot of 100.
    path : (n,) array, optional
        Spots in the order they are visited [currency]; the books' spot comes first and is put there where it
        does not. Steps wider than 0.5 % are cut. Default: a fall of 30 %.
    beta : float
        d sigma / d ln S of every volatility [1.00 of vol per 1.00 of ln S]; 0 holds vols fixed.
    hedge_fraction : float
        Share of the hedge that dealers trade, 0 to 1.
    financed : mapping of name to float, optional
        Share of the premium that the holder borrowed; default: those of `BOOK_TYPES`, else 0.
    margin_move : float
        Largest move of the margin's worst case, above 0 and below 1 [-]; 0.15 is that of portfolio margin on
        single US shares and funds (FINRA rule 4210(g)).

    Returns
    -------
    Rivals

    Raises
    ------
    SchemaError
        With every problem of the arguments.

    See Also
    --------
    books : Dealers' book against each type of customers' book: dealers are minus their customers.
    hedge_flow : Amount dealers must trade, in currency, between now and a scenario of spot, time and vol.

    Notes
    -----
    "Options that customers are long cannot accelerate a fall, only puts that they are short" is true of the
    holder's margin and of what closing a position adds, and false of hedging: dealers are short gamma against
    every long option, and long gamma against every short one. Hedges of calls out of the money fade.

    Examples
    --------
    Dealers are short the calls that customers are long, and hold shares against them, which they sell in a
    fall, fewer and fewer:

    >>> found = dealer_flow(["long calls", "put spread"])
    >>> row = found.table.loc["long calls"]
    >>> bool(row["flow"] < 0.0), bool(row["end_per_1pct"] < 0.05 * row["start_per_1pct"])
    (True, True)
    >>> found.table.loc["put spread", "verdict"]
    'both'
    """
    held = _read_books(book_types)
    first = next(iter(held.values()))
    values, problems = attempt(
        lambda: check_number(beta, "beta"),
        lambda: check_number(hedge_fraction, "hedge_fraction", 0.0, 1.0),
        lambda: check_number(margin_move, "margin_move", 0.0, 0.999, open_low=True),
    )
    spots = _read_path(path, first.spot, problems)
    borrowed = _read_financed(financed, held, problems)
    refuse("rivals", problems)
    slope, fraction, worst = values
    table, stress, flows, profits = {}, {}, {}, {}
    for name, book in held.items():
        flows[name], table[name] = _along(book, spots, slope, fraction)
        stress[name], profits[name] = holder_stress(
            book, spots, beta=slope, financed=borrowed[name], margin_move=worst, hedge_fraction=fraction
        )
    index = pd.Index(spots, name="spot")
    vol = f"vols move by {slope:g} vol points per +1 % of spot" if slope else "vols held fixed"
    loans = ", ".join(f"{name} {100.0 * part:g} %" for name, part in borrowed.items() if part)
    lines = (
        f"Rivals {first.symbol}: spot from {price_text(spots[0])} to {price_text(spots[-1])} "
        f"{first.currency} ({100.0 * (spots[-1] / spots[0] - 1.0):+.1f} %)",
        "sign: flow < 0: dealers sell; dealers are minus their customers",
        f"time held fixed; {vol}; dealers trade {100.0 * fraction:g} % of the hedge",
        f"margin: worst loss of a further move of up to {100.0 * worst:g} % either way"
        + (f"; premium borrowed: {loans}" if loans else ""),
    )
    said = [*beta_doubts(slope), *(sentence for book in held.values() for sentence in book.warnings)]
    return Rivals(
        pd.DataFrame.from_dict(table, orient="index").rename_axis("customers"),
        lines,
        warnings=tuple(dict.fromkeys(said)),
        stress=pd.DataFrame.from_dict(stress, orient="index").rename_axis("customers"),
        flows=pd.DataFrame(flows, index),
        profits=pd.DataFrame(profits, index),
        spot=float(spots[0]),
        currency=first.currency,
    )


def _along(book: Book, spots: Array, beta: float, fraction: float) -> tuple[Array, dict[str, Any]]:
    """Cumulative hedge flow at each spot of a path, and the row of the table."""
    ends = {"low": 0.999 * float(spots.min()), "high": 1.001 * float(spots.max())}
    path = hedge_path(book, beta=beta, hedge_fraction=fraction, **ends)
    if len(path.barriers) and len(np.unique(np.sign(np.diff(spots)[np.diff(spots) != 0.0]))) > 1:
        raise SchemaError(
            f"path: received one that turns, past a barrier at {path.barriers[0]:g}, which stays hit; legal "
            "with barriers inside: a path in one direction. End it where it turns."
        )
    flow = path.flows(spots)["total"].to_numpy(np.float64)
    traded, moved = np.diff(flow), np.diff(spots)
    traded = np.where(np.abs(traded) > _NONE * np.abs(book.size).sum() * book.spot, traded, 0.0)
    way = np.sign(traded * moved)
    with_, against = (float(np.abs(traded[way == side]).sum()) for side in (1.0, -1.0))
    ends_slope = path.slope(spots[[0, -1]]).sum(axis=1).to_numpy(np.float64)
    acting = np.flatnonzero(way)
    turned = acting[1:][way[acting[1:]] != way[acting[:-1]]]
    return flow, {
        "flow": float(flow[-1]),
        "accelerating": with_,
        "dampening": against,
        "start_per_1pct": float(ends_slope[0]),
        "end_per_1pct": float(ends_slope[1]),
        "turns_at": float(spots[turned[0]]) if len(turned) else np.nan,
        "verdict": _verdict(with_, against),
    }


def _verdict(with_: float, against: float) -> str:
    if not with_ + against:
        return "none"
    share = with_ / (with_ + against)
    return "accelerates" if share >= 1.0 - _OTHER else "dampens" if share <= _OTHER else "both"


def _read_books(given: Any) -> dict[str, Book]:
    if not (isinstance(given, Mapping) and given and any(isinstance(b, Book) for b in given.values())):
        return books(given)
    for name, book in given.items():
        check_noun(book, f"book_types[{name!r}]", Book)
    spots = {(book.symbol, book.spot, book.currency) for book in given.values()}
    if len(spots) > 1:
        shown = "; ".join(f"{symbol} at {spot:g} {currency}" for symbol, spot, currency in sorted(spots))
        raise SchemaError(f"book_types: received books of {shown}; all must be of one underlying and spot.")
    return dict(given)


def _read_path(path: Any, spot: float, problems: list[str]) -> Array:
    if path is None:
        return _cut(np.array([spot, spot * (1.0 - _FALL)]))
    found = read_number("path", path, problems)
    if found is None:
        return np.array([spot, spot])
    spots = np.atleast_1d(np.asarray(found, np.float64))
    if spots.ndim != 1 or not spots.size or not (np.isfinite(spots) & (spots > 0.0)).all():
        problems.append(f"path: received {value_text(path)}; legal: one spot > 0 or more, in order.")
        return np.array([spot, spot])
    if (far := (spots > 10.0 * spot) | (spots < 0.1 * spot)).any():
        problems.append(
            f"path: received {spots[far][0]:g} for a spot of {spot:g}; legal: spots from a tenth of it to "
            "ten times it. Pass prices, not moves."
        )
    return _cut(spots if spots[0] == spot else np.concatenate([[spot], spots]))


def _cut(spots: Array) -> Array:
    """The path with every step of ln S cut into equal ones that are small enough, its own spots kept."""
    legs = [spots[:1]]
    for start, end in pairwise(spots):
        count = max(1, int(np.ceil(abs(np.log(end / start)) / _STEP)))
        legs += [start * (end / start) ** (np.arange(1, count) / count), np.array([end])]
    return np.concatenate(legs)


def _read_financed(given: Any, held: Mapping[str, Book], problems: list[str]) -> dict[str, float]:
    known = {name: BOOK_TYPES[name].financed if name in BOOK_TYPES else 0.0 for name in held}
    if given is None:
        return known
    if not isinstance(given, Mapping) or (unknown := [name for name in given if name not in held]):
        shown = value_text(unknown[0]) if isinstance(given, Mapping) else value_text(given)
        problems.append(
            f"financed: received {shown}; legal: a share by name, of {', '.join(map(repr, held))}."
        )
        return known
    shares, wrong = attempt(
        *(lambda n=n, v=v: check_number(v, f"financed[{n!r}]", 0.0, 1.0) for n, v in given.items())
    )
    problems += wrong
    return known | dict(zip(given, shares, strict=True))
