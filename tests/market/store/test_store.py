from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.errors import MismatchError, ReaderError, SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.readers import read_chain
from gammaflow.market.store import Snapshot, Store, read_snapshot
from gammaflow.market.store.file import digest
from gammaflow.market.store.names import place, snapshot_at
from support.store_crash import FIRST
from support.stores import same, small

pq = pytest.importorskip("pyarrow.parquet")
DEMO = gf.demo_chain()
LATER = pd.Timedelta(hours=6)


def only_file(store: Store) -> Path:
    (snapshot,) = store.list()
    return snapshot.path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_a_loaded_chain_is_the_one_that_was_stored(store: Store) -> None:
    assert store.append(DEMO)
    loaded = store.load("BTC")
    same(loaded, DEMO)
    assert str(loaded.quality) == str(DEMO.quality)
    times = small(quote_time=[FIRST, pd.NaT], open_interest_date=[pd.NaT, FIRST.normalize()])
    store.append(times)
    same(store.load("BTC"), times)


def test_real_chains(store: Store, shared: Path) -> None:
    data = shared / "data"
    chains = [
        read_chain(data / "cboe" / "spx_20230914_carlosjimenezdiaz.csv"),
        read_chain(data / "yahoo_cboe_json" / "IBIT_20260712T0957ET.json"),
        read_chain(data / "raw_formats" / "mimir_deribit_book_summary.json"),
        *(
            read_chain(path, symbol=symbol)
            for path in sorted((data / "deribit").glob("deribit_options_snapshot_2026020[56]*.csv"))
            for symbol in ("BTC", "ETH")
        ),
    ]
    for chain in chains:
        assert store.append(chain)
    assert len(store) == len(chains) == 17
    assert store.symbols == ("BTC", "ETH", "IBIT", "SPX")
    for chain in chains:
        same(store.load(chain.symbol, chain.asof), chain)
        assert not store.append(chain)
    assert store.verify().empty
    table = store.table
    assert table["rows"].sum() == sum(map(len, chains))
    assert table["bytes"].sum() == sum(s.path.stat().st_size for s in store.list())


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
# Up to 12 characters of a file's name for each of a vendor's, and 100 in all.
VENDOR = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
POSITIVE = st.floats(1e-30, 1e30)
ANY = st.one_of(st.just(np.nan), st.floats(-1e30, 1e30))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_odd_values_survive(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    rows = data.draw(st.integers(1, 5))
    moments = st.datetimes(pd.Timestamp("1900-01-02"), pd.Timestamp("2189-12-30")).map(
        lambda moment: (
            pd.Timestamp(moment, tz="UTC").as_unit("ns") + pd.Timedelta(data.draw(st.integers(0, 999)))
        )
    )

    def column(values: Any, **arguments: Any) -> Any:
        return data.draw(st.lists(values, min_size=rows, max_size=rows, **arguments))

    strikes, spot = column(POSITIVE), data.draw(POSITIVE)
    chain = Chain(
        {
            "contract": column(TEXT, unique=True),
            "expiry": pd.DatetimeIndex(column(moments)),
            "strike": strikes,
            "kind": column(st.sampled_from(["call", "put"])),
            "open_interest": column(st.one_of(st.just(np.nan), st.just(-0.0), POSITIVE)),
            "multiplier": column(POSITIVE),
            "iv": column(st.floats(0.0, 5.0)),
            "vendor_delta": column(ANY),
            "root": column(TEXT),
            "settlement": column(TEXT),
            "quote_time": pd.DatetimeIndex(column(st.one_of(st.none(), moments)), tz="UTC"),
        },
        # Strikes all far above spot are refused, and so are volatilities in percent.
        data.draw(TEXT), max(spot, min(strikes)), data.draw(moments), data.draw(VENDOR), data.draw(TEXT),
        data.draw(st.dictionaries(TEXT, st.integers(1, 10**12), max_size=3)),
    )  # fmt: skip
    store = Store(tmp_path_factory.mktemp("odd"))
    assert store.append(chain)
    assert not store.append(chain)
    assert store.symbols == (chain.symbol,)
    (snapshot,) = store.list(chain.symbol)
    assert (snapshot.symbol, snapshot.asof, snapshot.vendor) == (chain.symbol, chain.asof, chain.vendor)
    same(store.load(chain.symbol, chain.asof), chain)


@pytest.mark.parametrize(
    "symbol",
    ["^SPX", "SOL_USDC", "BRK.B", "../up", "a/b\\c", "con", "Brent", "", ".", "%41", "指数", "x y:*?"],
)
def test_odd_symbols_are_folders_of_their_own(store: Store, symbol: str) -> None:
    chain = small(symbol, vendor="Ven/Dor")
    store.append(chain)
    store.append(small("BRENT"))
    path = store.list(symbol)[0].path
    assert path.parents[2] == store.path
    assert set(path.relative_to(store.path).as_posix()) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789%_-=./"
    )
    assert "." not in path.parent.as_posix().removeprefix(store.path.as_posix())
    assert snapshot_at(path) == Snapshot(symbol, chain.asof, "Ven/Dor", path)
    same(store.load(symbol, vendor="Ven/Dor"), chain)
    assert store.symbols == tuple(sorted({symbol, "BRENT"}))


