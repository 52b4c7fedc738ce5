"""Pictures of the flow meters: every number of a table is drawn, in readable units."""

import numpy as np
import pandas as pd
import pytest

from gammaflow.evidence import etf_flows
from support.flows import DAYS, made_up
from support.pictures import title

FLOWS, PRICES = made_up()


@pytest.fixture(autouse=True)
def _without_a_screen():
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    yield
    plt.close("all")


def test_flow_over_move():
    model = etf_flows.expected(FLOWS, PRICES)
    ax = model.plot(moves=(-0.132, 0.1))
    points, line = ax.lines[:2]
    assert points.get_ydata() == pytest.approx(model.days["flow"].to_numpy() / 1e6)
    assert points.get_xdata() == pytest.approx(100 * model.days["move"].to_numpy())
    assert line.get_xdata()[[0, -1]] == pytest.approx([-13.2, 10.0])
    assert line.get_ydata()[0] == pytest.approx(model.at(-0.132).expected / 1e6)
    assert ax.get_ylabel() == "flow, + = into the fund [currency m]"
    held = etf_flows.expected(FLOWS, PRICES, terms=["flow_before"]).plot()
    assert "expected, other\nterms at their means" in held.get_legend_handles_labels()[1]


def test_surprise_by_model():
    found = etf_flows.surprise(FLOWS, PRICES, DAYS[80], flow=5e8)
    ax = found.plot()
    dots = next(line for line in ax.lines if line.get_label() == "expected")
    assert dots.get_xdata() == pytest.approx(found.table["expected"].to_numpy() / 1e6)
    flow = next(line for line in ax.lines if line.get_label() == "claimed +500")
    assert flow.get_xdata()[0] == 500.0
    assert [text.get_text().strip() for text in ax.texts] == [f"{s:+.1f} sd" for s in found.table["sigmas"]]
    ends = np.array([[a[0], b[0]] for a, b in ax.collections[0].get_segments()])
    assert ends == pytest.approx(found.table[["low", "high"]].to_numpy() / 1e6)


def test_baskets_by_day():
    days = pd.to_datetime(["2026-02-05", "2026-02-06"])
    found = etf_flows.baskets(pd.Series([-175.34e6, 231.62e6], days), pd.Series([36.22, 39.93], days))
    ax = found.plot()
    assert np.asarray(ax.lines[0].get_ydata(), float) == pytest.approx(found.table["off"].to_numpy())
    assert [text.get_text() for text in ax.texts] == ["-121.02", "145.02"]
    assert title(ax).replace("\n", " ").endswith("flows labelled on the day of the trade (T)")
    many = etf_flows.baskets(FLOWS.round(-5), PRICES).plot()
    assert len(many.texts) == 0
    assert len(many.get_xticks()) <= 12


def test_labels_and_lags():
    whole = pd.Series(np.arange(len(DAYS)) % 90 - 45, DAYS)
    found = etf_flows.label_day(40_000 * whole * PRICES, PRICES)
    ax = found.plot()
    assert [line.get_label() for line in ax.lines] == ["at random", "T-1", "T", "T+1", "T+2"]
    assert ax.get_title("left") == "Flows come near whole baskets if labelled on the day of the trade (T)"
    assert ax.lines[2].get_xdata()[1:-1] == pytest.approx(np.sort(found.distances[0]))
    unclear = etf_flows.label_day(FLOWS, PRICES).plot()
    assert unclear.get_title("left") == "Flows come near whole baskets under no label clearly"
    lags = etf_flows.reconcile(FLOWS, FLOWS)
    ax = lags.plot()
    assert [bar.get_height() for bar in ax.patches] == pytest.approx([0, 0, 100, 0, 0])
    assert ax.texts[2].get_text() == "105 of 105"


def test_weeks():
    tuesdays = pd.date_range("2025-03-11", "2025-05-06", freq="7D")
    found = etf_flows.directional(FLOWS, pd.Series(1e8, tuesdays))
    ax = found.plot()
    heights = [bar.get_height() for bar in ax.patches]
    n = len(found.table)
    unit = 1e9 if "bn" in ax.get_ylabel() else 1e6
    assert heights[:n] == pytest.approx(found.table["flow"].to_numpy() / unit)
    assert heights[n:] == pytest.approx([1e8 / unit] * n)
    assert ax.lines[0].get_ydata() == pytest.approx(found.table["directional"].to_numpy() / unit)
