"""Holder decomposition: how much of a fund's assets each group holds, ranges carried through to currency.

Examples
--------
>>> import gammaflow as gf
>>> found = gf.evidence.holders.decompose(93.51e9)
>>> print(f"{found.table.loc['hedge funds', 'middle'] / 1e9:.1f}")
15.6
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from gammaflow.checks import check_choice, check_noun, read_number, refuse
from gammaflow.errors import SchemaError
from gammaflow.feedback.deleveraging.share_rule import ShareRule
from gammaflow.study import Study
from gammaflow.text import number_text, value_text

__all__ = ["Holders", "decompose"]

_ENDS = ("low", "middle", "high")
_HEDGE_FUNDS, _CUT = "hedge funds", "cut of hedge funds"
# Assets of a fund outside this range are in another unit [currency].
_PLAUSIBLE = (1e6, 1e14)


@dataclass(frozen=True, eq=False, repr=False)
class Holders(Study):
    """Assets of a fund by group of holders; made by `decompose`.

    Attributes
    ----------
    table : DataFrame
        Rows "all", "not institutional", "institutional", "other institutions", "hedge funds", and "cut of
        hedge funds" where a cut is given. Columns share_low, share_middle, share_high [-] and low, middle,
        high [currency]. Each range is exact for its row; the middles of parts add up, the ends do not.
    currency : str
        Currency of the assets.

    See Also
    --------
    decompose : Assets by group of holders: institutions, hedge funds among them, and a cut of theirs.

    Examples
    --------
    >>> found = decompose(56.21e9, hedge_funds=(0.5, 0.7))
    >>> (found.of("hedge funds") / 1e9).round(1).to_dict()
    {'low': 9.4, 'middle': 11.2, 'high': 13.1}
    """

    currency: str = "USD"

    def of(self, holder: str = _HEDGE_FUNDS) -> pd.Series:
        """Low, middle and high of one group [currency]."""
        check_choice(holder, "holder", list(self.table.index))
        return pd.Series({end: float(self.table[end][holder]) for end in _ENDS}, name=holder)

    def sales(
        self, rule: Callable[[float], ShareRule], *, holder: str = _HEDGE_FUNDS, **scenario: ArrayLike
    ) -> pd.Series:
        """Currency that a group trades under a deleveraging rule, at the low, middle and high of its assets.

        Parameters
        ----------
        rule : function of holdings [currency]
            Makes the rule of `gammaflow.deleveraging`, such as
            ``lambda held: gf.deleveraging.VolatilityTarget(held, volatility=0.56)``.
        holder : str
            Row of `table`.
        **scenario
            One scenario as for the rule's `flow`: volatility, drawdown, days.

        Returns
        -------
        Series
            Currency at low, middle, high; negative sells.

        Raises
        ------
        SchemaError
            Where `rule` makes no rule, or the scenario is not legal.

        Examples
        --------
        >>> import gammaflow as gf
        >>> found = decompose(56.21e9, hedge_funds=(0.5, 0.7))
        >>> sold = found.sales(lambda held: gf.deleveraging.VolatilityTarget(held, volatility=0.56),
        ...                    volatility=0.98)
        >>> (sold / 1e9).round(2).tolist()
        [-4.01, -4.82, -5.62]
        """
        made_by: Any = rule
        if not callable(made_by):
            raise SchemaError(
                f"rule: received {type(rule).__name__}; legal: a function of holdings that makes a rule, "
                "such as lambda held: gammaflow.deleveraging.FixedCut(held, cut=0.25)."
            )
        flows = {}
        for name, held in self.of(holder).items():
            made = rule(float(held))
            check_noun(made, "rule", ShareRule)
            flow = made.flow(**scenario)
            if np.ndim(flow):
                raise SchemaError("scenario: received a path; legal: one number for each argument.")
            flows[name] = float(flow)
        return pd.Series(flows, name="flow")

    def plot(self, *, ax: Any = None) -> Any:
        """Bars of currency by group, with the range of each (matplotlib Axes)."""
        from gammaflow.plot.holders import plot_holders

        return plot_holders(self.table, self.lines[0], self.currency, ax=ax)


class _Range(NamedTuple):
    low: float
    middle: float
    high: float

    def times(self, other: _Range) -> _Range:
        return _Range(*(a * b for a, b in zip(self, other, strict=True)))

    @property
    def rest(self) -> _Range:
        """The rest, 1 less the range."""
        return _Range(1.0 - self.high, 1.0 - self.middle, 1.0 - self.low)


def _read_range(value: Any, name: str, problems: list[str], *, share: bool) -> _Range:
    """A number, or a (low, high) range, >= 0; a share at most 1."""
    nothing = _Range(np.nan, np.nan, np.nan)
    found = read_number(name, value, problems)
    if found is None:
        return nothing
    numbers = np.atleast_1d(np.asarray(found, np.float64))
    if np.ndim(found) > 1 or numbers.shape not in ((1,), (2,)):
        problems.append(f"{name}: received {value_text(value)}; legal: a number, or (low, high).")
        return nothing
    bad = ~np.isfinite(numbers) | (numbers < 0.0) | (numbers > 1.0 if share else numbers == 0.0)
    if bad.any():
        wrong = float(numbers[bad][0])
        hint = f" {wrong:g} % is {wrong / 100.0:g}." if share and 1.0 < wrong <= 100.0 else ""
        legal = "decimals from 0 to 1" if share else "numbers > 0 [currency]"
        problems.append(f"{name}: received {wrong:g}; legal: {legal}.{hint}")
        return nothing
    if numbers[0] > numbers[-1]:
        problems.append(f"{name}: received {value_text(value)}; the low end must be <= the high end.")
    return _Range(float(numbers[0]), float(numbers.mean()), float(numbers[-1]))


def decompose(
    assets: ArrayLike,
    *,
    institutional: ArrayLike = 1.0 / 3.0,
    hedge_funds: ArrayLike = 0.5,
    cut: ArrayLike | None = None,
    currency: str = "USD",
) -> Holders:
    """Assets by group of holders: institutions, hedge funds among them, and a cut of theirs.

    Every input is a number or a range. A share of a group is a product of shares that each stand in it once,
    so interval arithmetic gives its range exactly; the middle is the product of the middles.

    Parameters
    ----------
    assets : float or (low, high)
        Assets of the fund or funds [currency, in full: 56.21e9], > 0.
    institutional : float or (low, high)
        Share of the assets held by institutions, 0 to 1.
    hedge_funds : float or (low, high)
        Share of the institutional part held by hedge funds, 0 to 1. "At least a half" is (0.5, 1.0).
    cut : float or (low, high), optional
        Share of their part that hedge funds sell, 0 to 1.
    currency : str
        Its name.

    Returns
    -------
    Holders

    Raises
    ------
    SchemaError
        With every problem of the arguments: shares above 1, percentages for decimals, ranges upside down.

    See Also
    --------
    Holders : Assets of a fund by group of holders; made by `decompose`.

    Examples
    --------
    >>> found = decompose(56.21e9, cut=0.25)
    >>> (found.table["middle"] / 1e9).round(2).loc[["hedge funds", "cut of hedge funds"]].tolist()
    [9.37, 2.34]
    """
    problems: list[str] = []
    total = _read_range(assets, "assets", problems, share=False)
    inside = _read_range(institutional, "institutional", problems, share=True)
    among = _read_range(hedge_funds, "hedge_funds", problems, share=True)
    sold = None if cut is None else _read_range(cut, "cut", problems, share=True)
    refuse("holders", problems)
    rows = {
        "all": _Range(1.0, 1.0, 1.0),
        "not institutional": inside.rest,
        "institutional": inside,
        "other institutions": inside.times(among.rest),
        _HEDGE_FUNDS: inside.times(among),
    }
    if sold is not None:
        rows[_CUT] = rows[_HEDGE_FUNDS].times(sold)
    amounts = {name: total.times(share) for name, share in rows.items()}
    shares = pd.DataFrame.from_dict(rows, orient="index", columns=[f"share_{end}" for end in _ENDS])
    table = shares.join(pd.DataFrame.from_dict(amounts, orient="index", columns=list(_ENDS)))
    warnings = []
    if not _PLAUSIBLE[0] <= total.low <= total.high <= _PLAUSIBLE[1]:
        wrong = total.low if total.low < _PLAUSIBLE[0] else total.high
        warnings.append(
            f"assets: received {number_text(wrong)} {currency}; plausible: 1m to 100tn. Pass currency in "
            "full, not millions or billions (56.21e9)."
        )
    for name, share in (("institutional", inside), ("hedge_funds", among), ("cut", sold)):
        if share is not None and 0.0 < share.high < 1e-3:
            warnings.append(f"{name}: received {share.high:g}; plausible: above 0.001. 0.5 is 50 %.")
    lines = (
        f"Holders of {_range_text(total)} {currency}",
        f"institutions hold {_percent_text(inside)} of it, hedge funds {_percent_text(among)} of that"
        + (f", of which they sell {_percent_text(sold)}" if sold is not None else ""),
        f"share of all assets [-], and {currency}; each range is exact, middles add up and ends do not",
    )
    return Holders(table.rename_axis("holder"), lines, currency, warnings=tuple(warnings))


def _range_text(span: _Range) -> str:
    low, high = number_text(span.low), number_text(span.high)
    return low if low == high else f"{low} to {high}"


def _percent_text(span: _Range) -> str:
    low, high = (f"{100.0 * end:.4g}" for end in (span.low, span.high))
    return f"{low} %" if low == high else f"{low} to {high} %"


def __dir__() -> list[str]:
    return __all__
