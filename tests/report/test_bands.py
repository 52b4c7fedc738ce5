"""Bands in a report: those of `sign_bands`, in its text, page and JSON, and on the command line."""

import base64
import json
import pickle
import re
import sys
from dataclasses import replace

import numpy as np
import pytest

import gammaflow as gf
from gammaflow.app import cli
from gammaflow.report.band_table import band_remarks, band_table, band_text
from gammaflow.text import price_text
from support.pictures import title as title_of


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
        assert [float(text.replace(",", "").removeprefix("beyond ")) for text in shown] == pytest.approx(
            values.tolist(), rel=1e-3
        )
        assert table.loc[name, "draws without one"] == f"{found.samples[column].isna().mean():.1%}"
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


QUANTILES = ("5 %", "25 %", "50 %", "75 %", "95 %")
PANEL = (
    r"<h2>Gamma over spot under beliefs (\w+)</h2><p>(.*?)</p>"
    r".*?<script type=\"application/json\">(.*?)</script>"
)


def values(column):
    """Numbers of a column of a figure's JSON, which newer plotly writes in base64."""
    return np.frombuffer(base64.b64decode(column["bdata"])) if isinstance(column, dict) else np.array(column)


@pytest.fixture(scope="module")
def page(report, tmp_path_factory):
    return report.to_html(tmp_path_factory.mktemp("bands") / "page.html").read_text(encoding="utf-8")


def test_the_page_draws_the_bands_of_the_draws(page, bands):
    ((name, note, figure),) = re.findall(PANEL, page)
    assert name == "customers_buy_puts"
    for words in ("crypto customers buy puts: dealers are short half of them", "10,000 draws", "seed 0:"):
        assert words in note
    traces = {trace["name"]: trace for trace in json.loads(figure)["data"]}
    spots = bands.profile.spots
    drawn = np.flatnonzero((spots > 0.6999 * 71_470.0) & (spots < 1.3001 * 71_470.0))
    some = drawn[::75]
    gamma = bands.samples.to_numpy() @ bands.unit[:, some]
    for p, quantile in zip((0.05, 0.25, 0.5, 0.75, 0.95), QUANTILES, strict=True):
        trace = traces["median" if quantile == "50 %" else quantile]
        assert values(trace["x"]) == pytest.approx(spots[drawn], rel=1e-15)
        expected = np.quantile(gamma, p, axis=0) / 1e6
        assert values(trace["y"])[::75] == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert traces["P(short gamma)"]["yaxis"] == "y2"
    assert values(traces["P(short gamma)"]["y"])[::75] == pytest.approx((gamma < 0.0).mean(axis=0), abs=1e-12)


def test_a_page_without_beliefs_has_no_bands(page, report, tmp_path):
    path = tmp_path / "page.html"
    plain = replace(report, beliefs=None).to_html(path).read_text(encoding="utf-8")
    for words in ("beliefs", "P(short gamma)", "break-even, puts", "trough region"):
        assert words in page
        assert words not in plain[: plain.index("<script>/**")] + plain[plain.rindex('"use strict"') :]
    # Without the three panels the page is the other one.
    for title in ("Gamma over spot under beliefs", "Levels under beliefs", "Trough region and break-even"):
        panel = re.search(rf"<section><h2>{title}.*?</section>\n", page, re.DOTALL).group()
        page = page.replace(panel, "")
    assert page == plain


def luminance(color):
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in np.array(list(color)) / 255.0
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_colours_can_be_read_on_the_paper_of_the_page(page):
    """WCAG: 3 to 1 for lines; the bands differ from the paper and from one another."""
    (paper,) = re.findall(r"--paper: #(\w+);", page[: page.index("</style>")])  # one theme
    paper = list(bytes.fromhex(2 * paper if len(paper) == 3 else paper))
    figure = json.loads(re.search(PANEL, page).group(3))
    traces = {trace["name"]: trace for trace in figure["data"]}
    lines = [traces[name]["line"]["color"] for name in ("median", "P(short gamma)")]
    for color in [*lines, figure["layout"]["shapes"][0]["line"]["color"]]:
        assert contrast(list(bytes.fromhex(color[1:])), paper) >= 3.0
    fills = []
    for name in ("75 %", "25 %"):
        *color, opacity = map(float, re.findall(r"[\d.]+", traces[name]["fillcolor"]))
        fills.append(opacity * np.array(color) + (1.0 - opacity) * np.array(paper))
    assert contrast(fills[0], paper) >= 1.3
    assert contrast(*fills) >= 1.3


