"""Presets: the sample of each vendor is one chain, down to its levels; and what each asks for."""

import json

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import ReaderError, SchemaError
from gammaflow.market.readers import PRESETS, find_map, preset_table, preset_text, read_chain
from support import preset_samples as samples

FOLDER = samples.FOLDER
KEY = ["expiration", "strike", "call_put"]


def table(name):
    return pd.read_csv(FOLDER / name)


def document(name):
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def alpaca():
    """Snapshots joined with the contracts' open interest."""
    rows = [{"contract": name} | row for name, row in document("alpaca.json")["snapshots"].items()]
    contracts = pd.DataFrame(document("alpaca_contracts.json")["option_contracts"]).set_index("symbol")
    return pd.json_normalize(rows).join(contracts[["open_interest", "open_interest_date"]], on="contract")


def databento():
    """Definitions joined with open interest and quotes."""
    statistics = table("databento_statistics.csv").query("stat_type == 9").set_index("instrument_id")
    joined = table("databento_definition.csv").join(
        statistics["quantity"].rename("open_interest"), on="instrument_id"
    )
    return joined.merge(table("databento_quotes.csv"), on="instrument_id", how="left")


def tastytrade():
    """The nested chain's symbols joined with events."""
    strikes = pd.json_normalize(document("tastytrade.json")["data"]["items"], ["expirations", "strikes"])
    names = pd.concat(
        strikes[[side, f"{side}-streamer-symbol"]].set_axis(["contract", "event_symbol"], axis=1)
        for side in ("call", "put")
    )
    return names.merge(table("tastytrade_events.csv"), on="event_symbol")


def thetadata():
    """Greeks joined with open interest."""
    key = ["symbol", "expiration", "strike", "right"]
    return table("thetadata.csv").merge(table("thetadata_open_interest.csv")[[*key, "open_interest"]], on=key)


#: What is read, and what must be said besides.
CASES = {
    "alpaca": (alpaca, {"spot": 100.0}),
    "databento": (databento, {"spot": 100.0, "asof": samples.ASOF}),
    "dolthub": (
        lambda: table("dolthub.csv").merge(table("open_interest.csv"), on=KEY),
        {"spot": 100.0, "asof": samples.ASOF},
    ),
    "ibkr": (lambda: FOLDER / "ibkr.csv", {}),
    "optionmetrics": (lambda: FOLDER / "optionmetrics.csv", {"spot": 100.0, "asof": samples.ASOF}),
    "orats": (lambda: FOLDER / "orats.json", {}),
    "polygon": (lambda: FOLDER / "polygon.json", {}),
    "schwab": (lambda: FOLDER / "schwab.json", {}),
    "tastytrade": (tastytrade, {"spot": 100.0, "asof": samples.ASOF}),
    "thetadata": (thetadata, {}),
    "thetadata_v2": (lambda: FOLDER / "thetadata_v2.csv", {"asof": samples.ASOF}),
    "tradier": (lambda: FOLDER / "tradier.json", {"spot": 100.0}),
}
NO_ADJUSTED = {"dolthub", "ibkr", "orats", "tastytrade"}


def read(name, **more):
    make, facts = CASES[name]
    how = {"preset": "databento", "units": {"bid": 1e-9, "ask": 1e-9}} if name == "databento" else name
    return read_chain(make(), columns=how, **facts | more)


def by_contract(chain):
    """Rows of a chain by expiry, strike and kind, whatever the vendor's names and order."""
    return chain.to_frame().set_index(["expiry", "strike", "kind"]).sort_index()


@pytest.fixture(scope="module")
def options():
    """The chain behind every sample, contract by contract."""
    return samples.options()


@pytest.fixture(scope="module")
def expected(options):
    """Levels and totals of that chain, as `chain_from_frame` reads it."""
    frame = pd.DataFrame([o._asdict() for o in options])[["expiry", "strike", "kind", "open_interest", "iv"]]
    frame["exercise"] = "american"
    chain = gf.chain_from_frame(frame, symbol="XYZ", spot=100.0, asof=samples.ASOF, multiplier=100)
    return summed(chain)


def summed(chain):
    report = gf.analyze(chain, rate=samples.RATE, dividend_yield=0.0)
    return report.exposure.total(), report.levels.to_dict()


