"""Comparison of positioning rules: equal to one rule at a time, and to sums and roots found by themselves."""

from __future__ import annotations

import pickle

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.positions.rules import RULES, ContractRule, Rule, SkewRule
from gammaflow.studies.rules import RuleComparison
from support.signed_chains import chain_of

mpl.use("Agg")

LEVELS = ["zone_low", "zone_high", "flow", "trough", "trough_gamma", "core_low", "core_high"]


def smile(k, t):
    return 0.42 - 0.05 * k / np.sqrt(t) + 0.2 * k**2


def made_up():
    """Calls where gamma is high above spot, puts below: flips and zones under most rules."""

    def interest(frame):
        far = np.where(frame["kind"] == "call", frame["strike"] - 280.0, frame["strike"] - 235.0)
        return np.round(1e4 * np.exp(-0.5 * (far / 20.0) ** 2)) + 1.0

    return chain_of(smile, open_interest=interest)


def by_itself(chain, rule, **how):
    """The row of one rule, by the steps that a user takes one by one."""
    book = gf.assign_positions(chain, rule)
    levels = gf.sweep_spot(book, **how).levels()
    row = {"gamma": gf.aggregate_exposure(book, days=how.get("days", 0.0)).total()["gamma"]}
    if book.signed:
        flip, zone = levels.nearest_flip, levels.zone
        row |= {"flips": len(levels.flips), "nearest_flip": flip.spot if flip else np.nan}
        if zone:
            core = zone.core
            row |= {
                "zone_low": zone.low,
                "zone_high": zone.high,
                "flow": zone.flow,
                "trough": zone.trough.spot,
            }
            row |= {"trough_gamma": zone.trough.gamma, "core_low": core[0], "core_high": core[1]}
    return row


def same(table, name, expected):
    for column in ("gamma", "flips", "nearest_flip", *LEVELS):
        want = expected.get(column, np.nan)
        assert table[column][name] == pytest.approx(want, rel=2e-6, nan_ok=True), (name, column)


@pytest.fixture(scope="module")
def every():
    return gf.compare_rules(made_up())


def test_each_row_is_that_rule_by_itself(every):
    assert list(every.levels) == every.table.index.tolist() == list(RULES)
    chain = made_up()
    for name in RULES:
        same(every.table, name, by_itself(chain, name))


@pytest.mark.parametrize("symbol", ["BTC", "IBIT"])
def test_rows_on_forwards_and_american_rows(symbol):
    chain, rules = gf.demo_chain(symbol=symbol), ["calls_long_puts_short", "skew_adjusted"]
    table = gf.compare_rules(chain, rules).table
    for name in rules:
        same(table, name, by_itself(chain, name))


def test_time_and_volatility_apply_to_every_rule():
    how = {"days": 5.0, "vol_shift": 0.1, "dynamics": "sticky_moneyness"}
    chain = made_up()
    table = gf.compare_rules(chain, ["mirror"], **how).table
    for name in table.index:
        levels = gf.sweep_spot(gf.assign_positions(chain, name), **how).levels()
        assert table["gamma"][name] == pytest.approx(levels.gamma, rel=1e-9)
        assert table["trough"][name] == pytest.approx(levels.zone.trough.spot, rel=1e-6)


def test_gamma_under_every_rule_is_the_shares_times_that_of_calls_and_puts():
    chain = made_up()
    own = [Rule("a", 0.3, -0.7, "some"), Rule("b", -0.2, 0.9, "others"), SkewRule(width=0.4)]
    found = gf.compare_rules(chain, [*own, "short_all", "crypto_puts_bought"])
    table = found.table
    calls, puts = (
        found.levels["a"].profile.at(found.levels["a"].profile.spots).by("kind")["call"] / 0.3,
        found.levels["a"].profile.by("kind")["put"] / -0.7,
    )
    for name, levels in found.levels.items():
        if name == "skew_adjusted":
            continue
        sum_ = table["calls"][name] * calls + table["puts"][name] * puts
        profile = levels.profile.table["gamma"]
        np.testing.assert_allclose(profile, sum_, rtol=0, atol=1e-12 * np.abs(calls + puts).max())
    assert table.loc["a", ["calls", "puts"]].to_list() == pytest.approx([0.3, -0.7], rel=1e-14)
    calls = chain["kind"] == "call"
    net = SkewRule(width=0.4).position(chain)[calls].sum() / chain["open_interest"][calls].sum()
    assert 0.1 < net < 0.9
    assert table["calls"]["skew_adjusted"] == pytest.approx(net, rel=1e-14)


def test_open_interest_without_a_side_has_no_flip_and_no_zone(every):
    found = every
    row = found.table.loc["unsigned"]
    assert row["gamma"] == pytest.approx(-found.table["gamma"]["short_all"], rel=1e-14)
    assert row[["flips", "nearest_flip", *LEVELS]].isna().all()
    assert "sign: none (open interest alone), so it has no flip and no zone" in repr(found)


