"""Names of options, read part by part: those that the vendors' forms allow, and no others."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest

from gammaflow.market.readers.deribit import parse_instruments
from gammaflow.market.readers.osi import parse_symbols

NAMES = (
    "SPY230922C00437500", "SPY   230922C00437500", " O:SPXW230922P04500000 ", "BRK.B240621C00400000",
    "A151219P00001000",
    "A160220P00001000", "ABCDEFGH240621C00000001", "ABCDEFGHI240621C00000001",
    "ABCDEFGHIJKL240621C00000001", "x", "",
    "240621C00400000", "spy230922C00437500", "SPY230922X00437500", "SPY230231C00437500",
    "SPY230922C0043750", "SPY230922C0043750\n0", "SPY\n230922C00437500", "S\nPY", "ä",
    "SPY230922C004375٣0", "1240621C00400000", None, 5.0, b"SPY230922C00437500",
)  # fmt: skip


@pytest.mark.parametrize("names", [NAMES, NAMES[:1], NAMES[9:11], ()])
def test_symbols_are_those_of_the_expression(names: tuple[Any, ...]) -> None:
    found = parse_symbols(pd.Series(names, dtype=object, index=range(5, 5 + len(names))))
    assert list(found.index) == list(range(5, 5 + len(names)))
    for name, (root, day, kind, strike) in zip(names, found.to_numpy(dtype=object).tolist(), strict=True):
        text = name.decode() if isinstance(name, bytes) else str(name)
        match = re.fullmatch(r"\s*(?:O:)?([A-Z0-9.]+?)\s*([0-9]{6})([CP])([0-9]{8})\s*", text)
        when = pd.to_datetime("20" + match[2], format="%Y%m%d", errors="coerce") if match else pd.NaT
        if match is None or when is pd.NaT:
            assert pd.isna([root, day, kind, strike]).all(), name
            continue
        if when.day_name() == "Saturday" and when.year < 2016:
            when -= pd.Timedelta(1, "D")
        want = (match[1], when, {"C": "call", "P": "put"}[match[3]], int(match[4]) / 1000)
        assert (root, day, kind, strike) == want


def test_instruments_are_those_of_the_expression() -> None:
    form = r"([A-Z0-9_]+)-([0-9]{1,2}[A-Z]{3}[0-9]{2})-([0-9]{1,12}(?:[d.][0-9]{1,12})?)-([CP])"
    names = [
        "BTC-27MAR26-70000-P", " XRP_USDC-6FEB26-0d625-C ", "BTC-31FEB26-1-C", "BTC-27MAR26",
        "BTC-27MAR26-7-X", "-", 3,
        "BTC-27mar26-7-C", "btc-27MAR26-7-C", "BTC-27MAR26-1.5.2-C", "BTC-27MAR26-7-C-C", "BTC-1ABC26-7-C",
        None,
    ]  # fmt: skip
    found = parse_instruments(pd.Series(names, dtype=object))
    for name, (base, day, kind, strike) in zip(names, found.to_numpy(dtype=object).tolist(), strict=True):
        match = re.fullmatch(form, str(name).strip())
        when = pd.to_datetime(match[2], format="%d%b%y", errors="coerce") if match else pd.NaT
        if match is None or when is pd.NaT:
            assert pd.isna([base, day, kind, strike]).all(), name
        else:
            want = (match[1], when, {"C": "call", "P": "put"}[match[4]], float(match[3].replace("d", ".")))
            assert (base, day, kind, strike) == want
