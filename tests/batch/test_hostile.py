"""Batches of what an author did not think of: odd names, values, tables, folders and disks."""

import errno
import json
import os

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.batch import folder
from gammaflow.errors import ReaderError, SchemaError
from support.batch_chains import fill


def one(chain):
    return {"spot": chain.spot}


def with_table(table):
    return lambda chain: {"summary": one(chain), "t": table(chain)}


@pytest.fixture(scope="module")
def chains(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("hostile") / "store")


def test_text_of_numpy_is_a_path(chains):
    found = gf.run_batch(np.array([str(chains.path)]), one)
    pd.testing.assert_frame_equal(found.table, gf.run_batch(chains, one).table)


def test_a_missing_file_keeps_its_name(tmp_path):
    found = gf.run_batch([tmp_path / "none.csv"], one)
    assert found.failures["source"].tolist() == ["none.csv"]


def test_a_url_that_fsspec_cannot_open(chains):
    pytest.importorskip("fsspec")
    with pytest.raises(ReaderError, match="fsspec cannot open it"):
        gf.run_batch(f"zip://x::{chains.path}", one)


@pytest.mark.parametrize("value", ["\ud800", {"name \udfff": 1.0}])
def test_half_a_character_fails_its_chain_alone(chains, value):
    """Such text cannot be written, and ended the whole batch once its last row was there."""
    calls = []

    def odd(chain):
        calls.append(chain)
        good = {"spot": chain.spot}
        return good if len(calls) > 1 else (value if isinstance(value, dict) else {"a": value})

    found = gf.run_batch(chains, odd)
    assert len(found.table) == 9
    assert len(found.failures) == 1
    assert "\\ud" in found.failures["reason"].iloc[0]


def test_errors_cannot_steer_a_terminal(chains):
    def loud(chain):
        raise ValueError("\x1b[2J gone \x07\nnext \ud800")

    found = gf.run_batch(chains, loud, symbol="BTC")
    assert (
        found.failures["reason"].iloc[0].endswith(r"loud raised ValueError: \x1b[2J gone \x07 | next \ud800")
    )
    assert "\x1b" not in str(found)


@pytest.mark.parametrize("column", ["symbol", "asof", "source", "month"])
def test_own_columns_are_never_replaced(chains, tmp_path, column):
    table = with_table(lambda chain: pd.DataFrame({column: ["mine", "own"], "x": [1.0, 2.0]}))
    found = gf.run_batch(chains, table, symbol="BTC", out=tmp_path / "out")
    assert found.table.empty
    assert (
        f"t: received the column '{column}' with other values than the chain's" in found.failures["reason"][0]
    )


def test_identity_in_a_table_is_accepted_where_it_is_the_chains(chains, tmp_path):
    table = with_table(lambda c: pd.DataFrame({"symbol": [c.symbol], "asof": [c.asof], "x": [c.spot]}))
    found = gf.run_batch(chains, table, symbol="BTC", out=tmp_path / "out")
    assert found.long("t").columns.tolist() == ["symbol", "asof", "x", "source"]
    assert found.long("t")["x"].tolist() == found.table["spot"].tolist()


def test_types_that_differ_between_parts(chains, tmp_path):
    table = with_table(lambda chain: pd.DataFrame({"x": ["text" if chain.asof.day % 2 else 1.5]}))
    found = gf.run_batch(chains, table, symbol="BTC", out=tmp_path / "out")
    with pytest.raises(SchemaError, match="t: the function returned columns of several types under one name"):
        found.long("t")


def test_a_name_longer_than_a_folder_may_be(chains, tmp_path):
    found = gf.run_batch(chains, lambda c: {"x" * 300: pd.DataFrame({"a": [1]})}, out=tmp_path / "out")
    assert found.failures["reason"].str.endswith("at most 100.").all()


@pytest.mark.parametrize("out", ["memory://out", "s3://bucket/out", ""])
def test_out_is_a_folder_of_this_machine(chains, tmp_path, monkeypatch, out):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SchemaError, match="a folder of this machine is needed"):
        gf.run_batch(chains, one, out=out)
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_one_sentence_and_the_run_goes_on_later(chains, tmp_path, monkeypatch):
    write, room = folder.durable.write, [3]

    def full(path, content, **how):
        room[0] -= 1
        if room[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, content, **how)

    monkeypatch.setattr(folder.durable, "write", full)
    with pytest.raises(SchemaError, match=r"cannot be written to \(No space left on device\)\. Make room"):
        gf.run_batch(chains, one, out=tmp_path / "out")
    monkeypatch.undo()
    pd.testing.assert_frame_equal(
        gf.run_batch(chains, one, out=tmp_path / "out").table, gf.run_batch(chains, one).table
    )


