"""Tables that gammaflow itself writes are read back as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import ReaderError
from gammaflow.market.readers import read_chain
from support.reader_samples import OWN_CSV

CHAINS = {"BTC": {}, "IBIT": {"symbol": "IBIT"}}


def written(chain, path):
    table = chain.to_frame(facts=True)
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path, index=False)
    return path


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize("symbol", ["BTC", "IBIT"])
def test_a_table_gives_the_same_chain(tmp_path, symbol, ending):
    chain = gf.demo_chain(symbol=symbol)
    days = np.full(len(chain), np.datetime64("2026-02-04", "ns"))
    times = np.full(len(chain), np.datetime64("2026-02-05T09:35:12.5", "ns"))
    columns = {**chain.columns, "open_interest_date": days, "quote_time": times}
    chain = gf.Chain(columns, chain.symbol, chain.spot, chain.asof, chain.vendor, "EUR")
    again = gf.read_chain(written(chain, tmp_path / f"chain{ending}"))
    assert (again.symbol, again.spot, again.asof) == (chain.symbol, chain.spot, chain.asof)
    assert (again.vendor, again.currency) == ("synthetic demo", "EUR")
    pd.testing.assert_frame_equal(again.to_frame(), chain.to_frame())


def test_real_chains_come_back(tmp_path, shared):
    for name in ("yahoo_cboe_json/IBIT_20260714T2010ET.json", "cboe/spx_20230914_carlosjimenezdiaz.csv"):
        chain = gf.read_chain(shared / "data" / name)
        again = gf.read_chain(written(chain, tmp_path / "chain.csv"))
        pd.testing.assert_frame_equal(again.to_frame(), chain.to_frame())


def test_asof_may_be_given(tmp_path):
    path = written(gf.demo_chain(), tmp_path / "chain.csv")
    assert gf.read_chain(path, asof="2026-02-05T09:40Z").asof == pd.Timestamp("2026-02-05T09:40Z")


def test_one_of_two_chains_is_picked(tmp_path):
    both = pd.concat(
        [gf.demo_chain().to_frame(facts=True), gf.demo_chain(symbol="IBIT").to_frame(facts=True)]
    )
    path = tmp_path / "both.csv"
    both.to_csv(path, index=False)
    assert len(gf.read_chain(path, symbol="IBIT")) == len(gf.demo_chain(symbol="IBIT"))
    with pytest.raises(gf.ReaderError) as error:
        gf.read_chain(path)
    assert "symbol: 524 of 1122 rows differ from the first (first: file line 600 = 'IBIT')" in str(
        error.value
    )
    assert "pick one with symbol=" in str(error.value)
    assert "spot: 524 of 1122 rows differ" in str(error.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"asof": "2026-02-05 09:36:00"}, "asof: the file does not say"),
        ({"spot": "much"}, "spot: 1 of 1 rows are not numbers"),
        ({"spot": -1.0}, "spot: received -1.0"),
        ({"strike": -5.0}, "strike: 598 of 598 rows are <= 0 (first: file line 2 = -5.0)"),
        ({"kind": "straddle"}, "kind: 598 of 598 rows are not legal (first: file line 2"),
        ({"expiry": "soon"}, "expiry: 598 of 598"),
    ],
)
def test_problems_name_the_line(tmp_path, change, words):
    path = tmp_path / "chain.csv"
    gf.demo_chain().to_frame(facts=True).assign(**change).to_csv(path, index=False)
    with pytest.raises(gf.ReaderError) as error:
        gf.read_chain(path)
    assert words in str(error.value)
    assert str(path) in str(error.value)


def test_no_rows_and_unknown_symbols_are_refused(tmp_path):
    path = tmp_path / "chain.csv"
    table = gf.demo_chain().to_frame(facts=True)
    table.iloc[:0].to_csv(path, index=False)
    with pytest.raises(gf.ReaderError, match="the table has no rows"):
        gf.read_chain(path)
    table.to_csv(path, index=False)
    with pytest.raises(gf.ReaderError, match="symbol='ETH' is not in the file; it holds BTC"):
        gf.read_chain(path, symbol="ETH")


def test_it_can_be_asked_for_by_name(tmp_path):
    path = written(gf.demo_chain(), tmp_path / "chain.parquet")
    assert len(gf.read_chain(path, vendor="gammaflow_table")) == 598
    with pytest.raises(gf.ReaderError, match="received vendor='cboe_csv', but the file is"):
        gf.read_chain(path, vendor="cboe_csv")


@pytest.mark.parametrize("name", ["spot", "symbol", "strike"])
def test_a_column_twice_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "twice.csv"
    lines = OWN_CSV.strip().splitlines()
    place = lines[0].split(",").index(name)
    path.write_text("\n".join(f"{line},{line.split(',')[place]}" for line in lines))
    with pytest.raises(ReaderError, match=f"columns named twice: '{name}'"):
        read_chain(path)


def test_spot_in_place_of_the_tables_own(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text(OWN_CSV)
    assert read_chain(path).spot == 23.1
    assert read_chain(path, spot=24.0).spot == 24.0
