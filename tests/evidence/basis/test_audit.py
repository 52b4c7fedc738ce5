"""Check of basis series: the two wrong files with their reasons, clean ones, and rates of false findings."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import gammaflow as gf
from gammaflow.evidence import basis
from gammaflow.evidence.basis.labels import measure_labels, measure_level, runs_out
from support.bases import month_ends, recorded, simulated
from support.pictures import title

mpl.use("Agg")


@pytest.fixture(scope="module")
def records(shared):
    return recorded(shared)


def given(frame):
    return frame["futures_price"], frame["spot_price"], frame["futures_expiry"]


@pytest.fixture(scope="module")
def rolled(records):
    return basis.check(*given(records["rolling"]))


def kinds(found):
    return found.table["what"].to_list()


# --- the two files of the event


def test_false_labels_without_another_spot(rolled):
    assert kinds(rolled) == ["expiry passed", "expiry labels", "spot", "carry"]
    reason = rolled.table.set_index("what")["reason"]
    assert "at 6 rolls of the label it should jump by +0." in reason["expiry labels"]
    assert "it drifts by -7." in reason["expiry labels"]
    assert rolled.labels.passing == pytest.approx(0.07, abs=0.02)
    assert abs(rolled.labels.rolling) < 0.02
    implied = rolled.table.set_index("what")["implied"]
    assert "one contract, at 7." in implied["expiry labels"]
    assert implied["spot"].startswith("spot at least 4.")
    assert "expiry labels and spot" in reason["carry"]
    assert "Found: expiry passed; expiry labels; spot; carry" in rolled.summary()


def test_false_labels_with_another_spot(records):
    found = basis.check(*given(records["rolling"]), clock="16:00 New York", reference=records["hours"])
    assert kinds(found) == ["spot", "expiry passed", "expiry labels", "carry"]
    row = found.table.set_index("what").loc["spot"]
    assert row["received"].startswith("a spot +4.9 % from the reference")
    assert row["implied"] == "spot / 1.0494"
    assert "The ratio is constant" in row["reason"]
    assert pytest.approx(1.0492, abs=5e-5) == 1850 * 0.00056715
    labels = found.table.set_index("what").loc["expiry labels"]
    assert "2026, within weeks of its expiry" in labels["implied"]
    assert "Feb 2026" in labels["implied"]
    assert "41 rows without a reference left out" in found.summary()
    assert found.days["spot"].notna().sum() == 89


def test_66_percent_a_year_in_october_for_7(records):
    """The labels' rate against that of one contract, over the spot of the hour."""
    found = basis.check(*given(records["rolling"]), clock="16:00 New York", reference=records["hours"])
    day = found.days.loc["2025-10-17"]
    assert day["rate"] == pytest.approx(0.66, abs=0.005)
    left = (pd.Timestamp("2026-02-27") - pd.Timestamp("2025-10-17")).days / 365
    assert day["premium"] / left == pytest.approx(0.07, abs=0.002)


def test_spot_too_high_by_carry_alone(records):
    """The second file: the premium goes to -5 % at expiry; prices follow its one roll, March to February."""
    found = basis.check(*given(records["one"]))
    assert kinds(found) == ["spot", "carry"]
    assert found.table["implied"].iloc[0] == "spot 5.1 % too high"
    assert found.level.at_expiry == pytest.approx(-0.049, abs=0.003)
    assert found.labels.followed
    assert found.table["first"].iloc[1] == pd.Timestamp("2026-02-04")
    with_other = basis.check(*given(records["one"]), clock="16:00 New York", reference=records["hours"])
    assert kinds(with_other) == ["spot"]
    assert abs(with_other.level.at_expiry) < 0.01


def test_dates_are_not_in_the_code(records):
    """The same prices years earlier and ten times as high get the same findings."""
    frame = records["rolling"].copy()
    frame[["spot_price", "futures_price"]] /= 10.0
    shift = pd.Timedelta(364 * 4, "D")
    frame["futures_expiry"] -= shift
    assert kinds(basis.check(*given(frame.set_axis(frame.index - shift)))) == [
        "expiry passed", "expiry labels", "spot", "carry",
    ]  # fmt: skip


# --- clean series


@pytest.mark.parametrize("rank", [0, 1, 2, 3, 4])
def test_dated_futures_pass(records, rank):
    """The nearest, next, ... contract at each timestamp, with its true expiry."""
    rows = records["marks"].sort_values(["time", "expiry"]).groupby("time").nth(rank).set_index("time")
    found = basis.check(rows["price"], records["perpetual"], rows["expiry"], last_trade="08:00 UTC")
    assert found.passed, found.summary()
    assert "Found: nothing" in found.summary()
    if rank < 2:
        assert "prices roll with them" in found.summary()


