"""The hedge path: cumulative hedge flows by channel against sums over small steps and closed forms."""

import math
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

import gammaflow as gf
from gammaflow.feedback.surface.knocked import after_hits
from support.feedback_books import BETA, SPOT, calibration_book, puts
from support.naive_cascade import cumulative, delta

ASOF = pd.Timestamp("2026-02-04T21:30Z")
FALL = 0.868 * SPOT


def mixed(seed=1, rows=14, spot=73_300.0):
    """Calls and puts on spot and on forwards with rates, yields, multipliers and positions of every sign."""
    rng = np.random.default_rng(seed)
    days = rng.choice([1.3, 8.0, 23.0, 120.0], rows)
    columns = {
        "contract": [f"row {i}" for i in range(rows)],
        "venue": ["test"] * rows,
        "expiry": pd.DatetimeIndex(ASOF + pd.to_timedelta(days, unit="D")),
        "strike": spot * np.exp(rng.normal(-0.02, 0.08, rows)),
        "kind": rng.choice(["call", "put"], rows).astype(object),
        "position": rng.normal(0.0, 700.0, rows),
        "multiplier": rng.choice([0.1, 1.0, 5.0], rows),
        "sigma": rng.uniform(0.35, 0.8, rows),
        "rate": rng.choice([0.04, -0.01, 0.0], rows),
        "dividend_yield": rng.choice([0.02, 0.0, -0.01], rows),
        "forward_ratio": np.where(rng.random(rows) < 0.5, rng.uniform(0.99, 1.03, rows), np.nan),
    }
    return gf.Book(columns, "BTC", spot, ASOF, ("given",))


def barrier_book(kind, barrier, *, strike=73_300.0, position=3_000.0, days=30.0, spot=SPOT, **more):
    columns = {
        "contract": [kind], "venue": ["test"], "expiry": [ASOF + pd.Timedelta(days, "D")],
        "strike": [strike], "kind": [kind], "position": [position], "multiplier": [1.0], "sigma": [0.56],
        "barrier": [barrier], **{name: [value] for name, value in more.items()},
    }  # fmt: skip
    return gf.Book(columns, "BTC", spot, ASOF, ("given",))


def test_finding_6_the_path_split_of_the_calibrated_book():
    path = gf.hedge_path(calibration_book(), beta=BETA)
    split = path.flows(FALL).iloc[0] / 1e9
    assert split["gamma"] == pytest.approx(-1.02, abs=0.005)
    assert split["vanna"] == pytest.approx(-0.04, abs=0.005)
    assert split["total"] == pytest.approx(-1.05, abs=0.005)
    assert gf.hedge_path(calibration_book()).flows(FALL)["total"].item() / 1e9 == pytest.approx(
        -1.31, abs=0.005
    )
    spots = np.geomspace(FALL, SPOT, 3_001)
    vanna = path.flows(spots)["vanna"] / 1e9
    assert vanna.min() == pytest.approx(-0.09, abs=0.005)
    assert vanna.idxmin() == pytest.approx(68_300, abs=100)


def test_finding_6_the_split_from_end_to_end_depends_on_the_order():
    """Why the library splits along the path: the sign of vanna depends on which comes first.

    RESEARCH values both trades at the mean of the two spots: +0.27bn after gamma, -0.23bn before it.
    """
    book = calibration_book()
    higher = puts(book["strike"], (book.expiries - ASOF).days.to_numpy().repeat(8), book["position"],
                  sigma=0.56 + BETA * math.log(0.868))  # fmt: skip
    mean = math.sqrt(SPOT * FALL) / 1e9
    after, before = (-mean * (delta(higher, spot) - delta(book, spot)) for spot in (FALL, SPOT))
    assert (after, before) == (pytest.approx(0.27, abs=0.005), pytest.approx(-0.23, abs=0.005))


