from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gammaflow.errors import SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.readers import chain_from_frame

ASOF = "2026-02-05T15:00:00-05:00"


def frame(**columns: Any) -> pd.DataFrame:
    plain = {
        "strike": [22.5, 0.625, 30.0],
        "kind": ["call", "put", "put"],
        "expiry": pd.to_datetime(["2026-03-20T20:00Z", "2026-03-20T20:00Z", "2026-04-17T20:00Z"]),
        "open_interest": [10, 20, 30],
        "iv": [0.31, 0.42, 0.29],
    }
    return pd.DataFrame(plain | columns)


def chain_of(data: pd.DataFrame | None = None, **changes: Any) -> Chain:
    arguments: dict[str, Any] = {"symbol": "XYZ", "spot": 24.1, "asof": ASOF, "multiplier": 50}
    return chain_from_frame(frame() if data is None else data, **(arguments | changes))


def test_plain_frame() -> None:
    chain = chain_of()
    assert (chain.symbol, chain.spot, chain.currency, chain.vendor) == ("XYZ", 24.1, "USD", "frame")
    assert chain.asof == pd.Timestamp("2026-02-05T20:00Z")
    assert list(chain["strike"]) == [22.5, 0.625, 30.0]
    assert list(chain["multiplier"]) == [50.0] * 3
    assert list(chain["contract"]) == [
        "XYZ-2026-03-20T20:00-22.5-call",
        "XYZ-2026-03-20T20:00-0.625-put",
        "XYZ-2026-04-17T20:00-30-put",
    ]


def test_column_map_reads_the_mapped_column_and_no_other() -> None:
    data = (
        frame().rename(columns={"strike": "K", "open_interest": "OI"}).assign(note="x", iv=9.0, implied=0.4)
    )
    chain = chain_of(
        data.set_index(pd.Index([7, 7, 9])),
        columns={"strike": "K", "open_interest": "OI", "iv": "implied"},
        currency="EUR",
        vendor="mine",
    )
    assert list(chain["iv"]) == [0.4] * 3
    assert list(chain["open_interest"]) == [10, 20, 30]
    assert (chain.currency, chain.vendor) == ("EUR", "mine")


@pytest.mark.parametrize(
    "kinds",
    [
        ["c", "p", "P"],
        ["C", "P", "p"],
        ["Call", "PUT", "put "],
        [1, -1, -1],
        [1.0, -1.0, -1.0],
        ["+1", "-1", "-1"],
    ],
)
def test_kinds(kinds: list[Any]) -> None:
    assert list(chain_of(frame(kind=kinds))["kind"]) == ["call", "put", "put"]


@pytest.mark.parametrize(
    "days",
    [
        ["2026-03-20", "2026-03-20", "2026-04-17"],
        [dt.date(2026, 3, 20), dt.date(2026, 3, 20), dt.date(2026, 4, 17)],
        pd.to_datetime(["2026-03-20", "2026-03-20", "2026-04-17"]),
    ],
)
def test_dates_need_a_settlement(days: Any) -> None:
    data = frame(expiry=days)
    with pytest.raises(SchemaError, match="expiry: holds dates without a time of day"):
        chain_of(data)
    for settlement, clock in (
        ("PM", "20:00"),
        ("AM", "13:30"),
        ("08:00 UTC", "08:00"),
        ("17:30 Europe/Berlin", "16:30"),
    ):
        chain = chain_of(data, settlement=settlement)
        assert str(chain["expiry"][0])[:16] == f"2026-03-20T{clock}"
        assert list(chain["settlement"]) == [settlement] * 3


