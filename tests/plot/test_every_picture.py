"""Every picture of every result: date and rule, dark paper, hostile names, nothing cut, overlays."""

from __future__ import annotations

import re
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_hex, to_rgb
from matplotlib.text import Text

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.plot import canvas, static
from support.pictures import figure_of, legend, title
from support.results import classes

mpl.use("Agg")

# Pictures without a moment: of formulas, of assumptions, and of studies of rows without dates.
TIMELESS = {
    "Bootstrap", "Cliff", "DistressedSelling", "EventStudy", "Holders", "Impact", "KnockInSales",
    "KnockJumps", "LabelTest", "LimitCapacity", "Liquidations", "Overlay", "Regression", "Rivals",
    "TailComparison",
    "HedgePath", "CascadeCurve", "EtfLedger", "ImpliedBaskets",
}  # fmt: skip
# Pictures of positions that a rule signed.
RULED = {
    "BookComparison", "Cascade", "Counterfactual", "Cube", "DynamicsComparison", "ExerciseComparison",
    "Exposure", "FeedbackPaths", "FlipPath", "FlipTermStructure", "FlowAroundSpot", "FlowLadder", "HedgeFlow",
    "HedgeSurface", "Levels", "LoopGain", "Profile", "Report", "Sensitivity", "BarrierMap", "BarrierParts",
    "NotePlaces", "History",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


def _pictures(result: Any):
    for name in dir(type(result)):
        if name == "plot" or name.startswith("plot_"):
            yield name, getattr(result, name)


def _has_dates(figure) -> bool:
    return any("Date" in type(ax.xaxis.get_major_formatter()).__name__ for ax in figure.axes)


def _words(figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text))


def test_there_is_a_result_of_each_class(every_result):
    unfinished = {"Terms", "BookQuality", "OpenInterestFit"}
    assert set(classes()) - set(every_result) == unfinished


@pytest.mark.slow
def test_every_picture_has_its_date_and_rule_and_can_be_read_on_dark_paper(every_result):
    faults = []
    for name, result in every_result.items():
        for how, draw in _pictures(result):
            with pyplot.style.context("dark_background"):
                figure = figure_of(draw())
            figure.draw_without_rendering()
            words = _words(figure)
            dated = re.search(r"\d{4}-\d\d-\d\d|\d{1,2} \w{3,8} \d{4}", words) or _has_dates(figure)
            if not dated and name not in TIMELESS:
                faults.append(f"{name}.{how}: no date")
            if name in RULED and "rule: " not in words:
                faults.append(f"{name}.{how}: no rule")
            faults += [f"{name}.{how}: {fault}" for fault in _dim(figure)]
            faults += [f"{name}.{how}: {fault}" for fault in _cut(figure)]
            pyplot.close(figure)
    assert not faults


def _luminance(color) -> float:
    parts = np.array(to_rgb(color))
    parts = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(parts @ [0.2126, 0.7152, 0.0722])


def _contrast(one, other) -> float:
    low, high = sorted([_luminance(one), _luminance(other)])
    return (high + 0.05) / (low + 0.05)


def _dim(figure) -> list[str]:
    """Texts and lines that do not stand out on black."""
    out = []
    for text in figure.findobj(Text):
        if text.get_text().strip() and text.get_visible() and _contrast(text.get_color(), "black") < 4.5:
            out.append(f"text {text.get_text()!r} in {text.get_color()}")
    for ax in figure.axes:
        for line in ax.lines:
            colors = [line.get_color()]
            if line.get_linestyle() == "None":
                colors = [line.get_markerfacecolor(), line.get_markeredgecolor()]
            if to_hex(colors[0]) != "#374151" and max(_contrast(color, "black") for color in colors) < 3.0:
                out.append(f"line {colors}")
        for patch in ax.patches:
            *face, alpha = patch.get_facecolor()
            if alpha > 0.5 and _contrast(face, "black") < 1.3:
                out.append(f"area {face}")
    return out


def _cut(figure) -> list[str]:
    """Titles, conditions, labels and legends that reach beyond the figure."""
    wide, high = figure.canvas.get_width_height()
    out = []
    for ax in figure.axes:
        shown = [ax.xaxis.label, ax.yaxis.label, *ax.texts]
        shown += [text for text in ax.get_children() if isinstance(text, Text)]
        shown += [ax.get_legend()] if ax.get_legend() else []
        for each in shown:
            box = each.get_window_extent()
            words = each.get_text() if hasattr(each, "get_text") else "legend"
            if words.strip() and (box.x0 < -2 or box.x1 > wide + 2 or box.y0 < -2 or box.y1 > high + 2):
                out.append(f"cut: {words!r} {box.extents.round().tolist()}")
    return out


