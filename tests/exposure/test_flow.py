from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.exposure.dynamics import STICKY_MONEYNESS, spot_vol_beta
from gammaflow.exposure.flow import CAUSES, flow_ladder, hedge_flow
from gammaflow.positions.book import Book
from support.books import ASOF, random_book


def units(book, spot, days=0.0, vol_shift=0.0):
    """Dealers' delta in units of the underlying: e^(-q t) N(+-d1) of each row that has not expired."""
    rows = book.to_frame()
    t = (rows["expiry"] - book.asof).dt.total_seconds().to_numpy() / (365 * 86_400) - days / 365
    rows, t = rows[t > 0], t[t > 0]
    sigma, r = rows["sigma"].to_numpy() + vol_shift, rows["rate"].to_numpy()
    ratio = rows["forward_ratio"].to_numpy()  # on a forward that keeps its ratio to spot, as time passes too
    q = np.where(np.isnan(ratio), rows["dividend_yield"], r)
    ratio = np.where(np.isnan(ratio), 1.0, ratio)
    d1 = (np.log(ratio * spot / rows["strike"]) + (r - q + 0.5 * sigma**2) * t) / (sigma * np.sqrt(t))
    side = np.where(rows["kind"] == "call", 1.0, -1.0)
    delta = side * np.exp(-q * t) * ndtr(side * d1)
    return float((rows["position"] * rows["multiplier"] * ratio * delta).sum())


def gross(book):
    """All positions' units of the underlying in money: no delta is larger."""
    return float(np.abs(book.size).sum() * book.spot)


def event_book(spot=73_300.0):
    """Short puts every 1,000 from 64,000 to 71,000 at 8 and 23 days, IV 56 %, -100m per 1 % at 68,000."""

    def short(contracts):
        strikes = np.tile(np.arange(64_000.0, 71_001.0, 1_000.0), 2)
        days = np.repeat([8.0, 23.0], 8)
        columns = {
            "contract": np.array([f"P{i}" for i in range(16)], object),
            "venue": np.array(["test"] * 16, object),
            "expiry": pd.DatetimeIndex(ASOF + pd.to_timedelta(days, unit="D")),
            "strike": strikes,
            "kind": np.array(["put"] * 16, object),
            "position": np.full(16, -contracts),
            "multiplier": np.ones(16),
            "sigma": np.full(16, 0.56),
        }
        return Book(columns, "BTC", spot, ASOF)

    one = gf.sweep_spot(short(1.0), [68_000.0]).table["gamma"].iloc[0]
    return short(-100e6 / one)


@pytest.mark.parametrize(
    ("spot", "days", "vol_shift"),
    [(93.0, 0.0, 0.0), (108.0, 3.0, 0.05), (100.0, 1.0, 0.0), (100.0, 0.0, -0.03), (81.0, 60.0, 0.2)],
)
def test_the_total_is_the_change_of_units_at_the_spot_arrived_at(spot, days, vol_shift):
    book = random_book(3, rows=200)
    flow = hedge_flow(book, spot=spot, days=days, vol_shift=vol_shift)
    expected = -(units(book, spot, days, vol_shift) - units(book, 100.0)) * spot
    assert abs(flow.total - expected) < 1e-12 * gross(book)


@given(
    seed=st.integers(0, 200),
    spot=st.floats(60.0, 160.0),
    days=st.sampled_from([0.0, 0.3, 0.4, 1.4, 30.0, 141.0, 500.0]),
    vol_shift=st.floats(-0.1, 0.5),
    steps=st.integers(1, 20),
)
@settings(max_examples=60)
def test_the_causes_add_up_to_the_total_whatever_the_move(seed, spot, days, vol_shift, steps):
    book = random_book(seed, rows=40)
    flow = hedge_flow(book, spot=spot, days=days, vol_shift=vol_shift, steps=steps)
    expected = -(units(book, spot, days, vol_shift) - units(book, 100.0)) * spot
    assert abs(flow.table.loc[list(CAUSES), "flow"].sum() - expected) < 1e-12 * gross(book)
    assert abs(flow.table.loc["total", "flow"] - expected) < 1e-12 * gross(book)
    assert abs(flow.by_expiry["total"].sum() - expected) < 1e-12 * gross(book)
    assert abs(flow.first_order.sum() - flow.table.loc["total", "first_order"]) < 1e-12 * gross(book)


