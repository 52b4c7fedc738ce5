"""Units and times of a table that is read through a map of its columns."""

import json

import numpy as np
import pandas as pd
import pytest

from gammaflow.errors import ReaderError, SchemaError
from gammaflow.market.readers import ColumnMap, find_map, read_chain
from support.mapped_tables import PLAIN, terms


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
