"""Beliefs: shares, cells, correlation, and updates held against importance sampling of the same model."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.positions.beliefs import CALLS_LONG_PUTS_SHORT, CUSTOMERS_BUY_PUTS, FLAT, PRESETS, Share
from gammaflow.positions.beliefs.cells import buckets, find_cells
from gammaflow.positions.beliefs.copula import correlate, lower_root
from support.belief_cells import ALONE, demo, one_cell


@settings(max_examples=20)
@given(st.floats(-0.95, 0.95), st.floats(0.02, 0.95))
def test_beta_has_its_mean_and_deviation(mean, part):
    deviation = part * np.sqrt(1.0 - mean**2)
    share = Share.beta(mean, deviation)
    assert share.mean == pytest.approx(mean, abs=1e-12)
    assert share.deviation == pytest.approx(deviation, rel=1e-9)
    exact = stats.beta(share.a, share.b, loc=-1.0, scale=2.0)
    assert (exact.mean(), exact.std()) == pytest.approx((mean, deviation), abs=1e-9)
    assert share.quantile([0.1, 0.9]) == pytest.approx(exact.ppf([0.1, 0.9]), rel=1e-9, abs=1e-12)


@settings(max_examples=20)
@given(st.floats(0.3, 20.0), st.floats(0.3, 20.0), st.floats(0.02, 0.3))
def test_beta_through_two_quantiles(a, b, tail):
    shares = 2.0 * stats.beta(a, b).ppf([tail, 1.0 - tail]) - 1.0
    if not (np.abs(shares) < 1.0 - 1e-9).all():
        return
    found = Share.quantiles({1.0 - tail: shares[1], tail: shares[0]})
    assert found.quantile([tail, 1.0 - tail]) == pytest.approx(shares, abs=1e-7)


def test_bands_and_known_shares():
    band = Share(-0.8, 0.2)
    assert (band.mean, band.deviation) == pytest.approx((-0.3, 1.0 / np.sqrt(12.0)))
    assert band.quantile(0.25) == pytest.approx(-0.55)
    assert str(band) == "-0.80 to +0.20, all alike"
    known = Share(0.4, 0.4)
    assert (known.mean, known.deviation, float(known.quantile(0.99))) == (0.4, 0.0, 0.4)
    assert str(known) == "+0.40, known"


def test_illegal_shares():
    with pytest.raises(SchemaError, match="-1 <= low <= high <= 1"):
        Share(-2.0, 0.0)
    with pytest.raises(SchemaError, match="deviation > 0 and below"):
        Share.beta(0.5, 0.9)
    with pytest.raises(SchemaError, match="two or more probabilities"):
        Share.quantiles({0.05: 0.2, 0.95: -0.2})
    with pytest.raises(SchemaError) as error:
        gf.Beliefs({"put": (0.5, -0.5), "call": "long", 7: 0.0}, same_kind=2.0, days=(7.0, 3.0))
    for words in (
        "share of 'put'",
        "share of 'call'",
        "the key 7",
        "same_kind: received 2",
        "days: received",
    ):
        assert words in str(error.value), words
    with pytest.raises(SchemaError, match="shares: received 3; legal: a mapping"):
        gf.Beliefs(3)


def test_cells_by_edges():
    book = gf.assign_positions(demo(), "unsigned")
    cells = find_cells(book, (0.9, 1.1), (14.0,))
    assert buckets((0.9, 1.1)) == ("<0.9", "0.9-1.1", ">1.1")
    assert buckets(()) == ("any",)
    rows = cells.table.iloc[cells.place]
    money = book["strike"] / (book["forward_ratio"] * book.spot)
    label = np.where(money < 0.9, "<0.9", np.where(money < 1.1, "0.9-1.1", ">1.1"))
    assert (rows["moneyness"].to_numpy() == label).all()
    assert (rows["expiry"].to_numpy() == np.where(book.years * 365 < 14, "<14d", ">14d")).all()
    assert (rows["kind"].to_numpy() == book["kind"]).all()
    assert cells.table["size"].sum() == pytest.approx(np.abs(book.size).sum())
    # An edge belongs to the bucket above it.
    at = find_cells(one_cell(1.0), (100.0 / (1.01 * 99.0),), (9.0,))
    assert at.table[["moneyness", "expiry"]].iloc[0].tolist() == [">1.0001", ">9d"]


def test_rows_without_strike_or_expiry_are_cells():
    rows = {
        "contract": ["PERP"],
        "venue": ["V"],
        "kind": ["perpetual"],
        "position": [5.0],
        "multiplier": [1.0],
    }
    book = gf.Book(rows, "X", 99.0, "2026-02-20T08:00Z", "open interest", signed=False)
    table = gf.Beliefs({("perpetual", "no strike", "no expiry"): -0.25}).on(book).table
    assert table.index[0] == ("perpetual", "no strike", "no expiry", "V")
    assert table["mean"].iloc[0] == -0.25


def test_entries_apply_to_what_they_name():
    chain = demo()
    beliefs = gf.Beliefs({"put": (-0.8, -0.2), ("put", "<7d"): 0.1, ("<7d", "1.05-1.2"): (0.0, 0.5)})
    table = beliefs.on(chain).table["mean"]
    for (kind, moneyness, expiry, _), mean in table.items():
        expected = 0.0
        if kind == "put":
            expected = 0.1 if expiry == "<7d" else -0.5
        if expiry == "<7d" and moneyness == "1.05-1.2":
            expected = 0.25
        assert mean == pytest.approx(expected, abs=1e-12)
    found = gf.sign_bands(chain, gf.Beliefs({("put", "weekly"): -1.0}), draws=10)
    assert any("('put', 'weekly') applies to nothing" in warning for warning in found.warnings)
    assert "applies to nothing" in repr(found)


def test_presets():
    assert set(PRESETS) == {"flat", "customers_buy_puts", "calls_long_puts_short"}
    chain = demo()
    for preset, put, call in (
        (FLAT, 0.0, 0.0),
        (CUSTOMERS_BUY_PUTS, -0.5, 0.0),
        (CALLS_LONG_PUTS_SHORT, -0.5, 0.5),
    ):
        means = preset.on(chain).table["mean"].groupby("kind").agg(["min", "max"])
        assert means.loc["put"].tolist() == pytest.approx([put, put], abs=1e-9)
        assert means.loc["call"].tolist() == pytest.approx([call, call], abs=1e-9)
        assert preset.meaning
        assert preset.source
        assert pickle.loads(pickle.dumps(preset)).shares == preset.shares


@settings(max_examples=15)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(-1, 1), st.floats(0, 1))
def test_correlation_is_semi_definite(same_kind, neighbours, other_kind, other_venue):
    kinds = ["call", "put", "down-in put", "perpetual"]
    frame = pd.DataFrame(
        [(k, m, t, v) for k in kinds for m in range(-1, 3) for t in range(2) for v in "AB"],
        columns=["kind", "rung", "term", "venue"],
    )
    R = correlate(frame, same_kind, neighbours, other_kind, other_venue)
    assert (np.diag(R) == 1.0).all()
    assert np.linalg.eigvalsh(R).min() > -1e-12 * len(R)
    L = lower_root(R)
    np.testing.assert_allclose(L @ L.T, R, atol=1e-6)


def test_limits_of_correlation():
    chain = demo()
    apart = gf.Beliefs(**ALONE).on(chain)
    np.testing.assert_array_equal(apart.copula.correlation, np.eye(len(apart.table)))
    drawn = apart.draw(5_000, 1)
    R = np.corrcoef(drawn.T)
    assert np.abs(R[np.triu_indices(len(R), 1)]).max() < 0.07
    alike = gf.Beliefs(same_kind=1.0).on(chain)
    drawn = alike.draw(500, 1)
    put = np.array([key[0] == "put" for key in alike.table.index])
    assert np.ptp(drawn[:, put], axis=1).max() < 1e-9
    assert np.ptp(drawn[:, ~put], axis=1).max() < 1e-9
    assert abs(np.corrcoef(drawn[:, 0], drawn[:, -1])[0, 1]) < 0.15
    turned = gf.Beliefs(same_kind=1.0, other_kind=-1.0).on(chain).draw(500, 1)
    np.testing.assert_allclose(turned[:, 0], -turned[:, -1], atol=1e-9)


def test_draws_have_their_marginals():
    shares = {"put": {0.05: -0.9, 0.95: -0.2}, "call": (-0.3, 0.8)}
    held = gf.Beliefs(shares).on(demo())
    drawn = held.draw(10_000, 5)
    for i, (kind, *_) in enumerate(held.table.index):
        exact = held.beliefs.shares[kind]
        p = [0.05, 0.25, 0.5, 0.75, 0.95]
        assert np.quantile(drawn[:, i], p) == pytest.approx(exact.quantile(p), abs=0.02)
        assert held.table["mean"].iloc[i] == pytest.approx(exact.mean, abs=1e-9)
        assert held.table["deviation"].iloc[i] == pytest.approx(exact.deviation, abs=1e-6)
        assert held.table["95 %"].iloc[i] == pytest.approx(float(exact.quantile(0.95)), abs=1e-5)
