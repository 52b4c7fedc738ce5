"""The picture of the loop gain: what it draws is the table, printed and on the page."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import colors as mpl_colors

import gammaflow as gf
from gammaflow.plot.loop_gain import draw_gain
from support.feedback_books import POOL, POOL_HIGH, POOL_LOW, barrier_book, calibration_book
from support.pictures import title

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


@pytest.fixture(scope="module")
def gain():
    pools = gf.liquidations.pool(POOL, POOL_LOW, POOL_HIGH, source="x") + gf.liquidations.pool(
        1e8, 80e3, 82e3, side="short", source="x"
    )
    depth = gf.impact.linear(1.5e8, source="a $100 guess", range=(0.5, 2.0))
    profile = gf.sweep_spot(calibration_book(), np.linspace(56e3, 90e3, 171))
    return gf.loop_gain(profile, depth, beta=-3.0, liquidations=pools)


def _area(ax, name):
    """Lower and upper edge of an area over its spots."""
    (area,) = [c for c in ax.collections if c.get_label() == name and hasattr(c, "get_paths")]
    vertices = np.concatenate([path.vertices for path in area.get_paths()])
    spots = np.unique(vertices[:, 0])
    ends = [vertices[vertices[:, 0] == spot, 1] for spot in spots]
    return spots, np.array([e.min() for e in ends]), np.array([e.max() for e in ends])


def test_areas_stack_the_channels_and_the_line_is_their_sum(gain):
    ax = gain.plot()
    kappa = next(line for line in ax.lines if line.get_label() == "kappa, the sum")
    np.testing.assert_allclose(kappa.get_ydata(), gain.table["kappa"], rtol=1e-12)
    base = np.zeros(len(gain.spots))
    for name, label in (("gamma", "gamma"), ("vanna", "vanna"), ("liquidations", "liquidations")):
        spots, low, high = _area(ax, label)
        np.testing.assert_allclose(spots, gain.spots, rtol=1e-12)
        np.testing.assert_allclose(low, base, atol=1e-12)
        base = base + gain.table[name].to_numpy().clip(0.0)
        np.testing.assert_allclose(high, base, atol=1e-12)
    low, high = ax.get_ylim()
    assert high > gain.table["kappa_high"].max()
    assert low < gain.table[["gamma", "vanna"]].clip(upper=0.0).sum(axis=1).min()
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names[0] == "kappa, the sum"
    assert "knock-ins" not in names
    assert {"zone of kappa > 0", "zone of kappa > 0.5", "zone of kappa > 1", "liquidation pool"} <= set(names)


def test_title_names_time_rule_depth_and_source(gain):
    lines = title(gain.plot()).split("\n")
    assert lines[0] == "BTC loop gain over spot, 2026-02-04 21:30 UTC"
    assert lines[1] == "rule: given puts, beta -3"
    assert lines[2].startswith("depth: 150m USD moves price 1 %")
    assert lines[2].endswith("source: a $100 guess")


def test_the_ribbon_shows_the_zones_and_greys_tell_them_apart(gain):
    ax = gain.plot()
    ribbon = [p for p in ax.patches if p.get_height() < 0.1]
    spans = [(p.get_x(), p.get_x() + p.get_width()) for p in ribbon]
    np.testing.assert_allclose(spans, [(low, high) for _, low, high in gain.spans()], rtol=1e-12)
    greys = {}
    for patch, (above, _, _) in zip(ribbon, gain.spans(), strict=True):
        r, g, b = mpl_colors.to_rgb(patch.get_facecolor())
        greys[above] = 0.2126 * r + 0.7152 * g + 0.0722 * b
    assert greys[0.0] > greys[0.5] + 0.2 > greys[1.0] + 0.4


def test_pools_and_barriers_are_marked_where_they_are(gain):
    marks = gain.marks()
    assert list(marks) == ["liquidation pool"]
    assert marks["liquidation pool"].index.tolist() == pytest.approx(
        [np.sqrt(POOL_LOW * POOL_HIGH), np.sqrt(80e3 * 82e3)]
    )
    assert marks["liquidation pool"].tolist() == [POOL, 1e8]
    barriers = gf.loop_gain(gf.sweep_spot(barrier_book(), np.linspace(65.0, 95.0, 121)), 1e4)
    ax = barriers.plot()
    (line,) = [line for line in ax.lines if line.get_label() == "knock-in barrier"]
    assert line.get_xdata().tolist() == [70.0]
    assert "knock-ins" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_draws_are_outlined_over_the_channels_and_filled_behind():
    chain = gf.demo_chain().select(gf.filters.dte(0, 20))
    bands = gf.sign_bands(chain, draws=100)
    gain = gf.loop_gain(gf.sweep_spot(gf.assign_positions(chain), [6e4, 7e4, 8e4]), 1e8, bands=bands)
    ax = gain.plot()
    median = next(line for line in ax.lines if line.get_label() == "median of draws")
    np.testing.assert_allclose(median.get_ydata(), gain.table["50 %"], rtol=1e-12)
    _, low, high = _area(ax, "5 to 95 % of draws")
    np.testing.assert_allclose(low, gain.table["5 %"], rtol=1e-12)
    np.testing.assert_allclose(high, gain.table["95 %"], rtol=1e-12)


def test_the_page_draws_the_same(gain):
    figure = draw_gain(gain.table, 73_300.0, zones=gain.spans(), marks=gain.marks(), currency="<USD>")
    traces = {trace.name: trace for trace in figure.data}
    np.testing.assert_allclose(traces["kappa"].y, gain.table["kappa"], rtol=1e-12)
    np.testing.assert_allclose(traces["gamma"].y, gain.table["gamma"], rtol=1e-12)
    np.testing.assert_allclose(traces["kappa, high end"].y, gain.table["kappa_high"], rtol=1e-12)
    assert "knock-ins" not in traces
    assert traces["liquidation pool"].x.tolist() == gain.marks()["liquidation pool"].index.tolist()
    assert traces["liquidation pool"].customdata.tolist() == [1200.0, 100.0]
    boxes = [(s.x0, s.x1) for s in figure.layout.shapes if s.type == "rect"]
    assert boxes == [(low, high) for _, low, high in gain.spans()]
    assert figure.layout.yaxis.title.text == "loop gain kappa"
    assert "<USD>" not in figure.to_json()


def test_absurd_numbers_keep_one_scale(gain):
    """A depth given in millions: areas, line and bands stay in units of kappa."""
    table = 1e6 * gain.table
    figure = draw_gain(table, 73_300.0)
    assert max(figure.data[-1].y) == pytest.approx(table[figure_column(figure)].max())
    low, high = figure.layout.yaxis.range
    assert low < 0.0 < table["kappa_high"].max() < high


def figure_column(figure):
    return {"kappa, high end": "kappa_high", "kappa": "kappa"}[figure.data[-1].name]
