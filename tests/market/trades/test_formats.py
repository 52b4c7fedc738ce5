"""Values of each format exactly, and one clear error for what is not one."""

import datetime as dt
import json
import pickle

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import ReaderError, SchemaError
from gammaflow.market.trades.contracts import contract_terms, us_symbols
from gammaflow.market.trades.frame import CONDITIONS
from gammaflow.market.trades.rows import instants
from support.tapes import OPRA_MAP, START_MS, answer, deribit_trade, opra_rows, tape, tardis_csv

COMBO = "BTC-PS-27MAR26-70000_60000"
PRINTS = {
    "contract": ["SPXW260206P06800000", "BTC-27MAR26-70000-P", "XYZ-2026-03-20T20:00-22.5-put"],
    "timestamp": [1_770_302_100_123_456_789, 1_770_302_100_123_456_790, 1_770_302_101_000_000_000],
    "price": [12.35, 0.061, 0.0], "size": [7, 2.5, 100],
}  # fmt: skip


def file(folder, text, name="tape"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_deribits_fields(tmp_path):
    rows = [
        deribit_trade(),
        deribit_trade(trade_id="2", trade_seq=42, timestamp=START_MS + 5, direction="sell", contracts=None,
                      block_trade_id="B-1", block_trade_leg_count=2, combo_id=COMBO, iv=None),
        deribit_trade(trade_id="3", trade_seq=43, timestamp=START_MS + 6, combo_id=COMBO),
        deribit_trade(trade_id="4", instrument_name="BTC-PERPETUAL", timestamp=START_MS + 7, amount=70_000),
        deribit_trade(trade_id="5", instrument_name="BTC-27MAR26", timestamp=START_MS + 7),
        deribit_trade(trade_id="6", instrument_name=COMBO, timestamp=START_MS + 7),
        deribit_trade(trade_id="7", instrument_name="BTC_USDC", timestamp=START_MS + 7),
        deribit_trade(trade_id="8", instrument_name="XRP_USDC-27MAR26-0d625-C", timestamp=START_MS + 8),
    ]  # fmt: skip
    trades = gf.read_trades(file(tmp_path, answer(rows)))
    assert trades["contract"].tolist() == [
        *["BTC-27MAR26-70000-P"] * 3, "XRP_USDC-27MAR26-0d625-C",
    ]  # fmt: skip
    assert trades["timestamp"][1] == np.datetime64("2026-02-05T09:36:47.005")
    assert trades["direction"].tolist() == [1.0, -1.0, 1.0, 1.0]
    assert trades["size"].tolist() == [2.5] * 4
    np.testing.assert_allclose(trades["iv"], [0.5621, np.nan, 0.5621, 0.5621], rtol=1e-15)
    assert trades["category"].tolist() == ["single", "block", "combo", "single"]
    assert trades["sequence"].tolist() == [41, 42, 43, 41]
    assert trades["trade_id"].tolist() == ["411000001", "2", "3", "8"]
    assert set(trades["exchange"]) == {"deribit"}
    counts = trades.counts
    assert counts["not an option"] == 4
    assert counts["not an option: future"] == 2
    assert counts["not an option: combo as a whole"] == counts["not an option: spot"] == 1
    assert trades.terms.loc["XRP_USDC-27MAR26-0d625-C", "strike"] == 0.625
    assert "2 not an option: future" in repr(trades)


def test_the_same_trades_in_every_form_of_deribit(tmp_path):
    rows, _ = tape(np.random.default_rng(1), 25)
    frame = pd.DataFrame(rows)
    forms = [
        file(tmp_path, answer(rows), "answer"),
        file(tmp_path, json.dumps(rows), "list"),
        file(tmp_path, json.dumps({"trades": rows}), "result"),
        file(tmp_path, frame.to_csv(index=False), "csv"),
        file(tmp_path, frame.astype({"trade_id": int}).to_csv(index=False, sep=";"), "semicolons"),
        frame,
        frame.astype({"trade_id": int}),
        frame.set_index("timestamp", drop=False),
    ]
    wanted = gf.read_trades(forms[0]).to_frame()
    for form in forms[1:]:
        pd.testing.assert_frame_equal(gf.read_trades(form, vendor="deribit").to_frame(), wanted)


def test_tardis_is_deribit_without_blocks_iv_and_sequence(tmp_path):
    rows, _ = tape(np.random.default_rng(2), 25)
    rows[3]["block_trade_id"] = "B-7"
    whole = gf.read_trades(pd.DataFrame(rows))
    trades = gf.read_trades(file(tmp_path, tardis_csv(rows)))
    known = ["contract", "timestamp", "price", "size", "direction", "trade_id", "exchange"]
    pd.testing.assert_frame_equal(trades.to_frame()[known], whole.to_frame()[known])
    assert set(trades["category"]) == {"single"}
    assert "does not mark blocks" in repr(trades)
    # One id is one print, whoever wrote the file; the first file's row is used.
    both = whole + trades
    assert both.counts[["used", "replayed", "block"]].to_list() == [25, 25, 1]


def test_tardis_sides_and_cut_off_lines(tmp_path):
    lines = tardis_csv(tape(np.random.default_rng(3), 6)[0]).splitlines()
    lines[2] = lines[2].replace(",buy,", ",unknown,").replace(",sell,", ",unknown,")
    lines[4] = lines[4][:40]
    trades = gf.read_trades(file(tmp_path, "\n".join(lines)))
    assert np.isnan(trades["direction"]).tolist() == [False, True, False, False, False]
    assert trades.counts["malformed: line cut off"] == 1


def test_tables_of_any_names_and_contracts():
    trades = gf.read_trades(pd.DataFrame(PRINTS))
    assert trades["timestamp"].astype(np.int64).tolist() == PRINTS["timestamp"]
    assert trades["contract"].tolist() == PRINTS["contract"]
    assert trades.terms["kind"].tolist() == ["put", "put", "put"]
    named = pd.DataFrame(PRINTS).rename(columns=str.upper)
    mapped = gf.read_trades(named, columns={name: name.upper() for name in PRINTS}, vendor="frame")
    pd.testing.assert_frame_equal(mapped.to_frame(), trades.to_frame())
    pd.testing.assert_frame_equal(gf.read_trades(trades.to_frame()).to_frame(), trades.to_frame())


def test_contracts_from_their_parts(tmp_path):
    parts = pd.DataFrame(
        {
            "root": ["^SPXW", "SPY", "SPY", "SPY"], "strike": ["6,800", 437.5, 500, 1.00001],
            "expiry": ["2026-02-06", "09/22/2023", "2026-02-30", "2026-03-20"],
            "kind": ["P", "call", "C", "C"], "t": [1_770_302_100] * 4, "price": 1.5, "size": 3,
        }
    )  # fmt: skip
    trades = gf.read_trades(parts, columns={"timestamp": "t"})
    assert trades["contract"].tolist() == ["SPXW260206P06800000", "SPY230922C00437500"]
    assert trades.counts["malformed: contract"] == 2
    path = file(tmp_path, parts.to_csv(index=False))
    read = gf.read_trades(path, columns={"timestamp": "t"})
    pd.testing.assert_frame_equal(read.to_frame(), trades.to_frame())
    days = parts.assign(expiry=pd.DatetimeIndex(["2026-02-07T01:00Z"] * 4))
    assert gf.read_trades(days, columns={"timestamp": "t"})["contract"][0] == "SPXW260206P06800000"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (["2026-02-05T09:36:47.5Z"], "2026-02-05T09:36:47.5"),
        (["2026-02-05 04:36:47-05:00"], "2026-02-05T09:36:47"),
        (["1770284207"], "2026-02-05T09:36:47"),
        ([1_770_284_207.25], "2026-02-05T09:36:47.25"),
        ([1_770_284_207_123], "2026-02-05T09:36:47.123"),
        (["1770284207123456"], "2026-02-05T09:36:47.123456"),
        (["1770284207123456789"], "2026-02-05T09:36:47.123456789"),
        (pd.array([1_770_284_207_123_456_789], "Int64"), "2026-02-05T09:36:47.123456789"),
        (pd.DatetimeIndex(["2026-02-05T04:36:47-05:00"]), "2026-02-05T09:36:47"),
        ([dt.datetime(2026, 2, 5, 9, 36, 47, tzinfo=dt.UTC)], "2026-02-05T09:36:47"),
        (["2026-02-05"], "NaT"),
        (["17"], "NaT"), (["soon"], "NaT"), ([None], "NaT"), ([1e30], "NaT"), ([-5], "NaT"), ([True], "NaT"),
    ],
)  # fmt: skip
def test_timestamps_to_the_nanosecond(given, wanted):
    read, problems = instants(pd.Series(given))
    assert problems == []
    np.testing.assert_array_equal(read, np.array([wanted], "datetime64[ns]"))


