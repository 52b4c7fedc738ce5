from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gammaflow.errors import ReaderError
from gammaflow.market.chain import Chain
from gammaflow.market.readers import read_chain
from gammaflow.market.readers.cboe import moment_in_preamble
from gammaflow.market.readers.osi import INDEX_ROOTS, moments, parse_symbols
from support.reader_samples import (
    CBOE_CSV,
    CBOE_CSV_FUND,
    CBOE_JSON,
    CBOE_JSON_TRIMMED,
    HEADER,
    cboe_json,
    listed_quote,
)


def read(folder: Path, text: str, **arguments: Any) -> Chain:
    path = folder / "file.txt"
    path.write_text(text, encoding="utf-8")
    return read_chain(path, **arguments)


def moments_of(chain: Chain) -> list[str]:
    return [str(m)[:16] for m in chain["expiry"]]


def test_quote_table(tmp_path: Path) -> None:
    chain = read(tmp_path, CBOE_CSV)
    assert (chain.symbol, chain.spot, chain.currency) == ("SPX", 4500.25, "USD")
    assert (chain.vendor, chain.venue, chain.file_format) == ("cboe", "US options", "cboe_csv")
    assert (chain.quote_unit, chain.synthetic) == ("currency", False)
    assert chain.asof == pd.Timestamp("2022-02-05T20:09:00-05:00")
    assert list(chain["contract"][2:4]) == ["SPX220218C04500000", "SPX220218P04500000"]
    assert list(chain["kind"]) == ["call", "put"] * 3
    assert list(chain["settlement"]) == ["PM", "PM", "AM", "AM", "PM", "PM"]
    assert moments_of(chain)[::2] == ["2022-02-04T21:00", "2022-02-18T14:30", "2022-02-18T21:00"]
    np.testing.assert_array_equal(chain["iv"], [0, 0, 0.2011, 0.1987, 0.2021, 0])
    np.testing.assert_array_equal(chain["open_interest"], [12, 7, 2305, 1840, 12305, 0])
    np.testing.assert_array_equal(chain["bid"], [0, 0, 70.8, 67.5, 1071.8, 68.5])
    np.testing.assert_array_equal(chain["vendor_delta"], [0, 0, 0.51, -0.49, 0.52, -0.48])
    assert set(chain["exercise"]) == {"european"}
    assert set(chain["multiplier"]) == {100.0}
    assert chain.quality.table["rows"].to_dict() == {"expired": 2, "implied volatility zero": 1}


def test_fund_is_american_keeps_half_strikes_and_leaves_adjusted_contracts_out(tmp_path: Path) -> None:
    chain = read(tmp_path, CBOE_CSV_FUND)
    assert (chain.symbol, len(chain)) == ("SPY", 2)
    assert set(chain["strike"]) == {437.5}
    assert set(chain["exercise"]) == {"american"}
    assert moments_of(chain) == ["2023-09-22T20:00"] * 2
    assert dict(chain.left_out) == {"adjusted contracts (root ends in a digit, other deliverable)": 2}


def test_old_header_names(tmp_path: Path) -> None:
    old = CBOE_CSV.replace("Volume,IV", "Vol,IV").replace("Open Interest", "Open Int")
    assert HEADER not in old
    np.testing.assert_array_equal(
        read(tmp_path, old)["open_interest"], read(tmp_path, CBOE_CSV)["open_interest"]
    )
    np.testing.assert_array_equal(read(tmp_path, old)["volume"], [3, 0, 15, 9, 15, 9])


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("December 12, 2022 at 8:30 PM EST", "2022-12-12T20:30:00-05:00"),
        ("February 5 2022, 8:09 PM EST", "2022-02-05T20:09:00-05:00"),
        ("September 14, 2023 at 4:31 PM EDT", "2023-09-14T16:31:00-04:00"),
        ("12 December 2022 at 8:30 EST PM", "2022-12-12T20:30:00-05:00"),
        ("Dec 12, 2022 at 12:05 AM ET", "2022-12-12T00:05:00-05:00"),
        ("November 6, 2022 at 1:30 AM EDT", "2022-11-06T01:30:00-04:00"),
        ("November 6, 2022 at 1:30 AM EST", "2022-11-06T01:30:00-05:00"),
        ("December 12, 2022", None),
        ("December 12, 2022 at 8:30 EST", None),
        ("December 12, 2022 at 20:30 PM EST", None),
        ("February 30, 2022 at 8:30 PM EST", None),
        ("12 décembre 2022 à 20:30 UTC+1", None),
    ],
)
def test_moment_in_words(text: str, moment: str | None) -> None:
    assert moment_in_preamble(text) == (None if moment is None else pd.Timestamp(moment))


