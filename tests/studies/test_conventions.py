"""Numbers under conventions, against sums written out with array-level greeks."""

import pickle

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.market.chain import Chain
from gammaflow.studies.conventions import CANDIDATES, CHOICES, PRESETS, TOOLS, Calculator, find_convention
from gammaflow.studies.data import sensitivity
from support.conventions import naive_rows

C = gf.Convention


def small(**changes):
    """Three expiries seen at 15:00 New York on a Friday: of that day, of Monday, and in a fortnight."""
    expiry = pd.DatetimeIndex(["2026-02-06T21:00Z", "2026-02-09T21:00Z", "2026-02-20T21:00Z"]).repeat(4)
    columns = {
        "contract": list("abcdefghijkl"),
        "expiry": expiry,
        "strike": [95.0, 98.0, 100.0, 103.0] * 3,
        "kind": ["put", "call", "put", "call"] * 3,
        "open_interest": [10.0, 20.0, 300.0, 40.0, 150.0, 60.0, 70.0, np.nan, 900.0, 0.0, 110.0, 120.0],
        "multiplier": [100.0] * 8 + [50.0] * 4,
        "iv": [0.5, 0.45, 0.4, 0.35, 0.3, 0.25, 0.0, 0.3, 0.35, 0.4, 0.45, 0.5],
        "rate": [0.04] * 12,
        "dividend_yield": [0.01] * 12,
        "forward": [np.nan] * 8 + [101.0] * 4,
        "vendor_gamma": [0.1, 0.09, 0.08, 0.07, 0.06, np.nan, 0.05, 0.04, 0.03, 0.02, 0.01, 0.0],
        "settlement": ["PM"] * 12,
    }
    return Chain(columns | changes, "X", 99.5, pd.Timestamp("2026-02-06T20:00:00Z"))


def chosen(chain):
    days = (chain["expiry"] - np.datetime64("2026-02-06T20:00:00")) / np.timedelta64(1, "D")
    oi, ratio, call = chain["open_interest"], chain["strike"] / chain.spot, chain["kind"] == "call"
    return {
        C(): oi > 0,
        C(window="0dte"): days < 1,
        C(window="next"): days < 1,
        C(window="without_next"): days > 1,
        C(window=4): days < 4,
        C(min_open_interest=70): oi >= 70,
        C(moneyness=(0.98, 1.02)): (ratio >= 0.98) & (ratio <= 1.02),
        C(otm_only=True): np.where(call, ratio >= 1, ratio <= 1),
        C(window=4, min_open_interest=70, otm_only=True): (days < 4)
        & (oi >= 70)
        & np.where(call, ratio >= 1, ratio <= 1),
    }


def test_windows_and_filters_count_the_rows_they_name():
    chain = small()
    calculator = Calculator(chain)
    for convention, mask in chosen(chain).items():
        rows = naive_rows(chain) * mask
        np.testing.assert_allclose(calculator.rows(convention), rows, rtol=1e-12, atol=1e-12)
        assert calculator.number(convention, "gamma") == pytest.approx(rows.sum(), rel=1e-12)
        assert calculator.number(convention, "rows") == np.count_nonzero(rows)
        bars = pd.Series(rows, chain["strike"])[rows != 0].groupby(level=0).sum()
        np.testing.assert_allclose(calculator.by_strike(convention), bars, rtol=1e-12)
        assert calculator.by_strike(convention).index.tolist() == bars.index.tolist()


def test_delta_filter_takes_the_chains_own_deltas():
    chain = small()
    on, q = np.where(np.isnan(chain["forward"]), 99.5, chain["forward"]), chain["dividend_yield"]
    q = np.where(np.isnan(chain["forward"]), q, chain["rate"])
    delta = gf.bsm.greeks(
        chain["kind"], on, chain["strike"], chain.years, chain["rate"], chain["iv"], q, ["delta"]
    ).delta
    mask = (np.abs(delta) >= 0.02) & (np.abs(delta) <= 0.7)
    convention = C(delta=(0.02, 0.7), day_count="business_252", iv="vendor_gamma")
    days = np.array([1] * 8 + [10] * 4)
    rows = naive_rows(chain, years=days / 252.0, vendor=True) * mask
    assert 2 <= np.count_nonzero(rows) <= 8
    np.testing.assert_allclose(Calculator(chain).rows(convention), rows, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("unit", "factor", "words"),
    [
        ("per_1pct", 1.0, "USD per +1 % spot"),
        ("per_point", 1 / 0.995, "USD per +1.00 of spot"),
        ("per_100pct", 100.0, "USD per +100 % spot"),
        ("shares", 1 / 99.5, "units per +1 % spot"),
        ("shares_per_point", 1 / (0.995 * 99.5), "units per +1.00 of spot"),
        (5.0, 1 / 99.5 / 5, "contracts per +1 % spot (5 units each)"),
    ],
)
def test_units(unit, factor, words):
    calculator = Calculator(small())
    rows = naive_rows(calculator.chain)
    assert calculator.number(C(unit=unit), "gamma") == pytest.approx(rows.sum() * factor, rel=1e-12)
    numbers = gf.conventions.measure(calculator.chain, C(unit=unit, flip="by_strike"))
    assert numbers.unit == words
    assert words in numbers.summary()
    forgotten = calculator.number(C(unit=unit, multiplier="forgotten"), "gamma")
    expected = (rows / calculator.chain["multiplier"]).sum() * factor
    assert forgotten == pytest.approx(expected, rel=1e-12)


