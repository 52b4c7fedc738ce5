import itertools
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow import checks, schema
from gammaflow.columns import Column, changed, numbers, rows_of, validate
from gammaflow.errors import GammaflowError, SchemaError


def good(n=3):
    return {
        "contract": [f"c{i}" for i in range(n)],
        "expiry": pd.DatetimeIndex(["2026-03-01T08:00Z"] * n),
        "strike": np.arange(n) + 1.5,
        "kind": ["call"] * n,
        "open_interest": [1.0] * n,
        "multiplier": [100.0] * n,
        "iv": [0.5] * n,
    }


def test_validate_returns_read_only_columns_in_the_dictionarys_order():
    columns = validate(good(), schema.CHAIN, "chain")
    assert list(columns) == list(schema.CHAIN)
    assert columns["strike"].tolist() == [1.5, 2.5, 3.5]
    assert columns["rate"].tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(columns["forward"]).all()
    for values in columns.values():
        assert not values.flags.writeable
    with pytest.raises(TypeError):
        columns["strike"] = 1


def test_validate_neither_freezes_nor_follows_the_callers_array():
    source = good() | {"strike": np.array([1.0, 2.0, 3.0])}
    columns = validate(source, schema.CHAIN, "chain")
    source["strike"][0] = 7.0
    assert columns["strike"][0] == 1.0


def test_all_problems_come_in_one_error():
    source = good() | {"strike": [1.0, -5.0, np.nan], "kind": ["call", "put", "future"], "colour": [1, 2, 3]}
    source.pop("iv")
    with pytest.raises(SchemaError) as error:
        validate(source, schema.CHAIN, "chain")
    text = str(error.value)
    assert "strike: 1 of 3 rows are <= 0 (first: row 1 = -5.0); strike must be > 0. Drop them" in text
    assert "strike: 1 of 3 rows are missing (first: row 2 = nan)" in text
    assert (
        "kind: 1 of 3 rows are not legal (first: row 2 = 'future'); kind must be one of 'call', 'put'" in text
    )
    assert "colour: not a column of a chain" in text
    assert "iv: missing; a chain needs it (implied volatility" in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"strike": [1.0, np.inf, 2.0]}, "strike: 1 of 3 rows are infinite"),
        ({"rate": [0.0, 6.0, 0.0]}, "rate: 1 of 3 rows are > 5"),
        ({"open_interest": [1, -1, 2]}, "open_interest: 1 of 3 rows are < 0"),
        ({"contract": ["a", "b", "a"]}, "contract: 1 of 3 rows repeat an earlier row (first: row 2 = 'a')"),
        ({"contract": ["a", None, "b"]}, "contract: 1 of 3 rows are missing"),
        ({"expiry": ["2026-03-01"] * 3}, "without a time zone"),
        ({"expiry": pd.DatetimeIndex(["2026-03-01T08:00Z", None, None])}, "expiry: 2 of 3 rows are missing"),
        ({"iv": [0.1, 0.2]}, "columns differ in length"),
        ({"strike": ["1,000.5", "abc", "7"]}, "strike: 1 of 3 rows are not numbers (first: row 1 = 'abc')"),
        ({"strike": [1j, 2j, 3j]}, "strike: received complex128 values; numbers are needed"),
        (
            {"expiry": pd.DatetimeIndex(np.array(["3000-01-01"] * 3, "datetime64[s]"), tz="UTC")},
            "expiry: holds times outside 1678 .. 2261",
        ),
        ({"expiry": np.array(["NaT"] * 3, "datetime64[ns]")}, "expiry: 3 of 3 rows are missing"),
        ({"strike": [True, False, True]}, "strike: received bool values; numbers are needed"),
    ],
)
def test_each_illegal_value_is_named(change, words):
    with pytest.raises(SchemaError, match="chain not accepted") as error:
        validate(good() | change, schema.CHAIN, "chain")
    assert words in str(error.value)
    assert isinstance(error.value, GammaflowError)
    assert isinstance(error.value, ValueError)


def test_numbers_reads_separators_and_blanks():
    array, problems = numbers(["1,234.5", " 7 ", "", None, "nan"], "x")
    assert problems == []
    np.testing.assert_array_equal(array, [1234.5, 7.0, np.nan, np.nan, np.nan])


def test_numbers_of_nullable_integers():
    array, problems = numbers(pd.array([1, None, 3], dtype="Int64"), "x")
    assert problems == []
    np.testing.assert_array_equal(array, [1.0, np.nan, 3.0])


