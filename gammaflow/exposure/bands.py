"""Bands: gamma over spot, its flips and its zones under beliefs about dealers' share of open interest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import check_noun, read_only, refuse
from gammaflow.errors import SchemaError
from gammaflow.exposure.band_data import Bands, unit_gamma
from gammaflow.exposure.dynamics import Dynamics
from gammaflow.exposure.grids import default_spots
from gammaflow.exposure.profile import sweep_spot
from gammaflow.market.chain import Chain
from gammaflow.positions.beliefs import Beliefs, find_beliefs, interest_of
from gammaflow.positions.book import Book
from gammaflow.positions.joins import join

__all__ = ["Bands", "sign_bands"]

Array = NDArray[np.float64]


def sign_bands(
    book: Chain | Book,
    beliefs: Beliefs | str = "flat",
    draws: int = 10_000,
    seed: int = 0,
    *,
    spots: ArrayLike | None = None,
    known: Book | None = None,
    dynamics: str | Dynamics = "sticky_strike",
    days: float = 0.0,
    vol_shift: float = 0.0,
    core: float = 0.9,
) -> Bands:
    """Gamma over spot, flips, zones and cores under beliefs about dealers' share of open interest.

    Gamma is linear in the shares: each cell is repriced once, and every draw is a sum of cells, exact at each
    spot of the grid. Between spots gamma is taken as straight, around a trough as a parabola. Flips and edges
    of the default grid are then off by some 1e-6 of spot within 30 % of it and 1e-4 beyond (measured), and by
    up to one step of the grid beside a jump of gamma (early exercise, a barrier) or where two zeros lie
    within a step. Zones are not followed beyond the grid.

    Parameters
    ----------
    book : Chain or Book
        Open interest: a chain, or a book that is unsigned.
    beliefs : Beliefs or str
        Beliefs, or the name of some in `gammaflow.beliefs.PRESETS`.
    draws : int
        Number of draws of shares.
    seed : int
        Seed of their generator; the same seed gives the same numbers.
    spots : (m,) array, optional
        At least three spots, ascending and > 0 [currency]; default: those of `sweep_spot`, and 1 % apart from
        0.4 to 2 times the book's spot.
    known : Book, optional
        Signed positions that are known (notes, futures, own rows), added to every draw. They must not be in
        the open interest as well.
    dynamics, days, vol_shift
        As for `sweep_spot`.
    core : float
        Fraction of a trough, in (0, 1], that bounds its core.

    Returns
    -------
    Bands

    Raises
    ------
    SchemaError
        For a signed book, an illegal number of draws or seed, unknown beliefs, or illegal spots.
    MismatchError
        Where `known` is of another underlying, spot, timestamp or currency.

    See Also
    --------
    Beliefs
    compare_rules : Gamma, flips and short-gamma zone of one chain under each positioning rule.

    Examples
    --------
    >>> import gammaflow as gf
    >>> bands = gf.sign_bands(gf.demo_chain(), draws=1_000, seed=7)
    >>> bands.table.columns.tolist()
    ['5 %', '25 %', '50 %', '75 %', '95 %', 'mean', 'p_short']
    """
    problems = [
        f"{name}: received {value!r}; legal: an integer >= {low}."
        for name, value, low in (("draws", draws, 1), ("seed", seed, 0))
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < low
    ]
    if not isinstance(core, int | float) or isinstance(core, bool) or not 0 < core <= 1:
        problems.append(f"core: received {core!r}; legal: a fraction in (0, 1], such as 0.9.")
    refuse("bands", problems)
    held, interest = find_beliefs(beliefs), interest_of(book)
    grid = _wide_spots(interest, days, vol_shift) if spots is None else spots
    how: dict[str, Any] = {"dynamics": dynamics, "days": days, "vol_shift": vol_shift, "measures": ["gamma"]}
    fixed = None
    if known is not None:
        check_noun(known, "known", Book)
        if not known.signed:
            raise SchemaError(
                "known: received a book of open interest without signs; sign it (assign_positions)."
            )
        join(replace(interest, signed=True), known)
    profile = sweep_spot(interest, grid, **how)
    if len(profile.spots) < 3:
        raise SchemaError(f"spots: received {len(profile.spots)}; bands need at least three.")
    if known is not None:
        fixed = sweep_spot(known, profile.spots, **how)
    cells = held.on(interest)
    unit = read_only(unit_gamma(profile, fixed, cells, profile.spots))
    return Bands(profile, fixed, cells, unit, int(draws), int(seed), float(core))


def _wide_spots(book: Book, days: float, vol_shift: float) -> Array:
    """Default spots of a profile, and coarse ones further out, where zones may end."""
    near, x = default_spots(book, days=days, vol_shift=vol_shift), book.spot
    far = [np.geomspace(0.4 * x, near[0], 58)[:-1], near, np.geomspace(near[-1], 2.0 * x, 45)[1:]]
    return np.concatenate(far)
