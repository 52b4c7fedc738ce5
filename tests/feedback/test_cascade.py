"""Cascades: landings against closed forms, the calibration table of RESEARCH D7, and naive loops."""

import math
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from support.feedback_books import BETA, PER_1PCT, POOL, POOL_HIGH, POOL_LOW, SPOT, calibration_book, puts
from support.naive_cascade import cumulative, delta, hedged_in_steps, landing

LINEAR = gf.impact.linear(PER_1PCT, source="RESEARCH B17")
SQUARE_ROOT = gf.impact.square_root(40e9, 0.03, source="RESEARCH B17")
POOLS = gf.liquidations.pool(POOL, POOL_LOW, POOL_HIGH, source="RESEARCH D7")

#: RESEARCH D7: size of the book, impact per dollar, pools; the sale that -13.2 % needs [bn], amplification.
TABLE = {
    "base book": (1.0, 3.4e-11, True, -2.31, -1.02, -0.04, -0.81, 1.81),
    "2x book": (2.0, 3.4e-11, True, -1.26, -2.04, -0.07, -0.81, 3.31),
    "no liquidations": (1.0, 3.4e-11, False, -3.12, -1.02, -0.04, 0.0, 1.34),
    "no gamma, no liquidations": (0.0, 3.4e-11, False, -4.16, 0.0, 0.0, 0.0, 1.00),
    "deeper market": (1.0, 2e-11, True, -5.22, -1.02, -0.04, -0.81, 1.36),
}


def bump(peak, per_1pct=PER_1PCT, centre=-0.06, width=0.03):
    """The fold test of RESEARCH D7: short gamma around -6 % with a loop gain of `peak` at its middle."""
    return gf.gamma_path(
        lambda s: -peak * per_1pct * np.exp(-0.5 * ((np.log(s / 100.0) - centre) / width) ** 2), 100.0
    )


def constant(gain, per_1pct=PER_1PCT):
    """Constant dollar gamma with that loop gain under linear impact."""
    return gf.gamma_path(lambda s: np.full(len(s), -gain * per_1pct), 100.0)


@pytest.mark.parametrize("name", TABLE)
def test_the_calibration_table_d7(name):
    size, per_dollar, pooled, sale, gamma, vanna, fired, times = TABLE[name]
    path = gf.hedge_path(calibration_book(size), beta=BETA)
    given_ = {"impact": gf.impact.linear(0.01 / per_dollar), "liquidations": POOLS if pooled else None}
    flows = gf.exogenous_flow(path, -0.132, **given_)
    within = {"rel": 0.02, "abs": 0.005e9}
    assert flows["exogenous"] == pytest.approx(1e9 * sale, rel=0.02)
    assert flows["gamma"] == pytest.approx(1e9 * gamma, **within)
    assert flows["vanna"] == pytest.approx(1e9 * vanna, abs=0.01e9)  # -0.078 where D7 has -0.07
    assert flows["liquidations"] == pytest.approx(1e9 * fired, **within)
    assert flows.sum() == pytest.approx(math.log(0.868) / per_dollar, rel=1e-13)
    fall = gf.solve_cascade(path, shock=flows["exogenous"], **given_)
    assert fall.log_return == pytest.approx(math.log(0.868), rel=1e-12)
    assert fall.amplification == pytest.approx(times, rel=0.02)
    assert fall.amplification == pytest.approx(flows.sum() / flows["exogenous"], rel=1e-12)


def test_the_loop_gains_of_d7():
    slopes = gf.hedge_path(calibration_book()).slope([62e3, 64e3, 68e3, 71e3, 73e3])["gamma"] / PER_1PCT
    assert slopes.to_numpy() == pytest.approx([0.23, 0.29, 0.34, 0.31, 0.27], abs=0.006)
    assert POOLS.per_1pct(70e3) / PER_1PCT == pytest.approx(0.23, abs=0.005)


