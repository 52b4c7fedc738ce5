"""Basis by candidate clock: the event's scatter, and what is refused."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.evidence import basis
from support.bases import recorded

mpl.use("Agg")

CLOCKS = ["20:00 UTC", "21:00 UTC", "22:00 UTC", "24:00 UTC"]


@pytest.fixture(scope="module")
def records(shared):
    return recorded(shared)


def test_scatter_of_a_winter(records):
    found = basis.by_clock(records["front"]["2025-11-01":"2026-02-28"], records["hours"], clocks=CLOCKS)
    assert found.best == "21:00 UTC"
    assert found.scatter["scatter"].mul(1e4).round().astype(int)[CLOCKS[:3]].tolist() == [64, 28, 55]
    assert "Best: 21:00 UTC, 28 bp; next 22:00 UTC, 55 bp" in found.summary()
    assert found.table.isna().all(axis=None)  # no expiry, no rate


def test_settlements_of_expired_contracts_are_named(records):
    """On last Fridays the record has the settlement of 16:00 in London; without these days 16 bp are left."""
    closes = records["front"]["2025-11-01":"2026-02-28"]
    found = basis.by_clock(closes, records["hours"], clocks=CLOCKS)
    assert "3 days of 80 far from the others at 21:00 UTC (2025-11-28 (+1" in found.warnings[0]
    fridays = pd.to_datetime(["2025-11-28", "2025-12-26", "2026-01-30", "2026-02-27"])
    london = records["hours"].reindex((fridays + pd.Timedelta(16, "h")).tz_localize("UTC")).to_numpy()
    assert np.abs(np.log(closes[fridays] / london)).max() < 0.003
    rest = basis.by_clock(closes.drop(fridays), records["hours"], clocks=CLOCKS)
    assert round(1e4 * rest.scatter["scatter"]["21:00 UTC"]) == 16
    assert not rest.warnings


def test_rates_of_the_event(records):
    futures = records["front"]["2026-02-03":"2026-02-06"]
    found = basis.by_clock(futures, records["hours"], "2026-02-27", clocks=CLOCKS)
    wanted = {"21:00 UTC": [4.1, 1.2, 0.5, 6.5], "22:00 UTC": [8.8, 16.8, 15.3, -2.4],
              "24:00 UTC": [18.3, 8.8, 23.3, -7.9]}  # fmt: skip
    for clock, rates in wanted.items():
        assert found.table[clock].mul(100).round(1).tolist() == rates
        one = basis.daily(futures, records["hours"], "2026-02-27", clock=clock)
        assert found.table[clock].to_numpy() == pytest.approx(one.table["basis"].to_numpy(), rel=1e-12)
    assert 100 * found.sensitivity["2026-02-05"] == pytest.approx(1.7, abs=0.05)


def test_scatter_by_hand_and_days_left_out():
    days = pd.date_range("2026-02-02", periods=5)
    rng = np.random.default_rng(1)
    hours = pd.Series(
        rng.uniform(99.0, 101.0, 130), pd.date_range("2026-02-02", periods=130, freq="h", tz="UTC")
    )
    closes = pd.Series([101.0, 102.0, 101.0, 100.0, 101.0], days)
    found = basis.by_clock(closes, hours, "2026-02-05", clocks=["20:00 UTC", "24:00 UTC"])
    at = [hours[day + pd.Timedelta(20, "h")] for day in days.tz_localize("UTC")]
    assert found.scatter["scatter"].iloc[0] == pytest.approx(np.std(np.log(closes / at), ddof=1), rel=1e-12)
    assert found.scatter["days"].tolist() == [5, 5]
    assert found.table.notna().sum().tolist() == [3, 3]  # on and after its expiry a contract has no rate
    short = basis.by_clock(closes, hours[:100], "2026-03-27", clocks=["20:00 UTC", "24:00 UTC"])
    assert short.scatter["days"].tolist() == [4, 4]
    assert "(1 left out)" in short.summary()


def test_clocks_that_fit_alike():
    days = pd.date_range("2026-02-02", periods=4)
    flat = pd.Series(100.0, pd.date_range("2026-02-02", periods=130, freq="h", tz="UTC"))
    found = basis.by_clock(
        pd.Series([101.0, 102.0, 101.0, 100.0], days), flat, clocks=["20:00 UTC", "21:00 UTC"]
    )
    assert "fit about equally" in found.warnings[0]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"clocks": ["21:00 UTC"]}, "at least two candidates"),
        ({"clocks": "21:00 UTC"}, "at least two candidates"),
        ({"clocks": ["21:00", "22:00 UTC"]}, "clocks: received '21:00'"),
        ({"clocks": ["01:00 UTC", "21:00 UTC"], "days": 2}, "2 rows; at least 3"),
        ({"clocks": ["21:30 UTC", "21:00 UTC"]}, "0 days of 4 have spot at every clock"),
        ({"clocks": ["21:00 UTC", "21:00 UTC"]}, "at least two candidates are needed, each once"),
        ({"clocks": None}, "clocks: received none"),
        ({"within": -1}, "within: received -1"),
        ({"expiry": 7}, "expiry: received 7"),
        ({"method": "x"}, "method: received 'x'"),
    ],
)
def test_refusals(changed, words):
    closes = pd.Series(100.0, pd.date_range("2026-02-02", periods=changed.pop("days", 4)))
    hours = pd.Series(100.0, pd.date_range("2026-02-02", periods=130, freq="h", tz="UTC"))
    with pytest.raises(gf.SchemaError, match=words):
        basis.by_clock(closes, hours, **changed)


def test_pictures(records):
    futures = records["front"]["2026-02-03":"2026-02-06"]
    found = basis.by_clock(futures, records["hours"], "2026-02-27", clocks=CLOCKS)
    lines = found.plot().get_lines()
    assert lines[1].get_ydata() == pytest.approx(100.0 * found.table["21:00 UTC"])
    assert lines[1].get_linewidth() > lines[0].get_linewidth()
    bars = basis.by_clock(futures, records["hours"], clocks=CLOCKS).plot().patches
    assert [bar.get_height() for bar in bars] == pytest.approx(1e4 * found.scatter["scatter"])
    mpl.pyplot.close("all")
