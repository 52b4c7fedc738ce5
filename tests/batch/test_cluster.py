"""Dask: the same table from a cluster of processes, and clients that are refused."""

import os
import signal
import sys
from dataclasses import replace

import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.batch import engines, identity
from gammaflow.batch.chains import Reading
from gammaflow.batch.sources import find_sources
from gammaflow.batch.work import Part, work
from gammaflow.exposure.sums import kernels_are_ready
from support import batch_functions as functions
from support.batch_chains import fill

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def client():
    """A cluster of two processes, of one thread each."""
    how = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**how) as cluster, distributed.Client(cluster) as client:
        yield client


@pytest.mark.slow
def test_a_cluster_gives_the_same_table(client, store, tmp_path):
    serial = gf.run_batch(store, functions.odd)
    found = gf.run_batch(store, functions.odd, client=client)
    pd.testing.assert_frame_equal(found.table, serial.table, check_exact=True)
    pd.testing.assert_frame_equal(found.failures, serial.failures)
    kept = gf.run_batch(store, functions.with_tables, client=client, out=tmp_path / "out")
    assert len(kept.long("by_strike")) == 20
    factor = 3.0
    lambdas = gf.run_batch(store, lambda chain: {"spot": factor * chain.spot}, client=client)
    assert lambdas.table["spot"].tolist() == [factor * spot for spot in kept.table["spot"]]
    # The trap: workers that compile again, or load stale code. They share one cache, warmed before.
    assert client.run(kernels_are_ready) == dict.fromkeys(client.scheduler_info()["workers"], True)
    assert set(client.run(identity.code_digest).values()) == {identity.code_digest()}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_workers_that_are_killed_lose_and_double_nothing(client, tmp_path):
    """Each of the two workers once, in the middle; their nannies start others."""
    store, alive = fill(tmp_path / "store", range(1, 13)), [*client.run(os.getpid).values()]

    def kill(done, total):
        if alive and done >= (6 if len(alive) == 2 else 14):
            os.kill(alive.pop(), signal.SIGKILL)

    found = gf.run_batch(store, functions.with_tables, client=client, out=tmp_path / "out", progress=kill)
    assert alive == []
    assert found.failures.empty
    serial = gf.run_batch(store, functions.facts)
    pd.testing.assert_frame_equal(found.table, serial.table, check_exact=True)
    strikes = found.long("by_strike")
    assert len(strikes) == 48
    assert not strikes.duplicated(["symbol", "asof", "strike"]).any()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_a_result_that_went_with_its_worker_is_computed_again(client, store):
    engine = engines.Cluster(functions.facts, client)
    sources = tuple(find_sources(store).sources.values())
    part = Part(sources, Reading(None, pd.Timestamp.now("UTC")), False)
    future = engine._submit(part)
    distributed.wait(future)
    (holder,) = client.who_has(future)[future.key]
    os.kill(client.run(os.getpid)[holder], signal.SIGKILL)
    outcome = engine._outcome(future)
    assert [row.values for row in outcome.rows] == [row.values for row in work(part, functions.facts).rows]
    # another function of the same files, while this result lives, is computed for itself
    other = engines.Cluster(functions.with_tables, client)
    assert engine._outcome(future).files == {}
    assert other._outcome(other._submit(replace(part, keeps_tables=True))).files
    future.cancel()
    with pytest.raises(gf.ReaderError, match=r"client: the cluster went away\. Run again; what is done is"):
        engine._outcome(future)
    client.wait_for_workers(2)


@pytest.mark.slow
def test_workers_with_another_version_are_refused(client, store, monkeypatch):
    monkeypatch.setattr(engines, "code_digest", lambda: f"of process {os.getpid()}")
    with pytest.raises(gf.MismatchError, match="2 of 2 workers have another version of gammaflow"):
        gf.run_batch(store, functions.facts, client=client)


@pytest.mark.slow
def test_a_function_that_workers_cannot_load(client, store, tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text("def f(chain):\n    return {}\n")
    monkeypatch.syspath_prepend(tmp_path)
    import only_here

    with pytest.raises(gf.SchemaError, match=r"function: 2 of 2 workers cannot load it .*only_here"):
        gf.run_batch(store, only_here.f, client=client)


@pytest.mark.parametrize("client", [5, "tcp://host:8786"])
def test_other_objects_are_refused(store, client):
    with pytest.raises(gf.SchemaError, match=r"a dask.distributed.Client that is not asynchronous is needed"):
        gf.run_batch(store, functions.facts, client=client)
