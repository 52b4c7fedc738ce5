"""The desk page of a model made by hand, opened in Chromium."""

from __future__ import annotations

import pytest

from gammaflow.plot.desk import render_desk
from support.browser import CHROMIUM, FLAGS, watched
from support.desk_clicks import MODEL
from support.desk_models import HOSTILE, hand_model


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
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
