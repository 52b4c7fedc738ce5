"""Beliefs updated by evidence, against importance sampling."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import gammaflow as gf
from gammaflow.errors import MismatchError, SchemaError
from gammaflow.positions.beliefs import CUSTOMERS_BUY_PUTS, Share
from gammaflow.positions.beliefs.copula import NODES, Copula
from gammaflow.positions.beliefs.update import updated_copula
from support.belief_cells import ALONE, cell_of, demo, drawn_from, one_cell


def flow(contract, bought=0.0, sold=0.0, unclassified=0.0, p=1.0, prints=1):
    """A row of `Flow.table`: prints of equal size, sides right with probability p."""
    size = (bought + sold) / prints
    rest = unclassified**2
    return pd.DataFrame(
        {
            "bought": [bought], "sold": [sold], "unclassified": [unclassified],
            "inventory": [-(2 * p - 1) * (bought - sold)],
            "deviation": [np.sqrt(prints * size**2 * 4 * p * (1 - p) + rest)], "prints": [prints],
        },
        index=pd.Index([contract], name="contract"),
    )  # fmt: skip


def test_sides_guessed_at_random_change_nothing():
    book, prior = one_cell(100.0, 50.0), gf.Beliefs({"put": Share.beta(-0.3, 0.3)}, **ALONE)
    before = prior.on(book).copula
    for evidence in (
        flow("P0", 40.0, 10.0, p=0.5, prints=5),
        flow("P0", 40.0, 10.0, p=0.5),
        flow("P0", unclassified=70.0),
        pd.DataFrame({"inventory": [0.0], "deviation": [100.0]}, index=["P0"]),
    ):
        after = prior.updated(evidence).on(book).copula
        np.testing.assert_array_equal(after.quantiles, before.quantiles)
        np.testing.assert_array_equal(after.correlation, before.correlation)


def test_exact_evidence_about_all_open_interest_is_the_share():
    book = one_cell(100.0, 50.0)
    dealers = pd.Series([-80.0, 20.0], index=["P0", "P1"])
    for prior in (gf.Beliefs(), gf.Beliefs({"put": Share.beta(0.5, 0.2)}), gf.Beliefs({"put": (-0.9, 0.9)})):
        assert cell_of(prior.updated((dealers, 0.0 * dealers)), book) == pytest.approx((-0.4, 0.0), abs=1e-12)
    # The flow of every contract since it was listed.
    tape = pd.concat([flow("P0", 90.0, 10.0, prints=7), flow("P1", 15.0, 35.0, prints=3)])
    assert cell_of(gf.Beliefs().updated(tape), book) == pytest.approx((-0.4, 0.0), abs=1e-12)
    # What is known stays known.
    assert cell_of(gf.Beliefs({"put": 0.7}).updated((dealers, 0.0 * dealers)), book) == (0.7, 0.0)


@pytest.mark.parametrize("p", [1.0, 0.9, 0.7])
@pytest.mark.parametrize("w", [0.2, 0.6])
def test_part_of_open_interest_moves_its_part(p, w):
    """A narrow prior is as good as Gaussian: closed form, w of the way where sides are sure."""
    v, m, n = 0.01**2, -0.1, 100.0
    book, prior = one_cell(n), gf.Beliefs({"put": Share.beta(m, np.sqrt(v))}, **ALONE)
    k = 40_000  # prints, so that the sides add little noise
    bought = w * n * (1.0 + 0.11 * (2 * p - 1)) / 2.0
    tape = flow("P0", bought, w * n - bought, p=p, prints=k)
    mean, deviation = cell_of(prior.updated(tape), book)
    lam = 2 * p - 1
    y, noise = -(2 * bought - w * n) / lam / (w * n), k * (w * n / k) ** 2 * (1 - lam**2) / lam**2
    gain = v * n * w * n / (v * n * w * n + noise)
    assert mean == pytest.approx(m + gain * w * (y - m), abs=1e-5)
    assert deviation == pytest.approx(np.sqrt(v * (1 - gain * w)), rel=1e-3)


@pytest.mark.parametrize(
    ("prior", "alike"),
    [
        (Share(), 0.0),
        (Share(), 0.6),
        (Share.beta(-0.5, 0.25), 0.0),
        (Share.beta(0.2, 0.5), 0.3),
        (Share(-0.6, 0.1), 0.0),
    ],
)
def test_update_against_importance_sampling(prior, alike):
    """Three contracts, evidence of different quality, in units of a multiplier."""
    book = one_cell(100.0, 60.0, 240.0)
    d, extent = np.array([20.0, 15.0, 90.0]), np.array([70.0, 60.0, 200.0])
    x = np.array([-30.0, 10.0, -40.0])
    table = pd.DataFrame(
        {"inventory": x, "deviation": d, "contracts": extent, "prints": 4}, index=["P0", "P1", "P2"]
    )
    blind = np.maximum(d, extent / 2.0)
    known = 1.0 - (d / blind) ** 2
    beliefs = gf.Beliefs({"put": prior}, **ALONE, alike=alike).updated(table)
    informed = known > 0
    covered = np.minimum(1.0, extent / book["position"])[informed]
    whole = sampled(prior, book, informed, covered, x[informed] / known[informed] * 2.5,
                        d[informed] / np.sqrt(known[informed]) * 2.5, alike)  # fmt: skip
    assert cell_of(beliefs, book) == pytest.approx(whole, abs=4e-3)


def sampled(prior, book, informed, covered, x, sd, alike):
    """Importance sampling of the model: shares from the prior, positions of what was seen given the share."""
    rng = np.random.default_rng(7)
    s, n = drawn_from(prior, rng, 200_000), float(book.size.sum())
    u, g = covered * book.size[informed], (1.0 - alike) * prior.deviation**2
    # Doubtful labels say no more than about positions that are no larger than their part.
    noise = g * (n * np.diag(u) - np.outer(u, u)) + np.diag(sd**2 * np.maximum(1.0, g * n / u))
    weight = stats.multivariate_normal(np.zeros(len(u)), noise).pdf(x - s[:, None] * u)
    weight /= weight.sum()
    mean = float(weight @ s)
    return mean, float(np.sqrt(weight @ (s - mean) ** 2))


def test_model_simulated_from_trades():
    """Shares, positions and wrong labels drawn forwards: the draws with the labels seen are the posterior."""
    rng = np.random.default_rng(3)
    n, p, prior = 40, 0.8, Share.beta(-0.3, 0.35)
    draws = 200_000
    s = drawn_from(prior, rng, draws)
    g = prior.deviation**2
    # 24 of 40 contracts were seen: their net position given the share, rounded to what 24 prints of 1 can be.
    seen = rng.normal(24 * s, np.sqrt(g * n * 24 * (1 - 24 / n)))
    longs = np.clip(np.rint((seen + 24) / 2), 0, 24).astype(int)
    labelled = rng.binomial(longs, p) + rng.binomial(24 - longs, 1 - p)
    hit = labelled == 8
    tape = flow("P0", bought=16.0, sold=8.0, p=p, prints=24)
    mean, deviation = cell_of(gf.Beliefs({"put": prior}, **ALONE).updated(tape), one_cell(float(n)))
    assert hit.sum() > 5_000
    assert mean == pytest.approx(s[hit].mean(), abs=0.02)
    assert deviation == pytest.approx(s[hit].std(), abs=0.02)


@pytest.mark.parametrize("rho", [0.5, 0.9])
def test_correlated_cells_against_importance_sampling(rho):
    shares = [Share(), Share(-0.9, 0.4), Share.beta(-0.5, 0.25)]
    R = np.full((3, 3), rho)
    np.fill_diagonal(R, 1.0)
    below = stats.norm.cdf(NODES)
    copula = Copula(np.array([share.quantile(below) for share in shares]), R)
    cells, y, r = np.array([0, 2]), np.array([0.5, -0.7]), np.array([0.02, 0.03])
    found = updated_copula(copula, cells, y, r)
    z = np.random.default_rng(1).standard_normal((80_000, 3)) @ np.linalg.cholesky(R).T
    s = np.column_stack([share.quantile(stats.norm.cdf(z[:, i])) for i, share in enumerate(shares)])
    weight = np.exp(-0.5 * ((s[:, cells] - y) ** 2 / r).sum(axis=1))
    weight /= weight.sum()
    mean = weight @ s
    away = s - mean
    cov = (away * weight[:, None]).T @ away
    sd = np.sqrt(np.diag(cov))
    assert found.mean == pytest.approx(mean, abs=0.02)
    assert found.deviation == pytest.approx(sd, abs=0.015)
    drawn = np.corrcoef(found.draw(40_000, 2).T)
    assert drawn[np.triu_indices(3, 1)] == pytest.approx(
        (cov / np.outer(sd, sd))[np.triu_indices(3, 1)], abs=0.05
    )


def test_correlation_one_carries_what_is_known():
    """Puts alike: exact evidence about one cell is evidence about all; calls stay as they were."""
    chain = demo()
    prior = gf.Beliefs(same_kind=1.0)
    book = gf.assign_positions(chain, "unsigned")
    held = prior.on(book)
    first = next(i for i, key in enumerate(held.table.index) if key[0] == "put")
    rows = held.cells.place == first
    dealers = pd.Series(-0.35 * book["position"][rows], index=book["contract"][rows])
    table = prior.updated((dealers, 0.0 * dealers)).on(book).table
    assert table["mean"].xs("put").to_numpy() == pytest.approx(-0.35, abs=1e-4)
    assert table["deviation"].xs("put").max() < 1e-4
    assert table["deviation"].xs("call").to_numpy() == pytest.approx(1 / np.sqrt(3), abs=1e-5)


def test_sources_come_in_any_order():
    book, prior = one_cell(100.0, 80.0), gf.Beliefs(**ALONE)
    one = pd.DataFrame({"inventory": [-30.0], "deviation": [40.0], "contracts": [100.0]}, index=["P0"])
    two = pd.DataFrame({"inventory": [25.0], "deviation": [50.0], "contracts": [80.0]}, index=["P1"])
    a, b = (cell_of(prior.updated(x).updated(y), book) for x, y in ((one, two), (two, one)))
    assert a == pytest.approx(b, rel=1e-9)
    assert prior.updated(one).updated(two).name == "flat with evidence"
    assert "2 sources of evidence" in repr(prior.updated(one).updated(two))
    assert prior.evidence == ()


@pytest.mark.parametrize("p", [1.0, 0.8, 0.51])
@pytest.mark.parametrize("w", [0.2, 0.01, 0.0001])
@pytest.mark.parametrize("n", [1, 2])
def test_one_doubtful_print_moves_less_than_a_sure_one(p, w, n):
    """Prints of one contract each, part w of it: by Bayes' rule from the two sides that each can have."""
    m = -0.1
    book = one_cell(*np.full(n, 1000.0 / n))
    prior = gf.Beliefs({"put": Share.beta(m, 0.3)}, **ALONE)
    tape = pd.concat([flow(f"P{i}", bought=w * 1000.0 / n, p=p) for i in range(n)])
    mean, deviation = cell_of(prior.updated(tape), book)
    assert abs(mean - m) <= w * (1.0 + m) * 1.03  # a Beta prior is skew, a Gaussian one moves by its part
    assert deviation <= 0.3 * (1.0 + 1e-4)
    if 0.09 * (1000.0 / w) > 1000.0:  # else the prior is narrower than what the print can be
        long = 0.5 * (1.0 + m)  # dealers' chance of being long before; the label says short
        side = (long * (1 - p) - (1 - long) * p) / (long * (1 - p) + (1 - long) * p)
        assert (mean - m) / w == pytest.approx(side - m, abs=0.03)