def test_the_static_picture_names_beliefs_draws_time_and_filters_in_a_title_that_fits(bands):
    from matplotlib import pyplot

    chain = demo().select(gf.filters.dte(0, 60))
    top, bottom = gf.sign_bands(chain, "flat", draws=50, seed=4, days=0.5, vol_shift=0.1).plot()
    title = title_of(top)
    for words in (
        "2026-02-05 21:36 UTC",
        "vols +10 points",
        "\nbeliefs: flat, 50 draws, seed 4\n",
        "dte 0 to 60",
    ):
        assert words in title.replace("UTC),\n", "UTC), ")
    top.figure.canvas.draw()
    assert top.figure.bbox.x1 >= top._left_title.get_window_extent().x1
    assert (top.get_ylabel(), bottom.get_ylabel()) == ("gamma [USD m per +1 % spot]", "P(short gamma)")
    assert [t.get_text() for t in bottom.get_yticklabels()][1:-1] == ["0%", "25%", "50%", "75%", "100%"]
    assert (bottom.lines[0].get_ydata() <= 1.0).all()
    pyplot.close(top.figure)


def test_the_trough_region_and_break_even_shares_are_in_words(page, report, bands):
    region, scale, put, call = band_remarks(report.bands, report.levels)["meaning"]
    low, high = report.levels.zone.core
    spots = bands.profile.spots
    x = np.concatenate([[low], spots[(spots > low) & (spots < high)], [high]])
    gamma = bands.samples.to_numpy() @ bands.profile.group_sums(x, bands.cells.cells.place)
    assert f"{price_text(low)} to {price_text(high)} under the report's rule, where" in region
    assert "at least 80% of its deepest; dealers" in region
    assert f"in all of it in {(gamma < 0).all(axis=1).mean():.0%} of draws" in region
    assert f"in some of it in {(gamma < 0).any(axis=1).mean():.0%}" in region
    assert "-100 % dealers are short all of it" in scale
    # Calls are believed flat, so that puts alone decide; calls would have to offset half of the puts.
    assert "below 0 % (" in put
    assert put.endswith("the beliefs' mean is -50 %")
    of = report.exposure.by("kind")["gamma"].abs()
    assert 0.5 * of["put"] / of["call"] > 1.0
    assert "dealers are short gamma at spot at any net share of calls (" in call
    kinds = bands.cells.cells.table["kind"].to_numpy()
    unit = bands.unit[:, np.searchsorted(spots, 71_470.0)]
    puts = bands.samples.to_numpy()[:, kinds == "put"] @ unit[kinds == "put"]
    low, high = (100 * np.quantile(-puts / unit[kinds == "call"].sum(), q) for q in (0.05, 0.95))
    assert f"({low:+.0f} % to {high:+.0f} % in nine of ten draws" in call
    text = report.to_markdown()
    for name, line in (("trough region", region), ("break-even, puts", put), ("break-even, calls", call)):
        assert line.replace("'", "&#x27;") in page
        assert f"| {name} | {line} |\n" in text.replace("\\", "").replace("&#x27;", "'")


def test_words_where_no_share_makes_a_difference():
    interest = gf.assign_positions(demo(), "unsigned")

    def words(puts, calls, source=interest):
        report = gf.analyze(source, beliefs=gf.Beliefs({"put": puts, "call": calls}))
        return band_remarks(gf.sign_bands(source, report.beliefs, draws=20), report.levels)["meaning"]

    region, _, put, call = words(-0.6, -0.5, demo())
    assert " under the report's rule, where the" in region
    assert region.endswith("; dealers are short gamma in all of it in 100% of draws, in some of it in 100%")
    assert call.endswith("the beliefs' mean is -50 %")
    region, _, put, call = words(-0.3, 0.1)
    of = gf.aggregate_exposure(interest).by("kind")["gamma"]
    even = {"put": -10.0 * of["call"] / of["put"], "call": 30.0 * of["put"] / of["call"]}
    for kind, line in (("put", put), ("call", call)):
        assert f"at spot if their net share of {kind}s is below {even[kind]:+.0f} % (" in line
    region, *_ = words(-0.5, -0.5)
    assert " by the medians of the draws, where the" in region
    assert "; dealers are short gamma in all of it in 100% of draws" in region
    region, _, put, call = words(1.0, 0.5)
    assert region == "none: dealers are short gamma nowhere on the grid in any draw"
    few = interest.select((interest["kind"] == "put") | (interest["strike"] == 85_000.0))
    for share, how in ((1.0, "no"), (-1.0, "any")):
        _, _, put, call = words(share, 0.0, few)
        assert f"short gamma at spot at {how} net share of calls (" in call
        assert "short gamma at spot if their net share of puts is below 0 % (0 % to 0 % in" in put


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
