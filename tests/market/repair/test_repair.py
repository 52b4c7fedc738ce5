import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.repair.flags import CONVEX, CROSSED, INTRINSIC, MONOTONE, OUTLIER, PARITY, REPRICE
from gammaflow.market.repair.repair import RepairedChain, repair_chain
from gammaflow.market.repair.terms import Terms
from support.markets import ASOF, SPOT, market, smile


def true_forward(chain, rate=0.045, carry=0.013, gap=0.0):
    return SPOT * (1 + gap) * np.exp((rate - carry) * chain.years)


def test_forward_rate_and_carry_are_found_and_the_original_is_kept():
    chain = market()
    repaired = repair_chain(chain)
    table = repaired.forwards
    years = table["years"].to_numpy()
    np.testing.assert_allclose(table["forward"], SPOT * np.exp(0.032 * years), rtol=1e-9)
    np.testing.assert_allclose(table["rate"], 0.045, atol=1e-7)
    np.testing.assert_allclose(table["carry"], 0.013, atol=1e-7)
    assert table["rate_source"].tolist() == ["parity", "parity"]
    assert (table["low"] < table["forward"]).all()
    assert (table["forward"] < table["high"]).all()
    carried = SPOT * np.exp((repaired["rate"] - repaired["dividend_yield"]) * repaired.years)
    np.testing.assert_allclose(carried, true_forward(chain), rtol=1e-9)
    assert repaired.original is chain
    assert repair_chain(repaired).original is chain
    assert (chain["rate"] == 0).all()
    assert repaired.quality.iv_source == {"vendor": len(chain)}
    assert repaired.quality.flags == {}
    assert (repaired.marks["reason"] == "").all()


@settings(max_examples=30)
@given(
    rate=st.floats(-0.02, 0.09),
    carry=st.floats(-0.03, 0.06),
    t=st.floats(60, 700),
    bad=st.integers(0, 5),
    seed=st.integers(0, 99),
)
def test_a_tenth_of_wrong_quotes_does_not_move_the_forward(rate, carry, t, bad, seed):
    rng = np.random.default_rng(seed)
    wrong = rng.choice(122, bad, replace=False)

    def dirty(frame):
        return frame["bid"] + np.where(np.isin(np.arange(len(frame)), wrong), 30.0, 0.0)

    def dear(frame):
        return frame["ask"] + np.where(np.isin(np.arange(len(frame)), wrong), 30.0, 0.0)

    table = repair_chain(market((t,), rate, carry, bid=dirty, ask=dear)).forwards
    row = table.iloc[0]
    F = SPOT * np.exp((rate - carry) * t / 365)
    assert abs(row["forward"] - F) <= 3 * row["error"] + 1e-6 * F
    assert abs(row["forward"] - F) < 1e-3 * F


@pytest.mark.parametrize("kind", ["call", "put"])
@pytest.mark.parametrize("coin", [False, True])
def test_volatilities_come_back_from_mids_and_reprice_them(kind, coin):
    chain = market(coin=coin, iv=np.nan)
    truth = market(coin=coin)["iv"]
    repaired = repair_chain(chain, out_of_the_money=False)
    marks, terms = repaired.marks, Terms(repaired, coin)
    found = ((marks["iv_source"] == "mid") & (repaired["kind"] == kind)).to_numpy()
    assert found.sum() >= 60
    np.testing.assert_allclose(repaired["iv"][found], truth[found], rtol=1e-6)
    price = gf.bsm.price(
        terms.phi[found], terms.underlying[found], repaired["strike"][found], repaired.years[found],
        repaired["rate"][found], repaired["iv"][found], terms.dividend_yield[found],
    )  # fmt: skip
    np.testing.assert_allclose(price / terms.unit[found], marks["mid"][found], rtol=1e-10)
    assert set(marks["reason"][found]) == {"missing"}
    assert set(marks["iv_source"]) == {"mid", "other leg"}
    assert repaired.quality.usable == len(chain)