def test_white_paper_keeps_the_colours_of_the_house(every_result):
    ax = every_result["Levels"].plot()
    line = max(ax.lines, key=lambda each: len(each.get_xdata()))
    assert line.get_color() == "#1f2937"
    assert ax.title.axes.get_title("left").startswith("BTC gamma over spot")


HOSTILE = r"$\frac{1}{0}$ <b>&"


def test_names_of_data_are_no_mathematics(every_result):
    table = pd.DataFrame({HOSTILE: [1.0, 2.0]}, index=pd.Index([HOSTILE, "b"], name=HOSTILE))
    ax = static.plot_bars(table, None, f"{HOSTILE}\nrule: {HOSTILE}", HOSTILE, name=HOSTILE)
    with canvas.canvas(ax, "t", ax.get_ylabel()) as ax:
        ax.plot([0, 1], [0, 1], label=HOSTILE)
        ax.text(0, 0, HOSTILE)
    ax.figure.canvas.draw()
    shown = [HOSTILE in text.get_text().replace(r"\$", "$") for text in ax.figure.findobj(Text)]
    assert sum(shown) >= 6
    raw = [text.get_text() for text in ax.figure.findobj(Text)]
    assert not [text for text in raw if re.search(r"(?<!\\)\$", text)]


# --- several on one axes


@pytest.fixture(scope="module")
def books():
    chain = gf.demo_chain()
    return gf.assign_positions(chain), gf.assign_positions(chain, "short_all")


@pytest.fixture(scope="module")
def profiles(books):
    spots = np.linspace(55_000, 90_000, 141)
    return [gf.sweep_spot(book, spots) for book in books]


def _overlays(ax):
    return [each for each in ax.get_children() if each.get_gid() == "gammaflow overlay"]


def test_several_profiles_share_axes_scale_and_spot(profiles):
    one, two = profiles
    ax = one.plot(label="one")
    assert two.levels().plot(label="two", ax=ax) is ax
    first, second = _overlays(ax)
    np.testing.assert_allclose(first.get_ydata() * 1e6, one.table["gamma"], rtol=1e-12)
    np.testing.assert_allclose(second.get_ydata() * 1e6, two.table["gamma"], rtol=1e-12)
    assert first.get_color() != second.get_color()
    names = legend(ax)
    assert len(names) == len(set(names))
    assert [name for name in names if name.startswith("spot")] == ["spot 71,470"]
    assert title(ax).splitlines() == [
        "BTC gamma over spot, 2026-02-05 09:36 UTC", "rule: calls_long_puts_short", "rule: short_all"
    ]  # fmt: skip


def test_small_and_large_values_share_the_unit_of_the_first(books):
    book = books[0]
    less = gf.Book({**book.columns, "position": 1e-3 * book["position"]}, "BTC", book.spot, book.asof)
    large, small = (gf.sweep_spot(each, np.linspace(6e4, 8e4, 41)) for each in (book, less))
    ax = small.plot(label="small", ax=large.plot(label="large"))
    assert ax.get_ylabel() == "gamma [USD m per +1 % spot]"
    np.testing.assert_allclose(_overlays(ax)[1].get_ydata() * 1e6, small.table["gamma"], rtol=1e-12)


def test_a_picture_of_something_else_is_refused(profiles):
    ax = profiles[0].plot()
    with pytest.raises(SchemaError, match=r"ax: received axes of 'gamma .USD m .*' for 'vanna"):
        profiles[0].plot("vanna", ax=ax)


def test_levels_mark_flips_walls_and_zones_of_their_own_measure(profiles):
    levels = profiles[0].levels()
    ax = levels.plot()
    names = legend(ax)
    assert f"call wall (by type) {levels.call_wall:,.0f}" in names
    assert f"put wall (by type) {levels.put_wall:,.0f}" in names
    assert f"zero gamma {levels.nearest_flip.spot:,.0f}" in names
    walls = {line.get_xdata()[0] for line in ax.lines if line.get_marker() in "v^"}
    assert walls == {levels.call_wall, levels.put_wall}
    again = profiles[0].plot()  # what levels() has every_result is known
    assert legend(again) == names
    assert "zero gamma" not in " ".join(legend(profiles[0].plot("vanna")))
    total = gf.find_levels(gf.sweep_spot(profiles[0].book, profiles[0].spots, measures=["gamma"]),
                           measure="total_gamma").plot()  # fmt: skip
    assert total.get_ylabel() == "total_gamma [USD m per +1 % spot]"


