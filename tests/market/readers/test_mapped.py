"""Tables of no known vendor, read through a map of their columns."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import ReaderError, SchemaError
from gammaflow.market.readers import ColumnMap, find_map, read_chain

SAMPLE = """\
Ticker,Option Symbol,Last Px,IV,OI,Quote Time,Underlying
^SPX,SPX   260220C06900000,10.5,15.2%,"1,200",02/05/2026 15:45,6900
^SPX,SPXW260206P06800000,4.2,16.8,800,02/05/2026 15:45,6900
^SPX,SPX260320P06500000,,21.35 %,,02/05/2026 15:45,6900
SPY,SPY260220P00680000,3.1,17.5,500,02/05/2026 15:45,690
SPY,SPY1260220P00680000,3.1,17.5,500,02/05/2026 15:45,690
"""
MAP = """\
timezone = "America/New_York"

[columns]
contract = "Option Symbol"
symbol = "Ticker"
last = "Last Px"
iv = "IV"
open_interest = "OI"
asof = "Quote Time"
spot = "Underlying"

[units]
iv = "percent"

[formats]
asof = "%m/%d/%Y %H:%M"
"""

PLAIN = """\
K;cp;maturity;oi;vol
22.5;P;20/03/2026;40;0.30
25;c;20/03/2026;60;0.28
"""


@pytest.fixture
def files(tmp_path):
    """The sample and its map, and a way to write others."""

    def write(name, text):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    write.sample, write.map = write("sample.csv", SAMPLE), write("map.toml", MAP)
    write.plain = write("plain.csv", PLAIN)
    return write


def terms(**changes):
    """A map of `PLAIN`."""
    found = {
        "columns": {"strike": "K", "kind": "cp", "expiry": "maturity", "open_interest": "oi", "iv": "vol"},
        "formats": {"expiry": "%d/%m/%Y"}, "symbol": "XYZ", "spot": 23.1, "multiplier": 100,
        "asof": "2026-02-05T15:00:00-05:00", "settlement": "PM",
    }  # fmt: skip
    return {key: value for key, value in (found | changes).items() if value is not None}


class TestSymbols:
    def test_option_symbols_give_what_the_table_lacks(self, files):
        chain = read_chain(files.sample, columns=files.map, symbol="SPX")
        assert (chain.symbol, chain.spot, chain.vendor) == ("SPX", 6_900.0, "table")
        assert chain.asof == pd.Timestamp("2026-02-05T20:45Z")
        assert chain["strike"].tolist() == [6_900.0, 6_800.0, 6_500.0]
        assert chain["kind"].tolist() == ["call", "put", "put"]
        assert chain["root"].tolist() == ["SPX", "SPXW", "SPX"]
        assert chain["settlement"].tolist() == ["AM", "PM", "AM"]
        assert [str(t)[:16] for t in chain["expiry"]] == [
            "2026-02-20T14:30",
            "2026-02-06T21:00",
            "2026-03-20T13:30",
        ]
        assert set(chain["exercise"]) == {"european"}
        assert set(chain["multiplier"]) == {100.0}
        np.testing.assert_array_equal(chain["iv"], [0.152, 0.168, 0.2135])
        np.testing.assert_array_equal(chain["open_interest"], [1_200.0, 800.0, np.nan])
        assert dict(chain.left_out) == {
            "of another underlying (SPY)": 1,
            "adjusted contracts (root ends in a digit, other deliverable)": 1,
        }

    def test_it_is_the_chain_that_chain_from_frame_makes(self, files):
        chain = read_chain(files.sample, columns=files.map, symbol="^SPX")
        frame = pd.DataFrame(
            {
                "contract": chain["contract"], "expiry": pd.DatetimeIndex(chain["expiry"], tz="UTC"),
                "strike": [6_900, 6_800, 6_500], "kind": ["C", "P", "P"], "iv": [0.152, 0.168, 0.2135],
                "open_interest": [1_200, 800, None], "last": [10.5, 4.2, None],
                "root": ["SPX", "SPXW", "SPX"], "settlement": ["AM", "PM", "AM"],
            }
        )  # fmt: skip
        same = gf.chain_from_frame(frame, symbol="SPX", spot=6_900, asof=chain.asof, multiplier=100)
        pd.testing.assert_frame_equal(chain.to_frame(), same.to_frame())
        assert gf.analyze(chain).levels.gamma == gf.analyze(same).levels.gamma

    def test_a_fund_is_american(self, files):
        chain = read_chain(files.sample, columns=files.map, symbol="SPY")
        assert (chain["exercise"][0], chain["settlement"][0], len(chain)) == ("american", "PM", 1)

    def test_columns_of_the_table_go_before_its_symbols(self, files):
        path = files("x.csv", "Sym,oi,iv,strike\nSPY260220P00680000,5,0.2,340\n")
        facts = {
            "spot": 345.0,
            "asof": "2026-02-05T20:45Z",
            "exercise": "european",
            "venue": "X",
            "multiplier": 10,
        }
        how = {"columns": {"contract": "Sym", "open_interest": "oi"}, **facts}
        chain = read_chain(path, columns=how)
        assert (chain["strike"][0], chain["kind"][0], chain["multiplier"][0]) == (340.0, "put", 10.0)
        assert (chain["exercise"][0], chain.venue, chain.symbol) == ("european", "X", "SPY")

    def test_names_that_are_no_symbols(self, files):
        path = files("x.csv", SAMPLE.replace("SPXW260206P06800000", "SPXW-6800-P"))
        with pytest.raises(
            ReaderError, match=r"contract: 1 of 5 rows are not option symbols \(first: file line 3"
        ):
            read_chain(path, columns=files.map, symbol="SPX")

    def test_nothing_but_adjusted_contracts(self, files):
        path = files("x.csv", "\n".join(SAMPLE.splitlines()[::5]))
        with pytest.raises(ReaderError, match="no row has a standard option contract"):
            read_chain(path, columns=files.map)


class TestPlain:
    def test_dates_of_another_form_with_facts_of_the_map(self, files):
        chain = read_chain(files.plain, columns=terms())
        assert chain["strike"].tolist() == [22.5, 25.0]
        assert chain["kind"].tolist() == ["put", "call"]
        assert [str(t)[:16] for t in chain["expiry"]] == ["2026-03-20T20:00"] * 2
        assert chain["iv"].tolist() == [0.3, 0.28]
        assert (chain.symbol, chain.spot, chain["multiplier"][0]) == ("XYZ", 23.1, 100.0)

    def test_arguments_go_before_facts(self, files):
        chain = read_chain(files.plain, columns=terms(), symbol="ABC", spot=24.0, asof="2026-02-06T15:00Z")
        assert (chain.symbol, chain.spot, chain.asof) == ("ABC", 24.0, pd.Timestamp("2026-02-06T15:00Z"))

    def test_factors_scale_numbers(self, files):
        path = files("x.csv", PLAIN.replace("22.5", "22500").replace("25;", "25000;").replace("0.30", "3000"))
        units = {"strike": 0.001, "iv": "bp", "open_interest": 10}
        chain = read_chain(path, columns=terms(units=units))
        assert chain["strike"].tolist() == [22.5, 25.0]
        assert chain["open_interest"].tolist() == [400.0, 600.0]
        assert chain["iv"][0] == 0.3

    def test_timestamps_without_a_zone_are_of_the_map_s(self, files):
        path = files("x.csv", PLAIN.replace("20/03/2026", "2026-03-20 16:00"))
        how = terms(formats=None, settlement=None, timezone="America/New_York", asof="2026-02-05 15:00")
        chain = read_chain(path, columns=how)
        assert str(chain["expiry"][0])[:16] == "2026-03-20T20:00"
        assert chain.asof == pd.Timestamp("2026-02-05T20:00Z")
        how["formats"] = {"expiry": "%Y-%m-%d %H:%M"}
        assert read_chain(path, columns=how)["expiry"].tolist() == chain["expiry"].tolist()

    def test_json_and_parquet(self, files, tmp_path):
        pytest.importorskip("pyarrow")
        frame = pd.read_csv(files.plain, sep=";")
        frame.to_parquet(tmp_path / "x.parquet")
        (tmp_path / "x.json").write_text(json.dumps(frame.to_dict("records")))
        expected = read_chain(files.plain, columns=terms()).to_frame()
        for name in ("x.parquet", "x.json"):
            pd.testing.assert_frame_equal(read_chain(tmp_path / name, columns=terms()).to_frame(), expected)

    def test_canonical_names_need_no_map(self, files):
        path = files(
            "x.csv", "strike,kind,expiry,open_interest,iv,multiplier\n25,c,2026-03-20T20:00Z,5,0.3,100\n"
        )
        facts = {"symbol": "XYZ", "spot": 23.1, "asof": "2026-02-05T20:00Z", "columns": {}}
        assert len(read_chain(path, columns=facts)) == 1

    def test_a_snapshot_of_several(self, files):
        lines = PLAIN.splitlines()
        body = [f"{line};2026-02-0{day}T20:00Z;{20 + day}" for day in (5, 6) for line in lines[1:]]
        path = files("x.csv", "\n".join([f"{lines[0]};asof;spot", *body]))
        how = terms(asof=None, spot=None)
        with pytest.raises(ReaderError, match="asof: the table has 2 timestamps from 2026-02-05T20:00"):
            read_chain(path, columns=how)
        chain = read_chain(path, columns=how, asof="2026-02-06T20:00Z")
        assert (len(chain), chain.spot) == (2, 26.0)


class TestErrors:
    @pytest.mark.parametrize(
        ("given", "said"),
        [
            (
                {"columns": {"strik": "K"}},
                "columns.strik: is not a column of a chain; legal: contract, expiry",
            ),
            ({"columns": {"strike": 3}}, "columns.strike: received 3; legal: the name of a column."),
            ({"columns": 3}, r"columns: received 3; legal: a table, \[columns\]."),
            (
                {"columns": {}, "unit": {}},
                "unit: is neither a table nor a fact of a map; legal: columns, units",
            ),
            (
                {"columns": {}, "units": {"iv": "per cent"}},
                "units.iv: received 'per cent'; legal: 'decimal', ",
            ),
            (
                {"columns": {}, "units": {"strike": "percent"}},
                "units.strike: received 'percent'; legal: a factor",
            ),
            ({"columns": {}, "units": {"strike": 0}}, "units.strike: received 0; legal: a factor > 0."),
            ({"columns": {}, "units": {"kind": 1}}, "units.kind: is not a column of a chain"),
            ({"columns": {}, "formats": {"expiry": "d/m/Y"}}, "formats.expiry: received 'd/m/Y'"),
            ({"columns": {}, "multiplier": "100"}, "multiplier: received '100'; legal: a number > 0."),
            ({"columns": {}, "symbol": 3}, "symbol: received 3; legal: text."),
            ({"columns": {}, "timezone": "Mars"}, "timezone: received 'Mars'; legal: a zone such as"),
            ({"columns": {"spot": "S"}, "spot": 3.0}, "spot: received a column and a value. Leave one out."),
        ],
    )
    def test_maps_that_are_refused(self, given, said):
        with pytest.raises(SchemaError, match=said):
            find_map(given)

    def test_every_problem_of_a_map_at_once(self):
        with pytest.raises(SchemaError) as error:
            find_map({"columns": {"strik": "K", "kinds": "c"}, "units": {"iv": "x"}, "spot": -1})
        assert str(error.value).count("\n  - ") == 4

    def test_files_that_are_no_map(self, files):
        with pytest.raises(ReaderError, match=r"x\.toml: not TOML"):
            find_map(files("x.toml", "[columns\n"))
        with pytest.raises(ReaderError, match="file not found"):
            find_map("no-such-map.toml")
        with pytest.raises(SchemaError, match="columns: received 3; legal: the path of a TOML file"):
            find_map(3)
        assert find_map(ColumnMap({"strike": "K"})).columns == {"strike": "K"}

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"multiplier": None}, "multiplier: missing; set multiplier in the map"),
            ({"settlement": None}, 'settlement = "PM" in the map'),
            ({"symbol": None}, "symbol: the table does not name the underlying"),
            ({"spot": None}, "spot: the table has no price of the underlying"),
            ({"asof": None}, "asof: the table does not say"),
            ({"asof": "noon"}, "asof: received 'noon'"),
            ({"formats": None}, 'In a map: expiry = "%d/%m/%Y" under formats.'),
            ({"formats": {"expiry": "%Y/%d/%m"}}, "expiry: 2 of 2 rows are not of the form '%Y/%d/%m'"),
            (
                {"columns": {"strike": "Strike"}},
                "columns: 'Strike' not in the table; it holds K, cp, maturity",
            ),
            ({"units": {"bid": 0.01}}, "units.bid: the table has no such column"),
            ({"units": {"iv": 1000}}, "iv: the median is 290"),
        ],
    )
    def test_tables_that_are_refused(self, files, changes, said):
        with pytest.raises((ReaderError, SchemaError)) as error:
            read_chain(files.plain, columns=terms(**changes))
        assert said in str(error.value)

    def test_problems_name_the_line_of_the_file(self, files):
        path = files("x.csv", PLAIN.replace("25;", "-25;"))
        with pytest.raises(ReaderError, match=r"strike: 1 of 2 rows .*first: file line 3 = "):
            read_chain(path, columns=terms())

    def test_a_vendor_and_columns_contradict(self, files):
        with pytest.raises(SchemaError, match="vendor: received 'cboe' with columns"):
            read_chain(files.plain, columns=terms(), vendor="cboe")

    def test_prices_of_the_underlying_that_differ(self, files):
        path = files("x.csv", SAMPLE.replace("15:45,6900\n", "15:45,9900\n", 1))
        with pytest.raises(ReaderError, match="spot: "):
            read_chain(path, columns=files.map, symbol="SPX")


class TestUnits:
    @pytest.mark.parametrize("factor", [0.001, 0.01, 0.0001])
    def test_a_number_is_the_nearest_to_its_decimals(self, factor):
        counts = np.concatenate([np.arange(1, 60_000), [437_501, 2_402_550, 71_500_025]])
        found = ColumnMap({}, {"strike": factor}).scaled("strike", counts.astype(float))
        # The division of whole numbers is rounded correctly, and so is the reading of decimals.
        assert found.tolist() == [int(count) / round(1 / factor) for count in counts]
        texts = [f"{count / 100:.2f}" for count in range(1, 20_000)]
        ratios = ColumnMap({}, {"iv": "percent"}).scaled("iv", np.array(texts, dtype=float))
        assert ratios.tolist() == [float(f"{text}e-2") for text in texts]

    def test_numbers_without_decimals_or_digits_to_spare(self):
        values = np.array([0.0, -0.0, np.nan, np.inf, -30.0, 1e300, 1e-300, 1e20])
        found = ColumnMap({}, {"strike": 0.5}).scaled("strike", values)
        np.testing.assert_array_equal(found, values / 2)
        third = np.array([1 / 3])
        assert ColumnMap({}, {"strike": 1.0}).scaled("strike", third) is third

    def test_a_percent_sign_contradicts_other_units(self, files):
        path = files("x.csv", PLAIN.replace("0.30", "0.9%"))
        with pytest.raises(ReaderError, match=r"iv: 1 of 2 rows are not numbers .*'0\.9%'"):
            read_chain(path, columns=terms(units={"iv": "decimal"}))

    @pytest.mark.parametrize("unit", [10**400, 1e305, 1e-40, ["percent"], True])
    def test_factors_that_are_none(self, unit):
        with pytest.raises(SchemaError, match=r"units.iv: received .*; legal: 'decimal', 'percent', 'bp'"):
            find_map({"columns": {}, "units": {"iv": unit}})
        with pytest.raises(SchemaError, match=r"spot: received .*; legal: a number > 0"):
            find_map({"columns": {}, "spot": unit})


class TestTimes:
    CLOCK = "%d/%m/%Y %H:%M"

    def test_offsets_of_winter_and_summer(self, files):
        path = files(
            "x.csv",
            PLAIN.replace("20/03/2026", "20/02/2026 16:00 -0500", 1).replace(
                "20/03/2026", "20/03/2026 16:00 -0400"
            ),
        )
        chain = read_chain(path, columns=terms(settlement=None, formats={"expiry": f"{self.CLOCK} %z"}))
        assert [str(t)[:16] for t in chain["expiry"]] == ["2026-02-20T21:00", "2026-03-20T20:00"]

    @pytest.mark.parametrize("form", ["%Q-%Y", "%s", "%Y-%Y", "%G-%V", "d/m/Y"])
    def test_forms_that_are_none(self, form):
        for name in ("expiry", "asof"):
            with pytest.raises(SchemaError, match=f"formats.{name}: received '{form}'; legal: a form such"):
                find_map({"columns": {}, "formats": {name: form}})

    def test_the_hour_that_clocks_show_twice_is_refused_and_not_dropped(self, files):
        zone = {"timezone": "America/New_York"}
        lines = PLAIN.splitlines()
        path = files("x.csv", "\n".join([f"{lines[0]};at", *(f"{n};01/11/2025 23:30" for n in lines[1:])]))
        columns = terms()["columns"] | {"quote_time": "at"}
        how = terms(columns=columns, formats={"expiry": "%d/%m/%Y", "quote_time": self.CLOCK}, **zone)
        assert str(read_chain(path, columns=how)["quote_time"][0])[:16] == "2025-11-02T03:30"
        path.write_text(path.read_text().replace("01/11/2025 23:30", "02/11/2025 01:30"))
        said = r"quote_time: 2 of 2 rows are in the hour that clocks of America/New_York show twice"
        with pytest.raises(ReaderError, match=said):
            read_chain(path, columns=how)
        columns = terms()["columns"] | {"asof": "at"}
        how = terms(columns=columns, asof=None, formats={"expiry": "%d/%m/%Y", "asof": self.CLOCK}, **zone)
        with pytest.raises(ReaderError, match="asof: 2 of 2 rows are not timestamps with a time zone"):
            read_chain(path, columns=how)

    def test_timestamps_of_parquet_without_a_zone_are_of_the_map_s(self, files, tmp_path):
        pytest.importorskip("pyarrow")
        frame = pd.read_csv(files.plain, sep=";")
        frame = frame.assign(maturity=pd.Timestamp("2026-03-20 16:00"), at=pd.Timestamp("2026-02-05 15:00"))
        columns = terms()["columns"] | {"asof": "at"}
        how = {"columns": columns, "asof": None, "formats": None, "timezone": "America/New_York"}
        frame.to_parquet(tmp_path / "x.parquet")
        chain = read_chain(tmp_path / "x.parquet", columns=terms(**how, settlement=None))
        assert [str(t)[:16] for t in chain["expiry"]] == ["2026-03-20T20:00"] * 2
        assert chain.asof == pd.Timestamp("2026-02-05T20:00Z")
        frame.assign(maturity=pd.Timestamp("2026-03-20")).to_parquet(tmp_path / "x.parquet")
        chain = read_chain(tmp_path / "x.parquet", columns=terms(**how))
        assert [str(t)[:16] for t in chain["expiry"]] == ["2026-03-20T20:00"] * 2

    def test_a_local_timestamp_of_toml_is_of_the_map_s_zone(self, files):
        text = 'symbol = "X"\nspot = 23.0\nmultiplier = 100\nsettlement = "PM"\ntimezone = "Europe/Berlin"\n'
        text += 'asof = 2026-02-05T09:00:00\n[columns]\nstrike = "K"\nkind = "cp"\nexpiry = "maturity"\n'
        text += 'open_interest = "oi"\niv = "vol"\n[formats]\nexpiry = "%d/%m/%Y"\n'
        chain = read_chain(files.plain, columns=files("x.toml", text))
        assert chain.asof == pd.Timestamp("2026-02-05T08:00Z")
        with pytest.raises(SchemaError, match=r"asof: received datetime.time\(9, 0\); legal: text"):
            find_map(files("x.toml", text.replace("2026-02-05T09", "09")))

    def test_days_that_json_writes_as_numbers(self, files):
        rows = [{"K": 22.5, "cp": "P", "maturity": 20260320, "oi": 40, "vol": 0.3}]
        chain = read_chain(files("x.json", json.dumps(rows)), columns=terms(formats={"expiry": "%Y%m%d"}))
        assert str(chain["expiry"][0])[:16] == "2026-03-20T20:00"


def test_adjusted_contracts_are_left_out_of_a_table_with_columns_of_its_own(files):
    path = files(
        "x.csv",
        "contract,expiry,strike,kind,open_interest,iv\nXYZ260320C00100000,2026-03-20,100,C,5,.3\n"
        "XYZ1260320C00100000,2026-03-20,100,C,7,.3\n",
    )
    facts = {name: terms()[name] for name in ("symbol", "spot", "multiplier", "asof", "settlement")}
    chain = read_chain(path, columns=facts)
    assert chain["open_interest"].tolist() == [5.0]
    assert dict(chain.left_out) == {"adjusted contracts (root ends in a digit, other deliverable)": 1}
    other = files("y.csv", path.read_text().replace("XYZ1260320C00100000", "my own name 1"))
    assert len(read_chain(other, columns=facts)) == 2


def test_the_map_of_the_documentation_reads_the_sample(files):
    page = Path(__file__).resolve().parents[3] / "docs/reference/cli.md"
    path = files("docs.toml", page.read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0])
    expected = read_chain(files.sample, columns=files.map, symbol="SPX")
    found = read_chain(files.sample, columns=path, symbol="SPX")
    pd.testing.assert_frame_equal(
        found.to_frame().drop(columns="last"), expected.to_frame().drop(columns="last")
    )


def test_what_is_wrong_is_said_in_words_of_a_map(files):
    """Volatilities in percent, and decimal commas."""
    with pytest.raises(ReaderError, match=r'Scale it first\. In a map: iv = "percent" under units\.$'):
        read_chain(files("p.csv", PLAIN.replace("0.", "")), columns=terms())
    with pytest.raises(ReaderError, match=r"strike: 1 of 2 rows are not numbers .* decimal=',' in pandas"):
        read_chain(files("c.csv", PLAIN.replace("22.5", "22,5")), columns=terms())
