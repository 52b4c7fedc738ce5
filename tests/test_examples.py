"""Every example runs as a user would run it, and prints what it promises."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name, *args, cwd):
    env = os.environ | {"PYTHONWARNINGS": "error", "MPLBACKEND": "Agg"}
    return subprocess.run(
        [sys.executable, str(EXAMPLES / name), *args],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_quickstart(tmp_path):
    done = run("01_quickstart.py", str(tmp_path / "page.html"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "gamma at spot" in done.stdout
    assert "70000.0" in done.stdout
    assert "plotly" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_your_own_file(tmp_path):
    done = run("02_your_own_file.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Levels SPY, as of 2026-03-02 20:00 UTC, spot 593.20 USD" in done.stdout
    assert "not recognised; known are: cboe_csv" in done.stdout


@pytest.mark.slow
def test_a_vendor_file(tmp_path, shared):
    path = shared / "data/deribit/deribit_options_snapshot_20260205T093647Z.csv"
    done = run("02_your_own_file.py", str(path), "BTC", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "short gamma by strike  70,000" in done.stdout


@pytest.mark.slow
def test_profile(tmp_path):
    done = run("03_profile.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "  77,508.53 (dealers turn long above)" in done.stdout
    assert "spot_vol_beta(-3) gamma       -169.0       78345.8  71279.2" in done.stdout
    assert "7.0       -173.9 -158.3 -144.2" in done.stdout
    assert "70000.0      -58.3 -63.8" in done.stdout
    causes = re.search(
        r"spot +(\S+).*\ntime +(\S+).*\nvolatility +(\S+).*\ntotal +(\S+)", done.stdout
    ).groups()
    *parts, total = map(float, causes)
    assert total == pytest.approx(sum(parts), abs=0.21)
    assert total == pytest.approx(-276.4, abs=0.2)
    assert (tmp_path / "profile_flow.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.slow
def test_profile_of_a_vendor_file(tmp_path, shared):
    path = shared / "data/deribit/deribit_options_snapshot_20260205T093647Z.csv"
    done = run("03_profile.py", str(path), "BTC", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "sticky_moneyness  gamma        -71.6       80519.6  69270.3" in done.stdout


def test_every_example_is_tested():
    source = Path(__file__).read_text(encoding="utf-8")
    assert [p.name for p in EXAMPLES.glob("*.py") if p.name not in source] == []