@pytest.mark.parametrize("as_text", [True, False])
def test_times_are_those_of_each_row(as_text: bool) -> None:
    """Distinct texts are read once: every row against its own timestamp."""
    dice = np.random.default_rng(3)
    rows = 60
    quoted = pd.Timestamp("2026-02-05T19:00Z") + pd.to_timedelta(dice.integers(0, 5, rows), "min")
    counted = pd.Timestamp("2026-02-01") + pd.to_timedelta(dice.integers(0, 4, rows), "D")
    expiry = pd.Timestamp("2026-03-20T20:00Z") + pd.to_timedelta(dice.integers(0, 3, rows), "D")
    blank = dice.random(rows) < 0.3
    texts = [t.tz_convert("Asia/Tokyo").isoformat() for t in quoted]
    columns = {
        "strike": np.arange(1.0, rows + 1.0),
        "kind": ["C", "put"] * (rows // 2),
        "expiry": [t.isoformat() for t in expiry] if as_text else list(expiry),
        "open_interest": 1,
        "iv": 0.3,
        "quote_time": np.where(blank, "" if as_text else None, np.array(texts, dtype=object)),
        "open_interest_date": [
            str(t.date()) if as_text or at % 2 else t.date() for at, t in enumerate(counted)
        ],
    }
    chain = chain_of(pd.DataFrame(columns))
    for at in range(rows):
        assert chain["expiry"][at] == expiry[at].tz_localize(None).to_datetime64()
        assert chain["open_interest_date"][at] == counted[at].to_datetime64()
        said = None if blank[at] else quoted[at].tz_localize(None).to_datetime64()
        assert np.isnat(chain["quote_time"][at]) if said is None else chain["quote_time"][at] == said
    assert list(chain["kind"]) == ["call", "put"] * (rows // 2)


def test_a_column_of_nothing_is_missing() -> None:
    for nothing in (None, np.nan, pd.NA, pd.NaT):
        chain = chain_of(frame(volume=pd.Series([nothing] * 3, dtype=object)))
        assert np.isnan(chain["volume"]).all()


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(SchemaError, match=r"kind: 1 of 3 rows are not legal \(first: row 1 = b'\\xff'\)"):
        chain_of(frame(kind=[b"C", b"\xff", "put"]))


def test_settlement_row_by_row() -> None:
    chain = chain_of(frame(expiry=["2026-03-20"] * 3, settlement=["AM", "PM", "PM"]))
    assert [str(m)[11:16] for m in chain["expiry"]] == ["13:30", "20:00", "20:00"]


@pytest.mark.parametrize(
    "moments",
    [
        ["2026-03-20T16:00:00-04:00"] * 3,
        [dt.datetime(2026, 3, 20, 20, tzinfo=dt.UTC)] * 3,
        pd.to_datetime(["2026-03-20T16:00"] * 3).tz_localize("America/New_York"),
    ],
)
def test_moments_keep_their_offset(moments: Any) -> None:
    chain = chain_of(frame(expiry=moments))
    assert {str(m)[:16] for m in chain["expiry"]} == {"2026-03-20T20:00"}
    with pytest.raises(SchemaError, match=r"settlement: given, but expiry already holds .*Leave it out"):
        chain_of(frame(expiry=moments), settlement="PM")


def test_numbers_in_text_are_read_and_blanks_are_missing() -> None:
    chain = chain_of(
        frame(open_interest=["1,234", "", None], iv=["0.31", "n/a", "0.3"], bid=["1.5", " ", "2"])
    )
    np.testing.assert_array_equal(chain["open_interest"], [1234, np.nan, np.nan])
    np.testing.assert_array_equal(chain["iv"], [0.31, np.nan, 0.3])
    np.testing.assert_array_equal(chain["bid"], [1.5, np.nan, 2])


def test_contract_size_comes_from_one_place() -> None:
    assert list(chain_of(frame(multiplier=[1, 10, 100]), multiplier=None)["multiplier"]) == [1, 10, 100]
    with pytest.raises(SchemaError, match="multiplier: missing; pass multiplier= units per contract"):
        chain_of(multiplier=None)
    with pytest.raises(SchemaError, match="multiplier: given as an argument and as a column"):
        chain_of(frame(multiplier=[1, 10, 100]))
    with pytest.raises(SchemaError, match=r"multiplier: 3 of 3 rows are <= 0"):
        chain_of(multiplier=0)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"strike": [-5.0, 1.0, 2.0]}, r"strike: 1 of 3 rows are <= 0 \(first: row 0 = -5.0\)"),
        ({"strike": ["a", 1.0, "b"]}, r"strike: 2 of 3 rows are not numbers \(first: row 0 = 'a'\)"),
        ({"strike": ["22,5", "1", "2"]}, r"strike: 1 of 3 rows are not numbers \(first: row 0 = '22,5'\)"),
        (
            {"kind": ["call", "put", "straddle"]},
            r"kind: 1 of 3 rows are not legal \(first: row 2 = 'straddle'\)",
        ),
        ({"kind": [True, False, True]}, r"kind: 3 of 3 rows are not legal \(first: row 0 = True\)"),
        ({"iv": [31.0, 42.0, 29.0]}, r"iv: the median is 31, but the column must hold decimals"),
        ({"iv": [0.2, 0.3, -0.1]}, r"iv: 1 of 3 rows are < 0 \(first: row 2 = -0.1\)"),
        ({"strike": [22.5, 22.5, 30.0], "kind": ["put"] * 3}, r"contract: 1 of 3 rows repeat an earlier row"),
        (
            {"contract": ["a", "b", "a"]},
            r"contract: 1 of 3 rows repeat an earlier row \(first: row 2 = 'a'\)",
        ),
        (
            {"expiry": ["2026-03-20", "soon", None]},
            r"expiry: 2 of 3 rows are neither .* \(first: row 1 = 'soon'\)",
        ),
        ({"expiry": ["2026-02-30", "2026-03-20", "2026-03-20"]}, r"expiry: 1 of 3 rows are neither dates"),
        ({"expiry": ["3026-02-20", "2026-03-20", "2026-03-20"]}, r"expiry: 1 of 3 rows are neither dates"),
        (
            {"expiry": [20260320, 20260320, 20260320]},
            r"expiry: 3 of 3 rows are neither .* row 0 = 20260320\)",
        ),
        (
            {"expiry": [["2026-03-20"], {}, None]},
            r"expiry: 3 of 3 rows are neither .* \(first: row 0 = \['2026",
        ),
        (
            {"expiry": ["2026-03-20"] * 3, "settlement": ["PM", ["AM"], None]},
            r"settlement: received \"\['AM'\]\"",
        ),
        (
            {"expiry": ["2026-03-20T16:00"] * 3},
            r"expiry: 3 of 3 rows are neither dates nor tz-aware timestamps",
        ),
        (
            {"expiry": ["2026-03-20", "2026-03-20T16:00Z", "2026-03-20"]},
            "holds dates and tz-aware timestamps",
        ),
    ],
)
def test_what_is_wrong_with_columns(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        chain_of(frame(**columns))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"columns": {"stike": "strike"}},
            "columns: 'stike' is not a column of a chain; legal: contract, expiry",
        ),
        (
            {"data": frame().rename(columns={"iv": "vol"}), "columns": {"vol": "iv"}},
            r"columns: the map is the wrong way round, its keys the frame's names; pass \{'iv': 'vol'\}\.$",
        ),
        ({"columns": {"iv": "vol"}}, "columns: 'vol' not in the frame; it holds strike, kind"),
        ({"asof": "2026-02-05T15:00:00"}, "asof: .* has no time zone"),
        ({"asof": "3026-02-05T15:00:00Z"}, "asof: .* is not a timestamp"),
        ({"spot": np.nan}, "spot: received nan"),
        ({"spot": 10**400}, "spot: received 1000"),
        ({"data": frame().drop(columns="iv")}, "iv: missing; a chain needs it"),
        ({"data": frame().head(0)}, "frame: has no rows"),
        ({"data": {"strike": [1.0]}}, "frame: received dict; legal: a table of pandas, polars or pyarrow"),
        (
            {"data": frame(expiry=["2026-03-20"] * 3), "settlement": "noon"},
            "settlement: received 'noon'; legal: 'AM'",
        ),
        (
            {"data": frame(expiry=["2026-03-20"] * 3), "settlement": "08:00 Mars/Base"},
            "settlement: received '08:00 Mars",
        ),
        (
            {"data": pd.concat([frame(), frame()[["iv"]]], axis=1)},
            "columns: 'iv' occur in the frame more than once",
        ),
    ],
)
def test_what_is_wrong_with_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        chain_of(**arguments)


