"""Filters against loops over rows, on made-up and on recorded chains, and against hand-listed calendars."""

import datetime
import math
import pickle
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.positions.filters.row_values import VALUES
from gammaflow.selection import Filter, Selection

F = gf.filters
NEW_YORK = ZoneInfo("America/New_York")
DERIBIT = "data/deribit/deribit_options_snapshot_20260205T093647Z.csv"
SPX = "data/cboe/spx_20230914_carlosjimenezdiaz.csv"
SPY = "data/cboe/spy_20250516_Photon1c.csv"
IBIT = "data/yahoo_cboe_json/IBIT_20260714T2010ET.json"
FILES = {"deribit": (DERIBIT, "BTC"), "spx": (SPX, None), "spy": (SPY, None), "ibit": (IBIT, None)}


def made(days, *, settlement="PM", symbol="XYZ", asof="2025-01-01T12:00Z", **columns):
    """A chain of one call per day."""
    frame = pd.DataFrame({"expiry": [str(day) for day in days], **columns})
    frame = frame.assign(
        **{
            name: value
            for name, value in {"strike": 100.0, "kind": "call", "iv": 0.3, "open_interest": 1.0}.items()
            if name not in frame
        }
    )
    frame["contract"] = [f"{i}" for i in range(len(frame))]
    return gf.chain_from_frame(
        frame, symbol=symbol, spot=100.0, asof=asof, multiplier=100.0, settlement=settlement
    )


def cdf(x):
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def european_delta(call, underlying, strike, t, r, sigma, q):
    d1 = (math.log(underlying / strike) + (r - q + 0.5 * sigma * sigma) * t) / (sigma * math.sqrt(t))
    return math.exp(-q * t) * (cdf(d1) if call else cdf(d1) - 1.0)


def wall(chain, moment):
    """Naive local time of a timestamp for rows of this chain: New York for US options, UTC for coins."""
    zone = datetime.UTC if chain.symbol == "BTC" else NEW_YORK
    return pd.Timestamp(moment, tz="UTC").to_pydatetime().astimezone(zone)


def naive(chain):
    """Days to expiry, moneyness, absolute European delta and alive of each row, row by row."""
    days, ratio, deltas, alive = [], [], [], []
    today = wall(chain, chain.asof.tz_localize(None)).date()
    for i in range(len(chain)):
        left = (pd.Timestamp(chain["expiry"][i], tz="UTC") - chain.asof).total_seconds() / (365 * 86400)
        alive.append(left > 0)
        days.append((wall(chain, chain["expiry"][i]).date() - today).days)
        ratio.append(chain["strike"][i] / chain.spot)
        sigma, forward, rate = chain["iv"][i], chain["forward"][i], chain["rate"][i]
        if not (left > 0 and sigma > 0.001):
            deltas.append(math.nan)
            continue
        where = (chain.spot, chain["dividend_yield"][i]) if math.isnan(forward) else (forward, rate)
        value = european_delta(
            chain["kind"][i] == "call", where[0], chain["strike"][i], left, rate, sigma, where[1]
        )
        deltas.append(abs(value))
    return tuple(map(np.array, (days, ratio, deltas, alive)))


@pytest.fixture(scope="module", params=FILES)
def recorded(request, shared):
    path, symbol = FILES[request.param]
    chain = gf.read_chain(shared / path, symbol=symbol)
    return replace(chain, columns={name: values[::5] for name, values in chain.columns.items()})


def check_against_loop(chain):
    days, ratio, deltas, alive = naive(chain)
    oi, volume = chain["open_interest"], chain["volume"]
    cases = [
        (F.dte(0, 7), alive & (days <= 7)),
        (F.dte(1, 45), alive & (days >= 1) & (days <= 45)),
        (F.dte(60), alive & (days >= 60)),
        (F.delta(0.05, 0.5), (deltas >= 0.05) & (deltas <= 0.5)),
        (~F.delta(0.05, 0.5), (deltas < 0.05) | (deltas > 0.5)),
        (F.moneyness(0.9, 1.1), (ratio >= 0.9) & (ratio <= 1.1)),
        (F.min_open_interest(100), oi >= 100),
        (F.min_volume(10), volume >= 10),
        (~F.min_volume(10), volume < 10),
        (
            F.puts() & F.dte(0, 30) | F.moneyness(1.2),
            (chain["kind"] == "put") & alive & (days <= 30) | (ratio >= 1.2),
        ),
    ]
    for wanted, mask in cases:
        np.testing.assert_array_equal(wanted.mask(chain), mask, err_msg=wanted.text)
        if mask.any():
            part = chain.select(wanted)
            assert part["contract"].tolist() == chain["contract"][mask].tolist()
            left_out = oi[~mask & ~np.isnan(oi)].sum() / oi[~np.isnan(oi)].sum()
            assert part.selection.excluded == pytest.approx(left_out, abs=1e-14)
            assert part.selection.unknown == (wanted.truth(chain) == 0).sum()
    assert (F.delta(0, 1).truth(chain) == 0).sum() == np.isnan(deltas).sum()