def test_exposures_overlay_as_outlines_in_the_steps_of_the_first(books):
    one, two = (gf.aggregate_exposure(book) for book in books)
    ax = two.plot(label="two", ax=one.plot(label="one"))
    first, second = (each.get_data() for each in _overlays(ax))
    assert np.diff(first.edges) == pytest.approx(np.diff(second.edges)[0])
    by_strike = two.by("strike")["gamma"]
    for value, low, high in zip(second.values, second.edges, second.edges[1:], strict=False):
        inside = by_strike[(by_strike.index >= low) & (by_strike.index < high)]
        assert value * 1e6 == pytest.approx(inside.sum(), rel=1e-9, abs=1e-3)
    over_bars = two.plot(label="two", ax=one.plot())
    assert "two" in legend(over_bars)


def test_exposures_by_expiry_overlay_where_the_expiries_agree(books):
    one, two = (gf.aggregate_exposure(book) for book in books)
    ax = two.plot("expiry", label="two", ax=one.plot("expiry", label="one"))
    (_, second) = (each.get_data() for each in _overlays(ax))
    np.testing.assert_allclose(second.values * 1e6, two.by("expiry")["gamma"], rtol=1e-9)
    later = gf.aggregate_exposure(books[0].select(gf.filters.dte(10, 400)))
    with pytest.raises(SchemaError, match="ax: received axes of 7 places"):
        later.plot("expiry", label="later", ax=ax)


def test_walls_and_flips_are_marked_on_strikes(books, profiles):
    levels = profiles[0].levels()
    ax = gf.aggregate_exposure(books[0]).plot(levels=levels)
    assert f"call wall (by type) {levels.call_wall:,.0f}" in legend(ax)
    assert f"zero gamma {levels.nearest_flip.spot:,.0f}" in legend(ax)
    with pytest.raises(SchemaError, match="sense: received 'x'"):
        levels.wall_marks("x")


def test_bands_overlay(every_result):
    bands = every_result["Bands"]
    axes = bands.plot(label="one")
    assert bands.plot(label="two", axes=axes) is axes
    assert [name for name in legend(axes[1]) if not name.startswith("spot")] == ["one", "two"]
    for line in _overlays(axes[0]):
        shown = bands.table["50 %"].loc[line.get_xdata()[0] : line.get_xdata()[-1]]
        divisor = {"USD m": 1e6, "USD k": 1e3}[axes[0].get_ylabel()[7:12]]
        np.testing.assert_allclose(line.get_ydata() * divisor, shown, rtol=1e-12)


def test_a_title_that_is_there_stays(profiles):
    _, ax = pyplot.subplots()
    ax.set_title("mine", loc="center")
    profiles[0].plot(ax=ax)
    assert ax.get_title("center") == "mine"
    assert ax.get_title("left") == ""
    assert title(ax).splitlines()[1:] == [
        "BTC gamma over spot, 2026-02-05 09:36 UTC", "rule: calls_long_puts_short"
    ]  # fmt: skip
    ax.figure.canvas.draw()
    said = next(text for text in ax.texts if text.get_gid() == "gammaflow conditions")
    assert ax.title.get_window_extent().y0 >= said.get_window_extent().y1 - 1.0


def test_a_title_that_is_written_later_is_not_over_the_conditions(profiles):
    ax = profiles[0].plot()
    ax.set_title("mine", loc="left")
    ax.figure.canvas.draw()
    (said,) = [text for text in ax.texts if text.get_gid() == "gammaflow conditions"]
    heads = [text for text in ax.get_children() if isinstance(text, Text) and text.get_text() == "mine"]
    assert said.get_window_extent().y0 >= heads[0].get_window_extent().y1
    assert said.get_window_extent().y1 <= ax.figure.bbox.y1 + 1.0


def test_a_legend_beside_the_axes_needs_room(profiles):
    _, ax = pyplot.subplots()
    cube = gf.sweep(profiles[0].book, [60_000, 70_000], days=[0, 1], measures=["gamma"])
    cube.plot(ax=ax)
    ax.figure.canvas.draw()
    assert ax.get_legend().get_window_extent().x1 <= ax.get_window_extent().x1
