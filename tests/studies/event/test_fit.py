"""Sets that reproduce a move: the table of RESEARCH D7, round trips, closed forms, drawn books repriced."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.errors import MismatchError, SchemaError
from gammaflow.studies.event import EventFit, fit_event
from support.feedback_books import (
    BETA,
    PER_1PCT,
    POOL,
    POOL_HIGH,
    POOL_LOW,
    SPOT,
    barrier_book,
    calibration_book,
)

MOVE = -0.132
FLOWS = ["shock", "gamma", "vanna", "knock_in", "liquidations"]
POOLS = gf.liquidations.pool(POOL, POOL_LOW, POOL_HIGH, source="RESEARCH D7")


def notes_book():
    """One short note in the units of the calibration: dealers are long its down-in put, barrier at -6 %."""
    book = barrier_book(SPOT, level=0.94 * SPOT, position=2_000.0)
    asof = calibration_book().asof
    return replace(book.in_units_of("BTC", gf.venues.UnitMap("X", "BTC", 1.0, asof)), spot=SPOT)


def bump(peak, per_1pct=PER_1PCT, centre=-0.06, width=0.03):
    """The fold test of RESEARCH D7: short gamma around -6 % with a loop gain of `peak` at its middle."""
    return gf.gamma_path(
        lambda s: -peak * per_1pct * np.exp(-0.5 * ((np.log(s / 100.0) - centre) / width) ** 2), 100.0
    )


@pytest.fixture(scope="module")
def d7():
    return fit_event(
        calibration_book(), depths=(0.01 / 3.4e-11, 0.01 / 2e-11), liquidations=POOLS, beta=BETA,
        scales=(0.0, 1.0, 2.0),
    )  # fmt: skip


def row(fit, **wanted):
    table = fit.table
    for name, value in wanted.items():
        table = table[np.isclose(table[name], value)]
    assert len(table) == 1
    return table.iloc[0]


@pytest.mark.parametrize(
    ("size", "per_dollar", "pooled", "sale", "gamma", "vanna", "fired", "times"),
    [
        (1.0, 3.4e-11, True, -2.31, -1.02, -0.04, -0.81, 1.81),
        (2.0, 3.4e-11, True, -1.26, -2.04, -0.07, -0.81, 3.31),
        (1.0, 3.4e-11, False, -3.12, -1.02, -0.04, 0.0, 1.34),
        (0.0, 3.4e-11, False, -4.16, 0.0, 0.0, 0.0, 1.00),
        (1.0, 2e-11, True, -5.22, -1.02, -0.04, -0.81, 1.36),
    ],
)
def test_the_table_of_d7(d7, size, per_dollar, pooled, sale, gamma, vanna, fired, times):
    found = row(d7, scale=size, depth=0.01 / per_dollar, with_liquidations=pooled)
    assert found["shock"] / 1e9 == pytest.approx(sale, rel=0.02)
    assert found["gamma"] / 1e9 == pytest.approx(gamma, rel=0.02, abs=0.005)
    assert found["vanna"] / 1e9 == pytest.approx(vanna, abs=0.01)
    assert found["liquidations"] / 1e9 == pytest.approx(fired, rel=0.02, abs=0.005)
    assert found["amplification"] == pytest.approx(times, rel=0.02)
    assert found[FLOWS].sum() == pytest.approx(math.log1p(MOVE) / per_dollar, rel=1e-12)
    assert (found["outcome"], found["trigger"]) == ("lands", found["shock"])


def test_every_row_is_the_exogenous_flow_and_lands_where_it_says():
    """Against `exogenous_flow` and `solve_cascade` of the book repriced for each row."""
    laws = {
        "thin": 60e6,
        "linear": 294e6,
        "square root": gf.impact.square_root(40e9, 0.03),
        "order book": gf.impact.book(16.53e6, exponent=0.674),
    }
    fit = fit_event(
        calibration_book(), depths=laws, liquidations=POOLS, notes=notes_book(), beta=BETA,
        hedge_fraction=(0.3, 1.0), scales=2.0,
    )  # fmt: skip
    assert len(fit.table) == 4 * 2 * 2 * 2
    for (scale, noted, fraction), rows in fit.table.groupby(["scale", "with_notes", "hedge_fraction"]):
        book = calibration_book(scale)
        book = book + notes_book() if noted else book
        path = gf.hedge_path(book, beta=BETA, hedge_fraction=fraction, low=0.8 * SPOT, high=1.02 * SPOT)
        for _, found in rows.iterrows():
            law = laws[found["impact"]]
            law = law if isinstance(law, gf.impact.Impact) else gf.impact.linear(law)
            terms = {"impact": law, "liquidations": POOLS if found["with_liquidations"] else None}
            flows = gf.exogenous_flow(path, MOVE, **terms)
            assert found[FLOWS].to_numpy(float) == pytest.approx(flows.to_numpy(), rel=1e-7, abs=1.0)
            if noted != found["with_liquidations"]:
                continue  # cascades of half the rows, to save time
            if found["outcome"] == "lands":
                fall = gf.solve_cascade(path, shock=found["shock"], **terms)
                assert fall.log_return == pytest.approx(math.log1p(MOVE), rel=1e-7)
                assert found["amplification"] == pytest.approx(fall.amplification, rel=1e-7)
            else:
                assert np.isnan(found["amplification"])
                before = gf.solve_cascade(path, shock=0.999 * found["trigger"] - 1.0, **terms)
                after = gf.solve_cascade(path, shock=1.001 * found["trigger"] - 1e4, **terms)
                low = SPOT * (1.0 + MOVE)
                assert before.spot > low or found["trigger"] > -1e4
                assert after.runaway or after.spot < low
    assert set(fit.table["outcome"]) >= {"lands", "runaway"}


@pytest.mark.parametrize(
    ("peak", "log_return", "outcome"),
    [(0.34, -0.04, "lands"), (1.36, -0.011, "lands"), (1.36, -0.06, "jump"), (1.36, -0.133, "lands"),
     (4.0, -0.08, "runaway")],
)  # fmt: skip
def test_the_fold_of_d7(peak, log_return, outcome):
    """-0.5bn jumps from -2 to -11.3 % (RESEARCH D7), so no sale lands at -6 %."""
    path, impact = bump(peak), gf.impact.linear(PER_1PCT)
    fit = fit_event(path, math.expm1(log_return), depths=impact, scales=1.0)
    found = fit.table.iloc[0]
    assert found["outcome"] == outcome
    flows = gf.exogenous_flow(path, math.expm1(log_return), impact=impact)
    assert found["shock"] == pytest.approx(flows["exogenous"], rel=1e-9)
    landing = gf.solve_cascade(path, shock=min(found["shock"], -1.0), impact=impact).log_return
    assert (landing == pytest.approx(log_return, rel=1e-6)) == (outcome == "lands")
    if outcome != "lands":
        [fold, *_] = gf.solve_cascade(path, shock=2.0 * found["trigger"], impact=impact).folds
        assert found["trigger"] == pytest.approx(fold.shock, rel=1e-4)
        assert fit.outcomes[outcome].tolist() == [1.0]


@settings(max_examples=30)
@given(
    gain=st.floats(-1.0, 2.0),
    log_return=st.floats(0.002, 0.4),
    sign=st.sampled_from([-1.0, 1.0]),
    fraction=st.floats(0.05, 1.0),
)
def test_a_constant_gamma_has_a_closed_form(gain, log_return, sign, fraction):
    """Linear impact D and gamma -k D: the flow needed is (1 - h k) F, amplification 1 / (1 - h k)."""
    path = gf.gamma_path(lambda s: np.full(len(s), -gain * 1e8), 50.0)
    fit = fit_event(path, math.expm1(sign * log_return), depths=1e8, hedge_fraction=fraction, scales=1.0)
    found, alone = fit.table.iloc[0], sign * log_return * 1e10
    left = 1.0 - fraction * gain
    assert found["shock"] == pytest.approx(left * alone, rel=1e-9, abs=1e-6 * abs(alone))
    assert found["loop_gain"] == pytest.approx(fraction * gain, rel=1e-7, abs=1e-9)
    if abs(left) > 1e-6:
        assert found["outcome"] == ("lands" if left > 0.0 else "runaway")
        assert found["trigger"] == pytest.approx(max(left, 0.0) * alone, rel=1e-9, abs=1e-3)
    if left > 1e-6:
        assert found["amplification"] == pytest.approx(1.0 / left, rel=1e-9)


def test_loop_gain_is_that_of_the_meter():
    """Against `loop_gain` at a fine grid of spots, which averages over no window in gamma."""
    fit = fit_event(calibration_book(), depths=PER_1PCT, liquidations=POOLS, beta=BETA, scales=1.0)
    profile = gf.sweep_spot(
        calibration_book(), np.linspace(0.868 * SPOT, SPOT, 300), dynamics=gf.dynamics.spot_vol_beta(BETA)
    )
    for pools, pooled in ((None, False), (POOLS, True)):
        gain = gf.loop_gain(profile, gf.impact.linear(PER_1PCT), beta=BETA, liquidations=pools)
        assert row(fit, with_liquidations=pooled)["loop_gain"] == pytest.approx(
            gain.table["kappa"].max(), rel=0.005
        )


def test_a_rise_fires_short_pools_and_needs_purchases():
    pools = gf.liquidations.pool(1e9, 1.02 * SPOT, 1.2 * SPOT, "short", source="made up")
    fit = fit_event(calibration_book(), 0.1, depths=294e6, liquidations=pools, scales=1.0)
    flows = gf.exogenous_flow(calibration_book(), 0.1, impact=gf.impact.linear(294e6), liquidations=pools)
    found = row(fit, with_liquidations=True)
    assert found["shock"] == pytest.approx(flows["exogenous"], rel=1e-8)
    assert found["shock"] > 0.0 < found["liquidations"]
    assert "a rise of 10 %" in fit.summary()


@pytest.fixture(scope="module")
def believed():
    return fit_event(
        gf.demo_chain(), depths=(150e6, 294e6, 1e9), beliefs="customers_buy_puts", draws=300, seed=3,
        beta=-1.0, liquidations=gf.liquidations.pool(2e8, 60_000.0, 70_000.0), hedge_fraction=(0.5, 1.0),
    )  # fmt: skip


def test_hedges_are_linear_in_shares(believed):
    """Drawn books signed, repriced in full, against the cells weighted by their shares."""
    bands = gf.sign_bands(gf.demo_chain(), "customers_buy_puts", draws=300, seed=3)
    spot = gf.demo_chain().spot * (1.0 + MOVE)
    for draw in (0, 17, 299):
        flows = gf.hedge_path(bands.book(draw), beta=-1.0, low=0.9 * spot).flows(spot)
        channels = flows[["gamma", "vanna", "knock_in"]].iloc[0].to_numpy()
        gross = believed.samples.abs().sum(axis=1).max()
        assert believed.samples.loc[draw].to_numpy() == pytest.approx(channels, abs=1e-7 * gross)


def test_quantiles_are_draws(believed):
    """Against numpy's quantiles of F - h hedges - liquidations, draw by draw; flows of a row add up."""
    table, hedges = believed.table, believed.samples.sum(axis=1)
    assert len(table) == 3 * 2 * 2 * 5
    keys = ["depth", "with_liquidations", "hedge_fraction"]
    for (depth, pooled, fraction), rows in table.groupby(keys):
        fired = rows["liquidations"].iloc[0]
        assert (fired < 0.0) == pooled
        shocks = 100.0 * depth * math.log1p(MOVE) - fraction * hedges - fired
        wanted = np.quantile(shocks, [0.05, 0.25, 0.5, 0.75, 0.95], method="nearest")
        assert rows["shock"].to_numpy() == pytest.approx(wanted, rel=1e-12)
        assert rows["quantile"].tolist() == [0.05, 0.25, 0.5, 0.75, 0.95]
        assert rows[FLOWS].sum(axis=1).to_numpy() == pytest.approx(100.0 * depth * math.log1p(MOVE))
        outcome = believed.outcomes.xs((depth, pooled, fraction), level=keys).iloc[0]
        assert outcome["runaway"] == pytest.approx((shocks >= 0.0).mean())
        assert outcome.sum() == pytest.approx(1.0)
    assert "median of draws" in believed.summary()
    assert "rule: unsigned" not in believed.summary()