def test_every_problem_in_one_error() -> None:
    data = frame(strike=["a", 1.0, 2.0], kind=["c", "x", "p"], expiry=["2026-03-20"] * 3).drop(columns="iv")
    with pytest.raises(SchemaError) as caught:
        chain_of(data, spot=-1, asof="2026-02-05", multiplier=None, columns={"delta": "d"})
    named = {line[4:].split(":")[0] for line in str(caught.value).splitlines()[1:]}
    assert named == {"columns", "multiplier", "expiry", "asof", "spot", "strike", "kind", "iv"}


def test_times_of_quotes_and_days_of_open_interest() -> None:
    data = frame(
        quoted=["2026-02-05T14:59:00-05:00", None, pd.Timestamp("2026-02-05T19:30Z")],
        open_interest_date=["2026-02-04", dt.date(2026, 2, 3), " "],
    )
    chain = chain_of(data, columns={"quote_time": "quoted"})
    np.testing.assert_array_equal(chain.quote_age, [1.0, np.nan, 30.0])
    assert [str(day)[:16] for day in chain["open_interest_date"]] == [
        "2026-02-04T00:00",
        "2026-02-03T00:00",
        "NaT",
    ]


def test_unreadable_times_are_refused_together() -> None:
    data = frame(
        quote_time=["2026-02-05T14:59:00", "2026-02-05T14:59:00Z", None],
        open_interest_date=["soon", "2026-02-05T10:00", "2026-02-04"],
    )
    with pytest.raises(SchemaError) as error:
        chain_of(data)
    text = str(error.value)
    assert (
        "quote_time: 1 of 3 rows are not tz-aware timestamps (first: row 0 = '2026-02-05T14:59:00')" in text
    )
    assert (
        "open_interest_date: 2 of 3 rows are neither dates nor tz-aware timestamps (first: row 0 = 'soon')"
        in text
    )


