from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gammaflow.errors import ReaderError, SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.readers import read_chain
from support.reader_samples import YAHOO_JSON, yahoo_json, yahoo_quote


def read(folder: Path, text: str, **arguments: Any) -> Chain:
    path = folder / "file.txt"
    path.write_text(text, encoding="utf-8")
    return read_chain(path, **arguments)


def quote(**changes: Any) -> str:
    return yahoo_json(yahoo_quote("IBIT260717C00036500", "2026-07-17", "call", 36.5) | changes)


def test_chain(tmp_path: Path) -> None:
    chain = read(tmp_path, YAHOO_JSON)
    assert (chain.symbol, chain.spot, chain.file_format) == ("IBIT", 36.23, "yahoo_json")
    assert chain.asof == pd.Timestamp("2026-07-12T09:57:58.854877-04:00")
    np.testing.assert_array_equal(chain["iv"], [0.4911, 1.0000000000000003e-05, 10.312503554687503])
    np.testing.assert_array_equal(chain["open_interest"], [1440, np.nan, 1440])
    np.testing.assert_array_equal(chain["vendor_delta"], [0.5102, 0.5102, np.nan])
    np.testing.assert_array_equal(chain["volume"], [80, 80, np.nan])
    assert list(chain["strike"]) == [36.5, 36.5, 5.0]
    assert [str(m)[:16] for m in chain["expiry"]] == ["2026-07-17T20:00"] * 2 + ["2026-07-10T20:00"]
    assert set(chain["exercise"]) == {"american"}
    assert chain.quality.table["rows"].to_dict() == {
        "expired": 1,
        "implied volatility a placeholder (<= 0.1%)": 1,
    }


def test_quotes_without_greeks(tmp_path: Path) -> None:
    document = json.loads(YAHOO_JSON)
    for row in document["quotes"]:
        for name in ("delta", "gamma", "theta", "vega"):
            row[name] = None
    assert np.isnan(read(tmp_path, json.dumps(document))["vendor_gamma"]).all()
    for row in document["quotes"]:
        del row["gamma"]
    assert np.isnan(read(tmp_path, json.dumps(document))["vendor_gamma"]).all()


def test_vols_in_percent_are_called_so_before_the_few_that_no_option_has(tmp_path: Path) -> None:
    """One of three vols is above the legal 100; the cause is the unit of all of them."""
    document = json.loads(YAHOO_JSON)
    for row, iv in zip(document["quotes"], (49.11, 35.0, 103.1), strict=True):
        row["iv"] = iv
    with pytest.raises(ReaderError) as error:
        read(tmp_path, json.dumps(document))
    cause, row = str(error.value).split("\n  - ")[1:]
    assert cause.startswith("iv: the median is 49.11, but the column must hold decimals (0.56 is 56 %).")
    assert row.startswith("iv: 1 of 3 rows are > 100")
    document["quotes"][0]["iv"] = document["quotes"][1]["iv"] = 0.35
    with pytest.raises(ReaderError, match="iv: 1 of 3 rows are > 100") as error:
        read(tmp_path, json.dumps(document))
    assert "median" not in str(error.value)


def test_asof(tmp_path: Path) -> None:
    text = YAHOO_JSON.replace("-04:00", "")
    with pytest.raises(ReaderError, match="Pass asof="):
        read(tmp_path, text)
    assert read(tmp_path, text, asof="2026-07-12T14:00Z").asof == pd.Timestamp("2026-07-12T14:00Z")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            quote(strike=-36.5),
            r"strike: 1 of 1 rows differ from the contract's symbol \(first: quotes\[0\] = -36.5\)",
        ),
        (quote(strike="36,5"), r"strike: 1 of 1 rows are not numbers \(first: quotes\[0\] = '36,5'\)"),
        (quote(side="put"), "kind: 1 of 1 rows differ"),
        (quote(expiration="2026-07-18"), "day: 1 of 1 rows differ"),
        (
            quote(expiration="17.07.2026"),
            r"expiration: 1 of 1 rows are not dates \(first: quotes\[0\] = '17.07.2026'\)",
        ),
        (quote(expiration="9926-07-17"), "expiration: 1 of 1 rows are not dates"),
        (
            quote(openInterest="many"),
            r"open_interest: 1 of 1 rows are not numbers \(first: quotes\[0\] = 'many'\)",
        ),
        (quote(symbol="IBIT"), "contract: 1 of 1 rows are not option symbols"),
        (YAHOO_JSON.replace("36.23", "NaN"), "spot: received nan"),
        (YAHOO_JSON.replace("36.23", "1" + "0" * 400), "spot: received inf"),
        (YAHOO_JSON.replace('"iv"', '"sigma"'), "fields missing in quotes: iv; it holds symbol, expiration"),
        ('{"quotes": [], "underlyingPrice": 1}', "quotes is an empty list"),
    ],
)
def test_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ReaderError, match=message):
        read(tmp_path, text)


