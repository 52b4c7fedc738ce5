import asyncio
import json

import pandas as pd
import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx")

from gammaflow.app.serve import site as module
from gammaflow.app.serve.broadcast import Broadcast, packed
from gammaflow.app.serve.past import Past
from gammaflow.app.serve.replay import Replay
from gammaflow.app.serve.site import site
from support.asgi import Client
from support.small_pages import small_model, small_page


@pytest.fixture
def live():
    return Broadcast()


class TestPage:
    def test_until_the_first_chain_it_waits(self, live):
        answer = Client(site(live, small_page, "<BTC> from x", None)).get("/")
        assert answer.status_code == 200
        assert "Waiting for the first chain." in answer.text
        assert "<title>&lt;BTC&gt; from x</title>" in answer.text
        assert answer.text.count("window.live.start();") == 1

    def test_then_it_is_the_newest_page_with_the_live_part(self, live):
        drawn = []

        def render(model):
            drawn.append(model["spot"])
            return small_page(model)

        client = Client(site(live, render, "BTC", None))
        for spot in (1, 2):
            live.publish({}, model=b'{"spot":%d}' % spot)
            for _ in range(3):
                text = client.get("/").text
            assert text.startswith("<html><head><style>")
            assert f"</head><body>page of {spot}<script>" in text
            assert text.endswith("</script></body></html>")
        assert drawn == [1, 2]

    def test_nothing_on_it_is_asked_of_another_machine(self, live):
        text = Client(site(live, small_page, "BTC", None)).get("/").text
        assert "http:" not in text.replace("http://www.w3.org", "")
        assert "https:" not in text
        assert "innerHTML" not in text
        assert "insertAdjacentHTML" not in text


def test_without_a_store_there_is_no_replay(live):
    client = Client(site(live, small_page, "BTC", None))
    for path in ("/moments", "/replay", "/replay/day", "/x", "/../x"):
        assert client.get(path).status_code == 404


def test_replay(live, store, report_of, chains):
    past = Past(store, "BTC", report_of)
    replay = Replay(store, "BTC", report_of, lambda report: packed(small_model(report)), past)
    client = Client(site(live, small_page, "BTC", replay))
    assert client.get("/moments", params={"day": "2026-02-04"}).json()["moments"] == [
        c.asof.isoformat() for c in chains[:2]
    ]
    asof = {"asof": chains[3].asof.isoformat()}
    answer = client.get("/replay", params=asof)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["spot"] == chains[3].spot
    assert [p["spot"] for p in client.get("/replay/day", params=asof).json()] == [c.spot for c in chains[1:4]]
    for wrong in ({}, {"asof": "x"}, {"asof": "2020-01-01T00:00Z"}):
        answer = client.get("/replay", params=wrong)
        assert answer.status_code == 400
        assert "asof: received" in answer.text
        assert answer.headers["content-type"].startswith("text/plain")


class Browser:
    """The sending side of an ASGI connection to /events."""

    def __init__(self, app, last_id=""):
        self.app = app
        self.headers = [(b"host", b"localhost"), (b"last-event-id", last_id.encode())]
        self.sent, self.gone, self.reads = [], asyncio.Event(), asyncio.Event()
        self.reads.set()

    async def receive(self):
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        await self.reads.wait()
        self.sent.append(message)

    def connect(self):
        scope = {
            "type": "http", "method": "GET", "path": "/events", "query_string": b"", "headers": self.headers,
            "root_path": "", "scheme": "http",
        }  # fmt: skip
        return asyncio.create_task(self.app(scope, self.receive, self.send))

    @property
    def text(self):
        return b"".join(message.get("body", b"") for message in self.sent).decode()


async def settle():
    for _ in range(20):
        await asyncio.sleep(0.005)


class TestEvents:
    def test_updates_come_as_events_until_the_end(self, live):
        async def run():
            browser = Browser(site(live, small_page, "BTC", None))
            task = browser.connect()
            await settle()
            live.publish({"n": 1})
            await settle()
            live.close()
            await asyncio.wait_for(task, 5)
            return browser

        browser = asyncio.run(run())
        assert browser.sent[0]["status"] == 200
        assert browser.sent[0]["headers"] == [(b"content-type", b"text/event-stream; charset=utf-8")]
        assert browser.text.startswith(f"retry: 1000\n\nid: {live.run}-1\ndata: ")
        assert browser.sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}

    def test_a_browser_that_leaves_is_forgotten(self, live):
        async def run():
            browser = Browser(site(live, small_page, "BTC", None))
            task = browser.connect()
            await settle()
            assert live.browsers == 1
            browser.gone.set()
            await asyncio.wait_for(task, 5)

        asyncio.run(run())
        assert live.browsers == 0

    def test_one_that_reads_nothing_is_dropped_and_the_others_are_not_held_up(self, live, monkeypatch):
        monkeypatch.setattr(module, "_PATIENCE", 0.3)

        async def run():
            app = site(live, small_page, "BTC", None)
            stuck, well = Browser(app), Browser(app)
            tasks = [browser.connect() for browser in (stuck, well)]
            await settle()
            stuck.reads.clear()
            for n in range(5):
                live.publish({"n": n}, model=b'{"spot":%d}' % n)
                await settle()
            assert '"status":{"n":4}' in well.text
            await asyncio.wait_for(tasks[0], 5)
            assert not tasks[1].done()
            assert live.browsers == 1
            live.close()
            await asyncio.wait_for(tasks[1], 5)
            return stuck

        assert '"status"' not in asyncio.run(run()).text

    def test_a_browser_that_comes_back_gets_what_it_missed(self, live):
        live.publish({"n": 1}, points=[{"asof": "2026-02-05T12:00:00+00:00"}])
        live.publish({"n": 2}, points=[{"asof": "2026-02-05T12:01:00+00:00"}])

        async def run():
            browser = Browser(site(live, small_page, "BTC", None), f"{live.run}-1")
            task = browser.connect()
            await settle()
            browser.gone.set()
            await task
            return browser.text

        data = json.loads(asyncio.run(run()).split("data: ")[1])
        assert [pd.Timestamp(point["asof"]).minute for point in data["points"]] == [1]