@pytest.mark.parametrize("beta", [0.0, -3.0, 1.5])
@pytest.mark.parametrize("end", [-0.3, 0.25])
def test_sums_over_small_steps_give_the_same(beta, end):
    book = mixed()
    x, gamma, vanna = cumulative(book, end, beta)
    some = np.array([2_000, 9_000, 20_000])
    found = gf.hedge_path(book, beta=beta, hedge_fraction=0.7).flows(np.sort(book.spot * np.exp(x[some])))
    found = found.to_numpy()[:: 1 if end > 0 else -1]
    traded = np.abs(gamma).max()
    # A sum over steps misses half a step of the jump of vanna wherever a vol reaches its floor.
    floored = (book["sigma"] + beta * end < 0.25 * book["sigma"]).any()
    assert np.allclose(found[:, 0], 0.7 * gamma[some], rtol=0, atol=3e-7 * traded)
    assert np.allclose(found[:, 1], 0.7 * vanna[some], rtol=0, atol=(2e-5 if floored else 3e-7) * traded)
    assert (found[:, 2] == 0.0).all()
    assert np.allclose(found[:, 3], found[:, :3].sum(axis=1), rtol=0, atol=1e-15 * traded)


@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize("beta", [0.0, -3.0])
def test_both_formulas_of_the_total_agree(seed, beta):
    """-[S Delta] + integral of Delta dS, with delta by Black's formula written out."""
    book = mixed(seed)
    path = gf.hedge_path(book, beta=beta)
    assert path.error < 1e-8
    # No vol reaches its floor on the way, where delta would have a kink.
    for end in (0.8, 1.08):
        nodes, weights = np.polynomial.legendre.leggauss(200)
        half = 0.5 * (end - 1.0) * book.spot
        held = sum(
            w * delta(book, book.spot + half * (1.0 + u), beta) for u, w in zip(nodes, weights, strict=True)
        )
        total = half * held - (
            end * book.spot * delta(book, end * book.spot, beta) - book.spot * delta(book, book.spot)
        )
        whole = path.pieces.cells().__abs__().sum()
        assert path.flows(end * book.spot)["total"].item() == pytest.approx(total, rel=0, abs=1e-8 * whole)


def test_the_demo_books_error_is_far_below_the_promise():
    for beta in (0.0, -3.0):
        assert gf.hedge_path(gf.assign_positions(gf.demo_chain()), beta=beta).error < 1e-10


def test_the_hedge_flow_attributed_along_a_fine_path_is_the_same_total():
    book = mixed(4)
    flow = gf.hedge_flow(book, spot=0.9 * book.spot, steps=4_000)
    assert gf.hedge_path(book).flows(0.9 * book.spot)["gamma"].item() == pytest.approx(
        flow.along[0], rel=1e-6
    )


def knock_in_sale(strike, barrier, sigma, years):
    """Units sold per put knocked in at r = q = 0: 2 (Delta_P - Delta_EBP) - (P - EBP) / H (RESEARCH B20)."""
    width, n = sigma * math.sqrt(years), norm.cdf
    d = [math.log(barrier / k) / width + 0.5 * width for k in (strike, barrier)]
    put = strike * n(width - d[0]) - barrier * n(-d[0])
    ebp = strike * n(width - d[1]) - barrier * n(-d[1])
    delta_ebp = -n(-d[1]) - (strike - barrier) * norm.pdf(width - d[1]) / (barrier * width)
    return 2.0 * (-n(-d[0]) - delta_ebp) - (put - ebp) / barrier


def test_a_knock_in_trades_the_jump_of_delta_at_its_barrier():
    """T14: dealers long a down-and-in put sell J units per put when it knocks in."""
    barrier = 0.9 * SPOT
    path = gf.hedge_path(barrier_book("down-in put", barrier), hedge_fraction=0.5)
    sale = -0.5 * 3_000.0 * barrier * knock_in_sale(SPOT, barrier, 0.56, 30.0 / 365.0)
    assert path.barriers.tolist() == [barrier]
    assert path.flows([barrier * (1 + 1e-9), barrier, 0.8 * SPOT])["knock_in"].tolist() == [
        0.0, pytest.approx(sale, rel=1e-9), pytest.approx(sale, rel=1e-9)
    ]  # fmt: skip
    assert sale < 0.0
    assert path.error < 1e-8


