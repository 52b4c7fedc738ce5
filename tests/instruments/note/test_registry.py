from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest

from gammaflow.errors import ReaderError
from gammaflow.instruments.note.registry import PRODUCTS, demo_notes, read_notes
from gammaflow.positions.notes import Autocallable, BarrierNote, ReverseConvertible

TOML = """
[[note]]
type = "reverse_convertible"
name = "RC"
symbol = "IBIT"
notional = 10_000_000
initial = 50.57
issued = 2025-11-25
matures = 2027-11-26
barrier = 0.70
observation = "daily"
coupon = 0.03
coupons = "quarterly"
knocked = 2026-02-05

[[note]]
type = "barrier_note"
name = "PLUS"
symbol = "IBIT"
notional = 104e6
initial = 51.2
issued = "2025-11-20"
matures = 2027-11-22
barrier = 0.75
participation = 1.5
cap = 0.6
absolute_return = 1.0
calls = [2026-11-27, 2027-05-27]
call_premium = [0.2, 0.3]

[[note]]
type = "autocallable"
name = "7"
symbol = "IBIT"
notional = 3e6
initial = 50.0
issued = 2025-11-04
matures = 2027-11-04
barrier = 0.6
calls = "quarterly"
call_level = 1
coupon = 0.025
coupons = "annual"
coupon_level = 0.7
memory = true
missed = 1
called = 2026-05-04
"""

HEADER = (
    "type,name,symbol,notional,initial,issued,matures,barrier,observation,coupon,coupons,coupon_level,knocked,"
    "participation,cap,absolute_return,calls,call_level,call_premium,memory,missed,called"
)
ROWS = """
reverse_convertible,RC,IBIT,10000000,50.57,2025-11-25,2027-11-26,0.70,daily,0.03,quarterly,,2026-02-05,,,,,,,,,

barrier_note,PLUS,IBIT,104e6,51.2,2025-11-20,2027-11-22,0.75,,,,,,1.5,0.6,1,2026-11-27; 2027-05-27,,0.2;0.3,,,
autocallable,7, IBIT ,3e6,50,2025-11-04,2027-11-04,.6,,.025,annual,.7,FALSE,,,,quarterly,1,,True,1,2026-05-04
"""
CSV = HEADER + ROWS


def write(folder, name, text, encoding="utf-8"):
    path = folder / name
    path.write_text(text, encoding=encoding)
    return path


def refusal(folder, name, text):
    with pytest.raises(ReaderError) as error:
        read_notes(write(folder, name, text))
    return str(error.value)


@pytest.mark.parametrize(("name", "text"), [("notes.toml", TOML), ("notes.CSV", CSV)])
def test_both_forms_hold_the_same_notes(tmp_path, name, text):
    found = read_notes(write(tmp_path, name, text, encoding="utf-8-sig"))
    shared = {"symbol": "IBIT"}
    expected = (
        ReverseConvertible(
            **shared, name="RC", notional=1e7, initial=50.57, issued="2025-11-25", matures="2027-11-26",
            barrier=0.7, observation="daily", coupon=0.03, coupons="quarterly", knocked="2026-02-05",
        ),
        BarrierNote(
            **shared, name="PLUS", notional=104e6, initial=51.2, issued="2025-11-20", matures="2027-11-22",
            barrier=0.75, participation=1.5, cap=0.6, absolute_return=1.0,
            calls=["2026-11-27", "2027-05-27"], call_premium=[0.2, 0.3],
        ),
        Autocallable(
            **shared, name="7", notional=3e6, initial=50.0, issued="2025-11-04", matures="2027-11-04",
            barrier=0.6, calls="quarterly", coupon=0.025, coupons="annual", coupon_level=0.7, memory=True,
            missed=1, called="2026-05-04",
        ),
    )  # fmt: skip
    assert found == expected


def test_every_problem_of_every_note_with_line_and_name(tmp_path):
    text = (
        TOML.replace("barrier = 0.75", "barier = 0.75")
        .replace("cap = 0.6", 'cap = "much"\nmemory = true')
        .replace('"autocallable"', '"phoenix"')
        .replace("coupon = 0.03", "coupon = 0.03\ncolour = 1")
        .replace('name = "PLUS"', 'name = "RC"')
    )
    assert refusal(tmp_path, "notes.toml", text).splitlines() == [
        "notes.toml: not accepted:",
        "  - line 2, RC: colour: not a key of a reverse_convertible; legal are type, name, symbol, notional, "
        "initial, issued, matures, strike, barrier, observation, calls, call_level, call_premium, calendar, "
        "knocked, called, source, coupon, coupons.",
        "  - line 17, RC: barier: not a key of a barrier_note; did you mean 'barrier'?",
        "  - line 17, RC: memory: not a key of a barrier_note, but of autocallable; did you mean another "
        "type?",
        "  - line 17, RC: barrier: missing; every barrier_note has one.",
        "  - line 17, RC: cap: received 'much'; cap must be a number > 0.",
        "  - line 17, RC: the name is taken by line 2; each note needs its own.",
        "  - line 33, 7: type: received 'phoenix'; legal are 'reverse_convertible', 'barrier_note', "
        "'autocallable'.",
    ]