def test_signs_rates_times_and_vols():
    chain = small()
    calculator = Calculator(chain)
    weekdays, calendar = np.array([1, 1, 10]).repeat(4), np.array([1, 3, 14]).repeat(4)
    midnight = chain.years - 21.0 / 24.0 / 365.0
    for convention, rows in {
        C(rule="short_all"): naive_rows(chain, signs=(-1, -1)),
        C(rule=gf.positioning.Rule("half", 0.5, -0.25, "made up")): naive_rows(chain, signs=(0.5, -0.25)),
        C(rates="spot"): naive_rows(chain, rate=0.0),
        C(rates=0.05): naive_rows(chain, rate=0.05),
        C(day_count="business_252"): naive_rows(chain, years=weekdays / 252.0),
        C(day_count="business_262"): naive_rows(chain, years=weekdays / 262.0),
        C(day_count="whole_days"): naive_rows(chain, years=calendar / 365.0),
        C(day_count="midnight"): naive_rows(chain, years=midnight),
        C(iv="vendor_gamma"): naive_rows(chain, vendor=True),
        C(iv="vendor_gamma", rates=0.05, day_count="midnight"): naive_rows(
            chain, years=midnight, vendor=True
        ),
    }.items():
        np.testing.assert_allclose(calculator.rows(convention), rows, rtol=1e-8, atol=1e-9)


def test_open_interest_dated_after_asof_does_not_count():
    dated = pd.to_datetime(["2026-02-05"] * 8 + ["2026-02-07"] * 4, utc=True)
    chain = small(open_interest_date=dated)
    rows = naive_rows(chain) * (np.arange(12) < 8)
    np.testing.assert_allclose(Calculator(chain).rows(C()), rows, rtol=1e-12)


def test_exercise_style_counts_only_where_it_is_american():
    chain = gf.demo_chain().select(expiry="2026-03-27T08:00Z").with_columns(exercise="american", rate=0.06)
    chain = chain.with_columns(forward=np.nan)
    calculator = Calculator(chain)
    american, european = (calculator.number(C(exercise=e), "gamma") for e in ("listed", "european"))
    for found, style in ((american, "american"), (european, "european")):
        book = gf.assign_positions(chain.with_columns(exercise=style))
        assert found == pytest.approx(float(gf.aggregate_exposure(book).total()["gamma"]), rel=1e-12)
    assert abs(american / european - 1) > 1e-4


def test_flips_across_strikes_are_sign_changes_of_bars():
    chain = small()
    bars = pd.Series(naive_rows(chain), chain["strike"]).groupby(level=0).sum()

    def crossings(values):
        x, y = values.index.to_numpy(), values.to_numpy()
        return [
            x[i] + (x[i + 1] - x[i]) * y[i] / (y[i] - y[i + 1])
            for i in range(len(y) - 1)
            if (y[i] > 0) != (y[i + 1] > 0)
        ]

    for flip, values in {"by_strike": bars, "cumulative": bars.cumsum()}.items():
        found = Calculator(chain).number(C(flip=flip), "flip")
        places = crossings(values)
        expected = min(places, key=lambda s: abs(np.log(s / chain.spot))) if places else np.nan
        assert found == pytest.approx(expected, rel=1e-12, nan_ok=True)
    assert len(crossings(bars)) >= 2
    assert np.isnan(Calculator(chain).number(C(rule="short_all", flip="by_strike"), "flip"))


def test_levels_and_numbers_are_those_of_the_library():
    chain = gf.demo_chain()
    levels = gf.sweep_spot(gf.assign_positions(chain)).levels()
    numbers = gf.conventions.measure(chain)
    assert numbers.flip == pytest.approx(levels.nearest_flip.spot, rel=1e-12)
    assert numbers.gamma == pytest.approx(levels.gamma, rel=1e-12)
    calculator = Calculator(chain)
    for wall in ("by type", "net", "open interest", "above and below"):
        found = [calculator.number(C(wall=wall), name) for name in ("call_wall", "put_wall")]
        assert found == levels.walls.loc[wall, ["call_wall", "put_wall"]].tolist()
    assert numbers.table["open_interest"] == chain["open_interest"].sum()
    assert numbers.rows == len(chain)
    again = pickle.loads(pickle.dumps(numbers))
    assert again.convention == numbers.convention
    assert repr(again) == repr(numbers)
    assert "rule: calls_long_puts_short" in repr(numbers)


