"""The report: its objects, text, numbers and page."""

from __future__ import annotations

import json
import re
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import GammaflowError, SchemaError
from gammaflow.plot.desk import page as desk_page
from gammaflow.positions.rules import SHORT_ALL, Rule
from gammaflow.report import Report, analyze
from gammaflow.units import CONVENTION, MEASURES, describe
from support.books import random_book
from support.desk_pages import own_view, page_model, texts

mpl.use("Agg")
HOSTILE = "<script>alert(1)</script>|[x](y)"


@pytest.fixture(scope="module")
def report():
    return analyze(gf.demo_chain())


@pytest.fixture(scope="module")
def page(report, tmp_path_factory):
    path = report.to_html(tmp_path_factory.mktemp("page") / "page.html")
    return path.read_text(encoding="utf-8")


def _chain(symbol="X", **columns):
    base = {
        "contract": ["a", "b", "c", "d"],
        "expiry": pd.to_datetime(["2026-03-20T20:00Z"] * 3 + ["2025-03-20T20:00Z"]),
        "strike": [95.0, 100.0, 105.0, 100.0],
        "kind": ["put", "put", "call", "call"],
        "open_interest": [10.0, 20.0, np.nan, 5.0],
        "multiplier": 100.0,
        "iv": [0.3, 0.25, 0.2, 0.2],
    }
    return gf.Chain(
        pd.DataFrame({**base, **columns}), symbol, 100.0, pd.Timestamp("2026-02-05T14:30Z"), "test"
    )


# --- analyze


def test_a_chain_is_signed_by_the_default_rule(report):
    chain = gf.demo_chain()
    book = gf.assign_positions(chain, rule="calls_long_puts_short")
    assert isinstance(report, Report)
    assert report.chain is not None
    assert np.array_equal(report.book["position"], book["position"])
    assert report.exposure.total()["gamma"] == gf.aggregate_exposure(book).total()["gamma"]
    assert report.levels.flips == gf.find_levels(gf.sweep_spot(book)).flips
    assert report.levels.exposure is report.exposure
    assert report.levels.profile is report.profile
    assert report.quality.usable == len(chain)


@pytest.mark.parametrize("rule", ["short_all", SHORT_ALL, Rule("half", -0.5, -0.5, "half of it")])
def test_a_chain_is_signed_by_the_rule_given(rule):
    assert (analyze(gf.demo_chain(), rule=rule).book["position"] < 0).all()


def test_known_positions_are_taken_as_they_are():
    positions = [-7.0, 2.5, -1.0, 0.0]
    book = analyze(_chain(), rule=positions).book
    assert dict(zip(book["contract"], book["position"], strict=True)) == {"a": -7.0, "b": 2.5, "c": -1.0}


def test_a_book_is_taken_as_it_is():
    book = random_book(3)
    report = analyze(book)
    assert report.book is book
    assert report.chain is None
    assert report.quality is None
    assert report.to_dict()["quality"] is None
    assert "No record of quality" in repr(report)
    assert "No record of quality" in report.to_markdown()


def test_a_book_refuses_a_rule():
    with pytest.raises(
        SchemaError, match=r"rule: received 'mirror' for a Book.*given positions.*Leave rule out"
    ):
        analyze(random_book(), rule="mirror")


@pytest.mark.parametrize("source", ["file.csv", None, pd.DataFrame()])
def test_other_sources_are_refused(source):
    with pytest.raises(SchemaError, match=f"received {type(source).__name__}.*Chain.*Book"):
        analyze(source)


def test_exposure_and_profile_are_of_the_time_asked_for():
    chain = gf.demo_chain()
    spots = np.linspace(60_000, 80_000, 21)
    report = analyze(chain, spots=spots, days=2.5, vol_shift=0.05, core=0.5)
    book = gf.assign_positions(chain)
    assert np.array_equal(report.profile.spots, spots)
    assert (report.profile.days, report.profile.vol_shift) == (2.5, 0.05)
    expected = gf.sweep_spot(book, spots, days=2.5, vol_shift=0.05).table
    pd.testing.assert_frame_equal(report.profile.table, expected)
    later = gf.aggregate_exposure(book, days=2.5, vol_shift=0.05).total()
    pd.testing.assert_series_equal(report.exposure.total(), later)
    assert report.levels.core_fraction == 0.5
    assert "rolled 2.5 days forward, volatility shifted by 5 points" in repr(report)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"dynamics": "wild"}, "dynamics"),
        ({"core": 2}, "core"),
        ({"rule": "wild"}, "rule"),
        ({"days": -1}, "days"),
    ],
)
def test_illegal_arguments_are_refused(wrong, message):
    with pytest.raises(SchemaError, match=message):
        analyze(gf.demo_chain(), **wrong)


# --- text


def test_repr_says_what_every_number_means(report):
    text = repr(report)
    assert text.startswith("Report BTC, as of 2026-02-05 09:36:00 UTC, spot 71,470.00 USD\nSynthetic")
    assert CONVENTION in text
    assert report.book.rule_text in text
    assert str(report.quality) in text
    for name, value in report.levels.lines():
        assert re.search(rf"{re.escape(name)} +{re.escape(value)}", text)
    gamma = report.exposure.total()["gamma"] / 1e6
    assert re.search(rf"gamma +{gamma:,.2f} USD m per \+1 % spot", text)


