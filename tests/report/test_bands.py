"""Bands in a report: those of `sign_bands`, in its text, page and JSON, and on the command line."""

import json
import pickle
import sys

import pytest

import gammaflow as gf
from gammaflow.app import cli
from gammaflow.report.band_table import band_table, band_text
from gammaflow.text import price_text


def demo():
    chain = gf.demo_chain()
    return chain.select(chain["strike"] % 5_000 == 0)


@pytest.fixture(scope="module")
def report():
    return gf.analyze(demo(), beliefs="customers_buy_puts", days=0.5, core=0.8)


@pytest.fixture(scope="module")
def bands():
    return gf.sign_bands(demo(), "customers_buy_puts", days=0.5, core=0.8)


def test_bands_are_those_of_the_open_interest(report, bands):
    assert report.to_dict()["bands"] == bands.to_dict()
    assert report.bands is report.bands


def test_the_table_shows_quantiles_and_how_often_there_is_none(report, bands):
    table = band_table(report.bands).set_index("level")
    for name, found, column in (
        ("zero gamma nearest to spot [USD]", bands.flips, "flip"),
        ("short-gamma zone, high [USD]", bands.zones, "high"),
        ("core, low [USD]", bands.core, "core_low"),
    ):
        values = found.samples[column].dropna().quantile([0.05, 0.5, 0.95])
        shown = table.loc[name, ["5 %", "median", "95 %"]].tolist()
        assert [float(text.replace(",", "")) for text in shown] == pytest.approx(values.tolist(), rel=1e-3)
        assert table.loc[name, "in no draw"] == f"{found.samples[column].isna().mean():.1%}"
    at = bands.table.loc[71_470.0]
    assert table.loc["gamma at spot [USD m per +1 % spot]", "median"] == f"{at['50 %'] / 1e6:,.1f}"
    assert f"short gamma at spot in {at['p_short']:.0%} of 10,000 draws" in band_text(bands)


def test_every_output_has_them_where_beliefs_are_given(report, bands, tmp_path):
    trough = bands.core.quantiles["trough"]["50 %"]
    page = report.to_html(tmp_path / "page.html").read_text(encoding="utf-8")
    for text in (page, report.to_markdown()):
        assert "Levels under beliefs about the sign" in text
        assert price_text(trough) in text
        assert "customers_buy_puts" in text
    assert f"{price_text(trough)} (5 % " in repr(report)
    plain = gf.analyze(demo())
    assert plain.to_dict()["bands"] is None
    assert "beliefs" not in plain.to_markdown() + repr(plain)
    again = pickle.loads(pickle.dumps(report)).bands
    assert (again.beliefs.name, again.draws, again.unit.tobytes()) == (
        "customers_buy_puts", 10_000, bands.unit.tobytes(),
    )  # fmt: skip


def test_flat_where_asked_without_beliefs_and_only_of_open_interest():
    chain = demo().select(gf.filters.dte(0, 7))
    report = gf.analyze(demo(), where=gf.filters.dte(0, 7))
    assert report.bands.beliefs.name == "flat"
    expected = gf.sign_bands(chain).table
    assert report.bands.table["p_short"].tolist() == expected["p_short"].tolist()
    unsigned = gf.analyze(gf.assign_positions(chain, "unsigned"), beliefs="flat")
    assert unsigned.bands.table["50 %"].tolist() == expected["50 %"].tolist()
    signed = gf.assign_positions(chain)
    with pytest.raises(gf.SchemaError, match="bands: this report is of positions that are signed already"):
        _ = gf.analyze(signed).bands
    with pytest.raises(gf.SchemaError, match="beliefs: received 'flat' for a Book, whose"):
        gf.analyze(signed, beliefs="flat")
    with pytest.raises(gf.SchemaError, match="'hope'"):
        gf.analyze(chain, beliefs="hope")


def test_on_the_command_line(monkeypatch, capsys, bands):
    def run(*args):
        monkeypatch.setattr(sys, "argv", ["gammaflow", *args])
        monkeypatch.setattr(cli.out_console, "width", 300, raising=False)
        with pytest.raises(SystemExit) as stop:
            cli.main()
        return stop.value.code or 0, *capsys.readouterr()

    code, out, _ = run("demo", "--beliefs", "customers_buy_puts")
    assert code == 0
    assert "beliefs: customers_buy_puts: " in out
    assert "zero gamma nearest to spot [USD]: " in out
    code, out, _ = run("demo", "--dte", "0:7", "--beliefs", "flat", "--json")
    assert json.loads(out)["bands"]["beliefs"]["name"] == "flat"
    code, out, err = run("demo", "--beliefs", "hope")
    assert (code, out) == (2, "")
    assert "'hope'" in err