def test_repriced_flip_follows_filters_vols_and_multiplier():
    chain = small(open_interest=[10.0, 20.0, 300.0, 40.0, 150.0, 60.0, 70.0, 5.0, 900.0, 800.0, 110.0, 120.0])
    convention = C(multiplier="forgotten", window="without_next", rates="spot")
    part = chain.with_columns(multiplier=1.0, rate=0.0, dividend_yield=0.0, forward=np.nan)
    part = part.select(chain["strike"] != 0, contract=list("efghijkl"))
    levels = gf.sweep_spot(gf.assign_positions(part)).levels()
    assert Calculator(chain).number(convention, "flip") == pytest.approx(levels.nearest_flip.spot, rel=1e-9)


def test_conventions_agree_with_the_sensitivity_to_data():
    chain = gf.demo_chain().select(expiry=["2026-02-06T08:00Z", "2026-02-13T08:00Z"])
    table, calculator = sensitivity(chain).table, Calculator(gf.repair_chain(chain))
    for treatment, convention in {
        "vendor volatility": C(),
        "repaired": C(iv="repaired", rates="parity"),
        "repaired, legs apart": C(iv="repaired_legs_apart", rates="parity"),
        "repaired, from mids": C(iv="mid", rates="parity"),
        "business days / 252": C(day_count="business_252"),
        "midnight UTC": C(day_count="midnight"),
    }.items():
        row = table.loc[treatment]
        assert calculator.number(convention, "gamma") == pytest.approx(row["gamma"], rel=1e-12)
        assert calculator.number(convention, "rows") == row["rows"]


def test_presets_are_named_sourced_and_found_by_tool():
    for name, preset in PRESETS.items():
        assert (preset.name, find_convention(name)) == (name, preset)
        assert len(preset.source) > 10
    assert find_convention("Perfiliev") == C(iv="vendor_gamma", day_count="business_262", rates="spot")
    assert set(TOOLS.values()) <= set(PRESETS)
    assert set(CHOICES) == set(CANDIDATES)
    for name, values in CANDIDATES.items():
        assert values[0] == getattr(C(), name)


def test_perfiliev_is_the_scripts_arithmetic():
    chain = small()
    numbers = gf.conventions.measure(chain, "perfiliev")
    sign = np.where(chain["kind"] == "call", 1.0, -1.0)
    rows = sign * chain["open_interest"] * chain["multiplier"] * chain["vendor_gamma"] * 99.5**2 * 0.01
    assert numbers.gamma == pytest.approx(np.nansum(rows), rel=1e-12)


def test_a_convention_without_rows_is_zero_of_no_rows():
    numbers = gf.conventions.measure(gf.demo_chain(), "gflows")
    assert (numbers.gamma, numbers.rows, len(numbers.by_strike)) == (0.0, 0, 0)
    assert np.isnan([numbers.call_wall, numbers.put_wall]).all()
    expired = small(expiry=pd.DatetimeIndex(["2026-02-06T19:00Z"]).repeat(12))
    assert gf.conventions.measure(expired, C(window="next")).rows == 0
    assert gf.conventions.measure(expired, C(window="0dte")).rows == 0
    assert np.isnan(Calculator(expired).number(C(), "flip"))


def test_words():
    assert str(C(window=7, unit=5, rates=0.05, moneyness=(0.8, 1.2), otm_only=True)) == (
        "unit contracts of 5, window 7 days, moneyness 0.8 to 1.2, otm_only yes, rates 0.05 on spot; "
        "otherwise the defaults"
    )
    assert [C().words(name) for name in ("delta", "otm_only", "min_open_interest")] == ["any", "no", "0"]


def test_every_illegal_choice_is_named_in_one_message():
    with pytest.raises(SchemaError) as error:
        C(
            rule="long", unit=0, multiplier=1, window=-1, min_open_interest=-1, moneyness=(1.1, 0.9), delta=3,
            otm_only="x", iv="vix", rates="x", day_count="act", exercise="x", wall="gamma", flip="x",
        )  # fmt: skip
    text = str(error.value)
    for name in CHOICES:
        assert f"- {name}: received" in text
    with pytest.raises(SchemaError, match=r"rule: received int"):
        C(rule=3)
    with pytest.raises(SchemaError, match=r"unit: received True"):
        C(unit=True)
    with pytest.raises(SchemaError, match=r"convention: received 'spx'; legal: .*exact.*perfiliev"):
        find_convention("spx")
    with pytest.raises(SchemaError, match="chain: received list"):
        Calculator([1])
