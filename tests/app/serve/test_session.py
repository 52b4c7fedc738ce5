import json
from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest

from gammaflow.app.serve import session as module
from gammaflow.app.serve.alerts import compare
from gammaflow.app.serve.broadcast import Broadcast, packed
from gammaflow.app.serve.marks import marks_of
from gammaflow.app.serve.outlets import AlertFile
from gammaflow.app.serve.past import Past
from gammaflow.app.serve.points import point_of
from gammaflow.app.serve.replay import Replay
from gammaflow.app.serve.session import Session
from gammaflow.app.serve.stored import StoreFeed
from gammaflow.app.watch import State, watch
from gammaflow.errors import FeedError, SchemaError
from support.small_pages import small_model


class Path:
    """A feed of chains, one after the other; an error among them is raised."""

    vendor, symbol = "deribit", "BTC"

    def __init__(self, *steps):
        self.steps = list(steps)

    def fetch(self):
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return type("Answers", (), {"chain": lambda self: step, "received_at": step.asof.to_pydatetime()})()


@pytest.fixture
def make(report_of):
    def build(**how):
        lines = []
        made = Session(Broadcast(), report_of, small_model, 60.0, lines.append, **how)
        made.lines = lines
        return made

    return build


def run(session, feed, count):
    seen = []

    def show(state):
        session.show(state)
        seen.append(json.loads(session.live.message(0)[1]))

    watch(feed, session.analyse, show, count=count, sleep=lambda seconds: None)
    return seen


def crossing(chains):
    """The last chain, and it again where spot has come over the flip."""
    chain = chains[-1]
    moved = replace(chain, asof=chain.asof + pd.Timedelta("1min"), spot=chain.spot * 1.2)
    return chain, moved.with_columns(forward=1.2 * chain["forward"])


def test_each_refresh_reaches_the_browsers(make, chains, report_of):
    first, second = run(make(), Path(*chains[-2:]), 2)
    assert first["model"] == small_model(report_of(chains[-2]))
    assert second["model"] == small_model(report_of(chains[-1]))
    assert second["points"] == [point_of(report_of(chain)) for chain in chains[-2:]]
    status = second["status"]
    assert (status["refreshes"], status["faults"], status["fault"], status["stored"]) == (2, 0, "", None)
    assert (status["asof"], status["every"], status["replay"]) == (chains[-1].asof.isoformat(), 60.0, False)


def test_a_fault_is_told_and_the_last_good_chain_stays(make, chains, report_of):
    session = make()
    path = Path(
        chains[-2], FeedError("deribit: no\n  answer"), FeedError("deribit: no\n  answer"), chains[-1]
    )
    good, bad, _, again = run(session, path, 4)
    assert bad["status"]["fault"] == "deribit: no answer"
    assert bad["model"] == good["model"]
    assert bad["points"] == good["points"]
    assert bad["status"]["received_at"] == good["status"]["received_at"]
    assert (again["status"]["fault"], again["status"]["faults"]) == ("", 2)
    assert [line.split()[3] for line in session.lines] == ["spot", "ERROR", "spot"]


def test_a_page_that_cannot_be_made_is_a_fault(make, chains):
    def fail(report):
        raise SchemaError("no page")

    session = make()
    session.model_of = fail
    (seen,) = run(session, Path(chains[-1]), 1)
    assert seen["status"]["fault"] == "no page"
    assert "model" not in seen


def test_the_same_chain_is_analyzed_and_shown_once(make, store, monkeypatch):
    session, asked = make(), []
    known = session.report_of
    session.report_of = lambda chain: asked.append(chain) or known(chain)
    run(session, StoreFeed(store), 3)
    assert len(asked) == 1
    chain = store.load("BTC")
    run(session, Path(chain, store.load("BTC"), chain.with_columns(iv=1.01 * chain["iv"])), 3)
    assert len(asked) == 2
    run(session, Path(chain), 1)
    number, _ = session.live.message(0)
    assert "model" not in json.loads(session.live.message(number - 1)[1])


