"""Repair of real chains: rows gained, forwards within their error, dirty chains counted."""

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.market.repair.flags import CROSSED
from gammaflow.market.repair.repair import repair_chain
from gammaflow.market.repair.terms import Terms


def read(shared, path, **how):
    return gf.read_chain(shared / "data" / path, **how)


@pytest.fixture(scope="module")
def repaired_spx(shared):
    return repair_chain(read(shared, "cboe/spx_20230914_carlosjimenezdiaz.csv"))


LISTED = {
    "cboe/spx_20220205_LucaCastelli.csv": (0.993, 1.0, 95.5, 17_500),
    "cboe/spx_20230914_carlosjimenezdiaz.csv": (0.964, 0.985, 93.2, 1_100),
    "cboe/spy_20230914_carlosjimenezdiaz.csv": (0.939, 0.978, 90.6, 2_500),
    "yahoo_cboe_json/IBIT_20260710T1937ET.json": (0.927, 0.927, 91.8, 100),
    "yahoo_cboe_json/IBIT_20260714T2010ET.json": (0.999, 0.999, 90.8, 1_100),
}


@pytest.mark.parametrize("path", LISTED)
def test_listed_chains_gain_rows_and_reprice_their_mids(shared, path):
    before, after, score, replaced = LISTED[path]
    repaired = repair_chain(read(shared, path))
    quality = repaired.quality
    assert quality.before.usable_share == pytest.approx(before, abs=2e-3)
    assert quality.usable_share >= after
    assert quality.score == pytest.approx(score, abs=0.06)
    assert quality.score >= quality.before.score
    assert sum(quality.replaced.values()) > replaced
    terms = Terms(repaired, coin=False, table=repaired.forwards)
    rows = np.flatnonzero(repaired.marks["iv_source"] == "mid")
    mid = repaired.marks["mid"].to_numpy()[rows]
    early = terms.american[rows]
    price = terms.price(rows, repaired["iv"][rows])
    np.testing.assert_allclose(price[~early], mid[~early], rtol=1e-10)
    scale = repaired.spot + repaired["strike"][rows]
    assert (np.abs(price - mid) <= 2e-9 * scale)[early].all()


def test_spx_rates_are_those_of_the_day(repaired_spx):
    table = repaired_spx.forwards
    firm = table[table["rate_source"] == "parity"]
    assert len(firm) > 25
    assert firm["rate"].between(0.053, 0.062).all()
    assert firm["carry"].between(-0.001, 0.016).all()
    year = firm[firm["years"].between(0.5, 1.4)]
    assert year["carry"].between(0.011, 0.0125).all()


def test_deribit_forwards_agree_with_the_vendors_within_their_error(shared):
    """Median within 2 bp on liquid expiries; 1 and 2 stated errors hold about what a normal error would.

    Of snapshots hours apart every other one.
    """
    found = []
    for path in sorted((shared / "data/deribit").glob("deribit_options_snapshot_*.csv"))[::2]:
        for symbol in ("BTC", "ETH"):
            table = repair_chain(gf.read_chain(path, symbol=symbol)).forwards
            found.append(table[table["forward"].notna()].assign(symbol=symbol))
    table = pd.concat(found)
    assert len(table) > 291
    liquid = table[table["liquid"]]
    median = liquid["difference"].abs().groupby(liquid["symbol"]).median()
    assert (liquid["symbol"].value_counts() > 72).all()
    assert (median < 2.0).all()
    z = ((table["forward"] - table["vendor_forward"]) / table["error"]).abs()
    assert 0.65 < (z < 1).mean() < 0.80
    assert (z < 2).mean() > 0.93
    assert table["vendor_forward"].between(table["low"], table["high"]).mean() > 0.99


def test_dirty_chains_end_counted(shared, repaired_spx):
    chain = read(shared, "cboe/spx_20230914_carlosjimenezdiaz.csv")
    rng = np.random.default_rng(3)
    half = rng.random(len(chain)) < 0.5
    zeroed = repair_chain(chain.with_columns(iv=np.where(half, 0.0, chain["iv"])))
    assert zeroed.quality.before.usable_share < 0.55
    assert zeroed.quality.usable_share > 0.92
    assert sum(zeroed.quality.unrepaired.values()) == len(chain) - 296 - zeroed.quality.usable
    clean, again, mids = (
        gf.aggregate_exposure(gf.assign_positions(c)).total()["gamma"] / 1e6
        for c in (repaired_spx, zeroed, repair_chain(chain, prefer="mid"))
    )
    # Half the volatilities of the vendor's that price their quotes are gone: nearer to those from mids.
    assert clean == pytest.approx(23_050, rel=1e-3)
    assert mids == pytest.approx(22_095, rel=1e-3)
    assert again == pytest.approx(22_528, rel=1e-3)
    crossed = repair_chain(chain.with_columns(bid=np.where(half, chain["ask"] * 1.01 + 0.05, chain["bid"])))
    assert crossed.quality.flags[CROSSED] > 9_000
    assert crossed.quality.score < 80
    lost = repair_chain(chain.with_columns(open_interest=np.where(half, np.nan, chain["open_interest"])))
    assert lost.quality.checks["open interest known"] == pytest.approx(0.5, abs=0.02)
    assert lost.quality.score < 55


def test_spy_carry_is_its_yield_once_early_exercise_is_taken_off(shared):
    """Parity of the American quotes alone says 2.0 % at one year, 2.5 % at 2.3; the fund pays 1.5 %."""
    repaired = repair_chain(read(shared, "cboe/spy_20230914_carlosjimenezdiaz.csv"), rate=0.054)
    table = repaired.forwards
    far = table[table["years"] > 0.5]
    assert far["carry"].between(0.0115, 0.016).all()
    assert not table["on_forward"].iloc[1:].any()
    assert repaired.quality.flags["volatility reprices outside the quote"] < 400


def test_an_after_hours_spot_is_seen(shared):
    """SPY fell 0.8 % after the close of 2025-05-16; the file's spot knows it, its options do not."""
    quality = repair_chain(read(shared, "cboe/spy_20250516_Photon1c.csv")).quality
    assert quality.spot_gap == pytest.approx(81.7e-4, abs=2e-4)
    assert quality.hours_since_close == pytest.approx(3.13, abs=0.01)
    assert quality.forwards["on_forward"].all()
    assert sum(quality.flags.values()) < 30
