"""Files of a store, copied away from it."""

import gzip
import io

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import ReaderError
from gammaflow.market.store.file import differences

pq = pytest.importorskip("pyarrow.parquet")


@pytest.fixture(scope="module")
def chain():
    curve = pd.Series([0.04, 0.03], pd.to_datetime(["2026-06-30", "2027-06-30"]))
    return gf.market.given.with_carry(gf.demo_chain(), gf.RateCurve(curve), None)


@pytest.fixture(scope="module")
def copy(chain, tmp_path_factory):
    """The file of a chain under another name."""
    folder = tmp_path_factory.mktemp("store")
    gf.Store(folder / "store").append(chain)
    (path,) = folder.rglob("*.parquet")
    return path.rename(folder / "copy.pq")


def test_it_is_the_chain_that_was_stored(chain, copy):
    for path in (
        copy,
        str(copy),
        io.BytesIO(copy.read_bytes()),
        io.BytesIO(gzip.compress(copy.read_bytes())),
    ):
        assert differences(gf.read_chain(path), chain) == []
    for vendor in ("gammaflow", "gammaflow_snapshot"):
        assert gf.read_chain(copy, vendor=vendor).rate_curve == chain.rate_curve
    found = gf.run_batch(copy).table
    assert found["gamma"].tolist() == [gf.summarize(chain)["gamma"]]


def test_what_is_given_goes_before_the_file(chain, copy):
    found = gf.read_chain(copy, symbol="BTC", spot=70_000.0, asof="2026-02-05T10:00Z", rate=0.01)
    assert (found.spot, found.asof.hour, set(found["rate"])) == (70_000.0, 10, {0.01})
    np.testing.assert_array_equal(found["iv"], chain["iv"])
    assert gf.read_chain(copy, symbol="btc").symbol == "BTC"
    with pytest.raises(ReaderError, match=r"symbol='ETH' is not in the file; it holds BTC\."):
        gf.read_chain(copy, symbol="ETH")
    with pytest.raises(ReaderError, match="received vendor='cboe', but the file is 'gammaflow_snapshot'"):
        gf.read_chain(copy, vendor="cboe")


def test_a_changed_file_is_damage(copy, tmp_path):
    content = pq.read_table(copy)
    strikes = content.column("strike").to_numpy().copy()
    strikes[3] += 1.0
    place = content.column_names.index("strike")
    pq.write_table(content.set_column(place, "strike", [strikes]), tmp_path / "a.parquet")
    with pytest.raises(ReaderError, match=r"a\.parquet: the snapshot cannot be read or is damaged"):
        gf.read_chain(tmp_path / "a.parquet")
