"""Notes that contradict themselves, and notes that are over."""

from __future__ import annotations

import pytest

from gammaflow.errors import SchemaError
from support.note_products import ASOF, autocallable, barrier_note, reverse_convertible


def test_all_problems_of_a_note_in_one_error():
    with pytest.raises(SchemaError) as error:
        reverse_convertible(
            name=" ", notional=-1.0, barrier=70.0, issued="2025-11-04T10:00", observation="dayly",
            calls="weekly", knocked="x", strike=True, call_level=[1.0, -1.0],
        )  # fmt: skip
    text = str(error.value)
    for part in (
        "name: received ' '; text is needed.",
        "notional: received -1.0; notional must be > 0.",
        "barrier: received 70.0; it must be a share up to 10: 0.7 for 70 %.",
        "issued: received '2025-11-04T10:00'; it must be a calendar day such as 2026-02-05.",
        "observation: received 'dayly'; legal: 'maturity', 'daily', 'continuous'.",
        "calls: received 'weekly'; legal are 'monthly', 'quarterly', 'semiannual', 'annual' ",
        "knocked: received 'x'; it must be a calendar day such as 2026-02-05.",
        "strike: received True; a number is needed.",
        "call_level: received -1.0; call_level must be > 0.",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("make", "changes", "match"),
    [
        (reverse_convertible, {"matures": "2025-11-04"}, "matures: received 2025-11-04, not after issued"),
        (reverse_convertible, {"calendar": "NYC"}, "calendar: received 'NYC'; legal are"),
        (reverse_convertible, {"matures": "2047-11-04"}, "sessions are known from"),
        (reverse_convertible, {"matures": None}, "matures: received None; it must be a calendar day"),
        (reverse_convertible, {"barrier": 1.1}, "barrier: received 1.1; it must be at most strike = 1"),
        (reverse_convertible, {"coupons": ()}, r"coupon: received coupon = 0.03 with coupons = \(\)"),
        (reverse_convertible, {"coupon": 0.0}, "coupon: received coupon = 0 with coupons = 'quarterly'"),
        (reverse_convertible, {"coupons": 3}, "coupons: received 3; legal are"),
        (
            reverse_convertible,
            {"coupons": ["2026-05-04", "2026-02-04"]},
            "coupons: 2 days do not ascend; give each once",
        ),
        (
            reverse_convertible,
            {"coupons": ["2025-11-04", "2027-11-04"]},
            r"coupons: 1 of 2 days are not after 2025-11-04 and up to 2027-11-04 \(first: 2025-11-04\)",
        ),
        (
            reverse_convertible,
            {"coupons": ["2026-02-07", "2026-02-08"]},
            "coupons: two of 2 days fall on one session of XNYS",
        ),
        (
            reverse_convertible,
            {"knocked": True},
            "observed at maturity only, so no knock-in has happened yet",
        ),
        (
            reverse_convertible,
            {"knocked": "2025-11-03", "observation": "daily"},
            r"knocked: received 2025-11-03; it must lie in \(2025-11-04, 2027-11-04\]",
        ),
        (reverse_convertible, {"knocked": True, "barrier": 0.0}, "knocked: the note has no barrier"),
        (
            reverse_convertible,
            {"called": "2026-02-04"},
            "called: received 2026-02-04, not one of the 0",
        ),
        (autocallable, {"called": "2026-02-05"}, "called: received 2026-02-05, not one of the 7"),
        (barrier_note, {"calls": ["2027-11-04"]}, "and before 2027-11-04"),
        (barrier_note, {"cap": 0.0}, "cap: received 0.0; cap must be > 0"),
        (barrier_note, {"cap": 0.5, "participation": 0.0}, "no rise to cap where participation = 0"),
        (barrier_note, {"absolute_return": 1.0, "barrier": 0.0}, "falls are paid down to a barrier"),
        (autocallable, {"calls": ()}, "an autocallable needs its call dates"),
        (autocallable, {"call_level": [1.0, 0.9]}, "call_level: received 2 values for 7 call dates"),
        (autocallable, {"call_premium": "high"}, "call_premium: received 'high'"),
        (autocallable, {"memory": True}, "memory: coupons paid in any case are never missed"),
        (autocallable, {"memory": 1}, "memory: received 1; legal: True, False"),
        (autocallable, {"missed": 1}, "missed: received 1, but missed coupons are lost without memory"),
        (autocallable, {"missed": 0.5}, "missed: received 0.5; it must be a whole number >= 0"),
        (
            autocallable,
            {"missed": 9, "memory": True, "coupon": 0.1, "coupons": "quarterly", "coupon_level": 0.7},
            "missed: received 9 of 8 coupons",
        ),
        (autocallable, {"premium_grows": True}, "premium_grows: needs one call_premium > 0"),
    ],
)
def test_what_does_not_fit_is_refused(make, changes, match):
    with pytest.raises(SchemaError, match=match):
        make(**changes)


def test_nothing_is_owed_once_matured_or_called():
    note = autocallable(called="2026-05-04")
    assert len(note.terms("2026-05-04T19:59Z")) == 7
    with pytest.raises(SchemaError, match="'PHX': called 2026-05-04, so it is not outstanding at 2026-05-04"):
        note.terms("2026-05-04T20:00Z")
    with pytest.raises(SchemaError, match="note 'RC': matured 2027-11-04, so it is not outstanding"):
        reverse_convertible().terms("2027-11-04T20:00Z")
    with pytest.raises(SchemaError, match="matured 2027-11-04 within the 700 days"):
        reverse_convertible().terms(ASOF, days=700.0)
    with pytest.raises(SchemaError, match="days: received -1"):
        reverse_convertible().terms(ASOF, days=-1.0)
    with pytest.raises(SchemaError, match="no time zone"):
        reverse_convertible().terms("2026-02-05")
