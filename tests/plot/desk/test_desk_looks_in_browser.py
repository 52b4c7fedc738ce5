"""Looks of the desk page in Chromium: colors, theme, new data, pictures, paper, readers without scripts."""

from __future__ import annotations

import copy
import math
import re
from itertools import combinations

import numpy as np
import pytest

from support.browser import CHROMIUM
from support.desk_clicks import MODEL, click, money, number
from support.desk_models import DYNAMICS, RULES, hand_model

pytest.importorskip("playwright.sync_api")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium or google-chrome to open the page"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colors_do_not_mean_two_things_and_differ_in_grey(opened, scheme):
    page = opened(color_scheme=scheme)
    colors = page.evaluate("desk.colors()")
    looks = [colors[name] for name in ("long", "short", "call", "put", "flip")] + colors["venue"]
    assert len(set(looks)) == len(looks)

    def light(color):
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        return float(
            np.dot(
                [0.2126, 0.7152, 0.0722],
                [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts],
            )
        )

    def contrast(a, b):
        low, high = sorted((light(a), light(b)))
        return (high + 0.05) / (low + 0.05)

    assert contrast(colors["call"], colors["put"]) >= 2.0
    for name in ("text", "soft", "line", "long", "short", "flip"):
        assert contrast(colors[name], colors["paper"]) >= (4.5 if name in ("text", "soft") else 3.0), name
    for a, b in combinations(colors["venue"][:3], 2):
        assert contrast(a, b) >= 1.3
    paper = page.evaluate("getComputedStyle(document.querySelector('#hero')).backgroundColor")
    assert paper == "rgb({}, {}, {})".format(*bytes.fromhex(colors["paper"][1:]))


def test_the_model_arrives_to_the_bit(opened):
    assert opened().evaluate("desk.model") == MODEL