def test_the_same_seed_gives_the_same_set(believed):
    again = fit_event(
        gf.demo_chain(), depths=294e6, beliefs="customers_buy_puts", draws=300, seed=3, beta=-1.0
    )
    other = fit_event(gf.demo_chain(), depths=294e6, beliefs=gf.beliefs.CUSTOMERS_BUY_PUTS, draws=300, seed=4)
    pd.testing.assert_frame_equal(again.samples, believed.samples)
    assert not np.allclose(other.samples, believed.samples)


def test_summary_says_that_it_is_a_set_and_what_would_narrow_it(d7):
    text = d7.summary()
    for words in (
        "a fall of 13.2 % to 63,624", "rule: given puts", "flow > 0 buys", "vol points",
        "depth: 294m to 500m USD", "assumed", "0, 1 and 2 times", "source: RESEARCH D7",
        "a set, not an answer: 12 of 12 rows", "what would narrow it", "measure depth first",
        "book + liquidations",
    ):  # fmt: skip
        assert words in text
    assert repr(d7) == text
    assert isinstance(d7, EventFit)


def test_one_combination_has_nothing_to_narrow():
    fit = fit_event(bump(0.3), -0.05, depths=294e6, scales=1.0)
    assert "nothing varies" in fit.summary()
    assert fit.narrows.empty
    assert "a given gamma" in fit.summary()
    assert fit.ridge.shape == (1, 1)