@pytest.mark.parametrize("dynamics", ["sticky_strike", "sticky_moneyness", spot_vol_beta(-2.0)])
def test_no_move_needs_no_flow(dynamics):
    flow = hedge_flow(random_book(4, rows=100), dynamics=dynamics)
    assert flow.total == 0.0
    assert (flow.flows == 0.0).all()
    assert (flow.table.to_numpy() == 0.0).all()
    assert " -0 " not in repr(flow)
    assert ": -0)" not in repr(flow)


def test_a_cause_that_does_not_move_has_no_flow():
    book = random_book(4, rows=100)
    for cause, move in {
        "spot": {"spot": 95.0},
        "time": {"days": 3.0},
        "volatility": {"vol_shift": 0.1},
    }.items():
        flow = hedge_flow(book, **move)
        assert flow.table.loc[cause, "flow"] == pytest.approx(flow.total, rel=1e-12)
        assert (flow.table["flow"].drop([cause, "total"]) == 0.0).all()


def test_dealers_trade_against_the_sign_of_their_gamma():
    """Short puts: sell when spot falls. The opposite book does the opposite; flows add over books."""
    book = event_book()
    fall, rise = hedge_flow(book, spot=70_000.0), hedge_flow(book, spot=76_000.0)
    assert fall.total < 0 < rise.total
    assert hedge_flow(-book, spot=70_000.0).total == -fall.total
    frame = book.to_frame()
    parts = [Book(part, "BTC", book.spot, ASOF) for part in (frame.iloc[:5], frame.iloc[5:])]
    assert sum(hedge_flow(p, spot=70_000.0).total for p in parts) == pytest.approx(fall.total, rel=1e-12)


def test_small_moves_are_the_greeks_times_the_move():
    book = random_book(6, rows=100)
    total = gf.aggregate_exposure(book).total()
    flow = hedge_flow(book, spot=100.01, days=1e-3, vol_shift=1e-4).table
    first = [-total["gamma"] * 0.01, -total["charm"] * 1e-3, -total["vanna"] * 0.01]
    np.testing.assert_allclose(flow["first_order"].iloc[:3], first, rtol=1e-9)
    np.testing.assert_allclose(flow["flow"].iloc[:3], first, rtol=0.03)
    assert np.abs(flow["residual"]).max() < 0.03 * np.abs(first).max()


def test_one_step_is_the_mean_over_the_orders_of_the_causes():
    book = random_book(7, rows=50)
    ends = ((100.0, 91.0), (0.0, 0.3), (0.0, 0.08))
    shares = np.zeros(3)
    for order in permutations(range(3)):
        at = [0, 0, 0]
        for cause in order:
            before = units(book, *(e[i] for e, i in zip(ends, at, strict=True)))
            at[cause] = 1
            shares[cause] += (units(book, *(e[i] for e, i in zip(ends, at, strict=True))) - before) / 6
    flow = hedge_flow(book, spot=91.0, days=0.3, vol_shift=0.08, steps=1)
    np.testing.assert_allclose(flow.flows.sum(axis=1), -91.0 * shares, rtol=1e-10)


def test_the_split_converges_with_the_square_of_the_steps():
    book = random_book(8, rows=100)
    move = {"spot": 92.0, "days": 0.35, "vol_shift": 0.1}
    split = {n: hedge_flow(book, **move, steps=n).flows.sum(axis=1) for n in (8, 16, 512)}
    coarse, fine = (np.abs(split[n] - split[512]).max() for n in (8, 16))
    assert coarse / fine == pytest.approx(4.0, rel=0.1)


