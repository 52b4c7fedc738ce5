"""Event study against a loop over events."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import gammaflow as gf

HOURS = pd.date_range("2026-01-01", periods=24 * 60, freq="h", tz="UTC")
STEPS = np.random.default_rng(8).normal(0.0, 0.005, len(HOURS))
PRICES = pd.Series(70_000.0 * np.exp(np.cumsum(STEPS)), HOURS)
EVENTS = HOURS[200:1300:97] + pd.Timedelta(20, "min")


def paths(measure, before, after):
    rows = []
    for event in EVENTS:
        start = next(i for i, at in enumerate(HOURS) if at >= event)
        around = range(start - before, start + after + 1)
        rows.append(
            [100.0 * np.log(PRICES.iloc[i] / PRICES.iloc[start]) for i in around]
            if measure == "return"
            else [100.0 * abs(np.log(PRICES.iloc[i] / PRICES.iloc[i - 1])) for i in around]
        )
    return np.array(rows)


@pytest.mark.parametrize("measure", ["return", "size"])
def test_mean_and_interval_agree_with_a_loop(measure):
    found = gf.seasons.event_study(PRICES, EVENTS, before="6h", after="12h", measure=measure)
    expected, n = paths(measure, 6, 12), len(EVENTS)
    np.testing.assert_allclose(found.paths, expected, atol=1e-11)
    np.testing.assert_allclose(found.table["mean"], expected.mean(axis=0), atol=1e-11)
    reach = stats.t.ppf(0.975, n - 1) * expected.std(axis=0, ddof=1) / np.sqrt(n)
    np.testing.assert_allclose(found.table["high"] - found.table["mean"], reach, atol=1e-11)
    assert found.table.index[[0, -1]].tolist() == [pd.Timedelta(-6, "h"), pd.Timedelta(12, "h")]
    assert (found.n, found.excluded) == (n, 0)
    rows = found.table[found.table.index != pd.Timedelta(0)].itertuples()
    assert found.outside() == np.mean([not row.usual_low <= row.mean <= row.usual_high for row in rows])


def test_nothing_after_time_zero_was_known_and_nothing_before_looks_ahead():
    event = EVENTS[3]
    jump = PRICES.where(PRICES.index <= event, 1.2 * PRICES)
    plain, jumped = (gf.seasons.event_study(p, EVENTS, before="3h", after="3h") for p in (PRICES, jump))
    apart = (jumped.paths - plain.paths).loc[event]
    np.testing.assert_allclose(apart.loc["0h":], 0.0, atol=1e-9)
    np.testing.assert_allclose(apart.loc[:"-1h"], -100.0 * np.log(1.2), atol=1e-9)


def test_the_usual_range_is_that_of_random_days_at_the_same_time():
    """Prices move at noon only, and the usual range knows it."""
    noon = pd.Series(np.exp(np.cumsum(np.where(HOURS.hour == 12, STEPS, 0.0))), HOURS)
    events = HOURS[(HOURS.hour == 9) & (HOURS.day % 3 == 0)]
    found = gf.seasons.event_study(noon, events, before="1h", after="6h", measure="size")
    sizes = 100.0 * np.abs(STEPS[HOURS.hour == 12])
    quiet = found.table.drop(pd.Timedelta(3, "h"))
    np.testing.assert_allclose(quiet, 0.0, atol=1e-12)
    row = found.table.loc["3h"]
    spread = sizes.std() / np.sqrt(found.n)
    assert row["usual_low"] == pytest.approx(sizes.mean() - 1.96 * spread, rel=0.12)
    assert row["usual_high"] == pytest.approx(sizes.mean() + 1.96 * spread, rel=0.12)
    assert row[["usual_low", "usual_high"]].mean() == pytest.approx(sizes.mean(), rel=0.02)
    assert found.outside() == 0.0


def test_events_that_the_prices_do_not_cover_are_counted():
    prices = PRICES.drop(HOURS[210])
    outside = [
        HOURS[0] - pd.Timedelta(9, "D"),
        HOURS[2],
        HOURS[-2],
        HOURS[-1] + pd.Timedelta(1, "D"),
        HOURS[211],
    ]
    found = gf.seasons.event_study(prices, [*EVENTS[1:], EVENTS[1], *outside], before="6h", after="6h")
    assert (found.n, found.excluded) == (len(EVENTS) - 1, 5)
    assert "5 events left out, not covered by the prices" in found.lines[1]


def test_a_size_needs_the_step_before_it_and_a_return_does_not():
    """The first size of a path is that of the step before it, which must not bridge a gap either."""
    prices = PRICES.drop(HOURS[100:150])
    events = HOURS[[6, 156, 300, 400]]  # at the start of the record, after the gap, and two others
    excluded = {
        measure: gf.seasons.event_study(prices, events, before="6h", after="6h", measure=measure).excluded
        for measure in ("return", "size")
    }
    assert excluded == {"return": 0, "size": 2}


def test_doubts_stand_in_warnings():
    few = gf.seasons.event_study(PRICES, HOURS[[300, 310]], after="1D")
    assert "received 2 events; an interval of fewer than 10" in few.warnings[0]
    assert "1 of 2 events follow the one before within the time shown" in few.warnings[1]
    assert gf.seasons.event_study(PRICES, EVENTS).warnings == ()


def test_a_seed_gives_the_same_range_and_a_picture():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    first, again = (gf.seasons.event_study(PRICES, EVENTS, seed=4) for _ in range(2))
    pd.testing.assert_frame_equal(first.table, again.table)
    line = first.plot().get_lines()[0]
    np.testing.assert_allclose(line.get_xdata(), np.arange(-24, 25))
    np.testing.assert_allclose(line.get_ydata(), first.table["mean"])
    pyplot.close("all")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"measure": "variance"}, "legal: 'return', 'size'"),
        ({"before": "10min", "after": "10min"}, "no whole step of the prices"),
        ({"before": 3}, "before: received 3"),
        ({"seed": -1}, "seed"),
        ({"moments": HOURS[:1]}, "received 1 event, of which the prices cover 0"),
        ({"moments": ["2026-02-05"]}, "no time zone"),
        ({"prices": PRICES.tz_localize(None)}, "without a time zone"),
    ],
)
def test_bad_input_is_refused(arguments, words):
    given = {"prices": PRICES, "moments": EVENTS} | arguments
    with pytest.raises(gf.SchemaError) as error:
        gf.seasons.event_study(given.pop("prices"), given.pop("moments"), **given)
    assert words in str(error.value)
