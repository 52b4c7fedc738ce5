"""The desk page in Chromium: each control is clicked, and the number shown is that of the model."""

from __future__ import annotations

import copy
import csv
import io
import math
import re
from itertools import combinations

import numpy as np
import pytest

from gammaflow.plot.desk import render_desk
from support.browser import CHROMIUM, FLAGS, watched
from support.desk_models import DYNAMICS, HOSTILE, RULES, SELECTIONS, hand_model

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium or google-chrome to open the page"),
]
MODEL = hand_model()
DAYS = np.array([expiry["days"] for expiry in MODEL["expiries"]])
CHOSEN = {
    "all": [0, 1, 2, 3, 4, 5], "next": [0], "later": [1, 2, 3, 4, 5], "week": [0, 1], "monthly": [0, 4],
}  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    found = {}
    for name, model in {"plain": MODEL, "hostile": hand_model(symbol=HOSTILE, currency="<b>US</b>")}.items():
        path = folder / f"{name}.html"
        path.write_text(render_desk(model), encoding="utf-8")
        found[name] = path.as_uri()
    return found


@pytest.fixture
def opened(browser, addresses):
    """Opens a page; at the end nothing may have gone wrong on it."""
    contexts, watches = [], []

    def go(name="plain", width=1440, height=900, hash="", init="", **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        watches.append((page, watched(page)))
        if init:
            page.add_init_script(init)
        page.goto(addresses[name] + hash)
        if options.get("java_script_enabled", True) and not init:
            page.wait_for_selector("#stage svg")
        return page

    yield go
    for page, problems in watches:
        assert problems == []
        if page.evaluate("typeof problems") != "undefined":
            assert page.evaluate("problems") == []
    for context in contexts:
        context.close()


def click(page, control, value):
    page.click(f'#controls button[data-control="{control}"][data-value="{value}"]')


def number(page, name):
    return page.text_content(f'#numbers [data-number="{name}"] b')


def money(x, signed=False):
    """An amount as the page writes it, written another way."""
    power = max(p for p in (0, 3, 6, 9, 12) if abs(x) >= 10**p or p == 0)
    size = abs(x) / 10**power
    digits = 0 if size >= 100 or size == 0 else 1 if size >= 10 else 2
    sign = "-" if x < 0 else "+" if signed and x > 0 else ""
    return f"{sign}${size:,.{digits}f}{ {0: '', 3: 'k', 6: 'm', 9: 'bn', 12: 'tn'}[power] }"


def sums(measure, rule, selection, strike=None):
    """Sums of a column by side, over the expiries of a selection, row by row."""
    table, found = MODEL["strikes"][rule], {"call": 0.0, "put": 0.0}
    for row in zip(table["strike"], table["expiry"], table["side"], table[measure], strict=True):
        if row[1] in CHOSEN[selection] and strike in (None, row[0]):
            found[row[2]] += row[3]
    return found


@pytest.mark.parametrize("width", [1440, 1100, 390])
@pytest.mark.parametrize("name", ["plain", "hostile"])
def test_the_page_draws_inside_its_window(opened, name, width):
    page = opened(name, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    too_wide = """Array.from(document.querySelectorAll("section, h1, h2, p, dd, svg, table, figure")).filter(
        e => !e.closest("#controls, .scroll, .away")
          && e.getBoundingClientRect().right > innerWidth).length"""
    assert page.evaluate(too_wide) == 0
    symbol = HOSTILE if name == "hostile" else "SPX"
    assert page.title() == f"{symbol} dealer gamma"
    assert page.text_content("h1 span") == symbol
    assert page.locator("img").count() == 0


@pytest.mark.parametrize("rule", RULES)
def test_each_choice_of_view_shows_its_numbers(opened, rule):
    page = opened()
    click(page, "rule", rule)
    for dynamics in DYNAMICS:
        if (rule, dynamics) == (RULES[1], DYNAMICS[1]):
            continue
        click(page, "dynamics", dynamics)
        for selection in SELECTIONS:
            click(page, "selection", selection)
            view = MODEL["views"][f"{rule}|{dynamics}|{selection}"]
            assert number(page, "net") == f"{money(view['total']['gamma'], True)} per 1%"
            assert number(page, "gross") == f"{money(view['gross'])} per 1%"
            trades = dict(zip(view["ladder"]["move"], view["ladder"]["trade"], strict=True))
            assert number(page, "down") == money(trades[-0.01], True)
            assert number(page, "up") == money(trades[0.01], True)
            shown = page.locator("#levels tr.level").evaluate_all(
                "rows => rows.map(row => [row.dataset.key, row.querySelector('.value').textContent])"
            )
            assert [key for key, _ in shown] == [level["key"] for level in view["levels"]]
            for (_, text), level in zip(shown, view["levels"], strict=True):
                assert float(text.replace(",", "")) == pytest.approx(level["value"], abs=0.005)
            state = view["regime"]["state"]
            assert page.text_content("#regime") == f"Regime: {state}. {view['regime']['text']}"
            flips = page.locator('#stage [data-mark="flip"]').evaluate_all(
                "m => m.map(e => Number(e.dataset.value))"
            )
            inside = [f["spot"] for f in view["flips"] if 0.95 <= f["spot"] / MODEL["spot"] <= 1.05]
            assert sorted(set(flips)) == sorted(inside)


def test_each_measure_shows_its_total_and_its_curve(opened):
    page = opened()
    view = MODEL["views"]["calls_long_puts_short|sticky_strike|all"]
    click(page, "measure", "vanna")
    assert number(page, "net") == f"{money(view['total']['vanna'], True)} per vol point"
    assert page.locator("#numbers [data-number=gross]").count() == 0
    assert "Vanna at that spot" in page.text_content("#stage svg")
    click(page, "measure", "flow")
    assert number(page, "net") == f"{money(view['total']['gamma'], True)} per 1%"
    drawn = page.text_content("#stage svg")
    for move, trade in zip(view["ladder"]["move"], view["ladder"]["trade"], strict=True):
        if abs(move) < 0.05:
            assert f"{move:+.0%}: {money(trade, True)}" in drawn


@pytest.mark.parametrize("selection", ["all", "later"])
def test_the_crosshair_reads_the_rows_of_a_strike(opened, selection):
    page, rule = opened(), RULES[0]
    click(page, "selection", selection)
    page.focus("#stage")
    page.keyboard.press("ArrowUp")
    strike = float(page.get_attribute("#stage", "aria-valuenow"))
    assert strike == 4505.0  # the strike nearest to spot comes first
    page.keyboard.press("ArrowUp")
    strike = 4510.0
    found = sums("gamma", rule, selection, strike)
    said = page.text_content("#readout")
    assert said.startswith("4,510 ")
    assert f"net {money(sum(found.values()), True)} per 1%" in said
    if selection == "all":
        early = sums("gamma", rule, "next", strike)
        assert f"net, expiring 15 Sep {money(sum(early.values()), True)}" in said
        assert (
            f"net, later expiries {money(sum(sums('gamma', rule, 'later', strike).values()), True)}" in said
        )
    view = MODEL["views"][f"{rule}|sticky_strike|{selection}"]
    assert f"gamma with spot there {money(np.interp(strike, view['spots'], view['gamma']), True)}" in said
    assert f"dealers trade {money(np.interp(strike, view['spots'], view['flow']), True)} to there" in said
    click(page, "bars", "sides")
    said = page.text_content("#readout")
    if selection == "later":
        assert f"calls {money(found['call'], True)}" in said
        assert f"puts {money(found['put'], True)}" in said
    click(page, "bars", "open_interest")
    counts = sums("open_interest", rule, selection)
    assert number(page, "call") == f"{counts['call']:,.0f}"
    assert number(page, "put") == f"{counts['put']:,.0f}"


def test_the_pointer_reads_the_strike_it_is_at(opened):
    page = opened()
    mark = page.locator('#stage [data-mark="wall"]').first
    box = mark.bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + box["height"] / 2)
    assert page.get_attribute("#stage", "aria-valuenow") == mark.get_attribute("data-value")
    page.mouse.move(5, 5)
    assert page.text_content("#readout").startswith("Point at")


def test_bars_and_net_are_drawn_from_the_same_rows(opened):
    page = opened()
    for bars in ("net", "sides"):
        for selection in SELECTIONS:
            click(page, "bars", bars)
            click(page, "selection", selection)
            net = page.evaluate("desk.bars().net.reduce((a, b) => a + b, 0)")
            parts = page.evaluate("desk.bars().series.map(s => s.values.reduce((a, b) => a + b, 0))")
            wanted = sum(sums("gamma", RULES[0], selection).values())
            assert net == pytest.approx(wanted, rel=1e-9)
            assert sum(parts) == pytest.approx(wanted, rel=1e-9)


def test_walls_are_the_longest_bars(opened):
    page = opened()
    for selection in SELECTIONS:
        click(page, "selection", selection)
        bars = page.evaluate("desk.bars()")
        values = {level["key"]: level["value"] for level in page.evaluate("desk.view().levels")}
        assert values["call_wall_net"] == bars["strikes"][int(np.argmax(bars["net"]))]
        assert values["put_wall_net"] == bars["strikes"][int(np.argmin(bars["net"]))]


def test_ranges_show_more_strikes(opened):
    page, spot = opened(), MODEL["spot"]
    shown = []
    for value, most in {"5": 0.05, "10": 0.10, "all": 1.0}.items():
        click(page, "range", value)
        low, high = page.evaluate("desk.priceRange(desk.bars())")
        shown.append(high - low)
        assert low >= spot * (1 - most) - 1e-9
        assert high <= spot * (1 + most) + 1e-9
        if value != "all":
            K, sizes = np.arange(3900.0, 5105.0, 5.0), 0.0
            for part in ("later", "next"):
                nets = [sum(sums("gamma", RULES[0], part, strike).values()) for strike in K]
                sizes = sizes + np.abs(nets)
            share = sizes[(low <= K) & (high >= K)].sum() / sizes.sum()
            assert number(page, "shown") == f"{share:.0%} of the bars' gross"
    assert shown[0] < shown[1] < shown[2]


def test_what_was_not_computed_cannot_be_chosen_and_says_why(opened):
    page = opened()
    for control, value, why in (("bars", "volume", "have no volume"), ("measure", "charm", "Not computed")):
        button = page.locator(f'#controls button[data-control="{control}"][data-value="{value}"]')
        assert button.get_attribute("aria-disabled") == "true"
        assert why in button.get_attribute("title")
        button.click(force=True)
        assert button.get_attribute("aria-pressed") == "false"
        assert page.text_content("#live") == button.get_attribute("title")
    click(page, "rule", RULES[1])
    button = page.locator(f'#controls button[data-control="dynamics"][data-value="{DYNAMICS[1]}"]')
    assert button.get_attribute("aria-disabled") == "true"
    click(page, "rule", RULES[0])
    assert button.get_attribute("aria-disabled") is None


def test_the_keyboard_reaches_and_presses_each_control(opened):
    page = opened()
    count = page.locator("#controls button").count()
    page.focus("#controls button >> nth=0")
    for i in range(count):
        button = page.locator("#controls button").nth(i)
        assert button.evaluate("b => b === document.activeElement")
        if not button.get_attribute("aria-disabled"):
            page.keyboard.press("Space")
            assert button.get_attribute("aria-pressed") == "true"
            assert button.evaluate("b => b === document.activeElement")
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "stage"
    assert page.locator("[role=img] button").count() == 0
    groups = page.locator("#controls [role=group]").evaluate_all(
        "g => g.map(e => e.getAttribute('aria-label'))"
    )
    assert groups == ["Expiry", "Bars", "Measure", "Range", "Rule", "Vol dynamics", "Theme"]


def test_copied_numbers_are_those_of_the_model(opened):
    page = opened(permissions=["clipboard-read", "clipboard-write"])
    view = MODEL["views"]["calls_long_puts_short|sticky_strike|all"]
    page.click("#levels button")
    page.wait_for_selector("#levels button:text-is('Copied')")
    rows = list(csv.DictReader(io.StringIO(page.evaluate("navigator.clipboard.readText()"))))
    assert [row["level"] for row in rows] == [level["name"] for level in view["levels"]]
    assert [float(row["value [USD]"]) for row in rows] == [level["value"] for level in view["levels"]]
    assert [float(row["previous [USD]"]) for row in rows] == [level["previous"] for level in view["levels"]]
    page.click("#ladder button")
    page.wait_for_selector("#ladder button:text-is('Copied')")
    rows = list(csv.DictReader(io.StringIO(page.evaluate("navigator.clipboard.readText()"))))
    assert [float(row["dealers trade [USD]"]) for row in rows] == view["ladder"]["trade"]
    assert [float(row["share of ADV [fraction]"]) for row in rows] == view["ladder"]["share_of_adv"]


def test_the_ladder_has_one_unit_and_the_signs_of_the_model(opened):
    page = opened()
    view = MODEL["views"]["calls_long_puts_short|sticky_strike|all"]
    assert page.text_content("#ladder thead tr") == "movespot$bnof ADV"
    shown = page.locator("#ladder tbody .value").all_text_contents()
    assert [float(text) for text in shown] == pytest.approx(
        [x / 1e9 for x in view["ladder"]["trade"]], abs=0.0051
    )


def test_the_table_by_strike_is_the_bars(opened):
    page = opened()
    page.click("#hero details summary")
    page.wait_for_selector("#hero details table")
    with page.expect_download() as caught:
        page.click("#hero details button:text-is('CSV file')")
    assert caught.value.suggested_filename == "SPX_strikes_2023-09-14T20_31_00Z.csv"
    rows = list(csv.DictReader(io.StringIO(caught.value.path().read_text(encoding="utf-8"))))
    for row in rows[::17]:
        K = float(row["strike [USD]"])
        assert float(row["gamma, net of all [USD per +1 % spot]"]) == pytest.approx(
            sum(sums("gamma", RULES[0], "all", K).values()), rel=1e-12, abs=1e-6
        )
    strikes = [float(row["strike [USD]"]) for row in rows]
    assert strikes == sorted(strikes, reverse=True)
    assert page.text_content("#hero tr.at th") == "4,505"
    page.click("#hero thead button >> nth=0")
    page.click("#hero thead button >> nth=0")
    assert page.text_content("#hero tbody tr th") == "3,900"


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