@pytest.mark.parametrize(
    "given",
    [
        ["2026-02-05 04:36:47", "2026-11-01 01:30:00", "2026-03-08 02:30:00", None],
        pd.DatetimeIndex(["2026-02-05 04:36:47", "2026-11-01 01:30:00", "2026-03-08 02:30:00", None]),
    ],
)
def test_times_without_a_zone_need_one(given):
    read, problems = instants(pd.Series(given), zone="America/New_York")
    assert problems == []
    # The clock shows the second twice and the third never.
    np.testing.assert_array_equal(read, np.array(["2026-02-05T09:36:47", *["NaT"] * 3], "datetime64[ns]"))
    _, problems = instants(pd.Series(given))
    assert "3 rows without a time zone (first: 2026-02-05 04:36:47). Pass zone=" in problems[0]
    for zone in ("Mars/Olympus", 3):
        assert "zone: received" in instants(pd.Series(given), zone=zone)[1][0]
    table = pd.DataFrame(PRINTS | {"timestamp": "2026-02-05 04:36:47"})
    with pytest.raises(ReaderError, match="3 rows without a time zone"):
        gf.read_trades(table)
    assert len(gf.read_trades(table, zone="UTC")) == 3


def test_every_condition_of_opra():
    codes = "ABCDEFGHIJKLMNOPQRSTX" + "abcdefghijklmnopqrstuv"
    meaning = {code: CONDITIONS[code] for code in codes}
    assert {code for code, word in meaning.items() if word == "cancel"} == set("ACEG")
    assert {code for code in codes if meaning[code] == "auction"} == set("abcde")
    assert set("fghijklmnopqrs") <= {code for code in codes if meaning[code] == "multi-leg"}
    rows = opra_rows(np.random.default_rng(4), 45)
    plain = [code for code in codes if meaning[code] != "cancel"]
    for row, code in zip(rows, [*plain, "", None, " ", "?", "Z", "aa"], strict=False):
        row["cond"] = code
    trades = gf.read_trades(pd.DataFrame(rows), columns=OPRA_MAP)
    assert trades.counts["malformed: condition"] == 3
    used = trades["category"][: len(plain) + 3].tolist()
    assert used == [*(meaning[code] for code in plain), "single", "single", "single"]
    assert trades["contract"][0] == rows[0]["symbol"].removeprefix("O:")
    quotes = ["bid", "ask", "bid_size", "ask_size"]
    wanted = pd.DataFrame(rows)[quotes].astype(float)[: len(used)]
    pd.testing.assert_frame_equal(trades.to_frame()[quotes][: len(used)], wanted)
    assert np.isnan(trades["best_bid"]).all()
    assert trades.gaps.empty


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"columns": {"price": "P"}}, ["columns: 'P' not in the table; it holds contract, timestamp, price"]),
        ({"columns": {"colour": "price"}}, ["'colour' is not a column of trades; legal: contract"]),
        ({"vendor": "tardis"}, ["vendor='tardis', but the file is 'trades_table'"]),
        ({"drop": "price"}, ["recognised as trades (its columns: contract, t", "columns={canonical"]),
        ({"drop": "price", "columns": {"size": "size"}}, ["columns missing: price; the table holds"]),
        ({"drop": "contract", "columns": {"size": "size"}}, ["columns missing: contract (or root, expiry"]),
        ({"twice": "size"}, ["columns: 'size' occur more than once"]),
        ({"size": [0, -1, "x"]}, ["option among 3 rows", "size: 3 rows (first: 0; legal: > 0)"]),
        ({"direction": "up"}, ["direction: 3 rows (first: 'up'; legal: buy, sell, 1 or -1; blank"]),
        ({"zone": "Mars", "timestamp": "2026-02-05 09:00"}, ["zone: received 'Mars'"]),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(change, words):
    options = {name: change.pop(name) for name in ("columns", "vendor", "zone") if name in change}
    frame = pd.DataFrame(PRINTS).drop(columns=change.pop("drop", []))
    if twice := change.pop("twice", None):
        frame.insert(0, twice, 1.0, allow_duplicates=True)
    with pytest.raises(ReaderError) as error:
        gf.read_trades(frame.assign(**change), **options)
    assert str(error.value).startswith("frame: ")
    assert all(word in str(error.value) for word in words)