# RESEARCH D7: peak loop gain, shock [bn] and landing [% of ln S].
@pytest.mark.parametrize(
    ("peak", "landings"),
    [(0.34, (-1.1, -1.9, -4.0)), (0.85, (-1.2, -2.2, -8.1)), (1.36, (-1.45, -11.3, -13.3))],
)
def test_t9_the_fold_test(peak, landings):
    """A peak loop gain above 1 makes the landing jump as the shock grows; below 1 it never does."""
    path = bump(peak)
    for shock, percent in zip((-0.3e9, -0.5e9, -1e9), landings, strict=True):
        fall = gf.solve_cascade(path, shock=shock, impact=LINEAR)
        assert 100.0 * fall.log_return == pytest.approx(percent, abs=0.051)
        assert fall.jumped == (peak > 1.0 and shock < -0.4901e9)
    folds = gf.cascade_curve(path, [-2e9, 0.0], impact=LINEAR).folds
    assert len(folds) == (peak > 1.0)


def test_t9_the_fold_is_where_the_loop_gain_is_one():
    """Between its ends need(x) rises as price falls; both ends are equilibria of the critical shock."""
    fold = gf.cascade_curve(bump(1.36), [-1e9, 0.0], impact=LINEAR).folds.iloc[0]
    x = -0.06 + 0.03 * math.sqrt(2.0 * math.log(1.36))
    flow = 1.36 * PER_1PCT * 100 * 0.03 * math.sqrt(math.pi / 2)

    def need(at):
        hedged = flow * (math.erf((at + 0.06) / 0.03 / math.sqrt(2)) - math.erf(0.06 / 0.03 / math.sqrt(2)))
        return at * 100 * PER_1PCT - hedged

    assert math.log(fold["start"] / 100) == pytest.approx(x, abs=1e-7)
    assert fold["shock"] == pytest.approx(need(x), rel=1e-12)
    assert need(math.log(fold["end"] / 100)) == pytest.approx(need(x), rel=1e-9)
    for nudge, jumped in ((1.0 - 1e-6, False), (1.0 + 1e-6, True)):
        fall = gf.solve_cascade(bump(1.36), shock=nudge * fold["shock"], impact=LINEAR)
        assert (fall.spot < 0.5 * (fold["start"] + fold["end"])) == jumped == fall.jumped


def test_t9_books_of_options_fold_where_their_loop_gain_passes_one():
    """A short put of sigma sqrt(T) = 3 % makes the bump; its size decides whether price jumps."""
    one = puts(0.94 * SPOT, 365.0 * (0.03 / 0.56) ** 2, -1.0)
    highest = gf.hedge_path(one).slope(np.geomspace(0.85, 1.0, 4_001) * SPOT)["gamma"].max()
    for peak in (0.98, 1.02):
        book = replace(one, columns={**one.columns, "position": one["position"] * peak * PER_1PCT / highest})
        curve = gf.cascade_curve(book, np.linspace(-1e9, 0.0, 5), impact=LINEAR)
        assert len(curve.folds) == (peak > 1.0)


def test_all_balances_are_found_and_the_middle_one_is_unstable():
    fall = gf.solve_cascade(bump(1.36), shock=-0.45e9, impact=LINEAR)
    table = fall.root_table
    assert table["stable"].tolist() == [True, False, True]
    assert table["landing"].tolist() == [False, False, True]
    assert not table["at_barrier"].any()
    path = bump(1.36)
    needs = [gf.exogenous_flow(path, s / 100.0 - 1.0, impact=LINEAR)["exogenous"] for s in table["spot"]]
    assert needs == pytest.approx([-0.45e9] * 3, rel=1e-9)
    assert "other equilibria of this shock" in fall.summary()


@pytest.mark.parametrize("gain", [-3.0, -0.5, 0.0, 0.5, 0.95])
@pytest.mark.parametrize("shock", [-0.7e9, 1e8])
def test_t7_a_constant_loop_gain_multiplies_the_shock(gain, shock):
    moved = gf.solve_cascade(constant(gain), shock=shock, impact=LINEAR)
    assert moved.log_return == pytest.approx(0.01 * shock / PER_1PCT / (1.0 - gain), rel=1e-12)
    assert moved.amplification == pytest.approx(1.0 / (1.0 - gain), rel=1e-12)


