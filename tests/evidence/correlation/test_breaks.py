"""Changes of a correlation: the statistic against a loop, p-values against simulation."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.evidence import correlation
from gammaflow.evidence.correlation.search import change_statistics, shuffled


def pairs(n, rho, rng):
    """Normal returns with correlations rho, (n, 2)."""
    values = 0.02 * rng.standard_normal((n, 2))
    values[:, 1] = rho * values[:, 0] + np.sqrt(1.0 - np.square(rho)) * values[:, 1]
    return values


def prices_of(returns, start="2025-01-01"):
    days = pd.bdate_range(start, periods=len(returns) + 1)
    levels = 100.0 * np.exp(np.vstack([np.zeros(2), np.cumsum(returns, axis=0)]))
    return pd.Series(levels[:, 0], days, name="one"), pd.Series(levels[:, 1], days, name="two")


def test_the_statistic_against_a_loop():
    values = pairs(70, np.linspace(-0.9, 0.9, 70), np.random.default_rng(1))
    found = change_statistics(values, 12)
    expected = []
    for row in range(12, 59):
        before, after = (np.corrcoef(part.T)[0, 1] for part in (values[:row], values[row:]))
        expected.append((math.atanh(after) - math.atanh(before)) / math.sqrt(1 / (row - 3) + 1 / (67 - row)))
    assert found == pytest.approx(expected, rel=1e-9)
    still = values.copy()
    still[:20, 0] = 0.0
    assert np.isfinite(change_statistics(still, 12)).all()


def test_shuffled_records_hold_every_day_once_in_whole_blocks():
    for n, block in ((43, 4), (40, 5), (9, 1)):
        rows = shuffled(n, block, 50, np.random.default_rng(2))
        assert (np.sort(rows, axis=1) == np.arange(n)).all()
        together = np.mean(np.diff(rows, axis=1) % n == 1)
        assert together >= (block - 1) / block - 0.08
        assert len({tuple(row) for row in rows}) > 40


def test_changes_are_found_where_they_are():
    rng = np.random.default_rng(6)
    rho = np.repeat([0.0, 0.9, -0.6], [80, 90, 80])
    x, y = prices_of(pairs(250, rho, rng))
    found = correlation.breakpoints(x, y, draws=199)
    assert len(found.days) == 2
    rows = x.index.get_indexer(found.days) - 1
    assert rows == pytest.approx([80, 170], abs=4)
    assert found.parts["correlation"].to_list() == pytest.approx([0.0, 0.9, -0.6], abs=0.2)
    assert found.parts["n"].sum() == 250
    assert found.table["change"].sum() == 2
    assert len(found.table) == 5  # both changes, and the three parts in which none is left
    assert (found.table["p_value"][found.table["change"]] < 0.05).all()
    first, last = found.parts.index[1], found.parts["last"].iloc[1]
    before = x.index[x.index.get_loc(first) - 1]
    one = correlation.window(x, y, first=before, last=last)
    assert one.correlation == pytest.approx(found.parts["correlation"].iloc[1], rel=1e-10)
    assert found.candidates.to_list() == pytest.approx(change_statistics(np.diff(np.log([x, y])).T, 20))
    ax = found.plot()
    assert "2 changes" in ax.get_title(loc="left")
    marked = [text.get_text() for text in ax.texts]
    assert marked == [f"{day:%d %b %Y}\np = 0.005" for day in found.days]
    assert ", then " in found.summary()
    plt.close("all")
    again = correlation.breakpoints(x, y, draws=199)
    pd.testing.assert_frame_equal(found.table, again.table)


def test_the_search_is_paid_for():
    """Of records without a change, the largest |z| often passes 1.96; p is below 5 % in about 5 %."""
    rng = np.random.default_rng(7)
    passed, below = [], []
    for _ in range(200):
        values = pairs(100, 0.4, rng)
        top = np.abs(change_statistics(values, 20)).max()
        others = np.abs(change_statistics(values[shuffled(100, 5, 99, rng)], 20)).max(axis=-1)
        passed.append(top > 1.96)
        below.append((1 + np.sum(others >= top)) / 100 <= 0.05)
    assert np.mean(passed) > 0.2
    assert 0.01 <= np.mean(below) <= 0.10


def test_no_change_of_the_record_is_more_than_the_search_finds_by_chance(closes):
    """The correlation with software did not change by more than chance, though it moved from -.2 to .8."""
    found = correlation.breakpoints(closes["IBIT"], closes["IGV"], clock="16:00 New York", draws=499)
    assert len(found.days) == 0
    assert found.table["z"].iloc[0] > 1.96
    assert found.table["p_value"].iloc[0] == pytest.approx(0.33, abs=0.08)
    assert "no change found; the likeliest day, 2025-07-31, has p = 0.3" in found.summary()
    assert len(found.parts) == 1
    assert "no change found" in found.plot().get_title(loc="left")
    plt.close("all")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"window": 61}, "received 120 common days; at least 123"),
        ({"window": 4, "level": 5, "draws": 9, "block": 0, "seed": -1},
         r"window: [\s\S]*level: [\s\S]*draws: [\s\S]*block: [\s\S]*seed: "),
        ({"window": 10, "block": 11}, "block: received 11; legal: from 1 to the window of 10"),
    ],
)  # fmt: skip
def test_refusals(prices, options, words):
    with pytest.raises(gf.SchemaError, match=words):
        correlation.breakpoints(prices["x"], prices["to"], **options)
