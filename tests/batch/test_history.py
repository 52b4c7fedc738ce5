import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.batch.columns import typed
from gammaflow.batch.history import RANKED
from gammaflow.market.synthetic import synthetic_chains


@pytest.fixture(scope="module")
def chains():
    return list(synthetic_chains(2, contracts=100))


@pytest.fixture(scope="module")
def store(chains, tmp_path_factory):
    pytest.importorskip("pyarrow")
    store = gf.Store(tmp_path_factory.mktemp("store"))
    for chain in chains:
        store.append(chain)
    return store


@pytest.fixture(scope="module")
def row(summaries):
    return summaries[0]


@pytest.fixture
def rows(row):
    """Made-up rows, one a day, with the gammas given and any other columns."""

    def make(gammas, **columns):
        found = []
        for i, gamma in enumerate(gammas):
            own = {
                name: values[i] if isinstance(values, list) else values for name, values in columns.items()
            }
            day = {"asof": row["asof"] + pd.Timedelta(days=i), "gamma": gamma}
            found.append(pd.Series({**row.to_dict(), **day, **own}, dtype=object))
        return found

    return make


@pytest.fixture(scope="module")
def summaries(chains):
    return [gf.summarize(chain) for chain in chains]


@pytest.fixture(scope="module")
def found(store):
    return gf.history(store)


def test_rows_are_the_summaries_in_time_order(store, found, summaries):
    expected = typed(summaries).set_index("asof")
    assert found.warnings == ()
    assert found.failures.empty
    assert found.table.index.is_monotonic_increasing
    pd.testing.assert_frame_equal(found.table[list(expected)], expected, check_exact=True, check_names=False)
    assert list(found.table["source"]) == [s.path.relative_to(store.path).as_posix() for s in store.list()]


@pytest.mark.slow
def test_every_kind_of_source_gives_the_same_table(store, found, summaries, tmp_path):
    found = found.table
    out = tmp_path / "out"
    result = gf.run_batch(store.path, out=out)
    for source in (result, out, str(out), found):
        other = gf.history(source).table
        columns = [name for name in found if name != "source"]
        pd.testing.assert_frame_equal(other[columns], found[columns], check_exact=True)
    pd.testing.assert_frame_equal(
        gf.history(summaries[::-1]).table, found.drop(columns="source"), check_exact=True, check_like=True
    )


def test_the_rule_reaches_the_summaries(store, chains):
    found = gf.history(store.list()[0].path, rule="short_all")
    assert set(found.table["rule"]) == {"short_all"}
    assert found.table["gamma"].iloc[0] == gf.summarize(chains[0], rule="short_all")["gamma"]
    with pytest.raises(gf.SchemaError, match="rule: received 'longs'"):
        gf.history(store, rule="longs")


def test_percentile_is_the_share_of_earlier_rows_below(rows):
    gammas = [5.0, -3.0, np.nan, 8.0, 1.0, 1.0, 2.0, -9.0, 1.0]
    found = gf.history(rows(gammas))
    earlier = [g for g in gammas[:-1] if g == g]
    below = sum(g < 1.0 for g in earlier) + 0.5 * sum(g == 1.0 for g in earlier)
    rank = found.rank()
    assert rank.loc["gamma"].to_dict() == {
        "last": 1.0, "percentile": pytest.approx(100.0 * below / 7.0), "earlier": 7.0
    }  # fmt: skip
    assert list(found.percentile.index) == list(RANKED)
    assert found.percentile["gross_gamma"] == 50.0  # all equal
    assert found.rank("flips")["earlier"].to_dict() == {"flips": 8}
    assert f"{100.0 * below / 7.0:.1f} %" in found.summary()
    missing = gf.history(rows([1.0, 2.0, np.nan]))
    assert np.isnan(missing.percentile["gamma"])
    with pytest.raises(gf.SchemaError, match=r"columns: received 'vendor'; legal: spot, rows"):
        found.rank(["gamma", "vendor"])


