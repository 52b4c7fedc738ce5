"""Open interest estimated from the day's trades, its fit and its score, against loops."""

import pickle
from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.market.store.file import digest
from gammaflow.positions.interest.estimate import OpenInterestFit


@cache
def day(seed, alpha=0.6):
    """A change of open interest that follows net purchases with noise, and the flow as a table.

    One in ten of the contracts without trades changes by two all the same.
    """
    rng, chain = np.random.default_rng(seed), gf.demo_chain()
    n = len(chain)
    traded = rng.random(n) < 0.5
    bought = np.where(traded, rng.exponential(60.0, n), 0.0).round(1)
    sold = np.where(traded, rng.exponential(50.0, n), 0.0).round(1)
    moved = alpha * (bought - sold) + 3.0 * rng.normal(size=n) * traded
    moved = np.where(~traded & (rng.random(n) < 0.1), 2.0, moved)
    before = 500.0 + chain["open_interest"]
    later = chain.with_columns(open_interest=before + moved)
    earlier = replace(chain.with_columns(open_interest=before), asof=chain.asof - pd.Timedelta(1 + seed, "D"))
    volumes = {"bought": bought, "sold": sold, "unclassified": np.where(traded, 5.0, 0.0)}
    table = pd.DataFrame(volumes, chain["contract"]).iloc[rng.permutation(n)]
    return gf.open_interest_change(earlier, later), table[table.sum(axis=1) > 0.0]


def net_of(table):
    return table["bought"] - table["sold"]


def test_the_estimate_is_the_morning_plus_a_share_of_net_purchases_never_below_zero():
    chain = gf.demo_chain().with_columns(multiplier=0.1)
    interest = chain["open_interest"].copy()
    interest[::9] = np.nan
    chain = chain.with_columns(open_interest=interest)
    rng = np.random.default_rng(1)
    net = pd.Series(rng.normal(0.0, 400.0, 300), chain["contract"][:300]).sample(frac=1.0, random_state=1)
    net.iloc[7] = np.nan
    net["ABSENT-C"] = -17.5
    found = gf.estimate_open_interest(chain, net, alpha=-0.4)
    moved, total, at_zero = 0, 0.0, 0
    for name, before, after in zip(chain["contract"], interest, found["open_interest"], strict=True):
        traded = net.get(name, 0.0)
        expected = max(0.0, before - 0.4 * (0.0 if np.isnan(traded) else traded))
        if np.isnan(before):
            assert np.isnan(after)
            continue
        assert after == pytest.approx(expected, abs=1e-12)
        moved, total, at_zero = (
            moved + (after != before),
            total + after - before,
            at_zero + (after == 0.0 < before),
        )
    assert at_zero > 10
    words = found.warnings[0]
    assert f"estimated, not counted, in {moved} of 598 contracts" in words
    assert f"times -0.4 change it by {total:+,.1f} contracts" in words
    assert "1 contracts of the flow (17.5 net) are not in the chain" in words
    assert set(chain.warnings) < set(found.warnings)
    for name in ("strike", "iv", "multiplier", "volume"):
        np.testing.assert_array_equal(found[name], chain[name])


def test_every_result_says_that_open_interest_is_an_estimate():
    chain = gf.demo_chain()
    net = pd.Series([50.0], chain["contract"][:1])
    words = "WARNING: open interest: estimated, not counted, in 1 of 598 contracts"
    found = gf.estimate_open_interest(chain, net, alpha=0.5)
    for each in (found, pickle.loads(pickle.dumps(found)), found.select(kind="put"), gf.repair_chain(found)):
        assert words in str(each.quality)
    again = gf.estimate_open_interest(gf.repair_chain(chain), net, alpha=0.5)
    assert words in repr(gf.aggregate_exposure(gf.assign_positions(again)))
    with pytest.raises(SchemaError, match=r"not the vendor's \(open interest: estimated.*Store the original"):
        digest(found)
    twice = gf.estimate_open_interest(gf.estimate_open_interest(chain, net, alpha=0.5), net, alpha=0.25)
    assert twice["open_interest"][0] == chain["open_interest"][0] + 37.5
    assert len(twice.caveats) == 2


@pytest.mark.parametrize("form", ["series", "table", "flow"])
def test_a_flow_is_a_series_a_table_or_a_flow(form):
    change, table = day(0)
    flow = {"series": net_of(table), "table": table, "flow": SimpleNamespace(table=table)}[form]
    expected = change.earlier["open_interest"].copy()
    for i, name in enumerate(change.earlier["contract"]):
        if name in table.index:
            expected[i] = max(0.0, expected[i] + 0.3 * (table.loc[name, "bought"] - table.loc[name, "sold"]))
    found = gf.estimate_open_interest(change.earlier, flow, alpha=0.3)
    np.testing.assert_allclose(found["open_interest"], expected, atol=1e-12)


def test_alpha_and_its_error_are_those_of_a_loop():
    days = [day(seed) for seed in range(2)]
    fit = gf.fit_open_interest(days)
    xx = xy = yy = meat = squares = 0.0
    n, pairs = 0, []
    for change, table in days:
        net = net_of(table)
        for name, row in change.table.iterrows():
            if row["state"] in ("expired", "unknown"):
                continue
            x, y = net.get(name, 0.0), row["change"]
            pairs.append((x, y))
            xx, xy, yy, n = xx + x * x, xy + x * y, yy + y * y, n + 1
    alpha = xy / xx
    for x, y in pairs:
        meat += x * x * (y - alpha * x) ** 2
        squares += (y - alpha * x) ** 2
    assert fit.alpha == pytest.approx(alpha, rel=1e-12)
    assert fit.error == pytest.approx((meat * n / (n - 1)) ** 0.5 / xx, rel=1e-12)
    assert fit.explained == pytest.approx(1.0 - squares / yy, rel=1e-9)
    assert (fit.contracts, fit.days) == (n, 2)
    assert f"alpha {alpha:.4g} with a standard error of" in repr(fit)


