from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gammaflow.errors import ReaderError
from gammaflow.market.chain import Chain
from gammaflow.market.readers import read_chain
from support.reader_samples import DERIBIT_CSV, DERIBIT_JSON, deribit_json, summary

SECOND = DERIBIT_CSV + DERIBIT_CSV.split("\n", 1)[1].replace("09:36:47.002806", "15:51:21.5")


def read(folder: Path, text: str, **arguments: Any) -> Chain:
    path = folder / "file.txt"
    path.write_text(text, encoding="utf-8")
    return read_chain(path, **arguments)


def frame() -> pd.DataFrame:
    return pd.read_csv(io.StringIO(DERIBIT_CSV))


def test_book_summary(tmp_path: Path) -> None:
    chain = read(tmp_path, DERIBIT_JSON)
    assert (chain.symbol, chain.spot, chain.currency) == ("BTC", 71471.5, "USD")
    assert (chain.vendor, chain.venue, chain.file_format) == ("deribit", "Deribit", "deribit_json")
    assert (chain.quote_unit, chain.synthetic) == ("coin", False)
    assert chain.asof == pd.Timestamp("2026-02-05T09:36:47.113Z")
    np.testing.assert_allclose(chain["iv"], [0.5618, 0.5618, 0.9102], rtol=1e-15)
    np.testing.assert_array_equal(chain["forward"], [71950.5, 71950.5, 71480.25])
    np.testing.assert_array_equal(chain["bid"], [0.0975, np.nan, 0.0975])
    assert set(chain["multiplier"]) == {1.0}
    assert set(chain["settlement"]) == {"08:00 UTC"}
    assert [str(m)[:16] for m in chain["expiry"]] == ["2026-03-27T08:00"] * 2 + ["2026-02-06T08:00"]
    assert list(chain["kind"]) == ["call", "put", "put"]


def test_bare_list_of_rows(tmp_path: Path) -> None:
    bare = read(tmp_path, json.dumps(json.loads(DERIBIT_JSON)["result"]))
    np.testing.assert_array_equal(bare["iv"], read(tmp_path, DERIBIT_JSON)["iv"])


def test_decimal_strikes_and_linear_options(tmp_path: Path) -> None:
    chain = read(
        tmp_path,
        deribit_json(
            summary("XRP_USDC-27MAR26-0d625-C", underlying_price=1.43, estimated_delivery_price=1.42)
        ),
    )
    assert (chain.symbol, chain["strike"][0], chain.currency, chain.spot) == ("XRP_USDC", 0.625, "USDC", 1.42)
    assert read(tmp_path, deribit_json(summary("SOL_USDC-27MAR26-150-C")))["strike"][0] == 150.0


def test_interest_rate_is_kept(tmp_path: Path) -> None:
    rows = [
        summary("BTC-27MAR26-70000-C", interest_rate=0.03),
        summary("BTC-27MAR26-70000-P", interest_rate=None),
    ]
    assert list(read(tmp_path, deribit_json(*rows))["rate"]) == [0.03, 0.0]


