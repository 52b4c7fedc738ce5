"""Files of older and newer versions of the format."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gammaflow.errors import MismatchError, ReaderError
from gammaflow.market.chain import Chain
from gammaflow.market.store import Store, file
from gammaflow.schema import CHAIN
from support.stores import same, small

pq = pytest.importorskip("pyarrow.parquet")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_columns_of_the_format_version() -> None:
    """A change of the chain's columns needs a new file.VERSION, and an upgrade in file.UPGRADES."""
    assert file.VERSION == 3
    assert list(CHAIN) == [
        "contract", "expiry", "strike", "kind", "open_interest", "multiplier", "iv", "bid", "ask", "last",
        "mark", "volume", "forward", "rate", "dividend_yield", "vendor_delta", "vendor_gamma", "vendor_theta",
        "vendor_vega", "root", "settlement", "exercise", "quote_time", "open_interest_date",
    ]  # fmt: skip


def test_older_files_are_upgraded_and_newer_ones_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append(small())

    def doubled(header: Any, columns: Any) -> Any:
        return header | {"spot": 2 * header["spot"]}, columns | {"strike": 2 * columns["strike"]}

    monkeypatch.setattr(file, "VERSION", 5)
    monkeypatch.setattr(file, "UPGRADES", {3: doubled, 4: doubled})
    loaded = store.load("BTC")
    assert (loaded.spot, loaded["strike"].tolist()) == (400.0, [4.0, 8.0])
    assert not store.append(loaded)
    store.append(small("ETH"))
    monkeypatch.undo()
    same(store.load("BTC"), small())
    with pytest.raises(
        ReaderError, match=r"ETH.*newer gammaflow \(format 5; this one reads up to 3\)\. Update"
    ):
        store.load("ETH")
    with pytest.raises(ReaderError, match="newer gammaflow"):
        assert store.table.empty


def written_by_the_first_version(store: Store, chain: Chain) -> Path:
    """The file of a chain as format 1 wrote it: without venue, quote unit, file format and synthetic."""
    store.append(chain)
    (path,) = (snapshot.path for snapshot in store.list())
    table = pq.read_table(path)
    header = json.loads(table.schema.metadata[b"gammaflow"])
    for name in ("venue", "quote_unit", "file_format", "synthetic"):
        del header[name]
    header["version"] = 1
    first = ("version", "symbol", "spot", "asof", "vendor", "currency", "left_out", "rows")
    total = hashlib.sha256(json.dumps([header[name] for name in first]).encode())
    for name, values in chain.columns.items():
        total.update(f"{name} {values.dtype.str}".encode())
        if values.dtype == object:
            total.update(np.array([len(text) for text in values], dtype=np.int64).tobytes())
            total.update("".join(values).encode())
        else:
            total.update(values.tobytes())
    header["digest"] = total.hexdigest()
    pq.write_table(table.replace_schema_metadata({b"gammaflow": json.dumps(header).encode()}), path)
    return path


@pytest.mark.parametrize(
    ("vendor", "facts"),
    [
        ("deribit_json", ("Deribit", "coin", "deribit_json", False)),
        ("cboe_csv", ("US options", "currency", "cboe_csv", False)),
        ("synthetic demo", ("synthetic demo", "currency", "", True)),
        ("v", ("v", "currency", "", False)),
    ],
)
def test_a_file_of_the_first_version_is_told_by_its_vendor(store: Store, vendor: str, facts: Any) -> None:
    names = ("venue", "quote_unit", "file_format", "synthetic")
    chain = replace(small(vendor=vendor), **dict(zip(names, facts, strict=True)))
    path = written_by_the_first_version(store, chain)
    assert "venue" not in file.read_header(path)
    loaded = store.load("BTC")
    same(loaded, chain)
    assert tuple(getattr(loaded, name) for name in names) == facts
    assert not store.append(chain)
    with pytest.raises(MismatchError, match="they differ in quote_unit"):
        store.append(replace(chain, quote_unit="currency" if facts[1] == "coin" else "coin"))
    assert store.verify().empty


def test_new_facts_are_kept(store: Store) -> None:
    chain = replace(small(), venue="X", quote_unit="coin", file_format="f", synthetic=True)
    store.append(chain)
    same(store.load("BTC"), chain)
    with pytest.raises(MismatchError, match="they differ in venue, synthetic"):
        store.append(replace(chain, venue="Y", synthetic=False))