def test_without_gamma_the_amplification_is_exactly_one():
    book = calibration_book()
    empty = replace(book, columns={**book.columns, "position": 0.0 * book["position"]})
    for impact in (LINEAR, SQUARE_ROOT, gf.impact.book(50e6, exponent=0.67)):
        fall = gf.solve_cascade(empty, shock=-3e8, impact=impact, beta=-3.0)
        assert fall.amplification == 1.0
        assert fall.spot == SPOT * math.exp(impact.log_return(-3e8))
        assert fall.by_channel.tolist() == [-3e8, 0.0, 0.0, 0.0, 0.0]


def test_long_gamma_damps_and_short_gamma_amplifies_both_ways():
    for shock in (-1e9, 1e9):
        short = gf.solve_cascade(calibration_book(), shock=shock, impact=LINEAR)
        long = gf.solve_cascade(-calibration_book(), shock=shock, impact=LINEAR)
        assert long.amplification < 1.0 < short.amplification
        assert not short.jumped
        assert not long.jumped


def test_square_root_impact_with_constant_gamma_has_a_closed_landing():
    """-c x^2 + a |x| = F: spot itself is unstable, and the least landing is that of the smallest sale."""
    c, a = 40e9 / 0.03**2, 100.0 * 30e6
    path = gf.gamma_path(lambda s: np.full(len(s), -30e6), 100.0)
    for shock in (-1e-3, -1.0, -1e6, -1e9, 2e9):
        moved = gf.solve_cascade(path, shock=shock, impact=SQUARE_ROOT)
        x = math.copysign((a + math.sqrt(a * a + 4.0 * c * abs(shock))) / (2.0 * c), shock)
        assert moved.log_return == pytest.approx(x, rel=1e-11)
        assert moved.jumped
        assert moved.folds[0].shock == 0.0
        assert "spot itself is unstable" in moved.summary()
    rest = gf.solve_cascade(path, shock=0.0, impact=SQUARE_ROOT)
    assert rest.spot == 100.0
    assert rest.log_return == 0.0
    assert math.isnan(rest.amplification)
    assert [root.stable for root in rest.roots] == [True, False, True]
    long = gf.gamma_path(lambda s: np.full(len(s), 30e6), 100.0)
    for shock, rel in ((-1e9, 1e-11), (-1.0, 1e-5)):
        damped = gf.solve_cascade(long, shock=shock, impact=SQUARE_ROOT)
        x = 2.0 * shock / (a + math.sqrt(a * a - 4.0 * c * shock))
        assert damped.log_return == pytest.approx(x, rel=rel)
        assert not damped.jumped


@pytest.mark.parametrize("beta", [0.0, -3.0])
@pytest.mark.parametrize("impact", [LINEAR, SQUARE_ROOT], ids=["linear", "square root"])
def test_a_naive_sum_over_steps_lands_there_too(beta, impact):
    book, shock = calibration_book(1.7), -1.1e9
    fall = gf.solve_cascade(
        book, shock=shock, impact=impact, beta=beta, liquidations=POOLS, hedge_fraction=0.8
    )
    x, gamma, vanna = cumulative(book, -0.25, beta)
    fired = -POOL * np.clip((-x - 0.02) / 0.18, 0.0, 1.0)

    def flow(at):
        return at / 3.4e-11 if impact is LINEAR else -40e9 * (at / 0.03) ** 2

    found = landing(x[1:], (0.8 * (gamma + vanna) + fired)[1:], shock, flow)
    assert fall.log_return == pytest.approx(found, abs=2e-8)
    at = [np.interp(found, x[::-1], part[::-1]) for part in (0.8 * gamma, 0.8 * vanna, fired)]
    assert fall.by_channel[["gamma", "vanna", "liquidations"]].to_numpy() == pytest.approx(
        at, rel=2e-5, abs=10.0
    )