def test_asof_replaces_the_moment_of_the_file_and_is_needed_without_one(tmp_path: Path) -> None:
    undated = CBOE_CSV.replace("February 5 2022, 8:09 PM EST", "5 février 2022 à 20:09")
    with pytest.raises(ReaderError, match=r"asof: the file does not say.*Pass asof="):
        read(tmp_path, undated)
    early = read(tmp_path, undated, asof="2022-02-01T16:00:00-05:00")
    assert early.asof == pd.Timestamp("2022-02-01T21:00:00Z")
    assert (early.years > 0).all()
    assert read(tmp_path, CBOE_CSV, asof="2022-02-01T16:00:00-05:00").asof == early.asof


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (HEADER + "\n", "", r"line of column names .* is missing"),
        (",Strike,", ",", r"columns missing in the header \(file line 4\): 'Strike'"),
        (
            "IV,Delta,Gamma,Open Interest,Strike",
            "Delta,Gamma,OI,Strike",
            r"'iv' of the calls, 'open interest' of",
        ),
        ("Last: 4500.25", "4500.25", r"spot: no 'Last:' above the header"),
        ("Last: 4500.25", "Last: NaN", r"spot: received nan"),
        ("Last: 4500.25", "Last: n.a", r"spot \('Last:' above the header\): 1 of 1 rows are not numbers"),
        ("0.2011", "20%", r"iv: 1 of 6 rows are not numbers \(first: file line 6 = '20%'\)"),
        ("0.2011", '"0,2011"', r"iv: 1 of 6 rows are not numbers \(first: file line 6 = '0,2011'\)"),
        ("0.2011", "-0.2", r"iv: 1 of 6 rows are < 0 \(first: file line 6 = -0.2\)"),
        (
            "4500.00,SPX2",
            "-4500.00,SPX2",
            r"strike: 2 of 6 rows differ .* \(first: file line 6 = '-4500.00'\)",
        ),
        ("4500.00,SPX2", "x,SPX2", r"strike: 2 of 6 rows are not numbers \(first: file line 6 = 'x'\)"),
        ("SPX220218P04500000", "SPX220218C04500000", r"kind: 1 of 6 rows differ from the contract's symbol"),
        (
            "SPX220218P04500000",
            "SPX",
            r"contract: 1 of 6 rows are not option symbols \(first: file line 6 = 'SPX'",
        ),
        ("SPX220218P04500000", "SPX220230P04500000", r"contract: 1 of 6 rows are not option symbols"),
        (
            "Fri Feb 18 2022,SPX2",
            "Thu Feb 17 2022,SPX2",
            r"day: 2 of 6 rows differ from the contract's symbol",
        ),
        (
            "Fri Feb 18 2022,SPX2",
            "Fri Feb 30 2022,SPX2",
            r"expiration date: 2 of 6 rows are not dates \(first: file l",
        ),
        ("SPXW220218", "SPX220218", r"contract: 2 of 6 rows repeat an earlier row \(first: file line 7"),
        (
            ",0.1987,-0.49,0.002,1840",
            "",
            r"1 of 3 lines do not have the 22 fields .* \(first: file line 6 has 18\)",
        ),
        ("SPX220218", "XYZ220218", r"root XYZ has no known settlement; known roots: SPX, "),
        (
            "SPX220218",
            "NDX220218",
            r"2 underlyings: SPX \(4 rows\), NDX \(2 rows\)\. Pick one with symbol='SPX'",
        ),
    ],
)
def test_what_is_wrong_with_a_quote_table(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in CBOE_CSV
    text = CBOE_CSV.replace(old, new)
    with pytest.raises(ReaderError, match=message):
        read(tmp_path, text, symbol="XYZ" if "XYZ" in new else None)


def test_every_problem_in_one_error(tmp_path: Path) -> None:
    text = CBOE_CSV.replace("Last: 4500.25", "Last: 0").replace("0.2011", "x").replace("8:09 PM", "").replace(
        ",1840", ",-1"
    )  # fmt: skip
    with pytest.raises(ReaderError) as caught:
        read(tmp_path, text)
    lines = str(caught.value).splitlines()
    assert [line[4:].split(":")[0] for line in lines[1:]] == ["asof", "spot", "open_interest", "iv"]


def test_all_expired_still_reads(tmp_path: Path) -> None:
    chain = read(tmp_path, CBOE_CSV, asof="2030-01-01T00:00:00Z")
    assert chain.quality.usable == 0
    assert chain.quality.table["rows"].to_dict() == {"expired": 6}


def test_unnamed_symbol_is_refused_with_those_present(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match=r"symbol='RUT' is not in the file; it holds SPX \(6 rows\)"):
        read(tmp_path, CBOE_CSV, symbol="RUT")
    assert len(read(tmp_path, CBOE_CSV, symbol="^spx")) == 6


def test_json(tmp_path: Path) -> None:
    chain = read(tmp_path, CBOE_JSON)
    assert (chain.symbol, chain.spot, chain.file_format) == ("RUT", 1806.12, "cboe_json")
    assert chain.asof == pd.Timestamp("2023-09-21T03:17:42Z")
    assert moments_of(chain) == ["2024-06-21T13:30", "2024-06-21T20:00"]
    assert list(chain["strike"]) == [1800.0, 1792.5]
    assert list(chain["iv"]) == [0.2214, 0.0]
    assert list(chain["vendor_theta"]) == [-0.611, -0.611]
    assert list(chain["exercise"]) == ["european"] * 2


def test_trimmed_json_needs_asof(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="Pass asof="):
        read(tmp_path, CBOE_JSON_TRIMMED)
    chain = read(tmp_path, CBOE_JSON_TRIMMED, asof="2026-07-01T15:00:00-04:00")
    assert (chain.symbol, chain.spot) == ("IBIT", 34.84)
    assert list(chain["strike"]) == [22.5, 22.5]
    assert list(chain["exercise"]) == ["american"] * 2
    assert np.isnan(chain["bid"]).all()


def test_adjusted_contracts_of_a_share(tmp_path: Path) -> None:
    rows = [listed_quote("AAPL260717C00150000"), listed_quote("AAPL1260717C00150000")]
    chain = read(tmp_path, cboe_json(*rows, symbol="AAPL", security_type="stock"))
    assert (chain.symbol, list(chain["root"])) == ("AAPL", ["AAPL"])
    assert sum(chain.left_out.values()) == 1
    with pytest.raises(ReaderError, match="no row has a standard option contract"):
        read(tmp_path, cboe_json(rows[1], symbol="AAPL", security_type="stock"))


def test_a_table_without_a_row(tmp_path: Path) -> None:
    head = (
        "X Index,Last: 4505.1,Change:  37.66\n"
        '"Date: September 14, 2023 at 4:31 PM EDT",Bid: 4483.25,Ask: 4526.27,Size: 1*1,Volume: 0\n'
        "Expiration Date,Calls,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest,Strike,"
        "Puts,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest\n"
    )
    with pytest.raises(ReaderError, match="no row has a standard option contract; at least one is needed"):
        read(tmp_path, head)


def altered(**data: Any) -> str:
    document = json.loads(CBOE_JSON)
    document["data"] |= data
    return json.dumps(document)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (altered(options=[]), "data.options is an empty list"),
        (altered(options={"a": 1}), "data.options is dict; a list with one object per contract"),
        (altered(options=[1, 2]), r"2 of 2 rows are not objects \(first: data.options\[0\] = 1.0\)"),
        (
            altered(options=[{"option": "RUT240621C01800000"}]),
            "fields missing in data.options: iv, open_interest",
        ),
        (altered(current_price=None), "spot: received None"),
        (altered(current_price=-1), "spot: received -1"),
        (cboe_json(listed_quote("RUT240621C01800000", iv="high")), r"first: data.options\[0\] = 'high'"),
        (cboe_json(listed_quote("XYZ240621C01800000")), "index option root XYZ has no known settlement"),
        (
            cboe_json(listed_quote("RUT240621C00000000")),
            r"strike: 1 of 1 rows are <= 0 \(first: data.options\[0\]",
        ),
    ],
)
def test_what_is_wrong_with_the_json(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ReaderError, match=message):
        read(tmp_path, text)


