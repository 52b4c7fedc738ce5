"""Smile dynamics as named objects, from sticky strike to a spot-vol beta.

Examples
--------
>>> import gammaflow as gf
>>> sorted(gf.dynamics.DYNAMICS)
['sticky_delta', 'sticky_moneyness', 'sticky_strike']
>>> book = gf.assign_positions(gf.demo_chain())
>>> fixed = gf.sweep_spot(book, [65_000], dynamics="sticky_strike")
>>> moving = gf.sweep_spot(book, [65_000], dynamics=gf.dynamics.spot_vol_beta(-3.0))
>>> bool((fixed.table["gamma"] == moving.table["gamma"]).any())
False
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gammaflow.checks import check_number
from gammaflow.errors import SchemaError
from gammaflow.text import value_text

__all__ = [
    "DYNAMICS",
    "STICKY_DELTA",
    "STICKY_MONEYNESS",
    "STICKY_STRIKE",
    "Dynamics",
    "find_dynamics",
    "skew_stickiness",
    "spot_vol_beta",
]


@dataclass(frozen=True)
class Dynamics:
    """Smile dynamics: the move of each row's vol when spot moves by x = ln(S / S0).

    At x = 0 a row has its quoted vol. It then keeps its ratio to the smile of its expiry: its relative change
    is `share` times that of the smile between the row's moneyness now and then. To that, (`stickiness` x the
    smile's at-the-money skew + `beta`) x is added, with a floor at `lowest` times the vol before the
    addition.

    Parameters
    ----------
    name, meaning : str
        Name and description, as tables and results print them.
    share : float
        1 where the smile moves along with spot, 0 where it stays at its strikes [-].
    stickiness : float
        Move of at-the-money volatility per x, in units of the skew d sigma / d ln K [-].
    beta : float
        Parallel move of all volatilities per x [1.00 of vol per 1.00 of ln S].
    by_delta : bool
        Whether the smile keeps its shape in ln(K / F) / sqrt(t), and so in delta, as time passes; else in
        ln(K / F).
    lowest : float
        The least volatility, as a share of what it would be without `stickiness` and `beta` [-].

    See Also
    --------
    spot_vol_beta
    compare_dynamics : Levels of gamma, and of total gamma with the vanna effect, under each smile dynamics.

    Notes
    -----
    A residual, the difference between a quote and the smile, stays with its contract as a ratio. In vol
    points, the residual of a deep wing would make no sense at the money: 10 points off a smile of 90 % are a
    ninth of it, but as large as a smile of 10 %. If residuals moved with moneyness instead, the noise of
    neighbouring quotes would act as a skew along which the row moves.

    Examples
    --------
    >>> import gammaflow as gf
    >>> gf.dynamics.STICKY_DELTA.name, gf.dynamics.spot_vol_beta(-3.0).name
    ('sticky_delta', 'spot_vol_beta(-3)')
    """

    name: str
    meaning: str
    share: float = 0.0
    stickiness: float = 0.0
    beta: float = 0.0
    by_delta: bool = False
    lowest: float = 0.25

    @property
    def moves(self) -> bool:
        """Whether any vol changes with spot, or with the days rolled."""
        return bool(self.share or self.stickiness or self.beta)

    @property
    def needs_smile(self) -> bool:
        """Whether a smile per expiry has to be fitted."""
        return bool(self.share or self.stickiness)

    def __str__(self) -> str:
        return self.name


STICKY_STRIKE = Dynamics("sticky_strike", "each strike keeps its volatility when spot moves")
STICKY_MONEYNESS = Dynamics(
    "sticky_moneyness", "the smile moves along with the forward, fixed in ln(K/F)", share=1.0
)
STICKY_DELTA = Dynamics(
    "sticky_delta",
    "each delta keeps its volatility: fixed in ln(K/F)/sqrt(t), sticky moneyness except as time passes",
    share=1.0,
    by_delta=True,
)

#: The dynamics that have no parameter, by name.
DYNAMICS: Mapping[str, Dynamics] = MappingProxyType(
    {d.name: d for d in (STICKY_STRIKE, STICKY_MONEYNESS, STICKY_DELTA)}
)


def skew_stickiness(ratio: float) -> Dynamics:
    """Dynamics in which at-the-money vol moves by `ratio` x skew x ln(S / S0) and the smile with the forward.

    Parameters
    ----------
    ratio : float
        The skew-stickiness ratio [-] (Bergomi, Smile dynamics IV, 2009): 0 is sticky moneyness, 1 sticky
        strike to first order, 2 what a local volatility does for short expiries.

    See Also
    --------
    spot_vol_beta
    compare_dynamics : Levels of gamma, and of total gamma with the vanna effect, under each smile dynamics.

    Examples
    --------
    >>> skew_stickiness(1.5).name
    'skew_stickiness(1.5)'
    """
    ratio = check_number(ratio, "ratio")
    return Dynamics(
        f"skew_stickiness({ratio:g})",
        f"at-the-money volatility moves by {ratio:g} x skew per unit of ln spot",
        share=1.0,
        stickiness=ratio,
    )


def spot_vol_beta(beta: float) -> Dynamics:
    """Dynamics in which every vol moves by `beta` per unit of ln spot: sticky strike plus the vanna effect.

    Parameters
    ----------
    beta : float
        d sigma / d ln S [1.00 of vol per 1.00 of ln S]: with -3, vol rises 3 points per 1 % fall in spot.

    See Also
    --------
    skew_stickiness
    compare_dynamics : Levels of gamma, and of total gamma with the vanna effect, under each smile dynamics.

    Examples
    --------
    >>> spot_vol_beta(-3.0).meaning
    'every volatility moves by -3 vol points per +1 % of spot'
    """
    beta = check_number(beta, "beta")
    return Dynamics(
        f"spot_vol_beta({beta:g})",
        f"every volatility moves by {beta:g} vol points per +1 % of spot",
        beta=beta,
    )


def find_dynamics(given: str | Dynamics) -> Dynamics:
    """The dynamics of that name, or the object itself; SchemaError that names the legal ones.

    See Also
    --------
    Dynamics : Smile dynamics: the move of each row's vol when spot moves by x = ln(S / S0).

    Examples
    --------
    >>> import gammaflow as gf
    >>> gf.dynamics.find_dynamics("sticky_delta") is gf.dynamics.STICKY_DELTA
    True
    """
    if isinstance(given, Dynamics):
        return given
    if isinstance(given, str) and given in DYNAMICS:
        return DYNAMICS[given]
    raise SchemaError(
        f"dynamics: received {value_text(given)}; legal: {', '.join(map(repr, DYNAMICS))}, "
        "skew_stickiness(ratio), spot_vol_beta(beta)."
    )


def __dir__() -> list[str]:
    return __all__
