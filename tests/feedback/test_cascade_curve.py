"""Cascade curves: landings over shocks, both branches and jumps, against single cascades and closed forms."""

import math
import pickle

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from support.feedback_books import BETA, PER_1PCT, POOL, POOL_HIGH, POOL_LOW, SPOT, calibration_book

LINEAR = gf.impact.linear(PER_1PCT, source="RESEARCH B17")
POOLS = gf.liquidations.pool(POOL, POOL_LOW, POOL_HIGH, source="RESEARCH D7")


def two_bumps():
    """Short gamma around -6 % and around +5 %, both with loop gains above 1."""

    def gamma(spots):
        x = np.log(spots / 100.0)
        down = 1.36 * np.exp(-0.5 * ((x + 0.06) / 0.03) ** 2)
        return -PER_1PCT * (down + 1.6 * np.exp(-0.5 * ((x - 0.05) / 0.01) ** 2))

    return gf.gamma_path(gamma, 100.0)


def test_every_landing_is_that_of_its_own_cascade():
    shocks = np.array([-4e9, -2.31e9, -1e9, -1e6, 0.0, 1e7, 3e9])
    path = gf.hedge_path(calibration_book(1.4), beta=BETA, hedge_fraction=0.9)
    curve = gf.cascade_curve(path, shocks, impact=LINEAR, liquidations=POOLS)
    for i, shock in enumerate(shocks):
        one = gf.solve_cascade(path, shock=shock, impact=LINEAR, liquidations=POOLS)
        assert curve.spots[i] == pytest.approx(one.spot, rel=1e-13)
        assert curve.flows[:, i] == pytest.approx(one.flows, rel=1e-6, abs=1.0)
        assert curve.returns.iloc[i].to_numpy() == pytest.approx(one.returns.to_numpy(), rel=1e-6, abs=1e-12)
    table = curve.table
    assert table.index.tolist() == shocks.tolist()
    assert table["log_return"].to_numpy() == pytest.approx(np.log(curve.spots / SPOT))
    assert table["amplification"].isna().tolist() == [False] * 4 + [True] + [False] * 2
    assert table["alone"].to_numpy() == pytest.approx(0.01 * shocks / PER_1PCT)
    assert not table["jumped"].any()
    assert (table["far"] == table["spot"]).all()


def test_both_branches_and_the_jumps_between_them():
    shocks = np.linspace(-1e9, 1.6e9, 261)
    curve = gf.cascade_curve(two_bumps(), shocks, impact=LINEAR)
    folds = curve.folds
    assert len(folds) == 2
    assert folds["shock"].is_monotonic_increasing
    down, up = folds.iloc[0], folds.iloc[1]
    assert down["end"] < down["start"] < 100.0 < up["start"] < up["end"]
    table = curve.table
    assert (table["jumped"] == ((table.index < down["shock"]) | (table.index > up["shock"]))).all()
    # In steps of the shock the landing moves a little, but for the two jumps.
    steps = np.abs(np.diff(table["log_return"]))
    assert (steps > 0.01).sum() == 2
    apart = table["far"] != table["spot"]
    assert apart.any()
    assert not (apart & table["jumped"]).any()
    # The far branch ends where the loop gain is back at 1, and is a balance of its shock.
    far = table.loc[apart & (table.index < 0.0), "far"]
    needs = [gf.exogenous_flow(two_bumps(), s / 100.0 - 1.0, impact=LINEAR)["exogenous"] for s in far]
    assert needs == pytest.approx(far.index.tolist(), rel=1e-8)
    returns = -0.06 - 0.03 * math.sqrt(2.0 * math.log(1.36))
    assert np.log(far.max() / 100.0) == pytest.approx(returns, abs=0.006)
    assert np.log(far.max() / 100.0) < returns


def test_square_root_impact_jumps_at_the_smallest_shock_on_both_sides():
    curve = gf.cascade_curve(
        calibration_book(), [-1e9, -1.0, 0.0, 1.0, 1e9], impact=gf.impact.square_root(40e9, 0.03)
    )
    assert curve.folds["shock"].tolist() == [0.0, 0.0]
    assert curve.table["jumped"].tolist() == [True, True, False, True, True]
    assert "the smallest shock" in curve.summary()


def test_shocks_without_a_landing_are_nan_and_the_others_are_not():
    # Loop gain 0.5 down to -10 %, 1.5 beyond, to the end of the range.
    path = gf.gamma_path(
        lambda s: -PER_1PCT * np.where(s < 100 * math.exp(-0.1), 1.5, 0.5),
        100.0,
        breaks=[100 * math.exp(-0.1)],
    )
    edge = -0.05 * 100 * PER_1PCT
    curve = gf.cascade_curve(path, [2.0 * edge, 1.001 * edge, 0.999 * edge, 0.0], impact=LINEAR)
    table = curve.table
    assert table["runaway"].tolist() == [True, True, False, False]
    assert table["spot"].isna().tolist() == [True, True, False, False]
    assert table["gamma"].isna().tolist() == [True, True, False, False]
    assert curve.folds["end"].isna().tolist() == [True]
    assert curve.folds["shock"].item() == pytest.approx(edge, rel=1e-9)
    assert "no equilibrium inside the range" in curve.summary()


def test_it_pickles_and_tells_itself_in_numbers_text_and_pictures():
    curve = gf.cascade_curve(two_bumps(), np.linspace(-1e9, 1.6e9, 27), impact=LINEAR)
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(curve)).table, curve.table)
    text = curve.summary()
    for part in (
        "sign: flow > 0 buys",
        "source: RESEARCH B17",
        "liquidations: none",
        "price jumps from 96.42",
    ):
        assert part in text
    assert repr(curve) == text
    still = gf.cascade_curve(calibration_book(), [-1e9, -0.5e9], impact=LINEAR)
    assert "no jump of price" in still.summary()
    plt = pytest.importorskip("matplotlib.pyplot")
    drawn = curve.plot()
    lines, labels = drawn.get_legend_handles_labels()
    grown = lines[labels.index("as the shock grows")].get_ydata()
    assert np.isnan(grown).sum() == 2  # a gap at each jump
    assert np.nanmax(np.abs(np.diff(grown))) < 2.0
    assert "as the shock is\ntaken back" in labels
    assert sum(label.startswith("jump at") for label in labels) == 2
    assert "as the shock is\ntaken back" not in still.plot().get_legend_handles_labels()[1]
    ax = curve.plot_channels()
    assert ax.get_legend_handles_labels()[1][:2] == ["shock", "gamma"]
    plt.close("all")


def test_refusals():
    for shocks in ([], [0.0, 0.0], [1.0, np.nan], "many", [[1.0]]):
        with pytest.raises(gf.SchemaError, match="shocks: received"):
            gf.cascade_curve(calibration_book(), shocks, impact=LINEAR)
    with pytest.raises(gf.SchemaError, match=r"(?s)shocks: received.*impact: received float"):
        gf.cascade_curve(calibration_book(), [2.0, 1.0], impact=294e6)
