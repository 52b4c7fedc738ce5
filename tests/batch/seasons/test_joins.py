"""Joins that cannot see the future, against a loop over rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.batch.seasons.joins import KNOWN_AT

START = pd.Timestamp("2026-02-01", tz="UTC")
minutes = st.lists(st.integers(0, 500), max_size=12)


def stamps(offsets):
    return pd.DatetimeIndex([START + pd.Timedelta(m, "min") for m in offsets], tz="UTC").as_unit("ns")


def last_known(moment, record, within):
    """The last row at or before a timestamp, by looking at each."""
    known = [at for at in record.index if at <= moment and (within is None or moment - at <= within)]
    return (record[max(known)], max(known)) if known else (np.nan, pd.NaT)


@given(minutes, st.lists(st.integers(0, 500), max_size=12, unique=True), st.none() | st.integers(0, 200))
@settings(max_examples=50)
def test_each_row_gets_the_last_one_known(left, right, age):
    at, within = stamps(left), None if age is None else pd.Timedelta(age, "min")
    record = pd.Series(np.arange(float(len(right))), stamps(sorted(right)), name="rate")
    table = pd.DataFrame({"given": np.arange(len(at))}, at)
    joined = gf.seasons.as_of(table, record, within=within)
    assert joined.index.equals(at)
    assert joined["given"].tolist() == list(range(len(at)))
    expected = [last_known(moment, record, within) for moment in at]
    np.testing.assert_array_equal(joined["rate"].to_numpy(np.float64), [value for value, _ in expected])
    assert all(
        known == moment or (known is pd.NaT and moment is pd.NaT)
        for known, (_, moment) in zip(joined[KNOWN_AT], expected, strict=True)
    )
    assert not (joined[KNOWN_AT] > joined.index).any()


def test_what_happens_later_changes_nothing():
    record = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]}, stamps([0, 60, 120]))
    at = stamps([59, 60, 61])
    joined = gf.seasons.as_of(at, record)
    assert joined["a"].tolist() == [1.0, 2.0, 2.0]
    assert joined["b"].tolist() == ["x", "y", "y"]
    later = record.copy()
    later.loc[stamps([120])[0]] = [99, "w"]
    pd.testing.assert_frame_equal(gf.seasons.as_of(at, later), joined)


def test_zones_do_not_matter_and_names_stay():
    record = pd.Series(
        [1.0], pd.DatetimeIndex(["2026-02-05T16:00"]).tz_localize("America/New_York"), name="close"
    )
    table = pd.DataFrame(
        {"spot": [5.0, 6.0]}, pd.DatetimeIndex(["2026-02-05T21:00Z", "2026-02-05T20:59Z"], name="asof")
    )
    joined = gf.seasons.as_of(table, record)
    assert joined["close"].isna().tolist() == [False, True]
    assert joined.index.name == "asof"
    assert gf.seasons.as_of(table["spot"], record).columns.tolist() == ["spot", "close", "known_at"]


def test_every_problem_stands_in_one_error():
    record = pd.DataFrame({"spot": [1.0, 2.0]}, stamps([0, 0]))
    table = pd.DataFrame({"spot": [1.0]}, pd.DatetimeIndex(["2026-02-05"]))
    with pytest.raises(gf.SchemaError) as error:
        gf.seasons.as_of(table, record, within="-1h")
    text = str(error.value)
    assert "no time zone" in text
    assert "right: 1 row repeated (first: 2026-02-01 00:00:00 UTC)" in text
    assert "within: received '-1h'; legal: a length of time of '0s' or more" in text
    assert "columns: both sides have 'spot'; rename" in text


@pytest.mark.parametrize(
    ("right", "words"),
    [
        (pd.Series([1.0, 2.0], stamps([60, 0])), "timestamps must ascend"),
        (pd.Series([1.0], pd.DatetimeIndex(["2026-02-05"])), "has no time zone"),
        ([1.0], "right: received [1.0]; legal: a Series or DataFrame"),
    ],
)
def test_records_that_are_refused(right, words):
    with pytest.raises(gf.SchemaError, match="as_of not accepted") as error:
        gf.seasons.as_of(stamps([0]), right)
    assert words in str(error.value)


def test_several_bad_timestamps_are_counted():
    with pytest.raises(gf.SchemaError, match=r"no time zone.*And 1 more"):
        gf.seasons.as_of(["2026-02-05", "2026-02-06"], pd.Series([1.0], stamps([0]), name="a"))
