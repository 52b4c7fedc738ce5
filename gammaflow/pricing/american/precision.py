"""The two precisions of American options: how many points, how many iterations."""

from __future__ import annotations

from collections.abc import Callable

from gammaflow.errors import SchemaError
from gammaflow.kernels.american import rule
from gammaflow.pricing.american.boundary import Rules

__all__ = ["PRECISIONS", "read_precision"]


def _default() -> tuple[Rules, Rules]:
    strained = rule(20, 20, 48)
    return (rule(8, 8, 24, 1e-5, 4), strained), (rule(8, 8, 24, 1e-7, 5), strained)


def _precise() -> tuple[Rules, Rules]:
    strained = rule(32, 32, 96)
    return (rule(16, 16, 48, 1e-7, 6), strained), (rule(16, 16, 48, 1e-9, 8), strained)


#: Makes the rules of values and those of differences, which must converge more; the tables are cached.
PRECISIONS: dict[str, Callable[[], tuple[Rules, Rules]]] = {"default": _default, "precise": _precise}


def read_precision(precision: object) -> tuple[Rules, Rules]:
    """The rules of values and of differences; SchemaError that names the legal precisions."""
    if not isinstance(precision, str) or precision not in PRECISIONS:
        raise SchemaError(f"precision: received {precision!r}; legal: {', '.join(map(repr, PRECISIONS))}.")
    return PRECISIONS[precision]()