def test_the_front_closes_of_chicago_pass(records):
    """Front closes with the expiry of the month, over the spot of 16:00 in New York."""
    closes = records["front"]["2025-10-01":"2026-04-02"]
    found = basis.check(closes, records["hours"], month_ends(closes.index), clock="16:00 New York")
    assert found.passed, found.summary()
    assert found.labels.followed
    assert found.labels.passing == pytest.approx(found.labels.rolling, abs=0.02)


def test_each_contract_alone_passes(records):
    for expiry, rows in records["marks"].groupby("expiry"):
        if len(rows) > 30:
            prices = rows.set_index("time")["price"]
            found = basis.check(prices, records["perpetual"], expiry, last_trade="08:00 UTC")
            assert found.passed, found.summary()


def test_a_clean_series_mislabelled(records):
    """Marks of one contract under the labels of the nearest one are caught; so is a spot 4 % too low."""
    marks = records["marks"].sort_values(["time", "expiry"])
    labels = marks.groupby("time")["expiry"].first()
    june = marks[marks["expiry"] == "2026-06-26"].set_index("time")["price"]
    found = basis.check(june, records["perpetual"], labels, last_trade="08:00 UTC", margin=0.003)
    assert "carry" in kinds(found)
    front = marks.groupby("time").nth(0).set_index("time")
    low = basis.check(front["price"], records["perpetual"] / 1.04, front["expiry"], last_trade="08:00 UTC")
    assert kinds(low) == ["spot", "carry"]
    assert low.table["implied"].iloc[0] == "spot 3.8 % too low"


# --- how often the tests are wrong


def test_true_labels_are_seldom_rejected():
    """At most about alpha of simulated series with true labels; rates wander, noise has fat tails."""
    runs = [basis.check(*simulated(seed)) for seed in range(40)]
    false = [run for run in runs if not run.passed]
    assert len(false) <= 1, [run.summary() for run in false]


def test_false_labels_are_found():
    runs = [basis.check(*simulated(seed, one=True)) for seed in range(12)]
    assert sum("expiry labels" in kinds(run) for run in runs) >= 10


def test_without_carry_labels_cannot_be_tested():
    runs = [basis.check(*simulated(seed, one=True, rate=0.0, wander=0.0)) for seed in range(8)]
    assert all(run.passed for run in runs)
    assert sum("cannot tell" in run.summary() for run in runs) >= 6


def test_a_wrong_spot_is_found_at_any_rate():
    for seed, rate in enumerate((-0.08, 0.0, 0.15)):
        futures, spot, labels = simulated(seed, rate=rate)
        found = basis.check(futures, spot * 1.03, labels)
        assert found.table["implied"].iloc[0].endswith("% too high")
        assert float(found.table["implied"].iloc[0].split()[1]) == pytest.approx(3.0, abs=0.4)


def test_an_expiry_that_is_off_where_spot_is_known():
    """One label all along, 40 days too early: the premium does not go to 0 there."""
    futures, spot, _ = simulated(3, one=True, days=150, wander=2e-4, noise=3e-4, rate=0.12)
    label = futures.index[-1] + pd.Timedelta(3, "D")
    found = basis.check(futures, spot, label, reference=spot, margin=0.003)
    assert kinds(found)[0] == "expiry labels"
    assert "another expiry, at 1" in found.table["implied"].iloc[0]


def test_prices_without_noise_or_without_days_between_rolls():
    days = pd.bdate_range("2026-02-02", periods=40)
    flat, labels = pd.Series(100.0, days), month_ends(days)
    assert basis.check(flat, flat, labels).passed
    maturity = pd.Series(days + pd.Timedelta(30, "D"), days)  # a label that moves every day
    assert "too few days between rolls" in basis.check(flat, flat, maturity).summary()
    years = (labels - days).dt.days / 365
    exact = basis.check(flat * np.exp(0.08 * years), flat, labels)
    assert exact.passed
    assert (exact.labels.passing, exact.labels.rolling) == pytest.approx((0.08, 0.08))


# --- the measures against others