@pytest.mark.parametrize("name", PRESETS)
def test_a_sample_is_the_chain_that_it_was_made_of(name, options):
    chain = read(name)
    assert (chain.symbol, chain.spot, chain.file_format) == ("XYZ", 100.0, name)
    assert chain.asof.floor("s") in (samples.ASOF, samples.ASOF - pd.Timedelta("1s"))
    found = by_contract(chain)
    assert len(found) == len(options)
    for o in options:
        row = found.loc[(o.expiry, o.strike, o.kind)]
        assert row["open_interest"] == o.open_interest
        assert (row["multiplier"], row["exercise"], row["settlement"]) == (100.0, "american", "PM")
        if name != "databento":
            np.testing.assert_allclose(row["iv"], o.iv, rtol=1e-12)
        if row["bid"] == row["bid"]:
            assert row["bid"] == o.bid
        else:  # no bid is a sentinel there
            assert (o.bid == 0.0) is (name in ("databento", "ibkr"))
        assert row["ask"] == o.ask
    adjusted = 0 if name in NO_ADJUSTED else 1
    assert sum(n for why, n in chain.left_out.items() if "adjusted" in why or "ss_flag" in why) == adjusted


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "databento"])
def test_levels_and_totals_are_the_same(name, expected):
    total, levels = summed(read(name))
    pd.testing.assert_series_equal(total, expected[0], rtol=1e-9)
    assert levels.keys() == expected[1].keys()
    for key, value in levels.items():
        if isinstance(value, float):
            assert value == pytest.approx(expected[1][key], rel=1e-9)


def test_repair_solves_the_volatilities_that_databento_has_not(options):
    chain = read("databento")
    assert np.isnan(chain["iv"]).all()
    repaired = gf.repair_chain(chain, rate=samples.RATE)
    found = by_contract(repaired)
    solved = [
        (o, found.loc[(o.expiry, o.strike, o.kind), "iv"]) for o in options if o.strike in (95.0, 100.0)
    ]
    assert solved
    for o, iv in solved:
        assert iv == pytest.approx(o.iv, abs=0.01)


def test_committed_samples_are_those_of_the_script():
    for name, text in samples.texts().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, name


class TestDoors:
    """The same file by every way in."""

    @pytest.mark.parametrize("name", ["schwab", "tradier", "polygon", "orats"])
    def test_json_from_a_file_as_python_has_it_and_recognised(self, name):
        expected = read(name)
        facts = CASES[name][1]
        given = document(f"{name}.json")
        for chain in (
            read_chain(given, columns=name, **facts),
            read_chain(given, **facts),
            read_chain(FOLDER / f"{name}.json", **facts),
            read_chain(FOLDER / f"{name}.json", columns={"preset": name}, **facts),
        ):
            pd.testing.assert_frame_equal(chain.to_frame(), expected.to_frame())
            assert (chain.vendor, chain.file_format, dict(chain.left_out)) == (
                expected.vendor, name, dict(expected.left_out),
            )  # fmt: skip

    def test_pages_and_lists_of_rows(self):
        expected = read("polygon").to_frame()
        results = document("polygon.json")["results"]
        for given in ([{"results": results[:7]}, {"results": results[7:]}], results):
            pd.testing.assert_frame_equal(read_chain(given, columns="polygon").to_frame(), expected)
        one = document("tradier.json")[0]
        assert len(read_chain(one, columns="tradier", spot=100.0)) == 12

    def test_tables_of_other_libraries(self):
        pa, pl, duckdb = (pytest.importorskip(name) for name in ("pyarrow", "polars", "duckdb"))
        frame = thetadata()
        expected = read_chain(frame, columns="thetadata").to_frame()
        with duckdb.connect() as database:
            for given in (pa.table(frame), pl.from_pandas(frame), database.from_arrow(pa.table(frame))):
                pd.testing.assert_frame_equal(read_chain(given, columns="thetadata").to_frame(), expected)
                pd.testing.assert_frame_equal(read_chain(given).to_frame(), expected)
        indexed = read_chain(frame.set_index(["symbol", "strike"]), columns="thetadata").to_frame()
        pd.testing.assert_frame_equal(indexed, expected)

    def test_columns_of_objects_are_fields_of_json(self, tmp_path):
        pa, pl, duckdb = (pytest.importorskip(name) for name in ("pyarrow", "polars", "duckdb"))
        results = document("polygon.json")["results"]
        expected = read("polygon").to_frame()
        pl.DataFrame(results).write_parquet(tmp_path / "rows.parquet")
        with duckdb.connect() as database:
            stored = database.sql(f"SELECT * FROM '{tmp_path}/rows.parquet'")
            for given in (
                pd.DataFrame(results), pl.DataFrame(results), pa.Table.from_pylist(results), stored,
                tmp_path / "rows.parquet",
            ):  # fmt: skip
                for how in ("polygon", None):
                    found = read_chain(given, columns=how).to_frame()
                    pd.testing.assert_frame_equal(found, expected, rtol=1e-14)
        rows = document("tradier.json")[0]["options"]["option"]
        rows[0] |= {"greeks": None}
        first = read_chain(pd.DataFrame(rows), columns="tradier", spot=100.0)["iv"]
        assert np.isnan(first[0])
        np.testing.assert_array_equal(first[1:], read("tradier")["iv"][1:12])

    def test_the_first_column_that_is_not_blank(self):
        rows = [row | {"spotPrice": None, "stockPrice": 99.5} for row in document("orats.json")["data"]]
        assert read_chain({"data": rows}, columns="orats").spot == 99.5
        frame = pd.read_csv(FOLDER / "ibkr.csv").rename(columns={"impliedVol": "modelGreeks.impliedVol"})
        chain = read_chain(frame.assign(impliedVol=""), columns="ibkr")
        np.testing.assert_array_equal(chain["iv"], read("ibkr")["iv"])

    def test_a_copy_of_a_preset_is_the_preset(self, tmp_path):
        for name in ("tradier", "orats", "optionmetrics"):
            path = tmp_path / f"{name}.toml"
            path.write_text(preset_text(name), encoding="utf-8")
            make, facts = CASES[name]
            found = read_chain(make(), columns=path, **facts)
            pd.testing.assert_frame_equal(found.to_frame(), read(name).to_frame())

    def test_a_batch_reads_what_is_recognised_or_mapped(self):
        names = [FOLDER / "schwab.json", FOLDER / "ibkr.csv", FOLDER / "tradier.json"]
        found = gf.run_batch(names, lambda chain: {"rows": len(chain), "spot": chain.spot})
        assert found.table["rows"].tolist() == [22, 22]
        assert found.failures["reason"].str.startswith("spot: the table has no price").tolist() == [True]
        mapped = gf.run_batch(
            names[2:], lambda chain: {"spot": chain.spot}, columns={"preset": "tradier", "spot": 100.0}
        )
        assert mapped.table["spot"].tolist() == [100.0]
        assert mapped.failures.empty


