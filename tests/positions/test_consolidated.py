"""One book of several venues: attribution in tables, pictures and the report."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest

import gammaflow as gf
from gammaflow.plot.interactive import draw_stack
from gammaflow.plot.prepare import PALETTE
from gammaflow.positions.venues import IBIT
from support.desk_pages import page_model, texts

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


@pytest.fixture(scope="module")
def book():
    """The demo chains of two venues, in dollars per coin."""
    coins = gf.assign_positions(gf.demo_chain(), venue="Deribit", numeraire="coin")
    fund = gf.assign_positions(gf.demo_chain(symbol="IBIT"), venue="IBIT", rule="short_all")
    return coins + fund.in_units_of("BTC", IBIT, spot=coins.spot)


def test_venues_sum_to_the_whole(book):
    exposure = gf.aggregate_exposure(book)
    by_venue = exposure.by("venue")
    assert by_venue.index.tolist() == ["Deribit", "IBIT"]
    np.testing.assert_allclose(by_venue.sum(), exposure.total(), rtol=1e-12)
    profile = gf.sweep_spot(book, np.linspace(5e4, 9e4, 41), measures=["gamma", "vanna"])
    for measure in ("gamma", "vanna"):
        parts = profile.by("venue", measure)
        scale = profile.table[measure].abs().max()
        np.testing.assert_allclose(parts.sum(axis=1), profile.table[measure], rtol=0, atol=1e-12 * scale)


def test_rules_are_told_once_and_maps_each(book):
    coins, fund = book.rule
    assert coins.startswith("calls_long_puts_short")
    assert fund.startswith("short_all")
    assert ", IBIT as 0.00056712" in fund
    assert "IBIT as" not in coins
    assert book.sources == ("synthetic demo",)


def test_stacked_areas_end_at_the_sums_of_each_sign(book):
    profile = gf.sweep_spot(book, np.linspace(5e4, 9e4, 9))
    parts = profile.by("venue") / 1e6
    ax = profile.plot_stack("venue")
    tops = [area.get_paths()[0].vertices[:, 1] for area in ax.collections]
    assert max(top.max() for top in tops) == pytest.approx(parts.clip(lower=0).sum(axis=1).max())
    assert min(top.min() for top in tops) == pytest.approx(parts.clip(upper=0).sum(axis=1).min())
    (net,) = [line for line in ax.lines if line.get_label() == "net"]
    np.testing.assert_allclose(net.get_ydata(), profile.table["gamma"] / 1e6)
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["Deribit", "IBIT", "net", f"spot {book.spot:,.0f}"]
    assert ax.get_ylabel() == "gamma [USD m per +1 % spot]"
    assert ax.get_title(loc="left").startswith("BTC gamma over spot by venue")


def test_bars_are_split_by_venue(book):
    exposure = gf.aggregate_exposure(book)
    ax = exposure.plot("expiry", split="venue")
    bars = exposure.by("expiry", "venue")["gamma"].unstack(fill_value=0)
    heights = [[bar.get_height() for bar in container] for container in ax.containers]
    np.testing.assert_allclose(heights, bars.T / 1e6)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert {"Deribit", "IBIT"} <= set(labels)
    with pytest.raises(gf.SchemaError, match="by: received 'venue', which is what bars are split by"):
        exposure.plot("venue", split="venue")


def test_the_interactive_stack_holds_every_value(book):
    parts = gf.sweep_spot(book, np.linspace(5e4, 9e4, 9)).by("venue")
    figure = draw_stack(parts, book.spot, "USD per +1 % spot", currency="USD")
    net = next(trace for trace in figure.data if trace.name == "net")
    np.testing.assert_allclose(net.y, parts.sum(axis=1) / 1e6)
    for i, venue in enumerate(parts):
        above, below, values = (trace for trace in figure.data if trace.name == venue)
        np.testing.assert_allclose(above.y + below.y, parts[venue] / 1e6)
        np.testing.assert_allclose(values.y, parts[venue] / 1e6)
        assert above.stackgroup != below.stackgroup
        assert above.fillcolor == PALETTE[i]


def test_the_report_attributes_to_venues(book, tmp_path):
    report = gf.analyze(book)
    assert "## By venue" in report.to_markdown()
    assert [row["venue"] for row in report.to_dict()["by_venue"]] == ["Deribit", "IBIT"]
    gamma = {row["venue"]: row["gamma"] for row in report.to_dict()["by_venue"]}
    assert sum(gamma.values()) == pytest.approx(report.exposure.total()["gamma"], rel=1e-12)
    assert (
        "rows",
        f"{len(gf.demo_chain())} rows: accounts in coin: delta minus the premium in coin",
    ) in report.facts()
    assert "Synthetic demonstration data" in " ".join(report.warnings())
    stack = page_model(report.to_html(tmp_path / "two.html"))["sections"]["venues"]
    assert "Deribit" in texts(stack)
    assert "IBIT" in texts(stack)
    alone = gf.analyze(gf.demo_chain())
    assert "By venue" not in alone.to_markdown()


def test_a_label_of_the_user_s_does_not_hide_that_data_are_synthetic(book):
    part = book.select(book["venue"] == "IBIT")
    retold = gf.Book(part.to_frame(), part.symbol, part.spot, part.asof)
    assert gf.analyze(retold).warnings() == []
    assert gf.analyze(book.select(book["venue"] == "IBIT")).warnings() != []


def test_a_book_of_demo_notes_says_that_it_is_made_up():
    notes = gf.book_notes(gf.demo_notes(), spot=40.0, asof="2026-02-05T09:36Z", sigma=0.5)
    assert notes.sources == ("synthetic demo",)
    assert "Synthetic demonstration data" in " ".join(gf.analyze(notes).warnings())


def test_parts_have_colours_of_their_own():
    from gammaflow.plot.prepare import COLORS, part_colors

    colors = part_colors(["call", "note", "put", "down-in put"])
    assert (colors["call"], colors["put"]) == (COLORS["call"], COLORS["put"])
    assert colors["down-in put"] == COLORS["barrier"]
    assert len(set(colors.values())) == 4


def test_notes_are_no_calls_and_puts():
    from gammaflow.studies.barrier_books import barrier_parts

    notes = gf.book_notes(gf.demo_notes(), spot=40.53, asof=gf.demo_chain().asof, sigma=0.5)
    both = gf.assign_positions(gf.demo_chain(symbol="IBIT")) + notes
    ax = barrier_parts(gf.sweep_spot(both, np.linspace(35, 45, 11), measures=["gamma"])).plot()
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[:2] == ["calls and puts", "notes"]
