"""Spiral of a fund that sells all its assets as its value falls: prices, volatilities and correlations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.calendars import DAYS_PER_YEAR
from gammaflow.checks import attempt, check_number, check_whole, read_number, read_only, refuse
from gammaflow.feedback.deleveraging.table import amounts
from gammaflow.frozen import Frozen
from gammaflow.text import rows_text

__all__ = ["DistressedSelling", "distressed_selling"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class DistressedSelling(Frozen):
    """Paths of several assets of which one fund sells below a threshold; made by `distressed_selling`.

    Every number stands twice: with the fund's sales, and without them on the same random numbers.

    Attributes
    ----------
    assets : tuple
        Names of the assets.
    holdings : (m,) array
        The fund's holdings at the start [currency].
    threshold, floor : float
        Value of the holdings, over that at the start, at which selling begins and at which nothing is left.
    days : float
        Calendar days.
    rebuy : bool
        Whether the fund buys back as the value recovers.
    returns, returns_without : (n, m) arrays
        ln S / S(start) at the end, by path and asset.
    flows : (n, m) array
        Currency that the fund traded over the whole path, each trade at the price before it; < 0 sells.
    lowest : (n,) array
        Smallest share of its holdings that the fund had left.
    moments, moments_without : (n, m, m) arrays
        Realised covariance per year of each path: sums of products of the steps' log returns.

    See Also
    --------
    distressed_selling

    Examples
    --------
    >>> import gammaflow as gf
    >>> sales = gf.deleveraging.distressed_selling(
    ...     {"IBIT": 1e9, "IGV": 1e9}, per_1pct={"IBIT": 5e7, "IGV": 5e7},
    ...     volatility={"IBIT": 0.56, "IGV": 0.30}, correlation=0.2,
    ...     threshold=1.0, floor=0.8, days=30.0, steps=120, paths=500, seed=1,
    ... )
    >>> bool((sales.correlations["all"] > sales.correlations["all_without"]).all())
    True
    """

    assets: tuple[Any, ...]
    holdings: Array
    threshold: float
    floor: float
    days: float
    rebuy: bool
    returns: Array
    returns_without: Array
    flows: Array
    lowest: Array
    moments: Array
    moments_without: Array

    @property
    def sold(self) -> NDArray[np.bool_]:
        """Mask of the paths in which the fund sold, (n,)."""
        return np.asarray(self.lowest < 1.0)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per asset: volatility, mean log return (each with and without sales) and mean flow."""
        columns = {}
        for suffix in ("", "_without"):
            variance = np.einsum("nii->i", getattr(self, f"moments{suffix}")) / len(self.lowest)
            columns[f"volatility{suffix}"] = np.sqrt(variance)
            columns[f"log_return{suffix}"] = getattr(self, f"returns{suffix}").mean(axis=0)
        return pd.DataFrame(columns, index=pd.Index(self.assets, name="asset")).assign(
            flow=self.flows.mean(axis=0)
        )

    @cached_property
    def correlations(self) -> pd.DataFrame:
        """Realised correlation of each pair of assets, a row each, over all paths and over those with sales.

        Columns all, all_without, sold, sold_without; `sold_without` are the same paths without the sales. NaN
        where there is no such path.
        """
        pairs = list(combinations(range(len(self.assets)), 2))
        columns = {}
        for name, mask in (("all", np.ones_like(self.sold)), ("sold", self.sold)):
            for suffix in ("", "_without"):
                total = getattr(self, f"moments{suffix}")[mask].sum(axis=0)
                values = [
                    total[i, j] / np.sqrt(total[i, i] * total[j, j]) if mask.any() else np.nan
                    for i, j in pairs
                ]
                columns[f"{name}{suffix}"] = np.array(values, dtype=np.float64)
        names = [[self.assets[pair[k]] for pair in pairs] for k in (0, 1)]
        index = pd.MultiIndex.from_arrays(names, names=["asset", "other"])
        return pd.DataFrame(columns, index=index)

    def summary(self) -> str:
        """Rule, share of paths with sales, and tables, as text."""
        back = "buys back" if self.rebuy else "does not buy back"
        return "\n".join(
            [
                f"DistressedSelling of {len(self.assets)} assets over {self.days:g} days, "
                f"{rows_text(len(self.lowest), 'path')}",
                f"rule: the fund sells below {100.0 * self.threshold:g} % of its value at the start, all of "
                f"it at {100.0 * self.floor:g} %, and {back}",
                "sign: flow < 0 sells [currency]; returns are ln S; volatility a year",
                f"paths in which it sold: {100 * self.sold.mean():.1f} %",
                self.table.to_string(float_format="{:,.4g}".format),
                "correlation of step returns:",
                self.correlations.to_string(float_format="{:.3f}".format),
            ]
        )

    def __repr__(self) -> str:
        return self.summary()

    def plot(self, *, ax: Any = None) -> Any:
        """Realised correlation by pair, with and without the fund's sales (matplotlib Axes)."""
        from gammaflow.plot.forced_selling import plot_correlations

        title = f"Correlation when a fund sells below {100.0 * self.threshold:g} % of its value"
        return plot_correlations(self.correlations, title, ax=ax)