class TestErrors:
    @pytest.mark.parametrize(
        ("name", "said"),
        [
            (
                "alpaca.json",
                ["open_interest: the table has none. It is in GET /v2/options/contracts", "spot: "],
            ),
            (
                "dolthub.csv",
                ["open_interest: the table has none. No table of the", "asof: the table has days"],
            ),
            ("dolthub.csv", ["(2026-02-04 to 2026-02-05)", "spot: the table has no price of the underlying"]),
            (
                "optionmetrics.csv",
                ["asof: the table has days", "taken at or shortly before the close", "secprd"],
            ),
            ("thetadata.csv", ["open_interest: the table has none. It is in GET /v3/option/snapshot"]),
            ("tradier.json", ["spot: the table has no price", "It is `last` of GET /v1/markets/quotes"]),
        ],
    )
    def test_what_a_vendor_lacks_is_asked_for_at_once(self, name, said):
        with pytest.raises(ReaderError) as error:
            read_chain(FOLDER / name)
        for words in said:
            assert words in str(error.value)

    def test_another_vendors_preset(self):
        with pytest.raises(ReaderError) as error:
            read_chain(FOLDER / "ibkr.csv", columns="orats")
        assert "'expirDate', 'smvVol' not in the table" in str(error.value)
        assert "columns: received 'orats', but the file fits 'ibkr'. Pass that." in str(error.value)
        with pytest.raises(
            ReaderError, match=r"no rows at 'data': .*an object with 'symbol', .* fits 'schwab'"
        ):
            read_chain(FOLDER / "schwab.json", columns="orats")
        with pytest.raises(ReaderError, match="columns: 'databento' reads definition joined with statistics"):
            read_chain(pd.DataFrame({"x": [1]}), columns="databento", spot=1.0)

    @pytest.mark.parametrize(
        ("name", "preset"), [("polygon.json", "databento"), ("optionmetrics.csv", "tastytrade")]
    )
    def test_another_vendors_preset_that_fails_later(self, name, preset):
        facts = {"spot": 100.0, "asof": samples.ASOF}
        with pytest.raises(
            ReaderError, match=f"received '{preset}', but the file fits '{name.split('.')[0]}'"
        ):
            read_chain(FOLDER / name, columns=preset, **facts)

    def test_pages_of_which_the_last_is_missing(self):
        results = document("polygon.json")["results"]
        first = {"results": results[:9], "next_url": "https://example.com/2"}
        for given, said in ((first, "1 page, and"), ([first, first], "2 pages, and")):
            with pytest.raises(ReaderError, match=f"next_url: received {said} the last says"):
                read_chain(given)
        whole = read_chain([first, {"results": results[9:], "next_url": None}])
        pd.testing.assert_frame_equal(whole.to_frame(), read("polygon").to_frame())

    def test_pages_without_rows(self):
        for given in ([{"options": None}], [{"options": {"option": []}}]):
            with pytest.raises(ReaderError, match=r"no rows at 'options.option'"):
                read_chain(given, columns="tradier", spot=100.0)

    def test_a_blank_price(self):
        page = document("schwab.json") | {"underlyingPrice": "NaN"}
        with pytest.raises(ReaderError, match=r"spot: the table's column is blank\. Pass spot="):
            read_chain(page)
        assert read_chain(page, spot=100.0).spot == 100.0

    def test_names_of_presets(self):
        with pytest.raises(
            SchemaError, match=r"columns: received 'tradeir', .*Did you mean 'tradier'\? Presets: a"
        ):
            read_chain(FOLDER / "tradier.json", columns="tradeir")
        with pytest.raises(SchemaError, match=r"columns: preset: received 'x', which is no preset"):
            find_map({"preset": "x"})
        with pytest.raises(SchemaError, match=r"preset: received 'ORATS', .* Did you mean 'orats'"):
            preset_text("ORATS")

    def test_a_day_that_the_table_has_not(self):
        with pytest.raises(ReaderError, match=r"asof: received 2026-02-07.*it has 2026-02-04 to 2026-02-05"):
            read("optionmetrics", asof="2026-02-07T20:00Z")
        earlier = read("optionmetrics", asof="2026-02-04T20:59Z")
        assert set(earlier["open_interest"]) == {1.0}

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"data": [1, 2]}, r"no rows at 'data': .* received data\[0\] = 1"),
            ({"data": []}, "no rows at 'data'"),
            ([], "no rows at 'data': .* received an empty list"),
            ({"data": [{f"f{i}": 1 for i in range(1_001)}]}, "more than 1,000 fields"),
            ({"data": [{"a": {f"f{i}": 1 for i in range(1_001)}}]}, "more than 1,000 fields"),
        ],
    )
    def test_json_without_rows(self, given, said):
        with pytest.raises(ReaderError, match=said):
            read_chain(given, columns="orats")

    def test_values_are_named_by_their_place(self):
        page = document("schwab.json")
        page["putExpDateMap"]["2026-02-20:15"]["95.0"][0]["openInterest"] = "many"
        with pytest.raises(ReaderError, match=r"first: putExpDateMap.2026-02-20:15.95.0\[0\] = 'many'"):
            read_chain(page, columns="schwab")
        frame = thetadata()
        for column, value, said in (
            ("right", "X", "kind: 1 of 23 rows are neither calls nor puts .first: data row 2"),
            ("strike", -1.0, "strike: 1 of 23 rows are no strikes"),
            ("expiration", "soon", "expiry: 1 of 23 rows are not dates"),
        ):
            wrong = frame.astype({column: object})
            wrong.loc[2, column] = value
            with pytest.raises(ReaderError, match=said):
                read_chain(wrong, columns="thetadata")
        untimed = frame.assign(timestamp="later")
        with pytest.raises(ReaderError, match=r"asof: .* Quote times of its rows would do"):
            read_chain(untimed, columns="thetadata")

    def test_tables_that_are_none(self):
        twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
        with pytest.raises(ReaderError, match="table: has columns of several levels, or of one name"):
            read_chain(twice, columns="ibkr")
        stock = pd.DataFrame(
            [samples.databento(samples.options())[0] | {"bid_px_00": 1, "ask_px_00": 2, "open_interest": 0}]
        )
        with pytest.raises(ReaderError, match="no row is left: 1 instrument_class other than C or P"):
            read_chain(stock, columns="databento", spot=1.0, asof=samples.ASOF)


def test_the_table_of_presets_names_what_each_lacks():
    table = preset_table()
    assert table.index.tolist() == list(PRESETS)
    for name in PRESETS:
        found = find_map(name)
        assert set(found.lacks) == set(filter(None, table.loc[name, "lacks"].split(", ")))
        assert found.about["notes"]
