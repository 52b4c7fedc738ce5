import io

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.batch.tables import MEASURED, tables
from gammaflow.market.at_the_money import at_the_money

IDENTITY = ["symbol", "asof", "vendor", "open_interest_asof"]
LONG = ["by_strike", "by_expiry", "profile"]


@pytest.fixture(scope="module")
def chain():
    return gf.demo_chain().with_columns(open_interest_date=pd.Timestamp("2026-02-04T00:00Z"))


@pytest.fixture(scope="module")
def report(chain):
    return gf.analyze(chain)


@pytest.fixture(scope="module")
def found(chain):
    return tables(chain)


def test_tables_of_a_chain_and_of_its_report_are_equal(chain, report, found):
    other = tables(report)
    assert list(found) == list(other) == ["summary", *LONG]
    pd.testing.assert_series_equal(found["summary"], gf.summarize(chain), check_exact=True)
    for name in LONG:
        pd.testing.assert_frame_equal(found[name], other[name], check_exact=True)


def test_every_table_names_its_snapshot_and_has_plain_columns(chain, found):
    for name in LONG:
        frame = found[name]
        assert list(frame)[:4] == IDENTITY
        assert set(frame["symbol"]) == {"BTC"}
        assert set(frame["asof"]) == {chain.asof}
        assert set(frame["open_interest_asof"]) == {pd.Timestamp("2026-02-04T00:00Z")}
        kinds = {str(kind) for kind in frame.dtypes}
        assert kinds <= {"str", "float64", "datetime64[ns, UTC]"}
        assert set(MEASURED) < set(frame)


def test_parquet_gives_them_back(found):
    pytest.importorskip("pyarrow")
    for name in LONG:
        file = io.BytesIO()
        found[name].to_parquet(file, index=False)
        pd.testing.assert_frame_equal(pd.read_parquet(file), found[name], check_exact=True)


def test_strikes_and_expiries_by_groups_of_pandas(report, found):
    book = report.book
    frame = pd.DataFrame({name: report.exposure.rows[name] for name in MEASURED}).assign(
        strike=book["strike"], expiry=pd.DatetimeIndex(book["expiry"], tz="UTC"), kind=book["kind"],
        contracts=np.abs(book["position"]),
    )  # fmt: skip
    for key, name in (("strike", "by_strike"), ("expiry", "by_expiry")):
        expected = frame.groupby(key)[list(MEASURED)].sum()
        table = found[name].set_index(key)
        np.testing.assert_allclose(table[list(MEASURED)], expected, rtol=1e-9, atol=1e-3)
        assert table.index.tolist() == expected.index.tolist()
    strikes = found["by_strike"].set_index("strike")
    calls = frame[frame["kind"] == "call"].groupby("strike")["gamma"].sum()
    np.testing.assert_allclose(strikes["call_gamma"][calls.index], calls, rtol=1e-12)
    np.testing.assert_allclose(strikes["call_gamma"] + strikes["put_gamma"], strikes["gamma"], atol=1e-3)
    np.testing.assert_allclose(strikes["contracts"], frame.groupby("strike")["contracts"].sum(), rtol=1e-12)


def test_expiries_have_days_share_pain_and_vol(chain, report, found):
    table = found["by_expiry"]
    assert table["share"].sum() == pytest.approx(100.0)
    assert table["share"].iloc[0] == pytest.approx(found["summary"]["next_share"])
    np.testing.assert_allclose(table["days"] / 365.0, np.unique(chain.years), rtol=1e-12)
    assert table["max_pain"].tolist() == report.levels.max_pain.tolist()
    np.testing.assert_array_equal(table["atm_volatility"], at_the_money(chain))


def test_profile_is_that_of_the_sweep(chain, report, found):
    table = found["profile"].set_index("spot")
    pd.testing.assert_frame_equal(
        table[list(MEASURED)], report.profile.table[list(MEASURED)], check_exact=True
    )
    np.testing.assert_allclose(table.index, chain.spot * (1.0 + table["move"] / 100.0), rtol=1e-12)


def test_a_report_of_few_measures_is_repriced(chain, found):
    from dataclasses import replace

    report = gf.analyze(chain)
    lean = replace(report, profile=report.profile.at(report.profile.spots, ["gamma"]))
    pd.testing.assert_frame_equal(tables(lean)["profile"], found["profile"], check_exact=True)


def test_rule_and_wrong_arguments(chain):
    short = tables(chain, rule="short_all")
    assert (short["by_strike"]["gamma"] <= 0.0).all()
    assert short["summary"]["rule"] == "short_all"
    with pytest.raises(gf.SchemaError, match="chain_or_report: received int"):
        tables(3)
