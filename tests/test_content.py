"""Files that are no files, or too large: one line each, quickly, whatever reads them."""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import gammaflow as gf
from gammaflow import content
from gammaflow.errors import ReaderError, SchemaError
from gammaflow.market.readers import read_chain
from support.reader_samples import CBOE_CSV, YAHOO_JSON


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "LARGEST_FILE", 2**20)
    monkeypatch.setattr(content, "_STEP", 2**16)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.usefixtures("small")
def test_the_limit_on_size(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "file.csv"
    for size, message in ((2**20, "holds binary data"), (2**20 + 1, "has more than 1 MiB")):
        data = bytes(size)
        path.write_bytes(gzip.compress(data) if packed else data)
        with pytest.raises(ReaderError, match=message) as caught:
            read_chain(path)
        assert str(path) in str(caught.value)
        with pytest.raises(ReaderError, match=message):
            read_chain(io.BytesIO(path.read_bytes()))


def test_no_more_than_the_limit_is_decompressed(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    class Counting(gzip.GzipFile):
        def read(self, size: int | None = -1) -> bytes:
            part = super().read(size)
            read.append(len(part))
            return part

    bomb = gzip.compress(bytes(2**26), 1)
    monkeypatch.setattr(content, "LARGEST_FILE", 2**20)
    monkeypatch.setattr(content, "_STEP", 2**16)
    monkeypatch.setattr(gzip, "GzipFile", Counting)
    with pytest.raises(ReaderError, match="has more than 1 MiB"):
        content.unpacked(bomb)
    assert sum(read) <= 2**20 + 2**16


@pytest.mark.parametrize("read", [read_chain, gf.read_trades, gf.liquidations.read, gf.read_notes])
def test_devices_and_named_pipes_are_refused_at_once(tmp_path: Path, read: Any) -> None:
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    link = tmp_path / "zero.toml"
    link.symlink_to("/dev/zero")
    for path, what in ((pipe, "is a pipe, not a file"), (link, "is a device or a socket, not a file")):
        with pytest.raises(ReaderError, match=what):
            read(path)


def test_a_pipe_of_the_shell_is_read() -> None:
    end, start = os.pipe()
    os.write(start, YAHOO_JSON.encode())
    os.close(start)
    try:
        assert read_chain(f"/dev/fd/{end}").symbol == "IBIT"
    finally:
        os.close(end)


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "chain.json").write_text(YAHOO_JSON)
    chain = read_chain("~/chain.json")
    assert chain.symbol == "IBIT"
    gf.analyze(chain).to_html("~/page.html")
    assert (tmp_path / "page.html").stat().st_size > 1_000
    with pytest.raises(ReaderError, match=r"~/missing\.json: file not found"):
        read_chain("~/missing.json")


def test_buffers_are_files() -> None:
    for buffer in (
        io.StringIO(CBOE_CSV),
        io.BytesIO(CBOE_CSV.encode()),
        io.BytesIO(gzip.compress(CBOE_CSV.encode())),
        io.BytesIO(pd.DataFrame({"a": [1]}).to_parquet()),
    ):
        if buffer.read(4) == b"PAR1":
            buffer.seek(0)
            with pytest.raises(ReaderError, match="BytesIO: not recognised"):
                read_chain(buffer)
            continue
        buffer.seek(0)
        assert read_chain(buffer).symbol == "SPX"
    closed = io.BytesIO()
    closed.close()
    with pytest.raises(ReaderError, match="BytesIO: the buffer cannot be read"):
        read_chain(closed)


@pytest.mark.parametrize("path", [None, 3, b"file", pd.Series(["x"])])
def test_what_is_neither_a_path_nor_a_buffer(path: Any) -> None:
    with pytest.raises(SchemaError, match=r"path: received .* the path of one file, or a buffer, is needed"):
        read_chain(path)


@pytest.mark.parametrize(("table", "name"), [(["file"], "JSON"), (pd.DataFrame(), "table")])
def test_a_table_that_is_no_chain(table: Any, name: str) -> None:
    with pytest.raises(ReaderError, match=rf"^{name}: not recognised; known formats: .* a preset \(alpaca, "):
        read_chain(table)


def test_a_table_of_very_many_columns(tmp_path: Path) -> None:
    head, row = CBOE_CSV.split("Expiration Date")[0], "Expiration Date,Calls,Strike,Puts"
    path = tmp_path / "wide.csv"
    path.write_text(f"{head}{row}{',x' * 50_000}\n" + "1" + ",1" * 50_003)
    with pytest.raises(ReaderError, match="has 50,004 columns; legal: up to 1,000"):
        read_chain(path)
    row = "{" + ",".join(f'"x{n}": 1' for n in range(1_001)) + "}"
    path.write_text('{"quotes": [' + row + '], "underlyingPrice": 1}')
    with pytest.raises(ReaderError, match="quotes has objects with more than 1,000 different fields"):
        read_chain(path)
    frame = pd.DataFrame({"a": [1.0] * 4_000, "b": 1.0})
    frame.to_parquet(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gammaflow.market.readers.source.MOST_CELLS", 7_999)
        with pytest.raises(ReaderError, match=r"has 4,000 rows and 2 columns; legal: .* 7,999 cells"):
            read_chain(path)


def test_a_contract_of_five_megabytes_is_one_short_line(tmp_path: Path) -> None:
    path = tmp_path / "long.json"
    path.write_text(YAHOO_JSON.replace("IBIT260717C00036500", "X" * 5_000_000))
    with pytest.raises(ReaderError, match="contract: 1 of 3 rows are not option symbols") as caught:
        read_chain(path)
    assert len(str(caught.value)) < 500


def test_no_error_is_longer_than_can_be_read() -> None:
    assert len(str(ReaderError("x" * 10_000_000))) < 5_000
    assert str(SchemaError("x" * 4_000)) == "x" * 4_000
    many = str(SchemaError("\n".join(["y" * 50] * 10_000)))
    assert many.count("\n") == 100
    assert many.endswith("and 9,900 more lines.")
