"""The desk page in Chromium: each control is clicked, and the number shown is that of the model."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from support.browser import CHROMIUM
from support.desk_clicks import MODEL, click, money, number, sums
from support.desk_models import DYNAMICS, HOSTILE, RULES, SELECTIONS

pytest.importorskip("playwright.sync_api")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium or google-chrome to open the page"),
]


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
