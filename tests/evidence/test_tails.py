"""Probabilities of large moves against integrals, counts and published figures (T21)."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

import gammaflow as gf
from gammaflow.evidence import tails

mpl.use("Agg")

DAYS = pd.bdate_range("2025-11-17", periods=80)
PRICES = pd.Series(60.0 * np.exp(np.cumsum(np.random.default_rng(6).normal(0.0, 0.02, 80))), DAYS)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


def test_t21_the_figures_of_the_article():
    assert tails.probability(3.5) == pytest.approx(4.6526e-4, rel=1e-4)
    assert tails.probability(3.0) == pytest.approx(2.69980e-3, rel=1e-5)
    assert tails.ratio(3.5, 3.0) == pytest.approx(5.803, abs=5e-4)
    assert tails.ratio(3.5, 3.0, "one", "two") == pytest.approx(11.606, abs=5e-4)
    assert tails.return_period(3.5) == pytest.approx(8.53, abs=0.01)
    assert tails.return_period(3.5, "one") == pytest.approx(17.06, abs=0.01)
    assert tails.z_needed(10.0) == pytest.approx(3.64, abs=0.005)  # what "ten times rarer" takes
    assert tails.ratio(tails.z_needed(10.0), 3.0) == pytest.approx(10.0, rel=1e-10)


@pytest.mark.parametrize("z", [0.0, 0.7, -1.9, 3.5, -6.0])
def test_normal_and_student_are_integrals_of_their_densities(z):
    def normal(x):
        return np.exp(-0.5 * x * x) / np.sqrt(2.0 * np.pi)

    one = integrate.quad(normal, abs(z), np.inf, epsabs=1e-300)[0]
    assert tails.probability(z, "one") == pytest.approx(one, rel=1e-8)
    assert tails.probability(z) == pytest.approx(2.0 * one, rel=1e-8)
    df, scale = 4.5, np.sqrt(2.5 / 4.5)
    heavy = integrate.quad(lambda x: stats.t.pdf(x / scale, df) / scale, abs(z), np.inf, epsabs=1e-300)[0]
    assert tails.probability(z, "one", df=df) == pytest.approx(heavy, rel=1e-7)


def test_a_sample_is_counted():
    rng = np.random.default_rng(5)
    sample = rng.standard_normal(501).round(1)
    for z in (-2.0, -0.3, 0.0, 0.4, 1.9, 9.0):
        larger = sum(abs(x) >= abs(z) for x in sample)
        same = sum(x <= z if z < 0 else x >= z for x in sample)
        assert tails.probability(z, sample=sample) == larger / 501
        assert tails.probability(z, "one", sample=sample) == same / 501
    assert np.isinf(tails.odds(9.0, sample=sample))


def test_arrays_missing_values_and_the_table():
    found = tails.probability([np.nan, 1.0])
    assert np.isnan(found[0])
    assert found[1] == tails.probability(1.0)
    table = tails.compare(3.5, 3.0).table
    assert table.loc["mixed: a mistake", "ratio"] == 2.0 * table.loc["one-sided", "ratio"]
    np.testing.assert_allclose(table["ratio"], table["reference"] / table["probability"], rtol=1e-15)
    np.testing.assert_allclose(table["return_period"], 1.0 / (252.0 * table["probability"]), rtol=1e-15)


def test_moves_needed_are_inverses():
    times = np.array([0.5, 2.0, 10.0, 1e4])
    for sided in ("one", "two"):
        for df in (None, 4.0):
            z = tails.z_needed(times, 2.0, sided, df=df)
            assert tails.probability(2.0, sided, df=df) / tails.probability(z, sided, df=df) == pytest.approx(
                times, rel=1e-9
            )
    assert np.isnan(tails.z_needed(1e-3, 3.0))  # no move is 1,000 times more frequent


def test_distributions_side_by_side():
    sample = np.random.default_rng(1).standard_t(4.0, 400)
    found = tails.compare(3.5, 3.0, sample=sample, dfs=(4.0, 8.0))
    frame = found.distributions
    assert frame.index.to_list() == ["normal", "Student t, df 4", "Student t, df 8", "sample of 400"]
    scale = np.sqrt(0.5)
    assert frame.loc["Student t, df 4", "probability"] == pytest.approx(2.0 * stats.t.sf(3.5 / scale, 4.0))
    count = int((np.abs(sample) >= 3.5).sum())
    assert frame.loc["sample of 400", "probability"] == count / 400
    upper = stats.binomtest(count, 400).proportion_ci(0.90, "exact").high  # each tail 5 %
    assert frame.loc["sample of 400", "at_most"] == pytest.approx(upper, rel=1e-8)
    np.testing.assert_allclose(frame["ratio"], frame["reference"] / frame["probability"], rtol=1e-14)
    assert found.table.loc["two-sided", "probability"] == count / 400
    never = tails.compare(99.0, 3.0, sample=sample)
    assert never.distributions.loc["sample of 400", "at_most"] == pytest.approx(1.0 - 0.05 ** (1 / 400))
    assert tails.compare(0.0, 3.0, sample=sample).distributions.loc["sample of 400", "at_most"] == 1.0


def test_the_mistake_is_named():
    text = tails.compare(3.5, 3.0).summary()
    assert "a two-sided reference over a one-sided z doubles the ratio" in text
    assert "10 times rarer than 3 takes z = 3.64" in text
    assert "10 times" not in tails.compare(-1.0, 3.0).summary()
    assert "Student t, df 5" in tails.compare(3.5, df=5.0).summary()


def test_z_scores_against_a_loop():
    returns = np.log(PRICES).diff()
    for demean in (True, False):
        table = tails.z_scores(PRICES, window=12, demean=demean).table
        assert table["z"].notna().sum() == 80 - 13
        for k in (13, 14, 50, 79):
            before = returns.iloc[k - 12 : k].to_numpy()
            mean = before.mean() if demean else 0.0
            deviation = before.std(ddof=1) if demean else np.sqrt((before**2).mean())
            z = (returns.iloc[k] - mean) / deviation
            row = table.iloc[k]
            assert row[["mean", "deviation", "z"]].to_numpy() == pytest.approx([mean, deviation, z], rel=1e-9)
            assert row["probability"] == pytest.approx(2.0 * stats.norm.sf(abs(z)), rel=1e-9)
            earlier = table["z"].iloc[:k].dropna().abs()
            assert np.isnan(row["share"]) if k == 13 else row["share"] == np.mean(earlier >= abs(z))


def test_no_day_of_a_series_sees_a_later_one():
    whole = tails.z_scores(PRICES, window=10).table
    changed = PRICES.copy()
    changed.iloc[41:] *= 3.0
    pd.testing.assert_frame_equal(
        tails.z_scores(changed, window=10).table.iloc[:41], whole.iloc[:41], rtol=1e-12
    )


def test_what_z_4_february_was_in_the_record(shared):
    """The article's 3.5 is of a hedge-fund index that is in no file. No fund's own day was near it."""
    folder = shared / "data/event"
    close = {
        name: pd.read_csv(folder / f"daily_{name}.csv", index_col="Date")["Close"]
        for name in ("IBIT", "BTC", "QQQ", "IGV")
    }
    fourth, fifth = {}, {}
    for name, prices in close.items():
        found = tails.z_scores(prices, window=60, name=name)
        fourth[name], fifth[name] = (found.on(f"2026-02-0{day}")["z"] for day in (4, 5))
        returns = np.log(prices).diff()
        place = prices.index.get_loc("2026-02-04")
        before = returns.iloc[place - 60 : place]
        assert fourth[name] == pytest.approx((returns.iloc[place] - before.mean()) / before.std(), rel=1e-9)
        for window in (20, 40, 90, 120):
            assert abs(tails.z_scores(prices, window=window).on("2026-02-04")["z"]) < 2.0
    assert fourth == pytest.approx({"IBIT": -1.23, "BTC": -1.66, "QQQ": -1.72, "IGV": -0.88}, abs=0.005)
    assert fifth == pytest.approx({"IBIT": -4.64, "BTC": -7.45, "QQQ": -1.42, "IGV": -2.98}, abs=0.005)


def test_pictures_hold_the_numbers():
    ax = tails.compare(3.5, 3.0, sample=np.linspace(-4.0, 4.0, 99), dfs=(4.0,)).plot()
    labels = [line.get_label() for line in ax.lines]
    assert "normal: 5.8 times rarer than 3" in labels
    normal = ax.lines[labels.index("normal: 5.8 times rarer than 3")]
    assert normal.get_ydata()[-1] == pytest.approx(2.0 * stats.norm.sf(normal.get_xdata()[-1]))
    assert any("sample of 99" in label for label in labels)
    found = tails.z_scores(PRICES, window=10, name="made up")
    drawn = found.plot()
    sticks = np.concatenate([c.get_segments() for c in drawn.collections])
    assert np.abs(sticks[:, 1, 1]).max() == pytest.approx(found.table["z"].abs().max())
    assert "made up: log returns" in found.summary()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: tails.probability("x"), "z: "),
        (lambda: tails.probability(np.inf), "z: received inf"),
        (lambda: tails.probability(1.0, "both"), "sided: received 'both'; legal: 'one', 'two'"),
        (lambda: tails.probability(1.0, df=2.0), "df: received 2.0; df must be > 2"),
        (lambda: tails.probability(1.0, df=5.0, sample=[1.0]), "df, sample: received both"),
        (lambda: tails.probability(1.0, sample=[]), "sample: received 0 moves"),
        (lambda: tails.ratio(1.0, 2.0, "two", "three"), "reference_sided: received 'three'"),
        (lambda: tails.return_period(1.0, per_year=0.0), "per_year: received 0.0"),
        (lambda: tails.z_needed(0.0), "times: received 0; times must be > 0"),
        (
            lambda: tails.compare("x", np.inf, per_year=0),
            r"z: received 'x'[\s\S]*reference: [\s\S]*per_year: ",
        ),
        (lambda: tails.compare(3.5, dfs=(1.0,)), "df: received 1.0; df must be > 2"),
        (
            lambda: tails.z_scores(-PRICES, window=1),
            r"prices: [\s\S]*must be > 0[\s\S]*window: received 1",
        ),
        (lambda: tails.z_scores(PRICES, window=79), "received 79 for 80 prices; at least 81 prices"),
        (lambda: tails.z_scores(PRICES.to_numpy()), "prices: received ndarray"),
        (
            lambda: tails.z_scores(PRICES, window=5).on("2020-01-01"),
            "day: received 2020-01-01, which is not in the series",
        ),
    ],
)
def test_refusals(call, words):
    with pytest.raises(gf.SchemaError, match=words):
        call()
