"""Tables read by the parser of pandas: the same chain or the same refusal as value by value."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gammaflow.errors import ReaderError
from gammaflow.market.chain import Chain
from gammaflow.market.readers import read_chain, source
from gammaflow.market.readers.plain import plain_columns
from support.reader_samples import CBOE_CSV, CBOE_CSV_FUND, DERIBIT_CSV, OWN_CSV

CELLS = (
    "", " ", "7", " 7", "7 ", "+7", "007", "1e2", ".5", "5.", "-0", "-1", "nan", "inf", "1e999", "True",
    "x", "1_0",
    '"7"', '""', '"1,071"', '"1,2"', '"a', 'a"', '"a\nb"', "٣", "9007199254740993", "12345678901234567890",
    "9" * 400,
    "0.1234567890123456789", "1770284207000", "BTC-27MAR26-1-C", "BTC-PERPETUAL", "SPX220218C04500000",
    "\ufeff7",
    "2026-03-20 20:00Z", "y\u2028", "call",
)  # fmt: skip
TABLES = {
    "cboe": (CBOE_CSV, {}),
    "fund": (CBOE_CSV_FUND, {}),
    "deribit": (DERIBIT_CSV, {"symbol": "BTC"}),
    "own": (OWN_CSV, {}),
}


def outcome(content: str, arguments: dict[str, Any]) -> list[Any]:
    """Every bit of the chain, or the error's text."""
    try:
        chain: Chain = read_chain(io.BytesIO(content.encode()), **arguments)
    except ReaderError as error:
        return [str(error)]
    columns = [v.tolist() if v.dtype == object else v.tobytes() for v in chain.columns.values()]
    return [columns, chain.symbol, chain.spot, chain.asof, dict(chain.left_out), chain.file_format]


@pytest.fixture
def careful(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """`outcome` where no table counts as plain."""

    def read(*arguments: Any) -> list[Any]:
        with monkeypatch.context() as patch:
            patch.setattr(source, "plain_columns", lambda *_, **__: None)
            return outcome(*arguments)

    return read


def altered(text: str, dice: random.Random) -> str:
    """The table with a few cells, lines and line ends changed."""
    lines = text.split("\n")
    for _ in range(dice.choice([0, 1, 1, 2])):
        at = dice.randrange(len(lines) - 1)
        cells = lines[at].split(",")
        cells[dice.randrange(len(cells))] = dice.choice(CELLS)
        blank = dice.choice(["", "  ", "," * (len(cells) - 1)])
        change = dice.choice(
            [",".join(cells)] * 6 + [f"{blank}\n{lines[at]}", lines[at] + ",", lines[at][:-3]]
        )
        lines[at] = change
    return dice.choice(["\n"] * 5 + ["\r\n", "\r"]).join(lines) + dice.choice(["", "\n\n", " \n"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(TABLES)), dice=st.randoms(use_true_random=False))
def test_damaged_tables_read_as_value_by_value(
    careful: Callable[..., list[Any]], name: str, dice: random.Random
) -> None:
    text, arguments = TABLES[name]
    content = altered(text, dice)
    assert outcome(content, arguments) == careful(content, arguments)


def test_what_is_refused_is_shown_as_the_file_writes_it() -> None:
    with pytest.raises(
        ReaderError, match=r"strike: 1 of 3 rows differ .*\(first: file line 2 = '70000\.50'\)"
    ):
        read_chain(io.BytesIO(DERIBIT_CSV.replace(",70000.0,", ",70000.50,", 1).encode()), symbol="BTC")


@pytest.mark.parametrize("name", ["deribit/deribit_options_snapshot_20260205T093647Z.csv",
                                  "cboe/spy_20250516_Photon1c.csv"])  # fmt: skip
def test_real_tables_read_as_value_by_value(
    shared: Path, careful: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    text = (shared / "data" / name).read_text()
    arguments = {"symbol": "BTC"} if "deribit" in name else {}
    want = careful(text, arguments)
    # Were the table not plain, this would be the careful reading again.
    monkeypatch.setattr(source.Source, "table", None)
    assert outcome(text, arguments) == want


def test_plain_columns_are_those_of_the_csv_module() -> None:
    dice = random.Random(7)
    rows = [[f"n{i}", f"{dice.uniform(-1e6, 1e6)!r}", dice.choice(["", "3", "1.25"])] for i in range(200)]
    text = "\n".join(["title", "name,x,y", *(",".join(row) for row in rows), ""])
    found = plain_columns(text, ",", 2, 3, text_at=[0], numbers_at=[1, 2])
    assert found is not None
    read = list(csv.reader(io.StringIO(text)))[2:]
    assert found[0].tolist() == [row[0] for row in read]
    for place in (1, 2):
        want = np.array([float(row[place] or "nan") for row in read])
        np.testing.assert_allclose(found[place], want, rtol=3e-16)
    assert list(found.index) == list(range(3, 203))


def test_quoted_fields_are_those_of_the_csv_module() -> None:
    dice = random.Random(8)
    texts = ("n,1", "n", "n;", "é,é", "a b", ",")
    rows = [[dice.choice(texts), f"{dice.uniform(-9, 9)!r}", dice.choice(texts)] for _ in range(300)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows[:150])
    csv.writer(text, lineterminator="\n").writerows(rows[150:])
    found = plain_columns(f"a,b,c\n{text.getvalue()}", ",", 1, 3, text_at=[0, 2], numbers_at=[1])
    assert found is not None
    assert found[[0, 2]].to_numpy().tolist() == [[row[0], row[2]] for row in rows]
    np.testing.assert_allclose(found[1], [float(row[1]) for row in rows], rtol=3e-16)


@pytest.mark.parametrize(
    "body",
    [
        "", "a", "a,1,2", "a,1\n\nb,2", "a,1\n  \nb,2", "a,1\r\nb,2\rc,3", " ,1\nb,2", ",\nb,2",
        '"a\nb",1', 'a"b",1',
        '"a"b,1', "a,x", "a,-0", "a,-0\nb,", "a,-00\nb,1.5", "a,True", "a,True\nb,", "a,1,2\nb", "a\nb,1,2",
        '"a,1\nb,2"', 'a,"1,2"', "a,9007199254740993", "a,inf",
        "\ufeffa,1", "a," + "1" * 140_000,
    ],
)  # fmt: skip
def test_odd_tables_are_left_to_careful_reading(body: str) -> None:
    assert plain_columns(f"name,x\n{body}", ",", 1, 2, text_at=[0], numbers_at=[1]) is None


def test_a_table_that_breaks_further_down_says_so_first() -> None:
    broken = DERIBIT_CSV + 'x,"' + "y" * 200_000
    for arguments in ({"vendor": "cboe"}, {"symbol": "BTC"}):
        with pytest.raises(ReaderError, match="the table breaks after line"):
            read_chain(io.BytesIO(broken.encode()), **arguments)
    with pytest.raises(ReaderError, match="the table breaks after line"):
        read_chain(io.BytesIO(("a,b\n" * 30 + '"' + "y" * 200_000).encode()))
