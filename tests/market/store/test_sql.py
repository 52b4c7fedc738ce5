"""A store's files as SQL sees them: asof, spot, symbol and currency are columns of every file."""

from __future__ import annotations

import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.market.store.file import BESIDE
from support.stores import FIRST, small

pq = pytest.importorskip("pyarrow.parquet")
DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def season(tmp_path_factory):
    """A store of five chains of two symbols, one of which is not safe in a path."""
    store = gf.Store(tmp_path_factory.mktemp("season"))
    for day in range(3):
        store.append(small("^SPX", FIRST + day * DAY, open_interest=[10.0 * day + 1.0, 5.0]))
    for day in range(2):
        store.append(small("BTC", FIRST + day * DAY, open_interest=[7.0, float(day)]))
    return store


@pytest.fixture(scope="module")
def expected(season):
    """Open interest by symbol, timestamp [us] and strike, chain by chain through gammaflow."""
    rows = [
        (chain.symbol, chain.asof.floor("us"), strike, interest, chain.spot)
        for snapshot in season.list()
        for chain in [season.load(snapshot.symbol, snapshot.asof)]
        for strike, interest in chain.to_frame().groupby("strike")["open_interest"].sum().items()
    ]
    return sorted(rows)


def test_duckdb_reads_a_season(season, expected):
    duckdb = pytest.importorskip("duckdb")
    sql = f"""
        SELECT symbol, epoch_us("asof"::TIMESTAMPTZ), strike, sum(open_interest), any_value(spot)
        FROM '{season.path}/*/*/*.parquet' GROUP BY ALL ORDER BY ALL"""
    with duckdb.connect() as database:
        found = [
            (s, pd.Timestamp(t, unit="us", tz="UTC"), *rest) for s, t, *rest in database.sql(sql).fetchall()
        ]
    assert found == expected


def test_polars_reads_a_season(season, expected):
    pl = pytest.importorskip("polars")
    table = (
        pl.scan_parquet(f"{season.path}/*/*/*.parquet", hive_partitioning=False)
        .group_by("symbol", "asof", "strike")
        .agg(pl.col("open_interest").sum(), pl.col("spot").first())
        .sort("symbol", "asof", "strike")
        .collect()
    )
    assert [(s, pd.Timestamp(t), *rest) for s, t, *rest in table.rows()] == expected
    assert str(table["asof"].dtype) == "Datetime(time_unit='ns', time_zone='UTC')"


def test_facts_stand_in_every_row_and_a_file_without_them_loads(season):
    path = season.list("BTC")[0].path
    chain = season.load("BTC")
    file = pq.ParquetFile(path)
    table = file.read()
    assert table.column_names[-len(BESIDE) :] == list(BESIDE)
    first = season.load("BTC", FIRST)
    for name in BESIDE:
        assert set(table[name].to_pandas()) == {getattr(first, name)}
    before = path.read_bytes()
    pq.write_table(table.drop_columns(list(BESIDE)), path)
    assert season.load("BTC", FIRST).to_frame().equals(first.to_frame())
    path.write_bytes(before)
    assert chain.asof == FIRST + DAY