def test_vendor_volatility_that_cannot_be_used_is_replaced_and_counted():
    def broken(frame):
        iv = frame["iv"].to_numpy().copy()
        iv[0:10], iv[10:20], iv[20:30], iv[30:40] = np.nan, 0.0, 1e-5, 2.0
        return iv

    chain = market(iv=broken)
    repaired = repair_chain(chain)
    assert repaired.quality.replaced == {"missing": 10, "zero": 10, "placeholder": 10, "off its quote": 10}
    np.testing.assert_allclose(repaired["iv"][:40], market()["iv"][:40], rtol=1e-6)
    assert (repaired["iv"][40:] == chain["iv"][40:]).all()
    assert repaired.quality.before.usable == len(chain) - 30
    assert repaired.marks["vendor_iv"].iloc[39] == 2.0
    assert "volatility replaced where: 10 " in str(repaired.quality)


def test_rounded_volatilities_and_a_floor_are_recomputed_where_their_quotes_say_otherwise():
    """A volatility is kept if it prices its row between bid and ask, and the bid has time value."""
    tight = repair_chain(market(iv=lambda f: f["iv"].round(2), spread=1e-9))
    assert tight.quality.replaced == {"rounded": 244}
    np.testing.assert_allclose(tight["iv"], market()["iv"], rtol=1e-6)
    chain = market(iv=lambda f: f["iv"].round(2))
    wide, exact = repair_chain(chain), market()["iv"]
    forward, kind = true_forward(chain), chain["kind"]
    price = gf.bsm.price_forward(kind, forward, chain["strike"], chain.years, 0.045, chain["iv"])
    intrinsic = gf.bsm.price_forward(kind, forward, chain["strike"], chain.years, 0.045, 0.0)
    inside = (chain["bid"] < price) & (price < chain["ask"]) & (chain["bid"] > intrinsic)
    assert 50 < inside.sum() < 100
    assert wide.quality.replaced == {"rounded": 244 - inside.sum()}
    assert (wide["iv"][inside] == chain["iv"][inside]).all()
    outside = Terms(wide, coin=False).outside & ~inside
    np.testing.assert_allclose(wide["iv"][outside], exact[outside], rtol=1e-6)
    floor = repair_chain(market(iv=lambda f: np.where(f.index < 25, 0.02, f["iv"])))
    assert floor.quality.replaced == {"at the vendor's floor of 0.02": 25}


def test_volatilities_that_are_all_alike_are_no_floor():
    """Prices of one volatility for all strikes: nothing to replace, though every row shares the lowest."""
    chain = market((30.0,))
    price = gf.bsm.price_forward(
        chain["kind"], true_forward(chain), chain["strike"], chain.years, 0.045, np.full(len(chain), 0.2)
    )
    flat = repair_chain(chain.with_columns(iv=0.2, bid=price * 0.995, ask=price * 1.005))
    assert (flat["iv"] == 0.2).all()
    assert flat.quality.flags == {}


def test_prefer_mid_uses_the_rows_own_quote_and_keeps_the_vendors_elsewhere():
    chain = market(bid=lambda f: np.where(f.index == 60, 0.0, f["bid"]), iv=lambda f: f["iv"] * 1.0002)
    assert set(repair_chain(chain).marks["iv_source"]) == {"vendor"}
    repaired = repair_chain(chain, prefer="mid")
    assert repaired.marks["iv_source"].iloc[60] == "vendor"
    own = (repaired.marks["iv_source"] == "mid").to_numpy()
    np.testing.assert_allclose(repaired["iv"][own], market()["iv"][own], rtol=1e-6)
    assert own.sum() > 120


def test_legs_take_the_volatility_out_of_the_money_unless_theirs_prices_their_quote():
    chain = market(iv=lambda f: np.where(f["kind"] == "call", f["iv"], f["iv"] * 1.0002))
    repaired, exact = repair_chain(chain), market()
    inside = ~Terms(repaired, coin=False).outside
    forward, kind, K, t = true_forward(chain), chain["kind"], chain["strike"], chain.years
    price = gf.bsm.price_forward(kind, forward, K, t, 0.045, chain["iv"])
    intrinsic = gf.bsm.price_forward(kind, forward, K, t, 0.045, 0.0)
    kept = (chain["bid"] < price) & (price < chain["ask"]) & (chain["bid"] > intrinsic)
    assert (kept & inside).sum() > 10
    assert (repaired["iv"] == chain["iv"])[kept | ~inside].all()
    moved = inside & ~kept
    other = np.where(kind == "call", exact["iv"] * 1.0002, exact["iv"])
    np.testing.assert_allclose(repaired["iv"][moved], other[moved], rtol=1e-12)
    assert repaired.quality.replaced == {"other leg out of the money": int(moved.sum())}
    apart = repair_chain(chain, out_of_the_money=False)
    assert (apart["iv"] == chain["iv"]).all()


