"""Histories handed to a report: what is refused, and the row before the report."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.report.earlier import check_history, previous_row, rule_name

RULE = "calls_long_puts_short"


@pytest.fixture(scope="module")
def book():
    return gf.assign_positions(gf.demo_chain())


def rows(book, hours, **columns):
    index = pd.DatetimeIndex([book.asof + pd.Timedelta(h, "h") for h in hours], name="asof")
    facts = {"symbol": book.symbol, "currency": book.currency, "rule": RULE, "dynamics": "sticky_strike"}
    facts |= {"filtered": False, "spot": np.arange(len(hours)) + 100.0}
    return pd.DataFrame({**facts, **columns}, index=index)


def test_the_last_row_before_the_report_and_none_of_its_future(book):
    history = rows(book, [-48, -24, 0, 24], flip=[1.0, 2.0, 3.0, 4.0], put_wall=[5.0, np.nan, 6.0, 7.0])
    found = previous_row(history, book, "sticky_strike")
    assert (found["spot"], found["flip"]) == (101.0, 2.0)
    assert found["asof"] == book.asof - pd.Timedelta(24, "h")
    assert "put_wall" not in found


@pytest.mark.parametrize(
    "other", [{"rule": "short_all"}, {"dynamics": "sticky_delta"}, {"filtered": True}], ids=str
)
def test_rows_of_other_levels_do_not_count(book, other):
    history = pd.concat([rows(book, [-48]), rows(book, [-24], **other)])
    assert previous_row(history, book, "sticky_strike")["asof"] == history.index[0]
    assert previous_row(history.iloc[1:], book, "sticky_strike") == {}


def test_no_history_has_no_previous_row(book):
    assert previous_row(None, book, "sticky_strike") == {}


def test_every_problem_of_a_history_is_said_at_once(book):
    history = rows(book, [-24], symbol="ETH", currency="EUR").drop(columns="spot")
    history.index = history.index.tz_localize(None)
    with pytest.raises(SchemaError, match="time zone") as caught:
        check_history(history, book)
    for part in ("no column 'spot'", "symbol 'ETH'", "currency 'EUR'", "gf.history"):
        assert part in str(caught.value)


@pytest.mark.parametrize("value", ["7e4", "none", True, 1j, [1.0], pd.Timestamp(0)], ids=str)
def test_levels_of_a_history_are_numbers(book, value):
    history = rows(book, [-2, -1], flip=pd.Series([1.0, value], dtype=object).to_numpy(), regime="any words")
    with pytest.raises(SchemaError, match="other than numbers in 'flip'"):
        check_history(history, book)


@pytest.mark.parametrize("nothing", [None, np.nan, pd.NA, pd.NaT], ids=str)
def test_missing_numbers_of_a_history_are_no_levels(book, nothing):
    history = rows(book, [-2, -1], flip=[1.0, nothing], put_wall=pd.array([5, 6], "Int64"))
    assert check_history(history, book) is history
    found = previous_row(history, book, "sticky_strike")
    assert "flip" not in found
    assert found["put_wall"] == 6


def test_a_column_of_a_history_is_there_once(book):
    history = rows(book, [-1], flip=1.0)
    with pytest.raises(SchemaError, match="several of its columns are named 'currency', 'flip'"):
        check_history(pd.concat([history, history[["currency", "flip"]]], axis=1), book)


@pytest.mark.parametrize("hours", [[-1, -2], [-1, -1]], ids=["descending", "twice"])
def test_timestamps_ascend_each_once(book, hours):
    with pytest.raises(SchemaError, match="ascending"):
        check_history(rows(book, hours), book)


def test_analyze_refuses_what_is_no_table_and_a_volume_that_is_none(book):
    with pytest.raises(SchemaError, match="history: received list"):
        gf.analyze(book, history=[1])
    with pytest.raises(SchemaError, match="adv"):
        gf.analyze(book, adv=0.0)


def test_analyze_keeps_history_and_volume(book):
    history = rows(book, [-24])
    report = gf.analyze(book, history=history, adv=5e9)
    assert report.history is history
    assert report.adv == 5e9


def test_names_of_rules_without_their_meaning(book):
    assert rule_name(book) == RULE
    assert rule_name(book + gf.assign_positions(gf.demo_chain(), "short_all")) == f"{RULE} | short_all"