def test_values_that_are_no_numbers_moments_or_text() -> None:
    with pytest.raises(SchemaError, match=r"root: text with half a character \(a lone surrogate\)"):
        chain_of(frame(root=pd.Series(["a", "\ud800", "b"], dtype=object)))
    with pytest.raises(SchemaError, match="expiry: 1 of 3 rows are neither dates nor tz-aware timestamps"):
        chain_of(frame(expiry=pd.Series(["2026-03-20T20:00Z", pd.NaT, "2026-03-20T20:00Z"], dtype=object)))
    with pytest.raises(
        SchemaError, match=r"multiplier: 3 of 3 rows are not numbers \(first: row 0 = \[1\]\)"
    ):
        chain_of(multiplier=[1])
    for settlement, shown in (([None], r"'\[None\]'"), ("\ud800", r"'\\ud800'")):
        with pytest.raises(SchemaError, match=rf"settlement: received {shown}; legal: 'AM'"):
            chain_of(frame(expiry=["2026-03-20"] * 3), settlement=settlement)


def test_keys_in_the_index_are_columns() -> None:
    plain = chain_of()
    for keys in (["strike"], ["expiry", "strike", "kind"]):
        keyed = chain_of(frame().set_index(keys))
        assert list(keyed["contract"]) == list(plain["contract"])
    other = chain_of(frame().rename(columns={"strike": "K"}).set_index("K"), columns={"strike": "K"})
    assert list(other["strike"]) == list(plain["strike"])
    shadowed = frame().set_index(pd.Index([7, 8, 9], name="strike"))
    assert list(chain_of(shadowed)["strike"]) == list(plain["strike"])
    grouped = frame().set_index([pd.Index(["a", "b", "c"], name="desk"), "iv"])
    assert list(chain_of(grouped)["iv"]) == list(plain["iv"])


def test_columns_of_several_levels_are_refused() -> None:
    with pytest.raises(SchemaError, match=r"frame: its columns have 2 levels .*; one is needed"):
        chain_of(pd.concat({"quotes": frame()}, axis=1))


def test_an_empty_frame_is_refused_in_one_sentence() -> None:
    for arguments in ({}, {"settlement": "PM"}):
        with pytest.raises(SchemaError, match=r"^frame: has no rows; at least one contract is needed.$"):
            chain_of(frame().head(0), **arguments)


def test_strikes_of_two_roots_have_names_of_their_own() -> None:
    twice = frame(strike=[22.5, 22.5, 30.0], kind="put")
    chain = chain_of(twice.assign(root=["XYZ", "XYZ1", ""]))
    assert [name.split("-")[0] for name in chain["contract"]] == ["XYZ", "XYZ1", "XYZ"]
    with pytest.raises(
        SchemaError, match=r"contract: 1 of 3 rows repeat .* pass a column `root` or `contract`"
    ):
        chain_of(twice)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"spot": pd.Series([24.1, 24.2])},
            "spot: received a Series of 2 values; spot must be a number > 0.",
        ),
        ({"spot": pd.Series([24.1])}, "spot: received a Series of 1 values"),
        ({"asof": pd.Series([ASOF])}, "asof: received a Series of 1 values, which is not a timestamp"),
        ({"asof": "1677-09-22T00:00Z"}, "asof: .*; legal: a timestamp of the years 1900 to 2189"),
        ({"columns": "strike"}, "columns: received 'strike'; a mapping of canonical names"),
        (
            {"data": frame(open_interest=[10, 1e308, 30])},
            "open_interest: 1 of 3 rows are larger than 1e\\+30",
        ),
        ({"data": frame(strike=[22.5, 1e-310, 30])}, "strike: 1 of 3 rows are smaller than 1e-30"),
        (
            {
                "data": frame(
                    expiry=pd.to_datetime(["1700-01-01T00:00Z", "2026-03-20T00:00Z", "2026-03-20T00:00Z"])
                )
            },
            "expiry: 1 of 3 rows lie outside the years 1900 to 2189",
        ),
    ],
)
def test_arguments_that_would_break_further_on(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        chain_of(**arguments)
