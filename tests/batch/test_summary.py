import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import simpson
from scipy.stats import norm

import gammaflow as gf
from gammaflow.batch.columns import FLIPS, typed
from gammaflow.batch.flips import _signed_anew
from gammaflow.batch.summary import COLUMNS
from gammaflow.market.at_the_money import constant_maturity
from gammaflow.market.financing import finance
from gammaflow.market.synthetic import synthetic_chain
from gammaflow.positions.rows import _OF_ROWS
from gammaflow.positions.rules import RULES


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


@pytest.fixture(scope="module")
def rows(real):
    """The rows of the real chain that are valued, as arrays, with their units by the sign of dealers."""
    chain, _ = real
    frame = chain.to_frame().assign(t=chain.years)
    frame = frame[(frame["t"] > 0) & (frame["iv"] > 0.001) & (frame["open_interest"] > 0)]
    frame["units"] = frame["open_interest"] * frame["multiplier"]
    return frame.assign(signed=frame["units"] * np.where(frame["kind"] == "call", 1.0, -1.0))


def gamma_at(rows, spots, units):
    """Black's gamma of the rows over spots, in dollars per 1 %; forwards move with spot."""
    ratio, width = rows["forward"].to_numpy() / spots[0], (rows["iv"] * np.sqrt(rows["t"])).to_numpy()
    forwards = np.asarray(spots[1])[:, None] * ratio
    d1 = np.log(forwards / rows["strike"].to_numpy()) / width + width / 2
    return (np.asarray(units) * forwards * norm.pdf(d1) / width).sum(axis=1) * 0.01


def nearest_root(spots, gamma, spot):
    """The middle of the step nearest to spot over which gamma changes its sign; NaN without one."""
    at = np.flatnonzero(gamma[:-1] * gamma[1:] < 0.0)
    middle = np.sqrt(spots[at] * spots[at + 1])
    return middle[np.abs(np.log(middle / spot)).argmin()] if at.size else np.nan


def test_totals_of_a_real_chain_by_a_plain_sum(real, rows):
    chain, found = real
    F, K, sigma, t, units, signed = (
        rows[name] for name in ("forward", "strike", "iv", "t", "units", "signed")
    )
    width = sigma * np.sqrt(t)
    d1 = np.log(F / K) / width + width / 2
    d2, density = d1 - width, norm.pdf(d1)
    gross = units * F * density / width
    call = rows["kind"] == "call"
    assert found["gamma"] == pytest.approx((signed * F * density / width).sum() * 0.01, rel=1e-9)
    assert found["gross_gamma"] == pytest.approx(gross.sum() * 0.01, rel=1e-9)
    assert found["vanna"] == pytest.approx((-signed * F * density * d2 / sigma).sum() * 0.01, rel=1e-9)
    assert found["delta"] == pytest.approx((signed * F * (norm.cdf(d1) - ~call)).sum(), rel=1e-9)
    charm = signed * F * density * d2 / (2.0 * t)  # forwards that the vendor gives are kept
    assert found["charm"] == pytest.approx(charm.sum() / 365.0, rel=1e-9)
    assert (found["rows"], found["used"]) == (len(chain), len(rows))
    assert found["excluded"] == len(chain) - len(rows)
    by_expiry = gross.groupby(rows["expiry"]).sum()
    assert found["next_expiry"] == by_expiry.index.min()
    assert found["next_share"] == pytest.approx(100.0 * by_expiry.iloc[0] / by_expiry.sum(), rel=1e-9)
    assert found["open_interest_asof"] is pd.NaT
    for side in ("call", "put"):
        assert found[f"{side}_wall"] == gross[rows["kind"] == side].groupby(K).sum().idxmax()
    assert found["call_wall"] != found["put_wall"]


def test_quality_of_a_real_chain_by_counting(real):
    chain, found = real
    frame = chain.to_frame().assign(alive=chain.years > 0)
    usable = frame["alive"] & (frame["iv"] > 0.001)
    interest = frame["open_interest"].fillna(0.0)
    assert found["usable_interest"] == pytest.approx(100.0 * interest[usable].sum() / interest.sum())
    two_sided = (frame["bid"] > 0.0) & (frame["bid"] <= frame["ask"])
    passed = usable & frame["open_interest"].notna() & two_sided
    assert found["score"] == pytest.approx(100.0 * passed.sum() / frame["alive"].sum())
    assert found["score"] < found["usable_interest"]
    assert found["warnings"] == 0
    assert found["atm_volatility"] == constant_maturity(chain, 30.0)


