"""The lower half of the desk page in Chromium: every section is drawn, and its numbers are the API's."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.plot.desk import render_desk
from gammaflow.report.desk import desk_model
from support.browser import CHROMIUM, watched
from support.desk_models import HOSTILE

pytest.importorskip("playwright.sync_api")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium or google-chrome to open the page"),
]
SECTIONS = ("expiries", "robustness", "ahead", "volatility", "history", "tables")


def _with_history(report):
    row = dict(gf.summarize(report))
    days = [3.0, 2.0, 1.0]
    rows = [
        {**row, "asof": report.book.asof - pd.Timedelta(d, "D"), "flip": 70_000.0 + d, "gamma": -1e6 * d}
        for d in days
    ]
    return replace(report, history=pd.DataFrame(rows).set_index("asof"))


@pytest.fixture(scope="module")
def report():
    return _with_history(gf.analyze(gf.demo_chain(), depth=294e6))


@pytest.fixture(scope="module")
def books(report):
    """Two venues and a note of a hostile name; one expiry of open interest alone."""
    chain = gf.demo_chain()
    book = gf.assign_positions(chain)
    other = gf.assign_positions(chain.select(kind="put"), "short_all", venue=HOSTILE)
    note = replace(gf.demo_notes()[0], name=HOSTILE)
    notes = gf.book_notes([note], spot=40.53, asof=book.asof, sigma=0.56)
    notes = notes.in_units_of("BTC", gf.venues.IBIT, spot=book.spot)
    spots = book.spot * np.linspace(0.8, 1.2, 9)
    one = chain.select(chain["expiry"] == chain["expiry"].min())
    return {
        "plain": report,
        "venues": gf.analyze(book + other + notes, spots=spots),
        "unsigned": gf.analyze(one, rule="unsigned"),
    }


@pytest.fixture
def opened(browser, books, tmp_path):
    """Opens a page with every section drawn; at the end nothing may have gone wrong on it."""
    contexts, watches = [], []

    def go(name="plain", width=1440, hash=""):
        path = tmp_path / f"{name}.html"
        path.write_text(render_desk(desk_model(books[name])), encoding="utf-8")
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}))
        page = contexts[-1].new_page()
        watches.append(watched(page))
        page.goto(path.as_uri() + hash)
        page.wait_for_selector("#stage svg")
        page.click("#section-tables > summary")
        page.evaluate("desk.allDrawn()")
        return page

    yield go
    assert [problems for problems in watches if problems] == []
    for context in contexts:
        context.close()


def _csv(page, section, which=0):
    """The plain CSV of a table of a section."""
    page.evaluate("() => { desk.kept = []; desk.save = (name, text) => desk.kept.push(text); }")
    page.eval_on_selector_all(
        f"#section-{section} .tools button",
        "(all, i) => all.filter(b => b.textContent === 'CSV file')[i].click()",
        which,
    )
    return list(csv.DictReader(io.StringIO(page.evaluate("desk.kept[0]"))))


def _numbers(rows, start):
    name = next(key for key in rows[0] if key.startswith(start))
    return [float(row[name]) if row[name] else np.nan for row in rows]


def test_every_section_is_drawn_and_its_numbers_are_the_apis(opened, report):
    page = opened()
    for name in SECTIONS:
        assert page.is_visible(f"#section-{name}"), name
    assert page.locator("#section-venues").count() == 0
    by = report.exposure.by("expiry")
    rows = _csv(page, "expiries")
    assert _numbers(rows, "gamma, net") == pytest.approx(by["gamma"].to_list())
    book = report.book
    without = book.select(book["expiry"] != book["expiry"].min())
    flip = gf.sweep_spot(without).levels().nearest_flip.spot
    assert _numbers(rows, "flip without")[0] == pytest.approx(flip, rel=1e-7)
    rows = _csv(page, "robustness")
    rules = gf.compare_rules(report.interest, ["short_all", "mirror"]).table["gamma"]
    named = dict(zip([row["to"] for row in rows], _numbers(rows, "gamma"), strict=True))
    assert named["short all"] == pytest.approx(rules["short_all"])
    assert named["mirror"] == pytest.approx(rules["mirror"])
    path = gf.flip_path(book, [0, 7]).table["nearest_flip"]
    rows = _csv(page, "ahead")
    assert _numbers(rows, "flip")[7] == pytest.approx(path[7.0], rel=1e-7)
    rows = _csv(page, "tables")
    assert _numbers(rows, "net gamma") == pytest.approx(report.exposure.by("strike")["gamma"].to_list())


def test_bars_follow_the_measure_and_the_theme(opened, report):
    page = opened()
    drawn = "document.querySelector('#section-expiries .chart').data"
    light = page.evaluate(f"{drawn}[0].marker.color[0]")
    page.click('#controls button[data-control="measure"][data-value="charm"]')
    page.evaluate("desk.allDrawn()")
    charm = report.exposure.by("expiry")["charm"]
    values = np.array(page.evaluate(f"Array.from({drawn}[0].y)"))
    scale = values[np.abs(values).argmax()] / charm.iloc[int(np.abs(values).argmax())]
    assert values == pytest.approx((charm * scale).to_list())
    assert f"{scale:.0e}" in ("1e-03", "1e-06", "1e-09")
    page.click('#controls button[data-control="bars"][data-value="sides"]')
    page.click('#controls button[data-control="theme"][data-value="dark"]')
    page.evaluate("desk.allDrawn()")
    names = page.evaluate(f"{drawn}.filter(t => t.type === 'bar').map(t => t.name)")
    assert names == ["calls", "puts"]
    colors = page.evaluate(f"{drawn}.filter(t => t.type === 'bar').map(t => t.marker.color)")
    assert colors[0] != colors[1]
    assert light not in colors


def test_history_tells_now_and_the_change_in_words(opened, report):
    page = opened()
    text = page.inner_text("#section-history")
    flip = report.levels.nearest_flip.spot
    assert f"{flip:,.0f}" in text
    assert f"{100.0 * (flip / 70_001.0 - 1.0):+.1f}% since then" in text
    assert page.locator("#section-history svg path").count() >= 10


def test_hostile_names_of_venues_and_notes_are_text(opened, books):
    page = opened("venues")
    assert page.evaluate("problems") == []
    assert page.locator("#sections img, #sections script").count() == 0
    rows = _csv(page, "venues")
    totals = books["venues"].exposure.by("venue")["gamma"]
    assert _numbers(rows, "gamma") == pytest.approx(totals.to_list())
    barrier = gf.note_maps.barrier_map(books["venues"].book).table["barrier"].iloc[0]
    assert _numbers(_csv(page, "venues", 1), "barrier")[0] == pytest.approx(barrier)


def test_a_phone_shows_one_expiry_of_open_interest_alone(opened):
    page = opened("unsigned", width=390)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert "Open interest alone has no flip" in page.inner_text("#section-expiries")
    assert page.locator("#section-ahead h3").count() == 1