def test_an_expiry_that_passes_drops_out_in_time():
    """A put deep in the money until its expiry: neither spot nor volatility has a share, all delta goes."""
    columns = {
        "contract": np.array(["A", "B"], object),
        "venue": np.array(["test"] * 2, object),
        "expiry": pd.DatetimeIndex([ASOF + pd.Timedelta("1D"), ASOF + pd.Timedelta("40D")]),
        "strike": np.array([500.0, 100.0]),
        "kind": np.array(["put", "call"], object),
        "position": np.array([-3.0, 2.5]),
        "multiplier": np.array([10.0, 10.0]),
        "sigma": np.array([0.4, 0.4]),
        "rate": np.array([0.03, 0.03]),
    }
    book = Book(columns, "TEST", 100.0, ASOF)
    by_expiry = hedge_flow(book, spot=97.0, days=2.0, vol_shift=0.05).by_expiry
    assert by_expiry["time"].iloc[0] == pytest.approx(3.0 * 10.0 * 97.0, rel=1e-9)
    assert abs(by_expiry[["spot", "volatility"]].iloc[0]).max() < 1e-6
    for days in (1.0, np.nextafter(1.0, 2.0)):
        assert hedge_flow(book, days=days).by_expiry["total"].iloc[0] == pytest.approx(3_000.0, rel=1e-9)
    before = hedge_flow(book, days=1.0 - 1e-6).by_expiry["total"].iloc[0]
    assert before == pytest.approx(0.0, abs=1e-6)


@given(st.lists(st.floats(1e-3, 900.0), min_size=1, max_size=6, unique=True))
def test_every_expiry_has_dropped_out_at_its_moment(days):
    from gammaflow.exposure.flow_path import drop_days

    expiries = ASOF + pd.to_timedelta(np.round(days, 4), unit="D")
    book = random_book(0, rows=len(days), expiry=pd.DatetimeIndex(expiries))
    for drop in drop_days(book):
        years, _ = book.rolled(drop)
        alive, _ = book.rolled(drop * (1 - 1e-12))
        assert (years > 0).sum() < (alive > 0).sum()


def test_the_order_of_the_causes_decides_an_end_to_end_split_and_not_ours():
    """A fall of 13.2 % with volatility up 3 points per 1 %: a study's figures for this book, in $bn.

    The study values each trade at the spot it is made at; its end-to-end figures are reproduced at the
    geometric mean of the first and the last spot.
    """
    book = event_book()
    assert -book["position"].sum() == pytest.approx(41_000, abs=300)
    end = 0.868 * book.spot
    shift = -3.0 * np.log(0.868)
    flow = hedge_flow(book, spot=end, vol_shift=shift)

    mean = np.sqrt(book.spot * end) / 1e9
    start, fallen = units(book, book.spot), units(book, end)
    shifted, there = units(book, book.spot, 0.0, shift), units(book, end, 0.0, shift)
    gamma_first, vanna_first = -(there - fallen) * mean, -(shifted - start) * mean
    assert gamma_first == pytest.approx(0.27, abs=0.005)
    assert vanna_first == pytest.approx(-0.23, abs=0.005)

    along = flow.table["along"] / 1e9
    assert along["spot"] == pytest.approx(-1.02, abs=0.005)
    assert along["volatility"] == pytest.approx(-0.04, abs=0.005)
    assert along["total"] == pytest.approx(-1.05, abs=0.005)
    at_end = flow.table["flow"] / 1e9
    assert at_end["spot"] == pytest.approx(-0.9425, abs=1e-3)
    assert at_end["volatility"] == pytest.approx(-0.0300, abs=1e-3)
    assert at_end["total"] == pytest.approx(-0.9725, abs=1e-3)
    assert flow.table.loc["volatility", "first_order"] / 1e9 == pytest.approx(-0.388, abs=1e-3)
    alone = hedge_flow(book, spot=end).table["along"] / 1e9
    assert alone["total"] == pytest.approx(-1.31, abs=0.005)


def test_vanna_sells_on_the_way_to_the_strikes_and_buys_beyond():
    """The study's trough of the flow from volatility: -0.09bn at about 68,300."""
    book = event_book()

    def from_volatility(spot):
        flow = hedge_flow(book, spot=spot, vol_shift=-3.0 * np.log(spot / book.spot))
        return flow.table.loc["volatility", "along"] / 1e9

    spots = np.arange(66_000.0, 71_000.0, 100.0)
    values = np.array([from_volatility(s) for s in spots])
    assert spots[values.argmin()] == pytest.approx(68_300, abs=100)
    assert values.min() == pytest.approx(-0.092, abs=0.001)


@pytest.mark.parametrize("moneyness", [0.7, 0.95, 1.0, 1.05, 1.4])
def test_short_puts_sell_on_a_rise_of_volatility_where_d2_is_positive(moneyness):
    """r = q = 0: S > K e^(sigma^2 t / 2) [d2 > 0]."""
    book = event_book()
    spot = 67_000.0 * moneyness
    sigma, years = book["sigma"][0], book.years
    frame = book.to_frame().assign(strike=67_000.0)
    flow = hedge_flow(Book(frame, "BTC", spot, ASOF), vol_shift=1e-4).by_expiry["volatility"]
    sells = spot > 67_000.0 * np.exp(sigma**2 * years[book.expiry_starts[:-1]] / 2)
    np.testing.assert_array_equal(flow < 0, sells)


