"""Stores that somebody else has altered: malformed headers, links, odd paths, names that lead outside."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gammaflow import content
from gammaflow.errors import ReaderError, SchemaError
from gammaflow.market.store import Store, file, folder, raw, read_snapshot
from support.store_crash import FIRST
from support.stores import same, small

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
RAW = {"one": b"1" * 99, "two": b"{}"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    store.append(small(), raw=RAW)
    return store


def place_of(store: Store) -> Path:
    return store.list()[0].path


def with_header(path: Path, **changes: object) -> None:
    """Write the file anew with other facts in its header."""
    table = pq.read_table(path)
    header = json.loads(table.schema.metadata[b"gammaflow"]) | changes
    pq.write_table(table.replace_schema_metadata({b"gammaflow": json.dumps(header)}), path)


def with_damaged_columns(path: Path) -> None:
    """Double every strike; the header stays as it was."""
    table = pq.read_table(path)
    place = table.column_names.index("strike")
    pq.write_table(table.set_column(place, "strike", pa.compute.multiply(table["strike"], 2.0)), path)


KEPT = {"file": "20260205T220000.000000001Z-v.one.0123456789abcdef.gz", "sha256": "0123456789abcdef" * 4}


@pytest.mark.parametrize(
    "places",
    [
        None, [], "x", 7, [["one", {}]], {"one": None}, {"one": "x"}, {"one": []}, {"one": {}},
        {"one": {"file": 1, "sha256": 2}}, {"one": KEPT | {"more": ""}}, {"one": KEPT | {"sha256": None}},
        {"one": KEPT | {"file": "../../../../secret.gz"}}, {"one": KEPT | {"file": "/etc/passwd"}},
        {"one": {"file": "20260205T220000.000000001Z-v.one./../../../x.gz", "sha256": "/../../../x"}},
        {"one": KEPT | {"file": ".."}}, {"one": KEPT | {"file": "a\0b"}}, {"two": KEPT},
        {"../one": KEPT}, {"\ud800": KEPT},
    ],
    ids=str,
)  # fmt: skip
def test_malformed_lists_of_raw_responses(store: Store, places: object) -> None:
    with_header(place_of(store), raw=places)
    words = "the header's list of raw responses is damaged .* raw= and replace=True"
    for call in (lambda: store.raw("BTC", FIRST, "v"), lambda: store.append(small(), raw=RAW)):
        with pytest.raises(ReaderError, match=words):
            call()
    assert store.verify()["problem"].str.contains("list of raw responses is damaged").tolist() == [True]
    same(store.load("BTC"), small())
    assert store.append(small(), raw=RAW, replace=True)
    assert store.raw("BTC", FIRST, "v") == RAW


def test_files_outside_are_not_read(store: Store, tmp_path: Path) -> None:
    secret = tmp_path / "secret.gz"
    secret.write_bytes(gzip.compress(b"secret"))
    sha256 = hashlib.sha256(b"secret").hexdigest()
    for name in ("../../../../secret.gz", str(secret)):
        with_header(place_of(store), raw={"one": {"file": name, "sha256": sha256}})
        with pytest.raises(ReaderError, match="is none of its own"):
            store.raw("BTC", FIRST, "v")


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": "2"}, {"rows": 3}, {"spot": "100"}, {"spot": None}, {"left_out": []}, {"asof": 5},
        {"symbol": {}}, {"digest": None}, {"synthetic": "no"}, {"version": 0}, {"version": -1},
    ],
    ids=str,
)  # fmt: skip
def test_malformed_facts(store: Store, changes: dict[str, object]) -> None:
    with_header(place_of(store), **changes)
    for call in (lambda: store.load("BTC"), lambda: store.table, lambda: store.append(small())):
        with pytest.raises(ReaderError, match="the snapshot cannot be read or is damaged"):
            call()


@pytest.mark.parametrize("header", [b"[]", b"7", b"{", b"\xff", b"[" * 5000, b'{"version": 1e999}'])
def test_headers_that_are_none(store: Store, header: bytes) -> None:
    path = place_of(store)
    pq.write_table(pq.read_table(path).replace_schema_metadata({b"gammaflow": header}), path)
    for call in (lambda: store.load("BTC"), lambda: store.table, lambda: store.raw("BTC", FIRST, "v")):
        with pytest.raises(ReaderError, match="the snapshot cannot be read or is damaged"):
            call()


def test_appending_again_repairs_damaged_columns(store: Store) -> None:
    path = place_of(store)
    assert not store.append(small())
    whole = path.read_bytes()
    for damage in (with_damaged_columns, lambda path: path.write_bytes(whole[:8] + bytes(40) + whole[48:])):
        damage(path)
        with pytest.raises(ReaderError, match="damaged"):
            store.load("BTC")
        assert store.append(small())
        assert path.read_bytes() == whole
        assert store.raw("BTC", FIRST, "v") == RAW
        assert not store.append(small())
    with_damaged_columns(path)
    with pytest.raises(ReaderError, match="values differ from those that were written"):
        store.append(small(spot=101.0))


def test_appending_again_repairs_damaged_raw_responses(store: Store) -> None:
    kept = sorted((place_of(store).parent / "_raw").iterdir())
    assert not store.append(small(), raw=RAW)
    kept[0].write_bytes(b"torn")
    kept[1].unlink()
    assert not store.append(small())  # nothing to repair them with
    assert store.append(small(), raw=RAW)
    assert store.raw("BTC", FIRST, "v") == RAW
    assert not store.append(small(), raw={"other": b"stays out"})
    assert store.raw("BTC", FIRST, "v") == RAW


@pytest.mark.skipif(os.name == "nt", reason="needs links")
def test_dangling_links(store: Store, tmp_path: Path) -> None:
    path = place_of(store)
    path.unlink()
    path.symlink_to(tmp_path / "nothing")
    for call in (
        lambda: store.append(small()),
        lambda: store.load("BTC"),
        lambda: store.raw("BTC", FIRST, "v"),
        lambda: store.table,
    ):
        with pytest.raises(ReaderError, match=r"damaged .*No such file"):
            call()
    assert len(store.verify()) == 1
    assert store.append(small(), replace=True)
    assert not path.is_symlink()
    same(store.load("BTC"), small())

    (store.path / "symbol=ETH").symlink_to(tmp_path / "nothing")
    with pytest.raises(ReaderError, match=r"symbol=ETH: a folder of the store is needed there"):
        store.append(small("ETH"))
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    with pytest.raises(SchemaError, match=r"link is a link to nothing; a store is a folder"):
        Store(tmp_path / "link")
    assert sorted(os.listdir(tmp_path)) == ["link", "store"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_pipes_and_devices(store: Store) -> None:
    path = place_of(store)
    for each in list(path.parent.joinpath("_raw").iterdir()):
        each.unlink()
        os.mkfifo(each)
    with pytest.raises(ReaderError, match=r"'one' of .* is missing or damaged .*is a pipe, not a file"):
        store.raw("BTC", FIRST, "v")
    for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero")):
        path.unlink()
        make(path)
        for call in (lambda: store.load("BTC"), lambda: store.table, lambda: store.append(small())):
            with pytest.raises(ReaderError, match=r"is a (pipe|device or a socket), not a file"):
                call()


@pytest.mark.parametrize("path", ["a\0b", "\ud800", "x" * 5000, None, 7, b"a\0b"], ids=ascii)
def test_paths_that_are_none(path: object) -> None:
    with pytest.raises(SchemaError, match=r"path: received .* it must be the path of a folder"):
        Store(path)  # type: ignore[arg-type]


def test_odd_paths_of_snapshots(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for path in ("a\0b", "x" * 5000, tmp_path):
        with pytest.raises(ReaderError):
            read_snapshot(path)
    (store.path / "symbol=ETH").write_bytes(b"")
    assert store.symbols == ("BTC",)
    assert store.list("ETH") == ()

    def refused(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refused)
    for call in (lambda: store.load("BTC"), lambda: store.symbols):
        with pytest.raises(ReaderError, match=r"the folder cannot be read .Permission denied"):
            call()
    assert store.verify()["problem"].tolist() == ["the folder cannot be read (Permission denied)."]


def test_limits_on_sizes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bomb in a kept response, a table of many cells, long text: one line, and little memory."""
    kept = sorted((place_of(store).parent / "_raw").iterdir())[0]
    kept.write_bytes(gzip.compress(bytes(2_000_000)))
    with monkeypatch.context() as patch:
        for module in (content, raw):
            patch.setattr(module, "LARGEST_FILE", 1_000_000)
        with pytest.raises(ReaderError, match=r"'one' of .* is missing or damaged .*has more than"):
            store.raw("BTC", FIRST, "v")
        with pytest.raises(SchemaError, match="raw: 'one' has 1,000,001 bytes; legal: up to 1,000,000"):
            store.append(small("ETH"), raw={"one": bytes(1_000_001)})
    with monkeypatch.context() as patch:
        patch.setattr(file, "MOST_CELLS", 20)
        with pytest.raises(ReaderError, match="it has 2 rows and 24 columns"):
            store.load("BTC")
        with pytest.raises(SchemaError, match="received 2 rows; a store keeps up to 0 a chain"):
            store.append(small("ETH"))
    monkeypatch.setattr(file, "_LONGEST_TEXT", 0)
    with pytest.raises(ReaderError, match="it has text of more than 0 characters"):
        store.load("BTC")