class TestAlerts:
    def test_they_go_to_the_page_the_file_the_command_and_the_terminal(
        self, make, chains, report_of, tmp_path
    ):
        put = []
        command = type("Command", (), {"put": lambda self, alerts: put.extend(alerts), "problem": ""})()
        session = make(file=AlertFile(tmp_path / "alerts.jsonl"), command=command)
        pair = crossing(chains)
        _, seen = run(session, Path(*pair), 2)
        _, expected = compare(
            compare(module.Held(), marks_of(report_of(pair[0])))[0], marks_of(report_of(pair[1]))
        )
        assert "flip crossed" in [alert.kind for alert in expected]
        plain = [alert.to_dict() for alert in expected]
        assert seen["alerts"] == plain
        assert [json.loads(line) for line in (tmp_path / "alerts.jsonl").read_text().splitlines()] == plain
        assert put == list(expected)
        assert sum(" ALERT " in line for line in session.lines) == len(expected)

    def test_a_file_that_cannot_be_written_is_told_and_nothing_stops(self, make, chains, tmp_path):
        file = AlertFile(tmp_path / "alerts.jsonl")
        file.path.unlink()
        file.path.mkdir()
        _, seen = run(make(file=file), Path(*crossing(chains)), 2)
        (problem,) = seen["status"]["problems"]
        assert problem == "alerts are not written to the file: it cannot be written (Is a directory)"
        assert seen["alerts"]

    def test_problems_of_the_command_are_told(self, make, chains):
        command = type("Command", (), {"put": lambda self, alerts: None, "problem": "exit code 3"})()
        (seen,) = run(make(command=command), Path(chains[-1]), 1)
        assert seen["status"]["problems"] == ["alert command: exit code 3"]


class TestRestart:
    @pytest.fixture
    def again(self, make, store, report_of):
        past = Past(store, "BTC", report_of)
        replay = Replay(store, "BTC", report_of, lambda report: packed(small_model(report)), past)
        return make(replay=replay)

    def test_the_record_of_the_day_is_restored_in_the_pauses(self, again, chains, report_of):
        again.resume()
        for _ in range(20):
            again.pause(0.0)
        found = json.loads(again.live.message(0)[1])["points"]
        assert found == [point_of(report_of(chain)) for chain in chains[2:]]
        assert again._restoring is None
        assert again.replay.past.before(chains[-1].asof).index.tolist() == [chains[1].asof]

    def test_a_pause_lasts_as_long_as_it_should(self, again, monkeypatch):
        now, slept = [0.0], []
        monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
        monkeypatch.setattr(module.time, "sleep", slept.append)
        again.pause(7.0)
        assert slept == [7.0]

    def test_what_happened_meanwhile_is_an_alert(self, again, chains):
        again.resume()
        (seen,) = run(again, Path(crossing(chains)[1]), 1)
        assert "flip crossed" in [alert["kind"] for alert in seen["alerts"]]

    def test_a_damaged_chain_is_counted(self, again, store):
        path = store.list("BTC")[3].path
        path.write_bytes(path.read_bytes()[:-100])
        again.resume()
        for _ in range(20):
            again.pause(0.001)
        status = again.status(State("deribit", "BTC", pd.Timestamp("2026-02-05T12:00Z").to_pydatetime()))
        assert status["problems"] == ["1 chains of the store could not be used for the record"]

    def test_a_damaged_last_chain_lets_alerts_begin_anew(self, again, store, chains):
        path = store.list("BTC")[-1].path
        path.write_bytes(b"x")
        again.resume()
        assert again.lines[0].startswith("alerts begin anew, since the last stored chain cannot be used: ")
        (seen,) = run(again, Path(chains[-1]), 1)
        assert seen["alerts"] == []

    def test_without_a_store_there_is_nothing_to_resume(self, make):
        session = make()
        session.resume()
        assert session._restoring is None


def test_status_before_the_first_chain(make):
    now = pd.Timestamp("2026-02-05T12:00Z").to_pydatetime() + timedelta(seconds=1)
    status = make().status(State("deribit", "BTC", now, fault="x", store="chains"))
    assert json.loads(json.dumps(status)) == {
        "vendor": "deribit", "symbol": "BTC", "now": "2026-02-05T12:00:01+00:00", "every": 60.0, "fault": "x",
        "problems": [], "refreshes": 0, "faults": 0, "stored": 0, "received_at": None, "asof": None,
        "replay": False,
    }  # fmt: skip