def _root(correlation: Any, assets: pd.Index[Any], problems: list[str]) -> Array:
    """Square root of a correlation matrix, given as one number for all pairs, an array or a DataFrame."""
    m = len(assets)
    if isinstance(correlation, pd.DataFrame):
        if set(correlation.index) != set(assets) or set(correlation.columns) != set(assets):
            problems.append(f"correlation: its rows and columns must be {', '.join(map(repr, assets))}.")
            return np.eye(m)
        correlation = correlation.loc[assets, assets].to_numpy()
    array = read_number("correlation", correlation, problems)
    if array is None or not m:
        return np.eye(m)
    if array.ndim == 0:
        array = np.where(np.eye(m, dtype=np.bool_), 1.0, array)
    unit = array.shape == (m, m) and np.allclose(array, array.T) and np.allclose(np.diag(array), 1.0)
    if not unit:
        problems.append(
            f"correlation: legal are one number for all pairs, or a symmetric matrix of {m} assets with ones "
            "on its diagonal."
        )
        return np.eye(m)
    values, vectors = np.linalg.eigh(array)
    if values[0] < -1e-10:
        problems.append(
            f"correlation: its smallest eigenvalue is {values[0]:.3g}; no assets can be correlated like "
            "that. It must be >= 0."
        )
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def distressed_selling(
    holdings: Mapping[Any, float] | pd.Series[float],
    *,
    per_1pct: Mapping[Any, float] | pd.Series[float],
    volatility: Mapping[Any, float] | pd.Series[float],
    correlation: ArrayLike | pd.DataFrame,
    threshold: float,
    floor: float,
    days: float,
    steps: int,
    paths: int,
    seed: int,
    rebuy: bool = True,
) -> DistressedSelling:
    """Simulate assets of which one fund sells in proportion as its value falls below a threshold.

    The model of Cont and Wagalath (2013) in log returns. In each step the assets move at random, and the
    value V of the holdings at the start becomes V*. The fund trades the share f(V* / V0) - f(V / V0) of its
    holdings of every asset, where f rises from 0 at the floor to 1 at the threshold and is 1 above it. Each
    trade moves ln S by its currency over the depth, both at the price of the trade. So the fund follows the
    market and not its own impact. With `rebuy=False` it sells down to f(V* / V0), which includes the impact
    of its earlier sales, and never buys.

    Parameters
    ----------
    holdings : mapping or Series
        Currency at the start by asset, >= 0, not all 0.
    per_1pct : mapping or Series
        Depth by asset: currency that moves ln S by 0.01 at the start, > 0.
    volatility : mapping or Series
        Volatility a year by asset without the fund, > 0.
    correlation : number, (m, m) array_like or DataFrame
        Correlation without the fund.
    threshold, floor : float
        Value over that at the start at which it begins to sell and has sold all, 0 <= floor < threshold <= 1.
    days : float
        Calendar days, > 0.
    steps, paths : int
        Number of steps and paths, >= 1.
    seed : int
        Seed of the random numbers.
    rebuy : bool
        Whether it buys back as the value recovers.

    Returns
    -------
    DistressedSelling

    Raises
    ------
    SchemaError
        With every problem of the arguments.

    See Also
    --------
    deleveraging_table

    Examples
    --------
    A fund that never sells leaves the correlation as it is:

    >>> import gammaflow as gf
    >>> sales = gf.deleveraging.distressed_selling(
    ...     {"IBIT": 1e9, "IGV": 1e9}, per_1pct={"IBIT": 5e7, "IGV": 5e7},
    ...     volatility={"IBIT": 0.56, "IGV": 0.30}, correlation=0.2,
    ...     threshold=0.01, floor=0.0, days=30.0, steps=120, paths=500, seed=1,
    ... )
    >>> sales.correlations.round(2).iloc[0].to_list()[:2]
    [0.2, 0.2]
    """
    problems: list[str] = []
    owned = amounts("holdings", holdings, ">= 0", problems)
    others = {}
    for name, table in (("per_1pct", per_1pct), ("volatility", volatility)):
        series = amounts(name, table, "> 0", problems)
        if len(series) and set(series.index) != set(owned.index):
            problems.append(f"{name}: its assets must be those of holdings, {list(owned.index)!r:.80}.")
        others[name] = series.reindex(owned.index).to_numpy(dtype=np.float64)
    root = _root(correlation, owned.index, problems)
    numbers, wrong = attempt(
        lambda: check_number(threshold, "threshold", 0.0, 1.0, open_low=True),
        lambda: check_number(floor, "floor", 0.0),
        lambda: check_number(days, "days", 0.0, open_low=True),
        lambda: check_whole(steps, "steps", 1),
        lambda: check_whole(paths, "paths", 1),
        lambda: check_whole(seed, "seed", 0),
    )
    problems += wrong
    if None not in numbers[:2] and not numbers[1] < numbers[0]:
        problems.append(f"floor: received {floor!r}; floor must be < threshold = {threshold!r}.")
    if len(owned) and not owned.sum() > 0.0:
        problems.append("holdings: are all 0; one asset at least must have some.")
    refuse("distressed selling", problems)
    amount: Array = np.asarray(owned.to_numpy(), dtype=np.float64)
    impact, root = amount / (100.0 * others["per_1pct"]), others["volatility"][:, None] * root
    begins, ends, time, count, runs, first = numbers
    terms = _Terms(amount, impact, root, begins, ends, time, bool(rebuy))
    x, x_without, flows, lowest, moments, moments_without = map(
        read_only, _simulate(terms, count, runs, first)
    )
    return DistressedSelling(
        tuple(owned.index), read_only(amount), begins, ends, time, bool(rebuy),
        x, x_without, flows, lowest, moments, moments_without,
    )  # fmt: skip


