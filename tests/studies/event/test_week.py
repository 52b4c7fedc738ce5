"""The week's chains and series: made up with known answers, from the record, and what is refused."""

import shutil

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.evidence import etf_flows
from gammaflow.studies import event


@pytest.fixture(scope="module")
def made_up():
    return event.read_week()


def test_made_up_numbers_hang_together(made_up):
    """Shares are coins times the price, flows whole baskets, the coin falls by 11 % more than at random."""
    assert made_up.made_up
    assert "made up: these numbers mean nothing" in repr(made_up)
    bars, fund = made_up.bars, made_up.fund
    assert (bars["low"] <= bars[["open", "close"]].min(axis=1)).all()
    np.testing.assert_array_equal(bars["close"].iloc[:-1], bars["open"].iloc[1:])
    close = fund.loc["2026-02-05", "Close"]
    assert close == pytest.approx(5.6712e-4 * bars.loc["2026-02-05T21:00Z", "open"])
    assert -0.2 < close / fund.loc["2026-02-04", "Close"] - 1.0 < -0.08
    baskets = made_up.flows / etf_flows.net_asset_values(bars) / 40_000
    assert (baskets - baskets.round()).abs().max() < 0.06  # flows have one decimal of a million
    again = event.read_week()
    pd.testing.assert_series_equal(again.flows, made_up.flows)


def test_the_chain_at_a_time(made_up):
    first, last = made_up.chains
    assert made_up.chain_at(last.asof) is last
    assert made_up.chain_at("2026-02-05T00:00Z") is first
    assert made_up.chain_at("2020-01-01T00:00Z") is first


def test_the_record(shared):
    week = event.read_week(shared / "data")
    assert not week.made_up
    assert len(week.chains) == 21
    assert [chain.asof for chain in week.chains] == sorted(chain.asof for chain in week.chains)
    assert f"{week.start.asof:%d %b}" == "15 Jan"
    assert week.fund.loc["2026-02-05", "Close"] == pytest.approx(36.10)
    assert week.flows["2026-02-05"] == pytest.approx(-175.3e6)
    assert week.futures["2026-02-05"] == pytest.approx(63_795)
    assert week.bars["low"].loc["2026-02-06"].min() == 60_000.0
    assert week.pools.totals["long"] == pytest.approx(170.3e6, rel=1e-3)
    assert "from the record" in repr(week)


def test_missing_files_are_named(shared, tmp_path):
    """All at once."""
    for name in ("event/daily_IBIT.csv", "event/daily_GLD.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(shared / "data" / name, tmp_path / name)
    with pytest.raises(gf.SchemaError) as error:
        event.read_week(tmp_path)
    lines = str(error.value).splitlines()
    assert len(lines) == 9
    assert any("no file event/daily_IGV.csv; add it, or leave the folder out" in line for line in lines)
    assert any("deribit_daily/" in line for line in lines)
    assert "GLD" not in str(error.value)


def test_no_chain_before_the_fall(shared, tmp_path):
    data = shared / "data"
    for part in ("event", "btc_market", "deribit_daily"):
        (tmp_path / part).symlink_to(data / part)
    (tmp_path / "deribit").mkdir()
    name = "deribit_options_snapshot_20260206T043012Z.csv"
    (tmp_path / "deribit" / name).symlink_to(data / "deribit" / name)
    with pytest.raises(gf.SchemaError, match="no chain of Deribit before 5 February"):
        event.read_week(tmp_path)


def test_no_folder(tmp_path):
    with pytest.raises(gf.SchemaError, match="which is not a folder"):
        event.read_week(tmp_path / "none")
