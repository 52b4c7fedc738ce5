import json
import os
import signal
import subprocess
import sys
import threading

import pytest

pytest.importorskip("httpx")
pytest.importorskip("pyarrow")
pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

import httpx

import gammaflow as gf
from gammaflow.app.serve import command
from gammaflow.market.store import Store
from support.moving_feed import MovingFeed
from support.small_pages import small_model, small_page

TOKEN = "0123456789abcdef"


@pytest.fixture
def feed():
    with MovingFeed() as running:
        yield running


def served(run, monkeypatch, ask, *args):
    """Run `serve` until `ask(client)` is done in another thread, then Ctrl-C: code, lines, what was found."""
    lines, found, asking = [], [], []
    main = threading.main_thread().ident
    monkeypatch.setattr("gammaflow.report.desk.desk_model", small_model)
    monkeypatch.setattr("gammaflow.plot.desk.render_desk", small_page)

    def say(line):
        lines.append(line)
        if line.startswith("serving "):
            address = line.split()[1].partition("?")[0]

            def work():
                try:
                    with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
                        found.append(ask(client))
                finally:
                    signal.pthread_kill(main, signal.SIGINT)

            asking.append(threading.Thread(target=work))
            asking[0].start()

    monkeypatch.setattr(command, "_say", say)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background
    try:
        code, _, _ = run("serve", *args, "--port", "0")
    finally:
        signal.signal(signal.SIGINT, before)
    for thread in asking:
        thread.join(30)
    return code, lines, found[0] if found else None


def updates(client, count, **how):
    """The data of the first `count` server-sent events."""
    data = []
    with client.stream("GET", "/events", **how) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("data: "):
                data.append(json.loads(line.removeprefix("data: ")))
                if len(data) == count:
                    break
    return data


def test_a_feed_is_served_live_and_stored(run, feed, monkeypatch, tmp_path):
    def ask(client):
        first = client.get("/")
        got = [message for message in updates(client, 3) if message["points"]]
        return first, got, client.get("/"), client.get("/", headers={"Host": "evil.example"})

    args = ("deribit", "BTC", "--every", "0.2", "--store", tmp_path, "--base-url", feed.url)
    code, lines, (first, got, page, evil) = served(run, monkeypatch, ask, *args)
    assert code == 0
    assert lines[0].startswith("serving http://127.0.0.1:")
    assert lines[0].endswith("/ (Ctrl-C stops)")
    assert first.status_code == page.status_code == 200
    assert evil.status_code == 403
    assert page.headers["cache-control"] == "no-store"
    assert "server" not in page.headers
    chains = {
        chain.asof.isoformat(): chain
        for chain in Store(tmp_path).between("BTC", "2026-01-01T00:00Z", "2027-01-01T00:00Z")
    }
    assert len(got) > 1
    for message in got:
        chain = chains[message["points"][-1]["asof"]]
        assert message["points"][-1]["spot"] == chain.spot
        assert message["model"]["spot"] == chain.spot
        assert message["points"][-1]["gamma"] == gf.analyze(chain).levels.gamma


def test_a_store_is_served_with_its_replay(run, monkeypatch, store, chains):
    def ask(client):
        (last,) = updates(client, 1) if client.get("/moments").json()["day"] else ()
        asof = client.get("/moments", params={"day": "2026-02-04"}).json()["moments"][-1]
        return last, client.get("/replay", params={"asof": asof}).json(), asof

    args = (store.path, "--dte", "0:40")
    code, _, (last, earlier, asof) = served(run, monkeypatch, ask, *args)
    assert code == 0
    assert last["status"]["replay"] is True
    assert last["status"]["symbol"] == "BTC"
    assert earlier["spot"] == chains[1].spot
    assert earlier["asof"] == asof == chains[1].asof.isoformat()
    assert earlier["filters"] == list(
        gf.analyze(store.load("BTC", asof), where=gf.filters.dte(0, 40)).book.filters
    )