def test_a_tape_without_a_trade_says_so(tmp_path):
    for text in ('{"result": {"trades": [], "has_more": false}}', "[]"):
        with pytest.raises(
            ReaderError, match="tape: holds no trades; legal: at least one print of an option"
        ):
            gf.read_trades(file(tmp_path, text))
    with pytest.raises(ReaderError, match="frame: holds no trades"):
        gf.read_trades(pd.DataFrame(PRINTS).iloc[:0])


def test_files_that_are_no_tapes(tmp_path):
    for text in ('{"error": {"code": -1}}', "[1, 2]", "a,b\n1,2\n", '{"result": {"trades": 3}}'):
        with pytest.raises(ReaderError, match="not recognised as trades"):
            gf.read_trades(file(tmp_path, text))
    with pytest.raises(ReaderError, match="columns missing: price, amount, direction, trade_id"):
        gf.read_trades(file(tmp_path, '[{"instrument_name": "BTC-PERPETUAL", "timestamp": 3}]'))
    with pytest.raises(
        ReaderError, match=r"no print of an option among 1 row[^$]*not an option: future: 1 row"
    ):
        gf.read_trades(file(tmp_path, answer([deribit_trade(instrument_name="BTC-PERPETUAL")])))
    with pytest.raises(ReaderError, match="file not found"):
        gf.read_trades(tmp_path / "none.csv")
    with pytest.raises(SchemaError, match="vendor: received 'opera'; legal: 'deribit_json'"):
        gf.read_trades(pd.DataFrame(PRINTS), vendor="opera")
    with pytest.raises(SchemaError, match="columns: received 'price'"):
        gf.read_trades(pd.DataFrame(PRINTS), columns="price")