def test_the_theme_can_be_chosen(opened):
    page = opened(color_scheme="light")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    click(page, "theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    assert page.evaluate("desk.dark()")
    click(page, "theme", "")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == before


def test_an_address_holds_the_controls(opened):
    page = opened(hash="#selection=next&bars=sides&range=10&theme=dark&measure=nonsense&rule=nonsense")
    state = page.evaluate("desk.state")
    assert state == {
        "selection": "next", "bars": "sides", "measure": "gamma", "range": "10", "rule": RULES[0],
        "dynamics": DYNAMICS[0], "theme": "dark",
    }  # fmt: skip
    click(page, "selection", "later")
    assert "selection=later" in page.url


def test_new_data_keep_the_controls_the_focus_and_the_scroll(opened):
    page = opened()
    for control, value in (("selection", "later"), ("bars", "sides"), ("range", "10")):
        click(page, control, value)
    page.click("#hero details summary")
    page.wait_for_selector("#hero .scroll")
    page.evaluate("document.querySelector('#hero .scroll').scrollTop = 333; scrollTo(0, 150)")
    page.evaluate("document.querySelector('#ladder button').focus({ preventScroll: true })")
    new = hand_model(1, spot=4511.0)
    page.evaluate("model => desk.update(model)", new)
    view = new["views"]["calls_long_puts_short|sticky_strike|later"]
    assert number(page, "net") == f"{money(view['total']['gamma'], True)} per 1%"
    assert page.text_content("h1 .spot") == "4,511.00"
    assert page.evaluate("[desk.state.selection, desk.state.bars, desk.state.range]") == [
        "later",
        "sides",
        "10",
    ]
    assert page.evaluate("[scrollY, document.querySelector('#hero .scroll').scrollTop]") == [150, 333]
    assert page.evaluate("document.activeElement.closest('section').id") == "ladder"
    # A model without what was chosen falls back to the defaults.
    less = hand_model(2)
    less["selections"] = ["all", "next"]
    page.evaluate("model => desk.update(model)", less)
    assert page.evaluate("desk.state.selection") == "all"


PROBE = """desk.section("probe", { title: "Probe", order: 3, draw: function (place, data, ctx) {
  desk.chart(place, [{ y: data.y, type: "bar", marker: { color: ctx.colors.long } }], {}, {
    height: 200, label: "probe",
    table: { columns: [{ name: "y", unit: "USD", kind: "number" }], rows: data.y.map(y => [y]) } });
} });"""


def test_a_hundred_updates_leave_nothing_behind(opened):
    page = opened()
    page.evaluate(PROBE)
    models = [hand_model(seed) | {"sections": {"probe": {"y": [1e9 * seed, 2e9, 5e8]}}} for seed in (1, 2)]
    page.evaluate("models => { window.models = models; desk.update(models[0]); }", models)
    page.wait_for_selector("#section-probe .main-svg", timeout=30_000)
    tools = page.context.new_cdp_session(page)

    def weight():
        tools.send("HeapProfiler.collectGarbage")
        found = tools.send("Memory.getDOMCounters")
        return found["nodes"], found["jsEventListeners"], page.evaluate("performance.memory.usedJSHeapSize")

    turns = """async n => {
        for (let i = 0; i < n; i++) {
            desk.update(models[i % 2]);
            if (i % 10 === 0) await new Promise(requestAnimationFrame);
        }
        await desk.allDrawn();
    }"""
    page.evaluate(turns, 20)
    before = weight()
    page.evaluate(turns, 100)
    after = weight()
    assert after[0] < 1.1 * before[0] + 200
    assert after[1] < 1.1 * before[1] + 50
    assert after[2] < 1.3 * before[2] + 4e6
    assert page.locator("#section-probe .chart").count() == 1


def test_a_section_draws_its_chart_and_its_table(opened):
    page = opened(color_scheme="dark")
    page.evaluate(PROBE)
    page.evaluate("model => desk.update(model)", MODEL | {"sections": {"probe": {"y": [1e9, 2.5e9, -5e8]}}})
    page.wait_for_selector("#section-probe .main-svg", timeout=30_000)
    assert page.get_attribute("#section-probe .chart", "role") == "img"
    assert page.locator("#section-probe .chart button").count() == 0
    page.click("#section-probe summary")
    assert page.locator("#section-probe th .unit").text_content() == "[$bn]"
    assert page.locator("#section-probe tbody th").all_text_contents() == ["1.00", "2.50", "-0.50"]
    with page.expect_download() as caught:
        page.click("#section-probe figure > .tools button")
    pixels = picture(caught.value.path())
    assert pixels.shape[:2] == (2 * (200 + 10 + 4 * 17), 2000)
    assert (pixels[:8, :, :3] == 1.0).all()
    blue = np.abs(pixels[..., :3] - np.array([0x00, 0x72, 0xB2]) / 255).max(axis=2) < 0.02
    assert blue.mean() > 0.05  # the colour of paper, whatever the screen's


def picture(path):
    return pytest.importorskip("matplotlib.image").imread(path, format="png")


def test_a_saved_picture_is_on_white_with_symbol_date_and_rule(opened):
    page = opened(color_scheme="dark")
    with page.expect_download() as caught:
        page.click("#hero .tools button:text-is('Picture')")
    assert caught.value.suggested_filename == "SPX_all_gamma_2023-09-14T20_31_00Z.png"
    pixels = picture(caught.value.path())
    assert pixels.shape[:2] == (1560, 2400)
    assert (pixels[:4, :, :3] == 1.0).all()
    assert (pixels[..., :3].min(axis=2) < 0.5).mean() > 0.01
    words = page.evaluate(
        "desk.heroPicture({ width: 1200, height: 780, title: desk.pictureTitle() }).textContent"
    )
    assert words.startswith(
        "SPX 4,505.10, 14 Sep 2023 16:31 ET (20:31 UTC)Rule: calls long, puts short; vol: "
    )
    assert "synthetic data" in words
    assert page.evaluate("desk.dark()")


def test_paper_holds_the_page_and_the_screen_comes_back(opened):
    page = opened(color_scheme="dark")
    wide = page.evaluate("document.querySelector('#stage svg').clientWidth")
    made = page.pdf(prefer_css_page_size=True, print_background=True)
    assert 1 <= len(re.findall(rb"/Type\s*/Page[^s]", made)) <= 4
    assert page.evaluate("desk.dark()")
    assert page.evaluate("document.querySelector('#stage svg').clientWidth") == wide


@pytest.mark.parametrize("width", [1440, 1100, 390])
def test_what_is_printed_from_a_window_of_any_width_fits_the_sheet(opened, width):
    page = opened(width=width)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")  # the browser still lays out the screen
    drawn = page.evaluate("document.querySelector('#stage svg').viewBox.baseVal.width")
    page.emulate_media(media="print")
    place, rail = page.evaluate(
        "[document.getElementById('stage').clientWidth, ['hero', 'rail'].map(id =>"
        " document.getElementById(id).getBoundingClientRect()).map(box => [box.left, box.right])]"
    )
    assert abs(drawn - place) < 2.0
    assert rail[0][1] <= rail[1][0]
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.wait_for_function("document.querySelector('#stage svg').clientWidth <= innerWidth")


@pytest.mark.parametrize("sigmas", [-300.0, -12.5, -11.9, 12.1])
def test_a_level_far_away_is_said_to_be_far(opened, sigmas):
    page = opened()
    model = copy.deepcopy(MODEL)
    levels = model["views"][f"{RULES[0]}|{DYNAMICS[0]}|all"]["levels"]
    remark = "far below spot, outside the spots computed"
    levels[-1] |= {"key": "zone_low", "sigmas": sigmas, "remark": remark}
    page.evaluate("model => desk.update(model)", model)
    row = page.locator('#rail tr[data-key="zone_low"]')
    wanted = "< -12\u03c3" if sigmas < -12 else "> +12\u03c3" if sigmas > 12 else f"{sigmas:.1f}\u03c3"
    assert row.locator("td").last.text_content() == wanted
    assert row.locator("th").text_content().endswith(remark)


def test_a_reader_without_scripts_has_the_texts(opened):
    page = opened(java_script_enabled=False)
    assert page.is_visible("#plain table")
    assert not page.is_visible("#page")


def test_a_browser_that_cannot_unpack_has_the_texts(opened):
    page = opened(
        init="""delete window.DecompressionStream;
        addEventListener("unhandledrejection", e => e.stopImmediatePropagation(), true);"""
    )
    page.wait_for_selector("#plain table", state="visible")
    assert not page.is_visible("#page")
    assert math.isclose(
        float(page.locator("#plain td").first.text_content().replace(",", "")), 4600.0, rel_tol=0.2
    )