def test_masks_of_recorded_chains(recorded):
    check_against_loop(recorded)


def test_masks_of_the_made_up_chain():
    chain = gf.demo_chain()
    iv = chain["iv"].copy()
    iv[::7] = np.nan
    check_against_loop(chain.with_columns(iv=iv, volume=np.where(np.arange(len(chain)) % 3, 20.0, np.nan)))


def test_books_select_what_their_chain_does(recorded):
    book, split = gf.assign_positions(recorded, "short_all"), 0
    for wanted in (
        F.dte(0, 30),
        F.delta(0.1, 0.6),
        F.moneyness(0.8, 1.0),
        F.monthly(),
        ~F.calls(),
        F.weekly(),
    ):
        whole = set(recorded["contract"][wanted.mask(recorded)])
        mask = np.array([name in whole for name in book["contract"]])
        np.testing.assert_array_equal(wanted.mask(book), mask, err_msg=wanted.text)
        split += 0 < mask.sum() < len(book)
        if not mask.any():
            continue
        out = whole_size = 0.0
        for i in range(len(book)):
            size = abs(book["position"][i]) * book["multiplier"][i]
            whole_size, out = whole_size + size, out + size * (book["contract"][i] not in whole)
        part = book.select(wanted)
        assert part.selections[0].excluded == pytest.approx(out / whole_size, abs=1e-13)
        line = f"{wanted.text}; {out / whole_size:.1%} of absolute positions excluded"
        assert part.filters[0].startswith(line)
    assert split >= 4


def test_am_and_pm_expiries_of_one_day_and_the_day_of_expiry(shared):
    chain = gf.read_chain(shared / SPX)
    third_friday = chain.select(F.expiry("2023-12-15"))
    assert set(third_friday["root"]) == {"SPX", "SPXW"}
    assert set(third_friday["settlement"]) == {"AM", "PM"}
    assert third_friday["contract"].tolist() == chain.select(F.dte(92, 92))["contract"].tolist()
    weeklys = np.unique(chain.select(F.monthly(), root="SPXW")["expiry"]).astype("datetime64[D]").astype(str)
    assert weeklys.tolist() == [
        "2023-09-15",
        "2023-10-20",
        "2023-11-17",
        "2023-12-15",
        "2024-01-19",
        "2024-02-16",
    ]


def listed(text):
    return text.split()


# Expiries of 2025 and 2026, by hand from the exchanges' calendars.
US_MONTHLY = listed("""
    2025-01-17 2025-02-21 2025-03-21 2025-04-17 2025-05-16 2025-06-20 2025-07-18 2025-08-15 2025-09-19
    2025-10-17 2025-11-21 2025-12-19 2026-01-16 2026-02-20 2026-03-20 2026-04-17 2026-05-15 2026-06-18
    2026-07-17 2026-08-21 2026-09-18 2026-10-16 2026-11-20 2026-12-18""")
US_QUARTERLY = listed("""
    2025-03-31 2025-06-30 2025-09-30 2025-12-31 2026-03-31 2026-06-30 2026-09-30 2026-12-31""")
#: Thursdays before Fridays on which New York is closed.
US_WEEKLY_THURSDAYS = ["2025-07-03", "2026-04-02", "2026-07-02", "2026-12-24"]
VIX_MONTHLY = listed("""
    2025-01-22 2025-02-19 2025-03-18 2025-04-16 2025-05-21 2025-06-18 2025-07-16 2025-08-20 2025-09-17
    2025-10-22 2025-11-19 2025-12-17 2026-01-21 2026-02-18 2026-03-18 2026-04-15 2026-05-19 2026-06-17
    2026-07-22 2026-08-19 2026-09-16 2026-10-21 2026-11-18 2026-12-16""")
