"""Correlation of one window, over time and in order, against naive code and the figures of the record."""

import math
import pickle
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.evidence import correlation

CLOSE = "16:00 New York"
# From the notes of the record: first and last day of prices, correlation of IBIT with IGV and GLD, returns.
RECORD = [
    ("2025-10-01", "2026-02-04", 0.467, 0.095, 86),
    ("2026-01-05", "2026-02-04", 0.222, 0.061, 21),
    ("2026-01-05", "2026-02-13", 0.592, 0.297, 28),
]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def naive(x, y):
    """Correlation, slope of x on y and its error, by sums over pairs."""
    n = len(x)
    mx, my = sum(x) / n, sum(y) / n
    sxx, syy = sum((a - mx) ** 2 for a in x), sum((b - my) ** 2 for b in y)
    sxy = sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True))
    slope = sxy / syy
    left = sum((a - mx - slope * (b - my)) ** 2 for a, b in zip(x, y, strict=True))
    return sxy / math.sqrt(sxx * syy), slope, math.sqrt(left / (n - 2) / syy)


def logs(series, first=None, last=None):
    """Log returns within a window, by hand."""
    values = series.loc[first:last].to_numpy()
    return [math.log(b / a) for a, b in pairwise(values)]


@pytest.mark.parametrize(("first", "last", "igv", "gld", "n"), RECORD)
def test_figures_of_the_record(closes, first, last, igv, gld, n):
    for name, expected in (("IGV", igv), ("GLD", gld)):
        found = correlation.window(closes["IBIT"], closes[name], first=first, last=last, clock=CLOSE)
        assert found.correlation == pytest.approx(expected, abs=5e-4)
        assert found.n == n
        by_hand = naive(logs(closes["IBIT"], first, last), logs(closes[name], first, last))
        assert (found.correlation, found.beta, found.beta_error) == pytest.approx(by_hand, rel=1e-10)


def test_the_order_in_21_returns_is_no_more_than_chance(closes):
    """The order software before gold: certain in 86 returns, not in the month before the fall."""
    p = {}
    for first, last, igv, gld, n in RECORD:
        found = correlation.closer(
            closes["IBIT"], closes["IGV"], closes["GLD"], first=first, last=last, clock=CLOSE, draws=999
        )
        assert (found.correlation_to, found.correlation_than) == pytest.approx((igv, gld), abs=5e-4)
        assert found.difference == pytest.approx(found.correlation_to - found.correlation_than)
        assert found.names == ("IBIT", "IGV", "GLD")
        p[n] = (found.p_value, found.bootstrap_p_value)
        assert ("more than chance at 5 %" in found.verdict) == (n == 86)
        assert found.verdict in found.summary()
        assert found.correlation_between == pytest.approx(
            correlation.window(closes["IGV"], closes["GLD"], first=first, last=last).correlation
        )
    assert p[86] == pytest.approx((0.0083, 0.0065), abs=0.004)
    assert p[21] == pytest.approx((0.631, 0.55), abs=0.04)
    assert p[28] == pytest.approx((0.161, 0.10), abs=0.04)


def test_software_before_gold_in_every_window_of_the_week_and_not_in_general(closes):
    three = [closes[name] for name in ("IBIT", "IGV", "GLD")]
    week = correlation.every_window(*three, ends=["2026-02-04", "2026-02-05", "2026-02-06"], clock=CLOSE)
    assert week.count == (3 * 86, 0, 0)
    assert week.table["smallest"].min() > 0.09
    assert (week.table["windows"] == 86).all()
    # of the windows of the last day before the fall, a quarter would be called more than chance alone
    assert week.table["distinct"].to_list() == [22, 25, 34]
    general = correlation.every_window(*three, lengths=20, clock=CLOSE)
    assert general.count == (153, 0, 33)
    assert sum(general.count) == 186


def test_a_correlation_of_73_needs_a_short_window_that_ends_after_the_fall(closes):
    three = [closes[name] for name in ("IBIT", "IGV", "GLD")]
    ends = ["2026-02-04", "2026-02-05", "2026-02-06", "2026-02-13"]
    found = correlation.every_window(*three, ends=ends).correlation_to
    for day, near in zip(ends, ([], [], [10, 11], [15, 16]), strict=True):
        column = found[pd.Timestamp(day)]
        assert column.index[column.round(2).between(0.73, 0.74)].to_list() == near
    assert found[pd.Timestamp("2026-02-06")].loc[10:11].round(2).to_list() == [0.73, 0.74]


