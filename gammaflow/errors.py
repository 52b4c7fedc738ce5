"""The errors of gammaflow: catch `GammaflowError` to catch them all."""

from __future__ import annotations

__all__ = ["ConvergenceError", "FeedError", "GammaflowError", "MismatchError", "ReaderError", "SchemaError"]


# Characters of a line, and lines of a message, above which an error is cut: data may be of any length.
_LONGEST_LINE, _MOST_LINES = 4_000, 100


class GammaflowError(Exception):
    """Root of every error gammaflow raises on purpose.

    See Also
    --------
    SchemaError : A value, column or argument outside its legal range.
    FeedError : A vendor's live feed that did not answer, or whose answer has an unexpected form.

    Examples
    --------
    >>> import gammaflow as gf
    >>> try:
    ...     gf.read_chain("no-such-file.csv")
    ... except gf.GammaflowError as error:
    ...     print(type(error).__name__, isinstance(error, ValueError))
    ReaderError True
    """

    def __init__(self, *arguments: object) -> None:
        super().__init__(*(_cut(each) if isinstance(each, str) else each for each in arguments))


class SchemaError(GammaflowError, ValueError):
    """A value, column or argument outside its legal range.

    See Also
    --------
    GammaflowError : Root of every error gammaflow raises on purpose.
    MismatchError : Two objects that cannot be combined (different underlying, spot, timestamp or currency).

    Examples
    --------
    >>> import gammaflow as gf
    >>> gf.bsm.price("x", S=100.0, K=100.0, t=1.0, r=0.0, sigma=0.2)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    gammaflow.errors.SchemaError: flag: received 'x'; legal: ...
    """


class ReaderError(GammaflowError, ValueError):
    """A file that cannot be read as an option chain.

    See Also
    --------
    read_chain : Read a vendor's file of option quotes, or anyone's table through a map of its columns.
    SchemaError : A value, column or argument outside its legal range.

    Examples
    --------
    >>> import gammaflow as gf
    >>> gf.read_chain("no-such-file.csv")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    gammaflow.errors.ReaderError: no-such-file.csv: ...
    """


class MismatchError(GammaflowError, ValueError):
    """Two objects that cannot be combined (different underlying, spot, timestamp or currency).

    See Also
    --------
    SchemaError : A value, column or argument outside its legal range.

    Examples
    --------
    >>> import gammaflow as gf
    >>> coins = gf.assign_positions(gf.demo_chain(symbol="BTC"))
    >>> shares = gf.assign_positions(gf.demo_chain(symbol="IBIT"))
    >>> coins + shares  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    gammaflow.errors.MismatchError: ...symbol: 'BTC' and 'IBIT'...
    """


class ConvergenceError(GammaflowError, RuntimeError):
    """A requested accuracy that is out of reach.

    See Also
    --------
    GammaflowError : Root of every error gammaflow raises on purpose.

    Examples
    --------
    Speed at 1e-9 of a barrier option whose first observations are half a minute apart:

    >>> import gammaflow as gf
    >>> terms = ("down-in", "p", 85.0, 100.0, 80.0, 0.5, 0.03, 0.3)
    >>> gf.barrier.greeks(
    ...     *terms, which="speed", monitoring=[1e-6, 2e-6, 3e-6, 0.5], tol=1e-9
    ... )  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    gammaflow.errors.ConvergenceError: tol: 1 of 1 options ...
    """


class FeedError(GammaflowError, RuntimeError):
    """A vendor's live feed that did not answer, or whose answer has an unexpected form.

    See Also
    --------
    fetch_chain : A chain of live quotes.

    Examples
    --------
    Answers that are not a vendor's are refused, here from saved files:

    >>> from datetime import UTC, datetime
    >>> import gammaflow as gf
    >>> from gammaflow.market.feeds import Answer
    >>> sorry = Answer("https://example.com/IBIT.json", 200, datetime.now(UTC), b"<p>down</p>")
    >>> gf.Answers("cboe", "IBIT", {"delayed_quotes": sorry}).chain()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    gammaflow.errors.FeedError: cboe: ...
    """


def _cut(text: str) -> str:
    """A message without what makes it too long to be read."""
    if len(text) <= _LONGEST_LINE:
        return text
    lines = text.split("\n")
    shown = [
        line
        if len(line) <= _LONGEST_LINE
        else f"{line[:_LONGEST_LINE]} ... ({len(line) - _LONGEST_LINE:,} more characters)"
        for line in lines[:_MOST_LINES]
    ]
    more = len(lines) - _MOST_LINES
    return "\n".join([*shown, f"  - and {more:,} more lines."] if more > 0 else shown)