COIN_MONTHLY = listed("""
    2025-01-31 2025-02-28 2025-03-28 2025-04-25 2025-05-30 2025-06-27 2025-07-25 2025-08-29 2025-09-26
    2025-10-31 2025-11-28 2025-12-26 2026-01-30 2026-02-27 2026-03-27 2026-04-24 2026-05-29 2026-06-26
    2026-07-31 2026-08-28 2026-09-25 2026-10-30 2026-11-27 2026-12-25""")
COIN_QUARTERLY = [day for day in COIN_MONTHLY if day[5:7] in ("03", "06", "09", "12")]
EVERY_DAY = [str(day.date()) for day in pd.date_range("2025-01-02", "2026-12-31")]
FRIDAYS = [day for day in EVERY_DAY if datetime.date.fromisoformat(day).weekday() == 4]
CLOSED_FRIDAYS = ["2025-04-18", "2025-07-04", "2026-04-03", "2026-06-19", "2026-07-03", "2026-12-25"]


def chosen(chain, wanted):
    return [EVERY_DAY[i] for i in np.flatnonzero(wanted.mask(chain))]


@pytest.mark.parametrize("settlement", ["AM", "PM"])
def test_us_calendar(settlement):
    chain = made(EVERY_DAY, settlement=settlement)
    assert chosen(chain, F.monthly()) == US_MONTHLY
    assert chosen(chain, F.quarterly()) == US_QUARTERLY
    weekly = set(FRIDAYS) - set(CLOSED_FRIDAYS) | set(US_WEEKLY_THURSDAYS)
    assert chosen(chain, F.weekly()) == sorted(weekly - set(US_MONTHLY) - set(US_QUARTERLY))
    every = F.daily() | F.weekly() | F.monthly() | F.quarterly()
    assert every.mask(chain).all()
    for one, other in ((F.daily(), F.weekly()), (F.weekly(), F.monthly()), (F.monthly(), F.quarterly())):
        assert not (one & other).mask(chain).any()
    assert {"2025-04-16", "2025-06-19", "2025-11-28"} & set(chosen(chain, F.daily())) == {
        "2025-04-16",
        "2025-06-19",
    }


def test_quarters_that_end_on_or_after_a_closed_day():
    days = ["2022-09-30", "2023-06-30", "2023-12-29", "2024-03-28", "2024-03-29", "2024-06-28"]
    chain = made(days, asof="2022-01-03T12:00Z")
    assert F.quarterly().mask(chain).tolist() == [True, True, True, True, False, True]
    assert not F.weekly().mask(chain).any()


def test_vix_expires_on_wednesdays():
    chain = made(EVERY_DAY, settlement="AM", symbol="VIX", forward=100.0)
    assert chosen(chain, F.monthly()) == VIX_MONTHLY
    assert not F.quarterly().mask(chain).any()
    weekly = chosen(chain, F.weekly())
    assert {"2025-01-08", "2025-03-19", "2025-04-23", "2026-12-30"} & set(weekly) == {
        "2025-01-08",
        "2025-03-19",
        "2025-04-23",
        "2026-12-30",
    }
    assert not {"2025-01-22", "2025-03-18", "2025-01-09"} & set(weekly)


def test_deribit_calendar():
    chain = made(EVERY_DAY, settlement="08:00 UTC", symbol="BTC")
    assert chosen(chain, F.monthly()) == COIN_MONTHLY
    assert chosen(chain, F.quarterly()) == COIN_QUARTERLY
    assert chosen(chain, F.weekly()) == sorted(set(FRIDAYS) - set(COIN_MONTHLY))
    assert chosen(chain, F.daily()) == [day for day in EVERY_DAY if day not in FRIDAYS]
    assert "2025-04-18" in chosen(chain, F.weekly())