def test_utc_converts_and_refuses():
    assert checks.utc("2026-02-05T10:00-05:00") == pd.Timestamp("2026-02-05T15:00Z")
    with pytest.raises(SchemaError, match="has no time zone"):
        checks.utc("2026-02-05")
    with pytest.raises(SchemaError, match="is not a timestamp"):
        checks.utc("yesterday-ish")
    with pytest.raises(SchemaError, match="has no time zone"):
        checks.utc(None)


def test_check_number_and_choice():
    assert checks.check_number("2.5", "x") == 2.5
    for bad in ("two", None, np.nan, np.inf, 0.0, -1):
        with pytest.raises(SchemaError, match="x: received"):
            checks.check_number(bad, "x", 0.0, open_low=True)
    with pytest.raises(SchemaError, match="legal: 'a', 'b'"):
        checks.check_choice("c", "x", ("a", "b"))


def test_glossary_lists_every_column():
    table = schema.glossary()
    assert len(table) == len(schema.CHAIN) + len(schema.BOOK) + len(schema.TRADES)
    assert table.loc[("book", "position"), "meaning"].startswith("dealers' signed position")
    assert (table["unit"] != "").all()
    assert (table["legal"] != "").all()


def is_legal(column: Column, value: object) -> bool:
    """A naive reading of the dictionary, one value at a time."""
    if column.type == "text":
        known = value is not None and value == value and len(str(value)) <= 500
        return known and (not column.choices or value in column.choices)
    number = float(value)  # type: ignore[arg-type]
    if number != number:
        return column.missing_ok
    lowest = 1e-30 if column.open_low and column.low == 0.0 else column.low
    highest = 1e30 if column.high == np.inf else column.high
    return abs(number) != np.inf and lowest <= number <= highest and (highest < 1e30 or abs(number) <= 1e30)


ODD_NUMBERS = [np.nan, np.inf, -np.inf, 0.0, -1.0, 1.0, 5.0, 5.1, 1e-31, 1e-30, 1e30, 1.1e30, -1.1e30]
ODD_TEXTS = ["call", "put", "european", "", "x" * 500, "x" * 501, None, 7, np.nan, b"call"]


@pytest.mark.parametrize("name", ["strike", "iv", "rate", "bid", "vendor_delta", "kind", "exercise", "root"])
def test_arrays_pass_the_checks_that_each_value_passes(name: str) -> None:
    column = schema.CHAIN[name]
    odd = ODD_TEXTS if column.type == "text" else ODD_NUMBERS
    dtype = object if column.type == "text" else np.float64
    for pair in itertools.product(odd, repeat=2):
        columns = {column.name: np.array(pair, dtype=dtype)}
        legal = all(is_legal(column, value) for value in pair)
        try:
            found = validate(columns, {column.name: column}, "chain")[column.name]
        except SchemaError:
            assert not legal, pair
        else:
            assert legal, pair
            np.testing.assert_array_equal(found, columns[column.name])
            assert not found.flags.writeable
            assert columns[column.name].flags.writeable


def test_repeats_and_steering_characters_in_arrays() -> None:
    with pytest.raises(SchemaError, match=r"1 of 2 rows repeat an earlier row"):
        validate({"contract": np.array(["a", "a"], object)}, {"contract": schema.CHAIN["contract"]}, "chain")
    found = validate({"root": np.array(["a\x1b[2J", "b"], object)}, {"root": schema.CHAIN["root"]}, "chain")[
        "root"
    ]
    assert found.tolist() == ["a\\x1b[2J", "b"]


def test_only_what_is_replaced_in_legal_columns_is_validated_again():
    chain = gf.demo_chain()
    some = rows_of(chain.columns, chain["kind"] == "put")
    again = validate(some, schema.CHAIN, "chain")
    assert all(again[name] is values for name, values in some.items())
    assert not any(values.flags.writeable for values in some.values())
    with pytest.raises(SchemaError, match="strike: 1 of 598 rows are <= 0"):
        gf.Chain(
            changed(chain.columns, strike=np.where(np.arange(598) == 3, -1.0, chain["strike"])),
            chain.symbol, chain.spot, chain.asof,
        )  # fmt: skip
    book = gf.assign_positions(chain)
    with pytest.raises(SchemaError, match="position: 1 of 598 rows are missing"):
        replace(book, columns=changed(book.columns, position=np.append(book["position"][1:], np.nan)))
    loaded = pickle.loads(pickle.dumps(some))
    assert validate(loaded, schema.CHAIN, "chain")["iv"] is not loaded["iv"]
    assert rows_of(dict(some), np.array([1]))["strike"].tolist() == [some["strike"][1]]