def test_a_folder_that_vanishes(chains, tmp_path):
    def vanish(chain):
        for path in (tmp_path / "out" / "_parts").glob("*"):
            path.unlink()
        (tmp_path / "out" / "_parts").rmdir()
        return one(chain)

    with pytest.raises(SchemaError, match=r"cannot be written to \(No such file or directory\)"):
        gf.run_batch(chains, vanish, symbol="BTC", out=tmp_path / "out")


@pytest.mark.parametrize("damage", [{"rows": 3}, {"rows": [[5]]}, {"failures": [{"q": 1}]}, {"names": None}])
def test_damaged_parts_are_named_or_made_anew(chains, tmp_path, damage):
    found = gf.run_batch(chains, one, out=tmp_path / "out")
    path = sorted((tmp_path / "out" / "_parts").iterdir())[0]
    path.write_text(json.dumps(json.loads(path.read_text()) | damage))
    with pytest.raises(ReaderError, match=r"is damaged. Run the batch again"):
        gf.BatchResult.open(tmp_path / "out")
    again = gf.run_batch(chains, one, out=tmp_path / "out")
    pd.testing.assert_frame_equal(again.table, found.table)


def test_long_files_that_are_damaged_or_missing(chains, tmp_path):
    table = with_table(lambda chain: pd.DataFrame({"x": [chain.spot]}))
    found = gf.run_batch(chains, table, symbol="BTC", out=tmp_path / "out")
    path = next((tmp_path / "out" / "t").rglob("*.parquet"))
    path.write_bytes(b"x" * path.stat().st_size)
    for _ in range(2):
        with pytest.raises(ReaderError, match=r"cannot be read .* Delete it and run the batch again"):
            found.long("t")
        path.unlink(missing_ok=True)


@pytest.mark.parametrize("out", [None, 1, b"out"])
def test_open_needs_a_path(out):
    with pytest.raises(SchemaError, match=r"out: received .*; the path of a folder is needed"):
        gf.BatchResult.open(out)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("asof", pd.NaT, "asof: 2 rows of 2 hold no timestamp"),
        ("asof", 5, "asof: 2 rows of 2 hold no timestamp"),
        ("symbol", np.nan, "symbol: 2 rows of 2 hold no text"),
        ("spot", np.nan, "spot: 2 rows of 2 hold no number"),
        ("in_zone", "no", "in_zone: 2 rows of 2 hold no True or False"),
        ("rows", 1.5, "rows: 2 rows of 2 hold no whole number"),
        ("gamma", "x", "gamma: a value is not of the type float64"),
    ],
)
def test_histories_take_no_value_for_another(summaries, column, value, words):
    rows = [row.where(row.index != column, value) for row in summaries]
    for given in (rows, pd.DataFrame(rows)):
        with pytest.raises(SchemaError, match=words):
            gf.history(given)


@pytest.mark.parametrize("column", ["vendor", "currency", "rule", "dynamics"])
def test_histories_need_every_text(summaries, column):
    """Also where one row alone has none, which cannot be put in order with the others."""
    table = pd.DataFrame(summaries)
    table.loc[table.index[0], column] = np.nan
    with pytest.raises(SchemaError, match=rf"{column}: 1 row of 2 hold no text \(first: nan\)"):
        gf.history(table)


@pytest.mark.parametrize("missing", [pd.NaT, None, np.nan])
def test_histories_without_a_day_of_open_interest(summaries, missing):
    """Times that are all missing have no time zone in a table of rows, and were refused for it."""
    rows = [row.where(row.index != "open_interest_asof", missing) for row in summaries]
    for given in (rows, pd.DataFrame(rows)):
        found = gf.history(given).table
        assert str(found["open_interest_asof"].dtype) == "datetime64[ns, UTC]"
        assert found["open_interest_asof"].isna().all()
        assert found["gamma"].tolist() == [row["gamma"] for row in summaries]


def test_histories_have_each_column_once(summaries):
    table = pd.DataFrame(summaries)
    with pytest.raises(SchemaError, match="columns: 'gamma' stand twice"):
        gf.history(pd.concat([table, table[["gamma"]]], axis=1))
    with pytest.raises(SchemaError, match="column: received 'x'; legal: 'symbol'"):
        gf.history(table).unit("x")


@pytest.fixture(scope="module")
def summaries():
    from gammaflow.market.synthetic import synthetic_chains

    return [gf.summarize(chain) for chain in synthetic_chains(2, contracts=100)]