def test_expiries_of_no_known_calendar_are_unknown():
    chain = made(["2025-03-21", "2025-03-22"], settlement="17:30 Europe/Berlin")
    noon = made(["2025-03-21", "2025-03-22"], settlement="12:00 UTC")
    assert F.monthly().truth(chain).tolist() == [1, -1]  # 12:30 in New York
    assert F.monthly().truth(noon).tolist() == (~F.monthly()).truth(noon).tolist() == [0, 0]
    with pytest.raises(
        gf.SchemaError, match=r"none of the chain's 2 rows .* Of 2 rows a value .* is missing"
    ):
        noon.select(F.monthly())


def test_periods():
    days = ["2026-02-05", "2026-02-06", "2026-02-07", "2026-02-13", "2026-02-27", "2026-03-06"]
    chain = made(days, settlement="08:00 UTC", symbol="BTC", asof="2026-02-05T07:00Z")
    later = replace(chain, asof="2026-02-06T08:00:00Z")
    cases = {
        (chain, "next"): days[:1],
        (chain, "week"): days[:2],
        (chain, "month"): days[:5],
        (later, "next"): days[2:3],
        (later, "week"): days[2:4],
        (later, "month"): days[2:5],
    }
    for (table, period), wanted in cases.items():
        found = table.select(F.expiry(period))
        assert [str(e)[:10] for e in found["expiry"]] == wanted, period
    both = chain.select(F.expiry(["2026-02-07", "next", datetime.date(2026, 3, 6)]))
    assert [str(e)[:10] for e in both["expiry"]] == [days[0], days[2], days[5]]
    exact = chain.select(F.expiry(pd.Timestamp("2026-02-07T09:00+01:00")))
    assert [str(e)[:10] for e in exact["expiry"]] == [days[2]]
    for same in (np.datetime64("2026-02-07"), datetime.datetime(2026, 2, 7), pd.Timestamp("2026-02-07")):
        assert F.expiry(same).text == "expiry 2026-02-07"
    assert F.expiry("monthly").mask(chain).tolist() == F.monthly().mask(chain).tolist()
    expired = replace(chain, asof="2026-03-06T08:00:00Z")
    assert not F.expiry("next").mask(expired).any()


def test_days_are_the_markets_own():
    # 21:00 UTC of 5 February is 16:00 there; 01:00 UTC of the 6th is still the 5th in New York.
    chain = made(["2026-02-05", "2026-02-06", "2026-02-07"], asof="2026-02-06T01:00Z")
    assert VALUES["dte"](chain).tolist() == [-1.0, 1.0, 2.0]
    coin = made(["2026-02-05", "2026-02-06", "2026-02-07"], settlement="08:00 UTC", asof="2026-02-06T01:00Z")
    assert VALUES["dte"](coin).tolist() == [-1.0, 0.0, 1.0]
    assert F.dte(0, 0).mask(coin).tolist() == [False, True, False]


def american_tree(call, S, K, t, r, sigma, q, steps=2000):
    """Delta of an American option by a binomial tree (Cox, Ross and Rubinstein)."""
    dt = t / steps
    up = math.exp(sigma * math.sqrt(dt))
    p = (math.exp((r - q) * dt) - 1 / up) / (up - 1 / up)
    sign = 1.0 if call else -1.0
    values = np.maximum(sign * (S * up ** np.arange(-steps, steps + 1, 2.0) - K), 0.0)
    for n in range(steps - 1, 0, -1):
        spots = S * up ** np.arange(-n, n + 1, 2.0)
        values = np.maximum(math.exp(-r * dt) * (p * values[1:] + (1 - p) * values[:-1]), sign * (spots - K))
    return (values[1] - values[0]) / (S * up - S / up)


def test_american_rows_have_american_deltas():
    terms = [
        ("put", 115.0, 0.06, 0.01),
        ("put", 90.0, 0.06, 0.0),
        ("call", 80.0, 0.01, 0.07),
        ("put", 100.0, 0.0, 0.0),
    ]
    kinds, strikes, rates, yields = zip(*terms, strict=True)
    chain = made(
        ["2026-01-16"] * 4,
        kind=kinds,
        strike=strikes,
        rate=rates,
        dividend_yield=yields,
        exercise="american",
        iv=0.25,
    )
    found = VALUES["delta"](chain)
    t = float(chain.years[0])
    for i, (kind, strike, rate, carry) in enumerate(terms):
        tree = american_tree(kind == "call", 100.0, strike, t, rate, 0.25, carry)
        assert found[i] == pytest.approx(abs(tree), abs=2e-3)
    european = VALUES["delta"](chain.with_columns(exercise="european"))
    assert (found - european)[0] > 0.05
    book = gf.assign_positions(chain)
    np.testing.assert_allclose(
        VALUES["delta"](book), found[np.argsort(chain["expiry"], kind="stable")], rtol=1e-12
    )


