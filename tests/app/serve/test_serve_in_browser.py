"""`gammaflow serve` in Chromium, against a local feed that moves, stalls and fails."""

import json
import shlex
import signal
import sys
import time
from functools import partial
from urllib.parse import urlsplit

import pytest

import gammaflow as gf
from gammaflow.app.serve.points import point_of
from gammaflow.market.store import Store
from support.browser import CHROMIUM, FLAGS, WATCH
from support.feed_server import INDEX
from support.moving_feed import MovingFeed
from support.serve_process import Serve, until

pytest.importorskip("httpx")
pytest.importorskip("pyarrow")
pytest.importorskip("plotly")
pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
playwright = pytest.importorskip("playwright.sync_api")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]


def path(n, share=1.0):
    """A spot of its own for each fetch, near a share of the index; halves would be rounded in two ways."""
    return round(INDEX * share) + n + 0.2


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def feed():
    with MovingFeed(path) as running:
        yield running


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("serve")


@pytest.fixture(scope="module")
def arguments(feed, place):
    write = f"import sys; open({str(place / 'told')!r}, 'a').write(sys.stdin.read() + chr(10))"
    return (
        "deribit", "BTC", "--base-url", feed.url, "--every", "1.5", "--timeout", "4", "--dte", "0:3",
        "--store", place / "chains",
        "--alerts", place / "alerts.jsonl", "--on-alert", shlex.join([sys.executable, "-c", write]),
    )  # fmt: skip


@pytest.fixture(scope="module")
def serve(arguments):
    with Serve(*arguments) as running:
        yield running


class Page:
    """A browser's page, with the words that it shows and the requests that it made."""

    def __init__(self, chromium, url):
        self.tab = chromium.new_page(viewport={"width": 1440, "height": 1000})
        self.asked = []
        self.tab.add_init_script(WATCH)
        self.tab.on("request", lambda request: self.asked.append(request.url))
        self.tab.goto(url)

    def __call__(self, code):
        """A value of the page; None while it is loaded anew."""
        try:
            return self.tab.evaluate(code)
        except playwright.Error as error:
            if "navigation" in str(error) or "not defined" in str(error) or "of null" in str(error):
                return None
            raise

    def until(self, code, seconds=120):
        return until(lambda: self(code), seconds)

    @property
    def state(self):
        return self("document.getElementById('feed').dataset.state")

    @property
    def banners(self):
        return self("Array.from(document.querySelectorAll('#feed .banner'), b => b.textContent)")

    def live(self):
        """Wait for a page that is live and drawn."""
        self.until(
            "!!(window.live && live.model && document.querySelector('h1 .spot') && live.record().length)", 240
        )
        return self


@pytest.fixture(scope="module")
def page(chromium, serve):
    return Page(chromium, serve.url).live()


@pytest.fixture(autouse=True)
def _feed_moves(feed):
    yield
    feed.mode = "moves"


def shown_spot(page):
    return page("document.querySelector('h1 .spot').textContent")


def price(spot):
    return f"{spot:,.0f}"


def test_updates_are_pushed_into_the_page_and_its_numbers_are_those_of_the_chain(page, place):
    page("window.marker = 1")
    before = page("live.model.asof")
    page.until(f"live.model.asof !== {before!r}")
    model = page("[live.model.asof, live.model.spot, document.querySelector('h1 .spot').textContent]")
    chain = Store(place / "chains").load("BTC", model[0])
    assert (model[1], model[2]) == (chain.spot, price(chain.spot))
    point = page(f"live.record().find(p => p.asof === {model[0]!r})")
    assert point == json.loads(json.dumps(point_of(gf.analyze(chain, where=gf.filters.dte(0, 3)))))
    assert page("window.marker") == 1
    assert page.state == "live"
    assert page.banners == []


def test_the_day_is_drawn_as_strike_by_time(page):
    page("document.getElementById('section-day').scrollIntoView()")
    page.until("!!document.querySelector('#section-day .chart .heatmaplayer image')")
    names = page("Array.from(document.querySelectorAll('#section-day .legendtext'), t => t.textContent)")
    assert names == ["spot", "zero gamma", "call wall", "put wall"]
    drawn = page(
        "(c => [c.data[1].x.length, c.data[1].y, c.data[0].z.length, c.data[0].y.length])"
        "(document.querySelector('#section-day .chart'))"
    )
    assert drawn[0] == len(drawn[1]) >= 1
    assert drawn[2] == drawn[3] > 5


def test_a_control_stays_as_it_was_chosen(page):
    page.until(
        "!!Array.from(document.querySelectorAll('#controls button')).find(b => b.textContent === 'Dark')"
    )
    page(
        "Array.from(document.querySelectorAll('#controls button')).find(b => b.textContent == 'Dark').click()"
    )
    before = page("live.model.asof")
    page.until(f"live.model.asof !== {before!r}")
    assert page("document.documentElement.dataset.theme") == "dark"
    page("desk.set('theme', '')")