def test_futures_among_options_are_counted(tmp_path: Path) -> None:
    chain = read(tmp_path, deribit_json(summary("BTC-PERPETUAL"), summary("BTC-27MAR26-70000-C")))
    assert len(chain) == 1
    assert dict(chain.left_out) == {"futures": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (deribit_json(summary("BTC-27MAR26"), summary("BTC-PERPETUAL")), r"holds 2 futures .*kind=option"),
        (
            deribit_json(summary("BTC-27MAR26-70000-X")),
            r"name no option, future, combo or spot pair \(first: result\[0\]",
        ),
        (deribit_json(summary("BTC-30FEB26-70000-C")), "name no option, future, combo or spot pair"),
        (
            deribit_json(summary("BTC-27MAR26-70000-C"), summary("ETH-27MAR26-2000-C")),
            "holds options on 2 underlyings",
        ),
        (
            deribit_json(summary("BTC-27MAR26-70000-C"), summary("BTC-27MAR26-70000-C")),
            "contract: 1 of 2 rows repeat",
        ),
        (
            deribit_json(summary("BTC-27MAR26-70000-C", mark_iv=0.56)),
            r"mark_iv: the median is 0.56, .* percent",
        ),
        (deribit_json(summary("BTC-27MAR26-70000-C", mark_iv="x")), r"mark_iv: 1 of 1 rows are not numbers"),
        (
            deribit_json(summary("BTC-27MAR26-70000-C", interest_rate="x")),
            r"interest_rate: 1 of 1 rows are not numb",
        ),
        (
            deribit_json(summary("BTC-27MAR26-70000-C", open_interest=-4)),
            r"open_interest: 1 of 1 rows are < 0 \(first: r",
        ),
        (
            deribit_json(summary("BTC-27MAR26-70000-C", creation_timestamp=5)),
            "creation_timestamp: 1 of 1 rows are not timest",
        ),
        (
            deribit_json(summary("BTC-27MAR26-70000-C", estimated_delivery_price=None)),
            "every row of estimated_delivery_",
        ),
        ('{"jsonrpc": "2.0", "error": {"code": 10028, "message": "too_many_requests"}}', "too_many_requests"),
        ('{"jsonrpc": "2.0", "result": []}', "result is an empty list"),
        (
            '{"jsonrpc": "2.0", "result": [{"trade_id": 5}]}',
            "the rows have no instrument_name; they hold trade_id",
        ),
        (
            '[{"instrument_name": "BTC-27MAR26-70000-C", "strike": 70000, "index_price": 7}]',
            r"columns missing: open_interest, implied_volatility or mark_iv; present: instrument_name",
        ),
    ],
)
def test_what_is_wrong_with_the_answer(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ReaderError, match=message):
        read(tmp_path, text)


def test_table(tmp_path: Path) -> None:
    chain = read(tmp_path, DERIBIT_CSV, symbol="BTC")
    assert (chain.symbol, chain.spot, chain.file_format) == ("BTC", 71473.5, "deribit_table")
    assert chain.asof == pd.Timestamp("2026-02-05T09:36:47.002806Z")
    assert list(chain["contract"]) == ["BTC-27MAR26-70000-P", "BTC-27MAR26-70000-C", "BTC-6FEB26-68000-P"]
    np.testing.assert_array_equal(chain["iv"], [0.561, 0.561, 0.91])
    np.testing.assert_array_equal(chain["forward"], [71950.5, 71952.75, 71480.25])
    np.testing.assert_array_equal(chain["vendor_vega"], [98.1, 98.1, 5.1])
    np.testing.assert_array_equal(chain["bid"], [0.071, np.nan, 0.001])
    assert dict(chain.left_out) == {"of another underlying (ETH)": 1}
    assert read(tmp_path, DERIBIT_CSV, symbol="ETH").spot == 2125.3


def test_two_underlyings_need_a_symbol(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match=r"BTC \(3 rows\), ETH \(1 rows\)\. Pick one with symbol='BTC'"):
        read(tmp_path, DERIBIT_CSV)
    with pytest.raises(ReaderError, match=r"symbol='SOL' is not in the file; it holds BTC \(3 rows\), ETH"):
        read(tmp_path, DERIBIT_CSV, symbol="SOL")


def test_other_forms_of_the_same_table(tmp_path: Path) -> None:
    plain = read(tmp_path, DERIBIT_CSV, symbol="BTC")
    packed = tmp_path / "a.bin"
    packed.write_bytes(gzip.compress(DERIBIT_CSV.encode()))
    tabs = frame().rename(columns={"instrument_name": "ticker"}).to_csv(sep="\t", index=False)
    percent = (
        frame().assign(mark_iv=lambda f: f["implied_volatility"] * 100).drop(columns="implied_volatility")
    )
    semicolons = "\ufeff" + frame().to_csv(sep=";", index=False).replace("\n", "\r\n")
    for chain in (
        read_chain(packed, symbol="BTC"),
        read(tmp_path, tabs, symbol="BTC"),
        read(tmp_path, semicolons, symbol="btc"),
        read(tmp_path, percent.to_csv(index=False), symbol="BTC"),
    ):
        for name in plain.columns:
            if name == "iv":
                np.testing.assert_allclose(chain[name], plain[name], rtol=1e-15)
            else:
                np.testing.assert_array_equal(chain[name], plain[name])
        assert (chain.asof, chain.spot) == (plain.asof, plain.spot)