def test_rows_of_a_book_that_are_not_vanilla():
    option = {"venue": "X", "multiplier": 2.0, "sigma": 0.4, "expiry": pd.Timestamp("2026-03-27T08:00Z")}
    rows = [
        {"contract": "a", "kind": "call", "strike": 100.0, "position": 3.0, **option},
        {"contract": "b", "kind": "down-in put", "strike": 90.0, "barrier": 70.0, "position": -2.0, **option},
        {"contract": "c", "kind": "perpetual", "venue": "X", "multiplier": 1.0, "position": 5.0},
    ]
    book = gf.Book(pd.DataFrame(rows), "BTC", 100.0, "2026-02-05T09:36Z")
    names = book["contract"]
    assert list(names) == ["a", "b", "c"]
    assert F.delta(0, 1).truth(book).tolist() == [1, 0, 0]
    assert F.moneyness(0.9, 0.9).truth(book).tolist() == [-1, 1, 0]
    assert F.calls().truth(book).tolist() == [1, -1, -1]
    assert F.puts().truth(book).tolist() == [-1, 1, -1]
    assert F.dte(1000).truth(book).tolist() == [-1, -1, 1]
    assert F.quarterly().truth(book).tolist() == [1, 1, -1]
    assert F.expiry("next").truth(book).tolist() == [1, 1, -1]
    part = book.select(F.delta(0, 1))
    assert part.filters == (
        "delta 0 to 1; 60.0% of absolute positions excluded, 2 rows because a value that the filter needs is "
        "missing",
    )  # |-2| x 2 + |5| x 1 of 15
    assert part.title == "BTC (subset: 1 of 3 rows)"


def test_trades_have_categories():
    categories = np.array(["single", "block", "combo", "multi-leg", "auction"], object)

    class Trades(dict):
        pass

    assert F.single_leg().truth(Trades(category=categories)).tolist() == [1, 0, -1, -1, 1]
    assert F.complex_trades().truth(Trades(category=categories)).tolist() == [-1, 0, 1, 1, -1]
    with pytest.raises(gf.SchemaError, match="dte: received Trades, which has no expiry; a chain and"):
        F.dte(0, 7).mask(Trades(category=categories))


class Given(Filter):
    """A filter of known truth."""

    def __init__(self, values):
        self.values = np.array(values, np.int8)

    @property
    def text(self):
        return "given"

    def truth(self, table):
        return self.values


truths = st.lists(st.sampled_from([-1, 0, 1]), min_size=3, max_size=3).map(Given)


@given(truths, truths, truths)
def test_three_valued_logic(a, b, c):
    def same(one, other):
        np.testing.assert_array_equal(one.truth(None), other.truth(None))

    same(~(a & b), ~a | ~b)
    same(~(a | b), ~a & ~b)
    same(a & (b | c), (a & b) | (a & c))
    same(~~a, a)
    kept = a.mask(None).astype(int) + (~a).mask(None) + (a.truth(None) == 0)
    assert (kept == 1).all()
    np.testing.assert_array_equal((a & b).mask(None), a.mask(None) & b.mask(None))
    np.testing.assert_array_equal((a | b).mask(None), a.mask(None) | b.mask(None))


def test_texts_and_pickles():
    wanted = (F.dte(0, 7) & ~(F.puts() | F.monthly())) | F.min_open_interest(1_234_567)
    assert wanted.text == "(dte 0 to 7 and not (puts or monthly)) or open interest >= 1,234,567"
    assert repr(wanted) == f"Filter({wanted.text})"
    assert pickle.loads(pickle.dumps(wanted)) == wanted
    assert [f.text for f in (F.dte(), F.delta(0.5, 0.5), F.moneyness(0, np.inf), F.min_volume(3))] == [
        "dte >= 0",
        "delta 0.5",
        "moneyness >= 0",
        "volume >= 3",
    ]


