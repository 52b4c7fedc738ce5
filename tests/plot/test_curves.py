"""Pictures of many scenarios: curves, paths, maps, flows."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.exposure.flow import hedge_flow
from gammaflow.plot import curves, maps
from gammaflow.plot.prepare import strike_steps
from gammaflow.text import price_text
from support.books import random_book
from support.pictures import title

mpl.use("Agg")
UNIT = "USD per +1 % spot"
EXPIRIES = pd.DatetimeIndex(["2026-02-06T08:00Z", "2026-02-27T08:00Z"], name="expiry")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


@pytest.fixture
def profile():
    spots = np.linspace(80.0, 120.0, 81)
    return pd.Series((spots - 101.0) * 1e6, index=pd.Index(spots, name="spot"), name="gamma")


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
    ax = maps.plot_heatmap(table, 100.0, "M", UNIT, currency="USD")
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
    ax = maps.plot_heatmap(table, 100.0, "", UNIT)
    assert np.array_equal(ax.collections[0].get_array(), [[1.0, 3.0], [-2.0, 0.0]])
    assert [text.get_text() for text in ax.get_yticklabels()] == ["2026-02-06", "2026-02-27"]
    assert ax.yaxis_inverted()
    assert ax.get_ylabel() == "expiry [UTC]"
    assert _legend(ax) == ["spot 100.00"]


def test_a_map_of_names_and_of_nothing():
    table = pd.DataFrame([[0.0, 0.0]], index=[90.0], columns=pd.Index(["call", "put"], name="kind"))
    ax = maps.plot_heatmap(table, 100.0, "", UNIT)
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
    with pytest.raises(SchemaError, match=r"ax: received axes of 'traded \[USD bn\]"):
        curves.plot_flow(profile, flow, 100.0, "", UNIT, axes=[below, above])
    free = list(mpl.figure.Figure().subplots(2, 1))
    assert curves.plot_flow(profile, flow, 100.0, "", UNIT, axes=free) == free


# --- pictures that results draw of themselves


def _ruled(title):
    return f"{title}\nrule: calls_long_puts_short"


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
    assert title(ax) == _ruled("BTC vanna over spot, 2026-02-05 09:36 UTC, +5 vol points")
    assert ax.get_ylabel() == "vanna [USD m per +1 vol point]"
    ax = cube.plot(over="vol_shifts", days=3)
    assert _legend(ax) == ["as quoted", "+5 vol points", "spot 71,470"]
    millions = cube.over_vol_shifts("gamma", 3)[0.05].to_numpy() / 1e6
    assert np.array_equal(_named(ax, "+5 vol points").get_ydata(), millions)
    assert title(ax) == _ruled("BTC gamma over spot, 2026-02-05 09:36 UTC, 3 d ahead")
    with pytest.raises(SchemaError, match="over: received 'spots'; legal: 'days', 'vol_shifts'"):
        cube.plot(over="spots")


def test_dynamics_are_drawn_with_the_zeros_of_their_table(book):
    how = ["sticky_strike", gf.dynamics.spot_vol_beta(-3)]
    found = gf.compare_dynamics(book, how)
    table = found.table.xs("total_gamma", level="measure")
    ax = found.plot("total_gamma")
    zeros = [price_text(flip) for flip in table["nearest_flip"]]
    names = [f"{name}, zero {zero}" for name, zero in zip(table.index, zeros, strict=True)]
    assert _legend(ax) == [*names, "spot 71,470"]
    dots = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o"]
    assert dots == pytest.approx(table["nearest_flip"].to_list(), rel=1e-12)
    moved = gf.sweep_spot(book, dynamics=how[1], measures=["total_gamma"]).table["total_gamma"]
    assert np.array_equal(_named(ax, names[1]).get_ydata(), moved.to_numpy() / 1e6)
    assert ax.get_title(loc="left").startswith(
        "BTC total gamma over spot under each smile dynamics, 2026-02-05"
    )
    with pytest.raises(SchemaError, match="measure: received 'vega'; legal: 'gamma', 'total_gamma'"):
        found.plot("vega")


def test_the_path_of_flips_is_its_table(book):
    found = gf.flip_path(book, [0, 2, 5])
    path, ax = found.table, found.plot()
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
    assert title(ax) == _ruled("BTC vanna over spot by strike, 2026-02-05 09:36 UTC")
    assert profile.plot_by("expiry").get_ylabel() == "expiry [UTC]"


@pytest.mark.parametrize("how", ["sticky_strike", gf.dynamics.spot_vol_beta(-0.4)], ids=str)
def test_the_cumulative_flow_is_the_hedge_flow_of_each_move(how):
    book = random_book(3)
    above, below = gf.flow_around_spot(book, reach=0.1, dynamics=how).plot()
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
    with pytest.raises(
        SchemaError, match=r"reach: received .*; (legal: a share of spot in \(0, 1\)|reach must be a finite)"
    ):
        gf.flow_around_spot(random_book(3), reach=reach)