def test_volatility_that_follows_spot_belongs_to_spot():
    book = random_book(9, rows=100)
    for dynamics in (STICKY_MONEYNESS, spot_vol_beta(-2.0)):
        flow = hedge_flow(book, spot=95.0, dynamics=dynamics)
        profile = gf.sweep_spot(book, [95.0, 100.0], dynamics=dynamics).table["delta"]
        expected = -(profile[95.0] / 95.0 - profile[100.0] / 100.0) * 95.0
        assert flow.total == pytest.approx(expected, rel=1e-9)
        assert flow.table.loc["volatility", "flow"] == 0.0
        assert str(dynamics) in repr(flow)
    beta = hedge_flow(book, spot=95.0, dynamics=spot_vol_beta(-2.0))
    same = hedge_flow(book, spot=95.0, vol_shift=-2.0 * np.log(0.95))
    assert beta.total == pytest.approx(same.total, rel=1e-9)
    expected = -(units(book, 95.0, vol_shift=-2.0 * np.log(0.95)) - units(book, 100.0)) * 95.0
    assert beta.total == pytest.approx(expected, rel=1e-9)


def test_the_ladder_equals_single_flows():
    book = random_book(10, rows=100)
    ladder = flow_ladder(book)
    table = ladder.table
    for (change, move), row in table.iterrows():
        how = {
            "spot_percent": {"spot": 100.0 * (1 + move / 100)},
            "hours": {"days": move / 24},
            "vol_points": {"vol_shift": move / 100},
        }[change]
        single = hedge_flow(book, **how, steps=1)
        assert row["flow"] == pytest.approx(single.total, rel=1e-11)
        assert row["first_order"] == pytest.approx(single.table.loc["total", "first_order"], rel=1e-11)
        assert row["residual"] == pytest.approx(row["flow"] - row["first_order"], rel=1e-9, abs=1e-6)
    assert table.loc["spot_percent"].index.tolist() == [
        -10, -7.5, -5, -3, -2, -1, -0.5, 0.5, 1, 2, 3, 5, 7.5, 10
    ]  # fmt: skip
    assert table.loc["vol_points"].index.min() == -10
    assert table.loc["vol_points"].index.max() == 10


def test_the_ladder_of_hours_ends_with_the_next_expiry():
    book = random_book(11, rows=100)
    hours = flow_ladder(book).table.loc["hours"]
    assert hours.index.tolist() == pytest.approx([1, 2, 3, 4, 6, 8, 9.6 - 1 / 60, 9.6])
    before = 100.0 * units(book.select(book["expiry"] == book["expiry"].min()), 100.0, (9.6 - 1 / 60) / 24)
    assert abs(before) > 1e5
    assert np.diff(hours["flow"])[-1] == pytest.approx(before, rel=1e-3)


def test_a_ladder_counts_volatilities_that_cannot_fall_so_far():
    book = random_book(12, rows=20, sigma=np.linspace(0.06, 0.5, 20))
    ladder = flow_ladder(book)
    points = ladder.table.loc["vol_points", "flow"]
    assert points.index[points.isna()].tolist() == [-10.0, -7.5]
    assert "2 moves would take a vol to 0 or below and have no flow" in repr(ladder)
    assert "would take a vol" not in repr(flow_ladder(book, vol_points=[1.0]))


def test_own_moves_and_none():
    book = random_book(12, rows=20)
    ladder = flow_ladder(book, spot_percent=[0.0, 4.0], hours=[0.0], vol_points=[0.0])
    assert ladder.table.index.tolist() == [
        ("spot_percent", 0.0),
        ("spot_percent", 4.0),
        ("hours", 0.0),
        ("vol_points", 0.0),
    ]
    assert (ladder.table["flow"].to_numpy() == 0.0).tolist() == [True, False, True, True]
    assert flow_ladder(book, spot_percent=[], hours=[], vol_points=[]).table.empty