def test_the_files_own_symbol_is_taken_and_other_roots_are_counted(tmp_path: Path) -> None:
    quotes = [
        yahoo_quote("IBIT260717C00036500", "2026-07-17", "call", 36.5),
        yahoo_quote("OLD260717C00036500", "2026-07-17", "call", 36.5),
        yahoo_quote("OLD260717P00036500", "2026-07-17", "put", 36.5),
    ]
    chain = read(tmp_path, yahoo_json(*quotes))
    assert (chain.symbol, len(chain)) == ("IBIT", 1)
    assert dict(chain.left_out) == {"adjusted contracts (root OLD, not the file's symbol)": 2}
    assert len(read(tmp_path, yahoo_json(*quotes), symbol="OLD")) == 2
    with pytest.raises(ReaderError, match="holds options on 2 underlyings: OLD"):
        read(tmp_path, yahoo_json(*quotes).replace('"symbol": "IBIT",', '"symbol": "XYZ",'))


def test_rows_that_repeat_a_contract_under_another_day(tmp_path: Path) -> None:
    right = yahoo_quote("IBIT260717C00036500", "2026-07-17", "call", 36.5)
    text = yahoo_json(right | {"expiration": "2026-07-10"}, right)
    chain = read(tmp_path, text)
    assert len(chain) == 1
    assert dict(chain.left_out) == {"repeats of a contract under another day than its symbol's": 1}
    with pytest.raises(
        ReaderError, match=r"day: 1 of 2 rows differ from .* \(first: quotes\[0\] = .*\n.*spot: .* Pass spot="
    ) as e:
        read(tmp_path, text.replace("36.23", "null"))
    assert "\n" in str(e.value)
    with pytest.raises(ReaderError, match="day: 1 of 2 rows differ"):
        read(
            tmp_path,
            yahoo_json(
                right | {"expiration": "2026-07-10"}, right | {"symbol": "IBIT260717P00036500", "side": "put"}
            ),
        )
    with pytest.raises(ReaderError, match="contract: 1 of 2 rows repeat an earlier row"):
        read(tmp_path, yahoo_json(right, right))


def test_spot_in_place_of_the_files_own(tmp_path: Path) -> None:
    assert read(tmp_path, YAHOO_JSON, spot=37.5).spot == 37.5
    assert read(tmp_path, YAHOO_JSON.replace("36.23", "null"), spot=36.0).spot == 36.0


@pytest.mark.parametrize(
    "spot", [pd.Series([36.0, 37.0]), pd.Series([36.0]), np.array([1.0, 2.0]), "high", 0.0, np.inf]
)
def test_a_spot_that_is_no_price(tmp_path: Path, spot: Any) -> None:
    with pytest.raises(SchemaError, match=r"^spot: received [^\n]*; spot must be a?n? ?[^\n]*> 0") as caught:
        read(tmp_path, YAHOO_JSON, spot=spot)
    assert "\n" not in str(caught.value)


def test_recorded_files_of_adjusted_and_misfiled_contracts(shared: Path) -> None:
    chain = read_chain(shared / "data/stocks/CDE.json")
    assert (chain.symbol, len(chain), sum(chain.left_out.values())) == ("CDE", 362, 52)
    with pytest.raises(
        ReaderError, match=r"day: 8 of 40 rows differ [^\n]* repeat another row .*\n.*spot: received None"
    ):
        read_chain(shared / "data/stocks/CPRX.json")
    chain = read_chain(shared / "data/stocks/CPRX.json", spot=31.0)
    assert (chain.spot, len(chain), sum(chain.left_out.values())) == (31.0, 32, 8)
