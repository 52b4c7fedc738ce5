"""Results of the array level: named arrays over one block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.notebook import Shown

__all__ = ["STATUS", "Greeks", "ImpliedVolatility"]

STATUS = ("ok", "below intrinsic", "no time value", "above the bound", "not a number")
_set = object.__setattr__


class Greeks(Shown):
    """Greeks by name: arrays of one shape, views of one contiguous read-only block.

    `g.gamma` and `g["gamma"]` are arrays of the broadcast shape (floats for scalar input); unpacking and
    iterating give the arrays in the order of `names`; `dict(g)` gives them by name.

    See Also
    --------
    gammaflow.bsm.greeks : Price and greeks of European options.
    gammaflow.american.greeks : Price and greeks of American options.
    gammaflow.barrier.greeks : Price and greeks of barrier options.

    Examples
    --------
    >>> import gammaflow as gf
    >>> found = gf.bsm.greeks("c", 100.0, [95.0, 105.0], 0.5, 0.02, 0.3, which=["delta", "gamma"])
    >>> found.delta.round(3), found["gamma"].round(4)
    (array([0.654, 0.469]), array([0.0174, 0.0188]))
    """

    __slots__ = ("block", "index", "names")

    names: tuple[str, ...]
    block: NDArray[np.float64]
    index: pd.Index | None

    def __init__(
        self, names: Sequence[str], block: NDArray[np.float64], index: pd.Index | None = None
    ) -> None:
        view: Any = block.view()
        view.setflags(False)
        _set(self, "names", tuple(names))
        _set(self, "block", view)
        _set(self, "index", index)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Greeks are immutable: cannot set {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"Greeks are immutable: cannot delete {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return Greeks, (self.names, self.block, self.index)

    def _missing(self, name: str) -> str:
        return f"{name!r} was not computed; this result has {', '.join(self.names)}"

    def __getitem__(self, name: str) -> Any:
        try:
            return self.block[self.names.index(name)]
        except ValueError:
            raise KeyError(self._missing(name)) from None

    def __getattr__(self, name: str) -> Any:
        if name in Greeks.__slots__ or name not in self.names:
            raise AttributeError(name if name in Greeks.__slots__ else self._missing(name))
        return self.block[self.names.index(name)]

    def keys(self) -> tuple[str, ...]:
        """The names, in order."""
        return self.names

    def __iter__(self) -> Iterator[Any]:
        return iter(self.block)

    def __len__(self) -> int:
        return len(self.names)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.names]

    def to_frame(self) -> pd.DataFrame:
        """Table with a row per option (C order) and a column per name; keeps the index of input Series."""
        table = self.block.reshape(len(self.names), -1).T
        return pd.DataFrame(table, columns=list(self.names), index=self.index)

    def _page_text(self) -> str:
        return repr(self).partition("\n")[0]

    def _page_table(self) -> pd.DataFrame:
        return self.to_frame()

    def __repr__(self) -> str:
        shape = self.block.shape[1:]
        if not shape:
            return f"Greeks({', '.join(f'{n}={float(self[n]):.6g}' for n in self.names)})"
        return f"Greeks of shape {shape}, per unit (theta, charm, veta, color per year)\n{self.to_frame()!r}"


class ImpliedVolatility(Shown):
    """Implied volatilities, and for every row the status that says why there is one or none: see `STATUS`.

    See Also
    --------
    implied_volatility_status

    Examples
    --------
    >>> import gammaflow as gf
    >>> found = gf.bsm.implied_volatility_status([3.0, 11.0], 100.0, 90.0, 1.0, 0.0, 0.0, "c")
    >>> found.sigma.round(4), found.reason.tolist()
    (array([   nan, 0.1125]), ['below intrinsic', 'ok'])
    """

    __slots__ = ("index", "sigma", "status")

    sigma: Any
    status: Any
    index: pd.Index | None

    def __init__(self, sigma: Any, status: Any, index: pd.Index | None = None) -> None:
        for value in (sigma, status):
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
        _set(self, "sigma", sigma)
        _set(self, "status", status)
        _set(self, "index", index)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"ImpliedVolatility is immutable: cannot set {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return ImpliedVolatility, (self.sigma, self.status, self.index)

    @property
    def reason(self) -> Any:
        """The status in words."""
        return np.array(STATUS)[self.status]

    def counts(self) -> dict[str, int]:
        """Number of rows by reason, all reasons listed."""
        found = np.bincount(np.ravel(self.status), minlength=len(STATUS))
        return dict(zip(STATUS, found.tolist(), strict=True))

    def to_frame(self) -> pd.DataFrame:
        """Table of sigma and reason, one row per price (C order)."""
        columns = {"sigma": np.ravel(self.sigma), "reason": np.ravel(self.reason)}
        return pd.DataFrame(columns, index=self.index)

    def _page_table(self) -> pd.DataFrame:
        return self.to_frame()

    def __repr__(self) -> str:
        counted = ", ".join(f"{n} {reason}" for reason, n in self.counts().items() if n)
        return f"ImpliedVolatility of shape {np.shape(self.sigma)}: {counted or 'no rows'}"