def test_every_window_against_a_loop(prices):
    found = correlation.every_window(
        prices["x"], prices["to"], prices["than"], lengths=(5, 40), ends=prices.index[[9, 60]]
    )
    x, to, than = (logs(prices[name]) for name in prices)
    for row, day in ((9, prices.index[9]), (60, prices.index[60])):
        for length in range(5, 41):
            column = found.correlation_to[day][length], found.correlation_than[day][length]
            if length > row:
                assert np.isnan(column).all()
                continue
            part = slice(row - length, row)
            r1, r2, r3 = (
                naive(x[part], to[part])[0],
                naive(x[part], than[part])[0],
                naive(to[part], than[part])[0],
            )
            assert column == pytest.approx((r1, r2), rel=1e-9)
            assert found.p_values[day][length] == pytest.approx(
                correlation.williams(r1, r2, r3, length).p_value
            )
    assert found.table["windows"].to_list() == [5, 36]
    assert "left out for want of returns: 31 windows" in found.summary()
    assert found.differences.min().to_list() == pytest.approx(found.table["smallest"].to_list())
    assert found.differences.max().to_list() == pytest.approx(found.table["largest"].to_list())


def test_rolling_is_the_window_of_each_day(prices):
    moving = correlation.rolling(prices["x"], prices["to"], window=15, reference=0.4)
    assert len(moving.table) == 119 - 15 + 1
    for row in (0, 40, 104):
        one = correlation.window(
            prices["x"], prices["to"], first=prices.index[row], last=prices.index[row + 15]
        )
        given = moving.table.iloc[row]
        assert given.name == prices.index[row + 15]
        names = ["correlation", "low", "high", "beta", "beta_error", "n"]
        assert given[names].to_list() == pytest.approx(one.table.iloc[0][names].to_list(), rel=1e-9)
        assert given["z"] == pytest.approx(correlation.fisher_z(one.correlation, 0.4, 15))
        assert given["p_value"] == pytest.approx(correlation.fisher_p(one.correlation, 0.4, 15))
    assert "z" not in correlation.rolling(prices["x"], prices["to"]).table


def test_weighted_by_a_loop(prices):
    moving = correlation.weighted(prices["x"], prices["to"], halflife=7.0)
    x, y = (np.array(logs(prices[name])) for name in ("x", "to"))
    for row in (7, 118):
        weights = np.array([0.5 ** ((row - k) / 7.0) for k in range(row + 1)])
        weights /= weights.sum()
        a, b = x[: row + 1], y[: row + 1]
        a, b = a - weights @ a, b - weights @ b
        r = weights @ (a * b) / math.sqrt((weights @ a**2) * (weights @ b**2))
        given = moving.table.loc[prices.index[row + 1]]
        assert given["correlation"] == pytest.approx(r, rel=1e-9)
        assert given["beta"] == pytest.approx(weights @ (a * b) / (weights @ b**2), rel=1e-9)
        assert given["n"] == pytest.approx(1.0 / (weights @ weights), rel=1e-9)
    assert moving.table.index[0] == prices.index[7]
    assert moving.table["n"].iloc[-1] == pytest.approx(2 / math.log(2) * 7.0, rel=0.01)


def test_a_window_of_equal_prices_has_no_correlation(prices):
    still = prices["x"].copy()
    still.iloc[30:60] = still.iloc[30]
    moving = correlation.rolling(still, prices["to"], window=10)
    assert moving.table["correlation"].isna().sum() == 20
    assert "20 windows of equal prices" in moving.summary()


def test_units_and_names_of_prices_do_not_matter(prices):
    one = correlation.window(prices["x"], prices["to"])
    two = correlation.window(1e3 * prices["x"].rename("Close"), prices["to"].rename("Close"))
    assert two.correlation == pytest.approx(one.correlation, rel=1e-12)
    assert two.table.index[0] == "x with y"
    assert one.table.index[0] == "x with to"


def test_swapped_series_swap_the_order(prices):
    x, to, than = (prices[name] for name in prices)
    one, two = correlation.closer(x, to, than, draws=199), correlation.closer(x, than, to, draws=199)
    assert one.difference == pytest.approx(-two.difference)
    assert one.p_value == pytest.approx(two.p_value)
    assert one.bootstrap_p_value == pytest.approx(two.bootstrap_p_value)
    assert one.table.loc["difference", ["low", "high"]].to_list() == pytest.approx(
        (-two.table.loc["difference", ["high", "low"]]).to_list()
    )
    assert "x is closer to to than to than" in two.verdict
    level = correlation.closer(x, to, to.rename("copy"), draws=99)
    assert "as close to to as to copy" in level.verdict
    assert level.p_value == 1.0 or np.isnan(level.p_value)


def test_results_can_be_copied_and_drawn(prices):
    x, to, than = (prices[name] for name in prices)
    order = correlation.closer(x, to, than, draws=99)
    assert pickle.loads(pickle.dumps(order)).summary() == order.summary()
    ax = order.plot()
    assert [text.get_text() for text in ax.get_yticklabels()] == order.table.index.to_list()
    middle = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o"]
    assert middle == pytest.approx(order.table["correlation"].to_list())
    one = correlation.window(x, to)
    dots, line = correlation.window(x, to).plot().lines[1:3]
    assert dots.get_xdata() == pytest.approx(100 * np.array(logs(to)))
    rise, run = np.ptp(line.get_ydata()), np.ptp(line.get_xdata())
    assert rise / run == pytest.approx(one.beta)
    moving = correlation.rolling(x, to, reference=0.4)
    drawn = {line.get_label(): line for line in moving.plot().lines}
    assert drawn["correlation"].get_ydata() == pytest.approx(moving.table["correlation"])
    assert set(drawn["reference 0.4"].get_ydata()) == {0.4}
    few = correlation.every_window(x, to, than, lengths=(5, 30), ends=prices.index[-2:])
    assert len([line for line in few.plot().lines if "to, to" in line.get_label()]) == 2
    many = correlation.every_window(x, to, than, lengths=(5, 30))
    shown = many.plot().collections[0].get_array()
    assert np.ma.filled(shown, np.nan).ravel() == pytest.approx(
        many.differences.to_numpy().ravel(), nan_ok=True
    )
    one_length = correlation.every_window(x, to, than, lengths=20).plot()
    assert [text.get_text() for text in one_length.get_legend().get_texts()] == [
        "closer to to",
        "closer to than",
    ]


