import json
import os
import shlex
import sys
import time

import pytest

from gammaflow.app.serve.alerts import Alert
from gammaflow.app.serve.outlets import AlertCommand, AlertFile
from gammaflow.errors import SchemaError


def alert(n=0):
    return Alert("wall moved", "BTC", "2026-02-05T12:00:00+00:00", 7e4 + n, 8e4, None, f'moved "{n}" ü\n')


class TestFile:
    def test_a_line_of_json_for_each_at_the_end_of_the_file(self, tmp_path):
        path = tmp_path / "alerts.jsonl"
        path.write_text('{"kind": "old"}\n')
        file = AlertFile(path)
        assert file.write([alert(1), alert(2)]) == ""
        assert file.write([alert(3)]) == ""
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert lines == [{"kind": "old"}, *(alert(n).to_dict() for n in (1, 2, 3))]

    def test_a_line_that_a_crash_cut_off_does_not_spoil_the_next(self, tmp_path):
        path = tmp_path / "alerts.jsonl"
        path.write_text('{"kind": "flip cros')
        AlertFile(path).write([alert()])
        first, second, rest = path.read_text().split("\n")
        assert (first, rest) == ('{"kind": "flip cros', "")
        assert json.loads(second) == alert().to_dict()

    def test_it_is_on_the_disk_before_write_returns(self, tmp_path, monkeypatch):
        flushed = []
        monkeypatch.setattr(os, "fsync", lambda handle: flushed.append(os.fstat(handle).st_size))
        file = AlertFile(tmp_path / "alerts.jsonl")
        file.write([alert()])
        assert flushed == [0, file.path.stat().st_size]

    def test_a_place_that_cannot_be_written(self, tmp_path):
        with pytest.raises(
            SchemaError, match=r"--alerts: received '.*'; it cannot be written \(Is a directory\)"
        ):
            AlertFile(tmp_path)
        with pytest.raises(SchemaError, match="No such file or directory"):
            AlertFile(tmp_path / "no" / "alerts.jsonl")

    def test_a_disk_that_fails_later_gives_a_reason(self, tmp_path):
        file = AlertFile(tmp_path / "alerts.jsonl")
        file.path.unlink()
        file.path.mkdir()
        assert file.write([alert()]) == "it cannot be written (Is a directory)"


def python(code):
    return shlex.join([sys.executable, "-c", code])


def until(true, seconds=10.0):
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    assert true()


@pytest.fixture
def command():
    made = []

    def make(code, **how):
        made.append(AlertCommand(code if how.pop("raw", False) else python(code), **how))
        return made[-1]

    yield make
    for each in made:
        each.close()
        assert not each._thread.is_alive()


class TestCommand:
    def test_it_gets_each_alert_on_its_input(self, command, tmp_path):
        path = tmp_path / "got"
        found = command(f"import sys; open({str(path)!r}, 'a').write(sys.stdin.read() + chr(10))")
        found.put([alert(1), alert(2)])
        until(lambda: path.exists() and path.read_text().count("\n") == 2)
        assert [json.loads(line) for line in path.read_text().splitlines()] == [
            alert(n).to_dict() for n in (1, 2)
        ]
        assert found.problem == ""

    def test_no_shell_reads_it(self, command, tmp_path):
        path = tmp_path / "touched"
        found = command(f"echo ; touch {path}", raw=True)
        found.put([alert()])
        found._waiting.put(None)
        found._thread.join(10)
        assert not path.exists()

    def test_a_slow_command_is_ended_with_all_it_started(self, command, tmp_path):
        path = tmp_path / "late"
        child = f"import time; time.sleep(2); open({str(path)!r}, 'w')"
        found = command(
            f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])", limit=0.5
        )
        found.put([alert()])
        assert found.problem == ""  # it is not waited for
        until(lambda: found.problem != "")
        assert found.problem == "ended after 0.5 s"
        time.sleep(2.2)
        assert not path.exists()

    def test_a_command_that_fails_or_reads_nothing(self, command):
        found = command("import os, sys; os.close(0); sys.exit(3)")
        found.put([alert()])
        until(lambda: found.problem != "")
        assert found.problem == "exit code 3"

    def test_a_good_run_clears_the_problem(self, command, tmp_path):
        flag = tmp_path / "flag"
        found = command(f"import os, sys; sys.exit(0 if os.path.exists({str(flag)!r}) else 1)")
        found.put([alert()])
        until(lambda: found.problem == "exit code 1")
        flag.touch()
        found.put([alert()])
        until(lambda: found.problem == "")

    def test_alerts_that_come_faster_than_it_runs_are_dropped_and_counted(self, command):
        found = command("import time; time.sleep(60)")
        found.put([alert(0)])
        until(lambda: found._running is not None)
        found.put([alert(n) for n in range(130)])
        assert found.problem == "30 alerts dropped: the command is slower than they come"

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ("", "names no program"),
            ("/no/such/program x", "names no program"),
            ("echo 'a", "close the quotes"),
        ],
    )
    def test_illegal_words(self, words, said):
        with pytest.raises(SchemaError, match=f"--on-alert: received .*{said}"):
            AlertCommand(words)

    def test_a_program_that_is_gone_later(self, command, tmp_path):
        program = tmp_path / "program"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        found = command(str(program), raw=True)
        program.unlink()
        found.put([alert()])
        until(lambda: found.problem != "")
        assert found.problem == "it cannot be run (No such file or directory)"
