"""Hedges of one note or barrier: vega hedged with puts, peak vega, sales at knock-in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from gammaflow.checks import as_list, check_choice, check_noun, check_number, floats
from gammaflow.errors import SchemaError
from gammaflow.pricing import barrier, bsm
from gammaflow.pricing.barrier.hedging import delta_excess, knock_in_jump
from gammaflow.pricing.note import prices as note_pricing
from gammaflow.pricing.note.terms import NoteTerms
from gammaflow.study import Study
from gammaflow.text import amount_text, price_text, readable
from gammaflow.units import PERCENT

__all__ = ["KnockInSales", "Overlay", "knock_in_sales", "peak_vega", "vega_matched_puts"]

_CLOSES_PER_YEAR = 252
_GRID = 400
_TENORS = (1 / 52, 1 / 12, 0.25, 0.5, 1.0, 1.5, 1.75, 2.0)
_OBSERVED = {
    "continuous": "continuously",
    "daily": "daily",
    "delta": "continuously",
    "delta_maturity": "at maturity",
}


@dataclass(frozen=True, eq=False, repr=False)
class Overlay(Study):
    """A note's vega hedged with short puts by the dealer who is short the note; see `vega_matched_puts`.

    Attributes
    ----------
    table : DataFrame
        Cash gamma by spot [dollar delta per +1 % spot]: `note` and `puts`, both short, and `net`.
    strike : float
        Strike of the puts [currency].
    puts : float
        Short puts, in units of the underlying.
    spot : float
        Spot at which vega is matched [currency].

    See Also
    --------
    vega_matched_puts

    Examples
    --------
    >>> import gammaflow as gf
    >>> from gammaflow.pricing.note import NoteTerms
    >>> terms = NoteTerms([1.75], continuous=True, barrier=0.7, edges=[1.0],
    ...     intact=[[1.0, 0.0], [1.0, 0.0]], hit=[[0.0, 1.0], [1.0, 0.0]])
    >>> overlay = gf.note_maps.vega_matched_puts(terms, [0.7, 1.0], spot=1.0, sigma=0.56, notional=530e6)
    >>> round(overlay.puts / 530e6, 2)
    1.4
    """

    strike: float
    puts: float
    spot: float

    def plot(self, *, currency: str = "", ax: Any = None) -> Any:
        """Cash gamma of the note, of the puts and of both over spot (matplotlib Axes)."""
        from gammaflow.plot.curves import plot_curves

        title = f"Gamma of a note with its vega hedged by puts struck at {price_text(self.strike)}"
        unit = f"{currency or 'currency'} per +1 % spot"
        return plot_curves(self.table, self.spot, title, unit, name="gamma", currency=currency, ax=ax)


@dataclass(frozen=True, eq=False, repr=False)
class KnockInSales(Study):
    """Sales at one barrier by volatility and time to maturity; see `knock_in_sales`.

    See Also
    --------
    knock_in_sales

    Examples
    --------
    >>> import gammaflow as gf
    >>> found = gf.note_maps.knock_in_sales(sigma=[0.56], years=[1 / 12, 1.75])
    >>> found.table.shape
    (2, 4)
    """

    title: str

    def plot(self, column: str = "continuous", *, ax: Any = None) -> Any:
        """One column over time to maturity, a line per volatility, both axes logarithmic (matplotlib Axes).

        Parameters
        ----------
        column : str
            "continuous" or "daily", sold at the barrier [currency]; "delta" or "delta_maturity".
        ax : matplotlib Axes, optional
            Where to draw; default: a new figure.
        """
        from gammaflow.plot.barriers import plot_jumps

        check_choice(column, "column", self.table.columns)
        lines, how = self.table[column].unstack("sigma").sort_index(), _OBSERVED[column]
        label = f"|delta| at the barrier, observed {how} [-]"
        if column in ("continuous", "daily"):
            divisor, unit = readable(lines, "currency")
            lines, label = lines / divisor, f"sold at the barrier, observed {how} [{unit}]"
        names = [f"{100 * sigma:g} %" for sigma in lines.columns.to_numpy(dtype=np.float64)]
        return plot_jumps(lines, self.title, label, names=names, legend_title="volatility", ax=ax)


def vega_matched_puts(
    terms: NoteTerms,
    spots: ArrayLike,
    *,
    spot: float,
    sigma: float,
    r: float = 0.0,
    q: float = 0.0,
    notional: float = 1.0,
    strike: float | None = None,
) -> Overlay:
    """Hedge of a short note's vega: the vanilla puts that the dealer sells until vega is zero.

    Parameters
    ----------
    terms : NoteTerms
        From `Note.terms`.
    spots : (m,) array
        Spots at which to show gamma [currency]; a continuously observed note is knocked in at its barrier.
    spot : float
        Spot at which vega is matched [currency].
    sigma, r, q : float
        Volatility [1/sqrt(year)] and rates [1/year].
    notional : float
        Face of the note [currency].
    strike : float, optional
        Strike of the puts, which expire with the note; default: the barrier.

    Returns
    -------
    Overlay

    Raises
    ------
    SchemaError
        Where the dealer has no vega to sell at `spot`, or the note has no barrier and no strike is given.

    See Also
    --------
    peak_vega : Spot at which a down-and-in put that is not knocked in has its largest vega.

    Examples
    --------
    A note with its barrier at 70 % and 1.75 years to go, at 56 % volatility:

    >>> terms = NoteTerms([1.75], continuous=True, barrier=0.7, edges=[1.0],
    ...                   intact=[[1.0, 0.0], [1.0, 0.0]], hit=[[0.0, 1.0], [1.0, 0.0]])
    >>> overlay = vega_matched_puts(terms, [0.7, 1.0], spot=1.0, sigma=0.56, notional=530e6)
    >>> round(overlay.puts / 530e6, 2), round(float(overlay.table["net"].iloc[0]) / 1e6, 2)
    (1.4, -0.63)
    """
    check_noun(terms, "terms", NoteTerms)
    notional = check_number(notional, "notional")
    strike = terms.barrier if strike is None else strike
    strike = check_number(strike, "strike", 0.0, open_low=True)
    dealer = -notional * float(note_pricing.value(terms, np.array([spot]), r, sigma, q, which="vega").vega[0])
    if not dealer > 0.0:
        raise SchemaError(
            f"spot: at {spot:g} the dealer who is short the note has vega {dealer:g} and no puts to "
            "sell; match at a spot where the note loses value as vol rises."
        )
    t = terms.maturity
    puts = dealer / float(bsm.greeks("p", spot, strike, t, r, sigma, q, which="vega").vega)
    S = floats(spots)
    cash = S * S * PERCENT
    note = -notional * note_pricing.value(terms, S, r, sigma, q, which="gamma").gamma * cash
    short = -puts * bsm.greeks("p", S, strike, t, r, sigma, q, which="gamma").gamma * cash
    table = pd.DataFrame({"note": note, "puts": short, "net": note + short}, pd.Index(S, name="spot"))
    lines = (
        "Overlay: cash gamma per +1 % of spot of the dealer who is short the note and the puts",
        f"{puts:,.6g} puts struck at {price_text(strike)}, so that vega is zero at spot {price_text(spot)}",
    )
    return Overlay(table, lines, strike, puts, float(spot))


def peak_vega(
    K: float,
    H: float,
    t: float,
    r: float,
    sigma: float,
    q: float = 0.0,
    *,
    monitoring: ArrayLike = "continuous",
) -> float:
    """Spot at which a down-and-in put that is not knocked in has its largest vega.

    The vega of a long position grows as spot falls towards this spot, and shrinks below it.

    Parameters
    ----------
    K, H, t, r, sigma, q, monitoring
        As in `gammaflow.barrier.greeks`, one option.

    Returns
    -------
    float
        Between H and 4 deviations sigma sqrt(t) above the larger of K and H [currency].

    See Also
    --------
    locate : Spots at which the down-and-in put in each note has its largest vega and a delta above one.

    Examples
    --------
    >>> round(peak_vega(1.0, 0.5, 2.5, 0.0, 0.2), 2), round(peak_vega(1.0, 0.7, 1.75, 0.0, 0.56), 2)
    (0.7, 1.32)
    """
    from scipy.optimize import minimize_scalar

    K, H, t, sigma = (
        check_number(value, name, 0.0, open_low=True)
        for name, value in (("K", K), ("H", H), ("t", t), ("sigma", sigma))
    )

    def vega(x: Any) -> Any:
        return barrier.greeks(
            "down-in", "p", H * np.exp(x), K, H, t, r, sigma, q, which="vega", monitoring=monitoring
        ).vega

    x = np.linspace(0.0, max(np.log(K / H), 0.0) + 4.0 * sigma * np.sqrt(t), _GRID)[1:]
    best = int(np.argmax(vega(x)))
    bounds = (x[max(best - 1, 0)], x[min(best + 1, len(x) - 1)])
    found = minimize_scalar(lambda x: -float(vega(x)), bounds=bounds, options={"xatol": 1e-9})
    return float(H * np.exp(found.x))


def knock_in_sales(
    notional: float = 530e6,
    *,
    sigma: Sequence[float] = (0.56, 0.90),
    years: Sequence[float] = _TENORS,
    level: float = 0.7,
    r: float = 0.0,
    q: float = 0.0,
) -> KnockInSales:
    """Dealers' sales when notes with one barrier knock in, by volatility and time to maturity.

    Parameters
    ----------
    notional : float
        Face of all the notes [currency]; default: that of the public notes on IBIT.
    sigma : sequence of float
        Volatilities [1/sqrt(year)].
    years : sequence of float
        Times to maturity [years].
    level : float
        Barrier as a share of initial, which is the strike.
    r, q : float
        Rates [1/year].

    Returns
    -------
    KnockInSales
        `table`: rows by (sigma, years). `delta`: |delta| of the put in the note just above the barrier,
        observed continuously [shares per share of face]. `continuous` and `daily`: sold at the barrier at
        knock-in [currency]; a year has 252 closes. With observation at maturity only, nothing is sold before:
        `delta_maturity` is |delta| at the barrier in that case.

    See Also
    --------
    barrier_map

    Examples
    --------
    >>> table = knock_in_sales(sigma=[0.56], years=[1 / 12, 1.75]).table
    >>> (table / [1, 1e6, 1e6, 1]).round(2).to_numpy()
    array([[  1.92, 348.93, 281.66,   1.52],
           [  0.56,   5.95,   5.21,   0.57]])
    """
    notional = check_number(notional, "notional", 0.0, open_low=True)
    sigma, years = as_list(sigma, "sigma", "numbers"), as_list(years, "years", "numbers")
    index = pd.MultiIndex.from_product([sigma, years], names=["sigma", "years"])
    rows = []
    for vol, t in index:
        put = ("down-in", "p", 1.0, level, t, r, vol, q)
        at = delta_excess(*put)
        closes = max(round(_CLOSES_PER_YEAR * t), 1)
        rows.append(
            {
                "delta": -at.edge,
                "continuous": notional * level * at.jump,
                "daily": notional * level * knock_in_jump(*put, monitoring=closes),
                "delta_maturity": -barrier.greeks(
                    "down-in", "p", level, *put[2:], which="delta", monitoring="maturity"
                ).delta,
            }
        )
    face = "".join(amount_text(notional, "", 0))
    title = f"Sold when {face} of notes knock in at {level:.4g} of initial"
    return KnockInSales(pd.DataFrame(rows, index).astype(np.float64), (f"KnockInSales: {title}",), title)
