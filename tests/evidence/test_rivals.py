"""Dealers' hedging by type of customers' book against Black-Scholes deltas written out (A24)."""

from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import gammaflow as gf
from gammaflow.evidence import rivals

mpl.use("Agg")

MARKET = {"spot": 41.57, "sigma": 0.62, "days": 24.0, "rate": 0.036, "dividend_yield": 0.015,
          "contracts": 3_750.0}  # fmt: skip
PATH = np.array([41.57, 40.0, 37.2, 35.3, 36.10])


def formula(kind, S, K, t, r, q, sigma):
    """Price and delta of one option, written out."""
    d1 = (np.log(S / K) + (r - q + 0.5 * sigma**2) * t) / (sigma * np.sqrt(t))
    d2, w = d1 - sigma * np.sqrt(t), 1.0 if kind == "call" else -1.0
    price = w * (S * np.exp(-q * t) * norm.cdf(w * d1) - K * np.exp(-r * t) * norm.cdf(w * d2))
    return price, w * np.exp(-q * t) * norm.cdf(w * d1)


def holder(name, spots, beta=0.0, quoted=None):
    """Value and delta of the customers' book at each spot, in currency and units."""
    value, delta = np.zeros(len(spots)), np.zeros(len(spots))
    x = np.log((spots if quoted is None else quoted) / MARKET["spot"])
    sigma = np.maximum(MARKET["sigma"] + beta * x, 0.25 * MARKET["sigma"])
    for leg in rivals.BOOK_TYPES[name].legs:
        years = MARKET["days"] * leg.tenor / 365.0
        found = formula(leg.kind, spots, leg.moneyness * MARKET["spot"], years, MARKET["rate"],
                        MARKET["dividend_yield"], sigma)  # fmt: skip
        size = 100.0 * MARKET["contracts"] * leg.position
        value, delta = value + size * found[0], delta + size * found[1]
    return value, delta


@pytest.fixture(scope="module", params=[0.0, -1.5])
def found(request):
    return request.param, rivals.dealer_flow(rivals.books(**MARKET), PATH, beta=request.param)


@pytest.mark.parametrize("name", list(rivals.BOOK_TYPES))
def test_flow_is_the_sum_of_small_hedges(found, name):
    """Dealers are long minus the customers' options and hold the customers' delta in shares against them."""
    beta, result = found
    flow, ways = [0.0], {True: 0.0, False: 0.0}
    for start, end in pairwise(PATH):
        spots = np.geomspace(start, end, 4_001)
        trades = np.sqrt(spots[1:] * spots[:-1]) * np.diff(holder(name, spots, beta)[1])
        flow.append(flow[-1] + trades.sum())
        for way in ways:
            ways[way] += np.abs(trades[(trades > 0.0) == ((end > start) == way)]).sum()
    gross = 100.0 * MARKET["contracts"] * MARKET["spot"]
    assert result.flows[name].loc[PATH].to_numpy() == pytest.approx(flow, abs=1e-7 * gross)
    assert result.table.loc[name, "flow"] == pytest.approx(flow[-1], abs=1e-7 * gross)
    assert result.table.loc[name, "accelerating"] == pytest.approx(ways[True], abs=2e-5 * gross)
    assert result.table.loc[name, "dampening"] == pytest.approx(ways[False], abs=2e-5 * gross)
    for column, spot in (("start_per_1pct", PATH[0]), ("end_per_1pct", PATH[-1])):
        around = spot * np.exp([-1e-4, 1e-4])
        slope = 0.01 * spot * np.diff(holder(name, around, beta)[1])[0] / 2e-4
        assert result.table.loc[name, column] == pytest.approx(slope, abs=1e-5 * gross)


