"""Pictures of simulated prices hold the numbers of their tables."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from gammaflow.feedback.simulation.path_tables import channels_table, fan_table
from gammaflow.plot.feedback import plot_channels, plot_fan, plot_moves
from support.pictures import title

mpl.use("Agg")

SPOT = 73_300.0


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


@pytest.fixture(scope="module")
def paths():
    rng = np.random.default_rng(4)
    noise = 0.02 * rng.standard_normal((500, 40))
    x = np.cumsum(np.column_stack([np.zeros(500), noise]), axis=1)
    days = np.linspace(0.0, 3.0, 41)
    return x, days


def _named(ax, label):
    return next(line for line in ax.lines if line.get_label() == label)


def test_the_fan_draws_bands_median_and_the_low(paths):
    x, days = paths
    fan = fan_table(x, days, SPOT, np.zeros(500, np.bool_))
    lows = pd.Series(SPOT * np.exp(x.min(axis=1)))
    start = pd.Timestamp("2026-02-04T21:33Z")
    wide, side = plot_fan(fan, lows, SPOT, "BTC\nrule: a", currency="USD", start=start)
    np.testing.assert_array_equal(_named(wide, "median").get_data(), [days, fan["50 %"]])
    np.testing.assert_array_equal(_named(wide, "mean").get_data(), [days, fan["mean"]])
    drawn = [c.get_paths()[0].vertices for c in wide.collections]
    assert drawn[0][:, 1].min() == fan["5 %"].min()
    assert drawn[1][:, 1].max() == fan["75 %"].max()
    assert wide.get_ylabel() == "spot [USD]"
    assert title(wide) == "BTC\nrule: a"
    ticks = [t.get_text() for t in wide.get_xticklabels()]
    assert ticks[:2] == ["0\n04 Feb 21:33", "0.5\n05 Feb 09:33"]
    shares = [bar.get_width() for bar in side.patches]
    assert sum(shares) == pytest.approx(1.0, abs=2.5 / 500)
    assert any(text.get_text() == f"median {np.median(lows):,.0f}" for text in side.texts)


@pytest.mark.parametrize(
    ("days", "label", "ticks"),
    [
        (0.04, "hours from the start", ["0", "0.25", "0.5", "0.75"]),
        (1.0, "hours from the start", ["0", "6", "12", "18", "24"]),
        (30.0, "days from the start", ["0", "5", "10", "15", "20", "25", "30"]),
    ],
)
def test_days_are_named_without_a_start(paths, days, label, ticks):
    x = paths[0]
    fan = fan_table(x, np.linspace(0.0, days, 41), SPOT, np.zeros(500, np.bool_))
    wide, _ = plot_fan(fan, pd.Series(np.full(500, SPOT)), SPOT, "t")
    wide.figure.canvas.draw()
    assert wide.get_xlabel() == label
    assert [t.get_text() for t in wide.get_xticklabels()] == ticks


@pytest.fixture(scope="module")
def channels():
    rng = np.random.default_rng(5)
    attribution = rng.normal([-0.06, 0.02, 0.0], [0.01, 0.002, 0.03], (300, 3))
    flows = 294e8 * attribution[:, :2]
    return channels_table(attribution, flows, ["knock_in", "gamma"], attribution.sum(axis=1))


def test_the_mean_move_is_drawn_from_the_noise_to_the_total(channels):
    ax = plot_channels(channels, "attribution", "t")
    assert [t.get_text() for t in ax.get_yticklabels()] == ["noise", "knock in", "gamma", "total"]
    bars = list(ax.containers[0])
    mean = 100.0 * channels["mean"].loc[["noise", "knock_in", "gamma", "total"]].to_numpy()
    np.testing.assert_allclose([bar.get_width() for bar in bars], mean, rtol=1e-12)
    starts = [0.0, mean[0], mean[:2].sum(), 0.0]
    np.testing.assert_allclose([bar.get_x() for bar in bars], starts, atol=1e-12)
    assert ax.get_xlabel() == "move [% of ln S]; whiskers: two standard errors of the mean"
    assert f"{mean[1]:+.2f}" in [text.get_text() for text in ax.texts]


def test_flows_are_drawn_in_a_readable_unit(channels):
    ax = plot_channels(channels, "flows", "t", currency="USD")
    assert [t.get_text() for t in ax.get_yticklabels()] == ["knock in", "gamma", "total"]
    found = [bar.get_width() for bar in ax.containers[0]]
    right = channels["flow"].loc[["knock_in", "gamma", "total"]] / 1e9
    np.testing.assert_allclose(found, right, rtol=1e-12)
    assert ax.get_xlabel().startswith("traded [USD bn], + = buys")


def test_moves_with_and_without_a_channel():
    rng = np.random.default_rng(6)
    moves = {"all channels": rng.normal(-0.2, 0.05, 4000), "without gamma": rng.normal(-0.1, 0.04, 4000)}
    ax = plot_moves(moves, "t")
    for patch, values in zip(ax.patches, moves.values(), strict=True):
        shares, edges, _ = patch.get_data()
        inside = (100.0 * values >= edges[0]) & (100.0 * values <= edges[-1])
        assert shares.sum() == pytest.approx(inside.mean(), rel=1e-12)
        counts = np.histogram(100.0 * values, bins=edges)[0]
        np.testing.assert_allclose(shares, counts / 4000, rtol=1e-12)
    low = np.quantile(100.0 * moves["without gamma"], 0.05)
    assert any(low == pytest.approx(line.get_xdata()[0]) for line in ax.lines)
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names[1].startswith("without gamma: median ")
    assert f"5 % {low:+.2f}" in names[1]


def test_a_single_move_can_be_drawn():
    ax = plot_moves({"all channels": np.zeros(3)}, "t")
    assert ax.patches[0].get_data()[0].max() == 1.0
