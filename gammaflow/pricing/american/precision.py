"""The two precisions of American options: how many points, how many iterations."""

from __future__ import annotations

from gammaflow.errors import SchemaError
from gammaflow.kernels.american import rule
from gammaflow.pricing.american.boundary import Rules

__all__ = ["RULES", "read_precision"]

_FAR, _FAR_PRECISE = rule(20, 20, 48), rule(32, 32, 96)

#: The rules of values for ordinary and strained options, and those of differences, which must converge more.
RULES = {
    "default": ((rule(8, 8, 24, 1e-5, 4), _FAR), (rule(8, 8, 24, 1e-7, 5), _FAR)),
    "precise": ((rule(16, 16, 48, 1e-7, 6), _FAR_PRECISE), (rule(16, 16, 48, 1e-9, 8), _FAR_PRECISE)),
}


def read_precision(precision: object) -> tuple[Rules, Rules]:
    """The rules of values and of differences; SchemaError that names the legal precisions."""
    if not isinstance(precision, str) or precision not in RULES:
        raise SchemaError(f"precision: received {precision!r}; legal: {', '.join(map(repr, RULES))}.")
    return RULES[precision]
