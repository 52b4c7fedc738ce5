"""Damaged files, registries and command lines, with little memory: only errors of gammaflow, or an answer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import gammaflow as gf
from gammaflow.errors import ReaderError
from gammaflow.instruments.note import registry
from support.command_mutations import run
from support.reader_samples import DERIBIT_CSV

ROOT = Path(__file__).resolve().parents[1]


def test_nothing_else_escapes() -> None:
    seed = os.environ.get("GAMMAFLOW_FUZZ_SEED", "3")
    paths = os.pathsep.join(str(path) for path in (ROOT, ROOT / "tests"))
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/support/fuzz.py"), "all", seed, "1000"],
        env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "128 inputs, 0 escaped" in done.stdout


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("matures = " + "[" * 3_000, "is nested too deeply"),
        ("matures = " + "{a = " * 1_500, "is nested too deeply"),
        ("matures = 0000-01-01", "is not TOML"),
        ("matures = 2026-02-30", "is not TOML"),
        ("matures = " + "9" * 5_000, "is not TOML: .*4300 digits"),
        ("matures = '-001-01-01'", "matures: .* must be a calendar day"),
        ("matures = 9999-12-31", "matures: .* must be a calendar day"),
        ("matures = 1677-09-20", "matures: .* must be a calendar day"),
        ("coupons = ['0000-01-01', '-9-1-1']", "coupons: .* must be a calendar day"),
        ("notional = 1e999", "notional: received inf"),
    ],
)
def test_registries_of_notes(tmp_path: Path, line: str, message: str) -> None:
    key = line.partition(" ")[0]
    text = registry.read_notes.__doc__ or ""
    rows = [row.replace("...", "").strip() for row in text.split("'''")[1].splitlines()]
    path = tmp_path / "notes.toml"
    path.write_text("\n".join(line if row.startswith(f"{key} =") else row for row in rows))
    with pytest.raises(ReaderError, match=message) as caught:
        gf.read_notes(path)
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--symbol BTC --spot nan", "spot: received nan"),
        ("--symbol BTC --spot -1", "--spot: received -1.0; --spot must be > 0"),
        ("--symbol BTC --rate 1e308", "--rate: received 1e+308; --rate must be >= -5 and <= 5"),
        ("--symbol BTC --vol-shift 1e308", "vol-shift: received 1e+308"),
        ("--symbol BTC --asof 1677-09-22T00:00Z", "asof: received '1677-09-22T00:00Z'; legal: a timestamp"),
        ("--symbol x" + "y" * 1_000, "symbol: received 'xyyy"),
    ],
)
def test_options_that_broke_further_on(tmp_path: Path, options: str, message: str) -> None:
    path = tmp_path / "chain.csv"
    path.write_text(DERIBIT_CSV)
    code, out, err = run(["levels", str(path), *options.split()])
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_ends_of_a_profile_are_prices(tmp_path: Path) -> None:
    path = tmp_path / "chain.csv"
    path.write_text(DERIBIT_CSV)
    for option in ("--low", "--high"):
        code, _, err = run(["profile", str(path), "--symbol", "BTC", option, "inf"])
        assert code == 2
        assert f"{option}: received inf; {option} must be >= 0 and <= 1e+30" in err


def test_spot_on_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "chain.csv"
    path.write_text("\n".join(line.rpartition(",")[0] for line in DERIBIT_CSV.splitlines()))
    code, _, err = run(["exposure", str(path), "--symbol", "BTC"])
    assert code == 2
    assert "Pass --spot." in err
    code, out, _ = run(["exposure", str(path), "--symbol", "BTC", "--spot", "71472", "--json"])
    assert code == 0
    assert '"spot": 71472.0' in out