def test_selections_of_selections():
    chain = gf.demo_chain()
    oi = chain["open_interest"]
    one = chain.select(F.dte(0, 30))
    two = one.select(F.puts(), strike=[60e3, 70e3])
    mask = F.dte(0, 30).mask(chain) & (chain["kind"] == "put") & np.isin(chain["strike"], [60e3, 70e3])
    assert two.selection == Selection(
        ("dte 0 to 30", "puts", "strike=[60000.0, 70000.0]"),
        pytest.approx(oi[mask].sum() / oi.sum(), abs=1e-14),
        "open interest (contracts)",
    )
    assert str(two.quality).count("filter: dte 0 to 30, puts, strike=[60000.0, 70000.0]; 9") == 1
    assert two.quality.to_dict()["selection"]["excluded"] == pytest.approx(1 - oi[mask].sum() / oi.sum())
    assert pickle.loads(pickle.dumps(two)).selection == two.selection
    assert chain.select().selection is None
    assert gf.repair_chain(one).select(F.puts()).selection.words == ("dte 0 to 30", "puts")
    none = chain.with_columns(open_interest=0.0).select(F.puts())
    assert "puts; none of open interest (contracts) excluded" in repr(none)
    assert none.quality.to_dict()["selection"]["excluded"] is None


def test_books_say_how_they_were_selected():
    chain = gf.demo_chain()
    book = gf.assign_positions(chain)
    size = np.abs(book["position"] * book["multiplier"])
    puts, calls = book.select(F.puts()), book.select(~F.puts())
    share = size[book["kind"] == "call"].sum() / size.sum()
    assert puts.selections[0].excluded == pytest.approx(share, abs=1e-14)
    line = f"filter: puts; {share:.1%} of absolute positions excluded"
    near = puts.select(F.dte(0, 7))
    for result in (puts, -puts, gf.aggregate_exposure(puts), gf.sweep_spot(near)):
        assert line in repr(result)
    assert len(near.filters) == 2
    assert (puts + calls).filters == ()
    assert (puts + calls).title == "BTC"
    assert (puts + puts).filters == puts.filters
    assert near.selections[1].excluded == pytest.approx(
        1 - size[(book["kind"] == "put") & (F.dte(0, 7).mask(book))].sum() / size[book["kind"] == "put"].sum()
    )
    assert pickle.loads(pickle.dumps(near)).filters == near.filters
    signed = gf.assign_positions(chain.select(F.dte(0, 7)))
    assert signed.filters == (str(chain.select(F.dte(0, 7)).selection),)
    assert signed.title == "BTC (chain filtered)"
    assert repr(signed).count("filter: ") == 1
    assert gf.find_levels(gf.sweep_spot(signed)).to_dict()["filters"] == list(signed.filters)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: F.dte(7, 3), "dte: received 7 to 3; legal: two numbers, 0 <= low <= high"),
        (lambda: F.delta(-0.5, -0.1), "delta: received -0.5 to -0.1; legal"),
        (lambda: F.moneyness(np.nan), "moneyness: received nan to inf; legal"),
        (lambda: F.dte("a"), "dte: received 'a' to inf; legal"),
        (lambda: F.dte([1, 2]), r"dte: received \[1, 2\] to inf; legal"),
        (lambda: F.min_volume(-1), "volume: received -1 to inf; legal"),
        (lambda: F.expiry("soon"), "expiry: received 'soon'; legal: 'next', 'week', 'month', 'daily'"),
        (lambda: F.expiry("2026-02-30"), "expiry: received '2026-02-30'; legal"),
        (lambda: F.expiry(pd.Timestamp("2026-02-07T08:00")), "expiry: received Timestamp"),
        (lambda: F.expiry(""), "expiry: received ''; legal"),
        (lambda: F.expiry(pd.NaT), "expiry: received NaT; legal"),
        (lambda: F.expiry(3), "expiry: received 3; legal"),
        (lambda: F.expiry([]), r"expiry: received \[\]; legal"),
        (lambda: F.calls() and F.puts(), r"a filter \(calls\) has no single truth value; combine"),
        (lambda: gf.analyze(gf.demo_chain(), where=np.ones(598, bool)), "where: received ndarray; legal"),
    ],
)
def test_illegal_filters(make, words):
    with pytest.raises(gf.SchemaError, match=words):
        make()


