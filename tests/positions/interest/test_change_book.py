"""Book of what was opened and closed, signed row by row."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import gammaflow as gf
from gammaflow.errors import SchemaError
from support.interest_pairs import RULES, changed, naive


@pytest.mark.parametrize("rule", RULES)
def test_the_book_of_changes_is_what_a_loop_signs(rule):
    change = changed(0)
    earlier, later, book = change.earlier, change.later, change.book(rule)
    expected, left = {}, {}
    quoted = later.to_frame().set_index("contract").to_dict("index")
    for name, (before, after, state) in naive(earlier, later).items():
        row = quoted.get(name)
        if state == "unchanged":
            continue
        if state in ("expired", "unknown"):
            reason = {"expired": "expired", "unknown": "open interest unknown"}[state]
        elif not row["iv"] > 0.01:
            reason = "implied volatility missing"
        else:
            expected[name] = RULES[rule][row["kind"] == "put"] * (after - before)
            continue
        count, moved = left.get(reason, (0, 0.0))
        left[reason] = (count + 1, moved + np.nan_to_num(abs(after - before)))
    held = dict(zip(book["contract"], book["position"], strict=True))
    assert held == pytest.approx(expected)
    assert min(held.values()) < 0.0 < max(held.values())
    found = change.left_out(rule)
    assert found["contracts"].to_dict() == {reason: count for reason, (count, _) in left.items()}
    assert found["moved"].to_dict() == pytest.approx({reason: moved for reason, (_, moved) in left.items()})
    assert book.signed == (rule != "unsigned")
    assert rule in book.rule_text
    assert f"change of open interest since {earlier.asof:%Y-%m-%d %H:%M} UTC" in book.rule_text
    assert (book.asof, book.spot) == (later.asof, later.spot)


def test_the_change_and_what_was_there_before_make_the_later_book():
    change = changed(1)
    later = change.later
    table = change.table.reindex(later["contract"])
    known = change.table.index[change.alive]
    mask = np.isin(later["contract"], known)
    before = later.with_columns(open_interest=table["before"].to_numpy()).select(mask)
    whole = gf.sweep_spot(gf.assign_positions(later.select(mask)), [80.0, 100.0, 120.0]).table
    parts = [
        gf.sweep_spot(b, [80.0, 100.0, 120.0]).table for b in (gf.assign_positions(before), change.book())
    ]
    for name in ("gamma", "vanna", "vega", "delta"):
        np.testing.assert_allclose(parts[0][name] + parts[1][name], whole[name], rtol=1e-9)


@pytest.mark.parametrize("accuracy", [0.55, 1.0])
def test_moves_of_vol_sign_the_book_and_shrink_it(accuracy):
    change = changed(2, accuracy)
    book = change.book("by_vol")
    sure = changed(2, 1.0).table
    expected = {
        name: -(2 * accuracy - 1) * row["side"] * abs(row["change"])
        for name, row in sure.iterrows()
        if row["side"] and row["state"] not in ("unknown", "expired") and row["iv_after"] > 0.01
    }
    assert dict(zip(book["contract"], book["position"], strict=True)) == pytest.approx(expected)
    assert f"right with an assumed probability {accuracy:g}" in book.rule_text
    left = change.left_out("by_vol")
    rows = change.table[change.alive & (change.table["change"] != 0.0)]
    assert left["contracts"].sum() == (~change.alive).sum() + len(rows) - len(book)
    quiet = rows[(rows["side"] == 0.0) & (rows["iv_after"] > 0.01)]
    assert left.loc["no side from the move of vol", "contracts"] == len(quiet)
    assert left.loc["no side from the move of vol", "moved"] == pytest.approx(quiet["change"].abs().sum())


def test_a_coin_makes_no_book():
    with pytest.raises(SchemaError, match="no change of open interest can be valued under by_vol"):
        changed(2, 0.5).book("by_vol")


def test_a_rule_of_ones_own_and_levels_of_the_book():
    change = changed(0)
    half = gf.positioning.Rule("half", -0.5, 0.25, "half the calls sold")
    book, base = change.book(half, numeraire="coin"), change.book("unsigned")
    np.testing.assert_allclose(
        book["position"], base["position"] * np.where(base["kind"] == "call", -0.5, 0.25)
    )
    assert set(book["numeraire"]) == {"coin"}
    sold = change.book("short_all")
    levels = gf.sweep_spot(sold, measures=["gamma", "gross_gamma"]).levels()
    U, rate = sold.underlying_ratio, sold["rate"]

    def gamma(spot):
        terms = (sold.flag, spot * U, sold["strike"], sold.years, rate, sold["sigma"], sold.underlying_yield)
        return (
            float((sold.size * gf.bsm.greeks(*terms, which=("gamma",)).gamma * U**2).sum()) * spot**2 * 0.01
        )

    gross = gf.aggregate_exposure(sold).total()["gross_gamma"]
    grid = 100.0 * np.exp(np.linspace(-0.35, 0.35, 1401))
    signs = np.sign([gamma(spot) for spot in grid])
    crossed = np.flatnonzero(signs[1:] != signs[:-1])
    assert len(levels.flips) == len(crossed) == 3
    for flip, i in zip(levels.flips, crossed, strict=True):
        assert grid[i] < flip.spot < grid[i + 1]
        assert gamma(flip.spot) == pytest.approx(0.0, abs=1e-9 * gross)
        assert np.sign(flip.slope) == signs[i + 1]
    assert levels.zone.trough.gamma == pytest.approx(gamma(levels.zone.trough.spot), rel=1e-9)


class _Fixed(gf.positioning.PositionRule):
    name, meaning, source, signed = "fixed", "one contract each", "the test", True

    def position(self, chain):
        return np.ones(len(chain))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("nobody", "rule: received 'nobody'; legal: 'calls_long_puts_short', "),
        ([1.0, 2.0], "rule: received list; legal: a rule of gammaflow.positioning"),
        (_Fixed(), "fixed does not scale with open interest"),
    ],
)
def test_rules_that_cannot_sign_changes(rule, words):
    with pytest.raises(SchemaError, match=words):
        changed(0).book(rule)


def test_zero_gamma_of_what_was_opened_on_real_chains(shared):
    names = ("deribit_daily/deribit_options_snapshot_20260115T092130Z",
             "deribit/deribit_options_snapshot_20260204T213308Z")  # fmt: skip
    paths = [shared / f"data/{name}.csv" for name in names]
    earlier, later = (gf.read_chain(path, symbol="BTC") for path in paths)
    change = gf.open_interest_change(earlier, later)
    (flip,) = gf.sweep_spot(change.book(), measures=["gamma", "gross_gamma"]).levels().flips
    # The same sum over the rows of the two files.
    before = pd.read_csv(paths[0]).set_index("instrument_name")["open_interest"]
    rows = pd.read_csv(paths[1]).query("currency == 'BTC'")
    moved = rows["open_interest"] - rows["instrument_name"].map(before).fillna(0.0)
    expiry = pd.to_datetime(rows["expiry_datetime"])
    years = (expiry - later.asof).dt.total_seconds() / (365 * 86_400)
    F, K, sigma = rows["futures_price"] / later.spot * flip.spot, rows["strike"], rows["implied_volatility"]
    d1 = np.log(F / K) / (sigma * np.sqrt(years)) + 0.5 * sigma * np.sqrt(years)
    gamma = moved * F * norm.pdf(d1) / (sigma * np.sqrt(years)) * 0.01
    signed = np.where(rows["option_type"] == "put", -gamma, gamma)
    assert abs(signed.sum()) < 1e-9 * np.abs(signed).sum()
    assert flip.spot == pytest.approx(77_476.5, abs=0.1)