def test_a_token_is_needed_on_another_address(run, monkeypatch, store):
    def ask(client):
        refused = client.get("/moments")
        shown = client.get("/", params={"token": TOKEN})
        return refused.status_code, shown.status_code, client.get("/moments").status_code

    args = (store.path, "--address", "0.0.0.0", "--token", TOKEN)
    code, lines, answers = served(run, monkeypatch, ask, *args)
    assert code == 0
    assert "?token=TOKEN" in lines[0]
    assert TOKEN not in "".join(lines)
    assert answers == (401, 303, 200)


class TestErrors:
    @pytest.mark.parametrize(
        ("args", "words"),
        [
            (("deribit",), "SYMBOL: none was given; name what deribit quotes"),
            (("nyse", "BTC"), "VENDOR|FOLDER: received 'nyse'; legal: deribit, cboe, yahoo, or the"),
            (("deribit", "B T C"), "SYMBOL: received 'B T C'"),
            (("deribit", "BTC", "--every", "0"), "--every: received 0"),
            (("deribit", "BTC", "--rule", "hope"), "--rule: received 'hope'"),
            (("deribit", "BTC", "--dte", "7:0"), "--dte: received '7:0'"),
            (("deribit", "BTC", "--address", "0.0.0.0"), "--address: received '0.0.0.0', which other"),
            (("deribit", "BTC", "--token", "short"), "--token: received 5 characters; use 16 or more."),
            (("deribit", "BTC", "--address", "192.0.2.1", "--token", TOKEN), "cannot listen on 192.0.2.1"),
            (("deribit", "BTC", "--alerts", "/no/such/folder/x"), "--alerts: received '/no/such/folder/x'"),
            (("deribit", "BTC", "--on-alert", "/no/such/program"), "--on-alert: received '/no/such/program'"),
            (("deribit", "BTC", "--timeout", "0"), "--timeout: received 0"),
        ],
    )  # fmt: skip
    def test_one_line_before_anything_is_asked(self, run, feed, args, words):
        code, out, err = run("serve", *args, "--base-url", feed.url, "--port", "0")
        assert code == 2
        assert out == ""
        assert words in err
        assert len(err.strip().splitlines()) == 1
        assert feed.requests == []

    def test_a_folder_is_no_feed(self, run, store):
        code, _, err = run("serve", store.path, "--store", "x", "--port", "0")
        assert code == 2
        assert "--store, --base-url: received with a folder" in err
        code, _, err = run("serve", store.path, "SPX", "--port", "0")
        assert code == 2
        assert "SYMBOL: received 'SPX'" in err

    def test_a_port_that_is_taken(self, run, feed):
        code, _, err = run("serve", "deribit", "BTC", "--port", feed.server_port, "--base-url", feed.url)
        assert code == 2
        assert f"--port: cannot listen on 127.0.0.1, port {feed.server_port}" in err
        assert "address already in use" in err
        assert len(err.strip().splitlines()) == 1

    @pytest.mark.parametrize("name", ["starlette", "uvicorn"])
    def test_without_its_packages_the_remedy_is_said(self, run, monkeypatch, name):
        for module in [m for m in sys.modules if m.startswith(("gammaflow.app.serve.", name))]:
            monkeypatch.delitem(sys.modules, module)
        monkeypatch.setitem(sys.modules, name, None)
        code, _, err = run("serve", "deribit", "BTC")
        assert code == 2
        assert f"serve needs {name}, which is not installed: pip install 'gammaflow-engine[serve]'." in err

    @pytest.mark.slow
    def test_the_command_line_starts_without_a_web_server(self):
        names = ("starlette", "uvicorn", "plotly")
        code = f"import gammaflow.app.cli, sys; print([m for m in {names} if m in sys.modules])"
        found = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ)
        )
        assert found.stdout.strip() == "[]"
