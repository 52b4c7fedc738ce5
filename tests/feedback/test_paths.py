"""Results of simulated paths: tables, text, effects of channels, and what is refused."""

import itertools
import pickle
from math import factorial
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.feedback.simulation.channels import CHANNELS
from gammaflow.feedback.simulation.paths import FeedbackPaths
from gammaflow.feedback.surface.surface import constant_gamma_surface
from support.made_up_paths import DAYS, NAMES, PATHS, SPOT, STEPS, made_up_run, paths_of, setup_of
from support.pictures import title

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


@pytest.fixture(scope="module")
def paths():
    return paths_of(keep_paths=True)


def test_attribution_adds_up_to_the_move_and_flows_hold_no_noise(paths):
    assert paths.attribution.columns.to_list() == [*NAMES, "noise"]
    assert paths.flows.columns.to_list() == list(NAMES)
    assert abs(paths.attribution.sum(axis=1) - paths.table["log_return"]).max() < 1e-12
    np.testing.assert_array_equal(paths.flows["gamma"], paths.attribution["gamma"] * 294e8)


def test_a_row_of_the_table_is_a_path(paths):
    whole, table = paths.paths, paths.table
    assert whole.shape == (PATHS, STEPS + 1)
    x = np.log(whole.to_numpy() / SPOT)
    np.testing.assert_allclose(table["log_return"], x[:, -1], atol=1e-14)
    np.testing.assert_allclose(table["low"], x.min(axis=1), atol=1e-14)
    np.testing.assert_allclose(table["high"], x.max(axis=1), atol=1e-14)
    np.testing.assert_allclose(table["low_day"], whole.columns.to_numpy()[x.argmin(axis=1)])
    assert paths.runaway_share == (table["log_return"] < -0.05).mean() == table["runaway"].mean() > 0.0


def test_the_fan_holds_quantiles_of_spot(paths):
    spots = paths.paths.iloc[:, ::4]
    assert paths.fan.index.name == "days"
    np.testing.assert_allclose(paths.fan.index, spots.columns, rtol=1e-14)
    for p in (5, 25, 50, 75, 95):
        np.testing.assert_allclose(paths.fan[f"{p} %"], spots.quantile(p / 100), rtol=1e-13)


def test_the_distribution_is_that_of_the_table(paths):
    found, table = paths.distribution, paths.table
    assert found.index.to_list() == ["log_return", "low", "high", "low_day", "peak_vol"]
    for name, row in found.iterrows():
        values = table[name]
        assert row["mean"] == pytest.approx(values.mean(), rel=1e-12)
        assert row["sd"] == pytest.approx(values.std(), rel=1e-12)
        assert row["standard_error"] == pytest.approx(values.sem(), rel=1e-12)
        assert row["5 %"] == pytest.approx(values.quantile(0.05), rel=1e-12)
        assert row["95 %"] == pytest.approx(values.quantile(0.95), rel=1e-12)


def test_channels_add_up_to_the_total(paths):
    table, move = paths.channels_table, paths.table["log_return"]
    assert table.index.to_list() == [*NAMES, "noise", "total"]
    assert table["mean"].iloc[:-1].sum() == pytest.approx(move.mean(), rel=1e-12)
    assert table.loc["total", "standard_error"] == pytest.approx(move.sem(), rel=1e-12)
    assert table.loc["gamma", "share"] == pytest.approx(paths.attribution["gamma"].mean() / move.mean())
    assert table["share"].iloc[:-1].sum() == pytest.approx(1.0, rel=1e-12)
    assert table.loc["total", "flow"] == pytest.approx(paths.flows.sum(axis=1).mean(), rel=1e-12)
    assert table["fired"].iloc[:-2].eq(1.0).all()
    assert table.loc["noise", ["flow", "flow_error", "fired"]].isna().all()


def test_a_move_that_may_be_zero_has_no_shares():
    table = paths_of(()).channels_table
    assert abs(table.loc["total", "mean"]) < 2.0 * table.loc["total", "standard_error"]
    assert table["share"].isna().all()


def _orders(setup, function, name):
    """Shapley value by its definition: the mean over all orders of joining."""
    total = 0.0
    for order in itertools.permutations(setup.channels):
        before = set(order[: order.index(name)])
        some = tuple(n for n in setup.channels if n in before)
        more = tuple(n for n in setup.channels if n in before | {name})
        total += function(made_up_run(setup, more).x) - function(made_up_run(setup, some).x)
    return total / factorial(len(setup.channels))