@pytest.mark.parametrize("name", list(rivals.BOOK_TYPES))
def test_stress_of_the_holder_by_hand(found, name):
    beta, result = found
    spots = result.profits.index.to_numpy()
    value, shares = holder(name, spots, beta)
    row = result.stress.loc[name]
    profit = value - value[0]
    assert result.profits[name].to_numpy() == pytest.approx(profit, abs=1e-3)
    assert row["value"] == pytest.approx(value[0], abs=1e-3)
    assert row["lowest_profit"] == pytest.approx(profit.min(), abs=1e-3)
    assert row["closing_flow"] == pytest.approx(-36.10 * shares[-1], rel=1e-8)
    moves = [k * 0.03 for k in range(-5, 6) if k]
    losses = [value - holder(name, spots * (1.0 + m), beta, spots)[0] for m in moves]
    margin = np.maximum(np.max(losses, axis=0), 0.0)
    assert row[["margin_start", "margin_end"]].to_numpy() == pytest.approx([margin[0], margin[-1]], abs=1e-3)
    kind = rivals.BOOK_TYPES[name]
    equity = max(value[0], margin[0]) - kind.financed * max(value[0], 0.0) + profit
    sold = any(leg.position < 0.0 for leg in kind.legs)
    lacking = (margin if sold else 0.0) - equity
    assert row["shortfall"] == pytest.approx(max(0.0, lacking.max()), abs=1e-3)


def test_the_verdict_does_not_depend_on_the_spots_that_are_named():
    books = rivals.books(["put spread", "long calls"])
    one, many = (rivals.dealer_flow(books, path) for path in ([70.0], np.geomspace(99.9, 70.0, 500)))
    assert one.table["verdict"].to_list() == many.table["verdict"].to_list() == ["both", "accelerates"]
    columns = ["flow", "accelerating", "dampening", "end_per_1pct"]
    assert one.table[columns].to_numpy() == pytest.approx(many.table[columns].to_numpy(), rel=1e-3)
    assert one.stress.to_numpy() == pytest.approx(many.stress.to_numpy(), rel=1e-3)
    steps = np.abs(np.diff(np.log(one.flows.index)))
    assert steps.max() <= 0.005 + 1e-12
    assert one.flows.index[[0, -1]].to_list() == [100.0, 70.0]


def test_the_flow_is_that_of_hedge_flow():
    books = rivals.books(["put spread"], **MARKET)
    found = rivals.dealer_flow(books, [36.10], beta=-2.0)
    whole = gf.hedge_flow(
        books["put spread"], spot=36.10, dynamics=gf.dynamics.spot_vol_beta(-2.0), steps=512
    )
    assert found.table.loc["put spread", "flow"] == pytest.approx(whole.along.sum(), rel=1e-5)


def test_a24_long_calls_do_accelerate_and_short_puts_do_not():
    """The claim is about the holder's margin: there, and on closing, short puts are the dangerous ones."""
    found = rivals.dealer_flow(["long calls", "short calls", "long puts", "short puts"])
    assert found.table["verdict"].to_dict() == {
        "long calls": "accelerates", "short calls": "dampens", "long puts": "accelerates",
        "short puts": "dampens",
    }  # fmt: skip
    calls = found.table.loc["long calls"]
    assert calls["end_per_1pct"] < 0.04 * calls["start_per_1pct"]  # decays to nothing
    slope = np.diff(found.flows["long calls"])
    assert (slope < 0.0).all()
    assert found.stress.loc["long calls", "shortfall"] == 0.0
    assert found.stress.loc["short puts", "shortfall"] > 0.0
    assert found.stress.loc["long calls", "lowest_profit"] > -found.stress.loc["long calls", "value"]
    closing = found.stress["closing_flow"]
    assert closing["short puts"] < 100.0 * closing["long calls"] < 0.0


