"""The `out` folder: resumed without loss or duplicates, of one batch only; tables by symbol and month."""

import contextlib
import functools
import json
import sys

import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.batch import folder
from gammaflow.batch import run as running
from gammaflow.batch.folder import Folder
from support import batch_functions as functions
from support.batch_chains import day, fill


def strikes(store, symbols=("BTC", "ETH")):
    """The long table of `with_tables`, chain by chain."""
    frames = []
    for snapshot in store.list():
        chain = store.load(snapshot.symbol, snapshot.asof)
        frame = functions.with_tables(chain)["by_strike"].reset_index()
        source = snapshot.path.relative_to(store.path).as_posix()
        frames.append(frame.assign(symbol=chain.symbol, source=source))
    whole = pd.concat(frames, ignore_index=True).astype({"symbol": "str", "source": "str"})
    return whole[whole["symbol"].isin(symbols)].reset_index(drop=True)


def files(out):
    return sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file())


def check(found, store):
    """Every snapshot once, in the table and in the long table."""
    expected = gf.run_batch(store, functions.facts).table
    pd.testing.assert_frame_equal(found.table, expected, check_exact=True)
    long = found.long("by_strike")
    pd.testing.assert_frame_equal(long, strikes(store)[long.columns], check_exact=True)


def test_rows_and_long_tables(store, tmp_path):
    out = tmp_path / "out"
    found = gf.run_batch(store, functions.with_tables, out=out)
    check(found, store)
    assert found.out == out
    assert found.names == ("by_strike",)
    opened = gf.BatchResult.open(out)
    check(opened, store)
    assert str(opened) == str(found)
    eth = found.long("by_strike", symbol="ETH", columns=["asof", "strike"])
    pd.testing.assert_frame_equal(eth, strikes(store, ("ETH",))[["asof", "strike"]])
    assert {name.rpartition("/")[0] for name in files(out / "by_strike")} == {
        "symbol=BTC/month=2026-02", "symbol=ETH/month=2026-02"
    }  # fmt: skip


def test_pyarrow_reads_the_folder_as_one_table(store, tmp_path):
    dataset = pytest.importorskip("pyarrow.dataset")
    parquet = pytest.importorskip("pyarrow.parquet")
    gf.run_batch(store, functions.with_tables, out=tmp_path / "out")
    folder = tmp_path / "out" / "by_strike"
    table = dataset.dataset(folder, partitioning="hive").to_table().to_pandas()
    assert len(table) == len(strikes(store))
    assert set(table["month"]) == {"2026-02"}
    for path in folder.rglob("*.parquet"):
        group = parquet.ParquetFile(path).metadata.row_group(0)
        assert {group.column(i).compression for i in range(group.num_columns)} == {"ZSTD"}


def test_symbols_and_months_of_any_name(tmp_path):
    store = gf.Store(tmp_path / "s")
    for symbol, i in (("^SPX", 1), ("brk/b", 1), ("^SPX", 40)):
        store.append(day(i, symbol))
    found = gf.run_batch(store, functions.with_tables, out=tmp_path / "out")
    assert found.long("by_strike")["symbol"].tolist() == ["^SPX"] * 4 + ["brk/b"] * 2
    assert sorted(p.name for p in (tmp_path / "out" / "by_strike" / "symbol=%5ESPX").iterdir()) == [
        "month=2026-02", "month=2026-03"
    ]  # fmt: skip


def test_a_second_run_reads_what_is_new_or_changed(store, tmp_path):
    out = tmp_path / "out"
    gf.run_batch(store, functions.with_tables, out=out)
    seen = []
    found = gf.run_batch(store, functions.with_tables, out=out, progress=lambda *n: seen.append(n))
    assert seen == [(10, 10)]
    store.append(day(6))
    store.append(day(2, iv=[0.7, 0.8], strike=[5.0, 6.0]), replace=True)
    store.list("ETH")[4].path.unlink()
    seen.clear()
    found = gf.run_batch(store, functions.with_tables, out=out, progress=lambda *n: seen.append(n))
    assert seen == [(8, 10), (9, 10), (10, 10)]
    check(found, store)


def test_a_part_whose_files_were_lost_is_made_again(store, tmp_path):
    out = tmp_path / "out"
    gf.run_batch(store, functions.with_tables, out=out)
    before = files(out)
    long = sorted((out / "by_strike").rglob("*.parquet"))
    long[0].unlink()
    long[1].write_bytes(b"short")
    parts = sorted((out / "_parts").iterdir())
    parts[0].write_bytes(parts[0].read_bytes()[:50])
    (long[2].parent / "20260101T000000-leftover.parquet").write_bytes(b"x")
    (out / "_parts" / ".half.tmp").write_bytes(b"x")
    check(gf.run_batch(store, functions.with_tables, out=out), store)
    assert files(out) == before