def test_symbols_are_parsed_from_the_right() -> None:
    good = ["BRKB  260717C00412500", "O:SPY260717P00600000", "AAPL7260717C00150000"]
    parts = parse_symbols(pd.Series([*good, "SPY", None, "SPY260732C00600000"]))
    assert parts["root"].tolist()[:3] == ["BRKB", "SPY", "AAPL7"]
    assert parts["strike"].tolist()[:3] == [412.5, 600.0, 150.0]
    assert parts["kind"].tolist()[:3] == ["call", "put", "call"]
    assert parts["root"].isna().tolist() == [False] * 3 + [True] * 3


def test_saturday_symbols_of_old_expire_on_friday() -> None:
    assert parse_symbols(pd.Series(["SPX130119C01500000"]))["day"][0] == pd.Timestamp("2013-01-18")


def test_clocks_follow_daylight_saving() -> None:
    days = pd.to_datetime(["2026-03-06", "2026-03-09"])
    assert [m.hour for m in moments(days, "PM")] == [21, 20]
    assert [m.hour for m in moments(days, "AM")] == [14, 13]
    assert [m.hour for m in moments(days, "08:00 UTC")] == [8, 8]


@pytest.mark.parametrize(
    ("day", "close"),
    [
        ("2025-11-28", "18:00"), ("2025-12-24", "18:00"), ("2025-07-03", "17:00"), ("2026-07-03", "20:00"),
        ("2026-11-26", "21:00"), ("1990-12-24", "21:00"),
    ],
)  # fmt: skip
def test_half_days_close_early_and_holidays_do_not(day, close):
    days = pd.to_datetime([day, "2026-03-27"])
    assert moments(days, "PM").strftime("%H:%M").tolist() == [close, "20:00"]
    assert moments(days, "16:00 America/New_York")[0].strftime("%H:%M") in ("20:00", "21:00")


def test_index_roots_settle_as_listed() -> None:
    am = {root for root, (_, settlement, _) in INDEX_ROOTS.items() if settlement == "AM"}
    assert am == {"SPX", "NDX", "RUT", "DJX", "VIX", "VIXW"}
    assert {root for root, (*_, style) in INDEX_ROOTS.items() if style == "american"} == {"OEX"}