def test_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "file"
    table = frame().assign(timestamp=lambda f: pd.to_datetime(f["timestamp"]))
    table.to_parquet(path)
    chain = read_chain(path, symbol="BTC")
    assert (len(chain), chain.asof) == (3, pd.Timestamp("2026-02-05T09:36:47.002806Z"))
    table.assign(implied_volatility=-1.0).to_parquet(path)
    with pytest.raises(ReaderError, match=r"iv: 3 of 3 rows are < 0 \(first: data row 0 \(from 0\) = -1.0\)"):
        read_chain(path, symbol="BTC")
    table.head(0).to_parquet(path)
    with pytest.raises(ReaderError, match="no rows"):
        read_chain(path)
    path.write_bytes(b"PAR1" + b"\x00" * 40)
    with pytest.raises(ReaderError, match="parquet file is damaged"):
        read_chain(path)


def test_parquet_without_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "file"
    path.write_bytes(b"PAR1")
    with pytest.raises(
        ReaderError, match=r"install gammaflow-engine\[parquet\] to read it, or save it as CSV"
    ):
        read_chain(path)


def test_table_without_forwards_leaves_them_missing(tmp_path: Path) -> None:
    chain = read(tmp_path, frame().drop(columns="futures_price").to_csv(index=False), symbol="BTC")
    assert np.isnan(chain["forward"]).all()


def test_asof_picks_one_of_many_moments(tmp_path: Path) -> None:
    chain = read(tmp_path, SECOND, symbol="BTC", asof="2026-02-05T15:51:21.5+00:00")
    assert (len(chain), chain.asof) == (3, pd.Timestamp("2026-02-05T15:51:21.5Z"))
    assert dict(chain.left_out) == {"of another underlying (ETH)": 2, "at other times": 3}
    with pytest.raises(ReaderError, match=r"6 rows on 3 contracts at 2 timestamps .*Pick one with asof="):
        read(tmp_path, SECOND, symbol="BTC")
    with pytest.raises(ReaderError, match=r"none is 2026-02-05 15:00:00\+00:00"):
        read(tmp_path, SECOND, symbol="BTC", asof="2026-02-05T15:00:00Z")


def test_asof_replaces_a_single_moment(tmp_path: Path) -> None:
    moment = pd.Timestamp("2026-02-05T10:00:00Z")
    assert read(tmp_path, DERIBIT_CSV, symbol="BTC", asof=moment).asof == moment
    naive = DERIBIT_CSV.replace("+00:00", "")
    with pytest.raises(
        ReaderError, match=r"timestamp: 3 of 3 rows are not timestamps of a known zone .*pass asof="
    ):
        read(tmp_path, naive, symbol="BTC")
    assert read(tmp_path, naive, symbol="BTC", asof=moment).asof == moment
    undated = frame().drop(columns="timestamp").to_csv(index=False)
    with pytest.raises(ReaderError, match="Pass asof="):
        read(tmp_path, undated, symbol="BTC")
    assert read(tmp_path, undated, symbol="BTC", asof=moment).asof == moment


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("index_price", "index", r"spot: there is no column .*chain_from_frame"),
        ("open_interest", "oi", r"columns missing: open_interest; present: timestamp"),
        ("0.561,", "56.1,", r"implied_volatility: the median is 56.1, .* decimals"),
        (
            "put,70000.0",
            "put,70001",
            r"strike: 1 of 3 rows differ from the instrument's name \(first: file line 2 =",
        ),
        ("put,70000.0", "put,x", r"strike: 1 of 3 rows are not numbers"),
        ("310.4", "many", r"open_interest: 1 of 3 rows are not numbers \(first: file line 2 = 'many'\)"),
        (
            "BTC,71475.5",
            "BTC",
            r"1 of 4 lines do not have the 15 fields of the header \(first: file line 5 has 14\)",
        ),
        ("71471.5", "x", r"index_price: 1 of 3 rows are not numbers"),
        ("volume,currency", "delta,currency", "columns named twice: 'delta'"),
    ],
)
def test_what_is_wrong_with_a_table(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in DERIBIT_CSV
    with pytest.raises(ReaderError, match=message):
        read(tmp_path, DERIBIT_CSV.replace(old, new), symbol="BTC")


def test_header_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="has a header and no rows"):
        read(tmp_path, DERIBIT_CSV.splitlines()[0])


