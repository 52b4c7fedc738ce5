"""Curves of zero rates by maturity: interpolation by discount factors, and every refusal."""

import copy
import math
import pickle
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.market.carry.rates import find_rate, rates_at

ASOF = pd.Timestamp("2023-09-14T20:00:00Z")
DAYS = pd.to_datetime(["2023-10-01", "2024-03-01", "2024-09-01"])
RATES = pd.Series([0.0533, 0.0521, 0.0489], DAYS)


def years(text):
    """Years from ASOF to a timestamp of New York, by the calendar."""
    return (pd.Timestamp(text, tz="America/New_York") - ASOF).total_seconds() / 86400 / 365


def test_discount_factors_are_those_of_constant_forward_rates_between_maturities():
    curve = gf.RateCurve(RATES)
    t = [years(f"{day:%Y-%m-%d} 16:00") for day in DAYS]
    D = [math.exp(-r * x) for r, x in zip(RATES, t, strict=True)]
    assert curve.zero_rates(ASOF, t).tolist() == pytest.approx(RATES.tolist(), rel=1e-14)
    half = 0.5 * (t[0] + t[1])
    assert math.exp(-float(curve.zero_rates(ASOF, half)) * half) == pytest.approx(
        math.sqrt(D[0] * D[1]), rel=1e-14
    )
    # a fifth of the way in time is a fifth of the way in ln D
    part = 0.8 * t[1] + 0.2 * t[2]
    found = -math.log(math.exp(-float(curve.zero_rates(ASOF, part)) * part))
    assert found == pytest.approx(-(0.8 * math.log(D[1]) + 0.2 * math.log(D[2])), rel=1e-14)
    # before the first its own rate; after the last the forward between the last two goes on
    assert curve.zero_rates(ASOF, [0.001, -0.2]).tolist() == [0.0533, 0.0533]
    forward = math.log(D[1] / D[2]) / (t[2] - t[1])
    beyond = -math.log(D[2] * math.exp(-forward * 2.0)) / (t[2] + 2.0)
    assert float(curve.zero_rates(ASOF, t[2] + 2.0)) == pytest.approx(beyond, rel=1e-14)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.integers(-50, 150), min_size=1, max_size=6),
    st.lists(st.integers(1, 4000), min_size=6, max_size=6, unique=True),
    st.floats(1e-4, 15.0),
)
def test_rate_times_years_is_continuous_and_any_order_of_rows_is_the_same_curve(rates, days, t):
    when = pd.to_datetime("2023-09-15") + pd.to_timedelta(days[: len(rates)], "D")
    rates = [r / 1000 for r in rates]
    series = pd.Series(rates, when)
    curve = gf.RateCurve(series)
    assert curve == gf.RateCurve(series.iloc[::-1]) == gf.RateCurve(dict(zip(when, rates, strict=True)))
    x = np.array([t, t + 1e-9])
    paid = curve.zero_rates(ASOF, x) * x
    assert abs(paid[1] - paid[0]) < 1e-7
    assert gf.RateCurve.from_text(curve.to_text()) == curve


def test_maturities_that_have_passed_play_no_part():
    later = pd.Timestamp("2024-01-10T15:00Z")
    whole, rest = gf.RateCurve(RATES), gf.RateCurve(RATES.iloc[1:])
    t = np.array([0.01, 0.2, 0.5, 3.0])
    assert whole.zero_rates(later, t).tolist() == rest.zero_rates(later, t).tolist()
    with pytest.raises(SchemaError, match=r"2023-10-01 to 2024-09-01, of which no maturity is after asof"):
        whole.zero_rates("2024-09-02T00:00Z", 0.5)
    with pytest.raises(SchemaError, match=r"asof: received '2024-09-02', which has no time zone"):
        whole.zero_rates("2024-09-02", 0.5)


def test_a_curve_is_a_value():
    curve = gf.RateCurve(RATES)
    assert repr(curve) == "RateCurve of 3 zero rates, 2023-10-01 to 2024-09-01, 5.33 % to 4.89 %"
    assert repr(gf.RateCurve({date(2024, 3, 1): 0.05})) == "RateCurve of 1 zero rate, 2024-03-01, 5 %"
    for other in (pickle.loads(pickle.dumps(curve)), copy.deepcopy(curve), gf.RateCurve(curve.to_series())):
        assert other == curve
        assert hash(other) == hash(curve)
    assert curve != gf.RateCurve(RATES + 1e-6)
    assert curve != gf.Dividends(RATES)
    with pytest.raises(AttributeError):
        curve.values = ()
    pd.testing.assert_series_equal(
        curve.to_series(), RATES.rename("rate").rename_axis("date"), check_index_type=False, check_freq=False
    )
    assert "<td" in curve._repr_html_()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (RATES.reset_index(drop=True), "received an index with 0; legal: dates"),
        (RATES.set_axis(["2023-10-01", "01/03/2024", "2024-09-01"]), "received an index with '01/03/2024'"),
        (
            pd.concat([RATES, RATES.iloc[:1]]),
            r"1 row repeated \(first: 2023-10-01\).* Give each maturity one",
        ),
        (RATES.tz_localize("UTC"), "received timestamps in UTC; legal: dates.*tz_localize"),
        (RATES.set_axis(DAYS + pd.Timedelta(hours=16)), "received the day 2023-10-01 16:00.* without a time"),
        (RATES * 100, "2 of 3 numbers not accepted .first: 5.33 on 2023-10-01.* 0.0533 is 5.33 %"),
        (RATES.where(RATES > 0.05), r"1 of 3 rows not accepted .*must not be missing"),
        (RATES.astype(str) + "%", "received '0.0533%', in a Series"),
        (RATES.iloc[:0], "received 0 rows; at least 1"),
        (RATES.to_frame(), "received DataFrame; legal: a Series of numbers indexed by date"),
        ({"2024-03-01": "x"}, "received 'x'"),
        ("rates.csv", "received str; legal: a Series"),
    ],
)  # fmt: skip
def test_what_is_no_curve_is_refused_in_words(values, words):
    with pytest.raises(SchemaError, match=f"rate not accepted:(.|\n)*rate: {words}"):
        gf.RateCurve(values)


def test_text_of_another_form_is_refused():
    for text in ("2024-03-01", "2024-03-01 x", 5, ""):
        with pytest.raises(SchemaError, match="legal: text such as"):
            gf.RateCurve.from_text(text)


def test_a_rate_is_one_number_or_a_curve():
    curve = find_rate(RATES)
    assert curve == gf.RateCurve(RATES)
    assert find_rate(curve) is curve
    t = np.array([0.1, 0.7])
    assert rates_at(find_rate(0.03), ASOF, t).tolist() == [0.03, 0.03]
    assert rates_at(curve, ASOF, t).tolist() == curve.zero_rates(ASOF, t).tolist()
    for wrong in ("x", 6.0, np.nan, [0.03]):
        with pytest.raises(SchemaError, match="rate: received"):
            find_rate(wrong)
