"""Rows, records and spans that an author did not think of."""

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import SchemaError

N = 60


@pytest.fixture(scope="module")
def rows():
    pytest.importorskip("statsmodels")
    rng = np.random.default_rng(7)
    x = pd.DataFrame(rng.normal(size=(N, 2)), columns=["a", "b"])
    return (0.3 * x["a"] + rng.normal(size=N)).rename("y"), x


@pytest.fixture(scope="module")
def record():
    hours = pd.date_range("2026-01-01", periods=200, freq="h", tz="UTC")
    return pd.Series(np.exp(np.cumsum(np.random.default_rng(1).normal(0.0, 0.01, 200))), hours)


@pytest.mark.parametrize(("shift", "unit", "of_y"), [(1e9, 1.0, 1.0), (0.0, 1e12, 1e-9), (-4e6, 1e-3, 1e11)])
def test_units_and_large_means_change_no_finding(rows, shift, unit, of_y):
    """Against closed form on centered rows; a regressor far from 0 was cut off as if it were the constant."""
    y, x = rows
    given = x.assign(b=unit * (x["b"] + shift))
    found = gf.seasons.regress(of_y * y, given)
    here = given["b"] - given["b"].mean()  # as the doubles given hold it
    centered = np.column_stack([x["a"] - x["a"].mean(), here / unit])
    slopes = np.linalg.solve(centered.T @ centered, centered.T @ (y - y.mean()))
    np.testing.assert_allclose(found.table["coefficient"].iloc[1:], slopes * of_y / [1.0, unit], rtol=1e-8)
    plain = gf.seasons.regress(y, x)
    for name in ("t", "p_value"):
        np.testing.assert_allclose(found.table[name].iloc[1:], plain.table[name].iloc[1:], rtol=1e-5)
    assert found.r_squared == pytest.approx(plain.r_squared, rel=1e-6)
    roots = np.sqrt(np.diag(found.covariance))
    np.testing.assert_allclose(roots, found.table["error"], rtol=1e-12)
    drawn = (gf.seasons.bootstrap(each, draws=200) for each in (found, plain))
    p_values = [each.table["p_value"].iloc[1:] for each in drawn]
    np.testing.assert_allclose(*p_values, rtol=1e-9)


def test_numbers_without_squares_are_refused(rows):
    y, x = rows
    with pytest.raises(SchemaError, match=r"y: received values up to .*e\+2\d\d.*\n.*a: received values up"):
        gf.seasons.regress(y * 1e200, x["a"] * 1e-200)


def test_three_centuries_before_the_record(record):
    """The distance of 1700 from 2026 in nanoseconds is no 64-bit number."""
    moments = pd.to_datetime(["1700-01-01T00Z", "2026-01-02T00Z", "2250-01-01T00Z"])
    for measured in (gf.seasons.realized_volatility, gf.seasons.trailing_volatility):
        known = measured(record, moments, horizon="6h").values.notna()
        assert known.to_list() == [False, True, False]
    events = moments.append(pd.to_datetime(["2026-01-03T00Z"]))
    assert gf.seasons.event_study(record, events, before="2h", after="2h").excluded == 2


def test_spans_beyond_a_century_are_refused(record):
    with pytest.raises(SchemaError, match=r"horizon: received '100000D'; .*at most 36,525 days"):
        gf.seasons.realized_volatility(record, record.index, horizon="100000D")
    with pytest.raises(SchemaError, match=r"within: .*at most 36,525 days"):
        gf.seasons.as_of(record.index, record.rename("p"), within="100000D")


def test_columns_that_a_join_cannot_keep(record):
    with pytest.raises(SchemaError, match="right: has a column 'known_at'"):
        gf.seasons.as_of(record.index, record.rename("known_at"))
    with pytest.raises(SchemaError, match="right: has columns of several levels"):
        gf.seasons.as_of(record.index, pd.concat({("a", "b"): record}, axis=1))