def test_totals_are_the_exposure_in_readable_units(report):
    table = report.totals_text().set_index("measure")
    sizes = {"": 1.0, "k": 1e3, "m": 1e6, "bn": 1e9}
    for name, unit in ((m, describe("USD")[m]) for m in MEASURES):
        row = table.loc[name.replace("_", " ")]
        head, _, tail = unit.partition(" ")
        size = row["unit"].removeprefix(head).removesuffix(tail).strip()
        shown = float(row["total"].replace(",", "")) * sizes[size]
        assert shown == pytest.approx(report.exposure.total()[name], abs=0.00501 * sizes[size])


def test_tables_hold_every_strike_and_expiry(report):
    strikes, expiries = report.by_text("strike"), report.by_text("expiry")
    assert len(strikes) == len(np.unique(report.book["strike"]))
    assert list(expiries["expiry [UTC]"]) == list(report.book.expiries.strftime("%Y-%m-%d"))
    gamma = expiries["gamma [USD m per +1 % spot]"].astype(float)
    calls = expiries["call gamma [USD m per +1 % spot]"].astype(float)
    puts = expiries["put gamma [USD m per +1 % spot]"].astype(float)
    assert np.allclose(gamma, report.exposure.by("expiry")["gamma"] / 1e6, atol=0.0005)
    assert np.allclose(calls + puts, gamma, atol=0.002)
    assert list(expiries["max pain [USD]"].str.replace(",", "").astype(float)) == list(report.levels.max_pain)


def test_markdown_holds_the_conditions_levels_totals_and_quality():
    text = analyze(_chain()).to_markdown()
    for heading in ("# X dealer exposure", "## Levels", "## Totals", "## By expiry", "## Data quality"):
        assert f"{heading}\n" in text
    assert "## Heaviest strikes (2 of 2)" in text
    assert (
        "| sign | + = dealers are long; to stay hedged they trade minus gamma for each +1 % of spot |" in text
    )
    assert "| spot | 100.00 USD |" in text
    assert "| as of | 2026-02-05 14:30:00 UTC |" in text
    assert "| expired | 1 | 5 |" in text
    assert "| open interest missing | 1 | 0 |" in text
    assert "Synthetic" not in text
    widths = [line.count("|") for line in text.splitlines() if line.startswith("| ---")]
    assert len(widths) == 6


def test_markdown_lists_the_heaviest_strikes_first(report):
    lines = report.to_markdown(strikes=3).split("## Heaviest strikes (3 of ")[1].splitlines()[4:7]
    heaviest = report.exposure.by("strike")["gamma"].abs().nlargest(3).index
    assert [line.split("|")[1].strip() for line in lines] == [f"{strike:,g}" for strike in heaviest]


def test_a_hostile_symbol_stays_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = analyze(_chain(HOSTILE))
    path = report.to_html()
    assert path.name == "script_alert_1_script_x_y_20260205T143000Z.html"
    text = path.read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "<h1>&lt;script&gt;alert(1)&lt;/script&gt;|[x](y) dealer gamma</h1>" in text
    assert r"# \<script>alert(1)\</script>\|[x]\(y) dealer exposure" in report.to_markdown()
    assert analyze(_chain("../..")).to_html().name == "report_20260205T143000Z.html"


# --- numbers


def test_to_dict_is_plain_json_without_nan():
    report = analyze(_chain(kind=["put", "put", "put", "call"]))
    assert np.isnan(report.levels.call_wall)
    data = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert data["symbol"] == "X"
    assert data["vendor"] == "test"
    assert data["asof"] == "2026-02-05T14:30:00+00:00"
    assert data["levels"]["call_wall"] is None
    assert data["total"]["gamma"] == report.exposure.total()["gamma"]
    assert data["profile"]["spot"] == list(report.profile.spots)
    assert data["profile"]["gamma"] == list(report.profile.table["gamma"])
    assert [row["strike"] for row in data["by_strike"]] == [95.0, 100.0]
    assert data["by_expiry"][0]["expiry"] == "2026-03-20T20:00:00+00:00"
    assert set(data["by_expiry"][0]) == {"expiry", *MEASURES}
    assert data["quality"]["unusable_rows"] == {"expired": 1, "open interest missing": 1}
    assert data["units"]["charm"] == "USD per day"
    assert data["warnings"] == []


# --- page and pictures


