"""Digits that a record shows, and sessions."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gammaflow.evidence.etf_flows.inputs import half_digit, in_session, money_warnings


@settings(max_examples=40)
@given(
    power=st.integers(-3, 7),
    digits=st.lists(st.integers(-99_999, 99_999).filter(lambda d: d % 10), min_size=3, max_size=30),
    zeros=st.integers(0, 3),
)
def test_the_last_digit(power, digits, zeros):
    """Numbers of which most have a last digit other than 0 show it, zeros and float32 notwithstanding."""
    values = np.array([*digits, *[0] * zeros]) * 10.0**power
    assert half_digit(values, "flows") == pytest.approx(0.5 * 10.0**power)
    assert half_digit(values.astype(np.float32), "flows") == pytest.approx(0.5 * 10.0**power)


def test_one_estimate_does_not_hide_the_rounding_of_others():
    values = [*(1e4 * np.arange(1001.0, 1031.0)), -206_874_007.41577148]
    assert half_digit(values, "flows") == 5_000.0
    assert half_digit([], "flows") == half_digit([0.0, np.nan], "flows") == 0.0
    assert half_digit(values, "flows", 7.0) == 7.0


def test_sessions():
    days = pd.to_datetime(["2026-01-19", "2026-01-20", "2026-01-24", "2026-04-03"])
    assert in_session(days, "XNYS").tolist() == [False, True, False, False]


def test_sizes_of_money():
    assert money_warnings(pd.Series([0.0, np.nan]), "flows") == []
    assert money_warnings(pd.Series([1e6, 0.0]), "flows") == []
    (told,) = money_warnings(pd.DataFrame({"A": [-528.3, np.nan]}), "flows")
    assert told.startswith("flows: the largest is 528.3;")