@pytest.mark.parametrize(
    ("kind", "barrier"),
    [("up-in call", 1.1), ("up-out call", 1.1), ("down-out put", 0.92), ("down-in call", 0.92)],
)
def test_jumps_of_every_side_with_rates_against_delta_on_both_sides(kind, barrier):
    level = barrier * SPOT
    more = {"rate": 0.05, "dividend_yield": -0.02, "rebate": 900.0}
    book = barrier_book(kind, level, position=-170.0, **more)
    side, flag = kind.split()
    sides = gf.barrier.greeks(
        side, flag[0], level * np.array([1 - 1e-9, 1 + 1e-9]), SPOT, level, 30.0 / 365.0, 0.05, 0.56, -0.02,
        rebate=900.0,
    ).delta  # fmt: skip
    beyond, before = sides if barrier < 1.0 else sides[::-1]
    path = gf.hedge_path(book)
    assert path.trades == pytest.approx([170.0 * level * (beyond - before)], rel=1e-6)
    assert path.error < 1e-8


def test_a_hit_barrier_stays_hit_wherever_spot_goes():
    """Below its barrier a down-and-in put is a put, above it too once spot turns back."""
    spot = 0.88 * SPOT
    put = puts(SPOT, 30.0, 3_000.0, spot=spot)
    knocked = gf.hedge_path(barrier_book("down-in put", 0.9 * SPOT, spot=spot))
    spots = [0.7 * SPOT, 0.89 * SPOT, 0.95 * SPOT, 1.2 * SPOT]
    assert np.allclose(knocked.flows(spots), gf.hedge_path(put).flows(spots), rtol=1e-12, atol=1e-3)
    assert not len(knocked.barriers)
    out = gf.hedge_path(barrier_book("down-out put", 0.9 * SPOT, spot=spot))
    assert (out.flows(spots).to_numpy() == 0.0).all()


def test_a_note_is_knocked_in_for_good_too():
    note = gf.ReverseConvertible(
        name="RC", symbol="BTC", notional=10e6, initial=SPOT, issued="2025-11-26", matures="2026-05-26",
        barrier=0.8, observation="continuous", coupon=0.02, coupons="quarterly",
    )  # fmt: skip
    low, above = (gf.book_notes([note], symbol="BTC", spot=s, asof=ASOF, sigma=0.56, rate=0.04)
                  for s in (0.79 * SPOT, SPOT))  # fmt: skip
    knocked = after_hits(low)
    assert knocked.terms["RC"].knocked is True
    assert gf.hedge_path(low).barriers.size == 0
    path = gf.hedge_path(above, low=0.7 * SPOT, high=1.2 * SPOT)
    assert path.barriers.tolist() == [pytest.approx(0.8 * SPOT)]
    assert path.trades[0] < 0.0
    assert path.error < 1e-6


def test_barriers_observed_on_dates_are_not_hit_while_time_stands_still():
    path = gf.hedge_path(barrier_book("down-in put", 0.9 * SPOT, monitoring_dates=1.0))
    assert not len(path.barriers)
    assert path.error < 1e-7
    assert any("dates are not hit" in text for text in path.remarks)


def test_the_floor_of_volatility_is_said():
    path = gf.hedge_path(calibration_book(), beta=9.0)
    assert "16 rows reach the floor" in path.summary()
    # All vols reach the floor at -0.75 x 0.56 / 9, at a step's end.
    _, gamma, vanna = cumulative(calibration_book(), -0.2, 9.0, steps=30_000)
    found = path.flows(SPOT * math.exp(-0.2)).iloc[0]
    assert found["gamma"] == pytest.approx(gamma[-1], rel=1e-6)
    assert found["vanna"] == pytest.approx(vanna[-1], rel=1e-6)


def test_early_exercise_counts_at_fixed_vol_and_is_said_to_be_left_out_with_beta():
    book = puts(np.array([60_000.0, 90_000.0]), 90.0, np.array([-500.0, 900.0]))
    american = gf.Book({**book.columns, "exercise": ["american"] * 2, "rate": [0.2] * 2}, "BTC", SPOT, ASOF)
    path = gf.hedge_path(american)
    assert path.error < 1e-6
    assert any("xercise" in text for text in gf.hedge_path(american, beta=-3.0).remarks)


def test_an_option_minutes_from_expiry_is_not_missed():
    book = puts(72_600.0, 4.0 / 1440.0, -900.0)
    total = gf.hedge_path(book).flows([0.9 * SPOT])["total"].item()
    assert total == pytest.approx(-900.0 * 72_600.0, rel=1e-4)  # all its delta changes at the strike


