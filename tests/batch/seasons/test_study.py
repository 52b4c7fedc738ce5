"""Study of a season: made-up markets whose truth is known, and the recorded one."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.batch.seasons.design import rare
from gammaflow.batch.seasons.verdict import CANNOT_TELL, NOTHING, SOMETHING, verdict
from gammaflow.market.at_the_money import constant_maturity
from support.newey_west import newey_west

pytest.importorskip("statsmodels", reason="regressions need statsmodels, of the extra study")
from scipy import stats

DAYS = 140
HOURS = pd.date_range("2025-12-01", periods=24 * (DAYS + 40), freq="h", tz="UTC")


def market(effect, seed=2):
    """Summaries and hourly prices; volatility is exp(effect) times higher on days of short gamma."""
    rng = np.random.default_rng(seed)
    asof = HOURS[24 * 35 + 9 :: 24][:DAYS] + pd.Timedelta(36, "min")
    implied = 0.5 * np.exp(0.1 * np.cumsum(rng.normal(size=DAYS)) * 0.5)
    gamma = rng.normal(size=DAYS) * 1e8
    table = pd.DataFrame(
        {
            "symbol": "SYN", "rule": "short_all", "gamma": gamma, "gross_gamma": 3e8,
            "in_core": rng.random(DAYS) < 0.3, "atm_volatility": implied,
            "open_interest_asof": asof.normalize(), "source": [f"{i}.csv" for i in range(DAYS)],
        },
        index=asof.rename("asof"),
    )  # fmt: skip
    level = (
        pd.Series(implied * np.exp(effect * (gamma < 0.0)), asof).reindex(HOURS, method="ffill").fillna(0.5)
    )
    steps = level.to_numpy() * np.sqrt(1.0 / 8_760.0) * rng.normal(size=len(HOURS))
    return table, pd.Series(70_000.0 * np.exp(np.cumsum(steps)), HOURS, name="open")


@pytest.fixture(scope="module")
def quiet():
    """A market in which gamma says nothing."""
    table, prices = market(0.0)
    return table, prices, gf.seasons.study(table, prices, draws=400)


def test_rows_and_errors_agree_with_naive_least_squares(quiet):
    table, prices, found = quiet
    log = np.log(prices)

    def past(moment, hours):
        end = int(np.searchsorted(HOURS, moment, "right")) - 1
        return np.sqrt((np.diff(log.iloc[end - hours : end + 1]) ** 2).sum() * 8_760 / hours)

    def following(moment):
        start = int(np.searchsorted(HOURS, moment, "left"))
        return np.sqrt((np.diff(log.iloc[start : start + 25]) ** 2).sum() * 365)

    rows = np.array(
        [
            [following(at), row["atm_volatility"], past(at, 24), past(at, 168)]
            for at, row in table.iterrows()
        ]
    )  # fmt: skip
    logs = np.log(rows)
    depth = (table["gamma"] / 3e8).to_numpy()
    design = np.column_stack([np.ones(DAYS), logs[:, 1:], depth])
    beta, covariance = newey_west(logs[:, 0], design, 4)
    assert found.n == DAYS
    np.testing.assert_allclose(found.table.loc["depth", ["coefficient", "error"]].to_numpy(float),
                               [beta[-1], np.sqrt(covariance[-1, -1])], rtol=1e-8)  # fmt: skip
    alone, spread = newey_west(logs[:, 0], np.column_stack([np.ones(DAYS), depth]), 4)
    assert found.table.loc["depth", "raw"] == pytest.approx(alone[1], rel=1e-8)
    assert found.table.loc["depth", "raw_high"] > alone[1] + 1.9 * np.sqrt(spread[1, 1])
    shares = [1.0 - np.var(logs[:, 0] - D @ newey_west(logs[:, 0], D, 4)[0]) / np.var(logs[:, 0])
              for D in (design, design[:, :-1])]  # fmt: skip
    assert found.table.loc["depth", "added_r2"] == pytest.approx(shares[0] - shares[1], rel=1e-6)
    pd.testing.assert_series_equal(
        found.table["holm_p"], gf.seasons.holm(found.table["p_value"]), check_names=False
    )


def test_intervals_and_variants_agree_with_naive_least_squares(quiet):
    _, prices, found = quiet
    y, depth = found.data["next_volatility"].to_numpy(), found.data["depth"].to_numpy()
    controls, log = found.data.iloc[:, 1:4].to_numpy(), np.log(prices.to_numpy())
    last = np.searchsorted(HOURS, found.data.index, "right") - 1

    def naive(rows, lags, *columns):
        design = np.column_stack([np.ones(DAYS), *columns, depth])[rows]
        beta, covariance = newey_west(y[rows], design, lags)
        error, df = np.sqrt(covariance[-1, -1]), len(design) - design.shape[1]
        reach = stats.t.ppf(0.975, df) * error
        return beta[-1], beta[-1] - reach, beta[-1] + reach, 2.0 * stats.t.sf(abs(beta[-1] / error), df)

    every, half, columns = slice(None), DAYS // 2, ["coefficient", "low", "high"]
    expected = [
        naive(every, 16, controls),
        *(naive(every, 4, controls, log[last] - log[last - 24 * days]) for days in (7, 30)),
        naive(slice(half), 4, controls),
        naive(slice(half, None), 4, controls),
    ]
    checks = found.checks.loc["depth"]
    np.testing.assert_allclose(checks[columns], [row[:3] for row in expected], rtol=1e-7)
    assert checks["n"].tolist() == [DAYS, DAYS, DAYS, half, DAYS - half]
    row = found.table.loc["depth"]
    np.testing.assert_allclose(
        row[["raw", "raw_low", "raw_high", "raw_p"]], naive(every, 4, np.empty((DAYS, 0))), rtol=1e-7
    )
    np.testing.assert_allclose(row[[*columns, "p_value"]], naive(every, 4, controls), rtol=1e-7)


def test_intervals_of_the_bootstrap_are_those_of_each_regression(quiet):
    *_, found = quiet
    drawn = gf.seasons.bootstrap(found.regressions["depth"], draws=400).table.loc["depth"]
    row = found.table.loc["depth", ["boot_low", "boot_high", "boot_p"]]
    np.testing.assert_array_equal(row, drawn[["low", "high", "p_value"]])
    second = found.data[DAYS // 2 :]
    fit = gf.seasons.regress(second["next_volatility"], second[[*found.data.columns[1:4], "depth"]], lags=4)
    drawn = gf.seasons.bootstrap(fit, draws=400).table.loc["depth"]
    row = found.checks.loc[("depth", "second half"), ["boot_low", "boot_high"]]
    np.testing.assert_array_equal(row, drawn[["low", "high"]])


def test_the_effect_that_would_be_found_has_a_power_of_four_fifths(quiet):
    *_, found = quiet
    percent = float(re.search(r"term: .*depth \+(\d+) %", found.verdict)[1])
    error = found.table.loc["depth", "error"]
    size = np.log1p(np.array([percent - 0.5, percent + 0.5]) / 100.0)
    low, high = stats.norm.sf(stats.norm.ppf(0.975) - size / error)
    assert low < 0.8 < high


def test_a_null_result_is_reported_as_such(quiet):
    _, _, found = quiet
    assert found.verdict.startswith("nothing beyond: the intervals of short_gamma, depth, in_core all hold 0")
    assert "smaller ones cannot be ruled out" in found.verdict
    assert found.verdict in found.summary()
    assert found.warnings == ()
    assert found.checks.index.unique("variant").tolist() == [
        "with four times the lags", "with return 7 days", "with return 30 days", "first half", "second half",
    ]  # fmt: skip


def test_an_effect_is_found():
    table, prices = market(0.5)
    found = gf.seasons.study(table, prices, terms=["short_gamma", "in_core"], draws=400)
    assert found.verdict.startswith("something beyond: short_gamma (")
    row = found.table.loc["short_gamma"]
    assert row["low"] < 0.5 < row["high"]
    assert found.regressions["short_gamma"].table.loc["short_gamma", "p_value"] == row["p_value"]


def test_an_effect_that_rests_on_a_few_rows_is_no_finding():
    row = {"coefficient": 0.5, "error": 0.1, "low": 0.3, "high": 0.7, "boot_low": 0.2, "boot_high": 0.8}
    table = pd.DataFrame([row | {"holm_p": 0.001, "n": 25.0}], ["short_gamma"])
    places = pd.MultiIndex.from_tuples([("short_gamma", "with four times the lags")])
    checks = pd.DataFrame([row], places)
    assert verdict(table, checks, {}).startswith("something beyond: short_gamma (+65 %)")
    few = rare(pd.DataFrame({"short_gamma": [1.0] * 21 + [0.0] * 4, "in_core": [0.0] * 15 + [1.0] * 10}))
    assert few == {"short_gamma": "only 4 of 25 rows differ from 1"}
    found = verdict(table, checks, few)
    assert found.startswith("cannot tell: short_gamma (+65 %) in volatility")
    assert found.endswith("but short_gamma rests on too few rows: only 4 of 25 rows differ from 1")


def test_nothing_after_a_snapshot_reaches_its_controls(quiet):
    table, prices, found = quiet
    now = table.index[70]
    later = prices.where(
        prices.index <= now, prices * np.exp(np.random.default_rng(0).normal(0, 0.05, len(prices)))
    )
    changed = table.copy()
    changed.loc[changed.index > now, "gamma"] *= -1.0
    other = gf.seasons.study(changed, later, draws=100)
    seen = found.data.columns[1:]
    pd.testing.assert_frame_equal(other.data.loc[:now, seen], found.data.loc[:now, seen])


def test_a_term_that_never_varies_is_named_and_not_tested(quiet):
    table, prices, found = quiet
    never = gf.seasons.study(table.assign(in_core=False), prices, draws=100)
    assert "in_core: received 0 on all 140 rows; it cannot be tested" in never.warnings[-1]
    assert np.isnan(never.table.loc["in_core", "coefficient"])
    assert never.table.loc["in_core", "positive"] == 0.0
    assert "not tested, since it never varies: in_core" in never.verdict
    assert never.table.loc["depth", "coefficient"] == found.table.loc["depth", "coefficient"]
    none = gf.seasons.study(table.assign(gamma=1e8), prices, terms=["short_gamma"], draws=100)
    assert none.verdict == "cannot tell: no term varies over the rows"


def test_rows_that_are_there_twice_count_once(quiet):
    table, prices, found = quiet
    again = pd.concat([table, table.iloc[:7].assign(source="again.csv")])
    other = gf.seasons.study(again, prices, draws=400)
    pd.testing.assert_frame_equal(other.table, found.table)
    assert "left out: 7 rows there twice" in other.lines


def test_rows_left_out_are_counted(quiet):
    table, prices, _ = quiet
    holes = table.copy()
    holes.loc[holes.index[:3], "gamma"] = np.nan
    found = gf.seasons.study(holes, prices[: table.index[-2]], terms=["depth"], draws=100)
    assert found.n == DAYS - 3 - 3
    (missing,) = [line for line in found.lines if line.startswith("missing: ")]
    assert missing.startswith("missing: next_volatility of 3 rows, ")
    assert missing.endswith(", depth of 3 rows")


def test_overlapping_horizons_widen_the_errors(quiet):
    table, prices, _ = quiet
    long = gf.seasons.study(table, prices, horizon="6D", terms=["depth"], draws=100)
    assert long.controls.lags == 5
    assert long.warnings == ()
    few = gf.seasons.study(table, prices, horizon="6D", terms=["depth"], lags=2, draws=100)
    assert few.controls.lags == 2
    assert "(up to 5 at once), so they share returns. Use at least 5 lags" in few.warnings[0]


def test_further_controls_and_columns_as_they_stand(quiet):
    table, prices, _ = quiet
    wider = table.assign(weekend=table.index.day_of_week >= 5, share=np.arange(DAYS) % 7)
    found = gf.seasons.study(
        wider, prices, terms=["share"], controls=["weekend"], direction=["2D"], draws=100
    )
    assert "weekend" in found.controls.table.index
    assert found.checks.index.get_level_values("variant")[1] == "with return 2 days"
    assert found.data["share"].tolist() == [float(i % 7) for i in range(DAYS)]


def test_it_is_drawn_and_pickled(quiet):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    *_, found = quiet
    spread = found.data.std()
    points = found.plot().get_lines()[2].get_xdata()
    expected = found.table["coefficient"] * spread[found.table.index] / spread["next_volatility"]
    np.testing.assert_allclose(points, expected)
    assert pickle.loads(pickle.dumps(found)).verdict == found.verdict
    pyplot.close("all")


def test_a_term_can_be_a_control(quiet):
    table, prices, _ = quiet
    found = gf.seasons.study(table, prices, terms=["in_core"], controls=["depth"], draws=100)
    np.testing.assert_array_equal(found.data["depth"], table["gamma"] / table["gross_gamma"])
    assert list(found.controls.table.index[-1:]) == ["depth"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop(columns="gross_gamma"), "table: lacks 'gross_gamma'"),
        (lambda t: t.assign(gamma="short"), "gamma: received a column of str; legal: numbers"),
        (lambda t: t.assign(symbol=["A", "B"] * 70), "several in column 'symbol' (A, B)"),
        (lambda t: t.tz_localize(None), "no time zone"),
        (lambda t: pd.concat([t, t.iloc[:1].assign(gamma=1.0)]), "1 row of a timestamp that another row has"),
        (
            lambda t: t.assign(open_interest_asof=t.index + pd.Timedelta(1, "h")),
            "open_interest_asof: 140 rows later than its snapshot (first: 2026-01-05 09:36 UTC)",
        ),
        (
            lambda t: t.assign(gamma=t["gamma"].where(t["gamma"] < 1.0, np.inf)),
            "rows; legal: finite numbers, NaN where missing",
        ),
        (lambda t: t["gamma"], "legal: a DataFrame of summaries by asof"),
        (lambda t: t[:0], "table: received no row"),
        (lambda t: t.assign(open_interest_asof="soon"), "open_interest_asof: received 'soon'; legal: times"),
        (lambda t: t[:5], "received 5 rows without a missing number"),
    ],
)
def test_bad_tables_are_refused(quiet, change, words):
    table, prices, _ = quiet
    with pytest.raises(gf.SchemaError) as error:
        gf.seasons.study(change(table), prices, draws=100)
    assert words in str(error.value)


def test_a_history_stands_for_its_table(quiet):
    _, prices, _ = quiet
    season = gf.history([gf.summarize(gf.demo_chain())])
    said = []
    for table in (season, season.table):
        with pytest.raises(gf.SchemaError) as error:
            gf.seasons.study(table, prices, draws=100)
        said.append(str(error.value))
    assert said[0] == said[1]
    assert "received a DataFrame" not in said[0]


def test_every_problem_stands_in_one_error(quiet):
    table, prices, _ = quiet
    with pytest.raises(gf.SchemaError) as error:
        gf.seasons.study(
            table, -prices, terms=["depth", "depth"], past=["-1D", "7D"], horizon="x", draws=1, direction=5,
            controls=["depth", "in_core", "in_core", "past_7_days", "return_7_days", "atm_volatility"],
        )  # fmt: skip
    for words in (
        "terms: received",
        "past: received",
        "horizon: received",
        "draws",
        "direction: received 5",
        "numbers must be > 0. Drop or correct them",
        "which terms has too",
        "legal: names of columns, each once",
        "received atm_volatility, past_7_days, a name that the study gives to its own columns",
    ):
        assert words in str(error.value)


def test_prices_of_another_time_are_named(quiet):
    table, prices, _ = quiet
    with pytest.raises(
        gf.SchemaError, match=r"no row without a missing number \(next_volatility, past_"
    ) as error:
        gf.seasons.study(table, prices[:60], draws=100)
    assert f"prices of {prices.index[0]:%Y-%m-%d %H:%M} to {prices.index[59]:%Y-%m-%d %H:%M};" in str(
        error.value
    )


def row(coefficient=0.4, low=0.1, high=0.7, boot_low=0.1, boot_high=0.7, holm_p=0.01):
    return {"coefficient": coefficient, "error": 0.1, "low": low, "high": high, "boot_low": boot_low,
            "boot_high": boot_high, "holm_p": holm_p, "n": 90.0}  # fmt: skip


@pytest.mark.parametrize(
    ("term", "variants", "start"),
    [
        (row(), {"with four times the lags": row(), "first half": row(low=-0.1)}, SOMETHING),
        (row(), {"with four times the lags": row(boot_low=-0.1), "first half": row()}, CANNOT_TELL),
        (row(), {"with four times the lags": row(), "first half": row(coefficient=-0.1)}, CANNOT_TELL),
        (row(), {"with four times the lags": row(), "first half": row(coefficient=np.nan)}, CANNOT_TELL),
        (row(holm_p=0.06), {"with four times the lags": row()}, CANNOT_TELL),
        (row(boot_low=-0.1), {"with four times the lags": row()}, CANNOT_TELL),
        (row(low=-0.1, boot_low=-0.1), {"with four times the lags": row()}, NOTHING),
        (row(coefficient=np.nan), {}, CANNOT_TELL),
    ],
)
def test_the_rule_of_the_verdict(term, variants, start):
    checks = pd.concat({"depth": pd.DataFrame(variants).T}) if variants else pd.DataFrame()
    assert verdict(pd.DataFrame([term], ["depth"]), checks).startswith(f"{start}: ")


@pytest.mark.slow
def test_the_recorded_season(shared):
    """Ninety-five days of Deribit: n, coefficients by naive least squares, and the verdict as it is."""
    (path,) = (shared / "data/btc_market").glob("btcusdt_1h_*.csv")
    prices = pd.read_csv(path, index_col="timestamp", parse_dates=True)["open"].tz_localize("UTC")
    rows = {}
    for file in sorted((shared / "data/deribit_daily").glob("*.csv")):
        chain = gf.read_chain(file, symbol="BTC")
        total = gf.aggregate_exposure(gf.assign_positions(chain)).rows
        rows[chain.asof] = {
            "gamma": total["gamma"].sum(), "gross_gamma": total["gross_gamma"].sum(),
            "atm_volatility": constant_maturity(chain),
        }  # fmt: skip
    table = pd.DataFrame(rows).T
    found = gf.seasons.study(table, prices, terms=["short_gamma", "depth"], draws=1_000)
    assert (found.n, found.controls.lags) == (92, 3)
    design = np.column_stack(
        [np.ones(92), found.data[[*found.controls.table.index[1:].tolist(), "short_gamma"]]]
    )
    beta, covariance = newey_west(found.data["next_volatility"].to_numpy(), design, 3)
    line = found.table.loc["short_gamma"]
    assert (line["coefficient"], line["error"]) == pytest.approx((beta[-1], np.sqrt(covariance[-1, -1])))
    assert line["coefficient"] == pytest.approx(0.370, abs=0.002)
    assert line["positive"] == 39.0
    assert found.verdict.startswith(
        "cannot tell: short_gamma (+45 %), depth (-50 %) in volatility per 1 of the term"
    )
    assert (
        "but not in every variant: short_gamma fails with four times the lags; depth fails " in found.verdict
    )