def test_two_sources_about_one_contract():
    """Closed form for a narrow prior: a part seen for sure, and all of the contract seen with noise."""
    v, m, n = 0.01**2, 0.2, 100.0
    book = one_cell(n, multiplier=1.0)
    prior = gf.Beliefs({"put": Share.beta(m, np.sqrt(v))}, **ALONE)
    sure = pd.DataFrame({"inventory": [5.1], "deviation": [0.0], "contracts": [25.0]}, index=["P0"])
    noise = 0.9
    blind, x = 100.0, 20.8
    deviation = noise / np.sqrt(1.0 + (noise / blind) ** 2)
    lam2 = 1.0 - (deviation / blind) ** 2
    told = {"inventory": [x * lam2], "deviation": [deviation], "accuracy": [0.5 + 0.5 * np.sqrt(lam2)]}
    noisy = pd.DataFrame(told, index=["P0"])
    # Brownian in the part seen: what is sure is known, of the rest the noisy source sees the remainder.
    rest = v * n * 75.0
    gain = rest / (rest + deviation**2 / lam2)
    mean = (5.1 + 75.0 * m + gain * (x - 5.1 - 75.0 * m)) / n
    assert deviation / np.sqrt(lam2) == pytest.approx(noise)
    found = cell_of(prior.updated(sure).updated(noisy), book)
    assert found[0] == pytest.approx(mean, abs=1e-5)
    assert found[1] == pytest.approx(np.sqrt(rest * (1 - gain)) / n, rel=2e-3)
    # The same sure source twice is that source once.
    twice = cell_of(prior.updated(sure).updated(sure), book)
    assert twice == pytest.approx(cell_of(prior.updated(sure), book), rel=1e-8)


