"""Numbers flip verdicts: made-up records in which one number differs, and records that are not there yet."""

import numpy as np
import pandas as pd
import pytest

from support.made_up_event import AFTER, BEFORE, DAY, bars, files, verdict, write


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path, files())


@pytest.mark.parametrize(
    ("close", "said"), [(36.10, "confirm"), (37.50, "contradict"), (41.57, "contradict")]
)
def test_fall(folder, close, said):
    table = bars()
    table.loc[DAY, "Close"] = close
    assert verdict(folder, "fall", IBIT=table).verdict == said


@pytest.mark.parametrize(
    ("shares", "low", "said"),
    [(284.4e6, 35.3, "confirm"), (270e6, 35.3, "cannot tell"), (200e6, 35.3, "contradict")],
)
def test_ten_billion(folder, shares, low, said):
    table = bars()
    table.loc[DAY, ["Volume", "Low", "High"]] = [shares, low, 40.1]
    assert verdict(folder, "ten_billion", IBIT=table).verdict == said


@pytest.mark.parametrize(
    ("times", "said"), [(1.69, "contradict"), (2.0, "cannot tell"), (1.9, "cannot tell"), (0.9, "contradict")]
)
def test_twice_in_shares_and_dollars(folder, times, said):
    """Twice in shares is less in dollars, so that the two must agree for a verdict."""
    table = bars()
    table.loc[DAY, "Volume"] = times * 1e8
    assert verdict(folder, "twice", IBIT=table).verdict == said
    assert verdict(folder, "record", IBIT=table).verdict == ("confirm" if times > 1 else "contradict")


@pytest.mark.parametrize(("flow", "said"), [(231.6, "confirm"), (-175.3, "contradict"), (0.0, "contradict")])
def test_inflow(folder, flow, said):
    table = files()["flows"]
    table.loc[DAY, "IBIT"] = flow
    claim = verdict(folder, "fund_inflow", flows=table)
    assert claim.verdict == said
    assert tuple(claim.found) == pytest.approx((flow, flow))


@pytest.mark.parametrize(("after", "said"), [(231.6, "confirm"), (600.0, "contradict")])
def test_flat(folder, after, said):
    table = files()["flows"]
    table.loc[AFTER, "IBIT"] = after
    assert verdict(folder, "flat", flows=table).verdict == said


@pytest.mark.parametrize(
    ("shorts", "said"), [(16_000, "confirm"), (17_000, "contradict"), (18_000, "contradict")]
)
def test_shorts_of_the_week(folder, shorts, said):
    table = files()["commitments"]
    table.loc["2026-02-10", "noncommercial_short"] = shorts
    assert verdict(folder, "carry_closed", commitments=table).verdict == said


@pytest.mark.parametrize(("interest", "dollars", "coins"), [
    (47e9, "confirm", "contradict"), (40e9, "confirm", "confirm"), (50e9, "contradict", "contradict"),
])  # fmt: skip
def test_open_interest(folder, interest, dollars, coins):
    table = files()["open interest"]
    table.loc[DAY, "close"] = interest
    write(folder, {"open interest": table})
    assert verdict(folder, "fell_in_dollars").verdict == dollars
    assert verdict(folder, "fell_in_coins").verdict == coins


@pytest.mark.parametrize(("bar", "said"), [(4e7, "cannot tell"), (5e8, "confirm")])
def test_liquidations_are_a_lower_bound(folder, bar, said):
    table = files()["liquidations"]
    table["long_usd"] = bar
    assert verdict(folder, "liquidated", liquidations=table).verdict == said


@pytest.mark.parametrize(
    ("end", "said"), [(75_000.0, "confirm"), (76_000.0, "contradict"), (77_000.0, "contradict")]
)
def test_margin_longs(folder, end, said):
    table = files()["margin"]
    table.loc["2026-02-07":, "longs_btc"] = end
    assert verdict(folder, "margin_sold", margin=table).verdict == said


@pytest.mark.parametrize(("close", "said"), [(82.0, "cannot tell"), (95.0, "contradict")])
def test_volatility_near_90(folder, close, said):
    table = files()["DVOL"]
    table.iloc[1] = close
    assert verdict(folder, "near_90", DVOL=table).verdict == said


