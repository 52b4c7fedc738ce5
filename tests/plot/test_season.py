"""The pictures of a season's studies: intervals and bands are the table's columns."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from gammaflow.errors import SchemaError
from gammaflow.plot.season import plot_coefficients, plot_path

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


def test_intervals_are_the_columns_and_a_missing_one_is_not_drawn():
    table = pd.DataFrame(
        {"coefficient": [1.0, np.nan], "low": [-0.5, np.nan], "high": [2.0, np.nan]}, ["gamma", "in_core"]
    )
    ax = plot_coefficients({"HAC": table, "bootstrap": 2.0 * table}, "title", "label")
    ends = [[line[:, 0].tolist() for line in drawn.get_segments() if len(line)] for drawn in ax.collections]
    assert ends == [[[-0.5, 2.0]], [[-1.0, 4.0]]]
    heights = [line.get_ydata() for line in ax.get_lines()[1:3]]
    assert (heights[0] > heights[1]).all()
    assert [text.get_text() for text in ax.get_yticklabels()] == ["gamma", "in_core"]
    np.testing.assert_allclose(ax.get_yticks(), np.mean(heights, axis=0))


def test_bands_of_a_path_are_the_columns():
    hours = np.arange(-2.0, 3.0)
    table = pd.DataFrame(
        {"mean": hours, "low": hours - 1.0, "high": hours + 2.0, "usual_low": -3.0, "usual_high": 4.0},
        pd.to_timedelta(hours, unit="h"),
    )
    ax = plot_path(table, "title", "%")
    for shade, (low, high) in zip(
        ax.collections, (("usual_low", "usual_high"), ("low", "high")), strict=True
    ):
        x, y = shade.get_paths()[0].vertices.T
        for name, end in ((low, min), (high, max)):
            np.testing.assert_allclose([end(y[x == hour]) for hour in hours], table[name])


def test_axes_of_another_kind_are_refused():
    with pytest.raises(SchemaError, match=r"ax: received 'x'; legal: matplotlib Axes"):
        plot_path(pd.DataFrame(index=pd.TimedeltaIndex([])), "title", "%", ax="x")