def test_what_evidence_leaves_out_is_said():
    book = one_cell(100.0, 50.0)
    table = pd.DataFrame({"inventory": [-150.0, 1.0], "deviation": [0.0, 1.0]}, index=["P0", "GONE"])
    held = gf.Beliefs(**ALONE).updated(table, covered=0.5).on(book)
    text = "\n".join(held.remarks)
    assert "1 of 2 contracts are not in the book" in text
    assert "inventory of 1 contracts is larger than the open interest" in text
    whole = pd.DataFrame({"inventory": [-120.0, -60.0], "deviation": 0.0}, index=["P0", "P1"])
    held = gf.Beliefs(**ALONE).updated(whole).on(book)
    assert "1 cells would be beyond -1 or 1" in "\n".join(held.remarks)
    assert held.table["mean"].iloc[0] == pytest.approx(-1.0, abs=1e-9)


def test_accuracy_and_known_deviation_of_a_flow_are_used():
    """A flow that states both is read exactly; without them the deviation is an upper bound."""
    book = one_cell(100.0)
    row = flow("P0", 30.0, 10.0, unclassified=60.0, p=0.9, prints=5)
    sizes = np.array([30.0, 5.0, 5.0])
    exact = row.assign(known_deviation=np.sqrt((sizes**2).sum() * 0.36), accuracy=0.9)
    more, less = (cell_of(gf.Beliefs(**ALONE).updated(t), book)[1] for t in (exact, row))
    assert more < less <= 1 / np.sqrt(3) + 1e-6
    lam, q = 0.8, float((sizes**2).sum())
    table = pd.DataFrame(
        {
            "inventory": [-16.0],
            "deviation": [np.sqrt(q * (1 - lam**2))],
            "contracts": [40.0],
            "accuracy": [0.5 + 0.5 * lam],
        },
        index=["P0"],
    )
    assert cell_of(gf.Beliefs(**ALONE).updated(table), book)[1] == pytest.approx(more, rel=1e-12)
    # Directions given: blocks without a side widen the deviation, and take nothing from what is known.
    sure = flow("P0", 30.0, 10.0, unclassified=60.0, prints=5)
    alone = flow("P0", 30.0, 10.0, prints=3)
    assert cell_of(gf.Beliefs(**ALONE).updated(sure), book) == pytest.approx(
        cell_of(gf.Beliefs(**ALONE).updated(alone), book), rel=1e-12
    )


