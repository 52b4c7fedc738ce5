"""Verdict: whether a record tells something, and why not where it does not."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CANNOT_TELL", "TOLD", "Verdict"]

#: The two verdicts.
TOLD = "told"
CANNOT_TELL = "cannot tell"


class Verdict(NamedTuple):
    """Verdict on a record, told or not, with the reason.

    Attributes
    ----------
    verdict : "told" or "cannot tell"
    reason : str
        The finding, or the record that is missing.

    See Also
    --------
    unwinds : Basis and open interest of futures from day to day, read as the basis trade.
    """

    verdict: str
    reason: str

    def __str__(self) -> str:
        return f"{self.verdict}: {self.reason}"


def __dir__() -> list[str]:
    return __all__
