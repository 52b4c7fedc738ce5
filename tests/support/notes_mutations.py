"""Damage for registries of notes, TOML and CSV, drawn from one generator."""

from __future__ import annotations

import random
from collections.abc import Iterator
from importlib.resources import files

from support.reader_mutations import WORDS

VALUES = (
    "[" * 3_000,
    "{a = " * 1_500,
    "[" * 300 + "]" * 300,
    "0000-01-01",
    "9999-12-31",
    "1677-09-20",
    "2262-04-12",
    "2026-02-30",
    "2026-02-05T25:00:00Z",
    "10:00:00",
    "nan",
    "inf",
    "-inf",
    "1e308",
    "-1",
    "0",
    "9" * 5_000,
    "true",
    "[]",
    "[1, 2]",
    "['2026-01-01', 2027-01-01]",
    "{}",
    "{a = 1}",
    "'''",
    "0x7fffffffffffffff",
    "'daily'",
    "'quarterly'",
    "'XNYS'",
    *(f"'{word}'" for word in WORDS if len(word) < 600),
)
CSV = (
    "type,name,symbol,notional,initial,issued,matures,barrier,observation,coupon,coupons\n"
    "reverse_convertible,RC,IBIT,10e6,50.57,2025-11-25,2027-11-26,0.70,daily,0.03,quarterly\n"
)


def registries(seed: int) -> Iterator[tuple[str, bytes]]:
    """Endings and damaged contents of registries, without end."""
    dice = random.Random(seed)
    toml = files("gammaflow.instruments.note").joinpath("demo_notes.toml").read_text(encoding="utf-8")
    blocks = toml.split("[[note]]")
    while True:
        if dice.random() < 0.15:
            yield ".csv", _cells(dice).encode("utf-8", "surrogatepass")
            continue
        text = "[[note]]".join(["", *dice.sample(blocks[1:], dice.randint(1, 2))])
        yield ".toml", _lines(dice, text).encode("utf-8", "surrogatepass")


def _lines(dice: random.Random, text: str) -> str:
    lines = text.splitlines()
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(lines))
        key = lines[at].partition("=")[0]
        match dice.randint(0, 7):
            case 0:
                lines.insert(at, lines[dice.randrange(len(lines))])
            case 1:
                lines[at] = lines[at][: dice.randint(0, len(lines[at]))]
            case 2:
                lines[at] = dice.choice(VALUES)
            case 3 if len(lines) > 1:
                del lines[at]
            case _:
                lines[at] = f"{key}= {dice.choice(VALUES)}"
    return "\n".join(lines)


def _cells(dice: random.Random) -> str:
    rows = [line.split(",") for line in CSV.splitlines()]
    for _ in range(dice.randint(1, 3)):
        row = dice.choice(rows)
        row[dice.randrange(len(row))] = dice.choice([*VALUES, *WORDS])
    return "\n".join(",".join(row) for row in rows)