def test_summaries_say_when_quotes_and_open_interest_were_taken(tmp_path: Path) -> None:
    rows = summary("BTC-27MAR26-70000-C"), summary("BTC-27MAR26-70000-P", creation_timestamp=1770284087000)
    chain = read(tmp_path, deribit_json(*rows))
    np.testing.assert_array_equal(chain.quote_age, [0.0, 2.0])
    assert chain["open_interest_date"].tolist() == [1770249600 * 10**9] * 2
    assert chain.quality.open_interest_age["oldest"] == 0.0
    assert np.isnat(read(tmp_path, DERIBIT_CSV, symbol="BTC")["quote_time"]).all()


def test_clocks_that_cannot_be_read_stay_missing_where_asof_is_given(tmp_path: Path) -> None:
    rows = summary("BTC-27MAR26-70000-C"), summary("BTC-27MAR26-70000-P", creation_timestamp="noon")
    chain = read(tmp_path, deribit_json(*rows), asof="2026-02-05T09:37:47Z")
    np.testing.assert_array_equal(chain.quote_age, [1.0, np.nan])
    assert chain.quality.quote_age["known"] == 0.5


def test_moments_of_a_parquet_table(tmp_path: Path) -> None:
    table, path = frame().iloc[:2], tmp_path / "table"
    times = pd.to_datetime(["2026-02-05T09:36:47Z", "2026-02-05T09:36:48Z"])
    table.assign(timestamp=times).to_parquet(path)
    assert read_chain(path).asof == times[1]
    ages_hence = pd.DatetimeIndex(np.full(2, 2**62, "datetime64[us]"), tz="UTC")
    for wrong in (
        [times[0], None],
        pd.DatetimeIndex(np.array(["3000-01-01"] * 2, "datetime64[s]"), tz="UTC"),
        ages_hence,
    ):
        table.assign(timestamp=wrong).to_parquet(path)
        with pytest.raises(ReaderError, match=r"timestamp: . of 2 rows are not timestamps of a known zone"):
            read_chain(path)


def test_strikes_too_long_to_be_numbers_are_no_names(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="name no option, future, combo or spot pair"):
        read(tmp_path, deribit_json(summary("BTC-27MAR26-70000-C"), summary(f"BTC-27MAR26-{'9' * 400}-C")))


def test_parquet_whose_text_is_no_utf8(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "file"
    frame().iloc[:2].to_parquet(path, compression=None, use_dictionary=False)
    path.write_bytes(path.read_bytes().replace(b"BTC-27MAR26-70000-P", b"BTC-27MAR26-70000-\xff"))
    with pytest.raises(ReaderError, match="the parquet file is damaged"):
        read_chain(path)


def test_combos_and_spot_pairs_are_counted_and_left_out(tmp_path: Path) -> None:
    others = {
        "combos": (
            "BTC-CS-27MAR26-70000_80000",
            "BTC-FS-27MAR26_PERP",
            "BTC-FS-26JUN26_27MAR26",
            "BTC-STRD-27MAR26-70000",
            "BTC-PCAL-27MAR26_26JUN26-70000",
            "XRP_USDC-CS-27MAR26-0d5_0d6",
        ),
        "spot pairs": ("BTC_USDC", "ETH_BTC"),
        "futures": ("BTC-PERPETUAL", "BTC-27MAR26"),
    }
    rows = [summary(name) for names in others.values() for name in names]
    path = tmp_path / "answer.json"
    path.write_text(deribit_json(summary("BTC-27MAR26-70000-C"), *rows))
    chain = read_chain(path)
    assert list(chain["contract"]) == ["BTC-27MAR26-70000-C"]
    assert dict(chain.left_out) == {what: len(names) for what, names in others.items()}
    path.write_text(deribit_json(*rows))
    with pytest.raises(ReaderError, match=r"holds 2 futures and 6 combos and 2 spot pairs .* and no options"):
        read_chain(path)


@pytest.mark.parametrize(
    "name", ["BTC-CS-", "BTC-CS-27MAR-70000", "BTC-C-70000", "BTC USDC", "btc_usdc", "A-B-C"]
)
def test_other_names_are_still_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "answer.json"
    path.write_text(deribit_json(summary("BTC-27MAR26-70000-C"), summary(name)))
    with pytest.raises(ReaderError, match="name no option, future, combo or spot pair"):
        read_chain(path)
