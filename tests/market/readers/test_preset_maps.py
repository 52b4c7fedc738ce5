"""What the presets brought, in maps of one's own: two options a row, facts above the rows, sentinels."""

import numpy as np
import pytest

from gammaflow.errors import SchemaError
from gammaflow.market.readers import find_map, read_chain
from support.preset_samples import FOLDER

ROWS = [
    {"K": 90, "day": "2026-03-20", "c": {"oi": 5, "v": 20.0}, "p": {"oi": 7, "v": -1}},
    {"K": 95, "day": "2026-03-20", "c": {"oi": 6, "v": 19.0}},
]
OWN = {
    "records": "chain.*.rows",
    "columns": {
        "strike": "K", "expiry": "day", "spot": "$.price", "symbol": "$.chain.*.name",
        "open_interest": {"call": "c.oi", "put": ["q.oi", "p.oi"]}, "iv": {"call": "c.v", "put": "p.v"},
    },
    "units": {"iv": "percent"}, "missing": {"iv": [-1, -2]}, "us_listed": True,
    "asof": "2026-02-05T20:45Z",
}  # fmt: skip


class TestMaps:
    """What the presets brought, in maps of one's own."""

    def test_two_options_a_row_facts_above_and_sentinels(self):
        given = {"price": 92.0, "chain": [{"name": "ABC", "rows": ROWS}]}
        chain = read_chain(given, columns=OWN)
        assert (chain.symbol, chain.spot, chain.file_format) == ("ABC", 92.0, "table")
        assert chain["contract"].tolist() == [
            "ABC260320C00090000",
            "ABC260320P00090000",
            "ABC260320C00095000",
        ]
        assert chain["open_interest"].tolist() == [5.0, 7.0, 6.0]
        np.testing.assert_array_equal(chain["iv"], [0.2, np.nan, 0.19])
        assert dict(chain.left_out) == {"strikes without a put": 1}

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"records": "a..b"}, "records: received 'a..b'; legal: a path such as"),
            ({"records": [3]}, "records: received 3"),
            ({"columns": {"iv": {"calls": "x"}}}, "columns.iv: received .*{call = ..., put = ...}"),
            ({"columns": {"iv": {"call": {"call": "x"}}}}, "columns.iv: received"),
            ({"columns": {"iv": []}}, r"columns.iv: received \[\]"),
            ({"missing": {"iv": "x"}}, "missing.iv: received 'x'; legal: a number"),
            ({"missing": {"vol": 1}}, "missing.vol: is not a column of a chain"),
            ({"values": {"strike": {"1": "2"}}}, "values.strike: is not a column of a chain"),
            ({"values": {"kind": 3}}, "values.kind: received 3; legal: a table"),
            ({"only": {"x": [None]}}, r"only.x: received \[None\]; legal: a value"),
            ({"about": {"lacks": 3}}, "about.lacks: received 3"),
            ({"about": {"lacks": {"x": "y"}}}, "about.lacks.x: is not a column of a chain"),
            ({"us_listed": "yes"}, "us_listed: received 'yes'; legal: true or false"),
        ],
    )
    def test_maps_that_are_refused(self, given, said):
        with pytest.raises(SchemaError, match=said):
            find_map({"columns": {}} | given)

    def test_values_for_all_rows_go_before_a_presets_columns(self):
        chain = read_chain(FOLDER / "orats.json", columns={"preset": "orats", "spot": 101.0})
        assert chain.spot == 101.0
        mid = read_chain(
            FOLDER / "orats.json",
            columns={"preset": "orats", "columns": {"iv": {"call": "callMidIv", "put": "putMidIv"}}},
        )
        known = read_chain(FOLDER / "orats.json")["iv"]
        quoted = ~np.isnan(known)
        np.testing.assert_array_equal(mid["iv"][quoted], known[quoted])
        assert set(mid["iv"][~quoted]) == {0.0}  # no mid without two quotes and a volatility