def test_mirrors_spreads_parity_and_scale():
    legs = {
        "stock by parity": rivals.BookType((rivals.Leg("call", 1.0, 1.0), rivals.Leg("put", 1.0, -1.0)), ""),
        "call": rivals.BookType((rivals.Leg("call", 0.95, 2.0),), ""),
        "put": rivals.BookType((rivals.Leg("put", 0.95, 2.0),), ""),
    }
    found = rivals.dealer_flow(rivals.books(legs, **MARKET))
    assert found.table.loc["stock by parity", "verdict"] == "none"
    assert found.flows["call"].to_numpy() == pytest.approx(found.flows["put"].to_numpy(), rel=1e-8, abs=1.0)
    half = rivals.dealer_flow(rivals.books(legs, **MARKET), hedge_fraction=0.5)
    assert half.table["flow"].to_numpy() == pytest.approx(0.5 * found.table["flow"].to_numpy(), abs=1e-3)
    mirrored = rivals.dealer_flow({"sold": -rivals.books(legs, **MARKET)["call"]})
    assert mirrored.table.loc["sold", "flow"] == pytest.approx(-found.table.loc["call", "flow"])
    up = rivals.dealer_flow(["long calls", "short puts"], [120.0])
    assert up.table["verdict"].to_list() == ["accelerates", "dampens"]
    spread = rivals.dealer_flow(["put spread"]).table.loc["put spread"]
    assert spread["verdict"] == "both"
    assert 85.0 < spread["turns_at"] < 95.0
    back = rivals.dealer_flow(["long puts"], [90.0, 100.0]).table.loc["long puts"]
    assert back["flow"] == pytest.approx(0.0, abs=1e-6 * back["accelerating"])
    assert back["verdict"] == "accelerates"


def test_a_borrowed_premium_is_called_though_the_options_are_long():
    market = {**MARKET, "contracts": 100.0}
    free = rivals.dealer_flow(rivals.books(["long calls"], **market), PATH).stress.loc["long calls"]
    borrowed = rivals.dealer_flow(rivals.books(["long calls"], **market), PATH, financed={"long calls": 0.9})
    row = borrowed.stress.loc["long calls"]
    assert free["shortfall"] == 0.0
    assert row["shortfall"] == pytest.approx(-(0.1 * row["value"] + row["lowest_profit"]))
    assert "premium borrowed: long calls 90 %" in borrowed.summary()


def test_american_options_and_rows_without_a_price():
    book = rivals.books(["long puts"], **MARKET)["long puts"]
    american = gf.Book({**book.columns, "exercise": np.array(["american"], object)}, book.symbol, book.spot,
                       book.asof)  # fmt: skip
    found = rivals.dealer_flow({"american": american}, PATH)
    years, strike = MARKET["days"] / 365.0, 0.95 * MARKET["spot"]
    prices = gf.american.price("p", PATH, strike, years, MARKET["rate"], MARKET["sigma"], 0.015)
    profit = 100.0 * MARKET["contracts"] * (prices - prices[0])
    assert found.profits["american"].loc[PATH].to_numpy() == pytest.approx(profit, rel=1e-6, abs=1e-3)
    columns = {"contract": ["PERP"], "venue": ["x"], "kind": ["perpetual"], "position": [-25.0],
               "multiplier": [1.0]}  # fmt: skip
    perpetual = gf.Book(columns, "underlying", 100.0, "2026-02-04T21:00Z")
    row = rivals.dealer_flow({"perpetual": perpetual}, [90.0])
    assert row.stress.loc["perpetual"].drop("closing_flow").isna().all()
    assert row.stress.loc["perpetual", "closing_flow"] == pytest.approx(-25.0 * 90.0)
    assert row.table.loc["perpetual", "verdict"] == "none"


def test_a_barrier_is_hit_once():
    columns = {
        "contract": ["knock-in"], "venue": ["x"], "expiry": [pd.Timestamp("2026-06-30T20:00Z")],
        "strike": [100.0], "kind": ["down-in put"], "position": [500.0], "multiplier": [100.0],
        "sigma": [0.56], "barrier": [80.0],
    }  # fmt: skip
    book = gf.Book(columns, "underlying", 100.0, "2026-02-04T21:00Z")
    found = rivals.dealer_flow({"notes": book}, [90.0, 79.0])
    whole = gf.hedge_path(book, low=50.0, high=150.0).flows([90.0, 79.0])["total"]
    assert found.flows["notes"].loc[[90.0, 79.0]].to_numpy() == pytest.approx(whole.to_numpy(), rel=1e-8)
    with pytest.raises(gf.SchemaError, match="one that turns, past a barrier at 80"):
        rivals.dealer_flow({"notes": book}, [79.0, 90.0])
    assert rivals.dealer_flow({"notes": book}, [85.0, 90.0]).table.loc["notes", "verdict"]