def test_two_browsers_at_once_show_the_same(page, chromium, serve):
    other = Page(chromium, serve.url).live()
    shown = "[live.record(), live.model.asof, document.querySelector('h1 .spot').textContent]"
    # An update may reach one of them first: what both show is compared until it is the same.
    until(lambda: (found := other(shown)) and found == page(shown))
    other.tab.close()


def test_alerts_reach_the_page_the_file_and_the_command(page, place, feed):
    feed.path = partial(path, share=1.05)
    page.until("document.querySelectorAll('#feed .alerts li').length > 0")
    feed.path = path
    texts = page("Array.from(document.querySelectorAll('#feed .alerts li span'), t => t.textContent)")
    lines = [json.loads(line) for line in (place / "alerts.jsonl").read_text().splitlines()]
    written = [alert["text"] for alert in reversed(lines)]
    assert texts == written[-len(texts) :]
    until(lambda: (place / "told").exists())
    until(lambda: len((place / "told").read_text().splitlines()) >= len(lines))
    assert [json.loads(line) for line in (place / "told").read_text().splitlines()][: len(lines)] == lines


def test_a_stall_an_error_and_a_changed_form_are_shown_and_survived(page, feed):
    before = page("live.status.faults")
    feed.mode = "stalls"
    page.until("['late', 'fault'].includes(document.getElementById('feed').dataset.state)")
    page.until(
        "document.querySelector('#feed .banner').textContent.includes('no full response within the 4 s')"
    )
    asof = page("live.model.asof")
    feed.mode = "fails"
    page.until("document.querySelector('#feed .banner')?.textContent.includes('answered 500')")
    assert page.state == "fault"
    feed.mode = "drifts"
    page.until(
        "document.querySelector('#feed .banner')?.textContent.includes('result.mark_iv: missing in 900')"
    )
    assert page("live.model.asof") == asof
    feed.mode = "moves"
    page.until("document.getElementById('feed').dataset.state === 'live'")
    page.until(f"live.model.asof !== {asof!r}")
    assert page.banners == []
    assert page("live.status.faults") >= before + 3


def test_words_of_a_feed_are_no_markup(page, feed):
    feed.mode = "hostile"
    page.until("document.querySelector('#feed .banner')?.textContent.includes('<img src=x')")
    assert page("document.querySelectorAll('#feed img, #feed script').length") == 0
    assert page("window.problems") == []


def test_replay_knows_nothing_later_and_live_comes_back(page, place):
    slider = page.tab.get_by_label("Moment to replay")
    page.until("live.status.stored > 4")
    slider.focus()
    page.until("document.querySelector('#feed input').max > 2")
    time.sleep(0.5)
    slider.press("Home")
    first = Store(place / "chains").list("BTC")[0].asof.isoformat()
    page.until(f"live.replay === {first!r}")
    assert page.state == "replay"
    until(lambda: shown_spot(page) == price(Store(place / "chains").load("BTC", first).spot))
    page.until("desk.model.sections.day.points.length === 1")
    assert page("desk.model.asof <= live.replay && desk.model.sections.day.points[0].asof") == first
    newest = page("live.model.asof")
    page.until(f"live.model.asof !== {newest!r}")
    assert page("desk.model.sections.day.points.length") == 1
    page.tab.get_by_role("button", name="Back to live").click()
    page.until(
        "document.getElementById('feed').dataset.state === 'live' && desk.model.asof === live.model.asof"
    )


def test_nothing_but_this_machine_is_asked(page, serve, feed):
    hosts = {urlsplit(url).netloc for url in page.asked if not url.startswith(("data:", "blob:"))}
    assert hosts == {urlsplit(serve.url).netloc}
    assert page("window.problems") == []


def test_kill_9_loses_no_stored_chain_and_the_page_comes_back(chromium, arguments, place, feed):
    with Serve(*arguments) as first:
        page = Page(chromium, first.url).live()
        page.until("live.status.refreshes >= 2")
        before = page("live.record().map(p => p.asof)")
        first.stop(signal.SIGKILL)
        page.until("document.getElementById('feed').dataset.state === 'lost'")
        assert page.banners[0].startswith("No connection to gammaflow serve since ")
        store = Store(place / "chains")
        assert store.verify().empty
        stored = [snapshot.asof.isoformat() for snapshot in store.list("BTC")]
        assert set(before) <= set(stored)
        with Serve(*arguments, port=first.port) as again:
            page.until("document.getElementById('feed').dataset.state === 'live'")
            page.until(f"{json.dumps(before)}.every(asof => live.record().some(p => p.asof === asof))")
            assert again.stop(signal.SIGINT) == 0
            assert not any("Traceback" in line for line in again.lines)
        page.tab.close()


def test_it_ends_as_well_when_it_is_asked_to(serve):
    assert serve.stop(signal.SIGTERM) == 0
    assert not any("Traceback" in line for line in serve.lines)