def test_shapley_is_the_mean_over_the_orders_and_adds_up(paths):
    found = paths.counterfactual("shapley")
    assert found.runs == 7
    for name in NAMES:
        assert found.table.loc[name, "effect"] == pytest.approx(
            _orders(paths.setup, np.mean, name), rel=1e-10
        )
        tail = _orders(paths.setup, lambda x: np.quantile(x, 0.05), name)
        assert found.table.loc[name, "effect_5 %"] == pytest.approx(tail, rel=1e-10)
    nothing = made_up_run(paths.setup, ()).x
    assert found.table["effect"].sum() == pytest.approx((paths.raw.x - nothing).mean(), rel=1e-10)
    both = np.quantile(paths.raw.x, 0.05) - np.quantile(nothing, 0.05)
    assert found.table["effect_5 %"].sum() == pytest.approx(both, rel=1e-10)


def test_accounting_is_not_cause(paths):
    found = paths.counterfactual()
    assert (found.method, found.runs) == ("drop_one", 3)
    table = found.table
    for name in NAMES:
        rest = made_up_run(paths.setup, tuple(n for n in NAMES if n != name)).x
        change = paths.raw.x - rest
        assert table.loc[name, "effect"] == pytest.approx(change.mean(), rel=1e-12)
        assert table.loc[name, "standard_error"] == pytest.approx(change.std(ddof=1) / 20.0, rel=1e-12)
        assert table.loc[name, "without"] == pytest.approx(rest.mean(), rel=1e-12)
        assert table.loc[name, "without_5 %"] == pytest.approx(np.quantile(rest, 0.05), rel=1e-12)
    assert table.loc["liquidations", "effect"] == pytest.approx(table.loc["liquidations", "attribution"])
    assert table.loc["gamma", "effect"] < 1.2 * table.loc["gamma", "attribution"] < 0.0


@given(st.integers(2, 6))
@settings(max_examples=5, deadline=None)
def test_shapley_of_channels_that_only_add_is_what_each_adds(count):
    names = CHANNELS[:count]

    def run(setup, channels):
        return SimpleNamespace(x=sum((10.0 ** -CHANNELS.index(n) for n in channels), np.zeros(3)))

    setup = SimpleNamespace(channels=names, again=lambda some: run(None, some))
    from gammaflow.feedback.simulation.counterfactual import compare_without

    booked = pd.Series(0.0, names)
    for method in ("drop_one", "shapley"):
        table = compare_without(setup, run(None, names), booked, method).table
        np.testing.assert_allclose(table["effect"], [10.0**-i for i in range(count)], rtol=1e-9)


def test_what_the_counterfactual_refuses(paths):
    with pytest.raises(SchemaError, match="method: received 'loo'; legal: 'drop_one', 'shapley'"):
        paths.counterfactual("loo")
    with pytest.raises(SchemaError, match="no channel that could be left out"):
        paths_of(()).counterfactual()
    seven = paths_of(CHANNELS[:7])
    with pytest.raises(
        SchemaError, match=r"7 channels needs 128 simulations; legal: up to 6 channels \(64\)"
    ):
        seven.counterfactual("shapley")
    with pytest.raises(SchemaError, match="channel: received 'charm'; legal: 'deleveraging', 'gamma'"):
        paths.counterfactual().plot("charm")


def test_whole_paths_must_be_asked_for():
    with pytest.raises(SchemaError, match="whole paths were not kept; legal: simulate_feedback"):
        _ = paths_of().paths


def test_the_summary_names_every_input(paths):
    text = paths.summary()
    for words in (
        "FeedbackPaths, surface without a book",
        "rule: none",
        "sign: flows: + = buys",
        "294m USD moves price 1 %, linear, permanent; source: a test",
        "channels: deleveraging, gamma, liquidations",
        "volatility of the noise: 56 % a year; spot-vol beta -3; dealers trade 70 % of the theoretical hedge",
        "400 paths of 48 steps over 2 days, seed 3",
        "a note of the run",
        f"{100.0 * paths.runaway_share:.2f} % of the paths left the spots of the surface",
        "no path reached an end of the vol shifts",
    ):
        assert words in text
    assert text == repr(paths)
    assert "booking is not cause" in repr(paths.counterfactual())


def test_the_heading_of_a_book_is_that_of_other_results():
    book = gf.assign_positions(gf.demo_chain(), "short_all")
    from dataclasses import replace

    setup = setup_of(surface=replace(constant_gamma_surface(-100e6, book.spot), book=book, asof=book.asof))
    paths = FeedbackPaths(setup, setup.again(NAMES))
    first, *rest = paths.summary().splitlines()
    assert first == f"FeedbackPaths {book.title}, as of 2026-02-05 09:36 UTC, spot 71,470.00 USD"
    assert any(line.startswith("rule: short_all") for line in rest)
    assert title(paths.plot()[0]).endswith("rule: short_all")
    assert paths.to_dict()["rule"] == book.rule_text


