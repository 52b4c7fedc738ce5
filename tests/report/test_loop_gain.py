"""The loop gain in a report: that of `gf.loop_gain`, in its text, page and JSON, and on the command line."""

import json
import pickle
import sys
from dataclasses import replace

import pytest

import gammaflow as gf
from gammaflow.app import cli
from gammaflow.report.gain_table import gain_lines, gain_note, zone_table
from gammaflow.text import price_text
from support.desk_pages import page_model, texts

DEPTH = gf.impact.linear(150e6, source="<b>order books</b> of one week", range=(0.5, 2.0))


def demo():
    chain = gf.demo_chain()
    return chain.select(chain["strike"] % 5_000 == 0)


@pytest.fixture(scope="module")
def report():
    return gf.analyze(demo(), depth=DEPTH, days=0.5)


@pytest.fixture(scope="module")
def gain():
    return gf.loop_gain(gf.sweep_spot(gf.assign_positions(demo()), days=0.5), DEPTH)


@pytest.fixture(scope="module")
def page(report, tmp_path_factory):
    return page_model(report.to_html(tmp_path_factory.mktemp("gain") / "page.html"))


def test_it_is_that_of_the_profile(report, gain):
    assert report.loop_gain.table.equals(gain.table)
    assert report.loop_gain is report.loop_gain
    assert report.to_dict()["loop_gain"] == json.loads(json.dumps(gain.to_dict()))


def test_every_output_has_it(report, gain, page):
    place, peak = gain.peak
    shown = page["sections"]["robustness"]["gain"]
    assert shown["peak"] == {"spot": place, "kappa": peak}
    assert shown["at_spot"] == gain.at(report.book.spot)["kappa"]
    assert "150m USD moves price 1 %" in shown["text"]
    for text in (report.to_markdown(), repr(report)):
        assert f"{peak:.2f} at {price_text(place)}" in text
        assert "loop gain at spot" in text
        assert "150m USD moves price 1 %" in text
    again = pickle.loads(pickle.dumps(report))
    assert again.loop_gain.table.equals(gain.table)
    assert again.depth.source == DEPTH.source


def test_the_table_of_zones_holds_their_solved_ends(report, gain):
    table = zone_table(gain)
    assert len(table) == len(gain.zones) >= 2
    for zone, (_, row) in zip(gain.zones, table.iterrows(), strict=True):
        assert row["kappa"] == f"> {zone.above:g}"
        assert (row["low [USD]"], row["high [USD]"]) == (price_text(zone.low), price_text(zone.high))
        assert row["peak"] == f"{zone.peak:.2f}"
        stable = f"{1 / (1 - zone.peak):.2f}" if zone.peak < 1.0 else "unstable"
        assert row["amplification"] == stable
        assert "| " + " | ".join(row.tolist()) + " |" in report.to_markdown()
    assert "end of the grid" in table["ends"].iloc[0]


def test_the_page_has_kappa_and_its_channels(page, gain):
    shown = page["sections"]["robustness"]["gain"]
    assert "<b>order books</b> of one week" in shown["text"]
    table = gain.table.loc[shown["spots"]]
    assert len(table) > 50
    for name in table:
        assert shown["columns"][name] == pytest.approx(table[name].to_numpy(), rel=1e-12)
    assert [zone["peak"] for zone in shown["zones"]] == [zone.peak for zone in gain.zones]


def test_without_a_depth_there_is_none(page, report, tmp_path):
    plain = replace(report, depth=None)
    assert plain.loop_gain is None
    assert plain.to_dict()["loop_gain"] is None
    assert gain_lines(None) == []
    model = page_model(plain.to_html(tmp_path / "page.html"))
    assert model["sections"]["robustness"]["gain"] is None
    for words in (texts(model), plain.to_markdown(), repr(plain)):
        assert "oop gain" not in words


def test_beliefs_give_it_bands():
    report = gf.analyze(demo(), depth=1e8, beliefs="customers_buy_puts", spots=[6e4, 7e4, 8e4])
    assert report.loop_gain.bands is report.bands
    assert "p_above_one" in report.loop_gain.table
    assert "under the beliefs" in dict(gain_lines(report.loop_gain))["loop gain at spot"]


def test_vol_that_moves_with_spot_gives_it_vanna():
    report = gf.analyze(demo(), depth=1e8, dynamics=gf.dynamics.spot_vol_beta(-3.0), spots=[6e4, 7e4, 8e4])
    assert (report.loop_gain.table["vanna"].abs() > 0.01).all()
    assert "every volatility moves by -3 vol points" in report.to_markdown()
    fixed = gf.sweep_spot(report.book, [7e4])
    assert "Vanna: vol does not move with spot." in gain_note(gf.loop_gain(fixed, 1e8))
    assert "Vanna: every vol moves by -2 points per +1 % of ln S" in gain_note(
        gf.loop_gain(fixed, 1e8, beta=-2)
    )


def test_books_take_a_depth_too_if_they_have_a_sign():
    book = gf.assign_positions(demo(), "short_all")
    assert gf.analyze(book, depth=1e8, spots=[7e4, 7.1e4, 8e4]).loop_gain.table["gamma"].min() > 0.0
    with pytest.raises(gf.SchemaError, match="open interest without a dealer sign"):
        gf.analyze(demo(), rule="unsigned", depth=1e8)
    with pytest.raises(gf.SchemaError, match="depth: received str"):
        gf.analyze(book, depth="deep")
    with pytest.raises(gf.MismatchError, match="depth: received EUR for a book in USD"):
        gf.analyze(book, depth=gf.impact.linear(1e8, source="x", currency="EUR"))


def test_an_absurd_depth_is_a_fault_of_the_report():
    report = gf.analyze(demo(), depth=294.0, spots=[6e4, 7e4, 8e4])
    assert any(text.startswith("depth: 294 USD moves price 1 %") for text in report.warnings())


def test_on_the_command_line(monkeypatch, capsys):
    def run(*args):
        monkeypatch.setattr(sys, "argv", ["gammaflow", *args])
        monkeypatch.setattr(cli.out_console, "width", 300, raising=False)
        with pytest.raises(SystemExit) as stop:
            cli.main()
        return stop.value.code or 0, *capsys.readouterr()

    code, out, _ = run("demo", "--depth", "294e6", "--dte", "0:7")
    assert code == 0
    assert "depth: 294m USD moves price 1 %" in out
    assert "loop gain at spot: " in out
    code, out, _ = run("demo", "--depth", "2.94e8", "--dte", "0:7", "--json")
    assert json.loads(out)["loop_gain"]["depth"]["per_1pct"] == 294e6
    code, _, err = run("demo", "--depth", "-5")
    assert (code, err) == (2, "gammaflow: --depth: received -5.0; depth must be > 0.\n")
    code, _, err = run("demo", "--depth", "5", "--rule", "unsigned")
    assert code == 2
    assert err.startswith("gammaflow: --depth: received one for open interest without a dealer sign")
