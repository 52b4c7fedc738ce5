import math

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.repair.repair import repair_chain
from gammaflow.studies.data import sensitivity
from support.markets import SPOT, market

ROWS = [
    "vendor gamma",
    "vendor volatility",
    "vendor volatility, rates found",
    "repaired",
    "repaired, legs apart",
    "repaired, from mids",
    "business days / 252",
    "midnight UTC",
]


def small(asof="2026-02-06T20:00:00Z", **changes):
    """Two strikes of three expiries: of a Friday seen at 15:00 New York, of Monday, and in a fortnight."""
    expiry = pd.DatetimeIndex(["2026-02-06T21:00Z", "2026-02-09T21:00Z", "2026-02-20T21:00Z"]).repeat(2)
    columns = {
        "contract": list("abcdef"),
        "expiry": expiry,
        "strike": [98.0, 103.0] * 3,
        "kind": ["put", "call"] * 3,
        "open_interest": [10.0, 20.0, 30.0, 40.0, 50.0, 60.0],
        "multiplier": [100.0] * 6,
        "iv": [0.5, 0.45, 0.4, 0.35, 0.3, 0.25],
        "rate": [0.04] * 6,
        "dividend_yield": [0.01] * 6,
        "vendor_gamma": [0.1, 0.09, 0.08, 0.07, 0.06, np.nan],
        "settlement": ["PM"] * 6,
    }
    return Chain(columns | changes, "X", 100.0, pd.Timestamp(asof))


def gamma(chain, years, signs):
    greeks = gf.bsm.greeks(
        chain["kind"], 100.0, chain["strike"], years, chain["rate"], chain["iv"], chain["dividend_yield"]
    )
    return (signs * chain["open_interest"] * 100.0 * greeks.gamma).sum() * 100.0**2 * 0.01


def test_every_treatment_is_what_it_says():
    chain = small()
    table = sensitivity(chain).table
    assert table.index.tolist() == ROWS
    signs = np.array([-1.0, 1.0] * 3)
    vendor = np.nansum(signs * chain["open_interest"] * 100 * chain["vendor_gamma"]) * 100.0**2 * 0.01
    assert table.loc["vendor gamma", ["gamma", "rows", "open_interest"]].tolist() == pytest.approx(
        [vendor, 5, 150]
    )
    assert np.isnan(table.loc["vendor gamma", "nearest_flip"])
    assert table.loc["vendor volatility", "gamma"] == pytest.approx(
        gamma(chain, chain.years, signs), rel=1e-12
    )
    days = np.array([1, 1, 1, 1, 10, 10]) / 252
    assert table.loc["business days / 252", "gamma"] == pytest.approx(gamma(chain, days, signs), rel=1e-9)
    midnight = small(expiry=chain.to_frame()["expiry"].dt.normalize())
    alive = midnight.years > 0
    kept = gamma(midnight, np.where(alive, midnight.years, 1e-9), np.where(alive, signs, 0.0))
    assert alive.sum() == 4
    assert table.loc["midnight UTC", "gamma"] == pytest.approx(kept, rel=1e-9)
    assert table.loc["midnight UTC", "rows"] == 4
    assert (table["of_repaired"] == table["gamma"] / table.loc["repaired", "gamma"]).all()
    assert table.loc["repaired", "flips"] >= 1
    assert 90 < table.loc["repaired", "nearest_flip"] < 110


def test_the_business_clock_keeps_an_option_that_expired_today_and_drops_yesterdays():
    evening = sensitivity(small("2026-02-06T22:00:00Z"), business_days=262).table
    assert evening.loc["vendor volatility", "rows"] == 4
    assert evening.loc["business days / 262", "rows"] == 6
    later = sensitivity(small("2026-02-07T16:00:00Z")).table
    assert later.loc["business days / 252", "rows"] == 4
    signs = np.array([0.0, 0.0, -1.0, 1.0, -1.0, 1.0])
    # From a Saturday no weekday lies before Monday: one day.
    years = np.array([1, 1, 1, 1, 9, 9]) / 252
    assert later.loc["business days / 252", "gamma"] == pytest.approx(gamma(small(), years, signs), rel=1e-9)