def test_names_tell_symbols_apart_where_case_does_not() -> None:
    names = [
        str(place(symbol, FIRST, vendor)).lower() for symbol in ("BTC", "btc", "Btc") for vendor in ("v", "V")
    ]
    assert len(set(names)) == 6


def test_appending_again_changes_nothing(store: Store) -> None:
    chain = small()
    assert store.append(chain)
    before = only_file(store).stat()
    assert not store.append(small())
    other_nan = np.array([0x7FF8000000000001, 0xFFF8000000000000], dtype=np.uint64).view(np.float64)
    assert not store.append(small(open_interest=[1.0, other_nan[0]], iv=[0.5, other_nan[1]]))
    assert only_file(store).stat().st_mtime_ns == before.st_mtime_ns
    assert store.append(small(vendor="w"))
    assert store.append(small(asof=FIRST + pd.Timedelta(1)))
    assert len(store) == 3


def test_another_chain_in_the_same_place_is_refused(store: Store) -> None:
    store.append(small())
    for other, words in (
        (small(spot=101.0), "differ in spot"),
        (small(strike=[1.0, 3.0], contract=["a", "c"]), "differ in contract, strike"),
        (small(iv=[0.5, 0.5]), "differ in iv"),
        (DEMO.with_columns(strike=DEMO["strike"] / 700.0, forward=np.nan), None),
    ):
        if words is None:
            other = Chain(other.columns, "BTC", 100.0, FIRST, "v")
            words = r"differ in rows \(598 and 2\)"
        with pytest.raises(MismatchError, match=words + r"\. Pass replace=True"):
            store.append(other)
        same(store.load("BTC"), small())
    assert store.append(other, replace=True)
    same(store.load("BTC"), other)


def test_only_the_past_is_seen(store: Store) -> None:
    moments = [FIRST + LATER * i for i in (3, 0, 1, 2)]
    for moment in moments:
        store.append(small(asof=moment))
    assert store.load("BTC").asof == FIRST + 3 * LATER
    for i in range(4):
        at = FIRST + LATER * i
        assert store.load("BTC", at).asof == at
        assert store.load("BTC", (at + LATER - pd.Timedelta(1)).tz_convert("Asia/Tokyo")).asof == at
    with pytest.raises(
        SchemaError, match=r"'BTC': no chain at or before 2026-02-05 22:00:00\+00:00 in .*4 chains of 'BTC'"
    ):
        store.load("BTC", FIRST - pd.Timedelta(1))
    found = [chain.asof for chain in store.between("BTC", FIRST + pd.Timedelta(1), FIRST + 2 * LATER)]
    assert found == [FIRST + LATER, FIRST + 2 * LATER]
    assert list(store.between("BTC", FIRST - LATER, FIRST - pd.Timedelta(1))) == []
    assert list(store.between("ETH", FIRST, FIRST)) == []


def test_vendors_of_one_moment_are_told_apart(store: Store) -> None:
    store.append(small())
    store.append(small(vendor="w", spot=101.0))
    with pytest.raises(
        MismatchError, match=r"BTC: 2 vendors have a chain as of .*: 'v', 'w'\. Pick one with vendor="
    ):
        store.load("BTC")
    assert store.load("BTC", vendor="w").spot == 101.0
    assert [chain.vendor for chain in store.between("BTC", FIRST, FIRST)] == ["v", "w"]
    assert [chain.vendor for chain in store.between("BTC", FIRST, FIRST, vendor="w")] == ["w"]
    with pytest.raises(SchemaError, match="'BTC': no chain from 'x' at or before any time"):
        store.load("BTC", vendor="x")


