"""run_batch in one process: rows, their types and order, failures, and refusals."""

import dataclasses
import os
import pickle
import weakref

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.batch.rows import Row
from gammaflow.market.store import file
from support import batch_functions as functions
from support.batch_chains import day, fill, quotes
from support.stores import small


def test_a_row_for_each_snapshot_of_a_store(store):
    found = gf.run_batch(store, functions.facts)
    chains = [day(i, symbol) for symbol in ("BTC", "ETH") for i in range(1, 6)]
    table = found.table
    assert list(table.columns[:4]) == ["symbol", "asof", "vendor", "source"]
    assert table["symbol"].tolist() == [chain.symbol for chain in chains]
    assert table["asof"].tolist() == [chain.asof for chain in chains]
    assert table["spot"].tolist() == [chain.spot for chain in chains]
    assert table["weight"].tolist() == [
        sum(k * n for k, n in zip(c["strike"], c["open_interest"], strict=True)) / 3.0 for c in chains
    ]
    assert table["source"][0] == "symbol=BTC/date=2026-02-01/20260201T093000.000000000Z-v.parquet"
    assert table.dtypes.astype(str).to_dict() == {
        "symbol": "str", "asof": "datetime64[ns, UTC]", "vendor": "str", "source": "str", "spot": "float64",
        "rows": "int64", "weight": "float64", "synthetic": "bool", "currency": "str",
        "first_expiry": "datetime64[ns, UTC]", "missing": "float64",
    }  # fmt: skip
    assert found.failures.empty
    assert not found.warnings
    assert str(found).splitlines() == [
        "Batch: 10 rows, no failure",
        "BTC: 5 rows, 2026-02-01 09:30 .. 2026-02-05 09:30 UTC",
        "ETH: 5 rows, 2026-02-01 09:30 .. 2026-02-05 09:30 UTC",
    ]


def test_store_folder_files_pattern_and_symbol_give_the_same(store):
    whole = gf.run_batch(store, functions.facts).table
    pd.testing.assert_frame_equal(
        gf.run_batch(str(store.path), functions.facts).table, whole, check_exact=True
    )
    files = [snapshot.path for snapshot in store.list()]
    pd.testing.assert_frame_equal(
        gf.run_batch(reversed(files), functions.facts).table, whole, check_exact=True
    )
    pattern = gf.run_batch(f"{store.path}/**/*.parquet", functions.facts).table
    pd.testing.assert_frame_equal(pattern, whole, check_exact=True)
    eth = gf.run_batch(store, functions.facts, symbol="ETH").table
    pd.testing.assert_frame_equal(eth, whole[whole["symbol"] == "ETH"].reset_index(drop=True))
    one = gf.run_batch(files[0], functions.facts).table
    assert one["source"].tolist() == [files[0].name]


def test_files_with_two_underlyings_have_a_row_for_each(tmp_path):
    for i in (1, 2):
        quotes(tmp_path / "deep" / f"day{i}.csv", i)
    quotes(tmp_path / "btc.csv", 3, symbols=("BTC",))
    found = gf.run_batch(tmp_path, functions.facts)
    assert list(zip(found.table["symbol"], found.table["source"], strict=True)) == [
        ("BTC", "deep/day1.csv"), ("BTC", "deep/day2.csv"), ("BTC", "btc.csv"),
        ("ETH", "deep/day1.csv"), ("ETH", "deep/day2.csv"),
    ]  # fmt: skip
    for row in found.table.itertuples():
        chain = gf.read_chain(tmp_path / row.source, symbol=row.symbol)
        assert (row.asof, row.spot, row.weight) == (chain.asof, chain.spot, functions.facts(chain)["weight"])
    eth = gf.run_batch(tmp_path, functions.facts, symbol="ETH")
    assert eth.table["source"].tolist() == ["deep/day1.csv", "deep/day2.csv"]
    assert eth.failures["source"].tolist() == ["btc.csv"]
    assert eth.failures["symbol"].tolist() == ["ETH"]
    assert "symbol='ETH' is not in the file; it holds BTC" in eth.failures["reason"][0]