def test_flows_are_compared_with_volume_and_depth():
    book = event_book()
    flow = hedge_flow(book, spot=66_000.0, vol_shift=0.1)
    table = flow.against(adv=5e9, depth=300e6)
    assert table.loc["total", "share_of_adv"] == pytest.approx(flow.total / 5e9)
    assert table.loc["spot", "percent_of_spot"] == pytest.approx(flow.table.loc["spot", "flow"] / 300e6)
    assert "share_of_adv" not in flow.against(depth=1.0)
    ladder = flow_ladder(book)
    compared = ladder.against(adv=1e9)
    np.testing.assert_allclose(compared["share_of_adv"], ladder.table["flow"] / 1e9)
    assert "share_of_adv" not in ladder.table


def test_illegal_arguments_are_refused_all_at_once():
    book = random_book(0)
    with pytest.raises(SchemaError) as error:
        hedge_flow(book, spot=-1, days=-2, vol_shift=-3, steps=0, dynamics="sticky")
    for text in ("spot: received -1", "days: received -2", "vol_shift: received -3", "steps: received 0",
                 "dynamics: received 'sticky'"):  # fmt: skip
        assert text in str(error.value)
    with pytest.raises(SchemaError, match=r"steps: received 2\.5; steps must be a whole number"):
        hedge_flow(book, steps=2.5)
    with pytest.raises(SchemaError) as error:
        flow_ladder(book, spot_percent=[-100], hours=[-1], vol_points=[np.nan], dynamics="x")
    for text in (
        "spot_percent: received -100",
        "hours: received -1",
        "vol_points: received nan",
        "dynamics:",
    ):
        assert text in str(error.value)
    flow = hedge_flow(book)
    with pytest.raises(SchemaError, match="adv, depth: received neither"):
        flow.against()
    with pytest.raises(SchemaError, match=r"adv: received 0[\s\S]*depth: received -1"):
        flow_ladder(book).against(adv=0, depth=-1)


def test_results_are_frozen_and_say_what_they_are():
    book = gf.assign_positions(gf.demo_chain())
    flow = hedge_flow(book, spot=65_000, days=1.5, vol_shift=0.1)
    with pytest.raises(AttributeError):
        flow.spot = 1.0
    for array in (flow.flows, flow.along, flow.first_order):
        assert not array.flags.writeable
    text = repr(flow)
    assert "spot 71,470.00 to 65,000.00 (-9.05%), 1.5 days, +10 vol points, sticky_strike" in text
    assert "sign: + = dealers buy the underlying\n" in text
    assert "trades: in USD, valued at the final spot" in text
    assert "rule: calls_long_puts_short" in text
    assert "charm at the start times the move" in text
    assert "sign: + = dealers buy the underlying\n" in repr(flow_ladder(book))
    assert "trades: in USD, valued at the final spot" in repr(flow_ladder(book))
    unsigned = gf.assign_positions(gf.demo_chain(), "unsigned")
    assert "sign: none (open interest alone)" in repr(hedge_flow(unsigned, spot=65_000))


@pytest.mark.parametrize(
    ("path", "symbol"),
    [
        ("deribit/deribit_options_snapshot_20260205T093647Z.csv", "BTC"),
        ("yahoo_cboe_json/IBIT_20260714T2010ET.json", None),
    ],
)
def test_real_chains_split_exactly(shared, path, symbol):
    chain = gf.read_chain(shared / "data" / path, **({"symbol": symbol} if symbol else {}))
    book = gf.assign_positions(chain)
    end = 0.93 * book.spot
    flow = hedge_flow(book, spot=end, days=5.0, vol_shift=0.08)
    expected = -(units(book, end, 5.0, 0.08) - units(book, book.spot)) * end
    assert abs(flow.flows.sum() - expected) < 1e-12 * gross(book)
    fine = hedge_flow(book, spot=end, days=5.0, vol_shift=0.08, steps=512)
    scale = np.abs(fine.flows.sum(axis=1)).max()
    np.testing.assert_allclose(flow.flows.sum(axis=1), fine.flows.sum(axis=1), atol=3e-4 * scale)


def test_days_beyond_the_calendar_are_named_as_they_were_given():
    with pytest.raises(gf.SchemaError, match=r"days: received 1e\+06; legal: 0 \.\. .*, until the year 2262"):
        hedge_flow(gf.analyze(gf.demo_chain()).book, days=1e6)
