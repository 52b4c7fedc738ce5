"""Numbers of a chain that a tool with one convention shows, all of them at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from gammaflow.frozen import Frozen
from gammaflow.market.chain import Chain
from gammaflow.studies.conventions.calculator import Calculator
from gammaflow.studies.conventions.convention import Convention
from gammaflow.studies.conventions.presets import find_convention
from gammaflow.text import moment_text
from gammaflow.units import CONVENTION

__all__ = ["Numbers", "measure", "numbers_under"]


@dataclass(frozen=True, eq=False, repr=False)
class Numbers(Frozen):
    """Numbers that a tool with one convention shows for a chain; see `measure`.

    Attributes
    ----------
    convention : Convention
    gamma : float
        Total, in `unit`; + = dealers are long. 0 where no row counts.
    by_strike : Series
        Gamma by strike, in `unit`; every strike that has a row that counts.
    flip, call_wall, put_wall : float
        Levels in the convention's sense [currency]; NaN where there is none.
    rows : int
        Rows that count.
    open_interest : float
        Their open interest [contracts].
    unit : str
        Unit of gamma, in words.
    lines : tuple of str
        Chain, timestamp, rule and sign.

    See Also
    --------
    measure : Gamma, flip and walls that a tool with one convention shows for a chain.

    Examples
    --------
    >>> import gammaflow as gf
    >>> numbers = gf.conventions.measure(gf.demo_chain(), gf.Convention(window="next"))
    >>> numbers.rows, numbers.unit, round(float(numbers.by_strike.sum() / numbers.gamma), 9)
    (112, 'USD per +1 % spot', 1.0)
    """

    convention: Convention
    gamma: float
    by_strike: pd.Series
    flip: float
    call_wall: float
    put_wall: float
    rows: int
    open_interest: float
    unit: str
    lines: tuple[str, ...] = field(default=())

    @property
    def table(self) -> pd.Series:
        """The numbers that are not by strike: gamma, flip, call_wall, put_wall, rows, open_interest."""
        names = ("gamma", "flip", "call_wall", "put_wall", "rows", "open_interest")
        return pd.Series({name: float(getattr(self, name)) for name in names}, name="number")

    def summary(self) -> str:
        """Convention, rule, unit and the numbers, as text."""
        return "\n".join(
            [
                *self.lines,
                f"gamma {self.gamma:,.6g} {self.unit}; flip {self.flip:,.2f}; "
                f"call wall {self.call_wall:,.6g}; put wall {self.put_wall:,.6g}",
                f"{self.rows:,} rows, open interest {self.open_interest:,.0f} contracts",
            ]
        )

    def __repr__(self) -> str:
        return self.summary()


def numbers_under(calculator: Calculator, convention: Convention) -> Numbers:
    """Every number under a convention."""
    c, chain = convention, calculator.chain
    held, _ = calculator.counted(c)
    unit = calculator.unit(c.unit)[1]
    named = f"{c.name} ({c})" if c.name else str(c)
    sign = CONVENTION if getattr(c.rule, "signed", True) else "sign: none"
    return Numbers(
        convention=c,
        gamma=calculator.number(c, "gamma"),
        by_strike=calculator.by_strike(c),
        **{name: calculator.number(c, name) for name in ("flip", "call_wall", "put_wall")},
        rows=int(np.count_nonzero(held)),
        open_interest=float(chain["open_interest"][held != 0].sum()),
        unit=unit,
        lines=(
            f"Numbers {chain.title}, as of {moment_text(chain.asof)}, spot {chain.spot:,.2f} "
            f"{chain.currency}",
            f"convention: {named}",
            f"rule: {c.rule}; {sign}",
        ),
    )


def measure(chain: Chain, convention: str | Convention = "exact") -> Numbers:
    """Gamma, flip and walls that a tool with one convention shows for a chain.

    Parameters
    ----------
    chain : Chain
        As the vendor published it; for a repaired chain, its original is used.
    convention : str or Convention
        The name of a preset or tool (`gammaflow.conventions.PRESETS`, `.TOOLS`), or a convention.

    Returns
    -------
    Numbers

    Raises
    ------
    SchemaError
        For an unknown name, or options on futures without a forward.

    See Also
    --------
    find_convention : A convention by the name of a preset or of a tool, or the convention itself.
    reconcile : The choices that explain the gap between two tools' gamma numbers for one chain.

    Examples
    --------
    >>> import gammaflow as gf
    >>> numbers = gf.conventions.measure(gf.demo_chain(), "squeezemetrics")
    >>> numbers.unit, numbers.call_wall, numbers.put_wall
    ('USD per +1.00 of spot', 85000.0, 70000.0)
    """
    return numbers_under(Calculator(chain), find_convention(convention))