def test_rows_without_a_quote_stay_with_a_reason():
    def iv(frame):
        return np.where(np.isin(frame["strike"], frame["strike"].iloc[[0, 60]]), np.nan, frame["iv"])

    chain = market((30.0,), iv=iv, bid=lambda f: np.where(f.index.isin([60, 61]), 0.0, f["bid"]))
    repaired = repair_chain(chain)
    assert repaired.quality.unrepaired == {"no bid": 2, "no time value beyond the spread": 2}
    assert np.isnan(repaired["iv"]).sum() == 4
    assert repaired.quality.table["rows"].to_dict() == {"implied volatility missing": 4}


def test_expired_rows_stay_and_are_no_part_of_the_score():
    alive = market((1.0, 30.0))
    repaired = repair_chain(Chain(alive.to_frame(), "X", SPOT, ASOF + pd.Timedelta(days=2)))
    assert len(repaired.forwards) == 1
    assert repaired.quality.table["rows"].to_dict() == {"expired": 122}
    assert repaired.quality.checks["volatility usable"] == 1.0
    assert repaired.quality.score == 100.0
    nothing = repair_chain(Chain(market().to_frame(), "X", SPOT, ASOF + pd.Timedelta(days=200)))
    assert nothing.quality.forwards.empty
    assert np.isnan(nothing.quality.score)
    with pytest.raises(SchemaError, match="no row of 244 holds a position"):
        gf.assign_positions(nothing)


def test_coin_quotes_and_the_vendors_forward():
    chain = market(coin=True)
    repaired = repair_chain(chain)
    assert np.abs(repaired.forwards["difference"]).max() < 1e-4
    assert (repaired["forward"] == chain["forward"]).all()
    lost = repair_chain(chain.with_columns(forward=np.nan), quoted_in="coin")
    np.testing.assert_allclose(lost["forward"], chain["forward"], rtol=1e-8)
    assert lost.quality.checks["forward known"] == 1.0
    assert set(lost.forwards["rate_source"]) == {"coin"}


def test_a_spot_of_another_moment_puts_short_expiries_on_their_forward():
    repaired = repair_chain(market((1.0, 150.0), gap=0.005))
    near = repaired.years < 0.1
    np.testing.assert_allclose(repaired["forward"][near], true_forward(repaired, gap=0.005)[near], rtol=1e-8)
    assert np.isnan(repaired["forward"][~near]).all()
    assert repaired.quality.spot_gap == pytest.approx(0.005, abs=1e-4)
    np.testing.assert_allclose(repaired["rate"], 0.045, atol=1e-6)


def test_rates_that_quotes_do_not_determine():
    ticks = {"bid": lambda f: f["bid"].round(0), "ask": lambda f: f["bid"].round(0) + 1.0 + f.index % 2}
    rough = repair_chain(market((2.0, 150.0), spread=0, **ticks))
    assert rough.forwards["rate_source"].tolist() == ["other expiries", "parity"]
    assert rough.forwards["rate"].iloc[0] == rough.forwards["rate"].iloc[1] == pytest.approx(0.045, abs=2e-3)
    alone = repair_chain(market((2.0,), spread=0, **ticks), rate=0.03)
    assert alone.forwards["rate_source"].tolist() == ["given"]
    assert (alone["rate"] == 0.03).all()


def test_too_few_strikes_give_no_forward_and_say_so():
    repaired = repair_chain(market((30.0,), bid=lambda f: np.where(f.index % 61 < 57, 0.0, f["bid"])))
    assert np.isnan(repaired.forwards["forward"]).all()
    assert repaired.quality.checks["forward known"] == 0.0
    assert "1 x fewer than 5 liquid strikes: no parity forward" in str(repaired.quality)
    assert (repaired["dividend_yield"] == 0).all()
    empty = repair_chain(gf.demo_chain().with_columns(bid=np.nan, ask=np.nan, mark=np.nan))
    assert empty.quality.quotes == {"no quote": len(empty)}
    assert np.isnan(empty.quality.spot_gap)