def test_numbers_for_json_are_plain(paths):
    import json

    plain = json.loads(json.dumps(paths.to_dict(), allow_nan=False))
    assert plain["channels"][1]["channel"] == "gamma"
    assert plain["channels"][1]["mean"] == pytest.approx(paths.attribution["gamma"].mean(), rel=1e-12)
    assert plain["impact"]["half_life"] is None
    assert plain["fan"][-1]["days"] == DAYS
    assert plain["distribution"][0]["quantity"] == "log_return"


def test_results_pickle_and_run_again(paths):
    copy = pickle.loads(pickle.dumps(paths))
    pd.testing.assert_frame_equal(copy.attribution, paths.attribution)
    pd.testing.assert_frame_equal(copy.counterfactual().table, paths.counterfactual().table)
    found = pickle.loads(pickle.dumps(paths.counterfactual()))
    pd.testing.assert_frame_equal(found.table, paths.counterfactual().table)


def test_the_mean_of_the_fan_leaves_out_paths_that_ran_away(paths):
    stayed = paths.paths[~paths.table["runaway"]]
    np.testing.assert_allclose(paths.fan["mean"], stayed.iloc[:, ::4].mean(), rtol=1e-13)


@pytest.fixture(scope="module")
def simulated():
    surface = constant_gamma_surface(-100e6, SPOT, days=DAYS, asof=pd.Timestamp("2026-02-04T21:33Z"))
    pool = gf.liquidations.pool(500e6, 0.93 * SPOT, 0.98 * SPOT)
    how = {"impact": gf.impact.linear(294e6, source="a test"), "paths": 256, "steps": 96, "days": DAYS,
           "seed": 8, "volatility": 0.56}  # fmt: skip
    return surface, pool, how, gf.simulate_feedback(surface, channels=["gamma", pool], shock=-1e9, **how)


def test_a_simulation_without_a_channel_is_one_that_never_had_it(simulated):
    surface, pool, how, paths = simulated
    assert paths.setup.channels == ("deleveraging", "gamma", "liquidations")
    assert abs(paths.attribution.sum(axis=1) - paths.table["log_return"]).max() < 1e-12
    found = paths.counterfactual()
    others = {
        "gamma": gf.simulate_feedback(surface, channels=[pool], shock=-1e9, **how),
        "liquidations": gf.simulate_feedback(surface, channels=["gamma"], shock=-1e9, **how),
        "deleveraging": gf.simulate_feedback(surface, channels=["gamma", pool], **how),
    }
    for name, other in others.items():
        np.testing.assert_array_equal(found.without[name], other.raw.x)
        np.testing.assert_array_equal(other.attribution["noise"], paths.attribution["noise"])
    # what is sold first sets off the rest: dropping it saves more than it books
    table = found.table.loc["deleveraging"]
    assert table["effect"] < 1.3 * table["attribution"] < 0.0


def test_a_simulation_pickles_with_its_setup(simulated):
    paths = simulated[-1]
    copy = pickle.loads(pickle.dumps(paths))
    pd.testing.assert_frame_equal(copy.counterfactual().table, paths.counterfactual().table)
    assert copy.summary() == paths.summary()


def test_one_path_without_channels_is_described():
    surface = constant_gamma_surface(0.0, SPOT)
    paths = gf.simulate_feedback(surface, impact=gf.impact.linear(1e8, source="a test"), channels=[], paths=1,
                                 steps=1, volatility=0.3)  # fmt: skip
    text = paths.summary()
    for words in ("channels: none", "1 path of 1 step over 1 day", "(standard error unknown, one path)"):
        assert words in text
    assert paths.attribution.columns.to_list() == ["noise"]
    for kind, names in (("attribution", ["noise", "total"]), ("flows", ["total"])):
        assert [t.get_text() for t in paths.plot(kind).get_yticklabels()] == names
    with pytest.raises(SchemaError, match="kind: received 'x'; legal: 'fan', 'attribution', 'flows'"):
        paths.plot("x")


def test_paths_that_all_ran_away_have_no_mean_price():
    surface = constant_gamma_surface(-500e6, SPOT, low=0.9 * SPOT, high=1.1 * SPOT)
    paths = gf.simulate_feedback(surface, impact=gf.impact.linear(100e6, source="a test"), channels=["gamma"],
                                 paths=20, steps=200, volatility=0.3, shock=-1e8)  # fmt: skip
    assert paths.runaway_share == 1.0
    assert paths.fan["mean"].isna().all()
    assert paths.fan["50 %"].notna().all()
    assert "100.00 % of the paths left the spots of the surface; beyond them" in paths.summary()
    paths.plot()[0].figure.canvas.draw()
