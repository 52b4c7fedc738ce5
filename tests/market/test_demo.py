import numpy as np
import pytest

import gammaflow as gf


def test_it_is_seeded_and_labelled():
    one, two, other = gf.demo_chain(), gf.demo_chain(), gf.demo_chain(seed=1)
    np.testing.assert_array_equal(one["open_interest"], two["open_interest"])
    assert not np.array_equal(one["open_interest"], other["open_interest"])
    assert one.vendor == "synthetic demo"


def test_it_has_the_public_shape():
    chain = gf.demo_chain()
    assert 71_000 < chain.spot < 72_000
    frame = chain.to_frame()
    puts = frame[frame["kind"] == "put"].groupby("strike")["open_interest"].sum()
    assert set(puts.nlargest(4).index) == {60_000, 65_000, 70_000, 75_000}
    at_the_money = frame[(frame["strike"] / frame["forward"]).between(0.98, 1.02)]
    assert at_the_money["iv"].between(0.49, 0.61).all()
    assert chain.quality.usable == len(chain)


def test_it_shows_a_short_gamma_zone_around_spot():
    levels = gf.analyze(gf.demo_chain()).levels
    assert levels.gamma < 0
    assert gf.demo_chain().spot in levels.zone
    assert levels.concentration.index[:3].tolist() == [70_000, 75_000, 65_000]
    low, high = levels.zone.core
    assert 60_000 < low < high < 73_000


def test_the_fund_s_chain_is_american_and_at_the_coin_s_level():
    chain, coin = gf.demo_chain(symbol="IBIT"), gf.demo_chain()
    assert chain.asof == coin.asof
    assert gf.venues.IBIT.level(chain.spot, chain.asof) == pytest.approx(coin.spot, rel=2e-4)
    assert set(chain["exercise"]) == {"american"}
    assert set(chain["multiplier"]) == {100.0}
    assert chain.quality.usable == len(chain)
    frame = chain.to_frame()
    puts = frame[frame["kind"] == "put"].groupby("strike")["open_interest"].sum()
    assert puts.nlargest(2).index.tolist() == [40.0, 38.0]
    intrinsic = np.maximum(np.where(chain["kind"] == "call", 1, -1) * (chain.spot - chain["strike"]), 0.0)
    assert (chain["mark"] >= intrinsic - 0.006).all()


def test_another_symbol_is_refused():
    with pytest.raises(gf.SchemaError, match="symbol: received 'ETH'; legal: 'BTC', 'IBIT'"):
        gf.demo_chain(symbol="ETH")