@pytest.mark.parametrize("call", range(0, 24, 3))
def test_an_interrupt_at_any_write_leaves_a_folder_to_resume(store, tmp_path, monkeypatch, call):
    real, calls = folder.durable.write, []

    def interrupted(*arguments, **how):
        calls.append(arguments)
        if len(calls) == call + 1:
            raise KeyboardInterrupt
        return real(*arguments, **how)

    monkeypatch.setattr(folder.durable, "write", interrupted)
    out = tmp_path / "out"
    with contextlib.suppress(KeyboardInterrupt):
        gf.run_batch(store, functions.with_tables, out=out)
    monkeypatch.undo()
    if call:
        assert len(gf.BatchResult.open(out).table) < 10 or len(calls) <= call
    check(gf.run_batch(store, functions.with_tables, out=out), store)


def test_parts_of_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "PARTITION", 4)
    monkeypatch.setattr(running, "_PARTS", 2)
    store = fill(tmp_path / "s")
    found = gf.run_batch(store, functions.with_tables, out=tmp_path / "out")
    check(found, store)
    assert len(files(tmp_path / "out" / "_parts")) == 3
    assert len(files(tmp_path / "out" / "by_strike")) == 4  # one part has both symbols


def test_failures_are_kept_and_passing_ones_tried_again(store, tmp_path):
    store.list("BTC")[0].path.write_bytes(b"PAR1")
    (store.path / "hollow").mkdir()
    out = tmp_path / "out"
    found = gf.run_batch(store, passing, out=out)
    assert found.failures["reason"].str.slice(0, 24).tolist() == [
        "the folder is empty. Put", "the snapshot cannot be r", "passing raised OSError: ",
    ]  # fmt: skip
    seen = []
    again = gf.run_batch(store, passing, out=out, progress=lambda *n: seen.append(n))
    assert seen == [(9, 10), (10, 10)]
    pd.testing.assert_frame_equal(again.failures, found.failures)
    pd.testing.assert_frame_equal(again.table, found.table)
    (store.path / "hollow").rmdir()
    store.append(day(1), replace=True)
    again = gf.run_batch(store, passing, out=out)
    assert len(again.failures) == 1
    assert len(again.table) == 9


def passing(chain):
    if chain.asof.day == 4 and chain.symbol == "ETH":
        raise OSError("the network is down")
    return functions.facts(chain)


def test_a_folder_belongs_to_one_batch(store, tmp_path):
    out = tmp_path / "out"
    gf.run_batch(store, functions.facts, out=out)
    other = fill(tmp_path / "other")
    for chains, function, how, word in (
        (store, functions.with_tables, {}, "function 'facts ("),
        (store, functools.partial(functions.facts), {}, "function 'facts ("),
        (store, functions.facts, {"symbol": "BTC"}, "symbol 'all', received 'BTC'"),
        (other, functions.facts, {}, f"source {str(store.path)!r}, received {str(other.path)!r}"),
    ):
        with pytest.raises(gf.SchemaError) as error:
            gf.run_batch(chains, function, out=out, **how)
        assert f"{out} belongs to another batch: {word}" in str(error.value)
        assert str(error.value).endswith("pass another folder, or delete this one.")
    manifest = json.loads((out / "_batch.json").read_text())
    (out / "_batch.json").write_text(json.dumps(manifest | {"version": "older"}))
    with pytest.raises(gf.SchemaError, match="version 'older', received"):
        gf.run_batch(store, functions.facts, out=out)
    (out / "_batch.json").write_text("{")
    with pytest.raises(gf.ReaderError, match=r"is damaged\. Delete the folder"):
        gf.run_batch(store, functions.facts, out=out)


def test_partials_and_closures_are_told_by_what_is_bound(store, tmp_path):
    def scaled(factor, more=1.0):
        return lambda chain: {"spot": factor * chain.spot}

    out = tmp_path / "out"
    found = gf.run_batch(store, scaled(2.0), out=out)
    assert found.table["spot"][0] == 2.0 * day(1).spot
    gf.run_batch(store, scaled(2.0), out=out)
    with pytest.raises(gf.SchemaError, match="belongs to another batch: function"):
        gf.run_batch(store, scaled(3.0), out=out)