def test_least_squares_against_dense_ones():
    """Coefficients and errors with the best share of white noise, by full matrices."""
    futures, spot, labels = simulated(5, days=80)
    x = np.log(futures / spot).to_numpy()
    times = (futures.index - pd.Timestamp("1970-01-01")) / pd.Timedelta(1, "D")
    ends = (pd.DatetimeIndex(labels) - pd.Timestamp("1970-01-01")) / pd.Timedelta(1, "D")
    times, ends = times.to_numpy(), ends.to_numpy()
    found = measure_labels(x, times, ends)
    elapsed, moved, change = np.diff(times) / 365, np.diff(ends) / 365, np.diff(x)
    calm = pd.Series(np.where(moved != 0, np.nan, np.abs(change)))
    scale = 1.4826 * calm.rolling(31, center=True, min_periods=5).median().bfill().ffill().to_numpy()
    design, y = np.column_stack([-elapsed, moved]) / scale[:, None], change / scale
    best = (-np.inf, None, None)
    for white in 1 / (1 + np.exp(-np.linspace(-4, 4, 17))):
        noise = np.diag((1 - white) * elapsed / np.median(elapsed) + white)
        noise -= 0.5 * white * (np.eye(79, k=1) + np.eye(79, k=-1))
        inverse = np.linalg.inv(noise)
        rates = np.linalg.solve(design.T @ inverse @ design, design.T @ inverse @ y)
        rest = y - design @ rates
        size = rest @ inverse @ rest / 77
        likelihood = stats.multivariate_normal(np.zeros(79), size * noise).logpdf(rest)
        if likelihood > best[0]:
            best = (likelihood, rates, size * np.linalg.inv(design.T @ inverse @ design))
    assert (found.passing, found.rolling) == pytest.approx(tuple(best[1]), rel=1e-6)
    assert (found.passing_error, found.rolling_error) == pytest.approx(
        tuple(np.sqrt(np.diag(best[2]))), rel=1e-6
    )
    last = [(times[m].mean() / 365, np.median(x[m])) for m in
            ((ends == end) & (ends - times <= 7) for end in np.unique(ends)) if m.any()]  # fmt: skip
    line = stats.linregress(*np.transpose(last)) if len(last) > 3 else None
    if line is not None:
        assert (found.drift, found.drift_error) == pytest.approx((line.slope, line.stderr), rel=1e-9)


def test_level_and_end_of_an_exact_premium():
    years = np.linspace(0.5, 0.05, 60)
    level = measure_level(0.02 + 0.07 * years + 0.1 * years**2, years)
    assert level.at_expiry == pytest.approx(0.02, abs=1e-12)
    assert level.nearest == pytest.approx(0.05 * 365)
    days = np.arange(60.0)
    rate, end = runs_out(0.07 * (100.0 - days) / 365, days)
    assert (rate, end) == pytest.approx((0.07, 100.0))
    noise = np.random.default_rng(1).standard_normal(60)
    assert np.isnan(runs_out(noise - noise.mean(), days)).all()


def test_front_labels_by_hand():
    days = pd.DatetimeIndex(["2025-08-28", "2025-08-29", "2025-09-25", "2026-02-26"])
    wanted = ["2025-08-29", "2025-09-26", "2025-09-26", "2026-02-27"]
    assert month_ends(days).dt.strftime("%Y-%m-%d").tolist() == wanted


# --- what is refused


FUTURES, SPOT, LABELS = simulated(1, days=30)
HOURS = pd.Series(90_000.0, pd.date_range("2025-08-04", "2025-09-14", freq="h", tz="UTC"))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"spot": HOURS}, "clock: received none, while spot is by timestamp"),
        ({"reference": HOURS}, "clock: received none, while reference is by timestamp"),
        ({"reference": SPOT[:3]}, "reference: 3 rows in common with futures; at least 5"),
        ({"reference": SPOT.astype(str)}, "reference: received '"),
        ({"spot": SPOT[:20]}, "spot: no price at 10 of 30 days"),
        ({"expiry": LABELS[:20]}, "expiry: 10 of 30 days of futures have none"),
        ({"expiry": "2025-08-05"}, "expiry: received 1 row before their expiry, of 30; at least 2"),
        ({"alpha": 0.0}, "alpha: received 0.0"),
        ({"limit": -1}, "limit: received -1"),
        ({"futures": FUTURES[:1]}, "futures: received 1 row"),
        ({"futures": FUTURES * 0.0}, "futures: 30 of 30 rows not accepted"),
        ({"futures": FUTURES[::-1]}, "futures: .* times must ascend"),
        ({"futures": FUTURES.astype(str)}, "futures: received '"),
        ({"futures": FUTURES.drop(FUTURES.index[5:20])}, "futures: a gap from"),
        ({"futures": pd.concat([FUTURES, FUTURES[-1:]])}, "futures: 1 row repeated"),
        ({"futures": 1.0}, "futures: received float"),
    ],
)
def test_refusals(changed, words):
    arguments = {"futures": FUTURES, "spot": SPOT, "expiry": LABELS, **changed}
    with pytest.raises(gf.SchemaError, match=words):
        basis.check(arguments.pop("futures"), arguments.pop("spot"), arguments.pop("expiry"), **arguments)


def test_picture(records, rolled):
    ax = rolled.plot()
    assert ax.get_lines()[0].get_ydata() == pytest.approx(100.0 * rolled.days["premium"])
    assert title(ax).replace("\n", " ").endswith("(found: expiry passed; expiry labels; spot; carry)")
    assert sum(line.get_linestyle() == ":" for line in ax.get_lines()) == 6
    found = basis.check(*given(records["one"]), clock="16:00 New York", reference=records["hours"])
    names = [line.get_label() for line in found.plot().get_lines()]
    assert names[:2] == ["premium over the reference", "premium over the given spot"]
    mpl.pyplot.close("all")
