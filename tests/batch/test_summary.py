import pickle

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.batch.columns import FLIPS, typed
from gammaflow.batch.summary import COLUMNS
from gammaflow.market.financing import finance
from gammaflow.market.synthetic import synthetic_chain


@pytest.fixture(scope="module")
def demo():
    return gf.demo_chain()


@pytest.fixture(scope="module")
def row(demo):
    return gf.summarize(demo)


@pytest.fixture(scope="module")
def real(shared):
    """A real chain of Deribit, whose rows are European on forwards without a rate, and its summary."""
    file = shared / "data/deribit/deribit_options_snapshot_20260206T043012Z.csv"
    chain = gf.read_chain(file, symbol="BTC")
    return chain, gf.summarize(chain)


def test_columns_are_fixed_in_name_order_and_type(demo, row):
    assert list(row.index) == list(COLUMNS)
    table = typed([row, gf.summarize(demo, rule="short_all")])
    assert {name: str(kind) for name, kind in table.dtypes.items()} == {
        name: column.dtype for name, column in COLUMNS.items()
    }
    assert typed([]).dtypes.to_dict() == table.dtypes.to_dict()
    assert not any(value is None for value in row)
    assert table["rule"].tolist() == ["calls_long_puts_short", "short_all"]


def test_a_row_depends_on_the_chain_alone(demo, row):
    again = gf.summarize(pickle.loads(pickle.dumps(demo)))
    pd.testing.assert_series_equal(row, again, check_exact=True)
    pd.testing.assert_series_equal(row, gf.summarize(gf.analyze(demo)), check_exact=True)


def test_totals_of_a_real_chain_by_a_plain_sum(real):
    chain, found = real
    frame = chain.to_frame().assign(t=chain.years)
    frame = frame[(frame["t"] > 0) & (frame["iv"] > 0.001) & (frame["open_interest"] > 0)]
    F, K, sigma, t = (frame[name] for name in ("forward", "strike", "iv", "t"))
    units = frame["open_interest"] * frame["multiplier"]
    signed = units * np.where(frame["kind"] == "call", 1.0, -1.0)
    width = sigma * np.sqrt(t)
    d1 = np.log(F / K) / width + width / 2
    density = np.exp(-(d1**2) / 2) / np.sqrt(2 * np.pi)
    assert found["gamma"] == pytest.approx((signed * F * density / width).sum() * 0.01, rel=1e-9)
    assert found["gross_gamma"] == pytest.approx((units * F * density / width).sum() * 0.01, rel=1e-9)
    vanna = -density * (d1 - width) / sigma
    assert found["vanna"] == pytest.approx((signed * F * vanna).sum() * 0.01, rel=1e-9)
    assert (found["rows"], found["used"]) == (len(chain), len(frame))
    assert found["excluded"] == len(chain) - len(frame)
    gross = (units * F * density / width).groupby(frame["expiry"]).sum()
    assert found["next_expiry"] == gross.index.min()
    assert found["next_share"] == pytest.approx(100.0 * gross.iloc[0] / gross.sum(), rel=1e-9)
    assert found["open_interest_asof"] is pd.NaT


def test_levels_of_a_real_chain_by_repricing(real):
    chain, found = real
    book = gf.assign_positions(chain)
    profile = gf.sweep_spot(book, np.linspace(0.4, 1.6, 2401) * chain.spot, measures=["gamma"])
    gamma = profile.table["gamma"]
    signs = np.sign(gamma.to_numpy())
    flips = gamma.index[:-1][signs[:-1] != signs[1:]]
    nearest = flips[np.abs(np.log(flips / chain.spot)).argmin()]
    assert found["flips"] == len(flips)
    assert found["flip"] == pytest.approx(nearest, abs=0.0005 * chain.spot)
    assert found["flip_distance"] == pytest.approx(100.0 * (found["flip"] / found["spot"] - 1.0))
    inside = gamma[(gamma.index > found["zone_low"]) & (gamma.index < found["zone_high"])]
    assert inside.max() < 0.0
    assert found["trough_spot"] == pytest.approx(inside.idxmin(), abs=0.001 * chain.spot)
    assert found["trough_gamma"] == pytest.approx(inside.min(), rel=1e-4)
    deep = inside[inside <= 0.9 * inside.min()].index
    core = deep[(deep > found["core_low"] * 0.999) & (deep < found["core_high"] * 1.001)]
    assert (found["core_low"], found["core_high"]) == pytest.approx((core[0], core[-1]), rel=1e-3)
    assert found["in_zone"] == (found["zone_low"] < chain.spot < found["zone_high"])
    assert found["in_core"] == (found["core_low"] < chain.spot < found["core_high"])
    known = inside.index.to_numpy()
    if known[0] > found["zone_low"]:  # the part of the zone on the grid
        flow = np.trapezoid(-inside.to_numpy(), 100.0 * np.log(known))
        assert 0.0 < flow <= found["zone_flow"] * (1.0 + 1e-6)


