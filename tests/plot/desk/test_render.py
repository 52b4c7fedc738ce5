"""The text of the desk page: packed whole, escaped, and asking for nothing."""

from __future__ import annotations

import json
import re
from html import unescape
from importlib.resources import files

import pytest

from gammaflow.plot.desk import render_desk
from support.desk_models import HOSTILE, hand_model
from support.desk_pages import packed, page_model

SCRIPTS = sorted(
    (entry for entry in files("gammaflow.plot.desk").iterdir() if entry.name.endswith(".js")),
    key=lambda entry: entry.name,
)


@pytest.fixture(scope="module")
def page():
    return render_desk(hand_model(symbol=HOSTILE, currency="<b>US</b>"))


def test_the_model_is_in_the_page_to_the_bit(page):
    assert page_model(page) == hand_model(symbol=HOSTILE, currency="<b>US</b>")
    views = json.loads(packed(page, "model"))["model"]["views"].values()
    assert len({json.dumps(view["spots"]) for view in views}) == 1  # a list that views share stands once


def test_the_same_model_gives_the_same_page(page):
    assert render_desk(hand_model(symbol=HOSTILE, currency="<b>US</b>")) == page


def test_the_page_stays_below_its_weight(page):
    assert len(page.encode()) < 2_500_000


def test_plotly_is_in_the_page_once_and_whole(page):
    from plotly.offline import get_plotlyjs

    assert packed(page, "plotly") == get_plotlyjs()


def test_texts_add_no_markup(page):
    assert "<img" not in page
    assert "<b>US" not in page
    assert page.count("<script") == 4
    assert unescape(re.search(r"<title>(.*?)</title>", page).group(1)) == f"{HOSTILE} dealer gamma"


def test_the_page_can_ask_for_nothing_unless_it_is_told_to_listen(page):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page).group(1)
    assert policy.split("; ") == [
        "default-src 'none'",
        "script-src 'unsafe-inline'",
        "style-src 'unsafe-inline'",
        "img-src data: blob:",
    ]
    assert re.findall(r"""<[^>]*(?:src|href)=["'](?!data:,)""", page) == []
    heard = re.search(
        r'Content-Security-Policy" content="([^"]*)"', render_desk(hand_model(), connect=True)
    ).group(1)
    assert heard.endswith("img-src data: blob:; connect-src 'self'")


def test_readers_without_scripts_have_the_levels_the_regime_and_the_conditions(page):
    model = hand_model()
    plain = re.search(r'<div id="plain">(.*?)\n</div>', page, re.DOTALL).group(1)
    view = model["views"]["calls_long_puts_short|sticky_strike|all"]
    numbers = [float(text.replace(",", "")) for text in re.findall(r"<td>([^<]*)</td>", plain)]
    assert numbers == pytest.approx([level["value"] for level in view["levels"]], rel=1e-9)
    assert model["regime"]["text"] in plain
    assert model["asof_text"] in plain
    assert "<dt>rule</dt><dd>calls long, puts short</dd>" in plain


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_refused(bad):
    with pytest.raises(ValueError, match="not JSON compliant"):
        render_desk(hand_model() | {"spot": bad})


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda entry: entry.name)
def test_scripts_make_no_markup_of_texts_and_ask_for_nothing(script):
    text = script.read_text(encoding="utf-8")
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
        "</script",
        "fetch(",
        "http:",
    ):
        assert word not in text.replace("http://www.w3.org/2000/svg", ""), word
    assert text.startswith("// ")