def test_the_page_shows_the_headline_numbers(report, page):
    levels, model = report.levels, page_model(page)
    view = own_view(model)
    total = report.exposure.total()
    assert view["total"]["gamma"] == pytest.approx(levels.gamma, rel=1e-12)
    assert view["gross"] == pytest.approx(total["gross_gamma"], rel=1e-12)
    shown = {level["key"]: level["value"] for level in view["levels"]}
    assert shown["flip"] == pytest.approx(levels.nearest_flips[0].spot, rel=1e-12)
    assert shown["trough"] == levels.zone.trough.spot
    assert (shown["put_wall_type"], shown["call_wall_type"]) == (levels.put_wall, levels.call_wall)
    zone = next(z for z in view["zones"] if z["trough"]["spot"] == levels.zone.trough.spot)
    assert zone["core"] == list(levels.zone.core)
    assert model["banners"][0]["text"].startswith("Synthetic demonstration data")
    assert "each strike keeps its volatility when spot moves" in page
    assert ["sign", CONVENTION] in model["facts"]
    assert model["regime"]["state"] == report.regime.state
    assert model["regime"]["text"] == report.regime.detail


def test_the_page_holds_every_strike(report, page):
    table = page_model(page)["strikes"]["calls_long_puts_short"]
    found = (
        pd.DataFrame({"strike": table["strike"], "gamma": table["gamma"]}).groupby("strike")["gamma"].sum()
    )
    expected = report.exposure.by("strike")["gamma"]
    assert found.index.tolist() == np.unique(report.book["strike"]).tolist()
    assert found.to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-6 * expected.abs().max())


def test_an_unsigned_book_says_so_everywhere(tmp_path):
    report = analyze(gf.demo_chain(), rule="unsigned")
    text = report.to_html(tmp_path / "p.html").read_text(encoding="utf-8")
    for shown in (text, report.to_markdown(), repr(report), *report.to_dict()["warnings"][1:]):
        assert "carry no dealer sign" in shown
    assert "BTC option gamma, no dealer sign</h1>" in text
    model = page_model(text)
    assert model["regime"]["state"] == "unsigned"
    assert "dealers are" not in texts([model["regime"], model["banners"], own_view(model)["levels"]])
    assert report.to_dict()["signed"] is False


def test_a_book_of_one_row_has_a_page(tmp_path):
    frame = random_book(5).to_frame()
    one = gf.Book(frame[frame["kind"] == "call"].iloc[:1], "ONE", 100.0, random_book(5).asof)
    model = page_model(analyze(one).to_html(tmp_path / "p.html"))
    keys = {level["key"] for level in own_view(model)["levels"]}
    assert "put_wall_type" not in keys
    assert "call_wall_type" in keys
    assert "no chain is behind the book" in model["score"]["text"]
    assert analyze(one).to_markdown().count("\n| ---") == 5


def test_many_flips_are_named(tmp_path):
    frame = random_book(5).to_frame().iloc[:12].copy()
    frame["strike"] = np.linspace(75.0, 125.0, 12)
    frame["position"] = np.where(np.arange(12) % 2, 100.0, -100.0)
    frame["expiry"] = random_book(5).asof + pd.Timedelta(days=5)
    frame["sigma"], frame["forward_ratio"], frame["multiplier"] = 0.1, np.nan, 100.0
    report = analyze(gf.Book(frame, "WAVES", 100.0, random_book(5).asof))
    assert len(report.levels.flips) >= 9
    view = own_view(page_model(report.to_html(tmp_path / "p.html")))
    assert [flip["spot"] for flip in view["flips"]] == [flip.spot for flip in report.levels.flips]
    nearest = sorted(report.levels.flips, key=lambda flip: abs(flip.spot - 100.0))[:3]
    shown = sorted(
        (level for level in view["levels"] if level["kind"] == "flip"),
        key=lambda level: abs(level["value"] - 100.0),
    )
    assert [level["value"] for level in shown] == [flip.spot for flip in nearest]
    turns = ["long" if flip.slope > 0 else "short" for flip in nearest]
    assert [level["sense"] for level in shown] == [f"dealers turn {turn} above" for turn in turns]


def test_a_page_without_plotly_names_the_remedy(report, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    desk_page._plotly.cache_clear()
    with pytest.raises(GammaflowError, match=r"pip install \"gammaflow-engine\[plot\]\""):
        report.to_html(tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


def test_pictures(report):
    from matplotlib import pyplot

    figure = report.plot()
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["over spot", "by strike", "by expiry"]
    assert "Synthetic" in figure.get_supxlabel()
    ax = report.levels.plot()
    labels = [t.get_text() for t in ax.get_legend().get_texts()]
    assert f"zero gamma {report.levels.flips[0].spot:,.0f}" in labels
    assert "core" in labels
    assert report.exposure.plot("expiry", "vanna").get_ylabel() == "vanna [USD m per +1 vol point]"
    pyplot.close("all")


def test_early_exercise_is_reported():
    facts = dict(gf.analyze(gf.demo_chain(symbol="IBIT")).facts())
    assert facts["early exercise"].startswith("gamma of American options -118.")
    assert facts["early exercise"].endswith("as European -116.43 USD m per +1 % spot")
    without = gf.demo_chain(symbol="IBIT").with_columns(rate=0.0)
    without = gf.analyze(without, rate=0.0, dividend_yield=0.0)
    assert "their rate is 0, so no put" in dict(without.facts())["early exercise"]
    assert "early exercise" not in dict(gf.analyze(gf.demo_chain()).facts())