def flagged(name, change, **how):
    """Places of the rows with flag `name` after `change`(bid, ask, iv) on the market's columns."""
    chain = market((30.0,), **how)
    columns = {k: chain[k].copy() for k in ("bid", "ask", "iv")}
    change(**columns)
    repaired = repair_chain(chain.with_columns(**columns), out_of_the_money=False)
    return np.flatnonzero(repaired.marks["flags"].str.contains(name, regex=False)).tolist()


def shift(row, by):
    def change(bid, ask, iv):
        bid[row] += by
        ask[row] += by

    return change


def test_flags_name_the_rows():
    def cross(bid, ask, iv):
        bid[[3, 70]] = ask[[3, 70]] * 1.1

    assert flagged(CROSSED, cross) == [3, 70]
    assert flagged(INTRINSIC, shift(2, -20.0)) == [2]
    assert flagged(MONOTONE, shift(40, 60.0)) == [39, 40]
    assert flagged(CONVEX, shift(40, 5.0)) == [40]
    assert flagged(PARITY, shift(33, 8.0)) == [33, 33 + 61]

    def odd(bid, ask, iv):
        iv[45] *= 1.3
        bid[45] = 0.0

    assert flagged(OUTLIER, odd) == [45]

    def alone(bid, ask, iv):
        bid[5], bid[5 + 61] = bid[5] - 60.0, 0.0
        iv[5], iv[5 + 61] = 3.0, np.nan

    assert flagged(REPRICE, alone) == [5]


def test_quality_is_shown_and_plain():
    chain = market(open_interest=lambda f: np.where(f.index < 61, np.nan, f["open_interest"]))
    repaired = repair_chain(chain)
    quality = repaired.quality
    passed = {"volatility usable": 1.0, "two-sided quote": 1.0, "forward known": 1.0, "not flagged": 1.0}
    assert quality.checks == passed | {"open interest known": 0.75}
    assert quality.score == pytest.approx(75.0)
    assert chain.quality.score == pytest.approx(75.0)
    assert quality.median_spread == pytest.approx(0.01)
    plain = quality.to_dict()
    assert plain["score"] == pytest.approx(75.0)
    assert plain["before"]["score"] == pytest.approx(75.0)
    assert plain["forwards"][0]["root"] == "X"
    assert plain["forwards"][0]["vendor_forward"] is None
    assert plain["volatility_source"] == {"vendor": 244}
    assert json.loads(json.dumps(plain)) == plain
    assert "score 75 of 100" in repr(repaired)
    assert "parity forward on 2 of 2 expiries (2 liquid)" in repr(repaired)


def test_with_columns_gives_a_plain_chain():
    changed = repair_chain(market()).with_columns(iv=0.3)
    assert type(changed) is Chain
    assert (changed["iv"] == 0.3).all()


def test_every_illegal_argument_is_named_at_once():
    with pytest.raises(SchemaError) as error:
        repair_chain(market(), rate=np.inf, prefer="best", quoted_in="euro")
    for words in ("rate: received inf", "prefer: received 'best'", "quoted_in: received 'euro'"):
        assert words in str(error.value)


@pytest.mark.parametrize(
    ("moment", "hours"),
    [
        ("2026-02-05T15:00:00Z", 0.0),
        ("2026-02-05T22:15:00Z", 1.0),
        ("2026-02-06T14:00:00Z", 16.75),
        ("2026-02-08T21:15:00Z", 48.0),
    ],
)
def test_hours_since_the_us_close(moment, hours):
    base = market((300.0,))
    chain = Chain(base.to_frame(), "X", SPOT, pd.Timestamp(moment))
    assert chain.quality.hours_since_close == pytest.approx(hours)
    assert ("h older than asof" in str(chain.quality)) == (hours > 0)
    assert np.isnan(market(coin=True).quality.hours_since_close)


NASTY = st.sampled_from([0.0, 1e-30, 1e-5, 0.01, 0.3, 1.0, 25.0, 3999.0, 1e9, np.nan])


