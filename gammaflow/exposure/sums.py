"""Greeks of a book's rows at any spot, day and volatility: vanilla sums, and the part of each instrument."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from gammaflow.accuracy import Accuracy
from gammaflow.exposure.dynamics import STICKY_STRIKE, Dynamics
from gammaflow.exposure.fixed import CASH_SUMS, SUMS, VanillaRows, vanilla_rows, vanilla_sums
from gammaflow.exposure.halving import panel_sums
from gammaflow.exposure.moving import Motion, moving_sums
from gammaflow.exposure.smile import Smiles
from gammaflow.instruments.registry import INSTRUMENTS
from gammaflow.instruments.row import Instrument, Rows, Scenario
from gammaflow.instruments.vanilla import VANILLA
from gammaflow.kernels.cache import is_kept
from gammaflow.kernels.gauss import gauss_sweep
from gammaflow.kernels.sweep import CASH_GREEKS, cash_rows
from gammaflow.positions.book import Book

__all__ = ["CASH_SUMS", "BookSums", "cash_greeks", "cash_sums", "kernels_are_ready", "row_greeks"]

Array = NDArray[np.float64]

# Numbers in a block of sums over groups and spots: 64 MB; more spots are swept in several blocks.
_MOST = 8_000_000

_NOWHERE = np.empty(0)


def kernels_are_ready() -> bool:
    """Whether the row kernels are compiled for this machine; the first call on a new one compiles them."""
    return is_kept(cash_rows) and is_kept(gauss_sweep)


def row_greeks(
    instrument: Instrument,
    rows: Rows,
    at: Scenario,
    wanted: Collection[str],
    accuracy: Accuracy | None = None,
) -> dict[str, Array]:
    """Cash greeks times size of an instrument's rows, (n, m) arrays; 0 where expired.

    Parameters
    ----------
    instrument : Instrument
    rows, at
        Its rows, and the scenario in which they are valued.
    wanted : collection of str
        Cash greeks, and "gross_gamma": gamma of absolute sizes; for a correction, its change of gross gamma.
    accuracy : Accuracy, optional
        Tolerance of rows valued by quadrature, and the record of those that miss it.
    """
    out = {name: np.zeros((len(rows), len(at.spots))) for name in wanted}
    live = np.flatnonzero(at.years > 0.0)
    needs = set(wanted) - {"gross_gamma"} | ({"gamma"} if "gross_gamma" in wanted else set())
    if not live.size or not needs:
        return out
    if live.size < len(rows):
        rows, at = rows.take(live), at.of(live)
    accuracy = accuracy or Accuracy()
    unit = instrument.greeks(rows, at, needs, accuracy)
    size = rows.size[:, None]
    for name in set(wanted) & set(unit):
        out[name][live] = size * unit[name]
    if "gross_gamma" in wanted:
        gross = unit["gamma"] if instrument.corrects_vanilla else np.abs(unit["gamma"])
        if instrument.turns_gamma:
            held = VANILLA.greeks(rows, at, ("gamma",), accuracy)["gamma"]
            gross = np.abs(held + unit["gamma"]) - held
        out["gross_gamma"][live] = np.abs(size) * gross
    return out


def cash_greeks(
    book: Book,
    accuracy: Accuracy | None = None,
    *,
    days: float = 0.0,
    vol_shift: float = 0.0,
    sigma: Array | None = None,
    early_exercise: bool = True,
) -> dict[str, Array]:
    """Cash greeks (see `gammaflow.units`) times position and multiplier, for each row at the book's spot.

    Parameters
    ----------
    book : Book
    accuracy : Accuracy, optional
        Tolerance of rows valued by quadrature, and the record of those that miss it.
    days : float
        Calendar days rolled forward; rows that have expired by then are 0.
    vol_shift : float
        Added to every volatility [1.00 of vol].
    sigma : (n,) array, optional
        Vols used in place of the book's, with any shift included.
    early_exercise : bool
        Whether American rows are valued as such.

    Returns
    -------
    dict of (n,) arrays
        By cash greek, and "gross_gamma" with absolute positions; NaN nowhere for a valid book.
    """
    years, shifted = book.rolled(days, vol_shift)
    sigma = shifted if sigma is None else sigma
    out = np.empty((len(CASH_GREEKS), len(book)))
    columns = [book.underlying_ratio * book.spot, book["strike"], years, book["rate"], sigma]
    if not book.vanilla.all():  # others may lack a strike, a volatility, an expiry
        columns = [np.where(book.vanilla, values, 1.0) for values in columns]
    cash_rows(book.flag, *columns, book.underlying_yield, book.size, out)
    cash = dict(zip(CASH_GREEKS, out, strict=True))
    out[:, ~book.vanilla | (years <= 0.0)] = 0.0
    spot = np.array([book.spot])
    for name, rows in book.parts.items():
        if not (early_exercise or INSTRUMENTS[name].follows_volatility):
            continue
        mine = book.instruments[name]
        at = Scenario(spot, years[mine], sigma[mine], days)
        for greek, values in row_greeks(INSTRUMENTS[name], rows, at, CASH_GREEKS, accuracy).items():
            cash[greek][mine] += values[:, 0]
    return {**cash, "gross_gamma": np.abs(cash["gamma"])}


def cash_sums(
    book: Book,
    spots: Array,
    *,
    days: float = 0.0,
    vol_shift: float = 0.0,
    wanted: Collection[str] = CASH_SUMS,
    by: str | NDArray[np.intp] = "expiry",
    interpolate: bool = True,
    dynamics: Dynamics = STICKY_STRIKE,
    smiles: Smiles | None = None,
    accuracy: Accuracy | None = None,
) -> dict[str, Array]:
    """Cash greeks times position and multiplier, summed per group of rows at each spot.

    Parameters
    ----------
    book : Book
    spots : (m,) array
        Prices of the underlying [currency]; forwards keep their ratio to spot.
    days : float
        Calendar days rolled forward; expiries that pass drop off.
    vol_shift : float
        Added to every volatility [1.00 of vol].
    wanted : collection of str
        Which of `CASH_SUMS`.
    by : str or (n,) array of int
        The column of the book whose distinct values, ascending, are the groups; or each row's group.
    interpolate : bool
        Sum rows at as few Chebyshev points as give them to 1e-14 of their largest value and interpolate to
        the spots, wherever that is less work; False sums every row at every spot. Volatilities that move with
        spot are always summed directly; early exercise is then excluded.
    dynamics : Dynamics
        Smile dynamics.
    smiles : Smiles, optional
        Smiles of the book, where the dynamics need them; fitted by default.
    accuracy : Accuracy, optional
        Tolerance of rows valued by quadrature, and the record of those that miss it.

    Returns
    -------
    dict of (groups, m) arrays
        "total_gamma" is gamma plus vanna times the slope of volatility in ln spot.
    """
    book_at = BookSums(
        book, days=days, vol_shift=vol_shift, by=by, interpolate=interpolate, dynamics=dynamics, smiles=smiles
    )
    return book_at(np.asarray(spots, dtype=np.float64), wanted, accuracy)


class BookSums:
    """Cash greeks times position and multiplier of a book at one day and volatility, as a function of spots.

    What does not depend on the spots is prepared once.

    Parameters
    ----------
    book, days, vol_shift, by, interpolate, dynamics, smiles
        As for `cash_sums`.
    """

    def __init__(
        self,
        book: Book,
        *,
        days: float = 0.0,
        vol_shift: float = 0.0,
        by: str | NDArray[np.intp] = "expiry",
        interpolate: bool = True,
        dynamics: Dynamics = STICKY_STRIKE,
        smiles: Smiles | None = None,
    ) -> None:
        self.book, self.interpolate = book, interpolate
        self.years, self.sigma = years, sigma = book.rolled(days, vol_shift)
        if isinstance(by, str) and by == "expiry":  # rows stand in its order
            self.count = len(book.expiry_starts) - 1
            self.groups = np.repeat(np.arange(self.count), np.diff(book.expiry_starts))
        else:
            names, self.groups = np.unique(book[by] if isinstance(by, str) else by, return_inverse=True)
            self.count = len(names)
        self.motion = Motion(book, days, dynamics, smiles) if dynamics.moves else None
        self.vanilla = None if dynamics.moves else vanilla_rows(book, years, sigma, self.groups, self.count)
        self.parts = [
            (INSTRUMENTS[name], rows, mine, Scenario(_NOWHERE, years[mine], sigma[mine], days))
            for name, rows in book.parts.items()
            for mine in (book.instruments[name],)
            if not dynamics.moves or INSTRUMENTS[name].follows_volatility
        ]
        alone = sum(len(rows) for instrument, rows, *_ in self.parts if not hasattr(instrument, "sums"))
        #: Numbers at each spot: of sums of vanilla rows, and of each measure of rows that are valued alone.
        self._numbers = SUMS * self.count, alone

    @cached_property
    def narrowest(self) -> float | None:
        """Least sigma sqrt(t) of the rows where the sums are of Gaussians alone; None where they are not."""
        if self.vanilla is None or self.parts:
            return None
        width = self.sigma * np.sqrt(self.years)
        alive = width[width > 0.0]
        return float(alive.min()) if alive.size else None

    def on_panels(self, first: int, last: int) -> dict[str, Array]:
        """Gamma and gross gamma of all rows at `places` of panels, (panels, n); `narrowest` is not None."""
        gamma, gross = panel_sums(cast(VanillaRows, self.vanilla), cast(float, self.narrowest), first, last)
        return {"gamma": gamma, "total_gamma": gamma, "gross_gamma": gross}

    def __call__(
        self, spots: Array, wanted: Collection[str], accuracy: Accuracy | None = None
    ) -> dict[str, Array]:
        """Sums at spots (m,) [currency] of `wanted`, out of `CASH_SUMS`; dict of (groups, m) arrays."""
        summed, alone = self._numbers
        pieces = -(-max(summed, len(wanted) * alone) * len(spots) // _MOST)
        if min(pieces, len(spots)) > 1:
            parts = [self(part, wanted, accuracy) for part in np.array_split(spots, min(pieces, len(spots)))]
            return {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}
        if self.vanilla is None:
            rolled = self.years, self.sigma
            cash = moving_sums(
                self.book, spots, *rolled, wanted, self.groups, self.count, cast(Motion, self.motion)
            )
        else:
            cash = vanilla_sums(self.vanilla, spots, wanted, interpolate=self.interpolate)
        for instrument, rows, mine, at in self.parts:
            here = at._replace(spots=spots)
            _add_part(cash, instrument, rows, here, self.groups[mine], self.motion, mine, accuracy)
        return cash


def _add_part(
    cash: dict[str, Array],
    instrument: Instrument,
    rows: Rows,
    at: Scenario,
    groups: NDArray[np.intp],
    motion: Motion | None,
    mine: NDArray[np.bool_],
    accuracy: Accuracy | None,
) -> None:
    """Add the rows of one instrument to sums over groups (count, m)."""
    wanted = set(cash) - {"total_gamma"} | ({"gamma"} if "total_gamma" in cash else set())
    tilt: Any = 0.0
    if motion is not None:
        if "total_gamma" in cash:
            wanted |= {"vanna"}
        vol, tilt = motion.paths(mine, at.spots, at.sigma)
        at = at._replace(sigma=vol)
    count = next(iter(cash.values())).shape[0]
    if motion is None and hasattr(instrument, "sums"):
        found = instrument.sums(rows, at, wanted, groups, count)
        for name, total in cash.items():
            total += found["gamma" if name == "total_gamma" else name]
        return
    found = row_greeks(instrument, rows, at, wanted, accuracy)
    if "total_gamma" in cash:
        found["total_gamma"] = found["gamma"] + (found["vanna"] * tilt if motion is not None else 0.0)
    for name, total in cash.items():
        np.add.at(total, groups, found[name])