def test_what_a_function_does_wrong_is_named_and_the_rest_done(tmp_path):
    found = gf.run_batch(fill(tmp_path / "s", range(1, 8)), functions.odd, symbol="BTC")
    assert found.failures["reason"].tolist() == [
        "odd raised ZeroDivisionError: no gamma | at all",
        "spot: received 2; legal: 3.",
        "function: returned [1, 2]; a Series or a mapping of values is needed, or a mapping of names to "
        "tables of which 'summary' is the row.",
        "row not accepted: | its name 5 is no text. | book: received {}; legal: numbers, booleans, text, "
        "timestamps, and None, NaN or NaT where a value is missing.",
        "odd raised SystemExit: 3",
    ]
    assert set(found.failures["symbol"]) == {"BTC"}
    assert found.table["asof"].dt.day.tolist() == [6, 7]
    assert found.table["late"].tolist()[0] == 1.5
    assert np.isnan(found.table["late"][1])
    assert found.warnings == (
        "columns: 1 of 2 are not in every row (first: 'late', missing in 1 of 2), since the function "
        "returned different names; missing values are NaN.",
    )
    assert "FAILED: symbol=BTC/date=2026-02-01/20260201T093000.000000000Z-v.parquet (BTC): odd" in str(found)


def test_values_of_several_types_and_names_that_contradict_the_chain(tmp_path):
    found = gf.run_batch(fill(tmp_path / "s", range(1, 4)), functions.changing, symbol="ETH")
    assert found.table["value"].tolist() == [1, "one"]
    assert found.failures["reason"].tolist() == [
        "row not accepted: | symbol: received 'X', but the chain has ETH."
    ]
    assert found.warnings == (
        "columns: 1 hold values of several types (first: value (integer, text)). Return one type under one "
        "name.",
    )


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (np.int8(3), 3), (2**63, float(2**63)), (np.float32(0.5), 0.5), (np.bool_(True), True),
        (np.array(2.0), 2.0), (np.datetime64("2026-02-05"), pd.Timestamp("2026-02-05")),
        (pd.Timestamp("2026-02-05T09:00+02:00"), pd.Timestamp("2026-02-05T07:00Z")), (np.str_("x"), "x"),
    ],
)  # fmt: skip
def test_values_become_plain_ones(tmp_path, given, kept):
    gf.Store(tmp_path / "s").append(day(1))
    value = gf.run_batch(tmp_path / "s", lambda chain: {"value": given}).table["value"][0]
    assert value == kept


@pytest.mark.parametrize("given", [pd.NaT, np.datetime64("NaT", "ns"), None, pd.NA, float("nan")])
def test_missing_values(tmp_path, given):
    gf.Store(tmp_path / "s").append(day(1))
    assert pd.isna(gf.run_batch(tmp_path / "s", lambda chain: {"value": given}).table["value"][0])


@pytest.mark.parametrize("given", [np.timedelta64(1, "D"), 1j, b"x", object(), np.zeros(2), (1,)])
def test_values_that_are_none_for_a_table(tmp_path, given):
    gf.Store(tmp_path / "s").append(day(1))
    found = gf.run_batch(tmp_path / "s", lambda chain: {"value": given})
    assert found.table.empty
    assert "value: received" in found.failures["reason"][0]


