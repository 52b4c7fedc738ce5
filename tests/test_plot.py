"""Pictures and pages of plain tables."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gammaflow as gf
from books import random_book
from gammaflow import surveys
from gammaflow.errors import GammaflowError, SchemaError
from gammaflow.flow import hedge_flow
from gammaflow.plot import curves, interactive, static
from gammaflow.plot.page import Card, Panel, render_page, write_page
from gammaflow.plot.prepare import amount_text, expiry_labels, price_text, readable, require, strike_steps
from gammaflow.plot.tables import html_table, literal, markdown_table, text_table

mpl.use("Agg")
UNIT = "USD per +1 % spot"
HOSTILE = '<script>alert("x")</script>'
EXPIRIES = pd.DatetimeIndex(["2026-02-06T08:00Z", "2026-02-27T08:00Z"], name="expiry")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


@pytest.fixture
def bars():
    strikes = pd.Index(np.arange(90.0, 111.0), name="strike")
    return pd.DataFrame({"call": 2e6, "put": -5e6}, index=strikes)


@pytest.fixture
def profile():
    spots = np.linspace(80.0, 120.0, 81)
    return pd.Series((spots - 101.0) * 1e6, index=pd.Index(spots, name="spot"), name="gamma")


# --- prepare


@pytest.mark.parametrize(
    ("values", "divisor", "unit"),
    [
        ([0.0], 1.0, "USD per day"),
        ([], 1.0, "USD per day"),
        ([-999.0], 1.0, "USD per day"),
        ([-1e3, 5.0], 1e3, "USD k per day"),
        ([2.5e6], 1e6, "USD m per day"),
        ([1.0, -3e9], 1e9, "USD bn per day"),
        ([4e13], 1e12, "USD tn per day"),
    ],
)
def test_a_readable_unit_names_its_power_of_ten(values, divisor, unit):
    assert readable(values, "USD per day") == (divisor, unit)


def test_a_unit_of_one_word_keeps_its_power_of_ten():
    assert readable(-6.8e9, "USD") == (1e9, "USD bn")
    assert amount_text(-0.04, "USD", 1) == ("0.0", "USD")


@pytest.mark.parametrize(
    ("price", "text"),
    [(71_470.62, "71,471"), (4_494.3, "4,494.30"), (36.225, "36.23"), (0.0612345, "0.06123")],
)
def test_prices_have_the_digits_their_size_deserves(price, text):
    assert price_text(price + 1e-9) == text


def test_only_expiries_that_share_a_date_show_their_time():
    times = pd.DatetimeIndex(["2026-02-20T14:30Z", "2026-02-20T21:00Z", "2026-02-23T21:00Z"])
    assert expiry_labels(times) == ["2026-02-20 14:30", "2026-02-20 21:00", "2026-02-23"]


def test_a_missing_library_names_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(GammaflowError, match=r'plotly.*pip install "gammaflow-engine\[plot\]"'):
        require("plotly.graph_objects")


def test_importing_gammaflow_loads_no_plotting_library():
    code = (
        "import sys, gammaflow, gammaflow.report; "
        "print([m for m in ('matplotlib', 'plotly') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@given(
    strikes=st.lists(st.integers(1, 40_000), min_size=1, max_size=300, unique=True),
    spot=st.floats(0.5, 2e4),
    scale=st.sampled_from([0.01, 0.5, 1.0, 1000.0]),
    seed=st.integers(0, 99),
)
def test_steps_lose_nothing_but_the_share_they_report(strikes, spot, scale, seed):
    index = pd.Index(np.sort(strikes) * scale, name="strike")
    table = pd.DataFrame({"call": np.random.default_rng(seed).exponential(1.0, len(index))}, index=index)
    steps, step, outside = strike_steps(table, spot * scale)
    assert len(steps) <= 102
    assert np.allclose(np.diff(steps.index), step)
    assert steps.index[0] - step <= spot * scale <= steps.index[-1] + step
    assert outside < 0.03 + 1e-9
    assert np.isclose(steps["call"].sum(), table["call"].sum() * (1 - outside))


def test_five_thousand_strikes_are_summed_in_multiples_of_their_gap():
    strikes = pd.Index(np.arange(5.0, 25_005.0, 5.0), name="strike")
    table = pd.DataFrame({"put": np.exp(-(((strikes - 6_000) / 2_000) ** 2))}, index=strikes)
    steps, step, outside = strike_steps(table, 6_000.0)
    assert step == 100.0
    assert 50 <= len(steps) <= 101
    assert 0.024 < outside < 0.03
    middle = table["put"][(strikes >= 5_950) & (strikes < 6_050)].sum()
    assert steps["put"][6_000.0] == pytest.approx(middle, rel=1e-12)


def test_the_window_follows_the_weight_that_is_given():
    table = pd.DataFrame({"net": [0.0, 1.0, 0.0]}, index=pd.Index([90.0, 100.0, 110.0], name="strike"))
    assert list(strike_steps(table, 100.0)[0].index) == [100.0]
    steps, step, outside = strike_steps(table, 100.0, pd.Series([1.0, 1.0, 1.0], index=table.index))
    assert list(steps.index) == [90.0, 100.0, 110.0]
    assert (step, outside) == (10.0, 0.0)


def test_strikes_that_weigh_nothing_are_all_shown():
    table = pd.DataFrame({"call": [0.0, 0.0]}, index=pd.Index([90.0, 110.0], name="strike"))
    steps, step, outside = strike_steps(table, 100.0)
    assert (list(steps.index), step, outside) == ([100.0, 120.0], 20.0, 0.0)


# --- tables


def test_text_tables_scale_each_column_for_itself():
    table = pd.DataFrame({"delta": [2.5e9, -1e6], "vega": [12.0, -0.0001]})
    texts = text_table(table, {"delta": "USD", "vega": "USD per +1 vol point"})
    assert texts.to_dict("list") == {
        "delta [USD bn]": ["2.500", "-0.001"],
        "vega [USD per +1 vol point]": ["12.000", "0.000"],
    }


def test_markdown_is_literal():
    assert literal("a|b\n<i> [t](u) *x*") == r"a\|b \<i> [t]\(u) \*x\*"
    table = pd.DataFrame({"a|b [USD]": ["1", "<b>"], "c": ["", "2"]})
    assert markdown_table(table).splitlines() == [
        r"| a\|b [USD] | c |",
        "| --- | --- |",
        "| 1 |  |",
        r"| \<b> | 2 |",
    ]


def test_html_tables_escape_and_align_numbers():
    text = html_table(pd.DataFrame({HOSTILE: [HOSTILE, "b"], "n": ["-1,234.5", "2e-07"]}))
    assert "<script" not in text
    assert text.count("&lt;script&gt;") == 2
    assert text.count('class="n"') == 3
    assert '<tr><th scope="row">b</th><td class="n">2e-07</td></tr>' in text


# --- matplotlib


def test_bars_by_strike(bars):
    ax = static.plot_bars(bars, 100.4, "X gamma by strike", UNIT, currency="USD")
    calls, puts = ax.containers
    assert [b.get_height() for b in calls] == [2.0] * len(calls)
    assert [b.get_height() for b in puts] == [-5.0] * len(puts)
    assert [b.get_x() + b.get_width() / 2 for b in calls][:2] == pytest.approx([90.0, 91.0])
    net = next(line for line in ax.lines if line.get_label() == "net")
    assert set(net.get_ydata()) == {-3.0}
    assert ax.get_xlabel() == "strike [USD]"
    assert ax.get_ylabel() == "USD m per +1 % spot"
    assert ax.get_title(loc="left") == "X gamma by strike"
    assert {t.get_text() for t in ax.get_legend().get_texts()} == {"calls", "puts", "net", "spot 100.40"}


def test_bars_stack_where_both_kinds_have_one_sign(bars):
    ax = static.plot_bars(bars.abs(), 100.0, "", UNIT)
    calls, puts = ax.containers
    assert {b.get_y() for b in puts} == {2.0}
    assert {b.get_y() for b in calls} == {0.0}
    assert ax.get_xlabel() == "strike"


def test_bars_by_expiry_of_one_kind():
    bars = pd.DataFrame({"put": [-1.0, -2.0]}, index=EXPIRIES)
    ax = static.plot_bars(bars, 100.0, "", UNIT)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["2026-02-06", "2026-02-27"]
    assert ax.get_xlabel() == "expiry [UTC]"
    assert {t.get_text() for t in ax.get_legend().get_texts()} == {"puts", "net"}


def test_bars_by_many_names_label_a_few():
    bars = pd.DataFrame({"call": np.ones(60)}, index=pd.Index([f"C{i}" for i in range(60)], name="contract"))
    ax = static.plot_bars(bars, 100.0, "", UNIT)
    assert [t.get_text() for t in ax.get_xticklabels()][:2] == ["C0", "C3"]
    assert ax.get_xlabel() == "contract"


def test_profile_marks_flips_zones_and_cores(profile):
    ax = static.plot_profile(
        profile, 100.0, "P", UNIT, flips=[101.0], zones=[(80.0, 101.0, [(80.0, 82.0)])], currency="$"
    )
    curve = max(ax.lines, key=lambda line: len(line.get_xdata()))
    assert np.array_equal(curve.get_ydata(), profile.to_numpy() / 1e6)
    labels = [t.get_text() for t in ax.get_legend().get_texts()]
    assert labels == ["short-gamma zone", "core", "zero gamma 101.00", "spot 100.00"]
    spans = {(p.get_x(), p.get_x() + p.get_width()) for p in ax.patches}
    assert spans == {(80.0, 101.0), (80.0, 82.0)}
    assert ax.get_ylabel() == "gamma [USD m per +1 % spot]"
    assert ax.get_xlabel() == r"spot [\$]"
    ax.figure.canvas.draw()


def test_a_profile_with_many_flips_names_three(profile):
    ax = static.plot_profile(profile, 100.0, "", UNIT, flips=[90.0, 95.0, 101.0, 102.0, 103.0])
    assert "zero gamma 90.00, 95.00, 101.00 and 2 more" in [t.get_text() for t in ax.get_legend().get_texts()]


def test_a_profile_of_one_spot(profile):
    ax = static.plot_profile(profile.iloc[:1], 100.0, "", UNIT)
    ax.figure.canvas.draw()
    assert ax.lines[0].get_ydata() == [-21.0]


def test_pictures_draw_where_they_are_told(bars, profile):
    figure, axes = static.plot_panels("$1$ title", "note")
    assert static.plot_profile(profile, 100.0, "", UNIT, ax=axes[0]) is axes[0]
    assert static.plot_bars(bars, 100.0, "", UNIT, ax=axes[1]) is axes[1]
    assert figure.get_suptitle() == r"\$1\$ title"
    figure.canvas.draw()


# --- matplotlib: curves, paths, maps, flows


def _legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def _named(ax, label):
    return next(line for line in ax.lines if line.get_label() == label)


def test_named_curves_differ_in_colour_and_dashes_and_show_their_zeros(profile):
    table = pd.DataFrame({"one": profile, "two": profile + 5e6})
    ax = curves.plot_curves(table, 100.0, "T $1$", UNIT, zeros=[[101.0], [96.0, 130.0]], currency="$")
    one, two = _named(ax, "one, zero 101.00"), _named(ax, "two, zero 96.00")
    assert np.array_equal(one.get_ydata(), profile.to_numpy() / 1e6)
    assert np.array_equal(two.get_ydata(), profile.to_numpy() / 1e6 + 5)
    assert np.array_equal(two.get_xdata(), profile.index)
    assert one.get_color() != two.get_color()
    assert one.get_linestyle() != two.get_linestyle()
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert [dot.get_xdata().tolist() for dot in dots] == [[101.0], [96.0, 130.0]]
    assert [dot.get_ydata().tolist() for dot in dots] == [[0.0], [0.0, 0.0]]
    assert [dot.get_color() for dot in dots] == [one.get_color(), two.get_color()]
    assert _legend(ax) == ["one, zero 101.00", "two, zero 96.00", "spot 100.00"]
    assert set(_named(ax, "spot 100.00").get_xdata()) == {100.0}
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("USD m per +1 % spot", r"spot [\$]")
    assert ax.get_title(loc="left") == r"T \$1\$"
    ax.figure.canvas.draw()


def test_numbered_curves_go_from_dark_to_light_and_name_a_few(profile):
    table = pd.DataFrame({day: profile * (1 + day) for day in range(15)}).rename_axis("days", axis=1)
    ax = curves.plot_curves(table, 100.0, "", UNIT)
    lines = [line for line in ax.lines if len(line.get_xdata()) == len(profile)]
    light = [np.dot(line.get_color()[:3], [0.2126, 0.7152, 0.0722]) for line in lines]
    assert len(lines) == 15
    assert np.all(np.diff(light) > 0)
    assert np.array_equal(lines[14].get_ydata(), 15 * profile.to_numpy() / 1e6)
    assert _legend(ax) == [*(f"days {day}" for day in range(0, 15, 2)), "spot 100.00"]
    one = curves.plot_curves(table[[3]], 100.0, "", UNIT, labels=["third"])
    assert _legend(one) == ["third", "spot 100.00"]


def test_a_path_shows_flip_trough_core_spot_and_expiries():
    start = pd.Timestamp("2026-02-05T09:36Z")
    days = [1.0, 2.0, 4.0]
    path = pd.DataFrame(
        {
            "moment": [start + pd.Timedelta(day, "D") for day in days],
            "nearest_flip": [104.0, np.nan, 103.0],
            "trough": [95.0, 96.0, 97.0],
            "core_low": [90.0, 91.0, 92.0],
            "core_high": [99.0, 98.0, 97.5],
        },
        index=pd.Index(days, name="days"),
    )
    ax = curves.plot_path(path, 100.0, "P", expiries=[0.9, 1.9, 3.0, 4.1], currency="USD")
    flip, trough = _named(ax, "nearest zero gamma"), _named(ax, "trough of gamma")
    assert np.array_equal(flip.get_ydata(), [104.0, np.nan, 103.0], equal_nan=True)
    assert trough.get_ydata().tolist() == [95.0, 96.0, 97.0]
    assert flip.get_xdata().tolist() == days
    (band,) = ax.collections
    corners = {tuple(corner) for corner in band.get_paths()[0].vertices}
    assert {(1.0, 90.0), (1.0, 99.0), (2.0, 91.0), (2.0, 98.0), (4.0, 92.0), (4.0, 97.5)} == corners
    assert _named(ax, "expiry").get_xdata().tolist() == [1.9, 3.0]
    assert set(_named(ax, "spot 100.00").get_ydata()) == {100.0}
    assert ax.xaxis.get_major_formatter()(4.0, 0) == "4\n09 Feb"
    assert ax.get_xlabel() == "calendar days ahead [days], and the date [UTC]"
    assert ax.get_ylabel() == "spot [USD]"
    assert "expiry" not in _legend(curves.plot_path(path, 100.0, ""))


def test_a_map_of_strikes_sums_them_in_steps_and_is_centred_at_zero():
    spots, strikes = np.linspace(80.0, 120.0, 5), np.arange(50.0, 151.0)
    weights = np.exp(-(((strikes - 100.0) / 10) ** 2)) * np.sign(strikes - 99.5)
    table = pd.DataFrame(
        np.outer(spots, weights) * 1e5,
        index=pd.Index(spots, name="spot"),
        columns=pd.Index(strikes, name="strike"),
    )
    ax = curves.plot_heatmap(table, 100.0, "M", UNIT, currency="USD")
    mesh = ax.collections[0]
    steps, step, outside = strike_steps(table.T, 100.0, bars=50)
    assert np.array_equal(mesh.get_array(), steps.to_numpy() / 1e6)
    assert mesh.norm(0.0) == 0.5
    assert mesh.norm.vmin == -mesh.norm.vmax
    assert mesh.norm(mesh.norm.vmax / 4) == pytest.approx(0.75)
    red, _, blue, _ = mesh.cmap(0.0)
    assert red > blue
    assert 0 < outside < 0.03
    assert ax.get_ylabel() == f"strike in steps of {step:g} [USD]; {100 * outside:.2g} % lies beyond"
    assert ax.get_xlabel() == "spot [USD]"
    assert np.array_equal(*_named(ax, "strike = spot").get_data())
    assert _legend(ax) == ["strike = spot", "spot 100.00"]
    bar = ax.figure.axes[1]
    assert bar.get_yticks().tolist() == [-10.0, -2.0, 0.0, 2.0, 10.0]
    assert 10.0 <= mesh.norm.vmax < 20.0
    assert bar.get_ylabel() == "USD m per +1 % spot"
    ax.figure.canvas.draw()


def test_a_map_of_expiries_has_the_nearest_on_top():
    table = pd.DataFrame([[1.0, -2.0], [3.0, 0.0]], index=pd.Index([90.0, 110.0]), columns=EXPIRIES)
    ax = curves.plot_heatmap(table, 100.0, "", UNIT)
    assert np.array_equal(ax.collections[0].get_array(), [[1.0, 3.0], [-2.0, 0.0]])
    assert [text.get_text() for text in ax.get_yticklabels()] == ["2026-02-06", "2026-02-27"]
    assert ax.yaxis_inverted()
    assert ax.get_ylabel() == "expiry [UTC]"
    assert _legend(ax) == ["spot 100.00"]


def test_a_map_of_names_and_of_nothing():
    table = pd.DataFrame([[0.0, 0.0]], index=[90.0], columns=pd.Index(["call", "put"], name="kind"))
    ax = curves.plot_heatmap(table, 100.0, "", UNIT)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["call", "put"]
    assert ax.get_ylabel() == "kind"
    assert ax.figure.axes[1].get_yticks().tolist() == [-1.0, -0.2, 0.0, 0.2, 1.0]
    ax.figure.canvas.draw()


def test_a_flow_stands_below_its_gamma_and_names_its_ends(profile):
    flow = pd.Series([-3e9, 1e9, 0.0, -2e9], index=[95.0, 98.0, 100.0, 105.0])
    above, below = curves.plot_flow(profile, flow, 100.0, "F", UNIT, flips=[101.0], currency="USD")
    line = next(line for line in below.lines if len(line.get_xdata()) == 4)
    assert line.get_ydata().tolist() == [-3.0, 1.0, 0.0, -2.0]
    assert [text.get_text() for text in below.texts] == ["-3.0 USD bn at -5 %", "-2.0 USD bn at +5 %"]
    buys, sells = below.collections
    assert (buys.get_label(), sells.get_label()) == ("dealers buy", "dealers sell")
    assert buys.get_paths()[0].vertices[:, 1].min() == 0.0
    assert sells.get_paths()[0].vertices[:, 1].min() == -3.0
    assert below.get_ylabel() == "traded [USD bn], + = dealers buy"
    assert below.xaxis.get_major_formatter()(95.0, 0) == "95\n-5.0 %"
    assert above.get_ylabel() == "gamma [USD m per +1 % spot]"
    assert "zero gamma 101.00" in _legend(above)
    above.figure.canvas.draw()
    assert curves.plot_flow(profile, flow, 100.0, "", UNIT, axes=[below, above]) == [below, above]


# --- pictures that results draw of themselves


@pytest.fixture(scope="module")
def book():
    return gf.assign_positions(gf.demo_chain())


def test_a_cube_draws_its_days_or_its_shifts(book):
    spots = np.linspace(60_000, 85_000, 26)
    cube = gf.sweep(book, spots, days=[0, 1, 3], vol_shifts=[0, 0.05], measures=["gamma", "vanna"])
    ax = cube.plot("vanna", vol_shift=0.05)
    assert _legend(ax) == ["now", "1 d ahead", "3 d ahead", "spot 71,470"]
    millions = cube.over_days("vanna", 0.05)[3.0].to_numpy() / 1e6
    assert np.array_equal(_named(ax, "3 d ahead").get_ydata(), millions)
    assert ax.get_title(loc="left") == "BTC vanna over spot, 2026-02-05 09:36 UTC, +5 vol points"
    assert ax.get_ylabel() == "USD m per +1 vol point"
    ax = cube.plot(over="vol_shifts", days=3)
    assert _legend(ax) == ["as quoted", "+5 vol points", "spot 71,470"]
    millions = cube.over_vol_shifts("gamma", 3)[0.05].to_numpy() / 1e6
    assert np.array_equal(_named(ax, "+5 vol points").get_ydata(), millions)
    assert ax.get_title(loc="left") == "BTC gamma over spot, 2026-02-05 09:36 UTC, 3 d ahead"
    with pytest.raises(SchemaError, match="over: received 'spots'; legal: 'days', 'vol_shifts'"):
        cube.plot(over="spots")


def test_dynamics_are_drawn_with_the_zeros_of_their_table(book):
    how = ["sticky_strike", gf.dynamics.spot_vol_beta(-3)]
    table = gf.compare_dynamics(book, how).xs("total_gamma", level="measure")
    ax = surveys.plot_dynamics(book, how, measure="total_gamma")
    zeros = [price_text(flip) for flip in table["nearest_flip"]]
    names = [f"{name}, zero {zero}" for name, zero in zip(table.index, zeros, strict=True)]
    assert _legend(ax) == [*names, "spot 71,470"]
    dots = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o"]
    assert dots == pytest.approx(table["nearest_flip"].to_list(), rel=1e-12)
    moved = gf.sweep_spot(book, dynamics=how[1], measures=["total_gamma"]).table["total_gamma"]
    assert np.array_equal(_named(ax, names[1]).get_ydata(), moved.to_numpy() / 1e6)
    assert ax.get_title(loc="left").startswith("BTC total gamma over spot under each dynamics, 2026-02-05")
    with pytest.raises(SchemaError, match="dynamics: received an empty list"):
        surveys.plot_dynamics(book, [])


def test_the_path_of_flips_is_its_table(book):
    path = gf.flip_path(book, [0, 2, 5])
    ax = surveys.plot_flip_path(book, [0, 2, 5])
    assert _named(ax, "nearest zero gamma").get_ydata().tolist() == path["nearest_flip"].to_list()
    assert _named(ax, "trough of gamma").get_ydata().tolist() == path["trough"].to_list()
    passed = (book.expiries[:2] - book.asof) / pd.Timedelta(1, "D")
    assert _named(ax, "expiry").get_xdata().tolist() == passed.to_list()


def test_a_profile_draws_its_strikes(book):
    profile = gf.sweep_spot(book, [65_000, 70_000, 75_000])
    ax = profile.plot_by("strike", "vanna")
    shown = np.asarray(ax.collections[0].get_array()).sum(axis=0) * 1e6
    steps, _, outside = strike_steps(profile.by("strike", "vanna").T, book.spot, bars=50)
    assert shown == pytest.approx(steps.sum().to_numpy(), rel=1e-12)
    assert outside < 0.03
    assert ax.get_title(loc="left") == "BTC vanna over spot by strike, 2026-02-05 09:36 UTC"
    assert profile.plot_by("expiry").get_ylabel() == "expiry [UTC]"


@pytest.mark.parametrize("how", ["sticky_strike", gf.dynamics.spot_vol_beta(-0.4)], ids=str)
def test_the_cumulative_flow_is_the_hedge_flow_of_each_move(how):
    book = random_book(3)
    above, below = surveys.plot_flow(book, reach=0.1, dynamics=how)
    line = next(line for line in below.lines if len(line.get_xdata()) == 101)
    unit = {"traded [USD k], + = dealers buy": 1e3, "traded [USD m], + = dealers buy": 1e6}[
        below.get_ylabel()
    ]
    for place in (0, 50, 73, 100):
        flow = hedge_flow(book, spot=line.get_xdata()[place], dynamics=how).total
        assert line.get_ydata()[place] * unit == pytest.approx(flow, rel=1e-9, abs=1e-6)
    measure = "gamma" if how == "sticky_strike" else "total_gamma"
    assert above.get_ylabel().startswith(f"{measure} [")


@pytest.mark.parametrize("reach", [0.0, 1.0, -0.05, float("nan")])
def test_a_flow_needs_a_reach_below_one(reach):
    with pytest.raises(SchemaError, match=r"reach: received .*; legal: a share of spot in \(0, 1\)"):
        surveys.plot_flow(random_book(3), reach=reach)


# --- plotly


def _trace(figure, name):
    return next(trace for trace in figure.data if trace.name == name)


def test_interactive_bars_by_strike(bars):
    bars.loc[111.0] = 0.0
    figure = interactive.draw_bars(bars, UNIT, spot=100.0, step=1.0, currency=HOSTILE)
    assert set(_trace(figure, "calls").y) == {2.0, 0.0}
    assert set(_trace(figure, "puts").y) == {-5.0, 0.0}
    assert set(_trace(figure, "net").y) == {-3.0}
    assert len(_trace(figure, "net").x) == 21
    assert figure.layout.yaxis.title.text == "gamma [USD m per +1 % spot]"
    assert figure.layout.xaxis.title.text == "strike [&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;]"
    assert figure.layout.barmode == "relative"
    assert [s.x0 for s in figure.layout.shapes] == [100.0]


def test_interactive_bars_by_expiry():
    bars = pd.DataFrame({"call": [1.0, 2.0]}, index=EXPIRIES)
    figure = interactive.draw_bars(bars, UNIT)
    assert list(_trace(figure, "calls").x) == ["2026-02-06", "2026-02-27"]
    assert figure.layout.xaxis.title.text == "expiry [UTC]"
    assert figure.layout.shapes == ()


def test_the_heatmap_is_centred_at_zero_and_keeps_its_values():
    table = pd.DataFrame([[-4e6, 1e6], [0.0, 0.25e6]], index=EXPIRIES, columns=[90.0, 100.0])
    (heat,) = interactive.draw_heatmap(table, 95.0, UNIT).data
    assert (heat.zmin, heat.zmax) == (-1.0, 1.0)
    assert np.array_equal(heat.customdata, table.to_numpy() / 1e6)
    assert np.allclose(heat.z, [[-1.0, 0.5], [0.0, 0.25]])
    assert list(heat.colorbar.ticktext) == ["-4", "-1", "0", "1", "4"]
    assert heat.colorbar.title.text == "USD m per +1 % spot"
    assert heat.colorscale[2] == (0.5, "#f7f7f7")


def test_a_heatmap_of_nothing_is_blank():
    table = pd.DataFrame([[0.0, 0.0]], index=EXPIRIES[:1], columns=[90.0, 100.0])
    (heat,) = interactive.draw_heatmap(table, 95.0, UNIT).data
    assert (np.asarray(heat.z) == 0).all()


def test_interactive_profile(profile):
    figure = interactive.draw_profile(
        profile, 100.0, UNIT, flips=[101.0, 118.0], zones=[(80.0, 101.0, [(80.0, 82.0), (90.0, 91.0)])]
    )
    assert np.array_equal(_trace(figure, "gamma").y, profile.to_numpy() / 1e6)
    assert list(_trace(figure, "zero gamma").x) == [101.0, 118.0]
    spans = [(s.x0, s.x1) for s in figure.layout.shapes if s.type == "rect"]
    assert spans == [(80.0, 101.0), (80.0, 82.0), (90.0, 91.0)]
    assert [a.text for a in figure.layout.annotations] == ["101.00", "spot 100.00"]
    assert figure.layout.xaxis.range == (80.0, 120.0)


def test_interactive_profile_without_levels(profile):
    figure = interactive.draw_profile(profile.iloc[:1], 100.0, UNIT)
    assert _trace(figure, "gamma").mode == "markers"
    assert "zero gamma" not in [trace.name for trace in figure.data]


# --- page


def test_a_page_escapes_every_text_and_fetches_nothing(bars):
    figure = interactive.draw_bars(bars, UNIT, spot=100.0, step=1.0)
    figure.layout.xaxis.title.text = HOSTILE
    text = render_page(
        HOSTILE,
        lead=[HOSTILE],
        facts=[(HOSTILE, HOSTILE)],
        banners=[HOSTILE],
        cards=[Card(HOSTILE, HOSTILE, HOSTILE, '"><b>')],
        figures=[Panel(HOSTILE, HOSTILE, figure, 400)],
        tables=[Panel(HOSTILE, HOSTILE, pd.DataFrame({HOSTILE: [HOSTILE]}))],
        footer=HOSTILE,
    )
    assert "<script>alert" not in text
    assert '"><b>' not in text
    assert text.count("<title>&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;</title>") == 1
    assert "default-src 'none'" in text
    assert re.findall(r'<(?:script|link|img|iframe)[^>]*(?:src|href)="(?!data:)', text) == []
    (data,) = re.findall(r'<script type="application/json">(.*?)</script>', text, re.DOTALL)
    assert json.loads(data)["layout"]["xaxis"]["title"]["text"] == HOSTILE


def test_a_page_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    target = tmp_path / "page.html"
    target.write_text("old", encoding="utf-8")
    assert write_page("naïve \ud800", str(target)) == target
    assert target.read_text(encoding="utf-8") == "naïve ?"

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(type(target), "replace", full)
    with pytest.raises(SchemaError, match=r"page\.html.*cannot be written \(no space left"):
        write_page("new", target)
    assert [(p.name, p.read_text(encoding="utf-8")) for p in tmp_path.iterdir()] == [("page.html", "naïve ?")]


@pytest.mark.parametrize(
    ("name", "message"), [(".", "which is a folder"), ("nowhere/page.html", "nowhere.*which is no folder")]
)
def test_a_page_needs_a_place(tmp_path, name, message):
    with pytest.raises(SchemaError, match=message):
        write_page("", tmp_path / name)