def test_lists(store: Store) -> None:
    assert (store.list(), store.symbols) == ((), ())
    assert store.table.empty
    assert repr(store) == f"Store {store.path}: nothing"
    with pytest.raises(SchemaError, match="which holds nothing"):
        store.load("BTC")
    with pytest.raises(SchemaError, match=r"there is no folder .*store"):
        store.verify()
    store.append(small("ETH", spot=7.0))
    store.append(small(asof=FIRST + LATER))
    store.append(small())
    with pytest.raises(SchemaError, match="nothing for it, but 'BTC', 'ETH'"):
        store.load("SOL")
    assert [(s.symbol, s.asof) for s in store.list()] == [
        ("BTC", FIRST), ("BTC", FIRST + LATER), ("ETH", FIRST)
    ]  # fmt: skip
    assert repr(store).endswith("3 chains of 'BTC', 'ETH', 2026-02-05 22:00:00 .. 2026-02-06 04:00:00 UTC")
    table = store.table
    assert table.drop(columns="bytes").to_dict("list") == {
        "symbol": ["BTC", "BTC", "ETH"], "asof": [FIRST, FIRST + LATER, FIRST], "vendor": ["v"] * 3,
        "rows": [2] * 3, "spot": [100.0, 100.0, 7.0],
    }  # fmt: skip
    assert (table["bytes"] > 0).all()
    for snapshot in store.list():
        assert read_snapshot(snapshot.path).asof == snapshot.asof


def test_raw_answers_are_kept(store: Store) -> None:
    assert store.append(small(), raw=b"{}" * 9)
    assert store.raw("BTC", FIRST, "v") == {"answer": b"{}" * 9}
    assert not store.append(small(), raw=b"other")
    assert not store.append(small())
    assert store.raw("BTC", "2026-02-05T23:00:00.000000001+01:00", "v") == {"answer": b"{}" * 9}
    assert store.append(small(), raw=b"other", replace=True)
    assert store.raw("BTC", FIRST, "v") == {"answer": b"other"}
    assert len(store) == 1
    answers = {"Book/Summary.json": b"\x00\xff", "": b""}
    store.append(small("ETH"))
    assert store.raw("ETH", FIRST, "v") == {}
    assert store.append(small("ETH"), raw=answers)
    assert not store.append(small("ETH"), raw=answers)
    assert store.raw("ETH", FIRST, "v") == answers
    same(store.load("ETH"), small("ETH"))
    assert store.verify().empty
    with pytest.raises(
        SchemaError, match=r"no chain from 'w' as of 2026-02-05 .* which holds 1 chains of 'BTC'"
    ):
        store.raw("BTC", FIRST, "w")


def test_the_folder_is_hive_partitioned(store: Store) -> None:
    dataset = pytest.importorskip("pyarrow.dataset")
    store.append(small("^SPX"), raw=b"{}")
    store.append(small("^SPX", FIRST + LATER))
    store.list()[0].path.with_name(".x.tmp").write_bytes(b"torn")
    table = (
        dataset.dataset(store.path, partitioning="hive")
        .to_table(columns=["strike", "symbol", "date"])
        .to_pandas()
    )
    assert table["strike"].tolist() == [1.0, 2.0] * 2
    assert table["symbol"].tolist() == ["^SPX"] * 4
    assert table["date"].astype(str).tolist() == ["2026-02-05"] * 2 + ["2026-02-06"] * 2