def test_laws_stand_beside_depths():
    """Other laws are alternatives: rows of the ridge, left out of what would narrow the depth."""
    linear = fit_event(bump(0.3), -0.05, depths=(1e8, 3e8))
    both = fit_event(bump(0.3), -0.05, depths=(1e8, 3e8, gf.impact.square_root(40e9, 0.03)))
    pd.testing.assert_frame_equal(linear.narrows, both.narrows)
    assert both.ridge.index.names == ["impact", "depth"]
    assert "of the linear law" in both.summary()
    assert "of the linear law" not in linear.summary()
    assert fit_event(bump(0.3), -0.05, depths=gf.impact.PUBLISHED).narrows.index[0] == "impact"


def test_a_path_keeps_its_fraction_of_hedges():
    half = replace(bump(0.6), hedge_fraction=0.5)
    own = fit_event(half, -0.05, depths=294e6, scales=1.0).table.iloc[0]
    assert own["hedge_fraction"] == 0.5
    full = fit_event(half, -0.05, depths=294e6, scales=1.0, hedge_fraction=1.0).table.iloc[0]
    assert full["gamma"] == pytest.approx(2.0 * own["gamma"])


CHAIN = gf.demo_chain()
BOOK = gf.assign_positions(CHAIN)
WRONG = [
    ({"move": -13.2}, "move: received -13.2; move must be > -1. -0.132 is a fall of 13.2 %"),
    ({"move": 0.0}, "move: received 0, which takes no flow"),
    ({"move": "much"}, "move: received 'much'"),
    (
        {"depths": 3.4e-11},
        "an impact per unit of currency (0.01 / 3.4e-11 = 2.94118e+08)",
    ),
    ({"depths": (100e6, -1.0)}, "depths: received -1.0; depths must be > 0"),
    ({"depths": (100e6, 100e6)}, "depths: received linear of 1e+08 USD per 1 % twice"),
    ({"depths": ()}, "depths: received none"),
    ({"depths": "deep"}, "depths: received 'deep'"),
    ({"liquidations": 1e9}, "liquidations: received float"),
    ({"notes": CHAIN}, "notes: received Chain"),
    ({"notes": gf.assign_positions(CHAIN, "unsigned")}, "notes: received a book without a dealer sign"),
    ({"beta": np.nan}, "beta: received nan"),
    ({"hedge_fraction": (0.5, 1.5)}, "hedge_fraction: received 1.5"),
    ({"hedge_fraction": ()}, "hedge_fraction: received none"),
    ({"scales": (1.0, 1.0)}, "scales: received (1.0, 1.0); legal: each number once"),
    ({"scales": -1.0}, "scales: received -1.0"),
    ({"beliefs": "sure"}, "beliefs: received 'sure'"),
    ({"beliefs": "flat"}, "its positions are signed, and beliefs are about open interest"),
    ({"draws": 1}, "draws: received 1"),
    ({"seed": -1}, "seed: received -1"),
    ({"book": CHAIN}, "book: received a chain, whose open interest has no dealer sign"),
    ({"book": gf.assign_positions(CHAIN, "unsigned")}, "book: received open interest without a dealer sign"),
    ({"book": "BTC"}, "book: received str"),
    ({"book": bump(0.3), "beliefs": "flat"}, "book: received HedgePath"),
    ({"book": bump(0.3), "beta": -3.0}, "beta: received with a hedge path"),
    ({"book": bump(0.3), "move": -0.9}, "outside the path's range"),
    ({"book": CHAIN, "beliefs": "flat", "scales": 2.0}, "scales: received with beliefs"),
]


