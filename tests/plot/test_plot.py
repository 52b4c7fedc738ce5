"""Pictures and pages of plain tables."""

from __future__ import annotations

import json
import re
import sys
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.errors import GammaflowError, SchemaError
from gammaflow.plot import canvas, curves, static
from gammaflow.plot.page import Card, Panel, render_page, write_page
from gammaflow.plot.prepare import COLORS, part_colors, require, strike_steps
from gammaflow.plot.tables import html_table, literal, markdown_table, text_table
from gammaflow.text import amount_text, expiry_labels, price_text, readable

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


def test_bars_and_areas_name_what_they_measure(bars):
    assert static.plot_bars(bars, 100.0, "", UNIT, name="vanna").get_ylabel() == "vanna [USD m per +1 % spot]"
    parts = pd.DataFrame({"call": [1.0, 2.0]}, index=pd.Index([99.0, 101.0]))
    assert curves.plot_stack(parts, 100.0, "", "USD", name="charm").get_ylabel() == "charm [USD]"
    assert curves.plot_curves(parts, 100.0, "", "USD", name="charm").get_ylabel() == "charm [USD]"


def test_kinds_of_options_have_colours_of_their_own():
    kinds = ("call", "put", "down-in put", "up-out call", "digital call", "digital put")
    parts = part_colors([*kinds, "note"])
    call, put, barrier, other, digital, too = (parts[kind] for kind in kinds)
    assert (barrier, digital) == (other, too) == (COLORS["barrier"], COLORS["digital"])
    assert len({call, put, barrier, digital, parts["note"]}) == 5


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
    assert {t.get_text() for t in ax.get_legend().get_texts()} == {"puts"}


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


# --- page


def test_a_page_escapes_every_text_and_fetches_nothing():
    figure = require("plotly.graph_objects").Figure(layout_xaxis_title_text=HOSTILE)
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

    monkeypatch.setattr("gammaflow.output.os.replace", full)
    with pytest.raises(SchemaError, match=r"page\.html.*cannot be written \(no space left"):
        write_page("new", target)
    assert [(p.name, p.read_text(encoding="utf-8")) for p in tmp_path.iterdir()] == [("page.html", "naïve ?")]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (".", "which is a folder"),
        ("nowhere/page.html", "nowhere.*which is not a folder"),
        (
            "page.pdf",
            r"received '.*page\.pdf'; a page is HTML, in a file that ends in \.html or \.htm\. Print it",
        ),
    ],
)
def test_a_page_needs_a_place(tmp_path, name, message):
    with pytest.raises(SchemaError, match=message):
        write_page("", tmp_path / name)


def test_prices_on_an_axis_stand_apart():
    """Six-figure strikes in half a figure: their boxes do not touch."""
    figure = gf.analyze(gf.demo_chain()).plot()
    figure = getattr(figure, "figure", None) or figure
    figure.draw_without_rendering()
    seen = 0
    for ax in figure.axes:
        if ax.get_xlabel().startswith(("spot", "strike")):
            low, high = ax.get_xlim()
            ticks = [t for t in ax.xaxis.get_major_ticks() if low <= t.get_loc() <= high]
            boxes = [t.label1.get_window_extent() for t in ticks]
            assert all(a.x1 < b.x0 for a, b in pairwise(boxes))
            seen += len(boxes) >= 3
    assert seen == 2


def test_lines_are_no_wider_than_the_font_draws_them():
    words = "BTC (subset: 174 of 598 rows) move in 0.5 days, with and without gamma, 2026-02-05 09:36 UTC"
    for title in (words, "W" * 20 + " " + "MW " * 30, "i " * 200):
        with canvas.canvas(None, title, "y") as ax:
            ax.plot([0, 1], [0, 1])
        ax.figure.draw_without_rendering()
        box = ax._left_title.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= ax.figure.bbox.width
        assert ax.get_title("left").split() == title.split()
