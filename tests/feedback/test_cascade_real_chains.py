"""Cascades up and down on recorded chains: landings, flows, balances, jumps on a dense grid in numpy."""

import math

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from support.barrier_books import barrier_book
from support.dense_cascade import Dense, KnockIn, power_law

ENDS = (-0.4, 0.4)
# Jumps narrower than this many units of ln S are left to the finer tests.
WIDE = 0.002
CHANNELS = ["gamma", "vanna", "knock_in", "liquidations"]
THIN = pd.DataFrame({"bids": [60e6, 294e6], "asks": [40e6, 170e6]}, index=[0.2, 1.0])
# Law of impact: the library's, and the flow that each move takes, written out.
ORDER_BOOK = (
    gf.impact.book(depth=THIN),
    power_law([(0.002, 60e6), (0.01, 294e6)], [(0.002, 40e6), (0.01, 170e6)]),
)


def linear(per_1pct):
    return gf.impact.linear(per_1pct), lambda x: 100.0 * per_1pct * x


def agrees(book, law, shocks, *, beta=0.0, fraction=1.0, pools=None, barred=None, knock_ins=()):
    """Everything that a curve and its cascades show; the kinds of landing and of balance that were met."""
    impact, flow = law
    dense = Dense(book, flow, beta=beta, fraction=fraction, pools=pools, knock_ins=knock_ins, ends=ENDS)
    low, high = (book.spot * math.exp(end) for end in ENDS)
    whole = book if barred is None else book + barred
    path = gf.hedge_path(whole, beta=beta, hedge_fraction=fraction, low=low, high=high)
    curve = gf.cascade_curve(path, shocks, impact=impact, liquidations=pools)
    met = set()
    for shock, row in curve.table.iterrows():
        cascade = gf.solve_cascade(path, shock=shock, impact=impact, liquidations=pools)
        met |= balances_agree(cascade, dense, [one.barrier for one in knock_ins])
        at, far = dense.landing(shock), dense.far(shock)
        assert cascade.runaway == row["runaway"] == math.isnan(at), shock
        near = dense.step if row["far"] in path.barriers else 2e-5
        assert math.log(row["far"] / book.spot) == pytest.approx(far, abs=near, nan_ok=True)
        if math.isnan(at):
            met.add(("runaway", shock > 0.0))
            continue
        met.add((("jumped" if row["jumped"] else "landed") + " held" * cascade.held, shock > 0.0))
        if cascade.held:  # at the barrier itself, which lies between two steps
            (barrier,) = (one.barrier for one in knock_ins if one.barrier == pytest.approx(cascade.spot))
            assert math.log(barrier / book.spot) == pytest.approx(at, abs=dense.step)
            at = math.log(barrier / book.spot)
        assert [cascade.log_return, row["log_return"]] == pytest.approx([at, at], abs=2e-5)
        assert cascade.spot == pytest.approx(book.spot * math.exp(cascade.log_return), rel=1e-13)
        assert cascade.amplification == pytest.approx(cascade.log_return / alone(flow, shock), rel=1e-9)
        assert row["amplification"] == pytest.approx(cascade.amplification, rel=1e-9)
        traded = dense.flows_at(at)
        if cascade.held:  # dealers trade only what it takes to stay there
            traded[2] += flow(np.array([at]))[0] - shock - traded.sum()
        assert np.abs(cascade.by_channel[CHANNELS] - traded).max() < 2e-5 * dense.traded
        assert np.abs(row[CHANNELS] - traded).max() < 2e-5 * dense.traded
        shares = np.append(shock, traded) / (shock + traded.sum())
        assert np.abs(cascade.returns - at * shares).max() < 1e-4
        assert np.abs(curve.returns.loc[shock] - at * shares).max() < 1e-4
        wide = [fold for fold in cascade.folds if math.log(fold.start / fold.end) ** 2 > WIDE**2]
        assert len(wide) == len(dense.jumps(shock))
        assert row["jumped"] == cascade.jumped == bool(cascade.folds)
    for most in (shocks[0], shocks[-1]):
        mine = [jump for jump in curve.jumps if (jump.shock or jump.end - jump.start) * most > 0.0]
        met |= jumps_agree(mine, dense, most, flow)
    return met


def alone(flow, shock):
    """Move that the shock makes by itself, by bisection of the law's flow."""
    a, b = sorted((0.0, math.copysign(2.0, shock)))
    for _ in range(80):
        middle = 0.5 * (a + b)
        a, b = (middle, b) if flow(np.array([middle]))[0] < shock else (a, middle)
    return 0.5 * (a + b)


def balances_agree(cascade, dense, barriers):
    """Every balance, and its stability as the slope of the flow that holds price, by finite differences."""
    found, right = cascade.root_table, dense.roots(cascade.shock)
    assert len(found) == len(right), cascade.shock
    for row, (x, rising) in zip(found.itertuples(), right, strict=True):
        # a barrier lies between two steps
        assert row.log_return == pytest.approx(x, abs=dense.step if row.at_barrier else 3e-5)
        assert row.at_barrier == any(one == pytest.approx(row.spot, rel=1e-12) for one in barriers)
        assert row.stable == rising
    landed = found[found["landing"]]
    assert len(landed) == (not cascade.runaway)
    return {("stable" if row.stable else "unstable") for row in found.itertuples()}


