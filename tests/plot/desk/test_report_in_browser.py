"""Pages of real reports in Chromium: the numbers behind each control are those of the library's functions."""

from __future__ import annotations

from dataclasses import replace

import pytest

import gammaflow as gf
from gammaflow.report import analyze
from support.browser import CHROMIUM, watched
from support.desk_models import HOSTILE

pytest.importorskip("playwright.sync_api")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium or google-chrome to open the page"),
]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder, chain = tmp_path_factory.mktemp("reports"), gf.demo_chain()
    hostile = replace(chain, symbol=HOSTILE, currency="<b>US</b>")
    return {
        name: analyze(each).to_html(folder / f"{name}.html").as_uri()
        for name, each in {"demo": chain, "hostile": hostile}.items()
    }


@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("name", ["demo", "hostile"])
def test_the_page_of_a_report_draws_without_a_problem(browser, pages, name, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    problems = watched(page)
    page.goto(pages[name])
    page.wait_for_selector("#stage svg path")
    page.evaluate("desk.allDrawn()")
    assert problems == page.evaluate("problems") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".chart .main-svg").count() >= 4
    assert page.locator("img").count() == 0
    assert page.title() == f"{HOSTILE if name == 'hostile' else 'BTC'} dealer gamma"
    page.close()


def test_controls_show_what_the_functions_say(browser, pages):
    page, chain = browser.new_page(viewport={"width": 1400, "height": 900}), gf.demo_chain()
    page.goto(pages["demo"])
    page.wait_for_selector("#stage svg path")
    first = gf.assign_positions(chain).expiries[0]
    wheres = {
        "all": None,
        "next": gf.filters.expiry(first),
        "later": ~gf.filters.expiry(first),
        "week": gf.filters.dte(0.0, 7.0),
        "monthly": gf.filters.monthly(),
    }
    for rule in ("short_all", "calls_long_puts_short"):
        page.click(f'#controls [data-control="rule"][data-value="{rule}"]')
        for selection, where in wheres.items():
            page.click(f'#controls [data-control="selection"][data-value="{selection}"]')
            levels = analyze(chain, rule=rule, where=where).levels
            assert page.evaluate("desk.view().total.gamma") == pytest.approx(levels.gamma, rel=1e-9)
            shown = page.text_content('#numbers [data-number="net"] b').split("m per 1%")[0].replace("$", "")
            assert float(shown) == pytest.approx(levels.gamma / 1e6, rel=5e-3)
            flips = page.evaluate("desk.view().flips.map(f => f.spot)")
            assert flips == pytest.approx([flip.spot for flip in levels.flips], rel=1e-9)
            walls = page.evaluate("Object.fromEntries(desk.view().levels.map(l => [l.key, l.value]))")
            assert walls["put_wall_type"] == levels.put_wall
            assert walls["call_wall_type"] == levels.call_wall
    page.close()