def test_problems_of_a_table_are_told_by_row(tmp_path):
    rows = CSV.replace("0.70,daily", "70,dayly").replace("barrier_note", "").replace(",1,2026-05-04", ",x,")
    assert refusal(tmp_path, "notes.csv", rows).splitlines() == [
        "notes.csv: not accepted:",
        "  - line 2, RC: barrier: received 70; it must be a share up to 10: 0.7 for 70 %.",
        "  - line 2, RC: observation: received 'dayly'; legal: 'maturity', 'daily', 'continuous'.",
        "  - line 4, PLUS: type: missing; legal are 'reverse_convertible', 'barrier_note', 'autocallable'.",
        "  - line 5, 7: missed: received 'x'; it must be a whole number >= 0.",
    ]


def test_a_name_is_needed(tmp_path):
    text = refusal(tmp_path, "notes.toml", TOML.replace('name = "RC"\n', ""))
    assert "line 2, no name: name: missing; every reverse_convertible has one." in text


def test_tables_written_inline_are_numbered(tmp_path):
    text = refusal(tmp_path, "notes.toml", 'note = [{type = "x"}]')
    assert "note 1, no name: type: received 'x'" in text


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("notes.json", "[]", "received a file '.json'; a registry is .toml or .csv"),
        ("notes.toml", "", "holds no note; give one table"),
        ("notes.csv", "", "holds no note"),
        ("notes.csv", "type,name\n,\n", "holds no note"),
        ("notes.toml", "[[note]\n", "is not TOML: "),
        ("notes.toml", "[notes]\n", "holds notes; legal are tables"),
        ("notes.toml", "note = 1\n", "holds note; legal are tables"),
        ("notes.csv", 'type,name\n"a" b,c\n', "is not CSV: "),
        ("notes.csv", "type,type\na,b\n", "column 'type' is given twice"),
        ("notes.csv", "type,name\na,b,c\n", "line 2 has 3 cells, the header 2"),
        ("notes.csv", "type,name\na\n", "line 2 has 1 cells, the header 2. Correct the file"),
    ],
)
def test_files_that_are_no_registry(tmp_path, name, text, expected):
    assert expected in refusal(tmp_path, name, text)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ReaderError, match=r"none\.toml: file not found"):
        read_notes(tmp_path / "none.toml")
    with pytest.raises(ReaderError, match=r"notes.csv: is not UTF-8 text"):
        read_notes(write(tmp_path, "notes.csv", "type,name\na,\xe9\n", encoding="latin-1"))


def test_the_demo_notes_have_the_shape_of_the_public_ones():
    notes = demo_notes()
    assert notes == demo_notes()
    assert sum(note.notional for note in notes) == 530e6
    assert all(note.name.startswith("DEMO-") and note.symbol == "IBIT" for note in notes)
    by_barrier = Counter()
    for note in notes:
        by_barrier[round(note.barrier_price, 1)] += note.notional / 1e6
    assert by_barrier[43.6] == 125.0
    assert sum(size for level, size in by_barrier.items() if 38.0 <= level <= 39.0) == 250.0
    assert by_barrier[35.4] == 110.0
    dual = [n for n in notes if isinstance(n, BarrierNote) and n.absolute_return]
    assert [(n.notional, n.barrier) for n in dual] == [(104e6, 0.75)]
    assert {type(note) for note in notes} == set(PRODUCTS.values())
    dates = sorted(note.maturity for note in notes)
    assert (f"{dates[0]:%Y-%m}", f"{dates[-1]:%Y-%m}") == ("2026-10", "2028-11")
    assert Counter(note.observation for note in notes) == {"maturity": 7, "daily": 2, "continuous": 1}
    asof = pd.Timestamp("2026-02-05T09:36Z")
    assert [note.name[:7] for note in notes if note.is_knocked(asof)] == ["DEMO-03"]
    assert all(note.over(asof) is None for note in notes)