class _Terms(NamedTuple):
    """Currency (m,), move of ln S by all of it (m,), root of the covariance (m, m), rule, calendar days."""

    amount: Array
    impact: Array
    root: Array
    threshold: float
    floor: float
    days: float
    rebuy: bool

    def share(self, x: Array) -> Array:
        """Share that the rule allows where ln S has moved by x (n, m)."""
        value = np.exp(x) @ (self.amount / self.amount.sum())
        return np.asarray(np.clip((value - self.floor) / (self.threshold - self.floor), 0.0, 1.0))


def _simulate(terms: _Terms, steps: int, paths: int, seed: int) -> tuple[Array, ...]:
    """The arrays of `DistressedSelling` by path."""
    draw = np.random.default_rng(seed)
    m, years = len(terms.amount), terms.days / DAYS_PER_YEAR
    x, x_without, flows = (np.zeros((paths, m)) for _ in range(3))
    moments, moments_without = (np.zeros((paths, m, m)) for _ in range(2))
    held = lowest = np.ones(paths)
    for _ in range(steps):
        noise = np.sqrt(years / steps) * draw.standard_normal((paths, m)) @ terms.root.T
        moved = x + noise
        share = terms.share(moved)
        traded = share - terms.share(x) if terms.rebuy else np.minimum(share - held, 0.0)
        step = noise + traded[:, None] * terms.impact
        flows += traded[:, None] * terms.amount * np.exp(moved)
        moments += step[:, :, None] * step[:, None, :]
        moments_without += noise[:, :, None] * noise[:, None, :]
        x, x_without, held = x + step, x_without + noise, held + traded
        lowest = np.minimum(lowest, held)
    return x, x_without, flows, lowest, moments / years, moments_without / years