def test_rows_that_are_no_objects_are_counted(tmp_path):
    text = json.dumps([None, deribit_trade(), 3])
    assert gf.read_trades(file(tmp_path, text)).counts[["read", "used", "malformed"]].to_list() == [3, 1, 2]


def test_words_for_directions_and_categories():
    words = ["buy", "SELL", " b ", 1, -1.0, "unknown", None, "", "up"]
    kinds = ["single", "Block", "combo", "multi-leg", "auction", None, "", "single", "single"]
    n = len(words)
    frame = pd.DataFrame(
        {"contract": ["SPXW260206P06800000"] * n, "timestamp": range(START_MS, START_MS + n), "price": 1.0,
         "size": 1.0, "direction": words, "category": kinds}
    )  # fmt: skip
    trades = gf.read_trades(frame)
    np.testing.assert_array_equal(trades["direction"], [1, -1, 1, 1, -1, np.nan, np.nan, np.nan])
    assert trades["category"].tolist() == [
        "single", "block", "combo", "multi-leg", "auction", "single", "single", "single",
    ]  # fmt: skip
    assert trades.counts["malformed: direction"] == 1
    assert gf.read_trades(frame.assign(category=["?", *kinds[1:]])).counts["malformed: category"] == 1


def test_a_bad_quote_or_volatility_makes_a_row_malformed():
    rows = opra_rows(np.random.default_rng(5), 5)
    rows[1]["bid"], rows[2]["ask"], rows[3]["ask_size"] = "wide", -1.0, np.inf
    trades = gf.read_trades(pd.DataFrame(rows), columns=OPRA_MAP)
    assert {k: n for k, n in trades.counts.items() if k.startswith("malformed: ")} == {
        "malformed: bid": 1, "malformed: ask": 1, "malformed: ask_size": 1,
    }  # fmt: skip
    assert len(trades) == 2