def jumps_agree(jumps, dense, most, flow):
    right = dense.jumps(most)
    ended = [jump for jump in right if not (math.isnan(jump[2]) and abs(abs(jump[1]) - 0.4) < 3e-4)]
    jumps = sorted(jumps, key=lambda jump: abs(jump.shock))
    seen = [j for j in jumps if not abs(math.log(j.end / j.start)) < WIDE]
    assert len(seen) == len(ended)
    for jump, (shock, start, end) in zip(seen, ended, strict=True):
        # need is flat at its top: the shock is known to what impact takes for a step, the start to its root
        size = abs(flow(np.array([start + 2e-4]))[0] - flow(np.array([start - 2e-4]))[0])
        assert jump.shock == pytest.approx(shock, abs=size)
        assert math.log(jump.start / dense.spot) == pytest.approx(start, abs=1e-3)
        assert math.log(jump.end / dense.spot) == pytest.approx(end, abs=1e-3, nan_ok=True)
    return {("jump" if jump.end == jump.end else "jump without end", most > 0.0) for jump in seen}


@pytest.fixture(scope="module")
def chains(shared):
    deribit = shared / "data/deribit"
    return {
        day: gf.read_chain(deribit / f"deribit_options_snapshot_{moment}.csv", symbol="BTC")
        for day, moment in ((4, "20260204T213308Z"), (5, "20260205T093647Z"))
    }


@pytest.fixture(scope="module")
def pools(shared):
    """The recorded maps scaled to what all venues may hold."""
    path = shared / "data/event/hyperliquid_liquidation_map.csv"
    moments = {4: "2026-02-04T21:33:08Z", 5: "2026-02-05T09:36:47Z"}
    return {day: gf.liquidations.read(path, asof=moment).scaled(8.0) for day, moment in moments.items()}


SALES = (-6e9, -1.5e9, -0.4e9)
#: day, rule, beta, fraction, law, purchases, and what the case must meet
CASES = {
    "order book": (4, "calls_long_puts_short", 0.0, 1.0, ORDER_BOOK, (0.1e9, 0.4e9, 3e9),
                   {("landed", False), ("landed", True)}),
    "falling vol": (5, "crypto_puts_bought", -2.0, 0.8, linear(150e6), (0.2e9, 0.8e9, 5e9),
                    {("jumped", True), ("jump", True), ("jump", False), "unstable"}),
    "squeeze": (4, "calls_long_puts_short", -3.0, 1.0, linear(100e6), (0.2e9, 0.8e9, 3e9),
                {"unstable", ("jump", True), ("jump", False), ("jumped", True)}),
    "short everything": (5, "short_all", -3.0, 0.7, linear(100e6), (0.05e9, 0.2e9),
                         {("runaway", True), ("jump without end", True), ("jump", False)}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_recorded_books_both_ways(chains, pools, case):
    day, rule, beta, fraction, law, purchases, expected = CASES[case]
    book = gf.assign_positions(chains[day], rule)
    met = agrees(book, law, (*SALES, *purchases), beta=beta, fraction=fraction, pools=pools[day])
    assert expected <= met


def notes(spot, asof, per_unit, sign=1.0):
    """Knock-in puts and calls on IBIT's shares, in coins: a book, and the same rows written out."""
    strikes, barriers = [50.0, 50.0, 40.0], [38.5, 36.0, 43.0]
    sizes, years, sigmas = (
        [sign * n for n in (12e6, 9e6, -4e6)],
        [60 / 365, 300 / 365, 45 / 365],
        [0.62, 0.55, 0.5],
    )
    kinds = ["down-in put", "down-in put", "up-in call"]
    shares = barrier_book(
        kinds, spot=spot * per_unit, symbol="IBIT", asof=asof, strike=strikes, barrier=barriers,
        position=sizes, years=years, sigma=sigmas,
    )  # fmt: skip
    book = shares.in_units_of("BTC", per_unit)
    rows = zip(strikes, barriers, sigmas, years, sizes, strict=True)
    return book, [KnockIn(K / per_unit, H / per_unit, s, t, n * per_unit, spot) for K, H, s, t, n in rows]


@pytest.mark.parametrize(
    ("sign", "expected"),
    [(1.0, {("jump", False), ("jumped", False), ("landed", True)}), (-1.0, {("landed held", False)})],
)
def test_recorded_books_with_knock_ins_of_ibit(chains, pools, sign, expected):
    """Dealers long the knock-in puts sell at their barriers, which makes price jump; short, they hold it."""
    book = gf.assign_positions(chains[5], "calls_long_puts_short")
    barred, rows = notes(book.spot, book.asof, gf.venues.IBIT.at(book.asof), sign)
    shocks = (-6e9, -2e9, -1.1e9, -0.8e9, 0.5e9, 1.5e9, 6e9)
    assert expected <= agrees(book, linear(294e6), shocks, fraction=0.9, pools=pools[5], barred=barred,
                              knock_ins=rows)  # fmt: skip


def test_the_demo_book_with_knock_ins_and_pools():
    book = gf.assign_positions(gf.demo_chain())
    pool = gf.liquidations.pool
    pools = pool(4e8, 0.86 * book.spot, 0.97 * book.spot, source="x") + pool(
        3e8, 1.02 * book.spot, 1.1 * book.spot, side="short", source="x"
    )
    barred, rows = notes(book.spot, book.asof, 40.3 / book.spot)
    met = agrees(book, ORDER_BOOK, (-3e9, -0.5e9, 0.2e9, 2e9), fraction=0.6, pools=pools, barred=barred,
                 knock_ins=rows)  # fmt: skip
    assert {("landed", False), ("landed", True), ("jump", False)} <= met
