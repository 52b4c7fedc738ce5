"""Damage for the readers: of bytes, of tables, of JSON values, of frames; all drawn from one generator."""

from __future__ import annotations

import copy
import datetime as dt
import functools
import gzip
import io
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from gammaflow.market.demo import demo_chain
from gammaflow.market.readers import FORMATS
from gammaflow.schema import CHAIN
from support.odd_values import CELLS, VALUES, WORDS
from support.reader_samples import CBOE_CSV_FUND, CBOE_JSON_TRIMMED, DERIBIT_CSV, SAMPLES

ASOF = "2026-02-05T09:36:47.002806+00:00"


@dataclass(frozen=True)
class Input:
    """One call: of `read_chain` with a file's bytes, or (no bytes) of `chain_from_frame` with arguments."""

    reader: str
    content: bytes | None
    arguments: dict[str, Any]


def corpus(shared: Path | None) -> dict[str, list[bytes]]:
    """Whole files and excerpts of every kind, by reader."""
    found = {name: [text.encode()] for name, (text, _) in SAMPLES.items()}
    found["cboe_csv"].append(CBOE_CSV_FUND.encode())
    found["cboe_json"].append(CBOE_JSON_TRIMMED.encode())
    frame = pd.read_csv(io.StringIO(DERIBIT_CSV))
    dated = frame.assign(timestamp=pd.to_datetime(frame["timestamp"]))
    found["deribit_parquet"] = [f.to_parquet() for f in (frame, dated)]
    if shared is None:
        return found
    data = shared / "data"
    for path in sorted((data / "cboe").glob("*.csv")):
        found["cboe_csv"].append(_lines(path, 15))
    many_moments = data / "deribit_greeks" / "full_data_sample.csv"
    for path in [many_moments, *sorted((data / "deribit").glob("*.csv"))[::6]]:
        found["deribit_table"].append(_lines(path, 20))
    found["deribit_table"].append(
        (data / "deribit" / "deribit_options_snapshot_20260205T093647Z.csv").read_bytes()
    )
    for path in sorted((data / "yahoo_cboe_json").glob("*.json")):
        document = json.loads(path.read_text())
        document["quotes"] = document["quotes"][::300]
        found["yahoo_json"].append(json.dumps(document).encode())
    for path in sorted((data / "raw_formats").iterdir()):
        content = path.read_bytes()
        found["deribit_json" if "deribit" in path.name.lower() else "cboe_json"].append(content[:60_000])
    return found


