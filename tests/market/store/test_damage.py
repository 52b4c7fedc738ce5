"""Crashes, full disks, two writers, torn and altered files: nothing is lost, nothing false is read."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gammaflow.errors import ReaderError
from gammaflow.market.store import Store, durable, folder, read_snapshot
from support import store_crash
from support.store_crash import FIRST, answer, numbered_chain
from support.stores import same, small

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
CHILD = Path(store_crash.__file__)
APPENDS = 28  # over midnight, from the nineteenth on
KILLS = int(os.environ.get("GAMMAFLOW_KILLS", "1"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def files(store: Store) -> list[str]:
    return sorted(path.name for path in store.path.rglob("*") if path.is_file())


def started(store: Store, raw: bool = False, variant: int = 0) -> subprocess.Popen[str]:
    arguments = ["append", str(store.path), str(APPENDS), "raw" if raw else "plain", str(variant)]
    child = subprocess.Popen(
        [sys.executable, str(CHILD), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def release(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.close()


def lines(child: subprocess.Popen[str]) -> Iterator[str]:
    assert child.stdout is not None
    with child.stdout:
        yield from child.stdout
    child.wait()


@pytest.mark.slow
@pytest.mark.parametrize("raw", [False, True])
def test_killed_in_the_middle_of_appends(tmp_path: Path, raw: bool) -> None:
    chains = [numbered_chain(i) for i in range(APPENDS)]
    dice = random.Random(raw)
    torn = 0
    for kill in range(KILLS):
        store = Store(tmp_path / str(kill))
        child = started(store, raw)
        last = dice.randrange(APPENDS - 5)
        acknowledged = 0
        began = time.perf_counter()
        release(child)
        for line in lines(child):
            assert line == f"{acknowledged} True\n"
            acknowledged += 1
            if acknowledged == last + 1:
                time.sleep(dice.uniform(0.0, 1.5) * (time.perf_counter() - began) / acknowledged)
                child.kill()
        assert last < acknowledged < APPENDS
        assert child.returncode != 0
        torn += any(name.endswith(durable.TEMPORARY) for name in files(store))

        assert store.verify().empty
        assert acknowledged <= len(store) <= acknowledged + 1
        for i, snapshot in enumerate(store.list()):
            same(read_snapshot(snapshot.path), chains[i])
            assert store.raw("BTC", snapshot.asof, "crash") == (answer(i) if raw else {})
        there = len(store)
        said = [store.append(chain, raw=answer(i) if raw else None) for i, chain in enumerate(chains)]
        assert said == [False] * there + [True] * (APPENDS - there)
        assert store.verify().empty
        assert len(store) == APPENDS
        same(store.load("BTC"), chains[-1])
    print(f"{KILLS} kills, {torn} left a temporary file")


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
@pytest.mark.parametrize("scenario", ["new", "add raw", "replace"])
def test_dying_at_every_call_that_touches_files(tmp_path: Path, scenario: str) -> None:
    said = subprocess.run(
        [sys.executable, str(CHILD), "die", str(tmp_path), scenario],
        capture_output=True,
        text=True,
        check=True,
    )
    points = int(said.stdout)
    assert points > 10
    old, new = numbered_chain(0), numbered_chain(0, variant=scenario == "replace")
    seen = []
    for point in range(points):
        store = Store(tmp_path / str(point))
        if store.path.exists():
            assert store.verify().empty
        found = [read_snapshot(s.path).spot for s in store.list()]
        assert found in ([old.spot], [new.spot]) or (scenario == "new" and found == [])
        raw = store.raw("BTC", FIRST, "crash") if found else {}
        assert raw == (answer(0) if found == [new.spot] and raw else {})
        seen.append((found, bool(raw)))
        store.append(new, raw=answer(0), replace=True)
        same(store.load("BTC"), new)
        assert store.raw("BTC", FIRST, "crash") == answer(0)
    assert seen[-1] == ([new.spot], True)
    assert sorted(seen, key=lambda state: (state[0] == [new.spot], state[1])) == seen


@pytest.mark.slow
@pytest.mark.parametrize("variant", [0, 1])
def test_two_processes_append_at_once(store: Store, variant: int) -> None:
    children = [started(store, raw=True), started(store, raw=True, variant=variant)]
    for child in children:
        release(child)
    said = [list(lines(child)) for child in children]
    refused = "MismatchError" if variant else "False"
    for i, pair in enumerate(zip(*said, strict=True)):
        assert sorted(pair) == sorted([f"{i} True\n", f"{i} {refused}\n"])
    assert store.verify().empty
    for i, snapshot in enumerate(store.list()):
        winner = 0 if said[0][i] == f"{i} True\n" else variant
        same(read_snapshot(snapshot.path), numbered_chain(i, winner))


def test_leftovers_are_not_read_and_swept_after_an_hour(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append(small(), raw=b"{}")
    day = store.list()[0].path.parent
    old, old_raw, young = day / ".old.tmp", day / "_raw" / ".old.tmp", day / ".young.tmp"
    for path in (old, old_raw, young):
        path.write_bytes(b"PAR1 torn")
    for path in (old, old_raw):
        os.utime(path, (time.time() - 3700,) * 2)
    assert len(store) == 1
    assert store.verify().empty
    store.append(small(asof=FIRST + pd.Timedelta(days=3)))
    assert old.exists()
    later = time.monotonic() + 3601
    monkeypatch.setattr(time, "monotonic", lambda: later)
    store.append(small(asof=FIRST + pd.Timedelta(days=4)))
    assert [path.exists() for path in (old, old_raw, young)] == [False, False, True]
    os.utime(young, (time.time() - 3700,) * 2)
    Store(store.path).append(small(asof=FIRST + pd.Timedelta(days=5)))
    assert not young.exists()
    assert len(store) == 4


@pytest.mark.parametrize("cut", [0, 1, 4, 300, -300, -9, -1])
def test_torn_files(store: Store, cut: int) -> None:
    store.append(small(), raw=b"{}")
    store.append(small(asof=FIRST - pd.Timedelta(hours=1)))
    path = store.list()[1].path
    path.write_bytes(path.read_bytes()[:cut])
    words = (
        rf"{path.name}: the snapshot cannot be read or is damaged .*append the chain again with replace=True"
    )
    for call in (
        lambda: store.load("BTC"),
        lambda: list(store.between("BTC", FIRST, FIRST)),
        lambda: store.table,
        lambda: store.raw("BTC", FIRST, "v"),
        lambda: store.append(small()),
    ):
        with pytest.raises(ReaderError, match=words):
            call()
    problems = store.verify()
    assert problems["path"].tolist() == [path]
    assert "damaged" in problems["problem"][0]
    assert store.load("BTC", FIRST - pd.Timedelta(1)).asof == FIRST - pd.Timedelta(hours=1)
    assert store.append(small(), raw=b"{}", replace=True)
    assert store.verify().empty
    same(store.load("BTC"), small())


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_altered_bytes_never_make_another_chain(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    store = Store(tmp_path_factory.mktemp("altered"))
    store.append(small())
    path = store.list()[0].path
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with contextlib.suppress(ReaderError):
        same(store.load("BTC"), small())


def rewrite(path: Path, **changes: object) -> None:
    """Write the file anew with another header, its columns as they are, `strike` doubled where asked."""
    table = pq.read_table(path)
    header = json.loads(table.schema.metadata[b"gammaflow"])
    if changes.pop("strike", None):
        place = table.column_names.index("strike")
        table = table.set_column(place, "strike", pa.compute.multiply(table["strike"], 2.0))
    header = {name: value for name, value in (header | changes).items() if value is not None}
    pq.write_table(table.replace_schema_metadata({b"gammaflow": json.dumps(header)}), path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"spot": 101.0}, "its values differ from those that were written"),
        ({"strike": 2}, "its values differ from those that were written"),
        ({"left_out": {"x": 1}}, "its values differ from those that were written"),
        ({"digest": None, "raw": None}, "it lacks digest, raw"),
        ({"version": "1"}, "cannot be read or is damaged"),
    ],
)
def test_files_written_by_others(store: Store, changes: dict[str, object], words: str) -> None:
    store.append(small())
    rewrite(store.list()[0].path, **changes)
    with pytest.raises(ReaderError, match=words):
        store.load("BTC")
    assert words in store.verify()["problem"][0]


def test_files_that_do_not_belong(store: Store) -> None:
    store.append(small())
    path = store.list()[0].path
    for name in (
        "notes.txt",
        path.name.replace("-v", "-V"),
        path.name.replace("T22", "T25"),
        path.name + ".bak",
    ):
        path.with_name(name).write_bytes(path.read_bytes())
    other_day = path.parent.with_name("date=2026-02-09")
    other_day.mkdir()
    (other_day / path.name).write_bytes(path.read_bytes())
    (store.path / "symbol=btc").mkdir()
    assert len(store) == 1
    assert store.symbols == ("BTC",)
    problems = store.verify()
    assert len(problems) == 5
    assert set(problems["problem"]) == {"is not a file of a store, and is not read. Move it elsewhere."}

    renamed = path.rename(path.with_name(path.name.replace("T22", "T21")))
    for call in (
        lambda: store.load("BTC"),
        lambda: list(store.between("BTC", FIRST - pd.Timedelta(hours=1), FIRST)),
    ):
        with pytest.raises(
            ReaderError, match=r"was renamed or moved: it holds BTC from v as of .* Put it back at sym"
        ):
            call()
    pq.write_table(pq.read_table(renamed).replace_schema_metadata({}), renamed)
    with pytest.raises(ReaderError, match="is a parquet file, but not a snapshot of a store"):
        store.load("BTC")


def test_raw_answers_that_are_damaged(store: Store) -> None:
    store.append(small(), raw={"one": b"1" * 99})
    (path,) = store.list()[0].path.parent.joinpath("_raw").iterdir()
    whole = path.read_bytes()
    for content, words in (
        (whole[:-9], "raw response 'one' of .* is missing or damaged"),
        (b"", "was altered"),
        (b"{}", "is missing or damaged"),
        (gzip.compress(b"2"), "was altered. Restore it"),
    ):
        path.write_bytes(content)
        with pytest.raises(ReaderError, match=words):
            store.raw("BTC", FIRST, "v")
        assert len(store.verify()) == 1
    path.unlink()
    with pytest.raises(ReaderError, match="No such file"):
        store.raw("BTC", FIRST, "v")
    same(store.load("BTC"), small())
    store.append(small(), raw={"one": b"1" * 99}, replace=True)
    assert path.read_bytes() == whole


def test_a_full_disk_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.append(small())
    before = files(store)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        durable.write(store.path / "x", b"content", replace=True)
    monkeypatch.setattr(durable, "sync", lambda _: None)
    with pytest.raises(OSError, match="No space left"):
        store.append(small(asof=FIRST + pd.Timedelta(minutes=1)), raw=b"{}")
    assert files(store) == before
    monkeypatch.undo()
    assert store.append(small(asof=FIRST + pd.Timedelta(minutes=1)), raw=b"{}")


def test_a_writer_that_comes_second_sees_the_first(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process takes the name between the look at it and the writing."""
    real = folder.pack

    def overtaken(*arguments: object) -> bytes:
        monkeypatch.setattr(folder, "pack", real)
        Store(store.path).append(small())
        return real(*arguments)

    monkeypatch.setattr(folder, "pack", overtaken)
    assert not store.append(small())
    assert len(store) == 1
    assert not any(name.endswith(durable.TEMPORARY) for name in files(store))


def test_systems_without_hard_links_or_folders_to_flush(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.delattr(os, "O_DIRECTORY", raising=False)
    assert store.append(small())
    assert not store.append(small())
    same(store.load("BTC"), small())
    assert not durable.write(store.list()[0].path, b"other", replace=False)
    assert store.verify().empty
    assert not any(name.endswith(durable.TEMPORARY) for name in files(store))


def test_folders_deleted_meanwhile_are_made_again(store: Store) -> None:
    store.append(small())
    path = store.list()[0].path
    path.unlink()
    path.parent.rmdir()
    assert store.append(small())
    same(store.load("BTC"), small())
