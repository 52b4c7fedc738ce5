"""URLs: chains that fsspec reads."""

import sys

import pandas as pd
import pytest

import gammaflow as gf
from support import batch_functions as functions
from support.batch_chains import fill, quotes

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def bucket(store):
    """The store of the tests in memory, beside a vendor's file."""
    memory = fsspec.filesystem("memory")
    memory.put(str(store.path), "/bucket/store", recursive=True)
    memory.put(str(quotes(store.path.parent / "a.csv", 1)), "/bucket/vendor/a.csv")
    memory.pipe("/bucket/store/_hidden.csv", b"x")
    memory.pipe("/bucket/vendor/b.csv", b"no chain")
    yield "memory://bucket"
    memory.rm("/bucket", recursive=True)


def test_a_store_in_memory_gives_the_same_table(store, bucket):
    local = gf.run_batch(store, functions.facts).table
    for url in (f"{bucket}/store", f"{bucket}/store/*/*/*.parquet"):
        found = gf.run_batch(url, functions.facts)
        pd.testing.assert_frame_equal(found.table, local, check_exact=True)
        assert found.failures.empty
    eth = gf.run_batch(f"{bucket}/store", functions.facts, symbol="ETH")
    assert len(eth.table) == 5
    assert eth.failures.empty


def test_vendors_files_and_damage(bucket, tmp_path):
    memory = fsspec.filesystem("memory")
    found = gf.run_batch(f"{bucket}/vendor", functions.facts)
    assert found.table["source"].tolist() == ["a.csv", "a.csv"]
    assert found.failures["source"].tolist() == ["b.csv"]
    assert found.failures["reason"].str.startswith("not recognised; known formats").all()
    both = gf.run_batch([f"{bucket}/vendor/a.csv", str(quotes(tmp_path / "c.csv", 2))], functions.facts)
    assert both.table["source"].tolist()[0] == "memory:///bucket/vendor/a.csv"
    assert len(both.table) == 4
    memory.pipe("/bucket/vendor/b.csv", memory.cat("/bucket/vendor/a.csv"))
    one = gf.run_batch(f"{bucket}/vendor/b.csv", functions.facts)
    assert one.table["source"].tolist() == ["b.csv", "b.csv"]


def test_a_remote_store_is_resumed(bucket, tmp_path):
    memory = fsspec.filesystem("memory")
    out = tmp_path / "out"
    first = gf.run_batch(f"{bucket}/store", functions.with_tables, out=out)
    seen = []
    fill(tmp_path / "more", range(6, 7))
    memory.put(str(tmp_path / "more"), "/bucket/store", recursive=True)
    found = gf.run_batch(
        f"{bucket}/store", functions.with_tables, out=out, progress=lambda *n: seen.append(n)
    )
    assert seen == [(10, 12), (11, 12), (12, 12)]
    assert len(first.table) == 10
    assert len(found.table) == 12


@pytest.mark.parametrize(
    ("url", "kind", "words"),
    [
        ("memory://nothing/here", gf.SchemaError, "where there is nothing. Check it."),
        ("memory://nothing/*.csv", gf.SchemaError, "which holds no file"),
        ("nonsense://x", gf.ReaderError, "fsspec cannot open it"),
    ],
)
def test_places_that_are_not_there(url, kind, words):
    with pytest.raises(kind, match=words):
        gf.run_batch(url, functions.facts)


def test_without_fsspec(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(gf.ReaderError, match=r"is a URL, and fsspec is not installed\. Install"):
        gf.run_batch("s3://bucket/x", functions.facts)


def test_a_file_that_cannot_be_fetched_is_named(bucket, monkeypatch):
    memory = fsspec.filesystem("memory")

    def broken(*arguments, **how):
        raise RuntimeError("connection reset")

    monkeypatch.setattr(type(memory), "get_file", broken)
    found = gf.run_batch(f"{bucket}/vendor", functions.facts)
    assert found.failures["reason"].tolist() == ["cannot be read (RuntimeError: connection reset)."] * 2
