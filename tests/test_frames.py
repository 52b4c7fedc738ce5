"""Tables of polars, pyarrow and DuckDB give the same numbers as those of pandas."""

from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import gammaflow as gf
from gammaflow.frames import as_pandas

duckdb = pytest.importorskip("duckdb", reason="needs DuckDB")
polars = pytest.importorskip("polars", reason="needs polars")

NAMES = {"strike": "K", "kind": "cp", "open_interest": "oi"}
FACTS = {
    "symbol": "XYZ",
    "spot": 23.1,
    "asof": "2026-02-05T15:00:00-05:00",
    "multiplier": 100,
    "settlement": "PM",
}


@pytest.fixture(scope="module")
def frame():
    return pd.DataFrame(
        {
            "K": [22.5, 25.0, 20.0],
            "cp": ["P", "C", "P"],
            "expiry": ["2026-03-20", "2026-03-20", "2026-06-19"],
            "oi": [40, 70, 15],
            "iv": [0.3, np.nan, 0.35],
        }
    )


CONNECTION = duckdb.connect()


def relation(frame):
    return CONNECTION.from_arrow(pa.Table.from_pandas(frame))


DOORS = {
    "polars": lambda frame: polars.from_pandas(frame),
    "pyarrow": pa.Table.from_pandas,
    "record batch": lambda frame: pa.RecordBatch.from_pandas(frame),
    "DuckDB": relation,
    "polars with dates": lambda frame: polars.from_pandas(frame).with_columns(
        polars.col("expiry").str.to_date()
    ),
    "polars with categories": lambda frame: polars.from_pandas(frame).with_columns(
        polars.col("cp").cast(polars.Categorical)
    ),
    "DuckDB with decimals": lambda frame: relation(frame).project(
        "K::DECIMAL(9, 2) AS K, cp, expiry, oi::HUGEINT AS oi, iv"
    ),
}


#: Older ones read no categories whose codes have no sign, as those of polars.
CATEGORIES = int(pa.__version__.partition(".")[0]) >= 21


@pytest.mark.parametrize("door", [door for door in DOORS if CATEGORIES or "categories" not in door])
def test_each_door_has_the_numbers_of_pandas(frame, door):
    want = gf.chain_from_frame(frame, columns=NAMES, **FACTS)
    found = gf.chain_from_frame(DOORS[door](frame), columns=NAMES, **FACTS)
    pd.testing.assert_frame_equal(found.to_frame(), want.to_frame())
    levels = [gf.analyze(chain, rate=0.036).levels.to_dict() for chain in (want, found)]
    assert levels[0] == levels[1]


@pytest.mark.parametrize("door", ["polars", "pyarrow", "DuckDB"])
def test_books_trades_and_liquidations_come_through_the_same_door(door):
    book = gf.assign_positions(gf.demo_chain())
    names = ("contract", "venue", "expiry", "strike", "kind", "position", "multiplier", "sigma")
    columns = pd.DataFrame({name: book[name] for name in names})
    columns["expiry"] = pd.to_datetime(columns["expiry"]).dt.tz_localize("UTC")
    made = [gf.Book(table, "BTC", book.spot, book.asof) for table in (columns, DOORS[door](columns))]
    assert gf.aggregate_exposure(made[1]).total().equals(gf.aggregate_exposure(made[0]).total())
    tape = pd.DataFrame(
        {
            "trade_id": ["1"],
            "timestamp": [1_770_284_160_000],
            "instrument_name": ["BTC-27FEB26-70000-P"],
            "price": [0.05],
            "amount": [2.0],
            "direction": ["buy"],
        }
    )
    flows = [gf.customer_flow(gf.read_trades(table)).inventory for table in (tape, DOORS[door](tape))]
    pd.testing.assert_series_equal(flows[1], flows[0])
    assert flows[0].tolist() == [-2.0]


def test_objects_become_numbers_and_timestamps():
    table = pa.table(
        {
            "d": pa.array([None, Decimal("2.50")], pa.decimal128(9, 2)),
            "t": pa.array([datetime.date(2026, 3, 20), None]),
            "none": pa.array([None, None], pa.string()),
        }
    )
    found = as_pandas(table)
    assert found["d"].tolist()[1] == 2.5
    assert np.isnan(found["d"][0])
    assert found["t"][0] == pd.Timestamp("2026-03-20")
    assert found["none"].isna().all()


def test_a_lazy_frame_is_told_to_be_collected(frame):
    with pytest.raises(gf.SchemaError, match=r"^frame: received a LazyFrame.*frame\.collect\(\)"):
        gf.chain_from_frame(polars.from_pandas(frame).lazy(), columns=NAMES, **FACTS)


def test_without_pyarrow_one_sentence_says_what_to_install(frame, monkeypatch):
    def missing(_):
        raise ImportError("pyarrow")

    monkeypatch.setattr(pd.DataFrame, "from_arrow", missing)
    with pytest.raises(gf.SchemaError, match=r"frame: received DataFrame.*gammaflow-engine\[parquet\]"):
        gf.chain_from_frame(polars.from_pandas(frame), columns=NAMES, **FACTS)


def test_names_that_repeat_are_refused_in_words():
    table = pa.Table.from_arrays([pa.array([Decimal("1.5")]), pa.array([2])], names=["a", "a"])
    frame = as_pandas(table)
    assert (frame.iloc[0, 0], frame.iloc[0, 1], list(frame)) == (1.5, 2, ["a", "a"])
    twice = pa.Table.from_arrays([pa.array([22.5]), pa.array([25.0])], names=["strike", "strike"])
    with pytest.raises(gf.SchemaError, match=r"strike.* more than once"):
        gf.chain_from_frame(twice, **FACTS)


def _closed():
    connection = duckdb.connect()
    rows = connection.sql("select 1 as a")
    connection.close()
    return rows


@pytest.mark.parametrize(
    "make",
    [lambda: polars.Series([1.0]), lambda: pa.chunked_array([[1.0]]), _closed],
    ids=["Series", "chunked", "closed"],
)
def test_streams_that_are_no_table(make):
    with pytest.raises(
        gf.SchemaError, match=r"prices: received .*, whose Arrow stream is not that of a table"
    ):
        as_pandas(make(), "prices")