def test_folders_that_cannot_be_written(store, tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("x")
    for out, words in (
        (tmp_path / "file", "which cannot be a folder to write to (Not a directory)"),
        (tmp_path / "full", "has other files (first: 'mine.txt') and is no folder of a batch"),
        (5, "out: received 5, which cannot be a folder"),
    ):
        with pytest.raises(gf.SchemaError) as error:
            gf.run_batch(store, functions.facts, out=out)
        assert words in str(error.value)
    with pytest.raises(gf.ReaderError, match="is no folder of a batch"):
        gf.BatchResult.open(tmp_path / "full")


def test_two_runs_at_once_are_refused(store, tmp_path):
    pytest.importorskip("fcntl")
    out = tmp_path / "out"
    gf.run_batch(store, functions.facts, out=out)
    manifest = json.loads((out / "_batch.json").read_text())
    manifest.pop("format")
    with Folder(out, manifest).locked(), pytest.raises(gf.SchemaError, match="another run writes to"):
        gf.run_batch(store, functions.facts, out=out)


def test_the_folder_of_a_batch_is_no_source(store):
    out = store.path / "out"
    gf.run_batch(store, functions.with_tables, out=out)
    check(gf.run_batch(store, functions.with_tables, out=out), store)
    with pytest.raises(gf.SchemaError, match="is the output of a batch, no chains"):
        gf.run_batch(out, functions.facts)


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"by strike": pd.Series([1.0])}, "tables: received the name 'by strike'; legal: letters"),
        ({"_x": pd.Series([1.0])}, "tables: received the name '_x'"),
        ({"x": pd.Series([1.0]), "y": 3}, "y: received 3; a Series or a DataFrame is needed."),
        ({"x": pd.DataFrame({"a": [object()]})}, "x: the table does not fit into parquet, or differs"),
        ({"summary": 3, "x": pd.Series([1.0])}, "summary: received 3; a Series or a mapping is needed."),
    ],
)
def test_tables_that_cannot_be_written(tmp_path, tables, words):
    store = gf.Store(tmp_path / "s")
    store.append(day(1))
    found = gf.run_batch(store, lambda chain: tables, out=tmp_path / "out")
    assert found.table.empty
    assert words in found.failures["reason"][0]


def test_tables_of_other_types_than_before_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "_PARTS", 1)
    store = fill(tmp_path / "s")

    def differing(chain):
        value = "text" if chain.asof.day == 2 else None if chain.asof.day == 3 else 1.5
        return {"x": pd.DataFrame({"value": [value]}, index=pd.Index([7], name="place"))}

    found = gf.run_batch(store, differing, out=tmp_path / "out", symbol="BTC")
    assert len(found.table) == 4
    assert found.failures["reason"].str.contains(
        "x: the table does not fit into parquet, or differs"
    ).tolist() == [True]
    long = found.long("x")
    assert long["value"].fillna(-1.0).tolist() == [1.5, -1.0, 1.5, 1.5]
    assert long["place"].tolist() == [7] * 4


def test_a_chain_that_is_not_kept_sets_no_types(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "_PARTS", 1)
    store = fill(tmp_path / "s")

    def first_is_bad(chain):
        bad = chain.asof.day == 1
        return {"x": pd.DataFrame({"value": ["text" if bad else 1.5]}), "y": 3 if bad else pd.Series([1.0])}

    found = gf.run_batch(store, first_is_bad, out=tmp_path / "out", symbol="BTC")
    assert found.failures["reason"].tolist() == ["y: received 3; a Series or a DataFrame is needed."]
    assert found.long("x")["value"].tolist() == [1.5] * 4


def test_long_tables_that_are_not_there(store, tmp_path):
    found = gf.run_batch(store, functions.with_tables, out=tmp_path / "out")
    for how, words in (
        ({"name": "by_expiry"}, "name: received 'by_expiry'; legal: 'by_strike'."),
        ({"name": "by_strike", "symbol": "SOL"}, "symbol: received 'SOL', which has no rows in 'by_strike'"),
        ({"name": "by_strike", "columns": ["gamma"]}, "columns: received 'gamma'; legal: 'symbol', 'asof'"),
    ):
        with pytest.raises(gf.SchemaError) as error:
            found.long(**how)
        assert words in str(error.value)
    part = next((tmp_path / "out" / "_parts").iterdir())
    part.write_text("[")
    with pytest.raises(gf.ReaderError, match=r"is damaged\. Run the batch again"):
        gf.BatchResult.open(tmp_path / "out")


def test_without_pyarrow_a_folder_is_refused(store, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(gf.ReaderError, match="pyarrow is not installed, and long tables cannot be written"):
        gf.run_batch(store, functions.facts, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