def test_text_says_where_spot_is_row_by_row(rows):
    levels = {
        "spot": [100.0] * 4,
        "core_low": [90.0, 90.0, 90.0, np.nan],
        "core_high": [110.0] * 3 + [np.nan],
    }
    where = {"in_zone": [True, True, True, False], "in_core": [True, False, False, False]}
    few = {"flip": [120.0, 120.0, 120.0, np.nan], "atm_volatility": 0.537, "next_share": 12.34}
    found = gf.history(rows([-1.234e8, 5e5, 0.0, 2.0], **levels, **where, **few))
    assert found.lines[-1] == "spot in a short-gamma zone in 75% of rows, in its core in 25%"
    text = found.brief()
    assert text["spot is"].tolist() == ["in core", "in zone", "in zone", ""]
    assert text["core"].tolist() == ["90.00 - 110.00"] * 3 + ["none"]
    assert text["flip"].tolist() == ["120.00"] * 3 + ["none"]
    assert text["gamma"].iloc[0] == "-123m"
    assert set(text["30-day vol"]) == {"53.7 %"}
    assert set(text["expires next"]) == {"12.3 %"}


def test_the_picture_shows_the_place_of_gamma(rows):
    mpl.use("Agg")
    figure = gf.history(rows([1e6, 2e6, 5e6, 3e6], vanna=[1.0, 2.0, 3.0, 9.0])).plot()
    assert figure.axes[1].texts[0].get_text() == "+3\nabove 67 %\nof 3 earlier"
    mpl.pyplot.close(figure)


def test_a_single_row_has_no_percentile(rows):
    found = gf.history(rows([1.0]))
    assert found.percentile.isna().all()
    assert found.warnings == ("asof: 1 row; a percentile needs earlier ones.",)
    assert "1 row" in repr(found)


def test_the_same_numbers_twice_count_once(rows):
    several = rows([1.0, 2.0, 3.0])
    table = typed([*several, several[1]]).assign(source=["a", "b", "c", "copy of b"])
    found = gf.history(table)
    assert found.table["source"].tolist() == ["a", "b", "c"]
    assert found.warnings == ("asof: 1 row of 4 repeat another with the same numbers, and count once.",)


def test_other_numbers_of_one_timestamp_are_refused(rows):
    one, two = rows([1.0])[0], rows([2.0])[0]
    with pytest.raises(gf.SchemaError, match=r"asof: 2 snapshots as of 2022-01-01 09:30:00 UTC .*1 such"):
        gf.history([one, two])
    table = typed([one, two]).assign(source=["x.csv", "y.csv"])
    with pytest.raises(gf.SchemaError, match=r"\(x.csv, y.csv\) have different numbers"):
        gf.history(table)


def test_several_vendors_are_chosen_or_named(rows):
    table = typed(rows([1.0, 2.0, 3.0], vendor=["a", "b", "b"]))
    found = gf.history(table)
    assert any("changes between 'a', 'b'" in text for text in found.warnings)
    chosen = gf.history(table, vendor="b")
    assert len(chosen.table) == 2
    assert chosen.warnings == ()
    both = typed([*rows([1.0, 2.0], vendor="a"), *rows([1.5, 2.5], vendor="b")])
    with pytest.raises(gf.SchemaError, match=r"vendor: 2 vendors have a snapshot as of .*\(2 such"):
        gf.history(both)
    assert gf.history(both, vendor="a").table["gamma"].tolist() == [1.0, 2.0]
    with pytest.raises(gf.SchemaError, match="vendor: received 'c'; legal: 'a', 'b'"):
        gf.history(both, vendor="c")


def test_several_symbols_are_chosen(rows):
    both = typed([*rows([1.0, 2.0], symbol="ETH"), *rows([3.0], symbol="BTC")])
    with pytest.raises(gf.SchemaError, match=r"symbol: received snapshots of 'BTC', 'ETH'.*symbol="):
        gf.history(both)
    assert gf.history(both, symbol="ETH").table["gamma"].tolist() == [1.0, 2.0]
    with pytest.raises(gf.SchemaError, match="symbol: received 'SOL'; legal: 'BTC', 'ETH'"):
        gf.history(both, symbol="SOL")


