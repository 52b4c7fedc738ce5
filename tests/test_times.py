"""Times of a chain or book compare with every way to write a timestamp."""

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf

BOOK = gf.assign_positions(gf.demo_chain())
FIRST = BOOK.expiries[0]


@pytest.mark.parametrize(
    "same",
    [FIRST, FIRST.tz_convert("Asia/Tokyo"), FIRST.tz_localize(None), FIRST.to_pydatetime(), FIRST.isoformat(),
     FIRST.tz_localize(None).to_datetime64(), pd.DatetimeIndex([FIRST])],
)  # fmt: skip
def test_a_filter_by_expiry(same):
    times = BOOK["expiry"]
    count = int((times.astype("datetime64[s]").astype(str) == "2026-02-06T08:00:00").sum())
    assert count == 112
    for mask, rows in (
        (times == same, count), (times != same, len(BOOK) - count), (times <= same, count), (times < same, 0),
        (times >= same, len(BOOK)), (times > same, len(BOOK) - count),
    ):  # fmt: skip
        assert np.count_nonzero(mask) == rows
    assert len(BOOK.select(times == same)) == count
    assert len(gf.demo_chain().select(gf.demo_chain()["expiry"] == same)) == count


def test_times_stay_an_array_of_numpy():
    times = BOOK["expiry"]
    assert isinstance(times, np.ndarray)
    assert times.dtype == np.dtype("datetime64[ns]")
    assert not times.flags.writeable
    assert (np.asarray(times) == BOOK.columns["expiry"]).all()
