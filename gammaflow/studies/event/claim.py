"""A claim held against the record: two ranges of one number, and the verdict that follows from them.

Examples
--------
>>> verdict_of(found=exactly(-13.16), said=Range(-13.25, -13.15))
'confirm'
>>> verdict_of(found=Range(0.2, inf), said=Range(2.6, inf))  # the record is a lower bound
'cannot tell'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from math import inf, isfinite, isnan
from typing import NamedTuple

from gammaflow.errors import ConvergenceError, MismatchError, SchemaError
from gammaflow.frozen import Frozen
from gammaflow.studies.event.records import AbsentError, Records

__all__ = [
    "ABOVE_0",
    "BELOW_0",
    "CANNOT_TELL",
    "CONFIRM",
    "CONTRADICT",
    "UNKNOWN",
    "VERDICTS",
    "Claim",
    "Finding",
    "Range",
    "about",
    "claims_of",
    "exactly",
    "span",
    "verdict_of",
]

CONFIRM, CONTRADICT, CANNOT_TELL = "confirm", "contradict", "cannot tell"
VERDICTS = (CONFIRM, CONTRADICT, CANNOT_TELL)

# Nothing in a record is this near zero and means anything: zero itself is neither above nor below.
_TINY = 1e-12


class Range(NamedTuple):
    """Lowest and highest value of a number, both included; infinite where nothing bounds it."""

    low: float
    high: float

    def text(self, form: str) -> str:
        """The range as text, each number by `form`, such as "{:.1f} %"."""
        if self == UNKNOWN:
            return "unknown"
        if self in (ABOVE_0, BELOW_0):
            return "above 0" if self == ABOVE_0 else "below 0"
        if not isfinite(self.low) or not isfinite(self.high):
            return (
                f"at most {form.format(self.high)}"
                if isfinite(self.high)
                else f"at least {form.format(self.low)}"
            )
        low, high = form.format(self.low), form.format(self.high)
        return low if low == high else f"{low} to {high}"


UNKNOWN = Range(-inf, inf)
ABOVE_0 = Range(_TINY, inf)
BELOW_0 = Range(-inf, -_TINY)


def exactly(value: float) -> Range:
    """The range of one number; unknown where it is NaN."""
    return UNKNOWN if isnan(value) else Range(float(value), float(value))


def about(value: float, error: float) -> Range:
    """The range `value` - `error` to `value` + `error`."""
    return Range(value - error, value + error)


def span(values: Iterable[float]) -> Range:
    """The range from the least to the largest of some numbers; unknown where one is NaN or there is none."""
    found = [float(value) for value in values]
    return UNKNOWN if not found or any(map(isnan, found)) else Range(min(found), max(found))


def verdict_of(found: Range, said: Range) -> str:
    """The verdict from what the record allows and what the claim says.

    "confirm" where every value that the record allows is one that the claim says; "contradict" where none
    is; else "cannot tell". A record without the number allows every value.
    """
    if said.low <= found.low and found.high <= said.high:
        return CONFIRM
    return CANNOT_TELL if found.low <= said.high and said.low <= found.high else CONTRADICT


Find = Callable[[Records], "Finding"]
Make = Callable[[Records], "Claim"]


class Finding(NamedTuple):
    """The number of a claim as the record allows it, where it stands, and what the model says."""

    found: Range
    record: str
    model: str = ""
    note: str = ""


@dataclass(frozen=True)
class Claim(Frozen):
    """One claim of the story, and what the record says of it.

    Attributes
    ----------
    key, subject : str
        Short name of the claim, and the group it belongs to.
    claim, quantity : str
        The claim in a sentence; the number that decides it, with its unit.
    article : str
        The claim's number in words.
    said, found : Range
        The number as the claim says it and as the record allows it, in one unit.
    form : str
        Format of that number, such as "{:+.2f} %".
    record : str
        Number, file and clock; or what is missing.
    model : str
        What the claim needs to hold, or what the model says of it.
    note : str
        What else the record says; a sentence that holds under any verdict.
    """

    key: str
    subject: str
    claim: str
    quantity: str
    article: str
    said: Range
    form: str
    found: Range = UNKNOWN
    record: str = ""
    model: str = ""
    note: str = ""

    @property
    def verdict(self) -> str:
        """The verdict, by `verdict_of`."""
        return verdict_of(self.found, self.said)

    @property
    def reason(self) -> str:
        """The verdict's reason in words."""
        found, said = self.found.text(self.form), self.said.text(self.form)
        if self.found == UNKNOWN:
            first = f"Nothing in the record bounds the number; the claim needs {said}."
        else:
            first = {
                CONFIRM: f"{found}: within what the claim says, {said}.",
                CONTRADICT: f"{found}: outside what the claim says, {said}.",
                CANNOT_TELL: f"The record allows {found}; the claim needs {said}.",
            }[self.verdict]
        return f"{first} {self.note}".strip()


def claims_of(subject: str) -> Callable[[str, str, str, Range, str], Callable[[Find], Make]]:
    """A decorator of the claims of one subject, which turns what finds a number into what makes a `Claim`.

    The decorator takes the claim, its quantity with the unit, the article's words, the range said, and the
    number's format. A record that is missing leaves the number unknown and is named; one that a meter refuses
    (too few days, prices that no carry explains) does so with the meter's words.
    """

    def of(claim: str, quantity: str, article: str, said: Range, form: str) -> Callable[[Find], Make]:
        def decorate(find: Find) -> Make:
            @wraps(find)
            def made(records: Records) -> Claim:
                try:
                    finding = find(records)
                except AbsentError as absent:
                    finding = Finding(UNKNOWN, str(absent), absent.model)
                except (SchemaError, MismatchError, ConvergenceError) as refusal:
                    finding = Finding(UNKNOWN, f"not enough in the record: {' '.join(str(refusal).split())}")
                if finding.found != UNKNOWN:
                    number = finding.found.text(form)
                    finding = finding._replace(record=f"{number}; {finding.record}")
                return Claim(find.__name__, subject, claim, quantity, article, said, form, *finding)

            return made

        return decorate

    return of
