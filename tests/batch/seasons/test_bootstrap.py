"""Block bootstrap against a loop over draws, and against what large samples say."""

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.evidence.correlation.bootstrap import block_rows

pytest.importorskip("statsmodels", reason="regressions need statsmodels, of the extra study")

RNG = np.random.default_rng(5)
X = pd.DataFrame({"a": RNG.normal(size=47), "short": RNG.random(47) < 0.5})
Y = pd.Series(0.6 * X["a"] + RNG.normal(size=47), name="y")


def distances(found, block, draws, seed):
    """t of each draw, one at a time, from scores summed by block."""
    y = found.data["y"].to_numpy()
    design = np.column_stack([np.ones(len(y)), found.data.iloc[:, 1:]])
    n, k = design.shape
    out = []
    for rows in block_rows(n, block, draws, np.random.default_rng(seed)):
        drawn, target = design[rows], y[rows]
        inverse = np.linalg.inv(drawn.T @ drawn)
        beta = inverse @ drawn.T @ target
        scores = drawn * (target - drawn @ beta)[:, None]
        meat = sum(np.outer(s, s) for s in (scores[i : i + block].sum(axis=0) for i in range(0, n, block)))
        error = np.sqrt(np.diag(inverse @ meat @ inverse) * n / (n - k))
        out.append((beta - found.table["coefficient"].to_numpy()) / error)
    return np.abs(out)


def test_intervals_and_p_values_agree_with_a_loop():
    found = gf.seasons.regress(Y, X, level=0.9)
    drawn = gf.seasons.bootstrap(found, block=5, draws=150, seed=9)
    t, table = distances(found, 5, 150, 9), found.table
    reach = np.quantile(t, 0.9, axis=0) * table["error"]
    np.testing.assert_allclose(drawn.table["high"], table["coefficient"] + reach, rtol=1e-8)
    np.testing.assert_allclose(drawn.table["low"], table["coefficient"] - reach, rtol=1e-8)
    farther = (t >= np.abs(table["t"].to_numpy())).sum(axis=0)
    np.testing.assert_allclose(drawn.table["p_value"], (1 + farther) / 151)
    assert (drawn.block, drawn.draws) == (5, 150)


def test_a_large_sample_of_independent_rows_agrees_with_student():
    x = pd.Series(RNG.normal(size=900), name="x")
    found = gf.seasons.regress(0.5 * x + RNG.normal(size=900), x, lags=0)
    drawn = gf.seasons.bootstrap(found, draws=1_000).table.loc["x"]
    wide = drawn["high"] - drawn["low"]
    assert wide == pytest.approx(found.table.loc["x", "high"] - found.table.loc["x", "low"], rel=0.1)


def test_a_seed_gives_the_same_numbers_and_units_do_not_matter():
    first, again = (gf.seasons.bootstrap(gf.seasons.regress(Y, X), draws=200) for _ in range(2))
    pd.testing.assert_frame_equal(first.table, again.table)
    tiny = gf.seasons.bootstrap(gf.seasons.regress(Y, X.assign(a=1e-9 * X["a"])), draws=200)
    assert tiny.table.loc["a", "p_value"] == first.table.loc["a", "p_value"]
    assert tiny.draws == first.draws == 200
    assert first.block == 4
    assert gf.seasons.bootstrap(gf.seasons.regress(Y, X, lags=6), draws=100).block == 7


def test_draws_without_a_rare_regressor_are_counted():
    rare = gf.seasons.regress(Y, X.assign(short=np.arange(47) == 20))
    found = gf.seasons.bootstrap(rare, block=1, draws=2_000)
    assert found.draws / 2_000 == pytest.approx(1.0 - (46 / 47) ** 47, abs=0.04)
    assert "of 2,000 left out, in which a regressor never varied" in found.warnings[-1]


def test_it_draws_the_terms():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    found = gf.seasons.bootstrap(gf.seasons.regress(Y, X), draws=100)
    np.testing.assert_allclose(found.plot().get_lines()[1].get_xdata(), found.table["coefficient"].iloc[1:])
    pyplot.close("all")


def test_bad_input_is_refused():
    found = gf.seasons.regress(Y, X)
    with pytest.raises(gf.SchemaError) as error:
        gf.seasons.bootstrap(found, block=16, draws=10, seed=-1)
    text = str(error.value)
    assert "block must be >= 1 and <= 15" in text
    assert "draws" in text
    assert "seed" in text
    with pytest.raises(gf.SchemaError, match="regression: received DataFrame; legal: a Regression"):
        gf.seasons.bootstrap(found.table)
