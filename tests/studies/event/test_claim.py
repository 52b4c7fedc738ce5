"""The one rule of all verdicts: the range that the record allows against the range that the claim says."""

from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gammaflow.studies.event.claim import (
    ABOVE_0,
    BELOW_0,
    UNKNOWN,
    Claim,
    Finding,
    Range,
    about,
    claims_of,
    exactly,
    span,
    verdict_of,
)
from gammaflow.studies.event.records import AbsentError

numbers = st.integers(-5, 5).map(float)
ranges = st.tuples(numbers, numbers).map(lambda pair: Range(min(pair), max(pair)))


@settings(max_examples=50)
@given(ranges, ranges)
def test_verdict_by_every_value(found, said):
    """On whole numbers: all that the record allows are said, none is, or some are."""
    inside = [said.low <= value <= said.high for value in range(int(found.low), int(found.high) + 1)]
    expected = "confirm" if all(inside) else "cannot tell" if any(inside) else "contradict"
    assert verdict_of(found, said) == expected


@pytest.mark.parametrize(
    ("found", "said", "verdict"),
    [
        (UNKNOWN, Range(0.0, 1.0), "cannot tell"),
        (Range(3.0, inf), Range(2.6, inf), "confirm"),  # a lower bound can confirm
        (Range(0.2, inf), Range(2.6, inf), "cannot tell"),  # and never contradicts
        (exactly(0.0), ABOVE_0, "contradict"),  # no change is neither a rise
        (exactly(0.0), BELOW_0, "contradict"),  # nor a fall
        (exactly(-0.1), BELOW_0, "confirm"),
        (exactly(nan), about(1.0, 0.5), "cannot tell"),
    ],
)
def test_verdict(found, said, verdict):
    assert verdict_of(found, said) == verdict


def test_ranges_as_text():
    form = "{:.1f} %"
    assert Range(1.0, 2.0).text(form) == "1.0 % to 2.0 %"
    assert exactly(1.04).text(form) == "1.0 %"
    assert Range(-inf, 3.0).text(form) == "at most 3.0 %"
    assert Range(3.0, inf).text(form) == "at least 3.0 %"
    assert (UNKNOWN.text(form), ABOVE_0.text(form), BELOW_0.text(form)) == ("unknown", "above 0", "below 0")


def test_span():
    assert span([2.0, -1.0, 0.5]) == Range(-1.0, 2.0)
    assert span([]) == UNKNOWN
    assert span([1.0, nan]) == UNKNOWN


def made(find):
    return claims_of("subject")("A claim", "a number [-]", "1", about(1.0, 0.1), "{:.1f}")(find)(None)


@pytest.mark.parametrize(
    ("finding", "verdict", "reason"),
    [
        (Finding(exactly(1.0), "x", note="!"), "confirm", "1.0: within what the claim says, 0.9 to 1.1. !"),
        (Finding(exactly(2.0), "x"), "contradict", "2.0: outside what the claim says, 0.9 to 1.1."),
        (Finding(Range(0.0, 2.0), "x"), "cannot tell",
         "The record allows 0.0 to 2.0; the claim needs 0.9 to 1.1."),
    ],
)  # fmt: skip
def test_claim_of_a_finding(finding, verdict, reason):
    def number(records):
        return finding

    claim = made(number)
    assert isinstance(claim, Claim)
    assert (claim.key, claim.subject) == ("number", "subject")
    assert claim.record == f"{finding.found.text('{:.1f}')}; x"
    assert (claim.verdict, claim.reason) == (verdict, reason)


def test_claim_without_a_record():
    def number(records):
        raise AbsentError("missing file: a.csv", "a model")

    claim = made(number)
    assert (claim.verdict, claim.record, claim.model) == ("cannot tell", "missing file: a.csv", "a model")
    assert claim.reason == "Nothing in the record bounds the number; the claim needs 0.9 to 1.1."