def test_rules_and_repaired_chains_are_accepted():
    chain = small()
    table = sensitivity(chain).table
    pd.testing.assert_frame_equal(sensitivity(repair_chain(chain)).table, table)
    mirror = sensitivity(chain, gf.positioning.MIRROR).table
    np.testing.assert_allclose(mirror["gamma"], -table["gamma"], rtol=1e-12)


def test_a_treatment_without_rows_says_so():
    found = sensitivity(
        small(vendor_gamma=[np.nan] * 6, expiry=small().to_frame()["expiry"].iloc[[0] * 6].array)
    )
    table = found.table
    assert "midnight UTC: not available (no row has a position, an implied vol and time left)" in found.lines
    assert table.loc["vendor gamma", "rows"] == 0
    assert table.loc["midnight UTC", "rows"] == 0
    assert table.loc[["vendor gamma", "midnight UTC"], "gamma"].isna().all()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"vendor_gamma": [np.nan] * 6}, "the chain has no vendor gammas"),
        ({"vendor_gamma": [0.0, np.nan] * 3}, "no row has a position and a vendor gamma other than 0"),
        ({"asof": "2026-03-06T20:00:00Z"}, "every row has expired"),
    ],
)
def test_the_text_says_why_there_is_no_vendor_gamma(changes, reason):
    assert f"vendor gamma: not available ({reason})" in sensitivity(small(**changes)).summary()


def test_a_row_has_the_rates_and_yields_that_analyze_uses():
    """Of quotes made at 4.5 % and 1.3 % without saying so: Black-76 on their forwards."""
    chain = market(days=(60.0, 400.0), rate=0.045, carry=0.013)
    row = sensitivity(chain, "short_all").table.loc["vendor volatility, rates found"]
    right = 0.0
    for k, t, iv, n in zip(chain["strike"], chain.years, chain["iv"], chain["open_interest"], strict=True):
        forward = SPOT * math.exp(0.032 * t)
        d1 = math.log(forward / k) / (iv * math.sqrt(t)) + 0.5 * iv * math.sqrt(t)
        density = math.exp(-0.5 * d1 * d1) / math.sqrt(2.0 * math.pi)
        right -= n * 100 * math.exp(-0.045 * t) * density * forward / (iv * math.sqrt(t)) * 0.01
    assert row["gamma"] == pytest.approx(right, rel=1e-5)
    assert row["gamma"] == pytest.approx(gf.analyze(chain, rule="short_all").levels.gamma, rel=1e-12)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"rule": "longs"}, "rule: received 'longs'"),
        ({"rule": np.ones(6)}, "rule: received ndarray"),
        ({"business_days": 0}, "business_days: received 0"),
        ({"rate": "x"}, "rate: received 'x'"),
    ],
)
def test_illegal_arguments(how, words):
    with pytest.raises(SchemaError, match=words):
        sensitivity(small(), **how)


def test_spx_of_2023_09_14(shared):
    """The data move the headline from 13.7bn to 29.6bn; repaired and from mids they agree to 4.3 %."""
    chain = gf.read_chain(shared / "data/cboe/spx_20230914_carlosjimenezdiaz.csv")
    table = sensitivity(chain).table
    expected = [23_310, 16_102, 26_299, 23_050, 29_635, 22_095, 15_396, 13_731]
    np.testing.assert_allclose(table["gamma"] / 1e6, expected, rtol=1e-3)
    flips = [np.nan, 4494.30, 4487.15, 4484.95, 4483.23, 4485.40, 4494.35, 4495.28]
    np.testing.assert_allclose(table["nearest_flip"], flips, atol=0.02)
    assert table["rows"].tolist() == [11_525, 13_938, 13_938, 14_534, 14_534, 14_534, 13_938, 13_938]