@settings(max_examples=30)
@given(
    st.data(), st.booleans(), st.sampled_from(["european", "american"]), st.sampled_from(["vendor", "mid"])
)
def test_any_legal_chain_ends_in_a_chain_with_every_row_accounted_for(data, coin, exercise, prefer):
    n = data.draw(st.integers(1, 40))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    fields = {name: data.draw(st.lists(NASTY, min_size=n, max_size=n)) for name in ("bid", "ask", "iv")}
    fields["iv"] = np.minimum(fields["iv"], 100.0)
    fields["forward"] = [f if f > 0 else np.nan for f in data.draw(st.lists(NASTY, min_size=n, max_size=n))]
    fields["open_interest"] = data.draw(st.lists(NASTY, min_size=n, max_size=n))
    columns = {
        "contract": [f"c{i}" for i in range(n)],
        "expiry": ASOF + pd.to_timedelta(rng.choice([-1.0, 1e-5, 3.0, 300.0], n), unit="D"),
        "strike": rng.choice([1e-3, 3900.0, 4000.0, 4100.0, 1e7], n),
        "kind": rng.choice(["call", "put"], n).astype(object),
        "root": rng.choice(["A", "B"], n).astype(object),
        "multiplier": np.full(n, 100.0),
        "exercise": np.full(n, exercise, dtype=object),
    }
    try:
        chain = Chain(columns | fields, "X", SPOT, ASOF)
    except SchemaError:
        reject()  # a chain that contradicts itself
    repaired = repair_chain(chain, prefer=prefer, quoted_in="coin" if coin else "currency")
    quality, marks = repaired.quality, repaired.marks
    assert sum(quality.iv_source.values()) == n
    assert sum(quality.quotes.values()) == (chain.years > 0).sum()
    kept = (marks["iv_source"].isin(["vendor", "none"])).to_numpy()
    np.testing.assert_array_equal(repaired["iv"][kept], chain["iv"][kept])
    assert ((repaired["iv"] > 1e-3) | kept).all()
    assert (marks["reason"][~kept] != "").all()
    assert len(repr(repaired)) > 100
    assert quality.to_dict()["rows"] == n


def test_a_repaired_chain_is_a_chain():
    assert isinstance(repair_chain(market()), (Chain, RepairedChain))
    book = gf.assign_positions(repair_chain(market()))
    assert book.quality.iv_source == {"vendor": 244}


def test_american_quotes_are_inverted_as_american():
    """Prices of a fund without a yield: as European ones, puts in the money look too volatile."""
    K = np.arange(3200.0, 4900.0, 50.0)
    t, rate = 120 / 365, 0.06
    sigma = smile(np.log(K / SPOT), t)
    frames = []
    for kind in ("call", "put"):
        price = gf.american.price(kind, SPOT, K, t, rate, sigma)
        rows = {"contract": [f"{kind}{k:g}" for k in K], "strike": K, "iv": np.nan, "kind": kind}
        quotes = {"bid": price * 0.9999, "ask": price * 1.0001, "open_interest": 10.0, "multiplier": 100.0}
        frames.append(pd.DataFrame(rows | quotes))
    table = pd.concat(frames, ignore_index=True)
    table = table.assign(exercise="american", expiry=ASOF + pd.Timedelta("120D"))
    chain = Chain(table, "X", SPOT, ASOF)
    repaired = repair_chain(chain, rate=rate)
    assert set(repaired.marks["iv_source"]) == {"mid", "other leg"}
    terms = Terms(chain.with_columns(rate=rate), False)
    puts = np.flatnonzero((chain["kind"] == "put") & (chain["strike"] > 4050) & (chain["strike"] < 4400))
    true = smile(np.log(chain["strike"][puts] / SPOT), t)
    mid = repaired.marks["mid"].to_numpy()[puts]
    found = terms.volatility(puts, mid)
    np.testing.assert_allclose(found, true, atol=2e-6)
    np.testing.assert_allclose(terms.price(puts, found), mid, atol=1e-5)
    european = gf.bsm.implied_volatility(mid, SPOT, chain["strike"][puts], t, rate, 0.0, "p")
    assert (european - true > 0.01).all()
