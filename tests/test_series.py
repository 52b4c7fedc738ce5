"""Reading of recorded series: each kind of bad one ends in one line that names it."""

import numpy as np
import pandas as pd
import pytest

from gammaflow.errors import SchemaError
from gammaflow.series import read_day, read_days, read_moments, read_together

DAYS = pd.bdate_range("2026-02-02", periods=8)
GOOD = pd.Series(np.arange(8.0) + 1.0, DAYS)
HOURS = pd.Series(np.arange(30.0), pd.date_range("2026-02-05", periods=30, freq="h", tz="UTC"))


def problems(read, value, **rules):
    found: list[str] = []
    read(value, "closes", found, **rules)
    return found


BAD = {
    "list": ([1.0, 2.0], {}, "received list; legal: a Series of numbers indexed by date"),
    "frame": (GOOD.to_frame(), {}, "received DataFrame"),
    "one row": (GOOD.iloc[:1], {}, "received 1 row; at least 2 are needed"),
    "empty": (GOOD.iloc[:0], {}, "received 0 rows"),
    "text": (GOOD.astype(str), {}, "received '1.0', in a Series of .*; legal: numbers"),
    "missing": (GOOD.where(GOOD != 3.0), {}, r"1 of 8 rows not accepted \(first: nan on 2026-02-04"),
    "infinite": (GOOD.replace(3.0, np.inf), {}, "numbers must be finite"),
    "zero": (GOOD - 1.0, {"low": 0.0, "open_low": True}, r"first: 0 on .*; numbers must be > 0"),
    "below zero": (GOOD - 2.0, {"low": 0.0}, r"first: -1 on .*; numbers must be >= 0"),
    "unsorted": (GOOD.iloc[::-1], {}, "2026-02-10 comes after 2026-02-11; times must ascend"),
    "repeated": (pd.concat([GOOD, GOOD.iloc[-1:]]), {}, r"1 row repeated \(first: 2026-02-11\)"),
    "absent session": (GOOD.drop(DAYS[2]), {"calendar": "XNYS"}, r"1 session of XNYS missing \(2026-02-04\)"),
    "gap": (GOOD.set_axis([*DAYS[:4], *(DAYS[4:] + pd.Timedelta(20, "D"))]), {}, "a gap from 2026-02-05 to"),
    "zone": (
        GOOD.tz_localize("UTC"), {}, r"timestamps in UTC; legal: dates.*midnights.*tz_localize\(None\)"),
    "close of a zone": (
        GOOD.set_axis(DAYS + pd.Timedelta(21, "h")).tz_localize("UTC"), {}, "Take the day at the clock"),
    "two meanings": (GOOD.set_axis(DAYS.strftime("%d/%m/%Y")), {}, "an index with '02/02/2026'; legal"),
    "far future": (
        GOOD.set_axis([*DAYS[:-1].strftime("%Y-%m-%d"), "9999-12-31"]), {}, "an index with '9999-12-31'"),
    "far future, stamps": (
        GOOD.set_axis(pd.DatetimeIndex([*DAYS[:-1].as_unit("s"), pd.Timestamp("9999-12-31")])), {},
        "received the time 9999-12-31 00:00:00; legal: dates.*from 1678 to 2261"),
    "huge": (GOOD * 1e60, {}, r"first: 1e\+60 on .*numbers must be 0, or from 1e-50 to 1e\+50 in size"),
    "tiny": (GOOD * 1e-60, {"low": 0.0}, "8 of 8 rows not accepted .*in size"),
    "zones": (
        GOOD.set_axis([f"{d:%Y-%m-%d}T00:00+0{i % 2}:00" for i, d in enumerate(DAYS)]), {},
        r"received timestamps in several time zones \(UTC, UTC\+01:00\); legal: dates"),
    "time of day": (GOOD.set_axis(DAYS + pd.Timedelta(9, "h")), {}, "received the day 2026-02-02 09:00:00"),
    "numbers as days": (GOOD.reset_index(drop=True), {}, "received an index with 0; legal: dates"),
    "words as days": (GOOD.set_axis(list("abcdefgh")), {}, "received an index with 'a'"),
    "no day": (GOOD.set_axis([*DAYS[:-1], pd.NaT]), {}, "received the day NaT"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_days(case):
    value, rules, words = BAD[case]
    found = problems(read_days, value, **rules)
    assert len(found) == 1
    with pytest.raises(AssertionError, match=rf"^closes: .*{words}"):
        raise AssertionError(found[0])


BAD_MOMENTS = {
    "no zone": (HOURS.tz_localize(None), "without a time zone"),
    "mixed zones": (HOURS.set_axis([*HOURS.index[:-1].astype(str), "2026-02-06 05:00"]), "1 of 30 rows have"),
    "gap": (HOURS.drop(HOURS.index[5:15]), "a gap from 2026-02-05 04:00 UTC to 2026-02-05 15:00 UTC"),
    "no time": (HOURS.set_axis([*HOURS.index[:-1], pd.NaT]), "1 rows without a timestamp"),
    "words": (HOURS.set_axis([str(i) + "th" for i in range(30)]), "received an index with '0th'"),
    "numbers": (HOURS.reset_index(drop=True), "received an index with 0"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_MOMENTS)
def test_bad_moments(case):
    value, words = BAD_MOMENTS[case]
    found = problems(read_moments, value)
    assert len(found) == 1
    assert words in found[0]


def test_what_is_read():
    found: list[str] = []
    by_text = read_days(GOOD.set_axis(DAYS.strftime("%Y-%m-%d")), "closes", found, calendar="XNYS")
    pd.testing.assert_series_equal(by_text, GOOD, check_freq=False, check_index_type=False)
    hours = read_moments(HOURS.tz_convert("America/New_York"), "prices", found)
    assert hours.index[0] == pd.Timestamp("2026-02-05T00:00Z")
    assert read_days(GOOD.drop(DAYS[2]), "closes", found, calendar="XNYS", gaps=True).size == 7
    assert read_days(GOOD.where(GOOD != 3.0), "closes", found, missing=True).isna().sum() == 1
    assert not found


def test_all_problems_of_a_series():
    found = problems(read_days, GOOD.where(GOOD != 3.0).replace(1.0, -np.inf).drop(DAYS[4]), calendar="XNYS")
    assert [words for words in ("missing (2026-02-06)", "must be finite", "must not be missing")
            if not any(words in line for line in found)] == []  # fmt: skip
    assert len(found) == 3


def test_common_days():
    found: list[str] = []
    table = read_together({"a": GOOD.iloc[:5], "b": GOOD.iloc[3:]}, found)
    assert table.to_numpy().tolist() == [[4.0, 4.0], [5.0, 5.0]]
    read_together({"a": GOOD.iloc[:3], "b": GOOD.iloc[3:]}, found)
    assert found == [
        "a, b: received 0 common days; at least 2 are needed. Pass series of the same days (a from "
        "2026-02-02 to 2026-02-04; b from 2026-02-05 to 2026-02-11)."
    ]


@pytest.mark.parametrize(
    "wrong", ["05/02/2026", "5.2.26", "9999-12-31", "soon", None, 20260205, pd.NaT, float("nan")]
)
@pytest.mark.parametrize("exact", [False, True])
def test_no_day(wrong, exact):
    with pytest.raises(SchemaError, match=r"^first: received .*; legal: a date such as '2026-02-05'"):
        read_day(wrong, "first", exact=exact)


def test_a_day_and_no_more():
    assert read_day("2026-02-06T03:00Z") == pd.Timestamp("2026-02-05")  # 22:00 in New York
    for more in ("2026-02-05T21:00", "2026-02-05T00:00Z"):
        with pytest.raises(SchemaError, match="without a time of day or a time zone"):
            read_day(more, exact=True)