def order(prices, **options):
    return correlation.closer(*(prices[name] for name in prices), **options)


def every(prices, **options):
    return correlation.every_window(*(prices[name] for name in prices), **options)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: correlation.window(p["x"].to_list(), p["to"]), "x: received list; legal: a Series"),
        (lambda p: correlation.window(p["x"].astype(str), p["to"]), "x: received '.*'.*legal: numbers"),
        (lambda p: correlation.window(p["x"].replace(p["x"].iloc[3], 0.0), p["to"]), "must be > 0"),
        (lambda p: correlation.window(p["x"], np.log(p["to"]).diff().dropna()), "y: received .*Pass prices"),
        (lambda p: correlation.window(p["x"].iloc[[0, 1, 1, 2]], p["to"]), "x: 1 row repeated"),
        (lambda p: correlation.window(p["x"].iloc[::-1], p["to"]), "times must ascend"),
        (lambda p: correlation.window(p["x"].drop(p.index[40:60]), p["to"]), "x: a gap from 2025-10-24"),
        (lambda p: correlation.window(p["x"].tz_localize("UTC"), p["to"]), "x: received timestamps in UTC"),
        (lambda p: correlation.window(p["x"].iloc[:1], p["to"]), "x: received 1 row; at least 2"),
        (lambda p: correlation.window(p["x"], p["to"], first="2026-02-12"), "2 common days; at least 5"),
        (lambda p: correlation.window(0.0 * p["x"] + 5.0, p["to"]), "x: received prices whose 119"),
        (lambda p: correlation.window(p["x"], p["to"], first="soon"), "first: received 'soon'; legal: a"),
        (lambda p: correlation.window(p["x"], p["to"], last="2026-02-05T12:00"), "last: .*legal: a date"),
        (lambda p: correlation.window(3, 4, first="soon"), r"first: [\s\S]*x: [\s\S]*y: received int"),
        (lambda p: correlation.rolling(p["x"], p["to"], window=4, reference=45), r"window: .*\n.*reference"),
        (lambda p: correlation.rolling(p["x"], p["to"], window=200), "120 common days; at least 201"),
        (lambda p: correlation.weighted(p["x"], p["to"], halflife=0.5), "halflife: received 0.5"),
        (lambda p: order(p, block=150), "block: received 150; legal: from 1 to the 119"),
        (lambda p: order(p, block=0, draws=5, seed=-1), r"block: [\s\S]*draws: [\s\S]*seed"),
        (lambda p: every(p, lengths=(5, 6, 7)), "lengths: received 3 numbers"),
        (lambda p: every(p, lengths=(9, 6)), "the shortest first"),
        (lambda p: every(p, lengths=4), "lengths: received 4"),
        (lambda p: every(p, ends=["2026-01-03"]), "ends: received 2026-01-03; legal"),
        (lambda p: every(p, ends=["x"]), "ends: received 'x'; legal: a date"),
        (lambda p: every(p, ends=["2025-09-04"] * 2), "ends: received 2025-09-04 twice"),
        (lambda p: every(p, ends=5), "ends: received 5; legal: days"),
        (lambda p: every(p, ends=[]), "ends: received none"),
        (lambda p: every(p, ends="2025-09-04"), "ends: received 2025-09-04"),
    ],
)  # fmt: skip
def test_refusals(prices, call, words):
    with pytest.raises(gf.SchemaError, match=words):
        call(prices)


def test_absurd_prices_are_named(prices):
    split = prices["x"].copy()
    split.iloc[50:] /= 4.0
    found = correlation.window(split, prices["to"])
    assert any("x: received a log return of -1.39" in text and "split" in text for text in found.warnings)
    assert "WARNING: x: received a log return" in found.summary()
    assert correlation.window(prices["x"], prices["to"]).warnings == ()


def test_days_that_one_series_lacks_are_counted(prices):
    found = correlation.window(prices["x"].drop(prices.index[[5, 9]]), prices["to"])
    assert found.n == 117
    assert "left out for want of the others: 2 days of to" in found.lines[0]
    assert found.warnings == ()
    weekly = correlation.window(prices["x"].iloc[::5], prices["to"])
    assert weekly.n == 23
    assert "to: received 116 days of which 92 are missing from the other series" in weekly.warnings[0]