def test_what_a_table_cannot_answer():
    chain = gf.demo_chain()
    book = gf.assign_positions(chain)
    for wanted, words in (
        (F.min_volume(1), "select: min_volume: received Book, which has no volume; a chain has"),
        (F.min_open_interest(1), "min_open_interest: received Book, which has no open interest; a chain"),
        (F.single_leg(), "single-leg: received Book, which has no category; a table of trades has it"),
        (F.expiry("2026-02-08"), "received 2026-02-08, on which no row expires; rows expire on 2026-02-06"),
    ):
        with pytest.raises(gf.SchemaError, match=words):
            book.select(wanted & F.calls())
    with pytest.raises(gf.SchemaError) as error:
        book.select(F.min_volume(1), colour="red")
    assert len(str(error.value).splitlines()) == 2
    with pytest.raises(TypeError):
        F.calls() & (chain["kind"] == "call")
    with pytest.raises(TypeError):
        (chain["kind"] == "call") & F.calls()


def test_analysis_filters_after_financing(shared):
    ibit = gf.read_chain(shared / IBIT).select(F.expiry(["2026-08-21", "2027-01-15"]))
    wanted = F.delta(0.05, 0.5) & F.dte(60)
    for chain, repair in ((ibit, False), (gf.demo_chain(), True)):
        whole = gf.analyze(chain, repair=repair)
        report = gf.analyze(chain, repair=repair, where=wanted)
        assert report.financing == whole.financing
        mask = wanted.mask(whole.book)
        assert report.book["contract"].tolist() == whole.book["contract"][mask].tolist()
        gamma = gf.aggregate_exposure(whole.book, by=("contract",)).table["gamma"].to_numpy()
        order = np.argsort(whole.book["contract"].astype(str))
        assert report.exposure.total()["gamma"] == pytest.approx(gamma[mask[order]].sum(), rel=1e-12)
        assert report.chain.selection == report.quality.selection
        assert report.to_dict()["filters"] == [str(report.chain.selection)]
        # With the rates of parity, other rows of IBIT have a delta from 0.05 to 0.5 than without rates.
        assert (set(chain.select(wanted)["contract"]) != set(report.chain["contract"])) == (chain is ibit)


def test_analysis_of_the_made_up_chain_and_of_its_book():
    chain, wanted = gf.demo_chain(), F.dte(0, 30) & F.puts()
    book = gf.assign_positions(chain)
    by_chain, by_book = gf.analyze(chain, where=wanted), gf.analyze(book, where=wanted)
    table = gf.aggregate_exposure(book, by=("contract",)).table["gamma"]
    mine = set(chain["contract"][wanted.mask(chain)])
    total = sum(value for name, value in table.items() if name in mine)
    for report in (by_chain, by_book):
        assert report.levels.gamma == pytest.approx(total, rel=1e-12)
        text = report.book.filters[0]
        assert text.startswith("dte 0 to 30 and puts; ")
        assert ("filter", text) in report.facts()
        assert f"| filter | {text} |" in report.to_markdown()
    assert by_chain.levels.gamma == by_book.levels.gamma


def test_comparisons_and_bands_name_the_filter():
    chain = gf.demo_chain()
    part = chain.select(F.dte(0, 7), strike=[60e3, 65e3, 70e3, 75e3, 80e3])
    line = f"filter: {part.selection}"
    book = gf.assign_positions(part)
    assert line in gf.compare_rules(part, ["short_all"]).lines
    assert repr(gf.sign_bands(part, draws=100)).count(line) == 1
    assert line in repr(gf.compare_books(book, book.at(spot=70_000.0)))
    assert f"filter: none; later {part.selection}" in repr(gf.compare_books(gf.assign_positions(chain), book))


def test_trades_select_by_filter():
    columns = {
        "contract": ["BTC-27MAR26-70000-P"] * 3, "price": [0.06, 0.07, 0.08], "size": [1.0, 2.0, 4.0],
        "timestamp": pd.to_datetime(["2026-02-05T09:36Z"] * 3), "category": ["single", "block", "combo"],
    }  # fmt: skip
    trades = gf.Trades(columns)
    assert trades.select(F.single_leg())["size"].tolist() == [1.0]
    assert trades.select(F.complex_trades())["size"].tolist() == [4.0]
    with pytest.raises(gf.SchemaError, match="select: dte: received Trades, which has no expiry"):
        trades.select(F.dte(0, 7))
