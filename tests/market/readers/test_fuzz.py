"""Damaged files end in a chain or in one of gammaflow's errors, never in another library's."""

from __future__ import annotations

import collections
import contextlib
import gzip
import itertools
import json
import os
import time
import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gammaflow.errors import GammaflowError
from gammaflow.market.readers import chain_from_frame, read_chain
from support.reader_mutations import Input, inputs
from support.reader_samples import SAMPLES

FUZZ = settings(max_examples=36, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXTS = (
    "",
    " ",
    "x",
    "-1",
    "NaN",
    "inf",
    "1e999",
    "0",
    "22,5",
    "1,234",
    "2926-01-01",
    "99/99/9999",
    "٣",
    "\u2028",
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**300, max_value=10**320),
    st.floats(),
    st.sampled_from(TEXTS),
    st.text(max_size=8),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)

#: The long run: GAMMAFLOW_FUZZ_SECONDS=600 pytest tests/market/readers/test_fuzz.py -k mutations -s
SECONDS = float(os.environ.get("GAMMAFLOW_FUZZ_SECONDS", "0"))
SEED = int(os.environ.get("GAMMAFLOW_FUZZ_SEED", "1"))
EXAMPLES = 120


def attempt(path: Path, content: bytes, arguments: dict[str, str]) -> None:
    path.write_bytes(content)
    for extra in ({}, {"asof": "2026-02-05T09:36:47.002806+00:00"}):
        with contextlib.suppress(GammaflowError):
            read_chain(path, **arguments, **extra)


@pytest.mark.parametrize("vendor", SAMPLES)
@given(data=st.data())
@FUZZ
def test_bytes_cut_and_flipped(tmp_path: Path, vendor: str, data: st.DataObject) -> None:
    text, arguments = SAMPLES[vendor]
    content = bytearray(text.encode())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content)))]
    for _ in range(data.draw(st.integers(0, 4)) if content else 0):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    packed = gzip.compress(bytes(content)) if data.draw(st.booleans()) else bytes(content)
    attempt(tmp_path / "file", packed, arguments)


@pytest.mark.parametrize("vendor", ["cboe_csv", "deribit_table"])
@given(data=st.data())
@FUZZ
def test_fields_swapped_and_replaced(tmp_path: Path, vendor: str, data: st.DataObject) -> None:
    text, arguments = SAMPLES[vendor]
    lines = [line.split(",") for line in text.splitlines()]
    for _ in range(data.draw(st.integers(1, 4))):
        fields = lines[data.draw(st.integers(0, len(lines) - 1))]
        one, two = (data.draw(st.integers(0, len(fields) - 1)) for _ in range(2))
        if data.draw(st.booleans()):
            fields[one], fields[two] = fields[two], fields[one]
        else:
            fields[one] = data.draw(st.one_of(st.sampled_from(TEXTS), st.text(max_size=8)))
    damaged = "\n".join(",".join(fields) for fields in lines)
    attempt(tmp_path / "file", damaged.encode("utf-8", "surrogatepass"), arguments)


@pytest.mark.parametrize("vendor", ["cboe_json", "deribit_json", "yahoo_json"])
@given(data=st.data())
@FUZZ
def test_values_replaced(tmp_path: Path, vendor: str, data: st.DataObject) -> None:
    text, arguments = SAMPLES[vendor]
    document: Any = json.loads(text)
    for _ in range(data.draw(st.integers(1, 3))):
        node, parent, key = document, None, None
        while isinstance(node, (dict, list)) and node and (parent is None or data.draw(st.booleans())):
            parent, key = (
                node,
                data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node)))),
            )
            node = parent[key]
        if parent is None:
            break
        if isinstance(parent, dict) and data.draw(st.booleans()):
            del parent[key]
        else:
            parent[key] = data.draw(VALUES)
    attempt(tmp_path / "file", json.dumps(document).encode(), arguments)


def outcome(case: Input, path: Path) -> str:
    """Outcome of one input: a chain or one of gammaflow's errors; anything else is raised."""
    try:
        if case.content is None:
            chain = chain_from_frame(**case.arguments)
        else:
            path.write_bytes(case.content)
            chain = read_chain(path, **case.arguments)
    except GammaflowError as error:
        if not str(error).strip() or str(error).endswith("not accepted:\n"):
            raise AssertionError(f"{error!r} does not say what is wrong") from error
        return type(error).__name__
    assert repr(chain)
    assert chain.quality.to_dict()
    return "chain"


@pytest.mark.slow
@pytest.mark.parametrize("recorded", [False, True])
def test_mutations(tmp_path: Path, request: pytest.FixtureRequest, recorded: bool) -> None:
    shared = request.getfixturevalue("shared") if recorded else None
    counts: collections.Counter[tuple[str, str]] = collections.Counter()
    escaped: dict[str, str] = {}
    end = time.monotonic() + SECONDS
    for i, case in enumerate(inputs(SEED, shared)):
        if time.monotonic() > end if SECONDS else i == EXAMPLES:
            break
        try:
            found = outcome(case, tmp_path / "file")
        except Exception as error:
            found = "ESCAPED"
            what = f"{case.reader}: {type(error).__name__}: {error}"[:200]
            if what not in escaped:
                (tmp_path / f"input{i}").write_bytes(case.content or b"")
                escaped[what] = f"{tmp_path}/input{i} {case.arguments}"
                traceback.print_exc(limit=-15)
        counts[case.reader, found] += 1
    for reader, group in itertools.groupby(sorted(counts), key=lambda key: key[0]):
        print(f"{reader}: " + ", ".join(f"{counts[key]:,} {key[1]}" for key in group))
    print(f"{counts.total():,} inputs")
    assert not escaped, json.dumps(escaped, indent=1)