@pytest.mark.parametrize(("terms", "said"), WRONG, ids=[said for _, said in WRONG])
def test_bad_arguments_are_refused(terms, said):
    with pytest.raises(SchemaError) as error:
        fit_event(**{"book": BOOK, **terms})
    assert said in str(error.value)


def test_all_problems_at_once():
    with pytest.raises(SchemaError) as error:
        fit_event(CHAIN, -2.0, depths=(0.3, "x"), hedge_fraction=2.0, draws=0, liquidations="none")
    text = str(error.value)
    for name in (
        "move",
        "depths: received 0.3",
        "depths: received 'x'",
        "hedge_fraction",
        "draws",
        "liquid",
        "book",
    ):
        assert name in text


def test_other_units_are_refused():
    euro = gf.impact.linear(294e6, currency="EUR")
    shares = gf.liquidations.read(
        pd.DataFrame({"price": [36.0, 38.0], "value": 1e6, "side": "long", "spot": 41.6})
    )
    elsewhere = barrier_book()
    with pytest.raises(MismatchError) as error:
        fit_event(BOOK, depths=(294e6, euro), liquidations=shares, notes=elsewhere)
    for words in (
        "impact: in EUR",
        "liquidations: recorded at a spot of 41.6",
        "notes: books cannot be added",
    ):
        assert words in str(error.value)
    with pytest.raises(MismatchError, match="notes: at a spot of 90"):
        fit_event(bump(0.3), -0.05, notes=elsewhere)


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"move": 13.2}, "move: received 13.2, a move of 1,320 %"),
        ({"depths": 294.0}, "depth: selling 294 USD moves price 1 %"),
        ({"depths": 294e6, "beta": -300.0}, "beta: received -300"),
    ],
)
def test_absurd_but_legal(terms, said):
    fit = fit_event(calibration_book(), **{"move": -0.05, "scales": 1.0, **terms})
    assert any(said in sentence for sentence in fit.warnings)
    assert f"WARNING: {said}" in fit.summary()


def test_beliefs_about_barriers_are_refused():
    with pytest.raises(SchemaError, match="barrier options or notes, whose delta jumps"):
        fit_event(replace(barrier_book(), signed=False), beliefs="flat")


def test_pictures(d7):
    import matplotlib.pyplot as plt

    ax = d7.plot()
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert "a set, not an answer" in ax.get_title(loc="left")
    lines = {line.get_label(): line for line in ax.get_lines()}
    shown = lines["book + liquidations"].get_ydata()
    assert -1e9 * np.asarray(shown) == pytest.approx(d7.ridge["book + liquidations"].to_numpy())
    bars = d7.plot_narrows()
    widths = [bar.get_width() for bar in bars.patches]
    assert widths == pytest.approx((100.0 * d7.narrows["variance_share"]).tolist())
    overlapping = fit_event(BOOK, depths=(150e6, 294e6, 1e9))
    assert overlapping.narrows.loc["together", "variance_share"] < 0.0  # rows that do not land are left out
    assert len(overlapping.plot_narrows().patches) == 2
    plt.close("all")