def test_evidence_that_is_refused():
    with pytest.raises(SchemaError, match="evidence: received int; legal: a Flow"):
        gf.Beliefs().updated(3)
    with pytest.raises(SchemaError, match="covered: received 1"):
        gf.Beliefs().updated((pd.Series([1.0]), pd.Series([1.0])), covered=1.5)
    bad = pd.DataFrame({"inventory": [np.nan, 1.0], "deviation": [1.0, -1.0]}, index=["A", "A"])
    with pytest.raises(
        SchemaError, match=r"(?s)named twice in 1 of 2.*inventory: not finite.*deviation: not"
    ):
        gf.Beliefs().updated(bad)
    book = one_cell(10.0)
    twice = book + book
    with pytest.raises(MismatchError, match="'P0' stands in several rows"):
        gf.Beliefs().updated((pd.Series({"P0": 1.0}), pd.Series({"P0": 1.0}))).on(twice)


def test_evidence_reaches_the_bands():
    """Dealers known to be long every put: no short gamma where calls are known to be held long."""
    chain = demo()
    puts = chain["kind"] == "put"
    dealers = pd.Series(0.4 * chain["open_interest"][puts], index=chain["contract"][puts])
    beliefs = replace(CUSTOMERS_BUY_PUTS, shares={**CUSTOMERS_BUY_PUTS.shares, "call": 0.1})
    before = gf.sign_bands(chain, beliefs, draws=200)
    after = gf.sign_bands(chain, beliefs.updated((dealers, 0.0 * dealers)), draws=200)
    assert before.table["p_short"].max() > 0.9
    assert after.table["p_short"].max() == 0.0
    exact = gf.aggregate_exposure(
        gf.assign_positions(chain, np.where(puts, 0.4, 0.1) * np.nan_to_num(chain["open_interest"]))
    ).total()["gamma"]
    assert np.interp(chain.spot, after.table.index, after.table["95 %"]) == pytest.approx(exact, rel=1e-9)
