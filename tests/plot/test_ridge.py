"""Picture of a ridge: what is drawn where, on logarithmic axes, and what would narrow it."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from gammaflow.plot.ridge import plot_narrowing, plot_ridge

TABLE = pd.DataFrame(
    {
        "impact": ["linear"] * 4 + ["square root"] * 2,
        "depth": [1e8, 1e8, 1e9, 1e9, 4e9, 4e9],
        "variant": ["book", "book + notes"] * 3,
        "middle": [1e9, np.nan, 1e10, 9e9, 8e11, np.nan],
        "trigger": [1e9, 2e8, 1e10, 9e9, 8e11, 0.0],
        "low": [5e8, np.nan, 8e9, 7e9, 7e11, np.nan],
        "high": [2e9, 4e8, 2e10, 1e10, 9e11, 1e10],
        "alone": [1.4e9, 1.4e9, 1.4e10, 1.4e10, 9e11, 9e11],
    }
)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_lines_crosses_band_and_other_laws():
    ax = plot_ridge(TABLE, "title", "USD", side="sale", band="5 to 95 % of draws")
    lines = {line.get_label(): line for line in ax.get_lines()}
    assert list(lines["book"].get_xdata()) == [100.0, 1000.0]
    assert list(lines["book"].get_ydata()) == [1.0, 10.0]
    assert list(lines["impact alone, no hedging"].get_ydata()) == [1.4, 14.0]
    assert lines["square root, 4bn per 1 %"].get_marker() == "s"
    squares = [line for line in ax.get_lines() if line.get_marker() == "s" and len(line.get_xdata())]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in squares] == [(4000.0, 800.0)]
    crosses = [line for line in ax.get_lines() if line.get_marker() == "x" and len(line.get_xdata())]
    foot = ax.get_ylim()[0]
    found = [(line.get_xdata()[0], line.get_ydata()[0]) for line in crosses]
    assert sorted(found) == [(100.0, 0.2), (4000.0, pytest.approx(foot))]
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert any("down to the foot: some need no sale" in word for word in words)
    assert any("no sale lands there" in word for word in words)
    assert ax.get_xlabel() == "depth: USD m that move price by 1 %"
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["100", "1,000", "4,000"]


def test_every_law_but_linear():
    ax = plot_ridge(TABLE[TABLE["impact"] != "linear"], "title", "USD", side="sale", band="one book")
    assert "impact alone, no hedging" not in {line.get_label() for line in ax.get_lines()}


def test_many_depths_have_ticks_of_their_own():
    depths = np.geomspace(1e8, 1e9, 20)
    table = pd.DataFrame({"impact": "linear", "depth": depths, "variant": "book"})
    sizes = dict.fromkeys(("middle", "trigger", "low", "high", "alone"), 14.0 * depths)
    ax = plot_ridge(table.assign(**sizes), "title", "USD", side="purchase", band="one book")
    assert len(ax.get_xticks()) < 20
    assert not ax.collections  # no band where it has no width


def test_bars_of_what_would_narrow():
    shares = pd.Series({"depth": 0.8, "book": 0.15, "together": 0.05})
    ax = plot_narrowing(shares, {"depth": "-1 to -9 USD bn"}, "title", "share [%]")
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([80.0, 15.0, 5.0])
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["depth", "book", "together"]
    assert "-1 to -9 USD bn" in {text.get_text() for text in ax.texts}
