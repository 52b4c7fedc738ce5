"""Pools of processes: the same table, workers that are killed, and functions that cannot be sent."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import gammaflow as gf
from support import batch_functions as functions
from support.batch_chains import fill

TESTS = Path(__file__).parents[1]


def test_a_pool_gives_the_same_table_and_failures(store):
    serial = gf.run_batch(store, functions.odd)
    pool = gf.run_batch(store, functions.odd, workers=2)
    pd.testing.assert_frame_equal(pool.table, serial.table, check_exact=True)
    pd.testing.assert_frame_equal(pool.failures, serial.failures)
    assert pool.summary() == serial.summary()


def test_functions_that_cannot_be_sent(store):
    with pytest.raises(gf.SchemaError) as error:
        gf.run_batch(store, lambda chain: {}, workers=2)
    assert "which cannot be sent to other processes" in str(error.value)
    assert "Define it with def at the top level of a module, or leave workers= out" in str(error.value)


@pytest.mark.slow
def test_a_file_that_kills_its_worker_is_a_failure_and_the_rest_is_done(store, tmp_path):
    found = gf.run_batch(store, functions.deadly, workers=2, symbol="BTC", out=tmp_path / "out")
    assert found.table["asof"].dt.day.tolist() == [1, 2, 4, 5]
    assert found.failures["source"].str.contains("date=2026-02-03").tolist() == [True]
    assert found.failures["reason"].str.startswith("its worker process ended twice").all()


@pytest.mark.slow
def test_a_worker_that_dies_once_costs_nothing(store, tmp_path, monkeypatch):
    monkeypatch.setenv("MARK_OF_DEATH", str(tmp_path / "dead"))
    found = gf.run_batch(store, functions.deadly_once, workers=2, out=tmp_path / "out")
    assert (tmp_path / "dead").exists()
    pd.testing.assert_frame_equal(found.table, gf.run_batch(store, functions.facts).table, check_exact=True)
    assert len(found.long("by_strike")) == 20


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_a_worker_that_is_killed_as_it_starts_is_no_missing_guard(store, tmp_path):
    dead = tmp_path / "dead"
    dead.mkdir()
    found = gf.run_batch(store, functions.DeadlyToLoad(dead, 1), workers=2, symbol="BTC")
    assert len(list(dead.iterdir())) == 1
    serial = gf.run_batch(store, functions.facts, symbol="BTC")
    pd.testing.assert_frame_equal(found.table, serial.table, check_exact=True)
    with pytest.raises(gf.SchemaError, match=r"workers: 3 worker processes were killed .* as they started"):
        gf.run_batch(store, functions.DeadlyToLoad(dead, 9), workers=2)
    assert len(list(dead.iterdir())) == 4


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
@pytest.mark.parametrize("workers", [0, 2])
def test_a_driver_that_is_killed_is_resumed(tmp_path, workers):
    """Killed twice after some files; the third run ends without loss or duplicates. No worker is left."""
    store = fill(tmp_path / "store", range(1, 13))
    out = tmp_path / "out"
    for after in (6, 12):
        with drive(store, out, workers) as child:
            while int(child.stdout.readline() or 24) < after:
                pass
            started = children(child.pid)
            child.kill()
        assert len(started) >= workers
        wait_for_the_end(started)
    with drive(store, out, workers) as child:
        done = [int(line) for line in child.stdout]
    assert child.returncode == 0
    assert 6 <= done[0] < done[-1] == 24
    found = gf.BatchResult.open(out)
    pd.testing.assert_frame_equal(found.table, gf.run_batch(store, functions.facts).table, check_exact=True)
    assert not found.long("by_strike").duplicated(["symbol", "asof", "strike"]).any()
    assert len(found.long("by_strike")) == 48


def drive(store, out, workers):
    command = [sys.executable, "-m", "support.batch_driver", store.path, out, str(workers)]
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths}
    )  # fmt: skip


def children(pid):
    """Processes whose parent is `pid`."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(word) for word in found.stdout.split()]


def wait_for_the_end(pids):
    end = time.monotonic() + 60.0
    while alive := [pid for pid in pids if is_running(pid)]:
        assert time.monotonic() < end, alive
        time.sleep(0.05)


def is_running(pid):
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.mark.slow
def test_a_script_without_a_guard_is_told_so(tmp_path):
    fill(tmp_path / "store", range(1, 2))
    script = tmp_path / "script.py"
    script.write_text(
        f"import gammaflow as gf\ngf.run_batch({str(tmp_path / 'store')!r}, gf.summarize, workers=1)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert done.returncode == 1
    assert "call run_batch under if __name__ == '__main__':" in done.stderr.splitlines()[-1]


def test_an_interrupt_cancels_what_waits(store, tmp_path):
    def stop(done, total):
        if done >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gf.run_batch(store, functions.facts, workers=1, out=tmp_path / "out", progress=stop)
    assert 2 <= len(gf.BatchResult.open(tmp_path / "out").table) < 10
    found = gf.run_batch(store, functions.facts, out=tmp_path / "out")
    pd.testing.assert_frame_equal(found.table, gf.run_batch(store, functions.facts).table, check_exact=True)