@pytest.mark.parametrize(("size", "shock", "tol"), [(1.0, -2e9, 2e-5), (2.0, -1.2e9, 1e-4)])
def test_t8_hedging_in_small_steps_with_permanent_impact_ends_at_the_same_price(size, shock, tol):
    """T8: sale in slices, hedge of each move one step later."""
    book = calibration_book(size)
    end = hedged_in_steps(lambda s: delta(book, s, BETA), SPOT, shock, lambda f: 3.4e-11 * f, slices=600)
    fall = gf.solve_cascade(book, shock=shock, impact=LINEAR, beta=BETA)
    assert math.log(end / SPOT) == pytest.approx(fall.log_return, abs=tol)


def test_t8_the_same_through_a_fold():
    path = bump(1.36)

    def units(spot):  # of a book with that gamma: the integral of gamma / S over ln S
        x = np.linspace(0.0, math.log(spot / 100.0), 801)
        gamma = -1.36 * PER_1PCT * 100 * np.exp(-0.5 * ((x + 0.06) / 0.03) ** 2) / (100.0 * np.exp(x))
        return float(np.trapezoid(gamma, x))

    end = hedged_in_steps(units, 100.0, -0.55e9, lambda f: 0.01 * f / PER_1PCT, slices=500)
    fall = gf.solve_cascade(path, shock=-0.55e9, impact=LINEAR)
    assert fall.jumped
    assert math.log(end / 100.0) == pytest.approx(fall.log_return, abs=2e-4)


def test_liquidations_alone_have_a_closed_landing():
    """Uniform in ln S over -2 % .. -20 %: there their loop gain is 1.2bn x 0.01 / 0.18 over the depth."""
    pools = gf.liquidations.pool(POOL, 100 * math.exp(-0.2), 100 * math.exp(-0.02), source="made up")
    gain = POOL * 0.01 / 0.18 / PER_1PCT
    for shock in (-0.3e9, -1e9, -6e9):
        x = 0.01 * shock / PER_1PCT
        if x < -0.02:
            x = -0.02 + (x + 0.02) / (1.0 - gain)
        x = x if x > -0.2 else 0.01 * (shock - POOL) / PER_1PCT
        fall = gf.solve_cascade(constant(0.0), shock=shock, impact=LINEAR, liquidations=pools)
        assert fall.log_return == pytest.approx(x, rel=1e-11)


def test_t10_t11_channels_sum_to_the_log_return_and_to_all_that_is_traded():
    for impact in (LINEAR, SQUARE_ROOT):
        for shock in (-2e9, 0.9e9):
            moved = gf.solve_cascade(
                calibration_book(),
                shock=shock,
                impact=impact,
                beta=BETA,
                liquidations=POOLS,
                hedge_fraction=0.6,
            )
            assert moved.returns.sum() == pytest.approx(moved.log_return, rel=1e-12)
            assert moved.by_channel.sum() == pytest.approx(impact.flow(moved.log_return), rel=1e-12)
            assert moved.by_channel["exogenous"] == shock
            assert moved.table.loc["total"].tolist() == pytest.approx(
                [moved.by_channel.sum(), moved.log_return], rel=1e-12
            )
            hedges = gf.hedge_path(calibration_book(), beta=BETA, hedge_fraction=0.6).flows(moved.spot)
            assert moved.by_channel[["gamma", "vanna"]].to_numpy() == pytest.approx(
                hedges[["gamma", "vanna"]].to_numpy()[0], rel=1e-9, abs=1.0
            )


@settings(max_examples=5)
@given(st.floats(0.2, 2.0), st.floats(0.05, 3.0), st.floats(1.0, 1.3))
def test_t22_more_shock_more_gamma_and_less_depth_each_lower_the_landing(size, billions, more):
    def lands(size, shock, per_1pct):
        return gf.solve_cascade(bump(size), shock=shock, impact=gf.impact.linear(per_1pct)).log_return

    # `bump` is scaled by PER_1PCT, so that its gamma does not change with the depth.
    here = lands(size, -1e9 * billions, PER_1PCT)
    slack = 1e-13
    assert lands(size, -1e9 * billions * more, PER_1PCT) <= here + slack
    assert lands(size * more, -1e9 * billions, PER_1PCT) <= here + slack
    assert lands(size, -1e9 * billions, PER_1PCT / more) <= here + slack


