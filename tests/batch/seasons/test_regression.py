"""Regression with HAC errors against loops, against the library's own least squares, and its refusals."""

import pickle
import sys

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.evidence.etf_flows.regression import fit
from support.newey_west import newey_west

pytest.importorskip("statsmodels", reason="regressions need statsmodels, of the extra study")
from scipy import stats

RNG = np.random.default_rng(11)
DAYS = pd.date_range("2026-01-01", periods=90, freq="D", tz="UTC")
X = pd.DataFrame(
    {"a": RNG.normal(size=90).cumsum(), "b": RNG.normal(size=90), "short": RNG.random(90) < 0.4}, DAYS
)
Y = pd.Series(0.3 * X["b"] + np.convolve(RNG.normal(size=93), np.ones(4), "valid"), DAYS, name="y")


@pytest.mark.parametrize("lags", [0, 3, 7])
def test_coefficients_errors_and_intervals_agree_with_a_loop(lags):
    found = gf.seasons.regress(Y, X, lags=lags, level=0.9)
    design = np.column_stack([np.ones(90), X.astype(float)])
    beta, covariance = newey_west(Y.to_numpy(), design, lags)
    error = np.sqrt(np.diag(covariance))
    table = found.table
    np.testing.assert_allclose(table["coefficient"], beta, rtol=1e-10)
    np.testing.assert_allclose(table["error"], error, rtol=1e-10)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(table["p_value"], 2.0 * stats.t.sf(np.abs(beta / error), 86), rtol=1e-9)
    reach = stats.t.ppf(0.95, 86) * error
    np.testing.assert_allclose(
        table[["low", "high"]], np.column_stack([beta - reach, beta + reach]), rtol=1e-9
    )
    np.testing.assert_allclose(found.residuals, Y - design @ beta, atol=1e-10)
    pair = ["a", "short"]
    wald = beta[[1, 3]] @ np.linalg.inv(covariance[np.ix_([1, 3], [1, 3])]) @ beta[[1, 3]]
    assert found.joint(pair) == pytest.approx(stats.f.sf(wald / 2, 2, 86))
    assert (found.n, found.df, found.lags, found.dropped) == (90, 86, lags, 0)


def test_the_usual_lags_agree_with_the_least_squares_of_flows():
    found = gf.seasons.regress(Y, X[["a", "b"]])
    own = fit(Y, X[["a", "b"]].assign(one=1.0), "HAC")
    np.testing.assert_allclose(found.table["error"].iloc[1:], np.sqrt(np.diag(own.covariance))[:2], rtol=1e-9)
    assert found.r_squared == pytest.approx(own.r_squared)


def test_rows_with_a_missing_number_are_left_out_and_counted():
    x = X.copy()
    x.loc[DAYS[[3, 50]], "b"] = np.nan
    found = gf.seasons.regress(Y, x)
    whole = gf.seasons.regress(Y.drop(DAYS[[3, 50]]), X.drop(DAYS[[3, 50]]))
    pd.testing.assert_frame_equal(found.table, whole.table)
    assert found.dropped == 2
    assert "n = 88, 2 rows with a missing number left out" in found.lines[0]


def test_doubts_stand_in_warnings():
    few = gf.seasons.regress(Y[:25], X[:25])
    assert "rows: received 25 for 3 regressors; errors and p-values are rough below 30" in few.warnings[0]
    rare = X.assign(short=np.arange(90) < 4)
    assert "short: only 4 of 90 rows differ from 0" in gf.seasons.regress(Y, rare).warnings[0]
    alike = X.assign(c=X["a"] + 0.1 * X["b"] + 0.1 * RNG.normal(size=90))
    inflated = gf.seasons.regress(Y, alike).warnings
    share = 1.0 - 1.0 / np.linalg.inv(np.corrcoef(alike.astype(float).to_numpy(), rowvar=False))[0, 0]
    assert f"a: {share:.0%} of its variance is that of the other regressors" in inflated[0]
    assert gf.seasons.regress(Y, X).warnings == ()


def test_a_result_can_be_pickled_and_drawn():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    found = gf.seasons.regress(Y, X)
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(found)).table, found.table)
    points = found.plot().get_lines()[1].get_xdata()
    spread = found.data.std()
    np.testing.assert_allclose(
        points, (found.table["coefficient"] * spread / spread["y"])[["a", "b", "short"]]
    )
    pyplot.close("all")


@pytest.mark.parametrize(
    ("y", "x", "words"),
    [
        (Y, X.assign(short=True), "short: received 1 on all 90 rows; a constant says nothing"),
        (Y * 0.0, X, "y: received 0 on all 90 rows"),
        (Y, X.assign(c=2.0 * X["a"] - X["b"] + 3.0), "c: is made of the other regressors"),
        (Y[:6], X[:6], "received 6 rows without a missing number (0 left out); at least 7 are needed for 4"),
        (Y, X[::-1], "another index than the 90 rows of y"),
        (Y[::-1], X[::-1], "rows must ascend in time"),
        (Y, X.rename(columns={"a": "constant"}), "none named as y or 'constant'"),
        (Y, X.assign(name="BTC"), "name: received a Series of"),
        (Y, X.assign(a=np.inf), "a: 90 rows infinite"),
        (Y.to_numpy(), X, "legal: a Series, and a Series or DataFrame"),
    ],
)
def test_rows_that_do_not_determine_coefficients_are_refused(y, x, words):
    with pytest.raises(gf.SchemaError, match="regress not accepted") as error:
        gf.seasons.regress(y, x)
    assert words in str(error.value)


def test_other_arguments_are_checked_together():
    with pytest.raises(gf.SchemaError) as error:
        gf.seasons.regress(Y, X, lags=89, level=1.0)
    assert "lags must be >= 0 and <= 88" in str(error.value)
    assert "level: received 1; level must be > 0 and < 1" in str(error.value)
    for names, words in (([], "received none"), (["d"], "legal: 'constant', 'a', 'b', 'short'")):
        with pytest.raises(gf.SchemaError, match=words):
            gf.seasons.regress(Y, X).joint(names)


def test_a_perfect_fit_is_a_sign_of_look_ahead():
    with pytest.raises(gf.SchemaError, match="a perfect fit is a sign that a regressor holds y itself"):
        gf.seasons.regress(2.0 * X["a"] + 1.0, X["a"])


def test_a_missing_library_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "statsmodels.regression.linear_model", None)
    with pytest.raises(gf.GammaflowError, match=r'pip install "gammaflow-engine\[study\]"'):
        gf.seasons.regress(Y, X)


def test_holm_agrees_with_a_loop():
    p = pd.Series([0.04, 0.001, np.nan, 0.03, 0.5], list("vwxyz"))
    corrected = {}
    worst, order = 0.0, p.dropna().sort_values()
    for rank, (name, value) in enumerate(order.items()):
        worst = max(worst, min(1.0, (len(order) - rank) * value))
        corrected[name] = worst
    pd.testing.assert_series_equal(
        gf.seasons.holm(p), pd.Series(corrected).reindex(p.index).rename("p_value")
    )
    assert gf.seasons.holm([np.nan]).isna().all()
    for bad, words in (([1.5, -0.1], "2 rows outside 0 to 1"), ([[0.1]], "one dimension"), (["a"], "must")):
        with pytest.raises(gf.SchemaError, match=words):
            gf.seasons.holm(bad)