def test_levels_of_a_real_chain_by_a_dense_grid(real, rows):
    chain, found = real
    spots = np.geomspace(found["zone_low"], 3.0 * chain.spot, 2001)
    gamma = gamma_at(rows, (chain.spot, spots), rows["signed"])
    assert found["flips"] == np.count_nonzero(gamma[:-1] * gamma[1:] < 0.0)
    step = spots[1] / spots[0] - 1.0
    assert found["flip"] == pytest.approx(nearest_root(spots, gamma, chain.spot), rel=step)
    assert found["flip_distance"] == pytest.approx(100.0 * (found["flip"] / found["spot"] - 1.0))
    inside = np.geomspace(found["zone_low"], found["zone_high"], 2001)
    gamma = gamma_at(rows, (chain.spot, inside), rows["signed"])
    assert gamma[:-1].max() < 0.0
    assert found["zone_flow"] == pytest.approx(-simpson(gamma, x=100.0 * np.log(inside)), rel=1e-5)
    least = gamma.argmin()
    assert found["trough_spot"] == pytest.approx(inside[least], rel=step)
    assert found["trough_gamma"] == pytest.approx(gamma[least], rel=1e-5)
    shallow = np.flatnonzero(gamma > 0.9 * gamma[least])
    core = inside[shallow[shallow < least][-1]], inside[shallow[shallow > least][0]]
    assert (found["core_low"], found["core_high"]) == pytest.approx(core, rel=step)
    assert found["in_zone"] == (found["zone_low"] < chain.spot < found["zone_high"])
    assert found["in_core"] == (core[0] < chain.spot < core[1])


def test_flips_of_a_real_chain_under_other_rules_by_a_dense_grid(real, rows):
    chain, found = real
    spots = np.geomspace(0.4 * chain.spot, 3.0 * chain.spot, 2001)
    signs = {}
    for name in FLIPS.values():
        if name == "us_listed":
            continue
        signs[name] = pd.Series(RULES[name].position(chain), chain.to_frame().index)[rows.index]
        units = signs[name] * rows["multiplier"]
        expected = nearest_root(spots, gamma_at(rows, (chain.spot, spots), units), chain.spot)
        assert found[f"flip_{name}"] == pytest.approx(expected, rel=spots[1] / spots[0] - 1.0, nan_ok=True)
    assert found["flip_mirror"] == found["flip"]
    assert not np.isclose(found["flip_crypto_puts_bought"], found["flip"])
    assert np.isnan(found["flip_us_listed"])


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
    days = np.full(len(demo), np.datetime64("2026-02-03", "ns"))
    days[1], days[2] = np.datetime64("2026-02-04"), np.datetime64("2026-02-05")
    expiry = demo["expiry"].copy()
    expiry[2] = np.datetime64("2026-02-05T08:00")  # expired: its day does not count
    dated = demo.with_columns(open_interest_date=days, expiry=expiry)
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


def test_books_signed_anew_are_those_that_are_assigned():
    chain = synthetic_chain(45, contracts=400)
    book, valued = gf.assign_positions(chain), chain.unusable == ""
    for name in ("skew_adjusted", "short_all", "crypto_puts_bought"):
        anew = _signed_anew(book, chain, gf.positioning.RULES[name].position(chain)[valued], valued)
        assigned = gf.assign_positions(chain, name)
        for column in assigned.columns:
            np.testing.assert_array_equal(anew[column], assigned[column])
        for implied in (*_OF_ROWS, "size", "expiry_starts"):
            np.testing.assert_array_equal(getattr(anew, implied), getattr(assigned, implied))
        assert {k: m.tolist() for k, m in anew.instruments.items()} == {"vanilla": [True] * len(assigned)}
    position = gf.positioning.SHORT_ALL.position(chain)[valued]
    for other in (book.kept_in("coin"), book.select(kind="put"), book.at(spot=1.01 * book.spot)):
        assert _signed_anew(other, chain, position, valued) is None
    vols = replace(book, columns={**book.columns, "sigma": 1.01 * book["sigma"]})
    assert _signed_anew(vols, chain, position, valued) is None
