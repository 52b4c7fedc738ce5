import calendar
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.market.synthetic import synthetic_chain, synthetic_chains
from gammaflow.market.synthetic.listing import live
from gammaflow.market.synthetic.path import BEFORE, path_to


def same(one, two):
    pd.testing.assert_frame_equal(one.to_frame(facts=True), two.to_frame(facts=True), check_exact=True)


def test_each_snapshot_can_be_made_alone():
    far = synthetic_chain(5_000, contracts=200)
    several = list(synthetic_chains(4, contracts=200, per_day=3, seed=7))
    assert len(several) == 12
    same(several[11], synthetic_chain(11, contracts=200, per_day=3, seed=7))
    same(far, synthetic_chain(5_000, contracts=200))
    assert several[11].asof - several[0].asof == pd.Timedelta(days=11 / 3)
    assert synthetic_chain(0, contracts=200, seed=8).spot == several[0].spot == 40_000.0
    assert synthetic_chain(1, contracts=200, seed=8).spot != several[1].spot


@pytest.mark.parametrize("contracts", [100, 798, 2000])
def test_chains_have_the_size_asked_for_and_nothing_implausible(contracts):
    for number in (0, 31, 250):
        chain = synthetic_chain(number, contracts=contracts, symbol="ABC", spot=123.0)
        assert len(chain) == contracts
        assert chain.warnings == ()
        assert set(chain.unusable) <= {"", "open interest zero"}
        assert (chain.symbol, chain.vendor, chain.synthetic) == ("ABC", "synthetic demo", True)
        assert (chain["bid"] <= chain["mark"]).all()
        assert (chain["mark"] <= chain["ask"]).all()
        assert (chain.open_interest_age == 0.0).all()


def test_expiries_are_those_of_a_calendar():
    for asof in pd.date_range("2023-11-20T09:30Z", periods=120, freq="121h"):  # every hour of the day
        expected = set()
        for ahead in range(368):
            day = (asof + pd.Timedelta(days=ahead)).date()
            last_friday = max(w[calendar.FRIDAY] for w in calendar.monthcalendar(day.year, day.month))
            reach = 3
            if day.weekday() == calendar.FRIDAY:
                reach = 28
                if day.day == last_friday:
                    reach = 366 if day.month in (3, 6, 9, 12) else 92
            left = (pd.Timestamp(day, tz="UTC") + pd.Timedelta(hours=8) - asof) / pd.Timedelta(days=1)
            if 0.0 < left <= reach:
                expected.add(pd.Timestamp(day, tz="UTC") + pd.Timedelta(hours=8))
        assert [each.expiry for each in live(asof)] == sorted(expected)


def test_contracts_and_their_open_interest_persist():
    chains = list(synthetic_chains(40, contracts=1000))
    for before, after in pairwise(chains):
        one, two = (pd.Series(c["open_interest"], c["contract"]) for c in (before, after))
        alive = one[before["expiry"] > np.datetime64(after.asof.tz_localize(None))]
        both = alive.index.intersection(two.index)
        assert one[both].sum() > 0.9 * alive.sum()
        assert np.corrcoef(one[both], two[both])[0, 1] > 0.9
    first, last = (pd.Series(c["open_interest"], c["contract"]) for c in (chains[0], chains[-1]))
    both = first.index.intersection(last.index)
    assert 0.2 < np.corrcoef(first[both], last[both])[0, 1] < 0.98


def test_spot_moves_as_its_volatility_says():
    path = path_to(3, 4, 4_000)
    start = BEFORE * 4
    move = np.diff(np.log(path.spot))
    scaled = move / (path.volatility[:-1] * np.sqrt(1.0 / (365 * 4)))
    assert path.spot[start] == 1.0
    assert scaled.std() == pytest.approx(1.0, abs=0.03)
    assert np.corrcoef(scaled, np.diff(np.log(path.volatility)))[0, 1] == pytest.approx(-0.3, abs=0.05)
    assert np.log(path.volatility / 0.55).std() == pytest.approx(1.6 / np.sqrt(12.0), rel=0.35)


def test_rules_differ_on_the_synthetic_market():
    chains = [synthetic_chain(number, contracts=400) for number in range(0, 600, 40)]
    signs = {bool(gf.aggregate_exposure(gf.assign_positions(c)).total()["gamma"] > 0) for c in chains}
    assert signs == {True, False}
    skews = np.concatenate([gf.positioning.call_skew(c).to_numpy() for c in chains])
    assert (skews > 0).any()
    assert (skews < 0).any()


def test_arguments_that_are_not_legal_are_named_together():
    with pytest.raises(gf.SchemaError) as error:
        synthetic_chain(0, contracts=101, per_day=0, seed=-1, symbol=3, start="2022-01-01", spot=-1.0)
    text = str(error.value)
    for name in ("contracts: received 101", "per_day", "seed", "symbol", "start", "spot"):
        assert name in text
    with pytest.raises(gf.SchemaError, match="number"):
        synthetic_chain(-1)
    with pytest.raises(gf.SchemaError, match="number"):
        synthetic_chain(20_001)
    with pytest.raises(gf.SchemaError, match="days"):
        synthetic_chains(-1)
    with pytest.raises(gf.SchemaError, match=r"symbol: received ' '; the name of the underlying is needed"):
        synthetic_chain(0, symbol=" ")
    assert list(synthetic_chains(0)) == []
