"""Base of the rules by which a fund sells a share of its holdings."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import read_number, refuse
from gammaflow.errors import SchemaError
from gammaflow.frozen import Frozen
from gammaflow.kernels.deleveraging import RULES, share_path
from gammaflow.market.plausibility.units import LARGEST_VOLATILITY
from gammaflow.text import marked, number_text

__all__ = ["ShareRule"]

Array = NDArray[np.float64]


class ShareRule(Frozen):
    """Base of the rules that sell a share of the holdings at the start.

    `code` and `parameters` are what `gammaflow.kernels.deleveraging.target_share` takes.

    See Also
    --------
    FixedCut : Rule that sells a share of the holdings evenly between two days.
    Drawdown : Rule that sells in steps as price falls below its level at the start; each step fires once.

    Examples
    --------
    >>> import gammaflow as gf
    >>> isinstance(gf.deleveraging.FixedCut(9.4e9, cut=0.25), gf.deleveraging.ShareRule)
    True
    """

    name: ClassVar[str]
    needs_volatility: ClassVar[bool] = False
    holdings: float

    @property
    def code(self) -> int:
        """Code of the rule in the kernels."""
        return RULES[self.name]

    @property
    def parameters(self) -> tuple[float, ...]:
        """Parameters of the rule in the kernels, always the same number of them."""
        raise NotImplementedError

    @property
    def words(self) -> str:
        """The rule in words."""
        raise NotImplementedError

    def shares(
        self,
        *,
        volatility: ArrayLike | None = None,
        drawdown: ArrayLike = 0.0,
        days: ArrayLike = math.inf,
    ) -> Array:
        """Share of the holdings left at each time of a path, which starts with all of them.

        Parameters
        ----------
        volatility : float or (n,) array, optional
            Volatility per year at each time, >= 0; a volatility target and a value-at-risk limit need it.
        drawdown : float or (n,) array
            1 - S / S(start) at each time, <= 1; below zero where price is above the start.
        days : float or (n,) array
            Calendar days since the start, ascending; infinite: after all selling is done.

        Returns
        -------
        (n,) array
            Shares in [0, 1], falling unless the fund buys back.

        Raises
        ------
        SchemaError
            With every problem of the path.
        """
        problems: list[str] = []
        if volatility is None and self.needs_volatility:
            problems.append(f"volatility: received none; {self.name} needs it [1.00 a year].")
        given = {"volatility": 0.0 if volatility is None else volatility, "drawdown": drawdown, "days": days}
        arrays = [read_number(name, value, problems) for name, value in given.items()]
        refuse("path", problems)
        try:
            vol, fall, time = np.broadcast_arrays(*(np.atleast_1d(a).astype(np.float64) for a in arrays))
        except ValueError as error:
            raise SchemaError(f"volatility, drawdown, days: shapes that do not match ({error}).") from None
        legal = (
            ("volatility", (vol >= 0.0) & np.isfinite(vol), vol, "finite and >= 0"),
            ("drawdown", (fall <= 1.0) & np.isfinite(fall), fall, "finite and <= 1"),
            ("days", time >= 0.0, time, ">= 0"),
        )
        problems += [
            f"{name}: received {values[~good].flat[0]:g}; {name} must be {what}."
            for name, good, values, what in legal
            if not good.all()
        ]
        if vol.ndim != 1 or (time[1:] < time[:-1]).any():
            problems.append("path: legal are one-dimensional arrays with days in ascending order.")
        refuse("path", problems)
        out = np.empty(len(vol))
        share_path(self.code, np.array(self.parameters), vol, fall, time, out)
        return out

    def flow(
        self,
        *,
        volatility: ArrayLike | None = None,
        drawdown: ArrayLike = 0.0,
        days: ArrayLike = math.inf,
    ) -> Any:
        """Currency traded from the start to one scenario, or in each step of a path; negative sells.

        Parameters are those of `shares`; a path of arrays gives one flow per time, each valued at that time's
        price, 1 - drawdown of the price at the start.

        Returns
        -------
        float or (n,) array
            Currency.
        """
        left = self.shares(volatility=volatility, drawdown=drawdown, days=days)
        sold = np.diff(left, prepend=1.0)
        flow = sold * self.holdings * (1.0 - np.broadcast_to(np.asarray(drawdown, np.float64), left.shape))
        scalar = all(np.ndim(v) == 0 for v in (volatility, drawdown, days) if v is not None)
        return float(flow[0]) if scalar else flow

    def summary(self) -> str:
        """Holdings, rule and sign in one line."""
        line = f"{type(self).__name__}: holdings {number_text(self.holdings)}; {self.words}; flow < 0 sells"
        return "\n".join([line, *marked(self.warnings)])

    @property
    def warnings(self) -> tuple[str, ...]:
        """Implausible volatilities of the rule, one sentence each."""
        given = {name: getattr(self, name, None) for name in ("volatility", "target")}
        return tuple(
            f"{name}: received {value:g}; plausible: up to {LARGEST_VOLATILITY:g} a year; pass a decimal "
            "(0.56 is 56 %)"
            for name, value in given.items()
            if value is not None and value > LARGEST_VOLATILITY
        )

    def __repr__(self) -> str:
        return self.summary()