def test_alpha_is_recovered_within_its_error():
    fits = [gf.fit_open_interest([day(seed, 0.35)]) for seed in range(20, 23)]
    z = np.array([(fit.alpha - 0.35) / fit.error for fit in fits])
    assert np.abs(z).max() < 3.0
    # 3 contracts of noise over half of 598 contracts with net purchases of sqrt(60^2 + 50^2 + 10^2), rms
    assert fits[0].error == pytest.approx(3.0 / np.sqrt(0.5 * 598 * (60**2 + 50**2 + 10**2)), rel=0.3)


@pytest.mark.parametrize("how", ["table", "series"])
def test_the_score_is_that_of_a_loop(how):
    days = [day(seed) for seed in (4, 5)]
    flows = [table if how == "table" else net_of(table) for _, table in days]
    pairs = [(change, flow) for (change, _), flow in zip(days, flows, strict=True)]
    score = gf.score_open_interest(pairs, 0.5)
    everything = [[], [], []]
    for (change, table), label in zip(days, [*score.table.index[:2]], strict=True):
        assert label == change.later.asof
        net, true, found, volume = net_of(table), [], [], 0.0
        for name, row in change.table.iterrows():
            if row["state"] not in ("expired", "unknown"):
                true.append(row["change"])
                found.append(max(0.0, row["before"] + 0.5 * net.get(name, 0.0)) - row["before"])
                volume += table.loc[name].sum() if name in table.index else 0.0
        for kept, values in zip(everything, (true, found, [volume]), strict=True):
            kept += values
    true, found = map(np.array, everything[:2])
    last = score.table.loc["all"]
    assert last["contracts"] == len(true)
    assert last["error"] == pytest.approx(np.abs(found - true).sum() / np.abs(true).sum(), rel=1e-12)
    assert last["rank_correlation"] == pytest.approx(spearmanr(found, true).statistic, rel=1e-12)
    silent = sum(f == 0.0 and t != 0.0 for f, t in zip(found, true, strict=True)) / (true != 0.0).sum()
    assert 0.02 < silent < 0.2
    assert last["silent"] == pytest.approx(silent, rel=1e-12)
    # The demo chain has no volume of its own.
    churn = np.abs(true).sum() / sum(everything[2]) if how == "table" else np.nan
    assert last["churn"] == pytest.approx(churn, rel=1e-12, nan_ok=True)
    assert "OpenInterestScore of alpha 0.5 on 2 days" in repr(score)
    assert repr(pickle.loads(pickle.dumps(score))) == repr(score)


def test_a_fit_scores_other_days_better_than_the_morning_does():
    fit = gf.fit_open_interest([day(seed) for seed in (0, 1)])
    score = gf.score_open_interest([day(9)], fit)
    assert score.alpha == fit.alpha
    assert score.table.loc["all", "error"] < 0.5
    nothing = gf.score_open_interest([day(9)], 0.0).table.loc["all"]
    assert nothing["error"] == 1.0
    assert np.isnan(nothing["rank_correlation"])
    assert nothing["silent"] == 1.0


def test_days_without_a_change_have_no_score():
    change, table = day(0)
    quiet = gf.open_interest_change(
        change.earlier, replace(change.earlier, asof=change.earlier.asof + pd.Timedelta(1, "h"))
    )
    row = gf.score_open_interest([(quiet, table)], 0.5).table.loc["all"]
    assert np.isnan(row[["rank_correlation", "silent", "error"]].astype(float)).all()
    assert row["churn"] == 0.0


@pytest.mark.parametrize(
    ("flow", "alpha", "words"),
    [
        ([1.0], 0.5, "flow: received list; legal: a Series of customers' net purchases"),
        (pd.DataFrame({"size": [1.0]}), 0.5, "flow: received DataFrame"),
        (pd.Series(["x"], ["a"]), 0.5, "flow: received Series"),
        (pd.Series([1.0, 2.0], ["a", "a"]), 0.5, "flow: 1 contracts are listed twice"),
        (pd.Series([np.inf], ["a"]), 0.5, r"volumes that are not finite \(first: 'a'\)"),
        (pd.Series([1.0], ["a"]), 0.5, "none of its 1 contracts is one of the chain's 598"),
        (pd.Series([1.0], ["a"]), np.nan, "alpha: received nan"),
    ],
)
def test_what_is_no_flow(flow, alpha, words):
    with pytest.raises(SchemaError, match=words):
        gf.estimate_open_interest(gf.demo_chain(), flow, alpha=alpha)


def test_nothing_to_fit_on():
    change, table = day(0)
    for function in (gf.fit_open_interest, lambda days: gf.score_open_interest(days, 1.0)):
        with pytest.raises(SchemaError, match="days: received none"):
            function([])
    with pytest.raises(SchemaError, match="no net purchases in 598 contracts on 1 days"):
        gf.fit_open_interest([(change, 0.0 * net_of(table))])
    assert isinstance(pickle.loads(pickle.dumps(gf.fit_open_interest([(change, table)]))), OpenInterestFit)