def test_the_result_says_rule_sign_unit_and_source(every):
    text = repr(every)
    assert text.startswith("RuleComparison X, as of 2026-02-05 15:00 UTC, spot 250.00 USD\n")
    assert "sign: + = dealers are long" in text
    assert "gamma [USD per +1 % spot]; flow across the zone [USD]" in text
    assert (
        "rule: calls_long_puts_short (customers sell calls and buy puts; dealers are long calls and" in text
    )
    assert "source: SqueezeMetrics (2017)" in text
    assert "here dealers hold +100% of the open interest in calls" in text
    flips = every.levels["calls_long_puts_short"].flips
    assert len(flips) == every.table["flips"]["calls_long_puts_short"] > 0
    assert f"flips: {', '.join(map(str, flips))}; zone " in text


def test_rules_without_shares_for_the_chain_are_named():
    found = gf.compare_rules(gf.demo_chain())
    assert list(found.levels) == [name for name in RULES if name != "us_listed"]
    assert "us_listed" not in found.table.index
    (line,) = [line for line in found.lines if line.startswith("left out")]
    assert "rule 'us_listed' has no share for synthetic demo/european/call (299 rows)" in line
    with pytest.raises(SchemaError, match="rule 'us_listed' has no share for"):
        gf.compare_rules(gf.demo_chain(), ["us_listed"])


def test_a_rule_under_which_dealers_hold_nothing_has_no_levels():
    calls = made_up().select(kind="call")
    found = gf.compare_rules(calls, ["short_all", "crypto_puts_bought"])
    assert list(found.levels) == ["short_all"]
    row = found.table.loc["crypto_puts_bought"]
    assert row[["gamma", "flips", "calls"]].to_list() == [0.0, 0.0, 0.0]
    assert row[["puts", "nearest_flip", *LEVELS]].isna().all()
    assert "dealers hold none of these contracts" in repr(found)
    with pytest.raises(SchemaError, match="under none of the rules crypto_puts_bought do dealers hold"):
        gf.compare_rules(calls, "crypto_puts_bought")


def test_positions_by_contract_compare_with_rules():
    chain = made_up()
    given = dict(zip(chain["contract"], -chain["open_interest"], strict=True))
    found = gf.compare_rules(chain, ["short_all", ContractRule(given, name="mine")])
    pd.testing.assert_series_equal(
        found.table.loc["mine"], found.table.loc["short_all"], check_names=False, rtol=1e-12
    )


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([], "received []; legal: at least one rule, each name once"),
        (["mirror", "mirror"], "received ['mirror', 'mirror']; legal: at least one rule"),
        (["hope"], "rule: received 'hope'; legal: 'calls_long_puts_short'"),
        ([np.ones(3)], "rule: received ndarray; legal: a rule of gammaflow.positioning"),
    ],
)
def test_illegal_rules_are_refused(rules, words):
    with pytest.raises(SchemaError) as error:
        gf.compare_rules(made_up(), rules)
    assert words in str(error.value)


def test_a_comparison_can_be_pickled(every):
    found = every
    back = pickle.loads(pickle.dumps(found))
    assert isinstance(back, RuleComparison)
    pd.testing.assert_frame_equal(back.table, found.table)
    assert repr(back) == repr(found)


def test_the_picture_has_a_line_a_zero_and_the_zones_of_each_rule(every):
    found = every
    ax = found.plot()
    lines = {line.get_label(): line for line in ax.get_lines()}
    drawn = {}
    for name, levels in found.levels.items():
        signed, flip = levels.profile.book.signed, levels.nearest_flip
        (label,) = [text for text in lines if name in text.split(",")[0].split("\n= ")]
        drawn.setdefault(label, levels)
        assert (", zero " in label) == bool(signed and flip)
        gamma = levels.profile.table["gamma"]
        scale = lines[label].get_ydata() / gamma
        np.testing.assert_allclose(scale, scale.iloc[0], rtol=1e-9)
    bars = sorted(
        list(line.get_xdata())
        for line in ax.get_lines()
        if line.get_linewidth() == 4 and len(line.get_xdata())
    )
    zones = [
        [zone.low, zone.high]
        for levels in drawn.values()
        for zone in levels.zones
        if levels.profile.book.signed
    ]
    assert bars
    np.testing.assert_allclose(bars, sorted(zones), rtol=1e-14)
    assert "short-gamma zone" in lines
    mpl.pyplot.close("all")


def test_rules_with_one_curve_share_a_line():
    chain = gf.demo_chain()
    twin = gf.positioning.Rule("twin", -1.0, -1.0, "as short_all")
    found = gf.compare_rules(chain, ["calls_long_puts_short", "short_all", twin, "mirror"])
    names = [line.get_label().split(",")[0] for line in found.plot().get_lines() if len(line.get_xdata()) > 2]
    assert names == ["calls_long_puts_short", "short_all\n= twin", "mirror"]
    mpl.pyplot.close("all")