@pytest.mark.parametrize(
    ("chain", "arguments", "words"),
    [
        (DEMO.to_frame(), {}, "chain: received DataFrame; a Chain is needed"),
        (gf.repair_chain(DEMO), {}, r"received RepairedChain; .* Pass its \.original"),
        (small(contract=[1, 2]), {}, "contract: holds 1, which is int; a store keeps Unicode text"),
        (small(vendor="Ж" * 20), {}, r"vendor: received 'Ж+'?, which takes 120 .*legal: up to 100"),
        (small("Ж" * 40), {}, r"symbol: received 'Ж+'?, which takes 240 characters .*legal: up to 200"),
        (small(vendor="v" * 101), {}, "vendor: received 'v+, which takes 101 characters"),
        (small(), {"raw": "text"}, "raw: 'answer' is str; bytes are needed"),
        (small(), {"raw": {1: b"", "x": 2}}, "raw: 'x' is int; bytes are (.|\n)*raw: received 1; text is"),
        (small(), {"raw": {"x" * 81: b""}}, "raw: received 'x+.*, which takes 81 characters"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused(store: Store, chain: Any, arguments: Any, words: str) -> None:
    with pytest.raises(SchemaError, match=words):
        store.append(chain, **arguments)
    assert not store.path.exists()


def test_illegal_arguments(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path, words in (
        (3, "path: received 3; it must be the path of a folder"),
        (tmp_path / "file", "file is a file; a store"),
    ):
        with pytest.raises(SchemaError, match=words):
            Store(path)  # type: ignore[arg-type]
    for call, words in (
        (lambda: store.load(3), "symbol: received 3; text is needed"),
        (lambda: store.load("BTC", "2026-02-05"), "asof: received '2026-02-05', which has no time zone"),
        (lambda: store.raw("BTC", FIRST, None), "vendor: received None; text is needed"),
        (lambda: store.list(b"BTC"), "symbol: received b'BTC'"),
        (lambda: store.between(None, "soon", FIRST), "(?s)first: received 'soon'.*symbol: received None"),
        (lambda: store.between("BTC", FIRST + LATER, FIRST), r"first: received .*, which is after last"),
    ):
        with pytest.raises(SchemaError, match=words):
            call()


def test_without_its_library(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.append(small())
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for call in (lambda: store.load("BTC"), lambda: store.append(small("ETH")), lambda: store.table):
        with pytest.raises(
            ReaderError, match=r"pyarrow is not installed.*Install gammaflow-engine\[parquet\]"
        ):
            call()
    assert len(store.list()) == 1


def test_columns_of_one_value_are_read_faster_and_lose_no_bit(store: Store) -> None:
    """A value that differs in its bits alone (another NaN, -0.0) is another value."""
    odd = np.array([0x7FF8000000000000, 0xFFF8000000000001], np.uint64).view(np.float64)
    chain = small(last=odd, rate=[0.0, -0.0], volume=[7.0, 7.0])
    store.append(chain)
    loaded = read_snapshot(only_file(store))
    for name in ("last", "rate", "volume"):
        assert loaded[name].tobytes() == chain[name].tobytes()
    group = pq.ParquetFile(only_file(store)).metadata.row_group(0)
    kept = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    for name in ("volume", "dividend_yield", "quote_time", "exercise", "asof"):
        assert kept[name].compression == "UNCOMPRESSED"
        assert kept[name].has_dictionary_page
    for name in ("last", "rate", "strike", "contract"):
        assert kept[name].compression == "ZSTD"
        assert not kept[name].has_dictionary_page


def test_digests_are_of_names_types_lengths_and_bytes() -> None:
    """As they have been since the first version, which files of any version rely on."""
    chain = small(contract=["caf\u00e9", "\u65e5\u672c\U0001f680"], root=["", "\u00df"])
    facts = [
        3, chain.symbol, chain.spot, chain.asof.isoformat(), chain.vendor, chain.currency, {}, 2,
        chain.venue, chain.quote_unit, chain.file_format, chain.synthetic,
    ]  # fmt: skip
    total = hashlib.sha256(json.dumps(facts).encode())
    for name, values in chain.columns.items():
        total.update(f"{name} {values.dtype.str}".encode())
        if values.dtype == object:
            total.update(np.array([len(text) for text in values], np.int64).tobytes())
            total.update("".join(values).encode())
        else:
            total.update(values.tobytes())
    assert digest(chain) == total.hexdigest()


def test_a_file_of_any_encoding_loads(store: Store) -> None:
    """Dictionaries of text or none, and other compression: what earlier versions and other tools write."""
    store.append(DEMO)
    path = only_file(store)
    table = pq.ParquetFile(path).read()
    for options in ({"use_dictionary": True}, {"use_dictionary": False, "compression": "snappy"}):
        pq.write_table(table, path, **options)
        same(read_snapshot(path), DEMO)