@pytest.mark.skipif(os.name == "nt", reason="needs permissions of POSIX")
def test_raw_responses_are_for_the_user_alone(store: Store) -> None:
    kept = list((place_of(store).parent / "_raw").iterdir())
    assert [stat.S_IMODE(path.stat().st_mode) for path in kept] == [0o600, 0o600]
    old = os.umask(0)
    try:
        store.append(small("ETH"), raw=b"{}")
    finally:
        os.umask(old)
    chain = store.list("ETH")[0].path
    assert stat.S_IMODE(chain.stat().st_mode) == 0o666
    assert [stat.S_IMODE(path.stat().st_mode) for path in chain.parent.joinpath("_raw").iterdir()] == [0o600]
    kept[0].chmod(0o644)
    store.append(small(), raw=RAW, replace=True)
    assert stat.S_IMODE(kept[0].stat().st_mode) == 0o600


def test_only_the_chains_that_are_asked_for_are_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day of 1,440 chains: names are compared as text, files are opened one by one as they are taken."""
    store = Store(tmp_path)
    store.append(small(asof="2026-02-05T00:00Z"))
    first = place_of(store)
    minutes = pd.date_range("2026-02-05T00:01Z", periods=1439, freq="min")
    for minute in minutes:
        os.link(first, first.with_name(first.name.replace("T000000", f"{minute:T%H%M%S}")))
    opened: list[Path] = []
    parsed: list[Path] = []
    parse = folder.snapshot_at

    def noted(path: Path) -> object:
        parsed.append(path)
        return parse(path)

    def opener(path: Path) -> Callable[[], None]:
        opened.append(path)
        raise ReaderError("opened")

    monkeypatch.setattr(folder, "snapshot_at", noted)
    monkeypatch.setattr(folder, "read_snapshot", opener)
    for call, most in (
        (lambda: next(store.between("BTC", minutes[700], minutes[702])), 1),
        (lambda: next(store.between("BTC", minutes[0], minutes[-1])), 1),
        (lambda: store.load("BTC", minutes[700]), 2),
    ):
        opened.clear(), parsed.clear()
        with pytest.raises(ReaderError, match="opened"):
            call()
        assert len(opened) == 1
        assert len(parsed) <= most
    assert opened[0].name.startswith("20260205T114100")
    began = time.process_time()
    assert len(store.list()) == 1440
    assert time.process_time() - began < 2.0
    window = [path.name for path in parsed[-1440:]]
    assert window == sorted(os.listdir(first.parent))


def test_bounds_of_a_window(tmp_path: Path) -> None:
    """Against a comparison of every timestamp, to the nanosecond, over midnight and with two vendors."""
    rng = np.random.default_rng(5)
    store = Store(tmp_path)
    midnight = pd.Timestamp("2026-02-06T00:00Z").as_unit("ns")
    moments = [midnight + pd.Timedelta(int(ns)) for ns in (-2, -1, 0, 1, 2, 10**9, -(10**9), 86_400 * 10**9)]
    for moment in moments:
        for vendor in ("v", "w-2"):
            store.append(small(asof=moment, vendor=vendor))
    for _ in range(12):
        first, last = sorted(moments[i] for i in rng.integers(0, len(moments), 2))
        found = [(chain.asof, chain.vendor) for chain in store.between("BTC", first, last)]
        assert found == sorted((m, v) for m in moments for v in ("v", "w-2") if first <= m <= last)
        assert store.load("BTC", last, vendor="w-2").asof == max(m for m in moments if m <= last)