def test_trades_are_validated_frozen_and_pickled():
    trades = gf.read_trades(pd.DataFrame(PRINTS))
    twin = pickle.loads(pickle.dumps(trades))
    pd.testing.assert_frame_equal(twin.to_frame(), trades.to_frame())
    assert not twin["price"].flags.writeable
    assert twin.counts.equals(trades.counts)
    with pytest.raises(ValueError, match="read-only"):
        trades["price"][0] = 1.0
    columns = {**trades.columns}
    with pytest.raises(SchemaError, match="direction: received 0"):
        gf.Trades(columns | {"direction": np.array([0.0, 1, 1])})
    with pytest.raises(SchemaError, match="not in order of time"):
        gf.Trades(columns | {"timestamp": columns["timestamp"][::-1]})
    with pytest.raises(SchemaError, match="trades table not accepted") as error:
        gf.Trades(columns | {"size": [0.0, 1, 1], "category": ["a", "single", "single"]})
    assert "size: 1 of 3 rows are <= 0" in str(error.value)
    assert "category: 1 of 3 rows are not legal" in str(error.value)
    with pytest.raises(SchemaError, match="'colour' is not a column"):
        trades.select(colour="red")
    with pytest.raises(TypeError):
        trades + 1


def test_an_empty_tape_says_so():
    empty = gf.Trades(
        {name: values[:0] for name, values in gf.read_trades(pd.DataFrame(PRINTS)).columns.items()}
    )
    assert len(empty) == 0
    assert repr(empty).startswith("Trades: 0 prints of 0 contracts\n0 rows read: all used")
    assert len(empty + gf.read_trades(pd.DataFrame(PRINTS))) == 3


def test_terms_of_names():
    names = [
        "SPY   230922C00437500",
        "O:SPY230922C00437500",
        "ETH-3APR26-2250-C",
        "A-2026-03-20T20:00-1e+06-call",
        "x",
    ]
    terms = contract_terms(names)
    assert terms["contract"].fillna("").tolist() == [
        "SPY230922C00437500", "SPY230922C00437500", "ETH-3APR26-2250-C", "A-2026-03-20T20:00-1e+06-call", "",
    ]  # fmt: skip
    assert terms["strike"].tolist()[:4] == [437.5, 437.5, 2250.0, 1e6]
    assert terms["root"].tolist()[:4] == ["SPY", "SPY", "ETH", "A"]
    assert terms["day"][2] == pd.Timestamp("2026-04-03")
    assert contract_terms(["x", "SPY260231C00001000"]).isna().to_numpy().all()
    day = np.datetime64("2026-03-20")
    symbols = us_symbols(["X"] * 4, [day] * 4, ["call", "put", "x", "put"], [1.0, 0.0005, 1.0, np.nan])
    assert symbols.tolist() == ["X260320C00001000", "", "", ""]