def down_in(position, barrier=0.95 * SPOT, days=20.0):
    columns = {
        "contract": ["DIP"], "venue": ["test"], "kind": ["down-in put"], "strike": [SPOT], "sigma": [0.56],
        "expiry": [pd.Timestamp("2026-02-04T21:30Z") + pd.Timedelta(days, "D")], "position": [position],
        "multiplier": [1.0], "barrier": [barrier],
    }  # fmt: skip
    return gf.Book(columns, "BTC", SPOT, "2026-02-04T21:30Z")


def test_a_knock_in_that_sells_makes_price_jump_from_its_barrier():
    book = down_in(25_000.0)
    path = gf.hedge_path(book)
    curve = gf.cascade_curve(path, np.linspace(-4e9, 0.0, 9), impact=LINEAR)
    fold = curve.folds.iloc[-1]
    assert fold["start"] == pytest.approx(0.95 * SPOT, rel=1e-8)
    before = gf.exogenous_flow(path, fold["start"] * (1 + 2e-9) / SPOT - 1.0, impact=LINEAR)
    assert fold["shock"] == pytest.approx(before["exogenous"], rel=1e-5)
    fall = gf.solve_cascade(path, shock=1.01 * fold["shock"], impact=LINEAR)
    assert fall.spot < fold["end"] * 1.0001
    assert fall.by_channel["knock_in"] == pytest.approx(path.trades[0])
    assert fall.by_channel["knock_in"] < 0.0
    assert fall.by_channel.sum() == pytest.approx(LINEAR.flow(fall.log_return), rel=1e-12)


def test_price_rests_at_a_barrier_where_dealers_buy_more_than_is_needed():
    """Dealers short the down-and-in put buy when it knocks in; some of that holds price at the barrier."""
    path = gf.hedge_path(down_in(-25_000.0))
    trade = path.trades[0]
    beside = gf.exogenous_flow(path, 0.95 * (1 + 1e-9) - 1.0, impact=LINEAR)["exogenous"]
    fall = gf.solve_cascade(path, shock=beside - 0.4 * trade, impact=LINEAR)
    assert trade > 0.0
    assert fall.held
    assert fall.spot == 0.95 * SPOT
    assert fall.by_channel["knock_in"] == pytest.approx(0.4 * trade, rel=1e-5)
    assert fall.by_channel.sum() == pytest.approx(LINEAR.flow(math.log(0.95)), rel=1e-12)
    assert fall.root_table.loc[fall.root_table["landing"], ["stable", "at_barrier"]].to_numpy().all()
    assert "rests at a barrier" in fall.summary()
    beyond = gf.solve_cascade(path, shock=beside - 1.1 * trade, impact=LINEAR)
    assert not beyond.held
    assert beyond.spot < 0.95 * SPOT


def test_a_loop_gain_above_one_to_the_end_of_the_range_is_a_runaway():
    fall = gf.solve_cascade(constant(1.2), shock=-1e6, impact=LINEAR)
    assert fall.runaway
    assert fall.jumped
    assert math.isnan(fall.spot)
    assert math.isnan(fall.amplification)
    assert fall.by_channel["exogenous"] == -1e6
    assert fall.by_channel.drop("exogenous").isna().all()
    assert fall.table["log_return"].isna().all()
    assert "runaway: no equilibrium before the end of the range, 25.00 (-75.00 %)" in fall.summary()
    assert "beyond the range" in fall.summary()


def test_the_range_reaches_twice_as_far_as_a_large_shock():
    fall = gf.solve_cascade(constant(0.4), shock=-100 * 1.6 * PER_1PCT, impact=LINEAR)
    assert fall.runaway  # a path has a range of its own
    book = calibration_book(0.01)
    far = gf.solve_cascade(book, shock=-100 * 1.6 * PER_1PCT, impact=LINEAR)
    assert far.log_return == pytest.approx(-1.6, abs=0.02)


def test_shocks_of_zero_stay_at_spot():
    rest = gf.solve_cascade(calibration_book(), shock=0.0, impact=LINEAR, liquidations=POOLS)
    assert rest.spot == SPOT
    assert rest.by_channel.tolist() == [0.0] * 5
    assert rest.returns.tolist() == [0.0] * 5
    assert [root.stable for root in rest.roots] == [True]
    assert "no shock, price stays at spot" in rest.summary()