def _lines(path: Path, count: int) -> bytes:
    lines = path.read_bytes().splitlines(keepends=True)
    return b"".join(lines[:8] + lines[8 :: max(1, len(lines) // count)])


def inputs(seed: int, shared: Path | None) -> Iterator[Input]:
    """Damaged inputs without end, one reader after the other."""
    dice = random.Random(seed)
    kinds = corpus(shared)
    everything = [content for contents in kinds.values() for content in contents]
    while True:
        for reader, contents in kinds.items():
            content = contents[0] if dice.random() < 0.4 else dice.choice(contents)
            yield Input(reader, _damaged(dice, reader, content, everything), _arguments(dice, reader))
        yield Input("chain_from_frame", None, _frame_call(dice))


def _arguments(dice: random.Random, reader: str) -> dict[str, Any]:
    arguments: dict[str, Any] = (
        {"symbol": "BTC"} if reader.startswith("deribit_") and dice.random() < 0.8 else {}
    )
    if dice.random() < 0.4:
        arguments["asof"] = ASOF
    if dice.random() < 0.05:
        arguments["spot"] = dice.choice([*CELLS, 36.5, 71_000.0])
    if dice.random() < 0.03:
        arguments[dice.choice(["symbol", "asof", "vendor"])] = dice.choice(
            [*CELLS, *(f.name for f in FORMATS)]
        )
    return arguments


def _damaged(dice: random.Random, reader: str, content: bytes, everything: list[bytes]) -> bytes:
    structured: dict[str, Callable[[random.Random, bytes], bytes]] = {
        "cboe_csv": _table, "deribit_table": _table, "deribit_parquet": _parquet
    }  # fmt: skip
    if dice.random() < 0.7:
        content = structured.get(reader, damaged_document)(dice, content)
    if dice.random() < 0.4:
        content = damaged_bytes(dice, content, everything)
    if dice.random() < 0.03:
        content = (
            damaged_bytes(dice, gzip.compress(content), everything)
            if dice.random() < 0.5
            else gzip.compress(content)
        )
    return content


def damaged_bytes(dice: random.Random, content: bytes, everything: list[bytes]) -> bytes:
    out = bytearray(content)
    for _ in range(dice.randint(1, 4)):
        at, end = sorted((dice.randint(0, len(out)), dice.randint(0, len(out))))
        end = min(end, at + dice.choice([1, 8, 200]))
        other = dice.choice(everything)
        start = dice.randint(0, len(other))
        match dice.randint(0, 6):
            case 0 if out:
                out[min(at, len(out) - 1)] = dice.randint(0, 255)
            case 1:
                del out[at:end]
            case 2:
                out[at:at] = out[at:end]
            case 3:
                out[at:end] = other[start : start + dice.choice([1, 8, 200])]
            case 4:
                out[at:end] = dice.choice(WORDS).encode("utf-8", "surrogatepass")
            case 5 if dice.random() < 0.2:
                del out[at:]
            case 6 if dice.random() < 0.05:
                text = out.decode("utf-8", "replace")
                out = bytearray(
                    text.encode(dice.choice(["utf-16", "utf-8-sig", "latin-1", "cp1252"]), "replace")
                )
    return bytes(out)


def _table(dice: random.Random, content: bytes) -> bytes:
    text = content.decode("utf-8", "replace")
    rows = [line.split(",") for line in text.splitlines()]
    for _ in range(dice.randint(1, 4)):
        if not rows:
            break
        row = dice.choice(rows[:6]) if dice.random() < 0.3 else dice.choice(rows)
        one, two = dice.randrange(len(row)), dice.randrange(len(row))
        match dice.randint(0, 6):
            case 0:
                row[one], row[two] = row[two], row[one]
            case 1 | 2 | 3:
                row[one] = dice.choice(WORDS)
            case 4:
                rows.insert(dice.randrange(len(rows)), list(row))
            case 5 if dice.random() < 0.2:
                rows = [[*line, *line[one : one + 1]] for line in rows]
            case 5 if dice.random() < 0.05:
                rows = [line + [""] * 1_100 for line in rows]
            case 5 if dice.random() < 0.3:
                rows = [line[:one] + line[one + 1 :] or [""] for line in rows]
            case 6:
                rows.remove(row)
    joint, end = dice.choice([","] * 20 + [";", "\t"]), dice.choice(["\n"] * 10 + ["\r\n", "\r"])
    return end.join(joint.join(row) for row in rows).encode("utf-8", "surrogatepass")


def damaged_document(dice: random.Random, content: bytes) -> bytes:
    try:
        document = [json.loads(content)]
    except ValueError:
        return content
    for _ in range(dice.randint(1, 3)):
        node: Any = document
        while True:
            keys: list[Any] = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = dice.choice(keys)
            if isinstance(node[key], (dict, list)) and dice.random() < 0.85:
                node = node[key]
                continue
            match dice.randint(0, 5):
                case 0 if node is not document:
                    del node[key]
                case 1 if isinstance(node, dict):
                    node[dice.choice(WORDS)] = node.pop(key)
                case 2 if isinstance(node, list):
                    node.append(copy.deepcopy(node[key]))
                case 3:
                    node[key] = str(node[key])
                case _:
                    node[key] = copy.deepcopy(dice.choice(VALUES))
            break
    # json writes what Python reads of it: NaN, Infinity and lone surrogates (escaped) included.
    return (json.dumps(document[0]) if document else "").encode()


def _cells(dice: random.Random, frame: pd.DataFrame) -> pd.DataFrame:
    """A frame with cells, columns and types changed."""
    for _ in range(dice.randint(0, 2)):
        if not frame.shape[1] or not len(frame):
            break
        name = dice.choice(list(frame.columns))
        match dice.randint(0, 7):
            case 7 if dice.random() < 0.5:
                frame = _shaped(dice, frame, name)
            case 0:
                frame = frame.drop(columns=name)
            case 1:
                frame = frame.rename(columns={name: dice.choice([*frame.columns, *CHAIN, "x"])})
            case 2:
                frame = pd.concat([frame, frame.iloc[[dice.randrange(len(frame))]]])
            case 3:
                frame = frame.assign(
                    **{str(name): pd.Series([dice.choice(CELLS)] * len(frame), frame.index, dtype=object)}
                )
            case 4 if (frame.columns == name).sum() == 1:
                try:
                    kind: Any = dice.choice(
                        ["category", "string", "bool", "Int64", "float32", "complex", "datetime64[us, UTC]"]
                    )
                    frame = frame.assign(**{str(name): frame[name].astype(kind)})
                except (TypeError, ValueError, OverflowError, UserWarning, RuntimeWarning):
                    pass
            case _ if (frame.columns == name).sum() == 1:
                values = frame[name].astype(object).tolist()
                values[dice.randrange(len(values))] = dice.choice(CELLS)
                frame = frame.assign(**{str(name): pd.Series(values, frame.index, dtype=object)})
    return frame


def _shaped(dice: random.Random, frame: pd.DataFrame, name: Any) -> pd.DataFrame:
    """A frame with another index, a column twice, or no rows."""
    match dice.randint(0, 2):
        case 0 if (frame.columns == name).sum() == 1:
            return frame.set_index(name, append=dice.random() < 0.3)
        case 1:
            return pd.concat([frame, frame[[name]].iloc[:, :1]], axis=1)
        case 2:
            return frame.iloc[:0]
    return frame


def _not_unicode(frame: pd.DataFrame) -> bytes:
    """A parquet file whose first column of text holds bytes that are no UTF-8."""
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.Table.from_pandas(frame, preserve_index=False)
    for place, column in enumerate(table.columns):
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            raw = pa.array([b"\xff\xfe\xc3"] * len(frame), pa.binary())
            text = pa.StringArray.from_buffers(len(frame), raw.buffers()[1], raw.buffers()[2])
            table = table.set_column(place, table.column_names[place], text)
            break
    out = io.BytesIO()
    parquet.write_table(table, out)
    return out.getvalue()


def _parquet(dice: random.Random, content: bytes) -> bytes:
    frame = _cells(dice, pd.read_parquet(io.BytesIO(content)))
    try:
        return _not_unicode(frame) if dice.random() < 0.05 else frame.to_parquet()
    except Exception:  # what parquet cannot hold is no input of a reader
        return content


@functools.cache
def _demo_frame() -> pd.DataFrame:
    return demo_chain().to_frame()


def _frame_call(dice: random.Random) -> dict[str, Any]:
    frame = _demo_frame().iloc[dice.sample(range(500), 4)]
    arguments: dict[str, Any] = {
        "frame": _cells(dice, frame), "symbol": "BTC", "spot": 71000.0, "asof": ASOF, "multiplier": None
    }  # fmt: skip
    if dice.random() < 0.3:
        arguments["frame"]["expiry"] = dice.choice(
            ["2026-03-27", "2026-03-27T08:00:00Z", dt.date(2026, 3, 27)]
        )
        arguments["settlement"] = dice.choice(["AM", "PM", "08:00 UTC", "25:00 UTC", "08:00 Mars/Base"])
        arguments["frame"] = arguments["frame"].drop(columns=["settlement"], errors="ignore")
    if dice.random() < 0.02:
        arguments["frame"] = pd.concat({"quotes": arguments["frame"]}, axis=1)
    if dice.random() < 0.2:
        arguments[dice.choice(list(arguments))] = dice.choice(CELLS)
    if dice.random() < 0.1:
        arguments["columns"] = {dice.choice([*CHAIN, "x"]): dice.choice([*CHAIN, "x"])}
    return arguments