def test_files_that_are_no_chains_are_named_and_the_rest_done(store):
    root = store.path
    files = [snapshot.path for snapshot in store.list("BTC")]
    files[0].write_bytes(files[0].read_bytes()[:-40])
    moved = files[1].with_name(files[1].name.replace("093000", "093001"))
    files[1].rename(moved)
    (root / "notes.txt").write_text("do not forget")
    (root / "empty.csv").touch()
    (root / "hollow").mkdir()
    (root / ".hidden").write_text("x")
    (root / "_raw").mkdir()
    (root / "_raw" / "answer.json").write_text("{}")
    (root / "lost.csv").symlink_to(root / "nowhere")
    (root / "circle").symlink_to(root)
    quotes(root / "future.csv", 5, symbols=("BTC",), year=2090)
    columns = quotes(root / "short.csv", 5).read_text().splitlines()
    (root / "short.csv").write_text("\n".join(line.rsplit(",", 1)[0] for line in columns))
    found = gf.run_batch(root, functions.facts)
    assert len(found.table) == 8
    reasons = dict(zip(found.failures["source"], found.failures["reason"], strict=True))
    words = {
        files[0].relative_to(root).as_posix(): "the snapshot cannot be read or is damaged",
        moved.relative_to(root).as_posix(): "was renamed or moved: it holds BTC from v as of 2026-02-02",
        "notes.txt": "not recognised; known formats: ",
        "empty.csv": "the file is empty. Download it again.",
        "hollow": "the folder is empty. Put files there, or delete it.",
        "lost.csv": "file not found. Check the path.",
        "future.csv": "asof: received 2090-02-05 09:36:47 UTC, which is in the future. Correct the timestamp",
        "short.csv": "columns missing: open_interest",
    }
    assert reasons.keys() == words.keys()
    for source, text in words.items():
        assert reasons[source].startswith(text)
    assert str(root) not in " ".join(found.failures["reason"])
    assert {"future.csv", "short.csv"} < set(found.failures["source"])


def test_older_and_newer_versions_of_the_store(store, monkeypatch):
    monkeypatch.setattr(file, "VERSION", 4)
    store.append(day(6))
    monkeypatch.undo()
    monkeypatch.setattr(file, "VERSION", 1)
    monkeypatch.setattr(file, "_SINCE_2", ())
    store.append(day(7))
    monkeypatch.undo()
    found = gf.run_batch(store, functions.facts, symbol="BTC")
    assert found.table["asof"].dt.day.tolist() == [1, 2, 3, 4, 5, 7]
    assert found.failures["reason"].tolist() == [
        "was written by a newer gammaflow (format 4; this one reads up to 3). Update gammaflow-engine."
    ]


def test_synthetic_chains_have_no_future(tmp_path):
    store = gf.Store(tmp_path)
    expiry = pd.DatetimeIndex(["2150-02-01T00Z"] * 2)
    chain = small("S", "2150-01-01T00:00Z", "real", expiry=expiry)
    store.append(chain)
    store.append(dataclasses.replace(chain, vendor="made up", venue="", synthetic=True))
    found = gf.run_batch(store, functions.facts)
    assert found.table["vendor"].tolist() == ["made up"]
    assert "real" in found.failures["source"][0]


