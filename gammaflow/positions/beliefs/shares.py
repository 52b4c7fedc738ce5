"""Share: a belief about the part of open interest that dealers hold, net."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import attempt, check_number, refuse
from gammaflow.errors import SchemaError
from gammaflow.frozen import Frozen

__all__ = ["Share", "share_of"]


@dataclass(frozen=True)
class Share(Frozen):
    """Dealers' net share of open interest, between `low` and `high`: a Beta distribution stretched to them.

    -1: dealers are short all of it; 0: as long as short; +1: long all of it.

    Parameters
    ----------
    low, high : float
        Bounds, in [-1, 1]; equal bounds are a share that is known.
    a, b : float
        Parameters of Beta, > 0; 1 and 1: every share between the bounds is as likely as any other.

    Raises
    ------
    SchemaError
        With every problem in one message.

    See Also
    --------
    Beliefs

    Examples
    --------
    >>> from gammaflow.positions.beliefs import Share
    >>> Share(-0.8, 0.0).mean
    -0.4
    >>> round(float(Share.beta(-0.5, 0.25).quantile(0.05)), 3)
    -0.853
    """

    low: float = -1.0
    high: float = 1.0
    a: float = 1.0
    b: float = 1.0

    def __post_init__(self) -> None:
        values, problems = attempt(
            lambda: check_number(self.low, "low"),
            lambda: check_number(self.high, "high"),
            lambda: check_number(self.a, "a", 0.0, open_low=True),
            lambda: check_number(self.b, "b", 0.0, open_low=True),
        )
        if not problems and not -1.0 <= values[0] <= values[1] <= 1.0:
            problems = [
                f"low, high: received {values[0]:g}, {values[1]:g}; legal: -1 <= low <= high <= 1, dealers' "
                "net part of open interest."
            ]
        refuse("share", problems)
        for name, value in zip(("low", "high", "a", "b"), values, strict=True):
            object.__setattr__(self, name, value)

    @classmethod
    def beta(cls, mean: float, deviation: float) -> Share:
        """Beta distribution over [-1, 1] with a mean and a standard deviation.

        Raises
        ------
        SchemaError
            Unless |mean| < 1 and 0 < deviation^2 < 1 - mean^2.
        """
        mean, deviation = check_number(mean, "mean"), check_number(deviation, "deviation", 0.0)
        most = (1.0 - mean) * (1.0 + mean)
        if not (abs(mean) < 1.0 and 0.0 < deviation**2 < most):
            raise SchemaError(
                f"share: received a mean of {mean:g} and a deviation of {deviation:g}; legal: a mean between "
                "-1 and 1, and a deviation > 0 and below sqrt(1 - mean^2). Give one number where the share "
                "is known."
            )
        strength = most / deviation**2 - 1.0
        return cls(a=0.5 * (1.0 + mean) * strength, b=0.5 * (1.0 - mean) * strength)

    @classmethod
    def quantiles(cls, shares: Mapping[float, float]) -> Share:
        """Beta distribution over [-1, 1] through two quantiles; more are met as closely as it can.

        Parameters
        ----------
        shares : mapping of probability to share
            Two or more, both ascending: {0.05: -0.9, 0.95: -0.2}.

        Raises
        ------
        SchemaError
            For fewer, or probabilities outside (0, 1), or shares outside (-1, 1) or that do not ascend.
        """
        from scipy.optimize import least_squares
        from scipy.special import betaincinv

        probability, share = (np.array(each, float) for each in (list(shares), list(shares.values())))
        order = np.argsort(probability)
        p, s = probability[order], share[order]
        inside = bool((p > 0).all() and (p < 1).all() and (np.abs(s) < 1).all())
        if len(p) < 2 or not inside or not (np.diff(p) > 0).all() or not (np.diff(s) > 0).all():
            raise SchemaError(
                f"quantiles: received {dict(shares)!r}; legal: two or more probabilities between 0 and 1 "
                "with shares between -1 and 1 that rise with them, such as {0.05: -0.9, 0.95: -0.2}."
            )
        middle = float(np.clip(s.mean(), -0.9, 0.9))
        spread = max(1e-3, float(s[-1] - s[0]) / 4.0)
        strength = max(0.2, (1.0 - middle**2) / spread**2 - 1.0)
        start = np.log([0.5 * (1.0 + middle) * strength, 0.5 * (1.0 - middle) * strength])

        def miss(x: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(2.0 * betaincinv(np.exp(x[0]), np.exp(x[1]), p) - 1.0 - s)

        best = least_squares(miss, start, bounds=(-7.0, 18.0), xtol=1e-15, ftol=1e-15, gtol=1e-15)
        return cls(a=float(np.exp(best.x[0])), b=float(np.exp(best.x[1])))

    @property
    def mean(self) -> float:
        """Expected share."""
        return self.low + (self.high - self.low) * self.a / (self.a + self.b)

    @property
    def deviation(self) -> float:
        """Standard deviation of the share."""
        whole = self.a + self.b
        return (self.high - self.low) * float(np.sqrt(self.a * self.b / (whole + 1.0))) / whole

    def quantile(self, probability: ArrayLike) -> NDArray[np.float64]:
        """Share at each probability in [0, 1]."""
        from scipy.special import betaincinv

        p = np.asarray(probability, float)
        part = p if self.a == self.b == 1.0 else betaincinv(self.a, self.b, p)
        return np.asarray(self.low + (self.high - self.low) * part)

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.low:+.2f}, known"
        if self.a == self.b == 1.0:
            return f"{self.low:+.2f} to {self.high:+.2f}, all alike"
        return f"{self.mean:+.2f} +- {self.deviation:.2f}"


def share_of(value: Any, name: str) -> Share:
    """A Share, a band (low, high), {probability: share} or a known share, as a Share; else SchemaError."""
    if isinstance(value, Share):
        return value
    if isinstance(value, Mapping):
        return Share.quantiles(value)
    band = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(band) != 2:
        raise SchemaError(
            f"{name}: received {value!r}; legal: a Share, a band (low, high), quantiles such as "
            "{0.05: -0.9, 0.95: -0.2}, or one number where the share is known."
        )
    try:
        return Share(*band)
    except SchemaError as error:
        why = "; ".join(line.removeprefix("  - ") for line in str(error).splitlines()[1:])
        raise SchemaError(f"{name}: {why}") from None
