"""Pictures of barrier options draw the values of their functions."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow import barrier
from gammaflow.errors import SchemaError
from gammaflow.plot import barriers
from gammaflow.plot.barriers import time_text
from gammaflow.positions.book import Book
from gammaflow.studies.barrier_books import barrier_parts, barrier_trades
from gammaflow.studies.barriers import cliff, knock_jumps
from support.books import ASOF, random_book
from support.pictures import notes as inside
from support.pictures import title

mpl.use("Agg")

PUT = {"kind": "down-in", "flag": "p", "K": 100.0, "H": 60.0, "r": 0.04, "sigma": 0.2, "q": 0.01}
TIMES = [1.0, 21 / 365, 1 / 365]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


def _legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def _named(ax, label):
    return next(line for line in ax.lines if line.get_label() == label)


def notes(levels=(85.0, 80.0), kind="down-in put", days=30.0, dates=np.nan, **changes):
    columns = {
        "contract": [f"note {level}" for level in levels],
        "venue": "notes",
        "expiry": ASOF + pd.Timedelta(days, "D"),
        "strike": 100.0,
        "kind": kind,
        "position": 1e6,
        "multiplier": 10.0,
        "sigma": 0.45,
        "rate": 0.04,
        "dividend_yield": 0.012,
        "barrier": levels,
        "monitoring_dates": dates,
    }
    return Book(pd.DataFrame(columns | changes), "TEST", 100.0, ASOF)


@pytest.mark.parametrize(
    ("years", "text"),
    [
        (2.5, "2.5 years"),
        (0.99, "0.99 years"),
        (0.5, "6 months"),
        (21 / 365, "3 weeks"),
        (10 / 365, "10 days"),
        (0.521, "190 days"),
        (0.5 / 365, "12 hours"),
        (90.4 / 525_600, "1.51 hours"),
        (50.4 / 525_600, "50.4 minutes"),
        (0.25 / 525_600, "0.25 minutes"),
    ],
)
def test_times_are_told_in_units_that_can_be_read(years, text):
    assert time_text(years) == text


def test_the_cliff_is_the_ladder_on_both_sides_of_the_barrier():
    lines = cliff(**PUT, times=TIMES).table["continuous"]
    assert lines.columns.to_list() == TIMES
    assert (np.diff(lines.index) > 0).all()
    assert lines.index[0] == pytest.approx(55.0)
    assert lines.index[-1] == pytest.approx(75.0)
    edge = barrier.delta_excess("down-in", "p", 100.0, 60.0, TIMES, 0.04, 0.2, 0.01).edge
    plain = gf.bsm.greeks("p", 60.0, 100.0, TIMES, 0.04, 0.2, 0.01, which="delta").delta
    np.testing.assert_allclose(lines.loc[60.0], plain, rtol=1e-12)
    np.testing.assert_allclose(lines[lines.index > 60.0].iloc[0], edge, rtol=1e-6)


def test_the_cliff_of_an_upper_barrier_is_seen_from_below():
    found = cliff("up-in", "c", 100.0, 130.0, 0.01, 0.3, times=[0.1], reach=0.3, which="gamma")
    lines = found.table["continuous"]
    assert lines.index[0] == pytest.approx(91.0)
    assert lines.index[-1] == pytest.approx(143.0)
    right = barrier.greeks("up-in", "c", lines.index.to_numpy(), 100.0, 130.0, 0.1, 0.01, 0.3).gamma
    np.testing.assert_allclose(lines[0.1], right, rtol=1e-12)


def test_dates_a_year_are_spread_over_each_time():
    lines = cliff(**PUT, times=TIMES).table["252 dates a year"]
    for t, dates in zip(TIMES, (252, 14, 1), strict=True):
        right = barrier.greeks(S=lines.index.to_numpy(), t=t, monitoring=dates, which="delta", **PUT).delta
        np.testing.assert_allclose(lines[t], right, rtol=1e-12)


def test_the_picture_of_the_cliff():
    ax = cliff(**PUT, times=TIMES).plot(currency="USD")
    assert ax.get_title(loc="left") == (
        "Delta of a down-in put, strike 100.00, barrier 60.00, volatility 20 %"
    )
    assert ax.get_xlabel() == "spot [USD]"
    assert ax.get_ylabel() == "delta [units of the underlying per option]"
    assert _legend(ax) == [
        "1 year (-2.49, -2.45)",
        "3 weeks (-11.2, -9.79)",
        "1 day (-51, -25.9)",
        "continuous",
        "252 dates a year",
        "|delta| = 1",
        "barrier 60.00",
    ]
    for name in ("continuous", "252 dates a year"):
        lines = cliff(**PUT, times=TIMES).table[name]
        drawn = _named(ax, f"_{name}, 1 day")
        assert np.array_equal(drawn.get_xydata(), np.column_stack([lines.index, lines[1 / 365]]))
    assert _named(ax, "_continuous, 1 day").get_linestyle() == "-"
    assert _named(ax, "_252 dates a year, 1 day").get_linestyle() == "--"
    assert set(_named(ax, "|delta| = 1").get_ydata()) == {-1.0}
    assert set(_named(ax, "barrier 60.00").get_xdata()) == {60.0}
    low, high = ax.get_ylim()
    assert low < -51 < 0 < high
    assert [t for t in ax.get_yticks() if t < -4] == [-50.0, -20.0, -10.0, -5.0]


def test_the_picture_of_gamma_has_no_limit_and_may_be_of_one_way_of_monitoring():
    ax = cliff(**PUT, which="gamma", times=TIMES, dates_per_year=None).plot()
    assert ax.get_ylabel() == "gamma [delta per 1 of spot]"
    assert _legend(ax)[3:] == ["continuous", "barrier 60.00"]
    lines = cliff(**PUT, which="gamma", times=TIMES).table["continuous"]
    assert np.array_equal(_named(ax, "_continuous, 3 weeks").get_ydata(), lines[21 / 365])
    assert cliff(**PUT, which="gamma").plot(currency="USD").get_ylabel() == "gamma [delta per 1 USD]"


def test_a_limit_is_marked_on_the_sides_that_reach_it():
    ax = cliff("down-in", "c", 100.0, 90.0, 0.0, 0.3, times=[1 / 365], dates_per_year=None).plot()
    assert [line.get_ydata()[0] for line in ax.lines if "|delta|" in str(line.get_label())] == []
    index = pd.Index([1.0, 2.0, 3.0], name="spot")
    ladder = pd.DataFrame({0.5: [-3.0, 0.0, 2.0]}, index)
    ax = barriers.plot_ladder({"one": ladder}, 2.0, "", "", linear=0.1, limit=1.5, limit_label="limit")
    limits = [line for line in ax.lines if str(line.get_label()).endswith("limit")]
    assert [line.get_ydata()[0] for line in limits] == [-1.5, 1.5]
    assert _legend(ax).count("limit") == 1


def test_a_ladder_of_nothing_and_one_of_many_decades():
    index = pd.Index([1.0, 2.0, 3.0], name="spot")
    ax = barriers.plot_ladder({"none": pd.DataFrame({1.0: 0.0}, index)}, 2.0, "", "", linear=1.0)
    assert ax.get_yticks().tolist() == [0.0]
    tall = pd.DataFrame({1.0: [-5.0, 0.0, 7e6]}, index)
    ax = barriers.plot_ladder({"tall": tall}, 2.0, "", "", linear=1.0)
    assert ax.get_yticks().tolist() == [-1.0, 0.0, *(10.0**p for p in range(7))]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"times": []}, "times: received none"),
        ({"times": [1.0, -1.0]}, "times: received -1.0; times must be > 0"),
        ({"reach": 1.0}, r"reach: received 1.0; legal: a share of the barrier in \(0, 1\)"),
        (
            {"H": 0.0, "K": -1.0, "sigma": np.nan},
            "(?s)K: received -1.0.*H: received 0.0.*sigma: received nan",
        ),
        ({"dates_per_year": 0}, "dates_per_year: received 0; dates_per_year must be > 0"),
        ({"which": "charisma"}, "which: received 'charisma'"),
        ({"kind": "sideways"}, "kind: received 'sideways'"),
    ],
)
def test_a_cliff_says_what_it_cannot_draw(change, message):
    with pytest.raises(SchemaError, match=message):
        cliff(**PUT | change)


def test_only_delta_and_gamma_are_cliffs():
    with pytest.raises(SchemaError, match="which: received 'vega'; legal: 'delta', 'gamma'"):
        cliff(**PUT, which="vega").plot()


def test_the_jump_over_time_and_where_delta_passes_one():
    ax = knock_jumps("down-in", "p", 1.0, 0.7, 0.0, [0.45, 0.9], years=(1 / 52, 2.0)).plot()
    assert _legend(ax) == ["45 %, 190 days", "90 %, 47.6 days", "sigma sqrt(t) = 0.325"]
    assert ax.get_legend().get_title().get_text() == "volatility, time at which |delta| = 1"
    assert ax.get_ylabel() == "sold by the hedger who is long it [units per option]"
    assert ax.get_title(loc="left") == "Jump of delta at the barrier of a down-in put, strike 1, barrier 0.7"
    years, jump = _named(ax, "45 %, 190 days").get_data()
    assert years[[0, -1]] == pytest.approx([1 / 52, 2.0])
    right = barrier.knock_in_jump("down-in", "p", 1.0, 0.7, years, 0.0, 0.45)
    np.testing.assert_allclose(jump, right, rtol=1e-12)
    times, jumps = _named(ax, "sigma sqrt(t) = 0.325").get_data()
    threshold = barrier.excess_threshold("down-in", "p", 0.7)
    assert times == pytest.approx((threshold / np.array([0.45, 0.9])) ** 2, rel=1e-9)
    assert jumps == pytest.approx([jumps[0]] * 2, rel=1e-9)
    assert [t.get_text() for t in ax.get_xticklabels()] == [
        "1 week", "1 month", "3 months", "1 year", "2 years",
    ]  # fmt: skip


def test_with_a_rate_the_threshold_moves_with_volatility():
    ax = knock_jumps("down-in", "p", 1.0, 0.7, 0.05, [0.3, 0.9], 0.01, limit=2.0).plot()
    (text,) = [text for text in _legend(ax) if "sqrt" in text]
    low, high = map(float, text.removeprefix("sigma sqrt(t) = ").split(" to "))
    marks = _named(ax, text)
    for sigma, end, t in zip((0.3, 0.9), (high, low), marks.get_xdata(), strict=True):
        edge = barrier.delta_excess("down-in", "p", 1.0, 0.7, t, 0.05, sigma, 0.01).edge
        assert edge == pytest.approx(-2.0, rel=1e-9)
        assert sigma * np.sqrt(t) == pytest.approx(end, abs=5e-4)
    assert low < high


def test_a_jump_that_is_bought_and_one_that_never_passes_the_limit():
    ax = knock_jumps("up-in", "c", 1.0, 1.3, 0.0, [0.6], years=(0.01, 1.0)).plot()
    assert ax.get_ylabel().startswith("bought by the hedger")
    years, jump = ax.lines[0].get_data()
    right = barrier.knock_in_jump("up-in", "c", 1.0, 1.3, years, 0.0, 0.6)
    assert (right < 0).all()
    assert ax.get_title(loc="left").startswith("Jump of delta at the barrier of an up-in call, strike 1")
    np.testing.assert_allclose(jump, -right, rtol=1e-12)
    ax = knock_jumps("down-in", "p", 1.0, 0.7, 0.0, [0.9], years=(1.0, 2.0)).plot()
    assert _legend(ax) == ["90 %"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"volatilities": []}, "volatilities: received none"),
        ({"volatilities": [0.0], "H": -1.0}, "(?s)H: received -1.0.*volatilities: received 0.0"),
        ({"years": (2.0, 1.0)}, r"years: received \(2.0, 1.0\); legal: the shorter time first"),
        ({"years": (0.0, 1.0)}, "years: received 0.0; years must be > 0"),
        ({"years": (1.0, np.nan)}, "years: received"),
        ({"limit": 0.0}, "limit: received 0.0; limit must be > 0"),
        ({"flag": "x"}, "flag: received 'x'"),
    ],
)
def test_a_jump_says_what_it_cannot_draw(change, message):
    terms = {"kind": "down-in", "flag": "p", "K": 1.0, "H": 0.7, "r": 0.0, "volatilities": [0.5]}
    with pytest.raises(SchemaError, match=message):
        knock_jumps(**terms | change)


def test_what_dealers_sell_at_each_barrier_is_the_jump_of_delta():
    book = notes() + random_book(1)
    trades = barrier_trades(gf.sweep_spot(book, [90.0, 100.0], days=3.0, vol_shift=0.02))
    jump = barrier.knock_in_jump("down-in", "p", 100.0, [80.0, 85.0], 27 / 365, 0.04, 0.47, 0.012)
    assert trades.index.to_list() == [80.0, 85.0]
    assert trades.to_numpy() == pytest.approx(-1e7 * jump * [80.0, 85.0], rel=1e-5)


def test_upper_barriers_are_hit_from_below_and_barriers_behind_spot_are_left_out():
    book = notes([130.0], "up-in call") + notes([140.0, 80.0], "down-in call", contract=["a", "b"])
    trades = barrier_trades(gf.sweep_spot(book, [100.0]))
    up = barrier.knock_in_jump("up-in", "c", 100.0, 130.0, 30 / 365, 0.04, 0.45, 0.012)
    down = barrier.knock_in_jump("down-in", "c", 100.0, 80.0, 30 / 365, 0.04, 0.45, 0.012)
    assert up < 0 < down
    expected = {80.0: -1e7 * down * 80.0, 130.0: -1e7 * up * 130.0}
    assert trades.to_dict() == pytest.approx(expected, rel=1e-5)


def test_nothing_is_traded_at_once_where_barriers_are_looked_at_on_dates():
    dated = notes([85.0], dates=21.0)
    assert barrier_trades(gf.sweep_spot(dated, [100.0])).to_dict() == {85.0: 0.0}
    both = dated + notes([80.0])
    assert (barrier_trades(gf.sweep_spot(both, [100.0])) == 0).to_list() == [False, True]


@pytest.mark.parametrize(("years", "millions"), [(1 / 12, 349), (1.75, 6)])
def test_the_published_notes_sell_a_few_millions_or_hundreds(years, millions):
    """USD 530 m of face, all knocked at one barrier at 70 %, 56 %, r = q = 0."""
    book = notes([70.0], days=365 * years, position=530e6 / 1000.0, sigma=0.56, rate=0.0, dividend_yield=0.0)
    (trade,) = barrier_trades(gf.sweep_spot(book, [100.0]))
    assert round(-trade / 1e6) == millions


def test_the_parts_of_a_profile_add_up_and_barriers_are_named():
    book = notes([85.0, 80.0]) + random_book(1)
    profile = gf.sweep_spot(book, np.linspace(75.0, 120.0, 46))
    ax = barrier_parts(profile).plot()
    assert _legend(ax) == ["calls and puts", "down-in puts", "all", "barrier", "spot 100.00"]
    assert title(ax) == (
        "TEST gamma over spot with barrier options, 2026-02-05 14:30 UTC\nrule: given positions"
    )
    assert ax.get_ylabel() == "gamma [USD m per +1 % spot]"
    spots, whole = _named(ax, "all").get_data()
    assert set(profile.spots) <= set(spots)
    assert {80.0, 85.0} <= set(spots)
    plain, knock_ins = (_named(ax, name).get_ydata() for name in ("calls and puts", "down-in puts"))
    np.testing.assert_allclose(plain + knock_ins, whole, rtol=1e-12, atol=1e-12 * np.abs(whole).max())
    total = np.interp(profile.spots, spots, whole)
    np.testing.assert_allclose(total * 1e6, profile.table["gamma"], rtol=1e-9)
    alone = gf.sweep_spot(notes([85.0, 80.0]), profile.spots).table["gamma"]
    np.testing.assert_allclose(np.interp(profile.spots, spots, knock_ins) * 1e6, alone, rtol=1e-9)
    trades = barrier_trades(profile)
    texts = [f"{h:.2f}: dealers sell {-trade / 1e6:.0f} USD m" for h, trade in trades.items()]
    assert inside(ax) == texts
    marks = [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == ":"]
    assert marks == [80.0, 85.0]


def test_barriers_out_of_sight_dated_or_many_are_not_named():
    levels = np.arange(80.0, 99.0, 2.0)
    book = notes(levels, contract=[str(h) for h in levels])
    ax = barrier_parts(gf.sweep_spot(book, [81.0, 90.0, 110.0]), "vanna").plot()
    assert len([line for line in ax.lines if line.get_linestyle() == ":"]) == 9
    trades = barrier_trades(gf.sweep_spot(book, [100.0]))
    named = sorted(set(trades.abs().nlargest(6).index) - {80.0})
    assert [float(text.partition(":")[0]) for text in inside(ax)] == named
    dated = barrier_parts(gf.sweep_spot(notes([85.0], dates=5.0), [80.0, 90.0, 110.0])).plot()
    assert inside(dated) == ["85.00: observed on dates only"]


def test_a_book_without_barriers_has_no_parts():
    profile = gf.sweep_spot(random_book(1), [90.0, 100.0])
    with pytest.raises(SchemaError, match=r"without barrier options; use Profile\.plot"):
        barrier_parts(profile)
    assert barrier_trades(profile).empty


def test_pictures_are_drawn_where_they_are_told():
    from matplotlib import pyplot

    _, axes = pyplot.subplots(1, 3)
    assert cliff(**PUT).plot(ax=axes[0]) is axes[0]
    assert knock_jumps("down-in", "p", 1.0, 0.7, 0.0, [0.5]).plot(ax=axes[1]) is axes[1]
    assert barrier_parts(gf.sweep_spot(notes(), [90.0, 100.0, 110.0])).plot(ax=axes[2]) is axes[2]
