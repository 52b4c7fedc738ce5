"""Files that are no chain, or not the one asked for."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from gammaflow.errors import ReaderError, SchemaError
from gammaflow.market.readers import FORMATS, read_chain
from support.reader_samples import CBOE_CSV, CBOE_JSON, DERIBIT_CSV, DERIBIT_JSON, SAMPLES, YAHOO_JSON


@pytest.mark.parametrize("vendor", SAMPLES)
def test_recognised_by_content_whatever_the_name(tmp_path: Path, vendor: str) -> None:
    text, arguments = SAMPLES[vendor]
    path = tmp_path / "options.parquet"
    path.write_text(text, encoding="utf-8")
    assert read_chain(path, **arguments).file_format == vendor
    assert read_chain(str(path), vendor=vendor, **arguments).file_format == vendor
    for other in {f.name for f in FORMATS} - {vendor}:
        with pytest.raises(ReaderError, match=f"received vendor='{other}', but the file is '{vendor}'"):
            read_chain(path, vendor=other, **arguments)


def test_every_format_has_a_sample() -> None:
    assert [f.name for f in FORMATS] == ["gammaflow_snapshot", *SAMPLES]  # no text: test_snapshot.py


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "is not text in UTF-8 .byte 0: 0x89"),
        (b"abc\x00def", "holds binary data"),
        (b"PK\x03\x04rest", "is a zip archive or a spreadsheet"),
        (gzip.compress(CBOE_CSV.encode())[:-30], "gzip archive is cut off or damaged"),
        (b"\x1f\x8bnot really", "gzip archive is cut off or damaged"),
        (b"<!DOCTYPE html><html><body>Please enable JavaScript</body></html>", "is a web page or XML"),
        (CBOE_JSON[:-40].encode(), "the JSON breaks at line 1, column"),
        (DERIBIT_JSON[:200].encode(), "the JSON breaks at line 1, column"),
        (YAHOO_JSON[:-2].encode(), "the file was cut off or altered"),
        (b"[" * 100_000, "nested too deeply"),
        (
            b'{"Error Message": "Invalid API call"}',
            "not recognised; known formats: gammaflow_snapshot, a file",
        ),
        (b'{"status": "OK", "results": [{"break_even_price": 5}]}', "not recognised"),
        (b"null", "not recognised"),
        (b"[]", "not recognised"),
        (b",,,\n,,\n", "not recognised"),
        (b"date,open,high,low,close\n2026-01-01,1,2,0.5,1.5\n", "or with pandas and chain_from_frame"),
        (b'a,"' + b"x" * 200_000, "the table breaks after line"),
    ],
)
def test_content_that_is_no_chain(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    with pytest.raises(ReaderError, match=message) as caught:
        read_chain(path)
    assert str(path) in str(caught.value)
    assert caught.value.__cause__ is None


def test_path_that_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="file not found"):
        read_chain(tmp_path / "missing.csv")
    with pytest.raises(ReaderError, match="is a folder; pass one file"):
        read_chain(tmp_path)
    with pytest.raises(ReaderError, match="cannot be opened"):
        read_chain("a\x00b")
    with pytest.raises(SchemaError, match="path: received None"):
        read_chain(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"vendor": "nyse"},
            "vendor: received 'nyse'; legal: 'gammaflow_snapshot', 'gamma",
        ),
        ({"asof": "2026-02-05T15:00:00"}, "asof: .* has no time zone"),
        ({"asof": "3026-02-05T15:00:00Z"}, "asof: .* is not a timestamp"),
        ({"asof": "noon"}, "asof: .* is not a timestamp"),
    ],
)
def test_arguments(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    path = tmp_path / "file"
    path.write_text(DERIBIT_CSV, encoding="utf-8")
    with pytest.raises(SchemaError, match=message):
        read_chain(path, **arguments)


def test_half_a_character_is_refused_and_a_whole_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    for escape, words in ((r"\ud83d", "half a character"), (r"\ud83d\ude00", r"are not option symbols .*😀")):
        path.write_text(YAHOO_JSON.replace("IBIT260717C00036500", escape))
        with pytest.raises(ReaderError, match=words):
            read_chain(path)


def test_a_vendor_that_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        SchemaError,
        match="vendor: received '<NA>'; legal: 'gammaflow_snapshot', 'gamma",
    ):
        read_chain(tmp_path / "file", vendor=pd.NA)  # type: ignore[arg-type]