def test_text_and_pictures(found):
    _, result = found
    for text in (result.summary(), result._repr_html_()):
        assert "holders' stress (no flow unless they close):" in text
    assert not set(result.table) & set(result.stress)
    ax = result.plot()
    line = ax.lines[list(result.flows).index("short puts")]
    assert line.get_ydata() == pytest.approx(result.flows["short puts"] / 1e6)
    assert line.get_xdata() == pytest.approx(100.0 * (result.flows.index / PATH[0] - 1.0))
    assert {text.get_text() for text in ax.texts} == set(rivals.BOOK_TYPES)
    assert ax.get_xlim()[1] < 100.0 * (PATH.min() / PATH[0] - 1.0) < 0.0  # names beyond the lowest spot
    bars = result.plot_stress()
    assert [bar.get_width() for bar in bars.containers[0]] == pytest.approx(
        result.stress["lowest_profit"] / 1e6
    )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: rivals.dealer_flow("long calls"), "types: received 'long calls'; legal: names among"),
        (lambda: rivals.dealer_flow(["straddle"]), "types: received 'straddle'; legal: 'long calls'"),
        (lambda: rivals.dealer_flow([]), r"types: received \[\]"),
        (
            lambda: rivals.dealer_flow(["long puts"], [-0.13], beta="x"),
            r"beta: received 'x'[\s\S]*path: received \[-0.13\]; legal: one spot > 0",
        ),
        (lambda: rivals.dealer_flow(["long puts"], [0.87]), "received 0.87 for a spot of 100"),
        (lambda: rivals.dealer_flow(["long puts"], "down"), "path: received 'down'"),
        (lambda: rivals.dealer_flow(["long puts"], financed={"x": 0.5}), "financed: received 'x'"),
        (lambda: rivals.dealer_flow(["long puts"], financed=0.5), "financed: received 0.5"),
        (
            lambda: rivals.dealer_flow(["long puts"], financed={"long puts": 80}, margin_move=15),
            r"margin_move: received 15[\s\S]*financed\['long puts'\]: received 80",
        ),
        (
            lambda: rivals.dealer_flow({"a": rivals.books(["long puts"])["long puts"], "b": 1}),
            r"book_types\['b'\]: received int; legal: a Book",
        ),
        (
            lambda: rivals.dealer_flow(
                {str(s): rivals.books(["long puts"], spot=s)["long puts"] for s in (90.0, 100.0)}
            ),
            "all must be of one underlying and spot",
        ),
        (
            lambda: rivals.books(spot=0, sigma=-0.5, days=0, contracts=0, multiplier=0),
            r"spot: [\s\S]*sigma: [\s\S]*days: [\s\S]*contracts: [\s\S]*multiplier: ",
        ),
        (lambda: rivals.books(asof="2026-02-04"), "no time zone"),
        (lambda: rivals.BookType((), "nothing"), "legs: received ()"),
        (
            lambda: rivals.BookType((rivals.Leg("swap", -1.0, 1.0),), "", financed=2.0),
            r"kind: received 'swap'[\s\S]*moneyness: received -1[\s\S]*financed: received 2",
        ),
    ],
)
def test_refusals(call, words):
    with pytest.raises(gf.SchemaError, match=words):
        call()


def test_implausible_volatility_is_told():
    assert rivals.dealer_flow(rivals.books(["long puts"], sigma=56.0)).warnings
    assert "beta: received -300" in rivals.dealer_flow(["long puts"], [99.99], beta=-300).warnings[0]
    assert isinstance(rivals.dealer_flow(["long puts"]).table, pd.DataFrame)