def test_max_pain_of_the_next_expiry_by_a_loop(real):
    chain, found = real
    frame = chain.to_frame()
    mine = frame[frame["expiry"] == found["next_expiry"]]
    paid = {}
    for k in sorted(set(mine["strike"])):
        phi = np.where(mine["kind"] == "call", 1.0, -1.0)
        paid[k] = float((mine["open_interest"] * np.maximum(phi * (k - mine["strike"]), 0.0)).sum())
    assert found["max_pain"] == min(paid, key=paid.get)


@pytest.mark.slow
def test_flips_under_rules_are_those_of_compare_rules(demo, row):
    for chain in (demo, synthetic_chain(30, contracts=400)):
        found = gf.summarize(chain) if chain is not demo else row
        rules = ["mirror", "skew_adjusted", "crypto_puts_bought"]
        table = gf.compare_rules(finance(chain)[0], rules).table["nearest_flip"]
        for rule in rules:
            assert found[f"flip_{rule}"] == pytest.approx(table[rule], rel=1e-10, nan_ok=True)
        assert found[["flip_short_all", "flip_us_listed"]].isna().all()
    assert row["flip"] == row["flip_calls_long_puts_short"] == row["flip_mirror"]
    assert not np.isnan(row["flip_skew_adjusted"])
    assert row["flip_skew_adjusted"] != row["flip"]


def test_flips_do_not_depend_on_the_rule_of_the_row(demo, row):
    other = gf.positioning.Rule("mirror", -0.5, -0.5, "a rule of another meaning with a known name")
    for rule in ("mirror", other):
        found = gf.summarize(demo, rule=rule)
        assert found["rule"] == getattr(rule, "name", rule)
        np.testing.assert_allclose(
            found[list(FLIPS)].astype(float), row[list(FLIPS)].astype(float), rtol=1e-12
        )


def test_open_interest_has_its_day_and_selected_rows_are_named(demo):
    dated = demo.with_columns(open_interest_date=pd.Timestamp("2026-02-04T00:00Z"))
    found = gf.summarize(dated.select(gf.filters.dte(0, 30)))
    assert found["open_interest_asof"] == pd.Timestamp("2026-02-04T00:00Z")
    assert found["filtered"]
    assert found["rows"] < len(demo)


def test_a_book_has_no_open_interest_to_sign_again(demo, row):
    found = gf.summarize(gf.analyze(gf.assign_positions(demo)))
    assert found[list(FLIPS)].isna().all()
    assert np.isnan(found["atm_volatility"])
    assert found["flip"] == row["flip"]
    assert found["vendor"] == "synthetic demo"


def test_unsigned_interest_has_no_flip_and_no_zone(demo):
    found = gf.summarize(demo, rule="unsigned")
    assert found["flips"] == 0
    assert not found["in_zone"]
    assert not found["in_core"]
    assert found[["flip", "zone_low", "zone_flow", "core_high"]].isna().all()
    assert found["gamma"] == found["gross_gamma"]


def test_warnings_are_counted_as_the_report_prints_them(demo):
    odd = demo.with_columns(open_interest=1e9 * demo["open_interest"])
    assert gf.summarize(odd)["warnings"] == len(gf.analyze(odd).faults()) > 0


def test_other_arguments_are_refused(demo):
    with pytest.raises(gf.SchemaError, match="chain_or_report: received str"):
        gf.summarize("chain.csv")
    with pytest.raises(gf.SchemaError, match=r"rule: received 'mirror' for a Report.*Leave rule out"):
        gf.summarize(gf.analyze(demo), rule="mirror")
    with pytest.raises(gf.SchemaError, match="rolled by 2 days and 0 vol points"):
        gf.summarize(gf.analyze(demo, days=2.0))
    with pytest.raises(gf.SchemaError, match="no row of"):
        gf.summarize(demo.with_columns(iv=np.nan))