def test_mixtures_are_refused_together(rows):
    mixed = rows([1.0, 2.0], rule=["mirror", "short_all"], currency=["USD", "EUR"])
    with pytest.raises(gf.SchemaError) as error:
        gf.history(mixed)
    assert "rule: received rows of 'mirror', 'short_all'" in str(error.value)
    assert "currency: received rows of 'EUR', 'USD'" in str(error.value)


def test_pauses_and_selected_rows_are_warnings(rows):
    several = rows([1.0] * 12, filtered=[True] + [False] * 11)
    found = gf.history(several[:4] + several[10:])
    pause, selected = sorted(found.warnings)[0], sorted(found.warnings)[1]
    assert pause == (
        "asof: no snapshot for 7 days from 2022-01-04 09:30 to 2022-01-11 09:30 UTC, where they are "
        "usually 1 day apart."
    )
    assert selected.startswith("filtered: 1 row of 6 are of selected contracts only")


def test_unreadable_files_are_named(store, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text("no chain\n")
    found = gf.history([bad, store.list()[0].path])
    assert len(found.table) == 1
    assert found.failures["source"].str.endswith("bad.csv").tolist() == [True]
    assert found.warnings[0].startswith("source: 1 file gave no row: ")
    with pytest.raises(gf.SchemaError, match=r"no snapshot is left. source: 1 file gave no row: .*bad.csv"):
        gf.history([bad])
    assert len(found.warnings[0]) < 100 + len(found.failures["source"].iloc[0]) + 40
    assert found.warnings[0].endswith("bad.csv: not recognised.")
    assert "known formats" in found.failures["reason"].iloc[0]


def test_reasons_keep_their_first_clause(rows):
    failures = pd.DataFrame(
        {"source": ["a.csv", "b.csv"], "symbol": [np.nan, "X"],
         "reason": ["holds 838 futures (first: 'BTC-PERPETUAL') and no option. Read them with read_futures.",
                    "iv: received 45; legal: decimals."]}
    )  # fmt: skip
    result = gf.BatchResult(typed(rows([1.0, 2.0])), (), failures=failures)
    assert gf.history(result).warnings == (
        "source: 2 files gave no row: a.csv: holds 838 futures (first: 'BTC-PERPETUAL') and no option; "
        "b.csv: iv: received 45.",
    )


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("1D", "1 day"),
        ("85800s", "1 day"),
        ("112000s", "1.3 days"),
        ("6h", "6 hours"),
        ("5min", "5 minutes"),
        ("60500ms", "1.01 minutes"),
    ],
)
def test_steps_are_words(rows, step, words):
    table = typed(rows([1.0, 2.0, 3.0])).assign(
        asof=pd.date_range("2026-01-01", periods=3, freq=step, tz="UTC")
    )
    assert gf.history(table).lines[0].endswith(f"; usually {words} apart, at most {words}")


def test_tables_that_are_no_summaries_are_refused(rows, store):
    table = typed(rows([1.0, 2.0]))
    with pytest.raises(gf.SchemaError, match="no column 'gamma', 'vanna'; rows as"):
        gf.history(table.drop(columns=["gamma", "vanna"]))
    with pytest.raises(gf.SchemaError, match="gamma: a value is not of the type float64"):
        gf.history(table.astype({"gamma": object}).assign(gamma="much"))
    with pytest.raises(gf.SchemaError, match="rule: received for summaries, which are computed already"):
        gf.history(table, rule="mirror")
    with pytest.raises(gf.SchemaError, match="no snapshot is left"):
        gf.history(table.iloc[:0])
    with pytest.raises(gf.SchemaError, match="no column"):
        gf.history(gf.run_batch(store, len_of))


def len_of(chain):
    return {"contracts": len(chain)}


def test_unsigned_rows_say_so(rows):
    found = gf.history(rows([1.0, 2.0], rule="unsigned"))
    assert not found.signed
    assert "sign: none (open interest alone)" in found.lines
    assert gf.history(rows([1.0, 2.0])).signed
