"""The picture of a history: its lines are the table's columns."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from gammaflow.plot.history import plot_history

mpl.use("Agg")

DAYS = pd.date_range("2026-01-01T09:30Z", periods=60, freq="D")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


def table(n=60):
    spot = 70_000.0 + 5_000.0 * np.sin(np.arange(n) / 6.0)
    flip = np.where(np.arange(n) % 10 == 3, np.nan, spot + 1_000.0)
    columns = {"spot": spot, "flip": flip, "core_low": spot - 4_000.0, "core_high": spot - 2_000.0}
    return pd.DataFrame({**columns, "gamma": 1e7 * np.cos(np.arange(n) / 5.0)}, DAYS[:n])


def line(ax, label=None):
    lines = [each for each in ax.get_lines() if label is None or each.get_label() == label]
    return lines[0].get_ydata()


def test_lines_are_the_columns():
    given = table()
    words = {"currency": "USD", "unit": "USD per +1 % spot"}
    figure = plot_history(given, "BTC $5", "a note", percentile=42.4, earlier=59, **words)
    top, bottom = figure.axes
    np.testing.assert_array_equal(line(top, "spot"), given["spot"])
    np.testing.assert_array_equal(line(top, "nearest flip"), given["flip"])
    core = top.collections[0].get_paths()[0].vertices
    days = mpl.dates.date2num(DAYS.tz_localize(None))
    for edge in ("core_low", "core_high"):
        assert set(zip(days, given[edge], strict=True)) <= set(map(tuple, core.tolist()))
    np.testing.assert_allclose(bottom.get_lines()[0].get_ydata(), given["gamma"] / 1e6)
    assert bottom.get_ylabel() == "USD m per +1 % spot"
    assert top.get_ylabel() == "price [USD]"
    assert {text.get_text() for text in bottom.get_legend().get_texts()} == {
        "dealers long gamma", "dealers short gamma"
    }  # fmt: skip
    assert any("above 42 %\nof 59 earlier" in text.get_text() for text in bottom.texts)
    figure.canvas.draw()
    labels = [text.get_text() for text in bottom.get_xticklabels()]
    assert any(label in ("Feb", "Jan", "2026") for label in labels)


def test_the_shades_add_up_to_the_line():
    """Also where gamma is of another sign on one day alone."""
    given = table(8)
    given["gamma"] = [1e6, -3e6, 2e6, 2e6, -1e6, -1e6, 0.0, 4e6]
    bottom = plot_history(given, "BTC").axes[1]
    areas = []
    for shade in bottom.collections:
        x, y = shade.get_paths()[0].vertices.T
        areas.append(0.5 * abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])))
    grid = np.linspace(0.0, 7.0, 70_001)
    line = np.interp(grid, np.arange(8), given["gamma"] / 1e6)
    expected = [np.trapezoid(np.maximum(line, 0.0), grid), np.trapezoid(np.maximum(-line, 0.0), grid)]
    assert areas == pytest.approx(expected, rel=1e-6)


def test_a_far_flip_is_cut_off():
    given = table()
    given.loc[given.index[5], "flip"] = 500_000.0
    top = plot_history(given, "BTC").axes[0]
    low, high = top.get_ylim()
    assert low < given["core_low"].min()
    assert given["spot"].max() < high < 100_000.0
    assert np.isnan(line(top, "nearest flip")[5])


def test_the_last_gamma_is_never_in_powers_of_ten():
    given = table(3)
    given["gamma"] = [-999.9e6, 1e6, -999.8e6]
    bottom = plot_history(given, "BTC").axes[1]
    assert bottom.texts[0].get_text() == "-1,000"


@pytest.mark.parametrize("n", [1, 2])
def test_few_rows_without_levels(n):
    given = table(n)
    given[["flip", "core_low", "core_high"]] = np.nan
    figure = plot_history(given, "BTC", signed=False)
    figure.canvas.draw()
    assert figure.axes[1].get_legend() is None
    assert not any("earlier" in text.get_text() for text in figure.axes[1].texts)