def test_the_brief_table_rounds_the_table():
    found = gf.compare_rules(gf.demo_chain(), ["calls_long_puts_short", "unsigned"])
    table, brief = found.table, found.brief()
    assert brief.loc["calls_long_puts_short", "gamma"] == f"{table['gamma'].iloc[0] / 1e6:.3g}m"
    assert brief.loc["calls_long_puts_short", "flip"] == f"{table['nearest_flip'].iloc[0]:,.0f}"
    low, high = table.iloc[0][["core_low", "core_high"]]
    assert brief.loc["calls_long_puts_short", "core"] == f"{low:,.0f} - {high:,.0f}"
    assert brief.loc["unsigned", ["flip", "trough", "core"]].tolist() == ["none"] * 3


def test_the_recorded_chain_by_sums_of_its_own(shared):
    """Black-76 gamma of 5 February summed in numpy: at spot, zero at the flip, the trough and its core."""
    path = shared / "data/deribit/deribit_options_snapshot_20260205T093647Z.csv"
    chain = gf.read_chain(path, symbol="BTC")
    table = gf.compare_rules(chain).table
    rows = chain.unusable == ""
    t, sigma = chain.years[rows], chain["iv"][rows]
    ratio, size = (
        chain["forward"][rows] / chain.spot,
        chain["open_interest"][rows] * chain["multiplier"][rows],
    )
    call = chain["kind"][rows] == "call"

    def gamma(spots, calls, puts):
        F = np.asarray(spots)[:, None] * ratio
        width = sigma * np.sqrt(t)
        d1 = np.log(F / chain["strike"][rows]) / width + 0.5 * width
        return (
            0.01
            * (np.where(call, calls, puts) * size * F * np.exp(-0.5 * d1**2) / width).sum(axis=1)
            / (2 * np.pi) ** 0.5
        )

    shares = {
        "calls_long_puts_short": (1, -1),
        "short_all": (-1, -1),
        "mirror": (-1, 1),
        "crypto_puts_bought": (0, -1),
    }
    # Every 25-delta put of that day was more than 5 % dearer than the call: all calls sold.
    assert (gf.positioning.call_skew(chain) < -0.05).all()
    for name, held in {**shares, "skew_adjusted": (1, -1)}.items():
        row = table.loc[name]
        assert row["gamma"] == pytest.approx(gamma([chain.spot], *held)[0], rel=1e-10)
        assert row["trough_gamma"] == pytest.approx(gamma([row["trough"]], *held)[0], rel=1e-10)
        around = gamma(row["trough"] * np.linspace(0.98, 1.02, 5), *held)
        assert around.argmin() == 2
        edges = gamma(row[["core_low", "core_high"]].to_numpy(float), *held)
        np.testing.assert_allclose(edges, 0.9 * row["trough_gamma"], rtol=1e-8)
        # The zone ends at a zero, where gamma has faded to 1 % of the trough, or at ten times spot.
        ends = row[["zone_low", "zone_high"]].to_numpy(float)
        found = gamma(ends, *held) / row["trough_gamma"]
        if name == "mirror":
            assert ends[1] == pytest.approx(10.0 * chain.spot, rel=1e-12)
            assert 0.01 < found[1] < 0.1
            found = found[:1]
        faded = {(1, -1): [0.01, 0.0], (-1, 1): [0.0]}.get(held, [0.01, 0.01])
        np.testing.assert_allclose(found, faded, rtol=1e-6, atol=1e-9)
        x = np.linspace(*np.log(ends), 1201)
        inside = gamma(np.exp(x), *held)
        assert (inside[1:-1] < 0.0).all()
        assert row["flow"] == pytest.approx(
            -50.0 * (x[1] - x[0]) * (inside[1:] + inside[:-1]).sum(), rel=2e-5
        )
        assert row[["calls", "puts"]].to_list() == pytest.approx(held, abs=1e-12)
        grid = chain.spot * np.exp(np.linspace(-0.35, 0.35, 501))
        values = gamma(grid, *held)
        crossings = np.flatnonzero(np.diff(np.sign(values)))
        assert row["flips"] == len(crossings)
        if len(crossings):
            (i,) = crossings
            assert grid[i] < row["nearest_flip"] < grid[i + 1]
            assert abs(gamma([row["nearest_flip"]], *held)[0]) < 1e-10 * np.abs(values).max()
    assert table["trough"].round(-2).to_dict() == pytest.approx(
        {
            "calls_long_puts_short": 69_600,
            "short_all": 90_900,
            "mirror": 103_900,
            "unsigned": np.nan,
            "skew_adjusted": 69_600,
            "crypto_puts_bought": 78_500,
        },
        nan_ok=True,
    )
