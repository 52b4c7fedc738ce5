"""Heading of every result of a book: name, time, spot, rule and sign."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import shorten

from gammaflow.market.quality import SELECTED
from gammaflow.positions.book import Book
from gammaflow.text import marked, moment_text
from gammaflow.units import CONVENTION

__all__ = ["basis", "filter_lines", "heading", "under_rule"]

# Longest line of rules under the title of a picture, in characters.
_WIDTH = 90


def heading(
    name: str,
    book: Book,
    *,
    days: float = 0.0,
    vol_shift: float = 0.0,
    warnings: Sequence[str] | None = None,
    sign: str = CONVENTION,
) -> list[str]:
    r"""Heading lines: name, book, timestamp and spot in one; warnings; rule; filters; sign.

    Parameters
    ----------
    name : str
        Name of the result.
    book : Book
    days, vol_shift : float
        Calendar days rolled forward, and what was added to every volatility [1.00 of vol].
    warnings : sequence of str, optional
        Warnings of the result; default: the book's.
    sign : str
        Meaning of + in the result's numbers.

    Examples
    --------
    >>> import gammaflow as gf
    >>> print("\n".join(heading("Exposure", gf.assign_positions(gf.demo_chain()))))
    Exposure BTC, as of 2026-02-05 09:36 UTC, spot 71,470.00 USD
    rule: calls_long_puts_short (customers sell calls and buy puts; dealers are long calls and short puts)
    sign: + = dealers are long; to stay hedged they trade minus gamma for each +1 % of spot
    """
    when = moment_text(book.asof, days, vol_shift)
    return [
        f"{name} {book.title}, as of {when}, spot {book.spot:,.2f} {book.currency}",
        *marked(book.warnings if warnings is None else warnings),
        *basis(book, sign),
    ]


def basis(book: Book, sign: str = CONVENTION) -> list[str]:
    """Lines for the rule that signed a book, the filters on it, and the meaning of +, if it is signed."""
    return [f"rule: {book.rule_text}", *filter_lines(book), f"sign: {book.sign_of(sign)}"]


def filter_lines(*books: Book) -> list[str]:
    """Lines for the filters on one or several books, each once."""
    return [f"{SELECTED}{text}" for text in dict.fromkeys(text for book in books for text in book.filters)]


def under_rule(title: str, book: Book) -> str:
    """Title of a picture, with the names of the rules that signed the book on a line of their own.

    Examples
    --------
    >>> import gammaflow as gf
    >>> under_rule("BTC gamma", gf.assign_positions(gf.demo_chain(), "short_all")).splitlines()
    ['BTC gamma', 'rule: short_all']
    """
    names = " | ".join(dict.fromkeys(part.partition(" (")[0] for part in book.rule))
    return f"{title}\n{shorten(f'rule: {names}', _WIDTH, placeholder=' ...')}"