def test_exogenous_flow_is_the_inverse_of_the_landing():
    path = gf.hedge_path(calibration_book(), beta=BETA)
    for move in (-0.2, -0.03, 0.06):
        flow = gf.exogenous_flow(path, move, impact=LINEAR, liquidations=POOLS)
        moved = gf.solve_cascade(path, shock=flow["exogenous"], impact=LINEAR, liquidations=POOLS)
        assert moved.spot == pytest.approx(SPOT * (1.0 + move), rel=1e-13)
        assert moved.by_channel.to_numpy() == pytest.approx(flow.to_numpy(), rel=1e-9, abs=1.0)


def test_it_pickles_and_tells_itself_in_numbers_text_and_a_picture():
    fall = gf.solve_cascade(calibration_book(), shock=-2.31e9, impact=LINEAR, beta=BETA, liquidations=POOLS)
    again = pickle.loads(pickle.dumps(fall))
    pd.testing.assert_frame_equal(again.table, fall.table)
    assert again.roots == fall.roots
    text = fall.summary()
    for part in (
        "rule: given puts", "sign: flow > 0 buys", "source: RESEARCH B17", "liquidations: RESEARCH D7",
        "landing: 63,586 (-13.25 %), 1.81 times", "range searched",
    ):  # fmt: skip
        assert part in text
    assert repr(fall) == text
    plt = pytest.importorskip("matplotlib.pyplot")
    ax = fall.plot()
    labels = ax.get_legend_handles_labels()[1]
    assert "lands at 63,586 (-13.3 %)" in labels
    assert "knock-ins" not in labels
    gf.solve_cascade(constant(1.2), shock=-1e6, impact=LINEAR).plot()
    gf.solve_cascade(bump(1.36), shock=-0.45e9, impact=LINEAR).plot()
    plt.close("all")


def test_refusals_say_what_was_received_and_what_is_legal():
    book = calibration_book()
    with pytest.raises(
        gf.SchemaError, match=r"(?s)shock: received nan.*impact: received NoneType.*no default"
    ):
        gf.solve_cascade(book, shock=np.nan, impact=None)
    with pytest.raises(gf.SchemaError, match="impact: received NoneType"):
        gf.solve_cascade(book, shock=-1e9)
    with pytest.raises(gf.SchemaError, match=r"(?s)book: received str.*liquidations: received int"):
        gf.solve_cascade("book", shock=-1e9, impact=LINEAR, liquidations=3)
    with pytest.raises(gf.SchemaError, match="beta: received nan"):
        gf.solve_cascade(book, shock=-1e9, impact=LINEAR, beta=np.nan)
    with pytest.raises(gf.SchemaError, match="must lie between"):
        gf.solve_cascade(book, shock=-1e9, impact=LINEAR, high=50_000.0)
    with pytest.raises(gf.SchemaError, match="beta, low: received with a hedge path"):
        gf.solve_cascade(constant(0.1), shock=-1e9, impact=LINEAR, beta=-3.0, low=1.0)
    with pytest.raises(gf.SchemaError, match="move: received -1"):
        gf.exogenous_flow(book, -1.0, impact=LINEAR)
    with pytest.raises(gf.SchemaError, match="outside the path's range"):
        gf.exogenous_flow(constant(0.1), -0.9, impact=LINEAR)
    with pytest.raises(gf.MismatchError, match="impact: in EUR, the book in USD"):
        gf.solve_cascade(book, shock=-1e9, impact=gf.impact.linear(1e8, currency="EUR"))
    other = gf.liquidations.Liquidations(
        [35.0], [36.0], [1e6], [1.0], (gf.liquidations.Origin("made up", spot=41.0),)
    )
    with pytest.raises(gf.MismatchError, match=r"recorded at a spot of 41, but the book's is 73,300"):
        gf.solve_cascade(book, shock=-1e9, impact=LINEAR, liquidations=other)