def test_a_given_gamma_has_closed_flows():
    path = gf.gamma_path(lambda s: -100e6 + 0 * s, 100.0, hedge_fraction=0.4, low=50.0, high=150.0)
    assert path.flows([60.0, 130.0])["total"].tolist() == pytest.approx(
        [0.4 * 100e6 * 100 * math.log(0.6), 0.4 * 100e6 * 100 * math.log(1.3)], rel=1e-13
    )
    assert path.slope([60.0])["gamma"].item() == pytest.approx(0.4 * 100e6, rel=1e-13)
    step = gf.gamma_path(lambda s: np.where(s < 90.0, -50e6, 10e6), 100.0, breaks=[90.0])
    want = -10e6 * 100 * math.log(0.9) + 50e6 * 100 * math.log(70 / 90)
    assert step.flows(70.0)["total"].item() == pytest.approx(want, rel=1e-13)
    assert math.isnan(path.error)
    assert "given gamma" in path.summary()
    assert path.remarks == ()


@settings(max_examples=10)
@given(st.integers(0, 1_000), st.floats(-3.0, 2.0))
def test_the_other_side_trades_the_opposite_and_flows_add_up(seed, beta):
    a, b = mixed(seed, rows=3), mixed(seed + 1, rows=2)
    spots = np.array([0.8, 0.95, 1.1]) * a.spot
    one, two, both, minus = (
        gf.hedge_path(book, beta=beta, low=0.75 * a.spot, high=1.15 * a.spot).at(spots)
        for book in (a, b, a + b, -a)
    )
    size = np.abs(one).max() + np.abs(two).max()
    assert np.allclose(both, one + two, rtol=0, atol=1e-8 * size)
    assert np.allclose(minus, -one, rtol=0, atol=1e-8 * size)


def test_slopes_are_those_of_the_flows():
    path = gf.hedge_path(calibration_book(), beta=BETA)
    h = 1e-4
    for spot in (72_000.0, 66_000.0):
        ends = path.flows(spot * np.exp([-h, h])).to_numpy()
        numeric = 0.01 * (ends[1] - ends[0]) / (2 * h)
        assert path.slope(spot).to_numpy()[0] == pytest.approx(numeric[:2], rel=1e-4, abs=1e4)


def test_it_pickles_and_tells_itself_in_numbers_text_and_a_picture():
    path = gf.hedge_path(barrier_book("down-in put", 0.9 * SPOT), beta=-1.0)
    again = pickle.loads(pickle.dumps(path))
    pd.testing.assert_frame_equal(again.table, path.table)
    assert path.barriers[0] in path.table.index
    assert path.table.loc[SPOT, "total"] == pytest.approx(0.0, abs=1e-6)
    text = path.summary()
    for part in ("sign: flow > 0 buys", "dealers trade 100 % of the hedge", "a second formula agrees to"):
        assert part in text
    assert repr(path) == text
    plt = pytest.importorskip("matplotlib.pyplot")
    ax = path.plot()
    assert "hedge flow" in ax.get_title(loc="left")
    plt.close("all")


def test_refusals_name_every_problem():
    book = calibration_book()
    with pytest.raises(gf.SchemaError, match=r"(?s)beta: received nan.*hedge_fraction: received 1.5"):
        gf.hedge_path(book, beta=np.nan, hedge_fraction=1.5)
    with pytest.raises(gf.SchemaError, match="must lie between"):
        gf.hedge_path(book, low=80_000.0)
    with pytest.raises(gf.SchemaError, match="low: received -1"):
        gf.hedge_path(book, low=-1.0)
    with pytest.raises(gf.SchemaError, match="without a dealer sign"):
        gf.hedge_path(gf.assign_positions(gf.demo_chain(), "unsigned"))
    with pytest.raises(gf.SchemaError, match="book: received str"):
        gf.hedge_path("book")
    with pytest.raises(gf.SchemaError, match="inside the path's range"):
        gf.hedge_path(book, low=70_000.0).flows(60_000.0)
    with pytest.raises(gf.SchemaError, match="gamma: received nan"):
        gf.gamma_path(lambda s: s * np.nan, 100.0)
    with pytest.raises(gf.SchemaError, match="spot: received -1"):
        gf.gamma_path(lambda s: s, -1.0)