def test_a_folder_that_cannot_be_read_is_named(store, monkeypatch):
    real = os.scandir

    def refusing(path):
        if str(path).endswith("symbol=ETH"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr("os.scandir", refusing)
    found = gf.run_batch(store, functions.facts)
    assert found.failures[["source", "reason"]].to_numpy().tolist() == [
        ["symbol=ETH", "the folder cannot be read (Permission denied). Check its permissions."]
    ]
    with pytest.raises(gf.SchemaError, match="the folder cannot be read"):
        gf.run_batch(store.path / "symbol=ETH", functions.facts)


def test_repeated_snapshots_keep_their_rows_and_are_named(tmp_path):
    for name in ("a.csv", "b.csv"):
        quotes(tmp_path / name, 1, symbols=("BTC",))
    found = gf.run_batch([tmp_path / "b.csv", tmp_path / "a.csv", tmp_path / "a.csv"], functions.facts)
    assert found.table["source"].tolist() == ["a.csv", "b.csv"]
    assert found.warnings == (
        "store_or_paths: received 1 file more than once (first: 'a.csv'); each was read once.",
        "source: 2 rows of 2 have symbol, asof and vendor of another (first: BTC from deribit as of "
        "2026-02-01 09:36:47 UTC in a.csv and b.csv); each has a row. Drop one of them before a study.",
    )
    assert found.heading[-2:] == [f"WARNING: {sentence}" for sentence in found.warnings]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (5, "store_or_paths: received 5; a Store, a folder, a file, an iterable of paths"),
        (b"x", "store_or_paths: received b'x'; a Store"),
        ([], "store_or_paths: received no path at all"),
        (["x", 3], "1 of 2 entries are no paths (first: number 1 = 3); a Store"),
        ("no-such-folder", "received 'no-such-folder': file not found. Check the path."),
        ("no-such*", "received 'no-such*', which holds no file; names that begin with a dot"),
        ("", "store_or_paths: received ''"),
    ],
)
def test_no_chains_at_all(tmp_path, monkeypatch, given, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(gf.SchemaError) as error:
        gf.run_batch(given, functions.facts)
    assert words in str(error.value).replace(f"{tmp_path}/", "").replace("../", "")


def test_empty_folders_and_absent_symbols(store, tmp_path):
    (tmp_path / "void").mkdir()
    for given, symbol in ((tmp_path / "void", None), (store, "SOL"), (gf.Store(tmp_path / "new"), None)):
        with pytest.raises(gf.SchemaError, match=r"holds no file|file not found"):
            gf.run_batch(given, functions.facts, symbol=symbol)
    found = gf.run_batch([tmp_path / "void", store.path, tmp_path / "none.csv"], functions.facts)
    assert len(found.table) == 10
    assert found.failures["source"].tolist() == ["none.csv", "void"]


def test_arguments_that_are_refused_together(store):
    with pytest.raises(gf.SchemaError) as error:
        gf.run_batch(store, "facts", client=1, workers=0, progress=3)
    assert str(error.value).splitlines() == [
        "batch not accepted:",
        "  - function: received 'facts'; a function of a Chain is needed.",
        "  - client: received together with workers=; a batch has one engine. Leave one out.",
        "  - workers: received 0; legal: a whole number from 1 to 1,024, or None for this process.",
        "  - progress: received 3; a function of (done, total) is needed.",
    ]
    for workers in (True, 1.5, 2000, "2"):
        with pytest.raises(gf.SchemaError, match="workers: received"):
            gf.run_batch(store, functions.facts, workers=workers)
    with pytest.raises(gf.SchemaError, match="symbol: received"):
        gf.run_batch(store, functions.facts, symbol=3)


def test_progress_counts_files(store):
    seen = []
    gf.run_batch(store, functions.odd, progress=lambda *counts: seen.append(counts))
    assert seen == [(i, 10) for i in range(1, 11)]


def test_long_tables_without_a_folder_are_named(store):
    found = gf.run_batch(store, functions.with_tables)
    pd.testing.assert_frame_equal(found.table, gf.run_batch(store, functions.facts).table)
    assert found.warnings == (
        "function: returned long tables (by_strike), which are kept with out= only. Pass out=, a folder, "
        "or a function that returns the row alone.",
    )
    assert found.names == ()
    with pytest.raises(gf.SchemaError, match="this batch kept no long tables"):
        found.long("by_strike")


def test_memory_is_bounded_by_a_part(tmp_path, monkeypatch):
    """No more chains are alive than one, whatever the number of files."""
    alive, most = set(), [0]

    def watched(chain):
        key = id(chain)
        alive.add(key)
        weakref.finalize(chain, alive.discard, key)
        most[0] = max(most[0], len(alive))
        return {"spot": chain.spot}

    gf.run_batch(fill(tmp_path / "s", range(1, 21)), watched)
    assert most[0] <= 2


def test_the_default_is_a_summary(tmp_path):
    store = gf.Store(tmp_path)
    store.append(gf.demo_chain())
    row = gf.run_batch(store).table.iloc[0]
    expected = gf.summarize(gf.demo_chain())
    for name in ("gamma", "gross_gamma", "zone_low", "core_high", "max_pain"):
        assert row[name] == expected[name]


def test_a_result_is_immutable_and_pickles(store):
    found = gf.run_batch(store, functions.facts)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.table = None
    again = pickle.loads(pickle.dumps(found))
    pd.testing.assert_frame_equal(again.table, found.table)
    assert again.summary() == found.summary()
    assert "<table" in found._repr_html_()
    assert len(found.brief()) == 5


def test_rows_hold_their_names_once_also_from_workers():
    moment, names = pd.Timestamp("2026-02-05", tz="UTC"), ["gamma", "flip"]
    rows = [Row("a", "BTC", moment, "x", tuple(names), (1.0, 2.0)) for _ in "ab"]
    sent = pickle.loads(pickle.dumps(rows[0]))
    assert sent == rows[0]
    assert sent.names is rows[0].names is rows[1].names