@pytest.mark.parametrize(
    ("close", "said"),
    [(82.0, "cannot tell"), (83.6, "cannot tell"), (86.0, "contradict"), (50.0, "contradict")],
)
def test_beta(folder, close, said):
    """ln(63/70) is -10.5 %: 30.6 points are -2.9, and the peak may be higher; 33 points are beyond -3."""
    table = files()["DVOL"]
    table.iloc[1] = close
    assert verdict(folder, "vol_beta", DVOL=table).verdict == said


def test_basis_where_all_clocks_agree(folder):
    """Spot that stands still from 21:00 to 24:00 gives one basis, and a verdict; a moving one does not."""
    assert verdict(folder, "basis_jump").verdict == "cannot tell"
    table = files()["hours"]
    table["open"] = np.where(table.index < DAY, 70_000.0, 63_000.0)
    table.loc["2026-02-05T00:00", "open"] = 70_000.0
    futures = pd.DataFrame(
        {"Adj Close": [70_000 * (1 + 0.033 * 23 / 365), 63_000 * (1 + 0.09 * 22 / 365)]}, [BEFORE, DAY]
    )
    claim = verdict(folder, "basis_jump", hours=table, front_future=futures.rename_axis("Date"))
    assert tuple(claim.found) == pytest.approx((5.7, 5.7))
    assert claim.verdict == "confirm"


@pytest.mark.parametrize(("low", "said"), [(41.3, "contradict"), (44.0, "confirm")])
def test_barrier(folder, low, said):
    table = bars()
    table.loc[: pd.Timestamp(BEFORE), "Low"] = np.maximum(table["Low"], 44.0)
    table.loc["2026-02-03", "Low"] = low
    assert verdict(folder, "barrier_day", IBIT=table).verdict == said


def test_barrier_never_hit(folder):
    table = bars()
    table["Low"] = 45.0
    claim = verdict(folder, "barrier_day", IBIT=table)
    assert (claim.verdict, claim.note) == ("contradict", "No price at or below 43.6 by then.")


@pytest.mark.parametrize(
    ("low", "part", "said"), [(35.3, 1.0, "confirm"), (38.25, 0.75, "contradict"), (40.0, 0.0, "contradict")]
)
def test_cluster(folder, low, part, said):
    table = bars()
    table.loc[DAY, "Low"] = low
    claim = verdict(folder, "cluster_crossed", IBIT=table)
    assert claim.found.low == pytest.approx(part)
    assert claim.verdict == said


@pytest.mark.parametrize(("cme", "collapse", "rebuilt"), [
    ((120.0, 100.0, 110.0), "confirm", "confirm"), ((120.0, 119.0, 119.5), "contradict", "contradict"),
])  # fmt: skip
def test_open_interest_by_venue(folder, cme, collapse, rebuilt):
    """At 16:00 New York, 21:00 UTC: with such a file both claims have a verdict."""
    stamps = pd.date_range("2026-02-04T00:00Z", "2026-02-07T00:00Z", freq="h")
    step = np.searchsorted(pd.DatetimeIndex(["2026-02-05T00:00Z", "2026-02-06T00:00Z"]), stamps, "right")
    venues = pd.DataFrame(
        {"CME": np.array(cme)[step] * 1e3, "Binance": np.array([100.0, 90.0, 92.0])[step] * 1e3}, stamps
    )
    write(folder, {"open interest by venue": venues.rename_axis("timestamp")})
    assert verdict(folder, "cme_collapse").verdict == collapse
    assert verdict(folder, "cme_rebuilt").verdict == rebuilt


@pytest.mark.parametrize(
    ("puts", "record", "dominated"), [(1.4e6, "confirm", "confirm"), (0.4e6, "contradict", "contradict")]
)
def test_option_volume(folder, puts, record, dominated):
    volume = pd.DataFrame({"calls": 8e5, "puts": 6e5}, bars().index)
    volume.loc[DAY] = [9e5, puts]
    write(folder, {"option volume": volume.rename_axis("date")})
    assert verdict(folder, "option_record").verdict == record
    assert verdict(folder, "put_dominated").verdict == dominated


@pytest.mark.parametrize(("share", "said"), [(0.6, "confirm"), (0.4, "contradict")])
def test_holders(folder, share, said):
    table = pd.DataFrame(
        {"institutional": [0.3, 1 / 3], "hedge_funds": [0.5, share]}, ["2025-09-30", "2025-12-31"]
    )
    assert verdict(folder, "hedge_funds", holders=table.rename_axis("date")).verdict == said
